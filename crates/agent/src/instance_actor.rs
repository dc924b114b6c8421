//! One task per instance: observes, plans, executes, reports, and waits for the next event.
//!
//! ```text
//!            ┌────────── spec changed · first process ended · pause over ──────────┐
//!            ▼                                                                     │
//!   observe ──► plan ──► execute step by step ──► observe ──► report ──► wait ─────┘
//!      │                       │ failed
//!      └── unknown ────────────┴──► report the failure, wait with backoff
//! ```
//!
//! If another claim holds a volume of the instance, the container is created and then waits for the volume. Only the task that
//! created it has the spec it was created from: after a crash the container is removed and created again. It never starts
//! without its volumes.
//!
//! **Crash safety.** The task has no state that matters: after a crash the next plan is made from a new observation. A detach
//! that finds the volume busy restores the mount before it reports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_domain::spec::{AttachmentSpec, InstanceSpec};
use miosa_domain::status::{Failure, FailureCode, Holder, InstanceState, InstanceStatus};
use miosa_domain::{AttachmentId, InstanceId, VolumeId};
use miosa_failpoint::failpoint;
use miosa_plan::{InstanceSeen, InstanceStep, instance_plan};
use miosa_runtime::{InstanceObservation, Reach, RuntimeError};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::claims::{Access, Claim};
use crate::failure::StepError;
use crate::instance_state::{Memory, Prepared};
use crate::kind::VolumeRecord;
use crate::volume_queue::Afterwards;
use crate::{Host, blocking, health, volume_queue};

/// How long a detach waits for files to be closed.
const DETACH_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before claiming a volume that is being released, unless the release wakes the task earlier.
const NOT_YET_PAUSE: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(crate) struct Instances {
    tasks: Mutex<BTreeMap<InstanceId, Arc<Task>>>,
}

#[derive(Default)]
struct Task {
    nudge: Notify,
    /// Held during a round.
    round: Arc<tokio::sync::Mutex<()>>,
    first_round_done: tokio::sync::watch::Sender<bool>,
}

/// Wakes the instance's task, or starts it. Carries no data: the task reads the ledger.
pub(crate) fn nudge(host: &Arc<Host>, id: InstanceId) {
    let mut tasks = host.instances.tasks.lock();
    let task = tasks.entry(id).or_insert_with(|| {
        let task = Arc::<Task>::default();
        host.tasks.spawn(live(host.clone(), id, task.clone()));
        task
    });
    task.nudge.notify_one();
}

/// Resolves after the instance's first round in this agent.
pub(crate) async fn first_round(host: &Arc<Host>, id: InstanceId) {
    let task = host.instances.tasks.lock().get(&id).cloned();
    if let Some(task) = task {
        let _ = task.first_round_done.subscribe().wait_for(|done| *done).await;
    }
}

/// Waits until no round of the instance runs, and keeps another one from starting. `None` if the instance has no task.
pub(crate) async fn enter(host: &Arc<Host>, id: InstanceId) -> Option<OwnedMutexGuard<()>> {
    let task = host.instances.tasks.lock().get(&id).cloned()?;
    Some(task.round.clone().lock_owned().await)
}

async fn live(host: Arc<Host>, id: InstanceId, task: Arc<Task>) {
    let mut memory = Memory::default();
    loop {
        if host.stop.is_cancelled() {
            return;
        }
        let round = task.round.lock().await;
        let Some(spec) = host.ledger.spec(id) else { break };
        let pause = match round_of(&host, &spec, &mut memory).await {
            Ok(pause) => pause,
            Err(StepError::NotYet(failure)) => {
                tracing::debug!(instance = %id, "waits: {}", failure.message);
                Some(NOT_YET_PAUSE)
            }
            Err(error) => {
                let failure = error.into_failure();
                tracing::warn!(instance = %id, code = ?failure.code, "instance: {}", failure.message);
                let pause = memory.round_failed(failure);
                report(&host, &spec, &memory).await;
                Some(pause)
            }
        };
        drop(round);
        task.first_round_done.send_replace(true);
        let exited = host.driver.exited(id);
        let running = host.board.get(id).is_some_and(|s| matches!(s.state, InstanceState::Running { .. }));
        tokio::select! {
            () = task.nudge.notified() => {}
            () = exited, if running => {}
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = host.stop.cancelled() => {}
        }
    }
    task.first_round_done.send_replace(true);
    host.healths.end(&host, id);
    host.instances.tasks.lock().remove(&id);
    // A spec that arrived in between woke the old task and must not be lost.
    if host.ledger.spec(id).is_some() {
        nudge(&host, id);
    }
}

/// One round. Returns the pause after which the next one is due without an event, if any.
async fn round_of(
    host: &Arc<Host>,
    spec: &InstanceSpec,
    memory: &mut Memory,
) -> Result<Option<Duration>, StepError> {
    memory.enter_run(spec.run);
    memory.forget_what_the_spec_dropped(spec);
    // A forced detach may end the container, after which there is more to do; three passes complete every plan.
    for _ in 0..4 {
        let (observation, seen) = observe(host, spec, memory).await?;
        memory.saw(spec, &observation);
        health::follow(host, spec, &observation);
        let steps = instance_plan(spec, &seen);
        if steps.is_empty() {
            memory.round_succeeded();
            host.board.set_instance(status_of(host, spec, memory, &observation, &seen));
            return Ok(None);
        }
        if steps.contains(&InstanceStep::Start) {
            memory.is_to_start(spec, &observation);
            host.board.set_instance(status_of(host, spec, memory, &observation, &seen));
            if let Some(pause) = memory.pause_before_start() {
                return Ok(Some(pause));
            }
        }
        for step in steps {
            let is_claim = matches!(step, InstanceStep::Claim(_));
            let next = execute(host, spec, memory, step).await;
            if next.is_err() && !is_claim {
                memory.prepared = None;
            }
            if next? == Next::PlanAgain {
                break;
            }
        }
    }
    Err(StepError::host(
        "the steps of the plan succeed but the instance does not change; see the agent's log",
    ))
}

async fn observe(
    host: &Arc<Host>,
    spec: &InstanceSpec,
    memory: &Memory,
) -> Result<(InstanceObservation, InstanceSeen), StepError> {
    let (driver, id) = (host.driver.clone(), spec.id);
    let observation = blocking(move || driver.observe(id)).await?;
    let claimed = host.ledger.claims_of(id);
    let mut volumes: BTreeMap<AttachmentId, _> =
        spec.attachments.iter().map(|a| (a.id, a.volume_id)).collect();
    volumes.extend(&claimed);
    // A mount belongs to the attachment that has the claim: a detached one of the same volume must not take it along.
    let belongs_to_another = |id: &AttachmentId, volume: &VolumeId| {
        !claimed.contains_key(id) && claimed.values().any(|claimed| claimed == volume)
    };
    let published = volumes.iter().filter(|(id, volume)| {
        !belongs_to_another(id, volume)
            && host.volumes.staged(**volume).is_some_and(|staged| {
                observation.published.iter().any(|p| p.device_number == staged.device_number())
            })
    });
    let published = published.map(|(id, _)| *id).collect();
    let with_claims = |is_so: fn(&VolumeRecord, Claim, Access) -> bool| {
        let attachments = spec.attachments.iter().filter(move |attachment| {
            let claim = Claim { attachment: attachment.id, instance: id };
            let record = host.ledger.get(attachment.volume_id);
            record.is_some_and(|record| is_so(&record, claim, Access::of(attachment)))
        });
        attachments.map(|attachment| attachment.id).collect()
    };
    let seen = InstanceSeen {
        container: memory.container_seen(spec, observation.container),
        rootfs_mounted: observation.rootfs_mounted,
        has_files: !memory.files_destroyed,
        published,
        claimed,
        awaited: with_claims(|record, claim, access| record.in_the_way_of(claim, access).next().is_some()),
        shared: with_claims(|record, claim, _| record.claims().any(|other| *other != claim)),
        given_up: memory.given_up(spec.generation),
        host_network_allowed: host.allow_host_network,
    };
    Ok((observation, seen))
}

/// How to continue after a step.
#[derive(PartialEq, Eq)]
enum Next {
    Step,
    /// The rest of the plan was made for a state that no longer exists.
    PlanAgain,
}

async fn execute(
    host: &Arc<Host>,
    spec: &InstanceSpec,
    memory: &mut Memory,
    step: InstanceStep,
) -> Result<Next, StepError> {
    tracing::debug!(instance = %spec.id, "{step}");
    let id = spec.id;
    match step {
        InstanceStep::Claim(attachment) => {
            let result = claim(host, id, &attachment).await;
            note(memory, &attachment, result)?;
        }
        InstanceStep::Publish(attachment) => {
            let result = publish(host, id, &attachment).await;
            note(memory, &attachment, result)?;
        }
        InstanceStep::Detach { attachment, force, stays_staged } => {
            return detach(host, spec, memory, &attachment, force, stays_staged).await;
        }
        InstanceStep::Release { attachment, volume, hand_over } => {
            let afterwards = if hand_over { Afterwards::HandedOn } else { Afterwards::Unmounted };
            volume_queue::release(host, volume, Claim { attachment, instance: id }, afterwards).await?;
        }
        InstanceStep::RefuseHostNetwork => {
            let message =
                "this host's configuration (agent.allow_host_network) does not allow \"network\": \"host\"";
            return Err(StepError::Failed(Failure { code: FailureCode::CannotRun, message: message.into() }));
        }
        InstanceStep::CreateContainer => {
            let created = spec.clone();
            call(host, move |driver| driver.create(&created).map(|_pid| ())).await?;
            memory.prepared = Some(Prepared::by(spec));
        }
        InstanceStep::Start => {
            memory.prepared = None;
            call(host, move |driver| {
                failpoint!("agent.instance.before-start")?;
                driver.start(id)?;
                failpoint!("agent.instance.after-start")?;
                Ok(())
            })
            .await?;
            memory.started();
        }
        InstanceStep::Stop { grace_seconds } => {
            let (code, ended_at) = stop(host, id, Duration::from_secs(grace_seconds.into())).await?;
            memory.exit_code = code.or(memory.exit_code);
            memory.ended_at = Some(ended_at);
        }
        InstanceStep::RemoveContainer => {
            memory.prepared = None;
            call(host, move |driver| driver.remove_container(id).map(|_| ())).await?;
        }
        InstanceStep::DestroyFiles => {
            call(host, move |driver| driver.destroy(id).map(|_| ())).await?;
            memory.files_destroyed = true;
        }
    }
    Ok(Next::Step)
}

/// Records the outcome for the attachment, and names the volume in the instance's failure.
fn note(
    memory: &mut Memory,
    attachment: &AttachmentSpec,
    result: Result<(), StepError>,
) -> Result<(), StepError> {
    match result {
        Ok(()) => {
            memory.attachment_failures.remove(&attachment.id);
            Ok(())
        }
        Err(StepError::NotYet(failure)) => Err(StepError::NotYet(failure)),
        Err(error) => {
            let failure = error.into_failure();
            let message = format!(
                "volume {} cannot be mounted at {}: {}",
                attachment.volume_id, attachment.mount_path, failure.message
            );
            memory.attachment_failures.insert(attachment.id, failure.clone());
            Err(StepError::Failed(Failure::new(failure.code, message)))
        }
    }
}

/// Ends the instance's processes. Returns the exit code of the first one, and when that ended.
async fn stop(
    host: &Arc<Host>,
    id: InstanceId,
    grace: Duration,
) -> Result<(Option<i32>, Timestamp), RuntimeError> {
    let exited = host.driver.exited(id);
    let mut exited = std::pin::pin!(async move {
        exited.await;
        Timestamp::now()
    });
    let driver = host.driver.clone();
    let mut stopped = std::pin::pin!(blocking(move || driver.stop(id, grace)));
    let mut gone_at = None;
    loop {
        tokio::select! {
            biased;
            at = &mut exited, if gone_at.is_none() => gone_at = Some(at),
            code = &mut stopped => return Ok((code?, gone_at.unwrap_or_else(Timestamp::now))),
        }
    }
}

async fn claim(host: &Arc<Host>, instance: InstanceId, attachment: &AttachmentSpec) -> Result<(), StepError> {
    let claim = Claim { attachment: attachment.id, instance };
    let volume = attachment.volume_id;
    let claimed = volume_queue::claim(host, volume, claim, Access::of(attachment)).await;
    if claimed.as_ref().is_err_and(|error| !error.is_in_use()) {
        // The volume itself may have failed, and its own status must say so.
        let host = host.clone();
        tokio::spawn(async move { volume_queue::reconcile(&host, volume, None).await });
    }
    claimed.map(|_staged| ())
}

async fn publish(
    host: &Arc<Host>,
    instance: InstanceId,
    attachment: &AttachmentSpec,
) -> Result<(), StepError> {
    let Some(staged) = host.volumes.staged(attachment.volume_id) else {
        return Err(StepError::host(format!("volume {} is not mounted on the host", attachment.volume_id)));
    };
    let (path, read_only) = (attachment.mount_path.clone(), attachment.read_only);
    call(host, move |driver| {
        failpoint!("agent.instance.before-publish")?;
        driver.publish(instance, &staged, &path, read_only)?;
        failpoint!("agent.instance.after-publish")?;
        Ok(())
    })
    .await
}

/// Unmounts the volume in the running instance and on the host. If processes hold it, retries for a while, then remembers
/// them and leaves the volume attached.
async fn detach(
    host: &Arc<Host>,
    spec: &InstanceSpec,
    memory: &mut Memory,
    attachment: &AttachmentSpec,
    force: bool,
    stays_staged: bool,
) -> Result<Next, StepError> {
    let deadline = Instant::now() + DETACH_PATIENCE;
    let mut pause = Duration::from_millis(5);
    // If the volume stays mounted on the host, nothing later shows whether a copy of the namespace still has it.
    let mut reach = if stays_staged { Reach::Copies } else { Reach::Instance };
    loop {
        let mut holders = match try_detach(host, spec.id, attachment, reach).await {
            Ok(()) => return Ok(Next::Step),
            Err(StepError::Busy(_)) if reach == Reach::Instance => {
                reach = Reach::Copies;
                continue;
            }
            Err(StepError::Busy(holders)) => holders,
            Err(error) => return Err(error),
        };
        if Instant::now() >= deadline {
            holders.truncate(Holder::REPORTED_MAX);
            memory.busy.insert(attachment.id, (spec.generation, holders));
            return Ok(Next::PlanAgain);
        }
        if force {
            let (driver, instance) = (host.driver.clone(), spec.id);
            let pids: Vec<u32> = holders.iter().map(|h| h.pid).collect();
            let first_process_ended = blocking(move || driver.end_processes(instance, &pids)).await?;
            if first_process_ended {
                return Ok(Next::PlanAgain);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// One attempt. If it fails because something holds the volume, the volume is published as before.
async fn try_detach(
    host: &Arc<Host>,
    instance: InstanceId,
    attachment: &AttachmentSpec,
    reach: Reach,
) -> Result<(), StepError> {
    let volume = attachment.volume_id;
    if let Some(staged) = host.volumes.staged(volume) {
        call(host, move |driver| {
            failpoint!("agent.instance.before-unpublish")?;
            driver.unpublish(instance, staged.device_number(), reach)?;
            failpoint!("agent.instance.after-unpublish")?;
            Ok(())
        })
        .await?;
    }
    let claim = Claim { attachment: attachment.id, instance };
    let released = volume_queue::release(host, volume, claim, Afterwards::Unmounted).await;
    if let Err(StepError::Busy(_)) = released {
        // Gone from the instance, but in use on the host: the attachment stays as it was.
        publish(host, instance, attachment).await?;
    }
    released
}

async fn call(
    host: &Arc<Host>,
    call: impl FnOnce(&dyn miosa_runtime::InstanceDriver) -> Result<(), RuntimeError> + Send + 'static,
) -> Result<(), StepError> {
    let driver = host.driver.clone();
    Ok(blocking(move || call(&*driver)).await?)
}

fn status_of(
    host: &Arc<Host>,
    spec: &InstanceSpec,
    memory: &Memory,
    observation: &InstanceObservation,
    seen: &InstanceSeen,
) -> InstanceStatus {
    let device = |id: AttachmentId| {
        let attachment = spec.attachments.iter().find(|a| a.id == id)?;
        let staged = host.volumes.staged(attachment.volume_id)?;
        seen.claimed.contains_key(&id).then(|| staged.device().display().to_string())
    };
    memory.status(spec, observation, &seen.published, &seen.claimed.keys().copied().collect(), device)
}

/// Reports after a failed round. If observing fails as well, reports what is known without it.
async fn report(host: &Arc<Host>, spec: &InstanceSpec, memory: &Memory) {
    let status = match observe(host, spec, memory).await {
        Ok((observation, seen)) => status_of(host, spec, memory, &observation, &seen),
        Err(_) => {
            // Unknown is not absent: no attachment counts as published, and none as detached.
            let all: BTreeSet<_> = spec.attachments.iter().map(|a| a.id).collect();
            memory.status(spec, &InstanceObservation::nothing(), &BTreeSet::new(), &all, |_| None)
        }
    };
    host.board.set_instance(status);
}
