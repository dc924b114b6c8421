//! Commands of the user around a snapshot, in the instance that writes to the volume.
//!
//! **Crash story.** Before `before` is begun it is written down which `after` will have to run where, and struck out when that
//! has run. An agent that finds it written down runs it: after its own attempt, or when the snapshot turns out to be there, or
//! is to go. So `after` rather runs twice than not at all. Only an instance that has ended is not asked any more: with it went
//! whatever `before` told it.

use std::sync::Arc;
use std::time::Duration;

use miosa_domain::InstanceId;
use miosa_domain::status::{Failure, FailureCode, InstanceState};
use miosa_failpoint::failpoint;

use crate::command::{self, CommandError, Ended};
use crate::failure::StepError;
use crate::ledger::{HooksBegun, LedgerError, SnapshotRecord};
use crate::{Host, blocking};

enum HookError {
    /// There is nobody to run it in any more.
    NotRunning,
    Failed(String),
}

/// Runs `before`, and answers whether there is anything to [`finish`]. An error says that there must be no snapshot.
pub(crate) async fn begin(host: &Arc<Host>, record: &SnapshotRecord) -> Result<bool, StepError> {
    let hooks = &record.spec.take.hooks;
    if hooks.before.is_none() && hooks.after.is_none() {
        return Ok(false);
    }
    let Some(instance) = writer(host, record) else { return Ok(false) };
    let timeout_seconds = hooks.timeout_seconds;
    let begun = HooksBegun { instance, after: hooks.after.clone(), timeout_seconds };
    let id = record.spec.id;
    if host.ledger.snapshot(id).is_some_and(|now| now.hooks_begun.is_some_and(|b| b.instance != instance)) {
        finish(host, record).await; // of an attempt that was cut off, before the volume went elsewhere
    }
    let ledger_host = host.clone();
    blocking(move || {
        ledger_host.ledger.change_snapshot(id, |record| record.hooks_begun = Some(begun))?;
        failpoint!("agent.snapshot.before-hook")?;
        Ok::<_, LedgerError>(())
    })
    .await?;
    let Some(before) = &hooks.before else { return Ok(true) };
    match run(host, instance, before, timeout_seconds).await {
        // Without its writer the volume is idle: there is nothing to prepare.
        Ok(()) | Err(HookError::NotRunning) => Ok(true),
        Err(HookError::Failed(why)) => {
            let message = format!("before_snapshot {why}");
            Err(StepError::Failed(Failure { code: FailureCode::HookFailed, message }))
        }
    }
}

/// Runs `after` if hooks were begun in this attempt or in an earlier one. Its failure is logged: the snapshot is as good.
pub(crate) async fn finish(host: &Arc<Host>, record: &SnapshotRecord) {
    let id = record.spec.id;
    let Some(begun) = host.ledger.snapshot(id).and_then(|now| now.hooks_begun) else { return };
    host.snapshots.instances_known().await;
    if let Some(after) = &begun.after
        && is_running(host, begun.instance)
        && let Err(HookError::Failed(why)) = run(host, begun.instance, after, begun.timeout_seconds).await
    {
        tracing::warn!(snapshot = %id, "after_snapshot {why}");
    }
    if host.snapshots.is_closing() {
        return; // it may have been cut off; the next agent runs it
    }
    let ledger_host = host.clone();
    let noted = blocking(move || {
        failpoint!("agent.snapshot.after-hook")?;
        ledger_host.ledger.change_snapshot(id, |record| record.hooks_begun = None)
    });
    if let Err(error) = noted.await {
        tracing::error!(snapshot = %id, "note that its hooks are over: {error}");
    }
}

/// The running instance that writes to the volume; of several that share it, the one that has it longest.
fn writer(host: &Host, record: &SnapshotRecord) -> Option<InstanceId> {
    let volume = host.ledger.volume(record.spec.volume_id)?;
    volume.writing_claims().map(|claim| claim.instance).find(|instance| is_running(host, *instance))
}

fn is_running(host: &Host, instance: InstanceId) -> bool {
    host.board.instance(instance).is_some_and(|s| matches!(s.state, InstanceState::Running { .. }))
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
        // Dropped, the command ends. Nobody waits for others' programs to stop an agent.
        () = host.snapshots.closing() => Err(CommandError::Failed("was cut off: the agent ends".into())),
    };
    match ended {
        Ok(Ended { code: 0, .. }) => Ok(()),
        Ok(Ended { code, output }) => {
            Err(HookError::Failed(format!("ended with exit code {code}: {output}")))
        }
        Err(CommandError::NotRunning) => Err(HookError::NotRunning),
        Err(CommandError::TimedOut(output)) => Err(HookError::Failed(format!(
            "was not done within {timeout_seconds} s and was killed: {output}"
        ))),
        Err(CommandError::Failed(why)) => Err(HookError::Failed(why)),
    }
}
