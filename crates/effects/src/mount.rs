//! Mounting, unmounting, and finding mounts.
//!
//! One mount is found by its path, with `statx` and `statmount`, at the same cost on a host with one mount as on one with
//! thousands. Tables and lists of all mounts are for start-up and for other processes' namespaces.

use std::ffi::{CString, OsStr};
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use crate::{Doing, SysError};

mod by_id;
mod table;

pub use by_id::list_of;
pub(crate) use table::parse as parse_table;
pub use table::{read as table_of, table};

/// Mounts the filesystem on `device` with `nosuid,nodev`, and `noatime` if asked for (else `relatime`, the kernel's
/// default). `options` are the filesystem's own.
pub fn mount_device(
    device: &Path,
    target: &Path,
    fs_type: &str,
    options: &str,
    noatime: bool,
) -> Result<(), SysError> {
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV;
    flags.set(MountFlags::NOATIME, noatime);
    let options = CString::new(options).map_err(|_| SysError::new("mount", target, Errno::INVAL))?;
    rustix::mount::mount(device, target, fs_type, flags, options.as_c_str()).doing("mount", target)
}

/// Unmounts what is on top at `target`, now and entirely. `Ok(false)`: it is in use. Never lazily: a lazy unmount would
/// return while writes still go on.
pub fn unmount(target: &Path) -> Result<bool, SysError> {
    match rustix::mount::unmount(target, UnmountFlags::NOFOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::BUSY) => Ok(false),
        Err(errno) => Err(SysError::new("unmount", target, errno)),
    }
}

/// Makes `dir` a mount of itself.
pub fn bind_to_itself(dir: &Path) -> Result<(), SysError> {
    rustix::mount::mount_bind(dir, dir).doing("bind to itself", dir)
}

/// Puts the mount at `target` in a peer group of its own. What is mounted below it appears, and later disappears, in
/// every namespace that copies it from now on; the group of its parent is left, or else it would appear there twice.
pub fn share_alone(target: &Path) -> Result<(), SysError> {
    rustix::mount::mount_change(target, MountPropagationFlags::PRIVATE)
        .and_then(|()| rustix::mount::mount_change(target, MountPropagationFlags::SHARED))
        .doing("make shared", target)
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub id: u64,
    pub parent_id: u64,
    /// In the kernel's `dev_t` encoding. For Btrfs this is not the `st_dev` of its files.
    pub device_number: u64,
    /// The part of the filesystem that is mounted: `/`, or the source folder of a bind mount.
    pub root: PathBuf,
    pub mount_point: PathBuf,
    /// Through this mount; the filesystem itself may be writable through another.
    pub read_only: bool,
    /// The peer group, if the mount is shared.
    pub peer_group: Option<u64>,
    /// Without a subtype.
    pub fs_type: String,
}

/// The device number of the filesystem mounted exactly at `path`; `None` if `path` is absent or no mount point.
/// Costs the same however many mounts there are.
pub fn device_mounted_at(path: &Path) -> Result<Option<u64>, SysError> {
    Ok(mount_root(path, StatxFlags::TYPE)?
        .map(|stat| rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor)))
}

/// The mount on top at `path`; `None` if `path` is absent or no mount point. With `statmount` (Linux 6.8) this costs the same
/// however many mounts there are. An older kernel's table is read again only if it has changed.
pub fn at(path: &Path) -> Result<Option<Mount>, SysError> {
    if by_id::is_supported() {
        let Some(stat) = mount_root(path, by_id::UNIQUE_ID)? else { return Ok(None) };
        return by_id::get(stat.stx_mnt_id);
    }
    at_by_table(path)
}

/// The mount that this one is mounted on. For start-up: it reads the whole table.
pub fn parent_of(mount: &Mount) -> Result<Option<Mount>, SysError> {
    Ok(table()?.iter().find(|other| other.id == mount.parent_id).cloned())
}

fn at_by_table(path: &Path) -> Result<Option<Mount>, SysError> {
    let Some(stat) = mount_root(path, StatxFlags::MNT_ID)? else { return Ok(None) };
    Ok(table()?.iter().find(|mount| mount.id == stat.stx_mnt_id).cloned())
}

/// Returns `None` if `path` is absent or no mount point.
fn mount_root(path: &Path, wanted: StatxFlags) -> Result<Option<Statx>, SysError> {
    // Asking the filesystem for fresh figures could wait for a sick disk; its device number is known anyway.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let stat = match rustix::fs::statx(CWD, path, flags, wanted) {
        Err(Errno::NOENT) => return Ok(None),
        other => other.doing("examine", path)?,
    };
    Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT).then_some(stat))
}

/// The mounts of `table` at `path` or below it, the deepest and latest first: the order in which to unmount them.
pub fn below<'a>(table: &'a [Mount], path: &Path) -> Vec<&'a Mount> {
    let mut mounts: Vec<_> = table.iter().filter(|mount| mount.mount_point.starts_with(path)).collect();
    mounts.reverse();
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.mount_point.components().count()));
    mounts
}

/// The kernel's name of a block device, for example `loop7`; `None` if there is none of that number.
pub fn block_device_name(device_number: u64) -> Result<Option<String>, SysError> {
    let (major, minor) = (rustix::fs::major(device_number), rustix::fs::minor(device_number));
    let link = format!("/sys/dev/block/{major}:{minor}");
    match fs::read_link(&link) {
        Ok(target) => Ok(target.file_name().and_then(OsStr::to_str).map(str::to_owned)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SysError::new("read", link, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(id: u64, path: &str) -> Mount {
        Mount {
            id,
            parent_id: 0,
            device_number: 0,
            root: "/".into(),
            mount_point: path.into(),
            read_only: false,
            peer_group: None,
            fs_type: String::new(),
        }
    }

    #[test]
    fn the_deepest_mount_comes_off_first() {
        let table = [mount(1, "/"), mount(2, "/p"), mount(3, "/p/a"), mount(4, "/px"), mount(5, "/p")];
        let order: Vec<_> = below(&table, Path::new("/p")).iter().map(|mount| mount.id).collect();
        assert_eq!(order, [3, 5, 2]);
    }

    /// Runs with both ways to find a mount: by its ID, and in the table.
    #[test]
    fn mount_points_are_told_from_folders() {
        for find in [at, at_by_table] {
            let proc = find(Path::new("/proc")).unwrap().unwrap();
            assert_eq!((proc.fs_type.as_str(), proc.mount_point.as_path()), ("proc", Path::new("/proc")));
            assert_eq!(device_mounted_at(Path::new("/proc")).unwrap(), Some(proc.device_number));
            assert_eq!(find(Path::new("/proc/self")).unwrap(), None);
            assert_eq!(find(Path::new("/nothing-here")).unwrap(), None);
            let below = table().unwrap().iter().find(|mount| mount.id == proc.parent_id).cloned().unwrap();
            assert_eq!(below.mount_point, Path::new("/"));
        }
        assert_eq!(device_mounted_at(Path::new("/proc/self")).unwrap(), None);
        assert_eq!(device_mounted_at(Path::new("/nothing-here")).unwrap(), None);
    }

    /// Both ways describe a new mount alike, shared, read-only and bound from a folder, and notice that it is gone.
    #[test]
    fn both_ways_agree() {
        let temp = tempfile::tempdir().unwrap();
        let (source, target) = (temp.path().join("source"), temp.path().join("a b"));
        fs::create_dir(&source).unwrap();
        fs::create_dir(&target).unwrap();
        assert_eq!((at(&target).unwrap(), at_by_table(&target).unwrap()), (None, None));
        rustix::mount::mount_bind(&source, &target).unwrap();
        share_alone(&target).unwrap();
        rustix::mount::mount_remount(&target, MountFlags::BIND | MountFlags::RDONLY, "").unwrap();
        let (by_id, by_table) = (at(&target).unwrap().unwrap(), at_by_table(&target).unwrap().unwrap());
        assert_eq!(by_id, by_table);
        assert_eq!((by_id.mount_point.as_path(), by_id.read_only), (target.as_path(), true));
        assert!(by_id.root.ends_with("source") && by_id.peer_group.is_some(), "{by_id:?}");
        // Lists of a namespace contain it, and are the same.
        let listed = |list: Vec<Mount>| {
            list.into_iter().filter(|mount| mount.mount_point.starts_with(temp.path())).collect::<Vec<_>>()
        };
        let pid = std::process::id();
        assert_eq!(listed(list_of(pid).unwrap()), [by_id]);
        assert_eq!(listed(table_of(&format!("/proc/{pid}/mountinfo")).unwrap()), [by_table]);
        assert!(unmount(&target).unwrap());
        assert_eq!((at(&target).unwrap(), at_by_table(&target).unwrap()), (None, None));
        assert_eq!(listed(list_of(pid).unwrap()), []);
    }
}
