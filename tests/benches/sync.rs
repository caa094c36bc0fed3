//! What it costs to read a large calendar for the first time: `cargo bench --workspace --bench sync`.
//!
//! Ten thousand events are on a Radicale. In turn, in one run: the provider opens the account and reads all changes,
//! each call within the default budget; a bare HTTP client sends the same requests and throws the answers away; and
//! vdirsyncer fills an empty folder. Then the provider looks again, which must cost next to nothing. What is promised is
//! checked: beyond it the program fails.

use anyhow::Context;
use chronus_host::conformance::faults::{Faults, RecordedExchange};
use chronus_tests::events;
use chronus_tests::harness::{self, SERVER};
use chronus_tests::listing::Reader;
use chronus_tests::measure::{Medians, median};
use chronus_tests::peers::{Account, Peer, Radicale, Vdirsyncer, left_out};
use std::time::{Duration, Instant};

const EVENTS: usize = 10_000;
const ROUNDS: usize = 3;

/// The most that the provider may take, as a multiple of the bare client.
const BARE: f64 = 1.3;
/// vdirsyncer takes more than so many times as long.
const VDIRSYNCER: f64 = 1.0;
/// The most requests of a second look.
const SECOND: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    let account = radicale.account("ann")?;
    let calendar = account.put_calendar("work").await?;
    radicale.lay(&calendar, events::resources(EVENTS).map(|(uid, text)| (format!("{uid}.ics"), text)))?;
    let account = &account;
    let (plugin, access) = harness::ical(account, events::ZONE).await?;
    let connection = &access.target;
    let reader = Reader { plugin: &plugin, account, calendar: &calendar, window: events::window()? };
    let vdirsyncer = if left_out(&[Peer::Vdirsyncer])? { None } else { Some(Vdirsyncer::installed().await?) };

    println!("Radicale reads {EVENTS} events for the first time, which takes it minutes and is not measured");
    warm(account, &calendar).await?;
    // The first is not measured: it tells which requests there are.
    let recorder = Faults::none();
    let listed = reader.first(connection, Some(&recorder)).await?;
    anyhow::ensure!(listed.ids.len() == EVENTS, "the listing names {} events", listed.ids.len());
    let requests = recorder.exchanges();
    let mut rounds = Vec::new();
    let mut others = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        reader.first(connection, None).await?;
        let round = (began.elapsed(), bare(account, &requests).await?);
        println!("provider {:.2} s, bare {:.2} s", round.0.as_secs_f64(), round.1.as_secs_f64());
        rounds.push(round);
        if let Some(vdirsyncer) = &vdirsyncer {
            let synced = vdirsyncer.first_sync(account, "work").await;
            let (took, files) = synced.with_context(|| format!("Radicale says: {}", radicale.log()))?;
            anyhow::ensure!(files == EVENTS, "vdirsyncer has read {files} events");
            others.push(took.as_secs_f64());
        }
    }
    let Medians { one: provider, other: bare, ratio } = Medians::of(&rounds);
    println!(
        "first sync, {EVENTS} events, Radicale, {} requests: {provider:.2} s; the same requests bare {bare:.2} s; ratio: {ratio:.2} (≤ {BARE})",
        requests.len(),
    );
    anyhow::ensure!(ratio <= BARE, "the provider takes {ratio:.2} times as long as its requests");
    if vdirsyncer.is_some() {
        let other = median(others);
        let ratio = other / provider;
        println!("first sync, {EVENTS} events, Radicale: vdirsyncer {other:.2} s; ratio: {ratio:.2} (> {VDIRSYNCER})");
        anyhow::ensure!(ratio > VDIRSYNCER, "vdirsyncer takes {ratio:.2} times as long as the provider");
    }
    let requests = reader.again(connection, &listed).await?;
    anyhow::ensure!(requests.len() <= SECOND, "the second look takes {} requests", requests.len());
    println!("second look, {EVENTS} events, Radicale: {} requests, 0 changes, nothing to write", requests.len());
    Ok(())
}

/// Makes the server read its files. It keeps what it needs of them.
async fn warm(account: &Account, calendar: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.request(reqwest::Method::from_bytes(b"PROPFIND")?, format!("{}{calendar}", account.origin));
    let request = request.basic_auth(&account.user, Some(&account.password)).header("depth", "1");
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

/// The same requests, one after the other, by a client that does nothing else.
async fn bare(account: &Account, requests: &[RecordedExchange]) -> anyhow::Result<Duration> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let began = Instant::now();
    for RecordedExchange { request: seen, response } in requests {
        let url = seen.url.as_str().replacen(SERVER, &account.origin, 1);
        let request = client.request(seen.method.clone(), url).headers(seen.headers.clone()).body(seen.body.clone());
        let answer = request.basic_auth(&account.user, Some(&account.password)).send().await?;
        let expected = response.as_ref().map(|answer| answer.status);
        anyhow::ensure!(Some(answer.status()) == expected, "{} {} is answered otherwise", seen.method, seen.url);
        answer.bytes().await?;
    }
    Ok(began.elapsed())
}
