//! A service: replicas of one release, and a release's lifecycle.
//!
//! ```text
//!            deploy · promote                all replicas healthy        a later release is active
//!  (nothing) ────────────────► deploying ──────────────────────► active ──────────────────────► stopped
//!      │                        │     │                            │
//!      └──► queued ─────────────┘     └──► failed, canceled        └──► removed
//!           (snapshots first)              the last active one serves again
//! ```
//!
//! A release is immutable: promoting an old one deploys its settings under a new number. The number of replicas
//! belongs to the service, so scaling creates no release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::computer::ComputerSize;
use crate::id::{ServiceId, VolumeId};
use crate::mount_path::MountPath;
use crate::spec::{DesiredRun, HealthCheck, Network, RestartPolicy};
use crate::status::{Health, InstanceState, InstanceStatus};

pub const REPLICAS_MAX: u32 = 50;
/// The default time a replica may take to become healthy before its release fails.
pub const START_TIMEOUT_SECONDS_DEFAULT: u32 = 60;
pub const STOP_GRACE_SECONDS_DEFAULT: u32 = 10;
/// A release fails when a replica exits this often before it is healthy.
pub const ENDS_BEFORE_HEALTHY_MAX: u32 = 3;

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
pub enum ServiceKind {
    #[strum(to_string = "server", serialize = "web", serialize = "private")]
    Server,
    Worker,
}

impl ServiceKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// All settings that determine how a replica runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    pub template: String,
    /// Run by `/bin/sh -c`; the template's own first process when `None`.
    pub start_command: Option<String>,
    pub env: BTreeMap<String, String>,
    pub size: ComputerSize,
    pub network: Network,
    pub port: Option<u16>,
    pub restart_policy: RestartPolicy,
    pub health_check: Option<HealthCheck>,
    pub start_timeout_seconds: u32,
    pub stop_grace_seconds: u32,
    pub volumes: Vec<ServiceVolume>,
}

/// How a service mounts a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceVolume {
    pub volume_id: VolumeId,
    pub mount_path: MountPath,
    /// All replicas mount the same volume. Otherwise replica 0 mounts it, and each further replica has its own.
    pub shared: bool,
    pub read_only: bool,
}

/// Which replicas use a service's volume, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeAccess {
    /// All replicas, read-only.
    ReadOnly,
    /// All replicas, read-write.
    Shared,
    /// Replica 0 only; each other replica has its own volume.
    Own,
}

impl ServiceVolume {
    pub fn access(&self) -> VolumeAccess {
        match (self.read_only, self.shared) {
            (true, _) => VolumeAccess::ReadOnly,
            (false, true) => VolumeAccess::Shared,
            (false, false) => VolumeAccess::Own,
        }
    }
}

impl RunSettings {
    /// The defaults for a service that only names its template.
    pub fn of_template(template: &str) -> Self {
        Self {
            template: template.to_owned(),
            start_command: None,
            env: BTreeMap::new(),
            size: ComputerSize::Small,
            network: Network::Isolated,
            port: None,
            restart_policy: RestartPolicy::Always,
            health_check: None,
            start_timeout_seconds: START_TIMEOUT_SECONDS_DEFAULT,
            stop_grace_seconds: STOP_GRACE_SECONDS_DEFAULT,
            volumes: Vec::new(),
        }
    }

    /// The environment of replica `index` of release `number`. The service's own variables take precedence.
    pub fn environment(&self, service_id: ServiceId, number: u64, index: u32) -> BTreeMap<String, String> {
        let mut environment = self.env.clone();
        let facts = [
            ("MIOSA_SERVICE_ID", service_id.to_string()),
            ("MIOSA_RELEASE", number.to_string()),
            ("MIOSA_REPLICA", index.to_string()),
        ];
        let port = self.port.map(|port| ("PORT", port.to_string()));
        for (name, value) in facts.into_iter().chain(port) {
            environment.entry(name.to_owned()).or_insert(value);
        }
        environment
    }

    /// Whether a volume allows only one writing instance, so that a replica must end before its successor starts.
    pub fn is_exclusive(&self) -> bool {
        self.volumes.iter().any(|volume| volume.access() == VolumeAccess::Own)
    }

    /// Whether replicas of both may run at the same time (except those with the same index): no volume is used in ways that
    /// exclude each other.
    pub fn gets_along_with(&self, other: &RunSettings) -> bool {
        self.volumes.iter().all(|ours| {
            let theirs = other.volumes.iter().find(|theirs| theirs.volume_id == ours.volume_id);
            theirs.is_none_or(|theirs| theirs.access() == ours.access())
        })
    }
}

/// A change of settings; `None` keeps the current value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    pub template: Option<String>,
    pub start_command: Option<Option<String>>,
    /// Replaces all variables.
    pub env: Option<BTreeMap<String, String>>,
    /// Sets single variables after that; `None` removes one.
    pub variables: BTreeMap<String, Option<String>>,
    pub size: Option<ComputerSize>,
    pub network: Option<Network>,
    pub port: Option<Option<u16>>,
    pub restart_policy: Option<RestartPolicy>,
    pub health_check: Option<Option<HealthCheck>>,
    pub start_timeout_seconds: Option<u32>,
    pub stop_grace_seconds: Option<u32>,
    pub volumes: Option<Vec<ServiceVolume>>,
    /// Not a release setting, but accepted together with them.
    pub replicas: Option<u32>,
}

impl SettingsPatch {
    pub fn apply(&self, settings: &mut RunSettings) {
        fn set<T: Clone>(to: &mut T, new: &Option<T>) {
            if let Some(new) = new {
                to.clone_from(new);
            }
        }
        set(&mut settings.template, &self.template);
        set(&mut settings.start_command, &self.start_command);
        set(&mut settings.env, &self.env);
        for (name, value) in &self.variables {
            match value {
                Some(value) => settings.env.insert(name.clone(), value.clone()),
                None => settings.env.remove(name),
            };
        }
        set(&mut settings.size, &self.size);
        set(&mut settings.network, &self.network);
        set(&mut settings.port, &self.port);
        set(&mut settings.restart_policy, &self.restart_policy);
        set(&mut settings.health_check, &self.health_check);
        set(&mut settings.start_timeout_seconds, &self.start_timeout_seconds);
        set(&mut settings.stop_grace_seconds, &self.stop_grace_seconds);
        set(&mut settings.volumes, &self.volumes);
    }
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
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReleaseState {
    /// Waiting for its snapshots, or for a stopped service to start.
    Queued,
    Deploying,
    Active,
    Failed,
    /// Another release was deployed, or the service was stopped, before this one became active.
    Canceled,
    /// Was active; another release is now.
    Stopped,
    /// Its service was deleted.
    Removed,
}

impl ReleaseState {
    /// The allowed moves. Staying is not a move.
    pub fn may_become(self, next: ReleaseState) -> bool {
        use ReleaseState::*;
        match (self, next) {
            (Removed, _) => false,
            (_, Removed) => true,
            (Queued, Deploying | Failed | Canceled)
            | (Deploying, Active | Failed | Canceled)
            | (Active, Stopped) => true,
            _ => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether this is a final state.
    pub fn is_settled(self) -> bool {
        !matches!(self, ReleaseState::Queued | ReleaseState::Deploying)
    }
}

/// Why a release is not, or no longer, served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseReason {
    pub code: ReasonCode,
    pub detail: String,
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
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ReasonCode {
    /// A replica's first process kept exiting before it was healthy.
    CrashLoop,
    /// A replica was not healthy in time.
    NotHealthy,
    /// A replica could not be started: a volume that cannot be mounted, a template that cannot run.
    CannotStart,
    /// The snapshots before the deployment could not be taken.
    SnapshotFailed,
    /// A volume could not be restored to its snapshot.
    RestoreFailed,
    /// A later release replaced it.
    Superseded,
    /// It was canceled, or the service was stopped or deleted.
    Stopped,
}

impl ReasonCode {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A runtime instance's state in the API.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReplicaState {
    Provisioning,
    Starting,
    Healthy,
    Unhealthy,
    Error,
    Stopped,
    Destroyed,
}

impl ReplicaState {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Derives the state of a replica whose run `run` should be `desired` from its last report.
pub fn replica_state(desired: DesiredRun, run: u64, reported: Option<&InstanceStatus>) -> ReplicaState {
    match desired {
        DesiredRun::Destroyed => return ReplicaState::Destroyed,
        DesiredRun::Stopped => return ReplicaState::Stopped,
        DesiredRun::Running => {}
    }
    let Some(reported) = reported else { return ReplicaState::Provisioning };
    if reported.run < run {
        return ReplicaState::Starting;
    }
    match &reported.state {
        InstanceState::Running { .. } => match reported.health {
            Health::Healthy => ReplicaState::Healthy,
            Health::Unhealthy { .. } => ReplicaState::Unhealthy,
            Health::Unknown => ReplicaState::Starting,
        },
        InstanceState::Failed(_) => ReplicaState::Error,
        // The restart policy applies.
        InstanceState::Ended => ReplicaState::Stopped,
        _ => ReplicaState::Starting,
    }
}

/// A service's state in the API.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum ServiceState {
    /// It has no release yet.
    Pending,
    Deploying,
    Running,
    /// No release is served, or replicas of the served release do not run.
    Failed,
    Stopped,
    Destroying,
}

impl ServiceState {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How long a replica's volumes had no instance during a handover.
pub fn handover_ms(ended_at: Option<Timestamp>, started_at: Option<Timestamp>) -> Option<u64> {
    let took = started_at?.duration_since(ended_at?);
    u64::try_from(took.as_millis()).ok()
}
