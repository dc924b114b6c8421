//! The verbs of the API. Each one asks the rules, writes intent in one transaction, wakes the host's session, and waits up to
//! 15 s for the host to report the outcome; then it answers the object as it is.
//!
//! ```text
//!   http ──► app::<noun>::verb ──► store (intent, generation + 1) ──► session.nudge
//!                 ▲                                                      │ specs
//!                 └── woken per object ◄── store (report) ◄── session ◄──┘ report
//! ```
//!
//! **Crash story.** Before the commit nothing happened. After it the intent is durable: the session sends it at the next
//! connection, and the caller finds the object in its transitional state. Verbs run to their end even when their caller hangs
//! up, so a commit is always followed by its nudge, and a refused effect by its withdrawal.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::computer::ComputerSize;
use miosa_domain::mount_path::MountPath;
use miosa_domain::schedule::Schedule;
use miosa_domain::spec::Network;
use miosa_domain::{ApiKeyId, HostId, ProjectId, Refusal, SnapshotId, TenantId, VolumeId};
use miosa_store::host::HostRecord;
use miosa_store::{Store, StoreError};
use tracing::Instrument;
use uuid::Uuid;

use crate::ControllerConfig;
use crate::session::Links;

pub(crate) use crate::session::ExecEvents;
pub(crate) use inspect::FileBytes;
pub(crate) use miosa_store::computer::{ComputerChange, Power};
pub(crate) use miosa_store::idempotency::{Idempotency, ObjectRef, StoredAnswer};
pub(crate) use miosa_store::key::{ApiKey, KeyType};
pub(crate) use miosa_store::page::{Cursor, Filters, ListPage, ListRequest};
pub(crate) use miosa_store::project::ProjectChange;
pub(crate) use miosa_store::snapshot::{HooksChange, SnapshotChange};
pub(crate) use miosa_store::volume::VolumeChange;
pub(crate) use news::{News, Wait};
pub(crate) use project::NewProject;
pub(crate) use service::{NewService, ReleaseName, ReplicaLine};

mod attachment;
mod computer;
mod data_service;
mod deployment;
mod event;
mod inspect;
mod key;
mod news;
mod project;
mod readiness;
mod restore;
mod service;
mod snapshot;
mod view;
mod volume;

/// Who calls, already authenticated. `tenant_id` bounds everything that the call can see.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub tenant_id: TenantId,
    pub key_id: ApiKeyId,
    pub key_type: KeyType,
    pub scopes: Vec<String>,
    pub rate_limit_rpm: u32,
}

/// Why a verb did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// `details` go to the envelope's `error.details`, beside those of the refusal itself.
    #[error("{refusal}")]
    RefusedWith { refusal: Refusal, details: serde_json::Map<String, serde_json::Value> },
    /// 422: the field's value cannot be used.
    #[error("{field} {message}")]
    Invalid { field: &'static str, message: String },
    /// 503: nothing was changed, and the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// Logged once, where it is answered; never shown to the caller.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Checked by http: name, size (in range, a multiple of 1 MiB), metadata as texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewVolume {
    pub name: String,
    pub size_bytes: u64,
    /// The tenant's default project when `None`.
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub delete_protection: bool,
    pub schedule: Option<Schedule>,
    pub retention_days: Option<u32>,
    pub hooks: HooksChange,
}

/// A volume that begins as something else: a fork, or a restore as a new volume.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewCopy {
    /// Made of its source's name when `None`.
    pub name: Option<String>,
    /// Its source's size when `None`.
    pub size: Option<AskedSize>,
    /// Its source's project when `None`.
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// When it goes to the trash by itself.
    pub expires_at: Option<Timestamp>,
}

/// A size in range, and the field that a refusal of it should name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedSize {
    pub bytes: u64,
    pub field: &'static str,
}

/// What a copy begins as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CopySource {
    /// A volume as it is now; `whatever_the_wait` of its writers, or only if that is short.
    Volume {
        id: VolumeId,
        whatever_the_wait: bool,
    },
    Snapshot(SnapshotPath),
}

/// A snapshot as a caller names it: by itself, or as one of a volume that is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SnapshotPath {
    pub of: Option<VolumeId>,
    pub id: SnapshotId,
}

/// Checked by http.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewSnapshot {
    pub name: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub protected: bool,
    /// However long the volume's writers wait.
    pub now: bool,
    pub expires_at: Option<Timestamp>,
    pub hooks: HooksChange,
}

/// Checked by http, but for the template's name, which only a host knows.
#[derive(Debug, Clone)]
pub(crate) struct NewComputer {
    pub name: String,
    pub template_type: String,
    pub size: ComputerSize,
    pub network: Network,
    pub env: BTreeMap<String, String>,
    pub command: Option<Vec<String>>,
    pub metadata: BTreeMap<String, String>,
    pub visibility: Option<String>,
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub external_workspace_id: Option<String>,
    pub external_user_id: Option<String>,
    pub external_project_id: Option<String>,
    /// Where it shall live; any connected host when `None`.
    pub host_id: Option<HostId>,
    pub auto_start: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct NewAttachment {
    pub volume_id: VolumeId,
    /// The default path when `None`.
    pub mount_path: Option<MountPath>,
    pub read_only: bool,
}

/// Whether the control plane can do its work, and if not, what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub database: bool,
    pub agent_connected: bool,
    pub agent_recovered: bool,
    /// One sentence for each thing that is missing; empty when ready.
    pub reasons: Vec<String>,
}

/// Counts for `/metrics`. Durations from intent to outcome are recorded as the histogram `miosa_effect_seconds{verb}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    /// By state, as clients see it.
    pub volumes: BTreeMap<String, u64>,
    /// By status, as clients see it.
    pub computers: BTreeMap<String, u64>,
    pub attachments: BTreeMap<String, u64>,
    /// By state.
    pub snapshots: BTreeMap<String, u64>,
    /// Of volumes, by state.
    pub snapshot_schedules: BTreeMap<String, u64>,
    /// Sums over the hosts' pools.
    pub pool_capacity_bytes: u64,
    pub pool_used_bytes: u64,
    pub agent_sessions: u64,
}

/// How long things may take; only tests choose other than the default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// An answer waits so long for its outcome.
    pub(crate) outcome_wait: Duration,
    /// A host that is gone for so long is no longer reachable.
    pub(crate) host_grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { outcome_wait: Duration::from_secs(15), host_grace: Duration::from_secs(30) }
    }
}

/// All verbs; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    store: Store,
    links: Links,
    news: News,
    region: String,
    agent_uid: u32,
    outcome_wait: Duration,
}

impl App {
    /// Opens the database (made at first) and stores the hash of the admin key.
    pub(crate) async fn open(config: &ControllerConfig) -> Result<App, StoreError> {
        Self::open_with(config, Timing::default()).await
    }

    pub(crate) async fn open_with(config: &ControllerConfig, timing: Timing) -> Result<App, StoreError> {
        let store = Store::open(&config.database, config.limits.clone()).await?;
        store.bootstrap(&config.admin_key_hash, now()).await?;
        Ok(App(Arc::new(Inner {
            store,
            links: Links::new(timing.host_grace),
            news: News::default(),
            region: config.region.clone(),
            agent_uid: config.agent_uid,
            outcome_wait: timing.outcome_wait,
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    pub(crate) fn news(&self) -> &News {
        &self.0.news
    }

    pub(crate) fn agent_uid(&self) -> u32 {
        self.0.agent_uid
    }

    fn region(&self) -> &str {
        &self.0.region
    }

    /// Begins to listen for the outcome of an intent that is about to be written.
    fn wait_for(&self, id: Uuid) -> news::Wait {
        self.news().wait(id, self.0.outcome_wait)
    }

    /// Whether a list that asks for this region can hold anything.
    fn has_region(&self, asked: Option<&str>) -> bool {
        asked.is_none_or(|region| region == self.region())
    }

    /// A connected host for something new: the one asked for, or the one with the most room.
    async fn place(&self, asked: Option<HostId>) -> Result<HostRecord, AppError> {
        const NOBODY: &str = "no host is connected at the moment; try again when its agent is running";
        if let Some(id) = asked {
            let host = self.store().host(id).await?;
            let unknown =
                || AppError::Invalid { field: "host_id", message: format!("no host has the id {id}") };
            let host = host.ok_or_else(unknown)?;
            return match self.links().connected(id) {
                Some(_) => Ok(host),
                None => Err(AppError::Unavailable(format!("host {id} is not connected at the moment"))),
            };
        }
        let connected = self.links().connected_hosts();
        let hosts = self.store().hosts().await?;
        let free_bytes = |host: &HostRecord| host.pool.map_or(0, |pool| pool.free_bytes());
        let best = hosts.into_iter().filter(|host| connected.contains(&host.id)).max_by_key(free_bytes);
        best.ok_or_else(|| AppError::Unavailable(NOBODY.into()))
    }
}

/// The time as it is stored: whole milliseconds.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => AppError::Refused(refusal),
            StoreError::Invalid { field, message } => AppError::Invalid { field, message },
            StoreError::IdempotencyKeyTaken => {
                AppError::Unavailable("another call with this Idempotency-Key is still running".into())
            }
            other => AppError::Internal(Box::new(other)),
        }
    }
}

/// Runs a verb to its end even when its caller hangs up in the middle.
async fn to_the_end<T: Send + 'static>(
    verb: impl Future<Output = Result<T, AppError>> + Send + 'static,
) -> Result<T, AppError> {
    match tokio::spawn(verb.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(AppError::Unavailable("the server is shutting down".into())),
        },
    }
}
