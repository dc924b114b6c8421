//! `miosa snapshots cp`: files out of a snapshot.
//!
//! ```text
//!   file      download ──► .miosa-cp-x beside the target ──► rename
//!   folder    entry by entry ──► .miosa-cp-x/ beside the target, private ──► modes and times ──► rename
//! ```
//!
//! What is in a snapshot is a workload's, and the answers are a server's: neither is trusted with a place on this machine. All
//! is built inside of one fresh folder that only this user may enter; a name is one plain part of a path; every file, folder and
//! symlink is made where nothing is (`O_EXCL`), so nothing that was made before is followed or written through. Permission bits
//! and times are kept; owners, and bits that lend somebody's rights (setuid, setgid), are not.
//!
//! **Crash story.** The target appears by one rename, whole. An interrupt or an error takes the unfinished copy away; after a
//! kill it stays beside the target under its hidden name. Against a power cut there is no promise: nothing is flushed.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::v1::snapshots::FileEntry;
use miosa_api::v1::words::FileType;
use miosa_client::{exact_name, exact_symlink_target};
use serde_json::json;

use super::files::with_path;
use crate::args::CpArgs;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{amount, counted};
use crate::progress::Progress;
use crate::resolve;

const UNFINISHED_PREFIX: &str = ".miosa-cp-";
/// Read, write and execute, of owner, group and others.
const PERMISSION_BITS: u32 = 0o777;

pub(super) async fn cp(context: &Context, args: CpArgs) -> Result<(), CliError> {
    tokio::select! {
        copied = copy(context, args) => copied,
        // Where it cannot be caught, an interrupt ends the program as usual.
        Ok(()) = tokio::signal::ctrl_c() => Err(CliError::Interrupted),
    }
}

/// A copy that is being made.
struct Copy<'a> {
    context: &'a Context,
    snapshot_id: String,
    progress: Progress,
    files: u64,
    folders: u64,
    symlinks: u64,
    bytes: u64,
    /// Devices, sockets and pipes, which hold no data.
    skipped: Vec<String>,
}

async fn copy(context: &Context, args: CpArgs) -> Result<(), CliError> {
    let client = &context.client;
    let (snapshot, path) = with_path(&args.source)?;
    let snapshot_id = resolve::snapshot_id(client, &snapshot).await?;
    let entry = client.snapshots().stat_file(&snapshot_id, &path).await?;
    if entry.is_dir && !args.recursive {
        return Err(CliError::usage(
            format!("{} is a folder", entry.path),
            Some("say -r to copy it with all that is in it"),
        ));
    }
    let target = target(&entry, args.target)?;
    refuse_existing(&target, args.force && !entry.is_dir)?;
    let progress = Progress::new(&context.output);
    let (files, folders, symlinks, bytes, skipped) = (0, 0, 0, 0, Vec::new());
    let mut copy = Copy { context, snapshot_id, progress, files, folders, symlinks, bytes, skipped };
    match entry.kind.known() {
        Some(FileType::Dir) => copy.tree(&path, &entry, &target).await?,
        Some(FileType::Symlink) => copy.single_symlink(&entry, &target, args.force)?,
        Some(FileType::File) => copy.single_file(&path, &entry, &target, args.force).await?,
        _ => {
            let message = format!("{} is a device, a socket or a pipe, which holds no data", entry.path);
            return Err(CliError::usage(message, None));
        }
    }
    copy.tell(&target)
}

impl Copy<'_> {
    async fn single_file(
        &mut self,
        path: &[u8],
        entry: &FileEntry,
        target: &Path,
        replace: bool,
    ) -> Result<(), CliError> {
        let unfinished =
            unfinished().tempfile_in(parent(target)).map_err(cannot("make a file beside", target))?;
        let mut file = unfinished.as_file();
        self.fill(&mut file, path, entry, target).await?;
        finish(file, entry).map_err(cannot("write", target))?;
        let placed = match replace {
            true => unfinished.persist(target),
            false => unfinished.persist_noclobber(target),
        };
        placed.map(drop).map_err(|error| cannot("write", target)(error.error))
    }

    fn single_symlink(&mut self, entry: &FileEntry, target: &Path, replace: bool) -> Result<(), CliError> {
        let points_to = PathBuf::from(OsString::from_vec(exact_symlink_target(entry)?));
        let unfinished = unfinished().make_in(parent(target), |path| symlink(&points_to, path));
        let unfinished = unfinished.map_err(cannot("make a symlink beside", target))?;
        self.symlinks += 1;
        let placed = match replace {
            true => unfinished.persist(target),
            false => unfinished.persist_noclobber(target),
        };
        placed.map(drop).map_err(|error| cannot("write", target)(error.error))
    }

    async fn tree(&mut self, path: &[u8], entry: &FileEntry, target: &Path) -> Result<(), CliError> {
        let unfinished =
            unfinished().tempdir_in(parent(target)).map_err(cannot("make a folder beside", target))?;
        self.folders += 1;
        // Closed for writing only at the end: a folder's own mode may forbid to put anything into it.
        let mut to_finish = vec![(unfinished.path().to_owned(), entry.clone())];
        let mut to_read = vec![(path.to_vec(), unfinished.path().to_owned())];
        while let Some((path, local)) = to_read.pop() {
            let entries = self.context.client.snapshots().list_files(&self.snapshot_id, &path);
            let mut entries = std::pin::pin!(entries);
            while let Some(entry) = entries.try_next().await? {
                let name = plain_name(&entry)?;
                let path = [path.strip_suffix(b"/").unwrap_or(&path), b"/", &name].concat();
                let local = local.join(OsString::from_vec(name));
                if entry.is_dir {
                    DirBuilder::new().mode(0o700).create(&local).map_err(cannot("make", &local))?;
                    self.folders += 1;
                    to_finish.push((local.clone(), entry));
                    to_read.push((path, local));
                } else {
                    self.put(&path, &entry, &local).await?;
                }
            }
        }
        for (folder, entry) in to_finish.iter().rev() {
            let finished = File::open(folder).and_then(|opened| finish(&opened, entry));
            finished.map_err(cannot("set mode and times of", folder))?;
        }
        refuse_existing(target, false)?;
        #[expect(clippy::disallowed_methods, reason = "a copy for the user, who can make it again")]
        fs::rename(unfinished.path(), target).map_err(cannot("write", target))?;
        // Its name is the target's now.
        let _ = unfinished.keep();
        Ok(())
    }

    /// Anything but a folder, where nothing is yet.
    async fn put(&mut self, path: &[u8], entry: &FileEntry, local: &Path) -> Result<(), CliError> {
        match entry.kind.known() {
            Some(FileType::Symlink) => {
                let points_to = OsString::from_vec(exact_symlink_target(entry)?);
                symlink(points_to, local).map_err(cannot("make", local))?;
                self.symlinks += 1;
            }
            Some(FileType::File) => {
                let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(local);
                let mut file = new.map_err(cannot("make", local))?;
                self.fill(&mut file, path, entry, local).await?;
                finish(&file, entry).map_err(cannot("write", local))?;
            }
            _ => self.skipped.push(entry.path.clone()),
        }
        Ok(())
    }

    async fn fill(
        &mut self,
        file: &mut impl Write,
        path: &[u8],
        entry: &FileEntry,
        local: &Path,
    ) -> Result<(), CliError> {
        let mut download = self.context.client.snapshots().download(&self.snapshot_id, path).await?;
        let mut len_bytes = 0;
        while let Some(chunk) = download.chunk().await? {
            file.write_all(&chunk).map_err(cannot("write", local))?;
            len_bytes += chunk.len() as u64;
            self.bytes += chunk.len() as u64;
            let (done, whole) = (amount(len_bytes), amount(entry.size));
            self.progress.show(&format!("{done} of {whole}  {}", entry.path));
        }
        self.files += 1;
        if len_bytes == entry.size {
            return Ok(());
        }
        Err(CliError::Failed {
            code: "PROTOCOL",
            message: format!("{} has {} bytes, and {len_bytes} arrived", entry.path, entry.size),
            hint: Some("nothing was copied; try again".into()),
        })
    }

    fn tell(self, target: &Path) -> Result<(), CliError> {
        let Self { context, progress, files, folders, symlinks, bytes, skipped, .. } = self;
        drop(progress);
        let output = &context.output;
        if output.is_json() {
            let told = json!({"ok": true, "path": target.to_string_lossy(), "files": files, "folders": folders,
                "symlinks": symlinks, "bytes": bytes, "skipped": skipped});
            return Ok(output.json(&told)?);
        }
        if output.is_quiet() {
            return Ok(output.line(&target.to_string_lossy())?);
        }
        let kinds = [(files, "file"), (folders, "folder"), (symlinks, "symlink")];
        let counts =
            kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun));
        let counts = counts.collect::<Vec<_>>().join(", ");
        output.line(&format!("Copied {counts} ({}) to {}", amount(bytes), target.display()))?;
        for path in skipped {
            output.hint(&format!("Skipped {path}: a device, a socket or a pipe, which holds no data"))?;
        }
        Ok(())
    }
}

/// Where the copy is to stand: in `given` if that is a folder, else as `given`.
fn target(entry: &FileEntry, given: PathBuf) -> Result<PathBuf, CliError> {
    if !given.is_dir() {
        return match parent(&given) {
            folder if folder.is_dir() => Ok(given),
            folder => Err(CliError::usage(
                format!("there is no folder {}", folder.display()),
                Some("make it first"),
            )),
        };
    }
    if exact_name(entry)?.is_empty() {
        let message =
            format!("{} is there, and a whole snapshot has no name to stand under in it", given.display());
        return Err(CliError::usage(message, Some("name a folder that is not there yet")));
    }
    Ok(given.join(OsString::from_vec(plain_name(entry)?)))
}

/// Without following a symlink: one that is there is in the way as well.
fn refuse_existing(target: &Path, replace: bool) -> Result<(), CliError> {
    let there = match fs::symlink_metadata(target) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("look at", target)(error)),
    };
    if replace && !there.is_dir() {
        return Ok(());
    }
    let hint = match there.is_dir() {
        true => "a folder is never replaced: name another place, or move it away first",
        false => "name another place; -f replaces a file by a file",
    };
    Err(CliError::usage(format!("{} is there already", target.display()), Some(hint)))
}

/// The name of an entry, if it is one part of a path that leads nowhere else.
fn plain_name(entry: &FileEntry) -> Result<Vec<u8>, CliError> {
    let name = exact_name(entry)?;
    if matches!(name.as_slice(), b"" | b"." | b"..") || name.contains(&0) {
        return Err(CliError::Failed {
            code: "PROTOCOL",
            message: format!("the server named a file that cannot be: {:?}", entry.path),
            hint: None,
        });
    }
    Ok(name)
}

/// A target of one part is in the present folder.
fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unfinished() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED_PREFIX);
    builder
}

/// Times before the mode, which may take the right to set them away.
fn finish(opened: &File, entry: &FileEntry) -> io::Result<()> {
    let modified_at = entry.modified_at.parse::<Timestamp>().and_then(SystemTime::try_from);
    if let Ok(modified_at) = modified_at {
        opened.set_times(FileTimes::new().set_modified(modified_at))?;
    }
    opened.set_permissions(Permissions::from_mode(entry.mode & PERMISSION_BITS))
}

fn cannot(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CliError {
    let path = path.to_owned();
    move |source| CliError::Local { doing, path, source }
}
