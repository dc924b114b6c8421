//! Who a pool, a volume and a snapshot are: small JSON files beside their data.
//!
//! Nothing in a pool is mounted, moved or removed before its identity was read and matched. From these files alone the
//! volumes and snapshots of a pool can be named again when all other records are lost.

use miosa_domain::status::SnapshotFacts;
use miosa_domain::{SnapshotId, VolumeId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) const POOL_FILE: &str = "pool.json";
/// In the folder of a volume, and of a snapshot.
pub(crate) const IDENTITY_FILE: &str = "identity.json";

/// No identity is longer.
pub(crate) const LIMIT_BYTES: u64 = 64 << 10;

const POOL_MAGIC: &str = "miosa-pool";
const VOLUME_MAGIC: &str = "miosa-volume";
const SNAPSHOT_MAGIC: &str = "miosa-snapshot";
const VERSION: u32 = 1;

/// What every identity begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    magic: String,
    version: u32,
}

/// `pool.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolIdentity {
    #[serde(flatten)]
    header: Header,
    pub pool_id: Uuid,
    pub storage: Storage,
}

/// Where a pool keeps its volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Storage {
    /// In the pool's directory.
    Directory,
    /// In an XFS filesystem in the file `pool.img`.
    Image {
        size_bytes: u64,
        /// Set once the image was there as a whole. From then on a missing image is a loss and not a beginning.
        made: bool,
    },
}

/// `identity.json` in a volume's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VolumeIdentity {
    #[serde(flatten)]
    header: Header,
    pub id: VolumeId,
    pub size_bytes: u64,
    /// Files written before a volume's data could be replaced have none.
    #[serde(default)]
    pub incarnation: u64,
}

/// `identity.json` in a snapshot's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotIdentity {
    #[serde(flatten)]
    header: Header,
    pub id: SnapshotId,
    pub volume: VolumeId,
    pub facts: SnapshotFacts,
}

impl PoolIdentity {
    pub(crate) fn new(pool_id: Uuid, storage: Storage) -> Self {
        Self { header: Header { magic: POOL_MAGIC.into(), version: VERSION }, pool_id, storage }
    }

    /// The error says what is wrong, for people.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        parse(bytes, POOL_MAGIC)
    }
}

impl VolumeIdentity {
    pub(crate) fn new(id: VolumeId, size_bytes: u64, incarnation: u64) -> Self {
        Self { header: Header { magic: VOLUME_MAGIC.into(), version: VERSION }, id, size_bytes, incarnation }
    }

    /// The error says what is wrong, for people.
    pub(crate) fn parse(bytes: &[u8], id: VolumeId) -> Result<Self, String> {
        let identity: Self = parse(bytes, VOLUME_MAGIC)?;
        if identity.id != id {
            return Err(format!("its identity is that of volume {}", identity.id));
        }
        Ok(identity)
    }
}

impl SnapshotIdentity {
    pub(crate) fn new(id: SnapshotId, volume: VolumeId, facts: SnapshotFacts) -> Self {
        Self { header: Header { magic: SNAPSHOT_MAGIC.into(), version: VERSION }, id, volume, facts }
    }

    /// The error says what is wrong, for people.
    pub(crate) fn parse(bytes: &[u8], id: SnapshotId) -> Result<Self, String> {
        let identity: Self = parse(bytes, SNAPSHOT_MAGIC)?;
        if identity.id != id {
            return Err(format!("its identity is that of snapshot {}", identity.id));
        }
        Ok(identity)
    }
}

/// The bytes of an identity file.
pub(crate) fn to_bytes(identity: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(identity).expect("strings and numbers are always JSON");
    bytes.push(b'\n');
    bytes
}

fn parse<T: DeserializeOwned>(bytes: &[u8], magic: &str) -> Result<T, String> {
    let header: Header =
        serde_json::from_slice(bytes).map_err(|error| format!("its identity is damaged: {error}"))?;
    if header.magic != magic {
        return Err(format!("its identity says {:?} and not {magic:?}", header.magic));
    }
    if header.version != VERSION {
        return Err(format!("it has format {} and this program knows {VERSION}", header.version));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("its identity is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: u128) -> VolumeId {
        VolumeId::from_uuid(Uuid::from_u128(last))
    }

    #[test]
    fn identities_read_back() {
        let volume = VolumeIdentity::new(id(1), 64 << 20, 3);
        assert_eq!(VolumeIdentity::parse(&to_bytes(&volume), id(1)), Ok(volume));
        let facts = SnapshotFacts {
            taken_at: "2026-03-01T04:00:00.25Z".parse().unwrap(),
            size_bytes: 64 << 20,
            allocated_bytes: 5 << 20,
            extents: 9,
            stall_us: 70,
            compacted: true,
        };
        let snapshot_id = SnapshotId::from_uuid(Uuid::from_u128(2));
        let snapshot = SnapshotIdentity::new(snapshot_id, id(1), facts);
        let bytes = to_bytes(&snapshot);
        assert_eq!(SnapshotIdentity::parse(&bytes, snapshot_id), Ok(snapshot));
        let other = SnapshotId::from_uuid(Uuid::from_u128(3));
        assert!(SnapshotIdentity::parse(&bytes, other).unwrap_err().contains("that of snapshot"));
        let storage = Storage::Image { size_bytes: 1 << 30, made: true };
        let pool = PoolIdentity::new(Uuid::from_u128(7), storage);
        assert_eq!(PoolIdentity::parse(&to_bytes(&pool)), Ok(pool));
    }

    #[test]
    fn a_volume_of_the_first_format_is_at_incarnation_0() {
        let text =
            format!(r#"{{"magic":"miosa-volume","version":1,"id":"{}","size_bytes":67108864}}"#, id(1));
        let identity = VolumeIdentity::parse(text.as_bytes(), id(1)).unwrap();
        assert_eq!(identity, VolumeIdentity::new(id(1), 64 << 20, 0));
    }

    #[test]
    fn others_are_told_apart() {
        let bytes = to_bytes(&VolumeIdentity::new(id(1), 64 << 20, 0));
        let text = String::from_utf8(bytes.clone()).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        for (bytes, reason) in [
            (b"".as_slice(), "damaged"),
            (b"[]", "damaged"),
            (&bytes[..bytes.len() / 2], "damaged"),
            (newer.as_bytes(), "format 2"),
            (text.replace("miosa-volume", "other").as_bytes(), "other"),
        ] {
            let error = VolumeIdentity::parse(bytes, id(1)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(VolumeIdentity::parse(&bytes, id(2)).unwrap_err().contains("that of volume"));
        assert!(PoolIdentity::parse(&bytes).unwrap_err().contains("miosa-volume"));
    }
}
