//! Projects: groups of volumes, computers and services. Everything that is made without one goes into the default one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::words::open::{DataServiceType, ServiceKind, SourceType};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    pub id: String,
    pub tenant_id: String,
    pub workspace_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// The one that everything goes into that names none; it cannot be deleted.
    pub is_default: bool,
    pub created_at: String,
    pub updated_at: String,
}

/// Body of `POST /projects`. Further fields are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateProject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Made of the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, alias = "workspaceId", skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// Read when there is no `workspace_id`.
    #[serde(default, alias = "workspaceSlug", skip_serializing_if = "Option::is_none")]
    pub workspace_slug: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// Body of `PATCH /projects/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateProject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// Where a project's services run. Each project has one, `production`, with the project's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    pub id: String,
    pub project_id: String,
    pub name: String,
    pub slug: String,
    pub is_default: bool,
    pub created_at: String,
    pub updated_at: String,
}

/// What projects of this server can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectCapabilities {
    pub service_kinds: Vec<ServiceKind>,
    pub source_types: Vec<SourceType>,
    pub data_service_types: Vec<DataServiceType>,
    pub replicas_max: u32,
    pub volumes_per_project: u32,
    pub volume_max_gb: u64,
}

/// Query of `GET /projects`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProjectFilters {
    pub name: Option<String>,
    pub workspace_id: Option<String>,
}
