//! The history of a volume.

use miosa_api::v1::snapshots::Event;
use miosa_api::word::Word;
use miosa_domain::VolumeId;
use miosa_store::event::EventRecord;

use crate::{App, AppError, Caller, ListPage, ListRequest};

impl App {
    /// Includes the events of a deleted volume for as long as its row is kept.
    pub async fn list_events(
        &self,
        caller: &Caller,
        volume_id: VolumeId,
        request: ListRequest,
    ) -> Result<ListPage<Event>, AppError> {
        let volume = self.read_volume(caller.tenant_id, volume_id).await?;
        let page = self.store().list_events(volume.tenant_id, volume.id, &request).await?;
        Ok(page.map(event_view))
    }
}

fn event_view(event: EventRecord) -> Event {
    Event {
        id: event.id.to_string(),
        volume_id: event.volume_id.to_string(),
        at: event.at.to_string(),
        kind: Word::of(event.kind.as_str()),
        message: event.message,
        snapshot_id: event.snapshot_id.map(|id| id.to_string()),
        other_volume_id: event.other_volume_id.map(|id| id.to_string()),
        size_bytes: event.size_bytes,
    }
}
