//! Which hosts are connected. A host has at most one connection that counts: a newer one replaces the older, whose peer may
//! be gone without anybody having noticed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use miosa_api::agent_v1::ControllerMessage;
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
    /// Asks the host for a stream. `None` when the connection has just ended.
    pub(crate) async fn open_stream(
        self: &Arc<Self>,
        request: impl FnOnce(u64) -> ControllerMessage,
    ) -> Option<ExecEvents> {
        let (number, events) = self.streams.open();
        let stream = ExecEvents::new(self.clone(), number, events);
        self.outgoing.send(Ok(request(number))).await.ok()?;
        Some(stream)
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

/// All hosts that were connected since this process started.
pub(crate) struct Links {
    hosts: Mutex<HashMap<HostId, Host>>,
    started_at: Instant,
    /// How long a host without a connection still counts as reachable: a restarting agent is no outage.
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

    pub(crate) fn is_reachable(&self, host_id: HostId) -> bool {
        let lost_since = match self.locked().get(&host_id) {
            Some(Host::Connected { .. }) => return true,
            Some(Host::Lost { since }) => *since,
            None => self.started_at,
        };
        lost_since.elapsed() < self.grace
    }

    pub(crate) fn connected(&self, host_id: HostId) -> Option<Arc<Link>> {
        match self.locked().get(&host_id) {
            Some(Host::Connected { link, .. }) => Some(link.clone()),
            _ => None,
        }
    }

    pub(crate) fn connected_hosts(&self) -> Vec<HostId> {
        let hosts = self.locked();
        hosts.iter().filter(|(_, h)| matches!(h, Host::Connected { .. })).map(|(id, _)| *id).collect()
    }

    /// Connected hosts that have reported everything since, and have looked at all that their ledgers ask for.
    pub(crate) fn recovered_hosts(&self) -> Vec<HostId> {
        let hosts = self.locked();
        let recovered = |host: &Host| matches!(host, Host::Connected { has_recovered: true, .. });
        hosts.iter().filter(|(_, host)| recovered(host)).map(|(id, _)| *id).collect()
    }

    /// Tells the host's session that there may be new specs. Without one, the next connection begins with everything.
    pub(crate) fn nudge(&self, host_id: HostId) {
        if let Some(link) = self.connected(host_id) {
            link.nudge.notify_one();
        }
    }

    /// The same for many; naming a host twice does no harm.
    pub(crate) fn nudge_all(&self, host_ids: impl IntoIterator<Item = HostId>) {
        host_ids.into_iter().for_each(|host_id| self.nudge(host_id));
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

    pub(super) fn recovered(&self, host_id: HostId, of: &Arc<Link>) {
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
