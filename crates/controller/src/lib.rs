//! The servers of the control plane: the public HTTP API above, the agents' sessions below.
//!
//! ```text
//!   clients ──HTTP──► http, auth ──► control (verbs) ──► store
//!                                       ▲ │
//!                                report │ ▼ wake
//!   agents ───gRPC───────────────────► session
//! ```
//!
//! `http` turns bytes into typed calls and outcomes into responses; `session` speaks with the agents and is what `control`
//! knows of them; `serve` runs both on sockets that its caller has bound. Every decision and every write is in `control`:
//! nothing here reaches the database, a disk, a mount or a process.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

mod auth;
mod config;
mod http;
mod serve;
mod session;
mod telemetry;

pub use config::ControllerConfig;
pub use serve::{RunError, Sockets, run};

/// The OpenAPI document of the HTTP API, as indented JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    http::openapi::document().to_pretty_json()
}
