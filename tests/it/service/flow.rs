//! Connect, busy, meet, move, cancel; what is refused; and what nothing tells.

use super::world::{PASSWORD, World, id, settled, sign_in};
use anyhow::{Context, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chronus_tests::peers::{self, NewEvent, Peer};
use reqwest::Method;
use serde_json::{Value, json};

/// M3, M5, M8, M10, M11, M12, M16, M18 and X1, as far as one calendar goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_connected_and_a_meeting_gets_there_and_goes_again() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let world = World::new("").await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let (ann, ben) = (host.client(&world.ann.token)?, host.client(&world.ben.token)?);
    let integration = host.client(&world.integration)?;
    let mut answers = String::new();

    // Nobody has connected anything: that is not the same as being free.
    let week = "from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z";
    let busy = format!("/v1/people/{}/busy?{week}", world.ann.id);
    ensure!(ann.get(&busy).await?["state"] == "not-connected");

    // A wrong password: refused with a text, and nothing stored.
    let refused = ann.send(Method::PUT, &world.connection(), Some(&sign_in("wrong"))).await?;
    ensure!(refused.status == 422 && refused.body["code"] == "sign-in-refused", "{}", refused.body);
    ensure!(
        refused.body["detail"].as_str().is_some_and(|text| text.contains("nothing was stored")),
        "{}",
        refused.body
    );
    answers += &refused.body.to_string();
    let none = ann.send(Method::GET, &world.connection(), None).await?;
    ensure!(none.status == 404 && none.body["code"] == "not-connected", "{}", none.body);

    // Nobody connects for somebody else.
    for other in [&ben, &integration] {
        let refused = other.send(Method::PUT, &world.connection(), Some(&sign_in(PASSWORD))).await?;
        ensure!(refused.status == 403, "{}", refused.body);
        answers += &refused.body.to_string();
    }
    // A secret in the wrong place is not repeated.
    let mut misplaced = sign_in(PASSWORD);
    misplaced["fields"]["password"] = PASSWORD.into();
    let refused = ann.send(Method::PUT, &world.connection(), Some(&misplaced)).await?;
    ensure!(refused.status == 422 && refused.body["code"] == "invalid-sign-in", "{}", refused.body);
    answers += &refused.body.to_string();

    let offers = ann.get(&format!("/v1/people/{}/offers", world.ann.id)).await?;
    ensure!(
        offers[0]["provider"] == "ical" && offers[0]["sign_ins"][0]["fields"][0]["name"] != Value::Null,
        "{offers}"
    );
    let connected = ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    ensure!(connected["state"] == "connected" && connected["calendars"][0]["id"] == *world.calendar, "{connected}");
    let again = ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    ensure!(again["id"] == connected["id"], "signing in again makes another connection");
    answers += &(connected.to_string() + &again.to_string());

    // What another client puts there is busy.
    let review = NewEvent {
        uid: "review".into(),
        title: "Weekly review".into(),
        start: "2027-03-01T09:00:00".into(),
        end: "2027-03-01T10:30:00".into(),
        zone: "Europe/Rome".into(),
        rule: Some("FREQ=DAILY;COUNT=3".into()),
    };
    world.caldav.create(&world.calendar, &review).await?;
    let told = ann.get(&busy).await?;
    let starts: Vec<_> = told["intervals"].as_array().context("intervals")?.iter().map(|one| &one["start"]).collect();
    ensure!(starts == ["2027-03-01T08:00:00Z", "2027-03-02T08:00:00Z", "2027-03-03T08:00:00Z"], "{told}");
    ensure!(integration.get(&busy).await?["state"] == "known");
    ensure!(ben.send(Method::GET, &busy, None).await?.status == 403, "ben reads ann's calendar");

    // A meeting gets there, once, with its UID.
    let wanted = world.meeting("Mentoring ☕", "2027-03-04T10:00:00Z");
    let key = [("idempotency-key", "one")];
    let made = ann.send_with(Method::POST, "/v1/meetings", Some(&wanted), &key).await?.good()?;
    let twice = ann.send_with(Method::POST, "/v1/meetings", Some(&wanted), &key).await?.good()?;
    ensure!(made["id"] == twice["id"], "asked twice, made twice");
    let meeting = settled(&ann, &id(&made)?).await?;
    let uid = meeting["uid"].as_str().context("a UID")?.to_owned();
    let seen = world.caldav.find(&world.calendar, &uid).await?.context("the other client does not find it")?;
    ensure!(seen.title == "Mentoring ☕" && seen.start == "2027-03-04T10:00:00Z", "{seen:?}");
    ensure!(seen.end == "2027-03-04T11:00:00Z" && seen.description == "bring\nquestions", "{seen:?}");
    let told = ann.get(&busy).await?;
    ensure!(told["intervals"][3]["meeting_uid"] == *uid, "{told}");

    // Moved there; who may not, does not.
    let path = format!("/v1/meetings/{}", id(&made)?);
    let moving = json!({ "start": "2027-03-05T14:00:00Z" });
    ensure!(ben.send(Method::PATCH, &path, Some(&moving)).await?.status == 403, "ben moves ann's meeting");
    ann.patch(&path, &moving).await?;
    let stale = ann.send(Method::PATCH, &path, Some(&json!({ "title": "No", "revision": 1 }))).await?;
    ensure!(stale.status == 409 && stale.body["code"] == "stale-revision", "{}", stale.body);
    settled(&ann, &id(&made)?).await?;
    let seen = world.caldav.find(&world.calendar, &uid).await?.context("the other client does not find it")?;
    ensure!(seen.start == "2027-03-05T14:00:00Z" && seen.end == "2027-03-05T15:00:00Z", "{seen:?}");
    ensure!(world.seen().await?.iter().filter(|event| event.uid == uid).count() == 1);

    // Cancelled, it is gone, and what is not ours is still there.
    ann.delete(&path).await?;
    ensure!(ann.delete(&path).await?["status"] == "cancelled");
    settled(&ann, &id(&made)?).await?;
    ensure!(world.caldav.find(&world.calendar, &uid).await?.is_none());
    ensure!(world.seen().await?.len() == 3);
    let refused = ann.send(Method::PATCH, &path, Some(&moving)).await?;
    ensure!(refused.status == 409 && refused.body["code"] == "meeting-cancelled", "{}", refused.body);

    // Disconnected, meetings wait; connected again, they are delivered.
    ann.delete(&world.connection()).await?;
    ensure!(ann.get(&busy).await?["state"] == "not-connected");
    let made = integration.post("/v1/meetings", &world.meeting("Later", "2027-03-06T10:00:00Z")).await?;
    let path = format!("/v1/meetings/{}", id(&made)?);
    super::world::eventually("the meeting waits", || async {
        Ok((ann.get(&path).await?["calendar"]["state"] == "waiting").then_some(()))
    })
    .await?;
    ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    let delivered = settled(&ann, &id(&made)?).await?;
    let uid = delivered["uid"].as_str().context("a UID")?;
    ensure!(world.caldav.find(&world.calendar, uid).await?.is_some());
    // So is what was cancelled while nothing was connected: it is the same account, and the same event.
    ann.delete(&world.connection()).await?;
    ann.delete(&path).await?;
    ann.put(&world.connection(), &sign_in(PASSWORD)).await?;
    settled(&ann, &id(&made)?).await?;
    ensure!(world.caldav.find(&world.calendar, uid).await?.is_none());

    let log = host.stop().await?;
    ensure!(log.contains("pushed"), "the log tells what was done");
    tells_no_secret("the log", log.as_bytes())?;
    tells_no_secret("the answers", answers.as_bytes())?;
    world.database.each_file(tells_no_secret).await?;
    Ok(())
}

/// No form in which a program may write the password.
fn tells_no_secret(what: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let percent: String = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    let json = Value::from(PASSWORD).to_string();
    let forms = [
        PASSWORD.to_owned(),
        // What every form begins with that leaves letters alone.
        "tr0ub4dor".to_owned(),
        json.trim_matches('"').to_owned(),
        percent.to_lowercase(),
        percent,
        url,
        BASE64_STANDARD.encode(format!("ann:{PASSWORD}")).trim_end_matches('=').to_owned(),
        BASE64_STANDARD.encode(PASSWORD).trim_end_matches('=').to_owned(),
    ];
    for form in forms {
        let found = memchr::memmem::find(bytes, form.as_bytes()).is_some();
        ensure!(!found, "{what}: the password is there as {form:?}");
    }
    Ok(())
}
