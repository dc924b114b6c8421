//! How a pool stores volumes: a core trait, capabilities that an engine may have, the engines, and the suite that all pass.
//!
//! ```text
//!   agent ──► VolumeBackend ──► LocalBackend   sparse ext4 images in a reflink pool, attached by loop devices
//!               │          └──► FakeBackend    the same behaviour in memory, with failures on request
//!               └─ snapshots(), compaction(), …: capabilities, `None` where the engine lacks one
//! ```
//!
//! A volume is **absent**, **present** or **in the trash**; a present one may be **staged**: attached to the host, and mounted
//! unless the engine hands out raw devices. Every call observes the volume and makes it what was asked for. So it may be repeated,
//! and after a crash the next call finishes the work. The disk and the kernel are the truth; nothing is remembered.
//!
//! An object that cannot be observed is *unknown*, which is an error, and never *absent*: absence leads to removal.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::{PoolId, SnapshotId, VolumeId};

mod capability;
pub mod conformance;
mod error;
pub mod fake;
mod local;
mod snapshot_files;

pub use capability::{
    Capability, ChangedRange, ChangedRanges, CloneSnapshot, Cloned, Compaction, CompactionProgress,
    Fragmentation, Growth, RawDevices, SnapshotRecord, SnapshotState, Snapshots, Space,
};
pub use error::BackendError;
pub use fake::FakeBackend;
pub use local::{COMMON_SIZES_BYTES, LocalBackend, PoolConfig};
pub use miosa_domain::staged::Staged;
pub use snapshot_files::{ChangedFile, FileChange, FileInfo, FileKind, SnapshotFiles};

/// Keeps volumes in a pool: what every engine can do. All calls block. Calls that change one volume come one at a time, calls for
/// different volumes at once.
pub trait VolumeBackend: Send + Sync + 'static {
    /// The pool's own id, which it keeps for life.
    fn pool_id(&self) -> PoolId;

    /// Ensures that the volume exists with that size; `new` says what it is made from if it does not. It is whole and durable
    /// when this returns, and absent if it never does. A volume in the trash is not brought back: [`BackendError::InTrash`].
    /// Content other than [`Content::Empty`] needs the capability [`Snapshots`].
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

    /// Ensures that the volume exists with that size, empty if it is new.
    fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        self.create_from(id, size_bytes, &NewImage::EMPTY, &mut || {})
    }

    /// Observes one volume, at a cost that does not depend on how many others there are. An error says that it is unknown.
    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError>;

    /// Observes everything in the pool: for start-up and for slow checks.
    fn list(&self) -> Result<PoolListing, BackendError>;

    /// Ensures that the volume is attached to this host. One that is attached already is adopted as it is. A volume whose data is
    /// missing is never attached as if it were new: [`BackendError::Missing`].
    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError>;

    /// Ensures that the volume is not attached to this host: everything written, unmounted (never lazily), device detached.
    fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Moves the unstaged volume to the trash.
    fn trash(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Moves the volume back from the trash.
    fn restore(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// Removes the unstaged volume for good, from the trash or from where it is.
    fn purge(&self, id: VolumeId) -> Result<Changed, BackendError>;

    /// The pool's size and the bytes really used.
    fn capacity(&self) -> Result<Capacity, BackendError>;

    /// Bytes that the filesystem of a staged volume counts as used; `None` if it is not mounted on this host.
    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError>;

    /// Releases the pool if no volume is staged; otherwise leaves everything as it is, for the next start to adopt.
    fn shutdown(&self) -> Result<(), BackendError>;

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn compaction(&self) -> Option<&dyn Compaction> {
        None
    }

    fn changed_ranges(&self) -> Option<&dyn ChangedRanges> {
        None
    }

    fn growth(&self) -> Option<&dyn Growth> {
        None
    }

    fn raw_devices(&self) -> Option<&dyn RawDevices> {
        None
    }
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
    /// Set when the volume is attached, and mounted if that is how its engine stages it.
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
        /// The same in two observations only if nothing was written to the image between them.
        written_at: Timestamp,
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

/// Everything in a pool.
#[derive(Debug, Default)]
pub struct PoolListing {
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
