//! The nouns of miosa volumes and their rules, as pure code: no I/O, no async, no clock, no random numbers.
//!
//! Everything here can be decided from its arguments alone, so it can be tested in tables. A module per noun holds its
//! states, its allowed transitions and the [`Refusal`](refusal::Refusal)s that explain why one is not allowed. `spec` holds the
//! desired state of a host, `status` what the host last reported; `kind` ties the two together.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod attachment;
pub mod computer;
pub mod generation;
pub mod id;
pub mod kind;
pub mod limits;
pub mod mount_path;
pub mod name;
pub mod refusal;
pub mod retention;
pub mod schedule;
pub mod service;
pub mod size;
pub mod snapshot;
pub mod spec;
pub mod staged;
pub mod stall;
pub mod status;
pub mod text;
pub mod volume;

pub use generation::Generation;
pub use id::{
    ApiKeyId, AttachmentId, ComputerId, HostId, InstanceId, PoolId, ProjectId, ReleaseId, ServiceId,
    SnapshotId, TenantId, VolumeId,
};
pub use mount_path::MountPath;
pub use refusal::Refusal;
