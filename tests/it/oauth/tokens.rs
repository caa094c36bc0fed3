//! Tokens that end, that the service refuses, and that it takes back (R23, R25, X2).

use super::world::{ANN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::{SEALED_TABLES, watch, work},
    availability::{self, Busy},
    calendar::Window,
    connections::{NotCallable, State},
    jobs,
    secrets::{Keyring, rotation},
};
use chronus_tests::{OPERATOR, google::Fault};
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
    until("the access is taken back", || async {
        world.clock.advance(SignedDuration::from_secs(1));
        Ok(world.google.lasting_consents(ANN) == 0)
    })
    .await?;
    until("nothing is kept of it", || async { Ok(world.rows().await?["revocations"] == 0) }).await?;
    runner.shutdown().await;
    Ok(())
}

/// This host lacks the key of the credential. The person is disconnected all the same, and the token is revoked when the key
/// is back: it was not lost with the connection, nor by a change of keys in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_key_is_missing_is_revoked_when_the_key_is_back() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    let (keys, other) = (&world.app.config.keys, world.folder.path().join("other.keys"));
    let (db, keyring) = (&world.app.db, &world.app.calendars.keyring);
    let first = std::fs::read_to_string(keys)?;
    Keyring::generate_at(&other)?;
    let second = std::fs::read_to_string(&other)?;
    std::fs::write(keys, &second)?;
    world.disconnect(world.ann).await?;
    ensure!(world.connection(world.ann).await?.is_none(), "she is still connected");

    let runner = work::start(&world.app).await?;
    until("the revocation waits for the key", || async {
        let waiting = db.read(async |tx| jobs::list_waiting(tx, 100).await).await?;
        Ok(waiting.iter().any(|job| job.effect["kind"] == "revoke-token" && job.error.is_some()))
    })
    .await?;
    runner.shutdown().await;
    ensure!(world.google.lasting_consents(ANN) == 1 && world.rows().await?["revocations"] == 1);

    // The key is back, and gives way to the second one.
    std::fs::write(keys, format!("{second}{first}"))?;
    let rotated = rotation::rotate(db, &OPERATOR, keyring, &SEALED_TABLES).await?;
    ensure!(rotated.failed.is_empty() && rotated.left == 0, "{rotated:?}");
    std::fs::write(keys, &second)?;
    let runner = work::start(&world.app).await?;
    let watching = watch::start(&world.app);
    until("the access is taken back", || async { Ok(world.google.lasting_consents(ANN) == 0) }).await?;
    until("nothing is kept of it", || async { Ok(world.rows().await?["revocations"] == 0) }).await?;
    drop(watching);
    runner.shutdown().await;
    Ok(())
}
