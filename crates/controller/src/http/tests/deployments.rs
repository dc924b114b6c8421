//! Deployments: services in the words of clients that refuse any other.

use axum::http::Method;
use serde_json::{Value, json};

use super::harness::{NOBODY, World};

/// The deployment once version `number` is served.
async fn running(world: &World, id: &str, number: u64) -> Value {
    let path = format!("/deployments/{id}");
    world.until(&path, |it| it["state"] == "running" && it["active_version_number"] == number).await
}

const DEPLOYMENT_STATES: [&str; 5] = ["pending", "building", "running", "stopped", "failed"];
const VERSION_STATES: [&str; 5] = ["created", "building", "ready", "failed", "archived"];
const INSTANCE_STATES: [&str; 7] =
    ["provisioning", "starting", "healthy", "unhealthy", "error", "stopped", "destroyed"];

/// What a strict client breaks without.
#[track_caller]
fn whole(object: &Value, states: &[&str], texts: &[&str], objects: &[&str]) {
    for field in texts {
        assert!(object[*field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {object}");
    }
    for field in objects {
        assert!(object[*field].is_object(), "{field}: {object}");
    }
    assert!(states.contains(&object["state"].as_str().unwrap()), "{object}");
}

#[track_caller]
fn whole_deployment(deployment: &Value) {
    whole(deployment, &DEPLOYMENT_STATES, &["id", "tenant_id", "name", "slug"], &["metadata"]);
    assert_eq!((&deployment["auto_deploy"], &deployment["source_type"]), (&false.into(), &json!(null)));
}

#[track_caller]
fn whole_version(version: &Value) {
    let texts = ["id", "deployment_id", "tenant_id", "kind"];
    whole(version, &VERSION_STATES, &texts, &["artifact_manifest", "metadata"]);
    assert!(version["version_number"].is_u64() && version["kind"] == "dynamic", "{version}");
}

async fn items(world: &World, path: &str) -> Vec<Value> {
    world.get(path).await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_deployment_is_a_service() {
    let world = World::new().await;
    let source = json!({"type": "template", "ref": "miosa-default"});
    let body = json!({"name": "Shop", "kind": "dynamic", "source": source, "instances": 2, "port": 80});
    let made = world.post("/deployments", body).await.twin(201);
    whole_deployment(&made);
    let id = made["id"].as_str().unwrap();
    let path = format!("/deployments/{id}");
    let deployment = running(&world, id, 1).await;
    whole_deployment(&deployment);
    assert_eq!((&deployment["instances"], &deployment["ready_instances"]), (&2.into(), &2.into()));
    let service = world.get(&format!("/services/{id}")).await.twin(200);
    assert_eq!(
        (&service["active_release_id"], &service["settings"]["port"]),
        (&deployment["active_version_id"], &80.into())
    );
    for method in [Method::PATCH, Method::PUT] {
        let body = json!({ "name": method.as_str() }).to_string();
        let renamed = world.call(method.clone(), &path, &body).await.twin(200);
        assert_eq!(renamed["name"], method.as_str());
    }
    for (query, count) in
        [("", 1), ("status=running", 1), ("state=stopped", 0), ("name=PUT", 1), ("status=deploying", 0)]
    {
        assert_eq!(items(&world, &format!("/deployments?{query}")).await.len(), count, "{query}");
    }
    let scaled = world.post(&format!("{path}/scale"), json!({"instances": 3})).await.twin(200);
    assert_eq!(scaled["instances"], 3);
    world.post(&format!("{path}/scale"), json!({"instances": 51})).await.refused(422, "VALIDATION_ERROR");
    let redeployed = world.call(Method::POST, &format!("{path}/redeploy"), "").await.twin(200);
    whole_deployment(&redeployed);
    running(&world, id, 2).await;
    let stopped = world.call(Method::POST, &format!("{path}/stop"), "").await.twin(200);
    assert_eq!(stopped["state"], "stopped");
    whole_deployment(&stopped);
    assert_eq!(world.delete(&path).await.twin(200)["deleted"], true);
    let gone = world.until(&path, |it| it["code"] == "NOT_FOUND").await;
    assert!(gone["error"]["details"]["deleted_at"].is_string(), "{gone}");
    for part in ["versions", "releases", "runtime-instances", "logs"] {
        world.get(&format!("{path}/{part}")).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn what_a_deployment_cannot_be_made_from() {
    let world = World::new().await;
    world.post("/deployments", json!({})).await.refused(400, "MISSING_PARAM");
    for (body, field) in [
        (json!({"name": "d", "kind": "static"}), "kind"),
        (json!({"name": "d", "source_type": "git"}), "source_type"),
        (json!({"name": "d", "source": "no-such-template"}), "source"),
        (json!({"name": "d", "instances": 51}), "replicas"),
    ] {
        let refused = world.post("/deployments", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
    assert_eq!(world.get("/deployments").await.json()["page"]["total"], 0, "nothing was made");
    let project = world.post("/projects", json!({"name": "p"})).await.twin(201)["id"].clone();
    let path = format!("/projects/{}/deployments", project.as_str().unwrap());
    let made = world.post(&path, json!({"name": "d"})).await.twin(201);
    assert_eq!((&made["state"], &made["project_id"]), (&"pending".into(), &project));
}

/// Versions and releases are the service's releases, in other words and with the same ids.
#[tokio::test]
async fn versions_and_their_releases() {
    let world = World::new().await;
    let id = world.service(json!({})).await;
    let path = format!("/deployments/{id}");
    running(&world, &id, 1).await;
    for (command, state) in [("two", "ready"), ("crash", "failed"), ("sick", "building")] {
        let body = json!({"settings": {"start_command": command}, "message": command});
        world.post(&format!("{path}/redeploy"), body).await.twin(200);
        world.until(&format!("{path}/versions?limit=1"), |it| it["data"][0]["state"] == state).await;
    }
    let versions = items(&world, &format!("{path}/versions")).await;
    let seen: Vec<_> = versions
        .iter()
        .map(|it| (it["version_number"].as_u64().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(4, "building"), (3, "failed"), (2, "ready"), (1, "archived")]);
    assert!(versions[1]["error"].as_str().unwrap().contains("ended 3 times"), "{versions:?}");
    assert_eq!(versions[2]["message"], "two");
    let releases = items(&world, &format!("{path}/releases")).await;
    assert_eq!(releases.len(), 4);
    for (version, release) in versions.iter().zip(&releases) {
        whole_version(version);
        let texts = ["id", "deployment_version_id", "tenant_id", "kind"];
        whole(release, &VERSION_STATES, &texts, &["artifact_manifest", "metadata"]);
        let one = version["id"].as_str().unwrap();
        assert_eq!(&world.get(&format!("{path}/versions/{one}")).await.twin(200), version);
        for same in [
            format!("{path}/releases/{one}"),
            format!("{path}/versions/{one}/release"),
            format!("/releases/{one}"),
        ] {
            assert_eq!(&world.get(&same).await.twin(200), release, "{same}");
        }
    }
    for (query, count) in [
        ("status=archived", 1),
        ("state=ready", 1),
        ("status=active", 0),
        ("limit=3", 3),
        ("limit=3&offset=3", 1),
    ] {
        assert_eq!(items(&world, &format!("{path}/versions?{query}")).await.len(), count, "{query}");
        assert_eq!(items(&world, &format!("{path}/releases?{query}")).await.len(), count, "{query}");
    }
    let other = world.service(json!({})).await;
    let first = versions[3]["id"].as_str().unwrap();
    for part in
        [format!("versions/{first}"), format!("versions/{first}/release"), format!("releases/{first}")]
    {
        world.get(&format!("/deployments/{other}/{part}")).await.refused(404, "NOT_FOUND");
    }
}

/// Promotions and rollbacks answer the deployment; what was never good is refused.
#[tokio::test]
async fn promotions_and_rollbacks_answer_the_deployment() {
    let world = World::new().await;
    let id = world.service(json!({"start_command": "one"})).await;
    let path = format!("/deployments/{id}");
    running(&world, &id, 1).await;
    for command in ["two", "crash"] {
        world
            .post(&format!("{path}/redeploy"), json!({"settings": {"start_command": command}}))
            .await
            .twin(200);
        let newest = format!("{path}/versions?limit=1");
        world
            .until(&newest, |it| !["created", "building"].contains(&it["data"][0]["state"].as_str().unwrap()))
            .await;
    }
    let versions = items(&world, &format!("{path}/versions")).await;
    let [bad, two, one] = [0, 1, 2].map(|at| versions[at]["id"].as_str().unwrap());

    let promote = async |part: String, body: Value| world.post(&format!("{path}/{part}/promote"), body).await;
    let promoted = promote(format!("versions/{one}"), json!({"environment": "production"})).await.twin(200);
    whole_deployment(&promoted);
    assert_eq!(promoted["id"], id);
    running(&world, &id, 4).await;
    promote(format!("releases/{two}"), json!({})).await.twin(200);
    running(&world, &id, 5).await;
    for part in [format!("versions/{bad}"), format!("releases/{bad}")] {
        promote(part, json!({})).await.refused(409, "RELEASE_STATE");
    }
    promote(format!("versions/{one}"), json!({"environment": "staging"}))
        .await
        .refused(422, "VALIDATION_ERROR");
    promote(format!("versions/{NOBODY}"), json!({})).await.refused(404, "NOT_FOUND");

    let rollback = async |body: Value| world.post(&format!("{path}/rollback"), body).await;
    whole_deployment(&rollback(json!({})).await.twin(200));
    running(&world, &id, 6).await;
    assert_eq!(world.get(&format!("/services/{id}")).await.twin(200)["settings"]["start_command"], "one");
    rollback(json!({"version_id": two})).await.twin(200);
    running(&world, &id, 7).await;
    rollback(json!({"version_id": bad})).await.refused(409, "RELEASE_STATE");
    rollback(json!({"version_id": NOBODY})).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn instances_and_their_logs() {
    let world = World::new().await;
    let id = world.service(json!({"replicas": 2})).await;
    let path = format!("/deployments/{id}/runtime-instances");
    running(&world, &id, 1).await;
    let instances = items(&world, &path).await;
    assert_eq!(instances.len(), 2);
    for instance in &instances {
        whole(instance, &INSTANCE_STATES, &["id", "tenant_id", "deployment_id"], &["metadata"]);
        assert_eq!(
            &world.get(&format!("{path}/{}", instance["id"].as_str().unwrap())).await.twin(200),
            instance
        );
    }
    let one = instances[0]["id"].as_str().unwrap();
    let logs = world.get(&format!("{path}/{one}/logs?lines=2")).await.twin(200);
    let expected = json!({"runtime_instance_id": one, "deployment_id": id, "log_path": null, "logs": "line 1\nline 2\n"});
    assert_eq!(logs, expected);
    world.get(&format!("{path}/{NOBODY}/logs")).await.refused(404, "NOT_FOUND");
    let other = world.service(json!({})).await;
    world.get(&format!("/deployments/{other}/runtime-instances/{one}/logs")).await.refused(404, "NOT_FOUND");
    assert_eq!(items(&world, &format!("/deployments/{id}/logs")).await.len(), 6);
}

#[tokio::test]
async fn keys_are_replayed() {
    let world = World::new().await;
    let keyed = async |path: &str, body: &str| {
        world.call_with(Method::POST, path, &[("idempotency-key", "k")], body).await
    };
    let body = r#"{"name":"d","source":"miosa-default"}"#;
    let made = keyed("/deployments", body).await;
    assert_eq!(keyed("/deployments", body).await.body, made.body);
    let id = made.twin(201)["id"].as_str().unwrap().to_owned();
    running(&world, &id, 1).await;
    for (verb, body) in [("scale", r#"{"instances":2}"#), ("redeploy", ""), ("stop", "")] {
        let path = format!("/deployments/{id}/{verb}");
        let one = keyed(&path, body).await;
        one.twin(200);
        let other = keyed(&path, body).await;
        assert_eq!((other.header("idempotent-replayed"), &other.body), (Some("true"), &one.body), "{verb}");
    }
    assert_eq!(world.get(&format!("/deployments/{id}/versions")).await.json()["page"]["total"], 2);
}
