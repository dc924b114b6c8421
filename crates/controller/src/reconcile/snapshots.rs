//! What snapshots need as time goes by: taken by schedule, pruned by retention; restores moved on that no report follows; forks
//! sent to the trash when their time is over.
//!
//! All of it is decided in the store, from rows and the time that it is given; here is only when it is asked, and who is told.
//!
//! **Crash story.** A due time and its snapshot are one transaction, so a run that is cut off has either served a volume or
//! finds it due again. A host that misses its nudge has the specs at its next look.

use jiff::Timestamp;
use miosa_store::StoreError;
use miosa_store::snapshot::PruneScope;

use crate::app::App;

/// Takes what is due on hosts that are there and have looked at all they have: what falls due while a host is away, or before
/// it has recovered, is made up for once when it is back.
pub(crate) async fn run_schedules(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let recovered = app.links().recovered_hosts();
    if recovered.is_empty() {
        return Ok(());
    }
    app.links().nudge_all(app.store().run_due_schedules(now).await?);
    Ok(())
}

pub(crate) async fn advance_restores(app: &App, now: Timestamp) -> Result<(), StoreError> {
    app.links().nudge_all(app.store().advance_restores(now).await?);
    Ok(())
}

pub(crate) async fn prune(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let recovered = app.links().recovered_hosts();
    let prune = app.store().prune_snapshots(PruneScope::All, Some(&recovered), now).await?;
    app.links().nudge_all(prune.pruned.iter().map(|snapshot| snapshot.host_id));
    Ok(())
}

pub(crate) async fn delete_expired_volumes(app: &App, now: Timestamp) -> Result<(), StoreError> {
    app.links().nudge_all(app.store().delete_expired_volumes(now).await?);
    Ok(())
}
