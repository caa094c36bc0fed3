//! The table `jobs`.
//!
//! The invariants are two partial unique indexes (at most one job of a lane is leased, and at most one of equal jobs is
//! ready) and the fence in the `where` clause of every statement that ends a job. A job that becomes ready again is
//! deleted and inserted by a statement that merges it with an equal job, because an uncommitted transaction may be
//! inserting one.

mod claim;
mod end;
mod enqueue;
mod hasten;
mod list;
mod schedule;

pub use claim::{claim, due, extend};
pub use end::{RetryOutcome, bury, finish, put_off, retry};
pub use enqueue::{enqueue, enqueue_at, enqueue_for};
pub(super) use hasten::revive_all;
pub use hasten::{hasten, hasten_all, revive};
pub use list::{Count, DeadLetter, Queue, WaitingJob, count, has_failed, list_dead, list_waiting, queue};
pub(super) use schedule::{correct_future, take_due};

use super::Effect;
use crate::{
    audit::Author,
    db::{Tx, execute, fetch, string_enum},
    ids::{JobId, OrganisationId},
};
use std::time::Duration;

string_enum! {
    /// The state of a job.
    pub enum State {
        /// Waits until it is due.
        Ready = "ready",
        /// A host is doing it, or the host that began it has died.
        Leased = "leased",
        /// Given up: a dead letter.
        Dead = "dead",
    }
}

/// On whose account a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    organisation: String,
    origin: String,
}

impl Owner {
    /// The host itself.
    pub const HOST: Self = Self { organisation: String::new(), origin: String::new() };

    /// An organisation.
    #[must_use]
    pub fn organisation(organisation: OrganisationId) -> Self {
        Self { organisation: organisation.to_string(), origin: String::new() }
    }

    /// An organisation, for work at this server or service.
    #[must_use]
    pub fn at(organisation: OrganisationId, origin: String) -> Self {
        Self { organisation: organisation.to_string(), origin }
    }
}

/// A job that this host may run until its lease ends.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The effect to carry out.
    pub effect: Effect,
    /// The number of attempts, including this one.
    pub attempt: i64,
    /// On whose account it runs.
    pub owner: Owner,
    fence: i64,
}

impl Lease {
    /// The host, working on this job, as the author of audit entries.
    #[must_use]
    pub const fn author(&self) -> Author {
        Author::Job(self.job)
    }
}

/// Why the state of a job cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another host has the job or has completed it. The transaction must be rolled back.
    #[error("the lease of this job was lost: it lasted too long without being extended, and another host took over")]
    Lost,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Checks that this host still has the lease, and keeps it until the transaction ends. A handler calls this before it
/// stores intermediate results, so that a host that lost its lease does not overwrite those of another.
///
/// # Errors
/// If the lease was lost; then the transaction must be rolled back.
pub async fn verify_lease(tx: &mut Tx, lease: &Lease) -> Result<(), LeaseError> {
    const HOLD: &str = "update jobs set fence = fence where id = $1 and fence = $2 and state = 'leased'";
    held(execute!(tx, HOLD, lease.job.to_string(), lease.fence)?)
}

/// Checks the lease as [`verify_lease`] does, and stores that the handler is about to change something on another system. A
/// handler calls this in its last transaction before that. If the job is given up afterwards, the audit log says that the
/// outcome is unknown: the change may have been made, and only the answer lost.
///
/// # Errors
/// If the lease was lost; then the transaction must be rolled back.
pub async fn begin_act(tx: &mut Tx, lease: &Lease) -> Result<(), LeaseError> {
    const BEGIN: &str = "update jobs set act_begun_at = $3 where id = $1 and fence = $2 and state = 'leased'";
    let now = tx.now().await?;
    held(execute!(tx, BEGIN, lease.job.to_string(), lease.fence, now)?)
}

/// A job that was taken out of the table, to be inserted again.
#[derive(sqlx::FromRow)]
struct DeletedRow {
    effect: String,
    class: String,
    organisation: String,
    origin: String,
    lane: String,
    dedupe: String,
    attempts: i64,
    fence: i64,
    created_at: i64,
    act_begun_at: Option<i64>,
}

/// Removes a job from the table and returns it, or `None` if the table has no job with this id in this state.
async fn delete(tx: &mut Tx, id: &str, state: State) -> sqlx::Result<Option<DeletedRow>> {
    const DELETE: &str = "delete from jobs where id = $1 and state = $2
        returning effect, class, organisation, origin, lane, dedupe, attempts, fence, created_at, act_begun_at";
    fetch!(tx, optional, DeletedRow, DELETE, id, state.as_str())
}

fn held(rows: u64) -> Result<(), LeaseError> {
    if rows == 1 { Ok(()) } else { Err(LeaseError::Lost) }
}

/// The pattern of [`Effect::dedupe`].
fn of_kind(kind: Option<&str>) -> String {
    kind.map_or_else(|| "%".to_owned(), |kind| format!("{kind}:%"))
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
