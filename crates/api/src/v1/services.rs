//! Services: what runs as replicas of numbered releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words::open::{
    AttachmentState, ComputerSize, DesiredRun, EnvironmentName, HealthCheckType, Network, OutputStream,
    ReasonCode, ReleaseCause, ReleaseState, ReplicaState, RestartPolicy, ServiceKind, ServiceState,
    SourceType, VariableSource,
};

/// A service as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Service {
    pub id: String,
    pub tenant_id: String,
    pub project_id: String,
    /// Each project has one environment, `production`, with the project's id.
    pub environment_id: String,
    pub host_id: String,
    pub name: String,
    pub slug: String,
    /// server or worker.
    pub kind: ServiceKind,
    /// The same as `kind`.
    #[serde(rename = "type")]
    pub service_type: ServiceKind,
    /// pending, deploying, running, failed, stopped or destroying.
    pub status: ServiceState,
    /// The same as `status`.
    pub state: ServiceState,
    pub source: Option<ServiceSource>,
    #[schema(value_type = Option<Object>)]
    pub build: Option<Map<String, Value>>,
    /// What the next release will run.
    pub settings: ServiceSettings,
    /// The same as `settings.volumes`.
    pub volumes: Vec<ServiceVolume>,
    /// Each replica's volumes: the named ones, and those of the replicas' own.
    pub replica_volumes: Vec<ReplicaVolume>,
    pub replicas: u32,
    /// The same as `replicas`.
    pub desired_replicas: u32,
    /// Replicas that are healthy.
    pub ready_replicas: u32,
    /// One more with every change; give it with an update to have it refused when somebody else was faster.
    pub lock_version: u64,
    /// The last release that was good.
    pub active_release_id: Option<String>,
    pub active_release_number: Option<u64>,
    /// The release that is being deployed; null when none is.
    pub deploying_release_id: Option<String>,
    /// Why the newest release is not served, or a replica does not run.
    pub error: Option<String>,
    /// What is worth knowing, such as the caveat of a volume with several writers.
    pub warnings: Vec<String>,
    pub url: Option<String>,
    /// Settings that differ from those of the active release, with the values that the next one will have; null for none.
    #[schema(value_type = Option<Object>)]
    pub pending_changes: Option<Map<String, Value>>,
    pub created_at: String,
    pub updated_at: String,
}

/// Where a release's files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSource {
    /// `template` or `image`: both name a template of the host.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    #[serde(rename = "ref")]
    pub reference: String,
}

/// What decides how replicas run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSettings {
    pub replicas: u32,
    pub template: String,
    /// Run by `/bin/sh -c`; the template's own first process when null.
    pub start_command: Option<String>,
    pub env: BTreeMap<String, String>,
    /// xs, small, medium, large or xl: processors and memory of each replica.
    pub size: ComputerSize,
    /// `isolated` (loopback only) or `host`.
    pub network: Network,
    /// Given to the replicas as `PORT`.
    pub port: Option<u16>,
    /// always, on-failure or no.
    pub restart_policy: RestartPolicy,
    pub health_check: Option<ServiceHealthCheck>,
    /// A release whose replica is not healthy so long after its start has failed.
    pub start_timeout_seconds: u32,
    /// Between SIGTERM and SIGKILL.
    pub stop_grace_seconds: u32,
    pub volumes: Vec<ServiceVolume>,
}

/// A question that a healthy replica answers: a command that ends with 0, or a `GET` that answers 200 to 399.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceHealthCheck {
    /// `command` or `http`.
    #[serde(rename = "type")]
    pub check_type: HealthCheckType,
    /// Run inside the replica by its shell.
    pub command: Option<String>,
    /// Asked for inside the replica's network.
    pub path: Option<String>,
    pub port: Option<u16>,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    /// So many bad answers in a row make a healthy replica unhealthy.
    pub retries: u32,
}

/// A volume that a service mounts; each field in both spellings, because clients read either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceVolume {
    #[serde(rename = "dataServiceId")]
    pub data_service_id_camel: String,
    pub data_service_id: String,
    /// The same as `data_service_id`.
    pub volume_id: String,
    #[serde(rename = "mountPath")]
    pub mount_path_camel: String,
    pub mount_path: String,
    /// Every replica mounts this volume. Otherwise replica 0 does, and each further one has a volume of its own.
    pub shared: bool,
    #[serde(rename = "readOnly")]
    pub read_only_camel: bool,
    /// Every replica mounts this volume, and nobody writes.
    pub read_only: bool,
}

/// A volume of one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaVolume {
    /// Null for a volume that all replicas share.
    pub replica: Option<u32>,
    pub volume_id: String,
    pub name: String,
    pub mount_path: String,
    /// False for a replica that was scaled down; its volume is kept, and used again.
    pub in_use: bool,
}

/// Body of `POST /services`. What a service runs may stand at the top level or in `settings`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateService {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// server (default; also web, private) or worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ServiceKind>,
    /// The same as `kind`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// With a source, release 1 is made at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<NewSource>,
    /// Short for a source of the type `template`.
    #[serde(default, alias = "templateRef", skip_serializing_if = "Option::is_none")]
    pub template_ref: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub build: Option<Map<String, Value>>,
    /// See `ServiceSettings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    #[serde(flatten)]
    pub run: RunFields,
}

/// Body of `PATCH /services/{id}`. Settings are merged; null takes one back to its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateService {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<NewSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    /// `STALE_SERVICE` when the service has another one by now.
    #[serde(default, alias = "lockVersion", skip_serializing_if = "Option::is_none")]
    pub lock_version: Option<i64>,
    #[serde(flatten)]
    pub run: RunFields,
}

/// Settings that may stand at the top level of a body; they win over those in `settings`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunFields {
    /// The whole list; it takes the place of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<NewServiceVolume>>)]
    pub volumes: Option<Value>,
    #[serde(default, alias = "instances", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub replicas: Option<Value>,
    #[serde(default, alias = "command", alias = "startCommand", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub start_command: Option<Value>,
    #[serde(default, alias = "environment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub env: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub size: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub network: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u16>)]
    pub port: Option<Value>,
    #[serde(default, alias = "restartPolicy", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub restart_policy: Option<Value>,
    #[serde(default, alias = "healthCheck", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub health_check: Option<Value>,
    #[serde(default, alias = "startTimeoutSeconds", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub start_timeout_seconds: Option<Value>,
    #[serde(default, alias = "stopGraceSeconds", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub stop_grace_seconds: Option<Value>,
}

/// A source as a body names it: an object, or the name of a template alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum NewSource {
    Named(String),
    Typed {
        /// `template` or `image`; default `template`.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        source_type: Option<SourceType>,
        #[serde(rename = "ref", default, alias = "reference", alias = "image", alias = "template")]
        reference: Option<String>,
    },
}

/// A volume as a body names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewServiceVolume {
    #[serde(
        default,
        alias = "dataServiceId",
        alias = "volume_id",
        alias = "volumeId",
        skip_serializing_if = "Option::is_none"
    )]
    pub data_service_id: Option<String>,
    #[serde(default, alias = "mountPath", alias = "path", skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    /// Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// Default false.
    #[serde(default, alias = "readOnly", skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// Body of `POST /services/{id}/scale`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScaleService {
    /// 0 to 50.
    #[serde(default, alias = "instances", skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Body of the calls that make a release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeployService {
    /// A source that the service has from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<NewSource>,
    /// Merged into the service's own first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Take a snapshot of every volume that is written to, named by the release, before anything is replaced.
    #[serde(default, alias = "snapshotBefore", skip_serializing_if = "Option::is_none")]
    pub snapshot_before: Option<bool>,
    /// On a rollback or promotion: bring the volumes back to the snapshots that were taken when that release was left.
    #[serde(default, alias = "restoreData", skip_serializing_if = "Option::is_none")]
    pub restore_data: Option<bool>,
    /// Only `production`, which is where everything is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// On a promotion or rollback: the release to serve, by its id. A rollback without one takes the previous good one.
    #[serde(
        default,
        alias = "releaseId",
        alias = "version_id",
        alias = "versionId",
        skip_serializing_if = "Option::is_none"
    )]
    pub release_id: Option<String>,
    /// The same by its number.
    #[serde(default, alias = "version", skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// A numbered version of a service, which never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    pub id: String,
    pub service_id: String,
    pub tenant_id: String,
    /// Counted from 1 within the service.
    pub number: u64,
    /// queued, deploying, active, failed, canceled, stopped (another one is served now) or removed.
    pub state: ReleaseState,
    /// The same as `state`.
    pub status: ReleaseState,
    /// Why it is not, or no longer, served.
    pub reason: Option<ReleaseReason>,
    /// deploy, restart, start, volumes, promote or rollback.
    pub cause: ReleaseCause,
    pub source: Option<ServiceSource>,
    pub settings: ServiceSettings,
    pub message: Option<String>,
    /// The number of the release whose settings it serves again.
    pub serves_again: Option<u64>,
    /// Taken before it was deployed.
    pub snapshots: Vec<ReleaseSnapshot>,
    /// The longest time in which a replica's volumes were with nobody, from the end of the old first process to the start of
    /// the new one. Null when no volume changed hands.
    pub handover_ms: Option<u64>,
    pub created_at: String,
    pub updated_at: String,
    /// When it became active, or failed, or was canceled.
    pub settled_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseReason {
    pub code: ReasonCode,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseSnapshot {
    pub volume_id: String,
    pub snapshot_id: String,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuntimeInstance {
    pub id: String,
    /// The same as `service_id`.
    pub deployment_id: String,
    pub service_id: String,
    pub release_id: String,
    pub release_number: Option<u64>,
    pub tenant_id: String,
    pub host_id: String,
    pub replica: u32,
    /// running, stopped or destroyed.
    pub desired_state: DesiredRun,
    /// provisioning, starting, healthy, unhealthy, error, stopped or destroyed.
    pub state: ReplicaState,
    /// The same as `state`.
    pub status: ReplicaState,
    pub ip_address: Option<String>,
    pub port: Option<u16>,
    /// How often the first process ended by itself.
    pub restart_count: u32,
    pub exit_code: Option<i32>,
    pub started_at: Option<String>,
    pub stopped_at: Option<String>,
    /// Why it is not healthy; names the volume when one cannot be mounted.
    pub error_message: Option<String>,
    pub volumes_mounted: Vec<MountedVolume>,
    pub metadata: BTreeMap<String, String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MountedVolume {
    pub volume_id: String,
    pub volume_name: String,
    pub mount_path: String,
    pub shared: bool,
    pub read_only: bool,
    /// attaching, attached, detaching or failed.
    pub state: AttachmentState,
}

/// Answer to `POST /services/{id}/stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoppedService {
    pub id: String,
    /// Replicas that ran before.
    pub stopped: u32,
    pub success: bool,
    pub status: ServiceState,
}

/// A line of a service's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceLogLine {
    /// `log`.
    #[serde(rename = "type")]
    pub line_type: String,
    pub timestamp: String,
    /// stdout or stderr.
    pub stream: OutputStream,
    pub replica: u32,
    pub instance_id: String,
    pub line: String,
    /// The same as `line`.
    pub message: String,
}

/// One step of a release's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseEvent {
    /// queued, deploying, active, failed, canceled, stopped or removed.
    #[serde(rename = "type")]
    pub event_type: ReleaseState,
    pub timestamp: String,
    pub message: String,
}

/// A variable in the environment of a service's replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variable {
    pub name: String,
    pub value: String,
}

/// A variable as a replica has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectiveVariable {
    pub name: String,
    pub value: String,
    /// `service`, or `server` for what is added to every replica.
    pub source: VariableSource,
}

/// Body of `PUT /services/{id}/variables`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetVariables {
    /// Values by name.
    pub variables: BTreeMap<String, Option<String>>,
}

/// Query of `GET /services`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServiceFilters {
    /// Only services in this state.
    pub status: Option<ServiceState>,
    pub name: Option<String>,
    pub project_id: Option<Uuid>,
    /// Only this environment: `production` is the one there is.
    pub env: Option<String>,
}

/// What part of a service's log is wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServiceLogQuery {
    /// At most this many of the newest lines of each replica; default 100, at most 10000.
    pub lines: Option<u32>,
    /// The same as `lines`.
    pub tail: Option<u32>,
    /// Only lines later than this: RFC 3339, or seconds since 1970.
    pub since: Option<String>,
    /// With `Accept: text/event-stream`: go on with new lines (default true), or end after those that are there.
    pub follow: Option<bool>,
    /// Only this replica.
    pub replica: Option<u32>,
}
