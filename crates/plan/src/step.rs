//! The whole vocabulary of changes a host can make. Each step may run twice, or be cut in half and run again.

use std::fmt;

use miosa_domain::spec::{AttachmentSpec, Origin};
use miosa_domain::{AttachmentId, SnapshotId, VolumeId};

/// A change to one volume, with all that it takes to carry it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeStep {
    /// Make the volume. `origin` is what its data begins with; an empty filesystem if `None`.
    CreateImage {
        size_bytes: u64,
        incarnation: u64,
        origin: Option<Origin>,
    },
    /// Replace all data by that of the snapshot: the next incarnation.
    ReplaceData {
        size_bytes: u64,
        incarnation: u64,
        snapshot: SnapshotId,
    },
    /// Make the volume larger, its filesystem included.
    Grow {
        size_bytes: u64,
    },
    /// Unmount from the host and release the device.
    Unstage,
    MoveToTrash,
    RestoreFromTrash,
    /// Destroys the data.
    Purge,
}

/// A change to one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotStep {
    /// Clone the volume's image as it is, and seal the clone.
    Take,
    /// Destroys the snapshot's data.
    Remove,
}

/// A change to one instance. Each carries all that carrying it out takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceStep {
    /// Record the claim in the volume's ledger file, then mount the volume on the host.
    Claim(AttachmentSpec),
    /// Mount the volume at its path inside the instance.
    Publish(AttachmentSpec),
    /// Unmount the volume inside the running instance and release the claim. If processes hold the volume, `force` ends them;
    /// without it everything is put back. `stays_staged`: another claim keeps the volume mounted on the host.
    Detach { attachment: AttachmentSpec, force: bool, stays_staged: bool },
    /// Remove the claim after unmounting the volume from the host, unless another claim needs it there. `hand_over`: no process
    /// of the instance is left, so the next claimant may have the volume as it is, still mounted.
    Release { attachment: AttachmentId, volume: VolumeId, hand_over: bool },
    /// Create the container without starting its first process.
    CreateContainer,
    /// Fail: the operator of this host does not allow instances to use its network.
    RefuseHostNetwork,
    /// Start the first process.
    Start,
    /// End all processes of the instance.
    Stop { grace_seconds: u32 },
    /// Remove the container and its mounts; its files stay.
    RemoveContainer,
    /// Remove its files.
    DestroyFiles,
}

impl fmt::Display for VolumeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VolumeStep::CreateImage { .. } => "create-image",
            VolumeStep::ReplaceData { .. } => "replace-data",
            VolumeStep::Grow { .. } => "grow",
            VolumeStep::Unstage => "unstage",
            VolumeStep::MoveToTrash => "move-to-trash",
            VolumeStep::RestoreFromTrash => "restore-from-trash",
            VolumeStep::Purge => "purge",
        })
    }
}

impl fmt::Display for SnapshotStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotStep::Take => "take",
            SnapshotStep::Remove => "remove",
        })
    }
}

impl fmt::Display for InstanceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceStep::Claim(attachment) => write!(f, "claim {}", attachment.id),
            InstanceStep::Publish(attachment) => write!(f, "publish {}", attachment.id),
            InstanceStep::Detach { attachment, force, stays_staged } => {
                let how = if *force { "detach-by-force" } else { "detach" };
                let staged = if *stays_staged { " (stays staged)" } else { "" };
                write!(f, "{how} {}{staged}", attachment.id)
            }
            InstanceStep::Release { attachment, hand_over: false, .. } => write!(f, "release {attachment}"),
            InstanceStep::Release { attachment, hand_over: true, .. } => write!(f, "hand-over {attachment}"),
            InstanceStep::CreateContainer => f.write_str("create-container"),
            InstanceStep::RefuseHostNetwork => f.write_str("refuse-host-network"),
            InstanceStep::Start => f.write_str("start"),
            InstanceStep::Stop { grace_seconds } => write!(f, "stop {grace_seconds}s"),
            InstanceStep::RemoveContainer => f.write_str("remove-container"),
            InstanceStep::DestroyFiles => f.write_str("destroy-files"),
        }
    }
}
