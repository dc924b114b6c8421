//! One overlay filesystem: a read-only lower folder under a writable upper one.
//!
//! The overlay keeps private copies of the mounts that its folders lie on, so the lower folder's mount may be taken away once
//! the overlay stands. After a crash the mount table says whether it does.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::mount::{MountFlags, mount};

use crate::SysError;

/// The folders of an overlay. `upper` and `work` lie on one filesystem.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    pub lower: &'a Path,
    pub upper: &'a Path,
    pub work: &'a Path,
}

/// Mounts the overlay at `target`, `nosuid,nodev`.
pub fn mount_overlay(layers: Layers<'_>, target: &Path) -> Result<(), SysError> {
    let mut options = OsString::new();
    for (name, path) in
        [("lowerdir=", layers.lower), (",upperdir=", layers.upper), (",workdir=", layers.work)]
    {
        options.push(name);
        options.push(escaped(path));
    }
    let options = CString::new(options.into_vec())
        .map_err(|e| SysError::new("mount an overlay at", target, std::io::Error::from(e)))?;
    mount("overlay", target, "overlay", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(|e| SysError::new("mount an overlay at", target, e))
}

/// Commas end an option and colons a lower folder, unless a backslash stands before them.
fn escaped(path: &Path) -> OsString {
    let mut escaped = Vec::with_capacity(path.as_os_str().len());
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'\\' | b',' | b':') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    OsString::from_vec(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::mount::{UnmountFlags, unmount};

    /// Folders with awkward names still make an overlay, and what is written lands in the upper one.
    #[test]
    fn awkward_names_are_escaped() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = folder.path().join("a, b:c\\d").join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (lower, upper, work, target) = (path("lower"), path("upper"), path("work"), path("merged"));
        std::fs::write(lower.join("below"), "x").unwrap();
        mount_overlay(Layers { lower: &lower, upper: &upper, work: &work }, &target).unwrap();
        let seen = target.join("below").exists();
        let written = std::fs::write(target.join("above"), "y");
        unmount(&target, UnmountFlags::empty()).unwrap();
        assert!(seen);
        written.unwrap();
        assert!(upper.join("above").exists());
    }
}
