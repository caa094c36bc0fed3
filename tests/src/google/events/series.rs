//! The occurrences of a series, by the engine that the providers use (RFC 5545).
//!
//! The rule is expanded as if nothing were changed; exceptions are events of their own, known by the id that the
//! original start gives them. The engine is proved elsewhere, against other people's: see `tests/it/occurrences`.

use jiff::{Span, Timestamp, ToSpan};
use serde_json::Value;

use chronus_sdk::icalendar::recur::Rule;
use chronus_sdk::icalendar::{Moment, Window, Zone, occurrences, parse};

use super::times::When;
use crate::google::errors::{ApiResult, Refusal};
use crate::google::state::{Body, text, zone};

/// One occurrence of a series, as the series says it.
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    pub(crate) id: String,
    pub(crate) body: Body,
}

/// Where a query without an end stops looking: a series may have none.
pub(crate) fn horizon(now: Timestamp) -> Timestamp {
    let two_years: Span = (2 * 366 * 24).hours();
    now.checked_add(two_years).unwrap_or(Timestamp::MAX)
}

/// Whether an event is a series.
pub(crate) fn is_series(body: &Body) -> bool {
    body.get("recurrence").and_then(Value::as_array).is_some_and(|lines| !lines.is_empty())
}

/// Refuses lines that are no rule, or not one for this.
pub(crate) fn check(lines: &[Value]) -> ApiResult<()> {
    for line in lines {
        let line = line.as_str().unwrap_or_default();
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.split(';').next().unwrap_or(name);
        let is_right = match name {
            "RRULE" | "EXRULE" => Rule::parse(value).is_ok(),
            "RDATE" | "EXDATE" => !value.is_empty(),
            _ => false,
        };
        if !is_right {
            return Err(Refusal::invalid("Invalid recurrence rule."));
        }
    }
    Ok(())
}

/// The occurrences of a series that take place between two instants, in order.
pub(crate) fn between(series: &Body, calendar_zone: &str, from: Timestamp, to: Timestamp) -> Vec<Occurrence> {
    let Some(text) = as_calendar(series, calendar_zone) else { return Vec::new() };
    let Ok((calendar, _)) = parse(text.as_bytes()) else { return Vec::new() };
    let owner = Zone::iana(calendar_zone).unwrap_or_else(Zone::utc);
    let (found, _) = occurrences(&calendar, owner, Window { start: from, end: to });
    found.into_iter().filter_map(|one| placed(series, calendar_zone, &one)).collect()
}

/// The occurrence with this id, if the series has it.
pub(crate) fn of_id(series: &Body, calendar_zone: &str, id: &str) -> Option<Occurrence> {
    let suffix = id.strip_prefix(text(series, "id"))?.strip_prefix('_')?;
    let start = When::read(series.get("start"), "start", calendar_zone, false).ok()?.of_suffix(suffix)?;
    let at = start.instant(&zone(calendar_zone)?);
    let (from, to) = (at.checked_sub(1.second()).ok()?, at.checked_add(1.second()).ok()?);
    between(series, calendar_zone, from, to).into_iter().find(|one| one.id == id)
}

fn placed(series: &Body, calendar_zone: &str, one: &chronus_sdk::icalendar::Occurrence<'_>) -> Option<Occurrence> {
    let read = |which: &str| When::read(series.get(which), which, calendar_zone, false).ok();
    let zone_of = |when: When| if let When::At { zone, .. } = when { zone } else { String::new() };
    let (start, end) = match one.days {
        Some((first, after)) => (When::Day(first), When::Day(after)),
        None => (
            When::At { instant: one.start, zone: zone_of(read("start")?) },
            When::At { instant: one.end, zone: zone_of(read("end")?) },
        ),
    };
    let original = match (one.original?, &start) {
        (Moment::Date(day), _) => When::Day(day),
        (Moment::Timed(instant), When::At { zone, .. }) => When::At { instant, zone: zone.clone() },
        (Moment::Timed(_), When::Day(_)) => return None,
    };
    let id = format!("{}_{}", text(series, "id"), original.suffix());
    let mut body = series.clone();
    body.remove("recurrence");
    body.insert("id".into(), id.clone().into());
    body.insert("recurringEventId".into(), text(series, "id").into());
    body.insert("originalStartTime".into(), original.kept());
    body.insert("start".into(), start.kept());
    body.insert("end".into(), end.kept());
    Some(Occurrence { id, body })
}

/// The series as iCalendar data with one VEVENT.
fn as_calendar(series: &Body, calendar_zone: &str) -> Option<String> {
    let line = |name: &str, which: &str| {
        Some(match When::read(series.get(which), which, calendar_zone, false).ok()? {
            When::Day(day) => format!("{name};VALUE=DATE:{}\r\n", day.strftime("%Y%m%d")),
            When::At { instant, zone: zone_name } => {
                let wall = zone(&zone_name)?.to_datetime(instant).strftime("%Y%m%dT%H%M%S").to_string();
                format!("{name};TZID={zone_name}:{wall}\r\n")
            }
        })
    };
    let rules = series.get("recurrence")?.as_array()?.iter().filter_map(Value::as_str);
    let rules: String = rules.map(|rule| format!("{rule}\r\n")).collect();
    let times = format!("{}{}", line("DTSTART", "start")?, line("DTEND", "end")?);
    Some(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\n{times}{rules}END:VEVENT\r\nEND:VCALENDAR\r\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::{between, check, of_id};
    use serde_json::json;

    #[test]
    fn a_series_keeps_its_wall_time_and_names_its_occurrences() {
        let series = json!({
            "id": "choir",
            "start": { "dateTime": "2026-10-18T09:00:00+02:00", "timeZone": "Europe/Rome" },
            "end": { "dateTime": "2026-10-18T10:30:00+02:00", "timeZone": "Europe/Rome" },
            "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=Europe/Rome:20261101T090000"],
        });
        let series = series.as_object().unwrap();
        let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
        let found: Vec<_> = between(series, "UTC", from, to);
        let ids: Vec<_> = found.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["choir_20261018T070000Z", "choir_20261025T080000Z"]);
        assert_eq!(found[1].body["start"]["dateTime"], "2026-10-25T09:00:00+01:00");
        assert_eq!(found[1].body["end"]["dateTime"], "2026-10-25T10:30:00+01:00");
        assert!(of_id(series, "UTC", "choir_20261025T080000Z").is_some());
        assert!(of_id(series, "UTC", "choir_20261101T080000Z").is_none());
    }

    #[test]
    fn lines_that_are_no_rules_are_refused() {
        assert!(check(&[json!("RRULE:FREQ=DAILY"), json!("EXDATE:20261101T080000Z")]).is_ok());
        for line in ["FREQ=DAILY", "RRULE:FREQ=OFTEN", "DTSTART:20261101T080000Z", "RDATE:"] {
            assert!(check(&[json!(line)]).is_err(), "{line}");
        }
    }
}
