//! One serial queue for each volume: its changes come one at a time, those of different volumes in parallel.
//!
//! The queue is a fair lock. A holder observes, plans, executes, and reports before the next one starts, so every plan is
//! made from what the one before left.
//!
//! **Crash story.** `claim`: the slot is written down, then the volume is mounted; cut off between, the slot stands and the
//! instance's plan claims again. `release`: unmounted first, then the slot is freed; cut off between, the slot stands for a
//! volume that is not mounted, and the plan releases again. So a volume that is mounted always has its slot taken.
//!
//! An instance that waits for the volume is given the slot in the same write that takes it from the one before, and the volume
//! stays mounted: nobody waits for a write-back. Cut off before or after, the slot is the one's or the other's, and the plan
//! of whoever has it goes on. One that does not want it any more gives it back as any other.
//!
//! Whoever makes a fork holds its turn and then that of its source. The source is there already, so whoever has its turn waits
//! for no third one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use miosa_backend::{BackendError, Changed, Content, ImageState, NewImage, Staged, VolumeObservation};
use miosa_domain::VolumeId;
use miosa_domain::size::MIB;
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment, DesiredRun, Origin, Presence, VolumeSpec};
use miosa_domain::status::{Failure, FailureCode, VolumeCondition, VolumeStatus};
use miosa_failpoint::failpoint;
use miosa_plan::{ImageSeen, Obstacle, VolumeSeen, VolumeStep, VolumeWanted, volume_plan};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::claims::{Access, Claim};
use crate::failure::StepError;
use crate::kind::VolumeRecord;
use crate::snapshot_take::WRITE_BACK_LIMIT;
use crate::{Host, blocking, compaction, instance_actor};

#[derive(Default)]
pub(crate) struct Volumes {
    queues: Mutex<BTreeMap<VolumeId, Arc<RwLock<()>>>>,
    /// Volumes seen mounted on the host. A hint: it saves looking, and is renewed at every look.
    staged: Mutex<HashMap<VolumeId, Staged>>,
    /// Who found a volume held by others, in the order of coming. Changed in the volume's turn, so that nobody who begins to
    /// wait misses that it comes free.
    waiting: Mutex<HashMap<VolumeId, Vec<Waiting>>>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    claim: Claim,
    access: Access,
}

impl Volumes {
    /// The volume's turn: nothing else changes it, mounts it or clones it meanwhile.
    pub(crate) async fn enter(&self, id: VolumeId) -> OwnedRwLockWriteGuard<()> {
        self.queue(id).write_owned().await
    }

    /// A turn to clone the volume, shared with other clones of it: nothing changes or mounts it meanwhile.
    pub(crate) async fn enter_to_clone(&self, id: VolumeId) -> OwnedRwLockReadGuard<()> {
        self.queue(id).read_owned().await
    }

    fn queue(&self, id: VolumeId) -> Arc<RwLock<()>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    /// Nobody has the volume's turn or waits for it.
    fn is_free(&self, id: VolumeId) -> bool {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(&id).is_none_or(|queue| Arc::strong_count(queue) == 1)
    }

    pub(crate) fn staged(&self, id: VolumeId) -> Option<Staged> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn staged_ids(&self) -> Vec<VolumeId> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    pub(crate) fn remember(&self, id: VolumeId, staged: Option<Staged>) {
        let mut map = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for every queue, and keeps them shut.
    pub(crate) async fn finish(&self) {
        let queues: Vec<_> =
            self.queues.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for queue in queues {
            std::mem::forget(queue.write_owned().await);
        }
    }
}

/// Makes a volume what its spec says, and reports it. `known`: an observation made just now, at start-up, for all at once.
pub(crate) async fn reconcile(host: &Arc<Host>, id: VolumeId, known: Option<VolumeObservation>) {
    let _turn = host.volumes.enter(id).await;
    // A spec may have come, and been worked off, since that observation.
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
        generation,
        condition,
        allocated_bytes,
        incarnation,
        space: None,
        compaction: record.compaction,
    });
    // After the report, so that nobody waits for it, and before anybody's turn to claim the volume: as long as it was never
    // used, an image that a power cut took can be made again and nothing is lost.
    if is_whole && !record.materialized && allocated_bytes.is_some() {
        let ledger_host = host.clone();
        let written = blocking(move || ledger_host.ledger.change(id, |r| r.materialized = true)).await;
        if let Err(error) = written {
            tracing::error!(volume = %id, "note that the image is there: {error}");
        }
    }
    if is_whole {
        wake(host, id); // who was asked to use it before it was there
        host.upkeep.measure_soon(id);
        compaction::run_if_wanted(host, id);
    }
}

/// A fork that is still to be made may have to wait until its source is compacted.
pub(crate) fn may_take_long(host: &Host, id: VolumeId) -> bool {
    host.ledger.get(id).is_some_and(|record| {
        !record.materialized && matches!(record.spec.origin, Some(Origin::Volume { .. }))
    })
}

/// Makes the volume what its spec says in a task of its own, unless somebody is at it.
pub(crate) fn reconcile_aside(host: &Arc<Host>, id: VolumeId) {
    if host.volumes.is_free(id) {
        let host = host.clone();
        tokio::spawn(async move { reconcile(&host, id, None).await });
    }
}

/// The incarnation that is there although something went wrong; the one last seen if that cannot be found out.
async fn incarnation_there(host: &Arc<Host>, id: VolumeId) -> u64 {
    match observe(host, id).await.map(|seen| seen.image) {
        Ok(ImageState::Present { incarnation, .. }) => incarnation,
        _ => host.board.get(id).map_or(0, |status| status.incarnation),
    }
}

/// Reports how much a ready volume occupies now, when it changed by a MiB or more.
pub(crate) fn note_allocation(host: &Host, id: VolumeId, seen: &VolumeObservation) {
    let Some(now) = allocated(seen) else { return };
    host.board.change(id, |status| {
        if status.allocated_bytes.is_none_or(|before| before.abs_diff(now) >= MIB) {
            status.allocated_bytes = Some(now);
        }
    });
}

/// Takes the attachment's slot and mounts the volume on the host. Who cannot have it now is looked at again when it is free.
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
    let backend = host.backend.clone();
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

/// Whether the ledger asks for this claim to end: the volume will be free without anybody's doing.
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

/// What becomes of a volume on which nobody else has a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It is unmounted, which shows whether anybody still uses it.
    Unmounted,
    /// The next in line has it as it is; only if nobody of the instance can use it any more, since nothing is looked at.
    HandedOn,
}

/// Gives the slot back, after the volume was unmounted from the host unless another claim needs it.
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
            // It was forgotten while it was given the slot: nobody else would give that back.
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
    let backend = host.backend.clone();
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

/// Who is to have the volume as it is, now that nobody has it. Nobody, if the volume itself is to become something else.
fn next_in_line(host: &Host, record: &VolumeRecord) -> Option<Waiting> {
    let id = record.spec.id;
    let stays = record.spec.presence == Presence::Present
        && host.board.get(id).is_some_and(|status| {
            status.condition == VolumeCondition::Ready && status.incarnation >= record.spec.incarnation
        });
    let line = host.volumes.waiting().get(&id).cloned().unwrap_or_default();
    line.into_iter().find(|waiting| stays && is_asked_for(host, id, &waiting.claim))
}

/// Has those looked at who wait for the volume.
fn wake(host: &Arc<Host>, id: VolumeId) {
    for waiting in host.volumes.waiting().remove(&id).unwrap_or_default() {
        instance_actor::nudge(host, waiting.claim.instance);
    }
}

/// Observes, plans and executes until nothing is left to do; answers what is there then. A spec may arrive meanwhile:
/// `record` is left as the one that the last plan was made from.
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
    // Two rounds do for every plan; more would hide a step that does not do what it says.
    for _ in 0..3 {
        host.volumes.remember(id, seen.staged.clone());
        *record = host.ledger.get(id).unwrap_or_else(|| record.clone());
        let wanted = VolumeWanted {
            presence: record.spec.presence,
            materialized: record.materialized,
            claimed: record.is_claimed(),
            incarnation: record.spec.incarnation,
        };
        let steps = volume_plan(&wanted, &as_seen(&seen)).map_err(|obstacle| refused(id, obstacle))?;
        if steps.is_empty() {
            return Ok(seen);
        }
        for step in steps {
            execute(host, &record.spec, step).await?;
        }
        wake(host, id);
        seen = observe(host, id).await?;
    }
    Err(StepError::host(format!("volume {id} does not become what it should be; see the agent's log")))
}

async fn execute(host: &Arc<Host>, spec: &VolumeSpec, step: VolumeStep) -> Result<Changed, StepError> {
    let (id, size_bytes, incarnation) = (spec.id, spec.size_bytes, spec.incarnation);
    // The source must not change while it is cloned. It exists already, so a task that holds its turn never waits for a third
    // turn, and there is no cycle.
    let mut source_turn = None;
    let content = match spec.origin {
        _ if step != VolumeStep::CreateImage => Content::Empty,
        None => Content::Empty,
        Some(Origin::Snapshot { id }) => Content::Snapshot(id),
        Some(Origin::Volume { id: source, stall }) => {
            // One that is not there yet could be waiting for this one. The ledger may learn only later that it is there.
            let is_there = matches!(observe(host, source).await?.image, ImageState::Present { .. });
            if source == id || !is_there {
                return Err(StepError::host(format!("volume {source} is not there to be forked")));
            }
            compaction::prepare_clone(host, source, stall, is_unwanted(host.clone(), id)).await?;
            if is_unwanted(host.clone(), id)() {
                return Ok(Changed::Unchanged); // the next plan is made from the new spec
            }
            source_turn = Some(host.volumes.enter_to_clone(source).await);
            Content::Volume { id: source, write_back_limit: WRITE_BACK_LIMIT }
        }
    };
    let replacement = match spec.origin {
        Some(Origin::Snapshot { id }) => Some(id),
        _ if step == VolumeStep::ReplaceData => {
            return Err(StepError::host(format!(
                "the data of volume {id} can only be replaced by that of a snapshot, and its spec names none"
            )));
        }
        _ => None,
    };
    let backend = host.backend.clone();
    let changed = blocking(move || {
        failpoint!("agent.volume.step.before")?;
        let changed = match step {
            VolumeStep::CreateImage => {
                let new = NewImage { incarnation, content };
                backend.create_from(id, size_bytes, &new, &mut || drop(source_turn.take()))?
            }
            VolumeStep::ReplaceData => match replacement {
                Some(snapshot) => backend.replace(id, incarnation, size_bytes, snapshot)?,
                None => unreachable!("refused above"),
            },
            VolumeStep::Unstage => backend.unstage(id)?,
            VolumeStep::MoveToTrash => backend.trash(id)?,
            VolumeStep::RestoreFromTrash => backend.restore(id)?,
            VolumeStep::Purge => backend.purge(id)?,
        };
        failpoint!("agent.volume.step.after")?;
        Ok::<_, BackendError>(changed)
    });
    Ok(changed.await?)
}

/// Asks whether the volume is not to be made any more.
fn is_unwanted(host: Arc<Host>, id: VolumeId) -> impl Fn() -> bool + Send + 'static {
    move || host.ledger.get(id).is_none_or(|record| record.spec.presence != Presence::Present)
}

async fn observe(host: &Arc<Host>, id: VolumeId) -> Result<VolumeObservation, StepError> {
    let backend = host.backend.clone();
    Ok(blocking(move || backend.observe(id)).await?)
}

fn as_seen(observation: &VolumeObservation) -> VolumeSeen {
    let image = match &observation.image {
        ImageState::Absent => ImageSeen::Absent,
        ImageState::Present { incarnation, .. } => ImageSeen::Present { incarnation: *incarnation },
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
