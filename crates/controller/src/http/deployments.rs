//! Deployments: services by other names. Each route is the verb of a service, answered as a deployment; what has one shape in
//! both worlds (runtime instances, the log, deletion) is routed to the handlers of services.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::deployments::{
    CreateDeployment, Deployment, DeploymentRelease, DeploymentVersion, InstanceLogs, UpdateDeployment,
};
use miosa_api::v1::services::{CreateService, DeployService, ScaleService};
use miosa_control::{Deploy, DeployAsk, ReleaseCause, ServiceChange};
use miosa_domain::{ComputerId, ProjectId, ReleaseId, ServiceId};

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::logs::{self, Wanted};
use super::query::{Id, Ids, Query};
use super::services::{ask, new_service, rolled_back, scaled};
use super::{ApiError, Http, Request, paging, twin};
use miosa_control::ReleaseName;

/// The kind of every deployment.
const KIND: &str = "dynamic";

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query,
) -> Result<Json<List<Deployment>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_deployments(&request.caller, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateDeployment>,
) -> Result<Response, ApiError> {
    make(&http, request, None, body).await
}

pub(super) async fn create_in_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<CreateDeployment>,
) -> Result<Response, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    make(&http, request, Some(project_id), body).await
}

async fn make(
    http: &Http,
    request: Request,
    project_id: Option<ProjectId>,
    body: CreateDeployment,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    problems.check_text("kind", body.kind, |kind| fields::one_of(kind, &[KIND]));
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
    Ok(twin(StatusCode::CREATED, made))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Response, ApiError> {
    now(&http, &request, id).await
}

/// The answer to every verb.
async fn now(http: &Http, request: &Request, id: ServiceId) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_deployment(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<UpdateDeployment>,
) -> Result<Response, ApiError> {
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
) -> Result<Response, ApiError> {
    scaled(&http, request.clone(), id, body).await?;
    now(&http, &request, id).await
}

pub(super) async fn redeploy(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
    let ask = DeployAsk { cause: ReleaseCause::Deploy, of: Deploy::Settings, ..ask(body)?.0 };
    http.app.deploy_service(&request.caller, id, ask, request.idempotency.clone()).await?;
    now(&http, &request, id).await
}

pub(super) async fn stop(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Response, ApiError> {
    http.app.stop_service(&request.caller, id, request.idempotency.clone()).await?;
    now(&http, &request, id).await
}

pub(super) async fn rollback(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
    rolled_back(&http, request.clone(), id, body).await?;
    now(&http, &request, id).await
}

/// Of a version or of a release, which are the same.
pub(super) async fn promote(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
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
    query: Query,
) -> Result<Json<List<DeploymentVersion>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_versions(&request.caller, id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn get_version(
    State(http): State<Http>,
    request: Request,
    Ids(id, version_id): Ids<ServiceId, ReleaseId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_version(&request.caller, id, version_id).await?))
}

pub(super) async fn list_releases(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query,
) -> Result<Json<List<DeploymentRelease>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_deployment_releases(&request.caller, id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

/// By itself, or as the release of a version.
pub(super) async fn get_release(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_deployment_release(&request.caller, Some(id), release_id).await?))
}

pub(super) async fn get_any_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_deployment_release(&request.caller, None, release_id).await?))
}

pub(super) async fn instance_logs(
    State(http): State<Http>,
    request: Request,
    Ids(id, instance_id): Ids<ServiceId, ComputerId>,
    query: Query,
) -> Result<Response, ApiError> {
    let wanted = Wanted::of(&query, None)?;
    http.app.get_instance(&request.caller, id, instance_id).await?;
    let logs = logs::written(&http, &request, instance_id, &wanted).await?.logs;
    let answer = InstanceLogs {
        runtime_instance_id: instance_id.to_string(),
        deployment_id: id.to_string(),
        log_path: None,
        logs,
    };
    Ok(twin(StatusCode::OK, answer))
}
