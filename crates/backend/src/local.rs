//! The local backend: sparse ext4 images in a reflink pool of this host.
//!
//! | part | what it does |
//! | --- | --- |
//! | `pool` | opens, makes and closes the pool |
//! | `template` | keeps the filesystems that volumes are cloned from |
//! | `volume` | makes, replaces, moves and removes a volume's folder |
//! | `snapshot` | clones, seals and removes a snapshot's folder |
//! | `clone` | clones images, and makes volumes of clones |
//! | `files` | reads the files in a snapshot |
//! | `replay` | replays the journal in a clone |
//! | `extents`, `compact`, `checksum` | maps, defragments and hashes images |
//! | `remove` | frees an image's blocks in small steps |
//! | `turns` | keeps clones and removals apart |
//! | `attach` | loop device and mount |
//! | `observe` | observes volumes and snapshots |

use std::ops::ControlFlow;

use miosa_domain::status::{Checksum, SnapshotFacts};
use miosa_domain::{PoolId, SnapshotId, VolumeId};
use parking_lot::RwLock;

use self::pool::Pool;
use crate::{
    BackendError, Capacity, Changed, ChangedRange, ChangedRanges, CloneSnapshot, Cloned, Compaction,
    CompactionProgress, Fragmentation, NewImage, PoolListing, SnapshotFiles, SnapshotState, Snapshots, Space,
    Staged, VolumeBackend, VolumeObservation,
};

mod attach;
mod checksum;
mod clone;
mod compact;
mod extents;
mod files;
mod identity;
mod observe;
mod pool;
mod remove;
mod replay;
mod snapshot;
mod template;
mod turns;
mod volume;

pub use self::pool::PoolConfig;
pub use self::template::COMMON_SIZES_BYTES;

/// The [`VolumeBackend`] for volumes that live on this host. It can do everything but growth and raw devices.
#[derive(Debug)]
pub struct LocalBackend {
    pool_id: PoolId,
    /// `None` once it is shut down. Calls share the lock; only a shutdown waits for them.
    pool: RwLock<Option<Pool>>,
}

impl LocalBackend {
    /// Opens the pool, or makes it, and adopts what an earlier process left attached and mounted.
    pub fn open(config: &PoolConfig) -> Result<Self, BackendError> {
        let pool = Pool::open(config)?;
        Ok(Self { pool_id: pool.id, pool: RwLock::new(Some(pool)) })
    }

    /// Makes the templates of these sizes ahead of time. Without its template, the first volume of a size takes some
    /// milliseconds longer.
    pub fn prepare_templates(&self, sizes_bytes: &[u64]) -> Result<(), BackendError> {
        for size_bytes in sizes_bytes {
            self.with_pool(|pool| pool.templates.of_size(*size_bytes).map(drop))?;
        }
        Ok(())
    }

    fn with_pool<T>(&self, call: impl FnOnce(&Pool) -> Result<T, BackendError>) -> Result<T, BackendError> {
        call(self.pool.read().as_ref().ok_or(BackendError::Closed)?)
    }
}

impl VolumeBackend for LocalBackend {
    fn pool_id(&self) -> PoolId {
        self.pool_id
    }

    fn create_from(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.create(id, size_bytes, new, source_is_free))
    }

    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        self.with_pool(|pool| pool.observe(id))
    }

    fn list(&self) -> Result<PoolListing, BackendError> {
        self.with_pool(Pool::list)
    }

    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError> {
        self.with_pool(|pool| pool.stage(id))
    }

    fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.unstage(id))
    }

    fn trash(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.trash(id))
    }

    fn restore(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.restore(id))
    }

    fn purge(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.purge(id))
    }

    fn capacity(&self) -> Result<Capacity, BackendError> {
        self.with_pool(Pool::capacity)
    }

    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        self.with_pool(|pool| pool.filesystem_used_bytes(id))
    }

    fn shutdown(&self) -> Result<(), BackendError> {
        self.pool.write().take().map_or(Ok(()), Pool::close)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn compaction(&self) -> Option<&dyn Compaction> {
        Some(self)
    }

    fn changed_ranges(&self) -> Option<&dyn ChangedRanges> {
        Some(self)
    }
}

impl Snapshots for LocalBackend {
    fn replace(
        &self,
        id: VolumeId,
        incarnation: u64,
        size_bytes: u64,
        snapshot: SnapshotId,
    ) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.replace(id, incarnation, size_bytes, snapshot))
    }

    fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError> {
        self.with_pool(|pool| pool.clone_snapshot(request))
    }

    fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError> {
        self.with_pool(|pool| pool.seal_snapshot(id))
    }

    fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError> {
        self.with_pool(|pool| pool.observe_snapshot(id))
    }

    fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.remove_snapshot(id))
    }

    fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError> {
        self.with_pool(|pool| pool.fragmentation(id))
    }

    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError> {
        self.with_pool(|pool| pool.space(volume, snapshots))
    }

    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError> {
        self.with_pool(|pool| pool.checksum(id, go_on))
    }

    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
        self.with_pool(|pool| pool.open_files(id))
    }
}

impl Compaction for LocalBackend {
    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError> {
        self.with_pool(|pool| pool.compact(id, go_on))
    }
}

impl ChangedRanges for LocalBackend {
    fn between(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError> {
        self.with_pool(|pool| pool.changed_ranges(from, to))
    }
}
