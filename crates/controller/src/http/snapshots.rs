//! Snapshots: parse, call the verb, answer. Each route stands below its volume and, for snapshots that outlive theirs, by
//! itself; one handler serves both.

use axum::extract::State;
use miosa_api::v1::snapshots::{
    CreateSnapshot, OfVolume, PrunePlan, PruneSnapshots, Snapshot, SnapshotFilters, UpdateSnapshot,
};
use miosa_api::v1::volumes::Deleted;
use miosa_control::{NewSnapshot, SnapshotChange, SnapshotPath};
use miosa_domain::{SnapshotId, VolumeId};

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::paging::{self, Paged};
use super::query::{Id, Query, SnapshotInPath};
use super::route::{Created, Listed, Object, routes};
use super::{ApiError, Http, Request};
use crate::auth::{VOLUMES_READ, VOLUMES_WRITE};

routes! {
    "snapshots";

    /// List a volume's snapshots, newest first.
    get "/volumes/{id}/snapshots" list_snapshots: list, VOLUMES_READ;
        200 "One page of snapshots.";

    /// Take a snapshot of a volume, in use or not.
    ///
    /// Everything written before the call is in it, and nothing written after its instant (`taken_at`). The answer waits until it
    /// is `ready`, for at most 15 seconds; after that it is `creating`, and `phase` says what is being done. One that failed
    /// stays for a day to be looked at; it is in `error.details.snapshot`.
    post "/volumes/{id}/snapshots" create_snapshot: create, VOLUMES_WRITE, Lost::rebuilt(now);
        201 "The snapshot.";
        409 "`VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`; or it failed: `STALL_BUDGET`, \
            `WRITE_BACK_TIMEOUT`, `HOOK_FAILED` or `SNAPSHOT_FAILED`.";
        example {"name": "before-upgrade", "protected": true};

    /// Get a snapshot of a volume.
    get "/volumes/{id}/snapshots/{snapshot_id}" get_volume_snapshot: get, VOLUMES_READ;
        200 "The snapshot.";

    /// Change a snapshot's name, metadata or protection. Its data never changes.
    patch "/volumes/{id}/snapshots/{snapshot_id}" update_volume_snapshot: update, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The snapshot.";
        example {"protected": true};

    /// Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds.
    delete "/volumes/{id}/snapshots/{snapshot_id}" delete_volume_snapshot: delete, VOLUMES_WRITE, Lost::deleted();
        200 "It is gone.";
        409 "`PROTECTED` or `SNAPSHOT_IN_USE`.";

    /// Compare a snapshot's data with the checksum that it was taken with.
    ///
    /// The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
    post "/volumes/{id}/snapshots/{snapshot_id}/verify" verify_volume_snapshot: verify, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The snapshot, with its `verification`.";
        409 "`SNAPSHOT_NOT_READY`.";

    /// List the snapshots of all volumes, newest first, also of volumes that are gone.
    get "/volume-snapshots" list_all_snapshots: list_all, VOLUMES_READ;
        200 "One page of snapshots.";

    /// Remove the snapshots that have expired, as it also happens by itself; a dry run only says which.
    post "/volume-snapshots/prune" prune_snapshots: prune, VOLUMES_WRITE, Lost::kept_in_process();
        200 "What goes, and what stays though it has expired.";
        example {"dry_run": true};

    /// Get a snapshot, whether its volume is there or not.
    get "/volume-snapshots/{snapshot_id}" get_snapshot: get, VOLUMES_READ;
        200 "The snapshot.";

    /// Change a snapshot's name, metadata or protection. Its data never changes.
    patch "/volume-snapshots/{snapshot_id}" update_snapshot: update, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The snapshot.";
        example {"name": "last-good"};

    /// Delete a snapshot. The answer waits until its space is given back, for at most 15 seconds.
    delete "/volume-snapshots/{snapshot_id}" delete_snapshot: delete, VOLUMES_WRITE, Lost::deleted();
        200 "It is gone.";
        409 "`PROTECTED` or `SNAPSHOT_IN_USE`.";

    /// Compare a snapshot's data with the checksum that it was taken with.
    ///
    /// The answer waits until that is done, for at most 15 seconds; after that `verification` is `running`.
    post "/volume-snapshots/{snapshot_id}/verify" verify_snapshot: verify, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The snapshot, with its `verification`.";
        409 "`SNAPSHOT_NOT_READY`.";
}

/// Those of one volume that is there.
pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    query: Query<Paged<SnapshotFilters>>,
) -> Result<Listed<Snapshot>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_volume_snapshots(&request.caller, volume_id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

/// Those of all volumes, also of volumes that are gone.
pub(super) async fn list_all(
    State(http): State<Http>,
    request: Request,
    of: Query<OfVolume>,
    query: Query<Paged<SnapshotFilters>>,
) -> Result<Listed<Snapshot>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let volume_id = of.id("volume_id")?;
    let page = http.app.list_snapshots(&request.caller, volume_id, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Id(volume_id): Id<VolumeId>,
    Body(body): Body<CreateSnapshot>,
) -> Result<Created<Snapshot>, ApiError> {
    let mut problems = Problems::default();
    let new = NewSnapshot {
        name: problems.check_text("name", body.name, |name| fields::name(name.to_owned())),
        metadata: problems.check("metadata", body.metadata, fields::metadata).unwrap_or_default(),
        protected: body.protected.unwrap_or(false),
        now: body.now.unwrap_or(false),
        expires_at: problems.check("ttl", body.ttl, |ttl| fields::expiry(ttl, miosa_control::now())),
        hooks: fields::hooks(
            &mut problems,
            body.before_snapshot,
            body.after_snapshot,
            body.hook_timeout_seconds,
        ),
    };
    problems.none()?;
    let snapshot = http.app.create_snapshot(&request.caller, volume_id, new, request.idempotency).await?;
    Ok(Created(snapshot))
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Object<Snapshot>, ApiError> {
    Ok(Object(http.app.get_snapshot(&request.caller, path).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
    Body(body): Body<UpdateSnapshot>,
) -> Result<Object<Snapshot>, ApiError> {
    let mut problems = Problems::default();
    let change = SnapshotChange {
        name: problems.check("name", body.name, fields::name),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
        protected: body.protected,
    };
    problems.none()?;
    let snapshot = http.app.update_snapshot(&request.caller, path, change, request.idempotency).await?;
    Ok(Object(snapshot))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Object<Deleted>, ApiError> {
    let deleted = http.app.delete_snapshot(&request.caller, path, request.idempotency).await?;
    Ok(Object(deleted))
}

pub(super) async fn verify(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(path): SnapshotInPath,
) -> Result<Object<Snapshot>, ApiError> {
    Ok(Object(http.app.verify_snapshot(&request.caller, path, request.idempotency).await?))
}

/// The snapshot of a call whose response was lost.
async fn now(call: LostCall, id: SnapshotId) -> Result<Snapshot, ApiError> {
    Ok(call.http.app.get_snapshot(&call.caller, SnapshotPath { of: None, id }).await?)
}

/// Whatever has expired goes, whoever asks and however often, so a repeated call needs no memory of the first.
pub(super) async fn prune(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<PruneSnapshots>,
) -> Result<Object<PrunePlan>, ApiError> {
    let mut problems = Problems::default();
    let volume_id = problems.check_text("volume_id", body.volume_id, fields::id);
    problems.none()?;
    let dry_run = body.dry_run.unwrap_or(false);
    Ok(Object(http.app.prune_snapshots(&request.caller, volume_id, dry_run).await?))
}
