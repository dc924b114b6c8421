//! What a test may do to a pool in memory, and learn of it.

use std::path::PathBuf;

use miosa_domain::status::Holder;
use miosa_domain::{SnapshotId, VolumeId};

use super::files::Tree;
use super::snapshot::Stands;
use super::{Call, FEW_EXTENTS, FakeBackend, FakeVolume};
use crate::{BackendError, ForeignEntry, ImageState};

impl FakeBackend {
    /// The next `call`, for any volume, fails with `error` and does nothing. Several failures are used up in order.
    pub fn fail_next(&self, call: Call, error: BackendError) {
        self.state().failures.push((call, error));
    }

    /// Every call so far that is not about one snapshot, in order, failed ones included.
    pub fn calls(&self) -> Vec<(Call, Option<VolumeId>)> {
        self.state().calls.clone()
    }

    /// Every call so far that is about one snapshot, in order, failed ones included.
    pub fn snapshot_calls(&self) -> Vec<(Call, SnapshotId)> {
        self.state().snapshot_calls.clone()
    }

    /// A workload writes a file, given by its absolute path.
    pub fn write_file(&self, id: VolumeId, path: &str, content: &[u8]) {
        if let Some(volume) = self.state().volumes.get_mut(&id) {
            volume.tree.insert(path.into(), content.to_owned());
            volume.touch();
        }
    }

    /// What a workload would read; `None` if there is no such file.
    pub fn read_file(&self, id: VolumeId, path: &str) -> Option<Vec<u8>> {
        self.state().volumes.get(&id)?.tree.get(path.as_bytes()).cloned()
    }

    /// The volume's image lies in so many pieces, and a compaction leaves `at_best` of them.
    pub fn set_extents(&self, id: VolumeId, extents: u64, at_best: u64) {
        if let Some(volume) = self.state().volumes.get_mut(&id) {
            (volume.extents, volume.extents_at_best) = (extents, at_best);
            volume.touch();
        }
    }

    /// From now on writing the staged volume back takes longer than any limit; or no longer does.
    pub fn set_write_back_hangs(&self, id: VolumeId, hangs: bool) {
        let mut state = self.state();
        if hangs {
            state.write_back_hangs.insert(id);
        } else {
            state.write_back_hangs.remove(&id);
        }
    }

    /// Something else takes so much of the pool.
    pub fn set_other_bytes(&self, bytes: u64) {
        self.state().other_bytes = bytes;
    }

    /// A bit of the snapshot's data flips.
    pub fn damage_snapshot(&self, id: SnapshotId) {
        if let Ok(snapshot) = self.state().sealed(id) {
            snapshot.tree.entry(b"/flipped".to_vec()).or_default().push(1);
        }
    }

    /// The snapshot's data vanishes, as after an `rm` by hand.
    pub fn lose_snapshot(&self, id: SnapshotId) {
        self.state().snapshots.remove(&id);
    }

    /// Something foreign stands where the snapshot should be.
    pub fn displace_snapshot(&self, id: SnapshotId, what: &str) {
        self.state().snapshots.insert(id, Stands::Foreign { what: what.to_owned() });
    }

    /// Removes what [`FakeBackend::displace_snapshot`] put there. Returns whether it was still there.
    pub fn take_foreign_snapshot_away(&self, id: SnapshotId) -> bool {
        matches!(self.state().snapshots.remove(&id), Some(Stands::Foreign { .. }))
    }

    /// From now on unstaging the volume finds it busy with these processes; with none, it is free.
    pub fn set_holders(&self, id: VolumeId, holders: Vec<Holder>) {
        if let Some(volume) = self.state().volumes.get_mut(&id) {
            volume.holders = holders;
        }
    }

    /// The volume's data vanishes, as after an `rm` by hand.
    pub fn lose(&self, id: VolumeId) {
        self.state().volumes.remove(&id);
    }

    /// Something foreign stands where the volume's data should be.
    pub fn displace(&self, id: VolumeId, what: &str) {
        let image = ImageState::Foreign { what: what.to_owned() };
        self.state().volumes.insert(id, FakeVolume::new(image, 0, Tree::new(), FEW_EXTENTS));
    }

    /// Something lies in the pool that belongs to no volume.
    pub fn add_foreign(&self, path: impl Into<PathBuf>, why: &str) {
        self.state().foreign.push(ForeignEntry { path: path.into(), why: why.to_owned() });
    }

    /// Another process takes over: a backend that was shut down works again.
    pub fn restart(&self) {
        let mut state = self.state();
        state.closed = false;
        state.taken.clear();
    }

    /// Removes what [`FakeBackend::displace`] put there. Returns whether it was still there.
    pub fn take_foreign_away(&self, id: VolumeId) -> bool {
        let volume = self.state().volumes.remove(&id);
        volume.is_some_and(|volume| matches!(volume.image, ImageState::Foreign { .. }))
    }

    /// The host reboots: no device, no mount and no process is left.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.closed = false;
        state.taken.clear();
        for volume in state.volumes.values_mut() {
            volume.staged = None;
            volume.holders.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Duration;

    use miosa_domain::size::{GIB, MIB};
    use uuid::Uuid;

    use super::*;
    use crate::{CloneSnapshot, Compaction, Snapshots, VolumeBackend};

    fn backend() -> (FakeBackend, VolumeId) {
        let (backend, id) = (FakeBackend::new(GIB), VolumeId::from_uuid(Uuid::from_u128(1)));
        backend.create(id, 64 * MIB).unwrap();
        (backend, id)
    }

    fn request(volume: VolumeId) -> CloneSnapshot {
        let id = SnapshotId::from_uuid(Uuid::from_u128(2));
        CloneSnapshot { id, volume, write_back_limit: Duration::from_secs(3), compacted: false }
    }

    #[test]
    fn images_are_compacted_as_far_as_they_go() {
        let (backend, id) = backend();
        backend.set_extents(id, 100_000, 500);
        let fragmented = backend.fragmentation(id).unwrap();
        let mut asked = 0;
        let mut once = |_: &crate::CompactionProgress| {
            asked += 1;
            if asked == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let stopped = backend.compact(id, &mut once).unwrap();
        assert!((501..100_000).contains(&stopped.extents_now), "{stopped:?}");
        let done = backend.compact(id, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((done.extents_now, done.done_bytes), (500, done.total_bytes));
        assert!(backend.fragmentation(id).unwrap().predicted_stall < fragmented.predicted_stall);
    }

    #[test]
    fn only_what_is_mounted_is_written_back() {
        let (backend, id) = backend();
        backend.set_write_back_hangs(id, true);
        backend.clone_snapshot(&request(id)).unwrap();
        backend.stage(id).unwrap();
        let refusal = backend.clone_snapshot(&request(id));
        assert!(matches!(refusal, Err(BackendError::WriteBackTimeout { .. })), "{refusal:?}");
        backend.set_write_back_hangs(id, false);
        backend.clone_snapshot(&request(id)).unwrap();
    }

    #[test]
    fn a_full_pool_takes_nothing() {
        let (backend, id) = backend();
        backend.set_other_bytes(GIB);
        let go_on = &mut |_: &crate::CompactionProgress| ControlFlow::Continue(());
        for refusal in [backend.clone_snapshot(&request(id)).err(), backend.compact(id, go_on).err()] {
            assert!(matches!(refusal, Some(BackendError::InsufficientCapacity { .. })), "{refusal:?}");
        }
    }

    #[test]
    fn a_flipped_bit_changes_the_checksum() {
        let (backend, id) = backend();
        let snapshot = request(id).id;
        backend.clone_snapshot(&request(id)).unwrap();
        backend.seal_snapshot(snapshot).unwrap();
        let checksum = || backend.checksum(snapshot, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap();
        let before = checksum();
        backend.damage_snapshot(snapshot);
        assert_ne!(checksum().blake3, before.blake3);
    }
}
