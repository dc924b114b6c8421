//! Mounting, unmounting, and the mount table of this process.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use crate::{Doing, SysError};

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
/// answer while writes still go on.
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

/// The device number of the filesystem mounted exactly at `path`; `None` if `path` is absent or no mount point.
/// Costs the same however many mounts there are.
pub fn device_mounted_at(path: &Path) -> Result<Option<u64>, SysError> {
    // Asking the filesystem for fresh figures could wait for a sick disk; its device number is known anyway.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let stat = match rustix::fs::statx(CWD, path, flags, StatxFlags::TYPE) {
        Err(Errno::NOENT) => return Ok(None),
        other => other.doing("look at", path)?,
    };
    let is_mount_point = stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    Ok(is_mount_point.then(|| rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor)))
}

/// One line of a mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub id: u64,
    pub parent_id: u64,
    /// In the kernel's `dev_t` encoding. For Btrfs this is not the `st_dev` of its files.
    pub device_number: u64,
    /// What of the filesystem is mounted: `/`, or the source folder of a bind mount.
    pub root: PathBuf,
    pub mount_point: PathBuf,
    /// Through this mount; the filesystem itself may be writable through another.
    pub read_only: bool,
    /// The peer group, if the mount is shared.
    pub peer_group: Option<u64>,
    pub fs_type: String,
    pub source: PathBuf,
}

/// The mount table of this process, in mount order.
pub fn table() -> Result<Vec<Mount>, SysError> {
    table_of("/proc/self/mountinfo")
}

/// The mount table in a file such as `/proc/<pid>/mountinfo`.
pub fn table_of(path: &str) -> Result<Vec<Mount>, SysError> {
    parse_table(&fs::read(path).doing("read the mount table", path)?, path)
}

/// A mount table as it was read from `path`.
pub(crate) fn parse_table(text: &[u8], path: &str) -> Result<Vec<Mount>, SysError> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            parse_line(line).ok_or_else(|| SysError::new("understand the mount table", path, Errno::ILSEQ))
        })
        .collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: the fields before the dash may grow.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut next = || fields.next();
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<u64>().ok();
    let id = number(next()?)?;
    let parent_id = number(next()?)?;
    let (major, minor) = std::str::from_utf8(next()?).ok()?.split_once(':')?;
    let device_number = rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?);
    let root = unescape(next()?);
    let mount_point = unescape(next()?);
    let read_only = next()?.split(|byte| *byte == b',').any(|option| option == b"ro");
    let mut peer_group = None;
    loop {
        match next()? {
            b"-" => break,
            tag => peer_group = tag.strip_prefix(b"shared:").and_then(number).or(peer_group),
        }
    }
    let fs_type = String::from_utf8_lossy(next()?).into_owned();
    let source = unescape(next()?);
    Some(Mount { id, parent_id, device_number, root, mount_point, read_only, peer_group, fs_type, source })
}

/// The kernel writes space, tab, newline and backslash in paths as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let code =
            tail.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) if byte == b'\\' => {
                bytes.push(code);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
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
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn lines_are_read() {
        let line =
            br"36 35 7:300 /a\040b /mnt/sp\040ace\134 rw,noatime shared:12 master:1 - ext4 /dev/loop300 rw";
        let mount = parse_line(line).unwrap();
        assert_eq!((mount.id, mount.parent_id, mount.peer_group), (36, 35, Some(12)));
        assert_eq!(mount.device_number, rustix::fs::makedev(7, 300));
        assert_eq!(mount.root, Path::new("/a b"));
        assert_eq!(mount.mount_point.as_os_str().as_bytes(), br"/mnt/sp ace\");
        assert_eq!((mount.fs_type.as_str(), mount.source.as_path()), ("ext4", Path::new("/dev/loop300")));
        for cut in 0..line.len() - b"/dev/loop300 rw".len() {
            assert_eq!(parse_line(&line[..cut]), None, "a line cut at {cut} was understood");
        }
    }

    #[test]
    fn the_deepest_mount_comes_off_first() {
        let mount = |id, path: &str| Mount {
            id,
            parent_id: 0,
            device_number: 0,
            root: "/".into(),
            mount_point: path.into(),
            read_only: false,
            peer_group: None,
            fs_type: String::new(),
            source: PathBuf::new(),
        };
        let table = [mount(1, "/"), mount(2, "/p"), mount(3, "/p/a"), mount(4, "/px"), mount(5, "/p")];
        let order: Vec<_> = below(&table, Path::new("/p")).iter().map(|mount| mount.id).collect();
        assert_eq!(order, [3, 5, 2]);
    }

    #[test]
    fn mount_points_are_told_from_folders() {
        assert!(device_mounted_at(Path::new("/proc")).unwrap().is_some());
        assert_eq!(device_mounted_at(Path::new("/proc/self")).unwrap(), None);
        assert_eq!(device_mounted_at(Path::new("/nothing-here")).unwrap(), None);
        let proc =
            table().unwrap().into_iter().find(|mount| mount.mount_point == Path::new("/proc")).unwrap();
        assert_eq!(device_mounted_at(Path::new("/proc")).unwrap(), Some(proc.device_number));
    }
}
