//! A snapshot's checksum: of what it holds, whatever lies where.
//!
//! # What is hashed
//!
//! BLAKE3, with its default output of 32 bytes as lower-case hexadecimal digits, over this sequence of bytes. The image is cut
//! into blocks of 1 MiB, the first at offset 0, the last one shorter if the size is no multiple. For each block that has a
//! byte other than zero, in rising order: its offset as an unsigned 64-bit number, least significant byte first; then the
//! block's bytes, zeroes included. After the last: the image's size in bytes, as such a number.
//!
//! So holes, reserved blocks and written zeroes are the same, as they are to who reads; two images with the same bytes have
//! the same checksum on any filesystem; and a range that never was written costs nothing.
//!
//! # Where it is kept
//!
//! In `checksum.json` beside the image. **Crash story:** it is written by one rename after the whole image was read; before
//! that there is none, and the next call reads again. One that exists is never replaced: it is what later readings are
//! compared with.

use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;
use miosa_domain::SnapshotId;
use miosa_domain::size::MIB;
use miosa_domain::status::Checksum;
use miosa_effects::background::{IdleIo, forget_cached};
use miosa_effects::fiemap::Extent;
use miosa_effects::{Dir, Doing, SysError};
use miosa_failpoint::failpoint;
use serde::{Deserialize, Serialize};

use crate::BackendError;
use crate::local::extents::{Image, open_image};
use crate::local::identity::{LIMIT_BYTES, to_bytes};
use crate::local::pool::Pool;

/// Name of the file in a snapshot's folder.
pub(crate) const CHECKSUM_FILE: &str = "checksum.json";

const MAGIC: &str = "miosa-checksum";
const VERSION: u32 = 1;

const BLOCK_BYTES: u64 = MIB;

impl Pool {
    pub(crate) fn checksum(
        &self,
        id: SnapshotId,
        go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Checksum>, BackendError> {
        let found = self.sealed(id)?;
        let (image, path) = open_image(&found.folder, false)?;
        // Not from memory: it is the disk that may be wrong.
        let blocks = blocks_with_data(&self.walk_sealed(id, &found)?);
        let checksum = compute((&image, &path), blocks, go_on)?;
        if let Some(checksum) = &checksum {
            store_first(&found.folder, id, checksum)?;
        }
        Ok(checksum)
    }
}

/// `checksum.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    magic: String,
    version: u32,
    snapshot_id: SnapshotId,
    #[serde(flatten)]
    checksum: Checksum,
}

/// What `checksum.json` in a snapshot's folder says; `None` if there is none yet.
pub(crate) fn stored(folder: &Dir, id: SnapshotId) -> Result<Option<Checksum>, BackendError> {
    let foreign = |what: String| BackendError::Foreign { path: folder.path().join(CHECKSUM_FILE), what };
    let Some(bytes) = folder.read_file(CHECKSUM_FILE, LIMIT_BYTES)? else { return Ok(None) };
    let stored: Stored =
        serde_json::from_slice(&bytes).map_err(|error| foreign(format!("it is damaged: {error}")))?;
    if stored.magic != MAGIC || stored.version != VERSION {
        let (magic, version) = (stored.magic, stored.version);
        return Err(foreign(format!("it is {magic:?} of format {version}, not {MAGIC:?} of {VERSION}")));
    }
    if stored.snapshot_id != id {
        return Err(foreign(format!("it is that of snapshot {}", stored.snapshot_id)));
    }
    Ok(Some(stored.checksum))
}

/// Keeps the first checksum of a snapshot, and none that comes later.
fn store_first(folder: &Dir, id: SnapshotId, checksum: &Checksum) -> Result<(), BackendError> {
    if stored(folder, id)?.is_some() {
        return Ok(());
    }
    failpoint!("backend.checksum.before-store")?;
    let stored =
        Stored { magic: MAGIC.into(), version: VERSION, snapshot_id: id, checksum: checksum.clone() };
    folder.replace_file(CHECKSUM_FILE, &to_bytes(&stored))?;
    failpoint!("backend.checksum.after-store")?;
    Ok(())
}

/// Reads these blocks of the image and returns its checksum; `None` if `go_on`, which gets the bytes done and in all, stopped
/// it.
fn compute(
    (image, path): Image<'_>,
    blocks: Vec<u64>,
    go_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Checksum>, SysError> {
    let _considerate = IdleIo::begin();
    let size_bytes = image.metadata().doing("examine", path)?.len();
    let total_bytes = blocks.len() as u64 * BLOCK_BYTES;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BLOCK_BYTES as usize];
    for (index, offset) in blocks.into_iter().enumerate() {
        if go_on(index as u64 * BLOCK_BYTES, total_bytes).is_break() {
            return Ok(None);
        }
        let end = size_bytes.min(offset + BLOCK_BYTES);
        let block = &mut buffer[..(end - offset) as usize];
        image.read_exact_at(block, offset).doing("read", path)?;
        forget_cached(image, offset..end, path)?;
        if block.iter().any(|byte| *byte != 0) {
            hasher.update(&offset.to_le_bytes()).update(block);
        }
    }
    hasher.update(&size_bytes.to_le_bytes());
    let blake3 = hasher.finalize().to_hex().to_string();
    Ok(Some(Checksum { blake3, computed_at: Timestamp::now() }))
}

/// Offsets of the blocks that something was written to: all others read as zeroes.
fn blocks_with_data(written: &[Extent]) -> Vec<u64> {
    let mut blocks: Vec<u64> = Vec::new();
    for extent in written {
        let first = extent.logical_bytes / BLOCK_BYTES * BLOCK_BYTES;
        let first = blocks.last().map_or(first, |last| first.max(last + BLOCK_BYTES));
        blocks.extend((first..extent.logical_end_bytes()).step_by(BLOCK_BYTES as usize));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};

    use miosa_testkit::pool_dir::PoolDir;
    use rustix::fs::FallocateFlags;

    use super::*;
    use crate::local::extents::written;

    const SIZE: u64 = 4 * MIB + 8192;

    fn blocks(file: &File, path: &Path) -> Vec<u64> {
        blocks_with_data(&written((file, path), file.metadata().unwrap().len()).unwrap())
    }

    fn checksum(path: &Path) -> String {
        let mut last = 0;
        let mut go_on = |done, total| {
            assert!(last <= done && done <= total, "{done} of {total}");
            last = done;
            ControlFlow::Continue(())
        };
        let file = File::open(path).unwrap();
        compute((&file, path), blocks(&file, path), &mut go_on).unwrap().unwrap().blake3
    }

    /// As this module's description says it, from the bytes alone.
    fn by_definition(bytes: &[u8]) -> String {
        let mut sequence = Vec::new();
        for (index, block) in bytes.chunks(1 << 20).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                sequence.extend(((index as u64) << 20).to_le_bytes());
                sequence.extend(block);
            }
        }
        sequence.extend((bytes.len() as u64).to_le_bytes());
        blake3::hash(&sequence).to_string()
    }

    /// Three files of the same bytes: written in one go, written backwards in pieces with holes, and partly reserved.
    fn files_of_the_same_bytes(dir: &Path) -> (Vec<u8>, [PathBuf; 3]) {
        let mut bytes = vec![0; SIZE as usize];
        for start in (0..MIB as usize).step_by(16384).chain([3 << 20, 4 << 20]) {
            bytes[start..start + 4096].fill(start as u8 | 1);
        }
        let paths = ["dense", "sparse", "reserved"].map(|name| dir.join(name));
        fs::write(&paths[0], &bytes).unwrap();
        for path in &paths[1..] {
            let file = File::create(path).unwrap();
            file.set_len(SIZE).unwrap();
            if path.ends_with("reserved") {
                rustix::fs::fallocate(&file, FallocateFlags::empty(), MIB / 2, 2 * MIB).unwrap();
            }
            for (index, piece) in bytes.chunks(4096).enumerate().rev() {
                if piece.iter().any(|byte| *byte != 0) {
                    file.write_all_at(piece, index as u64 * 4096).unwrap();
                }
            }
        }
        (bytes, paths)
    }

    #[test]
    fn only_the_bytes_count() {
        let pool = PoolDir::xfs();
        let (mut bytes, paths) = files_of_the_same_bytes(pool.path());
        for path in &paths {
            assert_eq!(checksum(path), by_definition(&bytes), "{}", path.display());
        }
        let sparse = File::options().write(true).open(&paths[1]).unwrap();
        for offset in [0, 5000, 2 * MIB + 1, SIZE - 1] {
            let before = checksum(&paths[1]);
            bytes[offset as usize] ^= 1;
            sparse.write_all_at(&bytes[offset as usize..=offset as usize], offset).unwrap();
            assert_ne!(checksum(&paths[1]), before, "the byte at {offset} does not count");
            assert_eq!(checksum(&paths[1]), by_definition(&bytes));
        }
        sparse.set_len(SIZE + MIB).unwrap();
        bytes.resize((SIZE + MIB) as usize, 0);
        assert_eq!(checksum(&paths[1]), by_definition(&bytes), "the size does not count");
    }

    #[test]
    fn it_stops_when_told_to() {
        let pool = PoolDir::xfs();
        let (_, paths) = files_of_the_same_bytes(pool.path());
        let mut asked = 0;
        let mut go_on = |_, _| {
            asked += 1;
            if asked == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let file = File::open(&paths[0]).unwrap();
        let blocks = blocks(&file, &paths[0]);
        assert_eq!(compute((&file, &paths[0]), blocks, &mut go_on).unwrap(), None);
        assert_eq!(asked, 2);
    }

    #[test]
    fn the_first_one_is_kept() {
        let temp = PoolDir::plain();
        let folder = Dir::open(temp.path()).unwrap();
        let id = |last| SnapshotId::from_uuid(uuid::Uuid::from_u128(last));
        let checksum =
            |text: &str| Checksum { blake3: text.into(), computed_at: Timestamp::from_second(1).unwrap() };
        assert_eq!(stored(&folder, id(1)).unwrap(), None);
        store_first(&folder, id(1), &checksum("first")).unwrap();
        store_first(&folder, id(1), &checksum("second")).unwrap();
        assert_eq!(stored(&folder, id(1)).unwrap(), Some(checksum("first")));

        let whole = folder.read_file(CHECKSUM_FILE, LIMIT_BYTES).unwrap().unwrap();
        let newer = String::from_utf8(whole.clone()).unwrap().replace("\"version\": 1", "\"version\": 2");
        for (content, of) in [(&whole[..whole.len() / 2], 1), (newer.as_bytes(), 1), (&whole, 2)] {
            folder.replace_file(CHECKSUM_FILE, content).unwrap();
            let refused = [stored(&folder, id(of)).map(drop), store_first(&folder, id(of), &checksum("x"))];
            for refused in refused {
                assert!(matches!(refused, Err(BackendError::Foreign { .. })), "{refused:?}");
            }
            assert_eq!(folder.read_file(CHECKSUM_FILE, LIMIT_BYTES).unwrap().unwrap(), content);
        }
    }
}
