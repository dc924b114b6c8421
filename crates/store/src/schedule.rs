//! Schedules: which volumes are due, and what became of their last run.
//!
//! The scheduler looks at a volume at its `schedule_wake_at`: the time of its run, or earlier when the image has to be compacted
//! ahead of it. That column is indexed and follows from the row, so a look that finds nothing is one short query.
//!
//! **Crash story.** A run is one transaction: the snapshot's intent and the volume's next time together. So a due time is
//! served once, whether the server dies before or after; times missed while it was down are served by one run.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::schedule::{Plan, Schedule};
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::TakeRules;
use miosa_domain::stall::{SCHEDULED_GOAL_MS, StallRules};
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{HostId, SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::host::{self, PoolUsage};
use crate::snapshot::{self, Draft};
use crate::sql::query;
use crate::store::{Store, Tx};
use crate::volume::{self, VolumeRecord};
use crate::{transact, verb};

/// From this share of the pool on, scheduled snapshots wait: before those by hand, and long before writes are refused.
const PAUSE_PERCENT: u64 = 85;

/// How often a paused schedule is looked at.
const PAUSED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Volumes served in one transaction, so that a thousand that are due at once do not hold every other writer up.
const BATCH: i64 = 100;

/// How fast a host compacts, at its slowest, and how long before that it may be busy otherwise.
const COMPACTED_EXTENTS_PER_SECOND: u64 = 2_000;
const LEAD_MIN: SignedDuration = SignedDuration::from_secs(20);

/// A volume's schedule as its row holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSchedule {
    /// As it was written; it was understood when it was accepted.
    pub text: String,
    pub plan: Option<Plan>,
    pub state: ScheduleState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    Ok,
    /// The pool is nearly full.
    Paused {
        percent: u64,
    },
    /// The last run failed.
    Failing(Failure),
}

impl VolumeSchedule {
    pub(crate) fn new(schedule: &Schedule, volume_id: VolumeId, now: Timestamp) -> Self {
        Self {
            text: schedule.as_str().to_owned(),
            plan: Plan::first_after(schedule, volume_id, now),
            state: ScheduleState::Ok,
        }
    }

    /// Understood once more. A text that is not any longer (it was written by another program) has no times.
    fn parsed(&self, volume_id: VolumeId) -> Option<Schedule> {
        let warn =
            |error: &String| tracing::error!(volume = %volume_id, text = self.text, error, "not a schedule");
        Schedule::parse(&self.text).inspect_err(warn).ok()
    }
}

impl Store {
    /// Writes the snapshots whose time has come, or comes so soon that their image has to be compacted ahead. Answers the
    /// hosts that have new specs.
    pub async fn run_due_schedules(&self, now: Timestamp) -> Result<Vec<HostId>, StoreError> {
        const DOING: &str = "take the snapshots that are due";
        let mut hosts = BTreeSet::new();
        loop {
            let due = self.due_volumes(now).await?;
            if due.is_empty() {
                return Ok(hosts.into_iter().collect());
            }
            let served = transact!(self, verb!("schedule", DOING), |tx| serve_all(tx, &due, now).await)?;
            hosts.extend(served);
        }
    }

    async fn due_volumes(&self, now: Timestamp) -> Result<Vec<VolumeId>, StoreError> {
        const DOING: &str = "look for snapshots that are due";
        query(DOING, "SELECT id FROM volumes WHERE schedule_wake_at <= $1 ORDER BY schedule_wake_at LIMIT $2")
            .bind(now)
            .bind(BATCH)
            .all(&mut self.single(DOING).await?)
            .await
    }

    /// Brings plans back that lie further ahead than their schedule, after the clock was set back.
    pub async fn check_schedules(&self, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "check schedules against the clock";
        let all = volume::scheduled(&mut self.single(DOING).await?).await?;
        for found in all.iter().filter(|volume| checked_plan(volume, now) != plan_of(volume)) {
            transact!(self, verb!(DOING), |tx| {
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

/// The hosts that have new specs.
async fn serve_all(tx: &mut Tx, due: &[VolumeId], now: Timestamp) -> Result<Vec<HostId>, StoreError> {
    let mut hosts = Vec::new();
    for id in due {
        let Some(volume) = volume::load_any(tx, *id).await? else { continue };
        let host_id = volume.host_id;
        match wake_at(&volume) {
            Some(at) if at <= now => {
                if serve(tx, volume, now).await? == Served::Taken {
                    hosts.push(host_id);
                }
            }
            // Its schedule changed a moment ago, or the row was written by other rules than today's.
            _ => volume::save(tx, &volume).await?,
        }
    }
    Ok(hosts)
}

#[derive(PartialEq, Eq)]
enum Served {
    Taken,
    NotTaken,
}

/// Afterwards the volume is not due at `now` any more, whatever became of its run.
async fn serve(tx: &mut Tx, mut volume: VolumeRecord, now: Timestamp) -> Result<Served, StoreError> {
    let Some((schedule, plan)) =
        volume.schedule.as_ref().and_then(|schedule| schedule.parsed(volume.id)).zip(plan_of(&volume))
    else {
        set_plan(&mut volume, None);
        volume::save(tx, &volume).await?;
        return Ok(Served::NotTaken);
    };
    let next = plan.begun(&schedule, volume.id, now);
    match obstacle(tx, &volume).await? {
        // It is too early to say: what is in the way now may be over when the time has come.
        Some(_) if now < plan.run_at => {
            volume::save(tx, &volume).await?;
            query("put off the look at a schedule", "UPDATE volumes SET schedule_wake_at = $2 WHERE id = $1")
                .bind(volume.id)
                .bind(plan.run_at)
                .execute(tx)
                .await?;
            return Ok(Served::NotTaken);
        }
        Some(Obstacle::InProgress) => {
            tracing::warn!(volume = %volume.id, due = %plan.due, "the scheduled snapshot before is not there yet");
            set_plan(&mut volume, next);
        }
        Some(Obstacle::PoolNearFull { percent }) => pause(tx, &mut volume, plan, percent, now).await?,
        Some(Obstacle::NotAvailable(failure)) => fail(tx, &mut volume, &failure, now).await?,
        None => {
            take(tx, &mut volume, plan, now).await?;
            set_plan(&mut volume, next);
            volume::save(tx, &volume).await?;
            return Ok(Served::Taken);
        }
    }
    volume::save(tx, &volume).await?;
    Ok(Served::NotTaken)
}

/// Why a scheduled snapshot cannot be asked for now.
enum Obstacle {
    /// The one before it is not there yet; it serves this time too.
    InProgress,
    PoolNearFull {
        percent: u64,
    },
    NotAvailable(Failure),
}

async fn obstacle(tx: &mut Tx, volume: &VolumeRecord) -> Result<Option<Obstacle>, StoreError> {
    let in_progress: bool = query(
        "look for a scheduled snapshot in progress",
        "SELECT EXISTS (SELECT 1 FROM snapshots WHERE volume_id = $1 AND state = 'creating' AND cause = $2)",
    )
    .bind(volume.id)
    .bind(Trigger::Schedule)
    .one(tx)
    .await?;
    if in_progress {
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

/// Asks for the snapshot, and says so if the schedule was paused.
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

/// A run that could not even begin. The volume's history tells it once for each reason.
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

/// A scheduled snapshot of this volume failed: it is tried again later. Answers the state before.
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

/// A scheduled snapshot of this volume is there.
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

/// For a volume that is back from the trash: what fell due meanwhile is not made up for.
pub(crate) fn plan_anew(volume: &mut VolumeRecord, now: Timestamp) {
    let schedule = volume.schedule.as_ref().and_then(|schedule| schedule.parsed(volume.id));
    set_plan(volume, schedule.and_then(|schedule| Plan::first_after(&schedule, volume.id, now)));
}

/// When the scheduler should look at the volume: at its run, or ahead of it when its image is to be compacted first. The first
/// look at a time of the schedule is ahead of it; retries are not.
pub(crate) fn wake_at(volume: &VolumeRecord) -> Option<Timestamp> {
    let schedule = volume.schedule.as_ref()?;
    let plan = schedule.plan.filter(|_| volume.deleted_at.is_none())?;
    let extents = match &volume.space {
        Some(space) if space.predicted_stall_ms > SCHEDULED_GOAL_MS => space.extents,
        _ => return Some(plan.run_at),
    };
    if plan.failures > 0 || schedule.state != ScheduleState::Ok {
        return Some(plan.run_at);
    }
    let compacting = SignedDuration::from_secs((extents / COMPACTED_EXTENTS_PER_SECOND).cast_signed());
    let lead = compacting.saturating_add(LEAD_MIN);
    Some(schedule.parsed(volume.id).map_or(plan.run_at, |parsed| plan.begin_at(&parsed, lead)))
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

/// Answers the state before.
fn set_state(volume: &mut VolumeRecord, state: ScheduleState) -> Option<ScheduleState> {
    volume.schedule.as_mut().map(|schedule| std::mem::replace(&mut schedule.state, state))
}
