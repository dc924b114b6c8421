//! Aim: a snapshot holds every write that was acknowledged before the call, in order and without a gap, and nothing that began
//! after it was there. So at each instant, whatever the writers do.
//!
//! Method: writers stamp the blocks of a file with their sequence numbers, directly, without waiting for the disk's cache most
//! of the time, as fast as a busy database. Meanwhile more than a hundred snapshots are taken. Each is then compared block for
//! block with what the first `k` writes of each writer make, where `k` is the highest number found in it:
//!
//! ```text
//!   writer      1 2 3 4 5 … acknowledged before the call ┊ … in flight … ┊ begun when the snapshot was ready …
//!   snapshot    must be in it                            ┊ k lies here   ┊ must not be in it
//! ```

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use miosa_testkit::image::{Look, assert_no_fault};
use miosa_testkit::server::{Server, wait_until_or};
use rustix::fs::OFlags;
use serde_json::json;

use super::{Attached, MIB, Random, id, run, server};

const SNAPSHOTS: usize = 110;
/// So many are restored as volumes too, and compared as well.
const RESTORED_EACH: usize = 20;
const WRITERS: usize = 2;
/// Of each writer.
const BLOCKS: u64 = 512;
const BLOCK_BYTES: usize = 4096;

/// One block, aligned as direct I/O needs it.
#[derive(Clone, PartialEq)]
#[repr(align(4096))]
struct Block([u8; BLOCK_BYTES]);

impl Block {
    /// Every byte follows from its writer, number and place, so that a torn, shifted or foreign block is seen.
    fn stamped(writer: usize, sequence: u64, position: u64) -> Box<Self> {
        let mut block = Box::new(Self([0; BLOCK_BYTES]));
        let mut random = Random::from_seed(sequence ^ (position << 40) ^ ((writer as u64) << 60));
        for word in block.0.chunks_exact_mut(8) {
            word.copy_from_slice(&random.next().to_le_bytes());
        }
        block.0[..8].copy_from_slice(&sequence.to_le_bytes());
        block
    }

    fn sequence(&self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("eight bytes"))
    }
}

fn offset(writer: usize, position: u64) -> u64 {
    (writer as u64 * BLOCKS + position) * BLOCK_BYTES as u64
}

fn open_direct(path: &Path) -> File {
    let options =
        OpenOptions::new().read(true).write(true).custom_flags(OFlags::DIRECT.bits() as i32).open(path);
    options.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// How far a writer is. Sequence numbers begin with 1; 0 is what the file held at first.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    acknowledged: AtomicU64,
}

/// Writes until told to stop; answers the position of each write, the first write first.
fn write(file: &File, writer: usize, progress: &Progress, stop: &AtomicBool) -> Vec<u64> {
    let mut random = Random::from_seed(writer as u64 + 1);
    let mut positions = Vec::new();
    while !stop.load(SeqCst) {
        let (sequence, position) = (positions.len() as u64 + 1, random.below(BLOCKS));
        progress.begun.store(sequence, SeqCst);
        file.write_all_at(&Block::stamped(writer, sequence, position).0, offset(writer, position))
            .expect("write a block");
        if sequence % 64 == 0 {
            file.sync_data().expect("sync the file");
        }
        progress.acknowledged.store(sequence, SeqCst);
        positions.push(position);
        // 500 to 2,000 writes a second each.
        thread::sleep(Duration::from_micros(300));
    }
    positions
}

/// A snapshot and what its writers had done around it.
struct Taken {
    id: String,
    acknowledged_before: [u64; WRITERS],
    begun_after: [u64; WRITERS],
}

fn take(server: &Server, volume: &str, progress: &[Progress; WRITERS]) -> Taken {
    let acknowledged_before = std::array::from_fn(|writer| progress[writer].acknowledged.load(SeqCst));
    let snapshot = server.take_snapshot(volume, json!({}));
    let begun_after = std::array::from_fn(|writer| progress[writer].begun.load(SeqCst));
    Taken { id: id(&snapshot).to_owned(), acknowledged_before, begun_after }
}

/// Compares the file with each writer's first writes; answers how many are in it.
#[track_caller]
fn assert_is_prefix(file: &Path, written: &[Vec<u64>; WRITERS]) -> [u64; WRITERS] {
    let file = File::open(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    std::array::from_fn(|writer| {
        let mut found = Vec::new();
        for position in 0..BLOCKS {
            let mut block = Box::new(Block([0; BLOCK_BYTES]));
            file.read_exact_at(&mut block.0, offset(writer, position)).expect("read a block");
            assert!(
                *block == *Block::stamped(writer, block.sequence(), position),
                "block {position} of writer {writer} is torn or foreign"
            );
            found.push(block.sequence());
        }
        let last = *found.iter().max().expect("there are blocks");
        let mut expected = vec![0; BLOCKS as usize];
        for (sequence, position) in (1..=last).zip(&written[writer]) {
            expected[*position as usize] = sequence;
        }
        assert!(
            found == expected,
            "not the first {last} writes of writer {writer}: {found:?}, and not {expected:?}"
        );
        last
    })
}

#[test]
fn each_snapshot_is_one_instant_under_writers() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let path = attached.mount.join("stamps");
    fs::write(&path, vec![0; offset(WRITERS, 0) as usize]).expect("make the file");
    let file = open_direct(&path);
    for (writer, position) in (0..WRITERS).flat_map(|w| (0..BLOCKS).map(move |p| (w, p))) {
        file.write_all_at(&Block::stamped(writer, 0, position).0, offset(writer, position))
            .expect("write a block");
    }

    let progress: [Progress; WRITERS] = Default::default();
    let stop = AtomicBool::new(false);
    let (taken, written) = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (file, progress, stop) = (&file, &progress[writer], &stop);
                scope.spawn(move || write(file, writer, progress, stop))
            })
            .collect();
        let stop_in_any_case = StopOnDrop(&stop);
        let taken: Vec<_> = (0..SNAPSHOTS).map(|_| take(&server, &attached.volume, &progress)).collect();
        drop(stop_in_any_case);
        let written: Vec<_> =
            writers.into_iter().map(|writer| writer.join().expect("a writer failed")).collect();
        (taken, written.try_into().expect("one for each writer"))
    });
    drop(file);

    for (number, taken) in taken.iter().enumerate() {
        let image = server.snapshot_image(&taken.id);
        assert_no_fault(&image);
        let held = assert_is_prefix(&Look::into(&server, &image).path().join("stamps"), &written);
        for (writer, held) in held.iter().enumerate() {
            let (least, most) = (taken.acknowledged_before[writer], taken.begun_after[writer]);
            assert!(
                (least..=most).contains(held),
                "snapshot {number} holds {held} writes of writer {writer}; {least} were acknowledged before the call, and \
                 {most} begun when it was ready"
            );
        }
        if number % RESTORED_EACH == 0 {
            let restored = server.restore_as_new(&taken.id, json!({}));
            let image = server.volume_image(&restored);
            assert_no_fault(&image);
            assert_eq!(assert_is_prefix(&Look::into(&server, &image).path().join("stamps"), &written), held);
        }
    }
    let last = taken.last().expect("there are snapshots");
    assert!(
        last.acknowledged_before.iter().all(|count| *count > 1000),
        "the writers hardly wrote: {:?}",
        last.acknowledged_before
    );
    server.finish();
}

/// So that writers end, and the test with them, when it fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// A second opinion, by a program that has checked many a disk: what `fio` writes at random places it reads back and compares,
/// while snapshots are taken and the image is made whole under it.
#[test]
fn fio_finds_no_fault_across_snapshots_and_compactions() {
    let server = server();
    let attached = Attached::new(&server, 256 * MIB);
    let path = attached.mount.join("fio");
    let stop = AtomicBool::new(false);
    let fio = || {
        run(Command::new("fio").args([
            "--name=verify",
            "--rw=randwrite",
            "--bs=4k",
            "--direct=1",
            "--ioengine=psync",
            "--size=24m",
            "--verify=crc32c",
            "--verify_fatal=1",
            "--do_verify=1",
            "--end_fsync=1",
            &format!("--filename={}", path.display()),
        ]));
    };
    thread::scope(|scope| {
        let rounds = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(SeqCst) {
                fio();
                rounds += 1;
            }
            rounds
        });
        let stop_in_any_case = StopOnDrop(&stop);
        let compactions = (0..3).map(|_| {
            // Every snapshot makes fio's next writes go elsewhere; how many those are is up to the machine.
            let mut taken = 0;
            wait_until_or("an image in many pieces", || {
                let extents = server.take_snapshot(&attached.volume, json!({}))["extents"].as_u64();
                taken += 1;
                let is_fragmented = extents.is_some_and(|extents| extents > 1000);
                (taken >= 8 && is_fragmented).then_some(()).ok_or(format!("{extents:?} after {taken}"))
            });
            compact(&server, &attached.volume)
        });
        let compactions: Vec<(u64, u64)> = compactions.collect();
        // Else this is a test of nothing.
        assert!(compactions.iter().any(|(before, now)| *before > 1000 && now < before), "{compactions:?}");
        drop(stop_in_any_case);
        assert!(rounds.join().expect("fio found a fault") > 0);
    });
    for snapshot in server.snapshots_of(&attached.volume) {
        assert_no_fault(&server.snapshot_image(id(&snapshot)));
    }
    server.finish();
}

/// Compacts the volume's image; answers in how many pieces it was, and is.
fn compact(server: &Server, volume: &str) -> (u64, u64) {
    server.http("POST", &format!("/api/v1/volumes/{volume}/compact"), Some(json!({}))).ok();
    wait_until_or("the end of a compaction", || {
        let compaction = &server.volume(volume)["compaction"];
        let extents =
            |field: &str| compaction[field].as_u64().unwrap_or_else(|| panic!("no {field} in {compaction}"));
        match compaction["state"].as_str() {
            Some("done") => Ok((extents("extents_before"), extents("extents_now"))),
            Some("stopped") => panic!("it was stopped: {compaction}"),
            _ => Err(compaction.to_string()),
        }
    })
}
