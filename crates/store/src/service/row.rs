//! A service's row, and how it is found.

use miosa_domain::{Refusal, ServiceId, TenantId};

use super::{ServiceRecord, ServiceSight, already_deleted, release, replica, volumes};
use crate::error::StoreError;
use crate::sql::query;
pub(super) use crate::sql::save;
use crate::store::Tx;

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
    query("read a service", "SELECT * FROM services WHERE id = $1").bind(id).optional(tx).await
}

/// Newest first.
pub(super) async fn of_tenant(tx: &mut Tx, id: TenantId) -> Result<Vec<ServiceRecord>, StoreError> {
    query(
        "read a tenant's services",
        "SELECT * FROM services WHERE tenant_id = $1 AND NOT is_tombstone ORDER BY created_at DESC, id DESC",
    )
    .bind(id)
    .all(tx)
    .await
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
