//! Background I/O that yields to other I/O: it does not evict other pages from the page cache, and its reads come last.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::Advice;

use crate::{Doing, SysError};

/// Takes what is written already out of the page cache.
pub fn forget_cached(file: &File, range: Range<u64>, path: &Path) -> Result<(), SysError> {
    // No length means "to the end", and this is about nothing.
    let Some(len_bytes) = NonZeroU64::new(range.end.saturating_sub(range.start)) else { return Ok(()) };
    rustix::fs::fadvise(file, range.start, Some(len_bytes), Advice::DontNeed).doing("uncache", path)
}

/// Writes a range back and waits for it. Nothing more: the disk's own cache is not flushed.
pub fn write_back(file: &File, range: Range<u64>, path: &Path) -> Result<(), SysError> {
    let flags =
        libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    let (offset, len) = (range.start as libc::off64_t, (range.end - range.start) as libc::off64_t);
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, flags) };
    if result < 0 { Err(io::Error::last_os_error()).doing("write back", path) } else { Ok(()) }
}

/// While it lives, this thread's reads and writes wait for those of others, where the disk's scheduler tells them apart.
#[derive(Debug)]
pub struct IdleIo {
    before: libc::c_long,
    /// It speaks of the thread that it was made on.
    _not_send: std::marker::PhantomData<*const ()>,
}

const IOPRIO_WHO_PROCESS: libc::c_int = 1;
const IOPRIO_CLASS_IDLE: libc::c_long = 3 << 13;

impl IdleIo {
    /// For this thread. A kernel without such priorities changes nothing.
    pub fn begin() -> Self {
        // SAFETY: the call takes numbers only; 0 is the calling thread.
        let before = unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) };
        set_io_priority(IOPRIO_CLASS_IDLE);
        Self { before, _not_send: std::marker::PhantomData }
    }
}

impl Drop for IdleIo {
    fn drop(&mut self) {
        set_io_priority(self.before.max(0));
    }
}

/// A refusal is no reason to stop: it is the same work, less considerate.
fn set_io_priority(priority: libc::c_long) {
    // SAFETY: the call takes numbers only; 0 is the calling thread.
    unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_comes_back() {
        // SAFETY: the call takes numbers only.
        let priority = || unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) };
        let before = priority();
        let idle = IdleIo::begin();
        assert_eq!(priority(), IOPRIO_CLASS_IDLE);
        drop(idle);
        assert_eq!(priority(), before);
    }
}
