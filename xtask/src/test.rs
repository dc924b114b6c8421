//! `test`: every test of the workspace, those that attach real devices included.
//!
//! The tests share the machine with whatever else runs on it, so at the end only what is *new* counts as left behind.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use crate::run::{self, Failure};
use crate::setup;

/// Builds the program, runs everything, and checks that the host is as clean as before.
pub(crate) fn test() -> Result<(), Failure> {
    if !run::is_root() {
        return Err(Failure::Refused(
            "the tests attach loop devices and mount filesystems, which only root may do; run: sudo -E cargo xtask test"
                .into(),
        ));
    }
    setup::setup()?;
    let begun = Instant::now();
    let before = Residue::observe()?;

    run::run(run::cargo(["build", "--quiet", "--package", "miosa-cli"]))?;
    let nextest = has_nextest();
    let outcome =
        if nextest {
            // nextest runs no documentation tests.
            run::run(run::cargo(["nextest", "run", "--workspace", "--no-fail-fast"]))
                .and(run::run(run::cargo(["test", "--quiet", "--workspace", "--doc"])))
        } else {
            run::run(run::cargo(["test", "--workspace", "--no-fail-fast"]))
        };
    let left = Residue::observe()?.beyond(&before);

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

/// Mounts and loop devices of miosa on this machine.
struct Residue {
    /// Mount points.
    mounts: BTreeSet<String>,
    /// Backing files of loop devices.
    loops: BTreeSet<String>,
}

impl Residue {
    fn observe() -> Result<Self, Failure> {
        let mountinfo = Path::new("/proc/self/mountinfo");
        let text = std::fs::read_to_string(mountinfo).map_err(Failure::file("cannot read", mountinfo))?;
        let mounts = mounts_of_miosa(&text);
        let block = Path::new("/sys/block");
        let devices = std::fs::read_dir(block).map_err(Failure::file("cannot list", block))?;
        let loops = devices
            .filter_map(Result::ok)
            // The file is there only while the device is in use.
            .filter_map(|device| std::fs::read_to_string(device.path().join("loop/backing_file")).ok())
            .filter(|backing_file| backing_file.contains("miosa"))
            .map(|backing_file| backing_file.trim().to_owned())
            .collect();
        Ok(Self { mounts, loops })
    }

    fn beyond(self, before: &Self) -> Self {
        Self { mounts: &self.mounts - &before.mounts, loops: &self.loops - &before.loops }
    }

    fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.loops.is_empty()
    }
}

impl std::fmt::Display for Residue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        for mount in &self.mounts {
            write!(f, "\n  mount {mount}")?;
        }
        for backing_file in &self.loops {
            write!(f, "\n  loop device on {backing_file}")?;
        }
        Ok(())
    }
}

/// Mount points that lie in one of our directories. Test directories carry the name as well.
fn mounts_of_miosa(mountinfo: &str) -> BTreeSet<String> {
    let mount_point = |line: &str| line.split(' ').nth(4).map(str::to_owned);
    mountinfo.lines().filter_map(mount_point).filter(|point| point.contains("miosa")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residue(mounts: &[&str]) -> Residue {
        Residue { mounts: mounts.iter().map(|m| m.to_string()).collect(), loops: BTreeSet::new() }
    }

    #[test]
    fn only_what_is_new_counts() {
        let before = residue(&["/var/lib/miosa/pool/fs"]);
        assert!(residue(&["/var/lib/miosa/pool/fs"]).beyond(&before).is_empty());
        let left = residue(&["/var/lib/miosa/pool/fs", "/var/tmp/miosa-test/pool/fs"]).beyond(&before);
        assert_eq!(left.to_string(), "\n  mount /var/tmp/miosa-test/pool/fs");
    }

    #[test]
    fn mount_points_are_read() {
        let text = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                    90 22 7:1 / /var/tmp/miosa-a/pool/mounts/x rw,nosuid shared:7 - ext4 /dev/loop1 rw\n";
        assert_eq!(mounts_of_miosa(text), BTreeSet::from(["/var/tmp/miosa-a/pool/mounts/x".to_owned()]));
    }
}
