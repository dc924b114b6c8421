//! Aim: what README tells a newcomer to type works as it stands, and answers what README shows.
//!
//! Method: the quick start's blocks are read from README itself and run against a server. Output is compared after ids, times
//! and sizes on disk, which differ every time, are made equal on both sides.

use std::path::Path;
use std::process::{Command, Output};

use miosa_testkit::server::{Server, ServerOptions};
use regex::Regex;
use serde_json::{Value, json};

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

/// The fenced blocks of the quick start in this language, in order.
fn quick_start(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md"));
    let readme = readme.expect("README.md at the root");
    let section = readme.split("## Quick start").nth(1).expect("a quick start");
    let section = section.split("\n## ").next().expect("text before the next heading");
    let blocks = section.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(str::to_owned).collect()
}

fn shell(server: &Server, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_miosa")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    Command::new("sh")
        .args(["-c", line])
        .env_clear()
        .env("PATH", path)
        .env("HOME", server.folder())
        .env("MIOSA_ENDPOINT", server.url())
        .env("MIOSA_DATA_DIR", server.data_dir())
        .env("BASE", server.url())
        .env("MIOSA_API_KEY", server.key())
        .output()
        .expect("sh runs")
}

/// The text without what differs from run to run.
fn made_equal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, name) in [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\b[0-9a-f]{12}\b", "ENDING"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME"),
        (r"\b\d+s\b", "AGE"),
        (r"Used +[0-9.]+MB", "Used SIZE"),
        (r"Occupies +[0-9.]+[KM]B", "Occupies SIZE"),
        (r"Only here +.*", "Only here SIZE"),
        (r"Writers waited +[0-9.]+ ms, for \d+ extents", "Writers waited TIME"),
        (r"Checksum +.*", "Checksum SUM"),
        (r"/dev/loop\d+( +[0-9.]+[KMG]?)+", "DEVICE AND SIZES"),
        (r" +", " "),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, name).into_owned();
    }
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_quick_start_says_what_happens() {
    let mut server = server();
    let blocks = quick_start("console");
    let [serve, before, after] = blocks.as_slice() else {
        panic!("three console blocks, not {}", blocks.len())
    };
    // The fixture has started the server, with a scratch directory in the place of the default one.
    assert!(serve.contains("$ miosa serve") && serve.contains("ready http://127.0.0.1:7420"), "{serve}");
    for (block, then_kill) in [(before, true), (after, false)] {
        let mut shown = String::new();
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let output = shell(&server, line);
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            shown += &format!("$ {line}\n");
            // On a terminal both streams are one; hints, on stderr, come after the answer.
            shown += &String::from_utf8_lossy(&output.stdout);
            shown += &String::from_utf8_lossy(&output.stderr);
        }
        assert_eq!(made_equal(&shown), made_equal(block), "README shows something else");
        if then_kill {
            server.simulate_reboot();
            server.start_again();
        }
    }
    server.finish();
}

#[test]
fn the_curl_lines_work_as_they_stand() {
    let server = server();
    let computer = server.run_computer(json!({"name": "box"}));
    let block =
        quick_start("sh").into_iter().find(|block| block.contains("curl")).expect("a block with curl");
    let (mut volume, mut attachment) = (String::new(), String::new());
    let lines = block.replace("\\\n", " ");
    // The two lines above them set what the fixture sets here.
    let calls: Vec<_> = lines.lines().filter(|line| line.starts_with("curl")).collect();
    assert_eq!(calls.len(), 3, "create, attach and detach");
    for line in calls {
        let line = line
            .replace("COMPUTER_ID", &computer)
            .replace("VOL_ID", &volume)
            .replace("ATTACHMENT_ID", &attachment);
        let output =
            shell(&server, &line.replacen("curl ", "curl --silent --show-error --fail-with-body ", 1));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert!(output.status.success(), "{line}: {answer} {}", String::from_utf8_lossy(&output.stderr));
        let id = answer["id"].as_str().unwrap_or_default().to_owned();
        if volume.is_empty() {
            volume = id;
        } else if attachment.is_empty() {
            attachment = id;
        }
    }
    assert_eq!(server.volume(&volume)["status"], "available");
    assert!(server.attachments(&computer).is_empty());
    server.finish();
}
