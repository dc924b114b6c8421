//! Runs programs, identifies processes over restarts, and ends processes.
//!
//! The kernel reuses pids. A process is therefore recorded as an [`Identity`]: pid, start time and boot. A signal is sent through
//! a [`ProcessFd`], which is opened first and compared with the identity afterwards, so it never reaches another process. A
//! zombie counts as dead: none of its code runs.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::{Doing, SysError};

/// The search path for programs, independent of the caller's environment.
pub const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The part of each stream that an error keeps.
const KEPT_STREAM_BYTES: usize = 4096;

/// A command line may have megabytes, and ends up in messages and reports.
const COMMAND_LINE_MAX_BYTES: u64 = 4096;

/// A program could not be run or failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{program} is not installed (searched {PROGRAM_PATH})")]
    NotFound { program: String },

    #[error("cannot run {}: {source}", line(program, args))]
    Spawn { program: String, args: Vec<OsString>, source: io::Error },

    /// Both streams are cut to 4 KiB.
    #[error("{} failed ({status}){}", line(program, args), said(stdout, stderr))]
    Failed { program: String, args: Vec<OsString>, status: ExitStatus, stdout: String, stderr: String },
}

fn line(program: &str, args: &[OsString]) -> String {
    let args = args.iter().map(|arg| arg.to_string_lossy());
    std::iter::once(program.into()).chain(args).collect::<Vec<_>>().join(" ")
}

fn said(stdout: &str, stderr: &str) -> String {
    let text = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Runs `program` with an empty stdin and waits for it. Returns its output if it exits with 0.
pub fn run(program: &str, args: &[&OsStr]) -> Result<Output, ProcessError> {
    let owned = || args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>();
    let path = find_program(program).ok_or_else(|| ProcessError::NotFound { program: program.to_owned() })?;
    let output = command(&path)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ProcessError::Spawn { program: program.to_owned(), args: owned(), source })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(ProcessError::Failed {
        program: program.to_owned(),
        args: owned(),
        status: output.status,
        stdout: kept(&output.stdout),
        stderr: kept(&output.stderr),
    })
}

fn kept(stream: &[u8]) -> String {
    String::from_utf8_lossy(&stream[..stream.len().min(KEPT_STREAM_BYTES)]).into_owned()
}

/// A command with a fixed environment: [`PROGRAM_PATH`], and messages in English.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PROGRAM_PATH).env("LC_ALL", "C");
    command
}

/// The executable file of `program`, which is a name or an absolute path.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let executable =
        |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_absolute() && executable(path));
    }
    PROGRAM_PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| executable(path))
}

/// Gives the command's process a session of its own, so that signals to our terminal or process group do not reach it.
pub fn in_own_session(command: &mut Command) {
    let leave = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(leave) };
}

/// Identifies one process uniquely, also over restarts of the agent and of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// Clock ticks from boot to the process's start.
    pub start_ticks: u64,
    pub boot_id: String,
}

impl Identity {
    /// The process that has `pid` now; `None` if there is none or only a zombie.
    pub fn of(pid: u32) -> Result<Option<Self>, SysError> {
        match Stat::of(pid)? {
            Some(stat) if !stat.is_dead() => {
                Ok(Some(Self { pid, start_ticks: stat.start_ticks, boot_id: boot_id()?.to_owned() }))
            }
            _ => Ok(None),
        }
    }

    /// Whether this process still exists and is not a zombie.
    pub fn is_alive(&self) -> Result<bool, SysError> {
        Ok(Stat::of(self.pid)?.is_some_and(|stat| !stat.is_dead() && stat.start_ticks == self.start_ticks)
            && self.boot_id == boot_id()?)
    }
}

/// The id of the running kernel, which differs after every boot. Read once.
pub fn boot_id() -> Result<&'static str, SysError> {
    const PATH: &str = "/proc/sys/kernel/random/boot_id";
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    match BOOT_ID.get() {
        Some(id) => Ok(id),
        None => {
            let id = std::fs::read_to_string(PATH).doing("read", PATH)?;
            Ok(BOOT_ID.get_or_init(|| id.trim_end().to_owned()))
        }
    }
}

/// The fields of `/proc/<pid>/stat` that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    state: u8,
    threads: u32,
    pub session: u32,
    pub start_ticks: u64,
}

impl Stat {
    /// `None` if no process has `pid`.
    pub fn of(pid: u32) -> Result<Option<Self>, SysError> {
        let path = format!("/proc/{pid}/stat");
        match std::fs::read(&path) {
            Ok(text) => {
                let malformed = || SysError::new("parse", &path, io::Error::from(io::ErrorKind::InvalidData));
                Self::parse(&text).map(Some).ok_or_else(malformed)
            }
            // ESRCH: the process was reaped between open and read.
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(libc::ESRCH) => {
                Ok(None)
            }
            Err(e) => Err(SysError::new("read", path, e)),
        }
    }

    /// The second field, the program's name, may contain any bytes, including `) `. Fields are counted from the last `)`.
    fn parse(text: &[u8]) -> Option<Self> {
        let name_end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&text[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            state: *fields.first()?.as_bytes().first()?,
            // -1 while the kernel releases a dead process.
            session: fields.get(3)?.parse::<i64>().ok()?.try_into().unwrap_or(0),
            threads: fields.get(17)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }

    /// A zombie with other running threads is not dead: only its first thread has ended.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

/// A handle to one process. It never refers to another one, even if the pid is reused.
#[derive(Debug)]
pub struct ProcessFd {
    fd: OwnedFd,
    pid: u32,
}

impl ProcessFd {
    /// `None` if the process has ended.
    pub fn open(identity: &Identity) -> Result<Option<Self>, SysError> {
        match Self::open_pid(identity.pid)? {
            // The handle was opened first, so it refers to the process that still matches now.
            Some(process) if identity.is_alive()? => Ok(Some(process)),
            _ => Ok(None),
        }
    }

    /// The process that has `pid` now, whichever that is. `None` if there is none.
    pub fn open_pid(pid: u32) -> Result<Option<Self>, SysError> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self { fd, pid })),
            // EINVAL: the number is that of a thread.
            Err(Errno::SRCH | Errno::INVAL) => Ok(None),
            Err(e) => Err(SysError::new("open the process", format!("/proc/{pid}"), e)),
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends `signal`. Succeeds if the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), SysError> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(e) => Err(SysError::new("signal", format!("/proc/{}", self.pid), e)),
        }
    }

    /// Waits at most `timeout` for the process to end. Returns whether it has ended.
    pub fn wait(&self, timeout: Duration) -> Result<bool, SysError> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&left)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(e) => return Err(SysError::new("wait for", format!("/proc/{}", self.pid), e)),
            }
        }
    }
}

impl AsFd for ProcessFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for ProcessFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The pids of all processes that this host has now.
pub fn all_pids() -> Result<Vec<u32>, SysError> {
    let entries = std::fs::read_dir("/proc").doing("list", "/proc")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The command line with its arguments separated by spaces, cut to 4 KiB. For a process without one, such as a kernel thread, its
/// name in brackets. Empty if the process has ended.
pub fn command_line(pid: u32) -> String {
    let mut args = Vec::new();
    // An error means that the process has ended.
    let _ = File::open(format!("/proc/{pid}/cmdline"))
        .and_then(|file| file.take(COMMAND_LINE_MAX_BYTES).read_to_end(&mut args));
    let args = String::from_utf8_lossy(&args).trim_end_matches('\0').replace('\0', " ");
    if !args.is_empty() {
        return args;
    }
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("[{}]", name.trim_end()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_keeps_what_it_was_and_what_it_said() {
        let script = "echo out; echo err >&2; exit 3";
        let error = run("sh", &["-c".as_ref(), script.as_ref()]).unwrap_err();
        let ProcessError::Failed { program, args, status, stdout, stderr } = &error else {
            panic!("{error}")
        };
        assert_eq!((program.as_str(), args.len(), status.code()), ("sh", 2, Some(3)));
        assert_eq!((stdout.as_str(), stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(error.to_string(), format!("sh -c {script} failed (exit status: 3): err"));
        let Err(ProcessError::NotFound { .. }) = run("no-such-program", &[]) else { panic!("it ran") };
    }

    #[test]
    fn long_streams_are_cut() {
        let error = run("sh", &["-c".as_ref(), "head -c 100000 /dev/zero; exit 1".as_ref()]).unwrap_err();
        let ProcessError::Failed { stdout, .. } = error else { panic!("{error}") };
        assert_eq!(stdout.len(), KEPT_STREAM_BYTES);
    }

    #[test]
    fn the_environment_is_fixed() {
        let output = run("env", &[]).unwrap();
        let mut lines: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LC_ALL=C", &format!("PATH={PROGRAM_PATH}")]);
    }

    #[test]
    fn names_with_brackets_do_not_confuse() {
        let text = b"7 (a) Z 1 (b) S 1 7 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 4 0 5555 1 1";
        let stat = Stat { state: b'S', threads: 4, session: 9, start_ticks: 5555 };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse(b"7 (a"), None);
        let released = b"7 (sh) X 0 -1 -1 0 -1 4 0 0 0 0 0 0 0 0 20 0 0 0 555 0 0";
        let stat = Stat::parse(released).expect("a process that is being let go of");
        assert!(stat.is_dead() && stat.start_ticks == 555, "{stat:?}");
    }

    /// An unreaped zombie is dead although its pid is still in use.
    #[test]
    fn a_zombie_is_dead() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap().expect("it runs");
        let process = ProcessFd::open(&identity).unwrap().expect("it runs");
        assert!(!process.wait(Duration::ZERO).unwrap());
        process.signal(Signal::KILL).unwrap();
        assert!(process.wait(Duration::from_secs(10)).unwrap());
        assert!(Stat::of(child.id()).unwrap().is_some(), "not reaped yet");
        assert!(!identity.is_alive().unwrap());
        assert_eq!(Identity::of(child.id()).unwrap(), None);
        assert!(ProcessFd::open(&identity).unwrap().is_none());
        child.wait().unwrap();
        process.signal(Signal::KILL).unwrap();
    }

    #[test]
    fn another_start_time_or_boot_is_another_process() {
        let own = Identity::of(std::process::id()).unwrap().unwrap();
        assert!(own.is_alive().unwrap());
        let reused = Identity { start_ticks: own.start_ticks + 1, ..own.clone() };
        let rebooted = Identity { boot_id: "another".into(), ..own };
        for stranger in [reused, rebooted] {
            assert!(!stranger.is_alive().unwrap());
            assert!(ProcessFd::open(&stranger).unwrap().is_none());
        }
    }
}
