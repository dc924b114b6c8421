//! The directory of an instance, and its root filesystem: an overlay on a template.
//!
//! ```text
//!   instances/<id>/           0710; its group is the instance's root, which walks through it
//!     identity.json  run.json
//!     upper/  work/           the files that the instance wrote; kept until it is destroyed
//!     rootfs/                 mount point while there is a container
//!     lower/                  mount point while `rootfs` is mounted: the template with its ids mapped to the instance's
//!     etc/                    hosts, hostname, resolv.conf
//!     config.json …           files of the runtime and of conmon, created by each run
//!     log                     the output of the first process, over all runs
//! ```
//!
//! **Crash safety.** The directory belongs to the instance from the moment it has an `identity.json`; without one it is empty.
//! The overlay's mounts are found by the kernel's flag for mount points, whichever process made them. Destroying renames the
//! directory to `.gone-<id>` first; the next start removes what a crash left of it.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use miosa_domain::InstanceId;
use miosa_domain::spec::{InstanceSpec, Network};
use miosa_effects::idmap;
use miosa_effects::overlay::{Layers, mount_overlay};
use miosa_effects::{Dir, Doing, SysError, mount};
use miosa_failpoint::failpoint;

use crate::record::InstanceIdentity;
use crate::{RuntimeError, conmon};

const GONE: &str = ".gone-";

/// The access to a directory.
#[derive(Debug, Clone, Copy)]
enum Holder {
    Host,
    /// The instance's root may read or walk through it.
    Shared,
    Instance,
}

const FOLDERS: [(&str, Holder, u32); 7] = [
    ("upper", Holder::Instance, 0o755),
    ("work", Holder::Host, 0o700),
    ("rootfs", Holder::Shared, 0o750),
    ("lower", Holder::Host, 0o700),
    ("etc", Holder::Shared, 0o750),
    (conmon::EXIT_FOLDER, Holder::Host, 0o700),
    (conmon::SOCKET_FOLDER, Holder::Host, 0o700),
];

/// The remains of a crash while `identity.json` was replaced.
const UNFINISHED_IDENTITY: &str = ".tmp-identity.json";

/// The directory of an instance that exists.
#[derive(Debug)]
pub(crate) struct InstanceFolder {
    pub(crate) dir: Dir,
    pub(crate) identity: InstanceIdentity,
}

impl InstanceFolder {
    /// `None` if the instance has none, or only an unfinished one.
    pub(crate) fn open(instances: &Dir, id: InstanceId) -> Result<Option<Self>, RuntimeError> {
        let name = id.to_string();
        if instances.entry(&name)?.is_none() {
            return Ok(None);
        }
        let dir = instances.open_dir(&name)?;
        let identity = InstanceIdentity::read(&dir, id)?;
        Ok(identity.map(|identity| Self { dir, identity }))
    }

    /// Creates the directory durably, or finishes it, with the ids of `slot`.
    pub(crate) fn make(instances: &Dir, id: InstanceId, slot: u32) -> Result<Self, RuntimeError> {
        instances.ensure_dir(&id.to_string())?;
        let dir = instances.open_dir(&id.to_string())?;
        check_unfinished(&dir)?;
        let identity = InstanceIdentity::new(id, slot);
        let ids = identity.ids();
        own(dir.path(), 0, ids.first, 0o710)?;
        for (name, holder, mode) in FOLDERS {
            let (owner, group) = match holder {
                Holder::Host => (0, 0),
                Holder::Shared => (0, ids.first),
                Holder::Instance => (ids.first, ids.first),
            };
            dir.ensure_dir(name)?;
            own(&dir.path().join(name), owner, group, mode)?;
        }
        instances.sync()?;
        failpoint!("runtime.create.before-identity")?;
        identity.write(&dir)?;
        Ok(Self { dir, identity })
    }

    /// Removes an unfinished directory. Returns whether there was one.
    pub(crate) fn remove_unfinished(instances: &Dir, id: InstanceId) -> Result<bool, RuntimeError> {
        let name = id.to_string();
        if instances.entry(&name)?.is_none() {
            return Ok(false);
        }
        let dir = instances.open_dir(&name)?;
        check_unfinished(&dir)?;
        for (folder, _, _) in FOLDERS {
            dir.remove_dir(folder)?;
        }
        dir.remove_file(UNFINISHED_IDENTITY)?;
        instances.remove_dir(&name)?;
        instances.sync()?;
        Ok(true)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn rootfs(&self) -> PathBuf {
        self.path("rootfs")
    }

    /// `st_dev` of the root filesystem, if it is mounted.
    pub(crate) fn rootfs_device(&self) -> Result<Option<u64>, SysError> {
        mount::device_mounted_at(&self.rootfs())
    }

    /// Ensures that the root filesystem is mounted.
    pub(crate) fn mount_rootfs(&self, template: &Path) -> Result<(), RuntimeError> {
        if self.rootfs_device()?.is_some() {
            return Ok(());
        }
        let lower = self.path("lower");
        unmount_all_at(&lower)?;
        let user_namespace = idmap::user_namespace(self.identity.ids())?;
        let tree = idmap::clone_mount(template, user_namespace.as_fd(), true)?;
        idmap::attach(tree.as_fd(), &lower)?;
        // Kernels before 6.15 accept no detached mount as a layer. The overlay keeps a copy of this one.
        drop(tree);
        failpoint!("runtime.create.after-lower-mount")?;
        let layers = Layers { lower: &lower, upper: &self.path("upper"), work: &self.path("work") };
        let mounted = mount_overlay(layers, &self.rootfs());
        unmount_all_at(&lower)?;
        Ok(mounted?)
    }

    /// Unmounts all that `mount_rootfs` mounted. Returns whether anything was mounted.
    pub(crate) fn unmount_rootfs(&self) -> Result<bool, RuntimeError> {
        Ok(unmount_all_at(&self.rootfs())? | unmount_all_at(&self.path("lower"))?)
    }

    /// Writes the files that programs resolve names with. Each run replaces them; the instance may read them.
    pub(crate) fn write_etc(&self, spec: &InstanceSpec) -> Result<(), SysError> {
        let resolv_conf = match spec.network {
            Network::Host => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
            Network::Isolated => String::new(),
        };
        let hosts = format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t{}\n", spec.hostname);
        for (name, content) in
            [("hosts", hosts), ("hostname", format!("{}\n", spec.hostname)), ("resolv.conf", resolv_conf)]
        {
            let path = self.path("etc").join(name);
            #[expect(clippy::disallowed_methods, reason = "each run writes them again")]
            fs::write(&path, content).doing("write", &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).doing("set the mode of", &path)?;
        }
        Ok(())
    }

    /// Removes the directory, in which nothing is mounted and of which no process runs.
    pub(crate) fn destroy(self, instances: &Dir, id: InstanceId) -> Result<(), RuntimeError> {
        let gone = format!("{GONE}{id}");
        remove_gone(instances, &gone)?;
        failpoint!("runtime.destroy.before-rename")?;
        instances.rename(&id.to_string(), instances, &gone)?;
        instances.sync()?;
        failpoint!("runtime.destroy.after-rename")?;
        remove_gone(instances, &gone)?;
        Ok(())
    }
}

/// A directory without an identity is ours if it contains only what `make` creates first.
fn check_unfinished(dir: &Dir) -> Result<(), RuntimeError> {
    for name in dir.names()? {
        let path = dir.path().join(&name);
        let is_folder = FOLDERS.iter().any(|(folder, _, _)| *folder == name);
        let is_empty_folder =
            is_folder && fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        if !is_empty_folder && name != UNFINISHED_IDENTITY {
            return Err(RuntimeError::Foreign { path, what: "the directory names no instance".into() });
        }
    }
    Ok(())
}

/// Removes what crashes left of destroyed instances.
pub(crate) fn remove_leftovers(instances: &Dir) -> Result<(), SysError> {
    for name in instances.names()? {
        if let Some(name) = name.to_str().filter(|name| name.starts_with(GONE)) {
            remove_gone(instances, name)?;
        }
    }
    Ok(())
}

/// Removes the tree. `remove_dir_all` follows no symbolic link that the instance made.
fn remove_gone(instances: &Dir, name: &str) -> Result<(), SysError> {
    let path = instances.path().join(name);
    #[expect(clippy::disallowed_methods, reason = "the caller renamed the directory of this very instance")]
    match fs::remove_dir_all(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(SysError::new("remove", path, e)),
        _ => instances.sync(),
    }
}

fn unmount_all_at(target: &Path) -> Result<bool, RuntimeError> {
    let mut changed = false;
    while mount::device_mounted_at(target)?.is_some() {
        if !mount::unmount(target)? {
            let busy = std::io::Error::from_raw_os_error(libc::EBUSY);
            return Err(SysError::new("unmount", target, busy).into());
        }
        changed = true;
    }
    Ok(changed)
}

fn own(path: &Path, owner: u32, group: u32, mode: u32) -> Result<(), SysError> {
    chown(path, Some(owner), Some(group)).doing("give away", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing("set the mode of", path)
}
