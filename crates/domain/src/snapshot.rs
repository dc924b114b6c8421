//! A snapshot's lifecycle.
//!
//! ```text
//!  creating ──► ready ──► deleting ──► (forgotten)
//!    │   │                  ▲   ▲
//!    │   └──────────────────┘   │
//!    └────► failed ─────────────┘
//! ```
//!
//! In the API a snapshot that is `deleting` is a 404.
//!
//! A snapshot never leaves `ready` except to be deleted. A failed one is not retried, because that would capture another
//! instant than the requested one; a retry is a new snapshot.

use serde::{Deserialize, Serialize};

use crate::id::SnapshotId;
use crate::refusal::Refusal;

/// The state in the API.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SnapshotState {
    Creating,
    Ready,
    Failed,
    Deleting,
}

impl SnapshotState {
    /// The allowed moves. Staying is not a move.
    pub fn may_become(self, next: SnapshotState) -> bool {
        use SnapshotState::*;
        matches!((self, next), (Creating, Ready | Failed | Deleting) | (Ready | Failed, Deleting))
    }

    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a snapshot was taken.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Trigger {
    /// Requested by a caller; kept until it is deleted or reaches its own expiry.
    Manual,
    Schedule,
    /// Taken before a restore in place, to undo it.
    Safety,
}

impl Trigger {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The fields of a snapshot that the rules use.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub state: SnapshotState,
    pub protected: bool,
    /// A volume is being created from it or restored to it.
    pub in_use: bool,
}

/// Refuses to delete the snapshot if it is protected or in use. A snapshot that is being taken may be deleted.
pub fn may_delete(snapshot: &Snapshot) -> Result<(), Refusal> {
    if !snapshot.state.may_become(SnapshotState::Deleting) {
        return Err(Refusal::NotFound { what: "snapshot" });
    }
    if snapshot.protected {
        return Err(Refusal::SnapshotProtected { snapshot_id: snapshot.id });
    }
    if snapshot.in_use {
        return Err(Refusal::SnapshotInUse { snapshot_id: snapshot.id });
    }
    Ok(())
}

/// Refuses to create a volume from the snapshot, or to read its files, unless it is ready.
pub fn may_read(snapshot: &Snapshot) -> Result<(), Refusal> {
    match snapshot.state {
        SnapshotState::Ready => Ok(()),
        SnapshotState::Deleting => Err(Refusal::NotFound { what: "snapshot" }),
        state => Err(Refusal::SnapshotNotReady { snapshot_id: snapshot.id, state }),
    }
}
