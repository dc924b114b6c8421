//! Templates: an empty ext4 filesystem per size, from which volumes are cloned.
//!
//! Cloning takes a tenth of a millisecond where `mkfs` takes ten, and an empty volume of 500 GB then shares its 5 MiB
//! with all others. The recipe makes that possible: `metadata_csum_seed` so that a clone becomes a filesystem of its own
//! by one write to its superblock, `packed_meta_blocks` so that it has few extents, `lazy_journal_init` so that the
//! journal takes no room before it is used.
//!
//! **Crash safety.** A template is made under a temporary name, synced, and renamed. What is left of one is removed at the
//! next start. Losing a template loses nothing: volumes keep the blocks that they share with it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::sync::Arc;

use miosa_domain::size::{GIB, MIB};
use miosa_effects::ext4::{Ext4Error, Superblock};
use miosa_effects::{Dir, Entry, SysError, process};
use miosa_failpoint::failpoint;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::BackendError;
use crate::local::pool::TEMPORARY;

/// Sizes whose templates are made ahead of time.
pub const COMMON_SIZES_BYTES: [u64; 5] = [GIB, 10 * GIB, 50 * GIB, 100 * GIB, 500 * GIB];

/// Label of the filesystem in a template and in the volumes cloned from it.
pub(crate) const LABEL: &str = "miosa-volume";

/// UUID of every template. Its last two bytes are the version of the recipe: a template of another version is made again.
const RECIPE: Uuid = Uuid::from_u128(0x6d69_6f73_6100_8000_8000_0000_0000_0001);

/// More templates than this are not kept; the least recently used goes.
const KEPT: usize = 32;

/// The templates of a pool.
#[derive(Debug)]
pub(crate) struct Templates {
    dir: Dir,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By size of the volume in bytes.
    by_size: HashMap<u64, Template>,
    /// Counts uses; what was found at start counts as used in the order of its making.
    uses: u64,
}

#[derive(Debug)]
struct Template {
    last_use: u64,
    /// Opened, and checked, at its first use.
    file: Option<Arc<File>>,
}

/// What stands where a template should be.
enum Finding {
    Absent,
    Current(File),
    /// Ours, of another version of the recipe.
    Outdated,
    /// Not ours, and why.
    Foreign(String),
}

impl Templates {
    /// Finds the templates that `dir` holds and clears what is left of half-made ones.
    pub(crate) fn open(dir: Dir) -> Result<Self, BackendError> {
        let mut found = Vec::new();
        for name in dir.names()? {
            let Some(name) = name.to_str() else { continue };
            let finished = name.strip_prefix(TEMPORARY).unwrap_or(name);
            let (Some(size_bytes), Some(Entry::File(stat))) = (size_in_name(finished), dir.entry(name)?)
            else {
                continue;
            };
            if finished == name {
                found.push((stat.modified, size_bytes));
            } else {
                dir.remove_file(name)?;
            }
        }
        found.sort_unstable();
        let mut known = Known::default();
        for (_, size_bytes) in found {
            known.uses += 1;
            known.by_size.insert(size_bytes, Template { last_use: known.uses, file: None });
        }
        Ok(Self { dir, known: Mutex::new(known) })
    }

    /// The template for volumes of this size, made now if there is none. Other callers wait for that: 10 to 25 ms.
    pub(crate) fn of_size(&self, size_bytes: u64) -> Result<Arc<File>, BackendError> {
        let mut known = self.known.lock();
        known.uses += 1;
        let last_use = known.uses;
        if let Some(Template { last_use: used, file: Some(file) }) = known.by_size.get_mut(&size_bytes) {
            *used = last_use;
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.open_or_make(size_bytes)?);
        known.by_size.insert(size_bytes, Template { last_use, file: Some(Arc::clone(&file)) });
        self.forget_oldest(&mut known)?;
        Ok(file)
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    fn open_or_make(&self, size_bytes: u64) -> Result<File, BackendError> {
        match self.find(size_bytes)? {
            Finding::Current(file) => Ok(file),
            Finding::Absent => self.make(size_bytes),
            Finding::Outdated => {
                self.dir.remove_file(&file_name(size_bytes))?;
                self.make(size_bytes)
            }
            Finding::Foreign(what) => {
                Err(BackendError::Foreign { path: self.dir.path().join(file_name(size_bytes)), what })
            }
        }
    }

    fn find(&self, size_bytes: u64) -> Result<Finding, BackendError> {
        let name = file_name(size_bytes);
        match self.dir.entry(&name)? {
            None => return Ok(Finding::Absent),
            Some(Entry::File(_)) => {}
            Some(_) => return Ok(Finding::Foreign("it stands where a template should be".into())),
        }
        let file = self.dir.open_file(&name, false)?;
        let superblock = match Superblock::read(&file, &self.dir.path().join(&name)) {
            Err(Ext4Error::Io(error)) => return Err(error.into()),
            Err(other) => return Ok(Finding::Foreign(other.to_string())),
            Ok(superblock) => superblock,
        };
        let uuid = Uuid::from_bytes(superblock.uuid());
        Ok(if superblock.label() != LABEL || uuid.as_bytes()[..14] != RECIPE.as_bytes()[..14] {
            Finding::Foreign("it is an ext4 filesystem, but not a template".into())
        } else if uuid == RECIPE && superblock.size_bytes() == Some(size_bytes) {
            Finding::Current(file)
        } else {
            Finding::Outdated
        })
    }

    fn make(&self, size_bytes: u64) -> Result<File, BackendError> {
        let name = file_name(size_bytes);
        let temporary = format!("{TEMPORARY}{name}");
        let path = self.dir.path().join(&temporary);
        self.dir.remove_file(&temporary)?;
        let file = self.dir.create_file(&temporary)?;
        let io =
            |doing| move |error| SysError::new(doing, self.dir.path().join(file_name(size_bytes)), error);
        file.set_len(size_bytes).map_err(io("set the size of"))?;
        // A small volume cannot spare 64 MiB for its journal.
        let journal = format!("size={}", (size_bytes / MIB / 16).clamp(4, 64));
        let uuid = RECIPE.to_string();
        let args = [
            ["-q", "-F"].as_slice(),
            &["-O", "metadata_csum_seed,sparse_super2"],
            &["-b", "4096", "-m", "0", "-J", &journal, "-L", LABEL, "-U", &uuid],
            &["-E", "packed_meta_blocks=1,lazy_itable_init=1,lazy_journal_init=1,nodiscard,num_backup_sb=2"],
        ];
        let args = args.into_iter().flatten().map(OsStr::new).chain([path.as_os_str()]);
        process::run("mkfs.ext4", &args.collect::<Vec<_>>())?;
        failpoint!("backend.template.after-format")?;
        file.sync_all().map_err(io("sync"))?;
        self.dir.rename(&temporary, &self.dir, &name)?;
        self.dir.sync()?;
        Ok(file)
    }

    fn forget_oldest(&self, known: &mut Known) -> Result<(), BackendError> {
        while known.by_size.len() > KEPT {
            let oldest = known.by_size.iter().min_by_key(|(_, template)| template.last_use);
            let Some((&size_bytes, _)) = oldest else { break };
            known.by_size.remove(&size_bytes);
            if let Finding::Current(_) | Finding::Outdated = self.find(size_bytes)? {
                self.dir.remove_file(&file_name(size_bytes))?;
            }
        }
        Ok(())
    }
}

fn file_name(size_bytes: u64) -> String {
    format!("ext4-{size_bytes}.img")
}

/// The inverse of [`file_name`].
pub(crate) fn size_in_name(name: &str) -> Option<u64> {
    let size_bytes = name.strip_prefix("ext4-")?.strip_suffix(".img")?.parse().ok()?;
    (file_name(size_bytes) == name).then_some(size_bytes)
}
