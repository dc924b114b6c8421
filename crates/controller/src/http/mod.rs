//! The public HTTP API: bytes to typed calls, outcomes to answers, and nothing else.
//!
//! ```text
//!   prefix   strips /api/v1 and trailing slashes, and finds the volume behind a data service
//!   observe  request id, panic barrier, writes refusals, log, metrics
//!   router   the table in routes; 404 and 405
//!   gate     key, scope, rate limit, body, idempotency         (routes with a scope)
//!   <noun>   parse, call app, answer
//! ```
//!
//! A key is asked for before a body is looked at and before an object is looked up, so a stranger learns nothing but which
//! paths exist.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request as RawRequest, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use axum::{BoxError, Json, Router};
use futures::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use miosa_api::twin::Twin;
use miosa_domain::limits::Limits;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::Instrument;

use crate::{ControllerConfig, auth, telemetry};
use miosa_control::{App, Caller, Idempotency};

mod attachments;
mod body;
mod computers;
mod data_services;
mod deployments;
mod download;
mod envelope;
mod events;
mod exec;
mod fields;
mod files;
mod health;
mod idempotency;
mod logs;
mod paging;
mod prefix;
mod projects;
mod query;
mod rate_limit;
mod request_id;
mod restore;
mod routes;
mod service_logs;
mod service_settings;
mod service_variables;
mod services;
mod snapshots;
mod volume_events;
mod volumes;

pub(crate) use envelope::ApiError;

/// What all handlers share.
type Http = Arc<Shared>;

struct Shared {
    app: App,
    limits: Limits,
    region: String,
    rate_limits: rate_limit::RateLimits,
    calls: idempotency::Calls,
    recorder: PrometheusHandle,
    /// Cancelled when the server shuts down: streams without an end end.
    closing: CancellationToken,
}

/// The whole API as one function from request to answer; cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Router);

impl Api {
    pub(crate) fn new(app: App, config: &ControllerConfig, closing: CancellationToken) -> Self {
        let http = Arc::new(Shared {
            app,
            limits: config.limits.clone(),
            region: config.region.clone(),
            rate_limits: rate_limit::RateLimits::default(),
            calls: idempotency::Calls::default(),
            recorder: telemetry::recorder(),
            closing,
        });
        Self(routes::router(&http).layer(from_fn(observe)).with_state(http))
    }
}

impl<B> Service<axum::http::Request<B>> for Api
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<B>) -> Self::Future {
        self.0.call(prefix::rewrite(request.map(Body::new)))
    }
}

/// What surrounds every request, whatever becomes of it.
async fn observe(request: RawRequest, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id::of(request.headers());
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNMATCHED, |path| routes::known(path.as_str()));
    let span = tracing::info_span!("request", request_id = id, method, route);
    let answer = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
    let _entered = span.entered();
    let response = answer.unwrap_or_else(|panic| {
        let message =
            panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        tracing::error!(panic = message.unwrap_or("without a message"), "request handler panicked");
        ApiError::internal().into_response()
    });
    let mut response = envelope::finish(response, &id);
    if let Ok(id) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    telemetry::request_answered(method, route, status, took);
    let milliseconds = took.as_secs_f64() * 1000.0;
    if matches!(route, "/healthz" | "/health" | "/readyz" | "/metrics") {
        tracing::debug!(status, milliseconds, "answered");
    } else {
        tracing::info!(status, milliseconds, "answered");
    }
    response
}

const UNMATCHED: &str = "unmatched";

/// The method as a metric's label: callers may invent methods, but not series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// What a keyed route demands.
#[derive(Clone)]
struct Gate {
    http: Http,
    method: Method,
    route: &'static str,
    scope: &'static str,
    memory: idempotency::Memory,
}

/// Lets a request with a good key through, as a [`Request`] in its extensions.
async fn gate(State(gate): State<Gate>, raw: RawRequest, next: Next) -> Result<Response, ApiError> {
    let Gate { http, method, route, scope, memory } = gate;
    let (mut head, body) = raw.into_parts();
    let caller = auth::authenticate(&http.app, &head.headers).await?;
    http.rate_limits.admit(&caller)?;
    auth::require_scope(&caller, scope)?;
    if let Some(project) = head.extensions.remove::<prefix::OfProject>() {
        data_services::require_in_project(&http, &caller, &project).await?;
    }
    let workspace = auth::header_text(&head.headers, "x-miosa-workspace").map(str::to_owned);
    let mut request = Request { caller: caller.clone(), workspace, idempotency: None };
    // HEAD runs as GET.
    if method == Method::GET {
        head.extensions.insert(request);
        return Ok(next.run(RawRequest::from_parts(head, body)).await);
    }
    let body = body::read(&head.headers, body).await?;
    let path_and_query = (head.uri.path(), head.uri.query());
    request.idempotency = idempotency::key(&head.headers, &caller, &method, path_and_query, &body)?;
    let key = request.idempotency.clone();
    let path = head.uri.path().to_owned();
    let call = idempotency::Call { caller, method, route, path, memory };
    head.extensions.insert(request);
    let run = next.run(RawRequest::from_parts(head, body.into()));
    match key {
        None => Ok(run.await),
        Some(key) => idempotency::once(http, call, key, run).await,
    }
}

/// A request that has passed its gate.
#[derive(Debug, Clone)]
struct Request {
    caller: Caller,
    /// `X-MIOSA-Workspace`, the default of `workspace_id`.
    workspace: Option<String>,
    idempotency: Option<Idempotency>,
}

impl<S: Send + Sync> FromRequestParts<S> for Request {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The route table gives each handler that reads this a scope, and with it a gate.
        parts.extensions.remove::<Request>().ok_or_else(ApiError::internal)
    }
}

/// The answer to one object.
fn twin<T: Serialize + Clone>(status: StatusCode, object: T) -> Response {
    (status, Json(Twin::of(object))).into_response()
}

#[cfg(test)]
mod tests;
