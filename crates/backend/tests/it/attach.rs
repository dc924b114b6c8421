//! One image, one device, one mount; and nobody's writes lost on the way out.

use std::fs;
use std::path::Path;
use std::process::Command;

use miosa_backend::conformance::World;
use miosa_backend::{BackendError, Changed, VolumeBackend};
use miosa_effects::{loopdev, mount};
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{KilledOnDrop, Local, output_of, traces_of};

/// The device is as architecture asks: direct I/O, autoclear, and a mount with exactly the options we chose.
#[test]
fn devices_and_mounts_have_the_right_options() {
    for dir in [PoolDir::xfs(), PoolDir::btrfs(), PoolDir::plain()] {
        let local = Local::on(dir);
        let id = local.created();
        let staged = local.backend().stage(id).unwrap();
        let name = staged.device().file_name().unwrap().to_str().unwrap();
        for (attribute, value) in [("dio", "1"), ("autoclear", "1"), ("partscan", "0"), ("offset", "0")] {
            let path = format!("/sys/block/{name}/loop/{attribute}");
            assert_eq!(fs::read_to_string(&path).unwrap().trim(), value, "{path}");
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let line = mounts.lines().find(|line| line.contains(&id.to_string())).unwrap();
        for option in ["rw", "nosuid", "nodev", "relatime", "discard", "errors=remount-ro", "noinit_itable"] {
            assert!(line.split([' ', ',']).any(|word| word == option), "no {option} in {line}");
        }
        let device_number =
            std::os::unix::fs::MetadataExt::dev(&fs::metadata(staged.mount_point().unwrap()).unwrap());
        assert_eq!(staged.device_number(), device_number);
        local.backend().unstage(id).unwrap();
    }
}

/// The pool's own device: direct I/O, and no discard may reach the preallocated image.
#[test]
fn the_pool_image_keeps_its_reserved_blocks() {
    let local = Local::on(PoolDir::plain());
    let device_number = mount::device_mounted_at(&local.config.dir.join("fs")).unwrap().unwrap();
    let name = mount::block_device_name(device_number).unwrap().unwrap();
    assert_eq!(fs::read_to_string(format!("/sys/block/{name}/loop/dio")).unwrap().trim(), "1");
    let allocated =
        || std::os::unix::fs::MetadataExt::blocks(&fs::metadata(local.config.dir.join("pool.img")).unwrap());
    let before = allocated();
    assert!(before * 512 >= local.config.image_size_bytes, "{before} blocks are not the whole image");
    let trimmed = Command::new("fstrim").arg(local.config.dir.join("fs")).output().unwrap();
    assert!(!trimmed.status.success(), "the device takes discards");
    assert_eq!(allocated(), before);
}

/// An image that somebody attached by hand is refused: attached twice, its filesystem would be destroyed.
#[test]
fn an_image_is_not_attached_twice() {
    let local = Local::on(PoolDir::xfs());
    let id = local.created();
    let device = output_of(Command::new("losetup").args(["-f", "--show"]).arg(local.image(id)));
    let refusal = local.backend().stage(id);
    assert!(
        matches!(&refusal, Err(BackendError::Locked { path }) if path == Path::new(device.trim())),
        "{refusal:?}"
    );
    output_of(Command::new("losetup").args(["-d", device.trim()]));
    local.backend().stage(id).unwrap();
    local.backend().unstage(id).unwrap();
}

/// The lock on an image must last as long as the device, not as long as the process that took it.
#[test]
fn the_device_holds_the_lock_of_its_image() {
    let mut local = Local::on(PoolDir::xfs());
    let id = local.created();
    local.backend().stage(id).unwrap();
    local.restart();
    let flock =
        || Command::new("flock").args(["-n", "-x"]).arg(local.image(id)).arg("true").status().unwrap();
    assert!(!flock().success(), "the image of an attached device could be locked");
    local.backend().unstage(id).unwrap();
    assert!(flock().success());
}

/// Unmounted by somebody while the device lives on: staging uses that device, and does not make another.
#[test]
fn a_device_without_a_mount_is_used() {
    let local = Local::on(PoolDir::xfs());
    let id = local.created();
    let staged = local.backend().stage(id).unwrap();
    let held = fs::File::open(staged.device()).unwrap();
    assert!(mount::unmount(staged.mount_point().unwrap()).unwrap());
    assert_eq!(local.backend().stage(id).unwrap(), staged);
    drop(held);
    local.backend().unstage(id).unwrap();
    assert_eq!(
        loopdev::status(staged.device()).unwrap().filter(|status| status.mark.contains(&id.to_string())),
        None
    );
}

/// Another filesystem at the mount point, or files in it, are neither used nor covered.
#[test]
fn a_taken_mount_point_is_refused() {
    let local = Local::on(PoolDir::xfs());
    let id = local.created();
    let mount_point = local.config.dir.join("mounts").join(id.to_string());
    fs::create_dir(&mount_point).unwrap();
    fs::write(mount_point.join("notes.txt"), "somebody's only copy").unwrap();
    assert!(matches!(local.backend().stage(id), Err(BackendError::Foreign { .. })));
    fs::remove_file(mount_point.join("notes.txt")).unwrap();

    output_of(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&mount_point));
    assert!(matches!(local.backend().stage(id), Err(BackendError::Foreign { .. })));
    assert!(matches!(local.backend().unstage(id), Err(BackendError::Foreign { .. })));
    assert!(matches!(local.backend().observe(id), Err(BackendError::Foreign { .. })));
    assert!(local.backend().list().unwrap().unknown.contains_key(&id));
    output_of(Command::new("umount").arg(&mount_point));
    local.backend().stage(id).unwrap();
    local.backend().unstage(id).unwrap();
    let device = traces_of(&local.config.dir.join("volumes"));
    assert!(device.is_empty(), "{device:?}");
}

/// An image with another filesystem in it than the one made for this volume is not mounted.
#[test]
fn a_swapped_image_is_refused() {
    let local = Local::on(PoolDir::xfs());
    let (id, other) = (local.created(), local.created());
    fs::copy(local.image(other), local.image(id)).unwrap();
    assert!(matches!(local.backend().stage(id), Err(BackendError::Foreign { .. })));
    fs::write(local.image(id), vec![0; 64 << 20]).unwrap();
    assert!(matches!(local.backend().stage(id), Err(BackendError::Foreign { .. })));
    assert!(traces_of(&local.config.dir.join("volumes")).is_empty());
}

/// A process in a mount namespace of its own that has a private copy of the mount keeps the volume: it must be named,
/// and the volume must be staged as before.
#[test]
fn a_holder_in_another_mount_namespace_is_named() {
    let local = Local::on(PoolDir::xfs());
    let id = local.created();
    let staged = local.backend().stage(id).unwrap();
    fs::write(staged.mount_point().unwrap().join("file"), "acknowledged").unwrap();
    let holder = in_mount_namespace("private");
    match local.backend().unstage(id) {
        Err(BackendError::Busy { holders, .. }) => {
            let pid = holder.0.id();
            let found = holders.iter().find(|holder| holder.pid == pid);
            let found = found.unwrap_or_else(|| panic!("{pid} is not among {holders:?}"));
            assert_eq!(found.command, "sleep 600");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(local.backend().observe(id).unwrap().staged, Some(staged.clone()));
    assert_eq!(fs::read_to_string(staged.mount_point().unwrap().join("file")).unwrap(), "acknowledged");
    drop(holder);
    assert_eq!(local.backend().unstage(id).unwrap(), Changed::Changed);
}

/// A namespace that copied our mounts in the usual way sees them go, and so keeps nothing busy.
#[test]
fn an_unmount_reaches_namespaces_that_copied_it() {
    let local = Local::on(PoolDir::plain());
    let id = local.created();
    local.backend().stage(id).unwrap();
    let _holder = in_mount_namespace("slave");
    assert_eq!(local.backend().unstage(id).unwrap(), Changed::Changed);
}

fn in_mount_namespace(propagation: &str) -> KilledOnDrop {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", propagation, "sleep", "600"]);
    let child = KilledOnDrop(command.spawn().unwrap());
    // It is in its namespace once it runs the program.
    let name = format!("/proc/{}/comm", child.0.id());
    while fs::read_to_string(&name).unwrap().trim() != "sleep" {
        std::thread::yield_now();
    }
    child
}

/// Everything that makes a process a holder must be found: folder, file, memory map.
#[test]
fn holders_are_found_by_every_use() {
    let mut local = Local::on(PoolDir::xfs());
    let id = local.created();
    let mount_point = local.backend().stage(id).unwrap().mount_point().unwrap().to_owned();
    fs::copy("/bin/sleep", mount_point.join("program")).unwrap();
    let sleep = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("600");
        command
    };
    let mut by_folder = sleep(Path::new("sleep"));
    by_folder.current_dir(&mount_point);
    let mut by_file = sleep(Path::new("sleep"));
    by_file.stdin(fs::File::open(mount_point.join("program")).unwrap());
    let by_map = sleep(&mount_point.join("program"));
    for mut command in [by_folder, by_file, by_map] {
        let child = KilledOnDrop(command.spawn().unwrap());
        match local.backend().unstage(id) {
            Err(BackendError::Busy { holders, .. }) => {
                assert!(holders.iter().any(|holder| holder.pid == child.0.id()), "{command:?}: {holders:?}");
            }
            other => panic!("{command:?}: {other:?}"),
        }
    }
    local.restart();
    local.backend().unstage(id).unwrap();
}
