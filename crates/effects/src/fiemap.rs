//! Where a file's bytes lie on the disk, asked of the filesystem (`FS_IOC_FIEMAP`), and what XFS is told about where they
//! should.
//!
//! What is not written back yet has no place on the disk, so every question writes the file back first; for an image that
//! is written past the page cache there is nothing to write. The result is of the instant of each call: a file that
//! is being written to can change between two batches of a walk.

use std::fs::File;
use std::io;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use linux_raw_sys::general::fsxattr;

use crate::{Doing, SysError};

/// `f_type` of XFS.
const XFS_SUPER_MAGIC: u64 = 0x5846_5342;

/// `<linux/fiemap.h>`, `<linux/fs.h>`.
const FS_IOC_FIEMAP: u32 = 0xC020_660B;
const FS_IOC_FSGETXATTR: u32 = 0x801C_581F;
const FS_IOC_FSSETXATTR: u32 = 0x401C_5820;
const FS_XFLAG_COWEXTSIZE: u32 = 0x0001_0000;
const FLAG_SYNC: u32 = 0x1;
const EXTENT_LAST: u32 = 0x1;
const EXTENT_UNKNOWN: u32 = 0x2;
const EXTENT_DELALLOC: u32 = 0x4;
const EXTENT_ENCODED: u32 = 0x8;
const EXTENT_NOT_ALIGNED: u32 = 0x100;
const EXTENT_UNWRITTEN: u32 = 0x800;
const EXTENT_SHARED: u32 = 0x2000;

/// Extents asked for at once. XFS keeps out those that want the file for themselves (a clone, a remap) while it answers,
/// and with them everybody behind: so many take about a millisecond.
const BATCH: usize = 2048;

/// A piece of a file that lies in one piece on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub logical_bytes: u64,
    /// Means nothing unless [`Extent::has_address`].
    pub physical_bytes: u64,
    pub len_bytes: u64,
    flags: u32,
}

impl Extent {
    /// Reserved and never written: it takes room and reads as zeroes.
    pub fn is_unwritten(&self) -> bool {
        self.flags & EXTENT_UNWRITTEN != 0
    }

    /// Another file has it too, or this one a second time.
    pub fn is_shared(&self) -> bool {
        self.flags & EXTENT_SHARED != 0
    }

    /// Whether its bytes lie at `physical_bytes` as they are: not compressed, not packed among metadata, not still in memory.
    pub fn has_address(&self) -> bool {
        self.flags & (EXTENT_UNKNOWN | EXTENT_DELALLOC | EXTENT_ENCODED | EXTENT_NOT_ALIGNED) == 0
    }

    pub fn logical_end_bytes(&self) -> u64 {
        self.logical_bytes + self.len_bytes
    }

    /// Whether `next` goes on where this one ends, in the file and on the disk: they are two because one is shared with more files.
    pub fn is_continued_by(&self, next: &Extent) -> bool {
        (self.has_address() && next.has_address() && self.is_unwritten() == next.is_unwritten())
            && self.logical_end_bytes() == next.logical_bytes
            && self.physical_bytes + self.len_bytes == next.physical_bytes
    }

    /// What of it lies in `range`.
    fn clipped(self, range: &Range<u64>) -> Option<Self> {
        let start = self.logical_bytes.max(range.start);
        let end = self.logical_end_bytes().min(range.end);
        let skipped = start - self.logical_bytes;
        let physical_bytes = self.physical_bytes.wrapping_add(if self.has_address() { skipped } else { 0 });
        (start < end).then(|| Self { logical_bytes: start, physical_bytes, len_bytes: end - start, ..self })
    }
}

/// Walks the extents of `file` in `range`, in the order of the file. What they leave out are holes.
pub fn extents<'a>(file: &'a File, path: &'a Path, range: Range<u64>) -> Extents<'a> {
    let answer = Box::new(Answer { header: Header::default(), extents: [RawExtent::default(); BATCH] });
    Extents { file, path, asked: 0..0, left: range, answer, next: 0 }
}

/// How many pieces the file lies in: what a clone of it has to copy. XFS has the number at hand; elsewhere they are counted.
pub fn extent_count(file: &File, path: &Path) -> Result<u64, SysError> {
    if is_xfs(file, path)? {
        return Ok(attributes(file, path)?.fsx_nextents.into());
    }
    // Room for none: the kernel counts them and copies nothing.
    let mut header = Header { length: u64::MAX, flags: FLAG_SYNC, ..Header::default() };
    ioctl(file, FS_IOC_FIEMAP, &raw mut header as usize).doing("count the extents of", path)?;
    Ok(header.mapped_extents.into())
}

/// How much XFS reserves around a write to blocks that a file shares. Other filesystems reserve nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// 128 KiB: later writes there find their place, which makes them nearly twice as fast.
    Usual,
    /// Nothing. What a file reserved is used by later writes there even where nothing is shared any more, and each becomes
    /// a new extent: harmful during a compaction.
    Nothing,
}

/// Changes that for one file.
pub fn reserve_around_writes(file: impl AsFd, reserve: Reserve, path: &Path) -> Result<(), SysError> {
    let file = file.as_fd();
    if !is_xfs(file, path)? {
        return Ok(());
    }
    let mut attributes = attributes(file, path)?;
    let block_bytes = rustix::fs::fstatfs(file).doing("examine the filesystem of", path)?.f_bsize as u32;
    let (flag, bytes) = match reserve {
        Reserve::Usual => (0, 0),
        Reserve::Nothing => (FS_XFLAG_COWEXTSIZE, block_bytes),
    };
    if attributes.fsx_cowextsize == bytes {
        return Ok(());
    }
    attributes.fsx_xflags = attributes.fsx_xflags & !FS_XFLAG_COWEXTSIZE | flag;
    attributes.fsx_cowextsize = bytes;
    ioctl(file, FS_IOC_FSSETXATTR, &raw mut attributes as usize).doing("set the attributes of", path)
}

fn is_xfs(file: impl AsFd, path: &Path) -> Result<bool, SysError> {
    let filesystem = rustix::fs::fstatfs(file).doing("examine the filesystem of", path)?;
    // The kernel's field is signed on some architectures and never negative.
    Ok(filesystem.f_type as u64 == XFS_SUPER_MAGIC)
}

fn attributes(file: impl AsFd, path: &Path) -> Result<fsxattr, SysError> {
    // SAFETY: the struct holds integers and arrays of integers only, for which all zeroes is a value.
    let mut attributes: fsxattr = unsafe { mem::zeroed() };
    ioctl(file, FS_IOC_FSGETXATTR, &raw mut attributes as usize).doing("ask the attributes of", path)?;
    Ok(attributes)
}

/// See [`extents`].
#[derive(Debug)]
pub struct Extents<'a> {
    file: &'a File,
    path: &'a Path,
    /// What `answer` is about.
    asked: Range<u64>,
    left: Range<u64>,
    answer: Box<Answer>,
    /// Index in `answer` of what comes next.
    next: usize,
}

impl Extents<'_> {
    fn ask(&mut self) -> Result<(), SysError> {
        self.next = 0;
        self.asked = self.left.clone();
        self.answer.header = Header {
            start: self.asked.start,
            length: self.asked.end - self.asked.start,
            flags: FLAG_SYNC,
            extent_count: BATCH as u32,
            ..Header::default()
        };
        // Whatever comes, this much is not asked again.
        self.left.start = self.left.end;
        ioctl(self.file, FS_IOC_FIEMAP, &raw mut *self.answer as usize)
            .doing("find the extents of", self.path)?;
        if let Some(last) = self.answer.found().last()
            && last.flags & EXTENT_LAST == 0
        {
            self.left.start = last.extent().logical_end_bytes().max(self.asked.start + 1);
        }
        Ok(())
    }
}

impl Iterator for Extents<'_> {
    type Item = Result<Extent, SysError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(raw) = self.answer.found().get(self.next) {
                let extent = raw.extent().clipped(&self.asked);
                self.next += 1;
                if let Some(extent) = extent {
                    return Some(Ok(extent));
                }
            }
            if self.left.is_empty() {
                return None;
            }
            if let Err(error) = self.ask() {
                self.answer.header.mapped_extents = 0;
                return Some(Err(error));
            }
        }
    }
}

/// `struct fiemap`, as a question and, with what follows it, as the answer.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Header {
    start: u64,
    length: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
}

/// `struct fiemap_extent`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct RawExtent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

impl RawExtent {
    fn extent(&self) -> Extent {
        let Self { logical, physical, length, flags, .. } = *self;
        Extent { logical_bytes: logical, physical_bytes: physical, len_bytes: length, flags }
    }
}

/// `struct fiemap` with its array.
#[derive(Debug)]
#[repr(C)]
struct Answer {
    header: Header,
    extents: [RawExtent; BATCH],
}

impl Answer {
    fn found(&self) -> &[RawExtent] {
        &self.extents[..(self.header.mapped_extents as usize).min(BATCH)]
    }
}

/// `argument` is the address of the struct that `request` reads and fills.
fn ioctl(file: impl AsFd, request: u32, argument: usize) -> io::Result<()> {
    // SAFETY: callers pass FS_IOC_FSGETXATTR or FS_IOC_FSSETXATTR with a live `fsxattr`, or FS_IOC_FIEMAP with a live header
    // that is followed by room for as many extents as it says; the kernel writes nothing beyond.
    let answer =
        unsafe { libc::ioctl(file.as_fd().as_raw_fd(), libc::c_ulong::from(request) as _, argument) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    const KIB: u64 = 1 << 10;

    #[test]
    fn holes_are_left_out_and_ranges_are_kept_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let data = [7; 64 << 10];
        file.as_file().set_len(4096 * KIB).unwrap();
        for offset in [0, 1024 * KIB, 2048 * KIB] {
            file.as_file().write_all_at(&data, offset).unwrap();
        }
        let found = |range: Range<u64>| -> Vec<(u64, u64)> {
            let found = extents(file.as_file(), file.path(), range).map(Result::unwrap);
            let mut merged: Vec<(u64, u64)> = Vec::new();
            for extent in found {
                assert!(extent.has_address() && !extent.is_unwritten(), "{extent:?}");
                match merged.last_mut() {
                    Some(last) if last.1 == extent.logical_bytes => last.1 = extent.logical_end_bytes(),
                    _ => merged.push((extent.logical_bytes, extent.logical_end_bytes())),
                }
            }
            merged
        };
        assert_eq!(found(0..u64::MAX), [(0, 64 * KIB), (1024 * KIB, 1088 * KIB), (2048 * KIB, 2112 * KIB)]);
        assert_eq!(found(32 * KIB..1056 * KIB), [(32 * KIB, 64 * KIB), (1024 * KIB, 1056 * KIB)]);
        assert_eq!(found(128 * KIB..256 * KIB), []);
        assert_eq!(found(3072 * KIB..u64::MAX), []);
        assert!(extent_count(file.as_file(), file.path()).unwrap() >= 3);
    }

    /// More extents than one batch holds.
    #[test]
    fn a_walk_goes_on_after_a_full_batch() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let blocks = 2 * BATCH as u64 + 10;
        for block in 0..blocks {
            // Only reserved: nothing is written for this.
            let mode = rustix::fs::FallocateFlags::empty();
            rustix::fs::fallocate(file.as_file(), mode, block * 8192, 4096).unwrap();
        }
        let starts: Vec<_> = extents(file.as_file(), file.path(), 0..u64::MAX)
            .map(Result::unwrap)
            .inspect(|extent| assert!(extent.is_unwritten(), "{extent:?}"))
            .map(|extent| extent.logical_bytes)
            .collect();
        assert_eq!(starts, (0..blocks).map(|block| block * 8192).collect::<Vec<_>>());
        assert_eq!(extent_count(file.as_file(), file.path()).unwrap(), blocks);
    }
}
