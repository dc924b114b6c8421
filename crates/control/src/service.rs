//! The verbs of services. Each writes its intent and the first steps of the rollout; reports and the timers (`reconcile`)
//! advance it. Only `stop` waits for its outcome; the others return the release, which shows the progress.

use std::time::Duration;

use futures::stream::{SelectAll, StreamExt};
use miosa_api::agent_v1::StreamEvent;
use miosa_api::v1::services::{EffectiveVariable, Release, RuntimeInstance, Service, StoppedService};
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::{DeletedState, VariableSource};
use miosa_domain::service::{RunSettings, ServiceKind, SettingsPatch};
use miosa_domain::{ComputerId, HostId, InstanceId, ProjectId, Refusal, ReleaseId, ServiceId, VolumeId};
use miosa_store::page;
use miosa_store::service::{
    Deploy, DeployAsk, ReleaseCause, ReleaseRecord, ReplicaRecord, ServiceChange, ServiceSight, Source,
};
use uuid::Uuid;

use crate::view::{self, service as service_view};
use crate::{
    App, AppError, Caller, Cursor, Idempotency, ListPage, ListRequest, StreamRequest, Wait, now, to_the_end,
};

/// Checked by http, except the template's name and the volumes, which only the host and the database know.
#[derive(Debug, Clone)]
pub struct NewService {
    pub name: String,
    pub slug: String,
    pub kind: ServiceKind,
    pub project_id: Option<ProjectId>,
    pub source: Option<Source>,
    pub settings: SettingsPatch,
}

/// A release as a caller names it.
#[derive(Debug, Clone, Copy)]
pub enum ReleaseName {
    Id(ReleaseId),
    Number(u64),
}

/// A line of one replica, with its origin.
pub struct ReplicaLine {
    pub replica: u32,
    pub instance_id: InstanceId,
    pub event: StreamEvent,
}

const FIRST_REPLICAS: u32 = 1;
/// A follower of a service reads it at least this often.
const NEWS_WAIT: Duration = Duration::from_secs(5);

impl App {
    pub async fn create_service(
        &self,
        caller: &Caller,
        new: NewService,
        idempotency: Option<Idempotency>,
    ) -> Result<Service, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let template = new.settings.template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
            let mut settings = RunSettings::of_template(template);
            new.settings.apply(&mut settings);
            let host_id = app.host_of(tenant_id, &settings).await?;
            app.require_template(host_id, &settings.template).await?;
            let new = miosa_store::service::NewService {
                id: ServiceId::from_uuid(Uuid::now_v7()),
                tenant_id,
                project_id: new.project_id,
                host_id,
                name: new.name,
                slug: new.slug,
                kind: new.kind,
                source: new.source,
                replicas: new.settings.replicas.unwrap_or(FIRST_REPLICAS),
                settings,
            };
            let sight = app.store().create_service(new, idempotency.as_ref(), now()).await?;
            Ok(service_view::service(sight))
        })
        .await
    }

    pub async fn list_services(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Service>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let page = self.store().list_services(caller.tenant_id, &request).await?;
        Ok(page.map(service_view::service))
    }

    pub async fn get_service(&self, caller: &Caller, id: ServiceId) -> Result<Service, AppError> {
        Ok(service_view::service(self.sight(caller, id).await?))
    }

    async fn sight(&self, caller: &Caller, id: ServiceId) -> Result<ServiceSight, AppError> {
        Ok(self.store().service(caller.tenant_id, id).await?)
    }

    pub async fn update_service(
        &self,
        caller: &Caller,
        id: ServiceId,
        change: ServiceChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Service, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        if let Some(template) = &change.settings.template {
            let host_id = self.sight(caller, id).await?.service.host_id;
            self.require_template(host_id, template).await?;
        }
        to_the_end(async move {
            let sight =
                app.store().update_service(tenant_id, id, change, idempotency.as_ref(), now()).await?;
            Ok(service_view::service(sight))
        })
        .await
    }

    /// Returns the release that the replicas run.
    pub async fn scale_service(
        &self,
        caller: &Caller,
        id: ServiceId,
        replicas: u32,
        idempotency: Option<Idempotency>,
    ) -> Result<Release, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let sight =
                app.store().scale_service(tenant_id, id, replicas, idempotency.as_ref(), now()).await?;
            let release = sight.target.or(sight.active).or(sight.newest);
            let release = release.ok_or(Refusal::NotFound { what: "release" })?;
            Ok(service_view::release(release, replicas))
        })
        .await
    }

    pub async fn deploy_service(
        &self,
        caller: &Caller,
        id: ServiceId,
        ask: DeployAsk,
        idempotency: Option<Idempotency>,
    ) -> Result<Release, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        if let Some(template) = &ask.settings.template {
            let host_id = self.sight(caller, id).await?.service.host_id;
            self.require_template(host_id, template).await?;
        }
        to_the_end(async move {
            let deployed = app.store().deploy_service(tenant_id, id, ask, idempotency.as_ref(), now()).await;
            let (sight, release) = deployed?;
            Ok(service_view::release(release, sight.service.replicas))
        })
        .await
    }

    /// Serves a release again; the last one that succeeded if none is named.
    pub async fn serve_again(
        &self,
        caller: &Caller,
        id: ServiceId,
        cause: ReleaseCause,
        release: Option<ReleaseName>,
        ask: DeployAsk,
        idempotency: Option<Idempotency>,
    ) -> Result<Release, AppError> {
        let of = match release {
            Some(name) => Deploy::Release(self.find_release(caller, id, name).await?.id),
            None => Deploy::Previous,
        };
        self.deploy_service(caller, id, DeployAsk { cause, of, ..ask }, idempotency).await
    }

    pub async fn find_release(
        &self,
        caller: &Caller,
        id: ServiceId,
        name: ReleaseName,
    ) -> Result<ReleaseRecord, AppError> {
        let not_found = Refusal::NotFound { what: "release" };
        let release = match name {
            ReleaseName::Id(id) => self.store().release(caller.tenant_id, id).await?,
            ReleaseName::Number(number) => {
                let all = ListRequest { limit: u64::MAX, ..ListRequest::default() };
                let releases = self.store().list_releases(caller.tenant_id, id, &all).await?.items;
                releases.into_iter().find(|release| release.number == number)
            }
        };
        Ok(release.filter(|release| release.service_id == id).ok_or(not_found)?)
    }

    pub async fn release_by_id(&self, caller: &Caller, id: ReleaseId) -> Result<ReleaseRecord, AppError> {
        let release = self.store().release(caller.tenant_id, id).await?;
        Ok(release.ok_or(Refusal::NotFound { what: "release" })?)
    }

    pub async fn get_release(
        &self,
        caller: &Caller,
        id: ServiceId,
        release_id: ReleaseId,
    ) -> Result<Release, AppError> {
        let replicas = self.sight(caller, id).await?.service.replicas;
        let release = self.find_release(caller, id, ReleaseName::Id(release_id)).await?;
        Ok(service_view::release(release, replicas))
    }

    /// The release as it is now, whichever service it belongs to.
    pub async fn release_now(&self, caller: &Caller, id: ReleaseId) -> Result<Release, AppError> {
        let release = self.release_by_id(caller, id).await?;
        self.get_release(caller, release.service_id, id).await
    }

    pub async fn list_releases(
        &self,
        caller: &Caller,
        id: ServiceId,
        request: ListRequest,
    ) -> Result<ListPage<Release>, AppError> {
        let replicas = self.sight(caller, id).await?.service.replicas;
        let page = self.store().list_releases(caller.tenant_id, id, &request).await?;
        Ok(page.map(|release| service_view::release(release, replicas)))
    }

    pub async fn cancel_release(
        &self,
        caller: &Caller,
        id: ReleaseId,
        idempotency: Option<Idempotency>,
    ) -> Result<Release, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let canceled = app.store().cancel_release(tenant_id, id, idempotency.as_ref(), now()).await;
            let (sight, release) = canceled?;
            Ok(service_view::release(release, sight.service.replicas))
        })
        .await
    }

    /// Returns when no process of the service runs, or after the wait.
    pub async fn stop_service(
        &self,
        caller: &Caller,
        id: ServiceId,
        idempotency: Option<Idempotency>,
    ) -> Result<StoppedService, AppError> {
        let (app, caller) = (self.clone(), caller.clone());
        to_the_end(async move {
            let mut wait = app.wait_for(id.uuid());
            let stop = app.store().stop_service(caller.tenant_id, id, idempotency.as_ref(), now()).await;
            let (mut sight, stopped) = stop?;
            while !sight.replicas.iter().all(view::service::is_down) {
                if !wait.goes_on().await {
                    break;
                }
                sight = app.sight(&caller, id).await?;
            }
            Ok(service_view::stopped(&sight, stopped))
        })
        .await
    }

    /// The response of a stop whose own was lost: the ended replicas still exist with their logs.
    pub async fn stopped_service(&self, caller: &Caller, id: ServiceId) -> Result<StoppedService, AppError> {
        let sight = self.sight(caller, id).await?;
        let ended = sight.replicas.iter().filter(|replica| replica.is_retired()).count();
        Ok(service_view::stopped(&sight, u32::try_from(ended).unwrap_or(u32::MAX)))
    }

    pub async fn delete_service(
        &self,
        caller: &Caller,
        id: ServiceId,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.store().delete_service(tenant_id, id, idempotency.as_ref(), now()).await?;
            Ok(view::deleted(id, DeletedState::Destroying.into()))
        })
        .await
    }

    pub async fn list_instances(
        &self,
        caller: &Caller,
        id: ServiceId,
        request: ListRequest,
    ) -> Result<ListPage<RuntimeInstance>, AppError> {
        let sight = self.sight(caller, id).await?;
        let mut instances = Vec::new();
        for replica in sight.replicas {
            let number = self.store().release(caller.tenant_id, replica.of.release_id).await?;
            instances.push(service_view::instance(replica, number.map(|release| release.number)));
        }
        if let Some(status) = &request.filters.status {
            instances.retain(|instance| instance.state.as_str() == status);
        }
        // They are ordered by replica, so the replica takes the place of the time.
        let cursor = |instance: &RuntimeInstance| Cursor {
            created_at_ms: -i64::from(instance.replica),
            id: instance.id.parse().unwrap_or_default(),
        };
        Ok(page::cut(instances, &request, cursor))
    }

    pub async fn get_instance(
        &self,
        caller: &Caller,
        id: ServiceId,
        instance_id: ComputerId,
    ) -> Result<RuntimeInstance, AppError> {
        let replica = self.store().replica(caller.tenant_id, id, instance_id).await?;
        let replica = replica.ok_or(Refusal::NotFound { what: "runtime instance" })?;
        let release = self.store().release(caller.tenant_id, replica.of.release_id).await?;
        Ok(service_view::instance(replica, release.map(|release| release.number)))
    }

    /// The environment that replica 0 of the served release has, or will have.
    pub async fn effective_variables(
        &self,
        caller: &Caller,
        id: ServiceId,
    ) -> Result<Vec<EffectiveVariable>, AppError> {
        let sight = self.sight(caller, id).await?;
        let next = sight.service.last_number + 1;
        let served = sight.target.or(sight.active);
        let number = served.as_ref().map_or(next, |release| release.number);
        let settings = served.map_or(sight.service.settings, |release| release.settings);
        let source = |name: &String| {
            if settings.env.contains_key(name) { VariableSource::Service } else { VariableSource::Server }
        };
        let all = settings.environment(id, number, 0).into_iter().map(|(name, value)| EffectiveVariable {
            source: source(&name).into(),
            name,
            value,
        });
        Ok(all.collect())
    }

    /// The output of the replicas, each line with its replica. Includes ended replicas that left a log.
    pub async fn service_logs(
        &self,
        caller: &Caller,
        id: ServiceId,
        replica: Option<u32>,
        tail_lines: u32,
        follow: bool,
    ) -> Result<SelectAll<futures::stream::BoxStream<'static, ReplicaLine>>, AppError> {
        let sight = self.sight(caller, id).await?;
        let mut all = SelectAll::new();
        let wanted = |of: &&ReplicaRecord| replica.is_none_or(|index| of.of.index == index);
        for of in sight.replicas.iter().filter(wanted) {
            let instance_id = InstanceId::from(of.computer.id);
            let logs = StreamRequest::Logs { instance: instance_id, tail_lines, follow };
            let replica = of.of.index;
            let lines = self.open_stream(of.computer.host_id, logs).await?;
            all.push(lines.map(move |event| ReplicaLine { replica, instance_id, event }).boxed());
        }
        Ok(all)
    }

    /// Waits for changes of the service from now on.
    pub fn service_news(&self, id: ServiceId) -> Wait {
        self.news().wait(id.uuid(), NEWS_WAIT)
    }

    /// The host of the volumes, if there are any; else any host.
    async fn host_of(
        &self,
        tenant_id: miosa_domain::TenantId,
        settings: &RunSettings,
    ) -> Result<HostId, AppError> {
        if let Some(id) = settings.volumes.first().map(|volume| volume.volume_id) {
            let volume = self.store().volume(tenant_id, id).await?;
            return match volume.filter(|volume| volume.deleted_at.is_none()) {
                Some(volume) => Ok(volume.host_id),
                None => Err(unknown_volume(id)),
            };
        }
        Ok(self.place(None).await?.id)
    }

    async fn require_template(&self, host_id: HostId, template: &str) -> Result<(), AppError> {
        let known = self.store().host(host_id).await?.map(|host| host.templates).unwrap_or_default();
        if known.iter().any(|name| name == template) {
            return Ok(());
        }
        Err(AppError::Invalid {
            field: "source",
            message: format!(
                "names {template:?}, which is not a template of host {host_id}; it has {}",
                known.join(", ")
            ),
        })
    }
}

/// The template of a service that names none.
pub(crate) const DEFAULT_TEMPLATE: &str = "miosa-default";

fn unknown_volume(id: VolumeId) -> AppError {
    AppError::Invalid {
        field: "volumes",
        message: format!("names volume {id}, which is not there; create it, or undelete it, first"),
    }
}
