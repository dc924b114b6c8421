//! Snapshots: what is wanted of them, and what their host last said.
//!
//! A snapshot's row lives by itself: its volume may be in the trash, or long gone. The state moves to `creating` and `deleting`
//! by the verbs here, and on from there by reports (`report.rs`). One that is gone leaves a tombstone for a while.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use miosa_domain::snapshot::{self, SnapshotState, Trigger};
use miosa_domain::spec::{Hooks, Origin, SnapshotPresence, SnapshotSpec, TakeRules};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{Failure, SnapshotCondition, SnapshotFacts, SnapshotStatus};
use miosa_domain::{Generation, HostId, ProjectId, SnapshotId, TenantId, VolumeId, retention, volume};

use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::host;
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{Cursor, ListPage, ListRequest, Window};
use crate::restore::RestoreInPlace;
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::volume::{self as volumes, VolumeRecord};
use crate::{transact, verb, view};

mod prune;
mod row;

pub use prune::{Kept, KeptReason, Prune, PruneScope};
pub(crate) use row::{changed_specs, keep_for_days, load_any, load_present, save};

/// From this share of the pool on no new snapshot is begun: each one makes overwritten blocks stay.
pub(crate) const POOL_LIMIT_PERCENT: u64 = 90;

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
    pub(crate) fn as_domain(&self, in_use: bool) -> snapshot::Snapshot {
        snapshot::Snapshot { id: self.id, state: self.state, protected: self.protected, in_use }
    }

    pub(crate) fn facts(&self) -> Option<SnapshotFacts> {
        self.reported.as_ref().and_then(|reported| reported.facts)
    }

    fn stored_taken_at(&self) -> Option<Timestamp> {
        self.facts().map(|facts| facts.taken_at)
    }

    fn stored_is_gone(&self) -> bool {
        self.is_tombstone || self.is_gone()
    }

    /// Its host said, knowing what is wanted now, that nothing is left of it.
    pub(crate) fn is_gone(&self) -> bool {
        self.presence == SnapshotPresence::Purged
            && self.reported.as_ref().is_some_and(|reported| {
                reported.condition == SnapshotCondition::Gone && reported.generation >= self.generation
            })
    }

    pub(crate) fn move_to(&mut self, next: SnapshotState, now: Timestamp) {
        debug_assert!(self.state.may_become(next), "{:?} to {next:?}", self.state);
        self.state = next;
        self.updated_at = now;
    }

    /// The instant that it shows; of one that is not there yet, when it was asked for.
    pub(crate) fn taken_at(&self) -> Timestamp {
        self.facts().map_or(self.created_at, |facts| facts.taken_at)
    }

    pub(crate) fn expire_by(&mut self, taken_at: Timestamp, retention_days: u32) {
        self.expires_at =
            retention::expires_at(self.trigger, self.state, taken_at, retention_days, self.asked_expiry);
    }

    fn spec(&self) -> SnapshotSpec {
        SnapshotSpec {
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

/// What a new snapshot is made from. The id is made by the caller, who waits for news of it.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    pub id: SnapshotId,
    pub tenant_id: TenantId,
    pub volume_id: VolumeId,
    pub name: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub protected: bool,
    /// Take it whatever the wait.
    pub now: bool,
    pub expires_at: Option<Timestamp>,
    /// The volume's own when `None`.
    pub hooks: HooksChange,
}

/// `None` leaves a field as it is; `Some(None)` takes the command away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HooksChange {
    pub before: Option<Option<String>>,
    pub after: Option<Option<String>>,
    pub timeout_seconds: Option<u32>,
}

impl HooksChange {
    pub fn apply(self, to: &Hooks) -> Hooks {
        Hooks {
            before: self.before.unwrap_or_else(|| to.before.clone()),
            after: self.after.unwrap_or_else(|| to.after.clone()),
            timeout_seconds: self.timeout_seconds.unwrap_or(to.timeout_seconds),
        }
    }
}

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct SnapshotChange {
    pub name: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub protected: Option<bool>,
}

impl Store {
    /// Writes the intent to take a snapshot of a volume that is available, if the pool is not full.
    pub async fn create_snapshot(
        &self,
        new: NewSnapshot,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self, verb!("snapshot.create", "write the intent to take a snapshot"), |tx| {
            let new = new.clone();
            let volume = volumes::load_present(tx, new.tenant_id, new.volume_id).await?;
            volume::may_snapshot(&volume.as_domain(&|_| true))?;
            host::refuse_if_near_full(tx, volume.host_id, "a new snapshot", POOL_LIMIT_PERCENT).await?;
            let draft = Draft {
                id: new.id,
                name: new.name,
                metadata: new.metadata,
                trigger: Trigger::Manual,
                protected: new.protected,
                take: TakeRules {
                    not_before: None,
                    stall: (!new.now).then_some(StallRules::BY_HAND),
                    hooks: new.hooks.apply(&volume.hooks),
                },
                asked_expiry: new.expires_at,
            };
            let record = write_new(tx, &volume, draft, now).await?;
            let object = ObjectRef::Snapshot(record.id);
            idempotency::record(tx, idempotency, record.tenant_id, object, now).await?;
            Ok(record)
        })
    }

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

    pub async fn update_snapshot(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        change: SnapshotChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self, verb!("change a snapshot"), |tx| {
            let change = change.clone();
            let mut snapshot = load_present(tx, tenant_id, id).await?;
            snapshot.name = change.name.or(snapshot.name);
            snapshot.metadata = change.metadata.unwrap_or(snapshot.metadata);
            snapshot.protected = change.protected.unwrap_or(snapshot.protected);
            snapshot.updated_at = now;
            save(tx, &snapshot).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }

    /// Writes the intent to remove the snapshot, if `domain::snapshot::may_delete` allows it.
    pub async fn delete_snapshot(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self, verb!("snapshot.delete", "write the intent to delete a snapshot"), |tx| {
            let mut snapshot = load_present(tx, tenant_id, id).await?;
            let in_use = in_use(tx, snapshot.host_id).await?.contains(&id);
            snapshot::may_delete(&snapshot.as_domain(in_use))?;
            write_deletion(tx, &mut snapshot, now).await?;
            NewEvent::of_snapshot(&snapshot, EventKind::SnapshotDeleted, "snapshot deleted")
                .write(tx, now)
                .await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }

    /// Asks for one more verification of a snapshot that is ready.
    pub async fn verify_snapshot(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self, verb!("write the intent to verify a snapshot"), |tx| {
            let mut snapshot = load_present(tx, tenant_id, id).await?;
            snapshot::may_read(&snapshot.as_domain(false))?;
            snapshot.verification += 1;
            snapshot.updated_at = now;
            snapshot.generation = host::next_generation(tx, snapshot.host_id).await?;
            save(tx, &snapshot).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }
}

/// A snapshot that is about to be asked for.
pub(crate) struct Draft {
    pub(crate) id: SnapshotId,
    pub(crate) name: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) trigger: Trigger,
    pub(crate) protected: bool,
    pub(crate) take: TakeRules,
    pub(crate) asked_expiry: Option<Timestamp>,
}

/// Part of the transaction that asks for a snapshot, for whatever reason.
pub(crate) async fn write_new(
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

async fn write_deletion(
    tx: &mut Tx,
    snapshot: &mut SnapshotRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    // A failed one was cleared up when it failed, and its host has forgotten it.
    snapshot.is_tombstone = snapshot.is_gone();
    snapshot.move_to(SnapshotState::Deleting, now);
    snapshot.presence = SnapshotPresence::Purged;
    snapshot.deleted_at = Some(now);
    if !snapshot.is_tombstone {
        snapshot.generation = host::next_generation(tx, snapshot.host_id).await?;
    }
    save(tx, snapshot).await
}

/// The host's snapshots that a volume is being made from, or restored to, or that make a restore undoable.
async fn in_use(tx: &mut Tx, host_id: HostId) -> Result<BTreeSet<SnapshotId>, StoreError> {
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
