//! All routes, in one table. A test holds it against the OpenAPI document: both name the same methods and paths.

use std::sync::LazyLock;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::idempotency::Memory;
use super::{
    ApiError, Gate, Http, attachments, computers, data_services, deployments, download, exec, files, health,
    logs, projects, restore, service_logs, service_variables, services, snapshots, volume_events, volumes,
};

/// One row: a method, a path below the prefix, and what it takes to pass.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// `None` for the routes that need no key.
    pub(super) scope: Option<&'static str>,
    memory: Memory,
    handler: MethodRouter<Http>,
}

impl Route {
    fn new<T: 'static>(method: Method, path: &'static str, handler: impl Handler<T, Http>) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("the table names standard methods");
        Self { method, path, scope: None, memory: Memory::Store, handler: on(filter, handler) }
    }

    fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    fn memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }
}

pub(super) fn table() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;

    const VOLUMES_READ: &str = "volumes:read";
    const VOLUMES_WRITE: &str = "volumes:write";
    const COMPUTERS_READ: &str = "computers:read";
    const COMPUTERS_WRITE: &str = "computers:write";
    const COMPUTERS_EXEC: &str = "computers:exec";
    const PROJECTS_READ: &str = "projects:read";
    const PROJECTS_WRITE: &str = "projects:write";
    const SERVICES_READ: &str = "services:read";
    const SERVICES_WRITE: &str = "services:write";

    vec![
        Route::new(GET, "/healthz", health::health),
        Route::new(GET, "/health", health::health),
        Route::new(GET, "/readyz", health::ready),
        Route::new(GET, "/metrics", health::metrics),
        Route::new(GET, "/openapi.json", health::openapi),
        Route::new(GET, "/volumes", volumes::list).scope(VOLUMES_READ),
        Route::new(POST, "/volumes", volumes::create).scope(VOLUMES_WRITE),
        Route::new(GET, "/volumes/{id}", volumes::get).scope(VOLUMES_READ),
        Route::new(PATCH, "/volumes/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(PUT, "/volumes/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(DELETE, "/volumes/{id}", volumes::delete).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/undelete", volumes::undelete).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/resize", volumes::resize).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/compact", volumes::compact).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/clone", restore::clone).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/restore", restore::of_volume).scope(VOLUMES_WRITE),
        Route::new(GET, "/volumes/{id}/snapshots", snapshots::list).scope(VOLUMES_READ),
        Route::new(POST, "/volumes/{id}/snapshots", snapshots::create).scope(VOLUMES_WRITE),
        Route::new(GET, "/volumes/{id}/snapshots/{snapshot_id}", snapshots::get).scope(VOLUMES_READ),
        Route::new(PATCH, "/volumes/{id}/snapshots/{snapshot_id}", snapshots::update).scope(VOLUMES_WRITE),
        Route::new(PUT, "/volumes/{id}/snapshots/{snapshot_id}", snapshots::update).scope(VOLUMES_WRITE),
        Route::new(DELETE, "/volumes/{id}/snapshots/{snapshot_id}", snapshots::delete).scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/snapshots/{snapshot_id}/restore", restore::of_snapshot)
            .scope(VOLUMES_WRITE),
        Route::new(POST, "/volumes/{id}/snapshots/{snapshot_id}/verify", snapshots::verify)
            .scope(VOLUMES_WRITE),
        Route::new(GET, "/volume-snapshots", snapshots::list_all).scope(VOLUMES_READ),
        Route::new(POST, "/volume-snapshots/prune", snapshots::prune)
            .scope(VOLUMES_WRITE)
            .memory(Memory::Process),
        Route::new(GET, "/volume-snapshots/{snapshot_id}", snapshots::get).scope(VOLUMES_READ),
        Route::new(PATCH, "/volume-snapshots/{snapshot_id}", snapshots::update).scope(VOLUMES_WRITE),
        Route::new(PUT, "/volume-snapshots/{snapshot_id}", snapshots::update).scope(VOLUMES_WRITE),
        Route::new(DELETE, "/volume-snapshots/{snapshot_id}", snapshots::delete).scope(VOLUMES_WRITE),
        Route::new(POST, "/volume-snapshots/{snapshot_id}/restore", restore::of_snapshot)
            .scope(VOLUMES_WRITE),
        Route::new(POST, "/volume-snapshots/{snapshot_id}/verify", snapshots::verify).scope(VOLUMES_WRITE),
        Route::new(GET, "/volumes/{id}/events", volume_events::list).scope(VOLUMES_READ),
        Route::new(GET, "/volumes/{id}/snapshots/{snapshot_id}/files", files::list).scope(VOLUMES_READ),
        Route::new(GET, "/volumes/{id}/snapshots/{snapshot_id}/files/stat", files::stat).scope(VOLUMES_READ),
        Route::new(GET, "/volumes/{id}/snapshots/{snapshot_id}/files/download", download::download)
            .scope(VOLUMES_READ),
        Route::new(GET, "/volumes/{id}/snapshots/{snapshot_id}/diff", files::diff).scope(VOLUMES_READ),
        Route::new(GET, "/volume-snapshots/{snapshot_id}/files", files::list).scope(VOLUMES_READ),
        Route::new(GET, "/volume-snapshots/{snapshot_id}/files/stat", files::stat).scope(VOLUMES_READ),
        Route::new(GET, "/volume-snapshots/{snapshot_id}/files/download", download::download)
            .scope(VOLUMES_READ),
        Route::new(GET, "/volume-snapshots/{snapshot_id}/diff", files::diff).scope(VOLUMES_READ),
        Route::new(GET, "/data-services", data_services::list).scope(VOLUMES_READ),
        Route::new(POST, "/data-services", data_services::create).scope(VOLUMES_WRITE),
        Route::new(GET, "/projects/{project_id}/data-services", data_services::list_of_project)
            .scope(VOLUMES_READ),
        Route::new(POST, "/projects/{project_id}/data-services", data_services::create_in_project)
            .scope(VOLUMES_WRITE),
        Route::new(GET, "/data-services/{id}", volumes::get).scope(VOLUMES_READ),
        Route::new(PATCH, "/data-services/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(PUT, "/data-services/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(DELETE, "/data-services/{id}", volumes::delete).scope(VOLUMES_WRITE),
        Route::new(GET, "/projects/data-services/{id}", volumes::get).scope(VOLUMES_READ),
        Route::new(PATCH, "/projects/data-services/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(PUT, "/projects/data-services/{id}", volumes::update).scope(VOLUMES_WRITE),
        Route::new(DELETE, "/projects/data-services/{id}", volumes::delete).scope(VOLUMES_WRITE),
        Route::new(GET, "/projects/{project_id}/data-services/{id}", data_services::get_of_project)
            .scope(VOLUMES_READ),
        Route::new(PATCH, "/projects/{project_id}/data-services/{id}", data_services::update_of_project)
            .scope(VOLUMES_WRITE),
        Route::new(PUT, "/projects/{project_id}/data-services/{id}", data_services::update_of_project)
            .scope(VOLUMES_WRITE),
        Route::new(DELETE, "/projects/{project_id}/data-services/{id}", data_services::delete_of_project)
            .scope(VOLUMES_WRITE),
        Route::new(GET, "/computers/{computer_id}/volumes", attachments::list).scope(VOLUMES_READ),
        Route::new(POST, "/computers/{computer_id}/volumes", attachments::attach).scope(VOLUMES_WRITE),
        Route::new(GET, "/computers/{computer_id}/volumes/{attachment_id}", attachments::get_of_computer)
            .scope(VOLUMES_READ),
        Route::new(
            DELETE,
            "/computers/{computer_id}/volumes/{attachment_id}",
            attachments::detach_from_computer,
        )
        .scope(VOLUMES_WRITE),
        Route::new(GET, "/volume-attachments/{id}", attachments::get).scope(VOLUMES_READ),
        Route::new(DELETE, "/volume-attachments/{id}", attachments::detach).scope(VOLUMES_WRITE),
        Route::new(GET, "/computers", computers::list).scope(COMPUTERS_READ),
        Route::new(POST, "/computers", computers::create).scope(COMPUTERS_WRITE),
        Route::new(GET, "/computers/{id}", computers::get).scope(COMPUTERS_READ),
        Route::new(PATCH, "/computers/{id}", computers::update).scope(COMPUTERS_WRITE),
        Route::new(PUT, "/computers/{id}", computers::update).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}", computers::update).scope(COMPUTERS_WRITE),
        Route::new(DELETE, "/computers/{id}", computers::delete).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/start", computers::start).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/stop", computers::stop).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/restart", computers::restart).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/clone", computers::not_yet).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/resize", computers::not_yet).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/move", computers::not_yet).scope(COMPUTERS_WRITE),
        Route::new(POST, "/computers/{id}/exec", exec::exec).scope(COMPUTERS_EXEC).memory(Memory::Process),
        Route::new(POST, "/computers/{id}/exec/python", exec::python)
            .scope(COMPUTERS_EXEC)
            .memory(Memory::Process),
        Route::new(GET, "/computers/{id}/logs", logs::get).scope(COMPUTERS_READ),
        Route::new(GET, "/computers/{id}/logs/stream", logs::stream).scope(COMPUTERS_READ),
        Route::new(GET, "/services", services::list).scope(SERVICES_READ),
        Route::new(POST, "/services", services::create).scope(SERVICES_WRITE),
        Route::new(GET, "/projects/{project_id}/services", services::list_of_project).scope(SERVICES_READ),
        Route::new(POST, "/projects/{project_id}/services", services::create_in_project)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}", services::get).scope(SERVICES_READ),
        Route::new(PATCH, "/services/{id}", services::update).scope(SERVICES_WRITE),
        Route::new(PUT, "/services/{id}", services::update).scope(SERVICES_WRITE),
        Route::new(DELETE, "/services/{id}", services::delete).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/start", services::start).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/stop", services::stop).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/restart", services::restart).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/scale", services::scale).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/redeploy", services::redeploy).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/promote", services::promote).scope(SERVICES_WRITE),
        Route::new(POST, "/services/{id}/rollback", services::rollback).scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}/deployments", services::list_releases).scope(SERVICES_READ),
        Route::new(POST, "/services/{id}/deployments", services::deploy).scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}/deployments/{release_id}", services::get_release)
            .scope(SERVICES_READ),
        Route::new(GET, "/services/{id}/deployments/{release_id}/events", services::release_events)
            .scope(SERVICES_READ),
        Route::new(POST, "/service-deployments/{release_id}/rollback", services::serve_release)
            .scope(SERVICES_WRITE),
        Route::new(POST, "/service-deployments/{release_id}/redeploy", services::serve_release)
            .scope(SERVICES_WRITE),
        Route::new(POST, "/service-deployments/{release_id}/cancel", services::cancel_release)
            .scope(SERVICES_WRITE),
        Route::new(DELETE, "/service-deployments/{release_id}", services::cancel_release)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}/instances", services::list_instances).scope(SERVICES_READ),
        Route::new(GET, "/services/{id}/runtime-instances", services::list_instances).scope(SERVICES_READ),
        Route::new(GET, "/services/{id}/instances/{instance_id}", services::get_instance)
            .scope(SERVICES_READ),
        Route::new(GET, "/services/{id}/logs", service_logs::get).scope(SERVICES_READ),
        Route::new(GET, "/services/{id}/variables", service_variables::list).scope(SERVICES_READ),
        Route::new(PUT, "/services/{id}/variables", service_variables::set).scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}/variables/effective", service_variables::effective)
            .scope(SERVICES_READ),
        Route::new(DELETE, "/services/{id}/variables/{names}", service_variables::remove)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/services/{id}/builds/{build_id}/logs", service_variables::build_logs)
            .scope(SERVICES_READ),
        Route::new(PUT, "/services/{id}/public-address", service_variables::public_address)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/deployments", deployments::list).scope(SERVICES_READ),
        Route::new(POST, "/deployments", deployments::create).scope(SERVICES_WRITE),
        Route::new(POST, "/projects/{project_id}/deployments", deployments::create_in_project)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/deployments/{id}", deployments::get).scope(SERVICES_READ),
        Route::new(PATCH, "/deployments/{id}", deployments::update).scope(SERVICES_WRITE),
        Route::new(PUT, "/deployments/{id}", deployments::update).scope(SERVICES_WRITE),
        Route::new(DELETE, "/deployments/{id}", services::delete).scope(SERVICES_WRITE),
        Route::new(GET, "/deployments/{id}/versions", deployments::list_versions).scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/versions/{version_id}", deployments::get_version)
            .scope(SERVICES_READ),
        Route::new(POST, "/deployments/{id}/versions/{version_id}/promote", deployments::promote)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/deployments/{id}/versions/{version_id}/release", deployments::get_release)
            .scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/releases", deployments::list_releases).scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/releases/{release_id}", deployments::get_release)
            .scope(SERVICES_READ),
        Route::new(POST, "/deployments/{id}/releases/{release_id}/promote", deployments::promote)
            .scope(SERVICES_WRITE),
        Route::new(GET, "/releases/{release_id}", deployments::get_any_release).scope(SERVICES_READ),
        Route::new(POST, "/deployments/{id}/rollback", deployments::rollback).scope(SERVICES_WRITE),
        Route::new(POST, "/deployments/{id}/scale", deployments::scale).scope(SERVICES_WRITE),
        Route::new(POST, "/deployments/{id}/redeploy", deployments::redeploy).scope(SERVICES_WRITE),
        Route::new(POST, "/deployments/{id}/stop", deployments::stop).scope(SERVICES_WRITE),
        Route::new(GET, "/deployments/{id}/runtime-instances", services::list_instances).scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/runtime-instances/{instance_id}", services::get_instance)
            .scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/runtime-instances/{instance_id}/logs", deployments::instance_logs)
            .scope(SERVICES_READ),
        Route::new(GET, "/deployments/{id}/logs", service_logs::get).scope(SERVICES_READ),
        Route::new(GET, "/projects", projects::list).scope(PROJECTS_READ),
        Route::new(POST, "/projects", projects::create).scope(PROJECTS_WRITE),
        Route::new(GET, "/projects/{id}", projects::get).scope(PROJECTS_READ),
        Route::new(PATCH, "/projects/{id}", projects::update).scope(PROJECTS_WRITE),
        Route::new(PUT, "/projects/{id}", projects::update).scope(PROJECTS_WRITE),
        Route::new(DELETE, "/projects/{id}", projects::delete).scope(PROJECTS_WRITE),
        Route::new(GET, "/projects/{id}/environments", projects::environments).scope(PROJECTS_READ),
        Route::new(GET, "/project-capabilities", projects::capabilities).scope(PROJECTS_READ),
    ]
}

/// The table as a router, each keyed route behind its [`gate`](super::gate).
pub(super) fn router(http: &Http) -> Router<Http> {
    let mut router = Router::new();
    for Route { method, path, scope, memory, handler } in table() {
        let handler = match scope {
            None => handler,
            Some(scope) => {
                let gate = Gate { http: http.clone(), method, route: path, scope, memory };
                handler.route_layer(from_fn_with_state(gate, super::gate))
            }
        };
        router = router.route(path, handler);
    }
    router.fallback(no_such_route)
}

async fn no_such_route() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        "no such route; /api/v1/openapi.json lists those there are",
    )
}

/// The table's own copy of a matched path, which outlives the request.
pub(super) fn known(path: &str) -> &'static str {
    static PATHS: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| table().iter().map(|route| route.path).collect());
    PATHS.iter().find(|known| **known == path).copied().unwrap_or(super::UNMATCHED)
}
