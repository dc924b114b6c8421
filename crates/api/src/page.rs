//! Lists and paging: exactly two top-level keys, because a published client takes a body with at most two for an envelope.

use serde::{Deserialize, Serialize};

pub const PAGE_SIZE_DEFAULT: u64 = 20;
/// Larger `page_size` and `per_page` are clamped.
pub const PAGE_SIZE_MAX: u64 = 100;
/// Larger `limit` is clamped.
pub const LIMIT_MAX: u64 = 1000;

#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct List<T> {
    pub data: Vec<T>,
    pub page: Page,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page {
    /// From 1.
    pub page: u64,
    pub page_size: u64,
    pub total: u64,
    pub per_page: u64,
    /// Opaque; stable while objects are added. Absent on the last page.
    pub next_cursor: Option<String>,
    pub has_more: bool,
}

/// The query parameters that every list accepts. `page` counts pages of `page_size` (or `per_page`); `limit` goes with `offset`
/// or `cursor`.
#[derive(Debug, Clone, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// More than 100 is taken as 100.
    #[param(minimum = 1, default = 20)]
    pub page_size: Option<u64>,
    /// The same as `page_size`.
    #[param(minimum = 1)]
    pub per_page: Option<u64>,
    /// More than 1000 is taken as 1000.
    #[param(minimum = 1)]
    pub limit: Option<u64>,
    #[param(minimum = 0)]
    pub offset: Option<u64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
