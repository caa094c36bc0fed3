//! What other people and services do to a meeting's event, and to the access to it.

use super::world::{PASSWORD, World, eventually, id, settled, sign_in};
use anyhow::{Context, ensure};
use chronus_tests::{
    host::Client,
    peers::{self, CaldavClient, Peer},
};
use serde_json::{Value, json};

/// X2: a password that does not work any more is noticed, said, and mended by connecting again; nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn access_that_is_taken_away_is_noticed_and_mended() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let mut world = World::new("").await?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    let ann = host.client(&world.ann.token)?;
    let before = ann.get(&world.connection()).await?;
    let kept = ann.post("/v1/meetings", &world.meeting("Before", "2027-05-03T10:00:00Z")).await?;
    settled(&ann, &id(&kept)?).await?;

    world.radicale.set_password("ann", "another")?;
    let busy = format!("/v1/people/{}/busy?from=2027-05-03T00:00:00Z&to=2027-05-04T00:00:00Z", world.ann.id);
    let told = ann.get(&busy).await?;
    ensure!(told["state"] == "unknown" && told["reason"] == "reconnect", "{told}");
    ensure!(told["intervals"] == Value::Null, "unknown is shown as free: {told}");
    ensure!(ann.get(&world.connection()).await?["state"] == "reconnect");

    // What happens meanwhile waits: a new meeting, a moved one, a cancelled one.
    let made = ann.post("/v1/meetings", &world.meeting("Meanwhile", "2027-05-04T10:00:00Z")).await?;
    let moved = ann.patch(&address(&kept)?, &json!({ "start": "2027-05-05T10:00:00Z" })).await?;
    for meeting in [&made, &moved] {
        let path = address(meeting)?;
        let waiting = |meeting: &Value| meeting["calendar"]["state"] == "waiting";
        eventually("it waits", || async { Ok(Some(ann.get(&path).await?).filter(waiting)) }).await?;
    }
    let wrong = ann.send(reqwest::Method::PUT, &world.connection(), Some(&sign_in(PASSWORD))).await?;
    ensure!(wrong.status == 422 && ann.get(&world.connection()).await?["state"] == "reconnect", "{}", wrong.body);

    let after = ann.put(&world.connection(), &sign_in("another")).await?;
    ensure!(after["id"] == before["id"] && after["state"] == "connected", "{after}");
    settled(&ann, &id(&made)?).await?;
    settled(&ann, &id(&moved)?).await?;
    ensure!(ann.get(&busy).await?["state"] == "known");
    let account = world.radicale.account("ann")?;
    let caldav = CaldavClient::new(&account).await?;
    let seen = caldav.occurrences(&world.calendar, "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z").await?;
    let starts: Vec<_> = seen.iter().map(|event| event.start.as_str()).collect();
    ensure!(starts == ["2027-05-04T10:00:00Z", "2027-05-05T10:00:00Z"], "{seen:?}");
    host.stop().await?;
    Ok(())
}

/// Another client changes the event: what is agreed here is written over it, once. Another client takes it out: it
/// stays out.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_others_touched_is_neither_doubled_nor_resurrected() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    let ann = host.client(&world.ann.token)?;
    let made = ann.post("/v1/meetings", &world.meeting("Agreed", "2027-05-03T10:00:00Z")).await?;
    let uid = settled(&ann, &id(&made)?).await?["uid"].as_str().context("a UID")?.to_owned();

    let found = world.caldav.find(&world.calendar, &uid).await?.context("the event")?;
    let account = world.radicale.account("ann")?;
    let stored = account.get(&found.path).await?.context("the resource")?;
    ensure!(stored.contains("SUMMARY:Agreed"), "{stored}");
    // A change that is not ours to say stays; one that is, goes.
    let touched = stored.replace("SUMMARY:Agreed", "SUMMARY:Touched\r\nX-OTHERS:keep me");
    account.put(&found.path, &touched).await?;
    ann.patch(&address(&made)?, &json!({ "start": "2027-05-03T14:00:00Z" })).await?;
    settled(&ann, &id(&made)?).await?;
    let seen = world.seen().await?;
    ensure!(seen.len() == 1 && seen[0].title == "Agreed" && seen[0].start == "2027-05-03T14:00:00Z", "{seen:?}");
    let stored = account.get(&seen[0].path).await?.context("the resource")?;
    ensure!(stored.contains("X-OTHERS:keep me"), "{stored}");

    world.caldav.delete(&world.calendar, &uid).await?;
    ann.patch(&address(&made)?, &json!({ "start": "2027-05-03T15:00:00Z" })).await?;
    gone(&ann, &made).await?;
    ensure!(world.seen().await?.is_empty());
    // Not by the next change either, nor by connecting again.
    ann.patch(&address(&made)?, &json!({ "title": "Once more" })).await?;
    ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    let other = ann.post("/v1/meetings", &world.meeting("Other", "2027-05-06T10:00:00Z")).await?;
    settled(&ann, &id(&other)?).await?;
    gone(&ann, &made).await?;
    let seen = world.seen().await?;
    ensure!(seen.len() == 1 && seen[0].title == "Other", "{seen:?}");
    // Cancelled, it is what it was: not there.
    ensure!(ann.delete(&address(&made)?).await?["status"] == "cancelled");
    host.stop().await?;
    Ok(())
}

/// A meeting whose event must be created again, in another calendar, keeps the UID that people know where the service lets us
/// choose.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_created_anew_has_the_uid_that_people_know() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let ann = host.client(&world.ann.token)?;
    let made = ann.post("/v1/meetings", &world.meeting("Before", "2027-05-03T10:00:00Z")).await?;
    let waiting = |meeting: &Value| meeting["calendar"]["state"] == "waiting";
    let path = address(&made)?;
    let waits = eventually("it waits", || async { Ok(Some(ann.get(&path).await?).filter(waiting)) }).await?;
    ensure!(waits["uid"] == Value::Null, "{waits}");
    // What another calendar of hers, which is no longer connected, has left.
    world.database.run("update meetings set uid = 'chosen@service.example'").await?;
    ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    let shown = settled(&ann, &id(&made)?).await?;
    ensure!(shown["uid"] == "chosen@service.example", "{shown}");
    let seen = world.caldav.find(&world.calendar, "chosen@service.example").await?.context("the event")?;
    ensure!(seen.title == "Before" && world.seen().await?.len() == 1, "{seen:?}");
    host.stop().await?;
    Ok(())
}

async fn gone(client: &Client, meeting: &Value) -> anyhow::Result<()> {
    let path = address(meeting)?;
    let is_gone = |meeting: &Value| meeting["calendar"]["state"] == "gone";
    eventually("it is gone", || async { Ok(Some(client.get(&path).await?).filter(is_gone)) }).await?;
    Ok(())
}

fn address(meeting: &Value) -> anyhow::Result<String> {
    Ok(format!("/v1/meetings/{}", id(meeting)?))
}

/// A host that is started with a new key seals by it whatever the old one seals; nobody has to sign in again. The old
/// key is then not needed any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_seals_everything_anew() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let host = world.host().await?;
    world.join_and_connect(&host).await?;
    host.stop().await?;
    let added = world.command(&["key", "add"]).await?;
    world.command(&["key", "use", added["key"].as_str().context("an id")?]).await?;
    let host = world.host().await?;
    // The credential, and the key check.
    host.says(&["sealed with the first key", "rewrapped=2", "left=0"]).await?;
    host.stop().await?;

    let keys = world.folder.path().join("keys");
    let all = std::fs::read_to_string(&keys)?;
    let newest = all.lines().next().context("a key")?;
    ensure!(all.lines().count() == 2, "a key was added");
    std::fs::write(&keys, format!("{newest}\n"))?;
    let host = world.host().await?;
    let busy = format!("/v1/people/{}/busy?from=2027-05-03T00:00:00Z&to=2027-05-04T00:00:00Z", world.ann.id);
    let told = host.client(&world.ann.token)?.get(&busy).await?;
    ensure!(told["state"] == "known", "{told}");

    // An operator does not see into calendars.
    let operator = world.command(&["token", "create", "--operator"]).await?;
    let operator = host.client(operator["secret"].as_str().context("a token")?)?;
    for path in [busy, world.connection(), format!("/v1/people/{}/offers", world.ann.id), "/v1/meetings".into()] {
        let refused = operator.send(reqwest::Method::GET, &path, None).await?;
        ensure!(refused.status == 403, "{path}: {} {}", refused.status, refused.body);
    }
    host.stop().await?;
    Ok(())
}
