//! Pruning, as rows: what goes, what stays and why, and that a look changes nothing.

use miosa_domain::snapshot::SnapshotState;
use miosa_domain::spec::Origin;
use miosa_domain::status::{SnapshotCondition, VolumeCondition};
use miosa_domain::{SnapshotId, VolumeId};
use miosa_store::event::EventKind;

use super::{Suite, World};
use crate::SnapshotChange;
use crate::VolumeChange;
use crate::snapshot::prune::{KeptReason, Prune, PruneScope};
use crate::volume::VolumeDraft;

impl World<'_> {
    /// A ready snapshot that was asked for and taken at an hour, and expires a number of hours later.
    async fn expiring(&self, volume_id: VolumeId, taken: i64, lives: i64) -> SnapshotId {
        let expires_at = Some(self.later(taken + lives));
        let mut new = self.new_snapshot(volume_id);
        new.new.expires_at = expires_at;
        let asked = self.create_snapshot(new, None, self.later(taken)).await.unwrap();
        self.report_snapshot(&asked, SnapshotCondition::Ready).await;
        asked.id
    }

    async fn prune(&self, carry_out: bool, hours: i64) -> Prune {
        let hosts = [self.host];
        let carry_out = carry_out.then_some(hosts.as_slice());
        self.app.write_prune(PruneScope::Tenant(self.tenant), carry_out, self.later(hours)).await.unwrap()
    }
}

fn pruned(prune: &Prune) -> Vec<SnapshotId> {
    prune.pruned.iter().map(|snapshot| snapshot.id).collect()
}

fn kept(prune: &Prune) -> Vec<(SnapshotId, KeptReason)> {
    prune.kept.iter().map(|kept| (kept.snapshot.id, kept.reason)).collect()
}

/// Aim: not before its time, oldest first, the newest never; only where the host has said all; changed days count at once.
pub(super) async fn days_decide_and_the_newest_stays(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let first = world.expiring(volume.id, 0, 10).await;
    let second = world.expiring(volume.id, 1, 10).await;
    let newest = world.expiring(volume.id, 2, 10).await;
    assert_eq!(world.prune(false, 9).await, Prune::default());
    let plan = world.prune(false, 20).await;
    assert_eq!((pruned(&plan), kept(&plan)), (vec![first, second], vec![(newest, KeptReason::Newest)]));
    assert_eq!(world.read_snapshot(first).await.state, SnapshotState::Ready, "a look deleted something");
    let nowhere = world.app.write_prune(PruneScope::Tenant(world.tenant), Some(&[]), world.later(20)).await;
    assert_eq!(pruned(&nowhere.unwrap()), [], "its host said nothing yet");
    let elsewhere = World::new(suite).await;
    let scope = PruneScope::Volume(elsewhere.tenant, volume.id);
    let theirs = world.app.write_prune(scope, Some(&[world.host]), world.later(20)).await.unwrap();
    assert_eq!(theirs, Prune::default(), "another tenant's");

    assert_eq!(pruned(&world.prune(true, 10).await), [first]);
    assert_eq!(pruned(&world.prune(true, 20).await), [second]);
    assert_eq!(pruned(&world.prune(true, 20).await), []);
    let gone = world.read_snapshot(first).await;
    assert_eq!((gone.state, gone.deleted_at), (SnapshotState::Deleting, Some(world.later(10))));
    let told = world.event_kinds(volume.id).await;
    assert_eq!(told.iter().filter(|kind| **kind == EventKind::SnapshotPruned).count(), 2);

    let safe = world.volume().await;
    let past = world.snapshot(safe.id).await.id;
    world.store.begin_restore(world.tenant, safe.id, past, false, None, world.now).await.unwrap();
    let safety = world.snapshots_of(safe.id).await.remove(0);
    world.report_snapshot(&safety, SnapshotCondition::Ready).await;
    assert_eq!(world.read_snapshot(safety.id).await.expires_at, Some(world.later(7 * 24)));
    let change = VolumeChange { retention_days: Some(2), ..VolumeChange::default() };
    world.app.write_volume_change(world.tenant, safe.id, &change, None, world.now).await.unwrap();
    assert_eq!(world.read_snapshot(safety.id).await.expires_at, Some(world.later(48)));
    assert_eq!(world.read_snapshot(past).await.expires_at, None, "days are not for those taken by hand");
}

pub(super) async fn protected_and_used_ones_stay(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let guarded = world.expiring(volume.id, 0, 1).await;
    let used = world.expiring(volume.id, 1, 1).await;
    world.snapshot(volume.id).await;
    let newest = world.expiring(volume.id, 3, 1).await;
    let protect = |protected| SnapshotChange { protected: Some(protected), ..SnapshotChange::default() };
    world.app.write_snapshot_change(world.tenant, guarded, &protect(true), None, world.now).await.unwrap();
    let new = VolumeDraft { origin: Some(Origin::Snapshot { id: used }), ..world.new_volume() };
    let fork = world.create_volume(new, None, world.now).await.unwrap();
    let plan = world.prune(true, 100).await;
    assert_eq!(pruned(&plan), []);
    let reasons = [(guarded, KeptReason::Protected), (used, KeptReason::InUse), (newest, KeptReason::Newest)];
    assert_eq!(kept(&plan), reasons);
    world.report_volume(&fork, VolumeCondition::Ready).await;
    world.app.write_snapshot_change(world.tenant, guarded, &protect(false), None, world.now).await.unwrap();
    assert_eq!(pruned(&world.prune(true, 100).await), [guarded, used]);
}

/// Aim: they stay while their volume is in the trash and after it is gone, until their time is over, the newest too; a volume
/// can be made from them all the while.
pub(super) async fn a_destroyed_volume_s_snapshots_live_on(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let last = world.expiring(volume.id, 0, 500).await;
    let deleting = world.app.write_volume_deletion(world.tenant, volume.id, None, world.now).await.unwrap();
    world.report_volume(&deleting, VolumeCondition::InTrash).await;
    assert_eq!(kept(&world.prune(true, 500).await), [(last, KeptReason::Newest)], "the volume may come back");
    world.app.purge_trash(&[world.host], world.later(24 * 100)).await.unwrap();
    world.report_volume(&world.read_volume(volume.id).await, VolumeCondition::Gone).await;
    world.store.remove_old_rows(world.later(24 * 100)).await.unwrap();
    assert!(
        world.store.volume(world.tenant, volume.id).await.unwrap().is_some(),
        "its row knows the days of retention"
    );
    assert_eq!(world.snapshots_of(volume.id).await.len(), 1);
    let new = VolumeDraft { origin: Some(Origin::Snapshot { id: last }), ..world.new_volume() };
    let restored = world.create_volume(new, None, world.now).await.unwrap();
    world.report_volume(&restored, VolumeCondition::Ready).await;
    assert_eq!(world.prune(true, 499).await, Prune::default());
    assert_eq!(pruned(&world.prune(true, 500).await), [last]);
}
