//! Idempotency keys: the first answer to a call, kept for 24 hours, so that a repeated call changes nothing.
//!
//! The row is written in the transaction of the change itself and names the object; the answer is added when there is one. If
//! the server dies in between, the object is known, and it is answered as it is then.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::{
    AttachmentId, ComputerId, ProjectId, ReleaseId, ServiceId, SnapshotId, TenantId, VolumeId,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::column;
use crate::error::{StoreError, While};
use crate::schema::{Store, Tx};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    pub body_hash: String,
    /// `None` while the first call has no answer yet, or when the server died before it had one: then `object` is answered
    /// as it is now.
    pub status: Option<u16>,
    pub body: Option<String>,
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
        sqlx::query(
            "SELECT body_hash, status, body, object_kind, object_id
             FROM idempotency_keys WHERE scope = $1 AND created_at > $2",
        )
        .bind(scope)
        .bind(oldest_ms(now))
        .fetch_optional(&self.readers)
        .await
        .and_then(|row| row.map(|row| stored_answer(&row)).transpose())
        .doing(DOING)
    }

    /// Stores the answer of the call that recorded `scope`.
    pub async fn idempotency_complete(&self, scope: &str, status: u16, body: &str) -> Result<(), StoreError> {
        const DOING: &str = "store an answer under its idempotency key";
        let mut tx = self.write(DOING).await?;
        sqlx::query("UPDATE idempotency_keys SET status = $2, body = $3 WHERE scope = $1")
            .bind(scope)
            .bind(i64::from(status))
            .bind(body)
            .execute(&mut *tx)
            .await
            .doing(DOING)?;
        tx.commit().await.doing(DOING)
    }
}

/// Part of the transaction that changes `object`.
pub(crate) async fn record(
    tx: &mut Tx,
    key: Option<&Idempotency>,
    tenant_id: TenantId,
    object: ObjectRef,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    let (kind, id) = match object {
        ObjectRef::Volume(id) => ("volume", id.uuid()),
        ObjectRef::Computer(id) => ("computer", id.uuid()),
        ObjectRef::Attachment(id) => ("attachment", id.uuid()),
        ObjectRef::Snapshot(id) => ("snapshot", id.uuid()),
        ObjectRef::Service(id) => ("service", id.uuid()),
        ObjectRef::Release(id) => ("release", id.uuid()),
        ObjectRef::Project(id) => ("project", id.uuid()),
    };
    let written = sqlx::query(
        "INSERT INTO idempotency_keys (scope, tenant_id, body_hash, object_kind, object_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (scope) DO UPDATE
         SET body_hash = $3, object_kind = $4, object_id = $5, created_at = $6, status = NULL, body = NULL
         WHERE idempotency_keys.created_at <= $7",
    )
    .bind(&key.scope)
    .bind(tenant_id.to_string())
    .bind(&key.body_hash)
    .bind(kind)
    .bind(id.to_string())
    .bind(now.as_millisecond())
    .bind(oldest_ms(now))
    .execute(&mut **tx)
    .await
    .doing("record an idempotency key")?;
    if written.rows_affected() == 0 {
        return Err(StoreError::IdempotencyKeyTaken);
    }
    Ok(())
}

/// Part of the transaction that takes a change of `object_id` back. A call that has no answer yet
/// changed nothing then, so its key must not vouch for it.
pub(crate) async fn forget_unanswered(tx: &mut Tx, object_id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE object_id = $1 AND status IS NULL")
        .bind(object_id.to_string())
        .execute(&mut **tx)
        .await
        .doing("take back an object's idempotency keys")?;
    Ok(())
}

pub(crate) async fn remove_old(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let removed = sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= $1")
        .bind(oldest_ms(now))
        .execute(&mut **tx)
        .await
        .doing("remove old idempotency keys")?;
    Ok(removed.rows_affected())
}

fn oldest_ms(now: Timestamp) -> i64 {
    now.as_millisecond() - RETENTION.as_millis() as i64
}

fn stored_answer(row: &SqliteRow) -> Result<StoredAnswer, sqlx::Error> {
    let object = match row.try_get::<String, _>("object_kind")?.as_str() {
        "volume" => ObjectRef::Volume(column::id(row, "object_id")?),
        "computer" => ObjectRef::Computer(column::id(row, "object_id")?),
        "attachment" => ObjectRef::Attachment(column::id(row, "object_id")?),
        "snapshot" => ObjectRef::Snapshot(column::id(row, "object_id")?),
        "service" => ObjectRef::Service(column::id(row, "object_id")?),
        "release" => ObjectRef::Release(column::id(row, "object_id")?),
        "project" => ObjectRef::Project(column::id(row, "object_id")?),
        other => {
            return Err(sqlx::Error::ColumnDecode {
                index: "object_kind".into(),
                source: format!("unknown kind of object {other:?}").into(),
            });
        }
    };
    let status: Option<i64> = row.try_get("status")?;
    Ok(StoredAnswer {
        body_hash: row.try_get("body_hash")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        body: row.try_get("body")?,
        object,
    })
}
