//! The files in a snapshot, over a mount of their own.
//!
//! ```text
//!   disk.img (immutable) ──► loop device, read-only ──► ext4, read-only, in no mount namespace ──► one descriptor
//! ```
//!
//! The journal was replayed when the snapshot was sealed, so that there is nothing to write. What the filesystem holds was made
//! by a workload, and may also be damaged: the kernel then returns an error, which is passed on.
//!
//! **Crash safety.** Mount and device go with our descriptors.

use std::path::PathBuf;

use jiff::Timestamp;
use miosa_domain::SnapshotId;
use miosa_effects::SysError;
use miosa_effects::beneath::{self, Node};
use miosa_effects::detached::{self, DetachedMount, Purpose};
use miosa_effects::loopdev::{self, Attached};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::local::observe::IMAGE;
use crate::local::pool::Pool;
use crate::snapshot_files::shown;
use crate::{BackendError, FileInfo, FileKind, SnapshotFiles};

/// The [`SnapshotFiles`] of a local snapshot.
struct LocalFiles {
    id: SnapshotId,
    // Ended in this order.
    mounted: DetachedMount,
    _device: Attached,
    /// For messages.
    path: PathBuf,
}

impl Pool {
    pub(crate) fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
        let folder = self.sealed(id)?.folder;
        let device =
            loopdev::attach_read_only(&folder.open_file(IMAGE, false)?, &format!("miosa-files:{id}"))?;
        let mounted = detached::mount_ext4(&device.path, Purpose::Read)?;
        Ok(Box::new(LocalFiles { id, mounted, _device: device, path: folder.path().to_owned() }))
    }
}

impl LocalFiles {
    /// Translates the kernel's error for the caller that asked for `path`. `wanted` is the expected kind.
    fn refusal(&self, path: &[u8], wanted: &'static str, errno: Errno) -> BackendError {
        match errno {
            Errno::ISDIR | Errno::NXIO => self.other_kind(path, wanted),
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::INVAL => {
                BackendError::NoSuchFile { id: self.id, path: shown(path) }
            }
            errno => SysError::new("read the files of", &self.path, errno).into(),
        }
    }

    fn other_kind(&self, path: &[u8], wanted: &'static str) -> BackendError {
        BackendError::OtherKind { id: self.id, path: shown(path), wanted }
    }
}

impl SnapshotFiles for LocalFiles {
    fn stat(&self, path: &[u8]) -> Result<FileInfo, BackendError> {
        let node = beneath::stat(&self.mounted, path).map_err(|errno| self.refusal(path, "file", errno))?;
        let name = path.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).unwrap_or_default();
        Ok(info(name.to_owned(), node))
    }

    fn list(&self, path: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<FileInfo>, BackendError> {
        let entries = beneath::list(&self.mounted, path, after, limit).map_err(|errno| match errno {
            // There is something, and it is no folder; or the path leads through something that is none.
            Errno::NOTDIR | Errno::LOOP if beneath::stat(&self.mounted, path).is_ok() => {
                self.other_kind(path, "directory")
            }
            errno => self.refusal(path, "directory", errno),
        })?;
        Ok(entries.into_iter().map(|(name, node)| info(name, node)).collect())
    }

    fn read(&self, path: &[u8], offset: u64, len: usize) -> Result<Vec<u8>, BackendError> {
        beneath::read(&self.mounted, path, offset, len).map_err(|errno| self.refusal(path, "file", errno))
    }
}

fn info(name: Vec<u8>, node: Node) -> FileInfo {
    FileInfo {
        name,
        kind: match node.file_type {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Other,
        },
        size_bytes: node.size_bytes,
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
        modified_at: timestamp(node.modified),
        changed_at: timestamp(node.changed),
        inode: node.inode,
        symlink_target: node.symlink_target,
    }
}

/// ext4 counts to the year 2446, a damaged one perhaps further than a timestamp goes.
fn timestamp((seconds, nanoseconds): (i64, i32)) -> Timestamp {
    Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
