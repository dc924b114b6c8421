//! A snapshot's row, and how it is found.

use jiff::Timestamp;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::SnapshotSpec;
use miosa_domain::{Generation, HostId, Refusal, SnapshotId, TenantId, VolumeId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SnapshotRecord;
use crate::column;
use crate::error::{StoreError, While};
use crate::schema::Tx;

/// A snapshot that clients can see. One that was deleted is refused with the time when that was.
pub(crate) async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: SnapshotId,
) -> Result<SnapshotRecord, StoreError> {
    let record = load_any(tx, id).await?.filter(|record| record.tenant_id == tenant_id);
    let record = record.ok_or(Refusal::NotFound { what: "snapshot" })?;
    match record.deleted_at {
        None => Ok(record),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "snapshot", deleted_at: at.to_string() }.into()),
    }
}

/// Of any tenant: for reports, which speak of snapshots by id alone.
pub(crate) async fn load_any(tx: &mut Tx, id: SnapshotId) -> Result<Option<SnapshotRecord>, StoreError> {
    sqlx::query("SELECT * FROM snapshots WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing("read a snapshot")
}

/// Specs of the host's snapshots with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<SnapshotSpec>, StoreError> {
    const DOING: &str = "read changed snapshots";
    let rows = sqlx::query("SELECT * FROM snapshots WHERE host_id = $1 AND generation > $2 AND NOT is_gone")
        .bind(host_id.to_string())
        .bind(column::to_bigint(since.0))
        .fetch_all(&mut **tx)
        .await
        .doing(DOING)?;
    let specs = rows.iter().map(|row| from_row(row).map(|snapshot| snapshot.spec()));
    specs.collect::<Result<_, _>>().doing(DOING)
}

/// The volume's days of retention have changed: its snapshots expire accordingly.
pub(crate) async fn keep_for_days(tx: &mut Tx, volume_id: VolumeId, days: u32) -> Result<(), StoreError> {
    const DOING: &str = "change when a volume's snapshots expire";
    let rows = sqlx::query("SELECT * FROM snapshots WHERE volume_id = $1 AND deleted_at IS NULL")
        .bind(volume_id.to_string())
        .fetch_all(&mut **tx)
        .await
        .doing(DOING)?;
    for row in &rows {
        let mut snapshot = from_row(row).doing(DOING)?;
        // One that failed stays for a time of its own.
        if snapshot.trigger != Trigger::Manual && snapshot.state != SnapshotState::Failed {
            snapshot.expire_by(snapshot.taken_at(), days);
            save(tx, &snapshot).await?;
        }
    }
    Ok(())
}

/// Writes the whole row, new or not.
pub(crate) async fn save(tx: &mut Tx, snapshot: &SnapshotRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO snapshots (id, tenant_id, project_id, volume_id, volume_name, host_id, name, metadata_json, cause,
             state, protected, size_bytes, take_json, presence, verification, was_ready, generation, reported_json,
             taken_at, is_gone, error_json, asked_expiry, expires_at, deleted_at, is_tombstone, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
             $25, $26, $27)
         ON CONFLICT (id) DO UPDATE SET name = $7, metadata_json = $8, state = $10, protected = $11, presence = $14,
             verification = $15, was_ready = $16, generation = $17, reported_json = $18, taken_at = $19, is_gone = $20,
             error_json = $21, expires_at = $23, deleted_at = $24, is_tombstone = $25, updated_at = $27",
    )
    .bind(snapshot.id.to_string())
    .bind(snapshot.tenant_id.to_string())
    .bind(snapshot.project_id.to_string())
    .bind(snapshot.volume_id.to_string())
    .bind(&snapshot.volume_name)
    .bind(snapshot.host_id.to_string())
    .bind(&snapshot.name)
    .bind(column::to_json(&snapshot.metadata))
    .bind(snapshot.trigger.as_str())
    .bind(snapshot.state.as_str())
    .bind(snapshot.protected)
    .bind(column::to_bigint(snapshot.size_bytes))
    .bind(column::to_json(&snapshot.take))
    .bind(column::to_word(&snapshot.presence))
    .bind(column::to_bigint(snapshot.verification))
    .bind(snapshot.was_ready)
    .bind(column::to_bigint(snapshot.generation.0))
    .bind(snapshot.reported.as_ref().map(column::to_json))
    .bind(snapshot.facts().map(|facts| facts.taken_at.as_millisecond()))
    .bind(snapshot.is_tombstone || snapshot.is_gone())
    .bind(snapshot.error.as_ref().map(column::to_json))
    .bind(snapshot.asked_expiry.map(Timestamp::as_millisecond))
    .bind(snapshot.expires_at.map(Timestamp::as_millisecond))
    .bind(snapshot.deleted_at.map(Timestamp::as_millisecond))
    .bind(snapshot.is_tombstone)
    .bind(snapshot.created_at.as_millisecond())
    .bind(snapshot.updated_at.as_millisecond())
    .execute(&mut **tx)
    .await
    .doing("write a snapshot")?;
    Ok(())
}

pub(super) fn from_row(row: &SqliteRow) -> Result<SnapshotRecord, sqlx::Error> {
    Ok(SnapshotRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        project_id: column::id(row, "project_id")?,
        volume_id: column::id(row, "volume_id")?,
        volume_name: row.try_get("volume_name")?,
        host_id: column::id(row, "host_id")?,
        name: row.try_get("name")?,
        metadata: column::json(row, "metadata_json")?,
        trigger: column::word(row, "cause")?,
        state: column::word(row, "state")?,
        protected: row.try_get("protected")?,
        size_bytes: column::number(row, "size_bytes")?,
        take: column::json(row, "take_json")?,
        presence: column::word(row, "presence")?,
        verification: column::number(row, "verification")?,
        was_ready: row.try_get("was_ready")?,
        generation: Generation(column::number(row, "generation")?),
        reported: column::optional_json(row, "reported_json")?,
        error: column::optional_json(row, "error_json")?,
        asked_expiry: column::optional_time(row, "asked_expiry")?,
        expires_at: column::optional_time(row, "expires_at")?,
        deleted_at: column::optional_time(row, "deleted_at")?,
        is_tombstone: row.try_get("is_tombstone")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
    })
}
