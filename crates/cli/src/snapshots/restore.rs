//! Bringing a snapshot back: as a new volume, or in place.
//!
//! In place, the data of the present gives way, so a person is asked, and told how to undo it: the present is in the safety
//! snapshot that the server takes first. A restore that this program stops waiting for goes on.

use futures::TryStreamExt;
use miosa_api::v1::snapshots::{Event, RestoreSnapshot, Snapshot};
use miosa_api::v1::volumes::Volume;
use miosa_api::v1::words::{SnapshotState, Trigger, VolumeState};
use miosa_client::{Client, SnapshotFilter};

use super::print::in_words;
use crate::args::RestoreArgs;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::short_id;
use crate::{resolve, volumes};

pub(super) async fn restore(context: &Context, args: RestoreArgs) -> Result<(), CliError> {
    match args.to.clone() {
        Some(name) => to_new(context, name, args).await,
        None => in_place(context, args).await,
    }
}

async fn to_new(context: &Context, name: String, args: RestoreArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::snapshot_id(client, &args.snapshot).await?;
    let new = RestoreSnapshot {
        name: Some(name),
        size_bytes: args.size.map(|bytes| bytes.try_into().unwrap_or(i64::MAX)),
        ttl: args.ttl.map(Into::into),
        ..RestoreSnapshot::default()
    };
    let volume = client.snapshots().restore(&id, &new).await?;
    let volume = volumes::settled(context, volume, "Restoring").await?;
    if output.is_json() || output.is_quiet() {
        return volumes::print(context, &volume);
    }
    output.line(&format!("Restored snapshot {id} to volume {}", volume.name))?;
    volumes::print(context, &volume)?;
    output.hint(&format!("Attach it: miosa volumes attach {}", short_id(&volume.id)))?;
    Ok(())
}

async fn in_place(context: &Context, args: RestoreArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    if !args.yes && !output.can_ask() {
        let hint = Some("say --yes when it may be restored; nothing was changed");
        let message = "restoring in place asks first, and there is no terminal to ask at";
        return Err(CliError::usage(message, hint));
    }
    let id = resolve::snapshot_id(client, &args.snapshot).await?;
    let snapshot = client.snapshots().get(&id).await?;
    if !args.yes && !output.confirm(&question(client, &snapshot, args.force).await?)? {
        return Err(CliError::Declined);
    }
    let volume = client.volumes().restore(&snapshot.volume_id, &id, args.force).await?;
    let had_to_wait = volume.state == VolumeState::Restoring;
    let volume = volumes::settled(context, volume, "Restoring").await?;
    if had_to_wait {
        // A restore that failed leaves the volume as it was: only its history tells.
        succeeded(client, &volume).await?;
    }
    if output.is_json() || output.is_quiet() {
        return volumes::print(context, &volume);
    }
    output.line(&format!("Restored volume {} to snapshot {}", volume.name, in_words(&snapshot)))?;
    if let Some(safety) = newest_safety(client, &volume.id).await? {
        output.line(&format!("What it held before is in safety snapshot {safety}"))?;
        let force = if volume.attachments.is_empty() { "" } else { " --force" };
        output.hint(&format!("Undo: miosa snapshots restore {safety} --in-place{force}"))?;
    }
    Ok(())
}

/// Names what is lost from sight and who is stopped.
async fn question(client: &Client, snapshot: &Snapshot, force: bool) -> Result<String, CliError> {
    let volume = client.volumes().get(&snapshot.volume_id).await?;
    let users = volume.attachments.iter().filter_map(|attachment| attachment.computer_id.as_deref());
    let mut names = Vec::new();
    for computer_id in users {
        names.push(format!("{} ({computer_id})", client.computers().get(computer_id).await?.name));
    }
    if !names.is_empty() && !force {
        return Err(CliError::usage(
            format!("volume {} is used by computer {}", volume.name, names.join(", ")),
            Some("detach it first; or --force stops the computer, restores and starts it again"),
        ));
    }
    let stops = match names.is_empty() {
        true => String::new(),
        false => format!(" Stops computer {}, and starts it again afterwards.", names.join(", ")),
    };
    let to = in_words(snapshot);
    Ok(format!("Bring volume {} ({}) back to snapshot {to}?{stops}", volume.name, volume.id))
}

/// The newest of the restores that the volume's history tells of ended well.
async fn succeeded(client: &Client, volume: &Volume) -> Result<(), CliError> {
    let mut events = std::pin::pin!(client.volumes().events(&volume.id));
    while let Some(Event { kind, message, .. }) = events.try_next().await? {
        match kind.as_str() {
            "volume.restored" => return Ok(()),
            "volume.restore_failed" => {
                return Err(CliError::Failed {
                    code: "RESTORE_FAILED",
                    message: format!("the restore of volume {} failed: {message}", volume.id),
                    hint: Some("the volume has the data that it had before".into()),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

async fn newest_safety(client: &Client, volume_id: &str) -> Result<Option<String>, CliError> {
    let filter = SnapshotFilter { volume_id: Some(volume_id.to_owned()), ..SnapshotFilter::default() };
    let mut snapshots = std::pin::pin!(client.snapshots().list_all(&filter));
    while let Some(snapshot) = snapshots.try_next().await? {
        if snapshot.trigger == Trigger::Safety && snapshot.state == SnapshotState::Ready {
            return Ok(Some(snapshot.id));
        }
    }
    Ok(None)
}
