//! Speaks with the agents: specs down, reports up.
//!
//! ```text
//!   Hello ──► peer's uid, protocol ──► host row (generation at least the ledger's) ──► replaces an older session
//!     send:    everything once, then the changes after each nudge; in messages of bounded size
//!     receive: a report = one transaction ──► wake who waits ──► Forget what is gone ──► nudge, if a refusal changed specs
//! ```
//!
//! A spec that no message holds is refused here: its object fails, as if the host had reported it so, and all others are sent.
//!
//! **Crash safety.** A session holds no durable state. Which specs were sent is forgotten with it, and the next session begins
//! with everything. A report that was not committed is repeated, because the host reports everything at every connection.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use miosa_api::agent_v1::frame::{OBJECT_MAX_BYTES, Packed, pack};
use miosa_api::agent_v1::{AgentMessage, ControllerMessage, PROTOCOL, PoolReport, Report, SessionHandler};
use miosa_control::{App, AppError};
use miosa_domain::kind::{ObjectId, Spec};
use miosa_domain::status::{Failure, FailureCode};
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
/// Messages that wait for a slow connection. The ones with specs are the largest, up to a frame each.
const OUTGOING_MAX: usize = 64;

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
            let changed = self.app.changed_specs(self.host_id, since).await?;
            since = changed.up_to;
            self.send_specs(changed.specs, resync).await?;
            resync = false;
            // A timeout is as good as a nudge.
            let _ = tokio::time::timeout(LOOK_EVERY, self.link.nudge.notified()).await;
        }
    }

    /// Sends specs in messages of bounded size. A resync is sent even if it names nothing.
    async fn send_specs(&self, specs: Vec<Spec>, resync: bool) -> Result<(), SessionError> {
        let Packed { mut frames, too_large } = pack(specs);
        if resync && frames.is_empty() {
            frames.push(Vec::new());
        }
        let mut frames = frames.into_iter().peekable();
        while let Some(specs) = frames.next() {
            failpoint!("controller.session.before-send")?;
            let more = resync && frames.peek().is_some();
            self.say(ControllerMessage::Specs { resync, more, specs }).await?;
        }
        if too_large.is_empty() {
            return Ok(());
        }
        let refused = |(spec, bytes): &(Spec, usize)| {
            let message = format!(
                "the spec of {} has {bytes} bytes, more than the {OBJECT_MAX_BYTES} that a host accepts; shorten its \
                 environment, command or list of attachments",
                spec.id()
            );
            tracing::error!(object = %spec.id(), bytes, "the spec is too large to be sent");
            spec.refused(Failure::new(FailureCode::CannotRun, message))
        };
        let statuses = too_large.iter().map(refused).collect();
        self.apply(Report { statuses, pool: None }).await
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
        let ids = self.app.apply_report(self.host_id, report).await?;
        if ids.is_empty() { Ok(()) } else { self.say(ControllerMessage::Forget { ids }).await }
    }

    async fn say(&self, message: ControllerMessage) -> Result<(), SessionError> {
        self.link.outgoing.send(Ok(message)).await.map_err(|_| SessionError::Closed)
    }
}

/// Logs objects that only the host knows, when the list changes. They are kept; only the operator can decide about them.
fn log_strangers(before: &PoolReport, now: &PoolReport) {
    const LOGGED_MAX: usize = 20;
    if now.orphans != before.orphans && !now.orphans.first.is_empty() {
        let logged: Vec<_> = now.orphans.first.iter().take(LOGGED_MAX).map(ObjectId::to_string).collect();
        let more = now.orphans.more + (now.orphans.first.len() - logged.len()) as u64;
        tracing::warn!(orphans = ?logged, more, "the host holds objects that this database does not know; they are kept");
    }
    let new = || now.foreign.first.iter().filter(|entry| !before.foreign.first.contains(entry));
    for entry in new().take(LOGGED_MAX) {
        tracing::warn!(%entry, "something in the host's pool is not ours; it is not touched");
    }
    let more = now.foreign.more + new().skip(LOGGED_MAX).count() as u64;
    if now.foreign != before.foreign && more > 0 {
        tracing::warn!(more, "more entries in the host's pool are not ours; they are not touched");
    }
}
