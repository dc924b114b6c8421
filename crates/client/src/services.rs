//! Services: what runs as replicas of numbered releases. Calls that make a release answer at once, usually in `queued` or
//! `deploying`: see [`Services::wait_until_settled`].

use std::collections::BTreeMap;
use std::time::Duration;

use futures::Stream;
use miosa_api::page::List;
use miosa_api::v1::services::{
    CreateService, DeployService, EffectiveVariable, Release, ReleaseEvent, RuntimeInstance, ScaleService,
    Service, ServiceLogLine, SetVariables, StoppedService, UpdateService, Variable,
};
use miosa_api::v1::volumes::Deleted;
use reqwest::Method;
use tokio::time::{Instant, sleep};

use crate::transport::Call;
use crate::{Client, ClientError, paging};

/// Between two looks at a release that is being deployed.
const POLL_PAUSE: Duration = Duration::from_millis(250);

/// Calls about services.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a> {
    client: &'a Client,
}

/// Which services to list; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFilter {
    pub status: Option<String>,
    pub name: Option<String>,
    pub project_id: Option<String>,
}

/// Which lines of a service's log to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceLogsRequest {
    /// The last so many; the server's default when absent.
    pub lines: Option<u32>,
    /// RFC 3339; only lines later than this.
    pub since: Option<String>,
    /// Only of this replica.
    pub replica: Option<u32>,
}

impl<'a> Services<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Every service, newest first, page by page as the stream is read.
    pub fn list_all(
        self,
        filter: &ServiceFilter,
    ) -> impl Stream<Item = Result<Service, ClientError>> + use<> {
        let ServiceFilter { status, name, project_id } = filter.clone();
        let filters = vec![("status", status), ("name", name), ("project_id", project_id)];
        paging::list_all(self.client, &["services"], filters)
    }

    /// With a source, release 1 is made at once: its id is in `deploying_release_id`.
    pub async fn create(self, new: &CreateService) -> Result<Service, ClientError> {
        self.client.send(self.client.request(Method::POST, &["services"]).body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Service, ClientError> {
        self.client.send(self.request(Method::GET, id, &[])).await
    }

    /// A changed list of volumes makes a release by itself; other settings wait for the next one.
    pub async fn update(self, id: &str, change: &UpdateService) -> Result<Service, ClientError> {
        self.client.send(self.request(Method::PATCH, id, &[]).body(change)).await
    }

    /// Its replicas end in the background. Its volumes stay.
    pub async fn delete(self, id: &str) -> Result<Deleted, ClientError> {
        self.client.send(self.request(Method::DELETE, id, &[])).await
    }

    /// Answers the release that the replicas run.
    pub async fn scale(self, id: &str, replicas: u32) -> Result<Release, ClientError> {
        let body = ScaleService { replicas: Some(replicas.into()), ..ScaleService::default() };
        self.client.send(self.request(Method::POST, id, &["scale"]).body(&body)).await
    }

    /// A new release of the present settings for a service that is stopped.
    pub async fn start(self, id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::POST, id, &["start"]).body(ask)).await
    }

    /// Answers when nothing of the service runs any more, or after 15 s all the same.
    pub async fn stop(self, id: &str) -> Result<StoppedService, ClientError> {
        self.client.send(self.request(Method::POST, id, &["stop"])).await
    }

    /// A new release of what is served.
    pub async fn restart(self, id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::POST, id, &["restart"]).body(ask)).await
    }

    /// A new release of the present settings.
    pub async fn deploy(self, id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::POST, id, &["deployments"]).body(ask)).await
    }

    /// Serves the release named in `ask` again, as a new one.
    pub async fn promote(self, id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::POST, id, &["promote"]).body(ask)).await
    }

    /// As [`promote`](Self::promote); without a release named, the previous one that was good.
    pub async fn rollback(self, id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::POST, id, &["rollback"]).body(ask)).await
    }

    /// Every release of a service, newest first.
    pub fn list_releases(self, id: &str) -> impl Stream<Item = Result<Release, ClientError>> + use<> {
        paging::list_all(self.client, &["services", id, "deployments"], Vec::new())
    }

    pub async fn get_release(self, id: &str, release_id: &str) -> Result<Release, ClientError> {
        self.client.send(self.request(Method::GET, id, &["deployments", release_id])).await
    }

    /// Serves a release again that is named by its id alone.
    pub async fn serve_release(self, release_id: &str, ask: &DeployService) -> Result<Release, ClientError> {
        let call = self.client.request(Method::POST, &["service-deployments", release_id, "rollback"]);
        self.client.send(call.body(ask)).await
    }

    /// Gives up a release that is not served yet; the last good one stays, or is served again.
    pub async fn cancel_release(self, release_id: &str) -> Result<Release, ClientError> {
        let call = self.client.request(Method::POST, &["service-deployments", release_id, "cancel"]);
        self.client.send(call).await
    }

    /// The steps of a release's life as they happen; the stream ends when the release is settled.
    pub async fn release_events(
        self,
        id: &str,
        release_id: &str,
    ) -> Result<impl Stream<Item = Result<ReleaseEvent, ClientError>> + use<>, ClientError> {
        let call = self.request(Method::GET, id, &["deployments", release_id, "events"]);
        self.client.objects(call, |_| true).await
    }

    /// Looks until nothing more becomes of the release by itself. That it failed is no error: see [`Release::state`]. Error:
    /// [`ClientError::StillDeploying`] when `patience` is over.
    pub async fn wait_until_settled(
        self,
        id: &str,
        release_id: &str,
        patience: Duration,
    ) -> Result<Release, ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            let release = self.get_release(id, release_id).await?;
            if !is_on_its_way(&release) {
                return Ok(release);
            }
            if Instant::now() + POLL_PAUSE >= deadline {
                return Err(ClientError::StillDeploying { release: Box::new(release), after: patience });
            }
            sleep(POLL_PAUSE).await;
        }
    }

    /// The replicas, by their number; those that are being replaced as well.
    pub fn list_instances(
        self,
        id: &str,
    ) -> impl Stream<Item = Result<RuntimeInstance, ClientError>> + use<> {
        paging::list_all(self.client, &["services", id, "instances"], Vec::new())
    }

    pub async fn get_instance(self, id: &str, instance_id: &str) -> Result<RuntimeInstance, ClientError> {
        self.client.send(self.request(Method::GET, id, &["instances", instance_id])).await
    }

    /// The environment of the replicas, without what the server adds to it.
    pub async fn variables(self, id: &str) -> Result<Vec<Variable>, ClientError> {
        let list: List<Variable> = self.client.send(self.request(Method::GET, id, &["variables"])).await?;
        Ok(list.data)
    }

    /// Adds and changes some, and removes those without a value; others stay. In force from the next release on.
    pub async fn set_variables(
        self,
        id: &str,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<Vec<Variable>, ClientError> {
        let call = self.request(Method::PUT, id, &["variables"]).body(&SetVariables { variables: changes });
        let list: List<Variable> = self.client.send(call).await?;
        Ok(list.data)
    }

    /// What a replica has, the server's own included.
    pub async fn effective_variables(self, id: &str) -> Result<Vec<EffectiveVariable>, ClientError> {
        let call = self.request(Method::GET, id, &["variables", "effective"]);
        let list: List<EffectiveVariable> = self.client.send(call).await?;
        Ok(list.data)
    }

    /// What the replicas wrote, oldest first.
    pub async fn logs(
        self,
        id: &str,
        request: &ServiceLogsRequest,
    ) -> Result<Vec<ServiceLogLine>, ClientError> {
        let list: List<ServiceLogLine> = self.client.send(self.logs_call(id, request)).await?;
        Ok(list.data)
    }

    /// The lines of `request`, then new ones as they are written, until the server ends the stream.
    pub async fn follow_logs(
        self,
        id: &str,
        request: &ServiceLogsRequest,
    ) -> Result<impl Stream<Item = Result<ServiceLogLine, ClientError>> + use<>, ClientError> {
        let call = self.logs_call(id, request).query("follow", Some(true));
        self.client.objects(call, |kind| matches!(kind, "" | "log")).await
    }

    fn logs_call(self, id: &str, request: &ServiceLogsRequest) -> Call {
        let call = self.request(Method::GET, id, &["logs"]).query("lines", request.lines);
        call.query("since", request.since.as_ref()).query("replica", request.replica)
    }

    /// A call below a service's own address.
    fn request(self, method: Method, id: &str, rest: &[&str]) -> Call {
        let path: Vec<&str> = ["services", id].into_iter().chain(rest.iter().copied()).collect();
        self.client.request(method, &path)
    }
}

/// Whether more becomes of a release by itself.
fn is_on_its_way(release: &Release) -> bool {
    release.state.known().is_some_and(|state| !state.is_settled())
}
