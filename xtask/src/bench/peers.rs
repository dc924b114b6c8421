//! The same work by hand, with the system's own programs.

use std::fs;
use std::path::{Path, PathBuf};

use miosa_testkit::server::Server;

use crate::run::{self, Failure};

/// An image and a mount point in the server's scratch folder, which is removed with the server.
pub(super) struct ByHand {
    image: PathBuf,
    mount_point: PathBuf,
    size_bytes: u64,
}

impl ByHand {
    /// The image is on the host's own filesystem, as is the server's data directory.
    pub(super) fn new(folder: &Path, size_bytes: u64) -> Result<Self, Failure> {
        Self::at(folder.join("by-hand.img"), folder.join("by-hand"), size_bytes)
    }

    /// The same with the image in the filesystem of the server's pool.
    pub(super) fn in_pool(&self, server: &Server) -> Result<Self, Failure> {
        let image = filesystem_of_pool(server).join("by-hand.img");
        Self::at(image, server.folder().join("by-hand-in-pool"), self.size_bytes)
    }

    fn at(image: PathBuf, mount_point: PathBuf, size_bytes: u64) -> Result<Self, Failure> {
        fs::create_dir(&mount_point).map_err(Failure::file("cannot make", &mount_point))?;
        Ok(Self { image, mount_point, size_bytes })
    }

    /// `truncate` and `mkfs.ext4`.
    pub(super) fn make(&self) -> Result<(), Failure> {
        let size = self.size_bytes.to_string();
        run::capture(run::command("truncate", ["-s".as_ref(), size.as_ref(), self.image.as_os_str()]))?;
        run::capture(run::command("mkfs.ext4", ["-q".as_ref(), "-F".as_ref(), self.image.as_os_str()]))
            .map(drop)
    }

    /// `losetup` and `mount`; returns the device.
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

/// The folder on the pool's own filesystem, which is inside the pool's image if it has one.
pub(super) fn filesystem_of_pool(server: &Server) -> PathBuf {
    let inside = server.pool().join("fs");
    if inside.is_dir() { inside } else { server.pool() }
}

/// Runs a line of a shell; returns what it wrote.
pub(super) fn shell(line: &str) -> Result<String, Failure> {
    run::capture(run::command("sh", ["-ec", line]))
}
