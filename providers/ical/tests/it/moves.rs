//! A series that moves, and what becomes of the occurrences that were changed on their own ([update/series-move]).
//!
//! The second of December is a Wednesday in 2015, which is past, and in 2093, which is to come.

use chronus_ical::Ical;
use chronus_sdk::values::*;
use chronus_sdk::{EventRef, Provider, TwoWay, Write};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::server::Server;
use crate::{DAY, HOUR, connection, ics, nothing};

/// Five Wednesdays: the second was moved to a Friday by hand, the third was taken out.
fn wednesdays(year: i16, rule: &str) -> String {
    let series = format!(
        "SUMMARY:Weekly\nDTSTART:{year}1202T090000Z\nDTEND:{year}1202T100000Z\nRRULE:{rule}\nEXDATE:{year}1216T090000Z\n\
         END:VEVENT\nBEGIN:VEVENT\nUID:s\nDTSTAMP:20150101T000000Z\nSUMMARY:Weekly\nRECURRENCE-ID:{year}1209T090000Z\n\
         DTSTART:{year}1211T090000Z\nDTEND:{year}1211T100000Z"
    );
    ics("s", &series)
}

const WEDNESDAYS: &str = "FREQ=WEEKLY;BYDAY=WE;COUNT=5";

fn stored(data: &str) -> Server {
    let server = Server::default();
    server.put("s.ics", data);
    server
}

fn at(time: &str) -> i64 {
    time.parse::<Timestamp>().expect("a time").as_second()
}

fn hour_at(time: &str) -> Span {
    let utc = |at| ZonedTime { at, zone: "UTC".into() };
    Span::Timed(TimedSpan { start: utc(at(time)), end: utc(at(time) + HOUR) })
}

fn update(server: &Server, patch: &Patch) -> Result<Event, Failure> {
    let work = server.calendar();
    let event = EventRef { calendar: &work, id: "s.ics" };
    let write = || Write { key: "k", etag: None, notify: Notify::All, comment: None };
    server.call(|| Ical::update(&connection(None), event, patch, write())).map(|reply| reply.event)
}

fn change(server: &Server, patch: &Patch) -> Event {
    update(server, patch).expect("changed")
}

fn move_to(time: &str) -> Patch {
    Patch { when: Some(hour_at(time)), ..nothing() }
}

/// The starts from December to May, as month, day and hour.
fn starts(server: &Server, year: i16) -> Vec<String> {
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let window =
        Window { start: at(&format!("{year}-11-30T00:00:00Z")), end: at(&format!("{}-05-30T00:00:00Z", year + 1)) };
    let answers = server.call(|| Ical::busy(&connection(None), &asked, window)).expect("answers");
    let times = answers.answers[0].outcome.clone().expect("times");
    assert_eq!(times.problems, []);
    let show = |at: i64| Timestamp::from_second(at).expect("a time").strftime("%m-%d %H").to_string();
    times.intervals.iter().map(|each| show(each.start)).collect()
}

/// The fault that a review found: the excluded week came back, and the moved one was there twice.
#[test]
fn a_rule_that_names_its_day_moves_with_the_series() {
    let server = stored(&wednesdays(2093, WEDNESDAYS));
    assert_eq!(starts(&server, 2093), ["12-02 09", "12-11 09", "12-23 09", "12-30 09"]);
    let after = change(&server, &move_to("2093-12-03T09:00:00Z"));
    assert_eq!(after.recurrence, ["RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=TH", "EXDATE:20931217T090000Z"]);
    assert_eq!(starts(&server, 2093), ["12-03 09", "12-10 09", "12-24 09", "12-31 09"]);
    let data = server.data("s.ics");
    assert!(!data.contains("RECURRENCE-ID"), "a change of nothing but the time has no purpose left: {data}");
}

#[test]
fn what_is_past_stays_where_it_was() {
    let server = stored(&wednesdays(2015, WEDNESDAYS));
    change(&server, &move_to("2015-12-03T09:00:00Z"));
    assert_eq!(starts(&server, 2015), ["12-03 09", "12-11 09", "12-24 09", "12-31 09"]);
    assert!(server.data("s.ics").contains("RECURRENCE-ID:20151210T090000Z"));
}

#[test]
fn a_move_within_the_day_leaves_the_days_of_the_rule() {
    let server = stored(&wednesdays(2093, "FREQ=MONTHLY;BYDAY=1WE;COUNT=3"));
    let after = change(&server, &move_to("2093-12-02T15:00:00Z"));
    assert_eq!(after.recurrence[0], "RRULE:FREQ=MONTHLY;BYDAY=1WE;COUNT=3");
    assert_eq!(starts(&server, 2093)[0], "12-02 15");
}

#[test]
fn what_else_was_changed_stays_when_the_time_returns() {
    let data =
        wednesdays(2093, WEDNESDAYS).replacen("SUMMARY:Weekly\r\nRECURRENCE-ID", "SUMMARY:Special\r\nRECURRENCE-ID", 1);
    let server = stored(&data);
    change(&server, &move_to("2093-12-03T10:00:00Z"));
    assert_eq!(starts(&server, 2093), ["12-03 10", "12-10 10", "12-24 10", "12-31 10"]);
    let data = server.data("s.ics");
    assert!(data.contains("SUMMARY:Special") && data.contains("RECURRENCE-ID:20931210T100000Z"), "{data}");
}

#[test]
fn a_longer_series_does_not_move_and_neither_do_its_occurrences() {
    let server = stored(&wednesdays(2093, WEDNESDAYS));
    let Span::Timed(span) = hour_at("2093-12-02T09:00:00Z") else { unreachable!("it is timed") };
    let end = ZonedTime { at: span.end.at + HOUR, ..span.end };
    change(&server, &Patch { when: Some(Span::Timed(TimedSpan { end, ..span })), ..nothing() });
    assert_eq!(starts(&server, 2093), ["12-02 09", "12-11 09", "12-23 09", "12-30 09"]);
}

#[test]
fn what_no_rule_can_say_is_refused_and_nothing_is_written() {
    let server = stored(&wednesdays(2093, "FREQ=MONTHLY;BYDAY=1WE;COUNT=3"));
    let before = server.data("s.ics");
    let failure = update(&server, &move_to("2093-12-03T09:00:00Z")).expect_err("refused");
    assert_eq!(failure.remedy, Remedy::Unsupported);
    assert_eq!(server.data("s.ics"), before);
    // A rule that comes with the time is taken as it is.
    let rule = vec!["RRULE:FREQ=MONTHLY;BYDAY=1TH;COUNT=3".to_owned()];
    let after = change(&server, &Patch { recurrence: Some(rule.clone()), ..move_to("2093-12-03T09:00:00Z") });
    assert_eq!(after.recurrence, rule);
    // The change of an occurrence that the series never had stays as it was.
    assert_eq!(starts(&server, 2093), ["12-03 09", "12-11 09", "01-07 09", "02-04 09"]);
}

#[test]
fn changes_of_occurrences_end_with_the_rule_that_gave_them() {
    let rule = |rule: &str| Patch { recurrence: Some(vec![rule.to_owned()]), ..nothing() };
    for (new, expected) in [
        // An end that comes later moves nothing.
        ("RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=3", vec!["12-02 09", "12-11 09", "12-16 09"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=1", vec!["12-02 09"]),
        ("RRULE:FREQ=DAILY;COUNT=2", vec!["12-02 09", "12-03 09"]),
        ("RRULE:FREQ=DAILY;INTERVAL=7;COUNT=2", vec!["12-02 09", "12-09 09"]),
    ] {
        let server = stored(&wednesdays(2093, WEDNESDAYS));
        change(&server, &rule(new));
        assert_eq!(starts(&server, 2093), expected, "{new}");
    }
    let server = stored(&wednesdays(2015, WEDNESDAYS));
    change(&server, &rule("RRULE:FREQ=DAILY;COUNT=2"));
    assert_eq!(starts(&server, 2015), ["12-02 09", "12-03 09", "12-11 09"], "what is past stays");
}

#[test]
fn a_cancelled_occurrence_stays_cancelled_while_the_series_has_it() {
    let cancelled = wednesdays(2093, WEDNESDAYS)
        .replace("DTSTART:20931211T090000Z", "STATUS:CANCELLED\r\nDTSTART:20931209T090000Z");
    let cancelled = cancelled.replace("DTEND:20931211T100000Z", "DTEND:20931209T100000Z");
    let server = stored(&cancelled);
    change(&server, &move_to("2093-12-03T09:00:00Z"));
    assert_eq!(starts(&server, 2093), ["12-03 09", "12-24 09", "12-31 09"]);
    let monthly = Patch { recurrence: Some(vec!["RRULE:FREQ=MONTHLY;COUNT=2".into()]), ..nothing() };
    change(&server, &monthly);
    assert_eq!(starts(&server, 2093), ["12-03 09", "01-03 09"]);
    assert!(!server.data("s.ics").contains("CANCELLED"), "its day no longer occurs");
}

#[test]
fn additions_move_with_the_series_whatever_their_form() {
    let additions = "RDATE:20931204T120000Z,x\r\nRDATE;VALUE=PERIOD:20931205T090000Z/PT2H,20931206T090000Z/20931206T120000Z\r\nEXDATE";
    let server = stored(&wednesdays(2093, "FREQ=WEEKLY;BYDAY=WE;COUNT=1").replacen("EXDATE", additions, 1));
    change(&server, &move_to("2093-12-03T10:00:00Z"));
    let data = server.data("s.ics");
    for line in [
        "RDATE:20931205T130000Z\r\n",
        "RDATE:x\r\n",
        "RDATE;VALUE=PERIOD:20931206T100000Z/PT7200S\r\n",
        "RDATE;VALUE=PERIOD:20931207T100000Z/PT10800S\r\n",
    ] {
        assert!(data.contains(line), "{line}: {data}");
    }
}

#[test]
fn a_change_of_all_later_occurrences_is_not_moved() {
    let data = wednesdays(2093, WEDNESDAYS).replace("RECURRENCE-ID:", "RECURRENCE-ID;RANGE=THISANDFUTURE:");
    let server = stored(&data);
    let failure = update(&server, &move_to("2093-12-03T09:00:00Z")).expect_err("refused");
    assert_eq!((failure.remedy, server.data("s.ics")), (Remedy::Unsupported, data));
}

#[test]
fn a_meeting_to_come_is_not_returned_into_the_past() {
    let data = wednesdays(2015, WEDNESDAYS).replace("20151211T", "20931211T");
    let server = stored(&data);
    change(&server, &move_to("2015-12-03T09:00:00Z"));
    assert_eq!(starts(&server, 2015), ["12-03 09", "12-24 09", "12-31 09"]);
    assert_eq!(starts(&server, 2093), ["12-11 09"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Additions and exceptions move exactly as far as what the rule gives.
    #[test]
    fn every_occurrence_moves_as_far(
        rule in select(vec![
            "FREQ=DAILY;BYDAY=MO,TU,FR",
            "FREQ=WEEKLY",
            "FREQ=WEEKLY;BYDAY=WE",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "FREQ=MONTHLY",
            "FREQ=MONTHLY;BYMONTHDAY=2,20",
            "FREQ=MONTHLY;BYDAY=1WE",
            "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=2",
        ]),
        end in select(vec!["COUNT=6", "UNTIL=20160301T090000Z", "UNTIL=20160301"]),
        without in 0..40_i64,
        also in 0..40_i64,
        days in -20..20_i64,
        hours in 0..4_i64,
    ) {
        let first = at("2015-12-02T09:00:00Z");
        let time = |at: i64| Timestamp::from_second(at).expect("a time").strftime("%Y%m%dT%H%M%SZ").to_string();
        let server = stored(&ics("s", &format!(
            "DTSTART:20151202T090000Z\nDTEND:20151202T100000Z\nRRULE:{rule};{end}\nEXDATE:{}\nRDATE:{}",
            time(first + without * DAY), time(first + also * DAY + HOUR),
        )));
        let before = all_starts(&server);
        let by = days * DAY + hours * HOUR;
        let start = Timestamp::from_second(first + by).expect("a time").to_string();
        match update(&server, &move_to(&start)) {
            Ok(_) => prop_assert_eq!(all_starts(&server), before.iter().map(|at| at + by).collect::<Vec<_>>()),
            Err(failure) => {
                prop_assert_eq!(failure.remedy, Remedy::Unsupported);
                prop_assert!(days != 0, "a move within the day is possible: {}", rule);
                prop_assert_eq!(all_starts(&server), before);
            }
        }
    }
}

fn all_starts(server: &Server) -> Vec<i64> {
    let asked = BusyTargets::Calendars(vec![server.calendar()]);
    let window = Window { start: at("2015-01-01T00:00:00Z"), end: at("2030-01-01T00:00:00Z") };
    let answers = server.call(|| Ical::busy(&connection(None), &asked, window)).expect("answers");
    answers.answers[0].outcome.clone().expect("times").intervals.iter().map(|each| each.start).collect()
}
