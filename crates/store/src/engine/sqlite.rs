//! SQLite: a file of ours, one writer connection and several readers.
//!
//! `journal_mode=WAL, synchronous=FULL`: a commit that was reported survives a power cut; one that was not is there as a whole
//! or not at all.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Database, Engine, MIGRATIONS, migration_failed};
use crate::error::StoreError;

const READERS: u32 = 4;

/// Creates the file with mode 0600 if there is none.
pub(super) async fn open(path: &Path, database: &Database) -> Result<Engine, StoreError> {
    prepare_file(path).map_err(|source| StoreError::PrepareFile { path: path.into(), source })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10));
    // The database is a file of ours: a connection does not go stale, so none is tested or replaced.
    let pool = || {
        SqlitePoolOptions::new()
            .min_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let connecting = |source| StoreError::Connect { database: database.to_string(), source };
    let writer = pool().max_connections(1).connect_with(options.clone()).await.map_err(connecting)?;
    MIGRATIONS.run(&writer).await.map_err(|error| migration_failed(database, error))?;
    let readers = pool()
        .max_connections(READERS)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(connecting)?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let writer = Writer {
        pool: writer,
        turns: Arc::new(Mutex::new(CommitWait::Disk)),
        log: Arc::from(Path::new(&log)),
    };
    Ok(Engine::Sqlite { writer, readers })
}

/// The only connection that writes, so write transactions follow one another.
#[derive(Clone)]
pub(crate) struct Writer {
    pool: SqlitePool,
    turns: Arc<Mutex<CommitWait>>,
    log: Arc<Path>,
}

/// What a commit on the connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CommitWait {
    /// The log is synced before it is copied into the database, and not earlier.
    Nothing,
    /// The log is on the disk.
    Disk,
}

/// The right to use the writer.
pub(crate) struct Turn {
    _wait: OwnedMutexGuard<CommitWait>,
    log: Arc<Path>,
}

impl Writer {
    /// Waits for the transaction before this one.
    pub(super) async fn begin(
        &self,
        is_replayable: bool,
    ) -> Result<(Transaction<'static, Sqlite>, Turn), sqlx::Error> {
        let mut wait = self.turns.clone().lock_owned().await;
        let wanted = if is_replayable { CommitWait::Nothing } else { CommitWait::Disk };
        if *wait != wanted {
            // SQLite changes it between transactions only.
            let pragma = match wanted {
                CommitWait::Nothing => "PRAGMA synchronous = NORMAL",
                CommitWait::Disk => "PRAGMA synchronous = FULL",
            };
            sqlx::query(pragma).execute(&self.pool).await?;
            *wait = wanted;
        }
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok((transaction, Turn { _wait: wait, log: self.log.clone() }))
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Turn {
    /// Waits until everything that was committed is on the disk. The log has all of it: what was copied from the log into the
    /// database was synced before.
    pub(super) async fn sync(self) -> Result<(), sqlx::Error> {
        let log = self.log.clone();
        let synced = tokio::task::spawn_blocking(move || fs::File::open(log)?.sync_data()).await;
        synced.map_err(|_| sqlx::Error::WorkerCrashed)?.map_err(sqlx::Error::Io)
    }
}

/// SQLite gives its side files (-wal, -shm) the mode of the database file, so that is made first, with the right one.
fn prepare_file(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::File::open(parent)?.sync_all()
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        }
        Err(error) => Err(error),
    }
}
