//! The plan by itself, and its steps on a real XFS file.

use std::path::PathBuf;

use miosa_testkit::pool_dir::PoolDir;
use rustix::fs::FallocateFlags;

use super::*;

const BLOCK: u64 = 4096;

fn piece(blocks: Range<u64>) -> Piece {
    Piece { start: blocks.start * BLOCK, end: blocks.end * BLOCK, is_movable: true }
}

fn planned(pieces: &[Piece], small_bytes: u64) -> (Vec<(Range<u64>, usize)>, usize) {
    let plan = Plan::new(pieces, small_bytes);
    let in_blocks =
        |stretch: &Stretch| (stretch.range.start / BLOCK..stretch.range.end / BLOCK, stretch.pieces);
    (plan.stretches.iter().map(in_blocks).collect(), plan.pieces_after)
}

#[test]
fn only_small_neighbours_are_joined() {
    // A hole before 10, a large piece from 20 on.
    let mut pieces = [0..1, 1..3, 10..11, 11..12, 12..20, 20..600, 600..601].map(piece);
    assert_eq!(planned(&pieces, MIB), (vec![(0..3, 2), (10..20, 3)], 4));
    assert_eq!(planned(&pieces, 8 * MIB), (vec![(0..3, 2), (10..601, 5)], 2));
    pieces[3].is_movable = false;
    assert_eq!(planned(&pieces, MIB), (vec![(0..3, 2)], 6));
    assert_eq!(planned(&pieces[..1], MIB), (vec![], 1));
    assert_eq!(planned(&[], MIB), (vec![], 0));
}

#[test]
fn no_more_is_moved_than_helps() {
    // 4 MiB and 4 KiB in turn.
    let pieces = |count| -> Vec<Piece> {
        (0..count)
            .flat_map(|n| [piece(n * 1025..n * 1025 + 1024), piece(n * 1025 + 1024..n * 1025 + 1025)])
            .collect()
    };
    let few = Plan::choose(&pieces(100));
    assert_eq!((few.bytes(), few.pieces_after), (0, 200), "200 pieces are few enough");
    let many = pieces(1000);
    let plan = Plan::choose(&many);
    assert_eq!((plan.pieces(), plan.stretches.len()), (2000, 1), "small pieces alone would leave 2000");
    // Where holes keep the pieces apart, nothing more can be had.
    let apart: Vec<_> = (0..5000).map(|n| piece(n * 2..n * 2 + 1)).collect();
    assert_eq!(Plan::choose(&apart).bytes(), 0);
}

/// A file of 8 MiB on XFS that an older copy shares: fragmented data, a hole, reserved blocks, zeroes that were written.
struct Scratch {
    dir: Dir,
    file: File,
    path: PathBuf,
    _older: File,
    _pool: PoolDir,
}

impl Scratch {
    fn new() -> Self {
        let pool = PoolDir::xfs();
        let dir = Dir::open(pool.path()).unwrap();
        let (file, path) = (dir.create_file("image").unwrap(), pool.path().join("image"));
        fiemap::reserve_around_writes(&file, Reserve::Nothing, &path).unwrap();
        file.write_all_at(&vec![1; 4 * MIB as usize], 0).unwrap();
        file.set_len(8 * MIB).unwrap();
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 5 * MIB, MIB).unwrap();
        let older = dir.create_file("older").unwrap();
        files::clone_file(&file, &older, &path).unwrap();
        for block in (0..1024).step_by(2) {
            let byte = if block < 64 { 0 } else { block as u8 | 1 };
            file.write_all_at(&[byte; BLOCK as usize], block * BLOCK).unwrap();
        }
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&file, mode, 2 * MIB, 3 * BLOCK).unwrap();
        file.write_all_at(&[9; BLOCK as usize], 5 * MIB + 64 * BLOCK).unwrap();
        file.sync_all().unwrap();
        Self { dir, file, path, _older: older, _pool: pool }
    }

    fn image(&self) -> Image<'_> {
        (&self.file, &self.path)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    /// Ranges that hold data, and ranges that are only reserved.
    fn layout(&self) -> [Vec<Range<u64>>; 2] {
        let mut layout = [Vec::new(), Vec::new()];
        for extent in fiemap::extents(&self.file, &self.path, 0..u64::MAX) {
            let extent = extent.unwrap();
            let ranges: &mut Vec<Range<u64>> = &mut layout[usize::from(extent.is_unwritten())];
            match ranges.last_mut() {
                Some(last) if last.end == extent.logical_bytes => last.end = extent.logical_end_bytes(),
                _ => ranges.push(extent.logical_bytes..extent.logical_end_bytes()),
            }
        }
        layout
    }

    fn extents(&self) -> u64 {
        fiemap::extent_count(&self.file, &self.path).unwrap()
    }

    fn compact(&self, steps: usize) -> Result<CompactionProgress, BackendError> {
        let mut asked = 0;
        let mut go_on = |_: &CompactionProgress| {
            asked += 1;
            if asked > steps { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        compact(self.image(), &self.dir, &|_| Ok(()), &mut go_on)
    }
}

#[test]
fn pieces_are_joined_and_holes_stay() {
    let scratch = Scratch::new();
    let (bytes, layout, extents) = (scratch.bytes(), scratch.layout(), scratch.extents());
    assert!(extents > 1000, "{extents} extents are no test");
    let progress = scratch.compact(usize::MAX).unwrap();
    assert!(scratch.bytes() == bytes, "it holds something else now");
    assert_eq!(scratch.layout(), layout, "a hole or a reserved range is not what it was");
    // Two runs of data around the hole; one block of data within reserved ones.
    assert_eq!((progress.extents_before, progress.extents_now), (extents, 5));
    assert_eq!(progress.extents_now, scratch.extents());
    assert_eq!((progress.done_bytes, progress.chunks_changed), (progress.total_bytes, 0));
    assert_eq!(progress.total_bytes, 4 * MIB - 3 * BLOCK + BLOCK);
    // Now there is nothing to do.
    let again = scratch.compact(usize::MAX).unwrap();
    assert_eq!((again.extents_before, again.extents_now), (5, 5));
}

#[test]
fn an_image_without_data_is_left_as_it_is() {
    let scratch = Scratch::new();
    scratch.file.set_len(0).unwrap();
    scratch.file.set_len(8 * MIB).unwrap();
    assert_eq!(scratch.compact(usize::MAX).unwrap(), CompactionProgress::default());
}

#[test]
fn it_stops_wherever_it_is_told_to() {
    let scratch = Scratch::new();
    let (bytes, mut extents) = (scratch.bytes(), scratch.extents());
    for steps in [0, 1, 2, 3, 7] {
        let progress = scratch.compact(steps).unwrap();
        assert!(scratch.bytes() == bytes, "stopped after {steps} steps, it holds something else");
        assert_eq!(progress.extents_now, scratch.extents());
        assert!(progress.done_bytes <= progress.total_bytes);
        assert!(if steps < 2 { progress.extents_now == extents } else { progress.extents_now < extents });
        extents = progress.extents_now;
    }
}

#[test]
fn without_room_nothing_is_touched() {
    let scratch = Scratch::new();
    let extents = scratch.extents();
    let refused = BackendError::InsufficientCapacity { capacity_bytes: 2, used_bytes: 1 };
    let refused = std::cell::Cell::new(Some(refused));
    let room_for = |bytes| {
        assert!((MIB..=4 * MIB).contains(&bytes), "it wants {bytes} bytes");
        Err(refused.take().expect("asked once"))
    };
    let outcome = compact(scratch.image(), &scratch.dir, &room_for, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(outcome, Err(BackendError::InsufficientCapacity { .. })), "{outcome:?}");
    assert_eq!(scratch.extents(), extents);
}

/// Written to, or discarded, between the copy and the exchange.
#[test]
fn chunks_written_to_are_left_alone() {
    let scratch = Scratch::new();
    let copy = dedupe::unnamed_file(&scratch.dir).unwrap();
    let bytes = scratch.bytes();
    let range = MIB..MIB + STEP_BYTES;
    copy.write_all_at(&bytes[range.start as usize..range.end as usize], 0).unwrap();
    assert!(is_all_written(scratch.image(), range.clone()).unwrap());
    assert!(!is_all_written(scratch.image(), 2 * MIB - BLOCK..2 * MIB + BLOCK).unwrap(), "a hole");
    assert!(!is_all_written(scratch.image(), 2 * MIB + 2 * BLOCK..2 * MIB + 4 * BLOCK).unwrap(), "a hole");
    assert!(!is_all_written(scratch.image(), 5 * MIB..5 * MIB + BLOCK).unwrap(), "reserved");

    scratch.file.write_all_at(&[77], range.end - 1).unwrap();
    let written = scratch.bytes();
    assert!(!share(&copy, 0, scratch.image(), range.clone()).unwrap());
    assert!(scratch.bytes() == written, "the later write is lost");
    copy.write_all_at(&[77], STEP_BYTES - 1).unwrap();
    assert!(share(&copy, 0, scratch.image(), range.clone()).unwrap());
    assert!(scratch.bytes() == written);
    assert_eq!(fiemap::extents(&scratch.file, &scratch.path, range).count(), 1);
}
