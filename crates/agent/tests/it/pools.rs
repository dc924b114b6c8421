//! Several pools on one host, and a volume that gets larger.

use miosa_backend::{ImageState, SnapshotState, Snapshots, VolumeBackend};
use miosa_domain::spec::{Origin, VolumeSpec};
use miosa_domain::status::{FailureCode, VolumeCondition, VolumeStatus};
use miosa_domain::{Generation, PoolId, SnapshotId};
use uuid::Uuid;

use crate::world::{World, all_attached, attachment, instance, ready, snapshot, taken, volume};

fn in_pool(pool: PoolId, spec: VolumeSpec) -> VolumeSpec {
    VolumeSpec { pool_id: Some(pool), ..spec }
}

fn forked_from(source: &VolumeSpec, spec: VolumeSpec) -> VolumeSpec {
    VolumeSpec { origin: Some(Origin::Volume { id: source.id, stall: None }), ..spec }
}

fn is_present(backend: &dyn VolumeBackend, spec: &VolumeSpec) -> bool {
    matches!(backend.observe(spec.id).unwrap().image, ImageState::Present { .. })
}

/// A volume lives in the pool that its spec names, through attachments, snapshots, forks and a restart of the agent; one whose
/// spec names none lives in the default pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_lives_in_the_pool_of_its_spec() {
    let mut world = World::new().await;
    let second = world.second.pool_id();
    let plain = world.with_volume(1).await;
    let other = in_pool(second, volume(2, 2));
    let i = instance(3, 3, vec![attachment(4, &other)]);
    world.ask([&other], [&i]).await;
    world.instance(&i, "running with its volume", all_attached).await;
    assert!(is_present(&*world.backend, &plain) && !is_present(&*world.second, &plain));
    assert!(is_present(&*world.second, &other) && !is_present(&*world.backend, &other));
    for (spec, pool) in [(&other, second), (&plain, world.backend.pool_id())] {
        assert_eq!(world.volume(spec, "the volume", ready).await.pool_id, Some(pool));
    }

    let s = snapshot(6, 4, &other);
    world.ask_snapshots([&s]).await;
    assert_eq!(world.snapshot(&s, "the snapshot", taken).await.pool_id, Some(second));
    assert!(matches!(world.second.observe_snapshot(s.id).unwrap(), SnapshotState::Ready(_)));

    world.kill_agent();
    world.start_agent().await;
    assert!(world.second.observe(other.id).unwrap().staged.is_some(), "a restart unmounted it");
    let fork = forked_from(&other, in_pool(second, volume(7, 5)));
    world.ask([&fork], []).await;
    world.volume(&fork, "the fork", ready).await;
    assert!(is_present(&*world.second, &fork));
}

/// No volume is made in a pool that the host does not have, and none is forked or restored from another pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_are_not_mixed_up() {
    let world = World::new().await;
    let second = world.second.pool_id();
    let source = world.with_volume(1).await;
    let unknown = in_pool(PoolId::from_uuid(Uuid::from_u128(77)), volume(2, 2));
    let fork = forked_from(&source, in_pool(second, volume(3, 3)));
    let missing = Some(Origin::Snapshot { id: SnapshotId::from_uuid(Uuid::from_u128(9)) });
    let restored = VolumeSpec { origin: missing, ..in_pool(second, volume(4, 4)) };
    for (spec, code, words) in [
        (&unknown, FailureCode::HostError, "no pool"),
        (&fork, FailureCode::HostError, "another pool"),
        (&restored, FailureCode::DataMissing, "not in the pool"),
    ] {
        world.ask([spec], []).await;
        let failed = |status: &VolumeStatus| matches!(status.condition, VolumeCondition::Failed(_));
        let VolumeCondition::Failed(failure) = world.volume(spec, "a failure", failed).await.condition else {
            unreachable!("waited for")
        };
        assert!(failure.code == code && failure.message.contains(words), "{failure:?}");
        assert!(!is_present(&*world.backend, spec) && !is_present(&*world.second, spec));
    }
}

/// A spec with a larger size is one more step, also while the volume is attached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_grows_while_it_is_attached() {
    let world = World::new().await;
    let (v, _) = world.with_attached_volume(1).await;
    let larger = VolumeSpec { generation: Generation(4), size_bytes: 2 * v.size_bytes, ..v.clone() };
    world.ask([&larger], []).await;
    world.volume(&larger, "the larger volume", ready).await;
    let seen = world.backend.observe(v.id).unwrap();
    let grown = |bytes| bytes == larger.size_bytes;
    assert!(matches!(seen.image, ImageState::Present { size_bytes, .. } if grown(size_bytes)), "{seen:?}");
    assert!(seen.staged.is_some());
}
