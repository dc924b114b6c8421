//! Snapshots: a volume at one instant, and what can be done with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words::open::{
    EventKind, FileChange, FileType, KeptReason, SnapshotPhase, SnapshotState, Trigger, VerificationState,
};

/// A snapshot as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    pub id: String,
    pub volume_id: String,
    /// As it was when the snapshot was made; the volume may be gone.
    pub volume_name: String,
    pub name: Option<String>,
    pub tenant_id: String,
    pub project_id: String,
    pub host_id: String,
    pub region: String,
    /// creating, ready, failed or deleting.
    pub status: SnapshotState,
    /// The same as `status`.
    pub state: SnapshotState,
    /// manual, schedule or safety (taken before a restore in place).
    pub trigger: Trigger,
    /// While it is created: waiting, compacting or taking.
    pub phase: Option<SnapshotPhase>,
    /// Of the phase, where it is known.
    pub progress_percent: Option<u32>,
    /// The instant: everything written before the call is in it, nothing written later than this. RFC 3339 in UTC.
    pub taken_at: Option<String>,
    /// It cannot be deleted, and does not expire.
    pub protected: bool,
    /// `size_bytes` in GB (2^30 bytes), rounded up.
    pub size_gb: u64,
    /// The volume's size at that instant.
    pub size_bytes: u64,
    /// Bytes of the pool that it occupies, shared ones included.
    pub used_bytes: u64,
    /// Bytes of the pool that only this snapshot holds, as of `exclusive_bytes_at`.
    pub exclusive_bytes: Option<u64>,
    pub exclusive_bytes_at: Option<String>,
    /// How long writers of the volume waited.
    pub stall_ms: Option<f64>,
    /// Pieces that the image lay in.
    pub extents: Option<u64>,
    /// The image was compacted before, to keep the wait short.
    pub compacted: bool,
    /// BLAKE3 of its data, computed in the background after it is ready.
    pub checksum: Option<String>,
    pub verification: Option<SnapshotVerification>,
    /// When it is pruned; absent when it stays until it is deleted.
    pub expires_at: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub error: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// The last time that the data was compared with the checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotVerification {
    /// running, intact, damaged or unreadable.
    pub state: VerificationState,
    pub at: String,
    pub progress_percent: Option<u32>,
    pub message: Option<String>,
}

/// Body of `POST /volumes/{id}/snapshots`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateSnapshot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Values that are not strings are kept as their JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// Take it however long writers wait; without it, an image in too many pieces is compacted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<bool>,
    /// How long it is kept: `3d`, `12h`, `30m`, or seconds. Until it is deleted when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ttl: Option<serde_json::Value>,
    /// In place of the volume's own; an empty text runs none.
    #[serde(default, alias = "beforeSnapshot", skip_serializing_if = "Option::is_none")]
    pub before_snapshot: Option<String>,
    #[serde(default, alias = "afterSnapshot", skip_serializing_if = "Option::is_none")]
    pub after_snapshot: Option<String>,
    #[serde(default, alias = "hookTimeoutSeconds", skip_serializing_if = "Option::is_none")]
    pub hook_timeout_seconds: Option<i64>,
}

/// Body of `PATCH /volumes/{id}/snapshots/{snapshot_id}`. Fields left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateSnapshot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
}

/// Body of `POST /volumes/{id}/restore`, of `POST /volumes/{id}/snapshots/{snapshot_id}/restore` (which knows the snapshot),
/// and of `POST /volume-snapshots/{snapshot_id}/restore` (always a new volume).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestoreSnapshot {
    #[serde(default, alias = "snapshotId", skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Name of a new volume. Without it and without `as_new`, the volume itself goes back in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, alias = "asNew", skip_serializing_if = "Option::is_none")]
    pub as_new: Option<bool>,
    /// In place: stop the computers that use the volume, and start them again afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Of a new volume; the snapshot's size when left out, never less.
    #[serde(default, alias = "sizeGb", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<i64>,
    #[serde(default, alias = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// After it a new volume goes to the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ttl: Option<serde_json::Value>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Body of `POST /volumes/{id}/clone`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CloneVolume {
    /// `<name>-fork` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The volume as it is now when left out.
    #[serde(default, alias = "snapshotId", skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    #[serde(default, alias = "sizeGb", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<i64>,
    #[serde(default, alias = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// After it the fork goes to the trash: `3d`, `12h`, `30m`, or seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ttl: Option<serde_json::Value>,
    /// Fork it however long writers wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<bool>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Body of `POST /volume-snapshots/prune`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PruneSnapshots {
    /// Only say what would go.
    #[serde(default, alias = "dryRun", skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Only of this volume.
    #[serde(default, alias = "volumeId", skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
}

/// What a prune removes, or would remove, and what stays only because of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrunePlan {
    pub dry_run: bool,
    pub pruned: Vec<Snapshot>,
    /// Expired, and kept all the same.
    pub kept: Vec<KeptSnapshot>,
    /// Sum of the exclusive bytes of `pruned`, as far as they are known: at least so much becomes free.
    pub freed_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptSnapshot {
    pub id: String,
    pub volume_id: String,
    /// newest, protected or in_use.
    pub reason: KeptReason,
}

/// A file or folder in a snapshot. Its name may hold bytes that are not UTF-8: those are shown as U+FFFD, and `path_base64` is
/// exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    pub name: String,
    pub path: String,
    /// The whole path, present only when it is not UTF-8. Accepted in place of `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    pub size: u64,
    pub is_dir: bool,
    pub is_symlink: bool,
    /// file, dir, symlink or other.
    #[serde(rename = "type")]
    pub kind: FileType,
    /// Permission bits as a number.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub symlink_target: Option<String>,
    /// Present only when the target is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symlink_target_base64: Option<String>,
    pub modified_at: String,
}

/// A folder's entries. Not a twin: clients read `data` or `entries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileList {
    pub data: Vec<FileEntry>,
    pub entries: Vec<FileEntry>,
    pub path: String,
    /// Opaque. Given as `after`, it continues the list; absent at its end.
    pub next: Option<String>,
}

/// What differs between two snapshots of one volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotDiff {
    pub from: String,
    pub to: String,
    /// Bytes of the block device that may differ, in so many ranges. Nothing outside of them does.
    pub changed_bytes: u64,
    pub changed_ranges: u64,
    pub files_added: u64,
    pub files_removed: u64,
    pub files_modified: u64,
    /// In the order of the paths, at most `limit`.
    pub files: Vec<ChangedFile>,
    /// There are more than were asked for.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedFile {
    pub path: String,
    /// Present only when the path is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// added, removed or modified.
    pub change: FileChange,
    /// file, dir, symlink or other.
    #[serde(rename = "type")]
    pub kind: FileType,
    pub size: u64,
}

/// Something that happened to a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    pub id: String,
    pub volume_id: String,
    pub at: String,
    /// For example `snapshot.taken`; docs/reference/events.md lists them all.
    pub kind: EventKind,
    pub message: String,
    pub snapshot_id: Option<String>,
    /// Another volume that it has to do with: the fork, or what was forked.
    pub other_volume_id: Option<String>,
    pub size_bytes: Option<u64>,
}

/// Query of `GET /volumes/{id}/snapshots`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SnapshotFilters {
    /// Only snapshots in this state.
    pub status: Option<SnapshotState>,
    /// The same as `status`.
    pub state: Option<SnapshotState>,
    pub name: Option<String>,
    pub project_id: Option<Uuid>,
    pub region: Option<String>,
}

/// Query of `GET /volume-snapshots`, beside the page and the filters.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfVolume {
    /// Only of this volume, which may be gone.
    pub volume_id: Option<Uuid>,
}

/// A file in a snapshot.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilePath {
    /// Absolute, at most 4096 bytes, without `..`. `/` when left out. Bytes that are not UTF-8 may be percent-encoded.
    pub path: Option<String>,
    /// The same in base64, in place of `path`.
    pub path_base64: Option<String>,
}

/// Which entries of a folder.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilePage {
    /// `next` of the part before.
    pub after: Option<String>,
    /// More than 1000 is taken as 1000.
    #[param(minimum = 1, default = 1000)]
    pub limit: Option<u64>,
}

/// Query of `GET /volume-snapshots/{snapshot_id}/diff`.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// Another snapshot of the same volume, older or newer.
    pub to: Uuid,
    /// Say which files differ, too. Without it, nothing is read.
    #[param(default = true)]
    pub files: Option<bool>,
    /// At most so many files are listed; all are counted. More than 1000 is taken as 1000.
    #[param(minimum = 1, default = 1000)]
    pub limit: Option<u64>,
}

/// A file's bytes as they are.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct FileContent(pub Vec<u8>);
