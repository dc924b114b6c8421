//! A service: replicas of one release, and how a release's life goes.
//!
//! ```text
//!            deploy · promote                all replicas healthy        a later release is active
//!  (nothing) ────────────────► deploying ──────────────────────► active ──────────────────────► stopped
//!      │                        │     │                            │
//!      └──► queued ─────────────┘     └──► failed, canceled        └──► removed
//!           (its snapshots first)          the last good one serves again
//! ```
//!
//! A release never changes: promoting an old one serves the same settings under a new number. How many replicas there are
//! belongs to the service, so scaling makes no release.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::computer::ComputerSize;
use crate::id::{ServiceId, VolumeId};
use crate::mount_path::MountPath;
use crate::spec::{DesiredRun, HealthCheck, Network, RestartPolicy};
use crate::status::{Health, InstanceState, InstanceStatus};

pub const REPLICAS_MAX: u32 = 50;
/// A release whose replica is not healthy so long after it was to start has failed, unless its settings say otherwise.
pub const START_TIMEOUT_SECONDS_DEFAULT: u32 = 60;
pub const STOP_GRACE_SECONDS_DEFAULT: u32 = 10;
/// A release whose replica ended so often before it was healthy has failed.
pub const ENDS_BEFORE_HEALTHY_MAX: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    Server,
    Worker,
}

impl ServiceKind {
    pub const NAMES: &'static str = "server (or web, private), worker";

    /// Reads a kind; `web` and `private` are servers.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "server" | "web" | "private" => Self::Server,
            "worker" => Self::Worker,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
        }
    }
}

/// Everything that decides how a replica runs.
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

/// A volume as a service mounts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceVolume {
    pub volume_id: VolumeId,
    pub mount_path: MountPath,
    /// Every replica mounts the same volume. Else replica 0 has this one, and each further replica one of its own.
    pub shared: bool,
    pub read_only: bool,
}

/// Who uses a volume that a service names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeAccess {
    /// All replicas, and nobody writes.
    ReadOnly,
    /// All replicas, and all of them may write.
    Shared,
    /// Replica 0 alone; each other one has a volume of its own.
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
    /// What a service runs that says no more than its template.
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

    /// What replica `index` of release `number` has in its environment. A variable of the service's own wins.
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

    /// A volume that only one instance may write to at a time: then a replica's successor starts when it has ended.
    pub fn is_exclusive(&self) -> bool {
        self.volumes.iter().any(|volume| volume.access() == VolumeAccess::Own)
    }

    /// Whether instances of both may run at once, those of one replica aside: no volume is used in two ways that exclude each
    /// other.
    pub fn gets_along_with(&self, other: &RunSettings) -> bool {
        self.volumes.iter().all(|ours| {
            let theirs = other.volumes.iter().find(|theirs| theirs.volume_id == ours.volume_id);
            theirs.is_none_or(|theirs| theirs.access() == ours.access())
        })
    }
}

/// Changes of settings; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    pub template: Option<String>,
    pub start_command: Option<Option<String>>,
    /// All of them.
    pub env: Option<BTreeMap<String, String>>,
    /// Some of them, after that; `None` removes one.
    pub variables: BTreeMap<String, Option<String>>,
    pub size: Option<ComputerSize>,
    pub network: Option<Network>,
    pub port: Option<Option<u16>>,
    pub restart_policy: Option<RestartPolicy>,
    pub health_check: Option<Option<HealthCheck>>,
    pub start_timeout_seconds: Option<u32>,
    pub stop_grace_seconds: Option<u32>,
    pub volumes: Option<Vec<ServiceVolume>>,
    /// Not a setting of a release, but given with them.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Its snapshots are being taken, or the service is stopped.
    Queued,
    Deploying,
    Active,
    Failed,
    /// Another one was deployed, or the service was stopped, before it was there.
    Canceled,
    /// It was active, and another one is now.
    Stopped,
    /// Its service is gone.
    Removed,
}

impl ReleaseState {
    pub const ALL: [ReleaseState; 7] = [
        ReleaseState::Queued,
        ReleaseState::Deploying,
        ReleaseState::Active,
        ReleaseState::Failed,
        ReleaseState::Canceled,
        ReleaseState::Stopped,
        ReleaseState::Removed,
    ];

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
        match self {
            ReleaseState::Queued => "queued",
            ReleaseState::Deploying => "deploying",
            ReleaseState::Active => "active",
            ReleaseState::Failed => "failed",
            ReleaseState::Canceled => "canceled",
            ReleaseState::Stopped => "stopped",
            ReleaseState::Removed => "removed",
        }
    }

    /// Nothing more becomes of it by itself.
    pub fn is_settled(self) -> bool {
        !matches!(self, ReleaseState::Queued | ReleaseState::Deploying)
    }
}

impl fmt::Display for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a release is not, or no longer, what is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseReason {
    pub code: ReasonCode,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReasonCode {
    /// A replica's first process ended again and again before it was healthy.
    CrashLoop,
    /// A replica was not healthy in time.
    NotHealthy,
    /// A replica could not be started: a volume that cannot be mounted, a template that cannot run.
    CannotStart,
    /// The snapshots before the deployment could not be taken.
    SnapshotFailed,
    /// A volume could not be brought back to its snapshot.
    RestoreFailed,
    /// A later release took its place.
    Superseded,
    /// Somebody canceled it, stopped the service or deleted it.
    Stopped,
}

impl ReasonCode {
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::CrashLoop => "CRASH_LOOP",
            ReasonCode::NotHealthy => "NOT_HEALTHY",
            ReasonCode::CannotStart => "CANNOT_START",
            ReasonCode::SnapshotFailed => "SNAPSHOT_FAILED",
            ReasonCode::RestoreFailed => "RESTORE_FAILED",
            ReasonCode::Superseded => "SUPERSEDED",
            ReasonCode::Stopped => "STOPPED",
        }
    }
}

/// A runtime instance's state, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        match self {
            ReplicaState::Provisioning => "provisioning",
            ReplicaState::Starting => "starting",
            ReplicaState::Healthy => "healthy",
            ReplicaState::Unhealthy => "unhealthy",
            ReplicaState::Error => "error",
            ReplicaState::Stopped => "stopped",
            ReplicaState::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for ReplicaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of a replica whose run number `run` is to be `desired`, with what was last reported of it.
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
        // By its restart policy.
        InstanceState::Ended => ReplicaState::Stopped,
        _ => ReplicaState::Starting,
    }
}

/// A service's state, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceState {
    /// It has no release yet.
    Pending,
    Deploying,
    Running,
    /// Nothing is served, or replicas of what is served do not run.
    Failed,
    Stopped,
    Destroying,
}

impl ServiceState {
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceState::Pending => "pending",
            ServiceState::Deploying => "deploying",
            ServiceState::Running => "running",
            ServiceState::Failed => "failed",
            ServiceState::Stopped => "stopped",
            ServiceState::Destroying => "destroying",
        }
    }
}

/// How long nobody wrote to a replica's volumes while they went from one instance to the next.
pub fn handover_ms(ended_at: Option<Timestamp>, started_at: Option<Timestamp>) -> Option<u64> {
    let took = started_at?.duration_since(ended_at?);
    u64::try_from(took.as_millis()).ok()
}
