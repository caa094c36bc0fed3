//! `freebusy.query`: when calendars are busy, and nothing else about them.
//!
//! What cannot be answered for one calendar is an error of that calendar within an answer of status 200 (R3).

use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

use super::call::{Answer, Call};
use super::errors::{ApiResult, Refusal};
use super::events::{self, series, times};
use super::methods::Caller;
use super::state::{Body, Calendar, State, text, zone};

/// The most calendars of one query (documented), which a request may lower.
const MOST_CALENDARS: u64 = 50;

/// The most members of a group (documented).
const MOST_MEMBERS: u64 = 100;

/// The longest time that is looked at, in days. It is not documented; about this much is what others have seen.
const LONGEST: i64 = 90;

/// When some calendars are busy.
pub(super) fn query(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let request = call.object()?;
    let (from, to) = (time(&request, "timeMin")?, time(&request, "timeMax")?);
    if to <= from {
        return Err(Refusal::bad_request("timeRangeEmpty", "The specified time range is empty."));
    }
    if to > from.checked_add((LONGEST * 24).hours()).unwrap_or(Timestamp::MAX) {
        return Err(Refusal::bad_request("timeRangeTooLong", "The requested time range is too long."));
    }
    let name = request.get("timeZone").and_then(Value::as_str).unwrap_or("UTC");
    let shown = zone(name).ok_or_else(|| Refusal::invalid("Invalid time zone."))?;
    let most = expansion(&request, "calendarExpansionMax", MOST_CALENDARS)?;
    expansion(&request, "groupExpansionMax", MOST_MEMBERS)?;
    let items = request.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut calendars = Map::new();
    for (number, item) in (1..).zip(&items) {
        let Some(id) = item.get("id").and_then(Value::as_str) else {
            return Err(Refusal::required("Missing calendar id."));
        };
        let answer = match state.calendar(&caller.user, id) {
            _ if number > most => failed("tooManyCalendarsRequested"),
            Ok((calendar, _)) => {
                let periods = busy(calendar, from, to).into_iter().map(|(start, end)| {
                    json!({ "start": times::written(start, &shown), "end": times::written(end, &shown) })
                });
                json!({ "busy": periods.collect::<Vec<_>>() })
            }
            Err(_) => failed("notFound"),
        };
        let broken = state.faults.calendar(id);
        calendars.insert(id.to_owned(), broken.map_or(answer, failed));
    }
    Ok(Answer::ok(json!({
        "kind": "calendar#freeBusy",
        "timeMin": times::stamp(from),
        "timeMax": times::stamp(to),
        "calendars": calendars,
    })))
}

fn failed(reason: &str) -> Value {
    json!({ "errors": [{ "domain": "global", "reason": reason }], "busy": [] })
}

fn time(request: &Body, name: &str) -> ApiResult<Timestamp> {
    let text = request.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| Refusal::required(format!("Missing {name}.")))?;
    text.parse().map_err(|_| Refusal::invalid(format!("Invalid {name}: it needs an offset.")))
}

fn expansion(request: &Body, name: &str, most: u64) -> ApiResult<u64> {
    match request.get(name).map(Value::as_u64) {
        None => Ok(most),
        Some(Some(number)) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(Refusal::invalid(format!("Invalid {name}: it is from 1 to {most}."))),
    }
}

/// The times at which a calendar is busy, clipped to the window, in order, apart from each other.
fn busy(calendar: &Calendar, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut found = Vec::new();
    for stored in calendar.events.values().filter(|stored| !stored.is_cancelled()) {
        if series::is_series(&stored.body) {
            let all = series::between(&stored.body, &calendar.zone, from, to);
            let plain = all.into_iter().filter(|one| !calendar.events.contains_key(&one.id));
            found.extend(plain.map(|one| one.body).filter(|body| takes_time(calendar, body)));
        } else if takes_time(calendar, &stored.body) && !is_orphan(calendar, &stored.body) {
            found.push(stored.body.clone());
        }
    }
    let spans = found.iter().filter_map(|body| events::check::span(calendar, body));
    let mut spans: Vec<_> =
        spans.map(|(start, end)| (start.max(from), end.min(to))).filter(|(start, end)| start < end).collect();
    spans.sort_unstable();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Whether the calendar's owner is busy with it: what they have declined is no longer theirs.
fn takes_time(calendar: &Calendar, body: &Body) -> bool {
    let attendees = body.get("attendees").and_then(Value::as_array).into_iter().flatten();
    let mut own = attendees.filter(|attendee| attendee["email"] == calendar.id.as_str());
    text(body, "transparency") != "transparent" && own.all(|attendee| attendee["responseStatus"] != "declined")
}

/// Whether an exception's series was deleted.
fn is_orphan(calendar: &Calendar, body: &Body) -> bool {
    calendar.events.get(text(body, "recurringEventId")).is_some_and(super::state::StoredEvent::is_cancelled)
}
