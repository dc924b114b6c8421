//! Services and projects, as far as the transcripts need them. A look at a release is all the time that it needs; one whose
//! command holds "doomed" fails then, and the one before it needs another look to come back.

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{Outcome, Query, World, field_refusal, hours_ago, id, list, not_found, position, refusal, twin};

/// What a replica's id begins with.
const REPLICAS: &str = "0198c0de-0000-7000-8000-eeee";

fn set_state(object: &mut Value, state: &str) {
    (object["state"], object["status"]) = (state.into(), state.into());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl World {
    /// The project of everything that names none.
    pub(crate) fn default_project() -> Value {
        project(2, "Default", "default", true)
    }

    /// Served as release 1, whose command is `run`.
    pub(crate) fn with_service(mut self, name: &str, replicas: u32, volumes: Value) -> Self {
        let body = json!({"name": name, "source": "miosa-default",
            "settings": {"replicas": replicas, "start_command": "run", "volumes": volumes}});
        create(&mut self, &body);
        self.services[0]["target"] = Value::Null;
        let service = self.services[0].clone();
        go_on(&mut self, &service["deploying_release_id"]);
        show(&mut self);
        self
    }
}

fn project(number: usize, name: &str, slug: &str, is_default: bool) -> Value {
    json!({"id": id("0000", number), "tenant_id": id("0000", 1), "workspace_id": null, "name": name, "slug": slug,
        "description": null, "metadata": {}, "is_default": is_default, "created_at": hours_ago(3),
        "updated_at": hours_ago(3)})
}

pub(super) fn projects(
    world: &mut World,
    method: &Method,
    path: &[&str],
    query: &Query,
    body: &Value,
) -> Outcome {
    let mut all = world.projects.clone();
    all.push(World::default_project());
    match (method, path) {
        (&Method::GET, []) => return Ok(list(&all, query)),
        (&Method::POST, []) => {
            world.made += 1;
            let name = text(&body["name"]);
            let mut made = project(world.made, name, body["slug"].as_str().unwrap_or(name), false);
            made["description"] = body["description"].clone();
            world.projects.insert(0, made.clone());
            return Ok(twin(201, &made));
        }
        (&Method::GET, ["default"]) => return Ok(twin(200, &World::default_project())),
        _ => {}
    }
    let index = position(&all, path[0]).ok_or_else(|| not_found("project"))?;
    if *method == Method::GET {
        return Ok(twin(200, &all[index]));
    }
    if all[index]["is_default"] == true {
        let problem = format!("project {} is the default one, which cannot be deleted", path[0]);
        return Err(refusal(409, "PROJECT_IN_USE", &problem));
    }
    world.projects.remove(index);
    Ok(twin(200, &json!({"id": path[0], "deleted": true, "success": true, "status": "deleted"})))
}

pub(super) fn is_replica(id: &str) -> bool {
    id.starts_with(REPLICAS)
}

/// In which replica, and what.
pub(super) fn exec(id: &str, body: &Value) -> Outcome {
    let replica = &id[id.len() - 1..];
    let stdout = format!("replica {replica} ran: {}\n", text(&body["command"]));
    Ok(twin(
        200,
        &json!({"exit_code": 0, "stdout": stdout, "stderr": "", "output": stdout, "success": true,
            "timed_out": false, "truncated": false}),
    ))
}

pub(super) fn services(
    world: &mut World,
    method: &Method,
    path: &[&str],
    query: &Query,
    body: &Value,
) -> Outcome {
    match (method, path) {
        (&Method::GET, []) => {
            let is = |service: &Value, field: &str, name: &str| {
                query.get(name).is_none_or(|wanted| service[field] == *wanted)
            };
            let wanted = |s: &&Value| is(s, "state", "status") && is(s, "project_id", "project_id");
            let found: Vec<Value> = world.services.iter().filter(wanted).cloned().collect();
            return Ok(list(&found, query));
        }
        (&Method::POST, []) => {
            create(world, body);
            show(world);
            return Ok(twin(201, &world.services[0]));
        }
        _ => {}
    }
    let index = position(&world.services, path[0]).ok_or_else(|| not_found("service"))?;
    let outcome = of_service(world, index, method, &path[1..], query, body);
    show(world);
    outcome
}

fn of_service(
    world: &mut World,
    index: usize,
    method: &Method,
    path: &[&str],
    query: &Query,
    body: &Value,
) -> Outcome {
    let service = world.services[index].clone();
    let replicas = service["replicas"].as_u64().unwrap();
    match (method, path) {
        (&Method::GET, []) => {
            // A second look brings back what was served before.
            world.services[index]["coming_back"] = false.into();
            if service["state"] == "destroying" {
                world.services.remove(index);
            }
            Ok(twin(200, &service))
        }
        (&Method::PATCH, []) => update(world, index, body),
        (&Method::DELETE, []) => {
            world.services[index]["target"] = "destroying".into();
            let id = &service["id"];
            Ok(twin(200, &json!({"id": id, "deleted": true, "success": true, "status": "destroying"})))
        }
        (&Method::POST, ["scale"]) => {
            set_replicas(&mut world.services[index], &body["replicas"]);
            let active = release_index(world, &service["active_release_id"]);
            Ok(twin(200, &world.releases[active.unwrap_or_default()]))
        }
        (&Method::POST, ["stop"]) => {
            world.services[index]["target"] = "stopped".into();
            Ok(twin(
                200,
                &json!({"id": service["id"], "stopped": replicas, "success": true, "status": "stopped"}),
            ))
        }
        (&Method::POST, ["start"]) if service["state"] != "stopped" => {
            let message =
                format!("service {} is running already; restart it, or deploy to it", service["id"]);
            Err(refusal(409, "SERVICE_STATE", &message))
        }
        (&Method::POST, ["start" | "deployments"]) => {
            let cause = if path[0] == "start" { "start" } else { "deploy" };
            merge(&mut world.services[index], body);
            let made = release(world, index, cause, body, None);
            Ok(twin(201, &made))
        }
        (&Method::POST, ["restart" | "promote" | "rollback"]) => serve_again(world, index, path[0], body),
        (&Method::GET, ["deployments"]) => {
            let of = |r: &&Value| r["service_id"] == service["id"];
            let releases: Vec<Value> = world.releases.iter().filter(of).cloned().collect();
            Ok(list(&releases, query))
        }
        (&Method::GET, ["deployments", release_id]) => {
            go_on(world, &(*release_id).into());
            let found = release_index(world, &(*release_id).into()).ok_or_else(|| not_found("release"))?;
            Ok(twin(200, &world.releases[found]))
        }
        (&Method::GET, ["instances"]) => Ok(list(&instances(&service), query)),
        (&Method::GET, ["logs"]) => Ok(logs(replicas, query)),
        _ => Err(refusal(404, "NOT_FOUND", "no such route")),
    }
}

fn serve_again(world: &mut World, index: usize, verb: &str, body: &Value) -> Outcome {
    let service = world.services[index].clone();
    let base = match body["release_id"].as_str() {
        Some(id) => release_index(world, &id.into()).ok_or_else(|| not_found("release"))?,
        None if verb == "restart" => release_index(world, &service["active_release_id"]).unwrap(),
        None => {
            let good = |r: &Value| r["state"] == "stopped" && r["service_id"] == service["id"];
            let message = format!("service {verb} has no earlier release that was good");
            let previous = world.releases.iter().position(good);
            previous.ok_or_else(|| refusal(409, "SERVICE_STATE", &message))?
        }
    };
    let base = world.releases[base].clone();
    if base["state"] != "active" && base["state"] != "stopped" {
        let message = format!("release {} is failed: only one that was good can be served again", base["id"]);
        return Err(refusal(409, "RELEASE_STATE", &message));
    }
    let made = release(world, index, verb, body, Some(&base));
    Ok(twin(200, &made))
}

fn logs(replicas: u64, query: &Query) -> Response {
    let wanted = |index: &u64| query.get("replica").is_none_or(|text| text == index.to_string());
    let lines: Vec<Value> = (0..replicas).filter(wanted).map(log_line).collect();
    if query.get("follow").is_none() {
        let page = json!({"page": 1, "page_size": lines.len(), "total": lines.len(),
            "per_page": lines.len(), "next_cursor": null, "has_more": false});
        return axum::Json(json!({"data": lines, "page": page})).into_response();
    }
    let events: String = lines.iter().map(|line| format!("event: log\nid: 1\ndata: {line}\n\n")).collect();
    ([("content-type", "text/event-stream")], events).into_response()
}

fn create(world: &mut World, body: &Value) {
    world.made += 1;
    let settings = json!({"replicas": 1, "template": "miosa-default", "start_command": null, "env": {},
        "size": "small", "network": "isolated", "port": null, "restart_policy": "always", "health_check": null,
        "start_timeout_seconds": 60, "stop_grace_seconds": 10, "volumes": []});
    let project_id = body["project_id"].as_str().map_or(id("0000", 2), str::to_owned);
    let service = json!({"id": id("dddd", world.made), "tenant_id": id("0000", 1), "project_id": project_id,
        "environment_id": project_id, "host_id": id("0000", 3), "name": body["name"], "slug": body["name"],
        "kind": "server", "type": "server", "status": "pending", "state": "pending", "source": null, "build": null,
        "settings": settings, "volumes": [], "replica_volumes": [], "replicas": 1, "desired_replicas": 1,
        "ready_replicas": 0, "lock_version": 1, "active_release_id": null, "active_release_number": null,
        "deploying_release_id": null, "error": null, "warnings": [], "url": null, "pending_changes": null,
        "created_at": hours_ago(3), "updated_at": hours_ago(3)});
    world.services.insert(0, service);
    merge(&mut world.services[0], body);
    if body["source"].is_string() {
        release(world, 0, "deploy", body, None);
    }
}

/// A source and settings that a body gives.
fn merge(service: &mut Value, body: &Value) {
    if body["source"].is_string() {
        service["source"] = json!({"type": "template", "ref": body["source"]});
        service["settings"]["template"] = body["source"].clone();
    }
    let top = body.as_object().cloned().unwrap_or_default();
    let settings = body["settings"].as_object().cloned().unwrap_or_default();
    for (field, value) in settings.into_iter().chain(top) {
        match (field.as_str(), &value) {
            ("replicas", count) => set_replicas(service, count),
            ("volumes", Value::Array(items)) => {
                let items = items.iter().map(|item| {
                    let (id, path) = (&item["data_service_id"], &item["mount_path"]);
                    let (shared, read_only) = (item["shared"] == true, item["read_only"] == true);
                    json!({"dataServiceId": id, "data_service_id": id, "volume_id": id, "mountPath": path,
                        "mount_path": path, "shared": shared, "readOnly": read_only, "read_only": read_only})
                });
                service["settings"]["volumes"] = items.collect();
            }
            ("health_check", Value::Object(check)) => service["settings"]["health_check"] = health(check),
            (name, value) if service["settings"].get(name).is_some() => {
                service["settings"][name] = value.clone();
            }
            _ => {}
        }
    }
}

fn health(check: &Map<String, Value>) -> Value {
    let kind = if check.get("command").is_some_and(Value::is_string) { "command" } else { "http" };
    let mut full = json!({"type": kind, "command": null, "path": null, "port": null, "interval_seconds": 10,
        "timeout_seconds": 5, "retries": 3});
    full.as_object_mut().unwrap().extend(check.clone());
    full
}

fn set_replicas(service: &mut Value, count: &Value) {
    (service["replicas"], service["desired_replicas"]) = (count.clone(), count.clone());
    service["settings"]["replicas"] = count.clone();
}

fn update(world: &mut World, index: usize, body: &Value) -> Outcome {
    let before = world.services[index].clone();
    if body["lock_version"] != before["lock_version"] {
        return Err(refusal(409, "STALE_SERVICE", "the service was changed meanwhile; read it again"));
    }
    if body["settings"]["port"] == 13 {
        return Err(field_refusal("port", "brings bad luck"));
    }
    let service = &mut world.services[index];
    merge(service, body);
    if body["name"].is_string() {
        service["name"] = body["name"].clone();
    }
    service["lock_version"] = (before["lock_version"].as_u64().unwrap() + 1).into();
    if service["settings"]["volumes"] != before["settings"]["volumes"] && before["state"] == "running" {
        let made = release(world, index, "volumes", body, None);
        let mounted = made["settings"]["volumes"].as_array().unwrap();
        // Whether it can be mounted is known at once.
        if mounted.iter().any(|volume| text(&volume["mount_path"]).ends_with("doomed")) {
            go_on(world, &made["id"]);
        }
    }
    show(world);
    Ok(twin(200, &world.services[index]))
}

fn release(world: &mut World, index: usize, cause: &str, body: &Value, base: Option<&Value>) -> Value {
    world.made += 1;
    let service = &mut world.services[index];
    if let Some(base) = base.filter(|_| cause != "restart") {
        service["settings"] = base["settings"].clone();
        service["settings"]["replicas"] = service["replicas"].clone();
    }
    let settings = base.map_or(&service["settings"], |base| &base["settings"]);
    let number = 1 + world.releases.iter().filter(|r| r["service_id"] == service["id"]).count();
    let volumes = service["settings"]["volumes"].as_array().unwrap();
    let taken = volumes.iter().filter(|_| body["snapshot_before"] == true).enumerate();
    let taken =
        taken.map(|(at, v)| json!({"volume_id": v["volume_id"], "snapshot_id": id("5555", 9000 + at)}));
    let is_exclusive = volumes.iter().any(|v| v["shared"] == false && v["read_only"] == false);
    let handover = (is_exclusive && service["active_release_id"].is_string()).then_some(340);
    let made = json!({"id": id("ffff", world.made), "service_id": service["id"], "tenant_id": id("0000", 1),
        "number": number, "state": "deploying", "status": "deploying", "reason": null, "cause": cause,
        "source": service["source"], "settings": settings, "message": body["message"],
        "serves_again": base.map(|base| base["number"].clone()), "snapshots": taken.collect::<Vec<_>>(),
        "handover_ms": handover, "created_at": hours_ago(2), "updated_at": hours_ago(2), "settled_at": null});
    if let Some(before) = world.releases.iter_mut().find(|r| r["id"] == service["deploying_release_id"]) {
        set_state(before, "canceled");
        before["reason"] = json!({"code": "SUPERSEDED", "detail": "another release was deployed"});
    }
    service["deploying_release_id"] = made["id"].clone();
    service["target"] = Value::Null;
    world.releases.insert(0, made.clone());
    made
}

fn release_index(world: &World, id: &Value) -> Option<usize> {
    world.releases.iter().position(|release| release["id"] == *id)
}

/// A release that is being deployed comes to its end.
fn go_on(world: &mut World, id: &Value) {
    let Some(at) = release_index(world, id) else { return };
    if world.releases[at]["state"] != "deploying" {
        return;
    }
    let service_id = world.releases[at]["service_id"].clone();
    let index = world.services.iter().position(|service| service["id"] == service_id).unwrap();
    let active = world.services[index]["active_release_id"].clone();
    world.services[index]["deploying_release_id"] = Value::Null;
    let settings = &world.releases[at]["settings"];
    if settings.to_string().contains("doomed") {
        let (code, detail) = match text(&settings["start_command"]).contains("doomed") {
            true => ("CRASH_LOOP", "replica 0 ended 3 times before it was healthy, with code 7"),
            false => ("CANNOT_START", "the volume is attached elsewhere"),
        };
        set_state(&mut world.releases[at], "failed");
        world.releases[at]["reason"] = json!({"code": code, "detail": detail});
        let service = &mut world.services[index];
        service["coming_back"] = active.is_string().into();
        service["error"] = format!("release {} failed: {detail}", world.releases[at]["number"]).into();
        return;
    }
    set_state(&mut world.releases[at], "active");
    let number = world.releases[at]["number"].clone();
    if let Some(before) = release_index(world, &active) {
        set_state(&mut world.releases[before], "stopped");
        let detail = format!("release {number} is served");
        world.releases[before]["reason"] = json!({"code": "SUPERSEDED", "detail": detail});
    }
    let service = &mut world.services[index];
    (service["active_release_id"], service["active_release_number"]) = (id.clone(), number);
    service["error"] = Value::Null;
}

/// Writes into services what follows from their releases.
fn show(world: &mut World) {
    let World { services, releases, volumes, .. } = world;
    for service in services {
        let is_served = service["active_release_id"].is_string();
        let state = match (&service["target"], &service["deploying_release_id"]) {
            (Value::String(target), _) => target.clone(),
            (_, Value::String(_)) => "deploying".into(),
            _ if service["coming_back"] == true => "deploying".into(),
            _ if is_served => "running".into(),
            _ if service["error"].is_string() => "failed".into(),
            _ => "pending".into(),
        };
        set_state(service, &state);
        service["ready_replicas"] = if state == "running" { service["replicas"].clone() } else { 0.into() };
        service["volumes"] = service["settings"]["volumes"].clone();
        let active = releases.iter().find(|release| release["id"] == service["active_release_id"]);
        let pending: Map<String, Value> = match active {
            None => Map::new(),
            Some(active) => {
                let differs = |(name, value): &(&String, &Value)| {
                    *name != "replicas" && active["settings"][name.as_str()] != **value
                };
                let next = service["settings"].as_object().unwrap();
                next.iter().filter(differs).map(|(n, v)| (n.clone(), v.clone())).collect()
            }
        };
        service["pending_changes"] = if pending.is_empty() { Value::Null } else { Value::Object(pending) };
        let replicas = service["replicas"].as_u64().unwrap();
        let mut shown = Vec::new();
        for mounted in service["settings"]["volumes"].as_array().unwrap() {
            let named = volumes.iter().find(|volume| volume["id"] == mounted["volume_id"]);
            let name = named.map_or("gone", |volume| text(&volume["name"]));
            let is_own = mounted["shared"] == false && mounted["read_only"] == false;
            for index in 0..if is_own { replicas.max(1) } else { 1 } {
                let (id, name) = match index {
                    0 => (text(&mounted["volume_id"]).to_owned(), name.to_owned()),
                    _ => (id("abcd", index as usize), format!("{name}-replica-{index}")),
                };
                shown.push(json!({"replica": is_own.then_some(index), "volume_id": id, "name": name,
                    "mount_path": mounted["mount_path"], "in_use": true}));
            }
        }
        let mut mounted = service["settings"]["volumes"].as_array().unwrap().iter();
        let writers = replicas > 1 && mounted.any(|v| v["shared"] == true && v["read_only"] == false);
        service["warnings"] = match writers {
            true => json!([
                "several replicas write to a shared volume: files need locks that all of them respect"
            ]),
            false => json!([]),
        };
        service["replica_volumes"] = shown.into();
    }
}

fn instances(service: &Value) -> Vec<Value> {
    let replicas = service["ready_replicas"].as_u64().unwrap();
    let of_replica = |index: u64| {
        let mounted = service["replica_volumes"].as_array().unwrap().iter();
        let mounted = mounted.filter(|v| v["replica"].is_null() || v["replica"] == index).map(|v| {
            json!({"volume_id": v["volume_id"], "volume_name": v["name"], "mount_path": v["mount_path"],
                "shared": v["replica"].is_null(), "read_only": false, "state": "attached"})
        });
        json!({"id": format!("{REPLICAS}{index:08}"), "deployment_id": service["id"], "service_id": service["id"],
            "release_id": service["active_release_id"], "release_number": service["active_release_number"],
            "tenant_id": id("0000", 1), "host_id": id("0000", 3), "replica": index, "desired_state": "running",
            "state": "healthy", "status": "healthy", "ip_address": null, "port": service["settings"]["port"],
            "restart_count": 0, "exit_code": null, "started_at": hours_ago(1), "stopped_at": null,
            "error_message": null, "volumes_mounted": mounted.collect::<Vec<_>>(), "metadata": {},
            "created_at": hours_ago(1), "updated_at": hours_ago(1)})
    };
    (0..replicas).map(of_replica).collect()
}

fn log_line(replica: u64) -> Value {
    let text = format!("replica {replica} is there");
    json!({"type": "log", "timestamp": "2026-05-17T10:00:00Z", "stream": "stdout", "replica": replica,
        "instance_id": format!("{REPLICAS}{replica:08}"), "line": text, "message": text})
}
