//! The user's commands before and after a snapshot, run in the instance that writes to the volume.
//!
//! **Crash safety.** Before `before` runs, the ledger records which `after` has to run in which instance; the record is removed
//! after that has run. An agent that finds the record runs `after`: when its own attempt has ended, or when the snapshot exists
//! or is to be removed. `after` may therefore run twice, but is never skipped, except if the instance has ended: the effect of
//! `before` ended with it.

use std::sync::Arc;
use std::time::Duration;

use miosa_domain::InstanceId;
use miosa_domain::status::{Failure, FailureCode, InstanceState};
use miosa_failpoint::failpoint;

use crate::command::{self, CommandError, Ended};
use crate::failure::StepError;
use crate::kind::{HooksBegun, SnapshotRecord};
use crate::ledger::LedgerError;
use crate::{Host, blocking};

enum HookError {
    /// The instance has ended.
    NotRunning,
    Failed(String),
}

/// Runs `before`. Returns whether there is something to [`finish`]. After an error no snapshot may be taken.
pub(crate) async fn begin(host: &Arc<Host>, record: &SnapshotRecord) -> Result<bool, StepError> {
    let hooks = &record.spec.take.hooks;
    if hooks.before.is_none() && hooks.after.is_none() {
        return Ok(false);
    }
    let Some(instance) = writer(host, record) else { return Ok(false) };
    let timeout_seconds = hooks.timeout_seconds;
    let begun = HooksBegun { instance, after: hooks.after.clone(), timeout_seconds };
    let id = record.spec.id;
    if host.ledger.get(id).is_some_and(|now| now.hooks_begun.is_some_and(|b| b.instance != instance)) {
        finish(host, record).await; // of an attempt that crashed before the volume moved to this instance
    }
    let ledger_host = host.clone();
    blocking(move || {
        ledger_host.ledger.change(id, |record| record.hooks_begun = Some(begun))?;
        failpoint!("agent.snapshot.before-hook")?;
        Ok::<_, LedgerError>(())
    })
    .await?;
    let Some(before) = &hooks.before else { return Ok(true) };
    match run(host, instance, before, timeout_seconds).await {
        // Without a writer the volume is idle and needs no preparation.
        Ok(()) | Err(HookError::NotRunning) => Ok(true),
        Err(HookError::Failed(why)) => {
            let message = format!("before_snapshot {why}");
            Err(StepError::Failed(Failure::new(FailureCode::HookFailed, message)))
        }
    }
}

/// Runs `after` if hooks were started in this attempt or in an earlier one. A failure is only logged: the snapshot is valid.
pub(crate) async fn finish(host: &Arc<Host>, record: &SnapshotRecord) {
    let id = record.spec.id;
    let Some(begun) = host.ledger.get(id).and_then(|now| now.hooks_begun) else { return };
    host.snapshots.instances_known().await;
    if let Some(after) = &begun.after
        && is_running(host, begun.instance)
        && let Err(HookError::Failed(why)) = run(host, begun.instance, after, begun.timeout_seconds).await
    {
        tracing::warn!(snapshot = %id, "after_snapshot {why}");
    }
    if host.snapshots.is_closing() {
        return; // it may have been interrupted; the next agent runs it
    }
    let ledger_host = host.clone();
    let noted = blocking(move || {
        failpoint!("agent.snapshot.after-hook")?;
        ledger_host.ledger.change(id, |record| record.hooks_begun = None)
    });
    if let Err(error) = noted.await {
        tracing::error!(snapshot = %id, %error, "cannot record that the hooks have ended");
    }
}

/// The running instance that writes to the volume; of several that share it, the one that claimed it first.
fn writer(host: &Host, record: &SnapshotRecord) -> Option<InstanceId> {
    let volume = host.ledger.get(record.spec.volume_id)?;
    volume.writing_claims().map(|claim| claim.instance).find(|instance| is_running(host, *instance))
}

fn is_running(host: &Host, instance: InstanceId) -> bool {
    host.board.get(instance).is_some_and(|s| matches!(s.state, InstanceState::Running { .. }))
}

async fn run(
    host: &Arc<Host>,
    instance: InstanceId,
    line: &str,
    timeout_seconds: u32,
) -> Result<(), HookError> {
    let work = command::run(host, instance, line, Duration::from_secs(timeout_seconds.into()));
    let ended = tokio::select! {
        ended = work => ended,
        // Dropping the future ends the command. Stopping the agent does not wait for users' programs.
        () = host.snapshots.closing() => Err(CommandError::Failed("was interrupted: the agent stops".into())),
    };
    match ended {
        Ok(Ended { code: 0, .. }) => Ok(()),
        Ok(Ended { code, output }) => {
            Err(HookError::Failed(format!("ended with exit code {code}: {output}")))
        }
        Err(CommandError::NotRunning) => Err(HookError::NotRunning),
        Err(CommandError::TimedOut(output)) => {
            Err(HookError::Failed(format!("timed out after {timeout_seconds} s and was killed: {output}")))
        }
        Err(CommandError::Failed(why)) => Err(HookError::Failed(why)),
    }
}
