//! Values of time, as they should be and as they are.

use jiff::civil::date;

use crate::Property;
use crate::value::{
    BadValue, DateOrTime, Duration, PeriodEnd, date_or_time, list, parse_duration, parse_utc_offset, write_duration,
    write_utc_offset,
};

fn read(property: &Property) -> Result<DateOrTime<'_>, BadValue> {
    date_or_time(property)
}

#[test]
fn the_forms_of_rfc_5545() {
    let day = date(1997, 7, 14);
    let plain = |value: &str| Property::new("DTSTART", value);
    assert_eq!(read(&plain("19970714").with("VALUE", "DATE")), Ok(DateOrTime::Date(day)));
    assert_eq!(read(&plain("19970714T133000")), Ok(DateOrTime::Floating(day.at(13, 30, 0, 0))));
    assert_eq!(read(&plain("19970714T173000Z")), Ok(DateOrTime::Utc(day.at(17, 30, 0, 0))));
    let zoned = plain("19970714T133000").with("TZID", "America/New_York");
    assert_eq!(read(&zoned), Ok(DateOrTime::Local(day.at(13, 30, 0, 0), "America/New_York")));
}

#[test]
fn deviations_are_read_as_what_they_can_only_mean() {
    let day = date(1997, 7, 14);
    let floating = [
        "19970714t133000",
        " 19970714T133000 ",
        "1997-07-14T13:30:00",
        "1997-07-14 13:30:00",
        "19970714T1330",
        "19970714T133000.000",
    ];
    for text in floating {
        assert_eq!(read(&Property::new("DTSTART", text)), Ok(DateOrTime::Floating(day.at(13, 30, 0, 0))), "{text}");
    }
    let plain = |value: &str| Property::new("DTSTART", value);
    assert_eq!(read(&plain("19970714")), Ok(DateOrTime::Date(day)), "VALUE=DATE is missing");
    assert_eq!(read(&plain("19970714T000000").with("VALUE", "DATE")), Ok(DateOrTime::Date(day)));
    assert_eq!(
        read(&plain("19970714T000000Z").with("TZID", "Europe/Rome")),
        Ok(DateOrTime::Utc(day.at(0, 0, 0, 0))),
        "an instant is an instant"
    );
    assert_eq!(read(&plain("19970714T235960")), Ok(DateOrTime::Floating(day.at(23, 59, 59, 0))));
    assert_eq!(read(&plain("19970714T240000")), Ok(DateOrTime::Floating(date(1997, 7, 15).at(0, 0, 0, 0))));
}

#[test]
fn what_has_no_meaning_is_an_error() {
    let bad = [
        "",
        "T",
        "1997",
        "19970732",
        "19971301",
        "00000101",
        "19970714T",
        "19970714T250000",
        "19970714T136000",
        "19970714T133061",
        "1997071é",
        "١٩٩٧٠٧١٤",
        "19970714T133000ZZ",
        "-19970714",
        "99991231T240000x",
    ];
    for text in bad {
        assert!(read(&Property::new("DTSTART", text)).is_err(), "{text}");
    }
}

#[test]
fn durations() {
    let duration = |days, seconds| Ok(Duration { days, seconds });
    assert_eq!(parse_duration("P15DT5H0M20S"), duration(15, 5 * 3600 + 20));
    assert_eq!(parse_duration("P7W"), duration(49, 0));
    assert_eq!(parse_duration("-PT15M"), duration(0, -900));
    assert_eq!(parse_duration("+p1d"), duration(1, 0));
    assert_eq!(parse_duration("P1DT"), duration(1, 0));
    for bad in ["", "P", "PT", "P1H", "PT1D", "1D", "PT1", "P-1D", "P99999999999999999999D", "P9999999D", "P1DTT1H"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
    for duration in [(0, 0), (3, 0), (0, 7), (-2, -5), (1, 86_399)] {
        let duration = Duration { days: duration.0, seconds: duration.1 };
        assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
    }
}

#[test]
fn utc_offsets() {
    for (text, seconds) in [("+0100", 3600), ("-0500", -18_000), ("+013015", 5415), ("+05:30", 19_800), ("-0000", 0)] {
        assert_eq!(parse_utc_offset(text), Ok(seconds));
    }
    for bad in ["", "+", "+1", "+2400", "+0160", "0100Z", "+010000000"] {
        assert!(parse_utc_offset(bad).is_err(), "{bad}");
    }
    assert_eq!(write_utc_offset(-18_000), "-0500");
    assert_eq!(write_utc_offset(5415), "+013015");
}

#[test]
fn lists_with_dates_times_and_periods() {
    let property =
        Property::new("RDATE", "19960403T020000Z/19960403T040000Z,,19960404T010000Z/PT3H,19960405T010000Z,x");
    let read: Vec<_> = list(&property).collect();
    let utc = |day, hour| DateOrTime::Utc(date(1996, 4, day).at(hour, 0, 0, 0));
    let ends: Vec<_> = read.iter().flatten().map(|listed| (listed.start, listed.end)).collect();
    assert_eq!(
        ends,
        [
            (utc(3, 2), Some(PeriodEnd::At(utc(3, 4)))),
            (utc(4, 1), Some(PeriodEnd::After(Duration { days: 0, seconds: 10_800 }))),
            (utc(5, 1), None),
        ]
    );
    assert_eq!(read.len(), 4);
    assert!(read[3].is_err());
}
