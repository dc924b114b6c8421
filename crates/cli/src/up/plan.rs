//! What differs between a file and a project, and what would be done about it. Pure: the same file and the same sight give the
//! same plan, and nothing here can call anybody.
//!
//! Volumes and services are known by their names within the project. Nothing is deleted or resized, whatever the file leaves out.

use std::collections::{BTreeMap, HashMap};

use miosa_api::v1::services::{Release, Service, ServiceSettings};
use miosa_api::v1::volumes::Volume;
use miosa_api::v1::words::{ServiceState, VolumeState};
use miosa_domain::size;
use serde::Serialize;

use super::file::{Wanted, WantedMount, WantedService, WantedVolume};
use crate::resolve::Candidate;
use crate::services::health;

/// What is there: all of the project that may be meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    pub(super) volumes: Vec<Volume>,
    pub(super) services: Vec<SeenService>,
}

#[derive(Debug, Clone)]
pub(super) struct SeenService {
    pub(super) service: Service,
    /// The release that is being deployed.
    pub(super) deploying: Option<Release>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Ambiguous {
        noun: &'static str,
        name: String,
        candidates: Vec<Candidate>,
    },
    /// A service mounts what is neither in the file nor in the project.
    UnknownVolume {
        line: usize,
        service: String,
        volume: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Volumes before the services that mount them.
    pub(super) items: Vec<Item>,
    /// What is not as in the file and stays so, and what is wrong with what is there.
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Of what is there.
    pub(super) id: Option<String>,
    pub(super) action: Action,
    pub(super) changes: Vec<Change>,
    #[serde(skip)]
    pub(super) deed: Deed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Volume,
    Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Create,
    Change,
    None,
}

/// A setting that will be another. Without `old`, the whole of it is new, or too long to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) field: &'static str,
    pub(super) old: Option<String>,
    pub(super) new: String,
}

/// How it is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    Nothing,
    CreateVolume(WantedVolume),
    /// Every setting that the file names; those that are so already do no harm.
    UpdateVolume(WantedVolume),
    CreateService(WantedService),
    /// A release of the whole of its settings, replicas included.
    Deploy(WantedService),
    /// No release: how many replicas there are is no part of one.
    Scale(u32),
    /// A release with these settings is on its way already.
    Await(String),
}

impl Plan {
    pub(super) fn count(&self, kind: Kind, action: Action) -> usize {
        self.items.iter().filter(|item| item.kind == kind && item.action == action).count()
    }

    pub(super) fn changes_anything(&self) -> bool {
        self.items.iter().any(|item| item.action != Action::None)
    }
}

pub(super) fn plan(wanted: &Wanted, sight: &Sight) -> Result<Plan, Refused> {
    let mut plan = Plan { items: Vec::new(), notes: Vec::new() };
    let present: Vec<&Volume> =
        sight.volumes.iter().filter(|volume| volume.state != VolumeState::Deleting).collect();
    let volumes_named =
        |name: &str| present.iter().copied().filter(|volume| volume.name == name).collect::<Vec<_>>();
    for volume in &wanted.volumes {
        let seen = only("volume", &volume.name, &volumes_named(&volume.name), |v| (&v.id, v.state.as_str()))?;
        plan.items.push(match seen {
            None => new_volume(volume),
            Some(seen) => present_volume(volume, seen, &mut plan.notes),
        });
    }
    // Names of volumes that are there, as services mount them.
    let mut ids: HashMap<&str, Option<&str>> = HashMap::new();
    for (service, mount) in wanted.services.iter().flat_map(|s| s.mounts.iter().map(move |m| (s, m))) {
        let seen =
            only("volume", &mount.volume, &volumes_named(&mount.volume), |v| (&v.id, v.state.as_str()))?;
        if seen.is_none() && wanted.volumes.iter().all(|volume| volume.name != mount.volume) {
            let (service, volume) = (service.name.clone(), mount.volume.clone());
            return Err(Refused::UnknownVolume { line: mount.line, service, volume });
        }
        ids.insert(&mount.volume, seen.map(|volume| volume.id.as_str()));
    }
    let names: HashMap<&str, &str> =
        present.iter().map(|volume| (volume.id.as_str(), volume.name.as_str())).collect();
    for service in &wanted.services {
        let staying = sight.services.iter().filter(|seen| seen.service.state != ServiceState::Destroying);
        let named: Vec<&SeenService> = staying.filter(|seen| seen.service.name == service.name).collect();
        let seen = only("service", &service.name, &named, |s| (&s.service.id, s.service.state.as_str()))?;
        plan.items.push(match seen {
            None => new_service(service),
            Some(seen) => present_service(service, seen, &ids, &names, &mut plan.notes),
        });
    }
    Ok(plan)
}

/// The one that has the name, if any has.
fn only<'a, T>(
    noun: &'static str,
    name: &str,
    named: &[&'a T],
    shown: impl Fn(&'a T) -> (&'a String, &'a str),
) -> Result<Option<&'a T>, Refused> {
    match named {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => {
            let candidates = several.iter().map(|one| {
                let (id, state) = shown(one);
                Candidate { id: id.clone(), name: name.to_owned(), state: state.to_owned() }
            });
            Err(Refused::Ambiguous { noun, name: name.to_owned(), candidates: candidates.collect() })
        }
    }
}

/// Collects what differs. A setting that the file leaves alone is none.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn set(&mut self, field: &'static str, new: impl ToString) {
        self.0.push(Change { field, old: None, new: new.to_string() });
    }

    fn compare<T: PartialEq>(&mut self, field: &'static str, old: T, new: T, shown: impl Fn(&T) -> String) {
        if old != new {
            self.0.push(Change { field, old: Some(shown(&old)), new: shown(&new) });
        }
    }
}

fn or_none(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "none".into())
}

fn or_off(schedule: &Option<String>) -> String {
    schedule.clone().unwrap_or_else(|| "off".into())
}

fn on_off(on: &bool) -> String {
    if *on { "on".into() } else { "off".into() }
}

fn new_volume(wanted: &WantedVolume) -> Item {
    let mut changes = Changes::default();
    changes.set("size", size::human(wanted.size_bytes_or_default()));
    if let Some(Some(schedule)) = &wanted.snapshot_schedule {
        changes.set("snapshot_schedule", schedule);
    }
    if let Some(days) = wanted.snapshot_retention_days {
        changes.set("snapshot_retention_days", days);
    }
    for (field, hook) in
        [("before_snapshot", &wanted.before_snapshot), ("after_snapshot", &wanted.after_snapshot)]
    {
        if let Some(command) = hook.as_ref().filter(|command| !command.is_empty()) {
            changes.set(field, command);
        }
    }
    if let Some(seconds) = wanted.hook_timeout_seconds {
        changes.set("hook_timeout_seconds", seconds);
    }
    if wanted.delete_protection == Some(true) {
        changes.set("delete_protection", "on");
    }
    if let Some(metadata) = wanted.metadata.as_ref().filter(|metadata| !metadata.is_empty()) {
        changes.set("metadata", pairs(metadata));
    }
    Item {
        kind: Kind::Volume,
        name: wanted.name.clone(),
        id: None,
        action: Action::Create,
        changes: changes.0,
        deed: Deed::CreateVolume(wanted.clone()),
    }
}

fn present_volume(wanted: &WantedVolume, seen: &Volume, notes: &mut Vec<String>) -> Item {
    if let Some(bytes) = wanted.size_bytes.filter(|bytes| *bytes != seen.size_bytes) {
        notes.push(format!(
            "volume {} has {}, the file says {}: volumes are not resized, so it stays as it is",
            seen.name,
            size::human(seen.size_bytes),
            size::human(bytes)
        ));
    }
    if let Some(error) = &seen.error {
        notes.push(format!("volume {} is {}: {error}", seen.name, seen.state));
    }
    let mut changes = Changes::default();
    if let Some(schedule) = &wanted.snapshot_schedule {
        changes.compare("snapshot_schedule", seen.snapshot_schedule.clone(), schedule.clone(), or_off);
    }
    if let Some(days) = wanted.snapshot_retention_days {
        let seen = i64::from(seen.snapshot_retention_days);
        changes.compare("snapshot_retention_days", seen, days, i64::to_string);
    }
    let hook = |command: &Option<String>| command.clone().filter(|command| !command.is_empty());
    let seen_snapshots = &seen.snapshots;
    for (field, seen, wanted) in [
        ("before_snapshot", &seen_snapshots.before_snapshot, &wanted.before_snapshot),
        ("after_snapshot", &seen_snapshots.after_snapshot, &wanted.after_snapshot),
    ] {
        if wanted.is_some() {
            changes.compare(field, hook(seen), hook(wanted), or_none);
        }
    }
    if let Some(seconds) = wanted.hook_timeout_seconds {
        let seen = i64::from(seen_snapshots.hook_timeout_seconds);
        changes.compare("hook_timeout_seconds", seen, seconds, i64::to_string);
    }
    if let Some(protection) = wanted.delete_protection {
        changes.compare("delete_protection", seen.delete_protection, protection, on_off);
    }
    if let Some(metadata) = &wanted.metadata {
        changes.compare("metadata", seen.metadata.clone(), metadata.clone(), pairs);
    }
    let is_same = changes.0.is_empty();
    Item {
        kind: Kind::Volume,
        name: wanted.name.clone(),
        id: Some(seen.id.clone()),
        action: if is_same { Action::None } else { Action::Change },
        changes: changes.0,
        deed: if is_same { Deed::Nothing } else { Deed::UpdateVolume(wanted.clone()) },
    }
}

fn pairs(map: &BTreeMap<String, String>) -> String {
    if map.is_empty() {
        return "none".into();
    }
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

fn new_service(wanted: &WantedService) -> Item {
    let mut changes = Changes::default();
    changes.set("template", &wanted.template);
    if let Some(command) = &wanted.command {
        changes.set("command", command);
    }
    changes.set("replicas", wanted.replicas.unwrap_or(1));
    if !wanted.env.is_empty() {
        changes.set("env", names_of(wanted.env.keys()));
    }
    if let Some(port) = wanted.port {
        changes.set("port", port);
    }
    if let Some(check) = &wanted.health {
        changes.set("health", health(check));
    }
    if !wanted.mounts.is_empty() {
        changes.set("volumes", mounts_wanted(&wanted.mounts));
    }
    Item {
        kind: Kind::Service,
        name: wanted.name.clone(),
        id: None,
        action: Action::Create,
        changes: changes.0,
        deed: Deed::CreateService(wanted.clone()),
    }
}

fn present_service(
    wanted: &WantedService,
    seen: &SeenService,
    ids: &HashMap<&str, Option<&str>>,
    names: &HashMap<&str, &str>,
    notes: &mut Vec<String>,
) -> Item {
    let service = &seen.service;
    let mut changes = Changes::default();
    settings(&mut changes, wanted, &service.settings, ids, names);
    let is_stopped = service.state == ServiceState::Stopped;
    if is_stopped {
        changes.compare("state", "stopped", "running", ToString::to_string);
    }
    let mut awaited = None;
    if changes.0.is_empty() {
        match under_way(seen) {
            UnderWay::Nothing => {}
            UnderWay::Awaited(id) => awaited = Some(id),
            UnderWay::Wanting(why) => changes.set("release", why),
        }
    }
    let needs_release = !changes.0.is_empty();
    if let Some(replicas) = wanted.replicas {
        changes.compare("replicas", service.replicas, replicas, u32::to_string);
    }
    let deed = match (needs_release, wanted.replicas, awaited) {
        (true, _, _) => Deed::Deploy(wanted.clone()),
        (false, Some(replicas), _) if replicas != service.replicas => Deed::Scale(replicas),
        (false, _, Some(release_id)) => Deed::Await(release_id),
        (false, _, None) => Deed::Nothing,
    };
    if let Some(error) = service.error.as_ref().filter(|_| !needs_release) {
        notes.push(format!("service {} is {}: {error}", service.name, service.state));
    }
    Item {
        kind: Kind::Service,
        name: wanted.name.clone(),
        id: Some(service.id.clone()),
        action: if changes.0.is_empty() { Action::None } else { Action::Change },
        changes: changes.0,
        deed,
    }
}

/// What becomes of a service whose settings are those of the file.
enum UnderWay {
    Nothing,
    /// The release with this id has them.
    Awaited(String),
    /// No release has them, for this reason.
    Wanting(String),
}

fn under_way(seen: &SeenService) -> UnderWay {
    let service = &seen.service;
    if let Some(release) = &seen.deploying {
        // How many replicas there are is no part of a release, though it is answered with it.
        let settings = ServiceSettings { replicas: service.settings.replicas, ..release.settings.clone() };
        return match settings == service.settings && release.source == service.source {
            true => UnderWay::Awaited(release.id.clone()),
            false => UnderWay::Wanting("of what was changed since the last one was made".into()),
        };
    }
    match (&service.active_release_id, &service.pending_changes) {
        (None, _) => UnderWay::Wanting("once more, because none was good yet".into()),
        (Some(_), Some(pending)) => UnderWay::Wanting(format!(
            "of what was changed before and is not served: {}",
            names_of(pending.keys())
        )),
        (Some(_), None) => UnderWay::Nothing,
    }
}

fn settings(
    changes: &mut Changes,
    wanted: &WantedService,
    seen: &ServiceSettings,
    ids: &HashMap<&str, Option<&str>>,
    names: &HashMap<&str, &str>,
) {
    changes.compare("template", seen.template.clone(), wanted.template.clone(), String::clone);
    changes.compare("command", seen.start_command.clone(), wanted.command.clone(), or_none);
    if let Some(difference) = env(&seen.env, &wanted.env) {
        changes.set("env", difference);
    }
    changes.compare("size", seen.size.clone(), wanted.size.clone(), ToString::to_string);
    changes.compare("network", seen.network.clone(), wanted.network.clone(), ToString::to_string);
    changes
        .compare("port", seen.port, wanted.port, |port| port.map_or("none".into(), |port| port.to_string()));
    let (seen_policy, policy) = (seen.restart_policy.clone(), wanted.restart_policy.clone());
    changes.compare("restart_policy", seen_policy, policy, ToString::to_string);
    changes.compare("health", seen.health_check.clone(), wanted.health.clone(), |check| {
        check.as_ref().map_or("none".into(), health)
    });
    let seconds = u32::to_string;
    changes.compare(
        "start_timeout_seconds",
        seen.start_timeout_seconds,
        wanted.start_timeout_seconds,
        seconds,
    );
    changes.compare("stop_grace_seconds", seen.stop_grace_seconds, wanted.stop_grace_seconds, seconds);

    let mut seen_mounts: Vec<Mount<'_>> = seen
        .volumes
        .iter()
        .map(|volume| Mount {
            path: &volume.mount_path,
            id: Some(&volume.volume_id),
            name: names.get(volume.volume_id.as_str()).copied().unwrap_or(&volume.volume_id),
            shared: volume.shared,
            read_only: volume.read_only,
        })
        .collect();
    let mut wanted_mounts: Vec<Mount<'_>> = wanted
        .mounts
        .iter()
        .map(|mount| Mount {
            path: mount.path.as_str(),
            id: ids.get(mount.volume.as_str()).copied().flatten(),
            name: &mount.volume,
            shared: mount.shared,
            read_only: mount.read_only,
        })
        .collect();
    // In which order they are listed does not matter.
    seen_mounts.sort_unstable();
    wanted_mounts.sort_unstable();
    changes.compare("volumes", seen_mounts, wanted_mounts, |mounts| shown(mounts));
}

/// `id` is `None` for a volume that is still to be made, which therefore is mounted nowhere.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mount<'a> {
    path: &'a str,
    id: Option<&'a str>,
    name: &'a str,
    shared: bool,
    read_only: bool,
}

fn shown(mounts: &[Mount<'_>]) -> String {
    let shown = mounts.iter().map(|mount| {
        let read_only = if mount.read_only { ":ro" } else { "" };
        let shared = if mount.shared { ":shared" } else { "" };
        format!("{}:{}{read_only}{shared}", mount.name, mount.path)
    });
    names_of(shown)
}

fn mounts_wanted(mounts: &[WantedMount]) -> String {
    let mounts: Vec<Mount<'_>> = mounts
        .iter()
        .map(|mount| Mount {
            path: mount.path.as_str(),
            id: None,
            name: &mount.volume,
            shared: mount.shared,
            read_only: mount.read_only,
        })
        .collect();
    shown(&mounts)
}

/// Names alone: values are often secret, and plans end up in logs.
fn env(seen: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Option<String> {
    let gone = seen.keys().filter(|name| !wanted.contains_key(*name)).map(|name| format!("{name} removed"));
    let new = wanted.iter().filter(|(name, value)| seen.get(*name) != Some(value)).map(|(name, _)| {
        let what = if seen.contains_key(name) { "changed" } else { "added" };
        format!("{name} {what}")
    });
    let all: Vec<String> = new.chain(gone).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// A list in words; "none" for nothing.
fn names_of(names: impl Iterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
