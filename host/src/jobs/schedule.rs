//! Periodic work.
//!
//! Problem: some work is due every day, whether or not anything changes, on any number of hosts, which may be down when
//! it is due. Decision: the table [`TASKS`] lists the work; one row of the database for each task has the instant at
//! which it is due next. Every host looks once a minute. The host that moves the instant on enqueues the effect in the
//! same transaction, so the work is enqueued once. The next instant is counted from now, so a deployment that was down
//! for days does the work once. On a new database, a task is first due one period after the first host has started.
//! Rejected: a leader, which must be elected and can be lost; effects that enqueue their successor, because one that
//! becomes a dead letter would end the series.

use super::{Effect, store};
use crate::db::{self, Db};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// How often a host looks whether a task is due.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// A row of the table.
#[derive(Debug)]
pub struct Task {
    /// What is enqueued. The task is stored under the effect's kind.
    pub effect: Effect,
    /// The time from one run to the next.
    pub period: SignedDuration,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// All periodic work.
pub const TASKS: [Task; 3] = [
    // The contract promises providers that the host opens every account daily.
    Task { effect: Effect::ReopenAccounts {}, period: DAY },
    Task { effect: Effect::DeleteExpired {}, period: HOUR },
    // Whatever made a service refuse a meeting may be over.
    Task { effect: Effect::ReleaseStuck { provider: None }, period: DAY },
];

/// Corrects what a clock that was ahead has put off, enqueues the tasks that are due, and returns their number. Other hosts
/// that call this at the same time enqueue none of them.
///
/// # Errors
/// If the database fails; then nothing is enqueued.
pub async fn enqueue_due(db: &Db) -> sqlx::Result<usize> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    store::correct_future(&mut tx, now.as_microsecond()).await?;
    let mut enqueued = 0;
    for Task { effect, period } in TASKS {
        let next = now.checked_add(period).unwrap_or(now);
        if store::take_due(&mut tx, effect.kind(), now, next).await? {
            store::enqueue(&mut tx, &effect).await?;
            enqueued += 1;
        }
    }
    tx.commit().await?;
    Ok(enqueued)
}

/// Enqueues what becomes due, until the host stops.
pub(super) async fn run(db: Db, mut stopped: watch::Receiver<bool>) {
    let mut reachable = true;
    while !*stopped.borrow_and_update() {
        match enqueue_due(&db).await {
            Ok(_) => reachable = true,
            // Logged once, not every minute until the database is back.
            Err(error) => {
                if std::mem::take(&mut reachable) {
                    tracing::error!(%error, "periodic work cannot be enqueued; trying again every minute");
                }
            }
        }
        // Running out of time is the usual case: the next look is due.
        let _ = timeout(CHECK_INTERVAL, stopped.changed()).await;
    }
}
