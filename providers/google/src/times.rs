//! Conversion between Google's `start` and `end` and the contract's span.
//!
//! Google writes an instant with an offset and with the zone in which people see it; a whole day is a date. This module writes
//! the zone because Google refuses a series without one, and the offset because it alone distinguishes the two equal hours when
//! clocks go back.

use chronus_sdk::failure::invalid;
use chronus_sdk::icalendar::Zone;
use chronus_sdk::json::{Value, json};
use chronus_sdk::rfc3339;
use chronus_sdk::values::{Date, DaySpan, Failure, Moment, Span, TimedSpan, Window, ZonedTime};
use jiff::Timestamp;
use jiff::civil;

/// A little more than the longest time between the same midnight in two zones, in seconds: Google searches in the calendar's
/// zone, and the contract means the owner's.
const APART: i64 = 27 * 3600;

/// The times to ask Google for, so that the answer holds everything in a window, in whichever zone days are meant.
///
/// # Errors
/// `invalid`, if the window is not within the years that can be written.
pub(crate) fn around(window: Window) -> Result<(String, String), Failure> {
    let from = rfc3339::write(window.start.saturating_sub(APART));
    let to = rfc3339::write(window.end.saturating_add(APART));
    from.zip(to).ok_or_else(|| invalid("window", "the window is not within the years 0 to 9999"))
}

/// The span of an event.
///
/// # Errors
/// If it cannot be read; the text says why.
pub(crate) fn span(item: &Value) -> Result<Span, String> {
    match (moment(&item["start"])?, moment(&item["end"])?) {
        (Moment::Timed(start), Moment::Timed(end)) if start.at <= end.at => {
            // The end is in the zone of the start unless it has its own.
            let end =
                if item["end"]["timeZone"].is_null() { ZonedTime { zone: start.zone.clone(), ..end } } else { end };
            Ok(Span::Timed(TimedSpan { start, end }))
        }
        (Moment::AllDay(start), Moment::AllDay(end)) if key(start) < key(end) => {
            Ok(Span::AllDay(DaySpan { start, end }))
        }
        (Moment::Timed(_), Moment::Timed(_)) | (Moment::AllDay(_), Moment::AllDay(_)) => {
            Err("its end is before its start".to_owned())
        }
        _ => Err("only one of its start and its end is a whole day".to_owned()),
    }
}

fn key(date: Date) -> (i32, u8, u8) {
    (date.year, date.month, date.day)
}

/// One of Google's `EventDateTime`s.
///
/// # Errors
/// If it cannot be read; the text says why.
pub(crate) fn moment(value: &Value) -> Result<Moment, String> {
    if let Some(text) = value["date"].as_str() {
        let day: civil::Date = text.parse().map_err(|_| "it has an invalid date".to_owned())?;
        return Ok(Moment::AllDay(of_civil(day)));
    }
    let text = value["dateTime"].as_str().ok_or("it has no start, or no end")?;
    let at = rfc3339::parse(text).ok_or("it has an invalid time")?;
    // Google knows zones that others do not (`GMT-07:00`); the instant is right in any.
    let zone = value["timeZone"].as_str().and_then(Zone::named).and_then(|zone| zone.name().map(str::to_owned));
    Ok(Moment::Timed(ZonedTime { at, zone: zone.unwrap_or_else(|| "UTC".to_owned()) }))
}

/// A start as it stands in the id of an occurrence: `20270503T080000Z`, or `20270503` for a whole day.
pub(crate) fn compact(start: &Moment) -> Option<String> {
    let text = match start {
        Moment::Timed(start) => rfc3339::write(start.at)?,
        Moment::AllDay(day) => to_civil(*day)?.to_string(),
    };
    Some(text.replace(['-', ':'], ""))
}

/// The day of a start; of an instant, the day in this zone.
pub(crate) fn day_of(start: &Moment, zone: &Zone) -> Option<civil::Date> {
    match start {
        Moment::Timed(start) => Some(zone.local(Timestamp::from_second(start.at).ok()?).date()),
        Moment::AllDay(day) => to_civil(*day),
    }
}

/// When an event is over. A whole day ends at midnight in UTC.
pub(crate) fn end_in_utc(span: &Span) -> Option<i64> {
    Some(instants(span, &Zone::utc()).ok()?.end)
}

/// The instants of an event, in seconds.
pub(crate) struct Instants {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Whether the event takes whole days.
    pub(crate) all_day: bool,
}

/// The instants of a span. Whole days go from midnight to midnight in this zone.
pub(crate) fn instants(span: &Span, zone: &Zone) -> Result<Instants, String> {
    match span {
        Span::Timed(span) => Ok(Instants { start: span.start.at, end: span.end.at, all_day: false }),
        Span::AllDay(span) => {
            let midnight = |date: Date| {
                let midnight = to_civil(date)?.at(0, 0, 0, 0);
                zone.instant(midnight).map(Timestamp::as_second)
            };
            let both = midnight(span.start).zip(midnight(span.end));
            both.map(|(start, end)| Instants { start, end, all_day: true })
                .ok_or_else(|| "its days are no days".to_owned())
        }
    }
}

/// `start` and `end` as Google wants them. With what is there already, the form that is not wanted any more is taken
/// away: a patch merges objects, and one with a date and a time is refused.
///
/// # Errors
/// `invalid` if a zone is not known, a date does not exist, or the end is not where it must be.
pub(crate) fn write(span: &Span, present: Option<&Value>) -> Result<(Value, Value), Failure> {
    let (mut start, mut end) = match span {
        Span::Timed(span) if span.end.at < span.start.at => {
            return Err(invalid("when", "the event's end is before its start"));
        }
        Span::Timed(span) => (timed(&span.start)?, timed(&span.end)?),
        Span::AllDay(span) if key(span.end) <= key(span.start) => {
            return Err(invalid("when", "the event's last day is before its first"));
        }
        Span::AllDay(span) => (day(span.start)?, day(span.end)?),
    };
    for (name, written) in [("start", &mut start), ("end", &mut end)] {
        let Some(before) = present.map(|present| &present[name]) else { continue };
        for form in ["date", "dateTime", "timeZone"] {
            if !before[form].is_null() && written[form].is_null() {
                written[form] = Value::Null;
            }
        }
    }
    Ok((start, end))
}

fn timed(timed: &ZonedTime) -> Result<Value, Failure> {
    let zone = Zone::iana(&timed.zone)
        .ok_or_else(|| invalid("when.zone", format!("{:?} is no IANA time zone", timed.zone)))?;
    let at = Timestamp::from_second(timed.at).ok().filter(|_| rfc3339::write(timed.at).is_some());
    let at = at.ok_or_else(|| invalid("when.at", format!("{} is not in the years 0 to 9999", timed.at)))?;
    Ok(json!({ "dateTime": with_offset(at, &zone), "timeZone": timed.zone }))
}

/// In the zone's own time. Before clocks had whole minutes, and where the local year cannot be written, in UTC.
fn with_offset(at: Timestamp, zone: &Zone) -> String {
    let offset = zone.rules().to_offset(at).seconds();
    let local = zone.local(at);
    if offset % 60 != 0 || !(0..=9999).contains(&local.year()) {
        return at.to_string();
    }
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn day(date: Date) -> Result<Value, Failure> {
    let written = to_civil(date).filter(|day| (1..=9999).contains(&day.year()));
    let written = written.ok_or_else(|| {
        invalid("when.date", format!("{}-{}-{} is no date of the years 1 to 9999", date.year, date.month, date.day))
    })?;
    Ok(json!({ "date": written.to_string() }))
}

pub(crate) fn to_civil(date: Date) -> Option<civil::Date> {
    let parts = (i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    civil::Date::new(parts.0, parts.1, parts.2).ok()
}

pub(crate) fn of_civil(date: civil::Date) -> Date {
    let part = |value: i8| u8::try_from(value).unwrap_or(1);
    Date { year: i32::from(date.year()), month: part(date.month()), day: part(date.day()) }
}

/// The day after one.
pub(crate) fn tomorrow(date: Date) -> Date {
    to_civil(date).and_then(|date| date.tomorrow().ok()).map_or(date, of_civil)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_zone(at: i64, zone: &str) -> ZonedTime {
        ZonedTime { at, zone: zone.into() }
    }

    #[test]
    fn an_instant_is_written_with_its_offset_and_its_zone() {
        for (at, zone, text) in [
            (1_772_438_400, "Europe/Rome", "2026-03-02T09:00:00+01:00"),
            (1_772_438_400, "America/New_York", "2026-03-02T03:00:00-05:00"),
            (1_772_438_400, "Asia/Kolkata", "2026-03-02T13:30:00+05:30"),
            (1_772_438_400, "UTC", "2026-03-02T08:00:00+00:00"),
            // The two half past twos of the night in which the clocks go back.
            (1_792_888_200, "Europe/Rome", "2026-10-25T02:30:00+02:00"),
            (1_792_891_800, "Europe/Rome", "2026-10-25T02:30:00+01:00"),
            // Before there were whole minutes.
            (-3_000_000_000, "Europe/Rome", "1874-12-07T18:40:00Z"),
        ] {
            let written = timed(&in_zone(at, zone)).expect("a time");
            assert_eq!(written, json!({ "dateTime": text, "timeZone": zone }));
            assert_eq!(moment(&written), Ok(Moment::Timed(in_zone(at, zone))));
        }
    }

    #[test]
    fn zones_that_nobody_else_knows_leave_the_instant() {
        let read = |zone: &str| moment(&json!({ "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": zone }));
        let known = |zone: &str| Ok(Moment::Timed(in_zone(1_772_438_400, zone)));
        assert_eq!(read("GMT+01:00"), known("UTC"));
        assert_eq!(read("europe/rome"), known("Europe/Rome"));
    }

    #[test]
    fn the_end_is_in_the_zone_of_the_start() {
        let item = json!({
            "start": { "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Rome" },
            "end": { "dateTime": "2026-03-02T10:00:00+01:00" },
        });
        let Ok(Span::Timed(span)) = span(&item) else { panic!("a span") };
        assert_eq!(span.end, in_zone(1_772_442_000, "Europe/Rome"));
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (start, end) in [
            (json!({ "date": "2026-03-02" }), json!({ "date": "2026-03-02" })),
            (json!({ "date": "2026-03-02" }), json!({ "dateTime": "2026-03-03T00:00:00Z" })),
            (json!({ "dateTime": "2026-03-02T09:00:00Z" }), json!({ "dateTime": "2026-03-02T08:00:00Z" })),
            (json!({ "dateTime": "2026-03-02T09:00:00" }), json!({ "dateTime": "2026-03-02T10:00:00Z" })),
            (json!({}), json!(null)),
            (json!({ "date": "2026-02-30" }), json!({ "date": "2026-03-02" })),
        ] {
            let item = json!({ "start": start, "end": end });
            assert!(span(&item).is_err(), "{item}");
        }
    }

    #[test]
    fn a_day_that_becomes_a_time_loses_its_date() {
        let day = DaySpan { start: Date { year: 2026, month: 3, day: 2 }, end: Date { year: 2026, month: 3, day: 3 } };
        let (start, end) = write(&Span::AllDay(day), None).expect("days");
        assert_eq!((&start, &end), (&json!({ "date": "2026-03-02" }), &json!({ "date": "2026-03-03" })));
        let hour = Span::Timed(TimedSpan { start: in_zone(0, "UTC"), end: in_zone(3600, "UTC") });
        let (timed, _) = write(&hour, Some(&json!({ "start": start, "end": end }))).expect("times");
        assert_eq!(timed, json!({ "dateTime": "1970-01-01T00:00:00+00:00", "timeZone": "UTC", "date": null }));
        let (back, _) = write(&Span::AllDay(day), Some(&json!({ "start": timed, "end": timed }))).expect("days");
        assert_eq!(back, json!({ "date": "2026-03-02", "dateTime": null, "timeZone": null }));
    }

    #[test]
    fn days_are_the_owners() {
        let day =
            DaySpan { start: Date { year: 2026, month: 3, day: 29 }, end: Date { year: 2026, month: 3, day: 30 } };
        let rome = Zone::iana("Europe/Rome").expect("a zone");
        let Instants { start, end, all_day } = instants(&Span::AllDay(day), &rome).expect("instants");
        assert_eq!((end - start, all_day), (23 * 3600, true));
    }

    proptest::proptest! {
        #[test]
        fn every_instant_comes_back(at in -62_135_500_000_i64..253_402_200_000, zone in 0_usize..4) {
            let zone = ["Europe/Rome", "America/New_York", "Pacific/Apia", "UTC"][zone];
            let written = timed(&in_zone(at, zone)).expect("a time");
            proptest::prop_assert_eq!(moment(&written), Ok(Moment::Timed(in_zone(at, zone))));
        }
    }
}
