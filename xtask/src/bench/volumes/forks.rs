//! Forks of a volume that is in use.

use std::time::{Duration, Instant};

use serde_json::json;

use super::noise::Noise;
use super::{Contender, Floors, Rounds, SIZE_BYTES, Samples, progress};
use crate::bench::peers::{filesystem_of_pool, shell};
use crate::bench::writer;
use crate::run::Failure;

const ROUNDS: usize = 60;
const AT_ONCE: usize = 100;
const AT_ONCE_ROUNDS: usize = 5;
const NOISY_BLOCKS: usize = 3;
const NOISY_ROUNDS_PER_BLOCK: usize = 10;
const DATA_BYTES: u64 = 256 << 20;

pub(super) fn measure(contenders: &[Contender], rounds: Rounds, floors: &mut Floors) -> Result<(), Failure> {
    let sources = contenders.iter().map(Source::new).collect::<Result<Vec<_>, _>>()?;
    progress("forks");
    let mut hand = Samples::default();
    let mut forks: Vec<Samples> = sources.iter().map(|_| Samples::default()).collect();
    for _ in 0..rounds.of(ROUNDS) {
        for (source, forks) in sources.iter().zip(&mut forks) {
            source.fork(forks);
        }
        sources[0].copy_by_hand(&mut hand)?;
    }
    for (source, forks) in sources.iter().zip(&forks) {
        let what = "fork a 50 GB volume in use: POST → available";
        floors.time(&source.contender.subject, what, forks, Duration::from_millis(12));
    }
    floors.beside("cp --reflink + sync of the copy by hand, on the pool", &hand);

    progress("100 forks at once");
    let mut at_once: Vec<Samples> = sources.iter().map(|_| Samples::default()).collect();
    for _ in 0..rounds.of(AT_ONCE_ROUNDS).max(2) {
        for (source, at_once) in sources.iter().zip(&mut at_once) {
            source.forks_at_once(at_once);
        }
    }
    for (source, at_once) in sources.iter().zip(&at_once) {
        let what = "100 forks requested at once, until the last is available";
        floors.time(&source.contender.subject, what, at_once, Duration::from_millis(1500));
    }
    noisy(&sources, rounds, floors)?;
    sources.iter().for_each(Source::remove);
    Ok(())
}

/// Alternates blocks with and without the writer.
fn noisy(sources: &[Source<'_>], rounds: Rounds, floors: &mut Floors) -> Result<(), Failure> {
    progress("forks beside 200 MB/s through the host's page cache");
    let samples = || sources.iter().map(|_| Samples::default()).collect::<Vec<_>>();
    let (mut noisy, mut quiet, mut hand) = (samples(), samples(), Samples::default());
    for _ in 0..NOISY_BLOCKS {
        for _ in 0..rounds.of(NOISY_ROUNDS_PER_BLOCK) {
            sources.iter().zip(&mut quiet).for_each(|(source, times)| source.fork(times));
        }
        let noise = Noise::start(sources[0].contender.server.folder())?;
        for _ in 0..rounds.of(NOISY_ROUNDS_PER_BLOCK) {
            sources.iter().zip(&mut noisy).for_each(|(source, times)| source.fork(times));
            sources[0].copy_by_hand(&mut hand)?;
        }
        noise.finish()?;
    }
    for ((source, noisy), quiet) in sources.iter().zip(&noisy).zip(&quiet) {
        let what = "the same fork while another process writes 200 MB/s through the host's page cache";
        floors.time(&source.contender.subject, what, noisy, Duration::from_millis(100));
        floors.beside("the same fork without the writer, in alternating blocks", quiet);
    }
    floors.beside("cp --reflink + sync of the copy by hand, while the writer runs", &hand);
    Ok(())
}

/// An attached volume with some data.
struct Source<'a> {
    contender: &'a Contender,
    volume: String,
    attachment: String,
}

impl<'a> Source<'a> {
    fn new(contender: &'a Contender) -> Result<Self, Failure> {
        let server = &contender.server;
        let volume = server.create_volume("fork-source", SIZE_BYTES);
        let attachment = server.attach(&contender.computer, &volume, "/mnt/source");
        writer::allocate(&server.host_mount(&volume).join("file"), DATA_BYTES)?;
        Ok(Self { contender, volume, attachment })
    }

    fn fork(&self, times: &mut Samples) {
        let begun = Instant::now();
        let id = self.request_fork();
        times.push(begun.elapsed());
        self.contender.server.delete_volume(&id).ok();
    }

    /// Returns when the fork is available. The request itself waits for that, up to its own limit.
    fn request_fork(&self) -> String {
        let server = &self.contender.server;
        let path = format!("/api/v1/volumes/{}/clone", self.volume);
        let fork = server.http("POST", &path, Some(json!({"name": "fork"}))).ok();
        let id = fork["id"].as_str().unwrap_or_default().to_owned();
        if fork["status"] != "available" {
            server.wait_volume(&id, "available");
        }
        id
    }

    fn forks_at_once(&self, times: &mut Samples) {
        let begun = Instant::now();
        let forks: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| self.request_fork())).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, String>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        times.push(begun.elapsed());
        for fork in forks {
            self.contender.server.delete_volume(&fork).ok();
        }
    }

    /// A durable clone of the image with the system's tools: a lower bound that no implementation can avoid.
    fn copy_by_hand(&self, times: &mut Samples) -> Result<(), Failure> {
        let pool = filesystem_of_pool(&self.contender.server);
        let image = pool.join("volumes").join(&self.volume).join("disk.img");
        let copy = pool.join("by-hand-copy.img");
        let begun = Instant::now();
        shell(&format!(
            "cp --reflink=always {} {copy} && sync {copy}",
            image.display(),
            copy = copy.display()
        ))?;
        times.push(begun.elapsed());
        shell(&format!("rm {}", copy.display())).map(drop)
    }

    fn remove(&self) {
        self.contender.server.detach(&self.contender.computer, &self.attachment).ok();
        self.contender.server.delete_volume(&self.volume).ok();
    }
}
