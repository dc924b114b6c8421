//! Orphans of the servers under test become children of the test's process, and are reaped by it.
//!
//! A killed `serve` leaves its children behind, and a killed agent its containers' monitors. The machine's own init may take
//! seconds to reap them, and until then a dead process looks alive. So the test's process adopts them (it is their "child
//! subreaper") and a thread of it reaps them. Children that the test itself spawned are left to it: they are known by their
//! process group, which is the test's own, or by having been [`keep`]t.

use std::collections::BTreeSet;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpgrp, getpid, set_child_subreaper, waitid};

use super::remains::Stat;

/// Pids of children that somebody else waits for.
static KEPT: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Starts adopting and reaping, once a process.
pub(super) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        set_child_subreaper(Some(getpid())).expect("a process may adopt its own orphans");
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_millis(50));
                reap();
            }
        });
    });
}

/// Spawns with `spawn` a child that its caller will wait for, whatever its process group.
pub(super) fn keep<E>(
    spawn: impl FnOnce() -> Result<std::process::Child, E>,
) -> Result<std::process::Child, E> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let child = spawn()?;
    kept.insert(child.id());
    Ok(child)
}

/// The child was waited for: its pid may come to mean another process.
pub(super) fn let_go(pid: u32) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
}

fn reap() {
    // One system call while no child has exited: a scan of thousands of processes would disturb what is measured.
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if !matches!(waitid(WaitId::All, peek), Ok(Some(_))) {
        return;
    }
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let own = getpid().as_raw_nonzero().get() as u32;
    let own_group = getpgrp().as_raw_nonzero().get() as u32;
    for stat in Stat::all() {
        if stat.parent == own && stat.is_dead() && stat.group != own_group && !kept.contains(&stat.pid) {
            let pid = Pid::from_raw(stat.pid as i32).expect("a process has a pid");
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}
