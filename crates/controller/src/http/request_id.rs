//! The name of one request, in its answer and in the log.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const CALLERS_MAX_BYTES: usize = 128;

/// The caller's own id if it has 1 to 128 printable ASCII characters, else a new one.
pub(super) fn of(headers: &HeaderMap) -> String {
    headers.get(HEADER).and_then(printable).map_or_else(new, str::to_owned)
}

fn printable(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    let fits =
        (1..=CALLERS_MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(|b| (b' '..=b'~').contains(b));
    if fits { value.to_str().ok() } else { None }
}

fn new() -> String {
    format!("req_{}", hex::encode(rand::random::<[u8; 12]>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_printable_ids_and_makes_others() {
        let longest = "x".repeat(128);
        let too_long = "x".repeat(129);
        for (sent, echoed) in [
            ("abc-1", true),
            ("with space", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("tab\tbed", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, sent.parse().unwrap());
            let id = of(&headers);
            assert_eq!(id == sent, echoed, "{sent:?}");
            assert!(echoed || id.starts_with("req_"), "{id}");
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
