//! Enqueuing.

use super::{Effect, Owner};
use crate::{
    db::{self, Tx, fetch},
    ids::JobId,
};
use jiff::Timestamp;

/// Enqueues an effect of the host itself; see [`enqueue_for`].
///
/// # Errors
/// If the database fails.
pub async fn enqueue(tx: &mut Tx, effect: &Effect) -> sqlx::Result<()> {
    enqueue_for(tx, effect, &Owner::HOST).await
}

/// Enqueues an effect; it is due when the transaction is committed. An equal job that has not begun is reused.
///
/// # Errors
/// If the database fails.
pub async fn enqueue_for(tx: &mut Tx, effect: &Effect, owner: &Owner) -> sqlx::Result<()> {
    let now = tx.now().await?;
    insert(tx, effect, owner, now, now).await
}

/// Enqueues an effect that is due at `at`. An equal job that has not begun becomes due no later than that, unless the
/// service asked for a longer pause.
///
/// # Errors
/// If the database fails.
pub async fn enqueue_at(tx: &mut Tx, effect: &Effect, owner: &Owner, at: Timestamp) -> sqlx::Result<()> {
    let now = tx.now().await?;
    insert(tx, effect, owner, at.as_microsecond(), now).await
}

/// An equal job is always written to, because the lock on its row keeps other hosts from claiming it before this
/// transaction is committed.
pub(super) const ENQUEUE: &str = "
    insert into jobs (id, effect, class, organisation, origin, lane, dedupe, state, run_at, not_before, attempts, fence,
                      created_at)
    values ($1, $2, $3, $4, $5, $6, $7, 'ready', $8, 0, 0, 0, $9)
    on conflict (dedupe) where state = 'ready' do update set
        organisation = excluded.organisation, origin = excluded.origin,
        run_at = case
            when excluded.run_at >= jobs.run_at then jobs.run_at
            when excluded.run_at < jobs.not_before then jobs.not_before
            else excluded.run_at end
    returning id";

async fn insert(tx: &mut Tx, effect: &Effect, owner: &Owner, run_at: i64, now: i64) -> sqlx::Result<()> {
    let id = JobId::new(db::instant(now)).to_string();
    let (effect_json, class, lane) = (db::to_json(effect)?, effect.class().as_str(), effect.lane());
    let (organisation, origin, dedupe) = (&owner.organisation, &owner.origin, effect.dedupe());
    let (job,) =
        fetch!(tx, one, (String,), ENQUEUE, id, effect_json, class, organisation, origin, lane, dedupe, run_at, now)?;
    // Ties the request or job that is the cause, whose span this line is in, to the job.
    tracing::debug!(job, kind = effect.kind(), "job enqueued");
    tx.announce();
    Ok(())
}
