//! What is said of volumes and snapshots from where their blocks lie, through the backend.

use std::fs;

use miosa_backend::{ChangedRange, ChangedRanges, Snapshots, VolumeBackend};
use miosa_domain::SnapshotId;
use miosa_domain::size::MIB;
use miosa_testkit::pool_dir::PoolDir;

use crate::snapshot::take;
use crate::world::Local;

fn image_of(local: &Local, snapshot: SnapshotId) -> Vec<u8> {
    fs::read(local.config.dir.join("snapshots").join(snapshot.to_string()).join("disk.img")).unwrap()
}

/// Files written, overwritten and removed between two snapshots: their changed ranges lead from one image to the other.
#[test]
fn changed_ranges_lead_from_one_snapshot_to_the_next() {
    for dir in [PoolDir::xfs(), PoolDir::btrfs()] {
        let local = Local::on(dir);
        let volume = local.created();
        let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
        fs::write(mount_point.join("goes"), vec![1; 4 << 20]).unwrap();
        fs::write(mount_point.join("stays"), vec![2; 4 << 20]).unwrap();
        let (older, _) = take(&local, volume);
        fs::remove_file(mount_point.join("goes")).unwrap();
        fs::write(mount_point.join("comes"), vec![3; 2 << 20]).unwrap();
        let (newer, _) = take(&local, volume);
        local.backend().unstage(volume).unwrap();

        let changed = local.backend().between(older, newer).unwrap();
        let (mut image, wanted) = (image_of(&local, older), image_of(&local, newer));
        for ChangedRange { offset_bytes, len_bytes, is_hole } in &changed {
            let range = *offset_bytes as usize..(offset_bytes + len_bytes) as usize;
            assert!(!is_hole || wanted[range.clone()].iter().all(|byte| *byte == 0));
            image[range.clone()].copy_from_slice(&wanted[range]);
        }
        assert!(image == wanted);
        let changed_bytes: u64 = changed.iter().map(|range| range.len_bytes).sum();
        assert!((2 * MIB..12 * MIB).contains(&changed_bytes), "{changed_bytes} bytes changed");
        assert_eq!(local.backend().between(newer, newer).unwrap(), []);
    }
}

/// What a snapshot alone holds is what its removal gives back.
#[test]
fn exclusive_bytes_are_given_back() {
    let local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let mount_point = local.backend().stage(volume).unwrap().mount_point().unwrap().to_owned();
    let write = |byte: u8| {
        // In place: written once, the file keeps its blocks of the image.
        let file =
            fs::File::options().write(true).create(true).truncate(false).open(mount_point.join("file"));
        std::io::Write::write_all(&mut file.unwrap(), &vec![byte; 8 << 20]).unwrap();
    };
    write(1);
    let (first, _) = take(&local, volume);
    write(2);
    let (second, _) = take(&local, volume);
    write(3);
    local.backend().unstage(volume).unwrap();

    let space = |snapshots: &[SnapshotId]| local.backend().space(Some(volume), snapshots).unwrap();
    let both = space(&[first, second]);
    for id in [first, second] {
        let bytes = both.exclusive_bytes[&id];
        assert!((8 * MIB..10 * MIB).contains(&bytes), "{both:?}");
    }
    assert!((16 * MIB..20 * MIB).contains(&both.held_by_snapshots_bytes), "{both:?}");
    let used = || local.backend().capacity().unwrap().used_bytes;
    let before = used();
    local.backend().remove_snapshot(first).unwrap();
    let given_back = before - used();
    assert!(given_back.abs_diff(both.exclusive_bytes[&first]) < MIB, "{given_back} of {both:?}");
    let one = space(&[second]);
    assert!(one.held_by_snapshots_bytes >= one.exclusive_bytes[&second], "{one:?}");
    assert!(one.held_by_snapshots_bytes < both.held_by_snapshots_bytes, "{one:?} after {both:?}");
    // Without its volume, all that a snapshot has is held by it.
    let alone = local.backend().space(None, &[second]).unwrap();
    assert!(alone.held_by_snapshots_bytes > one.held_by_snapshots_bytes, "{alone:?}");
}
