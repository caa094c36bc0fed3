//! Two hosts of one database: they share the work, and what one leaves behind the other does.

use super::world::{World, eventually, id, settled};
use anyhow::{Context, ensure};
use chronus_host::{clock::Clock, jobs::fail_points::STOP_AT};
use chronus_tests::{
    database::{Database, Engine},
    host::{Client, Host},
    peers::{self, Peer},
};
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, PgConnection};
use std::{collections::BTreeSet, iter};

/// How long the work of a host that died waits.
const LEASE: SignedDuration = SignedDuration::from_secs(2);

/// What a busy machine may need beyond that, for all of it.
const SLACK: SignedDuration = SignedDuration::from_secs(10);

/// How many meetings each part of the test makes.
const MEETINGS: usize = 20;

/// The event is written, and the database does not know of it.
const POINT: &str = "push.after-remote-write";

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_share_the_work_and_one_takes_over_from_the_other() -> anyhow::Result<()> {
    // Only a server has more than one host, so it is PostgreSQL in every run.
    if peers::left_out(&[Peer::Postgres, Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let database = Database::on(Engine::Postgres).await?;
    let settings = format!("[jobs]\nlease-seconds = {}\npoll-ms = 100", LEASE.as_secs());
    let world = World::on(database, &settings).await?;
    let (first, second) = (world.host().await?, world.host().await?);
    world.join_and_connect(&first).await?;
    let mut wanted = BTreeSet::new();

    // Both work. The host that was asked for a meeting is no more likely to write it to the calendar than the other.
    let clients = [first.client(&world.ann.token)?, second.client(&world.ann.token)?];
    let shared = make(&world, &clients, 0).await?;
    for meeting in &shared {
        wanted.insert(shown(&settled(&clients[0], meeting).await?)?);
    }
    let pushed = [&first, &second].map(|host| host.log().lines().filter(|line| is_pushed(line)).count());
    println!("of {MEETINGS} meetings the hosts pushed {pushed:?}");
    ensure!(pushed.iter().all(|count| *count > 0), "one host did everything: {pushed:?}");

    // One comes to a point, and holds there what it has begun, for as long as it lives.
    first.stop().await?;
    let doomed = Host::start(&world.config(), &[(STOP_AT, POINT)]).await?;
    let clients = [doomed.client(&world.ann.token)?, second.client(&world.ann.token)?];
    let left = make(&world, &clients, MEETINGS).await?;
    doomed.says(&["stopped at", POINT]).await?;
    let held = eventually("the other host has done all but what one holds", || async {
        let held = WorkInProgress::now(&world).await?;
        Ok((held.ready == 0 && held.hosts == 1).then_some(held))
    })
    .await?;
    let waiting = waiting(&clients[1], &left).await?;
    ensure!(held.jobs > 0 && waiting == usize::try_from(held.jobs)?, "{held:?}, and {waiting} meetings wait");
    doomed.kill().await?;
    let killed = Clock::System.now();
    let after = make(&world, &clients[1..], 2 * MEETINGS).await?;
    for meeting in &left {
        wanted.insert(shown(&settled(&clients[1], meeting).await?)?);
    }
    let done = Clock::System.now();
    println!("{waiting} meetings of the host that died were there {} after it", done.duration_since(killed));
    ensure!(done >= held.until, "taken over at {done}, and held until {}", held.until);
    ensure!(done.duration_since(killed) <= LEASE + SLACK, "it took {}", done.duration_since(killed));
    for meeting in &after {
        wanted.insert(shown(&settled(&clients[1], meeting).await?)?);
    }

    let seen = world.seen().await?;
    let there: BTreeSet<_> = seen.iter().map(|event| (event.uid.clone(), event.start.clone())).collect();
    ensure!(seen.len() == wanted.len() && there == wanted, "not each is there once: {seen:?}");
    ensure!(wanted.len() == 3 * MEETINGS, "{} meetings", wanted.len());
    second.stop().await?;
    Ok(())
}

/// Makes meetings, by one client after the other, and gives their ids.
async fn make(world: &World, clients: &[Client], from: usize) -> anyhow::Result<Vec<String>> {
    let mut made = Vec::new();
    for (number, client) in iter::zip(from..from + MEETINGS, clients.iter().cycle()) {
        let start = Timestamp::from_second(1_800_000_000)? + SignedDuration::from_hours(2 * i64::try_from(number)?);
        let meeting = world.meeting(&format!("Meeting {number}"), &start.to_string());
        made.push(id(&client.post("/v1/meetings", &meeting).await?)?);
    }
    Ok(made)
}

/// How many of them their calendar is not known to show.
async fn waiting(client: &Client, meetings: &[String]) -> anyhow::Result<usize> {
    let mut waiting = 0;
    for meeting in meetings {
        let state = client.get(&format!("/v1/meetings/{meeting}")).await?["calendar"]["state"].clone();
        ensure!(state == "present" || state == "pending", "{meeting} is {state}");
        waiting += usize::from(state == "pending");
    }
    Ok(waiting)
}

/// UID and start of a meeting.
fn shown(meeting: &serde_json::Value) -> anyhow::Result<(String, String)> {
    let text = |name: &str| Ok::<_, anyhow::Error>(meeting[name].as_str().context("a text")?.to_owned());
    Ok((text("uid")?, text("start")?))
}

fn is_pushed(line: &str) -> bool {
    line.contains("pushed") && line.contains("Agreed")
}

/// What is under way.
#[derive(Debug)]
struct WorkInProgress {
    /// Jobs that nobody has begun.
    ready: i64,
    /// Jobs that somebody has begun.
    jobs: i64,
    /// By how many hosts.
    hosts: i64,
    /// When the first of their leases ends, if nobody extends it.
    until: Timestamp,
}

impl WorkInProgress {
    async fn now(world: &World) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&world.database.address()).await?;
        let held = sqlx::query_as::<_, (i64, i64, i64, Option<i64>)>(
            "select count(*) filter (where state = 'ready'), count(*) filter (where state = 'leased'),
                    count(distinct lease_owner), min(lease_until) filter (where state = 'leased')
             from jobs",
        );
        let (ready, jobs, hosts, until) = held.fetch_one(&mut connection).await?;
        Ok(Self { ready, jobs, hosts, until: Timestamp::from_microsecond(until.unwrap_or_default())? })
    }
}
