//! One API behind three spellings of its base: none, `/api/v1`, and `/api/v1/api/v1` (which a published client really sends).
//!
//! Paths are rewritten before routing, never redirected: a redirect would turn some clients' POST into a GET.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

const PREFIX: &str = "/api/v1";
const PREFIXES_MAX: usize = 2;

/// Strips the prefix and trailing slashes from the request's path.
pub(super) fn strip(request: Request) -> Request {
    let path = routed_path(request.uri().path());
    if path == request.uri().path() {
        return request;
    }
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // A part of a valid path, from a slash on, is a valid path.
    let Ok(path_and_query) = PathAndQuery::try_from(path_and_query) else { return request };
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    uri.path_and_query = Some(path_and_query);
    head.uri = Uri::from_parts(uri).unwrap_or_default();
    Request::from_parts(head, body)
}

fn routed_path(mut path: &str) -> &str {
    for _ in 0..PREFIXES_MAX {
        match path.strip_prefix(PREFIX) {
            Some(rest) if rest.starts_with('/') => path = rest,
            Some("") => return "/",
            _ => break,
        }
    }
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_up_to_two_prefixes_and_trailing_slashes() {
        for (sent, routed) in [
            ("/volumes", "/volumes"),
            ("/api/v1/volumes", "/volumes"),
            ("/api/v1/api/v1/volumes", "/volumes"),
            ("/api/v1/api/v1/api/v1/volumes", "/api/v1/volumes"),
            ("/api/v1/volumes/", "/volumes"),
            ("/volumes//", "/volumes"),
            ("/api/v1", "/"),
            ("/api/v1/", "/"),
            ("/api/v1volumes", "/api/v1volumes"),
            ("/api/v2/volumes", "/api/v2/volumes"),
            ("/", "/"),
        ] {
            assert_eq!(routed_path(sent), routed, "{sent}");
        }
    }

    #[test]
    fn keeps_the_query() {
        let request =
            Request::builder().uri("/api/v1/volumes/?limit=2&x=/api/v1").body(Default::default()).unwrap();
        assert_eq!(strip(request).uri(), "/volumes?limit=2&x=/api/v1");
    }
}
