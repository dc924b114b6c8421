//! How long writers wait while an image is cloned, and what may be done about it.
//!
//! The kernel holds writers of an image for as long as it copies the list of its extents: a few microseconds for each one,
//! whatever their size.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Middle of what was measured on XFS; a host corrects it by its own snapshots.
pub const MICROSECONDS_PER_EXTENT: f64 = 6.0;

/// Of one clone, whatever the image.
const FIXED: Duration = Duration::from_micros(500);

/// A snapshot asked for by hand compacts first, and is refused if that does not help, above this.
pub const BUDGET_MS: u32 = 500;

/// A scheduled snapshot has the time to find its image tidy.
pub const SCHEDULED_GOAL_MS: u32 = 20;

/// What wait is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StallRules {
    /// Above this the image is compacted first.
    pub goal_ms: u32,
    /// If it is still above this then, there is no snapshot.
    pub budget_ms: u32,
}

impl StallRules {
    /// For a snapshot or a fork that somebody asks for.
    pub const BY_HAND: StallRules = StallRules { goal_ms: BUDGET_MS, budget_ms: BUDGET_MS };
    pub const SCHEDULED: StallRules = StallRules { goal_ms: SCHEDULED_GOAL_MS, budget_ms: BUDGET_MS };
}

/// The wait to expect from an image of so many extents.
pub fn predicted(extents: u64, microseconds_per_extent: f64) -> Duration {
    FIXED + Duration::from_secs_f64(extents as f64 * microseconds_per_extent / 1e6)
}
