//! Replicas and their volumes.

use std::collections::BTreeSet;

use miosa_testkit::server::ServerOptions;
use serde_json::{Value, json};

use crate::{STAY, own, server, shared};

/// Aim: with `shared: false`, replica 0 has the named volume and each other one its own, made on demand like the first; it is kept
/// when the service is scaled down, found again by the same index, listed with the service, and outside the project's limit.
#[test]
fn own_volumes_follow_their_index() {
    let server = miosa_testkit::server::Server::start(ServerOptions {
        config: Some("[limits]\nvolumes_per_project = 1\n".into()),
        ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa"))
    });
    let volume = server.create_volume("cache", 256 << 20);
    let path = format!("/api/v1/volumes/{volume}");
    server
        .http("PATCH", &path, Some(json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 9})))
        .ok();
    let command = format!("echo $MIOSA_REPLICA >> /cache/indexes; sync; {STAY}");
    let service = server.run_service(json!({
        "name": "worker", "kind": "worker", "settings": {"start_command": command}, "volumes": [own(&volume, "/cache")]
    }));
    let scale = |replicas: u64| {
        server.service_verb(&service, "scale", json!({"replicas": replicas}));
        server.wait_service(&service, "scaled", |service| {
            service["ready_replicas"] == replicas
                && server.replicas(&service_id(service)).len() as u64 == replicas
        })
    };
    let scaled = scale(3);
    let names = |service: &Value| -> Vec<String> {
        let volumes = service["replica_volumes"].as_array().expect("a list");
        volumes.iter().map(|volume| volume["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&scaled), ["cache", "cache-replica-1", "cache-replica-2"]);
    let second = scaled["replica_volumes"][2]["volume_id"].as_str().expect("an id").to_owned();
    let made = server.volume(&second);
    assert_eq!((&made["size_bytes"], &made["snapshot_schedule"]), (&json!(256 << 20), &json!("0 4 * * *")));
    assert_eq!(made["snapshot_retention_days"], 9);
    assert_eq!(made["metadata"], json!({"replica_of": volume, "replica": "2"}));
    for index in 0..3 {
        assert_eq!(server.replica_sh(&service, index, "cat /cache/indexes"), index.to_string());
    }
    server.replica_sh(&service, 2, "echo precious > /cache/kept; sync");

    let down = scale(1);
    assert_eq!(names(&down).len(), 3, "volumes of replicas that are gone are kept");
    assert_eq!(down["replica_volumes"][2]["in_use"], false);
    server.wait_volume(&second, "available");
    scale(3);
    assert_eq!(server.replica_sh(&service, 2, "cat /cache/kept /cache/indexes"), "precious\n2\n2");
    assert_eq!(server.replicas(&service)[2]["volumes_mounted"][0]["volume_id"], second);

    // A restart of all: everybody has what was theirs.
    server.service_verb(&service, "restart", json!({}));
    server.wait_release(&service, 2, "active");
    for index in 0..3 {
        let indexes: BTreeSet<String> =
            server.replica_sh(&service, index, "cat /cache/indexes").lines().map(str::to_owned).collect();
        assert_eq!(indexes, BTreeSet::from([index.to_string()]), "replica {index} has another's volume");
    }
    server.finish();
}

fn service_id(service: &Value) -> String {
    service["id"].as_str().expect("an id").to_owned()
}

/// Aim: a scale that cannot be had in full changes nothing: the pool's room is asked for all replicas before.
#[test]
fn scaling_beyond_the_pool_changes_nothing() {
    let server = miosa_testkit::server::Server::start(ServerOptions {
        pool_size: "512MB".into(),
        ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa"))
    });
    let volume = server.create_volume("data", 256 << 20);
    let service = server.run_service(json!({
        "name": "web", "settings": {"start_command": STAY}, "volumes": [own(&volume, "/data")]
    }));
    let path = format!("/api/v1/services/{service}/scale");
    let refused = server.http("POST", &path, Some(json!({"replicas": 50})));
    assert_eq!((refused.status, refused.code()), (409, "INSUFFICIENT_CAPACITY"), "{refused}");
    let after = server.service(&service);
    assert_eq!((&after["replicas"], &after["state"]), (&json!(1), &json!("running")));
    assert_eq!(server.list_all("/api/v1/volumes").len(), 1, "a volume was made before the refusal");
    for wrong in [json!({"replicas": 51}), json!({"replicas": -1}), json!({"replicas": "two"})] {
        assert_eq!(server.http("POST", &path, Some(wrong)).status, 422);
    }
    server.finish();
}

/// Aim: with `shared: true` every replica sees the same files at once, and `read_only` keeps all of them from writing.
#[test]
fn shared_volumes_are_one() {
    let server = server();
    let (models, notes) =
        (server.create_volume("models", 256 << 20), server.create_volume("notes", 256 << 20));
    let fill = server.run_computer(json!({"name": "fill"}));
    let attachment = server.attach(&fill, &models, "/mnt/data");
    server.sh(&fill, "echo weights > /mnt/data/weights");

    let body = json!({
        "name": "llm", "replicas": 4, "settings": {"start_command": STAY},
        "volumes": [{"dataServiceId": models, "mountPath": "/models", "readOnly": true}, shared(&notes, "/notes")]
    });
    let refused = server.http(
        "POST",
        "/api/v1/services",
        Some(json!({"source": "miosa-default", "name": "x",
        "volumes": [shared(&models, "/m")]})),
    );
    assert_eq!(
        (refused.status, refused.code()),
        (409, "VOLUME_ATTACHED"),
        "a computer writes to it: {refused}"
    );
    server.detach(&fill, &attachment).ok();
    let service = server.run_service(body);
    for index in 0..4 {
        assert_eq!(server.replica_sh(&service, index, "cat /models/weights"), "weights");
        let replica = server.replica(&service, index);
        assert_ne!(server.exec(&replica, "echo no > /models/weights").exit_code, 0, "it is not read-only");
        server.sh(&replica, &format!("echo {index} >> /notes/all"));
    }
    assert_eq!(server.replica_sh(&service, 3, "cat /notes/all"), "0\n1\n2\n3");
    // The workload of somebody else does not get it for writing meanwhile.
    let refused = server.try_attach(&fill, &notes, "/mnt/notes");
    assert_eq!((refused.status, refused.code()), (409, "VOLUME_ATTACHED"), "{refused}");
    assert_eq!(server.list_all("/api/v1/volumes").len(), 2, "shared volumes need no others");
    server.finish();
}

/// Aim: whose a volume is can change under a running service: where old and new exclude each other, all old replicas end before
/// the first new one starts, and nobody's data is lost.
#[test]
fn a_volume_becomes_shared_and_own_again() {
    let server = server();
    let volume = server.create_volume("data", 256 << 20);
    let command = format!("echo $MIOSA_RELEASE.$MIOSA_REPLICA >> /data/log; sync; {STAY}");
    let service = server.run_service(json!({
        "name": "web", "replicas": 2, "settings": {"start_command": command}, "volumes": [own(&volume, "/data")]
    }));
    let path = format!("/api/v1/services/{service}");
    let read_only = json!({"dataServiceId": volume, "mountPath": "/data", "read_only": true});
    for (release, item) in [
        (2, shared(&volume, "/data")),
        (3, own(&volume, "/data")),
        (4, read_only),
        (5, shared(&volume, "/data")),
    ] {
        server.http("PATCH", &path, Some(json!({"volumes": [item]}))).ok();
        server.wait_release(&service, release, "active");
    }
    let log = server.replica_sh(&service, 1, "sort /data/log");
    assert_eq!(log.lines().collect::<Vec<_>>(), ["1.0", "2.0", "2.1", "3.0", "5.0", "5.1"]);
    server.service_verb(&service, "rollback", json!({"number": 3}));
    server.wait_release(&service, 6, "active");
    let own = server.replica_sh(&service, 1, "cat /data/log");
    assert_eq!(own.lines().collect::<Vec<_>>(), ["1.1", "3.1", "6.1"], "replica 1 has its own again");
    server.finish();
}
