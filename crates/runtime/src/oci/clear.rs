//! Removing a container: ends all its processes and removes everything except the files that the instance wrote.
//!
//! A process belongs to an instance if it is in the instance's control group, which a workload cannot leave, or if its root
//! directory is the instance's, as that of an operator's shell that entered from the host is. Each process is signalled through
//! a pidfd that was opened before the process was examined, so a reused pid is never signalled.
//!
//! **Crash safety.** Each step may find its work done. `run.json` is removed last: while it exists, removal is not finished.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use miosa_domain::InstanceId;
use miosa_domain::status::Holder;
use miosa_effects::process::{self, ProcessFd};
use miosa_effects::{SysError, holders, namespace};
use miosa_failpoint::failpoint;
use rustix::process::Signal;

use super::{CONFIG_FILE, END_GRACE, EXEC_PREFIX, KILL_TIMEOUT, OciDriver};
use crate::record::RunRecord;
use crate::rootfs::InstanceFolder;
use crate::{Changed, RuntimeError, cgroup, conmon};

impl OciDriver {
    /// Ends and removes all that `create` and later calls made, except the files that the instance wrote.
    pub(super) fn clear(&self, id: InstanceId, folder: &InstanceFolder) -> Result<Changed, RuntimeError> {
        let record = RunRecord::read(&folder.dir)?;
        let device = folder.rootfs_device()?;
        let mut changed = record.is_some();
        let is_whole = record.as_ref().is_some_and(|record| record.processes.is_some());
        if !is_whole {
            // Helpers first: one of them may still be creating the container.
            changed |= self.kill_all(id, || self.helpers(id))?;
        }
        changed |= self.kill_all(id, || self.members(id, device))?;
        if let Some(conmon) = record.as_ref().and_then(|r| r.processes.as_ref()?.conmon.as_ref())
            && let Some(conmon) = ProcessFd::open(conmon)?
        {
            // conmon ends after the first process, when it has written the last lines to the log.
            conmon.wait(END_GRACE)?;
        }
        changed |= self.kill_all(id, || self.helpers(id))?;
        failpoint!("runtime.remove.after-kill")?;
        changed |= self.forget_in_runtime(id, record.as_ref())?;
        changed |= cgroup::remove(&self.cgroup(id))?;
        if let Some(_cgroup_parent) = self.cgroup_parent.try_write() {
            cgroup::remove_if_empty(&self.config.cgroup_parent)?;
        }
        failpoint!("runtime.remove.before-unmount")?;
        changed |= folder.unmount_rootfs()?;
        self.remove_run_files(id, folder)?;
        failpoint!("runtime.remove.before-record")?;
        self.started.lock().remove(&id);
        if record.is_some() {
            RunRecord::remove(&folder.dir)?;
        }
        Ok(if changed { Changed::Changed } else { Changed::Unchanged })
    }

    /// The processes of the instance: those in its control group, and those that entered its root filesystem from the host.
    pub(super) fn members(&self, id: InstanceId, rootfs_device: Option<u64>) -> Result<Vec<u32>, SysError> {
        let mut pids = cgroup::pids(&self.cgroup(id))?;
        if let Some(device) = rootfs_device {
            pids.extend(process::all_pids()?.into_iter().filter(|&pid| has_root_on(pid, device)));
        }
        pids.sort_unstable();
        pids.dedup();
        pids.retain(|&pid| is_not_dead(pid));
        Ok(pids)
    }

    /// Processes of this instance that use the volume, or if there are none, all processes that use it. Processes in a namespace
    /// in which the volume's mount is locked count as users.
    pub(super) fn holders(
        &self,
        id: InstanceId,
        device_number: u64,
        rootfs_device: Option<u64>,
        locked_in: &[u32],
    ) -> Result<Vec<Holder>, SysError> {
        let users = holders::users_of_filesystem(device_number)?.into_iter().map(|user| user.pid);
        let members = self.members(id, rootfs_device)?;
        let (mut own, others): (Vec<_>, Vec<_>) = users.partition(|user| members.contains(user));
        for &pid in locked_in {
            own.extend(namespace::processes_beside(pid)?);
        }
        let mut named = if own.is_empty() { others } else { own };
        named.sort_unstable();
        named.dedup();
        Ok(named.into_iter().map(|pid| Holder::new(pid, process::command_line(pid))).collect())
    }

    /// Kills processes until `find` returns none. Returns whether there were any.
    pub(super) fn kill_all(
        &self,
        id: InstanceId,
        find: impl Fn() -> Result<Vec<u32>, SysError>,
    ) -> Result<bool, RuntimeError> {
        let deadline = Instant::now() + KILL_TIMEOUT;
        let mut pids = find()?;
        let changed = !pids.is_empty();
        while !pids.is_empty() {
            if Instant::now() > deadline {
                return Err(RuntimeError::WillNotEnd { id, pids });
            }
            let mut processes = Vec::new();
            for pid in pids {
                processes.extend(ProcessFd::open_pid(pid)?);
            }
            // The handles were opened first, so a pid found again is still the process that its handle refers to.
            let again = find()?;
            processes.retain(|process| again.contains(&process.pid()));
            for process in &processes {
                process.signal(Signal::KILL)?;
            }
            for process in &processes {
                process.wait(Duration::from_millis(100))?;
            }
            pids = find()?;
        }
        Ok(changed)
    }

    /// Processes of conmon and of the runtime that work on this instance.
    fn helpers(&self, id: InstanceId) -> Result<Vec<u32>, SysError> {
        let (id, root) = (id.to_string(), self.runtime_root.as_os_str().as_encoded_bytes());
        let is_helper = |&pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let has = |wanted: &[u8]| line.split(|&byte| byte == 0).any(|arg| arg == wanted);
            has(id.as_bytes()) && has(root)
        };
        Ok(process::all_pids()?.into_iter().filter(is_helper).collect())
    }

    /// Removes the runtime's own state of a container that has no process left.
    fn forget_in_runtime(&self, id: InstanceId, record: Option<&RunRecord>) -> Result<bool, RuntimeError> {
        let state = self.runtime_root.join(id.to_string());
        if !state.exists() {
            return Ok(false);
        }
        if let Some(record) = record
            && record.boot_id == process::boot_id()?
            && let Err(error) = self.call_runtime(id, record, "delete", &["--force"])
        {
            // A crash while the runtime wrote its state, for example.
            tracing::warn!(%id, %error, "the OCI runtime cannot delete its state; removing the state directory");
        }
        #[expect(clippy::disallowed_methods, reason = "the OCI runtime's directory of this very instance")]
        match fs::remove_dir_all(&state) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(SysError::new("remove", state, e).into())
            }
            _ => Ok(true),
        }
    }

    fn remove_run_files(&self, id: InstanceId, folder: &InstanceFolder) -> Result<(), SysError> {
        for name in [CONFIG_FILE, conmon::PID_FILE, conmon::FIRST_PID_FILE, "attach", "ctl", "winsz"] {
            folder.dir.remove_file(name)?;
        }
        for name in folder.dir.names()? {
            if let Some(name) = name.to_str().filter(|name| name.starts_with(EXEC_PREFIX)) {
                folder.dir.remove_file(name)?;
            }
        }
        for name in [conmon::EXIT_FOLDER, conmon::SOCKET_FOLDER] {
            folder.dir.open_dir(name)?.remove_file(&id.to_string())?;
        }
        Ok(())
    }
}

fn has_root_on(pid: u32, device: u64) -> bool {
    fs::metadata(format!("/proc/{pid}/root")).is_ok_and(|root| root.dev() == device)
}

fn is_not_dead(pid: u32) -> bool {
    matches!(process::Stat::of(pid), Ok(Some(stat)) if !stat.is_dead())
}
