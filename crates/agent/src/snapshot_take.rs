//! Taking one snapshot: wait for its time, prepare, run what goes around it, clone, seal.
//!
//! What may be cut off where is told in [`snapshot_queue`](crate::snapshot_queue).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_backend::{BackendError, CloneSnapshot};
use miosa_domain::status::{SnapshotCondition, SnapshotFacts};
use miosa_failpoint::failpoint;
use tokio::sync::watch;

use crate::compaction::{self, LOOK_AT_CLOCK_EVERY, Limits, Until};
use crate::failure::StepError;
use crate::kind::SnapshotRecord;
use crate::snapshot_queue::{note_taken, place, report};
use crate::{Host, blocking, hooks};

/// A volume that cannot be written back within this time gets no snapshot, and goes on without one.
pub(crate) const WRITE_BACK_LIMIT: Duration = Duration::from_secs(30);

/// Of a volume whose snapshot waits for its time the pieces are counted again after half of the time that is left, and not
/// more often than this.
const COUNT_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long a snapshot that is due, or that somebody waits for, may be kept waiting by a compaction.
const LATE_AT_MOST: Duration = Duration::from_secs(120);

/// What became of an attempt to take a snapshot.
pub(crate) enum Taken {
    Yes(SnapshotFacts),
    /// Another spec came, or the agent is about to end: plan again.
    Interrupted,
}

/// Takes the snapshot when it is its time and its turn.
pub(crate) async fn take(
    host: &Arc<Host>,
    record: &SnapshotRecord,
    specs: &mut watch::Receiver<u64>,
) -> Result<Taken, StepError> {
    report(host, record, SnapshotCondition::Waiting);
    host.snapshots.instances_known().await;
    let Some(compacted) = prepare(host, record, specs).await? else { return Ok(Taken::Interrupted) };
    // Hooks are others' programs: whoever waits for them keeps no place from others.
    let has_hooks = hooks::begin(host, record).await?;
    let place = tokio::select! {
        place = place(host, &host.snapshots.takes) => place,
        _ = specs.changed(), if !has_hooks => None,
    };
    let Some(place) = place else { return Ok(Taken::Interrupted) };
    report(host, record, SnapshotCondition::Taking);
    let cloned = clone(host, record, compacted).await;
    let seal = async {
        let _place = place;
        cloned?;
        seal(host, record).await
    };
    let (facts, ()) = tokio::join!(seal, hooks::finish(host, record));
    Ok(Taken::Yes(facts?))
}

/// The part that keeps others from the volume.
async fn clone(host: &Arc<Host>, record: &SnapshotRecord, compacted: bool) -> Result<(), StepError> {
    let _turn = host.volumes.enter_to_clone(record.spec.volume_id).await;
    let request = CloneSnapshot {
        id: record.spec.id,
        volume: record.spec.volume_id,
        write_back_limit: WRITE_BACK_LIMIT,
        compacted,
    };
    let backend = host.pools.get(record.spec.pool_id)?;
    let cloned = blocking(move || {
        failpoint!("agent.snapshot.before-clone")?;
        backend.need_snapshots()?.clone_snapshot(&request)?;
        failpoint!("agent.snapshot.after-clone")?;
        Ok::<_, BackendError>(())
    });
    Ok(cloned.await?)
}

async fn seal(host: &Arc<Host>, record: &SnapshotRecord) -> Result<SnapshotFacts, StepError> {
    let (id, backend) = (record.spec.id, host.pools.get(record.spec.pool_id)?);
    let facts = blocking(move || {
        failpoint!("agent.snapshot.before-seal")?;
        let facts = backend.need_snapshots()?.seal_snapshot(id)?;
        failpoint!("agent.snapshot.after-seal")?;
        Ok::<_, BackendError>(facts)
    })
    .await?;
    note_taken(host, record).await?;
    Ok(facts)
}

/// Waits for the snapshot's time, and compacts the volume meanwhile if its clone would take too long. Answers whether there
/// was anything to compact; `None` when another spec came.
async fn prepare(
    host: &Arc<Host>,
    record: &SnapshotRecord,
    specs: &mut watch::Receiver<u64>,
) -> Result<Option<bool>, StepError> {
    let (id, volume) = (record.spec.id, record.spec.volume_id);
    let take = &record.spec.take;
    let left = |at: Timestamp| Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
    let mut compacted = false;
    let mut count_at = Instant::now();
    while let Some(at) = take.not_before.filter(|at| Timestamp::now() < *at) {
        if let Some(rules) = take.stall
            && Instant::now() >= count_at
        {
            let limits = Limits { goal: Duration::from_millis(rules.goal_ms.into()), until: Until::Time(at) };
            match compact_until(host, record, limits, specs).await {
                // What stands in its way now may still stand there at its time, and is reported then.
                Err(error) => tracing::debug!(snapshot = %id, ?error, "compact ahead"),
                Ok(Some(did)) => compacted |= did,
                Ok(None) => return Ok(None),
            }
            report(host, record, SnapshotCondition::Waiting);
            count_at = Instant::now() + (left(at) / 2).max(COUNT_AGAIN_AFTER);
        }
        tokio::select! {
            _ = specs.changed() => return Ok(None),
            () = host.snapshots.closing() => return Ok(None),
            () = tokio::time::sleep(left(at).min(LOOK_AT_CLOCK_EVERY)) => {}
        }
    }
    let Some(rules) = take.stall else { return Ok(Some(compacted)) };
    // At its time, only what is beyond the budget is worth being late.
    let now = compaction::fragmentation(host, volume).await?;
    if now.predicted_stall <= Duration::from_millis(rules.budget_ms.into()) {
        return Ok(Some(compacted));
    }
    let limits = Limits {
        goal: Duration::from_millis(rules.goal_ms.into()),
        until: Until::Elapsed(Instant::now() + LATE_AT_MOST),
    };
    let mut has_room = true;
    match compact_until(host, record, limits, specs).await {
        Ok(Some(did)) => compacted |= did,
        Ok(None) => return Ok(None),
        Err(error) if error.lacks_room() => has_room = false,
        // What a compaction cannot do is no failure of the snapshot, unless its clone would be too slow.
        Err(error) => tracing::debug!(snapshot = %id, ?error, "compact at its time"),
    }
    compaction::check_budget(volume, compaction::fragmentation(host, volume).await?, rules, has_room)?;
    Ok(Some(compacted))
}

/// Answers whether there was anything to do; `None` when another spec came meanwhile.
async fn compact_until(
    host: &Arc<Host>,
    record: &SnapshotRecord,
    limits: Limits,
    specs: &mut watch::Receiver<u64>,
) -> Result<Option<bool>, StepError> {
    let slot = tokio::select! {
        slot = compaction::slot(host, record.spec.volume_id, limits) => slot?,
        _ = specs.changed() => return Ok(None),
    };
    let Some(slot) = slot else { return Ok(Some(false)) };
    let stop = Arc::new(AtomicBool::new(false));
    let (stops, telling, told) = (stop.clone(), host.clone(), record.clone());
    let work = compaction::compact(
        host,
        slot,
        move || stops.load(Ordering::Relaxed),
        move |now| {
            let condition =
                SnapshotCondition::Compacting { done_bytes: now.done_bytes, total_bytes: now.total_bytes };
            report(&telling, &told, condition);
        },
    );
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done.map(|()| Some(true)),
        _ = specs.changed() => {
            stop.store(true, Ordering::Relaxed);
            work.await.map(|()| None)
        }
    }
}
