//! Listing and counting.

use super::{State, of_kind};
use crate::{
    db::{self, Column, Tx, fetch},
    ids::JobId,
};
use jiff::Timestamp;
use std::time::Duration;

const STATE: Column = Column::of("jobs", "state");

/// A job that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    /// The job.
    pub job: JobId,
    /// The stored effect, which may come from another version of this program.
    pub effect: serde_json::Value,
    /// The number of attempts.
    pub attempts: i64,
    /// The last error.
    pub error: String,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it became a dead letter.
    pub since: Timestamp,
}

/// A job that waits until it is due.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WaitingJob {
    /// The job.
    pub job: JobId,
    /// The stored effect.
    pub effect: serde_json::Value,
    /// The number of attempts that failed.
    pub attempts: i64,
    /// Why the last attempt failed; `None` before the first.
    pub error: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// The instant at which it is due.
    pub due_at: Timestamp,
}

/// The number of jobs in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// Waiting, due or not.
    pub ready: i64,
    /// Running, or claimed by a host that died.
    pub leased: i64,
    /// Dead letters.
    pub dead: i64,
}

/// The jobs that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How long the oldest of them has been due.
    pub oldest_due: Option<Duration>,
    /// Whether some host is running a job.
    pub is_running: bool,
}

#[derive(sqlx::FromRow)]
struct DeadLetterRow {
    id: String,
    effect: String,
    attempts: i64,
    error: Option<String>,
    created_at: i64,
    run_at: i64,
}

/// Lists dead letters after this one, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list_dead(tx: &mut Tx, after: Option<JobId>, limit: u32) -> sqlx::Result<Vec<DeadLetter>> {
    const LIST: &str = "select id, effect, attempts, error, created_at, run_at from jobs
        where state = 'dead' and id > $1 order by id limit $2";
    let after = after.map(|job| job.to_string()).unwrap_or_default();
    let rows = fetch!(tx, all, DeadLetterRow, LIST, after, i64::from(limit))?;
    let letter = |row: DeadLetterRow| {
        Ok(DeadLetter {
            job: db::parsed(&row.id)?,
            effect: Column::of("jobs", "effect").json(&row.effect)?,
            attempts: row.attempts,
            error: row.error.unwrap_or_default(),
            created_at: db::instant(row.created_at),
            since: db::instant(row.run_at),
        })
    };
    rows.into_iter().map(letter).collect()
}

/// Lists jobs that wait, in the order in which they become due.
///
/// # Errors
/// If the database fails.
pub async fn list_waiting(tx: &mut Tx, limit: u32) -> sqlx::Result<Vec<WaitingJob>> {
    const LIST: &str = "select id, effect, attempts, error, created_at, run_at from jobs
        where state = 'ready' order by run_at, id limit $1";
    let rows = fetch!(tx, all, DeadLetterRow, LIST, i64::from(limit))?;
    let job = |row: DeadLetterRow| {
        Ok(WaitingJob {
            job: db::parsed(&row.id)?,
            effect: Column::of("jobs", "effect").json(&row.effect)?,
            attempts: row.attempts,
            error: row.error,
            created_at: db::instant(row.created_at),
            due_at: db::instant(row.run_at),
        })
    };
    rows.into_iter().map(job).collect()
}

/// Whether a job of this kind has failed, and waits for another attempt or is a dead letter.
///
/// # Errors
/// If the database fails.
pub async fn has_failed(tx: &mut Tx, kind: &str) -> sqlx::Result<bool> {
    const FAILED: &str =
        "select count(*) from jobs where state in ('ready', 'dead') and attempts > 0 and dedupe like $1";
    let (failed,) = fetch!(tx, one, (i64,), FAILED, of_kind(Some(kind)))?;
    Ok(failed > 0)
}

/// Counts the jobs in each state.
///
/// # Errors
/// If the database fails.
pub async fn count(tx: &mut Tx) -> sqlx::Result<Count> {
    const COUNT: &str = "select state, count(*) from jobs group by state";
    let mut count = Count::default();
    for (state, jobs) in fetch!(tx, all, (String, i64), COUNT)? {
        match STATE.word(&state)? {
            State::Ready => count.ready = jobs,
            State::Leased => count.leased = jobs,
            State::Dead => count.dead = jobs,
        }
    }
    Ok(count)
}

/// Tells how long jobs have been due, and whether they are being worked off.
///
/// # Errors
/// If the database fails.
pub async fn queue(tx: &mut Tx) -> sqlx::Result<Queue> {
    const OLDEST: &str = "select min(run_at) from jobs where state = 'ready' and run_at <= $1";
    const RUNNING: &str = "select count(*) from jobs where state = 'leased' and lease_until > $1";
    let now = tx.now().await?;
    let (oldest,) = fetch!(tx, one, (Option<i64>,), OLDEST, now)?;
    let (running,) = fetch!(tx, one, (i64,), RUNNING, now)?;
    let age = |run_at: i64| Duration::from_micros(now.saturating_sub(run_at).unsigned_abs());
    Ok(Queue { oldest_due: oldest.map(age), is_running: running > 0 })
}
