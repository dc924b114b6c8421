//! A volume's row, and how it is found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::schedule::Plan;
use miosa_domain::spec::VolumeSpec;
use miosa_domain::{Generation, HostId, ProjectId, Refusal, TenantId, VolumeId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{OwnOfReplica, SnapshotSums, VolumeRecord};
use crate::attachment::{self, AttachmentRecord};
use crate::column;
use crate::error::{StoreError, While};
use crate::schedule::{self, ScheduleState, VolumeSchedule};
use crate::schema::Tx;

/// The columns of a volume `v`: its own, and the sums of its snapshots, which are two looks into an index.
macro_rules! columns {
    () => {
        "v.*, (SELECT COUNT(*) FROM snapshots s WHERE s.volume_id = v.id AND s.state = 'ready') AS snapshots_ready,
         (SELECT MAX(s.taken_at) FROM snapshots s WHERE s.volume_id = v.id AND s.state = 'ready')
             AS snapshots_last_taken_at"
    };
}
pub(super) use columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", $crate::volume::row::columns!(), " FROM volumes v ", $rest)
    };
}
pub(super) use select;

/// Volumes that count against the project's limit: the trash does not, nor do volumes of replicas' own.
pub(super) async fn count_present(tx: &mut Tx, project_id: ProjectId) -> Result<u32, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM volumes WHERE project_id = $1 AND deleted_at IS NULL AND replica_of IS NULL",
    )
    .bind(project_id.to_string())
    .fetch_one(&mut **tx)
    .await
    .doing("count a project's volumes")?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A volume that clients can see. One that was deleted is refused with the time when that was.
pub(crate) async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: VolumeId,
) -> Result<VolumeRecord, StoreError> {
    let volume = load(tx, tenant_id, id).await?.ok_or(Refusal::NotFound { what: "volume" })?;
    match volume.deleted_at {
        None => Ok(volume),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "volume", deleted_at: at.to_string() }.into()),
    }
}

pub(crate) async fn load(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: VolumeId,
) -> Result<Option<VolumeRecord>, StoreError> {
    let volume = load_any(tx, id).await?;
    Ok(volume.filter(|volume| volume.tenant_id == tenant_id))
}

/// Of any tenant: for reports, which speak of volumes by id alone.
pub(crate) async fn load_any(tx: &mut Tx, id: VolumeId) -> Result<Option<VolumeRecord>, StoreError> {
    const DOING: &str = "read a volume";
    let row = sqlx::query(select!("WHERE v.id = $1"))
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let mut volume = from_row(&row).doing(DOING)?;
    volume.attachments = attachment::visible_of_volume(tx, id).await?;
    Ok(Some(volume))
}

pub(super) async fn attach_attachments(
    tx: &mut Tx,
    tenant_id: TenantId,
    volumes: &mut [VolumeRecord],
) -> Result<(), StoreError> {
    if volumes.is_empty() {
        return Ok(());
    }
    let mut by_volume: BTreeMap<VolumeId, Vec<AttachmentRecord>> = BTreeMap::new();
    for attachment in attachment::visible_of_tenant(tx, tenant_id).await? {
        by_volume.entry(attachment.volume_id).or_default().push(attachment);
    }
    for volume in volumes {
        volume.attachments = by_volume.remove(&volume.id).unwrap_or_default();
    }
    Ok(())
}

/// Those that the scheduler looks at, without their attachments.
pub(crate) async fn scheduled(tx: &mut Tx) -> Result<Vec<VolumeRecord>, StoreError> {
    const DOING: &str = "read volumes with a schedule";
    let rows = sqlx::query(select!("WHERE v.schedule_wake_at IS NOT NULL"))
        .fetch_all(&mut **tx)
        .await
        .doing(DOING)?;
    rows.iter().map(from_row).collect::<Result<_, _>>().doing(DOING)
}

/// Specs of the host's volumes with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<VolumeSpec>, StoreError> {
    const DOING: &str = "read changed volumes";
    let rows = sqlx::query(select!("WHERE v.host_id = $1 AND v.generation > $2 AND NOT v.is_tombstone"))
        .bind(host_id.to_string())
        .bind(column::to_bigint(since.0))
        .fetch_all(&mut **tx)
        .await
        .doing(DOING)?;
    let specs = rows.iter().map(|row| from_row(row).map(|volume| volume.spec()));
    specs.collect::<Result<_, _>>().doing(DOING)
}

/// Writes the whole row, new or not.
pub(crate) async fn save(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    let schedule = volume.schedule.as_ref();
    let plan = schedule.and_then(|schedule| schedule.plan);
    sqlx::query(
        "INSERT INTO volumes (id, tenant_id, project_id, workspace_id, host_id, name, size_bytes, metadata_json,
             delete_protection, lifecycle, presence, generation, reported_generation, error_json, used_bytes, deleted_at,
             purge_after, is_tombstone, created_at, updated_at, was_ready, incarnation, origin_json, compaction,
             snapshot_schedule, schedule_due, schedule_run_at, schedule_failures, schedule_state_json, schedule_wake_at,
             snapshot_retention_days, hooks_json, expires_at, restore_json, space_json, compaction_json,
             replica_of, replica)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
             $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)
         ON CONFLICT (id) DO UPDATE SET name = $6, size_bytes = $7, metadata_json = $8, delete_protection = $9,
             lifecycle = $10, presence = $11, generation = $12, reported_generation = $13, error_json = $14,
             used_bytes = $15, deleted_at = $16, purge_after = $17, is_tombstone = $18, updated_at = $20, was_ready = $21,
             incarnation = $22, origin_json = $23, compaction = $24, snapshot_schedule = $25, schedule_due = $26,
             schedule_run_at = $27, schedule_failures = $28, schedule_state_json = $29, schedule_wake_at = $30,
             snapshot_retention_days = $31, hooks_json = $32, expires_at = $33, restore_json = $34, space_json = $35,
             compaction_json = $36",
    )
    .bind(volume.id.to_string())
    .bind(volume.tenant_id.to_string())
    .bind(volume.project_id.to_string())
    .bind(&volume.workspace_id)
    .bind(volume.host_id.to_string())
    .bind(&volume.name)
    .bind(column::to_bigint(volume.size_bytes))
    .bind(column::to_json(&volume.metadata))
    .bind(volume.delete_protection)
    .bind(volume.lifecycle.as_str())
    .bind(column::to_word(&volume.presence))
    .bind(column::to_bigint(volume.generation.0))
    .bind(column::to_bigint(volume.reported_generation.0))
    .bind(volume.error.as_ref().map(column::to_json))
    .bind(column::to_bigint(volume.used_bytes))
    .bind(volume.deleted_at.map(Timestamp::as_millisecond))
    .bind(volume.purge_after.map(Timestamp::as_millisecond))
    .bind(volume.is_tombstone)
    .bind(volume.created_at.as_millisecond())
    .bind(volume.updated_at.as_millisecond())
    .bind(volume.was_ready)
    .bind(column::to_bigint(volume.incarnation))
    .bind(volume.origin.as_ref().map(column::to_json))
    .bind(column::to_bigint(volume.compaction))
    .bind(schedule.map(|schedule| schedule.text.as_str()))
    .bind(plan.map(|plan| plan.due.as_millisecond()))
    .bind(plan.map(|plan| plan.run_at.as_millisecond()))
    .bind(plan.map_or(0, |plan| i64::from(plan.failures)))
    .bind(schedule.filter(|schedule| schedule.state != ScheduleState::Ok).map(|s| column::to_json(&s.state)))
    .bind(schedule::wake_at(volume).map(Timestamp::as_millisecond))
    .bind(i64::from(volume.retention_days))
    .bind(column::to_json(&volume.hooks))
    .bind(volume.expires_at.map(Timestamp::as_millisecond))
    .bind(volume.restore.as_ref().map(column::to_json))
    .bind(volume.space.as_ref().map(column::to_json))
    .bind(volume.reported_compaction.as_ref().map(column::to_json))
    .bind(volume.replica.map(|own| own.of.to_string()))
    .bind(volume.replica.map(|own| i64::from(own.index)))
    .execute(&mut **tx)
    .await
    .doing("write a volume")?;
    Ok(())
}

pub(super) fn from_row(row: &SqliteRow) -> Result<VolumeRecord, sqlx::Error> {
    Ok(VolumeRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        project_id: column::id(row, "project_id")?,
        workspace_id: row.try_get("workspace_id")?,
        host_id: column::id(row, "host_id")?,
        name: row.try_get("name")?,
        size_bytes: column::number(row, "size_bytes")?,
        metadata: column::json(row, "metadata_json")?,
        delete_protection: row.try_get("delete_protection")?,
        lifecycle: column::word(row, "lifecycle")?,
        presence: column::word(row, "presence")?,
        was_ready: row.try_get("was_ready")?,
        incarnation: column::number(row, "incarnation")?,
        origin: column::optional_json(row, "origin_json")?,
        compaction: column::number(row, "compaction")?,
        schedule: schedule_from_row(row)?,
        retention_days: column::number(row, "snapshot_retention_days")?,
        hooks: column::json(row, "hooks_json")?,
        expires_at: column::optional_time(row, "expires_at")?,
        restore: column::optional_json(row, "restore_json")?,
        space: column::optional_json(row, "space_json")?,
        reported_compaction: column::optional_json(row, "compaction_json")?,
        generation: Generation(column::number(row, "generation")?),
        reported_generation: Generation(column::number(row, "reported_generation")?),
        error: column::optional_json(row, "error_json")?,
        used_bytes: column::number(row, "used_bytes")?,
        deleted_at: column::optional_time(row, "deleted_at")?,
        purge_after: column::optional_time(row, "purge_after")?,
        is_tombstone: row.try_get("is_tombstone")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
        replica: column::optional_id(row, "replica_of")?
            .zip(column::optional_number(row, "replica")?)
            .map(|(of, index)| OwnOfReplica { of, index }),
        attachments: Vec::new(),
        snapshots: SnapshotSums {
            ready: column::number(row, "snapshots_ready")?,
            last_taken_at: column::optional_time(row, "snapshots_last_taken_at")?,
        },
    })
}

fn schedule_from_row(row: &SqliteRow) -> Result<Option<VolumeSchedule>, sqlx::Error> {
    let Some(text) = row.try_get::<Option<String>, _>("snapshot_schedule")? else { return Ok(None) };
    let due = column::optional_time(row, "schedule_due")?;
    let run_at = column::optional_time(row, "schedule_run_at")?;
    let failures = column::number(row, "schedule_failures")?;
    Ok(Some(VolumeSchedule {
        text,
        plan: due.zip(run_at).map(|(due, run_at)| Plan { due, run_at, failures }),
        state: column::optional_json(row, "schedule_state_json")?.unwrap_or(ScheduleState::Ok),
    }))
}
