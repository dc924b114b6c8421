//! Volumes: parse, call the verb, answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::volumes::{CreateVolume, ResizeVolume, UpdateVolume, Volume};
use miosa_domain::VolumeId;
use miosa_domain::size::{GIB, ceil_gb, human};

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, Query};
use super::{ApiError, Http, Request, paging, twin};
use miosa_control::{AskedSize, NewVolume, VolumeChange};

/// The size of a volume whose creator names none.
const DEFAULT_SIZE_BYTES: u64 = 10 * GIB;

const BACKEND: &str = "local";

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query,
) -> Result<Json<List<Volume>>, ApiError> {
    let part = paging::list_request(&query, request.workspace.as_deref())?;
    let page = http.app.list_volumes(&request.caller, part.clone()).await?;
    Ok(Json(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    Body(body): Body<CreateVolume>,
) -> Result<Response, ApiError> {
    let new = new_volume(&http, body, request.workspace)?;
    let volume = http.app.create_volume(&request.caller, new, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, volume))
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
    problems.check_text("backend", body.backend, |backend| fields::one_of(backend, &[BACKEND]));
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
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.get_volume(&request.caller, id).await?))
}

pub(super) async fn update(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    Body(body): Body<UpdateVolume>,
) -> Result<Response, ApiError> {
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
    Ok(twin(StatusCode::OK, volume))
}

pub(super) async fn delete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    query: Query,
) -> Result<Response, ApiError> {
    if query.flag("purge")? {
        let message = "comes later; without it the volume goes to the trash, which lets go of it by itself";
        return Err(ApiError::invalid("purge", message));
    }
    let deleted = http.app.delete_volume(&request.caller, id, request.idempotency).await?;
    Ok(twin(StatusCode::OK, deleted))
}

pub(super) async fn undelete(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.undelete_volume(&request.caller, id, request.idempotency).await?))
}

pub(super) async fn compact(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
) -> Result<Response, ApiError> {
    Ok(twin(StatusCode::OK, http.app.compact_volume(&request.caller, id, request.idempotency).await?))
}

/// Answers only the present size, and says what to do instead.
pub(super) async fn resize(
    State(http): State<Http>,
    request: Request,
    Id(id): Id<VolumeId>,
    Body(body): Body<ResizeVolume>,
) -> Result<Response, ApiError> {
    let volume = http.app.get_volume(&request.caller, id).await?;
    let mut problems = Problems::default();
    let size = fields::asked_size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    problems.none()?;
    same_size(&volume, size.ok_or_else(|| ApiError::missing("size_gb"))?)?;
    Ok(twin(StatusCode::OK, volume))
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
