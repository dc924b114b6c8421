//! The rules of volumes, attachments and computers as tables: every transition, allowed and refused, and every refusal by its
//! stable code.

use miosa_domain::attachment::{Attachment, AttachmentState, may_mount_at};
use miosa_domain::computer::{self, ComputerStatus};
use miosa_domain::snapshot::{self, Snapshot, SnapshotState};
use miosa_domain::spec::DesiredRun;
use miosa_domain::status::{Failure, FailureCode, Holder, InstanceState, InstanceStatus};
use miosa_domain::volume::{
    self, Attacher, Lifecycle, Volume, VolumeState, default_mount_path, may_attach, may_delete, may_restore,
    may_snapshot, may_undelete,
};
use miosa_domain::{
    AttachmentId, ComputerId, Generation, HostId, InstanceId, MountPath, Refusal, SnapshotId, VolumeId,
};
use proptest::prelude::*;
use strum::VariantArray;
use uuid::Uuid;

const fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn by(computer_id: ComputerId, host_id: HostId, read_only: bool) -> Attacher {
    Attacher { computer_id, host_id, read_only, shared: false }
}

fn a_volume(lifecycle: Lifecycle) -> Volume {
    Volume {
        id: VolumeId::from_uuid(uuid(1)),
        host_id: HostId::from_uuid(uuid(100)),
        lifecycle,
        host_reachable: true,
        delete_protection: false,
        error: None,
    }
}

fn attached(n: u128, path: &str, read_only: bool, state: AttachmentState) -> Attachment {
    Attachment {
        id: AttachmentId::from_uuid(uuid(10 + n)),
        volume_id: VolumeId::from_uuid(uuid(1)),
        computer_id: ComputerId::from_uuid(uuid(20 + n)),
        mount_path: MountPath::parse(path).unwrap(),
        read_only,
        shared: false,
        state,
    }
}

fn computer(n: u128) -> ComputerId {
    ComputerId::from_uuid(uuid(20 + n))
}

#[test]
fn lifecycle_moves() {
    use Lifecycle::*;
    let allowed = [
        (Creating, Available),
        (Creating, Error),
        (Creating, Deleting),
        (Available, Deleting),
        (Available, Error),
        (Error, Available),
        (Error, Deleting),
        (Available, Restoring),
        (Error, Restoring),
        (Deleting, Deleted),
        (Deleting, Error),
        (Deleted, Restoring),
        (Restoring, Available),
        (Restoring, Error),
        (Restoring, Deleting),
    ];
    for from in Lifecycle::ALL {
        for to in Lifecycle::ALL {
            assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} -> {to:?}");
        }
    }
}

#[test]
fn attachment_moves() {
    use AttachmentState::*;
    let allowed = [
        (Attaching, Attached),
        (Attaching, Failed),
        (Attaching, Detaching),
        (Attached, Detaching),
        (Attached, Failed),
        (Detaching, Attached),
        (Failed, Attached),
        (Failed, Detaching),
    ];
    for &from in AttachmentState::VARIANTS {
        for &to in AttachmentState::VARIANTS {
            assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} -> {to:?}");
        }
    }
}

#[test]
fn volume_states_follow_from_attachments_and_host() {
    use AttachmentState::*;
    let of = |states: &[AttachmentState]| {
        let attachments: Vec<_> =
            states.iter().enumerate().map(|(n, s)| attached(n as u128, "/mnt/data", true, *s)).collect();
        volume::state(&a_volume(Lifecycle::Available), &attachments)
    };
    assert_eq!(of(&[]), VolumeState::Available);
    assert_eq!(of(&[Attaching]), VolumeState::Attaching);
    assert_eq!(of(&[Attached]), VolumeState::Attached);
    assert_eq!(of(&[Detaching]), VolumeState::Detaching);
    assert_eq!(of(&[Detaching, Attached]), VolumeState::Attached);
    let away = Volume { host_reachable: false, ..a_volume(Lifecycle::Available) };
    assert_eq!(volume::state(&away, &[]), VolumeState::Unavailable);
    let trashed = Volume { host_reachable: false, ..a_volume(Lifecycle::Deleted) };
    assert_eq!(volume::state(&trashed, &[]), VolumeState::Deleted);
}

#[test]
fn attaching() {
    use AttachmentState::Attached;
    let host = HostId::from_uuid(uuid(100));
    let writer = || vec![attached(1, "/mnt/data", false, Attached)];
    let reader = || vec![attached(1, "/mnt/data", true, Attached)];
    // lifecycle, attachments, computer, read only, code of the refusal
    let cases = [
        (Lifecycle::Available, vec![], 1, false, None),
        (Lifecycle::Available, vec![], 1, true, None),
        (Lifecycle::Available, writer(), 1, false, Some("VOLUME_ATTACHED")),
        (Lifecycle::Available, writer(), 2, false, Some("VOLUME_ATTACHED")),
        (Lifecycle::Available, writer(), 2, true, Some("VOLUME_ATTACHED")),
        (Lifecycle::Available, reader(), 2, true, None),
        (Lifecycle::Available, reader(), 2, false, Some("VOLUME_ATTACHED")),
        (Lifecycle::Available, reader(), 1, true, Some("VOLUME_ATTACHED")),
        (Lifecycle::Creating, vec![], 1, false, Some("VOLUME_NOT_READY")),
        (Lifecycle::Restoring, vec![], 1, false, Some("VOLUME_NOT_READY")),
        (Lifecycle::Error, vec![], 1, false, Some("VOLUME_NOT_READY")),
        (Lifecycle::Deleting, vec![], 1, false, Some("NOT_FOUND")),
        (Lifecycle::Deleted, vec![], 1, false, Some("NOT_FOUND")),
    ];
    for (lifecycle, attachments, on, read_only, code) in cases {
        let answer = may_attach(&a_volume(lifecycle), &attachments, &by(computer(on), host, read_only));
        assert_eq!(
            answer.as_ref().err().map(Refusal::code),
            code,
            "{lifecycle:?} {attachments:?} {answer:?}"
        );
    }
    let away = Volume { host_reachable: false, ..a_volume(Lifecycle::Available) };
    assert_eq!(may_attach(&away, &[], &by(computer(1), host, false)).unwrap_err().code(), "VOLUME_NOT_READY");
}

/// A local volume attaches only on its own host; the refusal names both hosts and the ways out.
#[test]
fn another_host_is_refused_plainly() {
    let other = HostId::from_uuid(uuid(101));
    let volume = a_volume(Lifecycle::Available);
    let refusal = may_attach(&volume, &[], &by(computer(1), other, false)).unwrap_err();
    assert_eq!(refusal.code(), "VOLUME_HOST_MISMATCH");
    let message = refusal.to_string();
    for named in [volume.host_id.to_string(), other.to_string(), "host_id".into(), "copy".into()] {
        assert!(message.contains(&named), "{named} is not in {message:?}");
    }
}

#[test]
fn deleting_and_bringing_back() {
    let code = |answer: Result<(), Refusal>| answer.err().map(|r| r.code());
    let held = [attached(1, "/mnt/data", false, AttachmentState::Attached)];
    assert_eq!(code(may_delete(&a_volume(Lifecycle::Available), &[])), None);
    assert_eq!(code(may_delete(&a_volume(Lifecycle::Error), &[])), None);
    assert_eq!(code(may_delete(&a_volume(Lifecycle::Available), &held)), Some("VOLUME_IN_USE"));
    assert_eq!(code(may_delete(&a_volume(Lifecycle::Deleted), &[])), Some("NOT_FOUND"));
    let protected = Volume { delete_protection: true, ..a_volume(Lifecycle::Available) };
    assert_eq!(code(may_delete(&protected, &[])), Some("PROTECTED"));
    for (lifecycle, expected) in [
        (Lifecycle::Deleted, None),
        (Lifecycle::Deleting, Some("VOLUME_NOT_READY")),
        (Lifecycle::Available, Some("NOT_FOUND")),
        (Lifecycle::Creating, Some("NOT_FOUND")),
    ] {
        assert_eq!(code(may_undelete(&a_volume(lifecycle))), expected, "{lifecycle:?}");
    }
}

#[test]
fn snapshots_and_restores_of_a_volume() {
    use Lifecycle::*;
    let code = |answer: Result<(), Refusal>| answer.err().map(|r| r.code());
    let held = [attached(1, "/mnt/data", false, AttachmentState::Attached)];
    // lifecycle, snapshot, restore of a volume that nobody uses
    for (lifecycle, snapshot, restore) in [
        (Creating, Some("VOLUME_NOT_READY"), Some("VOLUME_NOT_READY")),
        (Available, None, None),
        (Error, Some("VOLUME_NOT_READY"), None),
        (Restoring, Some("VOLUME_NOT_READY"), Some("VOLUME_NOT_READY")),
        (Deleting, Some("NOT_FOUND"), Some("NOT_FOUND")),
        (Deleted, Some("NOT_FOUND"), Some("NOT_FOUND")),
    ] {
        let volume = a_volume(lifecycle);
        assert_eq!(code(may_snapshot(&volume)), snapshot, "snapshot, {lifecycle:?}");
        assert_eq!(code(may_restore(&volume, &[], false)), restore, "restore, {lifecycle:?}");
        assert_eq!(code(may_restore(&volume, &held, true)), restore, "by force, {lifecycle:?}");
    }
    let away = Volume { host_reachable: false, ..a_volume(Available) };
    assert_eq!(code(may_snapshot(&away)), None, "it is taken when the host is back");
    let refusal = may_restore(&a_volume(Available), &held, false).unwrap_err();
    assert_eq!(refusal.code(), "VOLUME_IN_USE");
    let message = refusal.to_string();
    for named in [held[0].id.to_string(), held[0].computer_id.to_string(), "force=true".into()] {
        assert!(message.contains(&named), "{named} is not in {message:?}");
    }
}

#[test]
fn snapshot_moves() {
    use SnapshotState::*;
    let allowed =
        [(Creating, Ready), (Creating, Failed), (Creating, Deleting), (Ready, Deleting), (Failed, Deleting)];
    for &from in SnapshotState::VARIANTS {
        for &to in SnapshotState::VARIANTS {
            assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} -> {to:?}");
        }
    }
}

#[test]
fn deleting_and_reading_snapshots() {
    use SnapshotState::*;
    let code = |answer: Result<(), Refusal>| answer.err().map(|r| r.code());
    let id = SnapshotId::from_uuid(uuid(30));
    // state, protected, in use, delete, read
    for (state, protected, in_use, delete, read) in [
        (Ready, false, false, None, None),
        (Ready, true, false, Some("PROTECTED"), None),
        (Ready, false, true, Some("SNAPSHOT_IN_USE"), None),
        (Ready, true, true, Some("PROTECTED"), None),
        (Creating, false, false, None, Some("SNAPSHOT_NOT_READY")),
        (Failed, false, false, None, Some("SNAPSHOT_NOT_READY")),
        (Failed, true, false, Some("PROTECTED"), Some("SNAPSHOT_NOT_READY")),
        (Deleting, false, false, Some("NOT_FOUND"), Some("NOT_FOUND")),
        (Deleting, true, true, Some("NOT_FOUND"), Some("NOT_FOUND")),
    ] {
        let snapshot = Snapshot { id, state, protected, in_use };
        assert_eq!(code(snapshot::may_delete(&snapshot)), delete, "delete, {snapshot:?}");
        assert_eq!(code(snapshot::may_read(&snapshot)), read, "read, {snapshot:?}");
    }
}

/// What is refused for snapshots, by the code of the contract and what the caller is told to do.
#[test]
fn snapshot_refusals() {
    let snapshot_id = SnapshotId::from_uuid(uuid(30));
    let volume_id = VolumeId::from_uuid(uuid(1));
    let not_ready = |state| Refusal::SnapshotNotReady { snapshot_id, state };
    let pool = Refusal::PoolNearFull { what: "a snapshot", percent: 91, limit_percent: 90 };
    for (refusal, code, remedy) in [
        (Refusal::SnapshotProtected { snapshot_id }, "PROTECTED", "protected: false"),
        (Refusal::SnapshotInUse { snapshot_id }, "SNAPSHOT_IN_USE", "when that is done"),
        (not_ready(SnapshotState::Creating), "SNAPSHOT_NOT_READY", "wait"),
        (not_ready(SnapshotState::Failed), "SNAPSHOT_NOT_READY", "take another"),
        (Refusal::NoSnapshotAvailable { volume_id }, "NO_SNAPSHOT_AVAILABLE", "POST /volumes/"),
        (pool, "INSUFFICIENT_CAPACITY", "91% full"),
    ] {
        assert_eq!(refusal.code(), code);
        assert!(refusal.to_string().contains(remedy), "{remedy:?} is not in \"{refusal}\"");
        assert!(!refusal.retryable(), "{refusal}");
    }
}

#[test]
fn mount_paths_on_one_computer() {
    let taken = [attached(1, "/mnt/data", false, AttachmentState::Attached)];
    let path = |raw| MountPath::parse(raw).unwrap();
    for raw in ["/mnt/data", "/mnt", "/mnt/data/deeper"] {
        assert_eq!(may_mount_at(&path(raw), &taken).unwrap_err().code(), "MOUNT_PATH_IN_USE", "{raw}");
    }
    may_mount_at(&path("/mnt/data2"), &taken).unwrap();
    assert_eq!(default_mount_path("Model Weights", &[]).as_str(), "/mnt/data");
    assert_eq!(default_mount_path("Model Weights", &[path("/mnt/data")]).as_str(), "/mnt/model-weights");
    let both = [path("/mnt/data"), path("/mnt/model-weights")];
    assert_eq!(default_mount_path("Model Weights", &both).as_str(), "/mnt/model-weights-2");
}

#[test]
fn computers_speak_of_the_run_that_was_asked_for() {
    use ComputerStatus::*;
    let failed = || InstanceState::Failed(Failure { code: FailureCode::HostError, message: "no".into() });
    let running = || InstanceState::Running { pid: 7 };
    // desired, wanted run, reported state and run, status
    let cases = [
        (DesiredRun::Running, 1, None, Provisioning),
        (DesiredRun::Running, 1, Some((InstanceState::Starting, 1)), Starting),
        (DesiredRun::Running, 1, Some((running(), 1)), Running),
        (DesiredRun::Running, 2, Some((running(), 1)), Starting),
        (DesiredRun::Running, 2, Some((InstanceState::Stopped, 1)), Starting),
        (DesiredRun::Running, 1, Some((failed(), 1)), Error),
        (DesiredRun::Running, 2, Some((failed(), 1)), Starting),
        (DesiredRun::Stopped, 1, None, Stopped),
        (DesiredRun::Stopped, 1, Some((running(), 1)), Stopping),
        (DesiredRun::Stopped, 1, Some((InstanceState::Stopping, 1)), Stopping),
        (DesiredRun::Stopped, 1, Some((InstanceState::Stopped, 1)), Stopped),
        (DesiredRun::Destroyed, 1, Some((running(), 1)), Destroying),
        (DesiredRun::Destroyed, 1, Some((InstanceState::Gone, 1)), Destroyed),
    ];
    for (desired, run, reported, expected) in cases {
        let reported = reported.map(|(state, run)| InstanceStatus {
            id: InstanceId::from_uuid(uuid(1)),
            generation: Generation(1),
            run,
            state,
            exit_code: None,
            restart_count: 0,
            started_at: None,
            ended_at: None,
            health: Default::default(),
            attachments: vec![],
        });
        let status = computer::status(desired, run, reported.as_ref());
        assert_eq!(status, expected, "{desired:?} run {run}, reported {reported:?}");
    }
}

#[test]
fn commands_and_attachments_need_a_computer_that_can_take_them() {
    use ComputerStatus::*;
    let id = computer(1);
    let code = |answer: Result<(), Refusal>| answer.err().map(|r| r.code());
    for (status, exec, attach) in [
        (Provisioning, Some("COMPUTER_STARTING"), None),
        (Starting, Some("COMPUTER_STARTING"), None),
        (Running, None, None),
        (Stopping, Some("RESOURCE_STATE"), Some("RESOURCE_STATE")),
        (Stopped, Some("RESOURCE_STATE"), None),
        (Error, Some("RESOURCE_STATE"), None),
        (Destroying, Some("NOT_FOUND"), Some("NOT_FOUND")),
        (Destroyed, Some("NOT_FOUND"), Some("NOT_FOUND")),
    ] {
        assert_eq!(code(computer::may_exec(id, status)), exec, "exec, {status}");
        assert_eq!(code(computer::may_change_attachments(id, status)), attach, "attach, {status}");
    }
}

/// Only a computer that is starting is worth asking again, and a busy volume names who holds it.
#[test]
fn refusals_say_what_to_do() {
    let starting = Refusal::ComputerStarting { computer_id: computer(1) };
    assert!(starting.retryable());
    let holders = vec![Holder { pid: 42, command: "sqlite3 /mnt/data/app.db".into() }];
    let busy = Refusal::VolumeBusy { volume_id: VolumeId::from_uuid(uuid(1)), holders };
    assert!(!busy.retryable());
    let message = busy.to_string();
    assert!(
        message.contains("pid 42 (sqlite3 /mnt/data/app.db)") && message.contains("force=true"),
        "{message}"
    );
}

proptest! {
    /// Whatever is thrown at it, an accepted path is absolute, normal, outside the reserved folders, and reads back.
    #[test]
    fn accepted_paths_are_safe(raw in "[/a-z.~ \\PC]{0,40}|/(proc|sys|dev|etc|lib64|usr|mnt|run)?(/[a-z.]{0,4}){0,4}") {
        if let Ok(path) = MountPath::parse(&raw) {
            let text = path.as_str();
            prop_assert!(text.starts_with('/') && text.len() > 1 && !text.ends_with('/'));
            prop_assert!(text[1..].split('/').all(|c| !c.is_empty() && c != "." && c != ".."));
            prop_assert!(miosa_domain::mount_path::reserved_folder(text).is_none());
            prop_assert_eq!(MountPath::parse(text).unwrap(), path);
        }
    }

    /// Overlap is symmetric, and a path overlaps itself.
    #[test]
    fn overlap_is_symmetric(a in "(/[ab]{1,2}){1,3}", b in "(/[ab]{1,2}){1,3}") {
        let (a, b) = (MountPath::parse(&a).unwrap(), MountPath::parse(&b).unwrap());
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
        prop_assert!(a.overlaps(&a));
    }

    /// Whatever attachments there are, at most one of those that the rule let in writes, and then it is alone.
    #[test]
    fn one_writer(asked in proptest::collection::vec((1..5_u128, any::<bool>()), 1..12)) {
        let volume = a_volume(Lifecycle::Available);
        let mut let_in: Vec<Attachment> = Vec::new();
        for (n, (on, read_only)) in asked.into_iter().enumerate() {
            if may_attach(&volume, &let_in, &by(computer(on), volume.host_id, read_only)).is_ok() {
                let mut attachment = attached(n as u128, "/mnt/data", read_only, AttachmentState::Attached);
                attachment.computer_id = computer(on);
                let_in.push(attachment);
            }
        }
        prop_assert!(let_in.iter().all(|a| a.read_only) || let_in.len() == 1);
    }
}
