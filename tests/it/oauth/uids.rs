//! The UID of a meeting: what the API shows is what the owner's calendar has, wherever the host died.

use super::world::{ANN, BEN, World};
use crate::service::world::{id, settled};
use anyhow::{Context as _, ensure};
use chronus_host::{
    clock::Clock,
    jobs::fail_points::STOP_AT,
    meetings::{
        plan::{CopyState, EventCopy},
        store,
    },
};
use chronus_tests::host::{Client, Host};
use serde_json::{Value, json};
use std::io::Write as _;

/// A dead host's work is taken over soon.
const SETTINGS: &str = "[jobs]\nlease-seconds = 1\npoll-ms = 100\n";

/// Where a host may die while a meeting is written to a calendar.
const POINTS: [&str; 4] =
    ["push.before-remote-write", "push.after-remote-write", "push.before-commit", "push.after-commit"];

impl World {
    /// The events with this UID in ann's calendar, as another client of the service sees them.
    async fn events_with_uid(&self, uid: &str) -> anyhow::Result<Vec<Value>> {
        let token = self.google.issue(ANN, &["calendar.events"]);
        let mut address: url::Url = format!("{}/calendar/v3/calendars/primary/events", self.google.origin()).parse()?;
        address.query_pairs_mut().append_pair("iCalUID", uid);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.get(address).bearer_auth(token).send().await?.error_for_status()?;
        let mut listed: Value = serde_json::from_str(&answer.text().await?)?;
        Ok(listed["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    fn meeting_body(&self, title: &str, day: u32) -> Value {
        json!({
            "program": self.program, "owner": self.ann, "title": title, "zone": "Europe/Rome",
            "start": format!("2027-05-{day:02}T10:00:00Z"), "end": format!("2027-05-{day:02}T11:00:00Z"),
        })
    }

    /// The UID that the API shows; the calendar has exactly one event with it, of this title.
    async fn shown_uid(&self, client: &Client, meeting: &str, title: &str) -> anyhow::Result<String> {
        let shown = settled(client, meeting).await?;
        let uid = shown["uid"].as_str().context("a UID")?.to_owned();
        let events = self.events_with_uid(&uid).await?;
        ensure!(events.len() == 1 && events[0]["summary"] == title, "{shown}\n{events:?}");
        Ok(uid)
    }
}

/// The event is written after a request has read the meeting, and before the request reads the state of the event.
#[tokio::test]
async fn whoever_sees_the_event_in_the_calendar_sees_its_uid() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    let id = world.schedule(world.ann, "Mentoring", "2026-12-01").await?;
    let mut tx = world.app.db.begin().await?;
    let mut meeting = store::find(&mut tx, world.organisation, id).await?.context("a meeting")?;
    ensure!(meeting.uid.is_none(), "{meeting:?}");
    let written = EventCopy { state: CopyState::Present, ..EventCopy::new(id, "account".into(), "calendar".into()) };
    store::save_copy(&mut tx, &written).await?;
    tx.commit().await?;
    world.database.run("update meetings set uid = 'chosen@service.example'").await?;
    let mut tx = world.app.db.begin_read().await?;
    let copy = store::copy_with_uid(&mut tx, &mut meeting).await?;
    ensure!(copy == Some(written), "{copy:?}");
    ensure!(meeting.uid.as_deref() == Some("chosen@service.example"), "{meeting:?}");
    Ok(())
}

#[tokio::test]
async fn the_api_shows_the_uid_that_the_calendar_has() -> anyhow::Result<()> {
    let world = World::at(Clock::System, &[]).await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    let (token, config) = (world.token(world.ann).await?, world.config_file()?);
    std::fs::OpenOptions::new().append(true).open(&config)?.write_all(SETTINGS.as_bytes())?;

    for (number, point) in POINTS.into_iter().enumerate() {
        let host = Host::start(&config, &[(STOP_AT, point)]).await?;
        let client = host.client(&token)?;
        let made = client.post("/v1/meetings", &world.meeting_body(point, u32::try_from(number)? + 3)).await?;
        ensure!(made["uid"] == Value::Null, "nothing is known yet: {made}");
        host.says(&["stopped at", point]).await?;
        host.kill().await?;
        let host = Host::start(&config, &[]).await?;
        let uid = world.shown_uid(&host.client(&token)?, &id(&made)?, point).await?;
        ensure!(uid.ends_with("@google.com"), "the service has chosen it: {uid}");
        host.stop().await?;
    }
    ensure!(world.google.events(ANN).len() == POINTS.len(), "each is there once");

    // A change keeps it, and busy times name the meeting by it.
    let host = Host::start(&config, &[]).await?;
    let client = host.client(&token)?;
    let made = id(&client.post("/v1/meetings", &world.meeting_body("Moved", 20)).await?)?;
    let uid = world.shown_uid(&client, &made, "Moved").await?;
    client.patch(&format!("/v1/meetings/{made}"), &json!({ "start": "2027-05-20T09:00:00Z" })).await?;
    ensure!(world.shown_uid(&client, &made, "Moved").await? == uid);
    let listed = client.get("/v1/meetings").await?;
    let listed = listed["items"].as_array().context("a list")?;
    ensure!(listed.iter().any(|meeting| meeting["uid"] == *uid), "{listed:?}");
    let busy = format!("/v1/people/{}/busy?from=2027-05-20T00:00:00Z&to=2027-05-21T00:00:00Z", world.ann);
    let busy = client.get(&busy).await?;
    let intervals = busy["intervals"].as_array().context("it is known")?;
    ensure!(intervals.len() == 1, "{busy}");
    ensure!(intervals[0]["meeting_uid"] == *uid, "{busy}");
    host.stop().await?;
    Ok(())
}

/// The copy that a guest's service receives has no key of ours, only the UID.
#[tokio::test]
async fn a_guests_copy_is_known_by_its_uid() -> anyhow::Result<()> {
    let world = World::at(Clock::System, &[]).await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    world.connect(&world.browser_of(world.ben, "session-of-ben"), BEN).await?;
    let (ann, ben, config) = (world.token(world.ann).await?, world.token(world.ben).await?, world.config_file()?);
    std::fs::OpenOptions::new().append(true).open(&config)?.write_all(SETTINGS.as_bytes())?;
    let host = Host::start(&config, &[]).await?;
    let client = host.client(&ann)?;
    let mut body = world.meeting_body("Together", 20);
    body["attendees"] = json!([world.ben]);
    let made = id(&client.post("/v1/meetings", &body).await?)?;
    let uid = world.shown_uid(&client, &made, "Together").await?;
    // Two invitations reach Ben: to this meeting, and to somebody else's.
    for (uid, hour) in [(uid.as_str(), 10), ("another@elsewhere.example", 14)] {
        let at = |hour: u32| json!({ "dateTime": format!("2027-05-20T{hour}:00:00Z"), "timeZone": "Europe/Rome" });
        let copy = json!({
            "iCalUID": uid, "summary": "Together", "start": at(hour), "end": at(hour + 1),
            "attendees": [{ "email": BEN, "responseStatus": "accepted" }],
        });
        world.google.receive("assistant@elsewhere.example", &copy)?;
    }
    let busy = format!("/v1/people/{}/busy?from=2027-05-20T00:00:00Z&to=2027-05-21T00:00:00Z", world.ben);
    let busy = host.client(&ben)?.get(&busy).await?;
    let told: Vec<_> =
        busy["intervals"].as_array().context("it is known")?.iter().map(|one| &one["meeting_uid"]).collect();
    ensure!(told == [&json!(uid), &Value::Null], "{busy}");
    host.stop().await?;
    Ok(())
}
