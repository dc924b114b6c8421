//! An attachment's life.
//!
//! ```text
//!  attaching ──► attached ──► detaching ──► (forgotten)
//!      │            │  ▲          │
//!      └─► failed ◄─┘  └──────────┘ refused: files in use
//! ```
//!
//! On a stopped computer an attachment is `attached` immediately: the claim is recorded, and the volume is mounted at the
//! next start.

use serde::{Deserialize, Serialize};

use crate::id::{AttachmentId, ComputerId, VolumeId};
use crate::mount_path::MountPath;
use crate::refusal::Refusal;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttachmentState {
    Attaching,
    Attached,
    Detaching,
    Failed,
}

impl AttachmentState {
    /// The allowed moves. Staying is not a move.
    pub fn may_become(self, next: AttachmentState) -> bool {
        use AttachmentState::*;
        matches!(
            (self, next),
            (Attaching, Attached | Failed | Detaching)
                | (Attached, Detaching | Failed)
                | (Detaching, Attached)
                | (Failed, Attached | Detaching)
        )
    }

    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The fields of an attachment that the rules use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: AttachmentId,
    pub volume_id: VolumeId,
    pub computer_id: ComputerId,
    pub mount_path: MountPath,
    pub read_only: bool,
    /// Other shared attachments may write at the same time.
    pub shared: bool,
    pub state: AttachmentState,
}

/// Refuses `mount_path` if it overlaps one of the computer's `attachments`.
pub fn may_mount_at(mount_path: &MountPath, attachments: &[Attachment]) -> Result<(), Refusal> {
    match attachments.iter().find(|a| a.mount_path.overlaps(mount_path)) {
        None => Ok(()),
        Some(taken) => Err(Refusal::MountPathInUse {
            mount_path: mount_path.clone(),
            taken: taken.mount_path.clone(),
            attachment_id: taken.id,
        }),
    }
}
