//! Versions that are no good, and volumes that are in trouble.

use std::fs;

use serde_json::json;

use crate::{STAY, own, server, watchful};

/// Aim: a version that crashes again and again, and one that never gets healthy, are rolled back by themselves, the volume
/// included: the good version serves again, with everything that it had written, and it is said why, and what the bad one said.
#[test]
fn bad_versions_are_rolled_back() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": watchful("/data")}, "volumes": [own(&volume, "/data")]
    }));
    server.replica_sh(&service, 0, "echo acknowledged > /data/kept; sync");
    for (at, settings, code) in [
        (2, json!({"start_command": "echo I give up; exit 7"}), "CRASH_LOOP"),
        (
            3,
            json!({"start_command": STAY, "health_check": {"command": "false"}, "start_timeout_seconds": 3}),
            "NOT_HEALTHY",
        ),
        (4, json!({"start_command": "exec /no/such/program"}), "CRASH_LOOP"),
    ] {
        server.service_verb(&service, "deployments", json!({"settings": settings}));
        let failed = server.wait_release(&service, at, "failed");
        assert_eq!(failed["reason"]["code"], code, "{failed}");
        let again = server.wait_service(&service, "the good version serves", |service| {
            service["state"] == "running" && service["active_release_number"] == 1
        });
        let error = again["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(&format!("release {at} failed: ")), "{error}");
        if at == 2 {
            let logs = server.http("GET", &format!("/api/v1/services/{service}/logs"), None).ok();
            let lines = logs["data"].as_array().expect("lines").iter().map(|line| line["line"].clone());
            assert!(lines.into_iter().any(|line| line == "I give up"), "its last words are lost: {logs}");
        }
    }
    let log = server.replica_sh(&service, 0, "cat /data/kept; cat /data/log");
    assert!(log.starts_with("acknowledged\n1\n") && !log.contains("NOT ALONE"), "{log}");
    server.finish();
}

/// Aim: a service whose first version is no good has nothing to fall back to: it fails, says why, keeps its volume free, and the
/// next version may be good.
#[test]
fn a_bad_first_version_leaves_nothing_behind() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let service = server.create_service(json!({
        "name": "db", "settings": {"start_command": "exit 1"}, "volumes": [own(&volume, "/data")]
    }));
    server.wait_release(&service, 1, "failed");
    let failed = server.wait_service(&service, "failed", |service| service["state"] == "failed");
    assert!(failed["error"].as_str().unwrap_or_default().contains("code 1"), "{failed}");
    server.wait_volume(&volume, "available");
    server.service_verb(&service, "deployments", json!({"settings": {"start_command": STAY}}));
    server.wait_release(&service, 2, "active");
    server.finish();
}

/// Aim: an instance whose volume cannot be mounted does not start, and says which volume and why; the release fails, and the one
/// before cannot start either, which is said as well; nothing is written into the folder underneath.
#[test]
fn without_its_volume_no_instance_starts() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": watchful("/data")}, "volumes": [own(&volume, "/data")]
    }));
    server.service_verb(&service, "stop", json!({}));
    server.wait_volume(&volume, "available");
    // Somebody loses the data.
    let image = server.pool().join("volumes").join(&volume).join("disk.img");
    let aside = image.with_file_name("aside.img");
    fs::rename(&image, &aside).expect("the image is there");
    server.service_verb(&service, "start", json!({}));
    let failed = server.wait_release(&service, 2, "failed");
    assert_eq!(failed["reason"]["code"], "CANNOT_START", "{failed}");
    let detail = failed["reason"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(&volume) && detail.contains("/data"), "it does not say which volume: {detail}");
    assert!(!image.exists(), "something was made in the volume's place");
    // It comes back: the good version is tried for as long as it takes.
    fs::rename(&aside, &image).expect("put it back");
    server.wait_service(&service, "release 1 serves again", |service| {
        service["state"] == "running" && service["active_release_number"] == 1
    });
    assert_eq!(server.replica_sh(&service, 0, "cat /data/log"), "1\n1");
    server.finish();
}

/// Aim: a volume that is full fails its writers' writes and nothing else: the service stays up, and is promoted as ever.
#[test]
fn a_full_volume_does_not_stop_its_service() {
    let server = server();
    let volume = server.create_volume("data", 64 << 20);
    let command = format!("echo $MIOSA_RELEASE > /data/release; {STAY}");
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": command}, "volumes": [own(&volume, "/data")]
    }));
    let replica = server.replica(&service, 0);
    let full = server.exec(&replica, "dd if=/dev/zero of=/data/fill bs=1M; sync");
    assert!(full.stderr.contains("No space left"), "{full:?}");
    server.service_verb(&service, "redeploy", json!({}));
    server.wait_release(&service, 2, "active");
    assert_eq!(
        server.replica_sh(&service, 0, "rm /data/fill; sync; echo ok > /data/new; cat /data/new"),
        "ok"
    );
    server.finish();
}
