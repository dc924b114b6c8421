//! What is pruned: tables for the rules one by one, and their sum as a property.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::SnapshotId;
use miosa_domain::retention::{Candidate, FAILED_HOURS, expires_at, prunable};
use miosa_domain::snapshot::{SnapshotState, Trigger};
use proptest::prelude::*;
use strum::VariantArray;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);

fn id(n: u128) -> SnapshotId {
    SnapshotId::from_uuid(Uuid::from_u128(n))
}

fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

/// Taken so many hours ago, and expired unless it is changed.
fn good(n: u128, hours_ago: i64) -> Candidate {
    Candidate {
        id: id(n),
        state: SnapshotState::Ready,
        taken_at: NOW - hours(hours_ago),
        expires_at: Some(NOW - hours(1)),
        protected: false,
        in_use: false,
        damaged: false,
    }
}

#[test]
fn expiry_by_trigger() {
    use SnapshotState::{Creating, Failed, Ready};
    let asked = Some(NOW + hours(3));
    let in_hours = |n| Some(NOW + hours(n));
    // trigger, state, days, asked, expires
    let cases = [
        (Trigger::Schedule, Ready, 7, None, in_hours(7 * 24)),
        (Trigger::Schedule, Ready, 1, None, in_hours(24)),
        (Trigger::Schedule, Creating, 365, None, in_hours(365 * 24)),
        (Trigger::Safety, Ready, 7, None, in_hours(7 * 24)),
        (Trigger::Manual, Ready, 7, None, None),
        (Trigger::Manual, Ready, 7, asked, asked),
        (Trigger::Manual, Failed, 7, None, in_hours(FAILED_HOURS)),
        (Trigger::Manual, Failed, 7, asked, in_hours(FAILED_HOURS)),
        (Trigger::Schedule, Failed, 7, None, in_hours(FAILED_HOURS)),
    ];
    for (trigger, state, days, asked, expected) in cases {
        assert_eq!(expires_at(trigger, state, NOW, days, asked), expected, "{trigger:?} {state:?} {days}");
    }
    let late = expires_at(Trigger::Schedule, Ready, Timestamp::MAX, 7, None);
    assert_eq!(late, Some(Timestamp::MAX), "the calendar has an end");
}

#[test]
fn expired_ones_go_oldest_first() {
    let snapshots = [good(1, 20), good(2, 40), good(3, 10), good(4, 30)];
    assert_eq!(prunable(NOW, true, &snapshots), [id(2), id(4), id(1)], "the newest stays");
    assert_eq!(prunable(NOW, false, &snapshots), [id(2), id(4), id(1), id(3)], "nothing is left to protect");
    assert_eq!(prunable(NOW - hours(2), true, &snapshots), [], "none had expired then");
}

/// Each thing that keeps a snapshot, beside a newer good one.
#[test]
fn what_stays() {
    use SnapshotState::{Creating, Deleting, Failed};
    let cases = [
        ("expired", good(1, 20), true),
        ("expires now", Candidate { expires_at: Some(NOW), ..good(1, 20) }, true),
        (
            "expires soon",
            Candidate { expires_at: Some(NOW + SignedDuration::from_nanos(1)), ..good(1, 20) },
            false,
        ),
        ("never expires", Candidate { expires_at: None, ..good(1, 20) }, false),
        ("protected", Candidate { protected: true, ..good(1, 20) }, false),
        ("in use", Candidate { in_use: true, ..good(1, 20) }, false),
        ("failed", Candidate { state: Failed, ..good(1, 20) }, true),
        ("failed and protected", Candidate { state: Failed, protected: true, ..good(1, 20) }, false),
        ("being taken", Candidate { state: Creating, ..good(1, 20) }, false),
        ("on its way out", Candidate { state: Deleting, ..good(1, 20) }, false),
        ("damaged", Candidate { damaged: true, ..good(1, 20) }, true),
    ];
    for (what, candidate, goes) in cases {
        let pruned = prunable(NOW, true, &[candidate, good(2, 10)]);
        assert_eq!(pruned, if goes { vec![id(1)] } else { vec![] }, "{what}");
    }
}

/// What is newer and not good does not take the last good one's place.
#[test]
fn the_last_good_one_is_a_good_one() {
    use SnapshotState::{Creating, Deleting, Failed};
    for newer in [
        Candidate { state: Failed, ..good(2, 10) },
        Candidate { state: Creating, ..good(2, 10) },
        Candidate { state: Deleting, ..good(2, 10) },
        Candidate { damaged: true, ..good(2, 10) },
    ] {
        assert!(!prunable(NOW, true, &[good(1, 20), newer]).contains(&id(1)), "{newer:?}");
    }
    let twins = [good(1, 10), good(2, 10)];
    assert_eq!(prunable(NOW, true, &twins).len(), 1, "of two of one instant one stays");
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let state =
        prop_oneof![4 => Just(SnapshotState::Ready), 1 => proptest::sample::select(SnapshotState::VARIANTS)];
    let rarely = || proptest::bool::weighted(0.2);
    (state, 0..40_i64, proptest::option::weighted(0.8, -40..10_i64), rarely(), rarely(), rarely()).prop_map(
        |(state, ago, expires_in, protected, in_use, damaged)| Candidate {
            id: id(0),
            state,
            taken_at: NOW - hours(ago),
            expires_at: expires_in.map(|n| NOW + hours(n)),
            protected,
            in_use,
            damaged,
        },
    )
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    proptest::collection::vec(candidate(), 0..12).prop_map(|candidates| {
        (1..).zip(candidates).map(|(n, candidate)| Candidate { id: id(n), ..candidate }).collect()
    })
}

fn is_good(snapshot: &Candidate) -> bool {
    snapshot.state == SnapshotState::Ready && !snapshot.damaged
}

proptest! {
    #[test]
    fn nothing_goes_that_should_stay(snapshots in candidates(), volume_exists in any::<bool>()) {
        let pruned = prunable(NOW, volume_exists, &snapshots);
        let (gone, left): (Vec<Candidate>, Vec<Candidate>) =
            snapshots.iter().partition(|snapshot| pruned.contains(&snapshot.id));
        prop_assert_eq!(gone.len(), pruned.len(), "only what there is goes, and once");
        for snapshot in &gone {
            prop_assert!(!snapshot.protected && !snapshot.in_use, "{:?}", snapshot);
            prop_assert!(snapshot.expires_at.is_some_and(|at| at <= NOW), "{:?}", snapshot);
            prop_assert!(matches!(snapshot.state, SnapshotState::Ready | SnapshotState::Failed), "{:?}", snapshot);
        }
        if volume_exists && snapshots.iter().any(is_good) {
            let newest = snapshots.iter().filter(|s| is_good(s)).map(|s| s.taken_at).max();
            prop_assert!(left.iter().any(|s| is_good(s) && Some(s.taken_at) == newest), "the last good one went");
        }
        let taken: Vec<_> = pruned.iter().map(|id| snapshots.iter().find(|s| s.id == *id).unwrap().taken_at).collect();
        prop_assert!(taken.is_sorted(), "oldest first");
        // And all that may go does: at most the newest good one stays past its time without another reason.
        let kept_past_time = left.iter().filter(|s| {
            let settled = matches!(s.state, SnapshotState::Ready | SnapshotState::Failed);
            settled && !s.protected && !s.in_use && s.expires_at.is_some_and(|at| at <= NOW)
        });
        prop_assert!(kept_past_time.count() <= usize::from(volume_exists));
        prop_assert_eq!(prunable(NOW, volume_exists, &left), vec![], "a second prune finds nothing");
    }

    /// A scheduled or safety snapshot is there for all its days, and a failed one for its hours.
    #[test]
    fn nothing_goes_before_its_time(
        days in 1..=365_u32, age_hours in 0..9000_i64, by_schedule in any::<bool>(), failed in any::<bool>(),
    ) {
        let trigger = if by_schedule { Trigger::Schedule } else { Trigger::Safety };
        let state = if failed { SnapshotState::Failed } else { SnapshotState::Ready };
        let taken_at = NOW - hours(age_hours);
        let snapshot = Candidate { state, taken_at, expires_at: expires_at(trigger, state, taken_at, days, None), ..good(1, 0) };
        let limit_hours = if failed { FAILED_HOURS } else { 24 * i64::from(days) };
        prop_assert_eq!(prunable(NOW, false, &[snapshot]).is_empty(), age_hours < limit_hours);
    }
}
