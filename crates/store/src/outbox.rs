//! The outbox: what each committed transaction changed, in commit order.
//!
//! A follower (a wake-up of an agent's session, a call that waits for news, later a stream of events) remembers the number of
//! the last entry that it read, waits for [`Store::newest_change`] to pass it, and reads on with [`Store::changes_since`]. It
//! misses nothing and reads nothing twice.
//!
//! Numbers follow commits: an entry becomes visible only after all entries with lower numbers have. SQLite has one writer. On
//! PostgreSQL a transaction takes an advisory lock before its first number and holds it until its commit is visible.
//!
//! **Crash safety.** Entries are written in the transaction of the change, so there is an entry exactly if there is the change.
//! A follower that was cut off starts at the newest number and reads the state itself, as every agent session does.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::{HostId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::engine::{Engine, Raw, Tx};
use crate::error::StoreError;
use crate::sql::{Row, query};
use crate::store::Store;

/// A follower is never further behind than this.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(24);
pub const ENTRIES_MAX: u64 = 100_000;

/// The channel on which PostgreSQL tells other processes of a commit, and the key of the lock that orders commits.
const CHANNEL: &str = "miosa_outbox";
const LOCK: &str = "SELECT pg_advisory_xact_lock(7809631458232660992), pg_notify('miosa_outbox', '')";

/// How long a lost notification goes unnoticed.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// An entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Row)]
pub struct ChangeRecord {
    pub seq: u64,
    pub at: Timestamp,
    pub tenant_id: Option<TenantId>,
    /// This host has new specs: its session sends them.
    pub host_id: Option<HostId>,
    pub kind: ObjectKind,
    pub object_id: Uuid,
}

/// What kind of object changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    Attachment,
    Computer,
    /// A row of a volume's history was added.
    Event,
    Host,
    Project,
    Release,
    Service,
    Snapshot,
    Volume,
}

/// What a transaction is about to append, each object once.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    entries: Vec<Change>,
    known: HashSet<(ObjectKind, Uuid)>,
}

/// A changed object, as [`ChangeRecord`] has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    pub tenant_id: Option<TenantId>,
    pub host_id: Option<HostId>,
    pub kind: ObjectKind,
    pub object_id: Uuid,
}

/// Called with the changes of a commit.
type Observer = Box<dyn Fn(&[Change]) + Send + Sync>;

impl Changes {
    pub(crate) fn entries(&self) -> &[Change] {
        &self.entries
    }

    pub(crate) fn add(&mut self, change: Change) {
        if self.known.insert((change.kind, change.object_id)) {
            self.entries.push(change);
        }
    }
}

impl Tx {
    /// Appends what the transaction changed, as its last statement. Returns the highest number.
    pub(crate) async fn append_to_outbox(&mut self) -> Result<Option<u64>, StoreError> {
        const DOING: &str = "append to the outbox";
        const SQLITE: &str = "INSERT INTO outbox (seq, at, tenant_id, host_id, kind, object_id)
             SELECT (SELECT COALESCE(MAX(seq), 0) FROM outbox) + 1 + key, $1, value ->> 'tenant_id', value ->> 'host_id',
                    value ->> 'kind', value ->> 'object_id'
             FROM json_each($2) ORDER BY key";
        const POSTGRES: &str = "INSERT INTO outbox (seq, at, tenant_id, host_id, kind, object_id)
             SELECT nextval('outbox_seq'), $1, change ->> 'tenant_id', change ->> 'host_id', change ->> 'kind',
                    change ->> 'object_id'
             FROM json_array_elements($2::json) AS change";
        if self.changes.entries.is_empty() {
            return Ok(None);
        }
        let entries =
            serde_json::to_string(&self.changes.entries).expect("ids and words have a form in JSON");
        let append = match self.raw() {
            Raw::Sqlite(_) => SQLITE,
            Raw::Postgres(_) => {
                query(DOING, LOCK).execute(self).await?;
                POSTGRES
            }
        };
        query(DOING, append).bind(Timestamp::now()).bind(entries).execute(self).await?;
        query(DOING, "SELECT MAX(seq) FROM outbox").one(self).await.map(Some)
    }
}

/// The newest number and the observers of commits, for followers in this process.
#[derive(Clone)]
pub(crate) struct Outbox {
    newest: watch::Sender<u64>,
    observers: Arc<RwLock<Vec<Observer>>>,
    /// Of the task that listens to other processes.
    listener: Option<Arc<AbortOnDrop>>,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Outbox {
    pub(crate) async fn open(engine: &Engine) -> Result<Self, StoreError> {
        let newest = watch::Sender::new(newest(engine).await?);
        let listener = match engine {
            Engine::Sqlite { .. } => None,
            Engine::Postgres(pool) => {
                let task = tokio::spawn(listen(pool.clone(), engine.clone(), newest.clone()));
                Some(Arc::new(AbortOnDrop(task.abort_handle())))
            }
        };
        Ok(Self { newest, observers: Arc::default(), listener })
    }

    /// Stops listening to other processes.
    pub(crate) fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.0.abort();
        }
    }

    /// Calls the observers. Tasks that commit at the same time may call this in another order than they committed.
    pub(crate) fn committed(&self, changes: &[Change]) {
        let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner);
        observers.iter().for_each(|observer| observer(changes));
    }

    /// Tasks that commit at the same time may call this in another order than they committed.
    pub(crate) fn announce(&self, seq: u64) {
        self.newest.send_if_modified(|newest| {
            let is_news = seq > *newest;
            *newest = seq.max(*newest);
            is_news
        });
    }
}

async fn newest(engine: &Engine) -> Result<u64, StoreError> {
    const DOING: &str = "read the newest number of the outbox";
    query(DOING, "SELECT COALESCE(MAX(seq), 0) FROM outbox").one(&mut engine.single(DOING).await?).await
}

/// Announces what other processes commit: at their notification, or at the next poll when one was lost.
async fn listen(pool: PgPool, engine: Engine, announced: watch::Sender<u64>) {
    let outbox = Outbox { newest: announced, observers: Arc::default(), listener: None };
    let mut listener = None;
    loop {
        if listener.is_none() {
            listener = connect(&pool).await;
        }
        match newest(&engine).await {
            Ok(seq) => outbox.announce(seq),
            Err(error) => tracing::warn!(?error, "the outbox cannot be read; trying again"),
        }
        let heard = match &mut listener {
            Some(listener) => tokio::time::timeout(POLL_INTERVAL, listener.recv()).await.ok(),
            None => {
                tokio::time::sleep(POLL_INTERVAL).await;
                None
            }
        };
        if let Some(Err(error)) = heard {
            tracing::warn!(?error, "the connection that listens for commits was lost");
            listener = None;
        }
    }
}

async fn connect(pool: &PgPool) -> Option<PgListener> {
    let connected = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    connected.await.inspect_err(|error| tracing::warn!(?error, "cannot listen for commits; polling")).ok()
}

impl Store {
    /// Calls `observer` with the changes of every later commit of this process, before the transaction returns. It must not
    /// block. A commit of another process, and one after which this process died, is found in the outbox only.
    pub fn on_commit(&self, observer: impl Fn(&[Change]) + Send + Sync + 'static) {
        let mut observers = self.outbox.observers.write().unwrap_or_else(PoisonError::into_inner);
        observers.push(Box::new(observer));
    }

    /// The number of the newest committed change; changes when there is a newer one, also by another process.
    pub fn newest_change(&self) -> watch::Receiver<u64> {
        self.outbox.newest.subscribe()
    }

    /// The changes after `seq`, oldest first.
    pub async fn changes_since(&self, seq: u64, limit: u32) -> Result<Vec<ChangeRecord>, StoreError> {
        const DOING: &str = "read changes";
        const TEXT: &str = "SELECT * FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2";
        query(DOING, TEXT).bind(seq).bind(limit).all(&mut self.single(DOING).await?).await
    }
}

/// Removes entries that are too old or too many. The newest one stays: SQLite counts on from it.
pub(crate) async fn remove_old(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    const TEXT: &str = "DELETE FROM outbox WHERE seq < (SELECT MAX(seq) FROM outbox)
         AND (at < $1 OR seq <= (SELECT MAX(seq) FROM outbox) - $2)";
    let oldest = now.as_millisecond() - RETENTION.as_millis() as i64;
    query("remove old changes", TEXT).bind(oldest).bind(ENTRIES_MAX).execute(tx).await
}
