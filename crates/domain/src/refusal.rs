//! Why a call was refused: a stable code for programs, and a message that tells a person what to do next.

use crate::computer::ComputerStatus;
use crate::id::{
    AttachmentId, ComputerId, HostId, InstanceId, ProjectId, ReleaseId, ServiceId, SnapshotId, VolumeId,
};
use crate::mount_path::MountPath;
use crate::service::ReleaseState;
use crate::snapshot::SnapshotState;
use crate::status::Holder;
use crate::volume::VolumeState;

/// A valid and authorized call that cannot be carried out in the current state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{what} not found")]
    NotFound { what: &'static str },

    /// `deleted_at` is RFC 3339 in UTC.
    #[error("{what} is already deleted (at {deleted_at}); nothing was changed")]
    AlreadyDeleted { what: &'static str, deleted_at: String },

    #[error(
        "volume {volume_id} is already attached to computer {computer_id} at {mount_path}; detach attachment {attachment_id} \
         first, or attach it read-only everywhere"
    )]
    VolumeAttached {
        volume_id: VolumeId,
        attachment_id: AttachmentId,
        computer_id: ComputerId,
        mount_path: MountPath,
    },

    #[error(
        "volume {volume_id} is mounted at {mount_path} by a replica of service {service_id}; stop that service first, or take \
         the volume out of it (PATCH /services/{service_id} with \"volumes\")"
    )]
    VolumeAttachedToReplica {
        volume_id: VolumeId,
        attachment_id: AttachmentId,
        instance_id: InstanceId,
        service_id: ServiceId,
        mount_path: MountPath,
    },

    #[error(
        "volume {volume_id} is attached to computer {computer_id}; detach attachment {attachment_id} first"
    )]
    VolumeStillAttached { volume_id: VolumeId, attachment_id: AttachmentId, computer_id: ComputerId },

    #[error(
        "volume {volume_id} is attached to computer {computer_id}; detach attachment {attachment_id} first, or restore with \
         force=true, which stops the computers that use it and starts them again afterwards"
    )]
    RestoreWhileAttached { volume_id: VolumeId, attachment_id: AttachmentId, computer_id: ComputerId },

    #[error("{}", busy_message(*.volume_id, .holders))]
    VolumeBusy { volume_id: VolumeId, holders: Vec<Holder> },

    #[error(
        "{mount_path} overlaps {taken}, where attachment {attachment_id} already is; choose another mount_path"
    )]
    MountPathInUse { mount_path: MountPath, taken: MountPath, attachment_id: AttachmentId },

    #[error(
        "volume {volume_id} lives on host {volume_host} and computer {computer_id} on host {computer_host}: a local volume \
         attaches only on its own host. Create a computer with \"host_id\": \"{volume_host}\" and attach it there, or create a \
         volume on {computer_host} and copy the files"
    )]
    VolumeHostMismatch {
        volume_id: VolumeId,
        volume_host: HostId,
        computer_id: ComputerId,
        computer_host: HostId,
    },

    #[error("{}", not_ready_message(*.volume_id, *.state, .reason.as_deref()))]
    VolumeNotReady { volume_id: VolumeId, state: VolumeState, reason: Option<String> },

    #[error(
        "the project already has {limit} volumes, its limit; delete one, or ask the operator to raise the limit"
    )]
    VolumeLimitReached { limit: u32 },

    #[error("{message}")]
    InsufficientCapacity { message: String, capacity_bytes: u64, used_bytes: u64 },

    #[error("computer {computer_id} is {status}: {remedy}")]
    ComputerState { computer_id: ComputerId, status: ComputerStatus, remedy: &'static str },

    #[error("computer {computer_id} is still starting; try again in a second")]
    ComputerStarting { computer_id: ComputerId },

    #[error("volume {volume_id} has delete protection; turn it off first (PATCH delete_protection: false)")]
    Protected { volume_id: VolumeId },

    #[error(
        "snapshot {snapshot_id} is protected; turn that off first (PATCH protected: false, or miosa snapshots unprotect)"
    )]
    SnapshotProtected { snapshot_id: SnapshotId },

    #[error("snapshot {snapshot_id} is being restored or forked; delete it when that is done")]
    SnapshotInUse { snapshot_id: SnapshotId },

    #[error("{}", snapshot_not_ready_message(*.snapshot_id, *.state))]
    SnapshotNotReady { snapshot_id: SnapshotId, state: SnapshotState },

    #[error(
        "volume {volume_id} has no snapshot that is ready; take one with POST /volumes/{volume_id}/snapshots"
    )]
    NoSnapshotAvailable { volume_id: VolumeId },

    #[error(
        "the pool is {percent}% full: {what} is refused from {limit_percent}% on. Delete snapshots or volumes, or enlarge the pool"
    )]
    PoolNearFull { what: &'static str, percent: u64, limit_percent: u64 },

    #[error(
        "volume {volume_id} is mounted by service {service_name} ({service_id}); take it out of the service's volumes first \
         (PATCH /services/{service_id} with \"volumes\"), or delete the service; a restore in place may be forced instead"
    )]
    VolumeUsedByService { volume_id: VolumeId, service_id: ServiceId, service_name: String },

    #[error(
        "instance {instance_id} is a replica of service {service_id}, which alone changes it; scale, restart or deploy the \
         service instead"
    )]
    ReplicaOfService { instance_id: InstanceId, service_id: ServiceId },

    #[error("service {id} {problem}")]
    ServiceState { id: ServiceId, problem: &'static str },

    #[error(
        "service {id} was changed meanwhile (its lock_version is {actual}, not {expected}); read it again and repeat the change"
    )]
    StaleService { id: ServiceId, expected: u64, actual: u64 },

    #[error("release {id} is {state}: {problem}")]
    ReleaseState { id: ReleaseId, state: ReleaseState, problem: &'static str },

    #[error("release {number} cannot be served again: {reason}")]
    ReleaseGone { number: u64, reason: String },

    #[error(
        "no snapshot was taken when release {number} was left, so its data cannot come back with it; deploy with \
         snapshot_before=true next time, or restore a snapshot of the volume by hand"
    )]
    NoReleaseSnapshot { number: u64 },

    #[error("project {id} {problem}")]
    ProjectInUse { id: ProjectId, problem: String },

    /// The host tried and failed; `message` comes from the host.
    #[error("{message}")]
    HostRefused { code: &'static str, message: String },
}

impl Refusal {
    /// The stable code of the wire contract.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotFound { .. } | Refusal::AlreadyDeleted { .. } => "NOT_FOUND",
            Refusal::VolumeAttached { .. } | Refusal::VolumeAttachedToReplica { .. } => "VOLUME_ATTACHED",
            Refusal::VolumeStillAttached { .. }
            | Refusal::RestoreWhileAttached { .. }
            | Refusal::VolumeBusy { .. } => "VOLUME_IN_USE",
            Refusal::MountPathInUse { .. } => "MOUNT_PATH_IN_USE",
            Refusal::VolumeHostMismatch { .. } => "VOLUME_HOST_MISMATCH",
            Refusal::VolumeNotReady { .. } => "VOLUME_NOT_READY",
            Refusal::VolumeLimitReached { .. } => "VOLUME_LIMIT_REACHED",
            Refusal::InsufficientCapacity { .. } | Refusal::PoolNearFull { .. } => "INSUFFICIENT_CAPACITY",
            Refusal::ComputerState { .. } => "RESOURCE_STATE",
            Refusal::ComputerStarting { .. } => "COMPUTER_STARTING",
            Refusal::Protected { .. } | Refusal::SnapshotProtected { .. } => "PROTECTED",
            Refusal::SnapshotInUse { .. } => "SNAPSHOT_IN_USE",
            Refusal::SnapshotNotReady { .. } => "SNAPSHOT_NOT_READY",
            Refusal::NoSnapshotAvailable { .. } | Refusal::NoReleaseSnapshot { .. } => {
                "NO_SNAPSHOT_AVAILABLE"
            }
            Refusal::VolumeUsedByService { .. } => "VOLUME_IN_USE",
            Refusal::ReplicaOfService { .. } => "MANAGED_BY_SERVICE",
            Refusal::ServiceState { .. } => "SERVICE_STATE",
            Refusal::ReleaseState { .. } => "RELEASE_STATE",
            Refusal::ProjectInUse { .. } => "PROJECT_IN_USE",
            Refusal::StaleService { .. } => "STALE_SERVICE",
            Refusal::ReleaseGone { .. } => "RELEASE_GONE",
            Refusal::HostRefused { code, .. } => code,
        }
    }

    /// Whether the same call may succeed shortly.
    pub fn retryable(&self) -> bool {
        matches!(self, Refusal::ComputerStarting { .. })
    }
}

fn busy_message(volume_id: VolumeId, holders: &[Holder]) -> String {
    use std::fmt::Write;
    let mut message = format!("volume {volume_id} has files in use");
    for (i, holder) in holders.iter().take(8).enumerate() {
        let lead = if i == 0 { ": " } else { "; " };
        let _ = write!(message, "{lead}pid {} ({})", holder.pid, holder.command);
    }
    if holders.len() > 8 {
        let _ = write!(message, "; and {} more", holders.len() - 8);
    }
    message.push_str(". Stop them and detach again, or detach with force=true, which ends them");
    message
}

fn not_ready_message(volume_id: VolumeId, state: VolumeState, reason: Option<&str>) -> String {
    let reason = reason.map(|r| format!(" ({r})")).unwrap_or_default();
    let remedy = match state {
        VolumeState::Error => "look at its error, then delete it or repair what the error names",
        VolumeState::Unavailable => "its host is not connected; wait for it to return",
        VolumeState::Deleted => "bring it back with undelete first",
        _ => "wait until it is available",
    };
    format!("volume {volume_id} is {state}{reason}: {remedy}")
}

fn snapshot_not_ready_message(snapshot_id: SnapshotId, state: SnapshotState) -> String {
    let remedy = match state {
        SnapshotState::Creating => "wait until it is ready",
        SnapshotState::Failed => "look at its error, and take another one",
        SnapshotState::Ready | SnapshotState::Deleting => "choose another one",
    };
    format!("snapshot {snapshot_id} is {state}: {remedy}")
}
