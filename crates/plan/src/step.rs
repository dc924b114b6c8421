//! The whole vocabulary of changes a host can make. Each step may run twice, or be cut in half and run again.

use std::fmt;

use miosa_domain::AttachmentId;

/// A change to one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VolumeStep {
    CreateImage,
    /// Put the data of the next incarnation in the place of the present one.
    ReplaceData,
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

/// A change to one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstanceStep {
    /// Write the claim down in the volume's ledger file, then mount the volume on the host.
    Claim(AttachmentId),
    /// Make the mounted volume visible at its path inside the instance.
    Publish(AttachmentId),
    /// Take it out of the instance; `force` ends the processes that hold files open.
    Unpublish { attachment: AttachmentId, force: bool },
    /// Unmount the volume from the host if nobody else uses it, then give the claim back.
    Release(AttachmentId),
    /// Make the container, with its first process not yet started.
    CreateContainer,
    /// Let the first process run.
    Start,
    /// End all its processes.
    Stop { grace_seconds: u32 },
    /// Remove the container and its mounts; its files stay.
    RemoveContainer,
    /// Remove its files.
    DestroyFiles,
}

impl fmt::Display for VolumeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VolumeStep::CreateImage => "create-image",
            VolumeStep::ReplaceData => "replace-data",
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
            InstanceStep::Claim(id) => write!(f, "claim {id}"),
            InstanceStep::Publish(id) => write!(f, "publish {id}"),
            InstanceStep::Unpublish { attachment, force: false } => write!(f, "unpublish {attachment}"),
            InstanceStep::Unpublish { attachment, force: true } => {
                write!(f, "unpublish-by-force {attachment}")
            }
            InstanceStep::Release(id) => write!(f, "release {id}"),
            InstanceStep::CreateContainer => f.write_str("create-container"),
            InstanceStep::Start => f.write_str("start"),
            InstanceStep::Stop { grace_seconds } => write!(f, "stop {grace_seconds}s"),
            InstanceStep::RemoveContainer => f.write_str("remove-container"),
            InstanceStep::DestroyFiles => f.write_str("destroy-files"),
        }
    }
}
