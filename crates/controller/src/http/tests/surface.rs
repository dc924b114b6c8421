//! What holds for every route: paths and methods, prefixes, request ids, lengths, the key.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use tower::ServiceExt;

use super::harness::{Answer, KEY, NOBODY, World};
use crate::http::routes;

/// The path with `id` in the place of each of its parameters.
fn named(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

/// Every method of every route, with its path and whether it needs a key.
fn calls() -> Vec<(Method, &'static str, bool)> {
    let calls = routes::table().into_iter().flat_map(|route| {
        let keyed = route.scope.is_some();
        route.methods.into_iter().map(move |method| (method, route.path, keyed))
    });
    calls.collect()
}

#[tokio::test]
async fn the_open_routes_answer_without_a_key() {
    let world = World::new().await;
    let no_key = [("authorization", "")];
    for path in ["/healthz", "/health", "/api/v1/health", "/readyz", "/metrics", "/api/v1/openapi.json"] {
        let answer = world.call_with(Method::GET, path, &no_key, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }
    assert_eq!(world.get("/healthz").await.json(), serde_json::json!({"status": "ok"}));
    assert_eq!(world.get("/openapi.json").await.json()["info"]["title"], "miosa volumes");
    world.volume("counted").await;
    let metrics = world.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    for part in ["miosa_volumes{state=\"available\"} 1", "miosa_agent_sessions 1", "route=\"/volumes\""] {
        assert!(metrics.body.contains(part), "{part} is not in\n{}", metrics.body);
    }
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let world = World::without_agent().await;
    let json = world.get("/readyz").await.refused(503, "UNAVAILABLE");
    let details = &json["error"]["details"];
    assert_eq!((&details["database"], &details["agent_connected"]), (&true.into(), &false.into()));
    assert!(details["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()));
    world.post("/volumes", serde_json::json!({"name": "v"})).await.refused(503, "UNAVAILABLE");
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 0);
}

/// Every keyed route asks for the key before anything else: before the id, the body and the object.
#[tokio::test]
async fn no_route_tells_a_stranger_anything() {
    let world = World::without_agent().await;
    for (method, path, _) in calls().into_iter().filter(|(_, _, keyed)| *keyed) {
        let path = named(path, "no-id");
        for authorization in ["", "Bearer", "Bearer nonsense", "Bearer msk_u_unknown", "Basic msk_u_unknown"]
        {
            let headers = [("authorization", authorization)];
            let answer = world.call_with(method.clone(), &path, &headers, "{not json").await;
            answer.refused(401, "invalid_token");
            assert!(!answer.body.contains("msk_u_unknown"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    let world = World::without_agent().await;
    for path in [
        "/",
        "/nothing",
        "/api/v1",
        "/api/v1/api/v1/api/v1/volumes",
        "/volumes/0198c0de-0000-7000-8000-000000000001/backups",
        "/volumes/0198c0de-0000-7000-8000-000000000001/snapshots/x/nothing",
        "/volumes//undelete/x",
        "/computers/0198c0de-0000-7000-8000-000000000001/files",
        "/computers/0198c0de-0000-7000-8000-000000000001/metrics",
        "/volumes/%ff/undelete/x",
    ] {
        world.get(path).await.refused(404, "NOT_FOUND");
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/volumes", ["GET", "POST"].as_slice()),
        (Method::OPTIONS, "/volumes", &["GET", "POST"]),
        (Method::POST, "/api/v1/volumes/x", &["GET", "PATCH", "PUT", "DELETE"]),
        (Method::GET, "/computers/x/start", &["POST"]),
        (Method::POST, "/healthz", &["GET"]),
    ] {
        let answer = world.call(method, path, "").await;
        answer.refused(405, "METHOD_NOT_ALLOWED");
        let allow: BTreeSet<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        assert!(allowed.iter().all(|method| allow.contains(method)), "{path}: {allow:?}");
    }
}

#[tokio::test]
async fn three_prefixes_and_a_trailing_slash_are_one_api() {
    let world = World::new().await;
    let id = world.volume("v").await;
    for prefix in ["", "/api/v1", "/api/v1/api/v1"] {
        for slash in ["", "/"] {
            let list = world.get(&format!("{prefix}/volumes{slash}?limit=1")).await;
            assert_eq!(list.json()["data"][0]["id"], id.as_str(), "{prefix} {slash}");
            let one = world.get(&format!("{prefix}/volumes/{id}{slash}")).await;
            assert_eq!(one.twin(200)["id"], id.as_str());
        }
    }
}

#[tokio::test]
async fn request_ids_are_echoed_or_made() {
    let world = World::without_agent().await;
    let answer = world.call_with(Method::GET, "/volumes/x", &[("x-request-id", "mine-1")], "").await;
    assert_eq!(answer.refused(400, "INVALID_ID")["request_id"], "mine-1");
    let too_long = "x".repeat(129);
    let answer = world.call_with(Method::GET, "/volumes", &[("x-request-id", &too_long)], "").await;
    assert!(answer.header("x-request-id").unwrap().starts_with("req_"));
}

#[tokio::test]
async fn ids_in_paths_must_be_uuids() {
    let world = World::without_agent().await;
    for (method, path, _) in calls().into_iter().filter(|(_, path, _)| path.contains('{')) {
        for id in ["no-id", "123", "0198c0de00007000800000000000dead", "%00", "%ff", "%F0%9F%98%80"] {
            world.call(method.clone(), &named(path, id), "{}").await.refused(400, "INVALID_ID");
        }
    }
}

/// Objects that are not there, on every route that names one. Bodies are whole, so that nothing else is wrong.
#[tokio::test]
async fn absent_objects_are_not_found() {
    let world = World::new().await;
    for (method, path, _) in calls().into_iter().filter(|(_, path, _)| path.contains('{')) {
        // Of the routes that compare with another one.
        let path = format!("{}?to={NOBODY}", named(path, NOBODY));
        let body = serde_json::json!({
            "command": "true", "volume_id": NOBODY, "name": "n", "release_id": NOBODY, "replicas": 1,
        });
        let body = body.to_string();
        world.call(method.clone(), &path, &body).await.refused(404, "NOT_FOUND");
    }
}

/// A handler that panics answers like any other fault of ours, and the server lives on.
#[tokio::test]
async fn a_panic_is_an_envelope() {
    let boom = axum::routing::get(async || -> StatusCode { panic!("secret") });
    let router = crate::http::layers(axum::Router::new().route("/boom", boom));
    let request = Request::get("/boom").body(Body::empty()).unwrap();
    let answer = Answer::of(router.oneshot(request).await.unwrap()).await;
    answer.refused(500, "INTERNAL_ERROR");
    assert!(!answer.body.contains("secret"));
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let world = World::new().await;
    let id = world.volume("v").await;
    for path in
        ["/volumes".to_owned(), format!("/volumes/{id}"), "/healthz".into(), format!("/volumes/{NOBODY}")]
    {
        let get = world.get(&path).await;
        let head = world.call(Method::HEAD, &path, "").await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
}

#[tokio::test]
async fn large_bodies_are_refused_with_and_without_a_length() {
    let world = World::new().await;
    let just_fits = format!(r#"{{"name":"v","unknown":"{}"}}"#, "x".repeat((1 << 20) - 25));
    assert_eq!(just_fits.len(), 1 << 20);
    assert_eq!(world.call(Method::POST, "/volumes", &just_fits).await.status, StatusCode::CREATED);
    let large = format!("{just_fits} ");
    world.call(Method::POST, "/volumes", &large).await.refused(413, "TOO_LARGE");
    let pieces = std::iter::repeat_n(vec![b' '; 4096], 1024).map(Ok::<_, std::io::Error>);
    let chunked = Request::post("/volumes")
        .header("authorization", format!("Bearer {KEY}"))
        .body(Body::from_stream(futures::stream::iter(pieces)))
        .unwrap();
    world.send(chunked).await.refused(413, "TOO_LARGE");
}

#[tokio::test]
async fn the_tenant_header_selects_only_known_tenants() {
    let world = World::new().await;
    let id = world.volume("v").await;
    let tenant = world.get(&format!("/volumes/{id}")).await.json()["tenant_id"].as_str().unwrap().to_owned();
    for (header, status) in [(tenant.as_str(), 200), ("", 200), ("nobody", 404), (NOBODY, 404)] {
        let answer = world.call_with(Method::GET, "/volumes", &[("x-miosa-tenant", header)], "").await;
        assert_eq!(answer.status.as_u16(), status, "{header}");
    }
}

#[tokio::test]
async fn the_workspace_header_is_a_default() {
    let world = World::new().await;
    let headers = [("x-miosa-workspace", "team-a")];
    let made = world.call_with(Method::POST, "/volumes", &headers, r#"{"name":"v"}"#).await;
    assert_eq!(made.twin(201)["workspace_id"], "team-a");
    let made =
        world.call_with(Method::POST, "/volumes", &headers, r#"{"name":"w","workspace_id":"b"}"#).await;
    assert_eq!(made.twin(201)["workspace_id"], "b");
    let list = world.call_with(Method::GET, "/volumes", &headers, "").await.json();
    assert_eq!((&list["page"]["total"], &list["data"][0]["name"]), (&1.into(), &"v".into()));
}
