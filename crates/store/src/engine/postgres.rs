//! PostgreSQL: every transaction at SERIALIZABLE, so that rules between objects hold among any number of writers.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{Database, Engine, MIGRATIONS, migration_failed};
use crate::error::StoreError;

pub(super) const WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
/// Its commit does not wait for the disk.
pub(super) const WRITE_REPLAYABLE: &str =
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; SET LOCAL synchronous_commit TO off";
/// Before the commit of a transaction that began as replayable.
pub(super) const DURABLE: &str = "SET LOCAL synchronous_commit TO on";
pub(super) const READ: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY";

/// The numbers of the outbox: unlike SQLite, PostgreSQL cannot count on from the last row without a conflict between writers.
/// The lock is for programs that open the database at the same moment.
const SEQUENCE: &str =
    "SELECT pg_advisory_xact_lock(7809631458232660993); CREATE SEQUENCE IF NOT EXISTS outbox_seq";

/// A server has 100 connections in its default settings, for all its clients.
const CONNECTIONS: u32 = 16;

/// How long a call waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn open(options: &PgConnectOptions, database: &Database) -> Result<Engine, StoreError> {
    // For queries outside a transaction; the others say it themselves.
    let options = options
        .clone()
        .application_name("miosa")
        .options([("default_transaction_isolation", "serializable")]);
    let connecting = |source| StoreError::Connect { database: database.to_string(), source };
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(connecting)?;
    MIGRATIONS.run(&pool).await.map_err(|error| migration_failed(database, error))?;
    sqlx::raw_sql(SEQUENCE).execute(&pool).await.map_err(connecting)?;
    Ok(Engine::Postgres(pool))
}
