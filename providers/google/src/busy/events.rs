//! Busy times from events.
//!
//! Google expands series itself, with all exceptions and in the zone of each event, so the answers hold occurrences. Google
//! finds whole days in the calendar's zone, and the contract means the owner's zone. So the request covers the window and a
//! margin as large as two zones can be apart, and the result is cut. Of the attendees only the owner's entry is requested: this
//! call does not need other people's addresses, and a meeting of hundreds stays small.

use chronus_sdk::failure::{failure, invalid};
use chronus_sdk::icalendar::Zone;
use chronus_sdk::json::Value;
use chronus_sdk::values::{BusyKind, BusyTimes, Connection, Failure, Interval, Problem, Remedy, Rsvp, Window};

use super::Outcome;
use crate::times::{self, Instants};
use crate::{api, people, record};

/// Events of one page. Google allows 2500, and some events are long.
const PAGE: &str = "1000";

/// The most pages of one calendar and window. With more, the host must use a shorter window.
const MOST_PAGES: usize = 30;

/// An outcome for each calendar. After `slow-down` or `reconnect` the remaining calendars are not requested.
///
/// # Errors
/// If the connection's time zone is unknown.
pub(super) fn ask(connection: &Connection, ids: &[String], window: Window) -> Result<Vec<Outcome>, Failure> {
    let zone = Zone::iana(&connection.zone)
        .ok_or_else(|| invalid("connection.zone", format!("{:?} is not an IANA time zone", connection.zone)))?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(ids.len());
    let mut stopped: Option<Failure> = None;
    for id in ids {
        let outcome = match &stopped {
            Some(failure) => Err(failure.clone()),
            None => of_calendar(connection, &zone, id, window),
        };
        if let Err(failure) = &outcome
            && matches!(failure.remedy, Remedy::SlowDown(_) | Remedy::Reconnect)
        {
            stopped = Some(failure.clone());
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn of_calendar(connection: &Connection, zone: &Zone, id: &str, window: Window) -> Outcome {
    let mut times = BusyTimes { intervals: Vec::new(), problems: Vec::new() };
    let (from, to) = times::around(window)?;
    let events = api::events(id)?
        .with("singleEvents", "true")
        .with("timeMin", &from)
        .with("timeMax", &to)
        .with("maxResults", PAGE)
        .with("maxAttendees", "1");
    let mut page: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let answer = api::get(&events.clone().with_some("pageToken", page.as_deref()))?;
        for item in api::list(&answer, "items")? {
            match interval(item, connection, zone, window) {
                Ok(interval) => times.intervals.extend(interval),
                Err(what) => {
                    let id = record::id(item).ok_or_else(|| api::nonsense("an event in it has no id"))?.to_owned();
                    times.problems.push(Problem { id, what, span: None });
                }
            }
        }
        match answer["nextPageToken"].as_str() {
            None => return Ok(times),
            Some(next) if page.as_deref() == Some(next) => return Err(api::nonsense("its pages have no end")),
            Some(next) => page = Some(next.to_owned()),
        }
    }
    let half = u64::try_from((window.end - window.start) / 2).unwrap_or(0).max(1);
    Err(failure(Remedy::WindowTooLarge(half), "", "the window holds more events than are read in one call"))
}

/// The time that an event takes within the window, if it takes any of the owner's.
fn interval(item: &Value, connection: &Connection, zone: &Zone, window: Window) -> Result<Option<Interval>, String> {
    let answer = people::own_answer(item, connection);
    if record::is_cancelled(item) || answer == Some(Rsvp::Declined) {
        return Ok(None);
    }
    let Instants { start, end, all_day } = times::instants(&times::span(item)?, zone)?;
    let (start, end) = (start.max(window.start), end.min(window.end));
    let kind = match record::kind(item) {
        // Google lists organisers among the attendees; they need not answer.
        BusyKind::Busy if answer == Some(Rsvp::NeedsAction) && item["organizer"]["self"] != true => {
            BusyKind::Unanswered
        }
        BusyKind::Busy if answer == Some(Rsvp::Tentative) || item["status"] == "tentative" => BusyKind::Tentative,
        kind => kind,
    };
    let client_key = record::client_key(item).map(str::to_owned);
    let uid = item["iCalUID"].as_str().map(str::to_owned);
    // What takes no time takes nobody's time.
    Ok((start < end).then_some(Interval { start, end, kind, all_day, client_key, uid }))
}
