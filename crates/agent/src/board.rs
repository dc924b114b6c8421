//! The latest status of each object, and which of them the controller has not been told.
//!
//! Nothing here is durable: after a restart every status is found out again by looking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use miosa_api::agent_v1::Report;
use miosa_domain::status::{Health, InstanceState, InstanceStatus, SnapshotStatus, VolumeStatus};
use miosa_domain::{InstanceId, SnapshotId, VolumeId};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    volumes: BTreeMap<VolumeId, VolumeStatus>,
    instances: BTreeMap<InstanceId, InstanceStatus>,
    snapshots: BTreeMap<SnapshotId, SnapshotStatus>,
    healths: BTreeMap<InstanceId, KnownHealth>,
    untold_volumes: BTreeSet<VolumeId>,
    untold_instances: BTreeSet<InstanceId>,
    untold_snapshots: BTreeSet<SnapshotId>,
}

/// What the present watch over an instance has found out.
struct KnownHealth {
    watch: u64,
    /// The first process that it is about.
    pid: u32,
    health: Health,
}

impl Board {
    /// What a look at the volume found; what else is known of it stays.
    pub(crate) fn set_volume(&self, status: VolumeStatus) {
        let mut state = self.lock();
        let known = state.volumes.get(&status.id);
        let space = known.and_then(|known| known.space);
        let compaction = known.and_then(|known| known.compaction.clone()).or(status.compaction);
        let status = VolumeStatus { space, compaction, ..status };
        if known != Some(&status) {
            state.untold_volumes.insert(status.id);
            state.volumes.insert(status.id, status);
            self.changed.notify_one();
        }
    }

    /// What a look at the instance found; how it is is known here.
    pub(crate) fn set_instance(&self, status: InstanceStatus) {
        let mut state = self.lock();
        self.tell_instance(&mut state, status);
    }

    fn tell_instance(&self, state: &mut State, mut status: InstanceStatus) {
        status.health = match (&status.state, state.healths.get(&status.id)) {
            (InstanceState::Running { pid }, Some(known)) if known.pid == *pid => known.health.clone(),
            _ => Health::Unknown,
        };
        if state.instances.get(&status.id) != Some(&status) {
            state.untold_instances.insert(status.id);
            state.instances.insert(status.id, status);
            self.changed.notify_one();
        }
    }

    /// From now on `watch` tells how the instance with this first process is; nothing is known yet.
    pub(crate) fn begin_health(&self, id: InstanceId, watch: u64, pid: u32) {
        let mut state = self.lock();
        state.healths.insert(id, KnownHealth { watch, pid, health: Health::Unknown });
        self.tell_health(&mut state, id);
    }

    /// Nothing happens if another watch has begun since.
    pub(crate) fn set_health(&self, id: InstanceId, watch: u64, health: Health) {
        let mut state = self.lock();
        if let Some(known) = state.healths.get_mut(&id).filter(|known| known.watch == watch) {
            known.health = health;
            self.tell_health(&mut state, id);
        }
    }

    pub(crate) fn end_health(&self, id: InstanceId) {
        let mut state = self.lock();
        if state.healths.remove(&id).is_some() {
            self.tell_health(&mut state, id);
        }
    }

    fn tell_health(&self, state: &mut State, id: InstanceId) {
        if let Some(status) = state.instances.get(&id).cloned() {
            self.tell_instance(state, status);
        }
    }

    /// `status`: from what is known so far to what is known now.
    pub(crate) fn set_snapshot(
        &self,
        id: SnapshotId,
        status: impl FnOnce(Option<SnapshotStatus>) -> SnapshotStatus,
    ) {
        let mut state = self.lock();
        let before = state.snapshots.get(&id).cloned();
        let now = status(before.clone());
        if before.as_ref() != Some(&now) {
            state.untold_snapshots.insert(id);
            state.snapshots.insert(id, now);
            self.changed.notify_one();
        }
    }

    /// Changes what is known of a volume. Nothing happens before its first status.
    pub(crate) fn change_volume(&self, id: VolumeId, change: impl FnOnce(&mut VolumeStatus)) {
        let mut state = self.lock();
        let Some(status) = state.volumes.get_mut(&id) else { return };
        let before = status.clone();
        change(status);
        if *status != before {
            state.untold_volumes.insert(id);
            self.changed.notify_one();
        }
    }

    /// The same for a snapshot.
    pub(crate) fn change_snapshot(&self, id: SnapshotId, change: impl FnOnce(&mut SnapshotStatus)) {
        let mut state = self.lock();
        let Some(status) = state.snapshots.get_mut(&id) else { return };
        let before = status.clone();
        change(status);
        if *status != before {
            state.untold_snapshots.insert(id);
            self.changed.notify_one();
        }
    }

    pub(crate) fn volume(&self, id: VolumeId) -> Option<VolumeStatus> {
        self.lock().volumes.get(&id).cloned()
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<InstanceStatus> {
        self.lock().instances.get(&id).cloned()
    }

    pub(crate) fn snapshot(&self, id: SnapshotId) -> Option<SnapshotStatus> {
        self.lock().snapshots.get(&id).cloned()
    }

    /// What `look` answers for each snapshot's status. Nothing is copied, and the board waits meanwhile.
    pub(crate) fn map_snapshots<T>(&self, look: impl FnMut(&SnapshotStatus) -> Option<T>) -> Vec<T> {
        self.lock().snapshots.values().filter_map(look).collect()
    }

    pub(crate) fn forget_snapshot(&self, id: SnapshotId) {
        self.lock().snapshots.remove(&id);
    }

    pub(crate) fn forget_volume(&self, id: VolumeId) {
        self.lock().volumes.remove(&id);
    }

    pub(crate) fn forget_instance(&self, id: InstanceId) {
        let mut state = self.lock();
        state.instances.remove(&id);
        state.healths.remove(&id);
    }

    /// A new controller knows nothing: tell it everything.
    pub(crate) fn tell_all_again(&self) {
        let mut state = self.lock();
        state.untold_volumes = state.volumes.keys().copied().collect();
        state.untold_instances = state.instances.keys().copied().collect();
        state.untold_snapshots = state.snapshots.keys().copied().collect();
        self.changed.notify_one();
    }

    /// Waits until there is something to tell, and takes it.
    pub(crate) async fn next_report(&self) -> Report {
        loop {
            if let Some(report) = self.take() {
                return report;
            }
            self.changed.notified().await;
        }
    }

    /// What has not been told yet, if there is anything.
    pub(crate) fn take(&self) -> Option<Report> {
        let mut state = self.lock();
        let volumes = std::mem::take(&mut state.untold_volumes);
        let instances = std::mem::take(&mut state.untold_instances);
        let snapshots = std::mem::take(&mut state.untold_snapshots);
        let report = Report {
            volumes: volumes.iter().filter_map(|id| state.volumes.get(id).cloned()).collect(),
            instances: instances.iter().filter_map(|id| state.instances.get(id).cloned()).collect(),
            snapshots: snapshots.iter().filter_map(|id| state.snapshots.get(id).cloned()).collect(),
            pool: None,
        };
        let is_empty =
            report.volumes.is_empty() && report.instances.is_empty() && report.snapshots.is_empty();
        (!is_empty).then_some(report)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
