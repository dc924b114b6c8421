//! What a host reported becomes what is known, in one transaction a message.
//!
//! The rule everywhere: a report answers the generation that it names. It completes a transition only if that is the
//! generation of the intent, or a later one; an older report was made before the host knew what is wanted now, and says nothing
//! about it. What was merely seen (bytes used, the run that is up) is stored in any case.
//!
//! **Crash story.** A report that was cut off is simply made again: at every connection the host says everything once more, and
//! saying it twice changes nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, Presence};
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, CompactionState, CompactionStatus, Failure, FailureCode, Health,
    InstanceState, InstanceStatus, SnapshotStatus, VolumeCondition, VolumeStatus,
};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{ComputerId, HostId, InstanceId, ServiceId, SnapshotId, VolumeId};
use uuid::Uuid;

use crate::attachment::{self, AttachmentRecord, DetachObstacle, RefusedDetach};
use crate::computer;
use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::host::{self, PoolUsage};
use crate::store::{Store, Tx};
use crate::volume::{self, VolumeRecord};
use crate::{idempotency, restore, service};
use crate::{transact, verb};

mod snapshot;

/// One message of a host.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub host_id: HostId,
    pub volumes: &'a [VolumeStatus],
    pub instances: &'a [InstanceStatus],
    pub snapshots: &'a [SnapshotStatus],
    pub pool: Option<PoolUsage>,
}

/// What follows from a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Objects whose rows changed: whoever waits for news of them should look.
    pub touched: Vec<Uuid>,
    /// Services of whose replicas something is new.
    services: BTreeSet<ServiceId>,
    /// The host has new specs: a refused detach was taken back.
    pub specs_changed: bool,
    /// Gone, and nobody will ask for them again: the host may forget them.
    pub forget_volumes: Vec<VolumeId>,
    pub forget_instances: Vec<InstanceId>,
    pub forget_snapshots: Vec<SnapshotId>,
    /// Snapshots that became ready with this report, with the wait of their writers, and those that failed: for the metrics.
    pub taken: Vec<(Trigger, u64)>,
    pub failed: Vec<(Trigger, FailureCode)>,
}

impl Applied {
    fn has_forgotten(&self) -> bool {
        !(self.forget_volumes.is_empty()
            && self.forget_instances.is_empty()
            && self.forget_snapshots.is_empty())
    }
}

impl Store {
    pub async fn apply_report(&self, report: Report<'_>, now: Timestamp) -> Result<Applied, StoreError> {
        let verb = verb!("report", "write a host's report").replayable();
        transact!(self, verb, |tx| apply_all(tx, report, now).await)
    }
}

async fn apply_all(tx: &mut Tx, report: Report<'_>, now: Timestamp) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    for status in report.volumes {
        apply_volume(tx, report.host_id, status, now, &mut applied).await?;
    }
    for status in report.instances {
        apply_instance(tx, report.host_id, status, now, &mut applied).await?;
    }
    for status in report.snapshots {
        snapshot::apply(tx, report.host_id, status, now, &mut applied).await?;
    }
    let advanced = restore::advance_all(tx, report.host_id, now).await?;
    applied.specs_changed |= !advanced.is_empty();
    applied.touched.extend(advanced.iter().map(|id| id.uuid()));
    let services = std::mem::take(&mut applied.services);
    applied.touched.extend(services.iter().map(|id| id.uuid()));
    let moved = service::advance_all(tx, report.host_id, services, now).await?;
    applied.specs_changed |= !moved.is_empty();
    applied.touched.extend(moved.iter().map(|id| id.uuid()));
    if let Some(pool) = report.pool {
        host::save_pool(tx, report.host_id, pool).await?;
    }
    // The host forgets what it is told to forget, and never reports it again.
    if applied.has_forgotten() {
        tx.require_durable();
    }
    Ok(applied)
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
        // Not ours to judge, but what is gone needs no judge. Anything else is an orphan, and is kept.
        if is_gone {
            applied.forget_volumes.push(status.id);
        }
        return Ok(());
    };
    if before.host_id != host_id {
        tracing::warn!(volume = %status.id, %host_id, "a host reports a volume that lives on another host");
        return Ok(());
    }
    let mut volume = before.clone();
    if restore::observe(tx, &mut volume, status, now).await? {
        applied.specs_changed = true;
    }
    if observe_volume(&mut volume, status, now) == NextSpec::Changed {
        volume.generation = host::next_generation(tx, host_id).await?;
        idempotency::forget_unanswered(tx, volume.id.uuid()).await?;
        applied.specs_changed = true;
    }
    if let Some(done) = newly_compacted(&before, &volume) {
        let message = format!("compacted from {} pieces to {}", done.extents_before, done.extents_now);
        NewEvent::of_volume(&volume, EventKind::VolumeCompacted, message).write(tx, now).await?;
    }
    if volume != before {
        volume::save(tx, &volume).await?;
        applied.touched.push(volume.id.uuid());
    }
    if is_gone && volume.is_tombstone {
        applied.forget_volumes.push(volume.id);
    }
    Ok(())
}

/// A compaction that somebody asked for, and that is done by this report.
fn newly_compacted<'a>(before: &VolumeRecord, after: &'a VolumeRecord) -> Option<&'a CompactionStatus> {
    let is_news = |now: &&CompactionStatus| {
        let known = before.reported_compaction.as_ref();
        now.number > 0
            && now.state == CompactionState::Done
            && !known.is_some_and(|known| known.number == now.number && known.state == CompactionState::Done)
    };
    after.reported_compaction.as_ref().filter(is_news)
}

/// Whether an observation changes what is wanted of the host.
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
    // Below it is not seen either: a database restored from an older copy learns it from here.
    volume.incarnation = volume.incarnation.max(status.incarnation);
    // What ends a restore in place is seen elsewhere; until then the old data is there, and that says nothing.
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
                // A volume that was withdrawn or that went without a stop in the trash.
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
            // There is nothing to move to the trash, so this is as deleted as it can be.
            FailureCode::DataMissing => volume.move_to(Deleted, now),
            // An instance on its way down still has it; the host goes on when that is over.
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

/// The host answers a generation that this volume was never given: the database was restored from an older copy, and the host
/// knows what happened since. A restored database must destroy nothing, so a volume that is there again is taken out of the
/// trash here as well, and one that is not is in error rather than made anew.
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
            applied.forget_instances.push(status.id);
        }
        return Ok(());
    };
    if computer.host_id != host_id {
        tracing::warn!(instance = %status.id, %host_id, "a host reports an instance that lives on another host");
        return Ok(());
    }
    if computer.is_tombstone {
        if is_gone {
            applied.forget_instances.push(status.id);
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
                applied.specs_changed = true;
            }
        }
        applied.touched.extend([record.id.uuid(), record.volume_id.uuid()]);
    }

    let is_over =
        is_gone && computer.desired == DesiredRun::Destroyed && status.generation >= computer.generation;
    if computer.reported.as_ref() != Some(status) || is_over {
        computer.reported = Some(status.clone());
        computer.is_tombstone = is_over;
        if let Some(of) = &mut computer.replica {
            of.was_healthy |= status.run >= computer.run && status.health == Health::Healthy;
            applied.services.insert(of.service_id);
        }
        computer::save(tx, &computer).await?;
        applied.touched.push(computer.id.uuid());
    }
    if is_over {
        applied.forget_instances.push(status.id);
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
        // Over for clients already: the host goes on trying, and nobody waits for it.
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
