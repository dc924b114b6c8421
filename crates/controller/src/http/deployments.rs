//! Deployments: services by other names. Each route is the verb of a service, answered as a deployment; what has one shape in
//! both worlds (runtime instances, the log, deletion) is routed to the handlers of services.

use axum::extract::State;
use miosa_api::v1::computers::LogQuery;
use miosa_api::v1::deployments::{
    CreateDeployment, Deployment, DeploymentFilters, DeploymentRelease, DeploymentReleaseFilters,
    DeploymentVersion, InstanceLogs, UpdateDeployment, VersionFilters,
};
use miosa_api::v1::services::{CreateService, DeployService, ScaleService};
use miosa_control::{Deploy, DeployAsk, ObjectRef, ReleaseCause, ReleaseName, ServiceChange};
use miosa_domain::{ComputerId, ProjectId, ReleaseId, ServiceId};

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::logs::{self, Wanted};
use super::paging::{self, Paged};
use super::query::{Id, Ids, Query};
use super::releases::{ask, rolled_back};
use super::route::{Created, Listed, Object, routes};
use super::services::{self, new_service, scaled};
use super::{ApiError, Http, Request, service_logs};
use crate::auth::{SERVICES_READ, SERVICES_WRITE};

routes! {
    "deployments";

    /// List deployments, newest first.
    get "/deployments" list_deployments: list, SERVICES_READ;
        200 "One page of deployments.";

    /// Create a deployment, which is a service. With a source, version 1 is made and its instances start.
    post "/deployments" create_deployment: create, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        201 "The deployment.";
        409 "As for `POST /services`.";
        example {"name": "shop", "source": {"type": "template", "ref": "miosa-default"}, "port": 8080};

    /// Create a deployment in a project.
    post "/projects/{project_id}/deployments" create_project_deployment: create_in_project, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        201 "The deployment.";
        409 "As for `POST /services`.";
        example {"name": "shop", "source": {"type": "template", "ref": "miosa-default"}};

    /// Get a deployment.
    get "/deployments/{id}" get_deployment: get, SERVICES_READ;
        200 "The deployment.";

    /// Rename a deployment.
    patch "/deployments/{id}" update_deployment: update, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        example {"name": "shop"};

    /// Delete a deployment. Its instances end in the background; its volumes stay.
    delete "/deployments/{id}" delete_deployment: services::delete, SERVICES_WRITE, Lost::deleted();
        200 "The deployment is going away.";

    /// List a deployment's versions, newest first.
    get "/deployments/{id}/versions" list_versions: list_versions, SERVICES_READ;
        200 "One page of versions.";

    /// Get a version.
    get "/deployments/{id}/versions/{version_id}" get_version: get_version, SERVICES_READ;
        200 "The version.";

    /// Serve a version again, under a new number.
    post "/deployments/{id}/versions/{version_id}/promote" promote_version: promote, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        409 "`RELEASE_STATE`: it was never healthy.";
        410 "`RELEASE_GONE`: a volume that it mounts is no longer there.";
        example {"environment": "production"};

    /// Get the release of a version.
    get "/deployments/{id}/versions/{version_id}/release" get_version_release: get_release, SERVICES_READ;
        200 "The release.";

    /// List a deployment's releases, newest first.
    get "/deployments/{id}/releases" list_deployment_releases: list_releases, SERVICES_READ;
        200 "One page of releases.";

    /// Get a release of a deployment.
    get "/deployments/{id}/releases/{release_id}" get_deployment_release: get_release, SERVICES_READ;
        200 "The release.";

    /// Serve a release again, under a new number.
    post "/deployments/{id}/releases/{release_id}/promote" promote_deployment_release: promote, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        409 "`RELEASE_STATE`: it was never healthy.";
        410 "`RELEASE_GONE`.";
        example {"environment": "production"};

    /// Get a release, whatever its deployment.
    get "/releases/{release_id}" get_any_release: get_any_release, SERVICES_READ;
        200 "The release.";

    /// Serve the version in `version_id` again, or the previous good one.
    post "/deployments/{id}/rollback" rollback_deployment: rollback, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        409 "`RELEASE_STATE`: it was never healthy; `SERVICE_STATE`: there is none; `NO_SNAPSHOT_AVAILABLE`.";
        410 "`RELEASE_GONE`.";
        example {};

    /// Change how many instances there are.
    post "/deployments/{id}/scale" scale_deployment: scale, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        409 "As for `POST /services/{id}/scale`.";
        example {"instances": 4};

    /// Deploy the present settings as a new version.
    post "/deployments/{id}/redeploy" redeploy_deployment: redeploy, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";
        409 "As for `POST /services`.";
        example {};

    /// Stop a deployment: it stays stopped until it is deployed again.
    post "/deployments/{id}/stop" stop_deployment: stop, SERVICES_WRITE, Lost::rebuilt(rebuilt);
        200 "The deployment.";

    /// List a deployment's runtime instances, by replica.
    get "/deployments/{id}/runtime-instances" list_deployment_instances: services::list_instances, SERVICES_READ;
        200 "One page of runtime instances.";

    /// Get a runtime instance.
    get "/deployments/{id}/runtime-instances/{instance_id}" get_deployment_instance: services::get_instance, SERVICES_READ;
        200 "The runtime instance.";

    /// What a runtime instance wrote, as one text.
    get "/deployments/{id}/runtime-instances/{instance_id}/logs" deployment_instance_logs: instance_logs, SERVICES_READ;
        200 "The log.";

    /// A deployment's log: a list, or events (followed) with `Accept: text/event-stream`.
    get "/deployments/{id}/logs" deployment_logs: service_logs::get, SERVICES_READ;
        200 "Lines of all instances, by time.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<DeploymentFilters>>,
) -> Result<Listed<Deployment>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_deployments(&request.caller, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateDeployment>,
) -> Result<Created<Deployment>, ApiError> {
    make(&http, request, None, body).await
}

pub(super) async fn create_in_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<CreateDeployment>,
) -> Result<Created<Deployment>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    make(&http, request, Some(project_id), body).await
}

async fn make(
    http: &Http,
    request: Request,
    project_id: Option<ProjectId>,
    body: CreateDeployment,
) -> Result<Created<Deployment>, ApiError> {
    let mut problems = Problems::default();
    problems.check_word("kind", body.kind);
    problems.check_text("source_type", body.source_type, |_| -> Result<(), String> {
        Err("cannot be had: nothing is built here; name a template in \"source\" instead".into())
    });
    problems.none()?;
    let service = CreateService {
        name: body.name,
        slug: body.slug,
        project_id: body.project_id,
        source: body.source,
        template_ref: body.template_ref,
        settings: body.settings,
        run: body.run,
        ..CreateService::default()
    };
    let new = new_service(project_id, service)?;
    let made = http.app.create_deployment(&request.caller, new, request.idempotency).await?;
    Ok(Created(made))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Object<Deployment>, ApiError> {
    now(&http, &request, id).await
}

/// The answer to every verb.
async fn now(http: &Http, request: &Request, id: ServiceId) -> Result<Object<Deployment>, ApiError> {
    Ok(Object(http.app.get_deployment(&request.caller, id).await?))
}

/// The deployment of a call whose response was lost: a service, or that of a release.
async fn rebuilt(call: LostCall, object: ObjectRef) -> Result<Deployment, ApiError> {
    let (app, caller) = (&call.http.app, &call.caller);
    let id = match object {
        ObjectRef::Service(id) => id,
        ObjectRef::Release(id) => app.release_by_id(caller, id).await?.service_id,
        _ => return Err(ApiError::internal()),
    };
    Ok(app.get_deployment(caller, id).await?)
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<UpdateDeployment>,
) -> Result<Object<Deployment>, ApiError> {
    let mut problems = Problems::default();
    let name = problems.check("name", body.name, fields::name);
    problems.none()?;
    let change = ServiceChange { name, ..ServiceChange::default() };
    http.app.update_service(&request.caller, id, change, request.idempotency.clone()).await?;
    now(&http, &request, id).await
}

pub(super) async fn scale(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<ScaleService>,
) -> Result<Object<Deployment>, ApiError> {
    scaled(&http, request.clone(), id, body).await?;
    now(&http, &request, id).await
}

pub(super) async fn redeploy(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Deployment>, ApiError> {
    let ask = DeployAsk { cause: ReleaseCause::Deploy, of: Deploy::Settings, ..ask(body)?.0 };
    http.app.deploy_service(&request.caller, id, ask, request.idempotency.clone()).await?;
    now(&http, &request, id).await
}

pub(super) async fn stop(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Object<Deployment>, ApiError> {
    http.app.stop_service(&request.caller, id, request.idempotency.clone()).await?;
    now(&http, &request, id).await
}

pub(super) async fn rollback(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Deployment>, ApiError> {
    rolled_back(&http, request.clone(), id, body).await?;
    now(&http, &request, id).await
}

/// Of a version or of a release, which are the same.
pub(super) async fn promote(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
    Body(body): Body<DeployService>,
) -> Result<Object<Deployment>, ApiError> {
    let release = Some(ReleaseName::Id(release_id));
    let ask = ask(body)?.0;
    let key = request.idempotency.clone();
    http.app.serve_again(&request.caller, id, ReleaseCause::Promote, release, ask, key).await?;
    now(&http, &request, id).await
}

pub(super) async fn list_versions(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query<Paged<VersionFilters>>,
) -> Result<Listed<DeploymentVersion>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_versions(&request.caller, id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn get_version(
    State(http): State<Http>,
    request: Request,
    Ids(id, version_id): Ids<ServiceId, ReleaseId>,
) -> Result<Object<DeploymentVersion>, ApiError> {
    Ok(Object(http.app.get_version(&request.caller, id, version_id).await?))
}

pub(super) async fn list_releases(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query<Paged<DeploymentReleaseFilters>>,
) -> Result<Listed<DeploymentRelease>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_deployment_releases(&request.caller, id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

/// By itself, or as the release of a version.
pub(super) async fn get_release(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
) -> Result<Object<DeploymentRelease>, ApiError> {
    Ok(Object(http.app.get_deployment_release(&request.caller, Some(id), release_id).await?))
}

pub(super) async fn get_any_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
) -> Result<Object<DeploymentRelease>, ApiError> {
    Ok(Object(http.app.get_deployment_release(&request.caller, None, release_id).await?))
}

pub(super) async fn instance_logs(
    State(http): State<Http>,
    request: Request,
    Ids(id, instance_id): Ids<ServiceId, ComputerId>,
    query: Query<LogQuery>,
) -> Result<Object<InstanceLogs>, ApiError> {
    let wanted = Wanted::of(&query, None)?;
    http.app.get_instance(&request.caller, id, instance_id).await?;
    let logs = logs::written(&http, &request, instance_id, &wanted).await?.logs;
    let answer = InstanceLogs {
        runtime_instance_id: instance_id.to_string(),
        deployment_id: id.to_string(),
        log_path: None,
        logs,
    };
    Ok(Object(answer))
}
