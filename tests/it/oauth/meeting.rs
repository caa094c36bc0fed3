//! Two people with accounts at the same service, and a meeting of theirs (M3, M5, M8, M18, X1).

use super::world::{ANN, BEN, World, afternoon, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    availability::{self, Busy},
    calendar::Window,
    meetings::{self, Content, NewMeeting},
};
use serde_json::json;

#[tokio::test]
async fn a_meeting_made_here_is_on_both_calendars() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    for (person, session, account) in [(world.ann, "session-of-ann", ANN), (world.ben, "session-of-ben", BEN)] {
        world.connect(&world.browser_of(person, session), account).await?;
    }
    world
        .put_event(
            BEN,
            &json!({ "summary": "Dentist", "start": { "dateTime": "2026-12-01T09:00:00Z" },
                "end": { "dateTime": "2026-12-01T10:00:00Z" } }),
        )
        .await?;
    let window = Window { start: "2026-12-01T00:00:00Z".parse()?, end: "2026-12-02T00:00:00Z".parse()? };
    let busy = async |person| -> anyhow::Result<Vec<String>> {
        let busy = availability::busy(&world.app.calendars, world.organisation, person, window).await?;
        let Busy::Known { intervals, .. } = busy else { anyhow::bail!("{busy:?}") };
        Ok(intervals.iter().map(|one| one.start.to_string()).collect())
    };
    assert_eq!(busy(world.ben).await?, ["2026-12-01T09:00:00Z"]);

    let runner = work::start(&world.app).await?;
    let content = Content { description: "bring\nquestions".into(), ..afternoon("Mentoring", "2026-12-01")? };
    let plan = NewMeeting { program: world.program, owner: world.ann, attendees: vec![world.ben], content, key: None };
    let actor = world.actor_in_program(world.ann);
    let meeting = meetings::schedule(&world.app.db, world.clock.now(), &actor, plan).await?.meeting;
    let titled = |calendar: &str| {
        world.google.events(calendar).into_iter().filter(|event| event["summary"] == "Mentoring").collect::<Vec<_>>()
    };
    until("the meeting is on both calendars", || async { Ok(titled(ANN).len() == 1 && titled(BEN).len() == 1) })
        .await?;
    let (hers, his) = (titled(ANN).remove(0), titled(BEN).remove(0));
    ensure!(hers["iCalUID"] == his["iCalUID"] && hers["organizer"]["email"] == ANN, "{hers}\n{his}");
    // The service invites: ben has one invitation, and it is not ours.
    let mails = world.google.mails();
    ensure!(mails.iter().filter(|mail| mail.to == BEN).count() == 1, "{mails:?}");
    assert_eq!(busy(world.ben).await?, ["2026-12-01T09:00:00Z", "2026-12-01T14:00:00Z"]);

    let cancelled = meetings::cancel(&world.app.db, world.clock.now(), &actor, meeting.id, None).await?;
    ensure!(cancelled.status == meetings::Status::Cancelled);
    until("it is on neither", || async { Ok(titled(ANN).is_empty() && titled(BEN).is_empty()) }).await?;

    let revoked = world.connection(world.ben).await?.context("ben is connected")?;
    world.disconnect(world.ben).await?;
    until("ben's access is taken back", || async { Ok(world.google.lasting_consents(BEN) == 0) }).await?;
    ensure!(world.google.lasting_consents(ANN) == 1, "ann's is not: {}", revoked.id);
    runner.shutdown().await;
    Ok(())
}
