//! A host with 1,000 attached volumes: attaching one more, idling, and restarting the agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use miosa_testkit::server::{Server, wait_until};
use rustix::process::Signal;
use serde_json::json;

use super::{AttachTimes, ByHand, Contender, Floors, Rounds, Samples, progress};
use crate::bench::{STEADY, resident_bytes};
use crate::run::Failure;

const COMPUTERS: usize = 20;
const VOLUMES_PER_COMPUTER: usize = 50;
const VOLUME_BYTES: u64 = 1 << 30;
const CALLS_AT_ONCE: usize = 4;
const ROUNDS: usize = 60;
const RESTARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(60);
/// The agent measures the space of each volume within a minute of a change. That work is not part of being idle.
const SETTLE: Duration = Duration::from_secs(75);

const MIB: f64 = (1 << 20) as f64;

pub(super) fn measure(
    contenders: &[Contender],
    by_hand: &ByHand,
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<(), Failure> {
    by_hand.make()?;
    for contender in contenders {
        one_more(contender, by_hand, rounds, floors)?;
    }
    by_hand.remove()
}

/// Measures the host empty, crowded, and empty again, so that drift affects both sides. The same steps by hand show the share
/// of the kernel.
fn one_more(
    contender: &Contender,
    by_hand: &ByHand,
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<(), Failure> {
    let block = |count: usize| {
        let (mut ours, mut hand) = (AttachTimes::default(), AttachTimes::default());
        for _ in 0..rounds.of(count) {
            contender.attach_and_detach(&mut ours)?;
            hand.by_hand(by_hand)?;
        }
        Ok::<_, Failure>((ours, hand))
    };
    progress("attach and detach with none attached");
    let (mut none, mut hand_none) = block(ROUNDS / 2)?;
    let crowd = Crowd::attach(&contender.server);
    progress("attach and detach with 1,000 attached");
    let (crowded, hand_crowded) = block(ROUNDS)?;
    idle(contender, rounds, floors)?;
    restarts(contender, &crowd, rounds, floors);
    crowd.remove(&contender.server);
    progress("attach and detach with none attached, again");
    let (none_after, hand_after) = block(ROUNDS / 2)?;
    none.extend(none_after);
    hand_none.extend(hand_after);

    let subject = &contender.subject;
    floors.ratio(
        subject,
        "attach with 1,000 volumes attached",
        &crowded.attach,
        ("with none", &none.attach),
        1.2,
    );
    floors.ratio(
        subject,
        "detach with 1,000 volumes attached",
        &crowded.detach,
        ("with none", &none.detach),
        1.2,
    );
    floors.beside("losetup + mount by hand with 1,000 attached", &hand_crowded.attach);
    floors.beside("losetup + mount by hand with none", &hand_none.attach);
    floors.beside("umount + losetup -d by hand with 1,000 attached", &hand_crowded.detach);
    floors.beside("umount + losetup -d by hand with none", &hand_none.detach);
    Ok(())
}

/// Computers with many attached volumes each.
struct Crowd {
    computers: Vec<String>,
    volumes: Vec<String>,
}

impl Crowd {
    fn attach(server: &Server) -> Self {
        progress("attaching 1,000 volumes");
        let begun = Instant::now();
        let numbers: Vec<usize> = (0..COMPUTERS).collect();
        let one = |number: usize| {
            let computer = server.run_computer(json!({"name": format!("crowd-{number}"), "size": "xs"}));
            let attach = |place: usize| {
                let name = format!("crowd-{number}-{place}");
                let volume = server.create_volume(&name, VOLUME_BYTES);
                server.attach(&computer, &volume, &format!("/mnt/{place}"));
                volume
            };
            let volumes: Vec<String> = (0..VOLUMES_PER_COMPUTER).map(attach).collect();
            (computer, volumes)
        };
        let made = in_parallel(&numbers, |number| one(*number));
        progress(&format!("… took {:.0} s", begun.elapsed().as_secs_f64()));
        let (computers, volumes): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        Self { computers, volumes: volumes.concat() }
    }

    fn remove(self, server: &Server) {
        progress("removing them");
        in_parallel(&self.computers, |computer| server.delete_computer(computer));
        in_parallel(&self.volumes, |volume| drop(server.delete_volume(volume).ok()));
    }
}

/// Runs a few calls at a time, in order per thread, and propagates their panics.
fn in_parallel<I: Sync, T: Send>(items: &[I], act: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let (act, share) = (&act, items.len().div_ceil(CALLS_AT_ONCE).max(1));
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(move || items.iter().map(act).collect::<Vec<T>>()))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<T>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

/// CPU share and memory of agent and controller while no request arrives.
fn idle(contender: &Contender, rounds: Rounds, floors: &mut Floors) -> Result<(), Failure> {
    progress("idle with 1,000 attached");
    std::thread::sleep(SETTLE);
    let pids = contender.server.pids();
    let window = if rounds.is_quick() { IDLE / 3 } else { IDLE };
    let before = [cpu_time(pids.agent.pid)?, cpu_time(pids.controller.pid)?];
    let begun = Instant::now();
    std::thread::sleep(window);
    let elapsed = begun.elapsed().as_secs_f64();
    let after = [cpu_time(pids.agent.pid)?, cpu_time(pids.controller.pid)?];
    let share = |index: usize| 100.0 * (after[index] - before[index]).as_secs_f64() / elapsed;
    let (agent, controller) = (share(0), share(1));
    let sum = agent + controller;
    let subject = &contender.subject;
    let text = format!("{sum:.2} % of a core (agent {agent:.2}, controller {controller:.2})");
    floors.figure(subject, "idle with 1,000 attached volumes", text, "≤ 0.3 % of a core", sum <= 0.3);
    for (name, pid, at_most) in [("agent", pids.agent.pid, 40.0), ("controller", pids.controller.pid, 60.0)] {
        let mib = resident_bytes(pid)? as f64 / MIB;
        let what = format!("memory of the {name} with 1,000 attached volumes");
        floors.figure(subject, &what, format!("{mib:.1} MiB"), &format!("≤ {at_most} MiB"), mib <= at_most);
    }
    Ok(())
}

/// User and system time of all threads, including exited ones.
fn cpu_time(pid: u32) -> Result<Duration, Failure> {
    let path = Path::new("/proc").join(pid.to_string()).join("stat");
    let stat = fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
    // The program's name may contain anything: fields are counted from the last bracket.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace().collect()).unwrap_or_default();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (Some(user), Some(system)) = (ticks(11), ticks(12)) else {
        return Err(Failure::Refused(format!("{} has no times", path.display())));
    };
    Ok(Duration::from_secs_f64((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Kills the agent and waits until its successor has adopted every volume. Every mount must keep its ID.
fn restarts(contender: &Contender, crowd: &Crowd, rounds: Rounds, floors: &mut Floors) {
    progress("agent restarts with 1,000 attached");
    let server = &contender.server;
    let first_processes: Vec<u32> = crowd.computers.iter().map(|id| server.first_process(id).pid).collect();
    let before = mounts(server.data_dir(), &first_processes);
    let mut times = Samples::default();
    for _ in 0..rounds.of(RESTARTS).max(2) {
        std::thread::sleep(STEADY);
        times.push(restart_agent(server));
        assert_eq!(mounts(server.data_dir(), &first_processes), before, "a volume was mounted again");
    }
    for computer in &crowd.computers {
        let attached = server.attachments(computer).iter().filter(|a| a["state"] == "attached").count();
        assert_eq!(attached, VOLUMES_PER_COMPUTER, "attached to computer {computer} after the restarts");
    }
    let what = "agent killed with 1,000 attached volumes → all adopted and reported, none remounted";
    floors.time(&contender.subject, what, &times, Duration::from_secs(1));
}

/// The time from the kill until `/readyz` responds that the next agent has adopted and reported everything.
fn restart_agent(server: &Server) -> Duration {
    let old = server.pids().agent;
    let ready = || server.try_http("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200);
    let begun = Instant::now();
    old.signal(Signal::KILL);
    // The controller is ready until it notices the loss. A successor that connects before that is recognized by its pid.
    wait_until("the loss of the old agent", || {
        let successor = || server.child_named("agent").is_some_and(|agent| agent.pid != old.pid);
        (!ready() || successor()).then_some(())
    });
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no agent recovered");
        std::thread::sleep(Duration::from_micros(500));
    }
    begun.elapsed()
}

/// Every mount of the server with its ID, on the host and inside each computer. Two tables are equal only if nothing was mounted
/// in between.
fn mounts(data_dir: &Path, first_processes: &[u32]) -> BTreeMap<u32, Vec<String>> {
    let own = std::process::id();
    let table = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let ours = |line: &&str| pid != own || line.contains(&*data_dir.to_string_lossy());
        (pid, text.lines().filter(ours).map(str::to_owned).collect())
    };
    first_processes.iter().copied().chain([own]).map(table).collect()
}
