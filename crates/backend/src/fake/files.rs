//! The files of a volume or snapshot in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::SnapshotId;

use crate::snapshot_files::shown;
use crate::{BackendError, FileInfo, FileKind, SnapshotFiles};

/// Contents by absolute path. Folders are there because files are in them.
pub(super) type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

/// A digest of all paths and contents.
pub(super) fn digest(tree: &Tree) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in tree {
        for part in [path, content] {
            hasher.update(&part.len().to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()
}

/// The [`SnapshotFiles`] of the fake.
pub(super) struct FakeFiles {
    pub(super) id: SnapshotId,
    pub(super) tree: Tree,
}

impl FakeFiles {
    /// The folder at `path` as a prefix of what is in it, or the path of the file there.
    fn info(&self, path: &[u8]) -> Option<FileInfo> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_owned();
        let content = self.tree.get(path);
        let below = [path, b"/"].concat();
        let is_folder = path.is_empty() || self.tree.keys().any(|file| file.starts_with(&below));
        if content.is_none() && !is_folder {
            return None;
        }
        let digest = blake3::hash(content.map_or(b"", Vec::as_slice));
        Some(FileInfo {
            name,
            kind: if content.is_some() { FileKind::File } else { FileKind::Directory },
            size_bytes: content.map_or(0, |content| content.len() as u64),
            mode: if content.is_some() { 0o644 } else { 0o755 },
            uid: 0,
            gid: 0,
            modified_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            // Other content, another file.
            inode: u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("a digest has 32 bytes")),
            symlink_target: None,
        })
    }

    fn found(&self, path: &[u8]) -> Result<FileInfo, BackendError> {
        self.info(path).ok_or_else(|| BackendError::NoSuchFile { id: self.id, path: shown(path) })
    }

    fn other_kind(&self, path: &[u8], wanted: &'static str) -> BackendError {
        BackendError::OtherKind { id: self.id, path: shown(path), wanted }
    }
}

/// Without the slashes at its end: the root is empty.
fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

impl SnapshotFiles for FakeFiles {
    fn stat(&self, path: &[u8]) -> Result<FileInfo, BackendError> {
        self.found(trimmed(path))
    }

    fn list(&self, path: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<FileInfo>, BackendError> {
        let path = trimmed(path);
        if self.found(path)?.kind != FileKind::Directory {
            return Err(self.other_kind(path, "directory"));
        }
        let below = [path, b"/"].concat();
        let name = |file: &Vec<u8>| {
            file.strip_prefix(&*below)?.split(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
        };
        let mut names: Vec<_> = self.tree.keys().filter_map(name).collect();
        names.sort();
        names.dedup();
        names.retain(|name| after.is_none_or(|after| name.as_slice() > after));
        names.truncate(limit);
        names.iter().map(|name| self.found(&[&below, name.as_slice()].concat())).collect()
    }

    fn read(&self, path: &[u8], offset: u64, len: usize) -> Result<Vec<u8>, BackendError> {
        let path = trimmed(path);
        self.found(path)?;
        let content = self.tree.get(path).ok_or_else(|| self.other_kind(path, "file"))?;
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        Ok(rest[..len.min(rest.len())].to_vec())
    }
}
