//! Aim: a snapshot says what it alone holds, and deleting it gives just that back. A pool that gets full pauses the schedules
//! first, then refuses what is new, and says so each time.
//!
//! Method: the pool's filesystem is asked how much of it is used.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use miosa_testkit::server::{Server, ServerOptions, wait_until_or};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde_json::json;

use super::schedule::{make_overdue, schedule_that_is_far};
use super::{Attached, MIB, id, server};

const HELD_BYTES: u64 = 200 * MIB;

fn used_bytes(server: &Server) -> u64 {
    let filesystem = statvfs(server.pool().join("fs")).expect("the pool has a filesystem");
    (filesystem.f_blocks - filesystem.f_bfree) * filesystem.f_frsize
}

/// Within a twentieth, which leaves room for the filesystems' own blocks.
fn is_about(bytes: u64, expected: u64) -> bool {
    bytes.abs_diff(expected) < expected / 20
}

#[test]
fn deleting_a_snapshot_gives_its_space_back() {
    let server = server();
    let attached = Attached::new(&server, 512 * MIB);
    let fill = format!("head -c {HELD_BYTES} /dev/urandom > /mnt/data/file && sync /mnt/data/file");
    server.sh(&attached.computer, &fill);
    let old = server.take_snapshot(&attached.volume, json!({}));
    // In place: from now on the snapshot alone has the old blocks.
    server.sh(&attached.computer, &fill.replace("> /mnt", "1<> /mnt"));
    let new = server.take_snapshot(&attached.volume, json!({}));

    let measured = server.wait_snapshot_that(id(&old), "what it alone holds", |snapshot| {
        snapshot["exclusive_bytes"].as_u64().is_some_and(|bytes| is_about(bytes, HELD_BYTES))
    });
    assert!(measured["exclusive_bytes_at"].is_string(), "{measured}");
    wait_until_or("the volume to know what its snapshots hold", || {
        let volume = server.volume(&attached.volume);
        match volume["space"]["held_by_snapshots_bytes"].as_u64() {
            Some(bytes) if is_about(bytes, HELD_BYTES) => Ok(()),
            _ => Err(volume["space"].to_string()),
        }
    });

    let before = used_bytes(&server);
    server.delete_snapshot(id(&old));
    wait_until_or("the space to come back", || {
        let freed = before.saturating_sub(used_bytes(&server));
        if is_about(freed, HELD_BYTES) { Ok(()) } else { Err(format!("{freed} bytes came back")) }
    });
    // The other one shares everything with the volume.
    let before = used_bytes(&server);
    server.delete_snapshot(id(&new));
    assert!(before.saturating_sub(used_bytes(&server)) < HELD_BYTES / 20, "it held what the volume holds");
    server.finish();
}

/// Makes the pool's filesystem at least so full, by a file that no product knows and that only grows.
fn fill_up(server: &Server, percent: u64) {
    let filesystem = statvfs(server.pool().join("fs")).expect("the pool has a filesystem");
    let wanted_bytes = filesystem.f_blocks * filesystem.f_frsize * percent / 100;
    let options = OpenOptions::new().append(true).create(true).open(ballast(server));
    let file = options.expect("make a file in the pool");
    let present_bytes = file.metadata().expect("look at the file").len();
    let missing_bytes = wanted_bytes - used_bytes(server);
    fallocate(&file, FallocateFlags::empty(), present_bytes, missing_bytes).expect("the pool has room");
}

fn ballast(server: &Server) -> PathBuf {
    server.pool().join("fs/ballast")
}

#[test]
fn a_full_pool_pauses_schedules_and_then_refuses() {
    let options =
        ServerOptions { pool_size: "400MB".into(), ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa")) };
    let mut server = Server::start(options);
    let volume = server.create_volume("data", 64 * MIB);
    let path = format!("/api/v1/volumes/{volume}");
    server.http("PATCH", &path, Some(json!({"snapshot_schedule": schedule_that_is_far()}))).ok();

    fill_up(&server, 87);
    server.stop();
    make_overdue(&server, &volume);
    server.start_again();
    wait_until_or("the schedule to be paused", || {
        let schedule = server.volume(&volume)["snapshots"].clone();
        if schedule["schedule_state"] == "paused" { Ok(()) } else { Err(schedule.to_string()) }
    });
    let schedule = server.volume(&volume)["snapshots"].clone();
    assert!(schedule["schedule_message"].as_str().is_some_and(|message| message.contains('%')), "{schedule}");
    assert!(server.events(&volume).iter().any(|event| event["kind"] == "schedule.paused"));
    assert!(server.snapshots_of(&volume).is_empty());
    // By hand, there is still room.
    server.take_snapshot(&volume, json!({}));

    fill_up(&server, 92);
    let refused = server.try_take_snapshot(&volume, json!({})).refused(409, "INSUFFICIENT_CAPACITY");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("elete")), "{refused}");
    server.http("POST", &format!("{path}/clone"), Some(json!({}))).refused(409, "INSUFFICIENT_CAPACITY");
    fs::remove_file(ballast(&server)).expect("what the test made");
    // The filesystem gives it back in the background.
    wait_until_or("room for a snapshot again", || match server.try_take_snapshot(&volume, json!({})) {
        answer if answer.is_success() => Ok(()),
        answer => Err(answer.to_string()),
    });
    server.finish();
}
