//! What operators and probes ask, without a key.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use miosa_api::v1::health::{Health, Ready};
use serde_json::json;

use super::{ApiError, Http};
use crate::telemetry;

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok".into() })
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

pub(super) async fn metrics(State(http): State<Http>) -> impl IntoResponse {
    // Counters and latencies are worth showing also while the database does not answer.
    let gauges = http
        .app
        .gauges()
        .await
        .inspect_err(|error| tracing::warn!(%error, "gauges are missing from /metrics"))
        .ok();
    let text = telemetry::render(&http.recorder, gauges.as_ref());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

pub(super) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(miosa_api::openapi::document())
}
