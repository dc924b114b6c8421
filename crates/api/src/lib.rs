//! The contracts as types, apart from any server or client: `v1` is the public HTTP API, `agent_v1` what controller and agent
//! say to each other. The OpenAPI document is written from here ([`openapi`]).

pub mod agent_v1;
pub mod error;
pub mod openapi;
pub mod page;
pub mod twin;
pub mod v1;
