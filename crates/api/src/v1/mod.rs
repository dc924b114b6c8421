//! The public HTTP API, version 1: bodies and answers, a module per noun. Field names are snake_case; the camelCase spelling of
//! a field is accepted as well.

pub mod attachments;
pub mod computers;
pub mod data_services;
pub mod deployments;
pub mod health;
pub mod projects;
pub mod services;
pub mod snapshots;
pub mod volumes;

pub(crate) mod paths_attachments;
pub(crate) mod paths_computers;
pub(crate) mod paths_data_services;
pub(crate) mod paths_deployments;
pub(crate) mod paths_events;
pub(crate) mod paths_files;
pub(crate) mod paths_health;
pub(crate) mod paths_projects;
pub(crate) mod paths_services;
pub(crate) mod paths_snapshots;
pub(crate) mod paths_volumes;
