//! A whole `miosa serve` for one test, in a folder of its own, with everything needed to hurt it and to see what it leaves.
//!
//! ```text
//!   /var/tmp/miosa-test-RANDOM/       0755: the controller's user must be able to reach it
//!     data/                           --data-dir; pool (an XFS image, or what the options say) in data/pool
//!     serve.log                       standard error of every serve, controller and agent, one after the other
//! ```
//!
//! ```text
//!   test process ── serve ──┬─ controller        kill_controller  kill_agent  kill_both  kill_serve  kill_everything
//!   (adopts and reaps       └─ agent             stop (SIGTERM)   start_again  simulate_reboot
//!    whatever is orphaned)       └─ conmon ── workload           ends only in simulate_reboot, or when its computer is stopped
//! ```
//!
//! A test ends with [`Server::finish`]: delete everything through the API, stop, and find a clean host. A test that panics
//! leaves a clean host as well: dropping a server removes by force whatever belongs to its folder. `MIOSA_KEEP=1` keeps the
//! wreck of a panic, and says where it is.
//!
//! Nothing here is decided by elapsed time: waiting is for a condition, and every patience is a bound on hanging.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

mod calls;
mod http;
mod reaper;
pub mod remains;
mod services;
mod snapshots;
mod workload;

pub use calls::ExecOutcome;
pub use http::Answer;
pub use remains::{Process, Remains};
pub use workload::{Records, Workload};

/// A bound on hanging, far above what anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to serve, and how.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The `miosa` program under test: `env!("CARGO_BIN_EXE_miosa").into()`.
    pub miosa: PathBuf,
    /// As `--pool-size`, for example `1GB`, which is also what an empty text means. The pool is preallocated.
    pub pool_size: String,
    /// As `MIOSA_FAILPOINTS`, for the first start.
    pub failpoints: Option<String>,
    /// More arguments for `serve`.
    pub args: Vec<OsString>,
    /// More environment for `serve`.
    pub env: Vec<(String, String)>,
    /// Text of a configuration file (TOML), passed as `--config`.
    pub config: Option<String>,
}

impl ServerOptions {
    pub fn new(miosa: impl Into<PathBuf>) -> Self {
        Self { miosa: miosa.into(), ..Self::default() }
    }
}

/// The processes of a running server.
#[derive(Debug, Clone)]
pub struct Pids {
    pub serve: Process,
    pub controller: Process,
    pub agent: Process,
}

/// A running or stopped server with its folder. Calls may come from several threads at once.
pub struct Server {
    options: ServerOptions,
    folder: Option<TempDir>,
    data_dir: PathBuf,
    running: Option<Running>,
    /// Ids of all computers ever made here, to find their control groups when nothing else of them is left.
    computers: Mutex<BTreeSet<String>>,
}

struct Running {
    child: Child,
    /// Lines of its standard output.
    said: Mutex<mpsc::Receiver<String>>,
    ready: Option<Ready>,
}

struct Ready {
    address: SocketAddr,
    key: String,
}

impl Server {
    /// Starts a server in a new folder and waits until it is ready.
    pub fn start(options: ServerOptions) -> Self {
        let mut server = Self::prepare(options);
        server.start_with(server.options.failpoints.clone().as_deref());
        server
    }

    /// A new folder with nothing started in it.
    pub fn prepare(options: ServerOptions) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "system tests need root: real loop devices, mounts and containers"
        );
        reaper::start();
        let folder = tempfile::Builder::new()
            .prefix("miosa-test-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in("/var/tmp")
            .expect("/var/tmp takes a folder");
        // Mount tables name the real path.
        let data_dir = folder.path().canonicalize().expect("the folder was just made").join("data");
        Self { options, folder: Some(folder), data_dir, running: None, computers: Mutex::default() }
    }

    /// Starts the stopped server on the same data, without failpoints, and waits until it is ready.
    pub fn start_again(&mut self) {
        self.start_with(None);
    }

    /// Starts the stopped server on the same data with this `MIOSA_FAILPOINTS`, and waits until it is ready. Points reach the
    /// first agent and the first controller; those that `serve` starts in their stead run without.
    pub fn start_with(&mut self, failpoints: Option<&str>) {
        self.spawn(failpoints);
        self.wait_first_ready();
    }

    /// Starts the stopped server and does not wait: for servers that will not be ready, or not soon. No call of the API may be
    /// made before [`wait_first_ready`](Self::wait_first_ready).
    pub fn spawn(&mut self, failpoints: Option<&str>) {
        assert!(self.running.is_none(), "stop the server before starting it again");
        let mut command = self.serve_command();
        match failpoints {
            Some(points) => command.env("MIOSA_FAILPOINTS", points),
            None => command.env_remove("MIOSA_FAILPOINTS"),
        };
        command.stdout(Stdio::piped()).stderr(self.open_log()).stdin(Stdio::null()).process_group(0);
        let mut child = reaper::keep(|| command.spawn()).expect("the program under test can be run");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (send, said) = mpsc::channel();
        // The thread reads until serve ends: nobody may block on a full pipe.
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(send.send(line)))
        });
        self.running = Some(Running { child, said: Mutex::new(said), ready: None });
    }

    /// Waits for the line `ready http://ADDRESS:PORT` of a server that was just started.
    pub fn wait_first_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        let address = loop {
            let running = self.running.as_mut().expect("the server is not running");
            let said = running.said.get_mut().unwrap_or_else(PoisonError::into_inner);
            match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match line.strip_prefix("ready http://").map(|a| a.trim_end_matches('/').parse())
                {
                    Some(Ok(address)) => break address,
                    _ => seen.push(line),
                },
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("serve is not ready and says nothing after {seen:?}\n{}", self.log_tail())
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.reap_serve();
                    panic!("serve ended with {status} after {seen:?}\n{}", self.log_tail());
                }
            }
        };
        let key_file = self.data_dir.join("credentials/admin-key");
        let key = fs::read_to_string(&key_file).expect("a ready server has written its admin key");
        let running = self.running.as_mut().expect("it runs");
        running.ready = Some(Ready { address, key: key.trim().to_owned() });
    }

    /// `miosa serve` with this server's folder and options, to be run by hand: for starts that are expected to be refused.
    pub fn serve_command(&self) -> Command {
        let pool_size = match self.options.pool_size.as_str() {
            "" => "1GB",
            size => size,
        };
        let mut command = Command::new(&self.options.miosa);
        command.arg("serve").arg("--data-dir").arg(&self.data_dir);
        command.args(["--listen", "127.0.0.1:0", "--pool-size", pool_size]);
        if let Some(config) = &self.options.config {
            let file = self.folder().join("config.toml");
            fs::write(&file, config).expect("the folder can be written");
            command.arg("--config").arg(file);
        }
        command.args(&self.options.args).envs(self.options.env.iter().map(|(k, v)| (k, v)));
        // What the caller's own shell is set up for must not reach the server under test.
        for name in ["MIOSA_ENDPOINT", "MIOSA_BASE_URL", "MIOSA_API_KEY", "MIOSA_DATA_DIR", "NOTIFY_SOCKET"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a start that must be refused: it ends by itself, not with 0, and was never ready. Answers what it said.
    #[track_caller]
    pub fn refused_start(&self, mut command: Command) -> String {
        let path = self.folder().join("refused.log");
        let log = File::create(&path).expect("the folder can be written");
        command.stdout(log.try_clone().expect("a file can be opened twice")).stderr(log);
        command.stdin(Stdio::null()).process_group(0);
        let mut child = reaper::keep(|| command.spawn()).expect("the program under test can be run");
        let deadline = Instant::now() + PATIENCE;
        let ended = loop {
            match child.try_wait().expect("our own child") {
                Some(status) => break Some(status),
                None if Instant::now() > deadline => break None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let _ = child.kill();
        let _ = child.wait();
        reaper::let_go(child.id());
        let said = fs::read_to_string(&path).expect("the log is text");
        match ended {
            Some(status) if status.success() || said.contains("ready http") => {
                panic!("it was not refused: {said}")
            }
            Some(_) => said,
            None => panic!("it was not refused and does not end: {said}"),
        }
    }

    /// For the next start.
    pub fn options_mut(&mut self) -> &mut ServerOptions {
        &mut self.options
    }

    /// `http://ADDRESS:PORT`, without a trailing slash. Another one after each start.
    pub fn url(&self) -> String {
        format!("http://{}", self.ready().address)
    }

    /// The first admin key.
    pub fn key(&self) -> &str {
        &self.ready().key
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The scratch folder, which holds the data directory and may hold files of the test.
    pub fn folder(&self) -> &Path {
        self.data_dir.parent().expect("the data directory lies in the folder")
    }

    /// What all processes of this server said on standard error, so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The three processes, as soon as all of them are there.
    pub fn pids(&self) -> Pids {
        let serve = self.running().child.id();
        wait_until("serve, controller and agent", || {
            Some(Pids {
                serve: Process::of(serve)?,
                controller: self.child_named("controller")?,
                agent: self.child_named("agent")?,
            })
        })
    }

    /// Whether the controller and agent that run now are those that the failpoints of the last start reached.
    pub fn has_failpoints_armed(&self) -> bool {
        let armed = |process: Option<Process>| {
            let environment = fs::read(format!("/proc/{}/environ", process?.pid)).ok()?;
            Some(environment.split(|&byte| byte == 0).any(|entry| entry.starts_with(b"MIOSA_FAILPOINTS=")))
        };
        armed(self.child_named("controller")) == Some(true) && armed(self.child_named("agent")) == Some(true)
    }

    /// The controller or agent that runs now; `None` between its death and its next start.
    pub fn child_named(&self, name: &str) -> Option<Process> {
        let serve = self.running().child.id();
        let children = remains::Stat::all().into_iter().filter(|s| s.parent == serve && !s.is_dead());
        let mut named = children.filter(|s| remains::arguments(s.pid).get(1).is_some_and(|a| a == name));
        named.find_map(|stat| Process::of(stat.pid))
    }

    /// Kills the controller and waits until it is dead. `serve` starts another: see [`wait_recovered`](Self::wait_recovered).
    pub fn kill_controller(&self) {
        self.pids().controller.kill();
    }

    /// Kills the agent and waits until it is dead. `serve` starts another.
    pub fn kill_agent(&self) {
        self.pids().agent.kill();
    }

    /// Kills controller and agent at once.
    pub fn kill_both(&self) {
        kill_at_once(&[self.pids().controller, self.pids().agent]);
    }

    /// Kills `serve` alone, waits until what it had started is gone too, and leaves the server stopped.
    pub fn kill_serve(&mut self) {
        let pids = self.pids();
        pids.serve.kill();
        self.reap_serve();
        for orphan in [pids.controller, pids.agent] {
            wait_until(&format!("the end of {} after its parent", orphan.command), || {
                (!orphan.is_alive()).then_some(())
            });
        }
    }

    /// Kills serve, controller and agent at once, and leaves the server stopped. Workloads go on.
    pub fn kill_everything(&mut self) {
        let Pids { serve, controller, agent } = self.pids();
        kill_at_once(&[serve, controller, agent]);
        self.reap_serve();
    }

    /// Waits until new controller and agent are there and `/readyz` says that recovery is finished.
    pub fn wait_recovered(&self) {
        self.pids();
        self.wait_ready();
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&self) {
        wait_until_or("/readyz to answer 200", || match self.try_http("GET", "/readyz", None) {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(answer.to_string()),
            Err(e) => Err(e.to_string()),
        });
    }

    /// Ends the server as an operator does: SIGTERM to `serve`. All three processes must be gone, and the exit code 0.
    #[track_caller]
    pub fn stop(&mut self) {
        assert!(self.stop_and_look(), "serve did not end in good order\n{}", self.log_tail());
    }

    /// SIGTERM to `serve`; answers whether it ended with exit code 0. Controller and agent must be gone either way.
    #[track_caller]
    pub fn stop_and_look(&mut self) -> bool {
        let pids = self.pids();
        pids.serve.signal(Signal::TERM);
        let status = self.reap_serve();
        for child in [pids.controller, pids.agent] {
            assert!(!child.is_alive(), "{} outlived serve", child.command);
        }
        status.success()
    }

    /// The host loses power and comes back: everything of this data directory that lives in the kernel is gone at once
    /// (processes, workloads, mounts, loop devices), and what was acknowledged is on the disk.
    pub fn simulate_reboot(&mut self) {
        if self.running.is_some() {
            let Pids { serve, controller, agent } = self.pids();
            kill_at_once(&[serve, controller, agent]);
            self.reap_serve();
        }
        let left = remains::remove(&self.data_dir, &self.instances());
        assert!(left.is_empty(), "the reboot left\n{left}");
    }

    /// What the kernel holds of this server now.
    pub fn remains(&self) -> Remains {
        Remains::of(&self.data_dir, &self.instances())
    }

    /// Asserts that nothing of this data directory is left in the kernel: no process, mount, loop device, control group. (A
    /// network namespace lives by its processes and mounts alone.) For after [`stop`](Self::stop).
    pub fn assert_clean(&self) {
        // A process that was killed a moment ago may still be on its way out.
        wait_until_or("a clean host", || {
            let left = self.remains();
            if left.is_empty() { Ok(()) } else { Err(format!("left:\n{left}{}", self.log_tail())) }
        });
    }

    /// The end of every test: deletes everything through the API, stops, and finds a clean host.
    pub fn finish(mut self) {
        self.delete_everything();
        self.stop();
        self.assert_clean();
    }

    /// One call to the API with the admin key; `path` from the root. A broken connection fails the test.
    #[track_caller]
    pub fn http(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        match self.try_http(method, path, body) {
            Ok(answer) => answer,
            Err(e) => panic!("{method} {path}: {e}\n{}", self.log_tail()),
        }
    }

    /// One call; an error says that no whole answer came, and the call may or may not have been carried out.
    pub fn try_http(&self, method: &str, path: &str, body: Option<Value>) -> io::Result<Answer> {
        let body = body.map(|body| body.to_string().into_bytes());
        let authorization = format!("Bearer {}", self.key());
        self.raw_http(method, path, &[("Authorization", &authorization)], body.as_deref())
    }

    /// One call, repeated while no whole answer comes, or 503. Only for calls that may be repeated.
    #[track_caller]
    pub fn http_with_retries(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        wait_until_or(&format!("an answer to {method} {path}"), || {
            match self.try_http(method, path, body.clone()) {
                Ok(answer) if answer.status == 503 => Err(answer.to_string()),
                Ok(answer) => Ok(answer),
                Err(e) => Err(e.to_string()),
            }
        })
    }

    /// One call with exactly these headers and bytes.
    pub fn raw_http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Answer> {
        let answer = http::call(self.ready().address, method, path, headers, body)?;
        if method == "POST" && path.ends_with("/computers") && answer.is_success() {
            let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
            self.lock_computers().insert(id);
        }
        Ok(answer)
    }

    /// The last lines of the log, for messages.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(40)..];
        format!("--- last lines of {}\n{}\n", self.log_path().display(), tail.join("\n"))
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server is not running")
    }

    fn ready(&self) -> &Ready {
        self.running().ready.as_ref().expect("the server has not been ready yet")
    }

    fn lock_computers(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.computers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn instances(&self) -> BTreeSet<String> {
        let mut ids = self.lock_computers().clone();
        ids.extend(remains::uuid_folders(&self.data_dir));
        ids
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("serve.log")
    }

    fn open_log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the folder can be written")
    }

    /// Waits for the end of `serve`, which was told to end.
    fn reap_serve(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the server is not running");
        let pid = running.child.id();
        let ended = wait_until_or("the end of serve", || match running.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.log_tail()),
            Err(e) => Err(e.to_string()),
        });
        reaper::let_go(pid);
        ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let folder = self.folder.take().expect("taken only here");
        if std::thread::panicking() && std::env::var_os("MIOSA_KEEP").is_some_and(|keep| keep == "1") {
            let kept = folder.keep();
            let _ = writeln!(io::stderr(), "MIOSA_KEEP: the wreck is kept in {}", kept.display());
            return;
        }
        let left = remains::remove(folder.path(), &self.instances());
        if let Some(mut running) = self.running.take() {
            let _ = running.child.wait();
            reaper::let_go(running.child.id());
        }
        if !left.is_empty() {
            // Not removed by `TempDir`: that would delete files through whatever is still mounted.
            let kept = folder.keep();
            let message = format!("{} cannot be cleaned up; left:\n{left}", kept.display());
            assert!(std::thread::panicking(), "{message}");
            let _ = writeln!(io::stderr(), "{message}");
        } else {
            remains::make_removable(folder.path());
        }
    }
}

fn kill_at_once(processes: &[Process]) {
    for process in processes {
        process.signal(Signal::KILL);
    }
    for process in processes {
        process.kill();
    }
}

/// Asks until there is an answer; panics with `what` when none ever comes.
#[track_caller]
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    wait_until_or(what, || ask().ok_or_else(String::new))
}

/// Asks until the answer is `Ok`; panics with `what` and the last `Err` when it never is.
#[track_caller]
pub fn wait_until_or<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) if Instant::now() > deadline => panic!("waited in vain for {what}: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
