//! Snapshot schedules: five cron fields, always UTC.
//!
//! A [`Schedule`] says when; a [`Plan`] is what a scheduler remembers of it: the one time that is served next. `croner`
//! searches the calendar, `fields` decides what may be written and names the field at fault.
//!
//! **Crash story.** A plan holds a single time, and beginning its run, however late, moves it past the present: stored with
//! the run's intent in one transaction, no time is served twice. Times missed while the server was down are made up for by
//! one run, and a clock that jumps ahead causes no more than that. [`Plan::checked`] mends the plan after a clock that was
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

/// How long before its time a run may be begun, to make its image ready.
pub const LEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

const FIRST_RETRY_MINUTES: i64 = 1;
const LAST_RETRY_MINUTES: i64 = 60;

/// A schedule that was understood. Its times are whole minutes in UTC; there is no summer time to fall into.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: croner::Cron,
}

impl Schedule {
    /// The error is the text for the caller's field, and names the cron field at fault.
    ///
    /// A day matches when it is in the day-of-month field and in the day-of-week field; when neither of them is a bare `*`,
    /// being in one of them is enough.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, numeric) = fields::parse(text)?;
        let cron = croner::parser::CronParser::new()
            .parse(&numeric)
            .map_err(|error| format!("{text:?} is not a schedule: {error}"))?;
        let schedule = Self { text, cron };
        // The calendar repeats every 400 years, so a schedule that does not come after one instant comes after none.
        if schedule.next_after(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!(
                "never comes: no month of \"{}\" has a day {}",
                fields::nth(&numeric, fields::MONTH),
                fields::nth(&numeric, fields::DAY_OF_MONTH),
            ));
        }
        Ok(schedule)
    }

    /// As it was written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time that is later than `after`; `None` when there is none before the year 5000.
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

    /// How much later than each of its times this volume's snapshot is taken, so that a thousand volumes of one schedule
    /// are not taken in the same second: stable for a volume, at most 30 s and half of the period that begins at `due`.
    pub fn delay(&self, volume: VolumeId, due: Timestamp) -> SignedDuration {
        let half_period = self.next_after(due).map_or(DELAY_MAX, |next| next.duration_since(due) / 2);
        let choices = DELAY_MAX.min(half_period).as_millis() as u64 + 1;
        SignedDuration::from_millis((fnv1a(volume.uuid().as_bytes()) % choices) as i64)
    }
}

/// What a scheduler remembers of one volume's schedule.
///
/// ```text
///  first_after ──► begin_at comes ──► begun ──► the run's outcome ──► succeeded or after_failure
///                       ▲                                                      │
///                       └──────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The time of the schedule that comes next, or that came and was not served yet.
    pub due: Timestamp,
    /// When the next run is: `due` and the volume's delay, or before that to try again after a failure.
    pub run_at: Timestamp,
    /// Failed runs in a row.
    pub failures: u32,
}

impl Plan {
    /// The plan right after a schedule was set, changed, or served at `now`. `None` when the schedule never comes again.
    pub fn first_after(schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let due = schedule.next_after(now)?;
        Some(Plan { due, run_at: later(due, schedule.delay(volume, due)), failures: 0 })
    }

    /// From when on the run may be begun, if its image needs `lead` to be made ready: never more than [`LEAD_MAX`] ahead, nor
    /// before the time halfway from the time before, so that two times of a schedule are begun in their order.
    pub fn begin_at(self, schedule: &Schedule, lead: SignedDuration) -> Timestamp {
        if self.run_at < self.due {
            return self.run_at;
        }
        let half_period =
            schedule.last_before(self.due).map_or(LEAD_MAX, |last| self.due.duration_since(last) / 2);
        let lead = lead.min(LEAD_MAX).min(half_period);
        self.run_at.checked_sub(lead).unwrap_or(self.run_at)
    }

    /// The plan after its run was begun at `now`, at its time, late, or ahead of it: it is not begun again. The failures stay
    /// until the run has an outcome.
    pub fn begun(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let next = Plan::first_after(schedule, volume, now.max(self.run_at))?;
        Some(Plan { failures: self.failures, ..next })
    }

    /// After the run that was begun last succeeded.
    pub fn succeeded(self) -> Plan {
        Plan { failures: 0, ..self }
    }

    /// After a failed run: tried again with backoff (1, 2, 4 … up to 60 minutes), but when the next time of the schedule
    /// comes before that, it is served instead, and the failures are still counted.
    pub fn after_failure(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let failures = self.failures.saturating_add(1);
        let next = Plan::first_after(schedule, volume, now)?;
        let retry_at = later(now, backoff(failures));
        let run_at = if next.due <= retry_at { next.run_at } else { retry_at };
        Some(Plan { run_at, failures, ..next })
    }

    /// The plan as it should be at `now`: the same, unless the clock was set back and the plan lies further ahead than the
    /// schedule's next time.
    ///
    /// A time that is less than [`LEAD_MAX`] ahead may have been served already, so it is no reason to change the plan; a
    /// clock that is corrected by a little takes no snapshot twice.
    pub fn checked(self, schedule: &Schedule, volume: VolumeId, now: Timestamp) -> Option<Plan> {
        let furthest = Plan::first_after(schedule, volume, later(now, LEAD_MAX))?;
        if self.run_at <= furthest.run_at {
            return Some(self);
        }
        let next = Plan::first_after(schedule, volume, now)?;
        Some(Plan { failures: self.failures, ..next })
    }
}

/// The wait before the run that follows so many failures in a row.
fn backoff(failures: u32) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(LAST_RETRY_MINUTES.ilog2() + 1);
    SignedDuration::from_mins((FIRST_RETRY_MINUTES << doublings).min(LAST_RETRY_MINUTES))
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// FNV-1a: the same on each platform and in each version, which the standard library's hashes do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// An instant as `croner` wants it: on a clock that never jumps.
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
