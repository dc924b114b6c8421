//! Volumes and instances: made, attached, given back, and found again.

use miosa_api::agent_v1::{ControllerMessage, ExecRequest, StreamEvent};
use miosa_backend::{BackendError, ImageState, VolumeBackend, fake::Call as BackendCall};
use miosa_domain::Generation;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, Network, Presence};
use miosa_domain::status::{
    AttachmentCondition, FailureCode, Holder, InstanceState, InstanceStatus, VolumeCondition,
};
use miosa_runtime::{InstanceDriver, Reach, RuntimeError, fake::Call as DriverCall};

use crate::world::{World, all_attached, attachment, count, driver_count, instance, ready, running, volume};

/// A volume's whole life: made, mounted before the first process, unmounted, trashed, brought back, purged, forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life() {
    let world = World::new().await;
    let mut v = volume(1, 1);
    world.ask([&v], []).await;
    world.volume(&v, "the volume", ready).await;

    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([], [&i]).await;
    world.instance(&i, "the instance with its volume", all_attached).await;
    let calls: Vec<_> = world.driver.calls().into_iter().map(|(call, _)| call).collect();
    let at =
        |call| calls.iter().position(|c| *c == call).unwrap_or_else(|| panic!("no {call:?} in {calls:?}"));
    assert!(
        at(DriverCall::Create) < at(DriverCall::Publish) && at(DriverCall::Publish) < at(DriverCall::Start)
    );

    i.generation = Generation(3);
    i.attachments[0].desired = DesiredAttachment::Detached { force: false };
    world.ask([], [&i]).await;
    world.instance(&i, "detached", |s| s.attachments[0].state == AttachmentCondition::Detached).await;
    assert!(world.backend.observe(v.id).unwrap().staged.is_none(), "still mounted on the host");

    for (generation, presence, condition) in [
        (4, Presence::Trashed, VolumeCondition::InTrash),
        (5, Presence::Present, VolumeCondition::Ready),
        (6, Presence::Purged, VolumeCondition::Gone),
    ] {
        (v.generation, v.presence) = (Generation(generation), presence);
        world.ask([&v], []).await;
        world.volume(&v, "the presence", |s| s.condition == condition).await;
    }
    assert_eq!(world.backend.observe(v.id).unwrap().image, ImageState::Absent);

    (i.generation, i.desired) = (Generation(7), DesiredRun::Destroyed);
    world.ask([], [&i]).await;
    world.instance(&i, "gone", |s| s.state == InstanceState::Gone).await;
    world.say(ControllerMessage::Forget { ids: vec![v.id.into(), i.id.into()] }).await;
    // Forgotten things are no orphans at the next connection.
    world.resync().await;
    world.wait("an empty host", |s| s.pool.as_ref()?.orphans.first.is_empty().then_some(())).await;
}

/// What a resync does not name is reported and kept: a lost database destroys nothing.
#[tokio::test(flavor = "multi_thread")]
async fn absent_never_means_delete() {
    let world = World::new().await;
    let v = volume(1, 1);
    let i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.resync().await;
    let pool = world.wait("orphans", |s| s.pool.clone().filter(|p| !p.orphans.first.is_empty())).await;
    assert_eq!(pool.orphans.first, [v.id.into(), i.id.into()]);
    assert!(world.backend.observe(v.id).unwrap().staged.is_some());
}

/// An agent that was killed finds the running instance again and touches neither it nor its mounts.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_adopts_what_runs() {
    let mut world = World::new().await;
    let v = volume(1, 1);
    let i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.kill_agent();
    let (stages, creates) = (count(&world, BackendCall::Stage), driver_count(&world, DriverCall::Create));
    world.start_agent().await;
    world.instance(&i, "adopted", all_attached).await;
    assert_eq!(count(&world, BackendCall::Stage), stages, "mounted again");
    assert_eq!(driver_count(&world, DriverCall::Create), creates, "started again");
}

/// After a reboot the agent alone, without a controller, brings the instance back with its volume.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_alone_restores_the_host() {
    let mut world = World::new().await;
    let v = volume(1, 1);
    let i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.kill_agent();
    world.backend.reboot();
    world.driver.reboot();
    world.start_agent_alone();
    let back = async {
        while world.driver.observe(i.id).map_or(0, |o| o.published.len()) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), back).await.expect("the instance comes back");
}

/// The first process ends by itself: it is started again, with its volume, and that is counted.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_process_is_started_again() {
    let world = World::new().await;
    let v = volume(1, 1);
    let i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.driver.end_first_process(i.id, Some(9));
    let status = world.instance(&i, "a restart", |s| s.restart_count == 1 && all_attached(s)).await;
    assert_eq!(status.exit_code, Some(9));
}

/// A volume that cannot be mounted keeps its instance from starting, and both are named.
#[tokio::test(flavor = "multi_thread")]
async fn no_volume_no_start() {
    let world = World::new().await;
    let v = volume(1, 1);
    world.ask([&v], []).await;
    world.volume(&v, "the volume", ready).await;
    world.backend.lose(v.id);
    let i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([], [&i]).await;
    let status = world.instance(&i, "the failure", |s| matches!(s.state, InstanceState::Failed(_))).await;
    let InstanceState::Failed(failure) = status.state else { unreachable!() };
    assert_eq!(failure.code, FailureCode::DataMissing);
    assert!(failure.message.contains(&v.id.to_string()), "{}", failure.message);
    assert_eq!(driver_count(&world, DriverCall::Start), 0);
    assert_eq!(count(&world, BackendCall::Create), 1, "missing data was made anew");
}

/// Missing data is missing, also on a host that lost its ledger and is told of the volume for the first time.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_must_exist_is_never_made() {
    let world = World::new().await;
    let v = miosa_domain::spec::VolumeSpec { must_exist: true, ..volume(1, 1) };
    world.ask([&v], []).await;
    let status = world.volume(&v, "the failure", |s| !ready(s)).await;
    assert!(matches!(status.condition, VolumeCondition::Failed(f) if f.code == FailureCode::DataMissing));
    assert_eq!(count(&world, BackendCall::Create), 0);
}

/// A detach that finds files open gives up, names the holders, and leaves the volume where it was; by force it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_detach_leaves_things_as_they_were() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    let device = world.backend.observe(v.id).unwrap().staged.unwrap().device_number();
    let holder = Holder { pid: 4242, command: "sleep 1000".into() };
    world.driver.set_holders(i.id, device, vec![holder.clone()]);

    i.generation = Generation(3);
    i.attachments[0].desired = DesiredAttachment::Detached { force: false };
    world.ask([], [&i]).await;
    let busy = AttachmentCondition::Busy { holders: vec![holder] };
    world.instance(&i, "busy", |s| s.attachments[0].state == busy).await;
    assert_eq!(world.driver.observe(i.id).unwrap().published.len(), 1);

    // The controller takes the detach back; the attachment is what it was.
    i.generation = Generation(4);
    i.attachments[0].desired = DesiredAttachment::Attached;
    world.ask([], [&i]).await;
    world.instance(&i, "attached as before", all_attached).await;

    world.driver.set_holders(i.id, device, vec![]);
    i.generation = Generation(5);
    i.attachments[0].desired = DesiredAttachment::Detached { force: true };
    world.ask([], [&i]).await;
    world.instance(&i, "gone", |s| s.attachments[0].state == AttachmentCondition::Detached).await;
}

/// The host itself still uses the volume: it is put back into the instance before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_detach_that_fails_on_the_host_puts_the_volume_back() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    world.backend.set_holders(v.id, vec![Holder { pid: 7, command: "cp -a".into() }]);
    i.generation = Generation(3);
    i.attachments[0].desired = DesiredAttachment::Detached { force: false };
    world.ask([], [&i]).await;
    let busy = |s: &InstanceStatus| matches!(s.attachments[0].state, AttachmentCondition::Busy { .. });
    world.instance(&i, "busy", busy).await;
    assert_eq!(world.driver.observe(i.id).unwrap().published.len(), 1);
}

/// Other mount namespaces are searched only after something kept the device in use, and before any process is ended.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_namespace_are_searched_when_the_device_stays_in_use() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    let holders = vec![Holder { pid: 7, command: "sleep 1".into() }];
    world.backend.fail_next(BackendCall::Unstage, BackendError::Busy { id: v.id, holders });
    i.generation = Generation(3);
    i.attachments[0].desired = DesiredAttachment::Detached { force: true };
    world.ask([], [&i]).await;
    world.instance(&i, "detached", |s| s.attachments[0].state == AttachmentCondition::Detached).await;
    let calls = world.driver.calls().into_iter().map(|(call, _)| call);
    let calls: Vec<_> = calls
        .filter(|call| {
            matches!(call, DriverCall::Unpublish(_) | DriverCall::Publish | DriverCall::EndProcesses)
        })
        .collect();
    let search = [Reach::Instance, Reach::Copies].map(DriverCall::Unpublish);
    assert_eq!(calls, [DriverCall::Publish, search[0], DriverCall::Publish, search[1]]);
}

/// One writer: a second attachment of the same volume is refused by the slot in its ledger file.
#[tokio::test(flavor = "multi_thread")]
async fn the_slot_holds_one_writer() {
    let world = World::new().await;
    let v = volume(1, 1);
    let first = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&first]).await;
    world.instance(&first, "running", all_attached).await;
    let second = instance(4, 3, vec![attachment(5, &v)]);
    world.ask([], [&second]).await;
    let status = world.instance(&second, "refused", |s| matches!(s.state, InstanceState::Failed(_))).await;
    let InstanceState::Failed(failure) = status.state else { unreachable!() };
    assert_eq!(failure.code, FailureCode::VolumeAttached);
}

/// A volume that its present holder is giving back is waited for, not refused: deleting one computer and attaching its
/// volume to the next works without a pause in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_on_its_way_out_is_waited_for() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut first = instance(2, 2, vec![attachment(3, &v)]);
    let mut second = instance(4, 3, vec![]);
    world.ask([&v], [&first, &second]).await;
    world.instance(&first, "running", all_attached).await;
    world.instance(&second, "running", running).await;
    // It does not end yet, so the first one keeps its claim while it goes down.
    let error = RuntimeError::WillNotEnd { id: first.id, pids: vec![100] };
    world.driver.fail_next(DriverCall::Stop, error);
    (first.generation, first.desired) = (Generation(4), DesiredRun::Stopped);
    second.generation = Generation(5);
    second.attachments = vec![attachment(5, &v)];
    world.ask([], [&first, &second]).await;
    let status = world.instance(&second, "the volume", |s| {
        assert!(!matches!(s.attachments[0].state, AttachmentCondition::Failed(_)), "refused: {s:?}");
        all_attached(s)
    });
    status.await;
}

/// A withdrawn attachment is still in the spec, as detached, when the same volume is attached again: the new mount is the
/// new attachment's, and stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_attachment_does_not_take_the_next_one_along() {
    let world = World::new().await;
    let v = volume(1, 1);
    let withdrawn = |n| {
        let mut attachment = attachment(n, &v);
        attachment.desired = DesiredAttachment::Detached { force: false };
        attachment
    };
    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "attached", all_attached).await;
    (i.generation, i.attachments) = (Generation(3), vec![withdrawn(3), attachment(4, &v)]);
    world.ask([], [&i]).await;
    let is_attached = |s: &InstanceStatus| s.attachments[1].state == AttachmentCondition::Attached;
    world.instance(&i, "the second attachment", is_attached).await;
    assert_eq!(world.driver.observe(i.id).unwrap().published.len(), 1);
}

/// An older spec changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_never_goes_back() {
    let world = World::new().await;
    let v = volume(1, 5);
    world.ask([&v], []).await;
    world.volume(&v, "the volume", ready).await;
    let mut older = volume(1, 4);
    older.presence = Presence::Purged;
    world.ask([&older], []).await;
    let marker = volume(9, 6);
    world.ask([&marker], []).await;
    world.volume(&marker, "the next spec", ready).await;
    assert!(matches!(world.backend.observe(v.id).unwrap().image, ImageState::Present { .. }));
}

/// A full pool is reported with its code, and a later try succeeds when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_reported() {
    let world = World::new().await;
    let full = BackendError::InsufficientCapacity { capacity_bytes: 10, used_bytes: 10 };
    world.backend.fail_next(BackendCall::Create, full);
    let mut v = volume(1, 1);
    world.ask([&v], []).await;
    let status = world.volume(&v, "the refusal", |s| !ready(s)).await;
    assert!(
        matches!(status.condition, VolumeCondition::Failed(f) if f.code == FailureCode::InsufficientCapacity)
    );
    v.generation = Generation(2);
    world.ask([&v], []).await;
    world.volume(&v, "the volume", ready).await;
}

/// An observation that fails is no absence: nothing is started or removed on its account.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_is_not_absent() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut i = instance(2, 2, vec![attachment(3, &v)]);
    world.ask([&v], [&i]).await;
    world.instance(&i, "running", all_attached).await;
    let (creates, removes) =
        (driver_count(&world, DriverCall::Create), driver_count(&world, DriverCall::RemoveContainer));
    let error = || RuntimeError::NotInstalled { what: "test".into(), remedy: "none".into() };
    world.driver.fail_next(DriverCall::Observe, error());
    world.driver.fail_next(DriverCall::Observe, error());
    i.generation = Generation(3);
    world.ask([], [&i]).await;
    world.instance(&i, "running as before", all_attached).await;
    assert_eq!(driver_count(&world, DriverCall::Create), creates);
    assert_eq!(driver_count(&world, DriverCall::RemoveContainer), removes);
}

/// The host's network is the operator's to give, whatever the controller asks.
#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_network_must_be_allowed() {
    let world = World::new().await;
    let mut i = instance(2, 1, vec![]);
    i.network = Network::Host;
    world.ask([], [&i]).await;
    let status = world.instance(&i, "the refusal", |s| matches!(s.state, InstanceState::Failed(_))).await;
    assert!(matches!(status.state, InstanceState::Failed(f) if f.code == FailureCode::CannotRun));
    assert_eq!(driver_count(&world, DriverCall::Create), 0);
}

/// Commands pass through as events, and one that cannot run ends its stream with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn exec_passes_through() {
    let world = World::new().await;
    let i = instance(2, 1, vec![]);
    world.ask([], [&i]).await;
    world.instance(&i, "running", running).await;
    let request =
        || ExecRequest { command: "true".into(), cwd: None, env: Default::default(), timeout_seconds: 5 };
    world.say(ControllerMessage::Exec { stream: 1, instance: i.id, request: request() }).await;
    let exit = StreamEvent::Exit { code: 0, timed_out: false };
    world.wait("the exit", |s| s.events_of(1).contains(&exit).then_some(())).await;
    let nobody = instance(99, 1, vec![]).id;
    world.say(ControllerMessage::Exec { stream: 2, instance: nobody, request: request() }).await;
    world.wait("the refusal", |s| matches!(s.events_of(2)[..], [StreamEvent::Failed(_)]).then_some(())).await;
}

/// A stop leaves the workload running and closes the pool's door behind it.
#[tokio::test(flavor = "multi_thread")]
async fn stopping_the_agent_leaves_workloads_alone() {
    let mut world = World::new().await;
    let i = instance(2, 1, vec![]);
    world.ask([], [&i]).await;
    world.instance(&i, "running", running).await;
    world.stop_agent().await;
    assert_eq!(driver_count(&world, DriverCall::Stop), 0);
    assert_eq!(count(&world, BackendCall::Shutdown), 1);
}
