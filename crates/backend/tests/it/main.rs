//! The backend on real devices. Needs root, and leaves a clean host.

mod attach;
mod browse;
mod checksum;
mod compact;
mod conformance;
mod crash;
mod extents;
mod pool;
mod snapshot;
mod volume;
mod world;
