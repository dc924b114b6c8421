//! The two children of `miosa serve`. Both read `run/serve.json`, which their parent writes, and are killed with their parent.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use listenfd::ListenFd;
use miosa_agent::{AgentConfig, Pools};
use miosa_backend::{BackendError, COMMON_SIZES_BYTES, LocalBackend, PoolConfig};
use miosa_controller::{ControllerConfig, Sockets};
use miosa_domain::size::MIB;
use miosa_effects::{Dir, Doing};
use miosa_runtime::{OciConfig, OciDriver, RuntimeError};
use rustix::process::Signal;
use rustix::thread::{Gid, Uid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::EXIT_CONFIG;
use crate::config::ServeConfig;
use crate::layout::{self, Layout};

/// The merged configuration, and the values that the parent determined. Contains no secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RoleConfig {
    serve: ServeConfig,
    controller_uid: u32,
    controller_gid: u32,
    admin_key_hash: String,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl RoleConfig {
    pub(crate) fn write(layout: &Layout, serve: &ServeConfig) -> std::io::Result<()> {
        let config = Self {
            serve: serve.clone(),
            controller_uid: layout.controller_uid,
            controller_gid: layout.controller_gid,
            admin_key_hash: layout.admin_key_hash.clone(),
        };
        let json = serde_json::to_vec_pretty(&config)?;
        let file = layout::serve_file(&layout.dir);
        let run = Dir::open(file.parent().expect("a file in run/")).map_err(std::io::Error::other)?;
        run.replace_file("serve.json", &json).map_err(std::io::Error::other)
    }

    fn read(data_dir: &Path) -> Result<Self, Failure> {
        let file = layout::serve_file(data_dir);
        let json = std::fs::read(&file).doing("read", &file)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

/// `miosa controller`: drops root before anything else.
pub fn controller(data_dir: &Path) -> ExitCode {
    finish(run_controller(data_dir))
}

fn run_controller(data_dir: &Path) -> Result<(), Failure> {
    let config = RoleConfig::read(data_dir)?;
    let mut inherited = ListenFd::from_env();
    let http =
        inherited.take_tcp_listener(0)?.ok_or("no HTTP listener was passed; start miosa serve instead")?;
    let agent: UnixListener =
        inherited.take_unix_listener(1)?.ok_or("no agent socket was passed; start miosa serve instead")?;
    become_user(config.controller_uid, config.controller_gid)?;
    die_with_parent()?;
    let config = ControllerConfig {
        database: data_dir.join("controller/miosa.db"),
        admin_key_hash: config.admin_key_hash,
        limits: config.serve.limits,
        agent_uid: 0,
        region: "local".into(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_token()?;
        miosa_controller::run(config, Sockets { http, agent }, stop.cancelled_owned()).await?;
        Ok(())
    })
}

/// `miosa agent`: root, on the machine that holds the volumes.
pub fn agent(data_dir: &Path) -> ExitCode {
    finish(run_agent(data_dir))
}

fn run_agent(data_dir: &Path) -> Result<(), Failure> {
    let config = RoleConfig::read(data_dir)?;
    die_with_parent()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = stop_token()?;
        let dir = data_dir.join("agent");
        let backend = Arc::new(open_backend(&config.serve)?);
        prepare_templates(backend.clone());
        let driver = open_driver(&config.serve, &dir)?;
        let agent = AgentConfig {
            dir,
            socket: layout::socket_path(data_dir),
            controller_uid: config.controller_uid,
            allow_host_network: config.serve.agent.allow_host_network,
        };
        miosa_agent::run(agent, Pools::new(backend, []), Arc::new(driver), stop).await?;
        Ok(())
    })
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            let refused = error.downcast_ref::<Refused>().is_some();
            ExitCode::from(if refused { EXIT_CONFIG as u8 } else { 1 })
        }
    }
}

/// The configuration cannot work on this host, and a restart cannot help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

fn open_backend(serve: &ServeConfig) -> Result<LocalBackend, Failure> {
    let dir = serve.pool_dir();
    let image_size_bytes = match serve.pool_size_bytes() {
        Some(bytes) => bytes,
        None => half_of_free_space(&dir)?,
    };
    LocalBackend::open(&PoolConfig { dir, image_size_bytes }).map_err(|error| match error {
        BackendError::Foreign { .. } | BackendError::Unusable { .. } | BackendError::InvalidSize { .. } => {
            Refused(error.to_string()).into()
        }
        other => other.into(),
    })
}

/// In the background: creating a volume of a size without a template works as well and takes some milliseconds longer.
fn prepare_templates(backend: Arc<LocalBackend>) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = backend.prepare_templates(&COMMON_SIZES_BYTES) {
            tracing::warn!("cannot prepare templates: {error}");
        }
    });
}

fn open_driver(serve: &ServeConfig, dir: &Path) -> Result<OciDriver, Failure> {
    // Servers on the same machine have different parent groups, because each removes its own when that is empty.
    let tag = hex::encode(&Sha256::digest(dir.as_os_str().as_encoded_bytes())[..4]);
    let config = OciConfig {
        cgroup_parent: format!("/miosa-{tag}"),
        runtime: serve.agent.runtime.clone(),
        template_folders: serve.agent.templates.clone(),
        ..OciConfig::new(dir)
    };
    OciDriver::open(config).map_err(|error| match error {
        RuntimeError::NotInstalled { .. }
        | RuntimeError::TemplateUnusable { .. }
        | RuntimeError::Foreign { .. }
        | RuntimeError::Unreachable { .. } => Refused(error.to_string()).into(),
        other => other.into(),
    })
}

/// Half of the free space of the filesystem of `dir`, which may not exist yet, in whole MiB.
fn half_of_free_space(dir: &Path) -> Result<u64, Failure> {
    let there = dir.ancestors().find(|at| at.exists()).unwrap_or(Path::new("/"));
    let room = rustix::fs::statvfs(there).doing("examine the filesystem of", there)?;
    Ok((room.f_bavail * room.f_frsize / 2).next_multiple_of(MIB) - MIB)
}

fn become_user(uid: u32, gid: u32) -> Result<(), Failure> {
    // The process has one thread, so ids of the thread are ids of the process.
    rustix::thread::set_thread_groups(&[])?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    rustix::thread::set_no_new_privs(true)?;
    if rustix::process::geteuid() != uid || rustix::thread::set_thread_uid(Uid::ROOT).is_ok() {
        return Err("the controller could not drop root".into());
    }
    Ok(())
}

/// Has the kernel kill this process with its parent, so that the next server finds ports, locks and sockets free.
fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let expected = std::env::var("MIOSA_PARENT_PID").ok().and_then(|pid| pid.parse::<i32>().ok());
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    match expected {
        Some(_) if expected != parent => Err("the parent ended".into()),
        _ => Ok(()),
    }
}

/// Cancelled by SIGTERM.
fn stop_token() -> Result<CancellationToken, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    // An interrupt from a terminal reaches the whole process group. It is ignored here: the parent sends SIGTERM in order.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return cancel.cancel(),
                _ = interrupt.recv() => {}
            }
        }
    });
    Ok(stop)
}
