//! The end of a container: every process of it ended, and everything of it removed but what the instance wrote.
//!
//! A process belongs to an instance if it is in its control group, which a workload cannot leave, or if its root folder is the
//! instance's, as that of an operator's shell that entered from the host is. It is signalled through a handle that was opened
//! before it was looked at, so that a pid given out anew in between does no harm.
//!
//! Crash story: each step may find its work done. The record goes last: as long as there is one, removing is not finished.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use miosa_domain::InstanceId;
use miosa_domain::status::Holder;
use miosa_effects::process::{self, ProcessFd};
use miosa_effects::{SysError, holders, namespace};
use miosa_failpoint::failpoint;
use rustix::process::Signal;

use super::{CONFIG_FILE, END_GRACE, EXEC_PREFIX, KILL_TIMEOUT, OciDriver, locked};
use crate::record::RunRecord;
use crate::rootfs::InstanceFolder;
use crate::{Changed, RuntimeError, cgroup, conmon};

impl OciDriver {
    /// Ends and removes what `create` and later calls made, but not what the instance wrote.
    pub(super) fn clear(&self, id: InstanceId, folder: &InstanceFolder) -> Result<Changed, RuntimeError> {
        let record = RunRecord::read(&folder.dir)?;
        let device = folder.rootfs_device()?;
        let mut changed = record.is_some();
        let is_whole = record.as_ref().is_some_and(|record| record.processes.is_some());
        if !is_whole {
            // They may be about to make something: first.
            changed |= self.kill_all(id, || self.helpers(id))?;
        }
        changed |= self.kill_all(id, || self.members(id, device))?;
        if let Some(conmon) = record.as_ref().and_then(|r| r.processes.as_ref()?.conmon.as_ref())
            && let Some(conmon) = ProcessFd::open(conmon)?
        {
            // It ends by itself when the first process has, and its last lines are in the log then.
            conmon.wait(END_GRACE)?;
        }
        changed |= self.kill_all(id, || self.helpers(id))?;
        failpoint!("runtime.remove.after-kill")?;
        changed |= self.forget_in_runtime(id, record.as_ref())?;
        changed |= cgroup::remove(&self.cgroup(id))?;
        if let Ok(_cgroup_parent) = self.cgroup_parent.try_write() {
            cgroup::remove_if_empty(&self.config.cgroup_parent)?;
        }
        failpoint!("runtime.remove.before-unmount")?;
        changed |= folder.unmount_rootfs()?;
        self.remove_run_files(id, folder)?;
        failpoint!("runtime.remove.before-record")?;
        locked(&self.started).remove(&id);
        if record.is_some() {
            RunRecord::remove(&folder.dir)?;
        }
        Ok(if changed { Changed::Changed } else { Changed::Unchanged })
    }

    /// Everything that runs in the instance: in its control group, or with its root filesystem, as what the host made enter it.
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

    /// Users of the volume that run in this instance, or, if there are none, wherever they run. Those that live in a namespace
    /// in which nobody may unmount it hold it as well.
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
        Ok(named.into_iter().map(|pid| Holder { pid, command: process::command_line(pid) }).collect())
    }

    /// Kills until nothing is left that `find` finds. Answers whether there was anything.
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
            // The handles came first: what is found again is what they mean.
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

    /// conmon and the runtime at work on this instance.
    fn helpers(&self, id: InstanceId) -> Result<Vec<u32>, SysError> {
        let (id, root) = (id.to_string(), self.runtime_root.as_os_str().as_encoded_bytes());
        let is_helper = |&pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let has = |wanted: &[u8]| line.split(|&byte| byte == 0).any(|arg| arg == wanted);
            has(id.as_bytes()) && has(root)
        };
        Ok(process::all_pids()?.into_iter().filter(is_helper).collect())
    }

    /// Removes the runtime's own state of a container, of which nothing runs any more.
    fn forget_in_runtime(&self, id: InstanceId, record: Option<&RunRecord>) -> Result<bool, RuntimeError> {
        let state = self.runtime_root.join(id.to_string());
        if !state.exists() {
            return Ok(false);
        }
        if let Some(record) = record
            && record.boot_id == process::boot_id()?
            && let Err(error) = self.call_runtime(id, record, "delete", &["--force"])
        {
            // It was cut off while it wrote its state, for example.
            tracing::warn!(%id, %error, "removing the state of the OCI runtime by hand");
        }
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
