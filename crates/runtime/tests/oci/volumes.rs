//! Volumes in instances: published, unpublished, refused, held.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use miosa_domain::spec::InstanceSpec;
use miosa_domain::status::Holder;
use miosa_domain::{InstanceId, MountPath};
use miosa_effects::mount;
use miosa_runtime::conformance::{Volume, new_id, spec};
use miosa_runtime::{Changed, InstanceDriver, Reach, RuntimeError};

use crate::host::Host;

fn busy(result: Result<Changed, RuntimeError>) -> Vec<Holder> {
    match result {
        Err(RuntimeError::Busy { holders, .. }) => holders,
        other => panic!("not busy: {other:?}"),
    }
}

/// The mount points of the volume in the namespace of a process.
fn seen_by(pid: u32, volume: &Volume) -> Vec<String> {
    let table = mount::table_of(&format!("/proc/{pid}/mountinfo")).unwrap();
    let mounts = table.into_iter().filter(|mount| mount.device_number == volume.device_number);
    mounts.map(|mount| mount.mount_point.to_str().unwrap().to_owned()).collect()
}

/// The first process finds the volume when it starts.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_there_before_the_first_process() {
    let host = Host::new();
    let volume = host.volume("volume");
    let line = "cat /proc/mounts > /mnt/data/seen; exec sleep 1000".to_owned();
    let spec = InstanceSpec { command: Some(vec!["/bin/sh".into(), "-c".into(), line]), ..spec(new_id(), 1) };
    host.driver.create(&spec).unwrap();
    assert_eq!(host.publish(spec.id, &volume, "/mnt/data").unwrap(), Changed::Changed);
    host.driver.start(spec.id).unwrap();
    host.run(spec.id, "for i in $(seq 100); do test -s /mnt/data/seen && exit 0; sleep 0.1; done; exit 1")
        .await;
    let seen = fs::read_to_string(volume.mount_point.join("seen")).unwrap();
    let line = seen.lines().find(|line| line.contains(" /mnt/data ")).unwrap();
    assert!(line.contains("ext4 rw,nosuid,nodev"), "{line}");
}

/// Published into a running instance, whose root owns the files of root on the volume and the created directories.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_come_into_running_instances() {
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    assert_eq!(host.publish(id, &volume, "/srv/a b/data").unwrap(), Changed::Changed);
    let line = "cd '/srv/a b/data' && echo x > file && stat -c %u . file .. && chown 5:6 file && sync";
    assert_eq!(host.run(id, line).await, "0\n0\n0\n");
    let file = fs::metadata(volume.mount_point.join("file")).unwrap();
    assert_eq!((file.uid(), file.gid()), (5, 6), "ids on the volume are those inside");
    assert_eq!(host.driver.unpublish(id, volume.device_number, Reach::Instance).unwrap(), Changed::Changed);
    assert_eq!(host.run(id, "ls '/srv/a b/data'").await, "");

    let path = MountPath::parse("/mnt/ro").unwrap();
    host.driver.publish(id, &volume.staged(), &path, true).unwrap();
    assert_eq!(host.run(id, "cat /mnt/ro/file; echo y 2>&1 >> /mnt/ro/file || true").await, {
        "x\n/bin/sh: can't create /mnt/ro/file: Read-only file system\n"
    });
    fs::write(volume.mount_point.join("other"), "the host still writes").unwrap();
}

/// Paths that resolve to a reserved directory, another mount, a file or nothing are refused; other links are followed.
#[tokio::test(flavor = "multi_thread")]
async fn paths_are_resolved_inside() {
    let host = Host::new();
    let (volume, other) = (host.volume("volume"), host.volume("other"));
    let id = host.running().id;
    let links = "ln -s /etc /a; ln -s ../../../../../../proc /b; ln -s / /c; ln -s /nowhere /d; touch /e; ln -s /f /f; \
                 ln -s /srv /g; ln -s /dev/shm /h";
    host.run(id, links).await;
    host.publish(id, &other, "/mnt/other").unwrap();
    for path in [
        "/a",
        "/a/b",
        "/b/1",
        "/c",
        "/c/etc/x",
        "/d",
        "/d/e",
        "/e",
        "/e/f",
        "/f",
        "/h",
        "/mnt/other/in",
        "/mnt/other",
    ] {
        let result = host.publish(id, &volume, path);
        assert!(matches!(result, Err(RuntimeError::PathUnusable { .. })), "{path}: {result:?}");
        assert_eq!(seen_by(host.pid(id), &volume), [""; 0], "{path}");
    }
    assert_eq!(host.publish(id, &volume, "/g/data").unwrap(), Changed::Changed);
    assert_eq!(host.publish(id, &volume, "/g/data").unwrap(), Changed::Unchanged);
    assert_eq!(seen_by(host.pid(id), &volume), ["/srv/data"]);
    let mixed = Volume { device_number: other.device_number, mount_point: volume.mount_point.clone() };
    let wrong = host.publish(id, &mixed, "/x");
    assert!(matches!(wrong, Err(RuntimeError::Io(_))), "another device is mounted there: {wrong:?}");
}

/// If the workload keeps replacing the directory with links, the volume is mounted inside its root or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn no_link_leads_outside() {
    let host = Host::new();
    let volume = host.volume("volume");
    let escape = host.folder().join("escape");
    fs::create_dir(&escape).unwrap();
    let line = format!(
        "mkdir -p /real/y {0}; while :; do
            ln -s {0} /l1; mv -T /l1 /x; rm /x; mkdir -p /x/y; mv -T /x /old; rm -rf /old
            ln -s ../../../../../../../..{0} /l2; mv -T /l2 /x; rm /x; ln -s /etc /x; rm /x
            ln -s /real /x; rm /x; ln -s /proc /x; rm /x; mkdir -p /x/y; mv -T /x/y /etc/y; rmdir /etc/y /x
        done 2>/dev/null",
        escape.display()
    );
    let spec = InstanceSpec { command: Some(vec!["/bin/sh".into(), "-c".into(), line]), ..spec(new_id(), 1) };
    let id = host.running_spec(spec).id;
    let pid = host.pid(id);
    let on_host = || {
        let table = mount::table().unwrap();
        let mounts = table.iter().filter(|mount| mount.device_number == volume.device_number);
        mounts.map(|mount| mount.mount_point.clone()).collect::<Vec<_>>()
    };
    let (mut published, mut refused) = (0, 0);
    for _ in 0..200 {
        match host.publish(id, &volume, "/x/y") {
            Ok(_) => published += 1,
            Err(RuntimeError::PathUnusable { .. }) => {
                refused += 1;
                assert_eq!(seen_by(pid, &volume), [""; 0]);
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(on_host(), std::slice::from_ref(&volume.mount_point));
        assert_eq!(fs::read_dir(&escape).unwrap().count(), 0, "something was made outside");
        // The workload itself may be resolving a path in the volume.
        while let Err(RuntimeError::Busy { .. }) =
            host.driver.unpublish(id, volume.device_number, Reach::Instance)
        {}
        assert_eq!(seen_by(pid, &volume), [""; 0]);
    }
    assert_eq!(published + refused, 200);
    assert_ne!(published, 0, "the race was never won, so nothing was shown");
}

/// While processes hold the volume it stays mounted, and the error names them. Then they are ended.
#[tokio::test(flavor = "multi_thread")]
async fn holders_are_named_and_ended() {
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    host.publish(id, &volume, "/mnt/data").unwrap();
    host.run(id, "cd /mnt/data; sleep 4711 >/dev/null 2>&1 &").await;
    host.run(id, "touch /mnt/data/file; sleep 4712 >/mnt/data/file 2>/dev/null & sh -c 'trap \"\" TERM; sleep 4713' </mnt/data/file >/dev/null 2>&1 &").await;
    host.run(id, "sleep 4714 >/dev/null 2>&1 &").await;
    let held = "for i in $(seq 100); do test $(ps -o args | grep -c '^sleep 471') = 4 && exit 0; sleep 0.1; done; exit 1";
    host.run(id, held).await;

    let holders = busy(host.driver.unpublish(id, volume.device_number, Reach::Instance));
    let commands: Vec<_> = holders.iter().map(|holder| holder.command.as_str()).collect();
    for command in ["sleep 4711", "sleep 4712", "sleep 4713"] {
        assert!(commands.contains(&command), "{command} is not in {commands:?}");
    }
    assert!(!commands.contains(&"sleep 4714"), "it holds nothing");
    assert_eq!(seen_by(host.pid(id), &volume), ["/mnt/data"]);

    let mut stranger = Command::new("sleep").arg("4715").spawn().unwrap();
    let mut pids: Vec<u32> = holders.iter().map(|holder| holder.pid).collect();
    pids.extend([stranger.id(), std::process::id(), 1]);
    assert!(!host.driver.end_processes(id, &pids).unwrap(), "the first process was not among them");
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(host.driver.unpublish(id, volume.device_number, Reach::Instance).unwrap(), Changed::Changed);
    assert!(host.driver.end_processes(id, &[host.pid(id)]).unwrap());
    assert_eq!(host.driver.stop(id, Duration::ZERO).unwrap(), Some(0));
}

/// A process that entered the instance from the host and has a copy of its mount namespace.
struct Nested(Child);

impl Nested {
    /// As the root of the instance, whose copy is not locked.
    fn own(host: &Host, id: InstanceId, line: &str) -> Self {
        Self::new(host, id, &["--user", "--setuid=0", "--setgid=0"], line)
    }

    /// As the root of the host: the kernel locks the mounts of the copy.
    fn foreign(host: &Host, id: InstanceId, line: &str) -> Self {
        Self::new(host, id, &[], line)
    }

    fn new(host: &Host, id: InstanceId, options: &[&str], line: &str) -> Self {
        let first = host.pid(id);
        let mut nsenter = Command::new("nsenter");
        nsenter.arg(format!("--target={first}")).arg("--mount").args(options);
        nsenter.args(["/usr/bin/unshare", "-m", "/bin/sh", "-c", line]);
        let nested = Self(nsenter.spawn().unwrap());
        for _attempt in 0..500 {
            let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
            let command = fs::read(format!("/proc/{}/cmdline", nested.pid())).unwrap();
            if namespace(nested.pid()) != namespace(first) && command.starts_with(b"sleep") {
                return nested;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not enter");
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The volume is unmounted in copies of the namespace too. A process that holds it in one of them keeps it in all, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn nested_namespaces_give_the_volume_back() {
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    host.publish(id, &volume, "/mnt/data").unwrap();
    let mut idle = Nested::own(&host, id, "exec sleep 4711");
    let holding = Nested::own(&host, id, "cd /mnt/data; exec sleep 4712");
    let locked = Nested::foreign(&host, id, "exec sleep 4713");
    let everywhere = [idle.pid(), holding.pid(), locked.pid(), host.pid(id)];
    let holder = |nested: &Nested, command: &str| Holder { pid: nested.pid(), command: command.into() };

    let mut both = vec![holder(&holding, "sleep 4712"), holder(&locked, "sleep 4713")];
    both.sort_by_key(|holder| holder.pid);
    assert_eq!(busy(host.driver.unpublish(id, volume.device_number, Reach::Copies)), both);
    for pid in everywhere {
        assert_eq!(seen_by(pid, &volume), ["/mnt/data"], "nothing was taken away");
    }
    drop(holding);
    assert_eq!(
        busy(host.driver.unpublish(id, volume.device_number, Reach::Copies)),
        [holder(&locked, "sleep 4713")]
    );
    assert!(!host.driver.end_processes(id, &[locked.pid()]).unwrap());
    assert_eq!(host.driver.unpublish(id, volume.device_number, Reach::Copies).unwrap(), Changed::Changed);
    for pid in [idle.pid(), host.pid(id)] {
        assert_eq!(seen_by(pid, &volume), [""; 0]);
    }
    // The process is part of the instance and ends with it.
    host.driver.stop(id, Duration::ZERO).unwrap();
    assert!(idle.0.wait().unwrap().code().is_none());
}

/// Unpublishing from the instance leaves copies of its namespace alone. The volume can be published again, and then be unmounted in
/// all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_keeps_the_volume_until_copies_are_searched() {
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    host.publish(id, &volume, "/mnt/data").unwrap();
    let idle = Nested::own(&host, id, "exec sleep 4711");
    let seen = || [idle.pid(), host.pid(id)].map(|pid| seen_by(pid, &volume).len());
    assert_eq!(host.driver.unpublish(id, volume.device_number, Reach::Instance).unwrap(), Changed::Changed);
    assert_eq!(seen(), [1, 0]);
    assert_eq!(host.publish(id, &volume, "/mnt/data").unwrap(), Changed::Changed);
    assert_eq!(host.driver.unpublish(id, volume.device_number, Reach::Copies).unwrap(), Changed::Changed);
    assert_eq!(seen(), [0, 0]);
}

/// The time to unpublish does not depend on the number of processes on the host.
#[tokio::test(flavor = "multi_thread")]
async fn idle_processes_cost_nothing() {
    const ROUNDS: usize = 15;
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    let median = || {
        let mut times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                host.publish(id, &volume, "/mnt/data").unwrap();
                let begin = Instant::now();
                host.driver.unpublish(id, volume.device_number, Reach::Instance).unwrap();
                begin.elapsed()
            })
            .collect();
        times.sort();
        times[ROUNDS / 2]
    };
    let alone = median();
    let line = "for i in $(seq 3000); do sleep 4711 & done; echo; wait";
    let mut crowd = Command::new("sh");
    let mut crowd = crowd.args(["-c", line]).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    // It writes a line when all have been started.
    crowd.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let beside_the_crowd = median();
    let group = rustix::process::Pid::from_child(&crowd);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    crowd.wait().unwrap();
    // Reading `/proc` of 3,000 processes takes 10 ms or more.
    assert!(beside_the_crowd < alone * 2 + Duration::from_millis(3), "{alone:?}, then {beside_the_crowd:?}");
}

/// While another process keeps unmounting the volume, calls succeed or report that it was unmounted, and never name a holder.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_may_unmount_at_any_moment() {
    let host = Host::new();
    let volume = host.volume("volume");
    let id = host.running().id;
    let first = host.pid(id);
    let line = "while :; do umount /mnt/data 2>/dev/null; done";
    let mut other = Command::new("nsenter");
    let target = format!("--target={first}");
    let other = other.args([&target, "--mount", "--user", "--setuid=0", "--setgid=0", "/bin/sh", "-c", line]);
    let _other = Nested(other.spawn().unwrap());
    let (mut unmounted, mut raced) = (0, 0);
    for _ in 0..300 {
        match host.publish(id, &volume, "/mnt/data") {
            Ok(_) => {}
            // The other process unmounted it before the mount table was read.
            Err(RuntimeError::PathUnusable { reason, .. }) if reason.contains("unmounted at once") => {
                raced += 1
            }
            Err(other) => panic!("{other}"),
        }
        match host.driver.unpublish(id, volume.device_number, Reach::Instance) {
            Ok(Changed::Changed) => unmounted += 1,
            Ok(Changed::Unchanged) => raced += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(seen_by(first, &volume), [""; 0]);
    }
    assert!(unmounted > 0 && raced > 0, "{unmounted} unmounted by us, {raced} by the other process");
}
