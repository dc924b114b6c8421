//! What an engine may be able to do besides keeping volumes, each as a trait of its own.
//!
//! An engine declares a capability by returning itself from the method of [`VolumeBackend`] that is named after it. A caller that
//! needs one that the engine lacks gets [`BackendError::Unsupported`] from the `need_` method, and refuses the request with it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use miosa_domain::status::{Checksum, SnapshotFacts};
use miosa_domain::{SnapshotId, VolumeId};

use crate::{BackendError, Changed, SnapshotFiles, Staged, VolumeBackend};

/// A capability, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    Snapshots,
    Compaction,
    ChangedRanges,
    Growth,
    RawDevices,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snapshots => "snapshots, forks and restores",
            Self::Compaction => "compaction",
            Self::ChangedRanges => "changed ranges between snapshots",
            Self::Growth => "growing a volume",
            Self::RawDevices => "attaching a volume as a raw device",
        })
    }
}

impl dyn VolumeBackend + '_ {
    pub fn need_snapshots(&self) -> Result<&dyn Snapshots, BackendError> {
        self.snapshots().ok_or(unsupported(Capability::Snapshots))
    }

    pub fn need_compaction(&self) -> Result<&dyn Compaction, BackendError> {
        self.compaction().ok_or(unsupported(Capability::Compaction))
    }

    pub fn need_changed_ranges(&self) -> Result<&dyn ChangedRanges, BackendError> {
        self.changed_ranges().ok_or(unsupported(Capability::ChangedRanges))
    }

    pub fn need_growth(&self) -> Result<&dyn Growth, BackendError> {
        self.growth().ok_or(unsupported(Capability::Growth))
    }

    pub fn need_raw_devices(&self) -> Result<&dyn RawDevices, BackendError> {
        self.raw_devices().ok_or(unsupported(Capability::RawDevices))
    }
}

fn unsupported(capability: Capability) -> BackendError {
    BackendError::Unsupported { capability }
}

/// Snapshots of volumes, and volumes made from them or from other volumes ([`Content`](crate::Content)). Clones of one volume may
/// come at once.
pub trait Snapshots: Send + Sync {
    /// Ensures that the unstaged volume is at this incarnation or a later one: if it is at an earlier one, all its data is
    /// replaced at once by that of `snapshot`, grown to `size_bytes`. Until then the old data is there as it was.
    fn replace(
        &self,
        id: VolumeId,
        incarnation: u64,
        size_bytes: u64,
        snapshot: SnapshotId,
    ) -> Result<Changed, BackendError>;

    /// First half of taking a snapshot: writes the volume back (staged or not), then clones its image at one instant.
    /// Writers wait for the clone alone. If the write-back is not done within `write_back_limit`, nothing was taken
    /// ([`BackendError::WriteBackTimeout`]) and no writer was delayed. A clone that is never sealed is no snapshot; the next call
    /// for this ID or the next start clears it. Waits for one step of a removal in progress.
    fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError>;

    /// Second half: replays the journal in the clone, makes it immutable and durable. From then on it is a snapshot.
    fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError>;

    /// Observes one snapshot. An error says that it is unknown.
    fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError>;

    /// Ensures that the snapshot is absent. Removals run one at a time, in small steps, and give way to clones between steps.
    fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError>;

    /// The number of extents of the volume's image, and the stall that a clone of it would cause now.
    fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError>;

    /// The bytes that the volume and its snapshots take, by physical extents. Without a volume, only the snapshots are measured.
    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError>;

    /// Reads the snapshot's data and returns its checksum. `go_on` gets the bytes done and the bytes in all, and may sleep or stop
    /// the read (`Ok(None)`). The first checksum of a snapshot is stored beside it.
    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError>;

    /// The files in a snapshot, over a read-only mount that no other process sees and that ends with the returned value.
    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError>;
}

/// Defragmenting images.
pub trait Compaction: Send + Sync {
    /// Moves the volume's data into few extents, under running writers and without changing what they read. `go_on` is called
    /// every few milliseconds and may sleep, as a throttle, or stop the compaction. Fails with
    /// [`BackendError::InsufficientCapacity`] when the pool has no room for the copies, and with
    /// [`BackendError::CannotCompact`] where the pool's filesystem cannot do it safely.
    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError>;
}

/// Differences between snapshots, without reading their data.
pub trait ChangedRanges: Send + Sync {
    /// The ranges in which the two snapshots of one volume may differ, by physical extents: no data is read. Everything
    /// outside of them is the same byte for byte. Sorted; two that touch differ in `is_hole`.
    fn between(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError>;
}

/// Volumes that get larger.
pub trait Growth: Send + Sync {
    /// Ensures that the volume, staged or not, has at least this size, its filesystem included. Never shrinks it.
    fn grow(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError>;
}

/// Volumes that are attached to the host and not mounted, for an instance that mounts them itself.
pub trait RawDevices: Send + Sync {
    /// Ensures that the volume is staged as [`Staged::Device`]. Refused as [`BackendError::Busy`] while it is mounted.
    fn stage_device(&self, id: VolumeId) -> Result<Staged, BackendError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneSnapshot {
    pub id: SnapshotId,
    pub volume: VolumeId,
    pub write_back_limit: Duration,
    /// Only recorded.
    pub compacted: bool,
}

/// A clone that was made and is not yet a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloned {
    pub taken_at: Timestamp,
    pub stall: Duration,
}

/// A snapshot as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    Absent,
    Ready(SnapshotRecord),
    /// Its record is there and its image is not.
    Missing,
    /// Something that is not this snapshot stands where it should be.
    Foreign {
        what: String,
    },
}

/// What the pool itself remembers of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    pub volume: VolumeId,
    pub facts: SnapshotFacts,
    pub checksum: Option<Checksum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragmentation {
    pub extents: u64,
    /// By the extents, and by what the last clones of this pool took.
    pub predicted_stall: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactionProgress {
    pub extents_before: u64,
    /// As of the last time they were counted.
    pub extents_now: u64,
    pub done_bytes: u64,
    /// Bytes of the image that hold data.
    pub total_bytes: u64,
    /// Chunks that were written to before their exchange, and left for the next round.
    pub chunks_changed: u64,
}

/// Bytes of the pool, by who alone needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    /// What no other file of the pool shares with this snapshot.
    pub exclusive_bytes: BTreeMap<SnapshotId, u64>,
    /// What the snapshots hold, each block once, without what the volume itself still has.
    pub held_by_snapshots_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedRange {
    pub offset_bytes: u64,
    pub len_bytes: u64,
    /// In the newer snapshot there is nothing there: it reads as zeroes.
    pub is_hole: bool,
}

/// Up, so that nothing written later than the returned instant is in a clone.
pub(crate) fn ceil_to_millisecond(instant: Timestamp) -> Timestamp {
    let up = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
    instant.round(up).expect("a millisecond divides a day")
}
