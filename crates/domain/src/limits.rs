//! Limits that an operator may change; the defaults are documented for users.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::size::{self, GIB, VOLUME_MIN_BYTES};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub volume_max_bytes: u64,
    pub volumes_per_project: u32,
    pub trash_retention_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { volume_max_bytes: 500 * GIB, volumes_per_project: 10, trash_retention_days: 7 }
    }
}

impl Limits {
    /// Rounds `bytes` up to 1 MiB and checks the range. The error is the message for the caller's size field.
    pub fn volume_size(&self, bytes: u64) -> Result<u64, String> {
        let range = || {
            format!(
                "must be between {} and {}",
                size::human(VOLUME_MIN_BYTES),
                size::human(self.volume_max_bytes)
            )
        };
        match size::round_up_to_mib(bytes) {
            Some(rounded) if bytes >= VOLUME_MIN_BYTES && rounded <= self.volume_max_bytes => Ok(rounded),
            _ => Err(range()),
        }
    }

    /// Refuses another volume in a project with `present` volumes, not counting the trash and replicas' own volumes.
    pub fn may_add_volume(&self, present: u32) -> Result<(), Refusal> {
        if present < self.volumes_per_project {
            return Ok(());
        }
        Err(Refusal::VolumeLimitReached { limit: self.volumes_per_project })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_range_and_a_grain() {
        let limits = Limits::default();
        assert_eq!(limits.volume_size(VOLUME_MIN_BYTES), Ok(VOLUME_MIN_BYTES));
        assert_eq!(limits.volume_size(VOLUME_MIN_BYTES + 1), Ok(VOLUME_MIN_BYTES + size::MIB));
        assert_eq!(limits.volume_size(500 * GIB), Ok(500 * GIB));
        for bad in [0, VOLUME_MIN_BYTES - 1, 500 * GIB + 1, u64::MAX] {
            assert!(limits.volume_size(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn the_eleventh_volume_is_refused() {
        let limits = Limits::default();
        assert!(limits.may_add_volume(9).is_ok());
        assert_eq!(limits.may_add_volume(10).unwrap_err().code(), "VOLUME_LIMIT_REACHED");
    }
}
