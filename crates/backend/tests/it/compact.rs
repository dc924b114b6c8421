//! Compaction of volumes in use: whatever runs beside it and wherever it is killed, every byte is what its writer wrote last.

use std::env;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use miosa_backend::{
    BackendError, CloneSnapshot, Compaction, CompactionProgress, LocalBackend, PoolConfig, Snapshots,
    VolumeBackend,
};
use miosa_domain::size::MIB;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_testkit::pool_dir::PoolDir;
use miosa_testkit::server::wait_until;

use crate::world::{Local, new_id, new_snapshot_id, output_of};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 4096;
const POOL_VARIABLE: &str = "MIOSA_TEST_COMPACT_POOL";
const VOLUME_VARIABLE: &str = "MIOSA_TEST_COMPACT_VOLUME";
const CHILD: &str = "compact::child_compacts";

/// A block as direct I/O wants it, full of one number that says which write it was.
#[repr(C, align(4096))]
struct Block([u8; BLOCK]);

impl Block {
    fn stamped(number: u64) -> Box<Self> {
        let mut block = Box::new(Self([0; BLOCK]));
        block.0.chunks_exact_mut(8).for_each(|bytes| bytes.copy_from_slice(&number.to_le_bytes()));
        block
    }
}

/// A file of stamped blocks in a volume, past the page cache, and what was last written to each.
struct Stamped {
    file: File,
    path: PathBuf,
    model: Vec<u64>,
    writes: u64,
}

impl Stamped {
    fn new(mount_point: &Path, blocks: u64) -> Self {
        let path = mount_point.join("stamped");
        fs::write(&path, vec![0; blocks as usize * BLOCK]).unwrap();
        let direct = rustix::fs::OFlags::DIRECT.bits() as i32;
        let file = File::options().read(true).write(true).custom_flags(direct).open(&path).unwrap();
        file.sync_all().unwrap();
        Self { file, path, model: vec![0; blocks as usize], writes: 0 }
    }

    fn write(&mut self, block: u64) {
        self.writes += 1;
        self.file.write_all_at(&Block::stamped(self.writes).0, block * BLOCK as u64).unwrap();
        self.model[block as usize] = self.writes;
    }

    /// After a snapshot, this leaves as many pieces as there are blocks.
    fn write_every_second(&mut self) {
        (0..self.model.len() as u64).step_by(2).for_each(|block| self.write(block));
        self.file.sync_all().unwrap();
    }

    /// At places that look random and are the same in each run.
    fn write_somewhere(&mut self) {
        let mixed = (self.writes + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.write((mixed ^ (mixed >> 31)) % self.model.len() as u64);
        if self.writes.is_multiple_of(64) {
            self.file.sync_data().unwrap();
        }
    }

    fn check(&self, when: &str) {
        let mut read = Block::stamped(0);
        for (block, number) in self.model.iter().enumerate() {
            self.file.read_exact_at(&mut read.0, (block * BLOCK) as u64).unwrap();
            assert!(read.0 == Block::stamped(*number).0, "{when}: block {block} is not as it was written");
        }
    }

    /// Writes until `done` says so, and reads back between whiles.
    fn write_until(&mut self, done: &AtomicBool) {
        while !done.load(Ordering::Relaxed) {
            self.write_somewhere();
            if self.writes.is_multiple_of(2048) {
                self.check("beside the compaction");
            }
        }
    }
}

/// A staged volume whose image is in thousands of pieces, because a snapshot has the blocks between them.
fn fragmented(backend: &LocalBackend) -> (VolumeId, Stamped) {
    let id = new_id();
    backend.create(id, 128 * MIB).unwrap();
    let mut stamped = Stamped::new(backend.stage(id).unwrap().mount_point().unwrap(), BLOCKS);
    snapshot(backend, id);
    stamped.write_every_second();
    (id, stamped)
}

fn snapshot(backend: &LocalBackend, volume: VolumeId) -> SnapshotId {
    let write_back_limit = Duration::from_secs(60);
    let request = CloneSnapshot { id: new_snapshot_id(), volume, write_back_limit, compacted: false };
    backend.clone_snapshot(&request).unwrap();
    backend.seal_snapshot(request.id).unwrap();
    request.id
}

fn go_on(_: &CompactionProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn compaction_keeps_every_byte(dir: PoolDir) {
    let local = Local::on(dir);
    let (id, mut stamped) = fragmented(local.backend());
    let snapshot = snapshot(local.backend(), id);
    let checksum = |local: &Local| {
        local.backend().checksum(snapshot, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap().blake3
    };
    let before = checksum(&local);
    let done = AtomicBool::new(false);
    let progress = thread::scope(|scope| {
        let writer = scope.spawn(|| stamped.write_until(&done));
        let progress = local.backend().compact(id, &mut go_on);
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        progress.unwrap()
    });
    assert!(progress.extents_before > BLOCKS / 2, "{progress:?} is no test");
    assert!(progress.done_bytes > BLOCKS * BLOCK as u64 / 2, "{progress:?}");
    stamped.check("after the compaction");
    // The writer made new pieces while it could. Alone, the compaction gets rid of them.
    let alone = local.backend().compact(id, &mut go_on).unwrap();
    assert!(alone.extents_now < 200 && alone.chunks_changed == 0, "{alone:?}");
    assert_eq!(local.backend().fragmentation(id).unwrap().extents, alone.extents_now);
    stamped.check("after the second compaction");
    assert_eq!(checksum(&local), before, "the snapshot is another one");

    let Stamped { file, model, writes, path } = stamped;
    drop(file);
    local.backend().unstage(id).unwrap();
    output_of(Command::new("e2fsck").arg("-fn").arg(local.image(id)));
    local.backend().stage(id).unwrap();
    let file = File::open(&path).unwrap();
    Stamped { file, model, writes, path }.check("staged again");
    local.backend().unstage(id).unwrap();
}

#[test]
fn compaction_keeps_every_byte_on_xfs() {
    compaction_keeps_every_byte(PoolDir::xfs());
}

/// There a flush of the workload could fail meanwhile.
#[test]
fn a_pool_on_btrfs_is_not_compacted() {
    let local = Local::on(PoolDir::btrfs());
    let id = local.created();
    let refused = local.backend().compact(id, &mut go_on);
    assert!(matches!(refused, Err(BackendError::CannotCompact { .. })), "{refused:?}");
}

#[test]
fn compaction_keeps_every_byte_in_an_image() {
    compaction_keeps_every_byte(PoolDir::plain());
}

/// Run by the test below with a failpoint armed. By itself it does nothing.
#[test]
fn child_compacts() {
    let Some(dir) = env::var_os(POOL_VARIABLE) else { return };
    let id: VolumeId = env::var(VOLUME_VARIABLE).unwrap().parse().unwrap();
    let config = PoolConfig { dir: dir.into(), image_size_bytes: 0 };
    match LocalBackend::open(&config).unwrap().compact(id, &mut go_on) {
        Ok(progress) => panic!("it was not stopped: {progress:?}"),
        Err(error) => assert!(matches!(error, BackendError::Injected(_)), "{error}"),
    }
}

/// The process dies, the volume goes on being written to, and the copy that has no name is gone with it.
#[test]
fn killed_in_the_middle_of_it() {
    let dir = PoolDir::xfs();
    let open =
        || LocalBackend::open(&PoolConfig { dir: dir.path().to_owned(), image_size_bytes: 0 }).unwrap();
    let backend = open();
    let (id, mut stamped) = fragmented(&backend);
    let used_bytes = backend.capacity().unwrap().used_bytes;
    // What is staged stays so.
    drop(backend);
    for passes in [0, 3] {
        for point in ["after-copy", "after-exchange"] {
            for action in ["kill", "error"] {
                let armed = format!("backend.compact.{point}={passes}*{action}");
                compact_in_a_child(dir.path(), id, &armed, &mut stamped);
                stamped.check(&armed);
            }
        }
    }
    let backend = open();
    // Less than one copy: none of them is there any more. The kernel frees what a dead process had in its own time.
    wait_until("the copies to be gone", || {
        let grown = backend.capacity().unwrap().used_bytes.saturating_sub(used_bytes);
        (grown < BLOCKS * BLOCK as u64).then_some(())
    });
    let progress = backend.compact(id, &mut go_on).unwrap();
    assert!(progress.extents_now < 200, "{progress:?}");
    stamped.check("after it was compacted to the end");
    drop(stamped);
    backend.unstage(id).unwrap();
    let image = dir.path().join("volumes").join(id.to_string()).join("disk.img");
    output_of(Command::new("e2fsck").arg("-fn").arg(image));
    let listing = backend.list().unwrap();
    assert!(listing.foreign.is_empty() && listing.unknown.is_empty(), "{listing:?}");
}

fn compact_in_a_child(dir: &Path, id: VolumeId, armed: &str, stamped: &mut Stamped) {
    let done = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        let writer = scope.spawn(|| stamped.write_until(&done));
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", CHILD, "--nocapture"])
            .env(POOL_VARIABLE, dir)
            .env(VOLUME_VARIABLE, id.to_string())
            .env("MIOSA_FAILPOINTS", armed)
            .output()
            .unwrap();
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        output
    });
    let signal = if armed.ends_with("kill") { Some(9) } else { None };
    assert_eq!(output.status.signal(), signal, "{armed}: {output:?}");
    assert!(signal.is_some() || output.status.success(), "{armed}: {output:?}");
}

/// Below its limit, a pool gives room for volumes and not for their tidiness.
#[test]
fn a_pool_without_room_is_not_compacted() {
    let local = Local::with_image_size(PoolDir::plain(), 512 * MIB);
    let (id, stamped) = fragmented(local.backend());
    let extents = local.backend().fragmentation(id).unwrap().extents;
    let ballast = local.config.dir.join("fs/.tmp-ballast");
    let file = File::create(&ballast).unwrap();
    let mode = rustix::fs::FallocateFlags::empty();
    let capacity = local.backend().capacity().unwrap();
    let limit = capacity.capacity_bytes / 100 * 90;
    rustix::fs::fallocate(&file, mode, 0, limit - capacity.used_bytes - 4 * MIB).unwrap();
    let outcome = local.backend().compact(id, &mut go_on);
    assert!(matches!(outcome, Err(BackendError::InsufficientCapacity { .. })), "{outcome:?}");
    assert_eq!(local.backend().fragmentation(id).unwrap().extents, extents);
    fs::remove_file(&ballast).unwrap();
    drop(file);
    let progress = local.backend().compact(id, &mut go_on).unwrap();
    assert!(progress.extents_now < 200, "{progress:?}");
    stamped.check("compacted at last");
    drop(stamped);
    local.backend().unstage(id).unwrap();
}
