//! The cases about capabilities besides snapshots. An engine that lacks one refuses with a typed error.

use std::ops::ControlFlow;

use super::snapshots::{purge, remove, take, with_content};
use super::{Case, SIZE_BYTES, World, new_id, observe};
use crate::{BackendError, Capability, Changed, ImageState, Staged};

/// In the order of the accessors of [`VolumeBackend`](crate::VolumeBackend).
pub(super) const CASES: &[(&str, Case)] = &[
    ("a compaction changes nothing that is read", compacted),
    ("changed ranges show where snapshots differ", compared),
    ("a volume grows and never shrinks", grown),
    ("a raw device is staged without a mount", raw),
];

/// Returns whether the engine has the capability, and checks the refusal if it has not.
fn has<T: ?Sized>(needed: Result<&T, BackendError>, capability: Capability) -> bool {
    match needed {
        Ok(_) => true,
        Err(BackendError::Unsupported { capability: named }) if named == capability => false,
        Err(other) => panic!("{other:?}"),
    }
}

fn compacted(world: &mut dyn World) {
    if !has(world.backend().need_compaction(), Capability::Compaction) {
        return;
    }
    let volume = with_content(world, "one");
    let compaction = world.backend().need_compaction().unwrap();
    match compaction.compact(volume, &mut |_| ControlFlow::Continue(())) {
        Ok(done) => assert!(done.extents_now <= done.extents_before, "{done:?}"),
        Err(BackendError::CannotCompact { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
    assert_eq!(world.read(volume), "one");
    purge(world, &[volume]);
}

fn compared(world: &mut dyn World) {
    if !has(world.backend().need_changed_ranges(), Capability::ChangedRanges) {
        return;
    }
    let volume = with_content(world, "one");
    let (older, _) = take(world, volume);
    world.write(volume, "two");
    let (newer, _) = take(world, volume);
    let ranges = world.backend().need_changed_ranges().unwrap();
    assert_eq!(ranges.between(older, older).unwrap(), []);
    let changed = ranges.between(older, newer).unwrap();
    assert!(changed.iter().any(|range| range.len_bytes > 0), "{changed:?}");
    assert!(changed.is_sorted_by_key(|range| range.offset_bytes), "{changed:?}");
    remove(world, &[older]);
    let refusal = world.backend().need_changed_ranges().unwrap().between(older, newer);
    assert!(matches!(refusal, Err(BackendError::SnapshotMissing { .. })), "{refusal:?}");
    remove(world, &[newer]);
    purge(world, &[volume]);
}

fn grown(world: &mut dyn World) {
    if !has(world.backend().need_growth(), Capability::Growth) {
        return;
    }
    let (backend, id) = (world.backend(), new_id());
    let growth = backend.need_growth().unwrap();
    assert!(matches!(growth.grow(id, SIZE_BYTES), Err(BackendError::Missing { .. })));
    backend.create(id, SIZE_BYTES).unwrap();
    assert_eq!(growth.grow(id, 2 * SIZE_BYTES).unwrap(), Changed::Changed);
    assert_eq!(growth.grow(id, 2 * SIZE_BYTES).unwrap(), Changed::Unchanged);
    assert_eq!(growth.grow(id, SIZE_BYTES).unwrap(), Changed::Unchanged);
    let image = observe(world, id).image;
    assert!(
        matches!(image, ImageState::Present { size_bytes, .. } if size_bytes == 2 * SIZE_BYTES),
        "{image:?}"
    );
    backend.purge(id).unwrap();
}

fn raw(world: &mut dyn World) {
    if !has(world.backend().need_raw_devices(), Capability::RawDevices) {
        return;
    }
    let (backend, id) = (world.backend(), new_id());
    let devices = backend.need_raw_devices().unwrap();
    backend.create(id, SIZE_BYTES).unwrap();
    backend.stage(id).unwrap();
    assert!(matches!(devices.stage_device(id), Err(BackendError::Busy { .. })));
    backend.unstage(id).unwrap();
    let staged = devices.stage_device(id).unwrap();
    assert!(matches!(staged, Staged::Device { .. }), "{staged:?}");
    assert_eq!(devices.stage_device(id).unwrap(), staged);
    assert_eq!(observe(world, id).staged, Some(staged));
    assert_eq!(backend.unstage(id).unwrap(), Changed::Changed);
    backend.purge(id).unwrap();
}
