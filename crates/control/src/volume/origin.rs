//! The sources of new volumes: which are allowed, and the events of both histories.

use jiff::Timestamp;
use miosa_domain::spec::Origin;
use miosa_domain::{HostId, SnapshotId, TenantId, VolumeId, size, snapshot, volume};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::volume::VolumeRecord;
use miosa_store::{StoreError, Tx, snapshot as snapshots, volume as volumes};

/// The snapshot or volume that a new volume is made from.
pub(super) struct Source {
    pub(super) host_id: HostId,
    /// The volume whose history records the new volume.
    volume_id: VolumeId,
    volume_name: String,
    snapshot_id: Option<SnapshotId>,
    size_bytes: u64,
}

/// The source must belong to the tenant, be ready, and be at most as large as the new volume.
pub(super) async fn check(
    tx: &mut Tx,
    tenant_id: TenantId,
    origin: Option<Origin>,
    size_bytes: u64,
) -> Result<Option<Source>, StoreError> {
    let source = match origin {
        None => return Ok(None),
        Some(Origin::Snapshot { id }) => {
            let record = snapshots::load_present(tx, tenant_id, id).await?;
            snapshot::may_read(&record.as_domain(false))?;
            Source {
                host_id: record.host_id,
                volume_id: record.volume_id,
                snapshot_id: Some(id),
                size_bytes: record.facts().map_or(record.size_bytes, |facts| facts.size_bytes),
                volume_name: record.volume_name,
            }
        }
        Some(Origin::Volume { id, .. }) => {
            let record = volumes::load_present(tx, tenant_id, id).await?;
            volume::may_snapshot(&record.as_domain(&|_| true))?;
            Source {
                host_id: record.host_id,
                volume_id: id,
                volume_name: record.name,
                snapshot_id: None,
                size_bytes: record.size_bytes,
            }
        }
    };
    if size_bytes < source.size_bytes {
        return Err(StoreError::Invalid {
            field: "size_gb",
            message: format!(
                "must not be less than {}, the size of what it is made from: a volume cannot shrink",
                size::human(source.size_bytes)
            ),
        });
    }
    Ok(Some(source))
}

pub(super) async fn write_events(
    tx: &mut Tx,
    source: Option<Source>,
    made: &VolumeRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    let made_as = |message: String| {
        NewEvent::of_volume(made, EventKind::VolumeCreated, message).with_size(made.size_bytes)
    };
    let Some(source) = source else { return made_as("created empty".into()).write(tx, now).await };
    let (how, from) = match source.snapshot_id {
        None => ("forked", format!("volume {}", source.volume_name)),
        Some(id) => ("restored", format!("snapshot {id} of volume {}", source.volume_name)),
    };
    made_as(format!("{how} from {from}"))
        .with_snapshot(source.snapshot_id)
        .with_other_volume(source.volume_id)
        .write(tx, now)
        .await?;
    let message = format!("{how} to the new volume {}", made.name);
    NewEvent::new(made.tenant_id, source.volume_id, EventKind::VolumeForked, message)
        .with_snapshot(source.snapshot_id)
        .with_other_volume(made.id)
        .write(tx, now)
        .await
}
