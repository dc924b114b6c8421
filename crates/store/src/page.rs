//! Lists: newest first, ties by id, by offset or after a cursor that stays valid while objects are added.

use miosa_domain::{ComputerId, ProjectId};
use uuid::Uuid;

use crate::sql::Query;

/// The place after one object in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub created_at_ms: i64,
    pub id: Uuid,
}

/// Only objects that match all of these. A filter that a noun does not have matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// As clients see it. `deleted` lists the trash, and volumes on their way there.
    pub status: Option<String>,
    pub name: Option<String>,
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub attached_to: Option<ComputerId>,
    pub region: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Objects to skip (after the cursor, when both are given).
    pub offset: u64,
    pub limit: u64,
    pub after: Option<Cursor>,
    pub filters: Filters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage<T> {
    pub items: Vec<T>,
    /// All objects that match the filters.
    pub total: u64,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

impl<T> ListPage<T> {
    pub fn empty() -> Self {
        Self { items: Vec::new(), total: 0, next: None }
    }

    pub fn map<U>(self, into: impl FnMut(T) -> U) -> ListPage<U> {
        ListPage { items: self.items.into_iter().map(into).collect(), total: self.total, next: self.next }
    }
}

/// A request as the parameters of a query that is ordered by `created_at DESC, id DESC`.
pub(crate) struct Window {
    /// Only objects before this place; without a cursor, a place before which everything is.
    pub(crate) before_ms: i64,
    pub(crate) before_id: String,
    /// One more than was asked for, to see whether there is a next page.
    pub(crate) limit: i64,
    pub(crate) offset: i64,
}

impl Window {
    pub(crate) fn of(request: &ListRequest) -> Self {
        let bounded = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            before_ms: request.after.map_or(i64::MAX, |cursor| cursor.created_at_ms),
            before_id: request.after.map(|cursor| cursor.id.to_string()).unwrap_or_default(),
            limit: bounded(request.limit).saturating_add(1),
            offset: bounded(request.offset),
        }
    }

    /// Binds the place to begin after, the limit and the offset.
    pub(crate) fn bind(&self, query: Query) -> Query {
        query.bind(self.before_ms).bind(&self.before_id).bind(self.limit).bind(self.offset)
    }

    pub(crate) fn everything() -> Self {
        Self { before_ms: i64::MAX, before_id: String::new(), limit: i64::MAX, offset: 0 }
    }

    /// The page from what the query answered.
    pub(crate) fn page<T>(
        &self,
        mut items: Vec<T>,
        total: i64,
        cursor: impl Fn(&T) -> Cursor,
    ) -> ListPage<T> {
        let wanted = usize::try_from(self.limit - 1).unwrap_or(usize::MAX);
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = items.last().filter(|_| more).map(cursor);
        ListPage { items, total: u64::try_from(total).unwrap_or(0), next }
    }
}

/// The page of `all`, which is in order and holds every match.
pub fn cut<T>(all: Vec<T>, request: &ListRequest, cursor: impl Fn(&T) -> Cursor) -> ListPage<T> {
    let total = all.len() as i64;
    let place = |at: Cursor| (at.created_at_ms, at.id);
    let window = Window::of(request);
    let items = all
        .into_iter()
        .filter(|item| request.after.is_none_or(|after| place(cursor(item)) < place(after)))
        .skip(usize::try_from(request.offset).unwrap_or(usize::MAX))
        .take(usize::try_from(window.limit).unwrap_or(usize::MAX))
        .collect();
    window.page(items, total, cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(n: &i64) -> Cursor {
        Cursor { created_at_ms: *n, id: Uuid::nil() }
    }

    /// Aim: walking by cursor shows each object once, whatever the page size, and the last page says that it is the last.
    #[test]
    fn pages_join_without_gap_or_overlap() {
        let all: Vec<i64> = (0..7).rev().collect();
        for limit in 1..9 {
            let mut seen = Vec::new();
            let mut request = ListRequest { limit, ..ListRequest::default() };
            loop {
                let page = cut(all.clone(), &request, cursor);
                assert_eq!(page.total, 7);
                seen.extend(page.items);
                match page.next {
                    Some(next) => request.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, all, "limit {limit}");
        }
        let far = ListRequest { offset: u64::MAX, limit: u64::MAX, ..ListRequest::default() };
        assert_eq!(cut(all, &far, cursor), ListPage { items: vec![], total: 7, next: None });
    }
}
