//! Whether the server lives, and whether it is ready for work.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer to `GET /healthz` and `GET /health`: the process serves requests, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
}

/// Answer to `GET /readyz` when everything is there. A 503 is an error envelope whose `details` hold the same three flags and
/// `reasons`, the list of what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always `ready`.
    pub status: String,
    /// The database answers.
    pub database: bool,
    pub agent_connected: bool,
    /// The agent has looked at everything its ledger asks for and adopted the running instances.
    pub agent_recovered: bool,
}
