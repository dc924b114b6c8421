//! The life of instances: created, started, stopped, removed, adopted, rebooted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use miosa_domain::spec::{InstanceSpec, Network, Resources};
use miosa_effects::{mount, process};
use miosa_runtime::conformance::{self, new_id, spec};
use miosa_runtime::{Changed, ContainerState, InstanceDriver, LogStream, OciConfig, OciDriver, RuntimeError};

use crate::host::Host;

const GRACE: Duration = Duration::from_secs(10);

fn shell_spec(line: &str) -> InstanceSpec {
    InstanceSpec { command: Some(["/bin/sh", "-c", line].map(str::to_owned).to_vec()), ..spec(new_id(), 1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_conforms() {
    let host = Host::new();
    let volumes = [host.volume("a"), host.volume("b")];
    conformance::run(&host.driver, &volumes).await;
}

/// Files that an instance wrote exist in its next run and are removed with the instance. No other instance sees them.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_instance_wrote_is_kept() {
    let host = Host::new();
    let first = host.running();
    let other = host.running();
    host.run(first.id, "echo kept > /root/file; rm /etc/profile; chown 12:34 /root/file").await;
    assert_eq!(host.run(other.id, "ls /root; cat /etc/profile | wc -l").await, "1\n");
    assert_eq!(host.driver.remove_container(first.id).unwrap(), Changed::Changed);
    host.running_spec(InstanceSpec { run: 2, ..first.clone() });
    assert_eq!(host.run(first.id, "cat /root/file; stat -c %u:%g /root/file").await, "kept\n12:34\n");
    assert_eq!(host.run(first.id, "ls /etc/profile 2>/dev/null || echo gone").await, "gone\n");
    host.driver.destroy(first.id).unwrap();
    assert!(!host.instance_folder(first.id).exists());
}

/// Root of an instance is an unprivileged user of the host, gains no privileges, and cannot change mounts or namespaces.
#[tokio::test(flavor = "multi_thread")]
async fn instances_are_isolated() {
    let host = Host::new();
    let (first, second) = (host.running(), host.running());
    let ids = |id| {
        let status = fs::read_to_string(format!("/proc/{}/status", host.pid(id))).unwrap();
        for line in
            ["NoNewPrivs:\t1", "Seccomp:\t2", "CapInh:\t0000000000000000", "CapEff:\t00000000800005fb"]
        {
            assert!(status.contains(line), "{line} is not in {status}");
        }
        let uid = status.lines().find(|line| line.starts_with("Uid:")).unwrap().to_owned();
        uid.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
    };
    assert!(ids(first.id) >= 0x7000_0000);
    assert_eq!((ids(first.id) % 65536, ids(first.id).abs_diff(ids(second.id))), (0, 65536));
    for kind in ["user", "pid", "mnt", "ipc", "uts", "net", "cgroup"] {
        let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        assert_ne!(namespace(host.pid(first.id)), namespace(std::process::id()), "{kind}");
        assert_ne!(namespace(host.pid(first.id)), namespace(host.pid(second.id)), "{kind}");
    }
    assert_eq!(host.run(first.id, "id -u; hostname; cat /etc/hostname; echo $HOSTNAME $HOME").await, {
        "0\nconformance\nconformance\nconformance /root\n"
    });
    for forbidden in [
        "unshare -m true",
        "unshare -U true",
        "mount -t tmpfs none /mnt",
        "umount /proc",
        "mknod /dev/disk b 7 0",
        "chroot / true",
        "echo x > /proc/sys/kernel/hostname",
        "cat /proc/kcore | grep -q .",
        "echo 1 > /sys/kernel/uevent_seqnum",
        "ls /proc/1/map_files/../../2/root/../.. 2>/dev/null && ping -c 1 127.0.0.1",
    ] {
        assert_eq!(
            host.run(first.id, &format!("({forbidden}) >/dev/null 2>&1 || echo no")).await,
            "no\n",
            "{forbidden}"
        );
    }
    assert_eq!(host.run(first.id, "ls /sys/class/net; ifconfig lo | grep -c 'UP LOOPBACK'").await, "lo\n1\n");
    assert_eq!(host.run(first.id, "ls /dev | grep -v core | tr '\\n' ' '").await, {
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set() {
    let host = Host::new();
    let resources = Resources { vcpus: 2, memory_mb: 128, pids_max: 50 };
    let id = host.running_spec(InstanceSpec { resources, ..spec(new_id(), 1) }).id;
    let cpu = host.limit(id, "cpu.max", ("cpu", "cpu.cfs_quota_us"));
    assert!(["200000", "200000 100000"].contains(&cpu.as_str()), "{cpu}");
    let memory = host.limit(id, "memory.max", ("memory", "memory.limit_in_bytes"));
    assert_eq!(memory, (128_u64 << 20).to_string());
    assert_eq!(host.limit(id, "pids.max", ("pids", "pids.max")), "50");
    let forks = conformance::shell("for i in $(seq 100); do sleep 4711 >/dev/null 2>&1 & done");
    let (_, stderr, end) = conformance::collect(host.driver.exec(id, forks).unwrap()).await;
    assert!(end.0 != 0 && stderr.contains("can't fork"), "{end:?} {stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_network_is_shared_if_asked_for() {
    let host = Host::new();
    let id = host.running_spec(InstanceSpec { network: Network::Host, ..spec(new_id(), 1) }).id;
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_eq!(namespace(host.pid(id)), namespace(std::process::id()));
    assert_eq!(
        host.run(id, "cat /etc/resolv.conf").await,
        fs::read_to_string("/etc/resolv.conf").unwrap_or_default()
    );
}

/// The default init ends at once with 0, one that ignores SIGTERM is killed, and one may end on its own. Orphans are reaped.
#[tokio::test(flavor = "multi_thread")]
async fn first_processes_end() {
    let host = Host::new();
    let polite = host.running().id;
    host.run(polite, "(sleep 0.01 & exec true)").await;
    host.run(polite, "for i in $(seq 50); do ps -o stat | grep -q Z || exit 0; sleep 0.1; done; exit 1")
        .await;
    assert_eq!(host.driver.stop(polite, GRACE).unwrap(), Some(0));

    let stubborn = host.running_spec(shell_spec("trap '' TERM; while :; do sleep 1; done")).id;
    assert_eq!(host.driver.stop(stubborn, Duration::from_millis(200)).unwrap(), Some(137));

    let short = host.running_spec(shell_spec("exit 7")).id;
    host.driver.exited(short).await;
    let exited = ContainerState::Exited { code: Some(7), run: 1, ran: true };
    assert_eq!(host.driver.observe(short).unwrap().container, exited);
    assert_eq!(
        host.another_driver().observe(short).unwrap().container,
        exited,
        "it is known after a restart too"
    );

    let unstarted = spec(new_id(), 1);
    host.driver.create(&unstarted).unwrap();
    assert_eq!(host.driver.stop(unstarted.id, GRACE).unwrap(), Some(137), "killed without waiting");
}

/// A first process that cannot be run is an error that names it, and nothing is left of the container.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_leaves_nothing() {
    let host = Host::new();
    let missing = InstanceSpec { command: Some(vec!["/no/such/program".into()]), ..spec(new_id(), 1) };
    let error = host.driver.create(&missing).unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    let seen = host.driver.observe(missing.id).unwrap();
    assert_eq!((seen.container, seen.rootfs_mounted), (ContainerState::Absent, false));
    for broken in [
        InstanceSpec { hostname: "../x".into(), ..spec(new_id(), 1) },
        InstanceSpec { command: Some(Vec::new()), ..spec(new_id(), 1) },
        InstanceSpec { env: [("A=B".into(), String::new())].into(), ..spec(new_id(), 1) },
    ] {
        assert!(matches!(host.driver.validate(&broken), Err(RuntimeError::InvalidSpec { .. })), "{broken:?}");
        assert!(matches!(host.driver.create(&broken), Err(RuntimeError::InvalidSpec { .. })));
    }
    host.running_spec(InstanceSpec { command: None, ..missing });
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_serve_as_templates() {
    let host = Host::new();
    let web = InstanceSpec { template: "web".into(), ..spec(new_id(), 1) };
    assert!(matches!(host.driver.create(&web), Err(RuntimeError::TemplateUnusable { .. })));
    let default = host.folder().join("data/templates/miosa-default-1/rootfs");
    let folder = host.folder().join("web");
    process::run("cp", &["-a".as_ref(), default.as_os_str(), folder.as_os_str()]).unwrap();
    fs::write(folder.join("index.html"), "hello").unwrap();
    host.running_spec(web.clone());
    assert_eq!(
        host.run(web.id, "cat /index.html; stat -c %u /index.html; echo x > /index.html").await,
        "hello0\n"
    );
    assert_eq!(fs::read_to_string(folder.join("index.html")).unwrap(), "hello");
    assert!(host.driver.templates().contains(&"web".to_owned()));
}

/// A driver without memory adopts running and created containers, and one whose start was not recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_driver_adopts() {
    let host = Host::new();
    let running = host.running();
    let created = spec(new_id(), 4);
    let pid = host.driver.create(&created).unwrap();
    let half = host.running();
    let record = host.instance_folder(half.id).join("run.json");
    let marked = fs::read_to_string(&record).unwrap();
    fs::write(&record, marked.replace("\"started\": true", "\"started\": false")).unwrap();

    let adopter = host.another_driver();
    assert_eq!(adopter.list().unwrap().len(), 3);
    for spec in [&running, &half] {
        let pid = host.pid(spec.id);
        assert_eq!(adopter.observe(spec.id).unwrap().container, ContainerState::Running { pid, run: 1 });
        let (stdout, _, _) =
            conformance::collect(adopter.exec(spec.id, conformance::shell("echo hi")).unwrap()).await;
        assert_eq!(stdout, "hi\n");
    }
    assert_eq!(adopter.observe(created.id).unwrap().container, ContainerState::Created { pid, run: 4 });
    adopter.start(created.id).unwrap();
    assert_eq!(adopter.observe(created.id).unwrap().container, ContainerState::Running { pid, run: 4 });
    for id in [running.id, half.id, created.id] {
        assert_eq!(adopter.stop(id, GRACE).unwrap(), Some(0));
    }
    let new = spec(new_id(), 1);
    adopter.create(&new).unwrap();
    let uid = |id| fs::read_to_string(format!("/proc/{}/uid_map", host.pid(id))).unwrap();
    adopter.remove_container(running.id).unwrap();
    adopter.create(&running).unwrap();
    assert_ne!(uid(new.id), uid(running.id), "the ids of one that is stopped were given away");
}

/// After a reboot the recorded processes do not exist, and the files of the instance do.
#[tokio::test(flavor = "multi_thread")]
async fn instances_survive_a_reboot() {
    let host = Host::new();
    let spec = host.running();
    host.run(spec.id, "echo kept > /root/file; sync").await;
    let record = host.instance_folder(spec.id).join("run.json");
    let text = fs::read_to_string(&record).unwrap();
    // A power failure: no process and no mount is left. The control groups would be gone as well.
    let conmon = fs::read_to_string(host.instance_folder(spec.id).join("conmon.pid")).unwrap();
    for pid in [conmon.trim().parse().unwrap(), host.pid(spec.id)] {
        let process = process::ProcessFd::open_pid(pid).unwrap().unwrap();
        process.signal(rustix::process::Signal::KILL).unwrap();
        assert!(process.wait(GRACE).unwrap());
    }
    assert!(mount::unmount(&host.instance_folder(spec.id).join("rootfs")).unwrap());
    // Another boot, in which another process has the pid of the first process.
    let boot = process::boot_id().unwrap();
    let pid = text.split("\"pid\": ").nth(1).unwrap().split(',').next().unwrap();
    let text = text.replace(boot, "00000000-0000-0000-0000-000000000000");
    fs::write(
        &record,
        text.replace(&format!("\"pid\": {pid},"), &format!("\"pid\": {},", std::process::id())),
    )
    .unwrap();

    let driver = host.another_driver();
    let seen = driver.observe(spec.id).unwrap();
    assert_eq!(
        (seen.container, seen.rootfs_mounted),
        (ContainerState::Exited { code: None, run: 1, ran: true }, false)
    );
    assert!(matches!(driver.create(&spec), Err(RuntimeError::ContainerExists { .. })));
    assert_eq!(driver.stop(spec.id, GRACE).unwrap(), None);
    assert_eq!(driver.remove_container(spec.id).unwrap(), Changed::Changed);
    driver.create(&InstanceSpec { run: 2, ..spec.clone() }).unwrap();
    driver.start(spec.id).unwrap();
    assert_eq!(host.run(spec.id, "cat /root/file").await, "kept\n");
}

/// The pid of a first process that ended now belongs to another process, which started at another time.
#[tokio::test(flavor = "multi_thread")]
async fn a_reused_pid_is_another_process() {
    let host = Host::new();
    let volume = host.volume("volume");
    let spec = host.running();
    let first = host.pid(spec.id);
    host.driver.stop(spec.id, GRACE).unwrap();
    let record = host.instance_folder(spec.id).join("run.json");
    let stranger = std::process::id();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace(&format!("\"pid\": {first},"), &format!("\"pid\": {stranger},")))
        .unwrap();

    let driver = host.another_driver();
    let container = driver.observe(spec.id).unwrap().container;
    assert!(matches!(container, ContainerState::Exited { .. }), "{container:?}");
    let path = miosa_domain::MountPath::parse("/mnt/data").unwrap();
    let published = driver.publish(spec.id, &volume.staged(), &path, false);
    assert!(matches!(published, Err(RuntimeError::NotRunning { .. })), "{published:?}");
    assert!(!driver.end_processes(spec.id, &[stranger]).unwrap());
    // A driver that compared pids only would have killed this test.
    driver.stop(spec.id, Duration::ZERO).unwrap();
    driver.destroy(spec.id).unwrap();
}

/// Foreign files in the data directory are neither used nor removed.
#[test]
fn foreign_folders_are_left_alone() {
    let host = Host::new();
    let id = new_id();
    let folder = host.instance_folder(id);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("identity.json"), "{\"magic\":\"other\"}").unwrap();
    fs::write(folder.join("precious"), "x").unwrap();
    assert!(matches!(host.driver.observe(id), Err(RuntimeError::Foreign { .. })), "unknown, and not absent");
    assert!(matches!(host.driver.create(&spec(id, 1)), Err(RuntimeError::Foreign { .. })));
    assert!(matches!(host.driver.destroy(id), Err(RuntimeError::Foreign { .. })));
    fs::remove_file(folder.join("identity.json")).unwrap();
    assert!(matches!(host.driver.create(&spec(id, 1)), Err(RuntimeError::Foreign { .. })));
    assert!(matches!(host.driver.destroy(id), Err(RuntimeError::Foreign { .. })));
    assert!(folder.join("precious").exists());
    fs::remove_dir_all(folder).unwrap();
}

/// A data directory that the users of instances cannot reach is refused, naming the directory that denies access.
#[test]
fn unreachable_data_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
    match OciDriver::open(OciConfig::new(temp.path().join("data"))) {
        Err(RuntimeError::Unreachable { path }) => assert_eq!(path, temp.path()),
        other => panic!("{other:?}"),
    }
}

/// Logs distinguish the streams, contain all runs, and can be followed.
#[tokio::test(flavor = "multi_thread")]
async fn logs_are_kept() {
    let host = Host::new();
    let spec = host.running_spec(shell_spec("echo out; echo err >&2; seq 3"));
    host.driver.exited(spec.id).await;
    host.driver.remove_container(spec.id).unwrap();
    let next = InstanceSpec { run: 2, command: shell_spec("echo again; sleep 1000").command, ..spec.clone() };
    host.running_spec(next);
    let mut follower = host.driver.follow_logs(spec.id, 100).unwrap();
    let mut followed = Vec::new();
    while followed.last().map(String::as_str) != Some("again") {
        followed.push(follower.recv().await.unwrap().text);
    }
    let lines = host.driver.logs(spec.id, 100).unwrap();
    assert_eq!(lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>(), followed);
    let of = |stream| {
        lines.iter().filter(|line| line.stream == stream).map(|line| line.text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(LogStream::Stdout), ["out", "1", "2", "3", "again"]);
    assert_eq!(of(LogStream::Stderr), ["err"]);
    assert_eq!(host.driver.logs(spec.id, 1).unwrap().len(), 1);
}
