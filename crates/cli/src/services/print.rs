//! What a service, its releases and its replicas look like.

use jiff::Timestamp;
use miosa_api::v1::services::{
    MountedVolume, Release, RuntimeInstance, Service, ServiceHealthCheck, ServiceVolume,
};
use miosa_api::v1::words::{AttachmentState, ReleaseState};

use crate::context::Context;
use crate::errors::CliError;
use crate::output::{Output, age, minute, short_id};

pub(super) const HEADERS: [&str; 6] = ["ID", "NAME", "STATE", "REPLICAS", "RELEASE", "VOLUMES"];
const REPLICA_HEADERS: [&str; 8] =
    ["REPLICA", "ID", "STATE", "RELEASE", "RESTARTS", "VOLUMES", "AGE", "ERROR"];
const VOLUME_HEADERS: [&str; 5] = ["VOLUME", "NAME", "PATH", "REPLICA", "ACCESS"];
const RELEASE_HEADERS: [&str; 6] = ["RELEASE", "STATE", "CAUSE", "AGE", "HAND-OVER", "REASON"];

pub(super) fn row(service: &Service) -> Vec<String> {
    let volumes: Vec<String> = service.volumes.iter().map(|volume| at(service, volume)).collect();
    vec![
        short_id(&service.id),
        service.name.clone(),
        service.state.to_string(),
        format!("{}/{}", service.ready_replicas, service.replicas),
        service.active_release_number.map_or("-".into(), |number| number.to_string()),
        if volumes.is_empty() { "none".into() } else { volumes.join(", ") },
    ]
}

/// `data:/var/data:shared`, as it is typed.
pub(super) fn at(service: &Service, volume: &ServiceVolume) -> String {
    let known = service.replica_volumes.iter().find(|known| known.volume_id == volume.volume_id);
    let name = known.map_or_else(|| short_id(&volume.volume_id), |known| known.name.clone());
    let read_only = if volume.read_only { ":ro" } else { "" };
    let shared = if volume.shared { ":shared" } else { "" };
    format!("{name}:{}{read_only}{shared}", volume.mount_path)
}

/// The service itself; what belongs to it is in the tables below.
pub(super) fn service(context: &Context, service: &Service) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(service)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&service.id)?);
    }
    let settings = &service.settings;
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let env = names(settings.env.keys().collect());
    let pending = service.pending_changes.as_ref().map(|changes| names(changes.keys().collect()));
    let volumes: Vec<String> = service.volumes.iter().map(|volume| at(service, volume)).collect();
    output.fields(&[
        ("ID", Some(service.id.clone())),
        ("Name", Some(service.name.clone())),
        ("Project", Some(service.project_id.clone())),
        ("State", Some(service.state.to_string())),
        ("Replicas", Some(format!("{} of {} healthy", service.ready_replicas, service.replicas))),
        ("Error", service.error.clone()),
        ("Release", Some(released(service))),
        ("Template", Some(settings.template.clone())),
        ("Command", settings.start_command.clone()),
        ("Environment", Some(env).filter(|env| !env.is_empty())),
        ("Size", Some(settings.size.to_string())),
        ("Network", Some(settings.network.to_string())),
        ("Port", settings.port.map(|port| port.to_string())),
        ("Health", settings.health_check.as_ref().map(health)),
        ("Restarts", Some(settings.restart_policy.to_string())),
        ("Must start in", Some(format!("{} s", settings.start_timeout_seconds))),
        ("Has to end in", Some(format!("{} s", settings.stop_grace_seconds))),
        ("Volumes", Some(if volumes.is_empty() { "none".into() } else { volumes.join(", ") })),
        ("Pending", pending.map(|names| format!("{names}: in force from the next release on"))),
        ("Created", Some(minute(&service.created_at))),
    ])?;
    Ok(())
}

fn released(service: &Service) -> String {
    let served = match service.active_release_number {
        Some(number) => number.to_string(),
        None => "none".into(),
    };
    match &service.deploying_release_id {
        Some(id) => format!("{served}; release {} is being deployed", short_id(id)),
        None => served,
    }
}

pub(crate) fn health(check: &ServiceHealthCheck) -> String {
    let ServiceHealthCheck { command, path, port, interval_seconds, timeout_seconds, retries, .. } = check;
    let asked = match (command, path) {
        (Some(command), _) => command.clone(),
        (None, path) => format!(
            "GET {} at port {}",
            path.as_deref().unwrap_or("/"),
            port.map_or("-".into(), |port| port.to_string())
        ),
    };
    format!("{asked} (every {interval_seconds} s, answered in {timeout_seconds} s, {retries} failures count)")
}

pub(super) fn warnings(context: &Context, service: &Service) -> Result<(), CliError> {
    service.warnings.iter().try_for_each(|warning| Ok(context.output.hint(&format!("Warning: {warning}"))?))
}

pub(super) fn replicas(output: &Output, replicas: &[RuntimeInstance]) -> Result<(), CliError> {
    let now = Timestamp::now();
    let rows = replicas.iter().map(|replica| {
        let volumes: Vec<String> = replica.volumes_mounted.iter().map(mounted).collect();
        let since = replica.started_at.as_ref().unwrap_or(&replica.created_at);
        vec![
            replica.replica.to_string(),
            short_id(&replica.id),
            replica.state.to_string(),
            replica.release_number.map_or("-".into(), |number| number.to_string()),
            replica.restart_count.to_string(),
            if volumes.is_empty() { "none".into() } else { volumes.join(", ") },
            age(since, now),
            replica.error_message.clone().unwrap_or_default(),
        ]
    });
    Ok(output.table(&REPLICA_HEADERS, rows.collect())?)
}

fn mounted(volume: &MountedVolume) -> String {
    let state = if volume.state == AttachmentState::Attached {
        String::new()
    } else {
        format!(" ({})", volume.state)
    };
    format!("{}:{}{state}", volume.volume_name, volume.mount_path)
}

pub(super) fn volumes(output: &Output, service: &Service) -> Result<(), CliError> {
    let rows = service.replica_volumes.iter().map(|volume| {
        let wanted = service.volumes.iter().find(|wanted| wanted.mount_path == volume.mount_path);
        let access = match wanted {
            Some(ServiceVolume { read_only: true, .. }) => "read-only",
            Some(ServiceVolume { shared: true, .. }) => "shared",
            _ => "own",
        };
        let replica = volume.replica.map_or("all".into(), |index| index.to_string());
        vec![
            short_id(&volume.volume_id),
            volume.name.clone(),
            volume.mount_path.clone(),
            if volume.in_use { replica } else { format!("{replica} (kept)") },
            access.to_owned(),
        ]
    });
    Ok(output.table(&VOLUME_HEADERS, rows.collect())?)
}

pub(super) fn releases(output: &Output, releases: &[Release]) -> Result<(), CliError> {
    let now = Timestamp::now();
    let rows = releases.iter().map(|release| {
        let again = release.serves_again.map(|number| format!(" of {number}")).unwrap_or_default();
        let reason = release.reason.as_ref().map(|reason| reason.detail.clone());
        vec![
            release.number.to_string(),
            release.state.to_string(),
            format!("{}{again}", release.cause),
            age(&release.created_at, now),
            release.handover_ms.map_or("-".into(), |ms| format!("{ms} ms")),
            reason.or_else(|| release.message.clone()).unwrap_or_default(),
        ]
    });
    Ok(output.table(&RELEASE_HEADERS, rows.collect())?)
}

/// What became of a release that was just made.
pub(super) fn release(context: &Context, service: &Service, release: &Release) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(release)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&release.id)?);
    }
    let (name, number) = (&service.name, release.number);
    let again = release.serves_again.map(|number| format!(": release {number} once more"));
    let again = again.unwrap_or_default();
    if release.state != ReleaseState::Active {
        output.line(&format!("Release {number} of service {name} is {}{again}", release.state))?;
        output.hint(&format!("See how it goes on: miosa services show {}", short_id(&service.id)))?;
        return Ok(());
    }
    output.line(&format!("Service {name} serves release {number}{again}"))?;
    let taken = release.snapshots.iter();
    let taken = taken.map(|taken| format!("{} of volume {}", taken.snapshot_id, taken.volume_id));
    let taken = taken.collect::<Vec<_>>().join(", ");
    output.fields(&[
        ("Release", Some(release.id.clone())),
        ("Hand-over", release.handover_ms.map(|ms| format!("{ms} ms, in which nobody had the volumes"))),
        ("Snapshots", Some(taken).filter(|taken| !taken.is_empty())),
        ("Message", release.message.clone()),
    ])?;
    Ok(())
}
