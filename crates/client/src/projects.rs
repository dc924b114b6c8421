//! Projects: groups of volumes, computers and services.

use futures::Stream;
use miosa_api::v1::projects::{CreateProject, Project, UpdateProject};
use miosa_api::v1::volumes::Deleted;
use reqwest::Method;

use crate::{Client, ClientError, paging};

/// Calls about projects. Wherever one is named, `default` means the tenant's default one.
#[derive(Debug, Clone, Copy)]
pub struct Projects<'a> {
    client: &'a Client,
}

impl<'a> Projects<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Every project, newest first, page by page as the stream is read.
    pub fn list_all(self) -> impl Stream<Item = Result<Project, ClientError>> + use<> {
        paging::list_all(self.client, &["projects"], Vec::new())
    }

    pub async fn create(self, new: &CreateProject) -> Result<Project, ClientError> {
        self.client.send(self.client.request(Method::POST, &["projects"]).body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Project, ClientError> {
        self.client.send(self.client.request(Method::GET, &["projects", id])).await
    }

    pub async fn update(self, id: &str, change: &UpdateProject) -> Result<Project, ClientError> {
        self.client.send(self.client.request(Method::PATCH, &["projects", id]).body(change)).await
    }

    /// Refused while anything belongs to it, and for the default one.
    pub async fn delete(self, id: &str) -> Result<Deleted, ClientError> {
        self.client.send(self.client.request(Method::DELETE, &["projects", id])).await
    }
}
