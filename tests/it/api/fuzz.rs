//! schemathesis: no internal error, no undocumented answer, and no refusal of a good request but by a listed rule.

use super::document::rules;
use crate::http::world::World;
use anyhow::ensure;
use chronus_host::rate_limits::Rate;
use chronus_tests::{
    peers::{self, Peer, Python},
    random::seed,
};
use serde_json::json;
use std::time::Duration;

/// How many requests are sent; `CHRONUS_CASES` says another number.
const CASES: u64 = 1_000;

/// How long a thousand requests may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn made_up_requests_break_nothing() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::ApiPython])? {
        return Ok(());
    }
    let cases = std::env::var("CHRONUS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    // More than the requests of this test, however fast they are.
    let world = World::with(|config| {
        config.limits.set(Rate::Search, 1_000_000);
        config.limits.set(Rate::Write, 1_000_000);
    })
    .await?;
    let document = world.ask("GET", "/v1/openapi.json", None)?.send().await?.has_status(200)?;
    let ours = &world.ours;
    let input = json!({
        "document": document, "origin": world.origin(), "token": ours.as_admin, "cases": cases, "seed": seed()?,
        "rules": rules()?,
        "ids": { "organisation": ours.organisation, "program": ours.program, "person": ours.person,
            "meeting": ours.meeting, "token": ours.token, "code": "not-found" },
    });
    let longest = PATIENCE * u32::try_from(cases.div_ceil(CASES))?;
    let seen = Python::of(Peer::ApiPython).await?.run_within(longest, "api_fuzz.py", &[], &input).await?;
    ensure!(seen["failures"] == json!([]), "{:#}", seen["failures"]);
    ensure!(seen["cases"].as_u64() >= Some(cases), "{seen}");
    ensure!(seen["accepted"].as_u64() >= Some(cases / 10), "{seen}");
    println!("{} requests, {} accepted", seen["cases"], seen["accepted"]);
    Ok(())
}
