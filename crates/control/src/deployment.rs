//! Services as deployments: the lookups. The verbs are those of services.

use miosa_api::v1::deployments::{Deployment, DeploymentRelease, DeploymentVersion};
use miosa_domain::{ReleaseId, ServiceId};
use miosa_store::page;
use miosa_store::service::{ReleaseRecord, ServiceSight};

use crate::view::deployment as view;
use crate::{App, AppError, Caller, Cursor, Idempotency, ListPage, ListRequest, NewService, ReleaseName};

impl App {
    pub async fn create_deployment(
        &self,
        caller: &Caller,
        new: NewService,
        idempotency: Option<Idempotency>,
    ) -> Result<Deployment, AppError> {
        let made = self.create_service(caller, new, idempotency).await?;
        let id = made.id.parse().map_err(|error| AppError::Internal(Box::new(error)))?;
        self.get_deployment(caller, id).await
    }

    /// Deployments have state names of their own, so this function filters by state itself.
    pub async fn list_deployments(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Deployment>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let mut all = self.store().list_services(caller.tenant_id, &everything(&request)).await?.items;
        if let Some(status) = &request.filters.status {
            all.retain(|sight| view::state(sight.state()).to_string() == *status);
        }
        let cursor = |sight: &ServiceSight| Cursor {
            created_at_ms: sight.service.created_at.as_millisecond(),
            id: sight.service.id.uuid(),
        };
        Ok(page::cut(all, &request, cursor).map(view::deployment))
    }

    pub async fn get_deployment(&self, caller: &Caller, id: ServiceId) -> Result<Deployment, AppError> {
        Ok(view::deployment(self.store().service(caller.tenant_id, id).await?))
    }

    pub async fn list_versions(
        &self,
        caller: &Caller,
        id: ServiceId,
        request: ListRequest,
    ) -> Result<ListPage<DeploymentVersion>, AppError> {
        Ok(self.page_of_releases(caller, id, &request).await?.map(view::version))
    }

    pub async fn list_deployment_releases(
        &self,
        caller: &Caller,
        id: ServiceId,
        request: ListRequest,
    ) -> Result<ListPage<DeploymentRelease>, AppError> {
        Ok(self.page_of_releases(caller, id, &request).await?.map(view::release))
    }

    async fn page_of_releases(
        &self,
        caller: &Caller,
        id: ServiceId,
        request: &ListRequest,
    ) -> Result<ListPage<ReleaseRecord>, AppError> {
        self.get_deployment(caller, id).await?;
        let mut all = self.store().list_releases(caller.tenant_id, id, &everything(request)).await?.items;
        if let Some(status) = &request.filters.status {
            all.retain(|release| view::version_state(release.state).to_string() == *status);
        }
        Ok(page::cut(all, request, |release| Cursor {
            created_at_ms: release.created_at.as_millisecond(),
            id: release.id.uuid(),
        }))
    }

    pub async fn get_version(
        &self,
        caller: &Caller,
        id: ServiceId,
        version_id: ReleaseId,
    ) -> Result<DeploymentVersion, AppError> {
        self.get_deployment(caller, id).await?;
        Ok(view::version(self.find_release(caller, id, ReleaseName::Id(version_id)).await?))
    }

    /// Of this deployment, or of any if `id` is `None`.
    pub async fn get_deployment_release(
        &self,
        caller: &Caller,
        id: Option<ServiceId>,
        release_id: ReleaseId,
    ) -> Result<DeploymentRelease, AppError> {
        let release = self.release_by_id(caller, release_id).await?;
        let id = id.unwrap_or(release.service_id);
        self.get_deployment(caller, id).await?;
        Ok(view::release(self.find_release(caller, id, ReleaseName::Id(release_id)).await?))
    }
}

/// All objects that the other filters select, in any state.
fn everything(request: &ListRequest) -> ListRequest {
    let mut filters = request.filters.clone();
    filters.status = None;
    ListRequest { offset: 0, limit: u64::MAX, after: None, filters }
}
