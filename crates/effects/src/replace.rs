//! Replaces several files together, for the price of about two disk syncs.
//!
//! ```text
//!   temporary files written and synced, in parallel ──► renames ──► each directory synced once, in parallel
//! ```
//!
//! **Crash safety.** No file is renamed before every temporary file is on disk, so each name stands for its old content or its
//! whole new content at all times. After a power cut during the call, any subset of the files may be the new ones: callers must
//! not rely on an order between them. Once the call has returned, all of them are. A temporary file that a crash left behind is
//! ignored by readers (its name starts with a dot) and removed by the next replacement of the same file.

use std::num::NonZero;

use crate::{Dir, Doing, SysError};

/// Syncs wait for the disk, not for a processor, and the filesystem's journal commits those that wait at the same time
/// together; beyond this number nothing more was gained.
const SYNCED_AT_ONCE: NonZero<usize> = NonZero::new(8).unwrap();

/// The new content of one file.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    pub dir: &'a Dir,
    pub name: &'a str,
    pub content: &'a [u8],
}

impl Replacement<'_> {
    fn temporary(&self) -> String {
        format!(".tmp-{}", self.name)
    }

    fn write_temporary(&self) -> Result<(), SysError> {
        let temporary = self.temporary();
        self.dir.remove_file(&temporary)?;
        let file = self.dir.write_new_file(&temporary, self.content)?;
        file.sync_all().doing("sync", self.dir.path().join(&temporary))
    }
}

/// Gives every file its new content. All names must differ. Blocks until everything is durable.
pub fn replace_files(files: &[Replacement<'_>]) -> Result<(), SysError> {
    in_parallel(files, Replacement::write_temporary)?;
    for file in files {
        file.dir.rename_over(&file.temporary(), file.name)?;
    }
    let mut dirs: Vec<&Dir> = Vec::new();
    for file in files {
        if !dirs.iter().any(|dir| std::ptr::eq(*dir, file.dir)) {
            dirs.push(file.dir);
        }
    }
    in_parallel(&dirs, |dir| dir.sync())
}

/// Calls `work` for every item, on the calling thread and a few more. Returns one of the errors.
fn in_parallel<T: Sync>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), SysError> + Sync,
) -> Result<(), SysError> {
    let share = items.len().div_ceil(SYNCED_AT_ONCE.get()).max(1);
    let mut shares = items.chunks(share);
    let Some(own) = shares.next() else { return Ok(()) };
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> =
            shares.map(|share| scope.spawn(move || share.iter().try_for_each(work))).collect();
        let own = own.iter().try_for_each(work);
        others.into_iter().fold(own, |result, other| {
            result.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_in_two_directories_are_replaced_as_a_whole() {
        let temp = tempfile::tempdir().unwrap();
        let root = Dir::open(temp.path()).unwrap();
        let dirs = ["a", "b"].map(|name| {
            root.ensure_dir(name).unwrap();
            root.open_dir(name).unwrap()
        });
        let names: Vec<_> = (0..50).map(|n| format!("file-{n}")).collect();
        for round in ["one", "two"] {
            // Left behind by a crash, in the directory of file 7.
            dirs[1].write_new_file(".tmp-file-7", b"half").unwrap();
            let content: Vec<_> = names.iter().map(|name| format!("{name} {round}")).collect();
            let files: Vec<_> = (0..names.len())
                .map(|n| Replacement { dir: &dirs[n % 2], name: &names[n], content: content[n].as_bytes() })
                .collect();
            replace_files(&files).unwrap();
            for file in &files {
                assert_eq!(file.dir.read_file(file.name, 100).unwrap().unwrap(), file.content);
            }
        }
        for dir in &dirs {
            assert!(dir.names().unwrap().iter().all(|name| !name.to_string_lossy().starts_with('.')));
        }
    }

    #[test]
    fn an_error_leaves_every_file_as_it_was() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        dir.write_new_file("a", b"old").unwrap();
        // The second file's temporary name is taken by a directory.
        dir.ensure_dir(".tmp-b").unwrap();
        let file = |name| Replacement { dir: &dir, name, content: b"new" };
        replace_files(&[file("a"), file("b")]).unwrap_err();
        assert_eq!(dir.read_file("a", 100).unwrap().unwrap(), b"old");
        replace_files(&[]).unwrap();
    }
}
