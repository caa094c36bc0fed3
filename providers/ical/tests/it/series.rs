//! A series that is moved, renamed or ended takes what belongs to it along.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{EventRef, Provider, TwoWay, Write};

use crate::server::Server;
use crate::{DAY, HOUR, MONDAY, connection, hour_from, ics, in_rome, nothing, window};

/// Every Monday at nine: one excluded, one moved to Tuesday at three, one only renamed.
pub(crate) fn weekly(until: &str) -> String {
    let series = format!(
        "SUMMARY:Weekly\nDTSTART;TZID=Europe/Rome:20260302T090000\nDTEND;TZID=Europe/Rome:20260302T100000\n\
         RRULE:FREQ=WEEKLY;UNTIL={until}\nEXDATE;TZID=Europe/Rome:20260309T090000\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:s\nDTSTAMP:20260101T000000Z\nSUMMARY:Weekly\nRECURRENCE-ID;TZID=Europe/Rome:20260316T090000\n\
         DTSTART;TZID=Europe/Rome:20260317T150000\nDTEND;TZID=Europe/Rome:20260317T160000\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:s\nDTSTAMP:20260101T000000Z\nSUMMARY:Special\nRECURRENCE-ID:20260323T080000Z\n\
         DTSTART;TZID=Europe/Rome:20260323T090000\nDTEND;TZID=Europe/Rome:20260323T100000"
    );
    ics("s", &series)
}

pub(crate) const LAST: &str = "20260330T070000Z";

fn change(server: &Server, patch: Patch) -> Event {
    let work = server.calendar();
    let event = EventRef { calendar: &work, id: "s.ics" };
    let call = || {
        Ical::update(
            &connection(None),
            event,
            &patch,
            Write { key: "k", etag: None, notify: Notify::All, comment: None },
        )
    };
    server.call(call).expect("changed").event
}

fn get(server: &Server) -> Event {
    let work = server.calendar();
    let call = || Ical::get(&connection(None), EventRef { calendar: &work, id: "s.ics" });
    server.call(call).expect("there").event
}

pub(crate) fn starts(server: &Server) -> Vec<i64> {
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let answers = server.call(|| Ical::busy(&connection(None), &asked, window())).expect("answers");
    let times = answers.answers[0].outcome.clone().expect("times");
    assert_eq!(times.problems, []);
    times.intervals.iter().map(|each| each.start).collect()
}

fn server(until: &str) -> Server {
    let server = Server::default();
    server.put("s.ics", &weekly(until));
    server
}

/// Where the series is at nine, in the window: with the moved one, and an hour less after the clocks went forward.
fn at(hour: i64) -> Vec<i64> {
    vec![MONDAY + hour, MONDAY + 15 * DAY + 6 * HOUR, MONDAY + 21 * DAY + hour, MONDAY + 28 * DAY - HOUR + hour]
}

#[test]
fn one_event_stands_for_the_whole_series() {
    let server = server(LAST);
    let got = get(&server);
    assert_eq!((got.title.as_str(), &got.when), ("Weekly", &hour_from(MONDAY)));
    assert_eq!((got.series_id, got.original_start), (None, None));
    let lines = ["RRULE:FREQ=WEEKLY;UNTIL=20260330T070000Z", "EXDATE;TZID=Europe/Rome:20260309T090000"];
    assert_eq!(got.recurrence, lines);
    assert_eq!(starts(&server), at(0));
}

#[test]
fn moving_a_series_moves_its_exceptions() {
    let server = server(LAST);
    let after = change(&server, Patch { when: Some(hour_from(MONDAY + 2 * HOUR)), ..nothing() });
    let lines = ["RRULE:FREQ=WEEKLY;UNTIL=20260330T090000Z", "EXDATE;TZID=Europe/Rome:20260309T110000"];
    assert_eq!(after.recurrence, lines);
    assert_eq!(starts(&server), at(2 * HOUR), "the excluded one stays out, the moved one stays put");
    let data = server.data("s.ics");
    assert!(data.contains("RECURRENCE-ID;TZID=Europe/Rome:20260316T110000"), "{data}");
}

#[test]
fn moving_a_series_to_another_zone_keeps_its_shape() {
    let server = server(LAST);
    // Eight in London is nine in Rome, in winter and in summer.
    let london = |at| ZonedTime { at, zone: "Europe/London".into() };
    let span = TimedSpan { start: london(MONDAY + HOUR), end: london(MONDAY + 2 * HOUR) };
    change(&server, Patch { when: Some(Span::Timed(span)), ..nothing() });
    assert_eq!(starts(&server), at(HOUR));
}

#[test]
fn a_series_can_become_one_of_whole_days_and_back() {
    let server = server(LAST);
    let day = |day| Date { year: 2026, month: 3, day };
    let days = Span::AllDay(DaySpan { start: day(3), end: day(4) });
    let after = change(&server, Patch { when: Some(days), ..nothing() });
    assert_eq!(after.recurrence, ["RRULE:FREQ=WEEKLY;UNTIL=20260331", "EXDATE;VALUE=DATE:20260310"]);
    let midnight = MONDAY + DAY - 9 * HOUR;
    let moved = MONDAY + 15 * DAY + 6 * HOUR;
    assert_eq!(starts(&server), [midnight, moved, midnight + 21 * DAY, midnight + 28 * DAY - HOUR]);
    let after = change(&server, Patch { when: Some(hour_from(MONDAY)), ..nothing() });
    assert_eq!(after.recurrence[1], "EXDATE;TZID=Europe/Rome:20260309T090000");
    assert_eq!(starts(&server), at(0));
}

#[test]
fn a_longer_meeting_is_longer_every_week() {
    let server = server(LAST);
    let span = TimedSpan { start: in_rome(MONDAY), end: in_rome(MONDAY + 3 * HOUR) };
    change(&server, Patch { when: Some(Span::Timed(span)), ..nothing() });
    assert_eq!(starts(&server), at(0));
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let answers = server.call(|| Ical::busy(&connection(None), &asked, window())).expect("answers");
    let times = answers.answers[0].outcome.clone().expect("times");
    let hours: Vec<i64> = times.intervals.iter().map(|each| (each.end - each.start) / HOUR).collect();
    assert_eq!(hours, [3, 1, 3, 3], "but the one that was moved by hand");
}

#[test]
fn a_new_title_reaches_the_copies_that_had_the_old_one() {
    let server = server(LAST);
    change(&server, Patch { title: Some("Renamed".into()), ..nothing() });
    let data = server.data("s.ics");
    assert_eq!((data.matches("SUMMARY:Renamed").count(), data.matches("SUMMARY:Special").count()), (2, 1), "{data}");
    assert_eq!(starts(&server), at(0));
}

#[test]
fn what_repeats_no_more_has_no_exceptions() {
    let server = server(LAST);
    let after = change(&server, Patch { recurrence: Some(vec![]), ..nothing() });
    assert_eq!(after.recurrence, [""; 0]);
    assert_eq!(starts(&server), [MONDAY]);
}

#[test]
fn an_end_by_date_moves_by_days() {
    let server = server("20260330");
    let after = change(&server, Patch { when: Some(hour_from(MONDAY + DAY)), ..nothing() });
    assert!(after.recurrence[0].contains("UNTIL=20260331"), "{:?}", after.recurrence);
    assert_eq!(starts(&server).len(), 4);
}

#[test]
fn an_invitation_to_single_days_is_the_first_of_them() {
    let server = Server::default();
    let days = "SUMMARY:Later\nRECURRENCE-ID:20260316T080000Z\nDTSTART:20260316T080000Z\nDTEND:20260316T090000Z\n\
        END:VEVENT\nBEGIN:VEVENT\nUID:s\nDTSTAMP:20260101T000000Z\nSUMMARY:First\nRECURRENCE-ID:20260309T080000Z\n\
        DTSTART:20260309T080000Z\nDTEND:20260309T090000Z";
    server.put("s.ics", &ics("s", days));
    let got = get(&server);
    assert_eq!((got.title.as_str(), got.series_id, got.recurrence.len()), ("First", None, 0));
    change(&server, Patch { when: Some(hour_from(MONDAY + 8 * DAY)), ..nothing() });
    assert_eq!(starts(&server), [MONDAY + 8 * DAY, MONDAY + 14 * DAY], "the other day stays where it is");
}
