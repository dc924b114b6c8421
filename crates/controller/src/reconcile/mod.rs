//! Loops without an end. Each run finds by itself what is to do, so a run that failed is made up for by the next one; and no
//! step waits for, or stops, another.

use std::future::Future;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::app::{App, now};

mod services;
pub(crate) mod snapshots;
mod trash;

/// A cron time has whole minutes, and snapshots have delays of whole seconds.
const SCHEDULES_EVERY: Duration = Duration::from_secs(1);
/// For what no report follows: the time limits of releases.
const SERVICES_EVERY: Duration = Duration::from_millis(500);
const UPKEEP_EVERY: Duration = Duration::from_secs(20);
const LOOK_FOR_HOSTS_EVERY: Duration = Duration::from_millis(500);

impl App {
    /// Runs for ever. Drop the future to stop it; every run is a transaction, so it stops anywhere.
    pub(crate) async fn reconcile(&self) {
        let upkeep = async {
            // What is removed is removed on hosts that have recovered; a first run before that would only be lost.
            while self.links().recovered_hosts().is_empty() {
                tokio::time::sleep(LOOK_FOR_HOSTS_EVERY).await;
            }
            every(UPKEEP_EVERY, || self.upkeep()).await;
        };
        let schedules = every(SCHEDULES_EVERY, || self.run_schedules());
        let services = every(SERVICES_EVERY, || self.advance_services());
        tokio::join!(schedules, services, upkeep);
    }

    async fn advance_services(&self) {
        logged("move services on", services::advance(self).await);
    }

    async fn run_schedules(&self) {
        logged("take scheduled snapshots", snapshots::run_schedules(self, now()).await);
    }

    async fn upkeep(&self) {
        logged("look after restores", snapshots::advance_restores(self, now()).await);
        logged("check the schedules against the clock", self.store().check_schedules(now()).await);
        logged("prune snapshots", snapshots::prune(self, now()).await);
        logged("send expired volumes to the trash", snapshots::delete_expired_volumes(self, now()).await);
        logged("look after the trash", trash::run(self).await);
    }
}

/// The first time at once. A run that takes long delays the next one, and is not followed by several.
async fn every<F: Future<Output = ()>>(period: Duration, mut run: impl FnMut() -> F) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        run().await;
    }
}

fn logged(what: &'static str, outcome: Result<(), miosa_store::StoreError>) {
    if let Err(error) = outcome {
        tracing::error!(error = &error as &dyn std::error::Error, what, "a run failed; the next one goes on");
    }
}
