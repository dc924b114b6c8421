//! Errors of the layers below as what is reported upwards: a stable code and a message.

use miosa_backend::BackendError;
use miosa_domain::status::{Failure, FailureCode, Holder};
use miosa_runtime::RuntimeError;

use crate::ledger::LedgerError;

/// A step did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepError {
    /// Processes hold files of the volume open.
    Busy(Vec<Holder>),
    /// Another attachment still has the volume, and is on its way out: nothing is wrong, it only takes a moment.
    NotYet(Failure),
    Failed(Failure),
}

impl StepError {
    pub(crate) fn host(message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureCode::HostError, message))
    }

    pub(crate) fn lacks_room(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.code == FailureCode::InsufficientCapacity)
    }

    /// Nothing is wrong with the volume: somebody else has it.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self, Self::NotYet(failure) | Self::Failed(failure) if failure.code == FailureCode::VolumeAttached)
    }

    /// As something to report where being busy is no answer.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) | Self::NotYet(failure) => failure,
            Self::Busy(holders) => {
                let names: Vec<_> =
                    holders.iter().map(|h| format!("pid {} ({})", h.pid, h.command)).collect();
                let message = format!("the volume is still in use by {}", names.join("; "));
                Failure::new(FailureCode::HostError, message)
            }
        }
    }
}

impl From<BackendError> for StepError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Busy { holders, .. } => Self::Busy(holders),
            error => Self::Failed(Failure::new(error.failure_code(), error.to_string())),
        }
    }
}

impl From<RuntimeError> for StepError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Busy { holders, .. } => Self::Busy(holders),
            error => Self::Failed(Failure::new(error.failure_code(), error.to_string())),
        }
    }
}

impl From<LedgerError> for StepError {
    fn from(error: LedgerError) -> Self {
        Self::host(error.to_string())
    }
}
