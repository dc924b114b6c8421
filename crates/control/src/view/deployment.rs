//! Services and releases as deployments, versions and releases of versions. Published clients reject unknown words, so each
//! state has one of theirs.

use std::collections::BTreeMap;

use miosa_api::v1::deployments as v1;
use miosa_api::v1::words::{DeploymentKind, DeploymentState, EnvironmentName, VersionState};
use miosa_domain::service::{ReleaseState, ServiceState};
use miosa_store::service::{ReleaseRecord, ServiceSight};
use serde_json::{Map, Value};

pub(crate) fn state(state: ServiceState) -> DeploymentState {
    match state {
        ServiceState::Pending => DeploymentState::Pending,
        ServiceState::Deploying => DeploymentState::Building,
        ServiceState::Running => DeploymentState::Running,
        ServiceState::Failed => DeploymentState::Failed,
        ServiceState::Stopped | ServiceState::Destroying => DeploymentState::Stopped,
    }
}

pub(crate) fn version_state(state: ReleaseState) -> VersionState {
    match state {
        ReleaseState::Queued => VersionState::Created,
        ReleaseState::Deploying => VersionState::Building,
        ReleaseState::Active => VersionState::Ready,
        ReleaseState::Failed => VersionState::Failed,
        ReleaseState::Canceled | ReleaseState::Stopped | ReleaseState::Removed => VersionState::Archived,
    }
}

pub(crate) fn deployment(sight: ServiceSight) -> v1::Deployment {
    let state = state(sight.state());
    let service = super::service::service(sight);
    v1::Deployment {
        id: service.id,
        tenant_id: service.tenant_id,
        project_id: service.project_id,
        environment_id: service.environment_id,
        name: service.name,
        slug: service.slug,
        state: state.into(),
        status: state.into(),
        source_type: None,
        source: service.source,
        auto_deploy: false,
        instances: service.replicas,
        ready_instances: service.ready_replicas,
        active_version_id: service.active_release_id.clone(),
        active_version_number: service.active_release_number,
        active_release_id: service.active_release_id,
        error: service.error,
        url: None,
        metadata: BTreeMap::new(),
        created_at: service.created_at,
        updated_at: service.updated_at,
    }
}

pub(crate) fn version(release: ReleaseRecord) -> v1::DeploymentVersion {
    let state = version_state(release.state);
    v1::DeploymentVersion {
        id: release.id.to_string(),
        deployment_id: release.service_id.to_string(),
        tenant_id: release.tenant_id.to_string(),
        version_number: release.number,
        kind: DeploymentKind::Dynamic.into(),
        state: state.into(),
        status: state.into(),
        source_type: None,
        artifact_manifest: manifest(&release),
        source: release.source.map(super::service::source),
        message: release.message,
        error: release.reason.map(|reason| reason.detail),
        metadata: BTreeMap::new(),
        created_at: release.created_at.to_string(),
        updated_at: release.updated_at.to_string(),
    }
}

pub(crate) fn release(release: ReleaseRecord) -> v1::DeploymentRelease {
    let state = version_state(release.state);
    v1::DeploymentRelease {
        id: release.id.to_string(),
        deployment_id: release.service_id.to_string(),
        deployment_version_id: release.id.to_string(),
        version_number: release.number,
        tenant_id: release.tenant_id.to_string(),
        kind: DeploymentKind::Dynamic.into(),
        state: state.into(),
        status: state.into(),
        environment: EnvironmentName::Production.into(),
        artifact_manifest: manifest(&release),
        metadata: BTreeMap::new(),
        created_at: release.created_at.to_string(),
        updated_at: release.updated_at.to_string(),
    }
}

fn manifest(release: &ReleaseRecord) -> Map<String, Value> {
    [("template".to_owned(), release.settings.template.clone().into())].into_iter().collect()
}
