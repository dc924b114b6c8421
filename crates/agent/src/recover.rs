//! What happens after the agent starts, with or without a controller: look at everything once, and make it what the ledger
//! says. Then look again now and then, because a host changes without telling.
//!
//! Volumes come first: one survey of the pool shows all of them at the cost of one reading of the mount table. Then every
//! instance has its first round: a running one is adopted as it is (its plan is empty), another is started with its volumes
//! mounted before its first process. Snapshots come last, as their hooks run in instances. What may take long (a fork whose
//! source is compacted first, a snapshot to be taken or removed) is begun and not waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use miosa_backend::PoolSurvey;
use miosa_domain::status::VolumeCondition;

use crate::{Host, blocking, instance_actor, snapshot_queue, volume_queue};

/// How many volumes are worked on at once after a start.
const PARALLEL_VOLUMES: usize = 16;

const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(30);

pub(crate) async fn recover(host: &Arc<Host>) {
    let begin = Instant::now();
    let volumes = host.ledger.volume_ids();
    let mut survey = survey(host).await.unwrap_or_default();
    futures::stream::iter(volumes.iter().copied())
        .for_each_concurrent(PARALLEL_VOLUMES, |id| {
            let known = survey.volumes.remove(&id);
            async move {
                if volume_queue::may_take_long(host, id) {
                    volume_queue::reconcile_aside(host, id);
                } else {
                    volume_queue::reconcile(host, id, known).await;
                }
            }
        })
        .await;
    let instances = host.ledger.instance_ids();
    for id in &instances {
        instance_actor::nudge(host, *id);
    }
    futures::stream::iter(instances.iter().copied())
        .for_each_concurrent(None, |id| instance_actor::first_round(host, id))
        .await;
    // Last: the hooks of one that is to be taken run in an instance.
    host.snapshots.set_instances_known();
    for id in host.ledger.snapshot_ids() {
        snapshot_queue::recover(host, id, survey.snapshots.remove(&id)).await;
    }
    tracing::info!(
        volumes = volumes.len(),
        instances = instances.len(),
        ms = begin.elapsed().as_millis() as u64,
        "recovered"
    );
}

/// Tries failed volumes again, and looks at instances that nobody asked about.
pub(crate) async fn look_again_for_ever(host: &Arc<Host>) {
    loop {
        tokio::time::sleep(LOOK_AGAIN_EVERY).await;
        let found = survey(host).await;
        let surveyed = found.is_some();
        let mut survey = found.unwrap_or_default();
        for id in host.ledger.volume_ids() {
            let known = survey.volumes.remove(&id);
            let failed = host
                .board
                .volume(id)
                .is_none_or(|status| matches!(status.condition, VolumeCondition::Failed(_)));
            // The survey may be older than a change that is under way: only the queue's own look decides there.
            if (failed || known.is_none()) && volume_queue::may_take_long(host, id) {
                volume_queue::reconcile_aside(host, id);
            } else if failed || known.is_none() {
                volume_queue::reconcile(host, id, None).await;
            } else if let Some(known) = known {
                volume_queue::note_allocation(host, id, &known);
            }
        }
        for id in host.ledger.instance_ids() {
            instance_actor::nudge(host, id);
        }
        for id in host.ledger.snapshot_ids() {
            // Unknown is not absent.
            let is_seen =
                !surveyed || survey.snapshots.contains_key(&id) || survey.unknown_snapshots.contains_key(&id);
            snapshot_queue::look_again(host, id, is_seen);
        }
    }
}

/// Everything in the pool. When it cannot be surveyed as a whole, each volume is looked at by itself.
async fn survey(host: &Arc<Host>) -> Option<PoolSurvey> {
    let backend = host.backend.clone();
    match blocking(move || backend.survey()).await {
        Ok(survey) => {
            for (id, observation) in &survey.volumes {
                if host.ledger.volume(*id).is_none() {
                    host.volumes.remember(*id, observation.staged.clone());
                }
            }
            Some(survey)
        }
        Err(error) => {
            tracing::error!("survey of the pool: {error}");
            None
        }
    }
}
