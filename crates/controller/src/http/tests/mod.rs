//! The API as its callers see it: the real router, verbs and database, and an agent that says yes to everything.

mod computers;
mod data_services;
mod deployments;
mod events;
mod files;
mod harness;
mod inside;
mod projects;
mod refusals;
mod releases;
mod service_volumes;
mod services;
mod snapshots;
mod surface;
mod volumes;
