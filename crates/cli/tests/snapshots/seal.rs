//! Aim: nothing changes a snapshot; and if something does all the same, beside the filesystem, it is found and said loudly.
//!
//! Method: root itself tries everything that would change the sealed image. Then the flag is taken off, one byte changed, and
//! the flag set again: as a disk would that forgets.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use miosa_testkit::server::remains::set_immutable;
use rustix::fs::{SeekFrom, XattrFlags};
use serde_json::json;

use super::{Attached, MIB, id, server};

/// Everything that root may try by ordinary means.
fn attempts(image: &Path) -> Vec<(&'static str, io::Result<()>)> {
    let beside = image.with_file_name("other");
    let attribute =
        |name: &CStr| rustix::fs::setxattr(image, name, b"x", XattrFlags::empty()).map_err(io::Error::from);
    vec![
        ("open for writing", OpenOptions::new().write(true).open(image).map(drop)),
        ("open for appending", OpenOptions::new().append(true).open(image).map(drop)),
        (
            "truncate",
            rustix::fs::open(
                image,
                rustix::fs::OFlags::TRUNC | rustix::fs::OFlags::WRONLY,
                rustix::fs::Mode::empty(),
            )
            .map(drop)
            .map_err(io::Error::from),
        ),
        ("change the mode", fs::set_permissions(image, Permissions::from_mode(0o666))),
        ("change the owner", std::os::unix::fs::chown(image, Some(1), Some(1))),
        ("set an attribute", attribute(c"user.x")),
        ("link", fs::hard_link(image, &beside)),
        ("rename", fs::rename(image, &beside)),
        ("rename over it", fs::write(&beside, "").and_then(|()| fs::rename(&beside, image))),
        ("unlink", fs::remove_file(image)),
    ]
}

#[test]
fn root_cannot_change_a_snapshot_and_damage_is_found() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    server.sh(&attached.computer, "head -c 8000000 /dev/urandom > /mnt/data/file");
    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    let (snapshot, image) = (id(&snapshot).to_owned(), server.snapshot_image(id(&snapshot)));
    for (what, outcome) in attempts(&image) {
        assert_eq!(outcome.map_err(|e| e.kind()), Err(ErrorKind::PermissionDenied), "{what}");
    }
    fs::remove_file(image.with_file_name("other")).expect("what the test made beside it");

    // A checksum comes by itself, and is found again.
    let summed =
        server.wait_snapshot_that(&snapshot, "with a checksum", |snapshot| snapshot["checksum"].is_string());
    let path = format!("/api/v1/volume-snapshots/{snapshot}/verify");
    server.http("POST", &path, Some(json!({}))).ok();
    let outcome = |wanted: &'static str| {
        server.wait_snapshot_that(&snapshot, wanted, |snapshot| snapshot["verification"]["state"] == wanted)
    };
    let intact = outcome("intact");
    assert_eq!((&intact["checksum"], &intact["error"]), (&summed["checksum"], &json!(null)));

    flip_a_bit(&image);
    server.http("POST", &path, Some(json!({}))).ok();
    let damaged = outcome("damaged");
    assert_eq!(damaged["state"], "ready", "it is still the only one there is: {damaged}");
    assert!(damaged["error"].is_string() && damaged["verification"]["message"].is_string(), "{damaged}");
    assert_eq!(damaged["checksum"], summed["checksum"], "the damage was made the truth");
    let events = server.events(&attached.volume);
    let told = events.iter().filter(|event| event["kind"] == "snapshot.damaged").collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{events:?}");
    assert_eq!(told[0]["snapshot_id"], snapshot.as_str());
    assert!(server.log().contains(&snapshot), "the log says nothing of it");
    server.finish();
}

/// In the middle of the first data, as a bad disk would: flag and times stay as they are.
fn flip_a_bit(image: &Path) {
    set_immutable(image, false).expect("take the flag off");
    let file = File::options().read(true).write(true).open(image).expect("open the image");
    let start = rustix::fs::seek(&file, SeekFrom::Data(16 << 20)).expect("there is data behind 16 MiB");
    let mut byte = [0];
    file.read_exact_at(&mut byte, start + 100).expect("read a byte");
    file.write_all_at(&[byte[0] ^ 1], start + 100).expect("change it");
    file.sync_all().expect("sync the image");
    set_immutable(image, true).expect("set the flag again");
}
