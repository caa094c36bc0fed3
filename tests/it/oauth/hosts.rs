//! Two host processes that share a database, and a token that has ended (R25). Their logs and the database tell no secret.

use super::world::{ANN, CLIENT_SECRET, World};
use anyhow::ensure;
use chronus_host::clock::Clock;
use chronus_tests::host::Host;
use futures_util::future::try_join_all;

#[tokio::test]
async fn two_hosts_renew_a_token_once_and_tell_nobody() -> anyhow::Result<()> {
    let world = World::at(Clock::System, &[]).await?;
    world.connect(&world.browser(), ANN).await?;
    let token = world.token(world.ann).await?;
    world.database.run("update connections set token_expires_at = 1").await?;
    world.token_requests();

    let config = world.config_file()?;
    let hosts = [Host::start(&config, &[]).await?, Host::start(&config, &[]).await?];
    let path = format!("/v1/people/{}/busy?from=2026-11-25T00:00:00Z&to=2026-11-26T00:00:00Z", world.ann);
    let clients = hosts.iter().map(|host| host.client(&token)).collect::<anyhow::Result<Vec<_>>>()?;
    let asked = (0..50).map(|number| clients[number % 2].get(&path));
    for answer in try_join_all(asked).await? {
        ensure!(answer["state"] == "known", "{answer}");
    }
    assert_eq!(world.token_requests(), 1);

    let clients_path = format!("/v1/people/{}/connection", world.ann);
    let shown = clients[0].get(&clients_path).await?.to_string();
    let mut logs = shown;
    for host in hosts {
        logs.push_str(&host.stop().await?);
    }
    let mut secrets = world.google.secrets();
    ensure!(secrets.len() >= 4, "tokens and codes were given: {}", secrets.len());
    secrets.push(CLIENT_SECRET.to_owned());
    ensure!(!secrets.iter().any(|secret| logs.contains(secret)), "a log or an answer tells a secret");
    world.database.holds_none(&secrets).await
}
