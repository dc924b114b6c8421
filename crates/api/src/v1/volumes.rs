//! Volumes: durable block devices with one ext4 filesystem.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub backend: String,
    /// Always `ext4`.
    pub filesystem: String,
    /// creating, available, attaching, attached, detaching, deleting, deleted, restoring, error or unavailable.
    pub status: String,
    /// The same as `status`.
    pub state: String,
    pub region: String,
    pub host_id: String,
    /// The first attachment's computer.
    pub attached_to: Option<String>,
    pub attachments: Vec<VolumeAttachment>,
    pub snapshot_schedule: Option<String>,
    pub snapshot_retention_days: u32,
    pub metadata: BTreeMap<String, String>,
    /// Bytes of the pool that the volume really occupies, as last reported by its host.
    pub used_bytes: u64,
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
    pub state: String,
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
    pub backend: Option<String>,
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
    /// Not available yet: refused when set.
    #[serde(default, alias = "snapshotSchedule", skip_serializing_if = "Option::is_none")]
    pub snapshot_schedule: Option<serde_json::Value>,
    /// Not available yet: refused when set.
    #[serde(default, alias = "snapshotRetentionDays", skip_serializing_if = "Option::is_none")]
    pub snapshot_retention_days: Option<serde_json::Value>,
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
    /// Not available yet: refused when set.
    #[serde(default, alias = "snapshotSchedule", skip_serializing_if = "Option::is_none")]
    pub snapshot_schedule: Option<serde_json::Value>,
    /// Not available yet: refused when set.
    #[serde(default, alias = "snapshotRetentionDays", skip_serializing_if = "Option::is_none")]
    pub snapshot_retention_days: Option<serde_json::Value>,
}

/// Answer to a DELETE of a volume, a computer or an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    pub id: String,
    pub deleted: bool,
    pub success: bool,
    /// `deleted` (a volume, now in the trash), `destroying` (a computer) or `detached` (an attachment).
    pub status: String,
}
