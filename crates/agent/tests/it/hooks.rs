//! Commands around a snapshot: in the instance that writes, the second one always.

use miosa_backend::fake::Call;
use miosa_domain::Generation;
use miosa_domain::spec::{AttachmentSpec, DesiredRun, Hooks, SnapshotPresence, SnapshotSpec, VolumeSpec};
use miosa_domain::status::{FailureCode, InstanceState, SnapshotCondition};
use miosa_runtime::fake::Call as DriverCall;
use miosa_runtime::{ExecEvent, RuntimeError};

use crate::world::{
    World, all_attached, attachment, count, driver_count, driver_count_of, failure_of, gone, instance,
    snapshot, taken,
};

fn hooked(n: u128, v: &VolumeSpec) -> SnapshotSpec {
    let mut s = snapshot(n, 2, v);
    s.take.hooks = Hooks { before: Some("sync".into()), after: Some("resume".into()), timeout_seconds: 5 };
    s
}

fn execs(world: &World) -> usize {
    driver_count(world, DriverCall::Exec)
}

/// Both run, one before the clone and one after it.
#[tokio::test(flavor = "multi_thread")]
async fn both_run_around_the_clone() {
    let world = World::new().await;
    let (v, i) = world.with_attached_volume(1).await;
    world.gate.close(Call::CloneSnapshot);
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::CloneSnapshot).await;
    assert_eq!(execs(&world), 1, "before");
    world.gate.open(Call::CloneSnapshot);
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(execs(&world), 2, "after");
    assert!(world.driver.calls().contains(&(DriverCall::Exec, Some(i.id))));
}

/// Without a running writer there is nobody to ask, and the snapshot is taken all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_volume_has_no_hooks() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;

    let (v, mut i) = world.with_attached_volume(10).await;
    (i.generation, i.desired) = (Generation(2), DesiredRun::Stopped);
    world.ask([], [&i]).await;
    world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
    let s = hooked(101, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(execs(&world), 0);
}

/// Of several that share the volume one is asked: the one that has it longest, as long as it runs.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_writers_is_asked() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let sharer = |n: u128| {
        let attachment = AttachmentSpec { shared: true, ..attachment(n + 1, &v) };
        instance(n, 1, vec![attachment])
    };
    let (mut first, second) = (sharer(10), sharer(20));
    for sharer in [&first, &second] {
        world.ask([], [sharer]).await;
        world.instance(sharer, "attached", all_attached).await;
    }
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(driver_count_of(&world, DriverCall::Exec, &first), 2);

    world.driver.end_first_process(first.id, Some(0));
    (first.generation, first.desired) = (Generation(2), DesiredRun::Stopped);
    world.ask([], [&first]).await;
    world.instance(&first, "stopped", |s| s.state == InstanceState::Stopped).await;
    let s = hooked(101, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(driver_count_of(&world, DriverCall::Exec, &second), 2);
    assert_eq!(execs(&world), 4);
}

/// The instance ends just before it is asked: that is no failure.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_has_just_ended_is_not_asked() {
    let world = World::new().await;
    let (v, i) = world.with_attached_volume(1).await;
    world.driver.fail_next(DriverCall::Exec, RuntimeError::NotRunning { id: i.id });
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
}

/// `before` fails: nothing is cloned, the reason is shown with what it wrote, and `after` runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_before_means_no_snapshot() {
    let world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    world.driver.answer_exec(vec![
        ExecEvent::Stderr("the database is locked".into()),
        ExecEvent::Exit { code: 3, timed_out: false },
    ]);
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    let failed = |s: &_| failure_of(s) == Some(FailureCode::HookFailed);
    let status = world.snapshot(&s, "the failure", failed).await;
    let SnapshotCondition::Failed(failure) = status.condition else { unreachable!() };
    assert!(failure.message.contains("exit code 3: the database is locked"), "{}", failure.message);
    assert_eq!((execs(&world), count(&world, Call::CloneSnapshot)), (2, 0));

    // One that is not done in its time, and one that cannot be run at all, fail alike.
    for n in [101, 102] {
        if n == 101 {
            world.driver.answer_exec(vec![ExecEvent::Exit { code: 124, timed_out: true }]);
        } else {
            let error = RuntimeError::InvalidSpec { reason: "no shell".into() };
            world.driver.fail_next(DriverCall::Exec, error);
        }
        let s = hooked(n, &v);
        world.ask_snapshots([&s]).await;
        world.snapshot(&s, "the failure", failed).await;
    }
    assert_eq!(count(&world, Call::CloneSnapshot), 0);
}

/// A failed `after` spoils nothing, and a failed clone does not keep `after` from running.
#[tokio::test(flavor = "multi_thread")]
async fn after_always_runs() {
    let world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    let exit = |code| vec![ExecEvent::Exit { code, timed_out: false }];
    world.driver.answer_exec(exit(0));
    world.driver.answer_exec(exit(1));
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(execs(&world), 2);

    world.backend.set_write_back_hangs(v.id, true);
    let s = hooked(101, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the failure", |s| failure_of(s) == Some(FailureCode::WriteBackTimeout)).await;
    assert_eq!(execs(&world), 4);
}

/// The agent dies after `before`: the next one runs both around its own attempt, in the instance that it found running.
#[tokio::test(flavor = "multi_thread")]
async fn after_runs_after_a_crash() {
    let mut world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    world.gate.close(Call::CloneSnapshot);
    let s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::CloneSnapshot).await;
    world.kill_agent();
    world.start_agent().await;
    world.snapshot(&s, "the snapshot", taken).await;
    assert_eq!(execs(&world), 3, "before, then both again");
}

/// The same, and the snapshot is not wanted any more when the next agent comes: `after` runs nonetheless, as it was when
/// `before` was begun.
#[tokio::test(flavor = "multi_thread")]
async fn after_runs_though_the_snapshot_was_withdrawn() {
    let mut world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    world.gate.close(Call::CloneSnapshot);
    let mut s = hooked(100, &v);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::CloneSnapshot).await;
    (s.generation, s.presence, s.take) = (Generation(3), SnapshotPresence::Purged, Default::default());
    world.ask_snapshots([&s]).await;
    world.settle(900).await;
    world.kill_agent();
    assert_eq!(execs(&world), 1);
    world.start_agent().await;
    world.snapshot(&s, "the end", gone).await;
    assert_eq!((execs(&world), count(&world, Call::CloneSnapshot)), (2, 0));
}
