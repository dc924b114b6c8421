//! Aim: SDKs drive a real server as their users get them: ours from its tarball, the published ones from their registry.
//!
//! Method: each SDK is installed into a scratch directory by its own package manager with exactly the versions of its lock file, its
//! caches included, so that neither the repository nor the machine changes.

use std::path::{Path, PathBuf};

mod python;
mod typescript;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
