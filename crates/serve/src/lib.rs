//! `miosa serve`: controller and agent on one machine, as two child processes of a supervisor.
//!
//! ```text
//!  miosa serve (root)   holds the lock, the HTTP listener and the agent's socket
//!   ├── miosa controller (own user, no privileges)   answers HTTP, owns the database
//!   └── miosa agent (root)                           owns volumes, mounts, containers
//! ```
//!
//! **Crash safety.** A child that ends is restarted, with growing pauses if it ends soon after its start. The supervisor holds the
//! listeners, so callers wait for the restart instead of being refused. When the supervisor dies, the kernel kills the children;
//! containers and mounts continue, and the next `miosa serve` adopts them.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod config;
mod layout;
mod roles;

pub use config::Flags;
pub use roles::{agent, controller};

use config::ServeConfig;
use layout::Layout;
use roles::RoleConfig;

/// The exit code of a child whose configuration is invalid, so that a restart cannot help.
pub const EXIT_CONFIG: i32 = 78;

/// A child that runs this long started successfully: the next restart is immediate.
const STEADY_AFTER: Duration = Duration::from_secs(10);
const RESTART_PAUSE_MIN: Duration = Duration::from_millis(20);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a child may take to stop. The agent may be waiting 10 s for a workload's processes to end.
const STOP_PATIENCE: Duration = Duration::from_secs(25);

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("{0}")]
    Config(String),
    #[error("miosa serve must run as root: it mounts volumes")]
    NotRoot,
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: std::io::Error },
    #[error("cannot {doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    #[error("the {0} refused its configuration; its message is above")]
    ChildRefused(&'static str),
}

/// Runs until SIGTERM or SIGINT.
pub fn run(file: Option<&Path>, flags: &Flags) -> ExitCode {
    let served = ServeConfig::load(file, flags).map_err(ServeError::Config).and_then(|config| {
        // One thread: the parent-death signal of a child is sent when the thread that created it ends.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|source| ServeError::Io { doing: "start", source })?.block_on(serve(config))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: ServeConfig) -> Result<(), ServeError> {
    if !rustix::process::geteuid().is_root() {
        return Err(ServeError::NotRoot);
    }
    let mut terminate = signals(SignalKind::terminate())?;
    let mut interrupt = signals(SignalKind::interrupt())?;
    let layout = Layout::prepare(&config.data_dir)?;
    let http = listen(config.listen).await?;
    let address = http.local_addr().map_err(|source| ServeError::Io { doing: "read the address", source })?;
    let agent_socket = listen_unix(&layout::socket_path(&layout.dir))?;
    RoleConfig::write(&layout, &config)
        .map_err(|source| ServeError::Io { doing: "write serve.json", source })?;

    let (refused, mut refusals) = mpsc::channel(1);
    let controller = Role::start("controller", &layout.dir, vec![http.into(), agent_socket.into()], &refused);
    let agent = Role::start("agent", &layout.dir, Vec::new(), &refused);
    let outcome = tokio::select! {
        Some(error) = refusals.recv() => Err(error),
        () = announce(address) => unreachable!("announcing never ends"),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    // The agent first: the controller records its last reports.
    agent.stop().await;
    controller.stop().await;
    let _ = std::fs::remove_file(layout::socket_path(&layout.dir));
    outcome
}

fn signals(kind: SignalKind) -> Result<tokio::signal::unix::Signal, ServeError> {
    signal(kind).map_err(|source| ServeError::Io { doing: "listen for signals", source })
}

/// A supervised child.
struct Role {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Role {
    /// Starts the child, and restarts it whenever it ends. If its configuration is invalid, sends that to `refused` and ends.
    fn start(
        name: &'static str,
        dir: &Path,
        listeners: Vec<OwnedFd>,
        refused: &mpsc::Sender<ServeError>,
    ) -> Self {
        let (role, refused) =
            (Self { stop: CancellationToken::new(), tasks: TaskTracker::new() }, refused.clone());
        let (stop, launch) = (role.stop.clone(), Launch { name, dir: dir.to_owned(), listeners });
        role.tasks.spawn(async move {
            if let Err(error) = launch.supervise(&stop).await {
                // Fails only if another refusal came first.
                let _ = refused.try_send(error);
            }
        });
        role
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// How a child is launched.
struct Launch {
    name: &'static str,
    dir: PathBuf,
    listeners: Vec<OwnedFd>,
}

impl Launch {
    async fn supervise(&self, stop: &CancellationToken) -> Result<(), ServeError> {
        let mut pause = RESTART_PAUSE_MIN;
        let mut is_first = true;
        while !stop.is_cancelled() {
            let begin = Instant::now();
            match self.spawn(is_first) {
                Ok(mut child) => {
                    let ended = tokio::select! {
                        ended = child.wait() => ended,
                        () = stop.cancelled() => {
                            self.end(child).await;
                            return Ok(());
                        }
                    };
                    if ended.as_ref().is_ok_and(|status| status.code() == Some(EXIT_CONFIG)) {
                        return Err(ServeError::ChildRefused(self.name));
                    }
                    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    tracing::warn!(role = self.name, how, "child ended; restarting it");
                }
                Err(error) => tracing::error!(role = self.name, %error, "cannot start child"),
            }
            is_first = false;
            if begin.elapsed() > STEADY_AFTER {
                pause = RESTART_PAUSE_MIN;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            pause = (pause * 2).min(RESTART_PAUSE_MAX);
        }
        Ok(())
    }

    fn spawn(&self, is_first: bool) -> std::io::Result<Child> {
        #[expect(clippy::disallowed_methods, reason = "a child that serve itself waits for and restarts")]
        let mut command = std::process::Command::new("/proc/self/exe");
        // Listed as `miosa`, whatever path the supervisor was started by.
        command.arg0("miosa").arg(self.name).arg("--data-dir").arg(&self.dir);
        // Standard output is reserved for `ready`.
        command.stdin(Stdio::null()).stdout(std::io::stderr().as_fd().try_clone_to_owned()?);
        command.env("MIOSA_PARENT_PID", std::process::id().to_string());
        let mut mappings = Vec::new();
        for (child_fd, listener) in (3..).zip(&self.listeners) {
            mappings.push(FdMapping { parent_fd: listener.try_clone()?, child_fd });
        }
        command
            .env("LISTEN_FDS", mappings.len().to_string())
            .env_remove("LISTEN_PID")
            .env_remove("NOTIFY_SOCKET");
        command.fd_mappings(mappings).map_err(std::io::Error::other)?;
        if !is_first {
            // A failpoint that a test sets stands for one crash, not for one at every start.
            command.env_remove("MIOSA_FAILPOINTS");
        }
        Command::from(command).spawn()
    }

    async fn end(&self, mut child: Child) {
        if let Some(pid) = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32)) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP_PATIENCE, child.wait()).await.is_err() {
            tracing::warn!(role = self.name, "child does not stop; killing it");
            let _ = child.kill().await;
        }
    }
}

/// Listens for HTTP. Retries for 2 s, because the kernel may not have released the port of a server that was just killed.
async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let mut tries = 0;
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tries < 20 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(source) => return Err(ServeError::Listen { address: address.to_string(), source }),
        }
    }
}

fn listen_unix(path: &Path) -> Result<UnixListener, ServeError> {
    // A killed server leaves its socket file. The lock on the data directory proves that no server runs.
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path)
        .and_then(|listener| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map(|()| listener)
        })
        .map_err(|source| ServeError::Listen { address: path.display().to_string(), source })
}

/// Waits until the server is ready, reports it on stdout and to systemd, then waits forever.
async fn announce(address: SocketAddr) {
    while !is_ready(address).await.unwrap_or(false) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "ready http://{address}").and_then(|()| stdout.flush());
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    std::future::pending().await
}

/// Requests `GET /readyz`.
async fn is_ready(mut address: SocketAddr) -> std::io::Result<bool> {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut status_line = [0; 12];
        stream.read_exact(&mut status_line).await?;
        Ok(&status_line == b"HTTP/1.1 200")
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await.unwrap_or(Ok(false))
}
