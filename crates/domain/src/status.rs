//! What a host reports: the state it last saw, with the generation that the state answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, SnapshotId, VolumeId};

/// One volume as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStatus {
    pub id: VolumeId,
    pub generation: Generation,
    pub condition: VolumeCondition,
    /// Bytes of the pool that the image really occupies; `None` when not known.
    pub allocated_bytes: Option<u64>,
    /// The incarnation that is there.
    #[serde(default)]
    pub incarnation: u64,
    #[serde(default)]
    pub space: Option<VolumeSpace>,
    /// Of the last one that was begun.
    #[serde(default)]
    pub compaction: Option<CompactionStatus>,
}

/// What a volume takes, found out in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpace {
    pub measured_at: Timestamp,
    /// Bytes that the filesystem counts as used; `None` while it is not mounted.
    pub filesystem_used_bytes: Option<u64>,
    /// Pieces that the image lies in.
    pub extents: u64,
    /// How long writers would wait if a snapshot were taken now.
    pub predicted_stall_ms: u32,
    /// Bytes of the pool that only this volume's snapshots still need.
    pub held_by_snapshots_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionStatus {
    /// The spec's number that it answers; 0 for one that the host began by itself before a snapshot.
    pub number: u64,
    pub state: CompactionState,
    pub extents_before: u64,
    pub extents_now: u64,
    /// Of the image's data, how far it has come.
    pub done_bytes: u64,
    pub total_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CompactionState {
    Running,
    Done,
    /// Given up; the volume is whole, and as compact as it had become.
    Stopped(Failure),
}

/// One snapshot as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotStatus {
    pub id: SnapshotId,
    pub volume_id: VolumeId,
    pub generation: Generation,
    pub condition: SnapshotCondition,
    /// Set from the moment it is ready.
    #[serde(default)]
    pub facts: Option<SnapshotFacts>,
    /// Computed in the background after the snapshot is ready.
    #[serde(default)]
    pub checksum: Option<Checksum>,
    #[serde(default)]
    pub exclusive: Option<ExclusiveBytes>,
    #[serde(default)]
    pub verification: Option<Verification>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum SnapshotCondition {
    /// For its time, its turn, or its volume.
    Waiting,
    /// The image is being compacted first.
    Compacting {
        done_bytes: u64,
        total_bytes: u64,
    },
    Taking,
    Ready,
    /// Purged, and nothing is left. The controller may forget it.
    Gone,
    /// It was not taken, and is not tried again; or its data is missing or foreign.
    Failed(Failure),
}

/// What is known of a snapshot from the moment it is ready, and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    /// The instant of the clone: nothing that was written later is in it.
    pub taken_at: Timestamp,
    /// The volume's size at that instant.
    pub size_bytes: u64,
    /// What the image occupies, blocks that it shares with others included.
    pub allocated_bytes: u64,
    /// Pieces that the image lay in.
    pub extents: u64,
    /// How long the clone took, for which writers waited.
    pub stall_us: u64,
    /// The image was compacted before.
    pub compacted: bool,
}

/// BLAKE3 over the image's data; see the backend for what exactly is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub blake3: String,
    pub computed_at: Timestamp,
}

/// Bytes of the pool that would be free without this one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusiveBytes {
    pub bytes: u64,
    pub measured_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The spec's number that it answers; 0 for one of the scrub.
    pub number: u64,
    pub at: Timestamp,
    pub outcome: VerificationOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum VerificationOutcome {
    Running {
        done_bytes: u64,
        total_bytes: u64,
    },
    Intact,
    /// The data is not what was snapshotted. It is kept, and must not be trusted.
    Damaged {
        found_blake3: String,
    },
    /// It could not be read.
    Unreadable(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum VolumeCondition {
    Ready,
    InTrash,
    /// Purged, and nothing is left. The controller may forget it.
    Gone,
    Failed(Failure),
}

/// One instance as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    pub id: InstanceId,
    pub generation: Generation,
    /// The run that `state` speaks of.
    pub run: u64,
    pub state: InstanceState,
    /// Of the last process that ended, if it is known.
    pub exit_code: Option<i32>,
    /// How often the first process ended by itself in this run, to be started again.
    pub restart_count: u32,
    /// When the first process was let go that runs or has ended, and when the last one was gone; `None` when nobody saw it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    #[serde(default)]
    pub health: Health,
    pub attachments: Vec<AttachmentStatus>,
}

/// How a running instance is, by its [`HealthRules`](crate::spec::HealthRules).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// Nobody asked, or there was no good answer yet.
    #[default]
    Unknown,
    Healthy,
    Unhealthy {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum InstanceState {
    Stopped,
    Starting,
    Running {
        pid: u32,
    },
    Stopping,
    /// The first process ended by itself, and the restart policy leaves it at that.
    Ended,
    /// It should run and cannot; the host tries again by itself.
    Failed(Failure),
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentStatus {
    pub id: AttachmentId,
    pub state: AttachmentCondition,
    /// The block device on the host, for example `/dev/loop7`.
    pub device: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum AttachmentCondition {
    /// Not there yet, or not needed while the instance is stopped.
    Pending,
    Attached,
    Detached,
    /// A detach was tried and given up: these processes hold files open. The attachment is as it was.
    Busy {
        holders: Vec<Holder>,
    },
    Failed(Failure),
}

/// A stable code and a message for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// The pool has no room.
    InsufficientCapacity,
    /// The volume's recorded data is not there.
    DataMissing,
    /// Something that is not ours stands where ours should be.
    ForeignData,
    /// The volume is being written through another attachment.
    VolumeAttached,
    /// The path cannot be used inside the instance.
    MountPathUnusable,
    /// The template or the runtime cannot run this instance.
    CannotRun,
    /// The first process ends again and again.
    CrashLoop,
    /// A snapshot would make writers wait longer than allowed, and compacting did not help.
    StallBudget,
    /// The volume could not be written back in time.
    WriteBackTimeout,
    /// A snapshot's `before` command failed.
    HookFailed,
    /// A path in a snapshot that leads nowhere.
    NoSuchFile,
    /// A path in a snapshot that leads to something of another kind than was asked for.
    OtherKind,
    /// A system call or program failed; the message names it.
    HostError,
}

/// A process that keeps a volume busy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// In the host's pid namespace.
    pub pid: u32,
    /// Full command line, arguments separated by spaces.
    pub command: String,
}
