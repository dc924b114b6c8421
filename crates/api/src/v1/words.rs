//! The words of the API: states, kinds and choices. Those that the rules know are the domain's; the others exist on the wire
//! only. [`open`] has the same names as field types, which keep a newer server's words.

pub use miosa_domain::attachment::AttachmentState;
pub use miosa_domain::computer::{ComputerSize, ComputerStatus};
pub use miosa_domain::service::{ReasonCode, ReleaseState, ReplicaState, ServiceKind, ServiceState};
pub use miosa_domain::snapshot::{SnapshotState, Trigger};
pub use miosa_domain::spec::{DesiredRun, Network, RestartPolicy};
pub use miosa_domain::volume::VolumeState;

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$word:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[derive(strum::Display, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum $name {
            $($(#[$word])* $variant),+
        }
    )+};
}

words! {
    /// How a pool stores volumes.
    Backend { Local }

    /// The filesystem on a volume.
    Filesystem { Ext4 }

    /// The type of a data service: every volume is one.
    #[derive(Default)]
    DataServiceType { #[default] Volume }

    /// The state of a volume's snapshot schedule.
    #[derive(Default)]
    ScheduleState {
        #[default]
        Off,
        Ok,
        /// The pool is nearly full.
        Paused,
        Failing,
    }

    /// The last compaction of a volume's image.
    CompactionState { Pending, Running, Done, Stopped }

    /// What a volume was created from, or last restored to.
    OriginKind { Snapshot, Volume }

    /// The state of a deleted object: a volume in the trash or a deleted snapshot, a computer or service that is being
    /// destroyed, a detached attachment; `deleting` until the host reports it.
    DeletedState { Deleted, Destroying, Detached, Deleting, Detaching, Destroyed }

    /// The progress of a snapshot that is being created.
    SnapshotPhase { Waiting, Compacting, Taking }

    /// The result of comparing a snapshot's data with its checksum.
    VerificationState { Running, Intact, Damaged, Unreadable }

    /// Why an expired snapshot is kept.
    KeptReason { Newest, Protected, InUse }

    /// The type of a file in a snapshot.
    FileType { File, Dir, Symlink, Other }

    /// How a file differs between two snapshots.
    FileChange { Added, Removed, Modified }

    /// Who can find a computer.
    Visibility { Public, Tenant, Key }

    /// The output of a process.
    OutputStream { Stdout, Stderr }

    /// The source of a release: both name a template of the host.
    SourceType { Template, Image }

    /// How a health check probes.
    HealthCheckType { Command, Http }

    /// Why a release was made.
    ReleaseCause { Deploy, Restart, Start, Volumes, Promote, Rollback }

    /// The source of a variable: `server` for those that are added to every replica.
    VariableSource { Service, Server }

    /// The state of a service as a deployment.
    DeploymentState { Pending, Building, Running, Failed, Stopped }

    /// The kind of every deployment.
    DeploymentKind { Dynamic }

    /// The state of a release as a version; `ready` is the one that is served.
    VersionState { Created, Building, Ready, Failed, Archived }

    /// The environment of a project.
    EnvironmentName { Production }

    /// What happened to a volume.
    EventKind {
        #[strum(serialize = "volume.created")]
        VolumeCreated,
        #[strum(serialize = "volume.forked")]
        VolumeForked,
        #[strum(serialize = "volume.restored")]
        VolumeRestored,
        #[strum(serialize = "volume.restore_failed")]
        VolumeRestoreFailed,
        #[strum(serialize = "volume.compacted")]
        VolumeCompacted,
        #[strum(serialize = "volume.deleted")]
        VolumeDeleted,
        #[strum(serialize = "volume.undeleted")]
        VolumeUndeleted,
        #[strum(serialize = "volume.expired")]
        VolumeExpired,
        #[strum(serialize = "snapshot.taken")]
        SnapshotTaken,
        #[strum(serialize = "snapshot.failed")]
        SnapshotFailed,
        #[strum(serialize = "snapshot.deleted")]
        SnapshotDeleted,
        #[strum(serialize = "snapshot.pruned")]
        SnapshotPruned,
        #[strum(serialize = "snapshot.damaged")]
        SnapshotDamaged,
        #[strum(serialize = "schedule.paused")]
        SchedulePaused,
        #[strum(serialize = "schedule.resumed")]
        ScheduleResumed,
        #[strum(serialize = "schedule.changed")]
        ScheduleChanged,
    }
}

/// The words as field types.
pub mod open {
    use crate::word::Word;

    macro_rules! open {
        ($($name:ident)+) => {$(
            pub type $name = Word<super::$name>;
        )+};
    }

    open! {
        AttachmentState Backend CompactionState ComputerSize ComputerStatus DataServiceType DeletedState DeploymentKind
        DeploymentState DesiredRun EnvironmentName EventKind FileChange FileType Filesystem HealthCheckType KeptReason
        Network OriginKind OutputStream ReasonCode ReleaseCause ReleaseState ReplicaState RestartPolicy ScheduleState
        ServiceKind ServiceState SnapshotPhase SnapshotState SourceType Trigger VariableSource VerificationState
        VersionState Visibility VolumeState
    }
}
