//! A database with words that this version does not know, as a newer version may have written them: each read is an
//! error that names table, column and word, nothing is written to a calendar, and the other rows work.

mod walk; // Every column of the table of stored enums.

use super::world::{ANN, BEN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    db,
    ids::{MeetingId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome},
    meetings::push,
};
use serde_json::Value;
use std::time::Duration;

fn id(id: impl ToString) -> String {
    format!("id = '{}'", id.to_string())
}

/// The meeting is on the calendar, and stays there whatever is unknown about it; another one's job does its work.
#[tokio::test]
async fn nothing_is_done_to_a_calendar_because_of_an_unknown_word() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    for (person, session, account) in [(world.ann, "session-of-ann", ANN), (world.ben, "session-of-ben", BEN)] {
        world.connect(&world.browser_of(person, session), account).await?;
    }
    let (ann, ben) = (schedule(&world, world.ann).await?, schedule(&world, world.ben).await?);
    push_all(&world).await?;
    let events = |person: &str| world.google.events(person);
    let before = events(ANN);
    ensure!(before.len() == 1 && events(BEN).len() == 1, "{before:?}");

    let places = [
        ("meetings", "status", id(ann), "'confirmed'"),
        ("event_copies", "state", format!("meeting_id = '{ann}'"), "'present'"),
        ("connections", "state", format!("person_id = '{}'", world.ann), "'connected'"),
        ("connections", "level", format!("person_id = '{}'", world.ann), "'write'"),
    ];
    for (table, column, row, original) in places {
        ensure!(world.database.plant((table, column), "'perhaps'", &row).await? == 1, "{table}.{column}");
        world.google.take_requests();
        let lease = enqueue(&world, ann).await?;
        match push::push(&world.app.calendars, &lease, ann).await {
            Err(LeaseError::Database(error)) => {
                let unknown = db::unknown_word(&error).with_context(|| format!("{table}.{column}: {error}"))?;
                ensure!((unknown.table, unknown.column) == (table, column), "{unknown:?}");
                let outcome = Outcome::from(LeaseError::Database(error));
                ensure!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
            }
            other => anyhow::bail!("{table}.{column}: {other:?}"),
        }
        let requests = world.google.take_requests();
        ensure!(requests.iter().all(|request| request.method == "GET"), "{table}.{column}: {requests:?}");
        ensure!(events(ANN) == before, "{table}.{column}: {:?}", events(ANN));
        // Ben's meeting is another row.
        let other = enqueue(&world, ben).await?;
        ensure!(push::push(&world.app.calendars, &other, ben).await? == Outcome::Done, "{table}.{column}");
        ensure!(world.database.plant((table, column), original, &row).await? == 1, "{table}.{column}");
        ensure!(push::push(&world.app.calendars, &lease, ann).await? == Outcome::Done, "{table}.{column}");
        ensure!(events(ANN) == before, "{table}.{column}: {:?}", events(ANN));
    }
    Ok(())
}

/// As the runner has it: the job fails and is tried again, and is done once this version is the newer one.
#[tokio::test]
async fn a_job_with_an_unknown_word_is_tried_again_and_done_in_the_end() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    let meeting = schedule(&world, world.ann).await?;
    ensure!(world.database.plant(("meetings", "status"), "'perhaps'", &id(meeting)).await? == 1);
    let runner = work::start(&world.app).await?;
    let other = schedule(&world, world.ann).await?;
    until("the other meeting is on the calendar", || async { Ok(world.google.events(ANN).len() == 1) }).await?;
    until("the first one's job waits", || async {
        let count = world.app.db.read(async |tx| jobs::count(tx).await).await?;
        Ok((count.ready, count.leased, count.dead) == (1, 0, 0))
    })
    .await?;
    ensure!(titles(&world).len() == 1, "{:?}", titles(&world));
    ensure!(world.database.plant(("meetings", "status"), "'confirmed'", &id(meeting)).await? == 1);
    until("both are", || async {
        world.clock.advance(jiff::SignedDuration::from_millis(500));
        Ok(world.google.events(ANN).len() == 2)
    })
    .await?;
    ensure!(meeting != other);
    runner.shutdown().await;
    Ok(())
}

fn titles(world: &World) -> Vec<Value> {
    world.google.events(ANN).into_iter().map(|event| event["summary"].clone()).collect()
}

async fn schedule(world: &World, owner: PersonId) -> anyhow::Result<MeetingId> {
    world.schedule(owner, "Mentoring", "2026-12-01").await
}

/// Enqueues a push and takes its lease.
async fn enqueue(world: &World, meeting: MeetingId) -> anyhow::Result<Lease> {
    lease(world, &Effect::PushMeeting { meeting }).await
}

/// Enqueues a job and takes its lease.
async fn lease(world: &World, effect: &Effect) -> anyhow::Result<Lease> {
    let mut tx = world.app.db.begin().await?;
    jobs::enqueue(&mut tx, effect).await?;
    tx.commit().await?;
    let lease = claim(world).await?.context("no job is due")?;
    ensure!(lease.effect == *effect, "{lease:?}");
    Ok(lease)
}

async fn claim(world: &World) -> anyhow::Result<Option<Lease>> {
    let mut tx = world.app.db.begin().await?;
    let lease = chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60)).await?;
    tx.commit().await?;
    Ok(lease)
}

/// Pushes every meeting that is to be pushed.
async fn push_all(world: &World) -> anyhow::Result<()> {
    while let Some(lease) = claim(world).await? {
        match lease.effect {
            Effect::PushMeeting { meeting } => drop(push::push(&world.app.calendars, &lease, meeting).await?),
            Effect::DeliverMeetings { person } => drop(push::deliver(&world.app.calendars, &lease, person).await?),
            _ => {}
        }
    }
    Ok(())
}
