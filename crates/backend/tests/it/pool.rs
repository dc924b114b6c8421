//! Opening and making pools: what is ours is adopted, everything else refused and left as it was.

use std::fs;
use std::process::Command;

use miosa_backend::conformance::World;
use miosa_backend::{BackendError, LocalBackend, PoolConfig, VolumeBackend};
use miosa_domain::size::{GIB, MIB};
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{Local, output_of, traces_of};

fn config(dir: &PoolDir) -> PoolConfig {
    PoolConfig { dir: dir.path().to_owned(), image_size_bytes: 512 * MIB }
}

/// Two agents in one pool would each believe to be alone.
#[test]
fn a_pool_is_opened_once() {
    let local = Local::on(PoolDir::xfs());
    let second = LocalBackend::open(&local.config);
    assert!(matches!(second, Err(BackendError::Locked { .. })), "{second:?}");
}

#[test]
fn somebody_elses_directory_is_refused() {
    let dir = PoolDir::xfs();
    fs::write(dir.path().join("thesis.txt"), "somebody's only copy").unwrap();
    let refusal = LocalBackend::open(&config(&dir)).unwrap_err();
    assert!(matches!(refusal, BackendError::Foreign { .. }), "{refusal}");
    assert!(refusal.to_string().contains("thesis.txt"), "{refusal}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_pool_of_another_format_is_refused() {
    for identity in ["", "{}", r#"{"magic":"other","version":1}"#, r#"{"magic":"miosa-pool","version":2}"#] {
        let dir = PoolDir::plain();
        fs::write(dir.path().join("pool.json"), identity).unwrap();
        let refusal = LocalBackend::open(&config(&dir));
        assert!(matches!(refusal, Err(BackendError::Foreign { .. })), "{identity:?}: {refusal:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

/// Once an image was recorded it is never made anew: an empty pool in its place would say that all volumes are gone.
#[test]
fn a_lost_or_foreign_image_is_refused() {
    let dir = PoolDir::plain();
    let (config, image) = (config(&dir), dir.path().join("pool.img"));
    LocalBackend::open(&config).unwrap().shutdown().unwrap();
    let aside = dir.path().join("aside");
    fs::rename(&image, &aside).unwrap();
    let refusal = LocalBackend::open(&config).unwrap_err();
    assert!(matches!(refusal, BackendError::Unusable { .. }), "{refusal}");
    assert!(!image.exists());

    let foreign = fs::File::create(&image).unwrap();
    foreign.set_len(512 * MIB).unwrap();
    output_of(Command::new("mkfs.xfs").args(["-q", "-L", "miosa-pool"]).arg(&image));
    let refusal = LocalBackend::open(&config).unwrap_err();
    assert!(matches!(refusal, BackendError::Foreign { .. }), "{refusal}");
    assert!(traces_of(dir.path()).is_empty(), "the foreign image was attached");

    fs::rename(&aside, &image).unwrap();
    LocalBackend::open(&config).unwrap().shutdown().unwrap();
    assert_eq!(traces_of(dir.path()), Vec::<String>::new());
}

#[test]
fn a_foreign_mount_in_the_pool_is_refused() {
    let dir = PoolDir::plain();
    let config = config(&dir);
    LocalBackend::open(&config).unwrap().shutdown().unwrap();
    for folder in ["fs", "mounts"] {
        let path = dir.path().join(folder);
        output_of(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&path));
        let refusal = LocalBackend::open(&config).unwrap_err();
        assert!(matches!(&refusal, BackendError::Foreign { path: found, .. } if *found == path), "{refusal}");
        output_of(Command::new("umount").arg(&path));
    }
    fs::write(dir.path().join("fs/notes.txt"), "somebody's only copy").unwrap();
    dir.unmount_all();
    fs::write(dir.path().join("fs/notes.txt"), "somebody's only copy").unwrap();
    let refusal = LocalBackend::open(&config).unwrap_err();
    assert!(matches!(&refusal, BackendError::Foreign { .. }), "{refusal}");
}

#[test]
fn an_image_that_does_not_fit_is_refused_before_anything_is_made() {
    for image_size_bytes in [100 * MIB, 1 << 60] {
        let dir = PoolDir::plain();
        let refusal = LocalBackend::open(&PoolConfig { dir: dir.path().to_owned(), image_size_bytes });
        assert!(matches!(refusal, Err(BackendError::Unusable { .. })), "{refusal:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

/// A missing directory is made; a path through a symbolic link means the same pool.
#[test]
fn the_directory_may_be_missing_or_reached_by_a_link() {
    let dir = PoolDir::xfs();
    let real = dir.path().join("a/b");
    let config = PoolConfig { dir: real.clone(), image_size_bytes: GIB };
    LocalBackend::open(&config).unwrap().shutdown().unwrap();
    std::os::unix::fs::symlink(&real, dir.path().join("link")).unwrap();
    let by_link = LocalBackend::open(&PoolConfig { dir: dir.path().join("link"), ..config }).unwrap();
    let id = crate::world::new_id();
    by_link.create(id, GIB).unwrap();
    let mount_point = real.join("mounts").join(id.to_string());
    assert_eq!(by_link.stage(id).unwrap().mount_point(), Some(mount_point.as_path()));
    by_link.unstage(id).unwrap();
    by_link.shutdown().unwrap();
}

/// Shutting down removes what opening made in the kernel, and nothing while a volume is staged.
#[test]
fn shutting_down_leaves_a_clean_host() {
    for dir in [PoolDir::plain(), PoolDir::xfs(), PoolDir::btrfs()] {
        let mut local = Local::with_image_size(dir, 512 * MIB);
        let id = local.created();
        local.backend().stage(id).unwrap();
        let before = traces_of(local.dir.path());
        local.backend().shutdown().unwrap();
        assert_eq!(traces_of(local.dir.path()), before);
        local.restart();
        local.backend().unstage(id).unwrap();
        local.backend().shutdown().unwrap();
        assert_eq!(traces_of(local.dir.path()), Vec::<String>::new());
    }
}

/// The pool unmounted under a running backend must not make its volumes look absent.
#[test]
fn a_pool_that_vanished_is_not_empty() {
    let local = Local::with_image_size(PoolDir::plain(), 512 * MIB);
    let id = local.created();
    let unmounted = Command::new("umount").arg(local.config.dir.join("fs")).output().unwrap();
    assert!(!unmounted.status.success(), "open directories should keep it mounted");
    output_of(Command::new("umount").arg("--lazy").arg(local.config.dir.join("fs")));
    let observed = local.backend().observe(id).unwrap();
    assert!(matches!(observed.image, miosa_backend::ImageState::Present { .. }), "{observed:?}");
}
