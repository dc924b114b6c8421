//! Aim: what must not be done is refused, with a reason, and nothing is changed: starts that would be unsafe, volumes beyond the
//! limits, and bodies that make no sense.
//!
//! Method: starts that are refused are run by hand; bodies are sent byte by byte, and every answer is held against the error
//! envelope of the contract.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MIOSA: &str = env!("CARGO_BIN_EXE_miosa");

fn server() -> Server {
    Server::start(ServerOptions::new(MIOSA))
}

/// `miosa serve` by hand, in `data_dir`.
fn serve(data_dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(MIOSA);
    command.arg("serve").arg("--data-dir").arg(data_dir).args(["--pool-size", "512MB"]).args(args);
    command
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = server();
    let volume = server.create_volume("ours", GIB);
    let said = server.refused_start(server.serve_command());
    assert!(said.contains(server.data_dir().to_str().expect("a plain name")), "{said}");
    // The first one did not notice.
    assert_eq!(server.volume(&volume)["status"], "available");
    assert!(server.pids().agent.is_alive());
    server.finish();
}

#[test]
fn data_that_the_controller_cannot_reach_is_refused() {
    let server = Server::prepare(ServerOptions::new(MIOSA));
    let private = server.folder().join("private");
    fs::create_dir(&private).expect("the folder can be made");
    fs::set_permissions(&private, Permissions::from_mode(0o700)).expect("it is ours");
    let said = server.refused_start(serve(&private.join("data"), &["--listen", "127.0.0.1:0"]));
    assert!(said.contains(private.to_str().expect("a plain name")), "{said}");
    assert_eq!(
        fs::metadata(&private).expect("it is there").permissions().mode() & 0o777,
        0o700,
        "it was opened"
    );
    server.assert_clean();
}

#[test]
fn unsafe_and_misspelt_settings_are_refused() {
    let server = Server::prepare(ServerOptions::new(MIOSA));
    let data = server.data_dir();
    let said = server.refused_start(serve(data, &["--listen", "0.0.0.0:0"]));
    assert!(said.contains("insecure"), "it does not say how to insist: {said}");

    let config = server.folder().join("config.toml");
    for (text, named) in [
        ("listn = \"127.0.0.1:0\"", "listn"),
        ("[limits]\nvolumes = 3", "volumes"),
        ("listen = 7", "listen"),
        ("[limits]\nvolumes_per_project = \"many\"", "volumes_per_project"),
        ("this is not TOML", "config.toml"),
    ] {
        fs::write(&config, text).expect("the folder can be written");
        let said = server.refused_start(serve(data, &["--config", config.to_str().expect("a plain name")]));
        assert!(said.contains(named), "{text}: {named} is not named: {said}");
    }
    let absent = server.folder().join("absent.toml");
    let said = server.refused_start(serve(data, &["--config", absent.to_str().expect("a plain name")]));
    assert!(said.contains("absent.toml"), "{said}");
    let mut command = serve(data, &["--listen", "127.0.0.1:0"]);
    command.env("MIOSA_SERVE_LISTN", "127.0.0.1:0");
    let said = server.refused_start(command);
    assert!(said.to_lowercase().contains("listn"), "{said}");
    assert!(!data.join("pool").exists(), "a refused start made a pool");
    server.assert_clean();
}

/// Who may do what on the host: the controller has no power there, and secrets are readable by their owners alone.
#[test]
fn the_controller_has_no_power_over_the_host() {
    let server = server();
    let pids = server.pids();
    let field = |pid: u32, name: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells");
        line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let uids = field(pids.controller.pid, "Uid:");
    assert!(uids.iter().all(|uid| uid == &uids[0] && uid != "0" && uid != "65534"), "{uids:?}");
    let gids = field(pids.controller.pid, "Gid:");
    assert!(gids.iter().all(|gid| gid != "0"), "{gids:?}");
    assert!(field(pids.controller.pid, "Groups:").iter().all(|group| group != "0"));
    for set in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert_eq!(field(pids.controller.pid, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field(pids.agent.pid, "Uid:")[0], "0");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data_dir().join("credentials/admin-key")), 0o600);
    assert!(server.key().starts_with("msk_a_") && server.key().len() >= 38, "{}", server.key().len());
    assert!(!server.log().contains(server.key()), "the key is in the log");
    server.finish();
}

#[test]
fn health_needs_no_key_and_everything_else_does() {
    let server = server();
    let call = |path: &str, headers: &[(&str, &str)]| {
        server.raw_http("GET", path, headers, None).expect("an answer")
    };
    for path in ["/healthz", "/health", "/readyz", "/metrics"] {
        assert_eq!(call(path, &[]).status, 200, "{path}");
    }
    let unknown = format!("Bearer msk_a_{}", "0".repeat(40));
    for headers in [&[][..], &[("Authorization", "Bearer nonsense")], &[("Authorization", &unknown)]] {
        call("/api/v1/volumes", headers).refused(401, "invalid_token");
    }
    let authorization = format!("Bearer {}", server.key());
    for prefix in ["", "/api/v1", "/api/v1/api/v1"] {
        let answer = call(&format!("{prefix}/volumes/"), &[("Authorization", &authorization)]);
        assert_eq!((answer.status, &answer.body["data"]), (200, &json!([])), "{prefix}");
    }
    server.http("GET", "/api/v1/nothing", None).refused(404, "NOT_FOUND");
    server.http("DELETE", "/api/v1/volumes", None).refused(405, "METHOD_NOT_ALLOWED");
    server.http("GET", "/api/v1/volumes/not-an-id", None).refused(400, "INVALID_ID");
    server.finish();
}

#[test]
fn sizes_have_limits() {
    let server = server();
    let create = |size: Value| {
        let mut body = json!({"name": "sized"});
        body.as_object_mut().expect("an object").extend(size.as_object().expect("an object").clone());
        server.http("POST", "/api/v1/volumes", Some(body))
    };
    for (size, field) in [
        (json!({"size_gb": 0}), "size_gb"),
        (json!({"size_gb": -1}), "size_gb"),
        (json!({"size_gb": 501}), "size_gb"),
        (json!({"size_gb": 10_000_000}), "size_gb"),
        (json!({"size_gb": 1.5}), "size_gb"),
        (json!({"size_gb": "50"}), "size_gb"),
        (json!({"sizeGb": 0}), "size_gb"),
        (json!({"size_bytes": 0}), "size_bytes"),
        (json!({"size_bytes": -1}), "size_bytes"),
        (json!({"size_bytes": 64 * MIB - 1}), "size_bytes"),
        (json!({"size_bytes": 500 * GIB + 1}), "size_bytes"),
        (json!({"size_bytes": u64::MAX}), "size_bytes"),
        (json!({"size_gb": 1, "size_bytes": 2 * GIB}), "size_bytes"),
    ] {
        let refusal = create(size.clone()).refused(422, "VALIDATION_ERROR");
        let errors = refusal["errors"].as_object().unwrap_or_else(|| panic!("no fields: {refusal}"));
        assert!(errors.contains_key(field) || errors.contains_key("size_gb"), "{size}: {refusal}");
    }
    assert!(server.list_all("/api/v1/volumes").is_empty(), "a refused volume is there");
    for (size, gb, bytes) in [
        (json!({"size_bytes": 64 * MIB}), 1, 64 * MIB),
        (json!({"size_bytes": 64 * MIB + 1}), 1, 65 * MIB),
        (json!({"size_gb": 500}), 500, 500 * GIB),
        (json!({}), 10, 10 * GIB),
        (json!({"size_gb": null, "size_bytes": GIB}), 1, GIB),
    ] {
        let volume = create(size.clone()).ok();
        assert_eq!((&volume["size_gb"], &volume["size_bytes"]), (&json!(gb), &json!(bytes)), "{size}");
    }
    server.finish();
}

#[test]
fn a_project_has_a_limited_number_of_volumes() {
    let config = "[limits]\nvolumes_per_project = 3\nvolume_max_bytes = 2147483648\n";
    let server = Server::start(ServerOptions { config: Some(config.into()), ..ServerOptions::new(MIOSA) });
    let volumes = [1, 2, 3].map(|n| server.create_volume(&format!("v{n}"), GIB));
    let one_more = || server.http("POST", "/api/v1/volumes", Some(json!({"name": "v4", "size_bytes": GIB})));
    let refusal = one_more().refused(409, "VOLUME_LIMIT_REACHED");
    assert!(refusal["message"].as_str().is_some_and(|m| m.contains('3')), "{refusal}");

    // The trash does not count, and gives nothing back beyond the limit.
    server.delete_volume(&volumes[0]).ok();
    let fourth = id_of(&one_more().ok());
    server.undelete_volume(&volumes[0]).refused(409, "VOLUME_LIMIT_REACHED");
    server.delete_volume(&fourth).ok();
    server.undelete_volume(&volumes[0]).ok();

    // Two at once for the last place: one wins.
    server.delete_volume(&volumes[1]).ok();
    let answers = std::thread::scope(|scope| {
        let other = scope.spawn(one_more);
        [one_more(), other.join().expect("the call answered")]
    });
    let created = answers.iter().filter(|a| a.is_success()).count();
    let refused = answers.iter().filter(|a| a.code() == "VOLUME_LIMIT_REACHED").count();
    assert_eq!((created, refused), (1, 1), "{answers:?}");

    let too_large = json!({"name": "large", "size_bytes": 3 * GIB});
    server.http("POST", "/api/v1/volumes", Some(too_large)).refused(422, "VALIDATION_ERROR");
    server.finish();
}

#[test]
fn protected_volumes_are_not_deleted() {
    let server = server();
    let body = json!({"name": "precious", "size_bytes": GIB, "delete_protection": true});
    let volume = id_of(&server.http("POST", "/api/v1/volumes", Some(body)).ok());
    server.delete_volume(&volume).refused(409, "PROTECTED");
    assert_eq!(server.wait_volume(&volume, "available")["delete_protection"], true);
    server.finish();
}

/// Bodies that make no sense, to every route that takes one: 4xx with the whole envelope, never 5xx, and nothing is made.
#[test]
fn odd_bodies_are_refused_politely() {
    let server = server();
    let volume = server.create_volume("target", GIB);
    let computer = server.run_computer(json!({"name": "target"}));
    let routes = [
        ("POST", "/api/v1/volumes".to_owned(), "name"),
        ("PATCH", format!("/api/v1/volumes/{volume}"), "name"),
        ("POST", "/api/v1/computers".to_owned(), "name"),
        ("PATCH", format!("/api/v1/computers/{computer}"), "name"),
        ("POST", format!("/api/v1/computers/{computer}/volumes"), "volume_id"),
        ("POST", format!("/api/v1/computers/{computer}/exec"), "command"),
    ];
    let authorization = format!("Bearer {}", server.key());
    let send = |method: &str, path: &str, body: &[u8]| {
        let headers = [("Authorization", authorization.as_str())];
        server.raw_http(method, path, &headers, Some(body)).expect("an answer")
    };
    for (method, path, field) in &routes {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        for body in [&b"{"[..], b"nonsense", b"\xff\xfe", b"{\"a\":}", b"{}{}"] {
            send(method, path, body).refused(400, "INVALID_JSON");
        }
        // What cannot be an object need not be read to its end.
        for body in [&b"[]"[..], b"7", b"\"text\"", b"true", b"[1,2", &deep] {
            let answer = send(method, path, body);
            assert!(matches!(answer.status, 400 | 422), "{method} {path}: {answer}");
            assert!(!answer.code().is_empty(), "{answer}");
        }
        for value in ["7", "-1e400", "99999999999999999999999999", "[]", "{}", "true", "\"a\\u0000b\""] {
            let body = format!("{{\"{field}\": {value}}}");
            let answer = send(method, path, body.as_bytes());
            let named = answer.body["errors"].as_object().is_some_and(|errors| errors.contains_key(*field));
            // A number beyond every range may be no JSON at all; a command may hold what a name may not.
            let may_pass = *field == "command" && value.starts_with('"');
            let no_json = answer.code() == "INVALID_JSON" && value.starts_with("-1e");
            assert!(
                (answer.status == 422 && named) || no_json || (may_pass && answer.status < 500),
                "{method} {path} {body}: {answer}"
            );
        }
        let large = format!("{{\"{field}\": \"{}\"}}", "a".repeat(2 << 20));
        send(method, path, large.as_bytes()).refused(413, "TOO_LARGE");
    }
    send("POST", "/api/v1/volumes", b"").refused(400, "MISSING_PARAM");
    send("POST", &routes[4].1, b"{}").refused(400, "MISSING_PARAM");
    let unknown = "0192f0c1-7b1c-7cc0-8a51-2f3fd1a0b111";
    server.try_attach(&computer, unknown, "/mnt/data").refused(404, "NOT_FOUND");
    server.try_attach(unknown, &volume, "/mnt/data").refused(404, "NOT_FOUND");
    assert_eq!(server.list_all("/api/v1/volumes").len(), 1);
    assert_eq!(server.list_all("/api/v1/computers").len(), 1);
    assert_eq!(server.volume(&volume)["name"], "target");
    server.finish();
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}")).to_owned()
}
