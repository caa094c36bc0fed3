//! The database is away: requests are told to come back, and the host is not ready.

use super::world::World;
use anyhow::ensure;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// O26 and the second half of O1 of the operators' review: 500 where 503 is true, and "ready" while nothing can be written.
#[tokio::test]
async fn a_database_that_accepts_no_writes_is_503_and_the_host_is_not_ready() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ready = async || world.ask("GET", "/health/ready", None)?.send().await;
    let add = async |name: &str| {
        world.ask("POST", "/v1/programs", Some(&world.ours.as_admin))?.json(&json!({ "name": name })).send().await
    };
    let until_ready = async || -> anyhow::Result<()> {
        while ready().await?.status != 200 {}
        Ok(())
    };
    timeout(Duration::from_secs(60), until_ready()).await??;
    let outage = world.database.refuse_writes().await?;
    // The last result is used for a second.
    let begun = Instant::now();
    let (mut answer, mut took) = (ready().await?, begun.elapsed());
    while answer.status == 200 {
        ensure!(begun.elapsed() < Duration::from_secs(60), "it stays ready");
        let asked = Instant::now();
        (answer, took) = (ready().await?, asked.elapsed());
    }
    let problem = answer.has_status(503)?;
    ensure!(problem["code"] == "not-ready", "{problem}");
    ensure!(problem["detail"] == "the database accepted no write within a second", "{problem}");
    ensure!(took < Duration::from_secs(3), "readiness took {took:?}");

    let refused = add("During").await?;
    ensure!(refused.has_status(503)?["code"] == "unavailable", "{}", refused.text);
    ensure!(refused.headers.get("retry-after").is_some_and(|seconds| seconds == "5"), "{:?}", refused.headers);

    outage.end().await?;
    add("After").await?.has_status(201)?;
    timeout(Duration::from_secs(60), until_ready()).await??;
    Ok(())
}
