//! From a clean clone of the repository to the end of `cargo xtask demo`. System packages and downloaded crates are already
//! on this machine.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Floors, Samples, progress};
use crate::bench::floors::Subject;
use crate::fixture;
use crate::run::{self, Failure};

pub(super) fn measure(floors: &mut Floors) -> Result<(), Failure> {
    progress("from a clean clone to the end of the demo");
    let scratch = tempfile::Builder::new()
        .prefix("miosa-bench-")
        .tempdir_in("/var/tmp")
        .map_err(Failure::file("cannot make a folder in", Path::new("/var/tmp")))?;
    let clone = scratch.path().join("clone");
    let begun = Instant::now();
    let (from, to) = (run::root(), clone.as_os_str());
    run::run(run::command("git", ["clone".as_ref(), "--quiet".as_ref(), from.as_os_str(), to]))?;
    let mut demo = run::cargo(["xtask", "demo"]);
    demo.current_dir(&clone).env_remove("CARGO_TARGET_DIR").stdin(Stdio::null()).stdout(Stdio::null());
    let mut child =
        demo.spawn().map_err(|source| Failure::Start { command: "cargo xtask demo".into(), source })?;
    // Cargo replaces itself with the demo, which cleans up on SIGTERM.
    fixture::end_on_interrupt(child.id(), scratch.path().to_owned());
    let status =
        child.wait().map_err(|source| Failure::Start { command: "cargo xtask demo".into(), source })?;
    let mut time = Samples::default();
    time.push(begun.elapsed());
    if !status.success() {
        return Err(Failure::Refused(format!("the demo of the clone failed ({status})")));
    }
    let subject = Subject { label: None };
    floors.time(&subject, "clean clone → end of cargo xtask demo", &time, Duration::from_secs(8 * 60));
    Ok(())
}
