//! Hosts: generations, and what may be forgotten.

use miosa_domain::spec::DesiredRun;
use miosa_domain::status::{InstanceState, InstanceStatus, VolumeCondition};
use miosa_domain::{ComputerId, Generation, VolumeId};
use uuid::Uuid;

use super::{Suite, World};
use crate::Power;

/// Aim: what changed since N, and nothing else, and never a change above the number that is answered.
pub(super) async fn changes_are_found_by_generation(suite: &Suite) {
    let world = World::new(suite).await;
    let changes = async |since| world.store.changed_specs(world.host, since).await.unwrap();
    assert_eq!(changes(Generation::default()).await.up_to, Generation(0));
    let volume = world.volume().await;
    let computer = world.computer().await;
    let all = changes(Generation::default()).await;
    assert_eq!((all.volumes.len(), all.instances.len(), all.up_to), (1, 1, computer.generation));
    let none = changes(all.up_to).await;
    assert_eq!((none.volumes.len(), none.instances.len()), (0, 0));
    assert_eq!(changes(volume.generation).await.volumes, [], "reports are no changes");

    let attachment = world.try_attach(computer.id, volume.id).await.unwrap();
    let attached = changes(all.up_to).await;
    assert_eq!((attached.volumes.len(), attached.instances.len()), (0, 1));
    assert_eq!(attached.instances[0].attachments[0].id, attachment.id);
    assert_eq!(attached.instances[0].generation, attached.up_to);
    let (stopped, _) =
        world.app.write_power(world.tenant, computer.id, Power::Stop, None, world.now).await.unwrap();
    let stop = changes(attached.up_to).await;
    assert_eq!((stop.instances[0].desired, stop.up_to), (DesiredRun::Stopped, stopped.generation));
    assert_eq!(stop.instances[0].attachments.len(), 1, "a spec is whole, whatever changed in it");

    let other = World::new(suite).await;
    assert_eq!(world.store.changed_specs(other.host, Generation::default()).await.unwrap().instances, []);
}

pub(super) async fn a_restored_database_counts_on_from_the_ledger(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    assert_eq!(world.register(Generation(500)).await, Generation(500));
    assert_eq!(world.register(Generation(3)).await, Generation(500), "it never counts backwards");
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    assert_eq!(deleting.generation, Generation(501));
}

/// Aim: what a host says is gone, and nobody knows or wants, it may forget; anything else that is unknown is kept.
pub(super) async fn what_is_gone_and_unknown_may_be_forgotten(suite: &Suite) {
    let world = World::new(suite).await;
    let unknown = VolumeId::from_uuid(Uuid::now_v7());
    let applied = world.report_volume_at(unknown, Generation(9), VolumeCondition::Gone).await;
    assert_eq!(applied.forget.volumes, [unknown]);
    let applied = world.report_volume_at(unknown, Generation(9), VolumeCondition::Ready).await;
    assert_eq!(applied.forget.volumes, []);
    let known = world.volume().await;
    let applied = world.report_volume(&known, VolumeCondition::Gone).await;
    assert_eq!(applied.forget.volumes, [], "it should be there");

    let status = |state| InstanceStatus {
        id: ComputerId::from_uuid(unknown.uuid()).into(),
        generation: Generation(9),
        run: 1,
        state,
        exit_code: None,
        restart_count: 0,
        started_at: None,
        ended_at: None,
        health: Default::default(),
        attachments: vec![],
    };
    let applied = world.report_instance(status(InstanceState::Gone)).await;
    assert_eq!(applied.forget.instances.len(), 1);
    let applied = world.report_instance(status(InstanceState::Running { pid: 1 })).await;
    assert_eq!(applied.forget.instances, []);
    let elsewhere = World::new(suite).await;
    let applied = elsewhere.report_volume(&known, VolumeCondition::Ready).await;
    assert!(applied.touched.is_empty(), "a host speaks only of what lives on it");
}
