//! A detached mount: in no namespace's tree, invisible to other processes, reached through one descriptor and gone with it.
//!
//! **Crash safety.** There is nothing to clean up. When the descriptor closes, also by `kill -9`, the kernel unmounts, and the
//! loop device below, attached with autoclear, goes too. Such an unmount reports no error: a caller that wrote through the mount
//! checks the image afterwards.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen,
};

use crate::{Doing, SysError};

/// The root of a detached mount.
#[derive(Debug)]
pub struct DetachedMount {
    root: OwnedFd,
}

/// What a detached mount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reading files. Nothing is written, so the journal must have been replayed.
    Read,
    /// Replaying the journal, which the mount itself does. It sends no flush to the device (`nobarrier`), so nothing of it is
    /// durable before the image is synced.
    Replay,
}

/// Mounts the ext4 filesystem on `device`: `nosuid,nodev,noexec`, and `errors=remount-ro` whatever its superblock says, which
/// may ask for a panic. Fails with `EIO`, `EINVAL` or `EUCLEAN` for what cannot be mounted.
pub fn mount_ext4(device: &Path, purpose: Purpose) -> Result<DetachedMount, SysError> {
    let read_only = purpose == Purpose::Read;
    let mut attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, read_only);
    let mount = || -> Result<OwnedFd, Errno> {
        let context = fsopen("ext4", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "source", device)?;
        fsconfig_set_string(&context, "errors", "remount-ro")?;
        // Unwritten inode tables of a sparse image read as zeroes, so the kernel need not write them.
        fsconfig_set_flag(&context, "noinit_itable")?;
        fsconfig_set_flag(&context, if read_only { "ro" } else { "nobarrier" })?;
        fsconfig_create(&context)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    Ok(DetachedMount { root: mount().doing("mount the filesystem on", device)? })
}

impl AsFd for DetachedMount {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}
