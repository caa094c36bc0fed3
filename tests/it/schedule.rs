//! Periodic work is done once by all hosts together, and once after a pause of days; what a wrong clock put off is done.

use anyhow::{Context, ensure};
use chronus_host::{
    clock::Clock,
    ids::MeetingId,
    jobs::{self, Count, Effect, schedule},
};
use chronus_tests::{database::Database, jobs::claim};
use jiff::SignedDuration;
use std::time::Duration;

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

/// O9 of the operators' review: what was put off while the clock was a day ahead stood still for a day after it was right
/// again.
#[tokio::test]
async fn a_clock_that_was_ahead_puts_nothing_off_for_longer_than_a_pause() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let right = Clock::at("2026-11-24T09:00:00Z".parse()?);
    let ahead = Clock::at("2026-11-25T09:00:00Z".parse()?);
    let (db, wrong) = (database.open(&right).await?, database.open(&ahead).await?);
    let effects = [(); 4].map(|()| Effect::PushMeeting { meeting: MeetingId::new(right.now()) });
    let mut tx = wrong.begin().await?;
    for effect in &effects {
        jobs::enqueue(&mut tx, effect).await?;
    }
    // One fails, one fails with a pause of the service's, one is begun by a host that is killed, and one waits.
    for after in [None, Some(Duration::from_secs(600))] {
        let lease = claim(&mut tx, "a host", Duration::from_secs(30)).await?.context("it is due")?;
        jobs::retry(&mut tx, &lease, "the service is away", after).await?;
    }
    claim(&mut tx, "a host", Duration::from_secs(30)).await?.context("it is due")?;
    tx.commit().await?;
    schedule::enqueue_due(&wrong).await?;

    // The clock is right again, and a host looks for periodic work.
    schedule::enqueue_due(&db).await?;
    let claimed = async || -> anyhow::Result<usize> {
        let mut tx = db.begin().await?;
        let mut claimed = 0;
        while claim(&mut tx, "another", Duration::from_secs(3000)).await?.is_some() {
            claimed += 1;
        }
        tx.commit().await?;
        Ok(claimed)
    };
    // Periodic work, which the wrong clock had put off as well, is due at once.
    let at_once = 2 + schedule::TASKS.len();
    ensure!(claimed().await? == at_once, "what was begun and what waits is done at once");
    right.advance(SignedDuration::from_secs(3));
    ensure!(claimed().await? == 1, "what failed is tried after its pause");
    right.advance(SignedDuration::from_secs(600));
    ensure!(claimed().await? == 1, "and what the service put off after that pause");
    // Periodic work is due a period from now at the latest.
    right.advance(SignedDuration::from_hours(24));
    ensure!(schedule::enqueue_due(&db).await? == schedule::TASKS.len());
    Ok(())
}

#[tokio::test]
async fn a_job_that_waits_is_listed_with_its_reason_and_can_be_hastened() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = Clock::at("2026-11-24T09:00:00Z".parse()?);
    let db = database.open(&clock).await?;
    let mut tx = db.begin().await?;
    for _ in 0..2 {
        jobs::enqueue(&mut tx, &Effect::PushMeeting { meeting: MeetingId::new(clock.now()) }).await?;
        let lease = claim(&mut tx, "a host", Duration::from_secs(30)).await?.context("it is due")?;
        jobs::retry(&mut tx, &lease, "the service is away", Some(Duration::from_secs(600))).await?;
    }
    let waiting = jobs::list_waiting(&mut tx, 10).await?;
    let [one, other] = &waiting[..] else { anyhow::bail!("{waiting:?}") };
    ensure!(one.error.as_deref() == Some("the service is away") && one.attempts == 1, "{one:?}");
    ensure!(one.due_at > clock.now() && one.due_at <= other.due_at, "{waiting:?}");
    // All together keep the pause that the service asked for; one that is named does not.
    ensure!(jobs::hasten_all(&mut tx, None).await?.len() == 2);
    ensure!(claim(&mut tx, "a host", Duration::from_secs(30)).await?.is_none());
    ensure!(jobs::hasten(&mut tx, one.job).await? && !jobs::hasten(&mut tx, one.job).await?);
    let lease = claim(&mut tx, "a host", Duration::from_secs(30)).await?.context("it is due")?;
    ensure!(lease.job == one.job && lease.attempt == 2, "{lease:?}");
    Ok(())
}
