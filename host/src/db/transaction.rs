//! A transaction, and the rule that nobody calls out while one is open.
//!
//! Threat: a remote call between `begin` and `commit` holds locks for as long as a stranger's server likes, and its
//! effect stays when the transaction is rolled back. Decision: a transaction knows the task that opened it; the one
//! door for calls to providers asks [`outside_transactions`] and refuses. Always on, because it costs a lock of a
//! short list. Rejected: a rule for reviewers only, and a type parameter on every function that may call out.

use super::dialect::NOW;
use crate::clock::Clock;
use sqlx::{Postgres, Sqlite, Transaction};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};
use tokio::{sync::Notify, task};

/// An open transaction. Rolled back when it is dropped without [`Tx::commit`].
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    clock: Clock,
    announced: Arc<Notify>,
    announces: bool,
    _open: Open,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) fn new(inner: Inner, clock: Clock, announced: Arc<Notify>) -> Self {
        Self { inner, clock, announced, announces: false, _open: Open::new() }
    }

    /// For the macros of this module's parent.
    pub(crate) fn inner(&mut self) -> &mut Inner {
        &mut self.inner
    }

    /// Makes what was done in it last.
    ///
    /// # Errors
    /// If the database cannot; then nothing of it was done, unless the connection was lost on the way.
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

    /// Wakes whoever waits for [`super::Db::announced`], as soon as this is committed.
    pub fn announce(&mut self) {
        self.announces = true;
    }

    /// The present time, in microseconds since 1970, by the clock of the database: hosts whose clocks differ share
    /// it. A test that sets its own clock gets that one.
    ///
    /// # Errors
    /// If the database is gone.
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

    /// The text for this database.
    pub(crate) const fn sql_for(&self, dialect: super::dialect::Dialect) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => dialect.sqlite,
            Inner::Postgres(_) => dialect.postgres,
        }
    }
}

/// Who has a transaction open: a task, or a thread that runs a future without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Task(task::Id),
    Thread(ThreadId),
}

static OPEN: LazyLock<Mutex<HashMap<Who, u32>>> = LazyLock::new(Mutex::default);

fn open() -> MutexGuard<'static, HashMap<Who, u32>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn who() -> Who {
    task::try_id().map_or_else(|| Who::Thread(thread::current().id()), Who::Task)
}

/// Counts an open transaction for as long as it lives.
#[derive(Debug)]
pub struct Open(Who);

impl Open {
    fn new() -> Self {
        let who = who();
        *open().entry(who).or_default() += 1;
        Self(who)
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

/// Whether whoever asks has no transaction open, and may call out.
#[must_use]
pub fn outside_transactions() -> bool {
    !open().contains_key(&who())
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
