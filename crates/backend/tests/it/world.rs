//! A local backend over a scratch pool, and what a host does to it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use miosa_backend::conformance::World;
use miosa_backend::{LocalBackend, PoolConfig, VolumeBackend};
use miosa_domain::size::{GIB, MIB};
use miosa_domain::{SnapshotId, VolumeId};
use miosa_testkit::pool_dir::PoolDir;

pub(crate) const SIZE_BYTES: u64 = 64 * MIB;

pub(crate) fn new_id() -> VolumeId {
    VolumeId::from_uuid(uuid::Uuid::new_v4())
}

pub(crate) fn new_snapshot_id() -> SnapshotId {
    SnapshotId::from_uuid(uuid::Uuid::new_v4())
}

pub(crate) struct Local {
    // Dropped in this order: processes, then open directories, then mounts.
    holders: HashMap<VolumeId, KilledOnDrop>,
    backend: Option<LocalBackend>,
    pub(crate) dir: PoolDir,
    pub(crate) config: PoolConfig,
}

impl Local {
    pub(crate) fn on(dir: PoolDir) -> Self {
        Self::with_image_size(dir, 2 * GIB)
    }

    pub(crate) fn with_image_size(dir: PoolDir, image_size_bytes: u64) -> Self {
        let config = PoolConfig { dir: dir.path().to_owned(), image_size_bytes };
        let mut local = Self { holders: HashMap::new(), backend: None, dir, config };
        local.open();
        local
    }

    fn open(&mut self) {
        self.backend = Some(LocalBackend::open(&self.config).unwrap());
    }

    pub(crate) fn backend(&self) -> &LocalBackend {
        self.backend.as_ref().expect("it is open")
    }

    /// `volumes/<id>` of the pool, through the link that an image pool has.
    pub(crate) fn volume_dir(&self, id: VolumeId) -> PathBuf {
        self.config.dir.join("volumes").join(id.to_string())
    }

    pub(crate) fn image(&self, id: VolumeId) -> PathBuf {
        self.volume_dir(id).join("disk.img")
    }

    /// `snapshots/<id>` of the pool, through the link that an image pool has.
    pub(crate) fn snapshot_dir(&self, id: SnapshotId) -> PathBuf {
        self.config.dir.join("snapshots").join(id.to_string())
    }

    pub(crate) fn snapshot_image(&self, id: SnapshotId) -> PathBuf {
        self.snapshot_dir(id).join("disk.img")
    }

    fn file(&self, id: VolumeId) -> PathBuf {
        self.config.dir.join("mounts").join(id.to_string()).join(self.file_name())
    }

    pub(crate) fn created(&self) -> VolumeId {
        let id = new_id();
        self.backend().create(id, SIZE_BYTES).unwrap();
        id
    }
}

impl World for Local {
    fn backend(&self) -> &dyn VolumeBackend {
        self.backend()
    }

    fn restart(&mut self) {
        self.backend = None;
        self.open();
    }

    fn reboot(&mut self) {
        self.holders.clear();
        self.backend = None;
        self.dir.unmount_all();
        self.open();
    }

    fn lose(&mut self, id: VolumeId) {
        fs::remove_dir_all(self.volume_dir(id)).unwrap();
    }

    fn displace(&mut self, id: VolumeId) {
        fs::create_dir(self.volume_dir(id)).unwrap();
        fs::write(self.image(id), "somebody's only copy").unwrap();
    }

    fn take_foreign_away(&mut self, id: VolumeId) -> bool {
        let untouched = fs::read_to_string(self.image(id)).is_ok_and(|text| text == "somebody's only copy");
        fs::remove_dir_all(self.volume_dir(id)).unwrap();
        untouched
    }

    fn hold(&mut self, id: VolumeId) -> u32 {
        let mount_point =
            self.backend().observe(id).unwrap().staged.unwrap().mount_point().unwrap().to_owned();
        let holder = KilledOnDrop(Command::new("sleep").arg("600").current_dir(mount_point).spawn().unwrap());
        let pid = holder.0.id();
        self.holders.insert(id, holder);
        pid
    }

    fn release(&mut self, id: VolumeId) {
        self.holders.remove(&id).expect("it is held");
    }

    fn write(&self, id: VolumeId, content: &str) {
        fs::write(self.file(id), content).unwrap();
    }

    fn read(&self, id: VolumeId) -> String {
        fs::read_to_string(self.file(id)).unwrap()
    }

    fn file_name(&self) -> &str {
        "file"
    }

    fn lose_snapshot(&mut self, id: SnapshotId) {
        output_of(Command::new("chattr").arg("-i").arg(self.snapshot_image(id)));
        fs::remove_dir_all(self.snapshot_dir(id)).unwrap();
    }

    fn displace_snapshot(&mut self, id: SnapshotId) {
        fs::create_dir(self.snapshot_dir(id)).unwrap();
        fs::write(self.snapshot_image(id), "somebody's only copy").unwrap();
    }

    fn take_foreign_snapshot_away(&mut self, id: SnapshotId) -> bool {
        let untouched =
            fs::read_to_string(self.snapshot_image(id)).is_ok_and(|text| text == "somebody's only copy");
        fs::remove_dir_all(self.snapshot_dir(id)).unwrap();
        untouched
    }
}

/// A child process that does not outlive the test.
pub(crate) struct KilledOnDrop(pub(crate) Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Mounts and loop devices that have to do with `path`.
pub(crate) fn traces_of(path: &Path) -> Vec<String> {
    let mounts = miosa_effects::mount::table().unwrap();
    let mounts = mounts.iter().map(|mount| mount.mount_point.display().to_string());
    let devices = fs::read_dir("/sys/block").unwrap().flatten();
    let files = devices.filter_map(|entry| fs::read_to_string(entry.path().join("loop/backing_file")).ok());
    mounts.chain(files).filter(|trace| trace.starts_with(path.to_str().unwrap())).collect()
}

/// What a program wrote, once it succeeded.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
