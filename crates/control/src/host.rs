//! The verbs of a host's session: register the host, read the specs that it should have, and apply what it reports.
//!
//! **Crash safety.** A report is one transaction. If the process dies before the commit, the host repeats the report when it
//! reconnects, because every connection begins with a report of everything.

use std::time::Duration;

use miosa_api::agent_v1::{Hello, Report};
use miosa_domain::kind::{ObjectId, Spec, Specs, Statuses};
use miosa_domain::snapshot::Trigger;
use miosa_domain::{Generation, HostId};
use miosa_store::host::{Introduction, PoolUsage};
use miosa_store::report::Applied;

use crate::{App, AppError, now};

/// Specs that a host does not have yet.
#[derive(Debug)]
pub struct ChangedSpecs {
    /// Every change up to here is included.
    pub up_to: Generation,
    /// Kind by kind: an object comes after those that it refers to.
    pub specs: Vec<Spec>,
}

impl App {
    /// Records a host that connected. Its generation becomes at least the highest one in the host's ledger, so that a database
    /// restored from an older copy issues generations that the host accepts.
    pub async fn register_host(&self, hello: Hello) -> Result<(), AppError> {
        let host = Introduction {
            id: hello.host_id,
            hostname: hello.hostname,
            agent_version: hello.version,
            templates: hello.templates,
            highest_generation: hello.highest_generation,
        };
        let (id, ledger) = (host.id, host.highest_generation);
        let before = self.store().host(id).await?.map(|host| host.generation);
        if before.is_some_and(|before| before < ledger) {
            tracing::warn!(
                host_id = %id,
                database = %before.unwrap_or_default(),
                %ledger,
                "the host's ledger is newer than the database, which was restored from an older copy; continuing from the ledger's generation"
            );
        }
        self.store().register_host(host, now()).await?;
        Ok(())
    }

    /// The host's specs whose generation is above `since`.
    pub async fn changed_specs(&self, host_id: HostId, since: Generation) -> Result<ChangedSpecs, AppError> {
        let changed = self.store().changed_specs(host_id, since).await?;
        let miosa_store::host::ChangedSpecs { up_to, volumes, instances, snapshots } = changed;
        Ok(ChangedSpecs { up_to, specs: Specs { volumes, instances, snapshots }.into_vec() })
    }

    /// Records what a host reported, wakes the callers that wait for it, and wakes the host if its specs changed as a
    /// consequence. Returns the objects that are recorded as gone, which the host may now drop from its ledger.
    pub async fn apply_report(&self, host_id: HostId, report: Report) -> Result<Vec<ObjectId>, AppError> {
        // Names every kind: a new one does not compile until its statuses are recorded.
        let Statuses { volumes, instances, snapshots } = report.statuses.into_iter().collect();
        let report = miosa_store::report::Report {
            host_id,
            volumes: &volumes,
            instances: &instances,
            snapshots: &snapshots,
            pool: report
                .pool
                .map(|p| PoolUsage { capacity_bytes: p.capacity_bytes, used_bytes: p.used_bytes }),
        };
        let applied = self.store().apply_report(report, now()).await?;
        count_snapshots(&applied);
        self.news().publish(&applied.touched);
        if applied.specs_changed {
            self.hosts().wake(host_id);
        }
        let volumes = applied.forget_volumes.into_iter().map(ObjectId::from);
        let instances = applied.forget_instances.into_iter().map(ObjectId::from);
        let snapshots = applied.forget_snapshots.into_iter().map(ObjectId::from);
        Ok(volumes.chain(instances).chain(snapshots).collect())
    }
}

fn count_snapshots(applied: &Applied) {
    for (trigger, stall_us) in &applied.taken {
        count_snapshot(*trigger, "taken");
        metrics::histogram!("miosa_snapshot_stall_seconds", "trigger" => trigger.as_str())
            .record(Duration::from_micros(*stall_us).as_secs_f64());
    }
    for (trigger, _) in &applied.failed {
        count_snapshot(*trigger, "failed");
    }
}

fn count_snapshot(trigger: Trigger, outcome: &'static str) {
    metrics::counter!("miosa_snapshots_total", "trigger" => trigger.as_str(), "outcome" => outcome)
        .increment(1);
}
