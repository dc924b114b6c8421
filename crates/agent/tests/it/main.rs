//! The agent against fakes of the pool and of the containers: what it does with specs, what it reports, and what it does
//! after it was killed. Real devices are the system tests' matter; here every odd answer can be had on request.

mod agent;
mod bounds;
mod claims;
mod compaction;
mod copies;
mod ended;
mod gate;
mod health;
mod hooks;
mod inspect;
mod pools;
mod snapshots;
mod upkeep;
mod world;
