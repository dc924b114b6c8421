//! What is in snapshots: `ls`, `cat` and `diff`. Names are a workload's own: a terminal gets them without what it would obey, and
//! with `-q` a program gets them byte for byte.

use std::ffi::OsStr;

use futures::TryStreamExt;
use miosa_api::v1::snapshots::{ChangedFile, FileEntry};
use miosa_api::v1::words::{FileChange, FileType};
use miosa_api::word::Word;
use miosa_client::{exact_bytes, exact_path};

use crate::args::DiffArgs;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{amount, counted, formatted};
use crate::resolve;

const ROOT: &[u8] = b"/";

pub(super) async fn ls(context: &Context, argument: &OsStr) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let (snapshot, path) = resolve::snapshot_path(argument)?;
    let id = resolve::snapshot_id(client, &snapshot).await?;
    let path = path.unwrap_or_else(|| ROOT.to_vec());
    let entries: Vec<FileEntry> = client.snapshots().list_files(&id, &path).try_collect().await?;
    if output.is_json() {
        return Ok(output.json(&entries)?);
    }
    if output.is_quiet() {
        return entries.iter().try_for_each(|entry| print_exact(context, exact_path(entry)?));
    }
    for line in long_lines(&entries) {
        output.line(&line)?;
    }
    Ok(())
}

fn print_exact(context: &Context, mut path: Vec<u8>) -> Result<(), CliError> {
    path.push(b'\n');
    Ok(context.output.raw_stdout(path)?)
}

/// As `ls -l` writes them, with owners as numbers: their names are in the workload's own `/etc/passwd`.
fn long_lines(entries: &[FileEntry]) -> Vec<String> {
    let width =
        |text: fn(&FileEntry) -> String| entries.iter().map(|entry| text(entry).len()).max().unwrap_or(0);
    let uid_width = width(|entry| entry.uid.to_string());
    let gid_width = width(|entry| entry.gid.to_string());
    let size_width = width(|entry| entry.size.to_string());
    let line = |entry: &FileEntry| {
        let FileEntry { uid, gid, size, name, .. } = entry;
        let mode = mode(entry);
        let time = formatted(&entry.modified_at, "%Y-%m-%d %H:%M");
        let target = entry.symlink_target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
        format!("{mode} {uid:>uid_width$} {gid:>gid_width$} {size:>size_width$} {time} {name}{target}")
    };
    entries.iter().map(line).collect()
}

/// `drwxr-xr-x`
fn mode(entry: &FileEntry) -> String {
    let kind = match entry.kind.known() {
        Some(FileType::Dir) => 'd',
        Some(FileType::Symlink) => 'l',
        Some(FileType::File) => '-',
        _ => '?',
    };
    let may = |shift: u32, special: u32, letter: char| {
        let bits = entry.mode >> shift & 0o7;
        let is_special = entry.mode & special != 0;
        let execute = match (bits & 1 != 0, is_special) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        };
        [if bits & 4 != 0 { 'r' } else { '-' }, if bits & 2 != 0 { 'w' } else { '-' }, execute]
    };
    let classes = [may(6, 0o4000, 's'), may(3, 0o2000, 's'), may(0, 0o1000, 't')];
    std::iter::once(kind).chain(classes.into_iter().flatten()).collect()
}

pub(super) async fn cat(context: &Context, argument: &OsStr) -> Result<(), CliError> {
    let client = &context.client;
    let (snapshot, path) = with_path(argument)?;
    let id = resolve::snapshot_id(client, &snapshot).await?;
    let mut download = client.snapshots().download(&id, &path).await?;
    while let Some(chunk) = download.chunk().await? {
        context.output.raw_stdout(chunk)?;
    }
    Ok(())
}

/// `<snapshot>:/path`, where a path is needed.
pub(super) fn with_path(argument: &OsStr) -> Result<(String, Vec<u8>), CliError> {
    match resolve::snapshot_path(argument)? {
        (snapshot, Some(path)) => Ok((snapshot, path)),
        (_, None) => {
            let message = format!("{argument:?} names no file in a snapshot");
            Err(CliError::usage(message, Some("write <snapshot>:/path")))
        }
    }
}

pub(super) async fn diff(context: &Context, args: DiffArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let from = resolve::snapshot_id(client, &args.from).await?;
    let to = resolve::snapshot_id(client, &args.to).await?;
    let diff = client.snapshots().diff(&from, &to, Some(args.limit)).await?;
    if output.is_json() {
        return Ok(output.json(&diff)?);
    }
    if output.is_quiet() {
        let path = |file: &ChangedFile| exact_bytes(&file.path, file.path_base64.as_deref());
        return diff.files.iter().try_for_each(|file| print_exact(context, path(file)?));
    }
    if !diff.files.is_empty() {
        let rows = diff.files.iter().map(|file| {
            vec![letter(&file.change).into(), file.kind.to_string(), amount(file.size), file.path.clone()]
        });
        output.table(&["CHANGE", "TYPE", "SIZE", "PATH"], rows.collect())?;
    }
    let files = format!(
        "{} added, {} removed, {} modified",
        counted(diff.files_added, "file"),
        diff.files_removed,
        diff.files_modified
    );
    let bytes = amount(diff.changed_bytes);
    output.line(&format!("{files}; {bytes} may differ, in {}", counted(diff.changed_ranges, "range")))?;
    if diff.truncated {
        let all = diff.files_added + diff.files_removed + diff.files_modified;
        output.hint(&format!("Listed {} of {all}; --limit lists up to 1000", diff.files.len()))?;
    }
    Ok(())
}

fn letter(change: &Word<FileChange>) -> &'static str {
    match change.known() {
        Some(FileChange::Added) => "A",
        Some(FileChange::Removed) => "R",
        Some(FileChange::Modified) => "M",
        None => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_spelled_as_ls_spells_them() {
        for (kind, bits, spelled) in [
            ("file", 0o644, "-rw-r--r--"),
            ("dir", 0o1777, "drwxrwxrwt"),
            ("dir", 0o1000, "d--------T"),
            ("file", 0o4755, "-rwsr-xr-x"),
            ("file", 0o2644, "-rw-r-Sr--"),
            ("symlink", 0o777, "lrwxrwxrwx"),
            ("other", 0o600, "?rw-------"),
        ] {
            let entry = serde_json::json!({"name": "a", "path": "/a", "size": 0, "is_dir": false, "is_symlink": false,
                "type": kind, "mode": bits, "uid": 0, "gid": 0, "symlink_target": null, "modified_at": ""});
            assert_eq!(mode(&serde_json::from_value(entry).unwrap()), spelled);
        }
    }
}
