//! Templates: directories that instances are created from and that are never written to.
//!
//! The default template needs no network: it is the host's static busybox, a link for each of its applets, and a first process.
//! Other templates are directories named by the agent's own configuration. No path comes from the controller.
//!
//! ```text
//!   <templates>/miosa-default-1/   template.json, rootfs/
//!   <templates>/.tmp-…             an unfinished one; removed at the next start
//! ```
//!
//! **Crash safety.** A template is created under a temporary name, synced as a whole, then renamed. A template under its own name
//! is complete and never changes, which the overlays above it depend on. A later version of this module creates a second one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use miosa_effects::process::{self, find_program};
use miosa_effects::{Dir, Doing, files};
use miosa_failpoint::failpoint;
use parking_lot::Mutex;

use crate::RuntimeError;

/// The template that needs only busybox.
pub const DEFAULT_TEMPLATE: &str = "miosa-default";

/// Other names of the default template.
pub const DEFAULT_ALIASES: [&str; 3] = ["miosa-desktop", "miosa-sandbox", "busybox"];

/// The first process of instances without a command, if their template has it.
pub const INIT_PATH: &str = "/sbin/miosa-init";

/// The number changes with the content of the template.
const DEFAULT_FOLDER: &str = "miosa-default-1";
const IDENTITY: &str = "{\"magic\":\"miosa-template\",\"version\":1,\"name\":\"miosa-default\"}\n";
const IDENTITY_FILE: &str = "template.json";

/// `wait` reaps orphans and returns at a trapped signal, so SIGTERM ends the process at once.
const INIT: &str = "\
#!/bin/sh
# First process of the instance: keeps it alive, reaps what is left to it, ends at once when asked to.
trap 'exit 0' TERM INT
while :; do
    sleep 86400 &
    wait $!
done
";

/// Debian's static busybox is built without this applet, which users expect.
const NOHUP: &str = "\
#!/bin/sh
trap '' HUP
exec \"$@\"
";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";
const PROFILE: &str = "export PS1='\\u@\\h:\\w\\$ '\n";

/// The templates of one host.
#[derive(Debug)]
pub(crate) struct Templates {
    folder: PathBuf,
    /// Name to absolute directory, from the agent's configuration.
    folders: BTreeMap<String, PathBuf>,
    /// Held while the default template is created.
    making: Mutex<()>,
}

impl Templates {
    pub(crate) fn new(folder: PathBuf, folders: BTreeMap<String, PathBuf>) -> Self {
        Self { folder, folders, making: Mutex::new(()) }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let own = std::iter::once(DEFAULT_TEMPLATE).chain(DEFAULT_ALIASES).map(str::to_owned);
        let mut names: Vec<String> = own.chain(self.folders.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The root directory of the template. The default template is created if it is missing. A configured name takes precedence
    /// over an alias.
    pub(crate) fn root(&self, name: &str) -> Result<PathBuf, RuntimeError> {
        let unusable = |reason: String| RuntimeError::TemplateUnusable { name: name.to_owned(), reason };
        if let Some(folder) = self.folders.get(name) {
            return match fs::metadata(folder) {
                Ok(found) if found.is_dir() && folder.is_absolute() => Ok(folder.clone()),
                Ok(_) => Err(unusable(format!("{} is not an absolute path of a folder", folder.display()))),
                Err(e) => Err(unusable(format!("{}: {e}", folder.display()))),
            };
        }
        if name != DEFAULT_TEMPLATE && !DEFAULT_ALIASES.contains(&name) {
            return Err(RuntimeError::UnknownTemplate { name: name.to_owned(), known: self.names() });
        }
        let _making = self.making.lock();
        let whole = self.folder.join(DEFAULT_FOLDER);
        if fs::read_to_string(whole.join(IDENTITY_FILE)).is_ok_and(|identity| identity == IDENTITY) {
            return Ok(whole.join("rootfs"));
        }
        if fs::symlink_metadata(&whole).is_ok() {
            return Err(RuntimeError::Foreign {
                path: whole,
                what: "it is not a template that we made".into(),
            });
        }
        let busybox = static_busybox().map_err(unusable)?;
        self.make_default(&busybox)?;
        Ok(whole.join("rootfs"))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "written under a temporary name, synced whole, then renamed"
    )]
    fn make_default(&self, busybox: &Path) -> Result<(), RuntimeError> {
        let temporary_name = format!(".tmp-{DEFAULT_FOLDER}");
        let temporary = self.folder.join(&temporary_name);
        if temporary.exists() {
            fs::remove_dir_all(&temporary).doing("remove", &temporary)?;
        }
        let rootfs = temporary.join("rootfs");
        for (name, mode) in [
            ("", 0o755),
            ("bin", 0o755),
            ("dev", 0o755),
            ("etc", 0o755),
            ("home", 0o755),
            ("mnt", 0o755),
            ("opt", 0o755),
            ("proc", 0o555),
            ("root", 0o700),
            ("run", 0o755),
            ("sbin", 0o755),
            ("srv", 0o755),
            ("sys", 0o555),
            ("tmp", 0o1777),
            ("usr", 0o755),
            ("usr/bin", 0o755),
            ("usr/sbin", 0o755),
            ("var", 0o755),
            ("var/log", 0o755),
            ("var/tmp", 0o1777),
        ] {
            let path = rootfs.join(name);
            fs::DirBuilder::new().recursive(true).mode(0o755).create(&path).doing("make", &path)?;
            set_mode(&path, mode)?;
        }
        let binary = rootfs.join("bin/busybox");
        fs::copy(busybox, &binary).doing("copy busybox to", &binary)?;
        set_mode(&binary, 0o755)?;
        let applets = applets(&binary)?;
        let has_nohup = applets.iter().any(|(_, name)| name == "nohup");
        for (folder, name) in applets {
            let link = rootfs.join(folder).join(name);
            symlink("/bin/busybox", &link).doing("link", &link)?;
        }
        let mut texts = vec![
            ("etc/passwd", PASSWD, 0o644),
            ("etc/group", GROUP, 0o644),
            ("etc/profile", PROFILE, 0o644),
            (INIT_PATH.trim_start_matches('/'), INIT, 0o755),
        ];
        if !has_nohup {
            texts.push(("usr/bin/nohup", NOHUP, 0o755));
        }
        for (name, content, mode) in texts {
            let path = rootfs.join(name);
            fs::write(&path, content).doing("write", &path)?;
            set_mode(&path, mode)?;
        }
        let identity = temporary.join(IDENTITY_FILE);
        fs::write(&identity, IDENTITY).doing("write", &identity)?;
        let folder = Dir::open(&self.folder)?;
        files::sync_filesystem(&folder)?;
        failpoint!("runtime.template.before-rename")?;
        folder.rename(&temporary_name, &folder, DEFAULT_FOLDER)?;
        folder.sync()?;
        Ok(())
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), miosa_effects::SysError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing("set the mode of", path)
}

/// Directory and name of each applet except busybox itself.
fn applets(busybox: &Path) -> Result<Vec<(PathBuf, String)>, RuntimeError> {
    let broken = |reason: String| RuntimeError::TemplateUnusable { name: DEFAULT_TEMPLATE.into(), reason };
    let program = busybox.to_str().ok_or_else(|| broken(format!("{} is not UTF-8", busybox.display())))?;
    let listed = process::run(program, &["--list-full".as_ref()]).map_err(|e| broken(e.to_string()))?;
    let mut applets = Vec::new();
    for path in String::from_utf8_lossy(&listed.stdout).lines() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("bin", path));
        let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.[+".contains(c));
        // `linuxrc` belongs in the root directory and has no use here.
        let known = ["bin", "sbin", "usr/bin", "usr/sbin"].contains(&folder);
        if known && plain(name) && !["", ".", "..", "busybox", "miosa-init"].contains(&name) {
            applets.push((folder.into(), name.to_owned()));
        }
    }
    match applets.iter().any(|(_, name)| name == "sh") {
        true => Ok(applets),
        false => Err(broken(format!("{program} has no shell"))),
    }
}

/// The host's busybox. The error contains the remedy.
fn static_busybox() -> Result<PathBuf, String> {
    let path =
        find_program("busybox").ok_or("the host has no busybox; install the package busybox-static")?;
    let program = fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    match needs_interpreter(&program) {
        Some(false) => Ok(path),
        Some(true) => {
            Err(format!("{} needs shared libraries; install the package busybox-static", path.display()))
        }
        None => Err(format!("{} is no program; install the package busybox-static", path.display())),
    }
}

/// Whether an ELF file needs a dynamic linker (program header `PT_INTERP`); `None` if it is no ELF file of this machine's byte
/// order.
fn needs_interpreter(elf: &[u8]) -> Option<bool> {
    const PT_INTERP: u32 = 3;
    let half = |at: usize| Some(u16::from_ne_bytes(elf.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_ne_bytes(elf.get(at..at + 4)?.try_into().ok()?));
    let double = |at: usize| Some(u64::from_ne_bytes(elf.get(at..at + 8)?.try_into().ok()?));
    if elf.get(..4)? != b"\x7fELF" {
        return None;
    }
    let (offset, size, count) = match elf.get(4)? {
        1 => (word(0x1C)? as usize, half(0x2A)? as usize, half(0x2C)? as usize),
        2 => (usize::try_from(double(0x20)?).ok()?, half(0x36)? as usize, half(0x38)? as usize),
        _ => return None,
    };
    for index in 0..count {
        if word(offset.checked_add(index * size)?)? == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(folder: &Path) -> Templates {
        Templates::new(folder.to_owned(), BTreeMap::from([("web".to_owned(), folder.join("web"))]))
    }

    #[test]
    fn the_default_template_is_made_once_and_whole() {
        let temp = tempfile::tempdir().unwrap();
        let leftover = temp.path().join(".tmp-miosa-default-1/rootfs/bin");
        fs::create_dir_all(leftover).unwrap();
        let root = templates(temp.path()).root("busybox").unwrap();
        for name in ["bin/sh", "bin/busybox", "usr/bin/env", "sbin/miosa-init", "usr/bin/nohup", "etc/passwd"]
        {
            assert!(fs::symlink_metadata(root.join(name)).is_ok(), "{name} is missing");
        }
        assert_eq!(fs::metadata(root.join("tmp")).unwrap().permissions().mode() & 0o7777, 0o1777);
        fs::write(root.join("mark"), "").unwrap();
        assert_eq!(templates(temp.path()).root(DEFAULT_TEMPLATE).unwrap(), root);
        assert!(root.join("mark").exists(), "it was made again");
        assert!(!temp.path().join(".tmp-miosa-default-1").exists());
    }

    #[test]
    fn only_known_names_lead_to_folders() {
        let temp = tempfile::tempdir().unwrap();
        let templates = templates(temp.path());
        for name in ["", "..", "/etc", "../../etc", "miosa-default-1"] {
            assert!(matches!(templates.root(name), Err(RuntimeError::UnknownTemplate { .. })), "{name:?}");
        }
        assert!(matches!(templates.root("web"), Err(RuntimeError::TemplateUnusable { .. })));
        fs::create_dir(temp.path().join("web")).unwrap();
        assert_eq!(templates.root("web").unwrap(), temp.path().join("web"));
        fs::create_dir(temp.path().join(DEFAULT_FOLDER)).unwrap();
        assert!(matches!(templates.root(DEFAULT_TEMPLATE), Err(RuntimeError::Foreign { .. })));
    }

    #[test]
    fn programs_with_shared_libraries_are_told_apart() {
        let read = |name: &str| fs::read(find_program(name).unwrap()).unwrap();
        assert_eq!(needs_interpreter(&read("busybox")), Some(false));
        assert_eq!(needs_interpreter(&read("mount")), Some(true));
        assert_eq!(needs_interpreter(b"#!/bin/sh\n"), None);
        for cut in [0, 3, 5, 40, 70] {
            assert_ne!(needs_interpreter(&read("mount")[..cut]), Some(true));
        }
    }
}
