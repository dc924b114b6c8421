//! Aim: a snapshot comes back: as a new volume, also a larger one, that can be attached at once; or in place, where nothing
//! that uses the volume is surprised, and the restore itself can be undone.
//!
//! Method: one file is in the snapshot and another came later; which of them is there is read inside a computer.

use miosa_testkit::image::assert_no_fault;
use miosa_testkit::server::Server;
use serde_json::{Value, json};

use super::{Attached, MIB, id, server};

const SIZE_BYTES: u64 = 256 * MIB;

/// A volume with the file `old` in its snapshot, and with `new` beside it since. Answers the snapshot's id.
fn with_past(server: &Server, attached: &Attached) -> String {
    server.sh(&attached.computer, "echo one > /mnt/data/old && mkdir /mnt/data/folder");
    let snapshot = server.take_snapshot(&attached.volume, json!({"name": "past"}));
    server.sh(
        &attached.computer,
        "echo two > /mnt/data/old && echo new > /mnt/data/new && rmdir /mnt/data/folder",
    );
    id(&snapshot).to_owned()
}

/// What is in the volume, as its computer sees it.
fn seen(server: &Server, computer: &str, path: &str) -> String {
    server.sh(computer, &format!("cd {path} && echo $(ls -d folder new 2>/dev/null) $(cat old)"))
}

const PAST: &str = "folder one";
const PRESENT: &str = "new two";

fn restore(server: &Server, volume: &str, body: Value) -> miosa_testkit::server::Answer {
    server.http("POST", &format!("/api/v1/volumes/{volume}/restore"), Some(body))
}

#[test]
fn to_a_new_volume_of_any_larger_size() {
    let server = server();
    let attached = Attached::new(&server, SIZE_BYTES);
    let snapshot = with_past(&server, &attached);

    let path = format!("/api/v1/volume-snapshots/{snapshot}/restore");
    server.http("POST", &path, Some(json!({"size_bytes": SIZE_BYTES / 2}))).refused(422, "VALIDATION_ERROR");
    for size_bytes in [SIZE_BYTES, 4 * SIZE_BYTES] {
        let restored = server.restore_as_new(&snapshot, json!({"name": "back", "size_bytes": size_bytes}));
        assert_no_fault(&server.volume_image(&restored));
        let volume = server.volume(&restored);
        assert_eq!(
            (&volume["size_bytes"], &volume["origin"]),
            (&json!(size_bytes), &json!({"kind": "snapshot", "id": snapshot}))
        );
        // At the same time as the volume that it comes from: neither is mistaken for the other.
        let attachment = server.attach(&attached.computer, &restored, "/mnt/restored");
        assert_eq!(seen(&server, &attached.computer, "/mnt/restored"), PAST);
        let kib: u64 = server
            .sh(&attached.computer, "df -k /mnt/restored | awk 'END{print $2}'")
            .parse()
            .expect("a number");
        assert!((size_bytes * 8 / 10..=size_bytes).contains(&(kib << 10)), "{kib} KiB of {size_bytes} bytes");
        server.sh(&attached.computer, "echo changed > /mnt/restored/old");
        server.detach(&attached.computer, &attachment).ok();
    }
    assert_eq!(seen(&server, &attached.computer, "/mnt/data"), PRESENT);
    let again = server.restore_as_new(&snapshot, json!({}));
    server.attach(&attached.computer, &again, "/mnt/restored");
    assert_eq!(
        seen(&server, &attached.computer, "/mnt/restored"),
        PAST,
        "a restored volume reached its snapshot"
    );
    server.finish();
}

#[test]
fn in_place_with_a_way_back() {
    let server = server();
    let attached = Attached::new(&server, SIZE_BYTES);
    let snapshot = with_past(&server, &attached);
    let volume = attached.volume.as_str();

    // In use, it is refused, and says what would do.
    let refused = restore(&server, volume, json!({"snapshot_id": snapshot})).refused(409, "VOLUME_IN_USE");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("force")), "{refused}");
    assert_eq!(seen(&server, &attached.computer, "/mnt/data"), PRESENT);

    server.detach(&attached.computer, &attached.attachment).ok();
    let restored = restore(&server, volume, json!({"snapshot_id": snapshot})).ok();
    assert_eq!((id(&restored), &restored["status"]), (volume, &json!("available")));
    assert_no_fault(&server.volume_image(volume));
    server.attach(&attached.computer, volume, "/mnt/data");
    assert_eq!(seen(&server, &attached.computer, "/mnt/data"), PAST);

    // What was there until then is a snapshot too. Back by force, under the running computer.
    let snapshots = server.snapshots_of(volume);
    let safety =
        snapshots.iter().find(|snapshot| snapshot["trigger"] == "safety").expect("a safety snapshot");
    assert_eq!((snapshots.len(), &safety["state"]), (2, &json!("ready")));
    let restored = restore(&server, volume, json!({"snapshot_id": id(safety), "force": true})).ok();
    assert!(
        matches!(restored["status"].as_str(), Some("available" | "attaching" | "attached")),
        "{restored}"
    );
    server.wait_computer(&attached.computer, "running");
    server.wait_volume(volume, "attached");
    assert_eq!(seen(&server, &attached.computer, "/mnt/data"), PRESENT);
    assert_eq!(server.snapshots_of(volume).len(), 3);

    let kinds: Vec<Value> = server.events(volume).into_iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "volume.restored").count(), 2, "{kinds:?}");
    server.finish();
}

/// A computer that writes without a pause is stopped, restored and started: it finds the old data at its first instruction.
#[test]
fn by_force_under_a_computer_that_writes() {
    let server = server();
    let volume = server.create_volume("data", SIZE_BYTES);
    let command = "trap 'exit 0' TERM; [ -e /mnt/data/first ] || echo first > /mnt/data/first; \
                   ls /mnt/data | grep -c run > /root/found; touch /mnt/data/run.$$.$RANDOM; \
                   while :; do echo more >> /mnt/data/log; sync /mnt/data/log; done";
    let body = json!({"name": "writer", "auto_start": false, "command": command});
    let computer = server.http("POST", "/api/v1/computers", Some(body)).ok();
    let computer = id(&computer).to_owned();
    server.wait_computer(&computer, "stopped");
    let snapshot = server.take_snapshot(&volume, json!({}));
    server.attach(&computer, &volume, "/mnt/data");
    server.power(&computer, "start");
    let is_writing = "until [ -s /mnt/data/log ]; do usleep 10000; done; ls /mnt/data | grep -c run";
    assert_eq!(server.sh(&computer, is_writing), "1");
    server.sh(&computer, "touch /mnt/data/later");

    restore(&server, &volume, json!({"snapshot_id": id(&snapshot), "force": true})).ok();
    server.wait_computer(&computer, "running");
    assert_eq!(server.sh(&computer, is_writing), "1", "runs that the restored volume has seen");
    assert_eq!(server.sh(&computer, "cat /root/found"), "0", "runs that it had seen before");
    server.sh(&computer, "! ls /mnt/data/later");
    server.finish();
}

/// A snapshot of another volume is none of this one's, and of a deleted volume it can still be restored.
#[test]
fn a_snapshot_outlives_its_volume_and_stays_its_own() {
    let server = server();
    let attached = Attached::new(&server, SIZE_BYTES);
    let snapshot = with_past(&server, &attached);
    let other = server.create_volume("other", SIZE_BYTES);
    restore(&server, &other, json!({"snapshot_id": snapshot})).refused(404, "NOT_FOUND");
    let below = format!("/api/v1/volumes/{other}/snapshots/{snapshot}");
    server.http("GET", &below, None).refused(404, "NOT_FOUND");

    server.detach(&attached.computer, &attached.attachment).ok();
    server.delete_volume(&attached.volume).ok();
    assert_eq!(server.snapshot(&snapshot)["state"], "ready");
    let restored = server.restore_as_new(&snapshot, json!({}));
    assert_eq!(server.volume(&restored)["name"], "data-restored");
    server.attach(&attached.computer, &restored, "/mnt/data");
    assert_eq!(seen(&server, &attached.computer, "/mnt/data"), PAST);
    server.finish();
}
