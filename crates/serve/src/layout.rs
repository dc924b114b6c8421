//! The data directory: its contents, their owners, and the first admin key.
//!
//! ```text
//! DIR/                 root; others may walk through
//! ├── lock             held by the running server
//! ├── credentials/     root only; admin-key, mode 0600
//! ├── run/             root; agent.sock (between controller and agent), serve.json (the merged configuration)
//! ├── controller/      the controller's user only; miosa.db
//! ├── agent/           root, others may walk through; ledger (root only), instances, templates
//! └── pool/            root only; volumes
//! ```
//!
//! **Crash safety.** Every step may be repeated. The key is replaced atomically and synced before its hash is used.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use miosa_effects::{Dir, Doing, SysError};
use rand::RngExt;
use rand::distr::Alphanumeric;
use rustix::fs::{Gid, Uid};
use sha2::{Digest, Sha256};

/// User ids for accounts created at run time, above systemd's own range for those.
const FREE_UIDS: std::ops::Range<u32> = 65_300..65_500;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LayoutError {
    #[error(transparent)]
    Io(#[from] SysError),
    #[error("another server uses {}", .0.display())]
    Locked(PathBuf),
    #[error(
        "the controller runs as uid {uid}, which cannot walk through {}: it has mode {mode:04o} and owner {owner}. Choose a data \
         directory below one that other users may walk through, such as /var/lib, or run: chmod o+x {}",
        at.display(), at.display()
    )]
    Unreachable { uid: u32, at: PathBuf, mode: u32, owner: u32 },
    #[error("{} is too long for a unix socket; choose a shorter data directory", .0.display())]
    SocketPathTooLong(PathBuf),
    #[error("no free user id for the controller between {} and {}; create a user named miosa", FREE_UIDS.start, FREE_UIDS.end)]
    NoFreeUid,
    #[error("{} contains no key; restore the key, or remove the file to get a new one", .0.display())]
    BadKeyFile(PathBuf),
}

/// A prepared data directory, locked while this value exists.
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    pub(crate) controller_uid: u32,
    pub(crate) controller_gid: u32,
    /// SHA-256 of the admin key, in hex.
    pub(crate) admin_key_hash: String,
    _lock: File,
}

impl Layout {
    pub(crate) fn prepare(dir: &Path) -> Result<Self, LayoutError> {
        std::fs::create_dir_all(dir).doing("create the directory", dir)?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).doing("open", &lock_path)?;
        lock.try_lock().map_err(|_| LayoutError::Locked(dir.to_owned()))?;
        set_mode(&lock_path, 0o600)?;

        let socket = socket_path(dir);
        if socket.as_os_str().len() > 100 {
            return Err(LayoutError::SocketPathTooLong(socket));
        }
        let root = Dir::open(dir)?;
        for name in ["credentials", "run", "controller", "agent"] {
            root.ensure_dir(name)?;
        }
        set_mode(dir, 0o755)?;
        set_mode(&dir.join("run"), 0o755)?;
        // The root users of instances are unprivileged users of the host and walk through here to their root directories.
        set_mode(&dir.join("agent"), 0o711)?;
        let (uid, gid) = controller_user(&dir.join("controller"))?;
        give_to(&dir.join("controller"), uid, gid)?;
        root.sync()?;
        check_reachable(dir, uid, gid)?;
        let admin_key_hash = ensure_admin_key(&root.open_dir("credentials")?)?;
        Ok(Self {
            dir: dir.to_owned(),
            controller_uid: uid,
            controller_gid: gid,
            admin_key_hash,
            _lock: lock,
        })
    }
}

pub(crate) fn socket_path(dir: &Path) -> PathBuf {
    dir.join("run/agent.sock")
}

pub(crate) fn serve_file(dir: &Path) -> PathBuf {
    dir.join("run/serve.json")
}

/// The user `miosa`; otherwise the owner of the controller's directory from an earlier start; otherwise a uid without an account.
/// Never `nobody`, which other programs use as well.
fn controller_user(controller_dir: &Path) -> Result<(u32, u32), LayoutError> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let accounts = || passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let number = |field: Option<&&str>| field.and_then(|text| text.parse::<u32>().ok());
    if let Some(account) = accounts().find(|fields| fields.first() == Some(&"miosa"))
        && let (Some(uid), Some(gid)) = (number(account.get(2)), number(account.get(3)))
        && uid != 0
    {
        return Ok((uid, gid));
    }
    let owner = std::fs::metadata(controller_dir).doing("examine", controller_dir)?;
    if FREE_UIDS.contains(&owner.uid()) {
        return Ok((owner.uid(), owner.gid()));
    }
    let taken: Vec<u32> = accounts().filter_map(|fields| number(fields.get(2))).collect();
    let free = FREE_UIDS.clone().find(|uid| !taken.contains(uid)).ok_or(LayoutError::NoFreeUid)?;
    Ok((free, free))
}

/// Changes the owner of a directory and its files to the controller's user, and denies access to others.
fn give_to(dir: &Path, uid: u32, gid: u32) -> Result<(), SysError> {
    let chown = |path: &Path| {
        rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .doing("change the owner of", path)
    };
    for entry in std::fs::read_dir(dir).doing("list", dir)? {
        let entry = entry.doing("list", dir)?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            chown(&entry.path())?;
        }
    }
    chown(dir)?;
    set_mode(dir, 0o700)
}

fn check_reachable(dir: &Path, uid: u32, gid: u32) -> Result<(), LayoutError> {
    let real = dir.canonicalize().doing("resolve", dir)?;
    for at in real.ancestors() {
        let stat = std::fs::metadata(at).doing("examine", at)?;
        let bit = match (stat.uid() == uid, stat.gid() == gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        if stat.mode() & bit == 0 {
            let mode = stat.mode() & 0o7777;
            return Err(LayoutError::Unreachable { uid, at: at.to_owned(), mode, owner: stat.uid() });
        }
    }
    Ok(())
}

/// Creates the admin key at the first start. Returns its hash.
fn ensure_admin_key(credentials: &Dir) -> Result<String, LayoutError> {
    const NAME: &str = "admin-key";
    let key = match credentials.read_file(NAME, 4096)? {
        Some(bytes) => {
            let bad = || LayoutError::BadKeyFile(credentials.path().join(NAME));
            let text = String::from_utf8(bytes).map_err(|_| bad())?;
            let key = text.trim().to_owned();
            if !key.starts_with("msk_") || key.len() < 20 {
                return Err(bad());
            }
            key
        }
        None => {
            let key = new_key();
            credentials.replace_file(NAME, format!("{key}\n").as_bytes())?;
            key
        }
    };
    set_mode(&credentials.path().join(NAME), 0o600)?;
    Ok(hex::encode(Sha256::digest(key.as_bytes())))
}

/// `msk_a_` and 40 characters of 62: 238 bits.
fn new_key() -> String {
    let secret: String = rand::rng().sample_iter(Alphanumeric).take(40).map(char::from).collect();
    format!("msk_a_{secret}")
}

fn set_mode(path: &Path, mode: u32) -> Result<(), SysError> {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).doing("set the mode of", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_secret() {
        let dir = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let first = Layout::prepare(dir.path()).unwrap();
        let file = dir.path().join("credentials/admin-key");
        let key = std::fs::read_to_string(&file).unwrap();
        assert!(key.starts_with("msk_a_") && key.trim().len() == 46);
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(Layout::prepare(dir.path()), Err(LayoutError::Locked(_))));
        let hash = first.admin_key_hash.clone();
        drop(first);
        assert_eq!(Layout::prepare(dir.path()).unwrap().admin_key_hash, hash);
    }

    #[test]
    fn a_directory_that_the_controller_cannot_reach_is_refused() {
        let closed = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap();
        let error = Layout::prepare(&closed.path().join("data")).err().expect("must be refused");
        assert!(matches!(&error, LayoutError::Unreachable { at, .. } if at == closed.path()), "{error}");
    }

    #[test]
    fn the_controller_is_neither_root_nor_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (uid, gid) = controller_user(dir.path()).unwrap();
        assert!(uid != 0 && uid != 65534 && gid != 0 && gid != 65534);
    }
}
