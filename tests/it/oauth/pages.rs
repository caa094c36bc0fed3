//! What a person reads at each end of the way to the service's page and back, from the program that is shipped.

use super::{
    visitor,
    world::{ANN, BEN, CLIENT, CLIENT_SECRET, Choice, World},
};
use anyhow::{Context as _, ensure};
use chronus_host::clock::Clock;
use chronus_tests::{
    host::Host,
    peers::{self, Browser, Peer},
    visitor::{PageResponse, Visitor},
};
use serde_json::json;
use url::Url;

/// The link that is mailed to somebody when they ask for the first time; this host prints its mail.
pub(super) async fn sign_in_link(host: &Host, address: &str) -> anyhow::Result<String> {
    let visitor = Visitor::new(host.origin())?;
    let page = visitor.get("/sign-in").await?;
    visitor.post(&page, "/sign-in", &[("email", address)]).await?.leads_to("/sign-in/sent")?;
    host.says(&["end of the mail to", address]).await?;
    let log = host.log();
    let mail = log.split_once(&format!("mail to {address}:")).map(|(_, mail)| mail).unwrap_or_default();
    let line = mail.lines().find(|line| line.contains("/sign-in/"));
    Ok(line.with_context(|| log.clone())?.trim().to_owned())
}

struct Scene {
    world: World,
    host: Host,
}

impl Scene {
    async fn new() -> anyhow::Result<Self> {
        let world = World::at(Clock::System, &[]).await?;
        let host = Host::start(&world.config_file()?, &[]).await?;
        let back = format!("{}/connect/callback/google", host.origin());
        world.google.add_client(CLIENT, CLIENT_SECRET, "Chronus", &[&back]);
        Ok(Self { world, host })
    }

    /// A browser in which somebody has signed in.
    async fn signed_in(&self, address: &str) -> anyhow::Result<Visitor> {
        let link = sign_in_link(&self.host, address).await?;
        let visitor = Visitor::new(self.host.origin())?;
        visitor.sign_in(&link).await?;
        Ok(visitor)
    }

    /// Presses the button, and gives the address of the service's page.
    async fn pressed(&self, visitor: &Visitor) -> anyhow::Result<Url> {
        let page = visitor.get("/settings/calendar").await?;
        let fields = [("provider", "google"), ("sign-in", "google")];
        let led = visitor.post(&page, "/settings/calendar/connect", &fields).await?;
        Ok(led.location.with_context(|| led.text.clone())?.parse()?)
    }

    /// Where the service leads to, as a path of this host's.
    async fn back(&self, page: &Url, user: &str, choice: Choice) -> anyhow::Result<String> {
        let back = visitor::choose_for(page, user, choice, self.host.origin()).await?;
        Ok(back.as_str().strip_prefix(self.host.origin()).context("it leads back")?.to_owned())
    }
}

fn reads(seen: &PageResponse, status: u16, words: &[&str]) -> anyhow::Result<()> {
    ensure!(seen.status == status, "{} {}", seen.status, seen.text);
    for word in words {
        ensure!(seen.text.contains(word), "{word}: {}", seen.text);
    }
    Ok(())
}

/// Each way in which it may end has its own words (M12, M13).
#[tokio::test(flavor = "multi_thread")]
async fn every_end_has_its_own_page() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let ann = scene.signed_in(ANN).await?;
    let ben = scene.signed_in(BEN).await?;

    let page = scene.pressed(&ann).await?;
    let refused = ann.get(&scene.back(&page, ANN, Choice::Cancel).await?).await?;
    reads(&refused, 422, &["You did not give Google Calendar permission", "nothing was saved"])?;

    let page = scene.pressed(&ann).await?;
    let fewer = ann.get(&scene.back(&page, ANN, Choice::Without("/auth/calendar.freebusy")).await?).await?;
    reads(&fewer, 422, &["every box ticked"])?;

    scene.world.google.add_domain("school.example");
    scene.world.google.block_apps("school.example", true);
    let page = scene.pressed(&ann).await?;
    let blocked = ann.get(&scene.back(&page, ANN, Choice::All).await?).await?;
    reads(&blocked, 422, &["An IT administrator must approve Chronus first", "not the administrator"])?;
    // She is told before she tries again. What her browser says does not bind the others of the domain (S17).
    let approval = "An IT administrator must approve Chronus first.";
    reads(&ann.get("/settings/calendar").await?, 200, &[approval, "school.example"])?;
    let page = ben.get("/settings/calendar").await?;
    ensure!(page.status == 200 && !page.text.contains(approval), "{}", page.text);
    scene.world.google.block_apps("school.example", false);

    // Another browser, signed in as somebody else or not at all, gets nothing by the address; hers still does.
    let page = scene.pressed(&ann).await?;
    let back = scene.back(&page, ANN, Choice::All).await?;
    reads(&ben.get(&back).await?, 403, &["started in another browser"])?;
    let nobody = Visitor::new(scene.host.origin())?.get(&back).await?;
    ensure!(nobody.location.as_deref() == Some("/sign-in"), "{:?}", nobody.location);
    ann.get(&back).await?.leads_to("/settings/calendar")?;
    let page = ann.get("/settings/calendar").await?;
    reads(&page, 200, &["Your calendar is connected.", ANN, "Your programs only read your availability."])?;
    reads(&ann.get(&back).await?, 403, &["This sign-in is no longer valid"])?;
    ensure!(scene.world.connection(scene.world.ben).await?.is_none());

    // A key cannot do it, not even her own.
    let token = scene.world.token(scene.world.ann).await?;
    let client = scene.host.client(&token)?;
    let wanted = json!({ "provider": "google", "sign_in": "google" });
    let path = format!("/v1/people/{}/connection", scene.world.ann);
    let answer = client.send(reqwest::Method::PUT, &path, Some(&wanted)).await?;
    ensure!(answer.status == 403 && answer.body["code"] == "needs-browser", "{} {}", answer.status, answer.body);
    Ok(())
}

/// The same in a real browser, without scripts, whose policy of forms lets nobody be led elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_led_to_the_service_and_back() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Browser])? {
        return Ok(());
    }
    let scene = Scene::new().await?;
    scene.world.two_way().await?;
    let link = sign_in_link(&scene.host, ANN).await?;
    let settings = format!("{}/settings/calendar", scene.host.origin());
    let connect = json!(["click", "button", "Connect Google Calendar"]);
    let seen = Browser::new()
        .await?
        .go(&[
            json!(["open", link]),
            json!(["click", "button", "Sign in"]),
            json!(["open", settings]),
            connect.clone(),
            json!(["click", "button", "Cancel"]),
            json!(["see", "refused", "Your calendar was not connected"]),
            json!(["open", settings]),
            connect.clone(),
            json!(["click", "checkbox", "calendar.events"]),
            json!(["click", "button", "Allow"]),
            json!(["see", "fewer", "Your calendar was not connected"]),
            json!(["open", settings]),
            connect,
            json!(["click", "button", "Allow"]),
            json!(["see", "connected", "Calendar Settings"]),
        ])
        .await?;
    for (name, page) in &seen {
        ensure!(page.problems.is_empty(), "{name}: {:?}", page.problems);
    }
    ensure!(seen["connected"].text.contains("Your calendar is connected."), "{}", seen["connected"].text);
    ensure!(seen["fewer"].text.contains("every box ticked"), "{}", seen["fewer"].text);
    Ok(())
}
