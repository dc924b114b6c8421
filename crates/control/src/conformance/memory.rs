//! What is remembered of tenants, calls and keys, and for how long.

use miosa_domain::Refusal;
use miosa_domain::status::VolumeCondition;
use miosa_store::StoreError;
use miosa_store::idempotency::ObjectRef;
use miosa_store::key::KeyType;

use super::{Suite, World, key, refusal};
use crate::VolumeChange;

/// Aim: another tenant's objects do not exist, whatever is tried with their ids.
pub(super) async fn tenants_do_not_see_each_other(suite: &Suite) {
    let (ours, theirs) = (World::new(suite).await, World::new(suite).await);
    let volume = theirs.volume().await;
    let computer = theirs.computer().await;
    let attachment = theirs.attached(computer.id, volume.id).await;
    let (mine, box_of_mine) = (ours.volume().await, ours.computer().await);

    assert_eq!(ours.store.volume(ours.tenant, volume.id).await.unwrap(), None);
    assert_eq!(ours.store.computer(ours.tenant, computer.id).await.unwrap(), None);
    assert_eq!(ours.store.attachment(ours.tenant, attachment.id).await.unwrap(), None);
    let now = ours.now;
    let change = VolumeChange { name: Some("mine".into()), ..VolumeChange::default() };
    for (refused, expected) in [
        (refusal(ours.app.write_volume_deletion(ours.tenant, volume.id, None, now).await), "volume"),
        (refusal(ours.app.write_volume_change(ours.tenant, volume.id, &change, None, now).await), "volume"),
        (
            refusal(ours.app.write_computer_deletion(ours.tenant, computer.id, true, None, now).await),
            "computer",
        ),
        (refusal(ours.detach(attachment.id, true).await), "attachment"),
        (refusal(ours.try_attach(box_of_mine.id, volume.id).await), "volume"),
        (refusal(ours.try_attach(computer.id, mine.id).await), "computer"),
    ] {
        assert_eq!(refused, Refusal::NotFound { what: expected });
    }
    let mut new = ours.new_volume();
    new.new.project_id = Some(volume.project_id);
    let refused = refusal(ours.create_volume(new, None, now).await);
    assert_eq!(refused, Refusal::NotFound { what: "project" });
    assert_eq!(theirs.read_volume(volume.id).await.name, volume.name);
}

/// Aim: a key is there exactly when its change is; a refused call leaves none; after a day the key is free again.
pub(super) async fn an_idempotency_key_is_as_durable_as_its_change(suite: &Suite) {
    let world = World::new(suite).await;
    let find = async |scope: &str, now| world.store.idempotency_find(scope, now).await.unwrap();
    let created = key("create");
    let volume = world.create_volume(world.new_volume(), Some(&created), world.now).await.unwrap();
    let known = find(&created.scope, world.now).await.unwrap();
    assert_eq!((known.object, known.status), (ObjectRef::Volume(volume.id), None));
    match world.create_volume(world.new_volume(), Some(&created), world.now).await {
        Err(StoreError::IdempotencyKeyTaken) => {}
        other => panic!("{other:?}"),
    }
    let page = world.store.list_volumes(world.tenant, &super::lists::request(None), &|_| true).await.unwrap();
    assert_eq!(page.total, 1, "the second call made a volume and no key");

    world.store.idempotency_complete(&created.scope, 201, "{}").await.unwrap();
    let known = find(&created.scope, world.now).await.unwrap();
    assert_eq!((known.status, known.body.as_deref()), (Some(201), Some("{}")));
    world.report_volume(&volume, VolumeCondition::Ready).await;
    let computer = world.computer().await;
    world.attached(computer.id, volume.id).await;
    let refused = key("delete");
    refusal(world.app.write_volume_deletion(world.tenant, volume.id, Some(&refused), world.now).await);
    assert_eq!(find(&refused.scope, world.now).await, None);

    assert_eq!(find(&created.scope, world.later(24)).await, None, "a day is over");
    let again = world.create_volume(world.new_volume(), Some(&created), world.later(24)).await.unwrap();
    let known = find(&created.scope, world.later(24)).await.unwrap();
    assert_eq!((known.object, known.status), (ObjectRef::Volume(again.id), None));
}

pub(super) async fn the_bootstrap_key_is_the_one_in_the_file(suite: &Suite) {
    let world = World::new(suite).await;
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    world.store.bootstrap(&old, world.now).await.unwrap();
    world.store.bootstrap(&old, world.now).await.unwrap();
    let key = world.store.key_by_hash(&old).await.unwrap().expect("it was just stored");
    assert_eq!(
        (key.key_type, key.scopes.as_slice(), key.rate_limit_rpm),
        (KeyType::Admin, &["*".into()][..], 0)
    );
    assert_eq!(key.tenant_id, world.store.default_tenant().await.unwrap());
    world.store.bootstrap(&new, world.now).await.unwrap();
    assert_eq!(world.store.key_by_hash(&old).await.unwrap(), None, "the replaced key still opens the door");
    assert_eq!(world.store.key_by_hash(&new).await.unwrap().unwrap().id, key.id);
    assert_eq!(world.store.tenant_by_id_or_slug("default").await.unwrap(), Some(key.tenant_id));
    assert_eq!(
        world.store.tenant_by_id_or_slug(&key.tenant_id.to_string()).await.unwrap(),
        Some(key.tenant_id)
    );
    assert_eq!(world.store.tenant_by_id_or_slug("nobody").await.unwrap(), None);
}

pub(super) async fn old_rows_go(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    world.detach(attachment.id, false).await.unwrap();
    world.store.remove_old_rows(world.later(31 * 24)).await.unwrap();
    assert!(
        world.store.attachment(world.tenant, attachment.id).await.unwrap().is_some(),
        "it is not out yet"
    );
    world
        .report_running(computer.id, attachment.id, miosa_domain::status::AttachmentCondition::Detached)
        .await;
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    world.store.remove_old_rows(world.later(31 * 24)).await.unwrap();
    assert!(world.store.attachment(world.tenant, attachment.id).await.unwrap().is_none());
    assert!(
        world.store.volume(world.tenant, volume.id).await.unwrap().is_some(),
        "it is in the trash, not gone"
    );
    world.app.purge_trash(&[world.host], world.later(8 * 24)).await.unwrap();
    let purged = world.read_volume(volume.id).await;
    world.report_volume(&purged, VolumeCondition::Gone).await;
    world.store.remove_old_rows(world.later(29 * 24)).await.unwrap();
    assert!(world.store.volume(world.tenant, volume.id).await.unwrap().is_some());
    world.store.remove_old_rows(world.later(31 * 24)).await.unwrap();
    assert!(world.store.volume(world.tenant, volume.id).await.unwrap().is_none());
}

pub(super) async fn old_snapshots_and_events_go(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let taken = world.snapshot(volume.id).await;
    let deleting = world.app.write_snapshot_deletion(world.tenant, taken.id, None, world.now).await.unwrap();
    world.store.remove_old_rows(world.later(31 * 24)).await.unwrap();
    assert!(world.store.snapshot(world.tenant, taken.id).await.unwrap().is_some(), "its host still has it");
    world.report_snapshot(&deleting, miosa_domain::status::SnapshotCondition::Gone).await;
    world.store.remove_old_rows(world.later(29 * 24)).await.unwrap();
    assert!(world.store.snapshot(world.tenant, taken.id).await.unwrap().is_some());
    world.store.remove_old_rows(world.later(31 * 24)).await.unwrap();
    assert!(world.store.snapshot(world.tenant, taken.id).await.unwrap().is_none());
    world.store.remove_old_rows(world.later(364 * 24)).await.unwrap();
    assert_eq!(world.event_kinds(volume.id).await.len(), 3);
    world.store.remove_old_rows(world.later(366 * 24)).await.unwrap();
    assert_eq!(world.event_kinds(volume.id).await, []);
}
