//! Why a call of a backend was refused or failed.

use std::path::PathBuf;
use std::time::Duration;

use miosa_domain::size::human;
use miosa_domain::status::{FailureCode, Holder};
use miosa_domain::{PoolId, SnapshotId, VolumeId};
use miosa_effects::SysError;
use miosa_effects::ext4::Ext4Error;
use miosa_effects::process::ProcessError;
use miosa_failpoint::Injected;

use crate::{Capability, Capacity};

/// Why a call was refused or failed. After an error the volume is as before the call, or as the call would have left it.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    #[error(
        "the pool is too full: {} of {} are used, and nothing new is made in it from {}% on; delete a volume or a snapshot",
        human(*used_bytes), human(*capacity_bytes), Capacity::CREATE_LIMIT_PERCENT
    )]
    InsufficientCapacity { capacity_bytes: u64, used_bytes: u64 },

    #[error("the data of volume {id} is not in the pool")]
    Missing { id: VolumeId },

    #[error("volume {id} is in the trash")]
    InTrash { id: VolumeId },

    #[error("the data of snapshot {id} is not in the pool")]
    SnapshotMissing { id: SnapshotId },

    #[error("volume {id} was not written back within {} s: its disk is too slow or stuck. Nothing was taken; try again", limit.as_secs())]
    WriteBackTimeout { id: VolumeId, limit: Duration },

    #[error("there is no {path} in snapshot {id}")]
    NoSuchFile { id: SnapshotId, path: String },

    #[error("{path} in snapshot {id} is not a {wanted}")]
    OtherKind { id: SnapshotId, path: String, wanted: &'static str },

    #[error("volume {id} has {} and not {}", human(*size_bytes), human(*wanted_bytes))]
    SizeDiffers { id: VolumeId, size_bytes: u64, wanted_bytes: u64 },

    #[error(
        "{size_bytes} bytes is no size for a volume: it must be a multiple of 1 MiB, and at least 64 MiB"
    )]
    InvalidSize { size_bytes: u64 },

    #[error(
        "{} is too small: what the volume is made from has {}; ask for that or more",
        human(*size_bytes), human(*held_bytes)
    )]
    TooSmall { size_bytes: u64, held_bytes: u64 },

    #[error(
        "volume {id} cannot be compacted: its pool is on Btrfs, where that makes a running workload's flush fail. Take \
         snapshots with now, or keep the pool on XFS"
    )]
    CannotCompact { id: VolumeId },

    #[error("{} is not ours and is left alone: {what}", path.display())]
    Foreign { path: PathBuf, what: String },

    #[error("volume {id} is in use{}", named(holders))]
    Busy { id: VolumeId, holders: Vec<Holder> },

    #[error("{} is locked by another process", path.display())]
    Locked { path: PathBuf },

    #[error("{} cannot be a pool: {why}", path.display())]
    Unusable { path: PathBuf, why: String },

    #[error("the storage engine of this pool does not support {capability}")]
    Unsupported { capability: Capability },

    #[error("this host has no pool {id}")]
    NoSuchPool { id: PoolId },

    #[error("the pool is closed")]
    Closed,

    #[error(transparent)]
    Io(#[from] SysError),

    #[error(transparent)]
    Program(#[from] ProcessError),

    #[error(transparent)]
    Ext4(#[from] Ext4Error),

    #[error(transparent)]
    Injected(#[from] Injected),
}

impl BackendError {
    /// The stable code under which this is reported.
    pub fn failure_code(&self) -> FailureCode {
        match self {
            Self::InsufficientCapacity { .. } => FailureCode::InsufficientCapacity,
            Self::Missing { .. } | Self::InTrash { .. } | Self::SnapshotMissing { .. } => {
                FailureCode::DataMissing
            }
            Self::WriteBackTimeout { .. } => FailureCode::WriteBackTimeout,
            Self::NoSuchFile { .. } => FailureCode::NoSuchFile,
            Self::OtherKind { .. } => FailureCode::OtherKind,
            Self::Foreign { .. } | Self::SizeDiffers { .. } => FailureCode::ForeignData,
            Self::Busy { .. } => FailureCode::VolumeAttached,
            Self::InvalidSize { .. }
            | Self::TooSmall { .. }
            | Self::CannotCompact { .. }
            | Self::Locked { .. }
            | Self::Unusable { .. }
            | Self::Unsupported { .. }
            | Self::NoSuchPool { .. }
            | Self::Closed
            | Self::Io(_)
            | Self::Program(_)
            | Self::Ext4(_)
            | Self::Injected(_) => FailureCode::HostError,
        }
    }
}

fn named(holders: &[Holder]) -> String {
    let names: Vec<_> = holders.iter().map(|h| format!("{} ({})", h.pid, h.command)).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}
