//! A snapshot's life.
//!
//! ```text
//!  creating ──► ready ──► deleting ──► (forgotten)
//!    │   │                  ▲   ▲
//!    │   └──────────────────┘   │
//!    └────► failed ─────────────┘
//! ```
//!
//! One that is `deleting` answers 404, as if it were gone.
//!
//! A snapshot never goes back from `ready`, and a failed one is not tried again: it would be of another instant than the one
//! that was asked for. Trying again is a new snapshot.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::SnapshotId;
use crate::refusal::Refusal;

/// The state that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    Creating,
    Ready,
    Failed,
    Deleting,
}

impl SnapshotState {
    pub const ALL: [SnapshotState; 4] =
        [SnapshotState::Creating, SnapshotState::Ready, SnapshotState::Failed, SnapshotState::Deleting];

    /// The allowed moves. Staying is not a move.
    pub fn may_become(self, next: SnapshotState) -> bool {
        use SnapshotState::*;
        matches!((self, next), (Creating, Ready | Failed | Deleting) | (Ready | Failed, Deleting))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            SnapshotState::Creating => "creating",
            SnapshotState::Ready => "ready",
            SnapshotState::Failed => "failed",
            SnapshotState::Deleting => "deleting",
        }
    }
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Somebody asked for it; it stays until somebody deletes it, or its own time is over.
    Manual,
    Schedule,
    /// Taken before a restore in place, so that it can be undone.
    Safety,
}

impl Trigger {
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Manual => "manual",
            Trigger::Schedule => "schedule",
            Trigger::Safety => "safety",
        }
    }
}

/// What the rules below need to know of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub state: SnapshotState,
    pub protected: bool,
    /// A volume is being made from it, or restored to it.
    pub in_use: bool,
}

/// May somebody delete it? One that is being taken may be deleted too.
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

/// May a volume be made from it, or its files be read?
pub fn may_read(snapshot: &Snapshot) -> Result<(), Refusal> {
    match snapshot.state {
        SnapshotState::Ready => Ok(()),
        SnapshotState::Deleting => Err(Refusal::NotFound { what: "snapshot" }),
        state => Err(Refusal::SnapshotNotReady { snapshot_id: snapshot.id, state }),
    }
}
