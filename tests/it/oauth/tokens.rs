//! Tokens that end, that the service refuses, and that it takes back (R23, R25, X2).

use super::world::{ANN, World};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    availability::{self, Busy},
    calendar::Window,
    connections::{NotCallable, State},
};
use chronus_tests::google::Fault;
use futures_util::future::try_join_all;
use jiff::SignedDuration;

impl World {
    async fn busy(&self) -> anyhow::Result<Busy> {
        let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
        Ok(availability::busy(&self.app.calendars, self.organisation, self.ann, window).await?)
    }

    /// Fifty workers, each a task of its own, who ask at once.
    async fn fifty_times_busy(&self) -> anyhow::Result<Vec<Busy>> {
        let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
        let ask = |_| {
            let (calendars, organisation, person) = (self.app.calendars.clone(), self.organisation, self.ann);
            tokio::spawn(async move { availability::busy(&calendars, organisation, person, window).await })
        };
        let asked: Vec<_> = (0..50).map(ask).collect();
        let mut all = Vec::new();
        for busy in try_join_all(asked).await? {
            all.push(busy?);
        }
        Ok(all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_workers_on_one_token_that_has_ended_make_one_request() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    world.clock.advance(SignedDuration::from_hours(2));
    world.token_requests();
    for busy in world.fifty_times_busy().await? {
        ensure!(matches!(busy, Busy::Known { .. }), "{busy:?}");
    }
    assert_eq!(world.token_requests(), 1);
    Ok(())
}

/// A token that ends before its time: the service says 401 in the middle of a call, and the call goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_renewed_and_the_request_sent_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    world.google.expire_access_tokens(ANN);
    world.token_requests();
    for busy in world.fifty_times_busy().await? {
        ensure!(matches!(busy, Busy::Known { .. }), "{busy:?}");
    }
    assert_eq!(world.token_requests(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_lost_grant_ends_a_connection_and_signing_in_again_mends_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let first = world.connect(&world.browser(), ANN).await?;
    // A temporary failure is not a lost grant.
    for fault in [
        Fault::refuse(503, "backendError"),
        Fault::refuse(500, "backendError"),
        Fault::refuse(429, "rateLimitExceeded"),
        Fault::Cut,
    ] {
        world.clock.advance(SignedDuration::from_hours(2));
        world.google.fail_next(1, None, "/token", fault.clone());
        let busy = world.busy().await?;
        ensure!(matches!(&busy, Busy::Unknown { reason: "token-not-renewed", .. }), "{fault:?}: {busy:?}");
        ensure!(world.connection(world.ann).await?.is_some_and(|now| now.state == State::Connected), "{fault:?}");
        ensure!(matches!(world.busy().await?, Busy::Known { .. }), "{fault:?}: it goes on by itself");
    }
    // Fifty who meet it, and one who waits for the others' failure: the service is not asked fifty times.
    world.google.revoke_everything(ANN);
    world.clock.advance(SignedDuration::from_hours(2));
    world.token_requests();
    for busy in world.fifty_times_busy().await? {
        ensure!(matches!(busy, Busy::Unknown { reason: "reconnect", .. }), "{busy:?}");
    }
    assert_eq!(world.token_requests(), 1);
    let lost = world.connection(world.ann).await?.context("it is kept")?;
    assert_eq!(lost.state, State::Reconnect);
    ensure!(matches!(
        world.app.calendars.open_session(world.organisation, world.ann).await,
        Err(NotCallable::Reconnect)
    ));

    let again = world.connect(&world.browser(), ANN).await?;
    ensure!(again.id == first.id && again.connected_at == first.connected_at, "it is the same connection");
    ensure!(matches!(world.busy().await?, Busy::Known { .. }));
    Ok(())
}

/// A disconnect revokes the token at the service, also if the service does not answer at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_revokes() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    world.google.fail_next(1, None, "/revoke", Fault::refuse(503, "backendError"));
    world.disconnect(world.ann).await?;
    ensure!(world.connection(world.ann).await?.is_none());
    ensure!(world.google.lasting_consents(ANN) == 1, "the service does not know yet");
    let runner = work::start(&world.app).await?;
    // The next attempt is a moment later, by a clock that stands still.
    super::world::until("the access is taken back", || async {
        world.clock.advance(SignedDuration::from_secs(1));
        Ok(world.google.lasting_consents(ANN) == 0)
    })
    .await?;
    super::world::until("nothing is kept of it", || async { Ok(world.rows().await?["revocations"] == 0) }).await?;
    runner.shutdown().await;
    Ok(())
}
