//! Projects: made, changed, deleted when empty, and how paths name them.

use axum::http::Method;
use serde_json::json;

use super::harness::{NOBODY, World};
use miosa_control::now;

#[tokio::test]
async fn a_project_from_create_to_delete() {
    let world = World::new().await;
    let body = json!({"name": "Web Shop", "workspace_slug": "team-a", "description": "all of it",
                      "metadata": {"cost": 7}, "data": {"postgres": true}});
    let made = world.post("/projects", body).await.twin(201);
    assert_eq!((&made["name"], &made["slug"]), (&"Web Shop".into(), &"web-shop".into()));
    assert_eq!((&made["workspace_id"], &made["is_default"]), (&"team-a".into(), &false.into()));
    assert_eq!((&made["metadata"], &made["description"]), (&json!({"cost": "7"}), &"all of it".into()));
    let path = format!("/projects/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.twin(200), made);
    for method in [Method::PATCH, Method::PUT] {
        let body = json!({"name": method.as_str(), "slug": "shop"}).to_string();
        let changed = world.call(method.clone(), &path, &body).await.twin(200);
        assert_eq!((&changed["name"], &changed["slug"]), (&method.as_str().into(), &"shop".into()));
        assert_eq!(changed["description"], made["description"], "what was not named stays");
    }
    let deleted = world.delete(&path).await.twin(200);
    assert_eq!((&deleted["deleted"], &deleted["id"]), (&true.into(), &made["id"]));
    let gone = world.delete(&path).await.refused(404, "NOT_FOUND");
    assert!(gone["error"]["details"]["deleted_at"].is_string(), "{gone}");
    world.get(&path).await.refused(404, "NOT_FOUND");
    world.post("/volumes", json!({"name": "v", "project_id": made["id"]})).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn each_field_of_a_project_is_checked() {
    let world = World::without_agent().await;
    world.post("/projects", json!({})).await.refused(400, "MISSING_PARAM");
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "p", "slug": "A b"}), "slug"),
        (json!({"name": "p", "description": "x".repeat(5000)}), "description"),
        (json!({"name": "p", "workspace_id": "a\nb"}), "workspace_id"),
        (json!({"name": "p", "metadata": []}), "metadata"),
    ] {
        let refused = world.post("/projects", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
    assert_eq!(world.get("/projects").await.json()["page"]["total"], 1, "only the default one is there");
}

#[tokio::test]
async fn the_default_project_has_a_name_of_its_own_and_stays() {
    let world = World::new().await;
    let default = world.get("/projects/default").await.twin(200);
    assert_eq!(default["is_default"], true);
    let path = format!("/projects/{}", default["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.twin(200), default);
    for path in [path.as_str(), "/projects/default"] {
        world.delete(path).await.refused(409, "PROJECT_IN_USE");
    }
    let renamed = world.call(Method::PATCH, "/projects/default", r#"{"name":"main"}"#).await.twin(200);
    assert_eq!((&renamed["name"], &renamed["id"]), (&"main".into(), &default["id"]));
    let volume = world.post("/volumes", json!({"name": "v"})).await.twin(201);
    assert_eq!(volume["project_id"], default["id"]);
    // A word in the same place is another route's.
    world.get("/projects/data-services").await.refused(400, "INVALID_ID");
    let id = volume["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/projects/data-services/{id}")).await.twin(200)["id"], id);
}

/// Whatever is still in a project keeps it, and is named.
#[tokio::test]
async fn only_an_empty_project_goes() {
    let world = World::new().await;
    let project = world.post("/projects", json!({"name": "p"})).await.twin(201)["id"].clone();
    let path = format!("/projects/{}", project.as_str().unwrap());
    let volume = world.post("/volumes", json!({"name": "v", "project_id": project})).await.twin(201);
    let computer = world.post("/computers", json!({"name": "c", "project_id": project})).await.twin(201);
    let service = world.service(json!({"project_id": project, "replicas": 0})).await;
    let listed = world.get(&format!("{path}/services")).await.json();
    assert_eq!(listed["data"][0]["id"], service);
    let mut there = vec!["volumes", "computers", "services"];
    for (name, object) in [
        ("volumes", format!("/volumes/{}", volume["id"].as_str().unwrap())),
        ("computers", format!("/computers/{}", computer["id"].as_str().unwrap())),
        ("services", format!("/services/{service}")),
    ] {
        let refused = world.delete(&path).await.refused(409, "PROJECT_IN_USE");
        for name in &there {
            assert!(refused["message"].as_str().unwrap().contains(name), "{refused}");
        }
        world.delete(&object).await.twin(200);
        there.retain(|left| *left != name);
    }
    world.delete(&path).await.twin(200);
}

#[tokio::test]
async fn projects_are_listed_by_workspace() {
    let world = World::without_agent().await;
    for (name, workspace) in [("a", "one"), ("b", "two"), ("c", "one")] {
        world.post("/projects", json!({"name": name, "workspaceId": workspace})).await.twin(201);
    }
    let names = async |query: &str, header: &str| -> Vec<String> {
        let headers = [("x-miosa-workspace", header)];
        let list = world.call_with(Method::GET, &format!("/projects?{query}"), &headers, "").await.json();
        list["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("workspace_id=one", "").await, ["c", "a"]);
    assert_eq!(names("", "two").await, ["b"]);
    assert_eq!(names("name=a", "").await, ["a"]);
    assert_eq!(names("limit=2", "").await.len(), 2);
    assert_eq!(names("", "").await.len(), 4);
}

#[tokio::test]
async fn one_environment_and_what_can_be_had() {
    let world = World::without_agent().await;
    let default = world.get("/projects/default").await.twin(200);
    let environments = world.get("/projects/default/environments").await.json();
    assert_eq!(environments["data"].as_array().unwrap().len(), 1);
    let production = &environments["data"][0];
    assert_eq!((&production["name"], &production["id"]), (&"production".into(), &default["id"]));
    let capabilities = world.get("/project-capabilities").await.twin(200);
    assert_eq!(capabilities["source_types"], json!(["template", "image"]));
    assert_eq!((&capabilities["replicas_max"], &capabilities["volume_max_gb"]), (&50.into(), &500.into()));
}

#[tokio::test]
async fn another_tenants_project_is_not_found() {
    let world = World::new().await;
    let made = world.post("/projects", json!({"name": "p"})).await.twin(201);
    let path = format!("/projects/{}", made["id"].as_str().unwrap());
    world.store.create_tenant("other", "Other", now()).await.unwrap();
    let tenant = [("x-miosa-tenant", "other")];
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/environments")),
        (Method::GET, format!("{path}/services")),
        (Method::POST, format!("{path}/services")),
        (Method::POST, format!("{path}/deployments")),
        (Method::GET, format!("/projects/{NOBODY}")),
    ] {
        world.call_with(method, &path, &tenant, r#"{"name":"mine"}"#).await.refused(404, "NOT_FOUND");
    }
    let list = world.call_with(Method::GET, "/projects", &tenant, "").await.json();
    assert_eq!(list["page"]["total"], 1, "their own default one");
    assert_eq!(world.get(&path).await.twin(200), made);
}

#[tokio::test]
async fn keys_are_replayed() {
    let world = World::without_agent().await;
    let keyed = async |method: Method, path: &str, body: &str| {
        world.call_with(method, path, &[("idempotency-key", "k")], body).await
    };
    let made = keyed(Method::POST, "/projects", r#"{"name":"p"}"#).await;
    let again = keyed(Method::POST, "/projects", r#"{"name":"p"}"#).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &made.body));
    let path = format!("/projects/{}", made.json()["id"].as_str().unwrap());
    for (method, body) in [(Method::PATCH, r#"{"name":"q"}"#), (Method::DELETE, "")] {
        let one = keyed(method.clone(), &path, body).await;
        let other = keyed(method, &path, body).await;
        assert_eq!((other.header("idempotent-replayed"), &other.body), (Some("true"), &one.body));
    }
}
