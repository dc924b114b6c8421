//! First processes that end by themselves, and what the restart policy makes of that.

use miosa_api::agent_v1::{ControllerMessage, ExecRequest, StreamEvent};
use miosa_backend::VolumeBackend;
use miosa_domain::Generation;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, InstanceSpec, RestartPolicy, VolumeSpec};
use miosa_domain::status::{AttachmentCondition, InstanceState, InstanceStatus};
use miosa_runtime::fake::Call as DriverCall;

use crate::world::{World, all_attached, attachment, driver_count, instance, running};

fn ended(status: &InstanceStatus) -> bool {
    status.state == InstanceState::Ended
}

fn next(spec: &mut InstanceSpec) -> &mut InstanceSpec {
    spec.generation = Generation(spec.generation.0 + 1);
    spec
}

/// An instance with a volume whose first process has ended with code 3, for good.
async fn with_ended(world: &World) -> (VolumeSpec, InstanceSpec) {
    let v = world.with_volume(1).await;
    let mut i = instance(2, 1, vec![attachment(3, &v)]);
    i.restart_policy = RestartPolicy::No;
    world.ask([], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.driver.end_first_process(i.id, Some(3));
    world.instance(&i, "the end", ended).await;
    (v, i)
}

/// It is not started again, keeps its volume, and is known to the next agent as it ended, with its times.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_remembered() {
    let mut world = World::new().await;
    let (v, mut i) = with_ended(&world).await;
    let status = world.instance(&i, "the end", ended).await;
    assert_eq!((status.exit_code, status.restart_count), (Some(3), 0));
    let (started_at, ended_at) = (status.started_at.unwrap(), status.ended_at.unwrap());
    assert!(started_at <= ended_at, "{started_at} {ended_at}");
    assert_eq!(status.attachments[0].state, AttachmentCondition::Pending);

    world.kill_agent();
    world.start_agent().await;
    assert_eq!(world.instance(&i, "the end", ended).await, status);
    assert!(world.backend.observe(v.id).unwrap().staged.is_some(), "its volume was given away");
    assert_eq!(driver_count(&world, DriverCall::Create), 1);

    let request =
        ExecRequest { command: "true".into(), cwd: None, env: Default::default(), timeout_seconds: 5 };
    world.say(ControllerMessage::Exec { stream: 1, instance: i.id, request }).await;
    world.wait("the refusal", |s| matches!(s.events_of(1)[..], [StreamEvent::Failed(_)]).then_some(())).await;

    next(&mut i).run = 2;
    world.ask([], [&i]).await;
    let status = world.instance(&i, "the next run", all_attached).await;
    assert_eq!((status.run, status.exit_code, status.ended_at), (2, Some(3), Some(ended_at)));
    assert!(status.started_at.unwrap() >= ended_at);
}

/// A failure is started again, a success is left at that.
#[tokio::test(flavor = "multi_thread")]
async fn on_failure() {
    let world = World::new().await;
    let mut i = instance(2, 1, vec![]);
    i.restart_policy = RestartPolicy::OnFailure;
    world.ask([], [&i]).await;
    world.instance(&i, "running", running).await;
    world.driver.end_first_process(i.id, Some(1));
    world.instance(&i, "a restart", |s| s.restart_count == 1 && running(s)).await;
    world.driver.end_first_process(i.id, Some(0));
    let status = world.instance(&i, "the end", ended).await;
    assert_eq!((status.exit_code, status.restart_count), (Some(0), 1));
    // Another policy looks at the same end with other eyes.
    next(&mut i).restart_policy = RestartPolicy::Always;
    world.ask([], [&i]).await;
    world.instance(&i, "a restart", running).await;
}

/// After a reboot nobody knows how it would have ended: the policy decides with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_is_an_end_that_nobody_saw() {
    let mut world = World::new().await;
    let mut once = instance(2, 1, vec![]);
    once.restart_policy = RestartPolicy::No;
    let mut retried = instance(4, 1, vec![]);
    retried.restart_policy = RestartPolicy::OnFailure;
    world.ask([], [&once, &retried]).await;
    for i in [&once, &retried] {
        world.instance(i, "running", running).await;
    }
    world.kill_agent();
    world.backend.reboot();
    world.driver.reboot();
    world.start_agent().await;
    assert_eq!(world.instance(&once, "the end", ended).await.exit_code, None);
    world.instance(&retried, "a restart", |s| running(s) && s.restart_count == 1).await;
}

/// A start that was cut off is no end: with every policy the first process runs.
#[tokio::test(flavor = "multi_thread")]
async fn what_never_ran_has_not_ended() {
    let mut world = World::new().await;
    let mut i = instance(2, 1, vec![]);
    i.restart_policy = RestartPolicy::No;
    let error = miosa_runtime::RuntimeError::NotInstalled { what: "test".into(), remedy: "none".into() };
    world.driver.fail_next(DriverCall::Start, error);
    // The next try is not let begin either, so the container stays as it is until the host goes down.
    for _ in 0..100 {
        let error = miosa_runtime::RuntimeError::NotInstalled { what: "test".into(), remedy: "none".into() };
        world.driver.fail_next(DriverCall::RemoveContainer, error);
    }
    world.ask([], [&i]).await;
    world.instance(&i, "the failure", |s| matches!(s.state, InstanceState::Failed(_))).await;
    world.kill_agent();
    world.driver.reboot();
    world.driver.fail_no_more();
    world.start_agent().await;
    let status = world.instance(&i, "the first process", running).await;
    assert_eq!(status.restart_count, 0);
}

/// Ended, it gives its volume back when that is asked for, and stops and goes as any other.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_instance_is_wound_up() {
    let world = World::new().await;
    let (v, mut i) = with_ended(&world).await;
    next(&mut i).attachments[0].desired = DesiredAttachment::Detached { force: false };
    world.ask([], [&i]).await;
    let is_detached = |s: &InstanceStatus| s.attachments[0].state == AttachmentCondition::Detached;
    world.instance(&i, "detached", |s| ended(s) && is_detached(s)).await;
    assert!(world.backend.observe(v.id).unwrap().staged.is_none());

    next(&mut i).desired = DesiredRun::Stopped;
    world.ask([], [&i]).await;
    let status = world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
    assert_eq!(status.exit_code, Some(3));
    next(&mut i).desired = DesiredRun::Destroyed;
    world.ask([], [&i]).await;
    world.instance(&i, "gone", |s| s.state == InstanceState::Gone).await;
}
