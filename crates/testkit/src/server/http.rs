//! A small blocking HTTP/1.1 client: one connection a call, so that every call meets the server as it is now.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Far above every time a call may take (15 s for an outcome, 600 s only for `exec`, which tests do not use up).
const ANSWER_PATIENCE: Duration = Duration::from_secs(90);

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// `Null` when the body is empty; a string when it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The call, for messages: `POST /api/v1/volumes`.
    pub call: String,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a success; anything else fails the test with the whole answer.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.is_success(), "{} was refused: {self}", self.call);
        self.body
    }

    /// The body of this very refusal, checked to be the whole error envelope; anything else fails the test.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}: {self}", self.call);
        assert_eq!(self.body["error"]["code"], code, "{self}");
        assert_eq!(self.body["message"], self.body["error"]["message"], "{self}");
        assert!(self.body["message"].as_str().is_some_and(|m| !m.is_empty()), "{self}");
        assert_eq!(self.header("x-request-id"), self.body["request_id"].as_str(), "{self}");
        assert_eq!(self.body["error"]["request_id"], self.body["request_id"], "{self}");
        self.body
    }

    /// The error's code; empty on success.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

/// One call. An error says that no whole answer came: the server may or may not have done what was asked.
pub(super) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_PATIENCE)?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if let Some(body) = body {
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    request += "\r\n";
    stream.write_all(request.as_bytes())?;
    // A server that refuses a body early closes the connection, and has answered all the same.
    if let Some(body) = body
        && let Err(e) = stream.write_all(body)
        && !matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
    {
        return Err(e);
    }
    read_answer(BufReader::new(stream), format!("{method} {path}"), method == "HEAD")
}

fn read_answer(mut stream: impl BufRead, call: String, without_body: bool) -> io::Result<Answer> {
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within the answer");
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(cut)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(cut());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, headers, body: Value::Null, bytes: Vec::new(), call };
    let mut bytes = Vec::new();
    if without_body {
        return Ok(answer);
    }
    match answer.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            bytes.resize(length, 0);
            stream.read_exact(&mut bytes)?;
        }
        None if answer.header("transfer-encoding") == Some("chunked") => {
            read_chunks(&mut stream, &mut bytes)?
        }
        None => drop(stream.read_to_end(&mut bytes)?),
    }
    answer.body = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    };
    answer.bytes = bytes;
    Ok(answer)
}

fn read_chunks(stream: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let start = bytes.len();
        bytes.resize(start + length, 0);
        stream.read_exact(&mut bytes[start..])?;
        stream.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let read = |text: &str| read_answer(text.as_bytes(), "GET /".into(), false);
        let answer =
            read("HTTP/1.1 404 Not Found\r\nX-Request-Id: a\r\nContent-Length: 12\r\n\r\n{\"code\":\"A\"}")
                .unwrap();
        assert_eq!((answer.status, answer.code(), answer.header("x-request-id")), (404, "A", Some("a")));
        let chunked =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n\"ab\r\n2\r\nc\"\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap().body, "abc");
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nready").unwrap().body, "ready");
        for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"] {
            assert_eq!(read(cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut:?}");
        }
    }
}
