//! Snapshots, restores and forks as their callers see them.

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::harness::{KEY, LONG_AGO, NOBODY, World};
use crate::auth::authenticate;
use crate::http::idempotency;
use miosa_control::{CopySource, NewCopy, NewSnapshot, now};

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_snapshot_from_create_to_delete() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let path = format!("/volumes/{volume}/snapshots");
    let body = json!({"name": " before upgrade ", "metadata": {"by": "me"}, "protected": true, "ttl": "3d"});
    let made = world.post(&path, body).await.twin(201);
    assert_eq!(
        (&made["status"], &made["state"], &made["trigger"]),
        (&"ready".into(), &"ready".into(), &"manual".into())
    );
    assert_eq!((&made["name"], &made["volume_name"]), (&"before upgrade".into(), &"data".into()));
    assert_eq!((&made["volume_id"], &made["metadata"]), (&volume.as_str().into(), &json!({"by": "me"})));
    assert_eq!((&made["size_gb"], &made["used_bytes"]), (&1.into(), &(5 << 20).into()));
    assert_eq!((&made["stall_ms"], &made["exclusive_bytes"]), (&1.5.into(), &4096.into()));
    assert_eq!((&made["phase"], &made["error"]), (&json!(null), &json!(null)));
    let time = |field: &str| made[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    // Counted from the call, a moment before the row.
    let lifetime = time("created_at").duration_until(time("expires_at")).as_secs();
    assert!((259_190..=259_200).contains(&lifetime), "{lifetime}");

    let below = format!("{path}/{}", id(&made));
    let alone = format!("/volume-snapshots/{}", id(&made));
    assert_eq!(world.get(&below).await.twin(200), made);
    assert_eq!(world.get(&alone).await.twin(200), made);
    for path in [&below, &alone] {
        world.delete(path).await.refused(409, "PROTECTED");
        let renamed = world.call(Method::PATCH, path, r#"{"name":"n","metadata":{}}"#).await.twin(200);
        assert_eq!(
            (&renamed["name"], &renamed["metadata"], &renamed["protected"]),
            (&"n".into(), &json!({}), &true.into())
        );
        world.call(Method::PUT, path, r#"{"name":""}"#).await.refused(422, "VALIDATION_ERROR");
        let verified = world.post(&format!("{path}/verify"), json!({})).await.twin(200);
        assert_eq!(verified["verification"]["state"], "intact");
    }
    let metrics = world.get("/metrics").await.body;
    for line in [
        "miosa_snapshots{state=\"ready\"} 1",
        "miosa_snapshot_schedules{state=\"failing\"} 0",
        "miosa_snapshots_total{trigger=\"manual\",outcome=\"taken\"}",
        "miosa_snapshot_stall_seconds_bucket{trigger=\"manual\",le=\"0.002\"}",
    ] {
        assert!(metrics.lines().any(|l| l.starts_with(line)), "{line} is not in\n{metrics}");
    }
    let summary = world.get(&format!("/volumes/{volume}")).await.twin(200)["snapshots"].clone();
    assert_eq!((&summary["count"], &summary["last_taken_at"]), (&1.into(), &made["taken_at"]));

    world.call(Method::PUT, &below, r#"{"protected":false}"#).await.twin(200);
    let deleted = world.delete(&below).await.twin(200);
    assert_eq!((id(&deleted), &deleted["status"]), (id(&made), &"deleted".into()));
    for path in [&below, &alone] {
        world.get(path).await.refused(404, "NOT_FOUND");
        let again = world.delete(path).await.refused(404, "NOT_FOUND");
        assert!(again["error"]["details"]["deleted_at"].is_string(), "{again}");
    }
    assert_eq!(world.get(&path).await.json()["data"], json!([]));
}

/// A snapshot below another volume than its own is not found, by any verb.
#[tokio::test]
async fn a_snapshot_is_found_below_its_own_volume_only() {
    let world = World::new().await;
    let (own, other) = (world.volume("own").await, world.volume("other").await);
    let snapshot = world.snapshot(&own).await;
    let path = format!("/volumes/{other}/snapshots/{snapshot}");
    world.get(&path).await.refused(404, "NOT_FOUND");
    world.call(Method::PATCH, &path, r#"{"name":"n"}"#).await.refused(404, "NOT_FOUND");
    world.delete(&path).await.refused(404, "NOT_FOUND");
    for verb in ["verify", "restore"] {
        world.post(&format!("{path}/{verb}"), json!({"name": "n"})).await.refused(404, "NOT_FOUND");
        world.post(&format!("{path}/{verb}"), json!({})).await.refused(404, "NOT_FOUND");
    }
    for verb in ["restore", "clone"] {
        for name in [json!(null), json!("n")] {
            let body = json!({"snapshot_id": snapshot, "name": name});
            world.post(&format!("/volumes/{other}/{verb}"), body).await.refused(404, "NOT_FOUND");
        }
    }
    assert_eq!(world.get(&format!("/volumes/{own}/snapshots/{snapshot}")).await.twin(200)["status"], "ready");
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 2, "nothing was made");
}

#[tokio::test]
async fn lists_are_of_one_volume_or_of_all() {
    let world = World::new().await;
    let (a, b) = (world.volume("a").await, world.volume("b").await);
    let (first, second, third) =
        (world.snapshot(&a).await, world.snapshot(&b).await, world.snapshot(&a).await);
    for (query, expected) in [
        (format!("/volumes/{a}/snapshots"), vec![&third, &first]),
        (format!("/volumes/{a}/snapshots?limit=1&offset=1"), vec![&first]),
        ("/volume-snapshots".into(), vec![&third, &second, &first]),
        (format!("/volume-snapshots?volume_id={b}"), vec![&second]),
        (format!("/volume-snapshots?volume_id={NOBODY}"), vec![]),
        ("/volume-snapshots?status=ready".into(), vec![&third, &second, &first]),
        ("/volume-snapshots?state=failed".into(), vec![]),
        ("/volume-snapshots?region=mars".into(), vec![]),
    ] {
        let json = world.get(&query).await.json();
        let ids: Vec<_> = json["data"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(ids, expected, "{query}");
    }
    world.get("/volume-snapshots?volume_id=x").await.refused(422, "VALIDATION_ERROR");

    // A volume in the trash has no list below it; its snapshots stay where they are.
    world.delete(&format!("/volumes/{a}")).await.twin(200);
    world.get(&format!("/volumes/{a}/snapshots")).await.refused(404, "NOT_FOUND");
    world.get(&format!("/volumes/{a}/snapshots/{first}")).await.refused(404, "NOT_FOUND");
    assert_eq!(world.get("/volume-snapshots").await.json()["page"]["total"], 3);
    let copy = world.post(&format!("/volume-snapshots/{first}/restore"), json!({})).await.twin(201);
    assert_eq!((&copy["name"], &copy["status"]), (&"a-restored".into(), &"available".into()));
}

/// Every restore that makes a volume: its name, size, origin and time; and what it refuses.
#[tokio::test]
async fn a_restore_as_a_new_volume() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let snapshot = world.snapshot(&volume).await;
    let below = format!("/volumes/{volume}/snapshots/{snapshot}/restore");
    let alone = format!("/volume-snapshots/{snapshot}/restore");
    let origin = json!({"kind": "snapshot", "id": snapshot});
    let of_volume = format!("/volumes/{volume}/restore");
    for (path, body, name, size_gb) in [
        (&below, json!({"name": "copy"}), "copy", 1),
        (&below, json!({"asNew": true, "size_gb": 3}), "data-restored", 3),
        (&alone, json!({}), "data-restored", 1),
        (&alone, json!({"name": "", "force": true, "size_bytes": 1_073_741_825_u64}), "data-restored", 2),
        (&of_volume, json!({"snapshot_id": snapshot, "name": "copy"}), "copy", 1),
    ] {
        let made = world.post(path, body.clone()).await.twin(201);
        assert_eq!((&made["name"], &made["size_gb"]), (&name.into(), &size_gb.into()), "{path} {body}");
        assert_eq!((&made["status"], &made["origin"]), (&"available".into(), &origin), "{path} {body}");
        assert_ne!(id(&made), volume);
    }
    let made = world.post(&alone, json!({"ttl": "1h", "metadata": {"for": "test"}})).await.twin(201);
    assert!(made["expires_at"].is_string());
    assert_eq!(made["metadata"], json!({"for": "test"}));
    for (body, field) in [
        (json!({"size_bytes": 67_108_864}), "size_bytes"),
        (json!({"size_gb": 501}), "size_gb"),
        (json!({"ttl": "59s"}), "ttl"),
        (json!({"ttl": "soon"}), "ttl"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"project_id": "p"}), "project_id"),
    ] {
        let refused = world.post(&alone, body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
}

#[tokio::test]
async fn a_restore_in_place_keeps_the_present_as_a_safety_snapshot() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let path = format!("/volumes/{volume}/restore");
    world.post(&path, json!({})).await.refused(409, "NO_SNAPSHOT_AVAILABLE");
    let snapshot = world.snapshot(&volume).await;
    let missing = world.post(&path, json!({})).await.refused(400, "MISSING_PARAM");
    assert!(missing["errors"]["snapshot_id"].is_array());
    world.post(&path, json!({"snapshot_id": "x"})).await.refused(422, "VALIDATION_ERROR");
    world.post(&path, json!({"snapshot_id": NOBODY})).await.refused(404, "NOT_FOUND");
    for (field, value) in
        [("size_gb", json!(2)), ("size_bytes", json!(2_147_483_648_u64)), ("ttl", json!("3d"))]
    {
        let body = json!({"snapshot_id": snapshot, field: value});
        let refused = world.post(&path, body).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{refused}");
    }
    let restored = world.post(&path, json!({"snapshotId": snapshot})).await.twin(200);
    assert_eq!((id(&restored), &restored["status"]), (volume.as_str(), &"available".into()));
    assert_eq!(restored["origin"], json!({"kind": "snapshot", "id": snapshot}));
    let list = world.get(&format!("/volumes/{volume}/snapshots")).await.json();
    let triggers: Vec<_> = list["data"].as_array().unwrap().iter().map(|s| &s["trigger"]).collect();
    assert_eq!(triggers, ["safety", "manual"]);

    // And that can be undone in the same way.
    let safety = id(&list["data"][0]).to_owned();
    let undo = world.post(&format!("/volumes/{volume}/snapshots/{safety}/restore"), json!({})).await;
    assert_eq!(undo.twin(200)["origin"]["id"], safety.as_str());
}

#[tokio::test]
async fn a_volume_in_use_is_restored_with_force_only() {
    let world = World::new().await;
    let (volume, computer) = (world.volume("data").await, world.computer("box").await);
    let snapshot = world.snapshot(&volume).await;
    world.post(&format!("/computers/{computer}/volumes"), json!({"volume_id": volume})).await.twin(201);
    let path = format!("/volumes/{volume}/snapshots/{snapshot}/restore");
    let refused = world.post(&path, json!({})).await.refused(409, "VOLUME_IN_USE");
    assert_eq!(refused["error"]["details"]["computer_id"], computer.as_str());
    let restored = world.post(&path, json!({"force": true})).await.twin(200);
    assert_eq!(restored["origin"]["id"], snapshot.as_str());
    while world.get(&format!("/computers/{computer}")).await.json()["status"] != "running" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn forks_are_of_now_or_of_a_snapshot() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let snapshot = world.snapshot(&volume).await;
    let path = format!("/volumes/{volume}/clone");
    let fork = world.post(&path, json!({})).await.twin(201);
    assert_eq!((&fork["name"], &fork["status"]), (&"data-fork".into(), &"available".into()));
    assert_eq!(fork["origin"], json!({"kind": "volume", "id": volume}));
    assert_eq!((&fork["expires_at"], &fork["snapshot_schedule"]), (&json!(null), &json!(null)));
    let body = json!({"name": "preview", "snapshot_id": snapshot, "sizeGb": 2, "ttl": 3600, "now": true});
    let fork = world.post(&path, body).await.twin(201);
    assert_eq!((&fork["name"], &fork["size_gb"]), (&"preview".into(), &2.into()));
    assert_eq!(fork["origin"], json!({"kind": "snapshot", "id": snapshot}));
    assert!(fork["expires_at"].is_string());
    let refused = world.post(&path, json!({"size_bytes": 67_108_864})).await.refused(422, "VALIDATION_ERROR");
    assert!(refused["errors"]["size_bytes"].is_array(), "{refused}");
    // Deleting the source leaves the forks whole.
    world.delete(&format!("/volumes/{volume}")).await.twin(200);
    assert_eq!(world.get(&format!("/volumes/{}", id(&fork))).await.twin(200)["status"], "available");
    world.post(&path, json!({})).await.refused(404, "NOT_FOUND");
}

/// A snapshot that failed is refused with the reason, and is there to be looked at; nothing can be made of it.
#[tokio::test]
async fn a_failed_snapshot_says_why_and_stays_for_a_while() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let path = format!("/volumes/{volume}/snapshots");
    let refused = world.post(&path, json!({"before_snapshot": "fail"})).await.refused(409, "HOOK_FAILED");
    assert_eq!(refused["message"], "the command before the snapshot ended with 1");
    let failed = &refused["error"]["details"]["snapshot"];
    assert_eq!((&failed["status"], &failed["volume_id"]), (&"failed".into(), &volume.as_str().into()));
    assert!(failed["expires_at"].is_string(), "it goes by itself: {failed}");
    let own = format!("{path}/{}", id(failed));
    assert_eq!(world.get(&own).await.twin(200)["error"], refused["message"]);
    world.post(&format!("{own}/verify"), json!({})).await.refused(409, "SNAPSHOT_NOT_READY");
    world.post(&format!("{own}/restore"), json!({})).await.refused(409, "SNAPSHOT_NOT_READY");
    let clone = json!({"snapshot_id": id(failed)});
    world.post(&format!("/volumes/{volume}/clone"), clone).await.refused(409, "SNAPSHOT_NOT_READY");
    assert_eq!(world.get(&format!("/volumes/{volume}")).await.twin(200)["snapshots"]["count"], 0);
    world.delete(&own).await.twin(200);
    world.get(&own).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn each_field_of_a_snapshot_is_checked() {
    let world = World::new().await;
    let path = format!("/volumes/{}/snapshots", world.volume("v").await);
    for (body, field) in [
        (json!({"name": "a\u{7}"}), "name"),
        (json!({"metadata": []}), "metadata"),
        (json!({"protected": "yes"}), "protected"),
        (json!({"now": 1}), "now"),
        (json!({"ttl": "366d"}), "ttl"),
        (json!({"ttl": [1]}), "ttl"),
        (json!({"before_snapshot": "x".repeat(4097)}), "before_snapshot"),
        (json!({"after_snapshot": 7}), "after_snapshot"),
        (json!({"hook_timeout_seconds": 0}), "hook_timeout_seconds"),
    ] {
        let refused = world.post(&path, body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
    assert_eq!(world.get(&path).await.json()["page"]["total"], 0, "nothing was made");
}

/// One key, one snapshot; one fork; one deletion.
#[tokio::test]
async fn repeated_calls_with_a_key_change_nothing() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let call = async |method: Method, path: &str, body: &str, status: u16| {
        let headers = [("idempotency-key", body)];
        let first = world.call_with(method.clone(), path, &headers, body).await.twin(status);
        let again = world.call_with(method, path, &headers, body).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{path}");
        assert_eq!(again.twin(status), first);
        first
    };
    let snapshots = format!("/volumes/{volume}/snapshots");
    let snapshot = call(Method::POST, &snapshots, r#"{"name":"s"}"#, 201).await;
    assert_eq!(world.get(&snapshots).await.json()["page"]["total"], 1);
    let own = format!("{snapshots}/{}", id(&snapshot));
    call(Method::PATCH, &own, r#"{"name":"t"}"#, 200).await;
    call(Method::POST, &format!("{own}/verify"), "{}", 200).await;
    call(Method::POST, &format!("/volumes/{volume}/clone"), "{}", 201).await;
    call(Method::POST, &format!("{own}/restore"), r#"{"as_new":true}"#, 201).await;
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 3);
    call(Method::POST, &format!("{own}/restore"), "{}", 200).await;
    assert_eq!(world.get(&snapshots).await.json()["page"]["total"], 2, "one safety snapshot");
    call(Method::POST, "/volume-snapshots/prune", "{}", 200).await;
    call(Method::DELETE, &own, "{}", 200).await;
}

/// The server died between the change and its answer: the key names the snapshot, and the repeated call answers it. One that
/// failed left nothing that a key could vouch for, so the repeated call takes another.
#[tokio::test]
async fn a_lost_answer_is_made_again_from_its_snapshot() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let path = format!("/volumes/{volume}/snapshots");
    for (key, before, status, taken) in [("good", None, 201, 1), ("bad", Some("fail"), 409, 3)] {
        let sent = [("authorization", format!("Bearer {KEY}")), ("idempotency-key", key.to_owned())];
        let headers = sent.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        let caller = authenticate(&world.app, &headers).await.unwrap();
        let body = before.map_or("{}".into(), |command| json!({ "before_snapshot": command }).to_string());
        let key_of_call =
            idempotency::key(&headers, &caller, &Method::POST, (&path, None), body.as_bytes()).unwrap();
        let mut new = NewSnapshot::default();
        new.hooks.before = before.map(|command| Some(command.to_owned()));
        let made = world.app.create_snapshot(&caller, volume.parse().unwrap(), new, key_of_call).await;
        let again = world.call_with(Method::POST, &path, &[("idempotency-key", key)], &body).await;
        assert_eq!((again.status.as_u16(), made.is_ok()), (status, status == 201), "{again:?}");
        if let Ok(made) = made {
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            assert_eq!(again.twin(201)["id"], made.id.as_str());
        }
        assert_eq!(world.get(&path).await.json()["page"]["total"], taken);
    }
}

/// The same of what answers a volume: 201 for one that the call made, 200 for the one that its path names.
#[tokio::test]
async fn a_lost_answer_is_made_again_from_its_volume() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let snapshot = world.snapshot(&volume).await;
    let sent = [("authorization", format!("Bearer {KEY}")), ("idempotency-key", "k".to_owned())];
    let headers = sent.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
    let caller = authenticate(&world.app, &headers).await.unwrap();
    let key = |path: &str| idempotency::key(&headers, &caller, &Method::POST, (path, None), b"{}").unwrap();
    let again = async |path: &str| {
        let again = world.call_with(Method::POST, path, &[("idempotency-key", "k")], "{}").await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
        again
    };

    let clone = format!("/volumes/{volume}/clone");
    let source = CopySource::Volume { id: volume.parse().unwrap(), whatever_the_wait: false };
    let fork =
        world.app.copy_volume(&caller, source, "-fork", NewCopy::default(), key(&clone)).await.unwrap();
    assert_eq!(again(&clone).await.twin(201)["id"], fork.id.as_str());

    let restore = format!("/volumes/{volume}/snapshots/{snapshot}/restore");
    let (id, of) = (volume.parse().unwrap(), snapshot.parse().unwrap());
    world.app.restore_in_place(&caller, id, of, false, key(&restore)).await.unwrap();
    assert_eq!(again(&restore).await.twin(200)["id"], volume.as_str());
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 2);
}

/// Scheduled snapshots whose time is over go, but for the newest; a dry run says so and changes nothing.
#[tokio::test]
async fn a_prune_says_what_it_does() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let other = world.volume("other").await;
    let path = format!("/volumes/{volume}");
    world.call(Method::PATCH, &path, r#"{"snapshot_schedule":"* * * * *"}"#).await.twin(200);
    let list = format!("{path}/snapshots");
    for count in 1..=3 {
        let later = now() + SignedDuration::from_mins(5 * count);
        world.app.run_schedules(later).await.unwrap();
        while world.get(&format!("{list}?status=ready")).await.json()["page"]["total"] != count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let all = world.get(&list).await.json()["data"].clone();
    assert!(
        all.as_array().unwrap().iter().all(|s| s["trigger"] == "schedule" && s["taken_at"] == LONG_AGO),
        "{all}"
    );
    let prune = async |body: Value| world.post("/volume-snapshots/prune", body).await;
    let dry = prune(json!({"dry_run": true})).await.twin(200);
    assert_eq!((&dry["dry_run"], dry["pruned"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!((&dry["freed_bytes"], &dry["kept"][0]["reason"]), (&8192.into(), &"newest".into()));
    assert_eq!(prune(json!({"dryRun": true, "volumeId": other})).await.twin(200)["pruned"], json!([]));
    prune(json!({"volume_id": NOBODY})).await.refused(404, "NOT_FOUND");
    prune(json!({"volume_id": "x"})).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(world.get(&list).await.json()["page"]["total"], 3);
    let done = prune(json!({"volume_id": volume})).await.twin(200);
    assert_eq!((&done["dry_run"], done["pruned"].as_array().unwrap().len()), (&false.into(), 2));
    assert_eq!(world.get(&list).await.json()["page"]["total"], 1);
}

/// Of another tenant nothing is found, listed or made, by any route.
#[tokio::test]
async fn other_tenants_see_nothing() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let snapshot = world.snapshot(&volume).await;
    world.store.create_tenant("stranger", "Stranger", now()).await.unwrap();
    let headers = [("x-miosa-tenant", "stranger")];
    let call =
        async |method: Method, path: &str, body: &str| world.call_with(method, path, &headers, body).await;
    for path in [format!("/volumes/{volume}/snapshots/{snapshot}"), format!("/volume-snapshots/{snapshot}")] {
        for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
            call(method, &path, "{}").await.refused(404, "NOT_FOUND");
        }
        for verb in ["verify", "restore"] {
            call(Method::POST, &format!("{path}/{verb}"), "{}").await.refused(404, "NOT_FOUND");
        }
    }
    let of_volume = format!("/volumes/{volume}");
    call(Method::GET, &format!("{of_volume}/snapshots"), "").await.refused(404, "NOT_FOUND");
    for verb in ["snapshots", "clone", "compact", "restore", "resize"] {
        let body = json!({ "snapshot_id": snapshot }).to_string();
        call(Method::POST, &format!("{of_volume}/{verb}"), &body).await.refused(404, "NOT_FOUND");
    }
    let prune = json!({"volume_id": volume}).to_string();
    call(Method::POST, "/volume-snapshots/prune", &prune).await.refused(404, "NOT_FOUND");
    let list = call(Method::GET, &format!("/volume-snapshots?volume_id={volume}"), "").await;
    assert_eq!((list.status, &list.json()["data"]), (StatusCode::OK, &json!([])));
    assert_eq!(world.get("/volume-snapshots").await.json()["page"]["total"], 1);
}
