//! Snapshots in a host's report.
//!
//! A snapshot becomes `ready` once and stays so: a later finding about its data is an error beside the state. For one that
//! fails before that, the spec becomes `Purged`: the host removes any remains and forgets it, and the row is kept for a while
//! for inspection.

use jiff::Timestamp;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::SnapshotPresence;
use miosa_domain::status::{
    Failure, FailureCode, SnapshotCondition, SnapshotFacts, SnapshotStatus, VerificationOutcome,
};
use miosa_domain::{HostId, retention, size};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::snapshot::{self, SnapshotRecord};
use miosa_store::volume::{self, VolumeRecord};
use miosa_store::{StoreError, Tx, host, idempotency};

use super::Applied;
use crate::schedule;

pub(super) async fn apply(
    tx: &mut Tx,
    host_id: HostId,
    status: &SnapshotStatus,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let is_gone = status.condition == SnapshotCondition::Gone;
    let Some(before) = snapshot::load_any(tx, status.id).await? else {
        // Any other unknown snapshot is an orphan and is kept.
        if is_gone {
            applied.forget.snapshots.push(status.id);
        }
        return Ok(());
    };
    if before.host_id != host_id {
        tracing::warn!(snapshot = %status.id, %host_id, "a host reports a snapshot that lives on another host");
        return Ok(());
    }
    let mut record = before.clone();
    match observe(&mut record, status, now) {
        News::None => {}
        News::Taken(facts) => taken(tx, &mut record, facts, now, applied).await?,
        News::Failed(failure) => failed(tx, &mut record, failure, now, applied).await?,
        News::Damaged => {
            let message = "the snapshot's data is damaged; do not restore from it";
            NewEvent::of_snapshot(&record, EventKind::SnapshotDamaged, message).write(tx, now).await?;
        }
    }
    if record != before {
        snapshot::save(tx, &record).await?;
    }
    if record.is_gone() {
        applied.forget.snapshots.push(record.id);
    }
    Ok(())
}

/// The consequences of an observation beyond the changed row.
enum News {
    None,
    Taken(SnapshotFacts),
    Failed(Failure),
    Damaged,
}

fn observe(record: &mut SnapshotRecord, status: &SnapshotStatus, now: Timestamp) -> News {
    record.reported = Some(merged(record.reported.take(), status));
    if status.generation < record.generation || record.is_tombstone {
        return News::None;
    }
    use SnapshotState::{Creating, Deleting, Ready};
    match (&status.condition, record.state, status.facts) {
        (SnapshotCondition::Ready, Creating, Some(facts)) => {
            record.move_to(Ready, now);
            record.was_ready = true;
            News::Taken(facts)
        }
        (SnapshotCondition::Failed(failure), Creating, _) => {
            record.move_to(SnapshotState::Failed, now);
            News::Failed(failure.clone())
        }
        // The database was restored from an older copy.
        (SnapshotCondition::Gone, Creating, _) if status.generation > record.generation => {
            record.move_to(SnapshotState::Failed, now);
            News::Failed(deleted_since())
        }
        (SnapshotCondition::Gone, Deleting, _) => {
            record.is_tombstone = true;
            record.updated_at = now;
            News::None
        }
        (SnapshotCondition::Ready, Ready, _) => judge(record, verdict(record)),
        (SnapshotCondition::Failed(failure), Ready, _) => judge(record, Some(failure.clone())),
        (SnapshotCondition::Gone, Ready, _) => judge(record, Some(deleted_since())),
        _ => News::None,
    }
}

/// Keeps what was known before: facts never change, and the host reports the rest again in its own time.
fn merged(known: Option<SnapshotStatus>, status: &SnapshotStatus) -> SnapshotStatus {
    let mut status = status.clone();
    if let Some(known) = known {
        status.facts = known.facts.or(status.facts);
        status.checksum = status.checksum.or(known.checksum);
        status.exclusive = status.exclusive.or(known.exclusive);
        status.verification = status.verification.or(known.verification);
    }
    status
}

/// The known defect of a snapshot that exists.
fn verdict(record: &SnapshotRecord) -> Option<Failure> {
    let verification = record.reported.as_ref().and_then(|reported| reported.verification.as_ref());
    match verification.map(|verification| &verification.outcome) {
        None | Some(VerificationOutcome::Intact) => None,
        Some(VerificationOutcome::Damaged { .. }) => Some(damaged()),
        Some(VerificationOutcome::Unreadable(failure)) => Some(failure.clone()),
        // Until it has finished, the previous verdict stands.
        Some(VerificationOutcome::Running { .. }) => record.error.clone(),
    }
}

fn judge(record: &mut SnapshotRecord, error: Option<Failure>) -> News {
    let is_news = error == Some(damaged()) && record.error != error;
    record.error = error;
    if is_news { News::Damaged } else { News::None }
}

fn damaged() -> Failure {
    Failure {
        code: FailureCode::DataMissing,
        message: "the data is not what was snapshotted: its checksum is another one than when it was taken"
            .into(),
    }
}

fn deleted_since() -> Failure {
    Failure {
        code: FailureCode::DataMissing,
        message: "since this database was saved, the snapshot was deleted; delete it here as well".into(),
    }
}

async fn taken(
    tx: &mut Tx,
    record: &mut SnapshotRecord,
    facts: SnapshotFacts,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let volume = volume::load_any(tx, record.volume_id).await?;
    let days = volume.as_ref().map_or(retention::DEFAULT_DAYS, |volume| volume.retention_days);
    record.expire_by(facts.taken_at, days);
    let message = format!(
        "snapshot taken ({}), {}; writers waited {:.1} ms",
        record.trigger.as_str(),
        size::human(facts.allocated_bytes),
        facts.stall_us as f64 / 1000.0,
    );
    NewEvent::of_snapshot(record, EventKind::SnapshotTaken, message)
        .with_size(facts.allocated_bytes)
        .write(tx, now)
        .await?;
    if let Some(volume) = volume.filter(|_| record.trigger == Trigger::Schedule) {
        change_schedule(tx, volume, schedule::run_succeeded).await?;
    }
    applied.taken.push((record.trigger, facts.stall_us));
    Ok(())
}

async fn failed(
    tx: &mut Tx,
    record: &mut SnapshotRecord,
    failure: Failure,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    record.error = Some(failure.clone());
    record.expire_by(now, retention::DEFAULT_DAYS);
    record.presence = SnapshotPresence::Purged;
    record.generation = host::next_generation(tx, record.host_id).await?;
    idempotency::forget_unanswered(tx, record.id.uuid()).await?;
    let message = format!("snapshot not taken ({}): {}", record.trigger.as_str(), failure.message);
    NewEvent::of_snapshot(record, EventKind::SnapshotFailed, message).write(tx, now).await?;
    if record.trigger == Trigger::Schedule
        && let Some(volume) = volume::load_any(tx, record.volume_id).await?
    {
        let fail = |volume: &mut VolumeRecord| {
            schedule::run_failed(volume, &failure, now);
        };
        change_schedule(tx, volume, fail).await?;
    }
    applied.failed.push((record.trigger, failure.code));
    Ok(())
}

async fn change_schedule(
    tx: &mut Tx,
    mut volume: VolumeRecord,
    change: impl FnOnce(&mut VolumeRecord),
) -> Result<(), StoreError> {
    let before = volume.schedule.clone();
    change(&mut volume);
    if volume.schedule != before {
        volume::save(tx, &volume).await?;
    }
    Ok(())
}
