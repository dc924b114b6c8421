//! The way to the trash, back from it, and out of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::spec::{Origin, Presence};
use miosa_domain::volume::{self, Lifecycle, VolumeState};
use miosa_domain::{HostId, Refusal, TenantId, VolumeId};

use super::{VolumeRecord, row};
use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::sql::query;
use crate::store::{Store, Tx};
use crate::{attachment, host, schedule, service};
use crate::{transact, verb};

impl Store {
    /// Writes the intent to move the volume to the trash.
    pub async fn delete_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self, verb!("delete", "write the intent to delete a volume"), |tx| {
            let mut volume = row::load_present(tx, tenant_id, id).await?;
            may_delete(tx, &volume).await?;
            self.write_deletion(tx, &mut volume, now).await?;
            NewEvent::of_volume(&volume, EventKind::VolumeDeleted, "moved to the trash")
                .write(tx, now)
                .await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }

    /// Writes the intent to bring the volume back from the trash, if its project has room for it.
    pub async fn undelete_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        transact!(self, verb!("undelete", "write the intent to undelete a volume"), |tx| {
            let mut volume = row::load(tx, tenant_id, id)
                .await?
                .filter(|volume| volume.presence != Presence::Purged)
                .ok_or(Refusal::NotFound { what: "deleted volume" })?;
            volume::may_undelete(&volume.as_domain(&|_| true))?;
            self.limits.may_add_volume(row::count_present(tx, volume.project_id).await?)?;
            volume.move_to(Lifecycle::Restoring, now);
            volume.presence = Presence::Present;
            volume.deleted_at = None;
            volume.purge_after = None;
            volume.error = None;
            // Otherwise it would go back at once.
            volume.expires_at = volume.expires_at.filter(|at| *at > now);
            schedule::plan_anew(&mut volume, now);
            volume.generation = host::next_generation(tx, volume.host_id).await?;
            row::save(tx, &volume).await?;
            NewEvent::of_volume(&volume, EventKind::VolumeUndeleted, "brought back from the trash")
                .write(tx, now)
                .await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
            Ok(volume)
        })
    }

    /// Sends volumes to the trash whose time is over and that nobody has attached. Answers the hosts that have new specs.
    pub async fn delete_expired_volumes(&self, now: Timestamp) -> Result<Vec<HostId>, StoreError> {
        const DOING: &str = "send volumes to the trash whose time is over";
        const EXPIRED: &str = "SELECT id FROM volumes WHERE expires_at <= $1 AND deleted_at IS NULL";
        let expired: Vec<VolumeId> =
            query(DOING, EXPIRED).bind(now).all(&mut self.single(DOING).await?).await?;
        if expired.is_empty() {
            return Ok(Vec::new());
        }
        transact!(self, verb!("expire", DOING), |tx| {
            let mut hosts = BTreeSet::new();
            for id in &expired {
                let Some(mut volume) = row::load_any(tx, *id).await? else { continue };
                let is_over = volume.deleted_at.is_none() && volume.expires_at.is_some_and(|at| at <= now);
                // What is in use, or still on its way, is looked at again.
                match may_delete(tx, &volume).await {
                    Ok(()) if is_over => {}
                    Ok(()) | Err(StoreError::Refused(_)) => continue,
                    Err(error) => return Err(error),
                }
                self.write_deletion(tx, &mut volume, now).await?;
                NewEvent::of_volume(
                    &volume,
                    EventKind::VolumeExpired,
                    "its time is over; moved to the trash",
                )
                .write(tx, now)
                .await?;
                hosts.insert(volume.host_id);
            }
            Ok(hosts.into_iter().collect())
        })
    }

    async fn write_deletion(
        &self,
        tx: &mut Tx,
        volume: &mut VolumeRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        volume.move_to(Lifecycle::Deleting, now);
        volume.presence = Presence::Trashed;
        volume.deleted_at = Some(now);
        let retention = SignedDuration::from_hours(24 * i64::from(self.limits.trash_retention_days));
        volume.purge_after = Some(now.saturating_add(retention).unwrap_or(Timestamp::MAX));
        volume.generation = host::next_generation(tx, volume.host_id).await?;
        row::save(tx, volume).await
    }

    /// Takes back a volume that its host could not make. Nothing of it is in the trash, and its host removes what there may
    /// be. `false` when it is no longer in `error`: then it stays.
    pub async fn withdraw_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        transact!(self, verb!("withdraw a volume that could not be made"), |tx| {
            let mut volume = row::load_present(tx, tenant_id, id).await?;
            if volume.lifecycle != Lifecycle::Error || !volume.attachments.is_empty() {
                return Ok(false);
            }
            volume.move_to(Lifecycle::Deleting, now);
            volume.presence = Presence::Purged;
            volume.deleted_at = Some(now);
            volume.generation = host::next_generation(tx, volume.host_id).await?;
            row::save(tx, &volume).await?;
            idempotency::forget_unanswered(tx, id.uuid()).await?;
            Ok(true)
        })
    }

    /// Lets go of trashed volumes whose time has come, on hosts that have reported everything since they connected: before
    /// that, a database restored from an older copy could purge what was undeleted since. Answers the hosts that have new specs.
    pub async fn purge_due_volumes(
        &self,
        reported_hosts: &[HostId],
        now: Timestamp,
    ) -> Result<Vec<HostId>, StoreError> {
        const DOING: &str = "purge volumes whose time in the trash is over";
        transact!(self, verb!(DOING), |tx| {
            let due: Vec<VolumeRecord> = query(
                DOING,
                row::select!(
                    "WHERE v.purge_after <= $1 AND v.lifecycle = 'deleted' AND v.presence = 'trashed'"
                ),
            )
            .bind(now)
            .all(tx)
            .await?;
            let mut hosts = Vec::new();
            for mut volume in due {
                if !reported_hosts.contains(&volume.host_id) {
                    continue;
                }
                volume.presence = Presence::Purged;
                volume.updated_at = now;
                volume.generation = host::next_generation(tx, volume.host_id).await?;
                row::save(tx, &volume).await?;
                hosts.push(volume.host_id);
            }
            hosts.sort_unstable();
            hosts.dedup();
            Ok(hosts)
        })
    }
}

/// The rules, with what only the database knows: forks that are being made, and restores in place.
async fn may_delete(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    refuse_if_in_motion(tx, volume).await?;
    service::refuse_if_used(tx, volume).await?;
    volume::may_delete(&volume.as_domain(&|_| true), &attachment::as_domain(&volume.attachments))?;
    Ok(())
}

/// A volume whose data is about to be replaced, or to be cloned for a fork, must stay as it is until that is done.
pub(crate) async fn refuse_if_in_motion(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    let not_ready =
        |state, reason: String| Refusal::VolumeNotReady { volume_id: volume.id, state, reason: Some(reason) };
    if volume.restore.is_some() {
        return Err(not_ready(VolumeState::Restoring, "it is being restored in place".into()).into());
    }
    let being_made = super::being_made(tx, volume.host_id).await?;
    let fork = being_made
        .iter()
        .find(|(_, origin)| matches!(origin, Some(Origin::Volume { id, .. }) if *id == volume.id));
    match fork {
        Some((fork, _)) => {
            let reason = format!("its fork {fork} is being made");
            Err(not_ready(volume.state(&|_| true), reason).into())
        }
        None => Ok(()),
    }
}
