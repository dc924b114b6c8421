//! The store: one database, opened.

use jiff::Timestamp;
use miosa_domain::limits::Limits;

pub(crate) use crate::engine::Tx;
use crate::engine::{Database, Engine};
use crate::error::StoreError;
use crate::outbox::Outbox;
use crate::sql::query;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) engine: Engine,
    pub(crate) outbox: Outbox,
    pub(crate) limits: Limits,
}

impl Store {
    /// Opens the database, creates it (a SQLite file, mode 0600) or brings its schema up to date, and creates the default
    /// tenant and project if there are none.
    pub async fn open(database: impl Into<Database>, limits: Limits) -> Result<Store, StoreError> {
        let engine = Engine::open(&database.into()).await?;
        let store = Store { outbox: Outbox::open(&engine).await?, engine, limits };
        store.ensure_default_tenant(Timestamp::now()).await?;
        Ok(store)
    }

    /// Ends the connections after the running transactions.
    pub async fn close(&self) {
        self.outbox.close();
        self.engine.close().await;
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks that the database is reachable.
    pub async fn ping(&self) -> Result<(), StoreError> {
        const DOING: &str = "reach the database";
        query(DOING, "SELECT 1").execute(&mut self.single(DOING).await?).await.map(drop)
    }

    /// A connection for one query that writes nothing.
    pub(crate) async fn single(&self, doing: &'static str) -> Result<Tx, StoreError> {
        self.engine.single(doing).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use miosa_domain::snapshot::Trigger;
    use miosa_domain::spec::{Hooks, TakeRules};
    use miosa_domain::volume::Lifecycle;
    use miosa_domain::{Generation, HostId, SnapshotId, TenantId, VolumeId};

    use sqlx::SqlitePool;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::engine::MIGRATIONS;
    use crate::snapshot::{self, Draft};

    async fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, Limits::default()).await
    }

    /// A connection of the test's own.
    async fn connect(path: &Path) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(true);
        SqlitePool::connect_with(options).await.unwrap()
    }

    async fn schema_of(path: &Path) -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
            .fetch_all(&connect(path).await)
            .await
            .unwrap()
    }

    /// Aim: a database that went through every version one by one has the schema of a fresh one, and opening it again
    /// changes nothing.
    #[tokio::test]
    async fn a_migrated_schema_is_a_fresh_schema_and_twice_is_once() {
        let dir = tempfile::tempdir().unwrap();
        let (steps, path) = (dir.path().join("steps.db"), dir.path().join("fresh.db"));
        let step_by_step = connect(&steps).await;
        for version in MIGRATIONS.iter().map(|m| m.version) {
            MIGRATIONS.run_to(version, &step_by_step).await.unwrap();
        }
        open(&path).await.unwrap().close().await;
        let first = schema_of(&path).await;
        assert!(first.iter().any(|(name, _)| name == "volumes"), "{first:?}");
        assert_eq!(schema_of(&steps).await, first);
        open(&path).await.unwrap().close().await;
        assert_eq!(schema_of(&path).await, first);
        let tenants: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tenants")
            .fetch_one(&connect(&path).await)
            .await
            .unwrap();
        assert_eq!(tenants, 1, "the second opening made a second default tenant");
    }

    /// Aim: PostgreSQL is migrated once, keeps what is in it, and refuses an older program, like SQLite.
    #[tokio::test]
    async fn a_postgres_database_is_opened_again_and_refused_when_it_is_newer() {
        let fixture = miosa_testkit::postgres::Database::create();
        let database: Database = fixture.url().parse().unwrap();
        let open = || Store::open(database.clone(), Limits::default());
        let store = open().await.unwrap();
        let tenant = store.default_tenant().await.unwrap();
        store.close().await;
        let store = open().await.unwrap();
        assert_eq!(store.default_tenant().await.unwrap(), tenant);
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', TRUE, '\\x00', 0)";
        let verb = crate::verb!("pretend to be newer");
        crate::transact!(store, verb, |tx| query(verb.doing, newer).execute(tx).await).unwrap();
        store.close().await;
        match open().await {
            Err(StoreError::TooNew { version: 9999, .. }) => {}
            other => panic!("opened or failed otherwise: {:?}", other.err()),
        }
    }

    #[test]
    fn databases_are_given_as_urls() {
        let parse = |url: &str| url.parse::<Database>();
        for (url, path) in [("sqlite:/var/miosa.db", "/var/miosa.db"), ("sqlite://a.db", "a.db")] {
            assert!(matches!(parse(url), Ok(Database::Sqlite(found)) if found == Path::new(path)), "{url}");
        }
        let database = parse("postgres://miosa:secret@db.example:5433/volumes").unwrap();
        assert_eq!(database.to_string(), "volumes at db.example:5433", "no user, no password");
        for url in ["", "sqlite:", "/var/miosa.db", "mysql://h/d"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    /// Aim: a database of the first version opens with everything that is in it, and its volumes can have snapshots.
    #[tokio::test]
    async fn a_database_of_the_first_version_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("miosa.db");
        let first = connect(&path).await;
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

        let store = open(&path).await.unwrap();
        let (tenant_id, volume_id) = (TenantId::from_uuid(ids[0]), VolumeId::from_uuid(ids[3]));
        assert_eq!(store.default_tenant().await.unwrap(), tenant_id);
        let volume = store.volume(tenant_id, volume_id).await.unwrap().expect("the volume is lost");
        assert_eq!(
            (volume.lifecycle, volume.was_ready, volume.used_bytes),
            (Lifecycle::Available, true, 4096)
        );
        assert_eq!((volume.retention_days, &volume.hooks, &volume.schedule), (7, &Hooks::default(), &None));
        let draft = Draft {
            id: SnapshotId::from_uuid(uuid::Uuid::from_u128(5)),
            name: None,
            metadata: Default::default(),
            trigger: Trigger::Manual,
            protected: false,
            take: TakeRules::default(),
            asked_expiry: None,
        };
        let asked = crate::transact!(store, crate::verb!("take a snapshot"), |tx| {
            snapshot::write_new(tx, &volume, draft.clone(), Timestamp::now()).await
        });
        let asked = asked.unwrap();
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
        open(&path).await.unwrap().close().await;
        let newer = connect(&path).await;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
             VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 0)",
        )
        .execute(&newer)
        .await
        .unwrap();
        newer.close().await;
        match open(&path).await {
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
        let store = open(&path).await.unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        store.close().await;
    }
}
