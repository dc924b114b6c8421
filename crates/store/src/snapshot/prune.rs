//! Pruning: snapshots whose time is over go, by the rules of `domain::retention`.
//!
//! **Crash story.** Nothing is remembered of a prune: the same rows give the same plan, and each run carries out what the one
//! before did not.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use miosa_domain::retention::{self, Candidate};
use miosa_domain::{HostId, SnapshotId, TenantId, VolumeId};

use super::{SnapshotRecord, in_use, write_deletion};
use crate::error::StoreError;
use crate::event::{EventKind, NewEvent};
use crate::sql::{self, FromRow, query};
use crate::store::{Store, Tx};
use crate::{transact, verb, view};

/// Which snapshots a prune looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneScope {
    All,
    Tenant(TenantId),
    Volume(TenantId, VolumeId),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prune {
    pub pruned: Vec<SnapshotRecord>,
    pub kept: Vec<Kept>,
}

/// A snapshot that has expired and is kept all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub snapshot: SnapshotRecord,
    pub reason: KeptReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptReason {
    /// The newest good one of an existing volume.
    Newest,
    Protected,
    InUse,
}

impl Store {
    /// What `domain::retention` says goes at `now`: of one tenant and volume, or of all. With `carry_out` their deletion is
    /// written (on hosts that have reported everything since they connected); without, nothing is changed.
    pub async fn prune_snapshots(
        &self,
        of: PruneScope,
        carry_out: Option<&[HostId]>,
        now: Timestamp,
    ) -> Result<Prune, StoreError> {
        const DOING: &str = "prune snapshots whose time is over";
        let looked_at = view!(self, DOING, |tx| plan(tx, of, now).await)?;
        let Some(reported_hosts) = carry_out else { return Ok(looked_at) };
        if looked_at.pruned.is_empty() {
            return Ok(looked_at);
        }
        transact!(self, verb!("prune", DOING), |tx| {
            let mut prune = plan(tx, of, now).await?;
            prune.pruned.retain(|snapshot| reported_hosts.contains(&snapshot.host_id));
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

/// A volume's snapshots, oldest first.
struct Group {
    /// In the trash it still does: it may come back.
    volume_exists: bool,
    snapshots: Vec<SnapshotRecord>,
}

struct InGroup {
    snapshot: SnapshotRecord,
    volume_exists: bool,
}

impl FromRow for InGroup {
    fn from_row(row: &sql::Row) -> Result<Self, sqlx::Error> {
        Ok(Self { snapshot: SnapshotRecord::from_row(row)?, volume_exists: row.get("volume_exists")? })
    }
}

async fn plan(tx: &mut Tx, of: PruneScope, now: Timestamp) -> Result<Prune, StoreError> {
    let mut prune = Prune::default();
    let mut used_on: BTreeMap<HostId, BTreeSet<SnapshotId>> = BTreeMap::new();
    for group in groups(tx, of, now).await? {
        // A volume never leaves its host, so neither do its snapshots.
        let host_id = group.snapshots[0].host_id;
        let used = match used_on.entry(host_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(in_use(tx, host_id).await?),
        };
        decide(group, used, now, &mut prune);
    }
    Ok(prune)
}

fn decide(group: Group, used: &BTreeSet<SnapshotId>, now: Timestamp, prune: &mut Prune) {
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

/// Of the volumes that have an expired snapshot.
async fn groups(tx: &mut Tx, of: PruneScope, now: Timestamp) -> Result<Vec<Group>, StoreError> {
    const DOING: &str = "read snapshots whose time may be over";
    let (tenant_id, volume_id) = match of {
        PruneScope::All => (None, None),
        PruneScope::Tenant(tenant_id) => (Some(tenant_id), None),
        PruneScope::Volume(tenant_id, volume_id) => (Some(tenant_id), Some(volume_id)),
    };
    let rows: Vec<InGroup> = query(DOING, "SELECT s.*, EXISTS (SELECT 1 FROM volumes v WHERE v.id = s.volume_id AND v.presence <> 'purged') AS volume_exists
         FROM snapshots s
         WHERE s.deleted_at IS NULL AND s.state IN ('ready', 'failed') AND s.volume_id IN (
             SELECT e.volume_id FROM snapshots e
             WHERE e.expires_at <= $1 AND e.deleted_at IS NULL AND e.state IN ('ready', 'failed')
               AND ($2 IS NULL OR e.tenant_id = $2) AND ($3 IS NULL OR e.volume_id = $3))
         ORDER BY s.volume_id, COALESCE(s.taken_at, 0), s.id").bind(now).bind(tenant_id).bind(volume_id).all(tx).await?;
    let mut groups: Vec<Group> = Vec::new();
    for InGroup { snapshot, volume_exists } in rows {
        match groups.last_mut() {
            Some(group) if group.snapshots[0].volume_id == snapshot.volume_id => {
                group.snapshots.push(snapshot);
            }
            _ => groups.push(Group { volume_exists, snapshots: vec![snapshot] }),
        }
    }
    Ok(groups)
}
