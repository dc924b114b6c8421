//! conmon: the process beside each container that records its output and its exit code independently of the agent.
//!
//! ```text
//!   agent ── conmon (ends when its child has a session of its own)
//!               └── conmon ── runc create (ends)
//!                      └──── first process of the instance
//! ```
//!
//! conmon responds over a pipe with the pid of the first process, or with the runtime's error message.
//!
//! **Crash safety.** If the agent is killed in between, conmon continues. The record that was written before leads the next
//! agent to whatever conmon made.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use jiff::Timestamp;
use miosa_domain::InstanceId;
use miosa_effects::process::{self, Identity};
use miosa_effects::{Doing, SysError};
use serde::Deserialize;

use crate::RuntimeError;
use crate::record::Processes;

/// Creating a container takes about 50 ms; a machine that swaps may need much longer.
const CREATE_TIMEOUT: Duration = Duration::from_secs(60);

/// The variable in which conmon expects the descriptor of the pipe.
const SYNC_PIPE_VARIABLE: &str = "_OCI_SYNCPIPE";
const SYNC_PIPE_NUMBER: i32 = 3;
const ANSWER_MAX_BYTES: u64 = 64 * 1024;

pub(crate) const PID_FILE: &str = "conmon.pid";
pub(crate) const FIRST_PID_FILE: &str = "first.pid";
pub(crate) const EXIT_FOLDER: &str = "exit";
pub(crate) const SOCKET_FOLDER: &str = "socket";

/// A container to be created from the bundle in `folder`.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) id: InstanceId,
    pub(crate) conmon: &'a Path,
    pub(crate) runtime: &'a Path,
    /// The directory of the runtime's state.
    pub(crate) runtime_root: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) log: &'a Path,
    pub(crate) log_max_bytes: u64,
}

#[derive(Deserialize)]
struct Answer {
    /// The first process; zero or negative if there is none.
    pid: i64,
    #[serde(default)]
    message: Option<String>,
}

/// Creates the container. Returns its processes, of which the first waits to be started.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Processes, RuntimeError> {
    let failed = |message: String| RuntimeError::Runtime { id: launch.id, doing: "create", message };
    let (mut reader, writer) = std::io::pipe().doing("make a pipe for", launch.conmon)?;
    let mut command = process::command(launch.conmon);
    command.args(arguments(launch)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env(SYNC_PIPE_VARIABLE, SYNC_PIPE_NUMBER.to_string()).current_dir(launch.folder);
    let sync_pipe = FdMapping { parent_fd: writer.into(), child_fd: SYNC_PIPE_NUMBER };
    command.fd_mappings(vec![sync_pipe]).expect("one descriptor collides with no other");
    process::in_own_session(&mut command);
    let mut child = command.spawn().doing("start", launch.conmon)?;
    // It owns the write end of the pipe; the reader would never see the end of the stream.
    drop(command);
    let mut answer = Vec::new();
    let answered = wait_readable(&reader, CREATE_TIMEOUT)?;
    if answered {
        answer.resize(ANSWER_MAX_BYTES as usize, 0);
        // conmon writes one line in one call and keeps the pipe open for as long as the container lives.
        let length = reader.read(&mut answer).doing("read the response of", launch.conmon)?;
        answer.truncate(length);
    } else {
        // The caller ends the processes that conmon started.
        child.kill().doing("end", launch.conmon)?;
    }
    let status = child.wait().doing("wait for", launch.conmon)?;
    if !answered {
        return Err(failed(format!("conmon did not respond within {} seconds", CREATE_TIMEOUT.as_secs())));
    }
    let answer: Answer = serde_json::from_slice(&answer).map_err(|_| {
        failed(format!("conmon ended ({status}) with the message {:?}", String::from_utf8_lossy(&answer)))
    })?;
    let pid = u32::try_from(answer.pid).ok().filter(|&pid| pid > 0);
    let Some(pid) = pid else {
        return Err(failed(message(answer.message.unwrap_or_default().as_bytes())));
    };
    let first = Identity::of(pid)?.ok_or_else(|| failed("its first process ended at once".into()))?;
    let conmon = match read_pid(&launch.folder.join(PID_FILE))? {
        Some(pid) => Identity::of(pid)?,
        None => None,
    };
    Ok(Processes { first, conmon })
}

fn arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let id = launch.id.to_string();
    let file = |name: &str| launch.folder.join(name).into_os_string();
    let mut log: OsString = "k8s-file:".into();
    log.push(launch.log);
    [
        ("--cid", id.clone().into()),
        ("--cuuid", id.clone().into()),
        ("--name", id.into()),
        ("--runtime", launch.runtime.into()),
        ("--runtime-arg", "--root".into()),
        ("--runtime-arg", launch.runtime_root.into()),
        ("--bundle", launch.folder.into()),
        ("--container-pidfile", file(FIRST_PID_FILE)),
        ("--conmon-pidfile", file(PID_FILE)),
        ("--exit-dir", file(EXIT_FOLDER)),
        // For a link to the socket in the bundle. The default is a directory that all containers of the host share.
        ("--socket-dir-path", file(SOCKET_FOLDER)),
        ("--log-path", log),
        ("--log-size-max", launch.log_max_bytes.to_string().into()),
        ("--log-level", "error".into()),
    ]
    .into_iter()
    .flat_map(|(option, value)| [OsString::from(option), value])
    .collect()
}

fn wait_readable(reader: &std::io::PipeReader, timeout: Duration) -> Result<bool, SysError> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(SysError::new("wait for", "conmon", e)),
        }
    }
}

/// The pid in a file; `None` if the file is missing or incomplete.
pub(crate) fn read_pid(file: &Path) -> Result<Option<u32>, SysError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SysError::new("read", file, e)),
    }
}

/// The exit code of the first process, as conmon recorded it. conmon writes the whole file before it renames it.
pub(crate) fn exit_code(folder: &Path, id: InstanceId) -> Result<Option<i32>, SysError> {
    let file: PathBuf = folder.join(EXIT_FOLDER).join(id.to_string());
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SysError::new("read", file, e)),
    }
}

/// When conmon recorded the exit code, some milliseconds after the first process ended.
pub(crate) fn exited_at(folder: &Path, id: InstanceId) -> Result<Option<Timestamp>, SysError> {
    let file: PathBuf = folder.join(EXIT_FOLDER).join(id.to_string());
    match std::fs::metadata(&file).and_then(|file| file.modified()) {
        Ok(at) => Ok(Timestamp::try_from(at).ok()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SysError::new("examine", file, e)),
    }
}

/// The error message of an OCI runtime: the text of its last log line (`time="…" level=error msg="…"`), or all its output.
pub(crate) fn message(written: &[u8]) -> String {
    let text = String::from_utf8_lossy(written);
    let quoted = text.lines().rev().find_map(|line| line.split_once("msg=\"")).map(|(_, rest)| rest);
    let plain = match quoted
        .and_then(|rest| serde_json::Deserializer::from_str(&format!("\"{rest}")).into_iter().next())
    {
        Some(Ok(message)) => message,
        _ => text.trim().to_owned(),
    };
    if plain.is_empty() { "it printed no error message".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_quoted_plainly() {
        for (written, said) in [
            (
                "time=\"t\" level=warning msg=\"a\"\ntime=\"t\" level=error msg=\"exec: \\\"x\\\": not found\"\n",
                "exec: \"x\": not found",
            ),
            ("Error: no such thing\n", "Error: no such thing"),
            ("", "it printed no error message"),
            ("msg=\"cut", "msg=\"cut"),
        ] {
            assert_eq!(message(written.as_bytes()), said);
        }
    }
}
