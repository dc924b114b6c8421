//! A service's variables: its setting `env`, as a list of names and values. What is changed waits for the next release, as any
//! setting does.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use miosa_api::page::List;
use miosa_api::v1::computers::Logs;
use miosa_api::v1::services::{EffectiveVariable, Service, Variable};
use miosa_control::ServiceChange;
use miosa_domain::ServiceId;
use miosa_domain::service::SettingsPatch;
use serde_json::{Map, Value};

use super::fields;
use super::query::{Id, IdAnd};
use super::{ApiError, Http, Request, body, events, paging, twin};

const FIELD: &str = "variables";

/// Values by name; `None` removes one.
type Changes = BTreeMap<String, Option<String>>;

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Json<List<Variable>>, ApiError> {
    Ok(Json(variables(http.app.get_service(&request.caller, id).await?)))
}

/// The answer to all calls but the one for effective variables.
pub(super) fn variables(service: Service) -> List<Variable> {
    let env = service.settings.env.into_iter();
    paging::whole(env.map(|(name, value)| Variable { name, value }).collect())
}

pub(super) async fn set(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    bytes: Bytes,
) -> Result<Json<List<Variable>>, ApiError> {
    let changes = changes(&bytes)?;
    change(&http, request, id, changes).await
}

pub(super) async fn remove(
    State(http): State<Http>,
    request: Request,
    IdAnd(id, names): IdAnd<ServiceId>,
) -> Result<Json<List<Variable>>, ApiError> {
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    change(&http, request, id, names.map(|name| (name.to_owned(), None)).collect()).await
}

async fn change(
    http: &Http,
    request: Request,
    id: ServiceId,
    changes: Changes,
) -> Result<Json<List<Variable>>, ApiError> {
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
    Ok(Json(variables(http.app.update_service(&request.caller, id, change, request.idempotency).await?)))
}

pub(super) async fn effective(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Json<List<EffectiveVariable>>, ApiError> {
    Ok(Json(paging::whole(http.app.effective_variables(&request.caller, id).await?)))
}

/// Nothing is built here: the build of any release is an empty log.
pub(super) async fn build_logs(
    State(http): State<Http>,
    request: Request,
    IdAnd(id, _): IdAnd<ServiceId>,
    headers: axum::http::HeaderMap,
) -> Result<Response, ApiError> {
    http.app.get_service(&request.caller, id).await?;
    if events::wanted(&headers) {
        return Ok(events::answer(&http, futures::stream::empty()).into_response());
    }
    Ok(twin(StatusCode::OK, Logs { lines: Vec::new(), logs: String::new() }))
}

/// A published tool asks for one after each creation, and takes a refusal.
pub(super) async fn public_address(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
) -> Result<Response, ApiError> {
    http.app.get_service(&request.caller, id).await?;
    let message = "services have no public addresses here; publish a port of the host with a proxy of your own, \
        or run the service with \"network\": \"host\"";
    Err(ApiError::conflict("RESOURCE_STATE", message))
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
