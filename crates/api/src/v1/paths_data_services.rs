//! The routes of data services, for the OpenAPI document.
//!
//! Three spellings of the same: by itself, of any project, and of one project.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use super::data_services::CreateDataService;
use super::volumes::{Deleted, UpdateVolume, Volume};
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// List data services, newest first. Takes the filters of `GET /volumes`, too.
#[utoipa::path(get, path = "/data-services", tag = "data services",
    params(crate::page::PageQuery, ("type" = Option<String>, Query, description = "Only of this type: `volume`.")),
    responses((status = 200, description = "One page of data services.", body = List<Volume>)))]
fn list_data_services() {}

/// List a project's data services, newest first.
#[utoipa::path(get, path = "/projects/{project_id}/data-services", tag = "data services",
    params(
        ("project_id" = String, Path, description = "Project: its id, or `default`."),
        crate::page::PageQuery,
        ("type" = Option<String>, Query, description = "Only of this type: `volume`."),
    ),
    responses((status = 200, description = "One page of data services.", body = List<Volume>)))]
fn list_project_data_services() {}

/// Create a data service.
///
/// A volume: all fields of `POST /volumes`, and `type` and `size`. A name is made up when none is given.
#[utoipa::path(post, path = "/data-services", tag = "data services", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateDataService, example = json!({"type": "volume", "name": "shop-db", "size": "medium"})),
    responses(
        (status = 201, description = "The volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.", body = ErrorEnvelope),
    ))]
fn create_data_service() {}

/// Create a data service in a project.
#[utoipa::path(post, path = "/projects/{project_id}/data-services", tag = "data services",
    params(
        ("project_id" = String, Path, description = "Project: its id, or `default`."),
        crate::openapi::IdempotencyKey,
    ),
    request_body(content = CreateDataService, example = json!({"type": "volume", "name": "shop-db", "size": 10})),
    responses(
        (status = 201, description = "The volume.", body = Twin<Volume>),
        (status = 409, description = "`VOLUME_LIMIT_REACHED` or `INSUFFICIENT_CAPACITY`.", body = ErrorEnvelope),
    ))]
fn create_project_data_service() {}

/// Get a data service.
///
/// What is below `/volumes/{id}` is below this path as well, in all three spellings; `backups` there means `snapshots`.
#[utoipa::path(get, path = "/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume")),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn get_data_service() {}

/// Get a data service of any project.
#[utoipa::path(get, path = "/projects/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume")),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn get_any_data_service() {}

/// Get a project's data service.
#[utoipa::path(get, path = "/projects/{project_id}/data-services/{id}", tag = "data services",
    params(
        ("project_id" = String, Path, description = "Project: its id, or `default`."),
        ("id" = Uuid, Path, description = "Volume"),
    ),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn get_project_data_service() {}

/// Change a data service.
#[utoipa::path(patch, path = "/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateVolume, example = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7})),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn update_data_service() {}

/// Change a data service of any project.
#[utoipa::path(patch, path = "/projects/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateVolume, example = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7})),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn update_any_data_service() {}

/// Change a project's data service.
#[utoipa::path(patch, path = "/projects/{project_id}/data-services/{id}", tag = "data services",
    params(
        ("project_id" = String, Path, description = "Project: its id, or `default`."),
        ("id" = Uuid, Path, description = "Volume"),
        crate::openapi::IdempotencyKey,
    ),
    request_body(content = UpdateVolume, example = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 7})),
    responses((status = 200, description = "The volume.", body = Twin<Volume>)))]
fn update_project_data_service() {}

/// Move a data service to the trash.
#[utoipa::path(delete, path = "/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The volume is in the trash.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn delete_data_service() {}

/// Move a data service of any project to the trash.
#[utoipa::path(delete, path = "/projects/data-services/{id}", tag = "data services",
    params(("id" = Uuid, Path, description = "Volume"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The volume is in the trash.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn delete_any_data_service() {}

/// Move a project's data service to the trash.
#[utoipa::path(delete, path = "/projects/{project_id}/data-services/{id}", tag = "data services",
    params(
        ("project_id" = String, Path, description = "Project: its id, or `default`."),
        ("id" = Uuid, Path, description = "Volume"),
        crate::openapi::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "The volume is in the trash.", body = Twin<Deleted>),
        (status = 409, description = "`VOLUME_IN_USE`, `PROTECTED` or `VOLUME_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn delete_project_data_service() {}
