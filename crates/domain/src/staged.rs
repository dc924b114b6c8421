//! A volume that a host has attached, in the form in which a storage engine hands it to the runtime of instances.

use std::path::{Path, PathBuf};

/// A volume attached to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staged {
    /// Its filesystem is mounted on the host, once; instances get clones of that mount.
    Mount {
        mount_point: PathBuf,
        /// For example `/dev/loop7`.
        device: PathBuf,
        /// `st_dev` of every file in the volume, in the kernel's `dev_t` encoding.
        device_number: u64,
    },
    /// It is a block device that nothing is mounted from: one instance mounts it itself, as a virtual machine does.
    Device { device: PathBuf, device_number: u64 },
}

impl Staged {
    pub fn device(&self) -> &Path {
        match self {
            Self::Mount { device, .. } | Self::Device { device, .. } => device,
        }
    }

    pub fn device_number(&self) -> u64 {
        match self {
            Self::Mount { device_number, .. } | Self::Device { device_number, .. } => *device_number,
        }
    }

    pub fn mount_point(&self) -> Option<&Path> {
        match self {
            Self::Mount { mount_point, .. } => Some(mount_point),
            Self::Device { .. } => None,
        }
    }
}
