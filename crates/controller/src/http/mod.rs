//! The public HTTP API: turns requests into typed calls of the verbs, and their outcomes into responses.
//!
//! ```text
//!   prefix   strips /api/v1 and trailing slashes, and finds the volume behind a data service
//!   layers   request id, error envelope, span, log, metrics, panics
//!   router   the routes that the modules declare; 404 and 405
//!   gate     key, scope, rate limit, body, idempotency         (routes with a scope)
//!   <noun>   declares its routes; validates, calls the verb, responds
//! ```
//!
//! The key is checked before the body is read and before any object is looked up. Without a valid key, a caller learns only
//! which paths exist.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request as RawRequest, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use axum::{BoxError, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use miosa_control::{App, Caller, Idempotency};
use miosa_domain::limits::Limits;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::auth::Scope;
use crate::{ControllerConfig, auth, telemetry};

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
pub(crate) mod openapi;
mod paging;
mod prefix;
mod projects;
mod query;
mod rate_limit;
mod releases;
mod request_id;
mod restore;
mod route;
mod routes;
mod service_logs;
mod service_settings;
mod service_variables;
mod services;
mod snapshots;
mod volume_events;
mod volumes;

pub(crate) use envelope::ApiError;

/// The state that all handlers share.
type Http = Arc<Shared>;

struct Shared {
    app: App,
    limits: Limits,
    region: String,
    rate_limits: rate_limit::RateLimits,
    calls: idempotency::Calls,
    recorder: PrometheusHandle,
    /// Cancelled when the server shuts down, which ends the event streams.
    closing: CancellationToken,
}

/// The whole API as a service; cheap to clone.
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
        Self(layers(routes::router(&http)).with_state(http))
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

/// The layers around every route, outermost first.
fn layers<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let trace = TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(());
    let trace = trace.on_body_chunk(()).on_eos(()).on_failure(());
    router.layer(
        ServiceBuilder::new()
            .map_request(request_id::keep_printable)
            .layer(SetRequestIdLayer::new(request_id::HEADER, request_id::Maker))
            .map_response(envelope::finish)
            .layer(PropagateRequestIdLayer::new(request_id::HEADER))
            .layer(trace)
            .layer(from_fn(measure))
            .layer(CatchPanicLayer::custom(panicked)),
    )
}

fn span(request: &RawRequest) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        request_id = id,
        method = method_label(request.method()),
        route = route(request)
    )
}

fn route(request: &RawRequest) -> &'static str {
    request.extensions().get::<MatchedPath>().map_or(UNMATCHED, |path| routes::known(path.as_str()))
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message =
        panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("without a message"), "request handler panicked");
    ApiError::internal().into_response()
}

/// Counts and logs a response.
async fn measure(request: RawRequest, next: Next) -> Response {
    let started = Instant::now();
    let (method, route) = (method_label(request.method()), route(&request));
    let response = next.run(request).await;
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

/// What a request must pass before the handler of a keyed route.
#[derive(Clone)]
struct Gate {
    http: Http,
    scope: Scope,
    memory: idempotency::Memory,
}

/// Passes a request with a valid key on, with a [`Request`] in its extensions.
async fn gate(State(gate): State<Gate>, raw: RawRequest, next: Next) -> Result<Response, ApiError> {
    let Gate { http, scope, memory } = gate;
    let (mut head, body) = raw.into_parts();
    let caller = auth::authenticate(&http.app, &head.headers).await?;
    http.rate_limits.admit(&caller)?;
    auth::require_scope(&caller, scope)?;
    if let Some(project) = head.extensions.remove::<prefix::OfProject>() {
        data_services::require_in_project(&http, &caller, &project).await?;
    }
    let workspace = auth::header_text(&head.headers, "x-miosa-workspace").map(str::to_owned);
    let mut request = Request { caller: caller.clone(), workspace, idempotency: None };
    if matches!(head.method, Method::GET | Method::HEAD) {
        head.extensions.insert(request);
        return Ok(next.run(RawRequest::from_parts(head, body)).await);
    }
    let body = body::read(&head.headers, body).await?;
    let path_and_query = (head.uri.path(), head.uri.query());
    request.idempotency = idempotency::key(&head.headers, &caller, &head.method, path_and_query, &body)?;
    let key = request.idempotency.clone();
    let call = idempotency::LostCall { http, caller, path: head.uri.path().to_owned() };
    head.extensions.insert(request);
    let run = next.run(RawRequest::from_parts(head, body.into()));
    match key {
        None => Ok(run.await),
        Some(key) => idempotency::once(call, memory, key, run).await,
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
        // Every handler that takes this has a scope, and with it a gate.
        parts.extensions.remove::<Request>().ok_or_else(ApiError::internal)
    }
}

#[cfg(test)]
mod tests;
