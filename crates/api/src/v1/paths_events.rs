//! The route of what happened to a volume, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the function carries the attributes that the document is made of; nobody calls it"
)]

use super::snapshots::Event;
use crate::page::List;

/// List what happened to a volume, newest first.
///
/// Of a deleted volume as well, as long as the server remembers it.
#[utoipa::path(get, path = "/volumes/{id}/events", tag = "volumes",
    params(("id" = Uuid, Path, description = "Volume"), crate::page::PageQuery),
    responses((status = 200, description = "One page of events.", body = List<Event>)))]
fn list_volume_events() {}
