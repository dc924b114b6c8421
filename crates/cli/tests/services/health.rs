//! Health checks and restart policies, as a service's owner sees them.

use serde_json::json;

use crate::{STAY, server};

/// Aim: a release is active only when its check answers; a replica whose check fails later is `unhealthy` and says why, and is
/// healthy again when the check is; HTTP is asked inside the replica's own network.
#[test]
fn checks_decide() {
    let server = server();
    let service = server.run_service(json!({
        "name": "web", "port": 8080, "settings": {
            "start_command": "mkdir -p /www && echo ok > /www/index.html && exec httpd -f -p $PORT -h /www",
            "health_check": {"path": "/index.html", "port": 8080, "interval_seconds": 1, "retries": 2},
        }
    }));
    let replica = server.replica(&service, 0);
    assert_eq!(server.sh(&replica, "wget -q -O - http://127.0.0.1:8080/index.html"), "ok");
    server.sh(&replica, "mv /www/index.html /www/gone");
    let sick = server.wait_service(&service, "unhealthy", |service| service["state"] == "failed");
    assert!(sick["error"].as_str().unwrap_or_default().contains("404"), "{sick}");
    assert_eq!(server.replicas(&service)[0]["state"], "unhealthy");
    server.sh(&replica, "mv /www/gone /www/index.html");
    server.wait_service(&service, "healthy again", |service| service["state"] == "running");
    assert_eq!(server.releases(&service)[0]["state"], "active", "a release that was good stays so");
    server.finish();
}

/// Aim: a worker that ends with code 0 under `on-failure` is left at that, also over a restart of the server, and a restart of the
/// service runs it again.
#[test]
fn a_worker_that_is_done_is_left_at_that() {
    let mut server = server();
    let command = format!(
        "trap 'exit 0' TERM; echo run; for i in $(seq 30); do sleep 0.1; done; if test -e /again; then {STAY}; fi; exit 0"
    );
    let service = server.run_service(json!({
        "name": "job", "kind": "worker", "settings": {"start_command": command, "restart_policy": "on-failure"}
    }));
    let ended = |server: &miosa_testkit::server::Server| {
        server.wait_service(&service, "ended", |_| server.replicas(&service)[0]["state"] == "stopped");
        let instance = &server.replicas(&service)[0];
        (instance["exit_code"].clone(), instance["restart_count"].clone())
    };
    assert_eq!(ended(&server).0, 0);
    server.kill_everything();
    server.start_again();
    assert_eq!(ended(&server).0, 0);
    assert_eq!(server.logs(&server.replica(&service, 0)), ["run"], "it ran again");
    server.service_verb(&service, "restart", json!({}));
    server.wait_release(&service, 2, "active");
    server.finish();
}
