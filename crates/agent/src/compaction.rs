//! Making images lie in few pieces: before a clone that would hold its writers up for too long, and on demand.
//!
//! The backend compacts under running writers, and nothing here holds a volume's queue: a detach, a move to the trash or a
//! restore go on beside it. A volume is compacted by one task at a time, and a host compacts few volumes at once: those that
//! somebody waits for do not stand in line behind those that have time.
//!
//! **Crash story.** There is nothing to take up again: what has become whole stays whole, and the next one begins with what is
//! left. How a compaction that was asked for ended is written down before it is told, so it is told again after a restart; one
//! that was cut off by our own end is begun again.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_backend::{BackendError, CompactionProgress, Fragmentation};
use miosa_domain::VolumeId;
use miosa_domain::spec::Presence;
use miosa_domain::stall::StallRules;
use miosa_domain::status::{CompactionState, CompactionStatus, Failure, FailureCode};
use miosa_failpoint::failpoint;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, SemaphorePermit};

use crate::failure::StepError;
use crate::ledger::LedgerError;
use crate::{Host, blocking};

/// Somebody waits for a clone: so long at most it is prepared.
const PREPARE_AT_MOST: Duration = Duration::from_secs(120);

/// The disk belongs to the workloads: after each piece of work, so much of its time is spent doing nothing.
const REST_SHARE: f64 = 1.0;
const REST_MAX: Duration = Duration::from_millis(50);

const REPORT_EVERY: Duration = Duration::from_millis(500);

/// A clock that is set is noticed after this long.
pub(crate) const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(1);

/// How many volumes are compacted at once: ahead of a snapshot's time, before a clone that is due, and on demand.
const AHEAD: usize = 2;
const DUE: usize = 2;
const ON_DEMAND: usize = 1;

pub(crate) struct Compactions {
    turns: Mutex<HashMap<VolumeId, Arc<AsyncMutex<()>>>>,
    /// Volumes with a task that carries out what was asked for.
    asked: Mutex<BTreeSet<VolumeId>>,
    ahead: Semaphore,
    due: Semaphore,
    on_demand: Semaphore,
    /// The agent is about to end.
    closing: AtomicBool,
}

impl Default for Compactions {
    fn default() -> Self {
        Self {
            turns: Mutex::default(),
            asked: Mutex::default(),
            ahead: Semaphore::new(AHEAD),
            due: Semaphore::new(DUE),
            on_demand: Semaphore::new(ON_DEMAND),
            closing: AtomicBool::new(false),
        }
    }
}

impl Compactions {
    async fn enter(&self, id: VolumeId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody is in or waits for.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(id).or_default().clone()
        };
        turn.lock_owned().await
    }

    fn asked(&self) -> MutexGuard<'_, BTreeSet<VolumeId>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops those that run at their next step, and lets no other begin.
    pub(crate) async fn finish(&self) {
        self.closing.store(true, Ordering::Relaxed);
        for (line, count) in [(&self.ahead, AHEAD), (&self.due, DUE), (&self.on_demand, ON_DEMAND)] {
            let all = line.acquire_many(count as u32).await;
            all.expect("the semaphore is never closed").forget();
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// When a compaction is to stop by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The wait of a clone that is short enough.
    pub(crate) goal: Duration,
    pub(crate) until: Until,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Elapsed(Instant),
    /// By the clock of the wall.
    Time(Timestamp),
}

impl Until {
    fn is_over(self) -> bool {
        match self {
            Until::Elapsed(at) => Instant::now() >= at,
            Until::Time(at) => Timestamp::now() >= at,
        }
    }

    async fn over(self) {
        while !self.is_over() {
            let left = match self {
                Until::Elapsed(at) => at.saturating_duration_since(Instant::now()),
                Until::Time(at) => {
                    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()
                }
            };
            tokio::time::sleep(left.min(LOOK_AT_CLOCK_EVERY)).await;
        }
    }
}

/// A compaction that is needed and may begin.
pub(crate) struct Slot<'a> {
    volume: VolumeId,
    until: Until,
    before: Fragmentation,
    _turn: OwnedMutexGuard<()>,
    _permit: SemaphorePermit<'a>,
}

/// What the volume's next clone would cost its writers.
pub(crate) async fn fragmentation(host: &Arc<Host>, id: VolumeId) -> Result<Fragmentation, StepError> {
    let backend = host.backend_of(id)?;
    Ok(blocking(move || backend.need_snapshots()?.fragmentation(id)).await?)
}

/// Waits for a turn to compact the volume if a clone would hold its writers up for longer than `limits.goal`. `None`: there is
/// nothing to do, or no time left to do it. May be dropped at any time.
pub(crate) async fn slot(
    host: &Arc<Host>,
    volume: VolumeId,
    limits: Limits,
) -> Result<Option<Slot<'_>>, StepError> {
    if fragmentation(host, volume).await?.predicted_stall <= limits.goal {
        return Ok(None);
    }
    let line = match limits.until {
        Until::Elapsed(_) => &host.compactions.due,
        Until::Time(_) => &host.compactions.ahead,
    };
    let wait = async {
        let turn = host.compactions.enter(volume).await;
        (turn, line.acquire().await.expect("the semaphore is never closed"))
    };
    let (_turn, _permit) = tokio::select! {
        turn = wait => turn,
        () = limits.until.over() => return Ok(None),
    };
    if host.compactions.is_closing() {
        return Ok(None);
    }
    // Somebody else may have done it meanwhile.
    let before = fragmentation(host, volume).await?;
    let is_needed = before.predicted_stall > limits.goal;
    Ok(is_needed.then_some(Slot { volume, until: limits.until, before, _turn, _permit }))
}

/// Compacts the volume before a clone of it. `stops` and `progress` are asked and told meanwhile.
pub(crate) async fn compact(
    host: &Arc<Host>,
    slot: Slot<'_>,
    stops: impl Fn() -> bool + Send + 'static,
    progress: impl Fn(&CompactionProgress) + Send + 'static,
) -> Result<(), StepError> {
    let (id, until) = (slot.volume, slot.until);
    let working = host.clone();
    let outcome = blocking(move || {
        let told = |now: &CompactionProgress| {
            report(&working, status_of(0, CompactionState::Running, *now), id);
            progress(now);
        };
        work(&working, id, || stops() || until.is_over(), told)
    })
    .await;
    // What somebody asked for and may not have been told of yet is not hidden for longer than that.
    let asked = host.ledger.get(id).and_then(|record| record.compaction);
    report(host, asked.unwrap_or_else(|| ended(0, &outcome, slot.before)), id);
    outcome?;
    Ok(())
}

/// Lets the backend compact, with rests, until it is done or to be stopped.
fn work(
    host: &Host,
    id: VolumeId,
    stops: impl Fn() -> bool,
    progress: impl Fn(&CompactionProgress),
) -> Result<CompactionProgress, BackendError> {
    let mut work_began = Instant::now();
    let mut told_at = Instant::now();
    host.backend_of(id)?.need_compaction()?.compact(id, &mut |now| {
        let rest = work_began.elapsed().mul_f64(REST_SHARE).min(REST_MAX);
        if told_at.elapsed() >= REPORT_EVERY {
            told_at = Instant::now();
            progress(now);
        }
        if host.compactions.is_closing() || stops() {
            return ControlFlow::Break(());
        }
        #[expect(clippy::disallowed_methods, reason = "the backend compacts in a blocking task")]
        std::thread::sleep(rest);
        work_began = Instant::now();
        ControlFlow::Continue(())
    })
}

/// Compacts the volume as far as `rules` ask for it before somebody who waits gets his clone, and refuses the clone if its
/// writers would still wait for too long. `stops`: nobody wants it any more.
pub(crate) async fn prepare_clone(
    host: &Arc<Host>,
    id: VolumeId,
    rules: Option<StallRules>,
    stops: impl Fn() -> bool + Send + 'static,
) -> Result<(), StepError> {
    let Some(rules) = rules else { return Ok(()) };
    let limits = Limits {
        goal: Duration::from_millis(rules.goal_ms.into()),
        until: Until::Elapsed(Instant::now() + PREPARE_AT_MOST),
    };
    let Some(slot) = slot(host, id, limits).await? else {
        return check_budget(id, fragmentation(host, id).await?, rules, true);
    };
    // One that failed matters only where the clone would be too slow without it.
    let has_room = !matches!(compact(host, slot, stops, |_| {}).await, Err(error) if error.lacks_room());
    check_budget(id, fragmentation(host, id).await?, rules, has_room)
}

/// Refuses a clone whose writers would wait for too long.
pub(crate) fn check_budget(
    id: VolumeId,
    now: Fragmentation,
    rules: StallRules,
    has_room: bool,
) -> Result<(), StepError> {
    let predicted_ms = now.predicted_stall.as_millis();
    if predicted_ms <= u128::from(rules.budget_ms) {
        return Ok(());
    }
    let why =
        if has_room { "compacting it did not help enough" } else { "the pool has no room to compact it" };
    let message = format!(
        "volume {id} lies in {} pieces: its writers would wait for about {predicted_ms} ms, more than the {} ms that are \
         allowed, and {why}. Take it all the same with \"now\": true (--now), or compact the volume when it is quiet",
        now.extents, rules.budget_ms
    );
    Err(StepError::Failed(Failure { code: FailureCode::StallBudget, message }))
}

fn status_of(number: u64, state: CompactionState, now: CompactionProgress) -> CompactionStatus {
    let CompactionProgress { extents_before, extents_now, done_bytes, total_bytes, .. } = now;
    CompactionStatus { number, state, extents_before, extents_now, done_bytes, total_bytes }
}

fn not_begun(before: Fragmentation) -> CompactionProgress {
    let extents = before.extents;
    CompactionProgress { extents_before: extents, extents_now: extents, ..CompactionProgress::default() }
}

fn ended(
    number: u64,
    outcome: &Result<CompactionProgress, BackendError>,
    before: Fragmentation,
) -> CompactionStatus {
    match outcome {
        Ok(now) => status_of(number, CompactionState::Done, *now),
        Err(error) => {
            let failure = Failure::new(error.failure_code(), error.to_string());
            status_of(number, CompactionState::Stopped(failure), not_begun(before))
        }
    }
}

fn report(host: &Host, status: CompactionStatus, id: VolumeId) {
    host.board.change(id, |volume| volume.compaction = Some(status));
}

/// Carries out the compaction that the volume's spec asks for, if it asks for one and no task is at it, in a task of its own.
pub(crate) fn run_if_wanted(host: &Arc<Host>, id: VolumeId) {
    if wanted(host, id).is_none() || !host.compactions.asked().insert(id) {
        return;
    }
    let host = host.clone();
    tokio::spawn(async move {
        let mut outcome = Ok(());
        while let Some(number) = wanted(&host, id)
            && outcome.is_ok()
        {
            outcome = run_wanted(&host, id, number).await;
        }
        host.compactions.asked().remove(&id);
        match outcome {
            // A spec that came just before that found this task, and must not be lost.
            Ok(()) => run_if_wanted(&host, id),
            // The next look at the volume begins it again.
            Err(error) => tracing::error!(volume = %id, "note that it was compacted: {error}"),
        }
    });
}

/// Number of the compaction that is asked for and was not carried out.
fn wanted(host: &Host, id: VolumeId) -> Option<u64> {
    let record = host.ledger.get(id)?;
    let is_wanted = !host.compactions.is_closing()
        && record.spec.presence == Presence::Present
        && record.spec.compaction > record.compacted();
    is_wanted.then_some(record.spec.compaction)
}

/// Answers when the compaction ended and that was noted, or when there is none to carry out any more.
async fn run_wanted(host: &Arc<Host>, id: VolumeId, number: u64) -> Result<(), LedgerError> {
    let _permit = host.compactions.on_demand.acquire().await.expect("the semaphore is never closed");
    let _turn = host.compactions.enter(id).await;
    if wanted(host, id).is_none() {
        return Ok(());
    }
    let working = host.clone();
    let status = blocking(move || work_wanted(&working, id, number)).await;
    if host.compactions.is_closing() {
        return Ok(()); // begun again by the next agent
    }
    let (ledger_host, noted) = (host.clone(), status.clone());
    blocking(move || {
        failpoint!("agent.compaction.before-note")?;
        ledger_host.ledger.change(id, |record| record.compaction = Some(noted))?;
        failpoint!("agent.compaction.after-note")?;
        Ok::<_, LedgerError>(())
    })
    .await?;
    report(host, status, id);
    host.upkeep.measure_soon(id);
    Ok(())
}

/// Blocks. Answers how it ended.
fn work_wanted(host: &Host, id: VolumeId, number: u64) -> CompactionStatus {
    let fragmentation = || host.backend_of(id)?.need_snapshots()?.fragmentation(id);
    let before = match fragmentation() {
        Ok(before) => before,
        Err(error) => {
            let unknown = Fragmentation { extents: 0, predicted_stall: Duration::ZERO };
            return ended(number, &Err(error), unknown);
        }
    };
    report(host, status_of(number, CompactionState::Running, not_begun(before)), id);
    let is_deleted = || host.ledger.get(id).is_none_or(|record| record.spec.presence != Presence::Present);
    let told = |now: &CompactionProgress| report(host, status_of(number, CompactionState::Running, *now), id);
    let outcome = work(host, id, is_deleted, told);
    match outcome {
        Ok(now) if is_deleted() => {
            let message = "it was stopped because the volume was deleted".to_owned();
            let failure = Failure { code: FailureCode::HostError, message };
            status_of(number, CompactionState::Stopped(failure), now)
        }
        outcome => ended(number, &outcome, before),
    }
}
