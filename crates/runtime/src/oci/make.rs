//! Creating a container: its root filesystem, its configuration, then conmon and the OCI runtime, which create the processes.
//!
//! **Crash safety.** `run.json` exists before the first step, without a process, and is rewritten with the process after the
//! last one. `remove_container` finds it and removes whatever was made in between.

use std::path::Path;

use miosa_domain::spec::InstanceSpec;
use miosa_failpoint::failpoint;

use super::{CONFIG_FILE, LOG_FILE, OciDriver};
use crate::record::RunRecord;
use crate::rootfs::InstanceFolder;
use crate::{RuntimeError, bundle, conmon};

impl OciDriver {
    pub(super) fn make_container(
        &self,
        spec: &InstanceSpec,
        folder: &InstanceFolder,
        record: &mut RunRecord,
    ) -> Result<u32, RuntimeError> {
        let id = spec.id;
        let conmon = self.conmon()?;
        folder.mount_rootfs(&self.templates.root(&spec.template)?)?;
        failpoint!("runtime.create.after-rootfs")?;
        folder.write_etc(spec)?;
        let placement = bundle::Placement {
            rootfs: &folder.rootfs(),
            etc: &folder.path("etc"),
            ids: folder.identity.ids(),
            cgroup: self.cgroup(id),
            counts_swap: counts_swap(),
        };
        let unsupported = |e: oci_spec::OciSpecError| RuntimeError::InvalidSpec { reason: e.to_string() };
        let config = bundle::config(spec, &placement).map_err(unsupported)?;
        // Not synced: after a power failure there is no container that needs it.
        config.save(folder.path(CONFIG_FILE)).map_err(unsupported)?;
        let launch = conmon::Launch {
            id,
            conmon: &conmon,
            runtime: Path::new(&record.runtime),
            runtime_root: &self.runtime_root,
            folder: folder.dir.path(),
            log: &folder.path(LOG_FILE),
            log_max_bytes: self.config.log_max_bytes,
        };
        let processes = {
            let _cgroup_parent = self.cgroup_parent.read();
            conmon::launch(&launch)?
        };
        failpoint!("runtime.create.after-conmon")?;
        let pid = processes.first.pid;
        self.started.lock().insert(id, (processes.first.clone(), false));
        record.processes = Some(processes);
        record.write(&folder.dir)?;
        failpoint!("runtime.create.after-record")?;
        Ok(pid)
    }
}

/// Whether control groups account for swap: always in version 2, by a kernel parameter in version 1.
fn counts_swap() -> bool {
    match Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        true => true,
        false => Path::new("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists(),
    }
}
