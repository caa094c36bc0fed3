//! Zones: changes of the clocks, names, definitions, and the zone of times that name none.

use super::{calendar, event, fine_in_2026, in_2026, window, zone};
use crate::{Zone, Zones, occurrences};

/// The starts, without the ends.
fn starts(found: &[String]) -> Vec<&str> {
    found.iter().filter_map(|one| one.split('/').next()).collect()
}

#[test]
fn a_series_keeps_its_wall_clock_in_both_hemispheres() {
    // Berlin goes forward on 29 March and back on 25 October; Sydney back on 5 April and forward on 4 October.
    let found =
        fine_in_2026(&event("DTSTART;TZID=Europe/Berlin:20260328T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"));
    assert_eq!(starts(&found), ["03-28T08:00", "03-29T07:00", "03-30T07:00"]);
    let found =
        fine_in_2026(&event("DTSTART;TZID=Europe/Berlin:20261024T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"));
    assert_eq!(starts(&found), ["10-24T07:00", "10-25T08:00", "10-26T08:00"]);
    let found =
        fine_in_2026(&event("DTSTART;TZID=Australia/Sydney:20260404T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"));
    assert_eq!(starts(&found), ["04-03T22:00", "04-04T23:00", "04-05T23:00"]);
    let found =
        fine_in_2026(&event("DTSTART;TZID=Australia/Sydney:20261003T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"));
    assert_eq!(starts(&found), ["10-02T23:00", "10-03T22:00", "10-04T22:00"]);
}

#[test]
fn a_time_that_the_clocks_skip_is_read_with_the_offset_before() {
    // 02:30 does not exist on 29 March: with +01:00 it is 01:30Z, which is 03:30 local time.
    let found = fine_in_2026(&event(
        "DTSTART;TZID=Europe/Berlin:20260328T023000\nDTEND;TZID=Europe/Berlin:20260328T030000\nRRULE:FREQ=DAILY;COUNT=3",
    ));
    assert_eq!(found, ["03-28T01:30/03-28T02:00", "03-29T01:30/03-29T02:00", "03-30T00:30/03-30T01:00"]);
}

#[test]
fn a_time_that_occurs_twice_is_the_first() {
    let found = fine_in_2026(&event(
        "DTSTART;TZID=Europe/Berlin:20261024T023000\nDTEND;TZID=Europe/Berlin:20261024T030000\nRRULE:FREQ=DAILY;COUNT=3",
    ));
    assert_eq!(found, ["10-24T00:30/10-24T01:00", "10-25T00:30/10-25T01:00", "10-26T01:30/10-26T02:00"]);
}

#[test]
fn the_occurrence_after_a_skipped_time_is_right_too() {
    // Santiago's clocks skip midnight, so the day of the change begins at one.
    let calendar = calendar(&event("DTSTART;VALUE=DATE:20260905\nRRULE:FREQ=DAILY;COUNT=4"));
    let (found, _) = occurrences(&calendar, zone("America/Santiago"), window("2026-01-01", "2027-01-01"));
    let shown: Vec<_> = found.iter().map(|one| (one.start.to_string(), one.end.to_string())).collect();
    let days = ["2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", "2026-09-08T03:00:00Z"];
    assert_eq!(shown.iter().map(|(start, _)| start.as_str()).collect::<Vec<_>>(), days);
    assert_eq!(shown[0].1, days[1]);
    assert_eq!(shown[1].1, days[2]);
}

#[test]
fn names_in_the_gap_are_one_occurrence() {
    // 02:30 and 03:30 are the same instant on 29 March.
    let found = fine_in_2026(&event(
        "DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY;BYHOUR=2,3;UNTIL=20260329T120000Z",
    ));
    assert_eq!(starts(&found), ["03-28T01:30", "03-28T02:30", "03-29T01:30"]);
    let excluded = fine_in_2026(&event(
        "DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260329T013000Z",
    ));
    assert_eq!(starts(&excluded), ["03-28T01:30"]);
}

#[test]
fn an_end_gives_an_exact_length_and_a_duration_a_nominal_one() {
    // RFC 5545 §3.8.5.3. The night of 28 March has 23 hours.
    let nights = |end: &str| {
        fine_in_2026(&event(&format!("DTSTART;TZID=Europe/Berlin:20260327T220000\n{end}\nRRULE:FREQ=DAILY;COUNT=2")))
    };
    assert_eq!(
        nights("DTEND;TZID=Europe/Berlin:20260328T220000"),
        ["03-27T21:00/03-28T21:00", "03-28T21:00/03-29T21:00"]
    );
    assert_eq!(nights("DURATION:P1D"), ["03-27T21:00/03-28T21:00", "03-28T21:00/03-29T20:00"]);
    assert_eq!(nights("DURATION:PT24H"), ["03-27T21:00/03-28T21:00", "03-28T21:00/03-29T21:00"]);
    assert_eq!(nights("DURATION:P1DT1H"), ["03-27T21:00/03-28T22:00", "03-28T21:00/03-29T21:00"]);
}

#[test]
fn whole_days_are_the_owners() {
    let calendar = calendar(&event("DTSTART;VALUE=DATE:20260329\nDTEND;VALUE=DATE:20260330"));
    for (name, start, end) in [
        ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("America/New_York", "2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z"),
        ("Pacific/Auckland", "2026-03-28T11:00:00Z", "2026-03-29T11:00:00Z"),
    ] {
        let (found, _) = occurrences(&calendar, zone(name), window("2026-01-01", "2027-01-01"));
        assert_eq!((found[0].start.to_string(), found[0].end.to_string()), (start.to_owned(), end.to_owned()));
    }
}

#[test]
fn floating_times_are_the_owners_unless_the_calendar_says_whose() {
    let lines = event("DTSTART:20260705T090000\nDURATION:PT1H");
    assert_eq!(starts(&fine_in_2026(&lines)), ["07-05T07:00"]);
    let stated = format!("X-WR-TIMEZONE:America/New_York\n{lines}");
    assert_eq!(starts(&fine_in_2026(&stated)), ["07-05T13:00"]);
    // What is in UTC stays there, and whole days stay the owner's.
    let utc =
        "X-WR-TIMEZONE:America/New_York\n".to_owned() + &event("DTSTART:20260301T090000Z\nRRULE:FREQ=WEEKLY;COUNT=3");
    assert_eq!(starts(&fine_in_2026(&utc)), ["03-01T09:00", "03-08T09:00", "03-15T09:00"]);
    let days = format!("X-WR-TIMEZONE:America/New_York\n{}", event("DTSTART;VALUE=DATE:20260105"));
    assert_eq!(starts(&fine_in_2026(&days)), ["01-04T23:00"]);
}

#[test]
fn zones_have_many_names() {
    let names = [
        "Europe/Berlin",
        "europe/berlin",
        "\"Europe/Berlin\"",
        "/mozilla.org/20050126_1/Europe/Berlin",
        "/freeassociation.sourceforge.net/Tzfile/Europe/Berlin",
        "/freeassociation.sourceforge.net/Europe/Berlin",
        "W. Europe Standard Time",
        "w. europe standard time",
    ];
    for name in names {
        assert_eq!(
            Zone::named(name).and_then(|zone| zone.name().map(str::to_owned)).as_deref(),
            Some("Europe/Berlin"),
            "{name}"
        );
    }
    assert_eq!(Zone::named("tzone://Microsoft/Utc").unwrap().name(), Some("UTC"));
    for name in ["Etc/Unknown", "tzone://Microsoft/Custom", "Customized Time Zone", "", "/", "//", "Nowhere/Berlin"] {
        assert!(Zone::named(name).is_none(), "{name}");
    }
}

#[test]
fn every_windows_name_has_a_zone() {
    for (windows, iana) in crate::windows::ZONES {
        let zone = Zone::named(&windows.to_uppercase()).unwrap_or_else(|| panic!("{windows}"));
        assert_eq!(zone.name(), Some(if *windows == "UTC" { "UTC" } else { iana }));
    }
}

/// As Exchange writes a zone that its user made: 90 minutes ahead, two hours in summer.
const CUSTOM: &str = "BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0230
TZOFFSETTO:+0130
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0130
TZOFFSETTO:+0230
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
";

#[test]
fn a_zone_that_nobody_knows_is_read_by_its_definition() {
    let found = fine_in_2026(&format!(
        "{CUSTOM}{}",
        event(
            "DTSTART;TZID=Customized Time Zone:20260327T090000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;COUNT=3;BYMONTHDAY=27,30"
        )
    ));
    assert_eq!(starts(&found), ["03-27T07:30", "03-30T06:30", "04-27T06:30"]);
    // Gap and fold are as everywhere.
    let night = |day: &str| {
        starts(&fine_in_2026(&format!("{CUSTOM}{}", event(&format!("DTSTART;TZID=Customized Time Zone:{day}T023000")))))
            [0]
        .to_owned()
    };
    assert_eq!(night("20260329"), "03-29T01:00");
    assert_eq!(night("20261025"), "10-25T00:00");
    let (found, _) = in_2026(&format!("{CUSTOM}{}", event("DTSTART;TZID=Customized Time Zone:20260701T090000")));
    assert_eq!(found, ["07-01T06:30/07-01T06:30"]);
}

#[test]
fn definitions_with_dates_ends_and_single_parts() {
    let zoned = |definition: &str, day: &str| {
        let text = format!(
            "BEGIN:VTIMEZONE\nTZID:Mine\n{definition}END:VTIMEZONE\n{}",
            event(&format!("DTSTART;TZID=Mine:{day}T090000"))
        );
        starts(&fine_in_2026(&text))[0].to_owned()
    };
    let part = |kind: &str, start: &str, from: &str, to: &str, more: &str| {
        format!("BEGIN:{kind}\nDTSTART:{start}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n{more}END:{kind}\n")
    };
    let fixed = part("STANDARD", "19700101T000000", "+0545", "+0545", "");
    assert_eq!(zoned(&fixed, "20260705"), "07-05T03:15");
    let ended = part("STANDARD", "20001029T030000", "+0200", "+0100", "")
        + &part(
            "DAYLIGHT",
            "20000326T020000",
            "+0100",
            "+0200",
            "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3;UNTIL=20240331T010000Z\n",
        )
        + &part("STANDARD", "20001029T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n");
    assert_eq!(zoned(&ended, "20260705"), "07-05T08:00", "daylight time was given up in 2024");
    let listed = part("STANDARD", "20250101T000000", "+0000", "+0100", "RDATE:20260701T000000\n")
        + &part("DAYLIGHT", "20260601T000000", "+0100", "+0300", "");
    assert_eq!(zoned(&listed, "20260615"), "06-15T06:00");
    assert_eq!(zoned(&listed, "20260715"), "07-15T08:00");
}

#[test]
fn a_known_name_wins_over_a_definition_that_says_something_else() {
    let definition = CUSTOM.replace("Customized Time Zone", "Europe/Berlin");
    let found = fine_in_2026(&format!("{definition}{}", event("DTSTART;TZID=Europe/Berlin:20260705T090000")));
    assert_eq!(starts(&found), ["07-05T07:00"]);
    let located = CUSTOM.replace("BEGIN:STANDARD", "X-LIC-LOCATION:America/New_York\nBEGIN:STANDARD");
    let found = fine_in_2026(&format!("{located}{}", event("DTSTART;TZID=Customized Time Zone:20260705T090000")));
    assert_eq!(starts(&found), ["07-05T13:00"]);
}

#[test]
fn what_no_definition_explains_floats_with_a_problem() {
    for definition in [
        String::new(),
        CUSTOM.replace("TZOFFSETFROM", "X-FROM"),
        CUSTOM.replace("16010101", "someday"),
        CUSTOM.replace("FREQ=YEARLY", "FREQ=SECONDLY"),
        CUSTOM.replace("STANDARD", "X-A").replace("DAYLIGHT", "X-B"),
    ] {
        let (found, problems) =
            in_2026(&format!("{definition}{}", event("DTSTART;TZID=Customized Time Zone:20260705T090000")));
        assert_eq!(starts(&found), ["07-05T07:00"]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].what.contains("Customized Time Zone"));
    }
}

#[test]
fn a_custom_zone_has_no_name() {
    let calendar = calendar(CUSTOM);
    let mut zones = Zones::new(&calendar, zone("Europe/Berlin"));
    assert_eq!(zones.get("Customized Time Zone").unwrap().name(), None);
    assert_eq!(zones.get("Romance Standard Time").unwrap().name(), Some("Europe/Paris"));
}
