//! When the owner is busy.

use chronus_sdk::failure::{invalid, temporary, unsupported};
use chronus_sdk::icalendar::event::{self, Answer, Status, When};
use chronus_sdk::icalendar::{self, Component, Occurrence, Zone, Zones};
use chronus_sdk::types::*;
use jiff::Timestamp;

use crate::service::{self, StoredEvent};
use crate::{now, record, wrong};

pub(crate) fn busy(c: &Connection, whose: &Whose, window: Window) -> Result<BusyAnswers, Failure> {
    if window.end <= window.start && !wrong("backwards-is-free") {
        return Err(invalid("window", "its end is not after its start"));
    }
    let Whose::Calendars(ids) = whose else { return Err(unsupported("the store tells of nobody else")) };
    let mut ids = ids.clone();
    if ids.is_empty() && wrong("nothing-is-invalid") {
        return Err(invalid("whose", "nobody is asked for"));
    }
    if wrong("answers-in-its-own-order") {
        ids.sort();
    }
    let mut calendars = Vec::new();
    for calendar in ids {
        let mut outcome = of_calendar(c, &calendar, window);
        if wrong("drops-unknown-calendars") && outcome.is_err() {
            continue;
        }
        if wrong("failure-is-free") && outcome.is_err() {
            outcome = Ok(BusyTimes { intervals: vec![], problems: vec![] });
        }
        calendars.push(BusyAnswer { calendar, outcome });
    }
    Ok(BusyAnswers { calendars, memo: None })
}

fn of_calendar(c: &Connection, calendar: &str, window: Window) -> Result<BusyTimes, Failure> {
    let mut times = BusyTimes { intervals: vec![], problems: vec![] };
    for stored in service::list(calendar)? {
        match record::parse(&stored) {
            Ok(parsed) => of_event(c, parsed, window, &mut times),
            Err(failure) if wrong("one-bad-event-is-all") => return Err(temporary(failure.detail)),
            Err(failure) => times.problems.push(Problem { id: id(&stored), what: failure.detail }),
        }
    }
    if wrong("always-free") {
        times.intervals.clear();
    }
    if !wrong("unsorted") {
        times.intervals.sort_by_key(|interval| (interval.start, interval.end));
    }
    Ok(times)
}

fn id(stored: &StoredEvent) -> String {
    if wrong("bad-events-are-nameless") { String::new() } else { stored.id.clone() }
}

fn of_event(c: &Connection, mut calendar: Component, window: Window, times: &mut BusyTimes) {
    distort(&mut calendar);
    // Wider than the window by an instant: one of the planted errors concerns the edges.
    let at = |second: i64| Timestamp::from_second(second).unwrap_or_default();
    let wide = icalendar::Window { start: at(window.start - 1), end: at(window.end + 1) };
    let owner = if wrong("all-day-in-utc") { Zone::utc() } else { record::owner_zone(c) };
    let (occurrences, _) = icalendar::occurrences(&calendar, owner, wide);
    times.intervals.extend(occurrences.iter().filter_map(|occurrence| interval(c, occurrence, window)));
}

/// Planted errors about series.
fn distort(calendar: &mut Component) {
    let zones = calendar.clone();
    let Ok(vevent) = record::only(calendar) else { return };
    if wrong("exceptions-ignored") {
        vevent.remove("EXDATE");
    }
    if wrong("the-first-is-all") {
        vevent.remove("RRULE");
        vevent.remove("RDATE");
    }
    if wrong("fixed-offset") {
        let (fields, _) = event::read(vevent, &mut Zones::new(&zones, Zone::utc()));
        if let Some(When::Timed { start, end, .. }) = fields.when {
            event::set_when(vevent, &When::Timed { start, start_zone: Zone::utc(), end, end_zone: Zone::utc() });
        }
    }
}

fn interval(c: &Connection, occurrence: &Occurrence<'_>, window: Window) -> Option<Interval> {
    let vevent = occurrence.event;
    let owner = c.address.as_deref().unwrap_or_default();
    let declined = event::answer(vevent, &[owner]) == Some(Answer::Declined) && !wrong("declined-is-busy");
    let cancelled = event::status(vevent) == Status::Cancelled && !wrong("cancelled-is-busy");
    let unknown = wrong("knows-no-future") && occurrence.start > now();
    if declined || cancelled || unknown {
        return None;
    }
    let (mut start, mut end) = (occurrence.start.as_second(), occurrence.end.as_second());
    if wrong("nothing-takes-a-minute") {
        end = end.max(start + 60);
    }
    let touches = (end == window.start || start == window.end) && wrong("edges-count");
    let inside = start < window.end && end > window.start;
    if inside && !wrong("not-clipped") {
        (start, end) = (start.max(window.start), end.min(window.end));
    }
    let kind = record::kind(event::busy(vevent));
    ((inside || touches) && start < end).then(|| Interval {
        start,
        end,
        kind: if wrong("free-is-busy") { BusyKind::Busy } else { kind },
        all_day: occurrence.all_day(),
        ours: None,
    })
}
