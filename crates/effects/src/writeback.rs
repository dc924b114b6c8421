//! Writing a filesystem back, with an end to the waiting.
//!
//! `syncfs` has no time limit, and on a sick or drowned disk nothing ends it, no signal either. So it runs in a thread of its
//! own that may be left behind; the caller waits only so long. A filesystem has at most one such thread: whoever comes while
//! one lingers waits for it within his own limit, and then has one of his own, since the older one need not have seen what was
//! written after it began.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Dir, Doing, SysError, files};

/// Writes filesystems back, each by one thread at a time.
#[derive(Debug, Clone, Default)]
pub struct WriteBack {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Device numbers of the filesystems that a thread is at work on.
    busy: Mutex<HashSet<u64>>,
    one_ended: Condvar,
}

/// A filesystem's turn; over when it is dropped.
struct Turn {
    shared: Arc<Shared>,
    device_number: u64,
}

impl WriteBack {
    /// Writes everything back that the filesystem of `dir` holds in memory when this is called. `Ok(false)`: it was not done
    /// within `limit`, and goes on by itself, which keeps the filesystem in use.
    pub fn sync_within(&self, dir: Dir, limit: Duration) -> Result<bool, SysError> {
        self.run_within(dir, limit, files::sync_filesystem)
    }

    fn run_within(
        &self,
        dir: Dir,
        limit: Duration,
        sync: impl FnOnce(&Dir) -> Result<(), SysError> + Send + 'static,
    ) -> Result<bool, SysError> {
        let deadline = Instant::now() + limit;
        let path = dir.path().to_owned();
        let device_number = rustix::fs::fstat(&dir).doing("look at", &path)?.st_dev;
        let Some(turn) = self.take_turn(device_number, deadline) else { return Ok(false) };
        let (send, outcome) = mpsc::sync_channel(1);
        let work = move || {
            let result = sync(&dir);
            // Before the answer: whoever hears it may want to unmount the filesystem.
            drop((dir, turn));
            // Nobody waits for it any more if the limit has passed.
            let _ = send.send(result);
        };
        thread::Builder::new()
            .name("write-back".into())
            .spawn(work)
            .doing("start a thread to write back", &path)?;
        match outcome.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => result.map(|()| true),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(false),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(SysError::new("write back", path, io::Error::other("the thread at work on it panicked")))
            }
        }
    }

    /// `None`: another thread is at work on it until after the deadline.
    fn take_turn(&self, device_number: u64, deadline: Instant) -> Option<Turn> {
        let mut busy = self.shared.busy();
        while !busy.insert(device_number) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            busy = self.shared.one_ended.wait_timeout(busy, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(busy);
        Some(Turn { shared: Arc::clone(&self.shared), device_number })
    }
}

impl Shared {
    fn busy(&self) -> MutexGuard<'_, HashSet<u64>> {
        // A set of numbers is whole after every statement.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.busy().remove(&self.device_number);
        self.shared.one_ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn dir() -> Dir {
        Dir::open(std::path::Path::new("/tmp")).unwrap()
    }

    #[test]
    fn it_answers_what_syncing_answered() {
        let write_back = WriteBack::default();
        assert!(write_back.sync_within(dir(), LONG).unwrap());
        let failing = |dir: &Dir| Err(SysError::new("sync", dir.path(), rustix::io::Errno::IO));
        assert!(write_back.run_within(dir(), LONG, failing).unwrap_err().is(rustix::io::Errno::IO));
    }

    /// One that hangs holds up neither its caller nor, beyond his limit, the next one; and it stays the only one. Once it has
    /// ended, the next call syncs anew.
    #[test]
    fn a_thread_that_lingers_is_the_only_one() {
        let write_back = WriteBack::default();
        let (let_go, wait) = mpsc::channel::<()>();
        let hang = move |_: &Dir| {
            wait.recv().unwrap();
            Ok(())
        };
        assert!(!write_back.run_within(dir(), Duration::from_millis(1), hang).unwrap());
        let runs = Arc::new(AtomicUsize::new(0));
        let count = |runs: &Arc<AtomicUsize>| {
            let runs = Arc::clone(runs);
            move |_: &Dir| {
                runs.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        assert!(!write_back.run_within(dir(), Duration::from_millis(1), count(&runs)).unwrap());
        assert_eq!(runs.load(Ordering::SeqCst), 0, "a second one was started beside it");
        let_go.send(()).unwrap();
        assert!(write_back.run_within(dir(), LONG, count(&runs)).unwrap());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}
