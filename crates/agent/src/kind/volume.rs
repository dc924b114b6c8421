//! Volumes: [`volume_queue`](crate::volume_queue) reconciles them, [`claims`](crate::claims) decides who may use one.

use std::sync::Arc;

use futures::StreamExt;
use miosa_backend::PoolListing;
use miosa_domain::VolumeId;
use miosa_domain::kind::Volume;
use miosa_domain::spec::{Presence, VolumeSpec};
use miosa_domain::status::{CompactionStatus, VolumeCondition, VolumeStatus};
use miosa_failpoint::{Injected, failpoint};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedRwLockWriteGuard;

use super::{Held, Managed, WritePoint};
use crate::board::Board;
use crate::claims::Claim;
use crate::pools::Contents;
use crate::{Host, volume_queue};

/// How many volumes are reconciled at once after a start.
const RECOVERED_AT_ONCE: usize = 16;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VolumeRecord {
    pub(crate) spec: VolumeSpec,
    /// The image was whole once: if it is missing now, so is its data.
    pub(crate) materialized: bool,
    /// The one claim for writing alone; see [`claims`](crate::claims) for which claims exclude each other.
    pub(crate) writer: Option<Claim>,
    #[serde(default)]
    pub(crate) sharers: Vec<Claim>,
    pub(crate) readers: Vec<Claim>,
    /// The requested compaction that ended last, whatever its result.
    #[serde(default)]
    pub(crate) compaction: Option<CompactionStatus>,
}

impl VolumeRecord {
    pub(crate) fn new(spec: VolumeSpec, materialized: bool) -> Self {
        Self { spec, materialized, writer: None, sharers: Vec::new(), readers: Vec::new(), compaction: None }
    }

    /// Number of the compaction that was completed, or given up, last.
    pub(crate) fn compacted(&self) -> u64 {
        self.compaction.as_ref().map_or(0, |ended| ended.number)
    }
}

impl Managed for Volume {
    type Record = VolumeRecord;
    const FOLDER: &'static str = "volumes";
    const FORMAT: &'static str = "miosa-volume";
    type Guard = OwnedRwLockWriteGuard<()>;

    fn spec(record: &VolumeRecord) -> &VolumeSpec {
        &record.spec
    }

    fn accept(spec: VolumeSpec, held: Held<VolumeRecord>) -> VolumeRecord {
        let must_exist = spec.must_exist;
        match held {
            Held::Nothing => VolumeRecord::new(spec, must_exist),
            // Data that is reported missing is safer than new data in its place.
            Held::Unreadable => VolumeRecord::new(spec, true),
            Held::Record(held) => {
                VolumeRecord { spec, materialized: held.materialized || must_exist, ..held }
            }
        }
    }

    fn failpoint(at: WritePoint) -> Result<(), Injected> {
        match at {
            WritePoint::BeforeWrite => failpoint!("agent.ledger.volume.before-write"),
            WritePoint::AfterWrite => failpoint!("agent.ledger.volume.after-write"),
            WritePoint::BeforeForget => failpoint!("agent.ledger.volume.before-forget"),
        }
    }

    fn is_settled(_: &Host, _: &VolumeSpec) -> bool {
        false
    }

    fn nudge(host: &Arc<Host>, id: VolumeId) {
        let host = host.clone();
        tokio::spawn(async move { volume_queue::reconcile(&host, id, None).await });
    }

    async fn recover(host: &Arc<Host>, found: &mut PoolListing) {
        futures::stream::iter(host.ledger.ids::<Volume>())
            .for_each_concurrent(RECOVERED_AT_ONCE, |id| {
                let known = found.volumes.remove(&id);
                async move {
                    if volume_queue::may_take_long(host, id) {
                        volume_queue::reconcile_aside(host, id);
                    } else {
                        volume_queue::reconcile(host, id, known).await;
                    }
                }
            })
            .await;
    }

    async fn look_again(host: &Arc<Host>, mut found: Option<&mut PoolListing>) {
        for id in host.ledger.ids::<Volume>() {
            let known = found.as_mut().and_then(|found| found.volumes.remove(&id));
            let has_failed = |status: VolumeStatus| matches!(status.condition, VolumeCondition::Failed(_));
            let is_doubtful = known.is_none() || host.board.get(id).is_none_or(has_failed);
            // The listing may be older than a change in progress: only an observation under the queue's lock decides.
            match known {
                _ if is_doubtful && volume_queue::may_take_long(host, id) => {
                    volume_queue::reconcile_aside(host, id);
                }
                Some(known) if !is_doubtful => volume_queue::note_allocation(host, id, &known),
                _ => volume_queue::reconcile(host, id, None).await,
            }
        }
    }

    fn found(contents: &Contents) -> Vec<VolumeId> {
        contents.volumes.iter().copied().collect()
    }

    fn is_gone(record: &VolumeRecord, status: &VolumeStatus) -> bool {
        record.spec.presence == Presence::Purged && status.condition == VolumeCondition::Gone
    }

    async fn enter(host: &Arc<Host>, id: VolumeId) -> OwnedRwLockWriteGuard<()> {
        host.volumes.enter(id).await
    }

    async fn forgotten(host: &Arc<Host>, id: VolumeId) {
        host.pools.change_contents(|contents| {
            contents.volumes.remove(&id);
        });
    }
}

impl Board {
    /// Records an observation of a volume. The results of measurements and compactions are kept.
    pub(crate) fn set_volume(&self, status: VolumeStatus) {
        self.set(status.id, |known| VolumeStatus {
            space: known.and_then(|known| known.space),
            compaction: known.and_then(|known| known.compaction.clone()).or(status.compaction),
            ..status
        });
    }
}
