//! A writer that keeps a pace, to find out how long it is held up.
//!
//! Each write has a time at which it is due, and its wait is counted from there: a writer that is held up for a second has
//! a thousand late writes behind it, not one.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::run::Failure;

pub(super) const BLOCK_BYTES: usize = 4096;

/// Threads of one writer: a single one could not keep a pace of thousands, with each write waiting for the one before.
const THREADS: u32 = 4;

/// One write: when it was due, and how long after that it was done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    pub(super) due: Instant,
    pub(super) wait: Duration,
}

/// 4 KiB direct writes at random places of a file that is already allocated, so many a second, without fsync.
pub(super) struct Writer {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<std::io::Result<Vec<Write>>>>,
    path: PathBuf,
}

impl Writer {
    pub(super) fn start(path: &Path, per_second: u32) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for thread in 0..THREADS {
            let (file, blocks) = open(path)?;
            let (stop, pace) = (stop.clone(), Duration::from_secs(1) * THREADS / per_second);
            let offset = pace * thread / THREADS;
            threads.push(std::thread::spawn(move || write(&file, blocks, pace, offset, thread, &stop)));
        }
        Ok(Self { stop, threads, path: path.to_owned() })
    }

    /// Ends it; answers every write in the order of their times.
    pub(super) fn finish(mut self) -> Result<Vec<Write>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut writes = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            let done = thread.join().expect("the writer does not panic");
            writes.extend(done.map_err(Failure::file("cannot write", &self.path))?);
        }
        writes.sort_by_key(|write| write.due);
        Ok(writes)
    }
}

/// A bench that fails leaves no file open behind it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The longest wait of the writes that were due from `begin` on.
pub(super) fn worst_since(writes: &[Write], begin: Instant) -> Duration {
    writes
        .iter()
        .filter(|write| write.due + write.wait >= begin)
        .map(|write| write.wait)
        .max()
        .unwrap_or_default()
}

/// The wait that all but one in a thousand stay below, of the writes that were due between the two.
pub(super) fn p999_between(writes: &[Write], begin: Instant, end: Instant) -> Duration {
    let mut waits: Vec<_> =
        writes.iter().filter(|write| (begin..end).contains(&write.due)).map(|write| write.wait).collect();
    waits.sort_unstable();
    waits.get((waits.len() * 999).div_ceil(1000).saturating_sub(1)).copied().unwrap_or_default()
}

/// Makes a file of so many bytes and writes all of it, so that it is allocated.
pub(super) fn allocate(path: &Path, bytes: u64) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).custom_flags(direct()).open(path);
    let file = file.map_err(Failure::file("cannot make", path))?;
    let mut buffer = Buffer::new(1 << 20);
    buffer.stamp(7);
    for offset in (0..bytes).step_by(1 << 20) {
        file.write_all_at(buffer.bytes(), offset).map_err(Failure::file("cannot write", path))?;
    }
    file.sync_all().map_err(Failure::file("cannot sync", path))
}

/// Overwrites `count` blocks, spread evenly over the file, as fast as it goes.
pub(super) fn overwrite(path: &Path, count: u64) -> Result<(), Failure> {
    const LANES: u64 = 8;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn(move || {
                    let (file, blocks) = open(path)?;
                    let mut buffer = Buffer::new(BLOCK_BYTES);
                    for number in (lane..count).step_by(LANES as usize) {
                        buffer.stamp(number);
                        let block = number * blocks / count;
                        file.write_all_at(buffer.bytes(), block * BLOCK_BYTES as u64)
                            .map_err(Failure::file("cannot write", path))?;
                    }
                    Ok(())
                })
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a lane does not panic"))
    })
}

fn write(
    file: &File,
    blocks: u64,
    pace: Duration,
    offset: Duration,
    seed: u32,
    stop: &AtomicBool,
) -> std::io::Result<Vec<Write>> {
    let mut writes = Vec::new();
    let mut random = Random(u64::from(seed) + 1);
    let mut buffer = Buffer::new(BLOCK_BYTES);
    let mut due = Instant::now() + offset;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        buffer.stamp(random.next());
        file.write_all_at(buffer.bytes(), random.next() % blocks * BLOCK_BYTES as u64)?;
        writes.push(Write { due, wait: due.elapsed() });
        due += pace;
    }
    Ok(writes)
}

fn open(path: &Path) -> Result<(File, u64), Failure> {
    let open = || {
        let file = OpenOptions::new().write(true).custom_flags(direct()).open(path)?;
        let blocks = file.metadata()?.len() / BLOCK_BYTES as u64;
        Ok((file, blocks))
    };
    open().map_err(Failure::file("cannot open", path))
}

fn direct() -> i32 {
    rustix::fs::OFlags::DIRECT.bits() as i32
}

/// Memory as direct I/O wants it: aligned to a block.
struct Buffer {
    memory: Vec<u8>,
    begin: usize,
    len: usize,
}

impl Buffer {
    fn new(len: usize) -> Self {
        let memory = vec![0; len + BLOCK_BYTES];
        let begin = memory.as_ptr().align_offset(BLOCK_BYTES);
        Self { memory, begin, len }
    }

    /// Makes the content one of its own, so that no block is all zeroes or like another.
    fn stamp(&mut self, number: u64) {
        for (place, chunk) in self.memory[self.begin..][..self.len].chunks_exact_mut(512).enumerate() {
            chunk[..8].copy_from_slice(&number.to_le_bytes());
            chunk[8..16].copy_from_slice(&(place as u64).to_le_bytes());
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..][..self.len]
    }
}

/// Xorshift: places need no better dice, and the same ones each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
