//! What a host is asked to make true. There are no commands: attaching is an instance's spec that names an attachment,
//! deleting is a spec that says `Trashed`. An object that is not named is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, SnapshotId, VolumeId};
use crate::mount_path::MountPath;
use crate::stall::StallRules;

/// One volume as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    pub id: VolumeId,
    pub generation: Generation,
    pub size_bytes: u64,
    pub presence: Presence,
    /// The volume was reported ready before. If its data is not there, it is missing, and nothing new may take its place
    /// even on a host that lost its ledger.
    #[serde(default)]
    pub must_exist: bool,
    /// How often the data was replaced as a whole. A restore in place is the next incarnation, made from `origin`.
    #[serde(default)]
    pub incarnation: u64,
    /// What the data of this incarnation begins with; an empty filesystem when `None`. Once the incarnation is there, it is
    /// never looked at again, and what it names may be gone.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Number of the compaction that is wanted last: above the number that was carried out last, the image is compacted.
    #[serde(default)]
    pub compaction: u64,
}

/// Where a volume's first data comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    Snapshot {
        id: SnapshotId,
    },
    /// Another volume of the same host as it is when this one is made.
    Volume {
        id: VolumeId,
        /// `None`: whatever the wait.
        stall: Option<StallRules>,
    },
}

/// One snapshot as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSpec {
    pub id: SnapshotId,
    pub volume_id: VolumeId,
    pub generation: Generation,
    pub presence: SnapshotPresence,
    /// The snapshot was reported ready before. If it is not there, it is missing, and must not be taken again.
    #[serde(default)]
    pub must_exist: bool,
    pub take: TakeRules,
    /// Number of the verification that is wanted last: above the number that was carried out last, the image is read and
    /// compared with its checksum.
    #[serde(default)]
    pub verification: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotPresence {
    /// Taken if it is not there.
    Kept,
    /// Nowhere: the one state that destroys data.
    Purged,
}

/// How a snapshot is to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeRules {
    /// Before that the host only prepares: it compacts. At once when `None`.
    pub not_before: Option<Timestamp>,
    /// `None`: whatever the wait.
    pub stall: Option<StallRules>,
    /// Run in the instance that writes to the volume, if there is one and it runs.
    pub hooks: Hooks,
}

/// Commands around a snapshot. `after` always runs when `before` was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    pub before: Option<String>,
    pub after: Option<String>,
    /// Of each.
    pub timeout_seconds: u32,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { before: None, after: None, timeout_seconds: 30 }
    }
}

/// Where a volume's data should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Present,
    /// In the pool's trash, from where it can come back.
    Trashed,
    /// Nowhere: the one state that destroys data.
    Purged,
}

/// One instance as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    pub id: InstanceId,
    pub generation: Generation,
    pub desired: DesiredRun,
    /// Number of the run that is wanted; one more at each start and restart, so that a restart is a spec like any other.
    pub run: u64,
    /// How long the first process has between SIGTERM and SIGKILL; 0 kills at once.
    pub stop_grace_seconds: u32,
    pub hostname: String,
    pub template: String,
    pub resources: Resources,
    pub network: Network,
    pub env: BTreeMap<String, String>,
    /// The first process; the template's own when `None`.
    pub command: Option<Vec<String>>,
    pub attachments: Vec<AttachmentSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredRun {
    Running,
    Stopped,
    Destroyed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    pub vcpus: u32,
    pub memory_mb: u64,
    pub pids_max: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// A network namespace of its own with nothing but loopback.
    Isolated,
    /// The host's network.
    Host,
}

/// A volume that an instance should see, or should no longer see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentSpec {
    pub id: AttachmentId,
    pub volume_id: VolumeId,
    pub mount_path: MountPath,
    pub read_only: bool,
    pub desired: DesiredAttachment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredAttachment {
    Attached,
    /// Explicit, because absence never means delete. `force` ends the processes that hold files open.
    Detached {
        force: bool,
    },
}
