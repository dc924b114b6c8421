//! Aim: with a volume attached and a workload writing to it, nothing that can end ends the data. After each disaster the
//! workload runs, its volume was mounted before its first instruction, every acknowledged record is there and whole, and the
//! kernel holds exactly what it held before: nothing leaked, nothing mounted twice.
//!
//! Method: `Workload` (see testkit) records and acknowledges; the disaster strikes while it does; the host is compared with what
//! it was before. Each case has a server of its own.

use std::fs;
use std::path::PathBuf;

use miosa_testkit::server::remains::{self, Mount};
use miosa_testkit::server::{Process, Server, ServerOptions, Workload, wait_until, wait_until_or};

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

/// What the kernel holds of a server with one running workload.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holdings {
    mounts: Vec<PathBuf>,
    /// Files behind loop devices.
    images: Vec<PathBuf>,
    cgroups: Vec<PathBuf>,
    /// Processes that keep containers.
    monitors: usize,
}

fn holdings(server: &Server) -> Holdings {
    let remains = server.remains();
    let sorted = |mut paths: Vec<PathBuf>| {
        paths.sort_unstable();
        paths
    };
    let is_monitor = |process: &&Process| {
        process.command.split(' ').next().is_some_and(|program| program.ends_with("conmon"))
    };
    Holdings {
        mounts: sorted(remains.mounts),
        images: sorted(remains.loops.into_iter().map(|(_, file)| file).collect()),
        cgroups: sorted(remains.cgroups),
        monitors: remains.processes.iter().filter(is_monitor).count(),
    }
}

/// Waits until the kernel holds what it held before the disaster, no more and no less.
#[track_caller]
fn assert_holds_again(server: &Server, before: &Holdings) {
    wait_until_or("the host to be as before", || {
        let now = holdings(server);
        if now == *before {
            Ok(())
        } else {
            Err(format!("before {before:#?}\nnow {now:#?}\n{}", server.log_tail()))
        }
    });
}

/// A server with a workload that records, and what the kernel holds of both.
fn recording() -> (Server, Workload, Holdings) {
    let server = server();
    let workload = Workload::start(&server);
    let before = holdings(&server);
    let volume_mounts = before.mounts.iter().filter(|path| path.ends_with(&workload.volume)).count();
    assert_eq!(volume_mounts, 1, "{before:?}");
    assert_eq!(before.monitors, 1, "{before:?}");
    (server, workload, before)
}

/// The end of every case: running, recording, nothing lost, `starts` starts so far, host as before.
#[track_caller]
fn assert_survived(server: Server, workload: &Workload, before: &Holdings, starts: usize) {
    server.wait_computer(&workload.computer, "running");
    workload.wait_progress(&server);
    let records = workload.check(&server);
    assert_eq!(records.starts, starts, "starts of the workload");
    assert_holds_again(&server, before);
    assert_eq!(server.attachments(&workload.computer)[0]["id"], workload.attachment.as_str());
    // And it is a server as any other: the volume can be detached, and the records are in it still.
    server.power(&workload.computer, "stop");
    server.detach(&workload.computer, &workload.attachment).ok();
    server.wait_volume(&workload.volume, "available");
    server.finish();
}

#[test]
fn the_workload_is_killed() {
    let (server, workload, before) = recording();
    let first = server.first_process(&workload.computer);
    first.kill();
    wait_until("another first process", || {
        remains::first_process(&workload.computer).filter(|now| now.pid != first.pid)
    });
    server.wait_computer(&workload.computer, "running");
    assert_eq!(server.computer(&workload.computer)["restart_count"], 1);
    assert_survived(server, &workload, &before, 2);
}

#[test]
fn the_computer_is_restarted() {
    let (server, workload, before) = recording();
    server.power(&workload.computer, "restart");
    assert_survived(server, &workload, &before, 2);
}

#[test]
fn the_controller_is_killed() {
    let (server, workload, before) = recording();
    server.kill_controller();
    server.wait_recovered();
    assert_survived(server, &workload, &before, 1);
}

#[test]
fn the_agent_is_killed() {
    let (server, workload, before) = recording();
    server.kill_agent();
    server.wait_recovered();
    assert_survived(server, &workload, &before, 1);
}

#[test]
fn controller_and_agent_are_killed() {
    let (server, workload, before) = recording();
    server.kill_both();
    server.wait_recovered();
    assert_survived(server, &workload, &before, 1);
}

#[test]
fn serve_is_killed() {
    let (mut server, workload, before) = recording();
    server.kill_serve();
    server.start_again();
    assert_survived(server, &workload, &before, 1);
}

#[test]
fn everything_is_killed_at_once() {
    let (mut server, workload, before) = recording();
    server.kill_everything();
    server.start_again();
    assert_survived(server, &workload, &before, 1);
}

/// An orderly stop leaves workloads running, as an update of the program needs it.
#[test]
fn the_server_is_stopped_and_started() {
    let (mut server, workload, before) = recording();
    let first = server.first_process(&workload.computer);
    server.stop();
    assert!(first.is_alive(), "the workload ended with the server");
    assert_eq!(holdings(&server), before, "with the server stopped");
    server.start_again();
    assert_survived(server, &workload, &before, 1);
}

/// The workload ends while nobody watches: it is started again as soon as somebody does.
#[test]
fn the_workload_is_killed_while_the_server_is_stopped() {
    let (mut server, workload, before) = recording();
    let first = server.first_process(&workload.computer);
    server.stop();
    first.kill();
    server.start_again();
    assert_survived(server, &workload, &before, 2);
}

#[test]
fn the_host_reboots() {
    let (mut server, workload, before) = recording();
    server.simulate_reboot();
    server.start_again();
    assert_survived(server, &workload, &before, 2);
}

/// The host reboots while its controller cannot start: the agent brings everything back from its ledger alone.
#[test]
fn the_host_reboots_without_its_controller() {
    let (mut server, workload, before) = recording();
    server.simulate_reboot();

    // A folder in the database's place is an error that the controller cannot get around.
    let database = database(&server);
    let aside = database.with_extension("aside");
    fs::rename(&database, &aside).expect("the database can be moved");
    fs::create_dir(&database).expect("a folder can take its place");
    server.spawn(None);

    let first = server.first_process(&workload.computer);
    let mounts = remains::mount_table(first.pid);
    let at_path: Vec<&Mount> = mounts.iter().filter(|m| m.path.as_os_str() == "/mnt/data").collect();
    assert!(matches!(at_path[..], [mount] if mount.filesystem == "ext4"), "{mounts:?}");
    // It notes its state with its first instructions, and records.
    let root = PathBuf::from(format!("/proc/{}/root", first.pid));
    wait_until_or("a second start, with the volume", || {
        let starts = fs::read_to_string(root.join("root/starts")).unwrap_or_default();
        if starts == "mounted\nmounted\n" { Ok(()) } else { Err(starts) }
    });
    let length = || fs::metadata(root.join("mnt/data/records")).map(|m| m.len()).unwrap_or_default();
    let then = length();
    wait_until("further records", || (length() > then).then_some(()));
    assert!(server.child_named("agent").is_some(), "the agent does not run");

    // The controller comes back and finds things as it remembers them.
    fs::remove_dir(&database).expect("nobody put anything into it");
    fs::rename(&aside, &database).expect("the database can be moved back");
    server.wait_first_ready();
    assert_survived(server, &workload, &before, 2);
}

/// The controller's database file, whatever it is called.
fn database(server: &Server) -> PathBuf {
    let mut folders = vec![server.data_dir().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let mut magic = [0; 15];
            if entry.file_type().is_ok_and(|t| t.is_dir()) && !path.ends_with("pool") {
                folders.push(path);
            } else if fs::File::open(&path)
                .is_ok_and(|mut f| std::io::Read::read_exact(&mut f, &mut magic).is_ok())
                && magic == *b"SQLite format 3"
            {
                return path;
            }
        }
    }
    panic!("no database below {}", server.data_dir().display());
}
