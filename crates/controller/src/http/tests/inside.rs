//! What the obliging agent's snapshots hold: a small tree with everything that can go wrong in it.
//!
//! ```text
//!   /big       4 MiB and 5 bytes      /link    a symlink to big        /odd…   a name that is not UTF-8, with a quote in it
//!   /broken    fails after 4 MiB      /lost    a symlink to nowhere    /short  has less than it says
//!   /dev       a device               /many    2500 files              /stuck  sends something and then nothing more
//!   /empty     no bytes
//! ```

use jiff::Timestamp;
use miosa_api::agent_v1::{
    ChangeKind, InspectRequest, InspectedChange, InspectedFile, InspectedKind, StreamEvent,
};
use miosa_domain::status::{Failure, FailureCode};

pub(super) const BIG_BYTES: u64 = (4 << 20) + 5;
pub(super) const MANY: usize = 2500;
pub(super) const ODD: &[u8] = b"odd\xff\"\n";
/// As agents cut what they read.
const EVENT_MAX_BYTES: usize = 64 << 10;
const ENTRIES_MAX: usize = 256;
const BROKEN_AFTER_BYTES: u64 = 4 << 20;

/// The bytes of a file between two offsets: no two blocks are alike.
pub(super) fn content(from: u64, to: u64) -> Vec<u8> {
    (from..to).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// The answer to a request, its last event included unless there is none.
pub(super) fn inspected(request: &InspectRequest) -> Vec<StreamEvent> {
    match request {
        InspectRequest::Stat { path, .. } => match stat(path) {
            Some(file) => vec![StreamEvent::Entries { entries: vec![file] }, StreamEvent::End],
            None => vec![no_such_file()],
        },
        InspectRequest::List { path, after, limit, .. } => list(path, after, *limit as usize),
        InspectRequest::Read { path, offset, max_bytes, .. } => read(path, *offset, u64::from(*max_bytes)),
        InspectRequest::Diff { files, .. } => diff(*files),
    }
}

fn file(name: &[u8], kind: InspectedKind, size_bytes: u64, target: &[u8]) -> InspectedFile {
    InspectedFile {
        name: name.to_vec(),
        kind,
        size_bytes,
        mode: 0o640,
        uid: 1000,
        gid: 100,
        modified_at: Timestamp::UNIX_EPOCH,
        symlink_target: target.to_vec(),
    }
}

fn entries(path: &[u8]) -> Vec<InspectedFile> {
    use InspectedKind::{Directory, File, Other, Symlink};
    match path {
        b"/" => vec![
            file(b"big", File, BIG_BYTES, b""),
            file(b"broken", File, 6 << 20, b""),
            file(b"dev", Other, 0, b""),
            file(b"empty", File, 0, b""),
            file(b"link", Symlink, 3, b"big"),
            file(b"lost", Symlink, 1, b"\xfe"),
            file(b"many", Directory, 4096, b""),
            file(ODD, File, 3, b""),
            file(b"short", File, 100, b""),
            file(b"stuck", File, 100, b""),
        ],
        b"/many" => (0..MANY).map(|n| file(format!("f{n:04}").as_bytes(), File, 1, b"")).collect(),
        _ => Vec::new(),
    }
}

fn stat(path: &[u8]) -> Option<InspectedFile> {
    if path == b"/" {
        return Some(file(b"", InspectedKind::Directory, 4096, b""));
    }
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let folder = if slash == 0 { b"/" } else { &path[..slash] };
    entries(folder).into_iter().find(|file| file.name == path[slash + 1..])
}

fn list(path: &[u8], after: &[u8], limit: usize) -> Vec<StreamEvent> {
    let later = entries(path).into_iter().filter(|file| file.name.as_slice() > after).take(limit);
    let later: Vec<_> = later.collect();
    let parts = later.chunks(ENTRIES_MAX).map(|part| StreamEvent::Entries { entries: part.to_vec() });
    parts.chain([StreamEvent::End]).collect()
}

fn read(path: &[u8], offset: u64, max_bytes: u64) -> Vec<StreamEvent> {
    let (size_bytes, last) = match path {
        b"/big" | b"/link" => (BIG_BYTES, Some(StreamEvent::End)),
        b"/broken" if offset < BROKEN_AFTER_BYTES => (BROKEN_AFTER_BYTES, Some(StreamEvent::End)),
        b"/broken" => (0, Some(failed(FailureCode::HostError, "the disk cannot be read"))),
        b"/empty" => (0, Some(StreamEvent::End)),
        b"/short" => (10, Some(StreamEvent::End)),
        b"/stuck" => (10, None),
        b"/lost" => (0, Some(no_such_file())),
        _ => (3, Some(StreamEvent::End)),
    };
    let data = content(offset.min(size_bytes), size_bytes.min(offset + max_bytes));
    let events = data.chunks(EVENT_MAX_BYTES).map(|data| StreamEvent::Data { data: data.to_vec() });
    events.chain(last).collect()
}

/// 3 added, 2 modified, 1500 removed.
fn diff(with_files: bool) -> Vec<StreamEvent> {
    let changed = |path: &[u8], change| InspectedChange {
        path: path.to_vec(),
        change,
        kind: InspectedKind::File,
        size_bytes: 7,
    };
    let added = [b"/a".as_slice(), b"/b", b"/c"].map(|path| changed(path, ChangeKind::Added));
    let modified = [b"/e".as_slice(), b"/e\xff"].map(|path| changed(path, ChangeKind::Modified));
    let removed = (0..1500).map(|n| changed(format!("/many/f{n:04}").as_bytes(), ChangeKind::Removed));
    let all: Vec<_> = added.into_iter().chain(modified).chain(removed).filter(|_| with_files).collect();
    let parts = all.chunks(ENTRIES_MAX).map(|part| StreamEvent::ChangedFiles { files: part.to_vec() });
    parts.chain([StreamEvent::Changes { changed_bytes: 8192, changed_ranges: 2 }, StreamEvent::End]).collect()
}

fn no_such_file() -> StreamEvent {
    failed(FailureCode::NoSuchFile, "there is no such file")
}

fn failed(code: FailureCode, message: &str) -> StreamEvent {
    StreamEvent::Failed(Failure { code, message: message.into() })
}
