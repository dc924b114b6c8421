//! The first overwrite of a block that a snapshot shares.

use std::path::Path;

use serde_json::{Value, json};

use super::{ByHand, GIB, Rig, text};
use crate::bench::Rounds;
use crate::bench::peers::shell;
use crate::bench::table::Table;
use crate::bench::writer;
use crate::run::Failure;

const FILE_BYTES: u64 = 2 * GIB;
const WRITES: u64 = 20_000;

pub(super) fn first(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let attached = rig.attached(8 * GIB, FILE_BYTES)?;
    let plain = rig.pool().join("plain.file");
    writer::allocate(&plain, FILE_BYTES)?;
    let (mut ours, mut by_hand, mut pools) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.of(5) {
        rig.compact(&attached.volume);
        let taken = text(&rig.snapshot(&attached.volume, json!({"now": true})), "id");
        ours.push(writes_a_second(&attached.file)?);

        let hand = ByHand::mount(rig, &rig.sealed_image(&taken), false)?;
        hand.snapshot()?;
        by_hand.push(writes_a_second(&hand.mount_point.join("file"))?);
        hand.forget_snapshot()?;
        hand.unmount()?;
        rig.delete_snapshot(&taken);

        let copy = rig.pool().join("plain.copy");
        shell(&format!("cp --reflink=always {} {}", plain.display(), copy.display()))?;
        pools.push(writes_a_second(&plain)?);
        shell(&format!(
            "rm {0} && cp --reflink=never {1} {0} && mv {0} {1} && sync -f {1}",
            copy.display(),
            plain.display()
        ))?;
    }
    shell(&format!("rm {}", plain.display()))?;
    rig.remove(attached);
    let n = ours.len();
    let (ours, by_hand, pools) = (median(ours), median(by_hand), median(pools));
    let share = 100.0 * ours / by_hand;
    let what = "first overwrites after a snapshot, 4k random, 32 deep, a second";
    table.figure(what, "≥ 90 % of the pool's own", format!("{ours:.0}, {share:.0} %"), n);
    table.figure_beside("ext4 in a loop device on the pool, after cp --reflink", format!("{by_hand:.0}"), n);
    table.figure_beside("a file of the pool itself, after cp --reflink", format!("{pools:.0}"), n);
    Ok(())
}

fn writes_a_second(file: &Path) -> Result<f64, Failure> {
    let line = format!(
        "fio --name=first --filename={} --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 \
         --norandommap=0 --size={FILE_BYTES} --number_ios={WRITES} --output-format=json",
        file.display()
    );
    let report: Value = serde_json::from_str(&shell(&line)?)
        .map_err(|error| Failure::Refused(format!("fio's report is no JSON: {error}")))?;
    Ok(super::number(&report["jobs"][0]["write"], "iops"))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
