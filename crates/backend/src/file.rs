//! The local backend: sparse ext4 images in a reflink pool of this host.
//!
//! | part | what it does |
//! | --- | --- |
//! | `pool` | opens, makes and closes the pool |
//! | `template` | keeps the filesystems that volumes are cloned from |
//! | `volume` | makes, replaces, moves and removes a volume's folder |
//! | `snapshot` | clones, seals and removes a snapshot's folder |
//! | `clone` | the one call that all copies begin with, and what makes a volume of one |
//! | `browse` | the files in a snapshot |
//! | `replay` | finishes the journal in a clone |
//! | `extents`, `compact`, `checksum` | where images lie, how to tidy them, what is in them |
//! | `remove` | gives an image's blocks back in small steps |
//! | `turns` | keeps clones and removals apart |
//! | `attach` | loop device and mount |
//! | `look` | finds out what is there |

use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock};

use miosa_domain::status::{Checksum, SnapshotFacts};
use miosa_domain::{SnapshotId, VolumeId};

use crate::pool::{Pool, PoolConfig};
use crate::{
    BackendError, Capacity, Changed, ChangedRange, CloneSnapshot, Cloned, CompactionProgress, Fragmentation,
    NewImage, PoolSurvey, SnapshotFiles, SnapshotState, Space, Staged, VolumeBackend, VolumeObservation,
};

/// The [`VolumeBackend`] for volumes that live on this host.
#[derive(Debug)]
pub struct LocalBackend {
    /// `None` once it is shut down. Calls share the lock; only shutting down waits for them.
    pool: RwLock<Option<Pool>>,
}

impl LocalBackend {
    /// Opens the pool, or makes it, and adopts what an earlier process left attached and mounted.
    pub fn open(config: &PoolConfig) -> Result<Self, BackendError> {
        Ok(Self { pool: RwLock::new(Some(Pool::open(config)?)) })
    }

    /// Makes the templates of these sizes, so that the first volumes of a size come as fast as all others.
    pub fn prepare_templates(&self, sizes_bytes: &[u64]) -> Result<(), BackendError> {
        for size_bytes in sizes_bytes {
            self.with_pool(|pool| pool.templates.of_size(*size_bytes).map(drop))?;
        }
        Ok(())
    }

    fn with_pool<T>(&self, call: impl FnOnce(&Pool) -> Result<T, BackendError>) -> Result<T, BackendError> {
        // The pool remembers nothing that a panic could leave half-done.
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        call(pool.as_ref().ok_or(BackendError::Closed)?)
    }
}

impl VolumeBackend for LocalBackend {
    fn create_from(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.create(id, size_bytes, new, source_is_free))
    }

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

    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError> {
        self.with_pool(|pool| pool.compact(id, go_on))
    }

    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError> {
        self.with_pool(|pool| pool.space(volume, snapshots))
    }

    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        self.with_pool(|pool| pool.filesystem_used_bytes(id))
    }

    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError> {
        self.with_pool(|pool| pool.checksum(id, go_on))
    }

    fn changed_ranges(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError> {
        self.with_pool(|pool| pool.changed_ranges(from, to))
    }

    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
        self.with_pool(|pool| pool.open_files(id))
    }

    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        self.with_pool(|pool| pool.observe(id))
    }

    fn survey(&self) -> Result<PoolSurvey, BackendError> {
        self.with_pool(Pool::survey)
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

    fn shutdown(&self) -> Result<(), BackendError> {
        match self.pool.write().unwrap_or_else(PoisonError::into_inner).take() {
            Some(pool) => pool.close(),
            None => Ok(()),
        }
    }
}
