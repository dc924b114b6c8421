//! What callers of snapshots are answered, depending on what the host makes of their intent; and the loop that asks for
//! snapshots by itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use miosa_api::agent_v1::{AgentMessage, ControllerMessage};
use miosa_api::v1::snapshots::Snapshot;
use miosa_domain::schedule::Schedule;
use miosa_domain::spec::{SnapshotPresence, SnapshotSpec};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{
    CompactionState, CompactionStatus, Failure, FailureCode, SnapshotCondition, Verification,
    VerificationOutcome, VolumeCondition,
};
use miosa_domain::volume::VolumeState;
use miosa_domain::{Refusal, VolumeId};
use miosa_store::schedule::VolumeSchedule;
use miosa_store::{transact, verb, volume};
use tokio::task::JoinHandle;

use super::agents::{
    Agent, Timing, World, failed, hello, new_volume, patiently, snapshot_status, volume_status,
};
use miosa_control::{
    AppError, CopySource, HooksChange, Hosts, NewCopy, NewSnapshot, SnapshotPath, VolumeChange, now,
};

/// A call to take a snapshot, and the spec that it led to.
async fn taking(
    world: &World,
    agent: &mut Agent,
    volume: VolumeId,
    new: NewSnapshot,
) -> (JoinHandle<Result<Snapshot, AppError>>, SnapshotSpec) {
    let call =
        world.call(move |app, caller| async move { app.create_snapshot(&caller, volume, new, None).await });
    let spec = agent.specs().await.snapshots.remove(0);
    (call, spec)
}

pub(super) async fn ready(world: &World, agent: &mut Agent, volume: VolumeId) -> SnapshotPath {
    let (call, spec) = taking(world, agent, volume, NewSnapshot::default()).await;
    agent.report_snapshot(&spec, SnapshotCondition::Ready);
    assert_eq!(call.await.unwrap().unwrap().status.as_str(), "ready");
    SnapshotPath { of: None, id: spec.id }
}

pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, AppError>) -> Refusal {
    match answer {
        Err(AppError::Refused(refusal) | AppError::RefusedWith { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Aim: the spec says how it is to be taken, the answer waits through its phases, and the phases can be seen meanwhile.
#[tokio::test]
async fn a_snapshot_is_answered_when_it_is_ready() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let hooks = HooksChange { before: Some(Some("sync".into())), ..HooksChange::default() };
    let (call, spec) =
        taking(&world, &mut agent, volume, NewSnapshot { hooks, ..NewSnapshot::default() }).await;
    assert_eq!((spec.volume_id, spec.presence, spec.must_exist), (volume, SnapshotPresence::Kept, false));
    assert_eq!((spec.take.stall, spec.take.not_before), (Some(StallRules::BY_HAND), None));
    assert_eq!(spec.take.hooks.before.as_deref(), Some("sync"));
    let path = SnapshotPath { of: Some(volume), id: spec.id };
    for (condition, phase, percent) in [
        (SnapshotCondition::Waiting, "waiting", None),
        (SnapshotCondition::Compacting { done_bytes: 1, total_bytes: 3 }, "compacting", Some(33)),
        (SnapshotCondition::Compacting { done_bytes: 0, total_bytes: 0 }, "compacting", None),
        (SnapshotCondition::Taking, "taking", None),
    ] {
        agent.report_snapshot(&spec, condition);
        patiently(async {
            loop {
                let seen = world.app.get_snapshot(&world.caller, path).await.unwrap();
                assert_eq!((seen.status.as_str(), seen.taken_at), ("creating", None));
                if (seen.phase.as_ref().map(|phase| phase.as_str()), seen.progress_percent)
                    == (Some(phase), percent)
                {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!call.is_finished());
    }
    agent.report_snapshot(&spec, SnapshotCondition::Ready);
    let snapshot = call.await.unwrap().unwrap();
    assert_eq!((snapshot.status.as_str(), snapshot.phase, snapshot.stall_ms), ("ready", None, Some(0.5)));
}

#[tokio::test]
async fn now_means_whatever_the_wait() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let new = NewSnapshot { now: true, ..NewSnapshot::default() };
    let (_call, spec) = taking(&world, &mut agent, volume, new).await;
    assert_eq!(spec.take.stall, None);
}

/// Aim: each reason has its code, the row stays with it, and what there may be of it on the host is cleared away.
#[tokio::test]
async fn a_failed_snapshot_is_refused_with_its_reason() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    for (code, answered) in [
        (FailureCode::StallBudget, "STALL_BUDGET"),
        (FailureCode::WriteBackTimeout, "WRITE_BACK_TIMEOUT"),
        (FailureCode::HookFailed, "HOOK_FAILED"),
        (FailureCode::InsufficientCapacity, "INSUFFICIENT_CAPACITY"),
        (FailureCode::HostError, "SNAPSHOT_FAILED"),
        (FailureCode::DataMissing, "SNAPSHOT_FAILED"),
    ] {
        let (call, spec) = taking(&world, &mut agent, volume, NewSnapshot::default()).await;
        agent.report_snapshot(&spec, SnapshotCondition::Failed(failed(code, "the reason")));
        let refusal = refused(call.await.unwrap());
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (answered, "the reason"));
        let seen =
            world.app.get_snapshot(&world.caller, SnapshotPath { of: None, id: spec.id }).await.unwrap();
        assert_eq!((seen.status.as_str(), seen.error.as_deref()), ("failed", Some("the reason")));
        let cleared = agent.specs().await.snapshots.remove(0);
        assert_eq!((cleared.id, cleared.presence), (spec.id, SnapshotPresence::Purged));
        agent.report_snapshot(&cleared, SnapshotCondition::Gone);
        let forget = ControllerMessage::Forget { ids: vec![spec.id.into()] };
        assert_eq!(agent.hear().await, Some(forget));
    }
}

/// Aim: what takes longer than an answer may is answered as it is, and goes on by itself.
#[tokio::test]
async fn late_outcomes_are_answered_as_they_are() {
    let timing = Timing { outcome_wait: Duration::from_millis(1), ..Timing::default() };
    let world = World::with(timing, rustix::process::getuid().as_raw()).await;
    let mut agent = world.agent().await;
    let volume: VolumeId =
        world.app.create_volume(&world.caller, new_volume(), None).await.unwrap().id.parse().unwrap();
    let spec = agent.specs().await.volumes.remove(0);
    agent.report_volume(&spec, VolumeCondition::Ready);
    world.until_volume(volume, "available").await;

    let (call, spec) = taking(&world, &mut agent, volume, NewSnapshot::default()).await;
    let snapshot = call.await.unwrap().unwrap();
    assert_eq!(
        (snapshot.status.as_str(), snapshot.phase.as_ref().map(|phase| phase.as_str())),
        ("creating", Some("waiting"))
    );
    let path = SnapshotPath { of: Some(volume), id: spec.id };
    let early =
        world.app.copy_volume(&world.caller, CopySource::Snapshot(path), "-x", NewCopy::default(), None);
    assert_eq!(refused(early.await).code(), "SNAPSHOT_NOT_READY");
    agent.report_snapshot(&spec, SnapshotCondition::Ready);
    patiently(async {
        while world.app.get_snapshot(&world.caller, path).await.unwrap().status.as_str() != "ready" {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let verified = world.app.verify_snapshot(&world.caller, path, None).await.unwrap();
    assert_eq!(verified.verification.unwrap().state.as_str(), "running");
    let compacted = world.app.compact_volume(&world.caller, volume, None).await.unwrap();
    assert_eq!(compacted.compaction.unwrap().state.as_str(), "pending");
    let deleted = world.app.delete_snapshot(&world.caller, path, None).await.unwrap();
    assert_eq!(deleted.status.as_str(), "deleting");
}

/// Aim: with its host away a snapshot of now cannot be promised.
#[tokio::test]
async fn nothing_is_taken_of_a_volume_whose_host_is_away() {
    let timing = Timing { host_grace: Duration::ZERO, ..Timing::default() };
    let world = World::with(timing, rustix::process::getuid().as_raw()).await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let path = ready(&world, &mut agent, volume).await;
    drop(agent);
    world.until_volume(volume, "unavailable").await;
    let (app, caller) = (&world.app, &world.caller);
    let of_now = CopySource::Volume { id: volume, whatever_the_wait: true };
    for refusal in [
        refused(app.create_snapshot(caller, volume, NewSnapshot::default(), None).await),
        refused(app.copy_volume(caller, of_now, "-x", NewCopy::default(), None).await),
        refused(app.restore_in_place(caller, volume, path.id, false, None).await),
        refused(app.compact_volume(caller, volume, None).await),
    ] {
        assert!(
            matches!(refusal, Refusal::VolumeNotReady { state: VolumeState::Unavailable, .. }),
            "{refusal:?}"
        );
    }
    let restored = app.copy_volume(caller, CopySource::Snapshot(path), "-x", NewCopy::default(), None).await;
    assert!(matches!(restored, Err(AppError::Unavailable(_))), "{restored:?}");
}

/// Aim: a verification is asked for by a number, and only its own outcome answers it, not that of an earlier one.
#[tokio::test]
async fn a_verification_is_answered_by_its_own_outcome() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let path = ready(&world, &mut agent, volume).await;
    for (number, outcome, state) in [
        (1, VerificationOutcome::Intact, "intact"),
        (2, VerificationOutcome::Unreadable(failed(FailureCode::HostError, "read: EIO")), "unreadable"),
        (3, VerificationOutcome::Damaged { found_blake3: "bad".into() }, "damaged"),
    ] {
        let call =
            world.call(move |app, caller| async move { app.verify_snapshot(&caller, path, None).await });
        let spec = agent.specs().await.snapshots.remove(0);
        assert_eq!((spec.verification, spec.must_exist), (number, true));
        let earlier =
            Verification { number: number - 1, at: Timestamp::now(), outcome: VerificationOutcome::Intact };
        let begun = VerificationOutcome::Running { done_bytes: 1, total_bytes: 2 };
        let begun = Verification { number, at: Timestamp::now(), outcome: begun };
        let over = Verification { number, at: Timestamp::now(), outcome };
        for verification in [earlier, begun, over] {
            let mut status = snapshot_status(&spec, SnapshotCondition::Ready);
            status.verification = Some(verification);
            agent.say_snapshot(status);
        }
        let verification = call.await.unwrap().unwrap().verification.unwrap();
        assert_eq!(verification.state.as_str(), state);
        assert_eq!(verification.message.is_some(), state != "intact");
    }
}

/// Aim: a compaction that was given up is no error: the answer says how far it came and why.
#[tokio::test]
async fn a_compaction_is_answered_when_it_is_over() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    for (number, state, answered) in [
        (1, CompactionState::Done, "done"),
        (2, CompactionState::Stopped(failed(FailureCode::InsufficientCapacity, "no room")), "stopped"),
    ] {
        let call =
            world.call(move |app, caller| async move { app.compact_volume(&caller, volume, None).await });
        let spec = agent.specs().await.volumes.remove(0);
        assert_eq!(spec.compaction, number);
        for state in [CompactionState::Running, state] {
            let mut status = volume_status(&spec, VolumeCondition::Ready);
            status.compaction = Some(CompactionStatus {
                number,
                state,
                extents_before: 90_000,
                extents_now: 40_000,
                done_bytes: 1,
                total_bytes: 2,
            });
            agent.say_volume(status);
        }
        let compaction = call.await.unwrap().unwrap().compaction.unwrap();
        assert_eq!((compaction.state.as_str(), compaction.extents_now), (answered, Some(40_000)));
        assert_eq!(compaction.message.as_deref(), (answered == "stopped").then_some("no room"));
    }
}

/// Aim: what is due is asked of the host once, by rows alone: not again at the next second, and not by a second server after
/// the first one died. A failed run is told, and tried again.
#[tokio::test]
async fn scheduled_snapshots_are_asked_for_when_they_are_due() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let hourly = Schedule::parse("@hourly").unwrap();
    let change = VolumeChange { schedule: Some(Some(hourly)), ..VolumeChange::default() };
    world.app.update_volume(&world.caller, volume, change, None).await.unwrap();

    let later = now() + SignedDuration::from_hours(5);
    let run = async |at: Timestamp| world.app.run_schedules(at).await.unwrap();
    run(now()).await;
    run(later).await;
    run(later).await;
    let spec = agent.specs().await.snapshots;
    assert_eq!(spec.len(), 1, "one late run for five missed times: {spec:?}");
    assert_eq!(spec[0].take.stall, Some(StallRules::SCHEDULED));
    let reason = Failure { code: FailureCode::WriteBackTimeout, message: "not written back".into() };
    agent.report_snapshot(&spec[0], SnapshotCondition::Failed(reason));
    let seen = patiently(async {
        loop {
            let seen = world.app.get_volume(&world.caller, volume).await.unwrap().snapshots;
            if seen.failures > 0 {
                break seen;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((seen.schedule_state.as_str(), seen.failures), ("failing", 1));
    assert_eq!(seen.schedule_message.as_deref(), Some("not written back"));
}

/// Aim: the loop itself asks for what fell due while no server ran, as soon as it starts.
#[tokio::test]
async fn the_loop_makes_up_for_a_missed_run() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let hourly = Schedule::parse("@hourly").unwrap();
    let yesterday = now() - SignedDuration::from_hours(24);
    transact!(world.store, verb!("set a schedule of yesterday"), |tx| {
        let mut row = volume::load_any(tx, volume).await?.expect("the volume exists");
        row.schedule = Some(VolumeSchedule::new(&hourly, volume, yesterday));
        volume::save(tx, &row).await
    })
    .unwrap();
    let app = world.app.clone();
    let server = tokio::spawn(async move { app.reconcile().await });
    assert_eq!(agent.specs().await.snapshots.len(), 1);
    server.abort();
}

/// Aim: no run is served before its host has looked at all that it has.
#[tokio::test]
async fn a_late_run_waits_for_its_host() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let schedule = Schedule::parse("@hourly").unwrap();
    let change = VolumeChange { schedule: Some(Some(schedule)), ..VolumeChange::default() };
    world.app.update_volume(&world.caller, volume, change, None).await.unwrap();
    let host_id = agent.host_id;
    drop(agent);
    patiently(async {
        while !world.links.connected().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let later = now() + SignedDuration::from_hours(5);
    world.app.run_schedules(later).await.unwrap();
    let mut agent = world.connect(hello(host_id, 0)).await.unwrap();
    let specs = agent.specs().await;
    assert!(specs.resync && specs.snapshots.is_empty());
    world.app.run_schedules(later).await.unwrap();
    agent.say(AgentMessage::Recovered);
    patiently(async {
        while world.links.recovered().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.app.run_schedules(later).await.unwrap();
    assert_eq!(agent.specs().await.snapshots.len(), 1);
}
