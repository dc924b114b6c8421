//! Why the store did not do something.

use std::path::PathBuf;

use miosa_domain::Refusal;
use miosa_failpoint::Injected;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules do not allow it; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),

    /// A field of the call does not fit what is there; nothing was changed. `message` goes on after the field's name.
    #[error("{field} {message}")]
    Invalid { field: &'static str, message: String },

    /// Another call has recorded this idempotency key and is still running; nothing was changed.
    #[error("another call with this idempotency key is still running")]
    IdempotencyKeyTaken,

    #[error("prepare database file {}", path.display())]
    PrepareFile { path: PathBuf, source: std::io::Error },

    #[error("connect to database {database}")]
    Connect { database: String, source: sqlx::Error },

    #[error("database {database} was written by a newer program (schema version {version}); start that one")]
    TooNew { database: String, version: i64 },

    #[error("bring the schema of database {database} up to date")]
    Migrate { database: String, source: sqlx::migrate::MigrateError },

    /// `doing` names the transaction, in the present tense.
    #[error("{doing}")]
    Query { doing: &'static str, source: sqlx::Error },

    #[error(transparent)]
    Injected(#[from] Injected),
}

impl StoreError {
    /// Another transaction got in the way, and nothing was written: it may succeed when it runs again.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Query { source: sqlx::Error::Database(error), .. } = self else { return false };
        match error.code().as_deref() {
            // PostgreSQL: serialization failure, deadlock, and a unique index that saw a row before the snapshot could.
            Some("40001" | "40P01" | "23505") => true,
            // SQLITE_BUSY, and SQLITE_BUSY_SNAPSHOT.
            Some("5" | "517") => true,
            _ => false,
        }
    }
}

/// Says what we were doing when the database failed.
pub(crate) trait While<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> While<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Query { doing, source })
    }
}
