//! Attachments: parse, call the verb, answer.

use axum::extract::State;
use miosa_api::page::PageQuery;
use miosa_api::v1::attachments::{Attachment, CreateAttachment, Detach};
use miosa_api::v1::volumes::Deleted;
use miosa_control::NewAttachment;
use miosa_domain::{AttachmentId, ComputerId, MountPath};

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::query::{Id, Ids, Query};
use super::route::{Created, Listed, Object, routes};
use super::{ApiError, Http, Request, paging};
use crate::auth::{VOLUMES_READ, VOLUMES_WRITE};

routes! {
    "attachments";

    /// List a computer's attachments, newest first.
    get "/computers/{computer_id}/volumes" list_attachments: list, VOLUMES_READ;
        200 "One page of attachments.";

    /// Attach a volume to a computer, running or stopped.
    ///
    /// The answer waits until the files are visible inside, for at most 15 seconds; after that it is `attaching`.
    post "/computers/{computer_id}/volumes" attach_volume: attach, VOLUMES_WRITE, Lost::rebuilt(now);
        201 "The attachment.";
        409 "`VOLUME_ATTACHED` (with the attachment in `details`), `MOUNT_PATH_IN_USE`, \
            `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY`, `INSUFFICIENT_CAPACITY`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`.";
        example {"volume_id": "0198c0de-0000-7000-8000-000000000001", "mount_path": "/mnt/data"};

    /// Get one of a computer's attachments.
    get "/computers/{computer_id}/volumes/{attachment_id}" get_computer_attachment: get_of_computer, VOLUMES_READ;
        200 "The attachment.";

    /// Detach a volume from a computer.
    ///
    /// Everything written is flushed first. While processes hold files open, the call waits up to 5 seconds for them, then answers
    /// `VOLUME_IN_USE` with the processes in `details.holders` and changes nothing.
    delete "/computers/{computer_id}/volumes/{attachment_id}" detach_volume: detach_from_computer, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is available again.";
        409 "`VOLUME_IN_USE`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`.";

    /// Get an attachment by its id alone.
    get "/volume-attachments/{id}" get_attachment: get, VOLUMES_READ;
        200 "The attachment.";

    /// Detach a volume by the attachment's id alone.
    delete "/volume-attachments/{id}" delete_attachment: detach, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is available again.";
        409 "`VOLUME_IN_USE`, `RESOURCE_STATE` or `MANAGED_BY_SERVICE`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(computer_id): Id<ComputerId>,
    query: Query<PageQuery>,
) -> Result<Listed<Attachment>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_attachments(&request.caller, computer_id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn attach(
    State(http): State<Http>,
    request: Request,
    Id(computer_id): Id<ComputerId>,
    Body(body): Body<CreateAttachment>,
) -> Result<Created<Attachment>, ApiError> {
    let volume_id = body.volume_id.ok_or_else(|| ApiError::missing("volume_id"))?;
    let mut problems = Problems::default();
    let volume_id = problems.check("volume_id", Some(volume_id.as_str()), fields::id);
    let mount_path = problems.check_text("mount_path", body.mount_path, MountPath::parse);
    problems.none()?;
    let Some(volume_id) = volume_id else { return Err(ApiError::missing("volume_id")) };
    let new = NewAttachment { volume_id, mount_path, read_only: body.read_only.unwrap_or(false) };
    let attachment = http.app.attach(&request.caller, computer_id, new, request.idempotency).await?;
    Ok(Created(attachment))
}

/// The attachment of a call whose response was lost.
async fn now(call: LostCall, id: AttachmentId) -> Result<Attachment, ApiError> {
    Ok(call.http.app.get_attachment(&call.caller, id).await?)
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<AttachmentId>,
) -> Result<Object<Attachment>, ApiError> {
    Ok(Object(http.app.get_attachment(&request.caller, id).await?))
}

pub(super) async fn get_of_computer(
    State(http): State<Http>,
    request: Request,
    Ids(computer_id, id): Ids<ComputerId, AttachmentId>,
) -> Result<Object<Attachment>, ApiError> {
    let attachment = http.app.get_attachment(&request.caller, id).await?;
    if attachment.computer_id != computer_id.to_string() {
        return Err(ApiError::not_found("attachment"));
    }
    Ok(Object(attachment))
}

pub(super) async fn detach(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<AttachmentId>,
    query: Query<Detach>,
) -> Result<Object<Deleted>, ApiError> {
    let force = query.flag("force")?;
    let detached = http.app.detach(&request.caller, None, id, force, request.idempotency).await?;
    Ok(Object(detached))
}

pub(super) async fn detach_from_computer(
    State(http): State<Http>,
    request: Request,
    Ids(computer_id, id): Ids<ComputerId, AttachmentId>,
    query: Query<Detach>,
) -> Result<Object<Deleted>, ApiError> {
    let force = query.flag("force")?;
    let detached =
        http.app.detach(&request.caller, Some(computer_id), id, force, request.idempotency).await?;
    Ok(Object(detached))
}
