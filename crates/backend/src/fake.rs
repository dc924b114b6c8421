//! A pool in memory: behaves as a real one, without a disk, and fails on request.
//!
//! It holds to the contract that [`conformance`](crate::conformance) checks. What a test may do to it is what happens to
//! real pools: a call fails, a process holds a volume, data vanishes, something foreign appears, the host reboots.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::size::{MIB, VOLUME_MIN_BYTES};
use miosa_domain::stall;
use miosa_domain::status::{Checksum, Holder, SnapshotFacts};
use miosa_domain::{PoolId, SnapshotId, VolumeId};
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::{
    BackendError, Capacity, Changed, ChangedRange, ChangedRanges, CloneSnapshot, Cloned, Compaction,
    CompactionProgress, Content, ForeignEntry, Fragmentation, Growth, ImageState, NewImage, PoolListing,
    RawDevices, SnapshotFiles, SnapshotState, Snapshots, Space, Staged, VolumeBackend, VolumeObservation,
};

mod files;
mod hooks;
mod snapshot;

use files::{FakeFiles, Tree, digest};
use snapshot::{FakeSnapshot, SNAPSHOT_BYTES, Stands};

/// What an empty volume occupies.
const EMPTY_VOLUME_BYTES: u64 = 5 * MIB;

/// Pieces that an image lies in at best.
const FEW_EXTENTS: u64 = 10;

/// Rounds that a compaction takes.
const COMPACTION_ROUNDS: u64 = 4;

/// The calls of [`VolumeBackend`], as the fake counts and fails them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Create,
    Replace,
    CloneSnapshot,
    SealSnapshot,
    ObserveSnapshot,
    RemoveSnapshot,
    Fragmentation,
    Compact,
    Space,
    FilesystemUsed,
    Checksum,
    ChangedRanges,
    OpenFiles,
    Observe,
    List,
    Stage,
    StageDevice,
    Grow,
    Unstage,
    Trash,
    Restore,
    Purge,
    Capacity,
    Shutdown,
}

/// An in-memory [`VolumeBackend`].
#[derive(Debug)]
pub struct FakeBackend {
    pool_id: PoolId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    capacity_bytes: u64,
    /// What is in the pool besides volumes and snapshots.
    other_bytes: u64,
    volumes: BTreeMap<VolumeId, FakeVolume>,
    snapshots: BTreeMap<SnapshotId, Stands>,
    /// Cloned and not sealed: of this process only.
    taken: BTreeMap<SnapshotId, FakeSnapshot>,
    write_back_hangs: BTreeSet<VolumeId>,
    foreign: Vec<ForeignEntry>,
    failures: Vec<(Call, BackendError)>,
    calls: Vec<(Call, Option<VolumeId>)>,
    snapshot_calls: Vec<(Call, SnapshotId)>,
    next_device: u64,
    closed: bool,
}

#[derive(Debug)]
struct FakeVolume {
    image: ImageState,
    incarnation: u64,
    staged: Option<Staged>,
    holders: Vec<Holder>,
    tree: Tree,
    extents: u64,
    /// As many are left of them by a compaction.
    extents_at_best: u64,
}

impl FakeBackend {
    pub fn new(capacity_bytes: u64) -> Self {
        let state = State {
            capacity_bytes,
            other_bytes: 0,
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            taken: BTreeMap::new(),
            write_back_hangs: BTreeSet::new(),
            foreign: Vec::new(),
            failures: Vec::new(),
            calls: Vec::new(),
            snapshot_calls: Vec::new(),
            next_device: 0,
            closed: false,
        };
        Self { pool_id: PoolId::from_uuid(Uuid::new_v4()), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn begin(&self, call: Call, id: Option<VolumeId>) -> Result<MutexGuard<'_, State>, BackendError> {
        let mut state = self.state();
        state.calls.push((call, id));
        state.check(call)?;
        Ok(state)
    }

    fn begin_snapshot(&self, call: Call, id: SnapshotId) -> Result<MutexGuard<'_, State>, BackendError> {
        let mut state = self.state();
        state.snapshot_calls.push((call, id));
        state.check(call)?;
        Ok(state)
    }
}

impl State {
    fn check(&mut self, call: Call) -> Result<(), BackendError> {
        match self.failures.iter().position(|(failing, _)| *failing == call) {
            Some(index) => Err(self.failures.remove(index).1),
            None if self.closed && call != Call::Shutdown => Err(BackendError::Closed),
            None => Ok(()),
        }
    }

    fn capacity(&self) -> Capacity {
        let volumes: u64 = self.volumes.values().map(FakeVolume::allocated_bytes).sum();
        let snapshots = self.snapshots.len() as u64 * SNAPSHOT_BYTES;
        Capacity { capacity_bytes: self.capacity_bytes, used_bytes: self.other_bytes + volumes + snapshots }
    }

    fn no_room(&self) -> BackendError {
        let Capacity { capacity_bytes, used_bytes } = self.capacity();
        BackendError::InsufficientCapacity { capacity_bytes, used_bytes }
    }

    fn present(&mut self, id: VolumeId) -> Result<&mut FakeVolume, BackendError> {
        let volume = self.volumes.get_mut(&id).ok_or(BackendError::Missing { id })?;
        match &volume.image {
            ImageState::Absent | ImageState::Missing => Err(BackendError::Missing { id }),
            ImageState::InTrash { .. } => Err(BackendError::InTrash { id }),
            ImageState::Foreign { what } => Err(foreign(id, what)),
            ImageState::Present { .. } => Ok(volume),
        }
    }

    /// A volume with this content, refused as a real pool would.
    fn made(&mut self, size_bytes: u64, new: &NewImage) -> Result<FakeVolume, BackendError> {
        if self.capacity().refuses(EMPTY_VOLUME_BYTES) {
            return Err(self.no_room());
        }
        let (held_bytes, tree, extents) = match new.content {
            Content::Empty => (0, Tree::new(), FEW_EXTENTS),
            Content::Snapshot(snapshot) => {
                let FakeSnapshot { record, tree } = self.sealed(snapshot)?;
                (record.facts.size_bytes, tree.clone(), record.facts.extents)
            }
            Content::Volume { id, write_back_limit } => {
                self.write_back(id, write_back_limit)?;
                let source = self.present(id)?;
                (source.sizes().0, source.tree.clone(), source.extents)
            }
        };
        if size_bytes < held_bytes {
            return Err(BackendError::TooSmall { size_bytes, held_bytes });
        }
        let incarnation = new.incarnation;
        let (allocated_bytes, written_at) = (EMPTY_VOLUME_BYTES, Timestamp::UNIX_EPOCH);
        let image = ImageState::Present { incarnation, size_bytes, allocated_bytes, written_at };
        Ok(FakeVolume::new(image, incarnation, tree, extents))
    }

    /// The volume, for a call that ends its being attached or moves its data.
    fn free_volume(&mut self, id: VolumeId) -> Result<&mut FakeVolume, BackendError> {
        let volume = self.volumes.get_mut(&id).ok_or(BackendError::Missing { id })?;
        match (&volume.image, &volume.staged) {
            (ImageState::Foreign { what }, _) => Err(foreign(id, what)),
            (_, Some(_)) => Err(BackendError::Busy { id, holders: volume.holders.clone() }),
            (_, None) => Ok(volume),
        }
    }
}

impl FakeVolume {
    fn new(image: ImageState, incarnation: u64, tree: Tree, extents: u64) -> Self {
        let extents_at_best = FEW_EXTENTS;
        Self { image, incarnation, staged: None, holders: Vec::new(), tree, extents, extents_at_best }
    }

    /// Its size, and what it occupies.
    fn sizes(&self) -> (u64, u64) {
        match self.image {
            ImageState::Present { size_bytes, allocated_bytes, .. }
            | ImageState::InTrash { size_bytes, allocated_bytes } => (size_bytes, allocated_bytes),
            ImageState::Absent | ImageState::Missing | ImageState::Foreign { .. } => (0, 0),
        }
    }

    fn allocated_bytes(&self) -> u64 {
        self.sizes().1
    }

    /// A workload wrote to it.
    fn touch(&mut self) {
        if let ImageState::Present { written_at, .. } = &mut self.image {
            *written_at += SignedDuration::from_nanos(1);
        }
    }

    fn observation(&self) -> VolumeObservation {
        VolumeObservation { image: self.image.clone(), staged: self.staged.clone() }
    }
}

fn foreign(id: VolumeId, what: &str) -> BackendError {
    foreign_at("volumes", id, what)
}

fn foreign_at(place: &str, id: impl Display, what: &str) -> BackendError {
    BackendError::Foreign { path: PathBuf::from(format!("/fake/{place}/{id}")), what: what.to_owned() }
}

fn check_size(size_bytes: u64) -> Result<(), BackendError> {
    if size_bytes < VOLUME_MIN_BYTES || !size_bytes.is_multiple_of(MIB) {
        return Err(BackendError::InvalidSize { size_bytes });
    }
    Ok(())
}

impl VolumeBackend for FakeBackend {
    fn pool_id(&self) -> PoolId {
        self.pool_id
    }

    fn create_from(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Create, Some(id))?;
        check_size(size_bytes)?;
        match state.volumes.get(&id).map(|volume| &volume.image) {
            Some(ImageState::Present { size_bytes: present, .. }) if *present == size_bytes => {
                Ok(Changed::Unchanged)
            }
            Some(ImageState::Present { size_bytes: present, .. }) => {
                Err(BackendError::SizeDiffers { id, size_bytes: *present, wanted_bytes: size_bytes })
            }
            Some(ImageState::InTrash { .. }) => Err(BackendError::InTrash { id }),
            Some(ImageState::Foreign { what }) => Err(foreign(id, what)),
            Some(ImageState::Missing) => Err(BackendError::Missing { id }),
            Some(ImageState::Absent) | None => {
                let volume = state.made(size_bytes, new)?;
                source_is_free();
                state.volumes.insert(id, volume);
                Ok(Changed::Changed)
            }
        }
    }

    fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        let state = self.begin(Call::FilesystemUsed, Some(id))?;
        let staged = state.volumes.get(&id).filter(|volume| volume.staged.is_some());
        Ok(staged.map(|volume| volume.tree.values().map(|content| content.len() as u64).sum()))
    }

    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        let state = self.begin(Call::Observe, Some(id))?;
        let absent = VolumeObservation { image: ImageState::Absent, staged: None };
        Ok(state.volumes.get(&id).map_or(absent, FakeVolume::observation))
    }

    fn list(&self) -> Result<PoolListing, BackendError> {
        let state = self.begin(Call::List, None)?;
        Ok(PoolListing {
            snapshots: state.snapshots.keys().map(|id| (*id, state.snapshot_state(*id))).collect(),
            volumes: state.volumes.iter().map(|(id, volume)| (*id, volume.observation())).collect(),
            unknown: BTreeMap::new(),
            unknown_snapshots: BTreeMap::new(),
            foreign: state.foreign.clone(),
        })
    }

    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError> {
        let mut state = self.begin(Call::Stage, Some(id))?;
        let number = state.next_device;
        let volume = state.present(id)?;
        if let Some(staged) = &volume.staged {
            return Ok(staged.clone());
        }
        let (device, device_number) = fake_device(number);
        let mount_point = PathBuf::from(format!("/fake/mounts/{id}"));
        let staged = Staged::Mount { mount_point, device, device_number };
        volume.staged = Some(staged.clone());
        state.next_device += 1;
        Ok(staged)
    }

    fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Unstage, Some(id))?;
        let Some(volume) = state.volumes.get_mut(&id) else { return Ok(Changed::Unchanged) };
        if volume.staged.is_none() {
            return Ok(Changed::Unchanged);
        }
        if !volume.holders.is_empty() {
            return Err(BackendError::Busy { id, holders: volume.holders.clone() });
        }
        volume.staged = None;
        Ok(Changed::Changed)
    }

    fn trash(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Trash, Some(id))?;
        let volume = state.free_volume(id)?;
        match volume.image {
            ImageState::Present { size_bytes, allocated_bytes, .. } => {
                volume.image = ImageState::InTrash { size_bytes, allocated_bytes };
                Ok(Changed::Changed)
            }
            _ => Ok(Changed::Unchanged),
        }
    }

    fn restore(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Restore, Some(id))?;
        let volume = state.volumes.get_mut(&id).ok_or(BackendError::Missing { id })?;
        match &volume.image {
            ImageState::Foreign { what } => Err(foreign(id, what)),
            ImageState::InTrash { size_bytes, allocated_bytes } => {
                volume.image = ImageState::Present {
                    incarnation: volume.incarnation,
                    size_bytes: *size_bytes,
                    allocated_bytes: *allocated_bytes,
                    written_at: Timestamp::UNIX_EPOCH,
                };
                Ok(Changed::Changed)
            }
            ImageState::Missing => Err(BackendError::Missing { id }),
            ImageState::Present { .. } | ImageState::Absent => Ok(Changed::Unchanged),
        }
    }

    fn purge(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Purge, Some(id))?;
        match state.free_volume(id) {
            Err(BackendError::Missing { .. }) => Ok(Changed::Unchanged),
            Err(refusal) => Err(refusal),
            Ok(_) => {
                state.volumes.remove(&id);
                Ok(Changed::Changed)
            }
        }
    }

    fn capacity(&self) -> Result<Capacity, BackendError> {
        Ok(self.begin(Call::Capacity, None)?.capacity())
    }

    fn shutdown(&self) -> Result<(), BackendError> {
        self.begin(Call::Shutdown, None)?.closed = true;
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn compaction(&self) -> Option<&dyn Compaction> {
        Some(self)
    }

    fn changed_ranges(&self) -> Option<&dyn ChangedRanges> {
        Some(self)
    }

    fn growth(&self) -> Option<&dyn Growth> {
        Some(self)
    }

    fn raw_devices(&self) -> Option<&dyn RawDevices> {
        Some(self)
    }
}

impl Snapshots for FakeBackend {
    fn replace(
        &self,
        id: VolumeId,
        incarnation: u64,
        size_bytes: u64,
        snapshot: SnapshotId,
    ) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Replace, Some(id))?;
        check_size(size_bytes)?;
        if state.present(id)?.incarnation >= incarnation {
            return Ok(Changed::Unchanged);
        }
        state.free_volume(id)?;
        let volume =
            state.made(size_bytes, &NewImage { incarnation, content: Content::Snapshot(snapshot) })?;
        state.volumes.insert(id, volume);
        Ok(Changed::Changed)
    }

    fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError> {
        self.begin_snapshot(Call::CloneSnapshot, request.id)?.clone_snapshot(request)
    }

    fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError> {
        self.begin_snapshot(Call::SealSnapshot, id)?.seal_snapshot(id)
    }

    fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError> {
        Ok(self.begin_snapshot(Call::ObserveSnapshot, id)?.snapshot_state(id))
    }

    fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError> {
        self.begin_snapshot(Call::RemoveSnapshot, id)?.remove_snapshot(id)
    }

    fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError> {
        let extents = self.begin(Call::Fragmentation, Some(id))?.present(id)?.extents;
        let predicted_stall = stall::predicted(extents, stall::MICROSECONDS_PER_EXTENT);
        Ok(Fragmentation { extents, predicted_stall })
    }

    fn space(&self, volume: Option<VolumeId>, snapshots: &[SnapshotId]) -> Result<Space, BackendError> {
        let mut state = self.begin(Call::Space, volume)?;
        if let Some(id) = volume {
            state.present(id)?;
        }
        for id in snapshots {
            state.sealed(*id)?;
        }
        Ok(Space {
            exclusive_bytes: snapshots.iter().map(|id| (*id, SNAPSHOT_BYTES)).collect(),
            held_by_snapshots_bytes: snapshots.len() as u64 * SNAPSHOT_BYTES,
        })
    }

    fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError> {
        let total_bytes = self.begin_snapshot(Call::Checksum, id)?.sealed(id)?.record.facts.allocated_bytes;
        for done_bytes in [0, total_bytes] {
            if go_on(done_bytes, total_bytes).is_break() {
                return Ok(None);
            }
        }
        self.state().checksum(id).map(Some)
    }

    fn open_files(&self, id: SnapshotId) -> Result<Box<dyn SnapshotFiles>, BackendError> {
        let tree = self.begin_snapshot(Call::OpenFiles, id)?.sealed(id)?.tree.clone();
        Ok(Box::new(FakeFiles { id, tree }))
    }
}

impl Compaction for FakeBackend {
    fn compact(
        &self,
        id: VolumeId,
        go_on: &mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>,
    ) -> Result<CompactionProgress, BackendError> {
        let mut state = self.begin(Call::Compact, Some(id))?;
        if state.capacity().is_full() {
            return Err(state.no_room());
        }
        let volume = state.present(id)?;
        let mut progress = CompactionProgress {
            extents_before: volume.extents,
            extents_now: volume.extents,
            total_bytes: volume.allocated_bytes(),
            ..CompactionProgress::default()
        };
        drop(state);
        for round in 1..=COMPACTION_ROUNDS {
            // The callback may call the backend.
            if go_on(&progress).is_break() {
                break;
            }
            let mut state = self.state();
            let volume = state.present(id)?;
            let superfluous = progress.extents_before.saturating_sub(volume.extents_at_best);
            volume.extents = progress.extents_before - superfluous * round / COMPACTION_ROUNDS;
            progress.extents_now = volume.extents;
            progress.done_bytes = progress.total_bytes * round / COMPACTION_ROUNDS;
        }
        Ok(progress)
    }
}

impl ChangedRanges for FakeBackend {
    fn between(&self, from: SnapshotId, to: SnapshotId) -> Result<Vec<ChangedRange>, BackendError> {
        let mut state = self.begin_snapshot(Call::ChangedRanges, to)?;
        let same = digest(&state.sealed(from)?.tree) == digest(&state.sealed(to)?.tree);
        let whole = ChangedRange { offset_bytes: 0, len_bytes: MIB, is_hole: false };
        Ok(if same { Vec::new() } else { vec![whole] })
    }
}

impl Growth for FakeBackend {
    fn grow(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Grow, Some(id))?;
        check_size(size_bytes)?;
        match &mut state.present(id)?.image {
            ImageState::Present { size_bytes: present, .. } if *present < size_bytes => {
                *present = size_bytes;
                Ok(Changed::Changed)
            }
            _ => Ok(Changed::Unchanged),
        }
    }
}

impl RawDevices for FakeBackend {
    fn stage_device(&self, id: VolumeId) -> Result<Staged, BackendError> {
        let mut state = self.begin(Call::StageDevice, Some(id))?;
        let number = state.next_device;
        let volume = state.present(id)?;
        match &volume.staged {
            Some(Staged::Mount { .. }) => {
                return Err(BackendError::Busy { id, holders: volume.holders.clone() });
            }
            Some(staged) => return Ok(staged.clone()),
            None => {}
        }
        let (device, device_number) = fake_device(number);
        let staged = Staged::Device { device, device_number };
        volume.staged = Some(staged.clone());
        state.next_device += 1;
        Ok(staged)
    }
}

/// Path and number of a device. Major number 7 is that of loop devices.
fn fake_device(number: u64) -> (PathBuf, u64) {
    (PathBuf::from(format!("/dev/fake{number}")), 7 << 8 | number)
}
