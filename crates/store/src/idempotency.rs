//! Idempotency keys: the first answer to a call, kept for 24 hours, so that a repeated call changes nothing.
//!
//! The row is written in the transaction of the change itself and names the object; the answer is added when there is one. If
//! the server dies in between, the object is known, and it is answered as it is then.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::{
    AttachmentId, ComputerId, ProjectId, ReleaseId, ServiceId, SnapshotId, TenantId, VolumeId,
};
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::{self, Columns, Row, ToValue, Value, query};
use crate::store::{Store, Tx};
use crate::{transact, verb};

/// How long an answer is kept.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// A key that came with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of tenant, method, path and key, in hex.
    pub scope: String,
    /// SHA-256 of the body, in hex.
    pub body_hash: String,
}

/// What a call with an idempotency key made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectRef {
    Volume(VolumeId),
    Computer(ComputerId),
    Attachment(AttachmentId),
    Snapshot(SnapshotId),
    Service(ServiceId),
    Release(ReleaseId),
    Project(ProjectId),
}

/// What is known of an earlier call with the same scope.
#[derive(Debug, Clone, PartialEq, Eq, Row)]
pub struct StoredAnswer {
    pub body_hash: String,
    /// `None` while the first call has no answer yet, or when the server died before it had one: then `object` is answered
    /// as it is now.
    pub status: Option<u16>,
    pub body: Option<String>,
    #[row(columns("object_kind", "object_id"))]
    pub object: ObjectRef,
}

impl Store {
    /// The earlier call with this scope, unless it is too old to count.
    pub async fn idempotency_find(
        &self,
        scope: &str,
        now: Timestamp,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        const DOING: &str = "look up an idempotency key";
        const TEXT: &str = "SELECT body_hash, status, body, object_kind, object_id
             FROM idempotency_keys WHERE scope = $1 AND created_at > $2";
        query(DOING, TEXT).bind(scope).bind(oldest_ms(now)).optional(&mut self.single(DOING).await?).await
    }

    /// Stores the answer of the call that recorded `scope`.
    pub async fn idempotency_complete(&self, scope: &str, status: u16, body: &str) -> Result<(), StoreError> {
        const DOING: &str = "store an answer under its idempotency key";
        transact!(self, verb!(DOING), |tx| {
            query(DOING, "UPDATE idempotency_keys SET status = $2, body = $3 WHERE scope = $1")
                .bind(scope)
                .bind(status)
                .bind(body)
                .execute(tx)
                .await?;
            Ok(())
        })
    }
}

/// Part of the transaction that changes `object`.
pub async fn record(
    tx: &mut Tx,
    key: Option<&Idempotency>,
    tenant_id: TenantId,
    object: ObjectRef,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    let written = query(
        "record an idempotency key",
        "INSERT INTO idempotency_keys (scope, tenant_id, body_hash, object_kind, object_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (scope) DO UPDATE
         SET body_hash = $3, object_kind = $4, object_id = $5, created_at = $6, status = NULL, body = NULL
         WHERE idempotency_keys.created_at <= $7",
    )
    .bind(&key.scope)
    .bind(tenant_id)
    .bind(&key.body_hash)
    .bind_columns(&object)
    .bind(now)
    .bind(oldest_ms(now))
    .execute(tx)
    .await?;
    if written == 0 {
        return Err(StoreError::IdempotencyKeyTaken);
    }
    Ok(())
}

/// Part of the transaction that takes a change of `object_id` back. A call that has no answer yet
/// changed nothing then, so its key must not vouch for it.
pub async fn forget_unanswered(tx: &mut Tx, object_id: Uuid) -> Result<(), StoreError> {
    query(
        "take back an object's idempotency keys",
        "DELETE FROM idempotency_keys WHERE object_id = $1 AND status IS NULL",
    )
    .bind(object_id)
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn remove_old(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    query("remove old idempotency keys", "DELETE FROM idempotency_keys WHERE created_at <= $1")
        .bind(oldest_ms(now))
        .execute(tx)
        .await
}

fn oldest_ms(now: Timestamp) -> i64 {
    now.as_millisecond() - RETENTION.as_millis() as i64
}

/// `object_kind` says what `object_id` is the id of.
impl Columns<2> for ObjectRef {
    fn values(&self) -> [Value; 2] {
        let (kind, id) = match *self {
            Self::Volume(id) => ("volume", id.uuid()),
            Self::Computer(id) => ("computer", id.uuid()),
            Self::Attachment(id) => ("attachment", id.uuid()),
            Self::Snapshot(id) => ("snapshot", id.uuid()),
            Self::Service(id) => ("service", id.uuid()),
            Self::Release(id) => ("release", id.uuid()),
            Self::Project(id) => ("project", id.uuid()),
        };
        [kind.to_value(), id.to_value()]
    }

    fn read(row: &sql::Row, [kind, id]: [&'static str; 2]) -> Result<Self, sqlx::Error> {
        Ok(match row.get::<String>(kind)?.as_str() {
            "volume" => Self::Volume(row.get(id)?),
            "computer" => Self::Computer(row.get(id)?),
            "attachment" => Self::Attachment(row.get(id)?),
            "snapshot" => Self::Snapshot(row.get(id)?),
            "service" => Self::Service(row.get(id)?),
            "release" => Self::Release(row.get(id)?),
            "project" => Self::Project(row.get(id)?),
            other => {
                let source = format!("unknown kind of object {other:?}").into();
                return Err(sqlx::Error::ColumnDecode { index: kind.into(), source });
            }
        })
    }
}
