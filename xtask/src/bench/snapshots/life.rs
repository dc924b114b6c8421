//! How long people wait: for a snapshot, a fork, a restore.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Fragmented, MIB, Rig, per_extent, text};
use crate::bench::Rounds;
use crate::bench::peers::shell;
use crate::bench::table::{Samples, Table};
use crate::run::Failure;

pub(super) fn taking(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let volume = rig.server.create_volume("bench", 50 << 30);
    let mut ours = Samples::default();
    for _ in 0..rounds.of(60) {
        let begun = Instant::now();
        let snapshot = rig.snapshot(&volume, json!({}));
        ours.push(begun.elapsed());
        rig.delete_snapshot(&text(&snapshot, "id"));
    }
    rig.server.delete_volume(&volume).ok();
    table.row("snapshot of an idle volume: POST → ready", "p50 ≤ 40 ms", ours);
    Ok(())
}

/// Until the new volume is there.
fn timed(rig: &Rig, path: &str, body: Value, samples: &mut Samples) -> String {
    let begun = Instant::now();
    let volume = text(&rig.server.http("POST", path, Some(body)).ok(), "id");
    rig.server.wait_volume(&volume, "available");
    samples.push(begun.elapsed());
    volume
}

pub(super) fn copies(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let attached = rig.attached(50 << 30, 256 * MIB)?;
    let snapshot = text(&rig.snapshot(&attached.volume, json!({})), "id");
    let (mut forks, mut restores, mut copies) = (Samples::default(), Samples::default(), Samples::default());
    let fork = format!("/api/v1/volumes/{}/clone", attached.volume);
    let restore = format!("/api/v1/volume-snapshots/{snapshot}/restore");
    let image = rig.sealed_image(&snapshot);
    let copy = rig.pool().join("copy.img");
    for _ in 0..rounds.of(30) {
        let made = timed(rig, &fork, json!({"name": "bench-fork"}), &mut forks);
        rig.server.delete_volume(&made).ok();
        let made = timed(rig, &restore, json!({"name": "bench-restored"}), &mut restores);
        rig.server.delete_volume(&made).ok();
        let begun = Instant::now();
        shell(&format!("cp --reflink=never --sparse=always {} {}", image.display(), copy.display()))?;
        copies.push(begun.elapsed());
        shell(&format!("rm {}", copy.display()))?;
    }
    rig.delete_snapshot(&snapshot);
    rig.remove(attached);
    table.row("fork a running 50 GB volume: POST → available", "p50 ≤ 50 ms", forks);
    table.row("restore a 50 GB snapshot to a new volume: POST → available", "p50 ≤ 50 ms", restores);
    table.beside("cp --sparse of the image (256 MiB of data)", copies);
    Ok(())
}

pub(super) fn fragmented_copies(
    rig: &Rig,
    fragmented: &Fragmented,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let restore = format!("/api/v1/volume-snapshots/{}/restore", fragmented.snapshot);
    let mut restores = Samples::default();
    for _ in 0..rounds.of(5) {
        let made = timed(rig, &restore, json!({"name": "bench-restored"}), &mut restores);
        rig.server.delete_volume(&made).ok();
    }
    let cost = per_extent(&restores, fragmented.extents);
    let n = restores.len();
    table.row("restore a snapshot in 250,000 extents", "≤ 12 µs an extent", restores);
    table.figure("… that is", "≤ 12 µs an extent", cost, n);
    Ok(())
}
