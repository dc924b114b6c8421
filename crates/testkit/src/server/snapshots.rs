//! The calls about snapshots that tests make all the time, and the places in the pool where a test looks by itself.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::calls::id_of;
use super::{Answer, Server, wait_until_or};

impl Server {
    /// Asks for a snapshot of the volume, and waits until it is `ready`; answers it.
    #[track_caller]
    pub fn take_snapshot(&self, volume: &str, body: Value) -> Value {
        let taken = self.try_take_snapshot(volume, body).ok();
        if taken["state"] == "ready" { taken } else { self.wait_snapshot(&id_of(&taken), "ready") }
    }

    /// Asks once, whatever the answer.
    #[track_caller]
    pub fn try_take_snapshot(&self, volume: &str, body: Value) -> Answer {
        self.http("POST", &format!("/api/v1/volumes/{volume}/snapshots"), Some(body))
    }

    #[track_caller]
    pub fn snapshot(&self, id: &str) -> Value {
        self.http("GET", &format!("/api/v1/volume-snapshots/{id}"), None).ok()
    }

    /// Waits until the snapshot is in `state`; answers it.
    #[track_caller]
    pub fn wait_snapshot(&self, id: &str, state: &str) -> Value {
        self.wait_snapshot_that(id, state, |snapshot| snapshot["state"] == state)
    }

    /// Waits until the snapshot is as `is_so` says; answers it.
    #[track_caller]
    pub fn wait_snapshot_that(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_until_or(&format!("snapshot {id}: {what}"), || {
            let snapshot = self.snapshot(id);
            if is_so(&snapshot) {
                Ok(snapshot)
            } else {
                Err(format!("it is {snapshot}\n{}", self.log_tail()))
            }
        })
    }

    /// Deletes the snapshot, protected or not, and waits until nothing of it is left in the pool.
    #[track_caller]
    pub fn delete_snapshot(&self, id: &str) {
        let path = format!("/api/v1/volume-snapshots/{id}");
        if self.snapshot(id)["protected"] == true {
            self.http("PATCH", &path, Some(json!({"protected": false}))).ok();
        }
        self.http("DELETE", &path, None).ok();
        let folder = self.pool().join("snapshots").join(id);
        wait_until_or(&format!("nothing to be left of snapshot {id}"), || {
            if folder.exists() { Err(self.log_tail()) } else { Ok(()) }
        });
    }

    /// Snapshots of one volume, newest first.
    #[track_caller]
    pub fn snapshots_of(&self, volume: &str) -> Vec<Value> {
        let path = format!("/api/v1/volume-snapshots?volume_id={volume}&limit=1000");
        let list = self.http_with_retries("GET", &path, None).ok();
        list["data"].as_array().unwrap_or_else(|| panic!("no list: {list}")).clone()
    }

    /// A new volume with the snapshot's data, as soon as it is `available`; answers its id.
    #[track_caller]
    pub fn restore_as_new(&self, snapshot: &str, body: Value) -> String {
        let path = format!("/api/v1/volume-snapshots/{snapshot}/restore");
        let id = id_of(&self.http("POST", &path, Some(body)).ok());
        self.wait_volume(&id, "available");
        id
    }

    /// A new volume with the volume's data as of now, as soon as it is `available`; answers its id.
    #[track_caller]
    pub fn fork(&self, volume: &str, body: Value) -> String {
        let id = id_of(&self.http("POST", &format!("/api/v1/volumes/{volume}/clone"), Some(body)).ok());
        self.wait_volume(&id, "available");
        id
    }

    /// Events of the volume, newest first.
    #[track_caller]
    pub fn events(&self, volume: &str) -> Vec<Value> {
        let list = self.http("GET", &format!("/api/v1/volumes/{volume}/events?limit=1000"), None).ok();
        list["data"].as_array().unwrap_or_else(|| panic!("no list: {list}")).clone()
    }

    /// Runs SQL in the database of the stopped server; answers what it answers. For time that no test can wait for.
    #[track_caller]
    pub fn change_stopped_database(&self, sql: &str) -> String {
        assert!(self.running.is_none(), "the database belongs to a running server");
        let database = self.data_dir().join("controller/miosa.db");
        let output =
            Command::new("sqlite3").arg("-bail").arg(database).arg(sql).output().expect("sqlite3 can be run");
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).expect("SQLite answers text")
    }

    /// The pool's directory.
    pub fn pool(&self) -> PathBuf {
        self.data_dir().join("pool")
    }

    /// Where an attached volume is mounted on the host.
    pub fn host_mount(&self, volume: &str) -> PathBuf {
        self.pool().join("mounts").join(volume)
    }

    /// The sealed image of a snapshot.
    pub fn snapshot_image(&self, snapshot: &str) -> PathBuf {
        self.pool().join("snapshots").join(snapshot).join("disk.img")
    }

    /// The image of a volume.
    pub fn volume_image(&self, volume: &str) -> PathBuf {
        self.pool().join("volumes").join(volume).join("disk.img")
    }
}
