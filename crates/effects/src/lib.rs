//! The effect boundary: every system call, mount, loop device and program of miosa volumes is called from here.
//!
//! The functions are small and dull. They decide nothing: what to do, and in which order, is the caller's matter.
//! `unsafe` stands only here, each block with its reason.

#![allow(unsafe_code)]

pub mod background;
pub mod beneath;
pub mod dedupe;
pub mod detached;
mod dir;
mod error;
pub mod ext4;
pub mod fiemap;
pub mod files;
pub mod holders;
pub mod idmap;
pub mod loopdev;
pub mod mount;
pub mod namespace;
pub mod network;
pub mod overlay;
pub mod process;
mod replace;
pub mod writeback;
pub mod xfs;

pub use dir::{Dir, Entry, FileStat};
pub use error::{Doing, SysError};
pub use replace::{Replacement, replace_files};
