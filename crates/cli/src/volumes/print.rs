//! One volume, in fields.

use miosa_api::v1::volumes::{Compaction, Volume, VolumeAttachment, VolumeSpace};
use miosa_api::v1::words::ScheduleState;
use miosa_domain::{size, stall};

use super::mounted_at;
use crate::context::Context;
use crate::errors::CliError;
use crate::output::{amount, counted, formatted, minute};

const SCHEDULE_FORMAT: &str = "%Y-%m-%d %H:%M";

pub(crate) fn print(context: &Context, volume: &Volume) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(volume)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&volume.id)?);
    }
    let space = volume.space.as_ref();
    let metadata: Vec<_> = volume.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let snapshots = &volume.snapshots;
    let is_state = |state| snapshots.schedule_state == state;
    let hook = |command: &Option<String>| command.clone().filter(|command| !command.is_empty());
    output.fields(&[
        ("ID", Some(volume.id.clone())),
        ("Name", Some(volume.name.clone())),
        ("Size", Some(size::human(volume.size_bytes))),
        ("Used", used(volume)),
        ("Allocated", space.map(|space| size::human(space.allocated_bytes))),
        ("In snapshots", space.map(in_snapshots)),
        ("Extents", space.map(extents)),
        ("Compaction", volume.compaction.as_ref().map(compaction)),
        ("Region", Some(volume.region.clone())),
        ("State", Some(volume.state.to_string())),
        ("Error", volume.error.clone()),
        ("Attached", Some(attached(&volume.attachments))),
        ("Snapshots", snapshot_count(volume)),
        ("Schedule", volume.snapshot_schedule.as_ref().map(|schedule| scheduled(schedule, volume))),
        ("Next", next_times(volume)),
        ("Paused", is_state(ScheduleState::Paused).then(|| reason(volume))),
        ("Failing", is_state(ScheduleState::Failing).then(|| failing(volume))),
        ("Before snapshot", hook(&snapshots.before_snapshot)),
        ("After snapshot", hook(&snapshots.after_snapshot)),
        ("Made from", volume.origin.as_ref().map(|origin| format!("{} {}", origin.kind, origin.id))),
        ("Metadata", (!metadata.is_empty()).then(|| metadata.join(", "))),
        ("Protected", volume.delete_protection.then(|| "from being destroyed".into())),
        ("Expires", volume.expires_at.as_deref().map(minute)),
        ("Deleted", volume.deleted_at.as_deref().map(minute)),
        ("Gone", volume.purge_after.as_deref().map(minute)),
        ("Created", Some(minute(&volume.created_at))),
    ])?;
    Ok(())
}

/// What the filesystem says when it can be asked; until the first measurement, what the host reported.
fn used(volume: &Volume) -> Option<String> {
    match &volume.space {
        Some(space) => space.filesystem_used_bytes.map(size::human),
        None => Some(size::human(volume.used_bytes)),
    }
}

fn in_snapshots(space: &VolumeSpace) -> String {
    format!("{} that nothing else holds", amount(space.held_by_snapshots_bytes))
}

fn extents(space: &VolumeSpace) -> String {
    let VolumeSpace { extents, predicted_stall_ms, .. } = space;
    let wait = match predicted_stall_ms {
        0 => "less than 1 ms".to_owned(),
        ms => format!("about {ms} ms"),
    };
    let compacted = if *predicted_stall_ms > stall::BUDGET_MS { ", so it is compacted first" } else { "" };
    format!("{extents}; a snapshot would hold writers up for {wait}{compacted}")
}

fn compaction(compaction: &Compaction) -> String {
    let Compaction { state, extents_before, extents_now, progress_percent, message } = compaction;
    let mut text = state.to_string();
    if let Some(percent) = progress_percent {
        text.push_str(&format!(", {percent}%"));
    }
    if let (Some(before), Some(now)) = (extents_before, extents_now) {
        text.push_str(&format!(", {before} extents before, {now} now"));
    }
    match message {
        Some(message) => format!("{text}: {message}"),
        None => text,
    }
}

fn attached(attachments: &[VolumeAttachment]) -> String {
    if attachments.is_empty() {
        return "none".into();
    }
    let attached = attachments.iter().map(|attachment| {
        let user = [&attachment.computer_id, &attachment.instance_id, &attachment.service_id];
        let user = user.into_iter().flatten().next().map_or("-", String::as_str);
        let place = mounted_at(&attachment.mount_path, attachment.read_only);
        format!("{user} at {place} (attachment {})", attachment.id)
    });
    attached.collect::<Vec<_>>().join(", ")
}

fn snapshot_count(volume: &Volume) -> Option<String> {
    let last = volume.snapshots.last_taken_at.as_deref().map(minute);
    match (volume.snapshots.count, last) {
        (0, _) => None,
        (count, None) => Some(count.to_string()),
        (count, Some(last)) => Some(format!("{count}, last taken {last}")),
    }
}

fn scheduled(schedule: &str, volume: &Volume) -> String {
    let days = counted(u64::from(volume.snapshot_retention_days), "day");
    format!("{schedule} (UTC), each kept for {days}")
}

fn next_times(volume: &Volume) -> Option<String> {
    let next = volume.snapshots.next.iter().map(|time| formatted(time, SCHEDULE_FORMAT));
    let next = next.collect::<Vec<_>>().join(", ");
    (!next.is_empty()).then(|| format!("{next} UTC"))
}

fn reason(volume: &Volume) -> String {
    volume.snapshots.schedule_message.clone().unwrap_or_else(|| "no reason is known".into())
}

fn failing(volume: &Volume) -> String {
    let again = volume.snapshots.next_run_at.as_deref().map(minute);
    let again = again.map(|time| format!("; tried again {time}")).unwrap_or_default();
    format!("{} ({}{again})", reason(volume), counted(volume.snapshots.failures.into(), "failure"))
}
