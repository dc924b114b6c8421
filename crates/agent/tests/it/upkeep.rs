//! What is found out in the background: space, checksums, and whether a snapshot is still what it was.

use miosa_backend::fake::Call;
use miosa_domain::Generation;
use miosa_domain::spec::{Presence, SnapshotPresence, SnapshotSpec, VolumeSpec};
use miosa_domain::status::{FailureCode, SnapshotStatus, VerificationOutcome, VolumeCondition};

use crate::world::{World, count, gone, snapshot, taken};

async fn with_snapshot(world: &World) -> (VolumeSpec, SnapshotSpec) {
    let v = world.with_volume(1).await;
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the checksum", |s| taken(s) && s.checksum.is_some()).await;
    (v, s)
}

fn verified(s: &SnapshotSpec, generation: u64, number: u64) -> SnapshotSpec {
    SnapshotSpec { generation: Generation(generation), verification: number, ..s.clone() }
}

fn outcome(number: u64, is: impl Fn(&VerificationOutcome) -> bool) -> impl Fn(&SnapshotStatus) -> bool {
    move |status| status.verification.as_ref().is_some_and(|v| v.number == number && is(&v.outcome))
}

fn intact(outcome: &VerificationOutcome) -> bool {
    *outcome == VerificationOutcome::Intact
}

fn damaged(outcome: &VerificationOutcome) -> bool {
    matches!(outcome, VerificationOutcome::Damaged { .. })
}

/// Space is told soon after a snapshot was taken or removed: of the volume, and what the snapshot alone holds.
#[tokio::test(flavor = "multi_thread")]
async fn space_is_told_after_a_change() {
    let world = World::new().await;
    let (v, s) = with_snapshot(&world).await;
    let exclusive = world.snapshot(&s, "what it holds", |s| s.exclusive.is_some()).await.exclusive.unwrap();
    assert!(exclusive.bytes > 0);
    let holds = |status: &miosa_domain::status::VolumeStatus| {
        status.space.is_some_and(|space| space.held_by_snapshots_bytes == exclusive.bytes)
    };
    let space = world.volume(&v, "its space", holds).await.space.unwrap();
    assert!(space.extents > 0 && space.filesystem_used_bytes.is_none(), "{space:?}");
    let removed = SnapshotSpec { presence: SnapshotPresence::Purged, generation: Generation(3), ..s.clone() };
    world.ask_snapshots([&removed]).await;
    world.snapshot(&removed, "the removal", gone).await;
    let holds_nothing = |status: &miosa_domain::status::VolumeStatus| {
        status.space.is_some_and(|space| space.held_by_snapshots_bytes == 0)
    };
    world.volume(&v, "its space", holds_nothing).await;
}

/// A mounted volume also says what its files take.
#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_volume_says_what_its_files_take() {
    let world = World::new().await;
    let v = world.with_volume(1).await;
    world.backend.write_file(v.id, "/a", b"12345");
    let i = crate::world::instance(3, 2, vec![crate::world::attachment(4, &v)]);
    world.ask([], [&i]).await;
    let used = |status: &miosa_domain::status::VolumeStatus| {
        status.space.is_some_and(|space| space.filesystem_used_bytes == Some(5))
    };
    world.volume(&v, "its space", used).await;
}

/// What a purged volume's snapshots hold is told after a restart as well: nobody else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_purged_volumes_snapshots_are_measured() {
    let mut world = World::new().await;
    let (mut v, s) = with_snapshot(&world).await;
    (v.generation, v.presence) = (Generation(3), Presence::Purged);
    world.ask([&v], []).await;
    world.volume(&v, "the end", |v| v.condition == VolumeCondition::Gone).await;
    world.kill_agent();
    world.forget_what_was_told();
    world.start_agent().await;
    world.snapshot(&s, "what it holds", |s| s.exclusive.is_some()).await;
}

/// Asked for, it is read again and compared; the outcome is told with the number, again after a restart, and the snapshot is
/// not read for it once more.
#[tokio::test(flavor = "multi_thread")]
async fn verified_on_demand() {
    let mut world = World::new().await;
    let (_, s) = with_snapshot(&world).await;
    let s = verified(&s, 3, 1);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the verdict", outcome(1, intact)).await;
    let readings = count(&world, Call::Checksum);
    world.ask_snapshots([&s]).await;
    world.kill_agent();
    world.forget_what_was_told();
    world.start_agent().await;
    world.snapshot(&s, "the verdict again", outcome(1, intact)).await;
    world.settle(900).await;
    assert_eq!(count(&world, Call::Checksum), readings);

    world.backend.damage_snapshot(s.id);
    let s = verified(&s, 4, 2);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the damage", |s| taken(s) && outcome(2, damaged)(s)).await;
    world.kill_agent();
    world.forget_what_was_told();
    world.start_agent().await;
    world.snapshot(&s, "the damage again", outcome(2, damaged)).await;
}

/// A verification that the agent did not live to see the end of is carried out by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_survives_a_restart() {
    let mut world = World::new().await;
    let (_, s) = with_snapshot(&world).await;
    world.gate.close(Call::Checksum);
    let s = verified(&s, 3, 1);
    world.ask_snapshots([&s]).await;
    world.gate.held(Call::Checksum).await;
    world.kill_agent();
    world.start_agent().await;
    world.snapshot(&s, "the verdict", outcome(1, intact)).await;
}

/// One that cannot be read says so, and stays.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_is_told() {
    let world = World::new().await;
    let (_, s) = with_snapshot(&world).await;
    let error = miosa_backend::BackendError::Closed;
    world.backend.fail_next(Call::Checksum, error);
    let s = verified(&s, 3, 1);
    world.ask_snapshots([&s]).await;
    let unreadable = |outcome: &VerificationOutcome| matches!(outcome, VerificationOutcome::Unreadable(f) if f.code == FailureCode::HostError);
    world.snapshot(&s, "the verdict", |s| taken(s) && outcome(1, unreadable)(s)).await;
}

/// Reading ends with the snapshot, and does not keep its removal waiting; a stop ends it as well.
#[tokio::test(flavor = "multi_thread")]
async fn reading_gives_way() {
    let mut world = World::new().await;
    let v = world.with_volume(1).await;
    let (s, other) = (snapshot(2, 2, &v), snapshot(3, 2, &v));
    world.gate.close(Call::Checksum);
    world.ask_snapshots([&s, &other]).await;
    world.gate.held(Call::Checksum).await;
    for s in [&s, &other] {
        let removed =
            SnapshotSpec { presence: SnapshotPresence::Purged, generation: Generation(3), ..s.clone() };
        world.ask_snapshots([&removed]).await;
        world.snapshot(&removed, "the removal", gone).await;
    }
    let gate = world.gate.clone();
    tokio::join!(world.stop_agent(), async { gate.open(Call::Checksum) });
    assert!(world.seen().snapshots.values().all(|s| s.checksum.is_none()));
}
