//! The memory of an instance's task between rounds, and the status derived from it.
//!
//! **Crash safety.** The memory is lost with the agent. It holds only backoff times and details of reports.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, InstanceSpec, RestartPolicy};
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, Failure, FailureCode, Health, Holder, InstanceState,
    InstanceStatus,
};
use miosa_domain::{AttachmentId, Generation};
use miosa_plan::ContainerSeen;
use miosa_runtime::{ContainerState, InstanceObservation};

/// A first process that runs this long started successfully: the count of failures is reset.
const STEADY_AFTER: Duration = Duration::from_secs(10);

/// After this many early exits in a row the status is `Failed`. The agent keeps restarting.
const CRASH_LOOP_AFTER: u32 = 3;

/// The memory of one instance.
#[derive(Default)]
pub(crate) struct Memory {
    /// The run that the counters below belong to.
    run: u64,
    pub(crate) exit_code: Option<i32>,
    /// When the last first process had ended.
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) restart_count: u32,
    early_exits: u32,
    started_at: Option<Instant>,
    /// The earliest time of the next start.
    not_before: Option<Instant>,
    /// Why the last round failed.
    pub(crate) failure: Option<Failure>,
    failures_in_a_row: u32,
    pub(crate) attachment_failures: BTreeMap<AttachmentId, Failure>,
    /// Detaches that were given up, with their generation. They are not retried for the same one.
    pub(crate) busy: BTreeMap<AttachmentId, (Generation, Vec<Holder>)>,
    pub(crate) files_destroyed: bool,
    /// What the container that waits for its first start was created from.
    pub(crate) prepared: Option<Prepared>,
}

/// The fields of a spec that a container is created from.
#[derive(PartialEq)]
pub(crate) struct Prepared(InstanceSpec);

impl Prepared {
    pub(crate) fn by(spec: &InstanceSpec) -> Self {
        Self(InstanceSpec {
            generation: Generation::default(),
            desired: DesiredRun::Running,
            stop_grace_seconds: 0,
            restart_policy: RestartPolicy::default(),
            health: None,
            attachments: Vec::new(),
            ..spec.clone()
        })
    }
}

impl Memory {
    /// Resets the memory for a new run.
    pub(crate) fn enter_run(&mut self, run: u64) {
        if self.run != run {
            *self = Self {
                run,
                exit_code: self.exit_code,
                ended_at: self.ended_at,
                busy: std::mem::take(&mut self.busy),
                ..Self::default()
            };
        }
    }

    pub(crate) fn forget_what_the_spec_dropped(&mut self, spec: &InstanceSpec) {
        self.busy.retain(|_, (at, _)| *at == spec.generation);
        let wanted = |id: &AttachmentId| {
            spec.attachments.iter().any(|a| a.id == *id && a.desired == DesiredAttachment::Attached)
        };
        self.attachment_failures.retain(|id, _| wanted(id));
    }

    pub(crate) fn container_seen(&self, spec: &InstanceSpec, container: ContainerState) -> ContainerSeen {
        match container {
            ContainerState::Absent => ContainerSeen::Absent,
            ContainerState::Created { .. } => {
                ContainerSeen::Created { prepared: self.prepared.as_ref() == Some(&Prepared::by(spec)) }
            }
            ContainerState::Running { run, .. } => ContainerSeen::Running { run },
            ContainerState::Exited { code, run, ran: true } => ContainerSeen::Exited { run, code },
            // A crash during a start; the process that ended was not the workload.
            ContainerState::Exited { ran: false, .. } => ContainerSeen::Created { prepared: false },
        }
    }

    /// Records how the container ended, before the container is removed.
    pub(crate) fn saw(&mut self, spec: &InstanceSpec, observation: &InstanceObservation) {
        if let ContainerState::Exited { code, .. } = observation.container
            && self.container_seen(spec, observation.container).has_ended(spec)
        {
            self.exit_code = code;
        }
        // The time recorded by `stop` is more precise than the container's.
        if let ContainerState::Exited { ran: true, .. } = observation.container
            && (self.ended_at.is_none() || self.ended_at < observation.started_at)
        {
            self.ended_at = observation.ended_at;
        }
    }

    pub(crate) fn started(&mut self) {
        self.started_at = Some(Instant::now());
        self.not_before = None;
    }

    /// The plan is to start the first process. If it had ended although it should run, a pause comes before that.
    pub(crate) fn is_to_start(&mut self, spec: &InstanceSpec, observation: &InstanceObservation) {
        if let ContainerState::Exited { code, run, ran: true } = observation.container
            && run == spec.run
            && self.not_before.is_none()
        {
            self.ended_by_itself(code);
        }
    }

    /// How long to wait before the first process may be started; `None` if it may be now.
    pub(crate) fn pause_before_start(&self) -> Option<Duration> {
        let pause = self.not_before?.saturating_duration_since(Instant::now());
        (!pause.is_zero()).then_some(pause)
    }

    fn ended_by_itself(&mut self, code: Option<i32>) {
        let lived = self.started_at.take().map(|at| at.elapsed());
        self.exit_code = code.or(self.exit_code);
        self.restart_count += 1;
        // If this agent did not start the process (it was adopted, or the host went down), the exit does not count as early.
        self.early_exits = if lived.is_some_and(|l| l < STEADY_AFTER) { self.early_exits + 1 } else { 0 };
        self.not_before = Some(Instant::now() + delay(self.early_exits));
    }

    pub(crate) fn round_failed(&mut self, failure: Failure) -> Duration {
        self.failures_in_a_row += 1;
        self.failure = Some(failure);
        delay(self.failures_in_a_row).max(Duration::from_millis(200))
    }

    pub(crate) fn round_succeeded(&mut self) {
        self.failures_in_a_row = 0;
        self.failure = None;
    }

    /// Attachments whose detach was given up at this generation.
    pub(crate) fn given_up(&self, generation: Generation) -> BTreeSet<AttachmentId> {
        let given_up = self.busy.iter().filter(|(_, (at, _))| *at == generation);
        given_up.map(|(id, _)| *id).collect()
    }

    /// The status of an instance that was just observed.
    pub(crate) fn status(
        &self,
        spec: &InstanceSpec,
        observation: &InstanceObservation,
        published: &BTreeSet<AttachmentId>,
        claimed: &BTreeSet<AttachmentId>,
        device: impl Fn(AttachmentId) -> Option<String>,
    ) -> InstanceStatus {
        let container = observation.container;
        let has_ended = self.container_seen(spec, container).has_ended(spec);
        let state = match (spec.desired, container) {
            (DesiredRun::Running, ContainerState::Running { pid, run }) if run == spec.run => {
                InstanceState::Running { pid }
            }
            (DesiredRun::Running, _) => match &self.failure {
                Some(failure) => InstanceState::Failed(failure.clone()),
                None if has_ended => InstanceState::Ended,
                None if self.early_exits >= CRASH_LOOP_AFTER => InstanceState::Failed(self.crash_loop()),
                None => InstanceState::Starting,
            },
            (_, ContainerState::Running { .. } | ContainerState::Created { .. }) => InstanceState::Stopping,
            (DesiredRun::Destroyed, _) if self.files_destroyed => InstanceState::Gone,
            (DesiredRun::Destroyed | DesiredRun::Stopped, _) => match &self.failure {
                Some(failure) => InstanceState::Failed(failure.clone()),
                None => InstanceState::Stopped,
            },
        };
        let running = matches!(state, InstanceState::Running { .. });
        let attachments = spec.attachments.iter().map(|attachment| {
            let id = attachment.id;
            let state = match attachment.desired {
                DesiredAttachment::Attached
                    if running && published.contains(&id) && claimed.contains(&id) =>
                {
                    AttachmentCondition::Attached
                }
                DesiredAttachment::Attached => match self.attachment_failures.get(&id) {
                    Some(failure) => AttachmentCondition::Failed(failure.clone()),
                    None => AttachmentCondition::Pending,
                },
                DesiredAttachment::Detached { .. } if !published.contains(&id) && !claimed.contains(&id) => {
                    AttachmentCondition::Detached
                }
                DesiredAttachment::Detached { .. } => match self.busy.get(&id) {
                    Some((at, holders)) if *at == spec.generation => {
                        AttachmentCondition::Busy { holders: holders.clone() }
                    }
                    _ => AttachmentCondition::Pending,
                },
            };
            AttachmentStatus { id, state, device: device(id) }
        });
        InstanceStatus {
            id: spec.id,
            generation: spec.generation,
            run: spec.run,
            attachments: attachments.collect(),
            state,
            exit_code: self.exit_code,
            restart_count: self.restart_count,
            started_at: observation.started_at,
            ended_at: self.ended_at,
            health: Health::Unknown, // the board sets it
        }
    }

    fn crash_loop(&self) -> Failure {
        let code = self.exit_code.map(|code| format!(" with code {code}")).unwrap_or_default();
        Failure {
            code: FailureCode::CrashLoop,
            message: format!(
                "the first process ended {} times in a row{code}, each time soon after its start; see its logs. It is \
                 restarted with growing pauses",
                self.early_exits
            ),
        }
    }
}

/// The pause after the `n`th failure in a row: none after the first, then doubling up to 30 s.
fn delay(n: u32) -> Duration {
    match n {
        0 | 1 => Duration::ZERO,
        n => Duration::from_millis(100 << (n - 2).min(9)).min(Duration::from_secs(30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (0..14).map(|n| delay(n).as_millis()).collect();
        assert_eq!(pauses[..5], [0, 0, 100, 200, 400]);
        assert_eq!(*pauses.last().unwrap(), 30_000);
        assert!(pauses.is_sorted());
    }

    #[test]
    fn early_exits_become_a_crash_loop_and_a_new_run_resets_them() {
        let mut memory = Memory::default();
        memory.enter_run(1);
        for _ in 0..CRASH_LOOP_AFTER {
            memory.started();
            memory.ended_by_itself(Some(7));
        }
        assert_eq!(memory.restart_count, CRASH_LOOP_AFTER);
        assert!(memory.crash_loop().message.contains("with code 7"));
        assert!(memory.early_exits >= CRASH_LOOP_AFTER);
        memory.enter_run(2);
        assert_eq!((memory.early_exits, memory.restart_count, memory.not_before), (0, 0, None));
    }

    #[test]
    fn a_life_nobody_saw_begin_is_started_again_at_once() {
        let mut memory = Memory::default();
        memory.ended_by_itself(None);
        assert!(memory.not_before.unwrap() <= Instant::now());
    }
}
