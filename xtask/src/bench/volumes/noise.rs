//! A writer that keeps the host's page cache dirty: buffered writes to a growing file outside the pool.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::run::Failure;

const BYTES_PER_SECOND: f64 = 200e6;
const CHUNK_BYTES: usize = 1 << 20;
/// The file is truncated at this size to bound its use of the disk.
const FILE_BYTES: u64 = 4 << 30;
/// Time until the kernel writes back at the rate at which pages become dirty.
const WARM_UP: Duration = Duration::from_secs(8);

pub(super) struct Noise {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    file: PathBuf,
}

impl Noise {
    pub(super) fn start(folder: &Path) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let file = folder.join("noise");
        let opened = File::create(&file).map_err(Failure::file("cannot make", &file))?;
        let flag = stop.clone();
        let thread = std::thread::spawn(move || write(opened, &flag));
        let noise = Self { stop, thread: Some(thread), file };
        std::thread::sleep(WARM_UP);
        Ok(noise)
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.end().map_err(Failure::file("cannot write", &self.file))
    }

    fn end(&mut self) -> std::io::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let written = thread.join().expect("the writer does not panic");
        // Removing the file discards its dirty pages.
        let _ = fs::remove_file(&self.file);
        written
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn write(mut file: File, stop: &AtomicBool) -> std::io::Result<()> {
    let chunk = vec![0xa5; CHUNK_BYTES];
    let pace = Duration::from_secs_f64(CHUNK_BYTES as f64 / BYTES_PER_SECOND);
    let (mut due, mut size) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        file.write_all(&chunk)?;
        size += CHUNK_BYTES as u64;
        if size >= FILE_BYTES {
            file.set_len(0)?;
            std::io::Seek::rewind(&mut file)?;
            size = 0;
        }
        // After a delay the writer resumes its pace and does not catch up.
        due = (due + pace).max(Instant::now());
    }
    Ok(())
}
