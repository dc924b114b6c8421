//! Pure planners: what should be and what was seen go in, ordered steps come out. The same input always gives the same plan.
//!
//! Every decision of a host is made here, where it can be tested in tables; the agent only looks, calls, and carries out.
//! A plan never removes something because it is absent from a list: it only ever speaks of the one object it was asked
//! about, and destroys data only when that object's spec says `Purged` or `Destroyed`.

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
