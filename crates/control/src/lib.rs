//! The verbs of the control plane and their consequences, between the database and the servers.
//!
//! ```text
//!   http ──► App::verb ──► store (intent, generation + 1) ──► Hosts::wake
//!                 ▲                                              │ specs
//!                 └── woken per object ◄── store (report) ◄──────┘ report
//! ```
//!
//! A verb writes its intent in one transaction, inside which it asks the rules. Then it waits up to [`OUTCOME_WAIT`] for the
//! host to report the outcome, and returns the object as it then is.
//!
//! Every commit wakes the sessions of the hosts with new specs and the callers that wait for a changed object (see
//! `App::new`); a verb cannot forget to. Sessions and waiting callers also poll, for commits of other processes.
//!
//! Nothing here speaks HTTP or SQL. The connections to the hosts' agents are behind [`Hosts`].
//!
//! **Crash safety.** Before the commit nothing has happened. After it the intent is durable: the session sends it at the next
//! connection, and the caller finds the object in its transitional state. A verb runs to its end even if its caller hangs up,
//! so a refused effect is always followed by its withdrawal.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::computer::ComputerSize;
use miosa_domain::limits::Limits;
use miosa_domain::mount_path::MountPath;
use miosa_domain::schedule::Schedule;
use miosa_domain::spec::Network;
use miosa_domain::{ApiKeyId, HostId, ProjectId, Refusal, SnapshotId, TenantId, VolumeId};
use miosa_store::Store;
use miosa_store::host::HostRecord;
use tracing::Instrument;
use uuid::Uuid;

pub use computer::{ComputerChange, Power};
pub use host::ChangedSpecs;
pub use hosts::{HostStream, Hosts, StreamRequest};
pub use inspect::{FileBytes, Listing, SnapshotFile};
pub use miosa_store::StoreError;
pub use miosa_store::idempotency::{Idempotency, ObjectRef, StoredAnswer};
pub use miosa_store::key::{ApiKey, KeyType};
pub use miosa_store::page::{Cursor, Filters, ListPage, ListRequest};
pub use miosa_store::project::ProjectChange;
pub use miosa_store::service::{Deploy, DeployAsk, ReleaseCause, ServiceChange, Source};
pub use news::Wait;
pub use project::NewProject;
pub use service::{NewService, ReleaseName, ReplicaLine};
pub use snapshot::{HooksChange, SnapshotChange};
pub use volume::VolumeChange;

use news::News;

mod attachment;
mod computer;
#[cfg(test)]
mod conformance;
mod data_service;
mod deployment;
mod event;
mod host;
mod hosts;
mod inspect;
mod key;
mod news;
mod project;
mod readiness;
mod reconcile;
mod report;
mod restore;
mod schedule;
mod service;
mod snapshot;
mod view;
mod volume;

/// A verb waits at most this long for its outcome.
pub const OUTCOME_WAIT: Duration = Duration::from_secs(15);

/// The authenticated caller. `tenant_id` bounds everything that the call can see.
#[derive(Debug, Clone)]
pub struct Caller {
    pub tenant_id: TenantId,
    pub key_id: ApiKeyId,
    pub key_type: KeyType,
    pub scopes: Vec<String>,
    pub rate_limit_rpm: u32,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// `details` go to the envelope's `error.details`, beside those of the refusal.
    #[error("{refusal}")]
    RefusedWith { refusal: Refusal, details: serde_json::Map<String, serde_json::Value> },
    /// 422: the field's value is invalid.
    #[error("{field} {message}")]
    Invalid { field: &'static str, message: String },
    /// 503: nothing was changed, and the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// Logged once, where the response is made; never shown to the caller.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Checked by http: name, size (in range, a multiple of 1 MiB), metadata as texts.
#[derive(Debug, Clone, Default)]
pub struct NewVolume {
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

/// A volume made from another object: a fork, or a restore as a new volume.
#[derive(Debug, Clone, Default)]
pub struct NewCopy {
    /// Derived from its source's name when `None`.
    pub name: Option<String>,
    /// Its source's size when `None`.
    pub size: Option<AskedSize>,
    /// Its source's project when `None`.
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// When it is moved to the trash automatically.
    pub expires_at: Option<Timestamp>,
}

/// A size in range, and the field that a refusal should name.
#[derive(Debug, Clone, Copy)]
pub struct AskedSize {
    pub bytes: u64,
    pub field: &'static str,
}

/// The source of a copy.
#[derive(Debug, Clone, Copy)]
pub enum CopySource {
    /// A volume as it is now. Unless `whatever_the_wait`, only if its writers wait briefly.
    Volume {
        id: VolumeId,
        whatever_the_wait: bool,
    },
    Snapshot(SnapshotPath),
}

/// A snapshot as a caller names it: alone, or as one of a present volume.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotPath {
    pub of: Option<VolumeId>,
    pub id: SnapshotId,
}

/// Checked by http.
#[derive(Debug, Clone, Default)]
pub struct NewSnapshot {
    pub name: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub protected: bool,
    /// Take it however long the volume's writers wait.
    pub now: bool,
    pub expires_at: Option<Timestamp>,
    pub hooks: HooksChange,
}

/// Checked by http, except the template's name, which only a host knows.
#[derive(Debug, Clone)]
pub struct NewComputer {
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
    /// Any connected host when `None`.
    pub host_id: Option<HostId>,
    pub auto_start: bool,
}

#[derive(Debug, Clone)]
pub struct NewAttachment {
    pub volume_id: VolumeId,
    /// The default path when `None`.
    pub mount_path: Option<MountPath>,
    pub read_only: bool,
}

/// Whether the control plane is ready, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    pub database: bool,
    pub agent_connected: bool,
    pub agent_recovered: bool,
    /// One sentence for each reason; empty when ready.
    pub reasons: Vec<String>,
}

/// Counts for `/metrics`. Durations from intent to outcome are recorded as the histogram `miosa_effect_seconds{verb}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
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

/// The configuration of the verbs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The SQLite file; created if it is missing.
    pub database: PathBuf,
    /// SHA-256 of the admin key, in hex.
    pub admin_key_hash: String,
    pub limits: Limits,
    /// The one region of this installation.
    pub region: String,
}

/// All verbs; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    hosts: Arc<dyn Hosts>,
    news: News,
    region: String,
    outcome_wait: Duration,
}

impl App {
    /// Opens the database, creates it if it is missing, and records the hash of the admin key.
    pub async fn open(settings: Settings, hosts: Arc<dyn Hosts>) -> Result<App, StoreError> {
        let store = Store::open(settings.database.as_path(), settings.limits).await?;
        store.bootstrap(&settings.admin_key_hash, now()).await?;
        Ok(App::new(store, hosts, settings.region, OUTCOME_WAIT))
    }

    /// The verbs over a database that is already open. A verb waits for its outcome for at most `outcome_wait`.
    pub fn new(store: Store, hosts: Arc<dyn Hosts>, region: String, outcome_wait: Duration) -> App {
        let news = News::default();
        let (waiting, sessions) = (news.clone(), hosts.clone());
        store.on_commit(move |changes| {
            for change in changes {
                if let Some(host_id) = change.host_id {
                    sessions.wake(host_id);
                }
                waiting.publish(change.object_id);
            }
        });
        App(Arc::new(Inner { store, hosts, news, region, outcome_wait }))
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn limits(&self) -> &Limits {
        self.store().limits()
    }

    fn hosts(&self) -> &dyn Hosts {
        &*self.0.hosts
    }

    fn news(&self) -> &News {
        &self.0.news
    }

    fn region(&self) -> &str {
        &self.0.region
    }

    /// Starts waiting for the outcome of an intent that is about to be written.
    fn wait_for(&self, id: Uuid) -> news::Wait {
        self.news().wait(id, self.0.outcome_wait)
    }

    /// Whether a list that asks for this region can hold anything.
    fn has_region(&self, asked: Option<&str>) -> bool {
        asked.is_none_or(|region| region == self.region())
    }

    /// A connected host for a new object: the requested one, or the one with the most free space.
    async fn place(&self, asked: Option<HostId>) -> Result<HostRecord, AppError> {
        const NO_HOST: &str = "no host is connected at the moment; try again when its agent is running";
        if let Some(id) = asked {
            let host = self.store().host(id).await?;
            let unknown =
                || AppError::Invalid { field: "host_id", message: format!("no host has the id {id}") };
            let host = host.ok_or_else(unknown)?;
            return if self.hosts().connected().contains(&id) {
                Ok(host)
            } else {
                Err(AppError::Unavailable(format!("host {id} is not connected at the moment")))
            };
        }
        let connected = self.hosts().connected();
        let hosts = self.store().hosts().await?;
        let free_bytes = |host: &HostRecord| host.pool.map_or(0, |pool| pool.free_bytes());
        let best = hosts.into_iter().filter(|host| connected.contains(&host.id)).max_by_key(free_bytes);
        best.ok_or_else(|| AppError::Unavailable(NO_HOST.into()))
    }
}

/// The time as it is stored: whole milliseconds.
pub fn now() -> Timestamp {
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

/// Runs a verb to its end even if its caller hangs up.
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
