//! Which snapshots are pruned, and when.
//!
//! Scheduled and safety snapshots expire; manual ones only if they have an expiry. The newest ready snapshot of an existing
//! volume is kept past its expiry, and protected ones are always kept.

use jiff::{SignedDuration, Timestamp};

use crate::id::SnapshotId;
use crate::snapshot::{SnapshotState, Trigger};

pub const DEFAULT_DAYS: u32 = 7;
pub const MAX_DAYS: u32 = 365;

/// How long a failed snapshot is kept for inspection.
pub const FAILED_HOURS: i64 = 24;

/// When a snapshot that was taken (or failed) at `taken_at` expires. `asked` is the expiry requested by the caller.
pub fn expires_at(
    trigger: Trigger,
    state: SnapshotState,
    taken_at: Timestamp,
    retention_days: u32,
    asked: Option<Timestamp>,
) -> Option<Timestamp> {
    match (state, trigger) {
        (SnapshotState::Failed, _) => Some(hours_after(taken_at, FAILED_HOURS)),
        (_, Trigger::Manual) => asked,
        (_, Trigger::Schedule | Trigger::Safety) => {
            Some(hours_after(taken_at, 24 * i64::from(retention_days)))
        }
    }
}

/// The fields of a snapshot that retention uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub id: SnapshotId,
    pub state: SnapshotState,
    pub taken_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub protected: bool,
    pub in_use: bool,
    /// Verification found its data damaged, so it does not count as ready.
    pub damaged: bool,
}

/// Selects the snapshots of one volume to prune at `now`, oldest first.
pub fn prunable(now: Timestamp, volume_exists: bool, snapshots: &[Candidate]) -> Vec<SnapshotId> {
    let last_good = if volume_exists { newest_good(snapshots) } else { None };
    let mut gone: Vec<&Candidate> = snapshots
        .iter()
        .filter(|snapshot| has_expired(snapshot, now) && may_go(snapshot) && Some(snapshot.id) != last_good)
        .collect();
    gone.sort_by_key(|snapshot| (snapshot.taken_at, snapshot.id));
    gone.into_iter().map(|snapshot| snapshot.id).collect()
}

fn newest_good(snapshots: &[Candidate]) -> Option<SnapshotId> {
    let good =
        snapshots.iter().filter(|snapshot| snapshot.state == SnapshotState::Ready && !snapshot.damaged);
    good.max_by_key(|snapshot| (snapshot.taken_at, snapshot.id)).map(|snapshot| snapshot.id)
}

fn has_expired(snapshot: &Candidate, now: Timestamp) -> bool {
    snapshot.expires_at.is_some_and(|expires_at| expires_at <= now)
}

/// Snapshots in `creating` or `deleting` are never selected.
fn may_go(snapshot: &Candidate) -> bool {
    let is_settled = matches!(snapshot.state, SnapshotState::Ready | SnapshotState::Failed);
    is_settled && !snapshot.protected && !snapshot.in_use
}

fn hours_after(time: Timestamp, hours: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}
