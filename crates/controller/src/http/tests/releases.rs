//! Releases: those that are served, those that fail, and the way back.

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::harness::{KEY, NOBODY, World};
use miosa_control::now;

/// The release once it is in `state`.
async fn release(world: &World, release: &Value, state: &str) -> Value {
    let text = |field: &str| release[field].as_str().unwrap().to_owned();
    let path = format!("/services/{}/deployments/{}", text("service_id"), text("id"));
    world.until(&path, |it| it["state"] == state).await
}

async fn deploy(world: &World, id: &str, body: Value) -> Value {
    world.post(&format!("/services/{id}/deployments"), body).await.twin(201)
}

/// Whatever a new release does wrong: it fails with a reason, and what was served before is served again.
#[tokio::test]
async fn a_bad_release_is_rolled_back_by_itself() {
    let world = World::new().await;
    for (exclusive, command, code, text) in [
        (false, "crash", "CRASH_LOOP", "ended 3 times"),
        (true, "crash", "CRASH_LOOP", "ended 3 times"),
        (true, "done", "CRASH_LOOP", "not to start again"),
        (true, "unmountable", "CANNOT_START", "the mount path is a file"),
    ] {
        let volume = world.volume("v").await;
        let volumes = json!([{"dataServiceId": volume, "mountPath": "/data", "shared": !exclusive}]);
        let id = world.service(json!({"volumes": volumes, "replicas": 2})).await;
        let path = format!("/services/{id}");
        world.active(&id, 1).await;
        let bad = deploy(&world, &id, json!({"settings": {"start_command": command}})).await;
        let bad = release(&world, &bad, "failed").await;
        assert_eq!(bad["reason"]["code"], code, "{bad}");
        assert!(bad["reason"]["detail"].as_str().unwrap().contains(text), "{bad}");
        assert!(bad["settled_at"].is_string() && bad["status"] == bad["state"], "{bad}");

        let service = world.until(&path, |it| it["status"] == "running" && it["ready_replicas"] == 2).await;
        assert_eq!(
            (&service["active_release_number"], &service["deploying_release_id"]),
            (&1.into(), &json!(null))
        );
        assert!(service["error"].as_str().unwrap().contains("release 2 failed"), "{service}");
        assert_eq!(service["pending_changes"], json!({ "start_command": command }));
        // The one that failed left its log.
        let instances = world.get(&format!("{path}/instances")).await.json();
        let failed = |it: &&Value| it["release_number"] == 2 && it["state"] == "stopped";
        assert!(instances["data"].as_array().unwrap().iter().any(|it| failed(&it)), "{command}: {instances}");
        // Mended, it is served.
        deploy(&world, &id, json!({"settings": {"start_command": "good"}})).await;
        assert_eq!(world.active(&id, 3).await["error"], json!(null));
        world.delete(&path).await.twin(200);
    }
}

/// With nothing to fall back to, the service has failed and runs nothing.
#[tokio::test]
async fn a_first_release_that_fails_leaves_nothing_running() {
    let world = World::new().await;
    let id = world.service(json!({"start_command": "crash"})).await;
    let path = format!("/services/{id}");
    let failed = world.until(&path, |it| it["status"] == "failed").await;
    assert_eq!((&failed["active_release_id"], &failed["ready_replicas"]), (&json!(null), &0.into()));
    assert!(failed["error"].as_str().unwrap().contains("release 1 failed"), "{failed}");
    for verb in ["restart", "rollback"] {
        world.post(&format!("{path}/{verb}"), json!({})).await.refused(409, "SERVICE_STATE");
    }
    deploy(&world, &id, json!({"settings": {"start_command": null}})).await;
    world.active(&id, 2).await;
}

/// One that is not healthy in time has failed; until then it is being deployed, and the old one serves.
#[tokio::test]
async fn a_release_that_is_not_healthy_in_time_fails() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    world.active(&id, 1).await;
    let settings = json!({"start_command": "sick", "start_timeout_seconds": 3600});
    let sick = deploy(&world, &id, json!({ "settings": settings })).await;
    let instances = format!("/services/{id}/instances?status=unhealthy");
    let unhealthy = world.until(&instances, |it| it["page"]["total"] == 1).await;
    assert_eq!(unhealthy["data"][0]["error_message"], "its check answers 503");
    let service = world.get(&format!("/services/{id}")).await.twin(200);
    assert_eq!((&service["status"], &service["deploying_release_id"]), (&"deploying".into(), &sick["id"]));
    assert_eq!(service["active_release_number"], 1);

    world.store.advance_services(now()).await.unwrap();
    assert_eq!(release(&world, &sick, "deploying").await["reason"], json!(null), "its time is not over");
    world.store.advance_services(now() + 2.hours()).await.unwrap();
    let failed = release(&world, &sick, "failed").await;
    assert_eq!(failed["reason"]["code"], "NOT_HEALTHY", "{failed}");
    world.active(&id, 1).await;
}

/// What was asked for last is deployed; what was under way before, or is canceled, is given up.
#[tokio::test]
async fn a_release_that_is_not_served_yet_can_be_given_up() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    let first = world.active(&id, 1).await["active_release_id"].clone();
    let sick = json!({"settings": {"start_command": "sick"}});
    let second = deploy(&world, &id, sick.clone()).await;
    let third = deploy(&world, &id, sick.clone()).await;
    let second = release(&world, &second, "canceled").await;
    assert_eq!(second["reason"]["code"], "SUPERSEDED", "{second}");
    let cancel = format!("/service-deployments/{}/cancel", third["id"].as_str().unwrap());
    let canceled = world.call(Method::POST, &cancel, "").await.twin(200);
    assert_eq!((&canceled["state"], &canceled["reason"]["code"]), (&"canceled".into(), &"STOPPED".into()));
    world.active(&id, 1).await;
    let refused = world.call(Method::POST, &cancel, "").await.refused(409, "RELEASE_STATE");
    assert_eq!(refused["error"]["details"]["state"], "canceled");
    let first = format!("/service-deployments/{}", first.as_str().unwrap());
    world.delete(&first).await.refused(409, "RELEASE_STATE");
    let fourth = deploy(&world, &id, sick.clone()).await;
    let path = format!("/service-deployments/{}", fourth["id"].as_str().unwrap());
    assert_eq!(world.delete(&path).await.twin(200)["state"], "canceled");
    // Stopping gives up as well.
    let fifth = deploy(&world, &id, sick).await;
    world.call(Method::POST, &format!("/services/{id}/stop"), "").await.twin(200);
    assert_eq!(release(&world, &fifth, "canceled").await["reason"]["code"], "STOPPED");
    assert_eq!(world.get(&format!("/services/{id}")).await.twin(200)["status"], "stopped");
}

/// Three ways to serve an old release again, each under a new number, and what cannot be served.
#[tokio::test]
async fn old_releases_are_served_again() {
    let world = World::new().await;
    let id = world.service(json!({"start_command": "one"})).await;
    let path = format!("/services/{id}");
    let first = world.active(&id, 1).await["active_release_id"].clone();
    deploy(&world, &id, json!({"settings": {"start_command": "two"}})).await;
    world.active(&id, 2).await;
    let bad = deploy(&world, &id, json!({"settings": {"start_command": "crash"}})).await;
    let bad = release(&world, &bad, "failed").await;

    let back = world.post(&format!("{path}/rollback"), json!({})).await.twin(200);
    assert_eq!((&back["number"], &back["serves_again"]), (&4.into(), &1.into()));
    assert_eq!((&back["cause"], &back["settings"]["start_command"]), (&"rollback".into(), &"one".into()));
    let service = world.active(&id, 4).await;
    assert_eq!(
        service["pending_changes"],
        json!(null),
        "the next deployment does not bring back what was left"
    );
    assert_eq!(service["settings"]["start_command"], "one");

    let promoted = world.post(&format!("{path}/promote"), json!({"number": 2})).await.twin(200);
    assert_eq!((&promoted["cause"], &promoted["serves_again"]), (&"promote".into(), &2.into()));
    assert_eq!(world.active(&id, 5).await["settings"]["start_command"], "two");
    for verb in ["rollback", "redeploy"] {
        let of = format!("/service-deployments/{}/{verb}", first.as_str().unwrap());
        let again = world.post(&of, json!({"message": verb})).await.twin(200);
        assert_eq!((&again["serves_again"], &again["message"]), (&1.into(), &verb.into()));
        world.active(&id, again["number"].as_u64().unwrap()).await;
    }
    let by_id = world.post(&format!("{path}/promote"), json!({"versionId": first})).await.twin(200);
    assert_eq!(by_id["serves_again"], 1);
    world.active(&id, 8).await;

    let promote = format!("{path}/promote");
    let refused = world.post(&promote, json!({"release_id": bad["id"]})).await.refused(409, "RELEASE_STATE");
    assert_eq!(refused["error"]["details"]["state"], "failed");
    world.post(&promote, json!({})).await.refused(400, "MISSING_PARAM");
    world.post(&promote, json!({"release_id": "two"})).await.refused(422, "VALIDATION_ERROR");
    world.post(&promote, json!({"release_id": NOBODY})).await.refused(404, "NOT_FOUND");
    world.post(&promote, json!({"number": 99})).await.refused(404, "NOT_FOUND");
    world
        .post(&promote, json!({"number": 1, "environment": "staging"}))
        .await
        .refused(422, "VALIDATION_ERROR");
    let other = world.service(json!({})).await;
    world.active(&other, 1).await;
    let theirs = format!("/services/{other}/promote");
    world.post(&theirs, json!({"release_id": first})).await.refused(404, "NOT_FOUND");
    world
        .get(&format!("/services/{other}/deployments/{}", first.as_str().unwrap()))
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(world.get(&format!("{path}/deployments")).await.json()["page"]["total"], 8);
}

/// A release whose volume was deleted cannot come back.
#[tokio::test]
async fn a_release_without_its_volume_is_gone() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let id = world.service(json!({"volumes": [{"dataServiceId": volume, "mountPath": "/data"}]})).await;
    world.active(&id, 1).await;
    world.call(Method::PATCH, &format!("/services/{id}"), r#"{"volumes":[]}"#).await.twin(200);
    world.active(&id, 2).await;
    world.delete(&format!("/volumes/{volume}")).await.twin(200);
    let gone = world.post(&format!("/services/{id}/rollback"), json!({})).await.refused(410, "RELEASE_GONE");
    assert!(gone["message"].as_str().unwrap().contains(&volume), "{gone}");
    assert_eq!(world.active(&id, 2).await["settings"]["volumes"], json!([]), "nothing was changed");
}

/// Snapshots before a deployment are named by it, and bring its data back when it is left.
#[tokio::test]
async fn snapshots_before_a_deployment_bring_the_data_back() {
    let world = World::new().await;
    let (volume, read) = (world.volume("v").await, world.volume("r").await);
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data"},
                         {"dataServiceId": read, "mountPath": "/ro", "readOnly": true}]);
    let id = world.service(json!({"volumes": volumes, "start_command": "one"})).await;
    let path = format!("/services/{id}");
    world.active(&id, 1).await;
    let body = json!({"snapshot_before": true, "settings": {"start_command": "two"}});
    let second = deploy(&world, &id, body).await;
    world.active(&id, 2).await;
    let taken = second["snapshots"].as_array().unwrap();
    assert_eq!(taken.len(), 1, "only of what is written to: {second}");
    assert_eq!(taken[0]["volume_id"], volume);
    let snapshot_id = taken[0]["snapshot_id"].as_str().unwrap();
    let snapshot = world.get(&format!("/volume-snapshots/{snapshot_id}")).await.twin(200);
    assert_eq!((&snapshot["name"], &snapshot["status"]), (&"before-v2".into(), &"ready".into()));
    assert_eq!(snapshot["metadata"], json!({"service_id": id, "release": "2"}));

    let back = world.post(&format!("{path}/rollback"), json!({"restoreData": true})).await.twin(200);
    assert_eq!(back["serves_again"], 1);
    world.active(&id, 3).await;
    let restored = world.get(&format!("/volumes/{volume}")).await.twin(200);
    assert_eq!(restored["origin"], json!({"kind": "snapshot", "id": snapshot_id}), "{restored}");
    // Release 3 was never left, so there is nothing to go back to with it.
    deploy(&world, &id, json!({"settings": {"start_command": "four"}})).await;
    world.active(&id, 4).await;
    let refused = world.post(&format!("{path}/rollback"), json!({"restore_data": true})).await;
    refused.refused(409, "NO_SNAPSHOT_AVAILABLE");
    assert_eq!(world.get(&path).await.twin(200)["active_release_number"], 4, "nothing was changed");
}

/// Without its snapshots a release is not deployed, and what is served is not touched.
#[tokio::test]
async fn a_snapshot_that_fails_fails_the_release() {
    let world = World::new().await;
    let made = world.post("/volumes", json!({"name": "v", "before_snapshot": "fail"})).await.twin(201);
    let volumes = json!([{"dataServiceId": made["id"], "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    world.active(&id, 1).await;
    let instances = world.get(&format!("/services/{id}/instances")).await.json();
    let second = deploy(&world, &id, json!({"snapshotBefore": true})).await;
    let failed = release(&world, &second, "failed").await;
    assert_eq!(failed["reason"]["code"], "SNAPSHOT_FAILED", "{failed}");
    assert!(failed["reason"]["detail"].as_str().unwrap().contains("ended with 1"), "{failed}");
    world.active(&id, 1).await;
    assert_eq!(world.get(&format!("/services/{id}/instances")).await.json(), instances);
}

/// With exclusive volumes the old replica ends before the new one starts, and the time between is told.
#[tokio::test]
async fn a_hand_over_is_measured() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let id = world.service(json!({"volumes": [{"dataServiceId": volume, "mountPath": "/data"}]})).await;
    world.active(&id, 1).await;
    let second = deploy(&world, &id, json!({})).await;
    assert!(release(&world, &second, "active").await["handover_ms"].is_u64());
    let plain = world.service(json!({})).await;
    world.active(&plain, 1).await;
    let second = deploy(&world, &plain, json!({})).await;
    assert_eq!(
        release(&world, &second, "active").await["handover_ms"],
        json!(null),
        "no volume changed hands"
    );
}

/// A list of what happened, or events until the release is settled.
#[tokio::test]
async fn a_releases_life_is_a_list_or_events() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    let first = world.active(&id, 1).await["active_release_id"].clone();
    let events = |release: &Value| format!("/services/{id}/deployments/{}/events", release.as_str().unwrap());
    let list = world.get(&events(&first)).await.json();
    let types: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["queued", "deploying", "active"]);

    let sick = deploy(&world, &id, json!({"settings": {"start_command": "sick"}})).await;
    release(&world, &sick, "deploying").await;
    let request = Request::get(events(&sick["id"]))
        .header("authorization", format!("Bearer {KEY}"))
        .header("accept", "text/event-stream")
        .body(Body::empty())
        .unwrap();
    let mut body = world.open(request).await.into_body();
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        let text = String::from_utf8(data.to_vec()).unwrap();
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["message"].is_string() && event["line"] == event["message"], "{event}");
        seen.push(event["type"].as_str().unwrap().to_owned());
        if seen.len() == 2 {
            let cancel = format!("/service-deployments/{}/cancel", sick["id"].as_str().unwrap());
            world.call(Method::POST, &cancel, "").await.twin(200);
        }
    }
    assert_eq!(seen, ["queued", "deploying", "canceled"]);
}

/// Lines of all replicas, by time, each with its replica; or of one; or as events.
#[tokio::test]
async fn logs_name_their_replica() {
    let world = World::new().await;
    let id = world.service(json!({"replicas": 2})).await;
    let path = format!("/services/{id}/logs");
    world.active(&id, 1).await;
    let list = world.get(&path).await.json();
    let lines = list["data"].as_array().unwrap();
    assert_eq!(lines.len(), 6);
    let at =
        |line: &Value| (line["timestamp"].as_str().unwrap().to_owned(), line["replica"].as_u64().unwrap());
    let mut seen: Vec<_> = lines.iter().map(at).collect();
    assert!(seen.is_sorted_by_key(|(time, _)| time.clone()), "{list}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6, "each line of each replica once");
    assert_eq!((&lines[0]["type"], &lines[0]["line"]), (&"log".into(), &lines[0]["message"]));
    for (query, count) in [("replica=1", 3), ("tail=1", 1), ("lines=1&replica=0", 1), ("replica=7", 0)] {
        let list = world.get(&format!("{path}?{query}")).await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
    }
    world.get(&format!("{path}?replica=x")).await.refused(422, "VALIDATION_ERROR");
    for query in ["", "?follow=false"] {
        let accept = [("accept", "text/event-stream")];
        let stream = world.call_with(Method::GET, &format!("{path}{query}"), &accept, "").await;
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        assert_eq!(stream.body.matches("event: log").count(), 6, "{query}");
        let data = stream.body.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let event: Value = serde_json::from_str(data).unwrap();
        assert!(event["replica"].is_u64() && event["line"] == event["message"], "{event}");
    }
}
