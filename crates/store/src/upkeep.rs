//! What a database needs to stay small, and counts of what is in it.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::HostId;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::volume::Lifecycle;

use crate::error::StoreError;
use crate::schedule::ScheduleState;
use crate::sql::query;
use crate::store::{Store, Tx};
use crate::{event, idempotency, outbox};
use crate::{transact, verb, view};

/// How long it is remembered when something was deleted.
pub const TOMBSTONE_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Objects of all tenants, by what their states follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub volumes: Vec<VolumeCount>,
    pub snapshots: Vec<(SnapshotState, u64)>,
    pub schedules: ScheduleCounts,
    pub computers: Vec<(ComputerStatus, u64)>,
    pub attachments: Vec<(AttachmentState, u64)>,
}

/// Volumes with a snapshot schedule, by what became of its last run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScheduleCounts {
    pub ok: u64,
    pub failing: u64,
    pub paused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeCount {
    pub host_id: HostId,
    pub lifecycle: Lifecycle,
    /// Of the attachment that decides the volume's state.
    pub attachment: Option<AttachmentState>,
    pub count: u64,
}

impl Store {
    /// Removes idempotency keys, events and tombstones that are too old to matter. Answers how many rows went.
    pub async fn remove_old_rows(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "remove old rows";
        // Attachments first: they refer to computers and volumes. Snapshots keep the days of retention of their volume.
        const TOMBSTONES: [&str; 6] = [
            "DELETE FROM attachments WHERE deleted_at < $1 AND NOT in_spec",
            "DELETE FROM computers WHERE deleted_at < $1 AND is_tombstone
                 AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.computer_id = computers.id)",
            "DELETE FROM releases WHERE service_id IN (SELECT id FROM services WHERE deleted_at < $1 AND is_tombstone)",
            "DELETE FROM services WHERE deleted_at < $1 AND is_tombstone
                 AND NOT EXISTS (SELECT 1 FROM computers c WHERE c.service_id = services.id)",
            "DELETE FROM snapshots WHERE deleted_at < $1 AND is_tombstone",
            "DELETE FROM volumes WHERE deleted_at < $1 AND is_tombstone
                 AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.volume_id = volumes.id)
                 AND NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.volume_id = volumes.id)",
        ];
        let oldest_ms = now.as_millisecond() - TOMBSTONE_RETENTION.as_millis() as i64;
        transact!(self, verb!(DOING), |tx| {
            let mut removed = idempotency::remove_old(tx, now).await?;
            removed += event::remove_old(tx, now).await?;
            removed += outbox::remove_old(tx, now).await?;
            for statement in TOMBSTONES {
                removed += query(DOING, statement).bind(oldest_ms).execute(tx).await?;
            }
            Ok(removed)
        })
    }

    pub async fn counts(&self) -> Result<Counts, StoreError> {
        const DOING: &str = "count objects";
        view!(self, DOING, |tx| {
            // Of several attachments the heaviest decides, as in `domain::volume::state`.
            const VOLUMES: &str = "SELECT host_id, lifecycle, weight, COUNT(*) FROM (
                 SELECT v.host_id, v.lifecycle, (
                     SELECT CAST(MAX(CASE a.state WHEN 'attached' THEN 4 WHEN 'attaching' THEN 3 WHEN 'failed' THEN 2 ELSE 1 END)
                                 AS BIGINT)
                     FROM attachments a WHERE a.volume_id = v.id AND a.deleted_at IS NULL) AS weight
                 FROM volumes v WHERE v.presence <> 'purged') AS weighed
             GROUP BY host_id, lifecycle, weight";
            const COMPUTERS: &str = "SELECT status, COUNT(*) FROM computers WHERE NOT is_tombstone AND service_id IS NULL GROUP BY status";
            const ATTACHMENTS: &str =
                "SELECT state, COUNT(*) FROM attachments WHERE deleted_at IS NULL GROUP BY state";
            const SNAPSHOTS: &str =
                "SELECT state, COUNT(*) FROM snapshots WHERE NOT is_tombstone GROUP BY state";
            let volumes: Vec<(HostId, Lifecycle, Option<u32>, u64)> = query(DOING, VOLUMES).all(tx).await?;
            let volumes = volumes.into_iter().map(|(host_id, lifecycle, weight, count)| {
                let attachment = weight.map(|weight| match weight {
                    4 => AttachmentState::Attached,
                    3 => AttachmentState::Attaching,
                    2 => AttachmentState::Failed,
                    _ => AttachmentState::Detaching,
                });
                VolumeCount { host_id, lifecycle, attachment, count }
            });
            Ok(Counts {
                volumes: volumes.collect(),
                computers: query(DOING, COMPUTERS).all(tx).await?,
                attachments: query(DOING, ATTACHMENTS).all(tx).await?,
                snapshots: query(DOING, SNAPSHOTS).all(tx).await?,
                schedules: count_schedules(tx).await?,
            })
        })
    }
}

async fn count_schedules(tx: &mut Tx) -> Result<ScheduleCounts, StoreError> {
    const TEXT: &str = "SELECT schedule_state_json, COUNT(*) FROM volumes
         WHERE snapshot_schedule IS NOT NULL AND deleted_at IS NULL GROUP BY schedule_state_json";
    let mut counts = ScheduleCounts::default();
    for (state, count) in query("count schedules", TEXT).all::<(Option<ScheduleState>, u64)>(tx).await? {
        match state {
            None | Some(ScheduleState::Ok) => counts.ok += count,
            Some(ScheduleState::Paused { .. }) => counts.paused += count,
            Some(ScheduleState::Failing(_)) => counts.failing += count,
        }
    }
    Ok(counts)
}
