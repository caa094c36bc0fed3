//! A provider that returns as much as its budget allows does not keep the host from answering others: S4 of the security
//! review.

use super::{
    versions::add,
    world::{Person, World, add_person},
};
use anyhow::{anyhow, ensure};
use chronus_host::clock::Clock;
use chronus_tests::peers::{self, Peer};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How soon `/health` answers.
const SOON: Duration = Duration::from_millis(250);

/// Queries at a time: more than the host has threads for requests.
const QUERIES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_providers_return_all_that_they_may() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let words = "version=1.0.0 open=right busy=crowded window=86400 intervals=99999";
    let (code, added) = add(&world, words, &["--accept"]).await?;
    ensure!(code == 0 && added["state"] == "active", "{added}");
    world.command(&["provider", "enable", "versions", "--organisation", &world.organisation]).await?;
    let host = world.host().await?;
    let busy =
        |person: &str, end: &str| format!("/v1/people/{person}/busy?from=2027-01-01T00:00:00Z&to={end}T00:00:00Z");

    // One person each, because calls of one connection run one at a time.
    let db = world.database.open(&Clock::System).await?;
    let mut people = Vec::new();
    for number in 0..QUERIES {
        let Person { id, token } = add_person(&db, world.organisation.parse()?, &format!("person{number}")).await?;
        let client = host.client(&token)?;
        let connection = json!({ "provider": "versions", "sign_in": "none" });
        client.put(&format!("/v1/people/{id}/connection"), &connection).await?;
        people.push((client, id));
    }
    db.close().await;
    let mut queries = JoinSet::new();
    for (client, person) in &people {
        let (client, path) = (client.clone(), busy(person, "2027-01-03"));
        queries.spawn(async move { client.get(&path).await });
    }
    // From a thread of its own, because reading the long answers keeps the threads of this test busy.
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (stop, address) = (stop.clone(), host.origin().trim_start_matches("http://").to_owned());
        std::thread::spawn(move || ask_for_health(&address, &stop))
    };
    while let Some(answer) = queries.join_next().await {
        let answer = answer??;
        ensure!(answer["state"] == "known", "{}", answer["reason"]);
        let intervals = answer["intervals"].as_array().map_or(0, Vec::len);
        ensure!(intervals == 99_999, "{intervals} intervals after the two days were joined");
    }
    stop.store(true, Ordering::Relaxed);
    let times = asking.join().map_err(|_| anyhow!("the asking thread panicked"))??;
    let (number, slow) = (times.len(), times.iter().filter(|time| **time > SOON).count());
    let slowest = times.iter().max().copied().unwrap_or(Duration::MAX);
    println!(
        "/health answered {number} times during {QUERIES} queries: {slow} took longer than {SOON:?}, {slowest:?} at most"
    );
    // Other tests run beside this one, so one answer in a hundred may wait for them.
    ensure!(number >= 20 && slow * 100 <= number, "{slow} of {number} answers took longer, {slowest:?} at most");

    // The limit of one call is the limit of a query, however many calls it makes.
    let (client, person) = &people[0];
    let answer = client.get(&busy(person, "2027-01-04")).await?;
    ensure!(answer["state"] == "unknown" && answer["reason"] == "records-exhausted", "{}", answer["reason"]);
    host.stop().await?;
    Ok(())
}

/// Asks for `/health` until `stop`, and returns how long each answer took.
fn ask_for_health(address: &str, stop: &AtomicBool) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut client = TcpStream::connect(address)?;
        client.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        times.push(begun.elapsed());
    }
    Ok(times)
}
