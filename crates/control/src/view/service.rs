//! Services, releases and replicas as clients see them.

use miosa_api::v1::services as v1;
use miosa_api::v1::words::{self, HealthCheckType};
use miosa_api::word::Word;
use miosa_domain::service::{ReplicaState, RunSettings, ServiceState};
use miosa_domain::spec::{DesiredRun, HealthCheck, Probe};
use miosa_domain::status::{Health, InstanceState};
use miosa_store::attachment::AttachmentRecord;
use miosa_store::service::{ReleaseCause, ReleaseRecord, ReplicaRecord, ServiceSight, Source};
use serde_json::{Map, Value};

const SHARED_WRITERS: &str =
    "several replicas write to a shared volume: files need locks that all of them respect";

pub(crate) fn service(sight: ServiceSight) -> v1::Service {
    let state = sight.state();
    let (error, warnings) = (error(&sight, state), warnings(&sight));
    let (ready_replicas, in_use) = (sight.ready_replicas(), sight.service.replicas);
    let replica_volumes = sight.volumes.iter().map(|volume| v1::ReplicaVolume {
        replica: volume.replica,
        volume_id: volume.id.to_string(),
        name: volume.name.clone(),
        mount_path: volume.mount_path.to_string(),
        in_use: volume.replica.is_none_or(|index| index < in_use),
    });
    let replica_volumes = replica_volumes.collect();
    let service = sight.service;
    let settings = settings(&service.settings, service.replicas);
    let served = sight.active.as_ref();
    v1::Service {
        id: service.id.to_string(),
        tenant_id: service.tenant_id.to_string(),
        project_id: service.project_id.to_string(),
        environment_id: service.project_id.to_string(),
        host_id: service.host_id.to_string(),
        name: service.name,
        slug: service.slug,
        kind: service.kind.into(),
        service_type: service.kind.into(),
        status: state.into(),
        state: state.into(),
        pending_changes: served.and_then(|served| pending(&settings, &service.source, served)),
        source: service.source.map(source),
        build: None,
        volumes: settings.volumes.clone(),
        settings,
        replica_volumes,
        replicas: service.replicas,
        desired_replicas: service.replicas,
        ready_replicas,
        lock_version: service.lock_version,
        active_release_id: served.map(|release| release.id.to_string()),
        active_release_number: served.map(|release| release.number),
        deploying_release_id: sight
            .target
            .filter(|target| !target.state.is_settled())
            .map(|target| target.id.to_string()),
        error,
        warnings,
        url: None,
        created_at: service.created_at.to_string(),
        updated_at: service.updated_at.to_string(),
    }
}

fn error(sight: &ServiceSight, state: ServiceState) -> Option<String> {
    let failed = sight.newest.as_ref().and_then(|newest| {
        let reason = newest.reason.as_ref()?;
        let is_failed = newest.state == miosa_domain::service::ReleaseState::Failed;
        is_failed.then(|| format!("release {} failed: {}", newest.number, reason.detail))
    });
    let of_replica = || {
        sight.replicas.iter().filter(|replica| !replica.is_retired()).find_map(|replica| {
            let message = trouble(replica)?;
            Some(format!("replica {}: {message}", replica.of.index))
        })
    };
    match state {
        ServiceState::Stopped | ServiceState::Destroying => None,
        ServiceState::Running => failed,
        _ => of_replica().or(failed),
    }
}

/// Why a replica is not healthy, if that is known.
fn trouble(replica: &ReplicaRecord) -> Option<String> {
    let reported = replica.computer.reported.as_ref()?;
    match (&reported.state, &reported.health) {
        (InstanceState::Failed(failure), _) => Some(failure.message.clone()),
        (InstanceState::Running { .. }, Health::Unhealthy { reason }) => Some(reason.clone()),
        (InstanceState::Ended, _) => {
            let code = reported.exit_code.map(|code| format!(" with code {code}")).unwrap_or_default();
            Some(format!("its first process ended{code}, and its restart policy leaves it at that"))
        }
        _ => None,
    }
}

fn warnings(sight: &ServiceSight) -> Vec<String> {
    let writers = sight.service.settings.volumes.iter().any(|volume| volume.shared && !volume.read_only);
    if writers && sight.service.replicas > 1 { vec![SHARED_WRITERS.into()] } else { Vec::new() }
}

/// The settings of the next release that differ from the served ones.
fn pending(
    settings: &v1::ServiceSettings,
    source: &Option<Source>,
    served: &ReleaseRecord,
) -> Option<Map<String, Value>> {
    let object = |value: Result<Value, _>| match value {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err::<_, serde_json::Error>(_) => Map::new(),
    };
    let now = object(serde_json::to_value(self::settings(&served.settings, settings.replicas)));
    let mut next = object(serde_json::to_value(settings));
    next.retain(|name, value| now.get(name) != Some(value));
    if *source != served.source {
        next.insert("source".into(), serde_json::to_value(source).unwrap_or_default());
    }
    Some(next).filter(|next| !next.is_empty())
}

pub(crate) fn source(source: Source) -> v1::ServiceSource {
    v1::ServiceSource { source_type: Word::of(&source.kind), reference: source.reference }
}

pub(crate) fn settings(settings: &RunSettings, replicas: u32) -> v1::ServiceSettings {
    let volumes = settings.volumes.iter().map(|volume| v1::ServiceVolume {
        data_service_id_camel: volume.volume_id.to_string(),
        data_service_id: volume.volume_id.to_string(),
        volume_id: volume.volume_id.to_string(),
        mount_path_camel: volume.mount_path.to_string(),
        mount_path: volume.mount_path.to_string(),
        shared: volume.shared,
        read_only_camel: volume.read_only,
        read_only: volume.read_only,
    });
    v1::ServiceSettings {
        replicas,
        template: settings.template.clone(),
        start_command: settings.start_command.clone(),
        env: settings.env.clone(),
        size: settings.size.into(),
        network: settings.network.into(),
        port: settings.port,
        restart_policy: settings.restart_policy.into(),
        health_check: settings.health_check.as_ref().map(health_check),
        start_timeout_seconds: settings.start_timeout_seconds,
        stop_grace_seconds: settings.stop_grace_seconds,
        volumes: volumes.collect(),
    }
}

fn health_check(check: &HealthCheck) -> v1::ServiceHealthCheck {
    let (check_type, command, port, path) = match &check.probe {
        Probe::Command { command } => (HealthCheckType::Command, Some(command.clone()), None, None),
        Probe::Http { port, path } => (HealthCheckType::Http, None, Some(*port), Some(path.clone())),
    };
    v1::ServiceHealthCheck {
        check_type: check_type.into(),
        command,
        path,
        port,
        interval_seconds: check.interval_seconds,
        timeout_seconds: check.timeout_seconds,
        retries: check.retries,
    }
}

pub(crate) fn release(release: ReleaseRecord, replicas: u32) -> v1::Release {
    let snapshots = release.snapshots.iter().map(|taken| v1::ReleaseSnapshot {
        volume_id: taken.volume_id.to_string(),
        snapshot_id: taken.snapshot_id.to_string(),
    });
    v1::Release {
        id: release.id.to_string(),
        service_id: release.service_id.to_string(),
        tenant_id: release.tenant_id.to_string(),
        number: release.number,
        state: release.state.into(),
        status: release.state.into(),
        reason: release
            .reason
            .map(|reason| v1::ReleaseReason { code: reason.code.into(), detail: reason.detail }),
        cause: match release.cause {
            ReleaseCause::Deploy => words::ReleaseCause::Deploy,
            ReleaseCause::Restart => words::ReleaseCause::Restart,
            ReleaseCause::Start => words::ReleaseCause::Start,
            ReleaseCause::Volumes => words::ReleaseCause::Volumes,
            ReleaseCause::Promote => words::ReleaseCause::Promote,
            ReleaseCause::Rollback => words::ReleaseCause::Rollback,
        }
        .into(),
        source: release.source.map(source),
        settings: settings(&release.settings, replicas),
        message: release.message,
        serves_again: release.serves_again,
        snapshots: snapshots.collect(),
        handover_ms: release.handover_ms,
        created_at: release.created_at.to_string(),
        updated_at: release.updated_at.to_string(),
        settled_at: release.settled_at.map(|at| at.to_string()),
    }
}

pub(crate) fn stopped(sight: &ServiceSight, stopped: u32) -> v1::StoppedService {
    let status = sight.state().into();
    v1::StoppedService { id: sight.service.id.to_string(), stopped, success: true, status }
}

/// Its host reported, at the generation that ends it, that no process of it is left.
pub(crate) fn is_down(replica: &ReplicaRecord) -> bool {
    let computer = &replica.computer;
    computer.desired != DesiredRun::Running
        && computer.reported.as_ref().is_some_and(|reported| {
            reported.generation >= computer.generation
                && matches!(reported.state, InstanceState::Stopped | InstanceState::Gone)
        })
}

pub(crate) fn instance(replica: ReplicaRecord, release_number: Option<u64>) -> v1::RuntimeInstance {
    let state = replica.state();
    let is_troubled = matches!(state, ReplicaState::Error | ReplicaState::Unhealthy | ReplicaState::Stopped);
    let error_message = trouble(&replica).filter(|_| is_troubled);
    let (computer, of) = (replica.computer, replica.of);
    let reported = computer.reported.as_ref();
    let is_running = reported.is_some_and(|r| matches!(r.state, InstanceState::Running { .. }));
    v1::RuntimeInstance {
        id: computer.id.to_string(),
        deployment_id: of.service_id.to_string(),
        service_id: of.service_id.to_string(),
        release_id: of.release_id.to_string(),
        release_number,
        tenant_id: computer.tenant_id.to_string(),
        host_id: computer.host_id.to_string(),
        replica: of.index,
        desired_state: computer.desired.into(),
        state: state.into(),
        status: state.into(),
        ip_address: None,
        port: computer.env.get("PORT").and_then(|port| port.parse().ok()),
        restart_count: reported.map_or(0, |reported| reported.restart_count),
        exit_code: reported.and_then(|reported| reported.exit_code),
        started_at: reported.and_then(|reported| reported.started_at).map(|at| at.to_string()),
        stopped_at: reported
            .filter(|_| !is_running)
            .and_then(|reported| reported.ended_at)
            .map(|at| at.to_string()),
        error_message,
        volumes_mounted: computer.attachments.iter().map(mounted).collect(),
        metadata: computer.metadata,
        created_at: computer.created_at.to_string(),
        updated_at: computer.updated_at.to_string(),
    }
}

fn mounted(attachment: &AttachmentRecord) -> v1::MountedVolume {
    v1::MountedVolume {
        volume_id: attachment.volume_id.to_string(),
        volume_name: attachment.volume_name.clone(),
        mount_path: attachment.mount_path.to_string(),
        shared: attachment.shared,
        read_only: attachment.read_only,
        state: attachment.state.into(),
    }
}
