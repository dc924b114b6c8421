//! Reads snapshots for the controller: files, and the differences between two snapshots.
//!
//! Each request opens the snapshot over a mount of its own, which is unmounted with the response. Removing the snapshot waits for
//! nothing longer than that.

use std::io;

use miosa_api::agent_v1::{
    ChangeKind, InspectRequest, InspectedChange, InspectedFile, InspectedKind, READ_MAX_BYTES, StreamEvent,
};
use miosa_backend::{BackendError, ChangedFile, FileChange, FileInfo, FileKind, SnapshotFiles};
use miosa_domain::SnapshotId;
use tokio::sync::mpsc;

use crate::Host;

/// Entries in one event.
const BATCH: usize = 256;
/// Entries of a directory that are read at once.
const PAGE: usize = 10_000;
const CHUNK_BYTES: usize = 64 << 10;

/// The sink of one event stream. Sending fails after the receiver has been dropped.
pub(crate) struct Events(pub(crate) mpsc::Sender<StreamEvent>);

impl Events {
    fn send(&self, event: StreamEvent) -> io::Result<()> {
        self.0.blocking_send(event).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("the receiver of the stream has been dropped")]
    Closed(#[from] io::Error),
}

/// Blocks. Sends all events except the last one of the stream.
pub(crate) fn inspect(host: &Host, request: InspectRequest, events: &Events) -> Result<(), InspectError> {
    match request {
        InspectRequest::Stat { snapshot, path } => {
            let entry = open(host, snapshot)?.stat(&path)?;
            events.send(StreamEvent::Entries { entries: vec![inspected(entry)] })?;
        }
        InspectRequest::List { snapshot, path, after, limit } => {
            list(&*open(host, snapshot)?, &path, after, limit as usize, events)?;
        }
        InspectRequest::Read { snapshot, path, offset, max_bytes } => {
            let files = open(host, snapshot)?;
            let data = files.read(&path, offset, max_bytes.min(READ_MAX_BYTES) as usize)?;
            for chunk in data.chunks(CHUNK_BYTES) {
                events.send(StreamEvent::Data { data: chunk.to_vec() })?;
            }
        }
        InspectRequest::Diff { from, to, files } => diff(host, from, to, files, events)?,
    }
    Ok(())
}

fn open(host: &Host, snapshot: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
    host.backend_of_snapshot(snapshot)?.need_snapshots()?.open_files(snapshot)
}

/// Lists in pages, which bounds the memory for the largest directory.
fn list(
    files: &dyn SnapshotFiles,
    path: &[u8],
    mut after: Vec<u8>,
    mut left: usize,
    events: &Events,
) -> Result<(), InspectError> {
    loop {
        let page = left.min(PAGE);
        let entries = files.list(path, (!after.is_empty()).then_some(after.as_slice()), page)?;
        left -= entries.len();
        let is_last = entries.len() < page || left == 0;
        if let Some(last) = entries.last() {
            after.clone_from(&last.name);
        }
        let mut entries = entries.into_iter().map(inspected).peekable();
        while entries.peek().is_some() {
            events.send(StreamEvent::Entries { entries: entries.by_ref().take(BATCH).collect() })?;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn diff(
    host: &Host,
    from: SnapshotId,
    to: SnapshotId,
    files: bool,
    events: &Events,
) -> Result<(), InspectError> {
    let ranges = host.backend_of_snapshot(to)?.need_changed_ranges()?.between(from, to)?;
    if files {
        let (older, newer) = (open(host, from)?, open(host, to)?);
        let mut batch = Vec::new();
        newer.changed_since(&*older, &mut |file| {
            batch.push(changed(file));
            if batch.len() == BATCH {
                events.send(StreamEvent::ChangedFiles { files: std::mem::take(&mut batch) })?;
            }
            Ok(())
        })?;
        if !batch.is_empty() {
            events.send(StreamEvent::ChangedFiles { files: batch })?;
        }
    }
    events.send(StreamEvent::Changes {
        changed_bytes: ranges.iter().map(|range| range.len_bytes).sum(),
        changed_ranges: ranges.len() as u64,
    })?;
    Ok(())
}

fn inspected(file: FileInfo) -> InspectedFile {
    InspectedFile {
        name: file.name,
        kind: kind(file.kind),
        size_bytes: file.size_bytes,
        mode: file.mode,
        uid: file.uid,
        gid: file.gid,
        modified_at: file.modified_at,
        symlink_target: file.symlink_target.unwrap_or_default(),
    }
}

fn changed(file: ChangedFile) -> InspectedChange {
    InspectedChange {
        path: file.path,
        change: match file.change {
            FileChange::Added => ChangeKind::Added,
            FileChange::Removed => ChangeKind::Removed,
            FileChange::Modified => ChangeKind::Modified,
        },
        kind: kind(file.kind),
        size_bytes: file.size_bytes,
    }
}

fn kind(kind: FileKind) -> InspectedKind {
    match kind {
        FileKind::File => InspectedKind::File,
        FileKind::Directory => InspectedKind::Directory,
        FileKind::Symlink => InspectedKind::Symlink,
        FileKind::Other => InspectedKind::Other,
    }
}
