//! A volume's folder: made, replaced, moved to the trash and back, removed.
//!
//! **Crash safety.** A volume appears, moves and disappears by one rename of its folder, and is replaced by one exchange of the
//! folder with a new one. Everything else happens under a temporary name, `.tmp-<id>`, which the next call for the ID or the next
//! start clears. A call that finds its work done syncs the directories nevertheless: the process that did the work may have died
//! before its sync.

use std::fs::File;
use std::path::Path;

use miosa_domain::size::{MIB, VOLUME_MIN_BYTES};
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::ext4::Superblock;
use miosa_effects::{Dir, files};
use miosa_failpoint::failpoint;
use rustix::io::Errno;
use uuid::Uuid;

use crate::local::clone::finish_fork;
use crate::local::identity::{self, IDENTITY_FILE, VolumeIdentity};
use crate::local::observe::{Finding, Found, IMAGE};
use crate::local::pool::{Pool, TEMPORARY};
use crate::local::remove::{VOLUME_FILES, holds_only, not_only_ours};
use crate::{BackendError, Capacity, Changed, Content, NewImage};

/// A new volume takes less than this at once, its template included.
const NEW_VOLUME_BYTES: u64 = 16 * MIB;

impl Pool {
    pub(crate) fn create(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<Changed, BackendError> {
        check_size(size_bytes)?;
        match self.find(id)? {
            Finding::Absent => {}
            Finding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            Finding::Found(found) if found.in_trash => return Err(BackendError::InTrash { id }),
            Finding::Found(Found { image: None, .. }) => return Err(BackendError::Missing { id }),
            Finding::Found(found) if found.identity.size_bytes != size_bytes => {
                let present = found.identity.size_bytes;
                return Err(BackendError::SizeDiffers { id, size_bytes: present, wanted_bytes: size_bytes });
            }
            Finding::Found(_) => {
                self.sync_volumes()?;
                return Ok(Changed::Unchanged);
            }
        }
        let temporary = self.make_temporary(id, size_bytes, new, source_is_free)?;
        failpoint!("backend.create.before-rename")?;
        self.volumes.rename(&temporary, &self.volumes, &id.to_string())?;
        failpoint!("backend.create.after-rename")?;
        self.sync_volumes()?;
        Ok(Changed::Changed)
    }

    pub(crate) fn replace(
        &self,
        id: VolumeId,
        incarnation: u64,
        size_bytes: u64,
        snapshot: SnapshotId,
    ) -> Result<Changed, BackendError> {
        check_size(size_bytes)?;
        // Its image may be missing: this is how to get one again.
        let found = match self.find(id)? {
            Finding::Absent => return Err(BackendError::Missing { id }),
            Finding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            Finding::Found(found) if found.in_trash => return Err(BackendError::InTrash { id }),
            Finding::Found(found) => found,
        };
        if found.identity.incarnation >= incarnation {
            self.sync_volumes()?;
            return Ok(Changed::Unchanged);
        }
        let locked = self.lock_unstaged(id, &found)?;
        if !holds_only(&found.folder, VOLUME_FILES)? {
            return Err(not_only_ours(found.folder.path()));
        }
        let new = NewImage { incarnation, content: Content::Snapshot(snapshot) };
        let temporary = self.make_temporary(id, size_bytes, &new, &mut || {})?;
        failpoint!("backend.replace.before-exchange")?;
        self.volumes.exchange(&temporary, &self.volumes, &id.to_string())?;
        self.sync_volumes()?;
        failpoint!("backend.replace.after-exchange")?;
        // From here on it is the old data that has the temporary name, still locked.
        if let Err(error) = self.clear_folder(&self.volumes, &temporary, VOLUME_FILES) {
            tracing::warn!(%error, "the replaced data stays until the next start");
        }
        drop(locked);
        Ok(Changed::Changed)
    }

    /// Makes the whole volume under a temporary name, and returns that. Durable together with the rename that follows.
    fn make_temporary(
        &self,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<String, BackendError> {
        self.check_room(NEW_VOLUME_BYTES)?;
        if let Content::Volume { id: source, write_back_limit } = new.content {
            self.write_back(source, write_back_limit)?;
        }
        let temporary = format!("{TEMPORARY}{id}");
        if let Err(error) = self.make_folder(&temporary, id, size_bytes, new, source_is_free) {
            if let Err(left) = self.remove_folder(&self.volumes, &temporary, VOLUME_FILES) {
                tracing::warn!(error = %left, "a half-made volume stays until the next start");
            }
            return Err(self.no_room(error)?);
        }
        Ok(temporary)
    }

    fn make_folder(
        &self,
        name: &str,
        id: VolumeId,
        size_bytes: u64,
        new: &NewImage,
        source_is_free: &mut dyn FnMut(),
    ) -> Result<(), BackendError> {
        self.clear_folder(&self.volumes, name, VOLUME_FILES)?;
        self.volumes.ensure_dir(name)?;
        let folder = self.volumes.open_dir(name)?;
        let path = folder.path().join(IMAGE);
        let image = folder.create_file(IMAGE)?;
        match new.content {
            Content::Empty => self.fill_empty(&image, &path, id, size_bytes)?,
            Content::Snapshot(snapshot) => {
                self.fill_from_snapshot(&image, &path, snapshot, id, size_bytes)?
            }
            Content::Volume { id: source, .. } => {
                let clone = self.clone_for_fork(&image, &path, source, size_bytes)?;
                source_is_free();
                finish_fork(&image, &path, id, &clone, size_bytes)?;
            }
        }
        let identity = identity::to_bytes(&VolumeIdentity::new(id, size_bytes, new.incarnation));
        let identity = folder.write_new_file(IDENTITY_FILE, &identity)?;
        Ok(self.settle(&folder, &[(IMAGE, &image), (IDENTITY_FILE, &identity)])?)
    }

    fn fill_empty(
        &self,
        image: &File,
        path: &Path,
        id: VolumeId,
        size_bytes: u64,
    ) -> Result<(), BackendError> {
        files::clone_file(&*self.templates.of_size(size_bytes)?, image, path)?;
        failpoint!("backend.create.after-clone")?;
        let hash_seed = Uuid::new_v4().into_bytes();
        Ok(Superblock::read(image, path)?.rewrite_identity(image, id.uuid().into_bytes(), hash_seed)?)
    }

    pub(crate) fn trash(&self, id: VolumeId) -> Result<Changed, BackendError> {
        match self.find(id)? {
            Finding::Absent => Err(BackendError::Missing { id }),
            Finding::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Finding::Found(found) if found.in_trash => self.sync_places(Changed::Unchanged),
            Finding::Found(found) => {
                let _locked = self.lock_unstaged(id, &found)?;
                failpoint!("backend.trash.before-rename")?;
                self.move_folder(id, &self.volumes, &self.trash)?;
                failpoint!("backend.trash.after-rename")?;
                self.sync_places(Changed::Changed)
            }
        }
    }

    pub(crate) fn restore(&self, id: VolumeId) -> Result<Changed, BackendError> {
        match self.find(id)? {
            Finding::Absent => Err(BackendError::Missing { id }),
            Finding::Foreign { path, what } => Err(BackendError::Foreign { path, what }),
            Finding::Found(found) if !found.in_trash => self.sync_places(Changed::Unchanged),
            Finding::Found(_) => {
                failpoint!("backend.restore.before-rename")?;
                self.move_folder(id, &self.trash, &self.volumes)?;
                failpoint!("backend.restore.after-rename")?;
                self.sync_places(Changed::Changed)
            }
        }
    }

    pub(crate) fn purge(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let temporary = format!("{TEMPORARY}{id}");
        let found = match self.find(id)? {
            Finding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            Finding::Absent => {
                // What a purge or a create that was cut off left.
                self.clear_folder(&self.volumes, &temporary, VOLUME_FILES)?;
                self.clear_folder(&self.trash, &temporary, VOLUME_FILES)?;
                return self.sync_places(Changed::Unchanged);
            }
            Finding::Found(found) => found,
        };
        let _locked = self.lock_unstaged(id, &found)?;
        if !holds_only(&found.folder, VOLUME_FILES)? {
            return Err(not_only_ours(found.folder.path()));
        }
        self.clear_folder(&found.place, &temporary, VOLUME_FILES)?;
        failpoint!("backend.purge.before-rename")?;
        found.place.rename(&id.to_string(), &found.place, &temporary)?;
        found.place.sync()?;
        failpoint!("backend.purge.after-rename")?;
        self.clear_folder(&found.place, &temporary, VOLUME_FILES)?;
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
        self.sync_volumes()?;
        self.trash.sync()?;
        Ok(changed)
    }

    /// Refuses what would bring the pool to its limit by taking `new_bytes` at once.
    pub(crate) fn check_room(&self, new_bytes: u64) -> Result<(), BackendError> {
        let capacity = self.capacity()?;
        if capacity.refuses(new_bytes) {
            let Capacity { capacity_bytes, used_bytes } = capacity;
            return Err(BackendError::InsufficientCapacity { capacity_bytes, used_bytes });
        }
        Ok(())
    }

    /// Names the pool's figures if the error says that the disk is full.
    pub(crate) fn no_room(&self, error: BackendError) -> Result<BackendError, BackendError> {
        match error {
            BackendError::Io(io) if io.is(Errno::NOSPC) => {
                let Capacity { capacity_bytes, used_bytes } = self.capacity()?;
                Ok(BackendError::InsufficientCapacity { capacity_bytes, used_bytes })
            }
            other => Ok(other),
        }
    }
}

fn check_size(size_bytes: u64) -> Result<(), BackendError> {
    if size_bytes < VOLUME_MIN_BYTES || !size_bytes.is_multiple_of(MIB) {
        return Err(BackendError::InvalidSize { size_bytes });
    }
    Ok(())
}
