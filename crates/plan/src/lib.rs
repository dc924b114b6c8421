//! Pure planners: from the wanted and the observed state to ordered steps. The same input always gives the same plan.
//!
//! All decisions of a host are made here, where tables test them; the agent observes and executes. A plan is about one object
//! and never removes something because a list does not contain it. It destroys data only if the object's spec says `Purged` or
//! `Destroyed`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

mod instance_plan;
mod service_plan;
mod snapshot_plan;
mod step;
mod volume_plan;

pub use instance_plan::{ContainerSeen, InstanceSeen, instance_plan};
pub use service_plan::{
    ReplicaSeen, Rollout, RolloutOutcome, RolloutStep, RolloutWanted, Succession, service_plan,
};
pub use snapshot_plan::{SnapshotObstacle, SnapshotSeen, SnapshotWanted, snapshot_plan};
pub use step::{InstanceStep, SnapshotStep, VolumeStep};
pub use volume_plan::{ImageSeen, Obstacle, VolumeSeen, VolumeWanted, volume_plan};
