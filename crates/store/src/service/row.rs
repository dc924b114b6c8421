//! A service's row, and how it is found.

use jiff::Timestamp;
use miosa_domain::service::ServiceKind;
use miosa_domain::{Refusal, ServiceId, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{ServiceRecord, ServiceSight, already_deleted, release, replica, volumes};
use crate::column;
use crate::error::{StoreError, While};
use crate::schema::Tx;

/// A service that is not deleted. One that was is refused with the time when that was.
pub(super) async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: ServiceId,
) -> Result<ServiceRecord, StoreError> {
    let service = load(tx, tenant_id, id).await?.ok_or(Refusal::NotFound { what: "service" })?;
    match service.deleted_at {
        None => Ok(service),
        Some(at) => Err(already_deleted(at).into()),
    }
}

pub(super) async fn load(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: ServiceId,
) -> Result<Option<ServiceRecord>, StoreError> {
    Ok(load_any(tx, id).await?.filter(|service| service.tenant_id == tenant_id))
}

/// Of any tenant: for reports.
pub(super) async fn load_any(tx: &mut Tx, id: ServiceId) -> Result<Option<ServiceRecord>, StoreError> {
    sqlx::query("SELECT * FROM services WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing("read a service")
}

/// Newest first.
pub(super) async fn of_tenant(tx: &mut Tx, id: TenantId) -> Result<Vec<ServiceRecord>, StoreError> {
    const DOING: &str = "read a tenant's services";
    let rows = sqlx::query(
        "SELECT * FROM services WHERE tenant_id = $1 AND NOT is_tombstone ORDER BY created_at DESC, id DESC",
    )
    .bind(id.to_string())
    .fetch_all(&mut **tx)
    .await
    .doing(DOING)?;
    rows.iter().map(from_row).collect::<Result<_, _>>().doing(DOING)
}

/// The service with what is to be seen of it.
pub(super) async fn sight(tx: &mut Tx, service: ServiceRecord) -> Result<ServiceSight, StoreError> {
    let active = match service.active {
        Some(id) => release::load(tx, id).await?,
        None => None,
    };
    let target = match service.target {
        Some(id) if service.active == Some(id) => active.clone(),
        Some(id) => release::load(tx, id).await?,
        None => None,
    };
    let served = target.as_ref().map_or(&service.settings, |release| &release.settings);
    Ok(ServiceSight {
        volumes: volumes::seen(tx, &service, served).await?,
        newest: release::newest(tx, service.id).await?,
        replicas: replica::present(tx, service.id).await?,
        active,
        target,
        service,
    })
}

/// Writes the whole row, new or not.
pub(super) async fn save(tx: &mut Tx, service: &ServiceRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO services (id, tenant_id, project_id, host_id, name, slug, kind, source_json, settings_json, replicas,
             desired, lock_version, last_number, active_release_id, target_release_id, is_settled, deleted_at, is_tombstone,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (id) DO UPDATE SET host_id = $4, name = $5, source_json = $8, settings_json = $9, replicas = $10,
             desired = $11, lock_version = $12, last_number = $13, active_release_id = $14, target_release_id = $15,
             is_settled = $16, deleted_at = $17, is_tombstone = $18, updated_at = $20",
    )
    .bind(service.id.to_string())
    .bind(service.tenant_id.to_string())
    .bind(service.project_id.to_string())
    .bind(service.host_id.to_string())
    .bind(&service.name)
    .bind(&service.slug)
    .bind(service.kind.as_str())
    .bind(service.source.as_ref().map(column::to_json))
    .bind(column::to_json(&service.settings))
    .bind(i64::from(service.replicas))
    .bind(column::to_word(&service.desired))
    .bind(column::to_bigint(service.lock_version))
    .bind(column::to_bigint(service.last_number))
    .bind(service.active.map(|id| id.to_string()))
    .bind(service.target.map(|id| id.to_string()))
    .bind(service.is_settled)
    .bind(service.deleted_at.map(Timestamp::as_millisecond))
    .bind(service.is_tombstone)
    .bind(service.created_at.as_millisecond())
    .bind(service.updated_at.as_millisecond())
    .execute(&mut **tx)
    .await
    .doing("write a service")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<ServiceRecord, sqlx::Error> {
    Ok(ServiceRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        project_id: column::id(row, "project_id")?,
        host_id: column::id(row, "host_id")?,
        name: row.try_get("name")?,
        slug: row.try_get("slug")?,
        kind: column::word::<ServiceKind>(row, "kind")?,
        source: column::optional_json(row, "source_json")?,
        settings: column::json(row, "settings_json")?,
        replicas: column::number(row, "replicas")?,
        desired: column::word(row, "desired")?,
        lock_version: column::number(row, "lock_version")?,
        last_number: column::number(row, "last_number")?,
        active: column::optional_id(row, "active_release_id")?,
        target: column::optional_id(row, "target_release_id")?,
        is_settled: row.try_get("is_settled")?,
        deleted_at: column::optional_time(row, "deleted_at")?,
        is_tombstone: row.try_get("is_tombstone")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
    })
}
