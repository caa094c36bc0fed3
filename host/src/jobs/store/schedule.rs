//! The clock: what is due next, and what a clock that was ahead has put off.

use super::microseconds;
use crate::db::{Tx, execute};
use jiff::Timestamp;
use std::time::Duration;

/// Instants that are later than the present by more than this were written by a clock that was ahead.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// No lease is longer (`jobs.lease-seconds`).
const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);

/// Corrects what was written while the clock was ahead: a job keeps its pause, from now, and a lease ends. Otherwise
/// everything would stand still until the clock arrives there.
///
/// # Errors
/// If the database fails.
pub(in crate::jobs) async fn correct_future(tx: &mut Tx, now: i64) -> sqlx::Result<()> {
    const FAILED: &str = "
        update jobs set run_at = run_at - (paused_at - $1), paused_at = $1,
               not_before = case when not_before > 0 then not_before - (paused_at - $1) else 0 end
        where state = 'ready' and paused_at > $2";
    const NEW: &str = "update jobs set run_at = run_at - (created_at - $1), created_at = $1
        where state = 'ready' and paused_at is null and created_at > $2";
    const LEASED: &str = "update jobs set lease_until = $1 where state = 'leased' and lease_until > $2";
    let slack = now.saturating_add(microseconds(CLOCK_SLACK));
    let corrected = execute!(tx, FAILED, now, slack)? + execute!(tx, NEW, now, slack)?;
    let ended = execute!(tx, LEASED, now, now.saturating_add(microseconds(LONGEST_LEASE)))?;
    if corrected + ended > 0 {
        tracing::warn!(jobs = corrected, leases = ended, "the clock was ahead; jobs that it put off were corrected");
        tx.announce();
    }
    Ok(())
}

/// Moves the instant at which a periodic task is due next, if it is due. Only one of several hosts gets `true`.
pub(in crate::jobs) async fn take_due(tx: &mut Tx, task: &str, now: Timestamp, next: Timestamp) -> sqlx::Result<bool> {
    const FIRST: &str = "insert into schedule (task, next_at) values ($1, $2) on conflict (task) do nothing";
    // A row that is due later than a new one would be was written by a clock that was ahead.
    const DUE: &str = "update schedule set next_at = $2 where task = $1 and (next_at <= $3 or next_at > $2)";
    let (now, next) = (now.as_microsecond(), next.as_microsecond());
    execute!(tx, FIRST, task, next)?;
    Ok(execute!(tx, DUE, task, next, now)? == 1)
}
