//! Roll-outs: tables of single plans, and a world in which the plan is carried out against every kind of bad release.

use miosa_domain::service::{ReasonCode, ReplicaState};
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::{InstanceId, ReleaseId};
use miosa_plan::{
    ReplicaSeen, Rollout, RolloutOutcome, RolloutStep, RolloutWanted, Succession, service_plan,
};
use proptest::prelude::*;
use uuid::Uuid;

fn instance(n: u32) -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(n.into()))
}

fn release(n: u128) -> ReleaseId {
    ReleaseId::from_uuid(Uuid::from_u128(n))
}

const OLD: u128 = 1;
const NEW: u128 = 2;

fn wanted(replicas: u32, is_exclusive: bool) -> RolloutWanted {
    let succession = if is_exclusive { Succession::InOrder } else { Succession::Overlapping };
    RolloutWanted { release: release(NEW), replicas, succession, is_proven: false }
}

/// A healthy one of `of`.
fn healthy(n: u32, of: u128, index: u32) -> ReplicaSeen {
    ReplicaSeen {
        instance: instance(n),
        release: release(of),
        index,
        state: ReplicaState::Healthy,
        is_successor: false,
        was_healthy: true,
        ends: 0,
        exit_code: None,
        is_overdue: false,
        failure: None,
    }
}

/// One of `of` that has just been told to start in the place of another.
fn starting(n: u32, of: u128, index: u32) -> ReplicaSeen {
    ReplicaSeen {
        state: ReplicaState::Provisioning,
        is_successor: true,
        was_healthy: false,
        ..healthy(n, of, index)
    }
}

fn start(index: u32, predecessor: Option<u32>) -> RolloutStep {
    RolloutStep::Start { index, predecessor: predecessor.map(instance) }
}

fn retire(n: u32) -> RolloutStep {
    RolloutStep::Retire { instance: instance(n) }
}

fn steps(plan: Rollout) -> Vec<RolloutStep> {
    assert_eq!(plan.outcome, None, "it is neither done nor failed");
    plan.steps
}

/// Aim: the order in which replicas come and go, for volumes with one user and for all others.
#[test]
fn single_plans() {
    // The first release starts everywhere at once.
    assert_eq!(steps(service_plan(&wanted(2, true), &[])), [start(0, None), start(1, None)]);
    // One replica at a time is replaced.
    let two_old = [healthy(10, OLD, 0), healthy(11, OLD, 1)];
    for is_exclusive in [true, false] {
        assert_eq!(steps(service_plan(&wanted(2, is_exclusive), &two_old)), [start(0, Some(10))]);
    }
    // Until its successor is healthy, the next one waits, and a predecessor that need not end yet serves on.
    let half_way = [healthy(10, OLD, 0), starting(20, NEW, 0), healthy(11, OLD, 1)];
    assert_eq!(steps(service_plan(&wanted(2, false), &half_way)), []);
    let next = [healthy(10, OLD, 0), healthy(20, NEW, 0), healthy(11, OLD, 1)];
    assert_eq!(steps(service_plan(&wanted(2, false), &next)), [retire(10), start(1, Some(11))]);
    // Of an exclusive volume, a predecessor that is still there ends whatever happened.
    let both = [healthy(10, OLD, 0), starting(20, NEW, 0)];
    assert_eq!(steps(service_plan(&wanted(1, true), &both)), [retire(10)]);
    // Scaling up does not wait for anybody; scaling down takes the highest.
    let more = service_plan(&wanted(3, true), &[healthy(20, NEW, 0)]);
    assert_eq!(steps(more), [start(1, None), start(2, None)]);
    let fewer = service_plan(&wanted(1, true), &[healthy(20, NEW, 0), healthy(21, NEW, 1)]);
    assert_eq!((fewer.steps, fewer.outcome), (vec![retire(21)], Some(RolloutOutcome::Succeeded)));
    // A predecessor that was never healthy itself serves nobody.
    let sick = [starting(10, OLD, 0), starting(20, NEW, 0)];
    assert_eq!(steps(service_plan(&wanted(1, false), &sick)), [retire(10)]);
    // Where old and new exclude each other, all old ones end before the first new one starts.
    let at_once = RolloutWanted { succession: Succession::AtOnce, ..wanted(2, true) };
    let all = [retire(10), retire(11), start(0, Some(10)), start(1, Some(11))];
    assert_eq!(steps(service_plan(&at_once, &two_old)), all);
    assert_eq!(steps(service_plan(&at_once, &[healthy(20, NEW, 0), starting(21, NEW, 1)])), []);
    // Nothing is a success, too.
    assert_eq!(service_plan(&wanted(0, true), &[]).outcome, Some(RolloutOutcome::Succeeded));
}

/// Aim: a release fails for good reasons, says which, and only as long as it was not proven.
#[test]
fn failures_are_named() {
    let failed = |code| Some(Failure { code, message: "volume v cannot be mounted at /data: no".into() });
    let cases = [
        (ReplicaSeen { ends: 2, ..starting(20, NEW, 0) }, None),
        (ReplicaSeen { ends: 3, ..starting(20, NEW, 0) }, Some(ReasonCode::CrashLoop)),
        (ReplicaSeen { ends: 9, was_healthy: true, ..starting(20, NEW, 0) }, None),
        (ReplicaSeen { is_overdue: true, ..starting(20, NEW, 0) }, Some(ReasonCode::NotHealthy)),
        (ReplicaSeen { state: ReplicaState::Stopped, ..starting(20, NEW, 0) }, Some(ReasonCode::CrashLoop)),
        (ReplicaSeen { failure: failed(FailureCode::HostError), ..starting(20, NEW, 0) }, None),
        (
            ReplicaSeen { failure: failed(FailureCode::DataMissing), ..starting(20, NEW, 0) },
            Some(ReasonCode::CannotStart),
        ),
        (
            ReplicaSeen { failure: failed(FailureCode::HostError), is_overdue: true, ..starting(20, NEW, 0) },
            Some(ReasonCode::CannotStart),
        ),
        // Another release's, or a surplus one's, says nothing about this release.
        (ReplicaSeen { ends: 3, ..starting(20, OLD, 0) }, None),
        (ReplicaSeen { ends: 3, ..starting(20, NEW, 1) }, None),
    ];
    for (seen, code) in cases {
        let plan = service_plan(&wanted(1, true), std::slice::from_ref(&seen));
        match (plan.outcome, code) {
            (Some(RolloutOutcome::Failed(reason)), Some(code)) => {
                assert_eq!(reason.code, code, "{seen:?}");
                assert!(plan.steps.is_empty(), "a failed release has no steps: {seen:?}");
                let said =
                    seen.failure.as_ref().is_none_or(|failure| reason.detail.contains(&failure.message));
                assert!(reason.detail.starts_with("replica 0 ") && said, "{}", reason.detail);
            }
            (outcome, None) => {
                assert!(!matches!(outcome, Some(RolloutOutcome::Failed(_))), "{seen:?}: {outcome:?}");
            }
            (outcome, Some(code)) => panic!("{seen:?}: {outcome:?} instead of {code:?}"),
        }
        let proven = RolloutWanted { is_proven: true, ..wanted(1, true) };
        let outcome = service_plan(&proven, &[seen]).outcome;
        assert!(!matches!(outcome, Some(RolloutOutcome::Failed(_))), "what was good is not given up");
    }
}

/// How instances of the new release behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Good,
    Crashes,
    NeverHealthy,
}

/// Carries plans out as a host would, one event at a time.
struct World {
    wanted: RolloutWanted,
    behaviour: Behaviour,
    replicas: Vec<ReplicaSeen>,
    next: u32,
    /// The most indexes of a replaced service that were not served at once.
    unserved_max: usize,
}

impl World {
    fn new(old: u32, replicas: u32, succession: Succession, behaviour: Behaviour) -> Self {
        let replicas_seen = (0..old).map(|index| healthy(100 + index, OLD, index)).collect();
        Self {
            wanted: RolloutWanted { succession, ..wanted(replicas, true) },
            behaviour,
            replicas: replicas_seen,
            next: 200,
            unserved_max: 0,
        }
    }

    fn carry_out(&mut self, step: RolloutStep) {
        match step {
            RolloutStep::Retire { instance } => self.replicas.retain(|replica| replica.instance != instance),
            RolloutStep::Start { index, predecessor } => {
                if self.wanted.succession == Succession::InOrder {
                    self.replicas.retain(|replica| Some(replica.instance) != predecessor);
                }
                self.next += 1;
                let of = if self.wanted.release == release(NEW) { NEW } else { OLD };
                let is_successor = predecessor.is_some();
                self.replicas.push(ReplicaSeen { is_successor, ..starting(self.next, of, index) });
            }
        }
    }

    /// One thing happens to the `pick`th instance that is not healthy yet.
    fn happen(&mut self, pick: usize) {
        let is_new = |replica: &ReplicaSeen| replica.release == release(NEW);
        let behaviour = self.behaviour;
        let mut waiting: Vec<_> = self.replicas.iter_mut().filter(|replica| !replica.was_healthy).collect();
        if waiting.is_empty() {
            return;
        }
        let at = pick % waiting.len();
        let replica = &mut *waiting[at];
        match behaviour {
            Behaviour::Crashes if is_new(replica) => replica.ends += 1,
            Behaviour::NeverHealthy if is_new(replica) => replica.is_overdue = true,
            _ => {
                replica.was_healthy = true;
                replica.state = ReplicaState::Healthy;
            }
        }
    }

    fn check(&mut self, replaced: u32) {
        for index in 0..replaced {
            let there = self.replicas.iter().filter(|replica| replica.index == index).count();
            if self.wanted.succession != Succession::Overlapping {
                assert!(there <= 1, "two users of replica {index}'s volume: {:?}", self.replicas);
            }
        }
        let is_served = |index: &u32| self.replicas.iter().any(|r| r.index == *index && r.was_healthy);
        let unserved = (0..replaced.min(self.wanted.replicas)).filter(|index| !is_served(index)).count();
        self.unserved_max = self.unserved_max.max(unserved);
    }
}

proptest! {
    /// Aim: whatever comes in which order, a good release ends up everywhere, a bad one costs at most one replica and leaves
    /// the old one everywhere, an exclusive volume never has two users, and every roll-out ends.
    #[test]
    fn roll_outs_end_well(
        old in 0_u32..5,
        replicas in 1_u32..6,
        succession in
            prop_oneof![Just(Succession::InOrder), Just(Succession::Overlapping), Just(Succession::AtOnce)],
        behaviour in prop_oneof![Just(Behaviour::Good), Just(Behaviour::Crashes), Just(Behaviour::NeverHealthy)],
        picks in prop::collection::vec(any::<usize>(), 400),
    ) {
        let mut world = World::new(old, replicas, succession, behaviour);
        let mut outcome = None;
        for pick in picks {
            let plan = service_plan(&world.wanted, &world.replicas);
            for step in plan.steps {
                world.carry_out(step);
                world.check(old);
            }
            match plan.outcome {
                Some(RolloutOutcome::Failed(_)) => {
                    // What the store does: the last good release is wanted again, if there is one.
                    prop_assert!(outcome.is_none(), "it failed twice");
                    outcome = Some(false);
                    if old == 0 {
                        world.replicas.clear();
                        break;
                    }
                    world.wanted = RolloutWanted { release: release(OLD), is_proven: true, ..world.wanted };
                }
                Some(RolloutOutcome::Succeeded) => {
                    outcome.get_or_insert(true);
                    break;
                }
                None => world.happen(pick),
            }
        }
        prop_assert_eq!(outcome, Some(behaviour == Behaviour::Good));
        let served = if behaviour == Behaviour::Good { NEW } else { OLD };
        let settled = service_plan(&world.wanted, &world.replicas);
        if behaviour == Behaviour::Good || old > 0 {
            prop_assert_eq!(settled.outcome, Some(RolloutOutcome::Succeeded));
            for step in settled.steps {
                world.carry_out(step);
            }
            let mut indexes: Vec<u32> = world.replicas.iter().map(|replica| replica.index).collect();
            indexes.sort_unstable();
            prop_assert_eq!(indexes, (0..replicas).collect::<Vec<_>>());
            prop_assert!(world.replicas.iter().all(|replica| replica.release == release(served)));
        }
        let down_max = match succession {
            Succession::Overlapping => 0,
            Succession::InOrder => 1,
            Succession::AtOnce => usize::MAX,
        };
        prop_assert!(world.unserved_max <= down_max, "{} replicas were down at once", world.unserved_max);
    }
}
