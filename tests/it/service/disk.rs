//! A disk that is full and then has room again.

use super::world::{World, settled};
use anyhow::{Context, ensure};
use chronus_tests::{
    database::{Database, Engine},
    host::Host,
    peers::{self, Peer},
};
use reqwest::Method;
use std::process::Command;

/// How many bookings are tried.
const BOOKINGS: usize = 300;

/// How much more the files of the database may grow, in bytes.
const ROOM: u64 = 256 << 10;

/// The largest file that a process may write from now on, as `prlimit` takes it. A write beyond fails, as on a full disk.
fn limit_files(pid: u32, size: &str) -> anyhow::Result<()> {
    let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={size}:")]).status()?;
    ensure!(set.success(), "prlimit: {set}");
    Ok(())
}

/// O1 of the operators' review: after the disk was full, no write succeeded until a restart.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_201_arrives_although_the_disk_was_full() -> anyhow::Result<()> {
    // The files of a PostgreSQL server are not the host's, so it is SQLite in every run.
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::on(Database::on(Engine::Sqlite).await?, "[jobs]\npoll-ms = 100").await?;
    let host = Host::start_by("trap '' XFSZ; exec \"$@\"", &world.config(), &[]).await?;
    world.join_and_connect(&host).await?;
    let ann = host.client(&world.ann.token)?;
    let path = world.database.address();
    let path = path.strip_prefix("sqlite://").context("a file")?;
    let size = |path: &str| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let most = size(path).max(size(&format!("{path}-wal"))) + ROOM;
    limit_files(host.pid()?, &most.to_string())?;

    let (mut booked, mut refused) = (Vec::new(), 0);
    for number in 0..BOOKINGS {
        let start =
            jiff::Timestamp::from_second(1_800_000_000)? + jiff::SignedDuration::from_hours(i64::try_from(number)?);
        let meeting = world.meeting(&format!("Meeting {number}"), &start.to_string());
        let answer = ann.send(Method::POST, "/v1/meetings", Some(&meeting)).await?;
        match answer.status.as_u16() {
            201 => booked.push(answer.body["id"].as_str().context("an id")?.to_owned()),
            503 => refused += 1,
            status => anyhow::bail!("{status}: {}", answer.body),
        }
    }
    println!("{} of {BOOKINGS} bookings were accepted, {refused} refused", booked.len());
    ensure!(!booked.is_empty() && refused > 0, "the disk was not full in between");

    limit_files(host.pid()?, "unlimited")?;
    let after = ann.post("/v1/meetings", &world.meeting("After", "2027-12-01T10:00:00Z")).await?;
    booked.push(after["id"].as_str().context("an id")?.to_owned());
    for meeting in &booked {
        settled(&ann, meeting).await?;
    }
    let seen = world.seen().await?;
    println!("{} of {} accepted bookings are in the calendar", seen.len(), booked.len());
    ensure!(seen.len() == booked.len(), "{} events for {} meetings", seen.len(), booked.len());
    host.stop().await?;
    Ok(())
}
