//! Rust client of the miosa API: volumes, their snapshots, attachments, computers, services and projects. The `miosa` command
//! line is built on it.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use miosa_client::api::v1::volumes::CreateVolume;
//! use miosa_client::{Client, ClientConfig, VolumeFilter};
//!
//! # async fn example() -> Result<(), miosa_client::ClientError> {
//! let client = Client::new(ClientConfig::new("http://127.0.0.1:7420".parse()?, "msk_a_..."))?;
//! let new = CreateVolume { name: Some("model-weights".into()), size_gb: Some(50), ..CreateVolume::default() };
//! let volume = client.volumes().create(&new).await?;
//! let all: Vec<_> = client.volumes().list_all(&VolumeFilter::default()).try_collect().await?;
//! # Ok(()) }
//! ```
//!
//! What every call does:
//!
//! - **Repeats what failed in passing**: no answer at all, or 429, 502, 503, 504; `Retry-After` is honoured. A call that
//!   changes something carries a random `Idempotency-Key`, the same in every repeat, so that a lost answer never makes a
//!   second volume. `exec` is repeated only when the command surely did not run.
//! - **Ends in time**: [`ClientConfig::timeout`] covers the repeats and the pauses between them.
//! - **Answers typed**: the bodies are those of `miosa_api`, here [`api`]; a refusal is [`ClientError::Api`] with the server's
//!   envelope, whose `code` is stable.
//!
//! A dropped future cancels the call on this side only: the server may have carried it out.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

mod attachments;
mod computers;
mod config;
mod endpoint;
mod error;
mod paging;
mod projects;
mod services;
mod snapshot_files;
mod snapshots;
mod sse;
mod transport;
mod volumes;

pub use miosa_api as api;

pub use attachments::Attachments;
pub use computers::{ComputerFilter, Computers, LogsRequest};
pub use config::ClientConfig;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::ClientError;
pub use projects::Projects;
pub use services::{ServiceFilter, ServiceLogsRequest, Services};
pub use snapshot_files::{exact_bytes, exact_name, exact_path, exact_symlink_target};
pub use snapshots::{SnapshotFilter, Snapshots};
pub use transport::{Client, Download};
pub use volumes::{VolumeFilter, Volumes};
