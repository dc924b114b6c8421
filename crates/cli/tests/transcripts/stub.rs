//! A server that speaks the contract from memory, as far as the command line needs it: twins, lists in pages of two, the error
//! envelope, attachments that really come and go. No rules of its own beyond what the transcripts show. Snapshots are in
//! `snapshots`, services and projects in `services`.

mod services;
mod snapshots;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) const KEY: &str = "msk_a_test";
/// May look and not touch.
pub(crate) const READ_KEY: &str = "msk_u_reader";
const PAGE: usize = 2;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) volumes: Vec<Value>,
    trash: Vec<Value>,
    pub(crate) computers: Vec<Value>,
    attachments: Vec<Value>,
    pub(crate) services: Vec<Value>,
    /// Of all services, newest first.
    releases: Vec<Value>,
    /// Besides the default one.
    projects: Vec<Value>,
    /// Newest first.
    pub(crate) snapshots: Vec<Value>,
    pub(crate) events: Vec<Value>,
    /// What every snapshot holds: the folder, the entry, the bytes.
    pub(crate) files: Vec<(String, Value, Vec<u8>)>,
    /// Played before anything else, first come, first served.
    pub(crate) refusals: VecDeque<(u16, &'static str)>,
    /// Calls whose path ends so are never answered.
    pub(crate) hangs_at: Option<&'static str>,
    /// Method, path and query of every call.
    pub(crate) requests: Vec<String>,
    made: usize,
}

pub(crate) struct Stub {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    _runtime: tokio::runtime::Runtime,
}

impl Stub {
    pub(crate) fn start(world: World) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = Arc::new(Mutex::new(world));
        let router = Router::new().fallback(answer).with_state(world.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, world, _runtime: runtime }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

fn id(kind: &str, number: usize) -> String {
    format!("0198c0de-0000-7000-8000-{kind}{number:08}")
}

impl World {
    pub(crate) fn with_volume(mut self, name: &str, gb: u64) -> Self {
        self.add_volume(name, gb << 30);
        self
    }

    pub(crate) fn with_computer(mut self, name: &str, state: &str) -> Self {
        self.add_computer(name, state);
        self
    }

    fn add_volume(&mut self, name: &str, bytes: u64) -> Value {
        self.made += 1;
        let volume = json!({"id": id("aaaa", self.made), "name": name, "tenant_id": id("0000", 1), "workspace_id": null,
            "project_id": id("0000", 2), "size_gb": bytes.div_ceil(1 << 30), "size_bytes": bytes, "backend": "local",
            "filesystem": "ext4", "status": "available", "state": "available", "region": "local",
            "host_id": id("0000", 3), "attached_to": null, "attachments": [], "snapshot_schedule": null,
            "snapshot_retention_days": 7, "metadata": {}, "used_bytes": 1 << 20, "delete_protection": false,
            "error": null, "created_at": hours_ago(3), "updated_at": hours_ago(3)});
        self.volumes.insert(0, volume.clone());
        volume
    }

    fn add_computer(&mut self, name: &str, state: &str) -> Value {
        self.made += 1;
        let computer = json!({"id": id("cccc", self.made), "tenant_id": id("0000", 1), "owner_user_id": null,
            "name": name, "slug": name, "template_type": "miosa-desktop", "size": "small", "vcpus": 1,
            "memory_mb": 4096, "status": state, "state": state, "vm_id": null, "host_id": id("0000", 3),
            "region": "local", "workspace_id": null, "project_id": id("0000", 2), "ip_address": null,
            "visibility": "public", "sandbox_url": null, "desktop_url": null, "preview_domain": null,
            "selected_apps": [], "settings": {}, "metadata": {}, "external_workspace_id": null,
            "external_user_id": null, "external_project_id": null, "network": "isolated", "command": null,
            "restart_count": 0, "exit_code": null, "error": null, "attachments": [],
            "created_at": hours_ago(3), "updated_at": hours_ago(3)});
        self.computers.insert(0, computer.clone());
        computer
    }

    /// Writes the attachments into the volumes and computers that show them.
    fn settle(&mut self) {
        let of = |key: &str, id: &Value| -> Vec<Value> {
            self.attachments.iter().filter(|attachment| attachment[key] == *id).cloned().collect()
        };
        let (volumes, computers) = (&mut self.volumes, &mut self.computers);
        for volume in volumes {
            if snapshots::is_on_its_way(volume) {
                continue;
            }
            let attachments = of("volume_id", &volume["id"]);
            let state = if attachments.is_empty() { "available" } else { "attached" };
            volume["attached_to"] = attachments.first().map_or(Value::Null, |a| a["computer_id"].clone());
            (volume["state"], volume["status"]) = (state.into(), state.into());
            volume["attachments"] = attachments.into();
        }
        for computer in computers {
            computer["attachments"] = of("computer_id", &computer["id"]).into();
        }
    }
}

pub(crate) fn hours_ago(hours: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(hours)).to_string()
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let hangs = world.lock().unwrap().hangs_at.is_some_and(|end| uri.path().ends_with(end));
    if hangs {
        std::future::pending::<()>().await;
    }
    let mut world = world.lock().unwrap();
    world.requests.push(format!("{method} {uri}"));
    if let Some((status, code)) = world.refusals.pop_front() {
        return *refusal(status, code, "the server is not well");
    }
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match key.strip_prefix("Bearer ") {
        Some(KEY) => {}
        Some(READ_KEY) if method == Method::GET => {}
        Some(READ_KEY) => return *refusal(403, "insufficient_scope", "the key may not do this"),
        _ => return *refusal(401, "invalid_token", "the key is not known"),
    }
    if headers.get("x-miosa-tenant").is_some_and(|tenant| tenant == "html") {
        return (StatusCode::OK, "<html>a proxy says hello</html>").into_response();
    }
    let body: Value = if body.is_empty() { json!({}) } else { serde_json::from_slice(&body).unwrap() };
    let query = Query(uri.query().unwrap_or_default().to_owned());
    let path: Vec<&str> = uri.path().strip_prefix("/api/v1/").unwrap_or_default().split('/').collect();
    let outcome = match path[..] {
        ["volumes", volume, verb @ ("snapshots" | "clone" | "restore" | "compact" | "events")] => {
            snapshots::of_volume(&mut world, volume, verb, &method, &query, &body)
        }
        ["volume-snapshots", ..] => snapshots::snapshots(&mut world, &method, &path[1..], &uri, &body),
        ["volumes"] | ["volumes", ..] => volumes(&mut world, &method, &path[1..], &query, &body),
        ["volume-attachments", attachment] => detach(&mut world, attachment, &query),
        ["computers", id, "exec"] if services::is_replica(id) => services::exec(id, &body),
        ["services", ..] => services::services(&mut world, &method, &path[1..], &query, &body),
        ["projects", ..] => services::projects(&mut world, &method, &path[1..], &query, &body),
        ["computers", ..] => computers(&mut world, &method, &path[1..], &query, &body),
        _ => Err(refusal(404, "NOT_FOUND", "no such route")),
    };
    world.settle();
    outcome.unwrap_or_else(|refused| *refused)
}

struct Query(String);

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

type Outcome = Result<Response, Box<Response>>;

fn volumes(world: &mut World, method: &Method, path: &[&str], query: &Query, body: &Value) -> Outcome {
    match (method, path) {
        (&Method::GET, []) if query.get("status") == Some("deleted") => Ok(list(&world.trash, query)),
        (&Method::GET, []) => {
            let wanted =
                |volume: &&Value| query.get("project_id").is_none_or(|id| volume["project_id"] == id);
            let volumes: Vec<Value> = world.volumes.iter().filter(wanted).cloned().collect();
            Ok(list(&volumes, query))
        }
        (&Method::POST, []) => {
            let bytes = body["size_bytes"].as_u64().unwrap();
            if bytes > 500 << 30 {
                let problem = "must be from 67108864 (64 MiB) to 536870912000 (500 GB)";
                return Err(field_refusal("size_bytes", problem));
            }
            let name = body["name"].as_str().unwrap().to_owned();
            world.add_volume(&name, bytes);
            let volume = &mut world.volumes[0];
            snapshots::schedule(volume, body);
            for field in ["metadata", "delete_protection", "region", "project_id"] {
                if let Some(value) = body.get(field) {
                    volume[field] = value.clone();
                }
            }
            Ok(twin(201, volume))
        }
        (&Method::POST, [id, "undelete"]) => {
            let index = position(&world.trash, id).ok_or_else(|| not_found("volume"))?;
            let mut volume = world.trash.remove(index);
            volume["state"] = "available".into();
            let fields = volume.as_object_mut().unwrap();
            fields.retain(|name, _| name != "deleted_at" && name != "purge_after");
            world.volumes.insert(0, volume.clone());
            Ok(twin(200, &volume))
        }
        (_, [id]) => {
            let index = position(&world.volumes, id).ok_or_else(|| not_found("volume"))?;
            match *method {
                Method::PATCH => {
                    let volume = &mut world.volumes[index];
                    if body["snapshot_schedule"] == "every day" {
                        return Err(field_refusal("snapshot_schedule", "has 2 fields; five are wanted"));
                    }
                    for (field, value) in body.as_object().unwrap() {
                        volume[field] = value.clone();
                    }
                    snapshots::schedule(volume, body);
                }
                Method::GET => snapshots::go_on(&mut world.volumes[index]),
                Method::DELETE => return delete_volume(world, index),
                _ => {}
            }
            Ok(twin(200, &world.volumes[index]))
        }
        _ => Err(refusal(404, "NOT_FOUND", "no such route")),
    }
}

fn delete_volume(world: &mut World, index: usize) -> Outcome {
    let volume = &world.volumes[index];
    let id = volume["id"].as_str().unwrap().to_owned();
    if volume["delete_protection"] == true {
        let message = format!("volume {id} has delete protection; turn it off first");
        return Err(refusal_with("PROTECTED", &message, json!({"volume_id": id})));
    }
    if volume["state"] == "attached" {
        let message = format!("volume {id} is attached; detach it first");
        let details = json!({"attachment_id": volume["attachments"][0]["id"]});
        return Err(refusal_with("VOLUME_IN_USE", &message, details));
    }
    let mut volume = world.volumes.remove(index);
    volume["state"] = "deleted".into();
    volume["deleted_at"] = hours_ago(0).into();
    volume["purge_after"] = "2999-05-24T10:00:00Z".into();
    world.trash.insert(0, volume);
    Ok(twin(200, &json!({"id": id, "deleted": true, "success": true, "status": "deleted"})))
}

fn computers(world: &mut World, method: &Method, path: &[&str], query: &Query, body: &Value) -> Outcome {
    match (method, path) {
        (&Method::GET, []) => {
            let wanted =
                |computer: &&Value| query.get("status").is_none_or(|state| computer["state"] == state);
            let computers: Vec<Value> = world.computers.iter().filter(wanted).cloned().collect();
            return Ok(list(&computers, query));
        }
        (&Method::POST, []) => return Ok(create_computer(world, body)),
        _ => {}
    }
    let index = position(&world.computers, path[0]).ok_or_else(|| not_found("computer"))?;
    let computer = world.computers[index].clone();
    match (method, &path[1..]) {
        (&Method::GET, []) => Ok(twin(200, &computer)),
        (&Method::DELETE, []) => {
            world.computers.remove(index);
            world.attachments.retain(|attachment| attachment["computer_id"] != computer["id"]);
            Ok(twin(
                200,
                &json!({"id": computer["id"], "success": true, "deleted": true, "status": "destroying"}),
            ))
        }
        (&Method::POST, [verb @ ("start" | "stop" | "restart")]) => {
            let state = if *verb == "stop" { "stopped" } else { "running" };
            let computer = &mut world.computers[index];
            (computer["state"], computer["status"]) = (state.into(), state.into());
            let mut answer = computer.clone();
            answer["success"] = true.into();
            answer["message"] = format!("{verb}: done").into();
            Ok(twin(200, &answer))
        }
        (&Method::POST, ["clone" | "resize" | "move"]) => {
            Err(refusal(409, "RESOURCE_STATE", "this is not supported yet"))
        }
        (&Method::POST, ["exec"]) => exec(&computer, body),
        (&Method::GET, ["logs"]) => {
            let count: usize = query.get("lines").map_or(3, |lines| lines.parse().unwrap());
            let lines: Vec<Value> = (1..=3).skip(3 - count.min(3)).map(log_line).collect();
            Ok(twin(200, &json!({"lines": lines, "logs": "line 1\nline 2\nline 3\n"})))
        }
        (&Method::GET, ["logs", "stream"]) => {
            let events: String = (1..=2).map(|n| format!("event: log\ndata: {}\n\n", log_line(n))).collect();
            Ok(([("content-type", "text/event-stream")], format!(": ping\n\n{events}")).into_response())
        }
        (&Method::GET, ["volumes"]) => Ok(list(computer["attachments"].as_array().unwrap(), query)),
        (&Method::POST, ["volumes"]) => attach(world, &computer, body),
        (&Method::DELETE, ["volumes", attachment]) => detach(world, attachment, query),
        _ => Err(refusal(404, "NOT_FOUND", "no such route")),
    }
}

fn create_computer(world: &mut World, body: &Value) -> Response {
    let state = if body["auto_start"] == false { "stopped" } else { "provisioning" };
    world.add_computer(body["name"].as_str().unwrap_or("quiet-fox"), state);
    let computer = &mut world.computers[0];
    for field in ["size", "network", "command", "template_type"] {
        if let Some(value) = body.get(field) {
            computer[field] = value.clone();
        }
    }
    let answer = twin(201, computer);
    if state == "provisioning" {
        (computer["state"], computer["status"]) = ("running".into(), "running".into());
    }
    answer
}

fn exec(computer: &Value, body: &Value) -> Outcome {
    if computer["state"] != "running" {
        let (id, state) = (computer["id"].as_str().unwrap(), computer["state"].as_str().unwrap());
        let details = json!({"computer_id": id, "status": state});
        return Err(refusal_with(
            "RESOURCE_STATE",
            &format!("computer {id} is {state}: start it first"),
            details,
        ));
    }
    let command = body["command"].as_str().unwrap_or_default();
    let code = if command.contains("fail") { 7 } else { 0 };
    let stdout = format!("ran: {command}\n");
    let stderr = if code == 0 { "" } else { "no such luck\n" };
    let done = json!({"exit_code": code, "stdout": stdout, "stderr": stderr, "output": stdout,
        "success": code == 0, "timed_out": false, "truncated": false});
    Ok(twin(200, &done))
}

fn log_line(number: usize) -> Value {
    let text = format!("line {number}");
    json!({"type": "log", "timestamp": "2026-05-17T10:00:00Z", "stream": "stdout", "line": text, "message": text})
}

fn attach(world: &mut World, computer: &Value, body: &Value) -> Outcome {
    let id_wanted = body["volume_id"].as_str().unwrap();
    let index = position(&world.volumes, id_wanted).ok_or_else(|| not_found("volume"))?;
    let volume = world.volumes[index].clone();
    if volume["state"] == "attached" {
        let message = format!("volume {id_wanted} is already attached; detach it first");
        let details = json!({"attachment_id": volume["attachments"][0]["id"]});
        return Err(refusal_with("VOLUME_ATTACHED", &message, details));
    }
    let path = body["mount_path"].as_str().unwrap_or("/mnt/data");
    if !path.starts_with('/') {
        return Err(field_refusal("mount_path", "must be absolute"));
    }
    world.made += 1;
    let attachment = json!({"id": id("bbbb", world.made), "volume_id": volume["id"], "computer_id": computer["id"],
        "service_id": null, "instance_id": null, "mount_path": path, "read_only": body["read_only"] == true, "shared": false,
        "state": "attached", "status": "attached", "device": "/dev/loop7", "volume_name": volume["name"],
        "size_gb": volume["size_gb"], "host_id": volume["host_id"], "error": null,
        "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z"});
    world.attachments.push(attachment.clone());
    Ok(twin(201, &attachment))
}

/// Attachments at `/busy` are held by a process until force is used.
fn detach(world: &mut World, id_wanted: &str, query: &Query) -> Outcome {
    let index = position(&world.attachments, id_wanted).ok_or_else(|| not_found("attachment"))?;
    if world.attachments[index]["mount_path"] == "/busy" && query.get("force") != Some("true") {
        let message = "the volume has files in use: pid 71 (tail -f /busy/\u{1b}[31mlog)";
        return Err(refusal_with("VOLUME_IN_USE", message, json!({"holders": [{"pid": 71}]})));
    }
    let id = world.attachments.remove(index)["id"].clone();
    Ok(twin(200, &json!({"id": id, "deleted": true, "success": true, "status": "detached"})))
}

fn position(objects: &[Value], id: &str) -> Option<usize> {
    objects.iter().position(|object| object["id"] == id)
}

fn list(objects: &[Value], query: &Query) -> Response {
    let start: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let page: Vec<&Value> = objects.iter().skip(start).take(PAGE).collect();
    let next = start + page.len();
    let more = next < objects.len();
    let info = json!({"page": 1, "page_size": PAGE, "total": objects.len(), "per_page": PAGE,
        "next_cursor": more.then(|| next.to_string()), "has_more": more});
    axum::Json(json!({"data": page, "page": info})).into_response()
}

fn twin(status: u16, object: &Value) -> Response {
    let mut body = object.clone();
    body["data"] = object.clone();
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn not_found(what: &str) -> Box<Response> {
    refusal(404, "NOT_FOUND", &format!("{what} not found"))
}

fn field_refusal(field: &str, problem: &str) -> Box<Response> {
    envelope(
        422,
        "VALIDATION_ERROR",
        "the request has wrong values",
        json!({ field: [problem] }),
        json!({"errors": {field: [problem]}}),
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Box<Response> {
    envelope(status, code, message, json!({}), json!({}))
}

fn refusal_with(code: &str, message: &str, details: Value) -> Box<Response> {
    envelope(409, code, message, json!({}), details)
}

fn envelope(status: u16, code: &str, message: &str, errors: Value, details: Value) -> Box<Response> {
    let mut body = Map::new();
    let inner = json!({"code": code, "message": message, "request_id": "req_stub", "details": details,
        "retryable": status == 503});
    body.insert("error".into(), inner);
    body.insert("message".into(), message.into());
    body.insert("code".into(), code.into());
    body.insert("request_id".into(), "req_stub".into());
    if errors != json!({}) {
        body.insert("errors".into(), errors);
    }
    let headers = [("retry-after", "0")];
    Box::new(
        (StatusCode::from_u16(status).unwrap(), headers, axum::Json(Value::Object(body))).into_response(),
    )
}
