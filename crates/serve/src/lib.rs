//! `miosa serve`: controller and agent on one machine, as two processes under a third that does nothing but watch them.
//!
//! ```text
//!  miosa serve (root)   holds the lock, the HTTP listener and the agent's socket
//!   ├── miosa controller (own user, no privileges)   answers HTTP, owns the database
//!   └── miosa agent (root)                           owns volumes, mounts, containers
//! ```
//!
//! **Crash story.** A child that dies is started again, with growing pauses if it dies soon. The listeners stay open meanwhile,
//! so a caller waits instead of being refused. When this process dies its children are killed with it; containers and
//! mounts go on, and the next `miosa serve` adopts them.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

mod config;
mod layout;
mod roles;

pub use config::Flags;
pub use roles::{agent, controller};

use config::ServeConfig;
use layout::Layout;
use roles::RoleConfig;

/// A child ends with this when trying again cannot help: what it was told is wrong.
pub const EXIT_CONFIG: i32 = 78;

/// A child that lived this long was a good start.
const STEADY_AFTER: Duration = Duration::from_secs(10);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// In-flight work of the agent may take a stop's grace of 10 s.
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
        // One thread: a child's parent-death signal follows the thread that made it.
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

    let mut controller = Role::new("controller", &layout.dir, vec![http.into(), agent_socket.into()]);
    let mut agent = Role::new("agent", &layout.dir, Vec::new());
    let outcome = tokio::select! {
        refused = controller.keep_running() => Err(refused),
        refused = agent.keep_running() => Err(refused),
        () = announce(address) => unreachable!("waits for ever"),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    // The agent first: what it reports on its way down is still written.
    agent.stop().await;
    controller.stop().await;
    let _ = std::fs::remove_file(layout::socket_path(&layout.dir));
    outcome
}

fn signals(kind: SignalKind) -> Result<tokio::signal::unix::Signal, ServeError> {
    signal(kind).map_err(|source| ServeError::Io { doing: "listen for signals", source })
}

/// One of the two children.
struct Role {
    name: &'static str,
    dir: PathBuf,
    listeners: Vec<OwnedFd>,
    child: Option<Child>,
    starts: u32,
}

impl Role {
    fn new(name: &'static str, dir: &Path, listeners: Vec<OwnedFd>) -> Self {
        Self { name, dir: dir.to_owned(), listeners, child: None, starts: 0 }
    }

    /// Starts the child, and again whenever it ends. Answers only when that is no use.
    async fn keep_running(&mut self) -> ServeError {
        let mut pause = Duration::from_millis(20);
        loop {
            let begin = Instant::now();
            match self.start() {
                Ok(child) => {
                    let child = self.child.insert(child);
                    let ended = child.wait().await;
                    let code = ended.as_ref().ok().and_then(std::process::ExitStatus::code);
                    self.child = None;
                    if code == Some(EXIT_CONFIG) {
                        return ServeError::ChildRefused(self.name);
                    }
                    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    tracing::warn!("the {} ended ({how}); starting it again", self.name);
                }
                Err(error) => tracing::error!("start the {}: {error}", self.name),
            }
            if begin.elapsed() > STEADY_AFTER {
                pause = Duration::from_millis(20);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RESTART_PAUSE_MAX);
        }
    }

    fn start(&mut self) -> std::io::Result<Child> {
        let mut command = std::process::Command::new("/proc/self/exe");
        command.arg0_miosa().arg(self.name).arg("--data-dir").arg(&self.dir);
        // Standard output belongs to `ready`.
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
        if self.starts > 0 {
            // A crash that a test asked for is one crash, not one at every start.
            command.env_remove("MIOSA_FAILPOINTS");
        }
        self.starts += 1;
        Command::from(command).spawn()
    }

    async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32)) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP_PATIENCE, child.wait()).await.is_err() {
            tracing::warn!("the {} does not end; killing it", self.name);
            let _ = child.kill().await;
        }
    }
}

trait Arg0 {
    /// Shows as `miosa` in process lists, whatever path it was started by.
    fn arg0_miosa(&mut self) -> &mut Self;
}

impl Arg0 for std::process::Command {
    fn arg0_miosa(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::arg0(self, "miosa")
    }
}

/// Listens for HTTP. A server that was killed a moment ago may still be giving the port back.
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
    // A socket file is left behind by a server that was killed; the lock says that none is running.
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path)
        .and_then(|listener| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map(|()| listener)
        })
        .map_err(|source| ServeError::Listen { address: path.display().to_string(), source })
}

/// Waits until the server says that it is ready, says so to the operator and to systemd, then waits for ever.
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

/// Asks `GET /readyz` as anybody would.
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
