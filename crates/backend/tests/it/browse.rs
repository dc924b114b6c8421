//! The files in snapshots: whatever a workload has made of them, nothing leads out, hangs or panics.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;

use miosa_backend::{
    BackendError, ChangedFile, FileChange, FileInfo, FileKind, SnapshotFiles, Snapshots, VolumeBackend,
};
use miosa_domain::size::GIB;
use miosa_testkit::pool_dir::PoolDir;

use crate::snapshot::take;
use crate::world::{Local, new_id, output_of};

fn names(entries: &[FileInfo]) -> Vec<&[u8]> {
    entries.iter().map(|entry| entry.name.as_slice()).collect()
}

fn special(path: &Path, kind: &str) {
    let mut command = Command::new("mknod");
    command.arg(path).arg(kind);
    if kind != "p" {
        command.args(["1", "5"]);
    }
    output_of(&mut command);
}

fn fill(root: &Path) {
    fs::create_dir_all(root.join("etc/below")).unwrap();
    fs::write(root.join("etc/passwd"), "the volume's own").unwrap();
    fs::write(root.join("etc/below/file"), "deep").unwrap();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("../../../../../../etc/passwd", root.join("relative")).unwrap();
    symlink("/etc", root.join("folder")).unwrap();
    symlink("/proc/self/root/etc/hostname", root.join("magic")).unwrap();
    symlink("self", root.join("self")).unwrap();
    symlink(OsStr::from_bytes(b"\xff\n"), root.join("dangling")).unwrap();
    special(&root.join("pipe"), "p");
    special(&root.join("device"), "c");
    fs::write(root.join(OsStr::from_bytes(b"bad \xff\xfe\n\x1b[31m")), "odd").unwrap();
    File::create(root.join("huge")).unwrap().set_len(1 << 40).unwrap();
}

#[test]
fn hostile_files_are_shown_as_they_are() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    fill(&mount_point);
    let (id, _) = take(&local, volume);
    local.backend().unstage(volume).unwrap();
    let files = local.backend().open_files(id).unwrap();

    for path in ["/etc/passwd", "/absolute", "/relative", "/folder/passwd", "etc/passwd", "/../../etc/passwd"]
    {
        assert_eq!(files.read(path.as_bytes(), 0, 100).unwrap(), b"the volume's own", "{path}");
    }
    for path in ["/magic", "/self", "/dangling", "/etc/passwd/x", "/no", "/a\0b"] {
        let refusal = files.read(path.as_bytes(), 0, 100);
        assert!(matches!(refusal, Err(BackendError::NoSuchFile { .. })), "{path}: {refusal:?}");
    }
    for path in ["/pipe", "/device", "/etc", "/folder", "/"] {
        let refusal = files.read(path.as_bytes(), 0, 100);
        assert!(matches!(refusal, Err(BackendError::OtherKind { .. })), "{path}: {refusal:?}");
    }
    for path in ["/etc/passwd", "/pipe", "/folder", "/absolute"] {
        let refusal = files.list(path.as_bytes(), None, 9);
        assert!(matches!(refusal, Err(BackendError::OtherKind { .. })), "{path}: {refusal:?}");
    }
    assert!(matches!(files.list(b"/no", None, 9), Err(BackendError::NoSuchFile { .. })));
    assert!(matches!(files.list(b"/etc/passwd/x", None, 9), Err(BackendError::NoSuchFile { .. })));

    let dangling = files.stat(b"/dangling").unwrap();
    assert_eq!((dangling.kind, dangling.symlink_target.unwrap()), (FileKind::Symlink, b"\xff\n".to_vec()));
    assert_eq!(files.stat(b"/device").unwrap().kind, FileKind::Other);
    assert_eq!(files.stat(b"/folder/below").unwrap().kind, FileKind::Directory);
    assert_eq!(files.stat(b"/").unwrap().name, b"");
    let all = files.list(b"/", None, 100).unwrap();
    let mut sorted = names(&all);
    sorted.sort();
    assert_eq!(names(&all), sorted);
    assert!(sorted.contains(&b"bad \xff\xfe\n\x1b[31m".as_slice()));
    assert_eq!(names(&files.list(b"/", Some(b"device"), 2).unwrap()), [b"etc".as_slice(), b"folder"]);
    assert_eq!(files.read(b"/huge", (1 << 40) - 2, 100).unwrap(), [0, 0]);
}

/// Sees every kind of change between two snapshots, in the order of the paths, and nothing else.
#[test]
fn changes_are_found() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let root = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    for path in ["same", "edited", "touched", "removed", "becomes-folder"] {
        fs::write(root.join(path), "12345").unwrap();
    }
    for path in ["dir/deep/er", "old/deep", "becomes-file"] {
        fs::create_dir_all(root.join(path)).unwrap();
        fs::write(root.join(path).join("file"), "x").unwrap();
    }
    let (older, _) = take(&local, volume);
    fs::write(root.join("edited"), "54321").unwrap();
    output_of(Command::new("chmod").arg("600").arg(root.join("touched")));
    fs::remove_file(root.join("removed")).unwrap();
    fs::remove_file(root.join("becomes-folder")).unwrap();
    fs::create_dir(root.join("becomes-folder")).unwrap();
    fs::write(root.join("becomes-folder/new"), "abc").unwrap();
    fs::remove_dir_all(root.join("becomes-file")).unwrap();
    fs::write(root.join("becomes-file"), "now").unwrap();
    fs::write(root.join("dir/deep/er/file"), "y").unwrap();
    fs::remove_dir_all(root.join("old")).unwrap();
    fs::write(root.join("added"), "1234567").unwrap();
    let (newer, _) = take(&local, volume);
    local.backend().unstage(volume).unwrap();

    let (newer, older) =
        (local.backend().open_files(newer).unwrap(), local.backend().open_files(older).unwrap());
    use FileChange::{Added, Modified, Removed};
    let expected = [
        ("/added", Added),
        ("/becomes-file", Modified),
        ("/becomes-file/file", Removed),
        ("/becomes-folder", Modified),
        ("/becomes-folder/new", Added),
        ("/dir/deep/er/file", Modified),
        ("/edited", Modified),
        ("/old", Removed),
        ("/old/deep", Removed),
        ("/old/deep/file", Removed),
        ("/removed", Removed),
        ("/touched", Modified),
    ];
    let found = changes(&*newer, &*older);
    let found: Vec<_> =
        found.iter().map(|file| (std::str::from_utf8(&file.path).unwrap(), file.change)).collect();
    assert_eq!(found, expected);
    assert_eq!(changes(&*newer, &*newer), []);
    let mut count = 0;
    let stopped = newer.changed_since(&*older, &mut |_| {
        count += 1;
        if count == 3 { Err(std::io::Error::other("enough")) } else { Ok(()) }
    });
    assert!(stopped.unwrap_err().to_string().contains("enough"));
    assert_eq!(count, 3);
}

fn changes(newer: &dyn SnapshotFiles, older: &dyn SnapshotFiles) -> Vec<ChangedFile> {
    let mut changes = Vec::new();
    newer
        .changed_since(older, &mut |change| {
            changes.push(change);
            Ok(())
        })
        .unwrap();
    changes
}

/// Deeper than any path that the kernel takes, and wider than what is held in memory at once.
#[test]
fn deep_and_wide_trees_are_compared() {
    let local = Local::on(PoolDir::xfs());
    let volume = new_id();
    local.backend().create(volume, GIB).unwrap();
    let root = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    let (older, _) = take(&local, volume);
    let name = CString::new("d".repeat(250)).unwrap();
    let mut at = File::open(&root).unwrap();
    for _level in 0..40 {
        rustix::fs::mkdirat(&at, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        at = rustix::fs::openat(&at, &name, flags, rustix::fs::Mode::empty()).unwrap().into();
    }
    rustix::fs::symlinkat("/bottom", &at, "link").unwrap();
    drop(at);
    fs::create_dir(root.join("wide")).unwrap();
    for number in 0..16_500 {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join(format!("wide/{number}")),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
    }
    let (newer, _) = take(&local, volume);
    local.backend().unstage(volume).unwrap();
    let (newer, older) =
        (local.backend().open_files(newer).unwrap(), local.backend().open_files(older).unwrap());
    let found = changes(&*newer, &*older);
    assert_eq!(found.len(), 40 + 1 + 1 + 16_500);
    assert!(found.iter().all(|file| file.change == FileChange::Added));
    assert!(found.is_sorted_by(|a, b| a.path < b.path));
    assert_eq!(found[40].path.len(), 40 * 251 + 5);
    assert_eq!(newer.stat(&found[40].path).unwrap().symlink_target.unwrap(), b"/bottom");
}

/// Blocks overwritten at random, in an image that was good: the answers are right or errors.
#[test]
fn damaged_images_give_errors() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let root = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    fill(&root);
    for number in 0..300 {
        fs::write(root.join("etc").join(number.to_string()), "content").unwrap();
    }
    let (id, _) = take(&local, volume);
    local.backend().unstage(volume).unwrap();
    let image = local.snapshot_image(id);
    let good = fs::read(&image).unwrap();
    output_of(Command::new("chattr").arg("-i").arg(&image));
    let damaged = File::options().write(true).open(&image).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut errors = 0;
    for _round in 0..12 {
        damaged.write_all_at(&good[..8 << 20], 0).unwrap();
        for _block in 0..150 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Past the superblock; most of the metadata lies at the beginning.
            damaged.write_all_at(&random.to_le_bytes(), 4096 + (random >> 20) % (8 << 20)).unwrap();
        }
        damaged.sync_all().unwrap();
        errors += usize::from(walk(&local, id).is_err());
    }
    assert!(errors > 0, "nothing was damaged");
    damaged.write_all_at(&good[..8 << 20], 0).unwrap();
    damaged.sync_all().unwrap();
    walk(&local, id).unwrap();
}

fn walk(local: &Local, id: miosa_domain::SnapshotId) -> Result<(), BackendError> {
    let files = local.backend().open_files(id)?;
    for path in ["/", "/etc", "/etc/below"] {
        for entry in files.list(path.as_bytes(), None, 1000)? {
            let path = [path.as_bytes(), b"/", &entry.name].concat();
            files.stat(&path)?;
            match files.read(&path, 0, 1 << 16) {
                Err(BackendError::OtherKind { .. } | BackendError::NoSuchFile { .. }) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
