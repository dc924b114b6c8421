//! The routes of deployments, for the OpenAPI document: a view on services, with the same ids.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;
use uuid::Uuid;

use super::deployments::{
    CreateDeployment, Deployment, DeploymentRelease, DeploymentVersion, InstanceLogs, UpdateDeployment,
};
use super::services::{DeployService, RuntimeInstance, ScaleService, ServiceLogLine};
use super::volumes::Deleted;
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// Narrows a list of deployments.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct DeploymentFilters {
    /// Only deployments in this state.
    status: Option<String>,
    name: Option<String>,
    project_id: Option<Uuid>,
}

/// List deployments, newest first.
#[utoipa::path(get, path = "/deployments", tag = "deployments", params(crate::page::PageQuery, DeploymentFilters),
    responses((status = 200, description = "One page of deployments.", body = List<Deployment>)))]
fn list_deployments() {}

/// Create a deployment, which is a service. With a source, version 1 is made and its instances start.
#[utoipa::path(post, path = "/deployments", tag = "deployments", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateDeployment,
        example = json!({"name": "shop", "source": {"type": "template", "ref": "miosa-default"}, "port": 8080})),
    responses(
        (status = 201, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn create_deployment() {}

/// Create a deployment in a project.
#[utoipa::path(post, path = "/projects/{project_id}/deployments", tag = "deployments",
    params(("project_id" = String, Path, description = "Project: its id, or `default`."), crate::openapi::IdempotencyKey),
    request_body(content = CreateDeployment,
        example = json!({"name": "shop", "source": {"type": "template", "ref": "miosa-default"}})),
    responses(
        (status = 201, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn create_project_deployment() {}

/// Get a deployment.
#[utoipa::path(get, path = "/deployments/{id}", tag = "deployments", params(("id" = Uuid, Path, description = "Service")),
    responses((status = 200, description = "The deployment.", body = Twin<Deployment>)))]
fn get_deployment() {}

/// Rename a deployment.
#[utoipa::path(patch, path = "/deployments/{id}", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateDeployment, example = json!({"name": "shop"})),
    responses((status = 200, description = "The deployment.", body = Twin<Deployment>)))]
fn update_deployment() {}

/// Delete a deployment. Its instances end in the background; its volumes stay.
#[utoipa::path(delete, path = "/deployments/{id}", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The deployment is going away.", body = Twin<Deleted>)))]
fn delete_deployment() {}

/// List a deployment's versions, newest first.
#[utoipa::path(get, path = "/deployments/{id}/versions", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery,
        ("status" = Option<String>, Query, description = "Only versions in this state.")),
    responses((status = 200, description = "One page of versions.", body = List<DeploymentVersion>)))]
fn list_versions() {}

/// Get a version.
#[utoipa::path(get, path = "/deployments/{id}/versions/{version_id}", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("version_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "The version.", body = Twin<DeploymentVersion>)))]
fn get_version() {}

/// Serve a version again, under a new number.
#[utoipa::path(post, path = "/deployments/{id}/versions/{version_id}/promote", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("version_id" = Uuid, Path, description = "Release"),
        crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"environment": "production"})),
    responses(
        (status = 200, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "`RESOURCE_STATE`: it was never good.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`: a volume that it mounts is no longer there.", body = ErrorEnvelope),
    ))]
fn promote_version() {}

/// Get the release of a version.
#[utoipa::path(get, path = "/deployments/{id}/versions/{version_id}/release", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("version_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "The release.", body = Twin<DeploymentRelease>)))]
fn get_version_release() {}

/// List a deployment's releases, newest first.
#[utoipa::path(get, path = "/deployments/{id}/releases", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery,
        ("status" = Option<String>, Query, description = "Only releases in this state.")),
    responses((status = 200, description = "One page of releases.", body = List<DeploymentRelease>)))]
fn list_deployment_releases() {}

/// Get a release of a deployment.
#[utoipa::path(get, path = "/deployments/{id}/releases/{release_id}", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("release_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "The release.", body = Twin<DeploymentRelease>)))]
fn get_deployment_release() {}

/// Serve a release again, under a new number.
#[utoipa::path(post, path = "/deployments/{id}/releases/{release_id}/promote", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("release_id" = Uuid, Path, description = "Release"),
        crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"environment": "production"})),
    responses(
        (status = 200, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "`RESOURCE_STATE`: it was never good.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`.", body = ErrorEnvelope),
    ))]
fn promote_deployment_release() {}

/// Get a release, whatever its deployment.
#[utoipa::path(get, path = "/releases/{release_id}", tag = "deployments",
    params(("release_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "The release.", body = Twin<DeploymentRelease>)))]
fn get_any_release() {}

/// Serve the version in `version_id` again, or the previous good one.
#[utoipa::path(post, path = "/deployments/{id}/rollback", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "`RESOURCE_STATE`: it was never good, or there is none; `NO_SNAPSHOT_AVAILABLE`.",
            body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`.", body = ErrorEnvelope),
    ))]
fn rollback_deployment() {}

/// Change how many instances there are.
#[utoipa::path(post, path = "/deployments/{id}/scale", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = ScaleService, example = json!({"instances": 4})),
    responses(
        (status = 200, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "As for `POST /services/{id}/scale`.", body = ErrorEnvelope),
    ))]
fn scale_deployment() {}

/// Deploy the present settings as a new version.
#[utoipa::path(post, path = "/deployments/{id}/redeploy", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The deployment.", body = Twin<Deployment>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn redeploy_deployment() {}

/// Stop a deployment: it stays stopped until it is deployed again.
#[utoipa::path(post, path = "/deployments/{id}/stop", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The deployment.", body = Twin<Deployment>)))]
fn stop_deployment() {}

/// List a deployment's runtime instances, by replica.
#[utoipa::path(get, path = "/deployments/{id}/runtime-instances", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery),
    responses((status = 200, description = "One page of runtime instances.", body = List<RuntimeInstance>)))]
fn list_deployment_instances() {}

/// Get a runtime instance.
#[utoipa::path(get, path = "/deployments/{id}/runtime-instances/{instance_id}", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("instance_id" = Uuid, Path, description = "Runtime instance")),
    responses((status = 200, description = "The runtime instance.", body = Twin<RuntimeInstance>)))]
fn get_deployment_instance() {}

/// What a runtime instance wrote, as one text.
#[utoipa::path(get, path = "/deployments/{id}/runtime-instances/{instance_id}/logs", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), ("instance_id" = Uuid, Path, description = "Runtime instance"),
        ("lines" = Option<u32>, Query, description = "At most this many of the newest lines; default 100, at most 10000."),
        ("since" = Option<String>, Query, description = "Only lines later than this: RFC 3339, or seconds since 1970.")),
    responses((status = 200, description = "The log.", body = Twin<InstanceLogs>)))]
fn deployment_instance_logs() {}

/// A deployment's log: a list, or events (followed) with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/deployments/{id}/logs", tag = "deployments",
    params(("id" = Uuid, Path, description = "Service"), super::paths_services::ServiceLogQuery),
    responses((status = 200, description = "Lines of all instances, by time.", body = List<ServiceLogLine>)))]
fn deployment_logs() {}
