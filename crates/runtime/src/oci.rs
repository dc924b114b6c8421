//! The driver over an OCI runtime: runc, crun or youki, with conmon beside each container.
//!
//! ```text
//!   create   directory, ids ─ run.json without a process ─ overlay ─ config.json ─ conmon, runtime ─ run.json with the process
//!   publish  in a thread that enters the mount namespace of the first process (miosa_effects::namespace)
//!   start    the runtime starts the first process ─ run.json: started
//!   stop     SIGTERM, SIGKILL ─ exit code from conmon's file
//!   remove   end all processes ─ remove the runtime's state, control groups, mounts ─ remove run.json
//! ```
//!
//! **Crash safety.** After a crash anywhere in `create` there is a `run.json`: `observe` returns "exited" or "created", and
//! `remove_container` removes everything that was made. After a crash around `start`, the runtime's own state shows whether the
//! first process runs. After a crash in `remove_container`, `run.json` still exists and the next call continues. After a reboot
//! the boot id in the record is another one: the processes it names do not exist, and only files and mounts are removed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use miosa_domain::mount_path::reserved_folder;
use miosa_domain::spec::InstanceSpec;
use miosa_domain::staged::Staged;
use miosa_domain::{InstanceId, MountPath};
use miosa_effects::namespace::{self, NamespaceError};
use miosa_effects::process::{self, Identity, ProcessFd, find_program};
use miosa_effects::{Dir, Doing, SysError, holders, mount, network};
use miosa_failpoint::failpoint;
use oci_spec::runtime::Spec;
use parking_lot::{Mutex, RwLock};
use rustix::process::Signal;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::record::{Processes, RunRecord, SLOTS};
use crate::rootfs::{self, InstanceFolder};
use crate::template::Templates;
use crate::{
    Capabilities, Changed, ContainerState, ExecRequest, ExecStream, HttpProbe, InstanceDriver,
    InstanceObservation, LogLine, Published, Reach, RuntimeError, bundle, check, conmon, exec, http, logs,
};

mod clear;
mod make;

/// By preference, if the configuration names none.
const RUNTIMES: [&str; 3] = ["runc", "crun", "youki"];

/// A killed process ends at once, except while it is in an uninterruptible call of the kernel.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// Between SIGTERM and SIGKILL for processes that hold a volume.
const END_GRACE: Duration = Duration::from_secs(2);
/// conmon writes the exit code some milliseconds after the process ended.
const EXIT_CODE_TIMEOUT: Duration = Duration::from_secs(2);
/// A volume without a holder is busy for as long as a process resolves a path in it.
const BUSY_ATTEMPTS: u32 = 20;
const POLL_INTERVAL: Duration = Duration::from_millis(2);

const CONFIG_FILE: &str = "config.json";
const LOG_FILE: &str = "log";
const EXEC_PREFIX: &str = "exec-";

/// The part of the agent's configuration that is about running instances.
#[derive(Debug, Clone)]
pub struct OciConfig {
    /// Holds `instances/`, `templates/` and `runtime/`, and nothing of other programs. The root users of instances are other
    /// users on the host and must be able to walk through it: it gets mode 0711; the directories above it are not changed.
    pub data_dir: PathBuf,
    /// Name or absolute path of an OCI runtime; the first of runc, crun and youki that is installed when `None`.
    pub runtime: Option<String>,
    /// Absolute directories that instances may be made from, by template name.
    pub template_folders: BTreeMap<String, PathBuf>,
    /// The parent of the control groups of all instances, for example `/miosa`.
    pub cgroup_parent: String,
    /// The log of an instance is truncated when it reaches this size.
    pub log_max_bytes: u64,
}

impl OciConfig {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            runtime: None,
            template_folders: BTreeMap::new(),
            cgroup_parent: "/miosa".into(),
            log_max_bytes: 10 << 20,
        }
    }
}

/// An [`InstanceDriver`] over an OCI runtime.
#[derive(Debug)]
pub struct OciDriver {
    config: OciConfig,
    instances: Dir,
    runtime_root: PathBuf,
    templates: Templates,
    /// Slots of host ids in use by instances.
    slots: Mutex<BTreeSet<u32>>,
    /// For containers whose record does not say so: whether the first process was started, as this process or the runtime
    /// found.
    started: Mutex<HashMap<InstanceId, (Identity, bool)>>,
    /// Held for reading while a control group is created, which keeps its empty parent from being removed.
    cgroup_parent: RwLock<()>,
    execs: AtomicU64,
}

impl OciDriver {
    /// Opens or creates the data directory. Instances of an earlier process are found by `list`.
    pub fn open(config: OciConfig) -> Result<Self, RuntimeError> {
        let data = Dir::open_or_make(&config.data_dir)?;
        let walk_only = fs::Permissions::from_mode(0o711);
        fs::set_permissions(data.path(), walk_only).doing("set the mode of", data.path())?;
        for (name, mode) in [("instances", 0o711), ("templates", 0o700), ("runtime", 0o700)] {
            data.ensure_dir(name)?;
            let path = data.path().join(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).doing("set the mode of", &path)?;
        }
        data.sync()?;
        let instances = data.open_dir("instances")?;
        check::reachable(instances.path())?;
        rootfs::remove_leftovers(&instances)?;
        let templates = Templates::new(data.path().join("templates"), config.template_folders.clone());
        if let Err(error) = templates.root(crate::template::DEFAULT_TEMPLATE) {
            tracing::warn!(%error, "the default template cannot be used");
        }
        let driver = Self {
            runtime_root: data.path().join("runtime"),
            config,
            instances,
            templates,
            slots: Mutex::default(),
            started: Mutex::default(),
            cgroup_parent: RwLock::default(),
            execs: AtomicU64::new(0),
        };
        for id in driver.list()? {
            match InstanceFolder::open(&driver.instances, id) {
                Ok(folder) => driver.slots.lock().extend(folder.map(|folder| folder.identity.slot())),
                Err(error) => {
                    tracing::warn!(%id, %error, "an instance directory cannot be read and is left alone")
                }
            }
        }
        // Left by a driver that was killed after it removed the last group in it.
        crate::cgroup::remove_if_empty(&driver.config.cgroup_parent)?;
        Ok(driver)
    }

    fn cgroup(&self, id: InstanceId) -> String {
        format!("{}/{id}", self.config.cgroup_parent)
    }

    fn runtime(&self) -> Result<PathBuf, RuntimeError> {
        let names = match &self.config.runtime {
            Some(name) => vec![name.as_str()],
            None => RUNTIMES.to_vec(),
        };
        names.iter().find_map(|name| find_program(name)).ok_or_else(|| RuntimeError::NotInstalled {
            what: format!("no OCI runtime ({}) is installed", names.join(", ")),
            remedy: "install the package runc, or name another runtime in the configuration".into(),
        })
    }

    fn conmon(&self) -> Result<PathBuf, RuntimeError> {
        find_program("conmon").ok_or_else(|| RuntimeError::NotInstalled {
            what: "conmon is not installed".into(),
            remedy: "install the package conmon".into(),
        })
    }

    /// Calls the runtime that created the container. Returns its stdout.
    fn call_runtime(
        &self,
        id: InstanceId,
        record: &RunRecord,
        call: &'static str,
        args: &[&str],
    ) -> Result<Vec<u8>, RuntimeError> {
        let root = self.runtime_root.as_os_str();
        let mut all = vec!["--root".as_ref(), root, call.as_ref()];
        let id_text = id.to_string();
        all.extend(args.iter().map(|arg| std::ffi::OsStr::new(*arg)));
        all.push(id_text.as_ref());
        process::run(&record.runtime, &all).map(|output| output.stdout).map_err(|error| {
            RuntimeError::Runtime {
                id,
                doing: call,
                message: match error {
                    process::ProcessError::Failed { stderr, .. } => conmon::message(stderr.as_bytes()),
                    other => other.to_string(),
                },
            }
        })
    }

    /// The directory and record of an instance whose first process exists, with a handle to that process.
    fn live(&self, id: InstanceId) -> Result<(InstanceFolder, RunRecord, ProcessFd), RuntimeError> {
        let not_running = || RuntimeError::NotRunning { id };
        let folder = InstanceFolder::open(&self.instances, id)?.ok_or_else(not_running)?;
        let record = RunRecord::read(&folder.dir)?.ok_or_else(not_running)?;
        let processes = record.processes.as_ref().ok_or_else(not_running)?;
        let process = ProcessFd::open(&processes.first)?.ok_or_else(not_running)?;
        Ok((folder, record, process))
    }

    /// As `live`, if the first process was started.
    fn running(&self, id: InstanceId) -> Result<(InstanceFolder, RunRecord, ProcessFd), RuntimeError> {
        let (folder, record, process) = self.live(id)?;
        match &record.processes {
            Some(processes) if self.is_started(id, &record, &processes.first)? => {
                Ok((folder, record, process))
            }
            _ => Err(RuntimeError::NotRunning { id }),
        }
    }

    /// Whether the first process, which exists, was started.
    fn is_started(&self, id: InstanceId, record: &RunRecord, first: &Identity) -> Result<bool, RuntimeError> {
        if record.started {
            return Ok(true);
        }
        if let Some((of, started)) = self.started.lock().get(&id)
            && of == first
        {
            return Ok(*started);
        }
        // An earlier agent crashed between `create` and `start`, or between `start` and its record.
        #[derive(serde::Deserialize)]
        struct State {
            status: String,
        }
        let answer = self.call_runtime(id, record, "state", &[])?;
        let state: State = serde_json::from_slice(&answer).map_err(|error| RuntimeError::Runtime {
            id,
            doing: "understand the state of",
            message: error.to_string(),
        })?;
        let started = state.status != "created";
        self.started.lock().insert(id, (first.clone(), started));
        Ok(started)
    }

    /// The exit code of the first process, which has ended, if conmon recorded it.
    fn exit_code(
        &self,
        id: InstanceId,
        folder: &Path,
        processes: &Processes,
    ) -> Result<Option<i32>, SysError> {
        let deadline = Instant::now() + EXIT_CODE_TIMEOUT;
        loop {
            // Checked before the file is read: a conmon that has ended has written its file.
            let may_come = match &processes.conmon {
                Some(conmon) => conmon.is_alive()?,
                None => false,
            };
            match conmon::exit_code(folder, id)? {
                #[expect(clippy::disallowed_methods, reason = "drivers run in blocking tasks")]
                None if may_come && Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
                code => return Ok(code),
            }
        }
    }

    fn free_slot(&self) -> Result<u32, RuntimeError> {
        let mut slots = self.slots.lock();
        let free = (0..SLOTS).find(|slot| !slots.contains(slot));
        let free =
            free.ok_or(RuntimeError::InvalidSpec { reason: "this host holds too many instances".into() })?;
        slots.insert(free);
        Ok(free)
    }
}

impl InstanceDriver for OciDriver {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            exec: true,
            http_probes: true,
            logs: true,
            publish_mounts: true,
            publish_devices: false,
        }
    }

    fn observe(&self, id: InstanceId) -> Result<InstanceObservation, RuntimeError> {
        let nothing = InstanceObservation::nothing();
        let Some(folder) = InstanceFolder::open(&self.instances, id)? else { return Ok(nothing) };
        let nothing = InstanceObservation { rootfs_mounted: folder.rootfs_device()?.is_some(), ..nothing };
        let Some(record) = RunRecord::read(&folder.dir)? else { return Ok(nothing) };
        let run = record.run;
        let Some(processes) = &record.processes else {
            // A crash in `create`.
            let container = ContainerState::Exited { code: None, run, ran: false };
            return Ok(InstanceObservation { container, ..nothing });
        };
        let nothing = InstanceObservation { started_at: record.started_at, ..nothing };
        let mut attempts = 0;
        while processes.first.is_alive()? {
            let pid = processes.first.pid;
            let seen = self.is_started(id, &record, &processes.first).and_then(|started| {
                let container = if started {
                    ContainerState::Running { pid, run }
                } else {
                    ContainerState::Created { pid, run }
                };
                Ok(InstanceObservation { container, published: published(pid)?, ..nothing.clone() })
            });
            // The mount table of an exiting process may be incomplete or unreadable, and the process stays for some moments:
            // the observation counts only if the process is still alive after it.
            if seen.is_ok() || attempts >= BUSY_ATTEMPTS {
                if processes.first.is_alive()? {
                    return seen;
                }
                break;
            }
            attempts += 1;
            #[expect(clippy::disallowed_methods, reason = "drivers run in blocking tasks")]
            std::thread::sleep(POLL_INTERVAL);
        }
        let code = self.exit_code(id, folder.dir.path(), processes)?;
        let known = self.started.lock().get(&id).is_some_and(|(of, ran)| *ran && *of == processes.first);
        let container = ContainerState::Exited { code, run, ran: record.started || known };
        let ended_at = conmon::exited_at(folder.dir.path(), id)?;
        Ok(InstanceObservation { container, ended_at, ..nothing })
    }

    fn list(&self) -> Result<Vec<InstanceId>, RuntimeError> {
        let names = self.instances.names()?;
        let mut ids: Vec<InstanceId> = names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
        ids.sort();
        Ok(ids)
    }

    fn create(&self, spec: &InstanceSpec) -> Result<u32, RuntimeError> {
        let id = spec.id;
        self.validate(spec)?;
        let folder = match InstanceFolder::open(&self.instances, id)? {
            Some(folder) => folder,
            None => {
                let slot = self.free_slot()?;
                InstanceFolder::make(&self.instances, id, slot).inspect_err(|_| {
                    self.slots.lock().remove(&slot);
                })?
            }
        };
        if RunRecord::read(&folder.dir)?.is_some() || self.runtime_root.join(id.to_string()).exists() {
            return Err(RuntimeError::ContainerExists { id });
        }
        let runtime = self.runtime()?.to_string_lossy().into_owned();
        let mut record = RunRecord::begin(spec.run, process::boot_id()?.to_owned(), runtime);
        record.write(&folder.dir)?;
        failpoint!("runtime.create.after-intent")?;
        self.make_container(spec, &folder, &mut record).inspect_err(|_| {
            if let Err(error) = self.clear(id, &folder) {
                tracing::warn!(%id, %error, "cannot clear what a failed creation left");
            }
        })
    }

    fn publish(
        &self,
        id: InstanceId,
        volume: &Staged,
        path: &MountPath,
        read_only: bool,
    ) -> Result<Changed, RuntimeError> {
        let Staged::Mount { mount_point: source, device_number, .. } = volume else {
            let reason = "a container shows mounts, and the volume is staged as a raw device".into();
            return Err(RuntimeError::PathUnusable { id, path: path.clone(), reason });
        };
        let device_number = *device_number;
        let (folder, _, process) = self.live(id)?;
        let refuse = |real: &Path| match real.to_str() {
            Some(real) => {
                reserved_folder(real).map(|reserved| format!("it leads to {real}, which is in {reserved}"))
            }
            None => Some("it leads to a path that is not UTF-8".to_owned()),
        };
        let placement = namespace::Placement {
            source,
            device_number,
            target: Path::new(path.as_str()),
            read_only,
            owner: folder.identity.ids().first,
            refuse: &refuse,
        };
        let unusable = |reason: String| RuntimeError::PathUnusable { id, path: path.clone(), reason };
        failpoint!("runtime.publish.before")?;
        let placed = match namespace::place(&process, &placement) {
            Ok(placed) => placed,
            Err(NamespaceError::Unusable { reason, .. }) => return Err(unusable(reason)),
            Err(NamespaceError::Busy { locked_in, .. }) => {
                let holders = self.holders(id, device_number, folder.rootfs_device()?, &locked_in)?;
                return Err(RuntimeError::Busy { id, holders });
            }
            Err(other) => return Err(from_namespace(id, other)),
        };
        failpoint!("runtime.publish.after")?;
        if placed.is_some() {
            return Ok(Changed::Changed);
        }
        let present =
            published(process.pid())?.into_iter().find(|present| present.device_number == device_number);
        match present {
            Some(present) if present.read_only != read_only => Err(unusable(format!(
                "the volume is there already, {}",
                if present.read_only { "read-only" } else { "for writing" }
            ))),
            _ => Ok(Changed::Unchanged),
        }
    }

    fn unpublish(&self, id: InstanceId, device_number: u64, reach: Reach) -> Result<Changed, RuntimeError> {
        let (folder, _, process) = match self.live(id) {
            // Its mount namespace ended with it.
            Err(RuntimeError::NotRunning { .. }) => return Ok(Changed::Unchanged),
            live => live?,
        };
        failpoint!("runtime.unpublish.before")?;
        let mut attempts = BUSY_ATTEMPTS;
        let withdrawn = loop {
            let withdrawn = match reach {
                Reach::Instance => namespace::withdraw(&process, device_number),
                Reach::Copies => namespace::withdraw_from_copies(&process, device_number),
            };
            match withdrawn {
                Err(NamespaceError::Busy { locked_in, .. }) => {
                    let holders = self.holders(id, device_number, folder.rootfs_device()?, &locked_in)?;
                    attempts -= 1;
                    if !holders.is_empty() || attempts == 0 {
                        return Err(RuntimeError::Busy { id, holders });
                    }
                    #[expect(clippy::disallowed_methods, reason = "drivers run in blocking tasks")]
                    std::thread::sleep(POLL_INTERVAL);
                }
                other => break other.map_err(|error| from_namespace(id, error))?,
            }
        };
        failpoint!("runtime.unpublish.after")?;
        Ok(if withdrawn { Changed::Changed } else { Changed::Unchanged })
    }

    fn start(&self, id: InstanceId) -> Result<(), RuntimeError> {
        let (folder, mut record, process) = self.live(id)?;
        let processes = record.processes.as_ref().ok_or(RuntimeError::NotRunning { id })?;
        if self.is_started(id, &record, &processes.first)? {
            return Err(RuntimeError::AlreadyStarted { id });
        }
        let first = processes.first.clone();
        failpoint!("runtime.start.before")?;
        // After a failure in between, `is_started` asks the runtime.
        self.started.lock().remove(&id);
        self.call_runtime(id, &record, "start", &[])?;
        record.started_at = Some(Timestamp::now());
        drop(process);
        failpoint!("runtime.start.after")?;
        self.started.lock().insert(id, (first, true));
        record.started = true;
        record.write(&folder.dir)?;
        Ok(())
    }

    fn stop(&self, id: InstanceId, grace: Duration) -> Result<Option<i32>, RuntimeError> {
        let Some(folder) = InstanceFolder::open(&self.instances, id)? else { return Ok(None) };
        let Some(record) = RunRecord::read(&folder.dir)? else { return Ok(None) };
        let Some(processes) = &record.processes else { return Ok(None) };
        failpoint!("runtime.stop.before")?;
        if let Some(first) = ProcessFd::open(&processes.first)? {
            let grace = if self.is_started(id, &record, &processes.first)? { grace } else { Duration::ZERO };
            if !grace.is_zero() {
                first.signal(Signal::TERM)?;
            }
            if !first.wait(grace)? {
                first.signal(Signal::KILL)?;
                if !first.wait(KILL_TIMEOUT)? {
                    return Err(RuntimeError::WillNotEnd { id, pids: vec![first.pid()] });
                }
            }
        }
        let device = folder.rootfs_device()?;
        self.kill_all(id, || self.members(id, device))?;
        failpoint!("runtime.stop.after")?;
        Ok(self.exit_code(id, folder.dir.path(), processes)?)
    }

    fn remove_container(&self, id: InstanceId) -> Result<Changed, RuntimeError> {
        match InstanceFolder::open(&self.instances, id)? {
            Some(folder) => self.clear(id, &folder),
            None => Ok(Changed::Unchanged),
        }
    }

    fn destroy(&self, id: InstanceId) -> Result<Changed, RuntimeError> {
        let Some(folder) = InstanceFolder::open(&self.instances, id)? else {
            let removed = InstanceFolder::remove_unfinished(&self.instances, id)?;
            return Ok(if removed { Changed::Changed } else { Changed::Unchanged });
        };
        self.clear(id, &folder)?;
        let slot = folder.identity.slot();
        folder.destroy(&self.instances, id)?;
        self.slots.lock().remove(&slot);
        Ok(Changed::Changed)
    }

    fn end_processes(&self, id: InstanceId, pids: &[u32]) -> Result<bool, RuntimeError> {
        let (folder, _, first) = match self.live(id) {
            Err(RuntimeError::NotRunning { .. }) => return Ok(false),
            live => live?,
        };
        let handles: Result<Vec<_>, SysError> =
            pids.iter().filter_map(|&pid| ProcessFd::open_pid(pid).transpose()).collect();
        let mut handles = handles?;
        // The handles were opened first, so a pid in this list is still the process that its handle refers to.
        let mut belonging = self.members(id, folder.rootfs_device()?)?;
        for volume in published(first.pid())? {
            belonging
                .extend(holders::users_of_filesystem(volume.device_number)?.into_iter().map(|user| user.pid));
        }
        handles.retain(|handle| belonging.contains(&handle.pid()) && handle.pid() != std::process::id());
        for handle in &handles {
            handle.signal(Signal::TERM)?;
        }
        let deadline = Instant::now() + END_GRACE;
        for handle in &handles {
            if !handle.wait(deadline.saturating_duration_since(Instant::now()))? {
                handle.signal(Signal::KILL)?;
            }
        }
        let mut left = Vec::new();
        for handle in &handles {
            if !handle.wait(KILL_TIMEOUT)? {
                left.push(handle.pid());
            }
        }
        match left.is_empty() {
            true => Ok(handles.iter().any(|handle| handle.pid() == first.pid())),
            false => Err(RuntimeError::WillNotEnd { id, pids: left }),
        }
    }

    fn exec(&self, id: InstanceId, request: ExecRequest) -> Result<ExecStream, RuntimeError> {
        let failed = |reason: &str| RuntimeError::ExecFailed { id, reason: reason.to_owned() };
        check::exec(&request).map_err(|reason| failed(&reason))?;
        let (folder, record, first) = self.running(id)?;
        drop(first);
        let config = Spec::load(folder.path(CONFIG_FILE)).map_err(|e| failed(&e.to_string()))?;
        let own = config.process().as_ref().ok_or_else(|| failed("its configuration names no process"))?;
        let arguments = exec::arguments(request.command);
        let process = bundle::exec_process(own, arguments, request.cwd.as_deref(), &request.env);
        let number = self.execs.fetch_add(1, Ordering::Relaxed);
        let name = format!("{EXEC_PREFIX}{}-{number}", std::process::id());
        let (process_file, pid_file) =
            (folder.path(&format!("{name}.json")), folder.path(&format!("{name}.pid")));
        let text = serde_json::to_vec(&process).map_err(|e| failed(&e.to_string()))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "an argument of one command; nothing reads it after a crash"
        )]
        fs::write(&process_file, text).doing("write", &process_file)?;
        let launch = exec::Launch {
            runtime: PathBuf::from(&record.runtime),
            arguments: [
                OsString::from("--root"),
                self.runtime_root.clone().into(),
                "exec".into(),
                "--preserve-fds".into(),
                exec::PASSED_ON.to_string().into(),
                "--pid-file".into(),
                pid_file.clone().into(),
                "--process".into(),
                process_file.clone().into(),
                id.to_string().into(),
            ]
            .into(),
            process_file,
            pid_file,
            cgroup: self.cgroup(id),
            timeout: request.timeout,
        };
        Ok(exec::run(launch)?)
    }

    fn probe_http(&self, id: InstanceId, port: u16, path: &str) -> Result<HttpProbe, RuntimeError> {
        check::http_path(path).map_err(|reason| RuntimeError::ProbeFailed { id, reason })?;
        let (_, _, process) = self.running(id)?;
        let socket = network::tcp_socket_beside(&process).map_err(|error| from_namespace(id, error))?;
        Ok(Box::pin(http::get(socket, port, path.to_owned())))
    }

    fn logs(&self, id: InstanceId, tail_lines: usize) -> Result<Vec<LogLine>, RuntimeError> {
        Ok(logs::tail(&self.instances.path().join(id.to_string()).join(LOG_FILE), tail_lines)?)
    }

    fn follow_logs(
        &self,
        id: InstanceId,
        tail_lines: usize,
    ) -> Result<mpsc::Receiver<LogLine>, RuntimeError> {
        Ok(logs::follow(self.instances.path().join(id.to_string()).join(LOG_FILE), tail_lines)?)
    }

    fn exited(&self, id: InstanceId) -> BoxFuture<'static, ()> {
        let live = self.live(id);
        Box::pin(async move {
            let Ok((_, _, process)) = live else { return };
            // A pidfd becomes readable when the process ends. If it cannot be polled, the caller observes at once.
            #[expect(
                deprecated,
                reason = "our handle keeps its descriptor open, which is all that `register` asks for"
            )]
            if let Ok(process) = AsyncFd::new(process) {
                let _ = process.readable().await;
            }
        })
    }

    fn validate(&self, spec: &InstanceSpec) -> Result<(), RuntimeError> {
        self.templates.root(&spec.template)?;
        self.runtime()?;
        self.conmon()?;
        check::spec(spec).map_err(|reason| RuntimeError::InvalidSpec { reason })
    }

    fn templates(&self) -> Vec<String> {
        self.templates.names()
    }
}

/// The mounts of whole block-device filesystems that a process sees: its volumes, but not single files of the host.
fn published(pid: u32) -> Result<Vec<Published>, SysError> {
    // Filesystems without a device have major number 0.
    let volumes = mount::list_of(pid)?.into_iter().filter(|mount| {
        rustix::fs::major(mount.device_number) != 0
            && mount.root == Path::new("/")
            && mount.mount_point != Path::new("/")
    });
    Ok(volumes
        .map(|mount| Published {
            device_number: mount.device_number,
            path: mount.mount_point,
            read_only: mount.read_only,
        })
        .collect())
}

fn from_namespace(id: InstanceId, error: NamespaceError) -> RuntimeError {
    match error {
        NamespaceError::Ended { .. } => RuntimeError::NotRunning { id },
        NamespaceError::Busy { .. } => RuntimeError::Busy { id, holders: Vec::new() },
        NamespaceError::Sys(error) => error.into(),
        NamespaceError::Unusable { path, reason } => {
            SysError::new("use the mount point", path, std::io::Error::other(reason)).into()
        }
    }
}
