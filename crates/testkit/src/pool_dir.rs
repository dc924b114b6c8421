//! A scratch directory for a pool, on a filesystem of the wanted kind, that leaves a clean host whatever happens.
//!
//! ```text
//!   <temp>/disk.img ──► loop ──► <temp>/disk  (XFS or Btrfs)      <temp>/disk/pool  is the pool's directory
//!   <temp>/pool                                                   on the host's own filesystem
//! ```

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use miosa_effects::{loopdev, mount, process};
use tempfile::TempDir;

use crate::server::remains;

/// Large enough for what tests write, and sparse.
const DISK_BYTES: u64 = 4 << 30;

/// A directory for one pool. On drop, also by a panic, everything mounted below it is unmounted, every loop device on a file
/// in it is gone, and it is removed.
#[derive(Debug)]
pub struct PoolDir {
    temp: TempDir,
    pool: PathBuf,
}

impl PoolDir {
    /// On the host's filesystem for temporary files, whatever that is.
    pub fn plain() -> Self {
        let temp = scratch();
        let pool = temp.path().join("pool");
        fs::create_dir(&pool).expect("make the pool's directory");
        Self { temp, pool }
    }

    /// On an XFS filesystem of its own.
    pub fn xfs() -> Self {
        Self::on_disk("xfs", &["-q", "-m", "reflink=1,crc=1"])
    }

    /// On a Btrfs filesystem of its own.
    pub fn btrfs() -> Self {
        Self::on_disk("btrfs", &["-q"])
    }

    fn on_disk(fs_type: &str, mkfs_options: &[&str]) -> Self {
        let temp = scratch();
        let (image, disk) = (temp.path().join("disk.img"), temp.path().join("disk"));
        let pool = disk.join("pool");
        // From here on a panic cleans up too.
        let pool_dir = Self { temp, pool };
        File::create_new(&image).and_then(|file| file.set_len(DISK_BYTES)).expect("make the disk's image");
        let options = mkfs_options.iter().map(OsStr::new);
        let args: Vec<_> = options.chain([image.as_os_str()]).collect();
        process::run(&format!("mkfs.{fs_type}"), &args).expect("format the disk");
        fs::create_dir(&disk).expect("make the mount point");
        let file = File::options().read(true).write(true).open(&image).expect("open the disk's image");
        let device = loopdev::attach(&file, "miosa-testkit").expect("attach the disk");
        mount::mount_device(&device.path, &disk, fs_type, "", true).expect("mount the disk");
        fs::create_dir(&pool_dir.pool).expect("make the pool's directory");
        pool_dir
    }

    /// The pool's directory: empty at first.
    pub fn path(&self) -> &Path {
        &self.pool
    }

    /// What a power cut leaves of the kernel's state: no mount below the pool's directory, no loop device on a file in it.
    /// Data stays. The disk below the pool, if there is one, stays too.
    pub fn unmount_all(&self) {
        unmount_below(&self.pool);
    }
}

impl Drop for PoolDir {
    fn drop(&mut self) {
        unmount_below(self.temp.path());
        if mount::table().is_ok_and(|table| mount::below(&table, self.temp.path()).is_empty()) {
            remains::make_removable(self.temp.path());
        }
    }
}

fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("miosa-pool-").tempdir().expect("make a scratch directory")
}

/// Unmounts everything at and below `path` and detaches every loop device on a file below it.
fn unmount_below(path: &Path) {
    // Detached while mounted, a device goes with its mount.
    let devices = loop_devices_below(path);
    for device in &devices {
        let _already_gone = process::run("losetup", &[OsStr::new("-d"), device.as_os_str()]);
    }
    let table = mount::table().unwrap_or_default();
    for mounted in mount::below(&table, path) {
        // A process of the test may still be on its way out.
        eventually(|| !matches!(mount::unmount(&mounted.mount_point), Ok(false)));
    }
    eventually(|| loop_devices_below(path).is_empty());
    for device in devices {
        // With the settings that a pool made on it.
        let _in_use_again = loopdev::retire(&device);
    }
}

/// Gives the kernel some seconds to come to rest. What is not done by then is found by whoever checks for a clean host.
fn eventually(done: impl Fn() -> bool) {
    for _attempt in 0..200 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn loop_devices_below(path: &Path) -> Vec<PathBuf> {
    let blocks = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let below = |entry: &fs::DirEntry| {
        let file = fs::read_to_string(entry.path().join("loop/backing_file"));
        file.is_ok_and(|file| Path::new(file.trim_end()).starts_with(path))
    };
    blocks.filter(below).map(|entry| Path::new("/dev").join(entry.file_name())).collect()
}
