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

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::size::human;
use miosa_domain::status::{Checksum, FailureCode, Holder, SnapshotFacts};
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::SysError;
use miosa_effects::ext4::Ext4Error;
use miosa_effects::process::ProcessError;
use miosa_failpoint::Injected;

mod attach;
mod browse;
mod checksum;
mod clone;
mod compact;
pub mod conformance;
mod extents;
pub mod fake;
mod file;
mod identity;
mod look;
mod pool;
mod remove;
mod replay;
mod snapshot;
mod snapshot_files;
mod template;
mod turns;
mod volume;

pub use fake::FakeBackend;
pub use file::LocalBackend;
pub use pool::PoolConfig;
pub use snapshot_files::{ChangedFile, FileChange, FileInfo, FileKind, SnapshotFiles};
pub use template::COMMON_SIZES_BYTES;

/// Carves volumes from a pool. All calls block. Calls for one volume come one at a time, for different volumes at once.
pub trait VolumeBackend: Send + Sync + 'static {
    /// Ensures that the volume exists with that size; `new` says what it is made from if it does not. It is whole and durable
    /// when this returns, and absent if it never does. A volume in the trash is not brought back: [`BackendError::InTrash`].
    ///
    /// `source_is_free` is called as soon as nothing more is read of the volume in [`Content::Volume`], long before the new one is
    /// durable.
    fn create_from(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError>;

    /// Ensures that the volume is there with that size, empty if it is new.
    fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        self.create_from(id, size_bytes, &NewImage::EMPTY, &mut || {})
    }

    /// Ensures that the unstaged volume is at this incarnation or a later one: if it is at an earlier one, all its data is
    /// replaced at once by that of `snapshot`, grown to `size_bytes`. Until then the old data is there as it was.
    fn replace(
        &self,
        id: VolumeId,
        incarnation: u64,
        size_bytes: u64,
        snapshot: SnapshotId,
    ) -> Result<Changed, BackendError>;

    /// First half of taking a snapshot: writes the volume back (staged or not), then clones its image at one instant.
    /// Writers wait for the clone alone. If the write-back is not done within `write_back_limit`, nothing was taken
    /// ([`BackendError::WriteBackTimeout`]) and nobody is held up. What is cloned and never sealed is no snapshot, and is
    /// cleared by the next call for this id and at the next start. Not beside a removal.
    fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError>;

    /// Second half: replays the journal in the clone, makes it immutable and durable. From then on it is a snapshot.
    fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError>;

    /// What is there now. An error says that it is unknown.
    fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError>;

    /// Ensures that the snapshot is not there. One at a time, and never beside a clone: a removal in progress gives way to
    /// one that comes, between small steps.
    fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError>;

    /// The pieces of the volume's image, and the wait that a clone of it would cause now.
    fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError>;

    /// Makes the volume's image lie in few pieces, under running writers; what it reads and writes is the same before,
    /// meanwhile and after. `go_on` is asked every few milliseconds and may sleep (that is the throttle) or stop it. Ends by
    /// itself with [`BackendError::InsufficientCapacity`] when the pool has no room for the copies. Where the pool's
    /// filesystem cannot do it safely: [`BackendError::CannotCompact`].
    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError>;

    /// What the volume and its snapshots take, by physical extents. Without a volume, only the snapshots are looked at.
    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError>;

    /// Bytes that the filesystem of a staged volume counts as used; `None` when it is not staged.
    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError>;

    /// The checksum of the snapshot's data, read now. `go_on` gets the bytes done and the bytes in all, and may sleep or stop
    /// it (`Ok(None)`). The first checksum of a snapshot is stored beside it.
    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError>;

    /// The ranges in which the two snapshots of one volume may differ, by physical extents: no data is read. Everything
    /// outside of them is the same byte for byte. Sorted; two that touch differ in `is_hole`.
    fn changed_ranges(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError>;

    /// The files in a snapshot, over a read-only mount that no other process can see and that ends with the answer.
    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError>;

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
        incarnation: u64,
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

/// What a new image is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    pub incarnation: u64,
    pub content: Content,
}

impl NewImage {
    /// The first incarnation, without a file in it.
    pub const EMPTY: NewImage = NewImage { incarnation: 0, content: Content::Empty };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Empty,
    Snapshot(SnapshotId),
    /// Another volume as it is at the instant of the clone; written back first, within the limit.
    Volume {
        id: VolumeId,
        write_back_limit: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneSnapshot {
    pub id: SnapshotId,
    pub volume: VolumeId,
    pub write_back_limit: Duration,
    /// Only recorded.
    pub compacted: bool,
}

/// A clone that was made and is not yet a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloned {
    pub taken_at: Timestamp,
    pub stall: Duration,
}

/// A snapshot as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    Absent,
    Ready(SnapshotRecord),
    /// Its record is there and its image is not.
    Missing,
    /// Something that is not this snapshot stands where it should be.
    Foreign {
        what: String,
    },
}

/// What the pool itself remembers of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    pub volume: VolumeId,
    pub facts: SnapshotFacts,
    pub checksum: Option<Checksum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragmentation {
    pub extents: u64,
    /// By the extents, and by what the last clones of this pool took.
    pub predicted_stall: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactionProgress {
    pub extents_before: u64,
    /// As of the last time they were counted.
    pub extents_now: u64,
    pub done_bytes: u64,
    /// Bytes of the image that hold data.
    pub total_bytes: u64,
    /// Chunks that were written to meanwhile, and left as they are for the next round.
    pub chunks_changed_meanwhile: u64,
}

/// Bytes of the pool, by who alone needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    /// What no other file of the pool shares with this snapshot.
    pub exclusive_bytes: BTreeMap<SnapshotId, u64>,
    /// What the snapshots hold, each block once, without what the volume itself still has.
    pub held_by_snapshots_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedRange {
    pub offset_bytes: u64,
    pub len_bytes: u64,
    /// In the newer snapshot there is nothing there: it reads as zeroes.
    pub is_hole: bool,
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
    pub snapshots: BTreeMap<SnapshotId, SnapshotState>,
    /// Volumes whose state could not be found out, each with the reason: neither present nor absent.
    pub unknown: BTreeMap<VolumeId, BackendError>,
    /// The same of snapshots.
    pub unknown_snapshots: BTreeMap<SnapshotId, BackendError>,
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

    /// Whether the pool is at its limit already, so that nothing new may be made in it.
    pub fn is_full(&self) -> bool {
        self.refuses(0)
    }

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
        "the pool is too full: {} of {} are used, and nothing new is made in it from {}% on; delete a volume or a snapshot",
        human(*used_bytes), human(*capacity_bytes), Capacity::CREATE_LIMIT_PERCENT
    )]
    InsufficientCapacity { capacity_bytes: u64, used_bytes: u64 },

    #[error("the data of volume {id} is not in the pool")]
    Missing { id: VolumeId },

    #[error("volume {id} is in the trash")]
    InTrash { id: VolumeId },

    #[error("the data of snapshot {id} is not in the pool")]
    SnapshotMissing { id: SnapshotId },

    #[error("volume {id} was not written back within {} s: its disk is too slow or stuck. Nothing was taken; try again", limit.as_secs())]
    WriteBackTimeout { id: VolumeId, limit: Duration },

    #[error("there is no {path} in snapshot {id}")]
    NoSuchFile { id: SnapshotId, path: String },

    #[error("{path} in snapshot {id} is not a {wanted}")]
    OtherKind { id: SnapshotId, path: String, wanted: &'static str },

    #[error("volume {id} has {} and not {}", human(*size_bytes), human(*wanted_bytes))]
    SizeDiffers { id: VolumeId, size_bytes: u64, wanted_bytes: u64 },

    #[error(
        "{size_bytes} bytes is no size for a volume: it must be a multiple of 1 MiB, and at least 64 MiB"
    )]
    InvalidSize { size_bytes: u64 },

    #[error(
        "{} is too small: what the volume is made from has {}; ask for that or more",
        human(*size_bytes), human(*held_bytes)
    )]
    TooSmall { size_bytes: u64, held_bytes: u64 },

    #[error(
        "volume {id} cannot be compacted: its pool is on Btrfs, where that makes a running workload's flush fail. Take \
         snapshots with now, or keep the pool on XFS"
    )]
    CannotCompact { id: VolumeId },

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
            Self::Missing { .. } | Self::InTrash { .. } | Self::SnapshotMissing { .. } => {
                FailureCode::DataMissing
            }
            Self::WriteBackTimeout { .. } => FailureCode::WriteBackTimeout,
            Self::NoSuchFile { .. } => FailureCode::NoSuchFile,
            Self::OtherKind { .. } => FailureCode::OtherKind,
            Self::Foreign { .. } | Self::SizeDiffers { .. } => FailureCode::ForeignData,
            Self::Busy { .. } => FailureCode::VolumeAttached,
            Self::InvalidSize { .. }
            | Self::TooSmall { .. }
            | Self::CannotCompact { .. }
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
