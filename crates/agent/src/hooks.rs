//! Commands of the user around a snapshot, in the instance that writes to the volume.
//!
//! **Crash story.** Before `before` is begun it is written down which `after` will have to run where, and struck out when that
//! has run. An agent that finds it written down runs it: after its own attempt, or when the snapshot turns out to be there, or
//! is to go. So `after` rather runs twice than not at all. Only an instance that has ended is not asked any more: with it went
//! whatever `before` told it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miosa_domain::InstanceId;
use miosa_domain::status::{Failure, FailureCode, InstanceState};
use miosa_failpoint::failpoint;
use miosa_runtime::{EXEC_TIMED_OUT, ExecCommand, ExecEvent, ExecRequest, ExecStream, RuntimeError};

use crate::failure::StepError;
use crate::ledger::{HooksBegun, LedgerError, SnapshotRecord};
use crate::{Host, blocking};

/// Of a hook's output, so much is shown when it fails.
const OUTPUT_MAX_BYTES: usize = 2000;

/// A hook that cannot even be killed is given up so long after its time.
const GRACE: Duration = Duration::from_secs(10);

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

/// The running instance that holds the volume's writer slot.
fn writer(host: &Host, record: &SnapshotRecord) -> Option<InstanceId> {
    let instance = host.ledger.volume(record.spec.volume_id)?.writer?.instance;
    is_running(host, instance).then_some(instance)
}

fn is_running(host: &Host, instance: InstanceId) -> bool {
    host.board.instance(instance).is_some_and(|s| matches!(s.state, InstanceState::Running { .. }))
}

async fn run(
    host: &Arc<Host>,
    instance: InstanceId,
    command: &str,
    timeout_seconds: u32,
) -> Result<(), HookError> {
    let timeout = Duration::from_secs(timeout_seconds.into());
    let command = ExecCommand::Shell(command.to_owned());
    let request = ExecRequest { command, cwd: None, env: BTreeMap::new(), timeout };
    let driver = host.driver.clone();
    let work = async {
        match blocking(move || driver.exec(instance, request)).await {
            Ok(events) => outcome(events, timeout_seconds).await.map_err(HookError::Failed),
            Err(RuntimeError::NotRunning { .. }) => Err(HookError::NotRunning),
            Err(error) => Err(HookError::Failed(format!("could not be run: {error}"))),
        }
    };
    tokio::select! {
        done = work => done,
        () = tokio::time::sleep(timeout + GRACE) => {
            Err(HookError::Failed(format!("was not done within {timeout_seconds} s and could not be killed")))
        }
        // Dropped, the command ends. Nobody waits for others' programs to stop an agent.
        () = host.snapshots.closing() => Err(HookError::Failed("was cut off: the agent ends".into())),
    }
}

/// Why it did not succeed, with the end of what it wrote.
async fn outcome(mut events: ExecStream, timeout_seconds: u32) -> Result<(), String> {
    let mut output = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            ExecEvent::Stdout(data) | ExecEvent::Stderr(data) => {
                output.extend_from_slice(&data);
                let excess = output.len().saturating_sub(OUTPUT_MAX_BYTES);
                output.drain(..excess);
            }
            ExecEvent::Exit { code: 0, timed_out: false } => return Ok(()),
            ExecEvent::Exit { code, timed_out } => {
                let output = String::from_utf8_lossy(&output);
                let why = if timed_out || code == EXEC_TIMED_OUT {
                    format!("was not done within {timeout_seconds} s and was killed")
                } else {
                    format!("ended with exit code {code}")
                };
                return Err(format!("{why}: {}", output.trim()));
            }
        }
    }
    Err("was cut off".into())
}
