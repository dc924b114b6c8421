//! What happened to volumes, for people: written in the transaction of what it tells of, never changed, kept for a year.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::{Refusal, SnapshotId, TenantId, VolumeId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::outbox::ObjectKind;
use crate::page::{Cursor, ListPage, ListRequest, Window};
use crate::snapshot::SnapshotRecord;
use crate::sql::{Row, query, save};
use crate::store::{Store, Tx};
use crate::view;
use crate::volume::{self, VolumeRecord};

/// How long what happened is remembered.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(365 * 24);

#[derive(Debug, Clone, PartialEq, Eq, Row)]
#[row(table = "events")]
pub struct EventRecord {
    #[row(key)]
    pub id: Uuid,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub volume_id: VolumeId,
    #[row(fixed)]
    pub at: Timestamp,
    #[row(fixed)]
    pub kind: EventKind,
    /// One sentence.
    #[row(fixed)]
    pub message: String,
    #[row(fixed)]
    pub snapshot_id: Option<SnapshotId>,
    /// The fork, or what was forked.
    #[row(fixed)]
    pub other_volume_id: Option<VolumeId>,
    #[row(fixed)]
    pub size_bytes: Option<u64>,
}

macro_rules! event_kinds {
    ($($name:ident = $word:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $($name),+ }

        impl EventKind {
            pub const ALL: &[EventKind] = &[$(EventKind::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(EventKind::$name => $word),+ }
            }
        }
    };
}

event_kinds! {
    VolumeCreated = "volume.created",
    VolumeForked = "volume.forked",
    VolumeRestored = "volume.restored",
    VolumeRestoreFailed = "volume.restore_failed",
    VolumeCompacted = "volume.compacted",
    VolumeDeleted = "volume.deleted",
    VolumeUndeleted = "volume.undeleted",
    VolumeExpired = "volume.expired",
    SnapshotTaken = "snapshot.taken",
    SnapshotFailed = "snapshot.failed",
    SnapshotDeleted = "snapshot.deleted",
    SnapshotPruned = "snapshot.pruned",
    SnapshotDamaged = "snapshot.damaged",
    SchedulePaused = "schedule.paused",
    ScheduleResumed = "schedule.resumed",
    ScheduleChanged = "schedule.changed",
}

impl FromStr for EventKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownKind(word.into()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown kind of event {0:?}")]
pub struct UnknownKind(String);

impl Store {
    /// A volume's events, newest first; those of a deleted volume as long as its row is remembered.
    pub async fn list_events(
        &self,
        tenant_id: TenantId,
        volume_id: VolumeId,
        request: &ListRequest,
    ) -> Result<ListPage<EventRecord>, StoreError> {
        const DOING: &str = "list events";
        view!(self, DOING, |tx| {
            volume::load(tx, tenant_id, volume_id).await?.ok_or(Refusal::NotFound { what: "volume" })?;
            let window = Window::of(request);
            let events = query(
                DOING,
                "SELECT * FROM events WHERE volume_id = $1 AND (at < $2 OR (at = $2 AND id < $3))
             ORDER BY at DESC, id DESC LIMIT $4 OFFSET $5",
            )
            .bind(volume_id);
            let events = window.bind(events).all(tx).await?;
            let total = query(DOING, "SELECT COUNT(*) FROM events WHERE volume_id = $1")
                .bind(volume_id)
                .one(tx)
                .await?;
            Ok(window.page(events, total, |event: &EventRecord| Cursor {
                created_at_ms: event.at.as_millisecond(),
                id: event.id,
            }))
        })
    }
}

/// An event that is about to be written in the transaction of what it tells of.
pub struct NewEvent {
    tenant_id: TenantId,
    volume_id: VolumeId,
    kind: EventKind,
    message: String,
    snapshot_id: Option<SnapshotId>,
    other_volume_id: Option<VolumeId>,
    size_bytes: Option<u64>,
}

impl NewEvent {
    pub fn new(
        tenant_id: TenantId,
        volume_id: VolumeId,
        kind: EventKind,
        message: impl Into<String>,
    ) -> Self {
        Self {
            tenant_id,
            volume_id,
            kind,
            message: message.into(),
            snapshot_id: None,
            other_volume_id: None,
            size_bytes: None,
        }
    }

    pub fn of_volume(volume: &VolumeRecord, kind: EventKind, message: impl Into<String>) -> Self {
        Self::new(volume.tenant_id, volume.id, kind, message)
    }

    pub fn of_snapshot(snapshot: &SnapshotRecord, kind: EventKind, message: impl Into<String>) -> Self {
        Self::new(snapshot.tenant_id, snapshot.volume_id, kind, message).with_snapshot(Some(snapshot.id))
    }

    pub fn with_snapshot(self, id: Option<SnapshotId>) -> Self {
        Self { snapshot_id: id, ..self }
    }

    pub fn with_other_volume(self, id: VolumeId) -> Self {
        Self { other_volume_id: Some(id), ..self }
    }

    pub fn with_size(self, bytes: u64) -> Self {
        Self { size_bytes: Some(bytes), ..self }
    }

    pub async fn write(self, tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
        let event = EventRecord {
            id: Uuid::now_v7(),
            tenant_id: self.tenant_id,
            volume_id: self.volume_id,
            at: now,
            kind: self.kind,
            message: self.message,
            snapshot_id: self.snapshot_id,
            other_volume_id: self.other_volume_id,
            size_bytes: self.size_bytes,
        };
        save(tx, &event).await?;
        tx.changed(ObjectKind::Event, event.id, Some(event.tenant_id));
        Ok(())
    }
}

pub(crate) async fn remove_old(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    query("remove old events", "DELETE FROM events WHERE at < $1")
        .bind(now.as_millisecond() - RETENTION.as_millis() as i64)
        .execute(tx)
        .await
}
