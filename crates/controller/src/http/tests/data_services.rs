//! Data services: volumes by another name, in three spellings of the path, and what is below them.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::harness::{NOBODY, World};
use miosa_control::now;

#[tokio::test]
async fn a_data_service_is_a_volume() {
    let world = World::new().await;
    let made =
        world.post("/data-services", json!({"type": "volume", "name": "shop-db", "size": "medium"})).await;
    let made = made.twin(201);
    assert_eq!((&made["type"], &made["size_gb"]), (&"volume".into(), &50.into()));
    let (id, project) = (made["id"].as_str().unwrap(), made["project_id"].as_str().unwrap());
    assert_eq!(world.get(&format!("/volumes/{id}")).await.twin(200), made);

    let spellings = [
        format!("/data-services/{id}"),
        format!("/projects/data-services/{id}"),
        format!("/projects/default/data-services/{id}"),
        format!("/api/v1/projects/{project}/data-services/{id}"),
    ];
    for (days, path) in spellings.iter().enumerate().map(|(n, path)| (n + 1, path)) {
        assert_eq!(world.get(path).await.twin(200)["id"], id, "{path}");
        for (method, days) in [(Method::PATCH, days), (Method::PUT, days + 10)] {
            let body = json!({"snapshotSchedule": "0 4 * * *", "snapshot_retention_days": days}).to_string();
            let changed = world.call(method, path, &body).await.twin(200);
            assert_eq!(
                (&changed["snapshot_schedule"], &changed["snapshot_retention_days"]),
                (&"0 4 * * *".into(), &days.into()),
                "{path}"
            );
        }
        let json = world.call(Method::PATCH, path, r#"{"snapshot_schedule":"no"}"#).await;
        assert!(json.refused(422, "VALIDATION_ERROR")["errors"]["snapshot_schedule"].is_array());
    }
    for path in ["/data-services", "/projects/default/data-services", "/data-services?type=volume&limit=1"] {
        assert_eq!(world.get(path).await.json()["data"][0]["id"], id, "{path}");
    }
    assert_eq!(world.get("/data-services?type=postgres").await.json()["data"], json!([]));
    world.delete(&spellings[2]).await.twin(200);
    for path in &spellings {
        world.get(path).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn sizes_names_and_types() {
    let world = World::new().await;
    for (body, size_gb) in [
        (json!({"type": "volume", "size": 3}), 3),
        (json!({"type": "volume", "size": "small"}), 10),
        (json!({"size": "large", "name": "n"}), 200),
        (json!({"name": "n"}), 10),
        (json!({"size": null, "sizeGb": 4}), 4),
        (json!({"size": 4, "size_gb": 4}), 4),
        (json!({"size": 1, "size_bytes": 1 << 30}), 1),
    ] {
        let made = world.post("/projects/default/data-services", body.clone()).await.twin(201);
        assert_eq!(made["size_gb"], size_gb, "{body}");
        assert!(
            made["name"].as_str().is_some_and(|name| name == "n" || name.starts_with("volume-")),
            "{made}"
        );
    }
    for (body, field) in [
        (json!({"type": "postgres"}), "type"),
        (json!({"type": 1}), "type"),
        (json!({"size": "huge"}), "size"),
        (json!({"size": 1.5}), "size"),
        (json!({"size": 0}), "size"),
        (json!({"size": 501}), "size"),
        (json!({"size": 2, "size_gb": 3}), "size"),
        (json!({"size": 2, "size_bytes": 1 << 30}), "size_bytes"),
        (json!({"name": ""}), "name"),
        (json!({"size_gb": "2"}), "size_gb"),
        (json!({"backend": "cloud"}), "backend"),
        (json!({"snapshot_retention_days": 0}), "snapshot_retention_days"),
    ] {
        let json = world.post("/data-services", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(json["errors"][field].is_array(), "{body}: {json}");
    }
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 7);
}

/// Everything of a volume is reached below its data service, whichever way the path is written; another project's is not there.
#[tokio::test]
async fn what_is_below_a_volume_is_below_its_data_service() {
    let world = World::new().await;
    let id = world.volume("v").await;
    for base in ["/data-services", "/projects/data-services", "/projects/default/data-services"] {
        let path = format!("{base}/{id}/backups");
        let made = world.post(&path, json!({"name": base})).await.twin(201);
        let snapshot = made["id"].as_str().unwrap();
        let one = format!("{path}/{snapshot}");
        assert_eq!(world.get(&one).await.twin(200)["name"], base);
        assert_eq!(world.get(&one.replace("backups", "snapshots")).await.twin(200)["id"], snapshot);
        let changed = world.call(Method::PATCH, &one, r#"{"protected":true}"#).await.twin(200);
        assert_eq!(changed["protected"], true);
        world.delete(&one).await.refused(409, "PROTECTED");
        let fork =
            world.post(&format!("{base}/{id}/clone"), json!({"snapshot_id": snapshot})).await.twin(201);
        assert_eq!(fork["origin"], json!({"kind": "snapshot", "id": snapshot}));
        world.get(&format!("{base}/{id}/nothing")).await.refused(404, "NOT_FOUND");
        let wrong = world.delete(&path).await;
        wrong.refused(405, "METHOD_NOT_ALLOWED");
        let allow: BTreeSet<_> = wrong.header("allow").unwrap().split(',').map(str::trim).collect();
        assert_eq!(allow, BTreeSet::from(["GET", "HEAD", "POST"]), "{path}");
        world.get(&format!("{base}/no-id/backups")).await.refused(400, "INVALID_ID");
    }
    let metrics = world.get("/metrics").await.body;
    assert!(metrics.contains("route=\"/volumes/{id}/snapshots\""), "counted as the route it is");
    assert!(!metrics.contains(&id));
}

/// Aim: a project in the path bounds what is found below it, in the routes of their own and in the rewritten ones.
#[tokio::test]
async fn a_project_shows_only_its_own() {
    let world = World::new().await;
    let id = world.volume("v").await;
    world.store.create_tenant("other", "Other", now()).await.unwrap();
    let tenant = [("x-miosa-tenant", "other")];
    let made =
        world.call_with(Method::POST, "/data-services", &tenant, r#"{"name":"theirs"}"#).await.twin(201);
    let theirs = made["id"].as_str().unwrap();
    let project = made["project_id"].as_str().unwrap();
    for (project, status, code) in
        [(project, 404, "NOT_FOUND"), (NOBODY, 404, "NOT_FOUND"), ("x", 400, "INVALID_ID")]
    {
        let base = format!("/projects/{project}/data-services");
        world.get(&base).await.refused(status, code);
        world.post(&base, json!({"name": "v"})).await.refused(status, code);
        for part in ["", "/snapshots", "/events"] {
            world.get(&format!("{base}/{id}{part}")).await.refused(status, code);
        }
        world.delete(&format!("{base}/{id}")).await.refused(status, code);
        world.post(&format!("{base}/{id}/backups"), json!({})).await.refused(status, code);
    }
    for path in
        [format!("/projects/default/data-services/{theirs}"), format!("/data-services/{theirs}/backups")]
    {
        world.get(&path).await.refused(404, "NOT_FOUND");
    }
    assert_eq!(world.get(&format!("/volumes/{id}/snapshots")).await.json()["data"], json!([]));
    // A stranger learns nothing of projects either.
    let path = format!("/projects/{project}/data-services/{id}/backups");
    world.call_with(Method::GET, &path, &[("authorization", "")], "").await.refused(401, "invalid_token");
}

/// A repeated call is the same call, however its path is spelled.
#[tokio::test]
async fn a_repeated_key_is_known_in_every_spelling() {
    let world = World::new().await;
    let id = world.volume("v").await;
    let key = [("idempotency-key", "k")];
    let mut seen = BTreeSet::new();
    for path in [
        format!("/data-services/{id}/backups"),
        format!("/volumes/{id}/snapshots"),
        format!("/api/v1/projects/default/data-services/{id}/snapshots/"),
    ] {
        seen.insert(world.call_with(Method::POST, &path, &key, "{}").await.twin(201)["id"].to_string());
    }
    assert_eq!(seen.len(), 1);
    let create = async || world.call_with(Method::POST, "/data-services", &key, r#"{"size":2}"#).await;
    let first: Value = create().await.twin(201);
    let again = create().await;
    assert_eq!((again.header("idempotent-replayed"), again.twin(201)), (Some("true"), first));
}
