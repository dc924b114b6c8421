//! What Linux can do with a file's blocks: share them, reserve them, count them.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, IFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::{Dir, Doing, SysError};

/// Makes `to`, which is empty, share all blocks of `from` (`FICLONE`). Both lie on one filesystem.
pub fn clone_file(from: &File, to: &File, to_path: &Path) -> Result<(), SysError> {
    rustix::fs::ioctl_ficlone(to, from).doing("share blocks with", to_path)
}

/// Tries for real whether files in this directory can share blocks. Leaves nothing behind.
pub fn can_share_blocks(dir: &Dir) -> Result<bool, SysError> {
    // Unnamed files: a crash in between leaves nothing to clean up.
    let unnamed = || {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::openat(dir, ".", flags, Mode::RUSR | Mode::WUSR)
    };
    let attempt = || {
        let (from, to) = (unnamed()?, unnamed()?);
        rustix::io::pwrite(&from, &[1; 4096], 0)?;
        rustix::fs::ioctl_ficlone(&to, &from)
    };
    match attempt() {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::ISDIR | Errno::NOSYS) => {
            Ok(false)
        }
        Err(errno) => Err(SysError::new("try to share blocks in", dir.path(), errno)),
    }
}

/// Gives the file its size and reserves all its blocks, so that no later write to it can find the disk full.
pub fn preallocate(file: &File, size_bytes: u64, path: &Path) -> Result<(), SysError> {
    rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size_bytes).doing("reserve the blocks of", path)
}

/// Asks Btrfs to overwrite in place what is made in this directory from now on. Other filesystems do that anyway.
pub fn overwrite_in_place(dir: &Dir) -> Result<(), SysError> {
    let set = rustix::fs::ioctl_getflags(dir)
        .and_then(|flags| rustix::fs::ioctl_setflags(dir, flags | IFlags::NOCOW));
    set.doing("switch copy-on-write off for", dir.path())
}

/// Makes the file immutable, or changeable again: while it is immutable nobody, root included, can write, truncate, rename or
/// unlink it. Through a file that is already open for writing, writes still go on.
pub fn set_immutable(file: &File, immutable: bool, path: &Path) -> Result<(), SysError> {
    let set = rustix::fs::ioctl_getflags(file).and_then(|mut flags| {
        flags.set(IFlags::IMMUTABLE, immutable);
        rustix::fs::ioctl_setflags(file, flags)
    });
    set.doing(if immutable { "make immutable" } else { "make changeable" }, path)
}

/// `f_type` of Btrfs.
const BTRFS_SUPER_MAGIC: u64 = 0x9123_683e;

/// A filesystem's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub total_bytes: u64,
    /// What can still be written.
    pub available_bytes: u64,
    /// What files take. With what can still be written this is less than the total if the filesystem keeps a reserve.
    pub used_bytes: u64,
    pub is_btrfs: bool,
}

/// The room of the filesystem that `dir` lies on.
pub fn room(dir: &Dir) -> Result<Room, SysError> {
    let stat = rustix::fs::fstatfs(dir).doing("ask the room of", dir.path())?;
    // The kernel's fields are signed on some architectures and never negative.
    let block_bytes = stat.f_bsize as u64;
    Ok(Room {
        total_bytes: stat.f_blocks * block_bytes,
        available_bytes: stat.f_bavail * block_bytes,
        used_bytes: stat.f_blocks.saturating_sub(stat.f_bfree) * block_bytes,
        is_btrfs: stat.f_type as u64 == BTRFS_SUPER_MAGIC,
    })
}

/// Takes the exclusive lock of an open file or directory, without waiting. Answers whether it was free.
///
/// The lock belongs to this opening of the file and ends with its last user: for a file handed to a loop device, that is
/// the device.
pub fn try_lock(file: impl AsFd, path: &Path) -> Result<bool, SysError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(SysError::new("lock", path, errno)),
    }
}

/// Writes everything back that the filesystem of `dir` still holds in memory, and answers what went wrong with that.
pub fn sync_filesystem(dir: &Dir) -> Result<(), SysError> {
    rustix::fs::syncfs(dir).doing("write back the filesystem at", dir.path())
}
