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
pub mod words;
