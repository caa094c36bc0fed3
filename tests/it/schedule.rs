//! Periodic work is done once by all hosts together, and once after a pause of days.

use anyhow::ensure;
use chronus_host::{
    clock::Clock,
    jobs::{self, Count, schedule},
};
use chronus_tests::database::Database;
use jiff::SignedDuration;

const TASKS: usize = schedule::TASKS.len();

#[tokio::test]
async fn what_is_due_is_enqueued_by_one_of_two_hosts() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = Clock::at("2026-11-24T09:00:00Z".parse()?);
    let (one, other) = (database.open(&clock).await?, database.open(&clock).await?);
    let both = async || -> anyhow::Result<usize> {
        let (by_one, by_other) = tokio::join!(schedule::enqueue_due(&one), schedule::enqueue_due(&other));
        Ok(by_one? + by_other?)
    };
    ensure!(both().await? == 0, "work is due on a new database");
    for _ in 0..8 {
        clock.advance(SignedDuration::from_hours(24));
        ensure!(both().await? == TASKS, "the work of a day is not enqueued once");
        ensure!(both().await? == 0, "it is enqueued again");
        // Until a job begins, the next day's is the same one.
        let Count { ready, leased, dead } = one.read(async |tx| jobs::count(tx).await).await?;
        ensure!((usize::try_from(ready)?, leased, dead) == (TASKS, 0, 0), "{ready} {leased} {dead}");
    }
    Ok(())
}

#[tokio::test]
async fn work_that_was_due_for_days_is_enqueued_once() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = Clock::at("2026-11-24T09:00:00Z".parse()?);
    let db = database.open(&clock).await?;
    ensure!(schedule::enqueue_due(&db).await? == 0);
    clock.advance(SignedDuration::from_hours(24 * 5));
    ensure!(schedule::enqueue_due(&db).await? == TASKS);
    ensure!(schedule::enqueue_due(&db).await? == 0, "a missed day is made up for");
    for task in schedule::TASKS {
        let short = task.period.checked_sub(SignedDuration::from_secs(1)).unwrap_or_default();
        let due = schedule::TASKS.iter().filter(|other| other.period <= short).count();
        let database = Database::fresh().await?;
        let db = database.open(&clock).await?;
        ensure!(schedule::enqueue_due(&db).await? == 0);
        clock.advance(short);
        ensure!(schedule::enqueue_due(&db).await? == due, "{task:?}");
        clock.advance(SignedDuration::from_secs(1));
        ensure!(schedule::enqueue_due(&db).await? >= 1, "{task:?}");
    }
    Ok(())
}
