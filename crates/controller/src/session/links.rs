//! Which hosts are connected. A host has at most one connection that counts: a newer one replaces the older, whose peer may
//! be gone without anybody having noticed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use miosa_api::agent_v1::ControllerMessage;
use miosa_control::{HostStream, Hosts, StreamRequest};
use miosa_domain::HostId;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::streams::{ExecEvents, Streams};

pub(super) type Outgoing = mpsc::Sender<Result<ControllerMessage, Status>>;

/// One connection.
pub(crate) struct Link {
    pub(super) outgoing: Outgoing,
    /// New specs may be there. It carries no data, so one that was missed or came twice does no harm.
    pub(super) nudge: Notify,
    pub(super) streams: Streams,
    pub(super) replaced: CancellationToken,
}

impl Link {
    /// Asks the host for a stream. Returns `None` if the connection has just ended.
    async fn open_stream(self: Arc<Self>, request: StreamRequest) -> Option<HostStream> {
        let (stream, events) = self.streams.open();
        // Made before the request is sent, so that dropping this future closes the stream.
        let events = ExecEvents::new(self.clone(), stream, events);
        let message = match request {
            StreamRequest::Exec { instance, request } => {
                ControllerMessage::Exec { stream, instance, request }
            }
            StreamRequest::Logs { instance, tail_lines, follow } => {
                ControllerMessage::Logs { stream, instance, tail_lines, follow }
            }
            StreamRequest::Inspect(request) => ControllerMessage::Inspect { stream, request },
        };
        self.outgoing.send(Ok(message)).await.ok()?;
        Some(events.boxed())
    }

    /// For callers that cannot wait. If the queue is full, a task of its own waits.
    pub(super) fn send_soon(&self, message: ControllerMessage) {
        if let Err(mpsc::error::TrySendError::Full(message)) = self.outgoing.try_send(Ok(message)) {
            let outgoing = self.outgoing.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                // An error means that the connection ended, and every stream with it.
                runtime.spawn(async move { outgoing.send(message).await.ok() });
            }
        }
    }
}

/// A host stays reachable for this long after its connection ended: a restarting agent is no outage.
pub(crate) const HOST_GRACE: Duration = Duration::from_secs(30);

/// All hosts that were connected since this process started.
pub(crate) struct Links {
    hosts: Mutex<HashMap<HostId, Host>>,
    started_at: Instant,
    /// [`HOST_GRACE`], except in tests.
    grace: Duration,
}

enum Host {
    Connected { link: Arc<Link>, has_recovered: bool },
    Lost { since: Instant },
}

impl Links {
    pub(crate) fn new(grace: Duration) -> Self {
        Self { hosts: Mutex::default(), started_at: Instant::now(), grace }
    }

    fn link(&self, host_id: HostId) -> Option<Arc<Link>> {
        match self.locked().get(&host_id) {
            Some(Host::Connected { link, .. }) => Some(link.clone()),
            _ => None,
        }
    }

    /// A new connection, which ends the one before it.
    pub(super) fn connect(&self, host_id: HostId, outgoing: Outgoing) -> Arc<Link> {
        let link = Arc::new(Link {
            outgoing,
            nudge: Notify::new(),
            streams: Streams::default(),
            replaced: CancellationToken::new(),
        });
        let connected = Host::Connected { link: link.clone(), has_recovered: false };
        if let Some(Host::Connected { link: older, .. }) = self.locked().insert(host_id, connected) {
            older.replaced.cancel();
        }
        link
    }

    /// Every object of the host's ledger has been observed and reported over this connection.
    pub(super) fn set_recovered(&self, host_id: HostId, of: &Arc<Link>) {
        if let Some(Host::Connected { link, has_recovered }) = self.locked().get_mut(&host_id)
            && Arc::ptr_eq(link, of)
        {
            *has_recovered = true;
        }
    }

    /// The connection is over; if a newer one has replaced it, the host stays connected.
    pub(super) fn disconnect(&self, host_id: HostId, ended: &Arc<Link>) {
        ended.streams.close();
        if let Some(host) = self.locked().get_mut(&host_id)
            && matches!(host, Host::Connected { link, .. } if Arc::ptr_eq(link, ended))
        {
            *host = Host::Lost { since: Instant::now() };
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<HostId, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hosts for Links {
    fn is_reachable(&self, host_id: HostId) -> bool {
        let lost_since = match self.locked().get(&host_id) {
            Some(Host::Connected { .. }) => return true,
            Some(Host::Lost { since }) => *since,
            None => self.started_at,
        };
        lost_since.elapsed() < self.grace
    }

    fn connected(&self) -> Vec<HostId> {
        let hosts = self.locked();
        hosts.iter().filter(|(_, h)| matches!(h, Host::Connected { .. })).map(|(id, _)| *id).collect()
    }

    fn recovered(&self) -> Vec<HostId> {
        let hosts = self.locked();
        let recovered = |host: &Host| matches!(host, Host::Connected { has_recovered: true, .. });
        hosts.iter().filter(|(_, host)| recovered(host)).map(|(id, _)| *id).collect()
    }

    /// A host that is not connected needs no wake-up: its next connection begins with every spec.
    fn wake(&self, host_id: HostId) {
        if let Some(link) = self.link(host_id) {
            link.nudge.notify_one();
        }
    }

    fn open_stream(&self, host_id: HostId, request: StreamRequest) -> BoxFuture<'_, Option<HostStream>> {
        let link = self.link(host_id);
        async move { link?.open_stream(request).await }.boxed()
    }
}
