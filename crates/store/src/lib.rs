//! What is wanted and what was last seen, durable in one database. The only crate that speaks SQL.
//!
//! ```text
//!   app verbs ──► write transaction: rules of `domain` asked, row changed, hosts.generation + 1 stamped on it
//!   session   ──► changed_specs(host, since)                   one indexed read
//!   session   ──► apply_report(host, report)                   one write transaction a message
//! ```
//!
//! One file a noun. Every rule between objects is asked *inside* the write transaction, and write transactions follow one
//! another (one writer connection, `BEGIN IMMEDIATE`), so two callers can never both get the last free place.
//!
//! **Crash story.** `journal_mode=WAL, synchronous=FULL`: a commit that was answered survives a power cut, one that was not
//! is either there or not. Everything that belongs together (intent, generation, idempotency key) is one transaction, so no
//! half of it can be seen.
//!
//! The SQL is the common part of SQLite and PostgreSQL: `$1` parameters, ids as TEXT, times as BIGINT milliseconds since
//! 1970, JSON as TEXT, no function that only one of them has.

pub mod attachment;
pub mod computer;
pub mod event;
pub mod host;
pub mod idempotency;
pub mod key;
pub mod page;
pub mod project;
pub mod report;
pub mod restore;
pub mod schedule;
pub mod service;
pub mod snapshot;
pub mod tenant;
pub mod upkeep;
pub mod volume;

mod column;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod schema;

pub use error::StoreError;
pub use schema::Store;
