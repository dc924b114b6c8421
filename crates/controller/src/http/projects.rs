//! Projects: parse, call the verb, answer.

use axum::extract::State;
use miosa_api::v1::projects::{
    CreateProject, Environment, Project, ProjectCapabilities, ProjectFilters, UpdateProject,
};
use miosa_api::v1::volumes::Deleted;
use miosa_api::word::{Word, Words};
use miosa_control::{NewProject, ProjectChange};
use miosa_domain::service::REPLICAS_MAX;
use miosa_domain::size::GIB;
use miosa_domain::{ProjectId, name};

use super::body::Body;
use super::data_services::ProjectName;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::paging::{self, Paged};
use super::query::{Id, Query};
use super::route::{Created, Listed, Object, routes};
use super::services::ENVIRONMENT;
use super::{ApiError, Http, Request};
use crate::auth::{PROJECTS_READ, PROJECTS_WRITE};

const DESCRIPTION_MAX_BYTES: usize = 4096;

routes! {
    "projects";

    /// List projects, newest first.
    get "/projects" list_projects: list, PROJECTS_READ;
        200 "One page of projects.";

    /// Create a project.
    post "/projects" create_project: create, PROJECTS_WRITE, Lost::rebuilt(now);
        201 "The project.";
        example {"name": "shop", "metadata": {"team": "web"}};

    /// Get a project.
    get "/projects/{id}" get_project: get, PROJECTS_READ;
        200 "The project.";

    /// Change a project.
    patch "/projects/{id}" update_project: update, PROJECTS_WRITE, Lost::rebuilt(now);
        200 "The project.";
        example {"description": "everything behind shop.example"};

    /// Delete a project that is empty: without volumes, computers and services.
    delete "/projects/{id}" delete_project: delete, PROJECTS_WRITE, Lost::deleted();
        200 "The project is gone.";
        409 "`PROJECT_IN_USE`: it is the default one, or not empty.";

    /// List a project's environments: `production`.
    get "/projects/{id}/environments" list_environments: environments, PROJECTS_READ;
        200 "All of them.";

    /// What projects of this server can have.
    get "/project-capabilities" project_capabilities: capabilities, PROJECTS_READ;
        200 "The capabilities.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<ProjectFilters>>,
) -> Result<Listed<Project>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_projects(&request.caller, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateProject>,
) -> Result<Created<Project>, ApiError> {
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
    Ok(Created(http.app.create_project(&request.caller, new, request.idempotency).await?))
}

/// The project of a call whose response was lost.
async fn now(call: LostCall, id: ProjectId) -> Result<Project, ApiError> {
    Ok(call.http.app.get_project(&call.caller, Some(id)).await?)
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Object<Project>, ApiError> {
    Ok(Object(http.app.get_project(&request.caller, project.into()).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    Body(body): Body<UpdateProject>,
) -> Result<Object<Project>, ApiError> {
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
    Ok(Object(project))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Object<Deleted>, ApiError> {
    let deleted = http.app.delete_project(&request.caller, project.into(), request.idempotency).await?;
    Ok(Object(deleted))
}

pub(super) async fn environments(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
) -> Result<Listed<Environment>, ApiError> {
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
    Ok(Listed(paging::whole(vec![environment])))
}

pub(super) async fn capabilities(
    State(http): State<Http>,
    _: Request,
) -> Result<Object<ProjectCapabilities>, ApiError> {
    let capabilities = ProjectCapabilities {
        service_kinds: all(),
        source_types: all(),
        data_service_types: all(),
        replicas_max: REPLICAS_MAX,
        volumes_per_project: http.limits.volumes_per_project,
        volume_max_gb: http.limits.volume_max_bytes / GIB,
    };
    Ok(Object(capabilities))
}

fn all<T: Words>() -> Vec<Word<T>> {
    T::VARIANTS.iter().copied().map(Word::Known).collect()
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
