//! What the verbs need from the hosts' connections. The controller's session implements it; tests may implement it without
//! any network.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use miosa_api::agent_v1::{ExecRequest, InspectRequest, StreamEvent};
use miosa_domain::{HostId, InstanceId};

/// The events of one exec, log or inspect stream. It ends after `Exit`, `End` or `Failed`, and always with one of them; a
/// lost connection yields `Failed`. Dropping it earlier ends the process or the stream on the host.
pub type HostStream = BoxStream<'static, StreamEvent>;

/// A request that a host responds to with a stream of events. It changes no spec and is not durable.
#[derive(Debug)]
pub enum StreamRequest {
    Exec { instance: InstanceId, request: ExecRequest },
    Logs { instance: InstanceId, tail_lines: u32, follow: bool },
    Inspect(InspectRequest),
}

/// The connections to the hosts' agents.
pub trait Hosts: Send + Sync + 'static {
    /// Connected, or disconnected for less than the grace period: a restarting agent is no outage.
    fn is_reachable(&self, host_id: HostId) -> bool;

    fn connected(&self) -> Vec<HostId>;

    /// Connected hosts whose agents have observed and reported every object of their ledgers since they connected.
    fn recovered(&self) -> Vec<HostId>;

    /// Makes the host's session send the specs that changed. Carries no data and never blocks; a repeated or lost wake-up is
    /// harmless, because the session also polls.
    fn wake(&self, host_id: HostId);

    /// Opens a stream. Returns `None` if the host is not connected.
    fn open_stream(&self, host_id: HostId, request: StreamRequest) -> BoxFuture<'_, Option<HostStream>>;
}
