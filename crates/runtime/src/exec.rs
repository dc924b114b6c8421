//! Commands inside a running instance.
//!
//! ```text
//!   agent ── runc exec ── sh (wrapper, becomes bash, sh or the program)
//!     ▲                    │ 3, 4
//!     └────────────────────┘   two pipes of the agent, which the runtime passes on
//! ```
//!
//! The command does not write to the runtime's own stdout and stderr: the runtime would wait for the last process that holds
//! them, and a command may leave one in the background. With the pipes, the runtime ends with the command and returns its exit
//! code, and its stderr contains only the reason why a command could not be run.
//!
//! A command is a session of its own inside the instance. After its timeout, or when the reader is gone, the session is killed.
//!
//! **Crash safety.** If the agent is killed, the command runs until it ends or its pipes are full. It holds no resource of the
//! agent.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use command_fds::{CommandFdExt, FdMapping};
use miosa_effects::process::{self, ProcessFd, Stat};
use miosa_effects::{Doing, SysError};
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::{EXEC_TIMED_OUT, ExecCommand, ExecEvent, ExecStream, cgroup, conmon};

const CHUNK_BYTES: usize = 32 * 1024;
/// Events buffered for a slow reader before the command has to wait.
const EVENTS_WAITING: usize = 16;
/// Processes that the command left in the background may still write. Reading ends after a pause of this length…
const QUIET: Duration = Duration::from_millis(200);
/// …and this long after the command ended in any case.
const DRAIN: Duration = Duration::from_secs(1);
/// How long the runtime may take to start a command that has timed out already.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);
const BEGIN_INTERVAL: Duration = Duration::from_millis(20);
/// The exit code if the runtime could not run the command, as of a shell.
const CANNOT_RUN: i32 = 126;
const RUNTIME_STDERR_MAX_BYTES: u64 = 64 * 1024;

/// How many descriptors the runtime passes on, beginning with 3: stdout and stderr.
pub(crate) const PASSED_ON: usize = 2;

/// The arguments of the wrapper, which becomes the command.
pub(crate) fn arguments(command: ExecCommand) -> Vec<String> {
    const OUTPUT: &str = "exec >&3 2>&4 3>&- 4>&-; ";
    const SHELL: &str = "[ -x /bin/bash ] && exec /bin/bash -c \"$1\"; exec /bin/sh -c \"$1\"";
    let mut arguments = vec!["/bin/sh".to_owned(), "-c".to_owned()];
    match command {
        ExecCommand::Shell(line) => {
            arguments.extend([format!("{OUTPUT}{SHELL}"), "sh".to_owned(), line]);
        }
        ExecCommand::Argv(argv) => {
            arguments.extend([format!("{OUTPUT}exec \"$@\""), "sh".to_owned()]);
            arguments.extend(argv);
        }
    }
    arguments
}

/// A call of the runtime to run a command.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) runtime: PathBuf,
    pub(crate) arguments: Vec<std::ffi::OsString>,
    /// Named in the runtime's arguments. Removed when the command has ended.
    pub(crate) process_file: PathBuf,
    pub(crate) pid_file: PathBuf,
    /// The instance's control group.
    pub(crate) cgroup: String,
    pub(crate) timeout: Duration,
}

/// Runs the command in a task of its own.
pub(crate) fn run(launch: Launch) -> Result<ExecStream, SysError> {
    let pipe = || io::pipe().doing("make a pipe for", &launch.runtime);
    let ((stdout, stdout_end), (stderr, stderr_end)) = (pipe()?, pipe()?);
    let mut command = process::command(&launch.runtime);
    command.args(&launch.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mapping = |end: io::PipeWriter, child_fd| FdMapping { parent_fd: end.into(), child_fd };
    command
        .fd_mappings(vec![mapping(stdout_end, 3), mapping(stderr_end, 4)])
        .expect("two different descriptors do not collide");
    let mut command = tokio::process::Command::from(command);
    let child = command.spawn().doing("start", &launch.runtime)?;
    // It owns the write ends of the pipes; the readers would never see the end of the streams.
    drop(command);
    let receiver =
        |end: io::PipeReader| Receiver::from_owned_fd(end.into()).doing("read from", &launch.runtime);
    let (stdout, stderr) = (receiver(stdout)?, receiver(stderr)?);
    let (events, stream) = mpsc::channel(EVENTS_WAITING);
    tokio::spawn(Running { launch, child, events }.drive(stdout, stderr));
    Ok(ExecStream::new(stream))
}

struct Running {
    launch: Launch,
    child: tokio::process::Child,
    events: mpsc::Sender<ExecEvent>,
}

impl Running {
    async fn drive(mut self, stdout: Receiver, stderr: Receiver) {
        let runtime_stderr = self.child.stderr.take().map(|stderr| tokio::spawn(read_all(stderr)));
        let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
        let events = self.events.clone();
        let mut waiting: Option<ExecEvent> = None;
        let mut ended: Option<i32> = None;
        let (mut timed_out, mut abandoned) = (false, false);
        let deadline = Instant::now() + self.launch.timeout;
        let mut quiet_until = deadline;
        let mut drain_until = deadline;
        loop {
            if ended.is_some() && waiting.is_none() && stdout.is_none() && stderr.is_none() {
                break;
            }
            // Nothing is read while an event waits for the reader, which makes the command wait.
            let may_read = waiting.is_none();
            tokio::select! {
                permit = events.reserve(), if waiting.is_some() && !abandoned => match (permit, waiting.take()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    _ => abandoned = true,
                },
                bytes = read_chunk(&mut stdout), if may_read && stdout.is_some() => {
                    waiting = bytes.map(ExecEvent::Stdout);
                    quiet_until = Instant::now() + QUIET;
                }
                bytes = read_chunk(&mut stderr), if may_read && stderr.is_some() => {
                    waiting = bytes.map(ExecEvent::Stderr);
                    quiet_until = Instant::now() + QUIET;
                }
                status = self.child.wait(), if ended.is_none() => {
                    ended = Some(status.map_or(CANNOT_RUN, exit_code));
                    quiet_until = Instant::now() + QUIET;
                    drain_until = Instant::now() + DRAIN;
                }
                () = sleep_until(deadline), if ended.is_none() && !timed_out => {
                    timed_out = true;
                    self.kill().await;
                }
                () = events.closed(), if !abandoned => {
                    abandoned = true;
                    if ended.is_none() {
                        self.kill().await;
                    }
                }
                () = sleep_until(quiet_until.min(drain_until)), if ended.is_some() && may_read => break,
            }
            if abandoned {
                waiting = None;
            }
        }
        let mut code = ended.unwrap_or(CANNOT_RUN);
        let began = self.launch.pid_file.exists();
        let said = match runtime_stderr {
            Some(reading) => reading.await.unwrap_or_default(),
            None => Vec::new(),
        };
        if !timed_out && !began && !said.is_empty() {
            code = CANNOT_RUN;
            let message = format!("{}\n", conmon::message(&said));
            let _ = self.events.send(ExecEvent::Stderr(message.into())).await;
        }
        for file in [&self.launch.pid_file, &self.launch.process_file] {
            // A file that stays is removed with the container.
            let _ = tokio::fs::remove_file(file).await;
        }
        let code = if timed_out { EXEC_TIMED_OUT } else { code };
        // The reader may be gone.
        let _ = self.events.send(ExecEvent::Exit { code, timed_out }).await;
    }

    /// Ends the session of the command as soon as its leader is known.
    async fn kill(&mut self) {
        let deadline = Instant::now() + BEGIN_TIMEOUT;
        while Instant::now() < deadline {
            let (pid_file, group) = (self.launch.pid_file.clone(), self.launch.cgroup.clone());
            let killed = tokio::task::spawn_blocking(move || kill_session(&pid_file, &group)).await;
            match killed {
                Ok(Ok(true)) => return,
                // Killing the runtime now could leave a command running that no record names.
                Ok(Ok(false)) => {}
                failed => tracing::warn!(?failed, "cannot end a command's session"),
            }
            if tokio::time::timeout(BEGIN_INTERVAL, self.child.wait()).await.is_ok() {
                return;
            }
        }
        // It may have ended.
        let _ = self.child.start_kill();
    }
}

async fn read_all(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Part of it is enough: it is a message for people.
    let _ = (&mut stream).take(RUNTIME_STDERR_MAX_BYTES).read_to_end(&mut bytes).await;
    bytes
}

/// The next bytes. The pipe is closed at the end of the stream.
async fn read_chunk(pipe: &mut Option<Receiver>) -> Option<Bytes> {
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    match pipe.as_mut()?.read_buf(&mut chunk).await {
        Ok(length) if length > 0 => Some(chunk.freeze()),
        _ => {
            *pipe = None;
            None
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(CANNOT_RUN)
}

/// Kills the processes of the command's session until there are none. Returns whether the command had started.
fn kill_session(pid_file: &std::path::Path, group: &str) -> Result<bool, SysError> {
    let Some(leader) = conmon::read_pid(pid_file)? else { return Ok(false) };
    loop {
        let mut found = false;
        for pid in cgroup::pids(group)? {
            // The handle is opened before the process is examined, so a reused pid is never killed.
            let Some(process) = ProcessFd::open_pid(pid)? else { continue };
            if Stat::of(pid)?.is_some_and(|stat| stat.session == leader && !stat.is_dead()) {
                found = true;
                process.signal(Signal::KILL)?;
                process.wait(Duration::from_millis(100))?;
            }
        }
        if !found {
            return Ok(true);
        }
    }
}
