//! Releases: numbered copies of what a service runs, which never change. What does change is what became of one.

use jiff::Timestamp;
use miosa_domain::service::{ReasonCode, ReleaseReason, ReleaseState, RunSettings};
use miosa_domain::{Refusal, ReleaseId, ServiceId, SnapshotId, TenantId, VolumeId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Source, row};
use crate::column;
use crate::error::{StoreError, While};
use crate::page::{self, Cursor, ListPage, ListRequest};
use crate::schema::{Store, Tx};

#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    pub id: ReleaseId,
    pub service_id: ServiceId,
    pub tenant_id: TenantId,
    /// Counted from 1 within the service.
    pub number: u64,
    pub cause: ReleaseCause,
    pub state: ReleaseState,
    pub reason: Option<ReleaseReason>,
    pub source: Option<Source>,
    pub settings: RunSettings,
    pub message: Option<String>,
    /// The number of the release whose settings it serves again.
    pub serves_again: Option<u64>,
    /// Taken before it was deployed, so that its data can be rolled back too.
    pub snapshots: Vec<ReleaseSnapshot>,
    /// Brought back before it is deployed.
    pub restores: Vec<ReleaseRestore>,
    /// The longest time for which a replica's volumes were with nobody.
    pub handover_ms: Option<u64>,
    pub deploying_at: Option<Timestamp>,
    pub settled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why a release was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    #[default]
    Deploy,
    Restart,
    Start,
    /// The list of volumes changed.
    Volumes,
    Promote,
    Rollback,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSnapshot {
    pub volume_id: VolumeId,
    pub snapshot_id: SnapshotId,
}

/// A volume that goes back to a snapshot with the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRestore {
    pub volume_id: VolumeId,
    pub snapshot_id: SnapshotId,
    pub progress: RestoreProgress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "progress")]
pub enum RestoreProgress {
    /// Until no replica uses the volume.
    Waiting,
    /// `incarnation`: the volume's, before.
    Begun {
        incarnation: u64,
    },
    Done,
}

impl ReleaseRecord {
    pub(super) fn settle(&mut self, state: ReleaseState, reason: Option<ReleaseReason>, now: Timestamp) {
        debug_assert!(self.state.may_become(state), "{} to {state}", self.state);
        self.state = state;
        self.reason = reason;
        self.settled_at = Some(now);
        self.updated_at = now;
    }
}

impl Store {
    /// The tenant's release with this id.
    pub async fn release(
        &self,
        tenant_id: TenantId,
        id: ReleaseId,
    ) -> Result<Option<ReleaseRecord>, StoreError> {
        let mut tx = self.read("read a release").await?;
        Ok(load(&mut tx, id).await?.filter(|release| release.tenant_id == tenant_id))
    }

    /// A service's releases, newest first.
    pub async fn list_releases(
        &self,
        tenant_id: TenantId,
        service_id: ServiceId,
        request: &ListRequest,
    ) -> Result<ListPage<ReleaseRecord>, StoreError> {
        let mut tx = self.read("list releases").await?;
        row::load(&mut tx, tenant_id, service_id).await?.ok_or(Refusal::NotFound { what: "service" })?;
        let mut all = of_service(&mut tx, service_id).await?;
        if let Some(status) = &request.filters.status {
            all.retain(|release| release.state.as_str() == status);
        }
        Ok(page::cut(all, request, |release| Cursor {
            created_at_ms: release.created_at.as_millisecond(),
            id: release.id.uuid(),
        }))
    }
}

/// Newest first.
pub(super) async fn of_service(tx: &mut Tx, id: ServiceId) -> Result<Vec<ReleaseRecord>, StoreError> {
    const DOING: &str = "read a service's releases";
    let rows = sqlx::query("SELECT * FROM releases WHERE service_id = $1 ORDER BY number DESC")
        .bind(id.to_string())
        .fetch_all(&mut **tx)
        .await
        .doing(DOING)?;
    rows.iter().map(from_row).collect::<Result<_, _>>().doing(DOING)
}

pub(super) async fn newest(tx: &mut Tx, id: ServiceId) -> Result<Option<ReleaseRecord>, StoreError> {
    sqlx::query("SELECT * FROM releases WHERE service_id = $1 ORDER BY number DESC LIMIT 1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing("read a service's newest release")
}

pub(super) async fn load(tx: &mut Tx, id: ReleaseId) -> Result<Option<ReleaseRecord>, StoreError> {
    sqlx::query("SELECT * FROM releases WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing("read a release")
}

/// The service is gone, and nothing of it is served any more.
pub(super) async fn remove_all(tx: &mut Tx, id: ServiceId, now: Timestamp) -> Result<(), StoreError> {
    for mut release in of_service(tx, id).await? {
        if release.state != ReleaseState::Removed {
            let detail = "the service was deleted".to_owned();
            release.settle(
                ReleaseState::Removed,
                Some(ReleaseReason { code: ReasonCode::Stopped, detail }),
                now,
            );
            save(tx, &release).await?;
        }
    }
    Ok(())
}

/// Writes the whole row, new or not.
pub(super) async fn save(tx: &mut Tx, release: &ReleaseRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO releases (id, service_id, tenant_id, number, cause, state, reason_json, source_json, settings_json,
             message, serves_again, snapshots_json, restores_json, handover_ms, deploying_at, settled_at, created_at,
             updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET state = $6, reason_json = $7, snapshots_json = $12, restores_json = $13,
             handover_ms = $14, deploying_at = $15, settled_at = $16, updated_at = $18",
    )
    .bind(release.id.to_string())
    .bind(release.service_id.to_string())
    .bind(release.tenant_id.to_string())
    .bind(column::to_bigint(release.number))
    .bind(column::to_word(&release.cause))
    .bind(release.state.as_str())
    .bind(release.reason.as_ref().map(column::to_json))
    .bind(release.source.as_ref().map(column::to_json))
    .bind(column::to_json(&release.settings))
    .bind(&release.message)
    .bind(release.serves_again.map(column::to_bigint))
    .bind(column::to_json(&release.snapshots))
    .bind(column::to_json(&release.restores))
    .bind(release.handover_ms.map(column::to_bigint))
    .bind(release.deploying_at.map(Timestamp::as_millisecond))
    .bind(release.settled_at.map(Timestamp::as_millisecond))
    .bind(release.created_at.as_millisecond())
    .bind(release.updated_at.as_millisecond())
    .execute(&mut **tx)
    .await
    .doing("write a release")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<ReleaseRecord, sqlx::Error> {
    Ok(ReleaseRecord {
        id: column::id(row, "id")?,
        service_id: column::id(row, "service_id")?,
        tenant_id: column::id(row, "tenant_id")?,
        number: column::number(row, "number")?,
        cause: column::word(row, "cause")?,
        state: column::word(row, "state")?,
        reason: column::optional_json(row, "reason_json")?,
        source: column::optional_json(row, "source_json")?,
        settings: column::json(row, "settings_json")?,
        message: row.try_get("message")?,
        serves_again: column::optional_number(row, "serves_again")?,
        snapshots: column::json(row, "snapshots_json")?,
        restores: column::json(row, "restores_json")?,
        handover_ms: column::optional_number(row, "handover_ms")?,
        deploying_at: column::optional_time(row, "deploying_at")?,
        settled_at: column::optional_time(row, "settled_at")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
    })
}
