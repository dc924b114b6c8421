//! An open directory and what lies in it.
//!
//! A pool is reached through directories opened once, never again by path. An open directory keeps its filesystem
//! mounted, and if that is detached by force, calls still mean the same directory. By path, a pool that was unmounted under us
//! would look empty, and its volumes absent.
//!
//! Names are single components. No call follows a symbolic link.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::{Doing, Replacement, SysError, replace_files};

/// An open directory; its path is for messages and for calls that take nothing else.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    File(FileStat),
    Dir,
    /// A symbolic link, a device, a pipe or a socket.
    Other,
}

/// A file's identity and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// `st_dev` and `st_ino`: the same for two opens of the same file, whatever it is called.
    pub device_number: u64,
    pub inode: u64,
    pub size_bytes: u64,
    /// Blocks that it occupies, those shared with other files included.
    pub allocated_bytes: u64,
    /// Seconds since 1970 and nanoseconds of its last change.
    pub modified: (i64, i32),
}

impl Dir {
    /// Opens the directory at `path`; its last component may not be a symbolic link.
    pub fn open(path: &Path) -> Result<Self, SysError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).doing("open the directory", path)?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens the directory at `path` and makes it, and those above it, if missing. `path` may contain symbolic links; the
    /// [`Dir::path`] of the result has none, as in the mount table.
    pub fn open_or_make(path: &Path) -> Result<Self, SysError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).doing("make the directory", path)?;
        let path = fs::canonicalize(path).doing("resolve", path)?;
        if let Some(parent) = path.parent() {
            Self::open(parent)?.sync()?;
        }
        Self::open(&path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `name` stands for; `None` if there is nothing of that name.
    pub fn entry(&self, name: &str) -> Result<Option<Entry>, SysError> {
        let stat = match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.doing("examine", self.path.join(name))?,
        };
        Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Entry::File(FileStat {
                device_number: stat.st_dev,
                inode: stat.st_ino,
                size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
                // The kernel counts in units of 512 bytes, whatever the filesystem's block size is.
                allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
                modified: (stat.st_mtime, stat.st_mtime_nsec as i32),
            }),
            FileType::Directory => Entry::Dir,
            _ => Entry::Other,
        }))
    }

    /// Names of all entries, in no order.
    pub fn names(&self) -> Result<Vec<OsString>, SysError> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).doing("list", &self.path)? {
            let name = entry.doing("list", &self.path)?.file_name().to_bytes().to_owned();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    pub fn open_dir(&self, name: &str) -> Result<Self, SysError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.fd, name, flags, Mode::empty()).doing("open the directory", &path)?;
        Ok(Self { fd, path })
    }

    /// Makes a directory that only root may enter. Returns whether it is new.
    pub fn ensure_dir(&self, name: &str) -> Result<bool, SysError> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(SysError::new("make the directory", self.path.join(name), errno)),
        }
    }

    /// Opens a file for reading, or for reading and writing.
    pub fn open_file(&self, name: &str, write: bool) -> Result<File, SysError> {
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.fd, name, flags, Mode::empty()).doing("open", self.path.join(name))?;
        Ok(File::from(fd))
    }

    /// Makes an empty file of mode 0600; refuses if the name is taken.
    pub fn create_file(&self, name: &str) -> Result<File, SysError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd =
            rustix::fs::openat(&self.fd, name, flags, mode).doing("make the file", self.path.join(name))?;
        Ok(File::from(fd))
    }

    /// Makes a file with this content. Not durable before the file and the directory are synced.
    pub fn write_new_file(&self, name: &str, content: &[u8]) -> Result<File, SysError> {
        let mut file = self.create_file(name)?;
        file.write_all(content).doing("write", self.path.join(name))?;
        Ok(file)
    }

    /// Gives `name` this content: after a power cut it is the old or the new one, and the new one once this returns.
    pub fn replace_file(&self, name: &str, content: &[u8]) -> Result<(), SysError> {
        replace_files(&[Replacement { dir: self, name, content }])
    }

    /// Renames a file within this directory; a file that has the new name is replaced.
    pub(crate) fn rename_over(&self, name: &str, to_name: &str) -> Result<(), SysError> {
        rustix::fs::renameat(&self.fd, name, &self.fd, to_name).doing("replace", self.path.join(to_name))
    }

    /// A small file's content; `None` if there is nothing of that name. More than `limit_bytes` is an error.
    pub fn read_file(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, SysError> {
        let path = self.path.join(name);
        match self.entry(name)? {
            None => return Ok(None),
            Some(Entry::File(stat)) if stat.size_bytes <= limit_bytes => {}
            Some(_) => return Err(SysError::new("read", path, Errno::FBIG)),
        }
        let mut content = Vec::new();
        self.open_file(name, false)?.take(limit_bytes).read_to_end(&mut content).doing("read", path)?;
        Ok(Some(content))
    }

    /// Moves an entry to another directory of the same filesystem; refuses with `EEXIST` if its name is taken there.
    pub fn rename(&self, name: &str, to: &Dir, to_name: &str) -> Result<(), SysError> {
        rustix::fs::renameat_with(&self.fd, name, &to.fd, to_name, RenameFlags::NOREPLACE)
            .doing("rename", self.path.join(name))
    }

    /// Swaps two entries of one filesystem at one instant: each is at all times under one of the two names.
    pub fn exchange(&self, name: &str, with: &Dir, with_name: &str) -> Result<(), SysError> {
        rustix::fs::renameat_with(&self.fd, name, &with.fd, with_name, RenameFlags::EXCHANGE)
            .doing("exchange", self.path.join(name))
    }

    /// Removes a file or symbolic link. Returns whether there was one.
    pub fn remove_file(&self, name: &str) -> Result<bool, SysError> {
        self.remove(name, AtFlags::empty())
    }

    /// Removes an empty directory. Returns whether there was one.
    pub fn remove_dir(&self, name: &str) -> Result<bool, SysError> {
        self.remove(name, AtFlags::REMOVEDIR)
    }

    fn remove(&self, name: &str, flags: AtFlags) -> Result<bool, SysError> {
        match rustix::fs::unlinkat(&self.fd, name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(SysError::new("remove", self.path.join(name), errno)),
        }
    }

    /// Makes the directory's entries durable: what was made, renamed or removed in it stays so after a power cut.
    pub fn sync(&self) -> Result<(), SysError> {
        rustix::fs::fsync(&self.fd).doing("sync the directory", &self.path)
    }

    /// Makes a symbolic link, unless the name is taken.
    pub fn ensure_symlink(&self, name: &str, target: &str) -> Result<(), SysError> {
        match rustix::fs::symlinkat(target, &self.fd, name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(SysError::new("make the link", self.path.join(name), errno)),
        }
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        (temp, dir)
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let (_temp, dir) = scratch();
        dir.replace_file("state", b"one").unwrap();
        // A half-written copy from a crash does no harm.
        dir.write_new_file(".tmp-state", b"tw").unwrap();
        dir.replace_file("state", b"two").unwrap();
        assert_eq!(dir.read_file("state", 16).unwrap().unwrap(), b"two");
        assert_eq!(dir.names().unwrap(), ["state"]);
        assert!(dir.read_file("state", 2).is_err(), "a file over the limit was read");
    }

    #[test]
    fn links_are_not_followed() {
        let (_temp, dir) = scratch();
        dir.write_new_file("real", b"x").unwrap();
        dir.ensure_symlink("link", "real").unwrap();
        assert_eq!(dir.entry("link").unwrap(), Some(Entry::Other));
        assert!(dir.open_file("link", true).unwrap_err().is(Errno::LOOP));
        assert!(dir.read_file("link", 16).is_err());
    }

    #[test]
    fn renaming_onto_something_is_refused() {
        let (_temp, dir) = scratch();
        dir.ensure_dir("a").unwrap();
        dir.ensure_dir("b").unwrap();
        assert!(dir.rename("a", &dir, "b").unwrap_err().is(Errno::EXIST));
        assert!(dir.remove_dir("b").unwrap());
        dir.rename("a", &dir, "b").unwrap();
        assert_eq!((dir.entry("a").unwrap(), dir.entry("b").unwrap()), (None, Some(Entry::Dir)));
    }

    #[test]
    fn entries_are_exchanged() {
        let (_temp, dir) = scratch();
        dir.write_new_file("a", b"a").unwrap();
        assert!(dir.exchange("a", &dir, "b").unwrap_err().is(Errno::NOENT));
        dir.ensure_dir("b").unwrap();
        dir.exchange("a", &dir, "b").unwrap();
        assert_eq!(dir.entry("a").unwrap(), Some(Entry::Dir));
        assert_eq!(dir.read_file("b", 1).unwrap().unwrap(), b"a");
    }
}
