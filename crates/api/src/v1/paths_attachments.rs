//! The routes of attachments, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use super::attachments::{Attachment, CreateAttachment};
use super::volumes::Deleted;
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// List a computer's attachments, newest first.
#[utoipa::path(get, path = "/computers/{computer_id}/volumes", tag = "attachments",
    params(("computer_id" = Uuid, Path, description = "Computer"), crate::page::PageQuery),
    responses((status = 200, description = "One page of attachments.", body = List<Attachment>)))]
fn list_attachments() {}

/// Attach a volume to a computer, running or stopped.
///
/// The answer waits until the files are visible inside, for at most 15 seconds; after that it is `attaching`.
#[utoipa::path(post, path = "/computers/{computer_id}/volumes", tag = "attachments",
    params(("computer_id" = Uuid, Path, description = "Computer"), crate::openapi::IdempotencyKey),
    request_body(content = CreateAttachment,
        example = json!({"volume_id": "0198c0de-0000-7000-8000-000000000001", "mount_path": "/mnt/data"})),
    responses(
        (status = 201, description = "The attachment.", body = Twin<Attachment>),
        (status = 409, description = "`VOLUME_ATTACHED` (with the attachment in `details`), `MOUNT_PATH_IN_USE`, \
            `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY`, `INSUFFICIENT_CAPACITY` or `RESOURCE_STATE`.", body = ErrorEnvelope),
    ))]
fn attach_volume() {}

/// Get one of a computer's attachments.
#[utoipa::path(get, path = "/computers/{computer_id}/volumes/{attachment_id}", tag = "attachments",
    params(
        ("computer_id" = Uuid, Path, description = "Computer"),
        ("attachment_id" = Uuid, Path, description = "Attachment"),
    ),
    responses((status = 200, description = "The attachment.", body = Twin<Attachment>)))]
fn get_computer_attachment() {}

/// Detach a volume from a computer.
///
/// Everything written is flushed first. While processes hold files open, the call waits up to 5 seconds for them, then answers
/// `VOLUME_IN_USE` with the processes in `details.holders` and changes nothing.
#[utoipa::path(delete, path = "/computers/{computer_id}/volumes/{attachment_id}", tag = "attachments",
    params(
        ("computer_id" = Uuid, Path, description = "Computer"),
        ("attachment_id" = Uuid, Path, description = "Attachment"),
        ("force" = Option<bool>, Query, description = "End the processes that hold files open."),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "The volume is available again.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE` or `RESOURCE_STATE`.", body = ErrorEnvelope),
    ))]
fn detach_volume() {}

/// Get an attachment by its id alone.
#[utoipa::path(get, path = "/volume-attachments/{id}", tag = "attachments",
    params(("id" = Uuid, Path, description = "Attachment")),
    responses((status = 200, description = "The attachment.", body = Twin<Attachment>)))]
fn get_attachment() {}

/// Detach a volume by the attachment's id alone.
#[utoipa::path(delete, path = "/volume-attachments/{id}", tag = "attachments",
    params(
        ("id" = Uuid, Path, description = "Attachment"),
        ("force" = Option<bool>, Query, description = "End the processes that hold files open."),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "The volume is available again.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE` or `RESOURCE_STATE`.", body = ErrorEnvelope),
    ))]
fn delete_attachment() {}
