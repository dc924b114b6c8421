//! A volume's snapshot schedule as its row holds it.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::VolumeId;
use miosa_domain::schedule::{Plan, Schedule};
use miosa_domain::stall::SCHEDULED_GOAL_MS;
use miosa_domain::status::Failure;
use serde::{Deserialize, Serialize};

use crate::volume::VolumeRecord;

/// A host compacts at least this fast.
const COMPACTED_EXTENTS_PER_SECOND: u64 = 2_000;

/// Before it starts to compact, a host may be busy with other work for this long.
const LEAD_MIN: SignedDuration = SignedDuration::from_secs(20);

/// A volume's schedule as its row holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSchedule {
    /// As the caller wrote it; it was valid when it was accepted.
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
    pub fn new(schedule: &Schedule, volume_id: VolumeId, now: Timestamp) -> Self {
        Self {
            text: schedule.as_str().to_owned(),
            plan: Plan::first_after(schedule, volume_id, now),
            state: ScheduleState::Ok,
        }
    }

    /// Parses the text again. An invalid text, written by another program, has no times.
    pub fn parsed(&self, volume_id: VolumeId) -> Option<Schedule> {
        let warn =
            |error: &String| tracing::error!(volume = %volume_id, text = self.text, error, "not a schedule");
        Schedule::parse(&self.text).inspect_err(warn).ok()
    }
}

/// When the scheduler next considers the volume: at its run, or ahead of it if the image must be compacted first. Only the first
/// attempt at a time of the schedule is prepared ahead; retries are not.
pub fn wake_at(volume: &VolumeRecord) -> Option<Timestamp> {
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
