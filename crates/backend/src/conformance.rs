//! What every engine must do, as one suite that each of them runs: the core, and the cases of each capability that it declares.
//!
//! A [`World`] is a backend together with what can happen to it. Every case begins and ends with an empty pool.

use std::thread;

use miosa_domain::size::{GIB, MIB};
use miosa_domain::{SnapshotId, VolumeId};
use uuid::Uuid;

use crate::{BackendError, Changed, ImageState, VolumeBackend, VolumeObservation};

mod others;
mod snapshots;

/// A backend under test, and what befalls it.
pub trait World {
    fn backend(&self) -> &dyn VolumeBackend;

    /// The process ends without a word, and another one takes over. The kernel's state stays.
    fn restart(&mut self);

    /// All processes, mounts and devices are gone, and the backend is opened again.
    fn reboot(&mut self);

    /// The volume's data vanishes.
    fn lose(&mut self, id: VolumeId);

    /// Something foreign is put where the volume's data would be.
    fn displace(&mut self, id: VolumeId);

    /// Whether the foreign thing is still there, as it was; then it is removed.
    fn take_foreign_away(&mut self, id: VolumeId) -> bool;

    /// A process begins to use the staged volume. Returns its pid.
    fn hold(&mut self, id: VolumeId) -> u32;

    /// That process ends.
    fn release(&mut self, id: VolumeId);

    /// A workload replaces the content of one file of the staged volume, and does not wait for the disk.
    fn write(&self, id: VolumeId, content: &str);

    /// What it reads of that file.
    fn read(&self, id: VolumeId) -> String;

    /// Name of that file, in the root folder.
    fn file_name(&self) -> &str;

    /// The snapshot's data vanishes.
    fn lose_snapshot(&mut self, id: SnapshotId);

    /// Something foreign is put where the snapshot would be.
    fn displace_snapshot(&mut self, id: SnapshotId);

    /// Whether the foreign thing is still there, as it was; then it is removed.
    fn take_foreign_snapshot_away(&mut self, id: SnapshotId) -> bool;
}

/// A case of the suite.
pub type Case = fn(&mut dyn World);

/// The cases about volumes, by name.
const CASES: &[(&str, Case)] = &[
    ("a volume's life", life),
    ("every call may be repeated", repeated),
    ("what does not fit together is refused", refused),
    ("a restart adopts what is staged", restarted),
    ("a reboot leaves the data", rebooted),
    ("lost data is never recreated by staging", lost),
    ("foreign data is left alone", displaced),
    ("a busy volume stays staged and names who uses it", held),
    ("volumes do not disturb each other", parallel),
    ("a backend that was shut down refuses every call", closed),
];

/// Runs all cases in one world.
pub fn run(world: &mut dyn World) {
    let of_snapshots = world.backend().snapshots().map_or(&[][..], |_| snapshots::CASES);
    for (name, case) in CASES.iter().chain(of_snapshots).chain(others::CASES) {
        case(world);
        let listing = world.backend().list().unwrap();
        let left = format!("after {name:?}: {listing:?}");
        assert!(listing.volumes.is_empty() && listing.snapshots.is_empty(), "{left}");
        assert!(listing.unknown.is_empty() && listing.unknown_snapshots.is_empty(), "{left}");
        assert!(listing.foreign.is_empty(), "{left}");
    }
}

const SIZE_BYTES: u64 = 64 * MIB;

fn new_id() -> VolumeId {
    VolumeId::from_uuid(Uuid::new_v4())
}

fn observe(world: &dyn World, id: VolumeId) -> VolumeObservation {
    world.backend().observe(id).unwrap()
}

fn life(world: &mut dyn World) {
    let (backend, id) = (world.backend(), new_id());
    let observed = || backend.observe(id).unwrap();
    assert_eq!(observed(), VolumeObservation { image: ImageState::Absent, staged: None });

    assert_eq!(backend.create(id, SIZE_BYTES).unwrap(), Changed::Changed);
    let VolumeObservation { image: ImageState::Present { size_bytes, allocated_bytes, .. }, staged: None } =
        observed()
    else {
        panic!("{:?}", observed())
    };
    assert_eq!(size_bytes, SIZE_BYTES);
    assert!((1..=SIZE_BYTES / 2).contains(&allocated_bytes), "an empty volume takes {allocated_bytes}");

    let staged = backend.stage(id).unwrap();
    assert_eq!(observed().staged, Some(staged.clone()));
    assert_eq!(backend.list().unwrap().volumes[&id].staged, Some(staged));
    assert!(matches!(observed().image, ImageState::Present { size_bytes: SIZE_BYTES, .. }));

    assert_eq!(backend.unstage(id).unwrap(), Changed::Changed);
    assert_eq!(observed().staged, None);

    assert_eq!(backend.trash(id).unwrap(), Changed::Changed);
    assert!(
        matches!(observed().image, ImageState::InTrash { size_bytes: SIZE_BYTES, .. }),
        "{:?}",
        observed()
    );
    assert!(backend.list().unwrap().volumes.contains_key(&id));
    assert_eq!(backend.restore(id).unwrap(), Changed::Changed);
    assert!(
        matches!(observed().image, ImageState::Present { size_bytes: SIZE_BYTES, .. }),
        "{:?}",
        observed()
    );
    backend.stage(id).unwrap();
    backend.unstage(id).unwrap();

    assert_eq!(backend.purge(id).unwrap(), Changed::Changed);
    assert_eq!(observed().image, ImageState::Absent);
}

fn repeated(world: &mut dyn World) {
    let (backend, id) = (world.backend(), new_id());
    assert_eq!(backend.unstage(id).unwrap(), Changed::Unchanged);
    assert_eq!(backend.purge(id).unwrap(), Changed::Unchanged);
    backend.create(id, GIB).unwrap();
    assert_eq!(backend.create(id, GIB).unwrap(), Changed::Unchanged);
    assert_eq!(backend.restore(id).unwrap(), Changed::Unchanged);
    assert_eq!(backend.stage(id).unwrap(), backend.stage(id).unwrap());
    backend.unstage(id).unwrap();
    assert_eq!(backend.unstage(id).unwrap(), Changed::Unchanged);
    backend.trash(id).unwrap();
    assert_eq!(backend.trash(id).unwrap(), Changed::Unchanged);
    // From the trash.
    backend.purge(id).unwrap();
    assert_eq!(backend.purge(id).unwrap(), Changed::Unchanged);
}

fn refused(world: &mut dyn World) {
    let (backend, id) = (world.backend(), new_id());
    for size_bytes in [0, MIB, 64 * MIB - 1, 64 * MIB + 512] {
        let refusal = backend.create(id, size_bytes);
        assert!(matches!(refusal, Err(BackendError::InvalidSize { .. })), "{size_bytes}: {refusal:?}");
    }
    assert!(matches!(backend.stage(id), Err(BackendError::Missing { .. })));
    assert!(matches!(backend.trash(id), Err(BackendError::Missing { .. })));
    assert!(matches!(backend.restore(id), Err(BackendError::Missing { .. })));

    backend.create(id, SIZE_BYTES).unwrap();
    let refusal = backend.create(id, 2 * SIZE_BYTES);
    assert!(matches!(refusal, Err(BackendError::SizeDiffers { size_bytes: SIZE_BYTES, .. })), "{refusal:?}");

    backend.stage(id).unwrap();
    assert!(matches!(backend.trash(id), Err(BackendError::Busy { .. })));
    assert!(matches!(backend.purge(id), Err(BackendError::Busy { .. })));
    assert!(observe(world, id).staged.is_some(), "a refused call unstaged the volume");
    backend.unstage(id).unwrap();

    backend.trash(id).unwrap();
    assert!(matches!(backend.create(id, SIZE_BYTES), Err(BackendError::InTrash { .. })));
    assert!(matches!(backend.stage(id), Err(BackendError::InTrash { .. })));
    backend.purge(id).unwrap();
}

fn restarted(world: &mut dyn World) {
    let (staged_id, plain_id) = (new_id(), new_id());
    world.backend().create(staged_id, SIZE_BYTES).unwrap();
    world.backend().create(plain_id, SIZE_BYTES).unwrap();
    let staged = world.backend().stage(staged_id).unwrap();
    world.restart();
    assert_eq!(observe(world, staged_id).staged, Some(staged.clone()));
    assert_eq!(observe(world, plain_id).staged, None);
    assert_eq!(world.backend().stage(staged_id).unwrap(), staged, "it was mounted again");
    world.backend().unstage(staged_id).unwrap();
    for id in [staged_id, plain_id] {
        world.backend().purge(id).unwrap();
    }
}

fn rebooted(world: &mut dyn World) {
    let id = new_id();
    world.backend().create(id, SIZE_BYTES).unwrap();
    world.backend().stage(id).unwrap();
    world.reboot();
    let observed = observe(world, id);
    assert!(
        matches!(observed.image, ImageState::Present { .. }) && observed.staged.is_none(),
        "{observed:?}"
    );
    world.backend().stage(id).unwrap();
    world.backend().unstage(id).unwrap();
    world.backend().purge(id).unwrap();
}

fn lost(world: &mut dyn World) {
    let id = new_id();
    world.backend().create(id, SIZE_BYTES).unwrap();
    world.lose(id);
    assert!(matches!(world.backend().stage(id), Err(BackendError::Missing { .. })));
    assert_eq!(observe(world, id), VolumeObservation { image: ImageState::Absent, staged: None });
}

fn displaced(world: &mut dyn World) {
    let id = new_id();
    world.displace(id);
    let backend = world.backend();
    let is_foreign = |refusal: &BackendError| matches!(refusal, BackendError::Foreign { .. });
    assert!(is_foreign(&backend.create(id, SIZE_BYTES).unwrap_err()));
    assert!(is_foreign(&backend.stage(id).unwrap_err()));
    assert!(is_foreign(&backend.trash(id).unwrap_err()));
    assert!(is_foreign(&backend.restore(id).unwrap_err()));
    assert!(is_foreign(&backend.purge(id).unwrap_err()));
    assert!(matches!(observe(world, id).image, ImageState::Foreign { .. }));
    world.restart();
    assert!(world.take_foreign_away(id), "foreign data was touched");
}

fn held(world: &mut dyn World) {
    let id = new_id();
    world.backend().create(id, SIZE_BYTES).unwrap();
    let staged = world.backend().stage(id).unwrap();
    let pid = world.hold(id);
    for call in [VolumeBackend::unstage, VolumeBackend::trash, VolumeBackend::purge] as [fn(&_, _) -> _; 3] {
        match call(world.backend(), id) {
            Err(BackendError::Busy { holders, .. }) => {
                assert!(holders.iter().any(|holder| holder.pid == pid), "{pid} is not among {holders:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(observe(world, id).staged, Some(staged));
    world.release(id);
    assert_eq!(world.backend().unstage(id).unwrap(), Changed::Changed);
    world.backend().purge(id).unwrap();
}

/// Four threads, four volumes each, all at once: devices are given out one by one, so they must race for them.
fn parallel(world: &mut dyn World) {
    let backend = world.backend();
    thread::scope(|scope| {
        let work = || {
            let ids = [(); 4].map(|()| new_id());
            for id in ids {
                backend.create(id, SIZE_BYTES).unwrap();
            }
            let staged = ids.map(|id| backend.stage(id).unwrap());
            for (id, staged) in ids.into_iter().zip(staged) {
                assert_eq!(backend.observe(id).unwrap().staged, Some(staged));
            }
            for id in ids {
                backend.unstage(id).unwrap();
                backend.purge(id).unwrap();
            }
        };
        for thread in [(); 4].map(|()| scope.spawn(work)) {
            thread.join().unwrap();
        }
    });
}

fn closed(world: &mut dyn World) {
    let id = new_id();
    world.backend().create(id, SIZE_BYTES).unwrap();
    let staged = world.backend().stage(id).unwrap();
    world.backend().shutdown().unwrap();
    assert!(matches!(world.backend().observe(id), Err(BackendError::Closed)));
    assert!(matches!(world.backend().list(), Err(BackendError::Closed)));
    world.restart();
    assert_eq!(observe(world, id).staged, Some(staged), "shutting down unstaged a volume");
    world.backend().unstage(id).unwrap();
    world.backend().purge(id).unwrap();
    world.backend().shutdown().unwrap();
    world.backend().shutdown().unwrap();
    world.restart();
}
