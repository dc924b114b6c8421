//! Writing back on behalf of several callers at once, and with a limit on how long a caller waits.
//!
//! **Shared.** A sync that begins after a caller asked for it covers what that caller wrote, whoever runs it. So one sync runs at
//! a time; callers that arrive meanwhile wait for the next one, and share it.
//!
//! **Limited.** `syncfs` has no time limit, and on a sick or saturated disk nothing ends it, not even a signal. So it runs in a
//! thread of its own that may be left behind when the caller's limit passes. Later callers wait for it within their own limits,
//! and then share a new one: what the old one covers ended when it began.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::{Dir, Doing, SysError, files};

/// Something that is synced as a whole: a directory or a filesystem.
#[derive(Debug, Default)]
pub struct SharedSync {
    state: Mutex<State>,
    round_ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_running: bool,
    /// The round that begins when the running one ends, if any caller waits for it.
    next: Option<Arc<Round>>,
}

/// One sync and the callers that share it.
#[derive(Debug, Default)]
struct Round {
    outcome: OnceLock<Result<(), Failure>>,
}

/// An error that every caller of a round gets a copy of.
#[derive(Debug)]
struct Failure {
    doing: &'static str,
    path: std::path::PathBuf,
    source: io::ErrorKind,
    errno: Option<i32>,
}

impl SharedSync {
    /// Calls `sync`, or shares a call by another caller that begins after this call did. `sync` must mean the same to all callers.
    pub fn run(&self, sync: impl FnOnce() -> Result<(), SysError>) -> Result<(), SysError> {
        let round = self.join();
        if self.wait(&round, None) == Waited::Leads {
            self.lead(&round, sync);
        }
        round.outcome()
    }

    /// As [`SharedSync::run`], but in a thread, for which this waits until `deadline`. `Ok(false)`: it has not ended by then.
    fn run_until(
        self: Arc<Self>,
        deadline: Instant,
        path: &std::path::Path,
        sync: impl FnOnce() -> Result<(), SysError> + Send + 'static,
    ) -> Result<bool, SysError> {
        let round = self.join();
        let mut waited = self.wait(&round, Some(deadline));
        if waited == Waited::Leads {
            let (shared, led) = (Arc::clone(&self), Arc::clone(&round));
            let spawned = thread::Builder::new()
                .name("write-back".into())
                .spawn(move || shared.lead(&led, sync))
                .doing("start a thread to write back", path);
            if let Err(error) = spawned {
                self.end(&round, Err(error));
                return round.outcome().map(|()| true);
            }
            waited = self.wait(&round, Some(deadline));
        }
        if waited == Waited::TimedOut { Ok(false) } else { round.outcome().map(|()| true) }
    }

    fn join(&self) -> Arc<Round> {
        Arc::clone(self.state.lock().next.get_or_insert_default())
    }

    /// Waits until the round has ended, or is to be led by this caller.
    fn wait(&self, round: &Arc<Round>, deadline: Option<Instant>) -> Waited {
        let mut state = self.state.lock();
        loop {
            if round.outcome.get().is_some() {
                return Waited::Ended;
            }
            if !state.is_running && state.next.as_ref().is_some_and(|next| Arc::ptr_eq(next, round)) {
                state.is_running = true;
                state.next = None;
                return Waited::Leads;
            }
            match deadline {
                None => self.round_ended.wait(&mut state),
                Some(deadline) if Instant::now() >= deadline => return Waited::TimedOut,
                Some(deadline) => drop(self.round_ended.wait_until(&mut state, deadline)),
            }
        }
    }

    fn lead(&self, round: &Round, sync: impl FnOnce() -> Result<(), SysError>) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(sync));
        self.end(
            round,
            outcome.unwrap_or_else(|_| Err(SysError::new("write back", "", io::ErrorKind::Other))),
        );
    }

    fn end(&self, round: &Round, outcome: Result<(), SysError>) {
        let outcome = outcome.map_err(|SysError { doing, path, source }| {
            let errno = source.raw_os_error();
            Failure { doing, path, source: source.kind(), errno }
        });
        let mut state = self.state.lock();
        round.outcome.set(outcome).expect("a round is led once");
        state.is_running = false;
        drop(state);
        self.round_ended.notify_all();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Ended,
    Leads,
    TimedOut,
}

impl Round {
    fn outcome(&self) -> Result<(), SysError> {
        match self.outcome.get() {
            Some(Err(failure)) => {
                let source =
                    failure.errno.map_or_else(|| failure.source.into(), io::Error::from_raw_os_error);
                Err(SysError::new(failure.doing, &failure.path, source))
            }
            _ => Ok(()),
        }
    }
}

/// Writes filesystems back, each by one thread at a time.
#[derive(Debug, Default)]
pub struct WriteBack {
    /// By device number.
    filesystems: Mutex<HashMap<u64, Arc<SharedSync>>>,
}

impl WriteBack {
    /// Writes back everything that the filesystem of `dir` holds in memory when this is called. `Ok(false)`: that was not done
    /// within `limit`; it goes on by itself, which keeps the filesystem in use.
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
        let device_number = rustix::fs::fstat(&dir).doing("examine", &path)?.st_dev;
        let shared = {
            let mut filesystems = self.filesystems.lock();
            // Those that no caller waits for and no thread works on.
            filesystems.retain(|_, shared| Arc::strong_count(shared) > 1);
            Arc::clone(filesystems.entry(device_number).or_default())
        };
        // The directory is closed before any caller returns: the next thing a caller does may be to unmount the filesystem.
        shared.run_until(deadline, &path, move || sync(&dir))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use rustix::io::Errno;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn dir() -> Dir {
        Dir::open(std::path::Path::new("/tmp")).unwrap()
    }

    #[test]
    fn the_outcome_of_the_sync_is_returned() {
        let write_back = WriteBack::default();
        assert!(write_back.sync_within(dir(), LONG).unwrap());
        let failing = |dir: &Dir| Err(SysError::new("sync", dir.path(), Errno::IO));
        assert!(write_back.run_within(dir(), LONG, failing).unwrap_err().is(Errno::IO));
        assert!(write_back.run_within(dir(), LONG, |_| panic!("as intended")).is_err());
        assert!(write_back.sync_within(dir(), LONG).unwrap());
    }

    /// A sync that hangs delays neither its caller nor, beyond its limit, the next one; and it stays the only one. Once it has
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

    /// Callers that arrive while a sync runs do not count on it, and share the next one, its failure included.
    #[test]
    fn callers_share_the_next_sync() {
        let (shared, runs) = (SharedSync::default(), AtomicUsize::new(0));
        let (running, is_running) = mpsc::channel::<()>();
        let (let_go, wait) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                let wait = wait;
                shared.run(|| {
                    running.send(()).unwrap();
                    wait.recv().unwrap();
                    Ok(())
                })
            });
            is_running.recv().unwrap();
            let others = [(); 8].map(|()| {
                scope.spawn(|| {
                    shared.run(|| {
                        runs.fetch_add(1, Ordering::SeqCst);
                        Err(SysError::new("sync", "/here", Errno::NOSPC))
                    })
                })
            });
            // Every one of them holds the next round.
            while shared.state.lock().next.as_ref().is_none_or(|next| Arc::strong_count(next) < 9) {
                thread::yield_now();
            }
            let_go.send(()).unwrap();
            first.join().unwrap().unwrap();
            for other in others {
                assert!(other.join().unwrap().unwrap_err().is(Errno::NOSPC));
            }
        });
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}
