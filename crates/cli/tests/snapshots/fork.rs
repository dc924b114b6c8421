//! Aim: a fork of a running volume is a volume of its own: whole, with the data of the instant, and from then on nothing that
//! happens to either reaches the other.
//!
//! Method: a volume is forked under an open writer; both are changed, attached at the same time, and destroyed in turn.

use std::fs;

use miosa_testkit::image::assert_no_fault;
use serde_json::json;

use super::{Attached, MIB, server};

#[test]
fn a_fork_under_an_open_writer_is_independent() {
    let server = server();
    let base = Attached::new(&server, 256 * MIB);
    let writer = "n=0; while :; do n=$((n+1)); echo $n >> /mnt/data/log; done";
    server.sh(
        &base.computer,
        &format!("echo base > /mnt/data/file; setsid sh -c '{writer}' > /dev/null 2>&1 &"),
    );
    server.sh(&base.computer, "until [ -s /mnt/data/log ]; do usleep 10000; done");
    // Not synced: it was written before the call, and that is enough.
    fs::write(base.mount.join("unsynced"), "there").expect("write to the volume");

    let first = server.fork(&base.volume, json!({}));
    let second = server.fork(&base.volume, json!({"name": "preview", "ttl": "3d", "size_bytes": 512 * MIB}));
    for fork in [&first, &second] {
        assert_no_fault(&server.volume_image(fork));
    }
    let volume = server.volume(&second);
    assert_eq!(volume["origin"], json!({"kind": "volume", "id": base.volume}));
    assert_eq!((&volume["name"], &volume["size_bytes"]), (&json!("preview"), &json!(512 * MIB)));
    assert!(volume["expires_at"].is_string(), "{volume}");
    assert_eq!(server.volume(&first)["name"], "data-fork");
    assert!(server.snapshots_of(&base.volume).is_empty(), "a fork leaves a snapshot behind");

    // Beside its base, in the same computer and in another one.
    server.attach(&base.computer, &first, "/mnt/first");
    let other = Attached::with(&server, &second);
    let expected = "base there";
    assert_eq!(server.sh(&base.computer, "cd /mnt/first && echo $(cat file unsynced)"), expected);
    assert_eq!(server.sh(&other.computer, "cd /mnt/data && echo $(cat file unsynced)"), expected);
    for (computer, log) in [(&base.computer, "/mnt/first/log"), (&other.computer, "/mnt/data/log")] {
        // Lines 1, 2, 3, … without a gap. The last may be cut, and its block end with zeroes, as after a power cut.
        server.sh(computer, &format!("tr -d '\\0' < {log} | sed '$d' | awk '$1 != NR {{ exit 1 }}'"));
    }
    server.sh(&other.computer, "echo changed > /mnt/data/file && rm /mnt/data/unsynced && sync");
    assert_eq!(server.sh(&base.computer, "cat /mnt/data/file /mnt/first/file"), "base\nbase");

    // Each survives the end of the others.
    server.delete_computer(&base.computer);
    for gone in [&base.volume, &first] {
        server.wait_volume(gone, "available");
        server.delete_volume(gone).ok();
    }
    assert_eq!(server.sh(&other.computer, "cat /mnt/data/file"), "changed");
    server.detach(&other.computer, &other.attachment).ok();
    assert_no_fault(&server.volume_image(&second));
    server.undelete_volume(&base.volume).ok();
    server.delete_volume(&second).ok();
    assert_no_fault(&server.volume_image(&base.volume));
    server.attach(&other.computer, &base.volume, "/mnt/data");
    assert_eq!(server.sh(&other.computer, "cat /mnt/data/file /mnt/data/unsynced"), "base\nthere");
    server.finish();
}
