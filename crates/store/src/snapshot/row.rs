//! A snapshot's row, and how it is found.

use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::SnapshotSpec;
use miosa_domain::{Generation, HostId, Refusal, SnapshotId, TenantId, VolumeId};

use super::SnapshotRecord;
use crate::error::StoreError;
use crate::sql::query;
pub(crate) use crate::sql::save;
use crate::store::Tx;

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

/// The volume's days of retention have changed: its snapshots expire accordingly.
pub(crate) async fn keep_for_days(tx: &mut Tx, volume_id: VolumeId, days: u32) -> Result<(), StoreError> {
    const TEXT: &str = "SELECT * FROM snapshots WHERE volume_id = $1 AND deleted_at IS NULL";
    let snapshots: Vec<SnapshotRecord> =
        query("change when a volume's snapshots expire", TEXT).bind(volume_id).all(tx).await?;
    for mut snapshot in snapshots {
        // One that failed stays for a time of its own.
        if snapshot.trigger != Trigger::Manual && snapshot.state != SnapshotState::Failed {
            snapshot.expire_by(snapshot.taken_at(), days);
            save(tx, &snapshot).await?;
        }
    }
    Ok(())
}
