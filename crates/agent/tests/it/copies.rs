//! Volumes made from snapshots and from other volumes, and volumes whose data is replaced.

use miosa_backend::fake::Call;
use miosa_backend::{BackendError, ImageState, VolumeBackend};
use miosa_domain::Generation;
use miosa_domain::VolumeId;
use miosa_domain::spec::{DesiredRun, InstanceSpec, Origin, Presence, VolumeSpec};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, InstanceState, VolumeCondition, VolumeStatus};

use crate::world::{World, all_attached, count, ready, snapshot, taken, volume};

fn failed(code: FailureCode) -> impl Fn(&VolumeStatus) -> bool {
    move |status| matches!(&status.condition, VolumeCondition::Failed(failure) if failure.code == code)
}

fn fork(n: u128, source: VolumeId, stall: Option<StallRules>) -> VolumeSpec {
    VolumeSpec { origin: Some(Origin::Volume { id: source, stall }), ..volume(n, 5) }
}

fn replaced(v: &VolumeSpec, generation: u64, incarnation: u64, origin: Option<Origin>) -> VolumeSpec {
    VolumeSpec { generation: Generation(generation), incarnation, origin, ..v.clone() }
}

fn incarnation(world: &World, id: VolumeId) -> u64 {
    match world.backend.observe(id).unwrap().image {
        ImageState::Present { incarnation, .. } => incarnation,
        other => panic!("{other:?}"),
    }
}

/// A volume with a file, a snapshot of it, and another content since.
async fn with_a_past(world: &World) -> (VolumeSpec, Origin) {
    let v = world.with_volume(1).await;
    world.backend.write_file(v.id, "/a", b"then");
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    world.backend.write_file(v.id, "/a", b"now");
    (v, Origin::Snapshot { id: s.id })
}

/// From a snapshot as it was, from a volume as it is; both whole when the source is gone, and never made again.
#[tokio::test(flavor = "multi_thread")]
async fn made_from_a_snapshot_and_from_a_volume() {
    let mut world = World::new().await;
    let (mut v, origin) = with_a_past(&world).await;
    let from_snapshot = VolumeSpec { origin: Some(origin), ..volume(3, 3) };
    let from_volume = fork(4, v.id, None);
    world.ask([&from_snapshot, &from_volume], []).await;
    for (made, content) in [(&from_snapshot, &b"then"[..]), (&from_volume, b"now")] {
        world.volume(made, "the copy", ready).await;
        assert_eq!(world.backend.read_file(made.id, "/a").as_deref(), Some(content));
    }
    (v.generation, v.presence) = (Generation(9), Presence::Purged);
    world.ask([&v], []).await;
    world.volume(&v, "the end of the source", |v| v.condition == VolumeCondition::Gone).await;
    world.kill_agent();
    world.start_agent().await;
    world.volume(&from_volume, "the copy", ready).await;
    assert_eq!(world.backend.read_file(from_volume.id, "/a").as_deref(), Some(&b"now"[..]));
}

/// A source that is missing, that is the volume itself, or that waits for its own copy, is refused; nobody waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_must_be_there() {
    let world = World::new().await;
    let nobody = volume(77, 1).id;
    let (one, two) = (volume(3, 3).id, volume(4, 3).id);
    let specs =
        [fork(2, nobody, None), fork(3, two, None), fork(4, one, None), fork(5, volume(5, 1).id, None)];
    world.ask(&specs, []).await;
    for spec in &specs {
        world.volume(spec, "the refusal", |v| matches!(v.condition, VolumeCondition::Failed(_))).await;
    }
    assert_eq!(count(&world, Call::Create), 0);
    // Nor does the refusal hold anybody's turn.
    let mut spec = specs[1].clone();
    (spec.generation, spec.origin) = (Generation(6), None);
    world.ask([&spec], []).await;
    world.volume(&spec, "an empty volume", ready).await;
}

/// A fork of a fragmented volume compacts it first, and is refused if its writers would still wait for too long; `None` forks
/// at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_fork_keeps_to_the_budget() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 250_000, 500);
    let spec = fork(2, v.id, Some(StallRules::BY_HAND));
    world.ask([&spec], []).await;
    world.volume(&spec, "the fork", ready).await;
    assert_eq!(count(&world, Call::Compact), 1);

    world.backend.set_extents(v.id, 250_000, 240_000);
    let spec = fork(3, v.id, Some(StallRules::BY_HAND));
    world.ask([&spec], []).await;
    world.volume(&spec, "the refusal", failed(FailureCode::StallBudget)).await;
    let spec = fork(4, v.id, None);
    world.ask([&spec], []).await;
    world.volume(&spec, "the fork", ready).await;
    assert_eq!(count(&world, Call::Compact), 2);
}

/// A fork that is withdrawn while its source is compacted is not made.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_fork_is_not_made() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 250_000, 500);
    world.gate.close(Call::Compact);
    let mut spec = fork(2, v.id, Some(StallRules::BY_HAND));
    world.ask([&spec], []).await;
    world.gate.held(Call::Compact).await;
    (spec.generation, spec.presence) = (Generation(6), Presence::Purged);
    world.ask([&spec], []).await;
    world.settle(900).await;
    world.gate.open(Call::Compact);
    world.volume(&spec, "the end", |v| v.condition == VolumeCondition::Gone).await;
    assert!(!world.backend.calls().contains(&(Call::Create, Some(spec.id))));
}

/// A fork that waits for its source to be compacted holds up neither the start of an agent nor anybody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_fork_does_not_hold_up_the_start() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.set_extents(v.id, 250_000, 500);
    world.gate.close(Call::Compact);
    let spec = fork(2, v.id, Some(StallRules::BY_HAND));
    world.ask([&spec], []).await;
    world.gate.held(Call::Compact).await;
    world.kill_agent();
    world.gate.close(Call::Compact);
    world.start_agent().await;
    world.gate.held(Call::Compact).await;
    world.gate.open(Call::Compact);
    world.volume(&spec, "the fork", ready).await;
}

/// Replaced once, by the snapshot's data: a repeated spec does nothing, an older incarnation takes nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn replaced_once_and_never_back() {
    let mut world = World::new().await;
    let (v, origin) = with_a_past(&world).await;
    let next = replaced(&v, 3, 1, Some(origin));
    world.ask([&next], []).await;
    world.volume(&next, "the replacement", |s| ready(s) && s.incarnation == 1).await;
    assert_eq!(world.backend.read_file(v.id, "/a").as_deref(), Some(&b"then"[..]));
    world.backend.write_file(v.id, "/a", b"later");
    world.ask([&next], []).await;
    world.kill_agent();
    world.start_agent().await;
    world.volume(&next, "as it was", ready).await;
    let older = replaced(&v, 4, 0, None);
    world.ask([&older], []).await;
    world.volume(&older, "what is there", |s| ready(s) && s.incarnation == 1).await;
    assert_eq!(world.backend.read_file(v.id, "/a").as_deref(), Some(&b"later"[..]));
    assert_eq!(count(&world, Call::Replace), 1);
}

/// A volume in use is not replaced under its instance, and says what is there; given back, it is replaced at once, and the
/// instance comes up on the new data.
#[tokio::test(flavor = "multi_thread")]
async fn replaced_only_when_nobody_uses_it() {
    let world = World::new().await;
    let (v, mut i) = world.with_attached_volume(10).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    let next = replaced(&v, 3, 1, Some(Origin::Snapshot { id: s.id }));
    world.ask([&next], []).await;
    world.volume(&next, "the refusal", failed(FailureCode::VolumeAttached)).await;
    assert_eq!(incarnation(&world, v.id), 0);
    (i.generation, i.desired) = (Generation(3), DesiredRun::Stopped);
    world.ask([], [&i]).await;
    world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
    world.volume(&next, "the replacement", |s| ready(s) && s.incarnation == 1).await;
    start_again(&world, &mut i).await;
    assert_eq!(incarnation(&world, v.id), 1);
}

async fn start_again(world: &World, i: &mut InstanceSpec) {
    (i.generation, i.desired, i.run) = (Generation(i.generation.0 + 1), DesiredRun::Running, i.run + 1);
    world.ask([], [&*i]).await;
    world.instance(i, "running", all_attached).await;
}

/// An instance is not started on data that is still to be replaced.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_old_data() {
    let world = World::new().await;
    let (v, mut i) = world.with_attached_volume(10).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    (i.generation, i.desired) = (Generation(3), DesiredRun::Stopped);
    world.ask([], [&i]).await;
    world.instance(&i, "stopped", |s| s.state == InstanceState::Stopped).await;
    let error = || BackendError::InsufficientCapacity { capacity_bytes: 1, used_bytes: 1 };
    world.backend.fail_next(Call::Replace, error());
    let next = replaced(&v, 3, 1, Some(Origin::Snapshot { id: s.id }));
    world.ask([&next], []).await;
    let refused = world.volume(&next, "the failure", failed(FailureCode::InsufficientCapacity)).await;
    assert_eq!(refused.incarnation, 0);
    start_again(&world, &mut i).await;
    assert_eq!(incarnation(&world, v.id), 1);
}

/// Data is replaced only by a snapshot's: a spec that names none is refused and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_needs_a_snapshot() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    let next = replaced(&v, 3, 1, None);
    world.ask([&next], []).await;
    let refused = world.volume(&next, "the refusal", failed(FailureCode::HostError)).await;
    assert_eq!((refused.incarnation, incarnation(&world, v.id)), (0, 0));
}
