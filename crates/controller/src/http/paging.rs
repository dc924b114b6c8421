//! Lists: four spellings of which part is wanted, one shape of answer.
//!
//! `page` with `page_size` or `per_page`, `limit` with `offset`, `limit` with `cursor`; all of them on every list.

use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miosa_api::page::{LIMIT_MAX, List, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, PageQuery};
use miosa_control::{Cursor, Filters, ListPage, ListRequest};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;

use super::ApiError;
use super::query::Query;

/// The query of a list: a page, and filters.
#[derive(Debug)]
pub(super) struct Paged<F>(PhantomData<F>);

impl<F: IntoParams> IntoParams for Paged<F> {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = PageQuery::into_params(&parameter_in);
        parameters.extend(F::into_params(parameter_in));
        parameters
    }
}

/// Offsets beyond this are the same as this: no list is longer, and the database counts in 63 bits.
const OFFSET_MAX: u64 = i64::MAX as u64;

/// The part of a list that the query asks for. `workspace` is the default of the filter `workspace_id`.
pub(super) fn list_request<P>(query: &Query<P>, workspace: Option<&str>) -> Result<ListRequest, ApiError> {
    let page_size =
        query.number("page_size", 1)?.or(query.number("per_page", 1)?).map(|n| n.min(PAGE_SIZE_MAX));
    let limit =
        query.number("limit", 1)?.map(|n| n.min(LIMIT_MAX)).or(page_size).unwrap_or(PAGE_SIZE_DEFAULT);
    let page = query.number("page", 1)?.unwrap_or(1);
    let offset = query.number("offset", 0)?.unwrap_or_else(|| (page - 1).saturating_mul(limit));
    let after = query.text("cursor").map(decode).transpose()?;
    let filters = Filters {
        status: query.text("status").or(query.text("state")).map(str::to_owned),
        name: query.text("name").map(str::to_owned),
        project_id: query.id("project_id")?,
        workspace_id: query.text("workspace_id").or(workspace).map(str::to_owned),
        attached_to: query.id("attached_to")?,
        region: query.text("region").map(str::to_owned),
    };
    // A cursor already says where to begin.
    let offset = if after.is_some() { 0 } else { offset.min(OFFSET_MAX) };
    Ok(ListRequest { offset, limit, after, filters })
}

/// The answer to `request`.
pub(super) fn list<T>(request: &ListRequest, page: ListPage<T>) -> List<T> {
    let shape = Page {
        page: request.offset / request.limit + 1,
        page_size: request.limit,
        total: page.total,
        per_page: request.limit,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(encode),
    };
    List { data: page.items, page: shape }
}

/// A list that is always answered whole.
pub(super) fn whole<T>(items: Vec<T>) -> List<T> {
    let total = items.len() as u64;
    let page = Page { page: 1, page_size: total, total, per_page: total, next_cursor: None, has_more: false };
    List { data: items, page }
}

/// 24 bytes: when the last object was created, and its id.
fn encode(cursor: Cursor) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&cursor.created_at_ms.to_be_bytes());
    bytes[8..].copy_from_slice(cursor.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<Cursor, ApiError> {
    let bad = || ApiError::invalid("cursor", "is not one that a list answered; begin again without it");
    let bytes: [u8; 24] =
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
    let (time, id) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let id = Uuid::from_slice(id).map_err(|_| bad())?;
    Ok(Cursor { created_at_ms: i64::from_be_bytes(*time), id })
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts;
    use axum::http::Request;

    use super::*;

    async fn asked(query: &str) -> Result<ListRequest, ApiError> {
        let (mut parts, ()) =
            Request::builder().uri(format!("/volumes?{query}")).body(()).unwrap().into_parts();
        list_request(&Query::<PageQuery>::from_request_parts(&mut parts, &()).await?, None)
    }

    #[tokio::test]
    async fn all_spellings_of_a_part() {
        for (query, offset, limit) in [
            ("", 0, 20),
            ("page=2", 20, 20),
            ("page=3&page_size=5", 10, 5),
            ("page=3&per_page=5", 10, 5),
            ("page_size=5000", 0, 100),
            ("per_page=101", 0, 100),
            ("limit=7&offset=14", 14, 7),
            ("limit=5000", 0, 1000),
            ("limit=500", 0, 500),
            ("offset=0", 0, 20),
            ("page=&limit=&cursor=", 0, 20),
            ("unknown=1", 0, 20),
            ("page=18446744073709551615&page_size=100", OFFSET_MAX, 100),
        ] {
            let request = asked(query).await.unwrap();
            assert_eq!((request.offset, request.limit), (offset, limit), "{query}");
        }
    }

    #[tokio::test]
    async fn bad_numbers_and_ids_name_their_parameter() {
        for query in [
            "page=0",
            "page=-1",
            "page=x",
            "page=1.5",
            "page_size=0",
            "per_page=no",
            "limit=0",
            "limit=-5",
            "offset=-1",
            "offset=1e3",
            "limit=99999999999999999999",
            "cursor=x",
            "cursor=AAAA",
            "project_id=7",
            "attached_to=me",
        ] {
            let error = asked(query).await.unwrap_err();
            assert_eq!(error.status.as_u16(), 422, "{query}");
            let field = query.split('=').next().unwrap();
            assert!(format!("{error:?}").contains(&format!("errors: {{\"{field}\"")), "{query}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor { created_at_ms: 1_763_900_000_123, id: Uuid::from_u128(7) };
        let request = asked(&format!("limit=2&offset=9&cursor={}", encode(cursor))).await.unwrap();
        assert_eq!((request.after, request.offset), (Some(cursor), 0));
    }

    #[tokio::test]
    async fn filters_have_two_spellings_of_status() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let filters = asked(&format!("state=attached&name=a%20b&attached_to={id}")).await.unwrap().filters;
        assert_eq!(filters.status.as_deref(), Some("attached"));
        assert_eq!(filters.name.as_deref(), Some("a b"));
        assert_eq!(filters.attached_to.unwrap().to_string(), id);
    }
}
