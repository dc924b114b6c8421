//! Volumes and attachments on an empty and on a crowded host, compared with floors.
//!
//! All figures of a row come from one run in which the product and its peer alternate. With a second build (`--against`), both
//! builds alternate in the same rounds. Rows that compare a crowded host with an empty one measure the empty host before and
//! after the crowded one.
//!
//! **Cleanup.** Everything that a part creates is in the scratch folder of its server: processes carry its path in their
//! arguments, mounts and loop devices are below it. An interrupt or a failure removes all of that by force.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::json;

use super::docker::Docker;
use super::floors::{Floors, Subject};
use super::peers::ByHand;
use super::table::Samples;
use super::{Rounds, machine, progress};
use crate::fixture;
use crate::run::Failure;

mod attach;
mod clone_to_demo;
mod computers;
mod create;
mod crowd;
mod forks;
mod noise;
mod processes;
mod source;

const SIZE_BYTES: u64 = 50 << 30;

/// A part of this group that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Creating a volume
    Create,
    /// Attaching to a running computer, and detaching from it
    Attach,
    /// Starting a computer
    Computers,
    /// Attaching and detaching beside 2,000 idle processes
    Processes,
    /// 1,000 attached volumes: attach and detach one more, idle, restart the agent
    Crowd,
    /// Forks: one, 100 at once, and while a process writes through the page cache
    Forks,
    /// From a clean clone to the end of the demo. Takes many minutes, so it runs only when it is named
    Demo,
    /// Count the lines of Rust
    Source,
}

impl Part {
    const ALL: [Self; 8] = [
        Self::Create,
        Self::Attach,
        Self::Computers,
        Self::Processes,
        Self::Crowd,
        Self::Forks,
        Self::Demo,
        Self::Source,
    ];
}

/// What to measure.
#[derive(Debug, Clone)]
pub(super) struct Builds {
    pub(super) miosa: PathBuf,
    /// Another build, which alternates with the first.
    pub(super) against: Option<PathBuf>,
}

/// A build that is measured: its server, with a computer and a volume.
struct Contender {
    subject: Subject,
    server: Server,
    computer: String,
    volume: String,
    /// A file of the volume, at its path inside the computer.
    marker: PathBuf,
}

/// Times of attach and detach, of one contender or by hand.
#[derive(Default)]
struct AttachTimes {
    attach: Samples,
    detach: Samples,
}

pub(super) fn measure(
    builds: &Builds,
    parts: &[Part],
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<String, Failure> {
    let wanted = |part: &Part| if parts.is_empty() { *part != Part::Demo } else { parts.contains(part) };
    let mut contenders = vec![Contender::start(&builds.miosa, None)];
    if let Some(against) = &builds.against {
        contenders.push(Contender::start(against, Some("the other build")));
    }
    let folder = contenders[0].server.folder();
    let by_hand = ByHand::new(folder, SIZE_BYTES)?;
    let docker = Docker::start(folder)?;
    for part in Part::ALL.iter().filter(|part| wanted(part)) {
        match part {
            Part::Create => create::measure(&contenders, &by_hand, rounds, floors)?,
            Part::Attach => attach::measure(&contenders, &by_hand, docker.as_ref(), rounds, floors)?,
            Part::Computers => computers::measure(&contenders, docker.as_ref(), rounds, floors)?,
            Part::Processes => processes::measure(&contenders, rounds, floors)?,
            Part::Crowd => crowd::measure(&contenders, &by_hand, rounds, floors)?,
            Part::Forks => forks::measure(&contenders, rounds, floors)?,
            Part::Demo => clone_to_demo::measure(floors)?,
            Part::Source => source::measure(floors)?,
        }
    }
    let machine = machine(&contenders[0].server);
    drop(docker);
    contenders.into_iter().for_each(|contender| contender.server.finish());
    Ok(machine)
}

impl Contender {
    fn start(miosa: &Path, label: Option<&str>) -> Self {
        let server = Server::start(ServerOptions {
            pool_size: "8GB".into(),
            config: Some("[limits]\nvolumes_per_project = 5000\n".into()),
            ..ServerOptions::new(miosa)
        });
        fixture::clean_up_on_interrupt(&server, Vec::new());
        let computer = server.run_computer(json!({"name": "bench", "size": "xs"}));
        let volume = server.create_volume("bench", SIZE_BYTES);
        let attachment = server.attach(&computer, &volume, "/mnt/data");
        server.sh(&computer, "echo here > /mnt/data/marker; sync");
        server.detach(&computer, &attachment).ok();
        let root = PathBuf::from(format!("/proc/{}/root", server.first_process(&computer).pid));
        let subject = Subject { label: label.map(str::to_owned) };
        Self { subject, server, computer, volume, marker: root.join("mnt/data/marker") }
    }

    /// Measures `POST` until a file of the volume has been read inside the running computer, and `DELETE` until its response.
    fn attach_and_detach(&self, times: &mut AttachTimes) -> Result<(), Failure> {
        let begun = Instant::now();
        let attachment = self.server.attach(&self.computer, &self.volume, "/mnt/data");
        let content = fs::read(&self.marker).map_err(Failure::file("cannot read", &self.marker))?;
        times.attach.push(begun.elapsed());
        assert_eq!(content, b"here\n");

        let begun = Instant::now();
        self.server.detach(&self.computer, &attachment).ok();
        times.detach.push(begun.elapsed());
        assert!(!self.marker.exists(), "the volume is still mounted after detach");
        Ok(())
    }
}

impl AttachTimes {
    fn by_hand(&mut self, by_hand: &ByHand) -> Result<(), Failure> {
        let begun = Instant::now();
        let device = by_hand.attach()?;
        self.attach.push(begun.elapsed());
        let begun = Instant::now();
        by_hand.detach(&device)?;
        self.detach.push(begun.elapsed());
        Ok(())
    }

    fn extend(&mut self, other: Self) {
        self.attach.extend(other.attach);
        self.detach.extend(other.detach);
    }
}
