//! The contract of [`InstanceDriver`] as one test suite that each implementation runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::spec::{DesiredRun, InstanceSpec, Network, Resources, RestartPolicy};
use miosa_domain::staged::Staged;
use miosa_domain::{Generation, InstanceId, MountPath};
use uuid::Uuid;

use crate::{
    Capabilities, Changed, ContainerState, ExecCommand, ExecEvent, ExecRequest, ExecStream, HttpError,
    InstanceDriver, Published, Reach, RuntimeError,
};

/// A volume mounted on the host, for the suite to publish.
#[derive(Debug, Clone)]
pub struct Volume {
    pub mount_point: PathBuf,
    pub device_number: u64,
}

impl Volume {
    /// The volume as a storage engine hands it out.
    pub fn staged(&self) -> Staged {
        let (mount_point, device_number) = (self.mount_point.clone(), self.device_number);
        Staged::Mount { mount_point, device: "/dev/loop0".into(), device_number }
    }
}

/// A spec that every driver can run: the default template with its own first process.
pub fn spec(id: InstanceId, run: u64) -> InstanceSpec {
    InstanceSpec {
        id,
        generation: Generation(1),
        desired: DesiredRun::Running,
        run,
        stop_grace_seconds: 10,
        hostname: "conformance".into(),
        template: "miosa-default".into(),
        resources: Resources { vcpus: 1, memory_mb: 256, pids_max: 128 },
        network: Network::Isolated,
        env: BTreeMap::new(),
        command: None,
        restart_policy: RestartPolicy::Always,
        health: None,
        attachments: Vec::new(),
    }
}

/// A new, unique id.
pub fn new_id() -> InstanceId {
    InstanceId::from_uuid(Uuid::now_v7())
}

/// A shell command with a timeout of a minute.
pub fn shell(line: &str) -> ExecRequest {
    ExecRequest {
        command: ExecCommand::Shell(line.into()),
        cwd: None,
        env: BTreeMap::new(),
        timeout: Duration::from_secs(60),
    }
}

/// The stdout and stderr of a command, and how it ended: `(code, timed_out)`.
pub async fn collect(mut stream: ExecStream) -> (String, String, (i32, bool)) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(event) = stream.next().await {
        match event {
            ExecEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
            ExecEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
            ExecEvent::Exit { code, timed_out } => {
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                return (text(stdout), text(stderr), (code, timed_out));
            }
        }
    }
    panic!("the stream ended without an exit code");
}

/// Runs the whole suite. Panics at the first failure; otherwise leaves no instance behind.
pub async fn run(driver: &dyn InstanceDriver, volumes: &[Volume; 2]) {
    declared_capabilities(driver);
    unknown_instances(driver).await;
    life(driver).await;
    volumes_come_and_go(driver, volumes).await;
    removal_and_destruction(driver).await;
}

/// A call is unsupported exactly if the driver does not declare it.
fn declared_capabilities(driver: &dyn InstanceDriver) {
    let (id, declared) = (new_id(), driver.capabilities());
    let supported =
        |result: Result<(), RuntimeError>| !matches!(result, Err(RuntimeError::Unsupported { .. }));
    assert_eq!(supported(driver.exec(id, shell("true")).map(drop)), declared.exec);
    assert_eq!(supported(driver.probe_http(id, 80, "/").map(drop)), declared.http_probes);
    assert_eq!(supported(driver.logs(id, 1).map(drop)), declared.logs);
    assert_eq!(supported(driver.follow_logs(id, 1).map(drop)), declared.logs);
    // Nothing here mounts a raw device, or a volume in a guest that only takes devices.
    assert!(declared.publish_mounts, "the suite publishes mounts");
}

/// Calls for an instance that never existed change nothing and do not create it.
async fn unknown_instances(driver: &dyn InstanceDriver) {
    let id = new_id();
    assert_eq!(driver.observe(id).unwrap().container, ContainerState::Absent);
    assert!(matches!(driver.start(id), Err(RuntimeError::NotRunning { .. })));
    refuses_requests(driver, id);
    assert_eq!(driver.stop(id, Duration::ZERO).unwrap(), None);
    assert_eq!(driver.remove_container(id).unwrap(), Changed::Unchanged);
    assert_eq!(driver.destroy(id).unwrap(), Changed::Unchanged);
    assert_eq!(driver.unpublish(id, 0x700, Reach::Instance).unwrap(), Changed::Unchanged);
    assert!(!driver.end_processes(id, &[1]).unwrap());
    if driver.capabilities().logs {
        assert_eq!(driver.logs(id, 10).unwrap(), []);
    }
    driver.exited(id).await;
    assert!(!driver.list().unwrap().contains(&id));
    let spec = InstanceSpec { template: "no-such-template".into(), ..spec(id, 1) };
    assert!(matches!(driver.validate(&spec), Err(RuntimeError::UnknownTemplate { .. })));
    assert!(matches!(driver.create(&spec), Err(RuntimeError::UnknownTemplate { .. })));
    assert_eq!(driver.observe(id).unwrap().container, ContainerState::Absent);
    assert!(driver.templates().contains(&"miosa-default".to_owned()));
}

/// No command and no HTTP request reaches an instance that does not run.
fn refuses_requests(driver: &dyn InstanceDriver, id: InstanceId) {
    let refused = |result: Result<(), RuntimeError>, supported: bool| match result {
        Err(RuntimeError::NotRunning { .. }) => supported,
        Err(RuntimeError::Unsupported { .. }) => !supported,
        _ => false,
    };
    let Capabilities { exec, http_probes, .. } = driver.capabilities();
    assert!(refused(driver.exec(id, shell("true")).map(drop), exec));
    assert!(refused(driver.probe_http(id, 80, "/").map(drop), http_probes));
}

/// Commands and HTTP requests reach a running instance.
async fn serves_requests(driver: &dyn InstanceDriver, id: InstanceId) {
    let Capabilities { exec, http_probes, .. } = driver.capabilities();
    if exec {
        let (_, _, end) = collect(driver.exec(id, shell("true")).unwrap()).await;
        assert_eq!(end, (0, false));
    }
    if http_probes {
        let response = driver.probe_http(id, 4711, "/health?deep=1").unwrap().await;
        assert_eq!(response, Err(HttpError::Refused { port: 4711 }));
        for path in ["health", "", "/a b", "/a\r\nHost: other", "/\u{e9}"] {
            let refused = driver.probe_http(id, 80, path);
            assert!(matches!(refused, Err(RuntimeError::ProbeFailed { .. })), "{path:?}");
        }
    }
}

/// Created, started, stopped: each call succeeds once and is refused in the wrong state.
async fn life(driver: &dyn InstanceDriver) {
    let spec = spec(new_id(), 7);
    let id = spec.id;
    driver.validate(&spec).unwrap();
    let pid = driver.create(&spec).unwrap();
    let seen = driver.observe(id).unwrap();
    assert_eq!((seen.container, seen.rootfs_mounted), (ContainerState::Created { pid, run: 7 }, true));
    assert!(driver.list().unwrap().contains(&id));
    assert!(matches!(driver.create(&spec), Err(RuntimeError::ContainerExists { .. })));
    refuses_requests(driver, id);
    let before = Timestamp::now();
    driver.start(id).unwrap();
    let seen = driver.observe(id).unwrap();
    assert_eq!(seen.container, ContainerState::Running { pid, run: 7 });
    let started_at = seen.started_at.expect("we saw it start");
    assert!((before..=Timestamp::now()).contains(&started_at), "{started_at}");
    assert_eq!(seen.ended_at, None);
    assert!(matches!(driver.start(id), Err(RuntimeError::AlreadyStarted { .. })));
    serves_requests(driver, id).await;
    let exited = driver.exited(id);
    assert_eq!(driver.stop(id, Duration::from_secs(10)).unwrap(), Some(0));
    exited.await;
    let seen = driver.observe(id).unwrap();
    assert_eq!(seen.container, ContainerState::Exited { code: Some(0), run: 7, ran: true });
    assert_eq!(seen.started_at, Some(started_at));
    // It is the modification time of a file, whose clock advances in steps.
    let ended_at = seen.ended_at.expect("somebody saw it end") + SignedDuration::from_millis(10);
    assert!(
        (started_at..=Timestamp::now() + SignedDuration::from_millis(10)).contains(&ended_at),
        "{ended_at}"
    );
    refuses_requests(driver, id);
    assert_eq!(driver.stop(id, Duration::from_secs(10)).unwrap(), Some(0), "stopping again");
    assert!(matches!(driver.create(&spec), Err(RuntimeError::ContainerExists { .. })), "not removed yet");
    assert_eq!(driver.destroy(id).unwrap(), Changed::Changed);
}

/// Volumes are published before the first process starts and while it runs; a container that ended has none.
async fn volumes_come_and_go(driver: &dyn InstanceDriver, volumes: &[Volume; 2]) {
    let spec = spec(new_id(), 1);
    let id = spec.id;
    let path = |path: &str| MountPath::parse(path).unwrap();
    let [first, second] = volumes;
    let publish = |volume: &Volume, at: &str, read_only: bool| {
        driver.publish(id, &volume.staged(), &path(at), read_only)
    };
    assert!(matches!(publish(first, "/mnt/a", false), Err(RuntimeError::NotRunning { .. })));
    driver.create(&spec).unwrap();
    assert_eq!(publish(first, "/mnt/a", false).unwrap(), Changed::Changed);
    assert_eq!(publish(first, "/mnt/a", false).unwrap(), Changed::Unchanged);
    driver.start(id).unwrap();
    assert_eq!(publish(second, "/srv/deep/b", true).unwrap(), Changed::Changed);
    assert!(matches!(publish(second, "/srv/deep/b", false), Err(RuntimeError::PathUnusable { .. })));
    assert!(
        matches!(publish(second, "/mnt/c", true), Err(RuntimeError::PathUnusable { .. })),
        "it is elsewhere"
    );
    let seen = |volume: &Volume, at: &str, read_only| Published {
        device_number: volume.device_number,
        path: at.into(),
        read_only,
    };
    let published = driver.observe(id).unwrap().published;
    assert_eq!(published, [seen(first, "/mnt/a", false), seen(second, "/srv/deep/b", true)]);
    assert_eq!(driver.unpublish(id, first.device_number, Reach::Instance).unwrap(), Changed::Changed);
    assert_eq!(driver.unpublish(id, first.device_number, Reach::Instance).unwrap(), Changed::Unchanged);
    assert_eq!(driver.observe(id).unwrap().published, [seen(second, "/srv/deep/b", true)]);
    driver.stop(id, Duration::ZERO).unwrap();
    assert_eq!(driver.observe(id).unwrap().published, []);
    assert_eq!(driver.unpublish(id, second.device_number, Reach::Instance).unwrap(), Changed::Unchanged);
    driver.destroy(id).unwrap();
}

/// A container can be removed in every state; its instance exists until it is destroyed.
async fn removal_and_destruction(driver: &dyn InstanceDriver) {
    let id = new_id();
    for run in 1..=3 {
        driver.create(&spec(id, run)).unwrap();
        if run > 1 {
            driver.start(id).unwrap();
        }
        if run != 2 {
            driver.stop(id, Duration::from_secs(10)).unwrap();
            let container = driver.observe(id).unwrap().container;
            let ran = run > 1;
            assert!(
                matches!(container, ContainerState::Exited { ran: seen, .. } if seen == ran),
                "{container:?}"
            );
        }
        assert_eq!(driver.remove_container(id).unwrap(), Changed::Changed, "run {run}");
        assert_eq!(driver.remove_container(id).unwrap(), Changed::Unchanged, "run {run}");
        let seen = driver.observe(id).unwrap();
        assert_eq!((seen.container, seen.rootfs_mounted), (ContainerState::Absent, false));
        assert!(driver.list().unwrap().contains(&id));
    }
    driver.create(&spec(id, 4)).unwrap();
    driver.start(id).unwrap();
    assert_eq!(driver.destroy(id).unwrap(), Changed::Changed);
    assert!(!driver.list().unwrap().contains(&id));
    assert_eq!(driver.destroy(id).unwrap(), Changed::Unchanged);
}
