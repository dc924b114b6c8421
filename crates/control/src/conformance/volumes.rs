//! Volumes: limits, the life, the trash, and what a restored database may not do.

use miosa_domain::spec::Presence;
use miosa_domain::status::{FailureCode, VolumeCondition};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{Generation, Refusal};

use super::{Reported, Suite, World, failed, key, refusal};

/// Aim: of many creates that race for the last place, exactly one gets it, and the others are told the limit.
pub(super) async fn limits_hold_among_concurrent_writers(suite: &Suite) {
    let world = World::new(suite).await;
    let limit = world.store.limits().volumes_per_project;
    for _ in 1..limit {
        world.volume().await;
    }
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let (app, new, now) = (world.app.clone(), world.new_volume(), world.now);
            tokio::spawn(async move { app.write_new_volume(&new, None, now).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => made += 1,
            refused => assert_eq!(refusal(refused), Refusal::VolumeLimitReached { limit }),
        }
    }
    assert_eq!(made, 1);
}

pub(super) async fn the_trash_is_outside_the_limit_and_undelete_is_not(suite: &Suite) {
    let world = World::new(suite).await;
    let limit = world.store.limits().volumes_per_project;
    let first = world.volume().await;
    for _ in 1..limit {
        world.volume().await;
    }
    let deleting = world.app.write_volume_deletion(world.tenant, first.id, None, world.now).await.unwrap();
    world.volume().await;
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    let refused = world.app.write_volume_undelete(world.tenant, first.id, None, world.now).await;
    assert_eq!(refusal(refused), Refusal::VolumeLimitReached { limit });
    assert_eq!(
        world.read_volume(first.id).await.lifecycle,
        Lifecycle::Deleted,
        "the refusal changed something"
    );
}

/// Aim: every transition of a life, each completed by the report that answers it; what was deleted answers so from the
/// commit on.
pub(super) async fn a_life_follows_the_reports(suite: &Suite) {
    let world = World::new(suite).await;
    let made = world.create_volume(world.new_volume(), None, world.now).await.unwrap();
    assert_eq!(made.lifecycle, Lifecycle::Creating);
    let applied = world.report_volume(&made, VolumeCondition::Ready).await;
    assert_eq!(applied.touched, [made.id.uuid()]);
    let volume = world.read_volume(made.id).await;
    assert_eq!((volume.lifecycle, volume.used_bytes, volume.was_ready), (Lifecycle::Available, 4096, true));
    let again = world.report_volume(&made, VolumeCondition::Ready).await;
    assert_eq!(again, Reported::default(), "saying it twice changed something");

    let deleting = world.app.write_volume_deletion(world.tenant, made.id, None, world.now).await.unwrap();
    assert_eq!((deleting.lifecycle, deleting.presence), (Lifecycle::Deleting, Presence::Trashed));
    assert!(deleting.generation > made.generation);
    let already = refusal(world.app.write_volume_deletion(world.tenant, made.id, None, world.now).await);
    assert!(
        matches!(&already, Refusal::AlreadyDeleted { deleted_at, .. } if *deleted_at == world.now.to_string())
    );
    let too_early = refusal(world.app.write_volume_undelete(world.tenant, made.id, None, world.now).await);
    assert!(matches!(too_early, Refusal::VolumeNotReady { .. }), "{too_early:?}");
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    assert_eq!(world.read_volume(made.id).await.lifecycle, Lifecycle::Deleted);

    let restoring = world.app.write_volume_undelete(world.tenant, made.id, None, world.now).await.unwrap();
    assert_eq!((restoring.lifecycle, restoring.deleted_at), (Lifecycle::Restoring, None));
    world.report_volume(&restoring, VolumeCondition::Ready).await;
    assert_eq!(world.read_volume(made.id).await.lifecycle, Lifecycle::Available);
}

pub(super) async fn an_old_report_completes_nothing(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    for condition in [VolumeCondition::InTrash, VolumeCondition::Gone, VolumeCondition::Ready] {
        world.report_volume_at(volume.id, volume.generation, condition).await;
        let now = world.read_volume(volume.id).await;
        assert_eq!((now.lifecycle, now.is_tombstone), (Lifecycle::Deleting, false));
    }
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    let restoring = world.app.write_volume_undelete(world.tenant, volume.id, None, world.now).await.unwrap();
    world.report_volume_at(volume.id, volume.generation, VolumeCondition::Ready).await;
    assert_eq!(
        world.read_volume(volume.id).await.lifecycle,
        Lifecycle::Restoring,
        "the report is from before it was deleted"
    );
    world.report_volume(&restoring, VolumeCondition::Ready).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Available);
}

/// Aim: a volume that could not be made leaves nothing for clients, neither in the list nor in the trash, and its call may be
/// made again with the same key; its host removes what there may be.
pub(super) async fn a_volume_without_room_is_withdrawn(suite: &Suite) {
    let world = World::new(suite).await;
    let key = key("create");
    let volume = world.create_volume(world.new_volume(), Some(&key), world.now).await.unwrap();
    world.report_volume(&volume, VolumeCondition::Failed(failed(FailureCode::InsufficientCapacity))).await;
    let failed = world.read_volume(volume.id).await;
    assert_eq!(failed.lifecycle, Lifecycle::Error);
    assert_eq!(failed.error.unwrap().code, FailureCode::InsufficientCapacity);
    assert!(world.app.withdraw_volume(world.tenant, volume.id, world.now).await.unwrap());
    for status in [None, Some("deleted"), Some("deleting"), Some("error")] {
        let request = super::lists::request(status);
        let page = world.store.list_volumes(world.tenant, &request, &|_| true).await.unwrap();
        assert_eq!((page.items.len(), page.total), (0, 0), "status {status:?}");
    }
    assert_eq!(world.store.idempotency_find(&key.scope, world.now).await.unwrap(), None);
    let withdrawn = world.read_volume(volume.id).await;
    assert_eq!(withdrawn.presence, Presence::Purged);
    let applied = world.report_volume(&withdrawn, VolumeCondition::Gone).await;
    assert_eq!(applied.forget.volumes, [volume.id]);
    assert!(world.read_volume(volume.id).await.is_tombstone);
}

/// Aim: data is destroyed when its time is over and not before; the row goes on to say when it was deleted; the host is told to
/// forget, as often as it asks.
pub(super) async fn the_trash_lets_go_in_time(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    let days = i64::from(world.store.limits().trash_retention_days);
    world.app.purge_trash(&[world.host], world.later(24 * days - 1)).await.unwrap();
    assert_eq!(world.read_volume(volume.id).await.presence, Presence::Trashed, "an hour too early");
    world.app.purge_trash(&[], world.later(24 * days)).await.unwrap();
    assert_eq!(world.read_volume(volume.id).await.presence, Presence::Trashed, "its host said nothing yet");
    let hosts = world.woken_by(world.app.purge_trash(&[world.host], world.later(24 * days))).await;
    assert_eq!(hosts, [world.host]);
    let purged = world.read_volume(volume.id).await;
    assert_eq!(purged.presence, Presence::Purged);
    assert!(purged.generation > deleting.generation);
    let refused = refusal(world.app.write_volume_undelete(world.tenant, volume.id, None, world.now).await);
    assert!(matches!(refused, Refusal::NotFound { .. }), "{refused:?}");
    for _ in 0..2 {
        let applied = world.report_volume(&purged, VolumeCondition::Gone).await;
        assert_eq!(applied.forget.volumes, [volume.id]);
    }
    let specs = world.store.changed_specs(world.host, Generation::default()).await.unwrap();
    assert_eq!(specs.volumes, [], "a tombstone is no spec");
    let refused = refusal(world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await);
    assert!(matches!(refused, Refusal::AlreadyDeleted { .. }), "{refused:?}");
}

/// Aim: once reported ready, a volume must exist; when its data is missing it is in error and says so, and it can still be
/// deleted.
pub(super) async fn missing_data_is_an_error_and_never_made_anew(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let specs = world.store.changed_specs(world.host, Generation::default()).await.unwrap();
    assert!(specs.volumes.iter().all(|spec| spec.must_exist));
    let missing = VolumeCondition::Failed(failed(FailureCode::DataMissing));
    world.report_volume(&volume, missing.clone()).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Error);
    world.report_volume(&volume, VolumeCondition::Ready).await;
    let back = world.read_volume(volume.id).await;
    assert_eq!((back.lifecycle, back.error), (Lifecycle::Available, None), "the data is there again");
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, missing).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Deleted);
}

/// Aim: a delete that the host cannot do leaves a visible volume in error, and its key does not vouch for it; a volume that
/// is still being let go by an instance is only late.
pub(super) async fn a_refused_delete_leaves_the_volume(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let key = key("delete");
    let deleting =
        world.app.write_volume_deletion(world.tenant, volume.id, Some(&key), world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::Failed(failed(FailureCode::VolumeAttached))).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Deleting);
    let applied =
        world.report_volume(&deleting, VolumeCondition::Failed(failed(FailureCode::HostError))).await;
    assert!(applied.specs_changed);
    let kept = world.read_volume(volume.id).await;
    assert_eq!((kept.lifecycle, kept.presence, kept.deleted_at), (Lifecycle::Error, Presence::Present, None));
    assert!(kept.generation > deleting.generation);
    assert_eq!(world.store.idempotency_find(&key.scope, world.now).await.unwrap(), None);
}

/// Aim: after a restore from an older copy the host's newer history wins, so that nothing is purged that was undeleted since,
/// and nothing is made anew in place of what was deleted since.
pub(super) async fn a_restored_database_destroys_nothing(suite: &Suite) {
    let world = World::new(suite).await;
    let undeleted_since = world.volume().await;
    let deleting =
        world.app.write_volume_deletion(world.tenant, undeleted_since.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    let (trashed_since, purged_since) = (world.volume().await, world.volume().await);
    let ledger = world.register(Generation(500)).await;
    for (id, condition) in [
        (undeleted_since.id, VolumeCondition::Ready),
        (trashed_since.id, VolumeCondition::InTrash),
        (purged_since.id, VolumeCondition::Gone),
    ] {
        let applied = world.report_volume_at(id, ledger, condition).await;
        assert_eq!(applied.forget.volumes, []);
    }
    let back = world.read_volume(undeleted_since.id).await;
    assert_eq!((back.lifecycle, back.presence), (Lifecycle::Available, Presence::Present));
    assert_eq!((back.generation, back.deleted_at), (ledger, None));
    world.app.purge_trash(&[world.host], world.later(24 * 1000)).await.unwrap();
    assert_eq!(world.read_volume(undeleted_since.id).await.presence, Presence::Present);
    for id in [trashed_since.id, purged_since.id] {
        let lost = world.read_volume(id).await;
        assert_eq!((lost.lifecycle, lost.presence), (Lifecycle::Error, Presence::Present));
    }

    let deleting =
        world.app.write_volume_deletion(world.tenant, trashed_since.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    let restoring =
        world.app.write_volume_undelete(world.tenant, trashed_since.id, None, world.now).await.unwrap();
    world.report_volume(&restoring, VolumeCondition::Ready).await;
    assert_eq!(world.read_volume(trashed_since.id).await.lifecycle, Lifecycle::Available);
}
