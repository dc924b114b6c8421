//! Staging: from an image to a mounted filesystem on the host, and back.
//!
//! ```text
//!   stage     identity ─► lock the image ─► loop device (takes the lock over) ─► mount at <pool>/mounts/<id>
//!   unstage   write back ─► unmount, never lazily ─► wait until the device has let go of the image
//! ```
//!
//! **Crash safety.** If the process is killed before the mount, autoclear detaches the device with our handle. If it is killed
//! after the mount, the next call adopts it. A power cut leaves a journal, which the next mount replays.
//!
//! **Once only.** An image attached twice is a destroyed filesystem, and the kernel does not prevent it. The image's lock
//! does: the device holds it for as long as it is attached. A device that an operator attached by hand holds no lock, but it
//! has the image open, and the kernel reports whether a file is open elsewhere. Only then are all loop devices of the host
//! examined, so an attach costs the same on a host with one device as on one with a thousand.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use miosa_domain::VolumeId;
use miosa_domain::status::Holder;
use miosa_effects::ext4::{self, Ext4Error, Superblock};
use miosa_effects::loopdev::{Attached, LoopStatus};
use miosa_effects::{Dir, FileStat, files, holders, loopdev, mount, process};
use miosa_failpoint::failpoint;

use crate::local::observe::{Finding, Found, IMAGE};
use crate::local::pool::Pool;
use crate::local::template::LABEL;
use crate::{BackendError, Changed, Staged};

/// - `errors=remount-ro`: a damaged filesystem stops, and says so in its error count;
/// - `discard`: deleted files give their blocks back to the pool;
/// - `noinit_itable`: unwritten inode tables of a sparse image read as zeroes, so the kernel need not write them.
const EXT4_OPTIONS: &str = "errors=remount-ro,discard,noinit_itable";

/// The longest that the kernel may take to close an image after the last unmount.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// The longest that it usually takes. After this, processes that hold the device or a mount are searched for.
const RELEASE_USUAL: Duration = Duration::from_millis(50);

/// How long to wait for a holder that ends without our doing: a program that a thread of ours is starting has copies of all our
/// open files, with their locks, until it is loaded. On a busy machine that takes a while.
pub(crate) const PASSING: Duration = Duration::from_secs(2);

/// Between two attempts: at first as long as a system call takes, at last so long that waiting costs nothing.
const PAUSE_FIRST: Duration = Duration::from_micros(50);
const PAUSE_LAST: Duration = Duration::from_millis(5);

/// The mark of a volume's loop device.
pub(crate) fn mark(id: VolumeId) -> String {
    format!("miosa:{id}")
}

impl Pool {
    pub(crate) fn stage(&self, id: VolumeId) -> Result<Staged, BackendError> {
        let (found, image) = self.present(id)?;
        if let Some(staged) = self.staged(id, Some(&image))? {
            return Ok(staged);
        }
        let path = found.folder.path().join(IMAGE);
        let file = found.folder.open_file(IMAGE, true)?;
        let device = attach_once(&file, &path, &image, &mark(id), || check_filesystem(&file, &path, &found))?;
        failpoint!("backend.stage.after-configure")?;

        let mount_point = self.mount_point(id);
        let mounts = Dir::open(&self.mounts)?;
        mounts.ensure_dir(&id.to_string())?;
        if !Dir::open(&mount_point)?.names()?.is_empty() {
            return Err(BackendError::Foreign { path: mount_point, what: "it is not empty".into() });
        }
        mount::mount_device(&device.path, &mount_point, "ext4", EXT4_OPTIONS, false)?;
        failpoint!("backend.stage.after-mount")?;
        let device_number = device.device_number;
        Ok(Staged::Mount { mount_point, device: device.path.clone(), device_number })
    }

    pub(crate) fn unstage(&self, id: VolumeId) -> Result<Changed, BackendError> {
        let mount_point = self.mount_point(id);
        let mut changed = Changed::Unchanged;
        // Known by its mark alone: a volume whose files are gone or foreign can still be unmounted.
        if let Some(staged) = self.staged(id, None)? {
            let (device, device_number) = (staged.device(), staged.device_number());
            write_back(&mount_point, device)?;
            if !unmount_within(RELEASE_USUAL, &mount_point)? {
                let holders = holders_of(device_number)?;
                let own_command = Holder::new(0, process::command_line(std::process::id())).command;
                let passes = holders.iter().all(|holder| holder.command == own_command);
                if !passes || !unmount_within(PASSING, &mount_point)? {
                    return Err(BackendError::Busy { id, holders });
                }
            }
            changed = Changed::Changed;
            failpoint!("backend.unstage.after-umount")?;
            if let Err(error) = self.wait_until_released(id, device, device_number) {
                // Still held elsewhere, so it is staged again as before the call. Unless it was released just now.
                if let Some(device) = loopdev::hold(device, &mark(id))? {
                    mount::mount_device(&device.path, &mount_point, "ext4", EXT4_OPTIONS, false)?;
                    return Err(error);
                }
            }
        } else if let Some((device, status)) = self.attached_unmounted(id)? {
            self.wait_until_released(id, &device, status.device_number)?;
            changed = Changed::Changed;
        }
        // It may be missing, or hold foreign files. Neither concerns this call.
        if let Err(error) = Dir::open(&self.mounts)?.remove_dir(&id.to_string()) {
            tracing::debug!(%error, "a mount point stays");
        }
        Ok(changed)
    }

    /// The volume's device, if it is attached although the volume is not mounted here: after an interrupted call, or while
    /// another namespace still has the mount.
    fn attached_unmounted(&self, id: VolumeId) -> Result<Option<(PathBuf, LoopStatus)>, BackendError> {
        // A device of ours holds the lock of its image. All devices are examined only if there is no lock to try.
        if let Finding::Found(Found { folder, image: Some(_), .. }) = self.find(id)?
            && files::try_lock(folder.open_file(IMAGE, false)?, &folder.path().join(IMAGE))?
        {
            return Ok(None);
        }
        Ok(loopdev::find(|status| status.mark == mark(id))?)
    }

    /// Waits until the device has closed the image. If processes in other namespaces hold it, the error names them.
    fn wait_until_released(
        &self,
        id: VolumeId,
        device: &Path,
        device_number: u64,
    ) -> Result<(), BackendError> {
        if released_within(RELEASE_USUAL, device, &mark(id))? {
            return Ok(());
        }
        let holders = holders_of(device_number)?;
        if holders.is_empty() && released_within(RELEASE_LIMIT, device, &mark(id))? {
            return Ok(());
        }
        Err(BackendError::Busy { id, holders })
    }

    /// Locks the image and returns it, so that it cannot be attached while it is moved or removed. `None`: there is no image.
    pub(crate) fn lock_unstaged(&self, id: VolumeId, found: &Found) -> Result<Option<File>, BackendError> {
        if let Some(staged) = self.staged(id, None)? {
            return Err(busy(id, staged.device_number())?);
        }
        let Some(image) = &found.image else { return Ok(None) };
        let path = found.folder.path().join(IMAGE);
        let file = found.folder.open_file(IMAGE, false)?;
        if files::try_lock(&file, &path)? {
            return Ok(Some(file));
        }
        if let Some((_, status)) = loopdev::find(|status| status.is_backed_by(image))? {
            return Err(busy(id, status.device_number)?);
        }
        if lock_patiently(&file, &path)? { Ok(Some(file)) } else { Err(BackendError::Locked { path }) }
    }
}

/// Attaches the image to a loop device, or opens the device of ours that it is attached to already. `check` runs before the image
/// is attached; later the kernel may be writing to it.
pub(crate) fn attach_once(
    file: &File,
    path: &Path,
    image: &FileStat,
    mark: &str,
    check: impl FnOnce() -> Result<(), BackendError>,
) -> Result<Attached, BackendError> {
    let attached = || match loopdev::find(|status| status.is_backed_by(image))? {
        Some((device, status)) if status.mark == mark && status.whole_and_writable => {
            Ok(loopdev::hold(&device, mark)?)
        }
        Some((device, _)) => Err(BackendError::Locked { path: device }),
        None => Ok(None),
    };
    let mut found = None;
    let is_free = until(PASSING, || {
        let is_locked = files::try_lock(file, path)?;
        // All devices are examined only if one of them may have the image open.
        if !is_locked || files::may_be_open_elsewhere(file, path)? {
            found = attached()?;
        }
        Ok(is_locked || found.is_some())
    })?;
    match found {
        Some(device) => Ok(device),
        None if is_free => {
            check()?;
            Ok(loopdev::attach(file, mark)?)
        }
        None => Err(BackendError::Locked { path: path.to_owned() }),
    }
}

/// Unmounts, and retries within `limit` if it is busy. `Ok(false)`: it is in use.
pub(crate) fn unmount_within(limit: Duration, target: &Path) -> Result<bool, BackendError> {
    until(limit, || Ok(mount::unmount(target)?))
}

/// Waits until the loop device has closed the file that it was attached to with this mark. Success of `LOOP_CLR_FD`, or of an
/// unmount, is no proof of that.
pub(crate) fn wait_until_gone(device: &Path, mark: &str) -> Result<(), BackendError> {
    if released_within(RELEASE_LIMIT, device, mark)? {
        return Ok(());
    }
    Err(BackendError::Locked { path: device.to_owned() })
}

fn released_within(limit: Duration, device: &Path, mark: &str) -> Result<bool, BackendError> {
    // The number may be another file's by now.
    until(limit, || Ok(loopdev::status(device)?.is_none_or(|status| status.mark != mark)))
}

/// Takes the lock, or waits for a holder that ends without our doing.
pub(crate) fn lock_patiently(file: impl AsFd, path: &Path) -> Result<bool, BackendError> {
    until(PASSING, || Ok(files::try_lock(&file, path)?))
}

/// Retries until `done` returns true, or the limit has passed.
fn until(
    limit: Duration,
    mut done: impl FnMut() -> Result<bool, BackendError>,
) -> Result<bool, BackendError> {
    let begin = Instant::now();
    let mut pause = PAUSE_FIRST;
    loop {
        if done()? {
            return Ok(true);
        }
        if begin.elapsed() > limit {
            return Ok(false);
        }
        #[expect(clippy::disallowed_methods, reason = "backends run in blocking tasks")]
        thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// The image must hold the filesystem that was made for this volume: a mount would change any other one.
fn check_filesystem(file: &File, path: &Path, found: &Found) -> Result<(), BackendError> {
    let foreign = |what: String| BackendError::Foreign { path: path.to_owned(), what };
    let superblock = match Superblock::read(file, path) {
        Err(Ext4Error::Io(error)) => return Err(error.into()),
        Err(other) => return Err(foreign(other.to_string())),
        Ok(superblock) => superblock,
    };
    if superblock.uuid() != found.identity.id.uuid().into_bytes() || superblock.label() != LABEL {
        return Err(foreign("the ext4 filesystem in it is not this volume's".into()));
    }
    if superblock.size_bytes() != Some(found.identity.size_bytes) {
        return Err(foreign("the ext4 filesystem in it has another size than the volume".into()));
    }
    if superblock.error_count() > 0 {
        tracing::warn!(path = %path.display(), errors = superblock.error_count(), "the filesystem has errors on record");
    }
    Ok(())
}

/// Writes everything back, so that a failing disk is noticed now: an unmount does not report it.
fn write_back(mount_point: &Path, device: &Path) -> Result<(), BackendError> {
    let Err(error) = files::sync_filesystem(&Dir::open(mount_point)?) else { return Ok(()) };
    if ext4::mounted_error_count(device)? == 0 {
        return Err(error.into());
    }
    // The filesystem has stopped itself and will never write again; keeping it mounted saves nothing.
    tracing::error!(%error, device = %device.display(), "unmounting a filesystem that has failed");
    Ok(())
}

fn busy(id: VolumeId, device_number: u64) -> Result<BackendError, BackendError> {
    Ok(BackendError::Busy { id, holders: holders_of(device_number)? })
}

fn holders_of(device_number: u64) -> Result<Vec<Holder>, BackendError> {
    let holders = holders::of_filesystem(device_number)?.into_iter();
    Ok(holders.map(|holder| Holder::new(holder.pid, holder.command)).collect())
}
