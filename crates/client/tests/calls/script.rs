//! A server that plays a script: each connection gets the next answer.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) enum Reply {
    /// The whole answer, then the connection is closed.
    Bytes { status_line: String, headers: String, body: String },
    /// As it stands, well-formed or not.
    Raw(String),
    /// The request is read and the connection closed.
    HangUp,
    /// The request is read, and nothing follows.
    Silence,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Reply::Bytes {
            status_line: format!("HTTP/1.1 {status} -"),
            headers: String::new(),
            body: body.to_string(),
        }
    }

    pub(crate) fn raw(answer: &str) -> Self {
        Reply::Raw(answer.to_owned())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Reply::Bytes { headers, .. } = &mut self {
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        self
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method, path and query.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Script {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    player: JoinHandle<()>,
}

impl Script {
    pub(crate) async fn play(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let replies: Vec<Reply> = replies.into_iter().collect();
        let player = tokio::spawn(async move {
            let mut silent = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                match reply {
                    Reply::Bytes { status_line, headers, body } => {
                        let length = body.len();
                        let head = format!("content-length: {length}\r\nconnection: close\r\n{headers}\r\n");
                        let answer = format!("{status_line}\r\n{head}{body}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                    Reply::Raw(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    Reply::HangUp => {}
                    Reply::Silence => silent.push(stream),
                }
            }
            if !silent.is_empty() {
                std::future::pending::<()>().await;
            }
        });
        Self { port, requests, player }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.player.abort();
    }
}

async fn read_request(stream: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    let request_line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    Request { line: request_line, headers, body: String::from_utf8(body).unwrap() }
}

/// A refusal in the error envelope.
pub(crate) fn refusal(status: u16, code: &str) -> Reply {
    let inner =
        json!({"code": code, "message": "no", "request_id": "req_1", "details": {}, "retryable": false});
    Reply::json(status, json!({"error": inner, "message": "no", "code": code, "request_id": "req_1"}))
}

pub(crate) fn list(objects: &[Value], next_cursor: Option<&str>) -> Value {
    json!({"data": objects, "page": {"page": 1, "page_size": 2, "total": objects.len(), "per_page": 2,
        "next_cursor": next_cursor, "has_more": next_cursor.is_some()}})
}

pub(crate) fn volume(id: &str) -> Value {
    json!({"id": id, "name": "a", "tenant_id": "t", "workspace_id": null, "project_id": "p", "size_gb": 1,
        "size_bytes": 1 << 30, "backend": "local", "filesystem": "ext4", "status": "available", "state": "available",
        "region": "local", "host_id": "h", "attached_to": null, "attachments": [], "snapshot_schedule": null,
        "snapshot_retention_days": 7, "metadata": {}, "used_bytes": 0, "delete_protection": false, "error": null,
        "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z", "later_field": 1})
}

pub(crate) fn computer(id: &str, status: &str) -> Value {
    json!({"id": id, "tenant_id": "t", "owner_user_id": null, "name": "box", "slug": "box",
        "template_type": "miosa-desktop", "size": "small", "vcpus": 1, "memory_mb": 4096, "status": status,
        "state": status, "vm_id": null, "host_id": "h", "region": "local", "workspace_id": null, "project_id": "p",
        "ip_address": null, "visibility": null, "sandbox_url": null, "desktop_url": null, "preview_domain": null,
        "selected_apps": [], "settings": {}, "metadata": {}, "external_workspace_id": null,
        "external_user_id": null, "external_project_id": null, "network": "isolated", "command": null,
        "restart_count": 0, "exit_code": null, "error": null, "attachments": [],
        "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z"})
}
