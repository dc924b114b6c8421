//! One call: headers, repeats, time limit, decoding.
//!
//! ```text
//!            ┌─ decoded answer
//! attempt ───┼─ refusal, not passing ─────────────────────────► error
//!    ▲       └─ passing (no answer, 429, 502, 503, 504) ──┬──► error, when repeats or time are used up
//!    └────────────────── pause ───────────────────────────┘
//! ```
//!
//! Crash story: an answer may be lost after the server made the change. The repeat carries the same `Idempotency-Key`, so the
//! server answers what it answered before instead of doing it again. While the first one still runs it answers 409
//! `IDEMPOTENCY_IN_PROGRESS`, which is passing too.

use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use miosa_api::error::ErrorEnvelope;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::sse::{Decoder, Event};
use crate::{Attachments, ClientConfig, ClientError, Computers, Projects, Services, Snapshots, Volumes};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a stream. The server sends a comment every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// First pause before a repeat; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// A connection to one API with one key. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: ClientConfig,
    http: reqwest::Client,
}

/// When a call may be made a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The server makes sure that it takes effect once.
    Safe,
    /// Only when the server surely did nothing.
    OnlyIfRefused,
}

/// A request before it is sent.
pub(crate) struct Call {
    method: Method,
    url: Url,
    body: Option<serde_json::Value>,
    repeat: Repeat,
    /// On top of the configured time.
    extra_time: Duration,
}

impl Call {
    pub(crate) fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.url.query_pairs_mut().append_pair(name, &value.to_string());
        }
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_value(body).expect("bodies are plain structs with string keys"));
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(crate) fn extra_time(mut self, extra: Duration) -> Self {
        self.extra_time = extra;
        self
    }

    fn network_error(&self, source: reqwest::Error) -> ClientError {
        ClientError::Network {
            method: self.method.clone(),
            url: self.url.to_string(),
            source: source.without_url(),
        }
    }

    fn timeout_error(&self, after: Duration) -> ClientError {
        ClientError::Timeout { method: self.method.clone(), url: self.url.to_string(), after }
    }

    fn protocol_error(&self, status: StatusCode, problem: impl Into<String>) -> ClientError {
        ClientError::Protocol {
            method: self.method.clone(),
            url: self.url.to_string(),
            status,
            problem: problem.into(),
        }
    }
}

/// An attempt that failed, and how long the server asks to wait before the next.
struct Failure {
    error: ClientError,
    retry_after: Option<Duration>,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Client {
    /// Makes no call yet. Errors: a key or name that a header cannot carry; no certificates on this machine (https only).
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        // Somebody else in the process may have installed one: theirs is as good.
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

        let mut headers = HeaderMap::new();
        let mut authorization = header("the API key", &format!("Bearer {}", config.api_key))?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        if let Some(tenant) = &config.tenant {
            headers.insert("x-miosa-tenant", header("the tenant", tenant)?);
        }
        if let Some(workspace) = &config.workspace {
            headers.insert("x-miosa-workspace", header("the workspace", workspace)?);
        }
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("miosa-rust/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if config.endpoint.is_plain_http() {
            // Loading the system's certificates takes longer than a call, and fails where there are none.
            http = http.tls_certs_only([]);
        }
        if config.endpoint.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(ClientError::Tls)?;
        Ok(Self { inner: Arc::new(Inner { config, http }) })
    }

    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    pub fn volumes(&self) -> Volumes<'_> {
        Volumes::new(self)
    }

    pub fn snapshots(&self) -> Snapshots<'_> {
        Snapshots::new(self)
    }

    pub fn attachments(&self) -> Attachments<'_> {
        Attachments::new(self)
    }

    pub fn computers(&self) -> Computers<'_> {
        Computers::new(self)
    }

    pub fn services(&self) -> Services<'_> {
        Services::new(self)
    }

    pub fn projects(&self) -> Projects<'_> {
        Projects::new(self)
    }

    pub(crate) fn request(&self, method: Method, segments: &[&str]) -> Call {
        Call {
            method,
            url: self.inner.config.endpoint.route(segments),
            body: None,
            repeat: Repeat::Safe,
            extra_time: Duration::ZERO,
        }
    }

    /// Makes the call, with repeats, and decodes its answer.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let mut attempts = self.attempts(&call);
        let (status, body) = loop {
            let whole = async {
                let response = self.attempt(&call, attempts.key.as_deref(), "application/json").await?;
                let status = response.status();
                let body = response.bytes().await.map_err(|source| call.network_error(source))?;
                Ok::<_, Failure>((status, body))
            };
            match timeout_at(attempts.deadline, whole).await {
                Ok(Ok(answer)) => break answer,
                Ok(Err(failure)) => attempts.pause_or_give_up(failure).await?,
                Err(_elapsed) => return Err(call.timeout_error(attempts.timeout)),
            }
        };
        serde_json::from_slice(&body).map_err(|error| call.protocol_error(status, unreadable(&error, &body)))
    }

    /// Opens a stream of events. Only the beginning is repeated; a stream that breaks ends with an error.
    async fn events(
        &self,
        call: Call,
    ) -> Result<impl Stream<Item = Result<Event, ClientError>> + use<>, ClientError> {
        let response = self.open(&call, "text/event-stream").await?;
        let open = OpenStream { call, response, decoder: Decoder::default() };
        let batches = futures::stream::try_unfold(open, |mut open| async move {
            let batch = open.next_events().await?;
            Ok::<_, ClientError>(
                batch.map(|events| (futures::stream::iter(events.into_iter().map(Ok)), open)),
            )
        });
        Ok(batches.try_flatten())
    }

    /// Opens a stream of events and decodes those whose kind is wanted. An event called `error` ends it as one.
    pub(crate) async fn objects<T: DeserializeOwned>(
        &self,
        call: Call,
        is_wanted: fn(&str) -> bool,
    ) -> Result<impl Stream<Item = Result<T, ClientError>> + use<T>, ClientError> {
        let (method, url) = (call.method.clone(), call.url.to_string());
        let events = self.events(call).await?;
        Ok(events.try_filter_map(move |event| {
            let unusable = |problem| ClientError::Protocol {
                method: method.clone(),
                url: url.clone(),
                status: StatusCode::OK,
                problem,
            };
            std::future::ready(match event.kind.as_str() {
                "error" => Err(unusable(format!("it broke off: {}", event.data))),
                kind if is_wanted(kind) => serde_json::from_str(&event.data)
                    .map(Some)
                    .map_err(|error| unusable(format!("an event is not readable: {error}"))),
                _ => Ok(None),
            })
        }))
    }

    /// Opens a body of any length. Only the beginning is repeated; a body that breaks ends with an error.
    pub(crate) async fn download(&self, call: Call) -> Result<Download, ClientError> {
        let response = self.open(&call, "application/octet-stream, application/json;q=0.9").await?;
        Ok(Download { call, response })
    }

    /// Answers when the head of a success is there.
    async fn open(&self, call: &Call, accept: &'static str) -> Result<Response, ClientError> {
        let mut attempts = self.attempts(call);
        loop {
            let head = self.attempt(call, attempts.key.as_deref(), accept);
            match timeout_at(attempts.deadline, head).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(failure)) => attempts.pause_or_give_up(failure).await?,
                Err(_elapsed) => return Err(call.timeout_error(attempts.timeout)),
            }
        }
    }

    fn attempts(&self, call: &Call) -> Attempts {
        let timeout = self.inner.config.timeout + call.extra_time;
        Attempts {
            key: (!call.method.is_safe()).then(|| uuid::Uuid::new_v4().to_string()),
            timeout,
            deadline: Instant::now() + timeout,
            repeat: call.repeat,
            repeats: 0,
            repeats_max: self.inner.config.repeats_max,
        }
    }

    /// Sends the request once; answers a success whose body is still to be read.
    async fn attempt(
        &self,
        call: &Call,
        key: Option<&str>,
        accept: &'static str,
    ) -> Result<Response, Failure> {
        let http = &self.inner.http;
        let mut request = http.request(call.method.clone(), call.url.clone()).header(ACCEPT, accept);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let started = Instant::now();
        let response = request.send().await.map_err(|source| call.network_error(source))?;
        let status = response.status();
        tracing::debug!(
            method = %call.method,
            url = %call.url,
            status = status.as_u16(),
            elapsed = ?started.elapsed(),
            request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("-"),
            "answered",
        );
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = seconds_to_wait(response.headers());
        let body = response.bytes().await.map_err(|source| call.network_error(source))?;
        let error = match serde_json::from_slice::<ErrorEnvelope>(&body) {
            Ok(envelope) => ClientError::Api { status, envelope: Box::new(envelope) },
            Err(error) => call.protocol_error(status, unreadable(&error, &body)),
        };
        Err(Failure { error, retry_after })
    }
}

/// The attempts at one call.
struct Attempts {
    /// The same in each, for calls that change something.
    key: Option<String>,
    timeout: Duration,
    deadline: Instant,
    repeat: Repeat,
    repeats: u32,
    repeats_max: u32,
}

impl Attempts {
    /// Waits until the next attempt may begin. Answers the error if there is to be none.
    async fn pause_or_give_up(&mut self, failure: Failure) -> Result<(), ClientError> {
        let pause =
            failure.retry_after.unwrap_or_else(|| PAUSE_FIRST.mul_f64(jitter()) * (1 << self.repeats.min(8)));
        let now = Instant::now();
        if self.repeats >= self.repeats_max
            || !is_passing(&failure.error, self.repeat)
            || now.checked_add(pause).is_none_or(|next| next >= self.deadline)
        {
            return Err(failure.error);
        }
        tracing::debug!(error = %failure.error, ?pause, "repeating");
        sleep(pause).await;
        self.repeats += 1;
        Ok(())
    }
}

/// Bytes that are being read. Dropping it ends the transfer.
pub struct Download {
    call: Call,
    response: Response,
}

impl Download {
    /// How many there will be, where the server knows it.
    pub fn len_bytes(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next of them; `None` at the end. A body that breaks off is an error, never an end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let chunk = timeout(SILENCE_MAX, self.response.chunk()).await;
        let chunk = chunk.map_err(|_elapsed| self.call.timeout_error(SILENCE_MAX))?;
        chunk.map_err(|source| self.call.network_error(source))
    }
}

/// A stream of events that is being read.
struct OpenStream {
    call: Call,
    response: Response,
    decoder: Decoder,
}

impl OpenStream {
    /// The events of the next chunk, possibly none; `None` at the end of the stream.
    async fn next_events(&mut self) -> Result<Option<Vec<Event>>, ClientError> {
        let chunk = timeout(SILENCE_MAX, self.response.chunk()).await;
        let chunk = chunk.map_err(|_elapsed| self.call.timeout_error(SILENCE_MAX))?;
        let Some(chunk) = chunk.map_err(|source| self.call.network_error(source))? else { return Ok(None) };
        let events = self.decoder.push(&chunk);
        events.map(Some).map_err(|problem| self.call.protocol_error(self.response.status(), problem))
    }
}

/// Whether the same call may succeed a moment later.
fn is_passing(error: &ClientError, repeat: Repeat) -> bool {
    let safe = repeat == Repeat::Safe;
    match error {
        ClientError::Network { source, .. } => safe || source.is_connect(),
        ClientError::Api { envelope, .. } if envelope.code == "IDEMPOTENCY_IN_PROGRESS" => true,
        ClientError::Api { status, .. } | ClientError::Protocol { status, .. } => match *status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => safe,
            _ => false,
        },
        _ => false,
    }
}

/// 1 to 1.5: many clients that lost the same server do not come back in the same instant.
fn jitter() -> f64 {
    1.0 + rand::random::<f64>() / 2.0
}

fn header(what: &'static str, value: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(value).map_err(|_| ClientError::Header { what })
}

fn seconds_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Why a body could not be read, with its beginning: often a proxy's page in words.
fn unreadable(error: &serde_json::Error, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut beginning: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = beginning.char_indices().nth(160) {
        beginning.truncate(cut);
        beginning.push('…');
    }
    format!("{error}; it begins {beginning:?}")
}
