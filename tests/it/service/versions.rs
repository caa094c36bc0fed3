//! Versions of a provider that are wrong: some never come into use, and what others refused is tried again by itself.

use super::world::{World, eventually, id};
use anyhow::{Context, ensure};
use chronus_host::plugins::admission::inspect;
use chronus_tests::{
    command, components,
    peers::{self, Peer},
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// How many meetings the wrong version meets.
const MEETINGS: usize = 30;

/// The guest `versions` as a file, with these words in place of its own.
async fn version(world: &World, words: &str) -> anyhow::Result<(PathBuf, String)> {
    let mut bytes = std::fs::read(&tokio::task::spawn_blocking(components).await??.guest("versions")?.path)?;
    let places: Vec<_> =
        bytes.windows(8).enumerate().filter(|(_, part)| *part == b"VERSION ").map(|(at, _)| at).collect();
    let [at] = places[..] else { anyhow::bail!("the text is not there once: {places:?}") };
    let text = format!("VERSION {words} ");
    let place = bytes.get_mut(at..at + 200).context("the text has 200 bytes")?;
    place.fill(b' ');
    place.get_mut(..text.len()).context("the text is longer than its place")?.copy_from_slice(text.as_bytes());
    let path = world.folder.path().join("version.wasm");
    std::fs::write(&path, &bytes)?;
    Ok((path, inspect(&bytes)?.sha256))
}

/// Adds a version. The result is the exit code, and what the command printed.
pub(super) async fn add(world: &World, words: &str, more: &[&str]) -> anyhow::Result<(i32, Value)> {
    let (path, sha256) = version(world, words).await?;
    let mut command = tokio::task::spawn_blocking(command).await??;
    command.args(["plugin", "add", "--json", "--accept-digest", &sha256]).args(more).arg(path);
    let ran = command.arg("--config").arg(world.config()).output().await?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    Ok((ran.status.code().context("it ended")?, serde_json::from_str(&said).context(said)?))
}

/// The version in use.
async fn in_use(world: &World) -> anyhow::Result<Value> {
    let listed = world.command(&["plugin", "list"]).await?;
    let providers = listed["providers"].as_array().context("a list")?;
    let found = providers.iter().find(|provider| provider["id"] == "versions").context("it is listed")?;
    Ok(found["active"]["version"].clone())
}

/// O3 of the operators' review: meetings that a wrong version had refused stayed refused for ever. F7 and the step back of
/// the integrators' review: an older version was taken silently.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_version_refused_arrives_when_the_right_one_is_back() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("[jobs]\npoll-ms = 100").await?;
    let good = "version=1.0.0 open=right busy=right write=right";
    let (code, added) = add(&world, good, &["--accept"]).await?;
    ensure!(code == 0 && added["state"] == "active", "{added}");
    let enable = ["provider", "enable", "versions", "--organisation", &world.organisation];
    world.command(&enable).await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let ann = host.client(&world.ann.token)?;
    ann.put(&world.connection(), &json!({ "provider": "versions", "sign_in": "none" })).await?;

    // Versions whose reads are wrong never come into use.
    for (words, what) in [
        ("version=1.1.0 open=wrong busy=right write=right", "`open` does not list a calendar"),
        ("version=1.1.0 open=right busy=wrong write=right", "`busy` gives other times"),
    ] {
        let (code, refused) = add(&world, words, &[]).await?;
        ensure!(code == 1 && refused["error"]["code"] == "smoke", "{refused}");
        ensure!(refused["error"]["message"].as_str().is_some_and(|text| text.contains(what)), "{refused}");
        ensure!(in_use(&world).await? == "1.0.0");
    }

    // A version whose reads are right and whose writes are refused passes.
    let (code, added) = add(&world, "version=1.1.0 open=right busy=right write=wrong", &[]).await?;
    ensure!(code == 0 && added["state"] == "active", "{added}");
    // F3 of the integrators' review: the running host compiles it before anybody's request needs it.
    host.says(&["the provider is loaded", "1.1.0"]).await?;
    let mut meetings = Vec::new();
    for number in 0..MEETINGS {
        let meeting = world.meeting(&format!("Meeting {number}"), &format!("2027-03-{:02}T10:00:00Z", number + 1));
        meetings.push(id(&ann.post("/v1/meetings", &meeting).await?)?);
    }
    let listed = eventually("all meetings are stuck", || async {
        let listed = world.command(&["stuck", "list", "--organisation", &world.organisation]).await?;
        Ok((listed["stuck"].as_array().context("a list")?.len() == MEETINGS).then_some(listed))
    })
    .await?;
    for stuck in listed["stuck"].as_array().context("a list")? {
        ensure!(stuck["state"] == "refused", "{stuck}");
        ensure!(stuck["reason"].as_str().is_some_and(|reason| reason.contains("status 400")), "{stuck}");
    }
    let api = host.client(&world.integration)?.get("/v1/stuck-meetings?limit=200").await?;
    ensure!(api["items"].as_array().is_some_and(|items| items.len() == MEETINGS), "{api}");
    // An operator can have one tried again, and it is refused again.
    let one = &meetings[0];
    ensure!(world.command(&["stuck", "release", one]).await? == json!({ "released": [one] }));

    // The right version is older, which an operator accepts.
    let (code, waiting) = add(&world, good, &[]).await?;
    ensure!(code == 0 && waiting["state"] == "waiting", "{waiting}");
    ensure!(waiting["difference"][0]["what"] == "version: 1.1.0 -> 1.0.0, which is older", "{waiting}");
    ensure!(in_use(&world).await? == "1.1.0");
    world.command(&["provider", "grant", "versions", "--yes"]).await?;
    ensure!(in_use(&world).await? == "1.0.0");
    for meeting in &meetings {
        eventually("the meeting is in the calendar", || async {
            let state = ann.get(&format!("/v1/meetings/{meeting}")).await?["calendar"]["state"].clone();
            Ok((state == "present").then_some(()))
        })
        .await?;
    }
    println!("{} of {MEETINGS} meetings arrived", meetings.len());
    ensure!(world.command(&["stuck", "list"]).await? == json!({ "stuck": [] }));
    host.stop().await?;
    Ok(())
}
