//! Snapshots: what is wanted of them, and what their host last said.
//!
//! A snapshot's row is independent of its volume, which may be in the trash or purged. A purged snapshot leaves a tombstone for
//! a while.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use miosa_domain::snapshot::{self, SnapshotState, Trigger};
use miosa_domain::spec::{Origin, SnapshotPresence, SnapshotSpec, TakeRules};
use miosa_domain::status::{Failure, SnapshotCondition, SnapshotFacts, SnapshotStatus};
use miosa_domain::{Generation, HostId, ProjectId, SnapshotId, TenantId, VolumeId, retention};

use crate::error::StoreError;
use crate::host;
use crate::page::{Cursor, ListPage, ListRequest, Window};
use crate::restore::RestoreInPlace;
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::view;
use crate::volume::{self as volumes, VolumeRecord};

mod row;

pub(crate) use row::changed_specs;
pub use row::{Expired, expired, is_in_progress, load_any, load_present, present_of_volume, save};

/// From this share of the pool on no new snapshot is begun: each one makes overwritten blocks stay.
pub const POOL_LIMIT_PERCENT: u64 = 90;

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "snapshots", kind = Snapshot, computed(stored_taken_at = "taken_at", stored_is_gone = "is_gone"))]
pub struct SnapshotRecord {
    #[row(key)]
    pub id: SnapshotId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub project_id: ProjectId,
    #[row(fixed)]
    pub volume_id: VolumeId,
    /// As it was when the snapshot was made.
    #[row(fixed)]
    pub volume_name: String,
    #[row(fixed)]
    pub host_id: HostId,
    pub name: Option<String>,
    #[row(column = "metadata_json")]
    pub metadata: BTreeMap<String, String>,
    #[row(fixed, column = "cause")]
    pub trigger: Trigger,
    pub state: SnapshotState,
    pub protected: bool,
    /// The volume's, when the snapshot was asked for.
    #[row(fixed)]
    pub size_bytes: u64,
    #[row(fixed, column = "take_json")]
    pub take: TakeRules,
    pub presence: SnapshotPresence,
    /// Number of the verification that was asked for last.
    pub verification: u64,
    /// Reported ready once: from then on it is never taken again.
    pub was_ready: bool,
    pub generation: Generation,
    /// What its host last said.
    #[row(column = "reported_json")]
    pub reported: Option<SnapshotStatus>,
    /// Why the state is `failed`, or what is wrong with one that was ready.
    #[row(column = "error_json")]
    pub error: Option<Failure>,
    /// The time that its maker gave it.
    #[row(fixed)]
    pub asked_expiry: Option<Timestamp>,
    /// By the rules of retention; kept up to date with the volume's days.
    pub expires_at: Option<Timestamp>,
    /// Set from the accepted delete on: it answers 404.
    pub deleted_at: Option<Timestamp>,
    pub is_tombstone: bool,
    #[row(fixed)]
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl SnapshotRecord {
    /// As the rules of `domain` know it.
    pub fn as_domain(&self, in_use: bool) -> snapshot::Snapshot {
        snapshot::Snapshot { id: self.id, state: self.state, protected: self.protected, in_use }
    }

    pub fn facts(&self) -> Option<SnapshotFacts> {
        self.reported.as_ref().and_then(|reported| reported.facts)
    }

    fn stored_taken_at(&self) -> Option<Timestamp> {
        self.facts().map(|facts| facts.taken_at)
    }

    fn stored_is_gone(&self) -> bool {
        self.is_tombstone || self.is_gone()
    }

    /// Its host said, knowing what is wanted now, that nothing is left of it.
    pub fn is_gone(&self) -> bool {
        self.presence == SnapshotPresence::Purged
            && self.reported.as_ref().is_some_and(|reported| {
                reported.condition == SnapshotCondition::Gone && reported.generation >= self.generation
            })
    }

    pub fn move_to(&mut self, next: SnapshotState, now: Timestamp) {
        debug_assert!(self.state.may_become(next), "{:?} to {next:?}", self.state);
        self.state = next;
        self.updated_at = now;
    }

    /// The instant that it shows; of one that is not there yet, when it was asked for.
    pub fn taken_at(&self) -> Timestamp {
        self.facts().map_or(self.created_at, |facts| facts.taken_at)
    }

    pub fn expire_by(&mut self, taken_at: Timestamp, retention_days: u32) {
        self.expires_at =
            retention::expires_at(self.trigger, self.state, taken_at, retention_days, self.asked_expiry);
    }

    fn spec(&self) -> SnapshotSpec {
        SnapshotSpec {
            pool_id: None,
            id: self.id,
            volume_id: self.volume_id,
            generation: self.generation,
            presence: self.presence,
            must_exist: self.was_ready,
            take: self.take.clone(),
            verification: self.verification,
        }
    }
}

impl Store {
    /// The tenant's snapshot with this id, deleted ones and tombstones included.
    pub async fn snapshot(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        view!(self, "read a snapshot", |tx| {
            Ok(load_any(tx, id).await?.filter(|record| record.tenant_id == tenant_id))
        })
    }

    /// Newest first; of one volume or of all, those of deleted volumes included.
    pub async fn list_snapshots(
        &self,
        tenant_id: TenantId,
        volume_id: Option<VolumeId>,
        request: &ListRequest,
    ) -> Result<ListPage<SnapshotRecord>, StoreError> {
        const DOING: &str = "list snapshots";
        macro_rules! matching {
            ($scope:literal) => {
                concat!(
                    " FROM snapshots s WHERE ",
                    $scope,
                    " AND NOT s.is_tombstone AND (s.deleted_at IS NOT NULL) = $3
                      AND ($4 IS NULL OR s.state = $4) AND ($5 IS NULL OR s.name = $5)
                      AND ($6 IS NULL OR s.project_id = $6)"
                )
            };
        }
        macro_rules! page {
            ($scope:literal) => {
                concat!(
                    "SELECT s.*",
                    matching!($scope),
                    " AND (s.created_at < $7 OR (s.created_at = $7 AND s.id < $8))
                     ORDER BY s.created_at DESC, s.id DESC LIMIT $9 OFFSET $10"
                )
            };
        }
        macro_rules! count {
            ($scope:literal) => {
                concat!("SELECT COUNT(*)", matching!($scope))
            };
        }
        // One volume's are found by the volume: as an expression, the tenant cannot draw the search to its own index.
        let (page, count) = match volume_id {
            None => (page!("s.tenant_id = $1 AND $2 IS NULL"), count!("s.tenant_id = $1 AND $2 IS NULL")),
            Some(_) => (
                page!("s.tenant_id || '' = $1 AND s.volume_id = $2"),
                count!("s.tenant_id || '' = $1 AND s.volume_id = $2"),
            ),
        };
        let filters = &request.filters;
        let deleting = filters.status.as_deref() == Some(SnapshotState::Deleting.as_str());
        let filtered = |text| {
            query(DOING, text)
                .bind(tenant_id)
                .bind(volume_id)
                .bind(deleting)
                .bind(filters.status.as_deref())
                .bind(filters.name.as_deref())
                .bind(filters.project_id)
        };

        let window = Window::of(request);
        view!(self, DOING, |tx| {
            let snapshots: Vec<SnapshotRecord> = window.bind(filtered(page)).all(tx).await?;
            let total = filtered(count).one(tx).await?;
            Ok(window.page(snapshots, total, |snapshot| Cursor {
                created_at_ms: snapshot.created_at.as_millisecond(),
                id: snapshot.id.uuid(),
            }))
        })
    }
}

/// A snapshot that is about to be requested.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: SnapshotId,
    pub name: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub trigger: Trigger,
    pub protected: bool,
    pub take: TakeRules,
    pub asked_expiry: Option<Timestamp>,
}

/// Part of the transaction that asks for a snapshot, for whatever reason.
pub async fn write_new(
    tx: &mut Tx,
    volume: &VolumeRecord,
    draft: Draft,
    now: Timestamp,
) -> Result<SnapshotRecord, StoreError> {
    let state = SnapshotState::Creating;
    let record = SnapshotRecord {
        id: draft.id,
        tenant_id: volume.tenant_id,
        project_id: volume.project_id,
        volume_id: volume.id,
        volume_name: volume.name.clone(),
        host_id: volume.host_id,
        name: draft.name,
        metadata: draft.metadata,
        trigger: draft.trigger,
        state,
        protected: draft.protected,
        size_bytes: volume.size_bytes,
        take: draft.take,
        presence: SnapshotPresence::Kept,
        verification: 0,
        was_ready: false,
        generation: host::next_generation(tx, volume.host_id).await?,
        reported: None,
        error: None,
        asked_expiry: draft.asked_expiry,
        expires_at: retention::expires_at(
            draft.trigger,
            state,
            now,
            volume.retention_days,
            draft.asked_expiry,
        ),
        deleted_at: None,
        is_tombstone: false,
        created_at: now,
        updated_at: now,
    };
    save(tx, &record).await?;
    Ok(record)
}

/// The host's snapshots that a volume is being made from, or restored to, or that make a restore undoable.
pub async fn in_use(tx: &mut Tx, host_id: HostId) -> Result<BTreeSet<SnapshotId>, StoreError> {
    const TEXT: &str = "SELECT restore_json FROM volumes WHERE host_id = $1 AND restore_json IS NOT NULL";
    let restores: Vec<RestoreInPlace> =
        query("read which snapshots are in use", TEXT).bind(host_id).all(tx).await?;
    let mut in_use: BTreeSet<SnapshotId> = restores.iter().flat_map(RestoreInPlace::snapshots).collect();
    for (_, origin) in volumes::being_made(tx, host_id).await? {
        if let Some(Origin::Snapshot { id }) = origin {
            in_use.insert(id);
        }
    }
    Ok(in_use)
}
