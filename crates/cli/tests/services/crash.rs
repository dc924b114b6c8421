//! Aim: wherever the controller dies in what it does for services, the call is either not made or carried out, repeating it makes
//! no second of anything, and the service ends up as it was asked to be.
//!
//! Method: for each failpoint of services, a server of its own goes through a service's whole life with the point armed; a call
//! that is cut off is repeated under its idempotency key. The other failpoints have a test of their own (`tests/crash`).

#![allow(clippy::print_stdout, reason = "the list of points and outcomes is what the test is run for")]

use std::process::Command;

use miosa_testkit::server::{Server, ServerOptions, wait_until_or};
use serde_json::{Value, json};

use crate::{own, watchful};

const MIOSA: &str = env!("CARGO_BIN_EXE_miosa");
const PREFIX: &str = "store.service.";

#[test]
fn no_crash_loses_a_service_shard_0() {
    crash_everywhere(0);
}

#[test]
fn no_crash_loses_a_service_shard_1() {
    crash_everywhere(1);
}

fn crash_everywhere(shard: usize) {
    let output = Command::new(MIOSA).arg("failpoints").output().expect("the program under test can be run");
    let text = String::from_utf8(output.stdout).expect("names are text");
    let points: Vec<&str> = text.lines().filter(|point| point.starts_with(PREFIX)).collect();
    assert!(points.len() > 10 || !cfg!(debug_assertions), "where are the failpoints? {points:?}");
    let only = std::env::var("MIOSA_CRASH_ONLY").unwrap_or_default();
    let mut unreached = Vec::new();
    for point in points.into_iter().skip(shard).step_by(2).filter(|point| point.contains(&only)) {
        let reached = crash_at(point);
        println!("{point}: survived in {}", reached.join(", "));
        if reached.is_empty() {
            unreached.push(point);
        }
    }
    assert!(unreached.is_empty(), "no verb reaches {unreached:?}");
}

/// A service's life, each step with what must be true after it.
fn crash_at(point: &str) -> Vec<&'static str> {
    let mut life = Life::new(point);
    let quick = json!({"command": "true", "interval_seconds": 1});
    let settings = json!({
        "start_command": watchful("/data"), "health_check": quick, "start_timeout_seconds": 60
    });
    let volume = life.server.create_volume("data", 128 << 20);
    life.restart_armed();
    let made = life.call(
        "create",
        "POST",
        "/api/v1/services",
        json!({
            "name": "db", "source": "miosa-default", "settings": settings, "volumes": [own(&volume, "/data")]
        }),
    );
    life.service = made["id"].as_str().expect("an id").to_owned();
    life.wait("created", 1, 1, 1);

    life.verb("deploy", "deployments", json!({"snapshot_before": true}));
    life.wait("deployed", 2, 2, 1);

    life.verb("scale", "scale", json!({"replicas": 2}));
    life.wait("scaled", 2, 2, 2);

    let path = format!("/api/v1/services/{}", life.service);
    life.call(
        "update",
        "PATCH",
        &path,
        json!({"volumes": [own(&volume, "/data"), own(&life.other, "/more")]}),
    );
    life.wait("with another volume", 3, 3, 2);

    // Only the clock ends this one.
    let never = json!({"health_check": {"command": "false"}, "start_timeout_seconds": 1});
    life.verb("bad deploy", "deployments", json!({"settings": never}));
    life.wait("rolled back", 4, 3, 2);
    assert_eq!(life.server.releases(&life.service)[0]["state"], "failed");

    life.verb("stop", "stop", json!({}));
    life.server.wait_service(&life.service, "stopped", |service| service["state"] == "stopped");
    life.server.wait_volume(&volume, "available");

    life.verb("start", "start", json!({"settings": settings}));
    life.wait("started", 5, 5, 2);
    let log = life.server.replica_sh(&life.service, 0, "cat /data/log");
    assert!(!log.contains("NOT ALONE"), "two had the volume at once, with a crash at {point}: {log}");
    // Whether the bad one, number 4, came so far is up to the machine; the good one ran again after it.
    let releases: Vec<&str> = log.lines().filter(|line| *line != "4").collect();
    assert_eq!(releases, ["1", "2", "3", "3", "5"], "with a crash at {point}");
    assert_eq!(life.server.list_all("/api/v1/services").len(), 1, "twins");

    life.call("delete", "DELETE", &path, json!({}));
    life.server.delete_service(&life.service);
    assert_eq!(life.server.list_all("/api/v1/volumes").len(), 4, "volumes stay, and none was made twice");
    life.server.finish();
    life.reached
}

struct Life<'a> {
    server: Server,
    point: &'a str,
    service: String,
    other: String,
    reached: Vec<&'static str>,
}

impl<'a> Life<'a> {
    fn new(point: &'a str) -> Self {
        let mut server =
            Server::prepare(ServerOptions { pool_size: "512MB".into(), ..ServerOptions::new(MIOSA) });
        server.start_again();
        let other = server.create_volume("more", 64 << 20);
        Self { server, point, service: String::new(), other, reached: Vec::new() }
    }

    fn restart_armed(&mut self) {
        self.server.stop();
        self.server.start_with(Some(&format!("{}=kill", self.point)));
        self.server.wait_recovered();
    }

    fn verb(&mut self, name: &'static str, verb: &str, body: Value) {
        let path = format!("/api/v1/services/{}/{verb}", self.service);
        self.call(name, "POST", &path, body);
    }

    /// One call, repeated under one key until it is answered.
    fn call(&mut self, name: &'static str, method: &str, path: &str, body: Value) -> Value {
        let was_armed = self.server.has_failpoints_armed();
        let authorization = format!("Bearer {}", self.server.key());
        let key = format!("{name} of {}", self.point);
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", key.as_str())];
        let bytes = body.to_string().into_bytes();
        let answer = wait_until_or(&format!("{name} with {} armed", self.point), || {
            match self.server.raw_http(method, path, &headers, Some(&bytes)) {
                Ok(answer) if answer.is_success() => Ok(answer.body),
                // It was carried out, and nothing is left of it to answer with.
                Ok(answer) if method == "DELETE" && answer.status == 404 => Ok(answer.body),
                Ok(answer) if answer.status == 503 => Err(answer.to_string()),
                Ok(answer) => panic!("{name} with {}: {answer}\n{}", self.point, self.server.log_tail()),
                Err(e) => Err(e.to_string()),
            }
        });
        self.note(name, was_armed);
        answer
    }

    /// It may have died in what the call left to be done.
    fn note(&mut self, name: &'static str, was_armed: bool) {
        if was_armed && !self.server.has_failpoints_armed() {
            self.server.wait_recovered();
            self.reached.push(name);
        }
    }

    /// Until `newest` is the last release, `active` is served, and `replicas` replicas of it are there and no other.
    fn wait(&mut self, name: &'static str, newest: u64, active: u64, replicas: u64) {
        let was_armed = self.server.has_failpoints_armed();
        self.server.wait_service(&self.service, name, |service| {
            service["state"] == "running"
                && service["active_release_number"] == active
                && service["ready_replicas"] == replicas
        });
        wait_until_or(&format!("{name} with {}", self.point), || {
            let instances = self.server.replicas(&self.service);
            let releases = self.server.releases(&self.service);
            let is_right = releases[0]["number"] == newest
                && instances.len() as u64 == replicas
                && instances.iter().all(|instance| instance["release_number"] == active);
            if is_right { Ok(()) } else { Err(format!("{instances:?} of {releases:?}")) }
        });
        self.note(name, was_armed);
    }
}
