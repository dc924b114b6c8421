//! Volumes: durable block devices with one ext4 filesystem.

use futures::Stream;
use miosa_api::v1::snapshots::{CloneVolume, Event, RestoreSnapshot};
use miosa_api::v1::volumes::{CreateVolume, Deleted, UpdateVolume, Volume};
use reqwest::Method;

use crate::{Client, ClientError, paging};

/// Calls about volumes.
#[derive(Debug, Clone, Copy)]
pub struct Volumes<'a> {
    client: &'a Client,
}

/// Which volumes to list; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeFilter {
    /// A state; `deleted` lists the trash, which is left out otherwise.
    pub status: Option<String>,
    pub name: Option<String>,
    pub workspace_id: Option<String>,
    pub project_id: Option<String>,
    pub region: Option<String>,
    /// A computer's id.
    pub attached_to: Option<String>,
}

impl<'a> Volumes<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Every volume, newest first, page by page as the stream is read.
    pub fn list_all(self, filter: &VolumeFilter) -> impl Stream<Item = Result<Volume, ClientError>> + use<> {
        let VolumeFilter { status, name, workspace_id, project_id, region, attached_to } = filter.clone();
        let filters = vec![
            ("status", status),
            ("name", name),
            ("workspace_id", workspace_id),
            ("project_id", project_id),
            ("region", region),
            ("attached_to", attached_to),
        ];
        paging::list_all(self.client, &["volumes"], filters)
    }

    /// The answer may still be `creating`.
    pub async fn create(self, new: &CreateVolume) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::POST, &["volumes"]).body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::GET, &["volumes", id])).await
    }

    pub async fn update(self, id: &str, change: &UpdateVolume) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::PATCH, &["volumes", id]).body(change)).await
    }

    /// Into the trash, from where [`undelete`](Self::undelete) brings it back.
    pub async fn delete(self, id: &str) -> Result<Deleted, ClientError> {
        self.client.send(self.client.request(Method::DELETE, &["volumes", id])).await
    }

    pub async fn undelete(self, id: &str) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::POST, &["volumes", id, "undelete"])).await
    }

    /// A writable copy of the volume as it is now, or as one of its snapshots was. The answer may still be `creating`.
    pub async fn fork(self, id: &str, new: &CloneVolume) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::POST, &["volumes", id, "clone"]).body(new)).await
    }

    /// Back to `snapshot_id`, one of its own. The present is kept in a safety snapshot. Refused while computers use the volume,
    /// or with `force` they are stopped before and started afterwards. The answer may still be `restoring`.
    pub async fn restore(self, id: &str, snapshot_id: &str, force: bool) -> Result<Volume, ClientError> {
        let body = RestoreSnapshot {
            snapshot_id: Some(snapshot_id.to_owned()),
            force: force.then_some(true),
            ..RestoreSnapshot::default()
        };
        self.client.send(self.client.request(Method::POST, &["volumes", id, "restore"]).body(&body)).await
    }

    /// Rewrites the image into few extents, under running writers. `compaction` in the answer says how far that is.
    pub async fn compact(self, id: &str) -> Result<Volume, ClientError> {
        self.client.send(self.client.request(Method::POST, &["volumes", id, "compact"])).await
    }

    /// What happened to a volume, newest first; to a deleted one as well.
    pub fn events(self, id: &str) -> impl Stream<Item = Result<Event, ClientError>> + use<> {
        paging::list_all(self.client, &["volumes", id, "events"], Vec::new())
    }
}
