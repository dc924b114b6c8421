//! How a pool stores volumes: one trait, the local implementation, a fake, and the suite that both pass.
//!
//! ```text
//!   agent ──► VolumeBackend ──► LocalBackend   sparse ext4 images in a reflink pool, attached by loop devices
//!                          └──► FakeBackend    the same answers from memory, with failures on request
//! ```
//!
//! A volume is **absent**, **present** or **in the trash**; a present one may be **staged**: attached to a loop device and
//! mounted on the host. Every call finds out what is there and makes it what was asked for, so it may be repeated, and cut
//! off anywhere: the next call finishes the work. What is on disk and in the kernel is the truth; nothing is remembered.
//!
//! What cannot be observed is *unknown*, which is an error, and never *absent*: from absence follows removal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use miosa_domain::VolumeId;
use miosa_domain::size::human;
use miosa_domain::status::{FailureCode, Holder};
use miosa_effects::SysError;
use miosa_effects::ext4::Ext4Error;
use miosa_effects::process::ProcessError;
use miosa_failpoint::Injected;

mod attach;
pub mod conformance;
pub mod fake;
mod file;
mod identity;
mod look;
mod pool;
mod template;
mod volume;

pub use fake::FakeBackend;
pub use file::LocalBackend;
pub use pool::PoolConfig;
pub use template::COMMON_SIZES_BYTES;

/// Carves volumes from a pool. All calls block. Calls for one volume come one at a time, for different volumes at once.
pub trait VolumeBackend: Send + Sync + 'static {
    /// Ensures that the volume is there with that size, empty if it is new. It is whole and durable when this answers,
    /// and absent if it never does. A volume in the trash is not brought back: [`BackendError::InTrash`].
    fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError>;

    /// What is there now. An error says that it is unknown.
    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError>;

    /// Everything that is there, at the cost of one reading of the mount table.
    fn survey(&self) -> Result<PoolSurvey, BackendError>;

    /// Ensures that the volume is mounted on the host. What is already mounted is adopted, not mounted again. A volume
    /// whose data is missing is never mounted as if it were new: [`BackendError::Missing`].
    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError>;

    /// Ensures that the volume is not attached to this host: everything written, unmounted (never lazily), device gone.
    fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Moves the unstaged volume to the trash.
    fn trash(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Moves the volume back from the trash.
    fn restore(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Removes the unstaged volume for good, from the trash or from where it is.
    fn purge(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// How large the pool is and how much of it is really used.
    fn capacity(&self) -> Result<Capacity, BackendError>;

    /// Unmounts the pool if nothing is staged; else leaves everything as it is, for the next start to adopt.
    fn shutdown(&self) -> Result<(), BackendError>;
}

/// Whether a call had something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Changed,
    Unchanged,
}

/// One volume as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeObservation {
    pub image: ImageState,
    /// Set when the volume is attached and mounted where it belongs.
    pub staged: Option<Staged>,
}

/// A volume's data as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    Absent,
    Present {
        size_bytes: u64,
        /// What the image occupies, blocks that it shares with other images included.
        allocated_bytes: u64,
    },
    InTrash {
        size_bytes: u64,
        allocated_bytes: u64,
    },
    /// The volume's record is there and its image is not.
    Missing,
    /// Something that is not this volume stands where its data should be.
    Foreign {
        what: String,
    },
}

/// A volume that is mounted on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    pub mount_point: PathBuf,
    /// For example `/dev/loop7`.
    pub device: PathBuf,
    /// `st_dev` of every file in the volume, in the kernel's `dev_t` encoding.
    pub device_number: u64,
}

/// Everything that a pool holds.
#[derive(Debug, Default)]
pub struct PoolSurvey {
    /// Every volume found, those in the trash and those displaced by foreign data included.
    pub volumes: BTreeMap<VolumeId, VolumeObservation>,
    /// Volumes whose state could not be found out, each with the reason: neither present nor absent.
    pub unknown: BTreeMap<VolumeId, BackendError>,
    /// What lies in the pool and is not ours. It is never touched.
    pub foreign: Vec<ForeignEntry>,
}

/// Something in the pool that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignEntry {
    pub path: PathBuf,
    pub why: String,
}

/// The pool's room, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub capacity_bytes: u64,
    /// Really used, whatever the volumes' sizes promise.
    pub used_bytes: u64,
}

impl Capacity {
    /// A full pool destroys the filesystems in it, not only writes, so a tenth stays free for the volumes that exist.
    pub const CREATE_LIMIT_PERCENT: u64 = 90;

    /// Whether a new volume that takes `new_bytes` at once would push the pool to its limit.
    pub fn refuses(&self, new_bytes: u64) -> bool {
        let after = u128::from(self.used_bytes) + u128::from(new_bytes);
        after * 100 >= u128::from(self.capacity_bytes) * u128::from(Self::CREATE_LIMIT_PERCENT)
    }
}

/// Why a call was refused or failed. After an error the volume is as before the call, or as the call would have left it.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    #[error(
        "the pool is too full for a new volume: {} of {} are used, and new volumes are refused at {}%",
        human(*used_bytes), human(*capacity_bytes), Capacity::CREATE_LIMIT_PERCENT
    )]
    InsufficientCapacity { capacity_bytes: u64, used_bytes: u64 },

    #[error("the data of volume {id} is not in the pool")]
    Missing { id: VolumeId },

    #[error("volume {id} is in the trash")]
    InTrash { id: VolumeId },

    #[error("volume {id} has {} and not {}", human(*size_bytes), human(*wanted_bytes))]
    SizeDiffers { id: VolumeId, size_bytes: u64, wanted_bytes: u64 },

    #[error(
        "{size_bytes} bytes is no size for a volume: it must be a multiple of 1 MiB, and at least 64 MiB"
    )]
    InvalidSize { size_bytes: u64 },

    #[error("{} is not ours and is left alone: {what}", path.display())]
    Foreign { path: PathBuf, what: String },

    #[error("volume {id} is in use{}", named(holders))]
    Busy { id: VolumeId, holders: Vec<Holder> },

    #[error("{} is locked by another process", path.display())]
    Locked { path: PathBuf },

    #[error("{} cannot be a pool: {why}", path.display())]
    Unusable { path: PathBuf, why: String },

    #[error("the pool is closed")]
    Closed,

    #[error(transparent)]
    Io(#[from] SysError),

    #[error(transparent)]
    Program(#[from] ProcessError),

    #[error(transparent)]
    Ext4(#[from] Ext4Error),

    #[error(transparent)]
    Injected(#[from] Injected),
}

impl BackendError {
    /// The stable code under which this is reported.
    pub fn failure_code(&self) -> FailureCode {
        match self {
            Self::InsufficientCapacity { .. } => FailureCode::InsufficientCapacity,
            Self::Missing { .. } | Self::InTrash { .. } => FailureCode::DataMissing,
            Self::Foreign { .. } | Self::SizeDiffers { .. } => FailureCode::ForeignData,
            Self::Busy { .. } => FailureCode::VolumeAttached,
            Self::InvalidSize { .. }
            | Self::Locked { .. }
            | Self::Unusable { .. }
            | Self::Closed
            | Self::Io(_)
            | Self::Program(_)
            | Self::Ext4(_)
            | Self::Injected(_) => FailureCode::HostError,
        }
    }
}

fn named(holders: &[Holder]) -> String {
    let names: Vec<_> = holders.iter().map(|h| format!("{} ({})", h.pid, h.command)).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}
