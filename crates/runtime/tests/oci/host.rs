//! A host for each test: a data directory, volumes on loop devices, a control group. Dropping it removes all of them.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use miosa_domain::spec::InstanceSpec;
use miosa_domain::{InstanceId, MountPath};
use miosa_effects::{loopdev, mount, process};
use miosa_runtime::conformance::{self, Volume, collect, shell};
use miosa_runtime::{Changed, ContainerState, InstanceDriver, OciConfig, OciDriver, RuntimeError};
use tempfile::TempDir;

const VOLUME_BYTES: u64 = 32 << 20;

pub(crate) struct Host {
    temp: TempDir,
    cgroup_parent: String,
    pub(crate) driver: OciDriver,
}

impl Host {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let temp = tempfile::Builder::new().prefix("miosa-runtime-").tempdir().expect("make a folder");
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o711)).expect("open the folder");
        let cgroup_parent = format!("/miosa-test-{}-{number}", std::process::id());
        let driver = OciDriver::open(config(temp.path(), &cgroup_parent)).expect("open the driver");
        Self { temp, cgroup_parent, driver }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn cgroup_parent(&self) -> &str {
        &self.cgroup_parent
    }

    /// A driver without memory, as after a crash of the agent.
    pub(crate) fn another_driver(&self) -> OciDriver {
        OciDriver::open(config(self.temp.path(), &self.cgroup_parent)).expect("open the driver")
    }

    pub(crate) fn instance_folder(&self, id: InstanceId) -> PathBuf {
        self.temp.path().join("data/instances").join(id.to_string())
    }

    /// A limit, by its name in version 2 of control groups or by its controller and name in version 1.
    pub(crate) fn limit(&self, id: InstanceId, unified: &str, (controller, name): (&str, &str)) -> String {
        let group = format!("{}/{id}", self.cgroup_parent.trim_start_matches('/'));
        let unified = Path::new("/sys/fs/cgroup").join(&group).join(unified);
        let split = Path::new("/sys/fs/cgroup").join(controller).join(&group).join(name);
        let text = fs::read_to_string(unified).or_else(|_| fs::read_to_string(split));
        text.expect("read the limit").trim().to_owned()
    }

    /// An empty ext4 filesystem, mounted on the host. Root may write to it.
    pub(crate) fn volume(&self, name: &str) -> Volume {
        let (image, mount_point) =
            (self.temp.path().join(format!("{name}.img")), self.temp.path().join(name));
        File::create_new(&image).and_then(|file| file.set_len(VOLUME_BYTES)).expect("make the image");
        process::run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), image.as_os_str()])
            .expect("format the image");
        fs::create_dir(&mount_point).expect("make the mount point");
        let file = File::options().read(true).write(true).open(&image).expect("open the image");
        let device = loopdev::attach(&file, "miosa-runtime-test").expect("attach the image");
        mount::mount_device(&device.path, &mount_point, "ext4", "", false).expect("mount the volume");
        let device_number =
            mount::device_mounted_at(&mount_point).expect("look at it").expect("it is mounted");
        Volume { mount_point, device_number }
    }

    /// A running instance of the default template.
    pub(crate) fn running(&self) -> InstanceSpec {
        self.running_spec(conformance::spec(conformance::new_id(), 1))
    }

    pub(crate) fn running_spec(&self, spec: InstanceSpec) -> InstanceSpec {
        self.driver.create(&spec).expect("create");
        self.driver.start(spec.id).expect("start");
        spec
    }

    pub(crate) fn publish(
        &self,
        id: InstanceId,
        volume: &Volume,
        path: &str,
    ) -> Result<Changed, RuntimeError> {
        let path = MountPath::parse(path).expect("a mount path");
        self.driver.publish(id, &volume.staged(), &path, false)
    }

    /// The stdout of a command, which must succeed.
    pub(crate) async fn run(&self, id: InstanceId, line: &str) -> String {
        let (stdout, stderr, end) = collect(self.driver.exec(id, shell(line)).expect("exec")).await;
        assert_eq!(end, (0, false), "{line}: {stdout}{stderr}");
        stdout
    }

    pub(crate) fn pid(&self, id: InstanceId) -> u32 {
        match self.driver.observe(id).expect("observe").container {
            ContainerState::Running { pid, .. } | ContainerState::Created { pid, .. } => pid,
            other => panic!("no first process: {other:?}"),
        }
    }

    /// A description of everything that this test has left on the host.
    fn left_behind(&self) -> Vec<String> {
        let own = self.temp.path().to_str().expect("UTF-8");
        let mut left = Vec::new();
        let table = mount::table().expect("read the mount table");
        left.extend(mount::below(&table, self.temp.path()).iter().map(|mount| format!("{mount:?}")));
        for pid in process::all_pids().expect("list processes") {
            let command = process::command_line(pid);
            if command.contains(own) {
                left.push(format!("process {pid}: {command}"));
            }
        }
        for mount in table.iter().filter(|mount| mount.fs_type.starts_with("cgroup")) {
            let group = mount.mount_point.join(self.cgroup_parent.trim_start_matches('/'));
            left.extend(group.exists().then(|| group.display().to_string()));
        }
        for entry in fs::read_dir("/sys/block").expect("list devices").flatten() {
            let backing = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
            if backing.starts_with(own) {
                left.push(format!("{}: {backing}", entry.path().display()));
            }
        }
        left
    }
}

/// The template `web` is a directory that the test may create.
pub(crate) fn config(folder: &Path, cgroup_parent: &str) -> OciConfig {
    let mut config = OciConfig::new(folder.join("data"));
    config.template_folders.insert("web".into(), folder.join("web"));
    config.cgroup_parent = cgroup_parent.to_owned();
    fs::create_dir_all(&config.data_dir).expect("make the data directory");
    fs::set_permissions(&config.data_dir, fs::Permissions::from_mode(0o711))
        .expect("open the data directory");
    config
}

impl Drop for Host {
    fn drop(&mut self) {
        let mut failures = Vec::new();
        for id in self.driver.list().unwrap_or_default() {
            failures.extend(self.driver.destroy(id).err().map(|error| error.to_string()));
        }
        let table = mount::table().unwrap_or_default();
        for mounted in mount::below(&table, self.temp.path()) {
            failures.extend(mount::unmount(&mounted.mount_point).err().map(|error| error.to_string()));
        }
        // The kernel detaches a device after it has written the last blocks.
        let left = || self.left_behind();
        for _attempt in 0..250 {
            if left().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let left = left();
        if !std::thread::panicking() {
            assert!(failures.is_empty() && left.is_empty(), "not clean: {failures:?} {left:#?}");
        }
    }
}
