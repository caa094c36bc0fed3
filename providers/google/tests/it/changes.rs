//! What has changed since the last time.

use chronus_google::Google;
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::*;
use chronus_sdk::{ChangesPage, TwoWay};

use crate::script::{EVENTS, Script};
use crate::{ANN, MONDAY, connection, remedy, window, writer};

const WINDOW: &str = "timeMin=2026-03-01T05%3A00%3A00Z&timeMax=2026-03-04T11%3A00%3A00Z";

fn item(id: &str) -> Value {
    json!({ "id": id, "etag": "\"1\"", "status": "confirmed", "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" } })
}

fn page(script: &Script, cursor: Option<Vec<u8>>, max: u32) -> Result<ChangesReply, Failure> {
    let page = ChangesPage { cursor: cursor.as_deref(), window: window(), max };
    script.run(|| Google::changes(&writer(), ANN, page))
}

fn ids(batch: &ChangesReply) -> Vec<String> {
    let id = |change: &Change| match change {
        Change::Event(event) => event.id.clone(),
        Change::Gone(id) => format!("-{id}"),
        Change::Left(id) => format!("<{id}"),
        Change::Problem(problem) => format!("?{}", problem.id),
        Change::Reference(reference) => reference.id.clone(),
    };
    batch.items.iter().map(id).collect()
}

/// A cursor at this sync token.
fn since(token: &str) -> Vec<u8> {
    let last = json!({ "items": [], "nextSyncToken": token });
    let script = Script::default().expect(&format!("GET {EVENTS}?maxResults=250&{WINDOW}"), 200, last);
    let batch = page(&script, None, 1000).expect("a page");
    assert!(batch.complete_listing && !batch.more);
    batch.next
}

#[test]
fn a_listing_is_paged_and_ends_in_a_token() {
    let script = Script::default().expect(
        &format!("GET {EVENTS}?maxResults=2&{WINDOW}"),
        200,
        json!({ "items": [item("a"), item("b")], "nextPageToken": "p 2" }),
    );
    let first = page(&script, None, 2).expect("a page");
    assert_eq!((ids(&first), first.more, first.complete_listing), (vec!["a".into(), "b".into()], true, false));
    let script = Script::default().expect(
        &format!("GET {EVENTS}?maxResults=2&{WINDOW}&pageToken=p%202"),
        200,
        json!({ "items": [], "nextPageToken": "p3" }),
    );
    let second = page(&script, Some(first.next), 2).expect("a page");
    assert_eq!((second.items.len(), second.more), (0, true));
    let script = Script::default().expect(
        &format!("GET {EVENTS}?maxResults=2&{WINDOW}&pageToken=p3"),
        200,
        json!({ "items": [item("c"), { "id": "bad", "status": "confirmed" }], "nextSyncToken": "s1" }),
    );
    let last = page(&script, Some(second.next), 2).expect("a page");
    assert_eq!((ids(&last), last.more, last.complete_listing), (vec!["c".into(), "?bad".into()], false, true));
    let script = Script::default().expect(
        &format!("GET {EVENTS}?maxResults=250&syncToken=s1"),
        200,
        json!({ "items": [], "nextSyncToken": "s1" }),
    );
    let look = page(&script, Some(last.next.clone()), 250).expect("a page");
    assert_eq!((look.items.len(), look.more, look.complete_listing, look.next), (0, false, false, last.next));
}

#[test]
fn what_is_cancelled_is_gone_unless_it_is_one_of_a_series() {
    let occurrence = json!({ "id": "s_20260302T080000Z", "status": "cancelled", "recurringEventId": "s",
        "originalStartTime": { "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Rome" } });
    let answer = json!({ "items": [{ "id": "a", "status": "cancelled" }, occurrence], "nextSyncToken": "s2" });
    let script = Script::default()
        .expect(&format!("GET {EVENTS}?maxResults=250&syncToken=s1"), 200, answer)
        .expect(&format!("GET {EVENTS}/s"), 200, series("s"))
        .expect(&whole(248), 200, json!({ "items": [] }));
    let batch = page(&script, Some(since("s1")), 250).expect("a page");
    assert_eq!(ids(&batch), ["-a", "s_20260302T080000Z"]);
    let Change::Event(event) = &batch.items[1] else { panic!("an event") };
    assert_eq!((event.status, event.series_id.as_deref()), (EventStatus::Cancelled, Some("s")));
    let start = ZonedTime { at: MONDAY, zone: "Europe/Rome".into() };
    assert_eq!(event.original_start, Some(Moment::Timed(start)));
}

fn series(id: &str) -> Value {
    json!({ "id": id, "etag": "\"1\"", "status": "confirmed", "iCalUID": "u@google.com", "recurrence": ["RRULE:FREQ=DAILY"],
        "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" } })
}

fn occurrence(day: u8, status: &str) -> Value {
    json!({ "id": format!("s_2026030{day}"), "status": status, "recurringEventId": "s",
        "originalStartTime": { "date": format!("2026-03-0{day}") },
        "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" } })
}

/// The request for the events of the series.
fn whole(max: u32) -> String {
    format!("GET {EVENTS}?maxResults={max}&iCalUID=u%40google.com&showDeleted=true")
}

#[test]
fn a_series_is_given_whole_over_pages_of_any_size() {
    let page_of = |items: &[Value]| json!({ "items": items, "nextSyncToken": "s2" });
    let (confirmed, cancelled) = (occurrence(3, "confirmed"), occurrence(4, "cancelled"));
    let other = json!({ "id": "other", "status": "confirmed", "recurrence": ["RRULE:FREQ=DAILY"] });
    let rest = json!({ "items": [series("s"), confirmed, other], "nextPageToken": "p" });
    let script = Script::default()
        .expect(&format!("GET {EVENTS}?maxResults=3&syncToken=s1"), 200, page_of(std::slice::from_ref(&confirmed)))
        .expect(&format!("GET {EVENTS}/s"), 200, series("s"))
        .expect(&whole(2), 200, rest.clone())
        .expect(&format!("{}&pageToken=p", whole(1)), 200, json!({ "items": [cancelled] }));
    let batch = page(&script, Some(since("s1")), 3).expect("a page");
    assert_eq!((ids(&batch), batch.more), (vec!["s_20260303".into(), "s".into(), "s_20260304".into()], false));

    let script =
        Script::default().expect(&format!("GET {EVENTS}?maxResults=1&syncToken=s1"), 200, page_of(&[series("s")]));
    let first = page(&script, Some(since("s1")), 1).expect("a page");
    assert_eq!((ids(&first), first.more, first.complete_listing), (vec!["s".into()], true, false));
    let script = Script::default().expect(&whole(2), 200, rest);
    let second = page(&script, Some(first.next), 2).expect("a page");
    assert_eq!((ids(&second), second.more), (vec!["s".into(), "s_20260303".into()], true));
    let script = Script::default().expect(&format!("{}&pageToken=p", whole(9)), 200, json!({ "items": [cancelled] }));
    let last = page(&script, Some(second.next.clone()), 9).expect("a page");
    assert_eq!((ids(&last), last.more), (vec!["s_20260304".into()], false));
    assert_eq!(last.next, since("s2"), "the cursor forgets the series");
    // Google has forgotten the page.
    let script = Script::default().refuse(&format!("{}&pageToken=p", whole(9)), 400, "invalid");
    assert_eq!(remedy(page(&script, Some(second.next), 9)), Remedy::CursorExpired);
}

#[test]
fn a_listing_is_complete_when_its_series_are() {
    let listed = json!({ "items": [series("s")], "nextSyncToken": "s2" });
    let script = Script::default().expect(&format!("GET {EVENTS}?maxResults=1&{WINDOW}"), 200, listed);
    let first = page(&script, None, 1).expect("a page");
    assert_eq!((first.more, first.complete_listing), (true, false));
    let script =
        Script::default().expect(&whole(5), 200, json!({ "items": [series("s"), occurrence(3, "cancelled")] }));
    let last = page(&script, Some(first.next), 5).expect("a page");
    assert_eq!((ids(&last).len(), last.more, last.complete_listing), (2, false, true));
}

/// Somebody who was invited to single days of a series has no series.
#[test]
fn an_occurrence_without_its_series_is_gone_when_it_is_cancelled() {
    let look = format!("GET {EVENTS}?maxResults=250&syncToken=s1");
    let items = [occurrence(3, "cancelled"), occurrence(4, "confirmed")];
    let script = Script::default().expect(&look, 200, json!({ "items": items, "nextSyncToken": "s2" })).refuse(
        &format!("GET {EVENTS}/s"),
        404,
        "notFound",
    );
    let batch = page(&script, Some(since("s1")), 250).expect("a page");
    assert_eq!((ids(&batch), batch.more), (vec!["s_20260304".into(), "-s_20260303".into()], false));
    // The whole series was deleted.
    let items = [occurrence(3, "cancelled"), json!({ "id": "s", "status": "cancelled" })];
    let script = Script::default().expect(&look, 200, json!({ "items": items, "nextSyncToken": "s2" }));
    let batch = page(&script, Some(since("s1")), 250).expect("a page");
    assert_eq!(ids(&batch), ["-s_20260303", "-s"]);
}

#[test]
fn many_series_take_several_calls() {
    let of_series = |number: usize| {
        json!({ "id": format!("s{number}_x"), "status": "cancelled",
        "recurringEventId": format!("s{number}"), "originalStartTime": { "date": "2026-03-03" } })
    };
    let items: Vec<Value> = (0..50).map(of_series).collect();
    let mut script = Script::default().expect(
        &format!("GET {EVENTS}?maxResults=250&syncToken=s1"),
        200,
        json!({ "items": items, "nextSyncToken": "s2" }),
    );
    for number in 0..40 {
        script = script.refuse(&format!("GET {EVENTS}/s{number}"), 404, "notFound");
    }
    let first = page(&script, Some(since("s1")), 250).expect("a page");
    assert!(first.more);
    let rest = (40..50)
        .fold(Script::default(), |script, number| script.refuse(&format!("GET {EVENTS}/s{number}"), 404, "notFound"));
    let last = page(&rest, Some(first.next), 250).expect("a page");
    assert_eq!((last.items.len(), last.more), (10, false));
    let script = Script::default()
        .expect(
            &format!("GET {EVENTS}?maxResults=250&syncToken=s1"),
            200,
            json!({ "items": [of_series(0)], "nextSyncToken": "s2" }),
        )
        .refuse(&format!("GET {EVENTS}/s0"), 500, "backendError");
    assert_eq!(remedy(page(&script, Some(since("s1")), 250)), Remedy::Temporary);
}

#[test]
fn a_position_that_google_forgot_begins_anew() {
    let look = format!("GET {EVENTS}?maxResults=250&syncToken=s1");
    for (status, reason) in [(410, "fullSyncRequired"), (410, "updatedMinTooLongAgo"), (410, ""), (400, "invalid")] {
        let script = Script::default().refuse(&look, status, reason);
        assert_eq!(remedy(page(&script, Some(since("s1")), 250)), Remedy::CursorExpired, "{status} {reason}");
    }
    for (status, reason, expected) in [
        (404, "notFound", Remedy::NotFound),
        (401, "authError", Remedy::Reconnect),
        (403, "rateLimitExceeded", chronus_sdk::failure::pause(2000, PauseScope::Connection)),
        (500, "backendError", Remedy::Temporary),
    ] {
        let script = Script::default().refuse(&look, status, reason);
        assert_eq!(remedy(page(&script, Some(since("s1")), 250)), expected, "{status} {reason}");
    }
    // Without a cursor, none can expire.
    let script = Script::default().refuse(&format!("GET {EVENTS}?maxResults=250&{WINDOW}"), 400, "badRequest");
    assert_eq!(remedy(page(&script, None, 250)), Remedy::Invalid("badRequest".into()));
}

#[test]
fn a_page_that_makes_no_sense_is_none() {
    for body in [
        json!({ "items": [] }),
        json!({ "nextSyncToken": "s2" }),
        json!({ "items": [{ "status": "confirmed" }], "nextSyncToken": "s2" }),
    ] {
        let script = Script::default().expect(&format!("GET {EVENTS}?maxResults=250&syncToken=s1"), 200, body.clone());
        assert_eq!(remedy(page(&script, Some(since("s1")), 250)), Remedy::Temporary, "{body}");
    }
    let first = json!({ "items": [], "nextPageToken": "p" });
    let look = format!("GET {EVENTS}?maxResults=250&syncToken=s1");
    let next = page(&Script::default().expect(&look, 200, first.clone()), Some(since("s1")), 250).expect("a page").next;
    let script = Script::default().expect(&format!("{look}&pageToken=p"), 200, first);
    assert_eq!(remedy(page(&script, Some(next), 250)), Remedy::Temporary, "a page that leads to itself");
}

#[test]
fn whoever_may_not_see_events_hears_of_no_changes() {
    let page_one = ChangesPage { cursor: None, window: window(), max: 10 };
    let call = || Google::changes(&connection(&["calendar.freebusy"]), ANN, page_one);
    assert_eq!(remedy(Script::default().run(call)), Remedy::NeedsScope);
    assert_eq!(remedy(page(&Script::default(), Some(b"conformance".to_vec()), 10)), Remedy::CursorExpired);
}
