//! The published Python SDK (`miosa` on PyPI), which we did not write and which has to work unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

use miosa_testkit::server::{Server, ServerOptions};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/python").join(name)
}

#[track_caller]
fn run(command: &mut Command) {
    // Settings of the user's own shell must reach neither pip nor the SDK.
    for name in ["PYTHONPATH", "PYTHONHOME", "MIOSA_ACCESS_TOKEN", "MIOSA_TENANT"] {
        command.env_remove(name);
    }
    let output =
        command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; `cargo xtask setup` installs Python"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Aim: volume, computer, project, service, deployment and data-service calls of the published SDK return what its users rely on,
/// also when they are refused, synchronous and asynchronous.
#[test]
fn the_published_python_sdk_drives_a_server_unchanged() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("make a scratch directory");
    let environment = scratch.path().join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--no-cache-dir", "--require-hashes", "--requirement"])
        .arg(file("requirements.txt")));

    let server = Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")));
    run(Command::new(environment.join("bin/python"))
        .arg(file("drive.py"))
        .env("MIOSA_BASE_URL", server.url())
        .env("MIOSA_API_KEY", server.key()));
    server.finish();
}
