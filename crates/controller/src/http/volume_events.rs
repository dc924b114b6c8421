//! What happened to a volume. (Server-sent events are in `events`.)

use axum::Json;
use axum::extract::State;
use miosa_api::page::List;
use miosa_api::v1::snapshots::Event;
use miosa_domain::VolumeId;

use super::query::{Id, Query};
use super::{ApiError, Http, Request, paging};

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    query: Query,
) -> Result<Json<List<Event>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_events(&request.caller, volume_id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}
