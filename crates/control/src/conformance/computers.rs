//! Computers: runs, and what goes with a computer.

use miosa_domain::computer::ComputerStatus;
use miosa_domain::spec::DesiredAttachment;
use miosa_domain::status::{AttachmentCondition, FailureCode, InstanceState};
use miosa_domain::{Generation, Refusal};

use super::{Suite, World, failed, refusal};
use crate::Power;

pub(super) async fn runs_are_counted_and_status_follows(suite: &Suite) {
    let world = World::new(suite).await;
    let computer = world.create_computer(world.new_computer(), None, world.now).await.unwrap();
    assert_eq!((computer.status, computer.run), (ComputerStatus::Provisioning, 1));
    let power =
        async |power| world.app.write_power(world.tenant, computer.id, power, None, world.now).await.unwrap();
    let running = || InstanceState::Running { pid: 7 };
    world.report_computer(&computer, running(), vec![]).await;
    let (same, is_new) = power(Power::Start).await;
    assert_eq!((same.status, same.run, is_new), (ComputerStatus::Running, 1, false));
    assert_eq!(same.generation, computer.generation, "nothing to do is no change");

    let (restarted, _) = power(Power::Restart).await;
    assert_eq!((restarted.status, restarted.run), (ComputerStatus::Starting, 2));
    world.report_computer(&computer, running(), vec![]).await;
    assert_eq!(
        world.read_computer(computer.id).await.status,
        ComputerStatus::Starting,
        "the first run is not the second"
    );
    world.report_computer(&restarted, InstanceState::Failed(failed(FailureCode::CrashLoop)), vec![]).await;
    assert_eq!(world.read_computer(computer.id).await.status, ComputerStatus::Error);
    let (retried, is_new) = power(Power::Start).await;
    assert_eq!((retried.run, is_new), (3, true), "starting a computer in error tries again");

    let (stopping, _) = power(Power::Stop).await;
    world.report_computer(&stopping, running(), vec![]).await;
    assert_eq!(world.read_computer(computer.id).await.status, ComputerStatus::Stopping);
    world.report_computer(&stopping, InstanceState::Stopped, vec![]).await;
    assert_eq!(power(Power::Stop).await.0.status, ComputerStatus::Stopped);
    assert_eq!(power(Power::Start).await.0.run, 4);

    let spec =
        world.store.changed_specs(world.host, Generation::default()).await.unwrap().instances.remove(0);
    assert_eq!((spec.run, spec.hostname.as_str(), spec.template.as_str()), (4, "build-box", "busybox"));
    assert_eq!(spec.command.unwrap(), ["/bin/sleep", "9"]);
    assert_eq!((spec.env["A"].as_str(), spec.stop_grace_seconds), ("b", 10));
}

pub(super) async fn destroying_ends_attachments_and_keeps_volumes(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let computer = world.computer().await;
    let attachment = world.attached(computer.id, volume.id).await;
    let delete = async |force| {
        world.app.write_computer_deletion(world.tenant, computer.id, force, None, world.now).await
    };
    let destroying = delete(false).await.unwrap();
    assert_eq!((destroying.status, destroying.stop_grace_seconds), (ComputerStatus::Destroying, 10));
    assert!(matches!(refusal(delete(false).await), Refusal::AlreadyDeleted { .. }));
    assert_eq!(delete(true).await.unwrap().stop_grace_seconds, 0, "force hurries one that takes its time");
    assert!(matches!(refusal(delete(true).await), Refusal::AlreadyDeleted { .. }));

    let free = world.read_volume(volume.id).await;
    assert_eq!((free.attachments.len(), free.deleted_at), (0, None));
    let spec = world.spec_of(computer.id, attachment.id).await.unwrap();
    assert!(matches!(spec.desired, DesiredAttachment::Detached { .. }));
    let refused = refusal(world.try_attach(computer.id, volume.id).await);
    assert_eq!(refused.code(), "NOT_FOUND");

    let destroying = world.read_computer(computer.id).await;
    let pending = vec![(attachment.id, AttachmentCondition::Pending)];
    let applied = world.report_computer(&destroying, InstanceState::Gone, pending).await;
    assert_eq!(applied.forget.instances, [computer.id.into()]);
    assert!(!world.read_attachment(attachment.id).await.in_spec);
    let specs = world.store.changed_specs(world.host, Generation::default()).await.unwrap();
    assert_eq!(specs.instances, [], "a tombstone is no spec");
    let page = world.store.list_computers(world.tenant, &super::lists::request(None)).await.unwrap();
    assert_eq!(page.items, []);
    assert!(matches!(refusal(delete(true).await), Refusal::AlreadyDeleted { .. }));
}
