//! Meetings and busy times: idempotency keys, lost leases, and calendars that cannot be read.

use super::world::{Answer, Side, World};
use anyhow::{Context, ensure};
use chronus_host::{
    connections,
    db::Page,
    jobs::{Effect, Lease, LeaseError, Outcome},
    meetings::{push, store},
    organisations::offers::{self, Offer},
    people::{self, Member, MemberRole},
    plugins::{
        contract::{Abilities, Account, Calendar, CalendarRole},
        registry::Provenance,
    },
};
use chronus_tests::{OPERATOR, components};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;

/// Duration of a lease in these tests.
const LEASE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_key_is_its_senders_own() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (integration, ann) = (&world.ours.integration, &world.ours.as_person);
    let ask = async |token: &str, title: &str| -> anyhow::Result<Answer> {
        let meeting = json!({
            "program": world.ours.program, "owner": world.ours.person, "title": title,
            "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z", "zone": "Europe/Rome",
        });
        world.ask("POST", "/v1/meetings", Some(token))?.json(&meeting).header("idempotency-key", "1").send().await
    };
    let first = ask(integration, "One").await?.has_status(201)?;
    ensure!(ask(integration, "One").await?.has_status(201)?["id"] == first["id"]);
    // Other senders can use the same key and do not get this meeting.
    let own = ask(ann, "Two").await?.has_status(201)?;
    ensure!(ask(&world.ours.as_admin, "Two").await?.has_status(201)?["id"] != own["id"]);
    ensure!(ask(ann, "Two").await?.has_status(201)?["id"] == own["id"] && own["id"] != first["id"]);
    ensure!(ask(ann, "One").await?.has_status(409)?["code"] == ask(integration, "Two").await?.has_status(409)?["code"]);
    Ok(())
}

#[tokio::test]
async fn what_was_cancelled_before_there_was_a_calendar_waits_for_none() -> anyhow::Result<()> {
    let world = World::new().await?;
    let address = format!("/v1/meetings/{}", world.ours.meeting);
    push_all(&world).await?;
    ensure!(calendar(&world, &address).await?["state"] == "waiting");
    world.ask("DELETE", &address, Some(&world.ours.integration))?.send().await?.has_status(200)?;
    push_all(&world).await?;
    let told = calendar(&world, &address).await?;
    ensure!(told == json!({ "state": "cancelled", "revision": 0, "problem": null }), "{told}");
    Ok(())
}

/// A host that lost its lease but continues overwrites nothing that another host wrote.
#[tokio::test]
async fn who_lost_a_job_writes_nothing_down() -> anyhow::Result<()> {
    let world = World::new().await?;
    connect(&world).await?;
    let mut tx = world.app.db.begin().await?;
    let (organisation, person) = (world.ours.organisation, world.ours.person);
    let kept = connections::store::of_person(&mut tx, organisation, person).await?.context("they are connected")?;
    let abilities = Abilities { write: true, ..kept.connection.account.abilities };
    let (id, name, zone) = ("one".to_owned(), "One".to_owned(), None);
    let calendars =
        vec![Calendar { id, name, role: CalendarRole::Owner, is_default: true, takes_meetings: true, zone }];
    let account = Account { calendars, abilities, ..kept.connection.account };
    connections::store::save_account(&mut tx, kept.connection.id, &account, 0).await?;
    tx.commit().await?;

    let meeting = world.ours.meeting;
    let mut lost = None;
    while let Some(lease) = claim(&world).await? {
        if lease.effect == (Effect::PushMeeting { meeting }) {
            lost = Some(lease);
        }
    }
    let lost = lost.context("it is to be pushed")?;
    world.clock.advance(SignedDuration::try_from(LEASE)?);
    while claim(&world).await?.is_some() {}
    ensure!(matches!(push::push(&world.app.calendars, &lost, meeting).await, Err(LeaseError::Lost)));
    let mut tx = world.app.db.begin_read().await?;
    ensure!(store::copy(&mut tx, meeting).await?.is_none(), "it was written down");
    Ok(())
}

#[tokio::test]
async fn an_account_without_a_calendar_of_ones_own_is_not_free_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    connect(&world).await?;
    let window = "from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z";
    let busy = format!("/v1/people/{}/busy?{window}", world.ours.person);
    let told = world.ask("GET", &busy, Some(&world.ours.as_person))?.send().await?.has_status(200)?;
    ensure!(told["state"] == "unknown" && told["reason"] == "no-calendar", "{told}");
    ensure!(told["intervals"] == Value::Null, "{told}");
    Ok(())
}

/// The number of queries does not depend on the length of the list, and each meeting has its own attendees and event.
#[tokio::test]
async fn a_list_of_meetings_takes_three_queries() -> anyhow::Result<()> {
    let world = World::new().await?;
    let list = async || -> anyhow::Result<(Vec<_>, u32)> {
        let mut tx = world.app.db.begin_read().await?;
        let listed = store::list(&mut tx, world.ours.organisation, None, &Page::all()).await?;
        Ok((listed, tx.statements()))
    };
    let (listed, statements) = list().await?;
    ensure!((listed.len(), statements) == (1, 3), "{statements} for {}", listed.len());
    let Side { program, person, admin, .. } = world.ours;
    people::put_member(&world.app.db, &OPERATOR, Member { program, person: admin, role: MemberRole::Participant })
        .await?;
    for number in 0..20 {
        let meeting = json!({
            "program": program, "owner": person, "attendees": if number % 2 == 0 { vec![admin] } else { vec![] },
            "title": format!("Meeting {number}"), "start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z",
            "zone": "Europe/Rome",
        });
        world
            .ask("POST", "/v1/meetings", Some(&world.ours.integration))?
            .json(&meeting)
            .send()
            .await?
            .has_status(201)?;
    }
    push_all(&world).await?;
    let (listed, statements) = list().await?;
    ensure!((listed.len(), statements) == (21, 3), "{statements} for {}", listed.len());
    let mut tx = world.app.db.begin_read().await?;
    for (meeting, copy) in listed {
        ensure!(copy.is_some() && store::copy(&mut tx, meeting.id).await? == copy, "{copy:?}");
        ensure!(store::find_unscoped(&mut tx, meeting.id).await?.as_ref() == Some(&meeting), "{meeting:?}");
    }
    Ok(())
}

/// Connects the person to a provider whose account has no calendar.
async fn connect(world: &World) -> anyhow::Result<()> {
    let idle = tokio::task::spawn_blocking(components).await??.guest("idle")?;
    let bytes = std::fs::read(&idle.path)?;
    world.app.calendars.registry.add(&OPERATOR, &bytes, Provenance::Digest(&idle.sha256), true).await?;
    let offer = Offer { provider: "idle".into(), organisation: world.ours.organisation, program: None };
    offers::enable(&world.app.db, &OPERATOR, &offer).await?;
    let path = format!("/v1/people/{}/connection", world.ours.person);
    let form = json!({ "provider": "idle", "sign_in": "none" });
    world.ask("PUT", &path, Some(&world.ours.as_person))?.json(&form).send().await?.has_status(200)?;
    Ok(())
}

async fn claim(world: &World) -> anyhow::Result<Option<Lease>> {
    let mut tx = world.app.db.begin().await?;
    let lease = chronus_tests::jobs::claim(&mut tx, "a host", LEASE).await?;
    tx.commit().await?;
    Ok(lease)
}

/// Runs all pending push jobs.
async fn push_all(world: &World) -> anyhow::Result<()> {
    while let Some(lease) = claim(world).await? {
        let Effect::PushMeeting { meeting } = lease.effect else { continue };
        ensure!(push::push(&world.app.calendars, &lease, meeting).await? == Outcome::Done);
    }
    Ok(())
}

/// The `calendar` field of a meeting.
async fn calendar(world: &World, address: &str) -> anyhow::Result<Value> {
    let meeting = world.ask("GET", address, Some(&world.ours.integration))?.send().await?.has_status(200)?;
    Ok(meeting["calendar"].clone())
}
