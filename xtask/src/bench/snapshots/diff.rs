//! Which ranges changed between two snapshots.

use std::fs::File;
use std::io;
use std::time::Instant;

use serde_json::json;

use super::{GIB, Rig, number, text};
use crate::bench::Rounds;
use crate::bench::table::{Samples, Table};
use crate::bench::writer;
use crate::run::Failure;

const DATA_BYTES: u64 = 10 * GIB;
const EXTENTS: u64 = 110_000;

pub(super) fn changed_ranges(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let attached = rig.attached(12 * GIB, DATA_BYTES)?;
    let take = || rig.snapshot(&attached.volume, json!({"now": true}));
    let base = text(&take(), "id");
    let one_percent = DATA_BYTES / 100 / writer::BLOCK_BYTES as u64;
    writer::overwrite(&attached.file, EXTENTS / 2)?;
    let from = take();
    rig.delete_snapshot(&base);
    writer::overwrite(&attached.file, one_percent)?;
    let to = take();
    let (from_id, to_id) = (text(&from, "id"), text(&to, "id"));

    let path = format!("/api/v1/volume-snapshots/{from_id}/diff?to={to_id}&files=false");
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let mut changed = 0.0;
    for _ in 0..rounds.of(30) {
        let begun = Instant::now();
        let found = rig.server.http("GET", &path, None).ok();
        ours.push(begun.elapsed());
        changed = number(&found, "changed_bytes");
        assert!(changed >= (one_percent * writer::BLOCK_BYTES as u64) as f64, "{found}");
    }
    let begun = Instant::now();
    for snapshot in [&from_id, &to_id] {
        let image = rig.sealed_image(snapshot);
        let hash = || io::copy(&mut File::open(&image)?, &mut blake3::Hasher::new());
        hash().map_err(Failure::file("cannot read", &image))?;
    }
    theirs.push(begun.elapsed());
    rig.delete_snapshot(&from_id);
    rig.delete_snapshot(&to_id);
    rig.remove(attached);
    let what = format!(
        "changed ranges of two snapshots, 1 % of 10 GB, {} and {} extents ({:.0} MiB found)",
        from["extents"],
        to["extents"],
        changed / f64::from(1 << 20)
    );
    table.row(&what, "≤ 200 ms", ours);
    table.beside("reading and hashing both (BLAKE3)", theirs);
    Ok(())
}
