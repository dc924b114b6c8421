//! Replicas: the rows of computers that belong to a service.

use jiff::{SignedDuration, Timestamp};
use miosa_domain::attachment::AttachmentState;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::service::{self as rules, ReplicaState, ServiceVolume};
use miosa_domain::spec::{DesiredAttachment, DesiredRun, HealthRules, RestartPolicy};
use miosa_domain::status::InstanceState;
use miosa_domain::{
    AttachmentId, ComputerId, Refusal, ReleaseId, ServiceId, TenantId, volume as volume_rules,
};
use miosa_failpoint::failpoint;
use miosa_plan::ReplicaSeen;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ReleaseRecord, ServiceRecord, row, volumes};
use crate::attachment::{self, AttachmentRecord};
use crate::computer::{self, ComputerRecord, End};
use crate::error::StoreError;
use crate::host;
use crate::sql::query;
use crate::store::{Store, Tx};
use crate::view;

/// Without a health check, a first process that lives for so long is healthy.
const STEADY_MS: u32 = 2000;

/// What makes a computer's row a replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaOf {
    pub service_id: ServiceId,
    pub release_id: ReleaseId,
    pub index: u32,
    /// Whose place it took.
    pub predecessor: Option<ComputerId>,
    pub restart_policy: RestartPolicy,
    pub health: HealthRules,
    /// Reported healthy once.
    pub was_healthy: bool,
    /// When it should have been healthy.
    pub due: Timestamp,
    /// Told to end for good, but its log is kept. One that is destroyed has the row's `deleted_at`.
    pub retired_at: Option<Timestamp>,
}

/// A replica that was not destroyed.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaRecord {
    pub computer: ComputerRecord,
    pub of: ReplicaOf,
}

impl ReplicaRecord {
    pub fn state(&self) -> ReplicaState {
        let computer = &self.computer;
        rules::replica_state(computer.desired, computer.run, computer.reported.as_ref())
    }

    pub fn is_retired(&self) -> bool {
        self.of.retired_at.is_some()
    }

    pub(super) fn is_serving(&self) -> bool {
        !self.is_retired() && self.state() == ReplicaState::Healthy
    }

    /// It should run, and does not; one that is stopped while a volume is restored is not meant.
    pub(super) fn is_in_trouble(&self) -> bool {
        !self.is_retired()
            && self.computer.desired == DesiredRun::Running
            && matches!(self.state(), ReplicaState::Error | ReplicaState::Unhealthy | ReplicaState::Stopped)
    }

    pub(super) fn seen(&self, now: Timestamp) -> ReplicaSeen {
        let reported = self.computer.reported.as_ref().filter(|reported| reported.run >= self.computer.run);
        ReplicaSeen {
            instance: self.computer.id.into(),
            release: self.of.release_id,
            index: self.of.index,
            state: self.state(),
            is_successor: self.of.predecessor.is_some(),
            was_healthy: self.of.was_healthy,
            ends: reported.map_or(0, |reported| reported.restart_count),
            exit_code: reported.and_then(|reported| reported.exit_code),
            is_overdue: now >= self.of.due,
            failure: reported.and_then(|reported| match &reported.state {
                InstanceState::Failed(failure) => Some(failure.clone()),
                _ => None,
            }),
        }
    }
}

impl Store {
    /// A service's replica; of one that is gone for good, what is left in the database.
    pub async fn replica(
        &self,
        tenant_id: TenantId,
        service_id: ServiceId,
        id: ComputerId,
    ) -> Result<Option<ReplicaRecord>, StoreError> {
        view!(self, "read a replica", |tx| {
            row::load(tx, tenant_id, service_id).await?.ok_or(Refusal::NotFound { what: "service" })?;
            let computer = computer::load(tx, tenant_id, id).await?;
            Ok(computer.and_then(as_replica).filter(|replica| replica.of.service_id == service_id))
        })
    }
}

fn as_replica(computer: ComputerRecord) -> Option<ReplicaRecord> {
    let of = computer.replica.clone()?;
    Some(ReplicaRecord { computer, of })
}

/// Those that were not destroyed, by index, the newest of an index first.
pub(super) async fn present(tx: &mut Tx, id: ServiceId) -> Result<Vec<ReplicaRecord>, StoreError> {
    let mut replicas = Vec::new();
    const TEXT: &str =
        "SELECT id FROM computers WHERE service_id = $1 AND NOT is_tombstone AND deleted_at IS NULL";
    for id in query("read a service's replicas", TEXT).bind(id).all(tx).await? {
        let computer = computer::load_whole(tx, id).await?;
        replicas.extend(computer.and_then(as_replica));
    }
    replicas.sort_by_key(|replica| (replica.of.index, std::cmp::Reverse(replica.computer.created_at)));
    Ok(replicas)
}

/// Whether a host still has something of the service.
pub(super) async fn any_left(tx: &mut Tx, id: ServiceId) -> Result<bool, StoreError> {
    const TEXT: &str = "SELECT EXISTS (SELECT 1 FROM computers WHERE service_id = $1 AND NOT is_tombstone)";
    query("look for replicas of a service", TEXT).bind(id).one(tx).await
}

/// What an ended replica leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    /// Its log, for whoever wants to know why it ended.
    Log,
}

/// Tells the replica to end. Its attachments are over at once, so a successor may have the volumes; the host gives them on
/// when the last process is gone.
pub(super) async fn retire(
    tx: &mut Tx,
    replica: &ReplicaRecord,
    leaves: Leaves,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut computer = replica.computer.clone();
    if let Some(of) = &mut computer.replica {
        of.retired_at.get_or_insert(now);
    }
    let end = match leaves {
        Leaves::Nothing => End::Destroy,
        Leaves::Log => End::Stop,
    };
    let grace_seconds = computer.stop_grace_seconds;
    computer::write_end(tx, &mut computer, end, grace_seconds, now).await
}

/// Lets go of the logs that ended replicas left.
pub(super) async fn destroy_retired(tx: &mut Tx, id: ServiceId, now: Timestamp) -> Result<(), StoreError> {
    for replica in present(tx, id).await?.iter().filter(|replica| replica.is_retired()) {
        retire(tx, replica, Leaves::Nothing, now).await?;
    }
    Ok(())
}

/// Writes the intent that replica `index` runs `release`, with its volumes. The caller has told an exclusive predecessor to
/// end in this transaction.
pub(super) async fn start(
    tx: &mut Tx,
    service: &ServiceRecord,
    release: &ReleaseRecord,
    index: u32,
    predecessor: Option<ComputerId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let settings = &release.settings;
    let id = ComputerId::from_uuid(Uuid::now_v7());
    let command = settings.start_command.as_ref();
    let timeout = SignedDuration::from_secs(settings.start_timeout_seconds.into());
    let record = ComputerRecord {
        id,
        tenant_id: service.tenant_id,
        project_id: service.project_id,
        workspace_id: None,
        host_id: service.host_id,
        name: format!("{}-{index}", service.slug),
        template_type: settings.template.clone(),
        size: settings.size,
        network: settings.network,
        env: settings.environment(service.id, release.number, index),
        command: command.map(|line| vec!["/bin/sh".into(), "-c".into(), line.clone()]),
        visibility: None,
        metadata: Default::default(),
        external_workspace_id: None,
        external_user_id: None,
        external_project_id: None,
        desired: DesiredRun::Running,
        run: 1,
        stop_grace_seconds: settings.stop_grace_seconds,
        generation: host::next_generation(tx, service.host_id).await?,
        reported: None,
        status: ComputerStatus::Provisioning,
        deleted_at: None,
        is_tombstone: false,
        created_at: now,
        updated_at: now,
        attachments: Vec::new(),
        replica: Some(ReplicaOf {
            service_id: service.id,
            release_id: release.id,
            index,
            predecessor,
            restart_policy: settings.restart_policy,
            health: HealthRules { check: settings.health_check.clone(), steady_ms: STEADY_MS },
            was_healthy: false,
            due: now.saturating_add(timeout).unwrap_or(Timestamp::MAX),
            retired_at: None,
        }),
    };
    computer::save(tx, &record).await?;
    for wanted in &settings.volumes {
        attach(tx, service, &record, index, wanted, now).await?;
    }
    failpoint!("store.service.start-replica.before-commit")?;
    Ok(())
}

/// Writes the intent that the new replica uses its volume, which is created first if it is the replica's own.
async fn attach(
    tx: &mut Tx,
    service: &ServiceRecord,
    replica: &ComputerRecord,
    index: u32,
    wanted: &ServiceVolume,
    now: Timestamp,
) -> Result<(), StoreError> {
    let volume = volumes::ensure_of_replica(tx, service, wanted, index, now).await?;
    if volume.was_ready {
        volume_rules::may_attach(
            &volume.as_domain(&|_| true),
            &attachment::as_domain(&volume.attachments),
            &volume_rules::Attacher {
                computer_id: replica.id,
                host_id: service.host_id,
                read_only: wanted.read_only,
                shared: wanted.shared,
            },
        )?;
    }
    let attachment = AttachmentRecord {
        id: AttachmentId::from_uuid(Uuid::now_v7()),
        tenant_id: service.tenant_id,
        project_id: volume.project_id,
        volume_id: volume.id,
        computer_id: replica.id,
        service_id: Some(service.id),
        mount_path: wanted.mount_path.clone(),
        read_only: wanted.read_only,
        shared: wanted.shared,
        state: AttachmentState::Attaching,
        desired: DesiredAttachment::Attached,
        generation: replica.generation,
        device: None,
        error: None,
        refused_detach: None,
        deleted_at: None,
        in_spec: true,
        created_at: now,
        updated_at: now,
        volume_name: volume.name,
        volume_size_bytes: volume.size_bytes,
        host_id: volume.host_id,
    };
    attachment::save(tx, &attachment).await
}
