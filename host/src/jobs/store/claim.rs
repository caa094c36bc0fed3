//! Claiming what is due, for a host to run.

use super::{
    Effect, Lease, LeaseError, Owner,
    end::{Burial, Reason, bury_row, give_back_unknown},
    held, microseconds,
};
use crate::{
    db::{self, Column, Tx, dialect::Dialect, dialect::skip_locked, execute, fetch},
    fairness::Share,
    jobs::MAX_ATTEMPTS,
};
use std::time::Duration;

const CLASS: Column = Column::of("jobs", "class");

#[derive(sqlx::FromRow)]
struct LeasedRow {
    id: String,
    effect: String,
    attempts: i64,
    fence: i64,
}

/// The shares with work: jobs that are due and whose lane is free, and jobs whose lease has ended. The index leads from one
/// share to the next, so this takes time for each share and not for each job.
const DUE: &str = "
    with recursive shares (class, organisation, origin) as (
        select class, organisation, origin from (
            select class, organisation, origin from jobs where state = 'ready'
            order by class, organisation, origin limit 1) least
        union all
        select next.class, next.organisation, next.origin from shares join jobs next on next.id = coalesce(
            (select id from jobs where state = 'ready' and jobs.class = shares.class
                and jobs.organisation = shares.organisation and jobs.origin > shares.origin
                order by jobs.origin limit 1),
            (select id from jobs where state = 'ready' and jobs.class = shares.class
                and jobs.organisation > shares.organisation order by jobs.organisation, jobs.origin limit 1),
            (select id from jobs where state = 'ready' and jobs.class > shares.class
                order by jobs.class, jobs.organisation, jobs.origin limit 1))
    ), due (class, organisation, origin, due_at) as (
        select class, organisation, origin, (
            select run_at from jobs where state = 'ready' and jobs.class = shares.class
                and jobs.organisation = shares.organisation and jobs.origin = shares.origin and run_at <= $1
                and not exists (select 1 from jobs held where held.lane = jobs.lane and held.state = 'leased')
                order by run_at limit 1) from shares
        union all
        select class, organisation, origin, lease_until from jobs where state = 'leased' and lease_until <= $1
    )
    select class, organisation, origin from due where due_at is not null
    group by class, organisation, origin order by min(due_at), organisation, origin";

/// The shares with work to begin now, the one due for longest first.
///
/// # Errors
/// If the database fails.
pub async fn due(tx: &mut Tx) -> sqlx::Result<Vec<Share>> {
    let now = tx.now().await?;
    let rows = fetch!(tx, all, (String, String, String), DUE, now)?;
    let share = |(class, organisation, origin): (String, String, String)| match CLASS.word(&class) {
        Ok(class) => Some(Share { class, organisation: organisation.into(), origin: origin.into() }),
        // While hosts of two versions run, the newer one runs them.
        Err(error) => {
            tracing::warn!(%error, "jobs wait for a newer version of this program");
            None
        }
    };
    Ok(rows.into_iter().filter_map(share).collect())
}

/// Takes over a job whose lease has ended.
const BEGIN_EXPIRED: Dialect = skip_locked!(
    "update jobs set lease_owner = $1, lease_until = $2, fence = fence + 1, attempts = attempts + 1
     where id = (select id from jobs where state = 'leased' and lease_until <= $3
                 and class = $4 and organisation = $5 and origin = $6
                 order by lease_until, id limit 1",
    ") returning id, effect, attempts, fence"
);

const BEGIN_DUE: Dialect = skip_locked!(
    "update jobs set state = 'leased', lease_owner = $1, lease_until = $2, fence = fence + 1, attempts = attempts + 1
     where id = (select id from jobs where state = 'ready' and run_at <= $3
                 and class = $4 and organisation = $5 and origin = $6
                 and not exists (select 1 from jobs held where held.lane = jobs.lane and held.state = 'leased')
                 order by run_at, id limit 1",
    ") returning id, effect, attempts, fence"
);

/// Claims a job of this share that is due and whose lane is free: first a job whose lease has ended, then the one due for
/// longest.
///
/// # Errors
/// If the database fails. [`db::is_taken`] means that another host has just claimed a job of the same lane.
pub async fn claim(tx: &mut Tx, host: &str, length: Duration, share: &Share) -> sqlx::Result<Option<Lease>> {
    let (class, organisation, origin) = (share.class.as_str(), &*share.organisation, &*share.origin);
    let expired = tx.sql_for(BEGIN_EXPIRED);
    let due = tx.sql_for(BEGIN_DUE);
    loop {
        let now = tx.now().await?;
        let until = now.saturating_add(microseconds(length));
        let mut begun = fetch!(tx, optional, LeasedRow, expired, host, until, now, class, organisation, origin)?;
        if begun.is_none() {
            begun = fetch!(tx, optional, LeasedRow, due, host, until, now, class, organisation, origin)?;
        }
        let Some(LeasedRow { id, effect, attempts, fence }) = begun else { return Ok(None) };
        if attempts > MAX_ATTEMPTS {
            tracing::error!(job = id, "job became a dead letter: the host of its last attempt did not end it");
            let error = "the host of the last attempt did not end it";
            bury_row(tx, db::parsed(&id)?, Burial { error, reason: Reason::NoMoreAttempts }, now).await?;
            continue;
        }
        match serde_json::from_str::<Effect>(&effect) {
            Ok(effect) => {
                let owner = Owner { organisation: organisation.to_owned(), origin: origin.to_owned() };
                return Ok(Some(Lease { job: db::parsed(&id)?, effect, attempt: attempts, owner, fence }));
            }
            // While hosts of two versions run, the newer one runs it.
            Err(_) => {
                tracing::warn!(
                    job = id,
                    attempt = attempts,
                    "job is unknown to this version of the program; it waits for a newer one"
                );
                give_back_unknown(tx, &id, attempts, now).await?;
            }
        }
    }
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
