//! What went wrong, for people (stderr), for programs (JSON on stdout), and as exit code.
//!
//! ```text
//! Error: volume 0198.. has files in use: pid 71 (tail -f /mnt/data/log). ..
//!   - mount_path: must be absolute
//!   Code: VOLUME_IN_USE
//!   Request: req_01jv..
//!  Hint: detach with --force ends them
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use miosa_client::ClientError;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config_file::ConfigError;
use crate::context::Manner;
use crate::hints;
use crate::output::{Output, printable};
use crate::resolve::Candidate;

/// 0 is done. Usage is 1 as well.
const EXIT_USER: u8 = 1;
const EXIT_NETWORK: u8 = 2;
const EXIT_AUTH: u8 = 3;
const EXIT_SERVER: u8 = 4;
/// What shells show for a program that was interrupted.
const EXIT_INTERRUPTED: u8 = 130;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or an input cannot be used as it is.
    #[error("{message}")]
    Usage { message: String, hint: Option<&'static str> },

    #[error("no {noun} has the name or id {query:?}")]
    NotFound { noun: &'static str, query: String },

    /// Several things could be meant; none was touched.
    #[error("{message}")]
    Undecided { code: &'static str, message: String, candidates: Vec<Candidate>, hint: String },

    #[error("there is no API key")]
    NoKey { unreadable: Option<ConfigError> },

    #[error(transparent)]
    Config(#[from] ConfigError),

    #[error("cannot read {}", .path.display())]
    Input { path: PathBuf, source: io::Error },

    /// A file or folder on this machine.
    #[error("cannot {doing} {}", .path.display())]
    Local { doing: &'static str, path: PathBuf, source: io::Error },

    /// What was begun ended badly on the server, after it had answered.
    #[error("{message}")]
    Failed { code: &'static str, message: String, hint: Option<String> },

    #[error("interrupted; nothing was copied")]
    Interrupted,

    #[error("nothing was changed")]
    Declined,

    #[error(transparent)]
    Client(#[from] ClientError),

    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>, hint: Option<&'static str>) -> Self {
        CliError::Usage { message: message.into(), hint }
    }

    fn exit_code(&self) -> u8 {
        match self {
            CliError::NoKey { .. } => EXIT_AUTH,
            CliError::Interrupted => EXIT_INTERRUPTED,
            CliError::Client(error) => match error {
                ClientError::Network { .. } | ClientError::Timeout { .. } => EXIT_NETWORK,
                ClientError::Api { status, .. } => match status.as_u16() {
                    401 | 403 => EXIT_AUTH,
                    500.. => EXIT_SERVER,
                    _ => EXIT_USER,
                },
                ClientError::Protocol { .. } | ClientError::Base64 { .. } | ClientError::Tls(_) => {
                    EXIT_SERVER
                }
                _ => EXIT_USER,
            },
            _ => EXIT_USER,
        }
    }

    /// Stable, for programs.
    fn code(&self) -> &str {
        match self {
            CliError::Usage { .. } => "USAGE",
            CliError::NotFound { .. } => "NOT_FOUND",
            CliError::Undecided { code, .. } => code,
            CliError::NoKey { .. } => "NO_API_KEY",
            CliError::Config(_) => "CONFIG",
            CliError::Input { .. } => "INPUT",
            CliError::Local { .. } => "LOCAL_FILE",
            CliError::Failed { code, .. } => code,
            CliError::Interrupted => "INTERRUPTED",
            CliError::Declined => "DECLINED",
            CliError::Output(_) => "OUTPUT",
            CliError::Client(error) => match error {
                ClientError::Api { envelope, .. } => &envelope.code,
                ClientError::Network { .. } => "NETWORK",
                ClientError::Timeout { .. } => "TIMEOUT",
                ClientError::Protocol { .. } | ClientError::Base64 { .. } => "PROTOCOL",
                ClientError::NotRunning { .. } => "NOT_RUNNING",
                ClientError::StillStarting { .. } => "STILL_STARTING",
                ClientError::StillDeploying { .. } => "STILL_DEPLOYING",
                ClientError::Endpoint(_) | ClientError::Header { .. } | ClientError::Tls(_) => "CONFIG",
            },
        }
    }

    fn retryable(&self) -> bool {
        match self {
            CliError::Client(ClientError::Api { envelope, .. }) => envelope.error.retryable,
            CliError::Client(
                ClientError::Network { .. }
                | ClientError::Timeout { .. }
                | ClientError::StillStarting { .. }
                | ClientError::StillDeploying { .. },
            ) => true,
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CliError::Usage { hint, .. } => return hint.map(str::to_owned),
            CliError::Undecided { hint, .. } => return Some(hint.clone()),
            CliError::Failed { hint, .. } => return hint.clone(),
            CliError::NotFound { noun: "volume", .. } => {
                "`miosa volumes list` shows what there is, with --deleted the trash"
            }
            CliError::NotFound { noun: "snapshot", .. } => {
                "`miosa snapshots list` shows what there is; <volume>@latest names the newest of a volume"
            }
            CliError::NotFound { noun: "computer", .. } => "`miosa computers list` shows what there is",
            CliError::NotFound { noun: "service", .. } => "`miosa services list` shows what there is",
            CliError::NotFound { noun: "release", .. } => {
                "`miosa services show <service>` lists the last releases, by their numbers"
            }
            CliError::NotFound { noun: "project", .. } => "`miosa projects list` shows what there is",
            CliError::NotFound { .. } => "`miosa volumes show <volume>` lists the attachments of a volume",
            CliError::NoKey { unreadable } => {
                let key = "set MIOSA_API_KEY, pass --api-key, or write api_key = \"msk_...\" into ~/.miosa/config.toml";
                return Some(match unreadable {
                    Some(_) => format!("run it as root, or {key}"),
                    None => format!(
                        "{key}; a server on this machine keeps its first key in <data dir>/credentials/admin-key"
                    ),
                });
            }
            CliError::Client(ClientError::Network { .. }) => {
                "is the server running (`miosa serve`), and is --api-url or MIOSA_ENDPOINT right?"
            }
            CliError::Client(ClientError::Timeout { .. }) => {
                "the server may still do it: look before you repeat; --timeout gives it longer"
            }
            CliError::Client(ClientError::Protocol { .. }) => {
                "does --api-url or MIOSA_ENDPOINT name a miosa server?"
            }
            CliError::Client(ClientError::NotRunning { .. }) => "`miosa computers logs <id>` may say why",
            CliError::Client(ClientError::StillStarting { .. }) => {
                "`miosa computers show <id>` tells how it goes on"
            }
            CliError::Client(ClientError::Api { envelope, .. }) => {
                return hints::for_refusal(envelope);
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Tells the error and answers the exit code. A closed pipe is no error: the reader has seen enough.
pub(crate) fn report(error: &CliError, output: &Output) -> u8 {
    if matches!(error, CliError::Output(source) if source.kind() == io::ErrorKind::BrokenPipe) {
        return 0;
    }
    // With stdout and stderr both gone there is nobody left to tell.
    let _ = if output.is_json() { output.json(&as_json(error)) } else { write_text(error) };
    error.exit_code()
}

/// A command line that cannot be understood, in the words of `clap`: the problem, an empty line, the usage.
pub fn report_usage(text: &str, json: bool) -> u8 {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let _ = if json {
        let problem = text.split("\n\n").next().unwrap_or_default();
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        let manner = Manner { json, quiet: false, color: false, debug: false, utf8: false };
        Output::new(manner).json(&as_json(&CliError::usage(problem, None)))
    } else {
        write!(io::stderr(), "Error: {text}")
    };
    EXIT_USER
}

fn write_text(error: &CliError) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "Error: {}", printable(&message(error)))?;
    if let CliError::Undecided { candidates, .. } = error {
        for Candidate { id, name, state } in candidates {
            writeln!(stderr, "  - {id}  {}  {state}", printable(name))?;
        }
    }
    if let CliError::Client(ClientError::Api { envelope, .. }) = error {
        for (field, problems) in &envelope.errors {
            for problem in problems {
                writeln!(stderr, "  - {}: {}", printable(field), printable(problem))?;
            }
        }
        writeln!(stderr, "  Code: {}", printable(&envelope.code))?;
        writeln!(stderr, "  Request: {}", printable(&envelope.request_id))?;
    }
    if let Some(hint) = error.hint() {
        writeln!(stderr, " Hint: {hint}")?;
    }
    Ok(())
}

/// `{"ok":false,"error":{..}}`
#[derive(Serialize)]
struct JsonError<'a> {
    ok: bool,
    error: JsonErrorBody<'a>,
}

#[derive(Serialize)]
struct JsonErrorBody<'a> {
    code: &'a str,
    message: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_errors: Option<&'a BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<&'a [Candidate]>,
    /// Of the server, without the field errors that it repeats there.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

fn as_json(error: &CliError) -> JsonError<'_> {
    let envelope = match error {
        CliError::Client(ClientError::Api { envelope, .. }) => Some(envelope),
        _ => None,
    };
    let details = envelope.map(|envelope| {
        let mut details = envelope.error.details.clone();
        details.remove("errors");
        details
    });
    let error = JsonErrorBody {
        code: error.code(),
        message: message(error),
        retryable: error.retryable(),
        field_errors: envelope.map(|envelope| &envelope.errors).filter(|errors| !errors.is_empty()),
        candidates: match error {
            CliError::Undecided { candidates, .. } => Some(candidates),
            _ => None,
        },
        details: details.filter(|details| !details.is_empty()),
        hint: error.hint(),
        request_id: envelope.map(|envelope| envelope.request_id.as_str()),
    };
    JsonError { ok: false, error }
}

/// The error and the last of its causes, which is the one that people understand: "Connection refused".
fn message(error: &CliError) -> String {
    let error: &dyn std::error::Error = match error {
        CliError::NoKey { unreadable: Some(unreadable) } => unreadable,
        error => error,
    };
    let root = std::iter::successors(error.source(), |cause| cause.source()).last();
    match root.map(ToString::to_string) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
