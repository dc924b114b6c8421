//! All routes, as their modules declare them, and the router that they make.

use std::sync::LazyLock;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;

use super::route::Route;
use super::{
    ApiError, Gate, Http, attachments, computers, data_services, deployments, download, exec, files, health,
    logs, projects, releases, restore, service_logs, service_variables, services, snapshots, volume_events,
    volumes,
};

pub(super) fn table() -> Vec<Route> {
    let modules = [
        health::routes,
        volumes::routes,
        volume_events::routes,
        snapshots::routes,
        restore::routes,
        files::routes,
        download::routes,
        data_services::routes,
        attachments::routes,
        computers::routes,
        exec::routes,
        logs::routes,
        services::routes,
        releases::routes,
        service_logs::routes,
        service_variables::routes,
        deployments::routes,
        projects::routes,
    ];
    modules.into_iter().flat_map(|routes: fn() -> Vec<Route>| routes()).collect()
}

/// The table as a router, each keyed route behind its [`gate`](super::gate).
pub(super) fn router(http: &Http) -> Router<Http> {
    let mut router = Router::new();
    for Route { path, scope, memory, handler, .. } in table() {
        let handler = match scope {
            None => handler,
            Some(scope) => {
                let gate = Gate { http: http.clone(), scope, memory };
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
