//! The latest status of each object, and which of them were not yet reported.
//!
//! **Crash safety.** Nothing here is durable: after a restart, every status is observed again.

use std::collections::{BTreeMap, BTreeSet};

use miosa_api::agent_v1::frame::{Frame, NotAdded, OBJECT_MAX_BYTES};
use miosa_domain::kind::{Kind, Status};
use miosa_domain::status::{Failure, FailureCode};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::kind::{self, Columns, Id, KnownHealths, Registered, StatusOf};
use crate::ledger::Ledger;

#[derive(Default)]
pub(crate) struct Board {
    columns: Columns,
    pub(crate) healths: KnownHealths,
    changed: Notify,
}

/// The statuses of one kind.
pub(crate) struct Column<K: Kind>(Mutex<State<K>>);

struct State<K: Kind> {
    statuses: BTreeMap<K::Id, K::Status>,
    unreported: BTreeSet<K::Id>,
}

impl<K: Kind> Default for Column<K> {
    fn default() -> Self {
        Self(Mutex::new(State { statuses: BTreeMap::new(), unreported: BTreeSet::new() }))
    }
}

impl<K: Kind> Column<K> {
    pub(crate) fn get(&self, id: K::Id) -> Option<K::Status> {
        self.0.lock().statuses.get(&id).cloned()
    }

    /// Computes the new status from the known one. Returns whether it differs.
    pub(crate) fn set(&self, id: K::Id, status: impl FnOnce(Option<&K::Status>) -> K::Status) -> bool {
        let mut state = self.0.lock();
        let known = state.statuses.get(&id);
        let status = status(known);
        if known == Some(&status) {
            return false;
        }
        state.unreported.insert(id);
        state.statuses.insert(id, status);
        true
    }

    /// Changes a known status. Returns whether it differs now.
    pub(crate) fn change(&self, id: K::Id, change: impl FnOnce(&mut K::Status)) -> bool {
        let mut state = self.0.lock();
        let Some(status) = state.statuses.get_mut(&id) else { return false };
        let before = status.clone();
        change(status);
        let is_changed = *status != before;
        if is_changed {
            state.unreported.insert(id);
        }
        is_changed
    }

    /// Maps every status without a copy, under the lock.
    pub(crate) fn map<T>(&self, map: impl FnMut(&K::Status) -> Option<T>) -> Vec<T> {
        self.0.lock().statuses.values().filter_map(map).collect()
    }

    pub(crate) fn forget(&self, id: K::Id) {
        let mut state = self.0.lock();
        state.statuses.remove(&id);
        state.unreported.remove(&id);
    }

    pub(crate) fn mark_all_unreported(&self) {
        let mut state = self.0.lock();
        state.unreported = state.statuses.keys().copied().collect();
    }

    /// Hands unreported statuses to `push`, oldest ID first. A status that `push` returns stays unreported, and nothing more is
    /// taken. Returns whether all were taken.
    pub(crate) fn take<S: From<K::Status>>(&self, push: &mut impl FnMut(S) -> Option<S>) -> bool {
        let mut state = self.0.lock();
        while let Some(id) = state.unreported.pop_first() {
            let Some(status) = state.statuses.get(&id).cloned() else { continue };
            if push(status.into()).is_some() {
                state.unreported.insert(id);
                return false;
            }
        }
        true
    }
}

impl Board {
    fn column<I: Id>(&self) -> &Column<I::Kind> {
        I::Kind::column(&self.columns)
    }

    pub(crate) fn get<I: Id>(&self, id: I) -> Option<StatusOf<I>> {
        self.column::<I>().get(id)
    }

    /// See [`Column::set`].
    pub(crate) fn set<I: Id>(&self, id: I, status: impl FnOnce(Option<&StatusOf<I>>) -> StatusOf<I>) {
        if self.column::<I>().set(id, status) {
            self.changed.notify_one();
        }
    }

    /// Changes a status. Does nothing before the object's first one.
    pub(crate) fn change<I: Id>(&self, id: I, change: impl FnOnce(&mut StatusOf<I>)) {
        if self.column::<I>().change(id, change) {
            self.changed.notify_one();
        }
    }

    /// See [`Column::map`].
    pub(crate) fn map<K: Registered, T>(&self, map: impl FnMut(&K::Status) -> Option<T>) -> Vec<T> {
        K::column(&self.columns).map(map)
    }

    pub(crate) fn forget<I: Id>(&self, id: I) {
        self.column::<I>().forget(id);
    }

    /// A new session: the controller has to be told everything.
    pub(crate) fn mark_all_unreported(&self) {
        self.columns.mark_all_unreported();
        self.changed.notify_one();
    }

    /// Waits until there is something to report, and takes as much as one message holds.
    pub(crate) async fn next(&self, ledger: &Ledger) -> Vec<Status> {
        loop {
            if let Some(statuses) = self.take(ledger) {
                return statuses;
            }
            self.changed.notified().await;
        }
    }

    /// Takes unreported statuses, as many as one message holds; `None` if there are none. A status that no message holds fails
    /// alone.
    pub(crate) fn take(&self, ledger: &Ledger) -> Option<Vec<Status>> {
        let mut frame = Frame::default();
        let mut too_large = Vec::new();
        self.columns.take(|status| match frame.push(status) {
            Ok(()) => None,
            Err(NotAdded::Full(status)) => Some(status),
            Err(NotAdded::TooLarge { item, bytes }) => {
                too_large.push((item.id(), bytes));
                None
            }
        });
        let mut statuses = frame.into_items();
        for (id, bytes) in too_large {
            tracing::error!(object = %id, bytes, "the status is too large to be reported");
            let message = format!(
                "the status of {id} takes {bytes} bytes, more than the {OBJECT_MAX_BYTES} of a report"
            );
            statuses.extend(kind::refused(ledger, id, Failure::new(FailureCode::HostError, message)));
        }
        (!statuses.is_empty()).then_some(statuses)
    }
}
