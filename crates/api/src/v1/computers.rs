//! Computers: machines that run a template, to which volumes are attached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::attachments::Attachment;
use super::words::open::{ComputerSize, ComputerStatus, Network, OutputStream, Visibility};
use crate::page::List;

/// A computer as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Computer {
    pub id: String,
    pub tenant_id: String,
    pub owner_user_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub template_type: String,
    /// xs, small, medium, large or xl.
    pub size: Option<ComputerSize>,
    pub vcpus: u32,
    pub memory_mb: u64,
    /// provisioning, starting, running, stopping, stopped, error, destroying or destroyed.
    pub status: ComputerStatus,
    /// The same as `status`.
    pub state: ComputerStatus,
    pub vm_id: Option<String>,
    pub host_id: String,
    pub region: String,
    pub workspace_id: Option<String>,
    pub project_id: String,
    pub ip_address: Option<String>,
    pub visibility: Option<Visibility>,
    pub sandbox_url: Option<String>,
    pub desktop_url: Option<String>,
    pub preview_domain: Option<String>,
    pub selected_apps: Vec<String>,
    #[schema(value_type = Object)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub metadata: BTreeMap<String, String>,
    pub external_workspace_id: Option<String>,
    pub external_user_id: Option<String>,
    pub external_project_id: Option<String>,
    /// `isolated` (loopback only) or `host`.
    pub network: Network,
    /// The first process; the template's own when null.
    pub command: Option<Vec<String>>,
    /// How often the first process ended by itself since the computer was started.
    pub restart_count: u32,
    /// Of the last process that ended, if known.
    pub exit_code: Option<i32>,
    /// Why the computer is in `error`.
    pub error: Option<String>,
    pub attachments: Vec<Attachment>,
    pub created_at: String,
    pub updated_at: String,
}

/// Answer to `GET /computers`: the only list with a third key, which two published clients read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ComputerList {
    #[serde(flatten)]
    pub list: List<Computer>,
    pub meta: ListMeta,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListMeta {
    pub total: u64,
    pub page: u64,
    pub per_page: u64,
}

/// Body of `POST /computers`. Further fields are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateComputer {
    /// Generated when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Default `miosa-desktop`.
    #[serde(default, alias = "templateType", alias = "template", skip_serializing_if = "Option::is_none")]
    pub template_type: Option<String>,
    /// xs, small (default), medium, large, xl (or xlarge).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<ComputerSize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    #[serde(default, alias = "workspaceId", skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(default, alias = "externalWorkspaceId", skip_serializing_if = "Option::is_none")]
    pub external_workspace_id: Option<String>,
    #[serde(default, alias = "externalUserId", skip_serializing_if = "Option::is_none")]
    pub external_user_id: Option<String>,
    #[serde(default, alias = "externalProjectId", skip_serializing_if = "Option::is_none")]
    pub external_project_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, alias = "hostId", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Default true.
    #[serde(default, alias = "autoStart", skip_serializing_if = "Option::is_none")]
    pub auto_start: Option<bool>,
    /// The first process: a text for `/bin/sh -c`, or a list of arguments. It is started again whenever it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// `isolated` (default) or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Command {
    Shell(String),
    Arguments(Vec<String>),
}

/// Body of `PATCH /computers/{id}`. Fields left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateComputer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Answer to start, stop and restart: the whole computer, and what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComputerAction {
    #[serde(flatten)]
    pub computer: Computer,
    pub success: bool,
    pub message: String,
}

/// Body of `POST /computers/{id}/exec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exec {
    /// Run by `/bin/sh -c`, or bash where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Seconds; default 60, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
}

/// Body of `POST /computers/{id}/exec/python`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecPython {
    /// The program's source, run by `python3 -c`. `command` is another spelling.
    #[serde(default, alias = "command", skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Seconds; default 60, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecResult {
    /// 124 when the time ran out.
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The same as `stdout`.
    pub output: String,
    /// Whether the exit code is 0.
    pub success: bool,
    pub timed_out: bool,
    /// Whether output beyond 8 MiB a stream was dropped.
    pub truncated: bool,
}

/// Answer to `GET /computers/{id}/logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Logs {
    pub lines: Vec<LogLine>,
    /// The lines as one text.
    pub logs: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    pub timestamp: String,
    /// `stdout` or `stderr`.
    pub stream: OutputStream,
    pub line: String,
    /// The same as `line`.
    pub message: String,
}

/// Query of `GET /computers`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ComputerFilters {
    /// Only computers in this status.
    pub status: Option<ComputerStatus>,
    /// The same as `status`.
    pub state: Option<ComputerStatus>,
    pub name: Option<String>,
    pub project_id: Option<Uuid>,
    pub workspace_id: Option<String>,
    pub region: Option<String>,
}

/// Query of `DELETE /computers/{id}`.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteComputer {
    /// Kill at once instead of after 10 seconds of grace.
    pub force: Option<bool>,
}

/// What part of a log is wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// At most this many of the newest lines; default 100, at most 10000.
    pub lines: Option<u32>,
    /// Only lines later than this: RFC 3339, or seconds since 1970.
    pub since: Option<String>,
}
