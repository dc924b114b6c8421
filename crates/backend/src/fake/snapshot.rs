//! Snapshots in memory.

use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::stall;
use miosa_domain::status::{Checksum, SnapshotFacts};
use miosa_domain::{SnapshotId, VolumeId};

use super::files::{Tree, digest};
use super::{State, foreign_at};
use crate::capability::ceil_to_millisecond;
use crate::{BackendError, Changed, CloneSnapshot, Cloned, SnapshotRecord, SnapshotState};

/// The bytes that only a snapshot has.
pub(super) const SNAPSHOT_BYTES: u64 = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct FakeSnapshot {
    pub(super) record: SnapshotRecord,
    pub(super) tree: Tree,
}

/// What stands under a snapshot's id.
#[derive(Debug)]
pub(super) enum Stands {
    Sealed(FakeSnapshot),
    Foreign { what: String },
}

impl State {
    pub(super) fn clone_snapshot(&mut self, request: &CloneSnapshot) -> Result<Cloned, BackendError> {
        let cloned = |facts: SnapshotFacts| Cloned {
            taken_at: facts.taken_at,
            stall: Duration::from_micros(facts.stall_us),
        };
        match self.snapshots.get(&request.id) {
            Some(Stands::Sealed(snapshot)) => return Ok(cloned(snapshot.record.facts)),
            Some(Stands::Foreign { what }) => return Err(foreign_at("snapshots", request.id, what)),
            None => {}
        }
        if self.capacity().is_full() {
            return Err(self.no_room());
        }
        self.taken.remove(&request.id);
        self.write_back(request.volume, request.write_back_limit)?;
        let volume = self.present(request.volume)?;
        let (size_bytes, allocated_bytes) = volume.sizes();
        let (extents, tree) = (volume.extents, volume.tree.clone());
        let stall = stall::predicted(extents, stall::MICROSECONDS_PER_EXTENT);
        let facts = SnapshotFacts {
            taken_at: ceil_to_millisecond(Timestamp::now()),
            size_bytes,
            allocated_bytes,
            extents,
            stall_us: u64::try_from(stall.as_micros()).unwrap_or(u64::MAX),
            compacted: request.compacted,
        };
        let record = SnapshotRecord { volume: request.volume, facts, checksum: None };
        self.taken.insert(request.id, FakeSnapshot { record, tree });
        Ok(cloned(facts))
    }

    pub(super) fn seal_snapshot(&mut self, id: SnapshotId) -> Result<SnapshotFacts, BackendError> {
        if let Some(taken) = self.taken.remove(&id) {
            self.snapshots.insert(id, Stands::Sealed(taken));
        }
        Ok(self.sealed(id)?.record.facts)
    }

    pub(super) fn snapshot_state(&self, id: SnapshotId) -> SnapshotState {
        match self.snapshots.get(&id) {
            None => SnapshotState::Absent,
            Some(Stands::Sealed(snapshot)) => SnapshotState::Ready(snapshot.record.clone()),
            Some(Stands::Foreign { what }) => SnapshotState::Foreign { what: what.clone() },
        }
    }

    pub(super) fn remove_snapshot(&mut self, id: SnapshotId) -> Result<Changed, BackendError> {
        self.taken.remove(&id);
        match self.snapshots.get(&id) {
            None => Ok(Changed::Unchanged),
            Some(Stands::Foreign { what }) => Err(foreign_at("snapshots", id, what)),
            Some(Stands::Sealed(_)) => {
                self.snapshots.remove(&id);
                Ok(Changed::Changed)
            }
        }
    }

    pub(super) fn sealed(&mut self, id: SnapshotId) -> Result<&mut FakeSnapshot, BackendError> {
        match self.snapshots.get_mut(&id) {
            Some(Stands::Sealed(snapshot)) => Ok(snapshot),
            Some(Stands::Foreign { what }) => Err(foreign_at("snapshots", id, what)),
            None => Err(BackendError::SnapshotMissing { id }),
        }
    }

    /// The checksum of what the snapshot holds now; the first one is kept.
    pub(super) fn checksum(&mut self, id: SnapshotId) -> Result<Checksum, BackendError> {
        let snapshot = self.sealed(id)?;
        let blake3 = digest(&snapshot.tree).to_hex().to_string();
        let checksum = Checksum { blake3, computed_at: Timestamp::now() };
        snapshot.record.checksum.get_or_insert_with(|| checksum.clone());
        Ok(checksum)
    }

    pub(super) fn write_back(&mut self, id: VolumeId, limit: Duration) -> Result<(), BackendError> {
        if self.present(id)?.staged.is_some() && self.write_back_hangs.contains(&id) {
            return Err(BackendError::WriteBackTimeout { id, limit });
        }
        Ok(())
    }
}
