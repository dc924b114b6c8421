//! Computers: machines that run a template, to which volumes are attached.

use std::time::Duration;

use futures::Stream;
use miosa_api::v1::computers::{
    Computer, ComputerAction, CreateComputer, Exec, ExecResult, LogLine, Logs, UpdateComputer,
};
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::ComputerStatus;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::transport::Repeat;
use crate::{Client, ClientError, paging};

/// What a command gets when [`Exec::timeout`] is absent.
const EXEC_SECONDS_DEFAULT: u64 = 60;
/// Between two looks at a computer that is starting.
const POLL_PAUSE: Duration = Duration::from_millis(100);

/// Calls about computers.
#[derive(Debug, Clone, Copy)]
pub struct Computers<'a> {
    client: &'a Client,
}

/// Which computers to list; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputerFilter {
    pub status: Option<String>,
    pub workspace_id: Option<String>,
}

/// Which log lines to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogsRequest {
    /// The last so many; the server's default when absent.
    pub lines: Option<u32>,
    /// RFC 3339; only lines from then on.
    pub since: Option<String>,
}

impl<'a> Computers<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Every computer, newest first, page by page as the stream is read.
    pub fn list_all(
        self,
        filter: &ComputerFilter,
    ) -> impl Stream<Item = Result<Computer, ClientError>> + use<> {
        let ComputerFilter { status, workspace_id } = filter.clone();
        paging::list_all(
            self.client,
            &["computers"],
            vec![("status", status), ("workspace_id", workspace_id)],
        )
    }

    /// Answers at once, usually in `provisioning`: see [`wait_until_running`](Self::wait_until_running).
    pub async fn create(self, new: &CreateComputer) -> Result<Computer, ClientError> {
        self.client.send(self.client.request(Method::POST, &["computers"]).body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Computer, ClientError> {
        self.client.send(self.client.request(Method::GET, &["computers", id])).await
    }

    pub async fn update(self, id: &str, change: &UpdateComputer) -> Result<Computer, ClientError> {
        self.client.send(self.client.request(Method::PATCH, &["computers", id]).body(change)).await
    }

    /// With what it wrote outside of volumes. `force` ends its processes at once instead of after a grace of 10 s.
    pub async fn delete(self, id: &str, force: bool) -> Result<Deleted, ClientError> {
        let call = self.client.request(Method::DELETE, &["computers", id]);
        self.client.send(call.query("force", force.then_some(true))).await
    }

    pub async fn start(self, id: &str) -> Result<ComputerAction, ClientError> {
        self.client.send(self.client.request(Method::POST, &["computers", id, "start"])).await
    }

    pub async fn stop(self, id: &str) -> Result<ComputerAction, ClientError> {
        self.client.send(self.client.request(Method::POST, &["computers", id, "stop"])).await
    }

    pub async fn restart(self, id: &str) -> Result<ComputerAction, ClientError> {
        self.client.send(self.client.request(Method::POST, &["computers", id, "restart"])).await
    }

    /// Any other action of the server, by its name, with the body that it takes.
    pub async fn action(self, id: &str, action: &str, body: &Value) -> Result<Value, ClientError> {
        self.client.send(self.client.request(Method::POST, &["computers", id, action]).body(body)).await
    }

    /// Runs a command and waits for its end. That it failed is no error: see [`ExecResult::exit_code`].
    pub async fn exec(self, id: &str, exec: &Exec) -> Result<ExecResult, ClientError> {
        let seconds = exec.timeout.unwrap_or(EXEC_SECONDS_DEFAULT);
        let call = self.client.request(Method::POST, &["computers", id, "exec"]).body(exec);
        self.client.send(call.repeat(Repeat::OnlyIfRefused).extra_time(Duration::from_secs(seconds))).await
    }

    pub async fn logs(self, id: &str, request: &LogsRequest) -> Result<Logs, ClientError> {
        let call = self.client.request(Method::GET, &["computers", id, "logs"]);
        self.client.send(call.query("lines", request.lines).query("since", request.since.as_ref())).await
    }

    /// The lines of `request`, then new ones as they are written, until the server ends the stream.
    pub async fn follow_logs(
        self,
        id: &str,
        request: &LogsRequest,
    ) -> Result<impl Stream<Item = Result<LogLine, ClientError>> + use<>, ClientError> {
        let call = self.client.request(Method::GET, &["computers", id, "logs", "stream"]);
        let call = call.query("lines", request.lines).query("since", request.since.as_ref());
        self.client.objects(call, |kind| matches!(kind, "" | "log")).await
    }

    /// Looks until the computer runs. Errors: [`ClientError::NotRunning`] when it is stopped, being destroyed or cannot run;
    /// [`ClientError::StillStarting`] when `patience` is over.
    pub async fn wait_until_running(self, id: &str, patience: Duration) -> Result<Computer, ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            let computer = self.get(id).await?;
            match computer.status.known() {
                Some(ComputerStatus::Running) => return Ok(computer),
                Some(ComputerStatus::Provisioning | ComputerStatus::Starting) => {}
                _ => return Err(ClientError::NotRunning { computer: Box::new(computer) }),
            }
            if Instant::now() + POLL_PAUSE >= deadline {
                return Err(ClientError::StillStarting { computer: Box::new(computer), after: patience });
            }
            sleep(POLL_PAUSE).await;
        }
    }
}
