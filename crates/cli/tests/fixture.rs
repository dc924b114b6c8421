//! Aim: what an earlier version has written, this one opens: its volumes, its snapshots, what is in them, and what they remember.
//!
//! Method: `fixtures/pool-v1.jsonl.gz` is a whole server of format 1, stopped in good order: pool, ledger and database. It is
//! laid out on a fresh filesystem, and served. The file is written once for each format, by a version that has that format, and
//! never again; later versions have to cope with it:
//!
//! ```text
//!   MIOSA_WRITE_FIXTURE=1 cargo test -p miosa-cli --test fixture
//! ```

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use miosa_testkit::archive::{pack, unpack};
use miosa_testkit::pool_dir::PoolDir;
use miosa_testkit::server::{Server, ServerOptions};
use serde_json::{Value, json};

const VOLUME_BYTES: u64 = 64 << 20;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pool-v1.jsonl.gz")
}

/// A server with its pool right on a filesystem that shares blocks.
fn prepare(pool: &PoolDir) -> Server {
    let args = vec![OsString::from("--pool"), pool.path().into()];
    Server::prepare(ServerOptions { args, ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa")) })
}

fn id_of<'a>(objects: &'a [Value], name: &str) -> &'a str {
    let named = objects.iter().find(|object| object["name"] == name);
    named.and_then(|object| object["id"].as_str()).unwrap_or_else(|| panic!("no {name} in {objects:?}"))
}

/// Two volumes with a snapshot each. What is in the volume `alpha` is not what is in its snapshot.
fn write_fixture() {
    let pool = PoolDir::xfs();
    let mut server = prepare(&pool);
    server.start_again();
    let computer = server.run_computer(json!({"name": "box"}));
    for name in ["alpha", "beta"] {
        let volume = server.create_volume(name, VOLUME_BYTES);
        let attachment = server.attach(&computer, &volume, "/mnt/data");
        server.sh(&computer, &format!("mkdir /mnt/data/folder && echo {name} then > /mnt/data/folder/file && ln -s folder/file /mnt/data/link"));
        let snapshot = server
            .take_snapshot(&volume, json!({"name": format!("{name}-then"), "metadata": {"kept": name}}));
        let snapshot = snapshot["id"].as_str().expect("an id");
        server.wait_snapshot_that(snapshot, "with a checksum", |snapshot| snapshot["checksum"].is_string());
        server.sh(&computer, &format!("echo {name} now > /mnt/data/folder/file"));
        server.detach(&computer, &attachment).ok();
    }
    let volumes = server.list_all("/api/v1/volumes");
    let schedule = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 30});
    server.http("PATCH", &format!("/api/v1/volumes/{}", id_of(&volumes, "beta")), Some(schedule)).ok();
    let snapshots = server.list_all("/api/v1/volume-snapshots");
    let path = format!("/api/v1/volume-snapshots/{}", id_of(&snapshots, "alpha-then"));
    server.http("PATCH", &path, Some(json!({"protected": true}))).ok();
    server.delete_computer(&computer);
    server.stop();
    // Runtime state is made anew, and so are templates of sizes that nobody uses here.
    let is_kept = |part: &str, path: &Path| path.starts_with(part) || Path::new(part).starts_with(path);
    let is_wanted = |root: &str, path: &Path| match root {
        "data" => ["credentials", "controller", "agent/ledger"].iter().any(|part| is_kept(part, path)),
        _ => !path.starts_with("templates") || is_kept(&format!("templates/ext4-{VOLUME_BYTES}.img"), path),
    };
    fs::create_dir_all(file().parent().expect("it lies in a folder")).expect("make the folder");
    pack(&file(), &[("data", server.data_dir()), ("pool", pool.path())], is_wanted);
    server.start_again();
    server.finish();
}

#[test]
fn a_pool_of_format_1_opens() {
    if std::env::var_os("MIOSA_WRITE_FIXTURE").is_some_and(|write| write == "1") {
        write_fixture();
    }
    let pool = PoolDir::xfs();
    let mut server = prepare(&pool);
    fs::create_dir_all(server.data_dir()).expect("make the data directory");
    unpack(&file(), &[("data", server.data_dir()), ("pool", pool.path())]);
    server.start_again();

    let volumes = server.list_all("/api/v1/volumes");
    assert_eq!(volumes.len(), 2, "{volumes:?}");
    let beta = server.volume(id_of(&volumes, "beta"));
    assert_eq!(
        (&beta["snapshot_schedule"], &beta["snapshot_retention_days"]),
        (&json!("0 4 * * *"), &json!(30))
    );
    // The times that its schedule has missed since then may have made one more.
    let snapshots = server.list_all("/api/v1/volume-snapshots");
    let (alpha_then, beta_then) = (id_of(&snapshots, "alpha-then"), id_of(&snapshots, "beta-then"));
    assert_eq!(server.snapshot(alpha_then)["protected"], true);
    assert_eq!(server.snapshot(beta_then)["metadata"], json!({"kept": "beta"}));

    let computer = server.run_computer(json!({"name": "box"}));
    let now = server.attach(&computer, id_of(&volumes, "alpha"), "/mnt/now");
    assert_eq!(server.sh(&computer, "cat /mnt/now/link"), "alpha now");
    for (snapshot, content) in [(alpha_then, "alpha then"), (beta_then, "beta then")] {
        let path = format!("/api/v1/volume-snapshots/{snapshot}");
        let verified = server.http("POST", &format!("{path}/verify"), Some(json!({}))).ok();
        assert_eq!(verified["verification"]["state"], "intact", "{verified}");
        let file = server.http("GET", &format!("{path}/files/download?path=/folder/file"), None);
        assert_eq!(String::from_utf8_lossy(&file.bytes).trim(), content);
        let restored = server.restore_as_new(snapshot, json!({}));
        let attachment = server.attach(&computer, &restored, "/mnt/then");
        assert_eq!(server.sh(&computer, "cat /mnt/then/link"), content);
        server.detach(&computer, &attachment).ok();
    }
    server.take_snapshot(id_of(&volumes, "alpha"), json!({}));
    server.detach(&computer, &now).ok();
    server.finish();
}
