//! Bad bodies: each is refused with the field's name, and none is a 5xx.

use axum::http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::harness::{NOBODY, World};

#[tokio::test]
async fn each_field_of_a_volume_is_checked() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for (body, status, code, field) in [
        (json!({}), 400, "MISSING_PARAM", "name"),
        (json!({"name": null}), 400, "MISSING_PARAM", "name"),
        (json!({"name": ""}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": "   "}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": "a\u{0}b"}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": "a\u{1b}[31m"}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": long}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": ["v"]}), 422, "VALIDATION_ERROR", "name"),
        (json!({"name": "v", "size_gb": 0}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": -1}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": 501}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": 10_000_000}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": i64::MAX}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": u64::MAX}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": 1.5}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_gb": "50"}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "size_bytes": 1}), 422, "VALIDATION_ERROR", "size_bytes"),
        (
            json!({"name": "v", "size_gb": 1, "size_bytes": 2_147_483_648_u64}),
            422,
            "VALIDATION_ERROR",
            "size_bytes",
        ),
        (json!({"name": "v", "size_gb": 1, "sizeGb": 1}), 422, "VALIDATION_ERROR", "size_gb"),
        (json!({"name": "v", "backend": "ceph"}), 422, "VALIDATION_ERROR", "backend"),
        (json!({"name": "v", "region": "mars"}), 422, "VALIDATION_ERROR", "region"),
        (json!({"name": "v", "project_id": "mine"}), 422, "VALIDATION_ERROR", "project_id"),
        (json!({"name": "v", "workspace_id": "a\nb"}), 422, "VALIDATION_ERROR", "workspace_id"),
        (json!({"name": "v", "metadata": "x"}), 422, "VALIDATION_ERROR", "metadata"),
        (json!({"name": "v", "metadata": {"k": "x".repeat(70_000)}}), 422, "VALIDATION_ERROR", "metadata"),
        (json!({"name": "v", "delete_protection": 1}), 422, "VALIDATION_ERROR", "delete_protection"),
        (json!({"name": "v", "snapshot_schedule": "daily"}), 422, "VALIDATION_ERROR", "snapshot_schedule"),
        (
            json!({"name": "v", "snapshot_retention_days": 366}),
            422,
            "VALIDATION_ERROR",
            "snapshot_retention_days",
        ),
    ] {
        let refused = world.post("/volumes", body).await.refused(status, code);
        assert!(refused["errors"][field].is_array(), "{field}: {refused}");
    }
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 0, "nothing was made");
}

#[tokio::test]
async fn each_field_of_a_computer_is_checked() {
    let world = World::new().await;
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"template_type": "no-such-template"}), "template_type"),
        (json!({"template": 3}), "template"),
        (json!({"size": "huge"}), "size"),
        (json!({"network": "bridge"}), "network"),
        (json!({"env": {"A": 1}}), "env"),
        (json!({"env": {"A=B": "c"}}), "env"),
        (json!({"env": ["A=B"]}), "env"),
        (json!({"command": ""}), "command"),
        (json!({"command": []}), "command"),
        (json!({"command": ["a", "b\u{0}"]}), "command"),
        (json!({"command": {"a": 1}}), "command"),
        (json!({"visibility": "secret"}), "visibility"),
        (json!({"metadata": 1}), "metadata"),
        (json!({"region": "mars"}), "region"),
        (json!({"project_id": "p"}), "project_id"),
        (json!({"host_id": "h"}), "host_id"),
        (json!({"external_user_id": "a\u{7}"}), "external_user_id"),
        (json!({"auto_start": "yes"}), "auto_start"),
    ] {
        let refused = world.post("/computers", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert!(refused["errors"][field].is_array(), "{body}: {refused}");
    }
    assert_eq!(world.get("/computers").await.json()["page"]["total"], 0, "nothing was made");
}

#[tokio::test]
async fn each_field_of_an_attachment_and_a_command_is_checked() {
    let world = World::new().await;
    let computer = format!("/computers/{}", world.computer("c").await);
    let volume = world.volume("v").await;
    let (volumes, exec) = (format!("{computer}/volumes"), format!("{computer}/exec"));
    for (path, body, status, field) in [
        (&volumes, json!({}), 400, "volume_id"),
        (&volumes, json!({"volume_id": "x"}), 422, "volume_id"),
        (&volumes, json!({"volume_id": 1}), 422, "volume_id"),
        (&volumes, json!({"volume_id": volume, "mount_path": "relative"}), 422, "mount_path"),
        (&volumes, json!({"volume_id": volume, "mount_path": "/"}), 422, "mount_path"),
        (&volumes, json!({"volume_id": volume, "mount_path": "/a/../b"}), 422, "mount_path"),
        (&volumes, json!({"volume_id": volume, "mount_path": "/etc/x"}), 422, "mount_path"),
        (&volumes, json!({"volume_id": volume, "mount_path": "/m\u{0}"}), 422, "mount_path"),
        (
            &volumes,
            json!({"volume_id": volume, "mount_path": format!("/{}", "m".repeat(255))}),
            422,
            "mount_path",
        ),
        (&volumes, json!({"volume_id": volume, "read_only": "no"}), 422, "read_only"),
        (&exec, json!({}), 400, "command"),
        (&exec, json!({"command": " "}), 422, "command"),
        (&exec, json!({"command": "a\u{0}"}), 422, "command"),
        (&exec, json!({"command": "x".repeat(200_000)}), 422, "command"),
        (&exec, json!({"command": "x", "timeout": 0}), 422, "timeout"),
        (&exec, json!({"command": "x", "timeout": u64::MAX}), 422, "timeout"),
        (&exec, json!({"command": "x", "timeout": -1}), 422, "timeout"),
        (&exec, json!({"command": "x", "cwd": "here"}), 422, "cwd"),
        (&exec, json!({"command": "x", "env": {"": "x"}}), 422, "env"),
    ] {
        let answer = world.post(path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
        assert!(answer.envelope()["errors"][field].is_array(), "{body}: {answer:?}");
    }
    world.post(&volumes, json!({"volume_id": NOBODY})).await.refused(404, "NOT_FOUND");
    // An empty path is no path.
    assert_eq!(
        world.post(&volumes, json!({"volume_id": volume, "mount_path": ""})).await.twin(201)["mount_path"],
        "/mnt/data"
    );
}

#[tokio::test]
async fn what_is_not_json_is_refused_on_every_route_with_a_body() {
    let world = World::new().await;
    let (volume, computer) = (world.volume("v").await, world.computer("c").await);
    let (snapshot, service) = (world.snapshot(&volume).await, world.service(json!({})).await);
    for (method, path) in bodies(&volume, &computer, &snapshot, &service) {
        for body in ["{", "name=v", "{\"name\":}", "\u{0}", "nul", "{}{}", "'a'"] {
            world.call(method.clone(), &path, body).await.refused(400, "INVALID_JSON");
        }
        for body in ["[]", "null", "\"text\"", "5", "true"] {
            world.call(method.clone(), &path, body).await.refused(422, "VALIDATION_ERROR");
        }
    }
}

/// Every route that reads a body.
fn bodies(volume: &str, computer: &str, snapshot: &str, service: &str) -> Vec<(Method, String)> {
    vec![
        (Method::POST, "/volumes".into()),
        (Method::PATCH, format!("/volumes/{volume}")),
        (Method::PUT, format!("/volumes/{volume}")),
        (Method::POST, format!("/volumes/{volume}/resize")),
        (Method::POST, format!("/volumes/{volume}/clone")),
        (Method::POST, format!("/volumes/{volume}/restore")),
        (Method::POST, format!("/volumes/{volume}/snapshots")),
        (Method::PATCH, format!("/volumes/{volume}/snapshots/{snapshot}")),
        (Method::POST, format!("/volumes/{volume}/snapshots/{snapshot}/restore")),
        (Method::PATCH, format!("/volume-snapshots/{snapshot}")),
        (Method::POST, format!("/volume-snapshots/{snapshot}/restore")),
        (Method::POST, "/volume-snapshots/prune".into()),
        (Method::POST, "/data-services".into()),
        (Method::POST, "/projects/default/data-services".into()),
        (Method::PATCH, format!("/projects/default/data-services/{volume}")),
        (Method::POST, format!("/data-services/{volume}/backups")),
        (Method::POST, "/computers".into()),
        (Method::PATCH, format!("/computers/{computer}")),
        (Method::POST, format!("/computers/{computer}")),
        (Method::POST, format!("/computers/{computer}/volumes")),
        (Method::POST, format!("/computers/{computer}/exec")),
        (Method::POST, format!("/computers/{computer}/exec/python")),
        (Method::POST, "/projects".into()),
        (Method::PATCH, "/projects/default".into()),
        (Method::POST, "/services".into()),
        (Method::POST, "/projects/default/services".into()),
        (Method::PATCH, format!("/services/{service}")),
        (Method::POST, format!("/services/{service}/scale")),
        (Method::POST, format!("/services/{service}/deployments")),
        (Method::POST, format!("/services/{service}/promote")),
        (Method::POST, format!("/services/{service}/rollback")),
        (Method::POST, format!("/services/{service}/start")),
        (Method::POST, "/deployments".into()),
        (Method::PATCH, format!("/deployments/{service}")),
        (Method::POST, format!("/deployments/{service}/scale")),
        (Method::POST, format!("/deployments/{service}/rollback")),
    ]
}

/// Names that mean something, so that arbitrary values reach every check.
const FIELDS: [&str; 59] = [
    "name",
    "type",
    "size_gb",
    "sizeGb",
    "size_bytes",
    "backend",
    "region",
    "project_id",
    "workspace_id",
    "metadata",
    "delete_protection",
    "snapshot_schedule",
    "snapshot_retention_days",
    "before_snapshot",
    "hook_timeout_seconds",
    "snapshot_id",
    "protected",
    "now",
    "ttl",
    "as_new",
    "force",
    "dry_run",
    "template_type",
    "template",
    "size",
    "env",
    "visibility",
    "external_user_id",
    "host_id",
    "auto_start",
    "command",
    "network",
    "volume_id",
    "volumeId",
    "mount_path",
    "read_only",
    "timeout",
    "cwd",
    "code",
    "kind",
    "slug",
    "description",
    "source",
    "settings",
    "volumes",
    "replicas",
    "start_command",
    "port",
    "restart_policy",
    "health_check",
    "start_timeout_seconds",
    "lock_version",
    "message",
    "release_id",
    "number",
    "environment",
    "snapshot_before",
    "data",
    "unknown",
];

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (0_i64..600).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::sample::select(vec!["v", "local", "small", "/mnt/x", "/proc", "host", NOBODY, "public"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn arbitrary_body() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(FIELDS.to_vec());
    let fields = prop::collection::hash_map(field, arbitrary_json(), 0..8);
    prop_oneof![
        9 => fields.prop_map(|map| Value::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        1 => arbitrary_json(),
    ]
}

/// Whatever JSON is sent to whatever route: the answer is never a 5xx, and always a twin or a whole envelope.
#[test]
fn arbitrary_json_never_breaks_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, routes) = runtime.block_on(async {
        let world = World::new().await;
        let (volume, computer) = (world.volume("v").await, world.computer("c").await);
        let (snapshot, service) = (world.snapshot(&volume).await, world.service(json!({})).await);
        (world, bodies(&volume, &computer, &snapshot, &service))
    });
    let cases = (0..routes.len(), arbitrary_body());
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&cases, |(route, body)| {
        let (method, path) = &routes[route];
        let answer = runtime.block_on(world.call(method.clone(), path, &body.to_string()));
        prop_assert!(answer.status.as_u16() < 500, "{} {} {}: {:?}", method, path, body, answer);
        if answer.status.is_success() {
            prop_assert!(answer.json()["data"].is_object());
        } else {
            answer.envelope();
        }
        Ok(())
    });
    result.unwrap();
}
