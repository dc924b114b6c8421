//! Lists: all pages as one stream.

use futures::{Stream, TryStreamExt};
use miosa_api::page::List;
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::transport::Call;
use crate::{Client, ClientError};

/// Objects a page. By cursor, so that objects made meanwhile neither repeat nor hide others.
const LIMIT: u32 = 200;

struct Pages {
    client: Client,
    path: Vec<String>,
    filters: Vec<(&'static str, String)>,
    cursor: Option<String>,
}

impl Pages {
    async fn fetch<T: DeserializeOwned>(&mut self) -> Result<List<T>, ClientError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let call = self.client.request(Method::GET, &path).query("limit", Some(LIMIT));
        let call = self.filters.iter().fold(call, |call: Call, (name, value)| call.query(name, Some(value)));
        self.client.send(call.query("cursor", self.cursor.as_ref())).await
    }
}

/// Every object of a list, newest first, asking for the next page when the last one is used up.
pub(crate) fn list_all<T: DeserializeOwned>(
    client: &Client,
    path: &[&str],
    filters: Vec<(&'static str, Option<String>)>,
) -> impl Stream<Item = Result<T, ClientError>> + use<T> {
    let pages = Pages {
        client: client.clone(),
        path: path.iter().map(|&segment| segment.to_owned()).collect(),
        filters: filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        cursor: None,
    };
    let batches = futures::stream::try_unfold(Some(pages), |pages| async move {
        let Some(mut pages) = pages else { return Ok::<_, ClientError>(None) };
        let list: List<T> = pages.fetch().await?;
        let objects = futures::stream::iter(list.data.into_iter().map(Ok));
        // The same cursor again would never end.
        let next =
            list.page.next_cursor.filter(|next| list.page.has_more && pages.cursor.as_ref() != Some(next));
        let pages = next.map(|cursor| Pages { cursor: Some(cursor), ..pages });
        Ok(Some((objects, pages)))
    });
    batches.try_flatten()
}
