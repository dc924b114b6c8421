//! Filesystem images as a test looks into them by itself, with nothing of the product in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, wait_until};

/// An image, mounted read-only until this is dropped. A journal that was not replayed makes the mount fail, because there is
/// nothing that it could be written to.
#[derive(Debug)]
pub struct Look {
    path: PathBuf,
}

impl Look {
    /// The mount lies in the server's folder, so that it ends with the server if the test does.
    #[track_caller]
    pub fn into(server: &Server, image: &Path) -> Self {
        // Named after the snapshot or volume.
        let name = image.parent().and_then(Path::file_name).expect("an image lies in a folder of its own");
        let path = server.folder().join("looks").join(name);
        fs::create_dir_all(&path).expect("the folder can be written");
        run(Command::new("mount").args(["-t", "ext4", "-o", "ro,loop"]).args([image, &path]));
        Self { path }
    }

    /// The root of the filesystem.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        // Other threads start programs, which have our open files until they begin.
        let unmount =
            || Command::new("umount").arg(&self.path).output().is_ok_and(|done| done.status.success());
        if std::thread::panicking() {
            unmount();
        } else {
            wait_until(&format!("nobody to use {}", self.path.display()), || unmount().then_some(()));
        }
    }
}

/// Asserts that `e2fsck` finds nothing at all in the image. It only reads.
#[track_caller]
pub fn assert_no_fault(image: &Path) {
    run(Command::new("e2fsck").arg("-fn").arg(image));
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}
