//! Written VTIMEZONEs: they mean the same as jiff's zones, in the form that Outlook needs.

use jiff::SignedDuration;
use jiff::tz::TimeZoneDatabase;

use super::{at, calendar, event, zone};
use crate::observance;
use crate::vtimezone::{define_zones, vtimezone};
use crate::{Component, Zone};

fn written(component: &Component) -> Vec<String> {
    component.write().lines().map(str::to_owned).collect()
}

#[test]
fn the_usual_zones_have_two_simple_rules() {
    assert_eq!(
        written(&vtimezone(&zone("Europe/Berlin"), 2026, 2027).unwrap()),
        [
            "BEGIN:VTIMEZONE",
            "TZID:Europe/Berlin",
            "X-LIC-LOCATION:Europe/Berlin",
            "BEGIN:DAYLIGHT",
            "DTSTART:20250330T020000",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0200",
            "TZNAME:CEST",
            "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
            "END:DAYLIGHT",
            "BEGIN:STANDARD",
            "DTSTART:20251026T030000",
            "TZOFFSETFROM:+0200",
            "TZOFFSETTO:+0100",
            "TZNAME:CET",
            "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
            "END:STANDARD",
            "END:VTIMEZONE"
        ]
    );
    let new_york = written(&vtimezone(&zone("America/New_York"), 2026, 2026).unwrap());
    let rules: Vec<_> = new_york.iter().filter(|line| line.starts_with("RRULE")).collect();
    assert_eq!(rules, ["RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"]);
    let tokyo = written(&vtimezone(&zone("Asia/Tokyo"), 2026, 2030).unwrap());
    assert!(tokyo.contains(&"TZOFFSETTO:+0900".to_owned()), "{tokyo:?}");
    assert!(vtimezone(&Zone::utc(), 2026, 2026).is_none());
}

#[test]
fn a_rule_that_was_given_up_has_an_end() {
    // Mexico gave up daylight time in 2022; its last change was on 30 October.
    let lines = written(&vtimezone(&zone("America/Mexico_City"), 2020, 2030).unwrap());
    let rules: Vec<_> = lines.iter().filter(|line| line.starts_with("RRULE")).collect();
    assert_eq!(
        rules,
        [
            "RRULE:FREQ=YEARLY;UNTIL=20220404T080000Z;BYDAY=1SU;BYMONTH=4",
            "RRULE:FREQ=YEARLY;UNTIL=20221031T070000Z;BYDAY=-1SU;BYMONTH=10"
        ]
    );
}

#[test]
fn every_zone_says_the_same_as_its_definition() {
    let mut zones = 0;
    for name in TimeZoneDatabase::bundled().available() {
        let Some(zone) = Zone::iana(name.as_str()) else { continue };
        for (first, last) in [(1970, 1995), (2015, 2040)] {
            let Some(definition) = vtimezone(&zone, first, last) else { continue };
            let rules = observance::rules(&definition).unwrap_or_else(|| panic!("{name}: {}", definition.write()));
            // Every seventh hour and a bit, so that each time of day and each change is met.
            let (mut now, end) = (at(&format!("{first}-01-01T00:00:00Z")), at(&format!("{last}-12-31T00:00:00Z")));
            let step = SignedDuration::from_mins(60 * 24 * 3 + 95);
            while now < end {
                assert_eq!(
                    rules.to_offset(now),
                    zone.rules().to_offset(now),
                    "{name} at {now}: {}",
                    definition.write()
                );
                now = now.checked_add(step).unwrap();
            }
            for change in zone.rules().following(at(&format!("{first}-01-01T00:00:00Z"))) {
                if change.timestamp() >= end {
                    break;
                }
                for offset in [-1, 0] {
                    let near = change.timestamp().checked_add(SignedDuration::from_secs(offset)).unwrap();
                    assert_eq!(rules.to_offset(near), zone.rules().to_offset(near), "{name} at {near}");
                }
            }
            zones += 1;
        }
    }
    assert!(zones > 1000, "{zones}");
}

#[test]
fn every_zone_that_a_calendar_uses_is_defined_once() {
    let mut calendar = calendar(&format!(
        "BEGIN:VTIMEZONE\nTZID:Asia/Tokyo\nEND:VTIMEZONE\n{}{}",
        event(
            "DTSTART;TZID=Europe/Berlin:20260705T090000\nDTEND;TZID=Asia/Tokyo:20260705T180000\nEXDATE;TZID=Romance Standard Time:20200101T000000"
        ),
        event(
            "DTSTART;TZID=Europe/Berlin:20270705T090000\nDTEND;TZID=Nowhere/City:20270705T100000\nX-A;TZID=Unused/Zone:1"
        ),
    ));
    let problems = define_zones(&mut calendar);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let zones: Vec<_> = calendar.inner("VTIMEZONE").filter_map(|zone| zone.text("TZID")).collect();
    assert_eq!(zones, ["Europe/Berlin", "Romance Standard Time", "Asia/Tokyo"]);
    assert_eq!(calendar.components[0].name, "VTIMEZONE");
    let before = calendar.clone();
    define_zones(&mut calendar);
    assert_eq!(calendar, before, "a second time adds nothing");
}
