//! Fixtures that several crates' tests share.

pub mod archive;
pub mod image;
pub mod pool_dir;
pub mod postgres;
pub mod server;
