//! Event streams of a session: commands, logs and reads of snapshots. They are not state and end with the connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use miosa_api::agent_v1::{AgentMessage, ExecRequest, InspectRequest, StreamEvent};
use miosa_domain::InstanceId;
use miosa_runtime::{ExecCommand, ExecEvent, LogLine, LogStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::failure::StepError;
use crate::inspect::{Events, InspectError, inspect};
use crate::{Host, blocking};

/// Events of one read of a snapshot that are buffered for the connection.
const INSPECTED_AHEAD: usize = 8;

/// Concurrent reads of snapshots, each of which takes a thread and a mount. Further ones wait.
const INSPECTIONS_AT_ONCE: usize = 16;

/// The streams of one session. Dropping it ends them all.
pub(crate) struct Streams {
    host: Arc<Host>,
    send: mpsc::Sender<AgentMessage>,
    running: HashMap<u64, JoinHandle<()>>,
    inspections: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn new(host: Arc<Host>, send: mpsc::Sender<AgentMessage>) -> Self {
        let inspections = Arc::new(Semaphore::new(INSPECTIONS_AT_ONCE));
        Self { host, send, running: HashMap::new(), inspections }
    }

    pub(crate) fn exec(&mut self, stream: u64, instance: InstanceId, request: ExecRequest) {
        let driver = self.host.driver.clone();
        let request = miosa_runtime::ExecRequest {
            command: ExecCommand::Shell(request.command),
            cwd: request.cwd,
            env: request.env,
            timeout: Duration::from_secs(request.timeout_seconds.into()),
        };
        self.spawn(stream, move |send| async move {
            let mut events = blocking(move || driver.exec(instance, request)).await?;
            while let Some(event) = events.next().await {
                let event = match event {
                    ExecEvent::Stdout(data) => StreamEvent::Stdout { data: data.into() },
                    ExecEvent::Stderr(data) => StreamEvent::Stderr { data: data.into() },
                    ExecEvent::Exit { code, timed_out } => StreamEvent::Exit { code, timed_out },
                };
                if send.send(AgentMessage::Stream { stream, event }).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
    }

    pub(crate) fn logs(&mut self, stream: u64, instance: InstanceId, tail_lines: u32, follow: bool) {
        let driver = self.host.driver.clone();
        let tail = tail_lines as usize;
        self.spawn(stream, move |send| async move {
            let event = |line: LogLine| AgentMessage::Stream {
                stream,
                event: StreamEvent::Log {
                    timestamp: line.time.to_string(),
                    stream: match line.stream {
                        LogStream::Stdout => "stdout".into(),
                        LogStream::Stderr => "stderr".into(),
                    },
                    line: line.text,
                },
            };
            if follow {
                let mut lines = blocking(move || driver.follow_logs(instance, tail)).await?;
                while let Some(line) = lines.recv().await {
                    if send.send(event(line)).await.is_err() {
                        return Ok(());
                    }
                }
            } else {
                for line in blocking(move || driver.logs(instance, tail)).await? {
                    if send.send(event(line)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            let _ = send.send(AgentMessage::Stream { stream, event: StreamEvent::End }).await;
            Ok(())
        });
    }

    pub(crate) fn inspect(&mut self, stream: u64, request: InspectRequest) {
        let (host, inspections) = (self.host.clone(), self.inspections.clone());
        self.spawn(stream, move |send| async move {
            let place = inspections.acquire_owned().await.expect("the semaphore is never closed");
            // Aborting this task drops the receiver, and the blocking work ends at its next event.
            let (events, mut come) = mpsc::channel(INSPECTED_AHEAD);
            let work = blocking(move || {
                let _place = place;
                inspect(&host, request, &Events(events))
            });
            let forward = async {
                while let Some(event) = come.recv().await {
                    if send.send(AgentMessage::Stream { stream, event }).await.is_err() {
                        break;
                    }
                }
            };
            match tokio::join!(work, forward).0 {
                Ok(()) => {
                    let _ = send.send(AgentMessage::Stream { stream, event: StreamEvent::End }).await;
                    Ok(())
                }
                Err(InspectError::Closed(_)) => Ok(()),
                Err(InspectError::Backend(error)) => Err(error.into()),
            }
        });
    }

    pub(crate) fn close(&mut self, stream: u64) {
        if let Some(task) = self.running.remove(&stream) {
            task.abort();
        }
    }

    /// Spawns `work`. An error becomes the last event of the stream.
    fn spawn<F>(&mut self, stream: u64, work: impl FnOnce(mpsc::Sender<AgentMessage>) -> F)
    where
        F: Future<Output = Result<(), StepError>> + Send + 'static,
    {
        self.running.retain(|_, task| !task.is_finished());
        let send = self.send.clone();
        let work = work(send.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                let event = StreamEvent::Failed(error.into_failure());
                let _ = send.send(AgentMessage::Stream { stream, event }).await;
            }
        });
        self.running.insert(stream, task);
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for task in self.running.values() {
            task.abort();
        }
    }
}
