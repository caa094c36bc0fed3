//! The time that events may take if they cannot be read completely.
//!
//! A caller that knows this need not take all time for taken. The bounds are generous where a value has several meanings, and
//! there are none where any value is missing that could lead further: too much is harmless, too little would make time free.
//! Rejected: bounds of one problem. What one part of a series lacks may be said in another.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::Window;
use crate::recur::Rule;
use crate::value::{self, DateOrTime, Duration, PeriodEnd};
use crate::{Component, Zone, Zones};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// More than the difference of any two zones, and than any change of the clocks.
const MARGIN: SignedDuration = SignedDuration::from_secs(super::changes::MARGIN);

/// The longest COUNT that is counted.
const MAX_COUNT: u32 = 1000;

/// The time within which all events of a calendar take place. `None` if it is unknown, or there are no events.
pub fn bounds(calendar: &Component, owner: Zone) -> Option<Window> {
    let mut zones = Zones::new(calendar, owner);
    let mut all: Option<Window> = None;
    for event in calendar.inner("VEVENT") {
        let one = of_event(event, &mut zones)?;
        all = Some(all.map_or(one, |all| cover(all, one)));
    }
    // A window that can be asked for is not empty.
    let Window { start, end } = all?;
    Some(Window { start, end: end.max(start.checked_add(SignedDuration::from_secs(1)).ok()?) })
}

fn of_event(event: &Component, zones: &mut Zones<'_>) -> Option<Window> {
    if event.property("RECURRENCE-ID").is_some_and(|id| id.parameter("RANGE").is_some()) {
        return None;
    }
    let first = value::date_or_time(event.property("DTSTART")?).ok()?;
    let start = of_value(first, zones)?;
    let mut own = start;
    if first.is_date() {
        own.end = own.end.checked_add(DAY).ok()?;
    }
    if let Some(end) = event.property("DTEND") {
        let end = value::date_or_time(end).ok()?;
        own = cover(own, of_value(end, zones)?);
        // One without a zone is in the zone of the other.
        if has_zone(first) != has_zone(end) {
            own = widened(own)?;
        }
    }
    if let Some(duration) = event.property("DURATION") {
        own = cover(own, after(start, value::parse_duration(&duration.value).ok()?)?);
    }
    let length = own.start.duration_until(own.end);
    let mut all = own;
    for rule in event.all("RRULE").filter(|rule| !rule.value.trim().is_empty()) {
        let last = last(&rule.value, first.wall())?;
        all = cover(all, widened(Window { start: own.start, end: last.max(own.start).checked_add(length).ok()? })?);
    }
    for property in event.all("RDATE") {
        for listed in value::list(property) {
            let value::ListedDate { start, end } = listed.ok()?;
            let start = of_value(start, zones)?;
            let end = match end {
                None => Window { start: start.start, end: start.end.checked_add(length).ok()? },
                Some(PeriodEnd::After(duration)) => after(start, duration)?,
                Some(PeriodEnd::At(end)) => of_value(end, zones)?,
            };
            all = cover(all, widened(cover(start, end))?);
        }
    }
    Some(all)
}

/// The local time after which a rule gives none, as if it were in UTC: by its UNTIL, even if the rest of the rule cannot be read, or by its COUNT.
fn last(rule: &str, start: DateTime) -> Option<Timestamp> {
    let parts = rule.split(';').filter_map(|part| part.split_once('='));
    let mut ends = parts.filter(|(name, _)| name.trim().eq_ignore_ascii_case("UNTIL")).map(|(_, value)| {
        let end = value::parse_wall(value.trim()).ok()?;
        let time = end.time.map_or(jiff::civil::Time::MAX, |(time, _)| time);
        Zone::utc().instant(end.date.to_datetime(time))
    });
    if let Some(end) = ends.next() {
        return ends.try_fold(end?, |last, end| Some(last.max(end?)));
    }
    let rule = Rule::parse(rule).ok().filter(|rule| rule.count.is_some_and(|count| count <= MAX_COUNT))?;
    let mut starts = rule.starts(start, start, DateTime::MAX, false);
    let last = starts.by_ref().last().unwrap_or(start);
    if starts.gave_up() {
        return None;
    }
    Zone::utc().instant(last)
}

fn has_zone(value: DateOrTime<'_>) -> bool {
    matches!(value, DateOrTime::Utc(_) | DateOrTime::Local(..))
}

/// An instant in each zone that a value may be meant in.
fn of_value(value: DateOrTime<'_>, zones: &mut Zones<'_>) -> Option<Window> {
    let zone = match value {
        DateOrTime::Date(_) => Some(zones.owner().clone()),
        DateOrTime::Floating(_) => Some(zones.floating().clone()),
        DateOrTime::Utc(_) => Some(Zone::utc()),
        DateOrTime::Local(_, tzid) => zones.get(tzid),
    };
    match zone {
        Some(zone) => zone.instant(value.wall()).map(|at| Window { start: at, end: at }),
        None => Zone::utc().instant(value.wall()).and_then(|at| widened(Window { start: at, end: at })),
    }
}

/// From a start to as long after it; days are taken for days of any length.
fn after(start: Window, Duration { days, seconds }: Duration) -> Option<Window> {
    let exact = SignedDuration::from_secs(days.checked_mul(86_400)?.checked_add(seconds)?);
    let end = Window { start: start.start.checked_add(exact).ok()?, end: start.end.checked_add(exact).ok()? };
    Some(cover(start, if days == 0 { end } else { widened(end)? }))
}

fn widened(Window { start, end }: Window) -> Option<Window> {
    Some(Window { start: start.checked_sub(MARGIN).ok()?, end: end.checked_add(MARGIN).ok()? })
}

fn cover(one: Window, other: Window) -> Window {
    Window { start: one.start.min(other.start), end: one.end.max(other.end) }
}
