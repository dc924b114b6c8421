//! Forks, and compaction: work that may go on after the server has answered.

use miosa_api::v1::snapshots::CloneVolume;
use miosa_api::v1::volumes::{Compaction, Volume};
use miosa_api::v1::words::{CompactionState, VolumeState};
use miosa_client::VolumeFilter;

use super::print;
use crate::args::{CompactArgs, ForkArgs};
use crate::context::Context;
use crate::errors::CliError;
use crate::output::short_id;
use crate::progress::Progress;
use crate::resolve;

pub(super) async fn fork(context: &Context, args: ForkArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::volume_id(client, &args.volume, VolumeFilter::default()).await?;
    let snapshot_id = match &args.snapshot {
        Some(query) => Some(resolve::snapshot_id(client, query).await?),
        None => None,
    };
    let new = CloneVolume {
        name: args.name,
        snapshot_id,
        size_bytes: args.size.map(|bytes| bytes.try_into().unwrap_or(i64::MAX)),
        ttl: args.ttl.map(Into::into),
        now: args.now.then_some(true),
        ..CloneVolume::default()
    };
    let fork = settled(context, client.volumes().fork(&id, &new).await?, "Forking").await?;
    if output.is_json() || output.is_quiet() {
        return print(context, &fork);
    }
    output.line(&format!("Forked volume {id} into {}", fork.name))?;
    print(context, &fork)?;
    output.hint(&format!("Attach it: miosa volumes attach {}", short_id(&fork.id)))?;
    Ok(())
}

/// The volume when it is no longer on its way. One that ended in error is an error.
pub(crate) async fn settled(context: &Context, mut volume: Volume, doing: &str) -> Result<Volume, CliError> {
    let mut progress = Progress::new(&context.output);
    while matches!(volume.state.known(), Some(VolumeState::Creating | VolumeState::Restoring)) {
        progress.wait(&format!("{doing}: volume {} is {}", volume.name, volume.state)).await;
        volume = context.client.volumes().get(&volume.id).await?;
    }
    if volume.state != VolumeState::Error {
        return Ok(volume);
    }
    let reason = volume.error.as_deref().unwrap_or("its host did not say why");
    Err(CliError::Failed {
        code: "VOLUME_ERROR",
        message: format!("volume {} is in error: {reason}", volume.id),
        hint: Some(format!("`miosa volumes show {}` shows all of it", short_id(&volume.id))),
    })
}

pub(super) async fn compact(context: &Context, args: CompactArgs) -> Result<(), CliError> {
    let (client, output) = (&context.client, &context.output);
    let id = resolve::volume_id(client, &args.volume, VolumeFilter::default()).await?;
    let mut volume = client.volumes().compact(&id).await?;
    let mut progress = Progress::new(output);
    while !args.no_wait && is_compacting(&volume) {
        progress.wait(&how_far(&volume)).await;
        volume = client.volumes().get(&id).await?;
    }
    drop(progress);
    if let Some(Compaction { state, message, .. }) = &volume.compaction
        && *state == CompactionState::Stopped
    {
        let reason = message.as_deref().unwrap_or("its host did not say why");
        return Err(CliError::Failed {
            code: "COMPACTION_STOPPED",
            message: format!("the compaction of volume {id} stopped: {reason}"),
            hint: Some("the volume is intact, and what was compacted stays so".into()),
        });
    }
    if output.is_json() || output.is_quiet() {
        return print(context, &volume);
    }
    if is_compacting(&volume) {
        output.line(&format!("Compacting volume {id}"))?;
        output.hint(&format!("See how far it is: miosa volumes show {}", short_id(&id)))?;
        return Ok(());
    }
    let counts = volume.compaction.as_ref().and_then(|done| Some((done.extents_before?, done.extents_now?)));
    let counts = counts.map(|(before, now)| format!(": {before} extents before, {now} now"));
    Ok(output.line(&format!("Compacted volume {id}{}", counts.unwrap_or_default()))?)
}

fn is_compacting(volume: &Volume) -> bool {
    let state = volume.compaction.as_ref().and_then(|compaction| compaction.state.known());
    matches!(state, Some(CompactionState::Pending | CompactionState::Running))
}

fn how_far(volume: &Volume) -> String {
    let Some(compaction) = &volume.compaction else { return "Compacting".into() };
    let percent = compaction.progress_percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
    match (compaction.extents_before, compaction.extents_now) {
        (Some(before), Some(now)) => format!("Compacting{percent}: {before} extents before, {now} now"),
        _ => format!("Compacting{percent}"),
    }
}
