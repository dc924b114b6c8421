//! A snapshot's checksum through the backend: the first one stays, and damage does not go unseen.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::process::Command;

use miosa_backend::conformance::World;
use miosa_backend::{SnapshotState, Snapshots};
use miosa_domain::SnapshotId;
use miosa_domain::size::MIB;
use miosa_domain::status::Checksum;
use miosa_testkit::pool_dir::PoolDir;

use crate::snapshot::take;
use crate::world::{Local, output_of};

fn computed(local: &Local, snapshot: SnapshotId) -> Checksum {
    local.backend().checksum(snapshot, &mut |_, _| ControlFlow::Continue(())).unwrap().unwrap()
}

fn recorded(local: &Local, snapshot: SnapshotId) -> Option<Checksum> {
    match local.backend().observe_snapshot(snapshot).unwrap() {
        SnapshotState::Ready(record) => record.checksum,
        other => panic!("{other:?}"),
    }
}

#[test]
fn damage_is_found() {
    let mut local = Local::on(PoolDir::xfs());
    let volume = local.created();
    let (snapshot, _) = take(&local, volume);
    assert_eq!(recorded(&local, snapshot), None);
    let stopped = local.backend().checksum(snapshot, &mut |_, _| ControlFlow::Break(())).unwrap();
    assert_eq!((stopped, recorded(&local, snapshot)), (None, None));

    let first = computed(&local, snapshot);
    assert_eq!(recorded(&local, snapshot), Some(first.clone()));
    // The same data under another name.
    let (twin, _) = take(&local, volume);
    assert_eq!(computed(&local, twin).blake3, first.blake3);
    local.restart();
    assert_eq!(recorded(&local, snapshot), Some(first.clone()));
    assert_eq!(computed(&local, snapshot).blake3, first.blake3);

    let image = local.config.dir.join("snapshots").join(snapshot.to_string()).join("disk.img");
    output_of(Command::new("chattr").arg("-i").arg(&image));
    let file = File::options().read(true).write(true).open(&image).unwrap();
    // In the middle of data, and where nothing ever was.
    for offset in [2000, 40 * MIB] {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
        assert_ne!(computed(&local, snapshot).blake3, first.blake3, "the damage at {offset} is not seen");
        file.write_all_at(&byte, offset).unwrap();
        assert_eq!(computed(&local, snapshot).blake3, first.blake3);
    }
    drop(file);
    output_of(Command::new("chattr").arg("+i").arg(&image));
    assert_eq!(recorded(&local, snapshot), Some(first), "what it once was is forgotten");
}
