//! Sessions that are refused, lost, replaced and resumed.

use std::time::Duration;

use miosa_api::agent_v1::{AgentMessage, PROTOCOL};
use miosa_domain::spec::{DesiredAttachment, Presence};
use miosa_domain::status::{AttachmentCondition, VolumeCondition};
use miosa_domain::{Generation, HostId, Refusal};
use tonic::Code;
use uuid::Uuid;

use super::agents::{Timing, World, attachment_of, desired, hello, new_volume, patiently, running};
use miosa_control::AppError;

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Aim: only the agent's user gets in, and only one that speaks our protocol and says who it is.
#[tokio::test]
async fn strangers_are_refused() {
    let host_id = HostId::from_uuid(Uuid::now_v7());
    let world = World::with(Timing::default(), own_uid() + 1).await;
    let refused = world.connect(hello(host_id, 0)).await.err().expect("another user was let in");
    assert_eq!(refused.code(), Code::PermissionDenied);

    let world = World::new().await;
    let mut newer = hello(host_id, 0);
    newer.protocol = PROTOCOL + 1;
    let refused = world.connect(newer).await.err().expect("another protocol was let in");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let refused = world.try_first_message(AgentMessage::Recovered).await.err().expect("nobody said hello");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(!world.app.readiness().await.agent_connected);
    assert!(world.store.hosts().await.unwrap().is_empty(), "a refused agent left a host behind");
}

/// Aim: intent is written, the connection is lost before the host answers, and comes back: the next session begins with
/// everything, and the caller who waited all the time gets the answer.
#[tokio::test]
async fn a_lost_connection_is_resumed_with_everything() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    let host_id = agent.host_id;
    let call = world.call(move |app, caller| async move {
        app.attach(&caller, computer, attachment_of(volume), None).await
    });
    let unheard = agent.specs().await.instances.remove(0);
    drop(agent);
    patiently(async {
        while world.app.readiness().await.agent_connected {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let mut agent = world.connect(hello(host_id, unheard.generation.0)).await.unwrap();
    let mut specs = agent.specs().await;
    assert!(specs.resync);
    assert_eq!((specs.volumes.len(), specs.instances.len()), (1, 1));
    let spec = specs.instances.remove(0);
    assert_eq!(spec, unheard, "the same intent is said the same way again");
    let id = spec.attachments[0].id;
    agent.report_instance(&spec, running(), vec![(id, AttachmentCondition::Attached)]);
    assert_eq!(call.await.unwrap().unwrap().state.as_str(), "attached");
}

/// Aim: what is asked for while no host is connected is not written, and what was written before is not lost.
#[tokio::test]
async fn nothing_new_is_placed_on_a_host_that_is_away() {
    let world = World::new().await;
    let refused = world.app.create_volume(&world.caller, new_volume(), None).await;
    assert!(matches!(refused, Err(AppError::Unavailable(_))), "{refused:?}");
    assert_eq!(world.volumes(None).await, [""; 0]);
}

/// Aim: the ledger counts higher than a database restored from an older copy, so the next intent counts on from the ledger.
#[tokio::test]
async fn a_restored_database_counts_on_from_the_ledger() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    world.volume(&mut agent).await;
    let host_id = agent.host_id;
    let mut agent = world.connect(hello(host_id, 500)).await.unwrap();
    let old = agent.specs().await.volumes.remove(0);
    assert_eq!(old.generation, Generation(1), "what is wanted is not stamped anew: the host knows better");
    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = agent.specs().await.volumes.remove(0);
    assert_eq!(spec.generation, Generation(501));
    agent.report_volume(&spec, VolumeCondition::Ready);
    call.await.unwrap().unwrap();
}

/// Aim: a host has one session; the newer one counts, and the end of the older one takes nothing away from it.
#[tokio::test]
async fn a_newer_session_replaces_the_older() {
    let world = World::new().await;
    let mut older = world.agent().await;
    let mut newer = world.connect(hello(older.host_id, 0)).await.unwrap();
    assert!(newer.specs().await.resync);
    assert_eq!(older.hear().await, None, "the older session goes on");
    drop(older);
    assert!(world.app.readiness().await.agent_connected);
    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = newer.specs().await.volumes.remove(0);
    newer.report_volume(&spec, VolumeCondition::Ready);
    assert_eq!(call.await.unwrap().unwrap().status.as_str(), "available");
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let world = World::new().await;
    let readiness = world.app.readiness().await;
    assert_eq!(
        (readiness.database, readiness.agent_connected, readiness.agent_recovered),
        (true, false, false)
    );
    assert_eq!(readiness.reasons, ["no agent is connected"]);
    let mut unfinished = world.connect(hello(HostId::from_uuid(Uuid::now_v7()), 0)).await.unwrap();
    unfinished.specs().await;
    let readiness = world.app.readiness().await;
    assert_eq!((readiness.agent_connected, readiness.agent_recovered), (true, false));
    assert_eq!(readiness.reasons.len(), 1);
    unfinished.say(AgentMessage::Recovered);
    patiently(async {
        while !world.app.readiness().await.agent_recovered {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.app.readiness().await.reasons, [""; 0]);
}

/// Aim: when a host is away for longer than a restart takes, its volumes are `unavailable` and are not attached; a detach from
/// its computers is remembered.
#[tokio::test]
async fn volumes_of_a_lost_host_are_unavailable() {
    let timing = Timing { host_grace: Duration::ZERO, ..Timing::default() };
    let world = World::with(timing, own_uid()).await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    let host_id = agent.host_id;
    drop(agent);
    patiently(async {
        while world.volumes(Some("unavailable")).await != [volume.to_string()] {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let shown = world.app.get_volume(&world.caller, volume).await.unwrap();
    assert!(shown.error.is_some_and(|error| error.contains("not connected")));
    let gauges = world.app.gauges().await.unwrap();
    assert_eq!((gauges.volumes["unavailable"], gauges.agent_sessions), (1, 0));
    assert_eq!(gauges.pool_used_bytes, 400);
    match world.app.attach(&world.caller, computer, attachment_of(volume), None).await {
        Err(AppError::Refused(refusal @ Refusal::VolumeNotReady { .. })) => {
            assert!(refusal.to_string().contains("unavailable"), "{refusal}");
        }
        other => panic!("{other:?}"),
    }
    let _back = world.connect(hello(host_id, 0)).await.unwrap();
    assert_eq!(world.volumes(Some("available")).await, [volume.to_string()]);
}

/// Aim: intent that was written while the host was away reaches it at its return.
#[tokio::test]
async fn a_detach_while_the_host_is_away_is_not_lost() {
    let timing = Timing { outcome_wait: Duration::from_millis(200), ..Timing::default() };
    let world = World::with(timing, own_uid()).await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    let other = world.volume(&mut agent).await;
    let (id, spec) = world.attached(&mut agent, computer, volume).await;
    let host_id = agent.host_id;
    drop(agent);
    let deleted = world.app.detach(&world.caller, None, id, false, None).await.unwrap();
    assert_eq!((deleted.deleted, deleted.status.as_str()), (false, "detaching"));
    let deleted = world.app.delete_volume(&world.caller, other, None).await.unwrap();
    assert_eq!(deleted.status.as_str(), "deleting");
    assert_eq!(world.volumes(Some("detaching")).await, [volume.to_string()]);

    let mut agent = world.connect(hello(host_id, spec.generation.0)).await.unwrap();
    let specs = agent.specs().await;
    assert_eq!(desired(&specs.instances[0], id), Some(DesiredAttachment::Detached { force: false }));
    let trashed: Vec<_> = specs.volumes.iter().filter(|spec| spec.presence == Presence::Trashed).collect();
    assert_eq!(trashed.len(), 1);
    assert_eq!(trashed[0].id, other);
}
