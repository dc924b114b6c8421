//! Aim: a user's commands run around the instant of a snapshot, in the computer: what `before` did is in it, what `after` did is
//! not. Without `before` there is no snapshot, and `after` runs whatever happens. A disk that does not answer fails the
//! snapshot in time, and nobody who uses the volume.
//!
//! Method: the commands leave files on the volume and beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use miosa_testkit::image::Look;
use miosa_testkit::server::Server;
use serde_json::json;

use super::{Attached, MIB, id, run, server};

#[test]
fn commands_run_around_the_instant() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let sh = |command: &str| server.sh(&attached.computer, command);
    let hooks = json!({
        "before_snapshot": "date +%s%N > /mnt/data/before && cp /mnt/data/before /root/before",
        "after_snapshot": "echo ran >> /mnt/data/after",
        "hook_timeout_seconds": 20,
    });
    let path = format!("/api/v1/volumes/{}", attached.volume);
    let volume = server.http("PATCH", &path, Some(hooks.clone())).ok();
    assert_eq!(volume["snapshots"]["before_snapshot"], hooks["before_snapshot"]);

    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    assert_eq!(sh("cat /mnt/data/after"), "ran");
    {
        let look = Look::into(&server, &server.snapshot_image(id(&snapshot)));
        let held = fs::read_to_string(look.path().join("before"))
            .expect("what the command before wrote is in the snapshot");
        assert_eq!(held.trim(), sh("cat /root/before"), "and it is what this very run wrote");
        assert!(!look.path().join("after").exists(), "what the command after wrote is in the snapshot");
    }

    // For one snapshot alone there are other commands, or none.
    sh("rm /mnt/data/before /mnt/data/after");
    server.take_snapshot(
        &attached.volume,
        json!({"before_snapshot": "", "after_snapshot": "touch /mnt/data/other"}),
    );
    sh("test -e /mnt/data/other && ! test -e /mnt/data/before && ! test -e /mnt/data/after");

    // A command that fails, and one that does not end.
    for (before, told) in
        [("echo no room >&2; exit 3", ["3", "no room"]), ("sleep 100000", ["1 s", "before_snapshot"])]
    {
        sh("rm -f /mnt/data/after");
        let body = json!({"before_snapshot": before, "hook_timeout_seconds": 1});
        let refused = server.try_take_snapshot(&attached.volume, body).refused(409, "HOOK_FAILED");
        let message = refused["message"].as_str().expect("a message");
        assert!(told.iter().all(|part| message.contains(part)), "{message}");
        assert_eq!(sh("cat /mnt/data/after"), "ran", "after {before:?}");
        assert_eq!(sh("ps | grep -c 'sleep [1]00000'; true"), "0", "the command goes on");
    }
    let states: Vec<_> = server.snapshots_of(&attached.volume).iter().map(|s| s["state"].clone()).collect();
    assert_eq!(states, ["failed", "failed", "ready", "ready"]);

    // With nobody to run them in, there is a snapshot all the same.
    server.detach(&attached.computer, &attached.attachment).ok();
    server.take_snapshot(&attached.volume, json!({}));
    server.finish();
}

/// The pool's own filesystem, which takes no write until this is dropped.
struct StuckDisk(PathBuf);

impl StuckDisk {
    fn of(server: &Server) -> Self {
        let filesystem = server.pool().join("fs");
        run(Command::new("fsfreeze").arg("--freeze").arg(&filesystem));
        Self(filesystem)
    }
}

impl Drop for StuckDisk {
    fn drop(&mut self) {
        let done = Command::new("fsfreeze").arg("--unfreeze").arg(&self.0).status();
        assert!(
            std::thread::panicking() || done.is_ok_and(|status| status.success()),
            "the disk stays stuck"
        );
    }
}

#[test]
fn a_stuck_disk_fails_the_snapshot_alone() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    server.sh(&attached.computer, "echo early > /mnt/data/file && sync");
    let stuck = StuckDisk::of(&server);
    // Dirty pages that cannot go anywhere.
    fs::write(attached.mount.join("file"), "late\n").expect("write to the page cache");
    let answer = server.try_take_snapshot(&attached.volume, json!({})).ok();
    assert_eq!(answer["state"], "creating", "{answer}");
    let failed = server.wait_snapshot(id(&answer), "failed");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("written back")), "{failed}");
    // Who does not touch the stuck disk waits for nothing.
    server.sh(&attached.computer, "echo alive");
    assert_eq!(server.volume(&attached.volume)["state"], "attached");
    drop(stuck);

    server.sh(&attached.computer, "echo later > /mnt/data/file && sync /mnt/data/file");
    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    let look = Look::into(&server, &server.snapshot_image(id(&snapshot)));
    assert_eq!(fs::read_to_string(look.path().join("file")).expect("it is there"), "later\n");
    drop(look);
    server.finish();
}
