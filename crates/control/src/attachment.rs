//! The verbs of attachments.

use miosa_api::v1::attachments::Attachment;
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::DeletedState;
use miosa_domain::attachment::AttachmentState;
use miosa_domain::status::{Failure, FailureCode};
use miosa_domain::{AttachmentId, ComputerId, Refusal, TenantId};
use miosa_store::StoreError;
use miosa_store::attachment::{AttachmentRecord, Detach, DetachObstacle};
use miosa_store::page;
use uuid::Uuid;

use crate::view::{self, attachment_view};
use crate::{
    App, AppError, Caller, Cursor, Idempotency, ListPage, ListRequest, NewAttachment, now, to_the_end,
};

impl App {
    /// Attaches a volume and returns the attachment once the volume is mounted in the computer: at once if the computer is
    /// stopped, and as `attaching` after the wait. An attach that the host cannot carry out is withdrawn and refused.
    pub async fn attach(
        &self,
        caller: &Caller,
        computer_id: ComputerId,
        new: NewAttachment,
        idempotency: Option<Idempotency>,
    ) -> Result<Attachment, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let id = AttachmentId::from_uuid(Uuid::now_v7());
            let mut wait = app.wait_for(id.uuid());
            let new = miosa_store::attachment::NewAttachment {
                id,
                tenant_id,
                computer_id,
                volume_id: new.volume_id,
                mount_path: new.mount_path,
                read_only: new.read_only,
            };
            let is_reachable = |host_id| app.hosts().is_reachable(host_id);
            let attached = app.store().attach(new, &is_reachable, idempotency.as_ref(), now()).await;
            let mut attachment = match attached {
                Ok(attachment) => attachment,
                Err(error) => return Err(app.with_attachment(tenant_id, error).await),
            };
            while attachment.state == AttachmentState::Attaching {
                if !wait.goes_on().await {
                    return Ok(attachment_view(attachment));
                }
                attachment = app.read_attachment(tenant_id, id).await?;
            }
            wait.over("attach");
            if attachment.state == AttachmentState::Failed
                && app.store().withdraw_attachment(tenant_id, id, now()).await?
            {
                return Err(app.attach_refusal(attachment).await?);
            }
            Ok(attachment_view(app.read_attachment(tenant_id, id).await?))
        })
        .await
    }

    pub async fn list_attachments(
        &self,
        caller: &Caller,
        computer_id: ComputerId,
        request: ListRequest,
    ) -> Result<ListPage<Attachment>, AppError> {
        let computer = self.read_computer(caller.tenant_id, computer_id).await?;
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let place = |attachment: &AttachmentRecord| Cursor {
            created_at_ms: attachment.created_at.as_millisecond(),
            id: attachment.id.uuid(),
        };
        let status = request.filters.status.as_deref();
        let mut attachments = computer.attachments;
        attachments.retain(|attachment| status.is_none_or(|status| status == attachment.state.as_str()));
        attachments.sort_by_key(|attachment| {
            let Cursor { created_at_ms, id } = place(attachment);
            std::cmp::Reverse((created_at_ms, id))
        });
        Ok(page::cut(attachments, &request, place).map(attachment_view))
    }

    pub async fn get_attachment(&self, caller: &Caller, id: AttachmentId) -> Result<Attachment, AppError> {
        let attachment = self.read_attachment(caller.tenant_id, id).await?;
        match attachment.deleted_at {
            None => Ok(attachment_view(attachment)),
            Some(at) => {
                Err(Refusal::AlreadyDeleted { what: "attachment", deleted_at: at.to_string() }.into())
            }
        }
    }

    /// Detaches a volume and returns once it is unmounted from the computer: at once if the computer is stopped. A volume with
    /// open files stays attached, and the refusal names the holders. With `computer_id`, an attachment of another computer is
    /// not found.
    pub async fn detach(
        &self,
        caller: &Caller,
        computer_id: Option<ComputerId>,
        id: AttachmentId,
        force: bool,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let mut wait = app.wait_for(id.uuid());
            let detach = Detach { tenant_id, computer_id, id, force };
            let mut attachment = app.store().detach(detach, idempotency.as_ref(), now()).await?;
            let intent = attachment.generation;
            loop {
                if attachment.deleted_at.is_some() {
                    wait.over("detach");
                    return Ok(view::deleted(id, DeletedState::Detached.into()));
                }
                let refused = attachment.refused_detach.filter(|refused| refused.generation >= intent);
                if let Some(refused) = refused {
                    wait.over("detach");
                    return Err(detach_refusal(attachment.volume_id, refused.reason).into());
                }
                if !wait.goes_on().await {
                    return Ok(Deleted {
                        deleted: false,
                        ..view::deleted(id, DeletedState::Detaching.into())
                    });
                }
                attachment = app.read_attachment(tenant_id, id).await?;
            }
        })
        .await
    }

    async fn read_attachment(
        &self,
        tenant_id: TenantId,
        id: AttachmentId,
    ) -> Result<AttachmentRecord, AppError> {
        let attachment = self.store().attachment(tenant_id, id).await?;
        Ok(attachment.ok_or(Refusal::NotFound { what: "attachment" })?)
    }

    /// "Already attached" carries the attachment, so that a caller that repeats the call can continue with it.
    async fn with_attachment(&self, tenant_id: TenantId, error: StoreError) -> AppError {
        let StoreError::Refused(
            refusal @ (Refusal::VolumeAttached { attachment_id, .. }
            | Refusal::VolumeAttachedToReplica { attachment_id, .. }),
        ) = error
        else {
            return error.into();
        };
        match self.store().attachment(tenant_id, attachment_id).await {
            Ok(Some(taken)) => {
                AppError::RefusedWith { refusal, details: view::detail("attachment", attachment_view(taken)) }
            }
            Ok(None) => refusal.into(),
            Err(error) => error.into(),
        }
    }

    /// The host's reason why it could not mount the volume in the computer.
    async fn attach_refusal(&self, attachment: AttachmentRecord) -> Result<AppError, AppError> {
        let failure = attachment.error.unwrap_or_else(|| Failure {
            code: FailureCode::HostError,
            message: "the host could not attach the volume".into(),
        });
        Ok(match failure.code {
            FailureCode::MountPathUnusable => {
                AppError::Invalid { field: "mount_path", message: failure.message }
            }
            FailureCode::InsufficientCapacity => {
                self.no_room_refusal(attachment.host_id, failure).await?.into()
            }
            _ => Refusal::HostRefused { code: "VOLUME_NOT_READY", message: failure.message }.into(),
        })
    }
}

fn detach_refusal(volume_id: miosa_domain::VolumeId, obstacle: DetachObstacle) -> Refusal {
    match obstacle {
        DetachObstacle::Busy(holders) => Refusal::VolumeBusy { volume_id, holders },
        DetachObstacle::Failed(failure) => {
            Refusal::HostRefused { code: "VOLUME_NOT_READY", message: failure.message }
        }
    }
}
