//! Replaying the journal in a clone of a live filesystem.
//!
//! A clone of a mounted volume is what a power cut at that instant would have left. Mounting it once replays the journal and
//! deletes files that were open without a name. The mount is in no namespace, so no other process sees it.
//!
//! **Crash safety.** Mount and device go with our descriptors. The images replayed here still have temporary names: after a crash
//! they are discarded. So the replay sends no flushes; the caller makes the image durable before it gets its name.

use std::fs::File;
use std::path::Path;

use miosa_effects::detached::{self, Purpose};
use miosa_effects::ext4::{Ext4Error, Superblock};
use miosa_effects::loopdev;
use miosa_failpoint::failpoint;

use crate::BackendError;
use crate::local::attach::wait_until_gone;

/// Replays the journal of the ext4 filesystem in `image`, if there is one to replay. The image must not be open elsewhere, and is
/// not when this returns. `mark` is the mark of the loop device used.
pub(crate) fn replay(image: &File, path: &Path, mark: &str) -> Result<(), BackendError> {
    if !Superblock::read(image, path)?.needs_replay() {
        return Ok(());
    }
    // A replay is some dozen small reads and writes, one after the other. In the page cache none of them waits for a disk.
    let device = loopdev::attach_cached(image, mark)?;
    failpoint!("backend.replay.after-attach")?;
    let mounted = detached::mount_ext4(&device.path, Purpose::Replay)?;
    failpoint!("backend.replay.after-mount")?;
    drop(mounted);
    let device_path = device.path.clone();
    drop(device);
    wait_until_gone(&device_path, mark)?;
    // An unmount by closing a descriptor reports no error.
    if Superblock::read(image, path)?.needs_replay() {
        return Err(Ext4Error::NotReplayed(path.to_owned()).into());
    }
    Ok(())
}
