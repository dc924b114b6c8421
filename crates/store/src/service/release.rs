//! Releases: numbered copies of what a service runs, which never change. What does change is what became of one.

use jiff::Timestamp;
use miosa_domain::service::{ReasonCode, ReleaseReason, ReleaseState, RunSettings};
use miosa_domain::{Refusal, ReleaseId, ServiceId, SnapshotId, TenantId, VolumeId};
use serde::{Deserialize, Serialize};

use super::{Source, row};
use crate::error::StoreError;
use crate::page::{self, Cursor, ListPage, ListRequest};
pub(super) use crate::sql::save;
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::view;

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "releases", kind = Release)]
pub struct ReleaseRecord {
    #[row(key)]
    pub id: ReleaseId,
    #[row(fixed)]
    pub service_id: ServiceId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    /// Counted from 1 within the service.
    #[row(fixed)]
    pub number: u64,
    #[row(fixed)]
    pub cause: ReleaseCause,
    pub state: ReleaseState,
    #[row(column = "reason_json")]
    pub reason: Option<ReleaseReason>,
    #[row(fixed, column = "source_json")]
    pub source: Option<Source>,
    #[row(fixed, column = "settings_json")]
    pub settings: RunSettings,
    #[row(fixed)]
    pub message: Option<String>,
    /// The number of the release whose settings it serves again.
    #[row(fixed)]
    pub serves_again: Option<u64>,
    /// Taken before it was deployed, so that its data can be rolled back too.
    #[row(column = "snapshots_json")]
    pub snapshots: Vec<ReleaseSnapshot>,
    /// Brought back before it is deployed.
    #[row(column = "restores_json")]
    pub restores: Vec<ReleaseRestore>,
    /// The longest time for which a replica's volumes were with nobody.
    pub handover_ms: Option<u64>,
    pub deploying_at: Option<Timestamp>,
    pub settled_at: Option<Timestamp>,
    #[row(fixed)]
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
        view!(self, "read a release", |tx| {
            Ok(load(tx, id).await?.filter(|release| release.tenant_id == tenant_id))
        })
    }

    /// A service's releases, newest first.
    pub async fn list_releases(
        &self,
        tenant_id: TenantId,
        service_id: ServiceId,
        request: &ListRequest,
    ) -> Result<ListPage<ReleaseRecord>, StoreError> {
        view!(self, "list releases", |tx| {
            row::load(tx, tenant_id, service_id).await?.ok_or(Refusal::NotFound { what: "service" })?;
            let mut all = of_service(tx, service_id).await?;
            if let Some(status) = &request.filters.status {
                all.retain(|release| release.state.as_str() == status);
            }
            Ok(page::cut(all, request, |release| Cursor {
                created_at_ms: release.created_at.as_millisecond(),
                id: release.id.uuid(),
            }))
        })
    }
}

/// Newest first.
pub(super) async fn of_service(tx: &mut Tx, id: ServiceId) -> Result<Vec<ReleaseRecord>, StoreError> {
    query("read a service's releases", "SELECT * FROM releases WHERE service_id = $1 ORDER BY number DESC")
        .bind(id)
        .all(tx)
        .await
}

pub(super) async fn newest(tx: &mut Tx, id: ServiceId) -> Result<Option<ReleaseRecord>, StoreError> {
    query(
        "read a service's newest release",
        "SELECT * FROM releases WHERE service_id = $1 ORDER BY number DESC LIMIT 1",
    )
    .bind(id)
    .optional(tx)
    .await
}

pub(super) async fn load(tx: &mut Tx, id: ReleaseId) -> Result<Option<ReleaseRecord>, StoreError> {
    query("read a release", "SELECT * FROM releases WHERE id = $1").bind(id).optional(tx).await
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
