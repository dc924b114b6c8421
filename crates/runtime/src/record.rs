//! The records of an instance on disk.
//!
//! ```text
//!   identity.json   written once   the instance that owns the directory, and its range of host ids
//!   run.json        each run       exists from before the container is created until after it is removed
//! ```
//!
//! **Crash safety.** `run.json` is written without a process before the first effect of `create`, so the remains of a half-made
//! container are found and removed. Later it names the first process; the process table shows whether that still exists. It is
//! rewritten after `start`; after a crash in between, the runtime is asked. Both files are replaced atomically.

use jiff::Timestamp;
use miosa_domain::InstanceId;
use miosa_effects::idmap::IdRange;
use miosa_effects::process::Identity;
use miosa_effects::{Dir, SysError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::RuntimeError;

const IDENTITY_FILE: &str = "identity.json";
const RUN_FILE: &str = "run.json";
const IDENTITY_MAGIC: &str = "miosa-instance";
const RUN_MAGIC: &str = "miosa-run";
const VERSION: u32 = 1;
/// The records have some hundred bytes.
const RECORD_MAX_BYTES: u64 = 64 * 1024;

/// Ids of one instance: as many as a Linux system expects.
const IDS_PER_SLOT: u32 = 65_536;
/// Above the ids that users, containers and name services of the host have.
const FIRST_ID: u32 = 0x7000_0000;
/// All ranges end below `0xF000_0000`, far below the numbers that mean "nobody" and "none".
pub(crate) const SLOTS: u32 = 0x8000;

/// The owner of an instance directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstanceIdentity {
    magic: String,
    version: u32,
    id: InstanceId,
    slot: u32,
}

impl InstanceIdentity {
    pub(crate) fn new(id: InstanceId, slot: u32) -> Self {
        Self { magic: IDENTITY_MAGIC.into(), version: VERSION, id, slot }
    }

    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The host ids of the instance's users and groups.
    pub(crate) fn ids(&self) -> IdRange {
        IdRange { first: FIRST_ID + self.slot * IDS_PER_SLOT, count: IDS_PER_SLOT }
    }

    /// `None` if the directory has none yet.
    pub(crate) fn read(folder: &Dir, id: InstanceId) -> Result<Option<Self>, RuntimeError> {
        let Some(identity) = read::<Self>(folder, IDENTITY_FILE)? else { return Ok(None) };
        if (identity.magic.as_str(), identity.version, identity.id) != (IDENTITY_MAGIC, VERSION, id)
            || identity.slot >= SLOTS
        {
            return Err(foreign(folder, IDENTITY_FILE, "it is of another instance or version"));
        }
        Ok(Some(identity))
    }

    pub(crate) fn write(&self, folder: &Dir) -> Result<(), SysError> {
        write(folder, IDENTITY_FILE, self)
    }
}

/// One run of an instance's container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    magic: String,
    version: u32,
    pub(crate) run: u64,
    /// The boot in which the container was created.
    pub(crate) boot_id: String,
    /// The OCI runtime that created it.
    pub(crate) runtime: String,
    /// `None` until the container was created.
    pub(crate) processes: Option<Processes>,
    /// Set after the first process was started.
    pub(crate) started: bool,
    /// When that was. Unknown after a crash in `start`.
    #[serde(default)]
    pub(crate) started_at: Option<Timestamp>,
}

/// The processes of a container that are found again after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Processes {
    pub(crate) first: Identity,
    /// Writes the exit code and the log.
    pub(crate) conmon: Option<Identity>,
}

impl RunRecord {
    pub(crate) fn begin(run: u64, boot_id: String, runtime: String) -> Self {
        Self {
            magic: RUN_MAGIC.into(),
            version: VERSION,
            run,
            boot_id,
            runtime,
            processes: None,
            started: false,
            started_at: None,
        }
    }

    /// `None` if there is no container.
    pub(crate) fn read(folder: &Dir) -> Result<Option<Self>, RuntimeError> {
        match read::<Self>(folder, RUN_FILE)? {
            Some(record) if (record.magic.as_str(), record.version) != (RUN_MAGIC, VERSION) => {
                Err(foreign(folder, RUN_FILE, "it is of another kind or version"))
            }
            record => Ok(record),
        }
    }

    pub(crate) fn write(&self, folder: &Dir) -> Result<(), SysError> {
        write(folder, RUN_FILE, self)
    }

    pub(crate) fn remove(folder: &Dir) -> Result<bool, SysError> {
        let removed = folder.remove_file(RUN_FILE)?;
        folder.sync()?;
        Ok(removed)
    }
}

fn read<T: DeserializeOwned>(folder: &Dir, name: &str) -> Result<Option<T>, RuntimeError> {
    let Some(text) = folder.read_file(name, RECORD_MAX_BYTES)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|e| foreign(folder, name, &e.to_string()))
}

fn write(folder: &Dir, name: &str, record: &impl Serialize) -> Result<(), SysError> {
    let text = serde_json::to_vec_pretty(record).expect("a record has only fields that JSON can hold");
    folder.replace_file(name, &text)
}

fn foreign(folder: &Dir, name: &str, what: &str) -> RuntimeError {
    RuntimeError::Foreign { path: folder.path().join(name), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: u128) -> InstanceId {
        InstanceId::from_uuid(uuid::Uuid::from_u128(last))
    }

    /// Another id, version or kind of file, and half a file, are refused.
    #[test]
    fn only_ours_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Dir::open(temp.path()).unwrap();
        assert_eq!(InstanceIdentity::read(&folder, id(1)).unwrap(), None);
        let identity = InstanceIdentity::new(id(1), 3);
        identity.write(&folder).unwrap();
        assert_eq!(InstanceIdentity::read(&folder, id(1)).unwrap(), Some(identity.clone()));
        assert!(InstanceIdentity::read(&folder, id(2)).is_err());
        let text = serde_json::to_string(&identity).unwrap();
        for wrong in [
            text.replace("miosa-instance", "other"),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"slot\":3", "\"slot\":4000000000"),
            text[..text.len() / 2].to_owned(),
            String::new(),
        ] {
            folder.replace_file(IDENTITY_FILE, wrong.as_bytes()).unwrap();
            assert!(InstanceIdentity::read(&folder, id(1)).is_err(), "{wrong:?} was accepted");
        }
    }

    /// Records of an earlier version have no start time.
    #[test]
    fn records_without_times_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Dir::open(temp.path()).unwrap();
        let record = RunRecord { started: true, ..RunRecord::begin(3, "boot".into(), "runc".into()) };
        let mut json = serde_json::to_value(&record).unwrap();
        assert!(json.as_object_mut().unwrap().remove("started_at").is_some());
        folder.replace_file(RUN_FILE, json.to_string().as_bytes()).unwrap();
        assert_eq!(RunRecord::read(&folder).unwrap(), Some(record));
    }

    #[test]
    fn ranges_of_ids_do_not_overlap() {
        let ids = |slot| InstanceIdentity::new(id(1), slot).ids();
        assert_eq!(ids(0).first, 0x7000_0000);
        assert_eq!(ids(1).first, ids(0).first + ids(0).count);
        assert_eq!(u64::from(ids(SLOTS - 1).first) + u64::from(IDS_PER_SLOT), 0xF000_0000);
    }
}
