//! The agent's end of the stream: dial the controller, say who we are, take specs, send reports. For ever.
//!
//! **Crash story.** Specs are in the ledger before anything is done about them. When the connection breaks, the host goes on
//! by its ledger; at the next one the controller sends everything again and is told everything again.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use miosa_api::agent_v1::{
    AgentClient, AgentMessage, ControllerMessage, Hello, PROTOCOL, PoolReport, Report,
};
use miosa_domain::spec::{InstanceSpec, SnapshotSpec, VolumeSpec};
use miosa_domain::status::{FailureCode, SnapshotCondition, VolumeCondition};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::ledger::{Accepted, LedgerError};
use crate::streams::Streams;
use crate::{AgentConfig, Host, blocking, instance_actor, snapshot_queue, volume_queue};

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// A controller that is frozen keeps its connection open; only its silence shows it.
const SILENCE_MAX: Duration = Duration::from_secs(10);
const POOL_REPORT_EVERY: Duration = Duration::from_secs(15);

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

/// Dials until it is stopped.
pub(crate) async fn keep_connected(host: &Arc<Host>, config: &AgentConfig, recovered: watch::Receiver<bool>) {
    let mut pause = RETRY_FIRST;
    loop {
        let begin = tokio::time::Instant::now();
        if let Err(error) = session(host, config, recovered.clone()).await {
            tracing::warn!("{error}; trying again");
        }
        if begin.elapsed() > Duration::from_secs(5) {
            pause = RETRY_FIRST;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

async fn session(
    host: &Arc<Host>,
    config: &AgentConfig,
    mut recovered: watch::Receiver<bool>,
) -> Result<(), SessionError> {
    let (socket, controller_uid) = (config.socket.clone(), config.controller_uid);
    // The address is only a form: the connector dials the socket.
    let channel = Endpoint::from_static("http://controller")
        .http2_keep_alive_interval(SILENCE_MAX)
        .keep_alive_timeout(SILENCE_MAX)
        .keep_alive_while_idle(true)
        .connect_with_connector(tower::service_fn(move |_| {
            let socket = socket.clone();
            async move {
                let stream = UnixStream::connect(&socket).await?;
                let uid = stream.peer_cred()?.uid();
                if uid != 0 && uid != controller_uid {
                    return Err(std::io::Error::other(format!(
                        "uid {uid} answers on the controller's socket"
                    )));
                }
                Ok(TokioIo::new(stream))
            }
        }))
        .await?;
    let (send, messages) = mpsc::channel::<AgentMessage>(64);
    let hello = Hello {
        protocol: PROTOCOL,
        host_id: host.ledger.host_id,
        hostname: hostname(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        highest_generation: host.ledger.highest_generation(),
        templates: host.driver.templates(),
    };
    let closed = |_| SessionError::Closed;
    send.send(AgentMessage::Hello(hello)).await.map_err(closed)?;
    let mut inbox = AgentClient::new(channel).session(ReceiverStream::new(messages)).await?;
    tracing::info!("connected to the controller");

    // What the controller has named; nothing until its resync has come, before which everything would look orphaned.
    let named = watch::Sender::new(None::<Named>);
    host.board.tell_all_again();
    let reports = async {
        // What is known so far comes before the word that everything was looked at.
        let _ = recovered.wait_for(|done| *done).await;
        if let Some(report) = host.board.take() {
            send.send(AgentMessage::Report(report)).await.map_err(closed)?;
        }
        send.send(AgentMessage::Recovered).await.map_err(closed)?;
        loop {
            let mut report = host.board.next_report().await;
            if lacks_room(&report) {
                // Whoever is told that the pool is full is told how full.
                let now_named = named.borrow().clone().unwrap_or_default();
                report.pool = pool_report(host, &now_named).await;
            }
            send.send(AgentMessage::Report(report)).await.map_err(closed)?;
        }
    };
    let pool_reports = async {
        let mut names = named.subscribe();
        let mut last = None;
        loop {
            let now_named = names.borrow_and_update().clone();
            let report = match &now_named {
                Some(named) => pool_report(host, named).await,
                None => None,
            };
            if report.is_some() && report != last {
                let message = AgentMessage::Report(Report { pool: report.clone(), ..Report::default() });
                send.send(message).await.map_err(closed)?;
                last = report;
            }
            tokio::select! {
                _ = names.changed() => {}
                () = tokio::time::sleep(POOL_REPORT_EVERY) => {}
            }
        }
    };
    let receive = async {
        let mut streams = Streams::new(host.clone(), send.clone());
        while let Some(message) = inbox.message().await? {
            match message {
                ControllerMessage::Specs { resync, volumes, instances, snapshots } => {
                    if resync {
                        named.send_replace(Some(Named::of(&volumes, &instances, &snapshots)));
                    } else {
                        // What is new needs no new look at the pool; the next one will know it.
                        named.send_if_modified(|named| {
                            named.get_or_insert_default().add(&volumes, &instances, &snapshots);
                            false
                        });
                    }
                    apply(host, volumes, instances, snapshots).await?;
                }
                ControllerMessage::Forget { volumes, instances, snapshots } => {
                    for id in volumes {
                        volume_queue::forget(host, id).await;
                    }
                    for id in instances {
                        instance_actor::forget(host, id).await;
                    }
                    for id in snapshots {
                        snapshot_queue::forget(host, id).await;
                    }
                }
                ControllerMessage::Exec { stream, instance, request } => {
                    streams.exec(stream, instance, request)
                }
                ControllerMessage::Logs { stream, instance, tail_lines, follow } => {
                    streams.logs(stream, instance, tail_lines, follow);
                }
                ControllerMessage::Inspect { stream, request } => streams.inspect(stream, request),
                ControllerMessage::Close { stream } => streams.close(stream),
            }
        }
        Err(SessionError::Closed)
    };
    let ended: Result<(), SessionError> = tokio::select! {
        ended = reports => ended,
        ended = pool_reports => ended,
        ended = receive => ended,
    };
    ended
}

/// Writes specs to the ledger, then has their objects looked at.
async fn apply(
    host: &Arc<Host>,
    volumes: Vec<VolumeSpec>,
    instances: Vec<InstanceSpec>,
    snapshots: Vec<SnapshotSpec>,
) -> Result<(), SessionError> {
    let ledger_host = host.clone();
    let (volumes, instances, snapshots) = blocking(move || {
        let ledger = &ledger_host.ledger;
        let mut changed = (Vec::new(), Vec::new(), Vec::new());
        for spec in &volumes {
            match ledger.accept_volume(spec)? {
                Accepted::Yes => changed.0.push(spec.id),
                Accepted::Stale { held } => {
                    tracing::warn!(volume = %spec.id, offered = %spec.generation, %held, "older spec refused");
                }
            }
        }
        for spec in &instances {
            match ledger.accept_instance(spec)? {
                Accepted::Yes => changed.1.push(spec.id),
                Accepted::Stale { held } => {
                    tracing::warn!(instance = %spec.id, offered = %spec.generation, %held, "older spec refused");
                }
            }
        }
        for spec in &snapshots {
            let is_repeated = ledger.snapshot(spec.id).is_some_and(|held| held.spec == *spec);
            match ledger.accept_snapshot(spec)? {
                // What is said again is no reason to look at thousands, or to stop waiting or compacting.
                Accepted::Yes if is_repeated && snapshot_queue::is_known(&ledger_host, spec) => {}
                Accepted::Yes => changed.2.push(spec.id),
                Accepted::Stale { held } => {
                    tracing::warn!(snapshot = %spec.id, offered = %spec.generation, %held, "older spec refused");
                }
            }
        }
        Ok::<_, LedgerError>(changed)
    })
    .await?;
    for id in volumes {
        let host = host.clone();
        tokio::spawn(async move { volume_queue::reconcile(&host, id, None).await });
    }
    for id in snapshots {
        snapshot_queue::nudge(host, id);
    }
    for id in instances {
        instance_actor::nudge(host, id);
    }
    Ok(())
}

fn lacks_room(report: &Report) -> bool {
    let volumes = report.volumes.iter().filter_map(|v| match &v.condition {
        VolumeCondition::Failed(failure) => Some(failure),
        _ => None,
    });
    let snapshots = report.snapshots.iter().filter_map(|s| match &s.condition {
        SnapshotCondition::Failed(failure) => Some(failure),
        _ => None,
    });
    volumes.chain(snapshots).any(|failure| failure.code == FailureCode::InsufficientCapacity)
}

/// What the controller has named in this session.
#[derive(Debug, Clone, Default)]
struct Named {
    volumes: std::collections::BTreeSet<miosa_domain::VolumeId>,
    instances: std::collections::BTreeSet<miosa_domain::InstanceId>,
    snapshots: std::collections::BTreeSet<miosa_domain::SnapshotId>,
}

impl Named {
    fn of(volumes: &[VolumeSpec], instances: &[InstanceSpec], snapshots: &[SnapshotSpec]) -> Self {
        let mut named = Self::default();
        named.add(volumes, instances, snapshots);
        named
    }

    fn add(&mut self, volumes: &[VolumeSpec], instances: &[InstanceSpec], snapshots: &[SnapshotSpec]) {
        self.volumes.extend(volumes.iter().map(|v| v.id));
        self.instances.extend(instances.iter().map(|i| i.id));
        self.snapshots.extend(snapshots.iter().map(|s| s.id));
    }
}

/// The pool's room, what is here without being named, and what is not ours. `None` when it cannot be found out now.
async fn pool_report(host: &Arc<Host>, named: &Named) -> Option<PoolReport> {
    let (backend, driver) = (host.backend.clone(), host.driver.clone());
    let found = blocking(move || {
        let capacity = backend.capacity().map_err(|e| e.to_string())?;
        let survey = backend.survey().map_err(|e| e.to_string())?;
        let instances = driver.list().map_err(|e| e.to_string())?;
        Ok::<_, String>((capacity, survey, instances))
    })
    .await;
    let (capacity, survey, instances) = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!("look at the pool: {error}");
            return None;
        }
    };
    let mut orphan_volumes: Vec<_> = host.ledger.volume_ids();
    orphan_volumes.extend(survey.volumes.keys());
    orphan_volumes.retain(|id| !named.volumes.contains(id));
    orphan_volumes.sort_unstable();
    orphan_volumes.dedup();
    let mut orphan_instances: Vec<_> = host.ledger.instance_ids();
    orphan_instances.extend(instances);
    orphan_instances.retain(|id| !named.instances.contains(id));
    orphan_instances.sort_unstable();
    orphan_instances.dedup();
    let mut orphan_snapshots: Vec<_> = host.ledger.snapshot_ids();
    orphan_snapshots.extend(survey.snapshots.keys());
    orphan_snapshots.retain(|id| !named.snapshots.contains(id));
    orphan_snapshots.sort_unstable();
    orphan_snapshots.dedup();
    let foreign = survey.foreign.iter().map(|f| format!("{}: {}", f.path.display(), f.why));
    Some(PoolReport {
        capacity_bytes: capacity.capacity_bytes,
        used_bytes: capacity.used_bytes,
        orphan_volumes,
        orphan_instances,
        orphan_snapshots,
        foreign: foreign.chain(host.ledger.damaged.iter().cloned()).collect(),
    })
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
