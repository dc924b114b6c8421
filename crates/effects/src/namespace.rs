//! Mounts and unmounts filesystems inside the mount namespace of another process.
//!
//! ```text
//!   host                                    instance
//!   /pool/mounts/<id> ── clone_mount ──► detached copy ── move_mount ──► /mnt/data
//!                        (idmapped, nosuid, nodev)         in a thread that entered the namespace
//! ```
//!
//! The workload owns its directories and may replace them with symbolic links at any moment, so no path is resolved twice. To
//! mount, the path is resolved once to a descriptor, as the instance's root user and within its root directory; that
//! descriptor is checked and mounted on. To unmount, a descriptor holds the *parent* of the mount point, and the mount point is
//! named by its last component only: a directory that is a mount point can be neither renamed nor removed.
//!
//! A new thread enters the namespace and ends with the call, so no other thread ever has another root directory.
//!
//! **Crash safety.** A detached copy of a mount is dropped with its descriptor. A mount in the namespace is dropped with the
//! namespace, after a power failure or when its last process ends.

use std::collections::HashSet;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, readlinkat, statat,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces, unshare_unsafe};

use crate::mount::{self, Mount};
use crate::process::{ProcessFd, all_pids};
use crate::{Doing, SysError, idmap};

/// Why a mount was not made or not removed. Nothing was changed except that missing directories may have been created. (After
/// `Busy` from `place` the mount exists at a path that was refused, and the workload uses it.)
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    #[error("process {pid} has ended")]
    Ended { pid: u32 },

    /// The path cannot be used in its present state, which the workload may have caused.
    #[error("{} cannot be used: {reason}", path.display())]
    Unusable { path: PathBuf, reason: String },

    /// `locked_in` names one process of each namespace in which the mount is locked: the kernel locks the mounts of a copy that
    /// belongs to another user namespace. The mount ends with the processes of that namespace.
    #[error("the mount at {} is in use", path.display())]
    Busy { path: PathBuf, locked_in: Vec<u32> },

    #[error(transparent)]
    Sys(#[from] SysError),
}

/// A mount to be made in the namespace of a process.
pub struct Placement<'a> {
    /// The mount point on the host.
    pub source: &'a Path,
    /// What must be mounted at `source`.
    pub device_number: u64,
    /// Absolute and normalized, inside the namespace.
    pub target: &'a Path,
    pub read_only: bool,
    /// The host's user and group id of the instance's root, as which the path is resolved and missing directories are created.
    pub owner: u32,
    /// Called with the path that `target` resolves to. Returns the reason if no volume may be mounted there.
    pub refuse: &'a (dyn Fn(&Path) -> Option<String> + Sync),
}

/// Mounts a copy of the source in the namespace of `process`. Returns the mount point, which differs from the target if that
/// contains symbolic links, or `None` if the device is already mounted at the target.
pub fn place(process: &ProcessFd, placement: &Placement<'_>) -> Result<Option<PathBuf>, NamespaceError> {
    let user_namespace = idmap::open_user_namespace(process.pid()).map_err(|e| ended_or(process, e))?;
    if process.wait(Duration::ZERO)? {
        // The pid may have been reused before the namespace was opened by it.
        return Err(NamespaceError::Ended { pid: process.pid() });
    }
    let tree = idmap::clone_mount(placement.source, user_namespace.as_fd(), placement.read_only)?;
    let found = fstat(&tree).doing("examine", placement.source)?.st_dev;
    if found != placement.device_number {
        let wrong =
            io::Error::other(format!("device {found:#x} is mounted, not {:#x}", placement.device_number));
        return Err(SysError::new("use", placement.source, wrong).into());
    }
    enter(process, move |entered| {
        let root = entered.open_root()?;
        let target = {
            let _owner = ActingAs::owner(placement.owner)?;
            ensure_directory(&root, placement.target)?
        };
        let unusable =
            |path: &Path, reason: String| NamespaceError::Unusable { path: path.to_owned(), reason };
        let device_below = fstat(&target).doing("examine", placement.target)?.st_dev;
        if device_below == placement.device_number {
            return Ok(None);
        }
        let of_device = |mount: &Mount| mount.device_number == placement.device_number;
        if let Some(elsewhere) = entered.mounts()?.into_iter().find(of_device) {
            let reason = format!("the volume is mounted at {}", elsewhere.mount_point.display());
            return Err(unusable(placement.target, reason));
        }
        let real = entered.path_of(&target)?;
        if real == Path::new("/") {
            return Err(unusable(placement.target, "it leads to the root directory".into()));
        }
        if let Some(reason) = (placement.refuse)(&real) {
            return Err(unusable(placement.target, reason));
        }
        if device_below != fstat(&root).doing("examine", "/")?.st_dev {
            return Err(unusable(placement.target, format!("{} lies in another mount", real.display())));
        }
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(&tree, "", &target, "", flags).map_err(|e| match e {
            // The workload removed the directory after it was resolved.
            Errno::NOENT => unusable(placement.target, "the directory was removed".into()),
            e => SysError::new("mount at", placement.target, e).into(),
        })?;
        // An open descriptor keeps the mount in use.
        drop(tree);
        // The directory may have been renamed between the check and the mount. Now it cannot be.
        let at = entered.mounts()?.into_iter().find(of_device);
        let at = at.ok_or_else(|| unusable(placement.target, "it was unmounted at once".into()))?.mount_point;
        if let Some(reason) = (placement.refuse)(&at) {
            entered.take_back(placement.device_number)?;
            return Err(unusable(placement.target, reason));
        }
        Ok(Some(at))
    })
}

/// Unmounts the device in the mount namespace of `process`. Returns whether it was mounted. The cost does not depend on
/// how many processes or mounts the host has. Copies of the namespace are left alone: see [`withdraw_from_copies`].
pub fn withdraw(process: &ProcessFd, device_number: u64) -> Result<bool, NamespaceError> {
    unmount_all(process, device_number, UnmountFlags::empty())
}

/// Unmounts the device in the mount namespace of `process` and in every copy of that namespace. Returns whether it was
/// mounted in any of them. If a process uses one of the mounts, all of them stay. Reads `/proc` of every process of the
/// host: call it only when something keeps the filesystem in use after [`withdraw`].
pub fn withdraw_from_copies(process: &ProcessFd, device_number: u64) -> Result<bool, NamespaceError> {
    let mut namespaces = copies_of_namespace(process)?;
    namespaces.retain(|nested| shows(nested, device_number));
    let mut changed = false;
    if !namespaces.is_empty() {
        // MNT_EXPIRE fails with EBUSY if the mount is in use and otherwise only marks it, so this pass removes nothing.
        let mut busy: Option<(PathBuf, Vec<u32>)> = None;
        for namespace in namespaces.iter().chain([process]) {
            match unmount_all(namespace, device_number, UnmountFlags::EXPIRE) {
                Ok(expired) => changed |= expired,
                Err(NamespaceError::Busy { path, locked_in }) => {
                    busy.get_or_insert((path, Vec::new())).1.extend(locked_in);
                }
                Err(other) => return Err(other),
            }
        }
        if let Some((path, locked_in)) = busy {
            return Err(NamespaceError::Busy { path, locked_in });
        }
    }
    for namespace in namespaces.iter().chain([process]) {
        changed |= unmount_all(namespace, device_number, UnmountFlags::empty())?;
    }
    Ok(changed)
}

/// Whether the device is mounted in the namespace of `process`. If the table cannot be read, the process has ended.
fn shows(process: &ProcessFd, device_number: u64) -> bool {
    let table = mount::table_of(&format!("/proc/{}/mountinfo", process.pid())).unwrap_or_default();
    table.iter().any(|mount| mount.device_number == device_number)
}

fn unmount_all(process: &ProcessFd, device_number: u64, flags: UnmountFlags) -> Result<bool, NamespaceError> {
    let unmounted = enter(process, |entered| {
        let mut attempts = RESOLVE_ATTEMPTS;
        loop {
            match entered.unmount_device(device_number, flags) {
                // The workload renamed a directory above the mount point; the table has the new path.
                Err(NamespaceError::Unusable { .. }) if attempts > 1 => attempts -= 1,
                other => return other,
            }
        }
    });
    match unmounted {
        // The mounts ended with the namespace, or another process of the namespace leads to them.
        Err(NamespaceError::Ended { .. }) => Ok(false),
        other => other,
    }
}

/// All processes that live in the same mount namespace as `pid`.
pub fn processes_beside(pid: u32) -> Result<Vec<u32>, SysError> {
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/mnt"));
    let Ok(wanted) = namespace(pid) else { return Ok(Vec::new()) };
    Ok(all_pids()?.into_iter().filter(|&pid| namespace(pid).is_ok_and(|found| found == wanted)).collect())
}

/// One process of each other mount namespace that has the same root filesystem as that of `process`. A process that enters an
/// instance and unshares its mount namespace has such a copy.
pub fn copies_of_namespace(process: &ProcessFd) -> Result<Vec<ProcessFd>, SysError> {
    let pid = process.pid();
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/mnt"));
    let root_device = |pid: u32| std::fs::metadata(format!("/proc/{pid}/root")).map(|root| root.dev());
    let (Ok(own), Ok(device)) = (namespace(pid), root_device(pid)) else { return Ok(Vec::new()) };
    let mut seen = HashSet::from([own, namespace(std::process::id()).doing("read", "/proc/self/ns/mnt")?]);
    let mut copies = Vec::new();
    for pid in all_pids()? {
        let Ok(found) = namespace(pid) else { continue };
        if !seen.contains(&found) && root_device(pid).is_ok_and(|root| root == device) {
            copies.extend(ProcessFd::open_pid(pid)?);
            seen.insert(found);
        }
    }
    Ok(copies)
}

fn ended_or(process: &ProcessFd, error: SysError) -> NamespaceError {
    match process.wait(Duration::ZERO) {
        Ok(true) => NamespaceError::Ended { pid: process.pid() },
        _ => error.into(),
    }
}

/// Runs `work` in a thread that lives in the mount namespace of `process`.
fn enter<T: Send>(
    process: &ProcessFd,
    work: impl FnOnce(&Entered) -> Result<T, NamespaceError> + Send,
) -> Result<T, NamespaceError> {
    let host_proc =
        rustix::fs::open("/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .doing("open", "/proc")?;
    let body = || {
        // SAFETY: only this thread leaves the shared root and working directory; it ends before this function returns.
        unsafe { unshare_unsafe(UnshareFlags::FS) }
            .doing("unshare the root directory of", "/proc/thread-self")?;
        match move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::MOUNT) {
            Ok(()) => work(&Entered { host_proc, pid: process.pid() }),
            Err(Errno::SRCH) => Err(NamespaceError::Ended { pid: process.pid() }),
            Err(e) => {
                Err(SysError::new("enter the mount namespace of", format!("/proc/{}", process.pid()), e)
                    .into())
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("mount-namespace".into()).spawn_scoped(scope, body);
        let thread = thread.doing("start a thread for", "/proc/thread-self")?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A thread in another mount namespace. It uses the host's `/proc`, because the workload controls the one in the namespace.
struct Entered {
    host_proc: OwnedFd,
    /// Of the process whose namespace it is.
    pid: u32,
}

impl Entered {
    fn open_root(&self) -> Result<OwnedFd, SysError> {
        rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .doing("open", "/")
    }

    fn mounts(&self) -> Result<Vec<Mount>, SysError> {
        const PATH: &str = "thread-self/mountinfo";
        let file = openat(&self.host_proc, PATH, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let mut file = std::fs::File::from(file.doing("open", PATH)?);
        let mut table = Vec::new();
        io::Read::read_to_end(&mut file, &mut table).doing("read", PATH)?;
        mount::parse_table(&table, PATH)
    }

    /// The present path of the directory from the root of the namespace.
    fn path_of(&self, directory: &OwnedFd) -> Result<PathBuf, SysError> {
        use std::os::fd::AsRawFd;
        let link = format!("thread-self/fd/{}", directory.as_raw_fd());
        let path = readlinkat(&self.host_proc, &link, Vec::new()).doing("read", &link)?;
        Ok(PathBuf::from(OsString::from_vec(path.into_bytes())))
    }

    /// Undoes a mount that was just made. The workload may be resolving a path in it.
    fn take_back(&self, device_number: u64) -> Result<(), NamespaceError> {
        let mut attempts = RESOLVE_ATTEMPTS;
        loop {
            match self.unmount_device(device_number, UnmountFlags::empty()) {
                Err(NamespaceError::Unusable { .. } | NamespaceError::Busy { .. }) if attempts > 1 => {
                    attempts -= 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => return other.map(drop),
            }
        }
    }

    fn unmount_device(&self, device_number: u64, flags: UnmountFlags) -> Result<bool, NamespaceError> {
        let root = self.open_root()?;
        let mut changed = false;
        // In reverse order of mounting: one mount may cover another.
        for mount in self.mounts()?.into_iter().rev().filter(|mount| mount.device_number == device_number) {
            changed |= self.unmount_at(&root, &mount.mount_point, device_number, flags)?;
        }
        Ok(changed)
    }

    /// Unmounts `mount_point` if the device is mounted there. Returns whether it was.
    fn unmount_at(
        &self,
        root: &OwnedFd,
        mount_point: &Path,
        device_number: u64,
        flags: UnmountFlags,
    ) -> Result<bool, NamespaceError> {
        let (Some(parent), Some(name)) = (mount_point.parent(), mount_point.file_name()) else {
            return Ok(false);
        };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        let flags_open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent =
            openat2(root, relative(parent), flags_open, Mode::empty(), resolve).map_err(|e| match e {
                // A directory above was renamed after the table was read: the caller retries.
                Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::AGAIN => NamespaceError::Unusable {
                    path: mount_point.to_owned(),
                    reason: "its path changes".into(),
                },
                e => SysError::new("open", mount_point, e).into(),
            })?;
        // The parent is on another device, so a name on this device is a mount point, which cannot be renamed.
        if !statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| found.st_dev == device_number)
        {
            let reason = "another file is there now".into();
            return Err(NamespaceError::Unusable { path: mount_point.to_owned(), reason });
        }
        rustix::process::fchdir(&parent).doing("enter the directory of", mount_point)?;
        drop(parent);
        let result = unmount_here(name, device_number, flags);
        rustix::process::fchdir(root).doing("enter", "/")?;
        let busy = |locked_in| NamespaceError::Busy { path: mount_point.to_owned(), locked_in };
        result.map_err(|errno| match errno {
            Errno::BUSY => busy(Vec::new()),
            Errno::INVAL => busy(vec![self.pid]),
            errno => SysError::new("unmount", mount_point, errno).into(),
        })
    }
}

/// Unmounts `name` in the working directory, where the device was mounted a moment ago. Returns `false` if the mount was only
/// marked as expired, or if another process unmounted it first. Fails with `EINVAL` if the mount is locked.
fn unmount_here(name: &OsStr, device_number: u64, flags: UnmountFlags) -> Result<bool, Errno> {
    let is_mounted =
        || statat(CWD, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| found.st_dev == device_number);
    match unmount(name, flags | UnmountFlags::NOFOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN) if flags.contains(UnmountFlags::EXPIRE) => Ok(false),
        // The error for a directory that is no mount point, too.
        Err(Errno::INVAL) if !is_mounted() => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// While it exists, this thread opens and creates files as another user, without root's privileges over files.
struct ActingAs;

impl ActingAs {
    fn owner(id: u32) -> Result<Self, SysError> {
        let doing = |e| SysError::new("act as a user in", "/proc/thread-self", e);
        // The raw system call changes this thread only. Root's groups are not the instance's.
        rustix::thread::set_thread_groups(&[]).map_err(|e| doing(e.into()))?;
        // SAFETY: both calls change ids of this thread only. They never fail for root and return the previous id.
        unsafe {
            libc::setfsgid(id);
            libc::setfsuid(id);
        }
        let acting = Self;
        // SAFETY: an invalid id changes nothing and returns the present one.
        let present = unsafe { libc::setfsuid(u32::MAX) };
        if present as u32 == id {
            Ok(acting)
        } else {
            Err(doing(io::Error::from(io::ErrorKind::PermissionDenied)))
        }
    }
}

impl Drop for ActingAs {
    fn drop(&mut self) {
        // SAFETY: as above. The thread's real user is root, so these calls succeed.
        unsafe {
            libc::setfsuid(0);
            libc::setfsgid(0);
        }
    }
}

/// How often a path is resolved again because a directory in it was renamed.
const RESOLVE_ATTEMPTS: u32 = 64;

/// Resolves `path` within `root` to a directory and creates the missing components.
fn ensure_directory(root: &OwnedFd, path: &Path) -> Result<OwnedFd, NamespaceError> {
    let unusable = |reason: String| NamespaceError::Unusable { path: path.to_owned(), reason };
    let mut prefix = PathBuf::new();
    let mut directory = open_within(root, Path::new("."), RESOLVE_ATTEMPTS).doing("open", "/")?;
    for component in path.components() {
        let Component::Normal(name) = component else { continue };
        prefix.push(name);
        // From the root each time: an absolute symbolic link in the path is resolved from there.
        let opened = match open_within(root, &prefix, RESOLVE_ATTEMPTS) {
            Err(Errno::NOENT) => {
                match mkdirat(&directory, name, Mode::from_raw_mode(0o755)) {
                    // EXIST: the workload created it, or it is a dangling symbolic link, which the next call reports.
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(e) => return Err(unusable(format!("cannot create /{}: {e}", prefix.display()))),
                }
                open_within(root, &prefix, RESOLVE_ATTEMPTS)
            }
            other => other,
        };
        directory = opened.map_err(|e| {
            unusable(match e {
                Errno::NOTDIR => format!("/{} is not a directory", prefix.display()),
                Errno::NOENT => format!("/{} leads nowhere", prefix.display()),
                Errno::LOOP => format!("/{} has too many symbolic links", prefix.display()),
                e => format!("cannot open /{}: {e}", prefix.display()),
            })
        })?;
    }
    Ok(directory)
}

fn open_within(root: &OwnedFd, path: &Path, attempts: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, path, flags, Mode::empty(), resolve) {
        // A directory was renamed while `..` in a symbolic link was resolved.
        Err(Errno::AGAIN) if attempts > 1 => open_within(root, path, attempts - 1),
        other => other,
    }
}

fn relative(path: &Path) -> CString {
    let bytes = path.strip_prefix("/").unwrap_or(path).as_os_str().as_bytes();
    let bytes = if bytes.is_empty() { OsStr::new(".").as_bytes() } else { bytes };
    CString::new(bytes).expect("the kernel's mount table holds no zero bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    /// A process in a copy of our mount namespace, killed on drop.
    struct Elsewhere(Child);

    impl Elsewhere {
        fn new() -> Self {
            let child = Command::new("unshare").args(["--mount", "sleep", "4711"]).spawn().unwrap();
            let elsewhere = Self(child);
            // `unshare` becomes `sleep` when it is in its own namespace.
            while std::fs::read_to_string(format!("/proc/{}/comm", elsewhere.0.id())).unwrap() != "sleep\n" {
                std::thread::yield_now();
            }
            elsewhere
        }

        fn handle(&self) -> ProcessFd {
            ProcessFd::open_pid(self.0.id()).unwrap().unwrap()
        }
    }

    impl Drop for Elsewhere {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn placement<'a>(source: &'a Path, target: &'a Path) -> Placement<'a> {
        let device_number = std::fs::metadata(source).unwrap().dev();
        Placement { source, device_number, target, read_only: false, owner: 0, refuse: &|_| None }
    }

    /// Another process unmounts the volume between the check and the unmount: nothing is locked.
    #[test]
    fn a_mount_that_is_gone_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let of_folder = std::fs::metadata(folder.path()).unwrap().dev();
        assert_eq!(unmount_here(folder.path().as_os_str(), of_folder + 1, UnmountFlags::empty()), Ok(false));
        assert_eq!(
            unmount_here(folder.path().as_os_str(), of_folder, UnmountFlags::empty()),
            Err(Errno::INVAL),
            "as for a locked mount of the device"
        );
    }

    /// The process ends after its handle was opened and before its namespace is entered. Its pid may be reused after that.
    #[test]
    fn a_process_that_ended_has_no_namespace() {
        let elsewhere = Elsewhere::new();
        let process = elsewhere.handle();
        drop(elsewhere);
        let folder = tempfile::tempdir().unwrap();
        let placed = place(&process, &placement(folder.path(), Path::new("/mnt")));
        assert!(matches!(placed, Err(NamespaceError::Ended { .. })), "{placed:?}");
        assert!(!withdraw(&process, 0x700).unwrap());
        assert!(!withdraw_from_copies(&process, 0x700).unwrap());
    }
}
