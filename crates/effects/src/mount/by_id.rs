//! Mounts by their unique IDs: `statmount` and `listmount`, see statmount(2). Linux 6.8; for other namespaces 6.11.
//!
//! A unique ID is never used again, unlike the one in `mountinfo`, so a result is about that mount or there is none.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use linux_raw_sys::general as sys;
use rustix::fs::StatxFlags;
use rustix::io::Errno;

use super::{Mount, table};
use crate::{Doing, SysError};

/// Makes `statx` return the unique ID.
pub(super) const UNIQUE_ID: StatxFlags = StatxFlags::from_bits_retain(sys::STATX_MNT_ID_UNIQUE);

/// Of one call of `listmount`.
const IDS_AT_ONCE: usize = 512;

/// Larger than any two paths of a mount.
const REPLY_MAX_BYTES: usize = 64 << 10;

/// Whether this kernel has both calls.
pub(super) fn is_supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| list_after(0, 0, &mut [0; 1]).is_ok())
}

/// The mount of this ID in the namespace of the calling thread; `None` if it is gone.
pub(super) fn get(id: u64) -> Result<Option<Mount>, SysError> {
    stat(id, 0).doing("examine the mount", id.to_string())
}

/// The mounts that process `pid` sees, with paths as it sees them, oldest first. An older kernel's table is in mount order.
pub fn list_of(pid: u32) -> Result<Vec<Mount>, SysError> {
    let path = format!("/proc/{pid}/ns/mnt");
    let namespace = File::open(&path).and_then(|file| namespace_id(&file));
    match namespace {
        Ok(namespace) if is_supported() => list(namespace).doing("list the mounts of", path),
        // Before Linux 6.11.
        Ok(_) => table::read(&format!("/proc/{pid}/mountinfo")),
        Err(error) if error.raw_os_error() == Some(libc::ENOTTY) => {
            table::read(&format!("/proc/{pid}/mountinfo"))
        }
        Err(error) => Err(SysError::new("open", path, error)),
    }
}

fn list(namespace: u64) -> Result<Vec<Mount>, Errno> {
    let mut mounts = Vec::new();
    let (mut ids, mut last) = ([0; IDS_AT_ONCE], 0);
    loop {
        let count = list_after(namespace, last, &mut ids)?;
        for &id in &ids[..count] {
            // One that was unmounted since it was listed is left out.
            mounts.extend(stat(id, namespace)?);
            last = id;
        }
        if count < ids.len() {
            return Ok(mounts);
        }
    }
}

/// The ID of a mount namespace, opened from `/proc`.
fn namespace_id(namespace: &File) -> std::io::Result<u64> {
    /// `_IOR(0xb7, 0x5, __u64)` in linux/nsfs.h.
    const NS_GET_MNTNS_ID: libc::Ioctl = 0x8008_b705;
    let mut id = 0_u64;
    // SAFETY: the request writes eight bytes to the address of a live u64.
    let result = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_MNTNS_ID, &raw mut id) };
    if result == 0 { Ok(id) } else { Err(std::io::Error::last_os_error()) }
}

/// Fills `ids` with the IDs of mounts that come after `last`. `namespace` 0 is that of the calling thread.
fn list_after(namespace: u64, last: u64, ids: &mut [u64]) -> Result<usize, Errno> {
    const ALL: u64 = sys::LSMT_ROOT as i64 as u64;
    let request = request(ALL, last, namespace);
    // SAFETY: the request is live and says its size; the kernel writes at most `ids.len()` numbers to `ids`.
    let count = unsafe {
        libc::syscall(sys::__NR_listmount.into(), &raw const request, ids.as_mut_ptr(), ids.len(), 0)
    };
    usize::try_from(count).map_err(|_| last_errno())
}

fn stat(id: u64, namespace: u64) -> Result<Option<Mount>, Errno> {
    let wanted = sys::STATMOUNT_SB_BASIC
        | sys::STATMOUNT_MNT_BASIC
        | sys::STATMOUNT_MNT_ROOT
        | sys::STATMOUNT_MNT_POINT
        | sys::STATMOUNT_FS_TYPE;
    let request = request(id, wanted.into(), namespace);
    let mut bytes = 1024;
    loop {
        let mut reply = vec![0_u64; bytes / mem::size_of::<u64>()];
        // SAFETY: the request is live and says its size; the kernel writes at most `bytes` bytes to `reply`.
        let result = unsafe {
            libc::syscall(sys::__NR_statmount.into(), &raw const request, reply.as_mut_ptr(), bytes, 0)
        };
        match result {
            0 => return Ok(Some(parse(&reply))),
            _ => match last_errno() {
                Errno::OVERFLOW if bytes < REPLY_MAX_BYTES => bytes *= 4,
                Errno::NOENT => return Ok(None),
                errno => return Err(errno),
            },
        }
    }
}

fn request(id: u64, param: u64, namespace: u64) -> sys::mnt_id_req {
    // A kernel that knows no other namespaces takes the shorter request only.
    let size = if namespace == 0 { sys::MNT_ID_REQ_SIZE_VER0 } else { sys::MNT_ID_REQ_SIZE_VER1 };
    sys::mnt_id_req { size, spare: 0, mnt_id: id, param, mnt_ns_id: namespace }
}

fn parse(reply: &[u64]) -> Mount {
    const HEAD_BYTES: usize = mem::size_of::<sys::statmount>();
    assert!(size_of_val(reply) > HEAD_BYTES, "a reply has room for strings");
    // SAFETY: the reply is aligned, longer than the struct, and was filled by the kernel; the struct holds integers only.
    let head = unsafe { &*reply.as_ptr().cast::<sys::statmount>() };
    // SAFETY: any bytes of the live reply may be read as such.
    let bytes = unsafe { std::slice::from_raw_parts(reply.as_ptr().cast::<u8>(), size_of_val(reply)) };
    let string = |offset: u32| {
        let text = bytes.get(HEAD_BYTES + offset as usize..).unwrap_or_default();
        OsStr::from_bytes(CStr::from_bytes_until_nul(text).unwrap_or_default().to_bytes())
    };
    Mount {
        id: head.mnt_id_old.into(),
        parent_id: head.mnt_parent_id_old.into(),
        device_number: rustix::fs::makedev(head.sb_dev_major, head.sb_dev_minor),
        root: Path::new(string(head.mnt_root)).to_owned(),
        mount_point: Path::new(string(head.mnt_point)).to_owned(),
        read_only: head.mnt_attr & u64::from(sys::MOUNT_ATTR_RDONLY) != 0,
        peer_group: (head.mnt_peer_group != 0).then_some(head.mnt_peer_group),
        fs_type: string(head.fs_type).to_string_lossy().into_owned(),
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
