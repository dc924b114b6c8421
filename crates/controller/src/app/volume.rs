//! The verbs of volumes.

use miosa_api::v1::volumes::{Deleted, Volume};
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{HostId, Refusal, TenantId, VolumeId};
use miosa_store::volume::VolumeRecord;
use uuid::Uuid;

use super::news::Wait;
use super::{
    App, AppError, Caller, Idempotency, ListPage, ListRequest, NewVolume, VolumeChange, now, to_the_end, view,
};

impl App {
    /// Answers the volume when it is `available`; `creating` when that takes long; `error` with its reason when the host
    /// cannot make it. A volume for which there is no room is taken back and refused.
    pub(crate) async fn create_volume(
        &self,
        caller: &Caller,
        new: NewVolume,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let host = app.place(None).await?;
            let id = VolumeId::from_uuid(Uuid::now_v7());
            let wait = app.wait_for(id.uuid());
            let new = miosa_store::volume::NewVolume {
                id,
                tenant_id,
                project_id: new.project_id,
                workspace_id: new.workspace_id,
                host_id: host.id,
                name: new.name,
                size_bytes: new.size_bytes,
                metadata: new.metadata,
                delete_protection: new.delete_protection,
            };
            let volume = app.store().create_volume(new, idempotency.as_ref(), now()).await?;
            app.links().nudge(host.id);
            let volume = app.settled(volume, wait, "create").await?;
            if let Some(failure) = no_room(&volume)
                && app.store().withdraw_volume(tenant_id, id, now()).await?
            {
                app.links().nudge(host.id);
                return Err(app.no_room_refusal(volume.host_id, failure).await?.into());
            }
            Ok(app.volume_view(volume))
        })
        .await
    }

    pub(crate) async fn list_volumes(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Volume>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let is_reachable = |host_id| self.links().is_reachable(host_id);
        let page = self.store().list_volumes(caller.tenant_id, &request, &is_reachable).await?;
        Ok(page.map(|volume| self.volume_view(volume)))
    }

    pub(crate) async fn get_volume(&self, caller: &Caller, id: VolumeId) -> Result<Volume, AppError> {
        let volume = self.store().volume(caller.tenant_id, id).await?;
        let volume = volume.ok_or(Refusal::NotFound { what: "volume" })?;
        match volume.deleted_at {
            None => Ok(self.volume_view(volume)),
            Some(at) => Err(Refusal::AlreadyDeleted { what: "volume", deleted_at: at.to_string() }.into()),
        }
    }

    pub(crate) async fn update_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        change: VolumeChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let changed =
            self.store().update_volume(caller.tenant_id, id, change, idempotency.as_ref(), now()).await?;
        Ok(self.volume_view(changed))
    }

    /// The volume is gone for clients from the commit on; the answer waits until its data is in the trash.
    pub(crate) async fn delete_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let wait = app.wait_for(id.uuid());
            let volume = app.store().delete_volume(tenant_id, id, idempotency.as_ref(), now()).await?;
            app.links().nudge(volume.host_id);
            let volume = app.settled(volume, wait, "delete").await?;
            match (volume.lifecycle, volume.error) {
                (Lifecycle::Error, Some(failure)) => {
                    let message = format!("volume {id} could not be moved to the trash: {}", failure.message);
                    Err(Refusal::HostRefused { code: "VOLUME_NOT_READY", message }.into())
                }
                (lifecycle, _) => Ok(view::deleted(id, lifecycle.as_str())),
            }
        })
        .await
    }

    /// Answers the volume when it is back.
    pub(crate) async fn undelete_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let wait = app.wait_for(id.uuid());
            let volume = app.store().undelete_volume(tenant_id, id, idempotency.as_ref(), now()).await?;
            app.links().nudge(volume.host_id);
            let volume = app.settled(volume, wait, "undelete").await?;
            Ok(app.volume_view(volume))
        })
        .await
    }

    /// The volume when it is no longer on its way from one state to another, or as it is when the time is over.
    async fn settled(
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

    async fn read_volume(&self, tenant_id: TenantId, id: VolumeId) -> Result<VolumeRecord, AppError> {
        let volume = self.store().volume(tenant_id, id).await?;
        Ok(volume.ok_or(Refusal::NotFound { what: "volume" })?)
    }

    /// With the numbers that the host last reported.
    pub(super) async fn no_room_refusal(
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

fn no_room(volume: &VolumeRecord) -> Option<Failure> {
    let failure = volume.error.as_ref().filter(|_| volume.lifecycle == Lifecycle::Error);
    failure.filter(|failure| failure.code == FailureCode::InsufficientCapacity).cloned()
}
