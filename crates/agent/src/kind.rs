//! How this host handles each kind of object.
//!
//! [`Managed`] is everything that differs between kinds: what the ledger keeps of an object, how a new spec changes that, how
//! the object is reconciled, observed again, and forgotten. There is one file per kind below. The ledger, the board, the
//! session and the recovery handle all kinds alike, through the list that [`for_each_kind!`](miosa_domain::for_each_kind)
//! passes to `registry!`.

use std::future::Future;
use std::sync::Arc;

use miosa_backend::PoolListing;
use miosa_domain::Generation;
use miosa_domain::for_each_kind;
use miosa_domain::kind::{Instance, Kind, ObjectId, ObjectKey, Snapshot, Spec, Status, Volume};
use miosa_domain::status::{Failure, FailureCode};
use miosa_effects::Dir;
use miosa_failpoint::Injected;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::board::Column;
use crate::ledger::{Accepted, Batch, Ledger, LedgerError, Shelf};
use crate::pools::Contents;
use crate::{Host, blocking};

mod instance;
mod snapshot;
#[cfg(test)]
mod tests;
mod volume;

pub(crate) use instance::Healths as KnownHealths;
pub(crate) use snapshot::{HooksBegun, SnapshotRecord};
pub(crate) use volume::VolumeRecord;

/// A kind of object that this host can hold.
pub(crate) trait Managed: Kind {
    /// What the ledger keeps: the spec, and what is known of the object besides.
    type Record: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// The ledger's folder.
    const FOLDER: &'static str;
    /// The name of the format in each file.
    const FORMAT: &'static str;
    /// Keeps an object from being changed.
    type Guard: Send;

    fn spec(record: &Self::Record) -> &Self::Spec;

    /// The record after `spec` was accepted.
    fn accept(spec: Self::Spec, held: Held<Self::Record>) -> Self::Record;

    fn failpoint(at: WritePoint) -> Result<(), Injected>;

    /// Adds changes of other records that are to become durable with a new spec.
    fn join<'a>(_: &'a Host, _: &'a Self::Spec, _: &mut Batch<'a>) {}

    /// A spec was repeated, and its object needs no new observation.
    fn is_settled(host: &Host, spec: &Self::Spec) -> bool;

    /// Reconciles the object soon, in a task of its own.
    fn nudge(host: &Arc<Host>, id: Self::Id);

    /// Reconciles everything in the ledger after a start.
    fn recover(host: &Arc<Host>, found: &mut PoolListing) -> impl Future<Output = ()> + Send;

    /// Retries failed objects and observes those that may have changed by themselves. `found` is `None` if the pool could not be
    /// listed.
    fn look_again(host: &Arc<Host>, found: Option<&mut PoolListing>) -> impl Future<Output = ()> + Send;

    /// Objects of this kind that the host holds, whether or not the ledger names them.
    fn found(contents: &Contents) -> Vec<Self::Id>;

    /// The object is as gone as its spec asks, so its record may be removed.
    fn is_gone(record: &Self::Record, status: &Self::Status) -> bool;

    /// Waits until no other task changes the object.
    fn enter(host: &Arc<Host>, id: Self::Id) -> impl Future<Output = Self::Guard> + Send;

    /// Called after the record was removed, under the guard.
    fn forgotten(host: &Arc<Host>, id: Self::Id) -> impl Future<Output = ()> + Send;
}

/// What the ledger holds when a spec arrives.
pub(crate) enum Held<R> {
    Nothing,
    /// A file that cannot be read: nothing but its existence is known.
    Unreadable,
    Record(R),
}

/// Where a write of the ledger can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WritePoint {
    BeforeWrite,
    AfterWrite,
    BeforeForget,
}

/// A kind that `registry!` lists.
pub(crate) trait Registered: Managed {
    fn shelf(shelves: &Shelves) -> &Shelf<Self>;
    fn column(columns: &Columns) -> &Column<Self>;
}

/// The ID of an object of a registered kind.
pub(crate) trait Id: ObjectKey<Kind: Registered> {}

impl<I: ObjectKey<Kind: Registered>> Id for I {}

pub(crate) type RecordOf<I> = <<I as ObjectKey>::Kind as Managed>::Record;
pub(crate) type SpecOf<I> = <<I as ObjectKey>::Kind as Kind>::Spec;
pub(crate) type StatusOf<I> = <<I as ObjectKey>::Kind as Kind>::Status;

macro_rules! registry {
    ($($plural:ident: $kind:ident $types:tt $name:literal),+ $(,)?) => {
        /// The ledger's records of all kinds.
        pub(crate) struct Shelves {
            $($plural: Shelf<$kind>),+
        }

        impl Shelves {
            /// Opens every folder; appends files that cannot be read to `damaged`.
            pub(crate) fn open(root: &Dir, damaged: &mut Vec<String>) -> Result<Self, LedgerError> {
                Ok(Self { $($plural: Shelf::open(root, damaged)?),+ })
            }

            pub(crate) fn highest_generation(&self) -> Generation {
                Generation::default()$(.max(self.$plural.highest_generation()))+
            }
        }

        /// The latest statuses of all kinds.
        #[derive(Default)]
        pub(crate) struct Columns {
            $($plural: Column<$kind>),+
        }

        impl Columns {
            pub(crate) fn mark_all_unreported(&self) {
                $(self.$plural.mark_all_unreported();)+
            }

            /// Hands unreported statuses to `push` until it returns one, which stays unreported.
            pub(crate) fn take(&self, mut push: impl FnMut(Status) -> Option<Status>) {
                $(if !self.$plural.take(&mut push) {
                    return;
                })+
            }
        }

        $(impl Registered for $kind {
            fn shelf(shelves: &Shelves) -> &Shelf<Self> {
                &shelves.$plural
            }

            fn column(columns: &Columns) -> &Column<Self> {
                &columns.$plural
            }
        })+

        /// Writes specs to the ledger. Returns the objects that need to be reconciled. Blocks.
        pub(crate) fn accept(host: &Host, specs: &[Spec]) -> Result<Vec<ObjectId>, LedgerError> {
            let is_settled = |spec: &Spec| match spec {
                $(Spec::$kind(spec) => {
                    let is_repeated = host.ledger.spec(spec.id).as_ref() == Some(spec);
                    is_repeated && $kind::is_settled(host, spec)
                }),+
            };
            let mut changed: Vec<_> = specs.iter().map(|spec| !is_settled(spec)).collect();
            let mut batch = Batch::default();
            for spec in specs {
                match spec {
                    $(Spec::$kind(spec) => batch.accept::<$kind>(host.ledger.shelf(), spec)),+
                }
            }
            for spec in specs {
                match spec {
                    $(Spec::$kind(spec) => $kind::join(host, spec, &mut batch)),+
                }
            }
            for ((accepted, spec), changed) in batch.commit()?.into_iter().zip(specs).zip(&mut changed) {
                match (accepted, spec) {
                    (Accepted::Yes, _) => {}
                    (Accepted::Stale { held }, spec) => {
                        tracing::warn!(object = %spec.id(), %held, "older spec refused");
                        *changed = false;
                    }
                    $((Accepted::TooLarge { bytes }, Spec::$kind(spec)) => {
                        refuse_large::<$kind>(host, spec, bytes);
                        *changed = false;
                    })+
                }
            }
            Ok(specs.iter().zip(changed).filter_map(|(spec, changed)| changed.then(|| spec.id())).collect())
        }

        pub(crate) fn nudge(host: &Arc<Host>, id: ObjectId) {
            match id {
                $(ObjectId::$kind(id) => $kind::nudge(host, id)),+
            }
        }

        pub(crate) async fn forget(host: &Arc<Host>, id: ObjectId) {
            match id {
                $(ObjectId::$kind(id) => forget_one::<$kind>(host, id).await),+
            }
        }

        /// The failed status that stands for one that is too large to be reported; `None` if no spec asks for the object.
        pub(crate) fn refused(ledger: &Ledger, id: ObjectId, failure: Failure) -> Option<Status> {
            match id {
                $(ObjectId::$kind(id) => ledger.spec(id).map(|spec| $kind::refused(&spec, failure).into())),+
            }
        }

        pub(crate) async fn recover(host: &Arc<Host>, found: &mut PoolListing) {
            $($kind::recover(host, found).await;)+
        }

        pub(crate) async fn look_again(host: &Arc<Host>, mut found: Option<PoolListing>) {
            $($kind::look_again(host, found.as_mut()).await;)+
        }

        /// Objects in the ledger or on the host that `is_named` does not know, in order, each once.
        pub(crate) fn orphans(ledger: &Ledger, contents: &Contents, is_named: impl Fn(ObjectId) -> bool) -> Vec<ObjectId> {
            let mut all: Vec<ObjectId> = Vec::new();
            $(
                all.extend(ledger.ids::<$kind>().into_iter().map(ObjectId::from));
                all.extend($kind::found(contents).into_iter().map(ObjectId::from));
            )+
            all.retain(|id| !is_named(*id));
            all.sort_unstable();
            all.dedup();
            all
        }
    };
}

for_each_kind!(registry);

fn refuse_large<K: Registered>(host: &Host, spec: &K::Spec, bytes: usize) {
    let id = K::spec_id(spec);
    tracing::error!(kind = K::NAME, %id, bytes, "the spec is too large for the ledger");
    let message =
        format!("the spec of {} {id} takes {bytes} bytes, more than a file of the ledger holds", K::NAME);
    host.board.set(id, |_| K::refused(spec, Failure::new(FailureCode::CannotRun, message)));
}

/// Removes the record of an object that is gone and that no spec will name again.
async fn forget_one<K: Registered>(host: &Arc<Host>, id: K::Id) {
    let is_gone = || {
        let (record, status) = (host.ledger.get(id), host.board.get(id));
        record.zip(status).is_some_and(|(record, status)| K::is_gone(&record, &status))
    };
    // Otherwise the object is not as it was reported, and its queue may be long. The controller waits for the next report.
    if !is_gone() {
        return;
    }
    let _guard = K::enter(host, id).await;
    if !is_gone() {
        return;
    }
    let ledger_host = host.clone();
    if let Err(error) = blocking(move || ledger_host.ledger.forget(id)).await {
        return tracing::warn!(kind = K::NAME, %id, "forget: {error}");
    }
    host.board.forget(id);
    K::forgotten(host, id).await;
}
