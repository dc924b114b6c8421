//! What is seen of the verbs about a volume's past: snapshots, restores, forks, compaction, and files in snapshots.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::{fs, iter};

use serde_json::json;

use super::stub::World;
use super::{Session, assert_transcript, words};

fn two_snapshots() -> World {
    let world = World::default().with_volume("data", 50).with_volume("other", 1);
    world.with_snapshot("data", Some("before-upgrade"), 30).with_snapshot("data", None, 2)
}

#[test]
fn a_snapshots_life() {
    let mut session = Session::new(World::default().with_volume("data", 50));
    session
        .run("snapshots list")
        .run("snapshots create data --name before-upgrade --protect --metadata why=upgrade")
        .run("snapshots create data --ttl 3d");
    session.stub.world().snapshots[0]["exclusive_bytes"] = (12 << 20).into();
    session.stub.world().snapshots[0]["exclusive_bytes_at"] = super::stub::hours_ago(1).into();
    session
        .run("snapshots list data")
        .run("snapshots show data@latest")
        .run("snapshots show before-upgrade")
        .run("snapshots delete before-upgrade -f")
        .run("snapshots unprotect before-upgrade")
        .run("snapshots protect data@latest")
        .run("snapshots unprotect 555500000003")
        .run("snapshots update before-upgrade --name last-good --metadata why=audit")
        .run("snapshots delete last-good -f")
        .run("snapshots delete data@latest -y")
        .run("snapshots show data@latest")
        .run("snapshot ls");
    assert_transcript("a_snapshots_life", &session);
}

#[test]
fn a_snapshot_that_takes_long_is_waited_for() {
    let mut session = Session::new(World::default().with_volume("data", 50).with_volume("fragmented", 50));
    session
        .run("snapshots create data --name slow-one")
        .run("snapshots create data --name doomed-one")
        .run("snapshots create data --name doomed-two --json")
        .run("snapshots create fragmented")
        .run("snapshots create fragmented --now -q")
        .run("snapshots create data --ttl soon")
        .run("snapshots list --status failed");
    assert_transcript("a_snapshot_that_takes_long", &session);
}

#[test]
fn programs_read_snapshots_as_json() {
    let mut session = Session::new(two_snapshots());
    session
        .run("snapshots list --json")
        .run("snapshots show before-upgrade --json")
        .run("snapshots protect before-upgrade --json")
        .run("snapshots delete before-upgrade -f --json")
        .run("snapshots unprotect before-upgrade -q")
        .run("snapshots delete before-upgrade -f --json")
        .run("snapshots delete data@latest --json")
        .run("snapshots show nobody --json")
        .run("snapshots list -q")
        .run("snapshots prune --json");
    assert_transcript("programs_read_snapshots_as_json", &session);
}

#[test]
fn nobody_guesses_which_snapshot_was_meant() {
    let world = two_snapshots().with_snapshot("other", Some("before-upgrade"), 1);
    let mut session = Session::new(world);
    session
        .run("snapshots show before-upgrade")
        .run("snapshots show other@latest -q")
        .run("snapshots show nobody@latest")
        .run("snapshots show 0198c0de-0000-7000-8000-555500000009");
    // Newest is what was taken last, not what was asked for last.
    session.stub.world().snapshots[1]["taken_at"] = super::stub::hours_ago(90).into();
    session.run("snapshots show data@latest -q");
    // The volume is gone, its snapshots are not.
    session.stub.world().volumes.retain(|volume| volume["name"] != "data");
    session.run("snapshots list data").run("snapshots show data@latest -q");
    assert_transcript("nobody_guesses_which_snapshot", &session);
}

#[test]
fn damage_is_loud() {
    let world = two_snapshots().with_snapshot("data", Some("rotten"), 1);
    let mut session = Session::new(world);
    session
        .run("snapshots verify before-upgrade")
        .run("snapshots verify rotten")
        .run("snapshots verify rotten --json")
        .run("snapshots show rotten")
        .run("snapshots verify before-upgrade --no-wait")
        .run("snapshots verify before-upgrade -q");
    assert_transcript("damage_is_loud", &session);
}

#[test]
fn a_prune_tells_what_goes_and_what_stays() {
    let mut session = Session::new(two_snapshots().with_snapshot("data", Some("kept"), 200));
    session.run("snapshots prune --dry-run");
    for (index, snapshot) in session.stub.world().snapshots.iter_mut().enumerate() {
        snapshot["expires_at"] = super::stub::hours_ago(5).into();
        snapshot["exclusive_bytes"] = (1 << 20).into();
        snapshot["protected"] = (index == 0).into();
    }
    session
        .run("snapshots prune data --dry-run")
        .run("snapshots list")
        .run("snapshots prune data --dry-run --json")
        .run("snapshots prune -q --dry-run")
        .run("snapshots prune")
        .run("snapshots list -q");
    assert_transcript("a_prune_tells", &session);
}

#[test]
fn a_snapshot_comes_back() {
    let world = two_snapshots().with_computer("box", "running");
    let mut session = Session::new(world);
    session
        .run("snapshots restore before-upgrade --to recovered --size 100")
        .run("snapshots restore before-upgrade --to slow-copy --json")
        .run("snapshots restore before-upgrade --to doomed-copy")
        .run("snapshots restore before-upgrade --in-place")
        .run("snapshots restore before-upgrade --in-place -y")
        .run("volumes attach data")
        .run("snapshots restore before-upgrade --in-place -y")
        .run("snapshots restore before-upgrade --in-place -y --force")
        .run("snapshots restore before-upgrade --in-place -y --force -q")
        .run("snapshots restore before-upgrade --to x --in-place");
    assert_transcript("a_snapshot_comes_back", &session);
}

#[test]
fn a_restore_that_takes_long_is_waited_for_and_its_failure_told() {
    let world = World::default().with_volume("slow-data", 1).with_volume("doomed-data", 1);
    let world = world.with_snapshot("slow-data", Some("a"), 2).with_snapshot("doomed-data", Some("b"), 2);
    let mut session = Session::new(world);
    session.run("snapshots restore a --in-place -y").run("snapshots restore b --in-place -y");
    assert_transcript("a_restore_that_takes_long", &session);
}

#[test]
fn a_person_is_asked_and_told_who_is_stopped() {
    let world = two_snapshots().with_computer("box", "running");
    let mut session = Session::new(world);
    let in_place = "snapshots restore before-upgrade --in-place";
    let (code, shown) = session.ask(in_place, "n\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("Bring volume data (0198c0de-"), "{shown}");
    assert!(!shown.contains("Stops"), "{shown}");

    session.run("volumes attach data");
    let (code, shown) = session.ask(in_place, "y\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("is used by computer box (0198c0de-"), "{shown}");
    let (code, shown) = session.ask(&format!("{in_place} --force"), "n\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("Stops computer box (0198c0de-"), "{shown}");
    assert_eq!(session.stub.world().snapshots.len(), 2, "no safety snapshot: nothing was restored");
    let (code, shown) = session.ask(&format!("{in_place} --force"), "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Undo: miosa snapshots restore 0198c0de-"), "{shown}");

    session.stub.world().snapshots[2]["exclusive_bytes"] = (12 << 20).into();
    let (code, shown) = session.ask("snapshots delete before-upgrade", "no\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("Delete snapshot before-upgrade of volume data") && shown.contains("12MB become free"),
        "{shown}"
    );
    assert_eq!(session.stub.world().snapshots.len(), 3);
    assert_eq!(session.ask("snapshots delete before-upgrade", "y\n").0, Some(0));
    assert_eq!(session.stub.world().snapshots.len(), 2);

    // Long work is told, and taken off the screen at its end.
    let (code, shown) = session.ask("snapshots create data --name slow-one", "");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("\rSnapshot of data: compacting, 40%\u{1b}[K"), "{shown:?}");
    assert!(shown.contains("\r\u{1b}[KTook snapshot"), "{shown:?}");
}

#[test]
fn schedules_forks_and_compaction() {
    let world = World::default().with_volume("data", 50).with_volume("doomed", 1);
    let mut session = Session::new(world.with_snapshot("data", Some("before-upgrade"), 30));
    session
        .run("volumes create daily --snapshot-schedule @daily --snapshot-retention-days 30")
        .run("volumes update data --snapshot-schedule '0 4 * * *' --before-snapshot sync --hook-timeout 60")
        .run("volumes update data --snapshot-schedule 'every day'")
        .run("volumes update data --snapshot-schedule off --before-snapshot ''")
        .run("volumes fork data")
        .run("volumes fork data preview --ttl 3d --size 100")
        .run("volumes fork data slow-one --snapshot before-upgrade -q")
        .run("volumes fork data doomed-one")
        .run("volumes fork data json --now --json")
        .run("volumes compact data")
        .run("volumes compact daily --no-wait")
        .run("volumes compact doomed")
        .run("volumes compact doomed --json");
    assert_transcript("schedules_forks_and_compaction", &session);
}

#[test]
fn a_volume_shows_where_its_bytes_and_snapshots_are() {
    let mut session = Session::new(World::default().with_volume("data", 50));
    {
        let volume = &mut session.stub.world().volumes[0];
        volume["snapshot_schedule"] = "0 4 * * *".into();
        volume["snapshots"] = json!({"count": 3, "last_taken_at": "2026-05-17T04:00:07Z",
            "schedule_state": "failing", "schedule_message": "the write-back did not end in time", "failures": 2,
            "next": ["2999-05-18T04:00:00Z", "2999-05-19T04:00:00Z", "2999-05-20T04:00:00Z"],
            "next_run_at": "2999-05-17T04:05:00Z", "before_snapshot": "sync", "after_snapshot": "",
            "hook_timeout_seconds": 30});
        volume["space"] = json!({"measured_at": "2026-05-17T04:10:00Z", "filesystem_used_bytes": 12_u64 << 30,
            "allocated_bytes": 13_u64 << 30, "held_by_snapshots_bytes": 2_u64 << 30, "extents": 250_000,
            "predicted_stall_ms": 1500});
        volume["compaction"] = json!({"state": "running", "extents_before": 250_000, "extents_now": 100_000,
            "progress_percent": 60, "message": null});
        volume["origin"] = json!({"kind": "snapshot", "id": "0198c0de-0000-7000-8000-555500000001"});
        volume["expires_at"] = "2999-05-20T10:00:00Z".into();
    }
    session.run("volumes show data");
    {
        let volume = &mut session.stub.world().volumes[0];
        volume["snapshots"]["schedule_state"] = "paused".into();
        volume["snapshots"]["schedule_message"] = "the pool is 87% full".into();
        volume["space"]["filesystem_used_bytes"] = json!(null);
        volume["space"]["predicted_stall_ms"] = 0.into();
    }
    session.run("volumes show data");
    assert_transcript("where_bytes_and_snapshots_are", &session);
}

#[test]
fn a_past_is_drawn() {
    let snapshot = "0198c0de-0000-7000-8000-555500000007";
    let world = World::default()
        .with_volume("data", 50)
        .with_event(
            1,
            "2026-05-17T10:02:30Z",
            "volume.forked",
            json!({"message": "forked as volume preview",
            "other_volume_id": "0198c0de-0000-7000-8000-aaaa00000008"}),
        )
        .with_event(
            1,
            "2026-05-17T04:00:07Z",
            "snapshot.taken",
            json!({"message": "taken by the schedule",
            "snapshot_id": snapshot, "size_bytes": 1_288_490_188_u64}),
        )
        .with_event(
            1,
            "2026-05-16T04:00:07Z",
            "snapshot.failed",
            json!({"message": "the pool is \u{1b}[2Jfull"}),
        )
        .with_event(
            1,
            "2026-05-15T09:00:00Z",
            "volume.created",
            json!({"message": "created empty", "size_bytes": 50_u64 << 30}),
        );
    let mut session = Session::new(world);
    session.run("volumes timeline data");
    let utf8 = session.miosa().args(["volumes", "timeline", "data"]).env("LANG", "C.UTF-8").output().unwrap();
    session.record("volumes timeline data   # LANG=C.UTF-8", &utf8);
    let mut plain = session.miosa();
    plain.args(["volumes", "timeline", "data", "-n", "1"]).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
    let plain = plain.output().unwrap();
    session.record("volumes timeline data -n 1   # NO_COLOR=1", &plain);
    session.run("volumes timeline data -n 1 --json").run("volumes timeline data -q");
    session.stub.world().events.clear();
    session.run("volumes timeline data");
    assert_transcript("a_past_is_drawn", &session);
}

/// With a symlink that leads out, a device, and a name that is not UTF-8.
fn with_files(world: World) -> World {
    let mut world = world
        .with_file("/", "dev-null", "other", 0o666, "")
        .with_file("/", "etc", "dir", 0o555, "")
        .with_file("/", "leads-out", "symlink", 0o777, "../../outside")
        .with_file("/", "odd\u{fffd}", "file", 0o644, "oddities\n")
        .with_file("/etc", "app.conf", "file", 0o4640, "answer = 42\n")
        .with_file("/etc", "empty \u{1b}[2J", "dir", 0o755, "")
        .with_file("/etc", "log", "file", 0o644, "one\ntwo\n");
    let odd = world.files.iter_mut().find(|(_, entry, _)| entry["path"] == "/odd\u{fffd}").unwrap();
    odd.1["path_base64"] = "L29kZP8=".into();
    world
}

#[test]
fn files_of_a_snapshot_are_listed_and_read() {
    let mut session = Session::new(with_files(two_snapshots()));
    session
        .run("snapshots ls before-upgrade")
        .run("snapshots ls before-upgrade:/etc")
        .run("snapshots ls data@latest:/etc/log")
        .run("snapshots ls before-upgrade:/nothing")
        .run("snapshots ls before-upgrade:/etc/log --json")
        .run("snapshots cat before-upgrade:/etc/app.conf")
        .run("snapshots cat before-upgrade:/nothing")
        .run("snapshots cat before-upgrade:/etc")
        .run("snapshots cat before-upgrade")
        .run("snapshots diff before-upgrade data@latest")
        .run("snapshots diff before-upgrade data@latest --limit 1")
        .run("snapshots diff before-upgrade before-upgrade")
        .run("snapshots diff before-upgrade data@latest --json");
    assert_transcript("files_are_listed_and_read", &session);
    let exact = session.miosa().args(["snapshots", "ls", "before-upgrade", "-q"]).output().unwrap();
    assert_eq!(exact.stdout, b"/dev-null\n/etc\n/leads-out\n/odd\xff\n");
    let odd = [b"before-upgrade:/odd\xff".as_slice()].map(OsStr::from_bytes);
    let read = session.miosa().args(["snapshots", "cat"]).args(odd).output().unwrap();
    assert_eq!(read.stdout, b"oddities\n", "{}", String::from_utf8_lossy(&read.stderr));
}

/// The names in a folder, hidden ones included.
fn names(folder: impl Into<PathBuf>) -> Vec<Vec<u8>> {
    let mut names: Vec<_> = fs::read_dir(folder.into())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().as_bytes().to_vec())
        .collect();
    names.sort();
    names
}

#[test]
fn files_are_copied_out_of_a_snapshot() {
    let mut session = Session::new(with_files(two_snapshots()));
    let here = session.home.path().join("here");
    fs::create_dir(&here).unwrap();
    session
        .run_in("here", "snapshots cp before-upgrade:/etc/app.conf .")
        .run_in("here", "snapshots cp before-upgrade:/etc/app.conf .")
        .run_in("here", "snapshots cp -f before-upgrade:/etc/log app.conf")
        .run_in("here", "snapshots cp before-upgrade:/etc .")
        .run_in("here", "snapshots cp -r before-upgrade:/ all")
        .run_in("here", "snapshots cp -r before-upgrade:/ all")
        .run_in("here", "snapshots cp -rf before-upgrade:/etc all")
        .run_in("here", "snapshots cp -r before-upgrade:/etc copy --json")
        .run_in("here", "snapshots cp before-upgrade:/leads-out link -q")
        .run_in("here", "snapshots cp before-upgrade:/dev-null null")
        .run_in("here", "snapshots cp before-upgrade:/nothing x")
        .run_in("here", "snapshots cp before-upgrade:/etc/log no/such/folder");
    assert_transcript("files_are_copied", &session);

    let expected = [b"all".as_slice(), b"app.conf", b"copy", b"link"];
    assert_eq!(names(&here), expected, "nothing unfinished is left");
    assert_eq!(fs::read(here.join("app.conf")).unwrap(), b"one\ntwo\n");
    assert_eq!(names(here.join("all")), [b"etc".as_slice(), b"leads-out", b"odd\xff"]);
    let of = |path: &str| fs::symlink_metadata(here.join(path)).unwrap();
    assert_eq!(fs::read_link(here.join("all/leads-out")).unwrap(), PathBuf::from("../../outside"));
    assert_eq!(of("all/etc/app.conf").permissions().mode() & 0o7777, 0o640, "nobody's rights are lent");
    assert_eq!(of("all/etc").permissions().mode() & 0o7777, 0o555);
    assert_eq!(of("all/etc").mtime(), of("all/etc/log").mtime());
    assert_eq!(of("all/etc/log").mtime(), 1_778_923_800, "2026-05-16T09:30:00Z");
}

/// A workload may put a symlink where a file was, and a server may say anything.
#[test]
fn a_copy_never_leaves_its_target() {
    let world = two_snapshots()
        .with_file("/", "up", "dir", 0o755, "")
        .with_file("/up", "..", "dir", 0o755, "")
        .with_file("/", "twice", "dir", 0o755, "")
        .with_file("/twice", "x", "symlink", 0o777, "HOME/outside")
        .with_file("/twice", "x", "dir", 0o755, "")
        .with_file("/twice/x", "planted", "file", 0o644, "!")
        .with_file("/", "through", "dir", 0o755, "")
        .with_file("/through", "y", "symlink", 0o777, "HOME/outside/planted")
        .with_file("/through", "y", "file", 0o644, "!")
        .with_file("/", "short", "file", 0o644, "all of it");
    let mut session = Session::new(world);
    let home = session.home.path().to_owned();
    let (here, outside) = (home.join("here"), home.join("outside"));
    fs::create_dir(&here).unwrap();
    fs::create_dir(&outside).unwrap();
    for (_, entry, _) in &mut session.stub.world().files {
        if let Some(target) = entry["symlink_target"].as_str() {
            entry["symlink_target"] = target.replace("HOME", home.to_str().unwrap()).into();
        }
        if entry["name"] == "short" {
            entry["size"] = 10.into();
        }
    }
    for name in ["up", "twice", "through", "short"] {
        session.run_in("here", &format!("snapshots cp -r before-upgrade:/{name} copy"));
    }
    assert!(!session.transcript().contains("[exit 0]"), "{}", session.transcript());
    // Symlinks of this machine: one in the way is neither followed nor replaced.
    symlink(outside.join("planted"), here.join("dangling")).unwrap();
    session.run_in("here", "snapshots cp before-upgrade:/through/y dangling");
    assert!(!session.transcript().contains("[exit 0]"), "{}", session.transcript());
    assert_eq!(names(&outside), iter::empty::<Vec<u8>>().collect::<Vec<_>>());
    assert_eq!(names(&here), [b"dangling"], "nothing unfinished is left");
}

#[test]
fn an_interrupted_copy_is_taken_away() {
    let session = Session::new(two_snapshots().with_file("/", "endless", "file", 0o644, "never sent"));
    let here = session.home.path().join("here");
    fs::create_dir(&here).unwrap();
    session.stub.world().hangs_at = Some("/files/download");
    let mut child = session
        .miosa()
        .current_dir(&here)
        .args(words("snapshots cp before-upgrade:/endless copy"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while names(&here).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it had begun");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    let killed = std::process::Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted"), "{stderr}");
    assert_eq!(names(&here), Vec::<Vec<u8>>::new());
}

#[test]
fn snapshot_help_has_examples() {
    let mut session = Session::new(World::default());
    session
        .run("snapshots")
        .run("snapshots restore --help")
        .run("snapshots cp --help")
        .run("volumes update --help")
        .run("volumes fork --help")
        .run("snapshots restore x");
    assert_transcript("snapshot_help_has_examples", &session);
    assert_eq!(session.stub.world().requests, Vec::<String>::new());
}
