//! Attachments: volumes given to computers.

use futures::Stream;
use miosa_api::v1::attachments::{Attachment, CreateAttachment};
use miosa_api::v1::volumes::Deleted;
use reqwest::Method;

use crate::{Client, ClientError, paging};

/// Calls about attachments.
#[derive(Debug, Clone, Copy)]
pub struct Attachments<'a> {
    client: &'a Client,
}

impl<'a> Attachments<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Those of one computer.
    pub fn list_all(self, computer_id: &str) -> impl Stream<Item = Result<Attachment, ClientError>> + use<> {
        paging::list_all(self.client, &["computers", computer_id, "volumes"], Vec::new())
    }

    /// Answers when the volume can be used in a running computer, or after 15 s in state `attaching`. On a stopped computer the
    /// volume is there at the next start.
    pub async fn create(self, computer_id: &str, new: &CreateAttachment) -> Result<Attachment, ClientError> {
        let call = self.client.request(Method::POST, &["computers", computer_id, "volumes"]);
        self.client.send(call.body(new)).await
    }

    pub async fn get(self, id: &str) -> Result<Attachment, ClientError> {
        self.client.send(self.client.request(Method::GET, &["volume-attachments", id])).await
    }

    /// Flushes and unmounts. Refused with `VOLUME_IN_USE` while processes hold files open; `force` ends them first.
    pub async fn delete(self, id: &str, force: bool) -> Result<Deleted, ClientError> {
        let call = self.client.request(Method::DELETE, &["volume-attachments", id]);
        self.client.send(call.query("force", force.then_some(true))).await
    }

    /// As [`delete`](Self::delete), and refused with `NOT_FOUND` if the attachment is another computer's.
    pub async fn delete_from(self, computer_id: &str, id: &str, force: bool) -> Result<Deleted, ClientError> {
        let call = self.client.request(Method::DELETE, &["computers", computer_id, "volumes", id]);
        self.client.send(call.query("force", force.then_some(true))).await
    }
}
