//! From what a person types to an id: a full id, a unique ending of one (4 characters or more), or an exact name.
//!
//! Endings and names weigh the same: when a name of one thing is the ending of another's id, nobody guesses. A full id is taken
//! as it is, without asking the server for a list.
//!
//! Snapshots outlive their volumes. Where a volume stands for its snapshots or its past, one in the trash and one that is gone
//! can be named too, after those that are there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use futures::TryStreamExt;
use jiff::Timestamp;
use miosa_api::v1::services::{Release, Service};
use miosa_api::v1::snapshots::Snapshot;
use miosa_api::v1::volumes::Volume;
use miosa_api::v1::words::{ComputerStatus, ServiceState};
use miosa_client::{Client, ClientError, ComputerFilter, ServiceFilter, SnapshotFilter, VolumeFilter};
use serde::Serialize;
use uuid::Uuid;

use crate::context::Context;
use crate::errors::CliError;
use crate::output::printable;

/// Shorter endings would too often be a word that was meant as a name.
const ENDING_MIN_CHARS: usize = 4;
/// Ends the name of a volume to mean its newest snapshot.
const LATEST: &str = "@latest";
/// `8-4-4-4-12`
const ID_CHARS: usize = 36;

/// Something that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    pub id: String,
    pub name: String,
    pub state: String,
}

/// `query` as a full id, in its one spelling.
fn full_id(query: &str) -> Option<String> {
    let id = Uuid::try_parse(query).ok().filter(|_| query.len() == ID_CHARS)?;
    Some(id.as_hyphenated().to_string())
}

/// The one candidate that `query` names.
fn pick(noun: &'static str, query: &str, candidates: Vec<Candidate>) -> Result<Candidate, CliError> {
    let ending = query.to_ascii_lowercase();
    let is_ending = ending.chars().count() >= ENDING_MIN_CHARS;
    let mut found: Vec<Candidate> = candidates
        .into_iter()
        // Nothing is meant by nothing: a snapshot need not have a name.
        .filter(|candidate| {
            !query.is_empty() && candidate.name == query || is_ending && candidate.id.ends_with(&ending)
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(CliError::NotFound { noun, query: query.to_owned() }),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(CliError::Undecided {
                code: "AMBIGUOUS",
                message: format!("{query:?} may be any of {} {noun}s", found.len()),
                candidates: found,
                hint: "give the whole id, or a longer ending of it".into(),
            })
        }
    }
}

/// The id of a volume; of one in the trash when `filter` lists that.
pub(crate) async fn volume_id(
    client: &Client,
    query: &str,
    filter: VolumeFilter,
) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    let volumes = client.volumes().list_all(&filter);
    let candidates = volumes.map_ok(|volume| Candidate {
        id: volume.id,
        name: volume.name,
        state: volume.state.to_string(),
    });
    Ok(pick("volume", query, candidates.try_collect().await?)?.id)
}

/// The id of a volume that may be in the trash, or gone but for its snapshots.
pub(crate) async fn volume_id_of_past(client: &Client, query: &str) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    for status in [None, Some("deleted".to_owned())] {
        match volume_id(client, query, VolumeFilter { status, ..VolumeFilter::default() }).await {
            Err(CliError::NotFound { .. }) => {}
            found => return found,
        }
    }
    let snapshots: Vec<Snapshot> = snapshots(client, SnapshotFilter::default()).await?;
    let mut gone: Vec<Candidate> = Vec::new();
    for snapshot in snapshots {
        // Newest first: the name that a volume had last counts.
        if gone.iter().all(|volume| volume.id != snapshot.volume_id) {
            gone.push(Candidate { id: snapshot.volume_id, name: snapshot.volume_name, state: "gone".into() });
        }
    }
    Ok(pick("volume", query, gone)?.id)
}

/// The id of a snapshot, by its id, its name, or as the newest of a volume.
pub(crate) async fn snapshot_id(client: &Client, query: &str) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    if let Some(volume) = query.strip_suffix(LATEST) {
        return latest_snapshot_id(client, volume).await;
    }
    let candidates =
        snapshots(client, SnapshotFilter::default()).await?.into_iter().map(|snapshot| Candidate {
            state: format!("{} of {}", snapshot.state, printable(&snapshot.volume_name)),
            id: snapshot.id,
            name: snapshot.name.unwrap_or_default(),
        });
    Ok(pick("snapshot", query, candidates.collect())?.id)
}

async fn latest_snapshot_id(client: &Client, volume: &str) -> Result<String, CliError> {
    let volume_id = volume_id_of_past(client, volume).await?;
    let filter = SnapshotFilter {
        volume_id: Some(volume_id),
        status: Some("ready".into()),
        ..SnapshotFilter::default()
    };
    // Lists go by when a snapshot was asked for, which need not be the order of their instants. Of equal instants the last wins.
    let newest = snapshots(client, filter).await?.into_iter().rev().max_by_key(taken_at);
    newest.map(|snapshot| snapshot.id).ok_or_else(|| {
        let message = format!("volume {volume:?} has no snapshot that is ready");
        CliError::usage(message, Some("`miosa snapshots create <volume>` takes one"))
    })
}

fn taken_at(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot.taken_at.as_ref()?.parse().ok()
}

async fn snapshots(client: &Client, filter: SnapshotFilter) -> Result<Vec<Snapshot>, CliError> {
    Ok(client.snapshots().list_all(&filter).try_collect().await?)
}

/// `<snapshot>` or `<snapshot>:/path`: the snapshot, and the path if there is one. A path is bytes.
pub(crate) fn snapshot_path(argument: &OsStr) -> Result<(String, Option<Vec<u8>>), CliError> {
    let bytes = argument.as_bytes();
    let (snapshot, path) = match bytes.windows(2).position(|pair| pair == b":/") {
        Some(colon) => (&bytes[..colon], Some(bytes[colon + 1..].to_vec())),
        None => (bytes, None),
    };
    let snapshot = std::str::from_utf8(snapshot).ok().filter(|snapshot| !snapshot.is_empty());
    let snapshot = snapshot.ok_or_else(|| {
        let message = format!("{argument:?} does not name a snapshot");
        CliError::usage(message, Some("write <snapshot>:/path"))
    })?;
    Ok((snapshot.to_owned(), path))
}

pub(crate) async fn computer_id(client: &Client, query: &str) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    Ok(pick("computer", query, computers(client, ComputerFilter::default()).await?)?.id)
}

/// The service that `query` names. A computer's name is refused in words: published command lines mean a process on it by that.
pub(crate) async fn service(client: &Client, query: &str) -> Result<Service, CliError> {
    let found = match full_id(query) {
        Some(id) => client.services().get(&id).await.map_err(CliError::from),
        None => {
            let services: Vec<Service> =
                client.services().list_all(&ServiceFilter::default()).try_collect().await?;
            // The name of one that was just deleted belongs to its successor.
            let staying = services.iter().filter(|service| service.state != ServiceState::Destroying);
            let candidates = staying.map(|service| Candidate {
                id: service.id.clone(),
                name: service.name.clone(),
                state: service.state.to_string(),
            });
            pick("service", query, candidates.collect()).map(|picked| {
                let found = services.into_iter().find(|service| service.id == picked.id);
                found.expect("it was picked from these")
            })
        }
    };
    match found {
        Err(error) if is_absent(&error) && is_computer(client, query).await => {
            Err(computer_form(&format!("{query} is a computer, not a service")))
        }
        found => found,
    }
}

fn is_absent(error: &CliError) -> bool {
    match error {
        CliError::NotFound { .. } => true,
        CliError::Client(error) => error.code() == Some("NOT_FOUND"),
        _ => false,
    }
}

async fn is_computer(client: &Client, query: &str) -> bool {
    match full_id(query) {
        Some(id) => client.computers().get(&id).await.is_ok(),
        None => {
            let computers = computers(client, ComputerFilter::default()).await.unwrap_or_default();
            pick("computer", query, computers).is_ok()
        }
    }
}

/// The refusal of what published command lines ask for of a process on a computer.
pub(crate) fn computer_form(problem: &str) -> CliError {
    CliError::usage(
        format!("{problem}; single processes on a computer cannot be managed yet"),
        Some(
            "`miosa services create <name>` makes a service of its own; `miosa computers exec <computer> -- <command>` \
             runs a command",
        ),
    )
}

/// A name for something new that is the id of a computer was meant as the computer.
pub(crate) async fn refuse_computer_as_name(client: &Client, name: &str) -> Result<(), CliError> {
    if full_id(name).is_some() && is_computer(client, name).await {
        return Err(computer_form(&format!("{name} is a computer, not a name")));
    }
    Ok(())
}

/// A release of `service`, by its number, its id or the ending of that.
pub(crate) async fn release_id(client: &Client, service: &Service, query: &str) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    let releases: Vec<Release> = client.services().list_releases(&service.id).try_collect().await?;
    let candidates = releases.into_iter().map(|release| Candidate {
        id: release.id,
        name: release.number.to_string(),
        state: release.state.to_string(),
    });
    Ok(pick("release", query, candidates.collect())?.id)
}

/// The id of a project; `default` is the word for the default one.
pub(crate) async fn project_id(client: &Client, query: &str) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    if query == "default" {
        return Ok(client.projects().get(query).await?.id);
    }
    let candidates = client.projects().list_all().map_ok(|project| Candidate {
        state: project.slug,
        id: project.id,
        name: project.name,
    });
    Ok(pick("project", query, candidates.try_collect().await?)?.id)
}

/// The volumes that are there, for verbs that name several.
pub(crate) struct KnownVolumes(Vec<Volume>);

impl KnownVolumes {
    pub(crate) async fn load(client: &Client) -> Result<Self, ClientError> {
        Ok(Self(client.volumes().list_all(&VolumeFilter::default()).try_collect().await?))
    }

    /// The id of the volume that `query` names.
    pub(crate) fn id(&self, query: &str) -> Result<String, CliError> {
        if let Some(id) = full_id(query) {
            return Ok(id);
        }
        let candidates = self.0.iter().map(|volume| Candidate {
            id: volume.id.clone(),
            name: volume.name.clone(),
            state: volume.state.to_string(),
        });
        Ok(pick("volume", query, candidates.collect())?.id)
    }
}

/// The id of an attachment, by its id or by the name of the attached volume.
pub(crate) async fn attachment_id(
    client: &Client,
    query: &str,
    computer_id: Option<&str>,
) -> Result<String, CliError> {
    if let Some(id) = full_id(query) {
        return Ok(id);
    }
    let candidates: Vec<Candidate> = match computer_id {
        Some(computer_id) => {
            let attachments = client.attachments().list_all(computer_id);
            let candidate =
                attachments.map_ok(|a| Candidate { id: a.id, name: a.volume_name, state: a.mount_path });
            candidate.try_collect().await?
        }
        None => {
            let volumes: Vec<_> = client.volumes().list_all(&VolumeFilter::default()).try_collect().await?;
            let of_volume = volumes.into_iter().flat_map(|volume| {
                let name = volume.name;
                volume.attachments.into_iter().map(move |attachment| Candidate {
                    id: attachment.id,
                    name: name.clone(),
                    state: attachment.mount_path,
                })
            });
            of_volume.collect()
        }
    };
    Ok(pick("attachment", query, candidates)?.id)
}

/// The computer to attach to when none is named: the one set by `computers use`, else the only running one.
pub(crate) async fn default_computer_id(context: &Context) -> Result<String, CliError> {
    if let Some(id) = &context.settings.current_computer {
        return match context.client.computers().get(id).await {
            Err(error) if error.code() == Some("NOT_FOUND") => Err(CliError::usage(
                format!("the computer set by `miosa computers use`, {id}, is no longer there"),
                Some("name one with --machine, or set another with `miosa computers use <id>`"),
            )),
            found => Ok(found?.id),
        };
    }
    let filter = ComputerFilter { status: Some("running".into()), ..ComputerFilter::default() };
    let running = computers(&context.client, filter).await?;
    match <[Candidate; 1]>::try_from(running) {
        Ok([only]) => Ok(only.id),
        Err(running) => Err(CliError::Undecided {
            code: "COMPUTER_REQUIRED",
            message: match running.len() {
                0 => "no computer is running, so there is none to take by itself".into(),
                count => format!("{count} computers are running: which one is meant?"),
            },
            candidates: running,
            hint: "name one with --machine, or set one with `miosa computers use <id>`; \
                   `miosa computers create` makes one"
                .into(),
        }),
    }
}

/// Without those on their way out: the name of one that was just deleted belongs to its successor.
async fn computers(client: &Client, filter: ComputerFilter) -> Result<Vec<Candidate>, CliError> {
    let computers: Vec<_> = client.computers().list_all(&filter).try_collect().await?;
    let is_going =
        |state: Option<_>| matches!(state, Some(ComputerStatus::Destroying | ComputerStatus::Destroyed));
    let staying = computers.into_iter().filter(|c| !is_going(c.state.known()));
    Ok(staying.map(|c| Candidate { id: c.id, name: c.name, state: c.state.to_string() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        [
            ("0198c0de-0000-7000-8000-00000000cafe", "data"),
            ("0198c0de-0000-7000-8000-11110000cafe", "data"),
            ("0198c0de-0000-7000-8000-222200000001", "cafe"),
            ("0198c0de-0000-7000-8000-222200000002", "Web 2"),
            ("0198c0de-0000-7000-8000-333300000003", "db"),
            ("0198c0de-0000-7000-8000-333300000004", ""),
        ]
        .map(|(id, name)| Candidate { id: id.into(), name: name.into(), state: "available".into() })
        .to_vec()
    }

    #[test]
    fn one_match_is_taken() {
        for (query, id_end) in [
            ("Web 2", "0002"),
            ("db", "0003"),
            ("00000003", "0003"),
            ("11110000cafe", "11110000cafe"),
            ("11110000CAFE", "11110000cafe"),
            ("8000-333300000003", "0003"),
        ] {
            let found = pick("volume", query, candidates()).unwrap();
            assert!(found.id.ends_with(id_end), "{query}: {found:?}");
        }
    }

    #[test]
    fn several_are_refused_with_all_of_them() {
        for (query, count) in [("data", 2), ("0000cafe", 2), ("cafe", 3)] {
            match pick("volume", query, candidates()) {
                Err(CliError::Undecided { candidates, .. }) => assert_eq!(candidates.len(), count, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        for query in ["", "003", "web 2", "Web", "dat", "0198c0de", "zzzz"] {
            let found = pick("volume", query, candidates());
            assert!(matches!(found, Err(CliError::NotFound { .. })), "{query}: {found:?}");
        }
    }

    #[test]
    fn a_path_in_a_snapshot_begins_at_its_slash() {
        for (argument, snapshot, path) in [
            (b"daily".as_slice(), "daily", None),
            (b"daily:/", "daily", Some(b"/".as_slice())),
            (b"v@latest:/etc/a:/b", "v@latest", Some(b"/etc/a:/b")),
            (b"a:b:/c", "a:b", Some(b"/c")),
            (b"daily:/\xff", "daily", Some(b"/\xff")),
            (b"daily:etc", "daily:etc", None),
        ] {
            let found = snapshot_path(OsStr::from_bytes(argument)).unwrap();
            assert_eq!(found, (snapshot.to_owned(), path.map(<[u8]>::to_vec)));
        }
        for bad in [b"".as_slice(), b":/a", b"\xff:/a"] {
            assert!(snapshot_path(OsStr::from_bytes(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_full_id_has_one_spelling() {
        let id = "0198c0de-0000-7000-8000-00000000cafe";
        assert_eq!(full_id(&id.to_uppercase()).as_deref(), Some(id));
        for other in
            ["", "cafe", "0198c0de000070008000000000000cafe", "{0198c0de-0000-7000-8000-00000000cafe}"]
        {
            assert_eq!(full_id(other), None, "{other}");
        }
    }
}
