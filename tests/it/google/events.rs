//! Events: written, invited to, answered, listed, followed.

use chronus_tests::google::MailKind;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::world::{ANN, BEN, World, meeting};

#[tokio::test]
async fn an_event_is_written_under_conditions_and_read_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let made = ann.put(Method::POST, "calendars/primary/events", meeting("choir1", &[])).await?;
    assert_eq!(made["iCalUID"], "choir1@google.com");
    assert_eq!(made["organizer"], json!({ "email": ANN, "self": true }));
    assert_eq!(made["start"], json!({ "dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Rome" }));
    let again = ann.ask(Method::POST, "calendars/primary/events", Some(&meeting("choir1", &[]))).await?;
    assert_eq!((again.status, again.reason()), (StatusCode::CONFLICT, "duplicate"));

    let etag = made["etag"].as_str().unwrap_or_default();
    let path = "calendars/primary/events/choir1";
    let patch = json!({ "summary": "Choir, outside" });
    let changed = ann.ask_if(Method::PATCH, path, Some(&patch), &[("if-match", etag)]).await?;
    assert_eq!((changed.status, &changed.body["sequence"]), (StatusCode::OK, &json!(0)));
    let stale = ann.ask_if(Method::PATCH, path, Some(&patch), &[("if-match", etag)]).await?;
    assert_eq!((stale.status, stale.reason()), (StatusCode::PRECONDITION_FAILED, "conditionNotMet"));
    let moved = json!({ "end": { "dateTime": "2026-11-24T11:00:00+01:00" } });
    let moved = ann.ask_if(Method::PATCH, path, Some(&moved), &[("if-match", "*")]).await?;
    assert_eq!((moved.status, &moved.body["sequence"]), (StatusCode::OK, &json!(1)));

    assert_eq!(ann.ask(Method::DELETE, path, None).await?.status, StatusCode::NO_CONTENT);
    let twice = ann.ask(Method::DELETE, path, None).await?;
    assert_eq!((twice.status, twice.reason()), (StatusCode::GONE, "deleted"));
    assert_eq!(ann.get(path).await?["status"], "cancelled");
    let again = ann.ask(Method::POST, "calendars/primary/events", Some(&meeting("choir1", &[]))).await?;
    assert_eq!((again.status, again.reason()), (StatusCode::CONFLICT, "duplicate"));
    let back = ann.put(Method::PATCH, path, json!({ "status": "confirmed" })).await?;
    assert_eq!((&back["status"], &back["summary"]), (&json!("confirmed"), &json!("Choir, outside")));
    Ok(())
}

#[tokio::test]
async fn a_guest_has_a_copy_and_answers_in_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person(BEN));
    let mut event = meeting("choir2", &[ANN, BEN, "carol@elsewhere.example"]);
    event["extendedProperties"] = json!({ "private": { "mine": "1" }, "shared": { "ours": "2" } });
    ann.put(Method::POST, "calendars/primary/events?sendUpdates=all", event).await?;
    let kinds = |mails: Vec<chronus_tests::google::Mail>| -> Vec<_> {
        mails.into_iter().map(|mail| (mail.to, mail.kind, mail.answer)).collect()
    };
    let invited = |to: &str| (to.to_owned(), MailKind::Invitation, None);
    assert_eq!(kinds(world.google.take_mails()), [invited(BEN), invited("carol@elsewhere.example")]);

    let path = "calendars/primary/events/choir2";
    let copy = ben.get(path).await?;
    assert_eq!(copy["extendedProperties"], json!({ "shared": { "ours": "2" } }));
    assert_eq!(copy["start"]["dateTime"], "2026-11-24T04:00:00-05:00");
    assert_eq!(copy["attendees"][1]["self"], true);
    let refused = ben.ask(Method::PATCH, path, Some(&json!({ "summary": "Mine" }))).await?;
    assert_eq!((refused.status, refused.reason()), (StatusCode::FORBIDDEN, "forbiddenForNonOrganizer"));
    let alone = json!({ "attendees": [{ "email": BEN, "responseStatus": "accepted" }] });
    let refused = ben.ask(Method::PATCH, path, Some(&alone)).await?;
    assert_eq!(refused.reason(), "forbiddenForNonOrganizer", "a list without the others takes them away");
    let mut answer = alone;
    answer["attendeesOmitted"] = true.into();
    ben.put(Method::PATCH, &format!("{path}?sendUpdates=all"), answer).await?;
    let mail = (ANN.to_owned(), MailKind::Reply, Some("accepted".to_owned()));
    assert_eq!(kinds(world.google.take_mails()), [mail]);
    assert_eq!(ann.get(path).await?["attendees"][1]["responseStatus"], "accepted");

    // Ben keeps to himself what is his when Ann changes what is everybody's.
    ben.put(Method::PATCH, path, json!({ "transparency": "transparent" })).await?;
    ann.put(Method::PATCH, path, json!({ "summary": "Choir, outside" })).await?;
    assert_eq!(kinds(world.google.take_mails()), [], "nobody is told who was not to be");
    let copy = ben.get(path).await?;
    assert_eq!((&copy["summary"], &copy["transparency"]), (&json!("Choir, outside"), &json!("transparent")));
    ben.ask(Method::DELETE, path, None).await?;
    assert_eq!(ann.get(path).await?["attendees"][1]["responseStatus"], "declined");
    ann.ask(Method::DELETE, &format!("{path}?sendUpdates=externalOnly"), None).await?;
    let gone = ("carol@elsewhere.example".to_owned(), MailKind::Cancellation, None);
    assert_eq!(kinds(world.google.take_mails()), [gone]);
    Ok(())
}

#[tokio::test]
async fn changes_are_followed_by_token_until_it_ends() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    for id in ["aaaa1", "aaaa2", "aaaa3"] {
        ann.put(Method::POST, "calendars/primary/events", meeting(id, &[])).await?;
    }
    world.google.set_pages(Some(2), true);
    let (none, page) = ann.list("").await?;
    assert_eq!(none, [""; 0], "an empty page that is not the last");
    let (two, page) = ann.list(&format!("pageToken={page}")).await?;
    assert_eq!(two, ["aaaa1", "aaaa2"]);
    ann.ask(Method::DELETE, "calendars/primary/events/aaaa1", None).await?;
    let (_, page) = ann.list(&format!("pageToken={page}")).await?;
    let (one, sync) = ann.list(&format!("pageToken={page}")).await?;
    assert_eq!(one, ["aaaa3"]);
    world.google.set_pages(None, false);
    let (changed, next) = ann.list(&format!("syncToken={sync}")).await?;
    assert_eq!(changed, ["(aaaa1)"], "what happened between two pages is not lost");
    assert_eq!(ann.list(&format!("syncToken={next}")).await?.0, [""; 0]);

    let wrong = ann.ask(Method::GET, &format!("calendars/primary/events?syncToken={next}&q=a"), None).await?;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let path = format!("calendars/primary/events?syncToken={next}");
    let other = ann.ask(Method::GET, &format!("{path}&singleEvents=true"), None).await?;
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "another question");
    world.google.expire_sync_tokens(ANN);
    let ended = ann.ask(Method::GET, &path, None).await?;
    assert_eq!((ended.status, ended.reason()), (StatusCode::GONE, "fullSyncRequired"));
    let never = ann.ask(Method::GET, "calendars/primary/events?syncToken=never", None).await?;
    assert_eq!((never.status, never.reason()), (StatusCode::BAD_REQUEST, "invalid"));
    Ok(())
}

#[tokio::test]
async fn a_series_has_occurrences_and_exceptions() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person(BEN));
    let series = json!({
        "id": "serie",
        "summary": "Choir",
        "start": { "dateTime": "2027-03-21T09:00:00", "timeZone": "Europe/Rome" },
        "end": { "dateTime": "2027-03-21T10:00:00", "timeZone": "Europe/Rome" },
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"],
        "attendees": [{ "email": BEN }],
    });
    ann.put(Method::POST, "calendars/primary/events", series).await?;
    let (_, plain) = ann.list("").await?;
    let window = "singleEvents=true&orderBy=startTime&timeMin=2027-03-01T00:00:00Z&timeMax=2027-05-01T00:00:00Z";
    let (ids, _) = ann.list(window).await?;
    let starts = ["20270321T080000Z", "20270328T070000Z", "20270404T070000Z", "20270411T070000Z"];
    assert_eq!(ids, starts.map(|start| format!("serie_{start}")));

    let path = |start: &str| format!("calendars/primary/events/serie_{start}");
    let moved = json!({
        "start": { "dateTime": "2027-03-28T18:00:00+02:00" }, "end": { "dateTime": "2027-03-28T19:00:00+02:00" },
    });
    let moved = ann.put(Method::PATCH, &path(starts[1]), moved).await?;
    assert_eq!(moved["recurringEventId"], "serie");
    assert_eq!(moved["originalStartTime"]["dateTime"], "2027-03-28T09:00:00+02:00");
    ann.ask(Method::DELETE, &path(starts[2]), None).await?;
    let (changed, next) = ann.list(&format!("syncToken={plain}")).await?;
    assert_eq!(changed, [format!("serie_{}", starts[1]), format!("(serie_{})", starts[2])]);
    let (ids, _) = ben.list(window).await?;
    assert_eq!(ids, [starts[0], starts[1], starts[3]].map(|start| format!("serie_{start}")));
    let all = ben.get("calendars/primary/events/serie/instances?showDeleted=true").await?;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(4));

    // A guest answers for one of them.
    let answer = json!({ "attendeesOmitted": true, "attendees": [{ "email": BEN, "responseStatus": "declined" }] });
    ben.put(Method::PATCH, &path(starts[3]), answer).await?;
    assert_eq!(ann.get(&path(starts[3])).await?["attendees"][0]["responseStatus"], "declined");
    assert_eq!(ann.get(&path(starts[0])).await?["attendees"][0]["responseStatus"], "needsAction");
    let (changed, _) = ann.list(&format!("syncToken={next}")).await?;
    assert_eq!(changed, [format!("serie_{}", starts[3])]);

    // A series that is cancelled takes its exceptions with it, everywhere.
    let other = json!({
        "id": "series2", "start": { "dateTime": "2027-03-22T09:00:00", "timeZone": "Europe/Rome" },
        "end": { "dateTime": "2027-03-22T10:00:00", "timeZone": "Europe/Rome" },
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"], "attendees": [{ "email": BEN }],
    });
    ann.put(Method::POST, "calendars/primary/events", other).await?;
    let second = "calendars/primary/events/series2_20270323T080000Z";
    ann.put(Method::PATCH, second, json!({ "summary": "Another" })).await?;
    let (_, before) = ben.list("singleEvents=true").await?;
    ann.ask(Method::DELETE, "calendars/primary/events/series2", None).await?;
    let (changed, _) = ben.list(&format!("singleEvents=true&syncToken={before}")).await?;
    assert_eq!(changed, ["(series2_20270322T080000Z)", "(series2_20270323T080000Z)"]);
    assert_eq!(ann.get(second).await?["status"], "cancelled");

    // Who follows single occurrences hears of those that a shorter rule takes away.
    let (_, single) = ann.list("singleEvents=true").await?;
    let shorter = json!({ "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"] });
    ann.put(Method::PATCH, "calendars/primary/events/serie", shorter).await?;
    let (changed, _) = ann.list(&format!("singleEvents=true&syncToken={single}")).await?;
    let gone = [starts[2], starts[3]].map(|start| format!("(serie_{start})"));
    assert_eq!(changed, [&[format!("serie_{}", starts[0])][..], &gone].concat());
    Ok(())
}

#[tokio::test]
async fn an_invitation_from_outside_is_answered_by_mail() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let outside = "eve@elsewhere.example";
    let mut event = meeting("", &[ANN]);
    event["iCalUID"] = "tea@elsewhere.example".into();
    let id = world.google.receive(outside, &event)?;
    let path = format!("calendars/primary/events/{id}");
    let copy = ann.get(&path).await?;
    assert_eq!((&copy["organizer"], &copy["attendees"][0]["self"]), (&json!({ "email": outside }), &json!(true)));
    let answer = json!({ "attendeesOmitted": true, "attendees": [{ "email": ANN, "responseStatus": "tentative" }] });
    ann.put(Method::PATCH, &format!("{path}?sendUpdates=all"), answer).await?;
    let mails = world.google.take_mails();
    assert_eq!((mails[0].to.as_str(), mails[0].kind, mails.len()), (outside, MailKind::Reply, 1));
    assert_eq!((mails[0].ical_uid.as_str(), mails[0].answer.as_deref()), ("tea@elsewhere.example", Some("tentative")));

    // What comes later finds the same copy, with what Ann has made of it.
    ann.put(Method::PATCH, &path, json!({ "colorId": "5" })).await?;
    event["summary"] = "Tea".into();
    assert_eq!(world.google.receive(outside, &event)?, id);
    let copy = ann.get(&path).await?;
    assert_eq!((&copy["summary"], &copy["colorId"]), (&json!("Tea"), &json!("5")));
    event["status"] = "cancelled".into();
    world.google.receive(outside, &event)?;
    assert_eq!(ann.get(&path).await?["status"], "cancelled");
    Ok(())
}

/// An id is a calendar's own matter: a guest may have another event under it.
#[tokio::test]
async fn a_copy_whose_id_is_taken_goes_by_another() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person(BEN));
    ben.put(Method::POST, "calendars/primary/events", meeting("same1", &[])).await?;
    let outside = json!({
        "iCalUID": "same@elsewhere.example", "summary": "Tea", "attendees": [{ "email": BEN }],
        "start": { "date": "2026-11-26" }, "end": { "date": "2026-11-27" },
    });
    let id = world.google.receive("eve@elsewhere.example", &outside)?;
    ann.put(Method::POST, "calendars/primary/events", meeting(&id, &[BEN])).await?;
    assert_eq!(ben.list("iCalUID=same%40elsewhere.example").await?.0, [id.as_str()]);
    let copy = format!("{id}0");
    assert_eq!(ben.list(&format!("iCalUID={id}%40google.com")).await?.0, [copy.as_str()]);
    let answer = json!({ "attendeesOmitted": true, "attendees": [{ "email": BEN, "responseStatus": "accepted" }] });
    ben.put(Method::PATCH, &format!("calendars/primary/events/{copy}"), answer).await?;
    assert_eq!(ann.get(&format!("calendars/primary/events/{id}")).await?["attendees"][0]["responseStatus"], "accepted");
    ann.ask(Method::DELETE, &format!("calendars/primary/events/{id}"), None).await?;
    assert_eq!(ben.get(&format!("calendars/primary/events/{copy}")).await?["status"], "cancelled");
    assert_eq!(ben.get(&format!("calendars/primary/events/{id}")).await?["status"], "confirmed");
    Ok(())
}
