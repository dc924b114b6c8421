//! The timers of the control plane: scheduled snapshots, retention, restores and rollouts that no report advances, expired
//! volumes and the trash.
//!
//! **Crash safety.** Every run reads rows to find its work and changes them in transactions, so the next run makes up for one
//! that failed or was cut off. A host that misses its wake-up receives the specs when its session next polls.

use std::future::Future;
use std::time::Duration;

use miosa_store::StoreError;
use tokio::time::MissedTickBehavior;

use crate::snapshot::prune::PruneScope;
use crate::{App, now};

/// A cron time has whole minutes, and snapshots have delays of whole seconds.
const SCHEDULES_EVERY: Duration = Duration::from_secs(1);
/// For what no report follows: the time limits of releases.
const SERVICES_EVERY: Duration = Duration::from_millis(500);
const UPKEEP_EVERY: Duration = Duration::from_secs(20);
const POLL_HOSTS_EVERY: Duration = Duration::from_millis(500);

impl App {
    /// Runs the timers forever. Dropping the future stops them; each run consists of transactions, so any point is safe.
    pub async fn reconcile(&self) {
        let upkeep = async {
            // Removals are carried out by hosts that have recovered; before that a run would do nothing.
            while self.hosts().recovered().is_empty() {
                tokio::time::sleep(POLL_HOSTS_EVERY).await;
            }
            every(UPKEEP_EVERY, || self.upkeep()).await;
        };
        let schedules = every(SCHEDULES_EVERY, || async {
            logged("take scheduled snapshots", self.run_schedules(now()).await);
        });
        let services = every(SERVICES_EVERY, || async {
            logged("advance services", self.store().advance_services(now()).await.map(drop));
        });
        tokio::join!(schedules, services, upkeep);
    }

    async fn upkeep(&self) {
        let recovered = self.hosts().recovered();
        logged("advance restores", self.store().advance_restores(now()).await.map(drop));
        logged("check the schedules against the clock", self.check_schedules(now()).await);
        let pruned = self.write_prune(PruneScope::All, Some(&recovered), now()).await;
        logged("prune snapshots", pruned.map(drop));
        logged("move expired volumes to the trash", self.delete_expired_volumes(now()).await);
        logged("purge the trash", self.purge_trash(&recovered, now()).await);
        logged("remove old rows", self.store().remove_old_rows(now()).await.map(drop));
    }
}

/// Runs at once and then once per period. A slow run delays the next one and is not followed by several.
async fn every<F: Future<Output = ()>>(period: Duration, mut run: impl FnMut() -> F) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        run().await;
    }
}

fn logged(what: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            what,
            "a timer's run failed; the next run retries"
        );
    }
}
