//! Fencing numbers: each change of a host's specs gets the next one, and a host never goes back to an older one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of the change that wrote a spec. Counted per host, so it also orders changes of different objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether a spec with this generation may replace one with `held`. Equal generations are accepted, because a resync
    /// sends every spec again.
    pub fn may_replace(self, held: Generation) -> bool {
        self >= held
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
