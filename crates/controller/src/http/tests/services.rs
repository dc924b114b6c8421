//! Services: from create to delete, settings that wait, replicas, keys, and what other tenants see.

use std::collections::BTreeSet;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use miosa_domain::ServiceId;
use serde_json::{Value, json};

use super::harness::{KEY, NOBODY, World};
use crate::auth::authenticate;
use crate::http::idempotency;
use miosa_control::now;

#[tokio::test]
async fn a_service_from_create_to_delete() {
    let world = World::new().await;
    let body = json!({
        "name": "Shop Front", "type": "web", "source": {"type": "template", "ref": "miosa-default"},
        "settings": {"startCommand": "httpd -f", "port": 8080, "replicas": 2, "env": {"A": "b"}},
        "health_check": {"path": "/healthz", "port": 8080},
    });
    let made = world.post("/services", body).await.twin(201);
    let id = made["id"].as_str().unwrap();
    let path = format!("/services/{id}");
    assert_eq!((&made["kind"], &made["type"]), (&"server".into(), &"server".into()));
    assert_eq!((&made["slug"], &made["lock_version"]), (&"shop-front".into(), &1.into()));
    assert_eq!(made["environment_id"], made["project_id"]);
    let service = world.active(id, 1).await;
    for (field, value) in [
        ("state", json!("running")),
        ("replicas", json!(2)),
        ("desired_replicas", json!(2)),
        ("ready_replicas", json!(2)),
        ("deploying_release_id", json!(null)),
        ("pending_changes", json!(null)),
        ("error", json!(null)),
        ("warnings", json!([])),
        ("volumes", json!([])),
        ("source", json!({"type": "template", "ref": "miosa-default"})),
    ] {
        assert_eq!(service[field], value, "{field}");
    }
    let settings = &service["settings"];
    assert_eq!((&settings["start_command"], &settings["port"]), (&"httpd -f".into(), &8080.into()));
    assert_eq!(settings["health_check"]["type"], "http");

    let releases = world.get(&format!("{path}/deployments")).await.json();
    assert_eq!(releases["data"].as_array().unwrap().len(), 1);
    let release = &releases["data"][0];
    assert_eq!(release["id"], service["active_release_id"]);
    assert_eq!((&release["state"], &release["number"]), (&"active".into(), &1.into()));
    assert_eq!((&release["reason"], &release["service_id"]), (&json!(null), &id.into()));
    let one = format!("{path}/deployments/{}", release["id"].as_str().unwrap());
    assert_eq!(&world.get(&one).await.twin(200), release);

    let deleted = world.delete(&path).await.twin(200);
    assert_eq!((&deleted["deleted"], &deleted["status"]), (&true.into(), &"destroying".into()));
    let gone = world.until(&path, |it| it["code"] == "NOT_FOUND").await;
    assert!(gone["error"]["details"]["deleted_at"].is_string(), "{gone}");
    let again = world.delete(&path).await.refused(404, "NOT_FOUND");
    assert!(again["message"].as_str().unwrap().contains("already deleted"), "{again}");
    assert_eq!(world.get("/services").await.json()["data"], json!([]));
    for part in ["deployments", "instances", "variables", "logs"] {
        world.get(&format!("{path}/{part}")).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn what_a_service_cannot_be_made_from() {
    let world = World::new().await;
    world.post("/services", json!({"template_ref": "miosa-default"})).await.refused(400, "MISSING_PARAM");
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "s", "kind": "cron"}), "kind"),
        (json!({"name": "s", "slug": "A b"}), "slug"),
        (json!({"name": "s", "project_id": "mine"}), "project_id"),
        (json!({"name": "s", "source": {"type": "git", "ref": "x"}}), "source"),
        (json!({"name": "s", "source": {"type": "template"}}), "source"),
        (json!({"name": "s", "source": "no-such-template"}), "source"),
        (json!({"name": "s", "settings": {"replicas": 51}}), "replicas"),
        (json!({"name": "s", "settings": {"env": {"A=B": "c"}}}), "env"),
        (json!({"name": "s", "volumes": [{"mountPath": "/a"}]}), "volumes"),
    ] {
        let refused = world.post("/services", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
    world.post(&format!("/projects/{NOBODY}/services"), json!({"name": "s"})).await.refused(404, "NOT_FOUND");
    assert_eq!(world.get("/services").await.json()["page"]["total"], 0, "nothing was made");
}

/// Without a source there is nothing to run: the service waits for its first deployment.
#[tokio::test]
async fn a_service_without_a_source_waits() {
    let world = World::new().await;
    let made = world.post("/services", json!({"name": "later"})).await.twin(201);
    let path = format!("/services/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["status"], &made["source"]), (&"pending".into(), &json!(null)));
    world.post(&format!("{path}/redeploy"), json!({})).await.refused(422, "VALIDATION_ERROR");
    for verb in ["restart", "rollback"] {
        world.post(&format!("{path}/{verb}"), json!({})).await.refused(409, "SERVICE_STATE");
    }
    world.post(&format!("{path}/scale"), json!({"replicas": 3})).await.refused(409, "SERVICE_STATE");
    assert_eq!(world.get(&path).await.twin(200)["replicas"], 1, "a refusal changes nothing");
    let body = json!({"source": "miosa-default", "message": "first", "settings": {"replicas": 2}});
    let release = world.post(&format!("{path}/deployments"), body).await.twin(201);
    assert_eq!((&release["number"], &release["message"]), (&1.into(), &"first".into()));
    assert_eq!(world.active(made["id"].as_str().unwrap(), 1).await["ready_replicas"], 2);
}

/// Settings are merged and wait for the next release; a null takes one back.
#[tokio::test]
async fn changed_settings_wait_for_the_next_release() {
    let world = World::new().await;
    let id = world.service(json!({"settings": {"port": 80, "env": {"A": "b"}}})).await;
    let path = format!("/services/{id}");
    let before = world.active(&id, 1).await;
    let body = json!({"name": "renamed", "settings": {"start_command": "new", "port": null}}).to_string();
    for method in [Method::PATCH, Method::PUT] {
        let changed = world.call(method, &path, &body).await.twin(200);
        assert_eq!((&changed["name"], &changed["status"]), (&"renamed".into(), &"running".into()));
        assert_eq!(changed["pending_changes"], json!({"start_command": "new", "port": null}));
        assert_eq!(changed["settings"]["env"], json!({"A": "b"}), "what was not named stays");
        assert_eq!(changed["active_release_id"], before["active_release_id"]);
    }
    assert_eq!(world.get(&format!("{path}/deployments")).await.json()["page"]["total"], 1);
    // Restarting runs the same again; deploying runs what waits.
    let restarted = world.post(&format!("{path}/restart"), json!({})).await.twin(200);
    assert_eq!((&restarted["number"], &restarted["cause"]), (&2.into(), &"restart".into()));
    assert_eq!(restarted["settings"]["port"], 80);
    assert_eq!(world.active(&id, 2).await["pending_changes"]["start_command"], "new");
    let deployed = world.post(&format!("{path}/redeploy"), json!({})).await.twin(200);
    assert_eq!((&deployed["number"], &deployed["settings"]["start_command"]), (&3.into(), &"new".into()));
    assert_eq!(world.active(&id, 3).await["pending_changes"], json!(null));
}

#[tokio::test]
async fn an_old_lock_version_is_stale() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    let path = format!("/services/{id}");
    let version = world.active(&id, 1).await["lock_version"].as_i64().unwrap();
    let change = async |version: i64| {
        let body = json!({"name": format!("by {version}"), "lockVersion": version}).to_string();
        world.call(Method::PATCH, &path, &body).await
    };
    assert_eq!(change(version).await.twin(200)["lock_version"], version + 1);
    let stale = change(version).await.refused(409, "STALE_SERVICE");
    assert_eq!(stale["error"]["details"]["lock_version"], version + 1);
    // A deployment that changes settings counts as well, one that only runs them does not.
    for (body, counted) in [(json!({}), 1), (json!({"settings": {"port": 80}}), 2)] {
        world.post(&format!("{path}/redeploy"), body).await.twin(200);
        assert_eq!(world.get(&path).await.twin(200)["lock_version"], version + counted);
    }
    change(-1).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(world.get(&path).await.twin(200)["name"], format!("by {version}"));
}

#[tokio::test]
async fn replicas_come_and_go() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    let path = format!("/services/{id}");
    world.active(&id, 1).await;
    let scale = async |body: Value| world.post(&format!("{path}/scale"), body).await;
    let release = scale(json!({"replicas": 3})).await.twin(200);
    assert_eq!((&release["number"], &release["settings"]["replicas"]), (&1.into(), &3.into()));
    world.until(&path, |it| it["ready_replicas"] == 3).await;
    let instances = world.get(&format!("{path}/instances")).await.json();
    let seen: Vec<_> =
        instances["data"].as_array().unwrap().iter().map(|it| it["replica"].as_u64()).collect();
    assert_eq!(seen, [Some(0), Some(1), Some(2)]);
    let one = &instances["data"][1];
    assert_eq!((&one["state"], &one["desired_state"]), (&"healthy".into(), &"running".into()));
    assert_eq!((&one["deployment_id"], &one["release_number"]), (&id.as_str().into(), &1.into()));
    assert!(one["metadata"].is_object() && one["started_at"].is_string(), "{one}");
    let instance = format!("{path}/instances/{}", one["id"].as_str().unwrap());
    assert_eq!(&world.get(&instance).await.twin(200), one);
    world.get(&format!("{path}/instances/{NOBODY}")).await.refused(404, "NOT_FOUND");
    assert_eq!(
        world.get(&format!("{path}/runtime-instances?status=healthy")).await.json()["page"]["total"],
        3
    );

    scale(json!({"instances": 0})).await.twin(200);
    let none = world.until(&path, |it| it["ready_replicas"] == 0 && it["status"] == "running").await;
    assert_eq!(none["replicas"], 0);
    for replicas in [json!(51), json!(-1)] {
        let refused = scale(json!({ "replicas": replicas })).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"]["replicas"].is_array(), "{refused}");
    }
    scale(json!({"replicas": "2"})).await.refused(422, "VALIDATION_ERROR");
    scale(json!({"replicas": 2, "region": "mars"})).await.refused(422, "VALIDATION_ERROR");
    scale(json!({})).await.refused(400, "MISSING_PARAM");
    assert_eq!(scale(json!({"replicas": 50, "region": "local", "limits": {}})).await.status, 200);
}

/// Walking with cursors shows each instance once and ends.
#[tokio::test]
async fn instances_are_listed_by_replica_and_in_pages() {
    let world = World::new().await;
    let id = world.service(json!({"replicas": 5})).await;
    world.active(&id, 1).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = world.get(&format!("/services/{id}/instances?limit=2&cursor={cursor}")).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["replica"].as_u64().unwrap()));
        cursor = page["page"]["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((seen, cursor.as_str()), (vec![0, 1, 2, 3, 4], ""));
}

#[tokio::test]
async fn a_stopped_service_stays_stopped() {
    let world = World::new().await;
    let id = world.service(json!({"replicas": 2})).await;
    let path = format!("/services/{id}");
    world.active(&id, 1).await;
    world.post(&format!("{path}/start"), json!({})).await.refused(409, "SERVICE_STATE");
    let stopped = world.call(Method::POST, &format!("{path}/stop"), "").await.twin(200);
    assert_eq!((&stopped["stopped"], &stopped["status"]), (&2.into(), &"stopped".into()));
    let again = world.call(Method::POST, &format!("{path}/stop"), "").await.twin(200);
    assert_eq!(again["stopped"], 0);
    world.call(Method::PATCH, &path, r#"{"settings":{"replicas":3}}"#).await.twin(200);
    let service = world.get(&path).await.twin(200);
    assert_eq!((&service["status"], &service["ready_replicas"]), (&"stopped".into(), &0.into()));
    let started = world.call(Method::POST, &format!("{path}/start"), "").await.twin(200);
    assert_eq!((&started["number"], &started["cause"]), (&2.into(), &"start".into()));
    assert_eq!(world.active(&id, 2).await["ready_replicas"], 3);
}

/// Every list has exactly two keys: published clients take a third one for an object's field.
#[tokio::test]
async fn lists_have_two_keys_and_filters() {
    let world = World::new().await;
    let id = world.service(json!({"name": "a"})).await;
    let service = world.active(&id, 1).await;
    let (release, project) =
        (service["active_release_id"].as_str().unwrap(), service["project_id"].as_str().unwrap());
    let logs =
        json!({"total": 3, "page": 1, "page_size": 3, "per_page": 3, "has_more": false, "next_cursor": null});
    assert_eq!(world.get(&format!("/services/{id}/logs")).await.json()["page"], logs);
    for path in [
        "/services".to_owned(),
        format!("/projects/{project}/services"),
        format!("/services/{id}/deployments"),
        format!("/services/{id}/deployments/{release}/events"),
        format!("/services/{id}/instances"),
        format!("/services/{id}/runtime-instances"),
        format!("/services/{id}/variables"),
        format!("/services/{id}/variables/effective"),
        format!("/services/{id}/logs"),
        "/deployments".into(),
        format!("/deployments/{id}/versions"),
        format!("/deployments/{id}/releases"),
        format!("/deployments/{id}/runtime-instances"),
        format!("/deployments/{id}/logs"),
        "/projects".into(),
        format!("/projects/{project}/environments"),
    ] {
        let list = world.get(&path).await.json();
        let keys: BTreeSet<_> = list.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["data", "page"]), "{path}");
        assert!(list["data"].is_array(), "{path}");
    }
    world.post("/services", json!({"name": "b"})).await.twin(201);
    for (query, names) in [
        ("", vec!["b", "a"]),
        ("name=a", vec!["a"]),
        ("status=pending", vec!["b"]),
        ("state=running&env=production", vec!["a"]),
        ("env=staging", vec![]),
        ("status=unheard-of", vec![]),
        ("region=mars", vec![]),
        ("limit=1", vec!["b"]),
        (&format!("project_id={NOBODY}"), vec![]),
    ] {
        let list = world.get(&format!("/services?{query}")).await.json();
        let seen: Vec<_> =
            list["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(seen, names, "{query}");
    }
    let failed = world.get(&format!("/services/{id}/deployments?status=failed")).await.json();
    assert_eq!(failed["data"], json!([]));
}

/// What is another tenant's is not there, whatever is tried with it.
#[tokio::test]
async fn another_tenants_service_is_not_found() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    let service = world.active(&id, 1).await;
    let release = service["active_release_id"].as_str().unwrap();
    let instances = world.get(&format!("/services/{id}/instances")).await.json();
    let instance = instances["data"][0]["id"].as_str().unwrap();
    world.store.create_tenant("other", "Other", now()).await.unwrap();
    let tenant = [("x-miosa-tenant", "other")];
    let path = format!("/services/{id}");
    let mut calls: Vec<(Method, String)> =
        ["", "/deployments", "/instances", "/logs", "/variables", "/variables/effective"]
            .iter()
            .map(|part| (Method::GET, format!("{path}{part}")))
            .collect();
    for verb in ["start", "stop", "restart", "redeploy", "rollback", "scale", "deployments", "promote"] {
        calls.push((Method::POST, format!("{path}/{verb}")));
    }
    for verb in ["rollback", "redeploy", "cancel"] {
        calls.push((Method::POST, format!("/service-deployments/{release}/{verb}")));
    }
    calls.extend([
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::DELETE, format!("/service-deployments/{release}")),
        (Method::GET, format!("{path}/deployments/{release}")),
        (Method::GET, format!("{path}/instances/{instance}")),
        (Method::GET, format!("/computers/{instance}")),
        (Method::GET, format!("/releases/{release}")),
        (Method::GET, format!("/deployments/{id}")),
    ]);
    for (method, path) in calls {
        let body = json!({"name": "mine", "replicas": 2, "release_id": release}).to_string();
        world.call_with(method, &path, &tenant, &body).await.refused(404, "NOT_FOUND");
    }
    let theirs =
        world.call_with(Method::POST, "/services", &tenant, r#"{"name":"b","template_ref":"miosa-default"}"#);
    let theirs = theirs.await.twin(201)["id"].as_str().unwrap().to_owned();
    // Nor does a release become another service's by its id.
    let body = json!({"release_id": release}).to_string();
    let promote = format!("/services/{theirs}/promote");
    world.call_with(Method::POST, &promote, &tenant, &body).await.refused(404, "NOT_FOUND");
    assert_eq!(world.get(&path).await.twin(200), service, "nothing was changed");
}

/// Repeated calls with a key change nothing and answer what the first one answered.
#[tokio::test]
async fn keys_are_replayed() {
    let world = World::new().await;
    let keyed = async |method: Method, path: &str, body: &str| {
        world.call_with(method, path, &[("idempotency-key", "k")], body).await
    };
    let body = r#"{"name":"s","template_ref":"miosa-default"}"#;
    let first = keyed(Method::POST, "/services", body).await;
    let id = first.twin(201)["id"].as_str().unwrap().to_owned();
    world.active(&id, 1).await;
    let path = format!("/services/{id}");
    for (method, path, body) in [
        (Method::POST, "/services".to_owned(), body),
        (Method::POST, format!("{path}/scale"), r#"{"replicas":2}"#),
        (Method::POST, format!("{path}/deployments"), "{}"),
        (Method::PATCH, path.clone(), r#"{"name":"t"}"#),
        (Method::PUT, format!("{path}/variables"), r#"{"A":"b"}"#),
        (Method::POST, format!("{path}/stop"), ""),
        (Method::DELETE, path.clone(), ""),
    ] {
        let one = keyed(method.clone(), &path, body).await;
        let other = keyed(method, &path, body).await;
        assert!(one.status.is_success(), "{one:?}");
        assert_eq!((other.header("idempotent-replayed"), &other.body), (Some("true"), &one.body), "{path}");
    }
    assert_eq!(keyed(Method::POST, "/services", body).await.body, first.body);
    keyed(Method::POST, "/services", r#"{"name":"u"}"#).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

/// The server died between the change and its answer: the repeated call answers the object as it is, in the shape of its route.
#[tokio::test]
async fn lost_answers_are_made_again() {
    let world = World::new().await;
    let id = world.service(json!({"env": {"A": "b"}, "replicas": 2})).await;
    world.active(&id, 1).await;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {KEY}").parse().unwrap())]);
    let caller = authenticate(&world.app, &headers).await.unwrap();
    let service_id: ServiceId = id.parse().unwrap();
    let key = [("idempotency-key", "k")];
    let keyed = |method: &Method, path: &str, body: &str| {
        let keys = HeaderMap::from_iter([("idempotency-key".parse().unwrap(), "k".parse().unwrap())]);
        idempotency::key(&keys, &caller, method, (path, None), body.as_bytes()).unwrap()
    };

    let scale = format!("/services/{id}/scale");
    let body = r#"{"replicas":3}"#;
    world.app.scale_service(&caller, service_id, 3, keyed(&Method::POST, &scale, body)).await.unwrap();
    let again = world.call_with(Method::POST, &scale, &key, body).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((&again.twin(200)["number"], &again.json()["settings"]["replicas"]), (&1.into(), &3.into()));

    for (path, field, value) in [
        (format!("/services/{id}/deployments"), "number", json!(2)),
        (format!("/deployments/{id}/redeploy"), "instances", json!(3)),
    ] {
        let ask = Default::default();
        world.app.deploy_service(&caller, service_id, ask, keyed(&Method::POST, &path, "{}")).await.unwrap();
        let again = world.call_with(Method::POST, &path, &key, "{}").await;
        let status = if path.ends_with("deployments") { 201 } else { 200 };
        assert_eq!(again.twin(status)[field], value, "{path}");
    }

    let variables = format!("/services/{id}/variables");
    let change = Default::default();
    let put = keyed(&Method::PUT, &variables, "{}");
    world.app.update_service(&caller, service_id, change, put).await.unwrap();
    let again = world.call_with(Method::PUT, &variables, &key, "{}").await.json();
    assert_eq!(again["data"], json!([{"name": "A", "value": "b"}]));

    let stop = format!("/services/{id}/stop");
    world.active(&id, 3).await;
    world.app.stop_service(&caller, service_id, keyed(&Method::POST, &stop, "")).await.unwrap();
    let again = world.call_with(Method::POST, &stop, &key, "").await.twin(200);
    assert_eq!((&again["stopped"], &again["status"]), (&3.into(), &"stopped".into()));

    let path = format!("/services/{id}");
    world.app.delete_service(&caller, service_id, keyed(&Method::DELETE, &path, "")).await.unwrap();
    assert_eq!(world.call_with(Method::DELETE, &path, &key, "").await.twin(200)["deleted"], true);
}

#[tokio::test]
async fn variables_are_merged_and_wait() {
    let world = World::new().await;
    let id = world.service(json!({"env": {"A": "b", "B": "c"}, "port": 8080})).await;
    let path = format!("/services/{id}/variables");
    world.active(&id, 1).await;
    let list = async |answer: Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        answer["data"].as_array().unwrap().iter().map(|it| (text(&it["name"]), text(&it["value"]))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    };
    for (body, all) in [
        (json!({"variables": {"B": "d", "C": 1}}), pairs(&[("A", "b"), ("B", "d"), ("C", "1")])),
        (json!([{"name": "C", "value": "e"}]), pairs(&[("A", "b"), ("B", "d"), ("C", "e")])),
        (json!({"D": "f", "A": null}), pairs(&[("B", "d"), ("C", "e"), ("D", "f")])),
    ] {
        let changed = world.call(Method::PUT, &path, &body.to_string()).await.json();
        assert_eq!(list(changed).await, all, "{body}");
        assert_eq!(list(world.get(&path).await.json()).await, all);
    }
    let service = world.get(&format!("/services/{id}")).await.twin(200);
    assert_eq!(service["pending_changes"], json!({"env": {"B": "d", "C": "e", "D": "f"}}));
    for body in ["[1]", "5", r#"{"A=B":"c"}"#, r#"{"variables":{"A":{}}}"#, r#"{"A":"\u0000"}"#] {
        let refused = world.call(Method::PUT, &path, body).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"]["variables"].is_array(), "{body}: {refused}");
    }
    world.call(Method::PUT, &path, "{").await.refused(400, "INVALID_JSON");

    let left = world.delete(&format!("{path}/C,D,never")).await.json();
    assert_eq!(list(left).await, pairs(&[("B", "d")]));
    // What runs is still what was deployed.
    let effective = world.get(&format!("{path}/effective")).await.json();
    let all = effective["data"].as_array().unwrap();
    let of = |name: &str| {
        all.iter().find(|it| it["name"] == name).map(|it| (it["value"].clone(), it["source"].clone()))
    };
    assert_eq!(of("A"), Some(("b".into(), "service".into())));
    assert_eq!(of("PORT"), Some(("8080".into(), "server".into())));
    assert_eq!(of("MIOSA_SERVICE_ID"), Some((id.as_str().into(), "server".into())));
    assert_eq!(of("MIOSA_RELEASE"), Some(("1".into(), "server".into())));
    world.post(&format!("/services/{id}/redeploy"), json!({})).await.twin(200);
    world.active(&id, 2).await;
    let effective = world.get(&format!("{path}/effective")).await.json();
    assert!(effective["data"].as_array().unwrap().iter().all(|it| it["name"] != "A"), "{effective}");
}

#[tokio::test]
async fn builds_are_empty_and_addresses_are_refused() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    for build in ["latest", NOBODY] {
        let logs = world.get(&format!("/services/{id}/builds/{build}/logs")).await.twin(200);
        assert_eq!((&logs["logs"], &logs["lines"]), (&"".into(), &json!([])));
    }
    let path = format!("/services/{id}/builds/latest/logs");
    let events = world.call_with(Method::GET, &path, &[("accept", "text/event-stream")], "").await;
    assert_eq!((events.status.as_u16(), events.body.as_str()), (200, ""));
    world
        .call(Method::PUT, &format!("/services/{id}/public-address"), "")
        .await
        .refused(409, "NOT_SUPPORTED");
}
