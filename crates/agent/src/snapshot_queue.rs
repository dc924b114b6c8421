//! One serial queue for each snapshot: taken once, kept, removed.
//!
//! ```text
//!                                                                                             ┌─► seal ─► note
//!   wait for its time, compacting ─► before hook ─► [ volume's queue: write back, clone ] ────┤
//!                                                                                             └─► after hook
//! ```
//!
//! Only what is in brackets keeps others from the volume. What is cloned is sealed on the side.
//!
//! **Crash story.** Until it is sealed a snapshot does not exist: cut off anywhere before, it is taken again, of a later
//! instant, and what was cloned is cleared by the backend. That a `before` hook was begun is written down first, so its
//! `after` hook runs in any case, if need be after the next attempt. Sealed and not yet noted, it is found by looking. A
//! failure is reported and not tried again while the spec stays: the controller answers with a spec that says `Purged`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use miosa_backend::{BackendError, SnapshotState};
use miosa_domain::SnapshotId;
use miosa_domain::spec::{SnapshotPresence, SnapshotSpec};
use miosa_domain::status::{Failure, FailureCode, SnapshotCondition, SnapshotFacts, SnapshotStatus};
use miosa_failpoint::failpoint;
use miosa_plan::{SnapshotObstacle, SnapshotSeen, SnapshotStep, SnapshotWanted, snapshot_plan};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, SemaphorePermit, watch};

use crate::failure::StepError;
use crate::kind::SnapshotRecord;
use crate::snapshot_take::{Taken, take};
use crate::{Host, blocking, hooks};

/// Snapshots that are taken at once on a host. Clones of different volumes hardly disturb each other; the writing back does.
const TAKEN_AT_ONCE: usize = 4;

/// A host may be told of thousands of snapshots in one breath; each that is looked at takes a thread.
const LOOKED_AT_AT_ONCE: usize = 16;

pub(crate) struct Snapshots {
    queues: Mutex<BTreeMap<SnapshotId, Arc<Queue>>>,
    pub(crate) takes: Semaphore,
    /// The backend removes one at a time; who waits for that need not keep a thread.
    removals: Semaphore,
    looks: Semaphore,
    /// Every instance was looked at once: it is known in which of them hooks run.
    instances_known: watch::Sender<bool>,
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    turn: Arc<AsyncMutex<()>>,
    /// A task is at it, and looks at `specs` before it ends.
    has_task: Mutex<bool>,
    /// Counts the specs that came: whoever waits in the queue looks again.
    specs: watch::Sender<u64>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            queues: Mutex::default(),
            takes: Semaphore::new(TAKEN_AT_ONCE),
            removals: Semaphore::new(1),
            looks: Semaphore::new(LOOKED_AT_AT_ONCE),
            instances_known: watch::Sender::new(false),
            closing: watch::Sender::new(false),
        }
    }
}

impl Snapshots {
    fn queue(&self, id: SnapshotId) -> Arc<Queue> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    pub(crate) fn leave_for_good(&self, id: SnapshotId) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// From now on snapshots may be taken.
    pub(crate) fn set_instances_known(&self) {
        self.instances_known.send_replace(true);
    }

    pub(crate) async fn instances_known(&self) {
        let _ = self.instances_known.subscribe().wait_for(|known| *known).await;
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Resolves when the agent is about to end.
    pub(crate) async fn closing(&self) {
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Lets no other begin to be taken or removed, and cuts their hooks off.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Once closed, waits for those that are being cloned, sealed or removed.
    pub(crate) async fn finish(&self) {
        for (places, count) in [(&self.takes, TAKEN_AT_ONCE), (&self.removals, 1)] {
            places.acquire_many(count as u32).await.expect(NEVER_CLOSED).forget();
        }
    }
}

/// Keeps a snapshot from being changed.
pub(crate) type Turn = OwnedMutexGuard<()>;

pub(crate) async fn enter(host: &Host, id: SnapshotId) -> Turn {
    host.snapshots.queue(id).turn.clone().lock_owned().await
}

const NEVER_CLOSED: &str = "the semaphore is never closed";

/// `None`: the agent is about to end. Whoever stands in line leaves it then, so that nobody is waited for.
pub(crate) async fn place<'a>(host: &'a Host, places: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
    let place = places.acquire().await.expect(NEVER_CLOSED);
    (!host.snapshots.is_closing()).then_some(place)
}

/// Has the snapshot looked at soon, even while it waits for its time. However often it is asked for, one task is at it.
pub(crate) fn nudge(host: &Arc<Host>, id: SnapshotId) {
    let queue = host.snapshots.queue(id);
    queue.specs.send_modify(|count| *count += 1);
    let had_task =
        std::mem::replace(&mut *queue.has_task.lock().unwrap_or_else(PoisonError::into_inner), true);
    if !had_task {
        let host = host.clone();
        tokio::spawn(async move { work_off(&host, id, &queue).await });
    }
}

async fn work_off(host: &Arc<Host>, id: SnapshotId, queue: &Queue) {
    let mut specs = queue.specs.subscribe();
    loop {
        specs.mark_unchanged();
        reconcile(host, id, None, queue, &mut specs).await;
        let mut has_task = queue.has_task.lock().unwrap_or_else(PoisonError::into_inner);
        if !specs.has_changed().unwrap_or(false) {
            *has_task = false;
            return;
        }
    }
}

/// After a start: what is there is looked at before this answers; what is to be taken or removed takes its time.
pub(crate) async fn recover(host: &Arc<Host>, id: SnapshotId, known: Option<SnapshotState>) {
    let Some(record) = host.ledger.get(id) else { return };
    let is_there = record.taken || matches!(known, Some(SnapshotState::Ready(_)));
    if is_there && record.spec.presence == SnapshotPresence::Kept && record.hooks_begun.is_none() {
        let queue = host.snapshots.queue(id);
        let mut specs = queue.specs.subscribe();
        reconcile(host, id, known, &queue, &mut specs).await;
    } else {
        nudge(host, id);
    }
}

/// Tries again what failed and is not over: a removal, or a look at a snapshot that was there. `is_seen`: the pool holds it.
pub(crate) fn look_again(host: &Arc<Host>, id: SnapshotId, is_seen: bool) {
    let (Some(record), Some(status)) = (host.ledger.get(id), host.board.get(id)) else { return };
    let is_over = !record.taken && record.spec.presence == SnapshotPresence::Kept;
    let is_doubtful = match status.condition {
        SnapshotCondition::Failed(_) => !is_over,
        SnapshotCondition::Ready => !is_seen,
        _ => false,
    };
    if is_doubtful {
        nudge(host, id);
    }
}

/// Makes a snapshot what its spec says, and reports it. `known`: an observation made at start-up, for all at once.
async fn reconcile(
    host: &Arc<Host>,
    id: SnapshotId,
    known: Option<SnapshotState>,
    queue: &Queue,
    specs: &mut watch::Receiver<u64>,
) {
    let _turn = queue.turn.lock().await;
    // A spec may have come, and been worked off, since that observation.
    let mut known = known.filter(|_| host.board.get(id).is_none());
    while !host.snapshots.is_closing() {
        specs.mark_unchanged();
        let Some(record) = host.ledger.get(id) else { return };
        if has_failed(host, &record) {
            return;
        }
        match carry_out(host, &record, known.take(), specs).await {
            Ok(Some(condition)) => {
                report(host, &record, condition);
                host.upkeep.measure_soon(record.spec.volume_id);
                host.upkeep.read_soon(&record);
                return;
            }
            Ok(None) => {}
            Err(_) if host.snapshots.is_closing() => return, // the next agent tries it
            Err(error) => {
                hooks::finish(host, &record).await;
                let failure = error.into_failure();
                tracing::warn!(snapshot = %id, code = ?failure.code, "snapshot: {}", failure.message);
                return report(host, &record, SnapshotCondition::Failed(failure));
            }
        }
    }
}

/// A failure to take it stands until there is another spec.
fn has_failed(host: &Host, record: &SnapshotRecord) -> bool {
    !record.taken
        && record.spec.presence == SnapshotPresence::Kept
        && host.board.get(record.spec.id).is_some_and(|status| {
            status.generation == record.spec.generation
                && matches!(status.condition, SnapshotCondition::Failed(_))
        })
}

/// `None`: there is a newer spec, or the agent is about to end.
async fn carry_out(
    host: &Arc<Host>,
    record: &SnapshotRecord,
    known: Option<SnapshotState>,
    specs: &mut watch::Receiver<u64>,
) -> Result<Option<SnapshotCondition>, StepError> {
    let id = record.spec.id;
    let seen = match known {
        Some(seen) => seen,
        None => {
            let _place = host.snapshots.looks.acquire().await.expect(NEVER_CLOSED);
            let backend = host.pools.get(record.spec.pool_id)?;
            blocking(move || backend.need_snapshots()?.observe_snapshot(id)).await?
        }
    };
    let wanted = SnapshotWanted { presence: record.spec.presence, taken: record.taken };
    let step = snapshot_plan(wanted, &as_seen(&seen)).map_err(|obstacle| refused(id, obstacle))?;
    match (step, seen) {
        (None, SnapshotState::Ready(there)) => {
            note_taken(host, record).await?;
            // Of the attempt that took it, if our own end cut that off.
            hooks::finish(host, record).await;
            report_ready(host, record, there.facts);
            host.board.change(id, |s| s.checksum = there.checksum.or(s.checksum.take()));
            Ok(Some(SnapshotCondition::Ready))
        }
        (None, _) => Ok(Some(SnapshotCondition::Waiting)),
        (Some(SnapshotStep::Remove), _) => {
            // Of an attempt that our own end cut off.
            hooks::finish(host, record).await;
            let Some(_place) = place(host, &host.snapshots.removals).await else { return Ok(None) };
            remove(host, record).await?;
            Ok(Some(SnapshotCondition::Gone))
        }
        (Some(SnapshotStep::Take), _) => match take(host, record, specs).await? {
            Taken::Interrupted => Ok(None),
            Taken::Yes(facts) => {
                report_ready(host, record, facts);
                Ok(Some(SnapshotCondition::Ready))
            }
        },
    }
}

async fn remove(host: &Arc<Host>, record: &SnapshotRecord) -> Result<(), StepError> {
    let (id, backend) = (record.spec.id, host.pools.get(record.spec.pool_id)?);
    let removed = blocking(move || {
        failpoint!("agent.snapshot.before-remove")?;
        backend.need_snapshots()?.remove_snapshot(id)?;
        failpoint!("agent.snapshot.after-remove")?;
        Ok::<_, BackendError>(())
    });
    Ok(removed.await?)
}

pub(crate) async fn note_taken(host: &Arc<Host>, record: &SnapshotRecord) -> Result<(), StepError> {
    let (id, ledger_host) = (record.spec.id, host.clone());
    Ok(blocking(move || ledger_host.ledger.change(id, |record| record.taken = true)).await?)
}

/// What else is known of the snapshot stays.
pub(crate) fn report(host: &Host, record: &SnapshotRecord, condition: SnapshotCondition) {
    host.board.set(record.spec.id, |known| SnapshotStatus { condition, ..status_of(record, known) });
}

/// With the word that it is there, in one.
fn report_ready(host: &Host, record: &SnapshotRecord, facts: SnapshotFacts) {
    host.board.set(record.spec.id, |known| SnapshotStatus {
        condition: SnapshotCondition::Ready,
        facts: Some(facts),
        ..status_of(record, known)
    });
}

fn status_of(record: &SnapshotRecord, known: Option<&SnapshotStatus>) -> SnapshotStatus {
    let SnapshotSpec { id, pool_id, volume_id, generation, .. } = record.spec;
    let new = SnapshotStatus {
        id,
        pool_id,
        volume_id,
        generation,
        condition: SnapshotCondition::Waiting,
        facts: None,
        checksum: None,
        exclusive: None,
        verification: record.verification.clone(),
    };
    SnapshotStatus { generation, ..known.cloned().unwrap_or(new) }
}

fn as_seen(state: &SnapshotState) -> SnapshotSeen {
    match state {
        SnapshotState::Absent => SnapshotSeen::Absent,
        SnapshotState::Ready(_) => SnapshotSeen::Sealed,
        SnapshotState::Missing => SnapshotSeen::Missing,
        SnapshotState::Foreign { what } => SnapshotSeen::Foreign(what.clone()),
    }
}

fn refused(id: SnapshotId, obstacle: SnapshotObstacle) -> StepError {
    let (code, message) = match obstacle {
        SnapshotObstacle::DataMissing => (
            FailureCode::DataMissing,
            format!(
                "the data of snapshot {id} is not in the pool, and no other can take its place; put the image back, or \
                 delete the snapshot"
            ),
        ),
        SnapshotObstacle::Foreign(what) => (
            FailureCode::ForeignData,
            format!(
                "where the data of snapshot {id} should be is something that is not ours ({what}); it was not touched"
            ),
        ),
    };
    StepError::Failed(Failure { code, message })
}
