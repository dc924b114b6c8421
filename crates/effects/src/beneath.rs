//! Reading files below a root folder whose content is not trusted.
//!
//! Every path is resolved by the kernel with the root as the top of the world: neither `..` nor an absolute symbolic link leads
//! out of it. Nothing but regular files and folders is ever opened, so no device, pipe or socket is woken up. Names are bytes.

use std::collections::BinaryHeap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat, statat,
};
use rustix::io::Errno;

/// Longest path that one call takes, its final NUL left out. A tree may well be deeper.
const PATH_MAX: usize = 4095;

/// Names outside of the root may be renamed while `..` is resolved, and the kernel then asks to try again.
const ATTEMPTS: usize = 128;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub file_type: FileType,
    pub inode: u64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size_bytes: u64,
    /// Seconds since 1970, and nanoseconds.
    pub modified: (i64, i32),
    /// Of the last change of any of this.
    pub changed: (i64, i32),
    pub symlink_target: Option<Vec<u8>>,
}

/// What `path` stands for; a symbolic link in its last place stands for itself.
pub fn stat(root: impl AsFd, path: &[u8]) -> Result<Node, Errno> {
    let fd = resolve(root, path, OFlags::PATH | OFlags::NOFOLLOW)?;
    let stat = fstat(&fd)?;
    let target = || readlinkat(&fd, "", Vec::new()).map(|target| target.into_bytes());
    node(&stat, target)
}

/// The entries of the folder `path` whose names come after `after`, sorted by name, at most `limit`. However large the folder
/// is, no more than these are held in memory. Fails with `ENOTDIR` if it is no folder.
pub fn list(
    root: impl AsFd,
    path: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Node)>, Errno> {
    let folder = resolve(root, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY)?;
    let names = openat(&folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    // The greatest on top: that is the one to go when there are too many.
    let mut first = BinaryHeap::new();
    for entry in Dir::new(names)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || after.is_some_and(|after| name <= after) {
            continue;
        }
        if first.len() < limit {
            first.push(name.to_owned());
        } else if let Some(mut greatest) = first.peek_mut()
            && name < greatest.as_slice()
        {
            *greatest = name.to_owned();
        }
    }
    let named = |name: Vec<u8>| {
        let stat = statat(&folder, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)?;
        let target = || readlinkat(&folder, name.as_slice(), Vec::new()).map(|target| target.into_bytes());
        let node = node(&stat, target)?;
        Ok((name, node))
    };
    first.into_sorted_vec().into_iter().map(named).collect()
}

/// Up to `len` bytes of the regular file `path` from `offset`; fewer only at its end. Symbolic links are followed. Answers
/// `EISDIR` for a folder, and `ENXIO` for anything else that is no regular file.
pub fn read(root: impl AsFd, path: &[u8], offset: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let root = root.as_fd();
    match FileType::from_raw_mode(fstat(resolve(root, path, OFlags::PATH)?)?.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Errno::ISDIR),
        _ => return Err(Errno::NXIO),
    }
    let file = File::from(resolve(root, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
    let size = fstat(&file)?.st_size;
    let left = u64::try_from(size).unwrap_or(0).saturating_sub(offset);
    let mut bytes = vec![0; len.min(usize::try_from(left).unwrap_or(usize::MAX))];
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Opens `path` below `root`. One that is too long for the kernel is resolved in parts, and then may lead through no symbolic
/// link: a link in the middle could only be resolved from the real root.
fn resolve(root: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    if path.len() <= PATH_MAX {
        return open_below(root, path, flags, ResolveFlags::empty());
    }
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY;
    let mut from = open_below(root, b"/", step, ResolveFlags::empty())?;
    let mut rest = path;
    while rest.len() > PATH_MAX {
        let cut = rest[..PATH_MAX].iter().rposition(|byte| *byte == b'/').filter(|cut| *cut > 0);
        let (head, tail) = rest.split_at(cut.ok_or(Errno::NAMETOOLONG)?);
        from = open_below(&from, head, step, ResolveFlags::NO_SYMLINKS)?;
        rest = tail;
    }
    open_below(&from, rest, flags, ResolveFlags::NO_SYMLINKS)
}

fn open_below(root: impl AsFd, path: &[u8], flags: OFlags, more: ResolveFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV | more;
    let path = if path.is_empty() { b"/" } else { path };
    for _attempt in 0..ATTEMPTS {
        match openat2(&root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

fn node(stat: &Stat, target: impl FnOnce() -> Result<Vec<u8>, Errno>) -> Result<Node, Errno> {
    let file_type = FileType::from_raw_mode(stat.st_mode);
    Ok(Node {
        file_type,
        inode: stat.st_ino,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified: (stat.st_mtime, i32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        changed: (stat.st_ctime, i32::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        symlink_target: if file_type == FileType::Symlink { Some(target()?) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Tree {
        temp: tempfile::TempDir,
        root: crate::Dir,
    }

    /// `outside` beside the root, and in the root a file, a folder and links to both worlds.
    fn tree() -> Tree {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("outside"), "a secret").unwrap();
        let root = temp.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("file"), "0123456789").unwrap();
        symlink("/file", root.join("inside")).unwrap();
        symlink(temp.path().join("outside"), root.join("absolute")).unwrap();
        symlink("../outside", root.join("relative")).unwrap();
        symlink("/proc/self/root/etc/passwd", root.join("magic")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let root = crate::Dir::open(&root).unwrap();
        Tree { temp, root }
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        let Tree { temp: _temp, root } = tree();
        for path in [
            "/absolute",
            "/relative",
            "/../outside",
            "/folder/../../outside",
            "/magic",
            "/nothing",
            "/file/x",
        ] {
            let error = read(&root, path.as_bytes(), 0, 100).unwrap_err();
            assert!(matches!(error, Errno::NOENT | Errno::NOTDIR), "{path}: {error}");
        }
        assert_eq!(read(&root, b"/loop", 0, 1), Err(Errno::LOOP));
        assert_eq!(read(&root, b"/a\0b", 0, 1), Err(Errno::INVAL));
        assert_eq!(read(&root, b"/../folder/../inside", 0, 100).unwrap(), b"0123456789");
        assert_eq!(stat(&root, b"/absolute").unwrap().file_type, FileType::Symlink);
        assert_eq!(stat(&root, b"/inside").unwrap().symlink_target.unwrap(), b"/file");
        assert_eq!(stat(&root, b"/..").unwrap(), stat(&root, b"/").unwrap());
    }

    #[test]
    fn files_are_read_in_parts() {
        let Tree { temp: _temp, root } = tree();
        for (offset, len, expected) in
            [(0, 4, "0123"), (8, 100, "89"), (10, 5, ""), (u64::MAX, 5, ""), (3, 0, "")]
        {
            assert_eq!(read(&root, b"/file", offset, len).unwrap(), expected.as_bytes());
        }
        assert_eq!(read(&root, b"/file", 0, usize::MAX).unwrap().len(), 10);
    }

    #[test]
    fn only_files_are_opened() {
        let Tree { temp, root } = tree();
        let pipe = temp.path().join("root/pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(temp.path().join("root/socket")).unwrap();
        assert_eq!(read(&root, b"/folder", 0, 1), Err(Errno::ISDIR));
        assert_eq!(read(&root, b"/pipe", 0, 1), Err(Errno::NXIO));
        assert_eq!(read(&root, b"/socket", 0, 1), Err(Errno::NXIO));
        assert_eq!(list(&root, b"/file", None, 9), Err(Errno::NOTDIR));
        // Not even a link to a folder: it is shown as what it is.
        assert!(matches!(list(&root, b"/inside", None, 9), Err(Errno::NOTDIR | Errno::LOOP)));
    }

    #[test]
    fn folders_are_listed_page_by_page_in_the_order_of_bytes() {
        let Tree { temp, root } = tree();
        let folder = temp.path().join("root/folder");
        let mut names: Vec<Vec<u8>> = (0..100).map(|number| format!("{number}").into_bytes()).collect();
        names.extend([
            b"\xff\xfe".to_vec(),
            b"\n".to_vec(),
            b"-rf *".to_vec(),
            "\u{202e}x".as_bytes().to_vec(),
        ]);
        for name in &names {
            use std::os::unix::ffi::OsStrExt;
            fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        names.sort();
        let mut found = Vec::new();
        loop {
            let after = found.last().cloned();
            let page = list(&root, b"/folder", after.as_deref(), 7).unwrap();
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().map(|(name, _)| name));
        }
        assert_eq!(found, names);
        assert_eq!(list(&root, b"/folder", None, 0).unwrap(), []);
    }

    /// Deeper than the kernel takes in one path.
    #[test]
    fn deep_trees_have_a_bottom() {
        let Tree { temp, root } = tree();
        let name = "d".repeat(200);
        let mut at = rustix::fs::open(temp.path().join("root"), OFlags::DIRECTORY, Mode::empty()).unwrap();
        let mut path = Vec::new();
        for _level in 0..50 {
            rustix::fs::mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
            at = openat(&at, name.as_str(), OFlags::DIRECTORY, Mode::empty()).unwrap();
            path.extend([b"/", name.as_bytes()].concat());
        }
        rustix::fs::symlinkat("/file", &at, "link").unwrap();
        assert_eq!(list(&root, &path, None, 9).unwrap()[0].0, b"link");
        path.extend(b"/link");
        assert_eq!(stat(&root, &path).unwrap().symlink_target.unwrap(), b"/file");
        assert_eq!(stat(&root, &[b'x'; 5000]), Err(Errno::NAMETOOLONG));
    }
}
