//! The administrator's page: trying, saving and removing the organisation's account, in a browser.

use super::{GIL, School, World};
use crate::oauth::pages::sign_in_link;
use anyhow::{Context as _, ensure};
use chronus_host::clock::Clock;
use chronus_tests::{
    host::Host,
    peers::{self, Browser, Peer},
    visitor::Visitor,
};
use serde_json::json;

const PAGE: &str = "/settings/organisation";

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_tries_saves_and_removes_it() -> anyhow::Result<()> {
    let school = School::of(World::at(Clock::System, &[]).await?).await?;
    let host = Host::start(&school.config_file()?, &[]).await?;
    let gil = Visitor::new(host.origin())?;
    gil.sign_in(&sign_in_link(&host, GIL).await?).await?;
    ensure!(gil.get("/settings").await?.text.contains(PAGE), "the settings lead there");
    let key = school.key.to_string();
    let secret = school.key["private_key"].as_str().and_then(|key| key.lines().nth(1)).context("a key")?;
    let fill = async |mailbox: &str, key: &str, what: &str| {
        let page = gil.get(PAGE).await?;
        let fields = [("provider", "google"), ("sign-in", "service-account"), ("mailbox", mailbox)];
        gil.post(&page, PAGE, &[&fields[..], &[("key", key), ("do", what)]].concat()).await
    };
    for (mailbox, key, words) in [
        ("eve@elsewhere.example", &*key, "school.example"),
        (GIL, "{}", "key"),
        ("nobody@school.example", &key, "nobody@school.example"),
    ] {
        for what in ["test", "save"] {
            let seen = fill(mailbox, key, what).await?;
            ensure!((400..500).contains(&seen.status) && seen.text.contains(words), "{words}: {}", seen.text);
            ensure!(seen.text.contains(&format!("value=\"{mailbox}\"")), "what was filled in is still there");
        }
    }
    let seen = fill(GIL, &key, "test").await?;
    ensure!(seen.status == 200 && seen.text.contains("<strong>The account works.</strong>"), "{}", seen.text);
    ensure!(seen.text.contains("with attendees") && !seen.text.contains(secret), "{}", seen.text);
    assert_eq!(school.rows().await?["service_accounts"], 0);

    fill(GIL, &key, "save").await?.leads_to(PAGE)?;
    super::until("ann is connected", || async { Ok(school.connection(school.ann).await?.is_some()) }).await?;
    let page = gil.get(PAGE).await?;
    ensure!(page.text.contains("Connected people") && page.text.contains("robots.example"), "{}", page.text);
    ensure!(!page.text.contains(secret), "the page shows the key");
    gil.post(&page, "/settings/organisation/remove", &[("provider", "google")]).await?.leads_to(PAGE)?;
    ensure!(school.connection(school.ann).await?.is_none(), "she is disconnected");
    assert_eq!(school.rows().await?["service_accounts"], 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_the_page() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Browser])? {
        return Ok(());
    }
    let school = School::of(World::at(Clock::System, &[]).await?).await?;
    let host = Host::start(&school.config_file()?, &[]).await?;
    let link = sign_in_link(&host, GIL).await?;
    let key = school.key.to_string();
    let seen = Browser::new()
        .await?
        .go(&[
            json!(["open", link]),
            json!(["click", "button", "Sign in"]),
            json!(["open", format!("{}/settings", host.origin())]),
            json!(["click", "link", "Service Accounts"]),
            json!(["see", "empty", "Service Accounts"]),
            json!(["fill", "Mailbox for the test", GIL]),
            json!(["fill", "Key file", key]),
            json!(["click", "button", "Test"]),
            json!(["see", "tried", "Service Accounts"]),
            json!(["fill", "Key file", key]),
            json!(["click", "button", "Test and save"]),
            json!(["see", "saved", "Service Accounts"]),
        ])
        .await?;
    for (name, page) in &seen {
        ensure!(page.problems.is_empty(), "{name}: {:?}", page.problems);
    }
    ensure!(seen["tried"].text.contains("The account works."), "{}", seen["tried"].text);
    ensure!(seen["saved"].text.contains("Connected people"), "{}", seen["saved"].text);
    Ok(())
}
