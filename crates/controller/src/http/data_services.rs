//! Data services: volumes by another name, by themselves or as a project's. Most routes are those of volumes (see `routes`), and
//! what is below one is found by `prefix`; here is what differs.

use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use miosa_api::v1::data_services::{CreateDataService, DataServiceFields, OfType};
use miosa_api::v1::volumes::{CreateVolume, DeleteVolume, Deleted, UpdateVolume, Volume, VolumeFilters};
use miosa_control::{Caller, ListPage};
use miosa_domain::limits::Limits;
use miosa_domain::size::GIB;
use miosa_domain::{ProjectId, VolumeId};
use serde_json::Value;
use utoipa::PartialSchema;

use super::body::{self, Body};
use super::fields::Problems;
use super::idempotency::Lost;
use super::paging::{self, Paged};
use super::prefix::OfProject;
use super::query::{Id, Ids, PathId, Query};
use super::route::{Created, Docs, Listed, Object, Raw, routes};
use super::{ApiError, Http, Request, volumes};
use crate::auth::{VOLUMES_READ, VOLUMES_WRITE};

/// The only type there is.
pub(super) const VOLUME: &str = "volume";
const NAMED_SIZES_GB: [(&str, i64); 3] = [("small", 10), ("medium", 50), ("large", 200)];

/// A project as a path names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProjectName {
    /// The tenant's default project, by the word `default`.
    Default,
    Id(ProjectId),
}

impl FromStr for ProjectName {
    type Err = <ProjectId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" { Ok(Self::Default) } else { text.parse().map(Self::Id) }
    }
}

impl PathId for ProjectName {
    const NOUN: &'static str = "Project: its id, or `default`.";

    fn describe(docs: &mut Docs) {
        docs.path_parameter(Self::NOUN, <String as PartialSchema>::schema());
    }
}

impl From<ProjectName> for Option<ProjectId> {
    fn from(name: ProjectName) -> Self {
        match name {
            ProjectName::Default => None,
            ProjectName::Id(id) => Some(id),
        }
    }
}

routes! {
    "data services";

    /// List data services, newest first. Takes the filters of `GET /volumes`, too.
    get "/data-services" list_data_services: list, VOLUMES_READ;
        200 "One page of data services.";

    /// Create a data service.
    ///
    /// A volume: all fields of `POST /volumes`, and `type` and `size`. A name is made up when none is given.
    post "/data-services" create_data_service: create, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        201 "The volume.";
        409 "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.";
        example {"type": "volume", "name": "shop-db", "size": "medium"};

    /// List a project's data services, newest first.
    get "/projects/{project_id}/data-services" list_project_data_services: list_of_project, VOLUMES_READ;
        200 "One page of data services.";

    /// Create a data service in a project.
    post "/projects/{project_id}/data-services" create_project_data_service: create_in_project, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        201 "The volume.";
        409 "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.";
        example {"type": "volume", "name": "shop-db", "size": 10};

    /// Get a data service.
    ///
    /// What is below `/volumes/{id}` is below this path as well, in all three spellings; `backups` there means `snapshots`.
    get "/data-services/{id}" get_data_service: volumes::get, VOLUMES_READ;
        200 "The volume.";

    /// Change a data service.
    patch "/data-services/{id}" update_data_service: volumes::update, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        200 "The volume.";
        example {"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7};

    /// Move a data service to the trash.
    delete "/data-services/{id}" delete_data_service: volumes::delete, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is in the trash.";
        409 "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.";

    /// Get a data service of any project.
    get "/projects/data-services/{id}" get_any_data_service: volumes::get, VOLUMES_READ;
        200 "The volume.";

    /// Change a data service of any project.
    patch "/projects/data-services/{id}" update_any_data_service: volumes::update, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        200 "The volume.";
        example {"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7};

    /// Move a data service of any project to the trash.
    delete "/projects/data-services/{id}" delete_any_data_service: volumes::delete, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is in the trash.";
        409 "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.";

    /// Get a project's data service.
    get "/projects/{project_id}/data-services/{id}" get_project_data_service: get_of_project, VOLUMES_READ;
        200 "The volume.";

    /// Change a project's data service.
    patch "/projects/{project_id}/data-services/{id}" update_project_data_service: update_of_project, VOLUMES_WRITE, Lost::rebuilt(volumes::now);
        200 "The volume.";
        example {"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7};

    /// Move a project's data service to the trash.
    delete "/projects/{project_id}/data-services/{id}" delete_project_data_service: delete_of_project, VOLUMES_WRITE, Lost::deleted();
        200 "The volume is in the trash.";
        409 "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    query: Query<Paged<VolumeFilters>>,
    of: Query<OfType>,
) -> Result<Listed<Volume>, ApiError> {
    page(&http, &request, &query, &of, None).await
}

pub(super) async fn list_of_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    query: Query<Paged<VolumeFilters>>,
    of: Query<OfType>,
) -> Result<Listed<Volume>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    page(&http, &request, &query, &of, Some(project_id)).await
}

async fn page(
    http: &Http,
    request: &Request,
    query: &Query<Paged<VolumeFilters>>,
    of: &Query<OfType>,
    project_id: Option<ProjectId>,
) -> Result<Listed<Volume>, ApiError> {
    let mut part = paging::list_request(query, request.workspace.as_deref())?;
    part.filters.project_id = project_id.or(part.filters.project_id);
    let page = match of.text("type") {
        None | Some(VOLUME) => http.app.list_volumes(&request.caller, part.clone()).await?,
        Some(_) => ListPage::empty(),
    };
    Ok(Listed(paging::list(&part, page)))
}

pub(super) async fn create(
    State(http): State<Http>,
    request: Request,
    body: Raw<CreateDataService>,
) -> Result<Created<Volume>, ApiError> {
    let volume = new_volume(&http.limits, &body.0)?;
    make(&http, request, volume).await
}

pub(super) async fn create_in_project(
    State(http): State<Http>,
    request: Request,
    Id(project): Id<ProjectName>,
    body: Raw<CreateDataService>,
) -> Result<Created<Volume>, ApiError> {
    let project_id = http.app.find_project(&request.caller, project.into()).await?;
    let mut volume = new_volume(&http.limits, &body.0)?;
    volume.project_id = Some(project_id.to_string());
    make(&http, request, volume).await
}

async fn make(http: &Http, request: Request, volume: CreateVolume) -> Result<Created<Volume>, ApiError> {
    let new = volumes::new_volume(http, volume, request.workspace)?;
    let volume = http.app.create_volume(&request.caller, new, request.idempotency).await?;
    Ok(Created(volume))
}

/// The volume that a body asks for. It is read twice, because a problem in a flattened half could not name its field.
fn new_volume(limits: &Limits, bytes: &[u8]) -> Result<CreateVolume, ApiError> {
    let service: DataServiceFields = body::parse(bytes)?;
    let mut volume: CreateVolume = body::parse(bytes)?;
    let mut problems = Problems::default();
    problems.check_word("type", service.kind);
    let size_gb = problems.check("size", service.size, |size| size_gb(limits, &size));
    if let (Some(size), Some(other)) = (size_gb, volume.size_gb)
        && size != other
    {
        problems.add("size", "differs from size_gb; give one of them");
    }
    problems.none()?;
    volume.size_gb = size_gb.or(volume.size_gb);
    // The documented call gives a type and a size only.
    volume.name.get_or_insert_with(|| format!("{VOLUME}-{:06x}", rand::random::<u32>() >> 8));
    Ok(volume)
}

fn size_gb(limits: &Limits, size: &Value) -> Result<i64, String> {
    let gb = match size {
        Value::Number(number) => number.as_i64(),
        Value::String(name) => NAMED_SIZES_GB.iter().find(|(known, _)| known == name).map(|(_, gb)| *gb),
        _ => None,
    };
    let gb = gb.ok_or("must be a whole number of GB, or small, medium or large")?;
    let bytes = u64::try_from(gb).unwrap_or(0).saturating_mul(GIB);
    limits.volume_size(bytes).map(|_| gb)
}

pub(super) async fn get_of_project(
    State(http): State<Http>,
    request: Request,
    Ids(project, id): Ids<ProjectName, VolumeId>,
) -> Result<Object<Volume>, ApiError> {
    http.app.require_in_project(&request.caller, project.into(), id).await?;
    volumes::get(State(http), request, Id(id)).await
}

pub(super) async fn update_of_project(
    State(http): State<Http>,
    request: Request,
    Ids(project, id): Ids<ProjectName, VolumeId>,
    body: Body<UpdateVolume>,
) -> Result<Object<Volume>, ApiError> {
    http.app.require_in_project(&request.caller, project.into(), id).await?;
    volumes::update(State(http), request, Id(id), body).await
}

pub(super) async fn delete_of_project(
    State(http): State<Http>,
    request: Request,
    Ids(project, id): Ids<ProjectName, VolumeId>,
    query: Query<DeleteVolume>,
) -> Result<Object<Deleted>, ApiError> {
    http.app.require_in_project(&request.caller, project.into(), id).await?;
    volumes::delete(State(http), request, Id(id), query).await
}

/// The same for a part of a data service, whose path no longer names the project.
pub(super) async fn require_in_project(
    http: &Http,
    caller: &Caller,
    named: &OfProject,
) -> Result<(), ApiError> {
    let invalid = |what: &str| {
        let message = format!("{what} in the path is not a UUID; look it up by listing");
        ApiError::new(StatusCode::BAD_REQUEST, "INVALID_ID", message)
    };
    let project = named.project.parse::<ProjectName>().map_err(|_| invalid("project_id"))?;
    let volume_id = named.volume.parse().map_err(|_| invalid("id"))?;
    Ok(http.app.require_in_project(caller, project.into(), volume_id).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_or_names() {
        let limits = Limits::default();
        for (size, gb) in [
            (serde_json::json!(1), Some(1)),
            (serde_json::json!(500), Some(500)),
            (serde_json::json!("small"), Some(10)),
            (serde_json::json!("medium"), Some(50)),
            (serde_json::json!("large"), Some(200)),
            (serde_json::json!("huge"), None),
            (serde_json::json!("10"), None),
            (serde_json::json!(0), None),
            (serde_json::json!(-1), None),
            (serde_json::json!(1.5), None),
            (serde_json::json!(501), None),
            (serde_json::json!(i64::MAX), None),
            (serde_json::json!(u64::MAX), None),
            (serde_json::json!([10]), None),
        ] {
            assert_eq!(size_gb(&limits, &size).ok(), gb, "{size}");
        }
    }
}
