//! From a release that should be served and the replicas that are there to the next steps of a roll-out.
//!
//! ```text
//!   in order       old ends ──► new starts ──► new is healthy ──► the next replica         exclusive volumes
//!   overlapping    new starts ──► new is healthy ──► old ends ──► the next replica         all others
//!   at once        all old ones end ──► all new ones start        a volume that old and new use in ways that exclude each other
//! ```
//!
//! A replica that has a predecessor is replaced one at a time, so that a bad release costs one replica and not the service.
//! Replicas without one (the first release, scaling up) start all at once.
//!
//! The plan is made anew after every report, from rows alone; it keeps nothing, so it does not matter where it was cut off.

use miosa_domain::service::{ENDS_BEFORE_HEALTHY_MAX, ReasonCode, ReleaseReason, ReplicaState};
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::{InstanceId, ReleaseId};

/// What is to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RolloutWanted {
    pub release: ReleaseId,
    pub replicas: u32,
    pub succession: Succession,
    /// The release was served before, or has nothing to fall back to but itself: its replicas are started whatever they do.
    pub is_proven: bool,
}

/// How a replica's place is taken by its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    Overlapping,
    /// Two instances of one replica must not run at once.
    InOrder,
    /// No two instances of different releases must run at once.
    AtOnce,
}

/// A replica that was not told to end yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSeen {
    pub instance: InstanceId,
    pub release: ReleaseId,
    pub index: u32,
    pub state: ReplicaState,
    /// It took the place of another one.
    pub is_successor: bool,
    pub was_healthy: bool,
    /// How often its first process ended by itself, and with which code the last time, if that is known.
    pub ends: u32,
    pub exit_code: Option<i32>,
    /// It should have been healthy by now.
    pub is_overdue: bool,
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutStep {
    /// Start an instance of the wanted release. Where successors come in order, its predecessor is told to end in the same
    /// moment.
    Start { index: u32, predecessor: Option<InstanceId> },
    /// Tell an instance to end.
    Retire { instance: InstanceId },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutOutcome {
    /// Every replica is one of the wanted release, and was healthy.
    Succeeded,
    Failed(ReleaseReason),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollout {
    pub steps: Vec<RolloutStep>,
    /// `None`: it goes on.
    pub outcome: Option<RolloutOutcome>,
}

/// The next steps. After a failure there are none: what is wanted is another release then.
pub fn service_plan(wanted: &RolloutWanted, seen: &[ReplicaSeen]) -> Rollout {
    let own = |replica: &&ReplicaSeen| replica.release == wanted.release && replica.index < wanted.replicas;
    if !wanted.is_proven
        && let Some(reason) = seen.iter().filter(own).find_map(why_failed)
    {
        return Rollout { steps: Vec::new(), outcome: Some(RolloutOutcome::Failed(reason)) };
    }

    let is_at_once = wanted.succession == Succession::AtOnce;
    let surplus = seen.iter().filter(|replica| {
        replica.index >= wanted.replicas || (is_at_once && replica.release != wanted.release)
    });
    let mut steps: Vec<_> =
        surplus.map(|replica| RolloutStep::Retire { instance: replica.instance }).collect();
    let mut is_replacing = seen.iter().filter(own).any(|new| new.is_successor && !new.was_healthy);
    let mut all_there = true;
    for index in 0..wanted.replicas {
        let at_index = || seen.iter().filter(move |replica| replica.index == index);
        let mut old = at_index().filter(|replica| replica.release != wanted.release);
        match at_index().find(own) {
            Some(new) if is_at_once => all_there &= new.was_healthy,
            Some(new) if new.was_healthy => {
                steps.extend(old.map(|old| RolloutStep::Retire { instance: old.instance }));
            }
            Some(new) => {
                all_there = false;
                // Of an exclusive volume there is one user at most, whatever was cut off where.
                if wanted.succession == Succession::InOrder {
                    steps.extend(old.map(|old| RolloutStep::Retire { instance: old.instance }));
                } else {
                    // One that never became healthy serves nobody, so nobody waits for its successor.
                    let useless = old.filter(|old| !old.was_healthy && old.instance != new.instance);
                    steps.extend(useless.map(|old| RolloutStep::Retire { instance: old.instance }));
                }
            }
            None => {
                all_there = false;
                let predecessor = old.next();
                if predecessor.is_some() && is_replacing && !is_at_once {
                    continue;
                }
                is_replacing |= predecessor.is_some();
                steps.push(RolloutStep::Start { index, predecessor: predecessor.map(|old| old.instance) });
            }
        }
    }
    Rollout { steps, outcome: all_there.then_some(RolloutOutcome::Succeeded) }
}

/// Why this replica's release cannot be served, if that is certain.
fn why_failed(replica: &ReplicaSeen) -> Option<ReleaseReason> {
    if replica.was_healthy {
        return None;
    }
    let index = replica.index;
    let said = replica.failure.as_ref().map(|failure| failure.message.as_str());
    let because = |text: &str| match said {
        Some(said) => format!("replica {index} {text}: {said}"),
        None => format!("replica {index} {text}; look at its logs"),
    };
    let reason = |code, detail| Some(ReleaseReason { code, detail });
    let cannot_start = replica.failure.as_ref().is_some_and(|failure| is_final(failure.code));
    if cannot_start {
        return reason(ReasonCode::CannotStart, because("cannot start"));
    }
    if replica.ends >= ENDS_BEFORE_HEALTHY_MAX {
        // The host's own words tell how it goes on, which it does not.
        let code =
            replica.exit_code.map(|code| format!(", the last time with code {code}")).unwrap_or_default();
        let ends = replica.ends;
        let detail =
            format!("replica {index} ended {ends} times before it was healthy{code}; look at its logs");
        return reason(ReasonCode::CrashLoop, detail);
    }
    if replica.state == ReplicaState::Stopped {
        return reason(
            ReasonCode::CrashLoop,
            because("ended before it was healthy, and is not to start again"),
        );
    }
    if replica.is_overdue {
        return match replica.failure {
            Some(_) => reason(ReasonCode::CannotStart, because("did not start in time")),
            None => reason(ReasonCode::NotHealthy, because("was not healthy in time")),
        };
    }
    None
}

/// Trying again does not help as long as nobody changes something.
fn is_final(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::CannotRun
            | FailureCode::DataMissing
            | FailureCode::ForeignData
            | FailureCode::MountPathUnusable
    )
}
