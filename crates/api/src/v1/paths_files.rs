//! The routes that look into snapshots, for the OpenAPI document.
#![expect(
    dead_code,
    reason = "the functions carry the attributes that the document is made of; nobody calls them"
)]

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::snapshots::{FileEntry, FileList, SnapshotDiff};
use crate::error::ErrorEnvelope;
use crate::twin::Twin;

/// A file's bytes as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
struct FileContent(Vec<u8>);

/// Where to look in a snapshot.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct FilePath {
    /// Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded.
    path: Option<String>,
    /// The same in base64, in place of `path`.
    path_base64: Option<String>,
}

/// Which entries of a folder.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct FilePage {
    /// `next` of the part before.
    after: Option<String>,
    /// More than 1000 is taken as 1000.
    #[param(minimum = 1, default = 1000)]
    limit: Option<u64>,
}

/// What to compare with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// Another snapshot of the same volume, older or newer.
    to: Uuid,
    /// Say which files differ, too. Without it, nothing is read.
    #[param(default = true)]
    files: Option<bool>,
    /// At most so many files are listed; all are counted. More than 1000 is taken as 1000.
    #[param(minimum = 1, default = 1000)]
    limit: Option<u64>,
}

/// List a folder in a snapshot.
///
/// In the order of the names. The list of what is not a folder is that one entry; a symlink is shown, not followed.
#[utoipa::path(get, path = "/volume-snapshots/{snapshot_id}/files", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), FilePath, FilePage),
    responses(
        (status = 200, description = "Entries, under `data` and again under `entries`.", body = FileList),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn list_snapshot_files() {}

/// List a folder in one of a volume's snapshots.
///
/// As below `/volume-snapshots`.
#[utoipa::path(get, path = "/volumes/{id}/snapshots/{snapshot_id}/files", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        FilePath,
        FilePage,
    ),
    responses(
        (status = 200, description = "Entries, under `data` and again under `entries`.", body = FileList),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn list_volume_snapshot_files() {}

/// Look at one file or folder in a snapshot.
#[utoipa::path(get, path = "/volume-snapshots/{snapshot_id}/files/stat", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), FilePath),
    responses(
        (status = 200, description = "The entry; of a symlink the symlink itself.", body = Twin<FileEntry>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn stat_snapshot_file() {}

/// Look at one file or folder in one of a volume's snapshots.
#[utoipa::path(get, path = "/volumes/{id}/snapshots/{snapshot_id}/files/stat", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        FilePath,
    ),
    responses(
        (status = 200, description = "The entry; of a symlink the symlink itself.", body = Twin<FileEntry>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
    ))]
fn stat_volume_snapshot_file() {}

/// Download a file from a snapshot.
///
/// `Range: bytes=from-to` answers a part of it. A symlink is followed inside the snapshot; then the whole file comes, without a
/// `Content-Length`.
#[utoipa::path(get, path = "/volume-snapshots/{snapshot_id}/files/download", tag = "snapshots",
    params(
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        FilePath,
        ("Range" = Option<String>, Header, description = "One range of bytes."),
    ),
    responses(
        (status = 200, description = "The file.", body = FileContent, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = FileContent, content_type = "application/octet-stream"),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
        (status = 416, description = "`RANGE_NOT_SATISFIABLE`: the range begins behind the end.", body = ErrorEnvelope),
    ))]
fn download_snapshot_file() {}

/// Download a file from one of a volume's snapshots.
///
/// As below `/volume-snapshots`.
#[utoipa::path(get, path = "/volumes/{id}/snapshots/{snapshot_id}/files/download", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        FilePath,
        ("Range" = Option<String>, Header, description = "One range of bytes."),
    ),
    responses(
        (status = 200, description = "The file.", body = FileContent, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = FileContent, content_type = "application/octet-stream"),
        (status = 409, description = "`SNAPSHOT_NOT_READY`.", body = ErrorEnvelope),
        (status = 416, description = "`RANGE_NOT_SATISFIABLE`: the range begins behind the end.", body = ErrorEnvelope),
    ))]
fn download_volume_snapshot_file() {}

/// Say what differs between two snapshots of one volume.
///
/// As seen from the first one: a file that only `to` has is added.
#[utoipa::path(get, path = "/volume-snapshots/{snapshot_id}/diff", tag = "snapshots",
    params(("snapshot_id" = Uuid, Path, description = "Snapshot"), DiffQuery),
    responses(
        (status = 200, description = "Bytes and files that differ.", body = Twin<SnapshotDiff>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`, or `RESOURCE_STATE` when comparing takes too long.",
         body = ErrorEnvelope),
    ))]
fn diff_snapshots() {}

/// Say what differs between two of a volume's snapshots.
#[utoipa::path(get, path = "/volumes/{id}/snapshots/{snapshot_id}/diff", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Volume"),
        ("snapshot_id" = Uuid, Path, description = "Snapshot"),
        DiffQuery,
    ),
    responses(
        (status = 200, description = "Bytes and files that differ.", body = Twin<SnapshotDiff>),
        (status = 409, description = "`SNAPSHOT_NOT_READY`, or `RESOURCE_STATE` when comparing takes too long.",
         body = ErrorEnvelope),
    ))]
fn diff_volume_snapshots() {}
