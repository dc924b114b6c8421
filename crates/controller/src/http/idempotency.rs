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

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::DeletedState;
use miosa_control::{Caller, Idempotency, ObjectRef};
use miosa_domain::{AttachmentId, ComputerId, ProjectId, ReleaseId, ServiceId, SnapshotId, VolumeId};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tracing::Instrument;

use super::{ApiError, Http};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_MAX_BYTES: usize = 255;
const WAIT_MAX: Duration = Duration::from_secs(15);

const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const KEPT_MAX_BYTES: u64 = 8 << 20;

/// What is remembered of a route's calls with a key.
#[derive(Clone)]
pub(super) enum Memory {
    /// The response, in the database beside the change. If the server dies between the two, this makes the response from
    /// the object that the call changed.
    Store(Rebuild),
    /// The response, in this process: the call leaves no trace in the database.
    Process,
    /// Nothing: the call changes nothing.
    Nothing,
}

type Rebuild =
    Arc<dyn Fn(LostCall, ObjectRef) -> BoxFuture<'static, Result<Response, ApiError>> + Send + Sync>;

/// Where a repeated call finds the response of the first one, which is an `O` like the handler's own.
pub(super) struct Lost<O> {
    pub(super) memory: Memory,
    response: PhantomData<fn() -> O>,
}

impl<O: IntoResponse> Lost<O> {
    /// `rebuild` makes the response from the object of the first call as it is now.
    pub(super) fn rebuilt<I, T, F>(rebuild: impl Fn(LostCall, I) -> F + Copy + Send + Sync + 'static) -> Self
    where
        I: FromObject + Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
        O: From<T>,
    {
        let rebuild = move |call, object| -> BoxFuture<'static, _> {
            Box::pin(
                async move { Ok(O::from(rebuild(call, I::from_object(object)?).await?).into_response()) },
            )
        };
        Self::with(Memory::Store(Arc::new(rebuild)))
    }

    /// The object is gone, or going.
    pub(super) fn deleted() -> Self
    where
        O: From<Deleted>,
    {
        Self::rebuilt(deleted)
    }

    pub(super) fn kept_in_process() -> Self {
        Self::with(Memory::Process)
    }

    pub(super) fn changes_nothing() -> Self {
        Self::with(Memory::Nothing)
    }

    fn with(memory: Memory) -> Self {
        Self { memory, response: PhantomData }
    }
}

/// A repeated call whose first response was lost.
pub(super) struct LostCall {
    pub(super) http: Http,
    pub(super) caller: Caller,
    pub(super) path: String,
}

/// The object of a call, where a verb leaves one kind of object only.
pub(super) trait FromObject: Sized {
    fn from_object(object: ObjectRef) -> Result<Self, ApiError>;
}

impl FromObject for ObjectRef {
    fn from_object(object: ObjectRef) -> Result<Self, ApiError> {
        Ok(object)
    }
}

macro_rules! from_object {
    ($($kind:ident($id:ty))*) => {$(
        impl FromObject for $id {
            fn from_object(object: ObjectRef) -> Result<Self, ApiError> {
                match object {
                    ObjectRef::$kind(id) => Ok(id),
                    _ => Err(ApiError::internal()),
                }
            }
        }
    )*};
}

from_object! {
    Volume(VolumeId)
    Computer(ComputerId)
    Attachment(AttachmentId)
    Snapshot(SnapshotId)
    Service(ServiceId)
    Release(ReleaseId)
    Project(ProjectId)
}

async fn deleted(_: LostCall, object: ObjectRef) -> Result<Deleted, ApiError> {
    use DeletedState::{Deleted as Gone, Destroying, Detached};
    let (id, status) = match object {
        ObjectRef::Volume(id) => (id.to_string(), Gone),
        ObjectRef::Computer(id) => (id.to_string(), Destroying),
        ObjectRef::Attachment(id) => (id.to_string(), Detached),
        ObjectRef::Snapshot(id) => (id.to_string(), Gone),
        ObjectRef::Service(id) => (id.to_string(), Destroying),
        ObjectRef::Project(id) => (id.to_string(), Gone),
        // A release is canceled, never deleted.
        ObjectRef::Release(_) => return Err(ApiError::internal()),
    };
    Ok(Deleted { id, deleted: true, success: true, status: status.into() })
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

/// Answers from memory, or lets `run` answer and remembers it.
pub(super) async fn once(
    call: LostCall,
    memory: Memory,
    key: Idempotency,
    run: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, ApiError> {
    if matches!(memory, Memory::Nothing) {
        return Ok(run.await);
    }
    let http = call.http.clone();
    let running = http.calls.enter(&key, WAIT_MAX).await?;
    if let Some(response) = earlier_response(call, &memory, &key).await? {
        return Ok(response);
    }
    let task = async move {
        let response = remember(&http, &memory, &key, run.await).await;
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

async fn earlier_response(
    call: LostCall,
    memory: &Memory,
    key: &Idempotency,
) -> Result<Option<Response>, ApiError> {
    let Memory::Store(rebuild) = memory else {
        let Some(kept) = call.http.calls.kept.get(&key.scope) else { return Ok(None) };
        same_body(&kept.body_hash, key)?;
        return Ok(Some(replay(kept.status, kept.body)));
    };
    let Some(stored) = call.http.app.idempotency_find(&key.scope).await? else { return Ok(None) };
    same_body(&stored.body_hash, key)?;
    let status = stored.status.and_then(|status| StatusCode::from_u16(status).ok());
    if let (Some(status), Some(body)) = (status, stored.body) {
        return Ok(Some(replay(status, body.into())));
    }
    let mut response = rebuild(call, stored.object).await?;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(response))
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

/// Stores a 2xx answer under its key. A refusal changed nothing and may be tried again; a stream cannot be answered twice.
async fn remember(http: &Http, memory: &Memory, key: &Idempotency, response: Response) -> Response {
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
        Memory::Nothing => {}
        Memory::Process => http.calls.keep(key, head.status, body.clone()),
        Memory::Store(_) => {
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
#[derive(Debug)]
pub(super) struct Calls {
    running: Arc<Mutex<HashMap<String, Running>>>,
    /// By scope.
    kept: Cache<String, Kept>,
}

impl Default for Calls {
    fn default() -> Self {
        let bytes = |_: &String, kept: &Kept| u32::try_from(kept.body.len()).unwrap_or(u32::MAX);
        let kept = Cache::builder().weigher(bytes).max_capacity(KEPT_MAX_BYTES).time_to_live(KEPT_FOR);
        // The newest responses stay: those are the ones that clients may still repeat a call for.
        let kept = kept.eviction_policy(EvictionPolicy::lru()).build();
        Self { running: Arc::default(), kept }
    }
}

#[derive(Debug)]
struct Running {
    body_hash: String,
    /// Closed when the call ends.
    ended: watch::Receiver<()>,
}

#[derive(Debug, Clone)]
struct Kept {
    body_hash: String,
    status: StatusCode,
    body: Bytes,
}

/// One call that runs; dropping it lets the next one with the same key in.
#[derive(Debug)]
struct RunningCall {
    running: Arc<Mutex<HashMap<String, Running>>>,
    scope: String,
    _ended: watch::Sender<()>,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.scope);
    }
}

/// Every state of the map is a valid one, so a panic elsewhere does not spoil it.
fn lock(running: &Mutex<HashMap<String, Running>>) -> MutexGuard<'_, HashMap<String, Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut running = lock(&self.running);
        if let Some(other) = running.get(&key.scope) {
            same_body(&other.body_hash, key)?;
            return Ok(Err(other.ended.clone()));
        }
        let (sender, ended) = watch::channel(());
        running.insert(key.scope.clone(), Running { body_hash: key.body_hash.clone(), ended });
        Ok(Ok(RunningCall { running: self.running.clone(), scope: key.scope.clone(), _ended: sender }))
    }

    fn keep(&self, key: &Idempotency, status: StatusCode, body: Bytes) {
        self.kept.insert(key.scope.clone(), Kept { body_hash: key.body_hash.clone(), status, body });
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
        assert_eq!(lock(&calls.running).len(), 1);
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
        calls.kept.run_pending_tasks();
        let kept = |number: &str| calls.kept.contains_key(number);
        assert!(kept("19") && kept("12") && !kept("11"));
    }
}
