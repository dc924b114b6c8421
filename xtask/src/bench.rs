//! `bench`: how long the main calls of a release build take, compared with the same work by hand in the same run.
//!
//! The product and its peer alternate, so that other load on the machine affects both. A missed floor is reported and is not a
//! failure. A call that does not have its effect is a failure, so that no figure is of an empty call.
//!
//! Every call opens its own connection, which counts.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use miosa_testkit::server::{Server, remains};

use crate::run::{self, Failure};
use crate::{fixture, setup};

mod docker;
mod floors;
mod peers;
mod services;
mod snapshots;
mod table;
mod volumes;
mod writer;

use floors::Floors;
use table::Table;
use volumes::Part;

/// `serve` delays the restart of a process that died soon after its start. A process of this age is restarted immediately.
const STEADY: Duration = Duration::from_secs(11);

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

/// What to measure, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these groups; all of them when none is named
    #[arg(value_enum)]
    groups: Vec<Group>,
    /// A fifth of the rounds
    #[arg(long)]
    quick: bool,
    /// Only these parts of `core`; all but `demo` when none is named
    #[arg(long, value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Measure this program instead of building one
    #[arg(long, value_name = "PROGRAM")]
    binary: Option<PathBuf>,
    /// In `core`: another build, measured in turn with the first
    #[arg(long, value_name = "PROGRAM")]
    against: Option<PathBuf>,
}

/// Builds, serves, measures, prints the tables, and cleans up.
pub(crate) fn bench(options: &Options) -> Result<(), Failure> {
    if !run::is_root() {
        return Err(Failure::Refused(
            "volumes are loop devices and mounts, which only root may make; run: sudo -E env \"PATH=$PATH\" cargo xtask bench"
                .into(),
        ));
    }
    setup::setup()?;
    let miosa = match &options.binary {
        Some(program) => program.clone(),
        None => run::build_miosa(run::Profile::Release)?,
    };
    let rounds = Rounds { quick: options.quick };
    for group in [Group::Core, Group::Snapshots, Group::Services] {
        if !options.groups.is_empty() && !options.groups.contains(&group) {
            continue;
        }
        match group {
            Group::Core => {
                let builds = volumes::Builds { miosa: miosa.clone(), against: options.against.clone() };
                report(|floors: &mut Floors| volumes::measure(&builds, &options.parts, rounds, floors))?;
            }
            Group::Snapshots => {
                report(|table: &mut Table| snapshots::measure(miosa.clone(), rounds, table))?;
            }
            Group::Services => report(|table: &mut Table| services::measure(miosa.clone(), rounds, table))?,
        }
    }
    Ok(())
}

/// Runs a group and prints its table. A group that fails prints what it measured until then.
fn report<T: Default + std::fmt::Display>(
    measure: impl FnOnce(&mut T) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut table = T::default();
    let mut machine = String::new();
    fixture::without_panics(|| {
        machine = measure(&mut table)?;
        Ok(())
    })
    .inspect_err(|_| print!("{table}"))?;
    println!("{machine}\n{table}");
    Ok(())
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
