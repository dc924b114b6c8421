//! How often a key may call: a bucket that holds one minute's calls and fills evenly.
//!
//! Kept as one instant per key, the time at which the bucket will be full again (the "generic cell rate algorithm"). It lives in
//! memory: after a restart every bucket is full, which harms nobody.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use miosa_domain::ApiKeyId;

use super::ApiError;
use miosa_control::Caller;

const WINDOW: Duration = Duration::from_secs(60);
/// Buckets that are full again are dropped when there are more keys than this.
const KEYS_KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<HashMap<ApiKeyId, Instant>>);

impl RateLimits {
    /// Takes one call from the caller's bucket, or says when there will be one.
    pub(super) fn admit(&self, caller: &Caller) -> Result<(), ApiError> {
        self.admit_at(caller.key_id, caller.rate_limit_rpm, Instant::now()).map_err(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let message = format!("the key's limit is {} calls a minute", caller.rate_limit_rpm);
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
                .retry_after(seconds.max(1))
        })
    }

    fn admit_at(&self, key: ApiKeyId, calls_per_minute: u32, now: Instant) -> Result<(), Duration> {
        if calls_per_minute == 0 {
            return Ok(());
        }
        // Every state of the map is a valid one, so a panic elsewhere does not spoil it.
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() > KEYS_KEPT {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let entry = full_at.entry(key).or_insert(now);
        let next = (*entry).max(now) + WINDOW / calls_per_minute;
        if next > now + WINDOW {
            return Err(next - (now + WINDOW));
        }
        *entry = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> ApiKeyId {
        ApiKeyId::from_uuid(uuid::Uuid::from_u128(number))
    }

    /// A made-up clock: 60 calls at once, then one a second; another key is not touched.
    #[test]
    fn holds_a_minute_and_fills_evenly() {
        let limits = RateLimits::default();
        let start = Instant::now();
        for call in 0..60 {
            assert_eq!(limits.admit_at(key(1), 60, start), Ok(()), "call {call}");
        }
        assert_eq!(limits.admit_at(key(1), 60, start), Err(Duration::from_secs(1)));
        assert_eq!(limits.admit_at(key(2), 60, start), Ok(()));
        assert_eq!(limits.admit_at(key(1), 60, start + Duration::from_secs(1)), Ok(()));
        assert_eq!(limits.admit_at(key(1), 60, start + Duration::from_secs(1)), Err(Duration::from_secs(1)));
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = RateLimits::default();
        assert!((0..10_000).all(|_| limits.admit_at(key(1), 0, Instant::now()).is_ok()));
    }

    #[test]
    fn full_buckets_are_dropped() {
        let limits = RateLimits::default();
        let start = Instant::now();
        for number in 0..=KEYS_KEPT as u128 {
            limits.admit_at(key(number), 600, start).unwrap();
        }
        limits.admit_at(key(1 << 64), 600, start + Duration::from_secs(120)).unwrap();
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }
}
