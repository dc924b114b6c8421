//! Pruning: deletion of expired snapshots, by the rules of `domain::retention`.
//!
//! **Crash safety.** A prune leaves no record of its own. The same rows give the same plan, and each run carries out what the
//! previous one did not.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use miosa_domain::retention::{self, Candidate};
use miosa_domain::{HostId, SnapshotId, TenantId, VolumeId};
use miosa_store::event::{EventKind, NewEvent};
use miosa_store::snapshot::{self, Expired, SnapshotRecord};
use miosa_store::{StoreError, Tx, transact, verb, view};

use super::write_deletion;
use crate::App;

/// The snapshots that a prune considers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PruneScope {
    All,
    Tenant(TenantId),
    Volume(TenantId, VolumeId),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Prune {
    pub(crate) pruned: Vec<SnapshotRecord>,
    pub(crate) kept: Vec<Kept>,
}

/// An expired snapshot that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) snapshot: SnapshotRecord,
    pub(crate) reason: KeptReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeptReason {
    /// The newest intact one of an existing volume.
    Newest,
    Protected,
    InUse,
}

impl App {
    /// Plans a prune at `now`, and with `carry_out` writes the deletions on those hosts, which must have recovered. Returns the
    /// plan, or the part of it that was carried out.
    pub(crate) async fn write_prune(
        &self,
        scope: PruneScope,
        carry_out: Option<&[HostId]>,
        now: Timestamp,
    ) -> Result<Prune, StoreError> {
        const DOING: &str = "prune expired snapshots";
        let planned = view!(self.store(), DOING, |tx| plan(tx, scope, now).await)?;
        let Some(recovered) = carry_out.filter(|_| !planned.pruned.is_empty()) else { return Ok(planned) };
        transact!(self.store(), verb!("prune", DOING), |tx| {
            let mut prune = plan(tx, scope, now).await?;
            prune.pruned.retain(|snapshot| recovered.contains(&snapshot.host_id));
            for snapshot in &mut prune.pruned {
                write_deletion(tx, snapshot, now).await?;
                NewEvent::of_snapshot(snapshot, EventKind::SnapshotPruned, "its time was over; deleted")
                    .write(tx, now)
                    .await?;
            }
            Ok(prune)
        })
    }
}

async fn plan(tx: &mut Tx, scope: PruneScope, now: Timestamp) -> Result<Prune, StoreError> {
    let mut prune = Prune::default();
    let mut used_on: BTreeMap<HostId, BTreeSet<SnapshotId>> = BTreeMap::new();
    let (tenant_id, volume_id) = match scope {
        PruneScope::All => (None, None),
        PruneScope::Tenant(tenant_id) => (Some(tenant_id), None),
        PruneScope::Volume(tenant_id, volume_id) => (Some(tenant_id), Some(volume_id)),
    };
    for group in snapshot::expired(tx, tenant_id, volume_id, now).await? {
        // A volume never leaves its host, so neither do its snapshots.
        let host_id = group.snapshots[0].host_id;
        let used = match used_on.entry(host_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(snapshot::in_use(tx, host_id).await?),
        };
        decide(group, used, now, &mut prune);
    }
    Ok(prune)
}

fn decide(group: Expired, used: &BTreeSet<SnapshotId>, now: Timestamp, prune: &mut Prune) {
    let candidates: Vec<Candidate> = group
        .snapshots
        .iter()
        .map(|snapshot| Candidate {
            id: snapshot.id,
            state: snapshot.state,
            taken_at: snapshot.taken_at(),
            expires_at: snapshot.expires_at,
            protected: snapshot.protected,
            in_use: used.contains(&snapshot.id),
            damaged: snapshot.error.is_some(),
        })
        .collect();
    let prunable: BTreeSet<SnapshotId> =
        retention::prunable(now, group.volume_exists, &candidates).into_iter().collect();
    for snapshot in group.snapshots {
        if prunable.contains(&snapshot.id) {
            prune.pruned.push(snapshot);
        } else if snapshot.expires_at.is_some_and(|at| at <= now) {
            let reason = match (snapshot.protected, used.contains(&snapshot.id)) {
                (true, _) => KeptReason::Protected,
                (false, true) => KeptReason::InUse,
                (false, false) => KeptReason::Newest,
            };
            prune.kept.push(Kept { snapshot, reason });
        }
    }
}
