//! Volumes: durable block devices with one ext4 filesystem.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words::open::{
    AttachmentState, Backend, CompactionState, DataServiceType, DeletedState, Filesystem, OriginKind,
    ScheduleState, VolumeState,
};

/// A volume as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Volume {
    pub id: String,
    pub name: String,
    pub tenant_id: String,
    pub workspace_id: Option<String>,
    pub project_id: String,
    /// `size_bytes` in GB (2^30 bytes), rounded up.
    pub size_gb: u64,
    pub size_bytes: u64,
    /// Always `local` today.
    pub backend: Backend,
    /// Always `ext4`.
    pub filesystem: Filesystem,
    /// creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable.
    pub status: VolumeState,
    /// The same as `status`.
    pub state: VolumeState,
    pub region: String,
    pub host_id: String,
    /// The first attachment's computer.
    pub attached_to: Option<String>,
    pub attachments: Vec<VolumeAttachment>,
    /// `volume`: every volume is a data service of that type.
    #[serde(rename = "type", default)]
    pub kind: DataServiceType,
    /// Five cron fields, in UTC.
    pub snapshot_schedule: Option<String>,
    /// Scheduled snapshots are kept for so long.
    pub snapshot_retention_days: u32,
    #[serde(default)]
    pub snapshots: VolumeSnapshots,
    pub metadata: BTreeMap<String, String>,
    /// Bytes of the pool that the volume really occupies, as last reported by its host.
    pub used_bytes: u64,
    #[serde(default)]
    pub space: Option<VolumeSpace>,
    #[serde(default)]
    pub compaction: Option<Compaction>,
    /// What it was made from, or last restored to.
    #[serde(default)]
    pub origin: Option<VolumeOrigin>,
    /// When it goes to the trash by itself; absent unless it was made with a `ttl`.
    #[serde(default)]
    pub expires_at: Option<String>,
    pub delete_protection: bool,
    /// Why the volume is in `error` or `unavailable`.
    pub error: Option<String>,
    /// RFC 3339 in UTC.
    pub created_at: String,
    pub updated_at: String,
    /// When it went to the trash; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// When the trash lets go of it for good; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_after: Option<String>,
}

/// A volume's snapshots and their schedule, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeSnapshots {
    /// Those that are ready.
    pub count: u64,
    /// When the newest of them was taken.
    pub last_taken_at: Option<String>,
    /// off, ok, paused (the pool is nearly full) or failing.
    pub schedule_state: ScheduleState,
    /// Why it is paused or failing.
    pub schedule_message: Option<String>,
    /// Failed runs in a row.
    pub failures: u32,
    /// The next three times of the schedule. Each is taken up to 30 seconds later, so that not all volumes come at once.
    pub next: Vec<String>,
    /// When the schedule's next snapshot is really taken, or tried again.
    pub next_run_at: Option<String>,
    /// Run in the computer before each snapshot; if it fails, no snapshot is taken.
    pub before_snapshot: Option<String>,
    /// Run after each snapshot, always.
    pub after_snapshot: Option<String>,
    pub hook_timeout_seconds: u32,
}

/// Where the bytes are, measured in the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeSpace {
    pub measured_at: String,
    /// What the filesystem counts as used; absent while the volume is not attached.
    pub filesystem_used_bytes: Option<u64>,
    /// What the image occupies in the pool.
    pub allocated_bytes: u64,
    /// What only this volume's snapshots still hold.
    pub held_by_snapshots_bytes: u64,
    /// Pieces that the image lies in.
    pub extents: u64,
    /// How long writers would wait if a snapshot were taken now.
    pub predicted_stall_ms: u32,
}

/// The last compaction of the volume's image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Compaction {
    /// pending, running, done or stopped.
    pub state: CompactionState,
    pub extents_before: Option<u64>,
    pub extents_now: Option<u64>,
    pub progress_percent: Option<u32>,
    /// Why it stopped.
    pub message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeOrigin {
    /// snapshot or volume.
    pub kind: OriginKind,
    pub id: String,
}

/// An attachment as its volume lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeAttachment {
    pub id: String,
    pub computer_id: Option<String>,
    pub service_id: Option<String>,
    pub instance_id: Option<String>,
    pub mount_path: String,
    pub read_only: bool,
    /// attaching, attached, detaching or failed.
    pub state: AttachmentState,
}

/// Body of `POST /volumes`. One of the sizes; without any, 10 GB.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateVolume {
    /// 1 to 255 characters. Need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, alias = "sizeGb", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<i64>,
    /// Rounded up to 1 MiB.
    #[serde(default, alias = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, alias = "projectId", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(default, alias = "workspaceId", skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// Values that are not strings are kept as their JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, alias = "deleteProtection", skip_serializing_if = "Option::is_none")]
    pub delete_protection: Option<bool>,
    /// Five cron fields in UTC, or `@daily` and the like; empty for none.
    #[serde(default, alias = "snapshotSchedule", skip_serializing_if = "Option::is_none")]
    pub snapshot_schedule: Option<String>,
    /// 1 to 365; 7 when left out.
    #[serde(default, alias = "snapshotRetentionDays", skip_serializing_if = "Option::is_none")]
    pub snapshot_retention_days: Option<i64>,
    /// Run in the computer before each snapshot; empty for none.
    #[serde(default, alias = "beforeSnapshot", skip_serializing_if = "Option::is_none")]
    pub before_snapshot: Option<String>,
    /// Run after each snapshot, always; empty for none.
    #[serde(default, alias = "afterSnapshot", skip_serializing_if = "Option::is_none")]
    pub after_snapshot: Option<String>,
    /// Of each hook: 1 to 600; 30 when left out.
    #[serde(default, alias = "hookTimeoutSeconds", skip_serializing_if = "Option::is_none")]
    pub hook_timeout_seconds: Option<i64>,
}

/// Body of `PATCH /volumes/{id}`. Fields left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdateVolume {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, alias = "deleteProtection", skip_serializing_if = "Option::is_none")]
    pub delete_protection: Option<bool>,
    /// Growth is not available yet: refused unless it is the present size.
    #[serde(default, alias = "sizeGb", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<i64>,
    #[serde(default, alias = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// Five cron fields in UTC, or `@daily` and the like; null or empty switches it off.
    #[serde(
        default,
        alias = "snapshotSchedule",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "null_is_a_value"
    )]
    #[schema(value_type = Option<String>)]
    pub snapshot_schedule: Option<Option<String>>,
    /// 1 to 365; 7 when left out.
    #[serde(default, alias = "snapshotRetentionDays", skip_serializing_if = "Option::is_none")]
    pub snapshot_retention_days: Option<i64>,
    /// Run in the computer before each snapshot; empty for none.
    #[serde(default, alias = "beforeSnapshot", skip_serializing_if = "Option::is_none")]
    pub before_snapshot: Option<String>,
    /// Run after each snapshot, always; empty for none.
    #[serde(default, alias = "afterSnapshot", skip_serializing_if = "Option::is_none")]
    pub after_snapshot: Option<String>,
    /// Of each hook: 1 to 600; 30 when left out.
    #[serde(default, alias = "hookTimeoutSeconds", skip_serializing_if = "Option::is_none")]
    pub hook_timeout_seconds: Option<i64>,
}

/// Body of `POST /volumes/{id}/resize`. One of the sizes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResizeVolume {
    /// Growth is not available yet: refused unless it is the present size.
    #[serde(default, alias = "sizeGb", skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<i64>,
    #[serde(default, alias = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
}

/// Answer to a DELETE of a volume, a snapshot, a computer or an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    pub id: String,
    pub deleted: bool,
    pub success: bool,
    /// `deleted` (a volume, now in the trash, or a snapshot), `destroying` (a computer) or `detached` (an attachment);
    /// `deleting` when the host has not done it yet.
    pub status: DeletedState,
}

/// `null` is `Some(None)`, unlike a field that is left out.
fn null_is_a_value<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Query of `GET /volumes`, beside the page.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VolumeFilters {
    /// Only volumes in this state; `deleted` lists the trash.
    pub status: Option<VolumeState>,
    /// The same as `status`.
    pub state: Option<VolumeState>,
    pub name: Option<String>,
    pub project_id: Option<Uuid>,
    pub workspace_id: Option<String>,
    pub region: Option<String>,
    /// Only volumes attached to this computer.
    pub attached_to: Option<Uuid>,
}

/// Query of `DELETE /volumes/{id}`.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteVolume {
    /// Remove it for good. Not available yet: 422 when true.
    pub purge: Option<bool>,
}
