//! What Linux can do with a file's blocks: share them, reserve them, count them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use linux_raw_sys::general::{BTRFS_SUPER_MAGIC, XFS_SUPER_MAGIC};
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

/// Makes the file immutable, or changeable again: while it is immutable no process, root's included, can write, truncate, rename or
/// unlink it. Through a file that is already open for writing, writes still go on.
pub fn set_immutable(file: &File, immutable: bool, path: &Path) -> Result<(), SysError> {
    let set = rustix::fs::ioctl_getflags(file).and_then(|mut flags| {
        flags.set(IFlags::IMMUTABLE, immutable);
        rustix::fs::ioctl_setflags(file, flags)
    });
    set.doing(if immutable { "make immutable" } else { "make changeable" }, path)
}

/// A filesystem's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub total_bytes: u64,
    /// What can still be written.
    pub available_bytes: u64,
    /// What files take. With what can still be written this is less than the total if the filesystem keeps a reserve.
    pub used_bytes: u64,
    pub is_btrfs: bool,
    pub is_xfs: bool,
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
        is_btrfs: stat.f_type as u64 == u64::from(BTRFS_SUPER_MAGIC),
        is_xfs: stat.f_type as u64 == u64::from(XFS_SUPER_MAGIC),
    })
}

/// Takes the exclusive lock of an open file or directory, without waiting. Returns whether it was free.
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

/// Whether anything besides `file` has its inode open: another opening in any process, or a loop device, which keeps the file
/// behind it open. Costs the same however many devices and processes there are.
///
/// `true` may be wrong where the filesystem grants no leases; `false` is always right at the instant of the call.
///
/// The kernel grants a write lease only while this is the sole opening of the inode, so one is taken and given back. An opening
/// that comes in between waits for that, and the kernel signals the holder. The default signal, `SIGIO`, would end this process;
/// `SIGURG` is ignored.
pub fn may_be_open_elsewhere(file: &File, path: &Path) -> Result<bool, SysError> {
    /// Missing from the libc crate for most architectures, and the same number on all that Linux runs on.
    const F_SETSIG: libc::c_int = 10;
    let call = |command: libc::c_int, argument: libc::c_int| {
        // SAFETY: the commands take a number and no pointer, and the descriptor lives as long as `file`.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    call(F_SETSIG, libc::SIGURG).doing("choose the lease signal of", path)?;
    if call(libc::F_SETLEASE, libc::F_WRLCK).is_err() {
        return Ok(true);
    }
    call(libc::F_SETLEASE, libc::F_UNLCK).doing("give back the lease of", path)?;
    Ok(false)
}

/// Writes everything back that the filesystem of `dir` still holds in memory, and returns what went wrong with that.
pub fn sync_filesystem(dir: &Dir) -> Result<(), SysError> {
    rustix::fs::syncfs(dir).doing("write back the filesystem at", dir.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_openings_of_a_file_are_noticed() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let (file, path) = (temp.as_file(), temp.path());
        let is_open = || may_be_open_elsewhere(file, path).unwrap();
        assert!(!is_open());
        let copy = file.try_clone().unwrap();
        assert!(!is_open(), "a copy of the descriptor is the same opening");
        drop(copy);
        for writable in [false, true] {
            let other = File::options().read(true).write(writable).open(path).unwrap();
            assert!(is_open());
            drop(other);
            assert!(!is_open());
        }
        let device = crate::loopdev::attach_read_only(&File::open(path).unwrap(), "miosa:test").unwrap();
        assert!(is_open(), "{} has it open", device.path.display());
    }
}
