//! The fake pool with doors: a call can be held up where it is, so that a test does something meanwhile, and a held call of an
//! agent that is killed does nothing any more.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use miosa_backend::fake::Call;
use miosa_backend::*;
use miosa_domain::status::{Checksum, SnapshotFacts};
use miosa_domain::{PoolId, SnapshotId, VolumeId};

use crate::world::PATIENCE;

pub(crate) struct Gate {
    inner: Arc<FakeBackend>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Agents that were killed so far.
    killed: u32,
    closed: Vec<Call>,
    /// Calls that are held up.
    held: Vec<Call>,
}

impl Gate {
    pub(crate) fn new(inner: Arc<FakeBackend>) -> Self {
        Self { inner, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on such calls are held up.
    pub(crate) fn close(&self, call: Call) {
        self.state().closed.push(call);
    }

    pub(crate) fn open(&self, call: Call) {
        self.state().closed.retain(|closed| *closed != call);
        self.changed.notify_all();
    }

    /// The agent is killed: what it waits for never happens. The next one finds all doors open.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.killed += 1;
        state.closed.clear();
        self.changed.notify_all();
    }

    /// Waits until such a call is held up.
    pub(crate) async fn held(&self, call: Call) {
        let waits = async {
            while !self.state().held.contains(&call) {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waits)
            .await
            .unwrap_or_else(|_| panic!("waited for {call:?} to be called"));
    }

    fn pass(&self, call: Call) -> Result<(), BackendError> {
        let mut state = self.state();
        let killed = state.killed;
        if !state.closed.contains(&call) {
            return Ok(());
        }
        state.held.push(call);
        while state.closed.contains(&call) && state.killed == killed {
            state = self.changed.wait(state).unwrap();
        }
        let held = state.held.iter().position(|held| *held == call);
        state.held.remove(held.expect("it was put there"));
        if state.killed == killed { Ok(()) } else { Err(BackendError::Closed) }
    }
}

impl VolumeBackend for Gate {
    fn pool_id(&self) -> PoolId {
        self.inner.pool_id()
    }

    fn create_from(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError> {
        self.pass(Call::Create)?;
        self.inner.create_from(id, size_bytes, new, source_is_free)
    }

    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        self.inner.filesystem_used_bytes(id)
    }

    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        self.inner.observe(id)
    }

    fn list(&self) -> Result<PoolListing, BackendError> {
        self.inner.list()
    }

    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError> {
        self.inner.stage(id)
    }

    fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.inner.unstage(id)
    }

    fn trash(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.inner.trash(id)
    }

    fn restore(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.inner.restore(id)
    }

    fn purge(&self, id: VolumeId) -> Result<Changed, BackendError> {
        self.inner.purge(id)
    }

    fn capacity(&self) -> Result<Capacity, BackendError> {
        self.inner.capacity()
    }

    fn shutdown(&self) -> Result<(), BackendError> {
        self.inner.shutdown()
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

    fn growth(&self) -> Option<&dyn Growth> {
        self.inner.growth()
    }
}

impl Snapshots for Gate {
    fn replace(
        &self,
        id: VolumeId,
        number: u64,
        size: u64,
        from: SnapshotId,
    ) -> Result<Changed, BackendError> {
        self.pass(Call::Replace)?;
        self.inner.replace(id, number, size, from)
    }

    fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError> {
        self.pass(Call::CloneSnapshot)?;
        self.inner.clone_snapshot(request)
    }

    fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError> {
        self.pass(Call::SealSnapshot)?;
        self.inner.seal_snapshot(id)
    }

    fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError> {
        self.inner.observe_snapshot(id)
    }

    fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError> {
        self.pass(Call::RemoveSnapshot)?;
        self.inner.remove_snapshot(id)
    }

    fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError> {
        self.inner.fragmentation(id)
    }

    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError> {
        self.inner.space(volume, snapshots)
    }

    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError> {
        self.inner.checksum(id, &mut |done, total| match self.pass(Call::Checksum) {
            Ok(()) => go_on(done, total),
            Err(_) => ControlFlow::Break(()),
        })
    }

    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
        self.pass(Call::OpenFiles)?;
        self.inner.open_files(id)
    }
}

impl Compaction for Gate {
    /// Held up before each step, where `go_on` is asked first.
    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError> {
        self.inner.compact(id, &mut |now| match self.pass(Call::Compact) {
            Ok(()) => go_on(now),
            Err(_) => ControlFlow::Break(()),
        })
    }
}

impl ChangedRanges for Gate {
    fn between(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError> {
        self.inner.between(from, to)
    }
}
