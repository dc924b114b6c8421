//! On real filesystems: what is said of images from their extents is true of their bytes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use miosa_domain::size::MIB;
use miosa_effects::{Dir, files};
use miosa_testkit::pool_dir::PoolDir;
use rustix::fs::FallocateFlags;

use super::*;

const BLOCK: u64 = 4096;
const SIZE: u64 = 4 * MIB;

/// Numbers that look random and are the same in each run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A live image and the clones of it.
struct Scratch {
    dir: Dir,
    live: (File, PathBuf),
    _pool: PoolDir,
}

impl Scratch {
    fn on(pool: PoolDir) -> Self {
        let dir = Dir::open(pool.path()).unwrap();
        if files::room(&dir).unwrap().is_btrfs {
            files::overwrite_in_place(&dir).unwrap();
        }
        let live = (dir.create_file("live").unwrap(), pool.path().join("live"));
        live.0.set_len(SIZE).unwrap();
        Self { dir, live, _pool: pool }
    }

    fn clone_as(&self, name: &str) -> (File, PathBuf) {
        let (file, path) = (self.dir.create_file(name).unwrap(), self.dir.path().join(name));
        files::clone_file(&self.live.0, &file, &path).unwrap();
        (file, path)
    }

    fn write(&self, offset: u64, byte: u8, len: u64) {
        self.live.0.write_all_at(&vec![byte; len as usize], offset).unwrap();
    }
}

/// What the pool does for two sealed snapshots.
fn changed_ranges(old: &(File, PathBuf), new: &(File, PathBuf)) -> Vec<ChangedRange> {
    let size_bytes = new.0.metadata().unwrap().len();
    let walk = |file| written(image(file), size_bytes).unwrap();
    compare(&walk(old), &walk(new), size_bytes)
}

fn image((file, path): &(File, PathBuf)) -> Image<'_> {
    (file, path)
}

/// Writes, discards and zeroes at random places. Answers which blocks were touched.
fn change(live: &File, random: &mut Random) -> Vec<bool> {
    let mut touched = vec![false; (SIZE / BLOCK) as usize];
    for _ in 0..1 + random.below(40) {
        let start = random.below(SIZE / BLOCK);
        let blocks = (1 + random.below(24)).min(SIZE / BLOCK - start);
        let (offset, len) = (start * BLOCK, blocks * BLOCK);
        match random.below(4) {
            0 => rustix::fs::fallocate(
                live,
                FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
                offset,
                len,
            )
            .unwrap(),
            1 => rustix::fs::fallocate(live, FallocateFlags::ZERO_RANGE, offset, len).unwrap(),
            _ => {
                let data: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
                live.write_all_at(&data, offset).unwrap();
            }
        }
        touched[start as usize..(start + blocks) as usize].fill(true);
    }
    touched
}

/// Applied to the older as a delta, the changed ranges give the newer; and they name no block that nobody touched.
fn deltas_are_exact(pool: PoolDir) {
    let scratch = Scratch::on(pool);
    let mut random = Random(4);
    change(&scratch.live.0, &mut random);
    let mut old = scratch.clone_as("0");
    for round in 1..=25 {
        let touched = change(&scratch.live.0, &mut random);
        let new = scratch.clone_as(&round.to_string());
        let changed = changed_ranges(&old, &new);
        let (mut bytes, wanted) = (fs::read(&old.1).unwrap(), fs::read(&new.1).unwrap());
        let mut last_end = 0;
        for ChangedRange { offset_bytes, len_bytes, is_hole } in changed {
            assert!(offset_bytes >= last_end && len_bytes > 0, "round {round}: not sorted");
            last_end = offset_bytes + len_bytes;
            for block in offset_bytes / BLOCK..last_end.div_ceil(BLOCK) {
                assert!(touched[block as usize], "round {round}: block {block} did not change");
            }
            let range = offset_bytes as usize..last_end as usize;
            if is_hole {
                bytes[range].fill(0);
            } else {
                bytes[range.clone()].copy_from_slice(&wanted[range]);
            }
        }
        assert!(bytes == wanted, "round {round}: something changed outside of the changed ranges");
        old = new;
    }
}

#[test]
fn deltas_are_exact_on_xfs() {
    deltas_are_exact(PoolDir::xfs());
}

#[test]
fn deltas_are_exact_on_btrfs() {
    deltas_are_exact(PoolDir::btrfs());
}

/// What is reserved reads as zeroes, like a hole. Btrfs keeps it reserved in a clone.
#[test]
fn reserving_changes_nothing() {
    for pool in [PoolDir::xfs(), PoolDir::btrfs()] {
        let scratch = Scratch::on(pool);
        scratch.write(0, 1, MIB);
        let older = scratch.clone_as("older");
        rustix::fs::fallocate(&scratch.live.0, FallocateFlags::empty(), MIB, MIB).unwrap();
        rustix::fs::fallocate(&scratch.live.0, FallocateFlags::ZERO_RANGE, 0, MIB / 2).unwrap();
        let newer = scratch.clone_as("newer");
        let zeroed = ChangedRange { offset_bytes: 0, len_bytes: MIB / 2, is_hole: true };
        assert_eq!(changed_ranges(&older, &newer), [zeroed]);
        scratch.write(MIB, 2, MIB);
        let newest = scratch.clone_as("newest");
        let written = ChangedRange { offset_bytes: MIB, len_bytes: MIB, is_hole: false };
        assert_eq!(changed_ranges(&newer, &newest), [written]);
    }
}

/// Who shares which part of a piece makes no pieces of it.
#[test]
fn a_piece_is_one_whoever_shares_it() {
    let scratch = Scratch::on(PoolDir::xfs());
    scratch.write(0, 1, MIB);
    let older = scratch.clone_as("older");
    scratch.write(MIB / 4, 2, MIB / 4);
    scratch.live.0.sync_all().unwrap();
    let reported = |(file, path): &(File, PathBuf)| fiemap::extents(file, path, 0..SIZE).count();
    assert_eq!((reported(&older), written(image(&older), SIZE).unwrap().len()), (3, 1));
    assert_eq!(written(image(&scratch.live), SIZE).unwrap().len(), 3);
}

/// A volume that was enlarged between two snapshots: what is new in it counts, its empty part does not.
#[test]
fn a_grown_image_is_compared_to_its_new_end() {
    let scratch = Scratch::on(PoolDir::xfs());
    scratch.write(0, 1, MIB);
    let old = scratch.clone_as("old");
    scratch.live.0.set_len(2 * SIZE).unwrap();
    scratch.write(SIZE + MIB, 2, MIB);
    let new = scratch.clone_as("new");
    let grown = ChangedRange { offset_bytes: SIZE + MIB, len_bytes: MIB, is_hole: false };
    assert_eq!(changed_ranges(&old, &new), [grown]);
    assert_eq!(changed_ranges(&new, &old), []);
}

/// Whether the figures are what removing the files really gives back.
#[test]
fn space_is_counted_by_who_alone_has_it() {
    let scratch = Scratch::on(PoolDir::xfs());
    scratch.write(0, 1, 3 * MIB);
    let first = scratch.clone_as("first");
    scratch.write(0, 2, MIB);
    let second = scratch.clone_as("second");
    scratch.write(0, 3, MIB);
    scratch.live.0.sync_all().unwrap();

    let exclusive = |file: &(File, PathBuf)| Blocks::default().add(image(file), |_| ()).unwrap();
    assert_eq!((exclusive(&first), exclusive(&second), exclusive(&scratch.live)), (MIB, MIB, MIB));
    let mut snapshots = Blocks::default();
    snapshots.add(image(&first), |_| ()).unwrap();
    snapshots.add(image(&second), |_| ()).unwrap();
    assert_eq!(snapshots.bytes(), 4 * MIB, "the two thirds that all share count once");
    assert_eq!(snapshots.bytes_in(&Blocks::of(image(&scratch.live)).unwrap()), 2 * MIB);

    // Shared with a fork, a snapshot has nothing for itself any more.
    let fork = (scratch.dir.create_file("fork").unwrap(), scratch.dir.path().join("fork"));
    files::clone_file(&first.0, &fork.0, &fork.1).unwrap();
    assert_eq!((exclusive(&first), exclusive(&second), exclusive(&fork)), (0, MIB, 0));
}

fn blocks(ranges: &[Range<u64>]) -> Blocks {
    let mut blocks = Blocks(ranges.to_vec());
    blocks.normalize();
    blocks
}

#[test]
fn blocks_count_once() {
    let both = blocks(&[20..30, 0..10, 5..12, 30..31, 0..1]);
    assert_eq!(both.0, [0..12, 20..31]);
    assert_eq!(both.bytes(), 23);
    assert_eq!(both.bytes_in(&blocks(&[])), 0);
    assert_eq!(both.bytes_in(&both), 23);
    assert_eq!(both.bytes_in(&blocks(&[11..21, 25..27, 30..100])), 1 + 1 + 2 + 1);
    assert_eq!(blocks(&[11..21, 25..27, 30..100]).bytes_in(&both), 5);
}

#[test]
fn ranges_with_the_same_end_of_content_merge() {
    let mut changed = Vec::new();
    for (range, is_hole) in [(0..4, false), (4..8, false), (8..12, true), (16..20, true)] {
        push_merged(&mut changed, range, is_hole);
    }
    let found: Vec<_> =
        changed.iter().map(|range| (range.offset_bytes, range.len_bytes, range.is_hole)).collect();
    assert_eq!(found, [(0, 8, false), (8, 4, true), (16, 4, true)]);
}
