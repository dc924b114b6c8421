//! A volume's row, and how it is found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::schedule::Plan;
use miosa_domain::spec::VolumeSpec;
use miosa_domain::{Generation, HostId, ProjectId, Refusal, TenantId, VolumeId};

use super::{OwnOfReplica, SnapshotSums, VolumeRecord};
use crate::attachment::{self, AttachmentRecord};
use crate::error::StoreError;
use crate::schedule::{ScheduleState, VolumeSchedule};
pub use crate::sql::save;
use crate::sql::{self, Columns, ToValue, Value, query};
use crate::store::Tx;

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

/// Volumes that count against the project's limit: the trash does not, nor do volumes of replicas' own.
pub async fn count_present(tx: &mut Tx, project_id: ProjectId) -> Result<u32, StoreError> {
    query(
        "count a project's volumes",
        "SELECT COUNT(*) FROM volumes WHERE project_id = $1 AND deleted_at IS NULL AND replica_of IS NULL",
    )
    .bind(project_id)
    .one(tx)
    .await
}

/// A volume that clients can see. One that was deleted is refused with the time when that was.
pub async fn load_present(
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

pub async fn load(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: VolumeId,
) -> Result<Option<VolumeRecord>, StoreError> {
    let volume = load_any(tx, id).await?;
    Ok(volume.filter(|volume| volume.tenant_id == tenant_id))
}

/// Of any tenant: for reports, which speak of volumes by id alone.
pub async fn load_any(tx: &mut Tx, id: VolumeId) -> Result<Option<VolumeRecord>, StoreError> {
    let volume: Option<VolumeRecord> =
        query("read a volume", select!("WHERE v.id = $1")).bind(id).optional(tx).await?;
    let Some(mut volume) = volume else { return Ok(None) };
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

/// Volumes in the trash whose time there is over.
pub async fn due_for_purge(tx: &mut Tx, now: Timestamp) -> Result<Vec<VolumeRecord>, StoreError> {
    const TEXT: &str =
        select!("WHERE v.purge_after <= $1 AND v.lifecycle = 'deleted' AND v.presence = 'trashed'");
    query("read volumes whose time in the trash is over", TEXT).bind(now).all(tx).await
}

/// The scheduler next considers the volume at `until`, whatever [`save`] derived from its plan.
pub async fn put_off_schedule(tx: &mut Tx, id: VolumeId, until: Timestamp) -> Result<(), StoreError> {
    const TEXT: &str = "UPDATE volumes SET schedule_wake_at = $2 WHERE id = $1";
    query("put off a schedule", TEXT).bind(id).bind(until).execute(tx).await.map(drop)
}

/// Those with a planned run, without their attachments.
pub(super) async fn scheduled(tx: &mut Tx) -> Result<Vec<VolumeRecord>, StoreError> {
    query("read volumes with a schedule", select!("WHERE v.schedule_wake_at IS NOT NULL")).all(tx).await
}

/// Specs of the host's volumes with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<VolumeSpec>, StoreError> {
    const TEXT: &str = select!("WHERE v.host_id = $1 AND v.generation > $2 AND NOT v.is_tombstone");
    let volumes: Vec<VolumeRecord> =
        query("read changed volumes", TEXT).bind(host_id).bind(since).all(tx).await?;
    Ok(volumes.iter().map(VolumeRecord::spec).collect())
}

impl Columns<5> for Option<VolumeSchedule> {
    fn values(&self) -> [Value; 5] {
        let schedule = self.as_ref();
        let plan = schedule.and_then(|schedule| schedule.plan);
        [
            schedule.map(|schedule| &schedule.text).to_value(),
            plan.map(|plan| plan.due).to_value(),
            plan.map(|plan| plan.run_at).to_value(),
            plan.map_or(0, |plan| plan.failures).to_value(),
            schedule.map(|schedule| &schedule.state).filter(|state| **state != ScheduleState::Ok).to_value(),
        ]
    }

    fn read(
        row: &sql::Row,
        [text, due, run_at, failures, state]: [&'static str; 5],
    ) -> Result<Self, sqlx::Error> {
        let Some(text) = row.get(text)? else { return Ok(None) };
        let failures = row.get(failures)?;
        let times = row.get::<Option<_>>(due)?.zip(row.get::<Option<_>>(run_at)?);
        Ok(Some(VolumeSchedule {
            text,
            plan: times.map(|(due, run_at)| Plan { due, run_at, failures }),
            state: row.get::<Option<_>>(state)?.unwrap_or(ScheduleState::Ok),
        }))
    }
}

impl Columns<2> for Option<OwnOfReplica> {
    fn values(&self) -> [Value; 2] {
        [self.map(|own| own.of).to_value(), self.map(|own| own.index).to_value()]
    }

    fn read(row: &sql::Row, [of, index]: [&'static str; 2]) -> Result<Self, sqlx::Error> {
        let own = row.get::<Option<_>>(of)?.zip(row.get::<Option<_>>(index)?);
        Ok(own.map(|(of, index)| OwnOfReplica { of, index }))
    }
}

impl Columns<2> for SnapshotSums {
    fn values(&self) -> [Value; 2] {
        [self.ready.to_value(), self.last_taken_at.to_value()]
    }

    fn read(row: &sql::Row, [ready, last_taken_at]: [&'static str; 2]) -> Result<Self, sqlx::Error> {
        Ok(Self { ready: row.get(ready)?, last_taken_at: row.get(last_taken_at)? })
    }
}
