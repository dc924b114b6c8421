//! Server-sent events, as the published clients read them: one event a write, one line of JSON each that repeats its type,
//! a comment every 15 s, and the end of the stream as the end of the answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use miosa_domain::status::Failure;
use serde_json::{Value, json};

use super::Http;

const PING_EVERY: Duration = Duration::from_secs(15);

/// Whether a caller that can have JSON as well asked for events.
pub(super) fn wanted(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.contains("text/event-stream")))
}

/// The answer that carries `events`. It ends with them, or when the server shuts down.
pub(super) fn answer(http: &Http, events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = events.take_until(http.closing.clone().cancelled_owned()).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(PING_EVERY).text("ping")).into_response()
}

/// An event with `fields` (an object) and its type among them.
pub(super) fn event(kind: &str, mut fields: Value) -> Event {
    fields["type"] = kind.into();
    Event::default().event(kind).data(fields.to_string())
}

/// The last event of a stream that could not go on.
pub(super) fn failure(failure: &Failure) -> Event {
    event("error", json!({ "code": failure.code, "message": failure.message }))
}

/// Text out of bytes that arrive in pieces: a character cut in two waits for its second half.
#[derive(Debug, Default)]
pub(super) struct Utf8Chunks {
    /// The beginning of a character, at most 3 bytes.
    waiting: Vec<u8>,
}

impl Utf8Chunks {
    /// The text up to the last whole character. Bytes that are no text become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.waiting);
        all.extend_from_slice(bytes);
        let whole = all.len() - cut_character_len(&all);
        self.waiting = all.split_off(whole);
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// How many bytes at the end are the beginning of a character whose rest is missing.
fn cut_character_len(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(last) if !last.invalid().is_empty() => {
            let tail = last.invalid();
            let cut = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
            if cut { tail.len() } else { 0 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However a text is cut into pieces, its pieces make the text.
    #[test]
    fn characters_survive_being_cut() {
        let text = "a\u{e9}\u{20ac}\u{1f600}z";
        for size in 1..=text.len() {
            let mut chunks = Utf8Chunks::default();
            let joined: String = text.as_bytes().chunks(size).map(|piece| chunks.push(piece)).collect();
            assert_eq!(joined, text, "in pieces of {size}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_not_wait() {
        let mut chunks = Utf8Chunks::default();
        assert_eq!(chunks.push(b"a\xff"), "a\u{fffd}");
        assert_eq!(chunks.push(b"\xe2\x82"), "");
        assert_eq!(chunks.push(b"b"), "\u{fffd}b");
    }

    #[test]
    fn events_are_wanted_wherever_they_stand_in_accept() {
        for (accept, is_wanted) in [
            ("text/event-stream", true),
            ("text/event-stream, application/json;q=0.9", true),
            ("application/json", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(wanted(&headers), is_wanted, "{accept}");
        }
    }
}
