//! Idmapped mounts: the files of a filesystem with the owner ids of a user namespace.
//!
//! ```text
//!   on disk             0 … 65535
//!   idmapped mount      first … first + count - 1      0 … count - 1 for processes in the user namespace
//! ```
//!
//! **Crash safety.** The mapping is a property of a detached copy of a mount, which is dropped with its descriptor unless it is
//! attached. The helper process that holds the user namespace ends with its parent.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use serde::{Deserialize, Serialize};

use crate::{Doing, SysError};

/// The host ids that a user namespace maps to `0..count`, for users and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    pub first: u32,
    pub count: u32,
}

/// Creates a user namespace with this mapping. It exists as long as the descriptor or a mount that uses it.
pub fn user_namespace(range: IdRange) -> Result<OwnedFd, SysError> {
    let holder = Holder::new().doing("make a user namespace in", "/proc")?;
    let proc_path = |name: &str| format!("/proc/{}/{name}", holder.pid);
    let mapping = format!("0 {} {}\n", range.first, range.count);
    for name in ["uid_map", "gid_map"] {
        std::fs::write(proc_path(name), &mapping).doing("write", proc_path(name))?;
    }
    open_user_namespace(holder.pid)
}

/// The user namespace of a process.
pub fn open_user_namespace(pid: u32) -> Result<OwnedFd, SysError> {
    let path = format!("/proc/{pid}/ns/user");
    rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).doing("open", &path)
}

/// A detached copy of the mount at `source`, or of a directory in it: without its submounts, private, `nosuid,nodev`, with its ids
/// mapped as `user_namespace` maps them.
pub fn clone_mount(
    source: &Path,
    user_namespace: BorrowedFd<'_>,
    read_only: bool,
) -> Result<OwnedFd, SysError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, source, flags).doing("copy the mount at", source)?;
    let read_only = if read_only { libc::MOUNT_ATTR_RDONLY } else { 0 };
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | read_only,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: user_namespace.as_raw_fd() as u64,
    };
    // SAFETY: the path is NUL-terminated; `attributes` outlives the call and its size is passed with it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result < 0 {
        return Err(SysError::new("map the ids of the mount at", source, io::Error::last_os_error()));
    }
    Ok(tree)
}

/// Attaches a detached mount at `target`, in the mount namespace of this thread.
pub fn attach(tree: BorrowedFd<'_>, target: &Path) -> Result<(), SysError> {
    move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).doing("mount at", target)
}

/// A child process that exists only to hold a new user namespace.
struct Holder {
    pid: u32,
    pidfd: OwnedFd,
}

impl Holder {
    fn new() -> io::Result<Self> {
        let parent = std::process::id() as i32;
        let mut pidfd: RawFd = -1;
        // SAFETY: zero is a valid value of every field.
        let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
        args.flags = (libc::CLONE_NEWUSER | libc::CLONE_PIDFD) as u64;
        args.pidfd = &raw mut pidfd as u64;
        args.exit_signal = libc::SIGCHLD as u64;
        // SAFETY: as fork(2): the child has its own copy of this memory, and `args` outlives the call.
        let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => Self::live(parent),
            // SAFETY: the kernel returned this descriptor, and nothing else owns it.
            pid => Ok(Self { pid: pid as u32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
        }
    }

    /// The child. It only makes system calls, because locks of other threads were copied in any state.
    fn live(parent: i32) -> ! {
        // SAFETY: these calls take numbers only. The check covers a parent that ended before the first call.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != parent {
                libc::_exit(0);
            }
            loop {
                libc::pause();
            }
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
        // It is our child and not yet reaped, so both calls find it.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: IdRange = IdRange { first: 0x7000_0000, count: 65536 };

    /// Files of root on disk belong to the root of the namespace through the mount.
    #[test]
    fn a_mapped_copy_shows_other_owners() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let namespace = user_namespace(RANGE).unwrap();
        let tree = clone_mount(folder.path(), namespace.as_fd(), true).unwrap();
        let through = Path::new("/proc/self/fd").join(tree.as_raw_fd().to_string()).join("file");
        assert_eq!(std::fs::metadata(&through).unwrap().uid(), RANGE.first);
        let error = std::fs::write(&through, "y").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
    }

    #[test]
    fn the_holder_is_gone_when_the_namespace_is_made() {
        let holder = Holder::new().unwrap();
        let path = format!("/proc/{}", holder.pid);
        assert!(Path::new(&path).exists());
        drop(holder);
        assert!(!Path::new(&path).exists());
    }
}
