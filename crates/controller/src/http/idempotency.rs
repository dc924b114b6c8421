//! `Idempotency-Key`: a call that is repeated with its key changes nothing and answers what the first one answered.
//!
//! ```text
//!   key ──► the same call running here?   wait for its end, at most 15 s, then 409 IDEMPOTENCY_IN_PROGRESS
//!       ──► an earlier answer stored?     answer it again, Idempotent-Replayed: true
//!       ──► only its object known?        answer the object as it is now
//!       ──► nothing known                 run it; the verb records the key in its own transaction; store a 2xx answer
//! ```
//!
//! **Crash story.** The key is durable exactly when the change is. If the server dies between the change and its answer, the
//! key names the object, and a repeated call answers that. A call with a key runs to its end and stores its answer even when
//! its client hangs up, for that client is the one that will repeat it.
//!
//! Commands run in a computer make no object and no transaction; their answers are kept by this process only, the newest few.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use miosa_api::v1::volumes::Deleted;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tracing::Instrument;

use super::{ApiError, Http, computers, service_variables};
use miosa_control::{Caller, Idempotency, ObjectRef, SnapshotPath};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_MAX_BYTES: usize = 255;
const WAIT_MAX: Duration = Duration::from_secs(15);

const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT_MAX_BYTES: usize = 8 << 20;

/// Routes that answer a service, or the service of a release, as a deployment.
const DEPLOYMENTS: [&str; 2] = ["/deployments", "/projects/{project_id}/deployments"];

/// Where the answers to a route's calls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// In the database, beside the change.
    Store,
    /// In this process.
    Process,
}

/// The call's key, tied to the tenant, the method and the path, with a fingerprint of what was asked.
pub(super) fn key(
    headers: &HeaderMap,
    caller: &Caller,
    method: &Method,
    path_and_query: (&str, Option<&str>),
    body: &[u8],
) -> Result<Option<Idempotency>, ApiError> {
    let Some(key) = headers.get(HEADER) else { return Ok(None) };
    if !(1..=KEY_MAX_BYTES).contains(&key.len()) {
        return Err(ApiError::invalid(
            "Idempotency-Key",
            format!("must have 1 to {KEY_MAX_BYTES} characters"),
        ));
    }
    let (path, query) = path_and_query;
    let tenant = caller.tenant_id.to_string();
    let scope = sha256([tenant.as_bytes(), method.as_str().as_bytes(), path.as_bytes(), key.as_bytes()]);
    let body_hash = sha256([query.unwrap_or_default().as_bytes(), body]);
    Ok(Some(Idempotency { scope, body_hash }))
}

/// In hex, of the parts with their lengths, so that no two lists of parts look alike.
fn sha256<const N: usize>(parts: [&[u8]; N]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex::encode(hasher.finalize())
}

/// The route and caller of a call with a key.
pub(super) struct Call {
    pub(super) caller: Caller,
    pub(super) method: Method,
    /// Template of the route table.
    pub(super) route: &'static str,
    pub(super) path: String,
    pub(super) memory: Memory,
}

/// Answers from memory, or lets `run` answer and remembers it.
pub(super) async fn once(
    http: Http,
    call: Call,
    key: Idempotency,
    run: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, ApiError> {
    let running = http.calls.enter(&key, WAIT_MAX).await?;
    if let Some(answer) = earlier_answer(&http, &call, &key).await? {
        return Ok(answer);
    }
    let task = async move {
        let response = remember(&http, call.memory, &key, run.await).await;
        drop(running);
        response
    };
    match tokio::spawn(task.in_current_span()).await {
        Ok(response) => Ok(response),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ApiError::unavailable("the server is shutting down")),
        },
    }
}

async fn earlier_answer(http: &Http, call: &Call, key: &Idempotency) -> Result<Option<Response>, ApiError> {
    if call.memory == Memory::Process {
        let Some(kept) = http.calls.kept(&key.scope) else { return Ok(None) };
        same_body(&kept.body_hash, key)?;
        return Ok(Some(replay(kept.status, kept.body)));
    }
    let Some(stored) = http.app.idempotency_find(&key.scope).await? else { return Ok(None) };
    same_body(&stored.body_hash, key)?;
    let status = stored.status.and_then(|status| StatusCode::from_u16(status).ok());
    if let (Some(status), Some(body)) = (status, stored.body) {
        return Ok(Some(replay(status, body.into())));
    }
    let mut answer = object_now(http, call, stored.object).await?;
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(answer))
}

fn same_body(earlier: &str, key: &Idempotency) -> Result<(), ApiError> {
    if earlier == key.body_hash {
        return Ok(());
    }
    let message = "this Idempotency-Key was used before with another body; use a new key for another call";
    Err(ApiError::invalid("Idempotency-Key", message).code("IDEMPOTENCY_KEY_REUSED"))
}

fn replay(status: StatusCode, body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(CONTENT_TYPE, json), (REPLAYED, HeaderValue::from_static("true"))], Body::from(body))
        .into_response()
}

/// The answer to a call whose own was lost, made of its object as it is now.
async fn object_now(http: &Http, call: &Call, object: ObjectRef) -> Result<Response, ApiError> {
    let app = &http.app;
    let caller = &call.caller;
    match object {
        ObjectRef::Service(id) if call.route.starts_with("/services/{id}/variables") => {
            let service = app.get_service(caller, id).await?;
            return Ok(axum::Json(service_variables::variables(service)).into_response());
        }
        ObjectRef::Service(id) if call.route == "/services/{id}/stop" => {
            return Ok(super::twin(StatusCode::OK, app.stopped_service(caller, id).await?));
        }
        _ => {}
    }
    if call.method == Method::DELETE {
        let (id, status) = match object {
            ObjectRef::Volume(id) => (id.to_string(), "deleted"),
            ObjectRef::Computer(id) => (id.to_string(), "destroying"),
            ObjectRef::Attachment(id) => (id.to_string(), "detached"),
            ObjectRef::Snapshot(id) => (id.to_string(), "deleted"),
            ObjectRef::Service(id) => (id.to_string(), "destroying"),
            ObjectRef::Project(id) => (id.to_string(), "deleted"),
            ObjectRef::Release(id) => {
                return Ok(super::twin(StatusCode::OK, app.release_now(caller, id).await?));
            }
        };
        let deleted = Deleted { id, deleted: true, success: true, status: status.into() };
        return Ok(super::twin(StatusCode::OK, deleted));
    }
    let status = match call.route {
        "/volumes"
        | "/data-services"
        | "/projects/{project_id}/data-services"
        | "/computers"
        | "/computers/{computer_id}/volumes"
        | "/volumes/{id}/snapshots"
        | "/services"
        | "/projects/{project_id}/services"
        | "/services/{id}/deployments"
        | "/deployments"
        | "/projects/{project_id}/deployments"
        | "/projects" => StatusCode::CREATED,
        // A fork, or a restore as a new volume, has made another volume than its path names.
        route if route.ends_with("/clone") || route.ends_with("/restore") => match object {
            ObjectRef::Volume(id) if !call.path.contains(&id.to_string()) => StatusCode::CREATED,
            _ => StatusCode::OK,
        },
        _ => StatusCode::OK,
    };
    let of_deployment = DEPLOYMENTS.iter().any(|path| call.route.starts_with(path));
    Ok(match object {
        ObjectRef::Service(id) if of_deployment => super::twin(status, app.get_deployment(caller, id).await?),
        ObjectRef::Release(id) if of_deployment => {
            let id = app.release_by_id(caller, id).await?.service_id;
            super::twin(status, app.get_deployment(caller, id).await?)
        }
        ObjectRef::Snapshot(id) => {
            super::twin(status, app.get_snapshot(caller, SnapshotPath { of: None, id }).await?)
        }
        ObjectRef::Volume(id) => super::twin(status, app.get_volume(caller, id).await?),
        ObjectRef::Service(id) if call.route.ends_with("/scale") => {
            let service = app.get_service(caller, id).await?;
            let release = service.deploying_release_id.or(service.active_release_id);
            match release.and_then(|id| id.parse().ok()) {
                Some(id) => super::twin(status, app.release_now(caller, id).await?),
                None => return Err(ApiError::conflict("RESOURCE_STATE", "the service has no release yet")),
            }
        }
        ObjectRef::Service(id) => super::twin(status, app.get_service(caller, id).await?),
        ObjectRef::Release(id) => super::twin(status, app.release_now(caller, id).await?),
        ObjectRef::Project(id) => super::twin(status, app.get_project(caller, Some(id)).await?),
        ObjectRef::Attachment(id) => super::twin(status, app.get_attachment(caller, id).await?),
        ObjectRef::Computer(id) => {
            let computer = app.get_computer(caller, id).await?;
            if matches!(
                call.route,
                "/computers/{id}/start" | "/computers/{id}/stop" | "/computers/{id}/restart"
            ) {
                let message = format!("computer is {}", computer.status);
                super::twin(status, computers::action(computer, message))
            } else {
                super::twin(status, computer)
            }
        }
    })
}

/// Stores a 2xx answer under its key. A refusal changed nothing and may be tried again; a stream cannot be answered twice.
async fn remember(http: &Http, memory: Memory, key: &Idempotency, response: Response) -> Response {
    let json =
        response.headers().get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
    if !response.status().is_success() || !json {
        return response;
    }
    let (head, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::error!(%error, "an answer made in memory broke off");
            return ApiError::internal().into_response();
        }
    };
    match memory {
        Memory::Process => http.calls.keep(key, head.status, body.clone()),
        Memory::Store => {
            let text = String::from_utf8_lossy(&body);
            if let Err(error) = http.app.idempotency_complete(&key.scope, head.status.as_u16(), &text).await {
                // The key names the object, so a repeated call still finds it.
                tracing::warn!(%error, "an answer could not be stored under its idempotency key");
            }
        }
    }
    Response::from_parts(head, Body::from(body))
}

/// Calls with a key that run now, and the kept answers of those that leave no trace in the database.
#[derive(Debug, Default)]
pub(super) struct Calls(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    running: HashMap<String, Running>,
    /// Oldest first.
    kept: VecDeque<Kept>,
}

#[derive(Debug)]
struct Running {
    body_hash: String,
    /// Closed when the call ends.
    ended: watch::Receiver<()>,
}

#[derive(Debug, Clone)]
struct Kept {
    scope: String,
    body_hash: String,
    status: StatusCode,
    body: Bytes,
    since: Instant,
}

/// One call that runs; dropping it lets the next one with the same key in.
#[derive(Debug)]
struct RunningCall {
    state: Arc<Mutex<State>>,
    scope: String,
    _ended: watch::Sender<()>,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        lock(&self.state).running.remove(&self.scope);
    }
}

/// Every state of the map is a valid one, so a panic elsewhere does not spoil it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Calls {
    /// Waits until no other call with this key runs, for at most `wait_max`.
    async fn enter(&self, key: &Idempotency, wait_max: Duration) -> Result<RunningCall, ApiError> {
        let deadline = tokio::time::Instant::now() + wait_max;
        loop {
            let mut ended = match self.try_enter(key)? {
                Ok(running) => return Ok(running),
                Err(ended) => ended,
            };
            // Answers an error when the other call ended; it never sends anything.
            if tokio::time::timeout_at(deadline, ended.changed()).await.is_err() {
                let message = "the first call with this Idempotency-Key is still running";
                return Err(ApiError::conflict("IDEMPOTENCY_IN_PROGRESS", message).retry_after(1));
            }
        }
    }

    fn try_enter(&self, key: &Idempotency) -> Result<Result<RunningCall, watch::Receiver<()>>, ApiError> {
        let mut state = lock(&self.0);
        if let Some(other) = state.running.get(&key.scope) {
            same_body(&other.body_hash, key)?;
            return Ok(Err(other.ended.clone()));
        }
        let (sender, ended) = watch::channel(());
        state.running.insert(key.scope.clone(), Running { body_hash: key.body_hash.clone(), ended });
        Ok(Ok(RunningCall { state: self.0.clone(), scope: key.scope.clone(), _ended: sender }))
    }

    fn kept(&self, scope: &str) -> Option<Kept> {
        let mut state = lock(&self.0);
        state.kept.retain(|kept| kept.since.elapsed() < KEPT_FOR);
        state.kept.iter().find(|kept| kept.scope == scope).cloned()
    }

    fn keep(&self, key: &Idempotency, status: StatusCode, body: Bytes) {
        let mut state = lock(&self.0);
        let kept = Kept {
            scope: key.scope.clone(),
            body_hash: key.body_hash.clone(),
            status,
            body,
            since: Instant::now(),
        };
        state.kept.push_back(kept);
        while state.kept.iter().map(|kept| kept.body.len()).sum::<usize>() > KEPT_MAX_BYTES {
            state.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scope: &str, body: &str) -> Idempotency {
        Idempotency { scope: scope.into(), body_hash: body.into() }
    }

    /// The second call with a key waits for the first, and another body is refused at once.
    #[tokio::test]
    async fn one_call_a_key_at_a_time() {
        let calls = Calls::default();
        let first = calls.enter(&key("a", "1"), WAIT_MAX).await.unwrap();
        assert_eq!(
            calls.enter(&key("a", "2"), WAIT_MAX).await.unwrap_err().status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let _other = calls.enter(&key("b", "1"), WAIT_MAX).await.unwrap();
        let same = key("a", "1");
        let mut second = Box::pin(calls.enter(&same, WAIT_MAX));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        let second = second.await.unwrap();
        drop(second);
        assert_eq!(lock(&calls.0).running.len(), 1);
    }

    #[tokio::test]
    async fn waiting_ends_with_a_refusal_that_may_be_repeated() {
        let calls = Calls::default();
        let _first = calls.enter(&key("a", "1"), WAIT_MAX).await.unwrap();
        let refused = calls.enter(&key("a", "1"), Duration::ZERO).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::CONFLICT);
    }

    #[test]
    fn the_newest_answers_are_kept() {
        let calls = Calls::default();
        for number in 0..20 {
            calls.keep(&key(&number.to_string(), "1"), StatusCode::OK, Bytes::from(vec![0; 1 << 20]));
        }
        assert!(calls.kept("19").is_some() && calls.kept("12").is_some() && calls.kept("11").is_none());
    }
}
