//! What controller and agent say to each other: specs down, status up, over one bidirectional gRPC stream that the agent
//! opens (so a host needs no open port).
//!
//! ```text
//! agent                                        controller
//!   │ Hello{host, highest generation}             │
//!   ├────────────────────────────────────────────►│ checks the peer
//!   │                    Specs{resync, everything}│
//!   │◄────────────────────────────────────────────┤
//!   │ Report{everything}, Recovered               │
//!   ├────────────────────────────────────────────►│ ready
//!   │                     Specs{what changed}     │
//!   │◄────────────────────────────────────────────┤
//!   │ Report{what changed}                        │
//!   ├────────────────────────────────────────────►│
//! ```
//!
//! Either side may vanish at any moment: at the next connection everything is said again, and saying it twice changes
//! nothing. Exec and log streams are not state; they live and die with the connection.
//!
//! Messages are JSON inside gRPC frames rather than protobuf: the same serde types stand in the ledger, on the wire and in
//! tests, so a spec has one definition. Unknown fields are ignored and new ones have defaults, which gives the same room for
//! versions.

use std::collections::BTreeMap;

use miosa_domain::spec::{InstanceSpec, VolumeSpec};
use miosa_domain::status::{Failure, InstanceStatus, VolumeStatus};
use miosa_domain::{Generation, HostId, InstanceId, VolumeId};
use serde::{Deserialize, Serialize};

mod grpc;

pub use grpc::{AgentClient, AgentServer, SessionHandler};

/// Both sides refuse another number.
pub const PROTOCOL: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum AgentMessage {
    /// Always the first message.
    Hello(Hello),
    /// What was last seen of these objects. A report replaces the earlier one of the same object.
    Report(Report),
    /// Sent once after `Hello`: everything the ledger asks for was looked at, and every running instance adopted.
    Recovered,
    Stream {
        stream: u64,
        event: StreamEvent,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    pub host_id: HostId,
    pub hostname: String,
    pub version: String,
    /// The highest generation in the ledger. A controller that counts lower was restored from an older copy and counts on
    /// from here.
    pub highest_generation: Generation,
    pub templates: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub volumes: Vec<VolumeStatus>,
    pub instances: Vec<InstanceStatus>,
    pub pool: Option<PoolReport>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    pub capacity_bytes: u64,
    /// Really written.
    pub used_bytes: u64,
    /// In the pool or the ledger, and not named by the controller. They are kept.
    pub orphan_volumes: Vec<VolumeId>,
    pub orphan_instances: Vec<InstanceId>,
    /// Things in the pool that are not ours, and why. They are never touched.
    pub foreign: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum ControllerMessage {
    /// Specs that changed, or all of them when `resync` is set.
    Specs { resync: bool, volumes: Vec<VolumeSpec>, instances: Vec<InstanceSpec> },
    /// These objects were reported gone and nobody will ask for them again.
    Forget { volumes: Vec<VolumeId>, instances: Vec<InstanceId> },
    /// Runs a command in an instance; the answer is a stream of events with this number.
    Exec { stream: u64, instance: InstanceId, request: ExecRequest },
    /// Sends an instance's log lines.
    Logs { stream: u64, instance: InstanceId, tail_lines: u32, follow: bool },
    /// Nobody reads this stream any more: end its process.
    Close { stream: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    pub command: String,
    pub cwd: Option<String>,
    pub env: BTreeMap<String, String>,
    pub timeout_seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum StreamEvent {
    Stdout {
        #[serde(with = "base64_bytes")]
        data: Vec<u8>,
    },
    Stderr {
        #[serde(with = "base64_bytes")]
        data: Vec<u8>,
    },
    /// The last event of an exec.
    Exit {
        code: i32,
        timed_out: bool,
    },
    Log {
        timestamp: String,
        stream: String,
        line: String,
    },
    /// The last event of a log stream.
    End,
    /// The last event of a stream that could not go on.
    Failed(Failure),
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
