//! Projects: parse, call the verb, answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::projects::{CreateProject, Environment, Project, ProjectCapabilities, UpdateProject};
use miosa_domain::name;
use miosa_domain::service::REPLICAS_MAX;
use miosa_domain::size::GIB;

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::query::{Id, Query};
use super::services::{ENVIRONMENT, SOURCES};
use super::{ApiError, Http, Request, data_services, paging, twin};
use miosa_control::{NewProject, ProjectChange};

const DESCRIPTION_MAX_BYTES: usize = 4096;
/// As clients name them; `web` and `private` are servers.
const SERVICE_KINDS: [&str; 2] = ["server", "worker"];

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query,
) -> Result<Json<List<Project>>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_projects(&request.caller, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateProject>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let name = body.name.ok_or_else(|| ApiError::missing("name"))?;
    let name = problems.check("name", Some(name), fields::name).unwrap_or_default();
    let slug = problems.check_text("slug", body.slug, fields::slug);
    let workspace = [body.workspace_id, body.workspace_slug].into_iter().flatten().find(|id| !id.is_empty());
    let new = NewProject {
        slug: slug.unwrap_or_else(|| name::slug(&name, "project")),
        name,
        workspace_id: problems.check_text("workspace_id", workspace.or(request.workspace), fields::label),
        description: problems.check_text("description", body.description, description),
        metadata: problems.check("metadata", body.metadata, fields::metadata).unwrap_or_default(),
    };
    problems.none()?;
    Ok(twin(StatusCode::CREATED, http.app.create_project(&request.caller, new, request.idempotency).await?))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_project(&request.caller, project.into()).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<UpdateProject>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let change = ProjectChange {
        name: problems.check("name", body.name, fields::name),
        slug: problems.check_text("slug", body.slug, fields::slug),
        // An empty one is none, but it takes the place of the one that is there.
        description: problems.check("description", body.description, |text| description(&text)),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
    };
    problems.none()?;
    let project =
        http.app.update_project(&request.caller, project.into(), change, request.idempotency).await?;
    Ok(twin(StatusCode::OK, project))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Response, ApiError> {
    let deleted = http.app.delete_project(&request.caller, project.into(), request.idempotency).await?;
    Ok(twin(StatusCode::OK, deleted))
}

pub(super) async fn environments(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Json<List<Environment>>, ApiError> {
    let project = http.app.get_project(&request.caller, project.into()).await?;
    let environment = Environment {
        id: project.id.clone(),
        project_id: project.id,
        name: ENVIRONMENT.into(),
        slug: ENVIRONMENT.into(),
        is_default: true,
        created_at: project.created_at,
        updated_at: project.updated_at,
    };
    Ok(Json(paging::whole(vec![environment])))
}

pub(super) async fn capabilities(State(http): State<Http>, _: Request) -> Response {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let capabilities = ProjectCapabilities {
        service_kinds: texts(&SERVICE_KINDS),
        source_types: texts(&SOURCES),
        data_service_types: texts(&[data_services::VOLUME]),
        replicas_max: REPLICAS_MAX,
        volumes_per_project: http.limits.volumes_per_project,
        volume_max_gb: http.limits.volume_max_bytes / GIB,
    };
    twin(StatusCode::OK, capabilities)
}

fn description(raw: &str) -> Result<String, String> {
    if raw.len() > DESCRIPTION_MAX_BYTES {
        return Err(format!("must be at most {DESCRIPTION_MAX_BYTES} bytes"));
    }
    if raw.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err("must not contain control characters".into());
    }
    Ok(raw.to_owned())
}
