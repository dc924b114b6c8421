//! A computer's lifecycle, derived from its desired state ([`Desired`](crate::spec::DesiredRun)) and the last report.
//!
//! Once a call is accepted, the status describes the requested run: a computer that was told to stop is never
//! `running`, and after a restart it is `starting` until the *new* run is up.

use serde::{Deserialize, Serialize};

use crate::id::ComputerId;
use crate::refusal::Refusal;
use crate::spec::{DesiredRun, Resources};
use crate::status::{InstanceState, InstanceStatus};

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
pub enum ComputerStatus {
    Provisioning,
    Starting,
    Running,
    Stopping,
    Stopped,
    Error,
    Destroying,
    Destroyed,
}

impl ComputerStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Derives the status of a computer whose run `run` should be `desired` from its last report.
pub fn status(desired: DesiredRun, run: u64, reported: Option<&InstanceStatus>) -> ComputerStatus {
    let state = reported.map(|r| (&r.state, r.run));
    match desired {
        DesiredRun::Destroyed => match state {
            Some((InstanceState::Gone, _)) => ComputerStatus::Destroyed,
            _ => ComputerStatus::Destroying,
        },
        DesiredRun::Running => match state {
            None => ComputerStatus::Provisioning,
            Some((InstanceState::Running { .. }, reported)) if reported >= run => ComputerStatus::Running,
            Some((InstanceState::Failed { .. }, reported)) if reported >= run => ComputerStatus::Error,
            Some((InstanceState::Ended, reported)) if reported >= run => ComputerStatus::Stopped,
            Some(_) => ComputerStatus::Starting,
        },
        DesiredRun::Stopped => match state {
            None
            | Some((
                InstanceState::Stopped
                | InstanceState::Ended
                | InstanceState::Failed { .. }
                | InstanceState::Gone,
                _,
            )) => ComputerStatus::Stopped,
            Some((InstanceState::Starting | InstanceState::Running { .. } | InstanceState::Stopping, _)) => {
                ComputerStatus::Stopping
            }
        },
    }
}

/// Refuses to attach or detach volumes of a computer in this status.
pub fn may_change_attachments(computer_id: ComputerId, status: ComputerStatus) -> Result<(), Refusal> {
    match status {
        ComputerStatus::Running
        | ComputerStatus::Stopped
        | ComputerStatus::Starting
        | ComputerStatus::Provisioning
        | ComputerStatus::Error => Ok(()),
        ComputerStatus::Stopping => Err(Refusal::ComputerState {
            computer_id,
            status,
            remedy: "wait until it is stopped, or start it",
        }),
        ComputerStatus::Destroying | ComputerStatus::Destroyed => Err(Refusal::NotFound { what: "computer" }),
    }
}

/// Refuses to run a command in a computer in this status.
pub fn may_exec(computer_id: ComputerId, status: ComputerStatus) -> Result<(), Refusal> {
    match status {
        ComputerStatus::Running => Ok(()),
        ComputerStatus::Starting | ComputerStatus::Provisioning => {
            Err(Refusal::ComputerStarting { computer_id })
        }
        ComputerStatus::Destroying | ComputerStatus::Destroyed => Err(Refusal::NotFound { what: "computer" }),
        ComputerStatus::Stopping | ComputerStatus::Stopped | ComputerStatus::Error => {
            Err(Refusal::ComputerState { computer_id, status, remedy: "start it first" })
        }
    }
}

/// The sizes that users can choose.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ComputerSize {
    Xs,
    Small,
    Medium,
    Large,
    #[strum(to_string = "xl", serialize = "xlarge")]
    Xl,
}

impl ComputerSize {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// CPU and memory limits; a limit is not a reservation, so small machines can run large computers.
    pub fn resources(self) -> Resources {
        let (vcpus, memory_mb) = match self {
            Self::Xs => (1, 2048),
            Self::Small => (1, 4096),
            Self::Medium => (2, 8192),
            Self::Large => (4, 16384),
            Self::Xl => (8, 32768),
        };
        Resources { vcpus, memory_mb, pids_max: 4096 }
    }
}
