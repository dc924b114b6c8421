//! Runs instances on a host: one trait, a driver for OCI runtimes, a fake, and the conformance suite that both pass.
//!
//! ```text
//!   agent ──► InstanceDriver ──► OciDriver    containers of runc, crun or youki, each monitored by conmon
//!                           └──► FakeDriver   the same contract in memory, with failures on request
//! ```
//!
//! ```text
//!             create          start           first process ends
//!    Absent ─────────► Created ─────► Running ──────────────────► Exited
//!       ▲                 │              │          (stop)           │
//!       └─────────────────┴──────────────┴───────────────────────────┘
//!                             remove_container
//! ```
//!
//! Volumes are published between `create` and `start`, before the workload's first process runs, or at any time while it
//! runs. Files that an instance wrote outside its volumes persist over restarts and reboots until `destroy`.
//!
//! **Crash safety.** Containers outlive the agent: a new driver over the same directories finds them again. Processes, mounts
//! and control groups are the truth. A pid identifies a process only together with its start time and the boot id. A state
//! that cannot be observed is *unknown*, which is an error and never means *absent*.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use miosa_domain::spec::InstanceSpec;
use miosa_domain::staged::Staged;
use miosa_domain::{InstanceId, MountPath};
use tokio::sync::mpsc;

mod bundle;
mod cgroup;
mod check;
#[doc(hidden)]
pub mod conformance;
mod conmon;
mod error;
mod exec;
pub mod fake;
mod http;
mod logs;
pub mod oci;
mod record;
mod rootfs;
mod seccomp;
pub mod template;

pub use error::RuntimeError;
pub use fake::FakeDriver;
pub use http::{HttpError, HttpProbe};
pub use oci::{OciConfig, OciDriver};

/// Runs instances on this host. Calls block, except those that return a stream or a future. The caller serializes the calls
/// that change an instance; calls for different instances, `exec` and `logs` may run concurrently.
pub trait InstanceDriver: Send + Sync + 'static {
    /// What this driver supports beyond running instances. Calls that it does not support return
    /// [`RuntimeError::Unsupported`], which is also what the provided implementations do.
    fn capabilities(&self) -> Capabilities;

    /// The present state. An error means that it is unknown.
    fn observe(&self, id: InstanceId) -> Result<InstanceObservation, RuntimeError>;

    /// All instances of which this host has anything, if only files that they wrote.
    fn list(&self) -> Result<Vec<InstanceId>, RuntimeError>;

    /// Creates the container with its root filesystem mounted. Returns the pid of the future first process; the workload does
    /// not run yet. Fails if there is a container in whatever state: remove it first.
    fn create(&self, spec: &InstanceSpec) -> Result<u32, RuntimeError>;

    /// Ensures that the created or running container sees the volume, as its storage engine staged it, at `path`.
    /// Missing directories are created as the instance's root would create them; symbolic links are resolved inside the instance.
    /// [`RuntimeError::Busy`]: the workload moved the mount to a reserved path and holds it there.
    fn publish(
        &self,
        id: InstanceId,
        volume: &Staged,
        path: &MountPath,
        read_only: bool,
    ) -> Result<Changed, RuntimeError>;

    /// Ensures that the device is not mounted within `reach`. Never lazily: while a process uses it, returns
    /// [`RuntimeError::Busy`] and the mounts stay.
    fn unpublish(&self, id: InstanceId, device_number: u64, reach: Reach) -> Result<Changed, RuntimeError>;

    /// Starts the first process of a created container, and records that durably.
    fn start(&self, id: InstanceId) -> Result<(), RuntimeError>;

    /// Sends SIGTERM to the first process and SIGKILL after `grace`. Returns when no process of the instance is left, with the
    /// exit code of the first one if it is known (128 + signal for a signal).
    fn stop(&self, id: InstanceId, grace: Duration) -> Result<Option<i32>, RuntimeError>;

    /// Ends the remaining processes of the container and unmounts its root filesystem. Files that the instance wrote are kept.
    fn remove_container(&self, id: InstanceId) -> Result<Changed, RuntimeError>;

    /// Removes the container and all files that the instance wrote outside its volumes.
    fn destroy(&self, id: InstanceId) -> Result<Changed, RuntimeError>;

    /// Ends those of `pids` that run inside the instance or hold one of its volumes: SIGTERM, two seconds, SIGKILL. Returns
    /// whether the first process was among them. Other pids are left alone.
    fn end_processes(&self, id: InstanceId, pids: &[u32]) -> Result<bool, RuntimeError>;

    /// Runs a command inside the running instance. Must be called within a Tokio runtime.
    fn exec(&self, _: InstanceId, _: ExecRequest) -> Result<ExecStream, RuntimeError> {
        Err(RuntimeError::Unsupported { what: "run commands in instances" })
    }

    /// Requests `http://127.0.0.1:<port><path>` in the network of the running instance. `path` begins with `/` and is
    /// percent-encoded. The probe has no timeout of its own; dropping it cancels it. Must be polled within a Tokio runtime.
    fn probe_http(&self, _: InstanceId, _port: u16, _path: &str) -> Result<HttpProbe, RuntimeError> {
        Err(RuntimeError::Unsupported { what: "reach the network of instances" })
    }

    /// The last `tail_lines` lines that the first process and its children wrote, over all runs of the instance.
    fn logs(&self, _: InstanceId, _tail_lines: usize) -> Result<Vec<LogLine>, RuntimeError> {
        Err(RuntimeError::Unsupported { what: "record the output of instances" })
    }

    /// As [`logs`](Self::logs), followed by every further line until the receiver is dropped. Must be called within a Tokio
    /// runtime.
    fn follow_logs(
        &self,
        _: InstanceId,
        _tail_lines: usize,
    ) -> Result<mpsc::Receiver<LogLine>, RuntimeError> {
        Err(RuntimeError::Unsupported { what: "record the output of instances" })
    }

    /// Resolves when the present first process has ended; at once if there is none. Must be polled within a Tokio runtime.
    fn exited(&self, id: InstanceId) -> BoxFuture<'static, ()>;

    /// Checks whether this host can run the spec, as far as that is known without trying.
    fn validate(&self, spec: &InstanceSpec) -> Result<(), RuntimeError>;

    /// Names of this host's templates, including aliases, sorted.
    fn templates(&self) -> Vec<String>;
}

/// What a driver supports beyond running instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// [`exec`](InstanceDriver::exec)
    pub exec: bool,
    /// [`probe_http`](InstanceDriver::probe_http)
    pub http_probes: bool,
    /// [`logs`](InstanceDriver::logs) and [`follow_logs`](InstanceDriver::follow_logs)
    pub logs: bool,
    /// [`publish`](InstanceDriver::publish) of a filesystem that is mounted on the host.
    pub publish_mounts: bool,
    /// [`publish`](InstanceDriver::publish) of a raw block device.
    pub publish_devices: bool,
}

/// In which mount namespaces [`InstanceDriver::unpublish`] unmounts a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The instance's own. The cost does not depend on what else the host runs.
    Instance,
    /// Also copies of it, made by processes that entered the instance from the host. Finding them reads `/proc` of every
    /// process on the host.
    Copies,
}

/// Whether a call changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Changed,
    Unchanged,
}

/// The observed state of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceObservation {
    pub container: ContainerState,
    pub rootfs_mounted: bool,
    /// Every mount of a block device's whole filesystem that the first process sees.
    pub published: Vec<Published>,
    /// When the container's first process was started, and when it had ended, as far as that is known.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl InstanceObservation {
    /// Of an instance that has nothing on this host.
    pub fn nothing() -> Self {
        Self {
            container: ContainerState::Absent,
            rootfs_mounted: false,
            published: Vec::new(),
            started_at: None,
            ended_at: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    Absent,
    /// The first process waits to be started, as it does after a crash of the agent between `create` and `start`.
    Created {
        pid: u32,
        run: u64,
    },
    Running {
        pid: u32,
        run: u64,
    },
    /// The first process ended, or the host went down. `code` is `None` if nothing recorded it. `ran`: it had been started, as
    /// far as is known.
    Exited {
        code: Option<i32>,
        run: u64,
        ran: bool,
    },
}

/// A volume that an instance sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `st_dev` of the files in it.
    pub device_number: u64,
    /// Inside the instance.
    pub path: PathBuf,
    pub read_only: bool,
}

/// A command to run inside an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    pub command: ExecCommand,
    /// Absolute path of the working directory inside the instance; `/` when `None`.
    pub cwd: Option<String>,
    /// Added to the instance's own environment.
    pub env: BTreeMap<String, String>,
    /// After this time the session of the command is killed.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecCommand {
    /// A line for `bash -c` if the instance has bash, otherwise for `/bin/sh -c`.
    Shell(String),
    /// A program, looked up in the instance's PATH, and its arguments.
    Argv(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEvent {
    Stdout(Bytes),
    Stderr(Bytes),
    /// The last event. `code` is 128 + signal for a signal, and [`EXEC_TIMED_OUT`] after a timeout.
    Exit {
        code: i32,
        timed_out: bool,
    },
}

/// Exit code of a command that timed out, as of timeout(1).
pub const EXEC_TIMED_OUT: i32 = 124;

/// The output of a command as it is written. A reader that pauses makes the command wait. Dropping the stream before its
/// `Exit` ends the command.
#[derive(Debug)]
pub struct ExecStream {
    events: mpsc::Receiver<ExecEvent>,
}

impl ExecStream {
    pub(crate) fn new(events: mpsc::Receiver<ExecEvent>) -> Self {
        Self { events }
    }

    /// The next event; `None` after `Exit`.
    pub async fn next(&mut self) -> Option<ExecEvent> {
        self.events.recv().await
    }
}

/// One line that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub time: Timestamp,
    pub stream: LogStream,
    /// Without the newline; bytes that are not UTF-8 are replaced.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    Stdout,
    Stderr,
}
