//! Attachments: a volume given to a computer at a path.
//!
//! Two things are kept apart. What clients see ends with `deleted_at`. What the host's spec names ends with `in_spec`, and
//! that only when the host said that the volume is out: absence in a spec means nothing, so until then the spec goes on saying
//! `Detached`. A detach from a stopped computer, and an attach that is withdrawn, are over for clients at once.

use jiff::Timestamp;
use miosa_domain::attachment::{self, Attachment, AttachmentState};
use miosa_domain::computer::{self, ComputerStatus};
use miosa_domain::mount_path::MountPath;
use miosa_domain::spec::{AttachmentSpec, DesiredAttachment};
use miosa_domain::status::{Failure, Holder};
use miosa_domain::volume;
use miosa_domain::{
    AttachmentId, ComputerId, Generation, HostId, ProjectId, Refusal, ServiceId, TenantId, VolumeId,
};
use serde::{Deserialize, Serialize};

use crate::computer as computers;
use crate::error::StoreError;
use crate::host;
use crate::idempotency::{self, Idempotency, ObjectRef};
pub use crate::sql::save;
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::volume::{self as volumes, IsReachable};
use crate::{transact, verb, view};

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "attachments", kind = Attachment)]
pub struct AttachmentRecord {
    #[row(key)]
    pub id: AttachmentId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub project_id: ProjectId,
    #[row(fixed)]
    pub volume_id: VolumeId,
    #[row(fixed)]
    pub computer_id: ComputerId,
    /// Of a replica: its service. Not part of the row.
    #[row(joined)]
    pub service_id: Option<ServiceId>,
    #[row(fixed)]
    pub mount_path: MountPath,
    #[row(fixed)]
    pub read_only: bool,
    /// Others that are shared too may write beside it.
    #[row(fixed)]
    pub shared: bool,
    pub state: AttachmentState,
    #[row(column = "desired_json")]
    pub desired: DesiredAttachment,
    /// Of the change that wrote `desired`.
    pub generation: Generation,
    pub device: Option<String>,
    /// Why the state is `failed`.
    #[row(column = "error_json")]
    pub error: Option<Failure>,
    #[row(column = "refused_detach_json")]
    pub refused_detach: Option<RefusedDetach>,
    /// Since when it is over for clients.
    pub deleted_at: Option<Timestamp>,
    /// Whether the computer's spec still names it.
    pub in_spec: bool,
    #[row(fixed)]
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Of the volume, for whoever shows the attachment. Not part of the row.
    #[row(joined)]
    pub volume_name: String,
    #[row(joined)]
    pub volume_size_bytes: u64,
    #[row(joined)]
    pub host_id: HostId,
}

/// A detach that the host tried and gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedDetach {
    /// Of the intent that was refused.
    pub generation: Generation,
    pub reason: DetachObstacle,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetachObstacle {
    /// These processes hold files open.
    Busy(Vec<Holder>),
    Failed(Failure),
}

impl AttachmentRecord {
    pub(crate) fn spec(&self) -> AttachmentSpec {
        AttachmentSpec {
            id: self.id,
            volume_id: self.volume_id,
            mount_path: self.mount_path.clone(),
            read_only: self.read_only,
            shared: self.shared,
            desired: self.desired,
        }
    }

    pub fn move_to(&mut self, next: AttachmentState, now: Timestamp) {
        debug_assert!(self.state.may_become(next), "{:?} to {next:?}", self.state);
        self.state = next;
        self.updated_at = now;
    }
}

/// As the rules of `domain` know them.
pub fn as_domain(records: &[AttachmentRecord]) -> Vec<Attachment> {
    records
        .iter()
        .map(|record| Attachment {
            id: record.id,
            volume_id: record.volume_id,
            computer_id: record.computer_id,
            mount_path: record.mount_path.clone(),
            read_only: record.read_only,
            shared: record.shared,
            state: record.state,
        })
        .collect()
}

/// What a new attachment is made from. The id is made by the caller, who waits for news of it.
#[derive(Debug, Clone)]
pub struct NewAttachment {
    pub id: AttachmentId,
    pub tenant_id: TenantId,
    pub computer_id: ComputerId,
    pub volume_id: VolumeId,
    /// The default path when `None`.
    pub mount_path: Option<MountPath>,
    pub read_only: bool,
}

/// An attachment that someone asks to detach.
#[derive(Debug, Clone, Copy)]
pub struct Detach {
    pub tenant_id: TenantId,
    /// When given, an attachment of another computer is not found.
    pub computer_id: Option<ComputerId>,
    pub id: AttachmentId,
    /// Ends the processes that hold files open.
    pub force: bool,
}

/// A replica's attachment is its service's to end, so that is what a refusal because of it speaks of.
pub(crate) fn told_of_replicas(refusal: Refusal, attachments: &[AttachmentRecord]) -> Refusal {
    let Refusal::VolumeAttached { volume_id, attachment_id, computer_id, mount_path } = refusal else {
        return refusal;
    };
    match attachments.iter().find(|other| other.id == attachment_id).and_then(|other| other.service_id) {
        None => Refusal::VolumeAttached { volume_id, attachment_id, computer_id, mount_path },
        Some(service_id) => Refusal::VolumeAttachedToReplica {
            volume_id,
            attachment_id,
            instance_id: computer_id.into(),
            service_id,
            mount_path,
        },
    }
}

impl Store {
    /// Writes the intent `attaching`; on a stopped computer the attachment is `attached` from the start.
    pub async fn attach(
        &self,
        new: NewAttachment,
        is_reachable: IsReachable<'_>,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<AttachmentRecord, StoreError> {
        transact!(self, verb!("attach", "write the intent to attach a volume"), |tx| {
            let new = new.clone();
            let mut computer = computers::load_present(tx, new.tenant_id, new.computer_id).await?;
            let volume = volumes::load_present(tx, new.tenant_id, new.volume_id).await?;
            computer::may_change_attachments(computer.id, computer.status)?;
            computers::refuse_if_replica(&computer)?;
            volume::may_attach(
                &volume.as_domain(is_reachable),
                &as_domain(&volume.attachments),
                &volume::Attacher {
                    computer_id: computer.id,
                    host_id: computer.host_id,
                    read_only: new.read_only,
                    shared: false,
                },
            )
            .map_err(|refusal| told_of_replicas(refusal, &volume.attachments))?;
            let taken: Vec<_> = computer.attachments.iter().map(|a| a.mount_path.clone()).collect();
            let mount_path =
                new.mount_path.unwrap_or_else(|| volume::default_mount_path(&volume.name, &taken));
            attachment::may_mount_at(&mount_path, &as_domain(&computer.attachments))?;

            computer.generation = host::next_generation(tx, computer.host_id).await?;
            computers::save(tx, &computer).await?;
            let record = AttachmentRecord {
                id: new.id,
                tenant_id: new.tenant_id,
                project_id: volume.project_id,
                volume_id: volume.id,
                computer_id: computer.id,
                service_id: None,
                mount_path,
                read_only: new.read_only,
                shared: false,
                state: match computer.status {
                    ComputerStatus::Stopped => AttachmentState::Attached,
                    _ => AttachmentState::Attaching,
                },
                desired: DesiredAttachment::Attached,
                generation: computer.generation,
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
            save(tx, &record).await?;
            let object = ObjectRef::Attachment(record.id);
            idempotency::record(tx, idempotency, record.tenant_id, object, now).await?;
            Ok(record)
        })
    }

    /// Writes the intent `detaching`. From a stopped computer the attachment is gone at once (`deleted_at` is set). A detach
    /// that is already under way is joined, and made forceful when `force` is new.
    pub async fn detach(
        &self,
        detach: Detach,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<AttachmentRecord, StoreError> {
        transact!(self, verb!("detach", "write the intent to detach a volume"), |tx| {
            let mut record = load_present(tx, detach.tenant_id, detach.id).await?;
            if detach.computer_id.is_some_and(|id| id != record.computer_id) {
                return Err(Refusal::NotFound { what: "attachment" }.into());
            }
            let computer = computers::load_present(tx, detach.tenant_id, record.computer_id).await?;
            computers::refuse_if_replica(&computer)?;
            computer::may_change_attachments(computer.id, computer.status)?;
            let is_new = match record.desired {
                DesiredAttachment::Attached => true,
                DesiredAttachment::Detached { force } => detach.force && !force,
            };
            if is_new {
                if record.state != AttachmentState::Detaching {
                    record.move_to(AttachmentState::Detaching, now);
                }
                record.desired = DesiredAttachment::Detached { force: detach.force };
                record.error = None;
                record.refused_detach = None;
            }
            let is_over = computer.status == ComputerStatus::Stopped;
            if is_over {
                record.deleted_at = Some(now);
            }
            if is_new || is_over {
                write_intent(tx, &mut record).await?;
            }
            let object = ObjectRef::Attachment(record.id);
            idempotency::record(tx, idempotency, detach.tenant_id, object, now).await?;
            Ok(record)
        })
    }

    /// Takes back an attachment that its host could not make. `false` when it is no longer `failed`: then it stays.
    pub async fn withdraw_attachment(
        &self,
        tenant_id: TenantId,
        id: AttachmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        transact!(self, verb!("withdraw an attachment that could not be made"), |tx| {
            let mut record = load_present(tx, tenant_id, id).await?;
            if record.state != AttachmentState::Failed {
                return Ok(false);
            }
            record.move_to(AttachmentState::Detaching, now);
            record.desired = DesiredAttachment::Detached { force: false };
            record.deleted_at = Some(now);
            write_intent(tx, &mut record).await?;
            idempotency::forget_unanswered(tx, id.uuid()).await?;
            Ok(true)
        })
    }

    /// The tenant's attachment with this id, ended ones included.
    pub async fn attachment(
        &self,
        tenant_id: TenantId,
        id: AttachmentId,
    ) -> Result<Option<AttachmentRecord>, StoreError> {
        view!(self, "read an attachment", |tx| {
            Ok(load_any(tx, id).await?.filter(|record| record.tenant_id == tenant_id))
        })
    }
}

/// Stamps the next generation on the attachment and on its computer, whose spec it is part of.
pub async fn write_intent(tx: &mut Tx, record: &mut AttachmentRecord) -> Result<(), StoreError> {
    record.generation = host::next_generation(tx, record.host_id).await?;
    save(tx, record).await?;
    query("stamp a generation on a computer", "UPDATE computers SET generation = $2 WHERE id = $1")
        .bind(record.computer_id)
        .bind(record.generation)
        .execute(tx)
        .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.*, v.name AS volume_name, v.size_bytes AS volume_size_bytes, v.host_id AS host_id,
                 c.service_id AS service_id
             FROM attachments a JOIN volumes v ON v.id = a.volume_id JOIN computers c ON c.id = a.computer_id ",
            $rest
        )
    };
}

async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: AttachmentId,
) -> Result<AttachmentRecord, StoreError> {
    let record = load_any(tx, id).await?.filter(|record| record.tenant_id == tenant_id);
    let record = record.ok_or(Refusal::NotFound { what: "attachment" })?;
    match record.deleted_at {
        None => Ok(record),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "attachment", deleted_at: at.to_string() }.into()),
    }
}

async fn load_any(tx: &mut Tx, id: AttachmentId) -> Result<Option<AttachmentRecord>, StoreError> {
    query("read an attachment", select!("WHERE a.id = $1")).bind(id).optional(tx).await
}

pub(crate) async fn visible_of_volume(
    tx: &mut Tx,
    id: VolumeId,
) -> Result<Vec<AttachmentRecord>, StoreError> {
    const TEXT: &str = select!("WHERE a.volume_id = $1 AND a.deleted_at IS NULL ORDER BY a.created_at, a.id");
    query("read a volume's attachments", TEXT).bind(id).all(tx).await
}

pub(crate) async fn visible_of_tenant(
    tx: &mut Tx,
    id: TenantId,
) -> Result<Vec<AttachmentRecord>, StoreError> {
    const TEXT: &str = select!("WHERE a.tenant_id = $1 AND a.deleted_at IS NULL ORDER BY a.created_at, a.id");
    query("read a tenant's attachments", TEXT).bind(id).all(tx).await
}

/// Those that the computer's spec names, the ones that are over for clients included.
pub async fn in_spec_of_computer(tx: &mut Tx, id: ComputerId) -> Result<Vec<AttachmentRecord>, StoreError> {
    const TEXT: &str = select!("WHERE a.computer_id = $1 AND a.in_spec ORDER BY a.created_at, a.id");
    query("read a computer's attachments", TEXT).bind(id).all(tx).await
}

/// Those of a volume that a computer's spec names, the ones that are over for clients included.
pub async fn in_spec_of_volume(tx: &mut Tx, id: VolumeId) -> Result<Vec<AttachmentRecord>, StoreError> {
    const TEXT: &str = select!("WHERE a.volume_id = $1 AND a.in_spec ORDER BY a.created_at, a.id");
    query("read the attachments of a volume that hosts know", TEXT).bind(id).all(tx).await
}

/// Those that the specs of the host's computers with a generation above `since` name.
pub(crate) async fn in_changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<AttachmentRecord>, StoreError> {
    const TEXT: &str = select!(
        "WHERE c.host_id = $1 AND c.generation > $2 AND NOT c.is_tombstone AND a.in_spec ORDER BY a.created_at, a.id"
    );
    query("read the attachments of changed computers", TEXT).bind(host_id).bind(since).all(tx).await
}
