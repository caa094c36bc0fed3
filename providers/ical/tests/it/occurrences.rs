//! The occurrences of a series are events of their own.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{ChangesPage, EventRef, OccurrenceRef, TwoWay, Write};

use crate::series::{LAST, starts, weekly};
use crate::server::Server;
use crate::{DAY, HOUR, MONDAY, connection, guest, hour_from, ics, in_rome, nothing, remedy, window};

/// The ids of Monday's occurrence, of the one that is excluded, of the one that is moved, and of one that is renamed.
const FIRST: &str = "s.ics#20260302T080000Z";
const EXCLUDED: &str = "s.ics#20260309T080000Z";
const MOVED: &str = "s.ics#20260316T080000Z";
const SPECIAL: &str = "s.ics#20260323T080000Z";

fn server() -> Server {
    let server = Server::default();
    server.put("s.ics", &weekly(LAST));
    server
}

fn get(server: &Server, id: &str) -> Result<Event, Failure> {
    let work = server.calendar();
    Ok(server.call(|| Ical::get(&connection(None), EventRef { calendar: &work, id }))?.event)
}

fn occurrence(server: &Server, start: Moment) -> Result<Event, Failure> {
    let work = server.calendar();
    let asked = OccurrenceRef { calendar: &work, series_id: "s.ics", original_start: &start };
    Ok(server.call(|| Ical::occurrence(&connection(None), asked))?.event)
}

fn write(etag: Option<&str>) -> Write<'_> {
    Write { key: "k", etag, notify: Notify::All, comment: None }
}

fn update(server: &Server, id: &str, etag: Option<&str>, patch: Patch) -> Result<Event, Failure> {
    let work = server.calendar();
    let event = EventRef { calendar: &work, id };
    Ok(server.call(|| Ical::update(&connection(None), event, &patch, write(etag)))?.event)
}

fn cancel(server: &Server, id: &str) -> Result<(), Failure> {
    let work = server.calendar();
    let event = EventRef { calendar: &work, id };
    server.call(|| Ical::cancel(&connection(None), event, write(None))).map(drop)
}

fn at(start: i64) -> Moment {
    Moment::Timed(in_rome(start))
}

#[test]
fn an_occurrence_is_found_by_its_start() {
    let server = server();
    let series = get(&server, "s.ics").expect("the series");
    for (start, id, title, when) in [
        (MONDAY, FIRST, "Weekly", hour_from(MONDAY)),
        (MONDAY + 14 * DAY, MOVED, "Weekly", hour_from(MONDAY + 15 * DAY + 6 * HOUR)),
        (MONDAY + 21 * DAY, SPECIAL, "Special", hour_from(MONDAY + 21 * DAY)),
        // After the clocks went forward.
        (MONDAY + 28 * DAY - HOUR, "s.ics#20260330T070000Z", "Weekly", hour_from(MONDAY + 28 * DAY - HOUR)),
    ] {
        let found = occurrence(&server, at(start)).expect("an occurrence");
        assert_eq!((found.id.as_str(), found.title.as_str(), &found.when), (id, title, &when));
        assert_eq!((found.series_id.as_deref(), &found.original_start), (Some("s.ics"), &Some(at(start))));
        assert_eq!((&found.uid, &found.etag, found.recurrence.len()), (&series.uid, &series.etag, 0));
        assert_eq!(get(&server, id).expect("the same"), found);
    }
    assert_eq!(remedy(occurrence(&server, at(MONDAY + 7 * DAY))), Remedy::Gone);
    assert_eq!(remedy(get(&server, EXCLUDED)), Remedy::Gone);
    assert_eq!(remedy(occurrence(&server, at(MONDAY + DAY))), Remedy::NotFound);
    assert_eq!(remedy(get(&server, "s.ics#tomorrow")), Remedy::NotFound);
}

#[test]
fn many_are_fetched_with_their_series_once() {
    let server = server();
    let work = server.calendar();
    let ids = ["s.ics", MOVED, EXCLUDED, FIRST, "s.ics#20260303T080000Z"].map(str::to_owned);
    let reply = server.call(|| Ical::get_many(&connection(None), &work, &ids)).expect("answers");
    let found: Vec<_> = reply.events.into_iter().map(|item| (item.id, item.outcome.map(|event| event.id))).collect();
    for ((asked, outcome), id) in found.iter().zip(&ids) {
        assert_eq!(asked, id);
        match id.as_str() {
            EXCLUDED => assert_eq!(remedy(outcome.clone()), Remedy::Gone),
            "s.ics#20260303T080000Z" => assert_eq!(remedy(outcome.clone()), Remedy::NotFound),
            id => assert_eq!(outcome.as_deref(), Ok(id)),
        }
    }
}

#[test]
fn a_change_to_one_occurrence_leaves_the_others_as_they_are() {
    let server = server();
    let before = server.data("s.ics");
    let patch = Patch { title: Some("Once".into()), when: Some(hour_from(MONDAY + HOUR)), ..nothing() };
    let changed = update(&server, FIRST, None, patch.clone()).expect("changed");
    assert_eq!(
        (changed.id.as_str(), changed.title.as_str(), &changed.when),
        (FIRST, "Once", &hour_from(MONDAY + HOUR))
    );
    let data = server.data("s.ics");
    assert!(data.contains("RECURRENCE-ID;TZID=Europe/Rome:20260302T090000"), "{data}");
    assert_eq!((data.matches("RRULE:FREQ=WEEKLY").count(), data.matches("EXDATE").count()), (1, 1), "{data}");
    for part in before.split("BEGIN:VEVENT").skip(1).map(|part| part.trim_end_matches("END:VCALENDAR\r\n")) {
        assert!(data.contains(part), "{part}\n{data}");
    }
    let others = [MONDAY + HOUR, MONDAY + 15 * DAY + 6 * HOUR, MONDAY + 21 * DAY, MONDAY + 28 * DAY - HOUR];
    assert_eq!(starts(&server), others);
    // A second time, nothing is written.
    let etag = get(&server, "s.ics").expect("the series").etag;
    assert_eq!(update(&server, FIRST, None, patch).expect("the same").etag, etag);
    // One that was changed before is changed in its place.
    update(&server, SPECIAL, etag.as_deref(), Patch { title: Some("Renamed".into()), ..nothing() }).expect("renamed");
    assert_eq!(server.data("s.ics").matches("RECURRENCE-ID").count(), 3);
    let stale = update(&server, SPECIAL, etag.as_deref(), Patch { title: Some("Late".into()), ..nothing() });
    let Remedy::Conflict(present) = remedy(stale) else { panic!("a conflict") };
    assert_eq!((present.id.as_str(), present.title.as_str()), (SPECIAL, "Renamed"));
}

#[test]
fn an_occurrence_that_is_cancelled_is_taken_out() {
    let server = server();
    for id in [FIRST, MOVED, MOVED, "s.ics#20260304T080000Z"] {
        cancel(&server, id).expect("taken out, or not there");
    }
    assert_eq!(remedy(get(&server, FIRST)), Remedy::Gone);
    assert_eq!(remedy(get(&server, MOVED)), Remedy::Gone);
    assert_eq!(starts(&server), [MONDAY + 21 * DAY, MONDAY + 28 * DAY - HOUR]);
    assert_eq!(server.data("s.ics").matches("EXDATE").count(), 3);
}

#[test]
fn an_answer_to_one_day_is_the_answer_of_that_day() {
    let server = Server::default();
    let people = "ORGANIZER:mailto:bo@example.com\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com";
    let daily = format!("DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3\n{people}");
    server.put("s.ics", &ics("s", &daily));
    let work = server.calendar();
    let memo = server.memo();
    let event = EventRef { calendar: &work, id: "s.ics#20260303T080000Z" };
    let connection = connection(memo);
    let answered =
        server.call(|| Ical::respond(&connection, event, Rsvp::Declined, write(None))).expect("answered").event;
    let own: Vec<_> = answered.attendees.iter().filter(|one| one.is_self).map(|one| one.rsvp).collect();
    assert_eq!((answered.id.as_str(), own), (event.id, vec![Rsvp::Declined]));
    assert_eq!(starts(&server), [MONDAY, MONDAY + 2 * DAY]);
}

#[test]
fn an_occurrence_can_have_guests_of_its_own() {
    let server = server();
    let patch = Patch { attendees: Some(vec![guest("bo@example.com")]), ..nothing() };
    let memo = server.memo();
    let (work, connection) = (server.calendar(), connection(memo));
    let event = EventRef { calendar: &work, id: FIRST };
    let changed = server.call(|| Ical::update(&connection, event, &patch, write(None))).expect("changed").event;
    assert_eq!(changed.attendees.len(), 1);
    assert_eq!(get(&server, "s.ics").expect("the series").attendees, []);
}

#[test]
fn days_of_a_whole_day_series_are_named_by_their_date() {
    let server = Server::default();
    server.put("s.ics", &ics("s", "DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=WEEKLY;COUNT=3"));
    let day = Moment::AllDay(Date { year: 2026, month: 3, day: 9 });
    let found = occurrence(&server, day.clone()).expect("an occurrence");
    assert_eq!((found.id.as_str(), found.original_start), ("s.ics#20260309", Some(day)));
    update(&server, "s.ics#20260309", None, Patch { title: Some("Day".into()), ..nothing() }).expect("changed");
    let data = server.data("s.ics");
    assert!(data.contains("RECURRENCE-ID;VALUE=DATE:20260309"), "{data}");
}

/// A series comes whole, however few items a page may have.
#[test]
fn changes_give_the_series_and_each_changed_occurrence() {
    let server = server();
    server.put("t.ics", &ics("t", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    for max in [1, 2, 3, 100] {
        let (work, mut cursor, mut named) = (server.calendar(), None::<Cursor>, Vec::new());
        loop {
            let page = ChangesPage { cursor: cursor.as_deref(), window: window(), max };
            let reply = server.call(|| Ical::changes(&connection(None), &work, page)).expect("a page");
            assert!(reply.items.len() <= max as usize, "{} of {max}", reply.items.len());
            for item in reply.items {
                let Change::Event(event) = item else { panic!("{item:?}") };
                let id = event.id.clone();
                assert_eq!(get(&server, &id).expect("the same event"), event);
                named.push(id);
            }
            cursor = Some(reply.next);
            if !reply.more {
                assert!(reply.complete_listing);
                break;
            }
        }
        assert_eq!(named, ["s.ics", MOVED, SPECIAL, "t.ics"], "by {max}");
    }
}
