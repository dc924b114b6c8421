//! Deletion of volumes: into the trash, back from it, and out of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::spec::Presence;
use miosa_domain::volume::{self as rules, Lifecycle};
use miosa_domain::{HostId, Refusal, TenantId, VolumeId};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::idempotency::{self, Idempotency, ObjectRef};
use miosa_store::volume::{self, VolumeRecord};
use miosa_store::{StoreError, Tx, attachment, host, service, transact, verb};

use crate::{App, schedule};

impl App {
    /// Writes the intent to move the volume to the trash.
    pub(crate) async fn write_volume_deletion(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self.store(), verb!("delete", "write the intent to delete a volume"), |tx| {
            let mut volume = volume::load_present(tx, tenant_id, id).await?;
            may_delete(tx, &volume).await?;
            self.move_to_trash(tx, &mut volume, now).await?;
            let event = NewEvent::of_volume(&volume, EventKind::VolumeDeleted, "moved to the trash");
            event.write(tx, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }

    /// Writes the intent to bring the volume back from the trash, if its project has room for it.
    pub(crate) async fn write_volume_undelete(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self.store(), verb!("undelete", "write the intent to undelete a volume"), |tx| {
            let mut volume = volume::load(tx, tenant_id, id)
                .await?
                .filter(|volume| volume.presence != Presence::Purged)
                .ok_or(Refusal::NotFound { what: "deleted volume" })?;
            rules::may_undelete(&volume.as_domain(&|_| true))?;
            self.limits().may_add_volume(volume::count_present(tx, volume.project_id).await?)?;
            volume.move_to(Lifecycle::Restoring, now);
            volume.presence = Presence::Present;
            volume.deleted_at = None;
            volume.purge_after = None;
            volume.error = None;
            // A past time would move it back to the trash at once.
            volume.expires_at = volume.expires_at.filter(|at| *at > now);
            schedule::plan_from(&mut volume, now);
            volume.generation = host::next_generation(tx, volume.host_id).await?;
            volume::save(tx, &volume).await?;
            let event =
                NewEvent::of_volume(&volume, EventKind::VolumeUndeleted, "brought back from the trash");
            event.write(tx, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }

    /// Moves expired volumes to the trash. One that is in use is retried by the next run.
    pub async fn delete_expired_volumes(&self, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "move expired volumes to the trash";
        let expired = self.store().expired_volumes(now).await?;
        if expired.is_empty() {
            return Ok(());
        }
        transact!(self.store(), verb!("expire", DOING), |tx| {
            for id in &expired {
                let Some(mut volume) = volume::load_any(tx, *id).await? else { continue };
                let is_expired = volume.deleted_at.is_none() && volume.expires_at.is_some_and(|at| at <= now);
                match may_delete(tx, &volume).await {
                    Ok(()) if is_expired => {}
                    Ok(()) | Err(StoreError::Refused(_)) => continue,
                    Err(error) => return Err(error),
                }
                self.move_to_trash(tx, &mut volume, now).await?;
                let message = "its time is over; moved to the trash";
                NewEvent::of_volume(&volume, EventKind::VolumeExpired, message).write(tx, now).await?;
            }
            Ok(())
        })
    }

    async fn move_to_trash(
        &self,
        tx: &mut Tx,
        volume: &mut VolumeRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        volume.move_to(Lifecycle::Deleting, now);
        volume.presence = Presence::Trashed;
        volume.deleted_at = Some(now);
        let retention = SignedDuration::from_hours(24 * i64::from(self.limits().trash_retention_days));
        volume.purge_after = Some(now.saturating_add(retention).unwrap_or(Timestamp::MAX));
        volume.generation = host::next_generation(tx, volume.host_id).await?;
        volume::save(tx, volume).await
    }

    /// Withdraws a volume that its host could not create: it skips the trash, and its host removes any remains. Returns `false`
    /// if the volume is no longer in `error`; then it stays.
    pub(crate) async fn withdraw_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        transact!(self.store(), verb!("withdraw a volume that could not be created"), |tx| {
            let mut volume = volume::load_present(tx, tenant_id, id).await?;
            if volume.lifecycle != Lifecycle::Error || !volume.attachments.is_empty() {
                return Ok(false);
            }
            volume.move_to(Lifecycle::Deleting, now);
            volume.presence = Presence::Purged;
            volume.deleted_at = Some(now);
            volume.generation = host::next_generation(tx, volume.host_id).await?;
            volume::save(tx, &volume).await?;
            idempotency::forget_unanswered(tx, id.uuid()).await?;
            Ok(true)
        })
    }

    /// Purges volumes whose time in the trash is over, on hosts that have recovered: before that, a database restored from an
    /// older copy could purge a volume that was undeleted since. The data goes last: the spec becomes `Purged`, the host
    /// destroys the data and reports it gone, and only then does the row become a tombstone.
    pub(crate) async fn purge_trash(&self, recovered: &[HostId], now: Timestamp) -> Result<(), StoreError> {
        let recovered: BTreeSet<_> = recovered.iter().collect();
        transact!(self.store(), verb!("purge volumes whose time in the trash is over"), |tx| {
            let mut due = volume::due_for_purge(tx, now).await?;
            for volume in due.iter_mut().filter(|volume| recovered.contains(&volume.host_id)) {
                volume.presence = Presence::Purged;
                volume.updated_at = now;
                volume.generation = host::next_generation(tx, volume.host_id).await?;
                volume::save(tx, volume).await?;
            }
            Ok(())
        })
    }
}

/// The rules, with the facts that only the database has: forks in creation, restores in place, and services.
async fn may_delete(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    volume::refuse_if_in_motion(tx, volume).await?;
    service::refuse_if_used(tx, volume).await?;
    rules::may_delete(&volume.as_domain(&|_| true), &attachment::as_domain(&volume.attachments))?;
    Ok(())
}
