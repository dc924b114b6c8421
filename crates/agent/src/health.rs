//! How running instances are, as their specs want it found out.
//!
//! ```text
//!   without a check   Unknown ── the first process has lived long enough ──► Healthy
//!
//!   with a check      Unknown ── first good answer ──► Healthy ── several bad answers in a row ──► Unhealthy
//!                     asked often                         ▲       asked at the spec's interval       │
//!                                                         └────────── one good answer ───────────────┘
//! ```
//!
//! A watch is over one first process, under one set of rules: with another process, another run or other rules a new one
//! begins, and nothing is known. It is a task beside the instance's own, which never waits for it; what it finds goes to the
//! board at once.
//!
//! **Crash story.** Nothing is written down. A new agent asks at once; without a check it counts from the process's start,
//! which the container remembers. A question that was cut off has no effect: a command ends with whoever waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use miosa_domain::InstanceId;
use miosa_domain::spec::{DesiredRun, HealthCheck, HealthRules, InstanceSpec, Probe};
use miosa_domain::status::Health;
use miosa_runtime::{ContainerState, InstanceObservation, RuntimeError};
use tokio::task::JoinHandle;

use crate::command::{self, CommandError, Ended};
use crate::{Host, blocking};

/// Pauses before the first good answer: from the first to the last, each half as long again as the one before.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(1);

/// Of a line that a command wrote, so much is told.
const LINE_MAX_CHARS: usize = 200;

#[derive(Default)]
pub(crate) struct Healths {
    watches: Mutex<Watches>,
}

#[derive(Default)]
struct Watches {
    by_instance: BTreeMap<InstanceId, Watch>,
    /// How many were begun; their numbers.
    begun: u64,
    closed: bool,
}

struct Watch {
    over: Watched,
    task: JoinHandle<()>,
}

/// What a watch is over.
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
    /// Nobody asks how the instance is any more, and nothing is known.
    pub(crate) fn end(&self, host: &Host, id: InstanceId) {
        if self.lock().by_instance.remove(&id).is_some() {
            host.board.end_health(id);
        }
    }

    /// Ends every watch, and lets no other begin.
    pub(crate) async fn finish(&self) {
        let mut watches = {
            let mut watches = self.lock();
            watches.closed = true;
            std::mem::take(&mut watches.by_instance)
        };
        for watch in watches.values_mut() {
            watch.task.abort();
            let _ = (&mut watch.task).await; // that it was aborted is no news
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins, keeps or ends the watch over an instance that was just looked at.
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
    if host.healths.lock().by_instance.get(&id).is_some_and(|watch| watch.over == wanted) {
        return;
    }
    let exited = host.driver.exited(id);
    let mut watches = host.healths.lock();
    if watches.closed {
        return;
    }
    watches.begun += 1;
    let number = watches.begun;
    host.board.begin_health(id, number, wanted.pid);
    let (task_host, rules) = (host.clone(), wanted.rules.clone());
    let lived = wanted.started_at.map(|at| Timestamp::now().duration_since(at));
    let lived = lived.and_then(|lived| lived.try_into().ok()).unwrap_or(Duration::ZERO);
    let task = tokio::spawn(async move {
        let tell = |health| task_host.board.set_health(id, number, health);
        let watch = async {
            match &rules.check {
                None => {
                    let steady = Duration::from_millis(rules.steady_ms.into());
                    tokio::time::sleep(steady.saturating_sub(lived)).await;
                    tell(Health::Healthy);
                }
                Some(check) => ask_for_ever(&task_host, id, check, tell).await,
            }
        };
        tokio::select! {
            biased;
            // Whoever is gone answers nothing; the instance's own task sees to the rest.
            () = exited => {}
            () = watch => {}
        }
    });
    watches.by_instance.insert(id, Watch { over: wanted, task });
}

/// Why an answer was not good.
enum Bad {
    /// There is nobody to ask any more.
    Gone,
    Because(String),
}

async fn ask_for_ever(host: &Arc<Host>, id: InstanceId, check: &HealthCheck, tell: impl Fn(Health)) {
    let interval = Duration::from_secs(check.interval_seconds.into()).max(PAUSE_FIRST);
    let mut pause = PAUSE_FIRST;
    let mut was_healthy = false;
    let mut bad_in_a_row = 0;
    loop {
        match ask(host, id, check).await {
            Ok(()) => {
                (was_healthy, bad_in_a_row) = (true, 0);
                tell(Health::Healthy);
            }
            Err(Bad::Gone) => return,
            Err(Bad::Because(reason)) => {
                bad_in_a_row += 1;
                tracing::debug!(instance = %id, "bad answer {bad_in_a_row}: {reason}");
                if was_healthy && bad_in_a_row >= check.retries {
                    tell(Health::Unhealthy { reason });
                }
            }
        }
        tokio::time::sleep(if was_healthy { interval } else { pause.min(interval) }).await;
        pause = (pause * 3 / 2).min(PAUSE_LAST);
    }
}

async fn ask(host: &Arc<Host>, id: InstanceId, check: &HealthCheck) -> Result<(), Bad> {
    let seconds = check.timeout_seconds.max(1);
    let timeout = Duration::from_secs(seconds.into());
    let because = |reason: String| Err(Bad::Because(reason));
    match &check.probe {
        Probe::Command { command } => match command::run(host, id, command, timeout).await {
            Ok(Ended { code: 0, .. }) => Ok(()),
            Ok(Ended { code, output }) => because(match last_line(&output) {
                line if line.is_empty() => format!("the command ended with exit code {code}"),
                line => format!("the command ended with exit code {code}: {line}"),
            }),
            Err(CommandError::NotRunning) => Err(Bad::Gone),
            Err(CommandError::TimedOut(_)) => because(format!("the command was not done within {seconds} s")),
            Err(CommandError::Failed(why)) => because(format!("the command {why}")),
        },
        Probe::Http { port, path } => {
            let (driver, port, path) = (host.driver.clone(), *port, path.clone());
            let question = async {
                match blocking(move || driver.probe_http(id, port, &path)).await {
                    Ok(answer) => answer.await.map_err(|error| Bad::Because(error.to_string())),
                    Err(RuntimeError::NotRunning { .. }) => Err(Bad::Gone),
                    Err(error) => Err(Bad::Because(error.to_string())),
                }
            };
            match tokio::time::timeout(timeout, question).await {
                Ok(Ok(200..=399)) => Ok(()),
                Ok(Ok(status)) => because(format!("port {port} answered with HTTP status {status}")),
                Ok(Err(bad)) => Err(bad),
                Err(_) => because(format!("no answer from port {port} within {seconds} s")),
            }
        }
    }
}

/// What a program says last is usually why it gave up.
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
