//! Versions: promoted, rolled back, with their data or without.

use serde_json::{Value, json};

use crate::{STAY, number, own, server, shared, watchful};

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Aim: an exclusive volume is handed over in order, release after release: nobody ever meets another's lock, every release finds
/// what the one before wrote, and the time without a user is measured and shown.
#[test]
fn an_exclusive_volume_is_handed_over_in_order() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": watchful("/data")}, "volumes": [own(&volume, "/data")]
    }));
    for release in 2..=4 {
        let made = server.service_verb(&service, "redeploy", json!({"message": format!("number {release}")}));
        assert_eq!(number(&made), release);
        let active = server.wait_release(&service, release, "active");
        assert!(
            active["handover_ms"].is_u64(),
            "it is not shown how long the volume was with nobody: {active}"
        );
    }
    let log = server.replica_sh(&service, 0, "cat /data/log");
    assert_eq!(lines(&log), ["1", "2", "3", "4"]);
    assert_eq!(server.volume(&volume)["attachments"].as_array().map(Vec::len), Some(1));
    server.finish();
}

/// Aim: a shared volume rolls without a moment in which nobody serves: at every instant of the roll-out some replica is
/// healthy, and both releases see one filesystem meanwhile.
#[test]
fn a_shared_volume_rolls_without_downtime() {
    let server = server();
    let volume = server.create_volume("models", 1 << 30);
    let command = format!("echo $MIOSA_RELEASE >> /models/seen; {STAY}");
    let service = server.run_service(json!({
        "name": "llm", "replicas": 2, "settings": {"start_command": command}, "volumes": [shared(&volume, "/models")]
    }));
    let warnings = server.service(&service)["warnings"].clone();
    assert_eq!(warnings.as_array().map(Vec::len), Some(1), "the caveat is told once: {warnings}");
    server.service_verb(&service, "redeploy", json!({}));
    let mut looked = 0;
    loop {
        // Asked before the state, so that the last look is at a roll-out that still went on.
        let healthy =
            server.replicas(&service).iter().filter(|instance| instance["state"] == "healthy").count();
        if server.releases(&service)[0]["state"] != "deploying" {
            break;
        }
        looked += 1;
        assert!(healthy >= 2, "only {healthy} of 2 replicas served during the roll-out");
    }
    assert!(looked > 0, "the roll-out was never seen");
    server.wait_release(&service, 2, "active");
    assert_eq!(server.releases(&service)[0]["handover_ms"], json!(null), "nothing was handed over");
    let seen = server.replica_sh(&service, 1, "sort /models/seen | uniq -c | tr -s ' '");
    assert_eq!(seen.lines().map(str::trim).collect::<Vec<_>>(), ["2 1", "2 2"]);
    server.finish();
}

/// Aim: a rollback serves the previous good settings under a new number; with its data, what the newer release wrote is gone and
/// what the older one wrote is whole; the snapshot is named by the version; without a snapshot it is refused.
#[test]
fn a_rollback_can_take_the_data_along() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let command = |text: &str| format!("echo {text} >> /data/log; sync; {STAY}");
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": command("one")}, "volumes": [own(&volume, "/data")]
    }));
    let refused = server.http("POST", &format!("/api/v1/services/{service}/rollback"), Some(json!({})));
    assert_eq!((refused.status, refused.code()), (409, "SERVICE_STATE"), "{refused}");

    let deploy = json!({"settings": {"start_command": command("two")}, "snapshot_before": true});
    let path = format!("/api/v1/services/{service}/deployments");
    let second = server.http("POST", &path, Some(deploy)).ok();
    let taken = second["snapshots"][0]["snapshot_id"].as_str().expect("a snapshot").to_owned();
    server.wait_release(&service, 2, "active");
    assert_eq!(server.snapshot(&taken)["name"], "before-v2");
    assert_eq!(lines(&server.replica_sh(&service, 0, "cat /data/log")), ["one", "two"]);

    // Code alone.
    let rolled = server.service_verb(&service, "rollback", json!({}));
    assert_eq!((number(&rolled), &rolled["serves_again"]), (3, &json!(1)));
    server.wait_release(&service, 3, "active");
    assert_eq!(lines(&server.replica_sh(&service, 0, "cat /data/log")), ["one", "two", "one"]);
    // Release 1 was left by release 2, which took a snapshot; release 2 was left by release 3, which did not.
    let promote = |number: u64| json!({"number": number, "restore_data": true});
    let path = format!("/api/v1/services/{service}/promote");
    let refused = server.http("POST", &path, Some(promote(2)));
    assert_eq!((refused.status, refused.code()), (409, "NO_SNAPSHOT_AVAILABLE"), "{refused}");
    let promoted = server.http("POST", &path, Some(promote(1))).ok();
    server.wait_release(&service, number(&promoted), "active");
    assert_eq!(lines(&server.replica_sh(&service, 0, "cat /data/log")), ["one", "one"]);
    // The way back from that is a snapshot, too.
    let safety = server.snapshots_of(&volume).into_iter().find(|snapshot| snapshot["trigger"] == "safety");
    assert!(safety.is_some_and(|safety| safety["state"] == "ready"), "no safety snapshot was taken");
    server.finish();
}

/// Aim: what is being deployed can be given up: the good release serves on, whatever was replaced by then.
#[test]
fn a_deployment_is_canceled() {
    let server = server();
    let volume = server.create_volume("data", 1 << 30);
    let service = server.run_service(json!({
        "name": "db", "settings": {"start_command": watchful("/data")}, "volumes": [own(&volume, "/data")]
    }));
    let never = json!({"settings": {"health_check": {"command": "false"}, "start_timeout_seconds": 3600}});
    let release = server.service_verb(&service, "deployments", never);
    server.wait_service(&service, "the new replica runs", |_| {
        let instances = server.replicas(&service);
        let is_new =
            |instance: &Value| instance["release_id"] == release["id"] && instance["state"] == "starting";
        instances.len() == 1 && is_new(&instances[0]) && instances[0]["started_at"].is_string()
    });
    let path = format!("/api/v1/service-deployments/{}", release["id"].as_str().expect("an id"));
    let canceled = server.http("POST", &format!("{path}/cancel"), Some(json!({}))).ok();
    assert_eq!(canceled["state"], "canceled");
    let refused = server.http("DELETE", &path, None);
    assert_eq!((refused.status, refused.code()), (409, "RELEASE_STATE"), "{refused}");
    server.wait_service(&service, "release 1 serves again", |service| {
        service["state"] == "running" && service["active_release_number"] == 1
    });
    assert_eq!(lines(&server.replica_sh(&service, 0, "cat /data/log")), ["1", "2", "1"]);
    server.finish();
}
