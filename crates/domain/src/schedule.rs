//! Snapshot schedules: five cron fields, always UTC.
//!
//! A [`Schedule`] defines the times; a [`Plan`] is the scheduler's state: the single time to serve next. `croner`
//! searches the calendar; `fields` validates the text and names the invalid field.
//!
//! **Crash safety.** A plan holds a single time, and starting its run, however late, moves it past the present. Stored with
//! the run's intent in one transaction, no time is served twice. Times missed while the server was down are replaced by
//! one run, and so are those skipped by a clock that jumps ahead. [`Plan::checked`] corrects the plan after a clock was
//! set back.

mod fields;

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::id::VolumeId;

const DELAY_MAX: SignedDuration = SignedDuration::from_secs(30);

/// How far ahead of its time a run may start, to prepare the image.
pub const LEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

const FIRST_RETRY_MINUTES: i64 = 1;
const LAST_RETRY_MINUTES: i64 = 60;

/// A parsed schedule. Its times are whole minutes in UTC, so daylight saving does not apply.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: croner::Cron,
}

impl Schedule {
    /// The error is the message for the caller's field, and names the invalid cron field.
    ///
    /// A day matches when it is in the day-of-month field and in the day-of-week field; when neither of them is a bare `*`,
    /// being in one of them is enough.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, numeric) = fields::parse(text)?;
        let cron = croner::parser::CronParser::new()
            .parse(&numeric)
            .map_err(|error| format!("{text:?} is not a schedule: {error}"))?;
        let schedule = Self { text, cron };
        // The calendar repeats every 400 years, so a schedule with no time after one instant has none after any.
        if schedule.next_after(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!(
                "never comes: no month of \"{}\" has a day {}",
                fields::nth(&numeric, fields::MONTH),
                fields::nth(&numeric, fields::DAY_OF_MONTH),
            ));
        }
        Ok(schedule)
    }

    /// The original text, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time later than `after`; `None` if there is none before the year 5000.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.cron.find_next_occurrence(&Utc(after), false).ok().map(|found| found.0)
    }

    fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        self.cron.find_previous_occurrence(&Utc(before), false).ok().map(|found| found.0)
    }

    /// The next `count` times after `after`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last)).take(count).collect()
    }

    /// The fixed delay of this volume's snapshots after each scheduled time, so that a thousand volumes with one schedule
    /// are not taken in the same second: stable for a volume, at most 30 s and half of the period that begins at `due`.
    pub fn delay(&self, volume: VolumeId, due: Timestamp) -> SignedDuration {
        let half_period = self.next_after(due).map_or(DELAY_MAX, |next| next.duration_since(due) / 2);
        let choices = DELAY_MAX.min(half_period).as_millis() as u64 + 1;
        SignedDuration::from_millis((fnv1a(volume.uuid().as_bytes()) % choices) as i64)
    }
}

/// The scheduler's state for one volume.
///
/// ```text
///  first_after ──► begin_at reached ──► begun ──► the run's outcome ──► succeeded or after_failure
///                       ▲                                                      │
///                       └──────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The next scheduled time, or one that has passed and was not served yet.
    pub due: Timestamp,
    /// When the next run starts: `due` plus the volume's delay, or earlier to retry after a failure.
    pub run_at: Timestamp,
    /// Consecutive failed runs.
    pub failures: u32,
}

impl Plan {
    /// The plan after a schedule was set, changed, or served at `now`. `None` if the schedule has no further time.
    pub fn first_after(schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let due = schedule.next_after(now)?;
        Some(Plan { due, run_at: later(due, schedule.delay(volume, due)), failures: 0 })
    }

    /// The earliest start of the run if its image needs `lead` to be prepared: at most [`LEAD_MAX`] ahead, and not
    /// before the midpoint since the previous time, so that two runs of a schedule start in order.
    pub fn begin_at(self, schedule: &Schedule, lead: SignedDuration) -> Timestamp {
        if self.run_at < self.due {
            return self.run_at;
        }
        let half_period =
            schedule.last_before(self.due).map_or(LEAD_MAX, |last| self.due.duration_since(last) / 2);
        let lead = lead.min(LEAD_MAX).min(half_period);
        self.run_at.checked_sub(lead).unwrap_or(self.run_at)
    }

    /// The plan after its run started at `now`, whether on time, late or early. The run is not started again. Failures are kept
    /// until the run's outcome is known.
    pub fn begun(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let next = Plan::first_after(schedule, volume, now.max(self.run_at))?;
        Some(Plan { failures: self.failures, ..next })
    }

    /// The plan after the last run succeeded.
    pub fn succeeded(self) -> Plan {
        Plan { failures: 0, ..self }
    }

    /// The plan after a failed run: retried with backoff (1, 2, 4 … up to 60 minutes). If the next scheduled time
    /// comes first, it is served instead, and the failures are still counted.
    pub fn after_failure(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let failures = self.failures.saturating_add(1);
        let next = Plan::first_after(schedule, volume, now)?;
        let retry_at = later(now, backoff(failures));
        let run_at = if next.due <= retry_at { next.run_at } else { retry_at };
        Some(Plan { run_at, failures, ..next })
    }

    /// Corrects the plan at `now`: unchanged, unless the clock was set back and the plan lies further ahead than the
    /// schedule's next time.
    ///
    /// A time less than [`LEAD_MAX`] ahead may have been served already and does not change the plan, so a small clock
    /// correction never takes a snapshot twice.
    pub fn checked(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let furthest = Plan::first_after(schedule, volume, later(now, LEAD_MAX))?;
        if self.run_at <= furthest.run_at {
            return Some(self);
        }
        let next = Plan::first_after(schedule, volume, now)?;
        Some(Plan { failures: self.failures, ..next })
    }
}

/// The delay before the run that follows this many consecutive failures.
fn backoff(failures: u32) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(LAST_RETRY_MINUTES.ilog2() + 1);
    SignedDuration::from_mins((FIRST_RETRY_MINUTES << doublings).min(LAST_RETRY_MINUTES))
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// FNV-1a. Stable across platforms and versions, unlike the standard library's hashes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// An instant in the form `croner` expects, without daylight saving.
#[derive(Clone)]
struct Utc(Timestamp);

impl Utc {
    fn civil(&self) -> DateTime {
        Offset::UTC.to_datetime(self.0)
    }
}

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let civil = self.civil();
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(civil.year().into(), civil.month() as u32, civil.day() as u32),
            CivilTime::from_parts_unchecked(
                civil.hour() as u32,
                civil.minute() as u32,
                civil.second() as u32,
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.civil().weekday().to_sunday_zero_offset() as u32)
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let civil = DateTime::new(
            year,
            civil.month() as i8,
            civil.day() as i8,
            civil.hour() as i8,
            civil.minute() as i8,
            civil.second() as i8,
            0,
        )
        .map_err(|_| CronError::InvalidDate)?;
        let time = Offset::UTC.to_timestamp(civil).map_err(|_| CronError::InvalidTime)?;
        Ok(Resolution::Single(Utc(time)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Utc)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
