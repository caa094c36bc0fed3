//! The table `jobs`.
//!
//! The invariants are two partial unique indexes (at most one job of a lane is leased, and at most one of equal jobs is
//! ready) and the fence in the `where` clause of every statement that ends a job. A job that becomes ready again is
//! deleted and inserted by a statement that merges it with an equal job, because an uncommitted transaction may be
//! inserting one.

use super::{Effect, MAX_ATTEMPTS, backoff};
use crate::{
    audit::Author,
    db::{self, Column, Tx, dialect::Dialect, dialect::skip_locked, execute, fetch, string_enum},
    ids::JobId,
};
use jiff::Timestamp;
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

const STATE: Column = Column::of("jobs", "state");

/// Instants that are later than the present by more than this were written by a clock that was ahead.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// No lease is longer (`jobs.lease-seconds`).
const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);

/// Longer error texts are cut.
const ERROR_CHARACTERS: usize = 1000;

/// A job that this host may run for now.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The effect to carry out.
    pub effect: Effect,
    /// The number of attempts, including this one.
    pub attempt: i64,
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

/// The state of a job after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOutcome {
    /// It runs again, not before this instant.
    At(Timestamp),
    /// It was the last attempt; the job is a dead letter.
    Dead,
}

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

/// Enqueues an effect; it is due when the transaction is committed. An equal job that has not begun is reused.
///
/// # Errors
/// If the database fails.
pub async fn enqueue(tx: &mut Tx, effect: &Effect) -> sqlx::Result<()> {
    let now = tx.now().await?;
    insert(tx, effect, now, now).await
}

/// Enqueues an effect that is due at `at`. An equal job that has not begun becomes due no later than that, unless the
/// service asked for a longer pause.
///
/// # Errors
/// If the database fails.
pub async fn enqueue_at(tx: &mut Tx, effect: &Effect, at: Timestamp) -> sqlx::Result<()> {
    let now = tx.now().await?;
    insert(tx, effect, at.as_microsecond(), now).await
}

/// An equal job is always written to, because the lock on its row keeps other hosts from claiming it before this
/// transaction is committed.
const ENQUEUE: &str = "
    insert into jobs (id, effect, lane, dedupe, state, run_at, not_before, attempts, fence, created_at)
    values ($1, $2, $3, $4, 'ready', $5, 0, 0, 0, $6)
    on conflict (dedupe) where state = 'ready' do update set run_at = case
        when excluded.run_at >= jobs.run_at then jobs.run_at
        when excluded.run_at < jobs.not_before then jobs.not_before
        else excluded.run_at end
    returning id";

async fn insert(tx: &mut Tx, effect: &Effect, run_at: i64, now: i64) -> sqlx::Result<()> {
    let id = JobId::new(db::instant(now)).to_string();
    let (effect_json, lane, dedupe) = (db::to_json(effect)?, effect.lane(), effect.dedupe());
    let (job,) = fetch!(tx, one, (String,), ENQUEUE, id, effect_json, lane, dedupe, run_at, now)?;
    // Ties the request or job that is the cause, whose span this line is in, to the job.
    tracing::debug!(job, kind = effect.kind(), "job enqueued");
    tx.announce();
    Ok(())
}

#[derive(sqlx::FromRow)]
struct LeasedRow {
    id: String,
    effect: String,
    attempts: i64,
    fence: i64,
}

/// Takes over a job whose lease has ended.
const BEGIN_EXPIRED: Dialect = skip_locked!(
    "update jobs set lease_owner = $1, lease_until = $2, fence = fence + 1, attempts = attempts + 1
     where id = (select id from jobs where state = 'leased' and lease_until <= $3
                 order by lease_until, id limit 1",
    ") returning id, effect, attempts, fence"
);

const BEGIN_DUE: Dialect = skip_locked!(
    "update jobs set state = 'leased', lease_owner = $1, lease_until = $2, fence = fence + 1, attempts = attempts + 1
     where id = (select id from jobs where state = 'ready' and run_at <= $3
                 and not exists (select 1 from jobs held where held.lane = jobs.lane and held.state = 'leased')
                 order by run_at, id limit 1",
    ") returning id, effect, attempts, fence"
);

/// Claims a job that is due and whose lane is free: first a job whose lease has ended, then the one due for longest.
///
/// # Errors
/// If the database fails. [`db::is_taken`] means that another host has just claimed a job of the same lane.
pub async fn claim(tx: &mut Tx, owner: &str, length: Duration) -> sqlx::Result<Option<Lease>> {
    let expired = tx.sql_for(BEGIN_EXPIRED);
    let due = tx.sql_for(BEGIN_DUE);
    loop {
        let now = tx.now().await?;
        let until = now.saturating_add(microseconds(length));
        let mut begun = fetch!(tx, optional, LeasedRow, expired, owner, until, now)?;
        if begun.is_none() {
            begun = fetch!(tx, optional, LeasedRow, due, owner, until, now)?;
        }
        let Some(LeasedRow { id, effect, attempts, fence }) = begun else { return Ok(None) };
        if attempts > MAX_ATTEMPTS {
            tracing::error!(job = id, "job became a dead letter: the host of its last attempt did not end it");
            bury_row(tx, &id, "the host of the last attempt did not end it", now).await?;
            continue;
        }
        match serde_json::from_str::<Effect>(&effect) {
            Ok(effect) => return Ok(Some(Lease { job: db::parsed(&id)?, effect, attempt: attempts, fence })),
            // While hosts of two versions run, the newer one runs it.
            Err(_) => {
                tracing::warn!(
                    job = id,
                    attempt = attempts,
                    "job is unknown to this version of the program; it waits for a newer one"
                );
                let pause = backoff(attempts, None, random());
                give_back(tx, &id, "this version of the program does not know this job", now, pause, None).await?;
            }
        }
    }
}

/// The jobs that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How long the oldest of them has been due.
    pub oldest_due: Option<Duration>,
    /// Whether some host is running a job.
    pub is_running: bool,
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

/// Extends the lease to this length from now.
///
/// # Errors
/// If the lease was lost.
pub async fn extend(tx: &mut Tx, lease: &Lease, length: Duration) -> Result<(), LeaseError> {
    const EXTEND: &str = "update jobs set lease_until = $3 where id = $1 and fence = $2 and state = 'leased'";
    let until = tx.now().await?.saturating_add(microseconds(length));
    held(execute!(tx, EXTEND, lease.job.to_string(), lease.fence, until)?)
}

/// Deletes a job that succeeded, in the transaction that stores its results.
///
/// # Errors
/// If the lease was lost; then the transaction must be rolled back.
pub async fn finish(tx: &mut Tx, lease: &Lease) -> Result<(), LeaseError> {
    const DONE: &str = "delete from jobs where id = $1 and fence = $2 and state = 'leased'";
    const FORGET_DEAD: &str = "delete from jobs where dedupe = $1 and state = 'dead'";
    held(execute!(tx, DONE, lease.job.to_string(), lease.fence)?)?;
    // An equal job that failed for good earlier is done by this one.
    execute!(tx, FORGET_DEAD, lease.effect.dedupe())?;
    // A job of the same lane may be waiting.
    tx.announce();
    Ok(())
}

/// Records a failed attempt; the job runs again after a pause, at least the one that the service asked for (`after`).
/// `error` must not contain a secret. If an equal job was enqueued meanwhile, the two become one, which is due when the
/// new one was.
///
/// # Errors
/// If the lease was lost.
pub async fn retry(
    tx: &mut Tx,
    lease: &Lease,
    error: &str,
    after: Option<Duration>,
) -> Result<RetryOutcome, LeaseError> {
    if lease.attempt >= MAX_ATTEMPTS {
        bury(tx, lease, error).await?;
        return Ok(RetryOutcome::Dead);
    }
    verify_lease(tx, lease).await?;
    let now = tx.now().await?;
    let floor = after.map(|after| backoff(1, Some(after), 0));
    let pause = backoff(lease.attempt, after, random());
    let run_at = give_back(tx, &lease.job.to_string(), error, now, pause, floor).await?;
    Ok(RetryOutcome::At(db::instant(run_at)))
}

/// Makes a job a dead letter, in place of an earlier one of an equal job.
///
/// # Errors
/// If the lease was lost.
pub async fn bury(tx: &mut Tx, lease: &Lease, error: &str) -> Result<(), LeaseError> {
    verify_lease(tx, lease).await?;
    let now = tx.now().await?;
    bury_row(tx, &lease.job.to_string(), error, now).await?;
    tx.announce();
    Ok(())
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

/// Makes a waiting job due now, even if the service asked for a longer pause. Returns false if no such job waits.
///
/// # Errors
/// If the database fails.
pub async fn hasten(tx: &mut Tx, job: JobId) -> sqlx::Result<bool> {
    const HASTEN: &str =
        "update jobs set run_at = $2, not_before = 0 where id = $1 and state = 'ready' and run_at > $2";
    let now = tx.now().await?;
    let is_hastened = execute!(tx, HASTEN, job.to_string(), now)? == 1;
    tx.announce();
    Ok(is_hastened)
}

/// Makes all jobs that failed and wait for another attempt due now, or when their service allows it: those of one kind, or
/// all.
///
/// # Errors
/// If the database fails.
pub async fn hasten_all(tx: &mut Tx, kind: Option<&str>) -> sqlx::Result<Vec<JobId>> {
    const HASTEN: &str = "update jobs set run_at = case when not_before > $1 then not_before else $1 end
        where state = 'ready' and attempts > 0 and run_at > $1 and dedupe like $2 returning id";
    let now = tx.now().await?;
    let rows = fetch!(tx, all, (String,), HASTEN, now, of_kind(kind))?;
    tx.announce();
    rows.iter().map(|(id,)| db::parsed(id)).collect()
}

/// Revives all dead letters, of one kind or of all.
///
/// # Errors
/// If the database fails.
pub async fn revive_all(tx: &mut Tx, kind: Option<&str>) -> sqlx::Result<Vec<JobId>> {
    const LIST: &str = "select id from jobs where state = 'dead' and dedupe like $1 order by id";
    let mut revived = Vec::new();
    for (id,) in fetch!(tx, all, (String,), LIST, of_kind(kind))? {
        let job = db::parsed(&id)?;
        if revive(tx, job).await? {
            revived.push(job);
        }
    }
    Ok(revived)
}

/// Whether a job of this kind has failed, for now or for good.
///
/// # Errors
/// If the database fails.
pub async fn has_failed(tx: &mut Tx, kind: &str) -> sqlx::Result<bool> {
    const FAILED: &str =
        "select count(*) from jobs where state in ('ready', 'dead') and attempts > 0 and dedupe like $1";
    let (failed,) = fetch!(tx, one, (i64,), FAILED, of_kind(Some(kind)))?;
    Ok(failed > 0)
}

/// The pattern of [`Effect::dedupe`].
fn of_kind(kind: Option<&str>) -> String {
    kind.map_or_else(|| "%".to_owned(), |kind| format!("{kind}:%"))
}

/// Corrects what was written while the clock was ahead: a job keeps its pause, from now, and a lease ends. Otherwise
/// everything would stand still until the clock arrives there.
///
/// # Errors
/// If the database fails.
pub(super) async fn correct_future(tx: &mut Tx, now: i64) -> sqlx::Result<()> {
    const FAILED: &str = "
        update jobs set run_at = run_at - (failed_at - $1), failed_at = $1,
               not_before = case when not_before > 0 then not_before - (failed_at - $1) else 0 end
        where state = 'ready' and failed_at > $2";
    const NEW: &str = "update jobs set run_at = run_at - (created_at - $1), created_at = $1
        where state = 'ready' and failed_at is null and created_at > $2";
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

/// Makes a dead letter run again at once, as a first attempt. Returns false if there is no such dead letter.
///
/// # Errors
/// If the database fails.
pub async fn revive(tx: &mut Tx, job: JobId) -> sqlx::Result<bool> {
    const TAKE: &str = "delete from jobs where id = $1 and state = 'dead' returning effect, lane, dedupe, created_at";
    let now = tx.now().await?;
    let id = job.to_string();
    let taken = fetch!(tx, optional, (String, String, String, i64), TAKE, &id)?;
    let Some((effect, lane, dedupe, created_at)) = taken else { return Ok(false) };
    fetch!(tx, one, (String,), ENQUEUE, id, effect, lane, dedupe, now, created_at)?;
    tx.announce();
    Ok(true)
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

/// Checks that this host still has the lease, and keeps it until the transaction ends. A handler calls this before it
/// stores intermediate results, so that a host that lost its lease does not overwrite those of another.
///
/// # Errors
/// If the lease was lost; then the transaction must be rolled back.
pub async fn verify_lease(tx: &mut Tx, lease: &Lease) -> Result<(), LeaseError> {
    const HOLD: &str = "update jobs set fence = fence where id = $1 and fence = $2 and state = 'leased'";
    held(execute!(tx, HOLD, lease.job.to_string(), lease.fence)?)
}

fn held(rows: u64) -> Result<(), LeaseError> {
    if rows == 1 { Ok(()) } else { Err(LeaseError::Lost) }
}

/// Makes a leased job ready again, and returns when it is due. It is merged with an equal ready job, which was enqueued by
/// a change and therefore stays due when it was, but not before `floor`.
async fn give_back(
    tx: &mut Tx,
    id: &str,
    error: &str,
    now: i64,
    pause: Duration,
    floor: Option<Duration>,
) -> sqlx::Result<i64> {
    #[derive(sqlx::FromRow)]
    struct DeletedRow {
        effect: String,
        lane: String,
        dedupe: String,
        attempts: i64,
        fence: i64,
        created_at: i64,
    }
    const TAKE: &str = "delete from jobs where id = $1 returning effect, lane, dedupe, attempts, fence, created_at";
    const GIVE: &str = "
        insert into jobs (id, effect, lane, dedupe, state, run_at, not_before, attempts, fence, error, created_at,
                failed_at)
        values ($1, $2, $3, $4, 'ready', $5, $6, $7, $8, $9, $10, $11)
        on conflict (dedupe) where state = 'ready' do update set
            run_at = case
                when excluded.run_at < jobs.run_at then excluded.run_at
                when jobs.run_at < excluded.not_before then excluded.not_before
                else jobs.run_at end,
            not_before = excluded.not_before, attempts = excluded.attempts, error = excluded.error,
            failed_at = excluded.failed_at
        returning run_at";
    let DeletedRow { effect, lane, dedupe, attempts, fence, created_at } = fetch!(tx, one, DeletedRow, TAKE, id)?;
    let run_at = now.saturating_add(microseconds(pause));
    let floor = floor.map_or(0, |floor| now.saturating_add(microseconds(floor)));
    let error = cut(error);
    let (run_at,) = fetch!(
        tx,
        one,
        (i64,),
        GIVE,
        id,
        effect,
        lane,
        dedupe,
        run_at,
        floor,
        attempts,
        fence,
        error,
        created_at,
        now
    )?;
    tx.announce();
    Ok(run_at)
}

/// Makes a leased job a dead letter.
async fn bury_row(tx: &mut Tx, id: &str, error: &str, now: i64) -> sqlx::Result<()> {
    const MAKE_ROOM: &str =
        "delete from jobs where state = 'dead' and dedupe = (select dedupe from jobs where id = $1)";
    const BURY: &str = "update jobs set state = 'dead', run_at = $2, error = $3, lease_until = null, lease_owner = null
        where id = $1";
    execute!(tx, MAKE_ROOM, id)?;
    execute!(tx, BURY, id, now, cut(error))?;
    Ok(())
}

fn cut(error: &str) -> String {
    error.chars().take(ERROR_CHARACTERS).collect()
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn random() -> u64 {
    // Only spreads load; without randomness, every pause has its full length.
    getrandom::u64().unwrap_or(u64::MAX)
}

/// Moves the instant at which a periodic task is due next, if it is due. Only one of several hosts gets `true`.
pub(super) async fn take_due(tx: &mut Tx, task: &str, now: Timestamp, next: Timestamp) -> sqlx::Result<bool> {
    const FIRST: &str = "insert into schedule (task, next_at) values ($1, $2) on conflict (task) do nothing";
    // A row that is due later than a new one would be was written by a clock that was ahead.
    const DUE: &str = "update schedule set next_at = $2 where task = $1 and (next_at <= $3 or next_at > $2)";
    let (now, next) = (now.as_microsecond(), next.as_microsecond());
    execute!(tx, FIRST, task, next)?;
    Ok(execute!(tx, DUE, task, next, now)? == 1)
}
