//! The same code grant with Google's OAuth as somebody else reads it: emulate, in this process and in a real browser.

use super::{
    pages::sign_in_link,
    world::{ANN, BEN, Choice, World, refused},
};
use anyhow::ensure;
use chronus_host::{
    availability::{self, Busy},
    calendar::Window,
    clock::Clock,
    connections::ConnectError,
};
use chronus_tests::{
    host::Host,
    peers::{self, Browser, Emulate, Peer},
};
use serde_json::json;

async fn world(emulate: &Emulate, clock: Clock) -> anyhow::Result<World> {
    let map = emulate.map();
    World::at(clock, &map.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_with_its_verifier_there_too() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Emulate])? {
        return Ok(());
    }
    let emulate = Emulate::start(&[ANN, BEN]).await?;
    let world = world(&emulate, Clock::System).await?;
    let ann = world.browser();
    let first = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    let second = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    // The first code comes with the second's verifier.
    let mut mixed = second.clone();
    mixed.parameters.insert("code".into(), first.parameters["code"].clone());
    let error = refused(world.finish(&ann, &mixed).await)?;
    ensure!(matches!(&error, ConnectError::Consent(failure) if failure.service_code == "invalid_grant"), "{error:?}");

    let third = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    let connected = world.finish(&ann, &third).await?;
    ensure!(matches!(connected, chronus_host::connections::CallbackOutcome::Connected(_)), "{connected:?}");
    let window = Window { start: "2027-03-01T00:00:00Z".parse()?, end: "2027-03-02T00:00:00Z".parse()? };
    let busy = availability::busy(&world.app.calendars, world.organisation, world.ann, window).await?;
    let Busy::Known { intervals, .. } = busy else { anyhow::bail!("{busy:?}") };
    ensure!(intervals.iter().map(|one| one.start.to_string()).eq(["2027-03-01T10:00:00Z"]), "{intervals:?}");

    // A used code, in the hands of a thief.
    let mut replayed = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    replayed.parameters.insert("code".into(), third.parameters["code"].clone());
    let error = refused(world.finish(&ann, &replayed).await)?;
    ensure!(matches!(&error, ConnectError::Consent(failure) if failure.service_code == "invalid_grant"), "{error:?}");
    ensure!(world.connection(world.ann).await?.is_some(), "what was connected stays");
    Ok(())
}

/// M10, M15: one button, consent at the service's own page, and the sentence.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_in_a_browser() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Emulate, Peer::Browser])? {
        return Ok(());
    }
    let emulate = Emulate::start(&[ANN, BEN]).await?;
    let world = world(&emulate, Clock::System).await?;
    let host = Host::start(&world.config_file()?, &[]).await?;
    let link = sign_in_link(&host, ANN).await?;
    let button = format!("A {ANN} ann {ANN}");
    let seen = Browser::new()
        .await?
        .go(&[
            json!(["open", link]),
            json!(["click", "button", "Sign in"]),
            json!(["open", format!("{}/settings/calendar", host.origin())]),
            json!(["see", "offered", "Calendar Settings"]),
            json!(["click", "button", "Connect Google Calendar"]),
            json!(["click", "button", button]),
            json!(["see", "connected", "Calendar Settings"]),
            json!(["click", "link", "Disconnect"]),
            json!(["see", "ask", "Disconnect your calendar?"]),
            json!(["click", "button", "Disconnect"]),
            json!(["see", "disconnected", "Calendar Settings"]),
        ])
        .await?;
    for (name, page) in &seen {
        ensure!(page.problems.is_empty(), "{name}: {:?}", page.problems);
    }
    ensure!(seen["connected"].text.contains("Your calendar is connected."), "{}", seen["connected"].text);
    ensure!(seen["connected"].text.contains(ANN), "{}", seen["connected"].text);
    ensure!(!seen["connected"].url.contains("code="), "{}", seen["connected"].url);
    ensure!(seen["disconnected"].text.contains("Connect Google Calendar"), "{}", seen["disconnected"].text);
    Ok(())
}
