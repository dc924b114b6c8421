//! Which processes keep a filesystem from being unmounted.
//!
//! A process holds a filesystem by its working directory, its root, its program, an open file or a memory map; or by living
//! in a mount namespace of its own in which the filesystem is still mounted, even if it uses nothing of it. All of
//! `/proc` is read, which costs milliseconds: call this only after an unmount failed with `EBUSY`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags};

use crate::{SysError, mount, process};

/// A process that keeps a filesystem busy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// In the pid namespace of `/proc`.
    pub pid: u32,
    /// The whole command line with spaces between its arguments; of a process that has none, its name in brackets.
    pub command: String,
}

/// The processes that hold the filesystem whose files have this `st_dev`, by pid. Processes that end during the search
/// are left out.
pub fn of_filesystem(device_number: u64) -> Result<Vec<Holder>, SysError> {
    let own_namespace = fs::read_link("/proc/self/ns/mnt").ok();
    // Many processes share a namespace; its mount table is read once.
    let mut mounted_in: HashMap<PathBuf, bool> = HashMap::new();
    let mut holders = Vec::new();
    for pid in process::all_pids()? {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let mut in_namespace = || match fs::read_link(process.join("ns/mnt")) {
            Ok(namespace) if Some(&namespace) != own_namespace.as_ref() => {
                *mounted_in.entry(namespace).or_insert_with(|| has_mount(pid, device_number))
            }
            _ => false,
        };
        if uses(&process, device_number) || in_namespace() {
            holders.push(Holder { pid, command: process::command_line(pid) });
        }
    }
    holders.sort_by_key(|holder| holder.pid);
    Ok(holders)
}

/// As [`of_filesystem`], but only processes that use something of it: not those that merely could.
pub fn users_of_filesystem(device_number: u64) -> Result<Vec<Holder>, SysError> {
    let mut pids = process::all_pids()?;
    pids.retain(|pid| uses(Path::new(&format!("/proc/{pid}")), device_number));
    pids.sort_unstable();
    Ok(pids.into_iter().map(|pid| Holder { pid, command: process::command_line(pid) }).collect())
}

fn uses(process: &Path, device_number: u64) -> bool {
    let on_device = |path: PathBuf| {
        // Follows the link to the open file itself, in whatever namespace that lies; does not wait for a sick disk.
        let stat = rustix::fs::statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
        stat.is_ok_and(|stat| rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor) == device_number)
    };
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().map(|entry| entry.path());
    let links = ["cwd", "root", "exe"].map(|link| process.join(link));
    links.into_iter().chain(files).any(on_device) || maps(process, device_number)
}

/// Lines such as `7f00-7f01 r--p 00000000 07:2a 1234 /path`: the device in hexadecimal.
fn maps(process: &Path, device_number: u64) -> bool {
    let (major, minor) = (rustix::fs::major(device_number), rustix::fs::minor(device_number));
    let device = format!("{major:02x}:{minor:02x}");
    let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
    maps.lines().any(|line| line.split_ascii_whitespace().nth(3) == Some(&device))
}

fn has_mount(pid: u32, device_number: u64) -> bool {
    let mounts = mount::list_of(pid).unwrap_or_default();
    mounts.iter().any(|mount| mount.device_number == device_number)
}
