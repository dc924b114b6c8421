//! Snapshots: a volume at one instant. They are called by their own id, whether their volume is there or not.

use std::time::Duration;

use futures::Stream;
use miosa_api::v1::snapshots::{
    CreateSnapshot, PrunePlan, PruneSnapshots, RestoreSnapshot, Snapshot, SnapshotDiff, UpdateSnapshot,
};
use miosa_api::v1::volumes::{Deleted, Volume};
use reqwest::Method;

use crate::transport::Call;
use crate::{Client, ClientError, paging};

/// To compare two snapshots, their host walks through all files of both.
const DIFF_EXTRA_TIME: Duration = Duration::from_secs(60);

/// Calls about snapshots.
#[derive(Debug, Clone, Copy)]
pub struct Snapshots<'a> {
    client: &'a Client,
}

/// Which snapshots to list; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotFilter {
    /// An id; the volume may be gone.
    pub volume_id: Option<String>,
    pub status: Option<String>,
    pub name: Option<String>,
}

impl<'a> Snapshots<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Every snapshot, newest first, page by page as the stream is read.
    pub fn list_all(
        self,
        filter: &SnapshotFilter,
    ) -> impl Stream<Item = Result<Snapshot, ClientError>> + use<> {
        let SnapshotFilter { volume_id, status, name } = filter.clone();
        let filters = vec![("volume_id", volume_id), ("status", status), ("name", name)];
        paging::list_all(self.client, &["volume-snapshots"], filters)
    }

    /// Answers when it is `ready`, or after 15 s in state `creating`.
    pub async fn create(self, volume_id: &str, new: &CreateSnapshot) -> Result<Snapshot, ClientError> {
        let call = self.client.request(Method::POST, &["volumes", volume_id, "snapshots"]);
        self.client.send(call.body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Snapshot, ClientError> {
        self.client.send(self.request(Method::GET, id, &[])).await
    }

    pub async fn update(self, id: &str, change: &UpdateSnapshot) -> Result<Snapshot, ClientError> {
        self.client.send(self.request(Method::PATCH, id, &[]).body(change)).await
    }

    /// For good: there is no trash for snapshots. A protected one is refused.
    pub async fn delete(self, id: &str) -> Result<Deleted, ClientError> {
        self.client.send(self.request(Method::DELETE, id, &[])).await
    }

    /// As a new volume; [`Volumes::restore`](crate::Volumes::restore) brings the volume itself back.
    pub async fn restore(self, id: &str, new: &RestoreSnapshot) -> Result<Volume, ClientError> {
        self.client.send(self.request(Method::POST, id, &["restore"]).body(new)).await
    }

    /// Compares the data with its checksum. Answers when that is done, or after 15 s with a `verification` that is `running`.
    pub async fn verify(self, id: &str) -> Result<Snapshot, ClientError> {
        self.client.send(self.request(Method::POST, id, &["verify"])).await
    }

    /// Removes what has expired; a dry run only says what.
    pub async fn prune(self, which: &PruneSnapshots) -> Result<PrunePlan, ClientError> {
        let call = self.client.request(Method::POST, &["volume-snapshots", "prune"]);
        self.client.send(call.body(which)).await
    }

    /// What `to` has other than `from`; both are of one volume. All files are counted, and at most `limit` listed.
    pub async fn diff(self, from: &str, to: &str, limit: Option<u32>) -> Result<SnapshotDiff, ClientError> {
        let call = self.request(Method::GET, from, &["diff"]).query("to", Some(to)).query("limit", limit);
        self.client.send(call.extra_time(DIFF_EXTRA_TIME)).await
    }

    pub(crate) fn client(self) -> &'a Client {
        self.client
    }

    /// A call below a snapshot's own address.
    pub(crate) fn request(self, method: Method, id: &str, rest: &[&str]) -> Call {
        let path: Vec<&str> = ["volume-snapshots", id].into_iter().chain(rest.iter().copied()).collect();
        self.client.request(method, &path)
    }
}
