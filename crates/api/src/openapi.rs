//! The OpenAPI document of the public API, written from the types and from the route descriptions in `v1/paths_*.rs`.
//!
//! ```text
//! v1/volumes.rs        bodies  ─┐
//! v1/paths_volumes.rs  routes  ─┼─► document() ─► openapi/v1.json (committed), GET /api/v1/openapi.json
//! Finish, below        errors  ─┘
//! ```
//!
//! What all routes share stands here once: the bearer key, the refusals that any call may answer, and the second spellings
//! of a verb (`PUT` does what `PATCH` does, because published clients send either).

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, Modify, OpenApi, ToResponse};

use crate::error::ErrorEnvelope;
use crate::v1::{
    paths_attachments, paths_computers, paths_data_services, paths_deployments, paths_events, paths_files,
    paths_health, paths_projects, paths_services, paths_snapshots, paths_volumes,
};

/// The document, version 1.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "miosa volumes",
        version = "1",
        description = "Durable ext4 block volumes for the things you run. Every answer to one object holds its fields at the top \
            level and again under `data`. Every field is also accepted in camelCase. Every refusal has a stable `code`, a message \
            that says what to do next, and a request id.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/api/v1")),
    security(("bearer" = [])),
    tags(
        (name = "volumes", description = "Durable block devices that outlive the computers using them."),
        (name = "data services", description = "What a project keeps. Every volume is one, with the same id."),
        (name = "snapshots", description = "What a volume was at one instant, and what can be made of it."),
        (name = "attachments", description = "Volumes given to computers at a path."),
        (name = "computers", description = "Machines that run a template."),
        (name = "services", description = "What runs as replicas of numbered releases, with its volumes."),
        (name = "deployments", description = "Services by other names: versions that are promoted. With the same ids."),
        (name = "projects", description = "What volumes, computers and services belong to."),
        (name = "server", description = "The server itself. No key needed."),
    ),
    paths(
        paths_volumes::list_volumes,
        paths_volumes::create_volume,
        paths_volumes::get_volume,
        paths_volumes::update_volume,
        paths_volumes::delete_volume,
        paths_volumes::undelete_volume,
        paths_volumes::resize_volume,
        paths_volumes::compact_volume,
        paths_snapshots::list_snapshots,
        paths_snapshots::create_snapshot,
        paths_snapshots::get_volume_snapshot,
        paths_snapshots::update_volume_snapshot,
        paths_snapshots::delete_volume_snapshot,
        paths_snapshots::restore_volume_snapshot,
        paths_snapshots::verify_volume_snapshot,
        paths_snapshots::restore_volume,
        paths_snapshots::clone_volume,
        paths_snapshots::list_all_snapshots,
        paths_snapshots::prune_snapshots,
        paths_snapshots::get_snapshot,
        paths_snapshots::update_snapshot,
        paths_snapshots::delete_snapshot,
        paths_snapshots::restore_snapshot,
        paths_snapshots::verify_snapshot,
        paths_files::list_snapshot_files,
        paths_files::list_volume_snapshot_files,
        paths_files::stat_snapshot_file,
        paths_files::stat_volume_snapshot_file,
        paths_files::download_snapshot_file,
        paths_files::download_volume_snapshot_file,
        paths_files::diff_snapshots,
        paths_files::diff_volume_snapshots,
        paths_events::list_volume_events,
        paths_data_services::list_data_services,
        paths_data_services::list_project_data_services,
        paths_data_services::create_data_service,
        paths_data_services::create_project_data_service,
        paths_data_services::get_data_service,
        paths_data_services::get_any_data_service,
        paths_data_services::get_project_data_service,
        paths_data_services::update_data_service,
        paths_data_services::update_any_data_service,
        paths_data_services::update_project_data_service,
        paths_data_services::delete_data_service,
        paths_data_services::delete_any_data_service,
        paths_data_services::delete_project_data_service,
        paths_attachments::list_attachments,
        paths_attachments::attach_volume,
        paths_attachments::get_computer_attachment,
        paths_attachments::detach_volume,
        paths_attachments::get_attachment,
        paths_attachments::delete_attachment,
        paths_computers::list_computers,
        paths_computers::create_computer,
        paths_computers::get_computer,
        paths_computers::update_computer,
        paths_computers::delete_computer,
        paths_computers::start_computer,
        paths_computers::stop_computer,
        paths_computers::restart_computer,
        paths_computers::exec,
        paths_computers::exec_python,
        paths_computers::get_logs,
        paths_computers::stream_logs,
        paths_computers::clone_computer,
        paths_computers::resize_computer,
        paths_computers::move_computer,
        paths_services::list_services,
        paths_services::list_project_services,
        paths_services::create_service,
        paths_services::create_project_service,
        paths_services::get_service,
        paths_services::update_service,
        paths_services::delete_service,
        paths_services::start_service,
        paths_services::stop_service,
        paths_services::restart_service,
        paths_services::scale_service,
        paths_services::redeploy_service,
        paths_services::promote_service,
        paths_services::rollback_service,
        paths_services::list_releases,
        paths_services::deploy_service,
        paths_services::get_release,
        paths_services::list_release_events,
        paths_services::rollback_release,
        paths_services::redeploy_release,
        paths_services::cancel_release,
        paths_services::delete_release,
        paths_services::list_instances,
        paths_services::list_runtime_instances,
        paths_services::get_instance,
        paths_services::service_logs,
        paths_services::list_variables,
        paths_services::set_variables,
        paths_services::delete_variables,
        paths_services::list_effective_variables,
        paths_services::build_logs,
        paths_services::set_public_address,
        paths_deployments::list_deployments,
        paths_deployments::create_deployment,
        paths_deployments::create_project_deployment,
        paths_deployments::get_deployment,
        paths_deployments::update_deployment,
        paths_deployments::delete_deployment,
        paths_deployments::list_versions,
        paths_deployments::get_version,
        paths_deployments::promote_version,
        paths_deployments::get_version_release,
        paths_deployments::list_deployment_releases,
        paths_deployments::get_deployment_release,
        paths_deployments::promote_deployment_release,
        paths_deployments::get_any_release,
        paths_deployments::rollback_deployment,
        paths_deployments::scale_deployment,
        paths_deployments::redeploy_deployment,
        paths_deployments::stop_deployment,
        paths_deployments::list_deployment_instances,
        paths_deployments::get_deployment_instance,
        paths_deployments::deployment_instance_logs,
        paths_deployments::deployment_logs,
        paths_projects::list_projects,
        paths_projects::create_project,
        paths_projects::get_project,
        paths_projects::update_project,
        paths_projects::delete_project,
        paths_projects::list_environments,
        paths_projects::project_capabilities,
        paths_health::healthz,
        paths_health::health,
        paths_health::readyz,
        paths_health::metrics,
        paths_health::openapi_json,
    ),
    components(schemas(ErrorEnvelope), responses(NotReady)),
    modifiers(&Finish),
)]
struct Document;

/// `Idempotency-Key`, on every call that changes something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the derive only")]
pub(crate) struct IdempotencyKey {
    /// 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
    /// with the header `Idempotent-Replayed: true`.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// What is missing is in `error.details.reasons`.
#[derive(ToResponse)]
#[response(description = "What is missing is in `error.details.reasons`.")]
#[expect(dead_code, reason = "read by the derive only")]
pub(crate) struct NotReady(ErrorEnvelope);

struct Finish;

/// The refusals that every call with a key may answer: component name, status, description.
const SHARED_REFUSALS: [(&str, &str, &str); 6] = [
    ("BadRequest", "400", "`INVALID_ID`, `INVALID_JSON` or `MISSING_PARAM`."),
    ("Unauthorized", "401", "`invalid_token`: the key is missing, malformed, unknown or revoked."),
    ("Forbidden", "403", "`insufficient_scope`: the key is known and not allowed to do this."),
    ("NotFound", "404", "`NOT_FOUND`: absent, deleted, or another tenant's."),
    ("Invalid", "422", "`VALIDATION_ERROR`, with texts per field in `errors`, or another code for a value."),
    ("TooManyRequests", "429", "`rate_limit_exceeded`: repeat after `Retry-After` seconds."),
];

impl Modify for Finish {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "bearer",
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("msk_...").build(),
            ),
        );
        for (name, _, description) in SHARED_REFUSALS {
            let body = Content::new(Some(Ref::from_schema_name("ErrorEnvelope")));
            let response =
                ResponseBuilder::new().description(description).content("application/json", body).build();
            components.responses.insert(name.into(), RefOr::T(response));
        }
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                if operation.security.is_some() {
                    continue;
                }
                for (name, status, _) in SHARED_REFUSALS {
                    let refusal = || RefOr::Ref(Ref::from_response_name(name));
                    operation.responses.responses.entry(status.into()).or_insert_with(refusal);
                }
            }
            if let Some(patch) = &item.patch {
                item.put = Some(second_spelling(patch.clone(), "replace"));
            }
            if path == "/computers/{id}" {
                item.post = item.patch.clone().map(|patch| second_spelling(patch, "post"));
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete].into_iter().flatten()
}

/// The same operation by another method: the id, which must be unique, begins with another verb.
fn second_spelling(mut operation: Operation, verb: &str) -> Operation {
    operation.description = Some("The same as `PATCH`: fields left out stay as they are.".into());
    operation.operation_id = operation.operation_id.map(|id| id.replacen("update", verb, 1));
    operation
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Generated clients name their functions after the operation ids.
    #[test]
    fn operation_ids_are_unique() {
        let mut document = document();
        let mut seen = BTreeSet::new();
        for item in document.paths.paths.values_mut() {
            for operation in operations(item) {
                let id = operation.operation_id.clone().expect("every operation has an id");
                assert!(seen.insert(id.clone()), "{id} twice");
            }
        }
        assert_eq!(seen.len(), 144);
    }

    /// Every `$ref` leads somewhere.
    #[test]
    fn references_resolve() {
        fn references(value: &serde_json::Value, found: &mut BTreeSet<String>) {
            match value {
                serde_json::Value::Object(map) => {
                    if let Some(serde_json::Value::String(reference)) = map.get("$ref") {
                        found.insert(reference.clone());
                    }
                    map.values().for_each(|v| references(v, found));
                }
                serde_json::Value::Array(items) => items.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let json = serde_json::to_value(document()).unwrap();
        let mut found = BTreeSet::new();
        references(&json, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("references stay in the document");
            assert!(json.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    /// Only the routes about the server itself are open, and all others can answer 401.
    #[test]
    fn every_other_route_needs_the_key() {
        let mut document = document();
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                let server = operation.tags.as_deref() == Some(&["server".to_owned()]);
                assert_eq!(server, operation.security.is_some(), "{path}");
                assert_eq!(server, !operation.responses.responses.contains_key("401"), "{path}");
            }
        }
    }
}
