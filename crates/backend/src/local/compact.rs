//! Making an image lie in few pieces, under running writers.
//!
//! ```text
//!   walk the extents ──► plan: stretches of small pieces ──► for each 256 KiB of them
//!        ▲                                                    read from the image, write to a contiguous unnamed copy
//!        │                                                    the kernel compares both and gives the image the copy's blocks
//!        └──── until a round brings little ◄───────────────── the copy lets go of them
//! ```
//!
//! What the image holds never changes: the kernel keeps writers out while it compares and exchanges, and a step whose bytes
//! were overwritten since they were copied is refused and left for the next round. Holes and reserved blocks are no part of
//! the plan and stay what they are. Steps are small because writers wait during each, mostly for the small pieces that it
//! takes out. The copy's blocks are let go of at once, for as long as both have them a write would go elsewhere and be a new
//! small piece.
//!
//! **Only on XFS.** On Btrfs, an fsync of an image whose ranges are being exchanged has failed now and then, and the loop
//! device hands that on to the workload's filesystem as a failed flush, which aborts its journal.
//!
//! **Crash safety.** The copy has no name, so it goes with the process or, after a power cut, with the replay of the pool's
//! journal. An exchange is one transaction of the pool's filesystem, and the copy was written before it began; the journal
//! makes the disk flush that before it says so. So after a power cut a step is done or not, with the same bytes.
//!
//! **Price.** What was moved is not shared with older snapshots any more, and takes that much more of the pool. So only what
//! is fragmented is moved, in as small a part as brings the image near its best, and never so much that the pool would
//! refuse new volumes.

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

use miosa_domain::VolumeId;
use miosa_domain::size::MIB;
use miosa_effects::background::{forget_cached, write_back};
use miosa_effects::dedupe::{self, Compared};
use miosa_effects::fiemap::{self, Extent, Reserve};
use miosa_effects::{Dir, Doing, SysError, files};
use miosa_failpoint::failpoint;

use crate::local::extents::{Image, open_image};
use crate::local::pool::Pool;
use crate::{BackendError, CompactionProgress};

/// Of one exchange. Writers wait for it: about a millisecond if it takes out pieces of 4 KiB.
const STEP_BYTES: u64 = 256 << 10;

/// Size of one contiguous copy, and so the longest piece that comes out.
const COPY_BYTES: u64 = 128 * MIB;

/// What counts as a small piece, from the cheapest plan to the most thorough one.
const SMALL_BYTES: [u64; 3] = [MIB, 8 * MIB, 64 * MIB];

/// Few enough: a clone of so many takes some milliseconds.
const GOAL_EXTENTS: usize = 1000;

/// Enough for a writer that is everywhere; each round but the first has only leftovers to do.
const ROUNDS_MAX: usize = 8;

/// Asks whether to go on; see [`crate::Compaction::compact`].
type GoOn<'a> = &'a mut dyn FnMut(&CompactionProgress) -> ControlFlow<()>;

impl Pool {
    pub(crate) fn compact(&self, id: VolumeId, go_on: GoOn<'_>) -> Result<CompactionProgress, BackendError> {
        let (found, _) = self.present(id)?;
        if files::room(&self.volumes)?.is_btrfs {
            return Err(BackendError::CannotCompact { id });
        }
        let (image, path) = open_image(&found.folder, true)?;
        fiemap::reserve_around_writes(&image, Reserve::Nothing, &path)?;
        let compacted = compact((&image, &path), &self.volumes, &|bytes| self.check_room(bytes), go_on);
        // Cut off before this, the image is a little slower until it is compacted again.
        fiemap::reserve_around_writes(&image, Reserve::Usual, &path)?;
        match compacted {
            Err(error) => Err(self.no_room(error)?),
            compacted => compacted,
        }
    }
}

/// Compacts the image. Copies are made in `dir`, on the image's filesystem; `room_for` refuses bytes that the pool should not
/// give.
fn compact(
    image: Image<'_>,
    dir: &Dir,
    room_for: &dyn Fn(u64) -> Result<(), BackendError>,
    go_on: GoOn<'_>,
) -> Result<CompactionProgress, BackendError> {
    let extents = fiemap::extent_count(image.0, image.1)?;
    let progress =
        CompactionProgress { extents_before: extents, extents_now: extents, ..CompactionProgress::default() };
    let mut compaction =
        Compaction { image, dir, room_for, go_on, progress, buffer: vec![0; STEP_BYTES as usize] };
    for _round in 0..ROUNDS_MAX {
        let extents = compaction.progress.extents_now;
        let stopped = compaction.round()?.is_break();
        compaction.count()?;
        // A round that takes away less than a twentieth only races with the writers.
        if stopped || compaction.progress.extents_now + extents / 20 + 1 > extents {
            break;
        }
    }
    Ok(compaction.progress)
}

struct Compaction<'a> {
    image: Image<'a>,
    dir: &'a Dir,
    room_for: &'a dyn Fn(u64) -> Result<(), BackendError>,
    go_on: GoOn<'a>,
    progress: CompactionProgress,
    buffer: Vec<u8>,
}

impl Compaction<'_> {
    /// Walks the image, plans, and moves what was planned. `Break`: told to stop, or nothing to gain.
    fn round(&mut self) -> Result<ControlFlow<()>, BackendError> {
        let Some(pieces) = self.pieces()? else { return Ok(ControlFlow::Break(())) };
        let plan = Plan::choose(&pieces);
        self.progress.total_bytes = pieces.iter().map(|piece| piece.end - piece.start).sum();
        let mut left = plan.bytes();
        let mut copy: Option<Copy> = None;
        for stretch in &plan.stretches {
            let mut start = stretch.range.start;
            while start < stretch.range.end {
                self.progress.done_bytes = self.progress.total_bytes - left;
                if (self.go_on)(&self.progress).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                let at = match &mut copy {
                    Some(copy) if !copy.free.is_empty() => copy,
                    used_up => {
                        self.count()?;
                        let bytes = COPY_BYTES.min(left);
                        let replaced = plan.pieces() as u128 * u128::from(bytes) / u128::from(plan.bytes());
                        match self.reserve_copy(bytes, replaced as u64)? {
                            Some(new) => used_up.insert(new),
                            None => return Ok(ControlFlow::Break(())),
                        }
                    }
                };
                let room = at.free.end - at.free.start;
                let end = stretch.range.end.min(start + STEP_BYTES.min(room));
                self.move_step(at, start..end)?;
                left -= end - start;
                start = end;
            }
        }
        self.progress.done_bytes = self.progress.total_bytes;
        Ok(ControlFlow::Continue(()))
    }

    /// `None`: told to stop.
    fn pieces(&mut self) -> Result<Option<Vec<Piece>>, BackendError> {
        /// At a microsecond each, some milliseconds.
        const ASK_EVERY: usize = 4096;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut previous: Option<Extent> = None;
        for (index, extent) in fiemap::extents(self.image.0, self.image.1, 0..u64::MAX).enumerate() {
            let extent = extent?;
            if index % ASK_EVERY == 0 && (self.go_on)(&self.progress).is_break() {
                return Ok(None);
            }
            if extent.is_unwritten() {
                continue;
            }
            let (start, end) = (extent.logical_bytes, extent.logical_end_bytes());
            match pieces.last_mut() {
                Some(last) if previous.is_some_and(|previous| previous.is_continued_by(&extent)) => {
                    last.end = end;
                }
                _ => pieces.push(Piece { start, end, is_movable: extent.has_address() }),
            }
            previous = Some(extent);
        }
        Ok(Some(pieces))
    }

    fn count(&mut self) -> Result<(), SysError> {
        self.progress.extents_now = fiemap::extent_count(self.image.0, self.image.1)?;
        Ok(())
    }

    /// `None`: the pool's free space is in pieces not much larger than the `replaced` ones.
    fn reserve_copy(&self, bytes: u64, replaced: u64) -> Result<Option<Copy>, BackendError> {
        (self.room_for)(bytes)?;
        let file = dedupe::unnamed_file(self.dir)?;
        files::preallocate(&file, bytes, self.dir.path())?;
        let extents = fiemap::extent_count(&file, self.dir.path())?;
        Ok((extents == 1 || extents <= replaced / 2).then_some(Copy { file, free: 0..bytes }))
    }

    /// Moves one range of the image into the copy, unless it is written to before the exchange.
    fn move_step(&mut self, copy: &mut Copy, range: Range<u64>) -> Result<(), BackendError> {
        let (image, path) = self.image;
        let len = range.end - range.start;
        let in_copy = copy.free.start..copy.free.start + len;
        copy.free.start = in_copy.end;
        let buffer = &mut self.buffer[..len as usize];
        // Through the page cache on both sides: there the kernel finds them when it compares, with all writers waiting.
        image.read_exact_at(buffer, range.start).doing("read", path)?;
        copy.file.write_all_at(buffer, in_copy.start).doing("write a copy of", path)?;
        write_back(&copy.file, in_copy.clone(), path)?;
        failpoint!("backend.compact.after-copy")?;
        // What was discarded by now must not get blocks again.
        let is_moved = is_all_written(self.image, range.clone())?
            && share(&copy.file, in_copy.start, self.image, range.clone())?;
        failpoint!("backend.compact.after-exchange")?;
        if !is_moved {
            self.progress.chunks_changed += 1;
        }
        dedupe::punch_hole(&copy.file, in_copy.start, len, path)?;
        Ok(forget_cached(image, range, path)?)
    }
}

/// Whether there is neither a hole nor a reserved block in the range.
fn is_all_written((file, path): Image<'_>, range: Range<u64>) -> Result<bool, SysError> {
    let mut end = range.start;
    for extent in fiemap::extents(file, path, range.clone()) {
        let extent = extent?;
        if extent.logical_bytes != end || extent.is_unwritten() {
            return Ok(false);
        }
        end = extent.logical_end_bytes();
    }
    Ok(end == range.end)
}

/// Returns whether the image now has the copy's blocks in the whole range.
fn share(copy: &File, offset: u64, image: Image<'_>, range: Range<u64>) -> Result<bool, SysError> {
    let len = range.end - range.start;
    let mut done = 0;
    while done < len {
        let to = (image.0, range.start + done);
        match dedupe::share_if_same((copy, offset + done), to, len - done, image.1)? {
            Compared::Same { bytes } => done += bytes,
            Compared::Differs => return Ok(false),
        }
    }
    Ok(true)
}

/// A contiguous file that the image's blocks are moved to.
struct Copy {
    file: File,
    /// What was not used yet.
    free: Range<u64>,
}

/// Data of the image that lies in one piece on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: u64,
    end: u64,
    /// Not if it does not lie there as it is, but compressed or among metadata.
    is_movable: bool,
}

/// A range without holes, of several pieces that shall become one.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    range: Range<u64>,
    pieces: usize,
}

/// What to move.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    stretches: Vec<Stretch>,
    /// Pieces of data in the image if all goes well.
    pieces_after: usize,
}

impl Plan {
    /// The one that moves least among those that reach the goal, or nearly the best that can be had.
    fn choose(pieces: &[Piece]) -> Self {
        let [cheapest, thorough @ ..] = SMALL_BYTES.map(|small_bytes| Self::new(pieces, small_bytes));
        let best = thorough.iter().map(|plan| plan.pieces_after).min().unwrap_or(0);
        let good_enough = GOAL_EXTENTS.max(best * 2);
        let mut plans = [cheapest].into_iter().chain(thorough);
        plans.find(|plan| plan.pieces_after <= good_enough).expect("the best one is good enough")
    }

    /// Joins neighbours that are smaller than `small_bytes`.
    fn new(pieces: &[Piece], small_bytes: u64) -> Self {
        let is_small = |piece: &Piece| piece.is_movable && piece.end - piece.start < small_bytes;
        let mut plan = Self { stretches: Vec::new(), pieces_after: 0 };
        let joinable = |a: &Piece, b: &Piece| a.end == b.start && is_small(a) && is_small(b);
        for chain in pieces.chunk_by(joinable) {
            let range = chain[0].start..chain[chain.len() - 1].end;
            plan.pieces_after += 1;
            if chain.len() > 1 {
                plan.pieces_after += ((range.end - range.start) / COPY_BYTES) as usize;
                plan.stretches.push(Stretch { range, pieces: chain.len() });
            }
        }
        plan
    }

    fn bytes(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.range.end - stretch.range.start).sum()
    }

    fn pieces(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.pieces).sum()
    }
}

#[cfg(test)]
mod tests;
