//! How to reach the API.

use std::fmt;
use std::time::Duration;

use crate::Endpoint;

/// Longer than the 20 s within which the server answers everything but exec and streams.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
const REPEATS_DEFAULT: u32 = 3;

#[derive(Clone)]
pub struct ClientConfig {
    pub endpoint: Endpoint,
    /// `msk_...`
    pub api_key: String,
    /// Id or slug; the key's own tenant when absent.
    pub tenant: Option<String>,
    /// Default `workspace_id` of what is created.
    pub workspace: Option<String>,
    /// The most time one call may take, its repeats included. `exec` adds the command's own time; streams have no end.
    pub timeout: Duration,
    /// How often a call that failed in passing is repeated.
    pub repeats_max: u32,
}

impl ClientConfig {
    /// 60 s a call, at most 3 repeats, the key's own tenant.
    pub fn new(endpoint: Endpoint, api_key: impl Into<String>) -> Self {
        Self {
            endpoint,
            api_key: api_key.into(),
            tenant: None,
            workspace: None,
            timeout: TIMEOUT_DEFAULT,
            repeats_max: REPEATS_DEFAULT,
        }
    }
}

/// Without the key: configurations end up in logs.
impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("endpoint", &self.endpoint)
            .field("tenant", &self.tenant)
            .field("workspace", &self.workspace)
            .field("timeout", &self.timeout)
            .field("repeats_max", &self.repeats_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_not_printed() {
        let config = ClientConfig::new("http://h".parse().unwrap(), "msk_a_secret");
        assert!(!format!("{config:?}").contains("secret"));
    }
}
