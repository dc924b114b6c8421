//! Every backend passes the one suite: on XFS, on Btrfs, on an image of our own, and in memory.

use crate::world::Local;
use miosa_backend::conformance::{World, run};
use miosa_backend::{FakeBackend, VolumeBackend};
use miosa_domain::size::GIB;
use miosa_domain::status::Holder;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_testkit::pool_dir::PoolDir;

#[test]
fn xfs_pool() {
    run(&mut Local::on(PoolDir::xfs()));
}

#[test]
fn btrfs_pool() {
    run(&mut Local::on(PoolDir::btrfs()));
}

#[test]
fn image_pool() {
    let mut local = Local::on(PoolDir::plain());
    assert!(local.dir.path().join("pool.img").exists(), "this needs a host whose /tmp cannot share blocks");
    run(&mut local);
}

#[test]
fn fake() {
    run(&mut Fake(FakeBackend::new(GIB)));
}

struct Fake(FakeBackend);

impl World for Fake {
    fn backend(&self) -> &dyn VolumeBackend {
        &self.0
    }

    fn restart(&mut self) {
        self.0.restart();
    }

    fn reboot(&mut self) {
        self.0.reboot();
    }

    fn lose(&mut self, id: VolumeId) {
        self.0.lose(id);
    }

    fn displace(&mut self, id: VolumeId) {
        self.0.displace(id, "somebody's only copy");
    }

    fn take_foreign_away(&mut self, id: VolumeId) -> bool {
        self.0.take_foreign_away(id)
    }

    fn hold(&mut self, id: VolumeId) -> u32 {
        self.0.set_holders(id, vec![Holder { pid: 7, command: "sleep 600".into() }]);
        7
    }

    fn release(&mut self, id: VolumeId) {
        self.0.set_holders(id, Vec::new());
    }

    fn write(&self, id: VolumeId, content: &str) {
        self.0.write_file(id, "/file", content.as_bytes());
    }

    fn read(&self, id: VolumeId) -> String {
        String::from_utf8(self.0.read_file(id, "/file").unwrap()).unwrap()
    }

    fn file_name(&self) -> &str {
        "file"
    }

    fn lose_snapshot(&mut self, id: SnapshotId) {
        self.0.lose_snapshot(id);
    }

    fn displace_snapshot(&mut self, id: SnapshotId) {
        self.0.displace_snapshot(id, "somebody's only copy");
    }

    fn take_foreign_snapshot_away(&mut self, id: SnapshotId) -> bool {
        self.0.take_foreign_snapshot_away(id)
    }
}
