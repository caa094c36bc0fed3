//! A generated client lives the README's story: offers, connect, busy, meet, replay, move, cancel.

use crate::service::world::{PASSWORD, World, sign_in};
use anyhow::{Context, ensure};
use chronus_tests::peers::{self, Peer, Python};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_client_lives_the_story() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::ApiPython, Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let document = host.client(&world.integration)?.get("/v1/openapi.json").await?;
    let input = json!({
        "document": document, "origin": host.origin(), "token": world.ann.token, "program": world.program,
        "person": world.ann.id, "attendee": world.ben.id, "sign_in": sign_in(PASSWORD),
    });
    let seen = Python::of(Peer::ApiPython).await?.run("api_story.py", &[], &input).await?;
    let wanted = json!({
        "actor": [200, "person"],
        "busy before": [200, "not-connected"],
        "offers": [200, ["ical"]],
        "connected": [200, "connected"],
        "busy after": [200, "known", 0],
        "created": [201, true, false],
        "replayed": [201, true, "true"],
        "reused": [409, "idempotency-key-reused"],
        "in the calendar": "present",
        "unchanged": 304,
        "moved": [200, "2027-03-05T14:00:00+00:00", "2027-03-05T15:00:00+00:00", 2],
        "stale": [412, "precondition-failed"],
        "listed": [200, [true]],
        "cancelled": [200, "cancelled"],
    });
    let wanted = wanted.as_object().context("an object")?;
    for (step, wanted) in wanted {
        ensure!(&seen[step] == wanted, "{step}: {} and not {wanted}", seen[step]);
    }
    ensure!(seen.as_object().map(serde_json::Map::len) == Some(wanted.len()), "{seen}");
    Ok(())
}
