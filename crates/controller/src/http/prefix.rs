//! Many spellings of a path, one route: the prefix of the API zero, one or two times (a published client really sends two), and
//! what belongs to a volume below its name as a data service.
//!
//! ```text
//!   /api/v1/api/v1/volumes/                       ──► /volumes
//!   /data-services/{id}/backups                   ──► /volumes/{id}/snapshots
//!   /projects/data-services/{id}/events           ──► /volumes/{id}/events
//!   /projects/{project_id}/data-services/{id}/clone ──► /volumes/{id}/clone, and the gate asks whether it is the project's
//! ```
//!
//! Paths are rewritten before routing, never redirected: a redirect would turn some clients' POST into a GET. Data services by
//! themselves have routes of their own.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

const PREFIX: &str = "/api/v1";
const PREFIXES_MAX: usize = 2;

/// The project that a rewritten path named, and the volume that must be in it; both as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OfProject {
    pub(super) project: String,
    pub(super) volume: String,
}

/// The request with the path that it is routed by.
pub(super) fn rewrite(request: Request) -> Request {
    let (mut head, body) = request.into_parts();
    let sent = head.uri.path();
    let stripped = strip(sent);
    let (path, project) = match data_service(stripped) {
        Some(DataService { project, volume, part }) => {
            let project =
                project.map(|project| OfProject { project: project.to_owned(), volume: volume.to_owned() });
            (format!("/volumes/{volume}/{}", volume_part(part)), project)
        }
        None => (stripped.to_owned(), None),
    };
    if path != sent {
        let path_and_query = match head.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        // Parts of a valid path make a valid path.
        if let Ok(path_and_query) = PathAndQuery::try_from(path_and_query) {
            let mut uri = head.uri.into_parts();
            uri.path_and_query = Some(path_and_query);
            head.uri = Uri::from_parts(uri).unwrap_or_default();
        }
    }
    if let Some(project) = project {
        head.extensions.insert(project);
    }
    Request::from_parts(head, body)
}

/// Without the prefix and trailing slashes.
fn strip(mut path: &str) -> &str {
    for _ in 0..PREFIXES_MAX {
        match path.strip_prefix(PREFIX) {
            Some(rest) if rest.starts_with('/') => path = rest,
            Some("") => return "/",
            _ => break,
        }
    }
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

/// Something of a data service.
struct DataService<'a> {
    project: Option<&'a str>,
    volume: &'a str,
    /// What of it: the rest of the path.
    part: &'a str,
}

/// `None` for any other path, that of the data service itself included.
fn data_service(path: &str) -> Option<DataService<'_>> {
    const NOUN: &str = "data-services/";
    let path = path.strip_prefix('/')?;
    let (project, rest) = match path.strip_prefix("projects/") {
        None => (None, path.strip_prefix(NOUN)?),
        Some(path) => match path.strip_prefix(NOUN) {
            Some(rest) => (None, rest),
            None => {
                let (project, rest) = path.split_once('/')?;
                (Some(project), rest.strip_prefix(NOUN)?)
            }
        },
    };
    let (volume, part) = rest.split_once('/')?;
    Some(DataService { project, volume, part })
}

/// The name that a part of a data service has as a part of a volume.
fn volume_part(part: &str) -> String {
    match part.strip_prefix("backups") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("snapshots{rest}"),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(sent: &str) -> (String, Option<OfProject>) {
        let mut request = rewrite(Request::builder().uri(sent).body(Default::default()).unwrap());
        (request.uri().to_string(), request.extensions_mut().remove())
    }

    #[test]
    fn strips_up_to_two_prefixes_and_trailing_slashes() {
        for (sent, path) in [
            ("/volumes", "/volumes"),
            ("/api/v1/volumes", "/volumes"),
            ("/api/v1/api/v1/volumes", "/volumes"),
            ("/api/v1/api/v1/api/v1/volumes", "/api/v1/volumes"),
            ("/api/v1/volumes/", "/volumes"),
            ("/volumes//", "/volumes"),
            ("/api/v1", "/"),
            ("/api/v1/", "/"),
            ("/api/v1volumes", "/api/v1volumes"),
            ("/api/v2/volumes", "/api/v2/volumes"),
            ("/", "/"),
            ("/api/v1/volumes/?limit=2&x=/api/v1", "/volumes?limit=2&x=/api/v1"),
        ] {
            assert_eq!(routed(sent), (path.to_owned(), None), "{sent}");
        }
    }

    #[test]
    fn parts_of_data_services_are_parts_of_volumes() {
        for (sent, path) in [
            ("/data-services/v/snapshots", "/volumes/v/snapshots"),
            ("/data-services/v/backups", "/volumes/v/snapshots"),
            ("/api/v1/data-services/v/backups/s/restore/", "/volumes/v/snapshots/s/restore"),
            ("/data-services/v/backups/s/files?path=/backups", "/volumes/v/snapshots/s/files?path=/backups"),
            ("/data-services/v/backups2", "/volumes/v/backups2"),
            ("/data-services/v/clone/backups", "/volumes/v/clone/backups"),
            ("/projects/data-services/v/clone", "/volumes/v/clone"),
            // Not a part of one.
            ("/data-services", "/data-services"),
            ("/data-services/v", "/data-services/v"),
            ("/data-services/v/", "/data-services/v"),
            ("/projects/data-services/v", "/projects/data-services/v"),
            ("/projects/p/data-services", "/projects/p/data-services"),
            ("/projects/p/data-services/v", "/projects/p/data-services/v"),
            ("/projects/p/computers/v/x", "/projects/p/computers/v/x"),
            ("/volumes/v/backups", "/volumes/v/backups"),
            ("/x/data-services/v/clone", "/x/data-services/v/clone"),
        ] {
            assert_eq!(routed(sent), (path.to_owned(), None), "{sent}");
        }
    }

    #[test]
    fn a_project_in_the_path_is_not_forgotten() {
        let (path, project) = routed("/api/v1/projects/p/data-services/v/backups/s");
        assert_eq!(path, "/volumes/v/snapshots/s");
        assert_eq!(project, Some(OfProject { project: "p".into(), volume: "v".into() }));
    }
}
