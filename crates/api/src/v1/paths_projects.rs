//! The routes of projects, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;

use super::projects::{CreateProject, Environment, Project, ProjectCapabilities, UpdateProject};
use super::volumes::Deleted;
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// Narrows a list of projects.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct ProjectFilters {
    name: Option<String>,
    workspace_id: Option<String>,
}

/// List projects, newest first.
#[utoipa::path(get, path = "/projects", tag = "projects", params(crate::page::PageQuery, ProjectFilters),
    responses((status = 200, description = "One page of projects.", body = List<Project>)))]
fn list_projects() {}

/// Create a project.
#[utoipa::path(post, path = "/projects", tag = "projects", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateProject, example = json!({"name": "shop", "metadata": {"team": "web"}})),
    responses((status = 201, description = "The project.", body = Twin<Project>)))]
fn create_project() {}

/// Get a project.
#[utoipa::path(get, path = "/projects/{id}", tag = "projects",
    params(("id" = String, Path, description = "Project: its id, or `default`.")),
    responses((status = 200, description = "The project.", body = Twin<Project>)))]
fn get_project() {}

/// Change a project.
#[utoipa::path(patch, path = "/projects/{id}", tag = "projects",
    params(("id" = String, Path, description = "Project: its id, or `default`."), crate::openapi::IdempotencyKey),
    request_body(content = UpdateProject, example = json!({"description": "everything behind shop.example"})),
    responses((status = 200, description = "The project.", body = Twin<Project>)))]
fn update_project() {}

/// Delete a project that is empty: without volumes, computers and services.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects",
    params(("id" = String, Path, description = "Project: its id, or `default`."), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The project is gone.", body = Twin<Deleted>),
        (status = 409, description = "`RESOURCE_STATE`: it is the default one, or not empty.", body = ErrorEnvelope),
    ))]
fn delete_project() {}

/// List a project's environments: `production`.
#[utoipa::path(get, path = "/projects/{id}/environments", tag = "projects",
    params(("id" = String, Path, description = "Project: its id, or `default`.")),
    responses((status = 200, description = "All of them.", body = List<Environment>)))]
fn list_environments() {}

/// What projects of this server can have.
#[utoipa::path(get, path = "/project-capabilities", tag = "projects",
    responses((status = 200, description = "The capabilities.", body = Twin<ProjectCapabilities>)))]
fn project_capabilities() {}
