//! Restores in place: stop who uses the volume, save the present, replace the data, start them again.
//!
//! ```text
//!   begin_restore ──► stopping ──► saving ──► replacing ──► (done)
//!                     computers    safety     next
//!                     stop         snapshot   incarnation
//! ```
//!
//! **Crash story.** The phase is a column of the volume's row. Every report and every start of the server moves it on, in
//! the transaction that saw its condition come true; a step that cannot succeed ends the restore with the old data in place
//! and the computers started again.

use jiff::Timestamp;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::{DesiredRun, Origin, TakeRules};
use miosa_domain::status::{Failure, FailureCode, InstanceState, VolumeCondition, VolumeStatus};
use miosa_domain::volume::{self as rules, Lifecycle, VolumeState};
use miosa_domain::{ComputerId, HostId, Refusal, SnapshotId, TenantId, VolumeId, snapshot};
use miosa_failpoint::failpoint;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::attachment;
use crate::computer::{self, ComputerRecord};
use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::host;
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::service;
use crate::snapshot::{self as snapshots, Draft, POOL_LIMIT_PERCENT};
use crate::sql::query;
use crate::store::{Store, Tx};
use crate::volume::{self, VolumeRecord};
use crate::{transact, verb};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreInPlace {
    pub snapshot_id: SnapshotId,
    pub phase: RestorePhase,
    /// To be started again at the end.
    pub computers: Vec<ComputerId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum RestorePhase {
    Stopping,
    Saving {
        safety_snapshot_id: SnapshotId,
    },
    Replacing {
        safety_snapshot_id: SnapshotId,
        /// Of the data that is there until then, in case it stays.
        origin_before: Option<Origin>,
    },
}

impl RestoreInPlace {
    /// Those that must stay until the restore is over.
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = SnapshotId> {
        let safety = match self.phase {
            RestorePhase::Stopping => None,
            RestorePhase::Saving { safety_snapshot_id }
            | RestorePhase::Replacing { safety_snapshot_id, .. } => Some(safety_snapshot_id),
        };
        std::iter::once(self.snapshot_id).chain(safety)
    }
}

impl Store {
    /// Writes the intent to bring a volume back to one of its snapshots. `force`: computers that use it are stopped first.
    pub async fn begin_restore(
        &self,
        tenant_id: TenantId,
        volume_id: VolumeId,
        snapshot_id: SnapshotId,
        force: bool,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self, verb!("restore.begin", "write the intent to restore a volume in place"), |tx| {
            let mut volume = volume::load_present(tx, tenant_id, volume_id).await?;
            if !force {
                service::refuse_if_used(tx, &volume).await?;
            }
            begin(tx, &mut volume, snapshot_id, force, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(volume_id), now).await?;
            Ok(volume)
        })
    }

    /// Moves every restore on whose next step is possible. Reports do the same by themselves; this is for what no report
    /// follows. Answers the hosts that have new specs.
    pub async fn advance_restores(&self, now: Timestamp) -> Result<Vec<HostId>, StoreError> {
        const DOING: &str = "move restores on";
        let hosts: Vec<HostId> =
            query(DOING, "SELECT DISTINCT host_id FROM volumes WHERE restore_json IS NOT NULL")
                .all(&mut self.single(DOING).await?)
                .await?;
        let mut advanced = Vec::new();
        for host_id in hosts {
            let moved = transact!(self, verb!(DOING), |tx| advance_all(tx, host_id, now).await)?;
            if !moved.is_empty() {
                advanced.push(host_id);
            }
        }
        Ok(advanced)
    }
}

/// Part of the transaction that begins a restore, for whatever reason.
pub(crate) async fn begin(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    snapshot_id: SnapshotId,
    force: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    volume::refuse_if_in_motion(tx, volume).await?;
    rules::may_restore(&volume.as_domain(&|_| true), &attachment::as_domain(&volume.attachments), force)?;
    let snapshot = snapshots::load_present(tx, volume.tenant_id, snapshot_id).await?;
    if snapshot.volume_id != volume.id {
        return Err(Refusal::NotFound { what: "snapshot" }.into());
    }
    snapshot::may_read(&snapshot.as_domain(false))?;
    host::refuse_if_near_full(tx, volume.host_id, "a restore in place", POOL_LIMIT_PERCENT).await?;

    let computers = stop_computers(tx, volume, now).await?;
    volume.restore = Some(RestoreInPlace { snapshot_id, phase: RestorePhase::Stopping, computers });
    volume.move_to(Lifecycle::Restoring, now);
    advance(tx, volume, now).await?;
    volume::save(tx, volume).await
}

/// The same for the restores on one host, in the transaction of what may have made a step possible. Answers the volumes.
pub async fn advance_all(tx: &mut Tx, host_id: HostId, now: Timestamp) -> Result<Vec<VolumeId>, StoreError> {
    let ids: Vec<VolumeId> = query(
        "read restores in place",
        "SELECT id FROM volumes WHERE host_id = $1 AND restore_json IS NOT NULL",
    )
    .bind(host_id)
    .all(tx)
    .await?;
    let mut advanced = Vec::new();
    for id in ids {
        let Some(mut volume) = volume::load_any(tx, id).await? else { continue };
        if advance(tx, &mut volume, now).await? {
            volume::save(tx, &volume).await?;
            advanced.push(id);
        }
    }
    Ok(advanced)
}

/// Takes each step whose condition is true by now. Answers whether there was one; the caller saves the volume.
async fn advance(tx: &mut Tx, volume: &mut VolumeRecord, now: Timestamp) -> Result<bool, StoreError> {
    let mut advanced = false;
    loop {
        let Some(restore) = &volume.restore else { return Ok(advanced) };
        match restore.phase {
            RestorePhase::Stopping if is_let_go(tx, volume.id).await? => {
                save_present(tx, volume, now).await?
            }
            RestorePhase::Saving { safety_snapshot_id } => {
                let safety = snapshots::load_any(tx, safety_snapshot_id).await?;
                let lost = |failure: &Option<Failure>| {
                    failure.as_ref().is_some_and(|failure| failure.code == FailureCode::DataMissing)
                };
                match safety.map(|safety| (safety.state, safety.error)) {
                    Some((SnapshotState::Creating, _)) => return Ok(advanced),
                    Some((SnapshotState::Ready, _)) => replace(tx, volume, safety_snapshot_id, now).await?,
                    // Nothing is there that could be saved, and a restore is the way out.
                    Some((SnapshotState::Failed, error)) if lost(&error) && lost(&volume.error) => {
                        replace(tx, volume, safety_snapshot_id, now).await?;
                    }
                    other => {
                        let reason = other.and_then(|(_, error)| error).map(|failure| failure.message);
                        let reason = reason.unwrap_or_else(|| "it is not there".into());
                        let message = format!("the present data could not be saved first: {reason}");
                        give_up(tx, volume, &message, now).await?;
                    }
                }
            }
            RestorePhase::Stopping | RestorePhase::Replacing { .. } => return Ok(advanced),
        }
        advanced = true;
    }
}

/// What a report says of a volume whose data is being replaced. Answers whether the restore is over with that.
pub async fn observe(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    status: &VolumeStatus,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_replacing = volume
        .restore
        .as_ref()
        .is_some_and(|restore| matches!(restore.phase, RestorePhase::Replacing { .. }));
    if !is_replacing || status.generation < volume.generation {
        return Ok(false);
    }
    match &status.condition {
        // The data is replaced, whatever else there is to say.
        VolumeCondition::Ready | VolumeCondition::Failed(_) if status.incarnation >= volume.incarnation => {
            finish(tx, volume, now).await?;
        }
        // An instance on its way down still has it; the host goes on when that is over.
        VolumeCondition::Failed(failure) if failure.code != FailureCode::VolumeAttached => {
            give_up(tx, volume, &failure.message, now).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A computer that starts now would get the volume between its old data and its new.
pub async fn refuse_start(tx: &mut Tx, computer_id: ComputerId) -> Result<(), StoreError> {
    match restoring_volumes(tx, computer_id).await?.first() {
        None => Ok(()),
        Some(volume) => Err(Refusal::VolumeNotReady {
            volume_id: volume.id,
            state: VolumeState::Restoring,
            reason: Some("it is being restored in place".into()),
        }
        .into()),
    }
}

/// Somebody stopped the computer by hand: then it stays stopped when the restores are over.
pub async fn leave_stopped(tx: &mut Tx, computer_id: ComputerId) -> Result<(), StoreError> {
    for mut volume in restoring_volumes(tx, computer_id).await? {
        if let Some(restore) = &mut volume.restore {
            restore.computers.retain(|id| *id != computer_id);
        }
        volume::save(tx, &volume).await?;
    }
    Ok(())
}

async fn restoring_volumes(tx: &mut Tx, computer_id: ComputerId) -> Result<Vec<VolumeRecord>, StoreError> {
    let mut restoring = Vec::new();
    for attachment in attachment::in_spec_of_computer(tx, computer_id).await? {
        let volume = volume::load_any(tx, attachment.volume_id).await?;
        restoring.extend(volume.filter(|volume| volume.restore.is_some()));
    }
    Ok(restoring)
}

/// Answers those that should run, and are to be started again.
async fn stop_computers(
    tx: &mut Tx,
    volume: &VolumeRecord,
    now: Timestamp,
) -> Result<Vec<ComputerId>, StoreError> {
    let mut stopped = Vec::new();
    for attachment in &volume.attachments {
        let Some(mut computer) = present_computer(tx, volume.tenant_id, attachment.computer_id).await? else {
            continue;
        };
        if computer.desired == DesiredRun::Running {
            computer::write_power(tx, &mut computer, DesiredRun::Stopped, now).await?;
            stopped.push(computer.id);
        }
    }
    Ok(stopped)
}

/// One that was destroyed meanwhile stays so. One that has another volume in restore is left to that restore.
async fn start_computers(tx: &mut Tx, volume: &VolumeRecord, now: Timestamp) -> Result<(), StoreError> {
    let Some(restore) = &volume.restore else { return Ok(()) };
    for id in &restore.computers {
        let computer = present_computer(tx, volume.tenant_id, *id).await?;
        let Some(mut computer) = computer.filter(|computer| computer.desired == DesiredRun::Stopped) else {
            continue;
        };
        let others = restoring_volumes(tx, *id).await?;
        match others.into_iter().find(|other| other.id != volume.id) {
            None => computer::write_power(tx, &mut computer, DesiredRun::Running, now).await?,
            Some(mut other) => {
                if let Some(restore) = &mut other.restore {
                    restore.computers.push(*id);
                }
                volume::save(tx, &other).await?;
            }
        }
    }
    Ok(())
}

async fn present_computer(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: ComputerId,
) -> Result<Option<ComputerRecord>, StoreError> {
    Ok(computer::load(tx, tenant_id, id).await?.filter(|computer| computer.deleted_at.is_none()))
}

/// Whether no instance can write to the volume any more, by what hosts said knowing that it should not.
async fn is_let_go(tx: &mut Tx, volume_id: VolumeId) -> Result<bool, StoreError> {
    for attachment in attachment::in_spec_of_volume(tx, volume_id).await? {
        if let Some(computer) = computer::load_any(tx, attachment.computer_id).await?
            && !is_down(&computer)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_down(computer: &ComputerRecord) -> bool {
    computer.desired != DesiredRun::Running
        && computer.reported.as_ref().is_some_and(|reported| {
            reported.generation >= computer.generation
                && matches!(reported.state, InstanceState::Stopped | InstanceState::Gone)
        })
}

/// Nobody writes now, so the safety snapshot makes nobody wait, and no hook has anything to flush.
async fn save_present(tx: &mut Tx, volume: &mut VolumeRecord, now: Timestamp) -> Result<(), StoreError> {
    let draft = Draft {
        id: SnapshotId::from_uuid(Uuid::now_v7()),
        name: None,
        metadata: Default::default(),
        trigger: Trigger::Safety,
        protected: false,
        take: TakeRules::default(),
        asked_expiry: None,
    };
    let safety = snapshots::write_new(tx, volume, draft, now).await?;
    set_phase(volume, RestorePhase::Saving { safety_snapshot_id: safety.id }, now);
    failpoint!("store.restore.saving.before-commit")?;
    Ok(())
}

async fn replace(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    safety_snapshot_id: SnapshotId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(snapshot_id) = volume.restore.as_ref().map(|restore| restore.snapshot_id) else { return Ok(()) };
    let phase = RestorePhase::Replacing { safety_snapshot_id, origin_before: volume.origin };
    set_phase(volume, phase, now);
    volume.incarnation += 1;
    volume.origin = Some(Origin::Snapshot { id: snapshot_id });
    volume.generation = host::next_generation(tx, volume.host_id).await?;
    failpoint!("store.restore.replacing.before-commit")?;
    Ok(())
}

fn set_phase(volume: &mut VolumeRecord, phase: RestorePhase, now: Timestamp) {
    if let Some(restore) = &mut volume.restore {
        restore.phase = phase;
    }
    volume.updated_at = now;
}

async fn finish(tx: &mut Tx, volume: &mut VolumeRecord, now: Timestamp) -> Result<(), StoreError> {
    let snapshot_id = volume.restore.as_ref().map(|restore| restore.snapshot_id);
    volume.error = None;
    NewEvent::of_volume(
        volume,
        EventKind::VolumeRestored,
        "restored in place; the data before it is in a safety snapshot",
    )
    .with_snapshot(snapshot_id)
    .write(tx, now)
    .await?;
    end(tx, volume, Lifecycle::Available, now).await
}

/// The data stays as it was. The generation is new in any case, so that the host says once more how the volume is.
async fn give_up(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(restore) = &volume.restore else { return Ok(()) };
    if let RestorePhase::Replacing { origin_before, .. } = restore.phase {
        volume.incarnation -= 1;
        volume.origin = origin_before;
    }
    let snapshot_id = restore.snapshot_id;
    volume.generation = host::next_generation(tx, volume.host_id).await?;
    // A call that has no answer yet must not be answered as if it had restored something.
    idempotency::forget_unanswered(tx, volume.id.uuid()).await?;
    let message = format!("not restored, the data is as it was: {reason}");
    NewEvent::of_volume(volume, EventKind::VolumeRestoreFailed, message)
        .with_snapshot(Some(snapshot_id))
        .write(tx, now)
        .await?;
    let lifecycle = if volume.error.is_some() { Lifecycle::Error } else { Lifecycle::Available };
    end(tx, volume, lifecycle, now).await
}

async fn end(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    lifecycle: Lifecycle,
    now: Timestamp,
) -> Result<(), StoreError> {
    start_computers(tx, volume, now).await?;
    volume.restore = None;
    volume.move_to(lifecycle, now);
    failpoint!("store.restore.end.before-commit")?;
    Ok(())
}
