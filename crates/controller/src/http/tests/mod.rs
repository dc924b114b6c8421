//! The API as its callers see it: the real router, verbs and database, and an agent that says yes to everything.

mod computers;
mod data_services;
mod events;
mod files;
mod harness;
mod inside;
mod refusals;
mod snapshots;
mod surface;
mod volumes;
