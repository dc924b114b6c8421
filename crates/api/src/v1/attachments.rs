//! Attachments: a volume given to a computer at a path.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::words::open::AttachmentState;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    pub id: String,
    pub volume_id: String,
    pub computer_id: String,
    /// Of a service's replica: the service, and the runtime instance, which has the id `computer_id`.
    pub service_id: Option<String>,
    pub instance_id: Option<String>,
    pub mount_path: String,
    pub read_only: bool,
    /// Other replicas may write beside it.
    pub shared: bool,
    /// attaching, attached, detaching or failed.
    pub state: AttachmentState,
    /// The same as `state`.
    pub status: AttachmentState,
    /// The block device on the host while the volume is mounted there, for example `/dev/loop7`.
    pub device: Option<String>,
    pub volume_name: String,
    pub size_gb: u64,
    pub host_id: String,
    /// Why the attachment is `failed`.
    pub error: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// Body of `POST /computers/{id}/volumes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateAttachment {
    #[serde(default, alias = "volumeId", skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
    /// Default `/mnt/data`, or `/mnt/<volume name>` when that is taken.
    #[serde(default, alias = "mountPath", skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    #[serde(default, alias = "readOnly", skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// Query of `DELETE /volume-attachments/{id}`.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Detach {
    /// End the processes that hold files open.
    pub force: Option<bool>,
}
