//! The timers of the control plane: scheduled snapshots, retention, restores and rollouts that no report advances, expired
//! volumes and the trash.
//!
//! **Crash safety.** Every run reads rows to find its work and changes them in transactions, so the next run makes up for one
//! that failed or was cut off. A due time and its snapshot are one transaction: a volume is either served or still due. A host
//! that misses its wake-up receives the specs when its session next polls.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use miosa_store::StoreError;
use miosa_store::snapshot::PruneScope;
use tokio::time::MissedTickBehavior;

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
            logged("advance services", self.advance_services(now()).await);
        });
        tokio::join!(schedules, services, upkeep);
    }

    async fn upkeep(&self) {
        logged("advance restores", self.advance_restores(now()).await);
        logged("check the schedules against the clock", self.store().check_schedules(now()).await);
        logged("prune snapshots", self.prune_expired_snapshots(now()).await);
        logged("move expired volumes to the trash", self.delete_expired_volumes(now()).await);
        logged("purge the trash", self.purge_trash(now()).await);
        logged("remove old rows", self.store().remove_old_rows(now()).await.map(drop));
    }

    /// Advances the rollouts that a time limit has reached.
    pub async fn advance_services(&self, now: Timestamp) -> Result<(), StoreError> {
        for service in self.store().advance_services(now).await? {
            self.hosts().wake(service.host_id);
            self.news().publish(&[service.id.uuid()]);
        }
        Ok(())
    }

    /// Takes the snapshots that are due, if any host has recovered. Times that pass while a host is absent are made up for
    /// once, after it has recovered.
    pub async fn run_schedules(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.hosts().recovered().is_empty() {
            return Ok(());
        }
        self.hosts().wake_all(self.store().run_due_schedules(now).await?);
        Ok(())
    }

    async fn advance_restores(&self, now: Timestamp) -> Result<(), StoreError> {
        self.hosts().wake_all(self.store().advance_restores(now).await?);
        Ok(())
    }

    async fn prune_expired_snapshots(&self, now: Timestamp) -> Result<(), StoreError> {
        let recovered = self.hosts().recovered();
        let prune = self.store().prune_snapshots(PruneScope::All, Some(&recovered), now).await?;
        self.hosts().wake_all(prune.pruned.iter().map(|snapshot| snapshot.host_id));
        Ok(())
    }

    /// Moves volumes whose lifetime is over to the trash.
    pub async fn delete_expired_volumes(&self, now: Timestamp) -> Result<(), StoreError> {
        self.hosts().wake_all(self.store().delete_expired_volumes(now).await?);
        Ok(())
    }

    /// Purges volumes whose time in the trash is over. The data goes last: the spec becomes `Purged`, the host destroys the
    /// data and reports it gone, and only then does the row become a tombstone.
    async fn purge_trash(&self, now: Timestamp) -> Result<(), StoreError> {
        let recovered = self.hosts().recovered();
        self.hosts().wake_all(self.store().purge_due_volumes(&recovered, now).await?);
        Ok(())
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
