//! The OpenAPI document of the public API, made from the route table.
//!
//! ```text
//! routes::table()   operations, bodies  ─┐
//! api               schemas             ─┼─► document() ─► openapi/v1.json (committed), GET /api/v1/openapi.json
//! refusals, below   shared responses    ─┘
//! ```
//!
//! What all routes share is stated here once: the bearer key and the refusals that any call may meet.

use axum::http::Method;
use miosa_api::error::ErrorEnvelope;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, OpenApi};

use super::route::Route;
use super::routes;

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
    components(schemas(ErrorEnvelope)),
)]
struct Head;

/// `Idempotency-Key`, on every call that changes something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the derive only")]
pub(super) struct IdempotencyKey {
    /// 1 to 255 characters. A repeated call with the same key and body answers what the first one answered, for 24 hours,
    /// with the header `Idempotent-Replayed: true`.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// The refusals that every call with a key may meet: component name, status, description.
const SHARED_REFUSALS: [(&str, &str, &str); 6] = [
    ("BadRequest", "400", "`INVALID_ID`, `INVALID_JSON` or `MISSING_PARAM`."),
    ("Unauthorized", "401", "`invalid_token`: the key is missing, malformed, unknown or revoked."),
    ("Forbidden", "403", "`insufficient_scope`: the key is known and not allowed to do this."),
    ("NotFound", "404", "`NOT_FOUND`: absent, deleted, or another tenant's."),
    ("Invalid", "422", "`VALIDATION_ERROR`, with texts per field in `errors`, or another code for a value."),
    ("TooManyRequests", "429", "`rate_limit_exceeded`: repeat after `Retry-After` seconds."),
];

/// The document, version 1.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Head::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("msk_...").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (name, _, description) in SHARED_REFUSALS {
        let body = Content::new(Some(Ref::from_schema_name("ErrorEnvelope")));
        let response = ResponseBuilder::new().description(description).content("application/json", body);
        components.responses.insert(name.into(), RefOr::T(response.build()));
    }
    for mut route in routes::table() {
        components.schemas.append(&mut route.docs.schemas.drain(..).collect());
        add(document.paths.paths.entry(route.path.to_owned()).or_default(), route);
    }
    document
}

/// Adds the route's operation under each of its methods.
fn add(item: &mut PathItem, route: Route) {
    let mut operation = route.docs.operation;
    if operation.security.is_none() {
        for (name, status, _) in SHARED_REFUSALS {
            let refusal = || RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.entry(status.into()).or_insert_with(refusal);
        }
    }
    let (first, others) = route.methods.split_first().expect("a route has a method");
    *slot(item, first) = Some(operation.clone());
    for method in others {
        *slot(item, method) = Some(second_spelling(operation.clone(), method));
    }
}

fn slot<'a>(item: &'a mut PathItem, method: &Method) -> &'a mut Option<Operation> {
    match *method {
        Method::GET => &mut item.get,
        Method::POST => &mut item.post,
        Method::PUT => &mut item.put,
        Method::PATCH => &mut item.patch,
        _ => &mut item.delete,
    }
}

/// The same operation by another method: the id, which must be unique, begins with another verb.
fn second_spelling(mut operation: Operation, method: &Method) -> Operation {
    let verb = if *method == Method::PUT { "replace" } else { "post" };
    operation.description = Some("The same as `PATCH`: fields left out stay as they are.".into());
    operation.operation_id = operation.operation_id.map(|id| id.replacen("update", verb, 1));
    operation
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
        [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete]
            .into_iter()
            .flatten()
    }

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
