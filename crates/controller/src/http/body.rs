//! Request bodies: bytes within a limit, then JSON, then a typed struct. Whatever is wrong, the answer names the field.
//!
//! ```text
//!   bytes ──► at most 1 MiB?     413 TOO_LARGE
//!         ──► JSON?              400 INVALID_JSON      nothing at all is {}
//!         ──► an object?         422
//!         ──► types?             422 errors.<field>    null is absent, unknown fields are ignored
//! ```
//!
//! The limits are ours and not tower-http's: its size limit closes the connection under a client that still writes, which then
//! never reads its 413, and its time limit bounds the pause between two chunks, not the whole body.

use std::time::Duration;

use axum::body::{Body as RawBody, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::ApiError;

const BODY_MAX_BYTES: usize = 1 << 20;
/// Of a body that is too large this much is still read and thrown away: a client that is cut off while it writes never sees
/// the answer.
const DRAIN_MAX_BYTES: usize = 16 << 20;
/// A body that takes longer is a client that does not mean it.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// Texts of the JSON reader are cut to this many characters: they may quote the caller's value.
const PROBLEM_MAX_CHARS: usize = 200;

/// A request's JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let bytes = read(&head.headers, body).await?;
        parse(&bytes).map(Body)
    }
}

/// Reads a whole body into memory.
pub(super) async fn read(headers: &HeaderMap, body: RawBody) -> Result<Bytes, ApiError> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    // A client that asks before it sends has not sent anything that would have to be drained.
    if announced.is_some_and(|bytes| bytes > BODY_MAX_BYTES as u64) && headers.contains_key(EXPECT) {
        return Err(too_large());
    }
    tokio::time::timeout(BODY_TIME_MAX, read_to_end(body)).await.unwrap_or_else(|_| {
        let message = format!("the body did not arrive within {} seconds", BODY_TIME_MAX.as_secs());
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message))
    })
}

async fn read_to_end(mut body: RawBody) -> Result<Bytes, ApiError> {
    let mut kept = Vec::new();
    let mut read_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| invalid_json(format!("the body broke off: {error}")))?;
        let Some(data) = frame.data_ref() else { continue };
        read_bytes += data.len();
        if read_bytes > DRAIN_MAX_BYTES {
            break;
        }
        if read_bytes <= BODY_MAX_BYTES {
            kept.extend_from_slice(data);
        }
    }
    if read_bytes > BODY_MAX_BYTES { Err(too_large()) } else { Ok(kept.into()) }
}

fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the body is larger than 1 MiB")
}

fn invalid_json(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "INVALID_JSON", message)
}

/// A body's bytes as JSON of any kind.
pub(super) fn value(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_str(json(bytes)?).map_err(|error| ApiError::invalid("body", problem(&error.to_string())))
}

/// A body's bytes as `T`, all of whose fields are optional.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = json(bytes)?;
    if !text.starts_with('{') {
        return Err(ApiError::invalid("body", "must be a JSON object"));
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| {
        let (field, inside) = place(error.path());
        let text = error.inner().to_string();
        match duplicate_field(&text) {
            Some(field) => ApiError::invalid(field, "is given twice, perhaps in two spellings"),
            None => ApiError::invalid(&field, inside + &problem(&text)),
        }
    })
}

/// The body's text, which is JSON; nothing at all is an empty object.
fn json(bytes: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| invalid_json(format!("the body is not UTF-8: {error}")))?;
    let text = match text.trim() {
        "" => "{}",
        text => text,
    };
    // Syntax alone, without recursion and without looking at numbers: what is found after this is some field's fault.
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| invalid_json(format!("the body is not JSON: {error}")))?;
    Ok(text)
}

/// The field at fault as the caller spelled it, and where inside of it.
fn place(path: &serde_path_to_error::Path) -> (String, String) {
    use serde_path_to_error::Segment;
    let mut segments = path.iter();
    let field = match segments.next() {
        Some(Segment::Map { key }) => key.clone(),
        _ => "body".into(),
    };
    match segments.next() {
        Some(Segment::Map { key }) => (field, format!("at {:?} ", cut(key, 64))),
        _ => (field, String::new()),
    }
}

fn duplicate_field(text: &str) -> Option<&str> {
    text.strip_prefix("duplicate field `")?.split('`').next()
}

/// What the JSON reader says, for a person who does not know its types.
fn problem(text: &str) -> String {
    if text.starts_with("number out of range") {
        return "is too large a number".into();
    }
    if text.starts_with("recursion limit") {
        return "is nested too deeply".into();
    }
    if text.contains("untagged enum Command") {
        return "must be a string or a list of strings".into();
    }
    // The caller's own value stands before the last "expected".
    let Some((_, expected)) = text.rsplit_once(", expected ") else {
        return format!("cannot be read: {}", cut(text, PROBLEM_MAX_CHARS));
    };
    let expected = expected.split(" at line ").next().unwrap_or(expected);
    match expected {
        "i64" => "must be a whole number".into(),
        "u32" | "u64" => "must be a whole number, 0 or more".into(),
        "a boolean" => "must be true or false".into(),
        "a map" => "must be an object".into(),
        expected => format!("must be {}", cut(expected, PROBLEM_MAX_CHARS)),
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use miosa_api::v1::attachments::CreateAttachment;
    use miosa_api::v1::computers::{CreateComputer, Exec};
    use miosa_api::v1::volumes::CreateVolume;

    use super::*;

    async fn refusal<T: DeserializeOwned>(body: &[u8]) -> Value {
        let error = parse::<T>(body).err().expect("a refusal");
        let response = super::super::envelope::finish(error.into_response());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn nothing_is_an_empty_object_and_null_is_absent() {
        assert_eq!(parse::<CreateVolume>(b"").unwrap(), CreateVolume::default());
        assert_eq!(parse::<CreateVolume>(b" \n").unwrap(), CreateVolume::default());
        let nulls = br#"{"name":null,"sizeGb":null,"metadata":null,"unknown":[[{}]]}"#;
        assert_eq!(parse::<CreateVolume>(nulls).unwrap(), CreateVolume::default());
    }

    #[test]
    fn both_spellings_are_read() {
        let attach =
            parse::<CreateAttachment>(br#"{"volumeId":"v","mountPath":"/m","readOnly":true}"#).unwrap();
        assert_eq!(attach, parse(br#"{"volume_id":"v","mount_path":"/m","read_only":true}"#).unwrap());
        assert_eq!(attach.volume_id.as_deref(), Some("v"));
    }

    #[tokio::test]
    async fn each_problem_names_its_field() {
        let deep = format!(r#"{{"metadata":{}1{}}}"#, r#"{"a":"#.repeat(500), "}".repeat(500));
        for (body, field, text) in [
            (r#"{"size_gb":"50"}"#, "size_gb", "must be a whole number"),
            (r#"{"size_gb":1.5}"#, "size_gb", "must be a whole number"),
            (r#"{"sizeGb":true}"#, "sizeGb", "must be a whole number"),
            (r#"{"size_gb":99999999999999999999}"#, "size_gb", "must be a whole number"),
            (r#"{"size_bytes":1e400}"#, "size_bytes", "is too large a number"),
            (r#"{"size_gb":1,"sizeGb":1}"#, "size_gb", "is given twice, perhaps in two spellings"),
            (r#"{"name":7}"#, "name", "must be a string"),
            (r#"{"name":"\ud800"}"#, "name", "cannot be read: "),
            (r#"{"metadata":[]}"#, "metadata", "must be an object"),
            (r#"{"delete_protection":"yes"}"#, "delete_protection", "must be true or false"),
            (deep.as_str(), "metadata", "at \"a\" is nested too deeply"),
            ("[]", "body", "must be a JSON object"),
            ("null", "body", "must be a JSON object"),
            ("17", "body", "must be a JSON object"),
        ] {
            let json = refusal::<CreateVolume>(body.as_bytes()).await;
            assert_eq!(json["code"], "VALIDATION_ERROR", "{body}");
            let told = json["errors"][field][0].as_str().unwrap_or_else(|| panic!("{body}: {json}"));
            assert!(told.starts_with(text), "{body}: {told}");
        }
        let json = refusal::<CreateComputer>(br#"{"env":{"A":1}}"#).await;
        assert_eq!(json["errors"]["env"][0], "at \"A\" must be a string");
        let json = refusal::<CreateComputer>(br#"{"command":5}"#).await;
        assert_eq!(json["errors"]["command"][0], "must be a string or a list of strings");
        let json = refusal::<Exec>(br#"{"timeout":-1}"#).await;
        assert_eq!(json["errors"]["timeout"][0], "must be a whole number, 0 or more");
    }

    #[tokio::test]
    async fn what_is_not_json_is_told_apart() {
        for body in [&b"{"[..], b"{\"a\"}", b"name=x", b"\xff\xfe", b"{} {}", b"{\"a\":1,}"] {
            assert_eq!(refusal::<CreateVolume>(body).await["code"], "INVALID_JSON", "{body:?}");
        }
    }

    #[tokio::test]
    async fn the_limit_holds_without_a_length() {
        let chunks = |count: usize| {
            let chunks = (0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 64 << 10])));
            RawBody::from_stream(futures::stream::iter(chunks))
        };
        assert_eq!(read(&HeaderMap::new(), chunks(16)).await.unwrap().len(), BODY_MAX_BYTES);
        for count in [17, 1000] {
            let error = read(&HeaderMap::new(), chunks(count)).await.unwrap_err();
            assert_eq!(error.status, StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
}
