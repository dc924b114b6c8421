//! Deployments: services as clients see them that know versions and promotions. A deployment is a service, a version and a
//! release are a service's release, each with the same id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::services::{NewSource, RunFields, ServiceSource};
use super::words::open::{DeploymentKind, DeploymentState, EnvironmentName, VersionState};

/// A service, as a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// The service's id.
    pub id: String,
    pub tenant_id: String,
    pub project_id: String,
    pub environment_id: String,
    pub name: String,
    pub slug: String,
    /// pending, building, running, failed or stopped.
    pub state: DeploymentState,
    /// The same as `state`.
    pub status: DeploymentState,
    /// Always null: what runs is a template, and no repository, upload or sandbox.
    pub source_type: Option<String>,
    pub source: Option<ServiceSource>,
    /// Always false: a version is made by a call.
    pub auto_deploy: bool,
    /// How many runtime instances there should be.
    pub instances: u32,
    /// Those that are healthy.
    pub ready_instances: u32,
    /// The version that is served.
    pub active_version_id: Option<String>,
    pub active_version_number: Option<u64>,
    /// The same as `active_version_id`.
    pub active_release_id: Option<String>,
    /// Why the newest version is not served, or an instance does not run.
    pub error: Option<String>,
    pub url: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A service's release, as a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentVersion {
    /// The release's id.
    pub id: String,
    pub deployment_id: String,
    pub tenant_id: String,
    /// Counted from 1 within the deployment.
    pub version_number: u64,
    /// Always `dynamic`.
    pub kind: DeploymentKind,
    /// created, building, ready (it is served), failed or archived.
    pub state: VersionState,
    /// The same as `state`.
    pub status: VersionState,
    /// Always null, as for the deployment.
    pub source_type: Option<String>,
    pub source: Option<ServiceSource>,
    pub message: Option<String>,
    /// Why it is not, or no longer, served.
    pub error: Option<String>,
    /// The template that it runs.
    #[schema(value_type = Object)]
    pub artifact_manifest: Map<String, Value>,
    pub metadata: BTreeMap<String, String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A service's release, as the release of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentRelease {
    pub id: String,
    pub deployment_id: String,
    /// The version of the same id.
    pub deployment_version_id: String,
    pub version_number: u64,
    pub tenant_id: String,
    /// Always `dynamic`.
    pub kind: DeploymentKind,
    /// created, building, ready (it is served), failed or archived.
    pub state: VersionState,
    /// The same as `state`.
    pub status: VersionState,
    /// Always `production`.
    pub environment: EnvironmentName,
    /// The template that it runs.
    #[schema(value_type = Object)]
    pub artifact_manifest: Map<String, Value>,
    pub metadata: BTreeMap<String, String>,
    pub created_at: String,
    pub updated_at: String,
}

/// Body of `POST /deployments`. What is run may stand at the top level or in `settings`, as for services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateDeployment {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// `dynamic`, which is also what it is when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DeploymentKind>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// With a source, version 1 is made at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<NewSource>,
    /// Short for a source of the type `template`.
    #[serde(default, alias = "templateRef", skip_serializing_if = "Option::is_none")]
    pub template_ref: Option<String>,
    /// Refused: nothing is built here, so there are only templates, and they are named in `source`.
    #[serde(default, alias = "sourceType", skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// See `ServiceSettings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    #[serde(flatten)]
    pub run: RunFields,
}

/// Body of `PATCH /deployments/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateDeployment {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a runtime instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceLogs {
    pub runtime_instance_id: String,
    pub deployment_id: String,
    /// Always null: the log is answered here.
    pub log_path: Option<String>,
    /// The newest lines, oldest first.
    pub logs: String,
}

/// Query of `GET /deployments`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeploymentFilters {
    /// Only deployments in this state.
    pub status: Option<DeploymentState>,
    pub name: Option<String>,
    pub project_id: Option<Uuid>,
}

/// Query of `GET /deployments/{id}/versions`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionFilters {
    /// Only versions in this state.
    pub status: Option<VersionState>,
}

/// Query of `GET /deployments/{id}/releases`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeploymentReleaseFilters {
    /// Only releases in this state.
    pub status: Option<VersionState>,
}
