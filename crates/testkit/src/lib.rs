//! Fixtures that several crates' tests share.

pub mod pool_dir;
pub mod server;
