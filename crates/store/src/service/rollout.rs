//! Makes what should be served what is served, one step after the other.
//!
//! ```text
//!   queued ──► snapshots are ready ──► volumes are restored ──► deploying ──► the plan's steps ──► active
//!      └───────────────┴───────────────────────┴────────────────────┴── failed: the last good release is the target again
//! ```
//!
//! **Crash story.** Each pass reads rows and writes rows in the caller's transaction; cut off, it did not happen, and the next
//! pass makes the same plan. Nobody needs to remember that a roll-out was under way: the target's state says so.

use std::collections::BTreeSet;

use jiff::Timestamp;
use miosa_domain::service::{ReasonCode, ReleaseReason, ReleaseState, handover_ms};
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::{ComputerId, HostId, ServiceId};
use miosa_failpoint::failpoint;
use miosa_plan::{RolloutOutcome, RolloutStep, RolloutWanted, Succession, service_plan};

use super::release::{self, ReleaseRecord, RestoreProgress};
use super::replica::{self, Leaves, ReplicaRecord};
use super::{ServiceDesired, ServiceRecord, row};
use crate::error::StoreError;
use crate::outbox::ObjectKind;
use crate::sql::query;
use crate::store::Tx;
use crate::{computer, restore, snapshot, volume};

/// More passes than any plan needs; a pass that changes nothing ends them.
const PASSES_MAX: usize = 8;

/// Advances every service of the host that is not settled, and those in `touched`.
pub async fn advance_all(
    tx: &mut Tx,
    host_id: HostId,
    touched: BTreeSet<ServiceId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unsettled: Vec<ServiceId> = query(
        "read the services of a host",
        "SELECT id FROM services WHERE host_id = $1 AND NOT is_settled AND NOT is_tombstone",
    )
    .bind(host_id)
    .all(tx)
    .await?;
    for id in unsettled.into_iter().chain(touched).collect::<BTreeSet<ServiceId>>() {
        let Some(mut service) = row::load_any(tx, id).await? else { continue };
        advance(tx, &mut service, now).await?;
    }
    Ok(())
}

/// Takes every step that is possible by now. Answers whether there was one.
pub(super) async fn advance(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut moved = false;
    for _ in 0..PASSES_MAX {
        // Boxed: a pass holds restores, snapshots and volumes, and every report's future would hold a pass on its stack.
        if !Box::pin(pass(tx, service, now)).await? {
            break;
        }
        moved = true;
    }
    if moved {
        tx.changed(ObjectKind::Service, service.id.uuid(), Some(service.tenant_id));
    }
    Ok(moved)
}

async fn pass(tx: &mut Tx, service: &mut ServiceRecord, now: Timestamp) -> Result<bool, StoreError> {
    let replicas = replica::present(tx, service.id).await?;
    if service.deleted_at.is_some() {
        return take_down(tx, service, &replicas, now).await;
    }
    let target = match service.target.filter(|_| service.desired == ServiceDesired::Running) {
        Some(id) => release::load(tx, id).await?,
        None => None,
    };
    let Some(mut release) = target else {
        let ended = retire_all(tx, &replicas, Leaves::Log, now).await?;
        return Ok(settle(tx, service, !ended).await? || ended);
    };
    match release.state {
        ReleaseState::Queued => prepare(tx, service, &mut release, &replicas, now).await,
        ReleaseState::Deploying | ReleaseState::Active => {
            roll(tx, service, &mut release, &replicas, now).await
        }
        _ => {
            // It was given up; what was good before is wanted again.
            service.target = service.active.filter(|id| *id != release.id);
            row::save(tx, service).await?;
            Ok(true)
        }
    }
}

/// Whether there is nothing to do until something happens. Answers whether that is new.
async fn settle(tx: &mut Tx, service: &mut ServiceRecord, is_settled: bool) -> Result<bool, StoreError> {
    if service.is_settled == is_settled {
        return Ok(false);
    }
    service.is_settled = is_settled;
    row::save(tx, service).await?;
    Ok(true)
}

async fn take_down(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    replicas: &[ReplicaRecord],
    now: Timestamp,
) -> Result<bool, StoreError> {
    for replica in replicas {
        replica::retire(tx, replica, Leaves::Nothing, now).await?;
    }
    if service.is_tombstone || replica::any_left(tx, service.id).await? {
        return Ok(!replicas.is_empty());
    }
    service.is_tombstone = true;
    service.is_settled = true;
    row::save(tx, service).await?;
    Ok(true)
}

async fn retire_all(
    tx: &mut Tx,
    replicas: &[ReplicaRecord],
    leaves: Leaves,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut any = false;
    for replica in replicas.iter().filter(|replica| !replica.is_retired()) {
        replica::retire(tx, replica, leaves, now).await?;
        any = true;
    }
    Ok(any)
}

/// What has to be there before the first replica is replaced.
async fn prepare(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    release: &mut ReleaseRecord,
    replicas: &[ReplicaRecord],
    now: Timestamp,
) -> Result<bool, StoreError> {
    for taken in &release.snapshots {
        let found = snapshot::load_any(tx, taken.snapshot_id).await?;
        match found.as_ref().map(|snapshot| snapshot.state) {
            Some(SnapshotState::Ready) => {}
            Some(SnapshotState::Creating) => return Ok(false),
            _ => {
                let why = found.and_then(|snapshot| snapshot.error).map(|failure| failure.message);
                let why = why.unwrap_or_else(|| "it was deleted".into());
                let detail = format!("the snapshot of volume {} was not taken: {why}", taken.volume_id);
                return fail(tx, service, release, ReasonCode::SnapshotFailed, detail, now).await;
            }
        }
    }
    if release.restores.iter().any(|restore| restore.progress != RestoreProgress::Done) {
        // Nobody may write while the data goes back.
        if retire_all(tx, replicas, Leaves::Nothing, now).await? {
            return Ok(true);
        }
        if let Some(outcome) = restore_next(tx, service, release, now).await? {
            return Ok(outcome);
        }
    }
    release.state = ReleaseState::Deploying;
    release.deploying_at = Some(now);
    release.updated_at = now;
    release::save(tx, release).await?;
    Ok(true)
}

/// Begins, or looks after, the restores in place. `None` when all of them are done.
async fn restore_next(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    release: &mut ReleaseRecord,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let mut moved = false;
    for at in 0..release.restores.len() {
        let wanted = release.restores[at].clone();
        let lost = format!("volume {} could not be brought back", wanted.volume_id);
        let Some(mut volume) = volume::load_any(tx, wanted.volume_id).await? else {
            return fail(tx, service, release, ReasonCode::RestoreFailed, format!("{lost}: it is gone"), now)
                .await
                .map(Some);
        };
        let progress = match wanted.progress {
            RestoreProgress::Done => continue,
            RestoreProgress::Waiting => {
                let incarnation = volume.incarnation;
                match restore::begin(tx, &mut volume, wanted.snapshot_id, false, now).await {
                    Ok(()) => RestoreProgress::Begun { incarnation },
                    Err(StoreError::Refused(refusal)) => {
                        let detail = format!("{lost}: {refusal}");
                        return fail(tx, service, release, ReasonCode::RestoreFailed, detail, now)
                            .await
                            .map(Some);
                    }
                    Err(error) => return Err(error),
                }
            }
            RestoreProgress::Begun { .. } if volume.restore.is_some() => continue,
            RestoreProgress::Begun { incarnation } if volume.incarnation > incarnation => {
                RestoreProgress::Done
            }
            RestoreProgress::Begun { .. } => {
                let detail = format!("{lost}; its events say why");
                return fail(tx, service, release, ReasonCode::RestoreFailed, detail, now).await.map(Some);
            }
        };
        release.restores[at].progress = progress;
        moved = true;
    }
    if moved {
        release.updated_at = now;
        release::save(tx, release).await?;
    }
    let is_done = release.restores.iter().all(|restore| restore.progress == RestoreProgress::Done);
    Ok(if is_done { None } else { Some(moved) })
}

async fn roll(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    release: &mut ReleaseRecord,
    replicas: &[ReplicaRecord],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let wanted = RolloutWanted {
        release: release.id,
        replicas: service.replicas,
        succession: succession(tx, release, replicas).await?,
        is_proven: release.state == ReleaseState::Active,
    };
    let seen: Vec<_> =
        replicas.iter().filter(|replica| !replica.is_retired()).map(|replica| replica.seen(now)).collect();
    let plan = service_plan(&wanted, &seen);
    for step in &plan.steps {
        match carry_out(tx, service, release, replicas, wanted.succession, *step, now).await {
            Ok(()) => {}
            Err(StoreError::Refused(refusal)) if !wanted.is_proven => {
                return fail(tx, service, release, ReasonCode::CannotStart, refusal.to_string(), now).await;
            }
            // Tried again by the timer, for as long as it takes.
            Err(StoreError::Refused(refusal)) => {
                tracing::warn!(service = %service.id, release = release.number, "a replica cannot be started: {refusal}");
                settle(tx, service, false).await?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    match plan.outcome {
        Some(RolloutOutcome::Failed(reason)) => {
            return fail(tx, service, release, reason.code, reason.detail, now).await;
        }
        Some(RolloutOutcome::Succeeded) if !wanted.is_proven => {
            activate(tx, service, release, replicas, now).await?;
            return Ok(true);
        }
        _ => {}
    }
    if plan.steps.is_empty() {
        let is_there = plan.outcome == Some(RolloutOutcome::Succeeded);
        return settle(tx, service, is_there).await;
    }
    settle(tx, service, false).await?;
    Ok(true)
}

/// How the release takes the place of those whose replicas are there.
async fn succession(
    tx: &mut Tx,
    release: &ReleaseRecord,
    replicas: &[ReplicaRecord],
) -> Result<Succession, StoreError> {
    let others = replicas.iter().filter(|replica| !replica.is_retired()).map(|replica| replica.of.release_id);
    for other in others.filter(|id| *id != release.id).collect::<BTreeSet<_>>() {
        let other = release::load(tx, other).await?;
        if other.is_some_and(|other| !release.settings.gets_along_with(&other.settings)) {
            return Ok(Succession::AtOnce);
        }
    }
    Ok(if release.settings.is_exclusive() { Succession::InOrder } else { Succession::Overlapping })
}

async fn carry_out(
    tx: &mut Tx,
    service: &ServiceRecord,
    release: &ReleaseRecord,
    replicas: &[ReplicaRecord],
    succession: Succession,
    step: RolloutStep,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of = |id: ComputerId| replicas.iter().find(|replica| replica.computer.id == id);
    match step {
        RolloutStep::Retire { instance } => match of(instance.into()) {
            Some(replica) => retire(tx, replica, now).await,
            None => Ok(()),
        },
        RolloutStep::Start { index, predecessor } => {
            let predecessor = predecessor.and_then(|id| of(id.into()));
            if let Some(old) = predecessor.filter(|_| succession == Succession::InOrder) {
                retire(tx, old, now).await?;
            }
            let predecessor = predecessor.map(|old| old.computer.id);
            replica::start(tx, service, release, index, predecessor, now).await
        }
    }
}

/// The log of a replica whose release failed says why it did.
async fn retire(tx: &mut Tx, replica: &ReplicaRecord, now: Timestamp) -> Result<(), StoreError> {
    let release = release::load(tx, replica.of.release_id).await?;
    let failed = release.is_some_and(|release| release.state == ReleaseState::Failed);
    replica::retire(tx, replica, if failed { Leaves::Log } else { Leaves::Nothing }, now).await
}

async fn activate(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    release: &mut ReleaseRecord,
    replicas: &[ReplicaRecord],
    now: Timestamp,
) -> Result<(), StoreError> {
    if !release.settings.volumes.is_empty() {
        for replica in replicas.iter().filter(|replica| replica.of.release_id == release.id) {
            let Some(before) = replica.of.predecessor else { continue };
            let before = computer::load_any(tx, before).await?.and_then(|before| before.reported);
            let after = replica.computer.reported.as_ref();
            let took = handover_ms(before.and_then(|b| b.ended_at), after.and_then(|after| after.started_at));
            release.handover_ms = release.handover_ms.max(took);
        }
    }
    release.settle(ReleaseState::Active, None, now);
    release::save(tx, release).await?;
    if let Some(before) = service.active.filter(|id| *id != release.id)
        && let Some(mut before) = release::load(tx, before).await?
        && before.state == ReleaseState::Active
    {
        let detail = format!("release {} is served", release.number);
        let reason = ReleaseReason { code: ReasonCode::Superseded, detail };
        before.settle(ReleaseState::Stopped, Some(reason), now);
        release::save(tx, &before).await?;
    }
    service.active = Some(release.id);
    service.updated_at = now;
    row::save(tx, service).await?;
    failpoint!("store.service.activate.before-commit")?;
    tracing::info!(service = %service.id, release = release.number, "release is served");
    Ok(())
}

/// The release is over; the next pass rolls the last good one out again.
async fn fail(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    release: &mut ReleaseRecord,
    code: ReasonCode,
    detail: String,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tracing::warn!(service = %service.id, release = release.number, code = code.as_str(), "release failed: {detail}");
    release.settle(ReleaseState::Failed, Some(ReleaseReason { code, detail }), now);
    release::save(tx, release).await?;
    service.target = service.active.filter(|id| *id != release.id);
    service.updated_at = now;
    row::save(tx, service).await?;
    failpoint!("store.service.fail.before-commit")?;
    Ok(true)
}
