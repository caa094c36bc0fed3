//! Every day, connected accounts are opened again, and what has expired is deleted.

use super::world::{ANN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    ids::PersonId,
    jobs::{self, Effect, schedule},
};
use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl World {
    /// When the account of a person was opened last.
    async fn opened_at(&self, person: PersonId) -> anyhow::Result<Timestamp> {
        Ok(self.connection(person).await?.context("no connection")?.opened_at)
    }

    async fn jobs(&self) -> anyhow::Result<(i64, i64)> {
        let count = self.app.db.read(async |tx| jobs::count(tx).await).await?;
        Ok((count.ready, count.leased))
    }
}

#[tokio::test]
async fn an_account_is_opened_again_every_day_at_its_own_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    let connected = world.opened_at(world.ann).await?;

    ensure!(schedule::enqueue_due(&world.app.db).await? == 0);
    world.clock.advance(DAY);
    ensure!(schedule::enqueue_due(&world.app.db).await? == schedule::TASKS.len());
    let runner = work::start(&world.app).await?;
    // The account has its own time of the day.
    until("one job is left", || async { Ok(world.jobs().await? == (1, 0)) }).await?;
    ensure!(world.opened_at(world.ann).await? == connected, "the account was opened before its time");
    world.clock.advance(DAY);
    until("the account was opened", || async { Ok(world.opened_at(world.ann).await? > connected) }).await?;
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
