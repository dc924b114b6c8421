//! Whose XFS filesystem is in an image: label and UUID, read from its superblock without mounting anything.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Doing, SysError};

/// Names of an XFS filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XfsIdentity {
    pub uuid: [u8; 16],
    /// At most 12 bytes.
    pub label: String,
}

/// Reads the identity; `None` if the file holds no XFS filesystem.
pub fn identity(file: &File, path: &Path) -> Result<Option<XfsIdentity>, SysError> {
    // `struct xfs_dsb`: magic at 0, UUID at 32, label at 108.
    let mut bytes = [0; 120];
    match file.read_exact_at(&mut bytes, 0) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other.doing("read the superblock of", path)?,
    }
    if &bytes[..4] != b"XFSB" {
        return Ok(None);
    }
    let label = &bytes[108..120];
    let label = &label[..label.iter().position(|byte| *byte == 0).unwrap_or(label.len())];
    let uuid = bytes[32..48].try_into().expect("the slice has 16 bytes");
    Ok(Some(XfsIdentity { uuid, label: String::from_utf8_lossy(label).into_owned() }))
}
