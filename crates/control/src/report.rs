//! Applying what a host reported, in one transaction per message, with the consequences for other objects.
//!
//! A report names a generation for each object. It completes a transition only if that is the generation of the intent or a
//! later one; an older report was made before the host knew the present intent. Observations (bytes used, the present run) are
//! stored in any case.
//!
//! **Crash safety.** A report that was not committed is repeated: every connection begins with a report of everything, and
//! applying a report twice changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use miosa_api::agent_v1::Report;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::kind::{ObjectId, Statuses};
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, Presence};
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, CompactionState, CompactionStatus, Failure, FailureCode, Health,
    InstanceState, InstanceStatus, VolumeCondition, VolumeStatus,
};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{ComputerId, HostId, InstanceId, ServiceId, SnapshotId, VolumeId};
use miosa_store::attachment::{self, AttachmentRecord, DetachObstacle, RefusedDetach};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::host::{self, PoolUsage};
use miosa_store::outbox::ObjectKind;
use miosa_store::volume::{self, VolumeRecord};
use miosa_store::{StoreError, Tx, computer, idempotency, restore, service, transact, verb};

use crate::{App, AppError, now};

mod snapshot;

/// Objects that are recorded as gone, which the host may now drop from its ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forget {
    pub(crate) volumes: Vec<VolumeId>,
    pub(crate) instances: Vec<InstanceId>,
    pub(crate) snapshots: Vec<SnapshotId>,
}

impl Forget {
    fn into_ids(self) -> Vec<ObjectId> {
        let volumes = self.volumes.into_iter().map(ObjectId::from);
        let instances = self.instances.into_iter().map(ObjectId::from);
        volumes.chain(instances).chain(self.snapshots.into_iter().map(ObjectId::from)).collect()
    }

    fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.instances.is_empty() && self.snapshots.is_empty()
    }
}

/// The consequences of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Services with a changed replica.
    services: BTreeSet<ServiceId>,
    pub(crate) forget: Forget,
    /// Snapshots that became ready, with the time in microseconds that their writers waited, and those that failed.
    pub(crate) taken: Vec<(Trigger, u64)>,
    pub(crate) failed: Vec<(Trigger, FailureCode)>,
}

impl App {
    /// Records what a host reported, with its consequences. Returns the objects that are recorded as gone, which the host may
    /// now drop from its ledger.
    pub async fn apply_report(&self, host_id: HostId, report: Report) -> Result<Vec<ObjectId>, AppError> {
        let pool = report
            .pool
            .map(|pool| PoolUsage { capacity_bytes: pool.capacity_bytes, used_bytes: pool.used_bytes });
        let statuses = report.statuses.into_iter().collect();
        let applied = self.write_report(host_id, &statuses, pool, now()).await?;
        count_snapshots(&applied);
        Ok(applied.forget.into_ids())
    }

    pub(crate) async fn write_report(
        &self,
        host_id: HostId,
        statuses: &Statuses,
        pool: Option<PoolUsage>,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let verb = verb!("report", "write a host's report").replayable();
        transact!(self.store(), verb, |tx| {
            let applied = apply(tx, host_id, statuses, now).await?;
            if let Some(pool) = pool {
                host::save_pool(tx, host_id, pool).await?;
            }
            // The host drops these objects from its ledger and never reports them again.
            if !applied.forget.is_empty() {
                tx.require_durable();
            }
            Ok(applied)
        })
    }
}

async fn apply(
    tx: &mut Tx,
    host_id: HostId,
    statuses: &Statuses,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    // Names every kind: a new one does not compile until its statuses are recorded.
    let Statuses { volumes, instances, snapshots } = statuses;
    for status in volumes {
        apply_volume(tx, host_id, status, now, &mut applied).await?;
    }
    for status in instances {
        apply_instance(tx, host_id, status, now, &mut applied).await?;
    }
    for status in snapshots {
        snapshot::apply(tx, host_id, status, now, &mut applied).await?;
    }
    restore::advance_all(tx, host_id, now).await?;
    let services = std::mem::take(&mut applied.services);
    service::advance_all(tx, host_id, services, now).await?;
    Ok(applied)
}

fn count_snapshots(applied: &Applied) {
    for (trigger, stall_us) in &applied.taken {
        count_snapshot(*trigger, "taken");
        metrics::histogram!("miosa_snapshot_stall_seconds", "trigger" => trigger.as_str())
            .record(Duration::from_micros(*stall_us).as_secs_f64());
    }
    for (trigger, _) in &applied.failed {
        count_snapshot(*trigger, "failed");
    }
}

fn count_snapshot(trigger: Trigger, outcome: &'static str) {
    metrics::counter!("miosa_snapshots_total", "trigger" => trigger.as_str(), "outcome" => outcome)
        .increment(1);
}

async fn apply_volume(
    tx: &mut Tx,
    host_id: HostId,
    status: &VolumeStatus,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let is_gone = status.condition == VolumeCondition::Gone;
    let Some(before) = volume::load_any(tx, status.id).await? else {
        // An unknown volume that is gone may be forgotten. Any other is an orphan and is kept.
        if is_gone {
            applied.forget.volumes.push(status.id);
        }
        return Ok(());
    };
    if before.host_id != host_id {
        tracing::warn!(volume = %status.id, %host_id, "a host reports a volume that lives on another host");
        return Ok(());
    }
    let mut volume = before.clone();
    restore::observe(tx, &mut volume, status, now).await?;
    if observe_volume(&mut volume, status, now) == NextSpec::Changed {
        volume.generation = host::next_generation(tx, host_id).await?;
        idempotency::forget_unanswered(tx, volume.id.uuid()).await?;
    }
    if let Some(done) = newly_compacted(&before, &volume) {
        let message = format!("compacted from {} pieces to {}", done.extents_before, done.extents_now);
        NewEvent::of_volume(&volume, EventKind::VolumeCompacted, message).write(tx, now).await?;
    }
    if volume != before {
        volume::save(tx, &volume).await?;
    }
    if is_gone && volume.is_tombstone {
        applied.forget.volumes.push(volume.id);
    }
    Ok(())
}

/// A requested compaction that this report completes.
fn newly_compacted<'a>(before: &VolumeRecord, after: &'a VolumeRecord) -> Option<&'a CompactionStatus> {
    let is_news = |now: &&CompactionStatus| {
        let known = before.reported_compaction.as_ref();
        now.number > 0
            && now.state == CompactionState::Done
            && !known.is_some_and(|known| known.number == now.number && known.state == CompactionState::Done)
    };
    after.reported_compaction.as_ref().filter(is_news)
}

/// Whether an observation changes the spec.
#[derive(Debug, PartialEq, Eq)]
enum NextSpec {
    Same,
    Changed,
}

fn observe_volume(volume: &mut VolumeRecord, status: &VolumeStatus, now: Timestamp) -> NextSpec {
    volume.reported_generation = status.generation;
    volume.was_ready |= matches!(status.condition, VolumeCondition::Ready | VolumeCondition::InTrash);
    volume.used_bytes = status.allocated_bytes.unwrap_or(volume.used_bytes);
    volume.space = status.space.or(volume.space);
    if status.compaction.is_some() {
        volume.reported_compaction.clone_from(&status.compaction);
    }
    // A database restored from an older copy learns the incarnation from the host.
    volume.incarnation = volume.incarnation.max(status.incarnation);
    // `restore::observe` handles the end of a restore in place. Until then a report describes the old data.
    if volume.restore.is_some() {
        return NextSpec::Same;
    }
    if status.generation < volume.generation || volume.is_tombstone {
        return NextSpec::Same;
    }
    if status.generation > volume.generation {
        believe_a_newer_history(volume, status, now);
    }
    use Lifecycle::{Available, Creating, Deleted, Deleting, Error, Restoring};
    match (&status.condition, volume.lifecycle, volume.presence) {
        (VolumeCondition::Ready, Creating | Restoring | Error, Presence::Present) => {
            volume.move_to(Available, now);
            volume.error = None;
        }
        (VolumeCondition::InTrash, Deleting, Presence::Trashed) => volume.move_to(Deleted, now),
        (VolumeCondition::Gone, _, Presence::Purged)
        | (VolumeCondition::Gone, Deleting | Deleted, Presence::Trashed) => {
            if volume.lifecycle != Deleted {
                // It was withdrawn, or was removed without having been in the trash.
                volume.lifecycle = Deleted;
            }
            volume.presence = Presence::Purged;
            volume.is_tombstone = true;
            volume.used_bytes = 0;
            volume.updated_at = now;
        }
        (VolumeCondition::Failed(failure), Creating | Restoring | Available, Presence::Present) => {
            volume.move_to(Error, now);
            volume.error = Some(failure.clone());
        }
        (VolumeCondition::Failed(failure), Error, Presence::Present) => volume.error = Some(failure.clone()),
        (VolumeCondition::Failed(failure), Deleting, Presence::Trashed) => match failure.code {
            // There is nothing to move to the trash, so the deletion is complete.
            FailureCode::DataMissing => volume.move_to(Deleted, now),
            // A stopping instance still holds it; the host continues when the instance has stopped.
            FailureCode::VolumeAttached => {}
            _ => {
                volume.move_to(Error, now);
                volume.error = Some(failure.clone());
                volume.presence = Presence::Present;
                volume.deleted_at = None;
                volume.purge_after = None;
                return NextSpec::Changed;
            }
        },
        _ => {}
    }
    NextSpec::Same
}

/// The host reports a generation that this volume was never given: the database was restored from an older copy, and the host
/// knows the newer history. A restored database must destroy nothing. A volume that the host has leaves the trash here too; one
/// that the host does not have is in error and is not created again.
fn believe_a_newer_history(volume: &mut VolumeRecord, status: &VolumeStatus, now: Timestamp) {
    tracing::warn!(
        volume = %volume.id,
        database = %volume.generation,
        host = %status.generation,
        condition = ?status.condition,
        "the host knows a newer history of this volume than the database"
    );
    let is_present = volume.presence == Presence::Present;
    let lost_while = match &status.condition {
        VolumeCondition::Ready if !is_present => {
            volume.generation = status.generation;
            volume.lifecycle = Lifecycle::Available;
            volume.presence = Presence::Present;
            volume.deleted_at = None;
            volume.purge_after = None;
            volume.error = None;
            volume.updated_at = now;
            return;
        }
        VolumeCondition::InTrash if is_present => {
            "moved to the trash; delete it and undelete it to have it back"
        }
        VolumeCondition::Gone if is_present => "destroyed when it was asked to; delete the volume",
        _ => return,
    };
    if volume.lifecycle.may_become(Lifecycle::Error) {
        volume.move_to(Lifecycle::Error, now);
    }
    volume.error = Some(Failure {
        code: FailureCode::DataMissing,
        message: format!("since this database was saved, the data was {lost_while}"),
    });
}

async fn apply_instance(
    tx: &mut Tx,
    host_id: HostId,
    status: &InstanceStatus,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let is_gone = status.state == InstanceState::Gone;
    let Some(mut computer) = computer::load_any(tx, ComputerId::from(status.id)).await? else {
        if is_gone {
            applied.forget.instances.push(status.id);
        }
        return Ok(());
    };
    if computer.host_id != host_id {
        tracing::warn!(instance = %status.id, %host_id, "a host reports an instance that lives on another host");
        return Ok(());
    }
    if computer.is_tombstone {
        if is_gone {
            applied.forget.instances.push(status.id);
        }
        return Ok(());
    }

    let attachments = attachment::in_spec_of_computer(tx, computer.id).await?;
    for before in attachments {
        let reported = status.attachments.iter().find(|a| a.id == before.id);
        let mut record = before.clone();
        let next_spec = observe_attachment(&mut record, reported, status, now);
        if record == before {
            continue;
        }
        match next_spec {
            NextSpec::Same => attachment::save(tx, &record).await?,
            NextSpec::Changed => {
                attachment::write_intent(tx, &mut record).await?;
                idempotency::forget_unanswered(tx, record.id.uuid()).await?;
                computer.generation = record.generation;
            }
        }
        tx.changed(ObjectKind::Volume, record.volume_id.uuid(), Some(record.tenant_id));
    }

    let is_over =
        is_gone && computer.desired == DesiredRun::Destroyed && status.generation >= computer.generation;
    if computer.reported.as_ref() != Some(status) || is_over {
        computer.reported = Some(status.clone());
        computer.is_tombstone = is_over;
        if let Some(of) = &mut computer.replica {
            of.was_healthy |= status.run >= computer.run && status.health == Health::Healthy;
            applied.services.insert(of.service_id);
            tx.changed(ObjectKind::Service, of.service_id.uuid(), Some(computer.tenant_id));
        }
        computer::save(tx, &computer).await?;
    }
    if is_over {
        applied.forget.instances.push(status.id);
    }
    Ok(())
}

fn observe_attachment(
    record: &mut AttachmentRecord,
    reported: Option<&AttachmentStatus>,
    instance: &InstanceStatus,
    now: Timestamp,
) -> NextSpec {
    let answers_intent = instance.generation >= record.generation;
    let is_down = matches!(instance.state, InstanceState::Stopped | InstanceState::Gone);
    let condition = reported.map(|status| &status.state);
    let is_out = match condition {
        None | Some(AttachmentCondition::Detached) => true,
        Some(AttachmentCondition::Pending) => is_down,
        Some(_) => false,
    };
    record.device = reported.and_then(|status| status.device.clone());

    if record.desired != DesiredAttachment::Attached {
        if answers_intent && is_out {
            record.in_spec = false;
            record.deleted_at.get_or_insert(now);
            record.updated_at = now;
            return NextSpec::Same;
        }
        // Clients already see it as detached: the host keeps retrying, and no caller waits.
        if !answers_intent || record.deleted_at.is_some() {
            return NextSpec::Same;
        }
        let reason = match condition {
            Some(AttachmentCondition::Busy { holders }) => DetachObstacle::Busy(holders.clone()),
            Some(AttachmentCondition::Failed(failure)) => DetachObstacle::Failed(failure.clone()),
            _ => return NextSpec::Same,
        };
        record.refused_detach = Some(RefusedDetach { generation: record.generation, reason });
        record.desired = DesiredAttachment::Attached;
        record.move_to(AttachmentState::Attached, now);
        return NextSpec::Changed;
    }

    match (condition, record.state) {
        (Some(AttachmentCondition::Attached), AttachmentState::Attaching | AttachmentState::Failed)
            if answers_intent =>
        {
            record.move_to(AttachmentState::Attached, now);
            record.error = None;
        }
        (
            Some(AttachmentCondition::Failed(failure)),
            AttachmentState::Attaching | AttachmentState::Attached,
        ) if answers_intent => {
            record.move_to(AttachmentState::Failed, now);
            record.error = Some(failure.clone());
        }
        (Some(AttachmentCondition::Failed(failure)), AttachmentState::Failed) => {
            record.error = Some(failure.clone());
        }
        _ => {}
    }
    NextSpec::Same
}
