//! A host in memory: behaves as a real driver without any process, and fails on request.
//!
//! It keeps the contract that [`conformance`](crate::conformance) checks. Tests cause the events that happen to real instances:
//! a call fails, the first process ends, a process holds a volume, the host reboots.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use miosa_domain::spec::InstanceSpec;
use miosa_domain::staged::Staged;
use miosa_domain::status::Holder;
use miosa_domain::{InstanceId, MountPath};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};

use crate::{
    Capabilities, Changed, ContainerState, EXEC_TIMED_OUT, ExecEvent, ExecRequest, ExecStream, HttpError,
    HttpProbe, InstanceDriver, InstanceObservation, LogLine, LogStream, Published, Reach, RuntimeError,
    check,
};

/// The exit code of a process that SIGTERM ended, as of the default template's init.
const STOPPED_CODE: i32 = 0;

/// The calls of [`InstanceDriver`], as the fake records and fails them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Observe,
    List,
    Create,
    Publish,
    Unpublish(Reach),
    Start,
    Stop,
    RemoveContainer,
    Destroy,
    EndProcesses,
    Exec,
    ProbeHttp,
    Logs,
}

/// How an instance in memory responds over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAnswer {
    Status(u16),
    Error(HttpError),
    /// Never responds.
    Silence,
}

/// An in-memory [`InstanceDriver`].
#[derive(Debug, Clone)]
pub struct FakeDriver {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    templates: Vec<String>,
    instances: BTreeMap<InstanceId, FakeInstance>,
    failures: Vec<(Call, RuntimeError)>,
    calls: Vec<(Call, Option<InstanceId>)>,
    exec_answers: VecDeque<Vec<ExecEvent>>,
    /// By instance; used by every call until it is changed.
    constant_execs: BTreeMap<InstanceId, Vec<ExecEvent>>,
    constant_http: BTreeMap<InstanceId, HttpAnswer>,
    next_pid: u32,
}

#[derive(Debug)]
struct FakeInstance {
    seen: InstanceObservation,
    holders: BTreeMap<u64, Vec<Holder>>,
    logs: Vec<LogLine>,
    /// True while there is a first process.
    alive: watch::Sender<bool>,
}

impl Default for FakeDriver {
    fn default() -> Self {
        Self::new(&["miosa-default", "miosa-desktop", "miosa-sandbox", "busybox"])
    }
}

impl FakeDriver {
    pub fn new(templates: &[&str]) -> Self {
        let mut templates: Vec<String> = templates.iter().map(|&name| name.to_owned()).collect();
        templates.sort();
        let state = State {
            templates,
            instances: BTreeMap::new(),
            failures: Vec::new(),
            calls: Vec::new(),
            exec_answers: VecDeque::new(),
            constant_execs: BTreeMap::new(),
            constant_http: BTreeMap::new(),
            next_pid: 100,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The next `call`, for any instance, fails with `error` and does nothing. Several errors are returned in order.
    pub fn fail_next(&self, call: Call, error: RuntimeError) {
        self.state().failures.push((call, error));
    }

    /// Cancels all failures still to come.
    pub fn fail_no_more(&self) {
        self.state().failures.clear();
    }

    /// Every call so far in order, including failed ones.
    pub fn calls(&self) -> Vec<(Call, Option<InstanceId>)> {
        self.state().calls.clone()
    }

    /// The first process ends on its own.
    pub fn end_first_process(&self, id: InstanceId, code: Option<i32>) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.end(code);
        }
    }

    /// Moves the start time of the first process into the past.
    pub fn age(&self, id: InstanceId, by: SignedDuration) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.seen.started_at = instance.seen.started_at.map(|at| at - by);
        }
    }

    /// From now on unpublishing the device fails with these holders; with none, it succeeds.
    pub fn set_holders(&self, id: InstanceId, device_number: u64, holders: Vec<Holder>) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            instance.holders.insert(device_number, holders);
        }
    }

    /// The events of the next `exec`. Without it a command writes nothing and exits with 0.
    pub fn answer_exec(&self, events: Vec<ExecEvent>) {
        self.state().exec_answers.push_back(events);
    }

    /// The events of every later `exec` in the instance, except for those set by [`answer_exec`](Self::answer_exec).
    pub fn answer_every_exec(&self, id: InstanceId, events: Vec<ExecEvent>) {
        self.state().constant_execs.insert(id, events);
    }

    /// The response to every later HTTP request. Without it nothing listens.
    pub fn answer_http(&self, id: InstanceId, answer: HttpAnswer) {
        self.state().constant_http.insert(id, answer);
    }

    /// The instance's first process writes a line.
    pub fn write_log(&self, id: InstanceId, text: &str) {
        if let Some(instance) = self.state().instances.get_mut(&id) {
            let line = LogLine { time: Timestamp::now(), stream: LogStream::Stdout, text: text.to_owned() };
            instance.logs.push(line);
        }
    }

    /// The host reboots: processes and mounts are gone, files that instances wrote persist.
    pub fn reboot(&self) {
        for instance in self.state().instances.values_mut() {
            instance.end(None);
            instance.seen.rootfs_mounted = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn begin(&self, call: Call, id: Option<InstanceId>) -> Result<MutexGuard<'_, State>, RuntimeError> {
        let mut state = self.state();
        state.calls.push((call, id));
        match state.failures.iter().position(|(failing, _)| *failing == call) {
            Some(index) => Err(state.failures.remove(index).1),
            None => Ok(state),
        }
    }
}

impl State {
    /// The instance, if it has a first process.
    fn live(&mut self, id: InstanceId) -> Result<&mut FakeInstance, RuntimeError> {
        match self.instances.get_mut(&id) {
            Some(instance) if instance.first_process().is_some() => Ok(instance),
            _ => Err(RuntimeError::NotRunning { id }),
        }
    }
}

impl FakeInstance {
    fn first_process(&self) -> Option<u32> {
        match self.seen.container {
            ContainerState::Created { pid, .. } | ContainerState::Running { pid, .. } => Some(pid),
            ContainerState::Absent | ContainerState::Exited { .. } => None,
        }
    }

    /// The first process ends, and with it every process and mount of the instance.
    fn end(&mut self, code: Option<i32>) {
        if let ContainerState::Created { run, .. } | ContainerState::Running { run, .. } = self.seen.container
        {
            let ran = matches!(self.seen.container, ContainerState::Running { .. });
            self.seen.container = ContainerState::Exited { code, run, ran };
            self.seen.ended_at = Some(Timestamp::now());
        }
        self.seen.published.clear();
        self.holders.clear();
        self.alive.send_replace(false);
    }
}

impl InstanceDriver for FakeDriver {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            exec: true,
            http_probes: true,
            logs: true,
            publish_mounts: true,
            publish_devices: true,
        }
    }

    fn observe(&self, id: InstanceId) -> Result<InstanceObservation, RuntimeError> {
        let state = self.begin(Call::Observe, Some(id))?;
        let seen = state.instances.get(&id).map(|instance| instance.seen.clone());
        Ok(seen.unwrap_or_else(InstanceObservation::nothing))
    }

    fn list(&self) -> Result<Vec<InstanceId>, RuntimeError> {
        Ok(self.begin(Call::List, None)?.instances.keys().copied().collect())
    }

    fn create(&self, spec: &InstanceSpec) -> Result<u32, RuntimeError> {
        let id = spec.id;
        let mut state = self.begin(Call::Create, Some(id))?;
        check_template(&state.templates, &spec.template)?;
        let pid = state.next_pid;
        let instance = state.instances.entry(id).or_insert_with(|| FakeInstance {
            seen: InstanceObservation::nothing(),
            holders: BTreeMap::new(),
            logs: Vec::new(),
            alive: watch::Sender::new(false),
        });
        if instance.seen.container != ContainerState::Absent {
            return Err(RuntimeError::ContainerExists { id });
        }
        let container = ContainerState::Created { pid, run: spec.run };
        instance.seen =
            InstanceObservation { container, rootfs_mounted: true, ..InstanceObservation::nothing() };
        instance.alive.send_replace(true);
        state.next_pid += 1;
        Ok(pid)
    }

    fn publish(
        &self,
        id: InstanceId,
        volume: &Staged,
        path: &MountPath,
        read_only: bool,
    ) -> Result<Changed, RuntimeError> {
        let mut state = self.begin(Call::Publish, Some(id))?;
        let device_number = volume.device_number();
        let instance = state.live(id)?;
        let wanted = Published { device_number, path: path.as_str().into(), read_only };
        if instance.seen.published.contains(&wanted) {
            return Ok(Changed::Unchanged);
        }
        if instance.seen.published.iter().any(|p| p.path == wanted.path || p.device_number == device_number) {
            let reason = "something else is mounted there, or the volume elsewhere".to_owned();
            return Err(RuntimeError::PathUnusable { id, path: path.clone(), reason });
        }
        instance.seen.published.push(wanted);
        Ok(Changed::Changed)
    }

    fn unpublish(&self, id: InstanceId, device_number: u64, reach: Reach) -> Result<Changed, RuntimeError> {
        let mut state = self.begin(Call::Unpublish(reach), Some(id))?;
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(Changed::Unchanged) };
        if !instance.seen.published.iter().any(|p| p.device_number == device_number) {
            return Ok(Changed::Unchanged);
        }
        match instance.holders.get(&device_number) {
            Some(holders) if !holders.is_empty() => Err(RuntimeError::Busy { id, holders: holders.clone() }),
            _ => {
                instance.seen.published.retain(|p| p.device_number != device_number);
                Ok(Changed::Changed)
            }
        }
    }

    fn start(&self, id: InstanceId) -> Result<(), RuntimeError> {
        let mut state = self.begin(Call::Start, Some(id))?;
        let instance = state.live(id)?;
        match instance.seen.container {
            ContainerState::Created { pid, run } => {
                instance.seen.container = ContainerState::Running { pid, run };
                instance.seen.started_at = Some(Timestamp::now());
                Ok(())
            }
            _ => Err(RuntimeError::AlreadyStarted { id }),
        }
    }

    fn stop(&self, id: InstanceId, _grace: Duration) -> Result<Option<i32>, RuntimeError> {
        let mut state = self.begin(Call::Stop, Some(id))?;
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(None) };
        if instance.first_process().is_some() {
            instance.end(Some(STOPPED_CODE));
        }
        match instance.seen.container {
            ContainerState::Exited { code, .. } => Ok(code),
            _ => Ok(None),
        }
    }

    fn remove_container(&self, id: InstanceId) -> Result<Changed, RuntimeError> {
        let mut state = self.begin(Call::RemoveContainer, Some(id))?;
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(Changed::Unchanged) };
        if instance.seen.container == ContainerState::Absent && !instance.seen.rootfs_mounted {
            return Ok(Changed::Unchanged);
        }
        instance.end(None);
        instance.seen = InstanceObservation::nothing();
        Ok(Changed::Changed)
    }

    fn destroy(&self, id: InstanceId) -> Result<Changed, RuntimeError> {
        let mut state = self.begin(Call::Destroy, Some(id))?;
        match state.instances.remove(&id) {
            None => Ok(Changed::Unchanged),
            Some(mut instance) => {
                instance.end(None);
                Ok(Changed::Changed)
            }
        }
    }

    fn end_processes(&self, id: InstanceId, pids: &[u32]) -> Result<bool, RuntimeError> {
        let mut state = self.begin(Call::EndProcesses, Some(id))?;
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(false) };
        for holders in instance.holders.values_mut() {
            holders.retain(|holder| !pids.contains(&holder.pid));
        }
        let first = instance.first_process().is_some_and(|pid| pids.contains(&pid));
        if first {
            instance.end(Some(STOPPED_CODE));
        }
        Ok(first)
    }

    fn exec(&self, id: InstanceId, request: ExecRequest) -> Result<ExecStream, RuntimeError> {
        let mut state = self.begin(Call::Exec, Some(id))?;
        match state.live(id)?.seen.container {
            ContainerState::Running { .. } => {}
            _ => return Err(RuntimeError::NotRunning { id }),
        }
        let events = if request.timeout.is_zero() {
            vec![ExecEvent::Exit { code: EXEC_TIMED_OUT, timed_out: true }]
        } else {
            let scripted = state.exec_answers.pop_front().or_else(|| state.constant_execs.get(&id).cloned());
            scripted.unwrap_or_else(|| vec![ExecEvent::Exit { code: 0, timed_out: false }])
        };
        let (sender, receiver) = mpsc::channel(events.len().max(1));
        for event in events {
            sender.try_send(event).expect("the channel holds as many as there are");
        }
        Ok(ExecStream::new(receiver))
    }

    fn probe_http(&self, id: InstanceId, port: u16, path: &str) -> Result<HttpProbe, RuntimeError> {
        let mut state = self.begin(Call::ProbeHttp, Some(id))?;
        check::http_path(path).map_err(|reason| RuntimeError::ProbeFailed { id, reason })?;
        match state.live(id)?.seen.container {
            ContainerState::Running { .. } => {}
            _ => return Err(RuntimeError::NotRunning { id }),
        }
        Ok(match state.constant_http.get(&id).cloned() {
            None => Box::pin(std::future::ready(Err(HttpError::Refused { port }))),
            Some(HttpAnswer::Status(status)) => Box::pin(std::future::ready(Ok(status))),
            Some(HttpAnswer::Error(error)) => Box::pin(std::future::ready(Err(error))),
            Some(HttpAnswer::Silence) => Box::pin(std::future::pending()),
        })
    }

    fn logs(&self, id: InstanceId, tail_lines: usize) -> Result<Vec<LogLine>, RuntimeError> {
        let state = self.begin(Call::Logs, Some(id))?;
        let lines = state.instances.get(&id).map_or(&[][..], |instance| &instance.logs);
        Ok(lines[lines.len().saturating_sub(tail_lines)..].to_vec())
    }

    /// Ends after the present lines: only tests write to an instance in memory.
    fn follow_logs(
        &self,
        id: InstanceId,
        tail_lines: usize,
    ) -> Result<mpsc::Receiver<LogLine>, RuntimeError> {
        let lines = self.logs(id, tail_lines)?;
        let (sender, receiver) = mpsc::channel(lines.len().max(1));
        for line in lines {
            sender.try_send(line).expect("the channel holds as many as there are");
        }
        Ok(receiver)
    }

    fn exited(&self, id: InstanceId) -> BoxFuture<'static, ()> {
        let alive = self.state().instances.get(&id).map(|instance| instance.alive.subscribe());
        Box::pin(async move {
            if let Some(mut alive) = alive {
                // An error means that the instance was destroyed.
                let _ = alive.wait_for(|alive| !alive).await;
            }
        })
    }

    fn validate(&self, spec: &InstanceSpec) -> Result<(), RuntimeError> {
        check_template(&self.state().templates, &spec.template)
    }

    fn templates(&self) -> Vec<String> {
        self.state().templates.clone()
    }
}

fn check_template(known: &[String], name: &str) -> Result<(), RuntimeError> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(RuntimeError::UnknownTemplate { name: name.to_owned(), known: known.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, Volume};

    #[tokio::test]
    async fn the_fake_conforms() {
        let volume = |number: u64| Volume {
            mount_point: format!("/fake/{number}").into(),
            device_number: 7 << 8 | number,
        };
        conformance::run(&FakeDriver::default(), &[volume(1), volume(2)]).await;
    }

    /// The driver's results show what a test did to the fake.
    #[tokio::test]
    async fn failures_come_on_request() {
        let fake = FakeDriver::default();
        let spec = conformance::spec(conformance::new_id(), 1);
        let refused = RuntimeError::InvalidSpec { reason: "on request".into() };
        fake.fail_next(Call::Create, refused);
        assert!(matches!(fake.create(&spec), Err(RuntimeError::InvalidSpec { .. })));
        fake.create(&spec).unwrap();
        fake.start(spec.id).unwrap();
        let path = MountPath::parse("/mnt/a").unwrap();
        fake.publish(
            spec.id,
            &Staged::Device { device: "/dev/fake1".into(), device_number: 1 },
            &path,
            false,
        )
        .unwrap();
        let holder = Holder { pid: 7, command: "sleep".into() };
        fake.set_holders(spec.id, 1, vec![holder.clone()]);
        let Err(RuntimeError::Busy { holders, .. }) = fake.unpublish(spec.id, 1, Reach::Instance) else {
            panic!("not busy")
        };
        assert_eq!(holders, [holder]);
        assert!(!fake.end_processes(spec.id, &[7]).unwrap());
        assert_eq!(fake.unpublish(spec.id, 1, Reach::Instance).unwrap(), Changed::Changed);
        let exited = fake.exited(spec.id);
        fake.reboot();
        exited.await;
        let seen = fake.observe(spec.id).unwrap();
        assert_eq!(
            (seen.container, seen.rootfs_mounted),
            (ContainerState::Exited { code: None, run: 1, ran: true }, false)
        );
        assert_eq!(fake.calls().iter().filter(|(call, _)| *call == Call::Create).count(), 2);
    }
}
