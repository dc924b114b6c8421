//! One question over HTTP, of which only the status matters. The other end is a workload and may answer anything, or nothing:
//! no more than a line is read, nothing is followed, and whoever asks sets the time.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Longer than any status line that means something.
const STATUS_LINE_MAX_BYTES: u64 = 1024;

/// Resolves to the status.
pub type HttpProbe = BoxFuture<'static, Result<u16, HttpError>>;

/// There was no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("nothing listens on port {port}")]
    Refused { port: u16 },

    #[error("the connection to port {port} broke: {why}")]
    Broken { port: u16, why: String },

    #[error("what answers on port {port} does not speak HTTP")]
    NoHttp { port: u16 },
}

/// Connects `socket` to `port` of its own network's loopback and asks for `path`.
pub(crate) async fn get(socket: OwnedFd, port: u16, path: String) -> Result<u16, HttpError> {
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => HttpError::Refused { port },
        _ => HttpError::Broken { port, why: error.to_string() },
    };
    let socket = TcpSocket::from_std_stream(TcpStream::from(socket));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = socket.connect(address).await.map_err(broken)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: miosa-health\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    let mut stream = stream.take(STATUS_LINE_MAX_BYTES);
    while !answer.contains(&b'\n') {
        if stream.read_buf(&mut answer).await.map_err(broken)? == 0 {
            break;
        }
    }
    status(&answer).ok_or(HttpError::NoHttp { port })
}

/// Of `HTTP/1.1 204 No Content` and what follows it.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|&byte| byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let version = words.next()?.strip_prefix("HTTP/")?;
    let code = words.next().filter(|code| code.len() == 3)?;
    let status = code.parse().ok().filter(|status| (100..600).contains(status))?;
    version.starts_with(['1', '2', '3']).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workload may write anything: only what is a status line is one.
    #[test]
    fn only_a_status_line_is_one() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", Some(200)),
            ("HTTP/1.0 404 Not Found\r\n", Some(404)),
            ("HTTP/1.1 204\n", Some(204)),
            ("HTTP/1.1 2000 OK\r\n", None),
            ("HTTP/1.1 20 OK\r\n", None),
            ("HTTP/1.1 +20 OK\r\n", None),
            ("HTTP/1.1 999 OK\r\n", None),
            ("HTTP/x 200 OK\r\n", None),
            ("SSH-2.0-OpenSSH_9.2\r\n", None),
            ("200 OK\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(answer.as_bytes()), expected, "{answer:?}");
        }
        assert_eq!(status(b"HTTP/1.1 200 \xff\r\n"), None);
    }
}
