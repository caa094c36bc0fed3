//! What people do in a real browser: with a mouse, with the keyboard alone (and in dark colours), and without scripts in a
//! narrow window. axe-core checks every page on the way.

use super::{
    pages::{link, mailing},
    world::{PASSWORD, SERVER, World},
};
use anyhow::ensure;
use chronus_tests::{
    host::Host,
    peers::{self, Browser, MailServer, Peer, SeenPage},
    visitor::Visitor,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NEEDED: [Peer; 4] = [Peer::Radicale, Peer::Caldav, Peer::Aiosmtpd, Peer::Browser];

/// M10: after connecting, the page says so in these words.
const CONNECTED: &str = "Your calendar is connected.";

/// A host with ann as a person, and the mail server that receives her mail.
struct Scene {
    world: World,
    host: Host,
    mail: MailServer,
}

impl Scene {
    async fn new() -> anyhow::Result<Self> {
        let mail = MailServer::start(None).await?;
        let world = World::new(&mailing(&mail)).await?;
        let host = world.host().await?;
        world.join(&host).await?;
        Ok(Self { world, host, mail })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.host.origin())
    }

    /// A sign-in link that was mailed to ann.
    async fn link(&self) -> anyhow::Result<String> {
        let visitor = Visitor::new(self.host.origin())?;
        let page = visitor.get("/sign-in").await?;
        visitor.post(&page, "/sign-in", &[("email", "ann@example.org")]).await?.leads_to("/sign-in/sent")?;
        link(&self.mail, 1).await
    }
}

/// Checks that axe-core finds nothing wrong with any page, and that each fits its window.
fn all_are_sound(pages: &BTreeMap<String, SeenPage>) -> anyhow::Result<()> {
    for (name, page) in pages {
        ensure!(page.problems.is_empty(), "{name}: axe-core finds {:?}", page.problems);
        ensure!(!page.overflows, "{name}: wider than the window");
        ensure!(page.title.ends_with(" – Chronus"), "{name}: {}", page.title);
    }
    Ok(())
}

/// The steps with which ann fills in and sends the form on Calendar Settings.
fn form(password: &str) -> Vec<Value> {
    vec![
        json!(["fill", "Server", SERVER]),
        json!(["fill", "User name", "ann"]),
        json!(["fill", "Password", password]),
        json!(["press", "Enter"]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_mail_and_connects_and_disconnects() -> anyhow::Result<()> {
    if peers::left_out(&NEEDED)? {
        return Ok(());
    }
    let scene = Scene::new().await?;
    let browser = Browser::new().await?;
    let asked = browser
        .go(&[
            json!(["open", scene.at("/settings/calendar")]),
            json!(["see", "sign in", "Sign in"]),
            json!(["fill", "Email", "Ann@Example.org"]),
            json!(["click", "button", "Send me a link"]),
            json!(["see", "sent", "Check your email"]),
            json!(["open", scene.at("/nowhere")]),
            json!(["see", "nowhere", "Page not found"]),
            json!(["open", scene.at("/sign-in/none")]),
            json!(["see", "used up", "This link no longer works"]),
        ])
        .await?;
    all_are_sound(&asked)?;

    let mut steps = vec![
        json!(["open", link(&scene.mail, 1).await?]),
        json!(["see", "link", "Sign in as Ann?"]),
        json!(["click", "button", "Sign in"]),
        json!(["see", "not connected", "Calendar Settings"]),
        json!(["click", "link", "Settings"]),
        json!(["see", "settings", "Settings"]),
        json!(["open", scene.at("/settings/calendar")]),
    ];
    steps.extend(form("wrong"));
    steps.extend([
        json!(["wait", "iCal (CalDAV) did not accept the user name and password."]),
        json!(["see", "refused", "Calendar Settings"]),
    ]);
    steps.extend(form(PASSWORD));
    steps.extend([
        json!(["click", "link", "Disconnect"]),
        json!(["see", "disconnect", "Disconnect your calendar?"]),
        json!(["click", "link", "Keep the calendar connected"]),
        json!(["see", "connected", "Calendar Settings"]),
        json!(["click", "link", "Connect another calendar"]),
        json!(["see", "another", "Connect another calendar?"]),
        json!(["click", "button", "Disconnect and choose another"]),
        json!(["see", "disconnected", "Calendar Settings"]),
        json!(["click", "button", "Sign out"]),
        json!(["see", "signed out", "Sign in"]),
    ]);
    let seen = browser.go(&steps).await?;
    all_are_sound(&seen)?;
    let text = |name: &str| seen.get(name).map(|page| page.text.as_str()).unwrap_or_default();
    ensure!(text("not connected").contains("Another CalDAV server"), "{}", text("not connected"));
    ensure!(
        text("settings").contains("Europe/Rome") && text("settings").contains("this browser"),
        "{}",
        text("settings")
    );
    ensure!(text("refused").contains("did not accept the user name and password"), "{}", text("refused"));
    ensure!(text("connected").lines().any(|line| line == CONNECTED), "{}", text("connected"));
    ensure!(text("disconnect").contains("Events that are in your calendar stay there."), "{}", text("disconnect"));
    for name in ["not connected", "refused", "disconnected"] {
        ensure!(!text(name).contains(CONNECTED), "{name}: {}", text(name));
    }
    scene.host.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_does() -> anyhow::Result<()> {
    if peers::left_out(&NEEDED)? {
        return Ok(());
    }
    let scene = Scene::new().await?;
    let steps = [
        json!(["open", scene.link().await?]),
        json!(["see", "link", "Sign in as Ann?"]),
        json!(["tab", "Skip to content"]),
        json!(["press", "Enter"]),
        json!(["tab", "Sign in"]),
        json!(["press", "Enter"]),
        json!(["see", "settings", "Settings"]),
        json!(["tab", "Calendar Settings"]),
        json!(["press", "Enter"]),
        json!(["see", "form", "Calendar Settings"]),
        json!(["tab", "Server"]),
        json!(["type", SERVER]),
        json!(["tab", "User name"]),
        json!(["type", "ann"]),
        json!(["tab", "Password"]),
        json!(["type", PASSWORD]),
        json!(["tab", "Connect iCal (CalDAV)"]),
        json!(["press", "Enter"]),
        json!(["wait", CONNECTED]),
        json!(["tab", "Disconnect"]),
        json!(["see", "connected", "Calendar Settings"]),
        json!(["press", "Enter"]),
        json!(["see", "disconnect", "Disconnect your calendar?"]),
        json!(["tab", "Disconnect"]),
        json!(["press", "Enter"]),
        json!(["see", "disconnected", "Calendar Settings"]),
    ];
    let seen = Browser::new().await?.dark().go(&steps).await?;
    all_are_sound(&seen)?;
    let (connected, disconnected) = (&seen["connected"], &seen["disconnected"]);
    ensure!(connected.text.contains(CONNECTED) && connected.focus == "Disconnect", "{connected:?}");
    ensure!(!disconnected.text.contains(CONNECTED), "{disconnected:?}");
    scene.host.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_and_in_a_narrow_window_all_is_the_same() -> anyhow::Result<()> {
    if peers::left_out(&NEEDED)? {
        return Ok(());
    }
    let scene = Scene::new().await?;
    let mut steps = vec![
        json!(["open", scene.link().await?]),
        json!(["click", "button", "Sign in"]),
        json!(["see", "settings", "Settings"]),
        json!(["open", scene.at("/settings/calendar")]),
        json!(["see", "form", "Calendar Settings"]),
    ];
    steps.extend(form(PASSWORD));
    steps.extend([
        json!(["click", "link", "Disconnect"]),
        json!(["see", "disconnect", "Disconnect your calendar?"]),
        json!(["open", scene.at("/settings/calendar")]),
        json!(["see", "connected", "Calendar Settings"]),
    ]);
    let seen = Browser::new().await?.without_scripts().width(320).go(&steps).await?;
    all_are_sound(&seen)?;
    ensure!(seen["connected"].text.contains(CONNECTED), "{:?}", seen["connected"]);
    // The API agrees with what the browser showed.
    let own = scene.host.client(&scene.world.ann.token)?;
    ensure!(own.get(&scene.world.connection()).await?["state"] == "connected");
    scene.host.stop().await?;
    Ok(())
}
