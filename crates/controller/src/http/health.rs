//! What operators and probes ask, without a key.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use miosa_api::v1::health::{Health, Ready};
use serde_json::json;
use utoipa::PartialSchema;
use utoipa::openapi::{Object, OpenApi};

use super::route::{Docs, Output, routes};
use super::{ApiError, Http};
use crate::telemetry;

routes! {
    "server";

    /// Does the server live?
    open "/healthz" healthz: health;
        200 "The process serves requests.";

    /// Does the server live? The spelling that the published clients use.
    open "/health" health: health;
        200 "The process serves requests.";

    /// Is the server ready for work?
    open "/readyz" readyz: ready;
        200 "The database answers, and the agent is connected and has recovered.";
        503 "What is missing is in `error.details.reasons`.";

    /// Counts and latencies for Prometheus.
    open "/metrics" metrics: metrics;
        200 "Prometheus text format, version 0.0.4.";

    /// This document.
    open "/openapi.json" openapi_json: openapi;
        200 "The OpenAPI document.";
}

pub(super) async fn health() -> Result<Json<Health>, ApiError> {
    Ok(Json(Health { status: "ok".into() }))
}

pub(super) async fn ready(State(http): State<Http>) -> Result<Json<Ready>, ApiError> {
    let readiness = http.app.readiness().await;
    let (database, agent_connected, agent_recovered) =
        (readiness.database, readiness.agent_connected, readiness.agent_recovered);
    if readiness.reasons.is_empty() {
        return Ok(Json(Ready { status: "ready".into(), database, agent_connected, agent_recovered }));
    }
    Err(ApiError::unavailable(format!("not ready: {}", readiness.reasons.join("; ")))
        .detail("database", database)
        .detail("agent_connected", agent_connected)
        .detail("agent_recovered", agent_recovered)
        .detail("reasons", json!(readiness.reasons)))
}

pub(super) async fn metrics(State(http): State<Http>) -> Result<Metrics, ApiError> {
    // Counters and latencies are worth showing also while the database does not answer.
    let gauges = http
        .app
        .gauges()
        .await
        .inspect_err(|error| tracing::warn!(%error, "gauges are missing from /metrics"))
        .ok();
    Ok(Metrics(telemetry::render(&http.recorder, gauges.as_ref())))
}

pub(super) async fn openapi() -> Result<Document, ApiError> {
    Ok(Document(super::openapi::document()))
}

/// Text for Prometheus.
pub(super) struct Metrics(String);

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.0).into_response()
    }
}

impl Output for Metrics {
    fn describe(docs: &mut Docs) {
        docs.succeeds("text/plain", <String as PartialSchema>::schema());
    }
}

/// The OpenAPI document, which describes itself as an object.
pub(super) struct Document(OpenApi);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl Output for Document {
    fn describe(docs: &mut Docs) {
        docs.succeeds("application/json", Object::new().into());
    }
}
