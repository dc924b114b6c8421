//! Giving a file other blocks of the same content (`FIDEDUPERANGE`), under running writers.
//!
//! The kernel keeps writers out, compares, and exchanges the blocks in one step: a reader sees the same bytes before and after,
//! and so does a power cut. It compares what both files hold at that moment, so a stale copy is refused and not taken over.

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::Path;

use linux_raw_sys::general::{FILE_DEDUPE_RANGE_DIFFERS, FILE_DEDUPE_RANGE_SAME, file_dedupe_range_info};
use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::{Dir, Doing, SysError};

const FIDEDUPERANGE: u32 = 0xC018_9436;

/// Makes a file without a name in `dir`: whatever happens, it goes with its last handle.
pub fn unnamed_file(dir: &Dir) -> Result<File, SysError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, ".", flags, Mode::RUSR | Mode::WUSR)
        .doing("make an unnamed file in", dir.path())?;
    Ok(File::from(fd))
}

/// What the kernel found when it compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Both share the blocks of the source now, up to so many bytes, which may be fewer than asked for.
    Same {
        bytes: u64,
    },
    Differs,
}

/// Makes `len_bytes` of `to` share the blocks of `from`, if both hold the same bytes there. All numbers are multiples of the
/// filesystem's block size.
///
/// Writers of `to` wait until this returns: keep the range small.
pub fn share_if_same(
    from: (&File, u64),
    to: (&File, u64),
    len_bytes: u64,
    to_path: &Path,
) -> Result<Compared, SysError> {
    let doing = "exchange blocks of";
    let mut question = Question {
        src_offset: from.1,
        src_length: len_bytes,
        dest_count: 1,
        reserved1: 0,
        reserved2: 0,
        info: file_dedupe_range_info {
            dest_fd: to.0.as_raw_fd().into(),
            dest_offset: to.1,
            bytes_deduped: 0,
            status: 0,
            reserved: 0,
        },
    };
    // SAFETY: the request reads and fills a `file_dedupe_range` with `dest_count` destinations behind it, here one, in a struct
    // that lives and is writable.
    let result = unsafe {
        libc::ioctl(from.0.as_raw_fd(), libc::c_ulong::from(FIDEDUPERANGE) as _, &raw mut question as usize)
    };
    if result < 0 {
        return Err(SysError::new(doing, to_path, io::Error::last_os_error()));
    }
    let info = question.info;
    match u32::try_from(info.status) {
        Ok(FILE_DEDUPE_RANGE_SAME) if info.bytes_deduped > 0 => {
            Ok(Compared::Same { bytes: info.bytes_deduped })
        }
        Ok(FILE_DEDUPE_RANGE_DIFFERS) => Ok(Compared::Differs),
        // The same, and nothing done: asking again would never end.
        Ok(_) => Err(SysError::new(doing, to_path, Errno::IO)),
        Err(_) => Err(SysError::new(doing, to_path, io::Error::from_raw_os_error(-info.status))),
    }
}

/// Gives a range's blocks back to the filesystem; it reads as zeroes then.
pub fn punch_hole(file: &File, offset_bytes: u64, len_bytes: u64, path: &Path) -> Result<(), SysError> {
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, mode, offset_bytes, len_bytes).doing("give back blocks of", path)
}

/// `struct file_dedupe_range` with its array, of one.
#[repr(C)]
struct Question {
    src_offset: u64,
    src_length: u64,
    dest_count: u16,
    reserved1: u16,
    reserved2: u32,
    info: file_dedupe_range_info,
}

const _: () = assert!(mem::offset_of!(Question, info) == 24);
