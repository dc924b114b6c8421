//! The latest status of each object, and which of them the controller has not been told.
//!
//! Nothing here is durable: after a restart every status is found out again by looking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use miosa_api::agent_v1::Report;
use miosa_domain::status::{InstanceStatus, VolumeStatus};
use miosa_domain::{InstanceId, VolumeId};
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
    untold_volumes: BTreeSet<VolumeId>,
    untold_instances: BTreeSet<InstanceId>,
}

impl Board {
    pub(crate) fn set_volume(&self, status: VolumeStatus) {
        let mut state = self.lock();
        if state.volumes.get(&status.id) != Some(&status) {
            state.untold_volumes.insert(status.id);
            state.volumes.insert(status.id, status);
            self.changed.notify_one();
        }
    }

    pub(crate) fn set_instance(&self, status: InstanceStatus) {
        let mut state = self.lock();
        if state.instances.get(&status.id) != Some(&status) {
            state.untold_instances.insert(status.id);
            state.instances.insert(status.id, status);
            self.changed.notify_one();
        }
    }

    pub(crate) fn volume(&self, id: VolumeId) -> Option<VolumeStatus> {
        self.lock().volumes.get(&id).cloned()
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<InstanceStatus> {
        self.lock().instances.get(&id).cloned()
    }

    pub(crate) fn forget_volume(&self, id: VolumeId) {
        self.lock().volumes.remove(&id);
    }

    pub(crate) fn forget_instance(&self, id: InstanceId) {
        self.lock().instances.remove(&id);
    }

    /// A new controller knows nothing: tell it everything.
    pub(crate) fn tell_all_again(&self) {
        let mut state = self.lock();
        state.untold_volumes = state.volumes.keys().copied().collect();
        state.untold_instances = state.instances.keys().copied().collect();
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
        let report = Report {
            volumes: volumes.iter().filter_map(|id| state.volumes.get(id).cloned()).collect(),
            instances: instances.iter().filter_map(|id| state.instances.get(id).cloned()).collect(),
            pool: None,
        };
        (!report.volumes.is_empty() || !report.instances.is_empty()).then_some(report)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
