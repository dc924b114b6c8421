//! The control plane: the public HTTP API above, the agents' sessions below, the database between.
//!
//! ```text
//!   clients ──HTTP──► http ──► app ──► store (SQLite)
//!                    auth       ▲ │
//!                               │ ▼ nudge
//!   agents ───gRPC───────────► session
//! ```
//!
//! `http` turns bytes into typed calls and outcomes into answers; `app` holds the verbs; `session` speaks with the agents;
//! `reconcile` holds the loops without an end; `serve` runs all of it on sockets that somebody else has bound. Nothing here
//! touches a disk beyond the database, a mount or a process.

mod app;
mod auth;
mod config;
mod http;
mod reconcile;
mod serve;
mod session;
mod telemetry;

pub use config::ControllerConfig;
pub use serve::{RunError, Sockets, run};
