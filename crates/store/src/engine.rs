//! The database engines: how each is opened, and how a transaction on it begins.
//!
//! SQLite has one writer connection, so its write transactions follow one another. PostgreSQL runs them side by side at
//! SERIALIZABLE: those that commit have the effect of having followed one another, and one that could not have it fails with
//! a conflict and changes nothing. Nothing above this module tells the engines apart.
//!
//! Migrations are small, numbered, only ever added, and the same for both engines; sqlx records each with its checksum, in one
//! transaction with its effect, so a migration that was cut off by a crash did not happen. A database with a migration that
//! this program does not know was written by a newer one and is refused: an older program would misread it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;

use miosa_domain::{HostId, TenantId};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, PgPool, Postgres, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use crate::error::{StoreError, While};
use crate::outbox::{Change, Changes, ObjectKind};
use crate::transact::Verb;

mod postgres;
mod sqlite;

/// All schema versions, oldest first, as `build.rs` lists them. `sqlx::migrate!` does the same, but its crate of macros compiles SQLite
/// and both drivers a second time.
pub(crate) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    const FILES: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
});

/// Where a database is: `sqlite:PATH`, or the URL of a PostgreSQL database.
#[derive(Debug, Clone)]
pub enum Database {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabase {
    #[error("a database is given as sqlite:PATH or as postgres://USER@HOST/NAME")]
    Scheme,
    #[error("read the URL of the PostgreSQL database")]
    Url(#[source] sqlx::Error),
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(url: &str) -> Result<Self, InvalidDatabase> {
        match url.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("postgres" | "postgresql", _)) => {
                url.parse().map(|options| Self::Postgres(Box::new(options))).map_err(InvalidDatabase::Url)
            }
            _ => Err(InvalidDatabase::Scheme),
        }
    }
}

/// The path of a SQLite file.
impl<P: AsRef<Path>> From<P> for Database {
    fn from(path: P) -> Self {
        Self::Sqlite(path.as_ref().to_owned())
    }
}

/// For errors: without user and password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(options) => {
                let name = options.get_database().unwrap_or("");
                match options.get_socket() {
                    Some(socket) => write!(f, "{name} at {}", socket.display()),
                    None => write!(f, "{name} at {}:{}", options.get_host(), options.get_port()),
                }
            }
        }
    }
}

/// The connections to a database.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite { writer: sqlite::Writer, readers: SqlitePool },
    Postgres(PgPool),
}

/// A transaction. Dropping it rolls it back.
pub struct Tx {
    conn: Conn,
    pub(crate) changes: Changes,
    is_replayable: bool,
    is_durable: bool,
    /// Held until the connection is given back.
    turn: Option<sqlite::Turn>,
}

enum Conn {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// For one query, which is a transaction by itself.
    SingleSqlite(PoolConnection<Sqlite>),
    SinglePostgres(PoolConnection<Postgres>),
}

/// The connection below a transaction.
pub(crate) enum Raw<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Engine {
    /// Connects, creates the database if it is a missing file, and brings the schema up to date.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        match database {
            Database::Sqlite(path) => sqlite::open(path, database).await,
            Database::Postgres(options) => postgres::open(options, database).await,
        }
    }

    /// Ends the connections after the running transactions.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// A transaction that may write.
    pub(crate) async fn write(&self, verb: &Verb) -> Result<Tx, StoreError> {
        let (conn, turn) = match self {
            Self::Sqlite { writer, .. } => {
                let (transaction, turn) = writer.begin(verb.is_replayable).await.doing(verb.doing)?;
                (Conn::Sqlite(transaction), Some(turn))
            }
            Self::Postgres(pool) => {
                let begin = if verb.is_replayable { postgres::WRITE_REPLAYABLE } else { postgres::WRITE };
                (Conn::Postgres(pool.begin_with(begin).await.doing(verb.doing)?), None)
            }
        };
        Ok(Tx { is_replayable: verb.is_replayable, turn, ..Tx::new(conn) })
    }

    /// A transaction that sees one moment of the database and writes nothing.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Tx, StoreError> {
        let conn = match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Conn::Sqlite),
            Self::Postgres(pool) => pool.begin_with(postgres::READ).await.map(Conn::Postgres),
        };
        conn.map(Tx::new).doing(doing)
    }

    /// A connection for one query that writes nothing: without the round trips that begin and end a transaction.
    pub(crate) async fn single(&self, doing: &'static str) -> Result<Tx, StoreError> {
        let conn = match self {
            Self::Sqlite { readers, .. } => readers.acquire().await.map(Conn::SingleSqlite),
            Self::Postgres(pool) => pool.acquire().await.map(Conn::SinglePostgres),
        };
        conn.map(Tx::new).doing(doing)
    }
}

impl Tx {
    fn new(conn: Conn) -> Self {
        Self { conn, changes: Changes::default(), is_replayable: false, is_durable: false, turn: None }
    }

    pub(crate) fn raw(&mut self) -> Raw<'_> {
        match &mut self.conn {
            Conn::Sqlite(transaction) => Raw::Sqlite(transaction),
            Conn::Postgres(transaction) => Raw::Postgres(transaction),
            Conn::SingleSqlite(connection) => Raw::Sqlite(connection),
            Conn::SinglePostgres(connection) => Raw::Postgres(connection),
        }
    }

    /// Also a replayable transaction is durable when it returns: it carries a promise that no report repeats.
    pub fn require_durable(&mut self) {
        self.is_durable = true;
    }

    /// The host has new specs.
    pub(crate) fn wake(&mut self, host_id: HostId) {
        self.require_durable();
        let (kind, object_id) = (ObjectKind::Host, host_id.uuid());
        self.changes.add(Change { tenant_id: None, host_id: Some(host_id), kind, object_id });
    }

    /// Records that an object changed for its readers though its own row did not. [`save`](crate::volume::save) records the
    /// objects whose rows change.
    pub fn changed(&mut self, kind: ObjectKind, object_id: Uuid, tenant_id: Option<TenantId>) {
        self.changes.add(Change { tenant_id, host_id: None, kind, object_id });
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        let must_wait_for_disk = self.is_replayable && self.is_durable;
        match self.conn {
            Conn::Sqlite(transaction) => {
                transaction.commit().await?;
                match self.turn {
                    Some(turn) if must_wait_for_disk => turn.sync().await,
                    _ => Ok(()),
                }
            }
            Conn::Postgres(mut transaction) => {
                if must_wait_for_disk {
                    sqlx::raw_sql(postgres::DURABLE).execute(&mut *transaction).await?;
                }
                transaction.commit().await
            }
            Conn::SingleSqlite(_) | Conn::SinglePostgres(_) => Ok(()),
        }
    }
}

fn migration_failed(database: &Database, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => {
            StoreError::TooNew { database: database.to_string(), version }
        }
        source => StoreError::Migrate { database: database.to_string(), source },
    }
}
