//! What answers say beside their bodies: entity tags, locations, replays, challenges, and which field is wrong.

use super::world::{Answer, SECRET, World};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

fn header<'a>(answer: &'a Answer, name: &str) -> anyhow::Result<&'a str> {
    let value = answer.headers.get(name).with_context(|| format!("{}: no {name}", answer.what))?;
    Ok(value.to_str()?)
}

#[tokio::test]
async fn a_meeting_is_changed_only_as_it_was_read() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = Some(&*world.ours.integration);
    let address = format!("/v1/meetings/{}", world.ours.meeting);
    let read = world.ask("GET", &address, token)?.send().await?;
    let etag = header(&read, "etag")?.to_owned();
    ensure!(etag.starts_with("\"1-") && etag.ends_with('"'), "{etag}");
    for known in [&etag, "*", &format!("\"0\", W/{etag}")] {
        let again = world.ask("GET", &address, token)?.header("if-none-match", known).send().await?;
        ensure!(again.status == 304 && again.text.is_empty() && header(&again, "etag")? == etag, "{known}");
    }
    world.ask("GET", &address, token)?.header("if-none-match", "\"0\"").send().await?.has_status(200)?;

    let change = async |title: &str, tag: &str| {
        world.ask("PATCH", &address, token)?.json(&json!({ "title": title })).header("if-match", tag).send().await
    };
    for stale in ["\"99\"", "\"2-00000000\"", &format!("W/{etag}")] {
        change("No", stale).await?.is_problem(412, "precondition-failed")?;
    }
    for malformed in ["99", "\"", ""] {
        change("No", malformed).await?.is_problem(400, "malformed-header")?;
    }
    let changed = change("One", &etag).await?;
    ensure!(changed.has_status(200)?["revision"] == 2 && header(&changed, "etag")? != etag);
    change("Two", &etag).await?.is_problem(412, "precondition-failed")?;
    ensure!(
        change("Three", &format!("{etag}, {}", header(&changed, "etag")?)).await?.has_status(200)?["revision"] == 3
    );
    ensure!(change("Four", "*").await?.has_status(200)?["revision"] == 4);
    let whole = json!({ "title": "Five", "revision": 4.0 });
    world.ask("PATCH", &address, token)?.json(&whole).send().await?.has_status(200)?;
    let cancel = async |tag: &str| world.ask("DELETE", &address, token)?.header("if-match", tag).send().await;
    cancel(&etag).await?.is_problem(412, "precondition-failed")?;
    ensure!(cancel("*").await?.has_status(200)?["status"] == "cancelled");
    Ok(())
}

#[tokio::test]
async fn what_is_made_has_an_address_and_a_replay_says_so() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = Some(&*world.ours.integration);
    let meeting = json!({
        "program": world.ours.program, "owner": world.ours.person, "title": "One",
        "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z", "zone": "Europe/Rome",
    });
    let person = json!({ "email": "ben@example.org", "name": "Ben", "zone": "UTC" });
    for (address, body) in
        [("/v1/meetings", &meeting), ("/v1/people", &person), ("/v1/programs", &json!({"name": "B"}))]
    {
        let made = world.ask("POST", address, token)?.json(body).send().await?;
        let id = made.has_status(201)?["id"].as_str().context("no id")?.to_owned();
        ensure!(header(&made, "location")? == format!("{address}/{id}"), "{address}");
        let seen = world.ask("GET", header(&made, "location")?, token)?.send().await?.has_status(200)?;
        ensure!(seen["id"] == *id, "{seen}");
    }
    let ask = || {
        Ok::<_, anyhow::Error>(world.ask("POST", "/v1/meetings", token)?.json(&meeting).header("idempotency-key", "k"))
    };
    let first = ask()?.send().await?;
    ensure!(!first.headers.contains_key("idempotent-replayed"));
    let second = ask()?.send().await?;
    ensure!(header(&second, "idempotent-replayed")? == "true" && first.has_status(201)?["id"] == second.json()?["id"]);
    Ok(())
}

#[tokio::test]
async fn a_challenge_says_why_a_token_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let none = world.ask("GET", "/v1/me", None)?.send().await?;
    ensure!(header(&none, "www-authenticate")? == "Bearer realm=\"chronus\"");
    let unknown = world.ask("GET", "/v1/me", Some(SECRET))?.send().await?;
    ensure!(header(&unknown, "www-authenticate")? == "Bearer realm=\"chronus\", error=\"invalid_token\"");
    let address = format!("/v1/people/{}/connection", world.ours.person);
    let refused = world.ask("DELETE", &address, Some(&world.ours.integration))?.send().await?;
    refused.is_problem(403, "scope-missing")?;
    ensure!(
        header(&refused, "www-authenticate")?.ends_with("error=\"insufficient_scope\", scope=\"connection-write\"")
    );
    Ok(())
}

#[tokio::test]
async fn every_mistake_of_a_request_is_named() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = Some(&*world.ours.integration);
    let errors = |answer: &Answer| -> anyhow::Result<Vec<[String; 2]>> {
        let problem = answer.json()?;
        let list = problem["errors"].as_array().with_context(|| answer.text.clone())?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let at = |error: &Value| ["pointer", "parameter", "header"].map(|part| text(&error[part])).concat();
        Ok(list.iter().map(|error| [at(error), text(&error["detail"])]).collect())
    };
    let wrong = json!({ "owner": SECRET, "titel": "A", "start": "2027-03-01T10:00:00", "end": 7, "zone": null });
    let answer = world.ask("POST", "/v1/meetings", token)?.json(&wrong).send().await?;
    answer.is_problem(400, "malformed-body")?;
    let found = errors(&answer)?;
    let places: Vec<_> = found.iter().map(|[place, _]| place.as_str()).collect();
    ensure!(places == ["/end", "/owner", "/start", "/titel", "/zone", "/program", "/title"], "{found:?}");
    ensure!(found[2][1] == "must have an offset, as in 2026-12-01T10:00:00+01:00", "{found:?}");

    let address = format!("/v1/people/{}/busy?from=2026-11-29T00:00:00+01:00&limit=1", world.ours.person);
    let answer = world.ask("GET", &address, token)?.send().await?;
    answer.is_problem(400, "malformed-query")?;
    let found = errors(&answer)?;
    let places: Vec<_> = found.iter().map(|[place, _]| place.as_str()).collect();
    ensure!(places == ["from", "limit", "to"] && found[0][1].contains("%2B"), "{found:?}");

    let one = json!({
        "program": world.ours.program, "owner": world.ours.person, "attendees": [world.ours.person, world.ours.admin],
        "title": "One", "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z", "zone": "Europe/Rome",
    });
    let answer = world.ask("POST", "/v1/meetings", token)?.json(&one).send().await?;
    answer.is_problem(422, "not-a-member")?;
    ensure!(errors(&answer)?[0][0] == "/attendees/1", "{}", answer.text);
    let problem = world.ask("GET", answer.json()?["type"].as_str().unwrap_or_default(), None)?;
    ensure!(problem.send().await?.has_status(200)?["code"] == "not-a-member");
    let page = world.ask("GET", "/v1/problems/not-a-member", None)?.header("accept", "text/html").send().await?;
    ensure!(page.status == 200 && page.text.contains("<h1>Person not in the program</h1>"), "{}", page.text);
    Ok(())
}
