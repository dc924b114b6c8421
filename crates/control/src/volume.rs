//! The verbs of volumes.

use miosa_api::v1::volumes::{Deleted, Volume};
use miosa_api::word::Word;
use miosa_domain::status::{CompactionState, Failure, FailureCode};
use miosa_domain::volume::{Lifecycle, VolumeState};
use miosa_domain::{HostId, Refusal, TenantId, VolumeId};
use miosa_store::volume::VolumeRecord;
use uuid::Uuid;

use crate::news::Wait;
use crate::{App, AppError, Caller, Idempotency, ListPage, ListRequest, NewVolume, now, to_the_end, view};

mod intent;
mod origin;
mod trash;

pub use intent::VolumeChange;
pub(crate) use intent::VolumeDraft;

impl App {
    /// Returns the volume once it is `available`; as `creating` after the wait; as `error` with its reason if the host cannot
    /// create it. A volume for which there is no room is withdrawn and refused.
    pub async fn create_volume(
        &self,
        caller: &Caller,
        new: NewVolume,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let host = app.place(None).await?;
            let id = VolumeId::from_uuid(Uuid::now_v7());
            let draft = VolumeDraft { id, tenant_id, host_id: host.id, origin: None, expires_at: None, new };
            app.make_volume(draft, idempotency, "create").await
        })
        .await
    }

    /// Writes the intent and waits for its outcome. A volume that cannot be created for a reason that the caller can remove is
    /// withdrawn.
    pub(crate) async fn make_volume(
        &self,
        draft: VolumeDraft,
        idempotency: Option<Idempotency>,
        verb: &'static str,
    ) -> Result<Volume, AppError> {
        let (tenant_id, id) = (draft.tenant_id, draft.id);
        let wait = self.wait_for(id.uuid());
        let volume = self.write_new_volume(&draft, idempotency.as_ref(), now()).await?;
        let volume = self.settled(volume, wait, verb).await?;
        if let Some(failure) = not_worth_keeping(&volume)
            && self.withdraw_volume(tenant_id, id, now()).await?
        {
            return Err(self.failure_refusal(volume.host_id, failure, "VOLUME_NOT_READY").await?.into());
        }
        Ok(self.volume_view(volume))
    }

    pub async fn list_volumes(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Volume>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let is_reachable = |host_id| self.hosts().is_reachable(host_id);
        let page = self.store().list_volumes(caller.tenant_id, &request, &is_reachable).await?;
        Ok(page.map(|volume| self.volume_view(volume)))
    }

    pub async fn get_volume(&self, caller: &Caller, id: VolumeId) -> Result<Volume, AppError> {
        Ok(self.volume_view(self.present_volume(caller.tenant_id, id).await?))
    }

    /// A volume that is not in the trash.
    pub(crate) async fn present_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
    ) -> Result<VolumeRecord, AppError> {
        let volume = self.read_volume(tenant_id, id).await?;
        match volume.deleted_at {
            None => Ok(volume),
            Some(at) => Err(Refusal::AlreadyDeleted { what: "volume", deleted_at: at.to_string() }.into()),
        }
    }

    /// A volume whose host is reachable. Without its host an instant could not be kept: the work would be done at some later
    /// time.
    pub(crate) async fn reachable_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
    ) -> Result<VolumeRecord, AppError> {
        let volume = self.present_volume(tenant_id, id).await?;
        if self.hosts().is_reachable(volume.host_id) {
            return Ok(volume);
        }
        Err(Refusal::VolumeNotReady { volume_id: id, state: VolumeState::Unavailable, reason: None }.into())
    }

    pub async fn update_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        change: VolumeChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let changed =
            self.write_volume_change(caller.tenant_id, id, &change, idempotency.as_ref(), now()).await?;
        Ok(self.volume_view(changed))
    }

    /// Clients no longer see the volume after the commit; the response waits until its data is in the trash.
    pub async fn delete_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let wait = app.wait_for(id.uuid());
            let volume = app.write_volume_deletion(tenant_id, id, idempotency.as_ref(), now()).await?;
            let volume = app.settled(volume, wait, "delete").await?;
            match (volume.lifecycle, volume.error) {
                (Lifecycle::Error, Some(failure)) => {
                    let message = format!("volume {id} could not be moved to the trash: {}", failure.message);
                    Err(Refusal::HostRefused { code: "VOLUME_NOT_READY", message }.into())
                }
                (lifecycle, _) => Ok(view::deleted(id, Word::of(lifecycle.as_str()))),
            }
        })
        .await
    }

    /// Returns the volume once it is back.
    pub async fn undelete_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let wait = app.wait_for(id.uuid());
            let volume = app.write_volume_undelete(tenant_id, id, idempotency.as_ref(), now()).await?;
            let volume = app.settled(volume, wait, "undelete").await?;
            Ok(app.volume_view(volume))
        })
        .await
    }

    /// Returns the volume once its image is compacted, once the compaction was abandoned (its `compaction` says why), or after
    /// the wait.
    pub async fn compact_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.reachable_volume(tenant_id, id).await?;
            let mut wait = app.wait_for(id.uuid());
            let mut volume = app.write_compaction(tenant_id, id, idempotency.as_ref(), now()).await?;
            let number = volume.compaction;
            while !is_compacted(&volume, number) {
                if !wait.goes_on().await {
                    return Ok(app.volume_view(volume));
                }
                volume = app.read_volume(tenant_id, id).await?;
            }
            wait.over("compact");
            Ok(app.volume_view(volume))
        })
        .await
    }

    /// The volume once it is in a stable state, or as it is after the wait.
    pub(crate) async fn settled(
        &self,
        mut volume: VolumeRecord,
        mut wait: Wait,
        verb: &'static str,
    ) -> Result<VolumeRecord, AppError> {
        while matches!(volume.lifecycle, Lifecycle::Creating | Lifecycle::Deleting | Lifecycle::Restoring) {
            if !wait.goes_on().await {
                return Ok(volume);
            }
            volume = self.read_volume(volume.tenant_id, volume.id).await?;
        }
        wait.over(verb);
        Ok(volume)
    }

    pub(crate) async fn read_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
    ) -> Result<VolumeRecord, AppError> {
        let volume = self.store().volume(tenant_id, id).await?;
        Ok(volume.ok_or(Refusal::NotFound { what: "volume" })?)
    }

    /// Why the host did not do the work, with a code that tells the caller what to do; `otherwise` if there is none.
    pub(crate) async fn failure_refusal(
        &self,
        host_id: HostId,
        failure: Failure,
        otherwise: &'static str,
    ) -> Result<Refusal, AppError> {
        let code = match failure.code {
            FailureCode::InsufficientCapacity => return self.no_room_refusal(host_id, failure).await,
            FailureCode::StallBudget => "STALL_BUDGET",
            FailureCode::WriteBackTimeout => "WRITE_BACK_TIMEOUT",
            FailureCode::HookFailed => "HOOK_FAILED",
            _ => otherwise,
        };
        Ok(Refusal::HostRefused { code, message: failure.message })
    }

    /// With the numbers that the host last reported.
    pub(crate) async fn no_room_refusal(
        &self,
        host_id: HostId,
        failure: Failure,
    ) -> Result<Refusal, AppError> {
        let pool = self.store().host(host_id).await?.and_then(|host| host.pool);
        Ok(Refusal::InsufficientCapacity {
            message: failure.message,
            capacity_bytes: pool.map_or(0, |pool| pool.capacity_bytes),
            used_bytes: pool.map_or(0, |pool| pool.used_bytes),
        })
    }
}

/// The failure of a new volume, if the caller can remove its cause. Other failures are kept for inspection.
fn not_worth_keeping(volume: &VolumeRecord) -> Option<Failure> {
    let failure = volume.error.as_ref().filter(|_| volume.lifecycle == Lifecycle::Error)?;
    let is_over = matches!(
        failure.code,
        FailureCode::InsufficientCapacity | FailureCode::StallBudget | FailureCode::WriteBackTimeout
    );
    is_over.then(|| failure.clone())
}

fn is_compacted(volume: &VolumeRecord, number: u64) -> bool {
    let reported = volume.reported_compaction.as_ref();
    reported.is_some_and(|reported| reported.number >= number && reported.state != CompactionState::Running)
}
