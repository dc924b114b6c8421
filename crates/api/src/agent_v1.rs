//! What controller and agent say to each other: specs down, status up, over one bidirectional gRPC stream that the agent
//! opens (so a host needs no open port).
//!
//! ```text
//! agent                                        controller
//!   │ Hello{host, highest generation}             │
//!   ├────────────────────────────────────────────►│ checks the peer
//!   │                  Specs{resync, everything} …│
//!   │◄────────────────────────────────────────────┤
//!   │ Report{everything} …, Recovered             │
//!   ├────────────────────────────────────────────►│ ready
//!   │                     Specs{what changed}     │
//!   │◄────────────────────────────────────────────┤
//!   │ Report{what changed}                        │
//!   ├────────────────────────────────────────────►│
//! ```
//!
//! Either side may vanish at any moment. The next connection repeats everything, and a repeated message changes nothing.
//! Exec and log streams are not state; they end with the connection.
//!
//! Every message is bounded: specs, statuses and listings are split by [`frame`], and [`Listing`] names how many entries it
//! leaves out. The receiver refuses a message of more than 64 MiB.
//!
//! Messages are JSON inside gRPC frames rather than protobuf: the same serde types are in the ledger, on the wire and in
//! tests, so a spec has one definition. Unknown fields are ignored and new ones have defaults.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::kind::{ObjectId, Spec, Status};
use miosa_domain::status::Failure;
use miosa_domain::text::shorten;
use miosa_domain::{Generation, HostId, InstanceId, SnapshotId};
use serde::{Deserialize, Serialize};

pub mod frame;
mod grpc;

pub use grpc::{AgentClient, AgentServer, SessionHandler};

/// The controller refuses an agent that speaks another version. [`Hello`] keeps its shape in all versions.
pub const PROTOCOL: u32 = 2;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum AgentMessage {
    /// Always the first message.
    Hello(Hello),
    /// The latest statuses of some objects. A status replaces the earlier one of the same object.
    Report(Report),
    /// Sent once after `Hello`: every object in the ledger has been observed, and every running instance adopted.
    Recovered,
    Stream {
        stream: u64,
        event: StreamEvent,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    pub host_id: HostId,
    pub hostname: String,
    pub version: String,
    /// The highest generation in the ledger. A controller that counts lower was restored from an older copy and counts on
    /// from here.
    pub highest_generation: Generation,
    pub templates: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub statuses: Vec<Status>,
    pub pool: Option<PoolReport>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    pub capacity_bytes: u64,
    /// Bytes that are allocated, whatever the volumes' sizes promise.
    pub used_bytes: u64,
    /// In the pool or the ledger, and not named by the controller. They are kept.
    pub orphans: Listing<ObjectId>,
    /// Entries of the pool that are not ours, and why. They are never touched.
    pub foreign: Listing<String>,
}

/// The first entries of a list that may be long, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    pub first: Vec<T>,
    /// How many entries are left out.
    pub more: u64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { first: Vec::new(), more: 0 }
    }
}

impl<T> Listing<T> {
    pub const ENTRIES_MAX: usize = 500;
}

impl<T> FromIterator<T> for Listing<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut entries = entries.into_iter();
        let first = entries.by_ref().take(Self::ENTRIES_MAX).collect();
        Self { first, more: entries.count() as u64 }
    }
}

impl Listing<String> {
    /// Cuts each entry that is kept down to 512 bytes.
    pub fn of_text(entries: impl IntoIterator<Item = String>) -> Self {
        const TEXT_MAX_BYTES: usize = 512;
        let mut listing = Self::from_iter(entries);
        for entry in &mut listing.first {
            *entry = shorten(std::mem::take(entry), TEXT_MAX_BYTES);
        }
        listing
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ControllerMessage {
    /// Specs that changed, or all of them when `resync` is set.
    Specs {
        resync: bool,
        /// The rest of the resync follows in the next message. Only the last one completes the list of what the host should
        /// hold; until then, no object is an orphan.
        more: bool,
        specs: Vec<Spec>,
    },
    /// These objects were reported gone, and no spec will name them again.
    Forget { ids: Vec<ObjectId> },
    /// Runs a command in an instance; the answer is a stream of events with this number.
    Exec { stream: u64, instance: InstanceId, request: ExecRequest },
    /// Sends an instance's log lines.
    Logs { stream: u64, instance: InstanceId, tail_lines: u32, follow: bool },
    /// Looks into a snapshot; the answer is a stream of events that ends with `End` or `Failed`.
    Inspect { stream: u64, request: InspectRequest },
    /// Nobody reads this stream any more: end its process.
    Close { stream: u64 },
}

/// What to look at in a snapshot. Paths are absolute inside the volume, their bytes in base64: names need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum InspectRequest {
    /// One `Entries` event with the one entry.
    Stat {
        snapshot: SnapshotId,
        #[serde(with = "base64_bytes")]
        path: Vec<u8>,
    },
    /// `Entries` events of a directory, at most `limit` entries in all, from after the name `after`.
    List {
        snapshot: SnapshotId,
        #[serde(with = "base64_bytes")]
        path: Vec<u8>,
        /// Empty: from the beginning.
        #[serde(with = "base64_bytes", default)]
        after: Vec<u8>,
        limit: u32,
    },
    /// `Data` events with up to `max_bytes` from `offset`. The asker asks again for more, so that a slow reader of a large
    /// file holds nobody up. At most [`READ_MAX_BYTES`] at once.
    Read {
        snapshot: SnapshotId,
        #[serde(with = "base64_bytes")]
        path: Vec<u8>,
        offset: u64,
        max_bytes: u32,
    },
    /// `ChangedFiles` events if `files` is set, then one `Changes`.
    Diff { from: SnapshotId, to: SnapshotId, files: bool },
}

/// Of one [`InspectRequest::Read`].
pub const READ_MAX_BYTES: u32 = 4 << 20;

/// An entry of a directory in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectedFile {
    /// The last part of the path.
    #[serde(with = "base64_bytes")]
    pub name: Vec<u8>,
    pub kind: InspectedKind,
    pub size_bytes: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub modified_at: Timestamp,
    /// Empty unless it is a symlink.
    #[serde(with = "base64_bytes", default)]
    pub symlink_target: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InspectedKind {
    File,
    Directory,
    Symlink,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectedChange {
    #[serde(with = "base64_bytes")]
    pub path: Vec<u8>,
    pub change: ChangeKind,
    pub kind: InspectedKind,
    pub size_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Modified,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    pub command: String,
    pub cwd: Option<String>,
    pub env: BTreeMap<String, String>,
    pub timeout_seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum StreamEvent {
    Stdout {
        #[serde(with = "base64_bytes")]
        data: Vec<u8>,
    },
    Stderr {
        #[serde(with = "base64_bytes")]
        data: Vec<u8>,
    },
    /// The last event of an exec.
    Exit {
        code: i32,
        timed_out: bool,
    },
    Log {
        timestamp: String,
        stream: String,
        line: String,
    },
    Entries {
        entries: Vec<InspectedFile>,
    },
    Data {
        #[serde(with = "base64_bytes")]
        data: Vec<u8>,
    },
    ChangedFiles {
        files: Vec<InspectedChange>,
    },
    /// Sums over the ranges of two snapshots that may differ.
    Changes {
        changed_bytes: u64,
        changed_ranges: u64,
    },
    /// The last event of a stream of logs or of what is in a snapshot.
    End,
    /// The last event of a stream that could not go on.
    Failed(Failure),
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
