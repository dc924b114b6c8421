//! Opening the database: its file, its connections, its schema.
//!
//! Migrations are small, numbered and only ever added; sqlx records each with its checksum, in one transaction with its
//! effect, so a migration that was cut off by a crash did not happen. A database with a migration that this program does not
//! know was written by a newer one and is refused: an older program would misread it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::limits::Limits;
use sqlx::Sqlite;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::{StoreError, While};

/// All schema versions, oldest first.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

const READERS: u32 = 4;

/// A write transaction. Dropping it rolls it back.
pub(crate) type Tx = sqlx::Transaction<'static, Sqlite>;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// One connection, so write transactions follow one another.
    writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) limits: Limits,
}

impl Store {
    /// Opens the database at `path`, makes it (mode 0600) or brings its schema up to date, and makes the default tenant and
    /// project if there are none.
    pub async fn open(path: &Path, limits: Limits) -> Result<Store, StoreError> {
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
        let connecting = |source| StoreError::Connect { path: path.into(), source };
        let writer = pool().max_connections(1).connect_with(options.clone()).await.map_err(connecting)?;
        migrate(&writer, path).await?;
        let readers = pool()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(connecting)?;
        let store = Store { writer, readers, limits };
        store.ensure_default_tenant(Timestamp::now()).await?;
        Ok(store)
    }

    /// Ends the connections after the running transactions.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await.doing("ask the database whether it is there")?;
        Ok(())
    }

    /// A transaction that may write; it waits for the one before it to end.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<Tx, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.doing(doing)
    }

    /// A transaction that sees one moment of the database.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Tx, StoreError> {
        self.readers.begin().await.doing(doing)
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

async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    MIGRATIONS.run(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::TooNew { path: path.into(), version },
        source => StoreError::Migrate { path: path.into(), source },
    })
}

#[cfg(test)]
mod tests {
    use miosa_domain::spec::Hooks;
    use miosa_domain::volume::Lifecycle;
    use miosa_domain::{Generation, HostId, SnapshotId, TenantId, VolumeId};

    use super::*;
    use crate::snapshot::{HooksChange, NewSnapshot};

    async fn schema_of(pool: &SqlitePool) -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
            .fetch_all(pool)
            .await
            .unwrap()
    }

    /// Aim: a database that went through every version one by one has the schema of a fresh one, and opening it again
    /// changes nothing.
    #[tokio::test]
    async fn a_migrated_schema_is_a_fresh_schema_and_twice_is_once() {
        let dir = tempfile::tempdir().unwrap();
        let step_by_step = SqlitePool::connect_with(
            SqliteConnectOptions::new().filename(dir.path().join("steps.db")).create_if_missing(true),
        )
        .await
        .unwrap();
        for version in MIGRATIONS.iter().map(|m| m.version) {
            MIGRATIONS.run_to(version, &step_by_step).await.unwrap();
        }
        let fresh = Store::open(&dir.path().join("fresh.db"), Limits::default()).await.unwrap();
        let first = schema_of(&fresh.readers).await;
        assert!(first.iter().any(|(name, _)| name == "volumes"), "{first:?}");
        assert_eq!(schema_of(&step_by_step).await, first);
        fresh.close().await;
        let again = Store::open(&dir.path().join("fresh.db"), Limits::default()).await.unwrap();
        assert_eq!(schema_of(&again.readers).await, first);
        let tenants: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM tenants").fetch_one(&again.readers).await.unwrap();
        assert_eq!(tenants, 1, "the second opening made a second default tenant");
    }

    /// Aim: a database of the first version opens with everything that is in it, and its volumes can have snapshots.
    #[tokio::test]
    async fn a_database_of_the_first_version_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("miosa.db");
        let first = SqlitePool::connect_with(
            SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(true),
        )
        .await
        .unwrap();
        MIGRATIONS.run_to(1, &first).await.unwrap();
        let ids = [1_u128, 2, 3, 4].map(uuid::Uuid::from_u128);
        let [tenant, project, host, volume] = ids.map(|id| id.to_string());
        for statement in [
            format!("INSERT INTO tenants VALUES ('{tenant}', 'default', 'Default', 1)"),
            format!("INSERT INTO projects VALUES ('{project}', '{tenant}', 'Default', TRUE, 1)"),
            format!("INSERT INTO hosts VALUES ('{host}', 'h', '1', '[]', 7, 1000, 10, 1, 1)"),
            format!(
                "INSERT INTO volumes VALUES ('{volume}', '{tenant}', '{project}', NULL, '{host}', 'data', 1073741824, '{{}}',
                     FALSE, 'available', 'present', TRUE, 7, 7, NULL, 4096, NULL, NULL, FALSE, 1, 1)"
            ),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&first).await.unwrap();
        }
        first.close().await;

        let store = Store::open(&path, Limits::default()).await.unwrap();
        let (tenant_id, volume_id) = (TenantId::from_uuid(ids[0]), VolumeId::from_uuid(ids[3]));
        assert_eq!(store.default_tenant().await.unwrap(), tenant_id);
        let volume = store.volume(tenant_id, volume_id).await.unwrap().expect("the volume is lost");
        assert_eq!(
            (volume.lifecycle, volume.was_ready, volume.used_bytes),
            (Lifecycle::Available, true, 4096)
        );
        assert_eq!((volume.retention_days, volume.hooks, volume.schedule), (7, Hooks::default(), None));
        let new = NewSnapshot {
            id: SnapshotId::from_uuid(uuid::Uuid::from_u128(5)),
            tenant_id,
            volume_id,
            name: None,
            metadata: Default::default(),
            protected: false,
            now: false,
            expires_at: None,
            hooks: HooksChange::default(),
        };
        let asked = store.create_snapshot(new, None, Timestamp::now()).await.unwrap();
        assert_eq!(asked.generation, Generation(8), "generations count on");
        let specs = store.changed_specs(HostId::from_uuid(ids[2]), Generation(7)).await.unwrap();
        assert_eq!((specs.volumes.len(), specs.snapshots.len()), (0, 1));
        store.close().await;
    }

    /// Aim: a newer database is refused, and so is one whose migration was another one than ours.
    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("miosa.db");
        let store = Store::open(&path, Limits::default()).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
             VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 0)",
        )
        .execute(&store.writer)
        .await
        .unwrap();
        store.close().await;
        match Store::open(&path, Limits::default()).await {
            Err(StoreError::TooNew { version: 9999, .. }) => {}
            other => panic!("opened or failed otherwise: {:?}", other.err()),
        }
    }

    /// Aim: nobody but the owner reads the database or its side files, also when the file was there with wider rights.
    #[tokio::test]
    async fn the_database_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("miosa.db");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let store = Store::open(&path, Limits::default()).await.unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        store.close().await;
    }
}
