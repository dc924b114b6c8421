//! Restores and forks: parse, call the verb, answer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::v1::snapshots::{CloneVolume, RestoreSnapshot};
use miosa_domain::{SnapshotId, VolumeId};

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, SnapshotInPath};
use super::{ApiError, Http, Request, twin};
use miosa_control::{CopySource, NewCopy, SnapshotPath, now};

const FORK_SUFFIX: &str = "-fork";
const RESTORED_SUFFIX: &str = "-restored";

/// `POST /volumes/{id}/restore`: the body names the snapshot.
pub(super) async fn of_volume(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(body): Body<RestoreSnapshot>,
) -> Result<Response, ApiError> {
    let Some(id) = body.snapshot_id.clone().filter(|id| !id.is_empty()) else {
        http.app.refuse_unnamed_snapshot(&request.caller, volume_id).await?;
        return Err(ApiError::missing("snapshot_id"));
    };
    let id = fields::id(&id).map_err(|message| ApiError::invalid("snapshot_id", message))?;
    restore(http, request, SnapshotPath { of: Some(volume_id), id }, body).await
}

/// `POST …/snapshots/{snapshot_id}/restore` below a volume, or by the snapshot alone: then always as a new volume.
pub(super) async fn of_snapshot(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
    Body(body): Body<RestoreSnapshot>,
) -> Result<Response, ApiError> {
    restore(http, request, path, body).await
}

async fn restore(
    http: Http,
    request: Request,
    path: SnapshotPath,
    body: RestoreSnapshot,
) -> Result<Response, ApiError> {
    let as_new = body.as_new.unwrap_or(false) || body.name.as_deref().is_some_and(|name| !name.is_empty());
    match path.of {
        Some(volume_id) if !as_new => in_place(http, request, volume_id, path.id, body).await,
        _ => {
            let copy = new_copy(&http, &request, about_new_volume(body))?;
            let source = CopySource::Snapshot(path);
            let made = http
                .app
                .copy_volume(&request.caller, source, RESTORED_SUFFIX, copy, request.idempotency)
                .await?;
            Ok(twin(StatusCode::CREATED, made))
        }
    }
}

async fn in_place(
    http: Http,
    request: Request,
    volume_id: VolumeId,
    snapshot_id: SnapshotId,
    body: RestoreSnapshot,
) -> Result<Response, ApiError> {
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
    Ok(twin(StatusCode::OK, volume))
}

/// `POST /volumes/{id}/clone`: of the volume as it is now, or of one of its snapshots.
pub(super) async fn clone(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(mut body): Body<CloneVolume>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let snapshot_id = problems.check_text("snapshot_id", body.snapshot_id.take(), fields::id);
    problems.none()?;
    let source = match snapshot_id {
        Some(id) => CopySource::Snapshot(SnapshotPath { of: Some(volume_id), id }),
        None => CopySource::Volume { id: volume_id, whatever_the_wait: body.now.unwrap_or(false) },
    };
    let copy = new_copy(&http, &request, body)?;
    let made = http.app.copy_volume(&request.caller, source, FORK_SUFFIX, copy, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, made))
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
