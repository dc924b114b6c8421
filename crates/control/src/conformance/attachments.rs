//! Attachments: who wins, what is taken back, and what the spec goes on saying.

use miosa_domain::Refusal;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::spec::DesiredAttachment;
use miosa_domain::status::{AttachmentCondition, FailureCode, Holder, InstanceState};
use miosa_store::StoreError;
use miosa_store::attachment::{Detach, DetachObstacle};
use uuid::Uuid;

use super::{Suite, World, failed, key, refusal, status_of};
use crate::Power;

pub(super) async fn one_of_two_concurrent_attaches_wins(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let (first, second) = (world.computer().await, world.computer().await);
    let (one, other) =
        tokio::join!(world.try_attach(first.id, volume.id), world.try_attach(second.id, volume.id));
    let (won, lost) = match (one, other) {
        (Ok(won), lost @ Err(_)) | (lost @ Err(_), Ok(won)) => (won, refusal(lost)),
        (one, other) => panic!("both or none: {one:?}, {other:?}"),
    };
    match lost {
        Refusal::VolumeAttached { attachment_id, computer_id, .. } => {
            assert_eq!((attachment_id, computer_id), (won.id, won.computer_id));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(won.state, AttachmentState::Attaching);
    assert_eq!(world.read_computer(won.computer_id).await.generation, won.generation);
}

pub(super) async fn a_failed_attach_is_withdrawn_and_named_until_it_is_out(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.try_attach(computer.id, volume.id).await.unwrap();
    assert!(
        !world.store.withdraw_attachment(world.tenant, attachment.id, world.now).await.unwrap(),
        "nothing failed yet"
    );
    let unusable = AttachmentCondition::Failed(failed(FailureCode::MountPathUnusable));
    world.report_running(computer.id, attachment.id, unusable.clone()).await;
    assert_eq!(world.read_attachment(attachment.id).await.state, AttachmentState::Failed);
    assert!(world.store.withdraw_attachment(world.tenant, attachment.id, world.now).await.unwrap());

    let hidden = world.read_volume(volume.id).await;
    assert_eq!(hidden.attachments, [], "clients still see it");
    assert_eq!(
        world.spec_of(computer.id, attachment.id).await.unwrap().desired,
        DesiredAttachment::Detached { force: false },
        "only a spec that says so takes it out"
    );
    let withdrawn = world.read_attachment(attachment.id).await;
    let applied = world.report_running(computer.id, attachment.id, unusable).await;
    assert!(!applied.specs_changed && world.read_attachment(attachment.id).await.in_spec);
    world.report_running(computer.id, attachment.id, AttachmentCondition::Detached).await;
    assert_eq!(world.spec_of(computer.id, attachment.id).await, None);
    let refused = refusal(world.detach(attachment.id, false).await);
    assert!(matches!(refused, Refusal::AlreadyDeleted { .. }), "{refused:?}");
    assert_eq!(withdrawn.deleted_at, Some(world.now));
}

/// Aim: a detach that the host gave up leaves the attachment as it was, in the database as well as in the next spec; the reason
/// is there for the caller; the caller's key does not vouch for a detach that did not happen.
pub(super) async fn a_busy_detach_is_taken_back(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    assert_eq!(attachment.device.as_deref(), Some("/dev/loop7"));
    let key = key("detach");
    let detach = Detach { tenant_id: world.tenant, computer_id: None, id: attachment.id, force: false };
    let intent = world.store.detach(detach, Some(&key), world.now).await.unwrap();
    assert_eq!(intent.state, AttachmentState::Detaching);
    let joined = world.detach(attachment.id, false).await.unwrap();
    assert_eq!(joined.generation, intent.generation, "a second caller joins the first");

    let holders = vec![Holder { pid: 42, command: "tail -f /mnt/data/log".into() }];
    let busy = AttachmentCondition::Busy { holders: holders.clone() };
    let applied = world.report_running(computer.id, attachment.id, busy.clone()).await;
    assert!(applied.specs_changed && applied.touched.contains(&attachment.id.uuid()));
    let kept = world.read_attachment(attachment.id).await;
    assert_eq!((kept.state, kept.desired), (AttachmentState::Attached, DesiredAttachment::Attached));
    let refused = kept.refused_detach.as_ref().unwrap();
    assert_eq!((refused.generation, &refused.reason), (intent.generation, &DetachObstacle::Busy(holders)));
    assert!(kept.generation > intent.generation);
    assert_eq!(world.read_computer(computer.id).await.generation, kept.generation);
    assert_eq!(world.store.idempotency_find(&key.scope, world.now).await.unwrap(), None);
    let applied = world.report_running(computer.id, attachment.id, busy).await;
    assert!(!applied.specs_changed, "the same refusal counted twice");
}

pub(super) async fn force_replaces_a_gentle_detach(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    let gentle = world.detach(attachment.id, false).await.unwrap();
    let forceful = world.detach(attachment.id, true).await.unwrap();
    assert!(forceful.generation > gentle.generation);
    assert_eq!(
        world.spec_of(computer.id, attachment.id).await.unwrap().desired,
        DesiredAttachment::Detached { force: true }
    );
    let gentle_again = world.detach(attachment.id, false).await.unwrap();
    assert_eq!(gentle_again.desired, DesiredAttachment::Detached { force: true }, "force is not taken back");
    world.report_running(computer.id, attachment.id, AttachmentCondition::Detached).await;
    assert_eq!(world.read_attachment(attachment.id).await.deleted_at, Some(world.now));
    world.try_attach(computer.id, volume.id).await.expect("the volume is free again");
}

pub(super) async fn a_stopped_computer_lets_go_at_once(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attaching = world.try_attach(computer.id, volume.id).await.unwrap();
    let (stopping, _) =
        world.app.write_power(world.tenant, computer.id, Power::Stop, None, world.now).await.unwrap();
    assert_eq!(
        world.read_attachment(attaching.id).await.state,
        AttachmentState::Attached,
        "on a computer that stops, the claim is all there is to wait for"
    );
    let refused = refusal(world.detach(attaching.id, false).await);
    assert!(matches!(refused, Refusal::ComputerState { .. }), "{refused:?}");
    let pending = vec![(attaching.id, AttachmentCondition::Pending)];
    world.report_computer(&stopping, InstanceState::Stopped, pending.clone()).await;

    let detached = world.detach(attaching.id, false).await.unwrap();
    assert_eq!(detached.deleted_at, Some(world.now));
    assert_eq!(world.read_volume(volume.id).await.attachments, []);
    assert!(world.spec_of(computer.id, attaching.id).await.is_some(), "the host has not said that it is out");
    world.report_instance(status_of(&stopping, stopping.generation, InstanceState::Stopped, vec![])).await;
    assert!(
        world.spec_of(computer.id, attaching.id).await.is_some(),
        "that report was older than the detach"
    );
    let stopped = world.read_computer(computer.id).await;
    world.report_computer(&stopped, InstanceState::Stopped, pending).await;
    assert_eq!(world.spec_of(computer.id, attaching.id).await, None);

    let claimed = world.try_attach(computer.id, volume.id).await.unwrap();
    assert_eq!(
        claimed.state,
        AttachmentState::Attached,
        "a claim on a stopped computer holds from the start"
    );
}

pub(super) async fn an_old_report_does_not_detach(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    let before = world.read_computer(computer.id).await;
    world.detach(attachment.id, false).await.unwrap();
    let running = InstanceState::Running { pid: 7 };
    for attachments in [
        vec![],
        vec![(attachment.id, AttachmentCondition::Detached)],
        vec![(attachment.id, AttachmentCondition::Busy { holders: vec![] })],
    ] {
        world.report_instance(status_of(&before, before.generation, running.clone(), attachments)).await;
        let now = world.read_attachment(attachment.id).await;
        assert_eq!((now.state, now.deleted_at), (AttachmentState::Detaching, None));
    }
    let foreign = Detach {
        tenant_id: world.tenant,
        computer_id: Some(miosa_domain::ComputerId::from_uuid(Uuid::now_v7())),
        id: attachment.id,
        force: true,
    };
    let refused: Result<_, StoreError> = world.store.detach(foreign, None, world.now).await;
    assert_eq!(refusal(refused), Refusal::NotFound { what: "attachment" });
}
