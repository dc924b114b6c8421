//! The agent is killed at every failpoint of the driver, and a new driver recovers.
//!
//! A child process (this test binary again) takes an instance through its whole life and is killed at one failpoint. The
//! failpoints come from the registry, so none is left out. Afterwards a new driver can observe the instance, run it and destroy it
//! without a trace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use miosa_domain::{InstanceId, MountPath};
use miosa_runtime::conformance::{Volume, new_id, spec};
use miosa_runtime::{ContainerState, InstanceDriver, OciDriver, Reach};

use crate::host::{self, Host};

const GRACE: Duration = Duration::from_secs(10);

/// A life that reaches every failpoint.
fn live(driver: &OciDriver, id: InstanceId, volume: &Volume) {
    driver.create(&spec(id, 1)).unwrap();
    let path = MountPath::parse("/mnt/data").unwrap();
    driver.publish(id, &volume.staged(), &path, false).unwrap();
    driver.start(id).unwrap();
    driver.unpublish(id, volume.device_number, Reach::Instance).unwrap();
    driver.stop(id, GRACE).unwrap();
    driver.remove_container(id).unwrap();
    driver.destroy(id).unwrap();
}

/// Not a test: the child process. Without its environment it does nothing.
#[test]
fn child() {
    let Ok(folder) = std::env::var("MIOSA_TEST_FOLDER") else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let volume = Volume {
        mount_point: PathBuf::from(variable("MIOSA_TEST_VOLUME")),
        device_number: variable("MIOSA_TEST_DEVICE").parse().unwrap(),
    };
    let driver = OciDriver::open(host::config(Path::new(&folder), &variable("MIOSA_TEST_CGROUP"))).unwrap();
    live(&driver, variable("MIOSA_TEST_ID").parse().unwrap(), &volume);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_anywhere_is_cleared() {
    let points: Vec<_> =
        miosa_failpoint::all().into_iter().filter(|point| point.starts_with("runtime.")).collect();
    assert!(points.len() >= 18, "{points:?}");
    let host = Host::new();
    let volume = host.volume("volume");
    for point in points {
        // The template is created once, and has to be created again to reach its failpoints.
        if point.starts_with("runtime.template") {
            std::fs::remove_dir_all(host.folder().join("data/templates/miosa-default-1")).unwrap();
        }
        let id = new_id();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env("MIOSA_FAILPOINTS", format!("{point}=kill"))
            .env("MIOSA_TEST_FOLDER", host.folder())
            .env("MIOSA_TEST_CGROUP", host.cgroup_parent())
            .env("MIOSA_TEST_VOLUME", &volume.mount_point)
            .env("MIOSA_TEST_DEVICE", volume.device_number.to_string())
            .env("MIOSA_TEST_ID", id.to_string())
            .output()
            .unwrap();
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(child.status.signal(), Some(9), "{point} was not reached: {child:?}");

        let driver = host.another_driver();
        let before = driver.observe(id).unwrap_or_else(|error| panic!("{point}: {error}"));
        let container = before.container;
        match point {
            "runtime.create.after-record"
            | "runtime.publish.before"
            | "runtime.publish.after"
            | "runtime.start.before" => {
                assert!(matches!(container, ContainerState::Created { .. }), "{point}: {container:?}");
            }
            // The workload outlives the agent.
            "runtime.start.after"
            | "runtime.unpublish.before"
            | "runtime.unpublish.after"
            | "runtime.stop.before" => {
                assert!(matches!(container, ContainerState::Running { .. }), "{point}: {container:?}");
            }
            _ => {}
        }
        driver.stop(id, GRACE).unwrap_or_else(|error| panic!("{point}: {error}"));
        let removed = driver.remove_container(id);
        removed.unwrap_or_else(|error| panic!("{point}: {error}"));
        let seen = driver.observe(id).unwrap();
        assert_eq!(
            (seen.container, seen.rootfs_mounted),
            (ContainerState::Absent, false),
            "{point}, was {before:?}"
        );
        assert!(!host.folder().join("data/runtime").join(id.to_string()).exists(), "{point}");
        driver.create(&spec(id, 2)).unwrap_or_else(|error| panic!("{point}: {error}"));
        driver.start(id).unwrap_or_else(|error| panic!("{point}: {error}"));
        host.run(id, "echo works > /root/file").await;
        driver.destroy(id).unwrap_or_else(|error| panic!("{point}: {error}"));
        let left = std::fs::read_dir(host.folder().join("data/instances")).unwrap().count();
        assert_eq!(left, 0, "{point}");
    }
}
