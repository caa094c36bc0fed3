//! Opening connected accounts again.
//!
//! Problem: a person gets or loses a calendar, or the right to write one, and the host does not notice, because it only
//! knows what the account said when it was connected. Decision: the host opens every account daily (`jobs/schedule.rs`),
//! each by a job of its own, at a time of day that depends on the connection's id, so that a service gets the calls of a
//! large organisation evenly. An account that cannot be opened keeps its last state and is tried on the next day; a
//! refused credential is handled as in every other call. If the service denies the access, the account loses the
//! abilities to write, so that pages and the API do not promise what fails. Meetings that waited for write access are
//! pushed when the account has it. Rejected: retrying a failed opening, which another run follows anyway.

use super::{
    access::{CalendarAccess, NotCallable},
    store,
};
use crate::{
    db::{self, Db},
    ids::{self, ConnectionId},
    jobs::{self, Effect, Lease, LeaseError, Outcome},
    oauth::token_lease::RefreshError,
};
use jiff::SignedDuration;

const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// Enqueues the opening of every connected account, spread over the next 24 hours.
///
/// # Errors
/// If the lease was lost, or the database fails.
pub async fn enqueue_all(db: &Db, lease: &Lease) -> Result<Outcome, LeaseError> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    for (connection, owner) in store::connected(&mut tx).await? {
        let at = now.checked_add(time_of_day(connection)).unwrap_or(now);
        jobs::enqueue_at(&mut tx, &Effect::ReopenAccount { connection }, &owner, at).await?;
    }
    jobs::complete_in(tx, lease).await
}

/// Opens one account again, and stores its calendars and abilities.
///
/// # Errors
/// If the lease was lost, or the database fails.
pub async fn reopen(calendars: &CalendarAccess, lease: &Lease, id: ConnectionId) -> Result<Outcome, LeaseError> {
    let Some(mut stored) = calendars.db.read(async |tx| store::by_id(tx, id).await).await? else {
        return jobs::complete(&calendars.db, lease).await;
    };
    let (organisation, person) = (stored.connection.organisation, stored.connection.person);
    match calendars.open_session(organisation, person).await {
        Ok(mut session) => {
            let could_write = session.connection.home().is_some();
            if let Some(put_off) = calendars.reopen(&mut session).await? {
                return Ok(put_off);
            }
            match (could_write, session.connection.home().is_some()) {
                (false, true) => {
                    let mut tx = calendars.db.begin().await?;
                    jobs::enqueue_for(&mut tx, &Effect::DeliverMeetings { person }, &lease.owner).await?;
                    return jobs::complete_in(tx, lease).await;
                }
                (true, false) => tracing::warn!(connection = %id, "the account lost write access"),
                _ => {}
            }
        }
        Err(NotCallable::Database(error)) => return Err(error.into()),
        Err(error @ NotCallable::Sealed(_)) => return Ok(Outcome::Retry { error: error.to_string(), after: None }),
        Err(NotCallable::Token(RefreshError::Denied(error))) => {
            calendars.record_lost_write(&mut stored.connection).await?;
            tracing::warn!(connection = %id, error, "the account cannot be opened now, and lost write access");
        }
        Err(error) => tracing::info!(connection = %id, %error, "the account cannot be opened now; trying tomorrow"),
    }
    jobs::complete(&calendars.db, lease).await
}

/// A time of day that is the same for a connection every day, and evenly distributed over all connections.
fn time_of_day(connection: ConnectionId) -> SignedDuration {
    let digest = ids::digest(connection.to_string());
    let number = u64::from_str_radix(&digest[..12], 16).unwrap_or_default();
    SignedDuration::from_secs(i64::try_from(number % SECONDS_OF_A_DAY).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_opened_at_all_times_of_the_day() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let mut hours = [0_u32; 24];
        for _ in 0..2400 {
            let connection = ConnectionId::new(at);
            let time = time_of_day(connection);
            assert_eq!(time, time_of_day(connection));
            hours[usize::try_from(time.as_hours()).unwrap()] += 1;
        }
        assert!(hours.iter().all(|accounts| (40..=180).contains(accounts)), "{hours:?}");
    }
}
