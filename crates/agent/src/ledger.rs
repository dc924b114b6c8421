//! What this host was asked for, on disk: one small file an object, replaced atomically and synced before the first effect.
//!
//! ```text
//! ledger/host.json              this host's id
//! ledger/volumes/<id>.json      a volume's spec, whether its image was whole once, and who may use it
//! ledger/instances/<id>.json    an instance's spec
//! ledger/snapshots/<id>.json    a snapshot's spec, whether it was taken, and what was begun for it
//! ```
//!
//! A volume's file holds its one writer slot, so two writers that did not agree to share it cannot be written down. A spec with an older generation than
//! the one on file is refused: a host never goes back.
//!
//! **Crash story.** A file is either the old one or the new one. One that cannot be read (a failing disk, never our own crash)
//! is kept where it is and reported; its volume counts as one whose data must be there, so nothing is made in its place.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use miosa_domain::spec::{InstanceSpec, SnapshotPresence, SnapshotSpec, VolumeSpec};
use miosa_domain::status::{CompactionStatus, Verification};
use miosa_domain::{AttachmentId, Generation, HostId, InstanceId, SnapshotId, VolumeId};
use miosa_effects::{Dir, Doing, SysError};
use miosa_failpoint::failpoint;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::claims::Claim;

const FORMAT_VERSION: u32 = 1;

/// Larger than any file of ours.
const FILE_MAX_BYTES: u64 = 16 << 20;

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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VolumeRecord {
    pub(crate) spec: VolumeSpec,
    /// The image was whole once: if it is not there now, data is missing.
    pub(crate) materialized: bool,
    /// The one slot for writing alone; who may stand beside whom is said in [`claims`](crate::claims).
    pub(crate) writer: Option<Claim>,
    #[serde(default)]
    pub(crate) sharers: Vec<Claim>,
    pub(crate) readers: Vec<Claim>,
    /// The compaction that somebody asked for and that ended last, one way or another.
    #[serde(default)]
    pub(crate) compaction: Option<CompactionStatus>,
}

impl VolumeRecord {
    pub(crate) fn new(spec: VolumeSpec, materialized: bool) -> Self {
        Self { spec, materialized, writer: None, sharers: Vec::new(), readers: Vec::new(), compaction: None }
    }

    /// Number of the compaction that was carried out, or given up, last.
    pub(crate) fn compacted(&self) -> u64 {
        self.compaction.as_ref().map_or(0, |ended| ended.number)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SnapshotRecord {
    pub(crate) spec: SnapshotSpec,
    /// It was there once: another one would be of another instant.
    pub(crate) taken: bool,
    /// The `before` hook was begun, so the `after` hook has to run.
    #[serde(default)]
    pub(crate) hooks_begun: Option<HooksBegun>,
    /// Number of the verification that was carried out last.
    #[serde(default)]
    pub(crate) verified: u64,
    /// What the last reading found, be it a verification or the scrub.
    #[serde(default)]
    pub(crate) verification: Option<Verification>,
}

/// What has to run, and where, once a snapshot's hooks were begun; whatever its spec has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HooksBegun {
    pub(crate) instance: InstanceId,
    pub(crate) after: Option<String>,
    pub(crate) timeout_seconds: u32,
}

impl SnapshotRecord {
    /// It is there, and is to stay.
    pub(crate) fn is_kept(&self) -> bool {
        self.taken && self.spec.presence == SnapshotPresence::Kept
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct InstanceRecord {
    spec: InstanceSpec,
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
    volumes: Dir,
    instances: Dir,
    snapshots: Dir,
    pub(crate) host_id: HostId,
    /// Files that could not be read, and why.
    pub(crate) damaged: Vec<String>,
    state: Mutex<State>,
    /// A record is changed by its queue and by arriving specs: one at a time, objects sharing a lock by chance.
    record_writes: [Mutex<()>; 16],
    /// Held for the agent's life.
    _lock: std::fs::File,
}

#[derive(Default)]
struct State {
    volumes: BTreeMap<VolumeId, VolumeRecord>,
    instances: BTreeMap<InstanceId, InstanceSpec>,
    snapshots: BTreeMap<SnapshotId, SnapshotRecord>,
}

/// What became of a spec that was offered to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is on disk, or already was.
    Yes,
    /// It is older than the one on disk.
    Stale { held: Generation },
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
        for noun in ["volumes", "instances", "snapshots"] {
            root.ensure_dir(noun)?;
        }
        root.sync()?;
        let (volume_files, instance_files) = (root.open_dir("volumes")?, root.open_dir("instances")?);
        let snapshot_files = root.open_dir("snapshots")?;
        let mut damaged = Vec::new();
        let volumes: Vec<VolumeRecord> = read_all(&volume_files, &mut damaged)?;
        let instances: Vec<InstanceRecord> = read_all(&instance_files, &mut damaged)?;
        let snapshots: Vec<SnapshotRecord> = read_all(&snapshot_files, &mut damaged)?;
        let state = State {
            volumes: volumes.into_iter().map(|r| (r.spec.id, r)).collect(),
            instances: instances.into_iter().map(|r| (r.spec.id, r.spec)).collect(),
            snapshots: snapshots.into_iter().map(|r| (r.spec.id, r)).collect(),
        };
        for line in &damaged {
            tracing::error!("ledger file unreadable: {line}");
        }
        Ok(Self {
            host_id: host_id(&root)?,
            volumes: volume_files,
            instances: instance_files,
            snapshots: snapshot_files,
            damaged,
            state: Mutex::new(state),
            record_writes: Default::default(),
            _lock: lock,
        })
    }

    pub(crate) fn volume(&self, id: VolumeId) -> Option<VolumeRecord> {
        self.lock().volumes.get(&id).cloned()
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<InstanceSpec> {
        self.lock().instances.get(&id).cloned()
    }

    pub(crate) fn snapshot(&self, id: SnapshotId) -> Option<SnapshotRecord> {
        self.lock().snapshots.get(&id).cloned()
    }

    pub(crate) fn snapshot_ids(&self) -> Vec<SnapshotId> {
        self.lock().snapshots.keys().copied().collect()
    }

    /// What `look` answers for each snapshot's record. Nothing is copied, and the ledger waits meanwhile.
    pub(crate) fn map_snapshots<T>(&self, look: impl FnMut(&SnapshotRecord) -> Option<T>) -> Vec<T> {
        self.lock().snapshots.values().filter_map(look).collect()
    }

    pub(crate) fn volume_ids(&self) -> Vec<VolumeId> {
        self.lock().volumes.keys().copied().collect()
    }

    pub(crate) fn instance_ids(&self) -> Vec<InstanceId> {
        self.lock().instances.keys().copied().collect()
    }

    /// Attachments whose claim stands under `instance`'s name, with their volumes.
    pub(crate) fn claims_of(&self, instance: InstanceId) -> BTreeMap<AttachmentId, VolumeId> {
        let state = self.lock();
        let claims = state.volumes.values().flat_map(|r| r.claims().map(|c| (c, r.spec.id)));
        claims.filter(|(c, _)| c.instance == instance).map(|(c, volume)| (c.attachment, volume)).collect()
    }

    pub(crate) fn highest_generation(&self) -> Generation {
        let state = self.lock();
        let volumes = state.volumes.values().map(|r| r.spec.generation);
        let instances = state.instances.values().map(|s| s.generation);
        let snapshots = state.snapshots.values().map(|r| r.spec.generation);
        volumes.chain(instances).chain(snapshots).max().unwrap_or_default()
    }

    /// Writes a volume's spec down, keeping what else is known of it.
    pub(crate) fn accept_volume(&self, spec: &VolumeSpec) -> Result<Accepted, LedgerError> {
        let _turn = self.turn(spec.id.uuid());
        let record = match self.volume(spec.id) {
            Some(held) if !spec.generation.may_replace(held.spec.generation) => {
                return Ok(Accepted::Stale { held: held.spec.generation });
            }
            Some(held) if held.spec == *spec => return Ok(Accepted::Yes),
            Some(held) => {
                let materialized = held.materialized || spec.must_exist;
                VolumeRecord { spec: spec.clone(), materialized, ..held }
            }
            None => {
                // A file that is there and could not be read: better missing data than new data in its place.
                let is_unreadable = self.volumes.entry(&file_name(spec.id))?.is_some();
                VolumeRecord::new(spec.clone(), spec.must_exist || is_unreadable)
            }
        };
        self.put_volume(record)?;
        Ok(Accepted::Yes)
    }

    /// Writes a snapshot's spec down, keeping what else is known of it.
    pub(crate) fn accept_snapshot(&self, spec: &SnapshotSpec) -> Result<Accepted, LedgerError> {
        let _turn = self.turn(spec.id.uuid());
        let record = match self.snapshot(spec.id) {
            Some(held) if !spec.generation.may_replace(held.spec.generation) => {
                return Ok(Accepted::Stale { held: held.spec.generation });
            }
            Some(held) if held.spec == *spec => return Ok(Accepted::Yes),
            Some(held) => {
                let taken = held.taken || spec.must_exist;
                SnapshotRecord { spec: spec.clone(), taken, ..held }
            }
            None => SnapshotRecord {
                spec: spec.clone(),
                // As for a volume: better missing than of another instant.
                taken: spec.must_exist || self.snapshots.entry(&file_name(spec.id))?.is_some(),
                hooks_begun: None,
                verified: 0,
                verification: None,
            },
        };
        self.put_snapshot(record)?;
        Ok(Accepted::Yes)
    }

    fn put_snapshot(&self, record: SnapshotRecord) -> Result<(), LedgerError> {
        failpoint!("agent.ledger.snapshot.before-write")?;
        write(&self.snapshots, &file_name(record.spec.id), "miosa-snapshot", &record)?;
        failpoint!("agent.ledger.snapshot.after-write")?;
        self.lock().snapshots.insert(record.spec.id, record);
        Ok(())
    }

    /// Changes a snapshot's record; a spec that arrives meanwhile is not lost.
    pub(crate) fn change_snapshot(
        &self,
        id: SnapshotId,
        change: impl FnOnce(&mut SnapshotRecord),
    ) -> Result<(), LedgerError> {
        let _turn = self.turn(id.uuid());
        let Some(mut record) = self.snapshot(id) else { return Ok(()) };
        let before = record.clone();
        change(&mut record);
        if record == before { Ok(()) } else { self.put_snapshot(record) }
    }

    pub(crate) fn forget_snapshot(&self, id: SnapshotId) -> Result<(), LedgerError> {
        let _turn = self.turn(id.uuid());
        failpoint!("agent.ledger.snapshot.before-forget")?;
        remove(&self.snapshots, &file_name(id))?;
        self.lock().snapshots.remove(&id);
        Ok(())
    }

    fn put_volume(&self, record: VolumeRecord) -> Result<(), LedgerError> {
        failpoint!("agent.ledger.volume.before-write")?;
        write(&self.volumes, &file_name(record.spec.id), "miosa-volume", &record)?;
        failpoint!("agent.ledger.volume.after-write")?;
        self.lock().volumes.insert(record.spec.id, record);
        Ok(())
    }

    /// Changes a volume's record; a spec that arrives meanwhile is not lost.
    pub(crate) fn change_volume(
        &self,
        id: VolumeId,
        change: impl FnOnce(&mut VolumeRecord),
    ) -> Result<(), LedgerError> {
        let _turn = self.turn(id.uuid());
        let Some(mut record) = self.volume(id) else { return Ok(()) };
        let before = record.clone();
        change(&mut record);
        if record == before { Ok(()) } else { self.put_volume(record) }
    }

    pub(crate) fn accept_instance(&self, spec: &InstanceSpec) -> Result<Accepted, LedgerError> {
        match self.instance(spec.id) {
            Some(held) if !spec.generation.may_replace(held.generation) => {
                return Ok(Accepted::Stale { held: held.generation });
            }
            Some(held) if held == *spec => return Ok(Accepted::Yes),
            _ => {}
        }
        failpoint!("agent.ledger.instance.before-write")?;
        let record = InstanceRecord { spec: spec.clone() };
        write(&self.instances, &file_name(spec.id), "miosa-instance", &record)?;
        failpoint!("agent.ledger.instance.after-write")?;
        self.lock().instances.insert(spec.id, record.spec);
        Ok(Accepted::Yes)
    }

    pub(crate) fn forget_volume(&self, id: VolumeId) -> Result<(), LedgerError> {
        let _turn = self.turn(id.uuid());
        failpoint!("agent.ledger.volume.before-forget")?;
        remove(&self.volumes, &file_name(id))?;
        self.lock().volumes.remove(&id);
        Ok(())
    }

    pub(crate) fn forget_instance(&self, id: InstanceId) -> Result<(), LedgerError> {
        failpoint!("agent.ledger.instance.before-forget")?;
        remove(&self.instances, &file_name(id))?;
        self.lock().instances.remove(&id);
        Ok(())
    }

    fn turn(&self, id: Uuid) -> MutexGuard<'_, ()> {
        let lock = usize::from(id.as_bytes()[15]) % self.record_writes.len();
        self.record_writes[lock].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file_name(id: impl std::fmt::Display) -> String {
    format!("{id}.json")
}

fn write<T: Serialize>(dir: &Dir, name: &str, format: &str, record: &T) -> Result<(), LedgerError> {
    let file = File { format: format.to_owned(), version: FORMAT_VERSION, record };
    let json = serde_json::to_vec_pretty(&file).expect("records have no maps with odd keys");
    Ok(dir.replace_file(name, &json)?)
}

fn remove(dir: &Dir, name: &str) -> Result<(), LedgerError> {
    dir.remove_file(name)?;
    Ok(dir.sync()?)
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
            write(root, NAME, "miosa-host", &HostRecord { host_id })?;
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

    use miosa_domain::spec::Presence;

    use super::*;

    pub(crate) fn volume(n: u128, generation: u64) -> VolumeSpec {
        VolumeSpec {
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

    #[test]
    fn what_was_accepted_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let spec = volume(1, 5);
        assert_eq!(ledger.accept_volume(&spec).unwrap(), Accepted::Yes);
        let claim = Claim {
            attachment: AttachmentId::from_uuid(uuid::Uuid::from_u128(2)),
            instance: InstanceId::from_uuid(uuid::Uuid::from_u128(3)),
        };
        ledger.change_volume(spec.id, |record| record.writer = Some(claim)).unwrap();
        let host_id = ledger.host_id;
        drop(ledger);

        let ledger = Ledger::open(dir.path()).unwrap();
        let record = ledger.volume(spec.id).unwrap();
        assert_eq!((record.spec, record.writer), (spec, Some(claim)));
        assert_eq!(ledger.claims_of(claim.instance).len(), 1);
        assert_eq!((ledger.host_id, ledger.highest_generation()), (host_id, Generation(5)));
    }

    #[test]
    fn an_older_generation_is_refused_and_a_newer_one_keeps_the_claims() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.accept_volume(&volume(1, 5)).unwrap();
        ledger.change_volume(volume(1, 5).id, |record| record.materialized = true).unwrap();
        let stale = Accepted::Stale { held: Generation(5) };
        assert_eq!(ledger.accept_volume(&volume(1, 4)).unwrap(), stale);
        ledger.accept_volume(&volume(1, 6)).unwrap();
        let record = ledger.volume(volume(1, 0).id).unwrap();
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
        ledger.accept_volume(&volume(1, 1)).unwrap();
        assert!(ledger.volume(volume(1, 1).id).unwrap().materialized);
    }

    /// A file that was written before volumes could be shared.
    #[test]
    fn a_file_without_sharers_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let spec = volume(1, 5);
        ledger.accept_volume(&spec).unwrap();
        drop(ledger);
        let file = dir.path().join("volumes").join(file_name(spec.id));
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert!(json.as_object_mut().unwrap().remove("sharers").is_some(), "{json}");
        std::fs::write(&file, json.to_string()).unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.volume(spec.id), Some(VolumeRecord::new(spec, false)));
    }

    #[test]
    fn two_agents_do_not_share_a_ledger() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Ledger::open(dir.path()).unwrap();
        assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Locked(_))));
    }
}
