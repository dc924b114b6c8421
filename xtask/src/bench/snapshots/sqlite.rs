//! What a snapshot a minute costs a database.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{GIB, Rig, text};
use crate::bench::Rounds;
use crate::bench::table::Table;
use crate::run::Failure;

const WINDOW: Duration = Duration::from_secs(60);

pub(super) fn commits(rig: &Rig, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let attached = rig.attached(10 * GIB, 4096)?;
    let database = attached.folder.join("bench.db");
    let window = if rounds.is_quick() { WINDOW / 4 } else { WINDOW };
    let (mut without, mut with) = (0, 0);
    let windows = rounds.of(3);
    for _ in 0..windows {
        without += commits_within(&database, window, || Ok(()))?;
        with += commits_within(&database, window, || {
            let taken = rig.snapshot(&attached.volume, json!({}));
            rig.delete_snapshot(&text(&taken, "id"));
            Ok(())
        })?;
    }
    rig.remove(attached);
    let seconds = (window * windows as u32).as_secs_f64();
    let share = 100.0 * f64::from(with) / f64::from(without);
    let what = "SQLite (WAL, FULL) commits a second with a snapshot in the middle of each minute";
    table.figure(what, "≥ 95 %", format!("{:.0}, {share:.1} %", f64::from(with) / seconds), windows);
    table.figure_beside("without", format!("{:.0}", f64::from(without) / seconds), windows);
    Ok(())
}

/// Commits one after the other for as long as `window`; `act` comes in its middle, beside them.
fn commits_within(
    database: &Path,
    window: Duration,
    act: impl FnOnce() -> Result<(), Failure> + Send,
) -> Result<u32, Failure> {
    let run = || -> std::io::Result<u32> {
        let mut shell =
            Command::new("sqlite3").arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = shell.stdin.take().expect("a pipe");
        let mut output = BufReader::new(shell.stdout.take().expect("a pipe")).lines();
        writeln!(input, "pragma journal_mode=wal; pragma synchronous=full;")?;
        writeln!(input, "create table if not exists t (id integer primary key, v blob);")?;
        writeln!(input, "insert or ignore into t values (1, randomblob(100)); select 'ready';")?;
        while output.next().transpose()?.is_some_and(|line| line != "ready") {}
        let begun = Instant::now();
        let mut commits = 0;
        while begun.elapsed() < window {
            writeln!(input, "update t set v = randomblob(100) where id = 1; select 'done';")?;
            output.next().transpose()?;
            commits += 1;
        }
        drop(input);
        shell.wait()?;
        Ok(commits)
    };
    std::thread::scope(|scope| {
        let acting = scope.spawn(move || {
            std::thread::sleep(window / 2);
            act()
        });
        let commits = run().map_err(Failure::file("cannot write to", database))?;
        acting.join().expect("the snapshot does not panic").map(|()| commits)
    })
}
