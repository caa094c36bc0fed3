//! Providers change under a host that answers: no answer fails, and nothing is used that nobody accepted.

use super::world::{World, eventually};
use crate::registry::asking;
use anyhow::{Context, ensure};
use chronus_host::locks;
use chronus_host::plugins::admission::inspect;
use chronus_tests::{
    host::{Answer, Client},
    peers::{self, Peer},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// 50 a second.
const PACE: Duration = Duration::from_millis(20);

/// As many as four seconds have, at least.
const REQUESTS: usize = 200;

const ONE: &str = "https://one.example.org";
const TWO: &str = "https://two.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_replaced_while_people_ask() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let added = world.add("1.0.0", &[ONE], &["--accept"]).await?;
    ensure!(added["state"] == "active", "{added}");
    let enable = ["provider", "enable", "asking", "--organisation", &world.organisation, "--program", &world.program];
    world.command(&enable).await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let client = host.client(&world.ann.token)?;
    client.put(&world.connection(), &json!({ "provider": "asking", "sign_in": "none" })).await?;

    let asked = RequestStream::start(&client, format!("/v1/people/{}/busy?{DAY}", world.ann.id));
    asked.until("1.0.0", 25).await?;
    // Another version of the same wishes is used as soon as it is there.
    let added = world.add("1.1.0", &[ONE], &[]).await?;
    ensure!(added["state"] == "active", "{added}");
    asked.until("1.1.0", 25).await?;
    ensure!(world.listed().await? == json!(["1.1.0", null]), "{}", world.listed().await?);
    // One that wants to reach one host more is not used, although requests arrive meanwhile.
    let added = world.add("2.0.0", &[ONE, TWO], &[]).await?;
    ensure!(added["state"] == "waiting" && added["difference"].to_string().contains(TWO), "{added}");
    ensure!(world.listed().await? == json!(["1.1.0", "2.0.0"]), "{}", world.listed().await?);
    let before = asked.by("1.1.0");
    asked.until("1.1.0", before + 50).await?;
    ensure!(asked.by("2.0.0") == 0, "it was used before it was accepted");
    // Until somebody accepts it.
    world.command(&["provider", "grant", "asking", "--yes"]).await?;
    asked.until("2.0.0", 25).await?;
    ensure!(world.listed().await? == json!(["2.0.0", null]), "{}", world.listed().await?);
    asked.end().await?;
    host.stop().await?;
    Ok(())
}

/// Which day is asked for.
const DAY: &str = "from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z";

impl World {
    /// Adds a version of the guest `asking` as an operator does.
    async fn add(&self, version: &str, hosts: &[&str], more: &[&str]) -> anyhow::Result<Value> {
        let bytes = asking("asking", version, hosts).await?;
        let file = self.folder.path().join(format!("asking-{version}.wasm"));
        std::fs::write(&file, &bytes)?;
        let (digest, file) = (inspect(&bytes)?.sha256, file.to_str().context("a folder of text")?);
        self.command(&[&["plugin", "add", file, "--accept-digest", &digest], more].concat()).await
    }

    /// The versions of it that are in use and that wait.
    async fn listed(&self) -> anyhow::Result<Value> {
        let listed = self.command(&["plugin", "list"]).await?;
        let all = listed["providers"].as_array().context("providers")?;
        let one = all.iter().find(|provider| provider["id"] == "asking").context("it is not listed")?;
        Ok(json!([one["active"]["version"], one["waiting"]["version"]]))
    }
}

/// Requests that are sent at an even pace, whether or not those before them were answered.
struct RequestStream {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<BTreeMap<String, usize>>>,
    requests: tokio::task::JoinHandle<anyhow::Result<usize>>,
    begun: Instant,
}

impl RequestStream {
    fn start(client: &Client, path: String) -> Self {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let requests = tokio::spawn(ask(client.clone(), path, stop.clone(), Arc::clone(&answers)));
        Self { stop, answers, requests, begun: Instant::now() }
    }

    /// How many answers came from this version.
    fn by(&self, version: &str) -> usize {
        locks::lock(&self.answers).get(version).copied().unwrap_or_default()
    }

    async fn until(&self, version: &str, count: usize) -> anyhow::Result<()> {
        eventually(&format!("{count} answers of {version}"), || async {
            ensure!(!self.requests.is_finished(), "a request failed");
            Ok((self.by(version) >= count).then_some(()))
        })
        .await
    }

    /// Ends when there were enough of them, none of which failed.
    async fn end(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.requests.await??;
        let answers = locks::lock(&self.answers).clone();
        let pace = sent as f64 / self.begun.elapsed().as_secs_f64();
        println!("{sent} requests, {pace:.0} a second; by version: {answers:?}");
        ensure!(sent >= REQUESTS && answers.values().sum::<usize>() == sent, "{sent} requests, {answers:?}");
        ensure!(pace >= 45.0, "only {pace:.0} requests a second");
        Ok(())
    }
}

async fn ask(
    client: Client,
    path: String,
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<BTreeMap<String, usize>>>,
) -> anyhow::Result<usize> {
    let mut pace = interval(PACE);
    // What a busy machine missed is made up for.
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sent, mut under_way) = (0, JoinSet::new());
    while sent < REQUESTS || !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        while let Some(ended) = under_way.try_join_next() {
            ended??;
        }
        let (client, path, answers) = (client.clone(), path.clone(), answers.clone());
        under_way.spawn(async move {
            // Who waits for an answer learns only that there will be none.
            let version = ask_once(&client, &path).await.inspect_err(|error| eprintln!("{error:#}"))?;
            *locks::lock(&answers).entry(version).or_default() += 1;
            anyhow::Ok(())
        });
        sent += 1;
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    Ok(sent)
}

/// The version that answers.
async fn ask_once(client: &Client, path: &str) -> anyhow::Result<String> {
    let Answer { status, body, .. } = client.send(Method::GET, path, None).await?;
    // The toy provider says its version as the problem of an event, which makes the busy times unknown.
    ensure!(status == StatusCode::OK && body["reason"] == "unreadable-events", "{status}: {body}");
    Ok(body["problems"][0].as_str().context("its version")?.to_owned())
}
