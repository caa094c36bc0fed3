//! The time that events may take which cannot be read completely.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::laws::{line_like, series};
use super::zone;
use crate::{Window, bounds, occurrences, parse};

/// The bounds of a calendar with these lines in one event; `END:VEVENT` may begin another.
fn of(lines: &str) -> Option<(String, String)> {
    let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
    let (calendar, _) = parse(text.as_bytes()).unwrap();
    bounds(&calendar, zone("Europe/Rome")).map(|Window { start, end }| (start.to_string(), end.to_string()))
}

#[test]
fn what_is_known_is_a_bound() {
    for (lines, start, end) in [
        ("DTSTART:20260302T100000Z\nDTEND:20260302T080000Z", "2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z"),
        ("DTSTART:20260302T100000Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:01Z"),
        ("DTSTART:20260302T100000Z\nDURATION:PT1H\nRECURRENCE-ID:x", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"),
        // Midnight in Rome.
        ("DTSTART:20260302\nRECURRENCE-ID:x", "2026-03-01T23:00:00Z", "2026-03-02T23:00:00Z"),
        // Two days more for the zone.
        ("DTSTART;TZID=Moon:20260302T100000\nDURATION:PT1H", "2026-02-28T10:00:00Z", "2026-03-04T11:00:00Z"),
        (
            "DTSTART:20260302T100000Z\nDURATION:PT1H\nRRULE:FREQ=LUNAR;UNTIL=20260330T100000Z",
            "2026-02-28T10:00:00Z",
            "2026-04-01T11:00:00Z",
        ),
        (
            "DTSTART:20260302T100000Z\nDURATION:PT1H\nRDATE:20260301T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXRULE:x",
            "2026-02-27T10:00:00Z",
            "2026-03-06T11:00:00Z",
        ),
    ] {
        assert_eq!(of(lines), Some((start.to_owned(), end.to_owned())), "{lines}");
    }
}

#[test]
fn what_may_lead_anywhere_has_no_bounds() {
    for lines in [
        "",
        "DTSTART:soon\nDTEND:20260302T110000Z",
        "DTSTART:20260302T100000Z\nDTEND:later",
        "DTSTART:20260302T100000Z\nDURATION:long",
        "DTSTART:20260302T100000Z\nRRULE:FREQ=DAILY",
        "DTSTART:20260302T100000Z\nRRULE:FREQ=LUNAR;COUNT=3",
        "DTSTART:20260302T100000Z\nRRULE:FREQ=DAILY;UNTIL=20260330;UNTIL=later",
        "DTSTART:20260302T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=DAILY",
        "DTSTART:20260302T100000Z\nRDATE:20260301T100000Z,soon",
        "DTSTART:20260302T100000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:u\nRECURRENCE-ID:20260302T100000Z\nDTSTART:soon",
        "DTSTART:20260302T100000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260302T100000Z",
    ] {
        assert_eq!(of(lines), None, "{lines}");
    }
}

fn are_within(text: &str) {
    let Ok((calendar, _)) = parse(text.as_bytes()) else { return };
    let Some(known) = bounds(&calendar, zone("Europe/Rome")) else { return };
    let all = Window { start: Timestamp::MIN, end: "2300-01-01T00:00:00Z".parse().unwrap() };
    for one in occurrences(&calendar, zone("Europe/Rome"), all).0.iter().take(1000) {
        assert!(known.start <= one.start && one.end <= known.end, "{one:?} is not within {known:?}: {text}");
    }
}

proptest! {
    /// What can be read is within the bounds.
    #[test]
    fn every_occurrence_is_within_the_bounds(text in series()) {
        are_within(&text);
    }

    #[test]
    fn every_occurrence_of_anything_is_within_the_bounds(
        lines in vec(line_like(), 0..5),
        start in "DTSTART(;TZID=(Europe/Berlin|Mine))?:20[0-9]{2}0[1-9][01][1-9](T[01][0-9][0-5][0-9][0-5][0-9]Z?)?",
    ) {
        let lines = lines.join("\n");
        are_within(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n{start}\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"));
    }
}
