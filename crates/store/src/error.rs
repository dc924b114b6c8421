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

    #[error("connect to database {}", path.display())]
    Connect { path: PathBuf, source: sqlx::Error },

    #[error("database {} was written by a newer program (schema version {version}); start that one", path.display())]
    TooNew { path: PathBuf, version: i64 },

    #[error("bring the schema of database {} up to date", path.display())]
    Migrate { path: PathBuf, source: sqlx::migrate::MigrateError },

    /// `doing` names the transaction, in the present tense.
    #[error("{doing}")]
    Query { doing: &'static str, source: sqlx::Error },

    #[error(transparent)]
    Injected(#[from] Injected),
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
