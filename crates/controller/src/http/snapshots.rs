//! Snapshots: parse, call the verb, answer. Each route stands below its volume and, for snapshots that outlive theirs, by
//! itself; one handler serves both.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::snapshots::{CreateSnapshot, PruneSnapshots, Snapshot, UpdateSnapshot};
use miosa_domain::VolumeId;

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, Query, SnapshotInPath};
use super::{ApiError, Http, Request, paging, twin};
use miosa_control::{NewSnapshot, SnapshotChange, now};

/// Those of one volume that is there.
pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    query: Query,
) -> Result<Json<List<Snapshot>>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_volume_snapshots(&request.caller, volume_id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

/// Those of all volumes, also of volumes that are gone.
pub(super) async fn list_all(
    State(http): State<Http>,
    request: Request,
    query: Query,
) -> Result<Json<List<Snapshot>>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let volume_id = query.id("volume_id")?;
    let page = http.app.list_snapshots(&request.caller, volume_id, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(body): Body<CreateSnapshot>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let new = NewSnapshot {
        name: problems.check_text("name", body.name, |name| fields::name(name.to_owned())),
        metadata: problems.check("metadata", body.metadata, fields::metadata).unwrap_or_default(),
        protected: body.protected.unwrap_or(false),
        now: body.now.unwrap_or(false),
        expires_at: problems.check("ttl", body.ttl, |ttl| fields::expiry(ttl, now())),
        hooks: fields::hooks(
            &mut problems,
            body.before_snapshot,
            body.after_snapshot,
            body.hook_timeout_seconds,
        ),
    };
    problems.none()?;
    let snapshot = http.app.create_snapshot(&request.caller, volume_id, new, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, snapshot))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_snapshot(&request.caller, path).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
    Body(body): Body<UpdateSnapshot>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let change = SnapshotChange {
        name: problems.check("name", body.name, fields::name),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
        protected: body.protected,
    };
    problems.none()?;
    let snapshot = http.app.update_snapshot(&request.caller, path, change, request.idempotency).await?;
    Ok(twin(StatusCode::OK, snapshot))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Response, ApiError> {
    let deleted = http.app.delete_snapshot(&request.caller, path, request.idempotency).await?;
    Ok(twin(StatusCode::OK, deleted))
}

pub(super) async fn verify(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.verify_snapshot(&request.caller, path, request.idempotency).await?))
}

/// Whatever has expired goes, whoever asks and however often, so a repeated call needs no memory of the first.
pub(super) async fn prune(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<PruneSnapshots>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let volume_id = problems.check_text("volume_id", body.volume_id, fields::id);
    problems.none()?;
    let dry_run = body.dry_run.unwrap_or(false);
    Ok(twin(StatusCode::OK, http.app.prune_snapshots(&request.caller, volume_id, dry_run).await?))
}
