//! A computer's log: what its first process wrote, as a list or followed as events.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use miosa_api::agent_v1::StreamEvent;
use miosa_api::v1::computers::{LogLine, LogQuery, Logs};
use miosa_api::word::Word;
use miosa_control::HostStream;
use miosa_domain::ComputerId;
use serde_json::json;

use super::query::{Id, Query};
use super::route::{Events, Object, routes};
use super::{ApiError, Http, Request, events};
use crate::auth::{COMPUTERS_READ, header_text};

const LINES_DEFAULT: u32 = 100;
const LINES_MAX: u32 = 10_000;
/// Reading lines that are there already takes no longer.
const READ_TIME_MAX: Duration = Duration::from_secs(15);

/// Which lines are wanted.
pub(super) struct Wanted {
    pub(super) lines: u32,
    /// Only lines later than this.
    since: Option<Timestamp>,
}

impl Wanted {
    pub(super) fn of<P>(query: &Query<P>, last_event_id: Option<&str>) -> Result<Self, ApiError> {
        let lines = query.number("lines", 1)?.or(query.number("tail", 1)?);
        let lines =
            lines.map_or(LINES_DEFAULT, |lines| u32::try_from(lines).unwrap_or(LINES_MAX).min(LINES_MAX));
        let since = query.text("since").map(instant).transpose()?;
        // Not one of ours: the whole tail again is better than nothing.
        let resumed = last_event_id.and_then(|id| id.parse().ok());
        Ok(Self { lines, since: since.max(resumed) })
    }

    /// How many lines must be looked at to find those later than `since`.
    pub(super) fn tail(&self) -> u32 {
        if self.since.is_some() { LINES_MAX } else { self.lines }
    }

    pub(super) fn has(&self, timestamp: &str) -> bool {
        match (self.since, timestamp.parse::<Timestamp>()) {
            (Some(since), Ok(time)) => time > since,
            _ => true,
        }
    }
}

/// RFC 3339, or seconds since 1970.
fn instant(text: &str) -> Result<Timestamp, ApiError> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.or_else(|| text.parse().ok()).ok_or_else(|| {
        ApiError::invalid("since", "must be a time such as 2026-05-17T10:00:00Z, or seconds since 1970")
    })
}

routes! {
    "computers";

    /// Read a computer's log.
    get "/computers/{id}/logs" get_logs: get, COMPUTERS_READ;
        200 "Lines of the first process, oldest first.";

    /// Follow a computer's log as server-sent events.
    ///
    /// Each event is a line; its `id` is the line's timestamp, and `Last-Event-ID` goes on from there.
    get "/computers/{id}/logs/stream" stream_logs: stream, COMPUTERS_READ;
        200 "Events `log` with a line each.";
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    query: Query<LogQuery>,
) -> Result<Object<Logs>, ApiError> {
    let wanted = Wanted::of(&query, None)?;
    Ok(Object(written(&http, &request, id, &wanted).await?))
}

/// The lines that are there, and all of them as one text.
pub(super) async fn written(
    http: &Http,
    request: &Request,
    id: ComputerId,
    wanted: &Wanted,
) -> Result<Logs, ApiError> {
    let log = http.app.logs(&request.caller, id, wanted.tail(), false).await?;
    let mut lines = tokio::time::timeout(READ_TIME_MAX, read(log, wanted))
        .await
        .unwrap_or_else(|_| Err(ApiError::unavailable("the host does not send the log")))?;
    lines.drain(..lines.len().saturating_sub(wanted.lines as usize));
    let mut logs = String::new();
    for line in &lines {
        logs.push_str(&line.line);
        logs.push('\n');
    }
    Ok(Logs { lines, logs })
}

async fn read(
    mut log: impl Stream<Item = StreamEvent> + Unpin,
    wanted: &Wanted,
) -> Result<Vec<LogLine>, ApiError> {
    let mut lines = Vec::new();
    loop {
        match log.next().await {
            Some(StreamEvent::Log { timestamp, stream, line }) if wanted.has(&timestamp) => {
                let stream = Word::of(&stream);
                lines.push(LogLine { timestamp, stream, message: line.clone(), line });
            }
            Some(StreamEvent::End) => return Ok(lines),
            Some(StreamEvent::Failed(failure)) => {
                return Err(ApiError::conflict("RESOURCE_STATE", failure.message));
            }
            Some(_) => {}
            None => return Err(ApiError::unavailable("the connection to the host was lost")),
        }
    }
}

pub(super) async fn stream(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ComputerId>,
    query: Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Events, ApiError> {
    let wanted = Wanted::of(&query, header_text(&headers, "last-event-id"))?;
    let log = http.app.logs(&request.caller, id, wanted.tail(), true).await?;
    Ok(Events(events::answer(&http, log_events(log, wanted))))
}

fn log_events(
    log: HostStream,
    wanted: Wanted,
) -> impl Stream<Item = axum::response::sse::Event> + Send + 'static {
    futures::stream::unfold(Some((log, wanted)), async |state| {
        let (mut log, wanted) = state?;
        loop {
            match log.next().await {
                Some(StreamEvent::Log { timestamp, stream, line }) if wanted.has(&timestamp) => {
                    let fields =
                        json!({ "timestamp": timestamp, "stream": stream, "line": line, "message": line });
                    return Some((events::event("log", fields).id(timestamp), Some((log, wanted))));
                }
                Some(StreamEvent::Failed(failure)) => return Some((events::failure(&failure), None)),
                Some(StreamEvent::End) | None => return None,
                Some(_) => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_in_two_spellings() {
        assert_eq!(instant("2026-05-17T10:00:00Z").unwrap(), instant("1779012000").unwrap());
        for text in ["yesterday", "99999999999999999999", "2026-05-17"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
