//! The product's own page, as a program would follow it.

use serde_json::json;

use crate::{STAY, own, server};

/// Aim: a volume given to a running service by the page's call is the path's content from the first instruction on, and writes
/// persist over restarts, over the end of its processes, and over a stop; while stopped the service stays stopped whatever is
/// changed.
#[test]
fn a_volume_is_there_from_the_first_instruction_on() {
    let server = server();
    let volume = server.create_volume("model-weights", 1 << 30);
    // The very first instruction looks, before anything could have been mounted meanwhile.
    let command =
        format!("grep -c ' /var/models ' /proc/self/mountinfo; date +%s >> /var/models/starts; {STAY}");
    let service = server.run_service(json!({"name": "llm", "settings": {"start_command": STAY}}));
    assert_eq!(server.service(&service)["state"], "running");

    let changes = json!({"volumes": [own(&volume, "/var/models")]});
    let path = format!("/api/v1/services/{service}");
    let changed = server.http("PATCH", &path, Some(changes)).ok();
    assert_eq!(changed["volumes"][0]["mountPath"], "/var/models");
    assert_eq!(changed["settings"]["volumes"][0]["data_service_id"], volume);
    server.wait_release(&service, 2, "active");
    assert_eq!(server.releases(&service)[0]["cause"], "volumes");
    let attached = server.volume(&volume);
    assert_eq!(
        (&attached["state"], &attached["attachments"][0]["service_id"]),
        (&json!("attached"), &json!(service))
    );

    // Another setting waits for the next release.
    let waiting = server.http("PATCH", &path, Some(json!({"settings": {"start_command": command}}))).ok();
    assert_eq!(waiting["pending_changes"]["start_command"], command);
    assert_eq!(server.releases(&service).len(), 2, "no release was made");
    server.service_verb(&service, "redeploy", json!({}));
    server.wait_release(&service, 3, "active");
    assert_eq!(server.service(&service)["pending_changes"], json!(null));
    let replica = server.replica(&service, 0);
    assert_eq!(server.logs(&replica), ["1"], "the volume was not mounted at the first instruction");
    server.sh(&replica, "echo kept > /var/models/weights && sync");

    // Its process dies: the agent alone brings it back, with its volume.
    server.first_process(&replica).kill();
    server.wait_service(&service, "restarted", |_| {
        server.replicas(&service)[0]["restart_count"].as_u64() >= Some(1)
            && server.replicas(&service)[0]["state"] == "healthy"
    });
    assert_eq!(server.sh(&replica, "cat /var/models/weights; wc -l < /var/models/starts"), "kept\n2");

    let stopped = server.service_verb(&service, "stop", json!({}));
    assert_eq!((&stopped["stopped"], &stopped["status"]), (&json!(1), &json!("stopped")));
    server.wait_volume(&volume, "available");
    let refused = server.delete_volume(&volume);
    assert_eq!((refused.status, refused.code()), (409, "VOLUME_IN_USE"), "{refused}");
    server.http("PATCH", &path, Some(json!({"volumes": [own(&volume, "/models")]}))).ok();
    assert_eq!(server.service(&service)["state"], "stopped");
    server.service_verb(&service, "start", json!({}));
    server.wait_release(&service, 4, "active");
    assert_eq!(server.replica_sh(&service, 0, "cat /models/weights"), "kept");

    server.delete_service(&service);
    assert_eq!(server.wait_volume(&volume, "available")["attached_to"], json!(null), "volumes stay");
    server.finish();
}

/// Aim: services and their volumes come back by themselves after everything was killed, and after a reboot, also when the
/// controller is not there.
#[test]
fn a_service_survives_everything() {
    let mut server = server();
    let volume = server.create_volume("data", 1 << 30);
    let command = format!("date >> /data/starts; sync; {STAY}");
    let service = server.run_service(json!({
        "name": "web", "settings": {"start_command": command, "replicas": 2}, "volumes": [own(&volume, "/data")]
    }));
    let before: Vec<_> = server.replicas(&service).iter().map(|i| i["id"].clone()).collect();
    assert_eq!(before.len(), 2);
    server.kill_everything();
    server.start_again();
    let healthy = |service: &serde_json::Value| service["ready_replicas"] == 2;
    server.wait_service(&service, "two replicas healthy", healthy);
    let after: Vec<_> = server.replicas(&service).iter().map(|i| i["id"].clone()).collect();
    assert_eq!(before, after, "replicas were adopted, not made anew");
    for index in 0..2 {
        assert_eq!(server.replica_sh(&service, index, "wc -l < /data/starts"), "1", "they never stopped");
    }
    server.simulate_reboot();
    server.start_again();
    server.wait_service(&service, "two replicas healthy after a reboot", healthy);
    for index in 0..2 {
        assert_eq!(server.replica_sh(&service, index, "wc -l < /data/starts"), "2");
    }
    server.finish();
}
