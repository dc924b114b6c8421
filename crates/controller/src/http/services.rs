//! Services: parse, call the verb, answer. What a service runs is read in `service_settings`, its log in `service_logs`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use miosa_api::page::List;
use miosa_api::v1::services::{
    CreateService, DeployService, NewSource, Release, ReleaseEvent, RuntimeInstance, ScaleService, Service,
    UpdateService,
};
use miosa_control::{Deploy, DeployAsk, ReleaseCause, ServiceChange, Source};
use miosa_domain::name;
use miosa_domain::service::{REPLICAS_MAX, ServiceKind};
use miosa_domain::{ComputerId, ProjectId, ReleaseId, ServiceId};
use serde_json::json;

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::query::{Id, Ids, Query};
use super::service_settings::patch;
use super::{ApiError, Http, Request, events, paging, twin};
use miosa_control::{NewService, ReleaseName};

pub(super) const SOURCES: [&str; 2] = ["template", "image"];
const MESSAGE_MAX_BYTES: usize = 4096;
/// The one environment that projects have.
pub(super) const ENVIRONMENT: &str = "production";

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query,
) -> Result<Json<List<Service>>, ApiError> {
    page(&http, &request, &query, None).await
}

pub(super) async fn list_of_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    query: Query,
) -> Result<Json<List<Service>>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    page(&http, &request, &query, Some(project_id)).await
}

async fn page(
    http: &Http,
    request: &Request,
    query: &Query,
    project_id: Option<ProjectId>,
) -> Result<Json<List<Service>>, ApiError> {
    let mut part = paging::list_request(query, None)?;
    part.filters.project_id = project_id.or(part.filters.project_id);
    let page = match query.text("env") {
        Some(env) if env != ENVIRONMENT => miosa_control::ListPage::empty(),
        _ => http.app.list_services(&request.caller, part.clone()).await?,
    };
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateService>,
) -> Result<Response, ApiError> {
    make(&http, request, None, body).await
}

pub(super) async fn create_in_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<CreateService>,
) -> Result<Response, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    make(&http, request, Some(project_id), body).await
}

async fn make(
    http: &Http,
    request: Request,
    project_id: Option<ProjectId>,
    body: CreateService,
) -> Result<Response, ApiError> {
    let new = new_service(project_id, body)?;
    let service = http.app.create_service(&request.caller, new, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, service))
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
    let kind = problems.check_text("kind", body.kind.or(body.service_type), |kind| {
        ServiceKind::parse(kind).ok_or_else(|| format!("must be one of {}", ServiceKind::NAMES))
    });
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

fn source(raw: NewSource) -> Result<Source, String> {
    let (kind, reference) = match raw {
        NewSource::Named(name) => (None, Some(name)),
        NewSource::Typed { source_type, reference } => (source_type, reference),
    };
    let kind = kind.unwrap_or_else(|| "template".into());
    if !SOURCES.contains(&kind.as_str()) {
        return Err(format!(
            "has the type {kind:?}; here it must be template or image, both by the name of a template"
        ));
    }
    let reference = reference.filter(|name| !name.is_empty()).ok_or("must name a template in \"ref\"")?;
    Ok(Source { kind, reference: fields::label(&reference)? })
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_service(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<UpdateService>,
) -> Result<Response, ApiError> {
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
    Ok(twin(StatusCode::OK, service))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.delete_service(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn scale(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<ScaleService>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, scaled(&http, request, id, body).await?))
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
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.stop_service(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn start(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Response, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Start, Deploy::Settings, StatusCode::OK).await
}

pub(super) async fn restart(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Response, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Restart, Deploy::Active, StatusCode::OK).await
}

pub(super) async fn redeploy(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Response, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Deploy, Deploy::Settings, StatusCode::OK).await
}

pub(super) async fn deploy(
    state: State<Http>,
    request: Request,
    id: Id<ServiceId>,
    body: Body<DeployService>,
) -> Result<Response, ApiError> {
    deployed(state, request, id, body, ReleaseCause::Deploy, Deploy::Settings, StatusCode::CREATED).await
}

async fn deployed(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
    cause: ReleaseCause,
    of: Deploy,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let ask = DeployAsk { cause, of, ..ask(body)?.0 };
    let release = http.app.deploy_service(&request.caller, id, ask, request.idempotency).await?;
    Ok(twin(status, release))
}

/// What a body asks for, and the release that it names.
pub(super) fn ask(body: DeployService) -> Result<(DeployAsk, Option<ReleaseName>), ApiError> {
    let mut problems = Problems::default();
    let source = problems.check("source", body.source, source);
    let mut settings = patch(&mut problems, body.settings, Default::default());
    if let Some(source) = &source {
        settings.template = Some(source.reference.clone());
    }
    let message = problems.check_text("message", body.message, |text| match text.len() {
        0..=MESSAGE_MAX_BYTES => Ok(text.to_owned()),
        _ => Err(format!("must be at most {MESSAGE_MAX_BYTES} bytes")),
    });
    problems.check_text("environment", body.environment, |name| fields::one_of(name, &[ENVIRONMENT]));
    let id = problems.check_text("release_id", body.release_id, fields::id).map(ReleaseName::Id);
    problems.none()?;
    let ask = DeployAsk {
        message,
        snapshot_before: body.snapshot_before.unwrap_or(false),
        restore_data: body.restore_data.unwrap_or(false),
        source,
        settings,
        ..DeployAsk::default()
    };
    Ok((ask, id.or(body.number.map(ReleaseName::Number))))
}

pub(super) async fn promote(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
    let (ask, release) = ask(body)?;
    if release.is_none() {
        return Err(ApiError::missing("release_id"));
    }
    let promoted =
        http.app.serve_again(&request.caller, id, ReleaseCause::Promote, release, ask, request.idempotency);
    Ok(twin(StatusCode::OK, promoted.await?))
}

pub(super) async fn rollback(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, rolled_back(&http, request, id, body).await?))
}

pub(super) async fn rolled_back(
    http: &Http,
    request: Request,
    id: ServiceId,
    body: DeployService,
) -> Result<Release, ApiError> {
    let (ask, release) = ask(body)?;
    let rolled_back =
        http.app.serve_again(&request.caller, id, ReleaseCause::Rollback, release, ask, request.idempotency);
    Ok(rolled_back.await?)
}

pub(super) async fn list_releases(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query,
) -> Result<Json<List<Release>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_releases(&request.caller, id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn get_release(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_release(&request.caller, id, release_id).await?))
}

/// `POST /service-deployments/{id}/rollback` and `redeploy`: that release once more.
pub(super) async fn serve_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
    Body(body): Body<DeployService>,
) -> Result<Response, ApiError> {
    let service_id = http.app.release_by_id(&request.caller, release_id).await?.service_id;
    let (ask, _) = ask(body)?;
    let of = Some(ReleaseName::Id(release_id));
    let served = http.app.serve_again(
        &request.caller,
        service_id,
        ReleaseCause::Rollback,
        of,
        ask,
        request.idempotency,
    );
    Ok(twin(StatusCode::OK, served.await?))
}

pub(super) async fn cancel_release(
    State(http): State<Http>,
    request: Request,
    Id(release_id): Id<ReleaseId>,
) -> Result<Response, ApiError> {
    let canceled = http.app.cancel_release(&request.caller, release_id, request.idempotency).await?;
    Ok(twin(StatusCode::OK, canceled))
}

/// A list of what happened so far, or events until the release is settled.
pub(super) async fn release_events(
    State(http): State<Http>,
    request: Request,
    Ids(id, release_id): Ids<ServiceId, ReleaseId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let release = http.app.get_release(&request.caller, id, release_id).await?;
    if !events::wanted(&headers) {
        return Ok(Json(paging::whole(steps(&release))).into_response());
    }
    let (app, caller) = (http.app.clone(), request.caller);
    let stream = futures::stream::unfold(Some(0), move |told| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let told = told?;
            loop {
                let mut news = app.service_news(id);
                let release = app.get_release(&caller, id, release_id).await.ok()?;
                let steps = steps(&release);
                if let Some(step) = steps.get(told) {
                    let is_last = told + 1 == steps.len() && is_settled(&release.state);
                    let fields = json!({"timestamp": step.timestamp, "message": step.message, "line": step.message,
                        "state": release.state});
                    let next = (!is_last).then_some(told + 1);
                    return Some((events::event(&step.event_type, fields), next));
                }
                news.goes_on().await;
            }
        }
    });
    Ok(events::answer(&http, stream))
}

fn is_settled(state: &str) -> bool {
    !matches!(state, "queued" | "deploying")
}

/// A release's life, as its row tells it.
fn steps(release: &Release) -> Vec<ReleaseEvent> {
    let step = |kind: &str, at: &str, message: String| ReleaseEvent {
        event_type: kind.into(),
        timestamp: at.to_owned(),
        message,
    };
    let number = release.number;
    let mut steps = vec![step("queued", &release.created_at, format!("release {number} was asked for"))];
    if release.state != "queued" {
        steps.push(step("deploying", &release.created_at, format!("release {number} is rolled out")));
    }
    if let Some(at) = &release.settled_at {
        let why = release.reason.as_ref().map(|reason| format!(": {}", reason.detail)).unwrap_or_default();
        steps.push(step(&release.state, at, format!("release {number} is {}{why}", release.state)));
    }
    steps
}

pub(super) async fn list_instances(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query,
) -> Result<Json<List<RuntimeInstance>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_instances(&request.caller, id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn get_instance(
    State(http): State<Http>,
    request: Request,
    Ids(id, instance_id): Ids<ServiceId, ComputerId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_instance(&request.caller, id, instance_id).await?))
}
