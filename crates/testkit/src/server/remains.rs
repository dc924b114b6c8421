//! What belongs to one data directory in the kernel: processes, mounts, loop devices, control groups. Found from the outside
//! (`/proc`, `/sys`), with no code of the product, so that the product cannot hide anything from its tests.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A line of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub start_ticks: u64,
    state: u8,
}

impl Stat {
    /// `None` if no process has `pid`.
    pub fn of(pid: u32) -> Option<Self> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The program's name may hold anything: fields are counted from the last bracket.
        let name_end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&text[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
            state: *fields.first()?.as_bytes().first()?,
        })
    }

    /// Every process of the machine.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").expect("/proc is mounted");
        entries.flatten().filter_map(|entry| Self::of(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// A zombie runs no code and holds nothing: it is dead.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// A process of the server under test.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: u32,
    /// Arguments separated by spaces.
    pub command: String,
    start_ticks: u64,
}

impl Process {
    /// The process that has `pid` now; `None` if there is none, or a dead one.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid).filter(|stat| !stat.is_dead())?;
        Some(Self { pid, command: arguments(pid).join(" "), start_ticks: stat.start_ticks })
    }

    pub fn is_alive(&self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| !stat.is_dead() && stat.start_ticks == self.start_ticks)
    }

    /// Sends `signal` to this very process, or to none if it is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid as i32).expect("a process has a pid");
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        // The handle came first: if the process is still the same now, the handle means it.
        if self.is_alive() {
            let _ = pidfd_send_signal(&handle, signal);
        }
    }

    /// SIGKILL, and waits until it is dead.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        super::wait_until(&format!("the end of {} ({})", self.pid, self.command), || {
            (!self.is_alive()).then_some(())
        });
    }
}

/// Arguments of a process; empty if it is gone.
pub fn arguments(pid: u32) -> Vec<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Everything of one data directory that the kernel still holds.
#[derive(Debug, Default)]
pub struct Remains {
    pub processes: Vec<Process>,
    /// In the order in which they were mounted.
    pub mounts: Vec<PathBuf>,
    /// `/dev/loopN` and the file behind it.
    pub loops: Vec<(PathBuf, PathBuf)>,
    pub cgroups: Vec<PathBuf>,
}

impl Remains {
    /// What is left of `folder` (absolute, without symlinks) and of the instances with these ids.
    pub fn of(folder: &Path, instances: &BTreeSet<String>) -> Self {
        Self {
            processes: processes(folder, instances),
            mounts: mounts_below(folder),
            loops: loops_below(folder),
            cgroups: cgroups(instances),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
            && self.mounts.is_empty()
            && self.loops.is_empty()
            && self.cgroups.is_empty()
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for process in &self.processes {
            writeln!(f, "  process {} ({})", process.pid, process.command)?;
        }
        for mount in &self.mounts {
            writeln!(f, "  mount {}", mount.display())?;
        }
        for (device, file) in &self.loops {
            writeln!(f, "  {} of {}", device.display(), file.display())?;
        }
        for cgroup in &self.cgroups {
            writeln!(f, "  control group {}", cgroup.display())?;
        }
        Ok(())
    }
}

/// Processes that name the folder in their arguments, have their root in an overlay on it, or are in a control group of these
/// instances.
fn processes(folder: &Path, instances: &BTreeSet<String>) -> Vec<Process> {
    let folder = folder.to_str().expect("test folders have plain names");
    let own = std::process::id();
    let belongs = |pid: u32| {
        arguments(pid).iter().any(|argument| argument.contains(folder))
            || root_options(pid).is_some_and(|options| options.contains(folder))
            || instance_of(pid).is_some_and(|id| instances.contains(&id))
    };
    let living = Stat::all().into_iter().filter(|stat| stat.pid != own && !stat.is_dead());
    living.filter(|stat| belongs(stat.pid)).filter_map(|stat| Process::of(stat.pid)).collect()
}

/// The options of the filesystem that the process has as its root, layers of an overlay among them.
fn root_options(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok()?;
    // A later mount on the same point hides the earlier.
    let root = text.lines().rfind(|line| line.split(' ').nth(4) == Some("/"))?;
    root.split_once(" - ").map(|(_, filesystem)| filesystem.to_owned())
}

/// The instance in whose control group the process is.
fn instance_of(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let (_parent, id) = text.lines().find_map(|line| line.split_once("/miosa-")?.1.split_once('/'))?;
    id.split('/').next().map(str::to_owned)
}

/// The process that the instance sees as its first, once its workload runs.
pub fn first_process(instance: &str) -> Option<Process> {
    let is_first = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        numbers.split_ascii_whitespace().skip(1).eq(["1"])
    };
    // Before the workload runs, the runtime's own program stands in its place.
    let waits = |pid: u32| arguments(pid).get(1).is_some_and(|argument| argument == "init");
    let mut pids = Stat::all().into_iter().filter(|stat| !stat.is_dead()).map(|stat| stat.pid);
    let first =
        pids.find(|&pid| instance_of(pid).as_deref() == Some(instance) && is_first(pid) && !waits(pid))?;
    Process::of(first)
}

/// Mount points at or below `folder`, in the order in which they were mounted.
pub fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    mount_table(std::process::id())
        .into_iter()
        .map(|mount| mount.path)
        .filter(|path| path.starts_with(folder))
        .collect()
}

/// A line of `/proc/<pid>/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// As the process sees it.
    pub path: PathBuf,
    /// `major:minor`.
    pub device: String,
    /// For example `ext4`.
    pub filesystem: String,
    /// Of the mount, as `rw,nosuid,nodev,relatime`.
    pub options: String,
}

/// What the process sees mounted, in order; empty if it is gone.
pub fn mount_table(pid: u32) -> Vec<Mount> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    let parse = |line: &str| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let fields: Vec<&str> = mount.split(' ').collect();
        Some(Mount {
            path: unescape(fields.get(4)?),
            device: (*fields.get(2)?).to_owned(),
            filesystem: filesystem.split(' ').next()?.to_owned(),
            options: (*fields.get(5)?).to_owned(),
        })
    };
    text.lines().filter_map(parse).collect()
}

/// Undoes the kernel's `\040` for a space and its like.
fn unescape(raw: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 8).ok());
        match octal {
            Some(escaped) if byte == b'\\' => {
                bytes.push(escaped);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// Loop devices whose file lies below `folder`, removed files included.
pub fn loops_below(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let devices = fs::read_dir("/sys/block").expect("/sys is mounted").flatten();
    let attached = devices.filter_map(|device| {
        let file = fs::read_to_string(device.path().join("loop/backing_file")).ok()?;
        Some((Path::new("/dev").join(device.file_name()), PathBuf::from(file.trim_end_matches('\n'))))
    });
    attached.filter(|(_, file)| file.starts_with(folder)).collect()
}

/// Control groups of these instances, in whatever hierarchy.
fn cgroups(instances: &BTreeSet<String>) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let hierarchies = inside(root.to_owned()).chain([root.to_owned()]);
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("miosa-"));
    let parents = hierarchies.flat_map(inside).filter(is_ours);
    let all = parents.flat_map(|parent| instances.iter().map(move |id| parent.join(id)));
    all.filter(|path| path.exists()).collect()
}

/// Names of folders below `folder` that are UUIDs, down to a depth at which only the product's own folders lie.
pub fn uuid_folders(folder: &Path) -> BTreeSet<String> {
    fn collect(folder: &Path, depth: u32, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if is_uuid(&name) {
                    found.insert(name);
                } else if depth > 0 {
                    collect(&entry.path(), depth - 1, found);
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    collect(folder, 3, &mut found);
    found
}

fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Ends and removes everything of `folder` and of these instances: processes first, then mounts from the last to the first,
/// then loop devices. What the product would do gently is done by force, as the end of the world. Answers what would not go.
pub fn remove(folder: &Path, instances: &BTreeSet<String>) -> Remains {
    // More than once: a process that was being made is seen in the next round.
    for _ in 0..100 {
        let remains = Remains::of(folder, instances);
        if remains.is_empty() {
            break;
        }
        for process in &remains.processes {
            process.signal(Signal::KILL);
        }
        if remains.processes.is_empty() {
            for mount in remains.mounts.iter().rev() {
                let _ = rustix::mount::unmount(mount, rustix::mount::UnmountFlags::NOFOLLOW);
            }
            // A mounted device is detached with its mount. An unmounted one keeps the filesystem of its file busy.
            for (device, _) in loops_below(folder) {
                let _ = std::process::Command::new("losetup").arg("-d").arg(device).output();
            }
            for cgroup in &remains.cgroups {
                let _ = fs::remove_dir(cgroup);
                // The parent belongs to this data directory alone, and goes with its last child.
                let _ = cgroup.parent().map(fs::remove_dir);
            }
        }
        if !Remains::of(folder, instances).is_empty() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Remains::of(folder, instances)
}

/// Takes the immutable flag off every file below `folder`, so that a scratch folder with a pool in it can be removed. Only when
/// nothing is mounted there any more.
pub fn make_removable(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => make_removable(&path),
            Ok(kind) if kind.is_file() => {
                // On filesystems without such flags there is nothing to take off.
                let _ = set_immutable(&path, false);
            }
            _ => {}
        }
    }
}

/// Sets or takes off the immutable flag of a file.
pub fn set_immutable(file: &Path, immutable: bool) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(file, flags, Mode::empty())?;
    let present = ioctl_getflags(&file)?;
    if present.contains(IFlags::IMMUTABLE) == immutable {
        return Ok(());
    }
    let mut wanted = present;
    wanted.set(IFlags::IMMUTABLE, immutable);
    ioctl_setflags(&file, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scratch folder on a filesystem of the host that knows the flag goes, immutable files and all.
    #[test]
    fn immutable_files_do_not_stay() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let root = tempfile::Builder::new().prefix("miosa-remains-").tempdir_in("/var/tmp").unwrap();
        let file = root.path().join("folder/file");
        fs::create_dir(root.path().join("folder")).unwrap();
        fs::write(&file, "").unwrap();
        if set_immutable(&file, true).is_err() {
            return;
        }
        assert!(fs::remove_file(&file).is_err(), "the flag has no effect");
        make_removable(root.path());
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(r"/a\040b\134c"), Path::new(r"/a b\c"));
        assert_eq!(unescape(r"/a\04"), Path::new(r"/a\04"));
    }

    #[test]
    fn folders_of_objects_are_found() {
        let root = tempfile::tempdir().unwrap();
        let id = "0192f0c1-7b1c-7cc0-8a51-2f3fd1a0b111";
        fs::create_dir_all(root.path().join("agent/instances").join(id).join("upper")).unwrap();
        fs::create_dir_all(root.path().join("not-a-uuid")).unwrap();
        assert_eq!(uuid_folders(root.path()), BTreeSet::from([id.to_owned()]));
    }

    /// A process is found by its arguments, a mount and a loop device by their place, and all of them go.
    #[test]
    fn remains_are_found_and_removed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        super::super::reaper::start();
        let root = tempfile::Builder::new().prefix("miosa-remains-").tempdir_in("/var/tmp").unwrap();
        let run = |program: &str, args: &[&str]| {
            let done =
                std::process::Command::new(program).args(args).current_dir(root.path()).output().unwrap();
            assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        };
        let file = root.path().join("image");
        let spawn = || {
            std::process::Command::new("tail")
                .args(["-f", "/dev/null"])
                .arg(&file)
                .stdout(std::process::Stdio::null())
                .spawn()
        };
        fs::write(&file, "").unwrap();
        let mut child = super::super::reaper::keep(spawn).unwrap();
        run("truncate", &["-s", "8M", "image"]);
        run("mkfs.ext4", &["-q", "image"]);
        run("mkdir", &["with space"]);
        run("mount", &["-o", "loop", "image", "with space"]);
        let none = BTreeSet::new();
        let remains = Remains::of(root.path(), &none);
        assert_eq!(remains.mounts, [root.path().join("with space")], "{remains}");
        assert_eq!((remains.processes.len(), remains.loops.len()), (1, 1), "{remains}");
        let left = remove(root.path(), &none);
        assert!(left.is_empty(), "left:\n{left}");
        child.wait().unwrap();
        super::super::reaper::let_go(child.id());
    }
}
