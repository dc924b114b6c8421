//! A pool: a directory of ours on a filesystem that shares blocks, or with such a filesystem in an image of ours.
//!
//! ```text
//!   on XFS or Btrfs                         elsewhere
//!   <pool>/pool.json                        <pool>/pool.json
//!   <pool>/volumes/<id>/disk.img            <pool>/pool.img ──► loop ──► <pool>/fs    (XFS)
//!         /trash/<id>/…                     <pool>/fs/volumes/<id>/disk.img, fs/trash, fs/snapshots, fs/templates
//!         /snapshots/<id>/disk.img          <pool>/volumes -> fs/volumes, <pool>/snapshots -> fs/snapshots    (for people)
//!         /templates/ext4-<bytes>.img
//!   <pool>/mounts/<id>                      <pool>/mounts/<id>   a staged volume, on the host in both cases
//! ```
//!
//! **Crash story.** `pool.json` is the intent: once it is there, the directory is ours and everything else can be made, or
//! made again. The image is built under a temporary name and renamed when it is whole; then `pool.json` records that it
//! exists, and a pool whose recorded image is missing is refused, never begun anew. What an earlier process left
//! attached, mounted or bound is checked and adopted. Temporary names of ours are cleared.
//!
//! The directory's lock is held for as long as the pool is open, so two agents never work in one pool.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miosa_domain::size::{MIB, human};
use miosa_domain::{PoolId, SnapshotId, VolumeId};
use miosa_effects::background;
use miosa_effects::writeback::{SharedSync, WriteBack};
use miosa_effects::{Dir, Doing, Entry, SysError, files, loopdev, mount, process, xfs};
use miosa_failpoint::failpoint;
use parking_lot::Mutex;
use rustix::io::Errno;
use uuid::Uuid;

use crate::local::attach::{PASSING, attach_once, lock_patiently, unmount_within, wait_until_gone};
use crate::local::extents::Maps;
use crate::local::identity::{self, PoolIdentity, Storage};
use crate::local::remove::{SNAPSHOT_FILES, VOLUME_FILES};
use crate::local::snapshot::Taken;
use crate::local::template::Templates;
use crate::local::turns::{Calibration, Turns};
use crate::{BackendError, Capacity};

/// Begins every name that is not finished yet, or not yet entirely removed.
pub(crate) const TEMPORARY: &str = ".tmp-";

const IMAGE: &str = "pool.img";
const IMAGE_TEMPORARY: &str = ".tmp-pool.img";
const IMAGE_MOUNT: &str = "fs";
const IMAGE_LABEL: &str = "miosa-pool";
const IMAGE_MARK: &str = "miosa:pool";
const VOLUMES: &str = "volumes";
const TRASH: &str = "trash";
const SNAPSHOTS: &str = "snapshots";
const TEMPLATES: &str = "templates";
const MOUNTS: &str = "mounts";

/// `mkfs.xfs` makes nothing smaller.
const IMAGE_MIN_BYTES: u64 = 300 * MIB;

/// What an operator says about a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    pub dir: PathBuf,
    /// Size of the image, should one be needed. An image that exists keeps its size.
    pub image_size_bytes: u64,
}

/// An open pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: PoolId,
    /// Holds the pool's lock.
    root: Dir,
    storage: Storage,
    pub(crate) volumes: Arc<Dir>,
    pub(crate) trash: Arc<Dir>,
    pub(crate) snapshots: Dir,
    pub(crate) templates: Templates,
    pub(crate) mounts: PathBuf,
    /// Keeps clones and removals apart.
    pub(crate) turns: Turns,
    pub(crate) calibration: Calibration,
    pub(crate) maps: Maps,
    pub(crate) write_back: WriteBack,
    /// Its journal makes a rename durable only together with everything written back before it.
    is_xfs: bool,
    volumes_sync: SharedSync,
    snapshots_sync: SharedSync,
    /// What was cloned by this process and not sealed yet.
    pub(crate) taken: Mutex<HashMap<SnapshotId, Taken>>,
}

impl Pool {
    /// Opens the pool, and makes it if the directory is missing or empty.
    pub(crate) fn open(config: &PoolConfig) -> Result<Self, BackendError> {
        let root = Dir::open_or_make(&config.dir)?;
        if !lock_patiently(&root, root.path())? {
            return Err(BackendError::Locked { path: root.path().to_owned() });
        }
        let identity = match root.read_file(identity::POOL_FILE, identity::LIMIT_BYTES)? {
            Some(bytes) => PoolIdentity::parse(&bytes).map_err(|what| BackendError::Foreign {
                path: root.path().join(identity::POOL_FILE),
                what,
            })?,
            None => begin(&root, config)?,
        };
        let data = match identity.storage {
            Storage::Directory => None,
            Storage::Image { size_bytes, made } => {
                if !made {
                    make_image(&root, identity.pool_id, size_bytes)?;
                }
                mount_image(&root, identity.pool_id, size_bytes)?;
                for folder in [VOLUMES, SNAPSHOTS] {
                    root.ensure_symlink(folder, &format!("{IMAGE_MOUNT}/{folder}"))?;
                }
                Some(root.open_dir(IMAGE_MOUNT)?)
            }
        };
        let data = data.as_ref().unwrap_or(&root);
        for folder in [VOLUMES, TRASH, SNAPSHOTS, TEMPLATES] {
            data.ensure_dir(folder)?;
        }
        root.ensure_dir(MOUNTS)?;
        data.sync()?;
        root.sync()?;
        let (volumes, trash) = (data.open_dir(VOLUMES)?, data.open_dir(TRASH)?);
        let (snapshots, templates) = (data.open_dir(SNAPSHOTS)?, data.open_dir(TEMPLATES)?);
        let room = files::room(data)?;
        if room.is_btrfs {
            // A clone must have the same flag as its source; the trash gets its files by renaming.
            for folder in [&volumes, &snapshots, &templates] {
                files::overwrite_in_place(folder)?;
            }
        }
        share_mounts(&root)?;
        failpoint!("backend.pool.after-share")?;
        let pool = Self {
            id: PoolId::from_uuid(identity.pool_id),
            mounts: root.path().join(MOUNTS),
            root,
            storage: identity.storage,
            volumes: Arc::new(volumes),
            trash: Arc::new(trash),
            snapshots,
            templates: Templates::open(templates)?,
            turns: Turns::default(),
            calibration: Calibration::default(),
            maps: Maps::default(),
            write_back: WriteBack::default(),
            is_xfs: room.is_xfs,
            volumes_sync: SharedSync::default(),
            snapshots_sync: SharedSync::default(),
            taken: Mutex::default(),
        };
        pool.clear_leftovers()?;
        Ok(pool)
    }

    /// Unmounts what opening mounted, unless a volume is staged.
    pub(crate) fn close(self) -> Result<(), BackendError> {
        let Self { root, storage, volumes, trash, snapshots, templates, mounts, .. } = self;
        // Open directories would keep the image's filesystem mounted.
        drop((volumes, trash, snapshots, templates));
        for name in root.open_dir(MOUNTS)?.names()? {
            if mount::device_mounted_at(&mounts.join(name))?.is_some() {
                return Ok(());
            }
        }
        if let Storage::Image { .. } = storage {
            let target = root.path().join(IMAGE_MOUNT);
            let device =
                mount::device_mounted_at(&target)?.map(mount::block_device_name).transpose()?.flatten();
            if !unmount_within(PASSING, &target)? {
                tracing::warn!(path = %target.display(), "the pool's filesystem is in use and stays mounted");
                return Ok(());
            }
            if let Some(device) = device {
                let device = Path::new("/dev").join(device);
                wait_until_gone(&device, IMAGE_MARK)?;
                // Otherwise it would refuse the discards of the next file that gets its number.
                loopdev::retire(&device)?;
            }
        }
        if !unmount_within(PASSING, &mounts)? {
            tracing::warn!(path = %mounts.display(), "the folder of mount points is in use and stays a mount");
        }
        Ok(())
    }

    /// The pool's own directory, for what is reported by path.
    pub(crate) fn root(&self) -> &Dir {
        &self.root
    }

    /// Names that the pool itself puts in its directory.
    pub(crate) fn is_own_name(&self, name: &str) -> bool {
        let own = [identity::POOL_FILE, IMAGE, IMAGE_MOUNT, VOLUMES, TRASH, SNAPSHOTS, TEMPLATES, MOUNTS];
        name == "lost+found" || own.contains(&name) || name.starts_with(TEMPORARY)
    }

    pub(crate) fn mount_point(&self, id: VolumeId) -> PathBuf {
        self.mounts.join(id.to_string())
    }

    /// Ensures that the new `files` of `folder`, once a later rename of the folder is durable, are durable as well.
    ///
    /// On XFS it is enough that they have been written back. Their blocks and sizes are in the journal by then, the rename comes
    /// later in the same journal, and before XFS writes a part of its journal it flushes the disk. So a volume or a snapshot costs
    /// one flush instead of three, and on a busy disk each flush waits for all that others have written.
    pub(crate) fn settle(&self, folder: &Dir, files: &[(&str, &File)]) -> Result<(), SysError> {
        for (name, file) in files {
            let path = folder.path().join(name);
            if self.is_xfs {
                background::write_back(file, 0..file.metadata().doing("examine", &path)?.len(), &path)?;
            } else {
                file.sync_all().doing("sync", &path)?;
            }
        }
        if self.is_xfs { Ok(()) } else { folder.sync() }
    }

    /// Makes renames in `volumes` durable. Calls at the same time share one flush.
    pub(crate) fn sync_volumes(&self) -> Result<(), SysError> {
        self.volumes_sync.run(|| self.volumes.sync())
    }

    /// The same for `snapshots`.
    pub(crate) fn sync_snapshots(&self) -> Result<(), SysError> {
        self.snapshots_sync.run(|| self.snapshots.sync())
    }

    pub(crate) fn capacity(&self) -> Result<Capacity, BackendError> {
        let room = files::room(&self.volumes)?;
        let used_bytes = room.total_bytes.saturating_sub(room.available_bytes);
        Ok(Capacity { capacity_bytes: room.total_bytes, used_bytes })
    }

    /// Removes what calls left behind that were cut off: half-made and half-removed volumes and snapshots, and empty mount
    /// points.
    fn clear_leftovers(&self) -> Result<(), BackendError> {
        let is_volume = |id: &str| id.parse::<VolumeId>().is_ok();
        let is_snapshot = |id: &str| id.parse::<SnapshotId>().is_ok();
        self.clear_temporary(&self.volumes, VOLUME_FILES, is_volume)?;
        self.clear_temporary(&self.trash, VOLUME_FILES, is_volume)?;
        self.clear_temporary(&self.snapshots, SNAPSHOT_FILES, is_snapshot)?;
        let mounts = self.root.open_dir(MOUNTS)?;
        for name in mounts.names()? {
            let Some(name) = name.to_str().filter(|name| name.parse::<VolumeId>().is_ok()) else { continue };
            match mounts.remove_dir(name) {
                Err(error)
                    if error.is(Errno::BUSY) || error.is(Errno::NOTEMPTY) || error.is(Errno::NOTDIR) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    fn clear_temporary(
        &self,
        place: &Dir,
        files: &[&str],
        is_id: fn(&str) -> bool,
    ) -> Result<(), BackendError> {
        for name in place.names()? {
            let Some(name) = name.to_str() else { continue };
            let is_temporary = name.strip_prefix(TEMPORARY).is_some_and(is_id);
            if is_temporary && !self.remove_folder(place, name, files)? {
                tracing::warn!(path = %place.path().join(name).display(), "it holds files not of ours and stays");
            }
        }
        Ok(())
    }
}

/// Makes an empty directory ours: writes down what it shall become.
fn begin(root: &Dir, config: &PoolConfig) -> Result<PoolIdentity, BackendError> {
    let unfinished = format!("{TEMPORARY}{}", identity::POOL_FILE);
    let foreign = root.names()?.into_iter().find(|name| *name != *unfinished && name != "lost+found");
    if let Some(name) = foreign {
        let what = format!("there is no {} in it, but {}", identity::POOL_FILE, name.display());
        return Err(BackendError::Foreign { path: root.path().to_owned(), what });
    }
    let storage = if files::can_share_blocks(root)? {
        Storage::Directory
    } else {
        let size_bytes = config.image_size_bytes / MIB * MIB;
        let available_bytes = files::room(root)?.available_bytes;
        let why = if size_bytes < IMAGE_MIN_BYTES {
            format!(
                "its filesystem cannot share blocks, and an image needs at least {}",
                human(IMAGE_MIN_BYTES)
            )
        } else if size_bytes > available_bytes {
            format!("{} are free, and its image would take {}", human(available_bytes), human(size_bytes))
        } else {
            String::new()
        };
        if !why.is_empty() {
            return Err(BackendError::Unusable { path: root.path().to_owned(), why });
        }
        Storage::Image { size_bytes, made: false }
    };
    let identity = PoolIdentity::new(Uuid::new_v4(), storage);
    root.replace_file(identity::POOL_FILE, &identity::to_bytes(&identity))?;
    failpoint!("backend.pool.after-identity")?;
    Ok(identity)
}

/// Makes the image, or finishes making it, and records that it is there.
fn make_image(root: &Dir, pool_id: Uuid, size_bytes: u64) -> Result<(), BackendError> {
    root.remove_file(IMAGE_TEMPORARY)?;
    if root.entry(IMAGE)?.is_none() {
        let path = root.path().join(IMAGE_TEMPORARY);
        let file = root.create_file(IMAGE_TEMPORARY)?;
        files::preallocate(&file, size_bytes, &path)?;
        let uuid = format!("crc=1,reflink=1,uuid={pool_id}");
        // -K: discarding would give the reserved blocks back.
        let args = ["-q", "-K", "-L", IMAGE_LABEL, "-m", &uuid].map(OsStr::new);
        let args: Vec<_> = args.into_iter().chain([path.as_os_str()]).collect();
        process::run("mkfs.xfs", &args)?;
        failpoint!("backend.pool.after-format")?;
        file.sync_all().map_err(|error| SysError::new("sync", &path, error))?;
        root.rename(IMAGE_TEMPORARY, root, IMAGE)?;
        root.sync()?;
        failpoint!("backend.pool.after-rename")?;
    }
    let identity = PoolIdentity::new(pool_id, Storage::Image { size_bytes, made: true });
    Ok(root.replace_file(identity::POOL_FILE, &identity::to_bytes(&identity))?)
}

/// Ensures that the image is mounted at `fs`.
fn mount_image(root: &Dir, pool_id: Uuid, size_bytes: u64) -> Result<(), BackendError> {
    let foreign =
        |name: &str, what: &str| BackendError::Foreign { path: root.path().join(name), what: what.into() };
    let image = match root.entry(IMAGE)? {
        Some(Entry::File(stat)) if stat.size_bytes == size_bytes => stat,
        Some(_) => return Err(foreign(IMAGE, "it is not the image that pool.json records")),
        None => {
            let why = format!(
                "its {IMAGE} is missing; put it back, or remove pool.json to start with an empty pool"
            );
            return Err(BackendError::Unusable { path: root.path().to_owned(), why });
        }
    };
    root.ensure_dir(IMAGE_MOUNT)?;
    let target = root.path().join(IMAGE_MOUNT);
    let is_ours = |status: &loopdev::LoopStatus| status.mark == IMAGE_MARK && status.is_backed_by(&image);
    if let Some(device_number) = mount::device_mounted_at(&target)? {
        let status = match mount::block_device_name(device_number)? {
            Some(name) => loopdev::status(&Path::new("/dev").join(name))?,
            None => None,
        };
        return match status {
            Some(status) if is_ours(&status) => Ok(()),
            _ => Err(foreign(IMAGE_MOUNT, "another filesystem is mounted there")),
        };
    }
    if !root.open_dir(IMAGE_MOUNT)?.names()?.is_empty() {
        return Err(foreign(IMAGE_MOUNT, "it should be empty while the pool is not mounted, and is not"));
    }
    let path = root.path().join(IMAGE);
    let file = root.open_file(IMAGE, true)?;
    let check = || match xfs::identity(&file, &path)? {
        Some(found) if found.label == IMAGE_LABEL && found.uuid == pool_id.into_bytes() => Ok(()),
        _ => Err(foreign(IMAGE, "it does not hold this pool's XFS filesystem")),
    };
    let device = attach_once(&file, &path, &image, IMAGE_MARK, check)?;
    failpoint!("backend.pool.after-attach")?;
    if let Err(error) = loopdev::refuse_discards(&device.path) {
        tracing::warn!(%error, "an fstrim of the pool would give its reserved blocks back to the host");
    }
    mount::mount_device(&device.path, &target, "xfs", "", true)?;
    failpoint!("backend.pool.after-mount")?;
    Ok(())
}

/// Makes the folder of mount points a shared mount of itself: a namespace that copied it sees our unmounts too, and so
/// does not keep volumes busy.
fn share_mounts(root: &Dir) -> Result<(), BackendError> {
    let path = root.path().join(MOUNTS);
    if mount::device_mounted_at(&path)?.is_none() {
        mount::bind_to_itself(&path)?;
        failpoint!("backend.pool.after-bind")?;
    }
    let bind = mount::at(&path)?;
    let parent = bind.as_ref().map(mount::parent_of).transpose()?.flatten();
    match bind.zip(parent) {
        Some((bind, parent)) if parent.device_number == bind.device_number => {
            // A bind mount joins the group of where it stands.
            if bind.peer_group.is_none() || bind.peer_group == parent.peer_group {
                mount::share_alone(&path)?;
            }
            Ok(())
        }
        _ => Err(BackendError::Foreign { path, what: "another filesystem is mounted there".into() }),
    }
}
