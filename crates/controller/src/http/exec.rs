//! Running a command in a computer: the answer is either one JSON body when the command ended, or events as they happen.
//!
//! A client that hangs up drops the stream, and with it the command on the host ends.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use futures::{Stream, StreamExt};
use miosa_api::agent_v1::{ExecRequest, StreamEvent};
use miosa_api::v1::computers::{Exec, ExecPython, ExecResult};
use miosa_control::HostStream;
use miosa_domain::ComputerId;
use miosa_domain::status::{Failure, FailureCode};
use serde_json::json;

use super::body::Body;
use super::events::{self, Utf8Chunks};
use super::fields::{self, Problems};
use super::idempotency::Lost;
use super::query::Id;
use super::route::{Object, OrEvents, routes};
use super::{ApiError, Http, Request};
use crate::auth::COMPUTERS_EXEC;

const TIMEOUT_DEFAULT_SECONDS: u32 = 60;
const TIMEOUT_MAX_SECONDS: u32 = 600;
/// The host ends a command whose time ran out. If it has not said so after this, nothing more is expected of it.
const TIMEOUT_GRACE: Duration = Duration::from_secs(15);
/// Exit code of a command whose time ran out, as of the program `timeout`.
const TIMED_OUT_CODE: i32 = 124;

/// More output than this, of each stream, is dropped.
const OUTPUT_MAX_BYTES: usize = 8 << 20;

const NO_PYTHON: &str = "miosa: python3 not found";

routes! {
    "computers";

    /// Run a command in a computer.
    ///
    /// A failing command is still a 200. With `Accept: text/event-stream` the answer is events `stdout {"data"}`,
    /// `stderr {"data"}` and `exit {"exit_code"}`.
    post "/computers/{id}/exec" exec: exec, COMPUTERS_EXEC, Lost::kept_in_process();
        200 "What the command wrote, and its exit code.";
        409 "`RESOURCE_STATE`, `COMPUTER_STARTING` while it boots, or `EXEC_FAILED`: the command may have run.";
        example {"command": "df -h /mnt/data", "timeout": 30};

    /// Run a Python program in a computer.
    post "/computers/{id}/exec/python" exec_python: python, COMPUTERS_EXEC, Lost::kept_in_process();
        200 "What the program wrote, and its exit code.";
        409 "As for `POST /computers/{id}/exec`; `PYTHON_NOT_FOUND` if the template has no python3.";
        example {"code": "print(1 + 1)"};
}

pub(super) async fn exec(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    headers: HeaderMap,
    Body(body): Body<Exec>,
) -> Result<OrEvents<Object<ExecResult>>, ApiError> {
    let command = body.command.ok_or_else(|| ApiError::missing("command"))?;
    let command = command_request("command", command, body.timeout, body.cwd, body.env)?;
    let deadline = deadline(&command);
    let output = http.app.exec(&request.caller, id, command).await?;
    if events::wanted(&headers) {
        return Ok(OrEvents::Events(events::answer(&http, exec_events(output))));
    }
    Ok(OrEvents::Json(Object(collect(output, deadline).await?)))
}

pub(super) async fn python(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    headers: HeaderMap,
    Body(body): Body<ExecPython>,
) -> Result<OrEvents<Object<ExecResult>>, ApiError> {
    let code = body.code.ok_or_else(|| ApiError::missing("code"))?;
    let code = code.replace('\'', r"'\''");
    let command = format!(
        "command -v python3 >/dev/null || {{ echo '{NO_PYTHON}' >&2; exit 127; }}; exec python3 -c '{code}'"
    );
    let command = command_request("code", command, body.timeout, body.cwd, body.env)?;
    let deadline = deadline(&command);
    let output = http.app.exec(&request.caller, id, command).await?;
    if events::wanted(&headers) {
        return Ok(OrEvents::Events(events::answer(&http, exec_events(output))));
    }
    let result = collect(output, deadline).await?;
    if result.exit_code == 127 && result.stderr.trim_end() == NO_PYTHON {
        let message = "the computer's template has no python3; create the computer from one that has";
        return Err(ApiError::conflict("PYTHON_NOT_FOUND", message));
    }
    Ok(OrEvents::Json(Object(result)))
}

/// Checks a command. `field` is where its text came from.
fn command_request(
    field: &str,
    command: String,
    timeout: Option<u64>,
    cwd: Option<String>,
    env: Option<std::collections::BTreeMap<String, String>>,
) -> Result<ExecRequest, ApiError> {
    let mut problems = Problems::default();
    let command = problems.check(field, Some(command), |command| {
        if command.trim().is_empty() {
            return Err("must not be empty".into());
        }
        fields::argument(command)
    });
    let cwd = problems.check_text("cwd", cwd, fields::folder);
    let env = problems.check("env", env, fields::env);
    if timeout == Some(0) {
        problems.add("timeout", format!("must be 1 to {TIMEOUT_MAX_SECONDS} seconds"));
    }
    problems.none()?;
    let timeout_seconds = match timeout.map(u32::try_from) {
        None => TIMEOUT_DEFAULT_SECONDS,
        Some(Ok(seconds)) if seconds <= TIMEOUT_MAX_SECONDS => seconds,
        Some(_) => {
            let message =
                format!("must be at most {TIMEOUT_MAX_SECONDS} seconds; run longer work in the background");
            return Err(ApiError::invalid("timeout", message).code("TIMEOUT_TOO_LONG"));
        }
    };
    Ok(ExecRequest {
        command: command.unwrap_or_default(),
        cwd,
        env: env.unwrap_or_default(),
        timeout_seconds,
    })
}

fn deadline(request: &ExecRequest) -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(request.timeout_seconds.into()) + TIMEOUT_GRACE
}

/// Reads a command's output to its end.
async fn collect(
    mut output: impl Stream<Item = StreamEvent> + Unpin,
    deadline: tokio::time::Instant,
) -> Result<ExecResult, ApiError> {
    let (mut stdout, mut stderr, mut truncated) = (Vec::new(), Vec::new(), false);
    let (code, timed_out) = loop {
        let Ok(event) = tokio::time::timeout_at(deadline, output.next()).await else {
            break (TIMED_OUT_CODE, true);
        };
        match event {
            Some(StreamEvent::Stdout { data }) => truncated |= append(&mut stdout, &data),
            Some(StreamEvent::Stderr { data }) => truncated |= append(&mut stderr, &data),
            Some(StreamEvent::Exit { timed_out: true, .. }) => break (TIMED_OUT_CODE, true),
            Some(StreamEvent::Exit { code, .. }) => break (code, false),
            Some(StreamEvent::Failed(failure)) => return Err(broke_off(&failure)),
            Some(StreamEvent::Log { .. }) => {}
            // Everything else belongs to other streams.
            _ => return Err(broke_off(&lost())),
        }
    };
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    Ok(ExecResult {
        exit_code: code,
        output: stdout.clone(),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        success: code == 0,
        timed_out,
        truncated,
    })
}

/// Answers whether something was dropped.
fn append(kept: &mut Vec<u8>, data: &[u8]) -> bool {
    let room = OUTPUT_MAX_BYTES - kept.len();
    kept.extend_from_slice(&data[..data.len().min(room)]);
    data.len() > room
}

fn lost() -> Failure {
    let message = "the connection to the host was lost; the command may have run".into();
    Failure { code: FailureCode::HostError, message }
}

/// Not a 5xx: some clients would run the command again.
fn broke_off(failure: &Failure) -> ApiError {
    ApiError::conflict("EXEC_FAILED", failure.message.clone())
}

fn exec_events(output: HostStream) -> impl Stream<Item = axum::response::sse::Event> + Send + 'static {
    struct Reader {
        output: HostStream,
        stdout: Utf8Chunks,
        stderr: Utf8Chunks,
        ended: bool,
    }
    let reader =
        Reader { output, stdout: Utf8Chunks::default(), stderr: Utf8Chunks::default(), ended: false };
    futures::stream::unfold(reader, async |mut reader| {
        if reader.ended {
            return None;
        }
        let event = match reader.output.next().await {
            Some(StreamEvent::Stdout { data }) => {
                events::event("stdout", json!({ "data": reader.stdout.push(&data) }))
            }
            Some(StreamEvent::Stderr { data }) => {
                events::event("stderr", json!({ "data": reader.stderr.push(&data) }))
            }
            Some(StreamEvent::Log { line, .. }) => events::event("stdout", json!({ "data": line })),
            Some(StreamEvent::Exit { code, timed_out }) => {
                reader.ended = true;
                let code = if timed_out { TIMED_OUT_CODE } else { code };
                events::event(
                    "exit",
                    json!({ "exit_code": code, "timed_out": timed_out, "success": code == 0 }),
                )
            }
            Some(StreamEvent::Failed(failure)) => {
                reader.ended = true;
                events::failure(&failure)
            }
            // Everything else belongs to other streams.
            _ => {
                reader.ended = true;
                events::failure(&lost())
            }
        };
        Some((event, reader))
    })
}
