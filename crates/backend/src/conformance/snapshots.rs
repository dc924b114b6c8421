//! The cases about snapshots, forks and restores: the capability [`Snapshots`].

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use miosa_domain::size::MIB;
use miosa_domain::status::SnapshotFacts;
use miosa_domain::{SnapshotId, VolumeId};
use uuid::Uuid;

use super::{Case, SIZE_BYTES, World, new_id};
use crate::{
    BackendError, Changed, CloneSnapshot, Content, FileChange, FileKind, ImageState, NewImage, SnapshotState,
    Snapshots,
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("a snapshot's life", life),
    ("every call for a snapshot may be repeated", repeated),
    ("a snapshot never changes, and outlives its volume", kept),
    ("what was not sealed is no snapshot", unsealed),
    ("a volume is made from a snapshot", restored),
    ("a fork goes its own way", forked),
    ("a volume's data is replaced as a whole", replaced),
    ("a replacement that cannot be is refused", replacement_refused),
    ("snapshots that cannot be are refused", refused),
    ("a lost or displaced snapshot is left alone", displaced),
    ("the files in snapshots are read and compared", browsed),
    ("a checksum tells what a snapshot holds", checksummed),
    ("snapshots do not disturb each other", parallel),
];

/// Far more than any of these takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn new_snapshot_id() -> SnapshotId {
    SnapshotId::from_uuid(Uuid::new_v4())
}

fn of_snapshot(snapshot: SnapshotId) -> NewImage {
    NewImage { incarnation: 0, content: Content::Snapshot(snapshot) }
}

fn of_volume(id: VolumeId) -> NewImage {
    NewImage { incarnation: 0, content: Content::Volume { id, write_back_limit: PATIENCE } }
}

fn snapshots(world: &dyn World) -> &dyn Snapshots {
    world.backend().snapshots().expect("the suite runs these cases where the engine declares them")
}

fn request(id: SnapshotId, volume: VolumeId) -> CloneSnapshot {
    CloneSnapshot { id, volume, write_back_limit: PATIENCE, compacted: false }
}

pub(super) fn take(world: &dyn World, volume: VolumeId) -> (SnapshotId, SnapshotFacts) {
    let id = new_snapshot_id();
    snapshots(world).clone_snapshot(&request(id, volume)).unwrap();
    (id, snapshots(world).seal_snapshot(id).unwrap())
}

/// A volume that is staged and holds this.
pub(super) fn with_content(world: &mut dyn World, content: &str) -> VolumeId {
    let id = new_id();
    world.backend().create(id, SIZE_BYTES).unwrap();
    world.backend().stage(id).unwrap();
    world.write(id, content);
    id
}

pub(super) fn purge(world: &dyn World, volumes: &[VolumeId]) {
    for id in volumes {
        world.backend().unstage(*id).unwrap();
        world.backend().purge(*id).unwrap();
    }
}

pub(super) fn remove(world: &dyn World, ids: &[SnapshotId]) {
    for id in ids {
        assert_eq!(snapshots(world).remove_snapshot(*id).unwrap(), Changed::Changed);
    }
}

fn read_staged(world: &dyn World, id: VolumeId) -> String {
    world.backend().stage(id).unwrap();
    world.read(id)
}

fn life(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (backend, id) = (world.backend(), new_snapshot_id());
    assert_eq!(snapshots(world).observe_snapshot(id).unwrap(), SnapshotState::Absent);
    let cloned =
        snapshots(world).clone_snapshot(&CloneSnapshot { compacted: true, ..request(id, volume) }).unwrap();
    let facts = snapshots(world).seal_snapshot(id).unwrap();
    assert_eq!((facts.taken_at, facts.compacted), (cloned.taken_at, true));
    assert_eq!(Duration::from_micros(facts.stall_us).as_micros(), cloned.stall.as_micros());
    assert!(facts.taken_at.subsec_nanosecond() % 1_000_000 == 0, "{}", facts.taken_at);
    assert_eq!(facts.size_bytes, SIZE_BYTES);
    assert!(facts.extents > 0 && (1..SIZE_BYTES).contains(&facts.allocated_bytes), "{facts:?}");
    let SnapshotState::Ready(record) = snapshots(world).observe_snapshot(id).unwrap() else { panic!() };
    assert_eq!((record.volume, record.facts, &record.checksum), (volume, facts, &None));
    assert_eq!(backend.list().unwrap().snapshots[&id], SnapshotState::Ready(record));
    assert_eq!(snapshots(world).remove_snapshot(id).unwrap(), Changed::Changed);
    assert_eq!(snapshots(world).observe_snapshot(id).unwrap(), SnapshotState::Absent);
    purge(world, &[volume]);
}

fn repeated(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (backend, id) = (world.backend(), new_snapshot_id());
    assert_eq!(snapshots(world).remove_snapshot(id).unwrap(), Changed::Unchanged);
    // The second clone is the one that counts: the first was never sealed.
    snapshots(world).clone_snapshot(&request(id, volume)).unwrap();
    world.write(volume, "two");
    let cloned = snapshots(world).clone_snapshot(&request(id, volume)).unwrap();
    let facts = snapshots(world).seal_snapshot(id).unwrap();
    assert_eq!(facts.taken_at, cloned.taken_at);
    // From here on nothing changes any more.
    world.write(volume, "three");
    assert_eq!(snapshots(world).seal_snapshot(id).unwrap(), facts);
    assert_eq!(snapshots(world).clone_snapshot(&request(id, volume)).unwrap().taken_at, facts.taken_at);
    assert_eq!(snapshots(world).seal_snapshot(id).unwrap(), facts);
    let copy = new_id();
    assert_eq!(
        backend.create_from(copy, SIZE_BYTES, &of_snapshot(id), &mut || {}).unwrap(),
        Changed::Changed
    );
    assert_eq!(
        backend.create_from(copy, SIZE_BYTES, &of_snapshot(id), &mut || {}).unwrap(),
        Changed::Unchanged
    );
    assert_eq!(read_staged(world, copy), "two");
    remove(world, &[id]);
    assert_eq!(snapshots(world).remove_snapshot(id).unwrap(), Changed::Unchanged);
    // What a volume was made from may be gone.
    assert_eq!(
        backend.create_from(copy, SIZE_BYTES, &of_snapshot(id), &mut || {}).unwrap(),
        Changed::Unchanged
    );
    purge(world, &[volume, copy]);
}

fn kept(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (first, facts) = take(world, volume);
    world.write(volume, "two");
    let (second, _) = take(world, volume);
    world.write(volume, "three");
    world.restart();
    let SnapshotState::Ready(record) = snapshots(world).observe_snapshot(first).unwrap() else { panic!() };
    assert_eq!(record.facts, facts);
    world.reboot();
    purge(world, &[volume]);
    let copies = [new_id(), new_id()];
    for ((snapshot, content), copy) in [(first, "one"), (second, "two")].into_iter().zip(copies) {
        world.backend().create_from(copy, SIZE_BYTES, &of_snapshot(snapshot), &mut || {}).unwrap();
        assert_eq!(read_staged(world, copy), content);
    }
    remove(world, &[first, second]);
    purge(world, &copies);
}

fn unsealed(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let id = new_snapshot_id();
    snapshots(world).clone_snapshot(&request(id, volume)).unwrap();
    assert_eq!(snapshots(world).observe_snapshot(id).unwrap(), SnapshotState::Absent);
    assert!(world.backend().list().unwrap().snapshots.is_empty());
    world.restart();
    assert_eq!(snapshots(world).observe_snapshot(id).unwrap(), SnapshotState::Absent);
    let refusal = snapshots(world).seal_snapshot(id);
    assert!(matches!(refusal, Err(BackendError::SnapshotMissing { .. })), "{refusal:?}");
    snapshots(world).clone_snapshot(&request(id, volume)).unwrap();
    assert_eq!(snapshots(world).remove_snapshot(id).unwrap(), Changed::Unchanged);
    assert!(snapshots(world).seal_snapshot(id).is_err(), "a removed clone was sealed");
    purge(world, &[volume]);
}

fn restored(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (snapshot, _) = take(world, volume);
    let (same, larger) = (new_id(), new_id());
    for (id, size_bytes) in [(same, SIZE_BYTES), (larger, 3 * SIZE_BYTES)] {
        world.backend().create_from(id, size_bytes, &of_snapshot(snapshot), &mut || {}).unwrap();
        let image = world.backend().observe(id).unwrap().image;
        assert!(
            matches!(image, ImageState::Present { size_bytes: found, .. } if found == size_bytes),
            "{image:?}"
        );
        assert_eq!(read_staged(world, id), "one");
        world.write(id, "its own");
    }
    assert_eq!(world.read(volume), "one");
    remove(world, &[snapshot]);
    assert_eq!(world.read(same), "its own");
    purge(world, &[volume, same, larger]);
}

fn forked(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (fork, of_fork) = (new_id(), new_id());
    let mut freed = 0;
    world.backend().create_from(fork, 2 * SIZE_BYTES, &of_volume(volume), &mut || freed += 1).unwrap();
    assert_eq!(freed, 1, "the source was not reported free once");
    world.write(volume, "two");
    assert_eq!(read_staged(world, fork), "one");
    purge(world, &[volume]);
    world.backend().unstage(fork).unwrap();
    world.backend().create_from(of_fork, 2 * SIZE_BYTES, &of_volume(fork), &mut || {}).unwrap();
    assert_eq!(read_staged(world, of_fork), "one");
    let refusal = world.backend().create_from(new_id(), SIZE_BYTES, &of_volume(fork), &mut || {});
    assert!(matches!(refusal, Err(BackendError::TooSmall { .. })), "{refusal:?}");
    purge(world, &[fork, of_fork]);
}

fn replaced(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (first, _) = take(world, volume);
    world.write(volume, "two");
    let (second, _) = take(world, volume);
    world.backend().unstage(volume).unwrap();
    let incarnation = |world: &dyn World| match world.backend().observe(volume).unwrap().image {
        ImageState::Present { incarnation, .. } => incarnation,
        other => panic!("{other:?}"),
    };
    assert_eq!(incarnation(world), 0);
    assert_eq!(snapshots(world).replace(volume, 1, SIZE_BYTES, first).unwrap(), Changed::Changed);
    assert_eq!(incarnation(world), 1);
    // The answer was lost; and an older one comes late.
    assert_eq!(snapshots(world).replace(volume, 1, SIZE_BYTES, first).unwrap(), Changed::Unchanged);
    assert_eq!(read_staged(world, volume), "one");
    world.write(volume, "three");
    world.restart();
    assert_eq!(snapshots(world).replace(volume, 1, SIZE_BYTES, second).unwrap(), Changed::Unchanged);
    assert_eq!(world.read(volume), "three");
    world.backend().unstage(volume).unwrap();
    assert_eq!(snapshots(world).replace(volume, 5, 2 * SIZE_BYTES, second).unwrap(), Changed::Changed);
    assert_eq!(snapshots(world).replace(volume, 4, 2 * SIZE_BYTES, first).unwrap(), Changed::Unchanged);
    assert_eq!(incarnation(world), 5);
    assert_eq!(read_staged(world, volume), "two");
    world.backend().unstage(volume).unwrap();
    // Through the trash and back it stays what it is.
    world.backend().trash(volume).unwrap();
    world.backend().restore(volume).unwrap();
    assert_eq!(incarnation(world), 5);
    remove(world, &[first, second]);
    purge(world, &[volume]);
}

fn replacement_refused(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (snapshot, _) = take(world, volume);
    let replace = |world: &dyn World, id, size_bytes, snapshot| {
        snapshots(world).replace(id, 1, size_bytes, snapshot).unwrap_err()
    };
    assert!(matches!(replace(world, volume, SIZE_BYTES, snapshot), BackendError::Busy { .. }));
    assert!(matches!(replace(world, new_id(), SIZE_BYTES, snapshot), BackendError::Missing { .. }));
    world.backend().unstage(volume).unwrap();
    let missing = new_snapshot_id();
    assert!(matches!(replace(world, volume, SIZE_BYTES, missing), BackendError::SnapshotMissing { .. }));
    assert!(matches!(replace(world, volume, MIB, snapshot), BackendError::InvalidSize { .. }));
    assert_eq!(read_staged(world, volume), "one");
    world.backend().unstage(volume).unwrap();
    world.backend().trash(volume).unwrap();
    assert!(matches!(replace(world, volume, SIZE_BYTES, snapshot), BackendError::InTrash { .. }));
    remove(world, &[snapshot]);
    purge(world, &[volume]);
}

fn refused(world: &mut dyn World) {
    let (backend, volume, id) = (world.backend(), new_id(), new_snapshot_id());
    let clone = || snapshots(world).clone_snapshot(&request(id, volume)).unwrap_err();
    assert!(matches!(clone(), BackendError::Missing { .. }));
    assert!(matches!(snapshots(world).seal_snapshot(id), Err(BackendError::SnapshotMissing { .. })));
    backend.create(volume, 2 * SIZE_BYTES).unwrap();
    backend.trash(volume).unwrap();
    assert!(matches!(clone(), BackendError::InTrash { .. }));
    backend.restore(volume).unwrap();
    let (snapshot, _) = take(world, volume);
    let from = |id: VolumeId, size_bytes, new: &NewImage| {
        backend.create_from(id, size_bytes, new, &mut || {}).unwrap_err()
    };
    assert!(matches!(from(new_id(), SIZE_BYTES, &of_snapshot(snapshot)), BackendError::TooSmall { .. }));
    assert!(matches!(from(new_id(), MIB, &of_snapshot(snapshot)), BackendError::InvalidSize { .. }));
    assert!(matches!(from(new_id(), SIZE_BYTES, &of_snapshot(id)), BackendError::SnapshotMissing { .. }));
    assert!(matches!(from(new_id(), SIZE_BYTES, &of_volume(new_id())), BackendError::Missing { .. }));
    assert!(matches!(snapshots(world).open_files(id).err(), Some(BackendError::SnapshotMissing { .. })));
    remove(world, &[snapshot]);
    purge(world, &[volume]);
}

fn displaced(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (lost, _) = take(world, volume);
    world.lose_snapshot(lost);
    assert_eq!(snapshots(world).observe_snapshot(lost).unwrap(), SnapshotState::Absent);

    let id = new_snapshot_id();
    world.displace_snapshot(id);
    let backend = world.backend();
    let is_foreign = |refusal: Option<BackendError>| matches!(refusal, Some(BackendError::Foreign { .. }));
    assert!(is_foreign(snapshots(world).clone_snapshot(&request(id, volume)).err()));
    assert!(is_foreign(snapshots(world).seal_snapshot(id).err()));
    assert!(is_foreign(snapshots(world).remove_snapshot(id).err()));
    assert!(is_foreign(backend.create_from(new_id(), SIZE_BYTES, &of_snapshot(id), &mut || {}).err()));
    assert!(is_foreign(snapshots(world).open_files(id).err()));
    assert!(matches!(snapshots(world).observe_snapshot(id).unwrap(), SnapshotState::Foreign { .. }));
    assert!(matches!(backend.list().unwrap().snapshots[&id], SnapshotState::Foreign { .. }));
    world.restart();
    assert!(world.take_foreign_snapshot_away(id), "foreign data was touched");
    purge(world, &[volume]);
}

fn browsed(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (older, _) = take(world, volume);
    world.write(volume, "two, and longer");
    let (newer, _) = take(world, volume);
    let files = snapshots(world).open_files(newer).unwrap();
    let name = world.file_name();
    let path = [b"/", name.as_bytes()].concat();
    assert_eq!(files.read(&path, 5, 100).unwrap(), b"and longer");
    let stat = files.stat(&path).unwrap();
    assert_eq!((stat.kind, stat.size_bytes, stat.name), (FileKind::File, 15, name.as_bytes().to_vec()));
    assert_eq!(files.stat(b"/").unwrap().kind, FileKind::Directory);
    let listed = files.list(b"/", None, 100).unwrap();
    assert_eq!(listed.iter().filter(|entry| entry.name == name.as_bytes()).count(), 1);
    assert!(matches!(files.read(b"/nothing", 0, 1), Err(BackendError::NoSuchFile { .. })));
    assert!(matches!(files.read(b"/", 0, 1), Err(BackendError::OtherKind { .. })));
    assert!(matches!(files.list(&path, None, 1), Err(BackendError::OtherKind { .. })));

    let older_files = snapshots(world).open_files(older).unwrap();
    let mut changes = Vec::new();
    let mut note = |change| {
        changes.push(change);
        Ok(())
    };
    files.changed_since(&*files, &mut note).unwrap();
    files.changed_since(&*older_files, &mut note).unwrap();
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&change.path, change.change, change.size_bytes), (&path, FileChange::Modified, 15));
    drop((files, older_files));
    remove(world, &[older, newer]);
    purge(world, &[volume]);
}

fn checksummed(world: &mut dyn World) {
    let volume = with_content(world, "one");
    let (first, _) = take(world, volume);
    world.write(volume, "two");
    let (second, _) = take(world, volume);
    let checksum = |world: &dyn World, id| {
        snapshots(world).checksum(id, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap()
    };
    let stopped = snapshots(world).checksum(first, &mut |_, _| ControlFlow::Break(())).unwrap();
    assert_eq!(stopped, None);
    let found = checksum(world, first);
    assert_ne!(found.blake3, checksum(world, second).blake3);
    world.restart();
    let SnapshotState::Ready(record) = snapshots(world).observe_snapshot(first).unwrap() else { panic!() };
    assert_eq!(record.checksum, Some(found.clone()));
    assert_eq!(checksum(world, first).blake3, found.blake3);
    remove(world, &[first, second]);
    purge(world, &[volume]);
}

/// Three threads take, copy and remove snapshots of three volumes all at once.
fn parallel(world: &mut dyn World) {
    let volumes = ["one", "two", "three"].map(|content| (with_content(world, content), content));
    let (backend, snapshots) = (world.backend(), snapshots(world));
    let work = |volume: VolumeId| {
        let mut copies = Vec::new();
        for _ in 0..3 {
            let (snapshot, copy) = (new_snapshot_id(), new_id());
            snapshots.clone_snapshot(&request(snapshot, volume)).unwrap();
            snapshots.seal_snapshot(snapshot).unwrap();
            backend.create_from(copy, SIZE_BYTES, &of_snapshot(snapshot), &mut || {}).unwrap();
            assert_eq!(snapshots.remove_snapshot(snapshot).unwrap(), Changed::Changed);
            copies.push(copy);
        }
        copies
    };
    let copies = thread::scope(|scope| {
        let threads = volumes.map(|(volume, _)| scope.spawn(move || work(volume)));
        threads.map(|thread| thread.join().unwrap())
    });
    for ((volume, content), copies) in volumes.into_iter().zip(copies) {
        for copy in &copies {
            assert_eq!(read_staged(world, *copy), content);
        }
        purge(world, &copies);
        purge(world, &[volume]);
    }
}
