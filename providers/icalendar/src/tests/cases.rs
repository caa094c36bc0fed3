//! Series that existing libraries get wrong, one test each.

use super::{calendar, event, fine_in_2026, in_2026, window, zone};
use crate::occurrences;

/// One hour on Mondays at nine in Berlin, from 5 January; lines are added to it.
fn mondays(lines: &str) -> String {
    event(&format!(
        "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T100000\nRRULE:FREQ=WEEKLY;COUNT=4\nSEQUENCE:1\n{lines}"
    ))
}

const FOUR: [&str; 4] =
    ["01-05T08:00/01-05T09:00", "01-12T08:00/01-12T09:00", "01-19T08:00/01-19T09:00", "01-26T08:00/01-26T09:00"];

#[test]
fn an_override_counts_whatever_its_sequence() {
    for sequence in [0, 1, 2, 99] {
        let moved = event(&format!(
            "RECURRENCE-ID;TZID=Europe/Berlin:20260112T090000\nDTSTART;TZID=Europe/Berlin:20260113T150000\nDTEND;TZID=Europe/Berlin:20260113T160000\nSEQUENCE:{sequence}"
        ));
        let expected = [FOUR[0], "01-13T14:00/01-13T15:00", FOUR[2], FOUR[3]];
        assert_eq!(fine_in_2026(&(mondays("") + &moved)), expected);
        // The override may come first.
        assert_eq!(fine_in_2026(&(moved + &mondays(""))), expected);
    }
}

#[test]
fn of_two_overrides_of_one_occurrence_the_newer_counts() {
    let version = |sequence: u8, stamp: u8, hour: u8| {
        event(&format!(
            "RECURRENCE-ID:20260112T080000Z\nDTSTAMP:202601{stamp:02}T000000Z\nSEQUENCE:{sequence}\nDTSTART:20260112T{hour:02}0000Z\nDURATION:PT1H"
        ))
    };
    for versions in [[version(1, 9, 15), version(2, 1, 12)], [version(2, 1, 12), version(2, 0, 15)]] {
        let expected = [FOUR[0], "01-12T12:00/01-12T13:00", FOUR[2], FOUR[3]];
        assert_eq!(fine_in_2026(&(mondays("") + &versions.concat().replace("20260100T", "20251231T"))), expected);
    }
}

#[test]
fn recurrence_ids_are_instants_in_whatever_form() {
    let forms = [
        "RECURRENCE-ID;TZID=Europe/Berlin:20260112T090000",
        "RECURRENCE-ID:20260112T080000Z",
        "RECURRENCE-ID;TZID=America/New_York:20260112T030000",
        "RECURRENCE-ID:20260112T090000",
        "RECURRENCE-ID;VALUE=DATE:20260112",
    ];
    for form in forms {
        let moved = event(&format!("{form}\nDTSTART:20260301T120000Z\nDURATION:PT1H"));
        let expected = [FOUR[0], FOUR[2], FOUR[3], "03-01T12:00/03-01T13:00"];
        assert_eq!(fine_in_2026(&(mondays("") + &moved)), expected, "{form}");
    }
}

#[test]
fn overrides_belong_to_their_uid() {
    let moved = "BEGIN:VEVENT\nUID:two\nRECURRENCE-ID:20260112T080000Z\nDTSTART:20260112T200000Z\nEND:VEVENT\n";
    let found = fine_in_2026(&(mondays("") + moved));
    assert_eq!(found, [FOUR[0], FOUR[1], "01-12T20:00/01-12T20:00", FOUR[2], FOUR[3]]);
}

#[test]
fn until_in_utc_is_an_instant() {
    // 23:00 in Berlin is 21:00Z in summer: the last one is at the very end.
    let late =
        event("DTSTART;TZID=Europe/Berlin:20260328T230000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260330T210000Z");
    assert_eq!(fine_in_2026(&late), ["03-28T22:00/03-28T23:00", "03-29T21:00/03-29T22:00", "03-30T21:00/03-30T22:00"]);
    let one_second_less = late.replace("T210000Z", "T205959Z");
    assert_eq!(fine_in_2026(&one_second_less).len(), 2);
}

#[test]
fn until_as_local_time_and_as_a_date() {
    let with = |until: &str| fine_in_2026(&mondays("").replace("COUNT=4", &format!("UNTIL={until}"))).len();
    assert_eq!(with("20260119T090000"), 3);
    assert_eq!(with("20260119T085959"), 2);
    assert_eq!(with("20260119"), 3, "the day is included");
    assert_eq!(with("20260118"), 2);
    let days = |until: &str| {
        fine_in_2026(&event(&format!("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;UNTIL={until}"))).len()
    };
    assert_eq!(days("20260107"), 3);
    assert_eq!(days("20260107T000000Z"), 3);
    assert_eq!(days("20260107T225959"), 3);
}

#[test]
fn a_rule_that_ended_before_the_start_leaves_nothing() {
    // Google and Outlook leave this behind when a series is split at its first occurrence.
    assert_eq!(fine_in_2026(&mondays("").replace("COUNT=4", "UNTIL=20260104T225959Z")), Vec::<String>::new());
}

#[test]
fn this_and_future_shifts_and_has_its_own_length() {
    let changed = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260112T090000\nDTSTART;TZID=Europe/Berlin:20260113T113000\nDURATION:PT15M",
    );
    let single = event("RECURRENCE-ID:20260126T080000Z\nDTSTART:20260126T060000Z\nDURATION:PT5M");
    assert_eq!(
        fine_in_2026(&(mondays("") + &changed + &single)),
        [FOUR[0], "01-13T10:30/01-13T10:45", "01-20T10:30/01-20T10:45", "01-26T06:00/01-26T06:05"]
    );
}

#[test]
fn this_and_future_is_seen_from_any_window() {
    // The shift is half a year, so that what the rule gives lies far outside the window.
    for (id, start) in [("20200106", "20200706"), ("20200706", "20200106")] {
        let series = event("DTSTART:20190107T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY")
            + &event(&format!(
                "RECURRENCE-ID;RANGE=THISANDFUTURE:{id}T090000Z\nDTSTART:{start}T090000Z\nDURATION:PT2H"
            ));
        let found = fine_in_2026(&series);
        assert_eq!(found.len(), 52, "{id}");
        assert_eq!(found[0], "01-05T09:00/01-05T11:00");
    }
}

#[test]
fn this_and_future_may_turn_times_into_days() {
    let changed = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260119T080000Z\nDTSTART;VALUE=DATE:20260120");
    assert_eq!(
        fine_in_2026(&(mondays("") + &changed)),
        [FOUR[0], FOUR[1], "01-19T23:00/01-20T23:00 days", "01-26T23:00/01-27T23:00 days"]
    );
}

#[test]
fn this_and_future_may_be_in_another_zone() {
    // Tokyo has no daylight time, Berlin does: the shift is on Berlin's wall, on which the series runs.
    let changed = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T080000Z\nDTSTART;TZID=Asia/Tokyo:20260316T180000\nDURATION:PT1H",
    );
    assert_eq!(
        fine_in_2026(&(mondays("").replace("20260105T", "20260309T") + &changed)),
        ["03-09T08:00/03-09T09:00", "03-16T09:00/03-16T10:00", "03-23T09:00/03-23T10:00", "03-30T08:00/03-30T09:00"]
    );
}

#[test]
fn windows_are_half_open() {
    let within = |lines: &str| {
        let calendar = calendar(&event(lines));
        occurrences(&calendar, zone("Europe/Berlin"), window("2026-01-05", "2026-01-06")).0.len()
    };
    assert_eq!(within("DTSTART:20260104T230000Z\nDTEND:20260105T000000Z"), 0, "it ends when the window starts");
    assert_eq!(within("DTSTART:20260104T230000Z\nDTEND:20260105T000001Z"), 1);
    assert_eq!(within("DTSTART:20260106T000000Z\nDTEND:20260106T010000Z"), 0, "it starts when the window ends");
    assert_eq!(within("DTSTART:20260105T235959Z\nDTEND:20260106T010000Z"), 1);
    assert_eq!(within("DTSTART:20250105T000000Z\nDTEND:20270106T010000Z"), 1, "it is there all the time");
    assert_eq!(within("DTSTART:20260105T000000Z"), 1, "what takes no time is where it starts");
    assert_eq!(within("DTSTART:20260106T000000Z"), 0);
}

#[test]
fn exdates_remove_in_every_form() {
    let forms = [
        "EXDATE;TZID=Europe/Berlin:20260112T090000",
        "EXDATE:20260112T080000Z",
        "EXDATE:20260112T090000",
        "EXDATE;VALUE=DATE:20260112",
        "EXDATE;TZID=Asia/Tokyo:20260112T170000,20300101T000000",
    ];
    for form in forms {
        assert_eq!(fine_in_2026(&mondays(form)), [FOUR[0], FOUR[2], FOUR[3]], "{form}");
    }
    assert_eq!(fine_in_2026(&mondays("EXDATE:20260112T081500Z")), FOUR, "another instant");
    let days = "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=3\n";
    for form in ["EXDATE;VALUE=DATE:20260106", "EXDATE:20260106", "EXDATE:20260106T000000Z"] {
        let found = fine_in_2026(&event(&format!("{days}{form}")));
        assert_eq!(found, ["01-04T23:00/01-05T23:00 days", "01-06T23:00/01-07T23:00 days"], "{form}");
    }
}

#[test]
fn exdates_remove_rdates_the_start_and_overrides() {
    let added = "RDATE:20260114T120000Z,20260115T120000Z\nEXDATE:20260114T120000Z\nEXDATE:20260105T080000Z";
    assert_eq!(fine_in_2026(&mondays(added)), [FOUR[1], "01-15T12:00/01-15T13:00", FOUR[2], FOUR[3]]);
    let moved = event("RECURRENCE-ID:20260112T080000Z\nDTSTART:20260301T120000Z\nDURATION:PT1H");
    assert_eq!(fine_in_2026(&(mondays("EXDATE:20260112T080000Z") + &moved)), [FOUR[0], FOUR[2], FOUR[3]]);
}

#[test]
fn rdates_are_times_dates_and_periods() {
    let added = "RDATE;TZID=Europe/Berlin:20260107T110000\nRDATE;VALUE=DATE:20260108\nRDATE;VALUE=PERIOD:20260109T080000Z/PT3H,20260110T080000Z/20260110T083000Z\nRDATE:20260112T080000Z";
    assert_eq!(
        fine_in_2026(&mondays(added)),
        [
            FOUR[0],
            "01-07T10:00/01-07T11:00",
            "01-08T08:00/01-08T09:00",
            "01-09T08:00/01-09T11:00",
            "01-10T08:00/01-10T08:30",
            FOUR[1],
            FOUR[2],
            FOUR[3]
        ]
    );
}

#[test]
fn what_has_no_end_takes_no_time_or_one_day() {
    assert_eq!(fine_in_2026(&event("DTSTART:20260105T090000Z")), ["01-05T09:00/01-05T09:00"]);
    assert_eq!(fine_in_2026(&event("DTSTART;VALUE=DATE:20260105")), ["01-04T23:00/01-05T23:00 days"]);
    // An end on the first day is one that the writer thought to be inclusive.
    let same = event("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260105");
    assert_eq!(fine_in_2026(&same), ["01-04T23:00/01-05T23:00 days"]);
}

#[test]
fn several_rules_are_put_together() {
    let found = fine_in_2026(&event(
        "DTSTART:20260105T090000Z\nRRULE:FREQ=WEEKLY;COUNT=3\nRRULE:FREQ=DAILY;INTERVAL=7;COUNT=2\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1;COUNT=1",
    ));
    assert_eq!(
        found,
        ["01-05T09:00/01-05T09:00", "01-12T09:00/01-12T09:00", "01-19T09:00/01-19T09:00", "02-01T09:00/02-01T09:00"]
    );
}

#[test]
fn a_start_that_no_rule_gives_is_the_first_occurrence() {
    let found = fine_in_2026(&event("DTSTART:20260106T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"));
    assert_eq!(found, ["01-06T09:00/01-06T09:00", "01-12T09:00/01-12T09:00", "01-19T09:00/01-19T09:00"]);
}

#[test]
fn overrides_without_a_master_and_moved_into_the_window_are_there() {
    let orphan = event("RECURRENCE-ID:20250112T080000Z\nDTSTART:20260112T120000Z\nDURATION:PT1H");
    assert_eq!(fine_in_2026(&orphan), ["01-12T12:00/01-12T13:00"]);
    let series = event("DTSTART:20240101T090000Z\nRRULE:FREQ=WEEKLY;COUNT=4");
    let moved_in = event("RECURRENCE-ID:20240108T090000Z\nDTSTART:20260112T120000Z\nDURATION:PT1H");
    assert_eq!(fine_in_2026(&(series + &moved_in)), ["01-12T12:00/01-12T13:00"]);
    let moved_out = event("RECURRENCE-ID:20260112T080000Z\nDTSTART:20270112T120000Z\nDURATION:PT1H");
    assert_eq!(fine_in_2026(&(mondays("") + &moved_out)), [FOUR[0], FOUR[2], FOUR[3]]);
}

#[test]
fn an_end_before_the_start_is_the_other_way_round() {
    let (found, problems) = in_2026(&event("DTSTART:20260105T090000Z\nDTEND:20260105T083000Z"));
    assert_eq!(found, ["01-05T08:30/01-05T09:00"]);
    assert_eq!(problems.len(), 1);
    let (found, problems) = in_2026(&event("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260103"));
    assert_eq!(found, ["01-02T23:00/01-04T23:00 days"]);
    assert_eq!((problems.len(), problems[0].uid.as_str()), (1, "one"));
}

#[test]
fn dates_and_times_may_be_mixed() {
    let days = |end: &str| fine_in_2026(&event(&format!("DTSTART;VALUE=DATE:20260105\n{end}")));
    assert_eq!(days("DTEND:20260107T000000Z"), ["01-04T23:00/01-06T23:00 days"], "a midnight is a date");
    assert_eq!(days("DTEND:20260105T120000"), ["01-04T23:00/01-05T11:00"]);
    assert_eq!(days("DURATION:PT36H"), ["01-04T23:00/01-06T11:00"]);
    assert_eq!(days("DURATION:PT48H"), ["01-04T23:00/01-06T23:00 days"]);
    let timed = |end: &str| fine_in_2026(&event(&format!("DTSTART;TZID=Asia/Tokyo:20260105T090000\n{end}")));
    assert_eq!(timed("DTEND;VALUE=DATE:20260106"), ["01-05T00:00/01-05T15:00"]);
    assert_eq!(timed("DTEND:20260105T100000"), ["01-05T00:00/01-05T01:00"], "in the zone of the start");
    assert_eq!(
        timed("DTEND;TZID=America/New_York:20260105T090000"),
        ["01-05T00:00/01-05T14:00"],
        "a flight has two zones"
    );
}

#[test]
fn of_two_versions_of_an_event_the_newer_counts() {
    let version =
        |sequence: u8, hour: u8| event(&format!("SEQUENCE:{sequence}\nDTSTART:20260105T{hour:02}0000Z\nDURATION:PT1H"));
    for versions in [[version(2, 9), version(1, 12)], [version(1, 12), version(2, 9)]] {
        let (found, problems) = in_2026(&versions.concat());
        assert_eq!((found, problems.len()), (vec!["01-05T09:00/01-05T10:00".to_owned()], 1));
    }
    let (found, problems) = in_2026(&[version(1, 9), version(1, 12)].concat());
    assert_eq!((found.len(), problems.len()), (2, 1), "neither is newer: both take time");
    assert_eq!(fine_in_2026(&[version(1, 9), version(1, 9)].concat()).len(), 1, "a copy is no event");
}

#[test]
fn events_without_uid_are_events_of_their_own() {
    let one = "BEGIN:VEVENT\nDTSTART:20260105T090000Z\nEND:VEVENT\n";
    assert_eq!(fine_in_2026(&format!("{one}{one}")).len(), 2);
}

#[test]
fn what_an_older_version_left_behind_is_not_an_override() {
    // A former master with a RECURRENCE-ID: it has recurrence rules, and the series has no such occurrence.
    let left =
        event("RECURRENCE-ID:20260202T080000Z\nSEQUENCE:0\nDTSTART:20260202T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY");
    assert_eq!(fine_in_2026(&(mondays("") + &left)), FOUR);
    // Without recurrence rules it is an override, even of an occurrence that the master does not have.
    let added = left.replace("RRULE:FREQ=WEEKLY\n", "");
    assert_eq!(fine_in_2026(&(mondays("") + &added)).len(), 5);
}

#[test]
fn one_bad_event_costs_no_other() {
    let bad = [
        "SUMMARY:no start",
        "DTSTART:soon",
        "DTSTART:20260105T090000Z\nRRULE:FREQ=SOMETIMES",
        "DTSTART:20260105T090000Z\nDTEND:later",
        "DTSTART:20260105T090000Z\nDURATION:long",
        "DTSTART:20260105T090000Z\nRDATE:never",
        "DTSTART;TZID=Middle/Earth:20260105T090000",
        "RECURRENCE-ID:never\nDTSTART:20260105T090000Z",
    ];
    for lines in bad {
        let good = "BEGIN:VEVENT\nUID:good\nDTSTART:20260601T090000Z\nEND:VEVENT\n";
        let (found, problems) = in_2026(&(event(lines) + good));
        assert_eq!(found.last().map(String::as_str), Some("06-01T09:00/06-01T09:00"), "{lines}");
        assert_eq!(problems.len(), 1, "{lines}: {problems:?}");
        assert_eq!(problems[0].uid, "one");
    }
}

#[test]
fn an_unreadable_override_does_not_hide_its_occurrence() {
    let broken = event("RECURRENCE-ID:20260112T080000Z\nDTSTART:noon");
    let (found, problems) = in_2026(&(mondays("") + &broken));
    assert_eq!((found, problems.len()), (FOUR.map(str::to_owned).to_vec(), 1));
}

#[test]
fn more_occurrences_than_are_listed_is_a_problem() {
    let (found, problems) = in_2026(&event("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY"));
    assert_eq!(found.len(), crate::series::MAX_OCCURRENCES);
    assert_eq!(problems.len(), 1);
}

/// A program writes floating times, but exceptions in UTC. Read as local time, they exclude the first of the three days;
/// read as instants, they would exclude none.
#[test]
fn an_exception_in_utc_of_a_series_without_a_zone_is_on_its_wall() {
    let series = event("DTSTART:20260401T010000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260402T010000Z");
    assert_eq!(fine_in_2026(&series), ["03-31T23:00/04-01T00:00", "04-02T23:00/04-03T00:00"]);
    // An instant that is an occurrence of the series excludes that occurrence.
    let series = series.replace("20260402T010000Z", "20260401T230000Z");
    assert_eq!(fine_in_2026(&series), ["03-31T23:00/04-01T00:00", "04-02T23:00/04-03T00:00"]);
}

#[test]
fn a_period_without_a_zone_is_in_that_of_its_series() {
    let series = event("DTSTART:20260401T180000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20260403T100000/20260403T120000");
    assert_eq!(fine_in_2026(&series), ["04-01T18:00/04-01T19:00", "04-03T10:00/04-03T12:00"]);
}
