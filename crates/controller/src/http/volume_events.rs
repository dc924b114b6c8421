//! What happened to a volume. (Server-sent events are in `events`.)

use axum::extract::State;
use miosa_api::page::PageQuery;
use miosa_api::v1::snapshots::Event;
use miosa_domain::VolumeId;

use super::query::{Id, Query};
use super::route::{Listed, routes};
use super::{ApiError, Http, Request, paging};
use crate::auth::VOLUMES_READ;

routes! {
    "volumes";

    /// List what happened to a volume, newest first.
    ///
    /// Of a deleted volume as well, as long as the server remembers it.
    get "/volumes/{id}/events" list_volume_events: list, VOLUMES_READ;
        200 "One page of events.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    query: Query<PageQuery>,
) -> Result<Listed<Event>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_events(&request.caller, volume_id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}
