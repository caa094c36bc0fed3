//! Events: made, changed, answered, taken away.

use chronus_google::Google;
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::*;
use chronus_sdk::{EventRef, TwoWay, Write};

use crate::script::{EVENTS, Script};
use crate::{ANN, DAY, MONDAY, connection, draft, hour_from, nothing, remedy, writer};

const KEY: &str = "meeting-1";

/// The first and the second id of the key.
const FIRST: &str = "chr6f1l7m0l1u26m2ic0k2jk30v2l";
const WRITE: &str = "sendUpdates=none&conferenceDataVersion=1";

fn insert() -> String {
    format!("POST {EVENTS}?{WRITE}")
}

fn at(id: &str) -> String {
    format!("{EVENTS}/{id}")
}

/// The event that a body makes, as Google gives it back.
fn stored(body: &Value) -> Value {
    let mut item = body.clone();
    item["etag"] = "\"1\"".into();
    item["iCalUID"] = format!("{}@google.com", body["id"].as_str().expect("an id")).into();
    item["organizer"] = json!({ "email": ANN, "self": true });
    item
}

fn event() -> EventRef<'static> {
    EventRef { calendar: ANN, id: FIRST }
}

fn write(etag: Option<&str>, notify: Notify) -> Write<'_> {
    Write { key: KEY, etag, notify, comment: None }
}

fn create(script: &Script, draft: &Draft) -> Result<EventReply, Failure> {
    script.run(|| Google::create(&writer(), ANN, draft, write(None, Notify::None)))
}

/// What is sent to make a draft, without its id.
fn sent(draft: &Draft) -> Value {
    let script = Script::default().expect(
        &insert(),
        200,
        json!({ "id": "x", "start": { "date": "2026-03-02" },
        "end": { "date": "2026-03-03" } }),
    );
    create(&script, draft).expect("made");
    script.body(0)
}

#[test]
fn an_event_is_made_with_an_id_of_the_key() {
    let body = sent(&draft());
    let id = body["id"].as_str().expect("an id").to_owned();
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte)), "{id}");
    let expected = json!({
        "id": id, "summary": "Planning", "description": "a &lt; b\nnext", "status": "confirmed", "transparency": "opaque",
        "location": "Room 5", "source": { "url": "https://example.org/meetings/1" },
        "start": { "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Rome" },
        "end": { "dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Rome" },
        "extendedProperties": { "private": { "chronusKey": KEY } },
    });
    assert_eq!(body, expected);
    let other = sent(&Draft { uid: "another".into(), title: "Other".into(), ..draft() });
    assert_eq!(other["id"], body["id"], "the key alone decides");
    let script = Script::default().expect(&insert(), 200, stored(&body));
    let event = create(&script, &draft()).expect("made").event;
    assert_eq!((event.client_key.as_deref(), event.description.as_str()), (Some(KEY), "a < b\nnext"));
    assert_eq!(event.uid, format!("{}@google.com", event.id));
    assert_eq!(event.when, draft().when);
}

#[test]
fn a_second_try_finds_the_first() {
    let body = sent(&draft());
    let id = body["id"].as_str().expect("an id");
    let again = |present: Value| {
        Script::default().refuse(&insert(), 409, "duplicate").expect(&format!("GET {}", at(id)), 200, present)
    };
    let event = create(&again(stored(&body)), &draft()).expect("the first one").event;
    assert_eq!(event.id, id);
    let mut answered = stored(&body);
    answered["attendees"] = json!([{ "email": ANN, "self": true, "responseStatus": "accepted" }]);
    create(&again(answered), &draft()).expect("Google adds the organiser");
    let mut other = stored(&body);
    other["summary"] = "Something else".into();
    let Remedy::Conflict(event) = remedy(create(&again(other), &draft())) else { panic!("a conflict") };
    assert_eq!(event.title, "Something else");
    let mut strange = stored(&body);
    strange["extendedProperties"] = Value::Null;
    assert_eq!(remedy(create(&again(strange), &draft())), Remedy::AlreadyExists(id.into()));
}

/// Google never gives an id back, not even of what was deleted.
#[test]
fn a_deleted_event_is_followed_by_another_and_not_for_ever() {
    let body = sent(&draft());
    let id = body["id"].as_str().expect("an id");
    let mut next = body.clone();
    next["id"] = "chrnext".into();
    let deleted = |status, left| {
        Script::default().refuse(&insert(), 409, "duplicate").expect(&format!("GET {}", at(id)), status, left)
    };
    // Where nothing is left of it but its id, its key is looked for as well.
    let by_key = format!("GET {EVENTS}?privateExtendedProperty=chronusKey%3D{KEY}");
    for script in [
        deleted(200, json!({ "id": id, "status": "cancelled" })),
        deleted(404, json!({})).expect(&by_key, 200, json!({ "items": [] })),
    ] {
        let script = script.expect(&insert(), 200, stored(&next));
        let event = create(&script, &draft()).expect("the next one").event;
        assert_eq!(event.id, "chrnext");
        assert_ne!(script.last()["id"], body["id"]);
    }
    // An event that not all of Google has heard of is no deleted one.
    let script = deleted(404, json!({})).expect(&by_key, 200, json!({ "items": [stored(&body)] }));
    assert_eq!(create(&script, &draft()).expect("the first one").event.id, id);
    let script = deleted(404, json!({})).refuse(&by_key, 500, "backendError");
    assert_eq!(remedy(create(&script, &draft())), Remedy::Temporary);
    // Nor is every collision about the id.
    let script = Script::default().refuse(&insert(), 409, "conflict");
    assert_eq!(remedy(create(&script, &draft())), Remedy::Temporary);
    let count = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = count.clone();
    let answer = move |request: &chronus_sdk::http::Request| {
        seen.set(seen.get() + 1);
        let (status, body) = match request.method.as_str() {
            "POST" => (409, crate::script::error(409, "duplicate")),
            _ => (200, json!({ "id": "x", "status": "cancelled" })),
        };
        Ok(chronus_sdk::http::Response::new(&request.url, status).with_body("application/json", body.to_string()))
    };
    let call = || Google::create(&writer(), ANN, &draft(), write(None, Notify::None));
    let ended = chronus_sdk::http::native::answering(answer, call);
    assert!(matches!(remedy(ended), Remedy::AlreadyExists(_)));
    assert_eq!(count.get(), 20);
}

#[test]
fn what_google_cannot_hold_is_not_made() {
    let guest = |role| Attendee { role, ..chronus_sdk::testing::attendee("bo@example.com") };
    for draft in [
        Draft { status: EventStatus::Cancelled, ..draft() },
        Draft { busy: BusyKind::OutOfOffice, ..draft() },
        Draft { attendees: vec![guest(Role::Chair)], ..draft() },
    ] {
        assert_eq!(remedy(create(&Script::default(), &draft)), Remedy::Unsupported);
    }
    let call = || Google::create(&connection(&["calendar.freebusy"]), ANN, &draft(), write(None, Notify::All));
    let refused = Script::default().run(call);
    assert_eq!(remedy(refused), Remedy::NeedsScope);
}

fn item() -> Value {
    json!({
        "id": FIRST, "etag": "\"7\"", "status": "confirmed", "summary": "Planning", "location": "Room 1",
        "conferenceData": { "conferenceId": "abc" }, "colorId": "3",
        "start": { "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Rome" },
        "end": { "dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Rome" },
        "attendees": [
            { "email": "bo@example.com", "responseStatus": "tentative", "comment": "late", "additionalGuests": 1 },
            { "email": ANN, "self": true, "responseStatus": "needsAction", "comment": "mine" },
        ],
    })
}

fn update(script: &Script, etag: Option<&str>, patch: Patch) -> Result<EventReply, Failure> {
    script.run(|| Google::update(&writer(), event(), &patch, write(etag, Notify::All)))
}

fn get() -> String {
    format!("GET {}", at(FIRST))
}

fn patch() -> String {
    format!("PATCH {}?sendUpdates=all&conferenceDataVersion=1", at(FIRST))
}

fn retitled() -> Patch {
    Patch { title: Some("After".into()), ..nothing() }
}

#[test]
fn a_change_is_sent_alone_under_what_was_read() {
    let script = Script::default().expect(&get(), 200, item()).expect(&patch(), 200, item());
    update(&script, Some("\"7\""), retitled()).expect("changed");
    assert_eq!(script.body(1), json!({ "summary": "After" }));
    assert_eq!(script.header(1, "if-match").as_deref(), Some("\"7\""));
    let script = Script::default().expect(&get(), 200, item());
    update(&script, None, Patch { title: Some("Planning".into()), ..nothing() }).expect("nothing to do");
}

#[test]
fn guests_keep_what_is_theirs() {
    let guest = |address: &str, rsvp| Attendee { rsvp, ..chronus_sdk::testing::attendee(address) };
    let wanted = vec![guest("BO@example.com", Rsvp::Declined), guest("cy@example.com", Rsvp::NeedsAction)];
    let script = Script::default().expect(&get(), 200, item()).expect(&patch(), 200, item());
    update(&script, None, Patch { attendees: Some(wanted), ..nothing() }).expect("changed");
    let list = script.body(1)["attendees"].clone();
    assert_eq!((&list[0], &list[1]), (&item()["attendees"][0], &item()["attendees"][1]));
    assert_eq!(list[2], json!({ "email": "cy@example.com", "responseStatus": "needsAction" }));
    let same = vec![guest("bo@example.com", Rsvp::Declined)];
    let script = Script::default().expect(&get(), 200, item());
    update(&script, None, Patch { attendees: Some(same), ..nothing() }).expect("nothing to do");
}

#[test]
fn what_somebody_changed_meanwhile_is_not_overwritten() {
    let script = Script::default().expect(&get(), 200, item());
    let Remedy::Conflict(event) = remedy(update(&script, Some("\"6\""), retitled())) else { panic!("a conflict") };
    assert_eq!(event.etag.as_deref(), Some("\"7\""));
    // It changes between the reading and the writing: once for a caller with an etag, and three times for one without.
    let mut newer = item();
    newer["etag"] = "\"8\"".into();
    let script = Script::default().expect(&get(), 200, item()).refuse(&patch(), 412, "conditionNotMet").expect(
        &get(),
        200,
        newer.clone(),
    );
    assert!(matches!(remedy(update(&script, Some("\"7\""), retitled())), Remedy::Conflict(_)));
    let script = Script::default()
        .expect(&get(), 200, item())
        .refuse(&patch(), 412, "conditionNotMet")
        .expect(&get(), 200, newer.clone())
        .expect(&patch(), 200, newer.clone());
    update(&script, None, retitled()).expect("changed");
    assert_eq!(script.header(3, "if-match").as_deref(), Some("\"8\""));
    let each = (0..3).fold(Script::default(), |script, _| {
        script.expect(&get(), 200, newer.clone()).refuse(&patch(), 412, "conditionNotMet")
    });
    assert_eq!(remedy(update(&each, None, retitled())), Remedy::Temporary);
}

#[test]
fn what_is_deleted_is_gone() {
    let deleted = json!({ "id": FIRST, "status": "cancelled" });
    let script = Script::default().expect(&get(), 200, deleted.clone());
    assert_eq!(remedy(update(&script, None, retitled())), Remedy::Gone);
    let script = Script::default().expect(&get(), 200, deleted);
    assert_eq!(remedy(script.run(|| Google::get(&writer(), event()))), Remedy::Gone);
    let script = Script::default().refuse(&get(), 404, "notFound");
    assert_eq!(remedy(script.run(|| Google::get(&writer(), event()))), Remedy::NotFound);
}

#[test]
fn somebody_elses_event_is_theirs() {
    let script = Script::default().expect(&get(), 200, item()).refuse(&patch(), 403, "forbiddenForNonOrganizer");
    let moved = Patch { when: Some(hour_from(MONDAY + DAY)), ..nothing() };
    let failure = update(&script, None, moved).expect_err("refused");
    assert_eq!((failure.remedy, failure.service_code.as_str()), (Remedy::NotPermitted, "403 forbiddenForNonOrganizer"));
}

#[test]
fn an_answer_is_the_owners_alone() {
    let respond =
        |script: &Script, rsvp| script.run(|| Google::respond(&writer(), event(), rsvp, write(None, Notify::All)));
    let script = Script::default().expect(&get(), 200, item()).expect(&patch(), 200, item());
    respond(&script, Rsvp::Accepted).expect("answered");
    let own = json!({ "email": ANN, "self": true, "responseStatus": "accepted", "comment": "mine" });
    assert_eq!(script.body(1), json!({ "attendeesOmitted": true, "attendees": [own] }));
    let script = Script::default().expect(&get(), 200, item());
    respond(&script, Rsvp::NeedsAction).expect("nothing to do");
    let mut alone = item();
    alone["attendees"] = json!([{ "email": "bo@example.com" }]);
    let script = Script::default().expect(&get(), 200, alone);
    assert_eq!(remedy(respond(&script, Rsvp::Accepted)), Remedy::NotPermitted);
}

fn cancel(script: &Script, etag: Option<&str>) -> Result<WriteReply, Failure> {
    script.run(|| Google::cancel(&writer(), event(), write(etag, Notify::All)))
}

#[test]
fn an_event_is_taken_away_once_and_again() {
    let delete = format!("DELETE {}?sendUpdates=all", at(FIRST));
    let there = format!("GET {EVENTS}?maxResults=1");
    cancel(&Script::default().expect(&delete, 204, json!(null)), None).expect("gone");
    let deleted = json!({ "id": FIRST, "status": "cancelled" });
    let script = Script::default().refuse(&delete, 410, "deleted").expect(&get(), 200, deleted.clone());
    cancel(&script, None).expect("gone already");
    let script = Script::default().refuse(&delete, 404, "notFound").refuse(&get(), 404, "notFound").expect(
        &there,
        200,
        json!({ "items": [] }),
    );
    cancel(&script, None).expect("never there");
    // A calendar that is not there says the same of every event, and so does what stands between.
    let script = Script::default()
        .refuse(&delete, 404, "notFound")
        .refuse(&get(), 404, "notFound")
        .refuse(&there, 404, "notFound");
    assert_eq!(remedy(cancel(&script, None)), Remedy::NotFound);
    let script = Script::default().refuse(&delete, 404, "notFound").expect(&get(), 200, item());
    assert_eq!(remedy(cancel(&script, None)), Remedy::NotFound);
    let script = Script::default().expect(&get(), 200, item());
    assert!(matches!(remedy(cancel(&script, Some("\"6\""))), Remedy::Conflict(_)));
    let script = Script::default().expect(&get(), 200, item()).expect(&delete, 204, json!(null));
    cancel(&script, Some("\"7\"")).expect("gone");
    assert_eq!(script.header(1, "if-match").as_deref(), Some("\"7\""));
    let script = Script::default().expect(&get(), 200, deleted);
    cancel(&script, Some("\"7\"")).expect("gone already");
}

#[test]
fn each_of_many_has_its_own_outcome_until_google_wants_to_be_left_alone() {
    let many = |script: &Script| {
        let ids = [FIRST, "none", "../x"].map(str::to_owned).to_vec();
        script.run(|| Google::get_many(&writer(), ANN, &ids))
    };
    let script = Script::default().expect(&get(), 200, item()).refuse(&format!("GET {}", at("none")), 404, "notFound");
    let items = many(&script).expect("items").events;
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), [FIRST, "none", "../x"]);
    assert!(items[0].outcome.is_ok());
    assert!(
        items[1..].iter().all(|item| item.outcome.as_ref().is_err_and(|failure| failure.remedy == Remedy::NotFound))
    );
    let script = Script::default().refuse(&get(), 429, "rateLimitExceeded");
    assert_eq!(remedy(many(&script)), chronus_sdk::failure::pause(2000, PauseScope::Connection));
}
