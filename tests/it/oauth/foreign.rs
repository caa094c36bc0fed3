//! A version of the provider that names another token endpoint: what an attacker would ship who got hold of a key that
//! operators trust.

use super::world::{ANN, Choice, World, refused};
use anyhow::{Context as _, ensure};
use chronus_host::{
    availability::{self, Busy},
    calendar::Window,
    connections::ConnectError,
    plugins::registry::{self, AddOutcome, Provenance},
};
use chronus_tests::{OPERATOR, components};
use jiff::SignedDuration;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

/// As long as the real one, so that it can take its place in the component's bytes.
const REAL: &[u8] = b"https://oauth2.googleapis.com/token";
const FOREIGN: &[u8] = b"https://oauth2.googleapls.com/token";

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

fn replaced(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    while let Some(at) = bytes.windows(REAL.len()).position(|window| window == REAL) {
        bytes[at..at + FOREIGN.len()].copy_from_slice(FOREIGN);
        found += 1;
    }
    ensure!(found > 0, "the component names its token endpoint");
    Ok(bytes)
}

#[tokio::test]
async fn nothing_leaves_for_an_endpoint_that_nobody_accepted() -> anyhow::Result<()> {
    let (origin, came) = trap().await?;
    let world = World::leading(&[("https://oauth2.googleapls.com", &origin)]).await?;
    world.connect(&world.browser(), ANN).await?;

    let built = tokio::task::spawn_blocking(components).await??.provider("google")?;
    let foreign = replaced(&std::fs::read(&built.path)?)?;
    let sha256 = chronus_host::ids::digest(&foreign);
    let registry = &world.app.calendars.registry;
    let added = registry.add(&OPERATOR, &foreign, Provenance::Digest(&sha256), false).await?;
    let AddOutcome::Waiting(waiting) = added else { anyhow::bail!("it is in use: {added:?}") };
    let line = waiting.difference.iter().find(|line| line.what.contains("oauth2.googleapls.com/token"));
    line.context("the difference names the endpoint")?;

    // While it waits, everything goes on as it was, by the old version's word.
    let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
    let busy = || availability::busy(&world.app.calendars, world.organisation, world.ann, window);
    world.clock.advance(SignedDuration::from_hours(2));
    world.token_requests();
    ensure!(matches!(busy().await?, Busy::Known { .. }));
    assert_eq!(world.token_requests(), 1);
    world.connect(&world.browser(), ANN).await?;
    assert_eq!(came.load(Ordering::SeqCst), 0);

    // Accepted, it is the operator's word. The tokens of the old endpoint do not go to the new one even then.
    registry::accept(&world.app.db, &OPERATOR, "google", &waiting.sha256).await?;
    world.clock.advance(SignedDuration::from_hours(2));
    let stale = busy().await?;
    ensure!(matches!(&stale, Busy::Unknown { reason: "token-not-renewed", .. }), "{stale:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0);
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;
    ensure!(matches!(refused(world.finish(&ann, &callback).await)?, ConnectError::NoToken(_)));
    ensure!(came.load(Ordering::SeqCst) > 0, "now it is asked");
    Ok(())
}
