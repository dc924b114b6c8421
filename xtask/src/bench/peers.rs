//! The same work with the system's own programs, as an operator would do it by hand.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Failure};

/// An image and a mount point beside the server's data directory, on the same disk.
pub(super) struct ByHand {
    image: PathBuf,
    mount_point: PathBuf,
    size_bytes: u64,
}

impl ByHand {
    pub(super) fn new(folder: &Path, size_bytes: u64) -> Result<Self, Failure> {
        let mount_point = folder.join("by-hand");
        fs::create_dir(&mount_point).map_err(Failure::file("cannot make", &mount_point))?;
        Ok(Self { image: folder.join("by-hand.img"), mount_point, size_bytes })
    }

    /// `truncate` and `mkfs.ext4`.
    pub(super) fn make(&self) -> Result<(), Failure> {
        let size = self.size_bytes.to_string();
        run::capture(run::command("truncate", ["-s".as_ref(), size.as_ref(), self.image.as_os_str()]))?;
        run::capture(run::command("mkfs.ext4", ["-q".as_ref(), "-F".as_ref(), self.image.as_os_str()]))
            .map(drop)
    }

    /// `losetup` and `mount`; answers the device.
    pub(super) fn attach(&self) -> Result<String, Failure> {
        let options = ["--find", "--show", "--direct-io=on"].map(AsRef::as_ref);
        let device =
            run::capture(run::command("losetup", options.into_iter().chain([self.image.as_os_str()])))?;
        let device = device.trim().to_owned();
        run::capture(run::command("mount", [device.as_ref(), self.mount_point.as_os_str()]))?;
        Ok(device)
    }

    /// `umount` and `losetup -d`.
    pub(super) fn detach(&self, device: &str) -> Result<(), Failure> {
        run::capture(run::command("umount", [&self.mount_point]))?;
        run::capture(run::command("losetup", ["-d", device])).map(drop)
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        fs::remove_file(&self.image).map_err(Failure::file("cannot remove", &self.image))
    }
}

/// Runs a line of a shell; answers what it wrote.
pub(super) fn shell(line: &str) -> Result<String, Failure> {
    run::capture(run::command("sh", ["-ec", line]))
}
