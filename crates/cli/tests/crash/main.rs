//! Aim: wherever agent or controller die, nothing is lost and nothing is stuck. For every named failpoint of the program and
//! every verb that reaches it: the process is killed there with -9 and comes back; then everything is in the state before the
//! call or in the state after it, settled; what the call acknowledged holds; the same call again succeeds or says that it is so
//! already; the data is intact; and in the end everything can be deleted and the host is clean.
//!
//! Method: every point has a server of its own, from the making of its pool on. With the point armed, the server goes through
//! one [`Verb`] after the other; whenever the process dies, the world is compared with a small model and the server started
//! again with the point armed, so that the next verb meets it too. Which verb reaches which point is found by doing it, and
//! printed; a point that nothing reaches fails the test by its name.
//!
//! ```text
//!   arm ──► verb ──► still armed? ── yes: the answer must be success, the world as after the verb ──► next verb
//!    ▲                   │ no: the process died in it
//!    │                   └─► recovered ─► settled ─► before or after? ─► verb again ─► after! ─┐
//!    └─────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

#![allow(clippy::print_stdout, reason = "the list of points and outcomes is what the test is run for")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use miosa_testkit::server::{Server, ServerOptions, wait_until_or};
use serde_json::json;

mod past;
mod verb;
mod world;

use verb::{Model, Verb};
use world::World;

const MIOSA: &str = env!("CARGO_BIN_EXE_miosa");

/// How many shards the points are spread over, so that they run in parallel.
const SHARDS: usize = 6;

/// A start passes a point at most so often before the point counts as one that only starts reach.
const PASSES_MAX: u32 = 12;

#[test]
fn no_crash_loses_anything_shard_0() {
    crash_everywhere(0);
}

#[test]
fn no_crash_loses_anything_shard_1() {
    crash_everywhere(1);
}

#[test]
fn no_crash_loses_anything_shard_2() {
    crash_everywhere(2);
}

#[test]
fn no_crash_loses_anything_shard_3() {
    crash_everywhere(3);
}

#[test]
fn no_crash_loses_anything_shard_4() {
    crash_everywhere(4);
}

#[test]
fn no_crash_loses_anything_shard_5() {
    crash_everywhere(5);
}

/// Every point of the program, sorted. Release builds have none.
fn points() -> Vec<String> {
    let output = Command::new(MIOSA).arg("failpoints").output().expect("the program under test can be run");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("names are text");
    // What happens for services has a test of its own, `services::crash`.
    let is_mine = |point: &&str| !point.starts_with("store.service.");
    let points: Vec<String> = text.lines().filter(is_mine).map(str::to_owned).collect();
    assert!(!points.is_empty() || !cfg!(debug_assertions), "the program has no failpoints");
    points
}

fn crash_everywhere(shard: usize) {
    let mut unreached = Vec::new();
    // For the person who looks into one point: a part of its name.
    let only = std::env::var("MIOSA_CRASH_ONLY").unwrap_or_default();
    for point in points().into_iter().skip(shard).step_by(SHARDS).filter(|point| point.contains(&only)) {
        let begin = Instant::now();
        let reached = crash_at(&point);
        let outcome = if reached.is_empty() {
            "NEVER REACHED".into()
        } else {
            format!("survived in {}", reached.join(", "))
        };
        println!("{point}: {outcome} ({:.1} s)", begin.elapsed().as_secs_f32());
        if reached.is_empty() {
            unreached.push(point);
        }
    }
    assert!(unreached.is_empty(), "no verb and no start or stop reaches {unreached:?}");
}

/// One point through all verbs; answers what it was met in.
fn crash_at(point: &str) -> Vec<&'static str> {
    let mut reached = BTreeSet::new();
    let mut server =
        Server::prepare(ServerOptions { pool_size: "512MB".into(), ..ServerOptions::new(MIOSA) });
    // The first start makes pool, database, key and templates.
    server.start_with(Some(&format!("{point}=kill")));
    server.wait_recovered();
    if !server.has_failpoints_armed() {
        reached.insert("first start");
    }

    let mut world = World::default();
    let mut passes = 0;
    for verb in Verb::around(point) {
        if verb == Verb::DetachBusy && !reached.is_empty() {
            // It gives up after five seconds: only for points that nothing else meets.
            continue;
        }
        if !server.has_failpoints_armed() {
            server.stop();
            if arm(&mut server, point, &mut passes) {
                reached.insert("start");
            }
            world.assert_is(
                &server,
                world.model,
                &format!("after the start before {verb:?} with {point} armed"),
            );
        }
        if crash_in(&server, &mut world, verb, point) {
            reached.insert(verb.name());
        }
    }
    if stop_armed(&mut server) {
        reached.insert("stop");
    }
    server.start_again();
    world.assert_is(&server, world.model, &format!("in the end, with {point}"));
    world.check_past(&server, point);
    if reached.is_empty() && world.model.fork && crash_in_time(&mut server, &mut world, point) {
        reached.insert("what is due");
    }
    if reached.is_empty() && crash_in_purge(&mut server, &mut world, point) {
        reached.insert("purge");
    }
    server.finish();
    reached.into_iter().collect()
}

/// A schedule is due, a snapshot's time is over, a fork's time is over: what the server finds by itself, and dies in it.
/// Nobody waits for the time: the database of the stopped server is told that it is there.
fn crash_in_time(server: &mut Server, world: &mut World, point: &str) -> bool {
    world.run_until_done(server, Verb::Undelete, "before its schedule is due");
    world.assert_is(server, Verb::Undelete.after(world.model), "before its schedule is due");
    let path = format!("/api/v1/volumes/{}", world.volume);
    // Not while the test runs.
    server.http("PATCH", &path, Some(json!({"snapshot_schedule": "0 0 29 2 *"}))).ok();
    server.stop();
    server.change_stopped_database(
        "UPDATE volumes SET schedule_due = 1, schedule_run_at = 1, schedule_wake_at = 1 WHERE snapshot_schedule IS NOT NULL;
         UPDATE volumes SET expires_at = 1 WHERE name = 'fork';
         UPDATE snapshots SET expires_at = 1, asked_expiry = 1 WHERE cause = 'safety';",
    );
    server.start_with(Some(&format!("{point}=kill")));
    // Snapshots expire when a newer one is there.
    wait_until_or(&format!("everything to be done that was due, with {point}"), || {
        let pruned = server.http_with_retries("POST", "/api/v1/volume-snapshots/prune", Some(json!({})));
        let snapshots = server.snapshots_of(&world.volume);
        let triggers: Vec<_> =
            snapshots.iter().map(|snapshot| (&snapshot["trigger"], &snapshot["state"])).collect();
        let fork = server.list_all("/api/v1/volumes").into_iter().find(|volume| volume["name"] == "fork");
        if triggers == [(&json!("schedule"), &json!("ready"))] && fork.is_none() {
            Ok(())
        } else {
            Err(format!("{pruned}: {triggers:?}, {fork:?}\n{}", server.log_tail()))
        }
    });
    let died = !server.has_failpoints_armed();
    let after = Model { safety: false, fork: false, ..world.model };
    world.assert_is(server, after, &format!("after what was due with a crash at {point}"));
    world.run_until_done(server, Verb::Destroy, "after its schedule was due");
    world.assert_is(server, Verb::Destroy.after(after), "after its schedule was due");
    server.stop();
    server.start_again();
    died
}

/// The trash lets go of the volume, and the process dies in it.
fn crash_in_purge(server: &mut Server, world: &mut World, point: &str) -> bool {
    // Its time is up at once, for what goes to the trash from now on.
    server.options_mut().env.push(("MIOSA_SERVE_LIMITS__TRASH_RETENTION_DAYS".into(), "0".into()));
    server.stop();
    server.start_again();
    world.run_until_done(server, Verb::Undelete, "before a purge");
    world.run_until_done(server, Verb::Destroy, "before a purge");
    server.stop();
    // A start looks at the trash as soon as the host has recovered.
    server.start_with(Some(&format!("{point}=kill")));
    let rest = Model { volume: None, ..world.model };
    world.assert_is(server, rest, &format!("after a purge with a crash at {point}"));
    // The API forgets the volume first; the host still has work to do, in which it may die, and which it must finish.
    wait_until_or(&format!("nothing to be left of a purged volume, with {point}"), || {
        match files_named(server.data_dir(), &world.volume) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}\n{}", server.log_tail())),
        }
    });
    !server.has_failpoints_armed()
}

/// Files and folders of the data directory that have `id` in their name.
fn files_named(folder: &Path, id: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.flat_map(|entry| {
        let mut found = Vec::new();
        if entry.file_name().to_string_lossy().contains(id) {
            found.push(entry.path());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_named(&entry.path(), id));
        }
        found
    });
    found.collect()
}

/// Starts the stopped server with the point armed, letting it pass as often as a start alone reaches it. Answers whether a start
/// reached it. Beyond [`PASSES_MAX`] the server runs unarmed.
fn arm(server: &mut Server, point: &str, passes: &mut u32) -> bool {
    let mut reached = false;
    while *passes <= PASSES_MAX {
        server.start_with(Some(&format!("{point}={passes}*kill")));
        server.wait_recovered();
        if server.has_failpoints_armed() {
            return reached;
        }
        reached = true;
        *passes += 1;
        server.stop();
    }
    server.start_again();
    reached
}

/// Runs the verb with the point armed; answers whether the process died.
fn crash_in(server: &Server, world: &mut World, verb: Verb, point: &str) -> bool {
    let before = world.model;
    let after = verb.after(before);
    let was_armed = server.has_failpoints_armed();
    let answer = world.run(server, verb);
    let died = || was_armed && !server.has_failpoints_armed();
    if !died() {
        let what = format!("{verb:?} with {point} armed, and not met before the answer");
        assert!(answer.is_done(), "{what}: {answer:?}\n{}", server.log_tail());
        world.assert_is(server, after, &what);
        // It may still have died in what the verb left to be done after its answer.
        if !died() {
            return false;
        }
    }
    server.wait_recovered();
    let what = format!("{verb:?} with a crash at {point}, answered {answer:?}");
    let now = world.settle(server, &what);
    assert!(
        now == before || now == after,
        "{what}: was {before:?} and is {now:?}: neither the old nor the new"
    );
    assert!(!answer.is_done() || now == after, "{what}: acknowledged, and it is {now:?}");
    world.model = now;
    world.check_data(server, &what);

    world.run_until_done(server, verb, &what);
    world.assert_is(server, after, &format!("{what}, after the second call"));
    world.check_data(server, &what);
    true
}

/// Stops the server with the point armed; answers whether controller or agent died at it instead of ending in good order.
fn stop_armed(server: &mut Server) -> bool {
    let was_armed = server.has_failpoints_armed();
    let orderly = server.stop_and_look();
    assert!(orderly || was_armed, "an unarmed stop was not orderly\n{}", server.log_tail());
    !orderly
}
