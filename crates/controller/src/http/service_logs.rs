//! A service's log: what its replicas wrote, each line with its replica, as a list or followed as events.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use futures::StreamExt;
use miosa_api::agent_v1::StreamEvent;
use miosa_api::v1::services::{ServiceLogLine, ServiceLogQuery};
use miosa_api::word::Word;
use miosa_control::ReplicaLine;
use miosa_domain::ServiceId;
use serde_json::json;

use super::logs::Wanted;
use super::query::{Id, Query};
use super::route::{Listed, OrEvents, routes};
use super::{ApiError, Http, Request, events, paging};
use crate::auth::{SERVICES_READ, header_text};

/// Reading lines that are there already takes no longer.
const READ_TIME_MAX: Duration = Duration::from_secs(15);

routes! {
    "services";

    /// A service's log: a list, or events (followed) with `Accept: text/event-stream`.
    get "/services/{id}/logs" service_logs: get, SERVICES_READ;
        200 "Lines of all replicas, by time.";
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<ServiceId>,
    query: Query<ServiceLogQuery>,
    headers: HeaderMap,
) -> Result<OrEvents<Listed<ServiceLogLine>>, ApiError> {
    let wanted = Wanted::of(&query, header_text(&headers, "last-event-id"))?;
    let replica = query.number("replica", 0)?.map(|index| u32::try_from(index).unwrap_or(u32::MAX));
    let follow = query.text("follow").is_none() || query.flag("follow")?;
    if events::wanted(&headers) {
        let lines = http.app.service_logs(&request.caller, id, replica, wanted.tail(), follow).await?;
        let told = lines.filter_map(move |line| {
            let line = told(line, &wanted);
            async move { line.map(event) }
        });
        return Ok(OrEvents::Events(events::answer(&http, told)));
    }
    let lines = read(&http, &request, id, replica, &wanted).await?;
    Ok(OrEvents::Json(Listed(paging::whole(lines))))
}

/// The lines that are there, by time.
pub(super) async fn read(
    http: &Http,
    request: &Request,
    id: ServiceId,
    replica: Option<u32>,
    wanted: &Wanted,
) -> Result<Vec<ServiceLogLine>, ApiError> {
    let stream = http.app.service_logs(&request.caller, id, replica, wanted.tail(), false).await?;
    let all = stream.filter_map(|line| std::future::ready(told(line, wanted)));
    let mut lines: Vec<ServiceLogLine> = tokio::time::timeout(READ_TIME_MAX, all.collect())
        .await
        .map_err(|_| ApiError::unavailable("the host does not send the log"))?;
    lines.sort_by(|a, b| a.timestamp.cmp(&b.timestamp));
    lines.drain(..lines.len().saturating_sub(wanted.lines as usize));
    Ok(lines)
}

/// Failures of one replica's log (one that has not begun has none) do not end the others'.
fn told(line: ReplicaLine, wanted: &Wanted) -> Option<ServiceLogLine> {
    match line.event {
        StreamEvent::Log { timestamp, stream, line: text } if wanted.has(&timestamp) => {
            Some(ServiceLogLine {
                line_type: "log".into(),
                timestamp,
                stream: Word::of(&stream),
                replica: line.replica,
                instance_id: line.instance_id.to_string(),
                message: text.clone(),
                line: text,
            })
        }
        _ => None,
    }
}

fn event(line: ServiceLogLine) -> axum::response::sse::Event {
    let timestamp = line.timestamp.clone();
    let fields = json!({
        "timestamp": line.timestamp, "stream": line.stream, "replica": line.replica, "instance_id": line.instance_id,
        "line": line.line, "message": line.message,
    });
    events::event("log", fields).id(timestamp)
}
