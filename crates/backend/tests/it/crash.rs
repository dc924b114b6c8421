//! Killed, or failed, at every named point of the backend: the next run finds a whole state and finishes the work.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use miosa_backend::{BackendError, ImageState, LocalBackend, PoolConfig, VolumeBackend};
use miosa_domain::VolumeId;
use miosa_domain::size::MIB;
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{SIZE_BYTES, traces_of};

const POOL_VARIABLE: &str = "MIOSA_TEST_POOL";
const CHILD: &str = "crash::child_lives_a_whole_life";

fn id() -> VolumeId {
    "0198c0de-0000-7000-8000-000000000001".parse().unwrap()
}

fn config(dir: PathBuf) -> PoolConfig {
    PoolConfig { dir, image_size_bytes: 512 * MIB }
}

/// Passes every point of the backend: each call once, from no pool to no pool.
fn whole_life(dir: PathBuf) -> Result<(), BackendError> {
    let backend = LocalBackend::open(&config(dir))?;
    backend.create(id(), SIZE_BYTES)?;
    let staged = backend.stage(id())?;
    fs::write(staged.mount_point.join("file"), "written").unwrap();
    backend.unstage(id())?;
    backend.trash(id())?;
    backend.restore(id())?;
    backend.purge(id())?;
    backend.shutdown()
}

/// Run by the tests below with a failpoint armed. By itself it does nothing.
#[test]
fn child_lives_a_whole_life() {
    let Some(dir) = env::var_os(POOL_VARIABLE) else { return };
    if let Err(error) = whole_life(dir.into()) {
        assert!(matches!(error, BackendError::Injected(_)), "{error}");
        std::process::exit(7);
    }
}

fn points() -> Vec<&'static str> {
    miosa_failpoint::all().into_iter().filter(|point| point.starts_with("backend.")).collect()
}

fn run_child(dir: &PoolDir, point: &str, action: &str) -> std::process::ExitStatus {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(POOL_VARIABLE, dir.path())
        .env("MIOSA_FAILPOINTS", format!("{point}={action}"))
        .output()
        .unwrap();
    if output.status.code().is_some_and(|code| code != 7) {
        panic!("{point}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status
}

/// After whatever happened: the volume is whole wherever it is, and its life can be lived to the end.
fn recover(dir: &PoolDir, point: &str) {
    let backend =
        LocalBackend::open(&config(dir.path().to_owned())).unwrap_or_else(|error| panic!("{point}: {error}"));
    let survey = backend.survey().unwrap();
    assert!(survey.unknown.is_empty() && survey.foreign.is_empty(), "{point}: {survey:?}");
    let observed = backend.observe(id()).unwrap();
    let written = ["unstage", "trash", "restore", "purge.before"].iter().any(|call| point.contains(call));
    match observed.image {
        ImageState::Absent => assert!(!written, "{point}: the volume is gone"),
        ImageState::Missing => panic!("{point}: the image is missing"),
        ImageState::Foreign { what } => panic!("{point}: {what}"),
        ImageState::Present { .. } => {}
        ImageState::InTrash { .. } => drop(backend.restore(id()).unwrap()),
    }
    backend.create(id(), SIZE_BYTES).unwrap();
    let staged = backend.stage(id()).unwrap();
    if written {
        assert_eq!(fs::read_to_string(staged.mount_point.join("file")).unwrap(), "written", "{point}");
    }
    backend.unstage(id()).unwrap();
    backend.purge(id()).unwrap();
    for folder in ["fs/volumes", "fs/trash", "mounts"] {
        let left: Vec<_> = fs::read_dir(dir.path().join(folder)).unwrap().collect();
        assert!(left.is_empty(), "{point}: {left:?} in {folder}");
    }
    backend.shutdown().unwrap();
    assert_eq!(traces_of(dir.path()), Vec::<String>::new(), "{point}");
}

#[test]
fn killed_at_every_point() {
    let points = points();
    assert!(points.len() >= 18, "{points:?}");
    for point in points {
        let dir = PoolDir::plain();
        let status = run_child(&dir, point, "kill");
        assert_eq!(status.signal(), Some(9), "{point} was not reached");
        recover(&dir, point);
    }
}

#[test]
fn failed_at_every_point() {
    for point in points() {
        let dir = PoolDir::plain();
        let status = run_child(&dir, point, "error");
        assert_eq!(status.code(), Some(7), "{point} was not reached");
        recover(&dir, point);
    }
}
