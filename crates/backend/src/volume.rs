//! A volume's folder: made, moved to the trash and back, removed.
//!
//! **Crash story.** A volume appears, moves and disappears by one rename of its folder; all else happens under a name that
//! nobody takes for a volume, `.tmp-<id>`, which the next call for the id or the next start clears. A call that finds its
//! work done syncs the directories all the same: whoever did it may have been cut off just before.

use miosa_domain::VolumeId;
use miosa_domain::size::{MIB, VOLUME_MIN_BYTES};
use miosa_effects::ext4::Superblock;
use miosa_effects::{Dir, Entry, SysError, files};
use miosa_failpoint::failpoint;
use rustix::io::Errno;
use uuid::Uuid;

use crate::identity::{self, VOLUME_FILE, VolumeIdentity};
use crate::look::{Found, IMAGE, Look};
use crate::pool::{Pool, TEMPORARY};
use crate::{BackendError, Capacity, Changed};

/// A new volume takes less than this at once, its template included.
const NEW_VOLUME_BYTES: u64 = 16 * MIB;

impl Pool {
    pub(crate) fn create(&self, id: VolumeId, size_bytes: u64) -> Result<Changed, BackendError> {
        if size_bytes < VOLUME_MIN_BYTES || !size_bytes.is_multiple_of(MIB) {
            return Err(BackendError::InvalidSize { size_bytes });
        }
        match self.look(id)? {
            Look::Absent => {}
            Look::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            Look::Found(found) if found.in_trash => return Err(BackendError::InTrash { id }),
            Look::Found(Found { image: None, .. }) => return Err(BackendError::Missing { id }),
            Look::Found(found) if found.identity.size_bytes != size_bytes => {
                let present = found.identity.size_bytes;
                return Err(BackendError::SizeDiffers { id, size_bytes: present, wanted_bytes: size_bytes });
            }
            Look::Found(_) => {
                self.volumes.sync()?;
                return Ok(Changed::Unchanged);
            }
        }
        let capacity = self.capacity()?;
        if capacity.refuses(NEW_VOLUME_BYTES) {
            let Capacity { capacity_bytes, used_bytes } = capacity;
            return Err(BackendError::InsufficientCapacity { capacity_bytes, used_bytes });
        }
        let temporary = format!("{TEMPORARY}{id}");
        if let Err(error) = self.make_folder(&temporary, id, size_bytes) {
            if let Err(left) = self.remove_folder(&self.volumes, &temporary) {
                tracing::warn!(error = %left, "a half-made volume stays until the next start");
            }
            return Err(self.no_room(error)?);
        }
        failpoint!("backend.create.before-rename")?;
        self.volumes.rename(&temporary, &self.volumes, &id.to_string())?;
        failpoint!("backend.create.after-rename")?;
        self.volumes.sync()?;
        Ok(Changed::Changed)
    }

    /// The whole volume, durable, under a name of its own.
    fn make_folder(&self, name: &str, id: VolumeId, size_bytes: u64) -> Result<(), BackendError> {
        let template = self.templates.of_size(size_bytes)?;
        self.clear_folder(&self.volumes, name)?;
        self.volumes.ensure_dir(name)?;
        let folder = self.volumes.open_dir(name)?;
        let path = folder.path().join(IMAGE);
        let image = folder.create_file(IMAGE)?;
        files::clone_file(&template, &image, &path)?;
        failpoint!("backend.create.after-clone")?;
        let hash_seed = Uuid::new_v4().into_bytes();
        Superblock::read(&image, &path)?.rewrite_identity(&image, id.uuid().into_bytes(), hash_seed)?;
        image.sync_all().map_err(|error| SysError::new("sync", &path, error))?;
        let identity = identity::to_bytes(&VolumeIdentity::new(id, size_bytes));
        folder.write_new_file(VOLUME_FILE, &identity)?;
        Ok(folder.sync()?)
    }

    pub(crate) fn trash(&self, id: VolumeId) -> Result<Changed, BackendError> {
        match self.look(id)? {
            Look::Absent => Err(BackendError::Missing { id }),
            Look::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Look::Found(found) if found.in_trash => self.sync_places(Changed::Unchanged),
            Look::Found(found) => {
                let _locked = self.lock_unstaged(id, &found)?;
                failpoint!("backend.trash.before-rename")?;
                self.move_folder(id, &self.volumes, &self.trash)?;
                failpoint!("backend.trash.after-rename")?;
                self.sync_places(Changed::Changed)
            }
        }
    }

    pub(crate) fn restore(&self, id: VolumeId) -> Result<Changed, BackendError> {
        match self.look(id)? {
            Look::Absent => Err(BackendError::Missing { id }),
            Look::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Look::Found(found) if !found.in_trash => self.sync_places(Changed::Unchanged),
            Look::Found(_) => {
                failpoint!("backend.restore.before-rename")?;
                self.move_folder(id, &self.trash, &self.volumes)?;
                failpoint!("backend.restore.after-rename")?;
                self.sync_places(Changed::Changed)
            }
        }
    }

    pub(crate) fn purge(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let temporary = format!("{TEMPORARY}{id}");
        let found = match self.look(id)? {
            Look::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            Look::Absent => {
                // What a purge or a create that was cut off left.
                self.clear_folder(&self.volumes, &temporary)?;
                self.clear_folder(&self.trash, &temporary)?;
                return self.sync_places(Changed::Unchanged);
            }
            Look::Found(found) => found,
        };
        let _locked = self.lock_unstaged(id, &found)?;
        if !is_only_ours(&found.folder)? {
            let what = "there are files in it that no volume has".into();
            return Err(BackendError::Foreign { path: found.folder.path().to_owned(), what });
        }
        self.clear_folder(&found.place, &temporary)?;
        failpoint!("backend.purge.before-rename")?;
        found.place.rename(&id.to_string(), &found.place, &temporary)?;
        found.place.sync()?;
        failpoint!("backend.purge.after-rename")?;
        self.clear_folder(&found.place, &temporary)?;
        Ok(Changed::Changed)
    }

    fn move_folder(&self, id: VolumeId, from: &Dir, to: &Dir) -> Result<(), BackendError> {
        let name = id.to_string();
        from.rename(&name, to, &name).map_err(|error| {
            if error.is(Errno::EXIST) {
                let what = "the volume's folder should go there, and it is in the way".into();
                return BackendError::Foreign { path: to.path().join(&name), what };
            }
            error.into()
        })
    }

    fn sync_places(&self, changed: Changed) -> Result<Changed, BackendError> {
        self.volumes.sync()?;
        self.trash.sync()?;
        Ok(changed)
    }

    /// Like [`Pool::remove_folder`], for callers who need the name.
    fn clear_folder(&self, place: &Dir, name: &str) -> Result<(), BackendError> {
        if self.remove_folder(place, name)? {
            return Ok(());
        }
        let what = "there are files in it that no volume has".into();
        Err(BackendError::Foreign { path: place.path().join(name), what })
    }

    /// Removes a folder of ours with what a volume has in it, if it is there. `Ok(false)`: it is not only ours, and stays.
    pub(crate) fn remove_folder(&self, place: &Dir, name: &str) -> Result<bool, BackendError> {
        match place.entry(name)? {
            None => return Ok(true),
            Some(Entry::Dir) => {}
            Some(_) => return Ok(false),
        }
        let folder = place.open_dir(name)?;
        if !is_only_ours(&folder)? {
            return Ok(false);
        }
        // The image first: as long as there is anything, the name is there to find it by.
        folder.remove_file(IMAGE)?;
        failpoint!("backend.remove.after-image")?;
        folder.remove_file(VOLUME_FILE)?;
        place.remove_dir(name)?;
        Ok(true)
    }

    /// Names the pool's figures if the error says that the disk is full.
    fn no_room(&self, error: BackendError) -> Result<BackendError, BackendError> {
        match error {
            BackendError::Io(io) if io.is(Errno::NOSPC) => {
                let Capacity { capacity_bytes, used_bytes } = self.capacity()?;
                Ok(BackendError::InsufficientCapacity { capacity_bytes, used_bytes })
            }
            other => Ok(other),
        }
    }
}

fn is_only_ours(folder: &Dir) -> Result<bool, BackendError> {
    Ok(folder.names()?.iter().all(|name| name == IMAGE || name == VOLUME_FILE))
}
