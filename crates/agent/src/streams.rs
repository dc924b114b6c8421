//! Exec and log streams: what is not state passes through as events, and ends with the connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use miosa_api::agent_v1::{AgentMessage, ExecRequest, StreamEvent};
use miosa_domain::InstanceId;
use miosa_runtime::{ExecCommand, ExecEvent, LogLine, LogStream, RuntimeError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::failure::StepError;
use crate::{Host, blocking};

/// The streams of one session. Dropped, it ends them all.
pub(crate) struct Streams {
    host: Arc<Host>,
    send: mpsc::Sender<AgentMessage>,
    running: HashMap<u64, JoinHandle<()>>,
}

impl Streams {
    pub(crate) fn new(host: Arc<Host>, send: mpsc::Sender<AgentMessage>) -> Self {
        Self { host, send, running: HashMap::new() }
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

    pub(crate) fn close(&mut self, stream: u64) {
        if let Some(task) = self.running.remove(&stream) {
            task.abort();
        }
    }

    /// Runs `work`; an error becomes the stream's last event.
    fn spawn<F>(&mut self, stream: u64, work: impl FnOnce(mpsc::Sender<AgentMessage>) -> F)
    where
        F: Future<Output = Result<(), RuntimeError>> + Send + 'static,
    {
        self.running.retain(|_, task| !task.is_finished());
        let send = self.send.clone();
        let work = work(send.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                let event = StreamEvent::Failed(StepError::from(error).into_failure());
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
