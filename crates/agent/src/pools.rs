//! The pools of this host, by ID: which storage engine holds a volume or a snapshot, and what all of them contain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use miosa_backend::{BackendError, Capacity, ForeignEntry, PoolListing, VolumeBackend};
use miosa_domain::{InstanceId, PoolId, SnapshotId, VolumeId};
use parking_lot::Mutex;

use crate::Host;
use crate::ledger::Ledger;

/// The pools of a host. A spec that names none means the default pool.
pub struct Pools {
    default: PoolId,
    by_id: BTreeMap<PoolId, Arc<dyn VolumeBackend>>,
    contents: Mutex<Contents>,
}

/// The objects that the host holds, whether or not the ledger names them, as of the last listing of the pools.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(crate) volumes: BTreeSet<VolumeId>,
    pub(crate) snapshots: BTreeSet<SnapshotId>,
    /// Not of a pool, and empty until the caller fills it.
    pub(crate) instances: Vec<InstanceId>,
    /// Entries that are not ours, and why.
    pub(crate) foreign: Vec<String>,
}

impl Pools {
    pub fn new(
        default: Arc<dyn VolumeBackend>,
        others: impl IntoIterator<Item = Arc<dyn VolumeBackend>>,
    ) -> Self {
        let default_id = default.pool_id();
        let by_id = [default].into_iter().chain(others).map(|pool| (pool.pool_id(), pool)).collect();
        Self { default: default_id, by_id, contents: Mutex::default() }
    }

    pub(crate) fn get(&self, id: Option<PoolId>) -> Result<Arc<dyn VolumeBackend>, BackendError> {
        let id = id.unwrap_or(self.default);
        self.by_id.get(&id).cloned().ok_or(BackendError::NoSuchPool { id })
    }

    /// The room of all pools together. Blocks.
    pub(crate) fn capacity(&self) -> Result<Capacity, BackendError> {
        let mut all = Capacity { capacity_bytes: 0, used_bytes: 0 };
        for pool in self.by_id.values() {
            let Capacity { capacity_bytes, used_bytes } = pool.capacity()?;
            all.capacity_bytes += capacity_bytes;
            all.used_bytes += used_bytes;
        }
        Ok(all)
    }

    /// Observes everything in all pools, each object in the pool that the ledger names. Blocks, at a cost that grows with the
    /// number of volumes.
    pub(crate) fn list(&self, ledger: &Ledger) -> Result<PoolListing, BackendError> {
        let mut all = PoolListing::default();
        for (pool, backend) in &self.by_id {
            let mut listing = backend.list()?;
            let mut is_elsewhere = |named: Option<Option<PoolId>>, what: String| {
                let is_elsewhere = named.is_some_and(|named| named.unwrap_or(self.default) != *pool);
                if is_elsewhere {
                    let why = format!("the ledger says that it lies in another pool than {pool}");
                    all.foreign.push(ForeignEntry { path: what.into(), why });
                }
                is_elsewhere
            };
            listing.volumes.retain(|id, _| {
                !is_elsewhere(ledger.spec(*id).map(|spec| spec.pool_id), format!("volume {id}"))
            });
            listing.snapshots.retain(|id, _| {
                !is_elsewhere(ledger.spec(*id).map(|spec| spec.pool_id), format!("snapshot {id}"))
            });
            all.volumes.append(&mut listing.volumes);
            all.snapshots.append(&mut listing.snapshots);
            all.unknown.append(&mut listing.unknown);
            all.unknown_snapshots.append(&mut listing.unknown_snapshots);
            all.foreign.append(&mut listing.foreign);
        }
        *self.contents.lock() = Contents {
            volumes: all.volumes.keys().copied().collect(),
            snapshots: all.snapshots.keys().copied().collect(),
            instances: Vec::new(),
            foreign: all
                .foreign
                .iter()
                .map(|found| format!("{}: {}", found.path.display(), found.why))
                .collect(),
        };
        Ok(all)
    }

    pub(crate) fn contents(&self) -> Contents {
        self.contents.lock().clone()
    }

    /// Corrects the last listing after an object was purged.
    pub(crate) fn change_contents(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents.lock());
    }

    /// Releases the pools that hold no staged volume. Blocks.
    pub(crate) fn shutdown(&self) -> Result<(), BackendError> {
        self.by_id.values().try_for_each(|pool| pool.shutdown())
    }
}

impl Host {
    /// The engine that holds the volume, by its record in the ledger.
    pub(crate) fn backend_of(&self, volume: VolumeId) -> Result<Arc<dyn VolumeBackend>, BackendError> {
        self.pools.get(self.ledger.spec(volume).and_then(|spec| spec.pool_id))
    }

    /// The engine that holds the snapshot, by its record in the ledger.
    pub(crate) fn backend_of_snapshot(&self, id: SnapshotId) -> Result<Arc<dyn VolumeBackend>, BackendError> {
        self.pools.get(self.ledger.spec(id).and_then(|spec| spec.pool_id))
    }
}
