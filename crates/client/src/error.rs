//! What can go wrong with a call, by what a caller does next: read the refusal, look at the network, or look at what answers
//! there.

use std::time::Duration;

use miosa_api::error::ErrorEnvelope;
use miosa_api::v1::computers::Computer;
use miosa_api::v1::services::Release;
use reqwest::{Method, StatusCode};

use crate::InvalidEndpoint;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server understood and refused. `envelope.code` is stable.
    #[error("{}", .envelope.message)]
    Api { status: StatusCode, envelope: Box<ErrorEnvelope> },

    /// No complete answer came, after all repeats.
    #[error("{method} {url} got no answer")]
    Network {
        method: Method,
        url: String,
        #[source]
        source: reqwest::Error,
    },

    /// The time for the call was over before an answer came. The server may still carry it out.
    #[error("{method} {url} got no answer within {}", seconds(.after))]
    Timeout { method: Method, url: String, after: Duration },

    /// Something answered that does not speak this API.
    #[error("{method} {url} answered {status}, which is not an answer of this API: {problem}")]
    Protocol { method: Method, url: String, status: StatusCode, problem: String },

    /// An exact name of a file that cannot be decoded. Its readable spelling would be another name.
    #[error("the server sent the name {text:?} in base64 that cannot be read")]
    Base64 { text: String },

    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),

    /// The key, the tenant or the workspace has characters that a header cannot carry.
    #[error("{what} has characters that cannot be sent")]
    Header { what: &'static str },

    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),

    /// A computer that was waited for will not become running by itself.
    #[error("computer {} is {}{}", .computer.id, .computer.status, reason(.computer))]
    NotRunning { computer: Box<Computer> },

    /// A computer that was waited for is still on its way.
    #[error("computer {} is still {} after {}", .computer.id, .computer.status, seconds(.after))]
    StillStarting { computer: Box<Computer>, after: Duration },

    /// A release that was waited for is still on its way.
    #[error("release {} of service {} is still {} after {}", .release.number, .release.service_id, .release.state,
        seconds(.after))]
    StillDeploying { release: Box<Release>, after: Duration },
}

impl ClientError {
    /// The stable code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            ClientError::Api { envelope, .. } => Some(&envelope.code),
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            ClientError::Api { status, .. } | ClientError::Protocol { status, .. } => Some(*status),
            _ => None,
        }
    }
}

fn reason(computer: &Computer) -> String {
    computer.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64().ceil())
}
