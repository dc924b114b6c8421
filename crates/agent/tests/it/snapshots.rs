//! Snapshots: taken once, found again, removed, and never taken in the place of another.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use miosa_api::agent_v1::ControllerMessage;
use miosa_backend::fake::Call;
use miosa_backend::{BackendError, SnapshotState, Snapshots};
use miosa_domain::Generation;
use miosa_domain::kind::ObjectId;
use miosa_domain::spec::{Presence, SnapshotPresence, SnapshotSpec};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, SnapshotCondition, VolumeCondition};

use crate::world::{World, count, failure_of, gone, snapshot, taken};

fn purged(spec: &SnapshotSpec, generation: u64) -> SnapshotSpec {
    let generation = Generation(generation);
    SnapshotSpec { presence: SnapshotPresence::Purged, generation, ..spec.clone() }
}

fn later(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::now() + SignedDuration::from_secs(seconds))
}

/// Of an idle volume and of one in use, with what is known of it; a spec that is repeated takes nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn taken_once_idle_or_in_use() {
    let world = World::new().await;
    let idle = world.with_volume(1).await;
    let (used, _) = world.with_attached_volume(10).await;
    for (n, v) in [(100, &idle), (101, &used)] {
        let s = snapshot(n, 2, v);
        world.ask_snapshots([&s]).await;
        let status = world.snapshot(&s, "the snapshot", taken).await;
        let facts = status.facts.expect("it is there");
        assert_eq!((facts.size_bytes, facts.compacted, status.volume_id), (v.size_bytes, false, v.id));
        assert!(facts.taken_at <= Timestamp::now() + SignedDuration::from_millis(1));
        world.ask_snapshots([&s]).await;
    }
    world.settle(900).await;
    assert_eq!(count(&world, Call::CloneSnapshot), 2);
}

/// Removed on request and then forgotten: no file of the ledger is left, and nothing counts as an orphan.
#[tokio::test(flavor = "multi_thread")]
async fn removed_and_forgotten() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert!(world.ledger_file("snapshots", s.id).exists());
    // Not what was reported: it is ignored, whatever the controller believes.
    let forget = || ControllerMessage::Forget { ids: vec![s.id.into()] };
    world.say(forget()).await;
    world.settle(900).await;
    assert!(world.ledger_file("snapshots", s.id).exists());

    world.ask_snapshots([&purged(&s, 3)]).await;
    world.snapshot(&purged(&s, 3), "the removal", gone).await;
    assert_eq!(world.backend.observe_snapshot(s.id).unwrap(), SnapshotState::Absent);
    world.say(forget()).await;
    world.resync().await;
    let pool = world.wait("orphans", |seen| seen.pool.clone().filter(|p| !p.orphans.first.is_empty())).await;
    assert!(pool.orphans.first.iter().all(|id| matches!(id, ObjectId::Volume(_))), "{pool:?}");
    assert!(!world.ledger_file("snapshots", s.id).exists());
}

/// A removal that failed is not over: it is tried again when it is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_removal_is_tried_again() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    world.backend.fail_next(Call::RemoveSnapshot, BackendError::Closed);
    let s = purged(&s, 3);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the failure", |s| failure_of(s) == Some(FailureCode::HostError)).await;
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the removal", gone).await;
}

/// One that waits for its time is waited for, and one that is withdrawn meanwhile is never taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_one_is_never_taken() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let mut s = snapshot(2, 2, &v);
    s.take.not_before = later(3600);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "to wait", |s| s.condition == SnapshotCondition::Waiting).await;
    world.ask_snapshots([&purged(&s, 3)]).await;
    world.snapshot(&purged(&s, 3), "the end", gone).await;
    assert_eq!(count(&world, Call::CloneSnapshot), 0);
}

/// A new time is a new spec: it is not the old time that counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_time_is_heeded_at_once() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let mut s = snapshot(2, 2, &v);
    s.take.not_before = later(3600);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "to wait", |s| s.condition == SnapshotCondition::Waiting).await;
    (s.generation, s.take.not_before) = (Generation(3), None);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
}

/// A thousand that wait are told once each, however often they are asked for, and take nothing from others.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_wait_quietly() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let all: Vec<_> = (0..1000)
        .map(|n| {
            let mut s = snapshot(1000 + n, 2, &v);
            s.take.not_before = later(3600);
            s.take.stall = Some(StallRules::SCHEDULED);
            s
        })
        .collect();
    for _ in 0..3 {
        world.ask_snapshots(&all).await;
    }
    let waiting = |n| move |seen: &crate::world::Seen| (seen.snapshots.len() >= n).then_some(());
    world.wait("all to wait", waiting(1000)).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "one that is due", taken).await;
    let told = world.seen().snapshot_history.iter().filter(|told| told.id != s.id).count();
    assert_eq!(told, 1000);
    world.stop_agent().await;
}

/// What failed is told and left alone: neither the same spec again nor a resync tries it again; another spec does.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stands_until_the_next_spec() {
    let world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    world.backend.set_write_back_hangs(v.id, true);
    let mut s = snapshot(100, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the failure", |s| failure_of(s) == Some(FailureCode::WriteBackTimeout)).await;
    world.backend.set_write_back_hangs(v.id, false);
    world.ask_snapshots([&s]).await;
    world.resync_with([v.clone().into(), s.clone().into()]).await;
    world.settle(900).await;
    assert_eq!(count(&world, Call::CloneSnapshot), 1);
    s.generation = Generation(3);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
}

/// A full pool refuses, and the one who is told also learns how full it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_takes_none() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_other_bytes(99 << 30);
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the refusal", |s| failure_of(s) == Some(FailureCode::InsufficientCapacity)).await;
    world.wait("how full", |seen| seen.pool.clone().filter(|p| p.used_bytes >= 99 << 30)).await;
}

/// What is lost is lost: no other snapshot takes its place, whether the ledger or the controller knows that it was there.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_one_is_never_taken_again() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    world.backend.lose_snapshot(s.id);
    world.kill_agent();
    world.start_agent().await;
    world.snapshot(&s, "the loss", |s| failure_of(s) == Some(FailureCode::DataMissing)).await;
    let told = SnapshotSpec { must_exist: true, ..snapshot(3, 2, &v) };
    world.ask_snapshots([&told]).await;
    world.snapshot(&told, "the loss", |s| failure_of(s) == Some(FailureCode::DataMissing)).await;
    assert_eq!(count(&world, Call::CloneSnapshot), 1);
}

/// What is not ours is neither replaced nor removed.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_data_is_left_alone() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.backend.displace_snapshot(s.id, "somebody's holiday pictures");
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the refusal", |s| failure_of(s) == Some(FailureCode::ForeignData)).await;
    let removed = purged(&s, 3);
    world.ask_snapshots([&removed]).await;
    world.snapshot(&removed, "the refusal", |s| failure_of(s) == Some(FailureCode::ForeignData)).await;
    assert!(world.backend.take_foreign_snapshot_away(s.id), "it was touched");
}

/// A host that lost its ledger finds the sealed snapshot in the pool and keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_adopts_what_is_there() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    let before = world.snapshot(&s, "the snapshot", taken).await.facts;
    world.kill_agent();
    std::fs::remove_file(world.ledger_file("snapshots", s.id)).unwrap();
    world.start_agent().await;
    let s = SnapshotSpec { generation: Generation(3), ..s };
    world.ask_snapshots([&s]).await;
    assert_eq!(world.snapshot(&s, "the same snapshot", taken).await.facts, before);
    // It is written down as taken: gone once more, it is lost.
    world.backend.lose_snapshot(s.id);
    world.kill_agent();
    world.start_agent().await;
    world.snapshot(&s, "the loss", |s| failure_of(s) == Some(FailureCode::DataMissing)).await;
    assert_eq!(count(&world, Call::CloneSnapshot), 1);
}

/// Killed anywhere on the way, the next agent brings it to its end.
#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_it_converges() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    for (n, call) in [(10, Call::CloneSnapshot), (11, Call::SealSnapshot)] {
        let s = snapshot(n, 2, &v);
        world.gate.close(call);
        world.ask_snapshots([&s]).await;
        world.gate.held(call).await;
        world.kill_agent();
        world.start_agent().await;
        world.snapshot(&s, "the snapshot", taken).await;
    }
    let s = purged(&snapshot(10, 2, &v), 3);
    world.gate.close(Call::RemoveSnapshot);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::RemoveSnapshot).await;
    world.kill_agent();
    world.start_agent().await;
    world.snapshot(&s, "the removal", gone).await;
}

/// Sealed, and cut off before that was written down: it is found, not taken again.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_and_not_noted_is_found() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    let before = world.snapshot(&s, "the snapshot", taken).await.facts;
    world.kill_agent();
    let file = world.ledger_file("snapshots", s.id);
    let noted = std::fs::read_to_string(&file).unwrap();
    assert!(noted.contains("\"taken\": true"), "{noted}");
    std::fs::write(&file, noted.replace("\"taken\": true", "\"taken\": false")).unwrap();
    world.start_agent().await;
    assert_eq!(world.snapshot(&s, "the same snapshot", taken).await.facts, before);
    assert_eq!(count(&world, Call::CloneSnapshot), 1);
}

/// A volume's snapshots outlive it, and one that waited for its volume says that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_purged_volume_leaves_its_snapshots() {
    let world = World::new().await;
    let mut v = world.with_volume(1).await;
    let (kept, mut late) = (snapshot(2, 2, &v), snapshot(3, 2, &v));
    late.take.not_before = later(3600);
    late.take.stall = Some(StallRules::SCHEDULED);
    world.ask_snapshots([&kept, &late]).await;
    world.snapshot(&kept, "the snapshot", taken).await;
    (v.generation, v.presence) = (Generation(3), Presence::Purged);
    world.ask([&v], []).await;
    world.volume(&v, "the end", |v| v.condition == VolumeCondition::Gone).await;
    (late.generation, late.take.not_before) = (Generation(4), None);
    world.ask_snapshots([&late]).await;
    world.snapshot(&late, "the failure", |s| failure_of(s) == Some(FailureCode::DataMissing)).await;
    assert!(matches!(world.backend.observe_snapshot(kept.id), Ok(SnapshotState::Ready(_))));
}

/// One that is being taken is carried to its end by an agent that stops; one that waits in line is left to the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_those_that_are_taken() {
    let mut world = World::new().await;
    let mut all = Vec::new();
    for n in 0..6 {
        let v = world.with_volume(10 + n).await;
        all.push(snapshot(100 + n, 2, &v));
    }
    world.gate.close(Call::SealSnapshot);
    world.ask_snapshots(&all).await;
    while count(&world, Call::CloneSnapshot) < 4 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // One more that is begun would now be held for ever.
    world.gate.close(Call::CloneSnapshot);
    let (gate, mut told) = (world.gate.clone(), world.told());
    tokio::join!(world.stop_agent(), async {
        told.wait_for(|seen| seen.sessions_ended > 0).await.unwrap();
        gate.open(Call::SealSnapshot);
    });
    world.gate.open(Call::CloneSnapshot);
    world.start_agent().await;
    for s in &all {
        world.snapshot(s, "the snapshot", taken).await;
    }
    assert_eq!(count(&world, Call::CloneSnapshot), 6, "one was cut off and taken again");
}
