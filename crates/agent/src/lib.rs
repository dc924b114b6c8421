//! The agent: one a host, as root. Specs come in, the host is made to match them, status goes out.
//!
//! ```text
//!  controller ──► session ──► ledger (durable) ──► volume queues ──► backend   images, loop devices, host mounts
//!             ◄──          ◄── board ◄──────────── instance actors ─► runtime  containers, mounts inside them
//!                                               └─ snapshot queues ─► backend   clones of images, sealed
//! ```
//!
//! * [`ledger`]: what this host was asked for, one small file an object, written before the first effect.
//! * [`kind`]: what differs between kinds of object, in one file per kind.
//! * [`volume_queue`]: one serial queue for each volume; different volumes go in parallel. [`claims`]: who may have it.
//! * [`instance_actor`]: one task for each instance: observe, plan (pure), execute, report, wait; [`health`] asks the ones
//!   that run how they are.
//! * [`snapshot_queue`]: one serial queue for each snapshot; [`snapshot_take`]: taking it, with [`hooks`] around and
//!   [`compaction`] before.
//! * [`upkeep`]: what is measured and read in the background; [`inspect`]: looking into snapshots.
//! * [`recover`]: after a start the same loops run over everything in the ledger; the controller is not needed.
//!
//! **Crash story.** The agent may die anywhere. Containers and mounts go on without it. The next agent reads the ledger,
//! looks at the host, and plans from what it sees; a step that was cut in half is planned again and finds its work done or
//! to be done. Nothing is removed because it is not named, and nothing is believed to be absent because looking failed.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

mod board;
mod claims;
mod command;
mod compaction;
mod failure;
mod health;
mod hooks;
mod inspect;
mod instance_actor;
mod instance_state;
mod kind;
mod ledger;
mod pools;
mod recover;
mod session;
mod snapshot_queue;
mod snapshot_take;
mod streams;
mod upkeep;
mod volume_queue;

use std::path::PathBuf;
use std::sync::Arc;

use miosa_backend::BackendError;
use miosa_effects::SysError;
use miosa_runtime::InstanceDriver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use ledger::LedgerError;
pub use pools::Pools;

use board::Board;
use compaction::Compactions;
use health::Healths;
use instance_actor::Instances;
use ledger::Ledger;
use snapshot_queue::Snapshots;
use upkeep::Upkeep;
use volume_queue::Volumes;

/// Where an agent keeps its ledger and finds its controller.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Holds the ledger; root's alone.
    pub dir: PathBuf,
    /// The controller's unix socket, in a folder of root's.
    pub socket: PathBuf,
    /// The uid behind the socket, besides root.
    pub controller_uid: u32,
    /// Whether instances may use the host's network. Otherwise specs that request it fail.
    pub allow_host_network: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Io(#[from] SysError),
}

/// Everything the agent's parts share.
struct Host {
    ledger: Ledger,
    board: Board,
    pools: Pools,
    driver: Arc<dyn InstanceDriver>,
    allow_host_network: bool,
    volumes: Volumes,
    instances: Instances,
    healths: Healths,
    snapshots: Snapshots,
    compactions: Compactions,
    upkeep: Upkeep,
    /// Cancelled when the agent is to stop.
    stop: CancellationToken,
    /// Tasks of instances. They end after `stop` when their present step has ended.
    tasks: TaskTracker,
}

/// Runs until `stop` is cancelled. Workloads continue afterwards; a pool that is not in use is unmounted.
pub async fn run(
    config: AgentConfig,
    pools: Pools,
    driver: Arc<dyn InstanceDriver>,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let host = Arc::new(Host {
        ledger: Ledger::open(&config.dir.join("ledger"))?,
        board: Board::default(),
        volumes: Volumes::default(),
        instances: Instances::default(),
        healths: Healths::default(),
        snapshots: Snapshots::default(),
        compactions: Compactions::default(),
        upkeep: Upkeep::default(),
        stop,
        tasks: TaskTracker::new(),
        pools,
        driver,
        allow_host_network: config.allow_host_network,
    });
    let recovered = tokio::sync::watch::Sender::new(false);
    let work = async {
        let recovery = async {
            recover::recover(&host).await;
            recovered.send_replace(true);
            recover::look_again_for_ever(&host).await;
        };
        let connection = session::keep_connected(&host, &config, recovered.subscribe());
        tokio::join!(recovery, connection, upkeep::for_ever(&host));
    };
    tokio::select! {
        () = work => {}
        () = host.stop.cancelled() => {}
    }
    // Steps that have started are finished, so that a stop is not another kind of crash.
    host.snapshots.close();
    host.compactions.finish().await;
    host.upkeep.finish().await;
    host.tasks.close();
    host.tasks.wait().await;
    host.snapshots.finish().await;
    host.volumes.finish().await;
    blocking(move || host.pools.shutdown()).await?;
    Ok(())
}

/// Runs a blocking call on Tokio's pool of blocking threads.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
