//! Snapshots, forks and restores on real filesystems, under writers that do not stop.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use miosa_backend::conformance::World;
use miosa_backend::{
    BackendError, Changed, CloneSnapshot, Content, ImageState, NewImage, SnapshotState, Snapshots,
    VolumeBackend,
};
use miosa_domain::size::{GIB, MIB};
use miosa_domain::status::SnapshotFacts;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::ext4::Superblock;
use miosa_effects::{loopdev, mount};
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{Local, SIZE_BYTES, new_id, new_snapshot_id, output_of, traces_of};

const PATIENCE: Duration = Duration::from_secs(60);

fn request(id: SnapshotId, volume: VolumeId) -> CloneSnapshot {
    CloneSnapshot { id, volume, write_back_limit: PATIENCE, compacted: false }
}

pub(crate) fn take(local: &Local, volume: VolumeId) -> (SnapshotId, SnapshotFacts) {
    let id = new_snapshot_id();
    local.backend().clone_snapshot(&request(id, volume)).unwrap();
    (id, local.backend().seal_snapshot(id).unwrap())
}

/// A new volume with the snapshot's data, staged.
fn restored(local: &Local, snapshot: SnapshotId, size_bytes: u64) -> VolumeId {
    let id = new_id();
    let new = NewImage { incarnation: 0, content: Content::Snapshot(snapshot) };
    local.backend().create_from(id, size_bytes, &new, &mut || {}).unwrap();
    local.backend().stage(id).unwrap();
    id
}

fn fork(local: &Local, volume: VolumeId, size_bytes: u64) -> VolumeId {
    let id = new_id();
    let new =
        NewImage { incarnation: 0, content: Content::Volume { id: volume, write_back_limit: PATIENCE } };
    local.backend().create_from(id, size_bytes, &new, &mut || {}).unwrap();
    id
}

fn fsck(image: &Path) {
    output_of(Command::new("e2fsck").arg("-fn").arg(image));
}

/// Nothing is left to do for whoever mounts it, and nothing is wrong with it.
fn is_finished(image: &Path) {
    assert!(!Superblock::read(&File::open(image).unwrap(), image).unwrap().needs_replay());
    fsck(image);
}

/// Nobody, root included, changes a sealed image; and when the snapshot goes it all goes.
#[test]
fn a_sealed_image_cannot_be_changed() {
    for dir in [PoolDir::xfs(), PoolDir::btrfs(), PoolDir::plain()] {
        let local = Local::on(dir);
        let volume = local.created();
        local.backend().stage(volume).unwrap();
        local.write(volume, "one");
        let (id, facts) = take(&local, volume);
        let image = local.snapshot_image(id);
        is_finished(&image);
        let is_refused = |result: std::io::Result<()>, what: &str| {
            let error = result.expect_err(what);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}: {error}");
        };
        is_refused(File::options().write(true).open(&image).map(drop), "writing");
        is_refused(fs::remove_file(&image), "unlinking");
        is_refused(fs::rename(&image, image.with_extension("moved")), "renaming");
        is_refused(fs::hard_link(&image, image.with_extension("link")), "linking");
        assert_eq!(fs::metadata(&image).unwrap().len(), facts.size_bytes);
        local.backend().remove_snapshot(id).unwrap();
        assert!(!local.snapshot_dir(id).exists());
        local.backend().unstage(volume).unwrap();
    }
}

/// A file of numbers, each written after the one before it is on the disk.
struct Numbers<'a> {
    path: &'a Path,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Numbers<'_> {
    fn write(&self) {
        let mut file = File::create(self.path).unwrap();
        for number in 1_u64.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            file.write_all(&number.to_le_bytes()).unwrap();
            file.sync_data().unwrap();
            self.acknowledged.store(number, Ordering::SeqCst);
        }
    }

    /// Until so many more are written.
    fn wait_for(&self, more: u64) {
        let goal = self.acknowledged.load(Ordering::SeqCst) + more;
        while self.acknowledged.load(Ordering::SeqCst) < goal {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Every copy of a volume under a writer holds an unbroken beginning of what it wrote: all that was acknowledged before the
/// call, and nothing that was begun after it.
#[test]
fn copies_under_a_writer_hold_a_prefix() {
    for dir in [PoolDir::xfs(), PoolDir::btrfs(), PoolDir::plain()] {
        let local = Local::on(dir);
        let volume = local.created();
        let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
        let path = mount_point.join("numbers");
        let numbers = Numbers { path: &path, acknowledged: AtomicU64::new(0), stop: AtomicBool::new(false) };
        // In use and without a name: the replay has to clear it away.
        let mut nameless = File::create_new(mount_point.join("nameless")).unwrap();
        nameless.write_all(&[7; 100_000]).unwrap();
        nameless.sync_all().unwrap();
        fs::remove_file(mount_point.join("nameless")).unwrap();
        let mut copies = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| numbers.write());
            let _stop = StopOnDrop(&numbers.stop);
            for round in 0..6 {
                numbers.wait_for(3);
                let before = numbers.acknowledged.load(Ordering::SeqCst);
                let copy = if round % 2 == 0 {
                    let (snapshot, _) = take(&local, volume);
                    is_finished(&local.snapshot_image(snapshot));
                    restored(&local, snapshot, SIZE_BYTES)
                } else {
                    let copy = fork(&local, volume, 2 * SIZE_BYTES);
                    is_finished(&local.image(copy));
                    copy
                };
                // One more may be in flight.
                let after = numbers.acknowledged.load(Ordering::SeqCst) + 1;
                copies.push((copy, before..after + 1));
            }
        });
        drop(nameless);
        for (copy, allowed) in copies {
            let found = fs::read(local.backend().stage(copy).unwrap().mount_point().unwrap().join("numbers"))
                .unwrap();
            check_prefix(&found, &allowed);
            local.backend().unstage(copy).unwrap();
            fsck(&local.image(copy));
        }
        local.backend().unstage(volume).unwrap();
    }
}

/// Ends the writer when the test is done with it, also by a panic.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn check_prefix(found: &[u8], allowed: &Range<u64>) {
    let (whole, _torn) = found.as_chunks::<8>();
    let count = whole
        .iter()
        .zip(1_u64..)
        .take_while(|(bytes, number)| u64::from_le_bytes(**bytes) == *number)
        .count();
    // The file may have got its length before its last data.
    assert!(whole[count..].iter().all(|bytes| *bytes == [0; 8]), "a number is out of order after {count}");
    assert!(allowed.contains(&(count as u64)), "{count} numbers, and not {allowed:?}");
}

/// Large directories are found by hashes of their names, with a seed that a copy must keep; a copy may be larger; and it is
/// mounted beside its origin.
#[test]
fn copies_are_sound_filesystems_of_their_own() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    fs::create_dir(mount_point.join("many")).unwrap();
    for number in 0..3000 {
        fs::write(mount_point.join(format!("many/{number}")), format!("{number}")).unwrap();
    }
    let (snapshot, _) = take(&local, volume);
    let copies = [
        restored(&local, snapshot, SIZE_BYTES),
        restored(&local, snapshot, 50 * GIB),
        fork(&local, volume, GIB),
    ];
    for (copy, size_bytes) in copies.into_iter().zip([SIZE_BYTES, 50 * GIB, GIB]) {
        let mount_point = local.backend().stage(copy).unwrap().mount_point().unwrap().to_owned();
        for number in 0..3000 {
            let content = fs::read_to_string(mount_point.join(format!("many/{number}"))).unwrap();
            assert_eq!(content, format!("{number}"));
        }
        fs::write(mount_point.join("many/new"), "x").unwrap();
        local.backend().unstage(copy).unwrap();
        fsck(&local.image(copy));
        let shown = output_of(Command::new("dumpe2fs").arg("-h").arg(local.image(copy)));
        assert!(shown.contains(&format!("Filesystem UUID:          {copy}")), "{shown}");
        assert!(shown.contains(&format!("Block count:              {}", size_bytes / 4096)), "{shown}");
    }
    local.backend().unstage(volume).unwrap();
}

/// What only a snapshot held is free once it is removed, and not before.
#[test]
fn a_removed_snapshot_gives_its_room_back() {
    const DATA_BYTES: u64 = 128 * MIB;
    for dir in [PoolDir::xfs(), PoolDir::btrfs()] {
        let local = Local::on(dir);
        let volume = new_id();
        local.backend().create(volume, GIB).unwrap();
        let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
        let used = || {
            output_of(Command::new("sync").arg("-f").arg(&local.config.dir));
            local.backend().capacity().unwrap().used_bytes
        };
        fs::write(mount_point.join("data"), vec![0x5a; DATA_BYTES as usize]).unwrap();
        let (snapshot, facts) = take(&local, volume);
        assert!(facts.allocated_bytes >= DATA_BYTES);
        fs::remove_file(mount_point.join("data")).unwrap();
        output_of(Command::new("sync").arg("-f").arg(&mount_point));
        output_of(Command::new("fstrim").arg(&mount_point));
        let held = used();
        assert!(held >= DATA_BYTES, "{held}");
        local.backend().remove_snapshot(snapshot).unwrap();
        // Both filesystems count what was freed a moment later.
        while used() + DATA_BYTES * 9 / 10 > held {
            thread::sleep(Duration::from_millis(10));
        }
        local.backend().unstage(volume).unwrap();
    }
}

/// An image in thousands of pieces is removed in several steps, also one that shares them with others.
#[test]
fn fragmented_images_are_removed_entirely() {
    let local = Local::on(PoolDir::xfs());
    let volume = new_id();
    local.backend().create(volume, GIB).unwrap();
    let image = File::options().write(true).open(local.image(volume)).unwrap();
    // Beyond the filesystem's own blocks nothing looks at them.
    for piece in 0..5000 {
        image.write_all_at(&[1; 4096], 512 * MIB + piece * 8192).unwrap();
    }
    drop(image);
    let (first, facts) = take(&local, volume);
    assert!(facts.extents > 4000, "{facts:?}");
    assert!(facts.stall_us > 0);
    let (second, _) = take(&local, volume);
    for id in [first, second] {
        assert_eq!(local.backend().remove_snapshot(id).unwrap(), Changed::Changed);
        assert!(!local.snapshot_dir(id).exists());
    }
    local.backend().purge(volume).unwrap();
    assert_eq!(fs::read_dir(local.config.dir.join("snapshots")).unwrap().count(), 0);
}

/// A write-back that is not done in time takes nothing, leaves nothing, and disturbs nobody.
#[test]
fn a_write_back_that_takes_too_long_is_given_up() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    fs::write(mount_point.join("data"), vec![1; 32 << 20]).unwrap();
    let id = new_snapshot_id();
    let hasty = CloneSnapshot { write_back_limit: Duration::ZERO, ..request(id, volume) };
    let refusal = local.backend().clone_snapshot(&hasty);
    assert!(matches!(refusal, Err(BackendError::WriteBackTimeout { .. })), "{refusal:?}");
    assert_eq!(fs::read_dir(local.config.dir.join("snapshots")).unwrap().count(), 0);
    fs::write(mount_point.join("more"), "x").unwrap();
    local.backend().clone_snapshot(&request(id, volume)).unwrap();
    local.backend().seal_snapshot(id).unwrap();
    local.backend().unstage(volume).unwrap();
}

/// A full pool takes no snapshot, fork or restore, while snapshots can be removed to make room.
#[test]
fn a_full_pool_takes_no_snapshot() {
    let local = Local::with_image_size(PoolDir::plain(), 512 * MIB);
    let volume = local.created();
    let (snapshot, _) = take(&local, volume);
    let capacity = local.backend().capacity().unwrap();
    let ballast = local.config.dir.join("fs/ballast");
    let wanted_bytes = capacity.capacity_bytes * 91 / 100 - capacity.used_bytes;
    fs::write(&ballast, vec![1; wanted_bytes as usize]).unwrap();
    output_of(Command::new("sync").arg("-f").arg(&ballast));
    let is_full =
        |refusal: Option<BackendError>| matches!(refusal, Some(BackendError::InsufficientCapacity { .. }));
    assert!(is_full(local.backend().clone_snapshot(&request(new_snapshot_id(), volume)).err()));
    for content in [Content::Snapshot(snapshot), Content::Volume { id: volume, write_back_limit: PATIENCE }] {
        let new = NewImage { incarnation: 0, content };
        assert!(is_full(local.backend().create_from(new_id(), SIZE_BYTES, &new, &mut || {}).err()));
    }
    assert!(is_full(local.backend().replace(volume, 1, SIZE_BYTES, snapshot).err()));
    assert_eq!(local.backend().remove_snapshot(snapshot).unwrap(), Changed::Changed);
}

/// What calls that were cut off leave is gone after the next start, immutable or not, and only that.
#[test]
fn leftovers_are_cleared_at_start() {
    let mut local = Local::on(PoolDir::xfs());
    let snapshots = local.config.dir.join("snapshots");
    let [half_made, half_removed, not_ours] =
        [(); 3].map(|()| snapshots.join(format!(".tmp-{}", new_snapshot_id())));
    for folder in [&half_made, &half_removed, &not_ours] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("disk.img"), "half").unwrap();
    }
    fs::write(half_removed.join(".tmp-checksum.json"), "{").unwrap();
    output_of(Command::new("chattr").arg("+i").arg(half_removed.join("disk.img")));
    fs::write(not_ours.join("notes.txt"), "somebody's only copy").unwrap();
    let foreign = snapshots.join("photos");
    fs::write(&foreign, "somebody's only copy").unwrap();
    local.restart();
    assert!(!half_made.exists() && !half_removed.exists());
    assert!(not_ours.join("disk.img").exists() && not_ours.join("notes.txt").exists() && foreign.exists());
    let listing = local.backend().list().unwrap();
    assert!(listing.foreign.iter().any(|entry| entry.path == foreign), "{listing:?}");
    assert!(listing.snapshots.is_empty());
}

/// A snapshot whose image alone is missing, or that holds files of somebody else, is told apart and not touched.
#[test]
fn half_a_snapshot_is_no_snapshot() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let (id, _) = take(&local, volume);
    let notes = local.snapshot_dir(id).join("notes.txt");
    fs::write(&notes, "somebody's only copy").unwrap();
    assert!(matches!(local.backend().remove_snapshot(id), Err(BackendError::Foreign { .. })));
    assert!(matches!(local.backend().observe_snapshot(id).unwrap(), SnapshotState::Ready(_)));
    fs::remove_file(&notes).unwrap();
    output_of(Command::new("chattr").arg("-i").arg(local.snapshot_image(id)));
    fs::remove_file(local.snapshot_image(id)).unwrap();
    assert_eq!(local.backend().observe_snapshot(id).unwrap(), SnapshotState::Missing);
    let new = NewImage { incarnation: 0, content: Content::Snapshot(id) };
    let refusal = local.backend().create_from(new_id(), SIZE_BYTES, &new, &mut || {});
    assert!(matches!(refusal, Err(BackendError::SnapshotMissing { .. })), "{refusal:?}");
    assert!(matches!(
        local.backend().clone_snapshot(&request(id, volume)),
        Err(BackendError::SnapshotMissing { .. })
    ));
    assert_eq!(local.backend().remove_snapshot(id).unwrap(), Changed::Changed);
}

/// A lost image can be had again from a snapshot.
#[test]
fn a_volume_without_its_image_is_replaced() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    local.backend().stage(volume).unwrap();
    local.write(volume, "one");
    let (id, _) = take(&local, volume);
    local.backend().unstage(volume).unwrap();
    fs::remove_file(local.image(volume)).unwrap();
    assert_eq!(local.backend().observe(volume).unwrap().image, ImageState::Missing);
    local.backend().replace(volume, 1, SIZE_BYTES, id).unwrap();
    local.backend().stage(volume).unwrap();
    assert_eq!(local.read(volume), "one");
    local.backend().unstage(volume).unwrap();
}

/// Replaced data is really gone from the pool, and nothing of it is left when the volume is.
#[test]
fn replaced_data_gives_its_room_back() {
    let local = Local::on(PoolDir::xfs());
    let volume = new_id();
    local.backend().create(volume, GIB).unwrap();
    let (snapshot, _) = take(&local, volume);
    let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    fs::write(mount_point.join("data"), vec![0x5a; 128 << 20]).unwrap();
    local.backend().unstage(volume).unwrap();
    let before = local.backend().capacity().unwrap().used_bytes;
    local.backend().replace(volume, 1, GIB, snapshot).unwrap();
    assert_eq!(fs::read_dir(local.config.dir.join("volumes")).unwrap().count(), 1);
    while local.backend().capacity().unwrap().used_bytes + 120 * MIB > before {
        output_of(Command::new("sync").arg("-f").arg(&local.config.dir));
    }
}

/// No mount of ours is ever to be seen in the mount table, and nothing stays behind.
#[test]
fn nothing_is_left_of_the_mounts_that_nobody_sees() {
    let local = Local::on(PoolDir::plain());
    let volume = local.created();
    local.backend().stage(volume).unwrap();
    let before = traces_of(local.dir.path());
    let (id, _) = take(&local, volume);
    let copy = fork(&local, volume, SIZE_BYTES);
    let files = local.backend().open_files(id).unwrap();
    files.list(b"/", None, 10).unwrap();
    let (device, status) = loopdev::find(|status| status.mark.contains(&id.to_string())).unwrap().unwrap();
    assert!(!status.whole_and_writable);
    let table = mount::table().unwrap();
    assert!(
        table.iter().all(|mounted| mounted.device_number != status.device_number),
        "{}",
        device.display()
    );
    drop(files);
    while traces_of(local.dir.path()) != before {
        thread::yield_now();
    }
    local.backend().unstage(volume).unwrap();
    local.backend().purge(copy).unwrap();
}

/// A damaged filesystem is not sealed, and what was cloned of it does not stay.
#[test]
fn a_filesystem_that_cannot_be_replayed_is_no_snapshot() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let mut image = File::options().read(true).write(true).open(local.image(volume)).unwrap();
    let mut magic = [0; 2];
    image.seek(SeekFrom::Start(1024 + 0x38)).unwrap();
    image.read_exact(&mut magic).unwrap();
    assert_eq!(magic, [0x53, 0xef]);
    image.write_all_at(&[0, 0], 1024 + 0x38).unwrap();
    let id = new_snapshot_id();
    local.backend().clone_snapshot(&request(id, volume)).unwrap();
    assert!(matches!(local.backend().seal_snapshot(id), Err(BackendError::Ext4(_))));
    assert_eq!(fs::read_dir(local.config.dir.join("snapshots")).unwrap().count(), 0);
}
