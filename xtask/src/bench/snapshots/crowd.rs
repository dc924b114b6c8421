//! A thousand volumes of one schedule.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MIB, Rig, number, text};
use crate::bench::Rounds;
use crate::bench::table::{Samples, Table};
use crate::bench::writer::{self, Writer};
use crate::run::Failure;

const VOLUMES: usize = 1000;
/// Of these, so many are written to, a hundred times a second each.
const WRITTEN: usize = 10;

pub(super) fn due_at_once(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let count = rounds.of(VOLUMES).max(WRITTEN);
    let volumes: Vec<String> =
        (0..count).map(|number| rig.server.create_volume(&format!("crowd-{number}"), 64 * MIB)).collect();
    let mut writers = Vec::new();
    for (number, volume) in volumes[..WRITTEN].iter().enumerate() {
        rig.server.attach(&rig.computer, volume, &format!("/mnt/crowd-{number}"));
        let file = rig.server.data_dir().join("pool/mounts").join(volume).join("file");
        writer::allocate(&file, 16 * MIB)?;
        writers.push(Writer::start(&file, 100)?);
    }
    let schedule = super::stall::minutes_from_now(2);
    for volume in &volumes {
        let body = json!({"snapshot_schedule": schedule});
        rig.server.http("PATCH", &format!("/api/v1/volumes/{volume}"), Some(body)).ok();
    }
    let next = rig.server.volume(&volumes[0])["snapshots"]["next"][0].clone();
    let due: Timestamp =
        next.as_str().and_then(|due| due.parse().ok()).expect("the schedule has a next time");
    let begun = Instant::now();
    let taken = loop {
        let list = rig.server.list_all("/api/v1/volume-snapshots");
        let ready: Vec<Value> = list.into_iter().filter(|snapshot| snapshot["state"] == "ready").collect();
        if ready.len() == count {
            break ready;
        }
        assert!(begun.elapsed() < Duration::from_secs(400), "only {} of {count} were taken", ready.len());
        std::thread::sleep(Duration::from_millis(500));
    };
    let mut waits = Samples::default();
    for writer in writers {
        waits.push(writer::worst_since(&writer.finish()?, begun));
    }
    let last =
        taken.iter().filter_map(|snapshot| text(snapshot, "updated_at").parse::<Timestamp>().ok()).max();
    let all = last.map_or(0.0, |last| last.duration_since(due).as_secs_f64());
    let stall = taken.iter().map(|snapshot| number(snapshot, "stall_ms")).fold(0.0, f64::max);
    for snapshot in &taken {
        rig.server.http("DELETE", &format!("/api/v1/volume-snapshots/{}", text(snapshot, "id")), None).ok();
    }
    for attachment in rig.server.attachments(&rig.computer) {
        rig.server.detach(&rig.computer, &text(&attachment, "id")).ok();
    }
    for volume in &volumes {
        rig.server.delete_volume(volume).ok();
    }
    let what = format!("{count} volumes due in the same minute: from the minute until the last is ready");
    table.figure(&what, "≤ 60 s", format!("{all:.1} s"), count);
    table.figure("… the longest clone", "≤ 150 ms", format!("{stall:.1} ms"), count);
    table.row("… worst write of each volume that is written to", "≤ 150 ms", waits);
    Ok(())
}
