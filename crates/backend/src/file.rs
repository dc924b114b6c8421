//! The local backend: sparse ext4 images in a reflink pool of this host.
//!
//! | part | what it does |
//! | --- | --- |
//! | `pool` | opens, makes and closes the pool |
//! | `template` | keeps the filesystems that volumes are cloned from |
//! | `volume` | makes, moves and removes a volume's folder |
//! | `attach` | loop device and mount |
//! | `look` | finds out what is there |

use std::sync::{PoisonError, RwLock};

use miosa_domain::VolumeId;

use crate::pool::{Pool, PoolConfig};
use crate::{BackendError, Capacity, Changed, PoolSurvey, Staged, VolumeBackend, VolumeObservation};

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
    fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        self.with_pool(|pool| pool.create(id, size_bytes))
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
