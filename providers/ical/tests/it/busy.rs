//! When the owner is free.

use chronus_ical::Ical;
use chronus_sdk::Provider;
use chronus_sdk::values::*;

use crate::server::{Habits, Server};
use crate::{DAY, HOUR, MONDAY, connection, ics, remedy, window};

fn times(server: &Server) -> BusyTimes {
    ask(server, window()).expect("times")
}

fn ask(server: &Server, window: Window) -> Result<BusyTimes, Failure> {
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let answers = server.call(|| Ical::busy(&connection(None), &asked, window)).expect("answers");
    answers.answers.into_iter().next().expect("an answer").outcome
}

fn kinds(server: &Server) -> Vec<BusyKind> {
    times(server).intervals.iter().map(|interval| interval.kind).collect()
}

#[test]
fn a_series_is_expanded_with_its_exceptions() {
    let server = Server::default();
    let series = "DTSTART;TZID=Europe/Rome:20260302T090000\nDTEND;TZID=Europe/Rome:20260302T100000\n\
        RRULE:FREQ=WEEKLY;COUNT=5\nEXDATE;TZID=Europe/Rome:20260309T090000\nX-CHRONUS-KEY:k\nEND:VEVENT\nBEGIN:VEVENT\n\
        UID:s\nDTSTAMP:20260101T000000Z\nSEQUENCE:4\nRECURRENCE-ID;TZID=Europe/Rome:20260316T090000\n\
        DTSTART;TZID=Europe/Rome:20260317T150000\nDTEND;TZID=Europe/Rome:20260317T160000";
    server.put("s.ics", &ics("s", series));
    let times = times(&server);
    let starts: Vec<i64> = times.intervals.iter().map(|interval| interval.start).collect();
    // The clocks go forward on 29 March: nine stays nine.
    assert_eq!(starts, [MONDAY, MONDAY + 15 * DAY + 6 * HOUR, MONDAY + 21 * DAY, MONDAY + 28 * DAY - HOUR]);
    assert!(
        times.intervals.iter().all(|each| each.client_key.as_deref() == Some("k") && each.end == each.start + HOUR)
    );
    assert_eq!(times.problems, []);
}

#[test]
fn a_day_is_the_owners_day() {
    let server = Server::default();
    server.put("d.ics", &ics("d", "DTSTART;VALUE=DATE:20260302"));
    let expected = Interval {
        start: MONDAY - 9 * HOUR,
        end: MONDAY + 15 * HOUR,
        kind: BusyKind::Busy,
        all_day: true,
        client_key: None,
        uid: Some("d".into()),
    };
    assert_eq!(times(&server).intervals, [expected]);
}

#[test]
fn kinds_are_told_apart() {
    for (lines, kind) in [
        ("", Some(BusyKind::Busy)),
        ("TRANSP:TRANSPARENT", Some(BusyKind::Free)),
        ("STATUS:TENTATIVE", Some(BusyKind::Tentative)),
        ("STATUS:CANCELLED", None),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", Some(BusyKind::OutOfOffice)),
        ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", Some(BusyKind::WorkingElsewhere)),
        ("TRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", Some(BusyKind::Tentative)),
        ("ORGANIZER:mailto:bo@example.com\nATTENDEE;PARTSTAT=DECLINED:mailto:Ann@example.com", None),
        ("ATTENDEE;PARTSTAT=TENTATIVE:mailto:second@example.com", Some(BusyKind::Tentative)),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:bo@example.com", Some(BusyKind::Busy)),
    ] {
        let server = Server::default();
        server.put("e.ics", &ics("e", &format!("DTSTART:20260302T080000Z\nDTEND:20260302T090000Z\n{lines}")));
        assert_eq!(kinds(&server), kind.into_iter().collect::<Vec<_>>(), "{lines}");
    }
}

#[test]
fn intervals_are_cut_to_the_window_and_sorted() {
    let server = Server::default();
    server.put("b.ics", &ics("b", "DTSTART:20260302T083000Z\nDTEND:20260302T120000Z"));
    server.put("a.ics", &ics("a", "DTSTART:20260302T090000Z\nDTEND:20260302T091500Z"));
    server.put("before.ics", &ics("before", "DTSTART:20260302T070000Z\nDTEND:20260302T080000Z"));
    server.put("after.ics", &ics("after", "DTSTART:20260302T100000Z\nDTEND:20260302T110000Z"));
    server.put("none.ics", &ics("none", "DTSTART:20260302T090000Z"));
    let times = ask(&server, Window { start: MONDAY, end: MONDAY + 2 * HOUR }).expect("times");
    let seen: Vec<_> = times.intervals.iter().map(|each| (each.start - MONDAY, each.end - MONDAY)).collect();
    assert_eq!(seen, [(HOUR / 2, 2 * HOUR), (HOUR, HOUR + HOUR / 4)]);
}

#[test]
fn one_bad_event_costs_itself_alone() {
    let server = Server::default();
    server.put("good.ics", &ics("good", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    server.put("bad.ics", &ics("bad", "DTSTART:soon"));
    server.put("cut.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:cut\r\n");
    let times = times(&server);
    assert_eq!(times.intervals.len(), 1);
    let named: Vec<&str> = times.problems.iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(named, ["bad.ics", "cut.ics"]);
    assert!(times.problems.iter().all(|problem| problem.span.is_none()), "it may be any time: {:?}", times.problems);
}

#[test]
fn an_event_that_cannot_be_read_says_which_time_it_may_take() {
    let start = "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z";
    let span = |lines: &str| {
        let server = Server::default();
        server.put("bad.ics", &ics("bad", &format!("{start}\n{lines}")));
        let problems = times(&server).problems;
        assert!(problems.iter().all(|problem| problem.span == problems[0].span), "{problems:?}");
        problems[0].span.map(|span| (span.start - MONDAY, span.end - MONDAY))
    };
    assert_eq!(span("RRULE:FREQ=LUNAR;UNTIL=20260330T080000Z"), Some((-2 * DAY, 30 * DAY + HOUR)));
    assert_eq!(span("RRULE:FREQ=LUNAR"), None);
    assert_eq!(span("RDATE:soon"), None);
    assert_eq!(span("EXDATE:soon"), Some((0, HOUR)));
    assert_eq!(span("EXDATE:soon\nwhat is this"), None, "a line that cannot be read may say anything");
}

#[test]
fn a_server_that_cannot_search_a_window_is_asked_for_all() {
    let server = Server::with(Habits { chokes_on_windows: true, ..Habits::default() });
    server.put("in.ics", &ics("in", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    server.put("out.ics", &ics("out", "DTSTART:20270302T080000Z\nDTEND:20270302T090000Z"));
    assert_eq!(kinds(&server), [BusyKind::Busy]);
}

#[test]
fn what_could_not_be_read_is_not_free() {
    for (status, expected) in [
        (500, Remedy::Temporary),
        (403, Remedy::NotPermitted),
        (404, Remedy::NotFound),
        (429, chronus_sdk::failure::pause(2000, PauseScope::Connection)),
        (200, Remedy::Temporary),
    ] {
        let server = Server::with(Habits { report_fails: Some(status), ..Habits::default() });
        assert_eq!(remedy(ask(&server, window())), expected, "{status}");
    }
    let server = Server::with(Habits { cuts_queries_short: true, ..Habits::default() });
    assert_eq!(remedy(ask(&server, window())), Remedy::WindowTooLarge(25 * 86_400));
}

#[test]
fn each_calendar_has_its_own_answer() {
    let server = Server::default();
    let asked = vec!["/dav/ann/none/".to_owned(), server.calendar(), "elsewhere".to_owned()];
    for memo in [None, server.memo()] {
        let targets = BusyTargets::Calendars(asked.clone());
        let answers = server.call(|| Ical::busy(&connection(memo), &targets, window())).expect("answers").answers;
        let seen: Vec<_> = answers.iter().map(|each| (each.target.as_str(), each.outcome.is_ok())).collect();
        assert_eq!(seen, [("/dav/ann/none/", false), ("/dav/ann/work/", true), ("elsewhere", false)]);
    }
    let others = BusyTargets::Addresses(vec!["bo@example.com".into()]);
    let answers = server.call(|| Ical::busy(&connection(None), &others, window())).expect("answers").answers;
    assert_eq!(answers[0].outcome.as_ref().expect_err("unsupported").remedy, Remedy::Unsupported);
}

#[test]
fn a_window_that_ends_before_it_starts_is_no_window() {
    let window = Window { start: MONDAY, end: MONDAY };
    let asked = BusyTargets::Calendars(vec![]);
    assert_eq!(remedy(Ical::busy(&connection(None), &asked, window)), Remedy::Invalid("window".into()));
}

/// A calendar of which its owner lets others see when they are busy, and nothing else.
const FREE_BUSY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VFREEBUSY\r\n\
    DTSTART:20260220T000000Z\r\nDTEND:20260411T000000Z\r\nFREEBUSY:20260302T080000Z/20260302T090000Z,20260302T080000Z/PT\r\n 30M\r\n\
    FREEBUSY;FBTYPE=BUSY-TENTATIVE;VALUE=PERIOD:20260304T230000Z/P1D\r\n\
    FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260101T000000Z/20260221T000000Z\r\nFREEBUSY;FBTYPE=X-NEW:20260303T080000Z/PT1H\r\n\
    END:VFREEBUSY\r\nEND:VCALENDAR\r\n";

#[test]
fn a_calendar_that_tells_free_busy_alone_is_asked_for_that() {
    let server = Server::with(Habits { free_busy: Some(FREE_BUSY), ..Habits::default() });
    let seen: Vec<_> =
        times(&server).intervals.iter().map(|each| (each.start - MONDAY, each.end - MONDAY, each.kind)).collect();
    let thursday = 3 * DAY - 9 * HOUR;
    assert_eq!(
        seen,
        [
            (-10 * DAY, -9 * DAY - 8 * HOUR, BusyKind::OutOfOffice),
            (0, HOUR / 2, BusyKind::Busy),
            (0, HOUR, BusyKind::Busy),
            (DAY, DAY + HOUR, BusyKind::Busy),
            (thursday, thursday + DAY, BusyKind::Tentative),
        ]
    );
    // From then on in one request, and back when there are more rights.
    let ask = |memo| {
        server.requests();
        let asked = BusyTargets::Calendars(vec![server.calendar()]);
        let answers = server.call(|| Ical::busy(&connection(memo), &asked, window())).expect("answers");
        assert!(answers.answers[0].outcome.is_ok());
        (server.requests().len(), answers.memo)
    };
    let (first, memo) = ask(server.memo());
    assert_eq!((first, ask(memo.clone())), (2, (1, None)));
    server.0.borrow_mut().habits.free_busy = Some("");
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let refused = server.call(|| Ical::busy(&connection(memo.clone()), &asked, window())).expect("answers");
    let failure = refused.answers[0].outcome.as_ref().expect_err("nothing may be seen");
    assert_eq!(failure.remedy, Remedy::NotPermitted);
    server.0.borrow_mut().habits.free_busy = None;
    assert_eq!(ask(memo).0, 2);
}

#[test]
fn free_busy_that_cannot_be_read_is_not_free() {
    for wrong in ["BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "<html/>", &FREE_BUSY.replace("PT1H", "soon")] {
        let wrong: &'static str = wrong.to_owned().leak();
        let server = Server::with(Habits { free_busy: Some(wrong), ..Habits::default() });
        assert_eq!(remedy(ask(&server, window())), Remedy::NotPermitted, "{wrong}");
    }
}

/// SOGo, DAViCal and others find a series only where it begins, and its later times would be free.
#[test]
fn a_series_is_seen_also_where_the_server_does_not_know_series() {
    let series = "DTSTART:20200106T080000Z\nDTEND:20200106T090000Z\nRRULE:FREQ=WEEKLY";
    for root in ["/SOGo/dav", "/caldav.php"] {
        let server = Server::with(Habits { knows_no_series: true, has_no_well_known: true, root, ..Habits::default() });
        server.put("s.ics", &ics("s", series));
        assert_eq!(kinds(&server).len(), 7, "{root}");
    }
}

/// F1 of the CalDAV review: servers with 32-bit times answer a range that begins in 1900 with series only.
#[test]
fn a_server_with_32_bit_times_shows_single_events() {
    let habits = Habits { has_32_bit_times: true, has_no_well_known: true, root: "/caldav.php", ..Habits::default() };
    let server = Server::with(habits);
    server.put("e.ics", &ics("e", "DTSTART:20260302T080000Z\nDTEND:20260302T090000Z"));
    assert_eq!(kinds(&server), [BusyKind::Busy]);
    for window in [
        Window { start: -5_000_000_000, end: MONDAY + 86_400 },
        Window { start: MONDAY, end: 5_000_000_000 },
        Window { start: -5_000_000_000, end: 5_000_000_000 },
    ] {
        assert_eq!(ask(&server, window).expect("times").intervals.len(), 1, "{window:?}");
    }
}
