//! The agent's first pass after a start, with or without a controller: observe everything once and reconcile it with the
//! ledger. Later passes repeat this, because a host changes without notice.
//!
//! Volumes come first: one listing of the pools observes all of them. Every instance then has its first round: a running one is
//! adopted unchanged (its plan is empty), another is started after its volumes are mounted. Snapshots come last, because their
//! hooks run in instances. Work that may take long (a fork whose source is compacted first, a snapshot to be taken or removed)
//! is started and not waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use miosa_backend::PoolListing;
use miosa_domain::kind::{Instance, Volume};

use crate::{Host, blocking, kind};

const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(30);

pub(crate) async fn recover(host: &Arc<Host>) {
    let begin = Instant::now();
    let mut found = list_pools(host).await.unwrap_or_default();
    kind::recover(host, &mut found).await;
    tracing::info!(
        volumes = host.ledger.ids::<Volume>().len(),
        instances = host.ledger.ids::<Instance>().len(),
        ms = begin.elapsed().as_millis() as u64,
        "recovered"
    );
}

/// Retries failed objects and observes the others from time to time.
pub(crate) async fn look_again_for_ever(host: &Arc<Host>) {
    loop {
        tokio::time::sleep(LOOK_AGAIN_EVERY).await;
        let found = list_pools(host).await;
        kind::look_again(host, found).await;
    }
}

/// Everything in the pools; `None` if they cannot be listed. Each object is then observed separately.
async fn list_pools(host: &Arc<Host>) -> Option<PoolListing> {
    let working = host.clone();
    match blocking(move || working.pools.list(&working.ledger)).await {
        Ok(listing) => {
            for (id, observation) in &listing.volumes {
                if host.ledger.spec(*id).is_none() {
                    host.volumes.remember(*id, observation.staged.clone());
                }
            }
            Some(listing)
        }
        Err(error) => {
            tracing::error!(%error, "listing the pools failed");
            None
        }
    }
}
