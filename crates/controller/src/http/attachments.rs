//! Attachments: parse, call the verb, answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::attachments::{Attachment, CreateAttachment};
use miosa_domain::{AttachmentId, ComputerId, MountPath};

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, Ids, Query};
use super::{ApiError, Http, Request, paging, twin};
use miosa_control::NewAttachment;

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(computer_id): Id<ComputerId>,
    query: Query,
) -> Result<Json<List<Attachment>>, ApiError> {
    let part = paging::list_request(&query, None)?;
    let page = http.app.list_attachments(&request.caller, computer_id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn attach(
    State(http): State<Http>,
    request: Request,
    Id(computer_id): Id<ComputerId>,
    Body(body): Body<CreateAttachment>,
) -> Result<Response, ApiError> {
    let volume_id = body.volume_id.ok_or_else(|| ApiError::missing("volume_id"))?;
    let mut problems = Problems::default();
    let volume_id = problems.check("volume_id", Some(volume_id.as_str()), fields::id);
    let mount_path = problems.check_text("mount_path", body.mount_path, MountPath::parse);
    problems.none()?;
    let Some(volume_id) = volume_id else { return Err(ApiError::missing("volume_id")) };
    let new = NewAttachment { volume_id, mount_path, read_only: body.read_only.unwrap_or(false) };
    let attachment = http.app.attach(&request.caller, computer_id, new, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, attachment))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<AttachmentId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_attachment(&request.caller, id).await?))
}

pub(super) async fn get_of_computer(
    State(http): State<Http>,
    request: Request,
    Ids(computer_id, id): Ids<ComputerId, AttachmentId>,
) -> Result<Response, ApiError> {
    let attachment = http.app.get_attachment(&request.caller, id).await?;
    if attachment.computer_id != computer_id.to_string() {
        return Err(ApiError::not_found("attachment"));
    }
    Ok(twin(StatusCode::OK, attachment))
}

pub(super) async fn detach(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<AttachmentId>,
    query: Query,
) -> Result<Response, ApiError> {
    let force = query.flag("force")?;
    let detached = http.app.detach(&request.caller, None, id, force, request.idempotency).await?;
    Ok(twin(StatusCode::OK, detached))
}

pub(super) async fn detach_from_computer(
    State(http): State<Http>,
    request: Request,
    Ids(computer_id, id): Ids<ComputerId, AttachmentId>,
    query: Query,
) -> Result<Response, ApiError> {
    let force = query.flag("force")?;
    let detached =
        http.app.detach(&request.caller, Some(computer_id), id, force, request.idempotency).await?;
    Ok(twin(StatusCode::OK, detached))
}
