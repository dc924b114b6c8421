//! A service's variables: its setting `env`, as a list of names and values. What is changed waits for the next release, as any
//! setting does.

use std::collections::BTreeMap;

use std::convert::Infallible;

use axum::extract::State;
use miosa_api::v1::computers::Logs;
use miosa_api::v1::services::{EffectiveVariable, Service, SetVariables, Variable};
use miosa_control::ServiceChange;
use miosa_domain::ServiceId;
use miosa_domain::service::SettingsPatch;
use serde_json::{Map, Value};

use super::fields;
use super::idempotency::{Lost, LostCall};
use super::query::{Id, IdAnd, Text};
use super::route::{Listed, Object, OrEvents, Raw, routes};
use super::{ApiError, Http, Request, body, events, paging};
use crate::auth::{SERVICES_READ, SERVICES_WRITE};

const FIELD: &str = "variables";

/// Names of variables in a path.
pub(super) enum Names {}

impl Text for Names {
    const DESCRIPTION: &'static str = "Names, with commas between them.";
}

/// A build in a path.
pub(super) enum Build {}

impl Text for Build {
    const DESCRIPTION: &'static str = "Anything, such as `latest`.";
}

/// Values by name; `None` removes one.
type Changes = BTreeMap<String, Option<String>>;

routes! {
    "services";

    /// List the variables that a service gives its replicas.
    get "/services/{id}/variables" list_variables: list, SERVICES_READ;
        200 "All of them, by name.";

    /// Set variables; those that are not named stay. What changes waits in `pending_changes` for the next release.
    ///
    /// Also read: a list of names and values, there or as the whole body, and an object of names and values as the whole body. A null
    /// value removes a variable.
    put "/services/{id}/variables" set_variables: set, SERVICES_WRITE, Lost::rebuilt(now);
        200 "All of them, by name.";
        example {"variables": {"LOG_LEVEL": "debug"}};

    /// List what replica 0 has in its environment: the variables of the release that is served, and those that the server adds.
    get "/services/{id}/variables/effective" list_effective_variables: effective, SERVICES_READ;
        200 "All of them, by name.";

    /// Remove variables; one that is not there is removed already.
    delete "/services/{id}/variables/{names}" delete_variables: remove, SERVICES_WRITE, Lost::rebuilt(now);
        200 "Those that are left, by name.";

    /// The log of a build, which is empty: nothing is built here, templates run as they are.
    get "/services/{id}/builds/{build_id}/logs" build_logs: build_logs, SERVICES_READ;
        200 "No lines.";

    /// Refused: services have no public addresses here.
    put "/services/{id}/public-address" set_public_address: public_address, SERVICES_WRITE, Lost::changes_nothing();
        409 "`NOT_SUPPORTED`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Listed<Variable>, ApiError> {
    Ok(variables(http.app.get_service(&request.caller, id).await?))
}

/// The answer to all calls but the one for effective variables.
fn variables(service: Service) -> Listed<Variable> {
    let env = service.settings.env.into_iter();
    Listed(paging::whole(env.map(|(name, value)| Variable { name, value }).collect()))
}

/// The variables after a call whose response was lost.
async fn now(call: LostCall, id: ServiceId) -> Result<Listed<Variable>, ApiError> {
    Ok(variables(call.http.app.get_service(&call.caller, id).await?))
}

pub(super) async fn set(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    body: Raw<SetVariables>,
) -> Result<Listed<Variable>, ApiError> {
    let changes = changes(&body.0)?;
    change(&http, request, id, changes).await
}

pub(super) async fn remove(
    State(http): State<Http>,
    request: Request,
    IdAnd(id, names, _): IdAnd<ServiceId, Names>,
) -> Result<Listed<Variable>, ApiError> {
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    change(&http, request, id, names.map(|name| (name.to_owned(), None)).collect()).await
}

async fn change(
    http: &Http,
    request: Request,
    id: ServiceId,
    changes: Changes,
) -> Result<Listed<Variable>, ApiError> {
    // Of what is there together with what is added.
    let mut env = http.app.get_service(&request.caller, id).await?.settings.env;
    for (name, value) in &changes {
        match value {
            Some(value) => env.insert(name.clone(), value.clone()),
            None => env.remove(name),
        };
    }
    fields::env(env).map_err(|problem| ApiError::invalid(FIELD, problem))?;
    let settings = SettingsPatch { variables: changes, ..SettingsPatch::default() };
    let change = ServiceChange { settings, ..ServiceChange::default() };
    Ok(variables(http.app.update_service(&request.caller, id, change, request.idempotency).await?))
}

pub(super) async fn effective(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Listed<EffectiveVariable>, ApiError> {
    Ok(Listed(paging::whole(http.app.effective_variables(&request.caller, id).await?)))
}

/// Nothing is built here: the build of any release is an empty log.
pub(super) async fn build_logs(
    State(http): State<Http>,
    request: Request,
    IdAnd(id, ..): IdAnd<ServiceId, Build>,
    headers: axum::http::HeaderMap,
) -> Result<OrEvents<Object<Logs>>, ApiError> {
    http.app.get_service(&request.caller, id).await?;
    if events::wanted(&headers) {
        return Ok(OrEvents::Events(events::answer(&http, futures::stream::empty())));
    }
    Ok(OrEvents::Json(Object(Logs { lines: Vec::new(), logs: String::new() })))
}

/// A published tool asks for one after each creation, and takes a refusal.
pub(super) async fn public_address(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Infallible, ApiError> {
    http.app.get_service(&request.caller, id).await?;
    let message = "services have no public addresses here; publish a port of the host with a proxy of your own, \
        or run the service with \"network\": \"host\"";
    Err(ApiError::conflict("NOT_SUPPORTED", message))
}

/// `{"variables": …}`, or what would stand there as the whole body: an object, or a list of names and values.
fn changes(bytes: &[u8]) -> Result<Changes, ApiError> {
    let given = match body::value(bytes)? {
        // A variable may have this name, but then it is a text.
        Value::Object(mut map)
            if map.get(FIELD).is_some_and(|inner| inner.is_object() || inner.is_array()) =>
        {
            map.remove(FIELD).unwrap_or_default()
        }
        other => other,
    };
    let pairs = match given {
        Value::Object(map) => map.into_iter().map(Ok).collect(),
        Value::Array(items) => items.into_iter().map(pair).collect::<Result<Vec<_>, _>>(),
        _ => Err("must be an object, or a list of names and values".to_owned()),
    };
    let changes = pairs.and_then(|pairs| {
        pairs.into_iter().map(|(name, value)| Ok((name.clone(), text(&name, value)?))).collect()
    });
    changes.map_err(|problem: String| ApiError::invalid(FIELD, problem))
}

fn pair(item: Value) -> Result<(String, Value), String> {
    let mut map = match item {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    match map.remove("name").or_else(|| map.remove("key")) {
        Some(Value::String(name)) => Ok((name, map.remove("value").unwrap_or_default())),
        _ => Err("must hold a name and a value in each item".into()),
    }
}

fn text(name: &str, value: Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(_) | Value::Bool(_) => Ok(Some(value.to_string())),
        _ => Err(format!("at {name:?} must be a string")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn four_spellings_of_the_same_change() {
        let expected: Changes =
            [("A".into(), Some("b".into())), ("N".into(), Some("1".into())), ("X".into(), None)].into();
        for body in [
            json!({"variables": {"A": "b", "N": 1, "X": null}}),
            json!({"variables": [{"name": "A", "value": "b"}, {"key": "N", "value": 1}, {"name": "X"}]}),
            json!([{"name": "A", "value": "b"}, {"name": "N", "value": "1"}, {"name": "X", "value": null}]),
            json!({"A": "b", "N": "1", "X": null}),
        ] {
            assert_eq!(changes(body.to_string().as_bytes()).unwrap(), expected, "{body}");
        }
        let one = changes(br#"{"variables": "on"}"#).unwrap();
        assert_eq!(one, [("variables".into(), Some("on".into()))].into());
        assert_eq!(changes(b"").unwrap(), Changes::new());
    }

    #[test]
    fn what_names_no_variables_is_refused() {
        for (body, status) in [
            ("{", 400),
            ("5", 422),
            ("null", 422),
            (r#"{"A": {"b": "c"}}"#, 422),
            (r#"{"variables": {"A": []}}"#, 422),
            (r#"[{"value": "b"}]"#, 422),
            (r#"["A"]"#, 422),
        ] {
            assert_eq!(changes(body.as_bytes()).unwrap_err().status.as_u16(), status, "{body}");
        }
    }
}
