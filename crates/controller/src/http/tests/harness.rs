//! A whole control plane in one process, and an obliging agent on a real unix socket.
//!
//! The agent reports every spec as done. Commands are answered by what they say: see [`FakeAgent::exec`] and, for the first
//! process of a service's replica, [`instance_done`].

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use futures::StreamExt;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use miosa_api::agent_v1::{
    AgentClient, AgentMessage, ControllerMessage, Hello, PROTOCOL, PoolReport, Report, StreamEvent,
};
use miosa_control::{App, OUTCOME_WAIT, now};
use miosa_domain::kind::{Spec, Status};
use miosa_domain::spec::{
    DesiredAttachment, DesiredRun, InstanceSpec, Presence, SnapshotPresence, SnapshotSpec, VolumeSpec,
};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, CompactionState, CompactionStatus, ExclusiveBytes, Failure,
    FailureCode, Health, InstanceState, InstanceStatus, SnapshotCondition, SnapshotFacts, SnapshotStatus,
    Verification, VerificationOutcome, VolumeCondition, VolumeStatus,
};
use miosa_domain::{Generation, HostId};
use miosa_store::Store;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::Service;
use uuid::Uuid;

use super::inside;
use crate::ControllerConfig;
use crate::http::Api;
use crate::serve::serve_agents;
use crate::session::{AgentSessions, HOST_GRACE, Links};

pub(super) const KEY: &str = "msk_a_0123456789abcdef0123456789abcdef";

/// Of every id that nothing has.
pub(super) const NOBODY: &str = "0198c0de-0000-7000-8000-00000000dead";

/// The instant of scheduled snapshots: long past any retention.
pub(super) const LONG_AGO: &str = "2020-02-29T04:00:00Z";

type Heard = Arc<Mutex<Vec<ControllerMessage>>>;

pub(super) struct World {
    api: Api,
    pub(super) app: App,
    pub(super) store: Store,
    pub(super) closing: CancellationToken,
    heard: Heard,
    agent: Option<AbortHandle>,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl World {
    /// A control plane that no agent has connected to.
    pub(super) async fn without_agent() -> Self {
        Self::built(1000).await
    }

    async fn built(volumes_per_project: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ControllerConfig {
            database: folder.path().join("controller.db"),
            admin_key_hash: hex::encode(Sha256::digest(KEY)),
            limits: miosa_domain::limits::Limits { volumes_per_project, ..Default::default() },
            agent_uid: rustix::process::getuid().as_raw(),
            region: "local".into(),
        };
        let store = Store::open(&config.database, config.limits.clone()).await.unwrap();
        store.bootstrap(&config.admin_key_hash, now()).await.unwrap();
        let links = Arc::new(Links::new(HOST_GRACE));
        let app = App::new(store.clone(), links.clone(), config.region.clone(), OUTCOME_WAIT);
        let closing = CancellationToken::new();
        let api = Api::new(app.clone(), &config, closing.clone());
        let listener = UnixListener::bind(folder.path().join("agent.sock")).unwrap();
        let mut tasks = JoinSet::new();
        let sessions = AgentSessions { app: app.clone(), links, agent_uid: config.agent_uid };
        tasks.spawn(serve_agents(listener, miosa_api::agent_v1::AgentServer::new(Arc::new(sessions))));
        Self {
            api,
            app,
            store,
            closing,
            heard: Heard::default(),
            agent: None,
            _tasks: tasks,
            _folder: folder,
        }
    }

    /// A control plane that is ready.
    pub(super) async fn new() -> Self {
        Self::with_volumes_max(1000).await
    }

    /// One that is ready and whose projects have few volumes.
    pub(super) async fn with_volumes_max(volumes_per_project: u32) -> Self {
        let mut world = Self::built(volumes_per_project).await;
        let socket = world._folder.path().join("agent.sock");
        let heard = world.heard.clone();
        world.agent = Some(world._tasks.spawn(async move { FakeAgent::run(&socket, heard).await }));
        while world.get("/readyz").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world
    }

    /// Ends the agent's connection for good.
    pub(super) async fn lose_agent(&self) {
        self.agent.as_ref().expect("there is an agent").abort();
        while self.get("/readyz").await.status == StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the agent was asked to look at in snapshots, and which streams it was told to close.
    pub(super) fn heard(&self) -> Vec<ControllerMessage> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &body.to_string()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, "").await
    }

    /// With the admin key.
    pub(super) async fn call(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call_with(method, path, &[], body).await
    }

    /// With the admin key and these headers; one of them may be another `authorization`.
    pub(super) async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {KEY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.open(request).await).await
    }

    /// The answer's header; its body is still to be read.
    pub(super) async fn open(&self, request: Request<Body>) -> Response {
        self.api.clone().call(request).await.unwrap()
    }

    /// A new volume's id.
    pub(super) async fn volume(&self, name: &str) -> String {
        let answer = self.post("/volumes", serde_json::json!({ "name": name, "size_gb": 1 })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The id of a new snapshot that is ready.
    pub(super) async fn snapshot(&self, volume: &str) -> String {
        let made = self.post(&format!("/volumes/{volume}/snapshots"), serde_json::json!({})).await.twin(201);
        assert_eq!(made["status"], "ready", "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// The id of a new service, made from `fields` and, where they do not say otherwise, from a template.
    pub(super) async fn service(&self, fields: Value) -> String {
        let mut body = serde_json::json!({ "name": "shop", "template_ref": "miosa-default" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let made = self.post("/services", body).await.twin(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// The service once release `number` is served.
    pub(super) async fn active(&self, service: &str, number: u64) -> Value {
        let path = format!("/services/{service}");
        self.until(&path, |it| it["status"] == "running" && it["active_release_number"] == number).await
    }

    /// What `path` answers (of a twin the object) once `is_so` of it. The agent answers by itself, so the wait is for messages that are on their way.
    #[track_caller]
    pub(super) fn until<'a>(
        &'a self,
        path: &'a str,
        is_so: impl Fn(&Value) -> bool + 'a,
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut last = Value::Null;
            for _ in 0..4000 {
                last = self.get(path).await.json();
                if is_so(&last) {
                    return if last["data"].is_object() { last["data"].take() } else { last };
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            panic!("{caller}: {path} did not become so: {last}");
        }
    }

    /// The id of a new computer that runs.
    pub(super) async fn computer(&self, name: &str) -> String {
        let answer = self.post("/computers", serde_json::json!({ "name": name })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        while self.get(&format!("/computers/{id}")).await.json()["status"] != "running" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        id
    }
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A refusal with this status and code, in a whole envelope. Answers the body.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let json = self.envelope();
        assert_eq!(json["code"], code, "{self:?}");
        json
    }

    /// The body of a refusal, after checking all that every client relies on.
    #[track_caller]
    pub(super) fn envelope(&self) -> Value {
        let json = self.json();
        for field in ["code", "message", "request_id"] {
            assert!(json[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {self:?}");
            assert_eq!(json[field], json["error"][field], "{self:?}");
        }
        assert_eq!(self.header("x-request-id"), json["request_id"].as_str());
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("content-length"), Some(self.body.len().to_string().as_str()));
        assert!(json["error"]["details"].is_object() && json["error"]["retryable"].is_boolean(), "{self:?}");
        let retry_after = self.header("retry-after").map(|text| text.parse::<u64>().expect("whole seconds"));
        assert_eq!(json["error"]["retryable"] == true, retry_after.is_some(), "{self:?}");
        assert_eq!(json["retry_after"].as_u64(), retry_after, "{self:?}");
        if let Some(errors) = json.get("errors") {
            assert!(errors.as_object().is_some_and(|fields| !fields.is_empty()), "{self:?}");
            assert_eq!(errors, &json["error"]["details"]["errors"]);
        }
        json
    }

    /// A success that says everything at the top level and again under `data`. Answers the object.
    #[track_caller]
    pub(super) fn twin(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let mut json = self.json();
        let data = json.as_object_mut().unwrap().remove("data").expect("data");
        assert_eq!(json, data);
        assert!(self.header("x-request-id").is_some());
        json
    }
}

struct FakeAgent {
    messages: mpsc::UnboundedSender<AgentMessage>,
    heard: Heard,
}

impl FakeAgent {
    async fn run(socket: &Path, heard: Heard) {
        let socket = socket.to_owned();
        let connector = tower::service_fn(move |_: axum::http::Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://agent");
        let channel = endpoint.connect_with_connector(connector).await.unwrap();
        let (messages, outgoing) = mpsc::unbounded_channel();
        let agent = Self { messages, heard };
        agent.say(AgentMessage::Hello(Hello {
            protocol: PROTOCOL,
            host_id: HostId::from_uuid(Uuid::now_v7()),
            hostname: "test-host".into(),
            version: "0".into(),
            highest_generation: Generation::default(),
            templates: ["miosa-default", "miosa-desktop", "miosa-sandbox"].map(Into::into).into(),
        }));
        let outgoing = tokio_stream::wrappers::UnboundedReceiverStream::new(outgoing);
        let mut incoming = AgentClient::new(channel).session(outgoing).await.unwrap();
        while let Some(Ok(message)) = incoming.next().await {
            agent.hear(message);
        }
    }

    fn say(&self, message: AgentMessage) {
        // The controller may be gone; then nobody listens.
        let _ = self.messages.send(message);
    }

    fn hear(&self, message: ControllerMessage) {
        if matches!(message, ControllerMessage::Inspect { .. } | ControllerMessage::Close { .. }) {
            self.heard.lock().unwrap().push(message.clone());
        }
        match message {
            ControllerMessage::Specs { resync, more, specs } => {
                let done = |spec: &Spec| match spec {
                    Spec::Volume(spec) => Status::from(volume_done(spec)),
                    Spec::Instance(spec) => instance_done(spec).into(),
                    Spec::Snapshot(spec) => snapshot_done(spec).into(),
                };
                let statuses = specs.iter().map(done).collect();
                let pool =
                    PoolReport { capacity_bytes: 1 << 40, used_bytes: 1 << 30, ..PoolReport::default() };
                self.say(AgentMessage::Report(Report { statuses, pool: Some(pool) }));
                if resync && !more {
                    self.say(AgentMessage::Recovered);
                }
            }
            ControllerMessage::Exec { stream, request, .. } => {
                for event in Self::exec(&request.command) {
                    self.say(AgentMessage::Stream { stream, event });
                }
            }
            ControllerMessage::Logs { stream, .. } => {
                for second in 0..3 {
                    let timestamp = format!("2026-05-17T10:00:0{second}Z");
                    let event = StreamEvent::Log {
                        timestamp,
                        stream: "stdout".into(),
                        line: format!("line {second}"),
                    };
                    self.say(AgentMessage::Stream { stream, event });
                }
                self.say(AgentMessage::Stream { stream, event: StreamEvent::End });
            }
            ControllerMessage::Inspect { stream, request } => {
                for event in inside::inspected(&request) {
                    self.say(AgentMessage::Stream { stream, event });
                }
            }
            ControllerMessage::Forget { .. } | ControllerMessage::Close { .. } => {}
        }
    }

    /// `exit N` ends with N, `much` writes 9 MiB, `slow` times out, `break` fails, `for ever` does not end, `python3` is not
    /// found, and anything else is written back.
    fn exec(command: &str) -> Vec<StreamEvent> {
        let stdout = |data: &[u8]| StreamEvent::Stdout { data: data.to_vec() };
        let stderr = |data: &[u8]| StreamEvent::Stderr { data: data.to_vec() };
        let exit = |code| StreamEvent::Exit { code, timed_out: false };
        match command {
            "much" => (0..9).map(|_| stdout(&vec![b'x'; 1 << 20])).chain([exit(0)]).collect(),
            "slow" => vec![stdout(b"begun"), StreamEvent::Exit { code: 137, timed_out: true }],
            "break" => {
                let code = FailureCode::HostError;
                vec![StreamEvent::Failed(Failure { code, message: "it broke".into() })]
            }
            "for ever" => vec![stdout(b"begun")],
            // Two halves of one character.
            "cut" => vec![stdout(b"\xc3"), stdout(b"\xa9"), exit(0)],
            command if command.contains("python3") => vec![stderr(b"miosa: python3 not found\n"), exit(127)],
            command => match command.strip_prefix("exit ") {
                Some(code) => vec![stderr(b"failed"), exit(code.parse().unwrap())],
                None => vec![stdout(command.as_bytes()), exit(0)],
            },
        }
    }
}

fn volume_done(spec: &VolumeSpec) -> VolumeStatus {
    let condition = match spec.presence {
        Presence::Present => VolumeCondition::Ready,
        Presence::Trashed => VolumeCondition::InTrash,
        Presence::Purged => VolumeCondition::Gone,
    };
    let compaction = (spec.compaction > 0).then_some(CompactionStatus {
        number: spec.compaction,
        state: CompactionState::Done,
        extents_before: 90_000,
        extents_now: 12,
        done_bytes: 5 << 20,
        total_bytes: 5 << 20,
    });
    VolumeStatus {
        pool_id: None,
        id: spec.id,
        generation: spec.generation,
        condition,
        allocated_bytes: Some(5 << 20),
        incarnation: spec.incarnation,
        space: None,
        compaction,
    }
}

/// Ready at once, but for hooks that say `fail`. Those taken by schedule are old enough to be pruned.
fn snapshot_done(spec: &SnapshotSpec) -> SnapshotStatus {
    let is_scheduled = spec.take.stall == Some(StallRules::SCHEDULED);
    let condition = match spec.presence {
        SnapshotPresence::Purged => SnapshotCondition::Gone,
        SnapshotPresence::Kept if spec.take.hooks.before.as_deref() == Some("fail") => {
            let message = "the command before the snapshot ended with 1".into();
            SnapshotCondition::Failed(Failure { code: FailureCode::HookFailed, message })
        }
        SnapshotPresence::Kept => SnapshotCondition::Ready,
    };
    let facts = (condition == SnapshotCondition::Ready).then(|| SnapshotFacts {
        taken_at: if is_scheduled { LONG_AGO.parse().unwrap() } else { now() },
        size_bytes: 1 << 30,
        allocated_bytes: 5 << 20,
        extents: 12,
        stall_us: 1500,
        compacted: false,
    });
    let verification = (spec.verification > 0).then(|| Verification {
        number: spec.verification,
        at: Timestamp::now(),
        outcome: VerificationOutcome::Intact,
    });
    SnapshotStatus {
        pool_id: None,
        id: spec.id,
        volume_id: spec.volume_id,
        generation: spec.generation,
        condition,
        facts,
        checksum: None,
        exclusive: Some(ExclusiveBytes { bytes: 4096, measured_at: Timestamp::now() }),
        verification,
    }
}

/// As wanted, and healthy if somebody wants to know. A first process that begins with `crash` ends again and again, one with
/// `sick` does not become healthy, one with `done` has ended, and one with `unmountable` finds no place for its volumes.
fn instance_done(spec: &InstanceSpec) -> InstanceStatus {
    let first_process = spec.command.as_ref().and_then(|command| command.last()).map(String::as_str);
    let says = |word: &str| first_process.is_some_and(|line| line.starts_with(word));
    let runs = spec.desired == DesiredRun::Running;
    let unmountable =
        Failure { code: FailureCode::MountPathUnusable, message: "the mount path is a file".into() };
    let state = match spec.desired {
        DesiredRun::Running if says("unmountable") => InstanceState::Failed(unmountable.clone()),
        DesiredRun::Running if says("done") => InstanceState::Ended,
        DesiredRun::Running => InstanceState::Running { pid: 42 },
        DesiredRun::Stopped => InstanceState::Stopped,
        DesiredRun::Destroyed => InstanceState::Gone,
    };
    let health = match (&spec.health, says("crash") || says("done") || says("unmountable")) {
        (None, _) | (_, true) => Health::Unknown,
        _ if !runs => Health::Unknown,
        _ if says("sick") => Health::Unhealthy { reason: "its check answers 503".into() },
        _ => Health::Healthy,
    };
    let attachments = spec.attachments.iter().map(|attachment| {
        let state = match attachment.desired {
            DesiredAttachment::Attached if runs && says("unmountable") => {
                AttachmentCondition::Failed(unmountable.clone())
            }
            DesiredAttachment::Attached => AttachmentCondition::Attached,
            DesiredAttachment::Detached { .. } => AttachmentCondition::Detached,
        };
        AttachmentStatus { id: attachment.id, state, device: Some("/dev/loop7".into()) }
    });
    InstanceStatus {
        id: spec.id,
        generation: spec.generation,
        run: spec.run,
        exit_code: (says("crash") || says("done")).then_some(1),
        restart_count: if runs && says("crash") { 3 } else { 0 },
        started_at: matches!(state, InstanceState::Running { .. }).then(now),
        ended_at: matches!(state, InstanceState::Stopped | InstanceState::Gone | InstanceState::Ended)
            .then(now),
        state,
        health,
        attachments: attachments.collect(),
    }
}
