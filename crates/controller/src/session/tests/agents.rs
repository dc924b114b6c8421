//! A control plane without HTTP, and agents whose every word the test decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use miosa_api::agent_v1::{
    AgentClient, AgentMessage, AgentServer, ControllerMessage, Hello, PROTOCOL, PoolReport, Report,
};
use miosa_control::{
    App, AppError, Caller, Filters, Hosts, KeyType, ListRequest, NewAttachment, NewComputer, NewVolume,
    OUTCOME_WAIT,
};
use miosa_domain::computer::ComputerSize;
use miosa_domain::kind::Specs;
use miosa_domain::limits::Limits;
use miosa_domain::spec::{DesiredAttachment, InstanceSpec, Network, SnapshotSpec, VolumeSpec};
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, Failure, FailureCode, InstanceState, InstanceStatus,
    SnapshotCondition, SnapshotFacts, SnapshotStatus, VolumeCondition, VolumeStatus,
};
use miosa_domain::{ApiKeyId, AttachmentId, ComputerId, Generation, HostId, VolumeId};
use miosa_store::Store;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::serve::serve_agents;
use crate::session::{AgentSessions, HOST_GRACE, Links};

/// Far longer than anything takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn patiently<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("what the test waits for did not happen")
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) outcome_wait: Duration,
    pub(super) host_grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { outcome_wait: OUTCOME_WAIT, host_grace: HOST_GRACE }
    }
}

pub(super) struct World {
    pub(super) app: App,
    pub(super) store: Store,
    pub(super) links: Arc<Links>,
    pub(super) caller: Caller,
    socket: PathBuf,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        // No answer waits so long: an outcome that wakes nobody fails the test.
        let timing = Timing { outcome_wait: Duration::from_secs(3600), ..Timing::default() };
        Self::with(timing, rustix::process::getuid().as_raw()).await
    }

    pub(super) async fn with(timing: Timing, agent_uid: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("controller.db"), Limits::default()).await.unwrap();
        let links = Arc::new(Links::new(timing.host_grace));
        let app = App::new(store.clone(), links.clone(), "local".into(), timing.outcome_wait);
        let socket = folder.path().join("agent.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut tasks = JoinSet::new();
        let sessions = AgentSessions { app: app.clone(), links: links.clone(), agent_uid };
        tasks.spawn(serve_agents(listener, AgentServer::new(Arc::new(sessions))));
        let caller = Caller {
            tenant_id: store.default_tenant().await.unwrap(),
            key_id: ApiKeyId::from_uuid(Uuid::now_v7()),
            key_type: KeyType::Admin,
            scopes: vec!["*".into()],
            rate_limit_rpm: 0,
        };
        Self { app, store, links, caller, socket, _tasks: tasks, _folder: folder }
    }

    /// A new host's agent, connected, with an empty ledger, done with its recovery.
    pub(super) async fn agent(&self) -> Agent {
        let mut agent =
            Agent::connect(&self.socket, hello(HostId::from_uuid(Uuid::now_v7()), 0)).await.unwrap();
        assert!(agent.specs().await.resync);
        agent.say(AgentMessage::Report(Report { statuses: vec![], pool: Some(pool()) }));
        agent.say(AgentMessage::Recovered);
        patiently(async {
            while self.links.recovered().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        agent
    }

    pub(super) async fn connect(&self, hello: Hello) -> Result<Agent, Status> {
        Agent::connect(&self.socket, hello).await
    }

    pub(super) async fn try_first_message(&self, message: AgentMessage) -> Result<Agent, Status> {
        Agent::connect_with(&self.socket, message).await
    }

    /// Starts a verb in the background, so that the test can play the host meanwhile.
    pub(super) fn call<T, F>(&self, verb: impl FnOnce(App, Caller) -> F) -> JoinHandle<Result<T, AppError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        tokio::spawn(patiently(verb(self.app.clone(), self.caller.clone())))
    }

    /// A volume that `agent` has made.
    pub(super) async fn volume(&self, agent: &mut Agent) -> VolumeId {
        let call =
            self.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
        let spec = agent.specs().await.volumes.remove(0);
        agent.report_volume(&spec, VolumeCondition::Ready);
        let volume = call.await.unwrap().unwrap();
        assert_eq!(volume.status.as_str(), "available");
        volume.id.parse().unwrap()
    }

    /// A computer that `agent` runs.
    pub(super) async fn computer(&self, agent: &mut Agent) -> ComputerId {
        let computer = self.app.create_computer(&self.caller, new_computer(), None).await.unwrap();
        assert_eq!(computer.status.as_str(), "provisioning");
        let spec = agent.specs().await.instances.remove(0);
        agent.report_instance(&spec, running(), vec![]);
        let id = computer.id.parse().unwrap();
        self.until_status(id, "running").await;
        id
    }

    pub(super) async fn until_status(&self, id: ComputerId, status: &str) {
        patiently(async {
            while self.app.get_computer(&self.caller, id).await.unwrap().status.as_str() != status {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(super) async fn until_volume(&self, id: VolumeId, status: &str) {
        patiently(async {
            while self.app.get_volume(&self.caller, id).await.unwrap().status.as_str() != status {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// An attachment that `agent` has made, and the spec that it was made from.
    pub(super) async fn attached(
        &self,
        agent: &mut Agent,
        computer: ComputerId,
        volume: VolumeId,
    ) -> (AttachmentId, InstanceSpec) {
        let call = self.call(move |app, caller| async move {
            app.attach(&caller, computer, attachment_of(volume), None).await
        });
        let spec = agent.specs().await.instances.remove(0);
        let id = spec.attachments[0].id;
        agent.report_instance(&spec, running(), vec![(id, AttachmentCondition::Attached)]);
        assert_eq!(call.await.unwrap().unwrap().state.as_str(), "attached");
        (id, spec)
    }

    /// Ids of the volumes with this status.
    pub(super) async fn volumes(&self, status: Option<&str>) -> Vec<String> {
        let filters = Filters { status: status.map(str::to_owned), ..Filters::default() };
        let request = ListRequest { limit: 100, filters, ..ListRequest::default() };
        let page = self.app.list_volumes(&self.caller, request).await.unwrap();
        page.items.into_iter().map(|volume| volume.id).collect()
    }
}

/// The specs of one message.
pub(super) struct Sent {
    pub(super) resync: bool,
    pub(super) more: bool,
    pub(super) volumes: Vec<VolumeSpec>,
    pub(super) instances: Vec<InstanceSpec>,
    pub(super) snapshots: Vec<SnapshotSpec>,
}

/// One connection of a host. Dropping it ends the connection.
pub(super) struct Agent {
    pub(super) host_id: HostId,
    messages: mpsc::UnboundedSender<AgentMessage>,
    incoming: Streaming<ControllerMessage>,
}

impl Agent {
    async fn connect(socket: &std::path::Path, hello: Hello) -> Result<Self, Status> {
        let host_id = hello.host_id;
        let agent = Self::connect_with(socket, AgentMessage::Hello(hello)).await?;
        Ok(Self { host_id, ..agent })
    }

    async fn connect_with(socket: &std::path::Path, first: AgentMessage) -> Result<Self, Status> {
        let socket = socket.to_owned();
        let connector = tower::service_fn(move |_: http::Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://agent");
        let channel = endpoint.connect_with_connector(connector).await.unwrap();
        let (messages, outgoing) = mpsc::unbounded_channel();
        messages.send(first).unwrap();
        let outgoing = tokio_stream::wrappers::UnboundedReceiverStream::new(outgoing);
        let incoming = patiently(AgentClient::new(channel).session(outgoing)).await?;
        Ok(Self { host_id: HostId::from_uuid(Uuid::nil()), messages, incoming })
    }

    pub(super) fn say(&self, message: AgentMessage) {
        self.messages.send(message).unwrap();
    }

    /// The next message; `None` when the session is over.
    pub(super) async fn hear(&mut self) -> Option<ControllerMessage> {
        patiently(self.incoming.next()).await?.ok()
    }

    pub(super) async fn specs(&mut self) -> Sent {
        match self.hear().await {
            Some(ControllerMessage::Specs { resync, more, specs }) => {
                let Specs { volumes, instances, snapshots } = specs.into_iter().collect();
                Sent { resync, more, volumes, instances, snapshots }
            }
            other => panic!("no specs: {other:?}"),
        }
    }

    /// As an answer to `spec`.
    pub(super) fn report_volume(&self, spec: &VolumeSpec, condition: VolumeCondition) {
        self.say_volume(volume_status(spec, condition));
    }

    pub(super) fn say_volume(&self, status: VolumeStatus) {
        self.say(AgentMessage::Report(Report { statuses: vec![status.into()], pool: None }));
    }

    /// As an answer to `spec`; with its facts when it is ready.
    pub(super) fn report_snapshot(&self, spec: &SnapshotSpec, condition: SnapshotCondition) {
        self.say_snapshot(snapshot_status(spec, condition));
    }

    pub(super) fn say_snapshot(&self, status: SnapshotStatus) {
        self.say(AgentMessage::Report(Report { statuses: vec![status.into()], pool: None }));
    }

    /// As an answer to `spec`.
    pub(super) fn report_instance(
        &self,
        spec: &InstanceSpec,
        state: InstanceState,
        attachments: Vec<(AttachmentId, AttachmentCondition)>,
    ) {
        let attachments =
            attachments.into_iter().map(|(id, state)| AttachmentStatus { id, state, device: None });
        let status = InstanceStatus {
            id: spec.id,
            generation: spec.generation,
            run: spec.run,
            state,
            exit_code: None,
            restart_count: 0,
            started_at: None,
            ended_at: None,
            health: Default::default(),
            attachments: attachments.collect(),
        };
        self.say(AgentMessage::Report(Report { statuses: vec![status.into()], pool: None }));
    }
}

pub(super) fn volume_status(spec: &VolumeSpec, condition: VolumeCondition) -> VolumeStatus {
    VolumeStatus {
        pool_id: None,
        id: spec.id,
        generation: spec.generation,
        condition,
        allocated_bytes: None,
        incarnation: spec.incarnation,
        space: None,
        compaction: None,
    }
}

pub(super) fn snapshot_status(spec: &SnapshotSpec, condition: SnapshotCondition) -> SnapshotStatus {
    let facts = (condition == SnapshotCondition::Ready).then(|| SnapshotFacts {
        taken_at: Timestamp::now(),
        size_bytes: 1 << 30,
        allocated_bytes: 1 << 20,
        extents: 1,
        stall_us: 500,
        compacted: false,
    });
    SnapshotStatus {
        pool_id: None,
        id: spec.id,
        volume_id: spec.volume_id,
        generation: spec.generation,
        condition,
        facts,
        checksum: None,
        exclusive: None,
        verification: None,
    }
}

pub(super) fn hello(host_id: HostId, highest_generation: u64) -> Hello {
    Hello {
        protocol: PROTOCOL,
        host_id,
        hostname: "host".into(),
        version: "0".into(),
        highest_generation: Generation(highest_generation),
        templates: vec!["busybox".into()],
    }
}

fn pool() -> PoolReport {
    PoolReport { capacity_bytes: 1000, used_bytes: 400, ..PoolReport::default() }
}

pub(super) fn running() -> InstanceState {
    InstanceState::Running { pid: 7 }
}

pub(super) fn failed(code: FailureCode, message: &str) -> Failure {
    Failure { code, message: message.into() }
}

pub(super) fn desired(spec: &InstanceSpec, id: AttachmentId) -> Option<DesiredAttachment> {
    spec.attachments.iter().find(|attachment| attachment.id == id).map(|attachment| attachment.desired)
}

pub(super) fn new_volume() -> NewVolume {
    NewVolume { name: "data".into(), size_bytes: 1 << 30, ..NewVolume::default() }
}

pub(super) fn attachment_of(volume_id: VolumeId) -> NewAttachment {
    NewAttachment { volume_id, mount_path: None, read_only: false }
}

pub(super) fn new_computer() -> NewComputer {
    NewComputer {
        name: "box".into(),
        template_type: "busybox".into(),
        size: ComputerSize::Small,
        network: Network::Isolated,
        env: BTreeMap::new(),
        command: None,
        metadata: BTreeMap::new(),
        visibility: None,
        project_id: None,
        workspace_id: None,
        external_workspace_id: None,
        external_user_id: None,
        external_project_id: None,
        host_id: None,
        auto_start: true,
    }
}
