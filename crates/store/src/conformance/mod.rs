//! What every database engine has to do. Each case makes its own tenant and host, so they may share one database.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::computer::ComputerSize;
use miosa_domain::spec::Network;
use miosa_domain::status::{
    AttachmentCondition, AttachmentStatus, Failure, FailureCode, InstanceState, InstanceStatus,
    VolumeCondition, VolumeStatus,
};
use miosa_domain::{AttachmentId, ComputerId, Generation, HostId, Refusal, TenantId, VolumeId};
use uuid::Uuid;

use crate::attachment::{AttachmentRecord, Detach, NewAttachment};
use crate::computer::{ComputerRecord, NewComputer};
use crate::host::Introduction;
use crate::idempotency::Idempotency;
use crate::report::{Applied, Report};
use crate::snapshot::HooksChange;
use crate::volume::{NewVolume, VolumeRecord};
use crate::{Store, StoreError};

mod attachments;
mod computers;
mod forks;
mod hosts;
mod lists;
mod memory;
mod prune;
mod restores;
mod schedules;
mod snapshots;
mod volumes;
pub mod writers;

/// Runs the whole suite; panics at the first thing that is not as it should be.
pub async fn run(store: &Store) {
    run_quick(store).await;
    Box::pin(schedules::a_thousand_due_in_one_minute_are_each_taken_once(store)).await;
}

/// All but the case with a thousand volumes.
async fn run_quick(store: &Store) {
    // Each on the heap: in one future they would not fit on a test thread's stack.
    macro_rules! cases {
        ($($case:path),+ $(,)?) => {$(
            Box::pin($case(store)).await;
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
    }
}

const GIB: u64 = 1 << 30;

/// A tenant with a host of its own.
struct World<'a> {
    store: &'a Store,
    tenant: TenantId,
    host: HostId,
    now: Timestamp,
}

impl<'a> World<'a> {
    async fn new(store: &'a Store) -> Self {
        let now = Timestamp::from_second(1_780_000_000).expect("a time in 2026");
        let slug = format!("t-{}", Uuid::now_v7());
        let tenant = store.create_tenant(&slug, &slug, now).await.unwrap();
        let host = HostId::from_uuid(Uuid::now_v7());
        let world = Self { store, tenant, host, now };
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

    fn new_volume(&self) -> NewVolume {
        NewVolume {
            id: VolumeId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            project_id: None,
            workspace_id: None,
            host_id: self.host,
            name: "data".into(),
            size_bytes: GIB,
            metadata: BTreeMap::from([("made-by".into(), "test".into())]),
            delete_protection: false,
            origin: None,
            expires_at: None,
            schedule: None,
            retention_days: None,
            hooks: HooksChange::default(),
        }
    }

    /// A volume that its host has made.
    async fn volume(&self) -> VolumeRecord {
        let volume = self.store.create_volume(self.new_volume(), None, self.now).await.unwrap();
        self.report_volume(&volume, VolumeCondition::Ready).await;
        self.read_volume(volume.id).await
    }

    async fn read_volume(&self, id: VolumeId) -> VolumeRecord {
        self.store.volume(self.tenant, id).await.unwrap().expect("the row is there")
    }

    /// As an answer to the volume's present generation.
    async fn report_volume(&self, volume: &VolumeRecord, condition: VolumeCondition) -> Applied {
        self.report_volume_at(volume.id, volume.generation, condition).await
    }

    async fn report_volume_at(
        &self,
        id: VolumeId,
        generation: Generation,
        condition: VolumeCondition,
    ) -> Applied {
        self.report_volume_status(VolumeStatus { generation, condition, ..ready(id) }).await
    }

    async fn report_volume_status(&self, status: VolumeStatus) -> Applied {
        self.report(Report { volumes: &[status], ..self.nothing() }, self.now).await
    }

    fn nothing(&self) -> Report<'static> {
        Report { host_id: self.host, volumes: &[], instances: &[], snapshots: &[], pool: None }
    }

    async fn report(&self, report: Report<'_>, now: Timestamp) -> Applied {
        self.store.apply_report(report, now).await.unwrap()
    }

    fn new_computer(&self) -> NewComputer {
        NewComputer {
            id: ComputerId::from_uuid(Uuid::now_v7()),
            tenant_id: self.tenant,
            project_id: None,
            workspace_id: Some("w1".into()),
            host_id: self.host,
            name: "Build Box".into(),
            template_type: "busybox".into(),
            size: ComputerSize::Small,
            network: Network::Isolated,
            env: BTreeMap::from([("A".into(), "b".into())]),
            command: Some(vec!["/bin/sleep".into(), "9".into()]),
            visibility: None,
            metadata: BTreeMap::new(),
            external_workspace_id: None,
            external_user_id: None,
            external_project_id: None,
            auto_start: true,
        }
    }

    /// A computer that its host runs.
    async fn computer(&self) -> ComputerRecord {
        let computer = self.store.create_computer(self.new_computer(), None, self.now).await.unwrap();
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
    ) -> Applied {
        self.report_instance(status_of(computer, computer.generation, state, attachments)).await
    }

    async fn report_instance(&self, status: InstanceStatus) -> Applied {
        self.report(Report { instances: &[status], ..self.nothing() }, self.now).await
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
    ) -> Applied {
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

/// A volume as a host reports it that never did anything else.
fn ready(id: VolumeId) -> VolumeStatus {
    VolumeStatus {
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use miosa_domain::limits::Limits;
    use miosa_testkit::postgres;

    use super::*;
    use crate::sql::query;
    use crate::{Database, view};

    /// Tells [`victim`] which database it shall work on.
    const VICTIM: &str = "MIOSA_STORE_VICTIM";

    async fn open(url: &str) -> Store {
        let database: Database = url.parse().unwrap();
        Store::open(database, Limits::default()).await.unwrap()
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

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_has_one_winner_of_each_race() {
        let dir = tempfile::tempdir().unwrap();
        several_writers(&sqlite_in(&dir)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_has_one_winner_of_each_race() {
        several_writers(&postgres::Database::create().url()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_survives_every_crash() {
        survives_every_crash(|| {
            let dir = tempfile::tempdir().unwrap();
            (sqlite_in(&dir), dir)
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_survives_every_crash() {
        survives_every_crash(|| {
            let database = postgres::Database::create();
            (database.url(), database)
        })
        .await;
    }

    fn sqlite_in(dir: &tempfile::TempDir) -> String {
        format!("sqlite:{}", dir.path().join("miosa.db").display())
    }

    async fn conforms(url: &str) {
        let store = open(url).await;
        run(&store).await;
        store.close().await;
    }

    async fn several_writers(url: &str) {
        let stores = [open(url).await, open(url).await, open(url).await];
        writers::run(&stores).await;
        for store in stores {
            store.close().await;
        }
    }

    /// Not a test of its own: the process that `survives_every_crash` kills.
    #[tokio::test(flavor = "multi_thread")]
    async fn victim() {
        if let Ok(url) = std::env::var(VICTIM) {
            run_quick(&open(&url).await).await;
        }
    }

    /// Aim: a process that is killed at any failpoint of the store leaves whole transactions, and the next one goes on.
    async fn survives_every_crash<T>(database: impl Fn() -> (String, T)) {
        // Services have no case in this suite; `services::crash` of the program kills there.
        let is_here = |point: &&str| point.starts_with("store.") && !point.starts_with("store.service.");
        let points = miosa_failpoint::all().into_iter().filter(is_here);
        let mut unreached = Vec::new();
        for point in points {
            let (url, _database) = database();
            let mut victim = Command::new(std::env::current_exe().unwrap());
            victim.args(["--exact", "conformance::tests::victim"]).env(VICTIM, &url);
            let died = victim.env("MIOSA_FAILPOINTS", format!("{point}=kill")).output().unwrap();
            if died.status.success() {
                unreached.push(point);
                continue;
            }
            assert_eq!(died.status.signal(), Some(9), "{point}: {}", String::from_utf8_lossy(&died.stdout));
            let store = open(&url).await;
            transactions_are_whole(&store, point).await;
            volumes::a_life_follows_the_reports(&store).await;
            store.close().await;
        }
        assert_eq!(unreached, [""; 0], "no case reaches these");
    }

    async fn transactions_are_whole(store: &Store, point: &str) {
        const HALVES: [(&str, &str); 4] = [
            (
                "an idempotency key without its change",
                "SELECT COUNT(*) FROM idempotency_keys k WHERE NOT EXISTS (
                     SELECT 1 FROM volumes o WHERE o.id = k.object_id UNION ALL
                     SELECT 1 FROM computers o WHERE o.id = k.object_id UNION ALL
                     SELECT 1 FROM attachments o WHERE o.id = k.object_id UNION ALL
                     SELECT 1 FROM snapshots o WHERE o.id = k.object_id)",
            ),
            (
                "a change with a generation that its host has not given",
                "SELECT COUNT(*) FROM hosts h WHERE h.generation < (
                     SELECT COALESCE(MAX(v.generation), 0) FROM volumes v WHERE v.host_id = h.id)",
            ),
            (
                "an attachment whose computer has an older spec",
                "SELECT COUNT(*) FROM attachments a JOIN computers c ON c.id = a.computer_id
                 WHERE a.in_spec AND c.generation < a.generation",
            ),
            (
                "a newest change of an object that is not there",
                "SELECT COUNT(*) FROM outbox x WHERE x.kind = 'volume' AND x.seq = (SELECT MAX(seq) FROM outbox)
                   AND NOT EXISTS (SELECT 1 FROM volumes o WHERE o.id = x.object_id)",
            ),
        ];
        for (what, count) in HALVES {
            let halves: u64 = view!(store, "look for halves", |tx| query(what, count).one(tx).await).unwrap();
            assert_eq!(halves, 0, "{point}: {what}");
        }
    }
}
