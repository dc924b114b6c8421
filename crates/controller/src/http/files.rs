//! What is in snapshots: folders, single files, and what differs between two snapshots. Downloads are in `download`.
//!
//! Paths come from users and may be any bytes. They are made plain here (no `..`, no doubled slashes), and resolved below the
//! snapshot's root by its host.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};
use miosa_api::page::LIMIT_MAX;
use miosa_api::v1::snapshots::{self, DiffQuery, FileEntry, FileList, FilePage, SnapshotDiff};
use percent_encoding::percent_decode;

use super::query::{Query, SnapshotInPath};
use super::route::{Docs, Input, Object, routes};
use super::{ApiError, Http, Request};
use crate::auth::VOLUMES_READ;

/// As of the kernel, which counts the ending NUL.
const PATH_MAX_BYTES: usize = 4096;

/// `path` or `path_base64` of the query: absolute and plain; the root when there is neither.
pub(super) struct FilePath(pub(super) Vec<u8>);

impl<S: Send + Sync> FromRequestParts<S> for FilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let (field, raw) = match (raw_value(query, "path"), raw_value(query, "path_base64")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("path_base64", "is given beside path; give one of them"));
            }
            (Some(path), None) => ("path", path),
            (None, Some(base64)) => {
                let bytes = decode(&base64).ok_or_else(|| ApiError::invalid("path_base64", "is not base64"));
                ("path_base64", bytes?)
            }
            (None, None) => ("path", b"/".to_vec()),
        };
        plain_path(&raw).map(FilePath).map_err(|message| ApiError::invalid(field, message))
    }
}

impl Input for FilePath {
    fn describe(docs: &mut Docs) {
        Query::<snapshots::FilePath>::describe(docs);
    }
}

/// The bytes of a parameter that is given and not empty. Texts would not do: names need not be UTF-8.
fn raw_value(query: &str, name: &str) -> Option<Vec<u8>> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, value)| *key == name && !value.is_empty())?;
    Some(percent_decode(value.replace('+', " ").as_bytes()).collect())
}

/// Base64 in either alphabet, with or without padding; a `+` that became a space in the query is one again.
fn decode(base64: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        general_purpose::PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let url_safe: Vec<u8> = base64
        .iter()
        .map(|byte| match byte {
            b'+' | b' ' => b'-',
            b'/' => b'_',
            other => *other,
        })
        .collect();
    GeneralPurpose::new(&URL_SAFE, LENIENT).decode(url_safe).ok()
}

fn plain_path(raw: &[u8]) -> Result<Vec<u8>, String> {
    if raw.first() != Some(&b'/') {
        return Err("must be absolute: begin with a slash".into());
    }
    if raw.len() >= PATH_MAX_BYTES {
        return Err(format!("must be shorter than {PATH_MAX_BYTES} bytes"));
    }
    if raw.contains(&0) {
        return Err("must not contain NUL".into());
    }
    let mut plain = Vec::with_capacity(raw.len());
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err("must not contain `..`".into()),
            name => {
                plain.push(b'/');
                plain.extend_from_slice(name);
            }
        }
    }
    Ok(if plain.is_empty() { b"/".to_vec() } else { plain })
}

routes! {
    "snapshots";

    /// List a folder in one of a volume's snapshots.
    ///
    /// As below `/volume-snapshots`.
    get "/volumes/{id}/snapshots/{snapshot_id}/files" list_volume_snapshot_files: list, VOLUMES_READ;
        200 "Entries, under `data` and again under `entries`.";
        409 "`SNAPSHOT_NOT_READY`.";

    /// Look at one file or folder in one of a volume's snapshots.
    get "/volumes/{id}/snapshots/{snapshot_id}/files/stat" stat_volume_snapshot_file: stat, VOLUMES_READ;
        200 "The entry; of a symlink the symlink itself.";
        409 "`SNAPSHOT_NOT_READY`.";

    /// Say what differs between two of a volume's snapshots.
    get "/volumes/{id}/snapshots/{snapshot_id}/diff" diff_volume_snapshots: diff, VOLUMES_READ;
        200 "Bytes and files that differ.";
        409 "`SNAPSHOT_NOT_READY`, or `COMPARISON_TIMEOUT`.";

    /// List a folder in a snapshot.
    ///
    /// In the order of the names. The list of what is not a folder is that one entry; a symlink is shown, not followed.
    get "/volume-snapshots/{snapshot_id}/files" list_snapshot_files: list, VOLUMES_READ;
        200 "Entries, under `data` and again under `entries`.";
        409 "`SNAPSHOT_NOT_READY`.";

    /// Look at one file or folder in a snapshot.
    get "/volume-snapshots/{snapshot_id}/files/stat" stat_snapshot_file: stat, VOLUMES_READ;
        200 "The entry; of a symlink the symlink itself.";
        409 "`SNAPSHOT_NOT_READY`.";

    /// Say what differs between two snapshots of one volume.
    ///
    /// As seen from the first one: a file that only `to` has is added.
    get "/volume-snapshots/{snapshot_id}/diff" diff_snapshots: diff, VOLUMES_READ;
        200 "Bytes and files that differ.";
        409 "`SNAPSHOT_NOT_READY`, or `COMPARISON_TIMEOUT`.";
}

pub(super) async fn list(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(snapshot): SnapshotInPath,
    FilePath(path): FilePath,
    query: Query<FilePage>,
) -> Result<Json<FileList>, ApiError> {
    let limit = limit(&query)?;
    let after = query.text("after").map(|after| {
        let bad = || ApiError::invalid("after", "is not one that a list answered; begin again without it");
        URL_SAFE_NO_PAD.decode(after).map_err(|_| bad())
    });
    let after = after.transpose()?.unwrap_or_default();
    let listing = http.app.list_files(&request.caller, snapshot, &path, after, limit).await?;
    Ok(Json(FileList {
        data: listing.entries.clone(),
        entries: listing.entries,
        path: String::from_utf8_lossy(&path).into_owned(),
        next: listing.next.map(|name| URL_SAFE_NO_PAD.encode(name)),
    }))
}

pub(super) async fn stat(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(snapshot): SnapshotInPath,
    FilePath(path): FilePath,
) -> Result<Object<FileEntry>, ApiError> {
    Ok(Object(http.app.stat_file(&request.caller, snapshot, &path).await?))
}

pub(super) async fn diff(
    State(http): State<Http>,
    request: Request,
    SnapshotInPath(from): SnapshotInPath,
    query: Query<DiffQuery>,
) -> Result<Object<SnapshotDiff>, ApiError> {
    let limit = limit(&query)?;
    let with_files = query.text("files").is_none() || query.flag("files")?;
    let to = query.id("to")?.ok_or_else(|| ApiError::missing("to"))?;
    let diff = http.app.diff_snapshots(&request.caller, from, to, with_files, limit as usize).await?;
    Ok(Object(diff))
}

/// Unlike other lists, these have no pages unless they are long: a folder is wanted whole.
fn limit<P>(query: &Query<P>) -> Result<u32, ApiError> {
    let limit = query.number("limit", 1)?.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    Ok(limit as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is sent, what goes to the host begins with a slash, leads nowhere but down, and is plain already.
        #[test]
        fn plain_paths_only_lead_down(raw in "/[/.a]{0,16}") {
            if let Ok(plain) = plain_path(raw.as_bytes()) {
                prop_assert!(plain.starts_with(b"/"));
                let mut parts = plain[1..].split(|byte| *byte == b'/');
                prop_assert!(plain == b"/" || parts.all(|part| !matches!(part, b"" | b"." | b"..")));
                prop_assert_eq!(plain_path(&plain), Ok(plain));
            }
        }
    }

    #[test]
    fn paths_are_made_plain() {
        for (raw, plain) in [
            (b"/".as_slice(), Ok(b"/".as_slice())),
            (b"//", Ok(b"/")),
            (b"/./", Ok(b"/")),
            (b"/a//b/./c/", Ok(b"/a/b/c")),
            (b"/a b\n", Ok(b"/a b\n")),
            (b"/\xff", Ok(b"/\xff")),
            (b"/...", Ok(b"/...")),
            (b"/..a", Ok(b"/..a")),
            (b"", Err("must be absolute")),
            (b"a", Err("must be absolute")),
            (b"/..", Err("must not contain `..`")),
            (b"/a/../b", Err("must not contain `..`")),
            (b"/a\0b", Err("must not contain NUL")),
        ] {
            match (plain_path(raw), plain) {
                (Ok(path), Ok(plain)) => assert_eq!(path, plain, "{raw:?}"),
                (Err(told), Err(message)) => assert!(told.starts_with(message), "{raw:?}: {told}"),
                (got, _) => panic!("{raw:?}: {got:?}"),
            }
        }
        let long = |len: usize| plain_path(&[b"/".as_slice(), &vec![b'a'; len - 1]].concat());
        assert!(long(PATH_MAX_BYTES - 1).is_ok() && long(PATH_MAX_BYTES).is_err());
    }

    #[test]
    fn parameters_are_bytes() {
        for (query, value) in [
            ("path=/a", Some(b"/a".as_slice())),
            ("x=1&path=%2Fa%ff+b%2B&path=/c", Some(b"/a\xff b+")),
            ("path=&path=/b", Some(b"/b")),
            ("path", None),
            ("paths=/a", None),
            ("path=/a=b", Some(b"/a=b")),
            ("", None),
        ] {
            assert_eq!(raw_value(query, "path").as_deref(), value, "{query}");
        }
    }

    #[test]
    fn base64_in_every_spelling() {
        for text in ["L_v_", "L/v/", "L_v_fg==", "L/v/fg", "L/v/fg=="] {
            let bytes = decode(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert!(b"/\xfb\xff~".starts_with(&bytes), "{text}: {bytes:?}");
        }
        // "+" of the standard alphabet, after it went through a query.
        assert_eq!(decode(b"L v/"), decode(b"L-v_"));
        assert_eq!(decode(b"L!v_"), None);
    }
}
