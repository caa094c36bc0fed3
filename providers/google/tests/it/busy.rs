//! When people are free.

use chronus_google::Google;
use chronus_sdk::Provider;
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::*;

use crate::script::{EVENTS, Script};
use crate::{ANN, DAY, HOUR, MONDAY, connection, remedy, window, writer};

/// The window, and as much around it as two zones can be apart.
fn list() -> String {
    format!(
        "GET {EVENTS}?singleEvents=true&timeMin=2026-03-01T05%3A00%3A00Z&timeMax=2026-03-04T11%3A00%3A00Z\
         &maxResults=1000&maxAttendees=1"
    )
}

fn ask(script: &Script, connection: Connection, window: Window) -> Result<BusyTimes, Failure> {
    let targets = BusyTargets::Calendars(vec![ANN.into()]);
    let answers = script.run(|| Google::busy(&connection, &targets, window)).expect("answers");
    answers.answers.into_iter().next().expect("an answer").outcome
}

fn item(id: &str, from: &str, to: &str, more: Value) -> Value {
    let mut item = json!({ "id": id, "status": "confirmed",
        "start": { "dateTime": format!("2026-03-02T{from}:00+01:00") },
        "end": { "dateTime": format!("2026-03-02T{to}:00+01:00") } });
    for (name, value) in more.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    item
}

fn own(answer: &str) -> Value {
    json!({ "attendees": [{ "email": ANN, "self": true, "responseStatus": answer }] })
}

#[test]
fn kinds_come_from_type_status_and_the_own_answer() {
    for (more, kind) in [
        (json!({}), Some(BusyKind::Busy)),
        (json!({ "transparency": "transparent" }), Some(BusyKind::Free)),
        (json!({ "status": "tentative" }), Some(BusyKind::Tentative)),
        (json!({ "status": "cancelled" }), None),
        (json!({ "eventType": "outOfOffice" }), Some(BusyKind::OutOfOffice)),
        (json!({ "eventType": "focusTime" }), Some(BusyKind::Busy)),
        (json!({ "eventType": "workingLocation" }), Some(BusyKind::WorkingElsewhere)),
        (json!({ "eventType": "birthday" }), Some(BusyKind::Free)),
        (own("declined"), None),
        (own("tentative"), Some(BusyKind::Tentative)),
        (own("needsAction"), Some(BusyKind::Unanswered)),
        (json!({ "attendees": [{ "email": "bo@example.com", "responseStatus": "declined" }] }), Some(BusyKind::Busy)),
    ] {
        let page = json!({ "items": [item("a", "09:00", "10:00", more.clone())] });
        let times = ask(&Script::default().expect(&list(), 200, page), writer(), window()).expect("times");
        let kinds: Vec<_> = times.intervals.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, kind.into_iter().collect::<Vec<_>>(), "{more}");
    }
}

#[test]
fn pages_are_read_to_the_end_and_empty_ones_are_no_end() {
    let ours = json!({ "extendedProperties": { "private": { "chronusKey": "k" } } });
    let days = json!({ "id": "d", "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" } });
    let next = |token: &str| format!("{}&pageToken={token}", list());
    let script = Script::default()
        .expect(&list(), 200, json!({ "items": [item("b", "10:00", "12:00", ours)], "nextPageToken": "2" }))
        .expect(&next("2"), 200, json!({ "items": [], "nextPageToken": "3" }))
        .expect(
            &next("3"),
            200,
            json!({ "items": [days, { "id": "bad", "start": {} }, item("z", "08:00", "09:30", json!({}))] }),
        );
    let times = ask(&script, writer(), window()).expect("times");
    let seen: Vec<_> = times
        .intervals
        .iter()
        .map(|one| (one.start - MONDAY, one.end - MONDAY, one.all_day, one.client_key.as_deref()))
        .collect();
    // The window begins at nine; a whole day is the owner's.
    assert_eq!(seen, [(0, HOUR / 2, false, None), (0, 15 * HOUR, true, None), (HOUR, 3 * HOUR, false, Some("k"))]);
    let named: Vec<_> = times.problems.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(named, ["bad"]);
}

#[test]
fn what_could_not_be_read_is_not_free() {
    let broken = [json!({}), json!([]), json!({ "items": [{}] }), json!({ "items": {} })];
    for body in broken {
        assert_eq!(remedy(ask(&Script::default().expect(&list(), 200, body), writer(), window())), Remedy::Temporary);
    }
    let script = Script::default().refuse(&list(), 404, "notFound");
    assert_eq!(remedy(ask(&script, writer(), window())), Remedy::NotFound);
    let circles = json!({ "items": [], "nextPageToken": "2" });
    let script = Script::default().expect(&list(), 200, circles.clone()).expect(
        &format!("{}&pageToken=2", list()),
        200,
        circles,
    );
    assert_eq!(remedy(ask(&script, writer(), window())), Remedy::Temporary);
}

#[test]
fn once_google_wants_to_be_left_alone_nothing_more_is_asked() {
    let script = Script::default().refuse(&list(), 403, "userRateLimitExceeded");
    let targets = BusyTargets::Calendars(vec![ANN.into(), "b@x".into()]);
    let answers = script.run(|| Google::busy(&writer(), &targets, window())).expect("answers").answers;
    for answer in answers {
        assert_eq!(remedy(answer.outcome), chronus_sdk::failure::pause(2000, PauseScope::Connection));
    }
}

const FREE_BUSY: &str = "POST /calendar/v3/freeBusy";

#[test]
fn free_busy_is_asked_in_parts_that_meet() {
    let long = Window { start: MONDAY, end: MONDAY + 200 * DAY };
    let answer = |from: &str, to: &str| json!({ "calendars": { ANN: { "busy": [{ "start": from, "end": to }] } } });
    let script = Script::default()
        .expect(FREE_BUSY, 200, answer("2026-05-31T07:00:00Z", "2026-05-31T08:00:00Z"))
        .expect(FREE_BUSY, 200, answer("2026-05-31T08:00:00Z", "2026-05-31T09:00:00Z"))
        .expect(FREE_BUSY, 200, json!({ "calendars": { ANN: { "busy": [] } } }));
    let times = ask(&script, connection(&["calendar.freebusy"]), long).expect("times");
    let seen: Vec<_> = times.intervals.iter().map(|one| (one.start - MONDAY, one.end - MONDAY, one.kind)).collect();
    assert_eq!(seen, [(90 * DAY - HOUR, 90 * DAY + HOUR, BusyKind::Busy)]);
    let asked: Vec<_> =
        (0..3).map(|place| (script.body(place)["timeMin"].clone(), script.body(place)["timeMax"].clone())).collect();
    assert_eq!(asked[0].0, json!("2026-03-02T08:00:00Z"));
    assert_eq!((&asked[0].1, &asked[1].1), (&asked[1].0, &asked[2].0));
    assert_eq!(asked[2].1, json!("2026-09-18T08:00:00Z"));
    assert_eq!(script.body(0)["items"], json!([{ "id": ANN }]));
}

#[test]
fn errors_of_one_calendar_are_that_calendars_failure() {
    let answer = json!({ "calendars": {
        ANN: { "busy": [{ "start": "2026-03-02T09:00:00Z", "end": "2026-03-02T10:00:00Z" }] },
        "b@x": { "errors": [{ "domain": "global", "reason": "internalError" }], "busy": [] },
        "c@x": { "errors": [{ "domain": "global", "reason": "notFound" }], "busy": [] },
    } });
    let script = Script::default().expect(FREE_BUSY, 200, answer);
    let asked = [ANN, "b@x", "c@x", "left-out@x"].map(str::to_owned).to_vec();
    let given = connection(&["calendar.freebusy", "calendar.events"]);
    let answers =
        script.run(|| Google::busy(&given, &BusyTargets::Addresses(asked.clone()), window())).expect("answers");
    let seen: Vec<_> = answers.answers.into_iter().map(|one| (one.target, one.outcome.map_err(|f| f.remedy))).collect();
    assert_eq!(seen.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), asked);
    assert_eq!(seen[0].1.as_ref().map(|times| times.intervals.len()), Ok(1));
    assert_eq!(seen[1].1, Err(Remedy::Temporary));
    assert_eq!(seen[2].1, Err(Remedy::NotFound));
    assert_eq!(seen[3].1, Err(Remedy::Temporary));
}

/// Who may write events may not ask for free/busy: not even a request leaves.
#[test]
fn the_scope_trap_is_not_walked_into() {
    let others = BusyTargets::Addresses(vec!["bo@example.com".into()]);
    let answers = Script::default().run(|| Google::busy(&writer(), &others, window())).expect("answers");
    assert_eq!(remedy(answers.answers[0].outcome.clone()), Remedy::Unsupported);
    let mine = BusyTargets::Calendars(vec![ANN.into()]);
    let answers = Script::default().run(|| Google::busy(&connection(&["openid"]), &mine, window())).expect("answers");
    assert_eq!(remedy(answers.answers[0].outcome.clone()), Remedy::NeedsScope);
}

#[test]
fn windows_have_an_end_after_their_start_and_a_longest_length() {
    let ask = |start, end| Google::busy(&writer(), &BusyTargets::Calendars(vec![]), Window { start, end });
    assert_eq!(remedy(ask(5, 5)), Remedy::Invalid("window".into()));
    assert_eq!(remedy(ask(0, 401 * DAY)), Remedy::WindowTooLarge(400 * 86_400));
    assert!(ask(0, 400 * DAY).expect("answers").answers.is_empty());
}
