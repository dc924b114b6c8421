//! The routes of computers, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;
use uuid::Uuid;

use super::computers::{
    Computer, ComputerAction, ComputerList, CreateComputer, Exec, ExecPython, ExecResult, Logs,
    UpdateComputer,
};
use super::volumes::Deleted;
use crate::error::ErrorEnvelope;
use crate::twin::Twin;

/// Narrows a list of computers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct ComputerFilters {
    /// Only computers in this status.
    status: Option<String>,
    /// The same as `status`.
    state: Option<String>,
    name: Option<String>,
    project_id: Option<Uuid>,
    workspace_id: Option<String>,
    region: Option<String>,
}

/// What part of a log is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// At most this many of the newest lines; default 100, at most 10000.
    lines: Option<u32>,
    /// Only lines later than this: RFC 3339, or seconds since 1970.
    since: Option<String>,
}

/// List computers, newest first.
#[utoipa::path(get, path = "/computers", tag = "computers", params(crate::page::PageQuery, ComputerFilters),
    responses((status = 200, description = "One page of computers.", body = ComputerList)))]
fn list_computers() {}

/// Create a computer. It boots by itself.
#[utoipa::path(post, path = "/computers", tag = "computers", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateComputer, example = json!({"name": "build-box", "size": "small"})),
    responses(
        (status = 201, description = "The computer, `provisioning`.", body = Twin<Computer>),
        (status = 409, description = "`INSUFFICIENT_CAPACITY`.", body = ErrorEnvelope),
    ))]
fn create_computer() {}

/// Get a computer.
#[utoipa::path(get, path = "/computers/{id}", tag = "computers", params(("id" = Uuid, Path, description = "Computer")),
    responses((status = 200, description = "The computer.", body = Twin<Computer>)))]
fn get_computer() {}

/// Change a computer's name, visibility or metadata.
#[utoipa::path(patch, path = "/computers/{id}", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateComputer, example = json!({"name": "build-box-2"})),
    responses((status = 200, description = "The computer.", body = Twin<Computer>)))]
fn update_computer() {}

/// Destroy a computer. Its attachments go with it; its volumes stay.
#[utoipa::path(delete, path = "/computers/{id}", tag = "computers",
    params(
        ("id" = Uuid, Path, description = "Computer"),
        ("force" = Option<bool>, Query, description = "Kill at once instead of after 10 seconds of grace."),
        crate::openapi::IdempotencyKey,
    ),
    responses((status = 200, description = "The computer is going away.", body = Twin<Deleted>)))]
fn delete_computer() {}

/// Start a computer. One that runs stays as it is.
#[utoipa::path(post, path = "/computers/{id}/start", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The computer, `running`, or `starting` after 15 seconds.",
               body = Twin<ComputerAction>)))]
fn start_computer() {}

/// Stop a computer. One that is stopped stays as it is.
#[utoipa::path(post, path = "/computers/{id}/stop", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The computer, `stopped`, or `stopping` after 15 seconds.",
               body = Twin<ComputerAction>)))]
fn stop_computer() {}

/// Restart a computer. Its attachments keep their ids.
#[utoipa::path(post, path = "/computers/{id}/restart", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The computer, `running`, or `starting` after 15 seconds.",
               body = Twin<ComputerAction>)))]
fn restart_computer() {}

/// Run a command in a computer.
///
/// A failing command is still a 200. With `Accept: text/event-stream` the answer is events `stdout {"data"}`,
/// `stderr {"data"}` and `exit {"exit_code"}`.
#[utoipa::path(post, path = "/computers/{id}/exec", tag = "computers", params(("id" = Uuid, Path, description = "Computer")),
    request_body(content = Exec, example = json!({"command": "df -h /mnt/data", "timeout": 30})),
    responses(
        (status = 200, description = "What the command wrote, and its exit code.", body = Twin<ExecResult>),
        (status = 409, description = "`RESOURCE_STATE`, or `COMPUTER_STARTING` while it boots.", body = ErrorEnvelope),
    ))]
fn exec() {}

/// Run a Python program in a computer.
#[utoipa::path(post, path = "/computers/{id}/exec/python", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer")),
    request_body(content = ExecPython, example = json!({"code": "print(1 + 1)"})),
    responses(
        (status = 200, description = "What the program wrote, and its exit code.", body = Twin<ExecResult>),
        (status = 409, description = "`RESOURCE_STATE`, also where the template has no python3, or `COMPUTER_STARTING`.",
         body = ErrorEnvelope),
    ))]
fn exec_python() {}

/// Read a computer's log.
#[utoipa::path(get, path = "/computers/{id}/logs", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), LogQuery),
    responses((status = 200, description = "Lines of the first process, oldest first.", body = Twin<Logs>)))]
fn get_logs() {}

/// Follow a computer's log as server-sent events.
///
/// Each event is a line; its `id` is the line's timestamp, and `Last-Event-ID` goes on from there.
#[utoipa::path(get, path = "/computers/{id}/logs/stream", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer"), LogQuery),
    responses((status = 200, description = "Events `log` with a line each.", body = String,
               content_type = "text/event-stream")))]
fn stream_logs() {}

/// Copy a computer. Not available yet.
#[utoipa::path(post, path = "/computers/{id}/clone", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer")),
    responses((status = 409, description = "Always `RESOURCE_STATE`.", body = ErrorEnvelope)))]
fn clone_computer() {}

/// Change a computer's size. Not available yet.
#[utoipa::path(post, path = "/computers/{id}/resize", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer")),
    responses((status = 409, description = "Always `RESOURCE_STATE`.", body = ErrorEnvelope)))]
fn resize_computer() {}

/// Move a computer to another host. Not available yet.
#[utoipa::path(post, path = "/computers/{id}/move", tag = "computers",
    params(("id" = Uuid, Path, description = "Computer")),
    responses((status = 409, description = "Always `RESOURCE_STATE`.", body = ErrorEnvelope)))]
fn move_computer() {}
