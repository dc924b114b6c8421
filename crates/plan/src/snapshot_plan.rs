//! From a snapshot as it should be and as it was seen to the step in between; there is never more than one.

use miosa_domain::spec::SnapshotPresence;

use crate::step::SnapshotStep;

/// What the ledger holds of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotWanted {
    pub presence: SnapshotPresence,
    /// It was there once. Another one would be of another instant, so none may take its place.
    pub taken: bool,
}

/// What was observed of a snapshot. An observation that failed is no observation: then there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotSeen {
    Absent,
    Sealed,
    /// A record of the snapshot is there, and its image is not.
    Missing,
    /// Something that is not ours is where ours should be; what it is.
    Foreign(String),
}

/// Why there is no way from what was seen to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotObstacle {
    DataMissing,
    Foreign(String),
}

/// The step that is left to do, if there is one.
pub fn snapshot_plan(
    wanted: SnapshotWanted,
    seen: &SnapshotSeen,
) -> Result<Option<SnapshotStep>, SnapshotObstacle> {
    match (wanted.presence, seen) {
        (_, SnapshotSeen::Foreign(what)) => Err(SnapshotObstacle::Foreign(what.clone())),
        (SnapshotPresence::Kept, SnapshotSeen::Sealed) => Ok(None),
        (SnapshotPresence::Kept, SnapshotSeen::Missing) => Err(SnapshotObstacle::DataMissing),
        (SnapshotPresence::Kept, SnapshotSeen::Absent) if wanted.taken => Err(SnapshotObstacle::DataMissing),
        (SnapshotPresence::Kept, SnapshotSeen::Absent) => Ok(Some(SnapshotStep::Take)),
        // Also of one that is absent: what a take that was cut off left has no name to be seen by.
        (SnapshotPresence::Purged, _) => Ok(Some(SnapshotStep::Remove)),
    }
}
