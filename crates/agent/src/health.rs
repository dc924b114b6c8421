//! Health of running instances, by the rules of their specs.
//!
//! ```text
//!   without a check   Unknown ── the first process has run long enough ──► Healthy
//!
//!   with a check      Unknown ── first success ──► Healthy ── several failures in a row ──► Unhealthy
//!                     probed often                    ▲       probed at the spec's interval     │
//!                                                     └────────── one success ──────────────────┘
//! ```
//!
//! A watch observes one first process under one set of rules. Another process, run or set of rules starts a new watch, and the
//! health is unknown again. A watch is a task of its own: the instance's task never waits for it, and results go to the board
//! at once.
//!
//! **Crash safety.** Nothing is recorded. A new agent probes at once; without a check it counts from the start time of the
//! process, which the container records. An interrupted probe has no effect: its command ends with the watch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::InstanceId;
use miosa_domain::spec::{DesiredRun, HealthCheck, HealthRules, InstanceSpec, Probe};
use miosa_domain::status::Health;
use miosa_runtime::{ContainerState, InstanceObservation, RuntimeError};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::command::{self, CommandError, Ended};
use crate::{Host, blocking};

/// Pauses until the first success: from the first to the last, each longer by half.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(1);

/// The reported part of a line that a command wrote.
const LINE_MAX_CHARS: usize = 200;

#[derive(Default)]
pub(crate) struct Healths {
    watches: Mutex<Watches>,
}

#[derive(Default)]
struct Watches {
    by_instance: BTreeMap<InstanceId, Watch>,
    /// How many were started. The number of a watch is its count.
    started: u64,
}

struct Watch {
    over: Watched,
    task: JoinHandle<()>,
}

/// The subject of a watch.
#[derive(PartialEq)]
struct Watched {
    pid: u32,
    run: u64,
    started_at: Option<Timestamp>,
    rules: HealthRules,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Healths {
    /// Ends the watch of the instance; its health is unknown.
    pub(crate) fn end(&self, host: &Host, id: InstanceId) {
        if self.watches.lock().by_instance.remove(&id).is_some() {
            host.board.end_health(id);
        }
    }
}

/// Starts, keeps or ends the watch of an instance that was just observed.
pub(crate) fn follow(host: &Arc<Host>, spec: &InstanceSpec, seen: &InstanceObservation) {
    let wanted = match (&spec.health, seen.container) {
        (Some(rules), ContainerState::Running { pid, run })
            if run == spec.run && spec.desired == DesiredRun::Running =>
        {
            Watched { pid, run, started_at: seen.started_at, rules: rules.clone() }
        }
        _ => return host.healths.end(host, spec.id),
    };
    let id = spec.id;
    if host.healths.watches.lock().by_instance.get(&id).is_some_and(|watch| watch.over == wanted) {
        return;
    }
    let exited = host.driver.exited(id);
    let mut watches = host.healths.watches.lock();
    watches.started += 1;
    let number = watches.started;
    host.board.begin_health(id, number, wanted.pid);
    let (task_host, rules) = (host.clone(), wanted.rules.clone());
    let lived = wanted.started_at.map(|at| Timestamp::now().duration_since(at));
    let lived = lived.and_then(|lived| lived.try_into().ok()).unwrap_or(Duration::ZERO);
    let task = host.tasks.spawn(async move {
        let report = |health| task_host.board.set_health(id, number, health);
        let watch = async {
            match &rules.check {
                None => {
                    let steady = Duration::from_millis(rules.steady_ms.into());
                    tokio::time::sleep(steady.saturating_sub(lived)).await;
                    report(Health::Healthy);
                }
                Some(check) => probe_repeatedly(&task_host, id, check, report).await,
            }
        };
        tokio::select! {
            biased;
            // A probe of an exited process is ignored; the instance's task handles the exit.
            () = exited => {}
            () = task_host.stop.cancelled() => {}
            () = watch => {}
        }
    });
    watches.by_instance.insert(id, Watch { over: wanted, task });
}

enum ProbeError {
    /// The instance has ended.
    NotRunning,
    Failed(String),
}

async fn probe_repeatedly(host: &Arc<Host>, id: InstanceId, check: &HealthCheck, report: impl Fn(Health)) {
    let interval = Duration::from_secs(check.interval_seconds.into()).max(PAUSE_FIRST);
    let mut pause = PAUSE_FIRST;
    let mut was_healthy = false;
    let mut failures_in_a_row = 0;
    loop {
        match probe(host, id, check).await {
            Ok(()) => {
                (was_healthy, failures_in_a_row) = (true, 0);
                report(Health::Healthy);
            }
            Err(ProbeError::NotRunning) => return,
            Err(ProbeError::Failed(reason)) => {
                failures_in_a_row += 1;
                tracing::debug!(instance = %id, failures_in_a_row, reason, "health probe failed");
                if was_healthy && failures_in_a_row >= check.retries {
                    report(Health::Unhealthy { reason });
                }
            }
        }
        tokio::time::sleep(if was_healthy { interval } else { pause.min(interval) }).await;
        pause = (pause * 3 / 2).min(PAUSE_LAST);
    }
}

async fn probe(host: &Arc<Host>, id: InstanceId, check: &HealthCheck) -> Result<(), ProbeError> {
    let seconds = check.timeout_seconds.max(1);
    let timeout = Duration::from_secs(seconds.into());
    let failed = |reason: String| Err(ProbeError::Failed(reason));
    match &check.probe {
        Probe::Command { command } => match command::run(host, id, command, timeout).await {
            Ok(Ended { code: 0, .. }) => Ok(()),
            Ok(Ended { code, output }) => failed(match last_line(&output) {
                line if line.is_empty() => format!("the command ended with exit code {code}"),
                line => format!("the command ended with exit code {code}: {line}"),
            }),
            Err(CommandError::NotRunning) => Err(ProbeError::NotRunning),
            Err(CommandError::TimedOut(_)) => failed(format!("the command timed out after {seconds} s")),
            Err(CommandError::Failed(why)) => failed(format!("the command {why}")),
        },
        Probe::Http { port, path } => {
            let (driver, port, path) = (host.driver.clone(), *port, path.clone());
            let request = async {
                match blocking(move || driver.probe_http(id, port, &path)).await {
                    Ok(response) => response.await.map_err(|error| ProbeError::Failed(error.to_string())),
                    Err(RuntimeError::NotRunning { .. }) => Err(ProbeError::NotRunning),
                    Err(error) => Err(ProbeError::Failed(error.to_string())),
                }
            };
            match tokio::time::timeout(timeout, request).await {
                Ok(Ok(200..=399)) => Ok(()),
                Ok(Ok(status)) => failed(format!("port {port} responded with HTTP status {status}")),
                Ok(Err(error)) => Err(error),
                Err(_) => failed(format!("no response from port {port} within {seconds} s")),
            }
        }
    }
}

/// The last line of a program's output, which usually contains its error message.
fn last_line(output: &str) -> String {
    output
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("")
        .chars()
        .take(LINE_MAX_CHARS)
        .collect()
}
