//! Carries a plan out, in its order, each step to its end: a service is only made when its volumes are there, and the next only
//! touched when this one is served. The first failure ends it; what was done stays.

use std::collections::HashMap;

use miosa_api::v1::services::{CreateService, DeployService, NewServiceVolume, NewSource};
use miosa_api::v1::volumes::{CreateVolume, UpdateVolume, Volume};
use miosa_api::v1::words::VolumeState;
use serde_json::{Map, Value, json};

use super::file::{WantedService, WantedVolume};
use super::plan::{Deed, Item, Plan, Sight};
use crate::context::Context;
use crate::errors::CliError;
use crate::services;
use crate::volumes;

/// Kept with the releases that are made.
const MESSAGE: &str = "miosa up";

pub(super) async fn apply(
    context: &Context,
    project_id: &str,
    plan: &Plan,
    sight: &Sight,
) -> Result<(), CliError> {
    let mut ids: HashMap<String, String> = HashMap::new();
    for volume in sight.volumes.iter().filter(|volume| volume.state != VolumeState::Deleting) {
        ids.insert(volume.name.clone(), volume.id.clone());
    }
    for item in &plan.items {
        if let Some(done) = step(context, project_id, item, &mut ids).await? {
            tell(context, &done)?;
        }
    }
    Ok(())
}

/// What was done to an object.
struct Done {
    id: String,
    words: String,
}

fn tell(context: &Context, done: &Done) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(());
    }
    Ok(output.line(if output.is_quiet() { &done.id } else { &done.words })?)
}

async fn step(
    context: &Context,
    project_id: &str,
    item: &Item,
    ids: &mut HashMap<String, String>,
) -> Result<Option<Done>, CliError> {
    let (client, name) = (&context.client, &item.name);
    let id = item.id.clone().unwrap_or_default();
    let said = |words: String| Ok(Some(Done { id: id.clone(), words }));
    match &item.deed {
        Deed::Nothing => Ok(None),
        Deed::CreateVolume(wanted) => {
            let made = client.volumes().create(&new_volume(context, project_id, wanted)).await?;
            let made: Volume = volumes::settled(context, made, "Creating").await?;
            ids.insert(made.name, made.id.clone());
            Ok(Some(Done { words: format!("Created volume {name}"), id: made.id }))
        }
        Deed::UpdateVolume(wanted) => {
            client.volumes().update(&id, &changed_volume(wanted)).await?;
            said(format!("Changed volume {name}"))
        }
        Deed::CreateService(wanted) => {
            let new = CreateService {
                name: Some(name.clone()),
                project_id: Some(project_id.to_owned()),
                source: Some(NewSource::Named(wanted.template.clone())),
                settings: Some(settings(wanted, ids)),
                ..CreateService::default()
            };
            let made = services::settled(context, client.services().create(&new).await?, 0).await?;
            Ok(Some(Done { words: format!("Created service {name}"), id: made.id }))
        }
        Deed::Deploy(wanted) => {
            let ask = DeployService {
                source: Some(NewSource::Named(wanted.template.clone())),
                settings: Some(settings(wanted, ids)),
                message: Some(MESSAGE.into()),
                ..DeployService::default()
            };
            let service = client.services().get(&id).await?;
            let release = client.services().deploy(&id, &ask).await?;
            let release = services::served(context, &service, release).await?;
            said(format!("Service {name} serves release {}", release.number))
        }
        Deed::Scale(replicas) => {
            client.services().scale(&id, *replicas).await?;
            services::scaled(context, &id).await?;
            said(format!("Scaled service {name} to {replicas}"))
        }
        Deed::Await(release_id) => {
            let service = client.services().get(&id).await?;
            let release = client.services().get_release(&id, release_id).await?;
            let release = services::served(context, &service, release).await?;
            said(format!("Service {name} serves release {}", release.number))
        }
    }
}

fn new_volume(context: &Context, project_id: &str, wanted: &WantedVolume) -> CreateVolume {
    CreateVolume {
        name: Some(wanted.name.clone()),
        size_bytes: i64::try_from(wanted.size_bytes_or_default()).ok(),
        project_id: Some(project_id.to_owned()),
        region: context.settings.region.clone(),
        metadata: wanted.metadata.as_ref().map(texts),
        delete_protection: wanted.delete_protection,
        snapshot_schedule: wanted.snapshot_schedule.clone().flatten(),
        snapshot_retention_days: wanted.snapshot_retention_days,
        before_snapshot: wanted.before_snapshot.clone(),
        after_snapshot: wanted.after_snapshot.clone(),
        hook_timeout_seconds: wanted.hook_timeout_seconds,
        ..CreateVolume::default()
    }
}

fn changed_volume(wanted: &WantedVolume) -> UpdateVolume {
    UpdateVolume {
        metadata: wanted.metadata.as_ref().map(texts),
        delete_protection: wanted.delete_protection,
        snapshot_schedule: wanted.snapshot_schedule.clone(),
        snapshot_retention_days: wanted.snapshot_retention_days,
        before_snapshot: wanted.before_snapshot.clone(),
        after_snapshot: wanted.after_snapshot.clone(),
        hook_timeout_seconds: wanted.hook_timeout_seconds,
        ..UpdateVolume::default()
    }
}

fn texts(map: &std::collections::BTreeMap<String, String>) -> Map<String, Value> {
    map.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect()
}

/// The whole of a service's settings; null takes one back to its default.
fn settings(wanted: &WantedService, ids: &HashMap<String, String>) -> Map<String, Value> {
    let volumes = wanted.mounts.iter().map(|mount| NewServiceVolume {
        data_service_id: ids.get(&mount.volume).cloned(),
        mount_path: Some(mount.path.to_string()),
        shared: Some(mount.shared),
        read_only: Some(mount.read_only),
    });
    let health = wanted.health.as_ref().map(|check| {
        json!({"command": check.command, "path": check.path, "port": check.port,
            "interval_seconds": check.interval_seconds, "timeout_seconds": check.timeout_seconds,
            "retries": check.retries})
    });
    let mut settings = Map::from_iter([
        ("start_command".to_owned(), json!(wanted.command)),
        ("env".to_owned(), json!(wanted.env)),
        ("size".to_owned(), json!(wanted.size)),
        ("network".to_owned(), json!(wanted.network)),
        ("port".to_owned(), json!(wanted.port)),
        ("restart_policy".to_owned(), json!(wanted.restart_policy)),
        ("health_check".to_owned(), json!(health)),
        ("start_timeout_seconds".to_owned(), json!(wanted.start_timeout_seconds)),
        ("stop_grace_seconds".to_owned(), json!(wanted.stop_grace_seconds)),
        ("volumes".to_owned(), json!(volumes.collect::<Vec<_>>())),
    ]);
    if let Some(replicas) = wanted.replicas {
        settings.insert("replicas".to_owned(), json!(replicas));
    }
    settings
}
