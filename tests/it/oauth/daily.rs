//! Every day, connected accounts are opened again, and what has expired is deleted.

use super::world::{ANN, BEN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    ids::PersonId,
    jobs::{self, Effect, schedule},
};
use chronus_tests::google::Role;
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl World {
    /// Whether the account is known to be able to write a calendar.
    async fn writes(&self, person: PersonId, calendar: &str) -> anyhow::Result<bool> {
        let connection = self.connection(person).await?.context("no connection")?;
        // A calendar that cannot be written may be left out by the provider.
        let found = connection.account.calendars.iter().find(|known| known.id == calendar);
        Ok(found.is_some_and(|known| known.role.writes()))
    }

    async fn jobs(&self) -> anyhow::Result<(i64, i64)> {
        let count = self.app.db.read(async |tx| jobs::count(tx).await).await?;
        Ok((count.ready, count.leased))
    }
}

#[tokio::test]
async fn an_account_that_lost_write_access_shows_so_after_the_daily_look() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    let team = world.google.add_calendar(BEN, "Team", "Europe/Rome");
    world.google.share(&team, ANN, Some(Role::Writer));
    world.connect(&world.browser(), ANN).await?;
    ensure!(world.writes(world.ann, &team).await?);
    world.google.share(&team, ANN, Some(Role::Reader));
    ensure!(world.writes(world.ann, &team).await?, "who knows already?");

    ensure!(schedule::enqueue_due(&world.app.db).await? == 0);
    world.clock.advance(DAY);
    ensure!(schedule::enqueue_due(&world.app.db).await? == schedule::TASKS.len());
    let runner = work::start(&world.app).await?;
    // The account has its own time of the day.
    until("one job is left", || async { Ok(world.jobs().await? == (1, 0)) }).await?;
    ensure!(world.writes(world.ann, &team).await?, "the account was opened before its time");
    world.clock.advance(DAY);
    until("the account was opened", || async { Ok(!world.writes(world.ann, &team).await?) }).await?;
    until("nothing is left", || async { Ok(world.jobs().await? == (0, 0)) }).await?;
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn what_has_expired_is_deleted() -> anyhow::Result<()> {
    let world = World::new().await?;
    let before = world.rows().await?;
    world.begin(&world.browser()).await?;
    for statement in [
        "insert into sessions (id, person_id, hash, created_at, expires_at)
         select '1', min(id), cast('1' as bytea), 0, 1 from people",
        "insert into sign_in_links (hash, person_id, return_to, expires_at)
         select cast('1' as bytea), min(id), '/', 1 from people",
        "insert into sign_in_requests (id, email, return_to, created_at) values ('1', 'ann@school.example', '/', 0)",
        "insert into sign_in_slots (subject, slot, taken_at) values ('1', 0, 0)",
    ] {
        world.database.run(statement).await?;
    }
    let mut tx = world.app.db.begin().await?;
    jobs::enqueue(&mut tx, &Effect::DeleteExpired {}).await?;
    tx.commit().await?;
    // The authorization is good for some minutes.
    world.clock.advance(DAY);
    let runner = work::start(&world.app).await?;
    until("it is done", || async { Ok(world.jobs().await? == (0, 0)) }).await?;
    runner.shutdown().await;
    let mut after = world.rows().await?;
    after.remove("schedule");
    let mut before = before;
    before.remove("schedule");
    ensure!(after == before, "{after:?}\n{before:?}");
    Ok(())
}
