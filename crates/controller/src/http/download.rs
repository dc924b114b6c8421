//! A file out of a snapshot, whole or a range of it, as the host sends it: one piece on its way at a time.
//!
//! A download that cannot go on breaks the connection off, so that no client takes what it has for the whole file.

use std::convert::Infallible;
use std::ops::RangeInclusive;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use miosa_api::v1::snapshots::FileContent;
use miosa_control::FileBytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::PartialSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};

use super::files::FilePath;
use super::query::SnapshotInPath;
use super::route::{Docs, Input, Output, routes};
use super::{ApiError, Http, Request};
use crate::auth::VOLUMES_READ;

routes! {
    "snapshots";

    /// Download a file from one of a volume's snapshots.
    ///
    /// As below `/volume-snapshots`.
    get "/volumes/{id}/snapshots/{snapshot_id}/files/download" download_volume_snapshot_file: download, VOLUMES_READ;
        200 "The file.";
        206 "The range.";
        409 "`SNAPSHOT_NOT_READY`.";
        416 "`RANGE_NOT_SATISFIABLE`: the range begins behind the end.";

    /// Download a file from a snapshot.
    ///
    /// `Range: bytes=from-to` answers a part of it. A symlink is followed inside the snapshot; then the whole file comes, without a
    /// `Content-Length`.
    get "/volume-snapshots/{snapshot_id}/files/download" download_snapshot_file: download, VOLUMES_READ;
        200 "The file.";
        206 "The range.";
        409 "`SNAPSHOT_NOT_READY`.";
        416 "`RANGE_NOT_SATISFIABLE`: the range begins behind the end.";
}

pub(super) async fn download(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(snapshot): SnapshotInPath,
    FilePath(path): FilePath,
    RangeHeaders(headers): RangeHeaders,
) -> Result<FileResponse, ApiError> {
    let disposition = disposition(&path);
    let file = http.app.snapshot_file(&request.caller, snapshot, path).await?;
    let size_bytes = file.size_bytes;
    let part = match size_bytes.map(|size_bytes| (size_bytes, part(&headers, size_bytes))) {
        None => Part::Whole,
        Some((size_bytes, Part::Beyond)) => return Ok(FileResponse(beyond(size_bytes))),
        Some((_, part)) => part,
    };
    let (status, offset, len) = match &part {
        Part::Range(range) => {
            (StatusCode::PARTIAL_CONTENT, *range.start(), Some(range.end() - range.start() + 1))
        }
        _ => (StatusCode::OK, 0, size_bytes),
    };
    let bytes = file.read(offset, len).await?;
    let mut response = (status, body(bytes)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // Files are a workload's: no browser shall guess that one is a page of ours.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_DISPOSITION, disposition);
    if let Some(len) = len {
        headers.insert(CONTENT_LENGTH, len.into());
    }
    if let Some(size_bytes) = size_bytes {
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Part::Range(range) = part {
            let range = format!("bytes {}-{}/{size_bytes}", range.start(), range.end());
            headers.insert(CONTENT_RANGE, header(range));
        }
    }
    Ok(FileResponse(response))
}

/// The headers that say which part is wanted.
pub(super) struct RangeHeaders(HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for RangeHeaders {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Input for RangeHeaders {
    fn describe(docs: &mut Docs) {
        let range = ParameterBuilder::new().name("Range").parameter_in(ParameterIn::Header);
        let range = range.required(Required::False).description(Some("One range of bytes."));
        docs.parameter(range.schema(Some(<String as PartialSchema>::schema())).build());
    }
}

/// The bytes of a file, or of a part of it.
pub(super) struct FileResponse(Response);

impl IntoResponse for FileResponse {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for FileResponse {
    fn describe(docs: &mut Docs) {
        let schema = docs.schema::<FileContent>();
        docs.succeeds("application/octet-stream", schema);
    }
}

fn body(bytes: FileBytes) -> Body {
    Body::from_stream(futures::stream::try_unfold(bytes, async |mut bytes| match bytes.next().await {
        Ok(data) => Ok(data.map(|data| (Bytes::from(data), bytes))),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a download broke off");
            Err(error)
        }
    }))
}

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range(RangeInclusive<u64>),
    /// A range that begins behind the end.
    Beyond,
}

/// Several ranges, and units that nobody knows, are answered with the whole file, and so is a range that depends on a version:
/// the file has none.
fn part(headers: &HeaderMap, size_bytes: u64) -> Part {
    let header = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let range =
        header.filter(|_| !headers.contains_key(IF_RANGE)).and_then(|text| text.strip_prefix("bytes="));
    range.and_then(|range| asked_part(range.trim(), size_bytes)).unwrap_or(Part::Whole)
}

/// `None` when it is not understood.
fn asked_part(range: &str, size_bytes: u64) -> Option<Part> {
    let (first, last) = range.split_once('-')?;
    // `parse` would take a sign.
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (first, last) = match (first, last) {
        ("", last) => match number(last)? {
            0 => return Some(Part::Beyond),
            // The last bytes, as many as there are.
            count => (size_bytes.saturating_sub(count), u64::MAX),
        },
        (first, "") => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    if last < first {
        return None;
    }
    if first >= size_bytes {
        return Some(Part::Beyond);
    }
    Some(Part::Range(first..=last.min(size_bytes - 1)))
}

fn beyond(size_bytes: u64) -> Response {
    let message = format!("the range begins behind the end of the file, which has {size_bytes} bytes");
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let mut response = ApiError::new(status, "RANGE_NOT_SATISFIABLE", message).into_response();
    response.headers_mut().insert(CONTENT_RANGE, header(format!("bytes */{size_bytes}")));
    response
}

/// The name under which a browser keeps the file. It is a workload's own, so nothing of it may end the header's text.
fn disposition(path: &[u8]) -> HeaderValue {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%');
    let plain: String = name.chars().map(|c| if is_plain(c) || c == ' ' { c } else { '_' }).collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        text.extend(utf8_percent_encode(&name, NON_ALPHANUMERIC));
    }
    header(text)
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("made of printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, size_bytes, asked) in [
            ("bytes=0-0", 10, Part::Range(0..=0)),
            ("bytes=2-5", 10, Part::Range(2..=5)),
            ("bytes=2-", 10, Part::Range(2..=9)),
            ("bytes=2-99", 10, Part::Range(2..=9)),
            ("bytes=-3", 10, Part::Range(7..=9)),
            ("bytes=-99", 10, Part::Range(0..=9)),
            ("bytes=9-18446744073709551615", 10, Part::Range(9..=9)),
            ("bytes=10-", 10, Part::Beyond),
            ("bytes=10-20", 10, Part::Beyond),
            ("bytes=-0", 10, Part::Beyond),
            ("bytes=0-", 0, Part::Beyond),
            ("bytes=-1", 0, Part::Beyond),
            ("bytes=5-2", 10, Part::Whole),
            ("bytes=0-1,4-5", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=+1-2", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("bytes=", 10, Part::Whole),
            ("bytes=99999999999999999999-", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
            assert_eq!(part(&headers, size_bytes), asked, "{range} of {size_bytes}");
        }
        let versioned = [(RANGE, "bytes=0-1"), (IF_RANGE, "\"v1\"")];
        let headers = versioned.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!(part(&HeaderMap::from_iter(headers), 10), Part::Whole);
    }

    #[test]
    fn names_end_no_header() {
        for (path, expected) in [
            (b"/a/report.txt".as_slice(), "attachment; filename=\"report.txt\""),
            (b"/a b", "attachment; filename=\"a b\""),
            (b"/a\"; x=\"\\", "attachment; filename=\"a_; x=__\"; filename*=UTF-8''a%22%3B%20x%3D%22%5C"),
            (b"/a\r\nb: c", "attachment; filename=\"a__b: c\"; filename*=UTF-8''a%0D%0Ab%3A%20c"),
            ("/\u{e9}".as_bytes(), "attachment; filename=\"_\"; filename*=UTF-8''%C3%A9"),
            (b"/\xff", "attachment; filename=\"_\"; filename*=UTF-8''%EF%BF%BD"),
        ] {
            assert_eq!(disposition(path), expected, "{path:?}");
        }
    }
}
