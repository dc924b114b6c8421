//! Clones of images: the instant of a snapshot, and the first data of a fork or a restored volume.
//!
//! A clone shares all blocks with its source and is made by one system call, at one instant. Writers of a *live* image wait for
//! that call, some microseconds for each extent. The clone of a sealed snapshot delays no writer.
//!
//! **Nothing is frozen.** A live filesystem is written back, then cloned as it is. The clone is consistent as after a power cut at
//! that instant, and contains everything written before the call. A freeze would wait for ever for one process that hangs.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::ext4::Superblock;
use miosa_effects::{Dir, Doing, SysError, fiemap, files, process};
use miosa_failpoint::failpoint;
use rustix::io::Errno;

use crate::BackendError;
use crate::capability::ceil_to_millisecond;
use crate::local::observe::IMAGE;
use crate::local::pool::Pool;
use crate::local::replay::replay;

/// The clone of a live image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveClone {
    pub taken_at: Timestamp,
    pub stall: Duration,
    /// Of the source, right before.
    pub extents: u64,
    pub size_bytes: u64,
}

impl Pool {
    /// Clones the volume's image, which was written back, to `image`, which is empty. The journal in the clone is as it was.
    pub(crate) fn clone_live(
        &self,
        id: VolumeId,
        image: &File,
        path: &Path,
    ) -> Result<LiveClone, BackendError> {
        let (source, _) = self.present(id)?;
        let size_bytes = source.identity.size_bytes;
        let source_path = source.folder.path().join(IMAGE);
        let source = source.folder.open_file(IMAGE, false)?;
        let extents = fiemap::extent_count(&source, &source_path)?;
        let (stall, taken_at) = {
            let _turn = self.turns.clone_turn();
            let begin = Instant::now();
            files::clone_file(&source, image, path)?;
            (begin.elapsed(), Timestamp::now())
        };
        self.calibration.learn(extents, stall);
        if !has_size(image, path, size_bytes)? {
            return Err(BackendError::Missing { id });
        }
        Ok(LiveClone { taken_at: ceil_to_millisecond(taken_at), stall, extents, size_bytes })
    }

    /// Writes back what the volume's filesystem has in memory. It goes before everything that writes to the pool: on a disk
    /// that is stuck, this is what ends within its limit.
    ///
    /// Nothing to do for a volume that is not mounted: the kernel writes back what the page cache has of an image before it
    /// clones it.
    pub(crate) fn write_back(&self, id: VolumeId, limit: Duration) -> Result<(), BackendError> {
        let (_, image) = self.present(id)?;
        let is_done = match self.staged(id, Some(&image))? {
            Some(_) => self.write_back.sync_within(Dir::open(&self.mount_point(id))?, limit)?,
            None => true,
        };
        if is_done { Ok(()) } else { Err(BackendError::WriteBackTimeout { id, limit }) }
    }

    /// Makes the empty `image` the first content of volume `id`: what the snapshot holds, grown to `size_bytes`.
    pub(crate) fn fill_from_snapshot(
        &self,
        image: &File,
        path: &Path,
        snapshot: SnapshotId,
        id: VolumeId,
        size_bytes: u64,
    ) -> Result<(), BackendError> {
        let sealed = self.sealed(snapshot)?;
        let held_bytes = sealed.identity.facts.size_bytes;
        check_grows(held_bytes, size_bytes)?;
        let source = sealed.folder.open_file(IMAGE, false)?;
        {
            let _turn = self.turns.clone_turn();
            files::clone_file(&source, image, path)?;
        }
        if !has_size(image, path, held_bytes)? {
            return Err(BackendError::SnapshotMissing { id: snapshot });
        }
        failpoint!("backend.create.after-snapshot")?;
        make_own(image, path, id, held_bytes, size_bytes)
    }

    /// Clones the volume `source`, which was written back, to the empty `image`: the first half of a fork of `size_bytes`.
    pub(crate) fn clone_for_fork(
        &self,
        image: &File,
        path: &Path,
        source: VolumeId,
        size_bytes: u64,
    ) -> Result<LiveClone, BackendError> {
        check_grows(self.present(source)?.0.identity.size_bytes, size_bytes)?;
        let clone = self.clone_live(source, image, path)?;
        failpoint!("backend.create.after-fork")?;
        Ok(clone)
    }
}

/// The second half: makes the clone in `image` the first content of volume `id`.
pub(crate) fn finish_fork(
    image: &File,
    path: &Path,
    id: VolumeId,
    clone: &LiveClone,
    size_bytes: u64,
) -> Result<(), BackendError> {
    replay(image, path, &format!("miosa-fork:{id}"))?;
    make_own(image, path, id, clone.size_bytes, size_bytes)
}

/// A removal that began after the source was observed may have shortened it before it was cloned.
fn has_size(image: &File, path: &Path, size_bytes: u64) -> Result<bool, SysError> {
    Ok(image.metadata().doing("examine", path)?.len() == size_bytes)
}

fn check_grows(held_bytes: u64, size_bytes: u64) -> Result<(), BackendError> {
    if size_bytes < held_bytes {
        return Err(BackendError::TooSmall { size_bytes, held_bytes });
    }
    Ok(())
}

/// Grows the filesystem in `image` to its new size, and gives it the UUID of its volume.
fn make_own(
    image: &File,
    path: &Path,
    id: VolumeId,
    held_bytes: u64,
    size_bytes: u64,
) -> Result<(), BackendError> {
    if size_bytes > held_bytes {
        image.set_len(size_bytes).doing("set the size of", path)?;
        // It would insist on a check, which a filesystem that was replayed does not need: -f.
        process::run("resize2fs", &["-f".as_ref(), path.as_os_str()])?;
        failpoint!("backend.create.after-resize")?;
    }
    let mut superblock = Superblock::read(image, path)?;
    if superblock.size_bytes() != Some(size_bytes) {
        return Err(SysError::new("grow the filesystem in", path, Errno::FBIG).into());
    }
    Ok(superblock.rewrite_uuid(image, id.uuid().into_bytes())?)
}
