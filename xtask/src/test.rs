//! `test`: every test of the workspace, those that attach real devices included.
//!
//! The tests share the machine with whatever else runs on it, another miosa perhaps. So at the end only what is new counts as
//! left behind, and only in the folders for temporary files, where all tests work.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use miosa_testkit::server::remains;

use crate::run::{self, Failure};
use crate::setup;

/// Runs every test and checks that the host is as clean as before.
pub(crate) fn test() -> Result<(), Failure> {
    if !run::is_root() {
        return Err(Failure::Refused(
            "the tests attach loop devices and mount filesystems, which only root may do; run: sudo -E env \"PATH=$PATH\" cargo xtask test"
                .into(),
        ));
    }
    setup::setup()?;
    let begun = Instant::now();
    let before = Residue::observe();

    let nextest = has_nextest();
    let outcome =
        if nextest {
            // nextest runs no documentation tests.
            run::run(run::cargo(["nextest", "run", "--workspace", "--no-fail-fast"]))
                .and(run::run(run::cargo(["test", "--quiet", "--workspace", "--doc"])))
        } else {
            run::run(run::cargo(["test", "--workspace", "--no-fail-fast"]))
        };
    let left = left_behind(&before);

    let runner = if nextest { "cargo nextest" } else { "cargo test" };
    let verdict = if outcome.is_ok() && left.is_empty() { "passed" } else { "FAILED" };
    println!(
        "\n{verdict} in {:.0} s with {runner}; left on this machine: {left}",
        begun.elapsed().as_secs_f64()
    );
    outcome?;
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused("the tests left mounts or loop devices behind (listed above)".into()))
}

fn has_nextest() -> bool {
    run::capture(run::cargo(["nextest", "--version"])).is_ok()
}

/// What there is beyond `before`. The kernel lets go of a loop device a moment after its last user.
fn left_behind(before: &Residue) -> Residue {
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        let left = Residue::observe().beyond(before);
        if left.is_empty() || Instant::now() > patience {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Mounts and loop devices of miosa's tests on this machine, as lines for a person.
struct Residue(BTreeSet<String>);

impl Residue {
    fn observe() -> Self {
        // Tests work in folders named after miosa, in a folder for temporary files.
        let temporary = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
        let is_ours = |path: &Path| path.to_string_lossy().contains("miosa");
        let mounts = temporary.iter().flat_map(|folder| remains::mounts_below(folder));
        let mounts = mounts.filter(|mount| is_ours(mount)).map(|mount| format!("mount {}", mount.display()));
        let loops = temporary.iter().flat_map(|folder| remains::loops_below(folder));
        let loops = loops
            .filter(|(_, file)| is_ours(file))
            .map(|(device, file)| format!("{} on {}", device.display(), file.display()));
        Self(mounts.chain(loops).collect())
    }

    fn beyond(self, before: &Self) -> Self {
        Self(&self.0 - &before.0)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Residue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_counts() {
        let residue = |lines: &[&str]| Residue(lines.iter().map(|line| line.to_string()).collect());
        let before = residue(&["mount /tmp/miosa-a/fs"]);
        assert!(residue(&["mount /tmp/miosa-a/fs"]).beyond(&before).is_empty());
        let left = residue(&["mount /tmp/miosa-a/fs", "mount /tmp/miosa-b/fs"]).beyond(&before);
        assert_eq!(left.to_string(), "\n  mount /tmp/miosa-b/fs");
    }

    // Aim: a mount that a test leaves must be seen, wherever the folder for temporary files is.
    #[test]
    fn a_mount_is_seen() {
        if !run::is_root() {
            return;
        }
        let before = Residue::observe();
        let folder = tempfile::Builder::new().prefix("miosa-residue-").tempdir().unwrap();
        run::capture(run::command("mount", ["-t", "tmpfs", "none", folder.path().to_str().unwrap()]))
            .unwrap();
        let seen = Residue::observe().beyond(&before).to_string();
        run::capture(run::command("umount", [folder.path()])).unwrap();
        assert!(seen.contains(folder.path().to_str().unwrap()), "not seen in {seen}");
    }
}
