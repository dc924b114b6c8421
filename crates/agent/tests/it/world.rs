//! An agent over fakes, and a controller that says what a test tells it to, on a real unix socket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use miosa_agent::{AgentConfig, LedgerError, Pools, RunError};
use miosa_api::agent_v1::{AgentMessage, AgentServer, ControllerMessage, SessionHandler, StreamEvent};
use miosa_backend::fake::Call as BackendCall;
use miosa_backend::{FakeBackend, VolumeBackend};
use miosa_domain::kind::{Spec, Statuses};
use miosa_domain::spec::{
    AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec, Network, Presence, Resources, RestartPolicy,
    SnapshotPresence, SnapshotSpec, TakeRules, VolumeSpec,
};
use miosa_domain::status::{
    AttachmentCondition, FailureCode, InstanceState, InstanceStatus, SnapshotCondition, SnapshotStatus,
    VolumeCondition, VolumeStatus,
};
use miosa_domain::{AttachmentId, Generation, InstanceId, MountPath, SnapshotId, VolumeId};
use miosa_runtime::FakeDriver;
use miosa_runtime::fake::Call as DriverCall;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

use crate::gate::Gate;

/// Nothing here takes long; a test that waits this long has failed. Less than the half minute after which an agent looks at
/// everything again, so that nothing passes by that alone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    dir: tempfile::TempDir,
    pub(crate) backend: Arc<FakeBackend>,
    /// Another pool of the same host.
    pub(crate) second: Arc<FakeBackend>,
    /// The default pool as the agent sees it.
    pub(crate) gate: Arc<Gate>,
    pub(crate) driver: Arc<FakeDriver>,
    seen: watch::Receiver<Seen>,
    seen_by: Arc<Recorder>,
    agent: Option<Agent>,
}

/// An agent in a Tokio runtime of its own, so that it can be killed with all its tasks.
struct Agent {
    runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), RunError>>,
}

/// What the controller was told.
#[derive(Default, Clone)]
pub(crate) struct Seen {
    pub(crate) volumes: BTreeMap<VolumeId, VolumeStatus>,
    pub(crate) instances: BTreeMap<InstanceId, InstanceStatus>,
    pub(crate) snapshots: BTreeMap<SnapshotId, SnapshotStatus>,
    /// Every status of every instance, in order; the same of snapshots.
    pub(crate) instance_history: Vec<InstanceStatus>,
    pub(crate) snapshot_history: Vec<SnapshotStatus>,
    pub(crate) pool: Option<miosa_api::agent_v1::PoolReport>,
    /// Messages with statuses.
    pub(crate) reports: u32,
    pub(crate) largest_report_bytes: usize,
    pub(crate) sessions: u32,
    pub(crate) sessions_ended: u32,
    pub(crate) recovered: u32,
    pub(crate) streams: Vec<(u64, StreamEvent)>,
}

impl Seen {
    pub(crate) fn events_of(&self, stream: u64) -> Vec<StreamEvent> {
        self.streams.iter().filter(|(of, _)| *of == stream).map(|(_, event)| event.clone()).collect()
    }
}

struct Recorder {
    seen: watch::Sender<Seen>,
    to_agent: Mutex<Option<mpsc::Sender<ControllerMessage>>>,
}

#[tonic::async_trait]
impl SessionHandler for Recorder {
    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<BoxStream<'static, Result<ControllerMessage, Status>>, Status> {
        let mut inbox = request.into_inner();
        let (send, receive) = mpsc::channel(16);
        *self.to_agent.lock().unwrap() = Some(send);
        self.seen.send_modify(|seen| seen.sessions += 1);
        let seen = self.seen.clone();
        tokio::spawn(async move {
            while let Ok(Some(message)) = inbox.message().await {
                seen.send_modify(|seen| match message {
                    AgentMessage::Hello(_) => {}
                    AgentMessage::Report(report) => {
                        let bytes = serde_json::to_vec(&report).unwrap().len();
                        seen.largest_report_bytes = seen.largest_report_bytes.max(bytes);
                        seen.reports += u32::from(!report.statuses.is_empty());
                        let Statuses { volumes, instances, snapshots } =
                            report.statuses.into_iter().collect();
                        seen.volumes.extend(volumes.into_iter().map(|v| (v.id, v)));
                        seen.instance_history.extend(instances.iter().cloned());
                        seen.instances.extend(instances.into_iter().map(|i| (i.id, i)));
                        seen.snapshot_history.extend(snapshots.iter().cloned());
                        seen.snapshots.extend(snapshots.into_iter().map(|s| (s.id, s)));
                        seen.pool = report.pool.or(seen.pool.take());
                    }
                    AgentMessage::Recovered => seen.recovered += 1,
                    AgentMessage::Stream { stream, event } => seen.streams.push((stream, event)),
                });
            }
            seen.send_modify(|seen| seen.sessions_ended += 1);
        });
        Ok(ReceiverStream::new(receive).map(Ok).boxed())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seen_by = Arc::new(Recorder { seen: watch::Sender::default(), to_agent: Mutex::new(None) });
        let listener = UnixListener::bind(dir.path().join("agent.sock")).unwrap();
        let service = AgentServer::new(seen_by.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new()).http2_only();
                    // An agent that is killed breaks its connection.
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let backend = Arc::new(FakeBackend::new(100 << 30));
        let mut world = Self {
            dir,
            gate: Arc::new(Gate::new(backend.clone())),
            backend,
            second: Arc::new(FakeBackend::new(100 << 30)),
            driver: Arc::new(FakeDriver::new(&["default"])),
            seen: seen_by.seen.subscribe(),
            seen_by,
            agent: None,
        };
        world.start_agent().await;
        world
    }

    /// Starts the agent and waits until it has recovered.
    pub(crate) async fn start_agent(&mut self) {
        let recovered = self.seen.borrow().recovered;
        self.spawn_agent(self.dir.path().join("agent.sock"));
        self.wait("the agent to recover", move |seen| (seen.recovered > recovered).then_some(())).await;
    }

    /// Starts the agent where no controller answers.
    pub(crate) fn start_agent_alone(&mut self) {
        self.spawn_agent(self.dir.path().join("nobody.sock"));
    }

    fn spawn_agent(&mut self, socket: PathBuf) {
        let config = AgentConfig {
            dir: self.dir.path().join("agent"),
            socket,
            controller_uid: 0,
            allow_host_network: false,
        };
        let (backend, second, driver) = (self.gate.clone(), self.second.clone(), self.driver.clone());
        let pools = move || Pools::new(backend.clone(), [second.clone() as Arc<dyn VolumeBackend>]);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ended = runtime.spawn(async move {
            loop {
                let stop = stopped.clone();
                match miosa_agent::run(config.clone(), pools(), driver.clone(), stop).await {
                    // The last tasks of a killed agent are still being dropped.
                    Err(RunError::Ledger(LedgerError::Locked(_))) => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    ended => return ended,
                }
            }
        });
        self.agent = Some(Agent { runtime, stop, ended });
    }

    /// Drops the agent where it stands, as `kill -9` does.
    pub(crate) fn kill_agent(&mut self) {
        let Agent { runtime, ended, .. } = self.agent.take().expect("an agent runs");
        runtime.shutdown_background();
        while !ended.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Only now: what a held call answers must not make the dying agent go on.
        self.gate.kill();
        self.backend.restart();
        self.second.restart();
    }

    pub(crate) async fn stop_agent(&mut self) {
        let agent = self.agent.take().expect("an agent runs");
        agent.stop.cancel();
        tokio::time::timeout(PATIENCE, agent.ended).await.expect("the agent ends").unwrap().unwrap();
        self.backend.restart();
        self.second.restart();
        agent.runtime.shutdown_background();
    }

    pub(crate) async fn say(&self, message: ControllerMessage) {
        let send = self.seen_by.to_agent.lock().unwrap().clone().expect("an agent is connected");
        send.send(message).await.unwrap();
    }

    pub(crate) async fn ask<'a>(
        &self,
        volumes: impl IntoIterator<Item = &'a VolumeSpec>,
        instances: impl IntoIterator<Item = &'a InstanceSpec>,
    ) {
        let volumes = volumes.into_iter().cloned().map(Spec::from);
        let instances = instances.into_iter().cloned().map(Spec::from);
        self.send_specs(volumes.chain(instances)).await;
    }

    /// A resync that names nothing.
    pub(crate) async fn resync(&self) {
        self.resync_with([]).await;
    }

    /// A resync that names these objects.
    pub(crate) async fn resync_with(&self, specs: impl IntoIterator<Item = Spec>) {
        let specs = specs.into_iter().collect();
        self.say(ControllerMessage::Specs { resync: true, more: false, specs }).await;
    }

    pub(crate) async fn ask_snapshots<'a>(&self, snapshots: impl IntoIterator<Item = &'a SnapshotSpec>) {
        self.send_specs(snapshots.into_iter().cloned().map(Spec::from)).await;
    }

    async fn send_specs(&self, specs: impl Iterator<Item = Spec>) {
        self.say(ControllerMessage::Specs { resync: false, more: false, specs: specs.collect() }).await;
    }

    /// Waits until what the controller was told answers `what`.
    pub(crate) async fn wait<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> T {
        let mut seen = self.seen.clone();
        let wait = async {
            loop {
                if let Some(found) = found(&seen.borrow_and_update()) {
                    return found;
                }
                seen.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => {
                let seen = self.seen.borrow();
                panic!(
                    "waited for {what}; was told {:#?} {:#?} {:#?}",
                    seen.volumes, seen.instances, seen.snapshots
                )
            }
        }
    }

    /// Waits until the instance's status at this generation or later passes `check`.
    pub(crate) async fn instance(
        &self,
        spec: &InstanceSpec,
        what: &str,
        check: impl Fn(&InstanceStatus) -> bool,
    ) -> InstanceStatus {
        self.wait(what, |seen| {
            seen.instances.get(&spec.id).filter(|s| s.generation >= spec.generation && check(s)).cloned()
        })
        .await
    }

    pub(crate) async fn volume(
        &self,
        spec: &VolumeSpec,
        what: &str,
        check: impl Fn(&VolumeStatus) -> bool,
    ) -> VolumeStatus {
        self.wait(what, |seen| {
            seen.volumes.get(&spec.id).filter(|s| s.generation >= spec.generation && check(s)).cloned()
        })
        .await
    }

    pub(crate) async fn snapshot(
        &self,
        spec: &SnapshotSpec,
        what: &str,
        check: impl Fn(&SnapshotStatus) -> bool,
    ) -> SnapshotStatus {
        self.wait(what, |seen| {
            seen.snapshots.get(&spec.id).filter(|s| s.generation >= spec.generation && check(s)).cloned()
        })
        .await
    }

    /// Waits until the agent has answered a spec that came after all others.
    pub(crate) async fn settle(&self, marker: u128) {
        let marker = volume(marker, 1);
        self.ask([&marker], []).await;
        self.volume(&marker, "the marker", ready).await;
    }

    /// A volume that is ready.
    pub(crate) async fn with_volume(&self, n: u128) -> VolumeSpec {
        let v = volume(n, 1);
        self.ask([&v], []).await;
        self.volume(&v, "the volume", ready).await;
        v
    }

    /// A volume that a running instance writes to.
    pub(crate) async fn with_attached_volume(&self, n: u128) -> (VolumeSpec, InstanceSpec) {
        let v = volume(n, 1);
        let i = instance(n + 1, 1, vec![attachment(n + 2, &v)]);
        self.ask([&v], [&i]).await;
        self.instance(&i, "running with its volume", all_attached).await;
        (v, i)
    }

    /// What is waited for from now on must be told anew.
    pub(crate) fn forget_what_was_told(&self) {
        self.seen_by.seen.send_modify(|seen| {
            seen.volumes.clear();
            seen.snapshots.clear();
        });
    }

    /// A file of the agent's ledger.
    pub(crate) fn ledger_file(&self, noun: &str, id: impl std::fmt::Display) -> PathBuf {
        self.dir.path().join("agent/ledger").join(noun).join(format!("{id}.json"))
    }

    pub(crate) fn told(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.gate.kill();
        if let Some(agent) = self.agent.take() {
            agent.runtime.shutdown_background();
        }
    }
}

pub(crate) fn volume(n: u128, generation: u64) -> VolumeSpec {
    VolumeSpec {
        id: VolumeId::from_uuid(Uuid::from_u128(n)),
        pool_id: None,
        generation: Generation(generation),
        size_bytes: 64 << 20,
        presence: Presence::Present,
        must_exist: false,
        incarnation: 0,
        origin: None,
        compaction: 0,
    }
}

pub(crate) fn snapshot(n: u128, generation: u64, volume: &VolumeSpec) -> SnapshotSpec {
    SnapshotSpec {
        id: SnapshotId::from_uuid(Uuid::from_u128(n)),
        pool_id: volume.pool_id,
        volume_id: volume.id,
        generation: Generation(generation),
        presence: SnapshotPresence::Kept,
        must_exist: false,
        take: TakeRules::default(),
        verification: 0,
    }
}

pub(crate) fn instance(n: u128, generation: u64, attachments: Vec<AttachmentSpec>) -> InstanceSpec {
    InstanceSpec {
        id: InstanceId::from_uuid(Uuid::from_u128(n)),
        generation: Generation(generation),
        desired: DesiredRun::Running,
        run: 1,
        stop_grace_seconds: 1,
        hostname: "box".into(),
        template: "default".into(),
        resources: Resources { vcpus: 1, memory_mb: 64, pids_max: 10 },
        network: Network::Isolated,
        env: BTreeMap::new(),
        command: None,
        restart_policy: RestartPolicy::Always,
        health: None,
        attachments,
    }
}

pub(crate) fn attachment(n: u128, volume: &VolumeSpec) -> AttachmentSpec {
    AttachmentSpec {
        id: AttachmentId::from_uuid(Uuid::from_u128(n)),
        volume_id: volume.id,
        mount_path: MountPath::parse("/mnt/data").unwrap(),
        read_only: false,
        shared: false,
        desired: DesiredAttachment::Attached,
    }
}

pub(crate) fn ready(status: &VolumeStatus) -> bool {
    status.condition == VolumeCondition::Ready
}

pub(crate) fn running(status: &InstanceStatus) -> bool {
    matches!(status.state, InstanceState::Running { .. })
}

pub(crate) fn failed_with(status: &InstanceStatus, code: FailureCode) -> bool {
    matches!(&status.state, InstanceState::Failed(failure) if failure.code == code)
}

pub(crate) fn all_attached(status: &InstanceStatus) -> bool {
    running(status) && status.attachments.iter().all(|a| a.state == AttachmentCondition::Attached)
}

pub(crate) fn taken(status: &SnapshotStatus) -> bool {
    status.condition == SnapshotCondition::Ready
}

pub(crate) fn gone(status: &SnapshotStatus) -> bool {
    status.condition == SnapshotCondition::Gone
}

/// Why a snapshot failed, if it did.
pub(crate) fn failure_of(status: &SnapshotStatus) -> Option<FailureCode> {
    match &status.condition {
        SnapshotCondition::Failed(failure) => Some(failure.code),
        _ => None,
    }
}

/// How often the agent called the backend so.
pub(crate) fn count(world: &World, call: BackendCall) -> usize {
    let others = world.backend.calls().iter().filter(|(c, _)| *c == call).count();
    others + world.backend.snapshot_calls().iter().filter(|(c, _)| *c == call).count()
}

/// How often the agent called the driver so for this instance.
pub(crate) fn driver_count_of(world: &World, call: DriverCall, spec: &InstanceSpec) -> usize {
    world.driver.calls().iter().filter(|called| **called == (call, Some(spec.id))).count()
}

pub(crate) fn driver_count(world: &World, call: DriverCall) -> usize {
    world.driver.calls().iter().filter(|(c, _)| *c == call).count()
}
