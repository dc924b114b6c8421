//! Volumes that are made from a snapshot or from another volume, and volumes that are made for a time.

use miosa_domain::size::GIB;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::spec::Origin;
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, SnapshotCondition, VolumeCondition};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{Generation, HostId, Refusal};
use uuid::Uuid;

use super::{World, failed, refusal};
use crate::event::EventKind;
use crate::volume::{NewVolume, VolumeRecord};
use crate::{Store, StoreError};

impl World<'_> {
    async fn copy(&self, origin: Origin) -> Result<VolumeRecord, StoreError> {
        // Wherever the caller thinks it lives: a copy is made where its source is.
        let host_id = HostId::from_uuid(Uuid::now_v7());
        let new = NewVolume { host_id, origin: Some(origin), name: "copy".into(), ..self.new_volume() };
        self.store.create_volume(new, None, self.now).await
    }
}

/// Aim: the spec names the origin until the volume is forgotten, and both histories tell of it.
pub(super) async fn a_new_volume_is_made_from_its_origin(store: &Store) {
    let world = World::new(store).await;
    let source = world.volume().await;
    let snapshot = world.snapshot(source.id).await;
    let of_volume = Origin::Volume { id: source.id, stall: Some(StallRules::BY_HAND) };
    for origin in [Origin::Snapshot { id: snapshot.id }, of_volume] {
        let copy = world.copy(origin).await.unwrap();
        assert_eq!(
            (copy.lifecycle, copy.host_id, copy.origin),
            (Lifecycle::Creating, world.host, Some(origin))
        );
        let specs = store.changed_specs(world.host, Generation(copy.generation.0 - 1)).await.unwrap();
        assert_eq!((specs.volumes[0].id, specs.volumes[0].origin), (copy.id, Some(origin)));
        world.report_volume(&copy, VolumeCondition::Ready).await;
        let copy = world.read_volume(copy.id).await;
        assert_eq!((copy.lifecycle, copy.origin), (Lifecycle::Available, Some(origin)));
        let told = world.events(source.id).await.pop().unwrap();
        assert_eq!((told.kind, told.other_volume_id), (EventKind::VolumeForked, Some(copy.id)));
        let made = world.events(copy.id).await.pop().unwrap();
        assert_eq!((made.kind, made.other_volume_id), (EventKind::VolumeCreated, Some(source.id)));
    }
}

pub(super) async fn an_origin_is_checked(store: &Store) {
    let world = World::new(store).await;
    let other = World::new(store).await;
    let theirs = other.volume().await;
    let their_snapshot = other.snapshot(theirs.id).await;
    for (origin, what) in [
        (Origin::Volume { id: theirs.id, stall: None }, "volume"),
        (Origin::Snapshot { id: their_snapshot.id }, "snapshot"),
    ] {
        assert_eq!(refusal(world.copy(origin).await), Refusal::NotFound { what });
    }
    let source = world.volume().await;
    let asked = store.create_snapshot(world.new_snapshot(source.id), None, world.now).await.unwrap();
    let refused = refusal(world.copy(Origin::Snapshot { id: asked.id }).await);
    let state = SnapshotState::Creating;
    assert_eq!(refused, Refusal::SnapshotNotReady { snapshot_id: asked.id, state });
    world.report_snapshot(&asked, SnapshotCondition::Ready).await;
    for origin in [Origin::Snapshot { id: asked.id }, Origin::Volume { id: source.id, stall: None }] {
        let new = NewVolume { origin: Some(origin), size_bytes: GIB / 2, ..world.new_volume() };
        let smaller = store.create_volume(new, None, world.now).await;
        assert!(matches!(smaller, Err(StoreError::Invalid { field: "size_gb", .. })), "{smaller:?}");
        let new = NewVolume { origin: Some(origin), size_bytes: 2 * GIB, ..world.new_volume() };
        assert_eq!(store.create_volume(new, None, world.now).await.unwrap().size_bytes, 2 * GIB);
    }
    let broken = world.volume().await;
    world.report_volume(&broken, VolumeCondition::Failed(failed(FailureCode::DataMissing))).await;
    let refused = refusal(world.copy(Origin::Volume { id: broken.id, stall: None }).await);
    assert!(matches!(refused, Refusal::VolumeNotReady { .. }), "{refused:?}");
}

/// Aim: neither a snapshot nor a volume goes away under a volume that is being made from it; afterwards both may.
pub(super) async fn a_source_stays_until_its_fork_is_there(store: &Store) {
    let world = World::new(store).await;
    let source = world.volume().await;
    let snapshot = world.snapshot(source.id).await;
    let fork = world.copy(Origin::Volume { id: source.id, stall: None }).await.unwrap();
    let restored = world.copy(Origin::Snapshot { id: snapshot.id }).await.unwrap();
    let delete_source = async || store.delete_volume(world.tenant, source.id, None, world.now).await;
    let delete_snapshot = async || store.delete_snapshot(world.tenant, snapshot.id, None, world.now).await;
    let refused = refusal(delete_source().await);
    assert!(matches!(refused, Refusal::VolumeNotReady { .. }), "{refused:?}");
    assert_eq!(refusal(delete_snapshot().await), Refusal::SnapshotInUse { snapshot_id: snapshot.id });
    world.report_volume(&fork, VolumeCondition::Ready).await;
    world.report_volume(&restored, VolumeCondition::Ready).await;
    delete_snapshot().await.unwrap();
    delete_source().await.unwrap();
    assert_eq!(world.read_volume(fork.id).await.lifecycle, Lifecycle::Available);
}

/// Aim: not before its time, not while it is attached, and not again right after an undelete.
pub(super) async fn a_volume_goes_to_the_trash_when_its_time_is_over(store: &Store) {
    let world = World::new(store).await;
    let new = NewVolume { expires_at: Some(world.later(3)), ..world.new_volume() };
    let volume = store.create_volume(new, None, world.now).await.unwrap();
    world.report_volume(&volume, VolumeCondition::Ready).await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    let expire = async |hours| store.delete_expired_volumes(world.later(hours)).await.unwrap();
    assert_eq!(expire(3).await, [], "it is in use");
    world.detach(attachment.id, false).await.unwrap();
    let out = miosa_domain::status::AttachmentCondition::Detached;
    world.report_running(computer.id, attachment.id, out).await;
    assert_eq!(expire(2).await, [], "an hour too early");
    assert_eq!(expire(3).await, [world.host]);
    let deleting = world.read_volume(volume.id).await;
    assert_eq!((deleting.lifecycle, deleting.deleted_at), (Lifecycle::Deleting, Some(world.later(3))));
    assert_eq!(world.event_kinds(volume.id).await, [EventKind::VolumeCreated, EventKind::VolumeExpired]);
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    store.undelete_volume(world.tenant, volume.id, None, world.later(4)).await.unwrap();
    assert_eq!(expire(5).await, []);
    assert_eq!(world.read_volume(volume.id).await.expires_at, None);
}
