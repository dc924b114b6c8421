//! Docker as a peer, if it is installed: a daemon of its own in the scratch folder, without network, that ends with the bench.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{services, since};
use crate::run::{self, Failure};

const IMAGE: &str = "bench:1";
const VOLUME: &str = "bench";

/// A running daemon.
pub(super) struct Docker {
    daemon: Child,
    socket: PathBuf,
}

impl Docker {
    /// `None` when docker is not installed.
    pub(super) fn start(folder: &Path) -> Result<Option<Self>, Failure> {
        if run::find_program("dockerd").is_none() || run::find_program("docker").is_none() {
            return Ok(None);
        }
        let folder = folder.join("docker");
        fs::create_dir(&folder).map_err(Failure::file("cannot make", &folder))?;
        let socket = folder.join("docker.sock");
        let log_path = folder.join("log");
        let log = fs::File::create(&log_path).map_err(Failure::file("cannot make", &log_path))?;
        let mut dockerd = Command::new("dockerd");
        dockerd
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .args(["--storage-driver=overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let daemon =
            dockerd.spawn().map_err(|source| Failure::Start { command: "dockerd".into(), source })?;
        let docker = Self { daemon, socket };
        docker.wait_until_it_answers(&log_path)?;
        docker.import_image(&folder)?;
        docker.call(&[
            "run",
            "--rm",
            "-v",
            &format!("{VOLUME}:/mnt/data"),
            IMAGE,
            "sh",
            "-c",
            "echo here > /mnt/data/marker",
        ])?;
        Ok(Some(docker))
    }

    /// `docker run -d`: the time until its first process wrote its first line.
    pub(super) fn run(&self) -> Result<Duration, Failure> {
        self.run_detached(&[], "echo up; exec sleep 3600")
    }

    /// `docker run -d -v`: the time until its first process had read a file of the volume.
    pub(super) fn run_with_volume(&self) -> Result<Duration, Failure> {
        self.run_detached(&["-v", &format!("{VOLUME}:/mnt/data")], "cat /mnt/data/marker; exec sleep 3600")
    }

    /// `docker stop`, then `docker run -d -v` of the same volume: the time from the old first process's end to the new one's first
    /// line.
    pub(super) fn hand_over(&self) -> Result<Duration, Failure> {
        const SCRIPT: &str = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done";
        let volume = format!("{VOLUME}:/mnt/data");
        let old = self.call(&["run", "-d", "-v", &volume, IMAGE, "sh", "-c", SCRIPT])?;
        let old = old.trim();
        self.first_line(old)?;
        let pid = self.call(&["inspect", "--format", "{{.State.Pid}}", old])?;
        let pid =
            pid.trim().parse().map_err(|_| Failure::Refused(format!("docker says that the pid is {pid}")))?;
        let gone = services::watch_end(pid);
        self.call(&["stop", old])?;
        let new = self.call(&["run", "-d", "-v", &volume, IMAGE, "sh", "-c", SCRIPT])?;
        let first_line = self.first_line(new.trim())?;
        let gone_at = gone.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.call(&["rm", "--force", old, new.trim()])?;
        since(gone_at, &first_line)
    }

    /// `docker run -d -v`, so many at once: the time until the last one's first process wrote its first line.
    pub(super) fn run_many(&self, count: usize) -> Result<Duration, Failure> {
        let begun = Timestamp::now();
        let volume = format!("{VOLUME}:/mnt/data");
        let runs = std::thread::scope(|scope| {
            let one = || {
                let id =
                    self.call(&["run", "-d", "-v", &volume, IMAGE, "sh", "-c", "echo up; exec sleep 3600"])?;
                let id = id.trim().to_owned();
                let up = self.first_line(&id)?;
                Ok::<_, Failure>((id, since(begun, &up)?))
            };
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(one)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
        })?;
        for (id, _) in &runs {
            self.call(&["rm", "--force", id])?;
        }
        Ok(runs.iter().map(|(_, took)| *took).max().unwrap_or_default())
    }

    fn run_detached(&self, options: &[&str], script: &str) -> Result<Duration, Failure> {
        let begun = Timestamp::now();
        let arguments = [&["run", "-d"], options, &[IMAGE, "sh", "-c", script]].concat();
        let container = self.call(&arguments)?.trim().to_owned();
        let first_line = self.first_line(&container)?;
        self.call(&["rm", "--force", &container])?;
        since(begun, &first_line)
    }

    /// When a container wrote its first line, by docker's clock.
    fn first_line(&self, container: &str) -> Result<String, Failure> {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let logs = self.call(&["logs", "--timestamps", container])?;
            match logs.split_whitespace().next() {
                Some(timestamp) => return Ok(timestamp.to_owned()),
                None if Instant::now() > patience => {
                    return Err(Failure::Refused("a docker container wrote nothing".into()));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn wait_until_it_answers(&self, log: &Path) -> Result<(), Failure> {
        let patience = Instant::now() + Duration::from_secs(60);
        while self.call(&["version"]).is_err() {
            if Instant::now() > patience {
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::Refused(format!("dockerd does not answer:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// An image with nothing but busybox, like our default template.
    fn import_image(&self, folder: &Path) -> Result<(), Failure> {
        let files = folder.join("image");
        let bin = files.join("bin");
        fs::create_dir_all(&bin).map_err(Failure::file("cannot make", &bin))?;
        let busybox = run::find_program("busybox")
            .ok_or_else(|| Failure::Refused("busybox is not installed".into()))?;
        fs::copy(busybox, bin.join("busybox")).map_err(Failure::file("cannot copy busybox to", &bin))?;
        for applet in ["sh", "cat", "echo", "sleep"] {
            std::os::unix::fs::symlink("busybox", bin.join(applet))
                .map_err(Failure::file("cannot link in", &bin))?;
        }
        let archive = folder.join("image.tar");
        let tar = ["-C".as_ref(), files.as_os_str(), "-cf".as_ref(), archive.as_os_str(), ".".as_ref()];
        run::capture(run::command("tar", tar))?;
        self.call(&["import", &archive.to_string_lossy(), IMAGE]).map(drop)
    }

    fn call(&self, arguments: &[&str]) -> Result<String, Failure> {
        let host = format!("unix://{}", self.socket.display());
        let mut docker = run::command("docker", ["--host", &host]);
        docker.args(arguments);
        run::capture(docker)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.daemon.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.daemon.wait();
    }
}
