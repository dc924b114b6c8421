//! Speaks with the agents: specs down, reports up.
//!
//! ```text
//!   Hello ──► peer's uid, protocol ──► host row (generation at least the ledger's) ──► replaces an older session
//!     send:    everything once, then on each nudge what changed since
//!     receive: a report = one transaction ──► wake who waits ──► Forget what is gone ──► nudge, if a refusal changed specs
//! ```
//!
//! **Crash story.** A session holds nothing that matters: which specs were sent is forgotten with it, and the next one begins
//! with everything. A report that was not written is made again, because at every connection the host says everything.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use miosa_api::agent_v1::{AgentMessage, ControllerMessage, PROTOCOL, PoolReport, Report, SessionHandler};
use miosa_control::{App, AppError, Forget};
use miosa_domain::{Generation, HostId};
use miosa_failpoint::{Injected, failpoint};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status, Streaming};
use tracing::Instrument;

mod links;
mod streams;
#[cfg(test)]
mod tests;

use links::Link;
pub(crate) use links::{HOST_GRACE, Links};

/// An agent that connects says who it is at once.
const HELLO_TIME_MAX: Duration = Duration::from_secs(10);
/// Without a nudge. Every change is nudged, so this finds nothing unless a nudge was forgotten.
const LOOK_EVERY: Duration = Duration::from_secs(30);
const OUTGOING_MAX: usize = 256;

/// Serve with `AgentServer::new(Arc::new(sessions))`; the connection info must be `UdsConnectInfo`.
pub(crate) struct AgentSessions {
    pub(crate) app: App,
    pub(crate) links: Arc<Links>,
    /// Only a peer with this uid may speak as an agent.
    pub(crate) agent_uid: u32,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("the agent sent something unexpected: {0}")]
    Protocol(&'static str),
    #[error("receive from the agent")]
    Receive(#[source] Status),
    #[error("the agent no longer listens")]
    Closed,
    #[error("a newer session of the same host took its place")]
    Replaced,
    #[error(transparent)]
    Control(#[from] AppError),
    #[error(transparent)]
    Injected(#[from] Injected),
}

impl AgentSessions {
    /// Only root's agent of this machine may speak on the socket.
    fn check_peer(&self, request: &Request<Streaming<AgentMessage>>) -> Result<(), Status> {
        let peer = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
        match peer {
            Some(peer) if peer.uid() == self.agent_uid => Ok(()),
            Some(peer) => {
                tracing::warn!(uid = peer.uid(), "refused a session: the peer is not the agent's user");
                Err(Status::permission_denied("this user may not speak as an agent"))
            }
            None => Err(Status::permission_denied("the peer's user is not known")),
        }
    }
}

#[tonic::async_trait]
impl SessionHandler for AgentSessions {
    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<BoxStream<'static, Result<ControllerMessage, Status>>, Status> {
        self.check_peer(&request)?;
        let mut incoming = request.into_inner();
        let hello = match tokio::time::timeout(HELLO_TIME_MAX, incoming.message()).await {
            Ok(Ok(Some(AgentMessage::Hello(hello)))) => hello,
            Ok(Err(status)) => return Err(status),
            Ok(Ok(_)) => return Err(Status::invalid_argument("the first message must be hello")),
            Err(_) => return Err(Status::deadline_exceeded("no hello")),
        };
        if hello.protocol != PROTOCOL {
            let message = format!("this controller speaks protocol {PROTOCOL}, not {}", hello.protocol);
            return Err(Status::failed_precondition(message));
        }
        let host_id = hello.host_id;
        self.app.register_host(hello).await.map_err(|error| {
            tracing::error!(%host_id, error = &error as &dyn std::error::Error, "register a host");
            Status::unavailable("the host could not be registered; try again")
        })?;

        let (outgoing, messages) = mpsc::channel(OUTGOING_MAX);
        let link = self.links.connect(host_id, outgoing);
        let session = Session { app: self.app.clone(), links: self.links.clone(), host_id, link };
        tokio::spawn(session.run(incoming).instrument(tracing::info_span!("session", %host_id)));
        Ok(ReceiverStream::new(messages).boxed())
    }
}

/// One connection of one host.
struct Session {
    app: App,
    links: Arc<Links>,
    host_id: HostId,
    link: Arc<Link>,
}

impl Session {
    async fn run(self, incoming: Streaming<AgentMessage>) {
        tracing::info!("agent connected");
        let ended = tokio::select! {
            ended = self.receive(incoming) => ended,
            ended = self.send() => ended,
            () = self.link.replaced.cancelled() => Err(SessionError::Replaced),
            () = self.link.outgoing.closed() => Err(SessionError::Closed),
        };
        self.links.disconnect(self.host_id, &self.link);
        match ended {
            Ok(()) | Err(SessionError::Closed | SessionError::Receive(_)) => {
                tracing::info!("agent disconnected")
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "session ended");
                // Tells the agent to come again; if it is gone, nobody needs to know.
                let _ = self.link.outgoing.try_send(Err(Status::unavailable(error.to_string())));
            }
        }
    }

    async fn send(&self) -> Result<(), SessionError> {
        let mut since = Generation::default();
        let mut resync = true;
        loop {
            let specs = self.app.changed_specs(self.host_id, since).await?;
            since = specs.up_to;
            let is_empty =
                specs.volumes.is_empty() && specs.instances.is_empty() && specs.snapshots.is_empty();
            if resync || !is_empty {
                failpoint!("controller.session.before-send")?;
                let message = ControllerMessage::Specs {
                    resync,
                    volumes: specs.volumes,
                    instances: specs.instances,
                    snapshots: specs.snapshots,
                };
                self.say(message).await?;
                resync = false;
            }
            // A timeout is as good as a nudge.
            let _ = tokio::time::timeout(LOOK_EVERY, self.link.nudge.notified()).await;
        }
    }

    async fn receive(&self, mut incoming: Streaming<AgentMessage>) -> Result<(), SessionError> {
        let mut pool = PoolReport::default();
        while let Some(message) = incoming.message().await.map_err(SessionError::Receive)? {
            match message {
                AgentMessage::Hello(_) => return Err(SessionError::Protocol("a second hello")),
                AgentMessage::Recovered => self.links.set_recovered(self.host_id, &self.link),
                AgentMessage::Stream { stream, event } => {
                    if !self.link.streams.deliver(stream, event) {
                        self.say(ControllerMessage::Close { stream }).await?;
                    }
                }
                AgentMessage::Report(report) => {
                    if let Some(reported) = &report.pool {
                        log_strangers(&pool, reported);
                        pool = reported.clone();
                    }
                    self.apply(report).await?;
                }
            }
        }
        Ok(())
    }

    async fn apply(&self, report: Report) -> Result<(), SessionError> {
        failpoint!("controller.session.before-report")?;
        let forget = self.app.apply_report(self.host_id, &report).await?;
        if forget.is_empty() {
            return Ok(());
        }
        let Forget { volumes, instances, snapshots } = forget;
        self.say(ControllerMessage::Forget { volumes, instances, snapshots }).await
    }

    async fn say(&self, message: ControllerMessage) -> Result<(), SessionError> {
        self.link.outgoing.send(Ok(message)).await.map_err(|_| SessionError::Closed)
    }
}

/// Says once what else lies on the host. It is kept, and only the operator can say what it is.
fn log_strangers(before: &PoolReport, now: &PoolReport) {
    if now.orphan_volumes != before.orphan_volumes && !now.orphan_volumes.is_empty() {
        tracing::warn!(volumes = ?now.orphan_volumes, "the host holds volumes that this database does not know; they are kept");
    }
    if now.orphan_instances != before.orphan_instances && !now.orphan_instances.is_empty() {
        tracing::warn!(instances = ?now.orphan_instances, "the host runs instances that this database does not know; they are kept");
    }
    if now.orphan_snapshots != before.orphan_snapshots && !now.orphan_snapshots.is_empty() {
        tracing::warn!(snapshots = ?now.orphan_snapshots, "the host holds snapshots that this database does not know; they are kept");
    }
    for foreign in now.foreign.iter().filter(|foreign| !before.foreign.contains(foreign)) {
        tracing::warn!(%foreign, "something in the host's pool is not ours; it is not touched");
    }
}
