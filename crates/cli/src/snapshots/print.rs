//! Snapshots for people: a row of a table, fields, words.

use jiff::Timestamp;
use miosa_api::v1::snapshots::Snapshot;
use miosa_api::v1::words::SnapshotState;
use miosa_domain::size;

use crate::context::Context;
use crate::errors::CliError;
use crate::output::{age, amount, counted, minute, second, short_id};

pub(super) const HEADERS: [&str; 9] =
    ["ID", "NAME", "VOLUME", "STATE", "TRIGGER", "TAKEN", "SIZE", "ONLY-HERE", "EXPIRES"];

pub(super) const PLAN_HEADERS: [&str; 7] = ["ID", "NAME", "VOLUME", "TAKEN", "ONLY-HERE", "PLAN", "WHY"];

/// As [`HEADERS`] says.
pub(super) fn row(snapshot: &Snapshot, now: Timestamp) -> Vec<String> {
    vec![
        short_id(&snapshot.id),
        name(snapshot),
        snapshot.volume_name.clone(),
        snapshot.state.to_string(),
        snapshot.trigger.to_string(),
        taken(snapshot, now),
        size::human(snapshot.size_bytes),
        only_here(snapshot),
        expires(snapshot, now),
    ]
}

/// As [`PLAN_HEADERS`] says. What stays is told by its id alone when it went meanwhile.
pub(super) fn plan_row(
    id: &str,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
    plan: &str,
    why: &str,
) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    vec![
        short_id(id),
        or_dash(snapshot.map(name)),
        or_dash(snapshot.map(|snapshot| snapshot.volume_name.clone())),
        or_dash(snapshot.map(|snapshot| taken(snapshot, now))),
        or_dash(snapshot.map(only_here)),
        plan.to_owned(),
        why.to_owned(),
    ]
}

fn name(snapshot: &Snapshot) -> String {
    snapshot.name.clone().unwrap_or_else(|| "-".into())
}

fn taken(snapshot: &Snapshot, now: Timestamp) -> String {
    snapshot.taken_at.as_ref().map_or("-".into(), |time| age(time, now))
}

fn only_here(snapshot: &Snapshot) -> String {
    snapshot.exclusive_bytes.map_or("-".into(), amount)
}

/// One whose time is over, and that is still there, stays by a rule or is about to go.
fn expires(snapshot: &Snapshot, now: Timestamp) -> String {
    match &snapshot.expires_at {
        _ if snapshot.protected => "never".into(),
        None => "never".into(),
        Some(time) if time.parse::<Timestamp>().is_ok_and(|time| time <= now) => "due".into(),
        Some(time) => age(time, now),
    }
}

/// `before-upgrade of volume data (taken 2026-05-17 10:00:00 UTC, 0198..)`
pub(super) fn in_words(snapshot: &Snapshot) -> String {
    let taken = snapshot.taken_at.as_deref().map(|time| format!("taken {}, ", second(time)));
    let name = snapshot.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
    format!("{name}of volume {} ({}{})", snapshot.volume_name, taken.unwrap_or_default(), snapshot.id)
}

/// What is being done to one that is not ready: `compacting, 40%`.
pub(super) fn phase(snapshot: &Snapshot) -> String {
    let phase = snapshot.phase.as_ref().map_or("waiting", |phase| phase.as_str());
    match snapshot.progress_percent {
        Some(percent) => format!("{phase}, {percent}%"),
        None => phase.to_owned(),
    }
}

pub(super) fn print(context: &Context, snapshot: &Snapshot) -> Result<(), CliError> {
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(snapshot)?);
    }
    if output.is_quiet() {
        return Ok(output.line(&snapshot.id)?);
    }
    let is_ready = snapshot.state == SnapshotState::Ready;
    let metadata: Vec<_> = snapshot.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    output.fields(&[
        ("ID", Some(snapshot.id.clone())),
        ("Name", snapshot.name.clone()),
        ("Volume", Some(format!("{} ({})", snapshot.volume_name, snapshot.volume_id))),
        ("State", Some(snapshot.state.to_string())),
        ("Doing", (snapshot.state == SnapshotState::Creating).then(|| phase(snapshot))),
        ("Error", snapshot.error.clone()),
        ("Trigger", Some(snapshot.trigger.to_string())),
        ("Taken", snapshot.taken_at.as_deref().map(second)),
        ("Size", Some(size::human(snapshot.size_bytes))),
        ("Occupies", is_ready.then(|| size::human(snapshot.used_bytes))),
        ("Only here", is_ready.then(|| measured(snapshot))),
        ("Writers waited", snapshot.stall_ms.map(|ms| waited(ms, snapshot))),
        ("Checksum", is_ready.then(|| checksum(snapshot))),
        ("Verified", verified(snapshot)),
        ("Protected", snapshot.protected.then(|| "from being deleted and from expiring".into())),
        ("Expires", Some(expires_at(snapshot))),
        ("Metadata", (!metadata.is_empty()).then(|| metadata.join(", "))),
        ("Created", Some(minute(&snapshot.created_at))),
    ])?;
    Ok(())
}

fn measured(snapshot: &Snapshot) -> String {
    let Some(bytes) = snapshot.exclusive_bytes else { return "not measured yet".into() };
    let at = snapshot.exclusive_bytes_at.as_ref();
    let ago = at.map(|time| format!(", measured {} ago", age(time, Timestamp::now())));
    format!("{}{}", amount(bytes), ago.unwrap_or_default())
}

fn waited(ms: f64, snapshot: &Snapshot) -> String {
    let extents = snapshot.extents.map(|extents| format!(", for {}", counted(extents, "extent")));
    let compacted = if snapshot.compacted { ", compacted before" } else { "" };
    format!("{ms:.1} ms{}{compacted}", extents.unwrap_or_default())
}

fn checksum(snapshot: &Snapshot) -> String {
    let checksum = snapshot.checksum.as_ref().map(|checksum| format!("BLAKE3 {checksum}"));
    checksum.unwrap_or_else(|| "not computed yet".into())
}

fn verified(snapshot: &Snapshot) -> Option<String> {
    let verification = snapshot.verification.as_ref()?;
    let percent = verification.progress_percent.map(|percent| format!(", {percent}%")).unwrap_or_default();
    let reason = verification.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    Some(format!("{}{percent} ({}){reason}", verification.state, minute(&verification.at)))
}

fn expires_at(snapshot: &Snapshot) -> String {
    match &snapshot.expires_at {
        _ if snapshot.protected => "never, while it is protected".into(),
        None => "never; it stays until it is deleted".into(),
        Some(time) => minute(time),
    }
}
