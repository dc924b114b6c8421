//! What can be said of images from where their blocks lie, without reading any data: which ranges of two snapshots differ, what
//! a snapshot alone holds, how long a clone would take.
//!
//! **Why an address proves that data is the same.** A sealed snapshot is never written. So while two snapshots exist, a block
//! that both have at the same address has had one content since the older of them was sealed: who writes to it from another
//! image gets a block of its own. Once one of them is removed its blocks are used for other things, and the proof with it is
//! gone. Where a filesystem gives no address that stands for the bytes themselves, the range counts as changed.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miosa_domain::{SnapshotId, VolumeId, stall};
use miosa_effects::fiemap::{self, Extent};
use miosa_effects::{Dir, SysError, files};

use crate::local::observe::{Finding, FoundSnapshot, IMAGE};
use crate::local::pool::Pool;
use crate::{BackendError, ChangedRange, Fragmentation, Space};

mod maps;

pub(crate) use maps::Maps;

impl Pool {
    pub(crate) fn fragmentation(&self, id: VolumeId) -> Result<Fragmentation, BackendError> {
        let (found, _) = self.present(id)?;
        let (image, path) = open_image(&found.folder, false)?;
        let extents = fiemap::extent_count(&image, &path)?;
        let predicted_stall = stall::predicted(extents, self.calibration.microseconds_per_extent());
        Ok(Fragmentation { extents, predicted_stall })
    }

    pub(crate) fn changed_ranges(
        &self,
        from: SnapshotId,
        to: SnapshotId,
    ) -> Result<Vec<ChangedRange>, BackendError> {
        let (old, new) = (self.sealed(from)?, self.sealed(to)?);
        let size_bytes = new.identity.facts.size_bytes;
        // One after the other: two walks in step would mostly wait for each other, for the lock on who shares what.
        let (old, new) = (self.map(from, &old)?, self.map(to, &new)?);
        Ok(compare(&old, &new, size_bytes))
    }

    fn map(&self, id: SnapshotId, found: &FoundSnapshot) -> Result<Arc<[Extent]>, BackendError> {
        match self.maps.get(id) {
            Some(map) => Ok(map),
            None => self.walk_sealed(id, found),
        }
    }

    /// The extents of a sealed snapshot that hold data, asked of the filesystem.
    pub(crate) fn walk_sealed(
        &self,
        id: SnapshotId,
        found: &FoundSnapshot,
    ) -> Result<Arc<[Extent]>, BackendError> {
        let (image, path) = open_image(&found.folder, false)?;
        self.remember(id, written((&image, &path), found.identity.facts.size_bytes)?)
    }

    fn remember(&self, id: SnapshotId, map: Vec<Extent>) -> Result<Arc<[Extent]>, BackendError> {
        let map: Arc<[Extent]> = map.into();
        // Balancing a Btrfs moves what is immutable, too.
        if !files::room(&self.volumes)?.is_btrfs {
            self.maps.put(id, Arc::clone(&map));
        }
        Ok(map)
    }

    /// A volume in the trash still has its blocks. A volume that is written to is counted as it was during the walk. Snapshots'
    /// maps are kept, so that their differences are known without another walk.
    pub(crate) fn space(
        &self,
        volume: Option<VolumeId>,
        snapshots: &[SnapshotId],
    ) -> Result<Space, BackendError> {
        let mut space = Space::default();
        let mut held = Blocks::default();
        for id in snapshots {
            let (image, path) = open_image(&self.sealed(*id)?.folder, false)?;
            let mut map = Vec::new();
            let exclusive = held.add((&image, &path), |extent| push_written(&mut map, extent))?;
            space.exclusive_bytes.insert(*id, exclusive);
            self.remember(*id, map)?;
        }
        space.held_by_snapshots_bytes = held.bytes();
        if let Some(id) = volume {
            let found = match self.find(id)? {
                Finding::Found(found) if found.image.is_some() => found,
                Finding::Found(_) | Finding::Absent => return Err(BackendError::Missing { id }),
                Finding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            };
            let (image, path) = open_image(&found.folder, false)?;
            space.held_by_snapshots_bytes -= held.bytes_in(&Blocks::of((&image, &path))?);
        }
        Ok(space)
    }
}

/// Opens the image in a volume's or a snapshot's folder.
pub(crate) fn open_image(folder: &Dir, write: bool) -> Result<(File, PathBuf), SysError> {
    Ok((folder.open_file(IMAGE, write)?, folder.path().join(IMAGE)))
}

/// An image, opened, with its path for messages.
pub(crate) type Image<'a> = (&'a File, &'a Path);

/// The extents that hold data: what is only reserved reads as zeroes, as a hole does. Who shares them is of no interest.
pub(crate) fn written((file, path): Image<'_>, size_bytes: u64) -> Result<Vec<Extent>, SysError> {
    let mut written: Vec<Extent> = Vec::new();
    for extent in fiemap::extents(file, path, 0..size_bytes) {
        push_written(&mut written, extent?);
    }
    Ok(written)
}

fn push_written(written: &mut Vec<Extent>, extent: Extent) {
    match written.last_mut() {
        _ if extent.is_unwritten() => {}
        Some(last) if last.is_continued_by(&extent) => last.len_bytes += extent.len_bytes,
        _ => written.push(extent),
    }
}

/// What a file has at one offset, and up to where that holds.
#[derive(Debug, Clone, Copy)]
enum At {
    Hole { end: u64 },
    Data { end: u64, address: Option<u64> },
}

impl At {
    fn end(&self) -> u64 {
        match *self {
            At::Hole { end } | At::Data { end, .. } => end,
        }
    }
}

/// Walks along a file's extents by rising offsets.
struct Cursor<'a> {
    extents: &'a [Extent],
    size_bytes: u64,
}

impl Cursor<'_> {
    fn at(&mut self, offset: u64) -> At {
        while self.extents.first().is_some_and(|extent| extent.logical_end_bytes() <= offset) {
            self.extents = &self.extents[1..];
        }
        match self.extents.first() {
            Some(extent) if extent.logical_bytes <= offset => At::Data {
                end: extent.logical_end_bytes(),
                address: extent
                    .has_address()
                    .then_some(extent.physical_bytes + (offset - extent.logical_bytes)),
            },
            Some(extent) => At::Hole { end: extent.logical_bytes },
            None => At::Hole { end: self.size_bytes },
        }
    }
}

/// The ranges in which the newer image, of this size, may differ from the older. Where the newer is longer, the older counts as
/// a hole; where it is shorter, what it lacks is not mentioned.
fn compare(old: &[Extent], new: &[Extent], size_bytes: u64) -> Vec<ChangedRange> {
    let mut old = Cursor { extents: old, size_bytes };
    let mut new = Cursor { extents: new, size_bytes };
    let mut changed = Vec::new();
    let mut offset = 0;
    while offset < size_bytes {
        let (before, after) = (old.at(offset), new.at(offset));
        let end = before.end().min(after.end());
        let is_hole = matches!(after, At::Hole { .. });
        let is_same = match (before, after) {
            (At::Hole { .. }, At::Hole { .. }) => true,
            (At::Data { address: Some(before), .. }, At::Data { address: Some(after), .. }) => {
                before == after
            }
            _ => false,
        };
        if !is_same {
            push_merged(&mut changed, offset..end, is_hole);
        }
        offset = end;
    }
    changed
}

fn push_merged(changed: &mut Vec<ChangedRange>, range: Range<u64>, is_hole: bool) {
    let len_bytes = range.end - range.start;
    match changed.last_mut() {
        Some(last) if last.is_hole == is_hole && last.offset_bytes + last.len_bytes == range.start => {
            last.len_bytes += len_bytes;
        }
        _ => changed.push(ChangedRange { offset_bytes: range.start, len_bytes, is_hole }),
    }
}

/// Places on the disk, sorted and not touching: what a set of images holds, each block once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Blocks(Vec<Range<u64>>);

impl Blocks {
    /// What is not written back or has no address of its own is left out.
    fn of(image: Image<'_>) -> Result<Self, SysError> {
        let mut blocks = Self::default();
        blocks.add(image, |_| ())?;
        Ok(blocks)
    }

    /// Returns how many bytes of the image no other file shares: what removing it would free. `found` gets each extent.
    fn add(&mut self, (file, path): Image<'_>, mut found: impl FnMut(Extent)) -> Result<u64, SysError> {
        let mut exclusive_bytes = 0;
        for extent in fiemap::extents(file, path, 0..u64::MAX) {
            let extent = extent?;
            if !extent.is_shared() {
                exclusive_bytes += extent.len_bytes;
            }
            if extent.has_address() {
                self.0.push(extent.physical_bytes..extent.physical_bytes + extent.len_bytes);
            }
            found(extent);
        }
        self.normalize();
        Ok(exclusive_bytes)
    }

    fn normalize(&mut self) {
        // Half of it is sorted already, and this sort makes use of that.
        self.0.sort_by_key(|range| range.start);
        self.0.dedup_by(|next, last| {
            let touch = next.start <= last.end;
            if touch {
                last.end = last.end.max(next.end);
            }
            touch
        });
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// How much of it is in `other` too.
    fn bytes_in(&self, other: &Self) -> u64 {
        let (mut ours, mut theirs) = (self.0.as_slice(), other.0.as_slice());
        let mut bytes = 0;
        while let ([a, ..], [b, ..]) = (ours, theirs) {
            bytes += a.end.min(b.end).saturating_sub(a.start.max(b.start));
            if a.end <= b.end { ours = &ours[1..] } else { theirs = &theirs[1..] }
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
