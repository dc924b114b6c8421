//! Computers: answers as the clients need them, commands, logs, event streams.

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::json;

use super::harness::{KEY, World};

#[tokio::test]
async fn a_computer_from_create_to_destroy() {
    let world = World::new().await;
    let made = world
        .post("/computers", json!({"name": "build-box", "size": "xlarge", "network": "host"}))
        .await
        .twin(201);
    assert_eq!(
        (&made["name"], &made["size"], &made["vcpus"]),
        (&"build-box".into(), &"xl".into(), &8.into())
    );
    assert_eq!(made["template_type"], "miosa-desktop");
    let path = format!("/computers/{}", made["id"].as_str().unwrap());
    for (verb, status) in [
        ("start", "running"),
        ("stop", "stopped"),
        ("stop", "stopped"),
        ("start", "running"),
        ("restart", "running"),
    ] {
        let answer = world.call(Method::POST, &format!("{path}/{verb}"), "").await.twin(200);
        assert_eq!((&answer["status"], &answer["success"]), (&status.into(), &true.into()), "{verb}");
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    for method in [Method::PATCH, Method::PUT, Method::POST] {
        let body = json!({"name": method.as_str(), "visibility": "key"}).to_string();
        let changed = world.call(method.clone(), &path, &body).await.twin(200);
        assert_eq!((&changed["name"], &changed["visibility"]), (&method.as_str().into(), &"key".into()));
    }
    for verb in ["clone", "resize", "move"] {
        world.post(&format!("{path}/{verb}"), json!({})).await.refused(409, "RESOURCE_STATE");
    }
    let list = world.get("/computers?per_page=5").await.json();
    assert_eq!(list["meta"], json!({"total": 1, "page": 1, "per_page": 5}));
    assert_eq!(list["data"][0]["id"], made["id"]);
    let deleted = world.delete(&format!("{path}?force=true")).await.twin(200);
    assert_eq!((&deleted["status"], &deleted["deleted"]), (&"destroying".into(), &true.into()));
}

#[tokio::test]
async fn a_nameless_computer_gets_a_name_and_may_stay_off() {
    let world = World::new().await;
    let made = world.post("/computers", json!({"autoStart": false})).await.twin(201);
    assert!(made["name"].as_str().unwrap().starts_with("computer-"));
    assert_eq!(made["status"], "stopped");
    let path = format!("/computers/{}/exec", made["id"].as_str().unwrap());
    world.post(&path, json!({"command": "true"})).await.refused(409, "RESOURCE_STATE");
}

#[tokio::test]
async fn commands_answer_flat_and_within_limits() {
    let world = World::new().await;
    let path = format!("/computers/{}/exec", world.computer("c").await);
    let exec = async |command: &str| world.post(&path, json!({"command": command, "timeout": 30})).await;
    let hello = exec("hello").await.twin(200);
    assert_eq!(hello["stdout"], "hello");
    assert_eq!(
        (&hello["output"], &hello["exit_code"], &hello["success"]),
        (&"hello".into(), &0.into(), &true.into())
    );
    let failed = exec("exit 3").await.twin(200);
    assert_eq!(
        (&failed["exit_code"], &failed["success"], &failed["stderr"]),
        (&3.into(), &false.into(), &"failed".into())
    );
    let slow = exec("slow").await.twin(200);
    assert_eq!(
        (&slow["exit_code"], &slow["timed_out"], &slow["stdout"]),
        (&124.into(), &true.into(), &"begun".into())
    );
    let much = exec("much").await.twin(200);
    assert_eq!((much["stdout"].as_str().unwrap().len(), &much["truncated"]), (8 << 20, &true.into()));
    assert_eq!(exec("cut").await.twin(200)["stdout"], "\u{e9}");
    exec("break").await.refused(409, "EXEC_FAILED");
    world.post(&path, json!({"command": "x", "timeout": 601})).await.refused(422, "TIMEOUT_TOO_LONG");
    world
        .post(&format!("{path}/python"), json!({"code": "print('a')"}))
        .await
        .refused(409, "PYTHON_NOT_FOUND");
    world.post(&format!("{path}/python"), json!({})).await.refused(400, "MISSING_PARAM");
}

/// A command with a key runs once: the second answer is the first one, word for word.
#[tokio::test]
async fn a_repeated_key_does_not_run_a_command_again() {
    let world = World::new().await;
    let path = format!("/computers/{}/exec", world.computer("c").await);
    let exec =
        async |body: &str| world.call_with(Method::POST, &path, &[("idempotency-key", "k")], body).await;
    let first = exec(r#"{"command":"a"}"#).await;
    first.twin(200);
    let again = exec(r#"{"command":"a"}"#).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
    exec(r#"{"command":"b"}"#).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn commands_answer_as_events_when_asked() {
    let world = World::new().await;
    let path = format!("/computers/{}/exec", world.computer("c").await);
    let headers = [("accept", "text/event-stream, application/json;q=0.9")];
    for (command, events) in [
        ("hi", vec![("stdout", json!({"type": "stdout", "data": "hi"}))]),
        (
            "cut",
            vec![
                ("stdout", json!({"type": "stdout", "data": ""})),
                ("stdout", json!({"type": "stdout", "data": "\u{e9}"})),
            ],
        ),
        ("exit 3", vec![("stderr", json!({"type": "stderr", "data": "failed"}))]),
    ] {
        let answer =
            world.call_with(Method::POST, &path, &headers, &json!({"command": command}).to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/event-stream")));
        assert!(answer.header("x-request-id").is_some());
        let mut seen = parse_events(&answer.body);
        let (kind, exit) = seen.pop().unwrap();
        assert_eq!(
            (kind.as_str(), exit["exit_code"].as_i64()),
            ("exit", Some(if command == "exit 3" { 3 } else { 0 }))
        );
        let expected: Vec<_> = events.into_iter().map(|(kind, data)| (kind.to_owned(), data)).collect();
        assert_eq!(seen, expected, "{command}");
    }
    let broken = world.call_with(Method::POST, &path, &headers, r#"{"command":"break"}"#).await;
    assert_eq!(parse_events(&broken.body)[0].0, "error");
}

#[tokio::test]
async fn logs_are_lists_or_events() {
    let world = World::new().await;
    let path = format!("/computers/{}/logs", world.computer("c").await);
    let logs = world.get(&path).await.twin(200);
    assert_eq!(logs["logs"], "line 0\nline 1\nline 2\n");
    assert_eq!(
        logs["lines"][0],
        json!({"timestamp": "2026-05-17T10:00:00Z", "stream": "stdout", "line": "line 0", "message": "line 0"})
    );
    for (query, first) in [
        ("lines=1", "line 2"),
        ("lines=99999", "line 0"),
        ("since=2026-05-17T10:00:00Z", "line 1"),
        ("since=1779012001", "line 2"),
    ] {
        assert_eq!(
            world.get(&format!("{path}?{query}")).await.twin(200)["lines"][0]["line"],
            first,
            "{query}"
        );
    }
    for query in ["lines=0", "lines=x", "since=yesterday"] {
        world.get(&format!("{path}?{query}")).await.refused(422, "VALIDATION_ERROR");
    }
    let stream = format!("{path}/stream");
    let events = parse_events(&world.get(&stream).await.body);
    assert_eq!(events.len(), 3);
    assert_eq!(
        (events[0].0.as_str(), &events[0].1["type"], &events[0].1["line"]),
        ("log", &"log".into(), &"line 0".into())
    );
    let headers = [("last-event-id", "2026-05-17T10:00:01Z")];
    let resumed = world.call_with(Method::GET, &stream, &headers, "").await;
    assert_eq!(parse_events(&resumed.body)[0].1["line"], "line 2");
}

/// A stream without an end does not hold up a server that shuts down.
#[tokio::test]
async fn streams_end_with_the_server() {
    let world = World::new().await;
    let request = Request::post(format!("/computers/{}/exec", world.computer("c").await))
        .header("authorization", format!("Bearer {KEY}"))
        .header("accept", "text/event-stream")
        .body(Body::from(r#"{"command":"for ever"}"#))
        .unwrap();
    let mut body = world.open(request).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(parse_events(std::str::from_utf8(&first).unwrap())[0].1["data"], "begun");
    world.closing.cancel();
    assert!(body.frame().await.is_none());
}

/// Type and data of each event; every event is one block with one line of data.
fn parse_events(body: &str) -> Vec<(String, serde_json::Value)> {
    let blocks = body.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':'));
    let event = |block: &str| {
        let field = |name: &str| {
            let mut values = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let value = values.next().unwrap_or_default().to_owned();
            assert_eq!(values.next(), None, "one {name} an event: {block:?}");
            value
        };
        (field("event"), serde_json::from_str(&field("data")).unwrap())
    };
    blocks.map(event).collect()
}
