//! Aim: what goes over the wire, what is repeated, and what comes back. Method: a server that plays a script of answers, one
//! a connection, and keeps what it was asked.

mod script;
mod services;

use std::time::Duration;

use futures::TryStreamExt;
use miosa_client::api::v1::attachments::CreateAttachment;
use miosa_client::api::v1::computers::Exec;
use miosa_client::api::v1::snapshots::{
    CloneVolume, CreateSnapshot, PruneSnapshots, RestoreSnapshot, UpdateSnapshot,
};
use miosa_client::api::v1::volumes::{CreateVolume, UpdateVolume};
use miosa_client::api::v1::words::{ComputerStatus, EventKind};
use miosa_client::{Client, ClientConfig, ClientError, LogsRequest, SnapshotFilter, VolumeFilter};
use script::{Reply, Script, computer, list, refusal, volume};
use serde_json::{Value, json};

fn client(script: &Script) -> Client {
    Client::new(ClientConfig::new(script.url().parse().unwrap(), "msk_a_test")).unwrap()
}

fn new_volume() -> CreateVolume {
    CreateVolume { name: Some("a".into()), size_gb: Some(1), ..CreateVolume::default() }
}

#[tokio::test]
async fn a_call_carries_key_tenant_and_workspace() {
    let script = Script::play([Reply::json(200, volume("v1"))]).await;
    let mut config = ClientConfig::new(format!("{}/api/v1", script.url()).parse().unwrap(), "msk_a_test");
    config.tenant = Some("acme".into());
    config.workspace = Some("w1".into());
    let volume = Client::new(config).unwrap().volumes().get("v1").await.unwrap();
    assert_eq!(volume.id, "v1");
    let [request] = script.requests().try_into().unwrap();
    assert_eq!(request.line, "GET /api/v1/volumes/v1");
    assert_eq!(request.header("authorization"), Some("Bearer msk_a_test"));
    assert_eq!(request.header("x-miosa-tenant"), Some("acme"));
    assert_eq!(request.header("x-miosa-workspace"), Some("w1"));
    assert_eq!(request.header("idempotency-key"), None, "a GET needs none");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let script = Script::play([
        Reply::HangUp,
        Reply::raw("HTTP/1.1 201 Created\r\ncontent-length: 1000\r\n\r\n{\"id\""),
        refusal(503, "UNAVAILABLE").header("retry-after", "0"),
        refusal(409, "IDEMPOTENCY_IN_PROGRESS").header("retry-after", "0"),
        Reply::json(201, volume("v1")),
    ])
    .await;
    let mut config = client(&script).config().clone();
    config.repeats_max = 4;
    let volume = Client::new(config).unwrap().volumes().create(&new_volume()).await.unwrap();
    assert_eq!(volume.id, "v1");
    let requests = script.requests();
    assert_eq!(requests.len(), 5);
    let key = requests[0].header("idempotency-key").expect("a POST has a key");
    assert!(requests.iter().all(|request| request.header("idempotency-key") == Some(key)));
    assert!(requests.iter().all(|request| request.body == r#"{"name":"a","size_gb":1}"#));
}

#[tokio::test]
async fn two_calls_have_two_keys() {
    let script = Script::play([Reply::json(201, volume("v1")), Reply::json(201, volume("v2"))]).await;
    let client = client(&script);
    client.volumes().create(&new_volume()).await.unwrap();
    client.volumes().create(&new_volume()).await.unwrap();
    let requests = script.requests();
    assert_ne!(requests[0].header("idempotency-key"), requests[1].header("idempotency-key"));
}

#[tokio::test]
async fn passing_failures_are_repeated_and_others_not() {
    for (status, code, repeated) in [
        (400, "INVALID_ID", false),
        (401, "invalid_token", false),
        (404, "NOT_FOUND", false),
        (409, "VOLUME_IN_USE", false),
        (422, "VALIDATION_ERROR", false),
        (429, "rate_limit_exceeded", true),
        (500, "INTERNAL_ERROR", false),
        (502, "BAD_GATEWAY", true),
        (503, "UNAVAILABLE", true),
        (504, "GATEWAY_TIMEOUT", true),
    ] {
        let script =
            Script::play([refusal(status, code).header("retry-after", "0"), Reply::json(200, volume("v1"))])
                .await;
        let answer = client(&script).volumes().get("v1").await;
        assert_eq!(answer.is_ok(), repeated, "{status}");
        if let Err(error) = answer {
            assert_eq!((error.status().unwrap().as_u16(), error.code()), (status, Some(code)));
        }
    }
}

#[tokio::test]
async fn repeats_end() {
    let script = Script::play((0..9).map(|_| refusal(503, "UNAVAILABLE").header("retry-after", "0"))).await;
    let error = client(&script).volumes().get("v1").await.unwrap_err();
    assert_eq!(error.code(), Some("UNAVAILABLE"));
    assert_eq!(script.requests().len(), 4, "one call and three repeats");
}

#[tokio::test]
async fn a_pause_longer_than_the_time_left_is_not_begun() {
    let script = Script::play([
        refusal(429, "rate_limit_exceeded").header("retry-after", "3600"),
        Reply::json(200, volume("v1")),
    ])
    .await;
    let error = client(&script).volumes().get("v1").await.unwrap_err();
    assert_eq!(error.code(), Some("rate_limit_exceeded"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let script = Script::play([Reply::Silence]).await;
    let mut config = client(&script).config().clone();
    config.timeout = Duration::from_millis(100);
    let error = Client::new(config).unwrap().volumes().get("v1").await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error:?}");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_a_network_error() {
    // The first port: nothing listens there.
    let mut config = ClientConfig::new("http://127.0.0.1:1".parse().unwrap(), "msk_a_test");
    config.repeats_max = 0;
    let error = Client::new(config).unwrap().volumes().get("v1").await.unwrap_err();
    assert!(matches!(error, ClientError::Network { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_of_something_else_is_a_protocol_error() {
    for reply in [
        Reply::json(200, "<html>welcome</html>"),
        Reply::json(200, r#"{"id": 7}"#),
        Reply::json(404, "<html>not found</html>"),
        Reply::json(301, "").header("location", "http://127.0.0.1:1/"),
    ] {
        let script = Script::play([reply]).await;
        let error = client(&script).volumes().get("v1").await.unwrap_err();
        assert!(matches!(error, ClientError::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_command_that_may_have_run_is_not_run_again() {
    let exec = Exec { command: Some("rm x".into()), ..Exec::default() };
    let result = r#"{"exit_code":3,"stdout":"o","stderr":"e","output":"o","success":false,"timed_out":false,"truncated":false}"#;
    for reply in [Reply::HangUp, refusal(502, "BAD_GATEWAY"), refusal(503, "UNAVAILABLE")] {
        let script = Script::play([reply, Reply::json(200, result)]).await;
        client(&script).computers().exec("c1", &exec).await.unwrap_err();
        assert_eq!(script.requests().len(), 1);
    }
    let script = Script::play([
        refusal(429, "rate_limit_exceeded").header("retry-after", "0"),
        Reply::json(200, result),
    ])
    .await;
    let result = client(&script).computers().exec("c1", &exec).await.unwrap();
    assert_eq!((result.exit_code, result.stdout.as_str()), (3, "o"));
}

#[tokio::test]
async fn all_pages_are_read_with_the_filter_on_each() {
    let script = Script::play([
        Reply::json(200, list(&[volume("v1"), volume("v2")], Some("c/2"))),
        Reply::json(200, list(&[volume("v3")], Some("c/3"))),
        Reply::json(200, list(&[], None)),
    ])
    .await;
    let filter = VolumeFilter { status: Some("deleted".into()), ..VolumeFilter::default() };
    let volumes: Vec<_> = client(&script).volumes().list_all(&filter).try_collect().await.unwrap();
    assert_eq!(volumes.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), ["v1", "v2", "v3"]);
    let lines: Vec<String> = script.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/volumes?limit=200&status=deleted",
            "GET /api/v1/volumes?limit=200&status=deleted&cursor=c%2F2",
            "GET /api/v1/volumes?limit=200&status=deleted&cursor=c%2F3",
        ]
    );
}

#[tokio::test]
async fn a_cursor_that_stands_still_ends_the_list() {
    let page = || Reply::json(200, list(&[volume("v1")], Some("same")));
    let script = Script::play([page(), page(), page()]).await;
    let all: Result<Vec<_>, _> =
        client(&script).volumes().list_all(&VolumeFilter::default()).try_collect().await;
    assert_eq!(all.unwrap().len(), 2);
}

#[tokio::test]
async fn attachments_are_detached_by_their_id_alone_or_from_a_computer() {
    let deleted = r#"{"id":"a1","deleted":true,"success":true,"status":"detached"}"#;
    let script = Script::play([Reply::json(200, deleted), Reply::json(200, deleted)]).await;
    let client = client(&script);
    client.attachments().delete("a1", false).await.unwrap();
    client.attachments().delete_from("c1", "a1", true).await.unwrap();
    let lines: Vec<String> = script.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        ["DELETE /api/v1/volume-attachments/a1", "DELETE /api/v1/computers/c1/volumes/a1?force=true"]
    );
}

#[tokio::test]
async fn waiting_ends_when_it_runs_and_when_it_cannot() {
    for (statuses, runs) in [
        (vec!["provisioning", "starting", "running"], true),
        (vec!["starting", "error"], false),
        (vec!["stopped"], false),
    ] {
        let script =
            Script::play(statuses.iter().map(|status| Reply::json(200, computer("c1", status)))).await;
        let answer = client(&script).computers().wait_until_running("c1", Duration::from_secs(60)).await;
        match answer {
            Ok(computer) => assert!(runs && computer.status == ComputerStatus::Running),
            Err(error) => assert!(!runs && matches!(error, ClientError::NotRunning { .. }), "{error:?}"),
        }
    }
    let script = Script::play([Reply::json(200, computer("c1", "starting"))]).await;
    let error = client(&script).computers().wait_until_running("c1", Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, ClientError::StillStarting { .. }), "{error:?}");
}

#[tokio::test]
async fn followed_logs_are_lines_until_the_stream_ends() {
    let line = |text: &str| {
        format!(
            "event: log\ndata: {{\"type\":\"log\",\"timestamp\":\"2026-05-17T10:00:00Z\",\"stream\":\"stdout\",\
             \"line\":\"{text}\",\"message\":\"{text}\"}}\n\n"
        )
    };
    let body = format!(": ping\n\n{}event: other\ndata: {{}}\n\n{}", line("one"), line("two"));
    let script = Script::play([
        Reply::json(200, &body).header("content-type", "text/event-stream"),
        Reply::json(200, format!("{}event: error\ndata: gone\n\n", line("one"))),
    ])
    .await;
    let client = client(&script);
    let request = LogsRequest { lines: Some(5), since: None };
    let lines = client.computers().follow_logs("c1", &request).await.unwrap();
    let lines: Vec<String> = lines.map_ok(|line| line.line).try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two"]);
    let request_seen = &script.requests()[0];
    assert_eq!(request_seen.line, "GET /api/v1/computers/c1/logs/stream?lines=5");
    assert_eq!(request_seen.header("accept"), Some("text/event-stream"));

    let broken = client.computers().follow_logs("c1", &request).await.unwrap();
    assert!(broken.try_collect::<Vec<_>>().await.is_err(), "an error event is an error");
}

/// A caller may run calls and streams on tasks of their own.
#[tokio::test(flavor = "multi_thread")]
async fn calls_can_be_spawned() {
    let script =
        Script::play([Reply::json(200, list(&[volume("v1")], None)), refusal(409, "VOLUME_ATTACHED")]).await;
    let client = client(&script);
    let listing = client.clone();
    let volumes = tokio::spawn(async move {
        listing.volumes().list_all(&VolumeFilter::default()).try_collect::<Vec<_>>().await
    });
    assert_eq!(volumes.await.unwrap().unwrap().len(), 1);
    let attaching =
        tokio::spawn(async move { client.attachments().create("c1", &CreateAttachment::default()).await });
    assert_eq!(attaching.await.unwrap().unwrap_err().code(), Some("VOLUME_ATTACHED"));
}

#[test]
fn what_a_header_cannot_carry_is_refused() {
    let config = ClientConfig::new("http://127.0.0.1:1".parse().unwrap(), "msk_a\n");
    assert!(matches!(Client::new(config), Err(ClientError::Header { what: "the API key" })));
}

fn snapshot(id: &str) -> Value {
    json!({"id": id, "volume_id": "v1", "volume_name": "a", "name": null, "tenant_id": "t", "project_id": "p",
        "host_id": "h", "region": "local", "status": "ready", "state": "ready", "trigger": "manual", "phase": null,
        "progress_percent": null, "taken_at": null, "protected": false, "size_gb": 1, "size_bytes": 1 << 30,
        "used_bytes": 0, "exclusive_bytes": null, "exclusive_bytes_at": null, "stall_ms": null, "extents": null,
        "compacted": false, "checksum": null, "verification": null, "expires_at": null, "metadata": {},
        "error": null, "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z"})
}

fn entry(path: &str) -> Value {
    json!({"name": path, "path": path, "size": 1, "is_dir": false, "is_symlink": false, "type": "file", "mode": 420,
        "uid": 0, "gid": 0, "symlink_target": null, "modified_at": "2026-05-17T10:00:00Z"})
}

fn lines(script: &Script) -> Vec<String> {
    script.requests().into_iter().map(|request| request.line).collect()
}

#[tokio::test]
async fn snapshots_are_called_by_their_own_id() {
    let deleted = r#"{"id":"s1","deleted":true,"success":true,"status":"deleted"}"#;
    let plan = json!({"dry_run": true, "pruned": [snapshot("s1")], "kept": [], "freed_bytes": 7});
    let diff = json!({"from": "s1", "to": "s2", "changed_bytes": 0, "changed_ranges": 0, "files_added": 0,
        "files_removed": 0, "files_modified": 0, "files": [], "truncated": false});
    let script = Script::play([
        Reply::json(201, snapshot("s1")),
        Reply::json(200, list(&[snapshot("s1")], None)),
        Reply::json(200, snapshot("s1")),
        Reply::json(200, snapshot("s1")),
        Reply::json(201, volume("v2")),
        Reply::json(200, plan),
        Reply::json(200, diff),
        Reply::json(200, deleted),
    ])
    .await;
    let client = client(&script);
    let snapshots = client.snapshots();
    snapshots.create("v1", &CreateSnapshot { now: Some(true), ..CreateSnapshot::default() }).await.unwrap();
    let filter = SnapshotFilter { volume_id: Some("v1".into()), ..SnapshotFilter::default() };
    let listed: Vec<_> = snapshots.list_all(&filter).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    let change = UpdateSnapshot { protected: Some(false), ..UpdateSnapshot::default() };
    snapshots.update("s1", &change).await.unwrap();
    snapshots.verify("s1").await.unwrap();
    let new = RestoreSnapshot { name: Some("b".into()), ..RestoreSnapshot::default() };
    assert_eq!(snapshots.restore("s1", &new).await.unwrap().id, "v2");
    let which = PruneSnapshots { dry_run: Some(true), volume_id: None };
    assert_eq!(snapshots.prune(&which).await.unwrap().freed_bytes, 7);
    snapshots.diff("s1", "s2", Some(5)).await.unwrap();
    snapshots.delete("s1").await.unwrap();
    assert_eq!(
        lines(&script),
        [
            "POST /api/v1/volumes/v1/snapshots",
            "GET /api/v1/volume-snapshots?limit=200&volume_id=v1",
            "PATCH /api/v1/volume-snapshots/s1",
            "POST /api/v1/volume-snapshots/s1/verify",
            "POST /api/v1/volume-snapshots/s1/restore",
            "POST /api/v1/volume-snapshots/prune",
            "GET /api/v1/volume-snapshots/s1/diff?to=s2&limit=5",
            "DELETE /api/v1/volume-snapshots/s1",
        ]
    );
    let bodies: Vec<String> = script.requests().into_iter().map(|request| request.body).collect();
    assert_eq!([&bodies[0], &bodies[2]], [r#"{"now":true}"#, r#"{"protected":false}"#]);
}

#[tokio::test]
async fn volumes_are_forked_restored_and_compacted() {
    let event = json!({"id": "e1", "volume_id": "v1", "at": "2026-05-17T10:00:00Z", "kind": "volume.created",
        "message": "m", "snapshot_id": null, "other_volume_id": null, "size_bytes": null});
    let script = Script::play([
        Reply::json(201, volume("v2")),
        Reply::json(200, volume("v1")),
        Reply::json(200, volume("v1")),
        Reply::json(200, list(&[event], None)),
        Reply::json(200, volume("v1")),
    ])
    .await;
    let client = client(&script);
    let volumes = client.volumes();
    let new = CloneVolume { ttl: Some("3d".into()), ..CloneVolume::default() };
    volumes.fork("v1", &new).await.unwrap();
    volumes.restore("v1", "s1", true).await.unwrap();
    volumes.compact("v1").await.unwrap();
    assert_eq!(volumes.events("v1").try_collect::<Vec<_>>().await.unwrap()[0].kind, EventKind::VolumeCreated);
    // Off is a null, which is not the same as a field that is left out.
    volumes
        .update("v1", &UpdateVolume { snapshot_schedule: Some(None), ..UpdateVolume::default() })
        .await
        .unwrap();
    let asked: Vec<_> =
        script.requests().into_iter().map(|request| format!("{} {}", request.line, request.body)).collect();
    assert_eq!(
        asked,
        [
            r#"POST /api/v1/volumes/v1/clone {"ttl":"3d"}"#,
            r#"POST /api/v1/volumes/v1/restore {"force":true,"snapshot_id":"s1"}"#,
            "POST /api/v1/volumes/v1/compact ",
            "GET /api/v1/volumes/v1/events?limit=200 ",
            r#"PATCH /api/v1/volumes/v1 {"snapshot_schedule":null}"#,
        ]
    );
}

#[tokio::test]
async fn paths_are_bytes_and_folders_are_read_to_their_end() {
    let page = |path: &str, next: Option<&str>| {
        let entries = [entry(path)];
        Reply::json(200, json!({"data": entries, "entries": entries, "path": "/", "next": next}))
    };
    let script = Script::play([
        page("/a", Some("YQ")),
        page("/b", Some("YQ")),
        Reply::json(200, entry("/odd\u{fffd}")),
        refusal(404, "NOT_FOUND"),
    ])
    .await;
    let client = client(&script);
    let snapshots = client.snapshots();
    let entries: Vec<_> = snapshots.list_files("s1", b"/a b").try_collect().await.unwrap();
    assert_eq!(entries.len(), 2, "a place that stands still ends the list");
    snapshots.stat_file("s1", b"/odd\xff").await.unwrap();
    let missing = snapshots.download("s1", b"/x").await.err().expect("it is not there");
    assert_eq!(missing.code(), Some("NOT_FOUND"));
    assert_eq!(
        lines(&script),
        [
            "GET /api/v1/volume-snapshots/s1/files?path=%2Fa+b",
            "GET /api/v1/volume-snapshots/s1/files?path=%2Fa+b&after=YQ",
            "GET /api/v1/volume-snapshots/s1/files/stat?path_base64=L29kZP8%3D",
            "GET /api/v1/volume-snapshots/s1/files/download?path=%2Fx",
        ]
    );
}

/// A download that breaks off must not look like a shorter file.
#[tokio::test]
async fn a_download_ends_where_the_file_does() {
    let script = Script::play([
        refusal(503, "UNAVAILABLE").header("retry-after", "0"),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nall of i"),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf"),
        Reply::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\nhalf\r\n"),
    ])
    .await;
    let client = client(&script);
    let read = async || {
        let mut download = client.snapshots().download("s1", b"/f").await?;
        let (len_bytes, mut bytes) = (download.len_bytes(), Vec::new());
        while let Some(chunk) = download.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok::<_, ClientError>((len_bytes, bytes))
    };
    assert_eq!(read().await.unwrap(), (Some(8), b"all of i".to_vec()), "its beginning is repeated");
    for how in ["with a length", "in chunks"] {
        let broken = read().await;
        assert!(matches!(broken, Err(ClientError::Network { .. })), "{how}: {broken:?}");
    }
}
