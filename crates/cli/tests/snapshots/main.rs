//! Aim: what snapshots promise, on real devices, through the public API: each is the volume at one instant; it never changes;
//! it comes back; what is made of it is whole; nobody notices it being taken; and the pool gets its room back.
//!
//! Method: every test has a server of its own. Data is written where the volume is mounted on the host, and what a snapshot
//! holds is read by the test itself, over a read-only mount of the sealed image: nothing of the product stands between. One
//! file for each topic, each with its own aim.

use std::path::PathBuf;
use std::process::{Command, Output};

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::{Value, json};

mod content;
mod fork;
mod hooks;
mod look;
mod restore;
mod schedule;
mod seal;
mod space;
mod sqlite;
mod tree;

const MIB: u64 = 1 << 20;

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

/// A running computer with a new volume attached to it at `/mnt/data`.
struct Attached {
    volume: String,
    computer: String,
    attachment: String,
    /// Where the volume is mounted on the host.
    mount: PathBuf,
}

impl Attached {
    fn new(server: &Server, size_bytes: u64) -> Self {
        let volume = server.create_volume("data", size_bytes);
        Self::with(server, &volume)
    }

    /// Attached to a computer of its own.
    fn with(server: &Server, volume: &str) -> Self {
        let computer = server.run_computer(json!({"name": "box"}));
        let attachment = server.attach(&computer, volume, "/mnt/data");
        Self { volume: volume.to_owned(), computer, attachment, mount: server.host_mount(volume) }
    }
}

/// The id of an object in an answer.
fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}"))
}

/// Runs a program that must succeed.
#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Numbers that are the same for the same seed (xorshift), so that a failure can be had again.
struct Random(u64);

impl Random {
    /// The seed is in `MIOSA_SEED`, or another one each time; it is printed when a test fails.
    #[allow(clippy::print_stdout, reason = "shown for a test that failed, and only then")]
    fn seeded() -> Self {
        let fresh = || {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map(|now| now.as_nanos() as u64)
        };
        let seed = match std::env::var("MIOSA_SEED") {
            Ok(seed) => seed.parse().expect("MIOSA_SEED is a number"),
            Err(_) => fresh().expect("the clock is past 1970"),
        };
        println!("run it again with MIOSA_SEED={seed}");
        Self::from_seed(seed)
    }

    fn from_seed(seed: u64) -> Self {
        // Zero would stay zero; neighbours should not be alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
