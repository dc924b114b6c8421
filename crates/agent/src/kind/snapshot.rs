//! Snapshots: [`snapshot_queue`](crate::snapshot_queue) takes, keeps and removes them.

use std::sync::Arc;

use miosa_backend::PoolListing;
use miosa_domain::kind::Snapshot;
use miosa_domain::spec::{SnapshotPresence, SnapshotSpec};
use miosa_domain::status::{SnapshotCondition, SnapshotStatus, Verification};
use miosa_domain::{InstanceId, SnapshotId};
use miosa_failpoint::{Injected, failpoint};
use serde::{Deserialize, Serialize};

use super::{Held, Managed, WritePoint};
use crate::pools::Contents;
use crate::{Host, snapshot_queue};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SnapshotRecord {
    pub(crate) spec: SnapshotSpec,
    /// It existed once: another one would be of another instant.
    pub(crate) taken: bool,
    /// The `before` hook was started, so the `after` hook has to run.
    #[serde(default)]
    pub(crate) hooks_begun: Option<HooksBegun>,
    /// Number of the verification that was completed last.
    #[serde(default)]
    pub(crate) verified: u64,
    /// The result of the last reading, a verification or the scrub.
    #[serde(default)]
    pub(crate) verification: Option<Verification>,
}

/// The hook that has to run, and where, once a snapshot's hooks were started; whatever its spec has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HooksBegun {
    pub(crate) instance: InstanceId,
    pub(crate) after: Option<String>,
    pub(crate) timeout_seconds: u32,
}

impl SnapshotRecord {
    /// It exists, and its spec keeps it.
    pub(crate) fn is_kept(&self) -> bool {
        self.taken && self.spec.presence == SnapshotPresence::Kept
    }
}

impl Managed for Snapshot {
    type Record = SnapshotRecord;
    const FOLDER: &'static str = "snapshots";
    const FORMAT: &'static str = "miosa-snapshot";
    type Guard = snapshot_queue::Turn;

    fn spec(record: &SnapshotRecord) -> &SnapshotSpec {
        &record.spec
    }

    fn accept(spec: SnapshotSpec, held: Held<SnapshotRecord>) -> SnapshotRecord {
        let must_exist = spec.must_exist;
        let new =
            |spec, taken| SnapshotRecord { spec, taken, hooks_begun: None, verified: 0, verification: None };
        match held {
            Held::Nothing => new(spec, must_exist),
            // A snapshot that is reported missing is safer than one of another instant in its place.
            Held::Unreadable => new(spec, true),
            Held::Record(held) => SnapshotRecord { spec, taken: held.taken || must_exist, ..held },
        }
    }

    fn failpoint(at: WritePoint) -> Result<(), Injected> {
        match at {
            WritePoint::BeforeWrite => failpoint!("agent.ledger.snapshot.before-write"),
            WritePoint::AfterWrite => failpoint!("agent.ledger.snapshot.after-write"),
            WritePoint::BeforeForget => failpoint!("agent.ledger.snapshot.before-forget"),
        }
    }

    /// A repeated spec is no reason to observe thousands of snapshots, or to stop a wait or a compaction.
    fn is_settled(host: &Host, spec: &SnapshotSpec) -> bool {
        host.board.get(spec.id).is_some_and(|status| {
            status.generation == spec.generation && !matches!(status.condition, SnapshotCondition::Failed(_))
        })
    }

    fn nudge(host: &Arc<Host>, id: SnapshotId) {
        snapshot_queue::nudge(host, id);
    }

    /// After the instances, because hooks run in them.
    async fn recover(host: &Arc<Host>, found: &mut PoolListing) {
        host.snapshots.set_instances_known();
        for id in host.ledger.ids::<Snapshot>() {
            snapshot_queue::recover(host, id, found.snapshots.remove(&id)).await;
        }
    }

    async fn look_again(host: &Arc<Host>, found: Option<&mut PoolListing>) {
        for id in host.ledger.ids::<Snapshot>() {
            // Unknown is not absent.
            let is_seen = found.as_ref().is_none_or(|found| {
                found.snapshots.contains_key(&id) || found.unknown_snapshots.contains_key(&id)
            });
            snapshot_queue::look_again(host, id, is_seen);
        }
    }

    fn found(contents: &Contents) -> Vec<SnapshotId> {
        contents.snapshots.iter().copied().collect()
    }

    fn is_gone(record: &SnapshotRecord, status: &SnapshotStatus) -> bool {
        record.spec.presence == SnapshotPresence::Purged && status.condition == SnapshotCondition::Gone
    }

    async fn enter(host: &Arc<Host>, id: SnapshotId) -> snapshot_queue::Turn {
        snapshot_queue::enter(host, id).await
    }

    async fn forgotten(host: &Arc<Host>, id: SnapshotId) {
        host.snapshots.leave_for_good(id);
        host.pools.change_contents(|contents| {
            contents.snapshots.remove(&id);
        });
    }
}
