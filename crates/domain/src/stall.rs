//! How long a clone stalls an image's writers, and which stall is acceptable.
//!
//! The kernel blocks writers of an image while it copies the list of extents: a few microseconds per extent,
//! whatever its size.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Median of measurements on XFS; each host adjusts it from its own snapshots.
pub const MICROSECONDS_PER_EXTENT: f64 = 6.0;

/// Fixed cost of a clone.
const FIXED: Duration = Duration::from_micros(500);

/// Above this, a manual snapshot compacts first, and is refused if that does not help.
pub const BUDGET_MS: u32 = 500;

/// Scheduled snapshots can compact ahead of time, so their limit is lower.
pub const SCHEDULED_GOAL_MS: u32 = 20;

/// Which stall is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StallRules {
    /// Above this the image is compacted first.
    pub goal_ms: u32,
    /// If the prediction still exceeds this after compaction, no snapshot is taken.
    pub budget_ms: u32,
}

impl StallRules {
    /// For a snapshot or fork requested by a caller.
    pub const BY_HAND: StallRules = StallRules { goal_ms: BUDGET_MS, budget_ms: BUDGET_MS };
    pub const SCHEDULED: StallRules = StallRules { goal_ms: SCHEDULED_GOAL_MS, budget_ms: BUDGET_MS };
}

/// The predicted stall for an image with this many extents.
pub fn predicted(extents: u64, microseconds_per_extent: f64) -> Duration {
    FIXED + Duration::from_secs_f64(extents as f64 * microseconds_per_extent / 1e6)
}
