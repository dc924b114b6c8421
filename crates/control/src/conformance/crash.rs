//! A process killed at each failpoint of the transactions, on both engines.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use miosa_testkit::postgres;

use super::{open, run_quick, sqlite_in, volumes};

/// Passes the URL of the database to [`victim`].
const VICTIM: &str = "MIOSA_CONTROL_VICTIM";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_survives_every_crash() {
    survives_every_crash(|| {
        let dir = tempfile::tempdir().unwrap();
        (sqlite_in(&dir), dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_survives_every_crash() {
    survives_every_crash(|| {
        let database = postgres::Database::create();
        (database.url(), database)
    })
    .await;
}

/// The process that `survives_every_crash` kills; does nothing as a test of its own.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    if let Ok(url) = std::env::var(VICTIM) {
        run_quick(&open(&url).await).await;
    }
}

/// Aim: a process that is killed at any failpoint of a transaction leaves whole transactions, and the next one continues.
async fn survives_every_crash<T>(database: impl Fn() -> (String, T)) {
    // Services have no case in this suite; the program's own crash tests kill there.
    let is_here = |point: &&str| point.starts_with("store.") && !point.starts_with("store.service.");
    let mut unreached = Vec::new();
    for point in miosa_failpoint::all().into_iter().filter(is_here) {
        let (url, _database) = database();
        let mut victim = Command::new(std::env::current_exe().unwrap());
        victim.args(["--exact", "conformance::crash::victim"]).env(VICTIM, &url);
        let died = victim.env("MIOSA_FAILPOINTS", format!("{point}=kill")).output().unwrap();
        if died.status.success() {
            unreached.push(point);
            continue;
        }
        assert_eq!(died.status.signal(), Some(9), "{point}: {}", String::from_utf8_lossy(&died.stdout));
        let suite = open(&url).await;
        assert_eq!(suite.app.store().torn_transactions().await.unwrap(), [""; 0], "{point}");
        volumes::a_life_follows_the_reports(&suite).await;
        suite.close().await;
    }
    assert_eq!(unreached, [""; 0], "no case reaches these");
}
