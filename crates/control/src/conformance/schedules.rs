//! Schedules under a clock that is given: each time served once, whatever happens in between.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::kind::Statuses;
use miosa_domain::schedule::{Plan, Schedule};
use miosa_domain::snapshot::Trigger;
use miosa_domain::stall::StallRules;
use miosa_domain::status::{FailureCode, SnapshotCondition, VolumeCondition, VolumeSpace, VolumeStatus};
use miosa_store::event::EventKind;
use miosa_store::page::ListRequest;
use miosa_store::schedule::ScheduleState;
use miosa_store::snapshot::SnapshotRecord;
use miosa_store::volume::VolumeRecord;

use super::snapshots::status_of;
use super::{Suite, World, failed, lists, ready};
use crate::VolumeChange;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl World<'_> {
    async fn schedule(&self, volume: &VolumeRecord, text: Option<&str>, now: Timestamp) -> VolumeRecord {
        let schedule = Some(text.map(|text| Schedule::parse(text).unwrap()));
        let change = VolumeChange { schedule, ..VolumeChange::default() };
        self.app.write_volume_change(self.tenant, volume.id, &change, None, now).await.unwrap()
    }

    /// A volume whose first hourly run is at the answered time.
    async fn hourly(&self) -> (VolumeRecord, Timestamp) {
        let volume = self.volume().await;
        let volume = self.schedule(&volume, Some("0 * * * *"), self.now).await;
        let run_at = plan(&volume).run_at;
        (volume, run_at)
    }

    /// Other worlds in the same database may be due as well.
    async fn is_served(&self, now: Timestamp) -> bool {
        self.woken_by(self.app.write_due_snapshots(now)).await.contains(&self.host)
    }

    /// Oldest first.
    async fn runs(&self, volume: &VolumeRecord) -> Vec<SnapshotRecord> {
        let mut runs = self.snapshots_of(volume.id).await;
        runs.reverse();
        runs
    }
}

fn plan(volume: &VolumeRecord) -> Plan {
    volume.schedule.as_ref().and_then(|schedule| schedule.plan).expect("it has a plan")
}

fn state(volume: &VolumeRecord) -> ScheduleState {
    volume.schedule.as_ref().expect("it has a schedule").state.clone()
}

/// Aim: one row for each time; one for all that were missed; none while the one before is being taken; none after the
/// schedule is gone or the volume is.
pub(super) async fn a_schedule_is_served_once_for_each_time(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, first) = world.hourly().await;
    let unchanged = world.schedule(&volume, Some("0 * * * *"), world.now + HOUR * 30).await;
    assert_eq!(plan(&unchanged), plan(&volume), "the same text again made a new plan");
    assert!(!world.is_served(first - SignedDuration::from_millis(1)).await);
    assert!(world.is_served(first).await);
    assert!(!world.is_served(first).await, "served twice");
    let run = world.runs(&volume).await.remove(0);
    assert_eq!((run.trigger, run.take.not_before), (Trigger::Schedule, None));
    assert_eq!(run.take.stall, Some(StallRules::SCHEDULED));
    let next = plan(&world.read_volume(volume.id).await);
    assert_eq!(next.due, plan(&volume).due + HOUR);

    assert!(!world.is_served(next.run_at).await, "a second one beside the first");
    assert_eq!(
        plan(&world.read_volume(volume.id).await).due,
        next.due + HOUR,
        "the first serves this time too"
    );
    world.report_snapshot(&run, SnapshotCondition::Ready).await;
    let run = world.read_snapshot(run.id).await;
    assert_eq!(run.expires_at, Some(first + HOUR * 24 * 7));

    assert!(world.is_served(next.due + HOUR * 10 + MINUTE * 5).await, "ten times were missed");
    assert!(!world.is_served(next.due + HOUR * 10 + MINUTE * 5).await);
    assert_eq!(world.runs(&volume).await.len(), 2);
    assert_eq!(plan(&world.read_volume(volume.id).await).due, next.due + HOUR * 11);
    assert!(world.event_kinds(volume.id).await.contains(&EventKind::ScheduleChanged));

    let (trashed, _) = world.hourly().await;
    world.app.write_volume_deletion(world.tenant, trashed.id, None, world.now).await.unwrap();
    let off = world.schedule(&volume, None, world.now).await;
    assert_eq!(off.schedule, None);
    assert!(!world.is_served(first + HOUR * 1000).await);
}

/// Aim: failures are counted, seen and retried; a good one ends them.
pub(super) async fn a_failed_run_is_tried_again_and_told(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, first) = world.hourly().await;
    let failure = failed(FailureCode::HookFailed);
    let fail = async |at| {
        assert!(world.is_served(at).await);
        let run = world.runs(&volume).await.pop().unwrap();
        let status = status_of(&run, SnapshotCondition::Failed(failure.clone()));
        world.report(Statuses { snapshots: vec![status], ..Statuses::default() }, at).await;
        world.read_volume(volume.id).await
    };
    let once = fail(first).await;
    assert_eq!(state(&once), ScheduleState::Failing(failure.clone()));
    assert_eq!((plan(&once).failures, plan(&once).run_at), (1, first + MINUTE));
    let twice = fail(first + MINUTE).await;
    assert_eq!((plan(&twice).failures, plan(&twice).run_at), (2, first + MINUTE * 3));
    assert!(world.store.counts().await.unwrap().schedules.failing >= 1);
    assert!(world.is_served(first + MINUTE * 3).await);
    let run = world.runs(&volume).await.pop().unwrap();
    world.report_snapshot(&run, SnapshotCondition::Ready).await;
    let well = world.read_volume(volume.id).await;
    assert_eq!((state(&well), plan(&well).failures), (ScheduleState::Ok, 0));
    assert_eq!(plan(&well).due, plan(&volume).due + HOUR, "the retries cost a time of the schedule");
    let told = world.event_kinds(volume.id).await;
    assert_eq!(told.iter().filter(|kind| **kind == EventKind::SnapshotFailed).count(), 2);

    let missing = VolumeCondition::Failed(failed(FailureCode::DataMissing));
    world.report_volume(&well, missing).await;
    let due = plan(&well).run_at;
    for n in 0..3 {
        assert!(!world.is_served(due + MINUTE * 10 * n).await);
    }
    let broken = world.read_volume(volume.id).await;
    assert_eq!(plan(&broken).failures, 3);
    assert!(matches!(state(&broken), ScheduleState::Failing(_)));
    let told = world.event_kinds(volume.id).await;
    assert_eq!(told.iter().filter(|kind| **kind == EventKind::SnapshotFailed).count(), 3, "once a reason");
}

/// Aim: a pool near full takes none, says so once, and the time is made up for when there is room.
pub(super) async fn a_pool_near_full_pauses(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, first) = world.hourly().await;
    world.report_pool(86).await;
    for n in 0..3 {
        assert!(!world.is_served(first + MINUTE * n).await);
    }
    let paused = world.read_volume(volume.id).await;
    assert_eq!(state(&paused), ScheduleState::Paused { percent: 86 });
    assert_eq!(plan(&paused).due, plan(&volume).due);
    assert!(world.store.counts().await.unwrap().schedules.paused >= 1);
    world.report_pool(84).await;
    assert!(world.is_served(first + MINUTE * 3).await);
    let resumed = world.read_volume(volume.id).await;
    assert_eq!((state(&resumed), plan(&resumed).due), (ScheduleState::Ok, plan(&volume).due + HOUR));
    let told: Vec<_> = world.event_kinds(volume.id).await.split_off(2);
    assert_eq!(told, [EventKind::SchedulePaused, EventKind::ScheduleResumed]);
}

/// Aim: a fragmented image is asked for ahead, for the same instant; what is in the way then is looked at again in time; the
/// lead never reaches into the half of the period before.
pub(super) async fn an_image_in_pieces_is_prepared_ahead(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, run_at) = world.hourly().await;
    let in_pieces = async |volume: &VolumeRecord| {
        let space = VolumeSpace {
            measured_at: world.now,
            filesystem_used_bytes: None,
            extents: 200_000,
            predicted_stall_ms: 1200,
            held_by_snapshots_bytes: 0,
        };
        let status = VolumeStatus { generation: volume.generation, space: Some(space), ..ready(volume.id) };
        world.report_volume_status(status).await;
    };
    in_pieces(&volume).await;
    let lead = SignedDuration::from_secs(120);
    assert!(!world.is_served(run_at - lead - SignedDuration::from_millis(1)).await);
    world.report_pool(88).await;
    assert!(!world.is_served(run_at - lead).await);
    assert_eq!(state(&world.read_volume(volume.id).await), ScheduleState::Ok, "it is not its time yet");
    world.report_pool(10).await;
    assert!(world.is_served(run_at).await);
    let run = world.runs(&volume).await.remove(0);
    world.report_snapshot(&run, SnapshotCondition::Ready).await;

    let second = plan(&world.read_volume(volume.id).await);
    assert!(world.is_served(second.run_at - lead).await);
    let run = world.runs(&volume).await.pop().unwrap();
    assert_eq!(run.take.not_before, Some(second.run_at));
    world.report_snapshot(&run, SnapshotCondition::Ready).await;
    assert!(!world.is_served(second.run_at).await, "served ahead and again in time");

    let often = world.schedule(&world.volume().await, Some("* * * * *"), world.now).await;
    in_pieces(&often).await;
    let at = plan(&often).run_at;
    assert!(!world.is_served(at - SignedDuration::from_millis(30_001)).await);
    assert!(world.is_served(at - SignedDuration::from_secs(30)).await);
}

/// Aim: exactly one snapshot each, asked for in one go, spread over the half minute after the time.
pub(super) async fn a_thousand_due_in_one_minute_are_each_taken_once(suite: &Suite) {
    const VOLUMES: u32 = 1000;
    let schedule = Schedule::parse("0 4 * * *").unwrap();
    let (mut worlds, mut plans) = (Vec::new(), Vec::new());
    while plans.len() < VOLUMES as usize {
        // As many as one project may have.
        let world = World::new(suite).await;
        let mut made = Vec::new();
        for _ in 0..world.store.limits().volumes_per_project.min(VOLUMES - plans.len() as u32) {
            let mut new = world.new_volume();
            new.new.schedule = Some(schedule.clone());
            let volume = world.create_volume(new, None, world.now).await.unwrap();
            plans.push(plan(&volume));
            made.push(VolumeStatus { generation: volume.generation, ..ready(volume.id) });
        }
        world.report(Statuses { volumes: made, ..Statuses::default() }, world.now).await;
        worlds.push(world);
    }
    let due = plans[0].due;
    assert!(
        plans.iter().all(|plan| plan.due == due && plan.run_at >= due && plan.run_at <= due + MINUTE / 2)
    );
    let times: BTreeSet<_> = plans.iter().map(|plan| plan.run_at).collect();
    assert!(times.len() > 900, "only {} different times", times.len());

    let run = async || {
        let world = &worlds[0];
        world.woken_by(world.app.write_due_snapshots(due + MINUTE)).await
    };
    let hosts = run().await;
    assert!(worlds.iter().all(|world| hosts.contains(&world.host)));
    let again = run().await;
    assert!(worlds.iter().all(|world| !again.contains(&world.host)));
    let mut taken = BTreeSet::new();
    for world in &worlds {
        let request = ListRequest { limit: u64::from(VOLUMES), ..lists::request(Some("creating")) };
        let page = world.store.list_snapshots(world.tenant, None, &request).await.unwrap();
        assert!(page.items.iter().all(|snapshot| taken.insert(snapshot.volume_id)), "two of one volume");
    }
    assert_eq!(taken.len(), VOLUMES as usize);
}

/// Aim: after the clock is set back by a day, the next time is the next one of the new clock.
pub(super) async fn a_clock_set_back_is_followed(suite: &Suite) {
    let world = World::new(suite).await;
    let (volume, _) = world.hourly().await;
    world.app.check_schedules(world.now).await.unwrap();
    assert_eq!(plan(&world.read_volume(volume.id).await), plan(&volume), "nothing was wrong");
    let back = world.now - HOUR * 24;
    world.app.check_schedules(back).await.unwrap();
    let followed = plan(&world.read_volume(volume.id).await);
    assert_eq!(followed.due, plan(&volume).due - HOUR * 24);
    assert!(world.is_served(followed.run_at).await);
}
