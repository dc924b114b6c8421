//! The routes of volumes, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;
use uuid::Uuid;

use super::volumes::{CreateVolume, Deleted, ResizeVolume, UpdateVolume, Volume};
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// Narrows a list of volumes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct VolumeFilters {
    /// Only volumes in this state; `deleted` lists the trash.
    status: Option<String>,
    /// The same as `status`.
    state: Option<String>,
    name: Option<String>,
    project_id: Option<Uuid>,
    workspace_id: Option<String>,
    region: Option<String>,
    /// Only volumes attached to this computer.
    attached_to: Option<Uuid>,
}

/// List volumes, newest first.
#[utoipa::path(get, path = "/volumes", tag = "volumes", params(crate::page::PageQuery, VolumeFilters),
    responses((status = 200, description = "One page of volumes.", body = List<Volume>)))]
fn list_volumes() {}

/// Create a volume.
///
/// The answer waits until the volume is durable on its host, for at most 15 seconds; after that it is `creating`.
#[utoipa::path(post, path = "/volumes", tag = "volumes", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateVolume,
        example = json!({"name": "model-weights", "size_bytes": 53_687_091_200_u64, "backend": "local"})),
    responses(
        (status = 201, description = "The volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.", body = ErrorEnvelope),
    ))]
fn create_volume() {}

/// Get a volume.
#[utoipa::path(get, path = "/volumes/{id}", tag = "volumes", params(("id" = Uuid, Path, description = "Volume")),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn get_volume() {}

/// Change a volume: its name, metadata, delete protection, snapshot schedule, retention or hooks.
#[utoipa::path(patch, path = "/volumes/{id}", tag = "volumes",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateVolume, example = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7})),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn update_volume() {}

/// Move a volume to the trash.
///
/// It answers 404 from then on and can be brought back with `undelete` while the trash keeps it.
#[utoipa::path(delete, path = "/volumes/{id}", tag = "volumes",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("purge" = Option<bool>, Query, description = "Remove it for good. Not available yet: 422 when true."),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "The volume is in the trash.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn delete_volume() {}

/// Bring a volume back from the trash.
#[utoipa::path(post, path = "/volumes/{id}/undelete", tag = "volumes",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_LIMIT_REACHED` or `VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn undelete_volume() {}

/// Change a volume's size.
///
/// Growing in place is not available yet: any other than the present size is refused (422). A fork or a restore as a new
/// volume may be larger.
#[utoipa::path(post, path = "/volumes/{id}/resize", tag = "volumes",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = ResizeVolume, example = json!({"size_gb": 50})),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn resize_volume() {}

/// Compact a volume's image, so that its writers hardly wait for the next snapshot. They go on meanwhile.
///
/// The answer waits until that is done or given up, for at most 15 seconds; after that `compaction` is `running`.
#[utoipa::path(post, path = "/volumes/{id}/compact", tag = "volumes",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The volume, with its `compaction`.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn compact_volume() {}
