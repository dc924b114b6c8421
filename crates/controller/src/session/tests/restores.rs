//! What callers of restores and forks are answered, depending on what the host makes of their intent.

use jiff::{SignedDuration, Timestamp};
use miosa_api::v1::volumes::Volume;
use miosa_domain::spec::{DesiredRun, Origin, Presence, SnapshotPresence};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, InstanceState, SnapshotCondition, VolumeCondition, VolumeStatus};
use miosa_domain::{SnapshotId, VolumeId};
use tokio::task::JoinHandle;

use super::agents::{World, failed, running, volume_status};
use super::snapshots::{ready, refused};
use miosa_control::{AppError, CopySource, Idempotency, NewCopy, now};

/// Aim: a fork is a new volume with an origin on its source's host; one that cannot be made is taken back, and says why.
#[tokio::test]
async fn a_fork_is_made_or_taken_back() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let fork = |whatever_the_wait: bool| {
        let source = CopySource::Volume { id: volume, whatever_the_wait };
        world.call(move |app, caller| async move {
            app.copy_volume(&caller, source, "-fork", NewCopy::default(), None).await
        })
    };
    for (whatever_the_wait, stall) in [(false, Some(StallRules::BY_HAND)), (true, None)] {
        let call = fork(whatever_the_wait);
        let spec = agent.specs().await.volumes.remove(0);
        assert_eq!((spec.origin, spec.size_bytes), (Some(Origin::Volume { id: volume, stall }), 1 << 30));
        agent.report_volume(&spec, VolumeCondition::Ready);
        let made = call.await.unwrap().unwrap();
        assert_eq!((made.name.as_str(), made.status.as_str()), ("data-fork", "available"));
    }
    for (code, answered) in [
        (FailureCode::StallBudget, "STALL_BUDGET"),
        (FailureCode::WriteBackTimeout, "WRITE_BACK_TIMEOUT"),
        (FailureCode::InsufficientCapacity, "INSUFFICIENT_CAPACITY"),
    ] {
        let call = fork(false);
        let spec = agent.specs().await.volumes.remove(0);
        agent.report_volume(&spec, VolumeCondition::Failed(failed(code, "the reason")));
        let refusal = refused(call.await.unwrap());
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (answered, "the reason"));
        assert_eq!(agent.specs().await.volumes.remove(0).presence, Presence::Purged);
        assert_eq!(world.volumes(None).await.len(), 3, "the volume and two forks");
    }
}

/// Aim: the present is saved before it is replaced, the volume is of the next incarnation, and the answer waits for all of it.
#[tokio::test]
async fn a_restore_in_place_saves_then_replaces() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let path = ready(&world, &mut agent, volume).await;
    let call = restoring(&world, volume, path.id, false);
    let safety = agent.specs().await.snapshots.remove(0);
    assert_eq!((safety.volume_id, safety.presence), (volume, SnapshotPresence::Kept));
    agent.report_snapshot(&safety, SnapshotCondition::Ready);
    let spec = agent.specs().await.volumes.remove(0);
    assert_eq!((spec.incarnation, spec.origin), (1, Some(Origin::Snapshot { id: path.id })));
    assert!(!call.is_finished());
    agent.report_volume(&spec, VolumeCondition::Ready);
    let restored = call.await.unwrap().unwrap();
    assert_eq!((restored.status.as_str(), restored.origin.unwrap().id), ("available", path.id.to_string()));
}

/// Aim: whichever step fails, the volume is as it was, and the answer has the host's reason.
#[tokio::test]
async fn a_failed_restore_is_refused_with_its_reason() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let path = ready(&world, &mut agent, volume).await;
    let reason = || failed(FailureCode::InsufficientCapacity, "the pool is full");

    let call = restoring(&world, volume, path.id, false);
    let safety = agent.specs().await.snapshots.remove(0);
    agent.report_snapshot(&safety, SnapshotCondition::Failed(reason()));
    let refusal = refused(call.await.unwrap());
    assert_eq!(refusal.code(), "RESTORE_FAILED");
    assert!(refusal.to_string().contains("the pool is full"), "{refusal}");
    world.until_volume(volume, "available").await;
    agent.specs().await;

    let key = Idempotency { scope: "key".into(), body_hash: "body".into() };
    let call = world.call(move |app, caller| async move {
        app.restore_in_place(&caller, volume, path.id, false, Some(key)).await
    });
    let safety = agent.specs().await.snapshots.remove(0);
    agent.report_snapshot(&safety, SnapshotCondition::Ready);
    let spec = agent.specs().await.volumes.remove(0);
    // What is there is of the incarnation before.
    let failed = volume_status(&spec, VolumeCondition::Failed(reason()));
    agent.say_volume(VolumeStatus { incarnation: 0, ..failed });
    let refusal = refused(call.await.unwrap());
    assert!(
        refusal.code() == "RESTORE_FAILED" && refusal.to_string().contains("the pool is full"),
        "{refusal}"
    );
    let kept = agent.specs().await.volumes.remove(0);
    assert_eq!((kept.incarnation, kept.origin), (0, None), "the host keeps the data that it has");
    let seen = world.app.get_volume(&world.caller, volume).await.unwrap();
    assert_eq!((seen.status.as_str(), seen.origin), ("available", None));
    let found = world.app.idempotency_find("key").await.unwrap();
    assert_eq!(found, None, "a repeated call would be told that it was restored");
}

/// Aim: with force the computers that use the volume are stopped before its data is touched, and started again
/// before the call is answered.
#[tokio::test]
async fn a_forced_restore_stops_and_starts_the_computers() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    world.attached(&mut agent, computer, volume).await;
    let path = ready(&world, &mut agent, volume).await;
    let call = restoring(&world, volume, path.id, true);
    let stopping = agent.specs().await;
    assert_eq!(stopping.instances[0].desired, DesiredRun::Stopped);
    assert!(stopping.snapshots.is_empty(), "nothing is saved while it is written to");
    agent.report_instance(&stopping.instances[0], InstanceState::Stopped, vec![]);
    let safety = agent.specs().await.snapshots.remove(0);
    agent.report_snapshot(&safety, SnapshotCondition::Ready);
    let spec = agent.specs().await.volumes.remove(0);
    agent.report_volume(&spec, VolumeCondition::Ready);
    let started = agent.specs().await.instances.remove(0);
    assert_eq!((started.id, started.desired), (stopping.instances[0].id, DesiredRun::Running));
    assert!(!call.is_finished(), "answered before the computer runs again");
    agent.report_instance(&started, running(), vec![]);
    assert!(call.await.unwrap().is_ok());
    world.until_status(computer, "running").await;
}

fn restoring(
    world: &World,
    volume: VolumeId,
    snapshot: SnapshotId,
    force: bool,
) -> JoinHandle<Result<Volume, AppError>> {
    world.call(move |app, caller| async move {
        app.restore_in_place(&caller, volume, snapshot, force, None).await
    })
}

/// Aim: a fork whose time is over goes to the trash by itself, and not before.
#[tokio::test]
async fn expired_forks_go_to_the_trash() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let volume = world.volume(&mut agent).await;
    let expires_at = now() + SignedDuration::from_hours(1);
    let copy = NewCopy { expires_at: Some(expires_at), ..NewCopy::default() };
    let source = CopySource::Volume { id: volume, whatever_the_wait: false };
    let call = world
        .call(move |app, caller| async move { app.copy_volume(&caller, source, "-fork", copy, None).await });
    let spec = agent.specs().await.volumes.remove(0);
    agent.report_volume(&spec, VolumeCondition::Ready);
    assert_eq!(call.await.unwrap().unwrap().expires_at, Some(expires_at.to_string()));
    let sweep = async |at: Timestamp| world.app.delete_expired_volumes(at).await.unwrap();
    sweep(expires_at - SignedDuration::from_secs(1)).await;
    assert_eq!(world.volumes(None).await.len(), 2);
    sweep(expires_at).await;
    let trashed = agent.specs().await.volumes.remove(0);
    assert_eq!((trashed.id, trashed.presence), (spec.id, Presence::Trashed));
    assert_eq!(world.volumes(None).await, [volume.to_string()]);
}
