//! Killed, or failed, at every named point of the backend: the next run finds a whole state and finishes the work.

use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use miosa_backend::{
    BackendError, CloneSnapshot, Compaction, Content, ImageState, LocalBackend, NewImage, PoolConfig,
    SnapshotState, Snapshots, VolumeBackend,
};
use miosa_domain::size::MIB;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{SIZE_BYTES, traces_of};

const POOL_VARIABLE: &str = "MIOSA_TEST_POOL";
const CAST_VARIABLE: &str = "MIOSA_TEST_CAST";
const CHILD: &str = "crash::child_lives_a_whole_life";

/// Who plays in a life. Two lives at once have different ones: the marks on loop devices are the whole machine's.
#[derive(Clone, Copy)]
struct Cast {
    name: &'static str,
    volume: VolumeId,
    snapshot: SnapshotId,
    /// First a fork, then made from the snapshot.
    copy: VolumeId,
}

impl Cast {
    fn named(name: &str) -> Self {
        let (name, first) = if name == "killed" { ("killed", 0x10) } else { ("failed", 0x20) };
        let uuid =
            |role: u128| uuid::Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 | first | role);
        Self {
            name,
            volume: VolumeId::from_uuid(uuid(1)),
            snapshot: SnapshotId::from_uuid(uuid(2)),
            copy: VolumeId::from_uuid(uuid(3)),
        }
    }

    fn copy_of_snapshot(self) -> NewImage {
        NewImage { incarnation: 0, content: Content::Snapshot(self.snapshot) }
    }
}

const WRITE_BACK_LIMIT: Duration = Duration::from_secs(60);

fn config(dir: PathBuf) -> PoolConfig {
    PoolConfig { dir, image_size_bytes: 512 * MIB }
}

/// Passes every point of the backend: each call once, from no pool to no pool.
fn whole_life(dir: PathBuf, cast: Cast) -> Result<(), BackendError> {
    let Cast { volume, snapshot, copy, .. } = cast;
    let backend = LocalBackend::open(&config(dir))?;
    backend.create(volume, SIZE_BYTES)?;
    let staged = backend.stage(volume)?;
    fs::write(staged.mount_point().unwrap().join("file"), "written").unwrap();
    scatter(&staged.mount_point().unwrap().join("scattered"));
    backend.compact(volume, &mut |_| ControlFlow::Continue(()))?;
    let write_back_limit = WRITE_BACK_LIMIT;
    let request = CloneSnapshot { id: snapshot, volume, write_back_limit, compacted: false };
    backend.clone_snapshot(&request)?;
    backend.seal_snapshot(snapshot)?;
    backend.checksum(snapshot, &mut |_, _| ControlFlow::Continue(()))?;
    let fork = NewImage { incarnation: 0, content: Content::Volume { id: volume, write_back_limit } };
    backend.create_from(copy, 2 * SIZE_BYTES, &fork, &mut || {})?;
    backend.purge(copy)?;
    backend.create_from(copy, SIZE_BYTES, &cast.copy_of_snapshot(), &mut || {})?;
    backend.purge(copy)?;
    backend.unstage(volume)?;
    backend.replace(volume, 1, SIZE_BYTES, snapshot)?;
    backend.remove_snapshot(snapshot)?;
    backend.trash(volume)?;
    backend.restore(volume)?;
    backend.purge(volume)?;
    backend.shutdown()
}

/// Writes a file so that the image comes to lie in many pieces.
fn scatter(path: &Path) {
    let file = fs::File::create(path).unwrap();
    for first in [0, 1] {
        for block in (first..512_u64).step_by(2) {
            file.write_all_at(&[7; 4096], block * 4096).unwrap();
        }
        file.sync_all().unwrap();
    }
}

/// Run by the tests below with a failpoint armed. By itself it does nothing.
#[test]
fn child_lives_a_whole_life() {
    let Some(dir) = env::var_os(POOL_VARIABLE) else { return };
    let cast = Cast::named(&env::var(CAST_VARIABLE).unwrap());
    if let Err(error) = whole_life(dir.into(), cast) {
        assert!(matches!(error, BackendError::Injected(_)), "{error}");
        std::process::exit(7);
    }
}

fn points() -> Vec<&'static str> {
    miosa_failpoint::all().into_iter().filter(|point| point.starts_with("backend.")).collect()
}

fn run_child(dir: &PoolDir, cast: Cast, point: &str, action: &str) -> std::process::ExitStatus {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(POOL_VARIABLE, dir.path())
        .env(CAST_VARIABLE, cast.name)
        .env("MIOSA_FAILPOINTS", format!("{point}={action}"))
        .output()
        .unwrap();
    if output.status.code().is_some_and(|code| code != 7) {
        panic!("{point}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status
}

/// After whatever happened: the volume is whole wherever it is, and its life can be lived to the end.
fn recover(dir: &PoolDir, cast: Cast, point: &str) {
    let Cast { volume, copy, .. } = cast;
    let backend =
        LocalBackend::open(&config(dir.path().to_owned())).unwrap_or_else(|error| panic!("{point}: {error}"));
    let listing = backend.list().unwrap();
    assert!(listing.unknown.is_empty() && listing.foreign.is_empty(), "{point}: {listing:?}");
    let observed = backend.observe(volume).unwrap();
    let before_writing =
        ["pool.", "template.", "create.after-clone", "create.before", "create.after-rename", "stage."];
    let written =
        !before_writing.iter().any(|call| point.strip_prefix("backend.").unwrap().starts_with(call));
    match observed.image {
        // The last thing that a life does.
        ImageState::Absent => assert!(!written || point.contains("purge"), "{point}: the volume is gone"),
        ImageState::Missing => panic!("{point}: the image is missing"),
        ImageState::Foreign { what } => panic!("{point}: {what}"),
        ImageState::Present { .. } => {}
        ImageState::InTrash { .. } => drop(backend.restore(volume).unwrap()),
    }
    backend.create(volume, SIZE_BYTES).unwrap();
    let read = |id| {
        let mount_point = backend.stage(id).unwrap().mount_point().unwrap().to_owned();
        let content = fs::read_to_string(mount_point.join("file"));
        backend.unstage(id).unwrap();
        content
    };
    if written {
        assert_eq!(read(volume).unwrap(), "written", "{point}");
    }
    for (snapshot, state) in listing.snapshots {
        assert!(matches!(state, SnapshotState::Ready(_)), "{point}: {state:?}");
        backend.purge(copy).unwrap();
        backend.create_from(copy, SIZE_BYTES, &cast.copy_of_snapshot(), &mut || {}).unwrap();
        assert_eq!(read(copy).unwrap(), "written", "{point}");
        backend.remove_snapshot(snapshot).unwrap();
    }
    for (id, _) in backend.list().unwrap().volumes {
        backend.unstage(id).unwrap();
        backend.purge(id).unwrap();
    }
    for folder in ["fs/volumes", "fs/trash", "fs/snapshots", "mounts"] {
        let left: Vec<_> = fs::read_dir(dir.path().join(folder)).unwrap().collect();
        assert!(left.is_empty(), "{point}: {left:?} in {folder}");
    }
    backend.shutdown().unwrap();
    assert_eq!(traces_of(dir.path()), Vec::<String>::new(), "{point}");
}

#[test]
fn killed_at_every_point() {
    let cast = Cast::named("killed");
    let points = points();
    assert!(points.len() >= 30, "{points:?}");
    for point in points {
        let dir = PoolDir::plain();
        let status = run_child(&dir, cast, point, "kill");
        assert_eq!(status.signal(), Some(9), "{point} was not reached");
        recover(&dir, cast, point);
    }
}

#[test]
fn failed_at_every_point() {
    let cast = Cast::named("failed");
    for point in points() {
        let dir = PoolDir::plain();
        let status = run_child(&dir, cast, point, "error");
        assert_eq!(status.code(), Some(7), "{point} was not reached");
        recover(&dir, cast, point);
    }
}
