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
    let script = Script::default().expect(&format!("GET {EVENTS}?maxResults=250&syncToken=s1"), 200, answer);
    let batch = page(&script, Some(since("s1")), 250).expect("a page");
    assert_eq!(ids(&batch), ["-a", "s_20260302T080000Z"]);
    let Change::Event(event) = &batch.items[1] else { panic!("an event") };
    assert_eq!((event.status, event.series_id.as_deref()), (EventStatus::Cancelled, Some("s")));
    let start = ZonedTime { at: MONDAY, zone: "Europe/Rome".into() };
    assert_eq!(event.original_start, Some(Moment::Timed(start)));
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
