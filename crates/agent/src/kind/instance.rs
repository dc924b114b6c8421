//! Instances: [`instance_actor`] reconciles them, [`health`](crate::health) probes the running ones.
//!
//! An instance's status has two sources: the actor's observation, and the health watch over its first process. The board merges
//! them here, so that neither overwrites the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use miosa_backend::PoolListing;
use miosa_domain::InstanceId;
use miosa_domain::kind::{Instance, Volume};
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec};
use miosa_domain::status::{Health, InstanceState, InstanceStatus};
use miosa_failpoint::{Injected, failpoint};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::{Held, Managed, WritePoint};
use crate::board::Board;
use crate::claims::{Access, Claim};
use crate::ledger::Batch;
use crate::pools::Contents;
use crate::volume_queue::{self, Afterwards};
use crate::{Host, instance_actor};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    pub(crate) spec: InstanceSpec,
}

impl Managed for Instance {
    type Record = InstanceRecord;
    const FOLDER: &'static str = "instances";
    const FORMAT: &'static str = "miosa-instance";
    type Guard = Option<OwnedMutexGuard<()>>;

    fn spec(record: &InstanceRecord) -> &InstanceSpec {
        &record.spec
    }

    fn accept(spec: InstanceSpec, _: Held<InstanceRecord>) -> InstanceRecord {
        InstanceRecord { spec }
    }

    fn failpoint(at: WritePoint) -> Result<(), Injected> {
        match at {
            WritePoint::BeforeWrite => failpoint!("agent.ledger.instance.before-write"),
            WritePoint::AfterWrite => failpoint!("agent.ledger.instance.after-write"),
            WritePoint::BeforeForget => failpoint!("agent.ledger.instance.before-forget"),
        }
    }

    /// Claims free volumes in the same write: an attach then waits for the disk once instead of twice. The instance's plan
    /// finds the claim and mounts the volume; if the spec did not survive a crash, it comes again and finds the claim.
    fn join<'a>(host: &'a Host, spec: &'a InstanceSpec, batch: &mut Batch<'a>) {
        let is_new = host
            .ledger
            .spec(spec.id)
            .is_none_or(|held| held != *spec && spec.generation.may_replace(held.generation));
        if !is_new || spec.desired != DesiredRun::Running {
            return;
        }
        let wanted = |a: &&AttachmentSpec| a.desired == DesiredAttachment::Attached;
        for attachment in spec.attachments.iter().filter(wanted) {
            if !volume_queue::may_be_claimed_early(host, attachment.volume_id) {
                continue;
            }
            let claim = Claim { attachment: attachment.id, instance: spec.id };
            let access = Access::of(attachment);
            batch.change(host.ledger.shelf::<Volume>(), attachment.volume_id, move |record| {
                let is_claimed = record.claims().any(|held| *held == claim);
                if !is_claimed && record.in_the_way_of(claim, access).next().is_none() {
                    record.take(claim, access);
                }
            });
        }
    }

    fn is_settled(_: &Host, _: &InstanceSpec) -> bool {
        false
    }

    fn nudge(host: &Arc<Host>, id: InstanceId) {
        instance_actor::nudge(host, id);
    }

    async fn recover(host: &Arc<Host>, _: &mut PoolListing) {
        let ids = host.ledger.ids::<Instance>();
        ids.iter().for_each(|id| instance_actor::nudge(host, *id));
        futures::stream::iter(ids)
            .for_each_concurrent(None, |id| instance_actor::first_round(host, id))
            .await;
    }

    async fn look_again(host: &Arc<Host>, _: Option<&mut PoolListing>) {
        host.ledger.ids::<Instance>().into_iter().for_each(|id| instance_actor::nudge(host, id));
    }

    fn found(contents: &Contents) -> Vec<InstanceId> {
        contents.instances.clone()
    }

    fn is_gone(record: &InstanceRecord, status: &InstanceStatus) -> bool {
        record.spec.desired == DesiredRun::Destroyed && status.state == InstanceState::Gone
    }

    async fn enter(host: &Arc<Host>, id: InstanceId) -> Option<OwnedMutexGuard<()>> {
        instance_actor::enter(host, id).await
    }

    async fn forgotten(host: &Arc<Host>, id: InstanceId) {
        host.board.healths.0.lock().remove(&id);
        instance_actor::nudge(host, id); // its task finds no spec, and ends
        // It may have been handed a volume that it had waited for just before its spec dropped the attachment.
        for (attachment, volume) in host.ledger.claims_of(id) {
            let claim = Claim { attachment, instance: id };
            if let Err(error) = volume_queue::release(host, volume, claim, Afterwards::HandedOn).await {
                tracing::warn!(instance = %id, %volume, "release: {}", error.into_failure().message);
            }
        }
    }
}

/// The result of each current health watch.
#[derive(Default)]
pub(crate) struct Healths(Mutex<BTreeMap<InstanceId, KnownHealth>>);

struct KnownHealth {
    watch: u64,
    /// The first process that is watched.
    pid: u32,
    health: Health,
}

impl Board {
    /// Records an observation of an instance, with the health that its watch has found.
    pub(crate) fn set_instance(&self, status: InstanceStatus) {
        let healths = self.healths.0.lock();
        self.set(status.id, |_| with_health(status, &healths));
    }

    /// Starts a watch over the instance's first process `pid`; its health is unknown.
    pub(crate) fn begin_health(&self, id: InstanceId, watch: u64, pid: u32) {
        let mut healths = self.healths.0.lock();
        healths.insert(id, KnownHealth { watch, pid, health: Health::Unknown });
        self.merge_health(id, &healths);
    }

    /// Does nothing if a newer watch has started.
    pub(crate) fn set_health(&self, id: InstanceId, watch: u64, health: Health) {
        let mut healths = self.healths.0.lock();
        if let Some(known) = healths.get_mut(&id).filter(|known| known.watch == watch) {
            known.health = health;
            self.merge_health(id, &healths);
        }
    }

    pub(crate) fn end_health(&self, id: InstanceId) {
        let mut healths = self.healths.0.lock();
        if healths.remove(&id).is_some() {
            self.merge_health(id, &healths);
        }
    }

    fn merge_health(&self, id: InstanceId, healths: &BTreeMap<InstanceId, KnownHealth>) {
        self.change(id, |status| *status = with_health(status.clone(), healths));
    }
}

fn with_health(status: InstanceStatus, healths: &BTreeMap<InstanceId, KnownHealth>) -> InstanceStatus {
    let health = match (&status.state, healths.get(&status.id)) {
        (InstanceState::Running { pid }, Some(known)) if known.pid == *pid => known.health.clone(),
        _ => Health::Unknown,
    };
    InstanceStatus { health, ..status }
}
