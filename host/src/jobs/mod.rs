//! Background jobs: every action of the host on other systems.
//!
//! Problem: a committed change must reach the calendar, even if the service is down, the host is killed at any instant,
//! or two hosts act at once; a change that was rolled back must not. Decision: one table, and one way into it. An
//! [`Effect`] is [`enqueue`]d in the transaction of the change that causes it, and the [`Runner`] of some host runs it.
//! An effect only names objects; its handler reads their present state. So an effect may run late, run twice, or run
//! once for two changes, which keeps everything else simple:
//!
//! - Equal effects are one job until it begins. `enqueue` writes to the row of that job even if it changes nothing,
//!   so that no host can begin the job before the change is visible. A job that is running may have read the old state,
//!   so an equal effect becomes another job then.
//! - Jobs of one *lane* (a meeting, for example) run one at a time, by a unique index; the one that is due for longest
//!   comes first. A lane is not a queue: a failed job that waits is overtaken, which is harmless, because both read the
//!   same present state. So a failing job delays no other, in its own lane or elsewhere.
//! - A running job is *leased* for some seconds by the database's clock; the runner extends the lease. If a host dies,
//!   its jobs are late by one lease at most. Every lease increments the job's *fence*, so a host that lost its lease can
//!   neither [`complete`] the job nor record a failure.
//! - [`complete`] deletes the job in the transaction in which the handler stores its results. A host that dies before
//!   that runs the job again, so handlers must recognise their own earlier writes: remote writes carry a key, and are
//!   compared by content.
//! - A handler that runs longer than its effect's timeout is cancelled and tried again.
//! - Each runner shares its workers fairly by class, organisation and origin (`fairness`); mail has workers of
//!   its own. A job belongs to the [`Owner`] on whose account it runs. So work that hangs delays nobody else's.
//! - A job that cannot be tried now (its calendar is being called already, its service is known to be down) is [`put_off`]:
//!   that is no attempt.
//! - A failed job is tried again for about a day ([`MAX_ATTEMPTS`]). Then it is kept as a *dead letter*, which an
//!   operator can list and retry, and which is deleted when an equal job succeeds. The audit log names what was given up;
//!   a handler that is about to change another system says so ([`begin_act`]), so that the entry can tell whether the
//!   change may have been made.
//! - Instants are those of the database's clock, which may have been ahead. A job that was put off by a clock that was ahead
//!   keeps its pause, and not the instant ([`schedule`]).
//!
//! Rejected: a queue outside the database (two commits that may disagree), a leader (one more thing to lose), waiting
//! behind a failed job (one bad event would stop a calendar), and PostgreSQL's notifications (a second mechanism that
//! saves half a second).

mod effect;
pub mod fail_points;
mod retry_now;
mod runner;
pub mod schedule;
mod store;
mod workers;

pub use effect::Effect;
pub use retry_now::{retry_all, retry_now};
pub use runner::{Outcome, Runner, Settings};
pub use store::{
    Count, DeadLetter, Lease, LeaseError, Owner, Queue, RetryOutcome, State, WaitingJob, begin_act, bury, claim, count,
    due, enqueue, enqueue_at, enqueue_for, extend, finish, has_failed, hasten, hasten_all, list_dead, list_waiting,
    put_off, queue, retry, revive, verify_lease,
};

use crate::db::{Db, Tx};
use std::time::Duration;

/// The number of attempts after which a job becomes a dead letter: with the pauses of [`backoff`], about a day.
pub const MAX_ATTEMPTS: i64 = 60;

/// The longest pause before the second attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that the host chooses itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// The longest pause that a service can ask for, so that a wrong clock at the service cannot stop a meeting for a year.
const LONGEST_FLOOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Ends a job that has nothing to store.
///
/// # Errors
/// If the lease was lost, or the database fails.
pub async fn complete(db: &Db, lease: &Lease) -> Result<Outcome, LeaseError> {
    complete_in(db.begin().await?, lease).await
}

/// Ends a job, and commits the transaction in which its handler stored the results.
///
/// # Errors
/// If the lease was lost, or the database fails; then the transaction is rolled back.
pub async fn complete_in(mut tx: Tx, lease: &Lease) -> Result<Outcome, LeaseError> {
    finish(&mut tx, lease).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}

/// The pause after an attempt (the first is 1): a random part of a maximum that doubles with every attempt, so that jobs
/// that failed together do not come back together. The pause that the service asked for (`after`) comes on top.
#[must_use]
pub fn backoff(attempt: i64, after: Option<Duration>, random: u64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 32) - 1).unwrap_or(0);
    let most = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    // Below 2^53 both are exact.
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    after.unwrap_or_default().min(LONGEST_FLOOR) + most.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_attempts_together_take_about_a_day() {
        let middle = u64::MAX / 2;
        let whole: Duration = (1..MAX_ATTEMPTS).map(|attempt| backoff(attempt, None, middle)).sum();
        assert!((20..30).contains(&(whole.as_secs() / 3600)), "{whole:?}");
    }

    proptest! {
        #[test]
        fn pauses_double_up_to_an_hour_and_spread_over_all_of_it(attempt in 1_i64..1000, random: u64) {
            let most = backoff(attempt, None, u64::MAX);
            prop_assert!(backoff(attempt, None, random) <= most && most <= LONGEST_PAUSE);
            prop_assert!(most <= backoff(attempt + 1, None, u64::MAX));
            prop_assert!(backoff(attempt, None, 0) < Duration::from_secs(1));
            if attempt <= 10 {
                let twice = most * 2;
                let next = backoff(attempt + 1, None, u64::MAX);
                prop_assert!(twice.abs_diff(next) < Duration::from_millis(1), "{twice:?} {next:?}");
            }
        }

        #[test]
        fn nobody_comes_back_before_the_service_allows_it_nor_a_day_late(
            attempt: i64, after in 0_u64..1_000_000, random: u64,
        ) {
            let after = Duration::from_secs(after);
            let pause = backoff(attempt, Some(after), random);
            prop_assert!(pause >= after.min(LONGEST_FLOOR));
            prop_assert!(pause <= LONGEST_FLOOR + LONGEST_PAUSE);
        }
    }
}
