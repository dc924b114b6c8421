//! The mount table as text: `/proc/<pid>/mountinfo`, see proc_pid_mountinfo(5).

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Mount;
use crate::{Doing, SysError};

const OWN: &str = "/proc/self/mountinfo";

/// The table as it was read last. The kernel reports through `poll` that it has changed since.
struct Cached {
    file: File,
    table: Arc<[Mount]>,
}

/// The mount table of this process, in mount order. It is read again only if it has changed.
pub fn table() -> Result<Arc<[Mount]>, SysError> {
    static CACHED: Mutex<Option<Cached>> = Mutex::new(None);
    let mut cached = CACHED.lock();
    let Some(known) = &mut *cached else {
        let file = File::open(OWN).doing("open", OWN)?;
        let mut known = Cached { file, table: Arc::new([]) };
        known.read()?;
        return Ok(Arc::clone(&cached.insert(known).table));
    };
    // Polled before it is read: a change during the read is reported by the next poll.
    let mut fds = [PollFd::new(&known.file, PollFlags::PRI)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).doing("poll", OWN)?;
    if fds[0].revents().intersects(PollFlags::PRI | PollFlags::ERR) {
        known.read()?;
    }
    Ok(Arc::clone(&known.table))
}

impl Cached {
    fn read(&mut self) -> Result<(), SysError> {
        let mut text = Vec::new();
        self.file.rewind().and_then(|()| self.file.read_to_end(&mut text)).doing("read", OWN)?;
        self.table = parse(&text, OWN)?.into();
        Ok(())
    }
}

/// The mount table in a file such as `/proc/<pid>/mountinfo`.
pub fn read(path: &str) -> Result<Vec<Mount>, SysError> {
    parse(&std::fs::read(path).doing("read the mount table", path)?, path)
}

/// A mount table as it was read from `path`.
pub(crate) fn parse(text: &[u8], path: &str) -> Result<Vec<Mount>, SysError> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            parse_line(line).ok_or_else(|| SysError::new("parse the mount table", path, Errno::ILSEQ))
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
    let fs_type = next()?.split(|byte| *byte == b'.').next()?;
    let fs_type = String::from_utf8_lossy(fs_type).into_owned();
    next()?; // the source: a line without it was cut off
    Some(Mount { id, parent_id, device_number, root, mount_point, read_only, peer_group, fs_type })
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn lines_are_read() {
        let line =
            br"36 35 7:300 /a\040b /mnt/sp\040ace\134 rw,noatime shared:12 master:1 - ext4.sub /dev/loop300 rw";
        let mount = parse_line(line).unwrap();
        assert_eq!((mount.id, mount.parent_id, mount.peer_group), (36, 35, Some(12)));
        assert_eq!(mount.device_number, rustix::fs::makedev(7, 300));
        assert_eq!(mount.root, Path::new("/a b"));
        assert_eq!(mount.mount_point.as_os_str().as_bytes(), br"/mnt/sp ace\");
        assert_eq!(mount.fs_type, "ext4");
        for cut in 0..line.len() - b" /dev/loop300 rw".len() {
            assert_eq!(parse_line(&line[..cut]), None, "a line cut at {cut} was parsed");
        }
    }
}
