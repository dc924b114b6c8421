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
use miosa_domain::{ComputerId, Generation, HostId, ProjectId, Refusal, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::attachment::{self, AttachmentRecord};
use crate::column;
use crate::error::{StoreError, While};
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{Cursor, ListPage, ListRequest, Window};
use crate::schema::{Store, Tx};
use crate::service::ReplicaOf;
use crate::{host, restore, tenant};

/// Between SIGTERM and SIGKILL.
const STOP_GRACE_SECONDS: u32 = 10;

#[derive(Debug, Clone, PartialEq)]
pub struct ComputerRecord {
    pub id: ComputerId,
    pub tenant_id: TenantId,
    pub project_id: ProjectId,
    pub workspace_id: Option<String>,
    pub host_id: HostId,
    pub name: String,
    pub template_type: String,
    pub size: ComputerSize,
    pub network: Network,
    pub env: BTreeMap<String, String>,
    pub command: Option<Vec<String>>,
    pub visibility: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub external_workspace_id: Option<String>,
    pub external_user_id: Option<String>,
    pub external_project_id: Option<String>,
    pub desired: DesiredRun,
    pub run: u64,
    pub stop_grace_seconds: u32,
    /// Of the last change of what is wanted, attachments included.
    pub generation: Generation,
    pub reported: Option<InstanceStatus>,
    /// Always that of `desired`, `run` and `reported`: [`save`] sees to it.
    pub status: ComputerStatus,
    pub deleted_at: Option<Timestamp>,
    /// Nothing is left of it; only the time of its deletion is remembered.
    pub is_tombstone: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None`: a computer of its own.
    pub replica: Option<ReplicaOf>,
    /// Those that clients see, oldest first. Not part of the row.
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

    fn derived_status(&self) -> ComputerStatus {
        computer::status(self.desired, self.run, self.reported.as_ref())
    }
}

/// What a new computer is made from.
#[derive(Debug, Clone)]
pub struct NewComputer {
    pub id: ComputerId,
    pub tenant_id: TenantId,
    /// The tenant's default project when `None`.
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub host_id: HostId,
    pub name: String,
    pub template_type: String,
    pub size: ComputerSize,
    pub network: Network,
    pub env: BTreeMap<String, String>,
    pub command: Option<Vec<String>>,
    pub visibility: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub external_workspace_id: Option<String>,
    pub external_user_id: Option<String>,
    pub external_project_id: Option<String>,
    pub auto_start: bool,
}

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ComputerChange {
    pub name: Option<String>,
    pub visibility: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    Start,
    Stop,
    Restart,
}

impl Store {
    pub async fn create_computer(
        &self,
        new: NewComputer,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        const DOING: &str = "write the intent to create a computer";
        let mut tx = self.write(DOING).await?;
        let project_id = tenant::project(&mut tx, new.tenant_id, new.project_id).await?;
        let generation = host::next_generation(&mut tx, new.host_id).await?;
        let desired = if new.auto_start { DesiredRun::Running } else { DesiredRun::Stopped };
        let record = ComputerRecord {
            id: new.id,
            tenant_id: new.tenant_id,
            project_id,
            workspace_id: new.workspace_id,
            host_id: new.host_id,
            name: new.name,
            template_type: new.template_type,
            size: new.size,
            network: new.network,
            env: new.env,
            command: new.command,
            visibility: new.visibility,
            metadata: new.metadata,
            external_workspace_id: new.external_workspace_id,
            external_user_id: new.external_user_id,
            external_project_id: new.external_project_id,
            desired,
            run: 1,
            stop_grace_seconds: STOP_GRACE_SECONDS,
            generation,
            reported: None,
            status: computer::status(desired, 1, None),
            deleted_at: None,
            is_tombstone: false,
            created_at: now,
            updated_at: now,
            replica: None,
            attachments: Vec::new(),
        };
        save(&mut tx, &record).await?;
        let object = ObjectRef::Computer(record.id);
        idempotency::record(&mut tx, idempotency, record.tenant_id, object, now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(record)
    }

    /// The tenant's computer with this id, deleted ones and tombstones included.
    pub async fn computer(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
    ) -> Result<Option<ComputerRecord>, StoreError> {
        let mut tx = self.read("read a computer").await?;
        load(&mut tx, tenant_id, id).await
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
        macro_rules! with_filters {
            ($query:expr) => {
                $query
                    .bind(tenant_id.to_string())
                    .bind(filters.status.as_deref())
                    .bind(filters.name.as_deref())
                    .bind(filters.project_id.map(|id| id.to_string()))
                    .bind(filters.workspace_id.as_deref())
            };
        }

        let window = Window::of(request);
        let mut tx = self.read(DOING).await?;
        let rows = with_filters!(sqlx::query(PAGE))
            .bind(window.before_ms)
            .bind(&window.before_id)
            .bind(window.limit)
            .bind(window.offset)
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?;
        let mut computers = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        if !computers.is_empty() {
            let mut by_computer: HashMap<ComputerId, Vec<AttachmentRecord>> = HashMap::new();
            for attachment in attachment::visible_of_tenant(&mut tx, tenant_id).await? {
                by_computer.entry(attachment.computer_id).or_default().push(attachment);
            }
            for computer in &mut computers {
                computer.attachments = by_computer.remove(&computer.id).unwrap_or_default();
            }
        }
        let total: i64 = with_filters!(sqlx::query_scalar(COUNT)).fetch_one(&mut *tx).await.doing(DOING)?;
        Ok(window.page(computers, total, |computer| Cursor {
            created_at_ms: computer.created_at.as_millisecond(),
            id: computer.id.uuid(),
        }))
    }

    pub async fn update_computer(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        change: ComputerChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        const DOING: &str = "change a computer";
        let mut tx = self.write(DOING).await?;
        let mut computer = load_present(&mut tx, tenant_id, id).await?;
        refuse_if_replica(&computer)?;
        computer.name = change.name.unwrap_or(computer.name);
        computer.visibility = change.visibility.or(computer.visibility);
        computer.metadata = change.metadata.unwrap_or(computer.metadata);
        computer.updated_at = now;
        save(&mut tx, &computer).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(computer)
    }

    /// Writes the intent to start, stop or restart. `false` when the computer was so already and nothing was written.
    pub async fn set_power(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        power: Power,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(ComputerRecord, bool), StoreError> {
        const DOING: &str = "write the intent to start or stop a computer";
        let mut tx = self.write(DOING).await?;
        let mut computer = load_present(&mut tx, tenant_id, id).await?;
        refuse_if_replica(&computer)?;
        let wanted = match (power, computer.desired, computer.status) {
            // A computer in error should run and does not: starting it again gives it a new try.
            (Power::Start, DesiredRun::Running, ComputerStatus::Error) => Some(DesiredRun::Running),
            (Power::Start, DesiredRun::Running, _) | (Power::Stop, DesiredRun::Stopped, _) => None,
            (Power::Start | Power::Restart, ..) => Some(DesiredRun::Running),
            (Power::Stop, ..) => Some(DesiredRun::Stopped),
        };
        match power {
            Power::Stop => restore::leave_stopped(&mut tx, id).await?,
            Power::Start | Power::Restart => restore::refuse_start(&mut tx, id).await?,
        }
        if let Some(desired) = wanted {
            write_power(&mut tx, &mut computer, desired, now).await?;
        }
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
        tx.commit().await.doing(DOING)?;
        Ok((computer, wanted.is_some()))
    }

    /// Writes the intent to destroy the computer. Its attachments are over at once; their volumes stay. A computer that is
    /// already being destroyed is refused as already deleted, unless `force` is new.
    pub async fn delete_computer(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        force: bool,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        const DOING: &str = "write the intent to destroy a computer";
        let mut tx = self.write(DOING).await?;
        let mut computer =
            load(&mut tx, tenant_id, id).await?.ok_or(Refusal::NotFound { what: "computer" })?;
        if let Some(at) = computer.deleted_at {
            let hurries = force && !computer.is_tombstone && computer.stop_grace_seconds > 0;
            if !hurries {
                return Err(already_deleted(at).into());
            }
        }
        refuse_if_replica(&computer)?;
        let grace_seconds = if force { 0 } else { STOP_GRACE_SECONDS };
        write_end(&mut tx, &mut computer, End::Destroy, grace_seconds, now).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(computer)
    }
}

/// How a computer ends for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its files and its log stay until it is destroyed.
    Stop,
    Destroy,
}

/// Part of the transaction that ends a computer. Its attachments are over at once; their volumes stay.
pub(crate) async fn write_end(
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
pub(crate) fn refuse_if_replica(computer: &ComputerRecord) -> Result<(), Refusal> {
    match &computer.replica {
        None => Ok(()),
        Some(of) => {
            Err(Refusal::ReplicaOfService { instance_id: computer.id.into(), service_id: of.service_id })
        }
    }
}

/// Part of the transaction that starts (again) or stops a computer, for whatever reason.
pub(crate) async fn write_power(
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
pub(crate) async fn load_present(
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

pub(crate) async fn load(
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
pub(crate) async fn load_any(tx: &mut Tx, id: ComputerId) -> Result<Option<ComputerRecord>, StoreError> {
    sqlx::query("SELECT * FROM computers WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .and_then(|row| row.map(|row| from_row(&row)).transpose())
        .doing("read a computer")
}

/// Specs of the host's computers with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<InstanceSpec>, StoreError> {
    const DOING: &str = "read changed computers";
    let rows =
        sqlx::query("SELECT * FROM computers WHERE host_id = $1 AND generation > $2 AND NOT is_tombstone")
            .bind(host_id.to_string())
            .bind(column::to_bigint(since.0))
            .fetch_all(&mut **tx)
            .await
            .doing(DOING)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_computer: HashMap<ComputerId, Vec<AttachmentRecord>> = HashMap::new();
    for attachment in attachment::in_changed_specs(tx, host_id, since).await? {
        by_computer.entry(attachment.computer_id).or_default().push(attachment);
    }
    let specs = rows.iter().map(|row| {
        let computer = from_row(row)?;
        Ok(computer.spec(by_computer.get(&computer.id).map_or(&[], Vec::as_slice)))
    });
    specs.collect::<Result<_, _>>().doing(DOING)
}

/// Writes the whole row, new or not.
pub(crate) async fn save(tx: &mut Tx, computer: &ComputerRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO computers (id, tenant_id, project_id, workspace_id, host_id, name, template_type, size, network, env_json,
             command_json, visibility, metadata_json, external_workspace_id, external_user_id, external_project_id, desired,
             run, stop_grace_seconds, generation, reported_json, status, deleted_at, is_tombstone, created_at, updated_at,
             service_id, replica_json)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
             $25, $26, $27, $28)
         ON CONFLICT (id) DO UPDATE SET name = $6, env_json = $10, command_json = $11, visibility = $12, metadata_json = $13,
             desired = $17, run = $18, stop_grace_seconds = $19, generation = $20, reported_json = $21, status = $22,
             deleted_at = $23, is_tombstone = $24, updated_at = $26, replica_json = $28",
    )
    .bind(computer.id.to_string())
    .bind(computer.tenant_id.to_string())
    .bind(computer.project_id.to_string())
    .bind(&computer.workspace_id)
    .bind(computer.host_id.to_string())
    .bind(&computer.name)
    .bind(&computer.template_type)
    .bind(computer.size.as_str())
    .bind(column::to_word(&computer.network))
    .bind(column::to_json(&computer.env))
    .bind(computer.command.as_ref().map(column::to_json))
    .bind(&computer.visibility)
    .bind(column::to_json(&computer.metadata))
    .bind(&computer.external_workspace_id)
    .bind(&computer.external_user_id)
    .bind(&computer.external_project_id)
    .bind(column::to_word(&computer.desired))
    .bind(column::to_bigint(computer.run))
    .bind(i64::from(computer.stop_grace_seconds))
    .bind(column::to_bigint(computer.generation.0))
    .bind(computer.reported.as_ref().map(column::to_json))
    .bind(computer.derived_status().as_str())
    .bind(computer.deleted_at.map(Timestamp::as_millisecond))
    .bind(computer.is_tombstone)
    .bind(computer.created_at.as_millisecond())
    .bind(computer.updated_at.as_millisecond())
    .bind(computer.replica.as_ref().map(|of| of.service_id.to_string()))
    .bind(computer.replica.as_ref().map(column::to_json))
    .execute(&mut **tx)
    .await
    .doing("write a computer")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<ComputerRecord, sqlx::Error> {
    let mut computer = ComputerRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        project_id: column::id(row, "project_id")?,
        workspace_id: row.try_get("workspace_id")?,
        host_id: column::id(row, "host_id")?,
        name: row.try_get("name")?,
        template_type: row.try_get("template_type")?,
        size: column::word(row, "size")?,
        network: column::word(row, "network")?,
        env: column::json(row, "env_json")?,
        command: column::optional_json(row, "command_json")?,
        visibility: row.try_get("visibility")?,
        metadata: column::json(row, "metadata_json")?,
        external_workspace_id: row.try_get("external_workspace_id")?,
        external_user_id: row.try_get("external_user_id")?,
        external_project_id: row.try_get("external_project_id")?,
        desired: column::word(row, "desired")?,
        run: column::number(row, "run")?,
        stop_grace_seconds: column::number(row, "stop_grace_seconds")?,
        generation: Generation(column::number(row, "generation")?),
        reported: column::optional_json(row, "reported_json")?,
        status: ComputerStatus::Provisioning,
        deleted_at: column::optional_time(row, "deleted_at")?,
        is_tombstone: row.try_get("is_tombstone")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
        replica: column::optional_json(row, "replica_json")?,
        attachments: Vec::new(),
    };
    computer.status = computer.derived_status();
    Ok(computer)
}
