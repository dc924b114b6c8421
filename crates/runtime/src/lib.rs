//! How a host runs instances: one trait, the driver over an OCI runtime, a fake, and the suite that both pass.
//!
//! ```text
//!   agent ──► InstanceDriver ──► OciDriver    containers made by runc, crun or youki, kept by conmon
//!                           └──► FakeDriver   the same answers from memory, with failures on request
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
//! Volumes are published between `create` and `start`, so that the workload's first process finds them, or at any time
//! while it runs. What an instance wrote outside its volumes stays, over restarts and reboots, until `destroy`.
//!
//! Containers outlive the agent: a driver made anew over the same folders finds them again. Processes, mounts and control
//! groups are the truth. A pid alone is never believed: it counts together with the time its process began and the boot
//! it belongs to. What cannot be observed is *unknown*, which is an error, and never *absent*.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use miosa_domain::spec::InstanceSpec;
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

/// Runs instances on this host. Calls block, except where they answer a stream or a future. Calls that change an instance
/// come one at a time for each instance, and for different instances at once; `exec` and `logs` come at any time.
pub trait InstanceDriver: Send + Sync + 'static {
    /// What is there now. An error says that it is unknown.
    fn observe(&self, id: InstanceId) -> Result<InstanceObservation, RuntimeError>;

    /// Instances of which this host holds anything, be it only what they wrote.
    fn survey(&self) -> Result<Vec<InstanceId>, RuntimeError>;

    /// Makes the container with its root filesystem mounted, and answers the pid of what will become the first process. The
    /// workload does not run yet. A container that is already there, in whatever state, is refused: remove it first.
    fn create(&self, spec: &InstanceSpec) -> Result<u32, RuntimeError>;

    /// Ensures that the created or running container sees the host's mount `source` of the device at `path`. Missing
    /// folders are made as the instance's root would make them; symbolic links lead nowhere outside the instance.
    /// [`RuntimeError::Busy`] says that the workload moved it to a reserved path meanwhile, and holds it there.
    fn publish(
        &self,
        id: InstanceId,
        source: &Path,
        device_number: u64,
        path: &MountPath,
        read_only: bool,
    ) -> Result<Changed, RuntimeError>;

    /// Ensures that the device is not mounted within `reach`. Never lazily: while a process uses it, returns
    /// [`RuntimeError::Busy`] and the mounts stay.
    fn unpublish(&self, id: InstanceId, device_number: u64, reach: Reach) -> Result<Changed, RuntimeError>;

    /// Lets the first process of a created container run, and marks that durably.
    fn start(&self, id: InstanceId) -> Result<(), RuntimeError>;

    /// SIGTERM to the first process, then SIGKILL after `grace`. Answers when no process of the instance is left, with the
    /// first one's exit code if it is known (128 + signal for a signal).
    fn stop(&self, id: InstanceId, grace: Duration) -> Result<Option<i32>, RuntimeError>;

    /// Ends what is left of the container and unmounts its root filesystem. What the instance wrote is kept.
    fn remove_container(&self, id: InstanceId) -> Result<Changed, RuntimeError>;

    /// Removes the container and everything the instance ever wrote outside its volumes.
    fn destroy(&self, id: InstanceId) -> Result<Changed, RuntimeError>;

    /// Ends those of `pids` that run inside the instance: SIGTERM, two seconds, SIGKILL. Answers whether the first process
    /// was among them. Other pids are left alone.
    fn end_processes(&self, id: InstanceId, pids: &[u32]) -> Result<bool, RuntimeError>;

    /// Runs a command inside the running instance. Must be called within a Tokio runtime.
    fn exec(&self, id: InstanceId, request: ExecRequest) -> Result<ExecStream, RuntimeError>;

    /// Asks `http://127.0.0.1:<port><path>` in the network that the running instance sees; `path` begins with `/` and is as it
    /// goes over the wire. The answer takes as long as the instance lets it take: whoever waits no longer drops it. It must be
    /// polled within a Tokio runtime.
    fn probe_http(&self, id: InstanceId, port: u16, path: &str) -> Result<HttpProbe, RuntimeError>;

    /// The last `tail_lines` lines that the instance's first process and its children wrote, over all its runs.
    fn logs(&self, id: InstanceId, tail_lines: usize) -> Result<Vec<LogLine>, RuntimeError>;

    /// As [`logs`](Self::logs), and then every further line until the receiver is dropped. Must be called within a Tokio
    /// runtime.
    fn follow_logs(&self, id: InstanceId, tail_lines: usize)
    -> Result<mpsc::Receiver<LogLine>, RuntimeError>;

    /// Resolves when the present first process is gone; at once if there is none. Must be polled within a Tokio runtime.
    fn exited(&self, id: InstanceId) -> BoxFuture<'static, ()>;

    /// Whether this host could run the spec, as far as that can be told without trying.
    fn validate(&self, spec: &InstanceSpec) -> Result<(), RuntimeError>;

    /// Names of the templates that this host has, aliases included, sorted.
    fn templates(&self) -> Vec<String>;
}

/// In which mount namespaces [`InstanceDriver::unpublish`] unmounts a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The instance's own. The cost does not depend on what else the host runs.
    Instance,
    /// Also copies of it, made by processes that entered the instance from the host. Finding them takes time in proportion to
    /// the processes of the host.
    Copies,
}

/// Whether a call had something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Changed,
    Unchanged,
}

/// One instance as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceObservation {
    pub container: ContainerState,
    pub rootfs_mounted: bool,
    /// Every mount of a block device's whole filesystem that the first process sees.
    pub published: Vec<Published>,
    /// When the container's first process was let run, and when it had ended, as far as that is known.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl InstanceObservation {
    /// Of an instance of which nothing is there, or nothing known.
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
    /// The first process waits to be started. After the agent was cut off between `create` and `start`, too.
    Created {
        pid: u32,
        run: u64,
    },
    Running {
        pid: u32,
        run: u64,
    },
    /// The first process ended, or the host went down under it. `code` is `None` when nobody saw how. `ran`: it had been let
    /// run, as far as anybody knows.
    Exited {
        code: Option<i32>,
        run: u64,
        ran: bool,
    },
}

/// A volume that an instance sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `st_dev` of every file in it.
    pub device_number: u64,
    /// As the instance sees it.
    pub path: PathBuf,
    pub read_only: bool,
}

/// What to run inside an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    pub command: ExecCommand,
    /// Absolute path of the working directory inside the instance; `/` when `None`.
    pub cwd: Option<String>,
    /// Added to the instance's own environment.
    pub env: BTreeMap<String, String>,
    /// After this time the command's whole session is killed.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecCommand {
    /// A line for `bash -c` if the instance has bash, else for `/bin/sh -c`.
    Shell(String),
    /// A program, looked up in the instance's PATH, and its arguments.
    Argv(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEvent {
    Stdout(Bytes),
    Stderr(Bytes),
    /// The last event. `code` is 128 + signal for a signal, and [`EXEC_TIMED_OUT`] when the time was up.
    Exit {
        code: i32,
        timed_out: bool,
    },
}

/// Exit code of a command that did not end in its time, as of timeout(1).
pub const EXEC_TIMED_OUT: i32 = 124;

/// What a command writes, as it writes it: a reader that pauses makes the command wait. Dropped before its `Exit`, it ends the
/// command.
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
    /// Without the line's end; bytes that are not UTF-8 are replaced.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    Stdout,
    Stderr,
}
