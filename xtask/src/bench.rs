//! `bench`: how long the main calls take in a release build, beside the same work done by hand in the same run.
//!
//! Ours and the peer's alternate, so that whatever else the machine does falls on both. A figure is a report, never a verdict:
//! nothing here fails because of time. It does fail when a call does not do what it says, so no figure is of an empty call.
//!
//! Every call of ours opens its own connection, which is counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_testkit::server::{Server, ServerOptions, remains, wait_until};
use rustix::process::Signal;
use serde_json::json;

use crate::run::{self, Failure};
use crate::{fixture, setup};

mod docker;
mod peers;
mod services;
mod snapshots;
mod table;
mod writer;

use docker::Docker;
use peers::ByHand;
use table::{Samples, Table};

const SIZE_BYTES: u64 = 50 << 30;
const ROUNDS: usize = 200;
const COMPUTER_ROUNDS: usize = 30;
const RESTARTS: usize = 7;
/// A process that dies soon after its start is started again later and later; after this long it is not.
const STEADY: Duration = Duration::from_secs(11);
/// Volumes that are attached while the agent is restarted and memory is read.
const CROWD: usize = 100;
const CROWD_PER_COMPUTER: usize = 10;

/// A part of the bench that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    /// Volumes, attachments, computers, restarts
    Core,
    /// Snapshots, forks, restores, compaction
    Snapshots,
    /// Hand-over at a promotion, scaling
    Services,
}

/// How often things are done.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    quick: bool,
}

impl Rounds {
    fn of(self, full: usize) -> usize {
        if self.quick { full.div_ceil(5) } else { full }
    }

    fn is_quick(self) -> bool {
        self.quick
    }
}

/// Builds, serves, measures, prints, cleans up. All groups when none is named; `quick`: a fifth of the rounds.
pub(crate) fn bench(groups: &[Group], quick: bool) -> Result<(), Failure> {
    if !run::is_root() {
        return Err(Failure::Refused(
            "volumes are loop devices and mounts, which only root may make; run: sudo -E env \"PATH=$PATH\" cargo xtask bench"
                .into(),
        ));
    }
    setup::setup()?;
    let miosa = run::build_miosa(run::Profile::Release)?;
    let rounds = Rounds { quick };
    for group in [Group::Core, Group::Snapshots, Group::Services] {
        if !groups.is_empty() && !groups.contains(&group) {
            continue;
        }
        let mut table = Table::default();
        let mut machine = String::new();
        fixture::without_panics(|| {
            machine = match group {
                Group::Core => core(miosa.clone(), rounds, &mut table)?,
                Group::Snapshots => snapshots::measure(miosa.clone(), rounds, &mut table)?,
                Group::Services => services::measure(miosa.clone(), rounds, &mut table)?,
            };
            Ok(())
        })
        // What was measured until then is worth seeing.
        .inspect_err(|_| print!("{table}"))?;
        println!("{machine}\n{table}");
    }
    Ok(())
}

fn core(miosa: PathBuf, rounds: Rounds, table: &mut Table) -> Result<String, Failure> {
    let server = Server::start(ServerOptions {
        pool_size: "8GB".into(),
        config: Some("[limits]\nvolumes_per_project = 1000\n".into()),
        ..ServerOptions::new(miosa)
    });
    fixture::clean_up_on_interrupt(&server, Vec::new());
    let by_hand = ByHand::new(server.folder(), SIZE_BYTES)?;
    let docker = Docker::start(server.folder())?;

    creates(&server, &by_hand, rounds, table)?;
    attaches(&server, &by_hand, docker.as_ref(), rounds, table)?;
    computers(&server, docker.as_ref(), rounds, table)?;
    crowd(&server, table)?;
    let machine = machine(&server);
    drop(docker);
    server.finish();
    Ok(machine)
}

/// `POST` until the volume is `available`.
fn creates(server: &Server, by_hand: &ByHand, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    progress("create");
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for round in 0..rounds.of(ROUNDS) {
        let body = json!({"name": format!("bench-{round}"), "size_bytes": SIZE_BYTES, "backend": "local"});
        let begun = Instant::now();
        let volume = server.http("POST", "/api/v1/volumes", Some(body)).ok();
        ours.push(begun.elapsed());
        assert_eq!(volume["status"], "available", "the call is answered when the volume is there");
        server.delete_volume(volume["id"].as_str().unwrap_or_default()).ok();

        let begun = Instant::now();
        by_hand.make()?;
        let device = by_hand.attach()?;
        theirs.push(begun.elapsed());
        by_hand.detach(&device)?;
        by_hand.remove()?;
    }
    table.row("create 50 GB: POST → available, durable", "p50 ≤ 8 ms, p99 ≤ 40 ms", ours);
    table.beside("truncate + mkfs.ext4 + losetup + mount, nothing durable", theirs);
    Ok(())
}

/// `POST` until a file of the volume was read at its path inside the running computer, and `DELETE` until it is gone.
fn attaches(
    server: &Server,
    by_hand: &ByHand,
    docker: Option<&Docker>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    progress("attach and detach");
    let computer = server.run_computer(json!({"name": "bench"}));
    let volume = server.create_volume("bench", SIZE_BYTES);
    let attachment = server.attach(&computer, &volume, "/mnt/data");
    server.sh(&computer, "echo here > /mnt/data/marker; sync");
    server.detach(&computer, &attachment).ok();
    // The computer's own view of its files, through its first process.
    let root = PathBuf::from(format!("/proc/{}/root", server.first_process(&computer).pid));
    let marker = root.join("mnt/data/marker");
    by_hand.make()?;

    let (mut attach, mut detach) = (Samples::default(), Samples::default());
    let (mut hand_attach, mut hand_detach, mut fresh) =
        (Samples::default(), Samples::default(), Samples::default());
    for round in 0..rounds.of(ROUNDS) {
        let begun = Instant::now();
        let attachment = server.attach(&computer, &volume, "/mnt/data");
        let content = fs::read(&marker).map_err(Failure::file("cannot read", &marker))?;
        attach.push(begun.elapsed());
        assert_eq!(content, b"here\n");

        let begun = Instant::now();
        server.detach(&computer, &attachment).ok();
        detach.push(begun.elapsed());
        assert!(!marker.exists(), "the volume is still there after detach");

        let begun = Instant::now();
        let device = by_hand.attach()?;
        hand_attach.push(begun.elapsed());
        let begun = Instant::now();
        by_hand.detach(&device)?;
        hand_detach.push(begun.elapsed());

        if let Some(docker) = docker.filter(|_| round < COMPUTER_ROUNDS) {
            fresh.push(docker.run_with_volume()?);
        }
    }
    by_hand.remove()?;
    server.delete_computer(&computer);
    server.delete_volume(&volume).ok();
    table.row(
        "attach to a running computer: POST → read at the path inside",
        "p50 ≤ 10 ms, p99 ≤ 40 ms",
        attach,
    );
    table.beside("losetup + mount", hand_attach);
    table.beside_docker("docker run -v, a fresh container", docker.map(|_| fresh));
    table.row("detach from a running computer: DELETE → answer", "p50 ≤ 10 ms", detach);
    table.beside("umount + losetup -d", hand_detach);
    Ok(())
}

/// `POST` until the first process wrote its first line, by the clock of whoever keeps the log.
fn computers(
    server: &Server,
    docker: Option<&Docker>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    progress("computers");
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..rounds.of(COMPUTER_ROUNDS) {
        let begun = Timestamp::now();
        let computer = server.run_computer(json!({"command": ["/bin/sh", "-c", "echo up; exec sleep 3600"]}));
        let path = format!("/api/v1/computers/{computer}/logs");
        let up = wait_until("the first line of the first process", || {
            let logs = server.http("GET", &path, None).ok();
            logs["lines"][0]["timestamp"].as_str().map(str::to_owned)
        });
        ours.push(since(begun, &up)?);
        server.delete_computer(&computer);
        if let Some(docker) = docker {
            theirs.push(docker.run()?);
        }
    }
    table.row("computer: POST → its first process runs (busybox)", "p50 ≤ 150 ms", ours);
    table.beside_docker("docker run -d", docker.map(|_| theirs));
    Ok(())
}

/// Many attached volumes: what controller and agent need, and how long the agent's successor takes to adopt them all.
fn crowd(server: &Server, table: &mut Table) -> Result<(), Failure> {
    progress("100 attached volumes");
    let mut computers = Vec::new();
    for number in 0..CROWD {
        if number % CROWD_PER_COMPUTER == 0 {
            computers.push(server.run_computer(json!({"name": format!("crowd-{number}"), "size": "xs"})));
        }
        let computer = &computers[number / CROWD_PER_COMPUTER];
        let volume = server.create_volume(&format!("crowd-{number}"), 1 << 30);
        server.attach(computer, &volume, &format!("/mnt/{}", number % CROWD_PER_COMPUTER));
    }
    // Idle: what the calls above left behind in memory may go.
    std::thread::sleep(STEADY);
    let pids = server.pids();
    table.memory("agent with 100 idle attached volumes", "≤ 30 MiB", resident_bytes(pids.agent.pid)?);
    table.memory(
        "controller with 100 idle attached volumes",
        "≤ 60 MiB",
        resident_bytes(pids.controller.pid)?,
    );

    let first_processes: Vec<u32> = computers.iter().map(|id| server.first_process(id).pid).collect();
    let before = mounts(server.data_dir(), &first_processes);
    let mut restarts = Samples::default();
    for _ in 0..RESTARTS {
        std::thread::sleep(STEADY);
        restarts.push(restart_agent(server));
        assert_eq!(mounts(server.data_dir(), &first_processes), before, "something was mounted again");
    }
    table.row("agent killed with 100 attached volumes → all adopted, none remounted", "≤ 300 ms", restarts);
    Ok(())
}

/// From the kill until `/readyz` says that the next agent has adopted everything.
fn restart_agent(server: &Server) -> Duration {
    let old = server.pids().agent;
    let ready = || server.try_http("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200);
    let begun = Instant::now();
    old.signal(Signal::KILL);
    // The server is ready until it notices; a successor that is faster than that is known by its pid.
    wait_until("the old agent to be missed", || {
        let successor = || server.child_named("agent").is_some_and(|agent| agent.pid != old.pid);
        (!ready() || successor()).then_some(())
    });
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no agent recovered");
        std::thread::sleep(Duration::from_micros(500));
    }
    begun.elapsed()
}

/// Every mount of ours with its id, on the host and as each computer sees it: equal only if nothing was mounted anew.
fn mounts(data_dir: &Path, first_processes: &[u32]) -> BTreeMap<u32, Vec<String>> {
    let own = std::process::id();
    let table = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let ours = |line: &&str| pid != own || line.contains(&*data_dir.to_string_lossy());
        (pid, text.lines().filter(ours).map(str::to_owned).collect())
    };
    first_processes.iter().copied().chain([own]).map(table).collect()
}

/// Memory of a process that is really in RAM.
fn resident_bytes(pid: u32) -> Result<u64, Failure> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let status = fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .ok_or_else(|| Failure::Refused(format!("{} has no VmRSS", path.display())))?;
    Ok(kib * 1024)
}

/// The time from `begun` to an RFC 3339 timestamp of this machine's clock.
fn since(begun: Timestamp, timestamp: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::Refused(format!("{timestamp:?} is no time after the call began"));
    let at: Timestamp = timestamp.parse().map_err(|_| wrong())?;
    Duration::try_from(at.duration_since(begun)).map_err(|_| wrong())
}

/// What the figures were measured on.
fn machine(server: &Server) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let pool = server.data_dir().join("pool");
    let filesystem = remains::mount_table(std::process::id())
        .into_iter()
        .filter(|mount| pool.starts_with(&mount.path))
        .max_by_key(|mount| mount.path.as_os_str().len())
        .map_or_else(String::new, |mount| mount.filesystem);
    let place = if pool.join("pool.img").exists() { "an XFS image on " } else { "" };
    format!(
        "Linux {}, {cpus} CPUs, load {} at the end; the pool is on {place}{filesystem}; release build.\n",
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

fn progress(what: &str) {
    eprintln!("measuring: {what}");
}
