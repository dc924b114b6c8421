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
