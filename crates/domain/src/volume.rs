//! A volume's lifecycle.
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
//! Only the [`Lifecycle`] is stored. `attaching`, `attached` and `detaching` are derived from the volume's attachments, and
//! `unavailable` from its host, in [`state`], so they can never disagree.

use serde::{Deserialize, Serialize};

use crate::attachment::{Attachment, AttachmentState};
use crate::id::{ComputerId, HostId, VolumeId};
use crate::mount_path::MountPath;
use crate::refusal::Refusal;

/// The stored part of a volume's state.
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

    /// Whether the volume is in the trash or moving there: a 404 for all calls except those of the trash.
    pub fn is_deleted(self) -> bool {
        matches!(self, Lifecycle::Deleting | Lifecycle::Deleted)
    }
}

/// The state in the API.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
        self.into()
    }
}

/// The fields of a volume that the rules use.
#[derive(Debug, Clone)]
pub struct Volume {
    pub id: VolumeId,
    pub host_id: HostId,
    pub lifecycle: Lifecycle,
    pub host_reachable: bool,
    pub delete_protection: bool,
    pub error: Option<String>,
}

/// Derives the state in the API from the lifecycle, the attachments and the host.
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

/// A request to attach a volume.
#[derive(Debug, Clone, Copy)]
pub struct Attacher {
    pub computer_id: ComputerId,
    pub host_id: HostId,
    pub read_only: bool,
    /// Writes at the same time as other shared attachments.
    pub shared: bool,
}

/// Refuses to attach `volume` if its attachments exclude it.
///
/// One attachment may write, or several that are all shared: these use the host's single mount and have agreed to coordinate
/// their writes. Any number may be read-only, but not together with a writer.
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

/// Refuses to move `volume` to the trash while it is protected, attached or busy.
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

/// Refuses to restore `volume` from the trash in other states. A volume outside the trash is returned unchanged.
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

/// Refuses a snapshot or fork of `volume` unless its data is ready. It may be in use; an unreachable host acts on return.
pub fn may_snapshot(volume: &Volume) -> Result<(), Refusal> {
    match volume.lifecycle {
        Lifecycle::Available => Ok(()),
        lifecycle if lifecycle.is_deleted() => Err(Refusal::NotFound { what: "volume" }),
        _ => Err(not_ready(volume)),
    }
}

/// Refuses to restore `volume` in place while it is in use. A volume in error may be restored, to repair it. `force`
/// stops the computers that use it.
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

/// The refusal for a volume that is not `available`, whatever its attachments.
fn not_ready(volume: &Volume) -> Refusal {
    Refusal::VolumeNotReady { volume_id: volume.id, state: state(volume, &[]), reason: volume.error.clone() }
}

/// The default mount path: `/mnt/data`, or `/mnt/<name>` if that is taken.
pub fn default_mount_path(volume_name: &str, taken: &[MountPath]) -> MountPath {
    let parse = |path: &str| MountPath::parse(path).expect("slugs make valid paths");
    let free = |path: &MountPath| !taken.iter().any(|t| t.overlaps(path));
    let slug = crate::name::slug(volume_name, "volume");
    let candidates = [crate::mount_path::DEFAULT_MOUNT_PATH.to_owned(), format!("/mnt/{slug}")];
    let numbered = (2..).map(|n| format!("/mnt/{slug}-{n}"));
    // If "/mnt" itself is taken, every candidate overlaps it; the overlap rule then refuses the first.
    candidates
        .into_iter()
        .chain(numbered.take(100))
        .map(|c| parse(&c))
        .find(free)
        .unwrap_or_else(|| parse("/mnt/data"))
}
