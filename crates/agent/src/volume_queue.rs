//! One queue for each volume: its changes run one at a time, those of different volumes in parallel.
//!
//! The queue is a fair lock. Its holder observes, plans, executes, and reports before the next one starts, so every plan starts
//! from the state that the previous one left. Clones of a volume share the lock: they only read it.
//!
//! **Crash safety.** `claim` records the claim, then mounts the volume. After a crash between the two, the claim is recorded and
//! the instance's plan claims again. `release` unmounts the volume, then frees the claim. After a crash between the two, the claim
//! is recorded for an unmounted volume, and the next plan releases it again. So a mounted volume always has a recorded claim.
//!
//! If an instance waits for the volume, the write that frees one claim records the next one, and the volume stays mounted: the next
//! instance waits for no write-back. After a crash before or after that write, one of the two instances has the claim, and its plan
//! continues. An instance that no longer wants the volume releases it as usual.
//!
//! A task that makes a fork holds the fork's lock and then that of its source. The source already exists, so a task that holds its
//! lock never waits for a third lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use miosa_backend::{BackendError, Content, ImageState, NewImage, Staged, VolumeObservation};
use miosa_domain::VolumeId;
use miosa_domain::size::MIB;
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, Origin, Presence, VolumeSpec};
use miosa_domain::status::{Failure, FailureCode, VolumeCondition, VolumeStatus};
use miosa_failpoint::failpoint;
use miosa_plan::{ImageSeen, Obstacle, VolumeSeen, VolumeStep, VolumeWanted, volume_plan};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::claims::{Access, Claim};
use crate::failure::StepError;
use crate::kind::VolumeRecord;
use crate::snapshot_take::WRITE_BACK_LIMIT;
use crate::{Host, blocking, compaction, instance_actor};

#[derive(Default)]
pub(crate) struct Volumes {
    queues: Mutex<BTreeMap<VolumeId, Arc<RwLock<()>>>>,
    /// Volumes last observed staged on this host. A cache that avoids observations; each observation refreshes it.
    staged: Mutex<HashMap<VolumeId, Staged>>,
    /// Claims that wait for a volume that others hold, in order of arrival. Changed under the volume's lock, so that no claim that
    /// starts to wait misses the release.
    waiting: Mutex<HashMap<VolumeId, Vec<Waiting>>>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    claim: Claim,
    access: Access,
}

impl Volumes {
    /// Takes the volume's lock: nothing else changes it, mounts it or clones it.
    pub(crate) async fn enter(&self, id: VolumeId) -> OwnedRwLockWriteGuard<()> {
        self.queue(id).write_owned().await
    }

    /// Takes the volume's lock for a clone, shared with other clones: nothing changes or mounts it.
    pub(crate) async fn enter_to_clone(&self, id: VolumeId) -> OwnedRwLockReadGuard<()> {
        self.queue(id).read_owned().await
    }

    fn queue(&self, id: VolumeId) -> Arc<RwLock<()>> {
        self.queues.lock().entry(id).or_default().clone()
    }

    /// No task holds the volume's lock or waits for it.
    fn is_free(&self, id: VolumeId) -> bool {
        let queues = self.queues.lock();
        queues.get(&id).is_none_or(|queue| Arc::strong_count(queue) == 1)
    }

    pub(crate) fn staged(&self, id: VolumeId) -> Option<Staged> {
        self.staged.lock().get(&id).cloned()
    }

    pub(crate) fn staged_ids(&self) -> Vec<VolumeId> {
        self.staged.lock().keys().copied().collect()
    }

    pub(crate) fn remember(&self, id: VolumeId, staged: Option<Staged>) {
        let mut map = self.staged.lock();
        match staged {
            Some(staged) => map.insert(id, staged),
            None => map.remove(&id),
        };
    }

    fn begin_to_wait(&self, id: VolumeId, waiting: Waiting) {
        let mut map = self.waiting();
        let line = map.entry(id).or_default();
        if !line.iter().any(|other| other.claim == waiting.claim) {
            line.push(waiting);
        }
    }

    fn end_to_wait(&self, id: VolumeId, claim: Claim) {
        if let Some(line) = self.waiting().get_mut(&id) {
            line.retain(|waiting| waiting.claim != claim);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<VolumeId, Vec<Waiting>>> {
        self.waiting.lock()
    }

    /// Waits for every queue, and keeps them locked.
    pub(crate) async fn finish(&self) {
        let queues: Vec<_> = self.queues.lock().values().cloned().collect();
        for queue in queues {
            std::mem::forget(queue.write_owned().await);
        }
    }
}

/// Makes a volume what its spec says, and reports it. `known`: an observation from the listing at start-up.
pub(crate) async fn reconcile(host: &Arc<Host>, id: VolumeId, known: Option<VolumeObservation>) {
    let _turn = host.volumes.enter(id).await;
    // A spec may have arrived and been carried out since that observation.
    let is_fresh = |seen: &VolumeObservation| {
        host.board.get(id).is_none()
            && host.volumes.staged(id).is_none_or(|staged| seen.staged.as_ref() == Some(&staged))
    };
    let known = known.filter(is_fresh);
    let Some(mut record) = host.ledger.get(id) else { return };
    let outcome = carry_out(host, id, &mut record, known).await;
    let generation = record.spec.generation;
    let mut incarnation = 0;
    let (condition, allocated_bytes) = match outcome {
        Ok(seen) => {
            if let ImageState::Present { incarnation: there, .. } = seen.image {
                incarnation = there;
            }
            let condition = match record.spec.presence {
                Presence::Present => VolumeCondition::Ready,
                Presence::Trashed => VolumeCondition::InTrash,
                Presence::Purged => VolumeCondition::Gone,
            };
            (condition, allocated(&seen))
        }
        Err(error) => {
            let failure = error.into_failure();
            tracing::warn!(volume = %id, code = ?failure.code, "volume: {}", failure.message);
            incarnation = incarnation_there(host, id).await;
            (VolumeCondition::Failed(failure), None)
        }
    };
    let is_whole = matches!(condition, VolumeCondition::Ready | VolumeCondition::InTrash);
    host.board.set_volume(VolumeStatus {
        id,
        pool_id: host.backend_of(id).ok().map(|backend| backend.pool_id()),
        generation,
        condition,
        allocated_bytes,
        incarnation,
        space: None,
        compaction: record.compaction,
    });
    // After the report, which need not wait for it, and before any claim on the volume: an image that was never used and that a
    // power cut took can be made again, and nothing is lost.
    if is_whole && !record.materialized && allocated_bytes.is_some() {
        let ledger_host = host.clone();
        let written = blocking(move || ledger_host.ledger.change(id, |r| r.materialized = true)).await;
        if let Err(error) = written {
            tracing::error!(volume = %id, %error, "recording that the image exists failed");
        }
    }
    if is_whole {
        wake(host, id); // instances that were to use it before it existed
        host.upkeep.measure_soon(id);
        compaction::run_if_wanted(host, id);
    }
}

/// A fork may have to wait until its source is compacted.
pub(crate) fn may_take_long(host: &Host, id: VolumeId) -> bool {
    host.ledger.get(id).is_some_and(|record| {
        !record.materialized && matches!(record.spec.origin, Some(Origin::Volume { .. }))
    })
}

/// Makes the volume what its spec says in a task of its own, unless its queue is in use.
pub(crate) fn reconcile_aside(host: &Arc<Host>, id: VolumeId) {
    if host.volumes.is_free(id) {
        let host = host.clone();
        tokio::spawn(async move { reconcile(&host, id, None).await });
    }
}

/// The present incarnation after a failure; the one last reported if it cannot be observed.
async fn incarnation_there(host: &Arc<Host>, id: VolumeId) -> u64 {
    match observe(host, id).await.map(|seen| seen.image) {
        Ok(ImageState::Present { incarnation, .. }) => incarnation,
        _ => host.board.get(id).map_or(0, |status| status.incarnation),
    }
}

/// Reports the space that a ready volume occupies, if it changed by a MiB or more.
pub(crate) fn note_allocation(host: &Host, id: VolumeId, seen: &VolumeObservation) {
    let Some(now) = allocated(seen) else { return };
    host.board.change(id, |status| {
        if status.allocated_bytes.is_none_or(|before| before.abs_diff(now) >= MIB) {
            status.allocated_bytes = Some(now);
        }
    });
}

/// Records the attachment's claim and mounts the volume on the host. An instance that cannot have it now is woken when it is free.
pub(crate) async fn claim(
    host: &Arc<Host>,
    id: VolumeId,
    claim: Claim,
    access: Access,
) -> Result<Staged, StepError> {
    let _turn = host.volumes.enter(id).await;
    host.volumes.begin_to_wait(id, Waiting { claim, access });
    let Some(record) = host.ledger.get(id) else {
        return Err(StepError::host(format!("this host knows no volume {id}")));
    };
    let is_there =
        record.materialized || matches!(observe(host, id).await?.image, ImageState::Present { .. });
    if record.spec.presence != Presence::Present || !is_there {
        let message = format!("volume {id} is not ready on this host");
        let has_failed = |status: VolumeStatus| matches!(status.condition, VolumeCondition::Failed(_));
        let is_being_made =
            record.spec.presence == Presence::Present && !host.board.get(id).is_some_and(has_failed);
        return Err(if is_being_made {
            StepError::NotYet(Failure { code: FailureCode::HostError, message })
        } else {
            StepError::host(message)
        });
    }
    if record.spec.incarnation > 0 && record.spec.incarnation > incarnation_there(host, id).await {
        return Err(match host.board.get(id).map(|status| status.condition) {
            Some(VolumeCondition::Failed(failure)) => StepError::Failed(failure),
            _ => {
                let message = format!("the data of volume {id} is being replaced");
                StepError::NotYet(Failure { code: FailureCode::HostError, message })
            }
        });
    }
    let others: Vec<_> = record.in_the_way_of(claim, access).collect();
    let staying = others.iter().find(|other| !is_leaving(host, other));
    if let Some(other) = staying.or(others.first()) {
        let message = format!(
            "volume {id} is in use through attachment {} of instance {}",
            other.attachment, other.instance
        );
        let failure = Failure { code: FailureCode::VolumeAttached, message };
        return Err(if staying.is_none() { StepError::NotYet(failure) } else { StepError::Failed(failure) });
    }
    if !record.claims().any(|held| *held == claim) {
        let ledger_host = host.clone();
        blocking(move || ledger_host.ledger.change(id, |record| record.take(claim, access))).await?;
    }
    let backend = host.backend_of(id)?;
    let staged = blocking(move || {
        failpoint!("agent.volume.claim.before-stage")?;
        let staged = backend.stage(id)?;
        failpoint!("agent.volume.claim.after-stage")?;
        Ok::<_, BackendError>(staged)
    })
    .await?;
    host.volumes.end_to_wait(id, claim);
    host.volumes.remember(id, Some(staged.clone()));
    host.upkeep.measure_soon(id);
    Ok(staged)
}

/// A claim that is free now may be recorded outside the volume's queue: the volume is whole, nothing is to become of it, and no
/// other claim waits. [`claim`] then mounts it in its queue.
pub(crate) fn may_be_claimed_early(host: &Host, id: VolumeId) -> bool {
    let is_awaited = host.volumes.waiting().get(&id).is_some_and(|line| !line.is_empty());
    let is_ready = |spec: VolumeSpec| {
        spec.presence == Presence::Present
            && host.board.get(id).is_some_and(|status| {
                status.condition == VolumeCondition::Ready
                    && status.generation == spec.generation
                    && status.incarnation >= spec.incarnation
            })
    };
    !is_awaited && host.ledger.spec(id).is_some_and(is_ready)
}

/// Whether the ledger asks for this claim to end, so that the volume becomes free without any action.
fn is_leaving(host: &Host, claim: &Claim) -> bool {
    host.ledger.spec(claim.instance).is_some_and(|spec| {
        spec.desired != DesiredRun::Running
            || spec
                .attachments
                .iter()
                .any(|a| a.id == claim.attachment && a.desired != DesiredAttachment::Attached)
    })
}

/// Whether the ledger asks for this claim on the volume.
fn is_asked_for(host: &Host, id: VolumeId, claim: &Claim) -> bool {
    let is_it = |a: &AttachmentSpec| {
        a.id == claim.attachment && a.volume_id == id && a.desired == DesiredAttachment::Attached
    };
    host.ledger
        .spec(claim.instance)
        .is_some_and(|spec| spec.desired == DesiredRun::Running && spec.attachments.iter().any(is_it))
}

/// What happens to a volume when its last claim is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It is unmounted, which shows whether a process still uses it.
    Unmounted,
    /// The next waiting claim gets it as it is. Only if no process of the instance is left, since nothing is checked.
    HandedOn,
}

/// Unmounts the volume from the host unless another claim needs it, then frees the claim.
pub(crate) async fn release(
    host: &Arc<Host>,
    id: VolumeId,
    claim: Claim,
    afterwards: Afterwards,
) -> Result<(), StepError> {
    let _turn = host.volumes.enter(id).await;
    let mut leaving = claim;
    loop {
        let Some(mut record) = host.ledger.get(id) else { return Ok(()) };
        record.give_back(leaving);
        let next = match afterwards {
            Afterwards::HandedOn if !record.is_claimed() => next_in_line(host, &record),
            _ => None,
        };
        if !record.is_claimed() && next.is_none() {
            unstage(host, id).await?;
        }
        let ledger_host = host.clone();
        blocking(move || {
            ledger_host.ledger.change(id, |record| {
                record.give_back(leaving);
                if let Some(next) = next {
                    record.take(next.claim, next.access);
                }
            })
        })
        .await?;
        match next {
            // That instance was forgotten while it got the claim, so nothing else would release it.
            Some(next) if host.ledger.spec(next.claim.instance).is_none() => leaving = next.claim,
            _ => break,
        }
    }
    wake(host, id);
    let waits = |s: VolumeStatus| matches!(s.condition, VolumeCondition::Failed(f) if f.code == FailureCode::VolumeAttached);
    if host.board.get(id).is_some_and(waits) {
        let host = host.clone();
        tokio::spawn(async move { reconcile(&host, id, None).await });
    }
    Ok(())
}

async fn unstage(host: &Arc<Host>, id: VolumeId) -> Result<(), StepError> {
    let backend = host.backend_of(id)?;
    blocking(move || {
        failpoint!("agent.volume.release.before-unstage")?;
        backend.unstage(id)?;
        failpoint!("agent.volume.release.after-unstage")?;
        Ok::<_, BackendError>(())
    })
    .await?;
    host.volumes.remember(id, None);
    Ok(())
}

/// The waiting claim that gets the volume as it is. None, if the volume itself is to change.
fn next_in_line(host: &Host, record: &VolumeRecord) -> Option<Waiting> {
    let id = record.spec.id;
    let stays = record.spec.presence == Presence::Present
        && host.board.get(id).is_some_and(|status| {
            status.condition == VolumeCondition::Ready && status.incarnation >= record.spec.incarnation
        });
    let line = host.volumes.waiting().get(&id).cloned().unwrap_or_default();
    line.into_iter().find(|waiting| stays && is_asked_for(host, id, &waiting.claim))
}

/// Wakes the instances that wait for the volume.
fn wake(host: &Arc<Host>, id: VolumeId) {
    for waiting in host.volumes.waiting().remove(&id).unwrap_or_default() {
        instance_actor::nudge(host, waiting.claim.instance);
    }
}

/// Observes, plans and executes until nothing is left to do; returns the last observation. A spec may arrive in between: `record`
/// is left as the one that the last plan was made from.
async fn carry_out(
    host: &Arc<Host>,
    id: VolumeId,
    record: &mut VolumeRecord,
    known: Option<VolumeObservation>,
) -> Result<VolumeObservation, StepError> {
    let mut seen = match known {
        Some(seen) => seen,
        None => observe(host, id).await?,
    };
    // Two rounds are enough for every plan; more would hide a step that does not do what it should.
    for _ in 0..3 {
        host.volumes.remember(id, seen.staged.clone());
        *record = host.ledger.get(id).unwrap_or_else(|| record.clone());
        let wanted = VolumeWanted {
            spec: &record.spec,
            materialized: record.materialized,
            claimed: record.is_claimed(),
        };
        let steps = volume_plan(&wanted, &as_seen(&seen)).map_err(|obstacle| refused(id, obstacle))?;
        if steps.is_empty() {
            return Ok(seen);
        }
        for step in steps {
            execute(host, id, step).await?;
        }
        wake(host, id);
        seen = observe(host, id).await?;
    }
    Err(StepError::host(format!("volume {id} does not become what it should be; see the agent's log")))
}

async fn execute(host: &Arc<Host>, id: VolumeId, step: VolumeStep) -> Result<(), StepError> {
    if let VolumeStep::CreateImage { size_bytes, incarnation, origin } = step {
        return create(host, id, size_bytes, incarnation, origin).await;
    }
    let backend = host.backend_of(id)?;
    let done = blocking(move || {
        failpoint!("agent.volume.step.before")?;
        match step {
            VolumeStep::CreateImage { .. } => unreachable!("handled above"),
            VolumeStep::ReplaceData { size_bytes, incarnation, snapshot } => {
                backend.need_snapshots()?.replace(id, incarnation, size_bytes, snapshot)?
            }
            VolumeStep::Grow { size_bytes } => backend.need_growth()?.grow(id, size_bytes)?,
            VolumeStep::Unstage => backend.unstage(id)?,
            VolumeStep::MoveToTrash => backend.trash(id)?,
            VolumeStep::RestoreFromTrash => backend.restore(id)?,
            VolumeStep::Purge => backend.purge(id)?,
        };
        failpoint!("agent.volume.step.after")?;
        Ok::<_, BackendError>(())
    });
    Ok(done.await?)
}

async fn create(
    host: &Arc<Host>,
    id: VolumeId,
    size_bytes: u64,
    incarnation: u64,
    origin: Option<Origin>,
) -> Result<(), StepError> {
    let backend = host.backend_of(id)?;
    let mut source_turn = None;
    let content = match origin {
        None => Content::Empty,
        Some(Origin::Snapshot { id }) => Content::Snapshot(id),
        Some(Origin::Volume { id: source, stall }) => {
            // A source that does not exist yet could be waiting for this volume. The ledger may lag behind the pool here.
            if !matches!(observe(host, source).await?.image, ImageState::Present { .. }) {
                return Err(StepError::host(format!("there is no volume {source} on this host to fork")));
            }
            if host.backend_of(source)?.pool_id() != backend.pool_id() {
                return Err(StepError::host(format!("volume {source} is in another pool than its fork")));
            }
            compaction::prepare_clone(host, source, stall, is_unwanted(host.clone(), id)).await?;
            if is_unwanted(host.clone(), id)() {
                return Ok(()); // the next plan follows the new spec
            }
            // The source must not change while it is cloned. It exists already, so a task that holds its turn never waits for
            // a third turn, and there is no cycle.
            source_turn = Some(host.volumes.enter_to_clone(source).await);
            Content::Volume { id: source, write_back_limit: WRITE_BACK_LIMIT }
        }
    };
    let created = blocking(move || {
        failpoint!("agent.volume.step.before")?;
        let new = NewImage { incarnation, content };
        backend.create_from(id, size_bytes, &new, &mut || drop(source_turn.take()))?;
        failpoint!("agent.volume.step.after")?;
        Ok::<_, BackendError>(())
    });
    Ok(created.await?)
}

/// Checks whether the volume is no longer wanted.
fn is_unwanted(host: Arc<Host>, id: VolumeId) -> impl Fn() -> bool + Send + 'static {
    move || host.ledger.get(id).is_none_or(|record| record.spec.presence != Presence::Present)
}

async fn observe(host: &Arc<Host>, id: VolumeId) -> Result<VolumeObservation, StepError> {
    let backend = host.backend_of(id)?;
    Ok(blocking(move || backend.observe(id)).await?)
}

fn as_seen(observation: &VolumeObservation) -> VolumeSeen {
    let image = match &observation.image {
        ImageState::Absent => ImageSeen::Absent,
        ImageState::Present { incarnation, size_bytes, .. } => {
            ImageSeen::Present { incarnation: *incarnation, size_bytes: *size_bytes }
        }
        ImageState::InTrash { .. } => ImageSeen::InTrash,
        ImageState::Missing => ImageSeen::Missing,
        ImageState::Foreign { what } => ImageSeen::Foreign(what.clone()),
    };
    VolumeSeen { image, staged: observation.staged.is_some() }
}

fn refused(id: VolumeId, obstacle: Obstacle) -> StepError {
    let (code, message) = match obstacle {
        Obstacle::DataMissing => (
            FailureCode::DataMissing,
            format!(
                "the data of volume {id} is not in the pool. Nothing was made in its place; put the image back, or delete \
                 the volume"
            ),
        ),
        Obstacle::Foreign(what) => (
            FailureCode::ForeignData,
            format!(
                "where the data of volume {id} should be is something that is not ours ({what}); it was not touched"
            ),
        ),
        Obstacle::StillClaimed => {
            (FailureCode::VolumeAttached, format!("volume {id} is still in use on this host"))
        }
        Obstacle::NoSnapshot => (
            FailureCode::HostError,
            format!("the data of volume {id} can only be replaced by a snapshot's, and its spec names none"),
        ),
        Obstacle::ForkOfItself(source) => {
            (FailureCode::HostError, format!("volume {source} cannot be forked from itself"))
        }
    };
    StepError::Failed(Failure { code, message })
}

fn allocated(observation: &VolumeObservation) -> Option<u64> {
    match observation.image {
        ImageState::Present { allocated_bytes, .. } | ImageState::InTrash { allocated_bytes, .. } => {
            Some(allocated_bytes)
        }
        ImageState::Absent | ImageState::Missing | ImageState::Foreign { .. } => None,
    }
}
