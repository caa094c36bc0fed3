//! Transactions, and the rule that no remote call is made while one is open.
//!
//! Threat: a remote call between `begin` and `commit` holds locks for as long as the remote server takes, and its effect
//! remains when the transaction is rolled back. Decision: a transaction records the task that opened it, and the one
//! function that calls providers asks [`outside_transactions`] and refuses. The check is always on, because it costs one
//! lock of a short list. Rejected: a rule that only reviewers check, and a type parameter on every function that may
//! call a provider.

use super::dialect::NOW;
use crate::{clock::Clock, locks};
use sqlx::{Postgres, Sqlite, Transaction};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    thread::{self, ThreadId},
};
use tokio::{sync::Notify, task};

/// An open transaction. Dropping it without [`Tx::commit`] rolls it back.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    clock: Clock,
    announced: Arc<Notify>,
    announces: bool,
    statements: u32,
    _open: Open,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) fn new(inner: Inner, clock: Clock, announced: Arc<Notify>) -> Self {
        Self { inner, clock, announced, announces: false, statements: 0, _open: Open::new() }
    }

    /// The connection for one statement of the macros [`super::execute`] and [`super::fetch`].
    pub(crate) fn inner(&mut self) -> &mut Inner {
        self.statements += 1;
        &mut self.inner
    }

    /// The number of statements that were run in this transaction so far, [`Tx::now`] not counted.
    #[must_use]
    pub const fn statements(&self) -> u32 {
        self.statements
    }

    /// Commits.
    ///
    /// # Errors
    /// If the database fails. Then nothing was changed, unless the connection was lost while the answer was on its way.
    pub async fn commit(self) -> sqlx::Result<()> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await?,
            Inner::Postgres(transaction) => transaction.commit().await?,
        }
        if self.announces {
            self.announced.notify_one();
        }
        Ok(())
    }

    /// Wakes the task that waits for [`super::Db::announced`] once this transaction is committed.
    pub fn announce(&mut self) {
        self.announces = true;
    }

    /// The present time in microseconds since 1970, by the clock of the database, which hosts with different clocks
    /// share. With [`Clock::Set`], the time of that clock.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn now(&mut self) -> sqlx::Result<i64> {
        if let Clock::Set(_) = self.clock {
            return Ok(self.clock.now().as_microsecond());
        }
        let (now,): (i64,) = match &mut self.inner {
            Inner::Sqlite(connection) => sqlx::query_as(NOW.sqlite).fetch_one(&mut **connection).await?,
            Inner::Postgres(connection) => sqlx::query_as(NOW.postgres).fetch_one(&mut **connection).await?,
        };
        Ok(now)
    }

    /// The text of a statement for this database.
    pub(crate) const fn sql_for(&self, dialect: super::dialect::Dialect) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => dialect.sqlite,
            Inner::Postgres(_) => dialect.postgres,
        }
    }
}

/// The holder of an open transaction: a task, or a thread that runs a future outside any task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Task(task::Id),
    Thread(ThreadId),
}

static OPEN: LazyLock<Mutex<HashMap<Holder, u32>>> = LazyLock::new(Mutex::default);

fn open() -> MutexGuard<'static, HashMap<Holder, u32>> {
    locks::lock(&OPEN)
}

fn present_holder() -> Holder {
    task::try_id().map_or_else(|| Holder::Thread(thread::current().id()), Holder::Task)
}

/// Counts an open transaction until it is dropped.
#[derive(Debug)]
pub struct Open(Holder);

impl Open {
    fn new() -> Self {
        let holder = present_holder();
        *open().entry(holder).or_default() += 1;
        Self(holder)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = open();
        if let Some(count) = open.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.0);
            }
        }
    }
}

/// Whether the present task has no open transaction and may make remote calls.
#[must_use]
pub fn outside_transactions() -> bool {
    !open().contains_key(&present_holder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_holds_a_transaction_is_known() {
        assert!(outside_transactions());
        let (one, two) = (Open::new(), Open::new());
        assert!(!outside_transactions());
        drop(one);
        assert!(!outside_transactions());
        // Another task does not hold it.
        assert!(tokio::spawn(async { outside_transactions() }).await.unwrap());
        drop(two);
        assert!(outside_transactions());
    }
}
