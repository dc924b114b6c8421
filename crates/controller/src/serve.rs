//! Runs the controller on sockets that somebody else has bound and keeps, so that they outlive its restarts.
//!
//! ```text
//!   http (TCP)   ──► at most 512 connections ──► Api
//!   agent (unix) ──► AgentSessions
//!                    App::reconcile, metrics upkeep
//! ```
//!
//! **Shutdown** stops accepting, lets running requests finish within 5 s, and only then drops the agents' sessions, because
//! those requests wait for what the agents report. What is cut off is safe: intent is durable, and the next controller goes on
//! from it.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use miosa_api::agent_v1::AgentServer;
use miosa_control::App;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tower::Layer;

use crate::ControllerConfig;
use crate::http::Api;
use crate::session::{AgentSessions, HOST_GRACE, Links};
use crate::telemetry;

/// Further connections wait in the kernel's queue. Half of the usual limit of open files, which cannot be raised everywhere.
const CONNECTIONS_MAX: usize = 512;
/// A client that takes longer to send a request's header, or is idle for longer, is cut off.
const HEADER_TIME_MAX: Duration = Duration::from_secs(60);
const HEADER_MAX_BYTES: usize = 64 << 10;
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);
/// An agent that says nothing is asked after this time, and cut off when it does not answer for as long again.
const AGENT_SILENCE_MAX: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left, usually), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bound by the supervisor.
#[derive(Debug)]
pub struct Sockets {
    pub http: std::net::TcpListener,
    pub agent: std::os::unix::net::UnixListener,
}

/// Why the controller ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("open the database")]
    Open(#[source] miosa_control::StoreError),
    #[error("take over the {name} socket")]
    Socket { name: &'static str, source: io::Error },
}

/// Serves until `shutdown` is done.
pub async fn run(
    config: ControllerConfig,
    sockets: Sockets,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let links = Arc::new(Links::new(HOST_GRACE));
    let app = App::open(config.control(), links.clone()).await.map_err(RunError::Open)?;
    let http = tokio_listener("http", sockets.http, TcpListener::from_std, |s| s.set_nonblocking(true))?;
    let agent = tokio_listener("agent", sockets.agent, UnixListener::from_std, |s| s.set_nonblocking(true))?;

    let closing = CancellationToken::new();
    let api = Api::new(app.clone(), &config, closing.clone());
    let sessions = AgentSessions { app: app.clone(), links, agent_uid: config.agent_uid };
    let agents = AgentServer::new(Arc::new(sessions));

    let mut for_ever = pin!(async {
        tokio::join!(serve_agents(agent, agents), app.reconcile(), telemetry::upkeep(telemetry::recorder()));
    });
    let mut serving = pin!(serve_http(http, api, closing.clone()));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut for_ever => {}
            () = &mut serving => return Ok(()),
            () = &mut shutdown, if !closing.is_cancelled() => {
                tracing::info!("shutting down");
                closing.cancel();
            }
        }
    }
}

fn tokio_listener<S, T>(
    name: &'static str,
    socket: S,
    into: impl FnOnce(S) -> io::Result<T>,
    set_nonblocking: impl FnOnce(&S) -> io::Result<()>,
) -> Result<T, RunError> {
    let listener = set_nonblocking(&socket).and_then(|()| into(socket));
    listener.map_err(|source| RunError::Socket { name, source })
}

/// Accepts connections until `closing`, then waits for the present ones.
async fn serve_http(listener: TcpListener, api: Api, closing: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await.expect("nobody closes the semaphore");
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = closing.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (slot, accepted) = accepted => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, api.clone(), closing.clone(), slot));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIME_MAX, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting off requests that did not finish");
    }
}

async fn serve_connection(
    stream: TcpStream,
    api: Api,
    closing: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    // Answers are small and whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
    // HTTP/1.1 only: clients use HTTP/2 over TLS alone, and telling the two apart would wait for a silent client for ever.
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEADER_MAX_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(api)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended early");
    }
}

/// Accepts agents, for ever. Dropping it ends their sessions.
pub(crate) async fn serve_agents(listener: UnixListener, agents: AgentServer<AgentSessions>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_agent(stream, agents.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept an agent");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn serve_agent(stream: UnixStream, agents: AgentServer<AgentSessions>) {
    // The peer's credentials, by which the session knows an agent.
    let service = Extension(stream.connect_info()).layer(agents);
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    // An agent that is frozen keeps its connection open; only its silence shows it.
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(AGENT_SILENCE_MAX)
        .keep_alive_timeout(AGENT_SILENCE_MAX);
    if let Err(error) =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await
    {
        tracing::debug!(error, "agent's connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sha2::{Digest, Sha256};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    struct Running {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<Result<(), RunError>>,
    }

    fn start(folder: &Path) -> Running {
        let config = ControllerConfig {
            database: folder.join("controller.db"),
            admin_key_hash: hex::encode(Sha256::digest("msk_a_key")),
            limits: Default::default(),
            agent_uid: 0,
            region: "local".into(),
        };
        let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = http.local_addr().unwrap();
        let agent = std::os::unix::net::UnixListener::bind(folder.join("agent.sock")).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        Running { address, stop, ended: tokio::spawn(run(config, Sockets { http, agent }, shutdown)) }
    }

    /// Sends a request and reads one answer with a Content-Length.
    async fn exchange(stream: &mut TcpStream, request: &[u8]) -> String {
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.expect("every answer has a Content-Length") {
                    return text;
                }
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await.unwrap() {
                0 => panic!("the connection closed after {text:?}"),
                length => answer.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// One connection carries several requests; what is too large is refused before and after it was sent; shutdown ends idle
    /// connections and the server.
    #[tokio::test]
    async fn serves_keep_alive_connections_until_told_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path());
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        for _ in 0..3 {
            let answer = exchange(&mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(
                answer.starts_with("HTTP/1.1 200 OK") && answer.contains("{\"status\":\"ok\"}"),
                "{answer}"
            );
        }
        let list = b"GET /api/v1/volumes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer msk_a_key\r\n\r\n";
        assert!(exchange(&mut stream, list).await.contains("\"total\":0"));

        let head = "POST /volumes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer msk_a_key\r\n";
        let asks_first = format!("{head}Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
        let mut other = TcpStream::connect(server.address).await.unwrap();
        assert!(exchange(&mut other, asks_first.as_bytes()).await.starts_with("HTTP/1.1 413"));
        let mut sends_all = format!("{head}Content-Length: 2000000\r\n\r\n").into_bytes();
        sends_all.resize(sends_all.len() + 2_000_000, b' ');
        let mut other = TcpStream::connect(server.address).await.unwrap();
        let answer = exchange(&mut other, &sends_all).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("TOO_LARGE"), "{answer}");

        server.stop.send(()).unwrap();
        server.ended.await.unwrap().unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "the idle connection is closed");
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
