//! Aim: what is in a snapshot can be listed, read and compared, whatever its files are called and wherever its links point:
//! nothing outside it is ever reached. No process but the agent sees the mount. What differs between two snapshots is named
//! exactly.
//!
//! Method: a tree as hostile as a workload can make it, read through the public API.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use miosa_testkit::server::remains::{loops_below, mount_table};
use miosa_testkit::server::{Answer, Server, wait_until};
use serde_json::{Value, json};

use super::{Attached, MIB, id, run, server};

/// Every byte that needs it, and more.
fn encoded(path: &[u8]) -> String {
    path.iter()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || *byte == b'/' {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The files of one snapshot through the API.
struct Files<'a> {
    server: &'a Server,
    snapshot: String,
}

impl Files<'_> {
    fn call(&self, what: &str, path: &[u8]) -> Answer {
        self.get(&format!("{what}?path={}", encoded(path)), &[])
    }

    fn get(&self, rest: &str, headers: &[(&str, &str)]) -> Answer {
        let authorization = format!("Bearer {}", self.server.key());
        let headers = [&[("Authorization", authorization.as_str())], headers].concat();
        let path = format!("/api/v1/volume-snapshots/{}/files{rest}", self.snapshot);
        self.server.raw_http("GET", &path, &headers, None).expect("a whole answer")
    }

    fn content(&self, path: &[u8]) -> Vec<u8> {
        let answer = self.call("/download", path);
        assert_eq!(answer.status, 200, "{answer}");
        answer.bytes
    }

    fn names(&self, path: &[u8]) -> Vec<String> {
        let list = self.call("", path).ok();
        let names = list["data"].as_array().expect("a list").iter();
        names.map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
    }
}

fn make_hostile_tree(root: &Path) {
    let make = |name: &[u8], content: &str| {
        fs::write(root.join(OsStr::from_bytes(name)), content).expect("make a file")
    };
    fs::create_dir(root.join("etc")).expect("make a folder");
    make(b"etc/hostname", "inside");
    for (name, target) in [
        ("absolute", "/etc/hostname"),
        ("upwards", "../../../../../../etc/hostname"),
        ("outside", "/etc/passwd"),
        ("magic", "/proc/self/root/etc/passwd"),
        ("loop-a", "loop-b"),
        ("loop-b", "loop-a"),
        ("etc/parent", ".."),
    ] {
        symlink(target, root.join(name)).expect("make a link");
    }
    for name in [b"new\nline".as_slice(), b"a b", b"..foo", b"\xff\xfe", b"%2e%2e", b"q?x=1&y#z", b"-rf"] {
        make(name, "odd");
    }
    run(Command::new("mkfifo").arg(root.join("fifo")));
    run(Command::new("mknod").arg(root.join("device")).args(["c", "1", "5"]));
}

#[test]
fn hostile_names_and_links_lead_nowhere() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    make_hostile_tree(&attached.mount);
    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    let files = Files { server: &server, snapshot: id(&snapshot).to_owned() };

    let names: BTreeSet<String> = files.names(b"/").into_iter().collect();
    for name in [
        "new\nline",
        "a b",
        "..foo",
        "\u{fffd}\u{fffd}",
        "%2e%2e",
        "q?x=1&y#z",
        "-rf",
        "fifo",
        "device",
        "loop-a",
        "etc",
    ] {
        assert!(names.contains(name), "{name:?} is missing in {names:?}");
    }
    for name in
        [b"/new\nline".as_slice(), b"/a b", b"/..foo", b"/\xff\xfe", b"/%2e%2e", b"/q?x=1&y#z", b"/-rf"]
    {
        assert_eq!(files.content(name), b"odd", "{name:?}");
    }
    // A name that is not text goes back and forth as it was answered.
    let odd = files.call("/stat", b"/\xff\xfe").ok();
    let exact = odd["path_base64"].as_str().expect("its exact path");
    let query = format!("/download?path_base64={}", encoded(exact.as_bytes()));
    assert_eq!(files.get(&query, &[]).bytes, b"odd");

    // Links are followed inside, and only there.
    for link in [b"/absolute".as_slice(), b"/upwards", b"/etc/parent/etc/hostname"] {
        assert_eq!(files.content(link), b"inside", "{link:?}");
    }
    let link = files.call("/stat", b"/outside").ok();
    assert_eq!((&link["type"], &link["symlink_target"]), (&json!("symlink"), &json!("/etc/passwd")));
    for nowhere in [b"/outside".as_slice(), b"/magic", b"/nothing", b"/etc/hostname/x"] {
        let answer = files.call("/download", nowhere);
        assert!(matches!(answer.status, 404 | 422), "{nowhere:?}: {answer}");
    }
    for climb in [b"/..".as_slice(), b"/etc/../../etc/passwd", b"etc/hostname", b"/a\0b"] {
        files.call("/download", climb).refused(422, "VALIDATION_ERROR");
    }
    for other_kind in [b"/fifo".as_slice(), b"/device", b"/etc", b"/loop-a"] {
        let answer = files.call("/download", other_kind);
        assert!((400..500).contains(&answer.status), "{other_kind:?}: {answer}");
    }

    let range = files.get("/download?path=/etc/hostname", &[("Range", "bytes=2-4")]);
    assert_eq!((range.status, range.bytes.as_slice()), (206, b"sid".as_slice()));
    assert_eq!(range.header("content-range"), Some("bytes 2-4/6"));
    let beyond = files.get("/download?path=/etc/hostname", &[("Range", "bytes=6-")]);
    assert_eq!(beyond.status, 416);
    server.finish();
}

#[test]
fn large_folders_come_in_pages() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let folder = attached.mount.join("large");
    fs::create_dir(&folder).expect("make a folder");
    let expected: Vec<String> = (0..5000).map(|number| format!("file-{number:04}")).collect();
    for name in &expected {
        fs::File::create(folder.join(name)).expect("make a file");
    }
    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    let files = Files { server: &server, snapshot: id(&snapshot).to_owned() };
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = files.get(&format!("?path=/large&limit=900&after={after}"), &[]).ok();
        let entries = page["data"].as_array().expect("a list");
        assert!(entries.len() <= 900);
        names.extend(entries.iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(names, expected);
    server.finish();
}

/// Many pieces of a download.
const LARGE_BYTES: usize = 24 << 20;

#[test]
fn nobody_sees_the_mount() {
    let server = server();
    let attached = Attached::new(&server, 256 * MIB);
    server.sh(&attached.computer, &format!("head -c {LARGE_BYTES} /dev/urandom > /mnt/data/large"));
    let snapshot = server.take_snapshot(&attached.volume, json!({}));
    let image = format!("snapshots/{}/disk.img", id(&snapshot));
    let looked_at = || {
        let loops = loops_below(server.data_dir()).into_iter();
        loops
            .filter(|(_, file)| file.to_string_lossy().contains(&image))
            .map(|(device, _)| device)
            .collect::<Vec<_>>()
    };
    let first = server.first_process(&attached.computer);
    let watched = [std::process::id(), server.pids().serve.pid, server.pids().agent.pid, first.pid];
    let is_seen = |device: &PathBuf| {
        let number = device.to_string_lossy().replace("/dev/loop", "7:");
        watched.iter().any(|pid| mount_table(*pid).iter().any(|mount| mount.device == number))
    };
    assert!(looked_at().is_empty(), "somebody looks at it already");

    // Every time that somebody looks into it, before and after the tables were read, is one observation.
    let path = format!("/api/v1/volume-snapshots/{}/files/download?path=/large", id(&snapshot));
    let is_over = AtomicBool::new(false);
    let observed = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let answer = server.http("GET", &path, None);
            is_over.store(true, SeqCst);
            answer.bytes.len()
        });
        let mut observed = 0;
        while !is_over.load(SeqCst) && !reader.is_finished() {
            let devices = looked_at();
            let seen: Vec<_> = devices.iter().filter(|device| is_seen(device)).collect();
            // If it is still looked at now, the device was the image's all the time.
            if !devices.is_empty() && looked_at() == devices {
                assert!(seen.is_empty(), "mounted where a process sees it: {seen:?}");
                observed += 1;
            }
        }
        assert_eq!(reader.join().expect("a whole answer"), LARGE_BYTES);
        observed
    });
    assert!(observed > 0, "the test does not see what it is about");
    wait_until("the end of the look", || looked_at().is_empty().then_some(()));

    server.delete_snapshot(id(&snapshot));
    server.finish();
}

#[test]
fn a_diff_names_what_changed_and_nothing_else() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let root = &attached.mount;
    for folder in ["kept", "gone/deep", "both"] {
        fs::create_dir_all(root.join(folder)).expect("make a folder");
    }
    for file in ["kept/same", "gone/deep/file", "both/grows", "both/same-size", "both/replaced"] {
        fs::write(root.join(file), "content").expect("make a file");
    }
    let from = server.take_snapshot(&attached.volume, json!({}));
    fs::remove_dir_all(root.join("gone")).expect("remove a folder");
    fs::write(root.join("both/grows"), "content and more").expect("change a file");
    fs::write(root.join("both/same-size"), "CONTENT").expect("change a file");
    fs::remove_file(root.join("both/replaced")).expect("remove a file");
    symlink("grows", root.join("both/replaced")).expect("make a link");
    fs::create_dir(root.join("new")).expect("make a folder");
    fs::write(root.join("new/file\n"), "new").expect("make a file");
    let to = server.take_snapshot(&attached.volume, json!({}));

    let diff = |from: &Value, to: &Value, more: &str| {
        server
            .http("GET", &format!("/api/v1/volume-snapshots/{}/diff?to={}{more}", id(from), id(to)), None)
            .ok()
    };
    // Folders change with what is in them; that is not of interest here.
    let changes = |diff: &Value| -> BTreeSet<(String, String)> {
        let files = diff["files"].as_array().expect("a list").iter();
        let text = |file: &Value, field: &str| file[field].as_str().expect("a text").to_owned();
        files
            .filter(|file| file["type"] != "dir")
            .map(|file| (text(file, "change"), text(file, "path")))
            .collect()
    };
    let forward = diff(&from, &to, "");
    let expected = [
        ("added", "/new/file\n"),
        ("modified", "/both/grows"),
        ("modified", "/both/replaced"),
        ("modified", "/both/same-size"),
        ("removed", "/gone/deep/file"),
    ];
    assert_eq!(changes(&forward), expected.map(|(change, path)| (change.to_owned(), path.to_owned())).into());
    let changed = forward["changed_bytes"].as_u64().expect("a number");
    assert!((1..32 * MIB).contains(&changed), "{changed}");
    let backward = diff(&to, &from, "");
    let turned = changes(&backward).into_iter().map(|(change, path)| match change.as_str() {
        "added" => ("removed".to_owned(), path),
        "removed" => ("added".to_owned(), path),
        _ => (change, path),
    });
    assert_eq!(turned.collect::<BTreeSet<_>>(), changes(&forward));

    let short = diff(&from, &to, "&limit=1");
    assert_eq!((short["files"].as_array().map(Vec::len), &short["truncated"]), (Some(1), &json!(true)));
    let same = diff(&to, &to, "");
    assert_eq!((&same["changed_bytes"], &same["files"]), (&json!(0), &json!([])));
    server.finish();
}
