//! Observing volumes and snapshots.
//!
//! Each observation asks the pool's open directories and the kernel; nothing is cached. Only "no such entry" in a directory that
//! could be read means absent. Anything else that cannot be understood is an error or foreign.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::{Dir, Entry, FileStat, files, loopdev, mount};

use crate::local::attach::mark;
use crate::local::checksum;
use crate::local::identity::{IDENTITY_FILE, LIMIT_BYTES, SnapshotIdentity, VolumeIdentity};
use crate::local::pool::{Pool, TEMPORARY};
use crate::local::template::size_in_name;
use crate::{
    BackendError, ForeignEntry, ImageState, PoolListing, SnapshotRecord, SnapshotState, Staged,
    VolumeObservation,
};

/// Name of the image in the folder of a volume, and of a snapshot.
pub(crate) const IMAGE: &str = "disk.img";

/// What was found under a volume's ID.
pub(crate) enum Finding {
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

/// What was found under a snapshot's ID.
pub(crate) enum SnapshotFinding {
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
    /// Finds the volume by its ID, in `volumes` or else in the trash.
    pub(crate) fn find(&self, id: VolumeId) -> Result<Finding, BackendError> {
        match self.find_in(&self.volumes, id)? {
            Finding::Absent => self.find_in(&self.trash, id),
            other => Ok(other),
        }
    }

    fn find_in(&self, place: &Arc<Dir>, id: VolumeId) -> Result<Finding, BackendError> {
        let name = id.to_string();
        let foreign = |what: String| Ok(Finding::Foreign { path: place.path().join(&name), what });
        match place.entry(&name)? {
            None => return Ok(Finding::Absent),
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
        Ok(Finding::Found(Found { in_trash, place: Arc::clone(place), folder, identity, image }))
    }

    /// The volume with its image. An error if either is missing, or the volume is in the trash.
    pub(crate) fn present(&self, id: VolumeId) -> Result<(Found, FileStat), BackendError> {
        match self.find(id)? {
            Finding::Absent => Err(BackendError::Missing { id }),
            Finding::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Finding::Found(found) if found.in_trash => Err(BackendError::InTrash { id }),
            Finding::Found(found) => {
                let image = found.image.ok_or(BackendError::Missing { id })?;
                Ok((found, image))
            }
        }
    }

    pub(crate) fn find_snapshot(&self, id: SnapshotId) -> Result<SnapshotFinding, BackendError> {
        let name = id.to_string();
        let foreign =
            |what: String| Ok(SnapshotFinding::Foreign { path: self.snapshots.path().join(&name), what });
        match self.snapshots.entry(&name)? {
            None => return Ok(SnapshotFinding::Absent),
            Some(Entry::Dir) => {}
            Some(_) => return foreign("it is not a snapshot's folder".into()),
        }
        let folder = self.snapshots.open_dir(&name)?;
        let identity = match identity_in(&folder)?.and_then(|bytes| SnapshotIdentity::parse(&bytes, id)) {
            Ok(identity) => identity,
            Err(what) => return foreign(what),
        };
        match image_in(&folder, identity.facts.size_bytes)? {
            Ok(image) => Ok(SnapshotFinding::Found(FoundSnapshot { folder, identity, image })),
            Err(what) => foreign(what),
        }
    }

    /// The snapshot with its image. An error if either is missing.
    pub(crate) fn sealed(&self, id: SnapshotId) -> Result<FoundSnapshot, BackendError> {
        match self.find_snapshot(id)? {
            SnapshotFinding::Found(found) if found.image.is_some() => Ok(found),
            SnapshotFinding::Found(_) | SnapshotFinding::Absent => Err(BackendError::SnapshotMissing { id }),
            SnapshotFinding::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
        }
    }

    pub(crate) fn observe_snapshot(&self, id: SnapshotId) -> Result<SnapshotState, BackendError> {
        Ok(match self.find_snapshot(id)? {
            SnapshotFinding::Absent => SnapshotState::Absent,
            SnapshotFinding::Foreign { what, .. } => SnapshotState::Foreign { what },
            SnapshotFinding::Found(FoundSnapshot { image: None, .. }) => SnapshotState::Missing,
            SnapshotFinding::Found(FoundSnapshot { folder, identity, .. }) => {
                SnapshotState::Ready(SnapshotRecord {
                    volume: identity.volume,
                    facts: identity.facts,
                    checksum: checksum::stored(&folder, id)?,
                })
            }
        })
    }

    pub(crate) fn observe(&self, id: VolumeId) -> Result<VolumeObservation, BackendError> {
        self.observe_found(id, self.find(id)?)
    }

    fn observe_found(&self, id: VolumeId, finding: Finding) -> Result<VolumeObservation, BackendError> {
        let stat = if let Finding::Found(found) = &finding { found.image } else { None };
        let staged = self.staged(id, stat.as_ref())?;
        let image = match finding {
            Finding::Absent => ImageState::Absent,
            Finding::Foreign { what, .. } => ImageState::Foreign { what },
            Finding::Found(found) => match found.image {
                None => ImageState::Missing,
                Some(FileStat { size_bytes, allocated_bytes, .. }) if found.in_trash => {
                    ImageState::InTrash { size_bytes, allocated_bytes }
                }
                Some(FileStat { size_bytes, allocated_bytes, modified: (seconds, nanoseconds), .. }) => {
                    let incarnation = found.identity.incarnation;
                    let written_at = Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH);
                    ImageState::Present { incarnation, size_bytes, allocated_bytes, written_at }
                }
            },
        };
        Ok(VolumeObservation { image, staged })
    }

    /// Returns how the volume is staged, if it is. The device mounted at its mount point must have the volume's mark and, if it is
    /// known, `image` behind it.
    ///
    /// Asks the kernel about this one path and its device, so it costs the same beside a thousand mounts.
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
                return Ok(Some(Staged::Mount { mount_point, device, device_number }));
            }
        }
        Err(BackendError::Foreign { path: mount_point, what: "another filesystem is mounted there".into() })
    }

    pub(crate) fn filesystem_used_bytes(&self, id: VolumeId) -> Result<Option<u64>, BackendError> {
        match self.staged(id, None)? {
            Some(_) => Ok(Some(files::room(&Dir::open(&self.mount_point(id))?)?.used_bytes)),
            None => Ok(None),
        }
    }

    pub(crate) fn list(&self) -> Result<PoolListing, BackendError> {
        let mut listing = PoolListing::default();
        self.list_foreign_names(&mut listing)?;
        self.list_volumes(&mut listing)?;
        self.list_snapshots(&mut listing)?;
        Ok(listing)
    }

    /// What has a name that the pool gives to nothing.
    fn list_foreign_names(&self, listing: &mut PoolListing) -> Result<(), BackendError> {
        let templates = self.templates.dir();
        for name in templates.names()? {
            let name = name.to_string_lossy();
            if size_in_name(name.strip_prefix(TEMPORARY).unwrap_or(&name)).is_none() {
                listing.foreign.push(unnamed(templates, &name, "its name is not a template's"));
            }
        }
        for name in self.root().names()? {
            let name = name.to_string_lossy();
            if !self.is_own_name(&name) {
                listing.foreign.push(unnamed(self.root(), &name, "the pool makes nothing of that name"));
            }
        }
        Ok(())
    }

    fn list_volumes(&self, listing: &mut PoolListing) -> Result<(), BackendError> {
        let mounts = Dir::open(&self.mounts)?;
        let mut ids = Vec::new();
        for place in [&*self.volumes, &*self.trash, &mounts] {
            ids.extend(ids_in::<VolumeId>(place, "its name is not a volume's id", listing)?);
        }
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let observed = self.find(id).and_then(|finding| {
                if let Finding::Foreign { path, what } = &finding {
                    listing.foreign.push(ForeignEntry { path: path.clone(), why: what.clone() });
                }
                self.observe_found(id, finding)
            });
            match observed {
                Err(error) => drop(listing.unknown.insert(id, error)),
                // An empty mount point is no sign of a volume.
                Ok(VolumeObservation { image: ImageState::Absent, staged: None }) => {}
                Ok(observation) => drop(listing.volumes.insert(id, observation)),
            }
        }
        Ok(())
    }

    fn list_snapshots(&self, listing: &mut PoolListing) -> Result<(), BackendError> {
        for id in ids_in::<SnapshotId>(&self.snapshots, "its name is not a snapshot's id", listing)? {
            match self.observe_snapshot(id) {
                Err(error) => drop(listing.unknown_snapshots.insert(id, error)),
                // Removed since the directory was read.
                Ok(SnapshotState::Absent) => {}
                Ok(state) => {
                    if let SnapshotState::Foreign { what } = &state {
                        listing.foreign.push(unnamed(&self.snapshots, &id.to_string(), what));
                    }
                    listing.snapshots.insert(id, state);
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
fn ids_in<Id: FromStr>(place: &Dir, why: &str, listing: &mut PoolListing) -> Result<Vec<Id>, BackendError> {
    let mut ids = Vec::new();
    for name in place.names()? {
        let name = name.to_string_lossy();
        match name.strip_prefix(TEMPORARY).unwrap_or(&name).parse() {
            Ok(_) if name.starts_with(TEMPORARY) => {}
            Ok(id) => ids.push(id),
            Err(_) => listing.foreign.push(unnamed(place, &name, why)),
        }
    }
    Ok(ids)
}

fn unnamed(place: &Dir, name: &str, why: &str) -> ForeignEntry {
    ForeignEntry { path: place.path().join(name), why: why.to_owned() }
}
