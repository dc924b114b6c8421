//! Our TypeScript SDK: it matches this API, passes its own tests, and works when installed from its tarball.
//!
//! The package and the repository files it reads are copied into the server's scratch folder, and npm does everything there. The steps
//! are scripts of the package itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::Value;

use crate::repository;

/// What npm puts into the package's folder, should somebody have run it there.
const MADE_BY_NPM: [&str; 3] = ["node_modules", "dist", "build"];

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("make the folder");
        fs::copy(from, to).unwrap_or_else(|e| panic!("copy {}: {e}", from.display()));
        return;
    }
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("list {}: {e}", from.display())) {
        let name = entry.expect("an entry of the folder").file_name();
        if !MADE_BY_NPM.iter().any(|made| name == *made) {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

/// The package in a folder of its own, and the environment in which npm touches nothing else.
struct Package {
    scratch: PathBuf,
    server_url: String,
    key: String,
}

impl Package {
    fn copied_for(server: &Server) -> Self {
        let scratch = server.folder().join("sdk");
        for part in ["sdk/typescript", "openapi/v1.json", "docs/guides"] {
            copy(&repository().join(part), &scratch.join(part));
        }
        for folder in ["cache", "tmp"] {
            fs::create_dir_all(scratch.join(folder)).expect("make the folder");
        }
        Self { scratch, server_url: server.url(), key: server.key().to_owned() }
    }

    #[track_caller]
    fn npm(&self, arguments: &[&str]) {
        let output = Command::new("npm")
            .args(arguments)
            .current_dir(self.scratch.join("sdk/typescript"))
            .env("npm_config_cache", self.scratch.join("cache"))
            .env("TMPDIR", self.scratch.join("tmp"))
            .env("MIOSA_BASE_URL", &self.server_url)
            .env("MIOSA_API_KEY", &self.key)
            .env_remove("MIOSA_ENDPOINT")
            .output()
            .unwrap_or_else(|e| panic!("npm cannot be run: {e}; `cargo xtask setup` installs it"));
        assert!(
            output.status.success(),
            "npm {}: {}\n{}\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_typescript_sdk_drives_a_server_as_its_users_get_it() {
    let server = Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")));
    let package = Package::copied_for(&server);
    // Exactly what the lock file names.
    package.npm(&["ci"]);
    package.npm(&["run", "generate:check"]);
    package.npm(&["run", "format:check"]);
    package.npm(&["test"]);
    package.npm(&["run", "test:package"]);
    server.finish();
}

#[test]
fn the_typescript_sdk_has_the_version_of_the_server() {
    let manifest =
        fs::read_to_string(repository().join("sdk/typescript/package.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("it is JSON");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["dependencies"], Value::Null, "it has none at run time");
}

/// Who installs from the lock file uses the registry that this machine is set up for.
#[test]
fn the_lock_file_of_the_typescript_sdk_names_no_registry() {
    let lock =
        fs::read_to_string(repository().join("sdk/typescript/package-lock.json")).expect("the lock file");
    for named in ["\"resolved\"", "://"] {
        assert!(
            !lock.contains(named),
            "{named} is in package-lock.json; keep the package's .npmrc, and take it out"
        );
    }
}
