//! What a failed system call looks like to the crates above.

use std::io;
use std::path::{Path, PathBuf};

/// A system call failed: what it was for, where, and what the kernel said.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct SysError {
    /// A verb phrase that reads on with the path, for example `"mount"` or `"write the superblock of"`.
    pub doing: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

impl SysError {
    pub fn new(doing: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self { doing, path: path.as_ref().to_owned(), source: source.into() }
    }

    /// Whether the kernel answered `errno`.
    pub fn is(&self, errno: rustix::io::Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }
}

/// Names the call that an error came from.
pub trait Doing<T> {
    fn doing(self, doing: &'static str, path: impl AsRef<Path>) -> Result<T, SysError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str, path: impl AsRef<Path>) -> Result<T, SysError> {
        self.map_err(|source| SysError::new(doing, path, source))
    }
}
