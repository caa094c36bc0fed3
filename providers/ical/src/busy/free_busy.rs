//! Busy times from the server's free/busy: free-busy-query (RFC 4791 §7.10), answered by a VFREEBUSY (RFC 5545 §3.6.4).
//!
//! It says that a time is taken and not by what, so there are no keys and no whole days.

use chronus_sdk::failure::unsupported;
use chronus_sdk::http::{self, Url};
use chronus_sdk::icalendar::value::{self, DateOrTime, Duration, ListedDate, PeriodEnd};
use chronus_sdk::icalendar::{self, Property, Zone};
use chronus_sdk::values::{BusyKind, BusyTimes, Interval, Problem, Window};

use crate::dav::{self, Trouble, requests};

/// The busy times of one calendar, unsorted.
pub(super) fn ask(calendar: &Url, window: Window) -> Result<BusyTimes, Trouble> {
    // Unlike a search for events, this request must have both ends.
    if [window.start, window.end].iter().any(|second| i32::try_from(*second).is_err()) {
        let detail = "servers with 32-bit times cannot answer for a window before 1901 or after 2038";
        return Err(unsupported(detail).into());
    }
    let response = http::send(&requests::free_busy(calendar, window))?;
    if response.status != 200 {
        return Err(dav::unexpected(&response));
    }
    let (answer, mut problems) =
        icalendar::parse(&response.body).map_err(|error| dav::nonsense(&response, &error.to_string()))?;
    let parts: Vec<_> = answer.inner("VFREEBUSY").collect();
    if parts.is_empty() {
        return Err(dav::nonsense(&response, "it has no VFREEBUSY"));
    }
    let mut intervals = Vec::new();
    for property in parts.into_iter().flat_map(|part| part.all("FREEBUSY")) {
        let kind = kind(property);
        for listed in value::list(property) {
            match listed.ok().and_then(|listed| period(&listed)) {
                Some((start, end)) => intervals.extend(cut(start, end, window, kind)),
                // The time that it means is unknown, so no time is known to be free.
                None => return Err(dav::nonsense(&response, "it has a period that cannot be read")),
            }
        }
    }
    let problem = |what| Problem { id: calendar.path().to_owned(), what, span: None };
    let problems = problems.drain(..).map(|each| problem(each.what)).collect();
    Ok(BusyTimes { intervals, problems })
}

/// FBTYPE (RFC 5545 §3.2.9). An unknown type is busy.
fn kind(property: &Property) -> BusyKind {
    match property.parameter("FBTYPE").map(str::to_ascii_uppercase).as_deref() {
        Some("FREE") => BusyKind::Free,
        Some("BUSY-TENTATIVE") => BusyKind::Tentative,
        // Exchange and its followers use it for out of office.
        Some("BUSY-UNAVAILABLE") => BusyKind::OutOfOffice,
        _ => BusyKind::Busy,
    }
}

/// In seconds since 1970. All times are in UTC, whether they say so or not.
fn period(listed: &ListedDate<'_>) -> Option<(i64, i64)> {
    let at = |value: DateOrTime<'_>| Some(Zone::utc().instant(value.wall())?.as_second());
    let start = at(listed.start)?;
    let end = match listed.end? {
        PeriodEnd::At(end) => at(end)?,
        PeriodEnd::After(Duration { days, seconds }) => start.checked_add(days * 86_400 + seconds)?,
    };
    Some((start, end))
}

fn cut(start: i64, end: i64, window: Window, kind: BusyKind) -> Option<Interval> {
    let (start, end) = (start.max(window.start), end.min(window.end));
    (start < end).then_some(Interval { start, end, kind, all_day: false, client_key: None, uid: None })
}
