//! How often a key may call: a bucket that holds one minute's calls and fills evenly.
//!
//! Buckets live in memory. After a restart every bucket is full, which harms nobody.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use miosa_control::Caller;
use miosa_domain::ApiKeyId;
use moka::sync::Cache;

use super::ApiError;

/// A bucket that nobody drew from for so long is full.
const WINDOW: Duration = Duration::from_secs(60);
/// Beyond this many, the bucket that was not used for longest is dropped, and so is full again.
const KEYS_KEPT: u64 = 65_536;

/// A bucket for each key and limit: a key whose limit changes begins with a full one.
#[derive(Debug)]
pub(super) struct RateLimits(Cache<(ApiKeyId, NonZeroU32), Arc<DefaultDirectRateLimiter>>);

impl Default for RateLimits {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEYS_KEPT).time_to_idle(WINDOW).build())
    }
}

impl RateLimits {
    /// Takes one call from the caller's bucket, or says when there will be one. A limit of 0 is none.
    pub(super) fn admit(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(limit) = NonZeroU32::new(caller.rate_limit_rpm) else { return Ok(()) };
        let bucket = || Arc::new(RateLimiter::direct(Quota::per_minute(limit)));
        self.0.get_with((caller.key_id, limit), bucket).check().map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            let message = format!("the key's limit is {limit} calls a minute");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
                .retry_after(whole_seconds(wait))
        })
    }
}

/// Rounded up, and never 0.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use miosa_domain::TenantId;
    use uuid::Uuid;

    use super::*;
    use miosa_control::KeyType;

    fn caller(key: u128, rate_limit_rpm: u32) -> Caller {
        Caller {
            tenant_id: TenantId::from_uuid(Uuid::nil()),
            key_id: ApiKeyId::from_uuid(Uuid::from_u128(key)),
            key_type: KeyType::User,
            scopes: Vec::new(),
            rate_limit_rpm,
        }
    }

    #[test]
    fn each_key_has_its_own_bucket_and_zero_is_no_limit() {
        let limits = RateLimits::default();
        let admitted = |key, limit| limits.admit(&caller(key, limit)).is_ok();
        assert!((0..2).all(|_| admitted(1, 2)) && !admitted(1, 2));
        assert!(admitted(2, 2));
        assert!((0..10_000).all(|_| admitted(1, 0)));
        let refused = limits.admit(&caller(1, 2)).unwrap_err();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    }

    /// A made-up clock: 60 calls at once, then one a second.
    #[test]
    fn a_bucket_holds_a_minute_and_fills_evenly() {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_minute(NonZeroU32::new(60).unwrap());
        let bucket = RateLimiter::direct_with_clock(quota, clock.clone());
        assert!((0..60).all(|_| bucket.check().is_ok()));
        let wait = bucket.check().unwrap_err().wait_time_from(clock.now());
        assert_eq!(wait, Duration::from_secs(1));
        clock.advance(wait);
        assert!(bucket.check().is_ok() && bucket.check().is_err());
    }

    #[test]
    fn waits_are_whole_seconds() {
        for (wait_ms, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait_ms)), seconds);
        }
    }
}
