//! Restores and forks: parse, call the verb, answer.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use miosa_api::v1::snapshots::{CloneVolume, RestoreSnapshot};
use miosa_api::v1::volumes::Volume;
use miosa_control::{CopySource, NewCopy, SnapshotPath, now};
use miosa_domain::{SnapshotId, VolumeId};

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::query::{Id, Ids};
use super::route::{Created, Docs, Object, Output, routes};
use super::{ApiError, Http, Request, volumes};
use crate::auth::VOLUMES_WRITE;

const FORK_SUFFIX: &str = "-fork";
const RESTORED_SUFFIX: &str = "-restored";

routes! {
    "snapshots";

    /// Fork a volume as it is now, or as one of its snapshots was: a writable volume, independent from then on.
    post "/volumes/{id}/clone" clone_volume: clone, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        201 "The new volume.";
        409 "`VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY`, \
            `STALL_BUDGET` or `WRITE_BACK_TIMEOUT`.";
        example {"name": "preview-17", "ttl": "3d"};

    /// Restore a volume to one of its snapshots: in place, or as a new volume when it has a `name` or `as_new`.
    ///
    /// In place, the present is saved in a safety snapshot first, so that a restore can be undone. Computers that use the volume
    /// refuse it, or with `force` are stopped before and started again afterwards.
    post "/volumes/{id}/restore" restore_volume: of_volume, VOLUMES_WRITE, Lost::rebuilt(restored);
        200 "The volume, restored in place; `restoring` when that takes long.";
        201 "The new volume.";
        409 "`VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `NO_SNAPSHOT_AVAILABLE`, \
            `VOLUME_LIMIT_REACHED`, `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`.";
        example {"snapshot_id": "0198c0de-0000-7000-8000-000000000001", "force": true};

    /// Restore a snapshot: in place, or as a new volume when it has a `name` or `as_new`.
    post "/volumes/{id}/snapshots/{snapshot_id}/restore" restore_volume_snapshot: of_volume_snapshot, VOLUMES_WRITE, Lost::rebuilt(restored);
        200 "The volume, restored in place.";
        201 "The new volume.";
        409 "`VOLUME_IN_USE`, `VOLUME_NOT_READY`, `SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED`, \
            `INSUFFICIENT_CAPACITY` or `RESTORE_FAILED`.";
        example {"name": "recovered", "size_gb": 100};

    /// Restore a snapshot as a new volume, whether its own is there or not.
    post "/volume-snapshots/{snapshot_id}/restore" restore_snapshot: of_snapshot, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        201 "The new volume.";
        409 "`SNAPSHOT_NOT_READY`, `VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.";
        example {"name": "recovered"};
}

/// `POST /volumes/{id}/restore`: the body names the snapshot.
pub(super) async fn of_volume(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(body): Body<RestoreSnapshot>,
) -> Result<Restored, ApiError> {
    let Some(id) = body.snapshot_id.clone().filter(|id| !id.is_empty()) else {
        http.app.refuse_unnamed_snapshot(&request.caller, volume_id).await?;
        return Err(ApiError::missing("snapshot_id"));
    };
    let id = fields::id(&id).map_err(|message| ApiError::invalid("snapshot_id", message))?;
    restore(http, request, volume_id, id, body).await
}

/// `POST /volumes/{id}/snapshots/{snapshot_id}/restore`: the path names it.
pub(super) async fn of_volume_snapshot(
    State(http): State<Http>,
    request: Request,
    Ids(volume_id, id): Ids<VolumeId, SnapshotId>,
    Body(body): Body<RestoreSnapshot>,
) -> Result<Restored, ApiError> {
    restore(http, request, volume_id, id, body).await
}

/// By the snapshot alone: always as a new volume.
pub(super) async fn of_snapshot(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<SnapshotId>,
    Body(body): Body<RestoreSnapshot>,
) -> Result<Created<Volume>, ApiError> {
    as_new(&http, request, SnapshotPath { of: None, id }, body).await.map(Created)
}

/// A volume restored in place (200), or a new one (201).
pub(super) enum Restored {
    InPlace(Volume),
    AsNew(Volume),
}

impl IntoResponse for Restored {
    fn into_response(self) -> Response {
        match self {
            Self::InPlace(volume) => Object(volume).into_response(),
            Self::AsNew(volume) => Created(volume).into_response(),
        }
    }
}

impl Output for Restored {
    fn describe(docs: &mut Docs) {
        Object::<Volume>::describe(docs);
    }
}

/// The volume of a restore whose response was lost: a new one is another than its path names.
async fn restored(call: LostCall, id: VolumeId) -> Result<Restored, ApiError> {
    let in_place = call.path.contains(&id.to_string());
    let volume = volumes::now(call, id).await?;
    Ok(if in_place { Restored::InPlace(volume) } else { Restored::AsNew(volume) })
}

async fn restore(
    http: Http,
    request: Request,
    volume_id: VolumeId,
    id: SnapshotId,
    body: RestoreSnapshot,
) -> Result<Restored, ApiError> {
    if body.as_new.unwrap_or(false) || body.name.as_deref().is_some_and(|name| !name.is_empty()) {
        let path = SnapshotPath { of: Some(volume_id), id };
        return as_new(&http, request, path, body).await.map(Restored::AsNew);
    }
    in_place(http, request, volume_id, id, body).await.map(Restored::InPlace)
}

async fn as_new(
    http: &Http,
    request: Request,
    path: SnapshotPath,
    body: RestoreSnapshot,
) -> Result<Volume, ApiError> {
    let copy = new_copy(http, &request, about_new_volume(body))?;
    let source = CopySource::Snapshot(path);
    Ok(http.app.copy_volume(&request.caller, source, RESTORED_SUFFIX, copy, request.idempotency).await?)
}

async fn in_place(
    http: Http,
    request: Request,
    volume_id: VolumeId,
    snapshot_id: SnapshotId,
    body: RestoreSnapshot,
) -> Result<Volume, ApiError> {
    const MESSAGE: &str = "is of a new volume only; give it a name, or as_new: true";
    let mut problems = Problems::default();
    for (field, is_given) in [
        ("size_gb", body.size_gb.is_some()),
        ("size_bytes", body.size_bytes.is_some()),
        ("ttl", body.ttl.is_some()),
    ] {
        if is_given {
            problems.add(field, MESSAGE);
        }
    }
    problems.none()?;
    let force = body.force.unwrap_or(false);
    let volume = http
        .app
        .restore_in_place(&request.caller, volume_id, snapshot_id, force, request.idempotency)
        .await?;
    Ok(volume)
}

/// `POST /volumes/{id}/clone`: of the volume as it is now, or of one of its snapshots.
pub(super) async fn clone(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(mut body): Body<CloneVolume>,
) -> Result<Created<Volume>, ApiError> {
    let mut problems = Problems::default();
    let snapshot_id = problems.check_text("snapshot_id", body.snapshot_id.take(), fields::id);
    problems.none()?;
    let source = match snapshot_id {
        Some(id) => CopySource::Snapshot(SnapshotPath { of: Some(volume_id), id }),
        None => CopySource::Volume { id: volume_id, whatever_the_wait: body.now.unwrap_or(false) },
    };
    let copy = new_copy(&http, &request, body)?;
    let made = http.app.copy_volume(&request.caller, source, FORK_SUFFIX, copy, request.idempotency).await?;
    Ok(Created(made))
}

/// What a restore says about its new volume is what a fork says.
fn about_new_volume(body: RestoreSnapshot) -> CloneVolume {
    CloneVolume {
        name: body.name,
        size_gb: body.size_gb,
        size_bytes: body.size_bytes,
        ttl: body.ttl,
        project_id: body.project_id,
        metadata: body.metadata,
        ..CloneVolume::default()
    }
}

fn new_copy(http: &Http, request: &Request, body: CloneVolume) -> Result<NewCopy, ApiError> {
    let mut problems = Problems::default();
    let workspace = request.workspace.clone();
    let copy = NewCopy {
        name: problems.check_text("name", body.name, |name| fields::name(name.to_owned())),
        size: fields::asked_size(&mut problems, &http.limits, body.size_gb, body.size_bytes),
        project_id: problems.check_text("project_id", body.project_id, fields::id),
        workspace_id: problems.check_text("workspace_id", workspace, fields::label),
        metadata: problems.check("metadata", body.metadata, fields::metadata).unwrap_or_default(),
        expires_at: problems.check("ttl", body.ttl, |ttl| fields::expiry(ttl, now())),
    };
    problems.none()?;
    Ok(copy)
}
