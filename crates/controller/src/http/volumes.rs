//! Volumes: parse, call the verb, answer.

use axum::extract::State;
use miosa_api::v1::volumes::{
    CreateVolume, DeleteVolume, Deleted, ResizeVolume, UpdateVolume, Volume, VolumeFilters,
};
use miosa_control::{AskedSize, NewVolume, VolumeChange};
use miosa_domain::VolumeId;
use miosa_domain::size::{GIB, ceil_gb, human};

use super::body::Body;
use super::fields::{self, Problems};
use super::idempotency::{Lost, LostCall};
use super::paging::{self, Paged};
use super::query::{Id, Query};
use super::route::{Created, Listed, Object, routes};
use super::{ApiError, Http, Request};
use crate::auth::{VOLUMES_READ, VOLUMES_WRITE};

/// The size of a volume whose creator names none.
const DEFAULT_SIZE_BYTES: u64 = 10 * GIB;

routes! {
    "volumes";

    /// List volumes, newest first.
    get "/volumes" list_volumes: list, VOLUMES_READ;
        200 "One page of volumes.";

    /// Create a volume.
    ///
    /// The answer waits until the volume is durable on its host, for at most 15 seconds; after that it is `creating`.
    post "/volumes" create_volume: create, VOLUMES_WRITE, Lost::rebuilt(now);
        201 "The volume.";
        409 "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.";
        example {"name": "model-weights", "size_bytes": 53_687_091_200_u64, "backend": "local"};

    /// Get a volume.
    get "/volumes/{id}" get_volume: get, VOLUMES_READ;
        200 "The volume.";

    /// Change a volume: its name, metadata, delete protection, snapshot schedule, retention or hooks.
    patch "/volumes/{id}" update_volume: update, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The volume.";
        example {"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7};

    /// Move a volume to the trash.
    ///
    /// It answers 404 from then on and can be brought back with `undelete` while the trash keeps it.
    delete "/volumes/{id}" delete_volume: delete, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is in the trash.";
        409 "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.";

    /// Bring a volume back from the trash.
    post "/volumes/{id}/undelete" undelete_volume: undelete, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The volume.";
        409 "`VOLUME_LIMIT_REACHED` or `VOLUME_NOT_READY`.";

    /// Change a volume's size.
    ///
    /// Growing in place is not available yet: any other than the present size is refused (422). A fork or a restore as a new
    /// volume may be larger.
    post "/volumes/{id}/resize" resize_volume: resize, VOLUMES_WRITE, Lost::changes_nothing();
        200 "The volume.";
        example {"size_gb": 50};

    /// Compact a volume's image, so that its writers hardly wait for the next snapshot. They go on meanwhile.
    ///
    /// The answer waits until that is done or given up, for at most 15 seconds; after that `compaction` is `running`.
    post "/volumes/{id}/compact" compact_volume: compact, VOLUMES_WRITE, Lost::rebuilt(now);
        200 "The volume, with its `compaction`.";
        409 "`VOLUME_NOT_READY`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<VolumeFilters>>,
) -> Result<Listed<Volume>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_volumes(&request.caller, part.clone()).await?;
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateVolume>,
) -> Result<Created<Volume>, ApiError> {
    let new = new_volume(&http, body, request.workspace)?;
    let volume = http.app.create_volume(&request.caller, new, request.idempotency).await?;
    Ok(Created(volume))
}

/// The volume of a call whose response was lost.
pub(super) async fn now(call: LostCall, id: VolumeId) -> Result<Volume, ApiError> {
    Ok(call.http.app.get_volume(&call.caller, id).await?)
}

/// What a body asks for. `workspace` is the default of its `workspace_id`.
pub(super) fn new_volume(
    http: &Http,
    body: CreateVolume,
    workspace: Option<String>,
) -> Result<NewVolume, ApiError> {
    let name = body.name.ok_or_else(|| ApiError::missing("name"))?;
    let mut problems = Problems::default();
    let name = problems.check("name", Some(name), fields::name);
    let size_bytes = fields::size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    problems.check_word("backend", body.backend);
    problems.check_text("region", body.region, |region| fields::one_of(region, &[&http.region]));
    let project_id = problems.check_text("project_id", body.project_id, fields::id);
    let workspace_id = problems.check_text("workspace_id", body.workspace_id.or(workspace), fields::label);
    let metadata = problems.check("metadata", body.metadata, fields::metadata);
    let schedule = problems.check_text("snapshot_schedule", body.snapshot_schedule, fields::schedule);
    let retention_days =
        problems.check("snapshot_retention_days", body.snapshot_retention_days, fields::retention_days);
    let hooks =
        fields::hooks(&mut problems, body.before_snapshot, body.after_snapshot, body.hook_timeout_seconds);
    problems.none()?;
    Ok(NewVolume {
        name: name.unwrap_or_default(),
        size_bytes: size_bytes.unwrap_or(DEFAULT_SIZE_BYTES),
        project_id,
        workspace_id,
        metadata: metadata.unwrap_or_default(),
        delete_protection: body.delete_protection.unwrap_or(false),
        schedule: schedule.flatten(),
        retention_days,
        hooks,
    })
}

pub(super) async fn get(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
) -> Result<Object<Volume>, ApiError> {
    Ok(Object(http.app.get_volume(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    Body(body): Body<UpdateVolume>,
) -> Result<Object<Volume>, ApiError> {
    let mut problems = Problems::default();
    let size = fields::asked_size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    let change = VolumeChange {
        name: problems.check("name", body.name, fields::name),
        metadata: problems.check("metadata", body.metadata, fields::metadata),
        delete_protection: body.delete_protection,
        // Null is no schedule, as an empty text is.
        schedule: problems.check("snapshot_schedule", body.snapshot_schedule, |text| {
            fields::schedule(text.as_deref().unwrap_or_default())
        }),
        retention_days: problems.check(
            "snapshot_retention_days",
            body.snapshot_retention_days,
            fields::retention_days,
        ),
        hooks: fields::hooks(
            &mut problems,
            body.before_snapshot,
            body.after_snapshot,
            body.hook_timeout_seconds,
        ),
    };
    problems.none()?;
    if let Some(size) = size {
        same_size(&http.app.get_volume(&request.caller, id).await?, size)?;
    }
    let volume = http.app.update_volume(&request.caller, id, change, request.idempotency).await?;
    Ok(Object(volume))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    query: Query<DeleteVolume>,
) -> Result<Object<Deleted>, ApiError> {
    if query.flag("purge")? {
        let message = "comes later; without it the volume goes to the trash, which lets go of it by itself";
        return Err(ApiError::invalid("purge", message));
    }
    let deleted = http.app.delete_volume(&request.caller, id, request.idempotency).await?;
    Ok(Object(deleted))
}

pub(super) async fn undelete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
) -> Result<Object<Volume>, ApiError> {
    Ok(Object(http.app.undelete_volume(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn compact(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
) -> Result<Object<Volume>, ApiError> {
    Ok(Object(http.app.compact_volume(&request.caller, id, request.idempotency).await?))
}

/// Answers only the present size, and says what to do instead.
pub(super) async fn resize(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    Body(body): Body<ResizeVolume>,
) -> Result<Object<Volume>, ApiError> {
    let volume = http.app.get_volume(&request.caller, id).await?;
    let mut problems = Problems::default();
    let size = fields::asked_size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    problems.none()?;
    same_size(&volume, size.ok_or_else(|| ApiError::missing("size_gb"))?)?;
    Ok(Object(volume))
}

/// Clients that send a whole object back send its size too. `size_gb` is rounded up, so it is compared as such.
fn same_size(volume: &Volume, asked: AskedSize) -> Result<(), ApiError> {
    let same_gb = asked.field == "size_gb" && ceil_gb(asked.bytes) == volume.size_gb;
    if same_gb || asked.bytes == volume.size_bytes {
        return Ok(());
    }
    let message = if asked.bytes < volume.size_bytes {
        format!("must not be less than the present {}: a volume cannot shrink", human(volume.size_bytes))
    } else {
        "is more than the present size: growing in place comes later; fork the volume with this size".into()
    };
    Err(ApiError::invalid(asked.field, message))
}
