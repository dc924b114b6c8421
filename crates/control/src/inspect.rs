//! Reading snapshots: their files, and the difference between two of them. The snapshot's host reads; nothing is cached here.
//!
//! ```text
//!   stat, list, diff ──► one request ──► one stream of events, read to its end
//!   download         ──► one request per piece, each only after the previous piece was taken: a slow reader keeps one piece
//!                        waiting here and delays neither its host nor other callers
//! ```
//!
//! **Crash safety.** Nothing is changed. A reader that stops drops the stream, which ends it on the host. If the connection to
//! the host is lost, a download breaks off visibly and the other calls fail as unavailable.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use miosa_api::agent_v1::{
    ChangeKind, InspectRequest, InspectedChange, InspectedFile, InspectedKind, READ_MAX_BYTES, StreamEvent,
};
use miosa_api::v1::snapshots::{ChangedFile, FileEntry, SnapshotDiff};
use miosa_api::v1::words::{FileChange, FileType};
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::{HostId, Refusal, SnapshotId, snapshot};
use miosa_store::snapshot::SnapshotRecord;
use tokio::time::{Instant, timeout_at};

use crate::{App, AppError, Caller, HostStream, SnapshotPath, StreamRequest};

/// A host responds to a request for a file within this time. HTTP responses are due within 20 s.
const READ_TIME_MAX: Duration = Duration::from_secs(15);
/// A comparison walks all files of both snapshots.
const DIFF_TIME_MAX: Duration = Duration::from_secs(50);

/// The entries of a directory, or the one file at the path.
#[derive(Debug)]
pub struct Listing {
    pub entries: Vec<FileEntry>,
    /// The name of the last entry, if there are more.
    pub next: Option<Vec<u8>>,
}

/// A file that can be downloaded.
pub struct SnapshotFile {
    app: App,
    host_id: HostId,
    snapshot_id: SnapshotId,
    path: Vec<u8>,
    /// `None` for a symlink: the size of its target is not known.
    pub size_bytes: Option<u64>,
}

/// The bytes of a file, in order.
pub struct FileBytes {
    file: SnapshotFile,
    offset: u64,
    /// Bytes left of the requested range; `None` if the range ends with the file.
    left_bytes: Option<u64>,
    piece: Option<Piece>,
    /// The first piece, which was read before the caller asked for it.
    first: Option<Vec<u8>>,
}

/// A piece that is being read from the host.
struct Piece {
    events: HostStream,
    left_bytes: u64,
}

impl App {
    pub async fn stat_file(
        &self,
        caller: &Caller,
        snapshot: SnapshotPath,
        path: &[u8],
    ) -> Result<FileEntry, AppError> {
        let snapshot = self.readable_snapshot(caller, snapshot).await?;
        Ok(entry(path, &self.stat(&snapshot, path).await?))
    }

    /// Lists at most `limit` entries of a directory in order of their names, starting after the name `after`.
    pub async fn list_files(
        &self,
        caller: &Caller,
        snapshot: SnapshotPath,
        path: &[u8],
        after: Vec<u8>,
        limit: u32,
    ) -> Result<Listing, AppError> {
        let snapshot = self.readable_snapshot(caller, snapshot).await?;
        let file = self.stat(&snapshot, path).await?;
        if file.kind != InspectedKind::Directory {
            return Ok(Listing { entries: vec![entry(path, &file)], next: None });
        }
        // One more than requested, to know whether there are more.
        let request = InspectRequest::List {
            snapshot: snapshot.id,
            path: path.to_vec(),
            after,
            limit: limit.saturating_add(1),
        };
        let mut files = self.files(&snapshot, request).await?;
        let has_more = files.len() > limit as usize;
        files.truncate(limit as usize);
        Ok(Listing {
            next: files.last().filter(|_| has_more).map(|last| last.name.clone()),
            entries: files.iter().map(|file| entry(&join(path, &file.name), file)).collect(),
        })
    }

    /// A file, or a symlink, which may lead to one.
    pub async fn snapshot_file(
        &self,
        caller: &Caller,
        snapshot: SnapshotPath,
        path: Vec<u8>,
    ) -> Result<SnapshotFile, AppError> {
        let snapshot = self.readable_snapshot(caller, snapshot).await?;
        let file = self.stat(&snapshot, &path).await?;
        let size_bytes = match file.kind {
            InspectedKind::File => Some(file.size_bytes),
            InspectedKind::Symlink => None,
            InspectedKind::Directory => return Err(no_file("is a folder; list it and download its files")),
            InspectedKind::Other => {
                return Err(no_file("is a device, a socket or a pipe, which holds no data"));
            }
        };
        Ok(SnapshotFile {
            app: self.clone(),
            host_id: snapshot.host_id,
            snapshot_id: snapshot.id,
            path,
            size_bytes,
        })
    }

    /// The changes from `from` to `to`. All files are counted, and at most `limit` are listed.
    pub async fn diff_snapshots(
        &self,
        caller: &Caller,
        from: SnapshotPath,
        to: SnapshotId,
        with_files: bool,
        limit: usize,
    ) -> Result<SnapshotDiff, AppError> {
        let from = self.readable_snapshot(caller, from).await?;
        let to = self.readable_snapshot(caller, SnapshotPath { of: None, id: to }).await?;
        if from.volume_id != to.volume_id {
            let message = format!("is a snapshot of volume {}, not of {}", to.volume_id, from.volume_id);
            return Err(AppError::Invalid { field: "to", message });
        }
        let mut diff = empty_diff(from.id, to.id);
        if from.id == to.id {
            return Ok(diff);
        }
        let request = InspectRequest::Diff { from: from.id, to: to.id, files: with_files };
        let mut events = self.inspect(from.host_id, request).await?;
        let deadline = Instant::now() + DIFF_TIME_MAX;
        let mut is_measured = false;
        loop {
            let event = timeout_at(deadline, events.next()).await.map_err(|_| diff_too_slow())?;
            match event {
                Some(StreamEvent::ChangedFiles { files }) => {
                    files.iter().for_each(|file| count(&mut diff, file, limit));
                }
                Some(StreamEvent::Changes { changed_bytes, changed_ranges }) => {
                    (diff.changed_bytes, diff.changed_ranges, is_measured) =
                        (changed_bytes, changed_ranges, true);
                }
                Some(StreamEvent::End) if is_measured => return Ok(diff),
                Some(StreamEvent::Failed(failure)) => return Err(refusal(failure)),
                _ => return Err(invalid_response()),
            }
        }
    }

    /// The snapshot that the caller named, if its files can be read.
    async fn readable_snapshot(
        &self,
        caller: &Caller,
        path: SnapshotPath,
    ) -> Result<SnapshotRecord, AppError> {
        let found = self.find_snapshot(caller.tenant_id, path).await?;
        snapshot::may_read(&snapshot::Snapshot {
            id: found.id,
            state: found.state,
            protected: found.protected,
            // Other readers do not matter.
            in_use: false,
        })?;
        Ok(found)
    }

    async fn stat(&self, snapshot: &SnapshotRecord, path: &[u8]) -> Result<InspectedFile, AppError> {
        let request = InspectRequest::Stat { snapshot: snapshot.id, path: path.to_vec() };
        self.files(snapshot, request).await?.pop().ok_or_else(invalid_response)
    }

    /// The entries of the host's response to `request`.
    async fn files(
        &self,
        snapshot: &SnapshotRecord,
        request: InspectRequest,
    ) -> Result<Vec<InspectedFile>, AppError> {
        let mut events = self.inspect(snapshot.host_id, request).await?;
        let deadline = Instant::now() + READ_TIME_MAX;
        let mut files = Vec::new();
        loop {
            match timeout_at(deadline, events.next()).await.map_err(|_| unresponsive())? {
                Some(StreamEvent::Entries { entries }) => files.extend(entries),
                Some(StreamEvent::End) => return Ok(files),
                Some(StreamEvent::Failed(failure)) => return Err(refusal(failure)),
                _ => return Err(invalid_response()),
            }
        }
    }

    async fn inspect(&self, host_id: HostId, request: InspectRequest) -> Result<HostStream, AppError> {
        self.open_stream(host_id, StreamRequest::Inspect(request)).await
    }
}

impl SnapshotFile {
    /// Reads up to `len` bytes from `offset`, or to the end of the file. Returns when the first bytes have arrived, so that an
    /// unreadable file is refused instead of a response breaking off.
    pub async fn read(self, offset: u64, len: Option<u64>) -> Result<FileBytes, AppError> {
        let mut bytes = FileBytes { file: self, offset, left_bytes: len, piece: None, first: None };
        bytes.first = bytes.next_from_host().await?;
        Ok(bytes)
    }

    /// Requests the next piece; `None` if everything has been read.
    async fn open_piece(&self, offset: u64, left_bytes: Option<u64>) -> Result<Option<Piece>, AppError> {
        let max_bytes = left_bytes.map_or(READ_MAX_BYTES, |left_bytes| {
            u32::try_from(left_bytes).map_or(READ_MAX_BYTES, |left_bytes| left_bytes.min(READ_MAX_BYTES))
        });
        if max_bytes == 0 {
            return Ok(None);
        }
        let request =
            InspectRequest::Read { snapshot: self.snapshot_id, path: self.path.clone(), offset, max_bytes };
        let events = self.app.inspect(self.host_id, request).await?;
        Ok(Some(Piece { events, left_bytes: max_bytes.into() }))
    }
}

impl FileBytes {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AppError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.next_from_host().await,
        }
    }

    async fn next_from_host(&mut self) -> Result<Option<Vec<u8>>, AppError> {
        loop {
            if self.piece.is_none() {
                self.piece = self.file.open_piece(self.offset, self.left_bytes).await?;
            }
            let Some(piece) = &mut self.piece else { return Ok(None) };
            let deadline = Instant::now() + READ_TIME_MAX;
            match timeout_at(deadline, piece.events.next()).await.map_err(|_| unresponsive())? {
                Some(StreamEvent::Data { data }) => {
                    let read_bytes = data.len() as u64;
                    piece.left_bytes =
                        piece.left_bytes.checked_sub(read_bytes).ok_or_else(invalid_response)?;
                    self.offset += read_bytes;
                    self.left_bytes = self.left_bytes.map(|left_bytes| left_bytes - read_bytes);
                    if !data.is_empty() {
                        return Ok(Some(data));
                    }
                }
                Some(StreamEvent::End) => {
                    let is_cut_short = piece.left_bytes > 0;
                    self.piece = None;
                    match self.left_bytes {
                        // The file ends here.
                        None if is_cut_short => self.left_bytes = Some(0),
                        Some(_) if is_cut_short => return Err(invalid_response()),
                        _ => {}
                    }
                }
                Some(StreamEvent::Failed(failure)) => return Err(refusal(failure)),
                _ => return Err(invalid_response()),
            }
        }
    }
}

/// Why the host did not show the file. Nothing was changed, so a failure that may be temporary can be retried.
fn refusal(failure: Failure) -> AppError {
    match failure.code {
        FailureCode::NoSuchFile => Refusal::NotFound { what: "path in the snapshot" }.into(),
        FailureCode::OtherKind => AppError::Invalid { field: "path", message: failure.message },
        FailureCode::DataMissing | FailureCode::ForeignData => {
            Refusal::HostRefused { code: "SNAPSHOT_NOT_READY", message: failure.message }.into()
        }
        _ => AppError::Unavailable(failure.message),
    }
}

fn no_file(message: &str) -> AppError {
    AppError::Invalid { field: "path", message: message.into() }
}

fn unresponsive() -> AppError {
    AppError::Unavailable("the snapshot's host does not respond; try again soon".into())
}

fn invalid_response() -> AppError {
    AppError::Internal("the host's response about a snapshot is invalid".into())
}

/// Not a 5xx: some clients would start the same long comparison again.
fn diff_too_slow() -> AppError {
    let message = format!(
        "comparing the files takes longer than {} s; ask with files=false for the changed bytes alone",
        DIFF_TIME_MAX.as_secs()
    );
    Refusal::HostRefused { code: "COMPARISON_TIMEOUT", message }.into()
}

fn empty_diff(from: SnapshotId, to: SnapshotId) -> SnapshotDiff {
    SnapshotDiff {
        from: from.to_string(),
        to: to.to_string(),
        changed_bytes: 0,
        changed_ranges: 0,
        files_added: 0,
        files_removed: 0,
        files_modified: 0,
        files: Vec::new(),
        truncated: false,
    }
}

fn count(diff: &mut SnapshotDiff, file: &InspectedChange, limit: usize) {
    let (change, counter) = match file.change {
        ChangeKind::Added => (FileChange::Added, &mut diff.files_added),
        ChangeKind::Removed => (FileChange::Removed, &mut diff.files_removed),
        ChangeKind::Modified => (FileChange::Modified, &mut diff.files_modified),
    };
    *counter += 1;
    if diff.files.len() == limit {
        diff.truncated = true;
        return;
    }
    let (path, path_base64) = text(&file.path);
    diff.files.push(ChangedFile {
        path,
        path_base64,
        change: change.into(),
        kind: kind(file.kind).into(),
        size: file.size_bytes,
    });
}

/// `file` as clients see it, at `path`.
fn entry(path: &[u8], file: &InspectedFile) -> FileEntry {
    let name = path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty()).unwrap_or(b"/");
    let is_symlink = file.kind == InspectedKind::Symlink;
    let (target, target_base64) = text(&file.symlink_target);
    let (path, path_base64) = text(path);
    FileEntry {
        name: text(name).0,
        path,
        path_base64,
        size: file.size_bytes,
        is_dir: file.kind == InspectedKind::Directory,
        is_symlink,
        kind: kind(file.kind).into(),
        mode: file.mode,
        uid: file.uid,
        gid: file.gid,
        symlink_target: is_symlink.then_some(target),
        symlink_target_base64: target_base64,
        modified_at: file.modified_at.to_string(),
    }
}

fn kind(kind: InspectedKind) -> FileType {
    match kind {
        InspectedKind::File => FileType::File,
        InspectedKind::Directory => FileType::Dir,
        InspectedKind::Symlink => FileType::Symlink,
        InspectedKind::Other => FileType::Other,
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    [folder, b"/", name].concat()
}

/// Bytes as text, and in base64 if the text is not exact.
fn text(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(bytes).into_owned(), Some(STANDARD.encode(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_without_a_second_slash() {
        for (folder, name, path) in [("/", "a", "/a"), ("/a", "b", "/a/b"), ("/a/b", "c d", "/a/b/c d")] {
            assert_eq!(join(folder.as_bytes(), name.as_bytes()), path.as_bytes());
        }
    }

    #[test]
    fn only_bytes_that_are_no_text_are_said_twice() {
        assert_eq!(text("a\u{e9}\n".as_bytes()), ("a\u{e9}\n".into(), None));
        assert_eq!(text(b"a\xff"), ("a\u{fffd}".into(), Some("Yf8=".into())));
    }
}
