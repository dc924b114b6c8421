//! Intent and last reported status, durable in one database: SQLite or PostgreSQL. The only crate that contains SQL.
//!
//! ```text
//!   verbs     ──► transact!(store, verb, |tx| …)    rows read, rules of `domain` applied, rows saved, one commit
//!   reports   ──► transact!(…replayable(), |tx| …)  the same, without the wait for the disk
//!   reads     ──► view!(store, doing, |tx| …)       one moment of the database
//!   followers ──► store.changes_since(seq)          one indexed read of the outbox
//!   sessions  ──► store.changed_specs(host, since)  one indexed read per kind of object
//! ```
//!
//! One file per noun: its row type with `#[derive(Row)]` and the queries that load, save and list it. `sql` makes one query
//! run on both engines; `engine` opens them; `transact` commits; `outbox` records what was committed.
//!
//! **Concurrency.** Rules between objects are checked inside the write transaction. SQLite has one writer; PostgreSQL runs
//! every transaction at SERIALIZABLE, and `transact!` runs one again that met a conflict. In either case two callers never both
//! get the last free place.
//!
//! **Crash safety.** A commit that was reported survives a power failure (with the exception that [`Verb::replayable`] describes).
//! Everything that belongs together (intent, generation, idempotency key, outbox) is one transaction.
//!
//! **SQL** is the common part of SQLite and PostgreSQL: `$1` parameters, ids as TEXT, times as BIGINT milliseconds since 1970,
//! JSON as TEXT, no function that only one of them has, no reliance on where NULL sorts.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod attachment;
pub mod computer;
pub mod event;
pub mod host;
pub mod idempotency;
pub mod key;
pub mod outbox;
pub mod page;
pub mod project;
pub mod restore;
pub mod schedule;
pub mod service;
pub mod snapshot;
pub mod tenant;
pub mod upkeep;
pub mod volume;

#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod error;
mod sql;
mod store;
mod transact;

pub use engine::{Database, InvalidDatabase, Tx};
pub use error::StoreError;
#[doc(hidden)]
pub use miosa_failpoint as failpoint;
pub use store::Store;
#[doc(hidden)]
pub use transact::Attempts;
pub use transact::Verb;
