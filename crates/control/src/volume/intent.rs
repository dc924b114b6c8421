//! The transactions that create and change volumes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::schedule::Schedule;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::{Hooks, Origin, Presence};
use miosa_domain::volume::{self as rules, Lifecycle};
use miosa_domain::{Generation, HostId, ProjectId, TenantId, VolumeId, retention};
use miosa_store::idempotency::{self, Idempotency, ObjectRef};
use miosa_store::schedule::VolumeSchedule;
use miosa_store::snapshot::{self as snapshots, SnapshotRecord};
use miosa_store::volume::{self, SnapshotSums, VolumeRecord};
use miosa_store::{StoreError, host, tenant, transact, verb};

use super::origin;
use crate::{App, HooksChange, NewVolume, schedule};

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct VolumeChange {
    pub name: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub delete_protection: Option<bool>,
    /// `Some(None)` switches it off.
    pub schedule: Option<Option<Schedule>>,
    pub retention_days: Option<u32>,
    pub hooks: HooksChange,
}

/// A volume that is about to be created.
#[derive(Debug, Clone)]
pub(crate) struct VolumeDraft {
    pub(crate) id: VolumeId,
    pub(crate) tenant_id: TenantId,
    /// Without an origin; with one, the origin's host is used.
    pub(crate) host_id: HostId,
    pub(crate) origin: Option<Origin>,
    /// When it is moved to the trash automatically.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) new: NewVolume,
}

impl App {
    /// Writes the intent `creating`, unless the project has reached its limit.
    pub(crate) async fn write_new_volume(
        &self,
        draft: &VolumeDraft,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        let (tenant_id, id) = (draft.tenant_id, draft.id);
        transact!(self.store(), verb!("create", "write the intent to create a volume"), |tx| {
            let project_id = tenant::project(tx, tenant_id, draft.new.project_id).await?;
            self.limits().may_add_volume(volume::count_present(tx, project_id).await?)?;
            let source = origin::check(tx, tenant_id, draft.origin, draft.new.size_bytes).await?;
            let host_id = source.as_ref().map_or(draft.host_id, |source| source.host_id);
            let generation = host::next_generation(tx, host_id).await?;
            let record = first_record(draft, project_id, host_id, generation, now);
            volume::save(tx, &record).await?;
            origin::write_events(tx, source, &record, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(record)
        })
    }

    pub(crate) async fn write_volume_change(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        change: &VolumeChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self.store(), verb!("change a volume"), |tx| {
            let change = change.clone();
            let mut volume = volume::load_present(tx, tenant_id, id).await?;
            volume.name = change.name.unwrap_or(volume.name);
            volume.metadata = change.metadata.unwrap_or(volume.metadata);
            volume.delete_protection = change.delete_protection.unwrap_or(volume.delete_protection);
            volume.hooks = change.hooks.apply(&volume.hooks);
            volume.updated_at = now;
            if let Some(schedule) = change.schedule {
                schedule::change(tx, &mut volume, schedule, now).await?;
            }
            if let Some(days) = change.retention_days.filter(|days| *days != volume.retention_days) {
                volume.retention_days = days;
                for snapshot in &mut snapshots::present_of_volume(tx, id).await? {
                    if follows_retention(snapshot) {
                        snapshot.expire_by(snapshot.taken_at(), days);
                        snapshots::save(tx, snapshot).await?;
                    }
                }
            }
            volume::save(tx, &volume).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }

    /// Requests one more compaction of the volume's image.
    pub(crate) async fn write_compaction(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self.store(), verb!("write the intent to compact a volume"), |tx| {
            let mut volume = volume::load_present(tx, tenant_id, id).await?;
            rules::may_snapshot(&volume.as_domain(&|_| true))?;
            volume.compaction += 1;
            volume.updated_at = now;
            volume.generation = host::next_generation(tx, volume.host_id).await?;
            volume::save(tx, &volume).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }
}

/// A manual snapshot keeps the expiry that its caller gave it, and a failed one has a fixed time.
fn follows_retention(snapshot: &SnapshotRecord) -> bool {
    snapshot.trigger != Trigger::Manual && snapshot.state != SnapshotState::Failed
}

fn first_record(
    draft: &VolumeDraft,
    project_id: ProjectId,
    host_id: HostId,
    generation: Generation,
    now: Timestamp,
) -> VolumeRecord {
    let new = draft.new.clone();
    VolumeRecord {
        id: draft.id,
        tenant_id: draft.tenant_id,
        project_id,
        workspace_id: new.workspace_id,
        host_id,
        name: new.name,
        size_bytes: new.size_bytes,
        metadata: new.metadata,
        delete_protection: new.delete_protection,
        lifecycle: Lifecycle::Creating,
        presence: Presence::Present,
        was_ready: false,
        incarnation: 0,
        origin: draft.origin,
        compaction: 0,
        schedule: new.schedule.map(|schedule| VolumeSchedule::new(&schedule, draft.id, now)),
        retention_days: new.retention_days.unwrap_or(retention::DEFAULT_DAYS),
        hooks: new.hooks.apply(&Hooks::default()),
        expires_at: draft.expires_at,
        restore: None,
        space: None,
        reported_compaction: None,
        generation,
        reported_generation: Generation::default(),
        error: None,
        used_bytes: 0,
        deleted_at: None,
        purge_after: None,
        is_tombstone: false,
        created_at: now,
        updated_at: now,
        replica: None,
        attachments: Vec::new(),
        snapshots: SnapshotSums::default(),
    }
}
