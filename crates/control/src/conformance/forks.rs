//! Volumes that are made from a snapshot or from another volume, and volumes that are made for a time.

use miosa_domain::size::GIB;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::spec::Origin;
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, SnapshotCondition, VolumeCondition};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{Generation, HostId, Refusal};
use miosa_store::StoreError;
use miosa_store::event::EventKind;
use miosa_store::volume::VolumeRecord;
use uuid::Uuid;

use super::{Suite, World, failed, refusal};
use crate::volume::VolumeDraft;

impl World<'_> {
    async fn copy(&self, origin: Origin) -> Result<VolumeRecord, StoreError> {
        // Wherever the caller thinks it lives: a copy is made where its source is.
        let host_id = HostId::from_uuid(Uuid::now_v7());
        let mut new = VolumeDraft { host_id, origin: Some(origin), ..self.new_volume() };
        new.new.name = "copy".into();
        self.create_volume(new, None, self.now).await
    }
}

/// Aim: the spec names the origin until the volume is forgotten, and both histories tell of it.
pub(super) async fn a_new_volume_is_made_from_its_origin(suite: &Suite) {
    let world = World::new(suite).await;
    let source = world.volume().await;
    let snapshot = world.snapshot(source.id).await;
    let of_volume = Origin::Volume { id: source.id, stall: Some(StallRules::BY_HAND) };
    for origin in [Origin::Snapshot { id: snapshot.id }, of_volume] {
        let copy = world.copy(origin).await.unwrap();
        assert_eq!(
            (copy.lifecycle, copy.host_id, copy.origin),
            (Lifecycle::Creating, world.host, Some(origin))
        );
        let specs = world.store.changed_specs(world.host, Generation(copy.generation.0 - 1)).await.unwrap();
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

pub(super) async fn an_origin_is_checked(suite: &Suite) {
    let world = World::new(suite).await;
    let other = World::new(suite).await;
    let theirs = other.volume().await;
    let their_snapshot = other.snapshot(theirs.id).await;
    for (origin, what) in [
        (Origin::Volume { id: theirs.id, stall: None }, "volume"),
        (Origin::Snapshot { id: their_snapshot.id }, "snapshot"),
    ] {
        assert_eq!(refusal(world.copy(origin).await), Refusal::NotFound { what });
    }
    let source = world.volume().await;
    let asked = world.create_snapshot(world.new_snapshot(source.id), None, world.now).await.unwrap();
    let refused = refusal(world.copy(Origin::Snapshot { id: asked.id }).await);
    let state = SnapshotState::Creating;
    assert_eq!(refused, Refusal::SnapshotNotReady { snapshot_id: asked.id, state });
    world.report_snapshot(&asked, SnapshotCondition::Ready).await;
    for origin in [Origin::Snapshot { id: asked.id }, Origin::Volume { id: source.id, stall: None }] {
        let create = async |size_bytes| {
            let mut new = VolumeDraft { origin: Some(origin), ..world.new_volume() };
            new.new.size_bytes = size_bytes;
            world.create_volume(new, None, world.now).await
        };
        let smaller = create(GIB / 2).await;
        assert!(matches!(smaller, Err(StoreError::Invalid { field: "size_gb", .. })), "{smaller:?}");
        assert_eq!(create(2 * GIB).await.unwrap().size_bytes, 2 * GIB);
    }
    let broken = world.volume().await;
    world.report_volume(&broken, VolumeCondition::Failed(failed(FailureCode::DataMissing))).await;
    let refused = refusal(world.copy(Origin::Volume { id: broken.id, stall: None }).await);
    assert!(matches!(refused, Refusal::VolumeNotReady { .. }), "{refused:?}");
}

/// Aim: neither a snapshot nor a volume goes away under a volume that is being made from it; afterwards both may.
pub(super) async fn a_source_stays_until_its_fork_is_there(suite: &Suite) {
    let world = World::new(suite).await;
    let source = world.volume().await;
    let snapshot = world.snapshot(source.id).await;
    let fork = world.copy(Origin::Volume { id: source.id, stall: None }).await.unwrap();
    let restored = world.copy(Origin::Snapshot { id: snapshot.id }).await.unwrap();
    let delete_source =
        async || world.app.write_volume_deletion(world.tenant, source.id, None, world.now).await;
    let delete_snapshot =
        async || world.app.write_snapshot_deletion(world.tenant, snapshot.id, None, world.now).await;
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
pub(super) async fn a_volume_goes_to_the_trash_when_its_time_is_over(suite: &Suite) {
    let world = World::new(suite).await;
    let new = VolumeDraft { expires_at: Some(world.later(3)), ..world.new_volume() };
    let volume = world.create_volume(new, None, world.now).await.unwrap();
    world.report_volume(&volume, VolumeCondition::Ready).await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    let expire = async |hours| world.woken_by(world.app.delete_expired_volumes(world.later(hours))).await;
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
    world.app.write_volume_undelete(world.tenant, volume.id, None, world.later(4)).await.unwrap();
    assert_eq!(expire(5).await, []);
    assert_eq!(world.read_volume(volume.id).await.expires_at, None);
}
