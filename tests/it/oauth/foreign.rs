//! A version of the provider that names another token endpoint: what an attacker would ship who got hold of a key that
//! operators trust.

use super::world::{ANN, Choice, World, refused};
use anyhow::ensure;
use chronus_host::{
    availability::{self, Busy},
    calendar::Window,
    connections::{ConnectError, State},
    plugins::registry::{self, AddOutcome, PendingVersion, Provenance},
};
use chronus_tests::{OPERATOR, components};
use jiff::SignedDuration;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

/// As long as the real one, so that it can take its place in the component's bytes.
pub(super) const REAL: &[u8] = b"https://oauth2.googleapis.com/token";
pub(super) const FOREIGN: &[u8] = b"https://oauth2.googleapls.com/token";

/// Counts the requests that arrive.
async fn trap() -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    Ok((origin, came))
}

/// The shipped component, and the same with the other token endpoint.
pub(super) async fn versions() -> anyhow::Result<[Vec<u8>; 2]> {
    let built = tokio::task::spawn_blocking(components).await??.provider("google")?;
    let shipped = std::fs::read(&built.path)?;
    let mut foreign = shipped.clone();
    let mut found = 0;
    while let Some(at) = foreign.windows(REAL.len()).position(|window| window == REAL) {
        foreign[at..at + FOREIGN.len()].copy_from_slice(FOREIGN);
        found += 1;
    }
    ensure!(found > 0, "the component names its token endpoint");
    Ok([shipped, foreign])
}

impl World {
    /// Adds a version of the provider, which waits until an operator accepts it.
    pub(super) async fn add_waiting(&self, bytes: &[u8]) -> anyhow::Result<PendingVersion> {
        let sha256 = chronus_host::ids::digest(bytes);
        let added = self.app.calendars.registry.add(&OPERATOR, bytes, Provenance::Digest(&sha256), false).await?;
        let AddOutcome::Waiting(waiting) = added else { anyhow::bail!("it is in use: {added:?}") };
        Ok(waiting)
    }
}

#[tokio::test]
async fn nothing_leaves_for_an_endpoint_that_nobody_accepted() -> anyhow::Result<()> {
    let (origin, came) = trap().await?;
    let world = World::leading(&[("https://oauth2.googleapls.com", &origin)]).await?;
    world.connect(&world.browser(), ANN).await?;

    let [_, foreign] = versions().await?;
    let waiting = world.add_waiting(&foreign).await?;
    let has_line = |text: &str| waiting.difference.iter().any(|line| line.what.contains(text));
    ensure!(
        has_line("token: https://oauth2.googleapis.com/token -> https://oauth2.googleapls.com/token"),
        "{waiting:?}"
    );
    ensure!(has_line("to https://oauth2.googleapls.com/token without a new sign-in: 1 connection"), "{waiting:?}");

    // While it waits, everything goes on as it was, by the old version's word.
    let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
    let busy = || availability::busy(&world.app.calendars, world.organisation, world.ann, window);
    world.clock.advance(SignedDuration::from_hours(2));
    world.token_requests();
    ensure!(matches!(busy().await?, Busy::Known { .. }));
    assert_eq!(world.token_requests(), 1);
    world.connect(&world.browser(), ANN).await?;
    assert_eq!(came.load(Ordering::SeqCst), 0);

    // Accepted, it is the operator's word, who was told how many tokens go there.
    registry::accept(&world.app.db, &OPERATOR, "google", &waiting.sha256).await?;
    assert_eq!(came.load(Ordering::SeqCst), 0);
    world.clock.advance(SignedDuration::from_hours(2));
    let stale = busy().await?;
    ensure!(matches!(&stale, Busy::Unknown { reason: "token-not-renewed", .. }), "{stale:?}");
    let asked = came.load(Ordering::SeqCst);
    ensure!(asked > 0 && world.token_requests() == 1, "only the accepted endpoint is asked");
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;
    ensure!(matches!(refused(world.finish(&ann, &callback).await)?, ConnectError::NoToken(_)));
    ensure!(came.load(Ordering::SeqCst) > asked, "the code goes there as well");
    Ok(())
}

/// An operator removes the provider, and adds another under its name: nothing says that this is the same service.
#[tokio::test]
async fn no_token_goes_to_another_provider_of_the_same_name() -> anyhow::Result<()> {
    let (origin, came) = trap().await?;
    let world = World::leading(&[("https://oauth2.googleapls.com", &origin)]).await?;
    world.connect(&world.browser(), ANN).await?;
    registry::remove(&world.app.db, &OPERATOR, "google", true).await?;
    let [shipped, foreign] = versions().await?;
    let waiting = world.add_waiting(&foreign).await?;
    let lost = "nothing says which endpoint replaces https://oauth2.googleapis.com/token: 1 connection";
    ensure!(waiting.difference.iter().any(|line| line.what.ends_with(lost)), "{waiting:?}");
    registry::accept(&world.app.db, &OPERATOR, "google", &waiting.sha256).await?;
    let state = async || anyhow::Ok(world.connection(world.ann).await?.map(|connection| connection.state));
    assert_eq!(state().await?, Some(State::Reconnect));
    world.clock.advance(SignedDuration::from_hours(2));
    let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
    let busy = availability::busy(&world.app.calendars, world.organisation, world.ann, window).await?;
    ensure!(matches!(busy, Busy::Unknown { reason: "reconnect", .. }), "{busy:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0);

    // The version that she connected with does not bring her back by itself: she signs in.
    let waiting = world.add_waiting(&shipped).await?;
    registry::accept(&world.app.db, &OPERATOR, "google", &waiting.sha256).await?;
    assert_eq!(state().await?, Some(State::Reconnect));
    world.connect(&world.browser(), ANN).await?;
    assert_eq!(state().await?, Some(State::Connected));
    assert_eq!(came.load(Ordering::SeqCst), 0);
    Ok(())
}
