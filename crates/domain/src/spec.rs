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
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// Whether, and how, the instance is asked how it is. `None`: nobody wants to know.
    #[serde(default)]
    pub health: Option<HealthRules>,
    pub attachments: Vec<AttachmentSpec>,
}

/// What becomes of an instance whose first process ended by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    #[default]
    Always,
    /// Started again unless it ended with code 0.
    OnFailure,
    No,
}

impl RestartPolicy {
    pub const NAMES: &'static str = "always, on-failure, no";

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "always" | "unless-stopped" => Self::Always,
            "on-failure" => Self::OnFailure,
            "no" | "never" => Self::No,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnFailure => "on-failure",
            Self::No => "no",
        }
    }

    /// Whether a first process that ended with `code` (`None`: nobody saw how) is started again.
    pub fn starts_again(self, code: Option<i32>) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != Some(0),
            Self::No => false,
        }
    }
}

/// When an instance counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRules {
    /// `None`: it is healthy when its first process has lived for `steady_ms`.
    pub check: Option<HealthCheck>,
    pub steady_ms: u32,
}

/// A question that a healthy instance answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub probe: Probe,
    /// Between two questions, once the first was answered well; before that it is asked more often.
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    /// So many bad answers in a row make a healthy instance unhealthy.
    pub retries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Probe {
    /// Run inside the instance by its shell; exit code 0 is a good answer.
    Command { command: String },
    /// `GET` inside the instance's network; a status from 200 to 399 is a good answer.
    Http { port: u16, path: String },
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
    /// Others that are shared too may write beside it: all of them see the one mount of their host.
    #[serde(default)]
    pub shared: bool,
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
