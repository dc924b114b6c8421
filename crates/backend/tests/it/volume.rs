//! What is in a new volume, and what becomes of its room.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use miosa_backend::conformance::World;
use miosa_backend::{BackendError, Changed, ImageState, VolumeBackend};
use miosa_domain::size::{GIB, MIB};
use miosa_testkit::pool_dir::PoolDir;

use crate::world::{Local, SIZE_BYTES, new_id, output_of};

/// A clone with a UUID of its own must be a filesystem that e2fsck finds nothing wrong with: fresh, and after it was used.
#[test]
fn a_new_volume_is_a_sound_filesystem_of_its_own() {
    let local = Local::on(PoolDir::xfs());
    let (backend, ids) = (local.backend(), [new_id(), new_id()]);
    for (id, size_bytes) in ids.into_iter().zip([SIZE_BYTES, 50 * GIB]) {
        backend.create(id, size_bytes).unwrap();
        let image = local.image(id);
        output_of(Command::new("e2fsck").arg("-fn").arg(&image));
        let shown = output_of(Command::new("dumpe2fs").arg("-h").arg(&image));
        assert!(shown.contains(&format!("Filesystem UUID:          {id}")), "{shown}");
        assert!(shown.contains("Filesystem volume name:   miosa-volume"), "{shown}");

        let mount_point = backend.stage(id).unwrap().mount_point().unwrap().to_owned();
        fs::create_dir(mount_point.join("many")).unwrap();
        for number in 0..500 {
            fs::write(mount_point.join(format!("many/{number}")), "x").unwrap();
        }
        backend.unstage(id).unwrap();
        output_of(Command::new("e2fsck").arg("-fn").arg(&image));
    }
    let seeds = ids.map(|id| {
        let shown = output_of(Command::new("dumpe2fs").arg("-h").arg(local.image(id)));
        shown.lines().find(|line| line.contains("Hash Seed")).unwrap().to_owned()
    });
    assert_ne!(seeds[0], seeds[1]);
}

/// An empty 500 GB volume must cost the pool next to nothing beyond what it shares with its template.
#[test]
fn empty_volumes_share_their_blocks() {
    let local = Local::on(PoolDir::xfs());
    let backend = local.backend();
    backend.create(new_id(), 500 * GIB).unwrap();
    let before = backend.capacity().unwrap();
    for _ in 0..20 {
        backend.create(new_id(), 500 * GIB).unwrap();
    }
    let each = (backend.capacity().unwrap().used_bytes - before.used_bytes) / 20;
    assert!(each < MIB, "each takes {each} bytes");
}

/// Files deleted in a volume must give their blocks back to the pool.
#[test]
fn deleted_files_give_their_room_back() {
    for dir in [PoolDir::xfs(), PoolDir::btrfs(), PoolDir::plain()] {
        let local = Local::on(dir);
        let id = new_id();
        local.backend().create(id, GIB).unwrap();
        let staged = local.backend().stage(id).unwrap();
        let allocated = || match local.backend().observe(id).unwrap().image {
            ImageState::Present { allocated_bytes, .. } => allocated_bytes,
            other => panic!("{other:?}"),
        };
        let file = staged.mount_point().unwrap().join("file");
        fs::write(&file, vec![0x5a; 64 << 20]).unwrap();
        output_of(Command::new("sync").arg("-f").arg(&file));
        let full = allocated();
        assert!(full >= 64 * MIB, "{full}");
        fs::remove_file(&file).unwrap();
        // A journal commit discards; what fstrim finds beyond that is discarded too.
        output_of(Command::new("sync").arg("-f").arg(staged.mount_point().unwrap()));
        output_of(Command::new("fstrim").arg(staged.mount_point().unwrap()));
        let after = allocated();
        assert!(after + 60 * MIB <= full, "{full} bytes before, {after} after");
        local.backend().unstage(id).unwrap();
    }
}

/// At 90 % new volumes are refused, while those that exist can be used, and removed to make room.
#[test]
fn a_full_pool_takes_no_new_volume() {
    let local = Local::with_image_size(PoolDir::plain(), 512 * MIB);
    let backend = local.backend();
    let id = local.created();
    let mount_point = backend.stage(id).unwrap().mount_point().unwrap().to_owned();
    let capacity = backend.capacity().unwrap();
    let ballast = local.config.dir.join("fs/ballast");
    let wanted_bytes = capacity.capacity_bytes * 91 / 100 - capacity.used_bytes;
    fs::write(&ballast, vec![1; wanted_bytes as usize]).unwrap();
    output_of(Command::new("sync").arg("-f").arg(&ballast));

    match backend.create(new_id(), SIZE_BYTES) {
        Err(BackendError::InsufficientCapacity { capacity_bytes, used_bytes }) => {
            assert_eq!(capacity_bytes, capacity.capacity_bytes);
            assert!(used_bytes * 100 >= capacity_bytes * 90, "{used_bytes} of {capacity_bytes}");
        }
        other => panic!("{other:?}"),
    }
    fs::write(mount_point.join("small"), "still works").unwrap();
    output_of(Command::new("sync").arg("-f").arg(&mount_point));
    backend.unstage(id).unwrap();
    backend.purge(id).unwrap();

    fs::remove_file(&ballast).unwrap();
    // XFS counts removed blocks as free a moment later.
    while backend.capacity().unwrap().refuses(32 * MIB) {
        std::thread::yield_now();
    }
    assert_eq!(backend.create(new_id(), SIZE_BYTES).unwrap(), Changed::Changed);
}

/// What is not ours, in the pool or in a volume's own folder, must be listed and outlive every call.
#[test]
fn foreign_files_are_listed_and_stay() {
    let mut local = Local::on(PoolDir::plain());
    let id = local.created();
    let pool = local.config.dir.clone();
    let displaced = new_id();
    let foreign = [
        pool.join("notes.txt"),
        pool.join("fs/volumes/photos"),
        pool.join("fs/trash/old.img"),
        pool.join("fs/templates/README"),
        pool.join("fs/volumes").join(displaced.to_string()),
    ];
    for path in &foreign {
        fs::write(path, "somebody's only copy").unwrap();
    }
    let in_volume = local.volume_dir(id).join("notes.txt");
    fs::write(&in_volume, "somebody's only copy").unwrap();

    local.restart();
    let listing = local.backend().list().unwrap();
    for path in &foreign {
        assert!(listing.foreign.iter().any(|entry| entry.path == *path), "{} in {listing:?}", path.display());
    }
    assert!(matches!(listing.volumes[&displaced].image, ImageState::Foreign { .. }));
    assert!(matches!(local.backend().purge(id), Err(BackendError::Foreign { .. })));
    assert!(matches!(local.backend().purge(displaced), Err(BackendError::Foreign { .. })));
    local.backend().trash(id).unwrap();
    assert!(matches!(local.backend().purge(id), Err(BackendError::Foreign { .. })));
    local.backend().restore(id).unwrap();
    for path in foreign.iter().chain([&in_volume]) {
        assert_eq!(fs::read_to_string(path).unwrap(), "somebody's only copy");
    }
    fs::remove_file(&in_volume).unwrap();
    local.backend().purge(id).unwrap();
}

/// A volume whose image alone is missing is lost, and neither staged nor made anew; it can be purged.
#[test]
fn a_missing_image_is_never_made_anew() {
    let local = Local::on(PoolDir::xfs());
    let id = local.created();
    fs::remove_file(local.image(id)).unwrap();
    assert!(matches!(local.backend().stage(id), Err(BackendError::Missing { .. })));
    assert!(matches!(local.backend().create(id, SIZE_BYTES), Err(BackendError::Missing { .. })));
    assert_eq!(local.backend().observe(id).unwrap().image, ImageState::Missing);
    assert!(!local.image(id).exists());
    assert_eq!(local.backend().purge(id).unwrap(), Changed::Changed);
}

/// What calls that were cut off leave under temporary names is gone after the next start, and only that.
#[test]
fn leftovers_are_cleared_at_start() {
    let mut local = Local::on(PoolDir::xfs());
    let pool = local.config.dir.clone();
    let half_made = pool.join(format!("volumes/.tmp-{}", new_id()));
    let half_purged = pool.join(format!("trash/.tmp-{}", new_id()));
    let not_ours = pool.join(format!("volumes/.tmp-{}", new_id()));
    for folder in [&half_made, &half_purged, &not_ours] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("disk.img"), "half").unwrap();
    }
    fs::write(not_ours.join("notes.txt"), "somebody's only copy").unwrap();
    fs::write(pool.join("templates/.tmp-ext4-67108864.img"), "half").unwrap();
    fs::create_dir(pool.join("mounts").join(new_id().to_string())).unwrap();

    local.restart();
    assert!(!half_made.exists() && !half_purged.exists());
    assert!(not_ours.join("disk.img").exists() && not_ours.join("notes.txt").exists());
    assert_eq!(fs::read_dir(pool.join("templates")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(pool.join("mounts")).unwrap().count(), 0);
}

/// A template of somebody else's making is refused; one of an older recipe is made again; the number is bounded.
#[test]
fn templates_are_checked_and_bounded() {
    let mut local = Local::on(PoolDir::xfs());
    let templates = local.config.dir.join("templates");
    let foreign = templates.join("ext4-67108864.img");
    fs::write(&foreign, vec![0; 4096]).unwrap();
    let refusal = local.backend().create(new_id(), SIZE_BYTES);
    assert!(matches!(refusal, Err(BackendError::Foreign { .. })), "{refusal:?}");
    assert_eq!(fs::metadata(&foreign).unwrap().size(), 4096);
    fs::remove_file(&foreign).unwrap();

    local.created();
    let uuid = "6d696f73-6100-8000-8000-000000000000";
    output_of(Command::new("tune2fs").args(["-f", "-U", uuid]).arg(&foreign));
    local.restart();
    local.created();
    let shown = output_of(Command::new("dumpe2fs").arg("-h").arg(&foreign));
    assert!(!shown.contains(uuid), "the old recipe is still in use: {shown}");

    for size_mib in 65..105 {
        local.backend().create(new_id(), size_mib * MIB).unwrap();
    }
    assert_eq!(fs::read_dir(&templates).unwrap().count(), 32);
    assert!(!foreign.exists(), "the template used longest ago was kept");
}
