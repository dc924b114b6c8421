//! Services: what should run as replicas, and the numbered releases of it.
//!
//! ```text
//!   services.settings ──(deploy)──► releases.settings ──(roll-out)──► computers: one row a replica, with its attachments
//! ```
//!
//! A replica's row is a computer's row with `service_id`: hosts, reports, attachments, snapshots and restores treat it like any
//! other. What is to be served is `target_release_id`; `rollout` makes it so, step by step, in the transactions of the verbs here
//! and of the reports that follow.
//!
//! **Crash story.** A verb's transaction holds its intent and the first steps of the roll-out. Every later step is taken in the
//! transaction that saw its condition come true, or by the timer; nothing is remembered in between but rows.

use jiff::Timestamp;
use miosa_domain::service::{ReasonCode, RunSettings, ServiceKind, ServiceState, SettingsPatch};
use miosa_domain::{HostId, ProjectId, Refusal, ReleaseId, ServiceId, TenantId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{Cursor, ListPage, ListRequest};
use crate::sql::{Row, query};
use crate::store::Store;
use crate::tenant;
use crate::{transact, verb, view};

mod deploy;
mod release;
mod replica;
mod rollout;
mod row;
mod volumes;

pub use deploy::{Deploy, DeployAsk};
pub use release::{ReleaseCause, ReleaseRecord, ReleaseRestore, ReleaseSnapshot, RestoreProgress};
pub use replica::{ReplicaOf, ReplicaRecord};
pub use rollout::advance_all;
pub use volumes::VolumeOfReplica;
pub use volumes::refuse_if_used;

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "services", kind = Service)]
pub struct ServiceRecord {
    #[row(key)]
    pub id: ServiceId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub project_id: ProjectId,
    pub host_id: HostId,
    pub name: String,
    #[row(fixed)]
    pub slug: String,
    #[row(fixed)]
    pub kind: ServiceKind,
    /// What the next release is made from; no release can be made without one.
    #[row(column = "source_json")]
    pub source: Option<Source>,
    #[row(column = "settings_json")]
    pub settings: RunSettings,
    pub replicas: u32,
    pub desired: ServiceDesired,
    /// One more with every change that a caller makes.
    pub lock_version: u64,
    pub last_number: u64,
    #[row(column = "active_release_id")]
    pub active: Option<ReleaseId>,
    #[row(column = "target_release_id")]
    pub target: Option<ReleaseId>,
    pub is_settled: bool,
    pub deleted_at: Option<Timestamp>,
    pub is_tombstone: bool,
    #[row(fixed)]
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a release's files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `template` or `image`: both name a template of the host.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(rename = "ref")]
    pub reference: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceDesired {
    Running,
    Stopped,
}

/// A service with what is to be seen of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSight {
    pub service: ServiceRecord,
    pub active: Option<ReleaseRecord>,
    pub target: Option<ReleaseRecord>,
    /// The newest release, whatever became of it.
    pub newest: Option<ReleaseRecord>,
    /// Those that were not destroyed.
    pub replicas: Vec<ReplicaRecord>,
    /// Those that are mounted, and those that replicas had before they were scaled down.
    pub volumes: Vec<VolumeOfReplica>,
}

impl ServiceSight {
    pub fn ready_replicas(&self) -> u32 {
        let ready = self.replicas.iter().filter(|replica| replica.is_serving()).count();
        u32::try_from(ready).unwrap_or(u32::MAX)
    }

    pub fn state(&self) -> ServiceState {
        let service = &self.service;
        if service.deleted_at.is_some() {
            return ServiceState::Destroying;
        }
        if service.desired == ServiceDesired::Stopped {
            return ServiceState::Stopped;
        }
        match &self.target {
            Some(target) if !target.state.is_settled() => ServiceState::Deploying,
            Some(_) if self.ready_replicas() >= service.replicas => ServiceState::Running,
            Some(_) if self.replicas.iter().any(ReplicaRecord::is_in_trouble) => ServiceState::Failed,
            Some(_) => ServiceState::Deploying,
            None if self.newest.is_some() => ServiceState::Failed,
            None => ServiceState::Pending,
        }
    }
}

/// What a new service is made from. The ids are made by the caller.
#[derive(Debug, Clone)]
pub struct NewService {
    pub id: ServiceId,
    pub tenant_id: TenantId,
    /// The tenant's default project when `None`.
    pub project_id: Option<ProjectId>,
    pub host_id: HostId,
    pub name: String,
    pub slug: String,
    pub kind: ServiceKind,
    pub source: Option<Source>,
    pub settings: RunSettings,
    pub replicas: u32,
}

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ServiceChange {
    pub name: Option<String>,
    pub source: Option<Source>,
    pub settings: SettingsPatch,
    /// Refused when the service has another one by now.
    pub lock_version: Option<u64>,
}

impl Store {
    /// Makes the service and, if it has a source, its first release.
    pub async fn create_service(
        &self,
        new: NewService,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ServiceSight, StoreError> {
        transact!(self, verb!("service.create", "write the intent to create a service"), |tx| {
            let new = new.clone();
            let project_id = tenant::project(tx, new.tenant_id, new.project_id).await?;
            let mut service = ServiceRecord {
                id: new.id,
                tenant_id: new.tenant_id,
                project_id,
                host_id: new.host_id,
                name: new.name,
                slug: new.slug,
                kind: new.kind,
                source: new.source,
                settings: new.settings,
                replicas: new.replicas,
                desired: ServiceDesired::Running,
                lock_version: 1,
                last_number: 0,
                active: None,
                target: None,
                is_settled: true,
                deleted_at: None,
                is_tombstone: false,
                created_at: now,
                updated_at: now,
            };
            row::save(tx, &service).await?;
            if service.source.is_some() {
                let ask = DeployAsk { cause: ReleaseCause::Deploy, ..DeployAsk::default() };
                deploy::write(tx, &mut service, ask, now).await?;
            } else {
                volumes::check(tx, &service, &service.settings, service.replicas).await?;
            }
            idempotency::record(tx, idempotency, service.tenant_id, ObjectRef::Service(service.id), now)
                .await?;
            let sight = row::sight(tx, service).await?;
            Ok(sight)
        })
    }

    /// The tenant's service with this id; one that is gone is refused with the time when it was deleted.
    pub async fn service(&self, tenant_id: TenantId, id: ServiceId) -> Result<ServiceSight, StoreError> {
        view!(self, "read a service", |tx| {
            let service = row::load(tx, tenant_id, id).await?;
            let service = service.ok_or(Refusal::NotFound { what: "service" })?;
            match service.deleted_at.filter(|_| service.is_tombstone) {
                None => row::sight(tx, service).await,
                Some(at) => Err(already_deleted(at).into()),
            }
        })
    }

    /// Services that are there or being deleted.
    pub async fn list_services(
        &self,
        tenant_id: TenantId,
        request: &ListRequest,
    ) -> Result<ListPage<ServiceSight>, StoreError> {
        const DOING: &str = "list services";
        view!(self, DOING, |tx| {
            let filters = &request.filters;
            let all = row::of_tenant(tx, tenant_id).await?;
            let mut matching = Vec::new();
            for service in all {
                let fits = filters.project_id.is_none_or(|id| id == service.project_id)
                    && filters.name.as_ref().is_none_or(|name| *name == service.name);
                if fits {
                    matching.push(row::sight(tx, service).await?);
                }
            }
            if let Some(status) = &filters.status {
                matching.retain(|sight| sight.state().as_str() == status);
            }
            Ok(crate::page::cut(matching, request, |sight| cursor(&sight.service)))
        })
    }

    /// Changes settings. A changed list of volumes makes a release by itself, if the service runs; everything else waits for
    /// the next one.
    pub async fn update_service(
        &self,
        tenant_id: TenantId,
        id: ServiceId,
        change: ServiceChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ServiceSight, StoreError> {
        transact!(self, verb!("service.update", "change a service"), |tx| {
            let change = change.clone();
            let mut service = row::load_present(tx, tenant_id, id).await?;
            if let Some(expected) = change.lock_version.filter(|expected| *expected != service.lock_version) {
                return Err(Refusal::StaleService { id, expected, actual: service.lock_version }.into());
            }
            let volumes_before = service.settings.volumes.clone();
            service.name = change.name.unwrap_or(service.name);
            service.source = change.source.or(service.source);
            change.settings.apply(&mut service.settings);
            let replicas = change.settings.replicas;
            service.replicas = replicas.unwrap_or(service.replicas);
            service.lock_version += 1;
            service.updated_at = now;
            volumes::check(tx, &service, &service.settings, service.replicas).await?;
            let is_served = service.target.is_some() && service.desired == ServiceDesired::Running;
            if is_served && service.settings.volumes != volumes_before {
                deploy::write_volumes(tx, &mut service, now).await?;
            } else {
                if replicas.is_some() {
                    service.is_settled = false;
                }
                row::save(tx, &service).await?;
                rollout::advance(tx, &mut service, now).await?;
            }
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Service(id), now).await?;
            let sight = row::sight(tx, service).await?;
            Ok(sight)
        })
    }

    /// How many replicas there should be. What their volumes need is checked for all of them before anything changes.
    pub async fn scale_service(
        &self,
        tenant_id: TenantId,
        id: ServiceId,
        replicas: u32,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ServiceSight, StoreError> {
        transact!(self, verb!("service.scale", "write the intent to scale a service"), |tx| {
            let mut service = row::load_present(tx, tenant_id, id).await?;
            if service.last_number == 0 {
                let problem = "has no release yet; deploy to it, or set its replicas with an update (PATCH)";
                return Err(Refusal::ServiceState { id, problem }.into());
            }
            let served = match service.target {
                Some(target) => release::load(tx, target).await?.map(|release| release.settings),
                None => None,
            };
            let settings = served.as_ref().unwrap_or(&service.settings);
            volumes::check(tx, &service, settings, replicas).await?;
            service.replicas = replicas;
            service.lock_version += 1;
            service.updated_at = now;
            service.is_settled = false;
            row::save(tx, &service).await?;
            rollout::advance(tx, &mut service, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Service(id), now).await?;
            let sight = row::sight(tx, service).await?;
            Ok(sight)
        })
    }

    /// Writes the intent that nothing of the service runs until it is started or deployed. Answers how many replicas ran.
    pub async fn stop_service(
        &self,
        tenant_id: TenantId,
        id: ServiceId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(ServiceSight, u32), StoreError> {
        transact!(self, verb!("service.stop", "write the intent to stop a service"), |tx| {
            let mut service = row::load_present(tx, tenant_id, id).await?;
            let running = replica::present(tx, service.id).await?.iter().filter(|r| !r.is_retired()).count();
            let detail = "the service was stopped";
            deploy::cancel_unsettled(tx, &service, ReasonCode::Stopped, detail, now).await?;
            service.desired = ServiceDesired::Stopped;
            service.target = service.active;
            service.updated_at = now;
            row::save(tx, &service).await?;
            rollout::advance(tx, &mut service, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Service(id), now).await?;
            let sight = row::sight(tx, service).await?;
            Ok((sight, u32::try_from(running).unwrap_or(u32::MAX)))
        })
    }

    /// Writes the intent to end the service. Its volumes stay, those of its replicas too.
    pub async fn delete_service(
        &self,
        tenant_id: TenantId,
        id: ServiceId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ServiceRecord, StoreError> {
        transact!(self, verb!("service.delete", "write the intent to delete a service"), |tx| {
            let mut service = row::load_present(tx, tenant_id, id).await?;
            service.deleted_at = Some(now);
            service.updated_at = now;
            service.is_settled = false;
            row::save(tx, &service).await?;
            release::remove_all(tx, service.id, now).await?;
            rollout::advance(tx, &mut service, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Service(id), now).await?;
            Ok(service)
        })
    }

    /// Moves on what no report follows: time limits, and whatever was cut off. Answers the services that moved.
    pub async fn advance_services(&self, now: Timestamp) -> Result<Vec<ServiceRecord>, StoreError> {
        const DOING: &str = "move services on";
        let ids: Vec<ServiceId> =
            query(DOING, "SELECT id FROM services WHERE NOT is_settled AND NOT is_tombstone")
                .all(&mut self.single(DOING).await?)
                .await?;
        let mut moved = Vec::new();
        for id in ids {
            let advanced = transact!(self, verb!("service.advance", DOING), |tx| {
                let Some(mut service) = row::load_any(tx, id).await? else { return Ok(None) };
                let has_moved = rollout::advance(tx, &mut service, now).await?;
                Ok(has_moved.then_some(service))
            })?;
            moved.extend(advanced);
        }
        Ok(moved)
    }
}

fn already_deleted(at: Timestamp) -> Refusal {
    Refusal::AlreadyDeleted { what: "service", deleted_at: at.to_string() }
}

fn cursor(service: &ServiceRecord) -> Cursor {
    Cursor { created_at_ms: service.created_at.as_millisecond(), id: service.id.uuid() }
}
