//! Aim: a database needs no help. SQLite under heavy writing (WAL, synchronous=FULL) is whole in every snapshot, with each
//! transaction that it had acknowledged before the call, and none missing in between.
//!
//! Method: transactions with ascending numbers, each acknowledged by SQLite after its commit; snapshots meanwhile. Each is
//! restored as a volume, attached, and its database opened there, which makes SQLite recover it from its log.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use miosa_testkit::server::wait_until;
use serde_json::json;

use super::{Attached, MIB, id, run, server};

const SNAPSHOTS: usize = 24;

/// Enough for the log to be taken into the database many times.
const CHECKPOINT_EACH_PAGES: u32 = 100;

/// A `sqlite3` that is told a statement at a time.
struct Sqlite {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Sqlite {
    fn open(database: &Path) -> Self {
        let mut command = Command::new("sqlite3");
        command.arg("-batch").arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("sqlite3 can be run");
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, answers }
    }

    /// What the statement answers, which must be one line.
    fn ask(&mut self, statement: &str) -> String {
        let input = self.process.stdin.as_mut().expect("it is piped");
        writeln!(input, "{statement}").expect("sqlite3 listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("sqlite3 answers");
        line.trim().to_owned()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn sqlite_is_whole_in_every_snapshot() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let database = attached.mount.join("database");
    let (begun, acknowledged, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let write = || {
        let mut sqlite = Sqlite::open(&database);
        assert_eq!(sqlite.ask("PRAGMA journal_mode=WAL;"), "wal");
        assert_eq!(sqlite.ask("PRAGMA synchronous=FULL; PRAGMA synchronous;"), "2");
        let checkpoint = format!("PRAGMA wal_autocheckpoint={CHECKPOINT_EACH_PAGES};");
        assert_eq!(sqlite.ask(&checkpoint), CHECKPOINT_EACH_PAGES.to_string());
        assert_eq!(sqlite.ask("CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB); CREATE INDEX i ON t (filler); SELECT 'made';"), "made");
        while !stop.load(SeqCst) {
            let number = begun.fetch_add(1, SeqCst) + 1;
            // Two statements, so that half a transaction would be seen.
            let transaction = format!(
                "BEGIN; INSERT INTO t VALUES ({}, randomblob(700)); INSERT INTO t VALUES ({}, randomblob(700)); COMMIT; SELECT {number};",
                2 * number - 1,
                2 * number
            );
            assert_eq!(sqlite.ask(&transaction), number.to_string());
            acknowledged.store(number, SeqCst);
        }
    };
    let taken: Vec<(String, u64, u64)> = thread::scope(|scope| {
        let writer = scope.spawn(write);
        let taken = (0..SNAPSHOTS).map(|_| {
            // Some transactions between two snapshots, however slow the disk.
            let last = acknowledged.load(SeqCst);
            wait_until("further transactions", || {
                (writer.is_finished() || acknowledged.load(SeqCst) > last + 10).then_some(())
            });
            let before = acknowledged.load(SeqCst);
            let snapshot = server.take_snapshot(&attached.volume, json!({}));
            (id(&snapshot).to_owned(), before, begun.load(SeqCst))
        });
        let taken = taken.collect();
        stop.store(true, SeqCst);
        writer.join().expect("SQLite failed");
        taken
    });

    for (snapshot, least, most) in taken {
        let volume = server.restore_as_new(&snapshot, json!({}));
        let attachment = server.attach(&attached.computer, &volume, "/mnt/restored");
        let query = "PRAGMA integrity_check; SELECT count(*), min(n), max(n) FROM t;";
        let output = run(Command::new("sqlite3").arg(server.host_mount(&volume).join("database")).arg(query));
        let text = String::from_utf8(output.stdout).expect("SQLite answers text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, "ok"), "{text}");
        let numbers: Vec<u64> = lines[1].split('|').map(|number| number.parse().expect("a number")).collect();
        let [rows, first, last] = numbers[..] else { panic!("{text}") };
        assert_eq!((first, last, rows % 2), (1, rows, 0), "transactions are missing or halved");
        assert!(
            (least..=most).contains(&(rows / 2)),
            "{rows} rows; {least} transactions were acknowledged before the call, {most} begun after it"
        );
        server.detach(&attached.computer, &attachment).ok();
        server.delete_volume(&volume).ok();
    }
    server.finish();
}
