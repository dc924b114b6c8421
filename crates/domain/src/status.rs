//! A host's reports: the last observed state, with the generation of the spec it corresponds to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, PoolId, SnapshotId, VolumeId};
use crate::spec::{InstanceSpec, SnapshotSpec, VolumeSpec};
use crate::text::shorten;

/// Longest [`Failure::message`] and [`Holder::command`] that are kept.
const MESSAGE_MAX_BYTES: usize = 2048;
const COMMAND_MAX_BYTES: usize = 512;

/// The reported state of one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStatus {
    pub id: VolumeId,
    /// The pool that holds it; `None` from a host of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    pub generation: Generation,
    pub condition: VolumeCondition,
    /// Bytes allocated in the pool; `None` if unknown.
    pub allocated_bytes: Option<u64>,
    /// The present incarnation.
    #[serde(default)]
    pub incarnation: u64,
    #[serde(default)]
    pub space: Option<VolumeSpace>,
    /// The last compaction that was started.
    #[serde(default)]
    pub compaction: Option<CompactionStatus>,
}

impl VolumeStatus {
    /// See [`Kind::refused`](crate::kind::Kind::refused).
    pub fn refused(spec: &VolumeSpec, failure: Failure) -> Self {
        Self {
            id: spec.id,
            pool_id: spec.pool_id,
            generation: spec.generation,
            condition: VolumeCondition::Failed(failure),
            allocated_bytes: None,
            incarnation: 0,
            space: None,
            compaction: None,
        }
    }
}

/// A volume's space usage, measured in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpace {
    pub measured_at: Timestamp,
    /// Bytes in use according to the filesystem; `None` while it is not mounted.
    pub filesystem_used_bytes: Option<u64>,
    /// Number of extents of the image.
    pub extents: u64,
    /// Predicted stall of a snapshot taken now.
    pub predicted_stall_ms: u32,
    /// Bytes of the pool referenced only by this volume's snapshots.
    pub held_by_snapshots_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionStatus {
    /// The request number from the spec; 0 for a compaction that the host started before a snapshot.
    pub number: u64,
    pub state: CompactionState,
    pub extents_before: u64,
    pub extents_now: u64,
    /// Progress through the image's data.
    pub done_bytes: u64,
    pub total_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CompactionState {
    Running,
    Done,
    /// Stopped early; the volume is intact and partly compacted.
    Stopped(Failure),
}

/// The reported state of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotStatus {
    pub id: SnapshotId,
    /// The pool that holds it; `None` from a host of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    pub volume_id: VolumeId,
    pub generation: Generation,
    pub condition: SnapshotCondition,
    /// Set once it is ready.
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

impl SnapshotStatus {
    /// See [`Kind::refused`](crate::kind::Kind::refused).
    pub fn refused(spec: &SnapshotSpec, failure: Failure) -> Self {
        Self {
            id: spec.id,
            pool_id: spec.pool_id,
            volume_id: spec.volume_id,
            generation: spec.generation,
            condition: SnapshotCondition::Failed(failure),
            facts: None,
            checksum: None,
            exclusive: None,
            verification: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum SnapshotCondition {
    /// Waiting for its scheduled time, its turn, or its volume.
    Waiting,
    /// The image is being compacted first.
    Compacting {
        done_bytes: u64,
        total_bytes: u64,
    },
    Taking,
    Ready,
    /// Purged completely. The controller may forget it.
    Gone,
    /// It was not taken and will not be retried, or its data is missing or foreign.
    Failed(Failure),
}

/// The immutable facts of a ready snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    /// The instant of the clone. The snapshot holds nothing written later.
    pub taken_at: Timestamp,
    /// The volume's size at that instant.
    pub size_bytes: u64,
    /// Bytes allocated for the image, including blocks shared with others.
    pub allocated_bytes: u64,
    /// Number of extents of the image.
    pub extents: u64,
    /// Duration of the clone, during which writers were stalled.
    pub stall_us: u64,
    /// Whether the image was compacted first.
    pub compacted: bool,
}

/// BLAKE3 of the image's data; the backend defines the exact input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub blake3: String,
    pub computed_at: Timestamp,
}

/// Bytes of the pool that deleting this snapshot would free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusiveBytes {
    pub bytes: u64,
    pub measured_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The request number from the spec; 0 for the scrub.
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
    /// The data does not match its checksum. It is kept, but must not be trusted.
    Damaged {
        found_blake3: String,
    },
    /// The data could not be read.
    Unreadable(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum VolumeCondition {
    Ready,
    InTrash,
    /// Purged completely. The controller may forget it.
    Gone,
    Failed(Failure),
}

/// The reported state of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    pub id: InstanceId,
    pub generation: Generation,
    /// The run that `state` describes.
    pub run: u64,
    pub state: InstanceState,
    /// Exit code of the last first process, if known.
    pub exit_code: Option<i32>,
    /// Number of restarts of the first process in this run.
    pub restart_count: u32,
    /// When the current or last first process started, and when its last process was gone; `None` if not observed.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    #[serde(default)]
    pub health: Health,
    pub attachments: Vec<AttachmentStatus>,
}

impl InstanceStatus {
    /// See [`Kind::refused`](crate::kind::Kind::refused). Every attachment has failed likewise: none counts as attached or as
    /// detached.
    pub fn refused(spec: &InstanceSpec, failure: Failure) -> Self {
        let attachments = spec.attachments.iter().map(|attachment| AttachmentStatus {
            id: attachment.id,
            state: AttachmentCondition::Failed(failure.clone()),
            device: None,
        });
        Self {
            id: spec.id,
            generation: spec.generation,
            run: spec.run,
            attachments: attachments.collect(),
            state: InstanceState::Failed(failure),
            exit_code: None,
            restart_count: 0,
            started_at: None,
            ended_at: None,
            health: Health::Unknown,
        }
    }
}

/// A running instance's health, according to its [`HealthRules`](crate::spec::HealthRules).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// Not checked, or no probe has succeeded yet.
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
    /// The first process exited, and the restart policy does not restart it.
    Ended,
    /// It should run and cannot; the host retries.
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
    /// Not mounted yet, or not needed while the instance is stopped.
    Pending,
    Attached,
    Detached,
    /// A detach failed because these processes hold files open. The attachment is unchanged.
    Busy {
        holders: Vec<Holder>,
    },
    Failed(Failure),
}

/// A stable code and a message for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
}

impl Failure {
    /// A message of more than 2 KiB is cut.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: shorten(message, MESSAGE_MAX_BYTES) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// The pool has no room.
    InsufficientCapacity,
    /// The volume's recorded data is missing.
    DataMissing,
    /// A foreign object occupies the place of one of ours.
    ForeignData,
    /// Another attachment has the volume for writing.
    VolumeAttached,
    /// The path cannot be used inside the instance.
    MountPathUnusable,
    /// The template or the runtime cannot run this instance.
    CannotRun,
    /// The first process keeps exiting.
    CrashLoop,
    /// A snapshot would stall writers for longer than allowed, and compaction did not help.
    StallBudget,
    /// The volume's dirty data was not written back in time.
    WriteBackTimeout,
    /// A snapshot's `before` command failed.
    HookFailed,
    /// A path in a snapshot does not exist.
    NoSuchFile,
    /// A path in a snapshot is of another kind than requested.
    OtherKind,
    /// A system call or program failed; the message names it.
    HostError,
}

/// A process that holds files of a volume open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// In the host's pid namespace.
    pub pid: u32,
    /// Command line, arguments separated by spaces; at most 512 bytes of it.
    pub command: String,
}

impl Holder {
    /// At most this many are reported of one object.
    pub const REPORTED_MAX: usize = 32;

    /// A command line of more than 512 bytes is cut.
    pub fn new(pid: u32, command: impl Into<String>) -> Self {
        Self { pid, command: shorten(command, COMMAND_MAX_BYTES) }
    }
}
