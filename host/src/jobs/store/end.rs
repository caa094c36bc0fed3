//! Ending a lease: the job is done, runs again later, or is given up.

use super::{Effect, Lease, LeaseError, State, delete, held, microseconds, verify_lease};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::{self, Tx, execute, fetch},
    ids::JobId,
    jobs::{MAX_ATTEMPTS, backoff},
};
use jiff::Timestamp;
use std::time::Duration;

/// Longer error texts are cut.
const ERROR_CHARACTERS: usize = 1000;

/// The state of a job after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOutcome {
    /// It runs again, not before this instant.
    At(Timestamp),
    /// It was the last attempt; the job is a dead letter.
    Dead,
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
    verify_lease(tx, lease).await?;
    let now = tx.now().await?;
    if lease.attempt >= MAX_ATTEMPTS {
        bury_row(tx, lease.job, Burial { error, reason: Reason::NoMoreAttempts }, now).await?;
        return Ok(RetryOutcome::Dead);
    }
    let floor = after.map(|after| backoff(1, Some(after), 0));
    let pause = backoff(lease.attempt, after, random());
    let pause = Pause { length: pause, floor, is_attempt: true };
    let run_at = give_back(tx, &lease.job.to_string(), error, now, pause).await?;
    Ok(RetryOutcome::At(db::instant(run_at)))
}

/// Puts a job off that could not be tried now, for a reason that is not its own. This is no attempt, so it can happen any
/// number of times.
///
/// # Errors
/// If the lease was lost.
pub async fn put_off(tx: &mut Tx, lease: &Lease, reason: &str, after: Duration) -> Result<Timestamp, LeaseError> {
    verify_lease(tx, lease).await?;
    let now = tx.now().await?;
    // Spread, so that not all come back together.
    let pause = Pause { length: backoff(1, Some(after), random()), floor: None, is_attempt: false };
    Ok(db::instant(give_back(tx, &lease.job.to_string(), reason, now, pause).await?))
}

/// Makes a job a dead letter that its handler says cannot succeed, in place of an earlier one of an equal job.
///
/// # Errors
/// If the lease was lost.
pub async fn bury(tx: &mut Tx, lease: &Lease, error: &str) -> Result<(), LeaseError> {
    verify_lease(tx, lease).await?;
    let now = tx.now().await?;
    Ok(bury_row(tx, lease.job, Burial { error, reason: Reason::Refused }, now).await?)
}

/// How long a job waits.
#[derive(Debug, Clone, Copy)]
struct Pause {
    length: Duration,
    /// The part that the service asked for.
    floor: Option<Duration>,
    /// Whether the lease was an attempt.
    is_attempt: bool,
}

/// Makes a leased job ready again, and returns when it is due. It is merged with an equal ready job, which was enqueued by
/// a change and therefore stays due when it was, but not before `floor`.
async fn give_back(tx: &mut Tx, id: &str, error: &str, now: i64, pause: Pause) -> sqlx::Result<i64> {
    const GIVE: &str = "
        insert into jobs (id, effect, class, organisation, origin, lane, dedupe, state, run_at, not_before, attempts,
                          fence, error, created_at, paused_at, act_begun_at)
        values ($1, $2, $3, $4, $5, $6, $7, 'ready', $8, $9, $10, $11, $12, $13, $14, $15)
        on conflict (dedupe) where state = 'ready' do update set
            run_at = case
                when excluded.run_at < jobs.run_at then excluded.run_at
                when jobs.run_at < excluded.not_before then excluded.not_before
                else jobs.run_at end,
            not_before = excluded.not_before, attempts = excluded.attempts, error = excluded.error,
            paused_at = excluded.paused_at, act_begun_at = excluded.act_begun_at
        returning run_at";
    let row = delete(tx, id, State::Leased).await?.ok_or(sqlx::Error::RowNotFound)?;
    let run_at = now.saturating_add(microseconds(pause.length));
    let floor = pause.floor.map_or(0, |floor| now.saturating_add(microseconds(floor)));
    let attempts = row.attempts - i64::from(!pause.is_attempt);
    let (run_at,) = fetch!(
        tx,
        one,
        (i64,),
        GIVE,
        id,
        row.effect,
        row.class,
        row.organisation,
        row.origin,
        row.lane,
        row.dedupe,
        run_at,
        floor,
        attempts,
        row.fence,
        cut(error),
        row.created_at,
        now,
        row.act_begun_at
    )?;
    tx.announce();
    Ok(run_at)
}

/// Makes a leased job ready again that this version of the program does not know.
pub(super) async fn give_back_unknown(tx: &mut Tx, id: &str, attempt: i64, now: i64) -> sqlx::Result<()> {
    let error = "this version of the program does not know this job";
    let pause = Pause { length: backoff(attempt, None, random()), floor: None, is_attempt: true };
    give_back(tx, id, error, now, pause).await.map(drop)
}

/// The end of a job that becomes a dead letter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burial<'a> {
    pub(super) error: &'a str,
    pub(super) reason: Reason,
}

/// Why a job is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its handler says that it cannot succeed.
    Refused,
    /// It has failed too often, or the host of its last attempt has died.
    NoMoreAttempts,
}

/// A job that has become a dead letter.
#[derive(sqlx::FromRow)]
struct BuriedRow {
    effect: String,
    organisation: String,
    act_begun_at: Option<i64>,
}

/// Makes a leased job a dead letter, and records that.
pub(super) async fn bury_row(tx: &mut Tx, job: JobId, burial: Burial<'_>, now: i64) -> sqlx::Result<()> {
    const MAKE_ROOM: &str =
        "delete from jobs where state = 'dead' and dedupe = (select dedupe from jobs where id = $1)";
    const BURY: &str = "update jobs set state = 'dead', run_at = $2, error = $3, lease_until = null, lease_owner = null
        where id = $1 returning effect, organisation, act_begun_at";
    let id = job.to_string();
    execute!(tx, MAKE_ROOM, &id)?;
    let row = fetch!(tx, one, BuriedRow, BURY, &id, now, cut(burial.error))?;
    tx.announce();
    record(tx, job, burial.reason, &row).await
}

/// Records that a job was given up, on the object of its effect. The error is left out: it may hold text of a service.
async fn record(tx: &mut Tx, job: JobId, reason: Reason, row: &BuriedRow) -> sqlx::Result<()> {
    let (subject, kind) = match serde_json::from_str::<Effect>(&row.effect) {
        Ok(effect) => (effect.subject(job), Some(effect.kind())),
        // A newer version of the program enqueued it.
        Err(_) => (job.into(), None),
    };
    let outcome = match (reason, row.act_begun_at) {
        (Reason::NoMoreAttempts, Some(_)) => "unknown",
        (Reason::Refused, _) | (Reason::NoMoreAttempts, None) => "failed",
    };
    let by = Author::Job(job);
    let organisation = (!row.organisation.is_empty()).then(|| db::parsed(&row.organisation)).transpose()?;
    let entry = Entry::new(&by, Act::JobFailed, subject).organisation(organisation);
    audit::record(tx, entry.after(Values::new().optional(kind, Values::kind).outcome(outcome))).await
}

fn cut(error: &str) -> String {
    error.chars().take(ERROR_CHARACTERS).collect()
}

fn random() -> u64 {
    // Only spreads load; without randomness, every pause has its full length.
    getrandom::u64().unwrap_or(u64::MAX)
}
