//! One HTTP request of which only the response's status matters. The server is a workload and may send anything or nothing: at
//! most one response head is read, redirects are not followed, and the caller sets the time limit.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

/// The least that hyper accepts. A response head that is larger counts as no HTTP.
const HEAD_MAX_BYTES: usize = 8192;

/// Resolves to the response's status.
pub type HttpProbe = BoxFuture<'static, Result<u16, HttpError>>;

/// Why there was no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("nothing listens on port {port}")]
    Refused { port: u16 },

    #[error("the connection to port {port} broke: {why}")]
    Broken { port: u16, why: String },

    #[error("the server on port {port} does not speak HTTP")]
    NoHttp { port: u16 },
}

/// Connects `socket` to `port` on the loopback address of its own network and requests `path`.
pub(crate) async fn get(socket: OwnedFd, port: u16, path: String) -> Result<u16, HttpError> {
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => HttpError::Refused { port },
        _ => HttpError::Broken { port, why: error.to_string() },
    };
    let failed = |error: hyper::Error| match error.source().and_then(|source| source.downcast_ref()) {
        Some(error) => HttpError::Broken { port, why: std::io::Error::to_string(error) },
        None => HttpError::NoHttp { port },
    };
    let request = Request::get(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::USER_AGENT, "miosa-health")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| HttpError::Broken { port, why: error.to_string() })?;
    let socket = TcpSocket::from_std_stream(TcpStream::from(socket));
    let stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(broken)?;
    let client = http1::Builder::new().title_case_headers(true).max_buf_size(HEAD_MAX_BYTES).to_owned();
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        biased;
        response = &mut response => response,
        // It ends with the response or with the reason why there is none; either way the request knows.
        _ = connection => response.await,
    };
    Ok(response.map_err(failed)?.status().as_u16())
}
