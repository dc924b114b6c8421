//! What happened to a volume, and the page that explains it.

use axum::http::Method;
use miosa_api::v1::words;
use miosa_api::word::Words;
use miosa_store::event::EventKind;
use serde_json::Value;

use super::harness::{NOBODY, World};
use miosa_control::now;

fn kinds(json: &Value) -> Vec<&str> {
    json["data"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn events_are_listed_newest_first_also_of_a_deleted_volume() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let snapshot = world.snapshot(&volume).await;
    let path = format!("/volumes/{volume}");
    world.delete(&path).await.twin(200);
    world.get(&path).await.refused(404, "NOT_FOUND");
    let events = world.get(&format!("{path}/events")).await.json();
    assert_eq!(kinds(&events), ["volume.deleted", "snapshot.taken", "volume.created"]);
    assert_eq!(events.as_object().unwrap().len(), 2, "exactly data and page");
    let taken = &events["data"][1];
    assert_eq!(
        (&taken["volume_id"], &taken["snapshot_id"]),
        (&volume.as_str().into(), &snapshot.as_str().into())
    );
    assert!(taken["message"].as_str().is_some_and(|message| !message.is_empty()), "{taken}");

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let part = world.get(&format!("/data-services/{volume}/events?limit=1&cursor={cursor}")).await.json();
        assert_eq!(part["page"]["total"], 3);
        seen.extend(part["data"].as_array().unwrap().clone());
        match part["page"]["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(Value::from(seen), events["data"]);
}

#[tokio::test]
async fn another_tenants_events_are_not_found() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    world.store.create_tenant("other", "Other", now()).await.unwrap();
    let path = format!("/volumes/{volume}/events");
    let tenant = [("x-miosa-tenant", "other")];
    world.call_with(Method::GET, &path, &tenant, "").await.refused(404, "NOT_FOUND");
    world.get(&format!("/volumes/{NOBODY}/events")).await.refused(404, "NOT_FOUND");
}

/// The page lists every kind, in the order of the code, and no other.
#[test]
fn the_reference_lists_all_kinds() {
    let page = include_str!("../../../../../docs/reference/events.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: Vec<_> = rows.collect();
    let kinds: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(listed, kinds);
    assert_eq!(words::EventKind::list(), kinds.join(", "), "clients know the same kinds");
}
