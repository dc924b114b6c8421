//! A snapshot's row, and how it is found.

use jiff::Timestamp;
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::SnapshotSpec;
use miosa_domain::{Generation, HostId, Refusal, SnapshotId, TenantId, VolumeId};

use super::SnapshotRecord;
use crate::error::StoreError;
pub use crate::sql::save;
use crate::sql::{self, FromRow, query};
use crate::store::Tx;

/// A snapshot that clients can see. One that was deleted is refused with the time when that was.
pub async fn load_present(
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
pub async fn load_any(tx: &mut Tx, id: SnapshotId) -> Result<Option<SnapshotRecord>, StoreError> {
    query("read a snapshot", "SELECT * FROM snapshots WHERE id = $1").bind(id).optional(tx).await
}

/// Specs of the host's snapshots with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<SnapshotSpec>, StoreError> {
    const TEXT: &str = "SELECT * FROM snapshots WHERE host_id = $1 AND generation > $2 AND NOT is_gone";
    let snapshots: Vec<SnapshotRecord> =
        query("read changed snapshots", TEXT).bind(host_id).bind(since).all(tx).await?;
    Ok(snapshots.iter().map(SnapshotRecord::spec).collect())
}

/// Those of a volume that clients can see.
pub async fn present_of_volume(tx: &mut Tx, volume_id: VolumeId) -> Result<Vec<SnapshotRecord>, StoreError> {
    const TEXT: &str = "SELECT * FROM snapshots WHERE volume_id = $1 AND deleted_at IS NULL";
    query("read a volume's snapshots", TEXT).bind(volume_id).all(tx).await
}

/// Whether a snapshot with this trigger is being taken of the volume.
pub async fn is_in_progress(tx: &mut Tx, volume_id: VolumeId, trigger: Trigger) -> Result<bool, StoreError> {
    const TEXT: &str =
        "SELECT EXISTS (SELECT 1 FROM snapshots WHERE volume_id = $1 AND state = 'creating' AND cause = $2)";
    query("look for a snapshot in progress", TEXT).bind(volume_id).bind(trigger).one(tx).await
}

/// A volume with an expired snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Expired {
    /// True for one in the trash, which may come back.
    pub volume_exists: bool,
    /// Its ready and failed snapshots, oldest first; at least one.
    pub snapshots: Vec<SnapshotRecord>,
}

struct OfVolume {
    snapshot: SnapshotRecord,
    volume_exists: bool,
}

impl FromRow for OfVolume {
    fn from_row(row: &sql::Row) -> Result<Self, sqlx::Error> {
        Ok(Self { snapshot: SnapshotRecord::from_row(row)?, volume_exists: row.get("volume_exists")? })
    }
}

/// The volumes with a snapshot that has expired at `now`: of one tenant, one volume, or all.
pub async fn expired(
    tx: &mut Tx,
    tenant_id: Option<TenantId>,
    volume_id: Option<VolumeId>,
    now: Timestamp,
) -> Result<Vec<Expired>, StoreError> {
    const TEXT: &str =
        "SELECT s.*, EXISTS (SELECT 1 FROM volumes v WHERE v.id = s.volume_id AND v.presence <> 'purged')
             AS volume_exists
         FROM snapshots s
         WHERE s.deleted_at IS NULL AND s.state IN ('ready', 'failed') AND s.volume_id IN (
             SELECT e.volume_id FROM snapshots e
             WHERE e.expires_at <= $1 AND e.deleted_at IS NULL AND e.state IN ('ready', 'failed')
               AND ($2 IS NULL OR e.tenant_id = $2) AND ($3 IS NULL OR e.volume_id = $3))
         ORDER BY s.volume_id, COALESCE(s.taken_at, 0), s.id";
    let rows: Vec<OfVolume> =
        query("read expired snapshots", TEXT).bind(now).bind(tenant_id).bind(volume_id).all(tx).await?;
    let mut expired: Vec<Expired> = Vec::new();
    for OfVolume { snapshot, volume_exists } in rows {
        match expired.last_mut() {
            Some(volume) if volume.snapshots[0].volume_id == snapshot.volume_id => {
                volume.snapshots.push(snapshot);
            }
            _ => expired.push(Expired { volume_exists, snapshots: vec![snapshot] }),
        }
    }
    Ok(expired)
}
