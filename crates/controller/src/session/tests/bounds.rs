//! Messages to a host stay small, and an object that is too large for one fails alone.

use std::collections::BTreeMap;

use miosa_api::agent_v1::ControllerMessage;
use miosa_api::agent_v1::frame::OBJECT_MAX_BYTES;

use super::agents::{World, hello, new_computer, new_volume, running};
use miosa_control::NewComputer;

fn computer_with_env(name: &str, bytes: usize) -> NewComputer {
    let env = BTreeMap::from([("TEXT".to_owned(), "x".repeat(bytes))]);
    NewComputer { name: name.into(), env, ..new_computer() }
}

/// Aim: a resync that does not fit into one message arrives in several, and only the last one completes it.
#[tokio::test]
async fn a_large_resync_is_split() {
    const COUNT: usize = 6;
    let world = World::new().await;
    let mut agent = world.agent().await;
    for n in 0..COUNT {
        let new = computer_with_env(&format!("box-{n}"), 200_000);
        world.app.create_computer(&world.caller, new, None).await.unwrap();
        let spec = agent.specs().await.instances.remove(0);
        agent.report_instance(&spec, running(), vec![]);
    }
    let mut agent = world.connect(hello(agent.host_id, 0)).await.unwrap();
    let (mut messages, mut instances) = (0, 0);
    loop {
        let sent = agent.specs().await;
        assert!(sent.resync);
        messages += 1;
        instances += sent.instances.len();
        if !sent.more {
            break;
        }
    }
    assert_eq!((messages, instances), (COUNT, COUNT));
}

/// Aim: a computer whose spec no message holds has failed, says why, and can be deleted; the session goes on.
#[tokio::test]
async fn a_spec_that_is_too_large_fails_alone() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let monster = computer_with_env("monster", OBJECT_MAX_BYTES + 1);
    let id = world.app.create_computer(&world.caller, monster, None).await.unwrap().id.parse().unwrap();
    world.until_status(id, "error").await;
    let shown = world.app.get_computer(&world.caller, id).await.unwrap();
    assert!(format!("{shown:?}").contains("more than the 2097152 that a host accepts"));

    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = agent.specs().await.volumes.remove(0);
    agent.report_volume(&spec, miosa_domain::status::VolumeCondition::Ready);
    assert_eq!(call.await.unwrap().unwrap().status, miosa_domain::volume::VolumeState::Available);

    // A resync names the others.
    let mut agent = world.connect(hello(agent.host_id, 0)).await.unwrap();
    match agent.hear().await {
        Some(ControllerMessage::Specs { resync: true, more: false, specs }) => assert_eq!(specs.len(), 1),
        other => panic!("{other:?}"),
    }
}
