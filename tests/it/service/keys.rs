//! Two hosts and their key files: a credential that one of them cannot open is the operator's trouble, and no meeting is left
//! behind.

use super::world::{PASSWORD, World, eventually, id, settled, sign_in};
use anyhow::{Context, ensure};
use chronus_host::secrets::Keyring;
use chronus_tests::{
    host::Host,
    peers::{self, Peer},
};
use std::path::{Path, PathBuf};

/// How many meetings a host without the key meets.
const MEETINGS: usize = 20;

/// The settings of another host on the same database, with a key file of its own, which does not exist yet.
fn other_host(world: &World) -> anyhow::Result<(PathBuf, PathBuf)> {
    let folder = world.folder.path().join("other");
    std::fs::create_dir(&folder)?;
    let settings = std::fs::read_to_string(world.config())?;
    let keys = settings.lines().find(|line| line.starts_with("keys = ")).context("the file names its keys")?;
    let (config, other) = (folder.join("chronus.toml"), folder.join("keys"));
    std::fs::write(&config, settings.replace(keys, &format!("keys = \"{}\"", other.display())))?;
    Ok((config, other))
}

/// The host does not start, for this reason.
async fn refuses_to_start(config: &Path, why: &str) -> anyhow::Result<()> {
    match Host::start(config, &[]).await {
        Ok(_) => anyhow::bail!("the host started"),
        Err(error) => {
            let error = format!("{error:#}");
            ensure!(error.contains(why), "{error}");
            Ok(())
        }
    }
}

/// O2 of the operators' review: meetings waited for their owner for ever, because one host lacked a key. Its three ways: a
/// second host that makes a key file of its own, another valid key file, and a key that is used before every host has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_lacks_a_key_leaves_no_meeting_behind() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("[jobs]\npoll-ms = 100").await?;
    let first = world.host().await?;
    world.join(&first).await?;
    let (config, keys) = other_host(&world)?;

    // Before anything is sealed, the second host makes no key file.
    refuses_to_start(&config, "is missing").await?;
    ensure!(!keys.exists(), "a second key file was made");
    Keyring::generate_at(&keys)?;
    refuses_to_start(&config, "opens nothing in the database").await?;

    std::fs::copy(world.folder.path().join("keys"), &keys)?;
    let second = Host::start(&config, &[]).await?;
    // The key is used on the first host before the second one has it.
    let added = world.command(&["key", "add"]).await?;
    let key = added["key"].as_str().context("an id")?;
    world.command(&["key", "use", key]).await?;
    first.client(&world.ann.token)?.put(&world.connection(), &sign_in(PASSWORD)).await?;
    // Only the second host is there to do the work.
    first.stop().await?;
    let ann = second.client(&world.ann.token)?;
    let mut meetings = Vec::new();
    for number in 0..MEETINGS {
        let meeting = world.meeting(&format!("Meeting {number}"), &format!("2027-03-{:02}T10:00:00Z", number + 1));
        meetings.push(id(&ann.post("/v1/meetings", &meeting).await?)?);
    }
    let lacking = "which its operator must mend";
    second.says(&["WARN", "trying again", lacking]).await?;
    let jobs = eventually("every job has failed once", || async {
        let jobs = world.command(&["job", "list"]).await?;
        let waiting = jobs["waiting"].as_array().context("a list")?.iter().filter(|job| {
            job["effect"]["kind"] == "push-meeting"
                && job["error"].as_str().is_some_and(|error| error.contains(lacking))
        });
        Ok((waiting.count() == MEETINGS).then_some(jobs))
    })
    .await?;
    ensure!(jobs["count"]["dead"] == 0, "{jobs}");
    for meeting in &meetings {
        let state = ann.get(&format!("/v1/meetings/{meeting}")).await?["calendar"]["state"].clone();
        ensure!(state == "pending", "{meeting} is {state}");
    }
    let busy = format!("/v1/people/{}/busy?from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z", world.ann.id);
    let busy = ann.get(&busy).await?;
    ensure!(busy["state"] == "unknown" && busy["reason"] == "credential-sealed", "{busy}");
    ensure!(!second.log().contains("connect the calendar again") && !busy.to_string().contains("again"), "{busy}");

    // The file with the key arrives, and the host goes on by itself.
    std::fs::copy(world.folder.path().join("keys"), &keys)?;
    for meeting in &meetings {
        settled(&ann, meeting).await?;
    }
    let seen = world.seen().await?;
    println!("{} of {MEETINGS} meetings are in the calendar", seen.len());
    ensure!(seen.len() == MEETINGS, "{seen:?}");
    second.stop().await?;
    Ok(())
}
