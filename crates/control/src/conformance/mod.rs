//! The behavior of the verbs on every database engine. Each case creates its own tenant and host, so the cases may share one
//! database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use miosa_domain::computer::ComputerSize;
use miosa_domain::kind::Statuses;
use miosa_domain::limits::Limits;
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::Network;
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, Failure, FailureCode, InstanceState, InstanceStatus,
    VolumeCondition, VolumeStatus,
};
use miosa_domain::{AttachmentId, ComputerId, Generation, HostId, Refusal, TenantId, VolumeId};
use miosa_store::attachment::{AttachmentRecord, Detach, NewAttachment};
use miosa_store::computer::ComputerRecord;
use miosa_store::host::Introduction;
use miosa_store::idempotency::Idempotency;
use miosa_store::outbox::{Change, ObjectKind};
use miosa_store::volume::VolumeRecord;
use miosa_store::{Database, Store, StoreError};
use miosa_testkit::postgres;
use uuid::Uuid;

use crate::computer::ComputerDraft;
use crate::report::{Applied, Forget};
use crate::volume::VolumeDraft;
use crate::{App, HostStream, Hosts, NewComputer, NewVolume, OUTCOME_WAIT, StreamRequest};

mod attachments;
mod computers;
mod crash;
mod forks;
mod hosts;
mod lists;
mod memory;
mod prune;
mod restores;
mod schedules;
mod snapshots;
mod volumes;
mod wakeups;
mod writers;

/// Runs every case. A case panics if the behavior differs.
async fn run(suite: &Suite) {
    run_quick(suite).await;
    Box::pin(schedules::a_thousand_due_in_one_minute_are_each_taken_once(suite)).await;
}

/// All but the case with a thousand volumes.
async fn run_quick(suite: &Suite) {
    // Each on the heap: in one future they would not fit on a test thread's stack.
    macro_rules! cases {
        ($($case:path),+ $(,)?) => {$(
            Box::pin($case(suite)).await;
        )+};
    }
    cases! {
        volumes::limits_hold_among_concurrent_writers,
        volumes::the_trash_is_outside_the_limit_and_undelete_is_not,
        volumes::a_life_follows_the_reports,
        volumes::an_old_report_completes_nothing,
        volumes::a_volume_without_room_is_withdrawn,
        volumes::the_trash_lets_go_in_time,
        volumes::missing_data_is_an_error_and_never_made_anew,
        volumes::a_refused_delete_leaves_the_volume,
        volumes::a_restored_database_destroys_nothing,
        attachments::one_of_two_concurrent_attaches_wins,
        attachments::a_failed_attach_is_withdrawn_and_named_until_it_is_out,
        attachments::a_busy_detach_is_taken_back,
        attachments::force_replaces_a_gentle_detach,
        attachments::a_stopped_computer_lets_go_at_once,
        attachments::an_old_report_does_not_detach,
        computers::runs_are_counted_and_status_follows,
        computers::destroying_ends_attachments_and_keeps_volumes,
        snapshots::a_life_follows_the_reports,
        snapshots::a_failed_one_is_cleared_up_and_stays_to_be_seen,
        snapshots::refusals_name_the_reason,
        snapshots::what_is_wrong_with_its_data_is_told_once,
        snapshots::a_restored_database_destroys_no_snapshot,
        snapshots::lists_and_sums_agree,
        snapshots::an_idempotency_key_names_the_snapshot,
        snapshots::compactions_are_counted_and_told,
        forks::a_new_volume_is_made_from_its_origin,
        forks::an_origin_is_checked,
        forks::a_source_stays_until_its_fork_is_there,
        forks::a_volume_goes_to_the_trash_when_its_time_is_over,
        restores::a_restore_stops_saves_replaces_and_starts,
        restores::a_restore_that_fails_leaves_the_old_data,
        restores::a_lost_volume_is_restored_without_saving,
        restores::a_computer_waits_for_all_its_restores,
        restores::nothing_else_happens_to_a_volume_meanwhile,
        restores::only_a_ready_snapshot_of_the_volume_is_restored,
        schedules::a_schedule_is_served_once_for_each_time,
        schedules::a_failed_run_is_tried_again_and_told,
        schedules::a_pool_near_full_pauses,
        schedules::an_image_in_pieces_is_prepared_ahead,
        schedules::a_clock_set_back_is_followed,
        prune::days_decide_and_the_newest_stays,
        prune::protected_and_used_ones_stay,
        prune::a_destroyed_volume_s_snapshots_live_on,
        hosts::changes_are_found_by_generation,
        hosts::a_restored_database_counts_on_from_the_ledger,
        hosts::what_is_gone_and_unknown_may_be_forgotten,
        lists::pages_join_and_filters_filter,
        lists::counts_agree_with_states,
        memory::tenants_do_not_see_each_other,
        memory::an_idempotency_key_is_as_durable_as_its_change,
        memory::the_bootstrap_key_is_the_one_in_the_file,
        memory::old_rows_go,
        memory::old_snapshots_and_events_go,
        wakeups::a_commit_wakes_its_host_and_the_waiting_callers,
    }
}

const GIB: u64 = 1 << 30;

/// The verbs, and what every commit so far changed.
struct Suite {
    app: App,
    hosts: Arc<Reachable>,
    changes: Arc<Mutex<Vec<Change>>>,
}

/// A tenant with a host of its own.
struct World<'a> {
    suite: &'a Suite,
    app: &'a App,
    store: &'a Store,
    tenant: TenantId,
    host: HostId,
    now: Timestamp,
}

impl<'a> World<'a> {
    async fn new(suite: &'a Suite) -> Self {
        let (app, store) = (&suite.app, suite.app.store());
        let now = Timestamp::from_second(1_780_000_000).expect("a time in 2026");
        let slug = format!("t-{}", Uuid::now_v7());
        let tenant = store.create_tenant(&slug, &slug, now).await.unwrap();
        let host = HostId::from_uuid(Uuid::now_v7());
        let world = Self { suite, app, store, tenant, host, now };
        world.register(Generation::default()).await;
        world
    }

    async fn register(&self, highest_generation: Generation) -> Generation {
        let host = Introduction {
            id: self.host,
            hostname: "host".into(),
            agent_version: "1".into(),
            templates: vec!["busybox".into()],
            highest_generation,
        };
        self.store.register_host(host, self.now).await.unwrap()
    }

    fn later(&self, hours: i64) -> Timestamp {
        self.now + SignedDuration::from_hours(hours)
    }

    fn new_volume(&self) -> VolumeDraft {
        VolumeDraft {
            id: VolumeId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            host_id: self.host,
            origin: None,
            expires_at: None,
            new: NewVolume {
                name: "data".into(),
                size_bytes: GIB,
                metadata: BTreeMap::from([("made-by".into(), "test".into())]),
                ..NewVolume::default()
            },
        }
    }

    async fn create_volume(
        &self,
        draft: VolumeDraft,
        key: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        self.app.write_new_volume(&draft, key, now).await
    }

    /// The changes that `work` commits. Cases run one after the other, so all of them are its own.
    async fn changes_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Change>) {
        self.suite.changes.lock().unwrap().clear();
        let value = work.await;
        (value, self.suite.changes.lock().unwrap().drain(..).collect())
    }

    /// The hosts that `work` wakes.
    async fn woken_by<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Vec<HostId> {
        let (value, changes) = self.changes_of(work).await;
        value.unwrap();
        changes.iter().filter_map(|change| change.host_id).collect()
    }

    /// A volume that its host has made.
    async fn volume(&self) -> VolumeRecord {
        let volume = self.create_volume(self.new_volume(), None, self.now).await.unwrap();
        self.report_volume(&volume, VolumeCondition::Ready).await;
        self.read_volume(volume.id).await
    }

    async fn read_volume(&self, id: VolumeId) -> VolumeRecord {
        self.store.volume(self.tenant, id).await.unwrap().expect("the row is there")
    }

    /// As an answer to the volume's present generation.
    async fn report_volume(&self, volume: &VolumeRecord, condition: VolumeCondition) -> Reported {
        self.report_volume_at(volume.id, volume.generation, condition).await
    }

    async fn report_volume_at(
        &self,
        id: VolumeId,
        generation: Generation,
        condition: VolumeCondition,
    ) -> Reported {
        self.report_volume_status(VolumeStatus { generation, condition, ..ready(id) }).await
    }

    async fn report_volume_status(&self, status: VolumeStatus) -> Reported {
        self.report(Statuses { volumes: vec![status], ..Statuses::default() }, self.now).await
    }

    async fn report(&self, statuses: Statuses, now: Timestamp) -> Reported {
        let (applied, changes) =
            self.changes_of(self.app.write_report(self.host, &statuses, None, now)).await;
        let Applied { forget, taken, failed, .. } = applied.unwrap();
        let is_object = |change: &&Change| !matches!(change.kind, ObjectKind::Host | ObjectKind::Event);
        Reported {
            specs_changed: changes.iter().any(|change| change.host_id == Some(self.host)),
            touched: changes.iter().filter(is_object).map(|change| change.object_id).collect(),
            forget,
            taken,
            failed,
        }
    }

    fn new_computer(&self) -> ComputerDraft {
        ComputerDraft {
            id: ComputerId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            host_id: self.host,
            new: NewComputer {
                name: "Build Box".into(),
                template_type: "busybox".into(),
                size: ComputerSize::Small,
                network: Network::Isolated,
                env: BTreeMap::from([("A".into(), "b".into())]),
                command: Some(vec!["/bin/sleep".into(), "9".into()]),
                metadata: BTreeMap::new(),
                visibility: None,
                project_id: None,
                workspace_id: Some("w1".into()),
                external_workspace_id: None,
                external_user_id: None,
                external_project_id: None,
                host_id: None,
                auto_start: true,
            },
        }
    }

    async fn create_computer(
        &self,
        draft: ComputerDraft,
        key: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        self.app.write_new_computer(&draft, key, now).await
    }

    /// A computer that its host runs.
    async fn computer(&self) -> ComputerRecord {
        let computer = self.create_computer(self.new_computer(), None, self.now).await.unwrap();
        self.report_computer(&computer, InstanceState::Running { pid: 7 }, vec![]).await;
        self.read_computer(computer.id).await
    }

    async fn read_computer(&self, id: ComputerId) -> ComputerRecord {
        self.store.computer(self.tenant, id).await.unwrap().expect("the row is there")
    }

    /// As an answer to the computer's present generation and run.
    async fn report_computer(
        &self,
        computer: &ComputerRecord,
        state: InstanceState,
        attachments: Vec<(AttachmentId, AttachmentCondition)>,
    ) -> Reported {
        self.report_instance(status_of(computer, computer.generation, state, attachments)).await
    }

    async fn report_instance(&self, status: InstanceStatus) -> Reported {
        self.report(Statuses { instances: vec![status], ..Statuses::default() }, self.now).await
    }

    async fn try_attach(
        &self,
        computer: ComputerId,
        volume: VolumeId,
    ) -> Result<AttachmentRecord, StoreError> {
        let new = NewAttachment {
            id: AttachmentId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            computer_id: computer,
            volume_id: volume,
            mount_path: None,
            read_only: false,
        };
        self.store.attach(new, &|_| true, None, self.now).await
    }

    /// An attachment that its host has made.
    async fn attached(&self, computer: ComputerId, volume: VolumeId) -> AttachmentRecord {
        let attachment = self.try_attach(computer, volume).await.unwrap();
        self.report_running(computer, attachment.id, AttachmentCondition::Attached).await;
        self.read_attachment(attachment.id).await
    }

    /// A running computer with one attachment.
    async fn report_running(
        &self,
        computer: ComputerId,
        attachment: AttachmentId,
        condition: AttachmentCondition,
    ) -> Reported {
        let computer = self.read_computer(computer).await;
        self.report_computer(&computer, InstanceState::Running { pid: 7 }, vec![(attachment, condition)])
            .await
    }

    async fn read_attachment(&self, id: AttachmentId) -> AttachmentRecord {
        self.store.attachment(self.tenant, id).await.unwrap().expect("the row is there")
    }

    async fn detach(&self, id: AttachmentId, force: bool) -> Result<AttachmentRecord, StoreError> {
        let detach = Detach { tenant_id: self.tenant, computer_id: None, id, force };
        self.store.detach(detach, None, self.now).await
    }

    /// What the host's spec says of an attachment.
    async fn spec_of(
        &self,
        computer: ComputerId,
        attachment: AttachmentId,
    ) -> Option<miosa_domain::spec::AttachmentSpec> {
        let specs = self.store.changed_specs(self.host, Generation::default()).await.unwrap();
        let instance = specs.instances.into_iter().find(|spec| spec.id == computer.into())?;
        instance.attachments.into_iter().find(|spec| spec.id == attachment)
    }
}

/// The consequences of a report.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reported {
    /// The host was woken.
    specs_changed: bool,
    /// The changed objects.
    touched: Vec<Uuid>,
    forget: Forget,
    taken: Vec<(Trigger, u64)>,
    failed: Vec<(Trigger, FailureCode)>,
}

/// A volume as a host reports it that never did anything else.
fn ready(id: VolumeId) -> VolumeStatus {
    VolumeStatus {
        pool_id: None,
        id,
        generation: Generation::default(),
        condition: VolumeCondition::Ready,
        allocated_bytes: Some(4096),
        incarnation: 0,
        space: None,
        compaction: None,
    }
}

fn status_of(
    computer: &ComputerRecord,
    generation: Generation,
    state: InstanceState,
    attachments: Vec<(AttachmentId, AttachmentCondition)>,
) -> InstanceStatus {
    let attachments = attachments.into_iter().map(|(id, state)| AttachmentStatus {
        id,
        device: matches!(state, AttachmentCondition::Attached).then(|| "/dev/loop7".into()),
        state,
    });
    InstanceStatus {
        id: computer.id.into(),
        generation,
        run: computer.run,
        state,
        exit_code: None,
        restart_count: 0,
        started_at: None,
        ended_at: None,
        health: Default::default(),
        attachments: attachments.collect(),
    }
}

fn failed(code: FailureCode) -> Failure {
    Failure { code, message: format!("because of {code:?}") }
}

fn key(name: &str) -> Idempotency {
    Idempotency { scope: format!("{name}-{}", Uuid::now_v7()), body_hash: "b".into() }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Every host is reachable; none is connected.
#[derive(Default)]
struct Reachable {
    woken: Mutex<Vec<HostId>>,
}

impl Reachable {
    fn take_woken(&self) -> Vec<HostId> {
        std::mem::take(&mut *self.woken.lock().unwrap())
    }
}

impl Hosts for Reachable {
    fn is_reachable(&self, _: HostId) -> bool {
        true
    }

    fn connected(&self) -> Vec<HostId> {
        Vec::new()
    }

    fn recovered(&self) -> Vec<HostId> {
        Vec::new()
    }

    fn wake(&self, host_id: HostId) {
        self.woken.lock().unwrap().push(host_id);
    }

    fn open_stream(&self, _: HostId, _: StreamRequest) -> BoxFuture<'_, Option<HostStream>> {
        Box::pin(std::future::ready(None))
    }
}

async fn open(url: &str) -> Suite {
    let database: Database = url.parse().unwrap();
    let store = Store::open(database, Limits::default()).await.unwrap();
    let changes = Arc::<Mutex<Vec<Change>>>::default();
    let record = changes.clone();
    store.on_commit(move |committed| record.lock().unwrap().extend(committed));
    let hosts = Arc::<Reachable>::default();
    let app = App::new(store, hosts.clone(), "local".into(), OUTCOME_WAIT);
    Suite { app, hosts, changes }
}

impl Suite {
    async fn close(self) {
        self.app.store().close().await;
    }
}

fn sqlite_in(dir: &tempfile::TempDir) -> String {
    format!("sqlite:{}", dir.path().join("miosa.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conforms(&sqlite_in(&dir)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    conforms(&postgres::Database::create().url()).await;
}

async fn conforms(url: &str) {
    let suite = open(url).await;
    run(&suite).await;
    suite.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_has_one_winner_of_each_race() {
    let dir = tempfile::tempdir().unwrap();
    several_writers(&sqlite_in(&dir)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_one_winner_of_each_race() {
    several_writers(&postgres::Database::create().url()).await;
}

async fn several_writers(url: &str) {
    let suites = [open(url).await, open(url).await, open(url).await];
    writers::run(&suites).await;
    for suite in suites {
        suite.close().await;
    }
}
