//! Finishing what a clone of a live filesystem has in its journal, so that nobody who opens it later has to.
//!
//! A clone of a mounted volume is what a power cut at that instant would have left. Mounting it once replays the journal and
//! deletes the files that were open without a name; the mount is seen by nobody.
//!
//! **Crash story.** Mount and device go with our descriptors. A replay that was cut off is begun again by the next mount, but
//! the images that are replayed here have temporary names still, and are thrown away instead.

use std::fs::File;
use std::path::Path;

use miosa_effects::detached::{self, Purpose};
use miosa_effects::ext4::{Ext4Error, Superblock};
use miosa_effects::loopdev;
use miosa_failpoint::failpoint;

use crate::BackendError;
use crate::attach::wait_until_gone;

/// Replays the journal of the ext4 filesystem in `image`, which nobody else has open, if there is anything to replay. Nothing
/// uses the image when this answers. `mark` is what the loop device says of itself meanwhile.
pub(crate) fn replay(image: &File, path: &Path, mark: &str) -> Result<(), BackendError> {
    if !Superblock::read(image, path)?.needs_replay() {
        return Ok(());
    }
    let device = loopdev::attach(image, mark)?;
    failpoint!("backend.replay.after-attach")?;
    let mounted = detached::mount_ext4(&device.path, Purpose::Replay)?;
    failpoint!("backend.replay.after-mount")?;
    drop(mounted);
    let device_path = device.path.clone();
    drop(device);
    wait_until_gone(&device_path, mark)?;
    // The unmount had nobody to report an error to.
    if Superblock::read(image, path)?.needs_replay() {
        return Err(Ext4Error::NotReplayed(path.to_owned()).into());
    }
    Ok(())
}
