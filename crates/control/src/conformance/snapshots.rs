//! Snapshots: the life, the refusals, and what reports do.

use jiff::Timestamp;
use miosa_domain::kind::Statuses;
use miosa_domain::snapshot::{SnapshotState, Trigger};
use miosa_domain::spec::{Hooks, SnapshotPresence};
use miosa_domain::stall::StallRules;
use miosa_domain::status::{
    Checksum, CompactionState, CompactionStatus, FailureCode, SnapshotCondition, SnapshotFacts,
    SnapshotStatus, Verification, VerificationOutcome, VolumeCondition,
};
use miosa_domain::{Generation, Refusal, SnapshotId, VolumeId};
use miosa_store::StoreError;
use miosa_store::event::{EventKind, EventRecord};
use miosa_store::host::PoolUsage;
use miosa_store::idempotency::{Idempotency, ObjectRef};
use miosa_store::page::ListRequest;
use miosa_store::snapshot::SnapshotRecord;
use miosa_store::volume::SnapshotSums;
use uuid::Uuid;

use super::{Reported, Suite, World, failed, key, lists, ready, refusal};
use crate::HooksChange;
use crate::NewSnapshot;
use crate::SnapshotChange;
use crate::VolumeChange;
use crate::snapshot::SnapshotDraft;

impl World<'_> {
    pub(super) fn new_snapshot(&self, volume_id: VolumeId) -> SnapshotDraft {
        SnapshotDraft {
            id: SnapshotId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            volume_id,
            new: NewSnapshot { name: Some("before".into()), ..NewSnapshot::default() },
        }
    }

    pub(super) async fn create_snapshot(
        &self,
        draft: SnapshotDraft,
        key: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<SnapshotRecord, StoreError> {
        self.app.write_new_snapshot(&draft, key, now).await
    }

    /// A snapshot that its host has taken.
    pub(super) async fn snapshot(&self, volume_id: VolumeId) -> SnapshotRecord {
        let asked = self.create_snapshot(self.new_snapshot(volume_id), None, self.now).await.unwrap();
        self.report_snapshot(&asked, SnapshotCondition::Ready).await;
        self.read_snapshot(asked.id).await
    }

    pub(super) async fn read_snapshot(&self, id: SnapshotId) -> SnapshotRecord {
        self.store.snapshot(self.tenant, id).await.unwrap().expect("the row is there")
    }

    pub(super) async fn snapshots_of(&self, volume_id: VolumeId) -> Vec<SnapshotRecord> {
        let request = lists::request(None);
        self.store.list_snapshots(self.tenant, Some(volume_id), &request).await.unwrap().items
    }

    /// As an answer to the snapshot's present generation.
    pub(super) async fn report_snapshot(
        &self,
        snapshot: &SnapshotRecord,
        condition: SnapshotCondition,
    ) -> Reported {
        self.report_snapshot_status(status_of(snapshot, condition)).await
    }

    pub(super) async fn report_snapshot_status(&self, status: SnapshotStatus) -> Reported {
        self.report(Statuses { snapshots: vec![status], ..Statuses::default() }, self.now).await
    }

    pub(super) async fn report_pool(&self, used_percent: u64) {
        let pool = PoolUsage { capacity_bytes: 1000, used_bytes: used_percent * 10 };
        let nothing = Statuses::default();
        self.app.write_report(self.host, &nothing, Some(pool), self.now).await.unwrap();
    }

    /// Oldest first.
    pub(super) async fn events(&self, volume_id: VolumeId) -> Vec<EventRecord> {
        let request = lists::request(None);
        let mut events = self.store.list_events(self.tenant, volume_id, &request).await.unwrap().items;
        events.reverse();
        events
    }

    pub(super) async fn event_kinds(&self, volume_id: VolumeId) -> Vec<EventKind> {
        self.events(volume_id).await.iter().map(|event| event.kind).collect()
    }
}

/// Taken when it was asked for.
pub(super) fn status_of(snapshot: &SnapshotRecord, condition: SnapshotCondition) -> SnapshotStatus {
    let facts = SnapshotFacts {
        taken_at: snapshot.created_at,
        size_bytes: snapshot.size_bytes,
        allocated_bytes: 8192,
        extents: 3,
        stall_us: 700,
        compacted: false,
    };
    SnapshotStatus {
        pool_id: None,
        id: snapshot.id,
        volume_id: snapshot.volume_id,
        generation: snapshot.generation,
        facts: (condition == SnapshotCondition::Ready).then_some(facts),
        condition,
        checksum: None,
        exclusive: None,
        verification: None,
    }
}

/// Aim: every step of a life, each completed by the report that answers it; the host is asked for exactly what is wanted and
/// may forget what is over.
pub(super) async fn a_life_follows_the_reports(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let mut new = world.new_snapshot(volume.id);
    new.new.hooks.before = Some(Some("sync".into()));
    let asked = world.create_snapshot(new, None, world.now).await.unwrap();
    assert_eq!((asked.state, asked.trigger), (SnapshotState::Creating, Trigger::Manual));
    assert!(asked.generation > volume.generation);
    let specs = world.store.changed_specs(world.host, volume.generation).await.unwrap();
    assert_eq!((specs.up_to, specs.volumes.len(), specs.snapshots.len()), (asked.generation, 0, 1));
    let spec = &specs.snapshots[0];
    assert_eq!((spec.presence, spec.must_exist), (SnapshotPresence::Kept, false));
    assert_eq!((spec.take.stall, spec.take.not_before), (Some(StallRules::BY_HAND), None));
    assert_eq!(spec.take.hooks, Hooks { before: Some("sync".into()), ..Hooks::default() });

    let applied = world.report_snapshot(&asked, SnapshotCondition::Taking).await;
    assert_eq!((applied.touched, applied.taken), (vec![asked.id.uuid()], vec![]));
    let mut answer = status_of(&asked, SnapshotCondition::Ready);
    let early = SnapshotStatus { generation: volume.generation, ..answer.clone() };
    world.report_snapshot_status(early).await;
    assert_eq!(world.read_snapshot(asked.id).await.state, SnapshotState::Creating, "an older answer");
    let applied = world.report_snapshot_status(answer.clone()).await;
    assert_eq!(applied.taken, [(Trigger::Manual, 700)]);
    let taken = world.read_snapshot(asked.id).await;
    assert_eq!((taken.state, taken.was_ready, taken.expires_at), (SnapshotState::Ready, true, None));
    assert_eq!(world.report_snapshot_status(answer.clone()).await, Reported::default(), "twice is once");

    answer.checksum = Some(Checksum { blake3: "ab".into(), computed_at: world.now });
    world.report_snapshot_status(answer.clone()).await;
    answer.checksum = None;
    answer.facts = answer.facts.map(|facts| SnapshotFacts { extents: 9, ..facts });
    world.report_snapshot_status(answer).await;
    let reported = world.read_snapshot(asked.id).await.reported.unwrap();
    assert!(reported.checksum.is_some(), "what was found out was lost");
    assert_eq!(reported.facts.unwrap().extents, 3, "facts never change");

    let deleting = world.app.write_snapshot_deletion(world.tenant, asked.id, None, world.now).await.unwrap();
    assert_eq!((deleting.state, deleting.is_tombstone), (SnapshotState::Deleting, false));
    let specs = world.store.changed_specs(world.host, Generation::default()).await.unwrap();
    assert_eq!(specs.snapshots[0].presence, SnapshotPresence::Purged);
    let refused = refusal(world.app.write_snapshot_deletion(world.tenant, asked.id, None, world.now).await);
    assert!(matches!(refused, Refusal::AlreadyDeleted { .. }), "{refused:?}");
    for _ in 0..2 {
        let applied = world.report_snapshot(&deleting, SnapshotCondition::Gone).await;
        assert_eq!(applied.forget.snapshots, [asked.id]);
    }
    assert!(world.read_snapshot(asked.id).await.is_tombstone);
    assert_eq!(world.store.changed_specs(world.host, Generation::default()).await.unwrap().snapshots, []);
    let kinds = world.event_kinds(volume.id).await;
    assert_eq!(kinds, [EventKind::VolumeCreated, EventKind::SnapshotTaken, EventKind::SnapshotDeleted]);
    assert_eq!(world.events(volume.id).await[1].size_bytes, Some(8192));
}

/// Aim: a snapshot that failed is never taken later; its host clears up and forgets; people still see why.
pub(super) async fn a_failed_one_is_cleared_up_and_stays_to_be_seen(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let asked = world.create_snapshot(world.new_snapshot(volume.id), None, world.now).await.unwrap();
    let failure = failed(FailureCode::WriteBackTimeout);
    let applied = world.report_snapshot(&asked, SnapshotCondition::Failed(failure.clone())).await;
    assert!(applied.specs_changed);
    assert_eq!(applied.failed, [(Trigger::Manual, FailureCode::WriteBackTimeout)]);
    let row = world.read_snapshot(asked.id).await;
    assert_eq!((row.state, row.error.as_ref()), (SnapshotState::Failed, Some(&failure)));
    assert_eq!((row.presence, row.expires_at), (SnapshotPresence::Purged, Some(world.later(24))));
    assert!(row.generation > asked.generation);
    world.report_snapshot(&asked, SnapshotCondition::Ready).await;
    assert_eq!(world.read_snapshot(asked.id).await.state, SnapshotState::Failed, "it came back");

    let applied = world.report_snapshot(&row, SnapshotCondition::Gone).await;
    assert_eq!(applied.forget.snapshots, [asked.id]);
    assert_eq!(world.store.changed_specs(world.host, Generation::default()).await.unwrap().snapshots, []);
    assert_eq!(world.snapshots_of(volume.id).await.len(), 1, "nobody can see why it failed");
    let deleted = world.app.write_snapshot_deletion(world.tenant, asked.id, None, world.now).await.unwrap();
    assert!(deleted.is_tombstone, "its host has nothing left to do");
    let kinds = world.event_kinds(volume.id).await;
    assert_eq!(kinds, [EventKind::VolumeCreated, EventKind::SnapshotFailed, EventKind::SnapshotDeleted]);
}

pub(super) async fn refusals_name_the_reason(suite: &Suite) {
    let world = World::new(suite).await;
    let creating = world.create_volume(world.new_volume(), None, world.now).await.unwrap();
    let try_create = async |volume| world.create_snapshot(world.new_snapshot(volume), None, world.now).await;
    let refused = refusal(try_create(creating.id).await);
    assert!(matches!(refused, Refusal::VolumeNotReady { .. }), "{refused:?}");
    world.report_volume(&creating, VolumeCondition::Ready).await;
    world.report_pool(90).await;
    let refused = refusal(try_create(creating.id).await);
    assert!(matches!(refused, Refusal::PoolNearFull { percent: 90, .. }), "{refused:?}");
    world.report_pool(89).await;
    let asked = try_create(creating.id).await.unwrap();
    let refused = refusal(world.app.write_verification(world.tenant, asked.id, None, world.now).await);
    assert!(matches!(refused, Refusal::SnapshotNotReady { .. }), "{refused:?}");
    let protect = SnapshotChange { protected: Some(true), ..SnapshotChange::default() };
    world.app.write_snapshot_change(world.tenant, asked.id, &protect, None, world.now).await.unwrap();
    let refused = refusal(world.app.write_snapshot_deletion(world.tenant, asked.id, None, world.now).await);
    assert_eq!(refused, Refusal::SnapshotProtected { snapshot_id: asked.id });

    let other = World::new(suite).await;
    assert_eq!(world.store.snapshot(other.tenant, asked.id).await.unwrap(), None);
    let not_found = |what| Refusal::NotFound { what };
    let now = world.now;
    let change = SnapshotChange::default();
    for (refused, expected) in [
        (refusal(other.create_snapshot(other.new_snapshot(creating.id), None, now).await), "volume"),
        (refusal(world.app.write_snapshot_deletion(other.tenant, asked.id, None, now).await), "snapshot"),
        (refusal(world.app.write_verification(other.tenant, asked.id, None, now).await), "snapshot"),
        (
            refusal(world.app.write_snapshot_change(other.tenant, asked.id, &change, None, now).await),
            "snapshot",
        ),
    ] {
        assert_eq!(refused, not_found(expected));
    }
    let events = world.store.list_events(other.tenant, creating.id, &lists::request(None)).await;
    assert_eq!(refusal(events), not_found("volume"));
    let applied = other.report_snapshot(&asked, SnapshotCondition::Ready).await;
    assert!(applied.touched.is_empty(), "a host speaks only of what lives on it");
}

/// Aim: damage is an error beside the state, told once however often it is found, and over when it is not found again.
pub(super) async fn what_is_wrong_with_its_data_is_told_once(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let taken = world.snapshot(volume.id).await;
    let asked = world.app.write_verification(world.tenant, taken.id, None, world.now).await.unwrap();
    assert_eq!(asked.verification, 1);
    let specs = world.store.changed_specs(world.host, taken.generation).await.unwrap();
    assert_eq!((specs.snapshots[0].verification, specs.snapshots[0].must_exist), (1, true));
    let verified = |number, hours, outcome| SnapshotStatus {
        verification: Some(Verification { number, at: world.later(hours), outcome }),
        ..status_of(&asked, SnapshotCondition::Ready)
    };
    let damaged = || VerificationOutcome::Damaged { found_blake3: "cd".into() };
    world.report_snapshot_status(verified(1, 0, damaged())).await;
    let row = world.read_snapshot(taken.id).await;
    assert_eq!(row.state, SnapshotState::Ready);
    assert!(row.error.is_some());
    let running = VerificationOutcome::Running { done_bytes: 1, total_bytes: 2 };
    world.report_snapshot_status(verified(0, 1, running)).await;
    assert!(world.read_snapshot(taken.id).await.error.is_some(), "the one before stands until it is over");
    world.report_snapshot_status(verified(0, 2, damaged())).await;
    let kinds = world.event_kinds(volume.id).await;
    assert_eq!(kinds, [EventKind::VolumeCreated, EventKind::SnapshotTaken, EventKind::SnapshotDamaged]);
    world.report_snapshot_status(verified(2, 3, VerificationOutcome::Intact)).await;
    assert_eq!(world.read_snapshot(taken.id).await.error, None);
    let missing = failed(FailureCode::DataMissing);
    world.report_snapshot(&asked, SnapshotCondition::Failed(missing.clone())).await;
    let row = world.read_snapshot(taken.id).await;
    assert_eq!(
        (row.state, row.error, row.presence),
        (SnapshotState::Ready, Some(missing), SnapshotPresence::Kept)
    );
}

/// Aim: what only the host knows is kept; what was deleted since is not taken again and says so.
pub(super) async fn a_restored_database_destroys_no_snapshot(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let stranger =
        SnapshotRecord { id: SnapshotId::from_uuid(Uuid::now_v7()), ..world.snapshot(volume.id).await };
    assert_eq!(world.report_snapshot(&stranger, SnapshotCondition::Ready).await, Reported::default());
    let applied = world.report_snapshot(&stranger, SnapshotCondition::Gone).await;
    assert_eq!(applied.forget.snapshots, [stranger.id]);

    let ready = world.snapshot(volume.id).await;
    let asked = world.create_snapshot(world.new_snapshot(volume.id), None, world.now).await.unwrap();
    let ledger = world.register(Generation(500)).await;
    for snapshot in [&ready, &asked] {
        let status = SnapshotStatus { generation: ledger, ..status_of(snapshot, SnapshotCondition::Gone) };
        let applied = world.report_snapshot_status(status).await;
        assert_eq!(applied.forget.snapshots, []);
    }
    let (ready, asked) = (world.read_snapshot(ready.id).await, world.read_snapshot(asked.id).await);
    assert_eq!((ready.state, asked.state), (SnapshotState::Ready, SnapshotState::Failed));
    assert!(ready.error.is_some() && asked.error.is_some());
    let deleting = world.app.write_snapshot_deletion(world.tenant, ready.id, None, world.now).await.unwrap();
    world.report_snapshot(&deleting, SnapshotCondition::Gone).await;
    assert!(world.read_snapshot(ready.id).await.is_tombstone);
}

/// Aim: pages join without gap or overlap, filters narrow, and a volume's sums are those of its ready snapshots.
pub(super) async fn lists_and_sums_agree(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, other) = (world.volume().await, world.volume().await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.snapshot(volume.id).await.id);
    }
    made.reverse();
    world.create_snapshot(world.new_snapshot(volume.id), None, world.now).await.unwrap();
    world.snapshot(other.id).await;
    let gone = world.app.write_snapshot_deletion(world.tenant, made[0], None, world.now).await.unwrap();

    let mut request = ListRequest { limit: 2, ..lists::request(Some("ready")) };
    let mut seen = Vec::new();
    loop {
        let page = world.store.list_snapshots(world.tenant, Some(volume.id), &request).await.unwrap();
        assert_eq!(page.total, 4);
        seen.extend(page.items.iter().map(|snapshot| snapshot.id));
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, made[1..]);
    let count = async |of, status| {
        world.store.list_snapshots(world.tenant, of, &lists::request(status)).await.unwrap().total
    };
    assert_eq!(count(None, None).await, 6);
    assert_eq!(count(Some(volume.id), Some("creating")).await, 1);
    assert_eq!(count(Some(volume.id), Some("deleting")).await, 1);
    world.report_snapshot(&gone, SnapshotCondition::Gone).await;
    assert_eq!(count(Some(volume.id), Some("deleting")).await, 0);

    let sums = SnapshotSums { ready: 4, last_taken_at: Some(world.now) };
    assert_eq!(world.read_volume(volume.id).await.snapshots, sums);
    let listed = world.store.list_volumes(world.tenant, &lists::request(None), &|_| true).await.unwrap();
    let listed = listed.items.into_iter().find(|listed| listed.id == volume.id).unwrap();
    assert_eq!(listed.snapshots, sums);
    assert_eq!(world.read_volume(other.id).await.snapshots.ready, 1);
    let counts = world.store.counts().await.unwrap();
    assert!(counts.snapshots.iter().any(|(state, n)| *state == SnapshotState::Ready && *n >= 5));
}

pub(super) async fn an_idempotency_key_names_the_snapshot(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let key = key("snapshot");
    let asked = world.create_snapshot(world.new_snapshot(volume.id), Some(&key), world.now).await.unwrap();
    let again = world.create_snapshot(world.new_snapshot(volume.id), Some(&key), world.now).await;
    assert!(matches!(again, Err(crate::StoreError::IdempotencyKeyTaken)), "{again:?}");
    let known = world.store.idempotency_find(&key.scope, world.now).await.unwrap().unwrap();
    assert_eq!(known.object, ObjectRef::Snapshot(asked.id));
    assert_eq!(world.snapshots_of(volume.id).await.len(), 1);
}

/// Aim: each compaction that was asked for has a number, and is told when it is done, once.
pub(super) async fn compactions_are_counted_and_told(suite: &Suite) {
    let world = World::new(suite).await;
    let volume = world.volume().await;
    let asked = world.app.write_compaction(world.tenant, volume.id, None, world.now).await.unwrap();
    assert_eq!(asked.compaction, 1);
    let specs = world.store.changed_specs(world.host, volume.generation).await.unwrap();
    assert_eq!(specs.volumes[0].compaction, 1);
    let report = async |number, state| {
        let compaction = CompactionStatus {
            number,
            state,
            extents_before: 900,
            extents_now: 2,
            done_bytes: 1,
            total_bytes: 1,
        };
        let status = miosa_domain::status::VolumeStatus {
            generation: asked.generation,
            compaction: Some(compaction),
            ..ready(volume.id)
        };
        world.report_volume_status(status).await;
    };
    for (number, state) in [
        (0, CompactionState::Done),
        (1, CompactionState::Running),
        (1, CompactionState::Done),
        (1, CompactionState::Done),
    ] {
        report(number, state).await;
    }
    let kinds = world.event_kinds(volume.id).await;
    assert_eq!(kinds, [EventKind::VolumeCreated, EventKind::VolumeCompacted]);
    let change = VolumeChange {
        hooks: HooksChange { timeout_seconds: Some(5), ..HooksChange::default() },
        ..VolumeChange::default()
    };
    world.app.write_volume_change(world.tenant, volume.id, &change, None, world.now).await.unwrap();
    let read = world.read_volume(volume.id).await;
    assert_eq!((read.hooks.timeout_seconds, read.reported_compaction.unwrap().extents_now), (5, 2));
}
