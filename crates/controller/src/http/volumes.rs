//! Volumes: parse, call the verb, answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use miosa_api::page::List;
use miosa_api::v1::volumes::{CreateVolume, UpdateVolume, Volume};
use miosa_domain::VolumeId;
use miosa_domain::size::{GIB, ceil_gb, human};

use super::body::Body;
use super::fields::{self, Problems};
use super::query::{Id, Query};
use super::{ApiError, Http, Request, paging, twin};
use crate::app::{NewVolume, VolumeChange};

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
    let name = body.name.ok_or_else(|| ApiError::missing("name"))?;
    let mut problems = Problems::default();
    let name = problems.check("name", Some(name), fields::name);
    let size_bytes = fields::size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    problems.check_text("backend", body.backend, |backend| fields::one_of(backend, &[BACKEND]));
    problems.check_text("region", body.region, |region| fields::one_of(region, &[&http.region]));
    let project_id = problems.check_text("project_id", body.project_id, fields::id);
    let workspace_id =
        problems.check_text("workspace_id", body.workspace_id.or(request.workspace), fields::label);
    let metadata = problems.check("metadata", body.metadata, fields::metadata);
    no_snapshots_yet(&mut problems, body.snapshot_schedule, body.snapshot_retention_days);
    problems.none()?;
    let new = NewVolume {
        name: name.unwrap_or_default(),
        size_bytes: size_bytes.unwrap_or(DEFAULT_SIZE_BYTES),
        project_id,
        workspace_id,
        metadata: metadata.unwrap_or_default(),
        delete_protection: body.delete_protection.unwrap_or(false),
    };
    let volume = http.app.create_volume(&request.caller, new, request.idempotency).await?;
    Ok(twin(StatusCode::CREATED, volume))
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
    let name = problems.check("name", body.name, fields::name);
    let metadata = problems.check("metadata", body.metadata, fields::metadata);
    let size_bytes = fields::size(&mut problems, &http.limits, body.size_gb, body.size_bytes);
    no_snapshots_yet(&mut problems, body.snapshot_schedule, body.snapshot_retention_days);
    problems.none()?;
    if let Some(size_bytes) = size_bytes {
        let volume = http.app.get_volume(&request.caller, id).await?;
        let given_as_gb = body.size_gb.is_some();
        same_size(&volume, size_bytes, given_as_gb)?;
    }
    let change = VolumeChange { name, metadata, delete_protection: body.delete_protection };
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

/// An empty schedule switches the schedule off, which it is.
fn no_snapshots_yet(
    problems: &mut Problems,
    schedule: Option<serde_json::Value>,
    retention_days: Option<serde_json::Value>,
) {
    const MESSAGE: &str = "comes later: this version makes no snapshots; leave it out";
    if schedule.is_some_and(|schedule| schedule != "") {
        problems.add("snapshot_schedule", MESSAGE);
    }
    if retention_days.is_some() {
        problems.add("snapshot_retention_days", MESSAGE);
    }
}

/// Clients that send a whole object back send its size too. `size_gb` is rounded up, so it is compared as such.
fn same_size(volume: &Volume, size_bytes: u64, given_as_gb: bool) -> Result<(), ApiError> {
    let same = size_bytes == volume.size_bytes || (given_as_gb && ceil_gb(size_bytes) == volume.size_gb);
    if same {
        return Ok(());
    }
    let field = if given_as_gb { "size_gb" } else { "size_bytes" };
    let message = if size_bytes < volume.size_bytes {
        format!("must not be less than the present {}: a volume cannot shrink", human(volume.size_bytes))
    } else {
        "is more than the present size: growing comes later; create a larger volume and copy the files".into()
    };
    Err(ApiError::invalid(field, message))
}
