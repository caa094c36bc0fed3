//! Meetings in a person's calendar: created once, changed without touching the fields of others, and followed.

use super::{ANN, BEN, TWO_WAY, World, draft, hour, remedy};
use anyhow::Context;
use chronus_host::calendar::{Attendee, Draft, Patch, Rsvp, Status, Window};
use chronus_host::plugins::Remedy;
use chronus_host::plugins::contract::{Batch, Change, EventRef, Notify};
use chronus_tests::google::Fault;
use http::Method;
use serde_json::json;

fn guest(address: &str) -> Attendee {
    Attendee::required(address.into(), None)
}

fn retitled(title: &str) -> Patch {
    Patch { title: Some(title.into()), ..Patch::default() }
}

/// R36: Google never releases an id, not even that of a deleted event.
#[tokio::test]
async fn a_deleted_meeting_is_made_again_and_nothing_goes_round_in_circles() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    let mut ids = Vec::new();
    for deleted in 0..3 {
        world.asked();
        let event = world.plugin.create(&access, ANN, "meeting-1", draft(0, 1), Notify::None).await?.value;
        assert_eq!(world.asked().len(), 2 * deleted + 1);
        assert_eq!(event.client_key.as_deref(), Some("meeting-1"));
        let again = world.plugin.create(&access, ANN, "meeting-1", draft(0, 1), Notify::None).await?.value;
        assert_eq!((&again.id, &again.uid), (&event.id, &event.uid));
        assert_eq!(world.google.events(ANN).len(), 1);
        world.other_program(ANN, "DELETE", &format!("calendars/primary/events/{}", event.id), "").await?;
        assert_eq!(remedy(world.plugin.get(&access, ANN, &event.id).await)?, Remedy::Gone);
        ids.push(event.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has an id of its own");
    Ok(())
}

#[tokio::test]
async fn guests_answers_and_comments_stay_whatever_their_host_changes() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.access(ANN, &TWO_WAY)?, world.access(BEN, &TWO_WAY)?);
    let invited = Draft { attendees: vec![guest(BEN), guest("cy@elsewhere.example")], ..draft(0, 1) };
    let event = world.plugin.create(&ann, ANN, "meeting-1", invited, Notify::All).await?.value;
    let comment = json!({ "attendees": [{ "email": BEN, "responseStatus": "tentative", "comment": "may be late",
        "additionalGuests": 1 }], "attendeesOmitted": true });
    let path = format!("calendars/primary/events/{}", event.id);
    world.other_program(BEN, "PATCH", &path, &comment.to_string()).await?;
    let answered = world
        .plugin
        .respond(&ben, EventRef { calendar: BEN, id: &event.id }, "meeting-1", Rsvp::Accepted, None, Notify::All)
        .await?
        .value;
    let own: Vec<_> =
        answered.attendees.iter().filter(|one| one.is_self).map(|one| (one.address.as_str(), one.rsvp)).collect();
    assert_eq!(own, [(BEN, Rsvp::Accepted)]);
    // The host adds a guest, leaves out Ben's answer, and moves the meeting.
    let wanted = vec![guest(BEN), guest("cy@elsewhere.example"), guest("di@elsewhere.example")];
    let patch = Patch { attendees: Some(wanted), title: Some("Rehearsal".into()), ..Patch::default() };
    let changed = world
        .plugin
        .update(&ann, EventRef { calendar: ANN, id: &event.id }, "meeting-1", None, patch, Notify::All)
        .await?
        .value;
    assert_eq!(changed.attendees.iter().filter(|one| one.rsvp == Rsvp::Accepted).count(), 1);
    let stored = world.google.event(ANN, &event.id).context("the event")?;
    let of_ben = stored["attendees"].as_array().context("attendees")?.iter().find(|one| one["email"] == BEN);
    let of_ben = of_ben.context("Ben")?;
    assert_eq!((&of_ben["comment"], &of_ben["additionalGuests"]), (&json!("may be late"), &json!(1)));
    assert_eq!(of_ben["responseStatus"], "accepted");
    // A guest may answer, but not change anything else.
    let refused = world
        .plugin
        .update(&ben, EventRef { calendar: BEN, id: &event.id }, "x", None, retitled("Mine"), Notify::All)
        .await;
    assert_eq!(remedy(refused)?, Remedy::NotPermitted);
    assert_eq!(world.plugin.get(&ben, BEN, &event.id).await?.value.client_key, None, "the copy of a guest is not ours");
    Ok(())
}

/// Fields outside the contract belong to the owner: conference, place, reminders, colour, and the markup of the text.
#[tokio::test]
async fn what_the_owner_added_stays() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    let event = world.plugin.create(&access, ANN, "meeting-1", draft(0, 1), Notify::None).await?.value;
    assert_eq!(event.description, "Bring <notes> & pens");
    let stored = world.google.event(ANN, &event.id).context("the event")?;
    assert_eq!(stored["description"], "Bring &lt;notes&gt; &amp; pens", "what is shown is text and no markup");
    let added = json!({ "location": "Room 1", "colorId": "5", "description": "Bring <b>notes</b> &amp; pens<br>in time",
        "reminders": { "useDefault": false, "overrides": [{ "method": "popup", "minutes": 5 }] },
        "conferenceData": { "createRequest": { "requestId": "r1",
            "conferenceSolutionKey": { "type": "hangoutsMeet" } } } });
    let path = format!("calendars/primary/events/{}?conferenceDataVersion=1", event.id);
    world.other_program(ANN, "PATCH", &path, &added.to_string()).await?;
    let before = world.google.event(ANN, &event.id).context("the event")?;
    assert!(before["conferenceData"].is_object(), "{before}");
    let seen = world.plugin.get(&access, ANN, &event.id).await?.value;
    assert_eq!(seen.description, "Bring notes & pens\nin time");
    let patch =
        Patch { when: Some(draft(3, 5).when), description: Some(seen.description.clone()), ..retitled("Moved") };
    world
        .plugin
        .update(
            &access,
            EventRef { calendar: ANN, id: &event.id },
            "meeting-1",
            seen.etag.as_deref(),
            patch,
            Notify::All,
        )
        .await?;
    let after = world.google.event(ANN, &event.id).context("the event")?;
    assert_eq!(after["summary"], "Moved");
    for kept in
        ["conferenceData", "hangoutLink", "location", "colorId", "reminders", "description", "extendedProperties"]
    {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    Ok(())
}

#[tokio::test]
async fn who_is_told_is_the_callers_choice() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    let invited = |uid: &str| Draft { uid: uid.into(), attendees: vec![guest("cy@elsewhere.example")], ..draft(0, 1) };
    let silent = world.plugin.create(&access, ANN, "silent", invited("1"), Notify::None).await?.value;
    world
        .plugin
        .update(
            &access,
            EventRef { calendar: ANN, id: &silent.id },
            "silent",
            None,
            retitled("Still silent"),
            Notify::None,
        )
        .await?;
    world
        .plugin
        .cancel(&access, EventRef { calendar: ANN, id: &silent.id }, "silent", None, None, Notify::None)
        .await?;
    assert_eq!(world.google.take_mails(), []);
    let told = world.plugin.create(&access, ANN, "told", invited("2"), Notify::All).await?.value;
    assert_eq!(world.google.take_mails().len(), 1);
    world.plugin.cancel(&access, EventRef { calendar: ANN, id: &told.id }, "told", None, None, Notify::All).await?;
    assert_eq!(world.google.take_mails().len(), 1);
    world.plugin.cancel(&access, EventRef { calendar: ANN, id: &told.id }, "told", None, None, Notify::All).await?;
    assert_eq!(world.google.take_mails(), [], "cancelling again tells nobody again");
    Ok(())
}

/// The invitation was created and mailed, but the response was lost: the second attempt finds the event and sends no
/// second mail.
#[tokio::test]
async fn a_lost_answer_is_no_second_invitation() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    let invited = || Draft { attendees: vec![guest("cy@elsewhere.example")], ..draft(0, 1) };
    world.google.fail_next(1, Some(Method::POST), "/calendar/v3/calendars/", Fault::DoneButCut);
    let lost = world.plugin.create(&access, ANN, "meeting-1", invited(), Notify::All).await;
    assert_eq!(remedy(lost)?, Remedy::Temporary);
    let found = world.plugin.create(&access, ANN, "meeting-1", invited(), Notify::All).await?.value;
    let there: Vec<_> = world.google.events(ANN).iter().map(|event| event["id"].clone()).collect();
    assert_eq!(there, [json!(found.id)]);
    assert_eq!(world.google.take_mails().len(), 1);
    // In the meantime Ann changed the event: her text is reported, and stays.
    let path = format!("calendars/primary/events/{}", found.id);
    world.other_program(ANN, "PATCH", &path, r#"{"summary":"Mine now"}"#).await?;
    let again = world.plugin.create(&access, ANN, "meeting-1", invited(), Notify::All).await;
    let Remedy::Conflict(present) = remedy(again)? else { anyhow::bail!("no conflict") };
    assert_eq!((present.title.as_str(), present.client_key.as_deref()), ("Mine now", Some("meeting-1")));
    Ok(())
}

async fn follow(world: &World, cursor: Option<Vec<u8>>) -> anyhow::Result<(Vec<Change>, Batch)> {
    let access = world.access(ANN, &TWO_WAY)?;
    let window = Window { start: hour(0), end: hour(24 * 14) };
    let (mut items, mut cursor) = (Vec::new(), cursor);
    for _ in 0..50 {
        let page = world.plugin.changes(&access, ANN, cursor.as_deref(), window, 2).await?.value;
        items.extend(page.items.clone());
        if !page.more {
            return Ok((items, page));
        }
        cursor = Some(page.next);
    }
    anyhow::bail!("the pages have no end")
}

#[tokio::test]
async fn changes_are_followed_over_empty_pages_and_forgotten_positions() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    world.google.set_pages(Some(1), true);
    let daily = Draft { recurrence: vec!["RRULE:FREQ=DAILY;COUNT=5".into()], ..draft(0, 1) };
    let series = world.plugin.create(&access, ANN, "series", daily, Notify::None).await?.value;
    let single = world.plugin.create(&access, ANN, "single", draft(3, 4), Notify::None).await?.value;
    let (items, listing) = follow(&world, None).await?;
    assert!(listing.complete_listing);
    let mut named: Vec<&str> = items.iter().map(Change::id).collect();
    named.sort_unstable();
    let mut expected = [series.id.as_str(), single.id.as_str()];
    expected.sort_unstable();
    assert_eq!(named, expected);

    // One day of the series is moved, another is cancelled, and the single event is deleted.
    let occurrence = |day: i64| format!("{}_{}", series.id, hour(24 * day).strftime("%Y%m%dT%H%M%SZ"));
    let path = |id: &str| format!("calendars/primary/events/{id}");
    let moved = json!({ "start": { "dateTime": hour(26).to_string() }, "end": { "dateTime": hour(27).to_string() } });
    world.other_program(ANN, "PATCH", &path(&occurrence(1)), &moved.to_string()).await?;
    world.other_program(ANN, "DELETE", &path(&occurrence(2)), "").await?;
    world.other_program(ANN, "DELETE", &path(&single.id), "").await?;
    let (items, look) = follow(&world, Some(listing.next)).await?;
    assert!(!look.complete_listing);
    let find = |id: &str| items.iter().find(|change| change.id() == id).context("it is named");
    assert_eq!(find(&single.id)?, &Change::Gone(single.id.clone()));
    let Change::Event(exception) = find(&occurrence(1))? else { anyhow::bail!("{items:?}") };
    assert_eq!((exception.series_id.as_deref(), exception.status), (Some(series.id.as_str()), Status::Confirmed));
    assert_ne!(exception.original_start, None);
    let Change::Event(cancelled) = find(&occurrence(2))? else { anyhow::bail!("{items:?}") };
    assert_eq!((cancelled.series_id.as_deref(), cancelled.status), (Some(series.id.as_str()), Status::Cancelled));

    let (items, rest) = follow(&world, Some(look.next)).await?;
    assert_eq!(items, []);
    world.google.expire_sync_tokens(ANN);
    let window = Window { start: hour(0), end: hour(24 * 14) };
    let forgotten = world.plugin.changes(&access, ANN, Some(&rest.next), window, 10).await;
    assert_eq!(remedy(forgotten)?, Remedy::CursorExpired);
    let (items, anew) = follow(&world, None).await?;
    assert!(anew.complete_listing && items.iter().any(|change| change.id() == series.id));
    Ok(())
}
