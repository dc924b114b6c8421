//! What a database needs to stay small, and counts of what is in it.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::HostId;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::volume::Lifecycle;
use sqlx::Row;

use crate::column;
use crate::error::{StoreError, While};
use crate::schedule::ScheduleState;
use crate::schema::{Store, Tx};
use crate::{event, idempotency};

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
        let mut tx = self.write(DOING).await?;
        let mut removed = idempotency::remove_old(&mut tx, now).await?;
        removed += event::remove_old(&mut tx, now).await?;
        for statement in TOMBSTONES {
            let done = sqlx::query(statement).bind(oldest_ms).execute(&mut *tx).await.doing(DOING)?;
            removed += done.rows_affected();
        }
        tx.commit().await.doing(DOING)?;
        Ok(removed)
    }

    pub async fn counts(&self) -> Result<Counts, StoreError> {
        const DOING: &str = "count objects";
        let mut tx = self.read(DOING).await?;
        // Of several attachments the heaviest decides, as in `domain::volume::state`.
        let volumes = sqlx::query(
            "SELECT host_id, lifecycle, weight, COUNT(*) AS count FROM (
                 SELECT v.host_id, v.lifecycle, (
                     SELECT MAX(CASE a.state WHEN 'attached' THEN 4 WHEN 'attaching' THEN 3 WHEN 'failed' THEN 2 ELSE 1 END)
                     FROM attachments a WHERE a.volume_id = v.id AND a.deleted_at IS NULL) AS weight
                 FROM volumes v WHERE v.presence <> 'purged') AS weighed
             GROUP BY host_id, lifecycle, weight",
        )
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let volumes = volumes.iter().map(|row| {
            Ok(VolumeCount {
                host_id: column::id(row, "host_id")?,
                lifecycle: column::word(row, "lifecycle")?,
                attachment: match row.try_get::<Option<i64>, _>("weight")? {
                    None => None,
                    Some(4) => Some(AttachmentState::Attached),
                    Some(3) => Some(AttachmentState::Attaching),
                    Some(2) => Some(AttachmentState::Failed),
                    Some(_) => Some(AttachmentState::Detaching),
                },
                count: column::number(row, "count")?,
            })
        });
        let volumes = volumes.collect::<Result<_, _>>().doing(DOING)?;
        let computers = sqlx::query(
            "SELECT status AS word, COUNT(*) AS count FROM computers WHERE NOT is_tombstone AND service_id IS NULL GROUP BY status",
        )
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let computers =
            computers.iter().map(|row| Ok((column::word(row, "word")?, column::number(row, "count")?)));
        let computers = computers.collect::<Result<_, _>>().doing(DOING)?;
        let attachments = sqlx::query(
            "SELECT state AS word, COUNT(*) AS count FROM attachments WHERE deleted_at IS NULL GROUP BY state",
        )
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let attachments =
            attachments.iter().map(|row| Ok((column::word(row, "word")?, column::number(row, "count")?)));
        let attachments = attachments.collect::<Result<_, _>>().doing(DOING)?;
        let snapshots = sqlx::query(
            "SELECT state AS word, COUNT(*) AS count FROM snapshots WHERE NOT is_tombstone GROUP BY state",
        )
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let snapshots =
            snapshots.iter().map(|row| Ok((column::word(row, "word")?, column::number(row, "count")?)));
        let snapshots = snapshots.collect::<Result<_, _>>().doing(DOING)?;
        let schedules = count_schedules(&mut tx).await?;
        Ok(Counts { volumes, computers, attachments, snapshots, schedules })
    }
}

async fn count_schedules(tx: &mut Tx) -> Result<ScheduleCounts, StoreError> {
    const DOING: &str = "count schedules";
    let rows = sqlx::query(
        "SELECT schedule_state_json, COUNT(*) AS count FROM volumes
         WHERE snapshot_schedule IS NOT NULL AND deleted_at IS NULL GROUP BY schedule_state_json",
    )
    .fetch_all(&mut **tx)
    .await
    .doing(DOING)?;
    let mut counts = ScheduleCounts::default();
    for row in &rows {
        let count: u64 = column::number(row, "count").doing(DOING)?;
        match column::optional_json(row, "schedule_state_json").doing(DOING)? {
            None | Some(ScheduleState::Ok) => counts.ok += count,
            Some(ScheduleState::Paused { .. }) => counts.paused += count,
            Some(ScheduleState::Failing(_)) => counts.failing += count,
        }
    }
    Ok(counts)
}
