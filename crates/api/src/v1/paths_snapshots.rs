//! The routes of snapshots, restores and forks, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;
use uuid::Uuid;

use super::snapshots::{
    CloneVolume, CreateSnapshot, PrunePlan, PruneSnapshots, RestoreSnapshot, Snapshot, UpdateSnapshot,
};
use super::volumes::{Deleted, Volume};
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// Narrows a list of snapshots.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct SnapshotFilters {
    /// Only snapshots in this state.
    status: Option<String>,
    /// The same as `status`.
    state: Option<String>,
    name: Option<String>,
    project_id: Option<Uuid>,
    region: Option<String>,
}

/// List a volume's snapshots, newest first.
#[utoipa::path(get, path = "/volumes/{id}/snapshots", tag = "snapshots",
    params(("id" = Uuid, Path, description = "Volume"), crate::page::PageQuery, SnapshotFilters),
    responses((status = 200, description = "One page of snapshots.", body = List<Snapshot>)))]
fn list_snapshots() {}

/// Take a snapshot of a volume, in use or not.
///
/// Everything written before the call is in it, and nothing written after its instant (`taken_at`). The answer waits until it
/// is `ready`, for at most 15 seconds; after that it is `creating`, and `phase` says what is being done. One that failed
/// stays for a day to be looked at; it is in `error.details.snapshot`.
#[utoipa::path(post, path = "/volumes/{id}/snapshots", tag = "snapshots",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = CreateSnapshot, example = json!({"name": "before-upgrade", "protected": true})),
    responses(
        (status = 201, description = "The snapshot.", body = Twin<Snapshot>),
        (status = 409, description = "`VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`; or it failed: `STALL_BUDGET`, \
            `WRITE_BACK_TIMEOUT`, `HOOK_FAILED` or `SNAPSHOT_FAILED`.", body = ErrorEnvelope),
    ))]
fn create_snapshot() {}

/// Get a snapshot of a volume.
#[utoipa::path(get, path = "/volumes/{id}/snapshots/{snapshot_id}", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
    ),
    responses((status = 200, description = "The snapshot.", body = Twin<Snapshot>)))]
fn get_volume_snapshot() {}

/// Change a snapshot's name, metadata or protection. Its data never changes.
#[utoipa::path(patch, path = "/volumes/{id}/snapshots/{snapshot_id}", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        crate::openapi::IdempotencyKey,
    ),
    request_body(content = UpdateSnapshot, example = json!({"protected": true})),
    responses((status = 200, description = "The snapshot.", body = Twin<Snapshot>)))]
fn update_volume_snapshot() {}

/// Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds.
#[utoipa::path(delete, path = "/volumes/{id}/snapshots/{snapshot_id}", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is gone.", body = Twin<Deleted>),
        (status = 409, description = "`PROTECTED` or `SNAPSHOT_IN_USE`.", body = ErrorEnvelope),
    ))]
fn delete_volume_snapshot() {}

/// Restore a snapshot: in place, or as a new volume when it has a `name` or `as_new`.
#[utoipa::path(post, path = "/volumes/{id}/snapshots/{snapshot_id}/restore", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        crate::openapi::IdempotencyKey,
    ),
    request_body(content = RestoreSnapshot, example = json!({"name": "recovered", "size_gb": 100})),
    responses(
        (status = 200, description = "The volume, restored in place.", body = Twin<Volume>),
        (status = 201, description = "The new volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, \
            `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`.", body = ErrorEnvelope),
    ))]
fn restore_volume_snapshot() {}

/// Compare a snapshot's data with the checksum that it was taken with.
///
/// The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
#[utoipa::path(post, path = "/volumes/{id}/snapshots/{snapshot_id}/verify", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "The snapshot, with its `verification`.", body = Twin<Snapshot>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn verify_volume_snapshot() {}

/// Restore a volume to one of its snapshots: in place, or as a new volume when it has a `name` or `as_new`.
///
/// In place, the present is saved in a safety snapshot first, so that a restore can be undone. Computers that use the volume
/// refuse it, or with `force` are stopped before and started again afterwards.
#[utoipa::path(post, path = "/volumes/{id}/restore", tag = "snapshots",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = RestoreSnapshot,
        example = json!({"snapshot_id": "0198c0de-0000-7000-8000-000000000001", "force": true})),
    responses(
        (status = 200, description = "The volume, restored in place; `restoring` when that takes long.",
            body = Twin<Volume>),
        (status = 201, description = "The new volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `NO_SNAPSHOT_AVAILABLE`, \
            `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`.", body = ErrorEnvelope),
    ))]
fn restore_volume() {}

/// Fork a volume as it is now, or as one of its snapshots was: a writable volume, independent from then on.
#[utoipa::path(post, path = "/volumes/{id}/clone", tag = "snapshots",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = CloneVolume, example = json!({"name": "preview-17", "ttl": "3d"})),
    responses(
        (status = 201, description = "The new volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, \
            `INSUFFICIENT_CAPACITY`, `STALL_BUDGET` or `WRITE_BACK_TIMEOUT`.", body = ErrorEnvelope),
    ))]
fn clone_volume() {}

/// List the snapshots of all volumes, newest first, also of volumes that are gone.
#[utoipa::path(get, path = "/volume-snapshots", tag = "snapshots",
    params(
        ("volume_id" = Option<Uuid>, Query, description = "Only of this volume, which may be gone."),
        crate::page::PageQuery, SnapshotFilters,
    ),
    responses((status = 200, description = "One page of snapshots.", body = List<Snapshot>)))]
fn list_all_snapshots() {}

/// Remove the snapshots that have expired, as it also happens by itself; a dry run only says which.
#[utoipa::path(post, path = "/volume-snapshots/prune", tag = "snapshots",
    params(crate::openapi::IdempotencyKey),
    request_body(content = PruneSnapshots, example = json!({"dry_run": true})),
    responses((status = 200, description = "What goes, and what stays though it has expired.",
        body = Twin<PrunePlan>)))]
fn prune_snapshots() {}

/// Get a snapshot, whether its volume is there or not.
#[utoipa::path(get, path = "/volume-snapshots/{snapshot_id}", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot")),
    responses((status = 200, description = "The snapshot.", body = Twin<Snapshot>)))]
fn get_snapshot() {}

/// Change a snapshot's name, metadata or protection. Its data never changes.
#[utoipa::path(patch, path = "/volume-snapshots/{snapshot_id}", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateSnapshot, example = json!({"name": "last-good"})),
    responses((status = 200, description = "The snapshot.", body = Twin<Snapshot>)))]
fn update_snapshot() {}

/// Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds.
#[utoipa::path(delete, path = "/volume-snapshots/{snapshot_id}", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "It is gone.", body = Twin<Deleted>),
        (status = 409, description = "`PROTECTED` or `SNAPSHOT_IN_USE`.", body = ErrorEnvelope),
    ))]
fn delete_snapshot() {}

/// Restore a snapshot as a new volume, whether its own is there or not.
#[utoipa::path(post, path = "/volume-snapshots/{snapshot_id}/restore", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), crate::openapi::IdempotencyKey),
    request_body(content = RestoreSnapshot, example = json!({"name": "recovered"})),
    responses(
        (status = 201, description = "The new volume.", body = Twin<Volume>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.",
            body = ErrorEnvelope),
    ))]
fn restore_snapshot() {}

/// Compare a snapshot's data with the checksum that it was taken with.
///
/// The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
#[utoipa::path(post, path = "/volume-snapshots/{snapshot_id}/verify", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The snapshot, with its `verification`.", body = Twin<Snapshot>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn verify_snapshot() {}
