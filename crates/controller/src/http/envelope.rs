//! Refusals: from an error to the one envelope that all clients read.
//!
//! An [`ApiError`] travels as an extension of a bare response until the outermost layer, which knows the request id, writes
//! the body ([`finish`]). So every refusal is written in one place, also those that the router makes by itself.

use std::collections::BTreeMap;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use miosa_api::error::{ErrorBody, ErrorEnvelope};
use miosa_control::AppError;
use miosa_domain::Refusal;
use serde_json::{Map, Value, json};

use super::request_id;

/// A refusal, before it is written.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    code: &'static str,
    message: String,
    details: Map<String, Value>,
    /// Texts per field.
    errors: BTreeMap<String, Vec<String>>,
    /// Whole seconds after which the same call may succeed.
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, details: Map::new(), errors: BTreeMap::new(), retry_after: None }
    }

    pub(crate) fn invalid_token(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message)
    }

    pub(crate) fn insufficient_scope(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{what} not found"))
    }

    /// 400: a field that must be there is not.
    pub(crate) fn missing(field: &str) -> Self {
        let mut error = Self::new(
            StatusCode::BAD_REQUEST,
            "MISSING_PARAM",
            format!("{field} is required and was not given"),
        );
        error.errors.insert(field.to_owned(), vec!["is required".into()]);
        error
    }

    /// 422: a field's value cannot be used. `message` continues a sentence that begins with the field's name.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::invalid_fields(BTreeMap::from([(field.to_owned(), vec![message.into()])]))
    }

    pub(crate) fn invalid_fields(errors: BTreeMap<String, Vec<String>>) -> Self {
        let sentences: Vec<_> = errors
            .iter()
            .flat_map(|(field, texts)| texts.iter().map(move |text| format!("{field} {text}")))
            .collect();
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", sentences.join("; "));
        error.errors = errors;
        error
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 503: nothing was changed, and the same call may succeed in a moment.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message).retry_after(1)
    }

    /// 500. What went wrong is in the log, under the request id; the caller does not see it.
    pub(crate) fn internal() -> Self {
        let message = "something went wrong inside the server; its log has the details under this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    fn envelope(self, request_id: &str) -> ErrorEnvelope {
        let mut details = self.details;
        if !self.errors.is_empty() {
            details.insert("errors".into(), json!(self.errors));
        }
        ErrorEnvelope {
            error: ErrorBody {
                code: self.code.to_owned(),
                message: self.message.clone(),
                request_id: request_id.to_owned(),
                details,
                retryable: self.retry_after.is_some(),
                retry_after: self.retry_after,
                retry_after_ms: self.retry_after.map(|seconds| seconds * 1000),
            },
            message: self.message,
            code: self.code.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors,
            retry_after: self.retry_after,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NotFound { .. } | Refusal::AlreadyDeleted { .. } => StatusCode::NOT_FOUND,
            Refusal::ReleaseGone { .. } => StatusCode::GONE,
            _ => StatusCode::CONFLICT,
        };
        let mut error = Self::new(status, refusal.code(), refusal.to_string());
        error.retry_after = refusal.retryable().then_some(1);
        error.details = details(&refusal);
        error
    }
}

/// What a program wants to know of a refusal without reading its message.
fn details(refusal: &Refusal) -> Map<String, Value> {
    let details = match refusal {
        Refusal::NotFound { .. } | Refusal::HostRefused { .. } | Refusal::ComputerStarting { .. } => {
            json!({})
        }
        Refusal::AlreadyDeleted { deleted_at, .. } => json!({ "deleted_at": deleted_at }),
        Refusal::VolumeAttached { volume_id, attachment_id, computer_id, mount_path } => json!({
            "volume_id": volume_id, "attachment_id": attachment_id, "computer_id": computer_id, "mount_path": mount_path,
        }),
        Refusal::VolumeAttachedToReplica {
            volume_id,
            attachment_id,
            instance_id,
            service_id,
            mount_path,
        } => json!({
            "volume_id": volume_id, "attachment_id": attachment_id, "instance_id": instance_id,
            "service_id": service_id, "mount_path": mount_path,
        }),
        Refusal::VolumeStillAttached { volume_id, attachment_id, computer_id }
        | Refusal::RestoreWhileAttached { volume_id, attachment_id, computer_id } => json!({
            "volume_id": volume_id, "attachment_id": attachment_id, "computer_id": computer_id,
        }),
        Refusal::VolumeBusy { volume_id, holders } => json!({ "volume_id": volume_id, "holders": holders }),
        Refusal::MountPathInUse { mount_path, taken, attachment_id } => json!({
            "mount_path": mount_path, "taken": taken, "attachment_id": attachment_id,
        }),
        Refusal::VolumeHostMismatch { volume_id, volume_host, computer_id, computer_host } => json!({
            "volume_id": volume_id, "volume_host_id": volume_host,
            "computer_id": computer_id, "computer_host_id": computer_host,
        }),
        Refusal::VolumeNotReady { volume_id, state, reason } => json!({
            "volume_id": volume_id, "state": state, "reason": reason,
        }),
        Refusal::VolumeLimitReached { limit } => json!({ "limit": limit }),
        Refusal::InsufficientCapacity { capacity_bytes, used_bytes, .. } => json!({
            "capacity_bytes": capacity_bytes, "used_bytes": used_bytes,
        }),
        Refusal::ComputerState { computer_id, status, .. } => {
            json!({ "computer_id": computer_id, "status": status })
        }
        Refusal::Protected { volume_id } | Refusal::NoSnapshotAvailable { volume_id } => {
            json!({ "volume_id": volume_id })
        }
        Refusal::SnapshotProtected { snapshot_id } | Refusal::SnapshotInUse { snapshot_id } => {
            json!({ "snapshot_id": snapshot_id })
        }
        Refusal::SnapshotNotReady { snapshot_id, state } => {
            json!({ "snapshot_id": snapshot_id, "state": state })
        }
        Refusal::VolumeUsedByService { volume_id, service_id, service_name } => json!({
            "volume_id": volume_id, "service_id": service_id, "service_name": service_name,
        }),
        Refusal::ReplicaOfService { instance_id, service_id } => {
            json!({ "instance_id": instance_id, "service_id": service_id })
        }
        Refusal::ServiceState { id, .. } => json!({ "service_id": id }),
        Refusal::StaleService { id, actual, .. } => json!({ "service_id": id, "lock_version": actual }),
        Refusal::ReleaseState { id, state, .. } => json!({ "release_id": id, "state": state.as_str() }),
        Refusal::ReleaseGone { number, .. } | Refusal::NoReleaseSnapshot { number } => {
            json!({ "number": number })
        }
        Refusal::ProjectInUse { id, .. } => json!({ "project_id": id }),
        Refusal::PoolNearFull { percent, limit_percent, .. } => {
            json!({ "percent": percent, "limit_percent": limit_percent })
        }
    };
    match details {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Refused(refusal) => refusal.into(),
            AppError::RefusedWith { refusal, details } => {
                let mut error = Self::from(refusal);
                error.details.extend(details);
                error
            }
            AppError::Invalid { field, message } => Self::invalid(field, message),
            AppError::Unavailable(message) => Self::unavailable(message),
            AppError::Internal(source) => {
                let causes =
                    std::iter::successors(Some(&*source as &dyn std::error::Error), |error| error.source());
                let causes: Vec<_> = causes.map(ToString::to_string).collect();
                tracing::error!(error = causes.join(": "), "request failed inside the server");
                Self::internal()
            }
        }
    }
}

/// Writes the body of a refusal into a response that names its request. A refusal that was not ours (the router's 405 with its `Allow`) gets ours for its status.
pub(super) fn finish<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static>(
    response: Response<B>,
) -> Response {
    let mut response = response.map(Body::new);
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if response.status().as_u16() < 400 => return response,
        None => of_status(response.status()),
    };
    let retry_after = error.retry_after;
    let id = response.headers().get(request_id::HEADER).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let body = serde_json::to_vec(&error.envelope(id)).expect("texts and maps with text keys serialize");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, body.len().into());
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    *response.body_mut() = Body::from(body);
    response
}

fn of_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            status,
            "METHOD_NOT_ALLOWED",
            "this path does not have the method; see the header Allow",
        ),
        status if status.is_server_error() => ApiError::internal(),
        status => ApiError::new(status, "VALIDATION_ERROR", status.canonical_reason().unwrap_or("refused")),
    }
}
