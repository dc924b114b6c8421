//! Finding out what is there.
//!
//! Everything is asked of the pool's open directories and of the kernel, each time anew. Only "no such entry" in a
//! directory that could be read means absent; everything else that cannot be understood is an error or foreign.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::{Dir, Entry, FileStat, files, loopdev, mount};

use crate::attach::mark;
use crate::checksum;
use crate::identity::{IDENTITY_FILE, LIMIT_BYTES, SnapshotIdentity, VolumeIdentity};
use crate::pool::{Pool, TEMPORARY};
use crate::template::size_in_name;
use crate::{
    BackendError, ForeignEntry, ImageState, PoolSurvey, SnapshotRecord, SnapshotState, Staged,
    VolumeObservation,
};

/// Name of the image in the folder of a volume, and of a snapshot.
pub(crate) const IMAGE: &str = "disk.img";

/// What was found under a volume's id.
pub(crate) enum Look {
    Absent,
    Found(Found),
    /// Something else stands there.
    Foreign {
        path: PathBuf,
        what: String,
    },
}

/// A volume's folder with the right identity in it.
pub(crate) struct Found {
    pub in_trash: bool,
    /// The folder that the volume's folder lies in.
    pub place: Arc<Dir>,
    pub folder: Dir,
    pub identity: VolumeIdentity,
    /// `None`: the image is missing.
    pub image: Option<FileStat>,
}

/// What was found under a snapshot's id.
pub(crate) enum LookSnapshot {
    Absent,
    Found(FoundSnapshot),
    /// Something else stands there.
    Foreign {
        path: PathBuf,
        what: String,
    },
}

/// A snapshot's folder with the right identity in it.
pub(crate) struct FoundSnapshot {
    pub folder: Dir,
    pub identity: SnapshotIdentity,
    /// `None`: the image is missing.
    pub image: Option<FileStat>,
}

impl Pool {
    /// Looks among the volumes and, if there is nothing of that id, in the trash.
    pub(crate) fn look(&self, id: VolumeId) -> Result<Look, BackendError> {
        match self.look_in(&self.volumes, id)? {
            Look::Absent => self.look_in(&self.trash, id),
            other => Ok(other),
        }
    }

    fn look_in(&self, place: &Arc<Dir>, id: VolumeId) -> Result<Look, BackendError> {
        let name = id.to_string();
        let foreign = |what: String| Ok(Look::Foreign { path: place.path().join(&name), what });
        match place.entry(&name)? {
            None => return Ok(Look::Absent),
            Some(Entry::Dir) => {}
            Some(_) => return foreign("it is not a volume's folder".into()),
        }
        let folder = place.open_dir(&name)?;
        let identity = match identity_in(&folder)?.and_then(|bytes| VolumeIdentity::parse(&bytes, id)) {
            Ok(identity) => identity,
            Err(what) => return foreign(what),
        };
        let image = match image_in(&folder, identity.size_bytes)? {
            Ok(image) => image,
            Err(what) => return foreign(what),
        };
        let in_trash = Arc::ptr_eq(place, &self.trash);
        Ok(Look::Found(Found { in_trash, place: Arc::clone(place), folder, identity, image }))
    }

    /// The volume with its image, for what can only be done with one that is there as a whole.
    pub(crate) fn present(&self, id: VolumeId) -> Result<(Found, FileStat), BackendError> {
        match self.look(id)? {
            Look::Absent => Err(BackendError::Missing { id }),
            Look::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Look::Found(found) if found.in_trash => Err(BackendError::InTrash { id }),
            Look::Found(found) => {
                let image = found.image.ok_or(BackendError::Missing { id })?;
                Ok((found, image))
            }
        }
    }

    pub(crate) fn look_snapshot(&self, id: SnapshotId) -> Result<LookSnapshot, BackendError> {
        let name = id.to_string();
        let foreign =
            |what: String| Ok(LookSnapshot::Foreign { path: self.snapshots.path().join(&name), what });
        match self.snapshots.entry(&name)? {
            None => return Ok(LookSnapshot::Absent),
            Some(Entry::Dir) => {}
            Some(_) => return foreign("it is not a snapshot's folder".into()),
        }
        let folder = self.snapshots.open_dir(&name)?;
        let identity = match identity_in(&folder)?.and_then(|bytes| SnapshotIdentity::parse(&bytes, id)) {
            Ok(identity) => identity,
            Err(what) => return foreign(what),
        };
        match image_in(&folder, identity.facts.size_bytes)? {
            Ok(image) => Ok(LookSnapshot::Found(FoundSnapshot { folder, identity, image })),
            Err(what) => foreign(what),
        }
    }

    /// The snapshot with its image, for what reads it.
    pub(crate) fn sealed(&self, id: SnapshotId) -> Result<FoundSnapshot, BackendError> {
        match self.look_snapshot(id)? {
            LookSnapshot::Found(found) if found.image.is_some() => Ok(found),
            LookSnapshot::Found(_) | LookSnapshot::Absent => Err(BackendError::SnapshotMissing { id }),
            LookSnapshot::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
        }
    }

    pub(crate) fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError> {
        Ok(match self.look_snapshot(id)? {
            LookSnapshot::Absent => SnapshotState::Absent,
            LookSnapshot::Foreign { what, .. } => SnapshotState::Foreign { what },
            LookSnapshot::Found(FoundSnapshot { image: None, .. }) => SnapshotState::Missing,
            LookSnapshot::Found(FoundSnapshot { folder, identity, .. }) => {
                SnapshotState::Ready(SnapshotRecord {
                    volume: identity.volume,
                    facts: identity.facts,
                    checksum: checksum::stored(&folder, id)?,
                })
            }
        })
    }

    pub(crate) fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        let look = self.look(id)?;
        let stat = if let Look::Found(found) = &look { found.image } else { None };
        let staged = self.staged(id, stat.as_ref())?;
        let image = match look {
            Look::Absent => ImageState::Absent,
            Look::Foreign { what, .. } => ImageState::Foreign { what },
            Look::Found(found) => match found.image {
                None => ImageState::Missing,
                Some(FileStat { size_bytes, allocated_bytes, .. }) if found.in_trash => {
                    ImageState::InTrash { size_bytes, allocated_bytes }
                }
                Some(FileStat { size_bytes, allocated_bytes, .. }) => {
                    let incarnation = found.identity.incarnation;
                    ImageState::Present { incarnation, size_bytes, allocated_bytes }
                }
            },
        };
        Ok(VolumeObservation { image, staged })
    }

    /// Whether the volume is mounted at its mount point. With `image` known, it must be what is behind the device.
    ///
    /// The kernel is asked about this one path and its device, so the answer costs the same beside a thousand mounts.
    pub(crate) fn staged(
        &self,
        id: VolumeId,
        image: Option<&FileStat>,
    ) -> Result<Option<Staged>, BackendError> {
        let mount_point = self.mount_point(id);
        let Some(device_number) = mount::device_mounted_at(&mount_point)? else { return Ok(None) };
        if let Some(name) = mount::block_device_name(device_number)? {
            let device = Path::new("/dev").join(name);
            let status = loopdev::status(&device)?;
            let is_ours = |status: &loopdev::LoopStatus| {
                status.mark == mark(id) && image.is_none_or(|image| status.is_backed_by(image))
            };
            if status.as_ref().is_some_and(is_ours) {
                return Ok(Some(Staged { mount_point, device, device_number }));
            }
        }
        Err(BackendError::Foreign { path: mount_point, what: "another filesystem is mounted there".into() })
    }

    pub(crate) fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        let Some(staged) = self.staged(id, None)? else { return Ok(None) };
        Ok(Some(files::room(&Dir::open(&staged.mount_point)?)?.used_bytes))
    }

    pub(crate) fn survey(&self) -> Result<PoolSurvey, BackendError> {
        let mut survey = PoolSurvey::default();
        self.survey_names(&mut survey)?;
        self.survey_volumes(&mut survey)?;
        self.survey_snapshots(&mut survey)?;
        Ok(survey)
    }

    /// What has a name that the pool gives to nothing.
    fn survey_names(&self, survey: &mut PoolSurvey) -> Result<(), BackendError> {
        let templates = self.templates.dir();
        for name in templates.names()? {
            let name = name.to_string_lossy();
            if size_in_name(name.strip_prefix(TEMPORARY).unwrap_or(&name)).is_none() {
                survey.foreign.push(unnamed(templates, &name, "its name is not a template's"));
            }
        }
        for name in self.root().names()? {
            let name = name.to_string_lossy();
            if !self.is_own_name(&name) {
                survey.foreign.push(unnamed(self.root(), &name, "the pool makes nothing of that name"));
            }
        }
        Ok(())
    }

    fn survey_volumes(&self, survey: &mut PoolSurvey) -> Result<(), BackendError> {
        let mounts = Dir::open(&self.mounts)?;
        let mut ids = Vec::new();
        for place in [&*self.volumes, &*self.trash, &mounts] {
            ids.extend(ids_in::<VolumeId>(place, "its name is not a volume's id", survey)?);
        }
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            match self.look(id).and_then(|look| Ok((look, self.observe(id)?))) {
                Err(error) => drop(survey.unknown.insert(id, error)),
                Ok((look, observation)) => {
                    if let Look::Foreign { path, what } = look {
                        survey.foreign.push(ForeignEntry { path, why: what });
                    }
                    // A mount point that nothing is mounted on is no sign of a volume.
                    if observation.image != ImageState::Absent || observation.staged.is_some() {
                        survey.volumes.insert(id, observation);
                    }
                }
            }
        }
        Ok(())
    }

    fn survey_snapshots(&self, survey: &mut PoolSurvey) -> Result<(), BackendError> {
        for id in ids_in::<SnapshotId>(&self.snapshots, "its name is not a snapshot's id", survey)? {
            match self.observe_snapshot(id) {
                Err(error) => drop(survey.unknown_snapshots.insert(id, error)),
                // It was removed meanwhile.
                Ok(SnapshotState::Absent) => {}
                Ok(state) => {
                    if let SnapshotState::Foreign { what } = &state {
                        survey.foreign.push(unnamed(&self.snapshots, &id.to_string(), what));
                    }
                    survey.snapshots.insert(id, state);
                }
            }
        }
        Ok(())
    }
}

/// The bytes of the folder's identity; the inner error says what stands there instead.
fn identity_in(folder: &Dir) -> Result<Result<Vec<u8>, String>, BackendError> {
    Ok(match folder.entry(IDENTITY_FILE)? {
        Some(Entry::File(_)) => Ok(folder.read_file(IDENTITY_FILE, LIMIT_BYTES)?.unwrap_or_default()),
        _ => Err(format!("there is no {IDENTITY_FILE} in it")),
    })
}

/// The folder's image, `None` if it is missing; the inner error says what stands there instead.
fn image_in(folder: &Dir, size_bytes: u64) -> Result<Result<Option<FileStat>, String>, BackendError> {
    Ok(match folder.entry(IMAGE)? {
        None => Ok(None),
        Some(Entry::File(stat)) if stat.size_bytes == size_bytes => Ok(Some(stat)),
        Some(Entry::File(stat)) => {
            Err(format!("its {IMAGE} has {} bytes and not {size_bytes}", stat.size_bytes))
        }
        Some(_) => Err(format!("its {IMAGE} is not a file")),
    })
}

/// The ids that entries of `place` are named by. What is named otherwise is noted as foreign, unless a call for that id is at
/// work, or was cut off.
fn ids_in<Id: FromStr>(place: &Dir, why: &str, survey: &mut PoolSurvey) -> Result<Vec<Id>, BackendError> {
    let mut ids = Vec::new();
    for name in place.names()? {
        let name = name.to_string_lossy();
        match name.strip_prefix(TEMPORARY).unwrap_or(&name).parse() {
            Ok(_) if name.starts_with(TEMPORARY) => {}
            Ok(id) => ids.push(id),
            Err(_) => survey.foreign.push(unnamed(place, &name, why)),
        }
    }
    Ok(ids)
}

fn unnamed(place: &Dir, name: &str, why: &str) -> ForeignEntry {
    ForeignEntry { path: place.path().join(name), why: why.to_owned() }
}
