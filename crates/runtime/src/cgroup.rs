//! The control groups of an instance: lists their processes and removes them.
//!
//! The OCI runtime creates them and sets the limits, in each hierarchy of the host (one of version 2, several of version 1, or
//! both). A workload cannot leave its groups, so they contain all its processes. They do not survive a reboot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use miosa_effects::{Doing, SysError, mount};

/// The directories of one control group, one in each hierarchy.
fn folders(group: &str) -> Result<Vec<PathBuf>, SysError> {
    Ok(hierarchies()?.iter().map(|mount_point| mount_point.join(group.trim_start_matches('/'))).collect())
}

/// The mount points of the hierarchies. They do not change while the host runs, so the mount table, which may be long, is read
/// once.
fn hierarchies() -> Result<&'static [PathBuf], SysError> {
    static HIERARCHIES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    if let Some(known) = HIERARCHIES.get() {
        return Ok(known);
    }
    let table = mount::table()?;
    let cgroups = table.iter().filter(|mount| mount.fs_type.starts_with("cgroup"));
    let found: Vec<PathBuf> = cgroups.map(|mount| mount.mount_point.clone()).collect();
    // Not remembered while there is none: the host may still be starting.
    Ok(if found.is_empty() { &[] } else { HIERARCHIES.get_or_init(|| found) })
}

/// The pids in the group and in the groups below it, sorted and without duplicates.
pub(crate) fn pids(group: &str) -> Result<Vec<u32>, SysError> {
    let mut pids = Vec::new();
    for folder in folders(group)? {
        collect_pids(&folder, &mut pids)?;
    }
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

fn collect_pids(folder: &Path, pids: &mut Vec<u32>) -> Result<(), SysError> {
    let procs = folder.join("cgroup.procs");
    match fs::read_to_string(&procs) {
        Ok(text) => {
            pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|&pid| pid != 0))
        }
        Err(e) if is_gone(&e) => return Ok(()),
        Err(e) => return Err(SysError::new("read", procs, e)),
    }
    for child in children(folder)? {
        collect_pids(&child, pids)?;
    }
    Ok(())
}

/// Removes the empty group and the groups below it. Returns whether there was one.
pub(crate) fn remove(group: &str) -> Result<bool, SysError> {
    let mut changed = false;
    for folder in folders(group)? {
        changed |= remove_folder(&folder)?;
    }
    Ok(changed)
}

fn remove_folder(folder: &Path) -> Result<bool, SysError> {
    for child in children(folder)? {
        remove_folder(&child)?;
    }
    match fs::remove_dir(folder) {
        Ok(()) => Ok(true),
        Err(e) if is_gone(&e) => Ok(false),
        Err(e) => Err(SysError::new("remove", folder, e)),
    }
}

/// Removes the group if it is empty. Other instances may be in it.
pub(crate) fn remove_if_empty(group: &str) -> Result<(), SysError> {
    for folder in folders(group)? {
        match fs::remove_dir(&folder) {
            Err(e) if !is_gone(&e) && e.raw_os_error() != Some(libc::EBUSY) => {
                return Err(SysError::new("remove", folder, e));
            }
            _ => {}
        }
    }
    Ok(())
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, SysError> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            Ok(folders.map(|entry| entry.path()).collect())
        }
        Err(e) if is_gone(&e) => Ok(Vec::new()),
        Err(e) => Err(e).doing("list", folder),
    }
}

/// ENODEV: the group was removed while its file was open.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}
