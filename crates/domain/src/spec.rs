//! What a host is asked to make true. There are no commands: attaching is an instance's spec that names an attachment,
//! deleting is a spec that says `Trashed`. An object that is not named is left alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, VolumeId};
use crate::mount_path::MountPath;

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
