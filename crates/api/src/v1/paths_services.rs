//! The routes of services, their releases and their runtime instances, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::IntoParams;
use uuid::Uuid;

use super::computers::Logs;
use super::services::{
    CreateService, DeployService, EffectiveVariable, Release, ReleaseEvent, RuntimeInstance, ScaleService,
    Service, ServiceLogLine, SetVariables, StoppedService, UpdateService, Variable,
};
use super::volumes::Deleted;
use crate::error::ErrorEnvelope;
use crate::page::List;
use crate::twin::Twin;

/// Narrows a list of services.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct ServiceFilters {
    /// Only services in this state.
    status: Option<String>,
    name: Option<String>,
    project_id: Option<Uuid>,
    /// Only this environment: `production` is the one there is.
    env: Option<String>,
}

/// What part of a log is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ServiceLogQuery {
    /// At most this many of the newest lines of each replica; default 100, at most 10000.
    lines: Option<u32>,
    /// The same as `lines`.
    tail: Option<u32>,
    /// Only lines later than this: RFC 3339, or seconds since 1970.
    since: Option<String>,
    /// With `Accept: text/event-stream`: go on with new lines (default true), or end after those that are there.
    follow: Option<bool>,
    /// Only this replica.
    replica: Option<u32>,
}

/// List services, newest first.
#[utoipa::path(get, path = "/services", tag = "services", params(crate::page::PageQuery, ServiceFilters),
    responses((status = 200, description = "One page of services.", body = List<Service>)))]
fn list_services() {}

/// List a project's services, newest first.
#[utoipa::path(get, path = "/projects/{project_id}/services", tag = "services",
    params(("project_id" = String, Path, description = "Project: its id, or `default`."), crate::page::PageQuery, ServiceFilters),
    responses((status = 200, description = "One page of services.", body = List<Service>)))]
fn list_project_services() {}

/// Create a service. With a source, release 1 is made and its replicas start.
#[utoipa::path(post, path = "/services", tag = "services", params(crate::openapi::IdempotencyKey),
    request_body(content = CreateService, example = json!({"name": "shop", "source": {"type": "template", "ref": "miosa-default"},
        "settings": {"start_command": "exec httpd -f -p $PORT", "port": 8080},
        "volumes": [{"dataServiceId": "0198c0de-0000-7000-8000-000000000001", "mountPath": "/data"}]})),
    responses(
        (status = 201, description = "The service.", body = Twin<Service>),
        (status = 409, description = "`VOLUME_ATTACHED`, `VOLUME_HOST_MISMATCH`, `VOLUME_NOT_READY` or `INSUFFICIENT_CAPACITY`.",
            body = ErrorEnvelope),
    ))]
fn create_service() {}

/// Create a service in a project.
#[utoipa::path(post, path = "/projects/{project_id}/services", tag = "services",
    params(("project_id" = String, Path, description = "Project: its id, or `default`."), crate::openapi::IdempotencyKey),
    request_body(content = CreateService, example = json!({"name": "shop", "source": {"type": "template", "ref": "miosa-default"}})),
    responses(
        (status = 201, description = "The service.", body = Twin<Service>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn create_project_service() {}

/// Get a service.
#[utoipa::path(get, path = "/services/{id}", tag = "services", params(("id" = Uuid, Path, description = "Service")),
    responses((status = 200, description = "The service.", body = Twin<Service>)))]
fn get_service() {}

/// Change a service.
///
/// A changed list of volumes makes a release by itself and rolls the replicas; other changed settings wait in
/// `pending_changes` for the next release. A stopped service stays stopped.
#[utoipa::path(patch, path = "/services/{id}", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = UpdateService,
        example = json!({"volumes": [{"dataServiceId": "0198c0de-0000-7000-8000-000000000001", "mountPath": "/var/models"}]})),
    responses(
        (status = 200, description = "The service.", body = Twin<Service>),
        (status = 409, description = "`STALE_SERVICE`, or as for `POST /services`.", body = ErrorEnvelope),
    ))]
fn update_service() {}

/// Delete a service. Its replicas end in the background; its volumes stay.
#[utoipa::path(delete, path = "/services/{id}", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "The service is going away.", body = Twin<Deleted>)))]
fn delete_service() {}

/// Start a stopped service: a release with its present settings.
#[utoipa::path(post, path = "/services/{id}/start", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: it runs already.", body = ErrorEnvelope),
    ))]
fn start_service() {}

/// Stop a service: it stays stopped, whatever is changed, until it is started or deployed.
#[utoipa::path(post, path = "/services/{id}/stop", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    responses((status = 200, description = "How many replicas ran.", body = Twin<StoppedService>)))]
fn stop_service() {}

/// Restart a service: the active release once more, under a new number.
#[utoipa::path(post, path = "/services/{id}/restart", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: nothing was ever good.", body = ErrorEnvelope),
    ))]
fn restart_service() {}

/// Change how many replicas there are. What their volumes need is checked for all of them before anything changes.
#[utoipa::path(post, path = "/services/{id}/scale", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = ScaleService, example = json!({"replicas": 4})),
    responses(
        (status = 200, description = "The release that the replicas run.", body = Twin<Release>),
        (status = 409, description = "`INSUFFICIENT_CAPACITY`, `VOLUME_ATTACHED` or `RESOURCE_STATE`.", body = ErrorEnvelope),
    ))]
fn scale_service() {}

/// Deploy the service's present settings as a new release.
#[utoipa::path(post, path = "/services/{id}/redeploy", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"snapshot_before": true})),
    responses(
        (status = 200, description = "The release.", body = Twin<Release>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn redeploy_service() {}

/// Serve an earlier release again, under a new number.
#[utoipa::path(post, path = "/services/{id}/promote", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"number": 2, "snapshot_before": true})),
    responses(
        (status = 200, description = "The new release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: that one was never good.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`: a volume that it mounts is no longer there.", body = ErrorEnvelope),
    ))]
fn promote_service() {}

/// Serve the previous good release again, with its data if that is asked for.
#[utoipa::path(post, path = "/services/{id}/rollback", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"restore_data": true})),
    responses(
        (status = 200, description = "The new release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE` or `NO_SNAPSHOT_AVAILABLE`.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`.", body = ErrorEnvelope),
    ))]
fn rollback_service() {}

/// List a service's releases, newest first.
#[utoipa::path(get, path = "/services/{id}/deployments", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery),
    responses((status = 200, description = "One page of releases.", body = List<Release>)))]
fn list_releases() {}

/// Deploy: a new release with the service's present settings, and those of the body.
#[utoipa::path(post, path = "/services/{id}/deployments", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({"message": "new weights", "snapshot_before": true})),
    responses(
        (status = 201, description = "The release.", body = Twin<Release>),
        (status = 409, description = "As for `POST /services`.", body = ErrorEnvelope),
    ))]
fn deploy_service() {}

/// Get a release.
#[utoipa::path(get, path = "/services/{id}/deployments/{release_id}", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ("release_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "The release.", body = Twin<Release>)))]
fn get_release() {}

/// What became of a release, oldest first; as events until it is settled with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/services/{id}/deployments/{release_id}/events", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ("release_id" = Uuid, Path, description = "Release")),
    responses((status = 200, description = "Its steps.", body = List<ReleaseEvent>)))]
fn list_release_events() {}

/// Serve a release again, under a new number.
#[utoipa::path(post, path = "/service-deployments/{release_id}/rollback", tag = "services",
    params(("release_id" = Uuid, Path, description = "Release"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The new release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: it was never good.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`.", body = ErrorEnvelope),
    ))]
fn rollback_release() {}

/// The same as `rollback`.
#[utoipa::path(post, path = "/service-deployments/{release_id}/redeploy", tag = "services",
    params(("release_id" = Uuid, Path, description = "Release"), crate::openapi::IdempotencyKey),
    request_body(content = DeployService, example = json!({})),
    responses(
        (status = 200, description = "The new release.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: it was never good.", body = ErrorEnvelope),
        (status = 410, description = "`RELEASE_GONE`.", body = ErrorEnvelope),
    ))]
fn redeploy_release() {}

/// Give up a release that is not served yet; the last good one stays, or is served again.
#[utoipa::path(post, path = "/service-deployments/{release_id}/cancel", tag = "services",
    params(("release_id" = Uuid, Path, description = "Release"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The release, `canceled`.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: there is nothing left to cancel.", body = ErrorEnvelope),
    ))]
fn cancel_release() {}

/// The same as `cancel`.
#[utoipa::path(delete, path = "/service-deployments/{release_id}", tag = "services",
    params(("release_id" = Uuid, Path, description = "Release"), crate::openapi::IdempotencyKey),
    responses(
        (status = 200, description = "The release, `canceled`.", body = Twin<Release>),
        (status = 409, description = "`RESOURCE_STATE`: there is nothing left to cancel.", body = ErrorEnvelope),
    ))]
fn delete_release() {}

/// List a service's replicas, by index.
#[utoipa::path(get, path = "/services/{id}/instances", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery),
    responses((status = 200, description = "One page of runtime instances.", body = List<RuntimeInstance>)))]
fn list_instances() {}

/// The same as `instances`.
#[utoipa::path(get, path = "/services/{id}/runtime-instances", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::page::PageQuery),
    responses((status = 200, description = "One page of runtime instances.", body = List<RuntimeInstance>)))]
fn list_runtime_instances() {}

/// Get a replica.
#[utoipa::path(get, path = "/services/{id}/instances/{instance_id}", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ("instance_id" = Uuid, Path, description = "Runtime instance")),
    responses((status = 200, description = "The runtime instance.", body = Twin<RuntimeInstance>)))]
fn get_instance() {}

/// A service's log: a list, or events (followed) with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/services/{id}/logs", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ServiceLogQuery),
    responses((status = 200, description = "Lines of all replicas, by time.", body = List<ServiceLogLine>)))]
fn service_logs() {}

/// List the variables that a service gives its replicas.
#[utoipa::path(get, path = "/services/{id}/variables", tag = "services",
    params(("id" = Uuid, Path, description = "Service")),
    responses((status = 200, description = "All of them, by name.", body = List<Variable>)))]
fn list_variables() {}

/// Set variables; those that are not named stay. What changes waits in `pending_changes` for the next release.
///
/// Also read: a list of names and values, there or as the whole body, and an object of names and values as the whole body. A null
/// value removes a variable.
#[utoipa::path(put, path = "/services/{id}/variables", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    request_body(content = SetVariables, example = json!({"variables": {"LOG_LEVEL": "debug"}})),
    responses((status = 200, description = "All of them, by name.", body = List<Variable>)))]
fn set_variables() {}

/// Remove variables; one that is not there is removed already.
#[utoipa::path(delete, path = "/services/{id}/variables/{names}", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ("names" = String, Path, description = "Names, with commas between them."),
        crate::openapi::IdempotencyKey),
    responses((status = 200, description = "Those that are left, by name.", body = List<Variable>)))]
fn delete_variables() {}

/// List what replica 0 has in its environment: the variables of the release that is served, and those that the server adds.
#[utoipa::path(get, path = "/services/{id}/variables/effective", tag = "services",
    params(("id" = Uuid, Path, description = "Service")),
    responses((status = 200, description = "All of them, by name.", body = List<EffectiveVariable>)))]
fn list_effective_variables() {}

/// The log of a build, which is empty: nothing is built here, templates run as they are.
#[utoipa::path(get, path = "/services/{id}/builds/{build_id}/logs", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), ("build_id" = String, Path, description = "Anything, such as `latest`.")),
    responses((status = 200, description = "No lines.", body = Twin<Logs>)))]
fn build_logs() {}

/// Refused: services have no public addresses here.
#[utoipa::path(put, path = "/services/{id}/public-address", tag = "services",
    params(("id" = Uuid, Path, description = "Service"), crate::openapi::IdempotencyKey),
    responses((status = 409, description = "`RESOURCE_STATE`.", body = ErrorEnvelope)))]
fn set_public_address() {}
