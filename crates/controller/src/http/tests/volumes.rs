//! Volumes and attachments: answers as the clients need them, lists, idempotency keys.

use std::collections::BTreeSet;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::harness::{KEY, NOBODY, World};
use crate::auth::authenticate;
use crate::http::idempotency;
use miosa_control::NewVolume;

#[tokio::test]
async fn a_volume_from_create_to_trash_and_back() {
    let world = World::new().await;
    let body = json!({"name": " model-weights ", "size_bytes": 53_687_091_200_u64, "backend": "local",
                      "metadata": {"team": "ml", "cost": 7}});
    let made = world.post("/volumes", body).await.twin(201);
    assert_eq!(
        (&made["name"], &made["size_gb"], &made["status"]),
        (&"model-weights".into(), &50.into(), &"available".into())
    );
    assert_eq!(made["status"], made["state"]);
    assert_eq!(made["metadata"], json!({"team": "ml", "cost": "7"}));
    let path = format!("/volumes/{}", made["id"].as_str().unwrap());

    let changed = world
        .call(Method::PATCH, &path, r#"{"name":"w","sizeGb":50,"deleteProtection":true}"#)
        .await
        .twin(200);
    assert_eq!((&changed["name"], &changed["delete_protection"]), (&"w".into(), &true.into()));
    world.delete(&path).await.refused(409, "PROTECTED");
    world.call(Method::PUT, &path, r#"{"delete_protection":false}"#).await.twin(200);

    world.call(Method::DELETE, &format!("{path}?purge=true"), "").await.refused(422, "VALIDATION_ERROR");
    let deleted = world.delete(&path).await.twin(200);
    assert_eq!(
        (&deleted["deleted"], &deleted["success"], &deleted["status"]),
        (&true.into(), &true.into(), &"deleted".into())
    );
    world.get(&path).await.refused(404, "NOT_FOUND");
    let again = world.delete(&path).await.refused(404, "NOT_FOUND");
    assert!(again["error"]["details"]["deleted_at"].is_string(), "{again}");
    assert!(again["message"].as_str().unwrap().contains("already deleted"));
    assert_eq!(world.get("/volumes").await.json()["data"], json!([]));
    assert_eq!(world.get("/volumes?status=deleted").await.json()["data"][0]["id"], made["id"]);
    assert_eq!(world.post(&format!("{path}/undelete"), json!({})).await.twin(200)["status"], "available");
    assert_eq!(world.get(&path).await.twin(200)["id"], made["id"]);
}

#[tokio::test]
async fn sizes_default_and_bounds() {
    let world = World::new().await;
    for (body, size_gb) in [
        (r#"{"name":"v"}"#, 10),
        (r#"{"name":"v","size_gb":500}"#, 500),
        (r#"{"name":"v","size_bytes":67108864}"#, 1),
        (r#"{"name":"v","size_gb":2,"size_bytes":2147483648}"#, 2),
        (r#"{"name":"v","size_gb":null,"snapshot_schedule":null,"region":""}"#, 10),
    ] {
        assert_eq!(world.call(Method::POST, "/volumes", body).await.twin(201)["size_gb"], size_gb, "{body}");
    }
}

/// Growing in place comes later: every way to ask for it answers the present size, or says so.
#[tokio::test]
async fn only_the_present_size_is_accepted() {
    let world = World::new().await;
    let path = format!("/volumes/{}", world.volume("v").await);
    let resize = format!("{path}/resize");
    for (method, path) in [(Method::PATCH, &path), (Method::PUT, &path), (Method::POST, &resize)] {
        for (body, field) in [(r#"{"size_gb":2}"#, "size_gb"), (r#"{"size_bytes":67108864}"#, "size_bytes")] {
            let json = world.call(method.clone(), path, body).await.refused(422, "VALIDATION_ERROR");
            assert!(json["errors"][field].is_array(), "{body}: {json}");
        }
        for body in [r#"{"size_gb":1}"#, r#"{"sizeBytes":1073741824}"#] {
            assert_eq!(world.call(method.clone(), path, body).await.twin(200)["size_gb"], 1, "{body}");
        }
    }
    world.post(&resize, json!({})).await.refused(400, "MISSING_PARAM");
    world.call(Method::PATCH, &path, "").await.twin(200);
}

/// Set at creation or later, left alone when left out, off with null or nothing; a bad one names its field.
#[tokio::test]
async fn schedule_retention_and_hooks_are_kept_and_changed() {
    let world = World::new().await;
    let body = json!({"name": "v", "snapshotSchedule": " 0 4 * * * ", "snapshot_retention_days": 30,
                      "before_snapshot": "sync", "hook_timeout_seconds": 5});
    let made = world.post("/volumes", body).await.twin(201);
    let path = format!("/volumes/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["type"], &made["snapshot_schedule"]), (&"volume".into(), &"0 4 * * *".into()));
    assert_eq!(made["snapshot_retention_days"], 30);
    let snapshots = &made["snapshots"];
    assert_eq!((&snapshots["schedule_state"], &snapshots["count"]), (&"ok".into(), &0.into()));
    let next = snapshots["next"].as_array().unwrap();
    assert_eq!(next.len(), 3);
    assert!(next.iter().all(|at| at.as_str().unwrap().ends_with("T04:00:00Z")), "{next:?}");
    // As times: a delay of less than a second makes a text that sorts before the one of the whole second.
    let time = |at: &serde_json::Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time(&snapshots["next_run_at"]) >= time(&next[0]), "{snapshots}");
    assert_eq!(
        (&snapshots["before_snapshot"], &snapshots["after_snapshot"], &snapshots["hook_timeout_seconds"]),
        (&"sync".into(), &json!(null), &5.into())
    );

    let patch = async |body: &str| world.call(Method::PATCH, &path, body).await;
    for (body, field) in [
        (r#"{"snapshot_schedule":"61 * * * *"}"#, "snapshot_schedule"),
        (r#"{"snapshot_schedule":5}"#, "snapshot_schedule"),
        (r#"{"snapshot_retention_days":0}"#, "snapshot_retention_days"),
        (r#"{"snapshot_retention_days":366}"#, "snapshot_retention_days"),
        (r#"{"snapshot_retention_days":7.5}"#, "snapshot_retention_days"),
        (r#"{"snapshot_retention_days":"7"}"#, "snapshot_retention_days"),
        (r#"{"before_snapshot":"a\u0000b"}"#, "before_snapshot"),
        (r#"{"hook_timeout_seconds":601}"#, "hook_timeout_seconds"),
    ] {
        let json = patch(body).await.refused(422, "VALIDATION_ERROR");
        assert!(json["errors"][field].is_array(), "{body}: {json}");
    }
    let same = patch(r#"{"name":"w","after_snapshot":"true"}"#).await.twin(200);
    assert_eq!(
        (&same["snapshot_schedule"], &same["snapshot_retention_days"]),
        (&"0 4 * * *".into(), &30.into())
    );
    assert_eq!(
        (&same["snapshots"]["before_snapshot"], &same["snapshots"]["after_snapshot"]),
        (&"sync".into(), &"true".into())
    );
    for off in [r#"{"snapshot_schedule":null,"before_snapshot":""}"#, r#"{"snapshot_schedule":""}"#] {
        let off = patch(off).await.twin(200);
        assert_eq!(
            (&off["snapshot_schedule"], &off["snapshots"]["schedule_state"]),
            (&json!(null), &"off".into())
        );
        assert_eq!(
            (&off["snapshots"]["next"], &off["snapshots"]["before_snapshot"]),
            (&json!([]), &json!(null))
        );
        patch(r#"{"snapshot_schedule":"@daily"}"#).await.twin(200);
    }
}

#[tokio::test]
async fn compacting_answers_what_became_of_it() {
    let world = World::new().await;
    let path = format!("/volumes/{}", world.volume("v").await);
    assert_eq!(world.get(&path).await.twin(200)["compaction"], json!(null));
    let compacted = world.post(&format!("{path}/compact"), json!({})).await.twin(200);
    let compaction = &compacted["compaction"];
    assert_eq!((&compaction["state"], &compaction["extents_now"]), (&"done".into(), &12.into()));
}

#[tokio::test]
async fn lists_page_in_every_spelling() {
    let world = World::new().await;
    let mut newest_first = Vec::new();
    for number in 0..5 {
        newest_first.insert(0, world.volume(&format!("v{number}")).await);
    }
    let ids = |json: &serde_json::Value| -> Vec<String> {
        json["data"].as_array().unwrap().iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, range, page, has_more) in [
        ("", 0..5, 1, false),
        ("?page=2&page_size=2", 2..4, 2, true),
        ("?page=3&per_page=2", 4..5, 3, false),
        ("?page=4&per_page=2", 5..5, 4, false),
        ("?limit=2&offset=3", 3..5, 2, false),
        ("?limit=2", 0..2, 1, true),
    ] {
        let json = world.get(&format!("/volumes{query}")).await.json();
        assert_eq!(ids(&json), newest_first[range], "{query}");
        assert_eq!(json.as_object().unwrap().len(), 2, "exactly data and page");
        assert_eq!((&json["page"]["page"], &json["page"]["total"]), (&page.into(), &5.into()), "{query}");
        assert_eq!(
            (&json["page"]["has_more"], json["page"]["next_cursor"].is_string()),
            (&has_more.into(), has_more)
        );
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let json = world.get(&format!("/volumes?limit=2&cursor={cursor}")).await.json();
        seen.extend(ids(&json));
        match json["page"]["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, newest_first);
    let named = world.get("/volumes?name=v3&state=available").await.json();
    assert_eq!(ids(&named), newest_first[1..2]);
    assert_eq!(ids(&world.get("/volumes?status=no-such-status").await.json()), Vec::<String>::new());
}

#[tokio::test]
async fn an_attachment_is_answered_on_both_levels_and_found_again() {
    let world = World::new().await;
    let (volume, computer) = (world.volume("v").await, world.computer("c").await);
    let path = format!("/computers/{computer}/volumes");
    let body = json!({"volumeId": volume, "mountPath": "/mnt//data/"});
    let made = world.post(&path, body.clone()).await.twin(201);
    assert_eq!(
        (&made["volume_id"], &made["computer_id"]),
        (&volume.clone().into(), &computer.clone().into())
    );
    assert_eq!(
        (&made["mount_path"], &made["state"], &made["read_only"]),
        (&"/mnt/data".into(), &"attached".into(), &false.into())
    );
    let id = made["id"].as_str().unwrap();

    let again = world.post(&path, body).await.refused(409, "VOLUME_ATTACHED");
    assert_eq!(again["error"]["details"]["attachment"]["id"], id);
    world.delete(&format!("/volumes/{volume}")).await.refused(409, "VOLUME_IN_USE");
    assert_eq!(world.get(&format!("/volumes/{volume}")).await.twin(200)["attached_to"], computer.as_str());
    assert_eq!(world.get(&path).await.json()["data"][0]["id"], id);
    assert_eq!(world.get(&format!("{path}/{id}")).await.twin(200)["id"], id);
    assert_eq!(world.get(&format!("/volume-attachments/{id}")).await.twin(200)["id"], id);

    let other = world.volume("w").await;
    let overlap = world.post(&path, json!({"volume_id": other, "mount_path": "/mnt/data/sub"})).await;
    overlap.refused(409, "MOUNT_PATH_IN_USE");
    world.get(&format!("/computers/{NOBODY}/volumes/{id}")).await.refused(404, "NOT_FOUND");
    world.delete(&format!("/computers/{NOBODY}/volumes/{id}")).await.refused(404, "NOT_FOUND");

    world.delete(&format!("{path}/{id}?force=maybe")).await.refused(422, "VALIDATION_ERROR");
    let detached = world.delete(&format!("{path}/{id}?force=1")).await.twin(200);
    assert_eq!((&detached["id"], &detached["status"]), (&id.into(), &"detached".into()));
    let volume = world.get(&format!("/volumes/{volume}")).await.twin(200);
    assert_eq!((&volume["status"], volume["attached_to"].is_null()), (&"available".into(), true));
    assert_eq!(world.get(&path).await.json()["data"], json!([]));
    world.delete(&format!("/volume-attachments/{id}")).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_repeated_key_answers_the_first_answer() {
    let world = World::new().await;
    let create = async |key: &str, body: &str| {
        world.call_with(Method::POST, "/volumes", &[("idempotency-key", key)], body).await
    };
    let first = create("k1", r#"{"name":"v"}"#).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (StatusCode::CREATED, None));
    // Also below another prefix: it is the same call.
    let headers = [("idempotency-key", "k1")];
    let again = world.call_with(Method::POST, "/api/v1/volumes/", &headers, r#"{"name":"v"}"#).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::CREATED, Some("true")));
    assert_eq!((&again.body, again.header("content-type")), (&first.body, Some("application/json")));
    create("k1", r#"{"name":"other"}"#).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    create("", r#"{"name":"v"}"#).await.refused(422, "VALIDATION_ERROR");
    create(&"k".repeat(256), r#"{"name":"v"}"#).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 1);

    // A refusal is not remembered.
    let path = format!("/volumes/{}", first.json()["id"].as_str().unwrap());
    world.call(Method::PATCH, &path, r#"{"delete_protection":true}"#).await.twin(200);
    let delete = async || world.call_with(Method::DELETE, &path, &[("idempotency-key", "k2")], "").await;
    delete().await.refused(409, "PROTECTED");
    world.call(Method::PATCH, &path, r#"{"delete_protection":false}"#).await.twin(200);
    delete().await.twin(200);
    assert_eq!(delete().await.header("idempotent-replayed"), Some("true"));
}

/// However many calls with one key arrive at once, one volume is made, and all get the same answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_with_one_key_make_one_volume() {
    let world = World::new().await;
    let calls = (0..16)
        .map(|_| world.call_with(Method::POST, "/volumes", &[("idempotency-key", "k")], r#"{"name":"v"}"#));
    let answers = futures::future::join_all(calls).await;
    let bodies: BTreeSet<_> = answers.iter().map(|answer| answer.body.as_str()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 1);
}

/// The server died between the change and its answer: the key names the volume, and the repeated call answers it as it is now.
#[tokio::test]
async fn a_lost_answer_is_made_again_from_its_object() {
    let world = World::new().await;
    let caller = authenticate(&world.app, &headers_with_key()).await.unwrap();
    let body = r#"{"name":"v"}"#;
    let headers = [("idempotency-key", "k")];
    let sent = HeaderMap::from_iter([("idempotency-key".parse().unwrap(), "k".parse().unwrap())]);
    let key = idempotency::key(&sent, &caller, &Method::POST, ("/volumes", None), body.as_bytes()).unwrap();
    let new = NewVolume { name: "v".into(), size_bytes: 1 << 30, ..NewVolume::default() };
    let made = world.app.create_volume(&caller, new, key).await.unwrap();

    let again = world.call_with(Method::POST, "/volumes", &headers, body).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.twin(201)["id"], made.id.as_str());
    let other = world.call_with(Method::POST, "/volumes", &headers, r#"{"name":"w"}"#).await;
    other.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

/// A client that hangs up and repeats its call gets the volume that the first call made.
#[tokio::test]
async fn a_call_with_a_key_outlives_its_client() {
    let world = World::new().await;
    let headers = [("idempotency-key", "k")];
    let call = || world.call_with(Method::POST, "/volumes", &headers, r#"{"name":"v"}"#);
    let mut abandoned = Box::pin(call());
    while world.get("/volumes").await.json()["page"]["total"] == 0 {
        let _ = futures::poll!(&mut abandoned);
        tokio::task::yield_now().await;
    }
    drop(abandoned);
    call().await.twin(201);
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 1);
}

fn headers_with_key() -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {KEY}").parse().unwrap())])
}
