//! Snapshots, as far as the transcripts need them. Work that takes long takes one look longer, for what has a name that begins
//! with "slow"; and what is called "doomed" fails then.

use std::collections::HashMap;

use axum::extract::Query as Parameters;
use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::{
    Outcome, Query, World, field_refusal, hours_ago, id, list, not_found, position, refusal, refusal_with,
    twin,
};

pub(crate) const INSTANT: &str = "2026-05-17T04:00:07Z";
pub(crate) const CHECKSUM: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
/// Entries of a folder in one answer.
const FILES_PAGE: usize = 2;

impl World {
    /// Ready, and taken so many hours ago.
    pub(crate) fn with_snapshot(mut self, volume: &str, name: Option<&str>, hours: i64) -> Self {
        let volume = self.volumes.iter().find(|v| v["name"] == volume).unwrap().clone();
        let snapshot = self.add_snapshot(&volume, name.into(), "manual");
        snapshot["taken_at"] = hours_ago(hours).into();
        self
    }

    fn add_snapshot(&mut self, volume: &Value, name: Value, trigger: &str) -> &mut Value {
        self.made += 1;
        let snapshot = json!({"id": id("5555", self.made), "volume_id": volume["id"], "volume_name": volume["name"],
            "name": name, "tenant_id": id("0000", 1), "project_id": id("0000", 2), "host_id": id("0000", 3),
            "region": "local", "status": "ready", "state": "ready", "trigger": trigger, "phase": null,
            "progress_percent": null, "taken_at": hours_ago(2), "protected": false, "size_gb": volume["size_gb"],
            "size_bytes": volume["size_bytes"], "used_bytes": 300 << 20, "exclusive_bytes": null,
            "exclusive_bytes_at": null, "stall_ms": 2.31, "extents": 640, "compacted": false, "checksum": null,
            "verification": null, "expires_at": null, "metadata": {}, "error": null,
            "created_at": hours_ago(2), "updated_at": hours_ago(2)});
        self.snapshots.insert(0, snapshot);
        &mut self.snapshots[0]
    }

    pub(crate) fn with_event(mut self, volume: usize, at: &str, kind: &str, rest: Value) -> Self {
        let mut event = json!({"id": format!("e{}", self.events.len()), "volume_id": id("aaaa", volume), "at": at,
            "kind": kind, "message": "", "snapshot_id": null, "other_volume_id": null, "size_bytes": null});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        self.events.push(event);
        self
    }

    /// `kind` is file, dir, symlink or other; `content` what is in a file, or where a symlink points.
    pub(crate) fn with_file(
        mut self,
        folder: &str,
        name: &str,
        kind: &str,
        mode: u32,
        content: &str,
    ) -> Self {
        let path = format!("{}/{name}", folder.trim_end_matches('/'));
        let target = (kind == "symlink").then_some(content);
        let entry = json!({"name": name, "path": path, "size": content.len(), "is_dir": kind == "dir",
            "is_symlink": kind == "symlink", "type": kind, "mode": mode, "uid": 0, "gid": 1000,
            "symlink_target": target, "modified_at": "2026-05-16T09:30:00Z"});
        self.files.push((folder.into(), entry, content.into()));
        self
    }
}

fn begins_with(object: &Value, field: &str, word: &str) -> bool {
    object[field].as_str().is_some_and(|name| name.starts_with(word))
}

fn takes_long(object: &Value, field: &str) -> bool {
    begins_with(object, field, "slow") || begins_with(object, field, "doomed")
}

fn set_state(object: &mut Value, state: &str) {
    (object["state"], object["status"]) = (state.into(), state.into());
}

pub(super) fn is_on_its_way(volume: &Value) -> bool {
    ["creating", "restoring", "error"].into_iter().any(|state| volume["state"] == state)
}

/// A look at a volume is all the time that its work needs.
pub(super) fn go_on(volume: &mut Value) {
    let is_doomed = begins_with(volume, "name", "doomed");
    if volume["state"] == "creating" && is_doomed {
        set_state(volume, "error");
        volume["error"] = "the pool has no room".into();
    } else if is_on_its_way(volume) && volume["state"] != "error" {
        set_state(volume, "available");
    }
    if volume["compaction"]["state"] == "running" {
        volume["compaction"] = match is_doomed {
            true => json!({"state": "stopped", "extents_before": 120_000, "extents_now": 90_000,
                "progress_percent": null, "message": "the pool is nearly full"}),
            false => json!({"state": "done", "extents_before": 120_000, "extents_now": 12,
                "progress_percent": null, "message": null}),
        };
    }
}

/// The fields that follow from what was asked for.
pub(super) fn schedule(volume: &mut Value, body: &Value) {
    for field in ["snapshot_schedule", "snapshot_retention_days"] {
        if let Some(value) = body.get(field) {
            volume[field] = value.clone();
        }
    }
    let is_on = volume["snapshot_schedule"].is_string();
    let next = ["2999-05-18T04:00:00Z", "2999-05-19T04:00:00Z", "2999-05-20T04:00:00Z"];
    volume["snapshots"] = json!({"count": 0, "last_taken_at": null, "failures": 0, "schedule_message": null,
        "schedule_state": if is_on { "ok" } else { "off" }, "next": if is_on { &next[..] } else { &[] },
        "next_run_at": is_on.then_some(next[0]), "before_snapshot": body.get("before_snapshot"),
        "after_snapshot": body.get("after_snapshot"), "hook_timeout_seconds": 30});
}

pub(super) fn of_volume(
    world: &mut World,
    volume_id: &str,
    verb: &str,
    method: &Method,
    query: &Query,
    body: &Value,
) -> Outcome {
    if (method, verb) == (&Method::GET, "events") {
        let events: Vec<Value> =
            world.events.iter().filter(|e| e["volume_id"] == volume_id).cloned().collect();
        return Ok(list(&events, query));
    }
    let index = position(&world.volumes, volume_id).ok_or_else(|| not_found("volume"))?;
    let volume = world.volumes[index].clone();
    match verb {
        "snapshots" => create(world, &volume, body),
        "clone" => clone(world, &volume, body),
        "restore" => restore_in_place(world, index, body),
        _ => {
            world.volumes[index]["compaction"] = json!({"state": "running", "extents_before": 120_000,
                "extents_now": 118_000, "progress_percent": 2, "message": null});
            Ok(twin(200, &world.volumes[index]))
        }
    }
}

fn create(world: &mut World, volume: &Value, body: &Value) -> Outcome {
    if body["ttl"] == "soon" {
        return Err(field_refusal(
            "ttl",
            "must be a time like 3d, 12h, 30m or 90s, or a whole number of seconds",
        ));
    }
    let is_slow = takes_long(body, "name");
    let is_heavy = volume["name"] == "fragmented" && body["now"] != true;
    let snapshot = world.add_snapshot(volume, body["name"].clone(), "manual");
    if is_heavy {
        set_state(snapshot, "failed");
        let (message, details) =
            ("a snapshot would hold writers up for about 900 ms", json!({"snapshot": snapshot.clone()}));
        return Err(refusal_with("STALL_BUDGET", message, details));
    }
    snapshot["protected"] = (body["protected"] == true).into();
    if let Some(metadata) = body.get("metadata") {
        snapshot["metadata"] = metadata.clone();
    }
    if body["ttl"].is_string() {
        snapshot["expires_at"] = hours_ago(-71).into();
    }
    if is_slow {
        set_state(snapshot, "creating");
        (snapshot["phase"], snapshot["progress_percent"]) = ("compacting".into(), 40.into());
        (snapshot["taken_at"], snapshot["stall_ms"]) = (Value::Null, Value::Null);
    }
    Ok(twin(201, &world.snapshots[0]))
}

fn copy(world: &mut World, name: &str, bytes: u64, origin: Value) -> Value {
    world.add_volume(name, bytes);
    let made = &mut world.volumes[0];
    made["origin"] = origin;
    if takes_long(made, "name") {
        set_state(made, "creating");
    }
    made.clone()
}

fn clone(world: &mut World, volume: &Value, body: &Value) -> Outcome {
    let default = format!("{}-fork", volume["name"].as_str().unwrap());
    let name = body["name"].as_str().unwrap_or(&default);
    let bytes = body["size_bytes"].as_u64().or(volume["size_bytes"].as_u64()).unwrap();
    let origin = match body["snapshot_id"].as_str() {
        Some(id) => json!({"kind": "snapshot", "id": id}),
        None => json!({"kind": "volume", "id": volume["id"]}),
    };
    let mut made = copy(world, name, bytes, origin);
    if body["ttl"].is_string() {
        made["expires_at"] = "2999-05-20T10:00:00Z".into();
    }
    Ok(twin(201, &made))
}

fn restore_in_place(world: &mut World, index: usize, body: &Value) -> Outcome {
    let volume = world.volumes[index].clone();
    if volume["state"] == "attached" && body["force"] != true {
        let message = "the volume is attached; detach it first, or restore with force";
        let details = json!({"attachment_id": volume["attachments"][0]["id"]});
        return Err(refusal_with("VOLUME_IN_USE", message, details));
    }
    world.add_snapshot(&volume, Value::Null, "safety");
    let is_doomed = begins_with(&volume, "name", "doomed");
    let kind = if is_doomed { "volume.restore_failed" } else { "volume.restored" };
    let event = json!({"id": "e", "volume_id": volume["id"], "at": hours_ago(0), "kind": kind,
        "message": "the host has lost power", "snapshot_id": body["snapshot_id"], "other_volume_id": null,
        "size_bytes": null});
    world.events.insert(0, event);
    let volume = &mut world.volumes[index];
    if takes_long(volume, "name") {
        set_state(volume, "restoring");
    }
    Ok(twin(200, volume))
}

pub(super) fn snapshots(
    world: &mut World,
    method: &Method,
    path: &[&str],
    uri: &Uri,
    body: &Value,
) -> Outcome {
    let Parameters(parameters) = Parameters::<HashMap<String, String>>::try_from_uri(uri).unwrap();
    let query = Query(uri.query().unwrap_or_default().to_owned());
    let is = |snapshot: &Value, field: &str, name: &str| {
        parameters.get(name).is_none_or(|wanted| snapshot[field] == *wanted)
    };
    match (method, path) {
        (&Method::GET, []) => {
            let wanted = |s: &&Value| is(s, "volume_id", "volume_id") && is(s, "state", "status");
            let snapshots: Vec<Value> = world.snapshots.iter().filter(wanted).cloned().collect();
            return Ok(list(&snapshots, &query));
        }
        (&Method::POST, ["prune"]) => return prune(world, body),
        _ => {}
    }
    let index = position(&world.snapshots, path[0]).ok_or_else(|| not_found("snapshot"))?;
    match (method, &path[1..]) {
        (&Method::GET, ["files"]) => files(world, &parameters),
        (&Method::GET, ["files", verb]) => file(world, verb, &parameters),
        (&Method::GET, ["diff"]) => Ok(diff(path[0], &parameters)),
        (&Method::POST, ["restore"]) => {
            let snapshot = world.snapshots[index].clone();
            let bytes = body["size_bytes"].as_u64().or(snapshot["size_bytes"].as_u64()).unwrap();
            let origin = json!({"kind": "snapshot", "id": snapshot["id"]});
            let made = copy(world, body["name"].as_str().unwrap(), bytes, origin);
            Ok(twin(201, &made))
        }
        (&Method::DELETE, []) => {
            let snapshot = &world.snapshots[index];
            if snapshot["protected"] == true {
                let details = json!({"snapshot_id": snapshot["id"]});
                return Err(refusal_with("PROTECTED", "the snapshot is protected", details));
            }
            let id = world.snapshots.remove(index)["id"].clone();
            Ok(twin(200, &json!({"id": id, "deleted": true, "success": true, "status": "deleted"})))
        }
        (_, rest) => {
            change(&mut world.snapshots[index], method, rest, body);
            Ok(twin(200, &world.snapshots[index]))
        }
    }
}

fn change(snapshot: &mut Value, method: &Method, path: &[&str], body: &Value) {
    let verification = |state: &str, percent: Value, message: Value| {
        let at = INSTANT;
        json!({"state": state, "at": at, "progress_percent": percent, "message": message})
    };
    match (method, path) {
        (&Method::PATCH, []) => {
            for (field, value) in body.as_object().unwrap() {
                snapshot[field] = value.clone();
            }
        }
        (&Method::POST, ["verify"]) => {
            snapshot["checksum"] = CHECKSUM.into();
            snapshot["verification"] = verification("running", 10.into(), Value::Null);
        }
        _ if snapshot["state"] == "creating" => {
            let is_doomed = begins_with(snapshot, "name", "doomed");
            set_state(snapshot, if is_doomed { "failed" } else { "ready" });
            (snapshot["phase"], snapshot["progress_percent"]) = (Value::Null, Value::Null);
            match is_doomed {
                true => snapshot["error"] = "the write-back did not end within 60 s".into(),
                false => (snapshot["taken_at"], snapshot["compacted"]) = (hours_ago(2).into(), true.into()),
            }
        }
        _ if snapshot["verification"]["state"] == "running" => {
            snapshot["verification"] = match begins_with(snapshot, "name", "rotten") {
                true => {
                    verification("damaged", Value::Null, "the data has the checksum 00, not its own".into())
                }
                false => verification("intact", Value::Null, Value::Null),
            };
        }
        _ => {}
    }
}

fn prune(world: &mut World, body: &Value) -> Outcome {
    let of = |s: &&Value| body["volume_id"].is_null() || s["volume_id"] == body["volume_id"];
    let expired: Vec<Value> =
        world.snapshots.iter().filter(of).filter(|s| s["expires_at"].is_string()).cloned().collect();
    let (kept, pruned): (Vec<_>, Vec<_>) = expired.into_iter().partition(|s| s["protected"] == true);
    let freed_bytes: u64 = pruned.iter().filter_map(|s| s["exclusive_bytes"].as_u64()).sum();
    if body["dry_run"] != true {
        world.snapshots.retain(|s| pruned.iter().all(|gone| gone["id"] != s["id"]));
    }
    let kept: Vec<Value> = kept
        .iter()
        .map(|s| json!({"id": s["id"], "volume_id": s["volume_id"], "reason": "protected"}))
        .collect();
    Ok(twin(
        200,
        &json!({"dry_run": body["dry_run"], "pruned": pruned, "kept": kept, "freed_bytes": freed_bytes}),
    ))
}

fn path_of(parameters: &HashMap<String, String>) -> (&'static str, String) {
    match parameters.get("path_base64") {
        Some(base64) => ("path_base64", base64.clone()),
        None => ("path", parameters.get("path").cloned().unwrap_or("/".into())),
    }
}

fn files(world: &World, parameters: &HashMap<String, String>) -> Outcome {
    let (field, path) = path_of(parameters);
    let is_folder =
        path == "/" || world.files.iter().any(|(_, e, _)| e[field] == *path && e["is_dir"] == true);
    let is_meant = |folder: &str, entry: &Value| match is_folder {
        true => folder == path,
        false => entry[field] == *path,
    };
    let entries: Vec<&Value> = world
        .files
        .iter()
        .filter(|(folder, entry, _)| is_meant(folder, entry))
        .map(|(_, entry, _)| entry)
        .collect();
    if entries.is_empty() && !is_folder {
        return Err(refusal(404, "NOT_FOUND", "there is no such file in the snapshot"));
    }
    let start: usize = parameters.get("after").map_or(0, |after| after.parse().unwrap());
    let end = entries.len().min(start + FILES_PAGE);
    let next = (end < entries.len()).then(|| end.to_string());
    let page = &entries[start..end];
    Ok(axum::Json(json!({"data": page, "entries": page, "path": path, "next": next})).into_response())
}

fn file(world: &World, verb: &str, parameters: &HashMap<String, String>) -> Outcome {
    let (field, path) = path_of(parameters);
    let root = json!({"name": "/", "path": "/", "size": 4096, "is_dir": true, "is_symlink": false, "type": "dir",
        "mode": 0o755, "uid": 0, "gid": 0, "symlink_target": null, "modified_at": "2026-05-16T09:30:00Z"});
    if verb == "stat" && path == "/" {
        return Ok(twin(200, &root));
    }
    let found = world.files.iter().find(|(_, entry, _)| entry[field] == *path);
    let (_, entry, content) =
        found.ok_or_else(|| refusal(404, "NOT_FOUND", "there is no such file in the snapshot"))?;
    if verb == "stat" {
        return Ok(twin(200, entry));
    }
    if entry["is_dir"] == true {
        return Err(field_refusal("path", "is a folder; list it and download its files"));
    }
    Ok((StatusCode::OK, content.clone()).into_response())
}

fn diff(from: &str, parameters: &HashMap<String, String>) -> axum::response::Response {
    let to = &parameters["to"];
    let limit: usize = parameters["limit"].parse().unwrap();
    let mut files = vec![
        json!({"path": "/etc/app.conf", "change": "modified", "type": "file", "size": 20}),
        json!({"path": "/new \u{1b}[2J", "change": "added", "type": "dir", "size": 4096}),
        json!({"path": "/odd\u{fffd}", "path_base64": "L29kZP8=", "change": "removed", "type": "file", "size": 9}),
    ];
    let is_same = from == to;
    if is_same {
        files.clear();
    }
    let counts = if is_same { [0; 5] } else { [1, 1, 1, 3 << 20, 7] };
    let truncated = files.len() > limit;
    files.truncate(limit);
    twin(
        200,
        &json!({"from": from, "to": to, "files_added": counts[0], "files_removed": counts[1],
        "files_modified": counts[2], "changed_bytes": counts[3], "changed_ranges": counts[4], "files": files,
        "truncated": truncated}),
    )
}
