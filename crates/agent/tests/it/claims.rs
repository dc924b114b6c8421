//! Who has a volume, and how it goes from one to the next.

use miosa_backend::{VolumeBackend, fake::Call as BackendCall};
use miosa_domain::Generation;
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec, Origin, VolumeSpec};
use miosa_domain::status::{FailureCode, InstanceState, InstanceStatus};
use miosa_runtime::{ContainerState, InstanceDriver, fake::Call as DriverCall};

use crate::world::{
    World, all_attached, attachment, count, driver_count_of, failed_with, instance, running, snapshot, taken,
};

fn in_use(status: &InstanceStatus) -> bool {
    failed_with(status, FailureCode::VolumeAttached)
}

fn stopped(status: &InstanceStatus) -> bool {
    status.state == InstanceState::Stopped
}

fn stop(spec: &mut InstanceSpec) {
    (spec.generation, spec.desired) = (Generation(spec.generation.0 + 1), DesiredRun::Stopped);
}

fn is_mounted(world: &World, volume: &VolumeSpec) -> bool {
    world.backend.observe(volume.id).unwrap().staged.is_some()
}

/// One that shares the volume with others.
fn sharer(n: u128, v: &VolumeSpec) -> InstanceSpec {
    instance(n, 1, vec![AttachmentSpec { shared: true, ..attachment(n + 1, v) }])
}

/// Sharers write through one mount, which stays until the last of them goes; who did not agree to them is refused.
#[tokio::test(flavor = "multi_thread")]
async fn sharers_have_one_mount() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let (mut first, mut second) = (sharer(10, &v), sharer(20, &v));
    world.ask([], [&first, &second]).await;
    for sharer in [&first, &second] {
        world.instance(sharer, "attached", all_attached).await;
    }
    let device = |spec: &InstanceSpec| world.driver.observe(spec.id).unwrap().published[0].device_number;
    assert_eq!(device(&first), device(&second));

    let alone = instance(30, 1, vec![attachment(31, &v)]);
    let reader = instance(40, 1, vec![AttachmentSpec { read_only: true, ..attachment(41, &v) }]);
    for refused in [&alone, &reader] {
        world.ask([], [refused]).await;
        world.instance(refused, "the refusal", in_use).await;
        assert_eq!(driver_count_of(&world, DriverCall::Start, refused), 0);
    }

    // The next agent knows of both.
    world.kill_agent();
    world.start_agent().await;
    stop(&mut first);
    world.ask([], [&first]).await;
    world.instance(&first, "stopped", stopped).await;
    assert!(is_mounted(&world, &v), "taken away under the second");
    assert!(world.instance(&second, "attached as before", all_attached).await.restart_count == 0);
    for mut refused in [alone, reader] {
        stop(&mut refused);
        world.ask([], [&refused]).await;
        world.instance(&refused, "stopped", stopped).await;
    }
    stop(&mut second);
    world.ask([], [&second]).await;
    world.instance(&second, "stopped", stopped).await;
    assert!(!is_mounted(&world, &v));
}

/// Sharers wait for one that wants the volume alone, and all of them have it when that one goes.
#[tokio::test(flavor = "multi_thread")]
async fn sharers_wait_for_a_single_writer() {
    let world = World::new().await;
    let (v, mut alone) = world.with_attached_volume(1).await;
    let sharers = [sharer(10, &v), sharer(20, &v), sharer(30, &v)];
    world.ask([], &sharers).await;
    for sharer in &sharers {
        world.instance(sharer, "the refusal", in_use).await;
    }
    stop(&mut alone);
    world.ask([], [&alone]).await;
    for sharer in &sharers {
        world.instance(sharer, "attached", all_attached).await;
    }
    assert_eq!(count(&world, BackendCall::Unstage), 0);
}

/// The volume goes from one to the next without being unmounted, after the one's last process and before the other's first;
/// the next one's container is made ahead, and only once.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_handed_on() {
    let world = World::new().await;
    let (v, mut first) = world.with_attached_volume(1).await;
    let second = instance(10, 1, vec![attachment(11, &v)]);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    let container = world.driver.observe(second.id).unwrap().container;
    assert!(matches!(container, ContainerState::Created { .. }), "{container:?}");

    stop(&mut first);
    world.ask([], [&first]).await;
    let successor = world.instance(&second, "the volume", all_attached).await;
    let predecessor = world.instance(&first, "stopped", stopped).await;
    let (ended_at, started_at) = (predecessor.ended_at.unwrap(), successor.started_at.unwrap());
    assert!(ended_at <= started_at, "{ended_at} {started_at}");
    assert_eq!(driver_count_of(&world, DriverCall::Create, &second), 1);
    assert_eq!((count(&world, BackendCall::Unstage), is_mounted(&world, &v)), (0, true));

    // Nobody waits: the last one turns off the light.
    let mut second = second;
    stop(&mut second);
    world.ask([], [&second]).await;
    world.instance(&second, "stopped", stopped).await;
    assert!(!is_mounted(&world, &v));
}

/// In both specs at once, as a rollout sends them.
#[tokio::test(flavor = "multi_thread")]
async fn many_hand_overs_in_a_row() {
    let world = World::new().await;
    let (v, mut last) = world.with_attached_volume(1).await;
    for n in 1..20 {
        let next = instance(n * 10, 1, vec![attachment(n * 10 + 1, &v)]);
        stop(&mut last);
        world.ask([], [&next, &last]).await;
        world.instance(&next, "the volume", all_attached).await;
        world.instance(&last, "stopped", stopped).await;
        last = next;
    }
    assert!(is_mounted(&world, &v));
}

/// The agent dies while a container waits for its volume: nobody knows any more what it was made from, so it is made anew, and
/// does not start before the volume is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_container_does_not_outlive_its_agent() {
    let mut world = World::new().await;
    let (v, mut first) = world.with_attached_volume(1).await;
    let second = instance(10, 1, vec![attachment(11, &v)]);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    world.kill_agent();
    world.start_agent().await;
    assert_eq!(driver_count_of(&world, DriverCall::Create, &second), 2);
    assert_eq!(driver_count_of(&world, DriverCall::Start, &second), 0);
    stop(&mut first);
    world.ask([], [&first]).await;
    world.instance(&second, "the volume", all_attached).await;
    assert_eq!(driver_count_of(&world, DriverCall::Create, &second), 2);
}

/// Another spec of the same run: what was made from the old one is not let run.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_container_follows_its_spec() {
    let world = World::new().await;
    let (v, mut first) = world.with_attached_volume(1).await;
    let mut second = instance(10, 1, vec![attachment(11, &v)]);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    (second.generation, second.stop_grace_seconds) = (Generation(2), 7);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    (second.generation, second.hostname) = (Generation(3), "other".into());
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    stop(&mut first);
    world.ask([], [&first]).await;
    world.instance(&second, "the volume", all_attached).await;
    assert_eq!(driver_count_of(&world, DriverCall::Create, &second), 2, "once for each host name");
}

/// Who does not want the volume any more is not given it, though it had waited.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_no_more_gets_nothing() {
    let world = World::new().await;
    let (v, mut first) = world.with_attached_volume(1).await;
    let mut second = instance(10, 1, vec![attachment(11, &v)]);
    let mut third = instance(20, 1, vec![attachment(21, &v)]);
    world.ask([], [&second, &third]).await;
    for waiting in [&second, &third] {
        world.instance(waiting, "waits", in_use).await;
    }
    stop(&mut second);
    (third.generation, third.attachments[0].desired) =
        (Generation(2), DesiredAttachment::Detached { force: false });
    world.ask([], [&second, &third]).await;
    world.instance(&second, "stopped", stopped).await;
    assert_eq!(world.driver.observe(second.id).unwrap().container, ContainerState::Absent);
    world.instance(&third, "without it", running).await;
    stop(&mut first);
    world.ask([], [&first]).await;
    world.instance(&first, "stopped", stopped).await;
    assert!(!is_mounted(&world, &v));
}

/// A detach from a running instance unmounts, whoever waits: that shows whether somebody still uses the volume.
#[tokio::test(flavor = "multi_thread")]
async fn a_detach_hands_nothing_on() {
    let world = World::new().await;
    let (v, mut first) = world.with_attached_volume(1).await;
    let second = instance(10, 1, vec![attachment(11, &v)]);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    (first.generation, first.attachments[0].desired) =
        (Generation(2), DesiredAttachment::Detached { force: false });
    world.ask([], [&first]).await;
    world.instance(&second, "the volume", all_attached).await;
    assert_eq!(count(&world, BackendCall::Unstage), 1);
}

/// The volume is to become something else before the next one has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_comes_before_the_next_in_line() {
    let world = World::new().await;
    let (mut v, mut first) = world.with_attached_volume(1).await;
    let s = snapshot(100, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    let second = instance(10, 1, vec![attachment(11, &v)]);
    world.ask([], [&second]).await;
    world.instance(&second, "waits", in_use).await;
    (v.generation, v.incarnation, v.origin) = (Generation(3), 1, Some(Origin::Snapshot { id: s.id }));
    world.ask([&v], []).await;
    let waits = |s: &miosa_domain::status::VolumeStatus| matches!(&s.condition, miosa_domain::status::VolumeCondition::Failed(f) if f.code == FailureCode::VolumeAttached);
    world.volume(&v, "the restore waits", waits).await;
    stop(&mut first);
    world.ask([], [&first]).await;
    world.instance(&second, "the volume", all_attached).await;
    assert_eq!(world.volume(&v, "the restored volume", |s| s.incarnation == 1).await.incarnation, 1);
    assert_eq!((count(&world, BackendCall::Unstage), count(&world, BackendCall::Replace)), (1, 1));
}
