//! A pool in memory: the same answers as a real one, without a disk, and failures on request.
//!
//! It holds to the contract that [`conformance`](crate::conformance) checks. What a test may do to it is what happens to
//! real pools: a call fails, a process holds a volume, data vanishes, something foreign appears, the host reboots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use miosa_domain::VolumeId;
use miosa_domain::size::{MIB, VOLUME_MIN_BYTES};
use miosa_domain::status::Holder;

use crate::{
    BackendError, Capacity, Changed, ForeignEntry, ImageState, PoolSurvey, Staged, VolumeBackend,
    VolumeObservation,
};

/// What an empty volume occupies.
const EMPTY_VOLUME_BYTES: u64 = 5 * MIB;

/// The calls of [`VolumeBackend`], as the fake counts and fails them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Create,
    Observe,
    Survey,
    Stage,
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
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    capacity_bytes: u64,
    volumes: BTreeMap<VolumeId, FakeVolume>,
    foreign: Vec<ForeignEntry>,
    failures: Vec<(Call, BackendError)>,
    calls: Vec<(Call, Option<VolumeId>)>,
    next_device: u64,
    closed: bool,
}

#[derive(Debug)]
struct FakeVolume {
    image: ImageState,
    staged: Option<Staged>,
    holders: Vec<Holder>,
}

impl FakeBackend {
    pub fn new(capacity_bytes: u64) -> Self {
        let state = State {
            capacity_bytes,
            volumes: BTreeMap::new(),
            foreign: Vec::new(),
            failures: Vec::new(),
            calls: Vec::new(),
            next_device: 0,
            closed: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// The next `call`, for whatever volume, answers `error` and does nothing. Several are answered in order.
    pub fn fail_next(&self, call: Call, error: BackendError) {
        self.state().failures.push((call, error));
    }

    /// Every call so far, in order, failed ones included.
    pub fn calls(&self) -> Vec<(Call, Option<VolumeId>)> {
        self.state().calls.clone()
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
        self.state().volumes.insert(id, FakeVolume { image, staged: None, holders: Vec::new() });
    }

    /// Something lies in the pool that belongs to no volume.
    pub fn add_foreign(&self, path: impl Into<PathBuf>, why: &str) {
        self.state().foreign.push(ForeignEntry { path: path.into(), why: why.to_owned() });
    }

    /// Another process takes over: a backend that was shut down answers again.
    pub fn restart(&self) {
        self.state().closed = false;
    }

    /// What [`FakeBackend::displace`] put there is taken away. Answers whether it was still there.
    pub fn take_foreign_away(&self, id: VolumeId) -> bool {
        let volume = self.state().volumes.remove(&id);
        volume.is_some_and(|volume| matches!(volume.image, ImageState::Foreign { .. }))
    }

    /// The host reboots: no device, no mount and no process is left.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.closed = false;
        for volume in state.volumes.values_mut() {
            volume.staged = None;
            volume.holders.clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked beside us has its own verdict; the state is whole after every statement.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn begin(&self, call: Call, id: Option<VolumeId>) -> Result<MutexGuard<'_, State>, BackendError> {
        let mut state = self.state();
        state.calls.push((call, id));
        match state.failures.iter().position(|(failing, _)| *failing == call) {
            Some(index) => Err(state.failures.remove(index).1),
            None if state.closed && call != Call::Shutdown => Err(BackendError::Closed),
            None => Ok(state),
        }
    }
}

impl State {
    fn capacity(&self) -> Capacity {
        let used_bytes = self.volumes.values().map(|volume| volume.allocated_bytes()).sum();
        Capacity { capacity_bytes: self.capacity_bytes, used_bytes }
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
    fn allocated_bytes(&self) -> u64 {
        match self.image {
            ImageState::Present { allocated_bytes, .. } | ImageState::InTrash { allocated_bytes, .. } => {
                allocated_bytes
            }
            ImageState::Absent | ImageState::Missing | ImageState::Foreign { .. } => 0,
        }
    }

    fn observation(&self) -> VolumeObservation {
        VolumeObservation { image: self.image.clone(), staged: self.staged.clone() }
    }
}

fn foreign(id: VolumeId, what: &str) -> BackendError {
    BackendError::Foreign { path: PathBuf::from(format!("/fake/volumes/{id}")), what: what.to_owned() }
}

impl VolumeBackend for FakeBackend {
    fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        let mut state = self.begin(Call::Create, Some(id))?;
        if size_bytes < VOLUME_MIN_BYTES || !size_bytes.is_multiple_of(MIB) {
            return Err(BackendError::InvalidSize { size_bytes });
        }
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
                let capacity = state.capacity();
                if capacity.refuses(EMPTY_VOLUME_BYTES) {
                    let Capacity { capacity_bytes, used_bytes } = capacity;
                    return Err(BackendError::InsufficientCapacity { capacity_bytes, used_bytes });
                }
                let image = ImageState::Present { size_bytes, allocated_bytes: EMPTY_VOLUME_BYTES };
                state.volumes.insert(id, FakeVolume { image, staged: None, holders: Vec::new() });
                Ok(Changed::Changed)
            }
        }
    }

    fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        let state = self.begin(Call::Observe, Some(id))?;
        let absent = VolumeObservation { image: ImageState::Absent, staged: None };
        Ok(state.volumes.get(&id).map_or(absent, FakeVolume::observation))
    }

    fn survey(&self) -> Result<PoolSurvey, BackendError> {
        let state = self.begin(Call::Survey, None)?;
        Ok(PoolSurvey {
            volumes: state.volumes.iter().map(|(id, volume)| (*id, volume.observation())).collect(),
            unknown: BTreeMap::new(),
            foreign: state.foreign.clone(),
        })
    }

    fn stage(&self, id: VolumeId) -> Result<Staged, BackendError> {
        let mut state = self.begin(Call::Stage, Some(id))?;
        let number = state.next_device;
        let volume = state.volumes.get_mut(&id).ok_or(BackendError::Missing { id })?;
        match &volume.image {
            ImageState::Absent | ImageState::Missing => return Err(BackendError::Missing { id }),
            ImageState::InTrash { .. } => return Err(BackendError::InTrash { id }),
            ImageState::Foreign { what } => return Err(foreign(id, what)),
            ImageState::Present { .. } => {}
        }
        if let Some(staged) = &volume.staged {
            return Ok(staged.clone());
        }
        let staged = Staged {
            mount_point: PathBuf::from(format!("/fake/mounts/{id}")),
            device: PathBuf::from(format!("/dev/fake{number}")),
            // Major number 7 is that of loop devices.
            device_number: 7 << 8 | number,
        };
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
            ImageState::Present { size_bytes, allocated_bytes } => {
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
                volume.image =
                    ImageState::Present { size_bytes: *size_bytes, allocated_bytes: *allocated_bytes };
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
}
