//! The files in a snapshot, to inspect and to copy.
//!
//! Paths come from users and lead through what a workload has made: every one is resolved below the snapshot's root by the
//! kernel, and a symlink is shown, never followed out of it.

use std::cmp::Ordering;
use std::io;

use jiff::Timestamp;
use miosa_effects::SysError;

use crate::BackendError;

/// Reads a snapshot's files. Paths are absolute, `/` is the root of the volume; names are bytes, as ext4 has them.
pub trait SnapshotFiles: Send {
    /// One entry; of a symlink the symlink itself.
    fn stat(&self, path: &[u8]) -> Result<FileInfo, BackendError>;

    /// The entries of a directory by name, from after the name `after`, at most `limit`.
    fn list(&self, path: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<FileInfo>, BackendError>;

    /// Up to `len` bytes of a regular file from `offset`; fewer only at its end. Symlinks inside the volume are followed.
    fn read(&self, path: &[u8], offset: u64, len: usize) -> Result<Vec<u8>, BackendError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// The last part of the path; empty for the root.
    pub name: Vec<u8>,
    pub kind: FileKind,
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub modified_at: Timestamp,
    /// Of the last change of any of this.
    pub changed_at: Timestamp,
    /// Another one at the same path is another file.
    pub inode: u64,
    pub symlink_target: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    /// A device, a socket or a pipe.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: Vec<u8>,
    pub change: FileChange,
    /// In the newer snapshot; in the older one for a removed file.
    pub size_bytes: u64,
    pub kind: FileKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    Added,
    Removed,
    Modified,
}

/// Entries of a folder that are held in memory at once, on each side.
const PAGE: usize = 16 << 10;

impl dyn SnapshotFiles + '_ {
    /// Calls `found` for each file that differs from the one of the same path in `older`: by inode, type, mode, owner,
    /// size, or change time. In the order of the paths; stops when `found` fails.
    pub fn changed_since(
        &self,
        older: &dyn SnapshotFiles,
        found: &mut dyn FnMut(ChangedFile) -> io::Result<()>,
    ) -> Result<(), BackendError> {
        let mut path = Vec::new();
        let mut open = vec![Level::of(Sides::Both, &path)];
        while let Some(level) = open.last_mut() {
            path.truncate(level.path_len);
            let Some(pair) = level.next(self, older, &path)? else {
                open.pop();
                continue;
            };
            let entry = pair.newer.as_ref().or(pair.older.as_ref()).expect("one of them comes first");
            path.push(b'/');
            path.extend(&entry.name);
            if let Some(change) = pair.change() {
                let file = ChangedFile {
                    path: path.clone(),
                    change,
                    size_bytes: entry.size_bytes,
                    kind: entry.kind,
                };
                found(file).map_err(|error| SysError::new("report a change of", shown(&path), error))?;
            }
            let is_folder =
                |entry: Option<FileInfo>| entry.is_some_and(|entry| entry.kind == FileKind::Directory);
            let sides = match (is_folder(pair.newer), is_folder(pair.older)) {
                (true, true) => Sides::Both,
                (true, false) => Sides::Newer,
                (false, true) => Sides::Older,
                (false, false) => continue,
            };
            open.push(Level::of(sides, &path));
        }
        Ok(())
    }
}

/// In which of the two snapshots a folder is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sides {
    Both,
    Newer,
    Older,
}

/// What has one path in the two snapshots.
struct Pair {
    newer: Option<FileInfo>,
    older: Option<FileInfo>,
}

/// A folder that is being compared. It holds a page of either side and no open file, so that a tree may be as wide and as
/// deep as it likes.
struct Level {
    path_len: usize,
    newer: Page,
    older: Page,
}

#[derive(Default)]
struct Page {
    /// In reverse order: the next one is the last.
    entries: Vec<FileInfo>,
    last: Option<Vec<u8>>,
    at_end: bool,
}

impl Level {
    fn of(sides: Sides, path: &[u8]) -> Self {
        let page = |absent: Sides| Page { at_end: sides == absent, ..Page::default() };
        Self { path_len: path.len(), newer: page(Sides::Older), older: page(Sides::Newer) }
    }

    /// The entries of the next name, from the sides that have it.
    fn next(
        &mut self,
        newer: &dyn SnapshotFiles,
        older: &dyn SnapshotFiles,
        path: &[u8],
    ) -> Result<Option<Pair>, BackendError> {
        self.newer.fill(newer, path)?;
        self.older.fill(older, path)?;
        let order = match (self.newer.entries.last(), self.older.entries.last()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(newer), Some(older)) => newer.name.cmp(&older.name),
        };
        Ok(Some(Pair {
            newer: if order == Ordering::Greater { None } else { self.newer.entries.pop() },
            older: if order == Ordering::Less { None } else { self.older.entries.pop() },
        }))
    }
}

impl Page {
    fn fill(&mut self, files: &dyn SnapshotFiles, path: &[u8]) -> Result<(), BackendError> {
        if !self.entries.is_empty() || self.at_end {
            return Ok(());
        }
        let path = if path.is_empty() { b"/" } else { path };
        self.entries = files.list(path, self.last.as_deref(), PAGE)?;
        self.at_end = self.entries.len() < PAGE;
        self.last = self.entries.last().map(|entry| entry.name.clone());
        self.entries.reverse();
        Ok(())
    }
}

impl Pair {
    fn change(&self) -> Option<FileChange> {
        match (&self.newer, &self.older) {
            (Some(_), None) => Some(FileChange::Added),
            (None, Some(_)) => Some(FileChange::Removed),
            (Some(newer), Some(older)) if newer != older => Some(FileChange::Modified),
            _ => None,
        }
    }
}

/// A path of bytes as people read it.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
