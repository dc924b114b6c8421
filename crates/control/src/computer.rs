//! The verbs of computers.

use miosa_api::agent_v1::ExecRequest;
use miosa_api::v1::computers::Computer;
use miosa_api::v1::volumes::Deleted;
use miosa_api::word::Word;
use miosa_domain::computer::{self, ComputerStatus};
use miosa_domain::{ComputerId, HostId, Refusal, TenantId};
use miosa_store::computer::ComputerRecord;
use uuid::Uuid;

use crate::view;
use crate::{
    App, AppError, Caller, HostStream, Idempotency, ListPage, ListRequest, NewComputer, StreamRequest, now,
    to_the_end,
};

mod intent;

pub(crate) use intent::ComputerDraft;
pub use intent::{ComputerChange, Power};

impl App {
    /// Returns at once; the computer boots in the background.
    pub async fn create_computer(
        &self,
        caller: &Caller,
        new: NewComputer,
        idempotency: Option<Idempotency>,
    ) -> Result<Computer, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let host = app.place(new.host_id).await?;
            if !host.templates.contains(&new.template_type) {
                let known = host.templates.join(", ");
                return Err(AppError::Invalid {
                    field: "template_type",
                    message: format!("is not a template of host {}; it has {known}", host.id),
                });
            }
            let id = ComputerId::from_uuid(Uuid::now_v7());
            let draft = ComputerDraft { id, tenant_id, host_id: host.id, new };
            let computer = app.write_new_computer(&draft, idempotency.as_ref(), now()).await?;
            Ok(app.computer_view(computer))
        })
        .await
    }

    pub async fn list_computers(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<ListPage<Computer>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let page = self.store().list_computers(caller.tenant_id, &request).await?;
        Ok(page.map(|computer| self.computer_view(computer)))
    }

    /// A computer that is being destroyed is returned until its host has removed it.
    pub async fn get_computer(&self, caller: &Caller, id: ComputerId) -> Result<Computer, AppError> {
        let computer = self.read_computer(caller.tenant_id, id).await?;
        Ok(self.computer_view(computer))
    }

    pub async fn update_computer(
        &self,
        caller: &Caller,
        id: ComputerId,
        change: ComputerChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Computer, AppError> {
        let changed =
            self.write_computer_change(caller.tenant_id, id, &change, idempotency.as_ref(), now()).await?;
        Ok(self.computer_view(changed))
    }

    /// Returns the computer once it runs or is stopped, and a sentence that says what was done.
    pub async fn set_power(
        &self,
        caller: &Caller,
        id: ComputerId,
        power: Power,
        idempotency: Option<Idempotency>,
    ) -> Result<(Computer, String), AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let mut wait = app.wait_for(id.uuid());
            let (intent, is_new) = app.write_power(tenant_id, id, power, idempotency.as_ref(), now()).await?;
            let mut computer = intent.clone();
            while !is_settled(&intent, is_new, &computer) {
                if !wait.goes_on().await {
                    let message = format!("computer is still {}", computer.status);
                    return Ok((app.computer_view(computer), message));
                }
                computer = app.read_computer(tenant_id, id).await?;
            }
            if is_new {
                wait.over(match power {
                    Power::Start => "start",
                    Power::Stop => "stop",
                    Power::Restart => "restart",
                });
            }
            let view = app.computer_view(computer);
            let message = match (is_new, view.error.as_deref()) {
                (_, Some(error)) => format!("computer is in error: {error}"),
                (true, None) => format!("computer is {}", view.status),
                (false, None) => format!("nothing to do: computer is {}", view.status),
            };
            Ok((view, message))
        })
        .await
    }

    /// Returns at once; the host stops and removes the computer in the background.
    pub async fn delete_computer(
        &self,
        caller: &Caller,
        id: ComputerId,
        force: bool,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let computer =
                app.write_computer_deletion(tenant_id, id, force, idempotency.as_ref(), now()).await?;
            Ok(view::deleted(id, Word::of(computer.status.as_str())))
        })
        .await
    }

    pub async fn exec(
        &self,
        caller: &Caller,
        id: ComputerId,
        request: ExecRequest,
    ) -> Result<HostStream, AppError> {
        let computer = self.read_computer(caller.tenant_id, id).await?;
        computer::may_exec(id, computer.status)?;
        self.open_stream(computer.host_id, StreamRequest::Exec { instance: id.into(), request }).await
    }

    pub async fn logs(
        &self,
        caller: &Caller,
        id: ComputerId,
        tail_lines: u32,
        follow: bool,
    ) -> Result<HostStream, AppError> {
        let computer = self.read_computer(caller.tenant_id, id).await?;
        let logs = StreamRequest::Logs { instance: id.into(), tail_lines, follow };
        self.open_stream(computer.host_id, logs).await
    }

    pub(crate) async fn open_stream(
        &self,
        host_id: HostId,
        request: StreamRequest,
    ) -> Result<HostStream, AppError> {
        self.hosts().open_stream(host_id, request).await.ok_or_else(|| {
            AppError::Unavailable(format!("host {host_id} is not connected at the moment; try again soon"))
        })
    }

    /// Any computer of the tenant that is not a tombstone.
    pub(crate) async fn read_computer(
        &self,
        tenant_id: TenantId,
        id: ComputerId,
    ) -> Result<ComputerRecord, AppError> {
        let computer = self.store().computer(tenant_id, id).await?;
        let computer = computer.ok_or(Refusal::NotFound { what: "computer" })?;
        match computer.deleted_at.filter(|_| computer.is_tombstone) {
            None => Ok(computer),
            Some(at) => Err(Refusal::AlreadyDeleted { what: "computer", deleted_at: at.to_string() }.into()),
        }
    }
}

/// Whether the outcome of `intent` is known, or another call has replaced the intent.
fn is_settled(intent: &ComputerRecord, is_new: bool, computer: &ComputerRecord) -> bool {
    let was_replaced = (computer.desired, computer.run) != (intent.desired, intent.run);
    // "Stopped" may be the report of an earlier run; only a report of this intent's generation counts.
    let is_answered =
        computer.reported.as_ref().is_some_and(|reported| reported.generation >= intent.generation);
    was_replaced
        || match computer.status {
            ComputerStatus::Running | ComputerStatus::Error => true,
            ComputerStatus::Stopped => is_answered || !is_new,
            _ => false,
        }
}
