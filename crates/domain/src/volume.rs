//! A volume's life.
//!
//! ```text
//!            create                       delete                    undelete
//!  (nothing) ──────► creating ──► available ──────► deleting ──► deleted ──────► restoring ──► available
//!                        │            ▲  │                          │
//!                        ▼            │  ▼                          ▼ after the trash's retention
//!                      error      attaching · attached · detaching  (forgotten)
//! ```
//!
//! A restore in place goes from `available` (or `error`) to `restoring` and back.
//!
//! What is stored is the [`Lifecycle`]; `attaching`, `attached` and `detaching` follow from the volume's attachments, and
//! `unavailable` from its host, so they are derived in [`state`] and can never disagree with them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::attachment::{Attachment, AttachmentState};
use crate::id::{ComputerId, HostId, VolumeId};
use crate::mount_path::MountPath;
use crate::refusal::Refusal;

/// What is stored of a volume's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    Creating,
    Available,
    Deleting,
    Deleted,
    Restoring,
    Error,
}

impl Lifecycle {
    pub const ALL: [Lifecycle; 6] = [
        Lifecycle::Creating,
        Lifecycle::Available,
        Lifecycle::Deleting,
        Lifecycle::Deleted,
        Lifecycle::Restoring,
        Lifecycle::Error,
    ];

    /// The allowed moves. Staying is not a move.
    pub fn may_become(self, next: Lifecycle) -> bool {
        use Lifecycle::*;
        matches!(
            (self, next),
            (Creating, Available | Error | Deleting)
                | (Available, Deleting | Restoring | Error)
                | (Error, Available | Deleting | Restoring)
                | (Deleting, Deleted | Error)
                | (Deleted, Restoring)
                | (Restoring, Available | Error | Deleting)
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Creating => "creating",
            Lifecycle::Available => "available",
            Lifecycle::Deleting => "deleting",
            Lifecycle::Deleted => "deleted",
            Lifecycle::Restoring => "restoring",
            Lifecycle::Error => "error",
        }
    }

    /// Whether the volume is in the trash or on its way there: it answers 404 to all but the trash's own calls.
    pub fn is_deleted(self) -> bool {
        matches!(self, Lifecycle::Deleting | Lifecycle::Deleted)
    }
}

/// The state that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    Creating,
    Available,
    Attaching,
    Attached,
    Detaching,
    Deleting,
    Deleted,
    Restoring,
    Error,
    Unavailable,
}

impl VolumeState {
    pub fn as_str(self) -> &'static str {
        match self {
            VolumeState::Creating => "creating",
            VolumeState::Available => "available",
            VolumeState::Attaching => "attaching",
            VolumeState::Attached => "attached",
            VolumeState::Detaching => "detaching",
            VolumeState::Deleting => "deleting",
            VolumeState::Deleted => "deleted",
            VolumeState::Restoring => "restoring",
            VolumeState::Error => "error",
            VolumeState::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for VolumeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the rules below need to know of a volume.
#[derive(Debug, Clone)]
pub struct Volume {
    pub id: VolumeId,
    pub host_id: HostId,
    pub lifecycle: Lifecycle,
    pub host_reachable: bool,
    pub delete_protection: bool,
    pub error: Option<String>,
}

/// The state that clients see: the lifecycle, refined by the attachments and the host.
pub fn state(volume: &Volume, attachments: &[Attachment]) -> VolumeState {
    match volume.lifecycle {
        Lifecycle::Creating => VolumeState::Creating,
        Lifecycle::Deleting => VolumeState::Deleting,
        Lifecycle::Deleted => VolumeState::Deleted,
        Lifecycle::Restoring => VolumeState::Restoring,
        Lifecycle::Error => VolumeState::Error,
        Lifecycle::Available if !volume.host_reachable => VolumeState::Unavailable,
        Lifecycle::Available => {
            let any = |state| attachments.iter().any(|a| a.state == state);
            if any(AttachmentState::Attached) {
                VolumeState::Attached
            } else if any(AttachmentState::Attaching) || any(AttachmentState::Failed) {
                VolumeState::Attaching
            } else if any(AttachmentState::Detaching) {
                VolumeState::Detaching
            } else {
                VolumeState::Available
            }
        }
    }
}

/// Who wants a volume, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Attacher {
    pub computer_id: ComputerId,
    pub host_id: HostId,
    pub read_only: bool,
    /// It writes beside others that are shared too.
    pub shared: bool,
}

/// May `volume`, with these attachments, be attached?
///
/// One attachment may write, or several that are all shared: they see one mount of their host, and have agreed to look after
/// their files themselves. Read-only ones may be many, but not beside a writer.
pub fn may_attach(volume: &Volume, attachments: &[Attachment], by: &Attacher) -> Result<(), Refusal> {
    if volume.lifecycle.is_deleted() {
        return Err(Refusal::NotFound { what: "volume" });
    }
    let suits = |a: &Attachment| match (a.read_only, by.read_only) {
        (true, true) => true,
        (false, false) => a.shared && by.shared,
        _ => false,
    };
    let conflict = attachments.iter().find(|a| !suits(a) || a.computer_id == by.computer_id);
    if let Some(taken) = conflict {
        return Err(Refusal::VolumeAttached {
            volume_id: volume.id,
            attachment_id: taken.id,
            computer_id: taken.computer_id,
            mount_path: taken.mount_path.clone(),
        });
    }
    if volume.host_id != by.host_id {
        return Err(Refusal::VolumeHostMismatch {
            volume_id: volume.id,
            volume_host: volume.host_id,
            computer_id: by.computer_id,
            computer_host: by.host_id,
        });
    }
    match state(volume, attachments) {
        VolumeState::Available | VolumeState::Attaching | VolumeState::Attached | VolumeState::Detaching => {
            Ok(())
        }
        state => Err(Refusal::VolumeNotReady { volume_id: volume.id, state, reason: volume.error.clone() }),
    }
}

/// May `volume` go to the trash?
pub fn may_delete(volume: &Volume, attachments: &[Attachment]) -> Result<(), Refusal> {
    if let Some(attachment) = attachments.first() {
        return Err(Refusal::VolumeStillAttached {
            volume_id: volume.id,
            attachment_id: attachment.id,
            computer_id: attachment.computer_id,
        });
    }
    if volume.delete_protection {
        return Err(Refusal::Protected { volume_id: volume.id });
    }
    if !volume.lifecycle.may_become(Lifecycle::Deleting) {
        return Err(Refusal::NotFound { what: "volume" });
    }
    Ok(())
}

/// May `volume` come back from the trash? A volume that is not there is found, and left as it is.
pub fn may_undelete(volume: &Volume) -> Result<(), Refusal> {
    match volume.lifecycle {
        Lifecycle::Deleted => Ok(()),
        Lifecycle::Deleting => Err(Refusal::VolumeNotReady {
            volume_id: volume.id,
            state: VolumeState::Deleting,
            reason: Some("it is still on its way to the trash".into()),
        }),
        _ => Err(Refusal::NotFound { what: "deleted volume" }),
    }
}

/// May a snapshot or a fork be made of `volume`? In use or not; a host that is away does it when it is back.
pub fn may_snapshot(volume: &Volume) -> Result<(), Refusal> {
    match volume.lifecycle {
        Lifecycle::Available => Ok(()),
        lifecycle if lifecycle.is_deleted() => Err(Refusal::NotFound { what: "volume" }),
        _ => Err(not_ready(volume)),
    }
}

/// May `volume` be brought back to one of its snapshots in place? One in error may: it is the way out. `force` stops who
/// uses it.
pub fn may_restore(volume: &Volume, attachments: &[Attachment], force: bool) -> Result<(), Refusal> {
    match volume.lifecycle {
        Lifecycle::Available | Lifecycle::Error => {}
        lifecycle if lifecycle.is_deleted() => return Err(Refusal::NotFound { what: "volume" }),
        _ => return Err(not_ready(volume)),
    }
    match attachments.first() {
        Some(attachment) if !force => Err(Refusal::RestoreWhileAttached {
            volume_id: volume.id,
            attachment_id: attachment.id,
            computer_id: attachment.computer_id,
        }),
        _ => Ok(()),
    }
}

/// For a volume that is not `available`, so that its attachments do not matter.
fn not_ready(volume: &Volume) -> Refusal {
    Refusal::VolumeNotReady { volume_id: volume.id, state: state(volume, &[]), reason: volume.error.clone() }
}

/// Where an attachment without a path goes: `/mnt/data`, or `/mnt/<name>` when that is taken.
pub fn default_mount_path(volume_name: &str, taken: &[MountPath]) -> MountPath {
    let parse = |path: &str| MountPath::parse(path).expect("slugs make valid paths");
    let free = |path: &MountPath| !taken.iter().any(|t| t.overlaps(path));
    let slug = crate::name::slug(volume_name, "volume");
    let candidates = [crate::mount_path::DEFAULT_MOUNT_PATH.to_owned(), format!("/mnt/{slug}")];
    let numbered = (2..).map(|n| format!("/mnt/{slug}-{n}"));
    // A taken "/mnt" overlaps every candidate: then the first one is refused by the overlap rule, by name.
    candidates
        .into_iter()
        .chain(numbered.take(100))
        .map(|c| parse(&c))
        .find(free)
        .unwrap_or_else(|| parse("/mnt/data"))
}
