//! Runs a command of the user in an instance and waits for it. Dropping the future ends the command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miosa_domain::InstanceId;
use miosa_runtime::{EXEC_TIMED_OUT, ExecCommand, ExecEvent, ExecRequest, ExecStream, RuntimeError};

use crate::{Host, blocking};

/// The last part of a command's output that is kept.
const OUTPUT_MAX_BYTES: usize = 2000;

/// A command that cannot be killed is given up this long after its timeout.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) enum CommandError {
    /// The instance has ended.
    NotRunning,
    /// It was killed after its timeout; holds its output.
    TimedOut(String),
    /// It could not be run, or its exit code is unknown.
    Failed(String),
}

/// The exit code of a command, and the end of its output.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
}

/// Runs `line` in the instance's shell.
pub(crate) async fn run(
    host: &Arc<Host>,
    instance: InstanceId,
    line: &str,
    timeout: Duration,
) -> Result<Ended, CommandError> {
    let command = ExecCommand::Shell(line.to_owned());
    let request = ExecRequest { command, cwd: None, env: BTreeMap::new(), timeout };
    let driver = host.driver.clone();
    let work = async {
        match blocking(move || driver.exec(instance, request)).await {
            Ok(events) => outcome(events).await,
            Err(RuntimeError::NotRunning { .. }) => Err(CommandError::NotRunning),
            Err(error) => Err(CommandError::Failed(format!("could not be run: {error}"))),
        }
    };
    tokio::time::timeout(timeout + GRACE, work).await.unwrap_or_else(|_| {
        let seconds = timeout.as_secs();
        Err(CommandError::Failed(format!("timed out after {seconds} s and could not be killed")))
    })
}

async fn outcome(mut events: ExecStream) -> Result<Ended, CommandError> {
    let mut output = Vec::new();
    let text = |output: &[u8]| String::from_utf8_lossy(output).trim().to_owned();
    while let Some(event) = events.next().await {
        match event {
            ExecEvent::Stdout(data) | ExecEvent::Stderr(data) => {
                output.extend_from_slice(&data);
                let excess = output.len().saturating_sub(OUTPUT_MAX_BYTES);
                output.drain(..excess);
            }
            ExecEvent::Exit { code, timed_out } if timed_out || code == EXEC_TIMED_OUT => {
                return Err(CommandError::TimedOut(text(&output)));
            }
            ExecEvent::Exit { code, .. } => return Ok(Ended { code, output: text(&output) }),
        }
    }
    Err(CommandError::Failed("was interrupted".into()))
}
