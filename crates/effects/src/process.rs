//! Programs and processes: run one to its end, find one again after a restart of ours, end one for sure.
//!
//! A pid is a number that the kernel gives out again. What is remembered over a crash is therefore an [`Identity`]: pid,
//! start time and boot. What is signalled is a [`ProcessFd`], taken first and compared with the identity afterwards, so that
//! no signal ever reaches a stranger. A zombie is dead: nothing of it runs, it only waits to be counted.

use std::ffi::{OsStr, OsString};
use std::io;
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

/// Where programs are looked for, whatever the caller's environment says.
pub const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How much of each stream an error keeps.
const KEPT_STREAM_BYTES: usize = 4096;

/// A program could not be run or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{program} is not installed (looked in {PROGRAM_PATH})")]
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

/// Runs `program` to its end with nothing on its stdin, and answers what it wrote if it exits with 0.
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

/// A command in a clean environment: [`PROGRAM_PATH`] and messages in English.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PROGRAM_PATH).env("LC_ALL", "C");
    command
}

/// The executable file that `program` (a name, or an absolute path) stands for.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let executable =
        |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_absolute() && executable(path));
    }
    PROGRAM_PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| executable(path))
}

/// Makes the command's process inherit each descriptor under the given number (3 or more). All others are close-on-exec.
pub fn inherit(command: &mut Command, descriptors: Vec<(OwnedFd, RawFd)>) {
    let move_up = move || {
        // First above every wanted number, so that no dup2 closes a descriptor that is still to be moved.
        let above = descriptors.iter().map(|(_, number)| number + 1).max().unwrap_or(3);
        for (descriptor, number) in &descriptors {
            // SAFETY: fcntl and dup2 take only numbers; `descriptor` is open as long as this closure lives.
            let copy = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, above) };
            // SAFETY: as above; `number` belongs to nobody in this process that is about to become another program.
            if copy < 0 || unsafe { libc::dup2(copy, *number) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes system calls; it neither allocates nor locks.
    unsafe { command.pre_exec(move_up) };
}

/// Lets the command's process survive what ends ours: a session of its own, so that no terminal or group signal reaches it.
pub fn in_own_session(command: &mut Command) {
    let leave = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(leave) };
}

/// Names one process for ever, also over restarts of ours and of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// Clock ticks from boot to the process's start.
    pub start_ticks: u64,
    pub boot_id: String,
}

impl Identity {
    /// The process that has `pid` now; `None` if there is none, or only a zombie.
    pub fn of(pid: u32) -> Result<Option<Self>, SysError> {
        match Stat::of(pid)? {
            Some(stat) if !stat.is_dead() => {
                Ok(Some(Self { pid, start_ticks: stat.start_ticks, boot_id: boot_id()?.to_owned() }))
            }
            _ => Ok(None),
        }
    }

    /// Whether this very process is still there, and not as a zombie.
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

/// What we need of `/proc/<pid>/stat`.
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
                let malformed =
                    || SysError::new("understand", &path, io::Error::from(io::ErrorKind::InvalidData));
                Self::parse(&text).map(Some).ok_or_else(malformed)
            }
            // ESRCH: it went between open and read.
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(libc::ESRCH) => {
                Ok(None)
            }
            Err(e) => Err(SysError::new("read", path, e)),
        }
    }

    /// The second field, the program's name, may hold anything, `) ` included: the fields are counted from the last `)`.
    fn parse(text: &[u8]) -> Option<Self> {
        let name_end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&text[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            state: *fields.first()?.as_bytes().first()?,
            // -1 in the moment in which the kernel lets go of a dead process.
            session: fields.get(3)?.parse::<i64>().ok()?.try_into().unwrap_or(0),
            threads: fields.get(17)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }

    /// A zombie whose other threads still run is not dead: only its first thread has ended.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

/// A handle on one process: it never comes to mean another.
#[derive(Debug)]
pub struct ProcessFd {
    fd: OwnedFd,
    pid: u32,
}

impl ProcessFd {
    /// `None` if the process that `identity` names is gone.
    pub fn open(identity: &Identity) -> Result<Option<Self>, SysError> {
        match Self::open_pid(identity.pid)? {
            // The handle came first: if the process is still the same now, the handle means it.
            Some(process) if identity.is_alive()? => Ok(Some(process)),
            _ => Ok(None),
        }
    }

    /// The process that has `pid` now, whatever it is. `None` if there is none.
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

    /// Sends `signal`; a process that is gone is no error.
    pub fn signal(&self, signal: Signal) -> Result<(), SysError> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(e) => Err(SysError::new("signal", format!("/proc/{}", self.pid), e)),
        }
    }

    /// Waits until the process has ended, at most `timeout`. Answers whether it has.
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

/// Full command line with arguments separated by spaces; the program's name in brackets if there is none, as for kernel
/// threads. Empty if the process is gone.
pub fn command_line(pid: u32) -> String {
    let args = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
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

    /// A process is alive, then a zombie that nobody has reaped: dead, though its pid is still taken.
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

    #[test]
    fn descriptors_arrive_under_their_numbers() {
        let (reader_a, writer_a) = std::io::pipe().unwrap();
        let (reader_b, writer_b) = std::io::pipe().unwrap();
        let mut shell = command(&find_program("sh").unwrap());
        shell.args(["-c", "echo a >&3; echo b >&4"]);
        inherit(&mut shell, vec![(writer_a.into(), 3), (writer_b.into(), 4)]);
        assert!(shell.status().unwrap().success());
        drop(shell);
        assert_eq!(std::io::read_to_string(reader_a).unwrap(), "a\n");
        assert_eq!(std::io::read_to_string(reader_b).unwrap(), "b\n");
    }
}
