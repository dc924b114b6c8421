//! The name of one request, in its response and in the log.

use axum::http::{HeaderName, HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const CALLERS_MAX_BYTES: usize = 128;

/// Keeps the caller's own id if it has 1 to 128 printable ASCII characters.
pub(super) fn keep_printable<B>(mut request: Request<B>) -> Request<B> {
    if !request.headers().get(HEADER).is_some_and(is_printable) {
        request.headers_mut().remove(HEADER);
    }
    request
}

fn is_printable(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=CALLERS_MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(|b| (b' '..=b'~').contains(b))
}

/// Names requests whose callers do not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maker;

impl MakeRequestId for Maker {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = format!("req_{}", hex::encode(rand::random::<[u8; 12]>()));
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ids_are_kept() {
        let longest = "x".repeat(128);
        let too_long = "x".repeat(129);
        for (sent, kept) in [
            ("abc-1", true),
            ("with space", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("tab\tbed", false),
            ("", false),
        ] {
            let request = keep_printable(Request::builder().header(HEADER, sent).body(()).unwrap());
            assert_eq!(request.headers().contains_key(HEADER), kept, "{sent:?}");
        }
    }

    #[test]
    fn made_ids_differ() {
        let id = || Maker.make_request_id(&Request::new(())).unwrap().into_header_value();
        assert!(id().to_str().unwrap().starts_with("req_"));
        assert_ne!(id(), id());
    }
}
