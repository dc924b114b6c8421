//! The transactions of the computer verbs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::computer::{self as rules, ComputerStatus};
use miosa_domain::spec::DesiredRun;
use miosa_domain::{ComputerId, HostId, Refusal, TenantId};
use miosa_store::computer::{self, ComputerRecord, End, STOP_GRACE_SECONDS};
use miosa_store::idempotency::{self, Idempotency, ObjectRef};
use miosa_store::{StoreError, host, restore, tenant, transact, verb};

use crate::{App, NewComputer};

/// A computer that is about to be created.
#[derive(Debug, Clone)]
pub(crate) struct ComputerDraft {
    pub(crate) id: ComputerId,
    pub(crate) tenant_id: TenantId,
    pub(crate) host_id: HostId,
    pub(crate) new: NewComputer,
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

impl App {
    pub(crate) async fn write_new_computer(
        &self,
        draft: &ComputerDraft,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        transact!(self.store(), verb!("write the intent to create a computer"), |tx| {
            let ComputerDraft { id, tenant_id, host_id, new } = draft.clone();
            let desired = if new.auto_start { DesiredRun::Running } else { DesiredRun::Stopped };
            let record = ComputerRecord {
                id,
                tenant_id,
                project_id: tenant::project(tx, tenant_id, new.project_id).await?,
                workspace_id: new.workspace_id,
                host_id,
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
                generation: host::next_generation(tx, host_id).await?,
                reported: None,
                status: rules::status(desired, 1, None),
                deleted_at: None,
                is_tombstone: false,
                created_at: now,
                updated_at: now,
                replica: None,
                attachments: Vec::new(),
            };
            computer::save(tx, &record).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
            Ok(record)
        })
    }

    pub(crate) async fn write_computer_change(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        change: &ComputerChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        transact!(self.store(), verb!("change a computer"), |tx| {
            let change = change.clone();
            let mut computer = computer::load_present(tx, tenant_id, id).await?;
            computer::refuse_if_replica(&computer)?;
            computer.name = change.name.unwrap_or(computer.name);
            computer.visibility = change.visibility.or(computer.visibility);
            computer.metadata = change.metadata.unwrap_or(computer.metadata);
            computer.updated_at = now;
            computer::save(tx, &computer).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
            Ok(computer)
        })
    }

    /// Writes the intent to start, stop or restart. Returns `false` if the computer was in that state already and nothing was
    /// written.
    pub(crate) async fn write_power(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        power: Power,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(ComputerRecord, bool), StoreError> {
        transact!(self.store(), verb!("write the intent to start or stop a computer"), |tx| {
            let mut computer = computer::load_present(tx, tenant_id, id).await?;
            computer::refuse_if_replica(&computer)?;
            let wanted = match (power, computer.desired, computer.status) {
                // A computer in error should run and does not: starting it again retries.
                (Power::Start, DesiredRun::Running, ComputerStatus::Error) => Some(DesiredRun::Running),
                (Power::Start, DesiredRun::Running, _) | (Power::Stop, DesiredRun::Stopped, _) => None,
                (Power::Start | Power::Restart, ..) => Some(DesiredRun::Running),
                (Power::Stop, ..) => Some(DesiredRun::Stopped),
            };
            match power {
                Power::Stop => restore::leave_stopped(tx, id).await?,
                Power::Start | Power::Restart => restore::refuse_start(tx, id).await?,
            }
            if let Some(desired) = wanted {
                computer::write_power(tx, &mut computer, desired, now).await?;
            }
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
            Ok((computer, wanted.is_some()))
        })
    }

    /// Writes the intent to destroy the computer. Its attachments end at once for clients; their volumes stay. A computer that
    /// is already being destroyed is refused as already deleted, unless `force` is new.
    pub(crate) async fn write_computer_deletion(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
        force: bool,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<ComputerRecord, StoreError> {
        transact!(self.store(), verb!("write the intent to destroy a computer"), |tx| {
            let not_found = Refusal::NotFound { what: "computer" };
            let mut computer = computer::load(tx, tenant_id, id).await?.ok_or(not_found)?;
            if let Some(at) = computer.deleted_at {
                let hurries = force && !computer.is_tombstone && computer.stop_grace_seconds > 0;
                if !hurries {
                    return Err(
                        Refusal::AlreadyDeleted { what: "computer", deleted_at: at.to_string() }.into()
                    );
                }
            }
            computer::refuse_if_replica(&computer)?;
            let grace_seconds = if force { 0 } else { STOP_GRACE_SECONDS };
            computer::write_end(tx, &mut computer, End::Destroy, grace_seconds, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Computer(id), now).await?;
            Ok(computer)
        })
    }
}
