//! Starts that a series excludes by EXDATE.
//!
//! Google records an occurrence that was deleted as an event of its own. Other programs exclude a start in the lines of the
//! series, and Google knows no occurrence there.

use chronus_sdk::icalendar::Zone;
use chronus_sdk::icalendar::value::{self, DateOrTime, ListedDate};
use chronus_sdk::json::Value;
use chronus_sdk::values::Moment;

use crate::shift::property;
use crate::times;

/// Whether the lines of a series exclude a start.
pub(crate) fn excludes(series: &Value, start: &Moment) -> bool {
    let zone = series["start"]["timeZone"].as_str().and_then(Zone::named).unwrap_or_else(Zone::utc);
    let lines = series["recurrence"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.filter_map(property).filter(|line| line.name == "EXDATE").any(|line| {
        value::list(&line)
            .any(|listed| matches!(listed, Ok(ListedDate { start: other, .. }) if is_at(other, start, &zone)))
    })
}

fn is_at(listed: DateOrTime<'_>, start: &Moment, zone: &Zone) -> bool {
    let instant = match listed {
        DateOrTime::Date(day) => return times::day_of(start, zone) == Some(day),
        DateOrTime::Utc(at) => Zone::utc().instant(at),
        DateOrTime::Floating(at) => zone.instant(at),
        DateOrTime::Local(at, name) => Zone::named(name).and_then(|zone| zone.instant(at)),
    };
    matches!(start, Moment::Timed(start) if instant.is_some_and(|instant| instant.as_second() == start.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::json::json;
    use chronus_sdk::values::{Date, ZonedTime};

    #[test]
    fn every_notation_of_a_start_excludes_it() {
        let start = Moment::Timed(ZonedTime { at: 1_772_438_400, zone: "Europe/Rome".into() });
        let series = |line: &str| {
            json!({ "start": { "dateTime": "2026-02-23T09:00:00+01:00", "timeZone": "Europe/Rome" },
            "recurrence": ["RRULE:FREQ=WEEKLY", line] })
        };
        for line in [
            "EXDATE:20260302T080000Z",
            "EXDATE:20260302T090000",
            "EXDATE;TZID=Europe/Rome:20260309T090000,20260302T090000",
            "exdate;tzid=\"America/New_York\":20260302T030000",
            "EXDATE;VALUE=DATE:20260302",
        ] {
            assert!(excludes(&series(line), &start), "{line}");
        }
        for line in
            ["EXDATE:20260302T090000Z", "RDATE:20260302T080000Z", "EXDATE:nonsense", "EXDATE;VALUE=DATE:20260303"]
        {
            assert!(!excludes(&series(line), &start), "{line}");
        }
        let day = Moment::AllDay(Date { year: 2026, month: 3, day: 2 });
        let days = json!({ "start": { "date": "2026-02-23" }, "recurrence": ["EXDATE;VALUE=DATE:20260302"] });
        assert!(excludes(&days, &day));
    }
}
