//! How long writers are held up.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{ByHand, Fragmented, MIB, Rig, number, text};
use crate::bench::Rounds;
use crate::bench::table::{Samples, Table};
use crate::bench::writer::{self, Writer};
use crate::run::Failure;

/// The writer runs so long before and after.
const MARGIN: Duration = Duration::from_millis(300);
const FAST: u32 = 4000;
const SLOW: u32 = 500;

/// The longest wait of a writer of that pace during `act`.
fn worst_during(
    file: &Path,
    per_second: u32,
    act: impl FnOnce() -> Result<(), Failure>,
) -> Result<Duration, Failure> {
    let writer = Writer::start(file, per_second)?;
    std::thread::sleep(MARGIN);
    let begun = Instant::now();
    let acted = act();
    std::thread::sleep(MARGIN);
    let writes = writer.finish()?;
    acted?;
    Ok(writer::worst_since(&writes, begun))
}

pub(super) fn tidy(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let attached = rig.attached(50 << 30, 64 * MIB)?;
    let (mut ours, mut theirs, mut quiet) = (Samples::default(), Samples::default(), Samples::default());
    let mut extents = 0;
    for _ in 0..rounds.of(30) {
        // What the round before left in pieces.
        rig.compact(&attached.volume);
        quiet.push(worst_during(&attached.file, FAST, || Ok(()))?);
        let mut taken = None;
        ours.push(worst_during(&attached.file, FAST, || {
            taken = Some(rig.snapshot(&attached.volume, json!({})));
            Ok(())
        })?);
        let taken = taken.expect("the snapshot was taken");
        extents = extents.max(number(&taken, "extents") as u64);

        let by_hand = ByHand::mount(rig, &rig.sealed_image(&text(&taken, "id")), false)?;
        theirs.push(worst_during(&by_hand.mount_point.join("file"), FAST, || by_hand.snapshot())?);
        by_hand.forget_snapshot()?;
        by_hand.unmount()?;
        rig.delete_snapshot(&text(&taken, "id"));
    }
    rig.remove(attached);
    let what = format!(
        "worst write of 4,000 a second during a snapshot, just compacted (at most {extents} extents by then)"
    );
    table.row(&what, "≤ 15 ms", ours);
    table.beside("fsfreeze + cp --reflink + thaw", theirs);
    table.beside("no snapshot at all", quiet);
    Ok(())
}

/// On an image in very many pieces, taken all the same.
pub(super) fn fragmented(
    rig: &Rig,
    fragmented: &Fragmented,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let (mut ours, mut theirs, mut factors) = (Samples::default(), Samples::default(), Vec::new());
    let mut extents = 0;
    for _ in 0..rounds.of(5) {
        let attached = fragmented.fork(rig);
        let predicted_ms = predicted_ms(rig, &attached.volume);
        let mut taken = None;
        ours.push(worst_during(&attached.file, FAST, || {
            taken = Some(rig.snapshot(&attached.volume, json!({"now": true})));
            Ok(())
        })?);
        let taken = taken.expect("the snapshot was taken");
        extents = number(&taken, "extents") as u64;
        factors.push(number(&taken, "stall_ms") / predicted_ms);
        rig.delete_snapshot(&text(&taken, "id"));
        rig.remove(attached);

        let by_hand = ByHand::mount(rig, &rig.sealed_image(&fragmented.snapshot), true)?;
        theirs.push(worst_during(&by_hand.mount_point.join("file"), FAST, || by_hand.snapshot())?);
        by_hand.forget_snapshot()?;
        by_hand.unmount()?;
    }
    let n = ours.len();
    let cost = super::per_extent(&ours, extents);
    table.row("the same in 250,000 extents, with --now", "≤ 12 µs an extent", ours);
    table.beside("fsfreeze + cp --reflink + thaw", theirs);
    table.figure("… the wait of the writer", "≤ 12 µs an extent", cost, n);
    factors.sort_by(f64::total_cmp);
    let range = format!("{:.2}-{:.2}", factors[0], factors[factors.len() - 1]);
    table.figure("… clone against prediction", "0.5-2", range, n);
    Ok(())
}

/// As the host says it, measured at most a minute ago.
fn predicted_ms(rig: &Rig, volume: &str) -> f64 {
    let begun = Instant::now();
    loop {
        let space = rig.server.volume(volume)["space"].clone();
        if space["extents"].as_u64().is_some_and(|extents| extents > 1000) {
            return number(&space, "predicted_stall_ms");
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "the volume's space is not measured: {space}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// By a schedule, which finds the image compacted.
pub(super) fn scheduled(
    rig: &Rig,
    fragmented: &Fragmented,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let (mut worst, mut compacting, mut extents) = (Samples::default(), Samples::default(), 0);
    for _ in 0..rounds.of(3) {
        let attached = fragmented.fork(rig);
        predicted_ms(rig, &attached.volume);
        let writer = Writer::start(&attached.file, SLOW)?;
        let begun = Instant::now();
        let path = format!("/api/v1/volumes/{}", attached.volume);
        let due = minutes_from_now(3);
        rig.server.http("PATCH", &path, Some(json!({"snapshot_schedule": due}))).ok();
        let list = format!("{path}/snapshots");
        let taken = loop {
            let found = rig.server.http("GET", &list, None).ok()["data"][0].clone();
            if found["state"] == "ready" {
                break found;
            }
            assert_ne!(found["state"], "failed", "{found}");
            assert!(begun.elapsed() < Duration::from_secs(600), "no scheduled snapshot: {found}");
            std::thread::sleep(Duration::from_millis(50));
        };
        std::thread::sleep(MARGIN);
        let ended = Instant::now();
        let writes = writer.finish()?;
        // The clone is in the last seconds, after everything that was prepared for it.
        let clone = ended - Duration::from_secs(3);
        worst.push(writer::worst_since(&writes, clone));
        compacting.push(writer::p999_between(&writes, begun, clone));
        extents = extents.max(number(&taken, "extents") as u64);
        rig.delete_snapshot(&text(&taken, "id"));
        rig.remove(attached);
    }
    let what = format!(
        "500 writes a second, 250,000 extents, scheduled: compacted ahead to at most {extents}; worst write"
    );
    table.row(&what, "≤ 100 ms", worst);
    table.row("… 99.9 % of its writes while the image is compacted", "≤ 25 ms", compacting);
    Ok(())
}

/// A schedule that is due once, at a whole minute at least `minutes - 1` minutes away.
pub(super) fn minutes_from_now(minutes: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    let at = at.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    format!("{} {} {} {} *", at.minute(), at.hour(), at.day(), at.month())
}
