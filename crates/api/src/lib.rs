//! The contracts as types, apart from any server or client: `v1` is the public HTTP API, `agent_v1` what controller and agent
//! say to each other. The server makes the OpenAPI document of these types and of its routes.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod agent_v1;
pub mod error;
pub mod page;
pub mod twin;
pub mod v1;
pub mod word;
