//! Restores in place: every step, every way that ends, and what is refused meanwhile.

use miosa_domain::attachment::AttachmentState;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::{DesiredRun, Origin};
use miosa_domain::status::{
    AttachmentCondition, FailureCode, InstanceState, SnapshotCondition, VolumeCondition, VolumeStatus,
};
use miosa_domain::volume::Lifecycle;
use miosa_domain::{Refusal, SnapshotId, VolumeId};
use miosa_store::StoreError;
use miosa_store::computer::ComputerRecord;
use miosa_store::event::EventKind;
use miosa_store::restore::RestorePhase;
use miosa_store::snapshot::SnapshotRecord;
use miosa_store::volume::VolumeRecord;

use super::{Reported, Suite, World, failed, key, ready, refusal};
use crate::Power;

impl World<'_> {
    async fn restore(
        &self,
        volume: VolumeId,
        snapshot: SnapshotId,
        force: bool,
    ) -> Result<VolumeRecord, StoreError> {
        self.store.begin_restore(self.tenant, volume, snapshot, force, None, self.now).await
    }

    async fn phase(&self, volume: VolumeId) -> Option<RestorePhase> {
        self.read_volume(volume).await.restore.map(|restore| restore.phase)
    }

    /// The safety snapshot that the host is asked for.
    async fn safety(&self, volume: VolumeId) -> SnapshotRecord {
        match self.phase(volume).await {
            Some(RestorePhase::Saving { safety_snapshot_id }) => self.read_snapshot(safety_snapshot_id).await,
            other => panic!("not saving: {other:?}"),
        }
    }

    /// A volume with a snapshot, and a computer that runs with it.
    async fn in_use(&self) -> (VolumeRecord, SnapshotRecord, ComputerRecord) {
        let volume = self.volume().await;
        let snapshot = self.snapshot(volume.id).await;
        let computer = self.computer().await;
        self.attached(computer.id, volume.id).await;
        (volume, snapshot, self.read_computer(computer.id).await)
    }

    async fn report_stopped(&self, computer: &ComputerRecord) {
        let computer = self.read_computer(computer.id).await;
        let pending = computer.attachments.iter().map(|a| (a.id, AttachmentCondition::Pending)).collect();
        self.report_computer(&computer, InstanceState::Stopped, pending).await;
    }

    /// A restore that is about to replace the data of a detached volume.
    async fn replacing(&self) -> (VolumeRecord, SnapshotRecord) {
        let volume = self.volume().await;
        let snapshot = self.snapshot(volume.id).await;
        self.restore(volume.id, snapshot.id, false).await.unwrap();
        self.report_snapshot(&self.safety(volume.id).await, SnapshotCondition::Ready).await;
        (self.read_volume(volume.id).await, snapshot)
    }
}

/// Aim: each step is taken when its condition is reported and not before; at the end everything runs again with the new data.
pub(super) async fn a_restore_stops_saves_replaces_and_starts(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, snapshot, computer) = world.in_use().await;
    let refused = refusal(world.restore(volume.id, snapshot.id, false).await);
    assert_eq!(refused.code(), "VOLUME_IN_USE", "{refused:?}");
    let begun = world.restore(volume.id, snapshot.id, true).await.unwrap();
    assert_eq!((begun.lifecycle, begun.incarnation), (Lifecycle::Restoring, 0));
    let stopping = world.read_computer(computer.id).await;
    assert_eq!(stopping.desired, DesiredRun::Stopped);
    assert_eq!(begun.restore.unwrap().computers, [computer.id]);

    world
        .report_instance(super::status_of(&stopping, computer.generation, InstanceState::Stopped, vec![]))
        .await;
    assert_eq!(world.store.advance_restores(world.now).await.unwrap(), []);
    assert_eq!(world.phase(volume.id).await, Some(RestorePhase::Stopping), "a report from before the stop");
    world.report_stopped(&computer).await;
    let safety = world.safety(volume.id).await;
    assert_eq!((safety.trigger, safety.take.stall), (Trigger::Safety, None));
    world.report_volume(&volume, VolumeCondition::Ready).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Restoring, "the old data is no end");

    let applied = world.report_snapshot(&safety, SnapshotCondition::Ready).await;
    assert!(applied.specs_changed && applied.touched.contains(&volume.id.uuid()));
    let replacing = world.read_volume(volume.id).await;
    assert!(matches!(replacing.restore.as_ref().unwrap().phase, RestorePhase::Replacing { .. }));
    let specs = world.store.changed_specs(world.host, safety.generation).await.unwrap();
    assert_eq!(
        (specs.volumes[0].incarnation, specs.volumes[0].origin),
        (1, Some(Origin::Snapshot { id: snapshot.id }))
    );
    world.report_volume(&replacing, VolumeCondition::Ready).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Restoring, "the old incarnation");

    let replaced = VolumeStatus { generation: replacing.generation, incarnation: 1, ..ready(volume.id) };
    assert!(world.report_volume_status(replaced.clone()).await.specs_changed);
    let done = world.read_volume(volume.id).await;
    assert_eq!((done.lifecycle, done.incarnation, done.restore), (Lifecycle::Available, 1, None));
    let started = world.read_computer(computer.id).await;
    assert_eq!((started.desired, started.run), (DesiredRun::Running, computer.run + 1));
    assert_eq!(started.attachments[0].state, AttachmentState::Attached);
    assert_eq!(world.report_volume_status(replaced).await, Reported::default());
    let told = world.events(volume.id).await.pop().unwrap();
    assert_eq!((told.kind, told.snapshot_id), (EventKind::VolumeRestored, Some(snapshot.id)));
    assert_eq!(world.read_snapshot(safety.id).await.state, SnapshotState::Ready, "what undoes it");
    assert_eq!(world.read_snapshot(safety.id).await.expires_at, Some(world.later(7 * 24)));
}

/// Aim: whichever step fails, the old data is what the host is asked for, the computers run again, and the history says why.
pub(super) async fn a_restore_that_fails_leaves_the_old_data(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, snapshot, computer) = world.in_use().await;
    world.restore(volume.id, snapshot.id, true).await.unwrap();
    world.report_stopped(&computer).await;
    let safety = world.safety(volume.id).await;
    let failure = failed(FailureCode::HostError);
    world.report_snapshot(&safety, SnapshotCondition::Failed(failure.clone())).await;
    let kept = world.read_volume(volume.id).await;
    assert_eq!((kept.lifecycle, kept.incarnation, kept.restore), (Lifecycle::Available, 0, None));
    assert_eq!(world.read_computer(computer.id).await.desired, DesiredRun::Running);
    let told = world.events(volume.id).await.pop().unwrap();
    assert_eq!(told.kind, EventKind::VolumeRestoreFailed);
    assert!(told.message.contains(&failure.message), "{}", told.message);

    let (volume, snapshot) = (volume.id, snapshot.id);
    let (key, now) = (key("restore"), world.now);
    world.detach(world.read_computer(computer.id).await.attachments[0].id, true).await.unwrap();
    let detached = AttachmentCondition::Detached;
    let attachment = world.read_volume(volume).await.attachments[0].id;
    world.report_running(computer.id, attachment, detached).await;
    world.store.begin_restore(world.tenant, volume, snapshot, false, Some(&key), now).await.unwrap();
    let safety = world.safety(volume).await;
    world.report_snapshot(&safety, SnapshotCondition::Failed(failure.clone())).await;
    assert_eq!(
        world.store.idempotency_find(&key.scope, now).await.unwrap(),
        None,
        "the key vouches for nothing"
    );

    let (replacing, _) = world.replacing().await;
    let busy = VolumeCondition::Failed(failed(FailureCode::VolumeAttached));
    world.report_volume(&replacing, busy).await;
    assert_eq!(world.read_volume(replacing.id).await.lifecycle, Lifecycle::Restoring, "only late");
    let applied = world.report_volume(&replacing, VolumeCondition::Failed(failure)).await;
    assert!(applied.specs_changed);
    let kept = world.read_volume(replacing.id).await;
    assert_eq!((kept.lifecycle, kept.incarnation, kept.origin), (Lifecycle::Available, 0, None));
    assert!(kept.generation > replacing.generation);
    let told = world.events(replacing.id).await.pop().unwrap();
    assert_eq!(told.kind, EventKind::VolumeRestoreFailed);
}

/// Aim: for a volume whose data is missing a restore is the way out, though there is nothing that could be saved; for one
/// that is only in error, it is not.
pub(super) async fn a_lost_volume_is_restored_without_saving(suite: &Suite) {
    let world = World::new(suite).await;
    for (code, is_restored) in [(FailureCode::DataMissing, true), (FailureCode::ForeignData, false)] {
        let volume = world.volume().await;
        let snapshot = world.snapshot(volume.id).await;
        world.report_volume(&volume, VolumeCondition::Failed(failed(code))).await;
        world.restore(volume.id, snapshot.id, false).await.unwrap();
        let safety = world.safety(volume.id).await;
        world.report_snapshot(&safety, SnapshotCondition::Failed(failed(code))).await;
        let after = world.read_volume(volume.id).await;
        if !is_restored {
            assert_eq!((after.lifecycle, after.error), (Lifecycle::Error, Some(failed(code))));
            continue;
        }
        assert!(matches!(after.restore.as_ref().unwrap().phase, RestorePhase::Replacing { .. }));
        let replaced = VolumeStatus { generation: after.generation, incarnation: 1, ..ready(volume.id) };
        world.report_volume_status(replaced).await;
        let done = world.read_volume(volume.id).await;
        assert_eq!((done.lifecycle, done.error), (Lifecycle::Available, None));
    }
}

/// Aim: whatever is asked of the volume or of what the restore needs, it is refused and changes nothing.
pub(super) async fn nothing_else_happens_to_a_volume_meanwhile(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, snapshot, computer) = world.in_use().await;
    let other_box = world.computer().await;
    world.restore(volume.id, snapshot.id, true).await.unwrap();
    let now = world.now;
    let not_ready = |refused: Refusal| assert_eq!(refused.code(), "VOLUME_NOT_READY", "{refused:?}");
    not_ready(refusal(world.restore(volume.id, snapshot.id, true).await));
    not_ready(refusal(world.app.write_volume_deletion(world.tenant, volume.id, None, now).await));
    not_ready(refusal(world.create_snapshot(world.new_snapshot(volume.id), None, now).await));
    not_ready(refusal(world.app.write_compaction(world.tenant, volume.id, None, now).await));
    not_ready(refusal(world.app.write_power(world.tenant, computer.id, Power::Start, None, now).await));
    world.report_stopped(&computer).await;
    let safety = world.safety(volume.id).await;
    for id in [snapshot.id, safety.id] {
        let refused = refusal(world.app.write_snapshot_deletion(world.tenant, id, None, now).await);
        assert_eq!(refused, Refusal::SnapshotInUse { snapshot_id: id });
    }
    let (detached, _) = world.replacing().await;
    not_ready(refusal(world.try_attach(other_box.id, detached.id).await));

    world.app.write_computer_deletion(world.tenant, computer.id, false, None, now).await.unwrap();
    world.report_snapshot(&safety, SnapshotCondition::Ready).await;
    let replacing = world.read_volume(volume.id).await;
    let replaced = VolumeStatus { generation: replacing.generation, incarnation: 1, ..ready(volume.id) };
    world.report_volume_status(replaced).await;
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Available);
    assert_eq!(world.read_computer(computer.id).await.desired, DesiredRun::Destroyed, "it came back to life");
}

/// Aim: a computer with two volumes in restore starts when the second is over, and not at all when somebody stopped it.
pub(super) async fn a_computer_waits_for_all_its_restores(suite: &Suite) {
    for is_stopped_by_hand in [false, true] {
        let world = World::new(suite).await;
        let (first, first_snapshot, computer) = world.in_use().await;
        let second = world.volume().await;
        let second_snapshot = world.snapshot(second.id).await;
        world.try_attach(computer.id, second.id).await.unwrap();
        world.restore(first.id, first_snapshot.id, true).await.unwrap();
        world.restore(second.id, second_snapshot.id, true).await.unwrap();
        world.report_stopped(&computer).await;
        if is_stopped_by_hand {
            world.app.write_power(world.tenant, computer.id, Power::Stop, None, world.now).await.unwrap();
        }
        let runs = async |volume: VolumeId| {
            world.report_snapshot(&world.safety(volume).await, SnapshotCondition::Ready).await;
            let generation = world.read_volume(volume).await.generation;
            let replaced = VolumeStatus { generation, incarnation: 1, ..ready(volume) };
            world.report_volume_status(replaced).await;
            world.read_computer(computer.id).await.desired == DesiredRun::Running
        };
        assert!(!runs(first.id).await, "its other volume is between old data and new");
        assert_eq!(runs(second.id).await, !is_stopped_by_hand);
    }
}

pub(super) async fn only_a_ready_snapshot_of_the_volume_is_restored(suite: &Suite) {
    let world = World::new(suite).await;
    let other = World::new(suite).await;
    let (volume, sibling, theirs) = (world.volume().await, world.volume().await, other.volume().await);
    let foreign = [world.snapshot(sibling.id).await.id, other.snapshot(theirs.id).await.id];
    for id in foreign {
        let refused = refusal(world.restore(volume.id, id, false).await);
        assert_eq!(refused, Refusal::NotFound { what: "snapshot" });
    }
    let asked = world.create_snapshot(world.new_snapshot(volume.id), None, world.now).await.unwrap();
    let refused = refusal(world.restore(volume.id, asked.id, false).await);
    assert!(matches!(refused, Refusal::SnapshotNotReady { .. }), "{refused:?}");
    let refused = refusal(other.restore(volume.id, asked.id, false).await);
    assert_eq!(refused, Refusal::NotFound { what: "volume" });
    world.report_snapshot(&asked, SnapshotCondition::Ready).await;
    world.report_pool(95).await;
    let refused = refusal(world.restore(volume.id, asked.id, false).await);
    assert!(matches!(refused, Refusal::PoolNearFull { .. }), "{refused:?}");
    assert_eq!(world.read_volume(volume.id).await.lifecycle, Lifecycle::Available);
}
