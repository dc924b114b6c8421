//! Fragmented images: compacted before a snapshot, ahead of its time, and on demand.

use jiff::{SignedDuration, Timestamp};
use miosa_backend::fake::Call;
use miosa_backend::{BackendError, Snapshots};
use miosa_domain::Generation;
use miosa_domain::spec::{Presence, VolumeSpec};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{CompactionState, CompactionStatus, FailureCode, SnapshotCondition, VolumeStatus};

use crate::world::{World, count, failure_of, ready, snapshot, taken};

/// More than the budget allows.
const FRAGMENTED: u64 = 250_000;

fn compacted(v: &VolumeSpec, generation: u64, number: u64) -> VolumeSpec {
    VolumeSpec { generation: Generation(generation), compaction: number, ..v.clone() }
}

fn reached(number: u64, state: CompactionState) -> impl Fn(&VolumeStatus) -> bool {
    move |status| status.compaction.as_ref().is_some_and(|c| c.number == number && c.state == state)
}

fn extents(world: &World, v: &VolumeSpec) -> u64 {
    world.backend.fragmentation(v.id).unwrap().extents
}

/// Beyond the budget the image is compacted first, and the snapshot says so; the volume's status tells of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_fragmented_volume_is_compacted_first() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, FRAGMENTED, 500);
    let mut s = snapshot(2, 2, &v);
    s.take.stall = Some(StallRules::BY_HAND);
    world.ask_snapshots([&s]).await;
    let facts = world.snapshot(&s, "the snapshot", taken).await.facts.unwrap();
    assert_eq!((facts.compacted, facts.extents), (true, 500));
    let told = world.volume(&v, "what was done", reached(0, CompactionState::Done)).await.compaction.unwrap();
    assert_eq!((told.extents_before, told.extents_now), (FRAGMENTED, 500));

    let mut tidy = snapshot(3, 2, &v);
    tidy.take.stall = Some(StallRules::BY_HAND);
    world.ask_snapshots([&tidy]).await;
    assert!(!world.snapshot(&tidy, "the snapshot", taken).await.facts.unwrap().compacted);
    assert_eq!(count(&world, Call::Compact), 1);
}

/// Where compacting does not help, or there is no room for it, there is no snapshot: the answer has both numbers and the way
/// out. Without rules it is taken at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_kept() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, FRAGMENTED, 200_000);
    let mut s = snapshot(2, 2, &v);
    s.take.stall = Some(StallRules::BY_HAND);
    world.ask_snapshots([&s]).await;
    let refused = |s: &_| failure_of(s) == Some(FailureCode::StallBudget);
    let status = world.snapshot(&s, "the refusal", refused).await;
    let SnapshotCondition::Failed(failure) = status.condition else { unreachable!() };
    for part in ["about 1200 ms", "500 ms", "--now"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }

    let no_room = BackendError::InsufficientCapacity { capacity_bytes: 1, used_bytes: 1 };
    world.backend.fail_next(Call::Compact, no_room);
    s.generation = Generation(3);
    world.ask_snapshots([&s]).await;
    let status = world.snapshot(&s, "the refusal", refused).await;
    let SnapshotCondition::Failed(failure) = status.condition else { unreachable!() };
    assert!(failure.message.contains("no room"), "{}", failure.message);

    let (compactions, now) = (count(&world, Call::Compact), snapshot(3, 2, &v));
    world.ask_snapshots([&now]).await;
    world.snapshot(&now, "the snapshot", taken).await;
    assert_eq!(count(&world, Call::Compact), compactions);
}

/// A scheduled snapshot has its volume compacted ahead, and waits for its time then; withdrawn meanwhile, the compaction ends.
#[tokio::test(flavor = "multi_thread")]
async fn compacted_ahead_of_time() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 50_000, 500);
    let mut s = snapshot(2, 2, &v);
    s.take.stall = Some(StallRules::SCHEDULED);
    s.take.not_before = Some(Timestamp::now() + SignedDuration::from_hours(1));
    world.gate.close(Call::Compact);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::Compact).await;
    world.gate.open(Call::Compact);
    world.volume(&v, "the compaction", reached(0, CompactionState::Done)).await;
    assert_eq!((extents(&world, &v), count(&world, Call::CloneSnapshot)), (500, 0));
    (s.generation, s.take.not_before) = (Generation(3), None);
    world.ask_snapshots([&s]).await;
    assert!(world.snapshot(&s, "the snapshot", taken).await.facts.is_some());

    world.backend.set_extents(v.id, 50_000, 500);
    let mut s = snapshot(3, 2, &v);
    s.take.stall = Some(StallRules::SCHEDULED);
    s.take.not_before = Some(Timestamp::now() + SignedDuration::from_hours(1));
    world.gate.close(Call::Compact);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::Compact).await;
    (s.generation, s.presence) = (Generation(4), miosa_domain::spec::SnapshotPresence::Purged);
    world.ask_snapshots([&s]).await;
    world.settle(900).await;
    world.gate.open(Call::Compact);
    world.snapshot(&s, "the end", crate::world::gone).await;
    assert_eq!(extents(&world, &v), 50_000);
}

/// On demand, once: told while it runs and when it is done, and after a restart told again but not begun again.
#[tokio::test(flavor = "multi_thread")]
async fn on_demand_once() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 50_000, 500);
    world.gate.close(Call::Compact);
    let v = compacted(&v, 2, 1);
    world.ask([&v], []).await;
    world.volume(&v, "to run", reached(1, CompactionState::Running)).await;
    // Asked for again while it runs: still one.
    world.ask([&v], []).await;
    world.settle(900).await;
    world.gate.open(Call::Compact);
    let done = world.volume(&v, "the end", reached(1, CompactionState::Done)).await.compaction;
    world.kill_agent();
    world.forget_what_was_told();
    world.start_agent().await;
    assert_eq!(world.volume(&v, "the end again", reached(1, CompactionState::Done)).await.compaction, done);
    world.ask([&v], []).await;
    world.settle(901).await;
    assert_eq!(count(&world, Call::Compact), 1);
    let v = compacted(&v, 3, 2);
    world.ask([&v], []).await;
    world.volume(&v, "the next one", reached(2, CompactionState::Done)).await;
}

/// One that was cut off with the agent is begun again; one that the agent stops for ends soon.
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_it_is_begun_again() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 50_000, 500);
    world.gate.close(Call::Compact);
    let v = compacted(&v, 2, 1);
    world.ask([&v], []).await;
    world.gate.held(Call::Compact).await;
    world.kill_agent();
    world.gate.close(Call::Compact);
    world.start_agent().await;
    world.gate.held(Call::Compact).await;
    let gate = world.gate.clone();
    tokio::join!(world.stop_agent(), async { gate.open(Call::Compact) });
    world.start_agent().await;
    world.volume(&v, "the end", reached(1, CompactionState::Done)).await;
    assert_eq!(extents(&world, &v), 500);
}

/// A volume that is deleted is not compacted any further, nor when it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_when_the_volume_is_deleted() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 50_000, 500);
    world.gate.close(Call::Compact);
    let mut v = compacted(&v, 2, 1);
    world.ask([&v], []).await;
    world.gate.held(Call::Compact).await;
    (v.generation, v.presence) = (Generation(3), Presence::Trashed);
    world.ask([&v], []).await;
    world.settle(900).await;
    world.gate.open(Call::Compact);
    let is_stopped = |status: &VolumeStatus| {
        let stopped = |c: &CompactionStatus| matches!(c.state, CompactionState::Stopped(_)) && c.number == 1;
        status.compaction.as_ref().is_some_and(stopped)
    };
    world.volume(&v, "the stop", is_stopped).await;
    (v.generation, v.presence) = (Generation(4), Presence::Present);
    world.ask([&v], []).await;
    world.volume(&v, "the volume", |status| ready(status) && is_stopped(status)).await;
    world.settle(901).await;
    assert_eq!((extents(&world, &v), count(&world, Call::Compact)), (50_000, 1));
}

/// One that cannot be carried out says why, and is over.
#[tokio::test(flavor = "multi_thread")]
async fn given_up_with_the_reason() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let no_room = BackendError::InsufficientCapacity { capacity_bytes: 1, used_bytes: 1 };
    world.backend.fail_next(Call::Compact, no_room);
    let v = compacted(&v, 2, 1);
    world.ask([&v], []).await;
    let is_given_up = |status: &VolumeStatus| {
        status.compaction.as_ref().is_some_and(|c| match &c.state {
            CompactionState::Stopped(failure) => failure.code == FailureCode::InsufficientCapacity,
            _ => false,
        })
    };
    world.volume(&v, "the reason", is_given_up).await;
    world.ask([&v], []).await;
    world.settle(900).await;
    assert_eq!(count(&world, Call::Compact), 1);
}

/// What the host does by itself before a snapshot does not hide the end of what somebody waits for.
#[tokio::test(flavor = "multi_thread")]
async fn its_own_compaction_hides_nothing() {
    let world = World::new().await;
    let v = compacted(&world.with_volume(1).await, 2, 1);
    world.ask([&v], []).await;
    world.volume(&v, "the end", reached(1, CompactionState::Done)).await;
    world.backend.set_extents(v.id, FRAGMENTED, 500);
    let mut s = snapshot(2, 3, &v);
    s.take.stall = Some(StallRules::BY_HAND);
    world.ask_snapshots([&s]).await;
    assert!(world.snapshot(&s, "the snapshot", taken).await.facts.unwrap().compacted);
    world.settle(900).await;
    world.volume(&v, "the end as before", reached(1, CompactionState::Done)).await;
}
