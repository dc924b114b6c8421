//! What this host was asked for, on disk: one small file per object, replaced atomically and synced before the first effect.
//!
//! ```text
//! ledger/host.json              this host's ID
//! ledger/volumes/<id>.json      a volume's spec, whether its image was whole once, and the claims on it
//! ledger/instances/<id>.json    an instance's spec
//! ledger/snapshots/<id>.json    a snapshot's spec, whether it was taken, and its hooks that were started
//! ```
//!
//! A volume's file has one slot for a writer, so two writers that did not agree to share the volume cannot be recorded. A spec
//! with an older generation than the recorded one is refused: a host never goes back.
//!
//! [`Shelf`] is the folder of one kind; [`kind`](crate::kind) defines what its records hold.
//!
//! **Crash safety.** After a crash, a file is either the old one or the new one. A file that cannot be read (a failing disk,
//! never a crash of ours) stays in its place and is reported; its volume counts as one whose data must exist, so no new data
//! is made in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use miosa_domain::kind::{ObjectKey, Volume};
use miosa_domain::{AttachmentId, Generation, HostId, InstanceId, VolumeId};
use miosa_effects::{Dir, Doing, Replacement, SysError, replace_files};
use miosa_failpoint::Injected;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::kind::{Held, Id, Managed, RecordOf, Registered, Shelves, SpecOf, WritePoint};

const FORMAT_VERSION: u32 = 1;

/// A larger file is not read. A spec may fill half of it; claims and results need the rest.
const FILE_MAX_BYTES: u64 = 16 << 20;
const SPEC_FILE_MAX_BYTES: usize = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Io(#[from] SysError),
    #[error("another agent uses {}", .0.display())]
    Locked(PathBuf),
    #[error("cannot read {}: {reason}. Restore it from a backup; this host's identity is in it", path.display())]
    HostFile { path: PathBuf, reason: String },
    #[error(transparent)]
    Injected(#[from] miosa_failpoint::Injected),
}

#[derive(Serialize, Deserialize)]
struct HostRecord {
    host_id: HostId,
}

/// A file of the ledger.
#[derive(Serialize, Deserialize)]
struct File<T> {
    format: String,
    version: u32,
    #[serde(flatten)]
    record: T,
}

pub(crate) struct Ledger {
    shelves: Shelves,
    pub(crate) host_id: HostId,
    /// Files that could not be read, and why.
    pub(crate) damaged: Vec<String>,
    /// Held for the agent's life.
    _lock: std::fs::File,
}

/// The records of one kind: a folder, and its content in memory.
pub(crate) struct Shelf<K: Managed> {
    dir: Dir,
    records: Mutex<BTreeMap<K::Id, K::Record>>,
    /// A record is changed by its queue and by arriving specs: one change at a time. Objects share the locks.
    write_locks: [Mutex<()>; 16],
}

/// What became of a spec that was offered to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is on disk, or already was.
    Yes,
    /// It is older than the one on disk.
    Stale { held: Generation },
    /// Its file would be too large to be read again.
    TooLarge { bytes: usize },
}

impl Ledger {
    pub(crate) fn open(dir: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(dir).doing("make the directory", dir)?;
        // Specs hold the environment of workloads, and people put secrets there.
        std::fs::set_permissions(dir, Permissions::from_mode(0o700)).doing("close", dir)?;
        let lock_path = dir.join("lock");
        let lock = std::fs::File::create(&lock_path).doing("open", &lock_path)?;
        lock.try_lock().map_err(|_| LedgerError::Locked(dir.to_owned()))?;

        let root = Dir::open(dir)?;
        let mut damaged = Vec::new();
        let shelves = Shelves::open(&root, &mut damaged)?;
        root.sync()?;
        for file in &damaged {
            tracing::error!("ledger file unreadable: {file}");
        }
        Ok(Self { host_id: host_id(&root)?, shelves, damaged, _lock: lock })
    }

    pub(crate) fn shelf<K: Registered>(&self) -> &Shelf<K> {
        K::shelf(&self.shelves)
    }

    pub(crate) fn get<I: Id>(&self, id: I) -> Option<RecordOf<I>> {
        self.shelf::<I::Kind>().get(id)
    }

    pub(crate) fn spec<I: Id>(&self, id: I) -> Option<SpecOf<I>> {
        self.shelf::<I::Kind>().read(id, |record| I::Kind::spec(record).clone())
    }

    pub(crate) fn ids<K: Registered>(&self) -> Vec<K::Id> {
        self.shelf::<K>().records.lock().keys().copied().collect()
    }

    /// Maps every record of a kind without a copy, under the lock.
    pub(crate) fn map<K: Registered, T>(&self, map: impl FnMut(&K::Record) -> Option<T>) -> Vec<T> {
        self.shelf::<K>().records.lock().values().filter_map(map).collect()
    }

    /// Changes a record durably; does nothing if there is none. A spec that arrives during the change is not lost.
    pub(crate) fn change<I: Id>(
        &self,
        id: I,
        change: impl FnOnce(&mut RecordOf<I>),
    ) -> Result<(), LedgerError> {
        let mut batch = Batch::default();
        batch.change::<I::Kind>(self.shelf(), id, change);
        batch.commit().map(drop)
    }

    pub(crate) fn forget<I: Id>(&self, id: I) -> Result<(), LedgerError> {
        self.shelf::<I::Kind>().forget(id)
    }

    /// Attachments of `instance` that have a claim, with their volumes.
    pub(crate) fn claims_of(&self, instance: InstanceId) -> BTreeMap<AttachmentId, VolumeId> {
        let records = self.shelf::<Volume>().records.lock();
        let claims = records.values().flat_map(|r| r.claims().map(|c| (c, r.spec.id)));
        claims.filter(|(c, _)| c.instance == instance).map(|(c, volume)| (c.attachment, volume)).collect()
    }

    pub(crate) fn highest_generation(&self) -> Generation {
        self.shelves.highest_generation()
    }
}

impl<K: Managed> Shelf<K> {
    /// Opens the kind's folder below `root`; appends files that cannot be read to `damaged`.
    pub(crate) fn open(root: &Dir, damaged: &mut Vec<String>) -> Result<Self, LedgerError> {
        root.ensure_dir(K::FOLDER)?;
        let dir = root.open_dir(K::FOLDER)?;
        let records: Vec<K::Record> = read_all(&dir, damaged)?;
        let records = records.into_iter().map(|record| (K::spec_id(K::spec(&record)), record)).collect();
        Ok(Self { dir, records: Mutex::new(records), write_locks: Default::default() })
    }

    pub(crate) fn get(&self, id: K::Id) -> Option<K::Record> {
        self.read(id, K::Record::clone)
    }

    fn read<T>(&self, id: K::Id, read: impl FnOnce(&K::Record) -> T) -> Option<T> {
        self.records.lock().get(&id).map(read)
    }

    pub(crate) fn highest_generation(&self) -> Generation {
        let records = self.records.lock();
        records.values().map(|record| K::spec_generation(K::spec(record))).max().unwrap_or_default()
    }

    /// The write that records `spec`, or the reason why there is none. What else is known of the object is kept.
    fn accept(&self, spec: &K::Spec) -> Result<Planned<'_>, LedgerError> {
        let (id, offered) = (K::spec_id(spec), K::spec_generation(spec));
        let held = match self.get(id) {
            Some(record) => {
                let held = K::spec(&record);
                if !offered.may_replace(K::spec_generation(held)) {
                    return Ok(Planned::nothing(Accepted::Stale { held: K::spec_generation(held) }));
                }
                if held == spec {
                    return Ok(Planned::nothing(Accepted::Yes));
                }
                Held::Record(record)
            }
            None if self.dir.entry(&file_name(id))?.is_some() => Held::Unreadable,
            None => Held::Nothing,
        };
        let write = self.write(id, K::accept(spec.clone(), held));
        if write.content.len() > SPEC_FILE_MAX_BYTES {
            return Ok(Planned::nothing(Accepted::TooLarge { bytes: write.content.len() }));
        }
        Ok(Planned { accepted: Accepted::Yes, write: Some(write) })
    }

    fn change(&self, id: K::Id, change: impl FnOnce(&mut K::Record)) -> Planned<'_> {
        let Some(before) = self.get(id) else { return Planned::nothing(Accepted::Yes) };
        let mut record = before.clone();
        change(&mut record);
        let write = (record != before).then(|| self.write(id, record));
        Planned { accepted: Accepted::Yes, write }
    }

    fn write(&self, id: K::Id, record: K::Record) -> Write<'_> {
        Write {
            dir: &self.dir,
            name: file_name(id),
            content: file_content(K::FORMAT, &record),
            failpoint: K::failpoint,
            remember: Box::new(move || drop(self.records.lock().insert(id, record))),
        }
    }

    pub(crate) fn forget(&self, id: K::Id) -> Result<(), LedgerError> {
        let _locked = self.write_lock(id).lock();
        K::failpoint(WritePoint::BeforeForget)?;
        self.dir.remove_file(&file_name(id))?;
        self.dir.sync()?;
        self.records.lock().remove(&id);
        Ok(())
    }

    /// Held while a record is read, changed and written.
    fn write_lock(&self, id: K::Id) -> &Mutex<()> {
        &self.write_locks[usize::from(id.uuid().as_bytes()[15]) % self.write_locks.len()]
    }
}

/// Changes of records of any kind that become durable together, for the price of one change.
///
/// After a crash before [`Batch::commit`] returned, any subset of them may be on disk. So a batch may only hold changes that
/// are safe alone and have no order among themselves: specs, which the controller repeats at the next connection; or an
/// instance's spec together with its claim on a volume, because a claim that no spec asks for is released by the instance's
/// plan, and a spec without its claim makes the plan claim again.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    changes: Vec<Change<'a>>,
}

struct Change<'a> {
    /// The record's folder and ID.
    record: (&'static str, Uuid),
    lock: &'a Mutex<()>,
    plan: Box<dyn FnOnce() -> Result<Planned<'a>, LedgerError> + 'a>,
}

/// What a change comes to, seen from the present record.
struct Planned<'a> {
    accepted: Accepted,
    write: Option<Write<'a>>,
}

impl Planned<'_> {
    fn nothing(accepted: Accepted) -> Self {
        Self { accepted, write: None }
    }
}

struct Write<'a> {
    dir: &'a Dir,
    name: String,
    content: Vec<u8>,
    failpoint: fn(WritePoint) -> Result<(), Injected>,
    /// Puts the record into memory, once it is durable.
    remember: Box<dyn FnOnce() + 'a>,
}

impl<'a> Batch<'a> {
    /// Records a spec. [`Batch::commit`] returns what became of it.
    pub(crate) fn accept<K: Managed>(&mut self, shelf: &'a Shelf<K>, spec: &'a K::Spec) {
        self.push(shelf, K::spec_id(spec), move || shelf.accept(spec));
    }

    /// Changes a record; does nothing if there is none.
    pub(crate) fn change<K: Managed>(
        &mut self,
        shelf: &'a Shelf<K>,
        id: K::Id,
        change: impl FnOnce(&mut K::Record) + 'a,
    ) {
        self.push(shelf, id, move || Ok(shelf.change(id, change)));
    }

    fn push<K: Managed>(
        &mut self,
        shelf: &'a Shelf<K>,
        id: K::Id,
        plan: impl FnOnce() -> Result<Planned<'a>, LedgerError> + 'a,
    ) {
        let record = (K::FOLDER, id.uuid());
        self.changes.push(Change { record, lock: shelf.write_lock(id), plan: Box::new(plan) });
    }

    /// Makes all changes durable. Returns the result of each, in order. Blocks.
    pub(crate) fn commit(self) -> Result<Vec<Accepted>, LedgerError> {
        // Always in the same order, so that two batches never wait for each other.
        let mut locks: Vec<_> = self.changes.iter().map(|change| change.lock).collect();
        locks.sort_unstable_by_key(|lock| std::ptr::from_ref(*lock));
        locks.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let _locked: Vec<_> = locks.into_iter().map(|lock| lock.lock()).collect();

        let mut results = Vec::with_capacity(self.changes.len());
        let mut writes = Vec::new();
        let mut written = BTreeSet::new();
        for change in self.changes {
            // A second change of the same record starts from the result of the first.
            if !written.insert(change.record) {
                write_all(std::mem::take(&mut writes))?;
            }
            let planned = (change.plan)()?;
            writes.extend(planned.write);
            results.push(planned.accepted);
        }
        write_all(writes)?;
        Ok(results)
    }
}

fn write_all(writes: Vec<Write<'_>>) -> Result<(), LedgerError> {
    for write in &writes {
        (write.failpoint)(WritePoint::BeforeWrite)?;
    }
    let files: Vec<_> = writes
        .iter()
        .map(|write| Replacement { dir: write.dir, name: &write.name, content: &write.content })
        .collect();
    replace_files(&files)?;
    for write in writes {
        (write.failpoint)(WritePoint::AfterWrite)?;
        (write.remember)();
    }
    Ok(())
}

fn file_name(id: impl std::fmt::Display) -> String {
    format!("{id}.json")
}

fn file_content<T: Serialize>(format: &str, record: &T) -> Vec<u8> {
    let file = File { format: format.to_owned(), version: FORMAT_VERSION, record };
    serde_json::to_vec_pretty(&file).expect("records have no maps with odd keys")
}

fn host_id(root: &Dir) -> Result<HostId, LedgerError> {
    const NAME: &str = "host.json";
    match root.read_file(NAME, FILE_MAX_BYTES)? {
        Some(bytes) => {
            serde_json::from_slice::<File<HostRecord>>(&bytes).map(|file| file.record.host_id).map_err(
                |error| LedgerError::HostFile { path: root.path().join(NAME), reason: error.to_string() },
            )
        }
        None => {
            let host_id = HostId::from_uuid(uuid::Uuid::now_v7());
            root.replace_file(NAME, &file_content("miosa-host", &HostRecord { host_id }))?;
            Ok(host_id)
        }
    }
}

fn read_all<T: DeserializeOwned>(dir: &Dir, damaged: &mut Vec<String>) -> Result<Vec<T>, LedgerError> {
    let mut records = Vec::new();
    for name in dir.names()? {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue; // a temporary file of a write that was cut off
        }
        match read_one(dir, &name) {
            Ok(record) => records.push(record),
            Err(reason) => damaged.push(format!("{}: {reason}", dir.path().join(name).display())),
        }
    }
    Ok(records)
}

fn read_one<T: DeserializeOwned>(dir: &Dir, name: &str) -> Result<T, String> {
    let bytes = dir.read_file(name, FILE_MAX_BYTES).map_err(|error| error.to_string())?.unwrap_or_default();
    let file: File<T> = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    match file.version {
        FORMAT_VERSION => Ok(file.record),
        other => Err(format!("format version {other}; this program reads {FORMAT_VERSION}")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! The ledger is what a host goes by when it is alone: what is accepted is on disk, and nothing goes back.

    use miosa_domain::spec::{Presence, VolumeSpec};

    use super::*;
    use crate::claims::Claim;
    use crate::kind::VolumeRecord;

    pub(crate) fn volume(n: u128, generation: u64) -> VolumeSpec {
        VolumeSpec {
            pool_id: None,
            id: VolumeId::from_uuid(uuid::Uuid::from_u128(n)),
            generation: Generation(generation),
            size_bytes: 64 << 20,
            presence: Presence::Present,
            must_exist: false,
            incarnation: 0,
            origin: None,
            compaction: 0,
        }
    }

    fn accept(ledger: &Ledger, spec: &VolumeSpec) -> Accepted {
        let mut batch = Batch::default();
        batch.accept::<Volume>(ledger.shelf(), spec);
        batch.commit().unwrap()[0]
    }

    #[test]
    fn what_was_accepted_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let spec = volume(1, 5);
        assert_eq!(accept(&ledger, &spec), Accepted::Yes);
        let claim = Claim {
            attachment: AttachmentId::from_uuid(uuid::Uuid::from_u128(2)),
            instance: InstanceId::from_uuid(uuid::Uuid::from_u128(3)),
        };
        ledger.change(spec.id, |record| record.writer = Some(claim)).unwrap();
        let host_id = ledger.host_id;
        drop(ledger);

        let ledger = Ledger::open(dir.path()).unwrap();
        let record = ledger.get(spec.id).unwrap();
        assert_eq!((record.spec, record.writer), (spec, Some(claim)));
        assert_eq!(ledger.claims_of(claim.instance).len(), 1);
        assert_eq!((ledger.host_id, ledger.highest_generation()), (host_id, Generation(5)));
    }

    #[test]
    fn an_older_generation_is_refused_and_a_newer_one_keeps_the_claims() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        accept(&ledger, &volume(1, 5));
        ledger.change(volume(1, 5).id, |record| record.materialized = true).unwrap();
        let stale = Accepted::Stale { held: Generation(5) };
        assert_eq!(accept(&ledger, &volume(1, 4)), stale);
        accept(&ledger, &volume(1, 6));
        let record = ledger.get(volume(1, 0).id).unwrap();
        assert_eq!((record.spec.generation, record.materialized), (Generation(6), true));
    }

    #[test]
    fn a_damaged_file_is_reported_and_its_volume_is_never_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        drop(Ledger::open(dir.path()).unwrap());
        let file = dir.path().join("volumes").join(file_name(volume(1, 1).id));
        std::fs::write(&file, "{").unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.damaged.len(), 1);
        accept(&ledger, &volume(1, 1));
        assert!(ledger.get(volume(1, 1).id).unwrap().materialized);
    }

    /// A file that was written before volumes could be shared.
    #[test]
    fn a_file_without_sharers_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let spec = volume(1, 5);
        accept(&ledger, &spec);
        drop(ledger);
        let file = dir.path().join("volumes").join(file_name(spec.id));
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert!(json.as_object_mut().unwrap().remove("sharers").is_some(), "{json}");
        std::fs::write(&file, json.to_string()).unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.get(spec.id), Some(VolumeRecord::new(spec, false)));
    }

    #[test]
    fn two_agents_do_not_share_a_ledger() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Ledger::open(dir.path()).unwrap();
        assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Locked(_))));
    }

    /// Aim: a batch reports each result in order, applies a second change of one record to the first one's result, and is on
    /// disk as a whole.
    #[test]
    fn a_batch_is_durable_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let specs: Vec<_> = (1..=100).map(|n| volume(n, 5)).collect();
        let (older, newer) = (volume(7, 4), volume(8, 6));
        let mut batch = Batch::default();
        specs.iter().for_each(|spec| batch.accept::<Volume>(ledger.shelf(), spec));
        batch.accept::<Volume>(ledger.shelf(), &older);
        batch.accept::<Volume>(ledger.shelf(), &newer);
        batch.change::<Volume>(ledger.shelf(), newer.id, |record| record.materialized = true);
        batch
            .change::<Volume>(ledger.shelf(), volume(999, 0).id, |_| unreachable!("there is no such record"));
        let results = batch.commit().unwrap();
        assert!(results[..100].iter().all(|result| *result == Accepted::Yes));
        let (stale, yes) = (Accepted::Stale { held: Generation(5) }, Accepted::Yes);
        assert_eq!(results[100..], [stale, yes, yes, yes]);
        drop(ledger);

        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!((ledger.damaged.len(), ledger.ids::<Volume>().len()), (0, 100));
        let record = ledger.get(newer.id).unwrap();
        assert_eq!((record.spec, record.materialized), (newer, true));
    }

    /// Aim: batches with common records, in any order, never wait for each other for ever, and no change is lost.
    #[test]
    fn batches_do_not_deadlock() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let ids: Vec<_> = (1..=20).map(|n| volume(n, 1).id).collect();
        for n in 1..=20 {
            accept(&ledger, &volume(n, 1));
        }
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (ledger, mut ids) = (&ledger, ids.clone());
                scope.spawn(move || {
                    for round in 0..10 {
                        ids.rotate_left(thread + round);
                        let mut batch = Batch::default();
                        ids.iter().for_each(|id| {
                            batch.change::<Volume>(ledger.shelf(), *id, |record| record.spec.compaction += 1)
                        });
                        batch.commit().unwrap();
                    }
                });
            }
        });
        assert!(ids.iter().all(|id| ledger.get(*id).unwrap().spec.compaction == 40));
    }
}
