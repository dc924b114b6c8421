//! Snapshot schedules: taking the snapshots that are due, and the outcome of each run.
//!
//! The scheduler considers a volume at its `schedule_wake_at`: the time of its run, or earlier if the image has to be compacted
//! first. That column is indexed and derived from the row, so a poll that finds nothing is one short query.
//!
//! **Crash safety.** A run is one transaction: the snapshot's intent together with the volume's next time. So each due time is
//! served once, even after a crash; times missed while the server was down are served by one run.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::schedule::{Plan, Schedule};
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::TakeRules;
use miosa_domain::stall::StallRules;
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::host::{self, PoolUsage};
use miosa_store::schedule::{ScheduleState, VolumeSchedule, wake_at};
use miosa_store::snapshot::{self, Draft};
use miosa_store::volume::{self, VolumeRecord};
use miosa_store::{StoreError, Tx, transact, verb};
use uuid::Uuid;

use crate::App;

/// From this share of the pool on, scheduled snapshots wait: earlier than manual ones, and long before writes fail.
const PAUSE_PERCENT: u64 = 85;
/// A paused schedule is retried this often.
const PAUSED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Volumes served per transaction, so that a thousand due volumes do not block other writers.
const BATCH: u32 = 100;

impl App {
    /// Takes the snapshots that are due, if any host has recovered. Times that pass while no host is connected are made up for
    /// once, after one has recovered.
    pub async fn run_schedules(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.hosts().recovered().is_empty() {
            return Ok(());
        }
        self.write_due_snapshots(now).await
    }

    /// Writes the intents of the snapshots whose time has come, or is so near that the image has to be compacted now.
    pub(crate) async fn write_due_snapshots(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let due = self.store().due_volumes(now, BATCH).await?;
            if due.is_empty() {
                return Ok(());
            }
            transact!(self.store(), verb!("schedule", "take the snapshots that are due"), |tx| serve_all(
                tx, &due, now
            )
            .await)?;
        }
    }

    /// Corrects plans that are further ahead than their schedule, after the clock was set back.
    pub(crate) async fn check_schedules(&self, now: Timestamp) -> Result<(), StoreError> {
        let all = self.store().scheduled_volumes().await?;
        for found in all.iter().filter(|volume| checked_plan(volume, now) != plan_of(volume)) {
            transact!(self.store(), verb!("check schedules against the clock"), |tx| {
                if let Some(mut volume) = volume::load_any(tx, found.id).await? {
                    let plan = checked_plan(&volume, now);
                    set_plan(&mut volume, plan);
                    volume::save(tx, &volume).await?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

async fn serve_all(tx: &mut Tx, due: &[VolumeId], now: Timestamp) -> Result<(), StoreError> {
    for id in due {
        let Some(volume) = volume::load_any(tx, *id).await? else { continue };
        match wake_at(&volume) {
            Some(at) if at <= now => serve(tx, volume, now).await?,
            // Its schedule has just changed, or the row was written by other rules than today's.
            _ => volume::save(tx, &volume).await?,
        }
    }
    Ok(())
}

/// Afterwards the volume is no longer due at `now`, whatever the outcome.
async fn serve(tx: &mut Tx, mut volume: VolumeRecord, now: Timestamp) -> Result<(), StoreError> {
    let Some((schedule, plan)) =
        volume.schedule.as_ref().and_then(|schedule| schedule.parsed(volume.id)).zip(plan_of(&volume))
    else {
        set_plan(&mut volume, None);
        return volume::save(tx, &volume).await;
    };
    let next = plan.begun(&schedule, volume.id, now);
    match obstacle(tx, &volume).await? {
        // Too early to decide: the obstacle may be gone when the time has come.
        Some(_) if now < plan.run_at => {
            volume::save(tx, &volume).await?;
            return volume::put_off_schedule(tx, volume.id, plan.run_at).await;
        }
        Some(Obstacle::InProgress) => {
            tracing::warn!(volume = %volume.id, due = %plan.due, "the previous scheduled snapshot is still in progress");
            set_plan(&mut volume, next);
        }
        Some(Obstacle::PoolNearFull { percent }) => pause(tx, &mut volume, plan, percent, now).await?,
        Some(Obstacle::NotAvailable(failure)) => fail(tx, &mut volume, &failure, now).await?,
        None => {
            take(tx, &mut volume, plan, now).await?;
            set_plan(&mut volume, next);
        }
    }
    volume::save(tx, &volume).await
}

/// Why a scheduled snapshot cannot be requested now.
enum Obstacle {
    /// The previous one is not finished; it serves this time too.
    InProgress,
    PoolNearFull {
        percent: u64,
    },
    NotAvailable(Failure),
}

async fn obstacle(tx: &mut Tx, volume: &VolumeRecord) -> Result<Option<Obstacle>, StoreError> {
    if snapshot::is_in_progress(tx, volume.id, Trigger::Schedule).await? {
        return Ok(Some(Obstacle::InProgress));
    }
    if volume.lifecycle != Lifecycle::Available {
        let message = match &volume.error {
            Some(failure) => format!("the volume is {}: {}", volume.lifecycle.as_str(), failure.message),
            None => format!("the volume is {}", volume.lifecycle.as_str()),
        };
        let code = volume.error.as_ref().map_or(FailureCode::HostError, |failure| failure.code);
        return Ok(Some(Obstacle::NotAvailable(Failure { code, message })));
    }
    let percent = host::pool(tx, volume.host_id).await?.map(PoolUsage::used_percent);
    Ok(percent.filter(|percent| *percent >= PAUSE_PERCENT).map(|percent| Obstacle::PoolNearFull { percent }))
}

/// Requests the snapshot. If the schedule was paused, records that it has resumed.
async fn take(tx: &mut Tx, volume: &mut VolumeRecord, plan: Plan, now: Timestamp) -> Result<(), StoreError> {
    let was_paused = volume
        .schedule
        .as_ref()
        .is_some_and(|schedule| matches!(schedule.state, ScheduleState::Paused { .. }));
    if was_paused {
        set_state(volume, ScheduleState::Ok);
        NewEvent::of_volume(
            volume,
            EventKind::ScheduleResumed,
            "the pool has room again: scheduled snapshots go on",
        )
        .write(tx, now)
        .await?;
    }
    let draft = Draft {
        id: SnapshotId::from_uuid(Uuid::now_v7()),
        name: None,
        metadata: Default::default(),
        trigger: Trigger::Schedule,
        protected: false,
        take: TakeRules {
            not_before: Some(plan.run_at).filter(|at| *at > now),
            stall: Some(StallRules::SCHEDULED),
            hooks: volume.hooks.clone(),
        },
        asked_expiry: None,
    };
    snapshot::write_new(tx, volume, draft, now).await?;
    Ok(())
}

async fn pause(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    plan: Plan,
    percent: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let paused = ScheduleState::Paused { percent };
    if let Some(before) = set_state(volume, paused)
        && !matches!(before, ScheduleState::Paused { .. })
    {
        let message = format!(
            "the pool is {percent}% full: scheduled snapshots wait until it is below {PAUSE_PERCENT}%. Delete snapshots or \
             volumes, or enlarge the pool"
        );
        NewEvent::of_volume(volume, EventKind::SchedulePaused, message).write(tx, now).await?;
    }
    let run_at = now.saturating_add(PAUSED_FOR).unwrap_or(Timestamp::MAX);
    set_plan(volume, Some(Plan { run_at, ..plan }));
    Ok(())
}

/// A run that could not begin. The volume's history records it once per reason.
async fn fail(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = run_failed(volume, failure, now);
    if before != Some(ScheduleState::Failing(failure.clone())) {
        let message = format!("scheduled snapshot not taken: {}", failure.message);
        NewEvent::of_volume(volume, EventKind::SnapshotFailed, message).write(tx, now).await?;
    }
    Ok(())
}

/// Plans the retry after a scheduled snapshot of this volume failed. Returns the previous state.
pub(crate) fn run_failed(
    volume: &mut VolumeRecord,
    failure: &Failure,
    now: Timestamp,
) -> Option<ScheduleState> {
    let schedule = volume.schedule.as_ref().and_then(|schedule| schedule.parsed(volume.id));
    if let Some((schedule, plan)) = schedule.zip(plan_of(volume)) {
        set_plan(volume, plan.after_failure(&schedule, volume.id, now));
    }
    set_state(volume, ScheduleState::Failing(failure.clone()))
}

/// Records that a scheduled snapshot of this volume is ready.
pub(crate) fn run_succeeded(volume: &mut VolumeRecord) {
    let Some(schedule) = &mut volume.schedule else { return };
    schedule.plan = schedule.plan.map(Plan::succeeded);
    if matches!(schedule.state, ScheduleState::Failing(_)) {
        schedule.state = ScheduleState::Ok;
    }
}

/// Sets, replaces or (`None`) removes a volume's schedule. The same one again keeps its plan.
pub(crate) async fn change(
    tx: &mut Tx,
    volume: &mut VolumeRecord,
    schedule: Option<Schedule>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = schedule.as_ref().map(Schedule::as_str);
    if text == volume.schedule.as_ref().map(|schedule| schedule.text.as_str()) {
        return Ok(());
    }
    let message = match text {
        Some(text) => format!("snapshot schedule set to {text}"),
        None => "snapshot schedule switched off".to_owned(),
    };
    volume.schedule = schedule.map(|schedule| VolumeSchedule::new(&schedule, volume.id, now));
    NewEvent::of_volume(volume, EventKind::ScheduleChanged, message).write(tx, now).await
}

/// For a volume that is back from the trash: times that passed in the trash are not made up for.
pub(crate) fn plan_from(volume: &mut VolumeRecord, now: Timestamp) {
    let schedule = volume.schedule.as_ref().and_then(|schedule| schedule.parsed(volume.id));
    set_plan(volume, schedule.and_then(|schedule| Plan::first_after(&schedule, volume.id, now)));
}

fn checked_plan(volume: &VolumeRecord, now: Timestamp) -> Option<Plan> {
    let schedule = volume.schedule.as_ref()?;
    schedule.plan?.checked(&schedule.parsed(volume.id)?, volume.id, now)
}

fn plan_of(volume: &VolumeRecord) -> Option<Plan> {
    volume.schedule.as_ref().and_then(|schedule| schedule.plan)
}

fn set_plan(volume: &mut VolumeRecord, plan: Option<Plan>) {
    if let Some(schedule) = &mut volume.schedule {
        schedule.plan = plan;
    }
}

/// Returns the previous state.
fn set_state(volume: &mut VolumeRecord, state: ScheduleState) -> Option<ScheduleState> {
    volume.schedule.as_mut().map(|schedule| std::mem::replace(&mut schedule.state, state))
}
