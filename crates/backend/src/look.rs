//! Finding out what is there.
//!
//! Everything is asked of the pool's open directories and of the kernel, each time anew. Only "no such entry" in a
//! directory that could be read means absent; everything else that cannot be understood is an error or foreign.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use miosa_domain::VolumeId;
use miosa_effects::{Dir, Entry, FileStat, loopdev, mount};

use crate::attach::mark;
use crate::identity::{LIMIT_BYTES, VOLUME_FILE, VolumeIdentity};
use crate::pool::{Pool, TEMPORARY};
use crate::template::size_in_name;
use crate::{BackendError, ForeignEntry, ImageState, PoolSurvey, Staged, VolumeObservation};

/// Name of the image in a volume's folder.
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
        let identity = match folder.entry(VOLUME_FILE)? {
            Some(Entry::File(_)) => folder.read_file(VOLUME_FILE, LIMIT_BYTES)?.unwrap_or_default(),
            _ => return foreign(format!("there is no {VOLUME_FILE} in it")),
        };
        let identity = match VolumeIdentity::parse(&identity, id) {
            Ok(identity) => identity,
            Err(what) => return foreign(what),
        };
        let image = match folder.entry(IMAGE)? {
            None => None,
            Some(Entry::File(stat)) if stat.size_bytes == identity.size_bytes => Some(stat),
            Some(Entry::File(stat)) => {
                let (found, wanted) = (stat.size_bytes, identity.size_bytes);
                return foreign(format!("its {IMAGE} has {found} bytes and not {wanted}"));
            }
            Some(_) => return foreign(format!("its {IMAGE} is not a file")),
        };
        let in_trash = Arc::ptr_eq(place, &self.trash);
        Ok(Look::Found(Found { in_trash, place: Arc::clone(place), folder, identity, image }))
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
                    ImageState::Present { size_bytes, allocated_bytes }
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

    pub(crate) fn survey(&self) -> Result<PoolSurvey, BackendError> {
        let mut survey = PoolSurvey::default();
        let mut foreign = |dir: &Dir, name: &str, why: &str| {
            survey.foreign.push(ForeignEntry { path: dir.path().join(name), why: why.to_owned() });
        };
        let mounts = Dir::open(&self.mounts)?;
        let mut ids = Vec::new();
        for place in [&*self.volumes, &*self.trash, &mounts] {
            for name in place.names()? {
                let name = name.to_string_lossy();
                match name.strip_prefix(TEMPORARY).unwrap_or(&name).parse::<VolumeId>() {
                    // A call for that volume is at work, or was cut off.
                    Ok(_) if name.starts_with(TEMPORARY) => {}
                    Ok(id) => ids.push(id),
                    Err(_) => foreign(place, &name, "its name is not a volume's id"),
                }
            }
        }
        let templates = self.templates.dir();
        for name in templates.names()? {
            let name = name.to_string_lossy();
            if size_in_name(name.strip_prefix(TEMPORARY).unwrap_or(&name)).is_none() {
                foreign(templates, &name, "its name is not a template's");
            }
        }
        for name in self.root().names()? {
            let name = name.to_string_lossy();
            if !self.is_own_name(&name) {
                foreign(self.root(), &name, "the pool makes nothing of that name");
            }
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
        Ok(survey)
    }
}
