//! Services: parse, call the verb, answer. What a service runs is read in `service_settings`, its log in `service_logs`.

use axum::extract::State;
use miosa_api::page::PageQuery;
use miosa_api::v1::services::{
    CreateService, NewSource, Release, RuntimeInstance, ScaleService, Service, ServiceFilters,
    StoppedService, UpdateService,
};
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::SourceType;
use miosa_control::{NewService, ServiceChange, Source};
use miosa_domain::name;
use miosa_domain::service::{REPLICAS_MAX, ServiceKind};
use miosa_domain::{ComputerId, ProjectId, ServiceId};

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::paging::{self, Paged};
use super::query::{Id, Ids, Query};
use super::route::{Created, Listed, Object, routes};
use super::service_settings::patch;
use super::{ApiError, Http, Request};
use crate::auth::{SERVICES_READ, SERVICES_WRITE};

/// The one environment that projects have.
pub(super) const ENVIRONMENT: &str = "production";

routes! {
    "services";

    /// List services, newest first.
    get "/services" list_services: list, SERVICES_READ;
        200 "One page of services.";

    /// Create a service. With a source, release 1 is made and its replicas start.
    post "/services" create_service: create, SERVICES_WRITE, Lost::rebuilt(now);
        201 "The service.";
        409 "`VOLUME_ATTACHED`, `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`.";
        example {"name": "shop", "source": {"type": "template", "ref": "miosa-default"},
            "settings": {"start_command": "exec httpd -f -p $PORT", "port": 8080},
            "volumes": [{"dataServiceId": "0198c0de-0000-7000-8000-000000000001", "mountPath": "/data"}]};

    /// List a project's services, newest first.
    get "/projects/{project_id}/services" list_project_services: list_of_project, SERVICES_READ;
        200 "One page of services.";

    /// Create a service in a project.
    post "/projects/{project_id}/services" create_project_service: create_in_project, SERVICES_WRITE, Lost::rebuilt(now);
        201 "The service.";
        409 "As for `POST /services`.";
        example {"name": "shop", "source": {"type": "template", "ref": "miosa-default"}};

    /// Get a service.
    get "/services/{id}" get_service: get, SERVICES_READ;
        200 "The service.";

    /// Change a service.
    ///
    /// A changed list of volumes makes a release by itself and rolls the replicas; other changed settings wait in
    /// `pending_changes` for the next release. A stopped service stays stopped.
    patch "/services/{id}" update_service: update, SERVICES_WRITE, Lost::rebuilt(now);
        200 "The service.";
        409 "`STALE_SERVICE`, or as for `POST /services`.";
        example {"volumes": [{"dataServiceId": "0198c0de-0000-7000-8000-000000000001", "mountPath": "/var/models"}]};

    /// Delete a service. Its replicas end in the background; its volumes stay.
    delete "/services/{id}" delete_service: delete, SERVICES_WRITE, Lost::deleted();
        200 "The service is going away.";

    /// Stop a service: it stays stopped, whatever is changed, until it is started or deployed.
    post "/services/{id}/stop" stop_service: stop, SERVICES_WRITE, Lost::rebuilt(stopped);
        200 "How many replicas ran.";

    /// Change how many replicas there are. What their volumes need is checked for all of them before anything changes.
    post "/services/{id}/scale" scale_service: scale, SERVICES_WRITE, Lost::rebuilt(scaled_to);
        200 "The release that the replicas run.";
        409 "`INSUFFICIENT_CAPACITY`, `VOLUME_ATTACHED` or `SERVICE_STATE`.";
        example {"replicas": 4};

    /// List a service's replicas, by index.
    get "/services/{id}/instances" list_instances: list_instances, SERVICES_READ;
        200 "One page of runtime instances.";

    /// The same as `instances`.
    get "/services/{id}/runtime-instances" list_runtime_instances: list_instances, SERVICES_READ;
        200 "One page of runtime instances.";

    /// Get a replica.
    get "/services/{id}/instances/{instance_id}" get_instance: get_instance, SERVICES_READ;
        200 "The runtime instance.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<ServiceFilters>>,
) -> Result<Listed<Service>, ApiError> {
    page(&http, &request, &query, None).await
}

pub(super) async fn list_of_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    query: Query<Paged<ServiceFilters>>,
) -> Result<Listed<Service>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    page(&http, &request, &query, Some(project_id)).await
}

async fn page(
    http: &Http,
    request: &Request,
    query: &Query<Paged<ServiceFilters>>,
    project_id: Option<ProjectId>,
) -> Result<Listed<Service>, ApiError> {
    let mut part = paging::list_request(query, None)?;
    part.filters.project_id = project_id.or(part.filters.project_id);
    let page = match query.text("env") {
        Some(env) if env != ENVIRONMENT => miosa_control::ListPage::empty(),
        _ => http.app.list_services(&request.caller, part.clone()).await?,
    };
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateService>,
) -> Result<Created<Service>, ApiError> {
    make(&http, request, None, body).await
}

pub(super) async fn create_in_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<CreateService>,
) -> Result<Created<Service>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    make(&http, request, Some(project_id), body).await
}

async fn make(
    http: &Http,
    request: Request,
    project_id: Option<ProjectId>,
    body: CreateService,
) -> Result<Created<Service>, ApiError> {
    let new = new_service(project_id, body)?;
    let service = http.app.create_service(&request.caller, new, request.idempotency).await?;
    Ok(Created(service))
}

pub(super) fn new_service(
    project_id: Option<ProjectId>,
    body: CreateService,
) -> Result<NewService, ApiError> {
    let mut problems = Problems::default();
    let Some(name) = body.name else {
        return Err(ApiError::missing("name"));
    };
    let name = problems.check("name", Some(name), fields::name).unwrap_or_default();
    let kind = problems.check_word("kind", body.kind.or(body.service_type));
    let slug = problems.check_text("slug", body.slug, fields::slug);
    let asked = problems.check_text("project_id", body.project_id, fields::id);
    let named = body.template_ref.filter(|name| !name.is_empty()).map(NewSource::Named);
    let source = problems.check("source", body.source.or(named), source);
    let mut settings = patch(&mut problems, body.settings, body.run);
    if let Some(source) = &source {
        settings.template = Some(source.reference.clone());
    }
    problems.none()?;
    Ok(NewService {
        slug: slug.unwrap_or_else(|| name::slug(&name, "service")),
        name,
        kind: kind.unwrap_or(ServiceKind::Server),
        project_id: project_id.or(asked),
        source,
        settings,
    })
}

pub(super) fn source(raw: NewSource) -> Result<Source, String> {
    let (kind, reference) = match raw {
        NewSource::Named(name) => (None, Some(name)),
        NewSource::Typed { source_type, reference } => (source_type, reference),
    };
    let kind = kind.unwrap_or(SourceType::Template.into());
    let Some(kind) = kind.known() else {
        return Err(format!(
            "has the type {:?}; here it must be template or image, both by the name of a template",
            kind.as_str()
        ));
    };
    let reference = reference.filter(|name| !name.is_empty()).ok_or("must name a template in \"ref\"")?;
    Ok(Source { kind: kind.to_string(), reference: fields::label(&reference)? })
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Object<Service>, ApiError> {
    Ok(Object(http.app.get_service(&request.caller, id).await?))
}

/// The service of a call whose response was lost.
async fn now(call: LostCall, id: ServiceId) -> Result<Service, ApiError> {
    Ok(call.http.app.get_service(&call.caller, id).await?)
}

async fn stopped(call: LostCall, id: ServiceId) -> Result<StoppedService, ApiError> {
    Ok(call.http.app.stopped_service(&call.caller, id).await?)
}

/// The release that the replicas run.
async fn scaled_to(call: LostCall, id: ServiceId) -> Result<Release, ApiError> {
    let (http, caller) = (call.http, call.caller);
    let service = http.app.get_service(&caller, id).await?;
    let release = service.deploying_release_id.or(service.active_release_id);
    match release.and_then(|id| id.parse().ok()) {
        Some(id) => Ok(http.app.release_now(&caller, id).await?),
        None => Err(ApiError::conflict("SERVICE_STATE", "the service has no release yet")),
    }
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<UpdateService>,
) -> Result<Object<Service>, ApiError> {
    let mut problems = Problems::default();
    let source = problems.check("source", body.source, source);
    let mut settings = patch(&mut problems, body.settings, body.run);
    if let Some(source) = &source {
        settings.template = Some(source.reference.clone());
    }
    let change = ServiceChange {
        name: problems.check("name", body.name, fields::name),
        source,
        settings,
        lock_version: problems.check("lock_version", body.lock_version, |version| {
            u64::try_from(version).map_err(|_| "must not be negative".into())
        }),
    };
    problems.none()?;
    let service = http.app.update_service(&request.caller, id, change, request.idempotency).await?;
    Ok(Object(service))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Object<Deleted>, ApiError> {
    Ok(Object(http.app.delete_service(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn scale(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<ScaleService>,
) -> Result<Object<Release>, ApiError> {
    Ok(Object(scaled(&http, request, id, body).await?))
}

pub(super) async fn scaled(
    http: &Http,
    request: Request,
    id: ServiceId,
    body: ScaleService,
) -> Result<Release, ApiError> {
    let mut problems = Problems::default();
    problems.check_text("region", body.region, |region| fields::one_of(region, &[&http.region]));
    let Some(replicas) = body.replicas else {
        return Err(ApiError::missing("replicas"));
    };
    let replicas = problems.check("replicas", Some(replicas), replica_count);
    problems.none()?;
    let replicas = replicas.unwrap_or_default();
    Ok(http.app.scale_service(&request.caller, id, replicas, request.idempotency).await?)
}

pub(super) fn replica_count(raw: i64) -> Result<u32, String> {
    let count = u32::try_from(raw).ok().filter(|count| *count <= REPLICAS_MAX);
    count.ok_or_else(|| format!("must be between 0 and {REPLICAS_MAX}"))
}

pub(super) async fn stop(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Object<StoppedService>, ApiError> {
    Ok(Object(http.app.stop_service(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn list_instances(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query<PageQuery>,
) -> Result<Listed<RuntimeInstance>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_instances(&request.caller, id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn get_instance(
    State(http): State<Http>,
    request: Request,
    Ids(id, instance_id): Ids<ServiceId, ComputerId>,
) -> Result<Object<RuntimeInstance>, ApiError> {
    Ok(Object(http.app.get_instance(&request.caller, id, instance_id).await?))
}
