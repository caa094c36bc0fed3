//! The host is killed wherever it hurts, and every meeting still has exactly one event, with what was last agreed.
//!
//! First at each of the points that have names, in each act of a meeting's life; then anywhere, at times that a seed
//! decides. A request without an answer is sent again, as a client would. In the end another client looks.

use super::world::{World, eventually, id, settled};
use anyhow::{Context, ensure};
use chronus_host::jobs::fail_points::{NAMES, STOP_AT};
use chronus_tests::{
    host::{Answer, Client, Host},
    peers::{self, Peer},
    random::{Random, seed},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;

/// A dead host's work is taken over soon.
const SETTINGS: &str = "[jobs]\nlease-seconds = 1\npoll-ms = 100";

/// How many meetings there are at most.
const MOST: usize = 120;

/// How often the host is killed at random: `CHRONUS_KILLS`, or a few times.
const FEW: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_point() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new(SETTINGS).await?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    host.says(&["deliver-meetings"]).await?;
    host.stop().await?;
    let mut wanted: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (number, point) in NAMES.into_iter().enumerate() {
        let start = Timestamp::from_second(1_800_000_000)? + SignedDuration::from_hours(24 * i64::try_from(number)?);
        let mut meeting = RequestedMeeting { key: point.to_owned(), title: point.to_owned(), start, id: None };
        for act in [Act::Make, Act::Move, Act::Cancel] {
            if act == Act::Move {
                meeting.start += SignedDuration::from_mins(90);
            }
            let host = Host::start(&world.config(), &[(STOP_AT, point)]).await?;
            let client = host.client(&world.ann.token)?;
            let (body, asked) = (meeting.body(&world), meeting.clone());
            let asking = tokio::spawn(async move { act.ask(&client, &asked, &body).await });
            host.says(&["stopped at", point]).await.with_context(|| format!("{act:?} never comes to {point}"))?;
            host.kill().await?;
            // An answer, or none: who asks again learns it.
            let _ = asking.await?;

            let host = world.host().await?;
            let client = host.client(&world.ann.token)?;
            let answer = act.ask(&client, &meeting, &meeting.body(&world)).await?.good()?;
            meeting.id = Some(id(&answer)?);
            let now = settled(&client, &id(&answer)?).await.with_context(|| format!("{act:?} at {point}"))?;
            // One that a calendar keeps, beside those that go again.
            let uid = now["uid"].as_str().context("a UID")?.to_owned();
            wanted.retain(|(other, ..)| *other != uid);
            if act != Act::Cancel {
                wanted.insert((uid, meeting.title.clone(), meeting.start.to_string()));
            }
            host.kill().await?;
        }
        ensure!(world.shown().await? == wanted, "after {point}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u32>()).transpose();
    let (kills, seed) = (number("CHRONUS_KILLS")?.unwrap_or(FEW), seed()?);
    println!("{kills} kills; to repeat them: SEED={seed}");
    let mut random = Random::new(seed);
    let world = World::new(SETTINGS).await?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    host.kill().await?;
    let mut meetings: Vec<RequestedMeeting> = Vec::new();
    let mut answered = 0;
    for kill in 0..kills {
        let host = world.host().await?;
        let client = host.client(&world.ann.token)?;
        let life = Duration::from_millis(random.below(600));
        let acts = async {
            loop {
                answered += random_act(&world, &client, &mut meetings, &mut random, kill).await?;
            }
        };
        // It ends by the host's death or by this, never by itself.
        if let Ok(ended) = timeout(life, acts).await {
            let ended: anyhow::Result<()> = ended;
            ended.with_context(|| format!("kill {kill}"))?;
        }
        host.kill().await?;
    }
    let host = world.host().await?;
    let client = host.client(&world.ann.token)?;
    // Requests without an answer are sent again.
    for meeting in meetings.iter_mut().filter(|meeting| meeting.id.is_none()) {
        let made = Act::Make.ask(&client, meeting, &meeting.body(&world)).await?;
        meeting.id = Some(id(&made.good()?)?);
    }
    let mut wanted = BTreeSet::new();
    for meeting in &meetings {
        let id = meeting.id.as_deref().context("it was made")?;
        let now = match settled(&client, id).await {
            Ok(now) => now,
            Err(error) => {
                let meeting = client.get(&format!("/v1/meetings/{id}")).await?;
                return Err(error.context(format!("SEED={seed} {meeting}\n{}", host.log())));
            }
        };
        if now["status"] == "confirmed" {
            let text = |name: &str| now[name].as_str().unwrap_or_default().to_owned();
            wanted.insert((text("uid"), text("title"), text("start")));
        }
    }
    println!("{} meetings, {} of them still take place, {answered} answers", meetings.len(), wanted.len());
    ensure!(world.shown().await? == wanted, "SEED={seed}");
    let jobs = eventually("no job is left", || async {
        let db = world.database.open(&chronus_host::clock::Clock::System).await?;
        let mut tx = db.begin_read().await?;
        let count = chronus_host::jobs::count(&mut tx).await?;
        drop(tx);
        db.close().await;
        Ok((count.ready + count.leased == 0).then_some(count))
    })
    .await?;
    ensure!(jobs.dead == 0, "{jobs:?}");
    host.stop().await?;
    Ok(())
}

/// One act on one meeting; how many answers came.
async fn random_act(
    world: &World,
    client: &Client,
    meetings: &mut Vec<RequestedMeeting>,
    random: &mut Random,
    kill: u32,
) -> anyhow::Result<u32> {
    // More than one calendar has, and few enough that a simple server shows them all in time.
    let most = if meetings.len() < MOST { meetings.len() * 2 + 2 } else { meetings.len() };
    let choice = usize::try_from(random.below(u64::try_from(most)?))?;
    let act = match choice % 5 {
        4 => Act::Cancel,
        _ => Act::Move,
    };
    let count = meetings.len();
    let meeting = match meetings.get_mut(choice) {
        Some(meeting) => meeting,
        None => {
            let start = Timestamp::from_second(1_800_000_000 + 3600 * i64::try_from(count)?)?;
            let (key, title) = (format!("{kill}-{count}"), format!("Meeting {count}"));
            meetings.push(RequestedMeeting { key, title, start, id: None });
            meetings.last_mut().context("there is one")?
        }
    };
    let act = if meeting.id.is_none() { Act::Make } else { act };
    if act == Act::Move {
        meeting.start += SignedDuration::from_mins(15 * i64::try_from(1 + random.below(8))?);
    }
    let answer = act.ask(client, meeting, &meeting.body(world)).await?;
    // A meeting that is cancelled is not moved: that is an answer too.
    if answer.body["code"] != "meeting-cancelled" {
        meeting.id = Some(id(&answer.good()?)?);
    }
    Ok(1)
}

/// What is done to a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Make,
    Move,
    Cancel,
}

/// A meeting as somebody wants it.
#[derive(Debug, Clone)]
struct RequestedMeeting {
    key: String,
    title: String,
    start: Timestamp,
    id: Option<String>,
}

impl RequestedMeeting {
    fn body(&self, world: &World) -> Value {
        world.meeting(&self.title, &self.start.to_string())
    }
}

impl Act {
    /// Asks for it; asking again is the same.
    async fn ask(self, client: &Client, meeting: &RequestedMeeting, body: &Value) -> anyhow::Result<Answer> {
        let path = format!("/v1/meetings/{}", meeting.id.as_deref().unwrap_or_default());
        match self {
            Self::Make => {
                let key = [("idempotency-key", meeting.key.as_str())];
                client.send_with(Method::POST, "/v1/meetings", Some(body), &key).await
            }
            Self::Move => {
                let times = json!({ "start": body["start"], "end": body["end"] });
                client.send(Method::PATCH, &path, Some(&times)).await
            }
            Self::Cancel => client.send(Method::DELETE, &path, None).await,
        }
    }
}

impl World {
    /// UID, title and start of everything in ann's calendar: a second event of a meeting would be one too many.
    async fn shown(&self) -> anyhow::Result<BTreeSet<(String, String, String)>> {
        let seen = self.seen().await?;
        let shown: BTreeSet<_> =
            seen.iter().map(|event| (event.uid.clone(), event.title.clone(), event.start.clone())).collect();
        ensure!(shown.len() == seen.len(), "an event is there twice: {seen:?}");
        Ok(shown)
    }
}
