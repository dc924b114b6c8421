//! Loop devices: a file as a block device.
//!
//! ```text
//!   attach   LOOP_CTL_GET_FREE ──► open /dev/loopN ──► LOOP_CONFIGURE ─┐   one ioctl: file, direct I/O, autoclear, mark
//!               ▲                                                      │
//!               └───────────────── EBUSY: someone was faster ──────────┘
//!   detach   needs no call: with autoclear the device goes with its last user, the unmount
//! ```
//!
//! **Crash safety.** With autoclear, a process killed between attaching and mounting leaves nothing behind: its handle was the last
//! user. The kernel lets a file be attached twice, which destroys the filesystem in it. The lock of [`crate::files::try_lock`]
//! guards against that. It is taken on the handle that is given to the device, so it lasts as long as the device, even if the
//! process that took it dies.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use linux_raw_sys::loop_device as sys;
use parking_lot::Mutex;
use rustix::io::Errno;

use crate::{Doing, FileStat, SysError};

const CONTROL: &str = "/dev/loop-control";

/// An attached device, held open. It is detached with this value unless another user, such as a mount, has it open then.
#[derive(Debug)]
pub struct Attached {
    _device: File,
    pub path: PathBuf,
    /// `st_dev` of the files in a filesystem mounted from it.
    pub device_number: u64,
}

impl Attached {
    fn new(device: File, path: PathBuf) -> Result<Self, SysError> {
        let device_number = rustix::fs::fstat(&device).doing("examine", &path)?.st_rdev;
        Ok(Self { _device: device, path, device_number })
    }
}

/// The kernel's status of an attached loop device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopStatus {
    /// The device's own number: `st_dev` of the files in a filesystem mounted from it.
    pub device_number: u64,
    /// `st_dev` and `st_ino` of the file behind it. Unlike its name, they cannot lie.
    pub backing_device_number: u64,
    pub backing_inode: u64,
    /// What the attacher wrote in it; for ours, the mark given to [`attach`].
    pub mark: String,
    /// The whole file, from its first byte, for reading and writing.
    pub whole_and_writable: bool,
}

impl LoopStatus {
    pub fn is_backed_by(&self, file: &FileStat) -> bool {
        (self.backing_device_number, self.backing_inode) == (file.device_number, file.inode)
    }
}

/// Attaches `file` with direct I/O and autoclear, and writes `mark` (at most 63 bytes) in the device for [`status`].
pub fn attach(file: &File, mark: &str) -> Result<Attached, SysError> {
    attach_with(file, mark, sys::LO_FLAGS_DIRECT_IO as u32 | sys::LO_FLAGS_AUTOCLEAR as u32)
}

/// As [`attach`], but through the page cache: for short work of many small steps on a file that is synced afterwards.
pub fn attach_cached(file: &File, mark: &str) -> Result<Attached, SysError> {
    attach_with(file, mark, sys::LO_FLAGS_AUTOCLEAR as u32)
}

/// As [`attach`], for a file that is only open for reading: nothing that is done to the device can change it.
pub fn attach_read_only(file: &File, mark: &str) -> Result<Attached, SysError> {
    let read_only = sys::LO_FLAGS_READ_ONLY as u32;
    attach_with(file, mark, sys::LO_FLAGS_DIRECT_IO as u32 | sys::LO_FLAGS_AUTOCLEAR as u32 | read_only)
}

fn attach_with(file: &File, mark: &str, flags: u32) -> Result<Attached, SysError> {
    let control = control()?;
    let mut config: sys::loop_config = zeroed_config();
    config.fd = file.as_raw_fd() as u32;
    config.info.lo_flags = flags;
    let mark_bytes = mark.as_bytes();
    if mark_bytes.len() >= config.info.lo_file_name.len() {
        return Err(SysError::new("attach a loop device for", mark, Errno::NAMETOOLONG));
    }
    config.info.lo_file_name[..mark_bytes.len()].copy_from_slice(mark_bytes);
    // Threads of this process take turns: many at once would mostly lose races against each other.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    // Another process can take the free number first. Each lost race means that the other process won one, so this ends.
    let mut missing_nodes = 0;
    loop {
        let number =
            ioctl(&control, sys::LOOP_CTL_GET_FREE, 0).doing("find a free loop device with", CONTROL)?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        if retire(&path)? {
            continue;
        }
        let writable = flags & sys::LO_FLAGS_READ_ONLY as u32 == 0;
        let device = match OpenOptions::new().read(true).write(writable).open(&path) {
            // It was removed between the two calls. Or no program on this host makes device nodes.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT))
                    && missing_nodes < 100 =>
            {
                missing_nodes += 1;
                continue;
            }
            other => other.doing("open", &path)?,
        };
        match ioctl(&device, sys::LOOP_CONFIGURE, &raw const config as usize) {
            Ok(_) => return Attached::new(device, path),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => continue,
            Err(error) => return Err(SysError::new("attach a file to", path, error)),
        }
    }
}

/// Opens a device that is already attached with this mark. The open handle keeps autoclear from detaching it. `None`: it is
/// detached, and its number may belong to another file.
pub fn hold(device: &Path, mark: &str) -> Result<Option<Attached>, SysError> {
    let file = match OpenOptions::new().read(true).write(true).open(device) {
        Err(error) if is_gone(&error) => return Ok(None),
        other => other.doing("open", device)?,
    };
    // Checked while it is open: from here on it stays true.
    let is_it = status(device)?.is_some_and(|status| status.mark == mark);
    if is_it { Attached::new(file, device.to_owned()).map(Some) } else { Ok(None) }
}

/// What is attached to `device`; `None` if nothing is, or the device does not exist.
pub fn status(device: &Path) -> Result<Option<LoopStatus>, SysError> {
    let file = match File::open(device) {
        Err(error) if is_gone(&error) => return Ok(None),
        other => other.doing("open", device)?,
    };
    let mut info = zeroed_config().info;
    match ioctl(&file, sys::LOOP_GET_STATUS64, &raw mut info as usize) {
        Ok(_) => {}
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(SysError::new("ask the state of", device, error)),
    }
    let name = info.lo_file_name;
    let name = &name[..name.iter().position(|byte| *byte == 0).unwrap_or(name.len())];
    let read_only = info.lo_flags & sys::LO_FLAGS_READ_ONLY as u32 != 0;
    let stat = rustix::fs::fstat(&file).doing("examine", device)?;
    Ok(Some(LoopStatus {
        device_number: stat.st_rdev,
        backing_device_number: info.lo_device,
        backing_inode: info.lo_inode,
        mark: String::from_utf8_lossy(name).into_owned(),
        whole_and_writable: !read_only && info.lo_offset == 0 && info.lo_sizelimit == 0,
    }))
}

/// The first attached device that `wanted` accepts. Its cost grows with the host's devices: about 20 ms for 1,000. Only attached
/// ones are opened, since a host keeps the numbers of all that it ever had.
pub fn find(wanted: impl Fn(&LoopStatus) -> bool) -> Result<Option<(PathBuf, LoopStatus)>, SysError> {
    for entry in fs::read_dir("/sys/block").doing("list", "/sys/block")? {
        let name = entry.doing("list", "/sys/block")?.file_name();
        if !name.as_encoded_bytes().starts_with(b"loop") {
            continue;
        }
        if !Path::new("/sys/block").join(&name).join("loop/backing_file").exists() {
            continue;
        }
        let device = Path::new("/dev").join(name);
        if let Some(status) = status(&device)?
            && wanted(&status)
        {
            return Ok(Some((device, status)));
        }
    }
    Ok(None)
}

/// Makes the device refuse discards from the filesystem on it, so that the file behind it keeps its reserved blocks.
///
/// The kernel keeps this with the device's number, hands it on to the next file attached there, and does not let it be
/// taken back (seen with Linux 6.18). So [`retire`] the device afterwards; [`attach`] does so with one that was left like this.
pub fn refuse_discards(device: &Path) -> Result<(), SysError> {
    let attribute = queue_attribute(device, "discard_max_bytes");
    fs::write(&attribute, "0").doing("write", attribute)
}

/// Removes a device that was made to refuse discards, if it is unused by now; the kernel makes a new one of that number
/// when one is needed. Returns whether it was removed.
pub fn retire(device: &Path) -> Result<bool, SysError> {
    if !refuses_discards(device) {
        return Ok(false);
    }
    let name = device.file_name().unwrap_or_default().to_string_lossy();
    let number = name.strip_prefix("loop").and_then(|number| number.parse::<usize>().ok());
    let number = number.ok_or_else(|| SysError::new("remove", device, Errno::INVAL))?;
    match ioctl(&control()?, sys::LOOP_CTL_REMOVE, number) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBUSY | libc::ENODEV)) => Ok(false),
        Err(error) => Err(SysError::new("remove", device, error)),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT | libc::ENODEV))
}

/// Whether the device was made to refuse discards: its limit is 0 although the driver's is not.
fn refuses_discards(device: &Path) -> bool {
    let limit = |name| fs::read_to_string(queue_attribute(device, name)).unwrap_or_default();
    limit("discard_max_bytes").trim() == "0" && !matches!(limit("discard_max_hw_bytes").trim(), "0" | "")
}

fn queue_attribute(device: &Path, name: &str) -> PathBuf {
    Path::new("/sys/block").join(device.file_name().unwrap_or_default()).join("queue").join(name)
}

fn control() -> Result<File, SysError> {
    OpenOptions::new().read(true).write(true).open(CONTROL).doing("open", CONTROL)
}

fn zeroed_config() -> sys::loop_config {
    // SAFETY: the struct holds integers and arrays of integers only, for which all zeroes is a value.
    unsafe { mem::zeroed() }
}

/// `argument` is a number or the address of the struct that `request` reads or fills.
fn ioctl(file: impl AsFd, request: u32, argument: usize) -> io::Result<i32> {
    // SAFETY: callers pass a request of the loop driver with the argument it takes: nothing for LOOP_CTL_GET_FREE, a number
    // for LOOP_CTL_REMOVE, a live `loop_config` for LOOP_CONFIGURE, a live and writable `loop_info64` for LOOP_GET_STATUS64.
    let result =
        unsafe { libc::ioctl(file.as_fd().as_raw_fd(), libc::c_ulong::from(request) as _, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn image() -> tempfile::NamedTempFile {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(1 << 20).unwrap();
        image
    }

    #[test]
    fn a_device_tells_what_is_behind_it_and_goes_with_its_handle() {
        let image = image();
        let device = attach(image.as_file(), "miosa:test").unwrap();
        let found = status(&device.path).unwrap().unwrap();
        let stat = rustix::fs::fstat(image.as_file()).unwrap();
        assert_eq!((found.backing_device_number, found.backing_inode), (stat.st_dev, stat.st_ino));
        assert!(found.mark == "miosa:test" && found.whole_and_writable, "{found:?}");
        let is_it = |other: &LoopStatus| {
            other.backing_inode == stat.st_ino && other.backing_device_number == stat.st_dev
        };
        assert_eq!(find(is_it).unwrap(), Some((device.path.clone(), found)));
        drop(device);
        assert_eq!(find(is_it).unwrap(), None);
    }

    /// A device that once refused discards must not hand that on to the next file.
    #[test]
    fn discards_work_after_others_refused_them() {
        let image = image();
        for _ in 0..3 {
            let device = attach(image.as_file(), "miosa:test").unwrap();
            assert!(!refuses_discards(&device.path));
            refuse_discards(&device.path).unwrap();
            assert!(refuses_discards(&device.path));
            assert!(!retire(&device.path).unwrap(), "a device in use was removed");
            drop(device);
        }
        let device = attach(image.as_file(), "miosa:test").unwrap();
        assert!(!refuses_discards(&device.path));
    }

    #[test]
    fn a_file_open_for_reading_is_attached_for_reading() {
        let image = image();
        let file = File::open(image.path()).unwrap();
        let device = attach_read_only(&file, "miosa:test").unwrap();
        assert!(!status(&device.path).unwrap().unwrap().whole_and_writable);
        let write =
            OpenOptions::new().write(true).open(&device.path).and_then(|mut open| open.write_all(b"x"));
        assert!(write.is_err(), "it takes writes");
    }

    #[test]
    fn a_mark_that_is_too_long_is_refused() {
        assert!(attach(image().as_file(), &"x".repeat(64)).unwrap_err().is(Errno::NAMETOOLONG));
    }
}
