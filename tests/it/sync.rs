//! A calendar that is read for the first time names each event once, and looked at again it costs next to nothing:
//! three requests at most, no change, nothing to write. How long it takes is for `benches/sync.rs`.

use anyhow::ensure;
use chronus_tests::listing::Reader;
use chronus_tests::peers::{Account, Peer, Radicale, Xandikos, left_out};
use chronus_tests::{events, harness};
use futures_util::{StreamExt, TryStreamExt, stream};

const EVENTS: usize = 150;

async fn comes_to_rest(account: &Account) -> anyhow::Result<()> {
    let calendar = &account.put_calendar("many").await?;
    let put = |(uid, text): (String, String)| async move { account.put(&format!("{calendar}{uid}.ics"), &text).await };
    stream::iter(events::resources(EVENTS)).map(put).buffer_unordered(4).try_for_each(|_| async { Ok(()) }).await?;
    let (plugin, access) = harness::ical(account, events::ZONE).await?;
    let reader = Reader { plugin: &plugin, account, calendar, window: events::window()? };
    let listed = reader.first(&access.target, None).await?;
    ensure!(listed.ids.len() == EVENTS, "the listing names {} events", listed.ids.len());
    let requests = reader.again(&access.target, &listed).await?;
    ensure!(requests.len() <= 3, "the second look takes {} requests", requests.len());
    Ok(())
}

#[tokio::test]
async fn a_second_look_at_radicale_costs_next_to_nothing() -> anyhow::Result<()> {
    if left_out(&[Peer::Radicale])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    comes_to_rest(&radicale.account("ann")?).await
}

#[tokio::test]
async fn a_second_look_at_xandikos_costs_next_to_nothing() -> anyhow::Result<()> {
    if left_out(&[Peer::Xandikos])? {
        return Ok(());
    }
    let xandikos = Xandikos::start().await?;
    comes_to_rest(&xandikos.account()).await
}
