//! What a host reports: the state it last saw, with the generation that the state answers.

use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, VolumeId};

/// One volume as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStatus {
    pub id: VolumeId,
    pub generation: Generation,
    pub condition: VolumeCondition,
    /// Bytes of the pool that the image really occupies; `None` when not known.
    pub allocated_bytes: Option<u64>,
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
    /// How often the first process ended by itself in this run.
    pub restart_count: u32,
    pub attachments: Vec<AttachmentStatus>,
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
