//! What a scheduler remembers, under clocks that jump, stand still and run backwards.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::VolumeId;
use miosa_domain::schedule::{LEAD_MAX, Plan, Schedule};
use proptest::prelude::*;
use uuid::Uuid;

const DELAY_MAX: SignedDuration = SignedDuration::from_secs(30);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn volume(n: u128) -> VolumeId {
    VolumeId::from_uuid(Uuid::from_u128(n))
}

/// A scheduler and a clock, as the server has them.
struct World {
    schedule: Schedule,
    volume: VolumeId,
    now: Timestamp,
    plan: Plan,
}

impl World {
    fn new(schedule: &str, now: &str) -> Self {
        let schedule = Schedule::parse(schedule).unwrap();
        let (volume, now) = (volume(7), at(now));
        let plan = Plan::first_after(&schedule, volume, now).unwrap();
        Self { schedule, volume, now, plan }
    }

    fn delay(&self) -> SignedDuration {
        self.schedule.delay(self.volume, self.now)
    }

    /// Looks once, as a scheduler does that may have been away, and begins a run up to `lead` ahead: the plan that it
    /// begins, if there is one.
    fn begin(&mut self, now: Timestamp, lead: SignedDuration) -> Option<Plan> {
        self.now = now;
        self.plan = self.plan.checked(&self.schedule, self.volume, now).unwrap();
        let begun = self.plan;
        if begun.begin_at(&self.schedule, lead) > now {
            return None;
        }
        self.plan = begun.begun(&self.schedule, self.volume, now).unwrap();
        Some(begun)
    }

    fn end(&mut self, succeeds: bool) {
        self.plan = if succeeds {
            self.plan.succeeded()
        } else {
            self.plan.after_failure(&self.schedule, self.volume, self.now).unwrap()
        };
    }

    /// A run that is over at once: the time of the schedule that it was for.
    fn look(&mut self, now: Timestamp, succeeds: bool) -> Option<Timestamp> {
        let begun = self.begin(now, SignedDuration::ZERO)?;
        self.end(succeeds);
        Some(begun.due)
    }
}

/// The values are fixed: a new version of the server must not take a volume's snapshots at other seconds.
#[test]
fn delays_are_the_same_for_ever() {
    let schedule = Schedule::parse("0 4 * * *").unwrap();
    for (id, milliseconds) in [
        ("00000000-0000-0000-0000-000000000000", 18_807),
        ("0198c0de-0000-7000-8000-000000000001", 27_059),
        ("0198c0de-0000-7000-8000-000000000002", 29_924),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", 23_516),
    ] {
        let delay = schedule.delay(id.parse().unwrap(), at("2026-06-01T04:00:00Z"));
        assert_eq!(delay, SignedDuration::from_millis(milliseconds), "{id}");
    }
}

/// A thousand volumes that were made in one go do not crowd in one second.
#[test]
fn a_thousand_volumes_spread_over_half_a_minute() {
    let schedule = Schedule::parse("0 4 * * *").unwrap();
    let mut in_second = [0_u32; 31];
    for n in 0..1000 {
        let id = volume((0x0198_c0de_0000_7000 << 64) | (0x8000 << 48) | n);
        let delay = schedule.delay(id, at("2026-06-01T04:00:00Z"));
        in_second[delay.as_secs() as usize] += 1;
    }
    let (least, most) = (in_second[..30].iter().min().unwrap(), in_second.iter().max().unwrap());
    assert!(*least >= 10 && *most <= 70, "33 were expected in each second: {in_second:?}");
}

#[test]
fn a_time_is_served_once_and_after_its_delay() {
    let mut world = World::new("0 4 * * *", "2026-06-01T12:00:00Z");
    let due = at("2026-06-02T04:00:00Z");
    assert_eq!(world.plan, Plan { due, run_at: due + world.delay(), failures: 0 });
    assert_eq!(world.look(world.plan.run_at - SignedDuration::from_millis(1), true), None);
    assert_eq!(world.look(world.plan.run_at, true), Some(due));
    assert_eq!(world.look(world.now, true), None);
    assert_eq!(world.plan.due, at("2026-06-03T04:00:00Z"));
}

/// Many times missed, by a server that was down or a clock that jumped ahead, are one run.
#[test]
fn downtime_over_several_times_is_made_up_for_once() {
    let mut world = World::new("0 * * * *", "2026-02-28T20:30:00Z");
    let back = at("2026-03-01T03:30:00Z");
    assert_eq!(world.look(back, true), Some(at("2026-02-28T21:00:00Z")));
    for minutes in 0..30 {
        assert_eq!(world.look(back + SignedDuration::from_mins(minutes), true), None);
    }
    assert_eq!(world.look(at("2026-03-01T04:00:30Z"), true), Some(at("2026-03-01T04:00:00Z")));
}

#[test]
fn a_clock_that_was_set_back_does_not_silence_a_schedule() {
    let mut world = World::new("0 4 * * *", "2036-01-01T00:00:00Z");
    assert_eq!(world.look(at("2026-06-01T03:59:00Z"), true), None);
    assert_eq!(world.plan.due, at("2026-06-01T04:00:00Z"));
    assert_eq!(world.look(at("2026-06-01T04:00:30Z"), true), Some(at("2026-06-01T04:00:00Z")));
    // Corrected by a little, over the time that was served: it was served.
    assert_eq!(world.look(at("2026-06-01T03:59:00Z"), true), None);
    assert_eq!(world.look(at("2026-06-01T04:00:30Z"), true), None);
    // Set back by an hour: it comes again, and is served again.
    assert_eq!(world.look(at("2026-06-01T03:00:00Z"), true), None);
    assert_eq!(world.look(at("2026-06-01T04:00:30Z"), true), Some(at("2026-06-01T04:00:00Z")));
    // A retry that is far ahead of a clock that was set back gives way too, and is still counted.
    assert!(world.look(at("2026-06-02T04:00:30Z"), false).is_some());
    assert_eq!(world.look(at("2026-06-01T03:00:00Z"), true), None);
    let due = at("2026-06-01T04:00:00Z");
    assert_eq!(world.plan, Plan { due, run_at: due + world.delay(), failures: 1 });
}

/// A run that is begun ahead to make its image ready is not begun again when its time comes.
#[test]
fn a_run_begun_ahead_is_begun_once() {
    let mut world = World::new("*/5 * * * *", "2026-06-01T00:01:00Z");
    let lead = SignedDuration::from_mins(2);
    let due = at("2026-06-01T00:05:00Z");
    assert_eq!(world.begin(due - lead, lead), None, "its delay is not over");
    let begun = world.begin(due - lead + world.delay(), lead).unwrap();
    assert_eq!(begun.due, due);
    for seconds in 0..180 {
        assert_eq!(world.begin(due - lead + SignedDuration::from_secs(seconds), lead), None);
    }
    world.end(true);
    assert_eq!(world.begin(due + lead + lead, lead).unwrap().due, at("2026-06-01T00:10:00Z"));
}

/// However much lead is asked for, a run is begun after the time before it, and a retry is not begun early.
#[test]
fn leads_are_limited() {
    let minutes = SignedDuration::from_mins;
    // schedule, now, lead asked for, lead given
    for (schedule, now, asked, given) in [
        ("0 4 * * *", "2026-06-01T00:00:00Z", minutes(0), minutes(0)),
        ("0 4 * * *", "2026-06-01T00:00:00Z", minutes(3), minutes(3)),
        ("0 4 * * *", "2026-06-01T00:00:00Z", minutes(90), LEAD_MAX),
        ("0,6 * * * *", "2026-06-01T00:01:00Z", minutes(9), minutes(3)),
        ("0,6 * * * *", "2026-06-01T00:07:00Z", minutes(9), minutes(9)),
        ("* * * * *", "2026-06-01T00:00:00Z", minutes(9), SignedDuration::from_secs(30)),
    ] {
        let world = World::new(schedule, now);
        let begin_at = world.plan.begin_at(&world.schedule, asked);
        assert_eq!(world.plan.run_at.duration_since(begin_at), given, "{schedule} at {now}, {asked:?}");
        let retry = Plan { run_at: world.plan.due - minutes(1), failures: 1, ..world.plan };
        assert_eq!(retry.begin_at(&world.schedule, asked), retry.run_at);
    }
}

#[test]
fn failures_are_retried_with_backoff_until_the_next_time() {
    let mut world = World::new("0 4 * * *", "2026-06-01T00:00:00Z");
    let next = at("2026-06-02T04:00:00Z");
    for (failures, minutes) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (9, 60)] {
        assert!(world.look(world.plan.run_at, false).is_some());
        let run_at = world.now + SignedDuration::from_mins(minutes);
        assert_eq!(world.plan, Plan { due: next, run_at, failures });
    }
    // Half an hour before the next time, the backoff would pass it.
    assert!(world.look(at("2026-06-02T03:30:00Z"), false).is_some());
    assert_eq!(world.plan, Plan { due: next, run_at: next + world.delay(), failures: 10 });
    assert_eq!(world.look(world.plan.run_at, true), Some(next));
    assert_eq!(world.plan.failures, 0, "a good run ends the count");
    let worn = Plan { failures: u32::MAX, ..world.plan };
    let tired = worn.after_failure(&world.schedule, world.volume, world.now).unwrap();
    assert_eq!(tired.run_at, world.now + SignedDuration::from_mins(60));
    // A retry that succeeds is for the time that failed; the next one is still to come.
    assert!(world.look(at("2026-06-03T04:00:30Z"), false).is_some());
    assert!(world.look(world.plan.run_at, true).is_some());
    assert_eq!(world.plan.due, at("2026-06-04T04:00:00Z"));
}

/// Between two looks: how the clock moves in milliseconds, and what becomes of the run that was begun, if it is over.
fn moves() -> impl Strategy<Value = Vec<(i64, Option<bool>)>> {
    let hour = 3_600_000_i64;
    let by = prop_oneof![
        6 => 0..120_000_i64,
        3 => 0..3 * hour,
        1 => 0..2000 * hour,
        1 => -120_000..0_i64,
        1 => -50 * hour..0,
    ];
    let outcome = proptest::option::weighted(0.7, proptest::bool::weighted(0.7));
    proptest::collection::vec((by, outcome), 1..60)
}

fn some_schedule() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &[
            "* * * * *",
            "*/7 * * * *",
            "0 * * * *",
            "0 4 * * *",
            "59 23 31 12 *",
            "0 0 29 2 *",
            "0 0 13 * FRI",
        ][..],
    )
}

/// A time that was served, and what happened since its run was begun.
#[derive(Debug)]
struct Served {
    due: Timestamp,
    latest: Timestamp,
    /// How far the clock fell at most below the latest that it showed.
    set_back: SignedDuration,
    run_failed: bool,
}

impl Served {
    fn clock_shows(&mut self, now: Timestamp) {
        self.latest = now.max(self.latest);
        self.set_back = self.set_back.max(self.latest.duration_since(now));
    }

    fn may_come_again(&self, lead: SignedDuration) -> bool {
        let tolerated = if self.run_failed { SignedDuration::ZERO } else { LEAD_MAX - lead };
        self.set_back > tolerated
    }
}

proptest! {
    #[test]
    fn delays_are_short_and_stable(id in any::<u128>(), text in some_schedule(), second in 0..4_000_000_000_i64) {
        let schedule = Schedule::parse(text).unwrap();
        let due = schedule.next_after(Timestamp::new(second, 0).unwrap()).unwrap();
        let period = schedule.next_after(due).unwrap().duration_since(due);
        let delay = schedule.delay(volume(id), due);
        prop_assert!(!delay.is_negative() && delay <= DELAY_MAX && delay * 2 <= period, "{:?}", delay);
        prop_assert_eq!(delay.subsec_nanos() % 1_000_000, 0);
        prop_assert_eq!(delay, Schedule::parse(text).unwrap().delay(volume(id), due));
    }

    /// However the clock jumps, with runs begun ahead or not: no run is begun before it may, no time is served twice unless
    /// the clock was set back (by more than a correction, where nothing failed), one look begins one run, none that is due is
    /// left out, and the next one is never further away than the schedule's next time.
    #[test]
    fn plans_survive_any_clock(
        text in some_schedule(), lead_seconds in prop_oneof![Just(0_i64), 0..=600_i64], moves in moves(),
    ) {
        let mut world = World::new(text, "2026-12-30T22:10:00Z");
        let lead = SignedDuration::from_secs(lead_seconds).min(LEAD_MAX);
        let mut running: Option<Timestamp> = None;
        let mut served: Vec<Served> = Vec::new();
        for (by, outcome) in moves {
            let now = world.now + SignedDuration::from_millis(by);
            world.now = now;
            served.iter_mut().for_each(|before| before.clock_shows(now));
            if let Some(succeeds) = outcome.filter(|_| running.is_some()) {
                world.end(succeeds);
                let due = running.take();
                served.retain(|before| succeeds || Some(before.due) != due);
                served.iter_mut().for_each(|before| before.run_failed |= !succeeds);
            }
            if running.is_some() {
                continue;
            }
            let was_due = world.plan.begin_at(&world.schedule, lead) <= now;
            if let Some(begun) = world.begin(now, lead) {
                prop_assert!(begun.run_at <= now + lead, "{:?} was begun at {}", begun, now);
                // A retry comes before the next time and is not for it.
                if begun.run_at >= begun.due {
                    for before in &served {
                        prop_assert!(begun.due > before.due || before.may_come_again(lead), "{:?}, {:?}", begun, before);
                    }
                    let set_back = SignedDuration::ZERO;
                    served.push(Served { due: begun.due, latest: now, set_back, run_failed: false });
                }
                running = Some(begun.due);
            } else {
                prop_assert!(!was_due, "a run that was due at {} was left out", now);
            }
            prop_assert!(world.plan.run_at > now, "one look, one run");
            let furthest = world.schedule.next_after(now + LEAD_MAX).unwrap();
            prop_assert!(world.plan.run_at <= furthest + DELAY_MAX, "{:?} at {}", world.plan, now);
        }
    }
}
