//! Computers: what is wanted of them, and what their host last said.
//!
//! `status` follows from the two ([`computer::status`]) and is written with every row, so lists can filter by it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::computer::{self, ComputerSize, ComputerStatus};
use miosa_domain::name;
use miosa_domain::spec::{DesiredAttachment, DesiredRun, InstanceSpec, Network, RestartPolicy};
use miosa_domain::status::InstanceStatus;
use miosa_domain::{ComputerId, Generation, HostId, ProjectId, Refusal, ServiceId, TenantId};

use crate::attachment::{self, AttachmentRecord};
use crate::error::StoreError;
use crate::host;
use crate::page::{Cursor, ListPage, ListRequest, Window};
use crate::service::ReplicaOf;
pub use crate::sql::save;
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::view;

/// Between SIGTERM and SIGKILL.
pub const STOP_GRACE_SECONDS: u32 = 10;

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "computers", kind = Computer, computed(service_id = "service_id", derived_status = "status"))]
pub struct ComputerRecord {
    #[row(key)]
    pub id: ComputerId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub project_id: ProjectId,
    #[row(fixed)]
    pub workspace_id: Option<String>,
    #[row(fixed)]
    pub host_id: HostId,
    pub name: String,
    #[row(fixed)]
    pub template_type: String,
    #[row(fixed)]
    pub size: ComputerSize,
    #[row(fixed)]
    pub network: Network,
    #[row(column = "env_json")]
    pub env: BTreeMap<String, String>,
    #[row(column = "command_json")]
    pub command: Option<Vec<String>>,
    pub visibility: Option<String>,
    #[row(column = "metadata_json")]
    pub metadata: BTreeMap<String, String>,
    #[row(fixed)]
    pub external_workspace_id: Option<String>,
    #[row(fixed)]
    pub external_user_id: Option<String>,
    #[row(fixed)]
    pub external_project_id: Option<String>,
    pub desired: DesiredRun,
    pub run: u64,
    pub stop_grace_seconds: u32,
    /// Of the last change of what is wanted, attachments included.
    pub generation: Generation,
    #[row(column = "reported_json")]
    pub reported: Option<InstanceStatus>,
    /// Always that of `desired`, `run` and `reported`: [`save`] sees to it.
    #[row(joined)]
    pub status: ComputerStatus,
    pub deleted_at: Option<Timestamp>,
    /// Nothing is left of it; only the time of its deletion is remembered.
    pub is_tombstone: bool,
    #[row(fixed)]
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None`: a computer of its own.
    #[row(column = "replica_json")]
    pub replica: Option<ReplicaOf>,
    /// Those that clients see, oldest first. Not part of the row.
    #[row(skip)]
    pub attachments: Vec<AttachmentRecord>,
}

impl ComputerRecord {
    pub fn slug(&self) -> String {
        name::slug(&self.name, "computer")
    }

    /// `attachments`: those in the spec.
    fn spec(&self, attachments: &[AttachmentRecord]) -> InstanceSpec {
        InstanceSpec {
            id: self.id.into(),
            generation: self.generation,
            desired: self.desired,
            run: self.run,
            stop_grace_seconds: self.stop_grace_seconds,
            hostname: self.slug(),
            template: self.template_type.clone(),
            resources: self.size.resources(),
            network: self.network,
            env: self.env.clone(),
            command: self.command.clone(),
            restart_policy: self.replica.as_ref().map_or(RestartPolicy::Always, |of| of.restart_policy),
            health: self.replica.as_ref().map(|of| of.health.clone()),
            attachments: attachments.iter().map(AttachmentRecord::spec).collect(),
        }
    }

    fn service_id(&self) -> Option<ServiceId> {
        self.replica.as_ref().map(|of| of.service_id)
    }

    fn derived_status(&self) -> ComputerStatus {
        computer::status(self.desired, self.run, self.reported.as_ref())
    }
}

impl Store {
    /// The tenant's computer with this id, deleted ones and tombstones included.
    pub async fn computer(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
    ) -> Result<Option<ComputerRecord>, StoreError> {
        view!(self, "read a computer", |tx| load(tx, tenant_id, id).await)
    }

    /// Computers that are there or being destroyed.
    pub async fn list_computers(
        &self,
        tenant_id: TenantId,
        request: &ListRequest,
    ) -> Result<ListPage<ComputerRecord>, StoreError> {
        const DOING: &str = "list computers";
        macro_rules! matching {
            () => {
                " FROM computers c
                 WHERE c.tenant_id = $1 AND c.service_id IS NULL AND NOT c.is_tombstone AND ($2 IS NULL OR c.status = $2)
                   AND ($3 IS NULL OR c.name = $3) AND ($4 IS NULL OR c.project_id = $4)
                   AND ($5 IS NULL OR c.workspace_id = $5)"
            };
        }
        const PAGE: &str = concat!(
            "SELECT c.*",
            matching!(),
            " AND (c.created_at < $6 OR (c.created_at = $6 AND c.id < $7))
             ORDER BY c.created_at DESC, c.id DESC LIMIT $8 OFFSET $9"
        );
        const COUNT: &str = concat!("SELECT COUNT(*)", matching!());
        let filters = &request.filters;
        let filtered = |text| {
            query(DOING, text)
                .bind(tenant_id)
                .bind(filters.status.as_deref())
                .bind(filters.name.as_deref())
                .bind(filters.project_id)
                .bind(filters.workspace_id.as_deref())
        };
        let window = Window::of(request);
        view!(self, DOING, |tx| {
            let mut computers: Vec<ComputerRecord> = window.bind(filtered(PAGE)).all(tx).await?;
            if !computers.is_empty() {
                let mut by_computer: HashMap<ComputerId, Vec<AttachmentRecord>> = HashMap::new();
                for attachment in attachment::visible_of_tenant(tx, tenant_id).await? {
                    by_computer.entry(attachment.computer_id).or_default().push(attachment);
                }
                for computer in &mut computers {
                    computer.attachments = by_computer.remove(&computer.id).unwrap_or_default();
                }
            }
            let total = filtered(COUNT).one(tx).await?;
            Ok(window.page(computers, total, |computer| Cursor {
                created_at_ms: computer.created_at.as_millisecond(),
                id: computer.id.uuid(),
            }))
        })
    }
}

/// How a computer ends for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its files and its log stay until it is destroyed.
    Stop,
    Destroy,
}

/// Part of the transaction that ends a computer. Its attachments are over at once; their volumes stay.
pub async fn write_end(
    tx: &mut Tx,
    computer: &mut ComputerRecord,
    end: End,
    grace_seconds: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    computer.desired = match end {
        End::Stop => DesiredRun::Stopped,
        End::Destroy => DesiredRun::Destroyed,
    };
    if end == End::Destroy {
        computer.deleted_at.get_or_insert(now);
    }
    computer.stop_grace_seconds = grace_seconds;
    computer.updated_at = now;
    computer.generation = host::next_generation(tx, computer.host_id).await?;
    computer.status = computer.derived_status();
    for mut attachment in std::mem::take(&mut computer.attachments) {
        if attachment.state != AttachmentState::Detaching {
            attachment.move_to(AttachmentState::Detaching, now);
        }
        attachment.desired = DesiredAttachment::Detached { force: grace_seconds == 0 };
        attachment.deleted_at = Some(now);
        attachment.generation = computer.generation;
        attachment::save(tx, &attachment).await?;
    }
    save(tx, computer).await
}

/// What a service runs is changed by its service alone.
pub fn refuse_if_replica(computer: &ComputerRecord) -> Result<(), Refusal> {
    match &computer.replica {
        None => Ok(()),
        Some(of) => {
            Err(Refusal::ReplicaOfService { instance_id: computer.id.into(), service_id: of.service_id })
        }
    }
}

/// Part of the transaction that starts (again) or stops a computer, for whatever reason.
pub async fn write_power(
    tx: &mut Tx,
    computer: &mut ComputerRecord,
    desired: DesiredRun,
    now: Timestamp,
) -> Result<(), StoreError> {
    computer.desired = desired;
    computer.updated_at = now;
    if computer.replica.is_none() {
        computer.stop_grace_seconds = STOP_GRACE_SECONDS;
    }
    if desired == DesiredRun::Running {
        computer.run += 1;
    } else {
        claim_what_was_attaching(tx, computer, now).await?;
    }
    computer.generation = host::next_generation(tx, computer.host_id).await?;
    computer.status = computer.derived_status();
    save(tx, computer).await
}

/// On a computer that is to stop, an attachment is a claim, and a claim holds from the start.
async fn claim_what_was_attaching(
    tx: &mut Tx,
    computer: &mut ComputerRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    for attachment in &mut computer.attachments {
        if attachment.state == AttachmentState::Attaching {
            attachment.move_to(AttachmentState::Attached, now);
            attachment::save(tx, attachment).await?;
        }
    }
    Ok(())
}

fn already_deleted(at: Timestamp) -> Refusal {
    Refusal::AlreadyDeleted { what: "computer", deleted_at: at.to_string() }
}

/// A computer that is not deleted. One that was is refused with the time when that was.
pub async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: ComputerId,
) -> Result<ComputerRecord, StoreError> {
    let computer = load(tx, tenant_id, id).await?.ok_or(Refusal::NotFound { what: "computer" })?;
    match computer.deleted_at {
        None => Ok(computer),
        Some(at) => Err(already_deleted(at).into()),
    }
}

pub async fn load(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: ComputerId,
) -> Result<Option<ComputerRecord>, StoreError> {
    Ok(load_whole(tx, id).await?.filter(|computer| computer.tenant_id == tenant_id))
}

/// Of any tenant, with its attachments.
pub(crate) async fn load_whole(tx: &mut Tx, id: ComputerId) -> Result<Option<ComputerRecord>, StoreError> {
    let Some(mut computer) = load_any(tx, id).await? else { return Ok(None) };
    computer.attachments = attachment::in_spec_of_computer(tx, id)
        .await?
        .into_iter()
        .filter(|attachment| attachment.deleted_at.is_none())
        .collect();
    Ok(Some(computer))
}

/// Of any tenant and without attachments: for reports, which speak of computers by id alone.
pub async fn load_any(tx: &mut Tx, id: ComputerId) -> Result<Option<ComputerRecord>, StoreError> {
    query("read a computer", "SELECT * FROM computers WHERE id = $1").bind(id).optional(tx).await
}

/// Specs of the host's computers with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<InstanceSpec>, StoreError> {
    const TEXT: &str = "SELECT * FROM computers WHERE host_id = $1 AND generation > $2 AND NOT is_tombstone";
    let computers: Vec<ComputerRecord> =
        query("read changed computers", TEXT).bind(host_id).bind(since).all(tx).await?;
    if computers.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_computer: HashMap<ComputerId, Vec<AttachmentRecord>> = HashMap::new();
    for attachment in attachment::in_changed_specs(tx, host_id, since).await? {
        by_computer.entry(attachment.computer_id).or_default().push(attachment);
    }
    let attachments = |id| by_computer.get(id).map_or(&[][..], Vec::as_slice);
    Ok(computers.iter().map(|computer| computer.spec(attachments(&computer.id))).collect())
}
