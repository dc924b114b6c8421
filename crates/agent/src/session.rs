//! The agent's end of the stream: dial the controller, introduce this host, accept specs, report statuses; for ever.
//!
//! **Crash safety.** Specs are in the ledger before they have any effect. When the connection breaks, the host continues from
//! its ledger; at the next connection the controller sends everything again, and the host reports everything again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use hyper_util::rt::TokioIo;
use miosa_api::agent_v1::{
    AgentClient, AgentMessage, ControllerMessage, Hello, Listing, PROTOCOL, PoolReport, Report,
};
use miosa_domain::kind::{ObjectId, Spec, Status};
use miosa_domain::status::{FailureCode, SnapshotCondition, SnapshotStatus, VolumeCondition, VolumeStatus};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::ledger::LedgerError;
use crate::streams::Streams;
use crate::{AgentConfig, Host, blocking, kind};

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// After a session of this length, the pauses begin with the shortest again.
const STEADY_AFTER: Duration = Duration::from_secs(5);
/// A controller that hangs keeps its connection open; only keep-alive detects it.
const SILENCE_MAX: Duration = Duration::from_secs(10);
const POOL_REPORT_EVERY: Duration = Duration::from_secs(15);
/// Messages that wait for a slow connection.
const OUTGOING_MAX: usize = 64;
const TEMPLATES_MAX: usize = 1000;

#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("cannot reach the controller: {0}")]
    Dial(#[from] tonic::transport::Error),
    #[error("the controller ended the session: {0}")]
    Refused(#[from] tonic::Status),
    #[error("the controller closed the session")]
    Closed,
    #[error("the ledger cannot be written: {0}")]
    Ledger(#[from] LedgerError),
}

/// Dials until the future is dropped.
pub(crate) async fn keep_connected(host: &Arc<Host>, config: &AgentConfig, recovered: watch::Receiver<bool>) {
    let policy =
        ExponentialBuilder::new().with_min_delay(RETRY_FIRST).with_max_delay(RETRY_LAST).without_max_times();
    let mut pauses = policy.build();
    loop {
        let begin = tokio::time::Instant::now();
        if let Err(error) = session(host, config, recovered.clone()).await {
            tracing::warn!("{error}; reconnecting");
        }
        if begin.elapsed() > STEADY_AFTER {
            pauses = policy.build();
        }
        tokio::time::sleep(pauses.next().unwrap_or(RETRY_LAST)).await;
    }
}

async fn session(
    host: &Arc<Host>,
    config: &AgentConfig,
    recovered: watch::Receiver<bool>,
) -> Result<(), SessionError> {
    let channel = dial(config).await?;
    let (send, messages) = mpsc::channel::<AgentMessage>(OUTGOING_MAX);
    let outgoing = Outgoing(send);
    outgoing.send(AgentMessage::Hello(hello(host))).await?;
    let inbox = AgentClient::new(channel).session(ReceiverStream::new(messages)).await?;
    tracing::info!("connected to the controller");
    host.board.mark_all_unreported();
    let naming = Naming::default();
    let named = naming.named.subscribe();
    tokio::select! {
        ended = report_statuses(host, &outgoing, recovered, named.clone()) => ended,
        ended = report_pool(host, &outgoing, named) => ended,
        ended = receive(host, &outgoing, inbox, naming) => ended,
    }
}

async fn dial(config: &AgentConfig) -> Result<Channel, tonic::transport::Error> {
    let (socket, controller_uid) = (config.socket.clone(), config.controller_uid);
    let connect = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move {
            let stream = UnixStream::connect(&socket).await?;
            let uid = stream.peer_cred()?.uid();
            if uid != 0 && uid != controller_uid {
                let message = format!("uid {uid} listens on the controller's socket");
                return Err(std::io::Error::other(message));
            }
            Ok(TokioIo::new(stream))
        }
    });
    // The address is a formality: the connector dials the socket.
    Endpoint::from_static("http://controller")
        .http2_keep_alive_interval(SILENCE_MAX)
        .keep_alive_timeout(SILENCE_MAX)
        .keep_alive_while_idle(true)
        .connect_with_connector(connect)
        .await
}

fn hello(host: &Host) -> Hello {
    let mut templates = host.driver.templates();
    if templates.len() > TEMPLATES_MAX {
        tracing::warn!(count = templates.len(), "too many templates; only {TEMPLATES_MAX} are announced");
        templates.truncate(TEMPLATES_MAX);
    }
    Hello {
        protocol: PROTOCOL,
        host_id: host.ledger.host_id,
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        highest_generation: host.ledger.highest_generation(),
        templates,
    }
}

struct Outgoing(mpsc::Sender<AgentMessage>);

impl Outgoing {
    async fn send(&self, message: AgentMessage) -> Result<(), SessionError> {
        self.0.send(message).await.map_err(|_| SessionError::Closed)
    }

    async fn report(&self, statuses: Vec<Status>, pool: Option<PoolReport>) -> Result<(), SessionError> {
        self.send(AgentMessage::Report(Report { statuses, pool })).await
    }
}

/// Reports every status once all objects were observed, then each change.
async fn report_statuses(
    host: &Arc<Host>,
    outgoing: &Outgoing,
    mut recovered: watch::Receiver<bool>,
    named: watch::Receiver<Option<Named>>,
) -> Result<(), SessionError> {
    let _ = recovered.wait_for(|done| *done).await;
    while let Some(statuses) = host.board.take(&host.ledger) {
        outgoing.report(statuses, None).await?;
    }
    outgoing.send(AgentMessage::Recovered).await?;
    loop {
        let statuses = host.board.next(&host.ledger).await;
        let mut pool = None;
        if lacks_room(&statuses) {
            let named = named.borrow().clone().unwrap_or_default();
            pool = pool_report(host, named, false).await;
        }
        outgoing.report(statuses, pool).await?;
    }
}

/// Reports the pool from time to time, and after each resync; nothing before the first one.
async fn report_pool(
    host: &Arc<Host>,
    outgoing: &Outgoing,
    mut named: watch::Receiver<Option<Named>>,
) -> Result<(), SessionError> {
    let mut last = None;
    let mut relist = true;
    loop {
        let now_named = named.borrow_and_update().clone();
        let report = match now_named {
            Some(named) => pool_report(host, named, relist).await,
            None => None,
        };
        if report.is_some() && report != last {
            outgoing.report(vec![], report.clone()).await?;
            last = report;
        }
        relist = tokio::select! {
            _ = named.changed() => true,
            () = tokio::time::sleep(POOL_REPORT_EVERY) => false,
        };
    }
}

async fn receive(
    host: &Arc<Host>,
    outgoing: &Outgoing,
    mut inbox: Streaming<ControllerMessage>,
    mut naming: Naming,
) -> Result<(), SessionError> {
    let mut streams = Streams::new(host.clone(), outgoing.0.clone());
    while let Some(message) = inbox.message().await? {
        match message {
            ControllerMessage::Specs { resync, more, specs } => {
                naming.add(specs.iter().map(Spec::id), resync, more);
                apply(host, specs).await?;
            }
            ControllerMessage::Forget { ids } => {
                for id in ids {
                    kind::forget(host, id).await;
                }
            }
            ControllerMessage::Exec { stream, instance, request } => streams.exec(stream, instance, request),
            ControllerMessage::Logs { stream, instance, tail_lines, follow } => {
                streams.logs(stream, instance, tail_lines, follow);
            }
            ControllerMessage::Inspect { stream, request } => streams.inspect(stream, request),
            ControllerMessage::Close { stream } => streams.close(stream),
        }
    }
    Err(SessionError::Closed)
}

/// Writes specs to the ledger, then reconciles their objects.
async fn apply(host: &Arc<Host>, specs: Vec<Spec>) -> Result<(), SessionError> {
    let ledger_host = host.clone();
    for id in blocking(move || kind::accept(&ledger_host, &specs)).await? {
        kind::nudge(host, id);
    }
    Ok(())
}

/// A report of a full pool has to say how full it is.
fn lacks_room(statuses: &[Status]) -> bool {
    let failure = |status: &Status| match status {
        Status::Volume(VolumeStatus { condition: VolumeCondition::Failed(failure), .. })
        | Status::Snapshot(SnapshotStatus { condition: SnapshotCondition::Failed(failure), .. }) => {
            Some(failure.code)
        }
        _ => None,
    };
    statuses.iter().filter_map(failure).any(|code| code == FailureCode::InsufficientCapacity)
}

/// Objects that the controller has named.
type Named = BTreeSet<ObjectId>;

#[derive(Default)]
struct Naming {
    /// Of a resync that is not complete.
    resync: Named,
    /// `None` until the first resync is complete: until then, every object would be an orphan.
    named: watch::Sender<Option<Named>>,
}

impl Naming {
    fn add(&mut self, ids: impl Iterator<Item = ObjectId>, resync: bool, more: bool) {
        if !resync {
            // A new object needs no new listing of the pool; the next one takes it into account.
            self.named.send_if_modified(|named| {
                named.get_or_insert_default().extend(ids);
                false
            });
            return;
        }
        self.resync.extend(ids);
        if !more {
            self.named.send_replace(Some(std::mem::take(&mut self.resync)));
        }
    }
}

/// The pools' room, the objects that the controller has not named, and entries that are not ours; with `relist`, as they are now,
/// otherwise as of the last listing. `None` if the pools cannot be observed.
async fn pool_report(host: &Arc<Host>, named: Named, relist: bool) -> Option<PoolReport> {
    let host = host.clone();
    let report = blocking(move || {
        let capacity = host.pools.capacity().map_err(|e| e.to_string())?;
        if relist {
            host.pools.list(&host.ledger).map_err(|e| e.to_string())?;
        }
        let mut contents = host.pools.contents();
        contents.instances = host.driver.list().map_err(|e| e.to_string())?;
        let foreign = contents.foreign.iter().chain(&host.ledger.damaged).cloned();
        Ok::<_, String>(PoolReport {
            capacity_bytes: capacity.capacity_bytes,
            used_bytes: capacity.used_bytes,
            orphans: kind::orphans(&host.ledger, &contents, |id| named.contains(&id)).into_iter().collect(),
            foreign: Listing::of_text(foreign),
        })
    });
    report.await.inspect_err(|error| tracing::warn!(error, "observing the pools failed")).ok()
}
