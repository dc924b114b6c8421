//! Removing a volume's or a snapshot's folder without delaying others.
//!
//! An image is not simply unlinked: XFS would free its blocks later, all at once, and a clone made at that moment would wait. The
//! image is truncated piece by piece from its end, each piece in a turn of its own, and unlinked when it is empty.
//!
//! **Crash safety.** A folder removed here already has a temporary name. After a crash, the next call for its ID or the next start
//! finds it by that name and continues.

use std::fs::File;
use std::path::Path;

use miosa_effects::{Dir, Entry, SysError, fiemap, files};
use miosa_failpoint::failpoint;

use crate::BackendError;
use crate::local::checksum::CHECKSUM_FILE;
use crate::local::identity::IDENTITY_FILE;
use crate::local::observe::IMAGE;
use crate::local::pool::Pool;

/// All that a volume has in its folder.
pub(crate) const VOLUME_FILES: &[&str] = &[IMAGE, IDENTITY_FILE];

/// What [`Dir::replace_file`] leaves of a checksum when it is cut off.
const CHECKSUM_TEMPORARY: &str = ".tmp-checksum.json";

/// All that a snapshot has in its folder.
pub(crate) const SNAPSHOT_FILES: &[&str] = &[IMAGE, IDENTITY_FILE, CHECKSUM_FILE, CHECKSUM_TEMPORARY];

/// Extents freed in one step: some milliseconds.
const STEP_EXTENTS: usize = 1000;

impl Pool {
    /// Removes a folder of ours that holds nothing but `files`, if it is there. `Ok(false)`: it holds something else, and
    /// stays as it is.
    pub(crate) fn remove_folder(
        &self,
        place: &Dir,
        name: &str,
        files: &[&str],
    ) -> Result<bool, BackendError> {
        match place.entry(name)? {
            None => return Ok(true),
            Some(Entry::Dir) => {}
            Some(_) => return Ok(false),
        }
        let folder = place.open_dir(name)?;
        if !holds_only(&folder, files)? {
            return Ok(false);
        }
        // The image first: as long as there is anything, the name is there to find it by.
        if let Some(Entry::File(_)) = folder.entry(IMAGE)? {
            self.remove_image(&folder)?;
        }
        failpoint!("backend.remove.after-image")?;
        for file in files {
            folder.remove_file(file)?;
        }
        place.remove_dir(name)?;
        Ok(true)
    }

    /// Like [`Pool::remove_folder`], for callers who need the name.
    pub(crate) fn clear_folder(&self, place: &Dir, name: &str, files: &[&str]) -> Result<(), BackendError> {
        if self.remove_folder(place, name, files)? {
            return Ok(());
        }
        Err(not_only_ours(&place.path().join(name)))
    }

    fn remove_image(&self, folder: &Dir) -> Result<(), BackendError> {
        let path = folder.path().join(IMAGE);
        let removal = self.turns.removal();
        files::set_immutable(&folder.open_file(IMAGE, false)?, false, &path)?;
        let image = folder.open_file(IMAGE, true)?;
        for cut in cuts(&image, &path)?.into_iter().rev() {
            let _step = removal.step();
            image.set_len(cut).map_err(|error| SysError::new("shorten", &path, error))?;
            failpoint!("backend.remove.after-step")?;
        }
        folder.remove_file(IMAGE)?;
        Ok(())
    }
}

/// Where to cut so that each piece has few extents; the first cut is the beginning of the file.
fn cuts(image: &File, path: &Path) -> Result<Vec<u64>, SysError> {
    let mut cuts = vec![0];
    for extent in fiemap::extents(image, path, 0..u64::MAX).skip(STEP_EXTENTS).step_by(STEP_EXTENTS) {
        cuts.push(extent?.logical_bytes);
    }
    Ok(cuts)
}

pub(crate) fn holds_only(folder: &Dir, files: &[&str]) -> Result<bool, BackendError> {
    Ok(folder.names()?.iter().all(|name| name.to_str().is_some_and(|name| files.contains(&name))))
}

pub(crate) fn not_only_ours(path: &Path) -> BackendError {
    BackendError::Foreign { path: path.to_owned(), what: "there are files in it that are not ours".into() }
}
