//! Lists and counts.

use std::collections::BTreeMap;

use miosa_domain::ComputerId;
use miosa_store::attachment::NewAttachment;
use miosa_store::page::{Filters, ListRequest};
use miosa_store::upkeep::VolumeCount;

use super::{Suite, World};

pub(super) fn request(status: Option<&str>) -> ListRequest {
    let filters = Filters { status: status.map(str::to_owned), ..Filters::default() };
    ListRequest { offset: 0, limit: 100, after: None, filters }
}

/// Aim: newest first with ties by id, no gap and no overlap by offset or by cursor, also while objects are added; each filter
/// narrows.
pub(super) async fn pages_join_and_filters_filter(suite: &Suite) {
    let world = World::new(suite).await;
    let mut made = Vec::new();
    for i in 0..7 {
        let mut new = world.new_volume();
        new.new.name = format!("v{}", i % 2);
        new.new.workspace_id = (i == 3).then(|| "w".into());
        // Two at each moment, so that ties happen.
        made.push(world.create_volume(new, None, world.later(i / 2)).await.unwrap());
    }
    made.sort_by_key(|volume| std::cmp::Reverse((volume.created_at, volume.id)));
    let expected: Vec<_> = made.iter().map(|volume| volume.id).collect();
    let list = async |request: &ListRequest| {
        world.store.list_volumes(world.tenant, request, &|_| true).await.unwrap()
    };

    // With a status filter the same pages come from another place.
    for status in [None, Some("creating")] {
        let mut by_cursor = Vec::new();
        let mut next = ListRequest { limit: 3, ..request(status) };
        loop {
            let page = list(&next).await;
            assert_eq!(page.total, 7);
            by_cursor.extend(page.items.iter().map(|volume| volume.id));
            match page.next {
                Some(cursor) => next.after = Some(cursor),
                None => break,
            }
        }
        assert_eq!(by_cursor, expected);
        let by_offset = list(&ListRequest { offset: 5, limit: 5, ..request(status) }).await;
        assert_eq!(by_offset.items.iter().map(|v| v.id).collect::<Vec<_>>(), expected[5..]);
        assert_eq!(by_offset.next, None);
    }
    let first = list(&ListRequest { limit: 3, ..request(None) }).await;
    world.create_volume(world.new_volume(), None, world.later(100)).await.unwrap();
    let second = list(&ListRequest { limit: 3, after: first.next, ..request(None) }).await;
    assert_eq!(second.items[0].id, expected[3], "a new object moved the cursor");

    let count = async |filters| list(&ListRequest { filters, ..request(None) }).await.total;
    let filters = Filters::default;
    assert_eq!(count(Filters { name: Some("v1".into()), ..filters() }).await, 3);
    assert_eq!(count(Filters { workspace_id: Some("w".into()), ..filters() }).await, 1);
    assert_eq!(count(Filters { project_id: Some(made[0].project_id), ..filters() }).await, 8);
    assert_eq!(count(Filters { status: Some("no-such".into()), ..filters() }).await, 0);
    let nobody = ComputerId::from_uuid(made[0].id.uuid());
    assert_eq!(count(Filters { attached_to: Some(nobody), ..filters() }).await, 0);
    let computer = world.computer().await;
    let volume = world.volume().await;
    world.attached(computer.id, volume.id).await;
    assert_eq!(count(Filters { attached_to: Some(computer.id), ..filters() }).await, 1);
    assert_eq!(list(&request(Some("attached"))).await.items[0].id, volume.id);
    let unavailable =
        world.store.list_volumes(world.tenant, &request(Some("unavailable")), &|_| false).await.unwrap();
    assert_eq!(unavailable.items[0].id, volume.id, "its host is gone");

    let running = world.store.list_computers(world.tenant, &request(Some("running"))).await.unwrap();
    assert_eq!((running.total, running.items[0].attachments.len()), (1, 1));
    assert_eq!(world.store.list_computers(world.tenant, &request(Some("stopped"))).await.unwrap().total, 0);
}

/// Aim: what is counted in SQL is what is derived one by one.
pub(super) async fn counts_agree_with_states(suite: &Suite) {
    let world = World::new(suite).await;
    world.volume().await;
    let computer = world.computer().await;
    for _ in 0..2 {
        let volume = world.volume().await;
        let new = NewAttachment {
            id: miosa_domain::AttachmentId::from_uuid(uuid::Uuid::now_v7()),
            tenant_id: world.tenant,
            computer_id: computer.id,
            volume_id: volume.id,
            mount_path: None,
            read_only: true,
        };
        world.store.attach(new, &|_| true, None, world.now).await.unwrap();
    }
    let deleting = world.volume().await;
    world.app.write_volume_deletion(world.tenant, deleting.id, None, world.now).await.unwrap();
    let counts = world.store.counts().await.unwrap();
    let mut ours = BTreeMap::new();
    for VolumeCount { host_id, lifecycle, attachment, count } in counts.volumes {
        if host_id == world.host {
            let key = (lifecycle.as_str(), attachment.map(|state| state.as_str()));
            ours.insert(key, count);
        }
    }
    let expected = BTreeMap::from([
        (("available", None), 1),
        (("available", Some("attaching")), 2),
        (("deleting", None), 1),
    ]);
    assert_eq!(ours, expected);
    assert!(counts.computers.iter().any(|(status, n)| status.as_str() == "running" && *n >= 1));
}
