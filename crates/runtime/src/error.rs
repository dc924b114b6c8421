//! Errors of a driver. Their messages reach the user.

use std::path::PathBuf;

use miosa_domain::status::{FailureCode, Holder};
use miosa_domain::{InstanceId, MountPath};
use miosa_effects::SysError;
use miosa_failpoint::Injected;

/// After an error the instance is as before the call, as after a successful call, or in a state that `observe` returns and
/// `remove_container` ends.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("this host has no template {name:?}; it has {}", known.join(", "))]
    UnknownTemplate { name: String, known: Vec<String> },

    #[error("template {name:?} cannot be used: {reason}")]
    TemplateUnusable { name: String, reason: String },

    #[error("the instance cannot be run as asked: {reason}")]
    InvalidSpec { reason: String },

    #[error("instance {id} already has a container; remove it first")]
    ContainerExists { id: InstanceId },

    #[error("instance {id} is not running")]
    NotRunning { id: InstanceId },

    #[error("instance {id} is already running")]
    AlreadyStarted { id: InstanceId },

    /// The path cannot be used inside the instance in its present state, which the workload may have caused.
    #[error("{path} cannot be used in instance {id}: {reason}")]
    PathUnusable { id: InstanceId, path: MountPath, reason: String },

    #[error("instance {id} has files of the volume in use{}", named(holders))]
    Busy { id: InstanceId, holders: Vec<Holder> },

    /// The command did not start, for example because its working directory is missing.
    #[error("the command cannot be run in instance {id}: {reason}")]
    ExecFailed { id: InstanceId, reason: String },

    /// The request is invalid.
    #[error("instance {id} cannot be probed over HTTP: {reason}")]
    ProbeFailed { id: InstanceId, reason: String },

    /// See [`Capabilities`](crate::Capabilities).
    #[error("the instance runtime of this host cannot {what}")]
    Unsupported { what: &'static str },

    #[error("{} is not ours and is left alone: {what}", path.display())]
    Foreign { path: PathBuf, what: String },

    /// A program is missing; `remedy` names the package.
    #[error("{what}: {remedy}")]
    NotInstalled { what: String, remedy: String },

    /// The OCI runtime or conmon failed; `message` is its own.
    #[error("cannot {doing} instance {id}: {message}")]
    Runtime { id: InstanceId, doing: &'static str, message: String },

    #[error("processes of instance {id} do not end: {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    WillNotEnd { id: InstanceId, pids: Vec<u32> },

    #[error(
        "instances cannot reach their files: other users may not walk through {}; allow it (chmod o+x), or choose another data \
         directory", path.display()
    )]
    Unreachable { path: PathBuf },

    #[error(transparent)]
    Io(#[from] SysError),

    #[error(transparent)]
    Injected(#[from] Injected),
}

impl RuntimeError {
    /// The stable code that is reported for this error.
    pub fn failure_code(&self) -> FailureCode {
        match self {
            Self::UnknownTemplate { .. }
            | Self::TemplateUnusable { .. }
            | Self::InvalidSpec { .. }
            | Self::NotInstalled { .. }
            | Self::Unreachable { .. }
            | Self::Unsupported { .. }
            | Self::Runtime { .. } => FailureCode::CannotRun,
            Self::PathUnusable { .. } => FailureCode::MountPathUnusable,
            Self::Busy { .. } => FailureCode::VolumeAttached,
            Self::Foreign { .. } => FailureCode::ForeignData,
            Self::ContainerExists { .. }
            | Self::NotRunning { .. }
            | Self::AlreadyStarted { .. }
            | Self::ExecFailed { .. }
            | Self::ProbeFailed { .. }
            | Self::WillNotEnd { .. }
            | Self::Io(_)
            | Self::Injected(_) => FailureCode::HostError,
        }
    }
}

fn named(holders: &[Holder]) -> String {
    let names: Vec<_> = holders.iter().map(|h| format!("{} ({})", h.pid, h.command)).collect();
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}
