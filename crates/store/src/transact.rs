//! The one way to write.
//!
//! [`transact!`](crate::transact) runs a closure in a transaction and commits it. The commit carries everything that belongs to the
//! change: the rows, the generations of the hosts whose specs it changes, the idempotency record, and the change itself in
//! the [outbox](crate::outbox). None of it can be observed without the rest.
//!
//! ```text
//!   transact!(store, verb, closure)
//!     begin ─► closure: read rows, ask `domain`, save rows ─► append to outbox ─► commit ─► wake followers
//!       ▲                                                                          │
//!       └────────────── wait with jitter ◄── conflict: nothing was written ◄───────┘
//! ```
//!
//! The closure may run several times, so it has no effect besides its transaction: it clones what it consumes. On SQLite it
//! waits for the writer before it, and conflicts are rare. On PostgreSQL closures run side by side at SERIALIZABLE, and one
//! that read what another changed runs again. Rules between objects hold on both, because they are checked inside the closure.
//!
//! **Crash safety.** A commit is durable before `transact!` returns, with one exception. A transaction that writes only what a
//! host reported ([`Verb::replayable`]) may be lost in a power failure: the host reports everything again when it connects, and
//! applying a report twice changes nothing. Such a transaction skips the wait for the disk, about 1 ms. It is durable all the
//! same as soon as it changes what a host should do ([`Tx::require_durable`]): intent is durable before it is sent. Order is
//! kept in both cases. SQLite appends to one log, so a later durable commit makes every earlier one durable; PostgreSQL
//! likewise flushes its log in order. A lost transaction therefore never leaves a later one behind. A test cannot cut the power:
//! `kill -9` loses no write that reached the kernel. The tests check which commits wait for the disk.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::engine::Tx;
use crate::error::{StoreError, While};
use crate::store::Store;

/// A conflict is retried after 1 ms at first and 100 ms at most, for about 3 s in all.
const RETRIES_MAX: usize = 40;
const DELAY_MIN: Duration = Duration::from_millis(1);
const DELAY_MAX: Duration = Duration::from_millis(100);

/// A kind of write transaction, made by [`verb!`](crate::verb).
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// What an error says we were doing, in the present tense.
    pub doing: &'static str,
    /// The names of the failpoints before and after the commit.
    #[doc(hidden)]
    pub failpoints: Option<[&'static str; 2]>,
    #[doc(hidden)]
    pub is_replayable: bool,
}

impl Verb {
    /// Writes only what a host reported and will report again: a power failure may lose it.
    pub const fn replayable(self) -> Self {
        Self { is_replayable: true, ..self }
    }

    fn reached(&self, place: usize) -> Result<(), StoreError> {
        match self.failpoints {
            Some(names) => Ok(miosa_failpoint::at(names[place])?),
            None => Ok(()),
        }
    }
}

/// A [`Verb`]: what the transaction does, in the present tense. With a name in front, `store.NAME.before-commit` and
/// `store.NAME.after-commit` become failpoints.
#[macro_export]
macro_rules! verb {
    ($name:literal, $doing:expr) => {{
        const NAMES: [&str; 2] =
            [concat!("store.", $name, ".before-commit"), concat!("store.", $name, ".after-commit")];
        $crate::failpoint::declare!(NAMES[0]);
        $crate::failpoint::declare!(NAMES[1]);
        $crate::Verb { doing: $doing, failpoints: Some(NAMES), is_replayable: false }
    }};
    ($doing:expr) => {
        $crate::Verb { doing: $doing, failpoints: None, is_replayable: false }
    };
}

/// `transact!(store, verb, |tx| work)`: runs `work` in a write transaction of `store` and commits it; again, after a wait, when
/// another writer got in its way. `work` may use `?` and `return`; an error rolls everything back. The value is a
/// `Result<_, StoreError>`.
///
/// A macro and not a function that takes a closure: the compiler cannot yet see that the future of an async closure which
/// borrows is `Send`.
#[macro_export]
macro_rules! transact {
    ($store:expr, $verb:expr, |$tx:ident| $work:expr $(,)?) => {
        $crate::attempt!($crate::Attempts::write(&$store, $verb), $tx, $work)
    };
}

/// `view!(store, doing, |tx| work)`: runs `work` on one moment of the database; again when PostgreSQL could not give it one.
/// `work` writes nothing.
#[macro_export]
macro_rules! view {
    ($store:expr, $doing:expr, |$tx:ident| $work:expr $(,)?) => {
        $crate::attempt!($crate::Attempts::read(&$store, $doing), $tx, $work)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! attempt {
    ($attempts:expr, $tx:ident, $work:expr) => {{
        let mut attempts = $attempts;
        loop {
            let mut transaction = match attempts.begin().await {
                Ok(transaction) => transaction,
                Err(error) => break Err(error),
            };
            // On the heap: a verb's future is large, and callers nest theirs around it.
            let work = Box::pin(async {
                let $tx = &mut transaction;
                let outcome: Result<_, $crate::StoreError> = $work;
                outcome
            });
            let outcome = work.await;
            if let Some(outcome) = attempts.end(transaction, outcome).await {
                break outcome;
            }
        }
    }};
}

/// The attempts at one transaction.
#[doc(hidden)]
pub struct Attempts<'a> {
    store: &'a Store,
    kind: Kind,
    delays: ExponentialBackoff,
}

enum Kind {
    Read(&'static str),
    Write(Verb),
}

impl<'a> Attempts<'a> {
    pub fn read(store: &'a Store, doing: &'static str) -> Self {
        Self { store, kind: Kind::Read(doing), delays: delays() }
    }

    pub fn write(store: &'a Store, verb: Verb) -> Self {
        Self { store, kind: Kind::Write(verb), delays: delays() }
    }

    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match &self.kind {
            Kind::Read(doing) => self.store.engine.read(doing).await,
            Kind::Write(verb) => self.store.engine.write(verb).await,
        }
    }

    /// `None` after a conflict, and a wait: it is to be tried again.
    pub async fn end<T>(&mut self, tx: Tx, outcome: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        let outcome = match (&self.kind, outcome) {
            (Kind::Write(verb), Ok(value)) => self.commit(verb, tx).await.map(|()| value),
            (_, outcome) => {
                // Rolled back, and the connection given back before the wait.
                drop(tx);
                outcome
            }
        };
        if !outcome.as_ref().is_err_and(StoreError::is_conflict) {
            return Some(outcome);
        }
        match self.delays.next() {
            Some(delay) => {
                tokio::time::sleep(delay).await;
                None
            }
            None => Some(outcome),
        }
    }

    async fn commit(&self, verb: &Verb, mut tx: Tx) -> Result<(), StoreError> {
        let newest = tx.append_to_outbox().await?;
        let changes = std::mem::take(&mut tx.changes);
        verb.reached(0)?;
        tx.commit().await.doing(verb.doing)?;
        if let Some(newest) = newest {
            self.store.outbox.committed(changes.entries());
            self.store.outbox.announce(newest);
        }
        verb.reached(1)
    }
}

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(DELAY_MIN)
        .with_max_delay(DELAY_MAX)
        .with_max_times(RETRIES_MAX)
        .with_jitter()
        .build()
}
