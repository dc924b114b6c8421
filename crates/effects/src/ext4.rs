//! The ext4 superblock, read and written without mounting anything.
//!
//! A filesystem made with `metadata_csum_seed` keeps the seed of its checksums apart from its UUID. So a copy of it becomes
//! a filesystem of its own with one write of 1 KiB; without that feature every checksum in it would have to change.
//!
//! Only for filesystems that are not mounted: on a mounted one the kernel's own copy is newer, and wins.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{Doing, SysError};

const OFFSET: u64 = 1024;
const LEN: usize = 1024;
const MAGIC: u16 = 0xef53;
const INCOMPAT_RECOVER: u32 = 0x0004;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
const RO_COMPAT_METADATA_CSUM: u32 = 0x0400;
const RO_COMPAT_ORPHAN_PRESENT: u32 = 0x1_0000;

/// Where the fields lie, after `struct ext4_super_block` of the kernel. Numbers are little-endian.
mod field {
    pub(super) const BLOCKS_COUNT_LO: usize = 0x04;
    pub(super) const LOG_BLOCK_SIZE: usize = 0x18;
    pub(super) const MAGIC: usize = 0x38;
    pub(super) const FEATURE_INCOMPAT: usize = 0x60;
    pub(super) const FEATURE_RO_COMPAT: usize = 0x64;
    pub(super) const UUID: usize = 0x68;
    pub(super) const VOLUME_NAME: usize = 0x78;
    pub(super) const LAST_ORPHAN: usize = 0xe8;
    pub(super) const HASH_SEED: usize = 0xec;
    pub(super) const BLOCKS_COUNT_HI: usize = 0x150;
    pub(super) const ERROR_COUNT: usize = 0x194;
    pub(super) const CHECKSUM: usize = 0x3fc;
}

/// Why a superblock could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Ext4Error {
    #[error("{} holds no ext4 filesystem", .0.display())]
    NotExt4(PathBuf),
    #[error("the ext4 superblock of {} is damaged: its checksum is wrong", .0.display())]
    Damaged(PathBuf),
    #[error("the ext4 filesystem in {} has no metadata_csum_seed, so its UUID cannot be changed", .0.display())]
    NoChecksumSeed(PathBuf),
    #[error("the journal of the ext4 filesystem in {} could not be replayed: the filesystem is damaged", .0.display())]
    NotReplayed(PathBuf),
    #[error(transparent)]
    Io(#[from] SysError),
}

/// A superblock whose magic and checksum were right.
pub struct Superblock {
    bytes: [u8; LEN],
    path: PathBuf,
}

impl Superblock {
    /// Reads and checks the primary superblock of the image in `file`.
    pub fn read(file: &File, path: &Path) -> Result<Self, Ext4Error> {
        let mut bytes = [0; LEN];
        match file.read_exact_at(&mut bytes, OFFSET) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(Ext4Error::NotExt4(path.to_owned()));
            }
            other => other.doing("read the superblock of", path)?,
        }
        let superblock = Self { bytes, path: path.to_owned() };
        if superblock.u16(field::MAGIC) != MAGIC {
            return Err(Ext4Error::NotExt4(path.to_owned()));
        }
        let checksummed = superblock.u32(field::FEATURE_RO_COMPAT) & RO_COMPAT_METADATA_CSUM != 0;
        if checksummed && superblock.u32(field::CHECKSUM) != superblock.checksum() {
            return Err(Ext4Error::Damaged(path.to_owned()));
        }
        Ok(superblock)
    }

    pub fn uuid(&self) -> [u8; 16] {
        self.array(field::UUID)
    }

    /// The volume name, up to its first NUL.
    pub fn label(&self) -> String {
        let name: [u8; 16] = self.array(field::VOLUME_NAME);
        let len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        String::from_utf8_lossy(&name[..len]).into_owned()
    }

    /// The filesystem's size; `None` if the fields make no sense.
    pub fn size_bytes(&self) -> Option<u64> {
        let blocks =
            u64::from(self.u32(field::BLOCKS_COUNT_HI)) << 32 | u64::from(self.u32(field::BLOCKS_COUNT_LO));
        let block_bytes = 1024_u64.checked_shl(self.u32(field::LOG_BLOCK_SIZE))?;
        blocks.checked_mul(block_bytes)
    }

    /// How many errors the kernel has recorded in the filesystem since it was last checked.
    pub fn error_count(&self) -> u32 {
        self.u32(field::ERROR_COUNT)
    }

    /// Whether the next mount has something to finish: a journal to replay, or files to delete or cut that were open when
    /// the power went. So it is of every filesystem that is mounted for writing.
    pub fn needs_replay(&self) -> bool {
        self.u32(field::FEATURE_INCOMPAT) & INCOMPAT_RECOVER != 0
            || self.u32(field::LAST_ORPHAN) != 0
            || self.u32(field::FEATURE_RO_COMPAT) & RO_COMPAT_ORPHAN_PRESENT != 0
    }

    /// Makes the filesystem one of its own: `uuid`, and `hash_seed` for its directory trees. The root directory must be
    /// small enough to have no tree yet, as in a fresh filesystem. Not durable before the file is synced.
    pub fn rewrite_identity(
        &mut self,
        file: &File,
        uuid: [u8; 16],
        hash_seed: [u8; 16],
    ) -> Result<(), Ext4Error> {
        self.bytes[field::HASH_SEED..][..16].copy_from_slice(&hash_seed);
        self.rewrite_uuid(file, uuid)
    }

    /// Gives a filesystem that has been used a UUID of its own. Its directory trees keep the seed that they were built with.
    /// Not durable before the file is synced.
    pub fn rewrite_uuid(&mut self, file: &File, uuid: [u8; 16]) -> Result<(), Ext4Error> {
        if self.u32(field::FEATURE_INCOMPAT) & INCOMPAT_CSUM_SEED == 0 {
            return Err(Ext4Error::NoChecksumSeed(self.path.clone()));
        }
        self.bytes[field::UUID..][..16].copy_from_slice(&uuid);
        let checksum = self.checksum();
        self.bytes[field::CHECKSUM..][..4].copy_from_slice(&checksum.to_le_bytes());
        Ok(file.write_all_at(&self.bytes, OFFSET).doing("write the superblock of", &self.path)?)
    }

    /// CRC-32C of all that comes before the checksum, without the usual final inversion: that is how ext4 does it.
    fn checksum(&self) -> u32 {
        !crc32c::crc32c(&self.bytes[..field::CHECKSUM])
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..][..N].try_into().expect("the slice has N bytes")
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }
}

/// How many errors the kernel has met in the mounted filesystem on this device. The mount table says `rw` even of a
/// filesystem that has stopped itself; this number does not lie.
pub fn mounted_error_count(device: &Path) -> Result<u64, SysError> {
    let attribute =
        Path::new("/sys/fs/ext4").join(device.file_name().unwrap_or_default()).join("errors_count");
    let text = fs::read_to_string(&attribute).doing("read", &attribute)?;
    let parsed = text.trim().parse().map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData));
    parsed.doing("understand", attribute)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::process;

    fn made_by_mkfs(features: &str) -> tempfile::NamedTempFile {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let args = ["-q", "-F", "-O", features, "-L", "miosa-volume"].map(OsStr::new);
        let args: Vec<_> = args.into_iter().chain([image.path().as_os_str()]).collect();
        process::run("mkfs.ext4", &args).unwrap();
        image
    }

    #[test]
    fn a_new_identity_is_one_that_e2fsprogs_accept() {
        let image = made_by_mkfs("metadata_csum_seed");
        let mut superblock = Superblock::read(image.as_file(), image.path()).unwrap();
        assert_eq!((superblock.label().as_str(), superblock.size_bytes()), ("miosa-volume", Some(64 << 20)));
        superblock.rewrite_identity(image.as_file(), [0xab; 16], [7; 16]).unwrap();

        assert_eq!(Superblock::read(image.as_file(), image.path()).unwrap().uuid(), [0xab; 16]);
        process::run("e2fsck", &[OsStr::new("-fn"), image.path().as_os_str()]).unwrap();
        let shown = process::run("dumpe2fs", &[OsStr::new("-h"), image.path().as_os_str()]).unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("abababab-abab-abab-abab-abababababab"), "{shown}");
        assert!(shown.contains("07070707-0707-0707-0707-070707070707"), "{shown}");

        superblock.rewrite_uuid(image.as_file(), [0xcd; 16]).unwrap();
        process::run("e2fsck", &[OsStr::new("-fn"), image.path().as_os_str()]).unwrap();
        let shown = process::run("dumpe2fs", &[OsStr::new("-h"), image.path().as_os_str()]).unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd"), "{shown}");
        assert!(shown.contains("07070707-0707-0707-0707-070707070707"), "{shown}");
    }

    #[test]
    fn unfinished_work_is_seen() {
        for request in ["feature needs_recovery", "ssv last_orphan 12"] {
            let image = made_by_mkfs("metadata_csum_seed");
            let needs_replay = || Superblock::read(image.as_file(), image.path()).unwrap().needs_replay();
            assert!(!needs_replay());
            let args = ["-w", "-R", request].map(OsStr::new);
            let args: Vec<_> = args.into_iter().chain([image.path().as_os_str()]).collect();
            process::run("debugfs", &args).unwrap();
            assert!(needs_replay(), "{request}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let plain = made_by_mkfs("^metadata_csum_seed");
        let mut superblock = Superblock::read(plain.as_file(), plain.path()).unwrap();
        let refused = superblock.rewrite_identity(plain.as_file(), [1; 16], [1; 16]);
        assert!(matches!(refused, Err(Ext4Error::NoChecksumSeed(_))), "{refused:?}");

        let damaged = made_by_mkfs("metadata_csum_seed");
        let mut byte = [0];
        damaged.as_file().read_exact_at(&mut byte, OFFSET + field::UUID as u64).unwrap();
        damaged.as_file().write_all_at(&[!byte[0]], OFFSET + field::UUID as u64).unwrap();
        assert!(matches!(Superblock::read(damaged.as_file(), damaged.path()), Err(Ext4Error::Damaged(_))));

        let empty = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Superblock::read(empty.as_file(), empty.path()), Err(Ext4Error::NotExt4(_))));
        empty.as_file().set_len(1 << 20).unwrap();
        assert!(matches!(Superblock::read(empty.as_file(), empty.path()), Err(Ext4Error::NotExt4(_))));
    }
}
