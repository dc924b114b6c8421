//! What callers are answered, depending on what the host makes of their intent.

use std::time::Duration;

use miosa_api::agent_v1::{AgentMessage, ControllerMessage, Report};
use miosa_domain::Refusal;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, Presence};
use miosa_domain::status::{
    AttachmentCondition, FailureCode, Holder, InstanceState, VolumeCondition, VolumeStatus,
};
use miosa_domain::{Generation, VolumeId};
use uuid::Uuid;

use super::agents::{
    Timing, World, attachment_of, desired, failed, new_computer, new_volume, patiently, running,
};
use miosa_control::{AppError, Power};

#[tokio::test]
async fn a_volume_lives_through_delete_undelete_and_delete() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = world.volume(&mut agent).await;
    for step in ["delete", "undelete", "delete"] {
        let (presence, condition) = match step {
            "delete" => (Presence::Trashed, VolumeCondition::InTrash),
            _ => (Presence::Present, VolumeCondition::Ready),
        };
        let call = world.call(move |app, caller| async move {
            match step {
                "delete" => {
                    app.delete_volume(&caller, id, None).await.map(|deleted| deleted.status.to_string())
                }
                _ => app.undelete_volume(&caller, id, None).await.map(|volume| volume.status.to_string()),
            }
        });
        let spec = agent.specs().await.volumes.remove(0);
        assert_eq!((spec.presence, spec.must_exist), (presence, true));
        agent.report_volume(&spec, condition);
        let status = call.await.unwrap().unwrap();
        assert_eq!(status, if step == "delete" { "deleted" } else { "available" });
    }
    assert_eq!(world.volumes(None).await, [""; 0]);
    assert_eq!(world.volumes(Some("deleted")).await, [id.to_string()]);
    let refused = world.app.get_volume(&world.caller, id).await;
    assert!(matches!(refused, Err(AppError::Refused(Refusal::AlreadyDeleted { .. }))), "{refused:?}");
}

/// Aim: without room nothing is left behind, and the answer has the numbers.
#[tokio::test]
async fn a_volume_without_room_is_taken_back() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = agent.specs().await.volumes.remove(0);
    let full = failed(FailureCode::InsufficientCapacity, "the pool is 90 % full");
    agent.report_volume(&spec, VolumeCondition::Failed(full));
    match call.await.unwrap() {
        Err(AppError::Refused(Refusal::InsufficientCapacity { message, capacity_bytes, used_bytes })) => {
            assert_eq!((message.as_str(), capacity_bytes, used_bytes), ("the pool is 90 % full", 1000, 400));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.volumes(None).await, [""; 0]);
    assert_eq!(world.volumes(Some("deleted")).await, [""; 0]);
    let withdrawn = agent.specs().await.volumes.remove(0);
    assert_eq!((withdrawn.id, withdrawn.presence), (spec.id, Presence::Purged));
    agent.report_volume(&withdrawn, VolumeCondition::Gone);
    let forget = ControllerMessage::Forget { ids: vec![spec.id.into()] };
    assert_eq!(agent.hear().await, Some(forget));
}

/// Aim: a caller who hangs up in the middle changes nothing about what happens: what is refused is withdrawn all the same.
#[tokio::test]
async fn a_verb_goes_on_without_its_caller() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = agent.specs().await.volumes.remove(0);
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let full = failed(FailureCode::InsufficientCapacity, "full");
    agent.report_volume(&spec, VolumeCondition::Failed(full));
    assert_eq!(agent.specs().await.volumes.remove(0).presence, Presence::Purged);
}

#[tokio::test]
async fn what_the_host_cannot_make_is_an_error_with_its_reason() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let call = world.call(|app, caller| async move { app.create_volume(&caller, new_volume(), None).await });
    let spec = agent.specs().await.volumes.remove(0);
    let foreign = failed(FailureCode::ForeignData, "a folder that is not ours is there");
    agent.report_volume(&spec, VolumeCondition::Failed(foreign));
    let volume = call.await.unwrap().unwrap();
    assert_eq!(volume.status.as_str(), "error");
    assert_eq!(volume.error.as_deref(), Some("a folder that is not ours is there"));
}

/// Aim: after the time an answer may take, the object is answered as it is, and goes on by itself.
#[tokio::test]
async fn a_late_outcome_is_answered_as_a_transitional_state() {
    let timing = Timing { outcome_wait: Duration::from_millis(1), ..Timing::default() };
    let world = World::with(timing, rustix::process::getuid().as_raw()).await;
    let mut agent = world.agent().await;
    let volume = world.app.create_volume(&world.caller, new_volume(), None).await.unwrap();
    assert_eq!(volume.status.as_str(), "creating");
    let spec = agent.specs().await.volumes.remove(0);
    agent.report_volume(&spec, VolumeCondition::Ready);
    patiently(async {
        while world.volumes(Some("available")).await != [volume.id.clone()] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Aim: an attach that the host cannot make is taken back (the next spec says so), clients see nothing of it, and the answer
/// says what to change.
#[tokio::test]
async fn a_failed_attach_is_taken_back() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    for (code, is_field) in [(FailureCode::MountPathUnusable, true), (FailureCode::DataMissing, false)] {
        let call = world.call(move |app, caller| async move {
            app.attach(&caller, computer, attachment_of(volume), None).await
        });
        let spec = agent.specs().await.instances.remove(0);
        let id = spec.attachments.last().unwrap().id;
        let condition = AttachmentCondition::Failed(failed(code, "it is a file"));
        agent.report_instance(&spec, running(), vec![(id, condition)]);
        match call.await.unwrap() {
            Err(AppError::Invalid { field: "mount_path", message }) if is_field => {
                assert_eq!(message, "it is a file");
            }
            Err(AppError::Refused(refusal @ Refusal::HostRefused { .. })) if !is_field => {
                assert_eq!(
                    (refusal.code(), refusal.to_string().as_str()),
                    ("VOLUME_NOT_READY", "it is a file")
                );
            }
            other => panic!("{other:?}"),
        }
        let withdrawn = agent.specs().await.instances.remove(0);
        assert_eq!(desired(&withdrawn, id), Some(DesiredAttachment::Detached { force: false }));
        assert_eq!(world.app.get_computer(&world.caller, computer).await.unwrap().attachments, []);
        agent.report_instance(&withdrawn, running(), vec![(id, AttachmentCondition::Detached)]);
    }
}

#[tokio::test]
async fn a_repeated_attach_names_the_attachment() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    let (id, _) = world.attached(&mut agent, computer, volume).await;
    match world.app.attach(&world.caller, computer, attachment_of(volume), None).await {
        Err(AppError::RefusedWith { refusal: Refusal::VolumeAttached { attachment_id, .. }, details }) => {
            assert_eq!(attachment_id, id);
            assert_eq!(details["attachment"]["id"], id.to_string());
            assert_eq!(details["attachment"]["mount_path"], "/mnt/data");
        }
        other => panic!("{other:?}"),
    }
}

/// Aim: a detach whose files are in use leaves everything as it was and names who uses them. A report from before the detach
/// was known is no answer to it, whatever it says.
#[tokio::test]
async fn a_busy_detach_is_taken_back_and_old_reports_are_no_answer() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let (volume, computer) = (world.volume(&mut agent).await, world.computer(&mut agent).await);
    let (id, before) = world.attached(&mut agent, computer, volume).await;
    let detach = || {
        world.call(
            move |app, caller| async move { app.detach(&caller, Some(computer), id, false, None).await },
        )
    };
    let call = detach();
    let spec = agent.specs().await.instances.remove(0);
    assert_eq!(desired(&spec, id), Some(DesiredAttachment::Detached { force: false }));
    // If this counted, the detach would be done, and the busy report after it would come too late.
    agent.report_instance(&before, running(), vec![(id, AttachmentCondition::Detached)]);
    let holder = Holder { pid: 42, command: "tail -f /mnt/data/log".into() };
    let busy = AttachmentCondition::Busy { holders: vec![holder.clone()] };
    agent.report_instance(&spec, running(), vec![(id, busy)]);
    match call.await.unwrap() {
        Err(AppError::Refused(Refusal::VolumeBusy { volume_id, holders })) => {
            assert_eq!((volume_id, holders), (volume, vec![holder]));
        }
        other => panic!("{other:?}"),
    }
    let kept = agent.specs().await.instances.remove(0);
    assert_eq!(desired(&kept, id), Some(DesiredAttachment::Attached));
    assert_eq!(world.app.get_attachment(&world.caller, id).await.unwrap().state.as_str(), "attached");
    agent.report_instance(&kept, running(), vec![(id, AttachmentCondition::Attached)]);

    let call = detach();
    let spec = agent.specs().await.instances.remove(0);
    agent.report_instance(&spec, running(), vec![(id, AttachmentCondition::Detached)]);
    let deleted = call.await.unwrap().unwrap();
    assert_eq!((deleted.deleted, deleted.status.as_str()), (true, "detached"));
    let again = world.app.detach(&world.caller, None, id, false, None).await;
    assert!(matches!(again, Err(AppError::Refused(Refusal::AlreadyDeleted { .. }))), "{again:?}");
    assert_eq!(world.volumes(Some("available")).await, [volume.to_string()]);
}

#[tokio::test]
async fn power_waits_for_the_run_that_was_asked_for() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let computer = world.computer(&mut agent).await;
    let power = |power| {
        world.call(move |app, caller| async move { app.set_power(&caller, computer, power, None).await })
    };
    let (same, message) = power(Power::Start).await.unwrap().unwrap();
    assert_eq!((same.status.as_str(), message.as_str()), ("running", "nothing to do: computer is running"));

    let call = power(Power::Restart);
    let spec = agent.specs().await.instances.remove(0);
    assert_eq!((spec.desired, spec.run), (DesiredRun::Running, 2));
    let mut first_run = spec.clone();
    first_run.run = 1;
    agent.report_instance(&first_run, running(), vec![]);
    let crash = failed(FailureCode::CrashLoop, "it ends again and again");
    agent.report_instance(&spec, InstanceState::Failed(crash), vec![]);
    let (computer_now, message) = call.await.unwrap().unwrap();
    assert_eq!(computer_now.status.as_str(), "error", "the first run, still there, was taken for the second");
    assert!(message.contains("again and again"), "{message}");

    let call = power(Power::Stop);
    let spec = agent.specs().await.instances.remove(0);
    agent.report_instance(&spec, InstanceState::Stopped, vec![]);
    assert_eq!(call.await.unwrap().unwrap().0.status.as_str(), "stopped");

    // A start replaces a stop that is still under way, and the caller who stopped is told so.
    let call = power(Power::Start);
    let spec = agent.specs().await.instances.remove(0);
    agent.report_instance(&spec, running(), vec![]);
    call.await.unwrap().unwrap();
    let stop = power(Power::Stop);
    agent.specs().await;
    let start = power(Power::Start);
    let spec = agent.specs().await.instances.remove(0);
    agent.report_instance(&spec, running(), vec![]);
    assert_eq!(start.await.unwrap().unwrap().0.status.as_str(), "running");
    assert_eq!(stop.await.unwrap().unwrap().0.status.as_str(), "running");
}

#[tokio::test]
async fn a_computer_runs_only_templates_of_its_host() {
    let world = World::new().await;
    let refused = world.app.create_computer(&world.caller, new_computer(), None).await;
    assert!(matches!(refused, Err(AppError::Unavailable(_))), "no host is there: {refused:?}");
    let agent = world.agent().await;
    let mut new = new_computer();
    new.template_type = "no-such".into();
    match world.app.create_computer(&world.caller, new, None).await {
        Err(AppError::Invalid { field: "template_type", message }) => assert!(message.contains("busybox")),
        other => panic!("{other:?}"),
    }
    let mut new = new_computer();
    new.host_id = Some(miosa_domain::HostId::from_uuid(Uuid::now_v7()));
    let refused = world.app.create_computer(&world.caller, new, None).await;
    assert!(matches!(refused, Err(AppError::Invalid { field: "host_id", .. })), "{refused:?}");
    drop(agent);
}

/// Aim: what a host says is gone and nobody knows, it is told to forget.
#[tokio::test]
async fn a_host_may_forget_what_is_gone_and_unknown() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = VolumeId::from_uuid(Uuid::now_v7());
    let gone = VolumeStatus {
        pool_id: None,
        id,
        generation: Generation(3),
        condition: VolumeCondition::Gone,
        allocated_bytes: None,
        incarnation: 0,
        space: None,
        compaction: None,
    };
    agent.say(AgentMessage::Report(Report { statuses: vec![gone.into()], pool: None }));
    let forget = ControllerMessage::Forget { ids: vec![id.into()] };
    assert_eq!(agent.hear().await, Some(forget));
}
