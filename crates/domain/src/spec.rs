//! A host's desired state. There are no commands: to attach is to name an attachment in an instance's spec,
//! to delete is a spec with `Trashed`. An object that no spec names is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::id::{AttachmentId, InstanceId, PoolId, SnapshotId, VolumeId};
use crate::mount_path::MountPath;
use crate::stall::StallRules;

/// The desired state of one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    pub id: VolumeId,
    /// The pool of the host that holds it; the host's default pool if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    pub generation: Generation,
    pub size_bytes: u64,
    pub presence: Presence,
    /// The volume was reported ready before. If its data is absent, it is missing, and must not be replaced by a new image,
    /// even on a host that lost its ledger.
    #[serde(default)]
    pub must_exist: bool,
    /// The number of times the data has been replaced as a whole. A restore in place is the next incarnation, made from
    /// `origin`.
    #[serde(default)]
    pub incarnation: u64,
    /// The source of this incarnation's data; an empty filesystem if `None`. Once the incarnation exists, the origin is
    /// not used again and may have been deleted.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Number of the last requested compaction. If it exceeds the last one carried out, the image is compacted.
    #[serde(default)]
    pub compaction: u64,
}

/// The source of a volume's initial data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    Snapshot {
        id: SnapshotId,
    },
    /// Another volume of the same host, in its state when this one is created.
    Volume {
        id: VolumeId,
        /// `None` accepts any stall.
        stall: Option<StallRules>,
    },
}

/// The desired state of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSpec {
    pub id: SnapshotId,
    /// That of the volume it is of; the host's default pool if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_id: Option<PoolId>,
    pub volume_id: VolumeId,
    pub generation: Generation,
    pub presence: SnapshotPresence,
    /// The snapshot was reported ready before. If it is absent, it is missing, and must not be taken again.
    #[serde(default)]
    pub must_exist: bool,
    pub take: TakeRules,
    /// Number of the last requested verification. If it exceeds the last one carried out, the image is read and
    /// compared with its checksum.
    #[serde(default)]
    pub verification: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotPresence {
    /// Taken if it is absent.
    Kept,
    /// Removed. The only state that destroys data.
    Purged,
}

/// How to take a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeRules {
    /// Until then the host only prepares by compacting. `None` means immediately.
    pub not_before: Option<Timestamp>,
    /// `None` accepts any stall.
    pub stall: Option<StallRules>,
    /// Run in the instance that writes to the volume, if one is running.
    pub hooks: Hooks,
}

/// Commands around a snapshot. `after` always runs once `before` has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    pub before: Option<String>,
    pub after: Option<String>,
    /// For each command.
    pub timeout_seconds: u32,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { before: None, after: None, timeout_seconds: 30 }
    }
}

/// The desired place of a volume's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Present,
    /// In the pool's trash, from which it can be restored.
    Trashed,
    /// Removed. The only state that destroys data.
    Purged,
}

/// The desired state of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    pub id: InstanceId,
    pub generation: Generation,
    pub desired: DesiredRun,
    /// Number of the requested run. Each start and restart increments it, so that a restart is an ordinary spec change.
    pub run: u64,
    /// Time between SIGTERM and SIGKILL of the first process; 0 kills immediately.
    pub stop_grace_seconds: u32,
    pub hostname: String,
    pub template: String,
    pub resources: Resources,
    pub network: Network,
    pub env: BTreeMap<String, String>,
    /// The first process; the template's default if `None`.
    pub command: Option<Vec<String>>,
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// The instance's health check; `None` if it has none.
    #[serde(default)]
    pub health: Option<HealthRules>,
    pub attachments: Vec<AttachmentSpec>,
}

/// What happens after an instance's first process exits.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RestartPolicy {
    #[default]
    #[strum(to_string = "always", serialize = "unless-stopped")]
    Always,
    /// Restarted unless it exited with code 0.
    OnFailure,
    #[strum(to_string = "no", serialize = "never")]
    No,
}

impl RestartPolicy {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether a first process that exited with `code` (`None` if unknown) is restarted.
    pub fn starts_again(self, code: Option<i32>) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != Some(0),
            Self::No => false,
        }
    }
}

/// When an instance is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRules {
    /// `None`: healthy once the first process has run for `steady_ms`.
    pub check: Option<HealthCheck>,
    pub steady_ms: u32,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub probe: Probe,
    /// Interval between probes after the first success; before that, probes are more frequent.
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    /// Consecutive failures that make a healthy instance unhealthy.
    pub retries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Probe {
    /// Run inside the instance by its shell; exit code 0 is a success.
    Command { command: String },
    /// `GET` inside the instance's network; a status from 200 to 399 is a success.
    Http { port: u16, path: String },
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Network {
    /// A separate network namespace with only a loopback interface.
    Isolated,
    /// The host's network.
    Host,
}

/// A volume to mount in, or to remove from, an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentSpec {
    pub id: AttachmentId,
    pub volume_id: VolumeId,
    pub mount_path: MountPath,
    pub read_only: bool,
    /// Other shared attachments may write at the same time: all use the host's single mount.
    #[serde(default)]
    pub shared: bool,
    pub desired: DesiredAttachment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredAttachment {
    Attached,
    /// Explicit, because absence never means delete. `force` ends processes that hold files open.
    Detached {
        force: bool,
    },
}
