//! Aim: the main job as the product's page tells it, from the first call to the last, on real devices.
//!
//! Method: one server, one volume of 50 GB, one computer; every step is a call of the public API, and what it did is looked at
//! from inside the computer.

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::json;

const GIB: u64 = 1 << 30;

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

#[test]
fn a_volume_keeps_its_data_from_creation_to_destruction() {
    let server = server();
    let computer = server.run_computer(json!({"name": "build-box"}));

    let body = json!({"name": "model-weights", "size_bytes": 53_687_091_200_u64, "backend": "local"});
    let volume = server.http("POST", "/api/v1/volumes", Some(body)).ok();
    assert_eq!((&volume["size_gb"], &volume["size_bytes"]), (&json!(50), &json!(53_687_091_200_u64)));
    assert_eq!(volume["data"]["id"], volume["id"]);
    let id = volume["id"].as_str().expect("an id").to_owned();
    server.wait_volume(&id, "available");

    // Attached to the running computer, it is there when the call answers.
    let attachment = server.attach(&computer, &id, "/mnt/data");
    let listed = server.volume(&id);
    assert_eq!((&listed["status"], &listed["attached_to"]), (&json!("attached"), &json!(computer)));
    let mount = server.sh(&computer, "grep ' /mnt/data ' /proc/self/mountinfo");
    let (mount, filesystem) = mount.split_once(" - ").expect("a line of mountinfo");
    assert!(filesystem.starts_with("ext4 "), "{filesystem}");
    for option in ["rw", "nosuid", "nodev"] {
        let options = mount.split(' ').nth(5).expect("options");
        assert!(options.split(',').any(|o| o == option), "{option} is missing in {options}");
    }
    let kib: u64 = server.sh(&computer, "df -k /mnt/data | awk 'END{print $2}'").parse().expect("a number");
    assert!((48 * GIB..=50 * GIB).contains(&(kib << 10)), "{kib} KiB are not 50 GB");

    server
        .sh(&computer, "echo kept > /mnt/data/file && mkdir /mnt/data/folder && chmod 700 /mnt/data/folder");
    server.detach(&computer, &attachment).ok();
    let listed = server.volume(&id);
    assert_eq!((&listed["status"], &listed["attached_to"]), (&json!("available"), &json!(null)));
    assert!(server.attachments(&computer).is_empty());
    assert_ne!(
        server.exec(&computer, "cat /mnt/data/file").exit_code,
        0,
        "the file is still there after detach"
    );
    server.sh(&computer, "! grep ' /mnt/data ' /proc/self/mountinfo");

    // Elsewhere, in another computer, at another path.
    let other = server.run_computer(json!({"name": "other-box"}));
    let attachment = server.attach(&other, &id, "/srv/models");
    assert_eq!(server.sh(&other, "cat /srv/models/file && stat -c %a /srv/models/folder"), "kept\n700");
    server.detach(&other, &attachment).ok();

    // Destroyed means: in the trash, and an undo away.
    let deleted = server.delete_volume(&id).ok();
    assert_eq!((&deleted["deleted"], &deleted["status"]), (&json!(true), &json!("deleted")));
    server.http("GET", &format!("/api/v1/volumes/{id}"), None).refused(404, "NOT_FOUND");
    let again = server.delete_volume(&id).refused(404, "NOT_FOUND");
    assert!(again["error"]["details"]["deleted_at"].is_string(), "{again}");
    assert!(server.list_all("/api/v1/volumes").is_empty());
    let trash = server.http("GET", "/api/v1/volumes?status=deleted", None).ok();
    assert_eq!((trash["data"][0]["id"].as_str(), &trash["page"]["total"]), (Some(id.as_str()), &json!(1)));
    server.try_attach(&computer, &id, "/mnt/data").refused(404, "NOT_FOUND");

    let back = server.undelete_volume(&id).ok();
    assert_eq!((&back["id"], &back["status"]), (&json!(id), &json!("available")));
    server.attach(&computer, &id, "/mnt/data");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file"), "kept");

    server.delete_volume(&id).refused(409, "VOLUME_IN_USE");
    let attachment = server.attachments(&computer)[0]["id"].as_str().expect("an id").to_owned();
    server.detach(&computer, &attachment).ok();
    server.delete_volume(&id).ok();
    server.finish();
}

/// An attachment to a stopped computer is there at its next start, and belongs to it over stop, start and restart.
#[test]
fn an_attachment_outlives_stop_start_and_restart() {
    let server = server();
    let volume = server.create_volume("kept", GIB);
    let computer = server.run_computer(json!({"name": "box"}));
    server.power(&computer, "stop");
    let attachment = server.attach(&computer, &volume, "/mnt/data");
    let exec = json!({"command": "true"});
    server
        .http("POST", &format!("/api/v1/computers/{computer}/exec"), Some(exec))
        .refused(409, "RESOURCE_STATE");

    server.power(&computer, "start");
    server.sh(&computer, "echo one > /mnt/data/file && echo root > /root/file");
    server.power(&computer, "restart");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file /root/file"), "one\nroot");
    server.power(&computer, "stop");
    assert_eq!(server.attachments(&computer)[0]["id"], attachment.as_str());
    server.power(&computer, "start");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file /root/file"), "one\nroot");
    assert_eq!(server.attachments(&computer)[0]["id"], attachment.as_str());

    // Detached while stopped, it is not there at the next start.
    server.power(&computer, "stop");
    server.detach(&computer, &attachment).ok();
    server.wait_volume(&volume, "available");
    server.power(&computer, "start");
    server.sh(&computer, "! grep ' /mnt/data ' /proc/self/mountinfo && cat /root/file");

    // A deleted computer takes its attachments with it, and leaves the volume.
    server.attach(&computer, &volume, "/mnt/data");
    server.delete_computer(&computer);
    server.wait_volume(&volume, "available");
    let heir = server.run_computer(json!({"name": "heir"}));
    server.attach(&heir, &volume, "/mnt/data");
    assert_eq!(server.sh(&heir, "cat /mnt/data/file"), "one");
    server.finish();
}
