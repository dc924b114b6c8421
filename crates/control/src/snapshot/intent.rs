//! The transactions of the snapshot verbs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::snapshot::{self as rules, SnapshotState, Trigger};
use miosa_domain::spec::{Hooks, SnapshotPresence, TakeRules};
use miosa_domain::stall::StallRules;
use miosa_domain::{SnapshotId, TenantId, VolumeId, volume as volume_rules};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::idempotency::{self, Idempotency, ObjectRef};
use miosa_store::snapshot::{self, Draft, POOL_LIMIT_PERCENT, SnapshotRecord};
use miosa_store::{StoreError, Tx, host, transact, verb, volume};

use crate::{App, NewSnapshot};

/// `None` leaves a field as it is; `Some(None)` removes the command.
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

/// A snapshot that is about to be taken for a caller.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotDraft {
    pub(crate) id: SnapshotId,
    pub(crate) tenant_id: TenantId,
    pub(crate) volume_id: VolumeId,
    pub(crate) new: NewSnapshot,
}

impl App {
    /// Writes the intent to take a snapshot of an available volume, unless the pool is nearly full.
    pub(crate) async fn write_new_snapshot(
        &self,
        draft: &SnapshotDraft,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        let SnapshotDraft { id, tenant_id, volume_id, new } = draft;
        transact!(self.store(), verb!("snapshot.create", "write the intent to take a snapshot"), |tx| {
            let volume = volume::load_present(tx, *tenant_id, *volume_id).await?;
            volume_rules::may_snapshot(&volume.as_domain(&|_| true))?;
            host::refuse_if_near_full(tx, volume.host_id, "a new snapshot", POOL_LIMIT_PERCENT).await?;
            let draft = Draft {
                id: *id,
                name: new.name.clone(),
                metadata: new.metadata.clone(),
                trigger: Trigger::Manual,
                protected: new.protected,
                take: TakeRules {
                    not_before: None,
                    stall: (!new.now).then_some(StallRules::BY_HAND),
                    hooks: new.hooks.clone().apply(&volume.hooks),
                },
                asked_expiry: new.expires_at,
            };
            let record = snapshot::write_new(tx, &volume, draft, now).await?;
            idempotency::record(tx, idempotency, *tenant_id, ObjectRef::Snapshot(*id), now).await?;
            Ok(record)
        })
    }

    pub(crate) async fn write_snapshot_change(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        change: &SnapshotChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self.store(), verb!("change a snapshot"), |tx| {
            let change = change.clone();
            let mut snapshot = snapshot::load_present(tx, tenant_id, id).await?;
            snapshot.name = change.name.or(snapshot.name);
            snapshot.metadata = change.metadata.unwrap_or(snapshot.metadata);
            snapshot.protected = change.protected.unwrap_or(snapshot.protected);
            snapshot.updated_at = now;
            snapshot::save(tx, &snapshot).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }

    /// Writes the intent to remove the snapshot, unless it is protected or in use.
    pub(crate) async fn write_snapshot_deletion(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self.store(), verb!("snapshot.delete", "write the intent to delete a snapshot"), |tx| {
            let mut snapshot = snapshot::load_present(tx, tenant_id, id).await?;
            let in_use = snapshot::in_use(tx, snapshot.host_id).await?.contains(&id);
            rules::may_delete(&snapshot.as_domain(in_use))?;
            write_deletion(tx, &mut snapshot, now).await?;
            let event = NewEvent::of_snapshot(&snapshot, EventKind::SnapshotDeleted, "snapshot deleted");
            event.write(tx, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }

    /// Requests one more verification of a snapshot that is ready.
    pub(crate) async fn write_verification(
        &self,
        tenant_id: TenantId,
        id: SnapshotId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        transact!(self.store(), verb!("write the intent to verify a snapshot"), |tx| {
            let mut snapshot = snapshot::load_present(tx, tenant_id, id).await?;
            rules::may_read(&snapshot.as_domain(false))?;
            snapshot.verification += 1;
            snapshot.updated_at = now;
            snapshot.generation = host::next_generation(tx, snapshot.host_id).await?;
            snapshot::save(tx, &snapshot).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Snapshot(id), now).await?;
            Ok(snapshot)
        })
    }
}

/// Part of the transaction that deletes a snapshot, for whatever reason.
pub(crate) async fn write_deletion(
    tx: &mut Tx,
    snapshot: &mut SnapshotRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    // The host of a failed one removed the remains when it failed, and has forgotten it.
    snapshot.is_tombstone = snapshot.is_gone();
    snapshot.move_to(SnapshotState::Deleting, now);
    snapshot.presence = SnapshotPresence::Purged;
    snapshot.deleted_at = Some(now);
    if !snapshot.is_tombstone {
        snapshot.generation = host::next_generation(tx, snapshot.host_id).await?;
    }
    snapshot::save(tx, snapshot).await
}
