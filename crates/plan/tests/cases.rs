//! Both planners as tables: wanted and seen in, steps out. One line a case, so a change of behaviour is a change of a line.

use std::collections::{BTreeMap, BTreeSet};

use miosa_domain::spec::{
    AttachmentSpec, DesiredAttachment, DesiredRun, InstanceSpec, Network, Origin, Presence, Resources,
    RestartPolicy, SnapshotPresence, VolumeSpec,
};
use miosa_domain::{AttachmentId, Generation, InstanceId, MountPath, SnapshotId, VolumeId};
use miosa_plan::{
    ContainerSeen, ImageSeen, InstanceSeen, InstanceStep, Obstacle, SnapshotObstacle, SnapshotSeen,
    SnapshotStep, SnapshotWanted, VolumeSeen, VolumeStep, VolumeWanted, instance_plan, snapshot_plan,
    volume_plan,
};
use proptest::prelude::*;
use uuid::Uuid;

fn attachment_id(n: u8) -> AttachmentId {
    AttachmentId::from_uuid(Uuid::from_u128(u128::from(n)))
}

/// `desired`: the computer's. `attachments`: `a` wanted, `a-` to detach, `a!` to detach by force; the letter is the id.
fn spec(desired: DesiredRun, run: u64, attachments: &str) -> InstanceSpec {
    let attachments = attachments
        .split_whitespace()
        .map(|word| {
            let n = word.as_bytes()[0];
            AttachmentSpec {
                id: attachment_id(n),
                volume_id: volume_id(n),
                mount_path: MountPath::parse(&format!("/mnt/{}", n as char)).unwrap(),
                read_only: false,
                shared: false,
                desired: match &word[1..] {
                    "" => DesiredAttachment::Attached,
                    "-" => DesiredAttachment::Detached { force: false },
                    "!" => DesiredAttachment::Detached { force: true },
                    other => panic!("{other:?}"),
                },
            }
        })
        .collect();
    InstanceSpec {
        id: InstanceId::from_uuid(Uuid::nil()),
        generation: Generation(1),
        desired,
        run,
        stop_grace_seconds: 10,
        hostname: "box".into(),
        template: "default".into(),
        resources: Resources { vcpus: 1, memory_mb: 512, pids_max: 100 },
        network: Network::Isolated,
        env: BTreeMap::new(),
        command: None,
        restart_policy: RestartPolicy::Always,
        health: None,
        attachments,
    }
}

fn volume_id(n: u8) -> VolumeId {
    VolumeId::from_uuid(Uuid::from_u128(u128::from(n) + 1000))
}

fn letters(letters: &str) -> BTreeSet<AttachmentId> {
    letters.bytes().map(attachment_id).collect()
}

fn shown(steps: &[InstanceStep]) -> String {
    let mut text: Vec<String> = Vec::new();
    for step in steps {
        let mut line = step.to_string();
        for letter in b'a'..=b'z' {
            line = line.replace(&attachment_id(letter).to_string(), &(letter as char).to_string());
        }
        text.push(line);
    }
    text.join(", ")
}

/// `seen`: `-` no container, `created`, `prepared`, `running:<run>`, `exited:<run>:<code>` (`?` for a code that nobody saw);
/// then claimed and published letters.
fn seen(container: &str, claimed: &str, published: &str) -> InstanceSeen {
    let words: Vec<_> = container.split(':').collect();
    let state = match words[..] {
        ["-"] => ContainerSeen::Absent,
        ["created"] => ContainerSeen::Created { prepared: false },
        ["prepared"] => ContainerSeen::Created { prepared: true },
        ["running", run] => ContainerSeen::Running { run: run.parse().unwrap() },
        ["exited", run, code] => ContainerSeen::Exited { run: run.parse().unwrap(), code: code.parse().ok() },
        _ => panic!("{container:?}"),
    };
    InstanceSeen {
        rootfs_mounted: state != ContainerSeen::Absent,
        has_files: true,
        container: state,
        claimed: claimed.bytes().map(|n| (attachment_id(n), volume_id(n))).collect(),
        published: letters(published),
        awaited: BTreeSet::new(),
        shared: BTreeSet::new(),
        given_up: BTreeSet::new(),
        host_network_allowed: false,
    }
}

/// The same, while others hold the volumes of these letters.
fn awaiting(held: &str, seen: InstanceSeen) -> InstanceSeen {
    InstanceSeen { awaited: letters(held), ..seen }
}

/// Desired state, run, attachments, what was observed, and the steps.
type Case = (DesiredRun, u64, &'static str, InstanceSeen, &'static str);

fn check(cases: &[Case]) {
    for (desired, run, attachments, seen, steps) in cases {
        let plan = instance_plan(&spec(*desired, *run, attachments), seen);
        assert_eq!(shown(&plan), *steps, "{desired:?} run {run} [{attachments}] with {seen:?}");
    }
}

#[test]
fn running_instances() {
    use DesiredRun::Running;
    check(&[
        // A fresh start: volumes first, the process last.
        (Running, 1, "", seen("-", "", ""), "create-container, start"),
        (
            Running,
            1,
            "a b",
            seen("-", "", ""),
            "claim a, claim b, create-container, publish a, publish b, start",
        ),
        (Running, 1, "a", seen("running:1", "a", "a"), ""),
        // Hot attach and detach.
        (Running, 1, "a b", seen("running:1", "a", "a"), "claim b, publish b"),
        (Running, 1, "a-", seen("running:1", "a", "a"), "detach a"),
        (Running, 1, "a!", seen("running:1", "a", "a"), "detach-by-force a"),
        (Running, 1, "a- b", seen("running:1", "a", "a"), "detach a, claim b, publish b"),
        // Cut off in the middle.
        (Running, 1, "a", seen("running:1", "a", ""), "claim a, publish a"),
        (Running, 1, "a", seen("running:1", "", "a"), "claim a"),
        (Running, 1, "a-", seen("running:1", "a", ""), "release a"),
        (Running, 1, "a-", seen("running:1", "", ""), ""),
        (
            Running,
            1,
            "a",
            seen("created", "a", "a"),
            "remove-container, claim a, create-container, publish a, start",
        ),
        // The process ended, the host rebooted, a restart was asked for.
        (
            Running,
            1,
            "a",
            seen("exited:1:0", "a", ""),
            "remove-container, claim a, create-container, publish a, start",
        ),
        (Running, 1, "a", seen("-", "a", ""), "claim a, create-container, publish a, start"),
        (
            Running,
            2,
            "a",
            seen("running:1", "a", "a"),
            "stop 10s, remove-container, claim a, create-container, publish a, start",
        ),
        (
            Running,
            2,
            "a-",
            seen("running:1", "a", "a"),
            "stop 10s, release a, remove-container, create-container, start",
        ),
        // What the spec does not name stays.
        (Running, 1, "", seen("running:1", "a", "a"), ""),
        (Running, 1, "", seen("exited:1:0", "a", ""), "remove-container, create-container, start"),
    ]);
}

/// Another claim holds a volume: the container is created meanwhile, and the process waits.
#[test]
fn instances_that_wait_for_a_volume() {
    use DesiredRun::{Running, Stopped};
    check(&[
        (
            Running,
            1,
            "a b",
            awaiting("a", seen("-", "", "")),
            "claim b, create-container, claim a, publish a, publish b, start",
        ),
        (
            Running,
            1,
            "a b",
            awaiting("a", seen("prepared", "b", "")),
            "claim a, publish a, claim b, publish b, start",
        ),
        (Running, 1, "a b", seen("prepared", "a b", "b"), "claim a, publish a, start"),
        (Running, 1, "a- b", seen("prepared", "a b", "a b"), "detach a, start"),
        (Running, 1, "", seen("prepared", "", ""), "start"),
        (
            Running,
            1,
            "a",
            awaiting("a", seen("created", "", "")),
            "remove-container, create-container, claim a, publish a, start",
        ),
        (Stopped, 1, "a", awaiting("a", seen("prepared", "", "")), "remove-container"),
    ]);
}

#[test]
fn instances_going_down() {
    use DesiredRun::{Destroyed, Stopped};
    check(&[
        (Stopped, 1, "a", seen("running:1", "a", "a"), "stop 10s, hand-over a, remove-container"),
        (Stopped, 1, "a", seen("exited:1:0", "a", ""), "remove-container, hand-over a"),
        (Stopped, 1, "a", seen("prepared", "a", "a"), "remove-container, hand-over a"),
        (Stopped, 1, "a", seen("-", "", ""), ""),
        (Stopped, 1, "a", seen("-", "a", ""), "hand-over a"),
        (
            Destroyed,
            1,
            "a-",
            seen("running:1", "a", "a"),
            "stop 10s, hand-over a, remove-container, destroy-files",
        ),
        (Destroyed, 1, "", seen("-", "", ""), "destroy-files"),
    ]);
}

/// The plan says when another claim keeps the volume mounted, does not repeat a detach that was given up, and refuses a
/// network that the operator does not allow.
#[test]
fn what_the_host_knows_decides() {
    use DesiredRun::{Running, Stopped};
    let running = || seen("running:1", "a", "a");
    let shared = InstanceSeen { shared: letters("a"), ..running() };
    let given_up = || InstanceSeen { given_up: letters("a"), ..running() };
    check(&[
        (Running, 1, "a-", shared, "detach a (stays staged)"),
        (Running, 1, "a- b", given_up(), "claim b, publish b"),
        (Running, 1, "a-", InstanceSeen { published: letters(""), ..given_up() }, ""),
        (Stopped, 1, "a-", given_up(), "stop 10s, hand-over a, remove-container"),
    ]);
    let steps = |allowed, container| {
        let spec = InstanceSpec { network: Network::Host, ..spec(Running, 1, "a") };
        let seen = InstanceSeen { host_network_allowed: allowed, ..seen(container, "", "") };
        shown(&instance_plan(&spec, &seen))
    };
    assert_eq!(steps(false, "-"), "refuse-host-network");
    assert_eq!(steps(false, "created"), "remove-container, refuse-host-network");
    assert_eq!(steps(true, "-"), "claim a, create-container, publish a, start");
}

/// A first process that ended by itself is started again as far as the policy says; the next run starts it in any case, and
/// one that never ran is started by every policy.
#[test]
fn restart_policies() {
    use RestartPolicy::{Always, No, OnFailure};
    const AGAIN: &str = "remove-container, claim a, create-container, publish a, start";
    for (policy, run, attachments, seen, steps) in [
        (Always, 1, "a", seen("exited:1:0", "a", ""), AGAIN),
        (Always, 1, "a", seen("exited:1:?", "a", ""), AGAIN),
        (OnFailure, 1, "a", seen("exited:1:1", "a", ""), AGAIN),
        (OnFailure, 1, "a", seen("exited:1:?", "a", ""), AGAIN),
        (OnFailure, 1, "a", seen("exited:1:0", "a", ""), ""),
        (OnFailure, 2, "a", seen("exited:1:0", "a", ""), AGAIN),
        (No, 1, "a", seen("exited:1:0", "a", ""), ""),
        (No, 1, "a", seen("exited:1:7", "a", ""), ""),
        (No, 1, "a", seen("exited:1:?", "a", ""), ""),
        (No, 2, "a", seen("exited:1:7", "a", ""), AGAIN),
        (No, 1, "a", seen("created", "a", ""), AGAIN),
        (No, 1, "a", seen("-", "a", ""), "claim a, create-container, publish a, start"),
        // Its claims stay, but for those that are to go.
        (No, 1, "a- b", seen("exited:1:0", "a b", ""), "release a"),
        (No, 1, "a b", seen("exited:1:0", "a", ""), ""),
        (No, 1, "", seen("exited:1:0", "a", ""), ""),
    ] {
        let spec = InstanceSpec { restart_policy: policy, ..spec(DesiredRun::Running, run, attachments) };
        assert_eq!(
            shown(&instance_plan(&spec, &seen)),
            steps,
            "{policy:?} run {run} [{attachments}] with {seen:?}"
        );
        for desired in [DesiredRun::Stopped, DesiredRun::Destroyed] {
            let spec = InstanceSpec { desired, ..spec.clone() };
            assert!(!instance_plan(&spec, &seen).contains(&InstanceStep::Start), "{desired:?} with {seen:?}");
        }
    }
}

#[test]
fn volumes() {
    use Presence::{Present, Purged, Trashed};
    let steps = |text: &str| Ok(text.to_owned());
    let foreign = || ImageSeen::Foreign("a folder".into());
    // presence, was whole once, claimed, image, staged
    let cases = [
        (Present, false, false, ImageSeen::Absent, false, steps("create-image")),
        (Present, true, false, present(0, SIZE), false, steps("")),
        (Present, true, true, present(0, SIZE), true, steps("")),
        (Present, true, true, present(0, SIZE), false, steps("")),
        (Present, true, false, present(0, SIZE), true, steps("unstage")),
        (Present, true, false, ImageSeen::InTrash, false, steps("restore-from-trash")),
        (Present, true, false, ImageSeen::Absent, false, Err(Obstacle::DataMissing)),
        (Present, true, true, ImageSeen::Absent, true, Err(Obstacle::DataMissing)),
        (Present, true, false, ImageSeen::Missing, false, Err(Obstacle::DataMissing)),
        (Present, false, false, ImageSeen::Missing, false, Err(Obstacle::DataMissing)),
        (Present, false, false, foreign(), false, Err(Obstacle::Foreign("a folder".into()))),
        (Trashed, true, false, present(0, SIZE), false, steps("move-to-trash")),
        (Trashed, true, false, present(0, SIZE), true, steps("unstage, move-to-trash")),
        (Trashed, true, true, present(0, SIZE), true, Err(Obstacle::StillClaimed)),
        (Trashed, true, false, ImageSeen::InTrash, false, steps("")),
        (Trashed, false, false, ImageSeen::Absent, false, steps("")),
        (Trashed, true, false, ImageSeen::Absent, false, Err(Obstacle::DataMissing)),
        (Purged, true, false, ImageSeen::InTrash, false, steps("purge")),
        (Purged, true, false, present(0, SIZE), true, steps("unstage, purge")),
        (Purged, true, true, present(0, SIZE), true, Err(Obstacle::StillClaimed)),
        (Purged, true, false, ImageSeen::Absent, false, steps("")),
        (Trashed, true, false, ImageSeen::Missing, false, Err(Obstacle::DataMissing)),
        (Purged, true, false, ImageSeen::Missing, false, steps("purge")),
        (Purged, true, false, foreign(), false, Err(Obstacle::Foreign("a folder".into()))),
    ];
    for (presence, materialized, claimed, image, staged, expected) in cases {
        let spec = VolumeSpec { presence, ..volume_spec() };
        let wanted = VolumeWanted { spec: &spec, materialized, claimed };
        let seen = VolumeSeen { image, staged };
        let plan = volume_plan(&wanted, &seen)
            .map(|steps| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        assert_eq!(plan, expected, "{wanted:?} with {seen:?}");
    }
}

const SIZE: u64 = 1 << 30;

fn volume_spec() -> VolumeSpec {
    VolumeSpec {
        id: VolumeId::from_uuid(Uuid::from_u128(1)),
        pool_id: None,
        generation: Generation(1),
        size_bytes: SIZE,
        presence: Presence::Present,
        must_exist: false,
        incarnation: 0,
        origin: None,
        compaction: 0,
    }
}

fn present(incarnation: u64, size_bytes: u64) -> ImageSeen {
    ImageSeen::Present { incarnation, size_bytes }
}

/// The next incarnation replaces the data, once no attachment holds the volume; a later one than asked for stays.
#[test]
fn the_next_incarnation() {
    let snapshot = SnapshotId::from_uuid(Uuid::from_u128(2));
    let plan = |incarnation, origin, claimed, there, staged| {
        let spec = VolumeSpec { incarnation, origin, ..volume_spec() };
        let wanted = VolumeWanted { spec: &spec, materialized: true, claimed };
        volume_plan(&wanted, &VolumeSeen { image: present(there, SIZE), staged })
    };
    let from = Some(Origin::Snapshot { id: snapshot });
    let replace = VolumeStep::ReplaceData { size_bytes: SIZE, incarnation: 1, snapshot };
    assert_eq!(plan(1, from, false, 0, false), Ok(vec![replace]));
    assert_eq!(plan(1, from, false, 0, true), Ok(vec![VolumeStep::Unstage, replace]));
    assert_eq!(plan(1, from, true, 0, true), Err(Obstacle::StillClaimed));
    assert_eq!(plan(1, from, true, 1, true), Ok(vec![]));
    assert_eq!(plan(0, None, true, 1, true), Ok(vec![]));
    assert_eq!(plan(1, None, false, 0, false), Err(Obstacle::NoSnapshot));
    let other = Some(Origin::Volume { id: VolumeId::from_uuid(Uuid::from_u128(3)), stall: None });
    assert_eq!(plan(1, other, false, 0, false), Err(Obstacle::NoSnapshot));
}

/// A larger size is one more step, also under a workload. A smaller one, or that of an earlier incarnation, is none.
#[test]
fn volumes_grow() {
    let plan = |size_bytes, incarnation, claimed, image| {
        let spec = VolumeSpec { size_bytes, incarnation, ..volume_spec() };
        let wanted = VolumeWanted { spec: &spec, materialized: true, claimed };
        volume_plan(&wanted, &VolumeSeen { image, staged: claimed })
    };
    let grow = || Ok(vec![VolumeStep::Grow { size_bytes: 2 * SIZE }]);
    assert_eq!(plan(2 * SIZE, 0, false, present(0, SIZE)), grow());
    assert_eq!(plan(2 * SIZE, 0, true, present(0, SIZE)), grow());
    assert_eq!(plan(2 * SIZE, 0, false, present(0, 2 * SIZE)), Ok(vec![]));
    assert_eq!(plan(SIZE, 0, false, present(0, 2 * SIZE)), Ok(vec![]));
    assert_eq!(plan(2 * SIZE, 0, false, present(1, SIZE)), Ok(vec![]));
}

/// A step to make a volume says from what; a volume is not made from itself.
#[test]
fn volumes_are_made_from_their_origin() {
    let plan = |origin| {
        let spec = VolumeSpec { incarnation: 3, origin, ..volume_spec() };
        let wanted = VolumeWanted { spec: &spec, materialized: false, claimed: false };
        volume_plan(&wanted, &VolumeSeen { image: ImageSeen::Absent, staged: false })
    };
    let fork_of = |n| Some(Origin::Volume { id: VolumeId::from_uuid(Uuid::from_u128(n)), stall: None });
    for origin in [None, Some(Origin::Snapshot { id: SnapshotId::from_uuid(Uuid::from_u128(2)) }), fork_of(3)]
    {
        let create = VolumeStep::CreateImage { size_bytes: SIZE, incarnation: 3, origin };
        assert_eq!(plan(origin), Ok(vec![create]));
    }
    assert_eq!(plan(fork_of(1)), Err(Obstacle::ForkOfItself(volume_spec().id)));
}

/// A snapshot is taken once, and removed when its spec says so and never else.
#[test]
fn snapshots() {
    use SnapshotPresence::{Kept, Purged};
    use SnapshotSeen::{Absent, Missing, Sealed};
    let foreign = || SnapshotSeen::Foreign("x".into());
    let is_foreign = || Err(SnapshotObstacle::Foreign("x".into()));
    for (presence, taken, seen, expected) in [
        (Kept, false, Absent, Ok(Some(SnapshotStep::Take))),
        (Kept, true, Absent, Err(SnapshotObstacle::DataMissing)),
        (Kept, false, Sealed, Ok(None)),
        (Kept, true, Sealed, Ok(None)),
        (Kept, false, Missing, Err(SnapshotObstacle::DataMissing)),
        (Kept, true, Missing, Err(SnapshotObstacle::DataMissing)),
        (Kept, false, foreign(), is_foreign()),
        (Purged, false, Absent, Ok(Some(SnapshotStep::Remove))),
        (Purged, true, Sealed, Ok(Some(SnapshotStep::Remove))),
        (Purged, true, Missing, Ok(Some(SnapshotStep::Remove))),
        (Purged, true, foreign(), is_foreign()),
    ] {
        let found = snapshot_plan(SnapshotWanted { presence, taken }, &seen);
        assert_eq!(found, expected, "{presence:?}, taken {taken}, {seen:?}");
    }
}

/// Carries a plan out in memory, checking each step's precondition.
fn carry_out(spec: &InstanceSpec, seen: &mut InstanceSeen, step: InstanceStep) {
    match step {
        InstanceStep::Claim(attachment) => {
            seen.claimed.insert(attachment.id, attachment.volume_id);
            seen.awaited.remove(&attachment.id);
        }
        InstanceStep::CreateContainer => {
            assert_eq!(seen.container, ContainerSeen::Absent, "a container on top of another");
            (seen.container, seen.rootfs_mounted, seen.has_files) =
                (ContainerSeen::Created { prepared: true }, true, true);
        }
        InstanceStep::Publish(attachment) => {
            assert!(seen.claimed.contains_key(&attachment.id), "published without a claim");
            assert!(!matches!(seen.container, ContainerSeen::Absent | ContainerSeen::Exited { .. }));
            seen.published.insert(attachment.id);
        }
        InstanceStep::Start => {
            assert_eq!(seen.container, ContainerSeen::Created { prepared: true });
            for attachment in &spec.attachments {
                let here = seen.published.contains(&attachment.id);
                assert!(
                    here || attachment.desired != DesiredAttachment::Attached,
                    "started without its volume"
                );
            }
            seen.container = ContainerSeen::Running { run: spec.run };
        }
        InstanceStep::Detach { attachment, .. } => {
            seen.published.remove(&attachment.id);
            seen.claimed.remove(&attachment.id);
        }
        InstanceStep::Release { attachment, hand_over, .. } => {
            assert!(!seen.published.contains(&attachment), "released while the workload still sees it");
            assert!(!hand_over || !matches!(seen.container, ContainerSeen::Running { .. }));
            seen.claimed.remove(&attachment);
        }
        InstanceStep::RefuseHostNetwork => unreachable!("no spec here asks for the host's network"),
        InstanceStep::Stop { .. } => {
            let ContainerSeen::Running { run } = seen.container else { panic!("{:?}", seen.container) };
            seen.container = ContainerSeen::Exited { run, code: Some(0) };
            seen.published.clear();
        }
        InstanceStep::RemoveContainer => {
            (seen.container, seen.rootfs_mounted) = (ContainerSeen::Absent, false);
            seen.published.clear();
        }
        InstanceStep::DestroyFiles => {
            assert_eq!(seen.container, ContainerSeen::Absent);
            seen.has_files = false;
        }
    }
}

fn any_spec() -> impl Strategy<Value = InstanceSpec> {
    let desired =
        prop_oneof![Just(DesiredRun::Running), Just(DesiredRun::Stopped), Just(DesiredRun::Destroyed)];
    let attachments = proptest::sample::subsequence(vec!["a", "b-", "c!", "d"], 0..=4);
    let policy =
        prop_oneof![Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::No)];
    (desired, 1..4_u64, attachments, policy).prop_map(|(desired, run, words, restart_policy)| InstanceSpec {
        restart_policy,
        ..spec(desired, run, &words.join(" "))
    })
}

fn any_seen() -> impl Strategy<Value = InstanceSeen> {
    let container = prop_oneof![
        Just(ContainerSeen::Absent),
        any::<bool>().prop_map(|prepared| ContainerSeen::Created { prepared }),
        (1..4_u64).prop_map(|run| ContainerSeen::Running { run }),
        (1..4_u64, proptest::option::of(0..3_i32))
            .prop_map(|(run, code)| ContainerSeen::Exited { run, code }),
    ];
    let some = || proptest::sample::subsequence(vec![b'a', b'b', b'c', b'd', b'e'], 0..=5);
    let seen = (container, any::<bool>(), some(), some(), some());
    seen.prop_map(|(container, mounted, claimed, published, awaited)| {
        let inside = matches!(container, ContainerSeen::Created { .. } | ContainerSeen::Running { .. });
        InstanceSeen {
            container,
            rootfs_mounted: mounted || container != ContainerSeen::Absent,
            has_files: true,
            claimed: claimed
                .iter()
                .copied()
                .chain(inside.then_some(()).into_iter().flat_map(|()| published.clone()))
                .map(|n| (attachment_id(n), volume_id(n)))
                .collect(),
            published: if inside {
                published.into_iter().map(attachment_id).collect()
            } else {
                BTreeSet::new()
            },
            awaited: awaited.into_iter().map(attachment_id).collect(),
            shared: BTreeSet::new(),
            given_up: BTreeSet::new(),
            host_network_allowed: false,
        }
    })
}

proptest! {
    /// From any observed state, carrying out the plan leads to a state with nothing left to do.
    #[test]
    fn instance_plans_converge(spec in any_spec(), mut seen in any_seen()) {
        for step in instance_plan(&spec, &seen) {
            carry_out(&spec, &mut seen, step);
        }
        prop_assert_eq!(instance_plan(&spec, &seen), vec![]);
    }

    /// The power goes after any step: what is planned next still leads there, and twice is once.
    #[test]
    fn a_plan_cut_in_half_is_taken_up_again(spec in any_spec(), mut seen in any_seen(), cut in 0..8_usize) {
        for step in instance_plan(&spec, &seen).into_iter().take(cut) {
            carry_out(&spec, &mut seen, step);
        }
        // After a power cut no process and no mount is left.
        seen.container = match seen.container {
            ContainerSeen::Running { run } => ContainerSeen::Exited { run, code: None },
            ContainerSeen::Created { .. } => ContainerSeen::Created { prepared: false },
            as_before => as_before,
        };
        seen.published.clear();
        for step in instance_plan(&spec, &seen) {
            carry_out(&spec, &mut seen, step);
        }
        prop_assert_eq!(instance_plan(&spec, &seen), vec![]);
    }

    /// A claim or mount that a running instance's spec does not name is left alone, and files go only by a tombstone.
    #[test]
    fn absence_removes_nothing(spec in any_spec(), seen in any_seen()) {
        let named: BTreeSet<_> = spec.attachments.iter().map(|a| a.id).collect();
        for step in instance_plan(&spec, &seen) {
            match step {
                InstanceStep::Detach { attachment, .. } => prop_assert!(named.contains(&attachment.id)),
                InstanceStep::Release { attachment, .. } => {
                    prop_assert!(named.contains(&attachment) || spec.desired != DesiredRun::Running);
                }
                InstanceStep::DestroyFiles => prop_assert_eq!(spec.desired, DesiredRun::Destroyed),
                _ => {}
            }
        }
    }

    /// Data is destroyed only on `Purged`, made only where none ever was, and moved only when nobody has a claim.
    #[test]
    fn volume_plans_are_safe(presence in 0..3_u8, materialized: bool, claimed: bool, image in 0..5_u8, staged: bool, incarnation in 0..3_u64, there in 0..3_u64, size_mib in 1000..1050_u64) {
        let spec = VolumeSpec {
            presence: [Presence::Present, Presence::Trashed, Presence::Purged][usize::from(presence)],
            incarnation,
            origin: Some(Origin::Snapshot { id: SnapshotId::from_uuid(Uuid::from_u128(2)) }),
            ..volume_spec()
        };
        let wanted = VolumeWanted { spec: &spec, materialized, claimed };
        let present = ImageSeen::Present { incarnation: there, size_bytes: size_mib << 20 };
        let images = [ImageSeen::Absent, present.clone(), ImageSeen::InTrash, ImageSeen::Missing, ImageSeen::Foreign("x".into())];
        let seen = VolumeSeen { image: images[usize::from(image)].clone(), staged };
        for step in volume_plan(&wanted, &seen).unwrap_or_default() {
            match step {
                VolumeStep::Purge => prop_assert_eq!(spec.presence, Presence::Purged),
                VolumeStep::CreateImage { .. } => prop_assert!(!materialized && seen.image == ImageSeen::Absent),
                VolumeStep::MoveToTrash | VolumeStep::Unstage => prop_assert!(!claimed),
                // Only forwards, and never under somebody who uses it.
                VolumeStep::ReplaceData { .. } => {
                    prop_assert!(!claimed && seen.image == present && there < incarnation);
                    prop_assert_eq!(spec.presence, Presence::Present);
                }
                VolumeStep::Grow { size_bytes } => {
                    prop_assert!(spec.presence == Presence::Present && there == incarnation && size_bytes > size_mib << 20);
                }
                VolumeStep::RestoreFromTrash => prop_assert_eq!(&seen.image, &ImageSeen::InTrash),
            }
            prop_assert!(!matches!(seen.image, ImageSeen::Foreign(_)));
        }
    }
}
