//! The backend on real devices. Needs root, and leaves a clean host.

mod attach;
mod conformance;
mod crash;
mod pool;
mod volume;
mod world;
